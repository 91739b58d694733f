package bearersql_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/accounts"
	"github.com/gobearer/bearer/keys"
)

// The tests of crashes have readers, who log in at a token endpoint, and writers,
// who make and change accounts whose members agree. A ledger has what the writers
// tried and what the store acknowledged.
const (
	writers     = 8
	readers     = 8
	crashTest   = 30 * time.Second
	sharedLogin = "shared" // of the account that every writer counts up
	readLogin   = "reader"
	readPass    = "correct horse battery staple"
)

func integration(t testing.TB) {
	t.Helper()
	if os.Getenv("BEARER_INTEGRATION") != "1" {
		t.Skip("takes half a minute and kills servers: set BEARER_INTEGRATION=1")
	}
}

// agreeing sets members to one number, by which a half-written account is found.
func agreeing(r *accounts.Record, n int) {
	text := strconv.Itoa(n)
	r.Name, r.Email, r.Website = text, text, text
	r.Roles = []string{text, text}
	r.Profile = map[string]string{"n": text}
	r.PasswordHash, r.PrivateToken = "hash-"+text, [32]byte{byte(n), byte(n >> 8)}
}

func agree(r *accounts.Record) (n int, err error) {
	n, err = strconv.Atoi(r.Name)
	if err != nil {
		return 0, err
	}
	want := accounts.Record{Account: r.Account, Login: r.Login}
	agreeing(&want, n)
	profile, err := json.Marshal(r.Profile)
	if err != nil {
		return 0, err
	}
	if r.Email != want.Email || r.Website != want.Website || !slices.Equal(r.Roles, want.Roles) || string(profile) != `{"n":"`+r.Name+`"}` ||
		r.PasswordHash != want.PasswordHash || r.PrivateToken != want.PrivateToken {
		return 0, fmt.Errorf("half of %d was written", n)
	}
	return n, nil
}

func newAccount(login string, n int) *accounts.Record {
	r := &accounts.Record{Account: bearer.Account{ID: "id-" + login, UserName: login}, Login: login}
	agreeing(r, n)
	return r
}

func ownLogin(writer int) string { return fmt.Sprint("writer-", writer) }

// setUp makes the accounts that there are from the beginning, and returns the
// reader's private token.
func setUp(t testing.TB, s accounts.AdminStore) string {
	t.Helper()
	for i := range writers {
		if err := s.Create(t.Context(), newAccount(ownLogin(i), 0)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Create(t.Context(), newAccount(sharedLogin, 0)); err != nil {
		t.Fatal(err)
	}
	token, err := accounts.Admin{Store: s}.Create(t.Context(), bearer.Account{UserName: readLogin}, readPass)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// write writes until ctx ends, with numbers above from. It reports each write
// before, as "try ...", and "ack ..." once the store has acknowledged it.
func write(ctx context.Context, s accounts.AdminStore, writer, from int, report func(string)) {
	do := func(what string, f func(context.Context) error) {
		if ctx.Err() != nil {
			return
		}
		report("try " + what)
		// As long as an Authenticator waits.
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if err := f(bounded); err != nil {
			report("err " + what)
			time.Sleep(20 * time.Millisecond)
			return
		}
		report("ack " + what)
	}
	for n := from + 1; ctx.Err() == nil; n++ {
		login := fmt.Sprint("made-", writer, "-", n)
		do(fmt.Sprint("create ", login, " ", n), func(ctx context.Context) error {
			return s.Create(ctx, newAccount(login, n))
		})
		do(fmt.Sprint("own ", ownLogin(writer), " ", n), func(ctx context.Context) error {
			return s.Update(ctx, ownLogin(writer), func(r *accounts.Record) error {
				agreeing(r, n)
				return nil
			})
		})
		do("count "+sharedLogin+" 1", func(ctx context.Context) error {
			return s.Update(ctx, sharedLogin, func(r *accounts.Record) error {
				before, err := agree(r)
				agreeing(r, before+1)
				return err
			})
		})
	}
}

// A ledger is what the writers reported.
type ledger struct {
	mu           sync.Mutex
	made         map[string]bool // by login: acknowledged
	numbers      map[string]int  // of the accounts made
	tried, acked map[string]int  // own accounts: the last number; the shared one: how often
	acks, errs   int
	lastAck      time.Time
}

func newLedger() *ledger {
	return &ledger{made: map[string]bool{}, numbers: map[string]int{}, tried: map[string]int{}, acked: map[string]int{}}
}

func (l *ledger) report(line string) {
	var word, what, login string
	var n int
	if _, err := fmt.Sscan(line, &word, &what, &login, &n); err != nil {
		panic("a report that is none: " + line)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch word {
	case "ack":
		l.acks++
		l.lastAck = time.Now()
	case "err":
		l.errs++
		return
	}
	counts := l.tried
	if word == "ack" {
		counts = l.acked
	}
	switch what {
	case "create":
		l.made[login], l.numbers[login] = word == "ack", n
	case "own":
		counts[login] = n
	case "count":
		counts[login] += n
	}
}

// since says whether a write was acknowledged after an instant.
func (l *ledger) since(instant time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lastAck.After(instant)
}

// check compares the store with the ledger.
func (l *ledger) check(t testing.TB, s accounts.AdminStore) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	found := map[string]int{}
	for r, err := range (accounts.Admin{Store: s}).List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Login == readLogin {
			continue
		}
		n, err := agree(r)
		if err != nil {
			t.Errorf("%s: %v", r.Login, err)
		}
		found[r.Login] = n
	}
	acked, lost, unknown := 0, 0, 0
	for login, ok := range l.made {
		n, there := found[login]
		switch {
		case ok && !there:
			lost++
			t.Errorf("%s was acknowledged and is lost", login)
		case there && n != l.numbers[login]:
			t.Errorf("%s has %d, want %d", login, n, l.numbers[login])
		case there && !ok:
			unknown++
		case ok:
			acked++
		}
	}
	for login, n := range found {
		_, made := l.made[login]
		_, tried := l.tried[login]
		switch {
		case made:
		case !tried:
			t.Errorf("%s was never written", login)
		case n < l.acked[login] || n > l.tried[login]:
			t.Errorf("%s has %d: %d was acknowledged and %d tried", login, n, l.acked[login], l.tried[login])
		}
	}
	if found[sharedLogin] == 0 || acked == 0 {
		t.Errorf("%d counted and %d made: the test shows nothing", found[sharedLogin], acked)
	}
	t.Logf("writes: %d acknowledged, %d failed; accounts made: %d acknowledged and there, %d lost, %d there that failed; shared count: %d, of %d acknowledged and %d tried",
		l.acks, l.errs, acked, lost, unknown, found[sharedLogin], l.acked[sharedLogin], l.tried[sharedLogin])
}

// An endpoint is a token endpoint over a store, and what its readers saw.
type endpoint struct {
	url   string
	token string // the reader's

	outage      atomic.Bool  // nobody can read now
	ins         atomic.Int64 // logins
	refusals    atomic.Int64 // of wrong user names and passwords
	unavailable atomic.Int64 // 503
	inTheOutage atomic.Int64 // of them began and ended in it
	lastIn      atomic.Int64 // when the last login began, in nanoseconds since 1970
}

func newEndpoint(t testing.TB, s accounts.AdminStore, token string) *endpoint {
	t.Helper()
	key, err := keys.Generate(keys.HS256)
	if err != nil {
		t.Fatal(err)
	}
	ring, err := keys.NewRing(key)
	if err != nil {
		t.Fatal(err)
	}
	auth, err := accounts.New(s, accounts.DangerouslyWithoutThrottle())
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := bearer.NewIssuer("https://api.test", ring, auth)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(issuer)
	t.Cleanup(server.Close)
	return &endpoint{url: server.URL + "/token", token: token}
}

// read logs in until ctx ends: with the right secrets, and as often without.
func (e *endpoint) read(t testing.TB, ctx context.Context) {
	for i := 0; ctx.Err() == nil; i++ {
		body := map[string]string{"userName": readLogin, "password": readPass, "privateToken": e.token}
		right := i%2 == 0
		switch i % 4 {
		case 1:
			body["password"] = "a wrong password"
		case 3:
			body["userName"] = "nobody"
		}
		text, err := json.Marshal(body)
		if err != nil {
			t.Error(err)
			return
		}
		outage := e.outage.Load()
		start := time.Now()
		response, err := http.Post(e.url, "application/json", strings.NewReader(string(text)))
		if err != nil {
			t.Errorf("no answer: %v", err)
			return
		}
		answer, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil {
			t.Errorf("half an answer: %v", err)
			return
		}
		took := time.Since(start)
		if outage = outage && e.outage.Load(); outage {
			e.inTheOutage.Add(1)
		}
		status := response.StatusCode
		switch {
		case status == http.StatusServiceUnavailable:
			e.unavailable.Add(1)
			if response.Header.Get("Retry-After") != "1" {
				t.Error("503 without Retry-After: 1")
			}
			time.Sleep(20 * time.Millisecond)
		case outage:
			t.Errorf("status %d without a server: %s", status, answer)
		case right && status == http.StatusOK:
			e.ins.Add(1)
			e.lastIn.Store(start.UnixNano())
		case !right && status == http.StatusBadRequest && strings.Contains(string(answer), "invalid_grant"):
			e.refusals.Add(1)
		default:
			t.Errorf("status %d, the right password: %t, after %v: %s", status, right, took, answer)
		}
	}
}

func (e *endpoint) figures() string {
	return fmt.Sprintf("logins: %d of %d in, %d wrong ones refused, %d times 503, %d of them in the outage",
		e.ins.Load(), e.ins.Load()+e.unavailable.Load(), e.refusals.Load(), e.unavailable.Load(), e.inTheOutage.Load())
}

// crash runs the readers of e, and what else is under way, for as long as the test
// of a crash takes and happen needs, in which it kills and restarts.
func crash(t testing.TB, e *endpoint, background func(context.Context), happen func()) {
	t.Helper()
	start := time.Now()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	for range readers {
		wg.Go(func() { e.read(t, ctx) })
	}
	wg.Go(func() { background(ctx) })
	happen()
	time.Sleep(crashTest - time.Since(start))
}

// recovers waits for a login and a write after an instant.
func recovers(t testing.TB, e *endpoint, l *ledger, since time.Time) {
	t.Helper()
	var login, write time.Duration
	for deadline := time.Now().Add(3 * time.Minute); login == 0 || write == 0; time.Sleep(time.Millisecond) {
		if login == 0 && e.lastIn.Load() > since.UnixNano() {
			login = time.Since(since)
		}
		if write == 0 && l.since(since) {
			write = time.Since(since)
		}
		if time.Now().After(deadline) {
			t.Fatalf("it does not recover: a login after %v, a write after %v", login, write)
		}
	}
	t.Logf("recovered: a login after %v, a write after %v", login.Round(time.Millisecond), write.Round(time.Millisecond))
}
