package bearerchi_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/gobearer/bearer"
)

// BenchmarkMiddleware compares what the middleware costs under chi with what it
// costs under net/http: a handler without it, behind it with a token, and behind
// an optional one without a token, where almost all that is left is the wiring.
func BenchmarkMiddleware(b *testing.B) {
	issuer := exampleIssuer()
	token := "Bearer " + tokenFor(issuer)
	m, err := bearer.NewMiddleware[bearer.Claims](issuer.Trust())
	if err != nil {
		b.Fatal(err)
	}
	optional, err := bearer.NewMiddleware[bearer.Claims](issuer.Trust(), bearer.WithOptional())
	if err != nil {
		b.Fatal(err)
	}
	plain := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) })
	behind := func(chain ...func(http.Handler) http.Handler) http.Handler {
		router := chi.NewRouter()
		router.With(chain...).Get("/", plain)
		return router
	}
	benchmark(b, "net/http/plain", plain, token)
	benchmark(b, "net/http/protected", m.Wrap(plain), token)
	benchmark(b, "net/http/optional", optional.Wrap(plain), "")
	benchmark(b, "chi/plain", behind(), token)
	benchmark(b, "chi/protected", behind(m.Wrap), token)
	benchmark(b, "chi/optional", behind(optional.Wrap), "")
}

func benchmark(b *testing.B, name string, handler http.Handler, authorization string) {
	b.Run(name, func(b *testing.B) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		if authorization != "" {
			r.Header.Set("Authorization", authorization)
		}
		w := httptest.NewRecorder()
		b.ReportAllocs()
		for b.Loop() {
			handler.ServeHTTP(w, r)
		}
		if w.Code != http.StatusNoContent {
			b.Fatal(w.Code)
		}
	})
}
