package main

import (
	"context"
	"net/http"

	jwtmiddleware "github.com/auth0/go-jwt-middleware/v3"
	"github.com/auth0/go-jwt-middleware/v3/jwks"
	"github.com/auth0/go-jwt-middleware/v3/validator"
)

var auth0v3 = contestant{
	name: "auth0/go-jwt-middleware v3", module: "github.com/auth0/go-jwt-middleware/v3",
	open: typed(openAuth0v3[smallClaims], openAuth0v3[seedClaims]),
	documented: "`validator.New(WithKeyFunc, WithAlgorithm, WithIssuer, WithAudience, WithCustomClaims)`, " +
		"`jwtmiddleware.New(WithValidator).CheckJWT`, `jwtmiddleware.GetClaims`; key sets by `jwks.NewCachingProvider` with an HTTP client that has no network.",
	strict: "`WithRegisteredClaimsValidator` that wants `exp`. It has no check of `typ`.",
}

func openAuth0v3[C claims](s setup) (http.Handler, error) {
	keyFunc := func(context.Context) (any, error) { return s.key.verify, nil }
	if s.key.kid != "" {
		issuerURL, keysURL, err := auth0URLs()
		if err != nil {
			return nil, err
		}
		provider, err := jwks.NewCachingProvider(jwks.WithIssuerURL(issuerURL), jwks.WithCustomJWKSURI(keysURL),
			jwks.WithCustomClient(s.key.client()))
		if err != nil {
			return nil, err
		}
		keyFunc = provider.KeyFunc
	}
	options := []validator.Option{
		validator.WithKeyFunc(keyFunc), validator.WithAlgorithm(validator.SignatureAlgorithm(s.key.alg)),
		validator.WithIssuer(s.payload.issuer), validator.WithAudience(s.payload.audience),
		validator.WithCustomClaims(func() validator.CustomClaims { return any(new(C)).(validator.CustomClaims) }),
	}
	if s.strict {
		options = append(options, validator.WithRegisteredClaimsValidator(func(c validator.RegisteredClaims) error {
			if c.Expiry == 0 {
				return errNoExpiry
			}
			return nil
		}))
	}
	v, err := validator.New(options...)
	if err != nil {
		return nil, err
	}
	m, err := jwtmiddleware.New(jwtmiddleware.WithValidator(v))
	if err != nil {
		return nil, err
	}
	return m.CheckJWT(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := jwtmiddleware.GetClaims[*validator.ValidatedClaims](r.Context())
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		subject, custom := (*any(c.CustomClaims).(*C)).pair()
		reply(w, subject, custom)
	})), nil
}
