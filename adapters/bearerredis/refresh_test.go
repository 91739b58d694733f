package bearerredis_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/gobearer/bearer/adapters/bearerredis"
	"github.com/gobearer/bearer/bearertest"
	"github.com/gobearer/bearer/refresh"
	"github.com/redis/go-redis/v9"
)

func newRefreshStore(t testing.TB, client redis.UniversalClient, opts ...bearerredis.Option) *bearerredis.RefreshStore {
	t.Helper()
	s, err := bearerredis.NewRefreshStore(client, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestRefreshStore(t *testing.T) {
	t.Parallel()
	for name, client := range protocols(t) {
		t.Run(name, func(t *testing.T) {
			bearertest.RefreshStore(t, func(t *testing.T) refresh.Store {
				return newRefreshStore(t, client, ownPrefix(), patient())
			})
		})
	}
}

// A family is there for as long as a token of it may be good, and no longer.
func TestFamiliesExpire(t *testing.T) {
	t.Parallel()
	client := startRedis(t).client(t)
	store := newRefreshStore(t, client, patient())
	now := time.Now().Truncate(time.Millisecond)
	for k, tt := range []struct{ idle, absolute, rotated, want time.Duration }{
		{time.Hour, 10 * time.Hour, 0, time.Hour},
		{time.Hour, 10 * time.Hour, 2 * time.Hour, 2 * time.Hour},
		{time.Hour, 10 * time.Hour, 20 * time.Hour, 10 * time.Hour},
		{20 * time.Hour, 10 * time.Hour, 0, 10 * time.Hour},
	} {
		f := refresh.Family{ID: [32]byte{byte(k)}, Created: now, Expires: now.Add(tt.absolute), Idle: now.Add(tt.idle)}
		if err := store.Create(t.Context(), f); err != nil {
			t.Fatal(err)
		}
		if tt.rotated > 0 {
			outcome, err := store.Use(t.Context(), refresh.Use{ID: f.ID, Now: now, Idle: now.Add(tt.rotated)})
			if outcome != refresh.Rotated || err != nil {
				t.Fatal(outcome, err)
			}
		}
		if err := store.Revoke(t.Context(), f.ID); err != nil {
			t.Fatal(err)
		}
		at, err := client.Do(t.Context(), "PEXPIRETIME", fmt.Sprintf("{bearer}:refresh:%064x", [32]byte(f.ID))).Int64()
		if err != nil || at != now.Add(tt.want).UnixMilli() {
			t.Errorf("%+v: it ends at %d, %v, want %d", tt, at, err, now.Add(tt.want).UnixMilli())
		}
	}
	if err := store.Revoke(t.Context(), [32]byte{99}); err != nil {
		t.Fatal(err)
	}
	if n, err := client.DBSize(t.Context()).Result(); n != 4 || err != nil {
		t.Errorf("%d keys, %v, want 4", n, err)
	}
}

const (
	usesAt   = "BEARER_TEST_USES_AT"
	usesMany = 25
)

// TestUses is the other process of TestUsesByTwoProcesses.
func TestUses(t *testing.T) {
	addr := os.Getenv(usesAt)
	if addr == "" {
		t.Skip("it is run by another test")
	}
	client := redis.NewClient(&redis.Options{Addr: addr, ContextTimeoutEnabled: true})
	defer client.Close()
	store := newRefreshStore(t, client, patient())
	fmt.Println("ready")
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		ms, err := strconv.ParseInt(in.Text(), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		line, err := json.Marshal(uses(t, store, time.UnixMilli(ms)))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println(string(line))
	}
}

// uses presents the first token of the zero family many times at once.
func uses(t *testing.T, store *bearerredis.RefreshStore, now time.Time) map[refresh.Outcome]int {
	var (
		mu    sync.Mutex
		wg    sync.WaitGroup
		count = map[refresh.Outcome]int{}
	)
	for range usesMany {
		wg.Go(func() {
			got, err := store.Use(t.Context(), refresh.Use{Now: now, Grace: 10 * time.Second, Idle: now.Add(time.Hour)})
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			count[got]++
		})
	}
	wg.Wait()
	return count
}

func TestUsesByTwoProcesses(t *testing.T) {
	t.Parallel()
	s := startRedis(t)
	now := time.Now().Truncate(time.Millisecond)
	store := newRefreshStore(t, s.client(t), patient())
	if err := store.Create(t.Context(), refresh.Family{Created: now, Expires: now.Add(time.Hour), Idle: now.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	other := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestUses$", "-test.count=1")
	other.Env = append(os.Environ(), usesAt+"="+s.addr)
	other.Stderr = os.Stderr
	in, err := other.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "ready" {
		t.Fatalf("the other process says %q", lines.Text())
	}
	for _, tt := range []struct {
		name string
		at   time.Time
		want map[refresh.Outcome]int
	}{
		{"within the grace", now, map[refresh.Outcome]int{refresh.Rotated: 1, refresh.Replayed: 2*usesMany - 1}},
		{"after it", now.Add(11 * time.Second), map[refresh.Outcome]int{refresh.Reused: 1, refresh.Revoked: 2*usesMany - 1}},
	} {
		if _, err := fmt.Fprintln(in, tt.at.UnixMilli()); err != nil {
			t.Fatal(err)
		}
		got := uses(t, store, tt.at)
		theirs := map[refresh.Outcome]int{}
		if !lines.Scan() || json.Unmarshal(lines.Bytes(), &theirs) != nil {
			t.Fatalf("the other process says %q", lines.Text())
		}
		t.Logf("%s: %v here, %v in the other process", tt.name, got, theirs)
		for outcome, n := range theirs {
			got[outcome] += n
		}
		if !maps.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
	if err := in.Close(); err != nil {
		t.Error(err)
	}
	for lines.Scan() {
	}
	if err := other.Wait(); err != nil {
		t.Error(err)
	}
}
