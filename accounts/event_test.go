package accounts_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/accounts"
)

// A scene is one login, how it comes to its outcome, and all that is left of it.
// Its hashes take 30 ms each.
type scene struct {
	name   string
	before func(*testing.T, *fixture, context.CancelFunc) // what makes it so; cancel is the client's leaving
	login  bearer.Credentials
	opts   []accounts.Option // besides one slot and a queue of one

	status     int // 503 as well for who went away, to nobody
	retryAfter string
	events     []accounts.Event
	err        error // by errors.Is; nil: none
}

var callerNetwork = netip.MustParsePrefix("2001:db8:1:2::/64")

// happened is an event of the scene's caller.
func happened(outcome, account string, waited, took time.Duration, err error) accounts.Event {
	return accounts.Event{Outcome: outcome, Account: account, Network: callerNetwork, Err: err, Waited: waited, Duration: took}
}

func scenes(t testing.TB) []scene {
	wrong := func(userName string, change func(*bearer.Credentials)) bearer.Credentials {
		c := login(userName)
		change(&c)
		return c
	}
	password := func(c *bearer.Credentials) { c.Password = "marker-wrong-password" }
	privateToken := func(c *bearer.Credentials) { c.PrivateToken = "marker-wrong-private-token" }
	tooLong := func(c *bearer.Credentials) { c.Password = strings.Repeat("marker-long-password", 60) }
	fail := func(context.Context) error { return errDown }
	id := func(userName string) string { return users()[userName].ID }
	tom := login("tom")
	// crowded lets others in first, whose hashes are under way for 30 ms each.
	crowded := func(n int) func(*testing.T, *fixture, context.CancelFunc) {
		return func(t *testing.T, f *fixture, _ context.CancelFunc) {
			for range n {
				go f.auth.Authenticate(t.Context(), login("bob"))
			}
			synctest.Wait()
		}
	}
	// leaving goes away at a time after a call has begun.
	leaving := func(after time.Duration, cancel context.CancelFunc) func(context.Context) error {
		return func(ctx context.Context) error {
			time.AfterFunc(after, cancel)
			return hang(ctx)
		}
	}
	known := func(e accounts.Event) accounts.Event {
		e.Known = true
		return e
	}
	const h = hashTime
	all := []scene{
		{"right", nil, tom, nil, 200, "", []accounts.Event{happened(accounts.Granted, id("tom"), 0, h, nil)}, nil},
		{"right, from a known network", func(_ *testing.T, f *fixture, _ context.CancelFunc) { f.throttle.verdict.Known = true },
			tom, nil, 200, "", []accounts.Event{known(happened(accounts.Granted, id("tom"), 0, h, nil))}, nil},
		{"right, after a wait", crowded(1), tom, nil, 200, "", []accounts.Event{happened(accounts.Granted, id("tom"), h, 2*h, nil)}, nil},
		{"right, and not noted", func(_ *testing.T, f *fixture, _ context.CancelFunc) { f.throttle.succeed = fail },
			tom, nil, 200, "", []accounts.Event{happened(accounts.Granted, id("tom"), 0, h, errDown)}, nil},
		{"an unknown user", nil, login("nobody"), nil, 400, "", []accounts.Event{happened(accounts.UnknownUser, "", 0, h, nil)}, bearer.ErrBadCredentials},
		{"a user name that cannot be", nil, login("no body"), nil, 400, "", []accounts.Event{happened(accounts.UnknownUser, "", 0, h, nil)}, bearer.ErrBadCredentials},
		{"a wrong password", nil, wrong("tom", password), nil, 400, "", []accounts.Event{happened(accounts.WrongPassword, id("tom"), 0, h, nil)}, bearer.ErrBadCredentials},
		{"a wrong password, from a known network", func(_ *testing.T, f *fixture, _ context.CancelFunc) { f.throttle.verdict.Known = true },
			wrong("tom", password), nil, 400, "", []accounts.Event{known(happened(accounts.WrongPassword, id("tom"), 0, h, nil))}, bearer.ErrBadCredentials},
		{"a wrong private token", nil, wrong("tom", privateToken), nil, 400, "", []accounts.Event{happened(accounts.WrongPrivateToken, id("tom"), 0, h, nil)}, bearer.ErrBadCredentials},
		{"a disabled account", nil, login("dora"), nil, 400, "", []accounts.Event{happened(accounts.AccountDisabled, id("dora"), 0, h, nil)}, bearer.ErrBadCredentials},
		{"an over-long password", nil, wrong("tom", tooLong), nil, 400, "", []accounts.Event{happened(accounts.PasswordTooLong, id("tom"), 0, h, nil)}, bearer.ErrBadCredentials},
		{"a broken hash", nil, login("una"), nil, 400, "", []accounts.Event{happened(accounts.UnusableHash, id("una"), 0, h, nil)}, bearer.ErrBadCredentials},
		{"too many on the account", func(_ *testing.T, f *fixture, _ context.CancelFunc) {
			f.throttle.verdict = accounts.Verdict{Wait: 1500 * time.Millisecond, By: accounts.ThrottledAccount, Known: true}
		}, tom, nil, 429, "2", []accounts.Event{known(happened(accounts.ThrottledAccount, "", 0, 0, nil))}, errThrottled},
		{"too many from the network", func(_ *testing.T, f *fixture, _ context.CancelFunc) {
			f.throttle.verdict = accounts.Verdict{Wait: time.Minute, By: accounts.ThrottledNetwork}
		}, tom, nil, 429, "60", []accounts.Event{happened(accounts.ThrottledNetwork, "", 0, 0, nil)}, errThrottled},
		{"all places taken", crowded(2), tom, nil, 503, "1", []accounts.Event{happened(accounts.Busy, "", 0, 0, nil)}, accounts.ErrBusy},
		{"gone while waiting", func(t *testing.T, f *fixture, cancel context.CancelFunc) {
			crowded(1)(t, f, cancel)
			time.AfterFunc(h/3, cancel)
		}, tom, nil, 503, "1", []accounts.Event{happened(accounts.Abandoned, id("tom"), h/3, h/3, context.Canceled)}, context.Canceled},
		{"gone before", func(_ *testing.T, _ *fixture, cancel context.CancelFunc) { cancel() },
			tom, nil, 503, "1", []accounts.Event{happened(accounts.Abandoned, "", 0, 0, context.Canceled)}, context.Canceled},
		{"gone while the throttle thinks", func(_ *testing.T, f *fixture, cancel context.CancelFunc) { f.throttle.admit = leaving(h, cancel) },
			tom, nil, 503, "1", []accounts.Event{happened(accounts.Abandoned, "", 0, h, context.Canceled)}, context.Canceled},
		{"gone while the store thinks", func(_ *testing.T, f *fixture, cancel context.CancelFunc) { f.store.lookup = leaving(h, cancel) },
			tom, nil, 503, "1", []accounts.Event{happened(accounts.Abandoned, "", 0, h, context.Canceled)}, context.Canceled},
		{"the store fails", func(_ *testing.T, f *fixture, _ context.CancelFunc) { f.store.lookup = fail },
			tom, nil, 503, "1", []accounts.Event{happened(accounts.StoreFailed, "", 0, 0, errDown)}, errDown},
		{"the store hangs", func(_ *testing.T, f *fixture, _ context.CancelFunc) { f.store.lookup = hang },
			tom, nil, 503, "1", []accounts.Event{happened(accounts.StoreFailed, "", 0, 2*time.Second, context.DeadlineExceeded)}, context.DeadlineExceeded},
		{"the throttle fails", func(_ *testing.T, f *fixture, _ context.CancelFunc) { f.throttle.admit = fail },
			tom, nil, 503, "1", []accounts.Event{happened(accounts.ThrottleFailed, "", 0, 0, errDown)}, errDown},
		{"the throttle hangs", func(_ *testing.T, f *fixture, _ context.CancelFunc) { f.throttle.admit = hang },
			tom, nil, 503, "1", []accounts.Event{happened(accounts.ThrottleFailed, "", 0, 2*time.Second, context.DeadlineExceeded)}, context.DeadlineExceeded},
	}
	upgraded := []accounts.Event{happened(accounts.Granted, id("olga"), 0, 4*h, nil), happened(accounts.HashUpgraded, id("olga"), 0, 4*h, nil)}
	failed := slices.Clone(upgraded)
	failed[1].Outcome, failed[1].Err = accounts.UpgradeFailed, errDown
	old := []accounts.Option{oldSchemes(t)}
	return append(all,
		scene{"right, with an old hash", nil, login("olga"), old, 200, "", upgraded, nil},
		scene{"right, with an old hash that stays", func(_ *testing.T, f *fixture, _ context.CancelFunc) { f.store.upgrade = fail },
			login("olga"), old, 200, "", failed, nil})
}

// errThrottled stands for any *bearer.ThrottledError.
var errThrottled = errors.New("throttled")

// play plays the scene at a token endpoint, in a bubble.
func (s scene) play(t *testing.T) (f *fixture, events []accounts.Event, w *httptest.ResponseRecorder, got error) {
	t.Helper()
	f = newFixture(t, append([]accounts.Option{accounts.WithSlots(1), accounts.WithQueue(1)}, s.opts...)...)
	f.work = func(string) { time.Sleep(hashTime) }
	t.Cleanup(func() { time.Sleep(time.Minute) }) // a bubble waits for nobody
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if s.before != nil {
		s.before(t, f, cancel)
	}
	issuer := issuerOf(t, bearer.AuthenticatorFunc(func(ctx context.Context, c bearer.Credentials) (a *bearer.Account, err error) {
		f.take() // those of others
		a, got = f.auth.Authenticate(ctx, c)
		events = f.take()
		return a, got
	}))
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/token", bodyOf(t, s.login))
	r.Header.Set("Content-Type", "application/json")
	r.RemoteAddr = "[2001:db8:1:2:3:4:5:6]:54321"
	w = httptest.NewRecorder()
	issuer.ServeHTTP(w, r)
	events = slices.DeleteFunc(events, func(e accounts.Event) bool { return e.Network != callerNetwork })
	return f, events, w, got
}

func TestEvents(t *testing.T) {
	for _, s := range scenes(t) {
		t.Run(s.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, events, w, err := s.play(t)
				if w.Code != s.status || w.Header().Get("Retry-After") != s.retryAfter {
					t.Errorf("%d, Retry-After %q, want %d, %q", w.Code, w.Header().Get("Retry-After"), s.status, s.retryAfter)
				}
				var throttled *bearer.ThrottledError
				if !errors.Is(err, s.err) && (s.err != errThrottled || !errors.As(err, &throttled)) {
					t.Errorf("%v, want %v", err, s.err)
				}
				if !slices.Equal(events, s.events) {
					t.Errorf("events\n%+v, want\n%+v", events, s.events)
				}
			})
		})
	}
}

// constants are the constants of a file that are literals, or those of a file of
// another package, by their names.
func constants(t *testing.T, path string, others map[string]string) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, d := range file.Decls {
		d, ok := d.(*ast.GenDecl)
		if !ok || d.Tok != token.CONST {
			continue
		}
		for _, spec := range d.Specs {
			spec := spec.(*ast.ValueSpec)
			for i, value := range spec.Values {
				switch value := value.(type) {
				case *ast.BasicLit:
					all[spec.Names[i].Name] = strings.Trim(value.Value, `"`)
				case *ast.SelectorExpr:
					all[spec.Names[i].Name] = others[value.Sel.Name]
				}
			}
		}
	}
	return all
}

// A new outcome needs a scene.
func TestEveryOutcomeHasAScene(t *testing.T) {
	outcomes := slices.Collect(maps.Values(constants(t, "event.go", constants(t, "../internal/throttle/throttle.go", nil))))
	if len(outcomes) < 15 || slices.Contains(outcomes, "") {
		t.Errorf("found %q", outcomes)
	}
	for _, s := range scenes(t) {
		for _, e := range s.events {
			outcomes = slices.DeleteFunc(outcomes, func(name string) bool { return name == e.Outcome })
		}
	}
	if len(outcomes) > 0 {
		t.Errorf("without a scene: %q", outcomes)
	}
}

// forms are how fmt and its friends write a secret.
func forms(secret string) []string {
	all := []string{secret, hex.EncodeToString([]byte(secret)), fmt.Sprintf("%X", secret), fmt.Sprintf("% x", secret)}
	list := func(format, separator string) string {
		var parts []string
		for _, b := range []byte(secret)[:min(8, len(secret))] {
			parts = append(parts, fmt.Sprintf(format, b))
		}
		return strings.Join(parts, separator)
	}
	all = append(all, list("%d", " "), list("%d", ","), list("0x%x", ", "), list("0x%02x", ", "))
	return append(all, base64.RawStdEncoding.EncodeToString([]byte(secret)))
}

// hidden looks for the secrets, in all ways in which somebody might log v.
func hidden(t *testing.T, name string, v any, secrets ...string) {
	t.Helper()
	check := func(how, text string) {
		for _, secret := range secrets {
			for _, form := range forms(secret) {
				if strings.Contains(text, form) {
					t.Errorf("%s by %s shows %q: %.300s", name, how, secret, text)
				}
			}
		}
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%#x", "% x"} {
		check(verb, fmt.Sprintf(verb, v))
	}
	var text, object bytes.Buffer
	slog.New(slog.NewTextHandler(&text, nil)).Info("x", "v", v, slog.Group("g", "v", v))
	slog.New(slog.NewJSONHandler(&object, nil)).With("v", v).Info("x")
	check("slog's text", text.String())
	check("slog's JSON", object.String())
	for err, _ := v.(error); err != nil; err = errors.Unwrap(err) {
		if err != v {
			hidden(t, name+" wraps", err, secrets...)
		}
	}
}

func TestHiddenSees(t *testing.T) {
	const secret = "marker-password-tom"
	for _, text := range []string{
		fmt.Sprint(accounts.Event{Account: secret}), fmt.Sprintf("%x", secret), fmt.Sprint([]byte(secret)), fmt.Sprintf("%#v", []byte(secret)),
		base64.StdEncoding.EncodeToString([]byte(secret)),
	} {
		if !slices.ContainsFunc(forms(secret), func(form string) bool { return strings.Contains(text, form) }) {
			t.Errorf("not seen in %s", text)
		}
	}
}

// secretsOf are what no log may show of a login and its account, and the user
// name, which is none: "tom" stands in too many words.
func secretsOf(c bearer.Credentials) []string {
	secrets := []string{c.Password, c.PrivateToken}
	if r, ok := users()[c.UserName]; ok {
		secrets = append(secrets, string(r.PrivateToken[:]))
		if r.PasswordHash != "" {
			secrets = append(secrets, r.PasswordHash)
		}
	}
	return secrets
}

func TestSecretsDoNotPrint(t *testing.T) {
	for _, s := range scenes(t) {
		t.Run(s.name, func(t *testing.T) {
			// The account gets a name that can be looked for.
			const marker = "marker-user-name"
			secrets, before := append(secretsOf(s.login), marker), s.before
			r, exists := users()[s.login.UserName]
			r.ID, r.Login, r.UserName = "the account's id", marker, marker
			s.login.UserName = strings.NewReplacer("no body", "no "+marker, s.login.UserName, marker).Replace(s.login.UserName)
			s.before = func(t *testing.T, f *fixture, cancel context.CancelFunc) {
				if err := f.store.Create(t.Context(), &r); exists && err != nil {
					t.Fatal(err)
				}
				if !exists {
					f.store.lookup = func(context.Context) error { return accounts.ErrNotFound }
				}
				if before != nil {
					before(t, f, cancel)
				}
			}
			synctest.Test(t, func(t *testing.T) {
				f, events, w, err := s.play(t)
				if len(events) != len(s.events) || events[0].Outcome != s.events[0].Outcome {
					t.Fatalf("another scene: %+v", events)
				}
				for _, e := range events {
					hidden(t, "the event", e, secrets...)
					hidden(t, "its error", e.Err, secrets...)
				}
				hidden(t, "the error", err, secrets...)
				for _, call := range f.throttle.calls {
					hidden(t, "what the throttle is given", call.attempt, secrets...)
				}
				if s.status != http.StatusOK {
					hidden(t, "the answer", w.Body.String(), secrets...)
				}
			})
		})
	}
}

func TestSecretsDoNotPrintInValues(t *testing.T) {
	const marker = "marker-user-name"
	r := users()["tom"]
	r.ID, r.Login, r.UserName = "the account's id", marker, marker
	store := new(accounts.MemoryStore)
	if err := store.Create(t.Context(), &r); err != nil {
		t.Fatal(err)
	}
	auth, err := accounts.New(store)
	if err != nil {
		t.Fatal(err)
	}
	admin, password := accounts.Admin{Store: store}, passwordOf("tom")
	second := func(_ any, err error) error { return err }
	for name, v := range map[string]any{
		"Record": r, "*Record": &r, "[]Record": []accounts.Record{r}, "[]*Record": []*accounts.Record{&r}, "a map of Records": map[int]accounts.Record{1: r},
		"a struct of a Record": struct{ R accounts.Record }{r}, "a struct of a *Record": struct{ R *accounts.Record }{&r},
		"*MemoryStore": store, "a struct of a *MemoryStore": struct{ S *accounts.MemoryStore }{store}, "Admin": admin, "*Admin": &admin,
		"*Authenticator": auth, "Authenticator": *auth, "a struct of an *Authenticator": struct{ A *accounts.Authenticator }{auth},
		"the error of a user name that is taken":       second(admin.Create(t.Context(), bearer.Account{UserName: marker}, password)),
		"the error of an impossible user name":         second(admin.Create(t.Context(), bearer.Account{UserName: "no " + marker}, password)),
		"the error of a long password":                 second(admin.Create(t.Context(), bearer.Account{UserName: "tim"}, strings.Repeat(password, 100))),
		"the error of a password with a control":       admin.SetPassword(t.Context(), marker, password+"\n"),
		"the error of an unknown user":                 admin.SetPassword(t.Context(), "not-"+marker, password),
		"the error of an unknown user's private token": second(admin.ReplacePrivateToken(t.Context(), "not-"+marker)),
		"the error of an unknown user to disable":      admin.SetDisabled(t.Context(), "not-"+marker, true),
		"the error of UserName":                        second(accounts.UserName("no " + marker)),
		"the error of SchemeOf":                        second(accounts.SchemeOf(r.PasswordHash + "$")),
		"the error of Hash":                            second(accounts.Hash(strings.Repeat(password, 100))),
	} {
		t.Run(name, func(t *testing.T) {
			if strings.HasPrefix(name, "the error") && v == nil {
				t.Fatal("no error")
			}
			hidden(t, "it", v, append(secretsOf(login("tom")), marker)...)
		})
	}
}
