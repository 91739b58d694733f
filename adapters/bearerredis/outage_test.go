//go:build unix

package bearerredis_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/adapters/bearerredis"
	"github.com/gobearer/bearer/bearertest"
	"github.com/gobearer/bearer/internal/breaker"
	"github.com/gobearer/bearer/keys"
	"github.com/redis/go-redis/v9"
)

func (s *server) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// An outage is how Redis goes and comes back.
type outage struct {
	name     string
	away     time.Duration
	go_      func(*server)
	comeBack func(*server)
}

func outages(mode string) []outage {
	kill := outage{"killed and restarted", 500 * time.Millisecond, (*server).kill, (*server).start}
	hang := outage{"hung", 500 * time.Millisecond, func(s *server) { s.signal(syscall.SIGSTOP) }, func(s *server) { s.signal(syscall.SIGCONT) }}
	all := []outage{kill, hang}
	if mode == "mirror" { // which does not notice a short one
		hang.away = 2 * time.Second
		all = []outage{hang}
	}
	if os.Getenv("BEARER_INTEGRATION") != "1" {
		return all
	}
	kill.away, hang.away = 2*time.Second, 2*time.Second
	all = []outage{kill, hang}
	kill.name, hang.name, kill.away, hang.away = "flapping, restarted", "flapping", 50*time.Millisecond, 50*time.Millisecond
	for range 3 {
		all = append(all, kill, hang)
	}
	return all
}

// A client of the API.
type answer struct {
	revoked    bool
	sent, done time.Time
	status     int
	retryAfter string
}

// Redis is killed, hung and restarted while requests come in: no revoked token
// passes, nothing but 503 with Retry-After is added to the answers, and it is
// found again.
func TestOutages(t *testing.T) {
	direct := func(t testing.TB, client redis.UniversalClient) (bearertest.Revoker, func()) {
		return newRevocations(t, client), func() {}
	}
	modes := map[string]func(testing.TB, redis.UniversalClient) (store bearertest.Revoker, end func()){
		"direct": direct,
		"mirror": func(t testing.TB, client redis.UniversalClient) (bearertest.Revoker, func()) {
			return completeMirror(t, client, time.Second)
		},
	}
	if os.Getenv("BEARER_INTEGRATION") == "1" {
		modes["direct, without Redial"] = direct
	}
	for mode, newStore := range modes {
		t.Run(mode, func(t *testing.T) {
			s := startRedis(t)
			before := runtime.NumGoroutine()
			client := redis.NewClient(s.options())
			if mode != "direct, without Redial" {
				client.AddHook(bearerredis.Redial())
			}
			store, end := newStore(t, client)
			underLoad(t, s, store, outages(mode))
			end()
			if err := client.Close(); err != nil {
				t.Error(err)
			}
			wantGoroutines(t, before)
		})
	}
}

const outageWorkers = 64

// rate is how many requests a second are made: no more than a busy machine can do
// with a read of Redis in each that takes no longer than a read may.
const rate = 200

func underLoad(t *testing.T, s *server, store bearertest.Revoker, all []outage) {
	good, bad, trust := tokens(t, store)
	trust.Revocations = store
	var asked atomic.Int64 // refusals for which Redis was asked, and not the breaker
	api, err := bearer.NewMiddleware[bearer.Claims](trust, bearer.WithErrorHandler(func(w http.ResponseWriter, r *http.Request, refusal *bearer.Refusal) {
		if errors.Is(refusal, bearer.ErrUnavailable) && !errors.Is(refusal, breaker.ErrOpen) {
			asked.Add(1)
		}
		refusal.ServeHTTP(w, r)
	}))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(api.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
	defer server.Close()
	l := &load{url: server.URL, good: good, bad: bad, client: &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: outageWorkers},
		Timeout:   patience,
	}}
	defer l.client.CloseIdleConnections()
	stop := l.start()
	type period struct {
		outage
		began, back, over time.Time
		asked             int64
	}
	var periods []period
	time.Sleep(200 * time.Millisecond)
	for _, o := range all {
		p := period{outage: o, began: time.Now(), asked: asked.Load()}
		o.go_(s)
		time.Sleep(o.away)
		p.asked = asked.Load() - p.asked
		o.comeBack(s)
		p.back = time.Now()
		// Until nothing was refused for a while.
		eventually(t, "it is there again", func() bool {
			return l.admitted.Load() > p.back.UnixNano() && time.Now().UnixNano()-max(l.refused.Load(), p.back.UnixNano()) > int64(300*time.Millisecond)
		})
		p.over = time.Now()
		periods = append(periods, p)
	}
	answers := stop()

	counts := map[string]map[int]int{"revoked": {}, "not revoked": {}}
	for _, a := range answers {
		which := "not revoked"
		if a.revoked {
			which = "revoked"
		}
		counts[which][a.status]++
		if a.status == http.StatusServiceUnavailable && a.retryAfter != "1" {
			t.Errorf("503 with Retry-After %q", a.retryAfter)
		}
	}
	for which, expected := range map[string]int{"revoked": http.StatusUnauthorized, "not revoked": http.StatusOK} {
		t.Logf("%s: %v", which, counts[which])
		for _, status := range slices.Collect(maps.Keys(counts[which])) {
			if status != expected && status != http.StatusServiceUnavailable {
				t.Errorf("%s: %d requests got %d", which, counts[which][status], status)
			}
		}
		if counts[which][expected] == 0 || counts[which][http.StatusServiceUnavailable] == 0 {
			t.Errorf("%s: nothing was tested: %v", which, counts[which])
		}
	}
	_, direct := store.(*bearerredis.Revocations)
	for _, p := range periods {
		var latencies []time.Duration
		var first, last time.Time // admitted again, and refused
		requests := 0
		for _, a := range answers {
			if a.done.Before(p.began) || a.done.After(p.over) {
				continue
			}
			requests++
			switch {
			case a.status == http.StatusServiceUnavailable:
				latencies = append(latencies, a.done.Sub(a.sent))
				if a.done.After(last) {
					last = a.done
				}
			case a.sent.After(p.back) && (first.IsZero() || a.done.Before(first)):
				first = a.done
			}
		}
		slices.Sort(latencies)
		found, recovered := first.Sub(p.back), max(0, last.Sub(p.back))
		t.Logf("%s for %v: %d requests, %d refused in %v (median), %v (p99), %v (maximum); found again in %v, the last one refused after %v",
			p.name, p.away, requests, len(latencies), quantile(latencies, 0.5), quantile(latencies, 0.99), quantile(latencies, 1),
			found.Round(time.Millisecond), recovered.Round(time.Millisecond))
		if recovered > 20*time.Second { // a bound of sanity: how long it takes is printed
			t.Errorf("%s: requests were refused for %v after it was back", p.name, recovered)
		}
		if !direct {
			continue
		}
		t.Logf("Redis was asked %d times meanwhile", p.asked)
		// All that are under way, and then four a second.
		if most := int64(2*outageWorkers + 8*p.away/time.Second); p.asked > most {
			t.Errorf("%s: Redis was asked %d times, want %d at most", p.name, p.asked, most)
		}
	}
}

func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))].Round(10 * time.Microsecond)
}

// tokens are some that are not revoked and some that are: by themselves, and by
// their subject.
func tokens(t *testing.T, store bearertest.Revoker) (good, bad []string, trust bearer.Trust) {
	t.Helper()
	key, err := keys.Generate(keys.HS256)
	if err != nil {
		t.Fatal(err)
	}
	ring, err := keys.NewRing(key)
	if err != nil {
		t.Fatal(err)
	}
	nobody := bearer.AuthenticatorFunc(func(context.Context, bearer.Credentials) (*bearer.Account, error) {
		return nil, bearer.ErrBadCredentials
	})
	issuer, err := bearer.NewIssuer("https://issuer.test", ring, nobody, bearer.WithRevocations(store))
	if err != nil {
		t.Fatal(err)
	}
	unrevoked := issuer.Trust()
	unrevoked.Revocations = nil // Redis may not answer in time before it is warm
	verify, err := bearer.NewMiddleware[bearer.Claims](unrevoked)
	if err != nil {
		t.Fatal(err)
	}
	for k := range 40 {
		account := &bearer.Account{ID: fmt.Sprint("account ", k), UserName: "u", Locale: "en-US"}
		response, err := issuer.Issue(t.Context(), account, bearer.ValidityDefault)
		if err != nil {
			t.Fatal(err)
		}
		token, err := verify.Verify(t.Context(), response.AccessToken)
		if err != nil {
			t.Fatal(err)
		}
		switch k % 4 {
		case 0:
			eventually(t, "it is revoked", func() bool { return issuer.Revoke(t.Context(), token.Info) == nil })
		case 1:
			eventually(t, "the subject is revoked", func() bool { return issuer.RevokeSubject(t.Context(), account.ID, time.Now()) == nil })
		default:
			good = append(good, response.AccessToken)
			continue
		}
		bad = append(bad, response.AccessToken)
	}
	return good, bad, issuer.Trust()
}

// A load is many clients of one API, with tokens of both kinds in turn.
type load struct {
	url               string
	client            *http.Client
	good, bad         []string
	admitted, refused atomic.Int64 // when, in Unix nanoseconds
}

// start makes requests until stop is called, which returns their answers.
func (l *load) start() (stop func() []answer) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	due := make(chan int)
	running.Go(func() {
		defer close(due)
		began := time.Now()
		for n := 0; ; n++ {
			select {
			case <-ctx.Done():
				return
			case <-time.After(time.Until(began.Add(time.Duration(n) * time.Second / rate))):
			}
			select {
			case due <- n:
			case <-ctx.Done():
				return
			}
		}
	})
	all := make([][]answer, outageWorkers)
	for w := range all {
		running.Go(func() {
			for n := range due {
				all[w] = append(all[w], l.send(n))
			}
		})
	}
	return func() []answer {
		cancel()
		running.Wait()
		return slices.Concat(all...)
	}
}

func (l *load) send(n int) answer {
	a := answer{revoked: n%2 == 0, sent: time.Now()}
	token := l.good[n/2%len(l.good)]
	if a.revoked {
		token = l.bad[n/2%len(l.bad)]
	}
	request, err := http.NewRequest(http.MethodGet, l.url, nil)
	if err != nil {
		return a
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := l.client.Do(request)
	if err != nil {
		return a
	}
	_ = response.Body.Close()
	a.done, a.status, a.retryAfter = time.Now(), response.StatusCode, response.Header.Get("Retry-After")
	switch a.status {
	case http.StatusOK:
		l.admitted.Store(a.done.UnixNano())
	case http.StatusServiceUnavailable:
		l.refused.Store(a.done.UnixNano())
	}
	return a
}
