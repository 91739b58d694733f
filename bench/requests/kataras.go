package main

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/kataras/jwt"
)

var kataras = contestant{
	name: "kataras/jwt", module: "github.com/kataras/jwt",
	open: typed(openKataras[smallClaims], openKataras[seedClaims]),
	documented: "`jwt.Verify(alg, key, token)`, and for tokens with a `kid`, which it refuses, `jwt.Keys` with `ValidateHeader` " +
		"(\"Multiple Key IDs\"); `VerifiedToken.Claims` into a struct, in its example's middleware (\"HTTP Middleware\").",
	strict: "`jwt.Expected{Issuer, Audience}`, a `TokenValidator` that wants `exp`, and with a `kid` a `HeaderValidator` for `typ`; without, it compares the header with the one it would write anyway.",
}

var errNoExpiry = errors.New("no exp")

func openKataras[C claims](s setup) (http.Handler, error) {
	algorithm := map[string]jwt.Alg{"HS256": jwt.HS256, "RS256": jwt.RS256, "ES256": jwt.ES256, "EdDSA": jwt.EdDSA}[s.key.alg]
	var validators []jwt.TokenValidator
	if s.strict {
		validators = []jwt.TokenValidator{
			jwt.Expected{Issuer: s.payload.issuer, Audience: []string{s.payload.audience}},
			jwt.TokenValidatorFunc(func(_ []byte, c jwt.Claims, err error) error {
				if err == nil && c.Expiry == 0 {
					return errNoExpiry
				}
				return err
			}),
		}
	}
	verify := func(raw []byte) (*jwt.VerifiedToken, error) {
		return jwt.Verify(algorithm, s.key.verify, raw, validators...)
	}
	if s.key.kid != "" {
		keys := make(jwt.Keys)
		keys.Register(algorithm, s.key.kid, s.key.verify, nil)
		validateHeader := keys.ValidateHeader
		if s.strict {
			validateHeader = func(alg string, header []byte) (jwt.Alg, jwt.PublicKey, jwt.InjectFunc, error) {
				var h struct {
					Type string `json:"typ"`
				}
				if err := json.Unmarshal(header, &h); err != nil || h.Type != s.key.typ {
					return nil, nil, nil, errHeader
				}
				return keys.ValidateHeader(alg, header)
			}
		}
		verify = func(raw []byte) (*jwt.VerifiedToken, error) {
			return jwt.VerifyWithHeaderValidator(nil, nil, raw, validateHeader, validators...)
		}
	}
	return byHand(func(raw string) (*C, error) {
		t, err := verify([]byte(raw))
		if err != nil {
			return nil, err
		}
		c := new(C)
		return c, t.Claims(c)
	}), nil
}
