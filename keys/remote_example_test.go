package keys_test

import (
	"context"
	"fmt"
	"log"
	"net/http/httptest"

	"github.com/gobearer/bearer/keys"
)

// A verifier follows the keys that an issuer publishes. It fails at start if it
// cannot have them, and tells its health check how old they are.
func ExampleRemote() {
	active, err := keys.Generate(keys.ES256, keys.WithID("2026-01"))
	if err != nil {
		log.Fatal(err)
	}
	ring, err := keys.NewRing(active)
	if err != nil {
		log.Fatal(err)
	}
	issuer := httptest.NewServer(ring.JWKS()) // http, because it is on the loopback interface
	defer issuer.Close()

	source, err := keys.Remote(issuer.URL)
	if err != nil {
		log.Fatal(err)
	}
	if err := source.Warm(context.Background()); err != nil {
		log.Fatal(err)
	}
	status := source.Status()
	fmt.Println(status.Usable, status.Keys, status.Err)

	found, err := source.Lookup(context.Background(), keys.Header{Algorithm: keys.ES256, KeyID: "2026-01"})
	fmt.Println(found, err)
	found, err = source.Lookup(context.Background(), keys.Header{Algorithm: keys.ES256, KeyID: "unknown"})
	fmt.Println(found, err)
	// Output:
	// true 1 <nil>
	// [keys.Key(ES256 "2026-01")] <nil>
	// [] <nil>
}
