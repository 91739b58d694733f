package main

import (
	"net/http"

	"github.com/go-chi/jwtauth/v5"
	"github.com/lestrrat-go/jwx/v2/jwt"
)

var jwtAuth = contestant{
	name: "jwtauth", module: "github.com/go-chi/jwtauth/v5", open: openJWTAuth,
	documented: "`jwtauth.New(alg, nil, key)`, `Verifier` and `Authenticator`, `jwtauth.FromContext` (a map), as in the README. It knows one key, whatever `kid` says.",
	strict:     "Validate options of jwx v2: `WithIssuer`, `WithAudience`, `WithRequiredClaim(\"exp\")`. It has no check of `typ`.",
}

func openJWTAuth(s setup) (http.Handler, error) {
	var options []jwt.ValidateOption
	if s.strict {
		options = []jwt.ValidateOption{
			jwt.WithIssuer(s.payload.issuer), jwt.WithAudience(s.payload.audience), jwt.WithRequiredClaim(jwt.ExpirationKey),
		}
	}
	auth := jwtauth.New(s.key.alg, nil, s.key.verify, options...)
	return jwtauth.Verifier(auth)(jwtauth.Authenticator(auth)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, claims, _ := jwtauth.FromContext(r.Context())
		replyMap(w, s.payload, claims)
	}))), nil
}
