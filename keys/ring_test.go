package keys_test

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gobearer/bearer/keys"
)

func newRing(t testing.TB, active *keys.Key, opts ...keys.RingOption) *keys.Ring {
	t.Helper()
	r, err := keys.NewRing(active, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRingSignsAndVerifies(t *testing.T) {
	old := generate(t, keys.ES256, keys.WithID("old"))
	mac := generate(t, keys.HS256)
	ring := newRing(t, generate(t, keys.EdDSA), keys.WithRetiring(old, mac))
	k, err := ring.SigningKey()
	if err != nil {
		t.Fatal(err)
	}
	signature, err := k.Sign(input)
	if err != nil {
		t.Fatal(err)
	}
	if k.ID() == "" {
		t.Error("the ring did not name its key")
	}
	found, err := ring.Lookup(context.Background(), keys.Header{Algorithm: keys.EdDSA, KeyID: k.ID()})
	if err != nil || len(found) != 1 || found[0].Verify(input, signature) != nil {
		t.Fatalf("%v, %v", found, err)
	}
	for _, h := range []keys.Header{{Algorithm: keys.EdDSA}, {Algorithm: keys.ES256, KeyID: "old"}} {
		found, err := ring.Lookup(context.Background(), h)
		if err != nil || len(found) != 1 {
			t.Fatalf("%v, %v", found, err)
		}
		if _, err := found[0].Sign(input); err == nil {
			t.Error("Lookup handed out a private key")
		}
	}
	found, err = ring.Lookup(context.Background(), keys.Header{Algorithm: keys.HS256, KeyID: "any"})
	if err != nil || len(found) != 1 || !found[0].Equal(mac) || found[0].ID() != "" {
		t.Errorf("%v, %v", found, err)
	}
}

func TestRingLookup(t *testing.T) {
	// A ring leaves no asymmetric key without an id: secrets stand for them.
	named := func(alg keys.Algorithm, id string) *keys.Key { return generate(t, alg, keys.WithID(id)) }
	ring := newRing(t, named(keys.HS256, "k1"), keys.WithRetiring(named(keys.ES256, "k1"), named(keys.HS256, "k2"), generate(t, keys.HS256)))
	for _, test := range lookups {
		t.Run(test.name, func(t *testing.T) {
			h := test.h
			switch h.Algorithm {
			case keys.EdDSA:
				h.Algorithm = keys.HS256
			case keys.HS256:
				h.Algorithm = keys.EdDSA
			}
			if got := ids(t, ring, h); !slices.Equal(got, test.want) {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

func TestRingNamesKeysByThumbprint(t *testing.T) {
	tests := []struct {
		name, jwk, want string
		alg             keys.Algorithm
	}{
		{"RFC 7638 3.1", `{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256"}`,
			"NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", keys.RS256},
		{"RFC 8037 A.3", `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`,
			"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", keys.EdDSA},
		{"a private key has the thumbprint of its public half", `{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`,
			"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", keys.EdDSA},
		{"an id of its own stays", `{"kty":"OKP","crv":"Ed25519","kid":"mine","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`, "mine", keys.EdDSA},
		{"a secret is never thumbprinted", jwk(secret, map[string]any{"alg": "HS512"}), "", keys.HS512},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ring := newRing(t, generate(t, keys.HS256), keys.WithRetiring(parseOne(t, test.jwk)))
			found, err := ring.Lookup(context.Background(), keys.Header{Algorithm: test.alg})
			if err != nil || len(found) != 1 || found[0].ID() != test.want {
				t.Errorf("%v, %v, want %q", found, err, test.want)
			}
		})
	}
}

func TestNewRingRefuses(t *testing.T) {
	a := generate(t, keys.EdDSA, keys.WithID("a"))
	nameless := generate(t, keys.ES256)
	mac := generate(t, keys.HS256)
	retiring := keys.WithRetiring(nameless)
	verifyOnly := parseOne(t, jwk(secret, map[string]any{"alg": "HS256", "key_ops": []string{"verify"}}))
	signOnly := parseOne(t, jwk(secret, map[string]any{"alg": "HS256", "key_ops": []string{"sign"}}))
	tests := []struct {
		name   string
		active *keys.Key
		opts   []keys.RingOption
		want   string
	}{
		{"a nil key", nil, nil, "no material"},
		{"the zero key", new(keys.Key), nil, "no material"},
		{"a public key", a.Public(), nil, "does not sign"},
		{"a secret that only verifies", verifyOnly, nil, "does not sign"},
		{"the public half of a secret", mac.Public(), nil, "no material"},
		{"a nil retiring key", a, []keys.RingOption{keys.WithRetiring(nil)}, "no material"},
		{"a retiring secret that only signs", a, []keys.RingOption{keys.WithRetiring(signOnly)}, "lack verify"},
		{"an active secret that only signs", signOnly, nil, "lack verify"},
		{"no retiring keys", a, []keys.RingOption{keys.WithRetiring()}, "leave it out"},
		{"one option twice", a, []keys.RingOption{retiring, keys.WithRetiring(mac)}, "twice"},
		{"a nil option", a, []keys.RingOption{nil}, "nil"},
		{"the active key, retiring", a, []keys.RingOption{keys.WithRetiring(a.Public())}, "one id"},
		{"another key with its id", a, []keys.RingOption{keys.WithRetiring(generate(t, keys.EdDSA, keys.WithID("a")))}, "one id"},
		{"a key without an id twice", nameless, []keys.RingOption{keys.WithRetiring(nameless.Public())}, "one id"},
		{"a secret without an id twice", mac, []keys.RingOption{keys.WithRetiring(mac)}, "twice"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ring, err := keys.NewRing(test.active, test.opts...)
			if err == nil || ring != nil {
				t.Fatal("accepted")
			}
			if !strings.HasPrefix(err.Error(), "keys: ") || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%q does not say %q", err, test.want)
			}
		})
	}
	_, err := keys.NewRing(a.Public(), nil, retiring, retiring)
	for _, want := range []string{"does not sign", "option is nil", "given twice"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
}

func TestZeroRing(t *testing.T) {
	for name, ring := range map[string]*keys.Ring{"nil": nil, "zero": new(keys.Ring)} {
		if k, err := ring.SigningKey(); err == nil || k != nil {
			t.Errorf("%s: has a signing key", name)
		}
		if found, err := ring.Lookup(context.Background(), keys.Header{Algorithm: keys.HS256}); err == nil || found != nil {
			t.Errorf("%s: has keys", name)
		}
		w := httptest.NewRecorder()
		ring.JWKS().ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if w.Code != http.StatusServiceUnavailable || w.Body.Len() != 0 || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: serves %d %v %s", name, w.Code, w.Header(), w.Body)
		}
		ring.KeepFor(time.Hour)
		if data, err := ring.Save(); err == nil || data != nil {
			t.Errorf("%s: is saved", name)
		}
		if ring.Rotate(generate(t, keys.EdDSA)) == nil || ring.Remove("a") == nil || ring.States() != nil {
			t.Errorf("%s: has a life", name)
		}
	}
}

// emptyETag is that of {"keys":[]}: its SHA-256.
const emptyETag = `"ljjRGRRzXQByAC3U1nxzSpTuegzYRebcvJhO51gYYKc"`

func TestJWKS(t *testing.T) {
	all := newRing(t, generate(t, keys.EdDSA), keys.WithRetiring(
		newKey(t, keys.RS256, rsaKey(), keys.WithID("rsa")), newKey(t, keys.PS256, kms{rsaKey()}, keys.WithID("rsa")),
		newKey(t, keys.ES256, p256Key()), newKey(t, keys.ES384, p384Key().Public()), newKey(t, keys.ES512, p521Key(), keys.WithID(`<"é\u2028&>`)),
		generate(t, keys.HS256, keys.WithID("mac")), generate(t, keys.HS512),
	))
	secrets := newRing(t, generate(t, keys.HS256, keys.WithID("mac")))
	header := func(length string) http.Header {
		return http.Header{"Cache-Control": {"public, max-age=300"}, "Content-Length": {length}, "Content-Type": {"application/jwk-set+json"}, "Etag": {emptyETag}}
	}
	tests := []struct {
		name, method string
		ring         *keys.Ring
		status, keys int
		header       http.Header
	}{
		{"every asymmetric key", "GET", all, 200, 6, nil},
		{"no secret", "GET", secrets, 200, 0, header("11")},
		{"HEAD", "HEAD", secrets, 200, -1, header("11")},
		{"POST", "POST", all, 405, -1, http.Header{"Allow": {"GET, HEAD"}}},
		{"OPTIONS", "OPTIONS", all, 405, -1, http.Header{"Allow": {"GET, HEAD"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			test.ring.JWKS().ServeHTTP(w, httptest.NewRequest(test.method, "/jwks.json", nil))
			if w.Code != test.status {
				t.Errorf("status %d, want %d", w.Code, test.status)
			}
			if test.header != nil && !maps.EqualFunc(w.Header(), test.header, slices.Equal) {
				t.Errorf("header %v, want %v", w.Header(), test.header)
			}
			if test.keys < 0 {
				if w.Body.Len() != 0 {
					t.Errorf("body %s", w.Body)
				}
				return
			}
			var set struct{ Keys []map[string]any }
			if err := json.Unmarshal(w.Body.Bytes(), &set); err != nil {
				t.Fatal(err)
			}
			if len(set.Keys) != test.keys {
				t.Errorf("%d keys, want %d", len(set.Keys), test.keys)
			}
			for _, k := range set.Keys {
				if k["use"] != "sig" || k["kid"] == nil || k["alg"] == nil || k["kty"] == "oct" {
					t.Errorf("%v", k)
				}
				for name := range k {
					if slices.Contains([]string{"d", "p", "q", "dp", "dq", "qi", "k", "oth"}, name) {
						t.Errorf("private member %s", name)
					}
				}
			}
			if test.keys == 0 {
				if got := w.Body.String(); got != `{"keys":[]}` {
					t.Errorf("body %s", got)
				}
				return
			}
			// What a ring publishes is what it verifies with.
			parsed, err := keys.Parse(w.Body.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			for _, k := range parsed {
				found, err := test.ring.Lookup(context.Background(), keys.Header{Algorithm: k.Algorithm(), KeyID: k.ID()})
				if err != nil || len(found) != 1 || !found[0].Equal(k) {
					t.Errorf("%v comes back as %v, %v", k, found, err)
				}
			}
		})
	}
	server := httptest.NewServer(all.JWKS())
	defer server.Close()
	response, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); err != nil || len(body) == 0 {
		t.Errorf("over the network: %s, %v", body, err)
	}
}
