package keys

import (
	"bytes"
	"crypto"
	"crypto/hmac"
	"crypto/x509"
	"errors"
	"fmt"
	"hash"
	"sync"
	"unsafe"
)

// A mac signs and verifies with one secret. Its states are pooled, because
// keying HMAC costs as much as a short token does.
type mac struct {
	secret []byte
	states sync.Pool // of *macState
}

type macState struct {
	hash hash.Hash
	sum  [64]byte
}

func newMAC(h crypto.Hash, secret []byte) (*mac, error) {
	// RFC 7518 section 3.2: at least as long as the hash.
	if len(secret) < h.Size() {
		return nil, fmt.Errorf("the secret is shorter than its hash: use at least %d random bytes, such as Generate makes", h.Size())
	}
	if isKeyText(secret) {
		return nil, errors.New("the secret is an encoded key: read it with Parse, or use random bytes")
	}
	m := &mac{secret: bytes.Clone(secret)}
	m.states.New = func() any { return &macState{hash: hmac.New(h.New, m.secret)} }
	return m, nil
}

func (m *mac) sign(input string) []byte {
	s := m.states.Get().(*macState)
	defer m.states.Put(s)
	return bytes.Clone(s.compute(input))
}

func (m *mac) verify(input string, signature []byte) bool {
	s := m.states.Get().(*macState)
	defer m.states.Put(s)
	return hmac.Equal(signature, s.compute(input))
}

// compute returns memory of the state's own.
func (s *macState) compute(input string) []byte {
	s.hash.Reset()
	write(s.hash, input)
	return s.hash.Sum(s.sum[:0])
}

// write gives a hash the bytes of a string without a copy of them, which is safe
// for those of the standard library: as any io.Writer they must neither change
// nor keep what they are given.
func write(h hash.Hash, input string) {
	h.Write(unsafe.Slice(unsafe.StringData(input), len(input)))
}

// isKeyText reports whether a secret is a key in one of the encodings that
// public keys are handed around in. An attacker who knows the public key would
// know such a secret.
func isKeyText(secret []byte) bool {
	if bytes.Contains(secret, []byte("-----BEGIN ")) {
		return true
	}
	text := bytes.TrimSpace(secret)
	if bytes.HasPrefix(text, []byte("ssh-")) || bytes.HasPrefix(text, []byte("ecdsa-sha2-")) {
		return true
	}
	if m, err := readMembers(text); err == nil && (m["kty"] != nil || m["keys"] != nil) {
		return true
	}
	if _, err := x509.ParsePKIXPublicKey(secret); err == nil {
		return true
	}
	if _, err := x509.ParsePKCS1PublicKey(secret); err == nil {
		return true
	}
	_, err := x509.ParseCertificate(secret)
	return err == nil
}
