package accounts

import "context"

// A Store is where an [Authenticator] finds accounts. It is called concurrently,
// with contexts that expire. bearertest.AccountStore tests an [AdminStore].
type Store interface {
	// Lookup returns the account whose Login is login, to the byte, disabled or
	// not. The error wraps ErrNotFound where there is none; any other means that
	// the store could not tell, and the login is answered with 503.
	Lookup(ctx context.Context, login string) (*Record, error)
	// UpgradeHash sets the password hash of the account with this id to to, if it
	// is still from: a password that was changed meanwhile stays changed, without
	// an error.
	UpgradeHash(ctx context.Context, id, from, to string) error
}

// An AdminStore is a Store that an [Admin] can write to.
type AdminStore interface {
	Store
	// Create adds an account. The error wraps ErrExists where its Login or its ID
	// is taken.
	Create(ctx context.Context, r *Record) error
	// Update lets change alter the account whose Login is login, all of it but ID
	// and Login, as one transaction: no other write comes between. Where change
	// fails, or alters one of the two, nothing is written and an error returned,
	// change's own; ErrNotFound as in Lookup. change must not call the store.
	Update(ctx context.Context, login string, change func(*Record) error) error
	// List returns up to limit accounts whose Login comes after after, in the
	// order of Login's bytes.
	List(ctx context.Context, after string, limit int) ([]*Record, error)
}
