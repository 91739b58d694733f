package accounts

import "slices"

// A lossyMap has a limit. What is worth nothing is dropped whenever the entries
// have doubled in number, and the quarter that is worth least when it is full, so
// that an entry costs little on average and no goroutine.
type lossyMap[K comparable, V any] struct {
	entries map[K]V
	sweepAt int
}

// reserve makes room for n entries.
func (m *lossyMap[K, V]) reserve(n, limit int, worth func(K, V) int64) {
	if m.entries == nil {
		m.entries = make(map[K]V)
	}
	if len(m.entries)+n <= min(limit, max(m.sweepAt, 1024)) {
		return
	}
	ranks := make([]int64, 0, len(m.entries)) // of those that stay
	for k, v := range m.entries {
		if w := worth(k, v); w > 0 {
			ranks = append(ranks, w)
		}
	}
	slices.Sort(ranks)
	if len(m.entries)+n > limit {
		ranks = ranks[max(0, len(ranks)-limit/4*3):]
	}
	m.entries = best(m.entries, ranks, worth)
	m.sweepAt = 2 * len(m.entries)
}

// best returns as many of the entries as there are ranks, which are sorted and
// the highest. It makes a new map: one that is deleted from and added to for long
// takes several times the memory.
func best[K comparable, V any](entries map[K]V, ranks []int64, worth func(K, V) int64) map[K]V {
	kept := make(map[K]V, len(ranks))
	if len(ranks) == 0 {
		return kept
	}
	least := ranks[0]
	ties, _ := slices.BinarySearch(ranks, least+1) // of the least only so many
	for k, v := range entries {
		w := worth(k, v)
		if w == least {
			ties--
		}
		if w > least || w == least && ties >= 0 {
			kept[k] = v
		}
	}
	return kept
}
