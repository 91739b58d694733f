package bearer_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/gobearer/bearer"
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
	revoked []bearer.Info
}

func (s *revokingStore) Revoke(_ context.Context, t bearer.Info) error {
	s.revoked = append(s.revoked, t)
	return s.err
}

// A readingStore is one that it cannot write to.
type readingStore struct{}

func (readingStore) Revoked(context.Context, bearer.Info) (bool, error) { return false, nil }

func TestRevokeRefuses(t *testing.T) {
	good := bearer.Info{Issuer: testIssuer, ID: "id", ExpiresAt: testNow.Add(time.Hour)}
	foreign, nameless := good, good
	foreign.Issuer, nameless.ID = "https://other.test", ""
	errStore := errors.New("the store is down")
	tests := []struct {
		name   string
		issuer *bearer.Issuer
		info   bearer.Info
		want   error // in the chain; nil: any
	}{
		{"a token of another issuer", issuerOf(t, &loginSpy{}), foreign, bearer.ErrIssuer},
		{"a token without jti", issuerOf(t, &loginSpy{}), nameless, nil},
		{"nothing", issuerOf(t, &loginSpy{}), bearer.Info{}, nil},
		{"no revocations", issuerOf(t, &loginSpy{}, bearer.DangerouslyWithoutRevocation()), good, nil},
		{"a store that only reads", issuerOf(t, &loginSpy{}, bearer.WithRevocations(readingStore{})), good, nil},
		{"a store that fails", issuerOf(t, &loginSpy{}, bearer.WithRevocations(&revokingStore{err: errStore})), good, errStore},
		{"the zero Issuer", &bearer.Issuer{}, good, nil},
		{"a nil Issuer", nil, good, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.issuer.Revoke(t.Context(), tt.info); err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("%v, want %v", err, tt.want)
			}
		})
	}
	if err := issuerOf(t, &loginSpy{}).Revoke(t.Context(), good); err != nil {
		t.Errorf("the store in memory: %v", err)
	}
	// The store learns what it has to, and nothing of another issuer's.
	store := new(revokingStore)
	i := issuerOf(t, &loginSpy{}, bearer.WithRevocations(store))
	if err := errors.Join(i.Revoke(t.Context(), good)); err != nil || len(store.revoked) != 1 || store.revoked[0].ID != "id" {
		t.Errorf("a store of the caller's: %v, %+v", err, store.revoked)
	}
	if err := i.Revoke(t.Context(), foreign); err == nil || len(store.revoked) != 1 {
		t.Errorf("it was asked to revoke %+v", store.revoked)
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
