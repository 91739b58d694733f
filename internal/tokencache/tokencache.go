// Package tokencache remembers what was found out about tokens, by their whole
// text. It knows nothing of tokens but that their last characters are those of a
// signature, and decides nothing: what it gives back was true when it was put in.
package tokencache

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// A Cache holds values in a number of bytes that it never exceeds. Readers take
// no lock and allocate nothing, writers never wait, and nothing runs in the
// background. A nil Cache is one that remembers nothing.
//
// It is a table of sets of eight. Room is made by a hand that goes round the
// sets: an entry stays for as many rounds as it was read since, seven at most,
// and then goes. While there is no room a token gets in when it comes for the
// second time, so that tokens which come once push out none that come again.
type Cache[V any] struct {
	limit int64 // of used
	sets  int   // of the table, a power of two
	seed  maphash.Seed
	table atomic.Pointer[table[V]] // nil until something is put in
	used  atomic.Int64             // what the entries of the table take

	mu   sync.Mutex // for who adds; never waited for
	hand uint64     // the set that was looked at last
}

type table[V any] struct {
	sets []set[V]
	door doorkeeper
}

const ways = 8

type set[V any] [ways]atomic.Pointer[Entry[V]] // a cache line

// An Entry does not change, but for uses. What is compared comes first, in one
// cache line. Its value is shared: nobody may write to it.
type Entry[V any] struct {
	hash        uint64
	token       string
	from, until int64 // nanoseconds since 1970: from <= now < until
	uses        atomic.Uint32
	size        int64
	Value       V
}

const (
	maxUses = 7

	// slotBytes is less than any token takes, so that sets have room to differ.
	slotBytes = 512
	// maxSets bounds the table for budgets that nobody has: eight million tokens.
	maxSets = 1 << 20
	// maxShare: an entry of more than one part in so many pushes out too much.
	maxShare = 8
	// maxSteps is how many sets one entry may look for room in. It bounds the work
	// of a request, and where all is in use the newcomer is what can wait.
	maxSteps = 16
)

// New returns a Cache that takes at most bytes, its table included; nil for less
// than one.
func New[V any](bytes int64) *Cache[V] {
	if bytes < 1 {
		return nil
	}
	sets := 1
	for sets < maxSets && int64(sets) < bytes/(ways*slotBytes) {
		sets *= 2
	}
	c := &Cache[V]{sets: sets, seed: maphash.MakeSeed()}
	c.limit = max(0, bytes-int64(sets)*int64(unsafe.Sizeof(set[V]{})+doorBytes))
	return c
}

// Find returns what was put in last for exactly this token. Nil: nothing was, or
// it is not held any more. It is to be served only if [Cache.Use] says so.
func (c *Cache[V]) Find(token string) *Entry[V] {
	if c == nil {
		return nil
	}
	t := c.table.Load()
	if t == nil {
		return nil
	}
	h := c.hash(token)
	s := t.at(h)
	for i := range s {
		e := s[i].Load()
		// The hash comes first. It is of what nobody can guess, the signature, by a
		// seed that nobody knows: so the time that the comparison of the texts takes
		// says something to those alone who have the token.
		if e != nil && e.hash == h && e.token == token {
			return e
		}
	}
	return nil
}

// Use reports whether it is an entry's time. One whose time it is not is held no
// longer.
func (c *Cache[V]) Use(e *Entry[V], now time.Time) bool {
	if !e.in(now) {
		s := c.table.Load().at(e.hash)
		for i := range s {
			if s[i].Load() == e {
				c.drop(&s[i], e)
			}
		}
		return false
	}
	// Soon nothing is written any more: cores that read one entry keep its line.
	// That an increment gets lost between two of them does not matter.
	if uses := e.uses.Load(); uses < maxUses {
		e.uses.Store(uses + 1)
	}
	return true
}

// Admit returns an entry for a token, which it copies, from an instant to right
// before another: for a value to be written into and [Cache.Put] to hold. It is nil
// where that has no prospect, so that no value is made in vain. Size is what the
// value takes beside itself.
func (c *Cache[V]) Admit(token string, size int, from, until time.Time) *Entry[V] {
	if c == nil || !countable(from) || !countable(until) || !from.Before(until) {
		return nil
	}
	n := c.size(token, size)
	if n > c.limit/maxShare {
		return nil
	}
	h := c.hash(token)
	if t := c.table.Load(); t != nil && !c.wants(t, h, n, from) {
		return nil
	}
	// The copy is as long as the token. What it was cut from may be anything.
	text := append(make([]byte, 0, len(token)), token...)
	return &Entry[V]{
		hash: h, token: unsafe.String(unsafe.SliceData(text), len(text)),
		from: from.UnixNano(), until: until.UnixNano(), size: n,
	}
}

// wants reports whether there is room for an entry, or a reason to make some.
func (c *Cache[V]) wants(t *table[V], h uint64, size int64, now time.Time) bool {
	s := t.at(h)
	if c.hasRoom(s, h, size) {
		return true
	}
	// Tokens that nobody sends any more end where they are. Without this they
	// would keep the table full, and every new token out until it came again.
	if c.mu.TryLock() {
		c.clean(s, now, false)
		c.clean(c.next(t), now, false)
		c.mu.Unlock()
		if c.hasRoom(s, h, size) {
			return true
		}
	}
	return t.door.knows(h)
}

// hasRoom reports whether an entry may go into a set without another having to
// leave it, but for the one of the same token.
func (c *Cache[V]) hasRoom(s *set[V], h uint64, size int64) bool {
	room := false
	for i := range s {
		e := s[i].Load()
		if e != nil && e.hash == h {
			return true
		}
		room = room || e == nil
	}
	return room && c.used.Load()+size <= c.limit
}

// Put holds an entry that Admit returned. Nobody may write to it any more. It may
// fail to, for one of the reasons of a cache.
func (c *Cache[V]) Put(e *Entry[V]) {
	// Who is being served does not wait for the benefit of later requests. With one
	// writer at a time the bytes are exact and no token has two entries.
	if !c.mu.TryLock() {
		return
	}
	defer c.mu.Unlock()
	t := c.table.Load()
	if t == nil {
		t = &table[V]{make([]set[V], c.sets), make(doorkeeper, c.sets*doorWays)}
		c.table.Store(t)
	}
	from := time.Unix(0, e.from)
	s := t.at(e.hash)
	c.clean(s, from, false)
	for i := range s {
		if old := s[i].Load(); old != nil && old.hash == e.hash && old.token == e.token {
			c.drop(&s[i], old)
		}
	}
	for range maxSteps {
		if c.used.Load()+e.size <= c.limit {
			break
		}
		c.clean(c.next(t), from, true)
	}
	// Nobody else adds, and an entry counts from before it is there until after it
	// is gone: at no instant is there more than the limit.
	if c.used.Load()+e.size > c.limit {
		return
	}
	c.used.Add(e.size)
	slot := s.place()
	if old := slot.Swap(e); old != nil {
		c.used.Add(-old.size)
	}
}

// next is the set that the hand comes to.
func (c *Cache[V]) next(t *table[V]) *set[V] {
	c.hand++
	return t.at(c.hand)
}

// clean lets go of what has ended in a set, and if the rest has to age, of what
// was not read since it last did.
func (c *Cache[V]) clean(s *set[V], now time.Time, age bool) {
	for i := range s {
		e := s[i].Load()
		if e == nil {
			continue
		}
		uses := e.uses.Load()
		switch {
		case !e.in(now), age && uses == 0:
			c.drop(&s[i], e)
		case age:
			e.uses.Store(uses - 1)
		}
	}
}

// drop takes an entry away, unless somebody else just did.
func (c *Cache[V]) drop(slot *atomic.Pointer[Entry[V]], e *Entry[V]) {
	if slot.CompareAndSwap(e, nil) {
		c.used.Add(-e.size)
	}
}

// place is where a new entry goes: what was read least makes room for it, and
// the others age by as much.
func (s *set[V]) place() *atomic.Pointer[Entry[V]] {
	least, fewest := 0, uint32(maxUses+1)
	for i := range s {
		e := s[i].Load()
		if e == nil {
			return &s[i]
		}
		if uses := e.uses.Load(); uses < fewest {
			least, fewest = i, uses
		}
	}
	for i := range s {
		if e := s[i].Load(); e != nil {
			e.uses.Store(max(e.uses.Load(), fewest) - fewest)
		}
	}
	return &s[least]
}

// in reports whether an entry is to be served. A clock that was set back to
// before it was made would have it live for longer than it was given.
func (e *Entry[V]) in(now time.Time) bool {
	n := now.UnixNano()
	return e.from <= n && n < e.until && countable(now)
}

// countable is false for what int64 nanoseconds do not reach.
func countable(t time.Time) bool {
	const years = 290 * 365 * 24 * 60 * 60
	return -years < t.Unix() && t.Unix() < years
}

func (t *table[V]) at(h uint64) *set[V] { return &t.sets[h&uint64(len(t.sets)-1)] }

// size is what an entry takes of the heap, with what the allocator's size classes
// add to it.
func (c *Cache[V]) size(token string, value int) int64 {
	n := int64(unsafe.Sizeof(Entry[V]{})) + int64(len(token)) + int64(value)
	return n + n/8
}

// tail is how many characters of a token are hashed: 192 bits of the signature,
// in which no two tokens agree by chance. Only who has the key can make them, and
// by the seed not even he chooses which tokens share a set.
const tail = 32

func (c *Cache[V]) hash(token string) uint64 {
	return maphash.String(c.seed, token[max(0, len(token)-tail):])
}
