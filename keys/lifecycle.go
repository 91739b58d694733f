package keys

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// An entry is a key in a ring and its two instants, in Unix seconds.
type entry struct {
	key    *Key           // with its private part, if that is here
	public *Key           // what verifiers get, never with a private part; a secret is its own
	jwk    jsontext.Value // of public; nil for a secret
	inLine bool           // it signs from nbf until the next in line does; else it only verifies
	nbf    int64
	exp    int64 // it is gone from then on; 0: only of the last in line
}

func newEntry(k *Key) (entry, error) {
	e := entry{key: k, public: verifyOnly(k)}
	if k.symmetric() {
		return e, nil
	}
	var err error
	e.jwk, err = encodeJWK(k)
	return e, err
}

// A snapshot is what a ring is from one instant to another, a function of its
// entries and the clock. It is immutable.
//
// The entries that only verify come first, then the line, in the order in which
// its keys sign. An entry in line is never dropped before the next one signs, and
// the last one has no exp: if one has begun to sign, one always does.
type snapshot struct {
	serial  int64
	entries []entry

	from, until int64   // in Unix seconds: until is not in it
	live        []entry // those that are not gone
	active      int     // its index in live; -1: none may sign yet
	public      *set
	jwks        []byte
	etag        string
}

// at is the snapshot of the same entries at another instant.
func (s *snapshot) at(now int64) *snapshot {
	if s.from <= now && now < s.until {
		return s
	}
	return newSnapshot(s.serial, s.entries, now)
}

func newSnapshot(serial int64, entries []entry, now int64) *snapshot {
	s := &snapshot{serial: serial, entries: entries, from: math.MinInt64, until: math.MaxInt64, active: -1}
	boundary := func(t int64) {
		if t <= now {
			s.from = max(s.from, t)
		} else {
			s.until = min(s.until, t)
		}
	}
	var (
		public []*Key
		jwks   [][]byte
	)
	for _, e := range entries {
		if e.exp != 0 {
			boundary(e.exp)
			if e.exp <= now {
				continue
			}
		}
		if e.inLine {
			boundary(e.nbf)
			if e.nbf <= now {
				s.active = len(s.live)
			}
		}
		s.live = append(s.live, e)
		public = append(public, e.public)
		if e.jwk != nil {
			jwks = append(jwks, e.jwk)
		}
	}
	if s.active > 0 {
		// Most tokens are the active key's; one without kid is tried with it first.
		public = slices.Concat(public[s.active:s.active+1], public[:s.active], public[s.active+1:])
	}
	s.public = newSet(public)
	s.jwks = slices.Concat([]byte(`{"keys":[`), bytes.Join(jwks, []byte(",")), []byte("]}"))
	sum := sha256.Sum256(s.jwks)
	s.etag = `"` + base64.RawURLEncoding.EncodeToString(sum[:]) + `"`
	return s
}

func (s *snapshot) signingKey() (*Key, error) {
	if s.active < 0 {
		return nil, errNobody
	}
	k := s.live[s.active].key
	if !k.m().signs {
		return nil, errNoPrivate
	}
	return k, nil
}

func (s *snapshot) states() []KeyState {
	states := make([]KeyState, len(s.live))
	for i, e := range s.live {
		state := "retiring"
		switch {
		case i == s.active:
			state = "active"
		case e.inLine && i > s.active:
			state = "pending"
		}
		states[i] = KeyState{ID: e.key.id, Algorithm: e.key.alg, State: state, SignsFrom: date(e.nbf), DroppedAt: date(e.exp)}
	}
	return states
}

func date(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

// followedBy is the live entries with next at the end of the line, to sign from
// nbf on, and the one before it dropped hold seconds later.
func (s *snapshot) followedBy(next entry, nbf, hold int64) []entry {
	entries := slices.Clone(s.live)
	last := &entries[len(entries)-1]
	// A clock that was set back must not put the key before those it follows.
	next.nbf, next.inLine = max(nbf, last.nbf), true
	last.exp = dropAt(next.nbf, hold)
	return append(entries, next)
}

// without is the live entries without those of an id.
func (s *snapshot) without(kid string, hold int64) ([]entry, error) {
	gone := func(e entry) bool { return e.key.id == kid }
	stays := func(e entry) bool { return !gone(e) }
	if !slices.ContainsFunc(s.live, gone) {
		return nil, errUnknownID
	}
	var (
		left   []entry
		vacant *entry // a removed one that has begun to sign
	)
	for i, e := range s.live {
		if gone(e) {
			if e.inLine && i <= s.active && vacant == nil {
				vacant = &s.live[i]
			}
			continue
		}
		if vacant != nil {
			// The next in line signs from the instant of the removed one, not from now:
			// on a replica whose clock is behind an earlier key, which has retired,
			// would sign again, and be dropped before its tokens have expired.
			e.nbf, vacant = vacant.nbf, nil
		}
		if after := i + 1; e.inLine && after > s.active && after < len(s.live) && gone(s.live[after]) {
			// The pending key that it would have made room for does not come.
			e.exp = 0
			if next := slices.IndexFunc(s.live[after:], stays); next >= 0 {
				e.exp = dropAt(s.live[after+next].nbf, hold)
			}
		}
		left = append(left, e)
	}
	if vacant != nil || len(left) == 0 || !left[len(left)-1].inLine {
		return nil, errRotateFirst
	}
	return left, nil
}

const (
	maxDate   = 253402300799 // the end of the year 9999, the last that RFC 3339 can write
	maxSerial = 1<<53 - 1    // RFC 8259 section 6: what every JSON reader keeps exactly
)

// dropAt is the exp of a key whose follower signs from nbf on.
func dropAt(nbf, hold int64) int64 { return min(nbf+hold, maxDate) }

// checkDates refuses what a saved set could not say.
func checkDates(entries []entry) error {
	for _, e := range entries {
		if e.nbf < 0 || e.nbf > maxDate || e.exp < 0 || e.exp > maxDate {
			return errors.New("an instant is before 1970 or after 9999: check the clock")
		}
	}
	return nil
}
