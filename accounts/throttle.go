package accounts

import (
	"context"
	"net/netip"
	"time"
)

// An Attempt is what a [Throttle] counts logins by.
type Attempt struct {
	Account [16]byte     // a digest of the user name, whether or not an account has it
	Network netip.Prefix // the caller's IPv6 /64 or IPv4 address; the zero Prefix for all callers without one
}

// A Verdict is a Throttle's answer to an Attempt.
type Verdict struct {
	Known bool          // this account was logged in to from this network in the last 30 days
	Wait  time.Duration // until another attempt has a chance; zero: this one is admitted
	By    string        // ThrottledAccount or ThrottledNetwork where it is not
}

// A Throttle decides which logins are tried. It is called concurrently; any
// error of Admit refuses the login with 503.
type Throttle interface {
	// Admit counts an attempt as a failed one, in advance, so that attempts at the
	// same time cannot pass together. One that it does not admit is not counted.
	Admit(ctx context.Context, a Attempt) (Verdict, error)
	// Succeed takes back what this network's failed attempts on this account have
	// counted, and no other's, and remembers the two as known. v is what Admit
	// returned.
	Succeed(ctx context.Context, a Attempt, v Verdict) error
	// Refund takes back one attempt that was admitted and then tried no password.
	Refund(ctx context.Context, a Attempt, v Verdict) error
}

// network returns what callers are told apart by: an IPv6 customer commands a
// /64 at least, and all of its addresses.
func network(addr netip.Addr) netip.Prefix {
	addr = addr.Unmap().WithZone("")
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	p, err := addr.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}
