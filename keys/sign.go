package keys

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"

	"github.com/golang-jwt/jwt/v5"
)

var (
	errNoSign    = errors.New("keys: the key does not sign: use a private key or a secret")
	errNoVerify  = errors.New("keys: the key does not verify: use a public key or a secret")
	errSignature = errors.New("keys: the signature does not verify")
)

// Sign returns the JWS signature (RFC 7515 section 5.1) over a signing input:
// the header and the payload in base64url, joined by a dot. It fails for a key
// without a private part, for one whose JWK does not permit it, and where a
// [crypto.Signer] fails.
func (k *Key) Sign(input string) ([]byte, error) {
	if !k.usable() || !k.m().signs {
		return nil, errNoSign
	}
	if k.symmetric() {
		return k.m().mac.sign(input), nil
	}
	var message []byte
	if k.m().hash != 0 {
		h := k.m().hash.New()
		write(h, input)
		message = h.Sum(nil)
	} else {
		message = []byte(input)
	}
	signature, err := k.m().signer.Sign(rand.Reader, message, k.m().options())
	if err != nil {
		return nil, fmt.Errorf("keys: the signer failed: %w", err)
	}
	if signature, err = k.m().jws(signature); err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	return signature, nil
}

// jws turns what a crypto.Signer returns into what a token carries.
func (m *material) jws(signature []byte) ([]byte, error) {
	size := ed25519.SignatureSize
	switch k := m.public.(type) {
	case *rsa.PublicKey:
		size = k.Size()
	case ed25519.PublicKey:
	default:
		return fixedWidth(signature, (m.curve.Params().BitSize+7)/8)
	}
	if len(signature) != size {
		return nil, errors.New("the signer's signature has not the length of its key's")
	}
	return signature, nil
}

// Verify reports with a nil error that signature is the key's JWS signature
// over the signing input (RFC 7515 section 5.2). A private key verifies with
// its public half. The error does not say why a signature does not verify.
func (k *Key) Verify(input string, signature []byte) error {
	if !k.usable() || !k.m().verifies {
		return errNoVerify
	}
	if k.symmetric() {
		if !k.m().mac.verify(input, signature) {
			return errSignature
		}
		return nil
	}
	if k.m().verify(input, signature) != nil {
		return errSignature
	}
	return nil
}

// verify calls the method by its type, not through its interface: the compiler
// sees then that no method keeps the signature, which may stay on the stack.
func (m *material) verify(input string, signature []byte) error {
	switch method := m.method.(type) {
	case *jwt.SigningMethodRSA:
		return method.Verify(input, signature, m.public)
	case *jwt.SigningMethodRSAPSS:
		return method.Verify(input, signature, m.public)
	case *jwt.SigningMethodECDSA:
		return method.Verify(input, signature, m.public)
	case *jwt.SigningMethodEd25519:
		return method.Verify(input, signature, m.public)
	default:
		return errNoVerify
	}
}
