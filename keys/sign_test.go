package keys_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"encoding/asn1"
	"errors"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gobearer/bearer/keys"
	"github.com/golang-jwt/jwt/v5"
)

// publicOf is what golang-jwt verifies with.
func publicOf(material any) any {
	if signer, ok := material.(crypto.Signer); ok {
		return signer.Public()
	}
	return material
}

func TestRoundTrip(t *testing.T) {
	for _, alg := range algorithms {
		shapes := map[string]any{"in memory": material(alg)}
		if signer, ok := material(alg).(crypto.Signer); ok {
			shapes["behind a signer"] = kms{signer}
		}
		for shape, m := range shapes {
			t.Run(string(alg)+" "+shape, func(t *testing.T) {
				k := newKey(t, alg, m)
				signature, err := k.Sign(input)
				if err != nil {
					t.Fatal(err)
				}
				if err := k.Verify(input, signature); err != nil {
					t.Errorf("its own signature: %v", err)
				}
				method := jwt.GetSigningMethod(string(alg))
				if err := method.Verify(input, signature, publicOf(m)); err != nil {
					t.Errorf("golang-jwt does not verify it: %v", err)
				}
				theirs, err := method.Sign(input, material(alg))
				if err != nil {
					t.Fatal(err)
				}
				if err := k.Verify(input, theirs); err != nil {
					t.Errorf("a signature of golang-jwt: %v", err)
				}
				if _, ok := m.(crypto.Signer); ok {
					if err := k.Public().Verify(input, signature); err != nil {
						t.Errorf("its public half: %v", err)
					}
					if signature, err := k.Public().Sign(input); err == nil || signature != nil {
						t.Error("its public half signs")
					}
				}
				if k.Verify(input+"x", signature) == nil || k.Verify("", signature) == nil {
					t.Error("verifies another input")
				}
				for _, size := range []int{0, 1, len(signature) / 2, len(signature) - 1} {
					if k.Verify(input, signature[:size]) == nil {
						t.Errorf("verifies the first %d bytes", size)
					}
				}
				for _, longer := range [][]byte{append(slices.Clone(signature), 0), append([]byte{0}, signature...)} {
					if k.Verify(input, longer) == nil {
						t.Error("verifies a longer signature")
					}
				}
				for i := range len(signature) * 8 {
					if len(signature) > 100 && i%37 != 0 { // RSA takes time
						continue
					}
					mutated := slices.Clone(signature)
					mutated[i/8] ^= 1 << (i % 8)
					if k.Verify(input, mutated) == nil {
						t.Fatalf("verifies with bit %d turned", i)
					}
				}
			})
		}
	}
}

func TestVerifyRefusesAnotherAlgorithm(t *testing.T) {
	signatures := map[keys.Algorithm][]byte{}
	for _, alg := range algorithms {
		signatures[alg] = must(newKey(t, alg, material(alg)).Sign(input))
	}
	for _, alg := range algorithms {
		k := newKey(t, alg, material(alg)) // RS and PS share one RSA key, HS one secret
		for other, signature := range signatures {
			if other != alg && k.Verify(input, signature) == nil {
				t.Errorf("a key for %s verifies a signature of %s", alg, other)
			}
		}
	}
}

func TestVerifyRefusesForgeries(t *testing.T) {
	digest := func(h crypto.Hash) []byte { d := h.New(); d.Write([]byte(input)); return d.Sum(nil) }
	pss := func(salt int) []byte {
		return must(rsa.SignPSS(rand.Reader, rsaKey(), crypto.SHA256, digest(crypto.SHA256), &rsa.PSSOptions{SaltLength: salt}))
	}
	der := must(ecdsa.SignASN1(rand.Reader, p256Key(), digest(crypto.SHA256)))
	raw := must(newKey(t, keys.ES256, p256Key()).Sign(input))
	order := p256Key().Curve.Params().N
	beyond := new(big.Int).Add(new(big.Int).SetBytes(raw[32:]), order)
	eddsa := must(newKey(t, keys.EdDSA, ed25519Key()).Sign(input))
	// s + L is the same number modulo the group's order (RFC 8032 section 8.4).
	l, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	s := slices.Clone(eddsa[32:])
	slices.Reverse(s)
	malleable := l.Add(l, new(big.Int).SetBytes(s)).FillBytes(make([]byte, 32))
	slices.Reverse(malleable)

	tests := []struct {
		name      string
		alg       keys.Algorithm
		signature []byte
	}{
		{"PSS without a salt", keys.PS256, pss(0)},
		{"PSS with a salt of 20 bytes", keys.PS256, pss(20)},
		{"PSS with the longest salt, which golang-jwt accepts", keys.PS256, pss(rsa.PSSSaltLengthAuto)},
		{"ECDSA with r and s of zero", keys.ES256, make([]byte, 64)},
		{"ECDSA with r of zero", keys.ES256, slices.Concat(make([]byte, 32), raw[32:])},
		{"ECDSA with s of zero", keys.ES256, slices.Concat(raw[:32], make([]byte, 32))},
		{"ECDSA with r and s of the order", keys.ES256, slices.Concat(order.Bytes(), order.Bytes())},
		{"ECDSA with s beyond the order", keys.ES256, slices.Concat(raw[:32], beyond.Bytes())},
		{"ECDSA in DER", keys.ES256, der},
		{"ECDSA of a wider curve", keys.ES256, slices.Concat(make([]byte, 16), raw[:32], make([]byte, 16), raw[32:])},
		{"ECDSA with r and s swapped", keys.ES256, slices.Concat(raw[32:], raw[:32])},
		{"Ed25519 with s beyond the order", keys.EdDSA, slices.Concat(eddsa[:32], malleable)},
		{"Ed25519 of zeros", keys.EdDSA, make([]byte, 64)},
		{"RSA of zeros", keys.RS256, make([]byte, 256)},
		{"RSA of the modulus", keys.RS256, rsaKey().N.Bytes()},
		{"HMAC of zeros", keys.HS256, make([]byte, 32)},
		{"nothing", keys.HS256, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if newKey(t, test.alg, material(test.alg)).Verify(input, test.signature) == nil {
				t.Error("verifies")
			}
		})
	}
	if err := newKey(t, keys.PS256, rsaKey()).Verify(input, pss(32)); err != nil {
		t.Errorf("PSS with a salt as long as the hash: %v", err)
	}
}

// A signer in a KMS or an HSM is not ours: what it returns is checked.
func TestSignRefusesABrokenSigner(t *testing.T) {
	der := func(r, s int64) []byte {
		return must(asn1.Marshal(struct{ R, S *big.Int }{big.NewInt(r), big.NewInt(s)}))
	}
	wide := must(asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).Lsh(big.NewInt(1), 256), big.NewInt(1)}))
	failure := errors.New("out of reach")
	ecdsaWith := func(signature []byte) broken { return broken{&p256Key().PublicKey, signature, nil} }
	tests := []struct {
		name   string
		alg    keys.Algorithm
		signer broken
	}{
		{"that fails", keys.ES256, broken{&p256Key().PublicKey, nil, failure}},
		{"that returns nothing", keys.ES256, ecdsaWith(nil)},
		{"that returns r and s bare", keys.ES256, ecdsaWith(make([]byte, 64))},
		{"that returns DER with more behind it", keys.ES256, ecdsaWith(append(der(1, 1), 0))},
		{"that returns r of zero", keys.ES256, ecdsaWith(der(0, 1))},
		{"that returns s below zero", keys.ES256, ecdsaWith(der(1, -1))},
		{"that returns r wider than the curve", keys.ES256, ecdsaWith(wide)},
		{"that returns r padded", keys.ES256, ecdsaWith([]byte{0x30, 7, 2, 2, 0, 1, 2, 1, 1})},
		{"of RSA that returns too little", keys.RS256, broken{&rsaKey().PublicKey, make([]byte, 255), nil}},
		{"of PSS that returns nothing", keys.PS256, broken{&rsaKey().PublicKey, nil, nil}},
		{"of Ed25519 that returns too much", keys.EdDSA, broken{ed25519Key().Public(), make([]byte, 65), nil}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			signature, err := newKey(t, test.alg, test.signer).Sign(input)
			if err == nil || signature != nil {
				t.Fatalf("accepted: %x", signature)
			}
			if test.signer.err != nil && !errors.Is(err, failure) {
				t.Errorf("%v does not wrap the cause", err)
			}
		})
	}
	short, err := newKey(t, keys.ES256, ecdsaWith(der(1, 2))).Sign(input)
	want := make([]byte, 64)
	want[31], want[63] = 1, 2
	if err != nil || !bytes.Equal(short, want) {
		t.Errorf("short r and s are not padded: %x, %v", short, err)
	}
}

func TestRFCExamples(t *testing.T) {
	const payload = ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
	tests := []struct {
		name, key, input, signature string
		alg                         keys.Algorithm
	}{
		{"RFC 7515 A.1", `{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}`,
			"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9" + payload, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", keys.HS256},
		{"RFC 7515 A.2", `{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}`,
			"eyJhbGciOiJSUzI1NiJ9" + payload, "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw", keys.RS256},
		{"RFC 7515 A.3", `{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}`,
			"eyJhbGciOiJFUzI1NiJ9" + payload, "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q", keys.ES256},
		{"RFC 8037 A.4", `{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`,
			"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc", "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg", keys.EdDSA},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			k := parseOne(t, test.key, keys.WithAlgorithm(test.alg))
			signature := unb64(t, test.signature)
			if err := k.Verify(test.input, signature); err != nil {
				t.Error(err)
			}
			if test.alg != keys.HS256 && test.alg != keys.EdDSA { // the others are not deterministic, or public
				return
			}
			if got, err := k.Sign(test.input); err != nil || !bytes.Equal(got, signature) {
				t.Errorf("signs otherwise: %x, %v", got, err)
			}
		})
	}
}

func TestConcurrentUse(t *testing.T) {
	for _, alg := range []keys.Algorithm{keys.HS256, keys.ES256, keys.EdDSA, keys.RS256} {
		k := newKey(t, alg, material(alg))
		var wg sync.WaitGroup
		for i := range 8 {
			in := strings.Repeat("x", i*300)
			wg.Go(func() {
				for range 20 {
					signature, err := k.Sign(in)
					if err != nil || k.Verify(in, signature) != nil || k.Verify(in+"y", signature) == nil {
						t.Errorf("%s fails under concurrency", alg)
					}
				}
			})
		}
		wg.Wait()
	}
}

// What Sign returned must not be the pooled memory of the next call.
func TestSignaturesAreTheCallers(t *testing.T) {
	k := newKey(t, keys.HS256, secret)
	first := must(k.Sign("first"))
	copied := slices.Clone(first)
	must(k.Sign("second"))
	if !bytes.Equal(first, copied) {
		t.Error("a signature changed after it was returned")
	}
}

func TestHMACVerifyDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector drops pooled states")
	}
	k := newKey(t, keys.HS256, secret)
	long := strings.Repeat(input, 50)
	signature := must(k.Sign(long))
	if n := testing.AllocsPerRun(1000, func() {
		if k.Verify(long, signature) != nil {
			t.Error("does not verify")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestNoKey(t *testing.T) {
	mac := must(newKey(t, keys.HS256, secret, keys.WithID("a")).Sign(input))
	for name, k := range map[string]*keys.Key{
		"nil": nil, "zero": {}, "the public half of a secret": newKey(t, keys.HS256, secret, keys.WithID("a")).Public(),
		"the public half of nil": (*keys.Key)(nil).Public(), "the public half of zero": new(keys.Key).Public(),
	} {
		if signature, err := k.Sign(input); err == nil || signature != nil {
			t.Errorf("%s: signs", name)
		}
		if k.Verify(input, mac) == nil || k.Verify("", nil) == nil {
			t.Errorf("%s: verifies", name)
		}
		if k.Equal(k) || k.Equal(newKey(t, keys.HS256, secret, keys.WithID("a"))) {
			t.Errorf("%s: is equal to a key", name)
		}
		_, _ = k.ID(), k.Algorithm()
	}
}

func benchmarkVerify(b *testing.B, alg keys.Algorithm) {
	k := must(keys.New(alg, material(alg)))
	signature := must(k.Sign(input))
	b.ReportAllocs()
	for b.Loop() {
		if k.Verify(input, signature) != nil {
			b.Fatal("does not verify")
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	for _, alg := range algorithms {
		b.Run(string(alg), func(b *testing.B) { benchmarkVerify(b, alg) })
	}
}
