package keys

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

const (
	fetchTimeout    = 5 * time.Second // all requests of a fetch together
	fetchGrace      = time.Second / 4 // for a transport to notice it
	attemptInterval = time.Second     // between fetches while no usable keys are there
	maxBackoff      = time.Minute     // between refreshes that fail
	creditInterval  = 10 * time.Second
	maxCredit       = 2    // fetches for unknown ids in a burst
	maxAsked        = 1024 // ids that are remembered as asked for, and as absent; of 256 bytes each
)

// A remoteFetch is one fetch under way.
type remoteFetch struct {
	number uint64
	spent  bool   // credit
	cancel func() // what is left of it
	done   chan struct{}
	err    error // read when done is closed
}

// find answers a header about which memory says nothing.
//
// Absent is an id only to a fetch that began after it was asked for: one that
// was under way may have read the set before the key was in it. A fetch that
// was under way is waited for all the same, since it may bring the key.
func (s *RemoteSource) find(ctx context.Context, h Header) ([]*Key, error) {
	sel := selector{h.Algorithm, h.KeyID}
	var asked uint64
	for first := true; ; first = false {
		// Whoever has gone asks for nothing.
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("keys: %w", err)
		}
		s.mu.Lock()
		if first {
			asked = s.ask(sel)
		}
		v, now := s.view.Load(), time.Now()
		found, ok := v.answer(h, now, s.o.hardAge)
		if ok || v.usable(now, s.o.hardAge) && v.fetch > asked {
			s.mu.Unlock()
			return found, nil
		}
		f := s.current()
		if f == nil {
			var err error
			if f, err = s.startFor(v, now); err != nil {
				s.mu.Unlock()
				return nil, err
			}
		}
		s.mu.Unlock()
		if err := s.wait(ctx, f); err != nil {
			return nil, err
		}
	}
}

// A selector is what a header says of the key that it is for.
type selector struct {
	alg Algorithm
	kid string
}

// ask notes that an id was asked for, and returns how many fetches had begun
// when it first was.
func (s *RemoteSource) ask(sel selector) uint64 {
	if begun, ok := s.asked[sel]; ok {
		return begun
	}
	if len(s.asked) < maxAsked && len(sel.kid) <= maxIDBytes {
		// A clone, because the id is a part of a larger text that would stay with it.
		s.asked[selector{sel.alg, strings.Clone(sel.kid)}] = s.begun
	}
	return s.begun
}

// startFor starts a fetch for a header that memory cannot answer, if one is
// permitted now.
func (s *RemoteSource) startFor(v *remoteView, now time.Time) (*remoteFetch, error) {
	switch {
	case !v.usable(now, s.o.hardAge):
		if s.attemptDue(now) {
			return s.start(now), nil
		}
		if v.err == nil {
			return nil, errors.New("keys: the keys are older than the hard age")
		}
		return nil, fmt.Errorf("keys: there are no usable keys: %w", v.err)
	case v.due(now): // it would be started anyway
		return s.start(now), nil
	case now.Before(s.idsAt):
		return nil, fmt.Errorf("keys: an unknown key id cannot be looked for now: %w", v.err)
	case !s.credit.take(now):
		return nil, errors.New("keys: an unknown key id cannot be looked for now: there were too many of them")
	}
	f := s.start(now)
	f.spent = true
	return f, nil
}

// wait waits for a fetch. While no usable keys are there it starts another one
// each second, so that a server that has recovered is not kept waiting for by an
// answer that will never come. The first one to succeed ends all of them.
func (s *RemoteSource) wait(ctx context.Context, f *remoteFetch) error {
	for {
		select {
		case <-f.done:
			if f.err != nil {
				return fmt.Errorf("keys: the keys cannot be fetched: %w", f.err)
			}
			return nil
		case <-ctx.Done():
			return fmt.Errorf("keys: %w", ctx.Err())
		case <-s.attempt():
		}
	}
}

// attempt starts a fetch if usable keys are missing and it is time, and returns
// a channel that says when to call it again.
func (s *RemoteSource) attempt() <-chan time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if s.view.Load().usable(now, s.o.hardAge) {
		return nil // whoever waits has one fetch to wait for
	}
	if s.attemptDue(now) && len(s.pending) > 0 {
		s.start(now)
	}
	return time.After(s.last.Add(attemptInterval).Sub(now))
}

func (s *RemoteSource) attemptDue(now time.Time) bool {
	return s.begun == 0 || now.Sub(s.last) >= attemptInterval
}

// refresh starts the fetch that a view is due for, unless somebody else does.
func (s *RemoteSource) refresh() {
	if !s.mu.TryLock() { // the request at hand waits for nothing
		return
	}
	defer s.mu.Unlock()
	if now := time.Now(); s.view.Load().due(now) {
		s.start(now)
	}
}

// current is the fetch that began last of those under way, or nil.
func (s *RemoteSource) current() *remoteFetch {
	if len(s.pending) == 0 {
		return nil
	}
	return s.pending[len(s.pending)-1]
}

func (s *RemoteSource) start(now time.Time) *remoteFetch {
	// Nobody's context: others wait for it too.
	ctx, cancel := context.WithTimeout(context.Background(), fetchTimeout)
	s.begun++
	s.last = now
	f := &remoteFetch{number: s.begun, done: make(chan struct{})}
	// A transport that does not heed its context must not hold up the next fetch.
	watchdog := time.AfterFunc(fetchTimeout+fetchGrace, func() { s.finish(f, now, nil, errTimeout) })
	f.cancel = func() { watchdog.Stop(); cancel() }
	s.pending = append(s.pending, f)
	under := *s.view.Load()
	under.refreshAt = time.Time{}
	s.view.Store(&under)
	go func() {
		set, err := (*remoteSet)(nil), errors.New("the fetch was given up")
		defer func() { s.finish(f, now, set, err) }() // even if the transport ends the goroutine
		set, err = s.fetch(ctx)
	}()
	return f
}

// finish takes the result of a fetch, unless that has been done or another one
// has succeeded meanwhile.
func (s *RemoteSource) finish(f *remoteFetch, began time.Time, set *remoteSet, err error) {
	defer func() { f.cancel() }() // set under the lock
	s.mu.Lock()
	i := slices.Index(s.pending, f)
	if i < 0 {
		s.mu.Unlock()
		return
	}
	s.pending = slices.Delete(s.pending, i, i+1)
	v, now := *s.view.Load(), time.Now()
	if v.err = err; err == nil {
		v = remoteView{remoteSet: set, from: began, fetch: f.number, absent: s.absent(f, set, v.absent)}
		v.refreshAt = now.Add(s.o.refresh)
		s.failed, s.idsAt = 0, time.Time{}
		for _, other := range s.pending {
			other.cancel()
			close(other.done)
		}
		s.pending = nil
	} else {
		if f.spent {
			s.credit.giveBack()
		}
		// The first failure may be an accident: an unknown id may try again at
		// once, and at least as often as its credit would let it.
		s.idsAt = now.Add(min(backoff(s.failed), creditInterval))
		s.failed++
		if len(s.pending) == 0 {
			v.refreshAt = now.Add(backoff(s.failed))
		}
	}
	f.err = err
	s.view.Store(&v)
	close(f.done)
	s.mu.Unlock()
	if s.o.hook != nil {
		s.o.hook(v.status(now, s.o.hardAge))
	}
}

// absent are the ids that a new set shows to be absent: those that were asked
// for before its fetch began, and those that the set before it lacked already.
func (s *RemoteSource) absent(f *remoteFetch, set *remoteSet, before map[selector]struct{}) map[selector]struct{} {
	absent := make(map[selector]struct{})
	lacks := func(sel selector) bool {
		return len(set.set.candidates(Header{Algorithm: sel.alg, KeyID: sel.kid})) == 0
	}
	for sel, begun := range s.asked {
		if begun >= f.number { // after it began
			continue
		}
		delete(s.asked, sel)
		if lacks(sel) {
			absent[sel] = struct{}{}
		}
	}
	for sel := range before {
		if len(absent) < maxAsked && lacks(sel) {
			absent[sel] = struct{}{}
		}
	}
	return absent
}

// backoff is the time to the next refresh after that many failures in a row,
// with jitter, so that replicas do not come back all at once.
func backoff(failures int) time.Duration {
	if failures == 0 {
		return 0
	}
	longest := min(time.Second<<min(failures-1, 10), maxBackoff)
	return longest/2 + rand.N(longest/2+1)
}

// remoteCredit is a leaky bucket: the instant at which all credit is there again.
type remoteCredit struct{ full time.Time }

func (c *remoteCredit) take(now time.Time) bool {
	full := c.full
	if full.Before(now) {
		full = now
	}
	full = full.Add(creditInterval)
	if full.After(now.Add(maxCredit * creditInterval)) {
		return false
	}
	c.full = full
	return true
}

func (c *remoteCredit) giveBack() { c.full = c.full.Add(-creditInterval) }
