package keys

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A Ring holds the keys of an issuer: one signs, the others only verify. It is
// a [Source] and safe for concurrent use. The zero Ring has no keys: it signs
// nothing and its Lookup fails.
//
// A key that [Ring.Rotate] brings in is pending first: published, so that
// verifiers have it in time, but not signing. After the publish delay it is
// active, and the one before it retires: it verifies until the last token that
// it signed has expired, and then is gone. What a key is follows from the
// ring's keys and the clock alone; nothing has to run for it.
//
// The longest lifetime that an issuer grants decides how long keys retire: see
// [Ring.KeepFor]. A leaked key must not wait for that: [Ring.Remove].
//
// Replicas share a ring through [Ring.Save], [OpenRing] and [Ring.Replace]. The
// caller carries the bytes, and sees to it that one replica at a time changes
// the ring. After Rotate on one of them the others have to take the new set over
// before the publish delay ends, and at once if they serve [Ring.JWKS]: what they
// serve until then stays in caches for the publish delay from there.
type Ring struct {
	clock func() time.Time
	delay time.Duration
	state atomic.Pointer[snapshot]

	mu      sync.Mutex // for what changes the ring, never for what reads it
	keep    time.Duration
	signers []*Key
}

// assumedLifetime is for rings that nobody has told: no token of the wire
// format lives longer than 120 months, which are 3653 days at most.
const assumedLifetime = 3660 * 24 * time.Hour

// maxLeeway is the largest that a verifier of this module allows for clocks
// that differ.
const maxLeeway = 5 * time.Minute

// NewRing makes a ring in which active signs: a private key, a secret or a key
// behind a [crypto.Signer]. An asymmetric key without an id gets its RFC 7638
// SHA-256 thumbprint as one; a secret without an id stays without, and cannot be
// removed. Two keys with one id and algorithm, one key given twice or under two
// ids, and more than 100 keys are refused. Secrets and asymmetric keys may stand
// in one ring.
func NewRing(active *Key, opts ...RingOption) (*Ring, error) {
	o := applyRingOptions(opts)
	var all []*Key
	for i, k := range append([]*Key{active}, o.retiring...) {
		switch {
		case !k.usable():
			o.list = append(o.list, errNoMaterial)
			continue
		case i == 0 && !k.m().signs:
			o.list = append(o.list, fmt.Errorf("the active %s key does not sign: use a private key or a secret", k.alg))
		}
		named, err := nameByThumbprint(k)
		if err != nil {
			o.list = append(o.list, err)
			continue
		}
		all = append(all, named)
	}
	o.list = append(o.list, checkRing(all)...)
	if err := errors.Join(o.list...); err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	r := &Ring{clock: o.clock, delay: o.delay, signers: o.signers}
	now := r.clock()
	// The first key signs since ever: a replica whose clock is behind can sign.
	first, err := newEntry(all[0])
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	first.inLine = true
	var entries []entry
	for _, k := range all[1:] {
		e, err := newEntry(verifyOnly(k))
		if err != nil {
			return nil, fmt.Errorf("keys: %w", err)
		}
		e.exp = dropAt(now.Unix(), r.hold())
		entries = append(entries, e)
	}
	entries = append(entries, first)
	if err := checkDates(entries); err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	r.state.Store(newSnapshot(1, entries, now.Unix()))
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

// verifyOnly is a key without its private part. A secret is its own.
func verifyOnly(k *Key) *Key {
	if k.symmetric() {
		return k
	}
	return k.Public()
}

// checkRing refuses keys that cannot stand in one ring.
func checkRing(keys []*Key) []error {
	public := make([]*Key, len(keys))
	for i, k := range keys {
		public[i] = verifyOnly(k)
	}
	problems := checkDistinct(public)
	for i, k := range keys {
		if !k.m().verifies {
			problems = append(problems, fmt.Errorf("the key_ops of an %s key lack verify: nobody could use its tokens", k.alg))
		}
		for _, other := range keys[:i] {
			// Remove of the one would leave the leaked key under its other name.
			if k.id != other.id && k.sameMaterial(other) {
				problems = append(problems, fmt.Errorf("one key has two ids, for %s and %s: give it one", other.alg, k.alg))
			}
		}
	}
	if len(keys) > maxKeys {
		problems = append(problems, errTooMany)
	}
	return problems
}

var errNoRing = errors.New("keys: the ring has no keys: make it with NewRing or OpenRing")

// now is the ring's state at this instant. It takes no lock: a snapshot stands
// until the clock leaves it, in either direction.
func (r *Ring) now() (*snapshot, error) {
	if r == nil || r.state.Load() == nil {
		return nil, errNoRing
	}
	for {
		// The set before the clock: who is held up between the two must not look at
		// a new set from before it was made, when none of its keys might sign.
		s := r.state.Load()
		next := s.at(r.clock().Unix())
		// Not Store: a key that was removed meanwhile would come back.
		if next == s || r.state.CompareAndSwap(s, next) {
			return next, nil
		}
	}
}

var (
	errNobody    = errors.New("keys: no key of the ring may sign at this instant: check the clock, which is behind the set")
	errNoPrivate = errors.New("keys: the key that is due to sign has no private part here: give it with WithSigners")
)

// SigningKey is the key that signs at this instant. It fails for the zero Ring,
// and where the clock is so far behind the set that no key may sign yet or that
// of the one which signed then only the public half is left.
func (r *Ring) SigningKey() (*Key, error) {
	s, err := r.now()
	if err != nil {
		return nil, err
	}
	return s.signingKey()
}

// Lookup implements [Source], for the pending, the active and the retiring keys:
// another replica, whose clock is ahead, may sign with a key that is pending
// here. It returns no private keys, and fails for the zero Ring.
func (r *Ring) Lookup(_ context.Context, h Header) ([]*Key, error) {
	found, err := r.lookup(h)
	return slices.Clone(found), err
}

func (r *Ring) lookup(h Header) ([]*Key, error) {
	s, err := r.now()
	if err != nil {
		return nil, err
	}
	return s.public.candidates(h), nil
}

// A KeyState is what an operator may know of a key in a [Ring]. It holds no key.
type KeyState struct {
	ID        string    `json:"kid"` // empty: a secret without an id
	Algorithm Algorithm `json:"alg"`
	State     string    `json:"state"`              // pending, active or retiring
	SignsFrom time.Time `json:"signsFrom,omitzero"` // zero: active since the ring was made, or retiring since then
	DroppedAt time.Time `json:"droppedAt,omitzero"` // zero: not before another key follows it
}

// States is the state of each key at this instant, the oldest first. The zero
// Ring has none.
func (r *Ring) States() []KeyState {
	s, err := r.now()
	if err != nil {
		return nil
	}
	return s.states()
}

// KeepFor tells the ring that tokens signed with it live for up to d. The
// largest value counts, for each rotation from then on; zero and less say
// nothing. While nobody has told it, a ring assumes 120 months. An issuer calls
// it when it is made; so has to do whoever signs without one. On each replica
// that rotates it must be told the longest lifetime of them all.
func (r *Ring) KeepFor(d time.Duration) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keep = max(r.keep, d)
}

// hold is how many seconds a key verifies after it has signed for the last time:
// a token is accepted until its expiry, and by the leeway longer.
func (r *Ring) hold() int64 {
	keep := r.keep
	if keep <= 0 {
		keep = assumedLifetime
	}
	return int64((keep-1)/time.Second) + 1 + int64(maxLeeway/time.Second)
}

// Rotate brings in the key that signs next: what [NewRing] takes as active. It
// is published at once and signs after the publish delay. At that instant the
// key before it begins to retire, and is dropped once the longest lifetime and
// five minutes, the largest leeway of a verifier, have passed.
//
// Rotate may be called while a key is pending: each key signs from its own
// instant until that of the next, in the order of the calls, even if the clock
// was set back between them. Refused are a key that does not sign, one that the
// ring has already, be it under another id or algorithm, a second key with an id
// and algorithm, and a 101st key.
func (r *Ring) Rotate(next *Key) error {
	return r.change(func(s *snapshot, now time.Time) ([]entry, error) {
		switch {
		case !next.usable():
			return nil, errNoMaterial
		case !next.m().signs:
			return nil, fmt.Errorf("the next %s key does not sign: use a private key or a secret", next.alg)
		}
		named, err := nameByThumbprint(next)
		if err != nil {
			return nil, err
		}
		all := []*Key{named}
		for _, e := range s.live {
			if e.key.sameMaterial(named) {
				return nil, errors.New("the ring has this key already: use a new one")
			}
			all = append(all, e.key)
		}
		if err := errors.Join(checkRing(all)...); err != nil {
			return nil, err
		}
		e, err := newEntry(named)
		if err != nil {
			return nil, err
		}
		entries := s.followedBy(e, instantAfter(now, r.delay), r.hold())
		return entries, checkDates(entries)
	})
}

// instantAfter is the first whole second, which is all that a JWK can say, by
// which a delay has passed; without a delay it is the one that has begun.
func instantAfter(now time.Time, delay time.Duration) int64 {
	t := now.Add(delay)
	if delay > 0 && t.Nanosecond() > 0 {
		return t.Unix() + 1
	}
	return t.Unix()
}

// Remove takes a leaked key out of the ring, under every algorithm that it has
// the id for: from now on it neither signs nor verifies here, and is not
// published. Verifiers elsewhere may go on with it for as long as they cache the
// JWK set, and replicas until they take the new one over.
//
// If it was the active one, the key that would sign next does so at once,
// published for long enough or not. Where none is pending Remove is refused: a
// key that has retired never signs again, so call [Ring.Rotate] first. If it was
// pending, the key before it goes on. If it has signed, the key after it counts
// as signing from the removed one's instant, and is shown so by [Ring.States].
//
// An id that no key has is an error, and so is an empty one: a secret without an
// id is left behind by making a new ring.
func (r *Ring) Remove(kid string) error {
	return r.change(func(s *snapshot, _ time.Time) ([]entry, error) {
		if kid == "" {
			return nil, errors.New("an id is empty: a secret without an id cannot be removed, make a new ring without it")
		}
		return s.without(kid, r.hold())
	})
}

var (
	errUnknownID   = errors.New("the ring has no key with this id")
	errRotateFirst = errors.New("no other key could sign: call Rotate with a new one first, then Remove")
	errSerial      = errors.New("the ring cannot be changed again: its serial is at its end, make a new ring")
)

// change makes the ring's next set of what edit returns.
func (r *Ring) change(edit func(*snapshot, time.Time) ([]entry, error)) error {
	if r == nil || r.state.Load() == nil {
		return errNoRing
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.clock()
	s := r.state.Load().at(now.Unix())
	entries, err := edit(s, now)
	if err == nil && s.serial == maxSerial {
		err = errSerial
	}
	if err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	r.state.Store(newSnapshot(s.serial+1, entries, now.Unix()))
	return nil
}
