package keys_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/gobearer/bearer/keys"
)

// ids are the ids of what a source finds; a key without one is "-".
func ids(t *testing.T, s keys.Source, h keys.Header) []string {
	t.Helper()
	found, err := s.Lookup(context.Background(), h)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, k := range found {
		if k.Algorithm() != h.Algorithm {
			t.Errorf("%v for a token of %s", k, h.Algorithm)
		}
		names = append(names, strings.Replace("-"+k.ID(), "-k", "k", 1))
	}
	return names
}

func generate(t *testing.T, alg keys.Algorithm, opts ...keys.KeyOption) *keys.Key {
	t.Helper()
	k, err := keys.Generate(alg, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

var lookups = []struct {
	name string
	h    keys.Header
	want []string
}{
	{"a known id: its key, then those without one", keys.Header{Algorithm: keys.EdDSA, KeyID: "k1"}, []string{"k1", "-"}},
	{"an unknown id: those without one", keys.Header{Algorithm: keys.EdDSA, KeyID: "k9"}, []string{"-"}},
	{"no id: every key of the algorithm", keys.Header{Algorithm: keys.EdDSA}, []string{"k1", "k2", "-"}},
	{"an id of another algorithm", keys.Header{Algorithm: keys.ES256, KeyID: "k2"}, nil},
	{"one id, two algorithms", keys.Header{Algorithm: keys.ES256, KeyID: "k1"}, []string{"k1"}},
	{"an id in another case", keys.Header{Algorithm: keys.ES256, KeyID: "K1"}, nil},
	{"algorithm confusion", keys.Header{Algorithm: keys.HS256, KeyID: "k1"}, nil},
	{"none", keys.Header{Algorithm: "none", KeyID: "k1"}, nil},
	{"no algorithm", keys.Header{KeyID: "k1"}, nil},
	{"an algorithm in another case", keys.Header{Algorithm: "eddsa", KeyID: "k1"}, nil},
}

func TestStaticLookup(t *testing.T) {
	source, err := keys.Static(
		generate(t, keys.EdDSA, keys.WithID("k1")).Public(),
		generate(t, keys.ES256, keys.WithID("k1")).Public(),
		generate(t, keys.EdDSA, keys.WithID("k2")).Public(),
		generate(t, keys.EdDSA).Public(),
	)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range lookups {
		t.Run(test.name, func(t *testing.T) {
			if got := ids(t, source, test.h); !slices.Equal(got, test.want) {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

func TestStaticRotatesSecretsWithoutIDs(t *testing.T) {
	old, next := generate(t, keys.HS256), generate(t, keys.HS256)
	source, err := keys.Static(old, next)
	if err != nil {
		t.Fatal(err)
	}
	if got := ids(t, source, keys.Header{Algorithm: keys.HS256, KeyID: "any"}); !slices.Equal(got, []string{"-", "-"}) {
		t.Errorf("%q", got)
	}
}

func TestStaticRefuses(t *testing.T) {
	a := generate(t, keys.EdDSA, keys.WithID("a"))
	nameless := generate(t, keys.EdDSA)
	signOnly := parseOne(t, jwk(secret, map[string]any{"alg": "HS256", "key_ops": []string{"sign"}}))
	tests := []struct {
		name string
		keys []*keys.Key
		want string
	}{
		{"no keys", nil, "no keys"},
		{"a nil key", []*keys.Key{a.Public(), nil}, "no material"},
		{"the zero key", []*keys.Key{{}}, "no material"},
		{"the public half of a secret", []*keys.Key{generate(t, keys.HS256).Public()}, "no material"},
		{"a private key", []*keys.Key{a}, "Public()"},
		{"a signer", []*keys.Key{newKey(t, keys.ES256, kms{p256Key()})}, "Public()"},
		{"a secret that only signs", []*keys.Key{signOnly}, "key_ops"},
		{"two keys with one id and algorithm", []*keys.Key{a.Public(), generate(t, keys.EdDSA, keys.WithID("a")).Public()}, "one id"},
		{"one key twice", []*keys.Key{a.Public(), a.Public()}, "one id"},
		{"one key without an id twice", []*keys.Key{nameless.Public(), nameless.Public()}, "twice"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			source, err := keys.Static(test.keys...)
			if err == nil || source != nil {
				t.Fatal("accepted")
			}
			if !strings.HasPrefix(err.Error(), "keys: ") || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%q does not say %q", err, test.want)
			}
		})
	}
	_, err := keys.Static(a, nil)
	if err == nil || !strings.Contains(err.Error(), "Public()") || !strings.Contains(err.Error(), "no material") {
		t.Errorf("%v does not say every problem", err)
	}
}

// No caller can change what the next one is verified with.
func TestSetsAreImmutable(t *testing.T) {
	active := generate(t, keys.EdDSA, keys.WithID("k1"))
	given := []*keys.Key{active.Public(), generate(t, keys.EdDSA).Public()}
	static, err := keys.Static(given...)
	if err != nil {
		t.Fatal(err)
	}
	ring, err := keys.NewRing(active, keys.WithRetiring(given[1]))
	if err != nil {
		t.Fatal(err)
	}
	evil := generate(t, keys.EdDSA).Public()
	given[0], given[1] = evil, evil
	for _, source := range []keys.Source{static, ring} {
		for _, kid := range []string{"k1", "k9", ""} {
			h := keys.Header{Algorithm: keys.EdDSA, KeyID: kid}
			found, _ := source.Lookup(context.Background(), h)
			for i := range found {
				found[i] = evil
			}
			_ = append(found, evil)
			found, _ = source.Lookup(context.Background(), h)
			for _, k := range found {
				if k.Equal(evil) {
					t.Errorf("%T: a caller changed the set", source)
				}
			}
		}
	}
}

func TestLookupAllocatesOnlyItsAnswer(t *testing.T) {
	source, err := keys.Static(generate(t, keys.EdDSA, keys.WithID("k1")).Public())
	if err != nil {
		t.Fatal(err)
	}
	h := keys.Header{Algorithm: keys.EdDSA, KeyID: "k1"}
	if n := testing.AllocsPerRun(100, func() { source.Lookup(context.Background(), h) }); n > 1 {
		t.Errorf("%v allocations", n)
	}
}
