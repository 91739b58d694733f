package main

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// A scale says how much and how long. Tests use a small one.
type scale struct {
	tokens   int           // of a load
	span     time.Duration // in which they arrive
	interval time.Duration // of refreshes, where a client lets one set it; jwx has none below a second
	flap     time.Duration // the key server is up, and down, for that long
	patience time.Duration // for a good token to be accepted
	ready    time.Duration // for one to be accepted beside a foreign key
	outage   time.Duration // before the first verification
	drip     time.Duration // patience with a body that never ends
	large    int           // MiB of a large body
	callers  int           // at once
	slow     time.Duration // answer of a key server for which callers wait
}

var full = scale{
	tokens: 1000, span: 10 * time.Second, interval: time.Second, flap: 100 * time.Millisecond,
	patience: 12 * time.Second, outage: 3 * time.Second, drip: 75 * time.Second,
	large: 64, callers: 100, slow: time.Second / 2, ready: time.Second,
}

// load sends n tokens at a steady rate, whatever becomes of those before, and
// returns how many were refused.
func load(n int, span time.Duration, send func(i int) error) int {
	var refused atomic.Int64
	var wg sync.WaitGroup
	ticker := time.NewTicker(span / time.Duration(n))
	defer ticker.Stop()
	for i := range n {
		wg.Go(func() {
			if send(i) != nil {
				refused.Add(1)
			}
		})
		<-ticker.C
	}
	wg.Wait()
	return int(refused.Load())
}

// until asks again and again until the answer is yes, and returns when that
// was. Nobody hears of a yes that comes after the patience is over.
func until(ctx context.Context, patience time.Duration, ask func(context.Context) bool) (time.Duration, bool) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	start := time.Now()
	for {
		yes := ask(ctx)
		took := time.Since(start)
		if ctx.Err() != nil {
			return took, false
		}
		if yes {
			return took, true
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
}
