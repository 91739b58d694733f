package bearer_test

import (
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/gobearer/bearer/keys"
)

// A budget is what a request may allocate, with its *http.Request and its
// http.ResponseWriter used again, beside what verifying the signature does.
type budget struct{ allocations, bytes int }

func (b budget) check(t *testing.T, f, signature func()) {
	t.Helper()
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	if signature == nil {
		signature = func() {}
	}
	all, own := costOf(f), costOf(signature)
	t.Logf("%d allocations, %d bytes", all.allocations-own.allocations, all.bytes-own.bytes)
	if n := all.allocations - own.allocations; n > b.allocations {
		t.Errorf("%d allocations, want at most %d", n, b.allocations)
	}
	if n := all.bytes - own.bytes; n > b.bytes {
		t.Errorf("%d bytes, want at most %d", n, b.bytes)
	}
}

// costOf is the mean of so many runs that what others allocate meanwhile is mostly
// lost in it, and the least of some means.
func costOf(f func()) budget {
	const runs = 200
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	least := budget{1 << 30, 1 << 30}
	f()
	for range 3 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range runs {
			f()
		}
		runtime.ReadMemStats(&after)
		least.allocations = min(least.allocations, int(after.Mallocs-before.Mallocs)/runs)
		least.bytes = min(least.bytes, int(after.TotalAlloc-before.TotalAlloc)/runs)
	}
	return least
}

// A token that was never seen costs its request's copy, its context with the
// claims, its Info, its payload, the list of candidate keys, and a list for each
// claim that is one. The strings are the payload's.
func TestAllocationsOfAnAdmittedRequest(t *testing.T) {
	for _, p := range admittedPaths(t) {
		b := budget{8, 1100}
		switch {
		case strings.HasSuffix(p.name, "small, Claims"):
			b = budget{9, 1500}
		case strings.HasSuffix(p.name, "seed, Claims"):
			b = budget{9, 2600}
		case strings.HasSuffix(p.name, "map"): // that json/v2 decodes
			b = budget{32, 2700}
		}
		t.Run(p.name, func(t *testing.T) {
			w := &discard{header: http.Header{}}
			b.check(t, func() { p.handler.ServeHTTP(w, p.request) }, p.verify)
			if w.status != p.status {
				t.Errorf("%d, want %d", w.status, p.status)
			}
		})
	}
}

// A refusal costs no more than the header that was read for it and the list of
// candidate keys, and its answer one list of the headers' values.
func TestAllocationsOfARefusedRequest(t *testing.T) {
	budgets := map[string]budget{
		"garbage":                            {0, 16},
		"none":                               {0, 16},
		"none with a signature":              {1, 32},
		"bad signature of HS256":             {2, 80},
		"unknown kid of ES256":               {1, 80},
		"4 KB of nested JSON in the header":  {1, 4200},
		"4 KB of nested JSON in the payload": {2, 80},
		"256 KB":                             {0, 16},
	}
	for _, p := range refusedPaths(t) {
		t.Run(p.name, func(t *testing.T) {
			b, ok := budgets[p.name]
			if !ok {
				t.Fatal("no budget")
			}
			b.check(t, func() {
				if p.admit(p.request) == nil {
					t.Error("admitted")
				}
			}, nil)
			w := &discard{header: http.Header{}}
			answered := budget{b.allocations + 1, b.bytes + 64}
			answered.check(t, func() { p.handler.ServeHTTP(w, p.request) }, nil)
		})
	}
}

func TestAllocationsOfIssue(t *testing.T) {
	for _, alg := range pathAlgorithms {
		t.Run(string(alg), func(t *testing.T) {
			k := keyOf(t, alg, keys.WithID("2026-03"))
			i := issuerWith(t, k, &loginSpy{}, testClock)
			a := fullAccount()
			input := strings.Repeat("x", 1000)
			sign := func() { _, _ = k.Sign(input) }
			budget{8, 2000}.check(t, func() { issue(t, i, a, "") }, sign)
		})
	}
}
