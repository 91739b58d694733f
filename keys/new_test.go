//lint:file-ignore SA1019 broken keys are made of raw coordinates

package keys_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/gobearer/bearer/keys"
)

// rocaModulus has the fingerprint of the faulty generator: modulo each small
// prime it is a power of 65537.
func rocaModulus() *big.Int {
	m := big.NewInt(2)
	for _, p := range []int64{3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83,
		89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167} {
		m.Mul(m, big.NewInt(p))
	}
	n := new(big.Int).Exp(big.NewInt(65537), big.NewInt(123456789), m)
	k := new(big.Int).Div(new(big.Int).Lsh(big.NewInt(3), 2046), m)
	return n.Add(n, k.Mul(k, m))
}

func unhex(s string) []byte { return must(hex.DecodeString(s)) }

func TestNewRefuses(t *testing.T) {
	n, e := rsaKey().N, rsaKey().E
	public := func(n *big.Int, e int) *rsa.PublicKey { return &rsa.PublicKey{N: n, E: e} }
	rsaWith := func(change func(*rsa.PrivateKey)) *rsa.PrivateKey {
		k := &rsa.PrivateKey{PublicKey: rsaKey().PublicKey, D: rsaKey().D, Primes: slices.Clone(rsaKey().Primes)}
		k.Precompute()
		change(k)
		return k
	}
	pkix := must(x509.MarshalPKIXPublicKey(&rsaKey().PublicKey))
	certificate := must(x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1)},
		&x509.Certificate{}, &p256Key().PublicKey, p256Key()))
	otherPublic := ed25519.NewKeyFromSeed(secret[:32])[32:]
	small := must(rsa.GenerateKey(rand.Reader, 1024))

	tests := []struct {
		name     string
		alg      keys.Algorithm
		material any
		opts     []keys.KeyOption
		want     string
	}{
		{"no signature at all", "none", secret, nil, "none is not a signature"},
		{"an unknown algorithm", "HS1", secret, nil, "unknown algorithm"},
		{"an algorithm in another case", "hs256", secret, nil, "unknown algorithm"},
		{"no algorithm", "", secret, nil, "unknown algorithm"},

		{"nothing as a secret", keys.HS256, nil, nil, "nil"},
		{"a nil slice as a secret", keys.HS256, []byte(nil), nil, "nil"},
		{"a nil slice as an Ed25519 key", keys.EdDSA, ed25519.PublicKey(nil), nil, "nil"},
		{"a nil slice as an Ed25519 private key", keys.EdDSA, ed25519.PrivateKey(nil), nil, "nil"},
		{"a nil pointer as an RSA key", keys.RS256, (*rsa.PublicKey)(nil), nil, "nil"},
		{"a nil pointer as an RSA private key", keys.RS256, (*rsa.PrivateKey)(nil), nil, "nil"},
		{"a nil pointer as an ECDSA private key", keys.ES256, (*ecdsa.PrivateKey)(nil), nil, "nil"},
		{"a nil pointer to an Ed25519 key", keys.EdDSA, (*ed25519.PrivateKey)(nil), nil, "nil"},
		{"a signer without a public key", keys.ES256, broken{}, nil, "no public key"},
		{"a signer whose public key is a nil pointer", keys.ES256, broken{public: (*ecdsa.PublicKey)(nil)}, nil, "no public key"},

		{"a secret one byte too short for HS256", keys.HS256, secret[:31], nil, "at least 32"},
		{"a secret one byte too short for HS384", keys.HS384, secret[:47], nil, "at least 48"},
		{"a secret one byte too short for HS512", keys.HS512, secret[:63], nil, "at least 64"},
		{"an empty secret", keys.HS256, []byte{}, nil, "at least 32"},
		{"a secret as a string", keys.HS256, string(secret), nil, "[]byte"},
		{"algorithm confusion: a public RSA key as a secret", keys.HS256, &rsaKey().PublicKey, nil, "[]byte"},
		{"algorithm confusion: a public Ed25519 key as a secret", keys.HS256, ed25519Key().Public(), nil, "[]byte"},
		{"algorithm confusion: a signer as a secret", keys.HS256, kms{rsaKey()}, nil, "[]byte"},
		{"algorithm confusion: PEM as a secret", keys.HS256, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pkix}), nil, "encoded key"},
		{"algorithm confusion: PEM behind white space", keys.HS256, append([]byte("\n\n"), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pkix})...), nil, "encoded key"},
		{"algorithm confusion: PEM without its end", keys.HS256, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pkix})[:100], nil, "encoded key"},
		{"algorithm confusion: a PKIX key as a secret", keys.HS256, pkix, nil, "encoded key"},
		{"algorithm confusion: a PKCS #1 key as a secret", keys.HS512, x509.MarshalPKCS1PublicKey(&rsaKey().PublicKey), nil, "encoded key"},
		{"algorithm confusion: a certificate as a secret", keys.HS256, certificate, nil, "encoded key"},
		{"algorithm confusion: a public JWK as a secret", keys.HS256, []byte(jwk(&rsaKey().PublicKey, nil)), nil, "encoded key"},
		{"algorithm confusion: a JWK set as a secret", keys.HS256, []byte(" " + jwks(jwk(&p256Key().PublicKey, nil))), nil, "encoded key"},
		{"algorithm confusion: an OpenSSH key as a secret", keys.HS256, []byte("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJmO a@b"), nil, "encoded key"},

		{"RSA of 1024 bits", keys.RS256, &small.PublicKey, nil, "shorter than 2048"},
		{"RSA of 1024 bits, private", keys.PS256, small, nil, "shorter than 2048"},
		{"RSA of 1024 bits behind a signer", keys.RS256, kms{small}, nil, "shorter than 2048"},
		{"RSA of 2047 bits", keys.RS256, public(new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 2047), big.NewInt(1)), 65537), nil, "shorter than 2048"},
		{"RSA so long that it is a denial of service", keys.RS256, public(new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), 16384), big.NewInt(1)), 65537), nil, "longer than 16384"},
		{"RSA without a modulus", keys.RS256, public(nil, 65537), nil, "no modulus"},
		{"RSA with a negative modulus", keys.RS256, public(new(big.Int).Neg(n), 65537), nil, "no modulus"},
		{"RSA with an even modulus", keys.RS256, public(new(big.Int).Add(n, big.NewInt(1)), 65537), nil, "even"},
		{"RSA with exponent 1: every signature is its message", keys.RS256, public(n, 1), nil, "exponent"},
		{"RSA with exponent 0", keys.RS256, public(n, 0), nil, "exponent"},
		{"RSA with exponent -3", keys.RS256, public(n, -3), nil, "exponent"},
		{"RSA with an even exponent", keys.RS256, public(n, 65536), nil, "even"},
		{"RSA with an exponent that crypto/rsa would refuse later", keys.RS256, public(n, 1<<31+1), nil, "2^31-1"},
		{"RSA with an exponent over 32 bits", keys.RS256, public(n, 1<<32+1), nil, "2^31-1"},
		{"RSA of the generator with ROCA", keys.RS256, public(rocaModulus(), e), nil, "ROCA"},
		{"RSA with d of another key", keys.RS256, rsaWith(func(k *rsa.PrivateKey) { k.D = otherRSA().D }), nil, "inconsistent"},
		{"RSA with n of another key", keys.RS256, rsaWith(func(k *rsa.PrivateKey) { k.N = otherRSA().N }), nil, "inconsistent"},
		{"RSA with a prime of another key", keys.RS256, rsaWith(func(k *rsa.PrivateKey) { k.Primes[0] = otherRSA().Primes[0] }), nil, "inconsistent"},
		{"RSA with CRT values of another key", keys.RS256, rsaWith(func(k *rsa.PrivateKey) { k.Precomputed.Dp = otherRSA().Precomputed.Dp }), nil, "CRT"},
		{"RSA without primes", keys.RS256, rsaWith(func(k *rsa.PrivateKey) { k.Primes = nil }), nil, "two primes"},
		{"RSA with a nil prime", keys.RS256, rsaWith(func(k *rsa.PrivateKey) { k.Primes[1] = nil }), nil, "incomplete"},
		{"RSA with negative primes", keys.RS256, rsaWith(func(k *rsa.PrivateKey) {
			k.Primes = []*big.Int{new(big.Int).Neg(k.Primes[0]), new(big.Int).Neg(k.Primes[1])}
		}), nil, "incomplete"},
		{"RSA with d so long that it is a denial of service", keys.RS256, rsaWith(func(k *rsa.PrivateKey) { k.D = new(big.Int).Lsh(k.D, 1<<20) }), nil, "out of range"},
		{"RSA without d", keys.RS256, rsaWith(func(k *rsa.PrivateKey) { k.D = nil }), nil, "incomplete"},
		{"the zero RSA private key", keys.RS256, new(rsa.PrivateKey), nil, "no modulus"},
		{"RSA by value", keys.RS256, rsaKey().PublicKey, nil, "*rsa.PublicKey"},
		{"an ECDSA key for RS256", keys.RS256, p256Key(), nil, "*rsa.PublicKey"},
		{"a secret for RS256", keys.RS256, secret, nil, "*rsa.PublicKey"},

		{"a P-384 key for ES256", keys.ES256, p384Key(), nil, "P-256"},
		{"a P-256 key for ES384", keys.ES384, &p256Key().PublicKey, nil, "P-384"},
		{"a P-256 key for ES512", keys.ES512, kms{p256Key()}, nil, "P-521"},
		{"a P-224 key for ES256", keys.ES256, must(ecdsa.GenerateKey(elliptic.P224(), rand.Reader)), nil, "P-256"},
		{"a point beside the curve", keys.ES256, &ecdsa.PublicKey{Curve: elliptic.P256(), X: big.NewInt(1), Y: big.NewInt(2)}, nil, "point"},
		{"the point at infinity", keys.ES256, &ecdsa.PublicKey{Curve: elliptic.P256(), X: new(big.Int), Y: new(big.Int)}, nil, "point"},
		{"negative coordinates", keys.ES256, &ecdsa.PublicKey{Curve: elliptic.P256(), X: big.NewInt(-1), Y: big.NewInt(-2)}, nil, "point"},
		{"the zero ECDSA key", keys.ES256, new(ecdsa.PublicKey), nil, "P-256"},
		{"ECDSA without a point", keys.ES256, &ecdsa.PublicKey{Curve: elliptic.P256()}, nil, "no point"},
		{"ECDSA with d of another key", keys.ES256, &ecdsa.PrivateKey{PublicKey: p256Key().PublicKey, D: big.NewInt(7)}, nil, "does not belong"},
		{"ECDSA without d", keys.ES256, &ecdsa.PrivateKey{PublicKey: p256Key().PublicKey}, nil, "no scalar"},
		{"ECDSA with d of zero", keys.ES256, &ecdsa.PrivateKey{PublicKey: p256Key().PublicKey, D: new(big.Int)}, nil, "range"},
		{"ECDSA with d above the order", keys.ES256, &ecdsa.PrivateKey{PublicKey: p256Key().PublicKey, D: new(big.Int).Lsh(big.NewInt(1), 300)}, nil, "range"},
		{"ECDSA by value", keys.ES256, p256Key().PublicKey, nil, "*ecdsa.PublicKey"},
		{"an RSA key for ES256", keys.ES256, rsaKey(), nil, "*ecdsa.PublicKey"},

		{"an Ed25519 key cut short", keys.EdDSA, ed25519.PublicKey(make([]byte, 31)), nil, "length"},
		{"an Ed25519 private key cut short", keys.EdDSA, ed25519Key()[:63], nil, "length"},
		{"an Ed25519 seed alone", keys.EdDSA, ed25519.PrivateKey(ed25519Key().Seed()), nil, "length"},
		{"an Ed25519 key with another public half", keys.EdDSA, slices.Concat(ed25519Key()[:32], otherPublic), nil, "does not belong"},
		{"a pointer to an Ed25519 key", keys.EdDSA, new(ed25519.PrivateKey), nil, "ed25519.PrivateKey"},
		{"Ed25519 beside the curve", keys.EdDSA, ed25519.PublicKey(unhex("0200000000000000000000000000000000000000000000000000000000000000")), nil, "point"},
		{"Ed25519 of order 1: anyone signs", keys.EdDSA, ed25519.PublicKey(unhex("0100000000000000000000000000000000000000000000000000000000000000")), nil, "small order"},
		{"Ed25519 of order 2", keys.EdDSA, ed25519.PublicKey(unhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")), nil, "small order"},
		{"Ed25519 of order 4", keys.EdDSA, ed25519.PublicKey(unhex("0000000000000000000000000000000000000000000000000000000000000080")), nil, "small order"},
		{"Ed25519 of order 8", keys.EdDSA, ed25519.PublicKey(unhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")), nil, "small order"},
		{"Ed25519 of order 8, the other", keys.EdDSA, ed25519.PublicKey(unhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa")), nil, "small order"},
		{"Ed25519 that is not canonical", keys.EdDSA, ed25519.PublicKey(unhex("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")), nil, "canonical"},
		{"a secret for EdDSA", keys.EdDSA, secret[:32], nil, "ed25519.PublicKey"},

		{"an empty id", keys.HS256, secret, []keys.KeyOption{keys.WithID("")}, "empty"},
		{"an id that is too long", keys.HS256, secret, []keys.KeyOption{keys.WithID(strings.Repeat("k", 257))}, "256"},
		{"an id with a line break", keys.HS256, secret, []keys.KeyOption{keys.WithID("a\nb")}, "print"},
		{"an id that is not UTF-8", keys.HS256, secret, []keys.KeyOption{keys.WithID("a\xff")}, "print"},
		{"two ids", keys.HS256, secret, []keys.KeyOption{keys.WithID("a"), keys.WithID("b")}, "twice"},
		{"two algorithms", keys.HS256, secret, []keys.KeyOption{keys.WithAlgorithm(keys.HS256), keys.WithAlgorithm(keys.HS256)}, "twice"},
		{"another algorithm", keys.HS256, secret, []keys.KeyOption{keys.WithAlgorithm(keys.HS384)}, "contradicts"},
		{"a nil option", keys.HS256, secret, []keys.KeyOption{nil}, "nil"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			k, err := keys.New(test.alg, test.material, test.opts...)
			if err == nil || k != nil {
				t.Fatalf("accepted: %v", k)
			}
			if !strings.HasPrefix(err.Error(), "keys: ") || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%q does not say %q", err, test.want)
			}
		})
	}
}

func TestNewAccepts(t *testing.T) {
	tests := []struct {
		name     string
		alg      keys.Algorithm
		material any
	}{
		{"a secret as long as its hash", keys.HS256, secret[:32]},
		{"a secret that begins like DER", keys.HS256, append([]byte{0x30, 0x1e}, secret[:32]...)},
		{"a secret that is JSON and no key", keys.HS256, []byte(`{"secret":"0123456789abcdef0123456789"}`)},
		{"RSA of 2048 bits", keys.RS256, &rsaKey().PublicKey},
		{"RSA with exponent 3", keys.PS512, &rsa.PublicKey{N: rsaKey().N, E: 3}},
		{"RSA with the largest exponent", keys.RS256, &rsa.PublicKey{N: rsaKey().N, E: 1<<31 - 1}},
		{"RSA without CRT values", keys.RS256, &rsa.PrivateKey{PublicKey: rsaKey().PublicKey, D: rsaKey().D, Primes: rsaKey().Primes}},
		{"a P-521 key for ES512", keys.ES512, &p521Key().PublicKey},
		{"an Ed25519 key", keys.EdDSA, ed25519Key().Public()},
		{"a signer", keys.ES256, kms{p256Key()}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			k := newKey(t, test.alg, test.material, keys.WithID(strings.Repeat("k", 256)))
			if k.Algorithm() != test.alg || len(k.ID()) != 256 {
				t.Errorf("%v", k)
			}
		})
	}
}

func TestNewSaysEveryProblem(t *testing.T) {
	_, err := keys.New(keys.HS256, secret[:5], keys.WithID(""), nil)
	for _, want := range []string{"id is empty", "option is nil", "shorter"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
}

func TestNewCopies(t *testing.T) {
	private := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: new(big.Int).Set(rsaKey().N), E: rsaKey().E},
		D: new(big.Int).Set(rsaKey().D), Primes: []*big.Int{new(big.Int).Set(rsaKey().Primes[0]), new(big.Int).Set(rsaKey().Primes[1])}}
	tests := []struct {
		name     string
		alg      keys.Algorithm
		material any
		change   func(any)
	}{
		{"a secret", keys.HS256, slices.Clone(secret), func(m any) { clear(m.([]byte)) }},
		{"an Ed25519 private key", keys.EdDSA, slices.Clone(ed25519Key()), func(m any) { clear(m.(ed25519.PrivateKey)) }},
		{"an RSA private key", keys.RS256, private, func(m any) {
			k := m.(*rsa.PrivateKey)
			k.N.SetInt64(15)
			k.D.SetInt64(3)
			k.Primes[0].SetInt64(3)
		}},
		{"an ECDSA private key", keys.ES256, must(ecdsa.ParseRawPrivateKey(elliptic.P256(), must(p256Key().Bytes()))), func(m any) {
			k := m.(*ecdsa.PrivateKey)
			k.X.SetInt64(1)
			k.D.SetInt64(1)
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			k, twin := newKey(t, test.alg, test.material), newKey(t, test.alg, material(test.alg))
			test.change(test.material)
			signature, err := k.Sign(input)
			if err != nil {
				t.Fatal(err)
			}
			if err := twin.Verify(input, signature); err != nil || !k.Equal(twin) {
				t.Error("a change of the material changed the key")
			}
		})
	}
}

func TestGenerate(t *testing.T) {
	for _, alg := range algorithms {
		t.Run(string(alg), func(t *testing.T) {
			if testing.Short() && (strings.HasPrefix(string(alg), "RS") || strings.HasPrefix(string(alg), "PS")) {
				t.Skip("RSA keys take time")
			}
			k, err := keys.Generate(alg, keys.WithID("new"))
			if err != nil {
				t.Fatal(err)
			}
			signature, err := k.Sign(input)
			if err != nil {
				t.Fatal(err)
			}
			if err := k.Verify(input, signature); err != nil {
				t.Error(err)
			}
			if k.Algorithm() != alg || k.ID() != "new" {
				t.Errorf("%v", k)
			}
			if alg != keys.HS256 && alg != keys.EdDSA {
				return
			}
			if other, err := keys.Generate(alg, keys.WithID("new")); err != nil || other.Equal(k) {
				t.Errorf("generated twice: %v", err)
			}
		})
	}
	for _, alg := range []keys.Algorithm{"none", "", "RS1"} {
		if _, err := keys.Generate(alg); err == nil {
			t.Errorf("%q: accepted", alg)
		}
	}
	if _, err := keys.Generate(keys.EdDSA, keys.WithID("")); err == nil {
		t.Error("an empty id: accepted")
	}
}
