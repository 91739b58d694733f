package bearergin

import (
	"errors"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/gobearer/bearer"
)

// Middleware serves requests whose token is valid and passes every guard, and
// answers the others as bearer.Middleware does. Below another one of the same m
// the token is not verified again.
func Middleware[C any](m *bearer.Middleware[C], guards ...bearer.Guard) gin.HandlerFunc {
	guards = slices.Clone(guards)
	return func(c *gin.Context) {
		// gin goes on with the next handler unless the chain is aborted, also after
		// a panic that somebody recovers from: a guard that panics would be one that
		// passes. So whatever does not end in an admission aborts.
		passed := false
		defer func() {
			if !passed {
				c.Abort()
			}
		}()
		admitted, err := m.Admit(c.Request, guards...)
		if err == nil {
			passed = true
			c.Request = admitted
			c.Next()
			return
		}
		var refusal *bearer.Refusal
		if !errors.As(err, &refusal) {
			refusal = new(bearer.Refusal) // 500; Admit makes no such error
		}
		// gin sends the status late: an error handler that writes none would have
		// made it 200, and whoever comes after c.Next could still change it.
		c.Status(refusal.StatusCode())
		refusal.ServeHTTP(c.Writer, c.Request)
		c.Writer.WriteHeaderNow()
	}
}

// Claims returns the claims of the token with which the request was admitted. It
// is false where no Middleware for this C stands in front. Call it in the handler:
// gin gives its contexts to other requests, so a goroutine that goes on must take
// the claims, or c.Copy(), with it.
func Claims[C any](c *gin.Context) (C, bool) { return bearer.FromContext[C](c.Request.Context()) }

// Mount registers every endpoint of issuer, for each of HTTP's methods, so that
// the wrong ones get the endpoint's own 405. Mount them on the engine: they belong
// at the root of the issuer's host.
func Mount(r gin.IRoutes, issuer *bearer.Issuer) {
	for _, e := range issuer.Endpoints() {
		// A colon would begin a parameter.
		r.Any(strings.ReplaceAll(e.Path, ":", `\:`), gin.WrapH(e.Handler))
	}
}
