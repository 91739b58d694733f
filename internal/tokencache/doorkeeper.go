package tokencache

import "sync/atomic"

// A doorkeeper remembers which tokens it has seen of late, by half of their
// hash; the other half says where. One that comes for the first time takes the
// place of another, so that each is forgotten in the end.
type doorkeeper []atomic.Uint32 // their number is a power of two

const (
	// doorWays is how many tokens are remembered for each set of the table. Between
	// two requests with one token ten others may come for each that has an entry.
	doorWays  = 4 * ways
	doorBytes = doorWays * 4
)

// knows reports whether this hash came before, and remembers that it did.
func (d doorkeeper) knows(hash uint64) bool {
	place, mark := &d[hash>>32&uint64(len(d)-1)], uint32(hash)
	if place.Load() == mark {
		return true
	}
	place.Store(mark)
	return false
}
