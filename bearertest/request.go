package bearertest

import (
	"net/http"

	"github.com/gobearer/bearer"
)

// WithClaims returns r as a handler behind a middleware for C gets it, with
// claims in its context and an empty Info. Nothing is verified, and no
// middleware takes the request for one that it has admitted.
func WithClaims[C any](r *http.Request, claims C) *http.Request {
	return WithToken(r, &bearer.Token[C]{Claims: claims})
}

// WithToken is WithClaims for handlers that read the Info besides.
func WithToken[C any](r *http.Request, token *bearer.Token[C]) *http.Request {
	return r.WithContext(bearer.NewContext(r.Context(), token))
}
