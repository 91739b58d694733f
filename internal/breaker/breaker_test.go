package breaker_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobearer/bearer/internal/breaker"
)

const (
	timeout  = 50 * time.Millisecond
	pause    = 250 * time.Millisecond
	failures = 5
)

var (
	errDown   = errors.New("connection refused")
	errAbsent = errors.New("no such entry")
)

// A store counts the calls that reach it.
type store struct {
	breaker breaker.Breaker
	calls   int
	err     error
	hangs   bool
}

func (s *store) do(ctx context.Context) error {
	return s.breaker.Do(ctx, timeout, func(ctx context.Context) error {
		s.calls++
		if s.hangs {
			<-ctx.Done()
			return ctx.Err()
		}
		return s.err
	}, errAbsent)
}

// want makes a call and says whether it reaches the store.
func (s *store) want(t *testing.T, reached bool, err error) {
	t.Helper()
	before := s.calls
	if !reached {
		err = breaker.ErrOpen
	}
	got := s.do(t.Context())
	if !errors.Is(got, err) || err == nil && got != nil || (s.calls > before) != reached {
		t.Errorf("%v, reached: %t, want %v and %t", got, s.calls > before, err, reached)
	}
}

func (s *store) fail(t *testing.T, n int) {
	t.Helper()
	s.err = errDown
	for range n {
		s.want(t, true, errDown)
	}
	s.err = nil
}

func TestEveryCallIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{hangs: true}
		start := time.Now()
		s.want(t, true, context.DeadlineExceeded)
		if took := time.Since(start); took != timeout {
			t.Errorf("it took %v, want %v", took, timeout)
		}
		var b breaker.Breaker
		var inside context.Context
		if err := b.Do(t.Context(), timeout, func(ctx context.Context) error { inside = ctx; return nil }); err != nil || inside.Err() == nil {
			t.Errorf("%v; the call's context outlives it", err)
		}
	})
}

func TestOpensAfterFailuresInARow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(store)
		for range 3 { // each answer in between begins the row again
			s.fail(t, failures-1)
			s.want(t, true, nil)
			s.fail(t, failures-1)
			s.err = fmt.Errorf("the store: %w", errAbsent)
			s.want(t, true, errAbsent)
			s.err = nil
		}
		s.fail(t, failures)
		for range 100 {
			s.want(t, false, nil)
		}
	})
}

func TestAnswersThatAreErrorsDoNotOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{err: fmt.Errorf("the store: %w", errAbsent)}
		for range 10 * failures {
			s.want(t, true, errAbsent)
		}
	})
}

func TestOneProbeAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(store)
		s.fail(t, failures)
		s.err = errDown
		for range 8 {
			time.Sleep(pause - time.Nanosecond)
			s.want(t, false, nil)
			time.Sleep(time.Nanosecond)
			s.want(t, true, errDown)
			s.want(t, false, nil)
		}
		// A request each millisecond for ten seconds, from the last probe on.
		s.calls = 0
		for range 10_000 {
			if err := s.do(t.Context()); err == nil {
				t.Fatal("a call succeeds")
			}
			time.Sleep(time.Millisecond)
		}
		if s.calls != 39 {
			t.Errorf("%d calls in ten seconds, want 39", s.calls)
		}
	})
}

func TestProbeThatIsAnsweredCloses(t *testing.T) {
	for _, answer := range []error{nil, errAbsent} {
		t.Run(fmt.Sprint(answer), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := new(store)
				s.fail(t, failures)
				time.Sleep(pause)
				s.err = answer
				s.want(t, true, answer)
				for range 100 {
					s.want(t, true, answer)
				}
				// And it takes as many failures as before to open it again.
				s.fail(t, failures)
				s.want(t, false, nil)
			})
		})
	}
}

// However the store fails and whenever it comes back.
func TestRecoversWithinASecond(t *testing.T) {
	for _, hangs := range []bool{false, true} {
		for _, down := range []time.Duration{time.Millisecond, 100 * time.Millisecond, 333 * time.Millisecond, time.Minute + 7*time.Millisecond} {
			t.Run(fmt.Sprintf("down for %v, hanging: %t", down, hangs), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := &store{hangs: hangs, err: errDown}
					for start := time.Now(); time.Since(start) < down; time.Sleep(time.Millisecond) {
						if s.do(t.Context()) == nil {
							t.Fatal("a call succeeds")
						}
					}
					s.hangs, s.err = false, nil
					back := time.Now()
					for s.do(t.Context()) != nil {
						time.Sleep(time.Millisecond)
					}
					if took := time.Since(back); took > time.Second {
						t.Errorf("found again after %v", took)
					}
				})
			})
		}
	}
}

// A client that goes away says nothing about the store, and must neither open the
// breaker for others nor close it.
func TestCallersOwnEndTeachesNothing(t *testing.T) {
	ends := map[string]func(context.Context) (context.Context, context.CancelFunc){
		"cancelled": func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			return ctx, cancel
		},
		"an earlier deadline": func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, timeout/2)
		},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := new(store)
				leave := func(reached bool) {
					t.Helper()
					before := s.calls
					s.hangs = true
					ctx, cancel := end(t.Context())
					defer cancel()
					if err := s.do(ctx); err == nil || (s.calls > before) != reached {
						t.Errorf("%v, reached: %t", err, s.calls > before)
					}
					s.hangs = false
				}
				for range 10 * failures {
					leave(true)
				}
				s.want(t, true, nil)
				s.fail(t, failures-1)
				leave(true) // nor is it an answer
				s.fail(t, 1)
				s.want(t, false, nil)
				time.Sleep(pause)
				leave(true)
				s.want(t, false, nil)
				time.Sleep(pause)
				s.want(t, true, nil)
				s.want(t, true, nil)
			})
		})
	}
}

// What the store has answered counts, whoever was waiting for it.
func TestAnswerToACallerWhoLeftCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(store)
		s.fail(t, failures-1)
		ctx, cancel := context.WithCancel(t.Context())
		err := s.breaker.Do(ctx, timeout, func(context.Context) error { cancel(); return nil })
		if err != nil {
			t.Error(err)
		}
		s.fail(t, failures-1)
		s.want(t, true, nil)
	})
}

// Calls under way when it opens fail later, and keep it open no longer.
func TestLateFailuresDoNotExtendThePause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b breaker.Breaker
		fail := func(after time.Duration) {
			_ = b.Do(t.Context(), time.Second, func(context.Context) error { time.Sleep(after); return errDown })
		}
		var wg sync.WaitGroup
		for n := range 20 {
			wg.Go(func() { fail(time.Duration(n) * 10 * time.Millisecond) })
		}
		// The fifth fails after 40 ms.
		time.Sleep(40*time.Millisecond + pause)
		synctest.Wait()
		reached := false
		if err := b.Do(t.Context(), timeout, func(context.Context) error { reached = true; return nil }); err != nil || !reached {
			t.Errorf("%v, reached: %t", err, reached)
		}
		wg.Wait()
	})
}

func TestManyCallersAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			b              breaker.Breaker
			down           atomic.Bool
			calls, refused atomic.Int64
			inFlight, most atomic.Int64
			wg             sync.WaitGroup
		)
		down.Store(true)
		request := func() error {
			err := b.Do(t.Context(), 2*pause-time.Millisecond, func(ctx context.Context) error {
				calls.Add(1)
				if n := inFlight.Add(1); n > most.Load() {
					most.Store(n)
				}
				defer inFlight.Add(-1)
				if down.Load() {
					<-ctx.Done()
					return ctx.Err()
				}
				return nil
			})
			if errors.Is(err, breaker.ErrOpen) {
				refused.Add(1)
			}
			return err
		}
		for range failures {
			wg.Go(func() { _ = request() })
		}
		wg.Wait()
		calls.Store(0)
		most.Store(0)
		const clients, lasts = 20, 10 * time.Second
		for start := time.Now(); time.Since(start) < lasts; time.Sleep(10 * time.Millisecond) {
			for range clients {
				wg.Go(func() { _ = request() })
			}
		}
		wg.Wait()
		// Each probe hangs for almost two pauses, in which another one is made.
		if most.Load() > 2 {
			t.Errorf("%d calls at once of a store that hangs", most.Load())
		}
		if calls.Load() > int64(lasts/pause)+1 || calls.Load()+refused.Load() != clients*1000 {
			t.Errorf("%d calls, %d refused", calls.Load(), refused.Load())
		}
		down.Store(false)
		time.Sleep(2 * pause)
		for range clients {
			wg.Go(func() {
				if err := request(); err != nil {
					// One probe is let through; the others come after it.
					time.Sleep(time.Millisecond)
					if err := request(); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
	})
}
