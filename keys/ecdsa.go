package keys

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// ownECDSAPublicKey copies a key that is fit for use.
func ownECDSAPublicKey(curve elliptic.Curve, k *ecdsa.PublicKey) (*ecdsa.PublicKey, error) {
	if k.Curve != curve {
		return nil, fmt.Errorf("the ECDSA key is on another curve: use one on %s", curve.Params().Name)
	}
	//lint:ignore SA1019 Bytes panics where they are nil
	if k.X == nil || k.Y == nil {
		return nil, errors.New("the ECDSA key has no point: use a whole one")
	}
	point, err := k.Bytes()
	if err != nil {
		return nil, errors.New("the ECDSA key is not a point on its curve: use a new one")
	}
	return ecdsa.ParseUncompressedPublicKey(curve, point)
}

// ownECDSAPrivateKey copies a key whose public half is fit for use.
func ownECDSAPrivateKey(k *ecdsa.PrivateKey) (*ecdsa.PrivateKey, error) {
	//lint:ignore SA1019 Bytes panics where it is nil
	if k.D == nil {
		return nil, errors.New("the ECDSA private key has no scalar: use a whole one")
	}
	scalar, err := k.Bytes()
	if err != nil {
		return nil, errors.New("the ECDSA private key is out of its curve's range: use a new one")
	}
	own, err := ecdsa.ParseRawPrivateKey(k.Curve, scalar)
	if err != nil || !own.PublicKey.Equal(&k.PublicKey) {
		return nil, errors.New("the ECDSA private key does not belong to its public key: use a whole pair")
	}
	return own, nil
}

// fixedWidth turns the DER signature of a crypto.Signer into the form of
// RFC 7518 section 3.4: r and s, each as long as the curve's field.
func fixedWidth(der []byte, size int) ([]byte, error) {
	var (
		input    = cryptobyte.String(der)
		sequence cryptobyte.String
		r, s     []byte
	)
	if !input.ReadASN1(&sequence, asn1.SEQUENCE) || !input.Empty() ||
		!sequence.ReadASN1Integer(&r) || !sequence.ReadASN1Integer(&s) || !sequence.Empty() {
		return nil, errors.New("the signer's ECDSA signature is not DER")
	}
	out := make([]byte, 2*size)
	for i, n := range [][]byte{r, s} {
		if len(n) > size || len(n) == 0 || n[0] == 0 {
			return nil, errors.New("the signer's ECDSA signature is out of range")
		}
		copy(out[(i+1)*size-len(n):], n)
	}
	return out, nil
}
