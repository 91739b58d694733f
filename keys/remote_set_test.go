package keys_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gobearer/bearer/keys"
)

// held are the keys of a source as alg:id, in the order of algorithms.
func held(source *keys.RemoteSource) string {
	var names []string
	for _, k := range heldKeys(source) {
		names = append(names, string(k.Algorithm())+":"+k.ID())
	}
	return strings.Join(names, " ")
}

func heldKeys(source *keys.RemoteSource) []*keys.Key {
	var all []*keys.Key
	for _, alg := range algorithms {
		found, _ := source.Lookup(context.Background(), keys.Header{Algorithm: alg})
		all = append(all, found...)
	}
	return all
}

func TestRemoteSetSkips(t *testing.T) {
	good := jwk(&p256Key().PublicKey, with{"kid": "good"})
	other := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	weak := must(rsa.GenerateKey(rand.Reader, 1024))
	ed := ed25519Key().Public().(ed25519.PublicKey)
	public := &p256Key().PublicKey
	for _, test := range []struct {
		name string
		more []string // beside the good key
		want string   // what works beside it
	}{
		{"an unknown type", []string{`{"kty":"future","kid":"x"}`}, ""},
		{"no type", []string{`{"kid":"x"}`}, ""},
		{"an unknown curve", []string{jwk(public, with{"crv": "secp256k1"}), `{"kty":"OKP","crv":"Ed448","x":"AQ"}`}, ""},
		{"an unknown algorithm", []string{jwk(public, with{"alg": "ES256K"})}, ""},
		{"alg none", []string{jwk(public, with{"alg": "none"})}, ""},
		{"an encryption key", []string{jwk(public, with{"use": "enc"})}, ""},
		{"a key for other operations", []string{jwk(public, with{"key_ops": []string{"deriveKey"}})}, ""},
		{"a public key that only signs", []string{jwk(public, with{"key_ops": []string{"sign"}})}, ""},
		{"an algorithm of another type", []string{jwk(public, with{"alg": "RS256"})}, ""},
		{"an algorithm of another curve", []string{jwk(public, with{"alg": "ES384"})}, ""},
		{"algorithm confusion: HS256 on a public key", []string{jwk(public, with{"alg": "HS256"})}, ""},
		{"a point off its curve", []string{jwk(public, with{"y": b64(make([]byte, 32))})}, ""},
		{"an Ed25519 point of small order", []string{jwk(ed, with{"x": b64(make([]byte, 32))})}, ""},
		{"a weak RSA key", []string{jwk(&weak.PublicKey, nil)}, ""},
		{"an RSA exponent of one", []string{jwk(&rsaKey().PublicKey, with{"e": "AQ"})}, ""},
		{"broken base64url", []string{jwk(public, with{"x": "+/=="})}, ""},
		{"an id that is a number", []string{jwk(public, with{"kid": 1})}, ""},
		{"an id with a line break", []string{jwk(public, with{"kid": "a\nb"})}, ""},
		{"an id of 257 bytes", []string{jwk(public, with{"kid": strings.Repeat("x", 257)})}, ""},
		{"not an object", []string{`null`, `1`, `"key"`, `[]`}, ""},
		{"private keys", []string{jwk(p256Key(), with{"kid": "p"}), jwk(rsaKey(), nil), jwk(ed25519Key(), nil), jwk(ed, with{"d": nil, "kid": "q", "x": 5})}, ""},
		{"a private key in disguise", []string{`{"kty":"EC","crv":"P-256","d":null}`, jwk(public, with{"d": ""})}, ""},
		{"a secret", []string{jwk(secret, with{"alg": "HS256", "kid": "good"})}, ""},
		{"a duplicate member of a key", []string{strings.Replace(jwk(ed, with{"kid": "x"}), `{`, `{"kty":"oct",`, 1)}, ""},
		{"a duplicate member deeper in a key", []string{`{"kty":"future","x":{"a":1,"a":2}}`}, ""},
		{"invalid UTF-8 in a key", []string{"{\"kty\":\"future\",\"x\":\"\xff\"}"}, ""},
		{"more operations than there are", []string{jwk(ed, with{"kid": "x", "key_ops": strings.Split(strings.Repeat("verify ", 200), " ")})}, ""},

		{"another algorithm's key with the same id", []string{jwk(ed, with{"kid": "good"})}, "EdDSA:good"},
		{"the good key twice", []string{good, good}, ""},
		{"two keys with one id and algorithm: neither", []string{jwk(&other.PublicKey, with{"kid": "x"}), jwk(public, with{"kid": "x"})}, ""},
		{"two keys with one id, of which one is there twice: none", []string{jwk(public, with{"kid": "x"}), jwk(public, with{"kid": "x"}), jwk(&other.PublicKey, with{"kid": "x"})}, ""},
		{"keys without ids", []string{jwk(ed, nil), jwk(ed, nil), jwk(&other.PublicKey, nil)}, "ES256: EdDSA:"},
		{"certificates and unknown members", []string{jwk(ed, with{"kid": "x", "x5c": []string{"!"}, "x5t": 1})}, "EdDSA:x"},
		{"members of another case", []string{jwk(ed, with{"kid": "x", "USE": "enc", "D": "AQ"})}, "EdDSA:x"},
		{"99 others", slices.Repeat([]string{`{"kty":"future"}`}, 99), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := serving(append(slices.Clone(test.more), good)...)
			source := server.warm(t)
			got := strings.Replace(held(source), "ES256:good", "", 1)
			if expect(t, source, keys.Header{Algorithm: keys.ES256, KeyID: "good"}, isKey); strings.Join(strings.Fields(got), " ") != test.want {
				t.Errorf("%q works, want %q", got, test.want)
			}
			s := source.Status()
			if s.Keys+s.Skipped != len(test.more)+1 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// An ambiguous id has no key, whichever of its keys signed.
func TestRemoteSetAmbiguity(t *testing.T) {
	_, evil, _ := ed25519.GenerateKey(rand.Reader)
	source := serving(offered("good"), offered("k1"), jwk(evil.Public(), with{"kid": "k1"})).warm(t)
	expect(t, source, header("k1"), isNone)
	expect(t, source, header("good"), isKey)
}

func TestRemoteSetRefuses(t *testing.T) {
	good := offered("k1")
	for _, test := range []struct{ name, body, want string }{
		{"nothing", ``, "JWK set"},
		{"a web page", `<html></html>`, "JWK set"},
		{"null", `null`, "JWK set"},
		{"an array", `[` + good + `]`, "JWK set"},
		{"one JWK", good, "JWK set"},
		{"an error in JSON", `{"error":"server_error"}`, "JWK set"},
		{"keys that are an object", `{"keys":` + good + `}`, "JWK set"},
		{"an empty set", `{"keys":[]}`, "no key"},
		{"a set without a usable key", jwks(jwk(secret, with{"alg": "HS256"}), jwk(p256Key(), nil)), "no key"},
		{"101 keys", jwks(append(slices.Repeat([]string{`{"kty":"future"}`}, 100), good)...), "100"},
		{"a duplicate member of the set", `{"keys":[` + good + `],"keys":[` + good + `]}`, "JWK set"},
		{"trailing data", jwks(good) + `{}`, "JWK set"},
		{"a byte order mark", "\ufeff" + jwks(good), "JWK set"},
		{"more than 1 MiB", jwks(good) + strings.Repeat(" ", 1<<20), "1 MiB"},
		{"nesting", `{"keys":` + strings.Repeat("[", 1<<19), "JWK set"},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := new(memoryServer)
			server.status(http.StatusOK, test.body)
			source := server.remote(t)
			err := source.Warm(context.Background())
			if err == nil || !strings.HasPrefix(err.Error(), "keys: ") || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), jwksURL) {
				t.Fatalf("%v does not say %q", err, test.want)
			}
			if strings.Contains(err.Error(), "server_error") {
				t.Error("it quotes the document")
			}
			expect(t, source, header("k1"), isError)
		})
	}
	t.Run("1 MiB is not too much", func(t *testing.T) {
		server := new(memoryServer)
		set := jwks(good)
		server.status(http.StatusOK, set+strings.Repeat(" ", 1<<20-len(set)))
		expect(t, server.warm(t), header("k1"), isKey)
	})
}

func TestRemoteAlgorithmsOfKeysThatStateNone(t *testing.T) {
	p384 := jwk(&p384Key().PublicKey, with{"kid": "e"})
	set := []string{jwk(&rsaKey().PublicKey, with{"kid": "r"}), jwk(&rsaKey().PublicKey, with{"kid": "s", "alg": "RS512"}), p384, offered("o")}
	for _, test := range []struct {
		opts []keys.RemoteOption
		want string
	}{
		{nil, "RS256:r RS512:s ES384:e EdDSA:o"},
		{[]keys.RemoteOption{keys.WithAlgorithms(keys.PS384)}, "RS512:s PS384:r ES384:e EdDSA:o"},
		{[]keys.RemoteOption{keys.WithAlgorithms(keys.ES256, keys.RS384, keys.ES384, keys.EdDSA)}, "RS384:r RS512:s ES384:e EdDSA:o"},
	} {
		if got := held(serving(set...).warm(t, test.opts...)); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}

func TestRemoteRefuses(t *testing.T) {
	client := &http.Client{}
	for _, test := range []struct {
		name, url string
		opts      []keys.RemoteOption
		want      []string
	}{
		{"no address", "", nil, []string{"empty"}},
		{"a relative address", "/jwks", nil, []string{"absolute"}},
		{"no host", "https:///jwks", nil, []string{"absolute"}},
		{"an opaque address", "https:issuer.example", nil, []string{"absolute"}},
		{"a broken address", "https://issuer.example/%zz", nil, []string{"absolute"}},
		{"a file", "file://issuer.example/etc/passwd", nil, []string{"https"}},
		{"a password", "https://user:canary@issuer.example/jwks", nil, []string{"password"}},
		{"a fragment", "https://issuer.example/jwks#x", nil, []string{"fragment"}},
		{"an empty fragment", "https://issuer.example/jwks#", nil, []string{"fragment"}},
		{"plain http", "http://issuer.example/jwks", nil, []string{"DangerouslyAllowHTTP"}},
		{"plain http to a host that looks like loopback", "http://localhost.example/jwks", nil, []string{"DangerouslyAllowHTTP"}},
		{"plain http to an address that looks like loopback", "http://127.0.0.1.example/jwks", nil, []string{"DangerouslyAllowHTTP"}},
		{"plain http to the network", "http://10.0.0.1/jwks", nil, []string{"DangerouslyAllowHTTP"}},
		{"plain http to every interface", "http://0.0.0.0/jwks", nil, []string{"DangerouslyAllowHTTP"}},
		{"a nil option", jwksURL, []keys.RemoteOption{nil}, []string{"nil"}},
		{"a nil client", jwksURL, []keys.RemoteOption{keys.WithHTTPClient(nil)}, []string{"WithHTTPClient"}},
		{"a nil hook", jwksURL, []keys.RemoteOption{keys.WithFetchHook(nil)}, []string{"WithFetchHook"}},
		{"no interval", jwksURL, []keys.RemoteOption{keys.WithRefreshInterval(0)}, []string{"WithRefreshInterval"}},
		{"a negative age", jwksURL, []keys.RemoteOption{keys.WithHardAge(-1)}, []string{"WithHardAge"}},
		{"an interval above the hard age", jwksURL, []keys.RemoteOption{keys.WithRefreshInterval(2), keys.WithHardAge(2)}, []string{"WithRefreshInterval", "hard age"}},
		{"an interval above the default hard age", jwksURL, []keys.RemoteOption{keys.WithRefreshInterval(1e18)}, []string{"WithRefreshInterval", "24h"}},
		{"no algorithms", jwksURL, []keys.RemoteOption{keys.WithAlgorithms()}, []string{"WithAlgorithms"}},
		{"none", jwksURL, []keys.RemoteOption{keys.WithAlgorithms("none")}, []string{"WithAlgorithms", "not a signature"}},
		{"a symmetric algorithm", jwksURL, []keys.RemoteOption{keys.WithAlgorithms(keys.HS256)}, []string{"HS256", "Static"}},
		{"two algorithms for RSA", jwksURL, []keys.RemoteOption{keys.WithAlgorithms(keys.RS256, keys.PS256)}, []string{"two for RSA"}},
		{"two algorithms for one curve", jwksURL, []keys.RemoteOption{keys.WithAlgorithms(keys.ES256, keys.ES256)}, []string{"two for EC on P-256"}},
		{"everything twice, and every problem at once", "http://issuer.example", []keys.RemoteOption{
			keys.WithHTTPClient(client), keys.WithHTTPClient(client),
			keys.WithRefreshInterval(3), keys.WithRefreshInterval(3), keys.WithHardAge(4), keys.WithHardAge(4),
			keys.WithAlgorithms(keys.RS256), keys.WithAlgorithms(keys.RS256), keys.WithFetchHook(func(keys.Status) {}), keys.WithFetchHook(func(keys.Status) {}),
		}, []string{"WithHTTPClient is given twice", "WithRefreshInterval is given twice", "WithHardAge is given twice", "WithAlgorithms is given twice", "WithFetchHook is given twice", "DangerouslyAllowHTTP"}},
		{"the danger named twice", jwksURL, []keys.RemoteOption{keys.DangerouslyAllowHTTP(), keys.DangerouslyAllowHTTP()}, []string{"DangerouslyAllowHTTP is given twice"}},
	} {
		for name, construct := range map[string]func(string, ...keys.RemoteOption) (*keys.RemoteSource, error){"Remote": keys.Remote, "Discover": keys.Discover} {
			t.Run(name+": "+test.name, func(t *testing.T) {
				source, err := construct(test.url, test.opts...)
				if err == nil || source != nil {
					t.Fatal("accepted")
				}
				for _, want := range append(test.want, "keys: ") {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("%q does not say %q", err, want)
					}
				}
				if strings.Contains(err.Error(), "canary") {
					t.Errorf("%q says the password", err)
				}
			})
		}
	}
	if _, err := keys.Discover("https://issuer.example/?p=policy"); err == nil || !strings.Contains(err.Error(), "query") {
		t.Errorf("an issuer with a query: %v", err)
	}
	for _, url := range []string{
		"https://issuer.example/jwks?p=policy", "https://issuer.example:8443", "https://[2001:db8::1]/jwks",
		"http://localhost:8080/jwks", "http://LOCALHOST", "http://127.0.0.1/", "http://127.9.8.7:1/", "http://[::1]:80/",
	} {
		if _, err := keys.Remote(url); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
	if _, err := keys.Remote("http://10.0.0.1/jwks", keys.DangerouslyAllowHTTP()); err != nil {
		t.Error(err)
	}
}

// body is a transport that answers everything with one document.
type body []byte

func (b body) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, Header: make(http.Header), Request: r,
		Body: io.NopCloser(strings.NewReader(string(b))), ContentLength: -1,
	}, nil
}

// Whatever a server sends: no panic, no private or symmetric key, no key that
// Parse would refuse alone, and all of a set that Parse takes as a whole.
func FuzzJWKSDocument(f *testing.F) {
	for _, seed := range append(parseAccepts(), parseRefuses()...) {
		f.Add([]byte(seed.data))
	}
	f.Add([]byte(jwks(offered("a"), offered("a"), jwk(&rsaKey().PublicKey, with{"kid": "b"}), jwk(p256Key(), nil), jwk(secret, with{"alg": "HS256"}))))
	f.Fuzz(func(t *testing.T, document []byte) {
		source, err := keys.Remote(jwksURL, keys.WithHTTPClient(&http.Client{Transport: body(document)}))
		if err != nil {
			t.Fatal(err)
		}
		failed := source.Warm(context.Background())
		all := heldKeys(source)
		if (failed == nil) != (len(all) > 0) || len(all) > 100 || source.Status().Keys != len(all) {
			t.Fatalf("%d keys, %+v: %v", len(all), source.Status(), failed)
		}
		distinct := make(map[string]bool)
		for _, k := range all {
			if !k.Equal(k.Public()) || strings.HasPrefix(string(k.Algorithm()), "HS") {
				t.Errorf("%v is private or symmetric", k)
			}
			if _, err := keys.Static(k); err != nil {
				t.Error(err)
			}
			name := fmt.Sprint(k.Algorithm(), k.ID())
			if k.ID() != "" && distinct[name] {
				t.Errorf("%v is ambiguous", k)
			}
			distinct[name] = true
		}
		parsed, err := keys.Parse(document)
		if err != nil || !strings.Contains(string(document), `"keys"`) {
			return
		}
		for _, k := range parsed {
			public := k.Equal(k.Public())
			if found := slices.ContainsFunc(all, k.Equal); found != public {
				t.Errorf("%v: taken %v, public %v", k, found, public)
			}
		}
	})
}
