package bearer_test

import (
	"bytes"
	"context"
	"encoding/base64"
	stdjson "encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"runtime/pprof"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/keys"
)

// A rotation is what the load test does, by the time since the load began.
type rotation struct {
	rate     int // requests a second
	logins   int // a second: each token is used at once, and then again and again
	length   time.Duration
	rotateAt time.Duration
	removeAt time.Duration
	publish  time.Duration // the ring's publish delay
	refresh  time.Duration // the resource server's interval
}

const (
	rotationWorkers = 64
	// How much later than by the refresh interval a removed key may be refused: the
	// fetch takes its time, on a machine that does other things too.
	rotationSlack = 15 * time.Second
	// Whatever does not happen within it does not happen.
	rotationPatience = 30 * time.Second
)

// A key is published, used, and the one before it removed, while an API that
// knows the issuer by address serves requests: none of them fails before the
// removal, none of the new key's ever, and all of the removed key's from the
// next refresh on.
func TestRotationUnderLoad(t *testing.T) {
	plan := rotation{
		rate: 500, logins: 50, length: 3 * time.Second, rotateAt: 200 * time.Millisecond,
		removeAt: 2400 * time.Millisecond, publish: time.Second, refresh: 200 * time.Millisecond,
	}
	if os.Getenv("BEARER_INTEGRATION") == "1" {
		plan = rotation{
			rate: 2000, logins: 100, length: 30 * time.Second, rotateAt: 8 * time.Second,
			removeAt: 20 * time.Second, publish: 3 * time.Second, refresh: 2 * time.Second,
		}
	}
	before := runtime.NumGoroutine()
	underLoad(t, plan)
	// Servers and clients are closed: what they started ends.
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			var stacks bytes.Buffer
			_ = pprof.Lookup("goroutine").WriteTo(&stacks, 1)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, &stacks)
		}
	}
}

func underLoad(t *testing.T, plan rotation) {
	first, second := newKey(t, keys.ES256), newKey(t, keys.ES256)
	ring, err := keys.NewRing(first, keys.WithPublishDelay(plan.publish))
	if err != nil {
		t.Fatal(err)
	}
	oldID := ring.States()[0].ID
	l := &load{
		plan: plan, oldID: oldID, followed: make(chan time.Time, 1),
		client: &http.Client{
			Transport: &http.Transport{MaxIdleConnsPerHost: rotationWorkers + 1},
			Timeout:   rotationPatience,
		},
		work: make(chan loadRequest, 4*plan.rate*int(plan.length/time.Second+1)),
		stop: make(chan struct{}),
		used: make(chan struct{}),
	}
	defer l.client.CloseIdleConnections()
	// Not by t.Cleanup, which is too late for the count of the goroutines.
	defer startIssuer(t, l, ring).Close()
	defer startAPI(t, l).Close()

	l.calibrate(t)
	var running sync.WaitGroup
	l.start = time.Now()
	running.Go(l.logIn)
	running.Go(l.dispatch)
	results := make([][]loadResult, rotationWorkers)
	for i := range results {
		running.Go(func() { results[i] = l.send() })
	}
	// Nothing of the above ends the test, so that this always gets here.
	err = l.rotate(ring, second)
	close(l.stop)
	running.Wait()
	if err != nil {
		t.Error(err)
	}
	l.judge(t, slices.Concat(results...))
}

// A load is the clients of an issuer and an API, and what happened to them.
type load struct {
	plan   rotation
	rate   int // the plan's, or what the machine can do
	oldID  string
	client *http.Client
	issuer string
	api    string
	start  time.Time
	work   chan loadRequest // as many as may ever be behind, so that nothing waits to be due
	stop   chan struct{}
	fault  atomic.Pointer[string] // of a login, the first one

	mu     sync.Mutex
	tokens []loadToken // in the order of their issue

	used     chan struct{} // closed when the API has admitted a token of the new key
	usedOnce sync.Once
	admitted atomic.Int64 // by the API's handler
	fetches  atomic.Int64
	followed chan time.Time // when the first fetch ended that began after the removal

	planned  int
	ended    time.Time
	removing time.Time                 // before it
	removed  atomic.Pointer[time.Time] // when it was done
	since    time.Time                 // when the API had followed it
}

type loadToken struct {
	text string
	old  bool // of the key that is removed
}

type loadRequest struct {
	token loadToken
	due   time.Time
}

type loadResult struct {
	old             bool
	due, sent, done time.Time
	status          int // 0: no answer
}

// startIssuer starts the issuer, at the address that is its name.
func startIssuer(t *testing.T, l *load, ring *keys.Ring) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	l.issuer = "http://" + server.Listener.Addr().String()
	account := bearer.AuthenticatorFunc(func(context.Context, bearer.Credentials) (*bearer.Account, error) {
		return &bearer.Account{ID: "1087", UserName: "tom", Locale: "en-US"}, nil
	})
	issuer, err := bearer.NewIssuer(l.issuer, ring, account,
		bearer.WithAudience("https://api.test"), bearer.WithAccessTokenProfile("load"))
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	issuer.Mount(mux)
	server.Config.Handler = mux
	server.Start()
	return server
}

// startAPI starts the resource server, which shares nothing with the issuer but
// its address.
func startAPI(t *testing.T, l *load) *httptest.Server {
	t.Helper()
	source, err := keys.Discover(l.issuer, keys.WithRefreshInterval(l.plan.refresh), keys.WithFetchHook(func(s keys.Status) {
		l.fetches.Add(1)
		removed := l.removed.Load()
		if s.Err != nil || removed == nil || s.FetchedAt.Before(*removed) {
			return
		}
		select {
		case l.followed <- time.Now():
		default: // it was another one
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	m, err := bearer.NewMiddleware[bearer.Claims](bearer.Trust{
		Issuer: l.issuer, Audience: []string{"https://api.test"}, Keys: source, TokenTypes: []string{"at+jwt"},
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if info, _ := bearer.InfoFromContext(r.Context()); info.KeyID != l.oldID {
			l.usedOnce.Do(func() { close(l.used) })
		}
		l.admitted.Add(1)
		w.WriteHeader(http.StatusNoContent)
	})))
	l.api = server.URL
	return server
}

// calibrate finds out what the machine can do, and plans for three quarters of it
// where that is less: what is tested is the rotation and not the machine. It also
// opens the connections.
func (l *load) calibrate(t *testing.T) {
	t.Helper()
	token, err := l.login()
	if err != nil {
		t.Fatal(err)
	}
	l.tokens = append(l.tokens, token)
	var (
		running sync.WaitGroup
		refused atomic.Int64
		start   = time.Now()
		end     = start.Add(l.plan.length / 20)
		sent    atomic.Int64
	)
	for range rotationWorkers {
		running.Go(func() {
			for time.Now().Before(end) {
				if sent.Add(1); l.do(token.text) != http.StatusNoContent {
					refused.Add(1)
				}
			}
		})
	}
	running.Wait()
	if refused.Load() > 0 {
		t.Fatalf("%d of %d requests failed before the rotation began", refused.Load(), sent.Load())
	}
	capacity := int(float64(sent.Load()) / time.Since(start).Seconds())
	if l.rate = min(l.plan.rate, capacity*3/4); l.rate < 1 {
		t.Fatalf("the machine does %d requests a second", capacity)
	}
	if l.rate < l.plan.rate {
		t.Logf("the machine does %d requests a second: the load is %d a second and not %d", capacity, l.rate, l.plan.rate)
	}
	l.admitted.Store(0)
}

// logIn issues tokens until the load ends.
func (l *load) logIn() {
	ticker := time.NewTicker(time.Second / time.Duration(l.plan.logins))
	defer ticker.Stop()
	for {
		select {
		case <-l.stop:
			return
		case <-ticker.C:
		}
		token, err := l.login()
		if err != nil {
			text := err.Error()
			l.fault.CompareAndSwap(nil, &text)
			continue
		}
		l.mu.Lock()
		l.tokens = append(l.tokens, token)
		l.mu.Unlock()
	}
}

func (l *load) login() (loadToken, error) {
	const credentials = `{"userName":"tom","password":"p","privateToken":"t"}`
	answer, err := l.client.Post(l.issuer+"/token", "application/json", bytes.NewBufferString(credentials))
	if err != nil {
		return loadToken{}, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		return loadToken{}, fmt.Errorf("no token: %s, %v", answer.Status, err)
	}
	var response bearer.TokenResponse
	if err := stdjson.Unmarshal(body, &response); err != nil {
		return loadToken{}, err
	}
	kid, err := keyIDOf(response.AccessToken)
	return loadToken{response.AccessToken, kid == l.oldID}, err
}

func keyIDOf(token string) (string, error) {
	first, _, _ := bytes.Cut([]byte(token), []byte("."))
	text, err := base64.RawURLEncoding.AppendDecode(nil, first)
	if err != nil {
		return "", err
	}
	var header struct {
		KeyID string `json:"kid"`
	}
	err = stdjson.Unmarshal(text, &header)
	return header.KeyID, err
}

// dispatch makes requests due at the rate, whatever becomes of those before: an
// API that is slow gets no fewer. Each token is used as soon as it is there; the
// others are drawn from all that were issued, so that tokens of both keys are in
// use from the first of the new one on.
func (l *load) dispatch() {
	defer close(l.work)
	fresh := 0
	for n := 0; ; n++ {
		due := l.start.Add(time.Duration(n) * time.Second / time.Duration(l.rate))
		select {
		case <-l.stop:
			l.planned, l.ended = n, time.Now()
			return
		case <-time.After(time.Until(due)):
		}
		l.mu.Lock()
		token := l.tokens[rand.N(len(l.tokens))]
		if fresh < len(l.tokens) {
			token = l.tokens[fresh]
			fresh++
		}
		l.mu.Unlock()
		select {
		case l.work <- loadRequest{token, due}:
		default: // it counts as planned and not sent
		}
	}
}

// send sends what is due. What is far behind when the load has ended is left.
func (l *load) send() (results []loadResult) {
	for r := range l.work {
		select {
		case <-l.stop:
			if time.Since(r.due) > rotationPatience {
				continue
			}
		default:
		}
		result := loadResult{old: r.token.old, due: r.due, sent: time.Now()}
		result.status = l.do(r.token.text)
		result.done = time.Now()
		results = append(results, result)
	}
	return results
}

// do returns the status of a request with a token; 0: there was no answer.
func (l *load) do(token string) int {
	request, err := http.NewRequest(http.MethodGet, l.api, nil)
	if err != nil {
		return 0
	}
	request.Header.Set("Authorization", "Bearer "+token)
	answer, err := l.client.Do(request)
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return 0
	}
	return answer.StatusCode
}

// rotate is what the operator does. Each step waits for the one before it, on a
// machine of any speed.
func (l *load) rotate(ring *keys.Ring, next *keys.Key) error {
	patience := time.After(l.plan.length + rotationPatience)
	time.Sleep(time.Until(l.start.Add(l.plan.rotateAt)))
	if err := ring.Rotate(next); err != nil {
		return err
	}
	select {
	case <-l.used:
	case <-patience:
		return fmt.Errorf("no token of the new key was admitted")
	}
	// Some time for both keys, even if the new one was late.
	time.Sleep(max(time.Until(l.start.Add(l.plan.removeAt)), l.plan.refresh/2))
	l.removing = time.Now()
	if err := ring.Remove(l.oldID); err != nil {
		return err
	}
	removed := time.Now()
	l.removed.Store(&removed)
	select {
	case l.since = <-l.followed:
	case <-patience:
		return fmt.Errorf("no keys were fetched after the removal")
	}
	// And some to be refused.
	time.Sleep(max(time.Until(l.start.Add(l.plan.length)), l.plan.refresh))
	return nil
}

// judge compares what was answered with what had to be. What a request had to get
// follows from the order of events, on a machine of any speed; only that the API
// follows a removal in time is measured.
func (l *load) judge(t *testing.T, results []loadResult) {
	if fault := l.fault.Load(); fault != nil {
		t.Errorf("a login failed: %s", *fault)
	}
	if l.since.IsZero() {
		t.Fatal("the rotation did not come to its end")
	}
	const (
		untilRemoval = "before the removal"
		between      = "until the next fetch"
		after        = "after it"
	)
	type group struct {
		phase string
		old   bool
	}
	var (
		counts    = make(map[group]map[int]int) // by status
		removed   = *l.removed.Load()
		last      time.Time // when a token of the old key was admitted
		late      int       // of those, long after the removal
		admitted  int
		latencies []time.Duration
	)
	for _, r := range results {
		g := group{between, r.old}
		switch {
		case r.done.Before(l.removing):
			g.phase = untilRemoval
		case r.sent.After(l.since):
			g.phase = after
		}
		if counts[g] == nil {
			counts[g] = make(map[int]int)
		}
		counts[g][r.status]++
		latencies = append(latencies, r.done.Sub(r.due))
		if r.status != http.StatusNoContent {
			continue
		}
		admitted++
		if r.old && r.done.After(last) {
			last = r.done
		}
		if r.old && r.sent.After(removed.Add(l.plan.refresh+rotationSlack)) {
			late++
		}
	}
	slices.Sort(latencies)
	elapsed := l.ended.Sub(l.start).Seconds()
	t.Logf("planned %d requests in %.1f s, sent %d, %.0f a second, admitted %d", l.planned, elapsed, len(results), float64(len(results))/elapsed, admitted)
	t.Logf("latency, from when a request was due: p50 %v, p99 %v", quantile(latencies, 0.50), quantile(latencies, 0.99))
	issued := make(map[bool]int)
	for _, token := range l.tokens {
		issued[token.old]++
	}
	t.Logf("tokens: %d of the old key, %d of the new one; fetches of the keys: %d", issued[true], issued[false], l.fetches.Load())
	t.Logf("after the removal the old key was admitted for %v, and the keys were fetched in %v; the refresh interval is %v",
		max(0, last.Sub(removed)).Round(time.Millisecond), l.since.Sub(removed).Round(time.Millisecond), l.plan.refresh)
	for _, g := range []group{{untilRemoval, true}, {untilRemoval, false}, {between, true}, {between, false}, {after, true}, {after, false}} {
		due := []int{http.StatusNoContent}
		switch {
		case g.old && g.phase == between:
			due = []int{http.StatusNoContent, http.StatusUnauthorized}
		case g.old && g.phase == after:
			due = []int{http.StatusUnauthorized}
		}
		name := map[bool]string{true: "old", false: "new"}[g.old] + " key, " + g.phase
		for _, status := range slices.Sorted(maps.Keys(counts[g])) {
			t.Logf("%s: %d requests got %d", name, counts[g][status], status)
			if !slices.Contains(due, status) {
				t.Errorf("%s: %d requests got %d, not one of %d", name, counts[g][status], status, due)
			}
		}
		// The phase in between may be short, the others prove nothing without requests.
		if counts[g] == nil && g.phase != between {
			t.Errorf("%s: no requests", name)
		}
	}
	if late > 0 {
		t.Errorf("%d requests with the removed key were admitted more than %v after the removal", late, l.plan.refresh+rotationSlack)
	}
	if n := l.admitted.Load(); int64(admitted) != n {
		t.Errorf("%d requests were admitted, and the handler ran %d times", admitted, n)
	}
	if len(results) < l.planned*9/10 {
		t.Errorf("%d of %d planned requests were sent", len(results), l.planned)
	}
}

func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[int(q*float64(len(sorted)-1))].Round(10 * time.Microsecond)
}
