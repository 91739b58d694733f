package bearer_test

import (
	"context"
	"sync"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/keys"
)

// A spySource counts what it is asked, and may fail instead of answering.
type spySource struct {
	keys.Source
	fail func(ctx context.Context) error

	before func() // it answers

	mu      sync.Mutex
	headers []keys.Header
}

func (s *spySource) Lookup(ctx context.Context, h keys.Header) ([]*keys.Key, error) {
	s.mu.Lock()
	s.headers = append(s.headers, h)
	s.mu.Unlock()
	if s.before != nil {
		s.before()
	}
	if s.fail != nil {
		return nil, s.fail(ctx)
	}
	return s.Source.Lookup(ctx, h)
}

func (s *spySource) calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.headers)
}

// revocationsFunc is a bearer.Revocations.
type revocationsFunc func(ctx context.Context, t bearer.Info) (bool, error)

func (f revocationsFunc) Revoked(ctx context.Context, t bearer.Info) (bool, error) { return f(ctx, t) }

// An eventLog is an observer that remembers.
type eventLog struct {
	mu   sync.Mutex
	list []bearer.Event
}

func (l *eventLog) option() bearer.Option {
	return bearer.WithObserver(func(_ context.Context, e bearer.Event) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.list = append(l.list, e)
	})
}

func (l *eventLog) all() []bearer.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.list
}
