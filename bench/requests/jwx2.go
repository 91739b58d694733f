package main

import (
	"net/http"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jwt"
)

var jwx2 = contestant{
	name: "jwx v2", module: "github.com/lestrrat-go/jwx/v2", open: openJWX2,
	documented: "`jwt.ParseRequest(r, jwt.WithKeySet(set))`, for HS256 `jwt.WithKey` (docs/21-frameworks.md), `Token.Get`; " +
		"in a middleware written by hand.",
	strict: "`WithIssuer`, `WithAudience`, `WithRequiredClaim(\"exp\")`, `WithPedantic`. It has no check of `typ`.",
}

func openJWX2(s setup) (http.Handler, error) {
	options := []jwt.ParseOption{jwt.WithKey(jwa.HS256, s.key.verify)}
	if s.key.kid != "" {
		set, err := jwk.Parse(s.key.jwks())
		if err != nil {
			return nil, err
		}
		options = []jwt.ParseOption{jwt.WithKeySet(set)}
	}
	if s.strict {
		options = append(options, jwt.WithIssuer(s.payload.issuer), jwt.WithAudience(s.payload.audience),
			jwt.WithRequiredClaim(jwt.ExpirationKey), jwt.WithPedantic(true))
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t := claimsOf[jwt.Token](r)
		subject, _ := t.Get(s.payload.subject)
		custom, _ := t.Get(s.payload.custom)
		subjectText, _ := subject.(string)
		customText, _ := custom.(string)
		reply(w, subjectText, customText)
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
