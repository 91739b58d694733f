package bearerredis_test

import (
	"math/rand/v2"
	"net/netip"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobearer/bearer/accounts"
	"github.com/gobearer/bearer/adapters/bearerredis"
	"github.com/gobearer/bearer/internal/throttle"
	"github.com/redis/go-redis/v9"
)

func newThrottle(t testing.TB, client redis.UniversalClient, opts ...bearerredis.Option) *bearerredis.Throttle {
	t.Helper()
	s, err := bearerredis.NewThrottle(client, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func network(n int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(n)}), 32)
}

func attemptOf(account, net int) accounts.Attempt {
	return accounts.Attempt{Account: [16]byte{byte(account)}, Network: network(net)}
}

// A step is one call of a throttle, and what came of it.
type step struct {
	name    string
	attempt accounts.Attempt
	known   bool
	at      time.Time
	verdict accounts.Verdict
}

// history lets a MemoryThrottle count random logins. It is called in a bubble.
func history(t *testing.T, r *rand.Rand, steps int) (h []step) {
	var m accounts.MemoryThrottle
	users, networks := []int{1, 2, 60}[r.IntN(3)], []int{1, 2, 20}[r.IntN(3)]
	pauses := []time.Duration{time.Millisecond, time.Second, 10 * time.Second, time.Minute, time.Hour, 31 * 24 * time.Hour}
	pauses = pauses[:1+r.IntN(len(pauses))]
	good := 0
	var underWay []step
	for n := range users * networks * r.IntN(2) { // in half of them everybody is known
		time.Sleep(time.Microsecond)
		s := step{name: "succeed", attempt: attemptOf(n%users, n/users), at: time.Now()}
		_ = m.Succeed(t.Context(), s.attempt, accounts.Verdict{})
		h = append(h, s)
	}
	for range steps {
		if r.IntN(100) == 0 {
			good = r.IntN(4)
		}
		// A microsecond at least: of two successes at one instant none is later.
		time.Sleep(time.Microsecond + time.Duration(r.Int64N(int64(2*pauses[r.IntN(len(pauses))]))).Truncate(time.Microsecond))
		now := time.Now()
		if len(underWay) > 0 && r.IntN(2) == 0 {
			k := r.IntN(len(underWay))
			s := underWay[k]
			underWay = append(underWay[:k], underWay[k+1:]...)
			s.at, s.known = now, s.verdict.Known
			switch n := r.IntN(4); {
			case n < good:
				s.name = "succeed"
				_ = m.Succeed(t.Context(), s.attempt, s.verdict)
			case n == 3:
				s.name = "refund"
				_ = m.Refund(t.Context(), s.attempt, s.verdict)
			default:
				continue
			}
			s.verdict = accounts.Verdict{}
			h = append(h, s)
			continue
		}
		s := step{name: "admit", attempt: attemptOf(r.IntN(users), r.IntN(networks)), at: now}
		s.verdict, _ = m.Admit(t.Context(), s.attempt)
		h = append(h, s)
		if s.verdict.Wait == 0 {
			underWay = append(underWay, s)
		}
	}
	return h
}

// Whatever happens, the verdicts are those of the throttle in memory, to the
// microsecond.
func TestThrottleAgreesWithMemory(t *testing.T) {
	t.Parallel()
	client := startRedis(t, "--appendonly", "no").client(t)
	// Of this one every kind of verdict comes.
	seen := agree(t, client, 6, 20)
	for _, name := range []string{
		"succeed ", "refund ", "admit ", "admit throttled_account", "admit throttled_network", "known ", "known throttled_account", "known throttled_network",
	} {
		if seen[name] == 0 {
			t.Errorf("nothing was %q: %v", name, seen)
		}
	}
	if os.Getenv("BEARER_INTEGRATION") == "1" {
		t.Log(agree(t, client, rand.Uint64(), 60))
	}
}

func agree(t *testing.T, client redis.UniversalClient, seed uint64, rounds int) (seen map[string]int) {
	r := rand.New(rand.NewPCG(seed, 0))
	seen = map[string]int{}
	for round := range rounds {
		var h []step
		synctest.Test(t, func(t *testing.T) { h = history(t, r, 50+r.IntN(800)) })
		th := newThrottle(t, client, ownPrefix())
		for k, s := range h {
			got := th.At(t, s.name, s.attempt, s.known, s.at)
			if s.name == "admit" && got != s.verdict {
				t.Fatalf("seed %d, round %d, step %d of %+v: %+v, want %+v", seed, round, k, s.attempt, got, s.verdict)
			}
			name := s.name + " " + s.verdict.By
			if s.verdict.Known {
				name = "known " + s.verdict.By
			}
			seen[name]++
		}
	}
	return seen
}

// Redis's clock may be set back: nobody waits until it is where it was.
func TestThrottleWhoseClockIsSetBack(t *testing.T) {
	t.Parallel()
	th := newThrottle(t, startRedis(t).client(t))
	now := time.Now()
	a := attemptOf(1, 1)
	for range 10 {
		th.At(t, "admit", a, false, now)
	}
	for _, tt := range []struct {
		at   time.Duration
		want time.Duration
	}{{0, time.Second}, {-time.Hour, 0}, {-time.Hour, 2 * time.Second}} {
		if v := th.At(t, "admit", a, false, now.Add(tt.at)); v.Wait != tt.want {
			t.Errorf("at %v: %+v, want to wait for %v", tt.at, v, tt.want)
		}
	}
}

func admit(t testing.TB, th *bearerredis.Throttle, a accounts.Attempt) accounts.Verdict {
	t.Helper()
	v, err := th.Admit(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// admitUntilRefused asks again where the wait was over when it came to be asked for.
func admitUntilRefused(t testing.TB, th *bearerredis.Throttle, a accounts.Attempt) (v accounts.Verdict) {
	t.Helper()
	for range 3 {
		if v = admit(t, th, a); v.Wait > 0 {
			break
		}
	}
	return v
}

// Guesses at one replica count at the other one.
func TestThrottleIsShared(t *testing.T) {
	t.Parallel()
	s := startRedis(t)
	replicas := [2]*bearerredis.Throttle{newThrottle(t, s.client(t), patient()), newThrottle(t, s.client(t), patient())}
	for k := range 10 {
		if v := admit(t, replicas[k%2], attemptOf(1, k)); v != (accounts.Verdict{}) {
			t.Fatalf("attempt %d: %+v", k, v)
		}
	}
	for k, th := range replicas {
		v := admitUntilRefused(t, th, attemptOf(1, 10+k))
		if v.Wait <= 0 || v.Wait > 16*time.Second || v.By != accounts.ThrottledAccount || v.Known {
			t.Errorf("replica %d: %+v, want to wait for some seconds", k, v)
		}
	}
	if v := admit(t, replicas[0], attemptOf(2, 1)); v != (accounts.Verdict{}) {
		t.Errorf("another account: %+v", v)
	}
	if err := replicas[0].Refund(t.Context(), attemptOf(1, 3), accounts.Verdict{}); err != nil {
		t.Fatal(err)
	}
	if v := admit(t, replicas[1], attemptOf(1, 3)); v != (accounts.Verdict{}) {
		t.Errorf("after a refund: %+v", v)
	}
	if err := replicas[1].Succeed(t.Context(), attemptOf(1, 3), accounts.Verdict{}); err != nil {
		t.Fatal(err)
	}
	if v := admit(t, replicas[0], attemptOf(1, 3)); v != (accounts.Verdict{Known: true}) {
		t.Errorf("after a success: %+v", v)
	}
}

func TestThrottleKnowsSixteenNetworks(t *testing.T) {
	t.Parallel()
	th := newThrottle(t, startRedis(t).client(t), patient())
	for k := range throttle.MaxNetworks + 1 {
		if err := th.Succeed(t.Context(), attemptOf(1, k), accounts.Verdict{}); err != nil {
			t.Fatal(err)
		}
	}
	for k := range throttle.MaxNetworks + 1 {
		if v := admit(t, th, attemptOf(1, k)); v.Known != (k > 0) {
			t.Errorf("network %d: %+v", k, v)
		}
	}
	if v := admit(t, th, attemptOf(2, 5)); v.Known {
		t.Errorf("another account: %+v", v)
	}
}

// Nothing stays for ever: each key expires when it says nothing any more.
func TestThrottleExpires(t *testing.T) {
	t.Parallel()
	client := startRedis(t).client(t)
	th := newThrottle(t, client, patient())
	for account := range 3 {
		for range 4 {
			v := admit(t, th, attemptOf(account, account))
			if account == 1 {
				if err := th.Succeed(t.Context(), attemptOf(account, account), v); err != nil {
					t.Fatal(err)
				}
			}
		}
		v := admit(t, th, attemptOf(account, account))
		if err := th.Refund(t.Context(), attemptOf(account, account), v); err != nil {
			t.Fatal(err)
		}
	}
	keys, err := client.Keys(t.Context(), "*").Result()
	if err != nil || len(keys) == 0 {
		t.Fatal(keys, err)
	}
	for _, key := range keys {
		longest := time.Duration(4*15*throttle.Minute+throttle.UnderWay) * time.Microsecond
		if strings.Contains(key, "known") {
			longest = time.Duration(throttle.KnownFor) * time.Microsecond
		}
		if ttl, err := client.PTTL(t.Context(), key).Result(); ttl <= 0 || ttl > longest+time.Second || err != nil {
			t.Errorf("%s expires in %v, %v, want %v at most", key, ttl, err, longest)
		}
	}
}
