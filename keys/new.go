package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"reflect"
)

// New makes a key of material that is in memory or behind a [crypto.Signer]:
//
//   - HS256, HS384, HS512: a []byte secret, at least as long as the hash
//   - RS256 to PS512: an [*rsa.PublicKey] or [*rsa.PrivateKey] of 2048 to 16384 bits
//   - ES256, ES384, ES512: an [*ecdsa.PublicKey] or [*ecdsa.PrivateKey] on P-256, P-384, P-521
//   - EdDSA: an [ed25519.PublicKey] or [ed25519.PrivateKey]
//   - any but HS: a [crypto.Signer] (KMS, HSM) with such a public key, which
//     signs as its standard counterpart does and is safe for concurrent use
//
// The material is copied. It is refused if it is nil, weak, inconsistent or not
// what the algorithm takes; a secret also if it is a key in PEM, DER, JWK or
// OpenSSH form, which is how public keys come to be taken for secrets (RFC 8725
// section 2.1).
func New(alg Algorithm, material any, opts ...KeyOption) (*Key, error) {
	o := applyKeyOptions(opts)
	if o.alg != "" && o.alg != alg {
		o.refuse("WithAlgorithm contradicts the algorithm of the key: it is for Parse, leave it out")
	}
	k, err := build(alg, o.id, material)
	if err := errors.Join(append(o.list, err)...); err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	return k, nil
}

// build is the one way to a Key: whatever refuses a key refuses it here.
func build(alg Algorithm, id string, raw any) (*Key, error) {
	if err := checkAlgorithm(alg); err != nil {
		return nil, err
	}
	m := &material{suite: suites[alg], verifies: true}
	if isNil(raw) {
		return nil, fmt.Errorf("the material is nil: %s takes %s", alg, m.takes())
	}
	mismatch := fmt.Errorf("%s does not take %T: use %s", alg, raw, m.takes())
	if m.kty == ktyOct {
		secret, ok := raw.([]byte)
		if !ok {
			return nil, mismatch
		}
		var err error
		if m.mac, err = newMAC(m.hash, secret); err != nil {
			return nil, fmt.Errorf("%s: %w", alg, err)
		}
		m.signs = true
		return &Key{alg: alg, id: id, m: m.self}, nil
	}
	public := raw
	switch k := raw.(type) {
	case *ed25519.PrivateKey: // a signer too, whose owner could change it
		return nil, mismatch
	case ed25519.PrivateKey:
		if len(k) != ed25519.PrivateKeySize {
			return nil, errors.New("the Ed25519 private key has not the length of one: use a whole one")
		}
	}
	if signer, ok := raw.(crypto.Signer); ok {
		m.signer, m.signs = signer, true
		if public = signer.Public(); isNil(public) {
			return nil, errors.New("the signer has no public key: use one that is ready")
		}
	}
	var err error
	switch k := public.(type) {
	case *rsa.PublicKey:
		if m.kty != ktyRSA {
			return nil, mismatch
		}
		m.public, err = ownRSAPublicKey(k)
	case *ecdsa.PublicKey:
		if m.kty != ktyEC {
			return nil, mismatch
		}
		m.public, err = ownECDSAPublicKey(m.curve, k)
	case ed25519.PublicKey:
		if m.kty != ktyOKP {
			return nil, mismatch
		}
		m.public, err = ownEd25519PublicKey(k)
	default:
		return nil, mismatch
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", alg, err)
	}
	switch k := raw.(type) {
	case *rsa.PrivateKey:
		m.signer, err = ownRSAPrivateKey(k)
	case *ecdsa.PrivateKey:
		m.signer, err = ownECDSAPrivateKey(k)
	case ed25519.PrivateKey:
		m.signer, err = ownEd25519PrivateKey(k)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", alg, err)
	}
	return &Key{alg: alg, id: id, m: m.self}, nil
}

// isNil also finds the nil pointers and slices that an interface can hide.
func isNil(v any) bool {
	if v == nil {
		return true
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Func, reflect.Chan:
		return r.IsNil()
	default:
		return false
	}
}
