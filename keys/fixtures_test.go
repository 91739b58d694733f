package keys_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"io"
	"math/big"
	"strings"
	"sync"
	"testing"

	"github.com/gobearer/bearer/keys"
)

const input = "eyJhbGciOiJ0ZXN0In0.cGF5bG9hZA" // a signing input

var (
	rsaKey     = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	otherRSA   = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	p256Key    = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
	p384Key    = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)) })
	p521Key    = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P521(), rand.Reader)) })
	ed25519Key = sync.OnceValue(func() ed25519.PrivateKey {
		_, k, err := ed25519.GenerateKey(rand.Reader)
		return must(k, err)
	})
	secret = []byte(strings.Repeat("canary-secret-0123456789abcdef-*", 2)) // 64 bytes
)

var algorithms = []keys.Algorithm{
	keys.HS256, keys.HS384, keys.HS512, keys.RS256, keys.RS384, keys.RS512, keys.PS256, keys.PS384, keys.PS512,
	keys.ES256, keys.ES384, keys.ES512, keys.EdDSA,
}

// material is what a private key of the algorithm is made of.
func material(alg keys.Algorithm) any {
	switch alg {
	case keys.HS256, keys.HS384, keys.HS512:
		return secret
	case keys.ES256:
		return p256Key()
	case keys.ES384:
		return p384Key()
	case keys.ES512:
		return p521Key()
	case keys.EdDSA:
		return ed25519Key()
	default:
		return rsaKey()
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func newKey(t testing.TB, alg keys.Algorithm, material any, opts ...keys.KeyOption) *keys.Key {
	t.Helper()
	k, err := keys.New(alg, material, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func parseOne(t testing.TB, text string, opts ...keys.KeyOption) *keys.Key {
	t.Helper()
	parsed, err := keys.Parse([]byte(text), opts...)
	if err != nil {
		t.Fatal(err)
	}
	if len(parsed) != 1 {
		t.Fatalf("%d keys, want 1", len(parsed))
	}
	return parsed[0]
}

// kms stands in for a key that is not in memory.
type kms struct{ crypto.Signer }

// broken is a signer that returns what it was told to.
type broken struct {
	public    crypto.PublicKey
	signature []byte
	err       error
}

func (b broken) Public() crypto.PublicKey { return b.public }
func (b broken) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return b.signature, b.err
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func unb64(t testing.TB, s string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// jwk is the JWK of a private key, a public key or a secret, with more members;
// a nil one is left out.
func jwk(material any, more map[string]any) string {
	m := map[string]any{}
	switch k := material.(type) {
	case []byte:
		m["kty"], m["k"] = "oct", b64(k)
	case *rsa.PublicKey:
		m["kty"], m["n"], m["e"] = "RSA", b64(k.N.Bytes()), b64(big.NewInt(int64(k.E)).Bytes())
	case *rsa.PrivateKey:
		m["kty"], m["n"], m["e"] = "RSA", b64(k.N.Bytes()), b64(big.NewInt(int64(k.E)).Bytes())
		m["d"], m["p"], m["q"] = b64(k.D.Bytes()), b64(k.Primes[0].Bytes()), b64(k.Primes[1].Bytes())
		m["dp"], m["dq"], m["qi"] = b64(k.Precomputed.Dp.Bytes()), b64(k.Precomputed.Dq.Bytes()), b64(k.Precomputed.Qinv.Bytes())
	case *ecdsa.PublicKey:
		point := must(k.Bytes())
		m["kty"], m["crv"] = "EC", k.Curve.Params().Name
		m["x"], m["y"] = b64(point[1:1+len(point)/2]), b64(point[1+len(point)/2:])
	case *ecdsa.PrivateKey:
		point := must(k.PublicKey.Bytes())
		m["kty"], m["crv"], m["d"] = "EC", k.Curve.Params().Name, b64(must(k.Bytes()))
		m["x"], m["y"] = b64(point[1:1+len(point)/2]), b64(point[1+len(point)/2:])
	case ed25519.PublicKey:
		m["kty"], m["crv"], m["x"] = "OKP", "Ed25519", b64(k)
	case ed25519.PrivateKey:
		m["kty"], m["crv"], m["x"], m["d"] = "OKP", "Ed25519", b64(k[32:]), b64(k.Seed())
	}
	for name, value := range more {
		if value == nil {
			delete(m, name)
			continue
		}
		m[name] = value
	}
	return string(must(json.Marshal(m)))
}

func jwks(keys ...string) string { return `{"keys":[` + strings.Join(keys, ",") + `]}` }
