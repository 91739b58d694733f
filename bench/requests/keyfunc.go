package main

import (
	"context"
	"net/http"

	"github.com/MicahParks/jwkset"
	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
)

var keyfuncJWT = contestant{
	name: "keyfunc", module: "github.com/MicahParks/keyfunc/v3",
	open: typed(openKeyfunc[smallRegistered], openKeyfunc[seedRegistered]),
	documented: "`keyfunc.NewJWKSetJSON` (examples/json; for HS256 a storage with the secret, as in examples/hmac), `jwt.Parse(signed, " +
		"k.Keyfunc)` as in the README, so `jwt.MapClaims`; in a middleware written by hand.",
	strict: "golang-jwt's options as above, `KeyfuncCtx` and a struct for the claims. It shows no check of `typ`.",
}

func openKeyfunc[C registered](s setup) (http.Handler, error) {
	k, err := newKeyfunc(s.key)
	if err != nil {
		return nil, err
	}
	if s.strict {
		parser := golangParser(s)
		return byHand(func(raw string) (*C, error) {
			return parseRegistered[C](parser, raw, k.KeyfuncCtx(context.Background()))
		}), nil
	}
	return authenticated(func(raw string) (jwt.MapClaims, error) {
		t, err := jwt.Parse(raw, k.Keyfunc)
		if err != nil {
			return nil, err
		}
		return t.Claims.(jwt.MapClaims), nil
	}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		replyMap(w, s.payload, claimsOf[jwt.MapClaims](r))
	})), nil
}

// replyMap is reply for libraries whose claims are a map.
func replyMap(w http.ResponseWriter, p *payload, claims map[string]any) {
	subject, _ := claims[p.subject].(string)
	custom, _ := claims[p.custom].(string)
	reply(w, subject, custom)
}

func newKeyfunc(k key) (keyfunc.Keyfunc, error) {
	if set := k.jwks(); set != nil {
		return keyfunc.NewJWKSetJSON(set)
	}
	jwk, err := jwkset.NewJWKFromKey(k.verify, jwkset.JWKOptions{
		Marshal:  jwkset.JWKMarshalOptions{Private: true},
		Metadata: jwkset.JWKMetadataOptions{ALG: jwkset.AlgHS256, KID: kid, USE: jwkset.UseSig},
	})
	if err != nil {
		return nil, err
	}
	store := jwkset.NewMemoryStorage()
	if err := store.KeyWrite(context.Background(), jwk); err != nil {
		return nil, err
	}
	return keyfunc.New(keyfunc.Options{Storage: store})
}
