package bearer

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/gobearer/bearer/refresh"
)

// A MiddlewareOption changes what NewMiddleware makes.
type MiddlewareOption interface{ middleware(*middlewareConfig) }

// An IssuerOption changes what NewIssuer makes.
type IssuerOption interface{ issuer(*issuerConfig) }

// An Option fits both constructors.
type Option interface {
	MiddlewareOption
	IssuerOption
}

type (
	bothOption struct {
		name string
		set  func(*common)
	}
	middlewareOption struct {
		name string
		set  func(*middlewareConfig)
	}
	issuerOption struct {
		name string
		set  func(*issuerConfig)
		of   string // what it may be given once for each of
	}
)

func (o bothOption) middleware(c *middlewareConfig) { c.once(o.name, "", func() { o.set(&c.common) }) }
func (o bothOption) issuer(c *issuerConfig)         { c.once(o.name, "", func() { o.set(&c.common) }) }

func (o middlewareOption) middleware(c *middlewareConfig) { c.once(o.name, "", func() { o.set(c) }) }
func (o issuerOption) issuer(c *issuerConfig)             { c.once(o.name, o.of, func() { o.set(c) }) }

// common is what options of both constructors set.
type common struct {
	problems
	clock    func() time.Time
	observer observer
}

// problems collects every mistake of a configuration.
type problems struct {
	given map[string]bool
	errs  []error
}

func (p *problems) refuse(option, reason string) {
	p.errs = append(p.errs, &OptionError{option, reason})
}

// once sets an option that is given for the first time. A second time is
// refused: whichever won, somebody would not get what was asked for.
func (p *problems) once(option, of string, set func()) {
	if p.given[option+of] {
		p.refuse(option, "is given twice: give it once")
		return
	}
	if p.given == nil {
		p.given = make(map[string]bool)
	}
	p.given[option+of] = true
	set()
}

func (p *problems) err() error { return errors.Join(p.errs...) }

// WithClock replaces time.Now, for tests.
func WithClock(now func() time.Time) Option {
	return bothOption{"WithClock", func(c *common) {
		if now == nil {
			c.refuse("WithClock", "is nil: leave it out for time.Now")
			return
		}
		c.clock = now
	}}
}

// WithObserver calls observe after every request that is admitted with a token
// or refused, every Verify, every token that is issued and every well-formed login
// that gets none, in the request's goroutine: what takes long belongs behind a
// channel.
func WithObserver(observe func(context.Context, Event)) Option {
	return bothOption{"WithObserver", func(c *common) {
		if observe == nil {
			c.refuse("WithObserver", "is nil: leave it out")
		}
		c.observer = observe
	}}
}

const (
	defaultLeeway        = 5 * time.Second
	maxLeeway            = 5 * time.Minute
	defaultMaxTokenBytes = 16 << 10
	defaultCacheBytes    = 16 << 20
)

type middlewareConfig struct {
	common
	verifier    verifier
	cacheBytes  int64
	also        []Trust
	anyAudience bool
}

// WithLeeway allows for clocks that differ by up to d, for exp, nbf and iat
// alike; at most five minutes (RFC 7519 section 4.1.4). The default is 5 s.
func WithLeeway(d time.Duration) MiddlewareOption {
	return middlewareOption{"WithLeeway", func(c *middlewareConfig) {
		if d < 0 || d > maxLeeway {
			c.refuse("WithLeeway", "is below zero or above five minutes: set the clocks by NTP and allow for seconds")
		}
		c.verifier.leeway = d
	}}
}

// AlsoTrust trusts further issuers. The token's iss picks one by exact match
// before any key is looked up, and is compared again after the signature.
func AlsoTrust(trusts ...Trust) MiddlewareOption {
	return middlewareOption{"AlsoTrust", func(c *middlewareConfig) {
		if len(trusts) == 0 {
			c.refuse("AlsoTrust", "names no trust: leave it out")
		}
		c.also = trusts
	}}
}

// WithRealm sets the realm of the challenges (RFC 9110 section 11.5). The
// default is "api".
func WithRealm(realm string) MiddlewareOption {
	return middlewareOption{"WithRealm", func(c *middlewareConfig) {
		quotable := func(r rune) bool { return ' ' <= r && r <= '~' && r != '"' && r != '\\' }
		if realm == "" || strings.ContainsFunc(realm, func(r rune) bool { return !quotable(r) }) {
			c.refuse("WithRealm", `is empty or not printable ASCII without " and \: use a short name`)
		}
		c.verifier.realm = realm
	}}
}

// WithErrorHandler answers refused requests with handler: the ServeHTTP of each
// Refusal calls it, with a Refusal whose ServeHTTP gives the usual answer. It has
// to write the whole answer: where it writes none net/http answers 200, although
// the request was refused, and a 401 without a WWW-Authenticate header breaks
// RFC 9110 section 15.5.2.
func WithErrorHandler(handler func(http.ResponseWriter, *http.Request, *Refusal)) MiddlewareOption {
	return middlewareOption{"WithErrorHandler", func(c *middlewareConfig) {
		if handler == nil {
			c.refuse("WithErrorHandler", "is nil: leave it out for the Refusal's own answer")
		}
		c.verifier.handler = handler
	}}
}

// WithOptional lets requests without any bearer credential pass, without
// claims: FromContext is false. A token that is there must be valid, and
// guards refuse requests without one.
func WithOptional() MiddlewareOption {
	return middlewareOption{"WithOptional", func(c *middlewareConfig) { c.verifier.optional = true }}
}

// WithMaxTokenBytes refuses longer tokens unread. The default is 16 KiB.
func WithMaxTokenBytes(n int) MiddlewareOption {
	return middlewareOption{"WithMaxTokenBytes", func(c *middlewareConfig) {
		if n <= 0 {
			c.refuse("WithMaxTokenBytes", "is not above zero: use a number of bytes, or leave it out for 16 KiB")
		}
		c.verifier.maxTokenBytes = n
	}}
}

// WithTokenCache sets how many bytes of memory this Middleware may use to remember
// the tokens that it admitted; 0 turns that off. The default is 16 MiB, some 15 000
// tokens of the usual size, which are taken as they are needed.
//
// A token that is remembered costs no cryptography and no decoding. On each request
// its time, that the source still offers its key, and the revocations are checked
// nevertheless; a key that was removed, a revocation and an expiry act at once. C's
// Validate is not called again. A token is forgotten at its exp, after five minutes,
// and where others need the room more. Refused tokens are not remembered. Each
// request gets claims of its own: a C of strings, numbers, times and slices of
// these is copied. Any other is decoded again, which takes longer; where Validate
// changes it the token is not remembered.
func WithTokenCache(bytes int64) MiddlewareOption {
	return middlewareOption{"WithTokenCache", func(c *middlewareConfig) {
		if bytes < 0 {
			c.refuse("WithTokenCache", "is below zero: use a number of bytes, or 0 to remember nothing")
		}
		c.cacheBytes = bytes
	}}
}

// DangerouslyAcceptAnyAudience admits tokens that a trusted issuer made for
// any other service, where a Trust names no audience: whoever runs one of
// those services can replay its users' tokens here (RFC 8725 section 3.9).
func DangerouslyAcceptAnyAudience() MiddlewareOption {
	return middlewareOption{"DangerouslyAcceptAnyAudience", func(c *middlewareConfig) { c.anyAudience = true }}
}

// DangerouslyAllowNoExpiry admits tokens without exp, which are valid for ever
// unless they are revoked. An exp that is there is still checked.
func DangerouslyAllowNoExpiry() MiddlewareOption {
	return middlewareOption{"DangerouslyAllowNoExpiry", func(c *middlewareConfig) { c.verifier.allowNoExpiry = true }}
}

// DangerouslyAdmitUnchecked admits tokens while the store of revocations does not
// answer, those that were revoked among them: whoever can keep the store from
// answering can use a stolen token. Each of them is an event, EventUnchecked.
func DangerouslyAdmitUnchecked() MiddlewareOption {
	return middlewareOption{"DangerouslyAdmitUnchecked", func(c *middlewareConfig) { c.verifier.admitUnchecked = true }}
}

type issuerConfig struct {
	common
	audience    []string
	lifetimes   map[Validity]Lifetime
	encode      func(context.Context, *Account, Claims) ([]byte, error)
	revocations Revocations
	unrevoked   bool
	proxies     []netip.Prefix
	clientID    string
	sessions    sessions
	passwords   bool
	callers     func(ctx context.Context, id, secret string) error
}

// WithAudience sets the aud of the tokens: the names of the services they are
// for. The default is the issuer's name.
func WithAudience(names ...string) IssuerOption {
	return issuerOption{name: "WithAudience", set: func(c *issuerConfig) {
		if len(names) == 0 || slices.ContainsFunc(names, func(s string) bool { return !isName(s) }) {
			c.refuse("WithAudience", "has no name, or one that is empty or not UTF-8: leave it out for the issuer's own name")
		}
		c.audience = slices.Clone(names)
	}}
}

// WithLifetime sets the lifetime of one validity, of a century at most.
// Revocations of sessions and subjects are kept for the longest lifetime that the
// Issuer has when they are made: where it was longer before, tokens of then may
// outlive them.
func WithLifetime(v Validity, l Lifetime) IssuerOption {
	return issuerOption{"WithLifetime", func(c *issuerConfig) {
		if _, ok := c.lifetimes[v]; !ok {
			c.refuse("WithLifetime", "is for an unknown validity: use ValidityDefault, ValidityShortLive or ValidityLongLive")
			return
		}
		if !l.valid() {
			c.refuse("WithLifetime", "is not above zero or above a century: use Seconds, Minutes or Months")
		}
		c.lifetimes[v] = l
	}, string(v)}
}

// WithClaims signs what claims returns instead of Claims: a struct or a map,
// most often one that embeds the Claims it is given. The registered claims stay
// the Issuer's (jti, nbf, exp, iss, aud, sub, iat, client_id if
// WithAccessTokenProfile sets it, and sid with WithRefreshTokens), whatever T says.
// The payload's members are then in the order of their names. Verify with
// NewMiddleware[T].
func WithClaims[T any](claims func(context.Context, *Account, Claims) (T, error)) IssuerOption {
	return issuerOption{name: "WithClaims", set: func(c *issuerConfig) {
		if claims == nil {
			c.refuse("WithClaims", "is nil: leave it out for Claims")
		}
		if reason := undecodable[T](); reason != "" {
			c.refuse("WithClaims", "makes a type that "+reason)
		}
		c.encode = func(ctx context.Context, a *Account, own Claims) ([]byte, error) {
			custom, err := claims(ctx, a, own)
			if err != nil {
				return nil, err
			}
			return json.Marshal(custom)
		}
	}}
}

// WithRevocations asks r, instead of a store in this process's memory, whether a
// token was revoked. For Issuer.Revoke and its like it needs a method
// Revoke(context.Context, Revocation) error besides.
func WithRevocations(r Revocations) IssuerOption {
	return issuerOption{name: "WithRevocations", set: func(c *issuerConfig) {
		if isNil(r) {
			c.refuse("WithRevocations", "is nil: leave it out for a store in memory, or say DangerouslyWithoutRevocation")
			return
		}
		c.revocations = r
	}}
}

// DangerouslyWithoutRevocation makes Trust carry no revocations: a token that
// was stolen, whose account was closed or whose user logged out is accepted until
// it expires. For ValidityLongLive that is 120 months, in which the one way to end
// it is keys.Ring.Remove, which ends every other token of that key as well.
func DangerouslyWithoutRevocation() IssuerOption {
	return issuerOption{name: "DangerouslyWithoutRevocation", set: func(c *issuerConfig) { c.unrevoked = true }}
}

// WithRefreshTokens gives every login a refresh token besides (RFC 6749 section
// 1.5), which gets the next access token, once: each use gives another one, and
// the use of an old one ends the whole login (RFC 9700 section 4.14.2). A login
// ends idle after its last use and absolute after it began. The secret, 32
// random bytes at least, is the same for every process that shares the store and
// for as long as its tokens are to live. The Authenticator needs a method
// Renew(ctx context.Context, id, userName string) (*Account, error) that returns
// the account as it is now, and fails as Authenticate does if it may not log in
// any more.
func WithRefreshTokens(store refresh.Store, secret []byte, idle, absolute time.Duration) IssuerOption {
	return issuerOption{name: "WithRefreshTokens", set: func(c *issuerConfig) {
		if isNil(store) {
			c.refuse("WithRefreshTokens", "has no store: use a database's, or refresh.MemoryStore for one process")
		}
		if len(secret) < 32 {
			c.refuse("WithRefreshTokens", "has a secret of less than 32 bytes: use random ones")
		}
		if idle < time.Second || absolute < idle || absolute > maxAbsolute {
			c.refuse("WithRefreshTokens", "has limits that are under a second, a longer idle than absolute one, or over ten years: use the time that a user may be away, and until the next login")
		}
		c.sessions = sessions{store: store, secret: bytes.Clone(secret), idle: idle, absolute: absolute}
	}}
}

// maxAbsolute keeps instants far from where time.Duration ends.
const maxAbsolute = 10 * 366 * 24 * time.Hour

// DangerouslyAllowPasswordGrant lets OAuth clients log in by a form with
// grant_type=password (RFC 6749 section 4.3), whose client_secret, in the body or
// by HTTP Basic, is the account's private token. RFC 9700 section 2.4: "The
// resource owner password credentials grant MUST NOT be used. This grant type
// insecurely exposes the credentials of the resource owner to the client. Even if
// the client is benign, usage of this grant results in an increased attack surface
// (i.e., credentials can leak in more places than just the authorization server)
// and in training users to enter their credentials in places other than the
// authorization server."
func DangerouslyAllowPasswordGrant() IssuerOption {
	return issuerOption{name: "DangerouslyAllowPasswordGrant", set: func(c *issuerConfig) { c.passwords = true }}
}

// WithCallers opens POST /revoke (RFC 7009) and POST /introspect (RFC 7662) to
// the services that authenticate accepts, by HTTP Basic: each may revoke any
// token and learn what any token says. OAuth form-encodes the id and the secret
// first (RFC 6749 section 2.3.1), which leaves letters, digits, - and _ as they
// are, and makes a space of a + that nobody encoded. authenticate returns an error that wraps
// ErrBadCredentials for a wrong id or secret, after equal work, and any other
// where it could not tell. Secrets belong to be random, so that nobody guesses
// them: attempts are not counted.
func WithCallers(authenticate func(ctx context.Context, id, secret string) error) IssuerOption {
	return issuerOption{name: "WithCallers", set: func(c *issuerConfig) {
		if authenticate == nil {
			c.refuse("WithCallers", "is nil: leave it out to keep revocation and introspection closed")
		}
		c.callers = authenticate
	}}
}

// WithTrustedProxies names the proxies in front whose X-Forwarded-For is
// believed, for Credentials.ClientAddr. Name no network that clients are in:
// they could take any address, one for each attempt. The prefix ::/128 stands for
// peers without an address: name it where a proxy comes by a Unix socket, or all
// clients are one to a throttle.
func WithTrustedProxies(proxies ...netip.Prefix) IssuerOption {
	return issuerOption{name: "WithTrustedProxies", set: func(c *issuerConfig) {
		everybody := func(p netip.Prefix) bool { return p.Bits() <= 0 } // or invalid
		if len(proxies) == 0 || slices.ContainsFunc(proxies, everybody) {
			c.refuse("WithTrustedProxies", "has no prefix, an invalid one or one of all addresses: use netip.ParsePrefix with the proxies' own")
		}
		if slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Addr().Is4In6() }) {
			c.refuse("WithTrustedProxies", "has an IPv4 prefix in IPv6 form: write it as IPv4")
		}
		c.proxies = slices.Clone(proxies)
	}}
}

// WithAccessTokenProfile makes the tokens conform to RFC 9068: typ at+jwt and
// the claim client_id, besides what they have anyway. It needs a ring that does
// not sign with HMAC.
func WithAccessTokenProfile(clientID string) IssuerOption {
	return issuerOption{name: "WithAccessTokenProfile", set: func(c *issuerConfig) {
		if !isName(clientID) {
			c.refuse("WithAccessTokenProfile", "is empty or not UTF-8: use the client's registered id")
		}
		c.clientID = clientID
	}}
}

// isName reports whether a name can be written into a token.
func isName(s string) bool { return s != "" && utf8.ValidString(s) }

// isNil also finds the nil pointer in an interface that is not nil.
func isNil(v any) bool {
	if v == nil {
		return true
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Pointer, reflect.Func, reflect.Map, reflect.Slice, reflect.Chan:
		return r.IsNil()
	}
	return false
}
