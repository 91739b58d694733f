package main

import (
	"context"
	"net/http"
	"net/url"
	"time"

	jwtmiddleware "github.com/auth0/go-jwt-middleware/v2"
	"github.com/auth0/go-jwt-middleware/v2/jwks"
	"github.com/auth0/go-jwt-middleware/v2/validator"
)

var auth0v2 = contestant{
	name: "auth0/go-jwt-middleware v2", module: "github.com/auth0/go-jwt-middleware/v2",
	open: typed(openAuth0v2[smallClaims], openAuth0v2[seedClaims]),
	documented: "`validator.New(keyFunc, alg, issuer, audience, validator.WithCustomClaims(…))`, `jwtmiddleware.New(v.ValidateToken).CheckJWT`; " +
		"key sets by `jwks.NewCachingProvider` with an HTTP client that has no network.",
	strict: "A `ValidateToken` that wants `exp` besides. It has no check of `typ`.",
}

func openAuth0v2[C claims](s setup) (http.Handler, error) {
	keyFunc := func(context.Context) (any, error) { return s.key.verify, nil }
	if s.key.kid != "" {
		issuerURL, keysURL, err := auth0URLs()
		if err != nil {
			return nil, err
		}
		keyFunc = jwks.NewCachingProvider(issuerURL, 5*time.Minute,
			jwks.WithCustomJWKSURI(keysURL), jwks.WithCustomClient(s.key.client())).KeyFunc
	}
	v, err := validator.New(keyFunc, validator.SignatureAlgorithm(s.key.alg), s.payload.issuer, []string{s.payload.audience},
		validator.WithCustomClaims(func() validator.CustomClaims { return any(new(C)).(validator.CustomClaims) }))
	if err != nil {
		return nil, err
	}
	validate := v.ValidateToken
	if s.strict {
		validate = func(ctx context.Context, raw string) (any, error) {
			c, err := v.ValidateToken(ctx, raw)
			if err == nil && c.(*validator.ValidatedClaims).RegisteredClaims.Expiry == 0 {
				return nil, errNoExpiry
			}
			return c, err
		}
	}
	return jwtmiddleware.New(validate).CheckJWT(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := r.Context().Value(jwtmiddleware.ContextKey{}).(*validator.ValidatedClaims)
		subject, custom := (*any(c.CustomClaims).(*C)).pair()
		reply(w, subject, custom)
	})), nil
}

func auth0URLs() (issuerURL, keysURL *url.URL, err error) {
	if issuerURL, err = url.Parse(issuer); err != nil {
		return nil, nil, err
	}
	keysURL, err = url.Parse(jwksURL)
	return issuerURL, keysURL, err
}
