-- +goose Up

CREATE TABLE bearer_revocations (
	entry bytea NOT NULL PRIMARY KEY CHECK (length(entry) = 32), -- a SHA-256 of the kind, the issuer and the id
	before bigint NOT NULL, -- of a subject: seconds since 1970
	until bigint NOT NULL -- in seconds since 1970
);
CREATE INDEX bearer_revocations_until ON bearer_revocations (until);

CREATE TABLE bearer_refresh_families (
	id bytea NOT NULL PRIMARY KEY CHECK (length(id) = 32), -- a SHA-256
	data bytea NOT NULL,
	created bigint NOT NULL, -- this and the instants below in milliseconds since 1970
	expires bigint NOT NULL,
	idle bigint NOT NULL,
	generation bigint NOT NULL,
	rotated bigint NOT NULL,
	revoked boolean NOT NULL
);
CREATE INDEX bearer_refresh_families_expires ON bearer_refresh_families (expires);
