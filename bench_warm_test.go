package bearer_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/keys"
)

// mapsAndSlices is a C that has to be decoded again for each request.
type mapsAndSlices struct {
	Subject string              `json:"sub"`
	Email   string              `json:"email"`
	Roles   []string            `json:"roles"`
	Tenants map[string][]string `json:"tenants"`
}

// stringsAndSlices is a C that is copied.
type stringsAndSlices struct {
	Subject string   `json:"sub"`
	Email   string   `json:"email"`
	Roles   []string `json:"roles"`
}

// warmRequests are those of 256 tokens that differ in their jti.
func warmRequests(t testing.TB, k *keys.Key, payload string) (requests []*http.Request) {
	t.Helper()
	for n := range 256 {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		own := strings.Replace(payload, `-4210-`, fmt.Sprintf("-%04d-", n), 1)
		r.Header.Set("Authorization", "Bearer "+forge(t, k, header(k), own))
		requests = append(requests, r)
	}
	return requests
}

func warmPath[C any](b *testing.B, name string, trust bearer.Trust, requests []*http.Request, now func() time.Time) {
	b.Helper()
	m := must(bearer.NewMiddleware[C](trust, bearer.WithClock(now)))
	served := 0
	handler := m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := bearer.FromContext[C](r.Context()); !ok {
			b.Error("no claims")
		}
		served++
	}))
	w := &discard{header: http.Header{}}
	for _, r := range requests {
		handler.ServeHTTP(w, r)
	}
	b.Run(name, func(b *testing.B) {
		b.ReportAllocs()
		n := 0
		served = 0
		for b.Loop() {
			handler.ServeHTTP(w, requests[n&255])
			n++
		}
		if served != n {
			b.Errorf("%d of %d were served", served, n)
		}
	})
	b.Run(name+", in parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(p *testing.PB) {
			for n := rand.IntN(256); p.Next(); n++ {
				if _, err := m.Admit(requests[n&255]); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

func BenchmarkWarm(b *testing.B) {
	// The clock costs what the real one does, and stands.
	at := func(now time.Time) func() time.Time { return func() time.Time { _ = time.Now(); return now } }
	for _, alg := range pathAlgorithms {
		k := keyOf(b, alg, keys.WithID("2026-03"))
		tr := trust(static(b, k))
		small := warmRequests(b, k, smallPayload())
		now := at(testNow)
		warmPath[twoStrings](b, string(alg)+" small, two strings", tr, small, now)
		if alg != keys.HS256 {
			continue
		}
		warmPath[bearer.Claims](b, "HS256 small, Claims", tr, small, now)
		warmPath[stringsAndSlices](b, "HS256 small, strings and slices", tr, small, now)
		warmPath[mapsAndSlices](b, "HS256 small, maps and slices", tr, warmRequests(b, k, strings.TrimSuffix(smallPayload(), "}")+`,"tenants":{"a":["b","c"],"d":["e"]}}`), now)
		warmPath[map[string]any](b, "HS256 small, a map", tr, small, now)
		_, seed := seedSegments(b)
		theirs := bearer.Trust{Issuer: "http://localhost:44306/", Audience: []string{"Apiv2"}, Keys: tr.Keys}
		large := warmRequests(b, k, string(seed))
		warmPath[twoStrings](b, "HS256 seed, two strings", theirs, large, at(seedTime))
		warmPath[bearer.Claims](b, "HS256 seed, Claims", theirs, large, at(seedTime))
	}
}
