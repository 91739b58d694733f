package keys_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobearer/bearer/keys"
)

// inFakeTime runs tests in which hours pass at once, and in which a goroutine
// that is left over is a failure.
func inFakeTime(t *testing.T, tests []fakeTimeTest) {
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { synctest.Test(t, test.run) })
	}
}

type fakeTimeTest struct {
	name string
	run  func(*testing.T)
}

func TestRemoteKnownKeys(t *testing.T) {
	inFakeTime(t, []fakeTimeTest{
		{"nothing is fetched before the first token", func(t *testing.T) {
			server := serving(offered("k1"))
			source := server.remote(t)
			time.Sleep(time.Hour)
			server.expectFetches(t, 0)
			expect(t, source, header("k1"), isKey)
			server.expectFetches(t, 1)
		}},
		{"a known key never waits, even for a refresh that hangs", func(t *testing.T) {
			server := serving(offered("k1"))
			source := server.warm(t)
			server.hang()
			began := time.Now()
			for range 3 {
				time.Sleep(6 * time.Minute)
				before := time.Now()
				for range 1000 {
					expect(t, source, header("k1"), isKey)
				}
				if waited := time.Since(before); waited != 0 {
					t.Errorf("waited %v", waited)
				}
				synctest.Wait()
			}
			t.Logf("3000 tokens over %v, waited 0 s, %d fetches", time.Since(began), server.count())
			time.Sleep(time.Minute)
		}},
		{"bad signatures under a known id cause no fetch", func(t *testing.T) {
			server := serving(offered("k1"))
			source := server.warm(t)
			for range 10_000 { // the source sees no signature: each of these tokens may have a bad one
				expect(t, source, header("k1"), isKey)
			}
			server.expectFetches(t, 1)
		}},
		{"a snapshot is refreshed when it is old and requests come", func(t *testing.T) {
			server := serving(offered("k1"))
			source := server.warm(t)
			for range 60 * 60 {
				time.Sleep(time.Second)
				expect(t, source, header("k1"), isKey)
			}
			synctest.Wait()
			t.Logf("%d fetches in an hour of requests", server.count())
			if n := server.count(); n < 12 || n > 13 {
				t.Errorf("%d fetches in an hour, want one each five minutes", n)
			}
			n := server.count()
			time.Sleep(12 * time.Hour)
			server.expectFetches(t, n)
		}},
		{"a hard age below the default interval shortens it", func(t *testing.T) {
			server := serving(offered("k1"))
			server.slow(3 * time.Second)
			source := server.warm(t, keys.WithHardAge(time.Minute))
			began := time.Now()
			for range 600 {
				expect(t, source, header("k1"), isKey)
				time.Sleep(time.Second)
			}
			if took := time.Since(began); took != 10*time.Minute {
				t.Errorf("known keys waited %v", took-10*time.Minute)
			}
			time.Sleep(time.Minute)
		}},
		{"after long idleness a known key is served at once and refreshed beside", func(t *testing.T) {
			server := serving(offered("k1"))
			source := server.warm(t)
			time.Sleep(23 * time.Hour)
			server.serve(offered("k2"))
			server.slow(time.Second)
			before := time.Now()
			expect(t, source, header("k1"), isKey)
			if time.Since(before) != 0 {
				t.Error("it waited")
			}
			time.Sleep(2 * time.Second)
			expect(t, source, header("k2"), isKey)
			server.expectFetches(t, 2)
		}},
		{"a key that was removed stops working at the next refresh, which replaces and never merges", func(t *testing.T) {
			server := serving(offered("k1"), offered("k2"))
			source := server.warm(t)
			server.serve(offered("k2"), offered("k3"))
			time.Sleep(5*time.Minute - time.Second)
			expect(t, source, header("k1"), isKey)
			server.expectFetches(t, 1)
			time.Sleep(time.Second)
			expect(t, source, header("k2"), isKey)
			synctest.Wait()
			server.expectFetches(t, 2)
			for kid, want := range map[string]string{"k1": isNone, "k2": isKey, "k3": isKey} {
				expect(t, source, header(kid), want)
			}
		}},
		{"a set without a usable key empties nothing", func(t *testing.T) {
			for _, body := range []string{`{"keys":[]}`, `{"keys":[{"kty":"future"}]}`, `{}`, `null`, ``, `<html>`, jwks(jwk(secret, with{"alg": "HS256", "kid": "k1"}))} {
				server := serving(offered("k1"))
				source := server.warm(t, keys.WithHardAge(time.Hour))
				server.status(http.StatusOK, body)
				for range 59 {
					time.Sleep(time.Minute)
					expect(t, source, header("k1"), isKey)
				}
				synctest.Wait()
				if s := source.Status(); s.Err == nil || !s.Usable {
					t.Errorf("%q: %+v", body, s)
				}
				time.Sleep(2 * time.Minute)
				expect(t, source, header("k1"), isError)
			}
		}},
	})
}

func TestRemoteUnknownKeys(t *testing.T) {
	inFakeTime(t, []fakeTimeTest{
		{"attack: 10 000 unknown ids in a minute", func(t *testing.T) {
			server := serving(offered("k1"))
			source := server.warm(t)
			answers := map[string]int{}
			for i := range 10_000 {
				answers[says(source, header(fmt.Sprint("x", i)))]++
				expect(t, source, header("k1"), isKey)
				time.Sleep(6 * time.Millisecond)
			}
			n := server.count() - 1
			t.Logf("%d fetches, known keys refused: 0, answers: %v", n, answers)
			if n > 2+6 {
				t.Errorf("%d fetches, want 8 at most", n)
			}
			if answers[isKey] != 0 || answers[isError] == 0 {
				t.Error("unseen ids while the credit is out are errors")
			}
		}},
		{"attack: 10 000 unknown ids at once", func(t *testing.T) {
			server := serving(offered("k1"))
			server.slow(100 * time.Millisecond)
			source := server.warm(t)
			var wg sync.WaitGroup
			for i := range 10_000 {
				wg.Go(func() { says(source, header(fmt.Sprint("x", i))) })
			}
			wg.Wait()
			n := server.count() - 1
			t.Logf("%d fetches", n)
			if n > 2 {
				t.Errorf("%d fetches, want 2 at most", n)
			}
		}},
		{"the first token of a new key is accepted at once in peace, twice in a row", func(t *testing.T) {
			server := serving(offered("k1"))
			source := server.warm(t)
			for _, kid := range []string{"k2", "k3"} {
				server.serve(offered("k1"), offered(kid))
				expect(t, source, header(kid), isKey)
			}
			server.expectFetches(t, 3)
		}},
		{"the first token of a new key is accepted within ten seconds under attack", func(t *testing.T) {
			server := serving(offered("k1"))
			source := server.warm(t)
			attack := 0
			for round := range 8 {
				for range 2000 + 337*round { // the key comes at any time of the attack
					attack++
					says(source, header(fmt.Sprint("x", attack)))
					time.Sleep(5 * time.Millisecond)
				}
				kid := fmt.Sprint("new", round)
				server.serve(offered("k1"), offered(kid))
				began, refused := time.Now(), 0
				for says(source, header(kid)) != isKey {
					refused++
					attack++
					says(source, header(fmt.Sprint("x", attack)))
					time.Sleep(5 * time.Millisecond)
				}
				took := time.Since(began)
				if round%2 == 0 {
					t.Logf("accepted after %v, refused before: %d", took, refused)
				}
				if took > 10*time.Second {
					t.Errorf("accepted after %v", took)
				}
			}
		}},
		{"an id that a fetch has just shown absent has no key; an unseen one while the credit is out is an error", func(t *testing.T) {
			server := serving(offered("k1"))
			source := server.warm(t)
			expect(t, source, header("a"), isNone)
			expect(t, source, header("b"), isNone)
			server.expectFetches(t, 3)
			for range 100 {
				expect(t, source, header("a"), isNone)
				expect(t, source, header("b"), isNone)
			}
			expect(t, source, header("c"), isError)
			server.expectFetches(t, 3)
			time.Sleep(10 * time.Second)
			expect(t, source, header("d"), isNone)
			server.expectFetches(t, 4)
			expect(t, source, header("c"), isNone) // asked for before that fetch, which did not show it
			expect(t, source, header("e"), isError)
		}},
		{"attack: the id of the next key, guessed before it is published, delays it by ten seconds at most", func(t *testing.T) {
			server := serving(offered("k1"))
			source := server.warm(t)
			for range 600 {
				expect(t, source, header("2026-12"), isNone)
				time.Sleep(100 * time.Millisecond)
			}
			t.Logf("%d fetches in a minute", server.count()-1)
			server.serve(offered("k1"), offered("2026-12"))
			began := time.Now()
			for says(source, header("2026-12")) != isKey {
				time.Sleep(100 * time.Millisecond)
			}
			t.Logf("accepted after %v", time.Since(began))
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("accepted after %v", took)
			}
		}},
		{"a key that is published during a fetch is found by the next, not refused", func(t *testing.T) {
			server := serving(offered("k1"))
			source := server.warm(t)
			server.say(func(*http.Request) (int, string, error) { // it has read the set, and takes its time to send it
				time.Sleep(time.Second)
				return http.StatusOK, jwks(offered("k1")), nil
			})
			go says(source, header("x"))
			time.Sleep(500 * time.Millisecond)
			server.serve(offered("k1"), offered("k2"))
			expect(t, source, header("k2"), isKey)
			server.expectFetches(t, 3)
		}},
		{"neither the first fetch nor failed ones spend the credit", func(t *testing.T) {
			server := serving()
			server.down()
			source := server.remote(t)
			for range 10 {
				expect(t, source, header("x"), isError)
				time.Sleep(2 * time.Second)
			}
			server.serve(offered("k1"))
			expect(t, source, header("x"), isNone)
			server.down()
			for i := range 20 {
				expect(t, source, header(fmt.Sprint("y", i)), isError)
				time.Sleep(10 * time.Second)
			}
			failed := server.count()
			server.serve(offered("k1"), offered("k2"))
			expect(t, source, header("k2"), isKey)
			server.serve(offered("k1"), offered("k2"), offered("k3"))
			expect(t, source, header("k3"), isKey)
			server.expectFetches(t, failed+2)
			expect(t, source, header("k4"), isError)
		}},
		{"failed fetches in a burst do not spend the credit either", func(t *testing.T) {
			server := serving(offered("k1"))
			source := server.warm(t)
			server.down()
			expect(t, source, header("x"), isError)
			expect(t, source, header("y"), isError)
			server.expectFetches(t, 3)
			time.Sleep(time.Second)
			for _, kid := range []string{"k2", "k3"} {
				server.serve(offered("k1"), offered(kid))
				expect(t, source, header(kid), isKey)
			}
		}},
		{"a refresh that an unknown id starts is free", func(t *testing.T) {
			server := serving(offered("k1"))
			source := server.warm(t)
			time.Sleep(5 * time.Minute)
			for _, kid := range []string{"a", "b", "c"} {
				expect(t, source, header(kid), isNone)
			}
			expect(t, source, header("d"), isError)
			server.expectFetches(t, 4)
		}},
		{"one fetch that fails by accident delays no new key", func(t *testing.T) {
			server := serving(offered("k1"))
			source := server.warm(t)
			server.down()
			expect(t, source, header("k2"), isError)
			server.serve(offered("k1"), offered("k2"))
			expect(t, source, header("k2"), isKey)
		}},
		{"attack: unknown ids while the server is down", func(t *testing.T) {
			server := serving(offered("k1"))
			source := server.warm(t)
			server.down()
			for i := range 10_000 {
				expect(t, source, header(fmt.Sprint("x", i)), isError)
				expect(t, source, header("k1"), isKey)
				time.Sleep(6 * time.Millisecond)
			}
			first := server.count() - 1
			for i := range 10_000 {
				expect(t, source, header(fmt.Sprint("y", i)), isError)
				time.Sleep(6 * time.Millisecond)
			}
			second := server.count() - 1 - first
			t.Logf("%d fetches in the first minute, %d in the second", first, second)
			if first > 12 || second > 7 {
				t.Error("more than the back-off permits")
			}
		}},
		{"ids and algorithms that no key can have cause no fetch", func(t *testing.T) {
			server := serving(offered("k1"))
			source := server.warm(t)
			for _, h := range []keys.Header{
				header(strings.Repeat("x", 257)), header("a\nb"), header("\xff"),
				{Algorithm: "none", KeyID: "k1"}, {Algorithm: "none"}, {KeyID: "k1"}, {Algorithm: "eddsa", KeyID: "k1"},
				{Algorithm: keys.HS256, KeyID: "k1"}, {Algorithm: keys.HS384, KeyID: "x"}, {Algorithm: keys.HS512},
			} {
				expect(t, source, h, isNone)
			}
			server.expectFetches(t, 1)
			cold := server.remote(t)
			expect(t, cold, keys.Header{Algorithm: keys.HS256, KeyID: "k1"}, isNone)
			server.expectFetches(t, 1)
		}},
		{"a token without an id finds every key of its algorithm, else it is like an unknown id", func(t *testing.T) {
			server := serving(offered("k1"), offered("k2"))
			source := server.warm(t)
			expect(t, source, header(""), isKey)
			server.expectFetches(t, 1)
			expect(t, source, keys.Header{Algorithm: keys.ES256}, isNone)
			expect(t, source, keys.Header{Algorithm: keys.ES256}, isNone)
			server.expectFetches(t, 2)
			expect(t, source, keys.Header{Algorithm: keys.RS256}, isNone)
			expect(t, source, keys.Header{Algorithm: keys.PS256}, isError)
			server.expectFetches(t, 3)
		}},
		{"a token to which a key without an id applies causes no fetch", func(t *testing.T) {
			server := serving(jwk(ed25519Key().Public(), nil))
			source := server.warm(t)
			for i := range 100 {
				expect(t, source, header(fmt.Sprint("x", i)), isKey)
			}
			server.expectFetches(t, 1)
		}},
		{"attack: unknown ids do not fill memory", func(t *testing.T) {
			server := serving(offered("k1"))
			source := server.warm(t)
			heap := func() uint64 {
				runtime.GC()
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				return m.HeapAlloc
			}
			before := heap()
			for i := range 10_000 {
				long := fmt.Sprintf("%0255d%s", i, strings.Repeat("the rest of the token", 500))
				says(source, header(long[:256]))
				time.Sleep(10 * time.Millisecond)
			}
			after := heap()
			t.Logf("%d KiB more after 10 000 ids", (int64(after)-int64(before))/1024)
			if after > before+3<<19 {
				t.Errorf("%d bytes more", after-before)
			}
			runtime.KeepAlive(source)
		}},
	})
}

func TestRemoteOutages(t *testing.T) {
	inFakeTime(t, []fakeTimeTest{
		{"the key server is down for an hour: no known key is refused, and retries back off to a minute", func(t *testing.T) {
			server := serving(offered("k1"))
			source := server.warm(t)
			time.Sleep(5 * time.Minute)
			server.down()
			refused := 0
			for range 36_000 {
				if says(source, header("k1")) != isKey {
					refused++
				}
				time.Sleep(100 * time.Millisecond)
			}
			var gaps []time.Duration
			for i := 2; i < len(server.fetches); i++ {
				gaps = append(gaps, server.fetches[i].Sub(server.fetches[i-1]).Round(100*time.Millisecond))
			}
			t.Logf("refused %d of 36000, %d fetches, gaps %v ...", refused, server.count()-1, gaps[:8])
			distinct := make(map[time.Duration]bool)
			for i, gap := range gaps {
				distinct[gap] = true
				if gap > maxGap(i) || gap < maxGap(i)/2-200*time.Millisecond {
					t.Errorf("gap %d is %v", i+1, gap)
				}
			}
			if refused != 0 || len(distinct) < len(gaps)/4 {
				t.Errorf("refused %d, or no jitter: %v", refused, gaps)
			}
			server.serve(offered("k1"), offered("k2"))
			began := time.Now()
			for says(source, header("k2")) != isKey {
				time.Sleep(100 * time.Millisecond)
			}
			t.Logf("a new key works %v after the server", time.Since(began))
		}},
		{"at the hard age known keys become errors, and recovery takes a second", func(t *testing.T) {
			server := serving(offered("k1"))
			source := server.warm(t)
			server.down()
			for range 24*60 - 1 {
				time.Sleep(time.Minute)
				expect(t, source, header("k1"), isKey)
			}
			if s := source.Status(); !s.Usable || s.Err == nil || s.Age != 24*time.Hour-time.Minute {
				t.Errorf("%+v", s)
			}
			time.Sleep(time.Minute)
			expect(t, source, header("k1"), isError)
			expect(t, source, header("x"), isError)
			if s := source.Status(); s.Usable || s.Err == nil || s.Age != 24*time.Hour || s.Keys != 1 {
				t.Errorf("%+v", s)
			}
			t.Logf("%d fetches in a day of outage", server.count()-1)
			server.serve(offered("k1"))
			t.Logf("recovered after %v", recovery(t, source))
		}},
		{"keys past a hard age of less than a second are errors too", func(t *testing.T) {
			server := serving(offered("k1"))
			source := server.warm(t, keys.WithHardAge(500*time.Millisecond))
			expect(t, source, header("k1"), isKey)
			time.Sleep(500 * time.Millisecond)
			expect(t, source, header("k1"), isError)
			time.Sleep(500 * time.Millisecond)
			expect(t, source, header("k1"), isKey)
		}},
		{"the first fetch that fails is an error, not an unknown key", func(t *testing.T) {
			server := serving()
			for _, fault := range []func(){server.down, server.hang, func() { server.status(404, "") }, func() { server.status(200, "{") }, func() { server.serve() }} {
				fault()
				source := server.remote(t)
				expect(t, source, header("k1"), isError)
				expect(t, source, header(strings.Repeat("x", 300)), isError)
				time.Sleep(time.Minute)
			}
		}},
		{"without usable keys one attempt a second is made while requests ask, and none when they do not", func(t *testing.T) {
			server := serving()
			server.down()
			source := server.remote(t)
			for range 6000 {
				expect(t, source, header("k1"), isError)
				time.Sleep(10 * time.Millisecond)
			}
			t.Logf("%d fetches in a minute of 6000 requests", server.count())
			server.expectFetches(t, 60)
			time.Sleep(time.Hour)
			server.expectFetches(t, 60)
			server.serve(offered("k1"))
			t.Logf("recovered after %v", recovery(t, source))
		}},
		{"recovery takes two seconds at most, when the server hung too", func(t *testing.T) {
			for _, down := range []time.Duration{700 * time.Millisecond, 4 * time.Second, 61300 * time.Millisecond} {
				server := serving()
				server.hang()
				source := server.remote(t)
				go func() {
					time.Sleep(down)
					server.serve(offered("k1"))
				}()
				began := time.Now()
				for says(source, header("k1")) != isKey { // one request at a time, each waits
				}
				took := time.Since(began) - down
				t.Logf("down for %v, recovered after %v, %d fetches, %d at once", down, took, server.count(), server.most)
				// In the instant in which the sixth begins the first is over.
				if took > 2*time.Second || server.most > 6 {
					t.Errorf("recovered after %v, %d fetches at once", took, server.most)
				}
				time.Sleep(time.Minute)
			}
		}},
		{"a slow server is an error after five seconds", func(t *testing.T) {
			server := serving(offered("k1"))
			server.slow(time.Minute)
			source := server.remote(t)
			began := time.Now()
			_, err := source.Lookup(context.Background(), header("k1"))
			t.Logf("%v after %v", err, time.Since(began))
			if err == nil || time.Since(began) != 5*time.Second {
				t.Errorf("%v after %v", err, time.Since(began))
			}
			if errors.Is(err, context.DeadlineExceeded) {
				t.Error("the deadline of the fetch passes for that of the request")
			}
			time.Sleep(time.Minute)
		}},
		{"a transport that does not heed its context holds up nothing", func(t *testing.T) {
			server := serving(offered("k1"))
			source := server.warm(t)
			release := make(chan struct{})
			server.say(func(*http.Request) (int, string, error) {
				<-release
				return http.StatusOK, jwks(offered("evil")), nil
			})
			expect(t, source, header("k2"), isError)
			server.serve(offered("k1"), offered("k2"))
			expect(t, source, header("k2"), isKey)
			close(release)
			synctest.Wait()
			expect(t, source, header("k2"), isKey) // what comes late is not used
		}},
		{"a transport that ends its goroutine is a failed fetch", func(t *testing.T) {
			server := serving()
			server.say(func(*http.Request) (int, string, error) {
				runtime.Goexit()
				return 0, "", nil
			})
			expect(t, server.remote(t), header("k1"), isError)
		}},
		{"one caller's cancelled context does not fail the others", func(t *testing.T) {
			server := serving(offered("k1"))
			server.slow(2 * time.Second)
			source := server.remote(t)
			ctx, cancel := context.WithCancel(context.Background())
			var wg sync.WaitGroup
			wg.Go(func() { // the one who causes the fetch
				_, err := source.Lookup(ctx, header("k1"))
				if !errors.Is(err, context.Canceled) {
					t.Errorf("%v", err)
				}
			})
			synctest.Wait()
			for range 100 {
				wg.Go(func() { expect(t, source, header("k1"), isKey) })
			}
			time.Sleep(500 * time.Millisecond)
			began := time.Now()
			cancel()
			synctest.Wait()
			if time.Since(began) != 0 {
				t.Error("the cancelled one waited")
			}
			wg.Wait()
			gone := server.count()
			for _, h := range []keys.Header{header("k1"), header("x")} {
				want := map[string]string{"k1": isKey, "x": isError}[h.KeyID]
				if got := saysWithin(ctx, source, h); got != want {
					t.Errorf("%v with a cancelled context: %s", h, got)
				}
			}
			server.expectFetches(t, gone)
		}},
		{"concurrent misses share one fetch", func(t *testing.T) {
			server := serving(offered("k1"))
			server.slow(900 * time.Millisecond)
			source := server.remote(t)
			crowd := func(kid, want string) {
				var wg sync.WaitGroup
				for range 10_000 {
					wg.Go(func() { expect(t, source, header(kid), want) })
				}
				wg.Wait()
			}
			crowd("k1", isKey)
			server.expectFetches(t, 1)
			server.serve(offered("k1"), offered("k2"))
			crowd("k2", isKey)
			server.expectFetches(t, 2)
			crowd("absent", isNone)
			server.expectFetches(t, 3)
			t.Logf("30000 misses in three crowds, %d fetches", server.count())
		}},
	})
}

// maxGap is the longest time between the fetches i+1 and i+2 that fail.
func maxGap(i int) time.Duration {
	return min(time.Second<<min(i, 10), time.Minute) + 200*time.Millisecond
}

// recovery is how long a good token is refused from now on.
func recovery(t *testing.T, source keys.Source) time.Duration {
	t.Helper()
	began := time.Now()
	for says(source, header("k1")) != isKey {
		time.Sleep(10 * time.Millisecond)
		if time.Since(began) > 2*time.Second {
			t.Error("no recovery within two seconds")
			break
		}
	}
	return time.Since(began)
}

func TestRemoteWarm(t *testing.T) {
	inFakeTime(t, []fakeTimeTest{
		{"it fails where no keys are to be had", func(t *testing.T) {
			server := serving()
			if err := server.remote(t).Warm(context.Background()); err == nil || !strings.HasPrefix(err.Error(), "keys: ") {
				t.Errorf("%v", err)
			}
		}},
		{"it fetches even if the keys are young", func(t *testing.T) {
			server := serving(offered("k1"))
			source := server.warm(t)
			server.serve(offered("k2"))
			if err := source.Warm(context.Background()); err != nil {
				t.Error(err)
			}
			expect(t, source, header("k2"), isKey)
			server.expectFetches(t, 2)
		}},
		{"it is content with the keys of before", func(t *testing.T) {
			server := serving(offered("k1"))
			source := server.warm(t)
			server.down()
			if err := source.Warm(context.Background()); err != nil {
				t.Error(err)
			}
			time.Sleep(24 * time.Hour)
			if err := source.Warm(context.Background()); err == nil {
				t.Error("keys past their hard age")
			}
		}},
		{"it waits no longer than its context", func(t *testing.T) {
			server := serving()
			server.hang()
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			source := server.remote(t)
			if err := source.Warm(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v", err)
			}
			if err := source.Warm(ctx); !errors.Is(err, context.DeadlineExceeded) || server.count() > 2 {
				t.Errorf("%v", err)
			}
			time.Sleep(time.Minute)
		}},
		{"it joins the fetch that is under way", func(t *testing.T) {
			server := serving(offered("k1"))
			server.slow(500 * time.Millisecond)
			source := server.remote(t)
			go says(source, header("k1"))
			synctest.Wait()
			if err := source.Warm(context.Background()); err != nil {
				t.Error(err)
			}
			server.expectFetches(t, 1)
		}},
	})
}

func TestRemoteStatus(t *testing.T) {
	inFakeTime(t, []fakeTimeTest{
		{"from nothing to old keys", func(t *testing.T) {
			server := serving()
			server.down()
			hook := make(chan keys.Status, 10)
			source := server.remote(t, keys.WithHardAge(time.Hour), keys.WithFetchHook(func(s keys.Status) { hook <- s }))
			if s := source.Status(); s != (keys.Status{}) {
				t.Errorf("before the first fetch: %+v", s)
			}
			source.Warm(context.Background())
			synctest.Wait()
			if s := source.Status(); s.Err == nil || s.Usable || !s.FetchedAt.IsZero() || s.Age != 0 || s.Keys != 0 {
				t.Errorf("after a failed fetch: %+v", s)
			}
			server.serve(offered("k1"), offered("k2"), `{"kty":"future"}`)
			if err := source.Warm(context.Background()); err == nil {
				t.Error("Warm fetches twice in a second")
			}
			time.Sleep(time.Second)
			began := time.Now()
			source.Warm(context.Background())
			time.Sleep(time.Minute)
			if s := source.Status(); s != (keys.Status{Usable: true, FetchedAt: began, Age: time.Minute, Keys: 2, Skipped: 1}) {
				t.Errorf("after a fetch: %+v", s)
			}
			server.down()
			source.Warm(context.Background())
			time.Sleep(time.Hour)
			s := source.Status()
			if s.Err == nil || s.Usable || s.Age != time.Hour+time.Minute || s.Keys != 2 {
				t.Errorf("past the hard age: %+v", s)
			}
			server.expectFetches(t, 3) // Status fetches nothing
			synctest.Wait()
			close(hook)
			var hooked []keys.Status
			for s := range hook {
				hooked = append(hooked, s)
			}
			if len(hooked) != 3 || hooked[0].Err == nil || hooked[1].Err != nil || !hooked[1].Usable || hooked[1].Keys != 2 || hooked[2].Err == nil {
				t.Errorf("the hook saw %+v", hooked)
			}
		}},
	})
}

func TestRemoteZero(t *testing.T) {
	for _, source := range []*keys.RemoteSource{nil, new(keys.RemoteSource)} {
		expect(t, source, header("k1"), isError)
		if err := source.Warm(context.Background()); err == nil {
			t.Error("Warm of nothing")
		}
		if s := source.Status(); s.Err == nil || s.Usable {
			t.Errorf("%+v", s)
		}
	}
}

// A server names the keys of its own address, and of no other's.
func TestRemoteSourcesShareNothing(t *testing.T) {
	a, b := serving(offered("a")), serving(offered("b"))
	sourceA, sourceB := a.warm(t), b.warm(t)
	expect(t, sourceA, header("b"), isNone)
	expect(t, sourceB, header("a"), isNone)
	if reflect.DeepEqual(sourceA.Status(), keys.Status{}) {
		t.Error("no status")
	}
}

func TestRemoteLookupAllocatesOnlyItsAnswer(t *testing.T) {
	source := serving(offered("k1")).warm(t)
	says(source, header("absent"))
	for _, test := range []struct {
		kid string
		max float64
	}{{"k1", 1}, {"absent", 0}} {
		h := header(test.kid)
		if n := testing.AllocsPerRun(100, func() { source.Lookup(context.Background(), h) }); n > test.max {
			t.Errorf("%s: %v allocations", test.kid, n)
		} else {
			t.Logf("%s: %v allocations", test.kid, n)
		}
	}
}

func BenchmarkRemoteLookup(b *testing.B) {
	source := serving(offered("k1")).warm(b)
	h := header("k1")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			source.Lookup(context.Background(), h)
		}
	})
}

// What a server sends reaches a log, by way of the error, in small amounts only.
func TestRemoteErrorsAreShort(t *testing.T) {
	long := strings.Repeat("canary", 1<<15)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/location":
			w.Header().Set("Location", "http://[::1/"+long)
			w.WriteHeader(http.StatusFound)
		case "/status":
			c, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			_, _ = c.Write([]byte("HTTP/1.1 " + long + "\r\n\r\n"))
		default:
			_, _ = w.Write([]byte(`{"issuer":"http://` + r.Host + `","jwks_uri":"http://` + r.Host + "/" + long + `"}`))
		}
	}))
	defer server.Close()
	for name, source := range map[string]*keys.RemoteSource{
		"a malformed redirect":    must(keys.Remote(server.URL + "/location")),
		"a malformed status line": must(keys.Remote(server.URL + "/status")),
		"a long jwks_uri":         must(keys.Discover(server.URL)),
	} {
		t.Run(name, func(t *testing.T) {
			if err := source.Warm(context.Background()); err == nil || len(err.Error()) > 400 {
				t.Errorf("an error of %d bytes", len(fmt.Sprint(err)))
			}
		})
	}
}
