-- +goose Up

-- For operators; NULL: not since version 2.
ALTER TABLE bearer_accounts ADD COLUMN created_at timestamptz, ADD COLUMN updated_at timestamptz;
