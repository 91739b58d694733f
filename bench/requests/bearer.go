package main

import (
	"net/http"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/keys"
)

var bearerContestant = contestant{
	name: "bearer", module: "github.com/gobearer/bearer", kind: own,
	open: typed(openBearer[smallClaims](), openBearer[seedClaims]()),
	documented: "`bearer.NewMiddleware[C](bearer.Trust{…})` without options, `keys.Static`, `Wrap`, `bearer.FromContext[C]`; " +
		"`C` has two strings. Nothing is stricter.",
}

var bearerForgetful = contestant{
	name: "bearer, cache off", module: "github.com/gobearer/bearer", kind: own, only: []path{cold},
	open:       typed(openBearer[smallClaims](bearer.WithTokenCache(0)), openBearer[seedClaims](bearer.WithTokenCache(0))),
	documented: "The same with `bearer.WithTokenCache(0)`.",
}

var bearerDefault = contestant{
	name: "bearer, C is bearer.Claims", module: "github.com/gobearer/bearer", kind: own, only: []path{cold, warm},
	open:       typed(func(setup) (http.Handler, error) { return nil, errUnsupported }, openBearer[defaultClaims]()),
	documented: "The same with `bearer.Claims`, which have a field for every claim of the larger payload.",
}

type defaultClaims struct{ bearer.Claims }

func (c defaultClaims) pair() (subject, custom string) { return c.NameIdentifier, c.FamilyName }

// A C with a map cannot be copied, and is decoded for each request.
var bearerMaps = contestant{
	name: "bearer, C with maps and slices", module: "github.com/gobearer/bearer", kind: own, only: []path{warm},
	open: typed(openBearer[smallMaps](), openBearer[seedMaps]()),
	documented: "The same with a `C` that is decoded for each request: two strings, a slice and a map; for the larger payload " +
		"`bearer.Claims` and a map that it has not.",
}

type smallMaps struct {
	smallClaims
	Roles  []string       `json:"roles"`
	Limits map[string]int `json:"limits"`
}

type seedMaps struct {
	defaultClaims
	Limits map[string]int `json:"limits"`
}

func openBearer[C interface{ pair() (string, string) }](options ...bearer.MiddlewareOption) func(setup) (http.Handler, error) {
	return func(s setup) (http.Handler, error) {
		m, err := newMiddleware[C](s, options...)
		if err != nil {
			return nil, err
		}
		return m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c, _ := bearer.FromContext[C](r.Context())
			subject, custom := c.pair()
			reply(w, subject, custom)
		})), nil
	}
}

func newMiddleware[C any](s setup, options ...bearer.MiddlewareOption) (*bearer.Middleware[C], error) {
	key, err := s.key.bearerKey(s.key.verify)
	if err != nil {
		return nil, err
	}
	source, err := keys.Static(key)
	if err != nil {
		return nil, err
	}
	trust := bearer.Trust{Issuer: s.payload.issuer, Audience: []string{s.payload.audience}, Keys: source}
	return bearer.NewMiddleware[C](trust, options...)
}

func (k key) bearerKey(material any) (*keys.Key, error) {
	if k.kid == "" {
		return keys.New(keys.Algorithm(k.alg), material)
	}
	return keys.New(keys.Algorithm(k.alg), material, keys.WithID(k.kid))
}
