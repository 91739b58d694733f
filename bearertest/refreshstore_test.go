package bearertest_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gobearer/bearer/bearertest"
	"github.com/gobearer/bearer/refresh"
)

// A refresher keeps families in the plainest way, but for one fault.
type refresher struct {
	fault string

	mu       sync.Mutex
	families map[string]*refreshed
}

type refreshed struct {
	refresh.Family
	generation uint32
	rotated    time.Time
	revoked    bool
}

func (s *refresher) has(fault string) bool { return s.fault == fault }

func (s *refresher) key(id [32]byte) string {
	switch {
	case s.has("an id ends at a NUL"):
		before, _, _ := bytes.Cut(id[:], []byte{0})
		return string(before)
	case s.has("an id has no case"):
		return string(bytes.ToLower(id[:]))
	case s.has("an id is read as text"):
		return string(bytes.ToValidUTF8(id[:], []byte("?")))
	}
	return string(id[:])
}

func (s *refresher) Create(ctx context.Context, f refresh.Family) error {
	if err := ctx.Err(); err != nil {
		if s.has("a create that a context ends is reported as done") {
			return nil
		}
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.has("what goes in is kept"):
	case s.has("data end at a NUL"):
		f.Data, _, _ = bytes.Cut(bytes.Clone(f.Data), []byte{0})
	case s.has("data are text"):
		f.Data = bytes.ToValidUTF8(f.Data, []byte("?"))
	case s.has("data are trimmed"):
		f.Data = bytes.TrimSpace(bytes.Clone(f.Data))
	case s.has("data are cut to 8 KiB"):
		f.Data = bytes.Clone(f.Data[:min(len(f.Data), 8<<10)])
	case s.has("instants are whole seconds"):
		f.Expires, f.Idle = f.Expires.Truncate(time.Second), f.Idle.Truncate(time.Second)
	case s.has("zones are dropped"):
		f.Expires = time.Date(f.Expires.Year(), f.Expires.Month(), f.Expires.Day(), f.Expires.Hour(), f.Expires.Minute(), f.Expires.Second(), f.Expires.Nanosecond(), time.UTC)
	case s.has("Created is forgotten"):
		f.Created = time.Time{}
	default:
		f.Data = bytes.Clone(f.Data)
	}
	if s.families == nil {
		s.families = map[string]*refreshed{}
	}
	old := s.families[s.key(f.ID)]
	s.families[s.key(f.ID)] = &refreshed{Family: f, revoked: old != nil && old.revoked}
	return nil
}

var errNotThere = errors.New("there is none")

func (s *refresher) Lookup(ctx context.Context, id [32]byte) (refresh.Family, error) {
	if err := ctx.Err(); err != nil {
		if s.has("what a context ends is not found") {
			return refresh.Family{}, refresh.ErrNotFound
		}
		return refresh.Family{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.families[s.key(id)]
	switch {
	case ok && f.ID == [32]byte{} && s.has("a revoked unknown family is made"), !ok, f.revoked && s.has("a revoked family is not found"):
		if s.has("another error than ErrNotFound") {
			return refresh.Family{}, errNotThere
		}
		return refresh.Family{}, refresh.ErrNotFound
	case s.has("what comes out is kept"):
		return f.Family, nil
	}
	out := f.Family
	out.Data = bytes.Clone(out.Data)
	return out, nil
}

func (s *refresher) Use(ctx context.Context, u refresh.Use) (refresh.Outcome, error) {
	if err := ctx.Err(); err != nil {
		if s.has("a use that a context ends has no outcome") {
			return "", nil
		}
		if s.has("a use that a context ends is rotated and not done") {
			return refresh.Rotated, nil
		}
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.families[s.key(u.ID)]
	if !ok {
		if s.has("an unknown family is expired") {
			return refresh.Expired, nil
		}
		return refresh.Unknown, nil
	}
	if s.has("the state is read before it is written") {
		copied := *f
		s.mu.Unlock()
		time.Sleep(time.Millisecond)
		outcome := s.use(&copied, u)
		s.mu.Lock()
		s.families[s.key(u.ID)] = &copied
		return outcome, nil
	}
	return s.use(f, u), nil
}

func (s *refresher) use(f *refreshed, u refresh.Use) refresh.Outcome {
	expired := !u.Now.Before(f.Expires) || !u.Now.Before(f.Idle)
	switch s.fault {
	case "a family is good at its limits":
		expired = u.Now.After(f.Expires) || u.Now.After(f.Idle)
	case "the idle limit is ignored":
		expired = !u.Now.Before(f.Expires)
	case "the absolute limit is ignored":
		expired = !u.Now.Before(f.Idle)
	case "limits are ignored":
		expired = false
	}
	if f.revoked && !s.has("a revocation is ignored") && !(expired && s.has("expiry comes before revocation")) {
		return refresh.Revoked
	}
	if expired && !(u.Generation != f.generation && s.has("reuse comes before expiry")) {
		return refresh.Expired
	}
	since := u.Now.Sub(f.rotated)
	switch {
	case u.Generation == f.generation:
		f.generation, f.rotated = f.generation+1, u.Now
		if s.has("the real clock counts") {
			f.rotated = time.Now()
		}
		if !s.has("the idle limit never moves") && !(s.has("the idle limit never comes nearer") && u.Idle.Before(f.Idle)) {
			f.Idle = u.Idle
		}
		if s.has("the absolute limit moves too") {
			f.Expires = u.Idle.Add(time.Hour)
		}
		return refresh.Rotated
	case u.Generation > f.generation:
		if s.has("the future is reuse") {
			f.revoked = true
			return refresh.Reused
		}
		if s.has("the future rotates") {
			f.generation = u.Generation + 1
			return refresh.Rotated
		}
		return refresh.Unknown
	}
	before := u.Generation == f.generation-1
	within := since <= u.Grace
	switch s.fault {
	case "the grace ends a moment early":
		within = since < u.Grace
	case "the grace ends a moment late":
		within = since <= u.Grace+time.Millisecond
	case "the grace is whole seconds":
		within = since.Truncate(time.Second) <= u.Grace
	case "there is no grace":
		within = false
	case "the grace never ends":
		within = true
	case "another clock that is behind is refused":
		within = since >= 0 && since <= u.Grace
	case "every older token is replayed":
		before = true
	}
	if before && within {
		if s.has("a replay moves the idle limit") {
			f.Idle = u.Idle
		}
		if s.has("a replay begins the grace again") {
			f.rotated = u.Now
		}
		if s.has("a replay rotates") {
			f.generation++
		}
		return refresh.Replayed
	}
	if !s.has("reuse revokes nothing") {
		f.revoked = true
	}
	return refresh.Reused
}

func (s *refresher) Revoke(ctx context.Context, id [32]byte) error {
	if err := ctx.Err(); err != nil {
		if s.has("a revocation that a context ends is reported as done") {
			return nil
		}
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.families[s.key(id)]
	switch {
	case ok && s.has("a revocation forgets the family"):
		delete(s.families, s.key(id))
	case ok:
		f.revoked = true
	case s.has("an unknown family cannot be revoked"):
		return refresh.ErrNotFound
	case s.has("a revoked unknown family is made"):
		if s.families == nil {
			s.families = map[string]*refreshed{}
		}
		s.families[s.key(id)] = &refreshed{revoked: true}
	}
	return nil
}

// The suite finds each fault, by the checks that are for it.
func TestRefreshStoreFindsFaults(t *testing.T) {
	make := func(fault string) func() refresh.Store {
		return func() refresh.Store { return &refresher{fault: fault} }
	}
	if failed := bearertest.RefreshStoreFails(t, make("")); len(failed) > 0 {
		t.Errorf("a store without a fault fails: %q", failed)
	}
	const (
		unknown  = "a family that nobody made is unknown"
		members  = "every member of a family survives to the byte"
		copies   = "what goes into the store and comes out of it is a copy"
		ids      = "families are told apart by every bit"
		rotation = "the newest token rotates, and a rotation moves the idle limit alone"
		grace    = "the token before the newest is replayed for the grace after its rotation, and no longer"
		replay   = "a token that is replayed changes nothing"
		reuse    = "an older token is reused, and ends the family"
		future   = "a generation that is not reached is unknown, and changes nothing"
		expiry   = "from its limits on a family is expired"
		revoked  = "a revoked family is revoked before anything else"
		ended    = "with a context that has ended nothing is half done"
		race     = "of many uses at once one rotates, and after the grace one is told of the reuse"
		chain    = "each of many generations rotates once, whoever is first"
	)
	for _, tt := range []struct{ fault, check string }{
		{"another error than ErrNotFound", unknown},
		{"an unknown family is expired", unknown},
		{"an unknown family cannot be revoked", unknown},
		{"a revoked unknown family is made", unknown},
		{"data end at a NUL", members},
		{"data are text", members},
		{"data are trimmed", members},
		{"data are cut to 8 KiB", members},
		{"instants are whole seconds", members},
		{"zones are dropped", members},
		{"Created is forgotten", members},
		{"what goes in is kept", copies},
		{"what comes out is kept", copies},
		{"an id ends at a NUL", ids},
		{"an id has no case", ids},
		{"an id is read as text", ids},
		{"the idle limit never moves", rotation},
		{"the idle limit never comes nearer", rotation},
		{"the absolute limit moves too", rotation},
		{"the grace ends a moment early", grace},
		{"the grace ends a moment late", grace},
		{"the grace is whole seconds", grace},
		{"there is no grace", grace},
		{"the grace never ends", grace},
		{"another clock that is behind is refused", grace},
		{"the real clock counts", grace},
		{"a replay moves the idle limit", replay},
		{"a replay begins the grace again", replay},
		{"a replay rotates", replay},
		{"every older token is replayed", reuse},
		{"reuse revokes nothing", reuse},
		{"a revoked family is not found", reuse},
		{"the future is reuse", future},
		{"the future rotates", future},
		{"a family is good at its limits", expiry},
		{"the idle limit is ignored", expiry},
		{"the absolute limit is ignored", expiry},
		{"limits are ignored", expiry},
		{"reuse comes before expiry", expiry},
		{"a revocation is ignored", revoked},
		{"a revocation forgets the family", revoked},
		{"expiry comes before revocation", revoked},
		{"a revocation is ignored", "a revocation counts from its return on, whoever uses the family"},
		{"a create that a context ends is reported as done", ended},
		{"what a context ends is not found", ended},
		{"a use that a context ends has no outcome", ended},
		{"a use that a context ends is rotated and not done", ended},
		{"a revocation that a context ends is reported as done", ended},
		{"the state is read before it is written", race},
		{"the state is read before it is written", chain},
	} {
		t.Run(tt.fault, func(t *testing.T) {
			if failed := bearertest.RefreshStoreFails(t, make(tt.fault)); !slices.Contains(failed, tt.check) {
				t.Errorf("%q fails, want %q", failed, tt.check)
			}
		})
	}
}
