package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"runtime"

	"github.com/gobearer/bearer"
)

// A finding is what a middleware that remembers tokens does in a situation that
// a time does not tell.
type finding struct {
	situation string
	found     string
}

const memoryTitle = "What bearer remembers"

func findings(sc scale) ([]finding, error) {
	k, err := newKey("HS256")
	if err != nil {
		return nil, err
	}
	var all []finding
	for _, find := range []func(key, scale) ([]finding, error){flood, oneShots, memory} {
		found, err := find(k, sc)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// A watched client counts the requests that the cache answered.
type watched struct {
	*client
	cached int
}

func watch(k key, p *payload, options ...bearer.MiddlewareOption) (*watched, error) {
	w := new(watched)
	options = append(options, bearer.WithObserver(func(_ context.Context, e bearer.Event) {
		if e.Cached {
			w.cached++
		}
	}))
	open := typed(openBearer[smallClaims](options...), openBearer[seedClaims](options...))
	h, err := open(setup{key: k, payload: p})
	if err != nil {
		return nil, err
	}
	w.client = newClient(h)
	return w, nil
}

var errFinding = errors.New("a good token was refused, or a bad one accepted")

// hits sends tokens and returns how many of them the cache answered.
func (w *watched) hits(tokens ...token) (int, error) {
	before := w.cached
	for _, t := range tokens {
		if w.send(t) != http.StatusOK || string(w.w.body) != t.answer {
			return 0, errFinding
		}
	}
	return w.cached - before, nil
}

// heap is what is alive.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what pools had kept
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// flood sends tokens that nobody signed, each with a header, a payload and a
// signature of its own, beside some that are good.
func flood(k key, sc scale) ([]finding, error) {
	w, err := watch(k, small)
	if err != nil {
		return nil, err
	}
	hot, err := small.tokens(k, sc.warm)
	if err != nil {
		return nil, err
	}
	for range 2 {
		if _, err := w.hits(hot...); err != nil {
			return nil, err
		}
	}
	text, _ := small.claims(0)
	input := encode(`{"alg":"HS256","typ":"JWT"}`) + "." + encode(text)
	garbage := func(i int) string {
		distinct := string(binary.LittleEndian.AppendUint64(make([]byte, 24), uint64(i)))
		switch i % 3 {
		case 0:
			return encode(distinct) + "." + encode(text) + "." + encode(distinct)
		case 1:
			return encode(fmt.Sprintf(`{"alg":"HS256","typ":"JWT","kid":"%d"}`, i)) + "." + encode(text) + "." + encode(distinct)
		}
		return input + "." + encode(distinct)
	}
	if w.send(token{authorization: "Bearer " + garbage(0)}) != http.StatusUnauthorized {
		return nil, errFinding
	}
	before, goroutines := heap(), runtime.NumGoroutine()
	for i := range sc.garbage {
		if w.send(token{authorization: "Bearer " + garbage(i)}) != http.StatusUnauthorized {
			return nil, errFinding
		}
	}
	after, more := heap(), runtime.NumGoroutine()-goroutines
	hits, err := w.hits(hot...)
	if err != nil {
		return nil, err
	}
	return []finding{{
		fmt.Sprintf("%d tokens that nobody signed, no two alike", sc.garbage),
		fmt.Sprintf("heap after a collection %+.1f KiB, goroutines %+d, %d of %d good tokens still remembered",
			float64(after-before)/1024, more, hits, len(hot)),
	}}, nil
}

// entryBytes is what an entry takes at most, besides its token and its payload.
const entryBytes = 400

// oneShots sends ten tokens that come once for each one that comes again, to a
// cache with room for twice as many as those.
func oneShots(k key, sc scale) ([]finding, error) {
	const perHot, rounds = 10, 20
	hot, err := small.tokens(k, sc.warm)
	if err != nil {
		return nil, err
	}
	text, _ := small.claims(0)
	room := 2 * len(hot) * (len(hot[0].authorization) + len(text) + entryBytes)
	w, err := watch(k, small, bearer.WithTokenCache(int64(room)))
	if err != nil {
		return nil, err
	}
	hits, next := 0, len(hot)
	for round := range rounds {
		for _, t := range hot {
			n, err := w.hits(t)
			if err != nil {
				return nil, err
			}
			if round > 0 {
				hits += n
			}
			for range perHot {
				text, answer := small.claims(next)
				next++
				raw, err := k.token(text)
				if err != nil {
					return nil, err
				}
				if n, err := w.hits(token{"Bearer " + raw, answer}); err != nil || n > 0 {
					return nil, errors.Join(errFinding, err)
				}
			}
		}
	}
	return []finding{{
		fmt.Sprintf("%d good tokens in rotation, after each of them %d that come once, room for %d", len(hot), perHot, 2*len(hot)),
		fmt.Sprintf("%.1f %% of the requests with those in rotation answered from memory", 100*float64(hits)/float64((rounds-1)*len(hot))),
	}}, nil
}

// memory lets a middleware remember tokens that nobody else holds.
func memory(k key, sc scale) (all []finding, err error) {
	n := 4 * sc.cold
	for _, p := range payloads {
		w, err := watch(k, p, bearer.WithTokenCache(int64(n)*8192))
		if err != nil {
			return nil, err
		}
		remember := func(i int) (tokenBytes, payloadBytes int, err error) {
			text, answer := p.claims(i)
			raw, err := k.token(text)
			if err != nil {
				return 0, 0, err
			}
			_, err = w.hits(token{"Bearer " + raw, answer})
			return len(raw), len(text), err
		}
		if _, _, err := remember(n); err != nil { // makes the table
			return nil, err
		}
		before := heap()
		var tokenBytes, payloadBytes int
		for i := range n {
			if tokenBytes, payloadBytes, err = remember(i); err != nil {
				return nil, err
			}
		}
		each := (heap() - before) / int64(n)
		runtime.KeepAlive(w)
		all = append(all, finding{
			fmt.Sprintf("memory of a token of %d bytes with a payload of %d", tokenBytes, payloadBytes),
			fmt.Sprintf("%d bytes: %+d beside its own and its payload's", each, each-int64(tokenBytes)-int64(payloadBytes)),
		})
	}
	return all, nil
}
