package accounts_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/accounts"
)

// A rush is logins under way in fake time, whose hashes take 30 ms each and
// open nothing.
type rush struct {
	*fixture
	now, most int      // hashes that are computed
	order     []string // the passwords, as their hashes were begun
}

const hashTime = 30 * time.Millisecond

// newRush is for a bubble: what it waits for has to be made in there.
func newRush(t *testing.T, opts ...accounts.Option) *rush {
	t.Helper()
	c := &rush{fixture: newFixture(t, opts...)}
	t.Cleanup(func() { time.Sleep(time.Minute) }) // a bubble waits for nobody
	c.auth.WrapHash(func(accounts.HashFunc) accounts.HashFunc {
		return func(_ accounts.Scheme, password, _ string) (string, bool) {
			c.mu.Lock()
			c.now++
			c.most = max(c.most, c.now)
			c.order = append(c.order, password)
			c.mu.Unlock()
			time.Sleep(hashTime)
			c.mu.Lock()
			c.now--
			c.mu.Unlock()
			return "", false
		}
	})
	return c
}

// A visit is one login of a rush.
type visit struct {
	err  error
	took time.Duration
	done chan struct{}
}

func (v *visit) ended() bool {
	select {
	case <-v.done:
		return true
	default:
		return false
	}
}

// arrive starts a login and waits until it can go no further.
func (c *rush) arrive(ctx context.Context, password string) *visit {
	v := &visit{done: make(chan struct{})}
	go func() {
		defer close(v.done)
		start := time.Now()
		_, v.err = c.auth.Authenticate(ctx, bearer.Credentials{UserName: "tom", Password: password, PrivateToken: "x"})
		v.took = time.Since(start)
	}()
	synctest.Wait()
	return v
}

// No more hashes than slots, no more logins than slots and queue, and the next
// one is refused at once.
func TestPlacesAreBounded(t *testing.T) {
	cores := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(cores)
	for _, tt := range []struct {
		name         string
		cores        int
		opts         []accounts.Option
		slots, queue int
	}{
		{"one slot, no queue", cores, []accounts.Option{accounts.WithSlots(1), accounts.WithQueue(0)}, 1, 0},
		{"one slot", cores, []accounts.Option{accounts.WithSlots(1), accounts.WithQueue(3)}, 1, 3},
		{"three slots", cores, []accounts.Option{accounts.WithSlots(3), accounts.WithQueue(5)}, 3, 5},
		{"64 in the queue for each of two slots", cores, []accounts.Option{accounts.WithSlots(2)}, 2, 128},
		{"one core", 1, nil, 1, 64},
		{"two cores: one is left to others", 2, nil, 1, 64},
		{"four cores: one is left to others", 4, nil, 3, 192},
	} {
		t.Run(tt.name, func(t *testing.T) {
			runtime.GOMAXPROCS(tt.cores)
			synctest.Test(t, func(t *testing.T) {
				c := newRush(t, tt.opts...)
				var inside []*visit
				for i := range tt.slots + tt.queue {
					v := c.arrive(t.Context(), fmt.Sprint(i))
					if v.ended() {
						t.Fatalf("number %d: %v", i, v.err)
					}
					inside = append(inside, v)
				}
				for range 2 {
					if v := c.arrive(t.Context(), "beyond"); !v.ended() || !errors.Is(v.err, accounts.ErrBusy) || v.took != 0 {
						t.Errorf("one more: %v after %v", v.err, v.took)
					}
				}
				for i, v := range inside {
					<-v.done
					if want := time.Duration(i/tt.slots+1) * hashTime; v.took != want || !errors.Is(v.err, bearer.ErrBadCredentials) {
						t.Errorf("number %d: %v after %v, want %v", i, v.err, v.took, want)
					}
				}
				if c.most != tt.slots || len(c.order) != len(inside) {
					t.Errorf("%d hashes, %d at once", len(c.order), c.most)
				}
				if v := c.arrive(t.Context(), "later"); v.ended() {
					t.Errorf("all places are free, and then: %v", v.err)
				}
			})
		})
	}
}

// The refusal is the endpoint's 503, and what the throttle has counted is taken
// back.
func TestBusyAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newRush(t, accounts.WithSlots(1), accounts.WithQueue(0))
		issuer := issuerOf(t, c.auth)
		c.arrive(t.Context(), "first")
		c.throttle.calls = nil
		ask := func() *httptest.ResponseRecorder {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/token", bodyOf(t, login("tom")))
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			issuer.ServeHTTP(w, r)
			return w
		}
		start := time.Now()
		w := ask()
		if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "1" || time.Since(start) != 0 {
			t.Errorf("%d %v after %v", w.Code, w.Header(), time.Since(start))
		}
		if calls := append(c.throttle.names(t), c.store.calls[1:]...); !slices.Equal(calls, []string{"Admit", "Refund"}) {
			t.Errorf("%q: it stays counted, or was looked up", calls)
		}
		time.Sleep(time.Second) // as it was told to
		if w := ask(); w.Code != http.StatusBadRequest {
			t.Errorf("%d, a second later", w.Code)
		}
	})
}

// A flood of strangers, each at another account from another network, fills the
// queue and keeps nobody out who is known.
func TestAKnownOwnerBesideAFloodOfStrangers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all sync.WaitGroup
		var store accounts.MemoryStore
		owner := users()["tom"]
		if err := store.Create(t.Context(), &owner); err != nil {
			t.Fatal(err)
		}
		auth, err := accounts.New(&store, accounts.WithSlots(1))
		if err != nil {
			t.Fatal(err)
		}
		auth.WrapHash(func(accounts.HashFunc) accounts.HashFunc {
			return func(_ accounts.Scheme, password, _ string) (string, bool) {
				time.Sleep(hashTime)
				return "", password == passwordOf("tom")
			}
		})
		try := func(userName, from string) error {
			c := login(userName)
			c.ClientAddr = netip.MustParseAddr(from)
			_, err := auth.Authenticate(t.Context(), c)
			return err
		}
		const home = "198.51.100.1"
		if err := try("tom", home); err != nil {
			t.Fatal(err)
		}
		var busy, tried atomic.Int64
		ended := time.Now().Add(time.Minute)
		all.Go(func() {
			for n := 0; time.Now().Before(ended); n++ {
				all.Go(func() {
					if tried.Add(1); errors.Is(try(name(n), address(n)), accounts.ErrBusy) {
						busy.Add(1)
					}
				})
				time.Sleep(time.Second / 500)
			}
		})
		for time.Now().Before(ended) {
			time.Sleep(377 * time.Millisecond)
			if err := try("tom", home); err != nil {
				t.Error(err)
			}
		}
		all.Wait()
		if busy.Load() < tried.Load()/2 {
			t.Errorf("%d of %d strangers were refused: no flood", busy.Load(), tried.Load())
		}
	})
}

// Who waits longest is next.
func TestQueueIsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newRush(t, accounts.WithSlots(2), accounts.WithQueue(20))
		var want []string
		for i := range 22 {
			want = append(want, fmt.Sprint(i))
			c.arrive(t.Context(), want[i])
			time.Sleep(time.Millisecond) // some go on meanwhile
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if !slices.Equal(c.order, want) {
			t.Errorf("%q", c.order)
		}
	})
}

// Who goes away leaves the queue to others, is not counted by the throttle, and
// nothing is computed for him.
func TestCancelledLoginsLeaveTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newRush(t, accounts.WithSlots(1), accounts.WithQueue(2))
		first := c.arrive(t.Context(), "first")
		ctx, cancel := context.WithCancel(t.Context())
		gone := c.arrive(ctx, "gone")
		last := c.arrive(t.Context(), "last")
		time.Sleep(hashTime / 3)
		c.throttle.calls = c.throttle.calls[1:2] // of the one that goes
		c.throttle.refund = func(ctx context.Context) error {
			if ctx.Err() != nil {
				t.Error("the refund comes too late")
			}
			return nil
		}
		cancel()
		synctest.Wait()
		if !gone.ended() || gone.took != hashTime/3 || !errors.Is(gone.err, context.Canceled) {
			t.Errorf("%v after %v", gone.err, gone.took)
		}
		if got := c.throttle.names(t); !slices.Equal(got, []string{"Admit", "Refund"}) {
			t.Errorf("throttle %q, want a refund", got)
		}
		if got := c.outcomes(); !slices.Equal(got, []string{accounts.Abandoned}) {
			t.Errorf("outcomes %q", got)
		}
		if c.arrive(t.Context(), "in its place").ended() {
			t.Error("its place is not free")
		}
		if !c.arrive(t.Context(), "beyond").ended() {
			t.Error("more places than there are")
		}
		<-first.done
		<-last.done
		time.Sleep(time.Second)
		synctest.Wait()
		if want := []string{"first", "last", "in its place"}; !slices.Equal(c.order, want) || last.took != 2*hashTime {
			t.Errorf("hashes %q, the last after %v", c.order, last.took)
		}
	})
}

// A slot that is free is no reason to compute for who is gone already, nor is
// one that becomes free at the same instant.
func TestNothingIsComputedForWhoIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newRush(t, accounts.WithSlots(1), accounts.WithQueue(1))
		for range 100 {
			gone, cancel := context.WithCancel(t.Context())
			c.store.found = cancel
			if v := c.arrive(gone, "gone"); !v.ended() || !errors.Is(v.err, context.Canceled) {
				t.Fatal(v.err)
			}
		}
		c.store.found = nil
		for _, password := range c.order {
			if password == "gone" {
				t.Error("a hash for who was gone before")
			}
		}
		// The end and the slot at one instant: either counts, but not half of each.
		refused := 0
		for range 100 {
			first := c.arrive(t.Context(), "first")
			ctx, cancel := context.WithTimeout(t.Context(), hashTime)
			second := c.arrive(ctx, "second")
			<-first.done
			<-second.done
			cancel()
			if errors.Is(second.err, bearer.ErrBadCredentials) {
				refused++
			} else if !errors.Is(second.err, context.DeadlineExceeded) {
				t.Error(second.err)
			}
		}
		if computed := len(slices.DeleteFunc(c.order, func(p string) bool { return p != "second" })); computed != refused {
			t.Errorf("%d hashes for %d refusals", computed, refused)
		}
	})
}

// A hash that has been begun is not cut short: its result stands.
func TestHashesAreNotCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, oldSchemes(t))
		ctx, cancel := context.WithCancel(t.Context())
		f.work = func(string) { cancel() }
		f.throttle.succeed = func(ctx context.Context) error { return ctx.Err() }
		f.store.upgrade = func(ctx context.Context) error { return ctx.Err() }
		if _, err := f.auth.Authenticate(ctx, login("olga")); err != nil {
			t.Error(err)
		}
		if want := []string{accounts.Granted, accounts.HashUpgraded}; !slices.Equal(f.outcomes(), want) || f.events[0].Err != nil {
			t.Errorf("outcomes %q, %v", f.outcomes(), f.events[0].Err)
		}
	})
}
