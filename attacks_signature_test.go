package bearer_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/asn1"
	"fmt"
	"math/big"
	"slices"
	"testing"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/keys"
)

// The attacks of this file are signatures that a lenient implementation takes
// for the right ones.

// resigned is the usual token of a key with another signature over its input.
func resigned(t *testing.T, k *keys.Key, change func(input string, right []byte) []byte) string {
	t.Helper()
	h, p, _ := segmentsOf(forge(t, k, header(k), goodPayload("")))
	input := h + "." + p
	return join(input, change(input, must(k.Sign(input))))
}

func constant(s []byte) func(string, []byte) []byte { return func(string, []byte) []byte { return s } }
func whole(_ string, right []byte) []byte           { return right }

func TestForgedMAC(t *testing.T) {
	for alg, size := range map[keys.Algorithm]int{keys.HS256: 32, keys.HS384: 48, keys.HS512: 64} {
		t.Run(string(alg), func(t *testing.T) {
			k := keyOf(t, alg)
			family := []attack{
				{"twin: whole", resigned(t, k, whole), nil},
				{"empty", resigned(t, k, constant(nil)), bearer.ErrMalformed},
				{"zeros", resigned(t, k, constant(make([]byte, size))), bearer.ErrSignature},
				{"one zero behind it", resigned(t, k, func(_ string, right []byte) []byte { return append(right, 0) }), bearer.ErrSignature},
				{"twice", resigned(t, k, func(_ string, right []byte) []byte { return append(right, right...) }), bearer.ErrSignature},
				{"as hexadecimal digits", resigned(t, k, func(_ string, right []byte) []byte { return fmt.Appendf(nil, "%x", right) }), bearer.ErrSignature},
			}
			for n := 1; n < size; n++ {
				family = append(family, attack{fmt.Sprintf("the first %d bytes", n), resigned(t, k, func(_ string, right []byte) []byte { return right[:n] }), bearer.ErrSignature})
			}
			for bit := range size * 8 {
				family = append(family, attack{fmt.Sprintf("bit %d is another", bit), resigned(t, k, func(_ string, right []byte) []byte {
					right[bit/8] ^= 1 << (bit % 8)
					return right
				}), bearer.ErrSignature})
			}
			runAttacks(t, attackedBy(t, k), family)
		})
	}
}

func TestForgedECDSA(t *testing.T) {
	for alg, size := range map[keys.Algorithm]int{keys.ES256: 32, keys.ES384: 48, keys.ES512: 66} {
		t.Run(string(alg), func(t *testing.T) {
			k, private := keyOf(t, alg), materialOf(alg).(*ecdsa.PrivateKey)
			order := private.Params().N
			fixed := func(r, s *big.Int) []byte {
				return append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
			}
			// with changes the numbers of a right signature.
			with := func(change func(r, s *big.Int)) string {
				return resigned(t, k, func(_ string, right []byte) []byte {
					r, s := new(big.Int).SetBytes(right[:size]), new(big.Int).SetBytes(right[size:])
					change(r, s)
					return fixed(r, s)
				})
			}
			zero, one := new(big.Int), big.NewInt(1)
			runAttacks(t, attackedBy(t, k), []attack{
				{"twin: whole", resigned(t, k, whole), nil},
				// Anybody can negate s. It stays the signature of this input: nothing here knows a token by its text.
				{"twin: s negated", with(func(_, s *big.Int) { s.Sub(order, s) }), nil},
				{"r and s zero, CVE-2022-21449", resigned(t, k, constant(fixed(zero, zero))), bearer.ErrSignature},
				{"r zero", with(func(r, _ *big.Int) { r.SetInt64(0) }), bearer.ErrSignature},
				{"s zero", with(func(_, s *big.Int) { s.SetInt64(0) }), bearer.ErrSignature},
				{"r and s one", resigned(t, k, constant(fixed(one, one))), bearer.ErrSignature},
				{"r and s the order", resigned(t, k, constant(fixed(order, order))), bearer.ErrSignature},
				{"r the order", with(func(r, _ *big.Int) { r.Set(order) }), bearer.ErrSignature},
				{"s the order", with(func(_, s *big.Int) { s.Set(order) }), bearer.ErrSignature},
				{"r the field's prime", with(func(r, _ *big.Int) { r.Set(private.Params().P) }), bearer.ErrSignature},
				{"all bits set", resigned(t, k, constant(bytes.Repeat([]byte{0xff}, 2*size))), bearer.ErrSignature},
				{"r and s exchanged", resigned(t, k, func(_ string, right []byte) []byte { return append(slices.Clone(right[size:]), right[:size]...) }), bearer.ErrSignature},
				{"one byte less", resigned(t, k, func(_ string, right []byte) []byte { return right[:2*size-1] }), bearer.ErrSignature},
				{"one byte more", resigned(t, k, func(_ string, right []byte) []byte { return append(right, 0) }), bearer.ErrSignature},
				{"one zero before it", resigned(t, k, func(_ string, right []byte) []byte { return append([]byte{0}, right...) }), bearer.ErrSignature},
				{"r and s each with a zero before it", resigned(t, k, func(_ string, right []byte) []byte {
					return slices.Concat([]byte{0}, right[:size], []byte{0}, right[size:])
				}), bearer.ErrSignature},
				{"r alone", resigned(t, k, func(_ string, right []byte) []byte { return right[:size] }), bearer.ErrSignature},
				{"DER", resigned(t, k, func(_ string, right []byte) []byte {
					return must(asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(right[:size]), new(big.Int).SetBytes(right[size:])}))
				}), bearer.ErrSignature},
				{"by another key", forge(t, newKey(t, alg), header(k), goodPayload("")), bearer.ErrSignature},
				{"empty", resigned(t, k, constant(nil)), bearer.ErrMalformed},
			})
		})
	}
}

func TestForgedEd25519(t *testing.T) {
	k := keyOf(t, keys.EdDSA)
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	runAttacks(t, attackedBy(t, k), []attack{
		{"twin: whole", resigned(t, k, whole), nil},
		{"one byte less", resigned(t, k, func(_ string, right []byte) []byte { return right[:63] }), bearer.ErrSignature},
		{"one byte more", resigned(t, k, func(_ string, right []byte) []byte { return append(right, 0) }), bearer.ErrSignature},
		{"half", resigned(t, k, func(_ string, right []byte) []byte { return right[:32] }), bearer.ErrSignature},
		{"empty", resigned(t, k, constant(nil)), bearer.ErrMalformed},
		{"zeros", resigned(t, k, constant(make([]byte, 64))), bearer.ErrSignature},
		{"R of small order, S zero", resigned(t, k, constant(append([]byte{1}, make([]byte, 63)...))), bearer.ErrSignature},
		{"S plus the order, RFC 8032 section 5.1.7", resigned(t, k, func(_ string, right []byte) []byte {
			slices.Reverse(right[32:])
			new(big.Int).Add(new(big.Int).SetBytes(right[32:]), order).FillBytes(right[32:])
			slices.Reverse(right[32:])
			return right
		}), bearer.ErrSignature},
		{"Ed25519ph", resigned(t, k, func(input string, _ []byte) []byte {
			h := crypto.SHA512.New()
			h.Write([]byte(input))
			return must(sharedEd25519.Sign(nil, h.Sum(nil), &ed25519.Options{Hash: crypto.SHA512}))
		}), bearer.ErrSignature},
		{"Ed25519ctx", resigned(t, k, func(input string, _ []byte) []byte {
			return must(sharedEd25519.Sign(nil, []byte(input), &ed25519.Options{Context: "jwt"}))
		}), bearer.ErrSignature},
		{"by another key", forge(t, newKey(t, keys.EdDSA), header(k), goodPayload("")), bearer.ErrSignature},
	})
}

func TestForgedRSA(t *testing.T) {
	private := sharedRSA()
	digest := func(hash crypto.Hash, input string) []byte {
		h := hash.New()
		h.Write([]byte(input))
		return h.Sum(nil)
	}
	common := func(k *keys.Key) []attack {
		return []attack{
			{"twin: whole", resigned(t, k, whole), nil},
			{"empty", resigned(t, k, constant(nil)), bearer.ErrMalformed},
			{"zeros", resigned(t, k, constant(make([]byte, 256))), bearer.ErrSignature},
			{"one", resigned(t, k, constant(append(make([]byte, 255), 1))), bearer.ErrSignature},
			{"one byte less", resigned(t, k, func(_ string, right []byte) []byte { return right[:255] }), bearer.ErrSignature},
			{"one zero behind it", resigned(t, k, func(_ string, right []byte) []byte { return append(right, 0) }), bearer.ErrSignature},
			{"one zero before it", resigned(t, k, func(_ string, right []byte) []byte { return append([]byte{0}, right...) }), bearer.ErrSignature},
			{"plus the modulus", resigned(t, k, func(_ string, right []byte) []byte {
				return new(big.Int).Add(new(big.Int).SetBytes(right), private.N).Bytes()
			}), bearer.ErrSignature},
			{"the modulus", resigned(t, k, constant(private.N.Bytes())), bearer.ErrSignature},
		}
	}
	hashes := map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}
	for bits, hash := range hashes {
		rs, ps := keyOf(t, keys.Algorithm("RS"+bits)), keyOf(t, keys.Algorithm("PS"+bits))
		t.Run("RS"+bits, func(t *testing.T) {
			family := common(rs)
			for other, h := range hashes {
				if h == hash {
					continue
				}
				family = append(family, attack{"over SHA-" + other, resigned(t, rs, func(input string, _ []byte) []byte {
					return must(rsa.SignPKCS1v15(nil, private, h, digest(h, input)))
				}), bearer.ErrSignature})
			}
			family = append(family, attack{"without the hash's name", resigned(t, rs, func(input string, _ []byte) []byte {
				return must(rsa.SignPKCS1v15(nil, private, 0, digest(hash, input)))
			}), bearer.ErrSignature})
			runAttacks(t, attackedBy(t, rs), family)
		})
		t.Run("PS"+bits, func(t *testing.T) {
			family := common(ps)
			// RFC 7518 section 3.5: the salt is as long as the hash.
			for name, salt := range map[string]int{
				"a salt of 0 bytes": 0, "a salt of 20 bytes": 20, "a salt one byte shorter": hash.Size() - 1, "a salt one byte longer": hash.Size() + 1,
				"the longest salt": 256 - 2 - hash.Size(), "twin: a salt as long as the hash": hash.Size(),
			} {
				var want error = bearer.ErrSignature
				if salt == hash.Size() {
					want = nil
				}
				family = append(family, attack{name, resigned(t, ps, func(input string, _ []byte) []byte {
					return signPSS(private, hash, digest(hash, input), salt)
				}), want})
			}
			for other, h := range hashes {
				if h == hash {
					continue
				}
				family = append(family, attack{"over SHA-" + other, resigned(t, ps, func(input string, _ []byte) []byte {
					return signPSS(private, h, digest(h, input), hash.Size())
				}), bearer.ErrSignature})
			}
			runAttacks(t, attackedBy(t, ps), family)
		})
	}
}

// signPSS is EMSA-PSS (RFC 8017 section 9.1.1) by hand: crypto/rsa takes a salt
// length of 0 for another instruction.
func signPSS(private *rsa.PrivateKey, hash crypto.Hash, digest []byte, salt int) []byte {
	if salt > 0 {
		return must(rsa.SignPSS(rand.Reader, private, hash, digest, &rsa.PSSOptions{SaltLength: salt}))
	}
	h := hash.New()
	h.Write(make([]byte, 8))
	h.Write(digest)
	sum := h.Sum(nil)
	block := make([]byte, 256-len(sum)-1)
	block[len(block)-1] = 1
	for i, n := 0, uint32(0); i < len(block); n++ {
		h.Reset()
		h.Write(sum)
		h.Write([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
		for _, b := range h.Sum(nil) {
			if i < len(block) {
				block[i] ^= b
				i++
			}
		}
	}
	block[0] &= 0x7f // the modulus has 2048 bits, the block 2047
	encoded := new(big.Int).SetBytes(slices.Concat(block, sum, []byte{0xbc}))
	signature := encoded.Exp(encoded, private.D, private.N).FillBytes(make([]byte, 256))
	// It must be right in all but its salt, or the case would show nothing.
	if err := rsa.VerifyPSS(&private.PublicKey, hash, digest, signature, nil); err != nil {
		panic(err)
	}
	return signature
}
