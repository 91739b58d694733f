package keys

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// A savedRing is a JWK set (RFC 7517 section 5) whose keys state from when they
// sign, nbf, and when they are gone, exp, as a token does (RFC 7519 sections
// 4.1.4 and 4.1.5). A key without nbf only verifies.
type savedRing struct {
	Keys   []jsontext.Value `json:"keys"`
	Serial int64            `json:"serial"` // grows with each change
}

// Save writes the ring for [OpenRing] and [Ring.Replace], as a JWK set with
// private keys and secrets.
//
// THE RESULT IS A SECRET: whoever reads it can sign tokens. Keep it where
// passwords are kept, readable for this program alone; encrypting it is the
// caller's affair. Keys behind a [crypto.Signer] are in it as their public
// halves: see [WithSigners]. The options of the ring and what [Ring.KeepFor] was
// told are not in it.
//
// The same ring gives the same bytes, until it is changed or a key is dropped.
// Save fails for the zero Ring.
func (r *Ring) Save() ([]byte, error) {
	s, err := r.now()
	if err != nil {
		return nil, err
	}
	saved := savedRing{Serial: s.serial}
	for _, e := range s.live {
		text, err := e.save()
		if err != nil {
			return nil, fmt.Errorf("keys: %w", err)
		}
		saved.Keys = append(saved.Keys, text)
	}
	text, err := json.Marshal(saved)
	if err != nil {
		return nil, fmt.Errorf("keys: %w", errNoJWK)
	}
	return text, nil
}

func (e entry) save() (jsontext.Value, error) {
	text, err := encodePrivateJWK(e.key)
	if err != nil {
		return nil, err
	}
	m, err := readMembers(text)
	if err != nil {
		return nil, err
	}
	if e.inLine {
		m["nbf"] = jsontext.Value(strconv.FormatInt(e.nbf, 10))
	}
	if e.exp != 0 {
		m["exp"] = jsontext.Value(strconv.FormatInt(e.exp, 10))
	}
	// A secret may be for one of the two alone (RFC 7517 section 4.3).
	if e.key.symmetric() && !e.key.m().signs {
		m["key_ops"] = jsontext.Value(`["verify"]`)
	}
	return json.Marshal(m, json.Deterministic(true))
}

// OpenRing makes a ring of what [Ring.Save] wrote. It takes the options of
// [NewRing] except [WithRetiring], and [WithSigners] for the keys that are not
// in the data.
//
// It is refused if it is not a set in Save's form, or if a key that signs
// now or later has no private part. Nothing tells an old set from a new one here:
// that it is the newest is the caller's affair. Errors never quote the data.
func OpenRing(data []byte, opts ...RingOption) (*Ring, error) {
	o := applyRingOptions(opts)
	o.forbid("WithRetiring", "WithRetiring, but the saved set has its own retiring keys: leave it out")
	if err := errors.Join(o.list...); err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	r := &Ring{clock: o.clock, delay: o.delay, signers: o.signers}
	s, err := openSaved(data, r.signers, r.clock().Unix())
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	r.state.Store(s)
	return r, nil
}

// Replace makes the ring what [Ring.Save] wrote on another replica, at once and
// as a whole: a key that the new set lacks is gone. The keys behind a
// [crypto.Signer] are those that the ring has or was given with [WithSigners],
// here too, which is the one option that it takes.
//
// A set with the serial that the ring has changes nothing, and is refused if it
// has other keys: two replicas changed the ring at one time, and one of them has
// to do so again. Only where both changed it equally often is that noticed: of
// two lines of changes the longer one wins, and a key that was removed in the
// other is back. An older set is refused, and so is all that [OpenRing] refuses.
// The ring then stays as it was.
func (r *Ring) Replace(data []byte, opts ...RingOption) error {
	o := applyRingOptions(opts)
	for _, name := range []string{"WithRetiring", "WithClock", "WithPublishDelay"} {
		o.forbid(name, name+", but Replace takes WithSigners alone: leave it out")
	}
	if err := errors.Join(o.list...); err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	if r == nil || r.state.Load() == nil {
		return errNoRing
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.clock().Unix()
	current := r.state.Load().at(now)
	signers := slices.Concat(o.signers, r.signers)
	for _, e := range current.live {
		if e.key.private() {
			signers = append(signers, e.key)
		}
	}
	next, err := openSaved(data, signers, now)
	if err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	switch {
	case next.serial < current.serial:
		return errStale
	case next.serial == current.serial && !slices.EqualFunc(lasting(next.live, now), lasting(current.live, now), entry.equal):
		return errConflict
	}
	r.signers = mergeSigners(r.signers, o.signers)
	if next.serial > current.serial {
		r.state.Store(next)
	}
	return nil
}

var (
	errStale    = errors.New("keys: the set is older than the ring's: load the newest one")
	errConflict = errors.New("keys: the set has the ring's serial and other keys: two replicas changed the ring at one time, load one's set and repeat the other's change")
)

func mergeSigners(known, given []*Key) []*Key {
	merged := slices.Clone(known)
	for _, k := range given {
		if !slices.ContainsFunc(merged, k.Equal) {
			merged = append(merged, k)
		}
	}
	return merged
}

// lasting leaves out the entries that a replica may have dropped already, whose
// clock is ahead of this one's.
func lasting(entries []entry, now int64) []entry {
	return slices.DeleteFunc(slices.Clone(entries), func(e entry) bool {
		return e.exp != 0 && e.exp <= now+int64(maxLeeway/time.Second)
	})
}

// equal reports whether two entries do the same. That one of them has a private
// part which the other lacks is no difference between the sets.
func (e entry) equal(other entry) bool {
	return e.public.Equal(other.public) && e.inLine == other.inLine && e.nbf == other.nbf && e.exp == other.exp
}

var errSaved = errors.New("the data is not a ring that Save wrote: it is no JSON object of keys and serial")

func openSaved(data []byte, signers []*Key, now int64) (*snapshot, error) {
	m, err := readMembers(data)
	if err != nil || len(m) != 2 || m["keys"] == nil {
		return nil, errSaved
	}
	serial, ok, err := m.integer("serial", maxSerial)
	if err != nil {
		return nil, err
	}
	if !ok || serial == 0 {
		return nil, errSaved
	}
	values, err := m.keySet()
	if err != nil {
		return nil, err
	}
	var (
		entries []entry
		keys    []*Key
	)
	for i, value := range values {
		e, err := openEntry(value, signers)
		if err != nil {
			return nil, fmt.Errorf("key %d of the set: %w", i+1, err)
		}
		entries, keys = append(entries, e), append(keys, e.key)
	}
	if err := errors.Join(checkRing(keys)...); err != nil {
		return nil, err
	}
	if err := checkLine(entries); err != nil {
		return nil, err
	}
	s := newSnapshot(serial, entries, now)
	if s.active < 0 {
		return nil, errors.New("no key of the set may sign at this instant: check the clock, which is behind the set")
	}
	for _, e := range s.live[s.active:] {
		if !e.key.m().signs {
			return nil, errors.New("a key of the set that signs now or later has no private part: give it with WithSigners")
		}
	}
	return s, nil
}

func openEntry(value jsontext.Value, signers []*Key) (entry, error) {
	m, err := readMembers(value)
	if err != nil {
		return entry{}, err
	}
	nbf, inLine, err := m.integer("nbf", maxDate)
	if err != nil {
		return entry{}, err
	}
	exp, dropped, err := m.integer("exp", maxDate)
	if err != nil {
		return entry{}, err
	}
	if dropped && exp == 0 {
		return entry{}, errors.New("exp is zero")
	}
	// Here a key that is foreign is one that was lost.
	k, err := parseJWK(value, "")
	if err != nil {
		return entry{}, err
	}
	if k, err = nameByThumbprint(k); err != nil {
		return entry{}, err
	}
	switch {
	case !inLine && !k.m().verifies:
		return entry{}, errors.New("it neither signs nor verifies")
	case !inLine:
		k = verifyOnly(k)
	case !k.m().signs && !k.symmetric():
		if i := slices.IndexFunc(signers, func(s *Key) bool { return s.Public().Equal(k) }); i >= 0 {
			k = signers[i]
		}
	}
	e, err := newEntry(k)
	e.inLine, e.nbf, e.exp = inLine, nbf, exp
	return e, err
}

// checkLine refuses entries that are not in the order that a snapshot wants, or
// that would leave an instant at which nobody signs.
func checkLine(entries []entry) error {
	if len(entries) == 0 || !entries[len(entries)-1].inLine {
		return errors.New("no key of the set signs: its last one has no nbf")
	}
	for i, e := range entries {
		switch last := i == len(entries)-1; {
		case last && e.exp != 0:
			return errors.New("the last key of the set has exp: nobody would sign from then on")
		case last:
		case e.exp == 0:
			return errors.New("a key of the set that is not its last one has no exp")
		case !e.inLine:
		case !entries[i+1].inLine || entries[i+1].nbf < e.nbf:
			return errors.New("the keys of the set are not in the order in which they sign")
		case e.exp < entries[i+1].nbf:
			return errors.New("a key of the set is dropped before the next one signs")
		}
	}
	return nil
}
