package bearerchi

import (
	"github.com/go-chi/chi/v5"
	"github.com/gobearer/bearer"
)

// Mount registers every endpoint of issuer for each of chi's methods, so that the
// wrong ones get the endpoint's own 405. They belong at the root of the issuer's
// host.
func Mount(r chi.Router, issuer *bearer.Issuer) {
	for _, e := range issuer.Endpoints() {
		r.Handle(e.Path, e.Handler)
	}
}
