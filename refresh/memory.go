package refresh

import (
	"bytes"
	"context"
	"sync"
	"time"
)

// MemoryStore is a [Store] in the memory of one process: a restart ends every
// session. The zero MemoryStore is empty and ready.
type MemoryStore struct {
	mu       sync.Mutex
	families map[[32]byte]*State
	sweepAt  int // number of families at which the expired ones are dropped
}

// Create implements [Store].
func (m *MemoryStore) Create(ctx context.Context, f Family) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.families == nil {
		m.families = make(map[[32]byte]*State)
	}
	f.Data = bytes.Clone(f.Data)
	m.families[f.ID] = &State{Family: f}
	m.sweep(f.Created)
	return nil
}

// Lookup implements [Store].
func (m *MemoryStore) Lookup(ctx context.Context, id [32]byte) (Family, error) {
	if err := ctx.Err(); err != nil {
		return Family{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.families[id]
	if !ok {
		return Family{}, ErrNotFound
	}
	f := s.Family
	f.Data = bytes.Clone(f.Data)
	return f, nil
}

// Use implements [Store].
func (m *MemoryStore) Use(ctx context.Context, u Use) (Outcome, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.families[u.ID]
	if !ok {
		return Unknown, nil
	}
	return s.Use(u), nil
}

// Revoke implements [Store].
func (m *MemoryStore) Revoke(ctx context.Context, id [32]byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if s, ok := m.families[id]; ok {
		s.Revoked = true
	}
	return nil
}

// sweep drops expired families whenever their number has doubled, so that a login
// costs constant time on average and no goroutine.
func (m *MemoryStore) sweep(now time.Time) {
	if len(m.families) < max(m.sweepAt, 1024) {
		return
	}
	for id, s := range m.families {
		if !now.Before(s.Expires) || !now.Before(s.Idle) {
			delete(m.families, id)
		}
	}
	m.sweepAt = 2 * len(m.families)
}
