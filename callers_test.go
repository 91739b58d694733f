package bearer_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/refresh"
)

var callerPaths = []string{"/revoke", "/introspect"}

// Whoever mounts an issuer must not open to everybody what takes tokens back and
// says what they are.
func TestCallersEndpointsAreClosedUntilConfigured(t *testing.T) {
	refreshing := bearer.WithRefreshTokens(new(refresh.MemoryStore), refreshSecret, refreshIdle, refreshAbsolute)
	callers := bearer.WithCallers(func(context.Context, string, string) error { return nil })
	closed := []string{"POST /token", "POST /token/", "GET /.well-known/jwks.json", "GET /.well-known/oauth-authorization-server"}
	open := slices.Insert(slices.Clone(closed), 3, "POST /revoke", "POST /introspect")
	for _, tt := range []struct {
		name string
		opts []bearer.IssuerOption
		want []string
	}{
		{"no option", nil, closed},
		{"every other option", []bearer.IssuerOption{refreshing, bearer.DangerouslyAllowPasswordGrant(), bearer.WithRevocations(new(revokingStore))}, closed},
		{"WithCallers", []bearer.IssuerOption{callers}, open},
	} {
		t.Run(tt.name, func(t *testing.T) {
			i := issuerOf(t, &renewSpy{loginSpy: loginSpy{account: fullAccount()}}, tt.opts...)
			var got []string
			for _, e := range i.Endpoints() {
				got = append(got, e.Method+" "+e.Path)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("endpoints %q, want %q", got, tt.want)
			}
			mux := http.NewServeMux()
			i.Mount(mux)
			token := issue(t, i, fullAccount(), "").AccessToken
			for _, path := range callerPaths {
				r := httptest.NewRequest("POST", path, strings.NewReader(form("token", token)))
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				asCaller(r)
				w := httptest.NewRecorder()
				mux.ServeHTTP(w, r)
				if opened := len(tt.want) > len(closed); (w.Code == http.StatusOK) != opened || (w.Code == http.StatusNotFound) == opened {
					t.Errorf("%s: %d %s", path, w.Code, w.Body)
				}
			}
		})
	}
}

// A caller is judged by the operator's function alone, and only by Basic.
func TestCallersAreAuthenticatedByBasic(t *testing.T) {
	type credentials struct{ id, secret string }
	for _, tt := range []struct {
		name   string
		edit   edit
		asked  []credentials
		err    error
		status int
		cause  error // of the event
	}{
		{"right", asCaller, []credentials{{callerID, callerSecret}}, nil, 200, nil},
		{"a scheme has no case", func(r *http.Request) {
			asCaller(r)
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "Basic", "bAsIc", 1))
		}, []credentials{{callerID, callerSecret}}, nil, 200, nil},
		{"a plus is a space", func(r *http.Request) { r.SetBasicAuth("a+b", "c%2Bd") }, []credentials{{"a b", "c+d"}}, nil, 200, nil},
		{"a colon in the secret", func(r *http.Request) { r.SetBasicAuth("a", "b:c") }, []credentials{{"a", "b:c"}}, nil, 200, nil},
		{"wrong", basicAuth("a", "b"), []credentials{{"a", "b"}}, bearer.ErrBadCredentials, 401, bearer.ErrBadCredentials},
		{"wrong, wrapped", basicAuth("a", "b"), []credentials{{"a", "b"}}, fmt.Errorf("no a: %w", bearer.ErrBadCredentials), 401, bearer.ErrBadCredentials},
		{"the operator's store is down", asCaller, []credentials{{callerID, callerSecret}}, errors.New("connection refused"), 503, bearer.ErrUnavailable},
		{"it is slow", asCaller, []credentials{{callerID, callerSecret}}, context.DeadlineExceeded, 503, bearer.ErrUnavailable},
		{"it has had enough", asCaller, []credentials{{callerID, callerSecret}}, &bearer.ThrottledError{RetryAfter: time.Minute}, 503, bearer.ErrUnavailable},

		{"nobody", func(*http.Request) {}, nil, nil, 401, nil},
		{"an empty secret", basicAuth("a", ""), nil, nil, 401, nil},
		{"an empty id", basicAuth("", "b"), nil, nil, 401, nil},
		{"two headers", func(r *http.Request) { asCaller(r); r.Header.Add("Authorization", r.Header.Get("Authorization")) }, nil, nil, 401, nil},
		{"Bearer", withHeader("Authorization", "Bearer x"), nil, nil, 401, nil},
		{"no colon", withHeader("Authorization", "Basic YWI="), nil, nil, 401, nil},
		{"not base64", withHeader("Authorization", "Basic a:b"), nil, nil, 401, nil},
		{"a broken escape", func(r *http.Request) { r.SetBasicAuth("a%", "b") }, nil, nil, 401, nil},
		{"not UTF-8", basicAuth("a", "\xff"), nil, nil, 401, nil},
		{"a cookie", withHeader("Cookie", "Authorization=Basic YTpi"), nil, nil, 401, nil},
		{"a query is no header", query("client_id=a&client_secret=b"), nil, nil, 401, nil},
		{"the method comes first", func(r *http.Request) { asCaller(r); r.Method = "GET" }, nil, nil, 405, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, path := range callerPaths {
				var asked []credentials
				events := new(eventLog)
				i := issuerOf(t, &loginSpy{}, events.option(), bearer.WithCallers(func(_ context.Context, id, secret string) error {
					asked = append(asked, credentials{id, secret})
					return tt.err
				}))
				s := &oauthServer{t: t, issuer: i, mux: http.NewServeMux()}
				i.Mount(s.mux)
				w := s.post(path, form("token", "x"), tt.edit)
				if !slices.Equal(asked, tt.asked) {
					t.Errorf("%s: asked for %q, want %q", path, asked, tt.asked)
				}
				code := map[int]string{401: "invalid_client", 405: "invalid_request", 503: "temporarily_unavailable"}[tt.status]
				if code != "" {
					wantError(t, w, tt.status, code)
				} else if w.Code != tt.status {
					t.Errorf("%s: %d %s", path, w.Code, w.Body)
				}
				var want []bearer.Event
				if tt.cause != nil {
					want = []bearer.Event{{Kind: bearer.EventCallerRefused, Cause: tt.cause, Issuer: testIssuer}}
				}
				got := events.all()
				for k := range got {
					got[k].Duration = 0
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s: events %+v, want %+v", path, got, want)
				}
			}
		})
	}
}

func TestCallersGetTheRequestsContext(t *testing.T) {
	type key struct{}
	var got any
	i := issuerOf(t, &loginSpy{}, bearer.WithCallers(func(ctx context.Context, _, _ string) error { got = ctx.Value(key{}); return nil }))
	s := &oauthServer{t: t, mux: http.NewServeMux()}
	i.Mount(s.mux)
	s.post("/revoke", form("token", "x"), asCaller, func(r *http.Request) {
		*r = *r.WithContext(context.WithValue(r.Context(), key{}, "here"))
	})
	if got != "here" {
		t.Errorf("value %v", got)
	}
}

// What the token endpoint promises of a body holds here.
func TestCallersBodiesAreBounded(t *testing.T) {
	s := newOAuthServer(t)
	token := s.logIn().AccessToken
	whole := form("token", token, "x", strings.Repeat("y", 16<<10-len(form("token", token, "x", ""))))
	for _, path := range callerPaths {
		wantError(t, s.post(path, whole+"y", asCaller), 413, "invalid_request")
		broken := httptest.NewRequest("POST", path, iotest.ErrReader(errors.New("reset")))
		broken.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		asCaller(broken)
		w := httptest.NewRecorder()
		s.mux.ServeHTTP(w, broken)
		wantError(t, w, 400, "invalid_request")
		empty := httptest.NewRequest("POST", path, nil)
		empty.Body = nil
		empty.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		asCaller(empty)
		w = httptest.NewRecorder()
		s.mux.ServeHTTP(w, empty)
		wantError(t, w, 400, "invalid_request")
	}
	if !s.admits(token) {
		t.Error("revoked")
	}
	if w := s.post("/introspect", whole, asCaller); !strings.HasPrefix(w.Body.String(), `{"active":true,`) {
		t.Errorf("16 KiB: %d %s", w.Code, w.Body)
	}
	wantRevocation(t, s.post("/revoke", whole, asCaller))
	if s.admits(token) {
		t.Error("not revoked")
	}
}

// A client that went away is told nothing that it could take for done.
func TestCallersThatWentAway(t *testing.T) {
	s := newOAuthServer(t)
	tokens := s.logIn()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.revocations.fail["Revoke"], s.revocations.fail["Revoked"] = context.Canceled, context.Canceled
	gone := func(r *http.Request) { asCaller(r); *r = *r.WithContext(ctx) }
	wantError(t, s.post("/revoke", form("token", tokens.AccessToken), gone), 503, "temporarily_unavailable")
	wantError(t, s.post("/revoke", form("token", tokens.RefreshToken), gone), 503, "temporarily_unavailable")
	wantError(t, s.post("/introspect", form("token", tokens.AccessToken), gone), 503, "temporarily_unavailable")
}

// An outer handler may have described the answer that it expected.
func TestCallersAnswersDropStaleHeaders(t *testing.T) {
	s := newOAuthServer(t)
	for _, path := range callerPaths {
		for _, e := range []edit{asCaller, basicAuth("a", "b")} {
			r := httptest.NewRequest("POST", path, strings.NewReader("token=x"))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			e(r)
			w := httptest.NewRecorder()
			w.Header()["Content-Length"], w.Header()["Etag"], w.Header()["Content-Type"] = []string{"5"}, []string{`"x"`}, []string{"text/html"}
			s.mux.ServeHTTP(w, r)
			if h := w.Header(); h["Content-Length"] != nil || h["Etag"] != nil || h.Get("Content-Type") == "text/html" {
				t.Errorf("%s: %d %v", path, w.Code, h)
			}
		}
	}
}
