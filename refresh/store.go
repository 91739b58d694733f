// Package refresh keeps the state behind refresh tokens (RFC 6749 section 6): one
// family of tokens for each login, of which only the newest is good.
//
// A refresh token says which family it belongs to and its generation in it, and
// package bearer authenticates both before it asks a [Store]. So a store holds no
// token and no hash of one, only a hash of the family's handle, and its state does
// not grow with the number of uses.
package refresh

import (
	"context"
	"errors"
	"time"
)

// A Family is the refresh tokens of one login.
type Family struct {
	ID      [32]byte // SHA-256 of the handle in the tokens
	Created time.Time
	Data    []byte    // what package bearer needs to know of the login; opaque to the store
	Expires time.Time // no token of the family is good from here on
	Idle    time.Time // nor from here on, unless one is used before
}

// A Use is a token that is presented.
type Use struct {
	ID         [32]byte
	Generation uint32    // 0 for a login's first token
	Now        time.Time // in whole milliseconds
	Grace      time.Duration
	Idle       time.Time // the family's new limit if this use rotates it
}

// An Outcome is what came of a Use. As an error it is the cause of a refusal.
type Outcome string

const (
	Rotated  Outcome = "rotated"  // the newest token: the next generation is good from now on, and this one is not
	Replayed Outcome = "replayed" // the one before, within the grace: its successor may be told again
	Reused   Outcome = "reused"   // an older one, or after the grace: two parties have it, and the family is revoked
	Revoked  Outcome = "revoked"
	Expired  Outcome = "expired"
	Unknown  Outcome = "unknown" // no such family, or a generation that it has not reached
)

func (o Outcome) Error() string { return "refresh: the token is " + string(o) }

// ErrNotFound is the error of Lookup for a family that the store does not have.
var ErrNotFound = errors.New("refresh: no such family")

// A Store keeps families. It is called concurrently, by several processes at
// once where they share it. Any other error than ErrNotFound means that the store
// could not tell. bearertest.RefreshStore tests one.
type Store interface {
	// Create adds a family whose newest token is generation 0. Its ID is random
	// and never taken.
	Create(ctx context.Context, f Family) error
	// Lookup returns a family, whatever its state. The error wraps ErrNotFound
	// where there is none, or none any more.
	Lookup(ctx context.Context, id [32]byte) (Family, error)
	// Use presents a token, as one atomic step. The first that is true decides:
	// without the family Unknown; if it is revoked Revoked; at or after Expires or
	// Idle Expired; for the newest generation Rotated; for the one before, at most
	// Grace after its rotation or before it by another clock, Replayed; for an
	// older one Reused, which revokes the family; else Unknown. Only Rotated and
	// Reused change anything. A family may be forgotten once it has expired.
	Use(ctx context.Context, u Use) (Outcome, error)
	// Revoke ends a family. One that does not exist is no error.
	Revoke(ctx context.Context, id [32]byte) error
}
