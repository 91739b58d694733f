// Package revoked holds revocations in memory: which tokens, sessions and
// subjects of which issuers were taken back, and until when that matters.
package revoked

import (
	"errors"
	"hash/maphash"
	"math"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"
)

// A Kind is what an entry is about.
type Kind uint8

const (
	Token   Kind = iota // by its jti
	Session             // by its sid
	Subject             // by its sub, and the instant of its issue
)

// An Entry is one revocation.
type Entry struct {
	Kind   Kind
	Issuer string
	ID     string    // jti, sid or sub
	Before time.Time // of a Subject: tokens issued at this instant or earlier
	Until  time.Time // when none of them is valid any more; zero: never
}

// ErrEntry is the error of NewEntry.
var ErrEntry = errors.New("not one of an id, a session and a subject with an instant")

// NewEntry returns the entry for exactly one of an id, a session and a subject
// with an instant.
func NewEntry(issuer, id, session, subject string, before, until time.Time) (Entry, error) {
	e := Entry{Issuer: issuer, Before: before, Until: until}
	switch {
	case id != "" && session == "" && subject == "" && before.IsZero():
		e.Kind, e.ID = Token, id
	case id == "" && session != "" && subject == "" && before.IsZero():
		e.Kind, e.ID = Session, session
	case id == "" && session == "" && subject != "" && !before.IsZero():
		e.Kind, e.ID = Subject, subject
	default:
		return Entry{}, ErrEntry
	}
	return e, nil
}

// shards keep it short that all entries of one are moved: only one is locked at
// a time.
const shards = 64

// A Table is a set of entries. It keeps 128 bits of a seeded hash instead of
// names, so that an entry takes the same few bytes whatever its names are, and
// nobody can choose names that collide. The zero Table is empty and ready; it is
// safe for concurrent use.
type Table struct {
	once  sync.Once
	seeds [2][2]maphash.Seed // of issuers and of ids, which are the same text at times
	kinds [Subject + 1]kind
}

// A kind has entries of its own: most tables hold few sessions and subjects, and
// to find that out must not cost a look into a million tokens.
type kind struct {
	size   atomic.Int64
	shards [shards]shard
}

// A shard is an open hash table in one piece of memory, where a name that is not
// there, as nearly all are, costs one look into it: half of what a map does.
// Nothing is ever taken out of it. When it is full its entries move to another
// one, but for those that are outlived.
type shard struct {
	mu    sync.RWMutex
	slots []slot // a quarter of them empty at least, which is where a search ends
	used  int
}

// A slot is empty if its key is zero, as no name's is but by a chance of 2^-128.
type slot struct {
	key key
	entry
}

type key [2]uint64

func (k key) of(other key) key { return key{k[0] ^ other[0], k[1] ^ other[1]} }

// An entry holds Unix seconds, rounded so that it cuts and lives too long by less
// than one, never too short.
type entry struct{ before, until int64 }

func (t *Table) issuer(name string) key {
	t.once.Do(func() {
		for i := range t.seeds {
			t.seeds[i] = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}
		}
	})
	return hash(t.seeds[0], name)
}

func (t *Table) id(name string) key { return hash(t.seeds[1], name) }

func hash(seeds [2]maphash.Seed, text string) key {
	return key{maphash.String(seeds[0], text), maphash.String(seeds[1], text)}
}

func (k *kind) shard(of key) *shard { return &k.shards[of[0]%shards] }

// Add adds an entry, or extends the one that is there: a revocation is never
// taken back. It reports whether anything changed.
func (t *Table) Add(e Entry, now time.Time) bool {
	k := t.issuer(e.Issuer).of(t.id(e.ID))
	kind := &t.kinds[e.Kind]
	s := kind.shard(k)
	added := entry{before: math.MinInt64, until: math.MaxInt64}
	if !e.Before.IsZero() {
		added.before = e.Before.Unix()
	}
	if !e.Until.IsZero() {
		added.until = e.Until.Add(time.Second).Unix()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.find(k); old != nil {
		extended := entry{max(added.before, old.before), max(added.until, old.until)}
		changed := extended != old.entry
		old.entry = extended
		return changed
	}
	used := s.used
	if 4*(used+1) > 3*len(s.slots) {
		s.move(now.Unix())
	}
	s.insert(slot{k, added})
	kind.size.Add(int64(s.used - used))
	return true
}

// Revoked reports whether a token was taken back, by its own id, its session or
// its subject. An empty name is none. A token without an instant of its issue may
// be of any.
func (t *Table) Revoked(issuer, id, session, subject string, issued time.Time) bool {
	of := t.issuer(issuer)
	if _, ok := t.find(Token, of, id); ok {
		return true
	}
	if _, ok := t.find(Session, of, session); ok {
		return true
	}
	cut, ok := t.find(Subject, of, subject)
	return ok && (issued.IsZero() || issued.Unix() <= cut.before)
}

func (t *Table) find(k Kind, issuer key, id string) (entry, bool) {
	kind := &t.kinds[k]
	if id == "" || kind.size.Load() == 0 {
		return entry{}, false
	}
	name := issuer.of(t.id(id))
	s := kind.shard(name)
	s.mu.RLock()
	defer s.mu.RUnlock()
	if found := s.find(name); found != nil {
		return found.entry, true
	}
	return entry{}, false
}

// Len returns the number of entries, outlived ones that were not dropped yet
// included.
func (t *Table) Len() int {
	n := int64(0)
	for i := range t.kinds {
		n += t.kinds[i].size.Load()
	}
	return int(n)
}

// first is where the search for a key begins. Its other half has chosen the shard.
func (s *shard) first(k key) int {
	high, _ := bits.Mul64(k[1], uint64(len(s.slots)))
	return int(high)
}

func (s *shard) next(i int) int {
	if i++; i < len(s.slots) {
		return i
	}
	return 0
}

func (s *shard) find(k key) *slot {
	if s.used == 0 {
		return nil
	}
	for i := s.first(k); s.slots[i].key != (key{}); i = s.next(i) {
		if s.slots[i].key == k {
			return &s.slots[i]
		}
	}
	return nil
}

func (s *shard) insert(added slot) {
	i := s.first(added.key)
	for s.slots[i].key != (key{}) {
		i = s.next(i)
	}
	s.slots[i] = added
	s.used++
}

// move takes the entries that are not outlived to twice their space, so that an
// entry costs constant time on average and no goroutine.
func (s *shard) move(now int64) {
	old := s.slots
	live := func(s slot) bool { return s.key != (key{}) && s.until >= now }
	n := 0
	for _, s := range old {
		if live(s) {
			n++
		}
	}
	s.slots, s.used = make([]slot, max(16, 2*n)), 0
	for _, entry := range old {
		if live(entry) {
			s.insert(entry)
		}
	}
}
