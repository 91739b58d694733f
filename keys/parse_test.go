package keys_test

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/gobearer/bearer/keys"
)

func pemOf(label string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der}))
}

func pkcs8(key any) string { return pemOf("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(key))) }
func pkix(key any) string  { return pemOf("PUBLIC KEY", must(x509.MarshalPKIXPublicKey(key))) }
func sec1(key *ecdsa.PrivateKey) string {
	return pemOf("EC PRIVATE KEY", must(x509.MarshalECPrivateKey(key)))
}
func pkcs1(key *rsa.PrivateKey) string {
	return pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key))
}

type with = map[string]any // members of a JWK

type parseTest struct {
	name string
	data string
	opts []keys.KeyOption
	want string // accepted: the keys as alg:id, in capitals where they sign; refused: part of the error
}

var ecParameters = pemOf("EC PARAMETERS", []byte{6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7})

func parseAccepts() []parseTest {
	hs256 := keys.WithAlgorithm(keys.HS256)
	hundred := slices.Repeat([]string{`{"kty":"future"}`}, 99)
	return []parseTest{
		{"PEM: PKIX RSA", pkix(&rsaKey().PublicKey), nil, "rs256:"},
		{"PEM: PKIX P-256", pkix(&p256Key().PublicKey), nil, "es256:"},
		{"PEM: PKIX P-384", pkix(&p384Key().PublicKey), nil, "es384:"},
		{"PEM: PKIX Ed25519", pkix(ed25519Key().Public()), nil, "eddsa:"},
		{"PEM: PKCS #1 public", pemOf("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&rsaKey().PublicKey)), nil, "rs256:"},
		{"PEM: PKCS #1 private", pkcs1(rsaKey()), nil, "RS256:"},
		{"PEM: PKCS #8 RSA for PSS", pkcs8(rsaKey()), []keys.KeyOption{keys.WithAlgorithm(keys.PS384)}, "PS384:"},
		{"PEM: PKCS #8 P-521", pkcs8(p521Key()), nil, "ES512:"},
		{"PEM: PKCS #8 Ed25519, named", pkcs8(ed25519Key()), []keys.KeyOption{keys.WithID("mine")}, "EdDSA:mine"},
		{"PEM: SEC 1", sec1(p256Key()), nil, "ES256:"},
		{"PEM: SEC 1 behind its parameters, as openssl ecparam writes it", ecParameters + sec1(p256Key()), nil, "ES256:"},
		{"PEM: several blocks with white space around", "\r\n" + pkix(&p256Key().PublicKey) + "\n \n" + pkcs8(ed25519Key()) + "\n\t", nil, "es256: EdDSA:"},
		{"PEM: a pair of private and public key", pkcs8(p256Key()) + pkix(&p256Key().PublicKey), nil, "ES256: es256:"},
		{"PEM: with carriage returns", strings.ReplaceAll(pkix(&p256Key().PublicKey), "\n", "\r\n"), nil, "es256:"},

		{"JWK: RSA", jwk(&rsaKey().PublicKey, nil), nil, "rs256:"},
		{"JWK: RSA private", jwk(rsaKey(), with{"alg": "PS512", "kid": "r"}), nil, "PS512:r"},
		{"JWK: P-256", jwk(&p256Key().PublicKey, nil), nil, "es256:"},
		{"JWK: P-384 private", jwk(p384Key(), nil), nil, "ES384:"},
		{"JWK: P-521 private", jwk(p521Key(), nil), nil, "ES512:"},
		{"JWK: Ed25519", jwk(ed25519Key().Public(), nil), nil, "eddsa:"},
		{"JWK: Ed25519 private", jwk(ed25519Key(), with{"alg": "EdDSA"}), nil, "EdDSA:"},
		{"JWK: oct", jwk(secret, with{"alg": "HS512", "kid": "s"}), nil, "HS512:s"},
		{"JWK: oct with WithAlgorithm", jwk(secret, nil), []keys.KeyOption{hs256}, "HS256:"},
		{"JWK: its own alg comes before WithAlgorithm", jwk(secret, with{"alg": "HS384"}), []keys.KeyOption{hs256}, "HS384:"},
		{"JWK: WithID where it states none", jwk(secret, with{"alg": "HS256"}), []keys.KeyOption{keys.WithID("mine")}, "HS256:mine"},
		{"JWK: white space around", "\n\t " + jwk(secret, with{"alg": "HS256"}) + "\r\n", nil, "HS256:"},
		{"JWK: unknown members", jwk(&p256Key().PublicKey, with{"exp": 1, "x5c": "ignored", "x-mine": with{"a": nil}}), nil, "es256:"},
		{"JWK: members of another type's keys", jwk(secret, with{"alg": "HS256", "n": 1, "x": nil, "crv": "P-256"}), nil, "HS256:"},
		{"JWK: members in capitals are unknown", jwk(&p256Key().PublicKey, with{"D": "AQ", "KTY": "oct", "Alg": "none", "USE": "enc"}), nil, "es256:"},
		{"JWK: use sig", jwk(&p256Key().PublicKey, with{"use": "sig", "key_ops": []string{"verify"}}), nil, "es256:"},
		{"JWK: key_ops of a private key", jwk(p256Key(), with{"key_ops": []string{"sign"}}), nil, "ES256:"},
		{"JWK: key_ops of an oct key that only verifies", jwk(secret, with{"alg": "HS256", "key_ops": []string{"verify"}}), nil, "hs256:"},
		{"JWK: an id in any script", jwk(secret, with{"alg": "HS256", "kid": "ключ 1"}), nil, "HS256:ключ 1"},

		{"set: several", jwks(jwk(&rsaKey().PublicKey, with{"kid": "a"}), jwk(&p256Key().PublicKey, with{"kid": "b"})), nil, "rs256:a es256:b"},
		{"set: one id for two algorithms", jwks(jwk(&rsaKey().PublicKey, with{"kid": "a"}), jwk(&rsaKey().PublicKey, with{"kid": "a", "alg": "PS256"})), nil, "rs256:a ps256:a"},
		{"set: WithID names the one that states none", jwks(jwk(&rsaKey().PublicKey, with{"kid": "a"}), jwk(&p256Key().PublicKey, nil)), []keys.KeyOption{keys.WithID("b")}, "rs256:a es256:b"},
		{"set: an unknown type is skipped", jwks(`{"kty":"future"}`, jwk(&p256Key().PublicKey, nil)), nil, "es256:"},
		{"set: an unknown curve is skipped", jwks(jwk(&p256Key().PublicKey, with{"crv": "secp256k1"}), `{"kty":"OKP","crv":"X25519","x":"AQ"}`, jwk(&p256Key().PublicKey, nil)), nil, "es256:"},
		{"set: an unknown algorithm is skipped", jwks(jwk(&rsaKey().PublicKey, with{"alg": "RSA-OAEP"}), jwk(&p256Key().PublicKey, nil)), nil, "es256:"},
		{"set: alg none is skipped", jwks(jwk(&rsaKey().PublicKey, with{"alg": "none"}), jwk(&p256Key().PublicKey, nil)), nil, "es256:"},
		{"set: encryption keys are skipped", jwks(jwk(&rsaKey().PublicKey, with{"use": "enc"}), jwk(&p256Key().PublicKey, nil)), nil, "es256:"},
		{"set: keys for other operations are skipped", jwks(jwk(&rsaKey().PublicKey, with{"key_ops": []string{"encrypt"}}), jwk(&p256Key().PublicKey, nil)), nil, "es256:"},
		{"set: encryption keys of which we could make nothing are skipped", jwks(`{"kty":"RSA","use":"enc","d":"AQ","kid":"a\nb"}`, jwk(&p256Key().PublicKey, nil)), nil, "es256:"},
		{"set: unknown members", `{"keys":[` + jwk(&p256Key().PublicKey, nil) + `],"issuer":"me"}`, nil, "es256:"},
		{"set: 100 keys", jwks(append(hundred, jwk(&p256Key().PublicKey, nil))...), nil, "es256:"},
	}
}

func parseRefuses() []parseTest {
	small := must(rsa.GenerateKey(rand.Reader, 1024))
	p224 := must(ecdsa.GenerateKey(elliptic.P224(), rand.Reader))
	x25519 := must(ecdh.X25519().GenerateKey(rand.Reader))
	good := pkix(&p256Key().PublicKey)
	goodJWK := jwk(&p256Key().PublicKey, nil)
	point := must(p256Key().PublicKey.Bytes())
	x, y, padded := b64(point[1:33]), b64(point[33:]), b64(append([]byte{0}, point[1:33]...))
	ops := func(o ...any) with { return with{"key_ops": o} }
	return []parseTest{
		{"nothing", "", nil, "neither PEM nor"},
		{"white space", " \n", nil, "neither PEM nor"},
		{"DER", string(must(x509.MarshalPKIXPublicKey(&p256Key().PublicKey))), nil, "neither PEM nor"},
		{"a bare secret", string(secret), nil, "neither PEM nor"},
		{"a JSON array", "[" + goodJWK + "]", nil, "neither PEM nor"},
		{"a byte order mark", "\ufeff" + goodJWK, nil, "neither PEM nor"},

		{"PEM: text before the first block", "hello\n" + good, nil, "neither PEM nor"},
		{"PEM: text between the blocks", good + "hello\n" + good, nil, "text around"},
		{"PEM: text behind the last block", good + "hello", nil, "malformed"},
		{"PEM: JSON behind the last block", good + goodJWK, nil, "malformed"},
		{"PEM: the last block cut off", good + pkcs8(ed25519Key())[:60], nil, "block 2 is malformed"},
		{"PEM: a damaged block before a good one", strings.Replace(good, "\n", "\n!", 1) + good, nil, "block 1 is malformed"},
		{"PEM: a block without its end before a good one", good[:80] + "\n" + good, nil, "block 1 is malformed"},
		{"PEM: a certificate", pemOf("CERTIFICATE", []byte{1}), nil, "CERTIFICATE"},
		{"PEM: PKCS #8, encrypted", pemOf("ENCRYPTED PRIVATE KEY", []byte{1}), nil, "decrypt it first"},
		{"PEM: PKCS #1, encrypted", string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00"}, Bytes: []byte{1}})), nil, "decrypt it first"},
		{"PEM: OpenSSH", pemOf("OPENSSH PRIVATE KEY", []byte{1}), nil, "OPENSSH"},
		{"PEM: an unknown block", pemOf("CANARY", []byte{1}), nil, "unknown type"},
		{"PEM: no DER in it", pemOf("PUBLIC KEY", []byte("canary")), nil, "under this label"},
		{"PEM: a public key labelled private", pemOf("PRIVATE KEY", must(x509.MarshalPKIXPublicKey(&p256Key().PublicKey))), nil, "under this label"},
		{"PEM: RSA of 1024 bits", pkcs8(small), nil, "shorter than 2048"},
		{"PEM: a weak key behind a good one", good + pkix(&small.PublicKey), nil, "block 2: RS256: the RSA key is shorter"},
		{"PEM: P-224", sec1(p224), nil, "no algorithm takes"},
		{"PEM: X25519", pkcs8(x25519), nil, "no algorithm takes"},
		{"PEM: parameters alone", ecParameters, nil, "no key"},
		{"PEM: one block twice", good + good, nil, "twice"},
		{"PEM: WithID for two keys", good + pkcs8(ed25519Key()), []keys.KeyOption{keys.WithID("a")}, "several"},
		{"PEM: WithAlgorithm of another type", good, []keys.KeyOption{keys.WithAlgorithm(keys.RS256)}, "RS256 does not take *ecdsa.PublicKey"},
		{"PEM: WithAlgorithm of another curve", good, []keys.KeyOption{keys.WithAlgorithm(keys.ES384)}, "P-384"},
		{"PEM: algorithm confusion", good, []keys.KeyOption{keys.WithAlgorithm(keys.HS256)}, "HS256 does not take"},
		{"PEM: 101 keys", strings.Repeat(good, 101), nil, "more than 100"},

		{"JSON: cut off", goodJWK[:len(goodJWK)-1], nil, "not one JSON object"},
		{"JSON: more behind it", goodJWK + "{}", nil, "not one JSON object"},
		{"JSON: a member twice", strings.Replace(goodJWK, `"kty"`, `"kty":"oct","kty"`, 1), nil, "duplicate"},
		{"JSON: a member twice, once in escapes", strings.Replace(goodJWK, `"kty"`, `"\u006bty":"oct","kty"`, 1), nil, "duplicate"},
		{"JSON: a nested member twice", strings.Replace(goodJWK, `"kty"`, `"a":{"b":1,"b":2},"kty"`, 1), nil, "duplicate"},
		{"JSON: not UTF-8", strings.Replace(goodJWK, `"kty"`, "\"a\":\"\xff\",\"kty\"", 1), nil, "not one JSON object"},
		{"JSON: half a surrogate pair", strings.Replace(goodJWK, `"kty"`, `"a":"\ud800","kty"`, 1), nil, "not one JSON object"},
		{"JSON: a comment", strings.Replace(goodJWK, "{", "{/**/", 1), nil, "not one JSON object"},
		{"JSON: neither key nor set", `{"issuer":"me"}`, nil, "neither a JWK nor"},
		{"JSON: both key and set", strings.Replace(goodJWK, `"kty"`, `"keys":[],"kty"`, 1), nil, "both"},

		{"JWK: kty is a number", jwk(secret, with{"kty": 1}), nil, "kty is not a string"},
		{"JWK: kty is null", `{"kty":null}`, nil, "kty is not a string"},
		{"JWK: kty is empty", `{"kty":""}`, nil, "kty is not a string"},
		{"JWK: kty in another case", jwk(secret, with{"kty": "OCT", "alg": "HS256"}), nil, "kty is not RSA"},
		{"JWK: alg is a number", jwk(secret, with{"alg": 256}), nil, "alg is not a string"},
		{"JWK: kid is a number", jwk(secret, with{"alg": "HS256", "kid": 1}), nil, "kid is not a string"},
		{"JWK: kid is empty", jwk(secret, with{"alg": "HS256", "kid": ""}), nil, "kid is not a string with content"},
		{"JWK: kid with a line break", jwk(secret, with{"alg": "HS256", "kid": "a\nb"}), nil, "print"},
		{"JWK: use is an array", jwk(secret, with{"alg": "HS256", "use": []string{"sig"}}), nil, "use is not a string"},
		{"JWK: use enc", jwk(&rsaKey().PublicKey, with{"use": "enc"}), nil, "use is not sig"},
		{"JWK: use in another case", jwk(&rsaKey().PublicKey, with{"use": "SIG"}), nil, "use is not sig"},
		{"JWK: key_ops is a string", jwk(secret, with{"alg": "HS256", "key_ops": "sign"}), nil, "key_ops is not an array"},
		{"JWK: key_ops is null", `{"kty":"oct","key_ops":null}`, nil, "key_ops is not an array"},
		{"JWK: key_ops of numbers", jwk(p256Key(), ops(1)), nil, "key_ops is not an array"},
		{"JWK: key_ops twice the same", jwk(p256Key(), ops("sign", "sign")), nil, "distinct"},
		{"JWK: key_ops that is empty", jwk(p256Key(), with{"key_ops": []string{}}), nil, "lack"},
		{"JWK: key_ops of a public key without verify", jwk(&p256Key().PublicKey, ops("sign")), nil, "lack"},
		{"JWK: key_ops of a private key without sign", jwk(p256Key(), ops("verify")), nil, "lack"},
		{"JWK: key_ops of an oct key for encryption", jwk(secret, with{"alg": "HS256", "key_ops": []string{"encrypt"}}), nil, "lack"},
		{"JWK: alg none", jwk(&rsaKey().PublicKey, with{"alg": "none"}), nil, "alg is none of"},
		{"JWK: alg for encryption", jwk(secret, with{"alg": "A256KW"}), nil, "alg is none of"},
		{"JWK: algorithm confusion", jwk(&rsaKey().PublicKey, with{"alg": "HS256"}), nil, "does not fit"},
		{"JWK: alg of another type", jwk(&p256Key().PublicKey, with{"alg": "RS256"}), nil, "does not fit"},
		{"JWK: alg of another curve", jwk(&p256Key().PublicKey, with{"alg": "ES512"}), nil, "another curve"},
		{"JWK: oct without alg", jwk(secret, nil), nil, "WithAlgorithm"},
		{"JWK: oct with WithAlgorithm of another type", jwk(secret, nil), []keys.KeyOption{keys.WithAlgorithm(keys.RS256)}, "RS256 does not take []uint8"},
		{"JWK: oct that is too short", jwk(secret[:31], with{"alg": "HS256"}), nil, "shorter"},
		{"JWK: oct that is empty", jwk(secret[:0], with{"alg": "HS256"}), nil, "k is not a string with content"},
		{"JWK: oct without k", `{"kty":"oct","alg":"HS256"}`, nil, "k is missing"},
		{"JWK: oct whose k is in capitals", `{"kty":"oct","alg":"HS256","K":"` + b64(secret) + `"}`, nil, "k is missing"},
		{"JWK: oct that is a public key", jwk([]byte(good), with{"alg": "HS256"}), nil, "encoded key"},
		{"JWK: base64 with padding", jwk(secret, with{"alg": "HS256", "k": b64(secret) + "=="}), nil, "canonical"},
		{"JWK: base64 of the other alphabet", jwk(secret, with{"alg": "HS256", "k": strings.Repeat("+/+/", 16)}), nil, "canonical"},
		{"JWK: base64 with a line break", jwk(secret, with{"alg": "HS256", "k": b64(secret)[:10] + "\n" + b64(secret)[10:]}), nil, "canonical"},
		{"JWK: base64 with bits left over", jwk(secret, with{"alg": "HS256", "k": strings.Repeat("A", 42) + "B"}), nil, "canonical"},
		{"JWK: EC without a curve", jwk(&p256Key().PublicKey, with{"crv": nil}), nil, "crv is missing"},
		{"JWK: EC on an unknown curve", jwk(&p256Key().PublicKey, with{"crv": "secp256k1"}), nil, "crv is not P-256"},
		{"JWK: EC on the wrong curve", jwk(&p256Key().PublicKey, with{"crv": "P-384"}), nil, "length"},
		{"JWK: EC without y", jwk(&p256Key().PublicKey, with{"y": nil}), nil, "y is missing"},
		{"JWK: EC beside the curve", jwk(&p256Key().PublicKey, with{"x": y, "y": x}), nil, "point"},
		{"JWK: EC at infinity", jwk(&p256Key().PublicKey, with{"x": b64(make([]byte, 32)), "y": b64(make([]byte, 32))}), nil, "point"},
		{"JWK: EC with a padded coordinate", jwk(&p256Key().PublicKey, with{"x": padded}), nil, "length"},
		{"JWK: EC with a short d", jwk(p256Key(), with{"d": b64(make([]byte, 31))}), nil, "length"},
		{"JWK: EC with d of another key", jwk(p256Key(), with{"d": b64(append(make([]byte, 31), 7))}), nil, "does not belong"},
		{"JWK: EC with d of null", jwk(&p256Key().PublicKey, with{"d": nullValue}), nil, "d is not a string"},
		{"JWK: OKP with a curve of EC", jwk(ed25519Key().Public(), with{"crv": "P-256"}), nil, "crv is not P-256"},
		{"JWK: EC with a curve of OKP", jwk(&p256Key().PublicKey, with{"crv": "Ed25519"}), nil, "crv is not P-256"},
		{"JWK: OKP of another curve", `{"kty":"OKP","crv":"Ed448","x":"AQ"}`, nil, "crv is not P-256"},
		{"JWK: OKP that is too short", jwk(ed25519Key().Public(), with{"x": b64(make([]byte, 31))}), nil, "length"},
		{"JWK: OKP with d of another key", jwk(ed25519Key(), with{"d": b64(make([]byte, 32))}), nil, "OKP"},
		{"JWK: OKP of small order", jwk(ed25519Key().Public(), with{"x": b64(make([]byte, 32))}), nil, "small order"},
		{"JWK: RSA of 1024 bits", jwk(&small.PublicKey, nil), nil, "shorter"},
		{"JWK: RSA with exponent 1", jwk(&rsaKey().PublicKey, with{"e": "AQ"}), nil, "exponent"},
		{"JWK: RSA with an even exponent", jwk(&rsaKey().PublicKey, with{"e": "AQAA"}), nil, "exponent"},
		{"JWK: RSA with an exponent over 32 bits", jwk(&rsaKey().PublicKey, with{"e": b64([]byte{1, 0, 0, 0, 1})}), nil, "32 bits"},
		{"JWK: RSA with an exponent whose low 64 bits are 65537", jwk(&rsaKey().PublicKey, with{"e": b64([]byte{1, 0, 0, 0, 0, 0, 1, 0, 1})}), nil, "32 bits"},
		{"JWK: RSA with a padded exponent", jwk(&rsaKey().PublicKey, with{"e": "AAEAAQ"}), nil, "zero octet"},
		{"JWK: RSA with a padded modulus", jwk(&rsaKey().PublicKey, with{"n": b64(append([]byte{0}, rsaKey().N.Bytes()...))}), nil, "zero octet"},
		{"JWK: RSA of the generator with ROCA", jwk(&rsa.PublicKey{N: rocaModulus(), E: 65537}, nil), nil, "ROCA"},
		{"JWK: RSA with d and no primes", jwk(&rsaKey().PublicKey, with{"d": "AQ"}), nil, "all of"},
		{"JWK: RSA with primes and no d", jwk(rsaKey(), with{"d": nil}), nil, "all of"},
		{"JWK: RSA with more primes", jwk(rsaKey(), with{"oth": []any{}}), nil, "more than two"},
		{"JWK: RSA with d of another key", jwk(rsaKey(), with{"d": b64(otherRSA().D.Bytes())}), nil, "inconsistent"},
		{"JWK: RSA with dp of another key", jwk(rsaKey(), with{"dp": b64(otherRSA().Precomputed.Dp.Bytes())}), nil, "CRT"},
		{"JWK: WithID where it states one", jwk(secret, with{"alg": "HS256", "kid": "a"}), []keys.KeyOption{keys.WithID("a")}, "leave it out"},

		{"set: keys is an object", `{"keys":{}}`, nil, "neither a JWK nor"},
		{"set: keys is null", `{"keys":null}`, nil, "neither a JWK nor"},
		{"set: keys in capitals", `{"Keys":[` + goodJWK + `]}`, nil, "neither a JWK nor"},
		{"set: empty", jwks(), nil, "no key"},
		{"set: nothing usable", jwks(`{"kty":"future"}`, jwk(&rsaKey().PublicKey, with{"use": "enc"})), nil, "no key"},
		{"set: a key that is no object", jwks(goodJWK, "1"), nil, "key 2 of the set"},
		{"set: a key without a type", jwks(goodJWK, "{}"), nil, "key 2 of the set: kty is missing"},
		{"set: a weak key", jwks(goodJWK, jwk(&small.PublicKey, nil)), nil, "key 2 of the set: RS256: the RSA key is shorter"},
		{"set: a key that is broken and unknown", jwks(goodJWK, `{"kty":"future","kid":1}`), nil, "kid is not a string"},
		{"set: one id twice", jwks(jwk(&p256Key().PublicKey, with{"kid": "a"}), jwk(&must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)).PublicKey, with{"kid": "a"})), nil, "one id"},
		{"set: one key twice", jwks(goodJWK, goodJWK), nil, "twice"},
		{"set: 101 keys", jwks(slices.Repeat([]string{`{"kty":"future"}`}, 101)...), nil, "more than 100"},
		{"set: WithID for two keys", jwks(goodJWK, jwk(&rsaKey().PublicKey, nil)), []keys.KeyOption{keys.WithID("a")}, "several"},

		{"an empty id", goodJWK, []keys.KeyOption{keys.WithID("")}, "empty"},
		{"an unknown algorithm", goodJWK, []keys.KeyOption{keys.WithAlgorithm("none")}, "none is not a signature"},
		{"no algorithm", goodJWK, []keys.KeyOption{keys.WithAlgorithm("")}, "unknown algorithm"},
		{"two algorithms", goodJWK, []keys.KeyOption{keys.WithAlgorithm(keys.ES256), keys.WithAlgorithm(keys.ES256)}, "twice"},
		{"a nil option", goodJWK, []keys.KeyOption{nil}, "nil"},
	}
}

var nullValue = (*int)(nil) // marshals to null

func published(ring *keys.Ring) []byte {
	w := httptest.NewRecorder()
	ring.JWKS().ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	return w.Body.Bytes()
}

func TestParseAccepts(t *testing.T) {
	for _, test := range parseAccepts() {
		t.Run(test.name, func(t *testing.T) {
			parsed, err := keys.Parse([]byte(test.data), test.opts...)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, k := range parsed {
				alg := string(k.Algorithm())
				if signature, err := k.Sign(input); err != nil {
					alg = strings.ToLower(alg)
				} else if err := k.Verify(input, signature); err != nil {
					t.Errorf("%v does not verify its own signature", k)
				}
				got = append(got, fmt.Sprintf("%s:%s", alg, k.ID()))
			}
			if got := strings.Join(got, " "); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for _, test := range parseRefuses() {
		t.Run(test.name, func(t *testing.T) {
			parsed, err := keys.Parse([]byte(test.data), test.opts...)
			if err == nil || parsed != nil {
				t.Fatalf("accepted: %v", parsed)
			}
			if !strings.HasPrefix(err.Error(), "keys: ") || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%q does not say %q", err, test.want)
			}
		})
	}
}

// A key for one operation does no other.
func TestParseHonoursKeyOps(t *testing.T) {
	both := newKey(t, keys.HS256, secret)
	mac := must(both.Sign(input))
	verify := parseOne(t, jwk(secret, with{"alg": "HS256", "key_ops": []string{"verify"}}))
	if _, err := verify.Sign(input); err == nil || verify.Verify(input, mac) != nil {
		t.Error("a secret that only verifies signs, or does not verify")
	}
	sign := parseOne(t, jwk(secret, with{"alg": "HS256", "key_ops": []string{"sign", "unknown"}}))
	if got, err := sign.Sign(input); err != nil || both.Verify(input, got) != nil || sign.Verify(input, mac) == nil {
		t.Error("a secret that only signs verifies, or does not sign")
	}
}

// Whatever is wrong with a key, its text does not reach the log.
func TestParseErrorsDoNotQuote(t *testing.T) {
	const canary = "Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5" // canary canary ...
	var texts []string
	for _, kty := range []string{"RSA", "EC", "OKP", "oct", "canary"} {
		for _, crv := range []string{"P-256", "Ed25519", "canary"} {
			for _, alg := range []any{"canary", nil, "HS512", "ES256"} {
				members := with{"kty": kty, "crv": crv, "kid": "canary"}
				for _, name := range []string{"n", "e", "d", "p", "q", "dp", "dq", "qi", "x", "y", "k"} {
					members[name] = canary
				}
				members["alg"] = alg
				texts = append(texts, jwk(nil, members))
				members["k"], members["x"] = canary+"!", canary+"\n"
				texts = append(texts, jwk(nil, members))
			}
		}
	}
	for name := range (with{"kty": 0, "alg": 0, "kid": 0, "use": 0, "key_ops": 0, "n": 0, "d": 0, "x": 0, "k": 0}) {
		texts = append(texts, jwk(&rsaKey().PublicKey, with{name: []string{"canary", "canary"}}), jwk(p256Key(), with{name: with{"canary": "canary"}}), jwk(secret, with{name: "canary\n"}))
	}
	texts = append(texts, "canary", `{"canary":1}`, `{"canary":1,"canary":2}`, `{"kty":"canary`, `{"kty":"canary"}canary`,
		pemOf("CANARY", []byte("canary")), pemOf("PRIVATE KEY", []byte("canary")), pemOf("PUBLIC KEY", []byte("canary")), pemOf("EC PRIVATE KEY", []byte("canary")),
		pemOf("RSA PRIVATE KEY", []byte("canary")), pkix(&p256Key().PublicKey)+"canary",
		jwks(jwk(&p256Key().PublicKey, with{"kid": "canary"}), jwk(&p256Key().PublicKey, with{"kid": "canary"})))
	refused := 0
	for _, text := range texts {
		_, err := keys.Parse([]byte(text))
		if err == nil {
			continue
		}
		refused++
		for _, bad := range []string{"canary", "CANARY", canary[:8]} {
			if strings.Contains(err.Error(), bad) {
				t.Errorf("%s: %v", text, err)
			}
		}
	}
	if refused < len(texts)/2 {
		t.Errorf("only %d of %d texts were refused", refused, len(texts))
	}
}

// FuzzParse: whatever is accepted is a key that works and is not weak, and the
// public ones survive being published.
func FuzzParse(f *testing.F) {
	for _, test := range append(parseAccepts(), parseRefuses()...) {
		f.Add([]byte(test.data))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, opts := range [][]keys.KeyOption{nil, {keys.WithAlgorithm(keys.HS256)}, {keys.WithID("mine")}} {
			parsed, err := keys.Parse(data, opts...)
			if err != nil {
				if parsed != nil || !strings.HasPrefix(err.Error(), "keys: ") {
					t.Fatalf("%v, %v", parsed, err)
				}
				continue
			}
			if len(parsed) == 0 || len(parsed) > 100 {
				t.Fatalf("%d keys", len(parsed))
			}
			active, err := keys.Generate(keys.HS384)
			if err != nil {
				t.Fatal(err)
			}
			for _, k := range parsed {
				if !slices.Contains(algorithms, k.Algorithm()) || len(k.ID()) > 256 || !k.Equal(k) {
					t.Fatalf("%v", k)
				}
				signature, err := k.Sign(input)
				verifies := k.Verify(input, signature) == nil
				if err == nil && !verifies && k.Public().Algorithm()[0] != 'H' {
					t.Fatalf("%v does not verify its own signature", k)
				}
				if err != nil && verifies {
					t.Fatalf("%v verifies nothing at all", k)
				}
				if k.Algorithm()[0] == 'H' {
					continue
				}
				ring, err := keys.NewRing(active, keys.WithRetiring(k))
				if err != nil {
					t.Fatal(err)
				}
				again, err := keys.Parse(published(ring))
				if err != nil || len(again) != 1 {
					t.Fatalf("%v is published as %s: %v", k, published(ring), err)
				}
				if k.ID() != "" && !again[0].Equal(k.Public()) {
					t.Fatalf("%v comes back as %v", k, again[0])
				}
			}
		}
	})
}
