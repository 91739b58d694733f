package keys

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
)

// thumbprint is the RFC 7638 SHA-256 thumbprint of an asymmetric key, in
// base64url. A secret has none: its thumbprint would be a way to test guesses
// (section 7).
func thumbprint(k *Key) (string, error) {
	if k.symmetric() {
		return "", errors.New("a secret has no thumbprint: name it with WithID")
	}
	jwk, err := encodeJWK(k)
	if err != nil {
		return "", err
	}
	m, err := readMembers(jwk)
	if err != nil {
		return "", err
	}
	// Section 3.2 and RFC 8037 section 2: the required members, in the order of their names,
	required := map[string][]string{
		ktyRSA: {"e", "kty", "n"},
		ktyEC:  {"crv", "kty", "x", "y"},
		ktyOKP: {"crv", "kty", "x"},
	}[k.m().kty]
	// without white space (section 3.3).
	canonical := bytes.NewBufferString("{")
	for i, name := range required {
		if i > 0 {
			canonical.WriteByte(',')
		}
		canonical.WriteString(`"` + name + `":`)
		canonical.Write(m[name])
	}
	canonical.WriteByte('}')
	sum := sha256.Sum256(canonical.Bytes())
	return base64.RawURLEncoding.EncodeToString(sum[:]), nil
}
