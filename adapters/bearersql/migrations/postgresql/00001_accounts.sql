-- +goose Up

-- Programs that migrate one database at the same time cannot both apply a version.
CREATE UNIQUE INDEX bearer_migrations_version ON bearer_migrations (version_id);

CREATE TABLE bearer_accounts (
	login text COLLATE "C" NOT NULL PRIMARY KEY CHECK (login <> ''),
	id text COLLATE "C" NOT NULL UNIQUE CHECK (id <> ''),
	user_name text NOT NULL,
	name text NOT NULL,
	email text NOT NULL,
	website text NOT NULL,
	dns text NOT NULL,
	locale text NOT NULL,
	culture text NOT NULL,
	time_zone text NOT NULL, -- the IANA name; empty: UTC
	roles text NOT NULL, -- a JSON array of strings
	scopes text NOT NULL, -- a JSON array of strings
	profile text, -- JSON; NULL: none
	password_hash text NOT NULL,
	private_token bytea NOT NULL CHECK (length(private_token) = 32), -- a SHA-256
	disabled boolean NOT NULL
);
