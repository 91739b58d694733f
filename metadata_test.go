package bearer_test

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/keys"
	"github.com/gobearer/bearer/refresh"
)

func namedIssuer(t testing.TB, name string) *bearer.Issuer {
	t.Helper()
	i, err := bearer.NewIssuer(name, ringOf(t, newKey(t, keys.EdDSA)), &loginSpy{})
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func TestMetadata(t *testing.T) {
	const none = ""
	for _, tt := range []struct{ name, issuer, path, origin string }{
		{"https", "https://issuer.test", "/.well-known/oauth-authorization-server", "https://issuer.test"},
		{"a final slash is no path", "https://issuer.test/", "/.well-known/oauth-authorization-server", "https://issuer.test"},
		{"a port", "https://issuer.test:8443", "/.well-known/oauth-authorization-server", "https://issuer.test:8443"},
		{"a path is inserted behind the well-known one", "https://issuer.test/a/b", "/.well-known/oauth-authorization-server/a/b", "https://issuer.test"},
		{"and loses its final slash", "https://issuer.test/a/", "/.well-known/oauth-authorization-server/a", "https://issuer.test"},
		{"this machine by name", "http://localhost:44306/", "/.well-known/oauth-authorization-server", "http://localhost:44306"},
		{"this machine by address", "http://127.0.0.1:8080", "/.well-known/oauth-authorization-server", "http://127.0.0.1:8080"},
		{"this machine by its IPv6 address", "http://[::1]:8080", "/.well-known/oauth-authorization-server", "http://[::1]:8080"},
		{"plain http to another machine has none", "http://issuer.test", none, ""},
		{"a host that only looks like this machine", "http://localhost.issuer.test", none, ""},
		{"a query", "https://issuer.test?a", none, ""},
		{"a fragment", "https://issuer.test#", none, ""},
		{"a user", "https://a@issuer.test", none, ""},
		{"no host", "https:///a", none, ""},
		{"no URL", "issuer", none, ""},
		{"another scheme", "urn:issuer:test", none, ""},
		{"a port alone", "https://:8080", none, ""},
		{"an empty segment in the path", "https://issuer.test/a//b", none, ""},
		{"a dot for a segment", "https://issuer.test/a/./b", none, ""},
		{"two dots for a segment", "https://issuer.test/a/../b", none, ""},
		{"a star, which routers take for a pattern", "https://issuer.test/a*b", none, ""},
		{"an escape, which routers decode", "https://issuer.test/a%20b", none, ""},
		{"slashes alone", "https://issuer.test///", none, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			i := namedIssuer(t, tt.issuer)
			var paths []string
			for _, e := range i.Endpoints() {
				paths = append(paths, e.Path)
			}
			want := []string{"/token", "/token/", "/.well-known/jwks.json"}
			if tt.path != none {
				want = append(want, tt.path)
			}
			if !slices.Equal(paths, want) {
				t.Fatalf("paths %q, want %q", paths, want)
			}
			if tt.path == none {
				return
			}
			mux := http.NewServeMux()
			i.Mount(mux)
			w := httptest.NewRecorder()
			mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, tt.path, nil))
			body := `{"issuer":"` + tt.issuer + `","token_endpoint":"` + tt.origin + `/token","jwks_uri":"` + tt.origin +
				`/.well-known/jwks.json","response_types_supported":[],"grant_types_supported":["https://github.com/gobearer/bearer#token"],` +
				`"token_endpoint_auth_methods_supported":["none"]}`
			header := http.Header{"Content-Type": {"application/json"}, "Cache-Control": {"public, max-age=300"}}
			if w.Code != http.StatusOK || w.Body.String() != body || !maps.EqualFunc(w.Header(), header, slices.Equal) {
				t.Errorf("%d %v\n%s, want\n%s", w.Code, w.Header(), w.Body, body)
			}
			w = httptest.NewRecorder()
			mux.ServeHTTP(w, httptest.NewRequest(http.MethodPost, tt.path, nil))
			if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" || w.Body.Len() > 0 {
				t.Errorf("POST: %d %v %q", w.Code, w.Header(), w.Body)
			}
		})
	}
}

// Clients find what is open, and nothing that is not (RFC 8414 section 2).
func TestMetadataOfOptions(t *testing.T) {
	const (
		grants  = `,"grant_types_supported":["https://github.com/gobearer/bearer#token"`
		methods = `],"token_endpoint_auth_methods_supported":["none"`
		callers = `,"revocation_endpoint":"https://issuer.test/revoke","revocation_endpoint_auth_methods_supported":["client_secret_basic"],` +
			`"introspection_endpoint":"https://issuer.test/introspect","introspection_endpoint_auth_methods_supported":["client_secret_basic"]`
	)
	refreshing := bearer.WithRefreshTokens(new(refresh.MemoryStore), refreshSecret, refreshIdle, refreshAbsolute)
	passwords := bearer.DangerouslyAllowPasswordGrant()
	calling := bearer.WithCallers(func(context.Context, string, string) error { return nil })
	for _, tt := range []struct {
		name, issuer string
		opts         []bearer.IssuerOption
		want         string // behind the addresses
	}{
		{"none", "https://issuer.test", nil, grants + methods + "]"},
		{"refresh tokens", "https://issuer.test", []bearer.IssuerOption{refreshing}, grants + `,"refresh_token"` + methods + "]"},
		{"passwords", "https://issuer.test", []bearer.IssuerOption{passwords}, grants + `,"password"` + methods + `,"client_secret_basic","client_secret_post"]`},
		{"callers", "https://issuer.test", []bearer.IssuerOption{calling}, grants + methods + "]" + callers},
		{"all, with a path", "https://issuer.test/a", []bearer.IssuerOption{refreshing, passwords, calling},
			grants + `,"password","refresh_token"` + methods + `,"client_secret_basic","client_secret_post"]` + callers},
	} {
		t.Run(tt.name, func(t *testing.T) {
			i, err := bearer.NewIssuer(tt.issuer, ringOf(t, newKey(t, keys.EdDSA)), &renewSpy{}, tt.opts...)
			if err != nil {
				t.Fatal(err)
			}
			endpoints := i.Endpoints()
			w := httptest.NewRecorder()
			endpoints[len(endpoints)-1].Handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
			want := `{"issuer":"` + tt.issuer + `","token_endpoint":"https://issuer.test/token","jwks_uri":"https://issuer.test/.well-known/jwks.json",` +
				`"response_types_supported":[]` + tt.want + "}"
			if w.Body.String() != want {
				t.Errorf("%s, want\n%s", w.Body, want)
			}
		})
	}
}

// What an issuer grants for 120 months holds a rotated key for as long.
func TestRingKeepsKeysForTheLongestLifetime(t *testing.T) {
	for _, tt := range []struct {
		name string
		opts []bearer.IssuerOption
		days int // at least, and less than a tenth more
	}{
		{"120 months unless it is told otherwise", nil, 3652},
		{"the longest of what it is told", []bearer.IssuerOption{bearer.WithLifetime(bearer.ValidityLongLive, bearer.Months(1))}, 31},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ring, err := keys.NewRing(newKey(t, keys.EdDSA), keys.WithClock(testClock))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := bearer.NewIssuer(testIssuer, ring, &loginSpy{}, tt.opts...); err != nil {
				t.Fatal(err)
			}
			if err := ring.Rotate(newKey(t, keys.EdDSA)); err != nil {
				t.Fatal(err)
			}
			states := ring.States()
			days := int(states[0].DroppedAt.Sub(states[1].SignsFrom).Hours() / 24)
			if days < tt.days || days > tt.days*11/10 {
				t.Errorf("dropped %d days after the next one signs, want %d", days, tt.days)
			}
		})
	}
}
