package keys

import (
	"crypto"
	"crypto/subtle"
	"fmt"
	"log/slog"
)

// A Key is one signing or verification key, pinned to one algorithm. It is
// immutable and safe for concurrent use. It prints as its algorithm and id
// alone, with every fmt verb and in slog, and marshals to an empty JSON object.
//
// A nil Key and the zero Key sign nothing, verify nothing and equal nothing.
type Key struct {
	alg Algorithm
	id  string
	// A function, because reflection cannot look into one: a Key that was copied
	// by value has no Format method, and fmt prints even unexported fields.
	m func() *material
}

// material is what a key is made of, and what it may be used for.
type material struct {
	suite
	public   crypto.PublicKey // *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey; nil for HMAC
	signer   crypto.Signer    // nil for a public key and for HMAC
	mac      *mac             // nil for all but HMAC
	signs    bool
	verifies bool
}

func (m *material) self() *material { return m }

// ID is the key's id, which tokens name in kid (RFC 7515 section 4.1.4), or
// empty if it has none.
func (k *Key) ID() string {
	if k == nil {
		return ""
	}
	return k.id
}

// Algorithm is the one algorithm that the key is for.
func (k *Key) Algorithm() Algorithm {
	if k == nil {
		return ""
	}
	return k.alg
}

// Public is the key without its private part: k itself if it has none.
//
// An HMAC secret has no public part. Its Public is a key with its algorithm
// and id that verifies nothing, which [Static] and [NewRing] refuse: whoever
// publishes the result publishes no secret, and whoever verifies with it
// accepts no token.
func (k *Key) Public() *Key {
	switch {
	case k == nil:
		return nil
	case k.symmetric():
		return &Key{alg: k.alg, id: k.id}
	case !k.private():
		return k
	}
	public := &material{suite: k.m().suite, public: k.m().public, verifies: k.m().verifies}
	return &Key{alg: k.alg, id: k.id, m: public.self}
}

// Equal reports whether two keys have one algorithm, one id and the same
// material, and may be used for the same operations. Secrets are compared in
// constant time. A private key is not equal to its public half; two private
// keys, in memory or behind a [crypto.Signer], are equal if their public
// halves are.
func (k *Key) Equal(other *Key) bool {
	if !k.usable() || !other.usable() || k.alg != other.alg || k.id != other.id {
		return false
	}
	a, b := k.m(), other.m()
	if a == b {
		return true
	}
	if a.signs != b.signs || a.verifies != b.verifies {
		return false
	}
	return k.sameMaterial(other)
}

// sameMaterial compares public halves, or secrets in constant time.
func (k *Key) sameMaterial(other *Key) bool {
	a, b := k.m(), other.m()
	if a.mac != nil || b.mac != nil {
		return a.mac != nil && b.mac != nil && subtle.ConstantTimeCompare(a.mac.secret, b.mac.secret) == 1
	}
	public, ok := a.public.(interface{ Equal(crypto.PublicKey) bool })
	return ok && public.Equal(b.public)
}

// Format implements [fmt.Formatter]. No verb and no flag shows key material.
func (k *Key) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "keys.Key(%s %q)", k.Algorithm(), k.ID())
}

// LogValue implements [slog.LogValuer].
func (k *Key) LogValue() slog.Value {
	return slog.GroupValue(slog.String("alg", string(k.Algorithm())), slog.String("kid", k.ID()))
}

func (k *Key) usable() bool    { return k != nil && k.m != nil }
func (k *Key) symmetric() bool { return k.usable() && k.m().mac != nil }
func (k *Key) private() bool   { return k.usable() && k.m().signer != nil }

func (k *Key) named(id string) *Key { return &Key{alg: k.alg, id: id, m: k.m} }
