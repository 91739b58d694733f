package bearer

import (
	"context"
	"errors"
	"fmt"
)

// The causes of a refusal, found with errors.Is. A *Refusal wraps one of them,
// unless the service itself is at fault (500), beside what a Source, a store, a
// guard or Validate returned.
var (
	ErrMissing     = errors.New("bearer: no bearer token")                      // no Authorization header, or another scheme
	ErrRequest     = errors.New("bearer: malformed Authorization header")       // 400: RFC 6750 section 3.1, invalid_request
	ErrMalformed   = errors.New("bearer: malformed token")                      // not one canonical compact JWS, or over the limit
	ErrExpired     = errors.New("bearer: token expired")                        // RFC 7519 section 4.1.4
	ErrNotYetValid = errors.New("bearer: token not yet valid")                  // nbf or iat lies ahead: RFC 7519 sections 4.1.5 and 4.1.6
	ErrIssuer      = errors.New("bearer: token of another issuer")              // RFC 7519 section 4.1.1
	ErrAudience    = errors.New("bearer: token for another audience")           // RFC 7519 section 4.1.3
	ErrSignature   = errors.New("bearer: invalid signature")                    // no candidate key verifies it
	ErrUnknownKey  = errors.New("bearer: no key for the token")                 // none of the trust's keys has its algorithm and key id
	ErrTokenType   = errors.New("bearer: token of another type")                // RFC 8725 section 3.11
	ErrRevoked     = errors.New("bearer: token revoked")                        //
	ErrClaims      = errors.New("bearer: invalid claims")                       // not strict JSON, a wrong type, or what C's Validate says
	ErrForbidden   = errors.New("bearer: the token does not permit this")       // 403: a guard said no
	ErrUnavailable = errors.New("bearer: keys or revocations are out of reach") // 503: the token was neither accepted nor found wrong
)

var (
	// errGone is an admission that its own client gave up. It is answered as an
	// outage, to nobody, and is not counted as one.
	errGone = fmt.Errorf("bearer: the client went away: %w", context.Canceled)
	// errFault stands for whatever no row of the answers names: 500.
	errFault = errors.New("bearer: the service is at fault")
)

// An OptionError is one mistake in a configuration. The constructors return
// all of them at once, joined with errors.Join.
type OptionError struct {
	Option string // the option or argument, as it is written in Go
	Reason string // what is wrong with it and what to use instead
}

func (e *OptionError) Error() string { return "bearer: " + e.Option + ": " + e.Reason }
