package keys_test

import (
	"context"
	"fmt"
	"log"
	"net/http"

	"github.com/gobearer/bearer/keys"
)

// A verifier reads the public keys of an issuer it trusts.
func ExampleParse() {
	parsed, err := keys.Parse([]byte(`{"keys":[
		{"kty":"OKP","crv":"Ed25519","kid":"2026-01","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
		{"kty":"OKP","crv":"X25519","kid":"for encryption","x":"3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08"}
	]}`))
	if err != nil {
		log.Fatal(err)
	}
	source, err := keys.Static(parsed...)
	if err != nil {
		log.Fatal(err)
	}
	candidates, err := source.Lookup(context.Background(), keys.Header{Algorithm: keys.EdDSA, KeyID: "2026-01"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(candidates)
	// Output: [keys.Key(EdDSA "2026-01")]
}

// An issuer signs with its ring and publishes the public halves.
func ExampleNewRing() {
	active, err := keys.Generate(keys.ES256, keys.WithID("2026-02"))
	if err != nil {
		log.Fatal(err)
	}
	retiring, err := keys.Generate(keys.ES256, keys.WithID("2026-01"))
	if err != nil {
		log.Fatal(err)
	}
	ring, err := keys.NewRing(active, keys.WithRetiring(retiring))
	if err != nil {
		log.Fatal(err)
	}
	http.Handle("/.well-known/jwks.json", ring.JWKS())

	k, err := ring.SigningKey()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(k)
	// Output: keys.Key(ES256 "2026-02")
}

// A secret that is too short is refused with what to use instead.
func ExampleNew() {
	_, err := keys.New(keys.HS256, []byte("hunter2"))
	fmt.Println(err)
	// Output: keys: HS256: the secret is shorter than its hash: use at least 32 random bytes, such as Generate makes
}
