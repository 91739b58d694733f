package keys_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"time"

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

// A key is published before it signs, and verifies after it has signed.
func ExampleRing_Rotate() {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	first, err := keys.Generate(keys.EdDSA, keys.WithID("2026-11"))
	if err != nil {
		log.Fatal(err)
	}
	ring, err := keys.NewRing(first, keys.WithClock(func() time.Time { return now }), keys.WithPublishDelay(10*time.Minute))
	if err != nil {
		log.Fatal(err)
	}
	ring.KeepFor(24 * time.Hour) // no token lives longer

	next, err := keys.Generate(keys.EdDSA, keys.WithID("2026-12"))
	if err != nil {
		log.Fatal(err)
	}
	if err := ring.Rotate(next); err != nil {
		log.Fatal(err)
	}
	for _, wait := range []time.Duration{0, 10 * time.Minute, 24*time.Hour + 5*time.Minute} {
		now = now.Add(wait)
		for _, s := range ring.States() {
			fmt.Println(now.Format(time.DateTime), s.ID, s.State)
		}
	}
	// Output:
	// 2026-11-23 12:00:00 2026-11 active
	// 2026-11-23 12:00:00 2026-12 pending
	// 2026-11-23 12:10:00 2026-11 retiring
	// 2026-11-23 12:10:00 2026-12 active
	// 2026-11-24 12:15:00 2026-12 active
}

// A replica takes over what another one has rotated, without a restart.
func ExampleRing_Replace() {
	key, err := keys.Generate(keys.ES256, keys.WithID("first"))
	if err != nil {
		log.Fatal(err)
	}
	one, err := keys.NewRing(key)
	if err != nil {
		log.Fatal(err)
	}
	secret, err := one.Save() // into a file or a secret store
	if err != nil {
		log.Fatal(err)
	}
	other, err := keys.OpenRing(secret)
	if err != nil {
		log.Fatal(err)
	}

	next, err := keys.Generate(keys.ES256, keys.WithID("second"))
	if err != nil {
		log.Fatal(err)
	}
	if err := one.Rotate(next); err != nil {
		log.Fatal(err)
	}
	if secret, err = one.Save(); err != nil {
		log.Fatal(err)
	}
	if err := other.Replace(secret); err != nil {
		log.Fatal(err)
	}
	for _, s := range other.States() {
		fmt.Println(s.ID, s.State)
	}
	// Output:
	// first active
	// second pending
}

// A secret that is too short is refused with what to use instead.
func ExampleNew() {
	_, err := keys.New(keys.HS256, []byte("hunter2"))
	fmt.Println(err)
	// Output: keys: HS256: the secret is shorter than its hash: use at least 32 random bytes, such as Generate makes
}
