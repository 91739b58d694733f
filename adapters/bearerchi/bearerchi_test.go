package bearerchi_test

import (
	"net/http"
	"testing"

	"github.com/go-chi/chi/v5"
	chimiddleware "github.com/go-chi/chi/v5/middleware"
	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/adapters/bearerchi"
	"github.com/gobearer/bearer/bearertest"
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
	bearertest.MountConformance(t, func(issuer *bearer.Issuer) http.Handler {
		router := chi.NewRouter()
		bearerchi.Mount(router, issuer)
		return router
	})
}
