package bearer

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/gobearer/bearer/internal/jws"
	"github.com/gobearer/bearer/keys"
)

// An Issuer makes tokens: as an http.Handler for POST /token, and from code. It
// is safe for concurrent use; its zero value issues nothing.
type Issuer struct {
	name        string
	ring        *keys.Ring
	auth        func(context.Context, Credentials) (*Account, error) // a func, so that %v of an Issuer prints no accounts
	clock       func() time.Time
	observer    observer
	audience    []string
	lifetimes   map[Validity]Lifetime
	encode      func(context.Context, *Account, Claims) ([]byte, error) // nil: Claims as they are
	revocations Revocations
	proxies     []netip.Prefix
	typ         string
	clientID    string
	sessions    sessions
	passwords   bool // DangerouslyAllowPasswordGrant
	callers     func(ctx context.Context, id, secret string) error
	reader      *Middleware[struct{}] // of the tokens that it issues
	revoker     *Middleware[struct{}] // of those that it may have issued by other options too

	header atomic.Pointer[issuedHeader] // of the last token
}

// NewIssuer returns an Issuer whose tokens have name as their iss, are signed by
// ring and are given to whom auth accepts. It tells the ring how long they live
// at most. The error joins every *OptionError.
func NewIssuer(name string, ring *keys.Ring, auth Authenticator, opts ...IssuerOption) (*Issuer, error) {
	c := issuerConfig{lifetimes: map[Validity]Lifetime{
		ValidityDefault:   Minutes(12000),
		ValidityShortLive: Seconds(30),
		ValidityLongLive:  Months(120),
	}}
	c.clock = time.Now
	if !isName(name) {
		c.refuse("name", "is empty or not UTF-8: use the URL that clients know the issuer by")
	}
	if isNil(auth) {
		c.refuse("auth", "is nil: use an Authenticator or an AuthenticatorFunc")
	}
	for _, o := range opts {
		if isNil(o) {
			c.refuse("IssuerOption", "is nil: leave it out")
			continue
		}
		o.issuer(&c)
	}
	if c.revocations != nil && c.unrevoked {
		c.refuse("DangerouslyWithoutRevocation", "contradicts WithRevocations: leave one of them out")
	}
	c.sessions.issuer = name
	if c.sessions.store != nil {
		renewer, ok := auth.(interface {
			Renew(ctx context.Context, id, userName string) (*Account, error)
		})
		if ok {
			c.sessions.renew = renewer.Renew
		} else {
			c.refuse("WithRefreshTokens", "needs an Authenticator with a method Renew(ctx, id, userName) that returns the account as it is now: use an accounts.Authenticator")
		}
	}
	if ring == nil {
		c.refuse("ring", "is nil: use keys.NewRing")
	} else if _, err := signingKey(ring, c.clientID); err != nil {
		c.refuse("ring", err.Error())
	}
	if err := c.err(); err != nil {
		return nil, err
	}
	i := &Issuer{
		name: name, ring: ring, auth: auth.Authenticate, clock: c.clock, observer: c.observer,
		audience: c.audience, lifetimes: c.lifetimes, encode: c.encode,
		revocations: c.revocations, proxies: c.proxies, typ: "JWT", clientID: c.clientID,
		sessions: c.sessions, passwords: c.passwords, callers: c.callers,
	}
	for _, l := range i.lifetimes {
		ring.KeepFor(l.atMost())
	}
	if i.audience == nil {
		i.audience = []string{name}
	}
	if i.revocations == nil && !c.unrevoked {
		i.revocations = &memoryRevocations{clock: c.clock}
	}
	if i.clientID != "" {
		i.typ = "at+jwt"
	}
	own := i.Trust()
	i.reader = i.verifierOf(own, 0)
	// A middleware may still accept tokens of an earlier audience or type.
	own.Audience, own.TokenTypes = nil, nil
	i.revoker = i.verifierOf(own, maxLeeway)
	return i, nil
}

func (i *Issuer) verifierOf(t Trust, leeway time.Duration) *Middleware[struct{}] {
	t = t.check(&problems{}, "", true)
	return &Middleware[struct{}]{v: &verifier{
		trusts: []Trust{t}, clock: i.clock, leeway: leeway, maxTokenBytes: defaultMaxTokenBytes, headers: new(jws.Headers),
	}}
}

// Format implements fmt.Formatter: an Issuer prints as its name.
func (i *Issuer) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "bearer.Issuer(%q)", i.name) }

// Trust returns what a Middleware needs to verify this Issuer's tokens, and no
// others. The zero Issuer's is one that NewMiddleware refuses.
func (i *Issuer) Trust() Trust {
	if i == nil || i.ring == nil {
		return Trust{}
	}
	return Trust{
		Issuer:      i.name,
		Audience:    slices.Clone(i.audience),
		Keys:        i.ring,
		TokenTypes:  []string{i.typ},
		Revocations: i.revocations,
	}
}

// An Endpoint is one route of an Issuer. Handler answers every method, with 405
// for the wrong ones.
type Endpoint struct {
	Method  string
	Path    string // to be matched exactly
	Handler http.Handler
}

const tokenPath = "/token"

// Endpoints returns the Issuer's routes, for any router: the token endpoint, the
// JWK set of its ring, with WithCallers revocation and introspection, and, for a
// name that is an https address or one of this machine's own, the metadata by
// which clients find all of them (RFC 8414). They belong
// at the root of the name's host. The token endpoint answers with and without a
// final slash, and never redirects: a client would repeat its credentials as a
// GET.
func (i *Issuer) Endpoints() []Endpoint {
	endpoints := []Endpoint{
		{http.MethodPost, tokenPath, i},
		{http.MethodPost, tokenPath + "/", i},
	}
	if i == nil || i.ring == nil {
		return endpoints
	}
	endpoints = append(endpoints, Endpoint{http.MethodGet, jwksPath, i.ring.JWKS()})
	if i.callers != nil {
		endpoints = append(endpoints,
			Endpoint{http.MethodPost, revokePath, answerer(i.revokeToken)},
			Endpoint{http.MethodPost, introspectPath, answerer(i.introspect)})
	}
	if e, ok := i.metadataEndpoint(); ok {
		endpoints = append(endpoints, e)
	}
	return endpoints
}

// Mount registers every endpoint with mux, for each of HTTP's methods, so that
// the wrong ones get the endpoint's own 405. A pattern without a method would
// conflict with one like "GET /".
func (i *Issuer) Mount(mux *http.ServeMux) {
	for _, e := range i.Endpoints() {
		path := e.Path
		if strings.HasSuffix(path, "/") {
			path += "{$}"
		}
		for _, method := range []string{
			http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
			http.MethodDelete, http.MethodConnect, http.MethodOptions, http.MethodTrace,
		} {
			mux.Handle(method+" "+path, e.Handler)
		}
	}
}

// A TokenResponse is the token endpoint's answer, its members in the order of
// the wire. It prints without its token, in any verb and in slog; as JSON, and in
// an unexported field of another struct, it is what it is.
type TokenResponse struct {
	AccessToken    string    `json:"access_token"`
	TokenType      string    `json:"token_type"` // Bearer
	ExpiresIn      int64     `json:"expires_in"` // seconds
	UserName       string    `json:"userName"`
	Issued         time.Time `json:".issued"` // in UTC and whole seconds, as Expires
	Expires        time.Time `json:".expires"`
	TimeZoneOffset string    `json:"timeZoneOffset"` // UTC+05:30~Asia/Kolkata, the offset at Issued
	Locale         string    `json:"locale"`
	RefreshToken   string    `json:"refresh_token,omitempty"` // of WithRefreshTokens
	Scope          string    `json:"scope,omitempty"`         // the granted ones, in answers to OAuth's form (RFC 6749 section 5.1)
}

// Format implements fmt.Formatter.
func (r TokenResponse) Format(f fmt.State, _ rune) { fmt.Fprint(f, r.redacted()) }

// LogValue implements slog.LogValuer.
func (r TokenResponse) LogValue() slog.Value { return slog.StringValue(r.redacted()) }

func (r TokenResponse) redacted() string {
	return "bearer.TokenResponse{" + r.UserName + " until " + r.Expires.Format(time.RFC3339) + "}"
}

// Issue makes a token for a, without asking the Authenticator. An empty validity
// is ValidityDefault. It fails for an account without an ID, in time.Local or
// with an impossible scope, for an unknown validity, and for a token of over 16
// KiB, which no verifier would read.
func (i *Issuer) Issue(ctx context.Context, a *Account, v Validity) (*TokenResponse, error) {
	if i == nil || i.ring == nil {
		return nil, errZeroIssuer
	}
	return i.open(ctx, i.observer.start(), a, grant{validity: v, at: i.clock()})
}

// A grant is what a token is issued for, besides its account.
type grant struct {
	validity Validity
	session  string   // its sid; empty: none
	scopes   []string // asked for; nil: all
	client   [32]byte
	form     bool // OAuth's, whose answer names the scopes

	// When it was asked for, before anybody looked at the account: whatever is
	// revoked while that goes on takes this token with it.
	at time.Time
}

// open issues for a login that began at start.
func (i *Issuer) open(ctx context.Context, start time.Time, a *Account, g grant) (*TokenResponse, error) {
	var t refreshToken
	if i.sessions.store != nil {
		rand.Read(t.handle[:]) // never fails
		g.session = i.sessions.id(t)
	}
	response, event, err := i.tokenFor(ctx, a, g)
	if err != nil {
		return nil, err
	}
	if i.sessions.store != nil {
		if response.RefreshToken, err = i.begin(ctx, t, a, g); err != nil {
			return nil, fmt.Errorf("bearer: issue: %w", err)
		}
	}
	i.observer.observe(ctx, start, event)
	return response, nil
}

var errZeroIssuer = errors.New("bearer: the Issuer was not made by NewIssuer")

// tokenFor also returns the event that reports the token once it is given away.
func (i *Issuer) tokenFor(ctx context.Context, a *Account, g grant) (*TokenResponse, Event, error) {
	key, err := signingKey(i.ring, i.clientID)
	if err != nil {
		return nil, Event{}, fmt.Errorf("bearer: issue: %w", err)
	}
	response, err := i.issue(ctx, key, a, g)
	if err != nil {
		return nil, Event{}, fmt.Errorf("bearer: issue: %w", err)
	}
	return response, Event{
		Kind: EventIssued, Issuer: i.name, KeyID: key.ID(), Algorithm: key.Algorithm(), Account: a.ID,
	}, nil
}

func (i *Issuer) issue(ctx context.Context, key *keys.Key, a *Account, g grant) (*TokenResponse, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	v := g.validity
	if v == "" {
		v = ValidityDefault
	}
	lifetime, ok := i.lifetimes[v]
	if !ok {
		return nil, errors.New("unknown validity")
	}
	zone := time.UTC
	if a.TimeZone != nil {
		zone = a.TimeZone
	}
	// One instant in whole seconds, so that every date of the answer and of the
	// token agrees with every other.
	issued := g.at.UTC().Truncate(time.Second)
	expires := lifetime.after(issued)
	offset := issued.In(zone).Format("UTC-07:00") + "~" + zone.String()

	claims, err := i.claims(a, issued, expires, offset)
	if err != nil {
		return nil, err
	}
	claims.Session = g.session
	var room [2048]byte // for most payloads
	payload, ok := claims.appendTo(room[:0])
	if !ok || i.encode != nil {
		if payload, err = i.payload(ctx, a, claims); err != nil {
			return nil, err
		}
	}
	token, err := i.sign(key, payload)
	if err != nil {
		return nil, err
	}
	if len(token) > defaultMaxTokenBytes {
		return nil, errors.New("the token is longer than 16 KiB: give the account fewer roles, scopes or a smaller profile")
	}
	scope := ""
	if g.form {
		scope = claims.Scope
	}
	return &TokenResponse{
		AccessToken:    token,
		TokenType:      "Bearer",
		ExpiresIn:      expires.Unix() - issued.Unix(),
		UserName:       a.UserName,
		Issued:         issued,
		Expires:        expires,
		TimeZoneOffset: offset,
		Locale:         a.Locale,
		Scope:          scope,
	}, nil
}

// check refuses accounts that would make a token say what nobody meant.
func (a *Account) check() error {
	switch {
	case a == nil || a.ID == "":
		return errors.New("an account without an ID")
	case a.TimeZone != nil && (a.TimeZone == time.Local || a.TimeZone.String() == "Local"):
		// The server's own zone, which says nothing about the account's.
		return errors.New("an account in time.Local: use time.LoadLocation")
	case !utf8.ValidString(a.UserName), !utf8.ValidString(a.Locale):
		// The claims' encoder would find the others; these are in the answer alone.
		return errors.New("an account with text that is not UTF-8")
	case slices.ContainsFunc(a.Scopes, func(s string) bool { return !isScope(s) }):
		// A space in one scope would make it two.
		return errors.New("an account with a scope outside RFC 6749's characters")
	}
	return nil
}

func (i *Issuer) claims(a *Account, issued, expires time.Time, offset string) (Claims, error) {
	usr, err := packProfile(a.Profile)
	if err != nil {
		return Claims{}, err
	}
	culture := a.Culture
	if culture == "" {
		culture = a.Locale
	}
	const dateFormat = "2006-01-02 15:04:05.000"
	roles, audience := a.Roles, i.audience
	if i.encode != nil {
		// What is not ours may change what it is given.
		roles, audience = slices.Clone(roles), slices.Clone(audience)
	}
	return Claims{
		Name:           a.ID,
		NameIdentifier: a.ID,
		Roles:          roles,
		DNS:            a.DNS,
		Usr:            usr,
		UTCTimeOffset:  offset,
		CultureCode:    culture,
		FamilyName:     a.Name,
		Email:          a.Email,
		Website:        a.Website,
		ID:             newID(),
		Issued:         issued.Format(dateFormat),
		Expired:        expires.Format(dateFormat),
		NotBefore:      NumericDate{issued},
		ExpiresAt:      NumericDate{expires},
		Issuer:         i.name,
		Audience:       audience,
		Subject:        a.ID,
		IssuedAt:       NumericDate{issued},
		Scope:          strings.Join(a.Scopes, " "),
		ClientID:       i.clientID,
	}, nil
}

// newID returns a random UUID (RFC 9562 section 5.4).
func newID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return uuid(b)
}

func uuid(b [16]byte) string {
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	var text [36]byte
	rest := text[:0]
	for i, part := range [][]byte{b[:4], b[4:6], b[6:8], b[8:10], b[10:]} {
		if i > 0 {
			rest = append(rest, '-')
		}
		rest = hex.AppendEncode(rest, part)
	}
	return string(rest)
}

// registered are the claims that stay the issuer's, whatever WithClaims makes, if
// the issuer has them: client_id only with WithAccessTokenProfile, sid only with
// WithRefreshTokens.
var registered = []string{"jti", "nbf", "exp", "iss", "aud", "sub", "iat", "client_id", "sid"}

// payload encodes what is signed: the claims in their order, or what WithClaims
// makes of them, in the order of the names. Its errors are json/v2's.
func (i *Issuer) payload(ctx context.Context, a *Account, claims Claims) ([]byte, error) {
	own, err := json.Marshal(claims)
	if err != nil || i.encode == nil {
		return own, err
	}
	custom, err := i.encode(ctx, a, claims)
	if err != nil {
		return nil, err
	}
	var ours, all map[string]jsontext.Value
	if err := errors.Join(json.Unmarshal(own, &ours), json.Unmarshal(custom, &all)); err != nil || all == nil {
		return nil, errors.New("what WithClaims made is not a JSON object")
	}
	for _, name := range registered {
		if value, ok := ours[name]; ok {
			all[name] = value
		}
	}
	return json.Marshal(all, json.Deterministic(true))
}

// An issuedHeader is what the tokens of a key begin with.
type issuedHeader struct {
	key       *keys.Key
	segment   string
	signature int // the length of a signature, in base64url; 0: not known yet
}

// headerOf returns the header for a key's tokens, which changes with the key alone.
func (i *Issuer) headerOf(key *keys.Key) (*issuedHeader, error) {
	if h := i.header.Load(); h != nil && h.key == key {
		return h, nil
	}
	text, err := json.Marshal(struct {
		Algorithm keys.Algorithm `json:"alg"`
		Type      string         `json:"typ"`
		KeyID     string         `json:"kid,omitempty"`
	}{key.Algorithm(), i.typ, key.ID()})
	if err != nil {
		return nil, err
	}
	return &issuedHeader{key: key, segment: base64.RawURLEncoding.EncodeToString(text)}, nil
}

// sign makes the compact JWS (RFC 7515 section 7.1), in one piece of memory: what
// is signed is the beginning of it.
func (i *Issuer) sign(key *keys.Key, payload []byte) (string, error) {
	h, err := i.headerOf(key)
	if err != nil {
		return "", err
	}
	var token strings.Builder
	token.Grow(len(h.segment) + 1 + base64.RawURLEncoding.EncodedLen(len(payload)) + 1 + h.signature)
	token.WriteString(h.segment)
	token.WriteByte('.')
	writeSegment(&token, payload)
	signature, err := key.Sign(token.String())
	if err != nil {
		return "", err
	}
	if size := base64.RawURLEncoding.EncodedLen(len(signature)); size != h.signature {
		i.header.Store(&issuedHeader{key, h.segment, size})
	}
	token.WriteByte('.')
	writeSegment(&token, signature)
	return token.String(), nil
}

// writeSegment encodes by way of the stack.
func writeSegment(token *strings.Builder, data []byte) {
	var text [1024]byte
	for len(data) > 0 {
		part := data[:min(len(data), base64.RawURLEncoding.DecodedLen(len(text)))]
		data = data[len(part):]
		base64.RawURLEncoding.Encode(text[:], part)
		token.Write(text[:base64.RawURLEncoding.EncodedLen(len(part))])
	}
}

// signingKey returns the key that signs now. The RFC 9068 profile is for tokens
// that others verify: section 2.1 recommends asymmetric keys, and a shared secret
// would let each verifier forge them.
func signingKey(ring *keys.Ring, clientID string) (*keys.Key, error) {
	key, err := ring.SigningKey()
	if err != nil {
		return nil, err
	}
	if clientID != "" && strings.HasPrefix(string(key.Algorithm()), "HS") {
		return nil, errors.New("signs with HMAC, which WithAccessTokenProfile forbids: use an asymmetric key")
	}
	return key, nil
}
