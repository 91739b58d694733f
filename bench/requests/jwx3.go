package main

import (
	"net/http"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jwt"
)

var jwx3 = contestant{
	name: "jwx v3", module: "github.com/lestrrat-go/jwx/v3", open: openJWX3,
	documented: "`jwt.ParseRequest(r, jwt.WithKeySet(set))`, for HS256 `jwt.WithKey` (docs/21-frameworks.md), `Token.Get`; " +
		"in a middleware written by hand.",
	strict: "`WithIssuer`, `WithAudience`, `WithRequiredClaim(\"exp\")`, `WithPedantic`, `WithStrictStringClaims`. It has no check of `typ`.",
}

func openJWX3(s setup) (http.Handler, error) {
	options := []jwt.ParseOption{jwt.WithKey(jwa.HS256(), s.key.verify)}
	if s.key.kid != "" {
		set, err := jwk.Parse(s.key.jwks())
		if err != nil {
			return nil, err
		}
		options = []jwt.ParseOption{jwt.WithKeySet(set)}
	}
	if s.strict {
		options = append(options, jwt.WithIssuer(s.payload.issuer), jwt.WithAudience(s.payload.audience),
			jwt.WithRequiredClaim(jwt.ExpirationKey), jwt.WithPedantic(true), jwt.WithStrictStringClaims(true))
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t := claimsOf[jwt.Token](r)
		var subject, custom string
		if t.Get(s.payload.subject, &subject) != nil || t.Get(s.payload.custom, &custom) != nil {
			http.Error(w, "no claims", http.StatusInternalServerError)
			return
		}
		reply(w, subject, custom)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t, err := jwt.ParseRequest(r, options...)
		if err != nil {
			refuse(w)
			return
		}
		handler.ServeHTTP(w, withClaims(r, t))
	}), nil
}
