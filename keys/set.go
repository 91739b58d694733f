package keys

import (
	"errors"
	"fmt"
)

// A set is an immutable snapshot of verification keys, with the answer to each
// header worked out beforehand.
type set struct {
	known map[string][]group // by an id that a key has, and by none
	other []group            // by any other id: the keys without one
}

// A group is the candidates for one algorithm.
type group struct {
	alg  Algorithm
	keys []*Key
}

func newSet(keys []*Key) *set {
	s := &set{known: make(map[string][]group)}
	for _, k := range keys {
		s.known[""] = include(s.known[""], k)
		if k.id == "" {
			s.other = include(s.other, k)
		}
	}
	for _, k := range keys {
		if k.id != "" {
			s.known[k.id] = append(s.known[k.id], group{k.alg, append([]*Key{k}, in(s.other, k.alg)...)})
		}
	}
	return s
}

func include(groups []group, k *Key) []group {
	for i := range groups {
		if groups[i].alg == k.alg {
			groups[i].keys = append(groups[i].keys, k)
			return groups
		}
	}
	return append(groups, group{k.alg, []*Key{k}})
}

func in(groups []group, alg Algorithm) []*Key {
	for i := range groups {
		if groups[i].alg == alg {
			return groups[i].keys
		}
	}
	return nil
}

// candidates is the one rule by which a header finds keys: a key is a candidate
// if its own algorithm is the header's, and the ids are equal or one is
// missing. The slice is the set's: callers get a copy, because one who wrote to
// it would change which key the next token is verified with.
func (s *set) candidates(h Header) []*Key {
	if keys := in(s.known[h.KeyID], h.Algorithm); keys != nil {
		return keys
	}
	return in(s.other, h.Algorithm)
}

// checkDistinct refuses keys of which a token could not mean exactly one: two of
// one algorithm with one id, or without an id and equal. Two different keys
// without an id are fine: secrets are rotated like that.
func checkDistinct(keys []*Key) []error {
	var problems []error
	for i, k := range keys {
		for _, other := range keys[:i] {
			if k.alg != other.alg || k.id != other.id {
				continue
			}
			if k.id != "" {
				problems = append(problems, fmt.Errorf("two %s keys have one id: give each its own", k.alg))
			} else if k.Equal(other) {
				problems = append(problems, fmt.Errorf("one %s key is given twice: give it once", k.alg))
			}
		}
	}
	return problems
}

var errNoMaterial = errors.New("a key has no material: it is nil, zero or the Public of an HMAC secret; use the key itself")
