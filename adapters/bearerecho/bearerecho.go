package bearerecho

import (
	"errors"
	"slices"
	"strings"

	"github.com/gobearer/bearer"
	"github.com/labstack/echo/v5"
)

// Middleware serves requests whose token is valid and passes every guard. The
// others it answers as bearer.Middleware does, and returns the *bearer.Refusal.
// Below another one of the same m the token is not verified again.
func Middleware[C any](m *bearer.Middleware[C], guards ...bearer.Guard) echo.MiddlewareFunc {
	guards = slices.Clone(guards)
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c *echo.Context) error {
			admitted, err := m.Admit(c.Request(), guards...)
			if err == nil {
				c.SetRequest(admitted)
				return next(c)
			}
			var refusal *bearer.Refusal
			if errors.As(err, &refusal) {
				refusal.ServeHTTP(c.Response(), c.Request())
			}
			return err
		}
	}
}

// Claims returns the claims of the token with which the request was admitted. It
// is false where no Middleware for this C stands in front. Call it in the handler:
// echo gives its contexts to other requests, so a goroutine that goes on must take
// the claims with it.
func Claims[C any](c *echo.Context) (C, bool) { return bearer.FromContext[C](c.Request().Context()) }

// Mount registers every endpoint of issuer for any method, so that the wrong ones
// get the endpoint's own 405. They belong at the root of the issuer's host.
func Mount(e *echo.Echo, issuer *bearer.Issuer) {
	for _, endpoint := range issuer.Endpoints() {
		// A colon would begin a parameter.
		e.Any(strings.ReplaceAll(endpoint.Path, ":", `\:`), echo.WrapHandler(endpoint.Handler))
	}
}
