package bearer_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/refresh"
)

// verified is what a handler would hand to Revoke.
func verified(t testing.TB, m *bearer.Middleware[bearer.Claims], token string) bearer.Info {
	t.Helper()
	v, err := m.Verify(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	return v.Info
}

func TestRevoke(t *testing.T) {
	i := issuerOf(t, &loginSpy{})
	m := newMiddleware[bearer.Claims](t, i.Trust())
	a, b := issue(t, i, fullAccount(), "").AccessToken, issue(t, i, fullAccount(), "").AccessToken
	info := verified(t, m, a)
	verified(t, m, b)

	for range 2 { // again is no error
		if err := i.Revoke(t.Context(), info); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Verify(t.Context(), a); !errors.Is(err, bearer.ErrRevoked) {
			t.Errorf("%v, want ErrRevoked", err)
		}
		verified(t, m, b)
	}

	ran := false
	h := m.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { ran = true }))
	for _, tt := range []struct {
		token  string
		status int
	}{{a, http.StatusUnauthorized}, {b, http.StatusOK}} {
		ran = false
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", "Bearer "+tt.token)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != tt.status || ran != (tt.status == http.StatusOK) {
			t.Errorf("status %d, want %d; the handler ran: %v", w.Code, tt.status, ran)
		}
	}

	// Middlewares that were made later ask the same store, other issuers' their own.
	if _, err := newMiddleware[map[string]any](t, i.Trust()).Verify(t.Context(), a); !errors.Is(err, bearer.ErrRevoked) {
		t.Errorf("a later middleware: %v, want ErrRevoked", err)
	}
	verified(t, newMiddleware[bearer.Claims](t, issuerOf(t, &loginSpy{}).Trust()), a)
}

// A revokingStore is a store of the caller's that Revoke can write to.
type revokingStore struct {
	readingStore
	err     error
	revoked []bearer.Revocation
}

func (s *revokingStore) Revoke(_ context.Context, r bearer.Revocation) error {
	s.revoked = append(s.revoked, r)
	return s.err
}

// A readingStore is one that it cannot write to.
type readingStore struct{}

func (readingStore) Revoked(context.Context, bearer.Info) (bool, error) { return false, nil }

func TestRevokeRefuses(t *testing.T) {
	good := bearer.Info{Issuer: testIssuer, ID: "id", Session: "s", Subject: "u", ExpiresAt: testNow.Add(time.Hour)}
	foreign, nameless := good, good
	foreign.Issuer, nameless.ID = "https://other.test", ""
	token := func(info bearer.Info) func(*testing.T, *bearer.Issuer) error {
		return func(t *testing.T, i *bearer.Issuer) error { return i.Revoke(t.Context(), info) }
	}
	session := func(id string) func(*testing.T, *bearer.Issuer) error {
		return func(t *testing.T, i *bearer.Issuer) error { return i.RevokeSession(t.Context(), id) }
	}
	subject := func(id string, before time.Time) func(*testing.T, *bearer.Issuer) error {
		return func(t *testing.T, i *bearer.Issuer) error { return i.RevokeSubject(t.Context(), id, before) }
	}
	all := map[string]func(*testing.T, *bearer.Issuer) error{"a token": token(good), "a session": session("s"), "a subject": subject("u", testNow)}
	type test struct {
		name   string
		issuer func(*eventLog, *revokingStore) *bearer.Issuer
		revoke func(*testing.T, *bearer.Issuer) error
		want   error // in the chain; nil: any
		asked  int   // how often the store was
	}
	with := func(opts ...bearer.IssuerOption) func(*eventLog, *revokingStore) *bearer.Issuer {
		return func(l *eventLog, _ *revokingStore) *bearer.Issuer {
			return issuerOf(t, &loginSpy{}, append(opts, l.option())...)
		}
	}
	stored := func(l *eventLog, s *revokingStore) *bearer.Issuer {
		return issuerOf(t, &loginSpy{}, bearer.WithRevocations(s), l.option())
	}
	tests := []test{
		{"a token of another issuer", stored, token(foreign), bearer.ErrIssuer, 0},
		{"a token without jti", stored, token(nameless), nil, 0},
		{"nothing", stored, token(bearer.Info{}), nil, 0},
		{"no session", stored, session(""), nil, 0},
		{"no subject", stored, subject("", testNow), nil, 0},
		{"a subject at no instant", stored, subject("u", time.Time{}), nil, 0},
		{"no session, in memory", with(), session(""), nil, 0},
		{"a subject at no instant, in memory", with(), subject("u", time.Time{}), nil, 0},
	}
	for name, revoke := range all {
		tests = append(tests,
			test{"no revocations: " + name, with(bearer.DangerouslyWithoutRevocation()), revoke, nil, 0},
			test{"a store that only reads: " + name, with(bearer.WithRevocations(readingStore{})), revoke, nil, 0},
			test{"a store that fails: " + name, func(l *eventLog, s *revokingStore) *bearer.Issuer { s.err = errStore; return stored(l, s) }, revoke, errStore, 1},
			test{"the zero Issuer: " + name, func(*eventLog, *revokingStore) *bearer.Issuer { return &bearer.Issuer{} }, revoke, nil, 0},
			test{"a nil Issuer: " + name, func(*eventLog, *revokingStore) *bearer.Issuer { return nil }, revoke, nil, 0},
		)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			events, store := new(eventLog), new(revokingStore)
			err := tt.revoke(t, tt.issuer(events, store))
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("%v, want %v", err, tt.want)
			}
			if len(store.revoked) != tt.asked {
				t.Errorf("the store was asked to revoke %+v", store.revoked)
			}
			got := events.since()
			if len(got) != tt.asked || tt.asked > 0 && (got[0].Kind != bearer.EventRevoked || got[0].Cause != bearer.ErrUnavailable) {
				t.Errorf("events %+v", got)
			}
		})
	}
	for name, revoke := range all {
		if err := revoke(t, issuerOf(t, &loginSpy{})); err != nil {
			t.Errorf("the store in memory, %s: %v", name, err)
		}
	}
}

// What a store learns: who, until when, and nothing besides.
func TestRevocationsOfAStore(t *testing.T) {
	const leeway = 5 * time.Minute // a verifier's greatest
	months := func(n int) time.Time { return testNow.Add(time.Duration(n)*31*24*time.Hour + leeway) }
	expires := testNow.Add(90 * time.Second)
	short := bearer.WithLifetime(bearer.ValidityLongLive, bearer.Months(1))
	refreshing := bearer.WithRefreshTokens(new(refresh.MemoryStore), refreshSecret, time.Hour, 50*24*time.Hour)
	info := bearer.Info{Issuer: testIssuer, ID: "i", Session: "s", Subject: "u", IssuedAt: testNow, ExpiresAt: expires}
	endless := info
	endless.ExpiresAt = time.Time{}
	for _, tt := range []struct {
		name   string
		opts   []bearer.IssuerOption
		revoke func(*bearer.Issuer) error
		want   bearer.Revocation
	}{
		{"a token, by its id alone", nil, func(i *bearer.Issuer) error { return i.Revoke(t.Context(), info) }, bearer.Revocation{ID: "i", Until: expires.Add(leeway)}},
		{"a token without exp", nil, func(i *bearer.Issuer) error { return i.Revoke(t.Context(), endless) }, bearer.Revocation{ID: "i"}},
		{"a session", nil, func(i *bearer.Issuer) error { return i.RevokeSession(t.Context(), "s") }, bearer.Revocation{Session: "s", Until: months(120)}},
		{"a subject", nil, func(i *bearer.Issuer) error { return i.RevokeSubject(t.Context(), "u", testNow) }, bearer.Revocation{Subject: "u", Before: testNow, Until: months(120)}},
		{"a subject, of an hour ago", nil, func(i *bearer.Issuer) error { return i.RevokeSubject(t.Context(), "u", testNow.Add(-time.Hour)) },
			bearer.Revocation{Subject: "u", Before: testNow.Add(-time.Hour), Until: months(120)}},
		{"a subject, from what is issued within an hour", nil, func(i *bearer.Issuer) error { return i.RevokeSubject(t.Context(), "u", testNow.Add(time.Hour)) },
			bearer.Revocation{Subject: "u", Before: testNow.Add(time.Hour), Until: months(120).Add(time.Hour)}},
		{"a session of shorter lifetimes", []bearer.IssuerOption{short}, func(i *bearer.Issuer) error { return i.RevokeSession(t.Context(), "s") }, bearer.Revocation{Session: "s", Until: months(1)}},
		{"a session that may be refreshed for longer", []bearer.IssuerOption{short, refreshing}, func(i *bearer.Issuer) error { return i.RevokeSession(t.Context(), "s") },
			bearer.Revocation{Session: "s", Until: testNow.Add(50*24*time.Hour + leeway)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			store, events := new(revokingStore), new(eventLog)
			i := issuerOf(t, &renewSpy{}, append(tt.opts, bearer.WithRevocations(store), events.option())...)
			if err := tt.revoke(i); err != nil {
				t.Fatal(err)
			}
			tt.want.Issuer = testIssuer
			if len(store.revoked) != 1 || store.revoked[0] != tt.want {
				t.Errorf("%+v, want %+v", store.revoked, tt.want)
			}
			want := []bearer.Event{{Kind: bearer.EventRevoked, Issuer: testIssuer, Account: tt.want.Subject}}
			if got := events.since(); !slices.Equal(got, want) {
				t.Errorf("events %+v, want %+v", got, want)
			}
		})
	}
}

// A revoked token is refused at once, however it is written.
func TestRevokedTokenInEverySpelling(t *testing.T) {
	i := issuerOf(t, &loginSpy{})
	m := newMiddleware[bearer.Claims](t, i.Trust())
	token := issue(t, i, fullAccount(), "").AccessToken
	h, p, signature := segmentsOf(token)
	spellings := []struct {
		name, value string
		before      int // the status before the revocation; after it nothing passes
	}{
		{"as it was issued", "Bearer " + token, 200},
		{"a scheme in lower case", "bearer " + token, 200},
		{"a scheme in upper case", "BEARER " + token, 200},
		{"a mixed scheme", "bEaReR " + token, 200},
		{"two spaces", "Bearer  " + token, 200},
		{"many spaces", "Bearer" + strings.Repeat(" ", 100) + token, 200},
		{"a padded payload", "Bearer " + h + "." + p + "=." + signature, 401},
		{"a padded signature", "Bearer " + h + "." + p + "." + signature + "=", 401},
		{"other bits behind the signature", "Bearer " + h + "." + p + "." + raiseLast(signature, 1), 401},
		{"a header with a space", "Bearer " + encode(`{"alg": "HS256","typ":"JWT"}`) + "." + p + "." + signature, 401},
		{"another member in the header", "Bearer " + encode(`{"alg":"HS256","typ":"JWT","x":1}`) + "." + p + "." + signature, 401},
		{"a comma behind", "Bearer " + token + ",", 401},
		{"a dot behind", "Bearer " + token + ".", 401},
	}
	status := func(value string) int {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", value)
		m.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, r)
		return w.Code
	}
	for _, tt := range spellings {
		if got := status(tt.value); got != tt.before && !(tt.before == 401 && got == 400) {
			t.Errorf("before: %s: %d, want %d", tt.name, got, tt.before)
		}
	}
	if err := i.Revoke(t.Context(), verified(t, m, token)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range spellings {
		if got := status(tt.value); got != 401 && got != 400 {
			t.Errorf("after: %s: %d", tt.name, got)
		}
	}
}

// The three grains at a middleware, and who is left.
func TestRevocationByGrain(t *testing.T) {
	s := newOAuthServer(t)
	tom, ada := fullAccount(), fullAccount()
	ada.ID = "2"
	login := func(a *bearer.Account) bearer.TokenResponse { return *issue(t, s.issuer, a, "") }
	first, again, second, other := login(tom), bearer.TokenResponse{}, login(tom), login(ada)
	again = tokensOf(t, s.refreshByJSON(first.RefreshToken))
	admitted := func(want ...bool) {
		t.Helper()
		for k, r := range []bearer.TokenResponse{first, again, second, other} {
			if s.admits(r.AccessToken) != want[k] {
				t.Errorf("%d admitted: %t", k, !want[k])
			}
		}
	}
	info := s.infoOf(first.AccessToken)
	admitted(true, true, true, true)
	if err := s.issuer.Revoke(t.Context(), info); err != nil {
		t.Fatal(err)
	}
	admitted(false, true, true, true)
	if err := s.issuer.RevokeSession(t.Context(), info.Session); err != nil {
		t.Fatal(err)
	}
	admitted(false, false, true, true)
	if err := s.issuer.RevokeSubject(t.Context(), "1087", s.clock.Now()); err != nil {
		t.Fatal(err)
	}
	admitted(false, false, false, true)
	s.clock.Advance(time.Second)
	if after := login(tom); !s.admits(after.AccessToken) {
		t.Error("a login after the instant is refused")
	}
}

// Tokens of other issuers, who may not say when they were made.
func TestSubjectCutOfForeignTokens(t *testing.T) {
	key := goldenKey(t)
	store := memoryRevocations(t, testClock)
	tr := trust(static(t, key))
	tr.Revocations = store
	m := newMiddleware[map[string]any](t, tr)
	cut := testNow.Add(-time.Minute)
	if err := store.Revoke(t.Context(), bearer.Revocation{Issuer: testIssuer, Subject: "1087", Before: cut, Until: testNow.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	at := func(d time.Duration) string { return fmt.Sprint(cut.Add(d).Unix()) }
	for _, tt := range []struct {
		name, payload string
		revoked       bool
	}{
		{"issued at the instant", payloadWith("iat", at(0)), true},
		{"a second before", payloadWith("iat", at(-time.Second)), true},
		{"a second after", payloadWith("iat", at(time.Second)), false},
		{"a fraction before", payloadWith("iat", at(-time.Second)+".999"), true},
		{"in 1970", payloadWith("iat", "0"), true},
		{"before 1970", payloadWith("iat", "-1"), true},
		{"no iat", payloadWith("iat", ""), true},
		{"no iat, but an nbf after the instant", payloadWith("iat", "", "nbf", at(30*time.Second)), true},
		{"no iat, but an nbf before", payloadWith("iat", "", "nbf", at(-time.Hour)), true},
		{"an iat after, an nbf before", payloadWith("iat", at(time.Second), "nbf", at(-time.Hour)), false},
		{"another subject", payloadWith("iat", at(0), "sub", `"1088"`), false},
		{"no subject", payloadWith("iat", at(0), "sub", ""), false},
		{"an empty subject", payloadWith("iat", at(0), "sub", `""`), false},
		{"the subject as nameidentifier", payloadWith("iat", at(0), "sub", "", nameIdentifierClaim, `"1087"`), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := m.Verify(t.Context(), forge(t, key, header(key), tt.payload))
			if tt.revoked != errors.Is(err, bearer.ErrRevoked) || !tt.revoked && err != nil {
				t.Errorf("%v, revoked: want %t", err, tt.revoked)
			}
		})
	}
	t.Run("a store is told iat alone", func(t *testing.T) {
		var asked []bearer.Info
		tr.Revocations = revocationsFunc(func(_ context.Context, t bearer.Info) (bool, error) { asked = append(asked, t); return false, nil })
		m := newMiddleware[map[string]any](t, tr)
		token, err := m.Verify(t.Context(), forge(t, key, header(key), payloadWith("iat", "", "nbf", at(0), "sid", `"s"`)))
		if err != nil {
			t.Fatal(err)
		}
		if len(asked) != 1 || !asked[0].IssuedAt.IsZero() || asked[0].Session != "s" || asked[0].ID != "id-1" || asked[0].Subject != "1087" || asked[0].Issuer != testIssuer {
			t.Errorf("asked %+v", asked)
		}
		if !token.IssuedAt.Equal(cut) || token.Session != "s" {
			t.Errorf("a handler sees iat %v, session %q", token.IssuedAt, token.Session)
		}
	})
	for _, sid := range []string{"7", "null", `""`, `["a","b"]`, `{"a":"b"}`, "[]"} {
		t.Run("sid "+sid, func(t *testing.T) {
			token, err := m.Verify(t.Context(), forge(t, key, header(key), payloadWith("iat", at(time.Second), "sid", sid)))
			if err != nil || token.Session != "" {
				t.Errorf("%+v, %v", token, err)
			}
		})
	}
}

func TestTrustWithoutRevocation(t *testing.T) {
	if r := issuerOf(t, &loginSpy{}, bearer.DangerouslyWithoutRevocation()).Trust().Revocations; r != nil {
		t.Errorf("revocations %v, want none", r)
	}
	store := new(revokingStore)
	if r := issuerOf(t, &loginSpy{}, bearer.WithRevocations(store)).Trust().Revocations; r != bearer.Revocations(store) {
		t.Errorf("revocations %v, want the caller's", r)
	}
	if issuerOf(t, &loginSpy{}).Trust().Revocations == nil {
		t.Error("no store in memory")
	}
}

// A revocation lasts as long as any middleware could accept its token, whatever
// the number of others, and not longer: a server that logs out a million users
// a day does not grow.
func TestRevocationsAreDroppedWithTheirTokens(t *testing.T) {
	now := testNow
	clock := func() time.Time { return now }
	i := issuerWith(t, goldenKey(t), &loginSpy{}, clock)
	m, err := bearer.NewMiddleware[bearer.Claims](i.Trust(), bearer.WithClock(clock), bearer.WithLeeway(5*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	token := issue(t, i, fullAccount(), bearer.ValidityShortLive)
	long := issue(t, i, fullAccount(), bearer.ValidityLongLive)
	for _, r := range []*bearer.TokenResponse{token, long} {
		if err := i.Revoke(t.Context(), verified(t, m, r.AccessToken)); err != nil {
			t.Fatal(err)
		}
	}
	crowd := func(n int) {
		for n := range n {
			info := bearer.Info{Issuer: testIssuer, ID: fmt.Sprint(now.Unix(), "-", n), ExpiresAt: now.Add(time.Second)}
			if err := i.Revoke(t.Context(), info); err != nil {
				t.Fatal(err)
			}
		}
	}
	crowd(5000)
	// The last instant at which the greatest leeway would admit it.
	now = token.Expires.Add(5*time.Minute - time.Nanosecond)
	crowd(5000)
	if _, err := m.Verify(t.Context(), token.AccessToken); !errors.Is(err, bearer.ErrRevoked) {
		t.Errorf("%v, want ErrRevoked", err)
	}

	heap := func() uint64 {
		var s runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&s)
		return s.HeapAlloc
	}
	before := heap()
	for range 20 {
		now = now.Add(time.Hour)
		crowd(5000)
	}
	// 100 000 entries are more than 10 MB; two rounds' are one.
	if after := heap(); after > before+4<<20 {
		t.Errorf("the heap grew by %d KiB", (after-before)>>10)
	}
	if _, err := m.Verify(t.Context(), long.AccessToken); !errors.Is(err, bearer.ErrRevoked) {
		t.Errorf("the token that still lives: %v, want ErrRevoked", err)
	}
}

func TestRevokeConcurrently(t *testing.T) {
	i := issuerOf(t, &loginSpy{})
	m := newMiddleware[bearer.Claims](t, i.Trust())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				r, err := i.Issue(t.Context(), fullAccount(), "")
				if err != nil {
					t.Error(err)
					return
				}
				v, err := m.Verify(t.Context(), r.AccessToken)
				if err != nil {
					t.Error(err)
					return
				}
				if err := i.Revoke(t.Context(), v.Info); err != nil {
					t.Error(err)
					return
				}
				if _, err := m.Verify(t.Context(), r.AccessToken); !errors.Is(err, bearer.ErrRevoked) {
					t.Errorf("%v, want ErrRevoked", err)
				}
			}
		})
	}
	wg.Wait()
}
