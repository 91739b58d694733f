package bearerchi_test

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	chimiddleware "github.com/go-chi/chi/v5/middleware"
	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/adapters/bearerchi"
	"github.com/gobearer/bearer/bearertest"
	"github.com/gobearer/bearer/keys"
)

// handler is what stands behind every wiring.
func handler(route bearertest.Route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		route.Saw(bearer.FromContext[bearertest.Claims](r.Context()))
		w.WriteHeader(http.StatusNoContent)
	}
}

func TestConforms(t *testing.T) {
	for name, wire := range map[string]func(bearertest.Route) http.Handler{
		"With": func(route bearertest.Route) http.Handler {
			router := chi.NewRouter()
			var inline chi.Router = router
			for _, guards := range route.Guards {
				inline = inline.With(route.Middleware.Guard(guards...))
			}
			inline.Handle(route.Path, handler(route))
			return router
		},
		"Use in groups": func(route bearertest.Route) http.Handler {
			router := chi.NewRouter()
			router.Use(chimiddleware.Recoverer)
			var add func(r chi.Router, levels [][]bearer.Guard)
			add = func(r chi.Router, levels [][]bearer.Guard) {
				if len(levels) == 0 {
					r.Handle(route.Path, handler(route))
					return
				}
				r.Group(func(r chi.Router) {
					r.Use(route.Middleware.Guard(levels[0]...))
					add(r, levels[1:])
				})
			}
			add(router, route.Guards)
			return router
		},
		"a mounted router": func(route bearertest.Route) http.Handler {
			inner := chi.NewRouter()
			for _, guards := range route.Guards[1:] {
				inner.Use(route.Middleware.Guard(guards...))
			}
			inner.Handle("/", handler(route))
			outer := chi.NewRouter()
			outer.Use(route.Middleware.Guard(route.Guards[0]...))
			outer.Mount(route.Path, inner)
			return outer
		},
	} {
		t.Run(name, func(t *testing.T) { bearertest.Conformance(t, wire) })
	}
}

// Every endpoint answers as under net/http's mux, for every method, with no
// redirect.
func TestMount(t *testing.T) {
	for _, name := range []string{"https://localhost", "https://localhost/realms/urn:a"} {
		issuer := newIssuer(t, name)
		mux := http.NewServeMux()
		issuer.Mount(mux)
		router := chi.NewRouter()
		bearerchi.Mount(router, issuer)
		checkMount(t, issuer, mux, router)
	}
}

func newIssuer(t testing.TB, name string) *bearer.Issuer {
	t.Helper()
	key, err := keys.Generate(keys.HS256)
	if err != nil {
		t.Fatal(err)
	}
	ring, err := keys.NewRing(key)
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := bearer.NewIssuer(name, ring, bearer.AuthenticatorFunc(func(_ context.Context, c bearer.Credentials) (*bearer.Account, error) {
		if c.UserName != "tom" {
			return nil, bearer.ErrBadCredentials
		}
		return &bearer.Account{ID: "1087", UserName: "tom"}, nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	return issuer
}

// checkMount compares every answer of the mounted endpoints with net/http's.
func checkMount(t *testing.T, issuer *bearer.Issuer, mux, router http.Handler) {
	t.Helper()
	const login = `{"userName":"tim","password":"p","privateToken":"t"}`
	for _, e := range issuer.Endpoints() {
		for _, method := range []string{
			http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
			http.MethodDelete, http.MethodConnect, http.MethodOptions, http.MethodTrace,
		} {
			send := func(handler http.Handler) *httptest.ResponseRecorder {
				r := httptest.NewRequest(http.MethodPost, "https://localhost"+e.Path, strings.NewReader(login))
				r.Method = method // NewRequest reads an address out of CONNECT
				r.Header.Set("Content-Type", "application/json")
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, r)
				return w
			}
			want, got := send(mux), send(router)
			if got.Code != want.Code || got.Body.String() != want.Body.String() || !maps.EqualFunc(got.Header(), want.Header(), slices.Equal) {
				t.Errorf("%s %s: %d %v %q, want %d %v %q", method, e.Path, got.Code, got.Header(), got.Body, want.Code, want.Header(), want.Body)
			}
			if (got.Code == http.StatusMethodNotAllowed) == (method == e.Method || method == http.MethodHead && e.Method == http.MethodGet) || got.Code == http.StatusNotFound {
				t.Errorf("%s %s: %d", method, e.Path, got.Code)
			}
		}
	}
	for _, e := range issuer.Endpoints() {
		w := httptest.NewRecorder()
		router.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "https://localhost"+e.Path+"x", nil))
		if w.Code != http.StatusNotFound {
			t.Errorf("%sx: %d, want 404", e.Path, w.Code)
		}
	}
	r := httptest.NewRequest(http.MethodPost, "https://localhost/token/", strings.NewReader(strings.Replace(login, "tim", "tom", 1)))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	router.ServeHTTP(w, r)
	if w.Code != http.StatusOK || !strings.HasPrefix(w.Body.String(), `{"access_token":"`) {
		t.Errorf("a login: %d %s", w.Code, w.Body)
	}
}
