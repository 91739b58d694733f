-- +goose Up

-- Programs that migrate one file at the same time cannot both apply a version.
CREATE UNIQUE INDEX bearer_migrations_version ON bearer_migrations (version_id);

CREATE TABLE bearer_accounts (
	login TEXT NOT NULL PRIMARY KEY CHECK (login <> ''),
	id TEXT NOT NULL UNIQUE CHECK (id <> ''),
	user_name TEXT NOT NULL,
	name TEXT NOT NULL,
	email TEXT NOT NULL,
	website TEXT NOT NULL,
	dns TEXT NOT NULL,
	locale TEXT NOT NULL,
	culture TEXT NOT NULL,
	time_zone TEXT NOT NULL, -- the IANA name; empty: UTC
	roles TEXT NOT NULL, -- a JSON array of strings
	scopes TEXT NOT NULL, -- a JSON array of strings
	profile TEXT, -- JSON; NULL: none
	password_hash TEXT NOT NULL,
	private_token BLOB NOT NULL CHECK (length(private_token) = 32), -- a SHA-256
	disabled INTEGER NOT NULL CHECK (disabled IN (0, 1))
) STRICT;
