// Package bearerchi mounts a bearer.Issuer in chi's router.
//
// It has nothing for the middleware, as chi's is net/http's: r.Use(m.Wrap) admits
// requests with any valid token, r.With(m.Guard(...)) those whose token passes the
// guards, and bearer.FromContext finds the claims in the request's context.
package bearerchi
