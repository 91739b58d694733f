package bearer_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/keys"
)

// lastCached reports whether the cache answered last.
func (l *eventLog) lastCached() bool {
	all := l.all()
	return all[len(all)-1].Cached
}

func TestAnEventSaysWhetherTheCacheAnswered(t *testing.T) {
	k := keyOf(t, keys.HS256, keys.WithID("1"))
	var (
		now     = testNow
		revoked bool
		down    error
		source  = &switchSource{keys: []*keys.Key{k}}
		log     = new(eventLog)
	)
	tr := trust(source)
	tr.Revocations = revocationsFunc(func(context.Context, bearer.Info) (bool, error) { return revoked, down })
	m := must(bearer.NewMiddleware[twoStrings](tr, log.option(), bearer.WithClock(func() time.Time { return now })))
	exp := testNow.Add(time.Hour)
	token := forge(t, k, header(k), payloadWith("iat", fmt.Sprint(testNow.Unix()), "exp", fmt.Sprint(exp.Unix())))
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	outage := errors.New("down")
	for _, step := range []struct {
		name   string
		change func()
		guards []bearer.Guard
		cached bool
		want   error
		known  found
	}{
		{"for the first time", func() {}, nil, false, nil, key},
		{"again", func() {}, nil, true, nil, key},
		{"refused by a guard", func() {}, []bearer.Guard{bearer.RequireScope("x")}, true, bearer.ErrForbidden, key},
		{"revoked", func() { revoked = true }, nil, true, bearer.ErrRevoked, key},
		{"not revoked any more", func() { revoked = false }, nil, true, nil, key},
		{"revocations out of reach", func() { down = outage }, nil, true, bearer.ErrUnavailable, key},
		{"and back", func() { down = nil }, nil, true, nil, key},
		{"keys out of reach", func() { source.fail(outage) }, nil, true, bearer.ErrUnavailable, issuer},
		{"the key is gone", func() { source.offer() }, nil, false, bearer.ErrUnknownKey, issuer},
		{"and back again", func() { source.offer(k) }, nil, true, nil, key},
		{"another key of its name", func() { source.offer(newKey(t, keys.HS256, keys.WithID("1"))) }, nil, false, bearer.ErrSignature, issuer},
		{"and the right one", func() { source.offer(k) }, nil, true, nil, key},
		{"its equal in other memory", func() { source.offer(must(keys.New(keys.HS256, sharedSecret, keys.WithID("1")))) }, nil, true, nil, key},
		{"a second short of five minutes", func() { now = testNow.Add(5*time.Minute - time.Second) }, nil, true, nil, key},
		{"five minutes", func() { now = testNow.Add(5 * time.Minute) }, nil, false, nil, key},
		{"from there on", func() {}, nil, true, nil, key},
		{"before it was verified", func() { now = testNow.Add(5*time.Minute - time.Second) }, nil, false, nil, key},
		{"a minute before exp", func() { now = exp.Add(-time.Minute) }, nil, false, nil, key},
		{"a second before exp", func() { now = exp.Add(-time.Second) }, nil, true, nil, key},
		{"at exp, within the leeway", func() { now = exp }, nil, false, nil, key},
		{"at exp, again", func() {}, nil, false, nil, key},
		{"expired", func() { now = exp.Add(5 * time.Second) }, nil, false, bearer.ErrExpired, key},
		{"the clock set back to before iat", func() { now = testNow.Add(-time.Minute) }, nil, false, bearer.ErrNotYetValid, key},
	} {
		step.change()
		_, err := m.Admit(r, step.guards...)
		checkCause(t, err, step.want)
		e := log.all()[len(log.all())-1]
		want := bearer.Event{Kind: bearer.EventVerified, Issuer: testIssuer, Cached: step.cached, Duration: e.Duration}
		if step.known == key {
			want.KeyID, want.Algorithm = "1", keys.HS256
		}
		if step.want != nil {
			want.Kind, want.Cause = bearer.EventRefused, step.want
		}
		if e != want {
			t.Errorf("%s: %+v, want %+v", step.name, e, want)
		}
	}
}

// What is asked for the key of a token that is known is what was asked before.
func TestTheSourceIsAskedTheSameAgain(t *testing.T) {
	for _, header := range []string{
		`{"alg":"HS256"}`, `{"alg":"HS256","typ":"JWT"}`, `{"alg":"HS256","kid":"of the token","typ":"application/at+JWT"}`,
	} {
		k := newKey(t, keys.HS256) // has no id: that is the token's
		source := &spySource{Source: static(t, k)}
		log := new(eventLog)
		m := newMiddleware[twoStrings](t, trust(source), log.option())
		warm(t, m, forge(t, k, header, goodPayload("")))
		if source.calls() != 3 || source.headers[0] != source.headers[2] || !log.lastCached() {
			t.Errorf("%s: asked for %+v", header, source.headers)
		}
	}
}

func TestATokenWithoutAnEndIsRemembered(t *testing.T) {
	k, log, now := newKey(t, keys.HS256), new(eventLog), testNow
	m := must(bearer.NewMiddleware[twoStrings](trust(static(t, k)), bearer.DangerouslyAllowNoExpiry(), log.option(), bearer.WithClock(func() time.Time { return now })))
	token := forge(t, k, header(k), payloadWith("exp", ""))
	for range 3 {
		if got := warm(t, m, token); !got.ExpiresAt.IsZero() || !log.lastCached() {
			t.Errorf("%+v, cached: %v", got.Info, log.lastCached())
		}
		now = now.Add(5 * time.Minute)
		if _, err := m.Verify(t.Context(), token); err != nil || log.lastCached() {
			t.Errorf("five minutes later: %v, cached: %v", err, log.lastCached())
		}
	}
}

func TestWithTokenCache(t *testing.T) {
	k := newKey(t, keys.HS256)
	tr := trust(static(t, k))
	token := forge(t, k, header(k), goodPayload(""))
	large := forge(t, k, header(k), goodPayload(`,"x":"`+strings.Repeat("x", 8000)+`"`))
	for _, tt := range []struct {
		name         string
		opts         []bearer.MiddlewareOption
		small, large bool
	}{
		{"by default", nil, true, true},
		{"off", []bearer.MiddlewareOption{bearer.WithTokenCache(0)}, false, false},
		{"a byte", []bearer.MiddlewareOption{bearer.WithTokenCache(1)}, false, false},
		{"64 KiB", []bearer.MiddlewareOption{bearer.WithTokenCache(64 << 10)}, true, false},
		{"1 MiB", []bearer.MiddlewareOption{bearer.WithTokenCache(1 << 20)}, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			log := new(eventLog)
			m := newMiddleware[twoStrings](t, tr, append(tt.opts, log.option())...)
			if warm(t, m, token); log.lastCached() != tt.small {
				t.Errorf("cached: %v", !tt.small)
			}
			if warm(t, m, large); log.lastCached() != tt.large {
				t.Errorf("a large one was cached: %v", !tt.large)
			}
		})
	}
	for _, tt := range []struct {
		name string
		opts []bearer.MiddlewareOption
		says string
	}{
		{"below zero", []bearer.MiddlewareOption{bearer.WithTokenCache(-1)}, "0 to remember nothing"},
		{"the least number", []bearer.MiddlewareOption{bearer.WithTokenCache(-1 << 63)}, "0 to remember nothing"},
		{"given twice", []bearer.MiddlewareOption{bearer.WithTokenCache(0), bearer.WithTokenCache(0)}, "give it once"},
	} {
		configTest{tt.name, func() error { _, err := bearer.NewMiddleware[twoStrings](tr, tt.opts...); return err }, "WithTokenCache", tt.says, nil}.run(t)
	}
}

// Each middleware finds out for itself.
func TestACacheIsOneMiddlewaresOwn(t *testing.T) {
	k := newKey(t, keys.HS256)
	token := forge(t, k, header(k), goodPayload(""))
	for range 3 {
		log := new(eventLog)
		m := newMiddleware[twoStrings](t, trust(static(t, k)), log.option())
		if _, err := m.Verify(t.Context(), token); err != nil || log.lastCached() {
			t.Errorf("%v, cached: %v", err, log.lastCached())
		}
	}
}

// A token that is remembered takes its own length, its payload's and 400 bytes at
// most beside the claims themselves, and less by what nobody asks its payload for.
func TestMemoryOfARememberedToken(t *testing.T) {
	k := newKey(t, keys.HS256, keys.WithID("2026-03"))
	ours := trust(static(t, k))
	_, payload := seedSegments(t)
	seed := string(payload)
	seeds := bearer.Trust{Issuer: "http://localhost:44306/", Audience: []string{"Apiv2"}, Keys: static(t, k)}
	long := goodPayload(`,"note":"-4210-","email":"a@b.test","roles":["one","two"],"list":["a","b"],"deep":{"list":[{"name":"n"},{"name":"o"}]},"usr":"` + strings.Repeat("x", 3000) + `"`)
	t.Run("small", memoryOf[twoStrings](k, ours, testNow, smallPayload(), 300))
	t.Run("the wire format's own", memoryOf[twoStrings](k, seeds, seedTime, seed, -700))
	t.Run("the wire format's own, Claims", memoryOf[bearer.Claims](k, seeds, seedTime, seed, 400+int(unsafe.Sizeof(bearer.Claims{}))))
	// Wherever the strings are, they do not keep the payload.
	t.Run("an array", memoryOf[manyValues](k, ours, testNow, long, -1800))
	t.Run("slices of strings", memoryOf[embedding](k, ours, testNow, long, 1500))
	t.Run("slices of structs", memoryOf[valueSlices](k, ours, testNow, long, -1800))
	t.Run("a field that is not exported", memoryOf[normalises](k, ours, testNow, long, -1800))
	t.Run("escapes", memoryOf[normalises](k, ours, testNow, strings.Replace(long, "a@b", `\u0061@b`, 1), -1800))
	t.Run("decoded again", memoryOf[map[string]any](k, ours, testNow, long, 1100))
}

// memoryOf tests how many bytes more than its own and its payload's a token takes.
func memoryOf[C any](k *keys.Key, trust bearer.Trust, now time.Time, payload string, most int) func(*testing.T) {
	return func(t *testing.T) {
		if raceDetector {
			t.Skip("the race detector's own memory")
		}
		const n = 2000
		log := 0
		m := must(bearer.NewMiddleware[C](trust, bearer.WithTokenCache(64<<20),
			bearer.WithClock(func() time.Time { return now }), bearer.WithObserver(func(_ context.Context, e bearer.Event) {
				if e.Cached {
					log++
				}
			})))
		verify := func(n int) string {
			token := forge(t, k, header(k), strings.Replace(payload, "-4210-", fmt.Sprintf("-%04d-", n), 1))
			if _, err := m.Verify(t.Context(), token); err != nil {
				t.Fatal(err)
			}
			return token
		}
		verify(9999) // the table comes with the first one
		before, length := heapInUse(), 0
		for i := range n {
			length = len(verify(i)) + len(payload)
		}
		each := int(heapInUse()-before) / n
		t.Logf("a token and its payload of %d bytes take %d: %+d", length, each, each-length)
		if each-length > most {
			t.Errorf("%+d bytes beside its %d, want at most %+d", each-length, length, most)
		}
		for i := range n {
			verify(i)
		}
		if log < n*98/100 {
			t.Errorf("%d of %d are remembered", log, n)
		}
	}
}

// A token that is known costs its request's copy and its context with the claims;
// and a copy of each of its claims that is a list.
func TestAllocationsOfAWarmRequest(t *testing.T) {
	t.Run("two strings", warmAllocations[twoStrings](budget{2, 450}))
	t.Run("values", warmAllocations[manyNumbers](budget{2, 500}))
	t.Run("Info alone", warmAllocations[struct{}](budget{2, 400}))
	t.Run("a slice", warmAllocations[stringsAndSlices](budget{3, 500}))
	t.Run("Claims", warmAllocations[bearer.Claims](budget{3, 850}))
}

type manyNumbers struct {
	Expires float64            `json:"exp"`
	Issued  bearer.NumericDate `json:"iat"`
	Email   string             `json:"email"`
}

func warmAllocations[C any](b budget) func(*testing.T) {
	return func(t *testing.T) {
		k := keyOf(t, keys.HS256, keys.WithID("2026-03"))
		m := newMiddleware[C](t, trust(static(t, k)))
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", "Bearer "+forge(t, k, header(k), smallPayload()))
		handler := m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, ok := bearer.FromContext[C](r.Context()); !ok {
				t.Error("no claims")
			}
		}))
		w := &discard{header: http.Header{}}
		b.check(t, func() { handler.ServeHTTP(w, r) }, nil)
	}
}

// More names than fit beside the claims.
func TestManyRolesOfARememberedToken(t *testing.T) {
	k := newKey(t, keys.HS256)
	for n := range 12 {
		var roles []string
		for i := range n {
			roles = append(roles, fmt.Sprint("role ", i))
		}
		payload := goodPayload(`,"scope":"a b","roles":["` + strings.Join(roles, `","`) + `"]`)
		if n == 0 {
			payload = payloadWith("aud", `["https://api.test","x"]`)
		}
		m := newMiddleware[twoStrings](t, trust(static(t, k)))
		got := warm(t, m, forge(t, k, header(k), payload))
		if !slices.Equal(got.Roles, roles) || n > 0 && !slices.Equal(got.Scopes, []string{"a", "b"}) || len(got.Audience) != 1+(12-n)/12 {
			t.Errorf("%d roles: %+v", n, got.Info)
		}
	}
}
