//go:build !race

package bearergin_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/adapters/bearergin"
)

// What the middleware allocates under gin is no more than under net/http.
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
	behind := func(chain ...gin.HandlerFunc) http.Handler {
		engine := gin.New()
		engine.GET("/", append(chain, func(c *gin.Context) { c.Status(http.StatusNoContent) })...)
		return engine
	}
	cost := allocations(m.Wrap(plain)) - allocations(plain)
	if here := allocations(behind(bearergin.Middleware(m))) - allocations(behind()); here > cost {
		t.Errorf("%v allocations, %v under net/http", here, cost)
	}
}
