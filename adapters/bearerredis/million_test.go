//go:build unix

package bearerredis_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/adapters/bearerredis"
	"github.com/gobearer/bearer/bearertest"
	"github.com/redis/go-redis/v9"
)

const (
	million       = 1_000_000
	millionIssuer = "https://issuer.example.com"
)

// uuid is what the ids of an Issuer look like.
func uuid(k int) string { return fmt.Sprintf("%08x-0000-4000-8000-%012x", uint32(k)*2654435761, k) }

// fill adds entries as Revoke does, less the changes.
func fill(t testing.TB, client *redis.Client, n int) {
	t.Helper()
	until := float64(time.Now().Add(200 * time.Hour).Unix())
	const each = 2000
	members := make([]redis.Z, 0, each)
	for k := range n {
		members = append(members, redis.Z{Score: until, Member: bearerredis.TokenMember(millionIssuer, uuid(k))})
		if len(members) == each || k == n-1 {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			err := client.ZAdd(ctx, "{bearer}:"+bearerredis.EntriesKey, members...).Err()
			cancel()
			if err != nil {
				t.Fatal(err)
			}
			members = members[:0]
		}
	}
}

// usedMemory is what Redis says that its data take.
func usedMemory(t testing.TB, client *redis.Client) int64 {
	t.Helper()
	n, err := strconv.ParseInt(infoOf(t, client, "memory", "used_memory_dataset:", "\r\n"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// infoOf is what stands between two texts in what Redis says of itself.
func infoOf(t testing.TB, client *redis.Client, section, before, behind string) string {
	t.Helper()
	info, err := client.Info(t.Context(), section).Result()
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(info, before)
	text, _, _ := strings.Cut(rest, behind)
	return text
}

func heap() int64 {
	var s runtime.MemStats
	runtime.GC()
	runtime.GC() // what pools hold goes with the second one
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}

// stopped copies all into a mirror, which then stays as it is.
func stopped(t testing.TB, client redis.UniversalClient) *bearerredis.Mirror {
	t.Helper()
	m, end := completeMirror(t, client, time.Hour, patient())
	end()
	return m
}

// completeMirror has a complete mirror run, until end has returned.
func completeMirror(t testing.TB, client redis.UniversalClient, maxAge time.Duration, opts ...bearerredis.Option) (m *bearerredis.Mirror, end func()) {
	t.Helper()
	m, err := bearerredis.NewMirror(client, maxAge, opts...)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = m.Run(ctx) })
	eventually(t, "the mirror is complete", func() bool { return isFresh(m) })
	return m, func() { cancel(); running.Wait() }
}

// What a million revocations cost in Redis, in a mirror, and to a new replica.
func TestMillionRevocations(t *testing.T) {
	if os.Getenv("BEARER_INTEGRATION") != "1" {
		t.Skip("it needs a while: set BEARER_INTEGRATION=1")
	}
	client := startRedis(t, "--appendonly", "no").client(t)
	empty := usedMemory(t, client)
	fill(t, client, million)
	t.Logf("Redis: %d bytes an entry", (usedMemory(t, client)-empty)/million)
	before := heap()
	start := time.Now()
	m := stopped(t, client)
	t.Logf("a new replica has all %d entries after %v", m.Entries(), time.Since(start).Round(time.Millisecond))
	t.Logf("mirror: %d bytes an entry", (heap()-before)/million)
	if m.Entries() != million {
		t.Errorf("%d entries", m.Entries())
	}
	for range 1000 {
		k := rand.N(2 * million)
		if is, err := m.Revoked(t.Context(), bearer.Info{Issuer: millionIssuer, ID: uuid(k)}); is != (k < million) || err != nil {
			t.Errorf("entry %d: %t, %v", k, is, err)
		}
	}
}

// processor reports the processor's time, which on a machine that does other
// things too says more than the clock.
func processor(b *testing.B) (stop func()) {
	used := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before := used()
	return func() { b.ReportMetric(float64(used()-before)/float64(b.N), "cpu-ns/op") }
}

// BenchmarkRevoked is one question about a token, of which every second one is
// among a million that were revoked.
func BenchmarkRevoked(b *testing.B) {
	client := startRedis(b, "--appendonly", "no").client(b)
	fill(b, client, million)
	bare := make(map[string]int64, million)
	for k := range million {
		bare[millionIssuer+"\n"+uuid(k)] = 1
	}
	infos := make([]bearer.Info, 4096)
	for k := range infos {
		infos[k] = bearer.Info{Issuer: millionIssuer, ID: uuid(rand.N(2 * million)), Session: uuid(-k), Subject: "alice", IssuedAt: time.Now()}
	}
	ask := func(b *testing.B, s bearer.Revocations) {
		b.ReportAllocs()
		defer processor(b)()
		for k := 0; b.Loop(); k++ {
			if _, err := s.Revoked(b.Context(), infos[k%len(infos)]); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("mirror", func(b *testing.B) { ask(b, stopped(b, client)) })
	b.Run("direct", func(b *testing.B) { ask(b, newRevocations(b, client, patient())) })
	b.Run("map", func(b *testing.B) {
		b.ReportAllocs()
		defer processor(b)()
		for k := 0; b.Loop(); k++ {
			info := &infos[k%len(infos)]
			_ = bare[info.Issuer+"\n"+info.ID]
		}
	})
}

// verification is a middleware's whole decision, without revocations or with some.
func verification(t testing.TB, revocations bearer.Revocations) func() {
	t.Helper()
	issuer := bearertest.NewIssuer(t)
	trust := issuer.Trust()
	trust.Revocations = revocations
	api, err := bearer.NewMiddleware[bearertest.Claims](trust)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer "+issuer.Token(map[string]any{"jti": uuid(-1), "sid": uuid(-2), "scope": "a b", "role": "c"}))
	return func() {
		if _, err := api.Admit(r); err != nil {
			t.Fatal(err)
		}
	}
}

func TestMirrorAllocatesNothing(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	m := stopped(t, startRedis(t).client(t))
	info := bearer.Info{Issuer: "i", ID: "a", Session: "b", Subject: "c"}
	if n := testing.AllocsPerRun(1000, func() { _, _ = m.Revoked(t.Context(), info) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
	without, with := testing.AllocsPerRun(200, verification(t, nil)), testing.AllocsPerRun(200, verification(t, m))
	if with > without {
		t.Errorf("%v allocations a request, %v without revocations", with, without)
	}
}

// BenchmarkVerification compares requests without revocations with those that a
// mirror of a million is asked for.
func BenchmarkVerification(b *testing.B) {
	client := startRedis(b, "--appendonly", "no").client(b)
	fill(b, client, million)
	m := stopped(b, client)
	for name, revocations := range map[string]bearer.Revocations{"none": nil, "mirror": m} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			verify := verification(b, revocations)
			defer processor(b)()
			for b.Loop() {
				verify()
			}
		})
	}
}
