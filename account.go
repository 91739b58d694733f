package bearer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"
)

// Credentials are what a client of the token endpoint sent. They print as
// nothing but their type, in any verb and in slog, and marshal to no text. Keep
// them out of unexported fields: fmt and reflection read those as they are.
type Credentials struct {
	UserName     string
	Password     string
	PrivateToken string
	ClientAddr   netip.Addr // the peer, or what WithTrustedProxies lets it be; invalid on a socket without addresses
}

// Format implements fmt.Formatter.
func (Credentials) Format(f fmt.State, _ rune) { fmt.Fprint(f, redactedCredentials) }

// LogValue implements slog.LogValuer.
func (Credentials) LogValue() slog.Value { return slog.StringValue(redactedCredentials) }

// MarshalText refuses, so that no log in JSON or XML has them either.
func (Credentials) MarshalText() ([]byte, error) {
	return nil, errors.New("bearer: Credentials do not marshal")
}

const redactedCredentials = "bearer.Credentials{redacted}"

// An Account is who logged in. Only ID is required.
type Account struct {
	ID       string         // sub, and the name and nameidentifier claims
	UserName string         // the response's userName
	Name     string         // family_name
	Email    string         // email
	Website  string         // website
	DNS      string         // the dns claim
	Locale   string         // the response's locale: en-US
	Culture  string         // the CultureCode claim; empty: Locale
	TimeZone *time.Location // nil: UTC; time.Local is refused
	Roles    []string       // the role claim
	Scopes   []string       // the scope claim; none may be empty or hold a space
	Profile  any            // the usr claim, as JSON of 64 KiB at most; nil: none
}

// An Authenticator checks credentials. It returns an error that wraps
// ErrBadCredentials for an unknown user, a wrong password, a wrong private token
// and a disabled account alike, after equal work for each, since the client must
// not learn which; a *ThrottledError for too many attempts; and any other error
// where it could not find out, which is answered with 503. It is called
// concurrently and keeps no part of the credentials.
type Authenticator interface {
	Authenticate(ctx context.Context, c Credentials) (*Account, error)
}

// AuthenticatorFunc is a function as an Authenticator.
type AuthenticatorFunc func(ctx context.Context, c Credentials) (*Account, error)

// Authenticate calls f.
func (f AuthenticatorFunc) Authenticate(ctx context.Context, c Credentials) (*Account, error) {
	return f(ctx, c)
}

// ErrBadCredentials is what an Authenticator returns for every account that
// these credentials do not open.
var ErrBadCredentials = errors.New("bearer: wrong user name, password or private token")

// A ThrottledError is what an Authenticator returns, as *ThrottledError, for
// too many attempts.
type ThrottledError struct {
	RetryAfter time.Duration // rounded up to whole seconds, one at least
}

func (e *ThrottledError) Error() string { return "bearer: too many attempts" }
