package bearer_test

import (
	"bytes"
	"context"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/keys"
	"github.com/gobearer/bearer/refresh"
)

// optionErrors are the mistakes that a constructor joined.
func optionErrors(t testing.TB, err error) []*bearer.OptionError {
	t.Helper()
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("%v is not errors.Join's", err)
	}
	var all []*bearer.OptionError
	for _, err := range joined.Unwrap() {
		problem, ok := err.(*bearer.OptionError)
		if !ok {
			t.Fatalf("%v is a %T", err, err)
		}
		if problem.Error() != "bearer: "+problem.Option+": "+problem.Reason {
			t.Errorf("text %s", problem)
		}
		all = append(all, problem)
	}
	return all
}

func optionNames(t testing.TB, err error) []string {
	t.Helper()
	var names []string
	for _, problem := range optionErrors(t, err) {
		names = append(names, problem.Option)
	}
	slices.Sort(names)
	return names
}

func TestTenMistakesAtOnce(t *testing.T) {
	t.Run("NewMiddleware", func(t *testing.T) {
		m, err := bearer.NewMiddleware[*bearer.Claims](bearer.Trust{TokenTypes: []string{}},
			bearer.WithLeeway(-1), bearer.WithRealm(""), bearer.WithMaxTokenBytes(0), bearer.WithErrorHandler(nil), bearer.WithClock(nil))
		want := []string{"C", "Trust.Audience", "Trust.Issuer", "Trust.Keys", "Trust.TokenTypes", "WithClock", "WithErrorHandler", "WithLeeway", "WithMaxTokenBytes", "WithRealm"}
		if got := optionNames(t, err); m != nil || !slices.Equal(got, want) {
			t.Errorf("%d mistakes %q, want %d: %q", len(got), got, len(want), want)
		}
	})
	t.Run("WithRefreshTokens", func(t *testing.T) {
		_, err := bearer.NewIssuer(testIssuer, ringOf(t, goldenKey(t)), &loginSpy{}, bearer.WithRefreshTokens((*refresh.MemoryStore)(nil), nil, 0, 0), bearer.WithCallers(nil))
		if got, want := optionNames(t, err), append([]string{"WithCallers"}, slices.Repeat([]string{"WithRefreshTokens"}, 4)...); !slices.Equal(got, want) {
			t.Errorf("%d mistakes %q, want %q", len(got), got, want)
		}
	})
	t.Run("NewIssuer", func(t *testing.T) {
		i, err := bearer.NewIssuer("", nil, nil, nil,
			bearer.WithAudience(), bearer.WithLifetime("Forever", bearer.Seconds(1)), bearer.WithClaims[bearer.Claims](nil),
			bearer.WithRevocations(nil), bearer.WithTrustedProxies(), bearer.WithAccessTokenProfile(""))
		want := []string{"IssuerOption", "WithAccessTokenProfile", "WithAudience", "WithClaims", "WithLifetime", "WithRevocations", "WithTrustedProxies", "auth", "name", "ring"}
		if got := optionNames(t, err); i != nil || !slices.Equal(got, want) {
			t.Errorf("%d mistakes %q, want %d: %q", len(got), got, len(want), want)
		}
	})
}

// A configTest has one mistake.
type configTest struct {
	name   string
	make   func() error
	option string
	says   string // of the reason: what to use instead
	twin   func() error
}

func (tt configTest) run(t *testing.T) {
	all := optionErrors(t, tt.make())
	if len(all) != 1 || all[0].Option != tt.option || !strings.Contains(all[0].Reason, tt.says) {
		t.Errorf("%v, want one of %s that says %q", errors.Join(tt.make()), tt.option, tt.says)
	}
	if tt.twin == nil {
		return
	}
	if err := tt.twin(); err != nil {
		t.Errorf("the twin: %v", err)
	}
}

// A nilSource and a nilStore hide a nil pointer in an interface that is not nil.
type nilSource struct{ keys.Source }
type nilStore struct{ bearer.Revocations }
type nilLogin struct{ bearer.Authenticator }

func TestMiddlewareConfiguration(t *testing.T) {
	source := static(t, goldenKey(t))
	good := trust(source)
	changed := func(change func(*bearer.Trust)) bearer.Trust {
		other := good
		change(&other)
		return other
	}
	of := func(trust bearer.Trust, opts ...bearer.MiddlewareOption) func() error {
		return func() error {
			m, err := bearer.NewMiddleware[bearer.Claims](trust, opts...)
			if (m == nil) != (err != nil) {
				t.Errorf("a middleware %v and an error %v", m, err)
			}
			return err
		}
	}
	with := func(opts ...bearer.MiddlewareOption) func() error { return of(good, opts...) }
	second := changed(func(t *bearer.Trust) { t.Issuer = "https://second.test" })
	clock := bearer.WithClock(testClock)
	observer := bearer.WithObserver(func(context.Context, bearer.Event) {})
	handler := bearer.WithErrorHandler(func(http.ResponseWriter, *http.Request, *bearer.Refusal) {})
	var noSource *keys.Ring
	tests := []configTest{
		{"no issuer", of(changed(func(t *bearer.Trust) { t.Issuer = "" })), "Trust.Issuer", "iss", with()},
		{"no audience", of(changed(func(t *bearer.Trust) { t.Audience = nil })), "Trust.Audience", "DangerouslyAcceptAnyAudience",
			of(changed(func(t *bearer.Trust) { t.Audience = nil }), bearer.DangerouslyAcceptAnyAudience())},
		{"an empty audience", of(changed(func(t *bearer.Trust) { t.Audience = []string{"a", ""} })), "Trust.Audience", "leave it out",
			of(changed(func(t *bearer.Trust) { t.Audience = []string{"a", "b"} }))},
		{"any audience and an audience", with(bearer.DangerouslyAcceptAnyAudience()), "DangerouslyAcceptAnyAudience", "Trust.Audience", with()},
		{"no keys", of(changed(func(t *bearer.Trust) { t.Keys = nil })), "Trust.Keys", "keys.Static", with()},
		{"a nil ring as keys", of(changed(func(t *bearer.Trust) { t.Keys = noSource })), "Trust.Keys", "keys.Static", with()},
		{"a nil pointer as keys", of(changed(func(t *bearer.Trust) { t.Keys = (*nilSource)(nil) })), "Trust.Keys", "keys.Static", with()},
		{"no token type", of(changed(func(t *bearer.Trust) { t.TokenTypes = []string{} })), "Trust.TokenTypes", "nil",
			of(changed(func(t *bearer.Trust) { t.TokenTypes = []string{"at+jwt"} }))},
		{"an empty token type", of(changed(func(t *bearer.Trust) { t.TokenTypes = []string{"JWT", ""} })), "Trust.TokenTypes", "nil", with()},
		{"a nil pointer as revocations", of(changed(func(t *bearer.Trust) { t.Revocations = (*nilStore)(nil) })), "Trust.Revocations", "nil",
			of(changed(func(t *bearer.Trust) { t.Revocations = readingStore{} }))},
		{"a second trust that is wrong", with(bearer.AlsoTrust(second, bearer.Trust{Issuer: "x", Keys: source})), "AlsoTrust[1].Audience", "DangerouslyAcceptAnyAudience",
			with(bearer.AlsoTrust(second))},
		{"AlsoTrust of nobody", with(bearer.AlsoTrust()), "AlsoTrust", "leave it out", with(bearer.AlsoTrust(second))},
		{"AlsoTrust of the same issuer", with(bearer.AlsoTrust(good)), "AlsoTrust", "one trust", with(bearer.AlsoTrust(second))},
		{"AlsoTrust of one issuer twice", with(bearer.AlsoTrust(second, second)), "AlsoTrust", "one trust", with(bearer.AlsoTrust(second))},

		{"a nil option", with(nil), "MiddlewareOption", "leave it out", with()},
		{"a nil clock", with(bearer.WithClock(nil)), "WithClock", "time.Now", with(clock)},
		{"a nil observer", with(bearer.WithObserver(nil)), "WithObserver", "leave it out", with(observer)},
		{"a nil error handler", with(bearer.WithErrorHandler(nil)), "WithErrorHandler", "leave it out", with(handler)},
		{"a leeway below zero", with(bearer.WithLeeway(-1)), "WithLeeway", "NTP", with(bearer.WithLeeway(0))},
		{"a leeway over five minutes", with(bearer.WithLeeway(5*time.Minute + 1)), "WithLeeway", "NTP", with(bearer.WithLeeway(5 * time.Minute))},
		{"an empty realm", with(bearer.WithRealm("")), "WithRealm", "short name", with(bearer.WithRealm("a b!"))},
		{"a realm with a quote", with(bearer.WithRealm(`a", error="x`)), "WithRealm", "short name", with(bearer.WithRealm("a', error='x"))},
		{"a realm with a backslash", with(bearer.WithRealm(`a\`)), "WithRealm", "short name", with(bearer.WithRealm("a/"))},
		{"a realm with a line break", with(bearer.WithRealm("a\r\nSet-Cookie: x")), "WithRealm", "short name", with(bearer.WithRealm("a"))},
		{"a realm beyond ASCII", with(bearer.WithRealm("é")), "WithRealm", "short name", with(bearer.WithRealm("~"))},
		{"tokens of no bytes", with(bearer.WithMaxTokenBytes(0)), "WithMaxTokenBytes", "16 KiB", with(bearer.WithMaxTokenBytes(1))},
		{"tokens of less than no bytes", with(bearer.WithMaxTokenBytes(-1)), "WithMaxTokenBytes", "16 KiB", with(bearer.WithMaxTokenBytes(1 << 20))},
	}
	for name, opt := range map[string]bearer.MiddlewareOption{
		"WithClock": clock, "WithObserver": observer, "WithErrorHandler": handler, "WithLeeway": bearer.WithLeeway(0), "AlsoTrust": bearer.AlsoTrust(second),
		"WithRealm": bearer.WithRealm("a"), "WithMaxTokenBytes": bearer.WithMaxTokenBytes(1), "WithOptional": bearer.WithOptional(),
		"DangerouslyAllowNoExpiry": bearer.DangerouslyAllowNoExpiry(), "DangerouslyAdmitUnchecked": bearer.DangerouslyAdmitUnchecked(),
	} {
		tests = append(tests, configTest{name + " twice", with(opt, opt), name, "give it once", with(opt)})
	}
	open := changed(func(t *bearer.Trust) { t.Audience = nil })
	dangerous := bearer.DangerouslyAcceptAnyAudience()
	tests = append(tests, configTest{"DangerouslyAcceptAnyAudience twice", of(open, dangerous, dangerous), "DangerouslyAcceptAnyAudience", "give it once", of(open, dangerous)})
	for _, tt := range tests {
		t.Run(tt.name, tt.run)
	}
}

func TestIssuerConfiguration(t *testing.T) {
	ring, pair := ringOf(t, goldenKey(t)), ringOf(t, newKey(t, keys.EdDSA))
	login := &loginSpy{}
	of := func(name string, ring *keys.Ring, auth bearer.Authenticator, opts ...bearer.IssuerOption) func() error {
		return func() error {
			i, err := bearer.NewIssuer(name, ring, auth, opts...)
			if (i == nil) != (err != nil) {
				t.Errorf("an issuer %v and an error %v", i, err)
			}
			return err
		}
	}
	with := func(opts ...bearer.IssuerOption) func() error { return of(testIssuer, ring, login, opts...) }
	clock := bearer.WithClock(testClock)
	observer := bearer.WithObserver(func(context.Context, bearer.Event) {})
	claims := bearer.WithClaims(func(_ context.Context, _ *bearer.Account, c bearer.Claims) (bearer.Claims, error) { return c, nil })
	proxies := bearer.WithTrustedProxies(netip.MustParsePrefix("10.0.0.0/8"))
	lifetime := func(l bearer.Lifetime) func() error { return with(bearer.WithLifetime(bearer.ValidityDefault, l)) }
	type untagged struct{ Tenant string }
	renewing := &renewSpy{}
	families := new(refresh.MemoryStore)
	day := 24 * time.Hour
	refreshing := func(store refresh.Store, secret []byte, idle, absolute time.Duration) func() error {
		return of(testIssuer, ring, renewing, bearer.WithRefreshTokens(store, secret, idle, absolute))
	}
	sessions := refreshing(families, refreshSecret, day, 30*day)
	callers := bearer.WithCallers(func(context.Context, string, string) error { return nil })
	tests := []configTest{
		{"no name", of("", ring, login), "name", "URL", with()},
		{"no ring", of(testIssuer, nil, login), "ring", "keys.NewRing", with()},
		{"the zero ring", of(testIssuer, new(keys.Ring), login), "ring", "NewRing", with()},
		{"no authenticator", of(testIssuer, ring, nil), "auth", "AuthenticatorFunc", with()},
		{"a nil function as authenticator", of(testIssuer, ring, bearer.AuthenticatorFunc(nil)), "auth", "AuthenticatorFunc", with()},
		{"a nil pointer as authenticator", of(testIssuer, ring, (*nilLogin)(nil)), "auth", "AuthenticatorFunc", with()},

		{"a nil option", with(nil), "IssuerOption", "leave it out", with()},
		{"a nil clock", with(bearer.WithClock(nil)), "WithClock", "time.Now", with(clock)},
		{"a nil observer", with(bearer.WithObserver(nil)), "WithObserver", "leave it out", with(observer)},
		{"no audience", with(bearer.WithAudience()), "WithAudience", "leave it out", with(bearer.WithAudience("a"))},
		{"an empty audience", with(bearer.WithAudience("a", "")), "WithAudience", "leave it out", with(bearer.WithAudience("a", "b"))},
		{"a lifetime of an unknown validity", with(bearer.WithLifetime("default", bearer.Seconds(1))), "WithLifetime", "ValidityDefault", lifetime(bearer.Seconds(1))},
		{"a lifetime of no validity", with(bearer.WithLifetime("", bearer.Seconds(1))), "WithLifetime", "ValidityDefault", lifetime(bearer.Seconds(1))},
		{"the zero lifetime", lifetime(bearer.Lifetime{}), "WithLifetime", "Minutes", lifetime(bearer.Seconds(1))},
		{"no seconds", lifetime(bearer.Seconds(0)), "WithLifetime", "Minutes", lifetime(bearer.Seconds(1))},
		{"seconds below zero", lifetime(bearer.Seconds(-1)), "WithLifetime", "Minutes", lifetime(bearer.Seconds(1))},
		{"minutes below zero", lifetime(bearer.Minutes(-1)), "WithLifetime", "Minutes", lifetime(bearer.Minutes(1))},
		{"minutes that overflow", lifetime(bearer.Minutes(1<<62 + 1)), "WithLifetime", "century", lifetime(bearer.Minutes(100 * 365 * 24 * 60))},
		{"minutes that overflow below zero", lifetime(bearer.Minutes(-1 << 63)), "WithLifetime", "Minutes", lifetime(bearer.Minutes(1))},
		{"months below zero", lifetime(bearer.Months(-1)), "WithLifetime", "Minutes", lifetime(bearer.Months(1))},
		{"more than a century", lifetime(bearer.Months(1201)), "WithLifetime", "century", lifetime(bearer.Months(1200))},
		{"nil claims", with(bearer.WithClaims[bearer.Claims](nil)), "WithClaims", "leave it out", with(claims)},
		{"claims as a pointer", with(bearer.WithClaims(func(context.Context, *bearer.Account, bearer.Claims) (*bearer.Claims, error) { return nil, nil })), "WithClaims", "use the type it points to", with(claims)},
		{"claims without a tag", with(bearer.WithClaims(func(context.Context, *bearer.Account, bearer.Claims) (untagged, error) { return untagged{}, nil })), "WithClaims", "name the claim", with(claims)},
		{"nil revocations", with(bearer.WithRevocations(nil)), "WithRevocations", "DangerouslyWithoutRevocation", with(bearer.DangerouslyWithoutRevocation())},
		{"a nil pointer as revocations", with(bearer.WithRevocations((*nilStore)(nil))), "WithRevocations", "DangerouslyWithoutRevocation", with(bearer.WithRevocations(readingStore{}))},
		{"revocations and none", with(bearer.WithRevocations(readingStore{}), bearer.DangerouslyWithoutRevocation()), "DangerouslyWithoutRevocation", "leave one", with(bearer.WithRevocations(readingStore{}))},
		{"no store of refresh tokens", refreshing(nil, refreshSecret, day, 30*day), "WithRefreshTokens", "refresh.MemoryStore", sessions},
		{"a nil pointer as their store", refreshing((*refresh.MemoryStore)(nil), refreshSecret, day, 30*day), "WithRefreshTokens", "refresh.MemoryStore", sessions},
		{"no secret of refresh tokens", refreshing(families, nil, day, 30*day), "WithRefreshTokens", "32 bytes", sessions},
		{"a secret of 31 bytes", refreshing(families, make([]byte, 31), day, 30*day), "WithRefreshTokens", "32 bytes", refreshing(families, make([]byte, 32), day, 30*day)},
		{"sessions that are idle at once", refreshing(families, refreshSecret, 0, day), "WithRefreshTokens", "may be away", refreshing(families, refreshSecret, time.Second, day)},
		{"sessions that are idle in less than a second", refreshing(families, refreshSecret, time.Second-1, day), "WithRefreshTokens", "may be away", refreshing(families, refreshSecret, time.Second, time.Second)},
		{"sessions that end before they are idle", refreshing(families, refreshSecret, day, day-1), "WithRefreshTokens", "next login", refreshing(families, refreshSecret, day, day)},
		{"sessions of more than ten years", refreshing(families, refreshSecret, day, 3660*day+1), "WithRefreshTokens", "ten years", refreshing(families, refreshSecret, day, 3660*day)},
		{"sessions that overflow", refreshing(families, refreshSecret, 1<<63-1, 1<<63-1), "WithRefreshTokens", "ten years", sessions},
		{"sessions below zero", refreshing(families, refreshSecret, -day, -day), "WithRefreshTokens", "under a second", sessions},
		{"refresh tokens of accounts that cannot be renewed", with(bearer.WithRefreshTokens(families, refreshSecret, day, 30*day)), "WithRefreshTokens", "Renew", sessions},
		{"nil callers", with(bearer.WithCallers(nil)), "WithCallers", "closed", with(callers)},
		{"no proxies", with(bearer.WithTrustedProxies()), "WithTrustedProxies", "netip.ParsePrefix", with(proxies)},
		{"an invalid proxy", with(bearer.WithTrustedProxies(netip.MustParsePrefix("10.0.0.0/8"), netip.Prefix{})), "WithTrustedProxies", "netip.ParsePrefix", with(proxies)},
		{"an empty client id", of(testIssuer, pair, login, bearer.WithAccessTokenProfile("")), "WithAccessTokenProfile", "registered id", of(testIssuer, pair, login, bearer.WithAccessTokenProfile("web"))},
		// Whoever verifies such tokens could make them (RFC 9068 section 2.1).
		{"access tokens by HMAC", with(bearer.WithAccessTokenProfile("web")), "ring", "asymmetric", of(testIssuer, pair, login, bearer.WithAccessTokenProfile("web"))},
	}
	for name, opt := range map[string]bearer.IssuerOption{
		"WithClock": clock, "WithObserver": observer, "WithAudience": bearer.WithAudience("a"), "WithClaims": claims,
		"WithRevocations": bearer.WithRevocations(readingStore{}), "DangerouslyWithoutRevocation": bearer.DangerouslyWithoutRevocation(),
		"WithTrustedProxies": proxies, "WithCallers": callers, "DangerouslyAllowPasswordGrant": bearer.DangerouslyAllowPasswordGrant(),
		"WithLifetime": bearer.WithLifetime(bearer.ValidityLongLive, bearer.Months(1)),
	} {
		tests = append(tests, configTest{name + " twice", with(opt, opt), name, "give it once", with(opt)})
	}
	web := bearer.WithAccessTokenProfile("web")
	refreshed := bearer.WithRefreshTokens(families, refreshSecret, day, 30*day)
	tests = append(tests,
		configTest{"WithAccessTokenProfile twice", of(testIssuer, pair, login, web, web), "WithAccessTokenProfile", "give it once", of(testIssuer, pair, login, web)},
		configTest{"WithRefreshTokens twice", of(testIssuer, ring, renewing, refreshed, refreshed), "WithRefreshTokens", "give it once", of(testIssuer, ring, renewing, refreshed)},
		configTest{"one validity's lifetime twice", with(bearer.WithLifetime("Default", bearer.Seconds(1)), bearer.WithLifetime("Default", bearer.Seconds(2))), "WithLifetime", "give it once",
			with(bearer.WithLifetime("Default", bearer.Seconds(1)), bearer.WithLifetime("LongLive", bearer.Seconds(2)))},
	)
	for _, tt := range tests {
		t.Run(tt.name, tt.run)
	}
}

// Types that claims are decoded into.
type (
	selfDecoding struct{ Text string }
	streaming    struct{ Text string }
	recursive    struct {
		Subject string               `json:"sub"`
		Next    *recursive           `json:"next"`
		List    []recursive          `json:"list"`
		Named   map[string]recursive `json:"named"`
	}
	recursiveUntagged struct {
		Next *recursiveUntagged `json:"next"`
		Sub  string
	}
	base struct {
		Subject string `json:"sub"`
	}
	named string
)

func (s *selfDecoding) UnmarshalJSON(text []byte) error { s.Text = string(text); return nil }

func (s *streaming) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	text, err := d.ReadValue()
	s.Text = string(text)
	return err
}

// accepted decodes a token into C.
func accepted[C any](t *testing.T) {
	t.Helper()
	key := goldenKey(t)
	m, err := bearer.NewMiddleware[C](trust(static(t, key)), bearer.WithClock(testClock))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Verify(t.Context(), forge(t, key, header(key), goodPayload(`,"tenant":"x","org":{"name":"x"}`))); err != nil {
		t.Error(err)
	}
}

// refusedClaims wants one mistake in C, which says what to do.
func refusedClaims[C any](says string) func(*testing.T) {
	return func(t *testing.T) {
		t.Helper()
		_, err := bearer.NewMiddleware[C](trust(static(t, goldenKey(t))))
		all := optionErrors(t, err)
		if len(all) != 1 || all[0].Option != "C" || !strings.Contains(all[0].Reason, says) {
			t.Errorf("%v, want one of C that says %q", err, says)
		}
	}
}

func TestClaimsTypes(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"Claims":          accepted[bearer.Claims],
		"Claims embedded": accepted[tenantClaims],
		"Claims embedded by pointer": accepted[struct {
			*bearer.Claims
			Tenant any `json:"tenant"`
		}],
		"a struct": accepted[struct {
			Subject string `json:"sub"`
		}],
		"a nested struct": accepted[struct {
			Tenant struct {
				Name string `json:"name"`
			} `json:"org"`
		}],
		"an embedded struct that is not exported": accepted[struct{ base }],
		"the empty struct":                        accepted[struct{}],
		"fields that are left out": accepted[struct {
			Loaded func() `json:"-"`
			cached chan int
		}],
		"the rest in a map": accepted[struct {
			Subject string         `json:"sub"`
			Rest    map[string]any `json:",embed"`
		}],
		"a map":                     accepted[map[string]any],
		"a map of raw values":       accepted[map[string]jsontext.Value],
		"a map with a named key":    accepted[map[named]any],
		"any":                       accepted[any],
		"json.RawMessage":           accepted[stdjson.RawMessage],
		"jsontext.Value":            accepted[jsontext.Value],
		"its own UnmarshalJSON":     accepted[selfDecoding],
		"its own UnmarshalJSONFrom": accepted[streaming],
		"a field that decodes itself": accepted[struct {
			Tenant selfDecoding `json:"org"`
		}],
		"a date": accepted[struct {
			Expires bearer.NumericDate `json:"exp"`
			At      time.Time          `json:"at"`
		}],
		"a recursive type": accepted[recursive],
	} {
		t.Run(name, test)
	}

	const tag, pointer, object = "name the claim", "use the type it points to", "use a struct or a map"
	for name, test := range map[string]func(*testing.T){
		"a pointer":             refusedClaims[*bearer.Claims](pointer),
		"a pointer to a map":    refusedClaims[*map[string]any](pointer),
		"a field without a tag": refusedClaims[struct{ Sub string }](tag),
		"a field with another tag": refusedClaims[struct {
			Sub string `xml:"sub"`
		}](tag),
		"a tag without a name": refusedClaims[struct {
			Sub string `json:",omitempty"`
		}](tag),
		"an empty tag": refusedClaims[struct {
			Sub string `json:""`
		}](tag),
		"a nested field without a tag": refusedClaims[struct {
			Tenant struct{ Name string } `json:"tenant"`
		}](tag),
		"a field without a tag behind a pointer": refusedClaims[struct {
			Tenant *struct{ Name string } `json:"tenant"`
		}](tag),
		"a field without a tag in a slice": refusedClaims[struct {
			Tenants []struct{ Name string } `json:"tenants"`
		}](tag),
		"a field without a tag in an array": refusedClaims[struct {
			Tenants [1]struct{ Name string } `json:"tenants"`
		}](tag),
		"a field without a tag in a map": refusedClaims[map[string]struct{ Name string }](tag),
		"a field without a tag in an embedded struct": refusedClaims[struct {
			bearer.Claims
			recursiveUntagged
		}](tag),
		"a recursive type without a tag": refusedClaims[recursiveUntagged](tag),
		"a function": refusedClaims[struct {
			F func() `json:"f"`
		}]("leave it out"),
		"a channel": refusedClaims[struct {
			C chan int `json:"c"`
		}]("leave it out"),
		"a complex number": refusedClaims[struct {
			C []complex128 `json:"c"`
		}]("leave it out"),
		"an interface with methods": refusedClaims[struct {
			E error `json:"e"`
		}]("concrete type"),
		"an embedded interface":    refusedClaims[struct{ fmt.Stringer }]("concrete type"),
		"nothing but an interface": refusedClaims[fmt.Stringer]("concrete type"),
		"an int":                   refusedClaims[int](object),
		"a string":                 refusedClaims[string](object),
		"a bool":                   refusedClaims[bool](object),
		"a list":                   refusedClaims[[]string](object),
		"bytes":                    refusedClaims[[]byte](object),
		"a date alone":             refusedClaims[time.Time](object),
		// They decode {} and nothing else that is a token's payload.
		"a map whose keys are numbers":       refusedClaims[map[int]any]("map[string]any"),
		"a map of strings, which exp is not": refusedClaims[map[string]string]("map[string]any"),
	} {
		t.Run(name, test)
	}
}

// What a caller changes after construction changes nothing that runs.
func TestConstructorsCopy(t *testing.T) {
	key := goldenKey(t)
	main, other := trust(static(t, key)), trust(static(t, key))
	other.Issuer = "https://other.test"
	main.Audience, other.Audience = []string{testAudience}, []string{testAudience}
	main.TokenTypes, other.TokenTypes = []string{"JWT"}, []string{"JWT"}
	also := []bearer.Trust{other}
	m := newMiddleware[bearer.Claims](t, main, bearer.AlsoTrust(also...))
	for _, list := range [][]string{main.Audience, other.Audience, main.TokenTypes, other.TokenTypes} {
		list[0] = "evil"
	}
	also[0].Issuer = "https://evil.test"

	payload := func(issuer, audience string) string {
		return fmt.Sprintf(`{"iss":%q,"aud":%q,"exp":%d}`, issuer, audience, testNow.Unix()+60)
	}
	for _, tt := range []struct {
		name, header, issuer, audience string
		want                           error
	}{
		{"the issuer", header(key), testIssuer, testAudience, nil},
		{"the other issuer", header(key), "https://other.test", testAudience, nil},
		{"a changed issuer", header(key), "https://evil.test", testAudience, bearer.ErrIssuer},
		{"a changed audience", header(key), testIssuer, "evil", bearer.ErrAudience},
		{"a changed audience of the other", header(key), "https://other.test", "evil", bearer.ErrAudience},
		{"a changed type", `{"alg":"HS256","typ":"evil"}`, testIssuer, testAudience, bearer.ErrTokenType},
	} {
		_, err := m.Verify(t.Context(), forge(t, key, tt.header, payload(tt.issuer, tt.audience)))
		if !errors.Is(err, tt.want) || tt.want == nil && err != nil {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}

	audience, proxies := []string{"a", "b"}, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	spy := &loginSpy{account: fullAccount()}
	i := issuerOf(t, spy, bearer.WithAudience(audience...), bearer.WithTrustedProxies(proxies...))
	audience[0], proxies[0] = "evil", netip.MustParsePrefix("0.0.0.0/0")
	if got := i.Trust().Audience; !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("audience %q", got)
	}
	r := tokenRequest("Default") // from 192.0.2.1
	r.Header.Set("X-Forwarded-For", "203.0.113.7")
	i.ServeHTTP(httptest.NewRecorder(), r)
	if len(spy.asked) != 1 || spy.asked[0].ClientAddr != netip.MustParseAddr("192.0.2.1") {
		t.Error("the list of trusted proxies has changed")
	}
}

// A process that wipes the secret after use must not make tokens of none.
func TestConstructorsCopyTheRefreshSecret(t *testing.T) {
	store, secret := new(refresh.MemoryStore), bytes.Clone(refreshSecret)
	spy := &renewSpy{loginSpy: loginSpy{account: fullAccount()}}
	i := issuerOf(t, spy, bearer.WithRefreshTokens(store, secret, time.Hour, time.Hour))
	clear(secret)
	other := issuerOf(t, spy, bearer.WithRefreshTokens(store, refreshSecret, time.Hour, time.Hour))
	s := &oauthServer{t: t, mux: http.NewServeMux()}
	other.Mount(s.mux)
	tokensOf(t, s.refreshByJSON(issue(t, i, fullAccount(), "").RefreshToken))
}

// One option may be used for many constructors.
func TestOptionsAreReusable(t *testing.T) {
	key := goldenKey(t)
	clock, leeway := bearer.WithClock(testClock), bearer.WithLeeway(time.Second)
	for range 2 {
		if _, err := bearer.NewMiddleware[bearer.Claims](trust(static(t, key)), clock, leeway); err != nil {
			t.Error(err)
		}
		if _, err := bearer.NewIssuer(testIssuer, ringOf(t, key), &loginSpy{}, clock); err != nil {
			t.Error(err)
		}
	}
}
