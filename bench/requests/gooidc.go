package main

import (
	"context"
	"net/http"

	"github.com/coreos/go-oidc/v3/oidc"
)

var goOIDC = contestant{
	name: "go-oidc", module: "github.com/coreos/go-oidc/v3",
	open: typed(openGoOIDC[smallClaims], openGoOIDC[seedClaims]),
	documented: "`oidc.NewVerifier(issuer, oidc.NewRemoteKeySet(…), &oidc.Config{ClientID, SupportedSigningAlgs})` with an HTTP client that has " +
		"no network, `IDToken.Claims` into a struct, in a middleware written by hand. It wants `exp` anyway and has no check of `typ`; nothing is stricter. No HS256.",
}

func openGoOIDC[C claims](s setup) (http.Handler, error) {
	if s.key.kid == "" {
		return nil, errUnsupported // its key sets hold public keys
	}
	keySet := oidc.NewRemoteKeySet(oidc.ClientContext(context.Background(), s.key.client()), jwksURL)
	v := oidc.NewVerifier(s.payload.issuer, keySet, &oidc.Config{
		ClientID: s.payload.audience, SupportedSigningAlgs: []string{s.key.alg},
	})
	return byHand(func(raw string) (*C, error) {
		t, err := v.Verify(context.Background(), raw)
		if err != nil {
			return nil, err
		}
		c := new(C)
		return c, t.Claims(c)
	}), nil
}
