package keys

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"math"
	"math/big"
)

const (
	minRSABits = 2048  // RFC 7518 sections 3.3 and 3.5
	maxRSABits = 16384 // a verification takes time that grows with the square
)

// ownRSAPublicKey copies a key that is fit for use.
func ownRSAPublicKey(k *rsa.PublicKey) (*rsa.PublicKey, error) {
	switch n := k.N; {
	case n == nil || n.Sign() <= 0:
		return nil, errors.New("the RSA key has no modulus: use a whole one")
	case n.BitLen() < minRSABits:
		return nil, fmt.Errorf("the RSA key is shorter than %d bits: use a longer one", minRSABits)
	case n.BitLen() > maxRSABits:
		return nil, fmt.Errorf("the RSA key is longer than %d bits: use a shorter one", maxRSABits)
	case n.Bit(0) == 0:
		return nil, errors.New("the RSA modulus is even, so not a product of two large primes: use a new key")
	case k.E < 3 || k.E&1 == 0:
		return nil, errors.New("the RSA exponent is even or below 3: use a key with exponent 65537")
	case k.E > math.MaxInt32:
		// crypto/rsa refuses it too, but not before the first token.
		return nil, errors.New("the RSA exponent is above 2^31-1: use a key with exponent 65537")
	case isROCA(n):
		return nil, errors.New("the RSA modulus was made by a faulty generator (ROCA, CVE-2017-15361): use a new key")
	}
	return &rsa.PublicKey{N: new(big.Int).Set(k.N), E: k.E}, nil
}

// ownRSAPrivateKey copies a key whose public half is fit for use.
func ownRSAPrivateKey(k *rsa.PrivateKey) (*rsa.PrivateKey, error) {
	if len(k.Primes) != 2 {
		return nil, errors.New("the RSA private key does not have two primes: use one that does")
	}
	for _, part := range []*big.Int{k.D, k.Primes[0], k.Primes[1]} {
		if part == nil || part.Sign() <= 0 {
			return nil, errors.New("the RSA private key is incomplete: use a whole one")
		}
		if part.Cmp(k.N) >= 0 { // before crypto/rsa computes with it
			return nil, errors.New("the RSA private key has a part that is out of range: use a whole one")
		}
	}
	own := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: new(big.Int).Set(k.N), E: k.E},
		D:         new(big.Int).Set(k.D),
		Primes:    []*big.Int{new(big.Int).Set(k.Primes[0]), new(big.Int).Set(k.Primes[1])},
	}
	own.Precompute()
	if err := own.Validate(); err != nil {
		return nil, fmt.Errorf("the RSA private key is inconsistent: %w", err)
	}
	// Validate does not look whether the primes are.
	if !own.Primes[0].ProbablyPrime(0) || !own.Primes[1].ProbablyPrime(0) {
		return nil, errors.New("the RSA private key has a factor that is not prime: use a new key")
	}
	given, computed := k.Precomputed, own.Precomputed
	if differs(given.Dp, computed.Dp) || differs(given.Dq, computed.Dq) || differs(given.Qinv, computed.Qinv) {
		return nil, errors.New("the RSA private key has CRT values of another key: use a whole one")
	}
	return own, nil
}

func differs(given, computed *big.Int) bool { return given != nil && given.Cmp(computed) != 0 }

// isROCA reports whether a modulus has the fingerprint of Infineon's RSALib:
// modulo each small prime it is a power of 65537. Of sound moduli less than one
// in a hundred million are like that. Nemec et al., The Return of Coppersmith's
// Attack, CCS 2017, section 2.2.
func isROCA(n *big.Int) bool {
	for _, p := range []uint64{
		3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83,
		89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
	} {
		residue := new(big.Int).Mod(n, new(big.Int).SetUint64(p)).Uint64()
		for power := uint64(1); power != residue; {
			if power = power * 65537 % p; power == 1 {
				return false
			}
		}
	}
	return true
}
