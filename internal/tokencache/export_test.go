package tokencache

import (
	"sync/atomic"
	"unsafe"
)

// Used is what the cache believes to hold, Held what its entries add up to.
func (c *Cache[V]) Used() int64 { return c.used.Load() }

func (c *Cache[V]) Held() (bytes int64, entries int) {
	t := c.table.Load()
	if t == nil {
		return 0, 0
	}
	for s := range t.sets {
		for i := range t.sets[s] {
			if e := t.sets[s][i].Load(); e != nil {
				bytes, entries = bytes+e.size, entries+1
			}
		}
	}
	return bytes, entries
}

// Limit is what is left of the budget for entries.
func (c *Cache[V]) Limit() int64 { return c.limit }

// Table is what the table takes.
func (c *Cache[V]) Table() int64 {
	return int64(c.sets) * int64(unsafe.Sizeof(set[V]{})+doorWays*unsafe.Sizeof(atomic.Uint32{}))
}

// Fixed is what an entry takes for a token and a value of no length.
func (c *Cache[V]) Fixed() int64 { return int64(unsafe.Sizeof(Entry[V]{})) }

// SetOf is where a token goes.
func (c *Cache[V]) SetOf(token string) int { return int(c.hash(token) & uint64(c.sets-1)) }

// Sets is how many there are.
func (c *Cache[V]) Sets() int { return c.sets }
