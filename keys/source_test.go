package keys_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/gobearer/bearer/keys"
)

// A wrapper has the methods of what it wraps, and decides by its own Lookup.
type wrapper struct {
	*keys.Ring
	lookup func(keys.Header) ([]*keys.Key, error)
}

func (w wrapper) Lookup(_ context.Context, h keys.Header) ([]*keys.Key, error) { return w.lookup(h) }

// Offers agrees with Lookup, whoever answers.
func TestOffers(t *testing.T) {
	private := generate(t, keys.ES256, keys.WithID("k1"))
	public := []*keys.Key{private.Public(), generate(t, keys.ES256, keys.WithID("k2")).Public()}
	nameless, other := generate(t, keys.EdDSA).Public(), generate(t, keys.ES256, keys.WithID("k1")).Public()
	ring := newRing(t, private)
	if err := ring.Rotate(generate(t, keys.ES256, keys.WithID("k2"))); err != nil {
		t.Fatal(err)
	}
	static, err := keys.Static(append(public, nameless)...)
	if err != nil {
		t.Fatal(err)
	}
	sources := map[string]keys.Source{
		"static":                            static,
		"ring":                              ring,
		"remote":                            serving(offered("k1"), offered("k2")).warm(t),
		"a ring whose Lookup finds nothing": wrapper{ring, func(keys.Header) ([]*keys.Key, error) { return nil, nil }},
		"a ring whose Lookup finds another": wrapper{ring, func(keys.Header) ([]*keys.Key, error) { return []*keys.Key{other}, nil }},
		"nil keys":                          wrapper{ring, func(keys.Header) ([]*keys.Key, error) { return []*keys.Key{nil, {}}, nil }},
		"a ring":                            wrapper{ring, func(h keys.Header) ([]*keys.Key, error) { return ring.Lookup(t.Context(), h) }},
	}
	for name, source := range sources {
		t.Run(name, func(t *testing.T) {
			asked := append(slices.Clip(public), nameless, other, private, nil, new(keys.Key))
			for _, h := range []keys.Header{
				{Algorithm: keys.ES256, KeyID: "k1"}, {Algorithm: keys.EdDSA, KeyID: "k1"}, {Algorithm: keys.RS256, KeyID: "k1"},
				{Algorithm: keys.ES256}, {Algorithm: keys.EdDSA}, {KeyID: "k1"}, {}, {Algorithm: keys.HS256, KeyID: "k1"},
			} {
				found, unknown := source.Lookup(t.Context(), h) // a server may not be asked for any number of ids
				for _, k := range append(asked, found...) {
					want := slices.ContainsFunc(found, k.Equal)
					if got, err := keys.Offers(t.Context(), source, h, k); got != want || (err == nil) != (unknown == nil) {
						t.Errorf("%v for %+v: %v, %v, want %v, %v", k, h, got, err, want, unknown)
					}
				}
			}
		})
	}
}

func TestOffersNoneOfTooMany(t *testing.T) {
	var secrets []*keys.Key
	for n := range keys.MaxCandidates + 1 {
		secrets = append(secrets, generate(t, keys.HS256))
		source, err := keys.Static(secrets...)
		if err != nil {
			t.Fatal(err)
		}
		got, err := keys.Offers(t.Context(), source, keys.Header{Algorithm: keys.HS256}, secrets[0])
		if want := n < keys.MaxCandidates; got != want || err != nil {
			t.Errorf("one of %d: %v, %v, want %v", n+1, got, err, want)
		}
	}
}

func TestOffersFailsAsLookupDoes(t *testing.T) {
	down := errors.New("down")
	k, h := generate(t, keys.ES256).Public(), keys.Header{Algorithm: keys.ES256}
	for name, source := range map[string]keys.Source{
		"the zero ring":            new(keys.Ring),
		"a remote without address": new(keys.RemoteSource),
		"a source of one's own":    wrapper{nil, func(keys.Header) ([]*keys.Key, error) { return []*keys.Key{k}, down }},
	} {
		_, want := source.Lookup(t.Context(), h)
		if got, err := keys.Offers(t.Context(), source, h, k); got || err == nil || err.Error() != want.Error() {
			t.Errorf("%s: %v, %v, want %v", name, got, err, want)
		}
	}
}

func TestOffersAllocatesNothing(t *testing.T) {
	k := generate(t, keys.ES256, keys.WithID("k1"))
	static, err := keys.Static(k.Public())
	if err != nil {
		t.Fatal(err)
	}
	for name, source := range map[string]keys.Source{
		"static": static, "ring": newRing(t, k), "remote": serving(offered("k1")).warm(t),
	} {
		h := keys.Header{Algorithm: keys.ES256, KeyID: "k1"}
		if n := testing.AllocsPerRun(100, func() { _, _ = keys.Offers(t.Context(), source, h, k) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
