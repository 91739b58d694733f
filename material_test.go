package bearer_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"strings"
	"sync"
	"testing"

	"github.com/gobearer/bearer/keys"
)

// The material of the attacked keys, which attackers in the tests use in ways
// that a keys.Key does not permit. RSA has the smallest size that is accepted,
// because it is made in every run.
var (
	sharedRSA     = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	sharedP256    = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
	sharedP384    = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)) })
	sharedP521    = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P521(), rand.Reader)) })
	sharedEd25519 = ed25519.NewKeyFromSeed([]byte(strings.Repeat("s", ed25519.SeedSize)))
	sharedSecret  = []byte(strings.Repeat("not for use in production. ", 3)[:64])
)

var allAlgorithms = []keys.Algorithm{
	keys.HS256, keys.HS384, keys.HS512, keys.RS256, keys.RS384, keys.RS512, keys.PS256, keys.PS384, keys.PS512,
	keys.ES256, keys.ES384, keys.ES512, keys.EdDSA,
}

// oneOfEach are algorithms of every family of keys.
var oneOfEach = []keys.Algorithm{keys.HS256, keys.RS256, keys.PS256, keys.ES256, keys.EdDSA}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func materialOf(alg keys.Algorithm) any {
	switch alg {
	case keys.HS256, keys.HS384, keys.HS512:
		return sharedSecret
	case keys.ES256:
		return sharedP256()
	case keys.ES384:
		return sharedP384()
	case keys.ES512:
		return sharedP521()
	case keys.EdDSA:
		return sharedEd25519
	default:
		return sharedRSA()
	}
}

// keyOf makes a key of the shared material: all of one family are one key that
// only its algorithm tells apart.
func keyOf(t testing.TB, alg keys.Algorithm, opts ...keys.KeyOption) *keys.Key {
	t.Helper()
	k, err := keys.New(alg, materialOf(alg), opts...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// join puts a signature that was not made by a keys.Key behind its input.
func join(input string, signature []byte) string {
	return input + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// segmentsOf takes a token apart.
func segmentsOf(token string) (header, payload, signature string) {
	s := strings.Split(token, ".")
	return s[0], s[1], s[2]
}
