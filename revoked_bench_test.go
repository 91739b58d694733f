package bearer_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/gobearer/bearer"
)

// withRevoked returns a middleware without revocations, and one whose store has
// n live ones, none of which is about tokens.
func withRevoked(t testing.TB, n int) (without, with *bearer.Middleware[bearer.Claims], tokens []string) {
	t.Helper()
	i := issuerOf(t, &loginSpy{})
	store := memoryRevocations(t, testClock)
	until := testNow.Add(time.Hour)
	for k := range n {
		r := bearer.Revocation{Issuer: testIssuer, Until: until}
		switch name := fmt.Sprintf("%08x-4fbd-491b-aeb8-%012x", uint32(k)*2654435761, k); k % 10 {
		case 8:
			r.Session = name
		case 9:
			r.Subject, r.Before = name, testNow
		default:
			r.ID = name
		}
		if err := store.Revoke(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	for range 256 {
		tokens = append(tokens, issue(t, i, fullAccount(), "").AccessToken)
	}
	tr := i.Trust()
	tr.Revocations = nil
	without = newMiddleware[bearer.Claims](t, tr)
	tr.Revocations = store
	return without, newMiddleware[bearer.Claims](t, tr), tokens
}

// To ask the store in memory costs no allocation, beyond the copies that keep any
// store from changing what a handler sees.
func TestRevokedDoesNotAllocate(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates too")
	}
	without, with, tokens := withRevoked(t, 1000)
	measure := func(m *bearer.Middleware[bearer.Claims]) float64 {
		return testing.AllocsPerRun(100, func() {
			if _, err := m.Verify(t.Context(), tokens[0]); err != nil {
				t.Fatal(err)
			}
		})
	}
	if a, b := measure(without), measure(with); b > a {
		t.Errorf("%v allocations, %v without revocations", b, a)
	}
}

func BenchmarkRevoked(b *testing.B) {
	without, with, tokens := withRevoked(b, 1_000_000)
	for _, bench := range []struct {
		name string
		m    *bearer.Middleware[bearer.Claims]
	}{{"without revocations", without}, {"1000000 live revocations", with}} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for k := 0; b.Loop(); k++ {
				if _, err := bench.m.Verify(b.Context(), tokens[k%len(tokens)]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
