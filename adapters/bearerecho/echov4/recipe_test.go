// Package echov4_test holds the recipe for echo v4, whose support ends soon: it
// needs no adapter, as echo.WrapMiddleware carries the decision of a net/http
// middleware over.
package echov4_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/bearertest"
	"github.com/gobearer/bearer/keys"
	"github.com/labstack/echo/v4"
)

// A refusal ends the chain: echo's error handler does not see it.
func Example() {
	auth := newMiddleware()
	wrap, guard := echo.WrapMiddleware(auth.Wrap), func(guards ...bearer.Guard) echo.MiddlewareFunc {
		return echo.WrapMiddleware(auth.Guard(guards...))
	}

	e := echo.New()
	group := e.Group("", wrap)
	group.GET("/me", func(c echo.Context) error {
		claims, _ := bearer.FromContext[bearer.Claims](c.Request().Context())
		return c.String(http.StatusOK, "hello, "+claims.Subject)
	})
	group.GET("/safe", func(c echo.Context) error { return c.NoContent(http.StatusOK) }, guard(bearer.RequireRole("boss")))
	// and the issuer's endpoints:
	//	for _, endpoint := range issuer.Endpoints() {
	//		e.Any(endpoint.Path, echo.WrapHandler(endpoint.Handler))
	//	}

	w := httptest.NewRecorder()
	e.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/me", nil))
	fmt.Println(w.Code, w.Header().Get("WWW-Authenticate"))
	// Output: 401 Bearer realm="api"
}

func newMiddleware() *bearer.Middleware[bearer.Claims] {
	key, err := keys.Generate(keys.ES256)
	if err != nil {
		log.Fatal(err)
	}
	source, err := keys.Static(key.Public())
	if err != nil {
		log.Fatal(err)
	}
	auth, err := bearer.NewMiddleware[bearer.Claims](bearer.Trust{Issuer: "https://shop.example", Audience: []string{"https://api.example"}, Keys: source})
	if err != nil {
		log.Fatal(err)
	}
	return auth
}

func TestRecipeConforms(t *testing.T) {
	bearertest.Conformance(t, func(route bearertest.Route) http.Handler {
		e := echo.New()
		e.Logger.SetOutput(io.Discard)
		group := e.Group("")
		for _, guards := range route.Guards {
			group = group.Group("", echo.WrapMiddleware(route.Middleware.Guard(guards...)))
		}
		group.Any(route.Path, func(c echo.Context) error {
			route.Saw(bearer.FromContext[bearertest.Claims](c.Request().Context()))
			return c.NoContent(http.StatusNoContent)
		})
		return e
	})
}
