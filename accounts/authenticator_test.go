package accounts_test

import (
	"context"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/accounts"
	"github.com/gobearer/bearer/keys"
	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
)

// The secrets of an account are made of its user name, and are markers that no
// log may show.
func passwordOf(userName string) string {
	if userName == "bob" {
		return strings.Repeat("marker-p", 1024/8) // the longest
	}
	return "marker-password-" + userName
}

func privateTokenOf(userName string) string { return "marker-private-token-" + userName }

func login(userName string) bearer.Credentials {
	return bearer.Credentials{UserName: userName, Password: passwordOf(userName), PrivateToken: privateTokenOf(userName)}
}

// Hashes as others write them, at a cost that a test can afford.
func bcryptHash(password string, cost int) string {
	hash, err := bcrypt.GenerateFromPassword([]byte(password), cost)
	if err != nil {
		panic(err)
	}
	return string(hash)
}

func djangoHash(password string) string {
	sum, err := pbkdf2.Key(sha256.New, password, []byte("saltOfDjango"), 1, 32)
	if err != nil {
		panic(err)
	}
	return "pbkdf2_sha256$1$saltOfDjango$" + base64.StdEncoding.EncodeToString(sum)
}

func weakArgon2id(password string) string {
	salt := []byte("salt of argon2id")
	b64 := base64.RawStdEncoding.EncodeToString
	return "$argon2id$v=19$m=8,t=1,p=1$" + b64(salt) + "$" + b64(argon2.IDKey([]byte(password), salt, 1, 8, 1, 32))
}

// users are the accounts of a fixture. Each call returns the same hashes.
var users = sync.OnceValue(func() map[string]accounts.Record {
	current := func(password string) string {
		hash, err := accounts.Hash(password)
		if err != nil {
			panic(err)
		}
		return hash
	}
	all := map[string]accounts.Record{}
	for i, user := range []struct {
		name string
		hash string
	}{
		{"tom", current(passwordOf("tom"))},
		{"dora", current(passwordOf("dora"))},           // disabled
		{"bob", current(passwordOf("bob"))},             // of the longest password
		{"olga", bcryptHash(passwordOf("olga"), 4)},     // migrated
		{"perry", djangoHash(passwordOf("perry"))},      // migrated
		{"anna", weakArgon2id(passwordOf("anna"))},      // migrated
		{"ursula", bcryptHash(passwordOf("ursula"), 5)}, // of a scheme that nobody accepts
		{"una", "$argon2id$v=19$m=19456,t=2,p=1$broken"},
		{"nora", ""}, // without a password
	} {
		all[user.name] = accounts.Record{
			Account:      bearer.Account{ID: fmt.Sprint("id-", i), UserName: user.name},
			Login:        user.name,
			PasswordHash: user.hash,
			PrivateToken: accounts.HashPrivateToken(privateTokenOf(user.name)),
			Disabled:     user.name == "dora",
		}
	}
	return all
})

// oldSchemes accepts what the migrated accounts have.
func oldSchemes(t testing.TB) accounts.Option {
	return accounts.WithSchemes(accounts.Argon2id(19456, 2, 1),
		accounts.Bcrypt(4), schemeOf(t, djangoHash("")), schemeOf(t, weakArgon2id("")))
}

// A spyStore notes its calls, and may fail instead of answering.
type spyStore struct {
	accounts.MemoryStore
	lookup, upgrade func(context.Context) error // nil: none fails
	found           func()                      // after a lookup; nil: nothing happens

	mu    sync.Mutex
	calls []string
}

func (s *spyStore) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, fmt.Sprintf(format, args...))
}

func (s *spyStore) Lookup(ctx context.Context, login string) (*accounts.Record, error) {
	s.note("Lookup")
	if s.lookup != nil {
		if err := s.lookup(ctx); err != nil {
			return nil, err
		}
	}
	r, err := s.MemoryStore.Lookup(ctx, login)
	if s.found != nil {
		s.found()
	}
	return r, err
}

func (s *spyStore) UpgradeHash(ctx context.Context, id, from, to string) error {
	s.note("UpgradeHash %s %s", id, from)
	if s.upgrade != nil {
		if err := s.upgrade(ctx); err != nil {
			return err
		}
	}
	return s.MemoryStore.UpgradeHash(ctx, id, from, to)
}

// A spyThrottle notes its calls. It admits everybody, unless it is told another
// verdict or to fail.
type spyThrottle struct {
	verdict                accounts.Verdict
	admit, succeed, refund func(context.Context) error // nil: none fails

	mu    sync.Mutex
	calls []throttleCall
}

type throttleCall struct {
	name    string
	attempt accounts.Attempt
	verdict accounts.Verdict
}

func (s *spyThrottle) note(ctx context.Context, c throttleCall, fail func(context.Context) error) error {
	s.mu.Lock()
	s.calls = append(s.calls, c)
	s.mu.Unlock()
	if fail != nil {
		return fail(ctx)
	}
	return nil
}

func (s *spyThrottle) Admit(ctx context.Context, a accounts.Attempt) (accounts.Verdict, error) {
	return s.verdict, s.note(ctx, throttleCall{name: "Admit", attempt: a}, s.admit)
}

func (s *spyThrottle) Succeed(ctx context.Context, a accounts.Attempt, v accounts.Verdict) error {
	return s.note(ctx, throttleCall{"Succeed", a, v}, s.succeed)
}

func (s *spyThrottle) Refund(ctx context.Context, a accounts.Attempt, v accounts.Verdict) error {
	return s.note(ctx, throttleCall{"Refund", a, v}, s.refund)
}

// names are the calls for one attempt: Refund and Succeed have to be given what
// Admit was given and returned.
func (s *spyThrottle) names(t testing.TB) []string {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for _, c := range s.calls {
		names = append(names, c.name)
		if c.attempt != s.calls[0].attempt || c.name != "Admit" && c.verdict != s.verdict {
			t.Errorf("%s of %+v, %+v after Admit of %+v, %+v", c.name, c.attempt, c.verdict, s.calls[0].attempt, s.verdict)
		}
	}
	return names
}

// A fixture is an Authenticator with spies on all sides.
type fixture struct {
	store    spyStore
	throttle spyThrottle
	auth     *accounts.Authenticator
	work     func(password string) // during each hash; nil: none

	mu     sync.Mutex
	events []accounts.Event
	hashes []string
}

func newFixture(t testing.TB, opts ...accounts.Option) *fixture {
	t.Helper()
	f := &fixture{}
	for _, r := range users() {
		if err := f.store.Create(t.Context(), &r); err != nil {
			t.Fatal(err)
		}
	}
	auth, err := accounts.New(&f.store, append(opts, accounts.WithThrottle(&f.throttle), accounts.WithObserver(f.observe))...)
	if err != nil {
		t.Fatal(err)
	}
	auth.WrapHash(func(next accounts.HashFunc) accounts.HashFunc {
		return func(s accounts.Scheme, password, stored string) (string, bool) {
			f.mu.Lock()
			f.hashes = append(f.hashes, s.String())
			f.mu.Unlock()
			if f.work != nil {
				f.work(password)
			}
			return next(s, password, stored)
		}
	})
	f.auth = auth
	return f
}

func (f *fixture) observe(_ context.Context, e accounts.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.events = append(f.events, e)
}

// take returns the events up to now, and forgets them.
func (f *fixture) take() []accounts.Event {
	f.mu.Lock()
	defer f.mu.Unlock()
	events := f.events
	f.events = nil
	return events
}

func (f *fixture) outcomes() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []string
	for _, e := range f.events {
		all = append(all, e.Outcome)
	}
	return all
}

// hashed are the schemes that were computed.
func (f *fixture) hashed() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.hashes)
}

// log logs a user in.
func (f *fixture) log(t testing.TB, userName string) {
	t.Helper()
	account, err := f.auth.Authenticate(t.Context(), login(userName))
	if err != nil || account.UserName != userName {
		t.Errorf("%s: %v, %v", userName, account, err)
	}
}

// issuerOf is a token endpoint before an authenticator.
func issuerOf(t testing.TB, auth bearer.Authenticator, opts ...bearer.IssuerOption) *bearer.Issuer {
	t.Helper()
	key, err := keys.New(keys.HS256, []byte("the secret of the accounts' test"))
	if err != nil {
		t.Fatal(err)
	}
	ring, err := keys.NewRing(key)
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := bearer.NewIssuer("https://issuer.test", ring, auth, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return issuer
}

func bodyOf(t testing.TB, c bearer.Credentials) io.Reader {
	t.Helper()
	body, err := json.Marshal(map[string]string{"userName": c.UserName, "password": c.Password, "privateToken": c.PrivateToken})
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReader(string(body))
}

// An answer is everything that a client can see, but for when.
type answer struct {
	status int
	header http.Header
	body   string
}

func post(t testing.TB, url string, c bearer.Credentials) answer {
	t.Helper()
	response, err := http.Post(url, "application/json", bodyOf(t, c))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	response.Header.Del("Date")
	return answer{response.StatusCode, response.Header, string(body)}
}

// A loginTest is a login that every configuration answers alike.
type loginTest struct {
	name    string
	login   bearer.Credentials
	outcome string // with oldSchemes
	plain   string // with the default configuration; empty: the same
	lookups int
}

func loginTests() []loginTest {
	as := func(userName string, change func(*bearer.Credentials)) bearer.Credentials {
		c := login(userName)
		change(&c)
		return c
	}
	password := func(userName, password string) bearer.Credentials {
		return as(userName, func(c *bearer.Credentials) { c.Password = password })
	}
	token := func(userName, token string) bearer.Credentials {
		return as(userName, func(c *bearer.Credentials) { c.PrivateToken = token })
	}
	const wrong, unusable = accounts.WrongPassword, accounts.UnusableHash
	return []loginTest{
		{"an unknown user", login("nobody"), accounts.UnknownUser, "", 1},
		{"a wrong password", password("tom", "wrong password"), wrong, "", 1},
		{"the password of another", password("tom", passwordOf("dora")), wrong, "", 1},
		{"a wrong private token", token("tom", "wrong token"), accounts.WrongPrivateToken, "", 1},
		{"the private token of another", token("tom", privateTokenOf("dora")), accounts.WrongPrivateToken, "", 1},
		{"both wrong", as("tom", func(c *bearer.Credentials) { c.Password, c.PrivateToken = "wrong password", "wrong token" }), wrong, "", 1},
		{"a disabled account", login("dora"), accounts.AccountDisabled, "", 1},
		{"a disabled account, a wrong password", password("dora", "wrong password"), wrong, "", 1},
		{"a disabled account, a wrong private token", token("dora", "wrong token"), accounts.WrongPrivateToken, "", 1},

		{"a password of 1025 bytes", password("tom", strings.Repeat("x", 1025)), accounts.PasswordTooLong, "", 1},
		{"a password of 16000 bytes", password("tom", strings.Repeat("x", 16000)), accounts.PasswordTooLong, "", 1},
		{"a password that is right up to its 1024th byte", password("bob", passwordOf("bob")+"x"), accounts.PasswordTooLong, "", 1},
		{"an unknown user, a password of 1025 bytes", password("nobody", strings.Repeat("x", 1025)), accounts.UnknownUser, "", 1},
		{"a disabled account, a password of 1025 bytes", password("dora", strings.Repeat("x", 1025)), accounts.PasswordTooLong, "", 1},
		{"an old hash, a password of 1025 bytes", password("olga", strings.Repeat("x", 1025)), accounts.PasswordTooLong, "", 1},
		{"an old hash, a password of 73 bytes", password("olga", strings.Repeat("x", 73)), wrong, unusable, 1},
		{"a password with a NUL", password("tom", passwordOf("tom")+"\x00"), wrong, "", 1},
		{"an old hash, a password with a NUL", password("olga", passwordOf("olga")+"\x00"), wrong, unusable, 1},

		{"a user name with a space", login("tom tom"), accounts.UnknownUser, "", 0},
		{"a user name with a NUL", login("tom\x00"), accounts.UnknownUser, "", 0},
		{"a user name of 300 bytes", login(strings.Repeat("x", 300)), accounts.UnknownUser, "", 0},

		{"a malformed hash", login("una"), unusable, "", 1},
		{"a hash of a scheme that is not accepted", login("ursula"), unusable, "", 1},
		{"no hash", login("nora"), unusable, "", 1},
		{"a bcrypt hash, a wrong password", password("olga", "wrong password"), wrong, unusable, 1},
		{"a PBKDF2 hash, a wrong password", password("perry", "wrong password"), wrong, unusable, 1},
		{"a weaker argon2id hash, a wrong password", password("anna", "wrong password"), wrong, unusable, 1},
		{"an old hash, a wrong private token", token("olga", "wrong token"), accounts.WrongPrivateToken, unusable, 1},
	}
}

const currentScheme = "argon2id m=19456 t=2 p=1"

// Whatever is wrong, the client sees the same and the server does the same.
func TestRefusalsAreEqual(t *testing.T) {
	refused := answer{http.StatusBadRequest, http.Header{
		"Cache-Control": {"no-store"}, "Pragma": {"no-cache"}, "Content-Type": {"application/json"}, "Content-Length": {"92"},
	}, `{"error":"invalid_grant","error_description":"The user name, password or private token is wrong"}` + "\n"}
	refused.header.Set("Content-Length", fmt.Sprint(len(refused.body)))
	for _, config := range []struct {
		name   string
		opts   []accounts.Option
		hashes []string
		twins  []string
	}{
		{"the default", nil, []string{currentScheme}, []string{"tom", "bob"}},
		{"old schemes accepted", []accounts.Option{oldSchemes(t)},
			[]string{currentScheme, "bcrypt cost=4", "pbkdf2-sha256 i=1 l=32, Django", "argon2id m=8 t=1 p=1"}, []string{"tom", "bob", "olga", "perry", "anna"}},
	} {
		t.Run(config.name, func(t *testing.T) {
			f := newFixture(t, config.opts...)
			server := httptest.NewServer(issuerOf(t, f.auth))
			defer server.Close()
			reset := func() {
				f.store.calls, f.throttle.calls, f.events, f.hashes = nil, nil, nil, nil
			}
			for _, tt := range loginTests() {
				t.Run(tt.name, func(t *testing.T) {
					reset()
					f.work = func(password string) {
						if password != tt.login.Password && password != "" {
							t.Errorf("hashed a part of the password, of %d bytes", len(password))
						}
					}
					got := post(t, server.URL, tt.login)
					if got.status != refused.status || got.body != refused.body || !maps.EqualFunc(got.header, refused.header, slices.Equal) {
						t.Errorf("%+v, want\n%+v", got, refused)
					}
					if !slices.Equal(f.hashes, config.hashes) {
						t.Errorf("hashes %q, want %q", f.hashes, config.hashes)
					}
					if want := slices.Repeat([]string{"Lookup"}, tt.lookups); !slices.Equal(f.store.calls, want) {
						t.Errorf("store %q, want %q", f.store.calls, want)
					}
					if got := f.throttle.names(t); !slices.Equal(got, []string{"Admit"}) {
						t.Errorf("throttle %q, want Admit alone", got)
					}
					want := tt.outcome
					if len(config.opts) == 0 && tt.plain != "" {
						want = tt.plain
					}
					if got := f.outcomes(); !slices.Equal(got, []string{want}) {
						t.Errorf("outcomes %q, want %q", got, want)
					}
				})
			}
			f.work = nil
			for _, userName := range config.twins {
				t.Run("the twin: "+userName+" is right", func(t *testing.T) {
					reset()
					if got := post(t, server.URL, login(userName)); got.status != http.StatusOK || !strings.Contains(got.body, `"userName":"`+userName+`"`) {
						t.Errorf("%+v", got)
					}
					if !slices.Equal(f.hashes, config.hashes) {
						t.Errorf("hashes %q, want %q", f.hashes, config.hashes)
					}
				})
			}
		})
	}
}

// The digest that a throttle counts by is the same for all spellings of a user
// name, and another for each name, whether or not it can exist.
func TestAttemptsAreOfOneAccount(t *testing.T) {
	f := newFixture(t)
	f.auth.WrapHash(func(accounts.HashFunc) accounts.HashFunc {
		return func(accounts.Scheme, string, string) (string, bool) { return "", false }
	})
	attempt := func(c bearer.Credentials) accounts.Attempt {
		t.Helper()
		f.throttle.calls = nil
		if _, err := f.auth.Authenticate(t.Context(), c); !errors.Is(err, bearer.ErrBadCredentials) {
			t.Error(err)
		}
		return f.throttle.calls[0].attempt
	}
	tom := attempt(login("tom"))
	for _, same := range []string{"Tom", "TOM", "ｔｏｍ"} {
		if attempt(login(same)) != tom {
			t.Errorf("%s is counted apart from tom", same)
		}
	}
	seen := map[accounts.Attempt]string{tom: "tom"}
	for _, other := range []string{"nobody", "tom tom", "tom\x00", " tom", "a b", strings.Repeat("x", 300), strings.Repeat("y", 300)} {
		a := attempt(login(other))
		if was, twice := seen[a]; twice {
			t.Errorf("%q is counted as %q", other, was)
		}
		seen[a] = other
	}
	for addr, want := range map[string]string{
		"192.0.2.1": "192.0.2.1/32", "::ffff:192.0.2.1": "192.0.2.1/32", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64",
	} {
		c := login("tom")
		c.ClientAddr = netip.MustParseAddr(addr)
		if got := attempt(c); got.Network != netip.MustParsePrefix(want) || got.Account != tom.Account {
			t.Errorf("%s: %v, want %s", addr, got.Network, want)
		}
	}
	if tom.Network.IsValid() {
		t.Errorf("a network for nobody's address: %v", tom.Network)
	}
}

// An old hash is replaced at the first good login, and then is no old one.
func TestUpgrade(t *testing.T) {
	for _, userName := range []string{"olga", "perry", "anna"} {
		t.Run(userName, func(t *testing.T) {
			f := newFixture(t, oldSchemes(t))
			old := users()[userName]
			f.log(t, userName)
			if want := []string{"Lookup", "UpgradeHash " + old.ID + " " + old.PasswordHash}; !slices.Equal(f.store.calls, want) {
				t.Errorf("store %q, want %q", f.store.calls, want)
			}
			after, err := f.store.MemoryStore.Lookup(t.Context(), userName)
			if err != nil {
				t.Fatal(err)
			}
			if got := schemeOf(t, after.PasswordHash).String(); got != currentScheme {
				t.Errorf("upgraded to %s", got)
			}
			f.store.calls = nil
			f.log(t, userName)
			if !slices.Equal(f.store.calls, []string{"Lookup"}) {
				t.Errorf("the second login: store %q", f.store.calls)
			}
			if want := []string{accounts.Granted, accounts.HashUpgraded, accounts.Granted}; !slices.Equal(f.outcomes(), want) {
				t.Errorf("outcomes %q, want %q", f.outcomes(), want)
			}
			c := login(userName)
			c.Password = "wrong password"
			if _, err := f.auth.Authenticate(t.Context(), c); !errors.Is(err, bearer.ErrBadCredentials) {
				t.Errorf("the new hash opens with a wrong password: %v", err)
			}
		})
	}
}

func TestNoUpgrade(t *testing.T) {
	disable := func(r *accounts.Record) error { r.Disabled = true; return nil }
	for _, tt := range []struct {
		name   string
		before func(*fixture) error
		login  func(*bearer.Credentials)
		err    error
	}{
		{"a wrong password", nil, func(c *bearer.Credentials) { c.Password = "wrong password" }, bearer.ErrBadCredentials},
		{"a wrong private token", nil, func(c *bearer.Credentials) { c.PrivateToken = "wrong token" }, bearer.ErrBadCredentials},
		{"a disabled account", func(f *fixture) error { return f.store.Update(context.Background(), "olga", disable) }, nil, bearer.ErrBadCredentials},
		{"a throttled login", func(f *fixture) error { f.throttle.verdict.Wait = 1; return nil }, nil, &bearer.ThrottledError{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, oldSchemes(t))
			if tt.before != nil {
				if err := tt.before(f); err != nil {
					t.Fatal(err)
				}
			}
			c := login("olga")
			if tt.login != nil {
				tt.login(&c)
			}
			_, err := f.auth.Authenticate(t.Context(), c)
			var throttled *bearer.ThrottledError
			if !errors.Is(err, tt.err) && !errors.As(err, &throttled) {
				t.Errorf("%v, want %v", err, tt.err)
			}
			for _, call := range f.store.calls {
				if call != "Lookup" {
					t.Errorf("store %q", f.store.calls)
				}
			}
		})
	}
}

// Between the login and the upgrade somebody changes the password.
func TestUpgradeKeepsAPasswordThatWasChangedMeanwhile(t *testing.T) {
	f := newFixture(t, oldSchemes(t))
	const changed = "another password"
	f.store.upgrade = func(ctx context.Context) error {
		return accounts.Admin{Store: &f.store}.SetPassword(ctx, "olga", changed)
	}
	f.log(t, "olga")
	f.store.upgrade = nil
	c := login("olga")
	if _, err := f.auth.Authenticate(t.Context(), c); !errors.Is(err, bearer.ErrBadCredentials) {
		t.Errorf("the old password: %v", err)
	}
	c.Password = changed
	if _, err := f.auth.Authenticate(t.Context(), c); err != nil {
		t.Errorf("the new password: %v", err)
	}
}

var errDown = errors.New("connection refused")

// hang waits for its context's end, as a database driver does.
func hang(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// What fails or hangs costs two seconds at most and lets nobody in who has not
// shown the right secrets, and nobody out who has.
func TestOutages(t *testing.T) {
	fail := func(context.Context) error { return errDown }
	for _, tt := range []struct {
		name     string
		break_   func(*fixture)
		takes    time.Duration
		err      error // of a login that is right; nil: it is granted
		throttle []string
	}{
		{"the store fails", func(f *fixture) { f.store.lookup = fail }, 0, errDown, []string{"Admit", "Refund"}},
		{"the store hangs", func(f *fixture) { f.store.lookup = hang }, 2 * time.Second, context.DeadlineExceeded, []string{"Admit", "Refund"}},
		{"the store and the refund hang", func(f *fixture) { f.store.lookup, f.throttle.refund = hang, hang }, 4 * time.Second, context.DeadlineExceeded, []string{"Admit", "Refund"}},
		{"the store and the refund fail", func(f *fixture) { f.store.lookup, f.throttle.refund = fail, fail }, 0, errDown, []string{"Admit", "Refund"}},
		{"the throttle fails", func(f *fixture) { f.throttle.admit = fail }, 0, errDown, []string{"Admit"}},
		{"the throttle hangs", func(f *fixture) { f.throttle.admit = hang }, 2 * time.Second, context.DeadlineExceeded, []string{"Admit"}},
		// A verdict beside an error is none.
		{"the throttle fails and admits", func(f *fixture) { f.throttle.admit, f.throttle.verdict.Known = fail, true }, 0, errDown, []string{"Admit"}},
		{"the throttle fails and refuses", func(f *fixture) { f.throttle.admit, f.throttle.verdict.Wait = fail, time.Minute }, 0, errDown, []string{"Admit"}},
		{"the success is not noted", func(f *fixture) { f.throttle.succeed = fail }, 0, nil, []string{"Admit", "Succeed"}},
		{"noting the success hangs", func(f *fixture) { f.throttle.succeed = hang }, 2 * time.Second, nil, []string{"Admit", "Succeed"}},
		{"the upgrade fails", func(f *fixture) { f.store.upgrade = fail }, 0, nil, []string{"Admit", "Succeed"}},
		{"the upgrade hangs", func(f *fixture) { f.store.upgrade = hang }, 2 * time.Second, nil, []string{"Admit", "Succeed"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, oldSchemes(t))
				tt.break_(f)
				start := time.Now()
				account, err := f.auth.Authenticate(t.Context(), login("olga"))
				if took := time.Since(start); took != tt.takes {
					t.Errorf("it took %v, want %v", took, tt.takes)
				}
				if !errors.Is(err, tt.err) || (account == nil) != (tt.err != nil) || errors.Is(err, bearer.ErrBadCredentials) {
					t.Errorf("%v, %v, want %v", account, err, tt.err)
				}
				if got := f.throttle.names(t); !slices.Equal(got, tt.throttle) {
					t.Errorf("throttle %q, want %q", got, tt.throttle)
				}
				if tt.err != nil && len(f.hashes) != 0 {
					t.Errorf("hashes %q", f.hashes)
				}
				// The place is free again.
				f.store.lookup, f.store.upgrade = nil, nil
				f.throttle.admit, f.throttle.succeed, f.throttle.refund, f.throttle.verdict = nil, nil, nil, accounts.Verdict{}
				f.log(t, "tom")
			})
		})
	}
}

// An oddStore answers what no Store should.
type oddStore struct {
	record *accounts.Record
	err    error
}

func (s oddStore) Lookup(context.Context, string) (*accounts.Record, error) { return s.record, s.err }
func (s oddStore) UpgradeHash(context.Context, string, string, string) error {
	panic("nobody was let in")
}

// No answer of a store lets somebody in without the secrets.
func TestOddStores(t *testing.T) {
	tom := users()["tom"]
	for _, tt := range []struct {
		name    string
		store   oddStore
		outcome string
	}{
		{"no account and no error", oddStore{}, accounts.UnknownUser},
		{"ErrNotFound", oddStore{nil, accounts.ErrNotFound}, accounts.UnknownUser},
		{"ErrNotFound, wrapped", oddStore{nil, fmt.Errorf("table accounts: %w", accounts.ErrNotFound)}, accounts.UnknownUser},
		{"ErrNotFound, joined", oddStore{nil, errors.Join(errDown, accounts.ErrNotFound)}, accounts.UnknownUser},
		{"an account and ErrNotFound", oddStore{&tom, accounts.ErrNotFound}, accounts.UnknownUser},
		{"an account and an error", oddStore{&tom, errDown}, accounts.StoreFailed},
		{"an empty account", oddStore{&accounts.Record{Login: "tom"}, nil}, accounts.UnusableHash},
		{"an account without a private token", oddStore{&accounts.Record{Login: "tom", PasswordHash: tom.PasswordHash}, nil}, accounts.WrongPrivateToken},
		{"an account of another name", oddStore{&accounts.Record{Login: "tóm", PasswordHash: tom.PasswordHash, PrivateToken: tom.PrivateToken}, nil}, accounts.UnknownUser},
		{"an account without a name", oddStore{new(accounts.Record), nil}, accounts.UnknownUser},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			auth, err := accounts.New(tt.store, accounts.DangerouslyWithoutThrottle(),
				accounts.WithObserver(func(_ context.Context, e accounts.Event) { got = append(got, e.Outcome) }))
			if err != nil {
				t.Fatal(err)
			}
			account, err := auth.Authenticate(t.Context(), login("tom"))
			if account != nil || err == nil || errors.Is(err, bearer.ErrBadCredentials) == (tt.outcome == accounts.StoreFailed) {
				t.Errorf("%v, %v", account, err)
			}
			if !slices.Equal(got, []string{tt.outcome}) {
				t.Errorf("outcomes %q, want %q", got, tt.outcome)
			}
		})
	}
}

// A panic passes, to whoever recovers it, and takes no place or slot with it.
func TestPanics(t *testing.T) {
	for _, tt := range []struct {
		name   string
		break_ func(*fixture)
	}{
		{"in the store", func(f *fixture) { f.store.lookup = func(context.Context) error { panic("test") } }},
		{"in the throttle", func(f *fixture) { f.throttle.admit = func(context.Context) error { panic("test") } }},
		{"in a hash", func(f *fixture) { f.work = func(string) { panic("test") } }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, accounts.WithSlots(1), accounts.WithQueue(1))
			tt.break_(f)
			for range 3 {
				func() {
					defer func() {
						if recover() == nil {
							t.Error("no panic")
						}
					}()
					_, err := f.auth.Authenticate(t.Context(), login("tom"))
					t.Error(err)
				}()
			}
			f.store.lookup, f.throttle.admit, f.work = nil, nil, nil
			f.log(t, "tom")
		})
	}
}

// What New has not made lets nobody in.
func TestZeroAuthenticator(t *testing.T) {
	for name, auth := range map[string]*accounts.Authenticator{"nil": nil, "zero": {}} {
		account, err := auth.Authenticate(t.Context(), login("tom"))
		if account != nil || err == nil || errors.Is(err, bearer.ErrBadCredentials) {
			t.Errorf("%s: %v, %v", name, account, err)
		}
	}
}
