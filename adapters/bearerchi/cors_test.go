package bearerchi_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/bearertest"
	"github.com/rs/cors"
)

const origin = "https://app.example"

// preflight is what a browser asks before it sends the Authorization header.
func preflight() *http.Request {
	r := httptest.NewRequest(http.MethodOptions, "/resource", nil)
	r.Header.Set("Origin", origin)
	r.Header.Set("Access-Control-Request-Method", "GET")
	r.Header.Set("Access-Control-Request-Headers", "authorization")
	return r
}

// loginPreflight is what a browser asks before it posts JSON to the token endpoint.
func loginPreflight() *http.Request {
	r := httptest.NewRequest(http.MethodOptions, "/token", nil)
	r.Header.Set("Origin", origin)
	r.Header.Set("Access-Control-Request-Method", http.MethodPost)
	r.Header.Set("Access-Control-Request-Headers", "content-type")
	return r
}

func fromBrowser(token string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/resource", nil)
	r.Header.Set("Origin", origin)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return r
}

func allowed(w *httptest.ResponseRecorder) bool {
	return w.Header().Get("Access-Control-Allow-Origin") == origin
}

// One order works: CORS in front. Behind the middleware no preflight passes, as
// browsers send none with a token, and no page can read why it was refused.
func TestCORSBelongsInFront(t *testing.T) {
	issuer := bearertest.NewIssuer(t)
	m, err := bearer.NewMiddleware[bearertest.Claims](issuer.Trust())
	if err != nil {
		t.Fatal(err)
	}
	headers := cors.New(cors.Options{
		AllowedOrigins: []string{origin},
		AllowedHeaders: []string{"Authorization", "Content-Type"},
		ExposedHeaders: []string{"WWW-Authenticate"},
	})
	ran := 0
	wire := func(middlewares ...func(http.Handler) http.Handler) http.Handler {
		router := chi.NewRouter()
		router.Use(middlewares...)
		router.Get("/resource", func(http.ResponseWriter, *http.Request) { ran++ })
		return router
	}
	inFront, behind := wire(headers.Handler, m.Wrap), wire(m.Wrap, headers.Handler)
	for _, test := range []struct {
		name    string
		router  http.Handler
		request *http.Request
		status  int
		allowed bool // whether the browser lets the page go on, or read the answer
		ran     int
	}{
		{"in front: the preflight", inFront, preflight(), http.StatusNoContent, true, 0},
		{"in front: the login's preflight", inFront, loginPreflight(), http.StatusNoContent, true, 0},
		{"in front: a good token", inFront, fromBrowser(issuer.Token(nil)), http.StatusOK, true, 1},
		{"in front: no token", inFront, fromBrowser(""), http.StatusUnauthorized, true, 0},
		{"in front: an expired token", inFront, fromBrowser(issuer.Expired()), http.StatusUnauthorized, true, 0},
		{"behind: the preflight", behind, preflight(), http.StatusUnauthorized, false, 0},
		{"behind: a good token, which no browser sends after that", behind, fromBrowser(issuer.Token(nil)), http.StatusOK, true, 1},
		{"behind: no token", behind, fromBrowser(""), http.StatusUnauthorized, false, 0},
		{"behind: an expired token", behind, fromBrowser(issuer.Expired()), http.StatusUnauthorized, false, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			ran = 0
			w := httptest.NewRecorder()
			test.router.ServeHTTP(w, test.request)
			if w.Code != test.status || allowed(w) != test.allowed || ran != test.ran {
				t.Errorf("status %d, allowed %t, the handler ran %d times, want %d, %t, %d", w.Code, allowed(w), ran, test.status, test.allowed, test.ran)
			}
			exposed := w.Header().Get("Access-Control-Expose-Headers") != ""
			if w.Code == http.StatusUnauthorized && (w.Header().Get("WWW-Authenticate") == "" || exposed != test.allowed) {
				t.Errorf("header %v", w.Header())
			}
		})
	}
}

// A preflight or a health check is kept out by where it is routed, not by a list
// of URLs: what no group protects is public.
func TestPublicRoutesAreOutsideOfTheGroup(t *testing.T) {
	issuer := bearertest.NewIssuer(t)
	m, err := bearer.NewMiddleware[bearertest.Claims](issuer.Trust())
	if err != nil {
		t.Fatal(err)
	}
	router := chi.NewRouter()
	router.Get("/healthz", func(http.ResponseWriter, *http.Request) {})
	router.Group(func(r chi.Router) {
		r.Use(m.Wrap)
		r.Get("/resource", func(http.ResponseWriter, *http.Request) { t.Error("the handler ran") })
	})
	for path, status := range map[string]int{
		"/healthz": http.StatusOK, "/resource": http.StatusUnauthorized,
		"//resource": http.StatusNotFound, "/healthz/../resource": http.StatusNotFound, "/healthz/": http.StatusNotFound,
	} {
		w := httptest.NewRecorder()
		router.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != status {
			t.Errorf("%s: %d, want %d", path, w.Code, status)
		}
	}
}
