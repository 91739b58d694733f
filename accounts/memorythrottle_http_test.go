package accounts_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"testing/synctest"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/accounts"
)

// Who a client is follows from the peer's address, and from X-Forwarded-For only
// as far as trusted proxies wrote it.
func TestForwardedForIsNoWayAroundTheThrottle(t *testing.T) {
	const proxy, direct = "192.0.2.80", "198.51.100.1"
	trusted := bearer.WithTrustedProxies(netip.MustParsePrefix(proxy + "/32"))
	tests := []struct {
		name     string
		opts     []bearer.IssuerOption
		peer     string
		forward  func(n int) []string // X-Forwarded-For headers
		network  string               // of the 60th request; "each": its own
		admitted int                  // of 60 user names
	}{
		{"no header", nil, direct, func(int) []string { return nil }, direct + "/32", 50},
		{"forged, without trusted proxies", nil, direct, func(n int) []string { return []string{address(n)} }, direct + "/32", 50},
		{"forged twice, without trusted proxies", nil, direct, func(n int) []string { return []string{address(n), address(n + 1)} }, direct + "/32", 50},
		{"forged by who is not the trusted proxy", []bearer.IssuerOption{trusted}, direct, func(n int) []string { return []string{address(n)} }, direct + "/32", 50},
		{"forged in front of what the trusted proxy wrote", []bearer.IssuerOption{trusted}, proxy, func(n int) []string { return []string{address(n) + ", " + direct} }, direct + "/32", 50},
		{"forged in a header of its own", []bearer.IssuerOption{trusted}, proxy, func(n int) []string { return []string{address(n), direct} }, direct + "/32", 50},
		{"ever new addresses of one /64 behind the trusted proxy", []bearer.IssuerOption{trusted}, proxy, func(n int) []string { return []string{fmt.Sprintf("2001:db8::%x", n+1)} }, "2001:db8::/64", 50},
		{"different clients behind the trusted proxy", []bearer.IssuerOption{trusted}, proxy, func(n int) []string { return []string{address(n)} }, address(59) + "/32", 60},
		{"different clients behind a proxy that nobody trusts", nil, proxy, func(n int) []string { return []string{address(n)} }, proxy + "/32", 50},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var last accounts.Event
				hashes := 0
				auth, err := accounts.New(new(accounts.MemoryStore), accounts.WithObserver(func(_ context.Context, e accounts.Event) { last = e }))
				if err != nil {
					t.Fatal(err)
				}
				auth.WrapHash(func(accounts.HashFunc) accounts.HashFunc {
					return func(accounts.Scheme, string, string) (string, bool) {
						hashes++
						return "", false
					}
				})
				issuer := issuerOf(t, auth, test.opts...)
				for n := range 60 {
					r := httptest.NewRequest(http.MethodPost, "/token", bodyOf(t, login(name(n))))
					r.Header.Set("Content-Type", "application/json")
					r.Header["X-Forwarded-For"] = test.forward(n)
					r.RemoteAddr = test.peer + ":1234"
					w := httptest.NewRecorder()
					issuer.ServeHTTP(w, r)
					status, retry := http.StatusBadRequest, ""
					if n >= test.admitted {
						status, retry = http.StatusTooManyRequests, "1"
					}
					if w.Code != status || w.Header().Get("Retry-After") != retry {
						t.Fatalf("user name %d: %d, Retry-After %q; want %d, %q", n, w.Code, w.Header().Get("Retry-After"), status, retry)
					}
				}
				if hashes != test.admitted {
					t.Errorf("%d hashes were computed, want %d", hashes, test.admitted)
				}
				if last.Network.String() != test.network {
					t.Errorf("the network is %v, want %s", last.Network, test.network)
				}
				if want := accounts.ThrottledNetwork; test.admitted < 60 && last.Outcome != want {
					t.Errorf("the outcome is %s, want %s", last.Outcome, want)
				}
			})
		})
	}
}

// The whole of it over HTTP: guesses at an account are slowed down, with the same
// answers as for a user name that nobody has, and its owner gets in.
func TestOwnerLogsInDuringAnAttack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := new(accounts.MemoryStore)
		tom := users()["tom"]
		if err := store.Create(t.Context(), &tom); err != nil {
			t.Fatal(err)
		}
		auth, err := accounts.New(store)
		if err != nil {
			t.Fatal(err)
		}
		auth.WrapHash(func(accounts.HashFunc) accounts.HashFunc {
			return func(_ accounts.Scheme, password, stored string) (string, bool) {
				return "", stored != "" && password == passwordOf("tom")
			}
		})
		issuer := issuerOf(t, auth)
		ask := func(c bearer.Credentials, from string) string {
			r := httptest.NewRequest(http.MethodPost, "/token", bodyOf(t, c))
			r.Header.Set("Content-Type", "application/json")
			r.RemoteAddr = from + ":1234"
			w := httptest.NewRecorder()
			issuer.ServeHTTP(w, r)
			if w.Code == http.StatusOK {
				return "in"
			}
			return fmt.Sprint(w.Code, w.Header(), w.Body)
		}
		guess := func(userName string) bearer.Credentials {
			c := login(userName)
			c.Password = "guess"
			return c
		}
		const home = "203.0.113.5"
		if got := ask(login("tom"), home); got != "in" {
			t.Fatalf("at first: %s", got)
		}
		for n := range 30 {
			real, missing := ask(guess("tom"), address(n)), ask(guess("nobody"), address(n))
			if real != missing {
				t.Fatalf("guess %d: %s; for nobody: %s", n, real, missing)
			}
		}
		if got := ask(login("tom"), address(99)); got == "in" {
			t.Error("a stranger with the password got in during the attack")
		}
		if got := ask(login("tom"), home); got != "in" {
			t.Errorf("the owner: %s", got)
		}
	})
}
