-- +goose Up

-- For operators, in seconds since 1970; NULL: not since version 2.
ALTER TABLE bearer_accounts ADD COLUMN created_at INTEGER;
ALTER TABLE bearer_accounts ADD COLUMN updated_at INTEGER;
