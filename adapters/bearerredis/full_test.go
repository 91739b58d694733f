package bearerredis_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/internal/breaker"
	"github.com/gobearer/bearer/refresh"
)

// A full Redis that may not evict refuses every change, loses none, and goes on
// answering whether a token was revoked.
func TestFull(t *testing.T) {
	t.Parallel()
	s := startRedis(t, "--maxmemory", "4mb", "--maxmemory-policy", "noeviction")
	client := s.client(t)
	store, families, th := newRevocations(t, client, patient()), newRefreshStore(t, client, patient()), newThrottle(t, client, patient())
	mirror := runMirror(t, client, patience, patient())
	now := time.Now()
	f := refresh.Family{ID: [32]byte{1}, Created: now, Expires: now.Add(time.Hour), Idle: now.Add(time.Hour)}
	if err := families.Create(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	name := func(k int) string { return fmt.Sprint(k, strings.Repeat("x", 4096)) }
	revoke := func(k int) error {
		return store.Revoke(t.Context(), bearer.Revocation{Issuer: "i", ID: name(k)})
	}
	revoked := 0
	for revoke(revoked) == nil {
		revoked++
	}
	// Buffers come and go: from here on nothing fits in between.
	if err := client.ConfigSet(t.Context(), "maxmemory", "1mb").Err(); err != nil {
		t.Fatal(err)
	}
	use := func() (refresh.Outcome, error) {
		return families.Use(t.Context(), refresh.Use{ID: f.ID, Now: now, Grace: time.Second, Idle: now.Add(time.Hour)})
	}
	for range 10 { // more than what would open the breaker
		for what, err := range map[string]error{
			"Revoke": revoke(revoked), "Revoke of a mirror": mirror.Revoke(t.Context(), bearer.Revocation{Issuer: "i", ID: "m"}),
			"Create":             families.Create(t.Context(), refresh.Family{ID: [32]byte{2}, Created: now, Expires: now.Add(time.Hour), Idle: now.Add(time.Hour)}),
			"Revoke of a family": families.Revoke(t.Context(), f.ID),
		} {
			if err == nil || errors.Is(err, breaker.ErrOpen) {
				t.Fatalf("%s: %v, want what Redis says", what, err)
			}
		}
		if outcome, err := use(); outcome != "" || err == nil {
			t.Errorf("Use: %q, %v", outcome, err)
		}
		if v, err := th.Admit(t.Context(), attemptOf(1, 1)); err == nil {
			t.Errorf("Admit: %+v", v)
		}
	}
	// One that begins now reads what the other was told.
	late := runMirror(t, client, patience, patient())
	check := func() {
		t.Helper()
		for k := range revoked + 1 {
			want := k < revoked
			if is, err := store.Revoked(t.Context(), bearer.Info{Issuer: "i", ID: name(k)}); is != want || err != nil {
				t.Fatalf("entry %d of %d: %t, %v", k, revoked, is, err)
			}
			if has(mirror, name(k)) != want || has(late, name(k)) != want {
				t.Fatalf("entry %d of %d: the mirrors have it: %t, %t", k, revoked, has(mirror, name(k)), has(late, name(k)))
			}
		}
	}
	eventually(t, "the mirror has all", func() bool { return has(mirror, name(revoked-1)) })
	check()
	if has(mirror, "m") {
		t.Error("the mirror has what nobody else has")
	}
	if err := client.ConfigSet(t.Context(), "maxmemory", "0").Err(); err != nil {
		t.Fatal(err)
	}
	check()
	if outcome, err := use(); outcome != refresh.Rotated || err != nil {
		t.Errorf("Use with memory: %q, %v", outcome, err)
	}
	if err := revoke(revoked); err != nil {
		t.Errorf("Revoke with memory: %v", err)
	}
}
