package main

import (
	"net/http"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/keys"
)

var bearerContestant = contestant{
	name: "bearer", module: "github.com/gobearer/bearer", kind: own,
	open: typed(openBearer[smallClaims], openBearer[seedClaims]),
	documented: "`bearer.NewMiddleware[C](bearer.Trust{…})` without options, `keys.Static`, `Wrap`, `bearer.FromContext[C]`; " +
		"`C` has two strings. Nothing is stricter.",
}

// Claims that cannot be lent to two requests are decoded for each.
var bearerSlices = contestant{
	name: "bearer, C with maps and slices", module: "github.com/gobearer/bearer", kind: own, only: []path{warm},
	open:       typed(openBearer[smallSlices], openBearer[seedSlices]),
	documented: "The same with a `C` that cannot be copied: two strings, a slice and a map; `bearer.Claims` for the larger payload.",
}

type smallSlices struct {
	smallClaims
	Roles  []string       `json:"roles"`
	Limits map[string]int `json:"limits"`
}

type seedSlices struct{ bearer.Claims }

func (c seedSlices) pair() (subject, custom string) { return c.NameIdentifier, c.FamilyName }

func openBearer[C interface{ pair() (string, string) }](s setup) (http.Handler, error) {
	m, err := newMiddleware[C](s)
	if err != nil {
		return nil, err
	}
	return m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, _ := bearer.FromContext[C](r.Context())
		subject, custom := c.pair()
		reply(w, subject, custom)
	})), nil
}

func newMiddleware[C any](s setup) (*bearer.Middleware[C], error) {
	key, err := s.key.bearerKey(s.key.verify)
	if err != nil {
		return nil, err
	}
	source, err := keys.Static(key)
	if err != nil {
		return nil, err
	}
	return bearer.NewMiddleware[C](bearer.Trust{Issuer: s.payload.issuer, Audience: []string{s.payload.audience}, Keys: source})
}

func (k key) bearerKey(material any) (*keys.Key, error) {
	if k.kid == "" {
		return keys.New(keys.Algorithm(k.alg), material)
	}
	return keys.New(keys.Algorithm(k.alg), material, keys.WithID(k.kid))
}
