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

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/keys"
)

// validated fails with what a test wants.
type validated struct {
	Subject string `json:"sub"`
}

var errValidate error

func (*validated) Validate() error { return errValidate }

// An error from behind the credential may wrap any sentinel of the package, as
// that of a store whose own client uses it does. It must neither make a bad token
// an absent one, which WithOptional lets pass, nor change the answer of its step.
func TestErrorsFromBehindKeepTheirPlace(t *testing.T) {
	k := newKey(t, keys.HS256)
	token := forge(t, k, header(k), goodPayload(""))
	for _, sentinel := range []error{
		bearer.ErrMissing, bearer.ErrRequest, bearer.ErrExpired, bearer.ErrUnavailable, bearer.ErrForbidden, bearer.ErrSignature,
	} {
		err := fmt.Errorf("a store: %w", sentinel)
		steps := map[string]struct {
			trust    bearer.Trust
			validate error
			status   int
		}{
			"the source": {trust(&spySource{fail: func(context.Context) error { return err }}), nil, http.StatusServiceUnavailable},
			"the revocations": {func() bearer.Trust {
				t := trust(static(t, k))
				t.Revocations = revocationsFunc(func(context.Context, bearer.Info) (bool, error) { return false, err })
				return t
			}(), nil, http.StatusServiceUnavailable},
			"Validate": {trust(static(t, k)), err, http.StatusUnauthorized},
		}
		for step, tt := range steps {
			for _, opts := range [][]bearer.MiddlewareOption{nil, {bearer.WithOptional()}} {
				t.Run(fmt.Sprintf("%s fails with %v, %d options", step, sentinel, len(opts)), func(t *testing.T) {
					errValidate = tt.validate
					defer func() { errValidate = nil }()
					ran := false
					h := newMiddleware[validated](t, tt.trust, opts...).Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { ran = true }))
					r := httptest.NewRequest(http.MethodGet, "/", nil)
					r.Header.Set("Authorization", "Bearer "+token)
					w := httptest.NewRecorder()
					h.ServeHTTP(w, r)
					if ran || w.Code != tt.status {
						t.Errorf("the handler ran: %t, status %d, want %d", ran, w.Code, tt.status)
					}
				})
			}
		}
	}
}

// The router's own patterns may have methods.
func TestMountBesideOtherPatterns(t *testing.T) {
	for _, pattern := range []string{"/", "GET /", "GET /{path...}", "POST /", "GET /{name}", "GET /{$}", "/{name}/"} {
		t.Run(pattern, func(t *testing.T) {
			mux := http.NewServeMux()
			mux.Handle(pattern, http.NotFoundHandler())
			issuerOf(t, &loginSpy{}).Mount(mux)
			for _, method := range []string{"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} {
				w := httptest.NewRecorder()
				mux.ServeHTTP(w, httptest.NewRequest(method, "/token", nil))
				if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "POST" || w.Header().Get("Cache-Control") != "no-store" {
					t.Errorf("%s: %d %v", method, w.Code, w.Header())
				}
			}
		})
	}
}

// A context by value may hold what Go cannot compare.
type valueContext struct {
	context.Context
	_ []int
}

func TestContextsThatDoNotCompare(t *testing.T) {
	k := newKey(t, keys.HS256)
	m := newMiddleware[map[string]any](t, trust(static(t, k)), bearer.WithOptional())
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	if _, err := m.Admit(r.WithContext(valueContext{Context: r.Context()})); err != nil {
		t.Errorf("without a credential: %v", err)
	}
	r.Header.Set("Authorization", "Bearer "+forge(t, k, header(k), goodPayload("")))
	r, err := m.Admit(r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Admit(r.WithContext(valueContext{Context: r.Context()})); err != nil {
		t.Errorf("admitted already: %v", err)
	}
}

// Whoever is handed an Info may write to it.
func TestInfoIsACopy(t *testing.T) {
	k := newKey(t, keys.HS256)
	spoil := func(info bearer.Info) {
		for _, list := range [][]string{info.Roles, info.Scopes, info.Audience} {
			for i := range list {
				list[i] = "admin"
			}
		}
	}
	tr := trust(static(t, k))
	tr.Revocations = revocationsFunc(func(_ context.Context, t bearer.Info) (bool, error) { spoil(t); return false, nil })
	m := newMiddleware[map[string]any](t, tr)
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer "+forge(t, k, header(k), goodPayload(`,"roles":["clerk"],"scope":"read"`)))
	r, err := m.Admit(r)
	if err != nil {
		t.Fatal(err)
	}
	info, _ := bearer.InfoFromContext(r.Context())
	if !slices.Equal(info.Roles, []string{"clerk"}) {
		t.Errorf("the revocations changed the roles to %q", info.Roles)
	}
	spoil(info)
	if _, err := m.Admit(r, bearer.RequireRole("admin")); !errors.Is(err, bearer.ErrForbidden) {
		t.Errorf("a handler made itself an admin: %v", err)
	}
	token := &bearer.Token[int]{Info: bearer.Info{Roles: []string{"clerk"}}}
	ctx := bearer.NewContext(t.Context(), token)
	spoil(token.Info)
	if info, _ := bearer.InfoFromContext(ctx); !slices.Equal(info.Roles, []string{"clerk"}) {
		t.Errorf("the context's roles became %q", info.Roles)
	}
}

// An outer handler may have described the answer that it expected.
func TestRefusalsDropStaleHeaders(t *testing.T) {
	stale := http.Header{
		"Content-Length": {"5"}, "Content-Type": {"text/html"}, "Content-Encoding": {"gzip"},
		"Etag": {`"x"`}, "Last-Modified": {"yesterday"}, "Retry-After": {"99"}, "X-Request-Id": {"1"},
	}
	m := newMiddleware[map[string]any](t, trust(static(t, newKey(t, keys.HS256))))
	for name, h := range map[string]http.Handler{"the middleware": m.Wrap(http.NotFoundHandler()), "the token endpoint": issuerOf(t, &loginSpy{})} {
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			for name, values := range stale {
				w.Header()[name] = values
			}
			h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
			for name, values := range stale {
				if got := w.Header()[name]; slices.Equal(got, values) != (name == "X-Request-Id") {
					t.Errorf("%s: %q", name, got)
				}
			}
		})
	}
}

// A token without kid is worth a few verifications, whoever sends it.
func TestCandidatesAreFew(t *testing.T) {
	for n, want := range map[int]error{16: nil, 17: bearer.ErrUnknownKey} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			var set []*keys.Key
			for i := range n {
				set = append(set, newKey(t, keys.HS256, keys.WithID(fmt.Sprint(i))))
			}
			m := newMiddleware[map[string]any](t, trust(static(t, set...)))
			last := set[n-1]
			if _, err := m.Verify(t.Context(), forge(t, last, `{"alg":"HS256"}`, goodPayload(""))); !errors.Is(err, want) {
				t.Errorf("without kid: %v, want %v", err, want)
			}
			if _, err := m.Verify(t.Context(), forge(t, last, header(last), goodPayload(""))); err != nil {
				t.Errorf("with kid: %v", err)
			}
		})
	}
}

// The header is the client's text until a trusted proxy has been found to write
// it, and is read no further than that.
func TestForwardedForCostsNothing(t *testing.T) {
	i := issuerOf(t, &loginSpy{err: bearer.ErrBadCredentials})
	var body strings.Reader
	r := httptest.NewRequest(http.MethodPost, "/token", &body)
	r.Header.Set("Content-Type", "application/json")
	measure := func(forwarded string) float64 {
		r.Header.Set("X-Forwarded-For", forwarded)
		return testing.AllocsPerRun(10, func() {
			body.Reset(`{"userName":"a","password":"b","privateToken":"c"}`)
			i.ServeHTTP(httptest.NewRecorder(), r)
		})
	}
	short, long := measure(","), measure(strings.Repeat(",", 1<<20))
	if raceDetector {
		t.Skip("the race detector allocates too")
	}
	if long > short {
		t.Errorf("%v allocations, %v for a short header", long, short)
	}
}
