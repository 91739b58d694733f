package keys

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"math/big"
	"slices"
)

// ownEd25519PublicKey copies a key that is fit for use: a point on the curve
// (RFC 8032 section 5.1.3) whose order is large. Under a point of small order a
// signature can be made for any message without a private key.
func ownEd25519PublicKey(k ed25519.PublicKey) (ed25519.PublicKey, error) {
	if len(k) != ed25519.PublicKeySize {
		return nil, errors.New("the Ed25519 key has not the length of one: use a whole one")
	}
	var (
		one    = big.NewInt(1)
		p      = new(big.Int).Sub(new(big.Int).Lsh(one, 255), big.NewInt(19))
		mod    = func(x *big.Int) *big.Int { return x.Mod(x, p) }
		d, _   = new(big.Int).SetString("52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3", 16)
		octets = slices.Clone(k)
	)
	slices.Reverse(octets)
	octets[0] &= 0x7f // the sign of x
	y := new(big.Int).SetBytes(octets)
	if y.Cmp(p) >= 0 {
		return nil, errors.New("the Ed25519 key is not canonical: use a new one")
	}
	// x² = (y²-1) / (dy²+1), so that the product has a root where the quotient has one.
	y2 := mod(new(big.Int).Mul(y, y))
	u := mod(new(big.Int).Sub(y2, one))
	dy2 := mod(new(big.Int).Mul(d, y2))
	v := new(big.Int).Add(dy2, one)
	if big.Jacobi(mod(new(big.Int).Mul(u, v)), p) < 0 {
		return nil, errors.New("the Ed25519 key is not a point on its curve: use a new one")
	}
	// The points of order 1 and 2 have y² = 1, those of order 4 have y = 0, and
	// those of order 8, whose doubles are these, dy⁴ + 2y² = 1.
	eighth := new(big.Int).Add(dy2, big.NewInt(2))
	if y.Sign() == 0 || u.Sign() == 0 || mod(eighth.Mul(eighth, y2)).Cmp(one) == 0 {
		return nil, errors.New("the Ed25519 key is a point of small order: use a new one")
	}
	return slices.Clone(k), nil
}

// ownEd25519PrivateKey copies a key whose public half is fit for use.
func ownEd25519PrivateKey(k ed25519.PrivateKey) (ed25519.PrivateKey, error) {
	own := ed25519.NewKeyFromSeed(k.Seed())
	if !bytes.Equal(own, k) {
		return nil, errors.New("the Ed25519 private key does not belong to its public key: use a whole pair")
	}
	return own, nil
}
