-- +goose Up

CREATE TABLE bearer_revocations (
	entry BLOB NOT NULL PRIMARY KEY CHECK (length(entry) = 32), -- a SHA-256 of the kind, the issuer and the id
	before INTEGER NOT NULL, -- of a subject: seconds since 1970
	until INTEGER NOT NULL -- in seconds since 1970
) STRICT, WITHOUT ROWID;
CREATE INDEX bearer_revocations_until ON bearer_revocations (until);

CREATE TABLE bearer_refresh_families (
	id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 32), -- a SHA-256
	data BLOB NOT NULL,
	created INTEGER NOT NULL, -- this and the instants below in milliseconds since 1970
	expires INTEGER NOT NULL,
	idle INTEGER NOT NULL,
	generation INTEGER NOT NULL,
	rotated INTEGER NOT NULL,
	revoked INTEGER NOT NULL CHECK (revoked IN (0, 1))
) STRICT, WITHOUT ROWID;
CREATE INDEX bearer_refresh_families_expires ON bearer_refresh_families (expires);
