package keys

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
)

// NIST SP 800-57 part 1 table 4 ends 2048 bits with the year 2030. Tokens that
// live for years are verified after it with the keys of today.
const generatedRSABits = 3072

// Generate makes a new key for an algorithm: RSA keys have 3072 bits, HMAC
// secrets are as long as their hash.
func Generate(alg Algorithm, opts ...KeyOption) (*Key, error) {
	if err := checkAlgorithm(alg); err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	var (
		s        = suites[alg]
		material any
		err      error
	)
	switch s.kty {
	case ktyOct:
		secret := make([]byte, s.hash.Size())
		_, err = rand.Read(secret)
		material = secret
	case ktyRSA:
		material, err = rsa.GenerateKey(rand.Reader, generatedRSABits)
	case ktyEC:
		material, err = ecdsa.GenerateKey(s.curve, rand.Reader)
	case ktyOKP:
		_, material, err = ed25519.GenerateKey(rand.Reader)
	}
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	return New(alg, material, opts...)
}
