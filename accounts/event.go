package accounts

import (
	"context"
	"net/netip"
	"time"

	"github.com/gobearer/bearer/internal/throttle"
)

// The outcomes of a login. Each login has one; HashUpgraded and UpgradeFailed
// come in an event of their own, after Granted.
const (
	Granted           = "granted"
	UnknownUser       = "unknown_user"
	WrongPassword     = "wrong_password"
	WrongPrivateToken = "wrong_private_token" // with the right password
	AccountDisabled   = "account_disabled"    // with the right password and private token
	PasswordTooLong   = "password_too_long"   // over 1024 bytes
	UnusableHash      = "unusable_hash"       // the stored hash is malformed, or of a scheme that WithSchemes does not name
	ThrottledAccount  = throttle.ByAccount
	ThrottledNetwork  = throttle.ByNetwork
	Busy              = "busy"            // no place in the queue for hashing
	Abandoned         = "abandoned"       // the client went away
	StoreFailed       = "store_failed"    // nobody can log in
	ThrottleFailed    = "throttle_failed" // nobody can log in; a success that could not be noted is Granted, with Err
	HashUpgraded      = "hash_upgraded"
	UpgradeFailed     = "upgrade_failed" // the login was granted, the old hash stays
)

// An Event is the outcome of a login, for logs, metrics and alerts. It never
// holds a user name or a secret.
type Event struct {
	Outcome  string        // Granted and so on
	Account  string        // the account's id; empty where it was not looked up or does not exist
	Network  netip.Prefix  // the caller's IPv6 /64 or IPv4 address
	Known    bool          // as the Verdict says
	Err      error         // what the store or the throttle returned, or what was wrong with it
	Waited   time.Duration // in the queue for hashing
	Duration time.Duration // of the whole login
}

// An observer is called in the login's goroutine.
type observer func(context.Context, Event)

func (o observer) observe(ctx context.Context, e Event) {
	if o != nil {
		o(ctx, e)
	}
}
