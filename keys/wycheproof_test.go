package keys_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/gobearer/bearer/internal/jws"
	"github.com/gobearer/bearer/keys"
)

// TestWycheproofJWS runs C2SP/wycheproof's JWS and JWK vectors, and RFC 8037
// A.4, through what a verifier does with a token before it reads its claims.
func TestWycheproofJWS(t *testing.T) {
	text, err := os.ReadFile("../../shared/vectors/wycheproof-jws.json")
	if errors.Is(err, os.ErrNotExist) && (os.Getenv("BEARER_INTEGRATION") != "1" || os.Getenv("BEARER_WITHOUT_VECTORS") == "1") {
		t.Skip("the vectors are not beside the checkout")
	}
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct {
		Cases []struct {
			ID, Description, Why, Expected string
			Key                            json.RawMessage
			Policy                         struct{ Algs []keys.Algorithm }
			Token                          string
			TokenB64                       []byte `json:"token_b64"`
		}
	}
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors.Cases) != 421 {
		t.Errorf("%d vectors, want 421", len(vectors.Cases))
	}
	for _, v := range vectors.Cases {
		t.Run(v.ID, func(t *testing.T) {
			token := v.Token
			if v.TokenB64 != nil {
				token = string(v.TokenB64)
			}
			err := admit(v.Key, v.Policy.Algs, token)
			if accepted := err == nil; accepted != (v.Expected == "accept") {
				t.Errorf("%s: %v, want %s: %s", v.Description, err, v.Expected, v.Why)
			}
		})
	}
}

func admit(key []byte, algs []keys.Algorithm, token string) error {
	parsed, err := keys.Parse(key, keys.WithAlgorithm(algs[0])) // each policy allows one
	if err != nil {
		return err
	}
	var allowed []*keys.Key
	for _, k := range parsed {
		if !slices.Contains(algs, k.Algorithm()) {
			continue
		}
		if k.Algorithm()[0] != 'H' {
			k = k.Public()
		}
		allowed = append(allowed, k)
	}
	source, err := keys.Static(allowed...)
	if err != nil {
		return err
	}
	envelope, err := jws.Parse(token, 16<<10)
	if err != nil {
		return err
	}
	signature, err := envelope.Signature(nil)
	if err != nil {
		return err
	}
	candidates, err := source.Lookup(context.Background(), keys.Header{Algorithm: keys.Algorithm(envelope.Algorithm), KeyID: envelope.KeyID})
	if err != nil {
		return err
	}
	err = errors.New("no candidate")
	for _, k := range candidates {
		if err = k.Verify(envelope.Input, signature); err == nil {
			return nil
		}
	}
	return err
}
