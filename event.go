package bearer

import (
	"context"
	"time"

	"github.com/gobearer/bearer/keys"
)

// What an Event reports.
const (
	EventVerified       = "verified"        // a token was verified and, by Admit, every guard passed
	EventRefused        = "refused"         // a request or a token was refused
	EventIssued         = "issued"          // a token was issued
	EventLoginRefused   = "login_refused"   // well-formed credentials got no token
	EventRefreshRefused = "refresh_refused" // a refresh token got no token; its Cause is refresh.Reused where a session was stolen
	EventRevoked        = "revoked"         // tokens were taken back, or, with a Cause, could not be
	EventCallerRefused  = "caller_refused"  // a caller of revocation or introspection was not authenticated
	EventUnchecked      = "unchecked"       // a token was admitted although nobody knows whether it was revoked: DangerouslyAdmitUnchecked
)

// An Event says what happened, for logs, metrics and alerts. It never holds a
// token, a password, a private token or a value from an unverified token.
type Event struct {
	Kind      string         // EventVerified and so on
	Cause     error          // why not, nil where all went well: an Err value, a *ThrottledError, or the service's own fault
	Issuer    string         // the trust's name; empty where none was found
	KeyID     string         // of the key that verified or signed
	Algorithm keys.Algorithm // of that key
	Account   string         // Account.ID, for issued, a refresh that is refused, and where a whole account's tokens are revoked
	Cached    bool           // the token was remembered: neither its signature nor its claims were looked at again
	Duration  time.Duration  // of the whole decision; for a token that is issued, with the login
}

// An observer is called in the request's goroutine, after the decision.
type observer func(context.Context, Event)

// start begins the timing of an event; without an observer nothing is timed.
func (o observer) start() time.Time {
	if o == nil {
		return time.Time{}
	}
	return time.Now()
}

func (o observer) observe(ctx context.Context, start time.Time, e Event) {
	if o == nil {
		return
	}
	e.Duration = time.Since(start)
	o(ctx, e)
}
