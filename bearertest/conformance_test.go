package bearertest_test

import (
	"net/http"
	"testing"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/bearertest"
)

// netHTTP wires a route as an application of net/http does.
func netHTTP(route bearertest.Route) http.Handler {
	var handler http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		route.Saw(bearer.FromContext[bearertest.Claims](r.Context()))
		w.WriteHeader(http.StatusNoContent)
	})
	for i := len(route.Guards) - 1; i >= 0; i-- {
		handler = route.Middleware.Guard(route.Guards[i]...)(handler)
	}
	mux := http.NewServeMux()
	mux.Handle(route.Path, handler)
	return mux
}

func TestNetHTTPConforms(t *testing.T) { bearertest.Conformance(t, netHTTP) }

func TestOwnMiddlewareConforms(t *testing.T) {
	bearertest.Conformance(t, func(route bearertest.Route) http.Handler {
		handler, level := netHTTP(bearertest.Route{Path: route.Path, Saw: route.Saw}), len(route.Guards)
		for level > 0 {
			level--
			handler = own(route.Middleware, route.Guards[level], handler)
		}
		return handler
	})
}
