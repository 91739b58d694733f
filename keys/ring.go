package keys

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync/atomic"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// A Ring holds the keys of an issuer: one signs, the others only verify. It is
// a [Source] and safe for concurrent use. The zero Ring has no keys: it signs
// nothing and its Lookup fails.
type Ring struct {
	state atomic.Pointer[snapshot]
}

// A snapshot is what a ring is at an instant.
type snapshot struct {
	active *Key
	public *set
	jwks   []byte
}

// A RingOption sets a detail of [NewRing]. Each may be given once.
type RingOption func(*ringOptions)

type ringOptions struct {
	retiring []*Key
	given    bool
	problems []error
}

// WithRetiring adds keys that have signed and still verify. Of a private key
// the ring keeps the public half.
func WithRetiring(keys ...*Key) RingOption {
	return func(o *ringOptions) {
		switch {
		case o.given:
			o.problems = append(o.problems, errors.New("WithRetiring is given twice: give it all keys at once"))
		case len(keys) == 0:
			o.problems = append(o.problems, errors.New("WithRetiring has no keys: leave it out"))
		}
		o.retiring, o.given = append(o.retiring, keys...), true
	}
}

// NewRing makes a ring in which active signs: a private key, a secret or a key
// behind a [crypto.Signer]. An asymmetric key without an id gets its RFC 7638
// SHA-256 thumbprint as one; a secret without an id stays without. Two keys
// with one id and algorithm, and one key given twice, are refused. Secrets and
// asymmetric keys may stand in one ring.
func NewRing(active *Key, opts ...RingOption) (*Ring, error) {
	o := new(ringOptions)
	for _, opt := range opts {
		if opt == nil {
			o.problems = append(o.problems, errors.New("an option is nil: leave it out"))
			continue
		}
		opt(o)
	}
	var all []*Key
	for i, k := range append([]*Key{active}, o.retiring...) {
		switch {
		case !k.usable():
			o.problems = append(o.problems, errNoMaterial)
			continue
		case i == 0 && !k.m().signs:
			o.problems = append(o.problems, fmt.Errorf("the active %s key does not sign: use a private key or a secret", k.alg))
		case !k.m().verifies:
			o.problems = append(o.problems, fmt.Errorf("an %s key in the ring does not verify: leave it out", k.alg))
		}
		named, err := nameByThumbprint(k)
		if err != nil {
			o.problems = append(o.problems, err)
			continue
		}
		all = append(all, named)
	}
	public := verifiers(all)
	o.problems = append(o.problems, checkDistinct(public)...)
	jwks, err := encodeSet(public)
	if err := errors.Join(append(o.problems, err)...); err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	r := new(Ring)
	r.state.Store(&snapshot{active: all[0], public: newSet(public), jwks: jwks})
	return r, nil
}

// nameByThumbprint names an asymmetric key without an id.
func nameByThumbprint(k *Key) (*Key, error) {
	if k.id != "" || k.symmetric() {
		return k, nil
	}
	id, err := thumbprint(k)
	if err != nil {
		return nil, err
	}
	return k.named(id), nil
}

// verifiers are the keys without their private parts: nothing that looks keys
// up gets hold of one. A secret is its own.
func verifiers(keys []*Key) []*Key {
	public := make([]*Key, len(keys))
	for i, k := range keys {
		public[i] = k
		if !k.symmetric() {
			public[i] = k.Public()
		}
	}
	return public
}

var errNoRing = errors.New("keys: the ring has no keys: make it with NewRing")

func (r *Ring) snapshot() (*snapshot, error) {
	if r == nil {
		return nil, errNoRing
	}
	s := r.state.Load()
	if s == nil {
		return nil, errNoRing
	}
	return s, nil
}

// SigningKey is the key that signs at this instant. It fails for a ring that
// [NewRing] did not make.
func (r *Ring) SigningKey() (*Key, error) {
	s, err := r.snapshot()
	if err != nil {
		return nil, err
	}
	return s.active, nil
}

// Lookup implements [Source]. It returns no private keys, and fails for a ring
// that [NewRing] did not make.
func (r *Ring) Lookup(_ context.Context, h Header) ([]*Key, error) {
	s, err := r.snapshot()
	if err != nil {
		return nil, err
	}
	return s.public.candidates(h), nil
}

// JWKS serves the ring's JWK set (RFC 7517 section 5): the public halves of its
// asymmetric keys, with kid, alg and use. Secrets are not in it: a ring of
// nothing else serves an empty set. It answers GET and HEAD, and may be cached
// for five minutes. A ring that [NewRing] did not make answers 503.
func (r *Ring) JWKS() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Method != http.MethodGet && req.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		s, err := r.snapshot()
		if err != nil {
			// An empty set would tell verifiers to forget the keys they have.
			w.Header().Set("Cache-Control", "no-store")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Cache-Control", "public, max-age=300")
		w.Header().Set("Content-Length", strconv.Itoa(len(s.jwks)))
		w.Header().Set("Content-Type", "application/jwk-set+json") // RFC 7517 section 8.5.2
		if req.Method == http.MethodGet {
			w.Write(s.jwks)
		}
	})
}

func encodeSet(keys []*Key) ([]byte, error) {
	encoded := []jsontext.Value{} // an empty array, never null
	for _, k := range keys {
		if k.symmetric() {
			continue
		}
		jwk, err := encodeJWK(k)
		if err != nil {
			return nil, err
		}
		encoded = append(encoded, jwk)
	}
	return json.Marshal(map[string][]jsontext.Value{"keys": encoded})
}
