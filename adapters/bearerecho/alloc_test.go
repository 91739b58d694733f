//go:build !race

package bearerecho_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/adapters/bearerecho"
	"github.com/labstack/echo/v5"
)

// What the middleware allocates under echo is no more than under net/http.
func TestMiddlewareAllocatesNothingOfItsOwn(t *testing.T) {
	issuer := exampleIssuer()
	m, err := bearer.NewMiddleware[bearer.Claims](issuer.Trust())
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer "+tokenFor(issuer))
	allocations := func(handler http.Handler) float64 {
		w := httptest.NewRecorder()
		return testing.AllocsPerRun(200, func() { handler.ServeHTTP(w, r) })
	}
	plain := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	behind := func(chain ...echo.MiddlewareFunc) http.Handler {
		e := newEcho()
		e.GET("/", func(c *echo.Context) error { return c.NoContent(http.StatusNoContent) }, chain...)
		return e
	}
	cost := allocations(m.Wrap(plain)) - allocations(plain)
	if here := allocations(behind(bearerecho.Middleware(m))) - allocations(behind()); here > cost {
		t.Errorf("%v allocations, %v under net/http", here, cost)
	}
}
