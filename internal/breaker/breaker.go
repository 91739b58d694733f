// Package breaker keeps a store that does not answer from being asked by every
// request.
package breaker

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// ErrOpen is the error for a call that was not made.
var ErrOpen = errors.New("the store is not asked: it has not answered lately")

const (
	// failures in a row open the breaker: a few, since a store under load loses
	// one now and then.
	failures = 5
	// pause is how long it stays open. One call is then let through, so that the
	// store is found again well within a second.
	pause = 250 * time.Millisecond
)

// A Breaker bounds each call of a store in time and stops calling one that fails.
// The zero Breaker is closed: it calls. It is safe for concurrent use.
type Breaker struct {
	mu     sync.Mutex
	failed int       // in a row
	until  time.Time // open up to here, from failures on
}

// Do calls f with a context that ends after timeout. An error that is one of says
// is an answer of the store, not its failure. Where the caller's own context has
// ended nothing is learnt.
func (b *Breaker) Do(ctx context.Context, timeout time.Duration, f func(context.Context) error, says ...error) error {
	if !b.enter() {
		return ErrOpen
	}
	bounded, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err := f(bounded)
	answered := err == nil || slices.ContainsFunc(says, func(e error) bool { return errors.Is(err, e) })
	if answered || ctx.Err() == nil {
		b.learn(answered)
	}
	return err
}

// enter lets one caller through while the breaker is open and its pause is over:
// the next one comes a pause later.
func (b *Breaker) enter() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failed < failures {
		return true
	}
	now := time.Now()
	if now.Before(b.until) {
		return false
	}
	b.until = now.Add(pause)
	return true
}

func (b *Breaker) learn(answered bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if answered {
		b.failed = 0
		return
	}
	if b.failed < failures {
		b.failed++
		b.until = time.Now().Add(pause)
	}
}
