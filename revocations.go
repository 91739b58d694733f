package bearer

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// memoryRevocations holds the revoked tokens of one process.
type memoryRevocations struct {
	clock func() time.Time

	some    atomic.Bool // something was revoked: while nothing was, requests need no lock
	mu      sync.RWMutex
	revoked map[tokenID]time.Time // when the entry has outlived its token; zero: never
	sweepAt int                   // number of entries at which the outlived ones are dropped
}

// A tokenID identifies a token by its issuer and jti, never by its text.
type tokenID struct{ issuer, id string }

var errNoID = errors.New("bearer: a token without jti cannot be revoked by itself")

func (m *memoryRevocations) Revoked(_ context.Context, t Info) (bool, error) {
	if !m.some.Load() {
		return false, nil
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	_, revoked := m.revoked[tokenID{t.Issuer, t.ID}]
	return revoked, nil
}

func (m *memoryRevocations) Revoke(_ context.Context, t Info) error {
	if t.ID == "" {
		return errNoID
	}
	var until time.Time
	if !t.ExpiresAt.IsZero() {
		// A verifier may still accept the token for its leeway.
		until = t.ExpiresAt.Add(maxLeeway)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.revoked == nil {
		m.revoked = make(map[tokenID]time.Time)
	}
	// Clones, because both may be parts of a payload that would stay with them.
	m.revoked[tokenID{strings.Clone(t.Issuer), strings.Clone(t.ID)}] = until
	m.some.Store(true)
	m.sweep()
	return nil
}

// sweep drops outlived entries whenever their number has doubled, so that a
// revocation costs constant time on average and no goroutine.
func (m *memoryRevocations) sweep() {
	if len(m.revoked) < max(m.sweepAt, 1024) {
		return
	}
	now := m.clock()
	for id, until := range m.revoked {
		if !until.IsZero() && now.After(until) {
			delete(m.revoked, id)
		}
	}
	m.sweepAt = 2 * len(m.revoked)
}
