package bearer_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/keys"
)

// twoStrings is what most handlers want of a token.
type twoStrings struct {
	Subject string `json:"sub"`
	Email   string `json:"email"`
}

// smallPayload is a usual access token's, of 269 bytes.
func smallPayload() string {
	return fmt.Sprintf(`{"iss":%q,"aud":%q,"sub":"1087","email":"amit@example.test","scope":"read write","jti":"54e28e4c-57bd-4210-a0b9-5c5f042d0f99","tenant":"loyalty-communication","roles":["user","editor"],"iat":%d,"nbf":%[3]d,"exp":%d}`,
		testIssuer, testAudience, testNow.Unix()-60, testNow.Unix()+60)
}

// A path is one kind of request and what becomes of it.
type path struct {
	name    string
	handler http.Handler
	admit   func(*http.Request) error // the decision alone
	verify  func()                    // the signature alone
	request *http.Request
	status  int
}

func pathOf[C any](t testing.TB, name string, k *keys.Key, trust bearer.Trust, token string, now time.Time, status int) path {
	t.Helper()
	trust.Keys = static(t, k)
	// Each token is as new as the first.
	m, err := bearer.NewMiddleware[C](trust, bearer.WithTokenCache(0), bearer.WithClock(func() time.Time { return now }))
	if err != nil {
		t.Fatal(err)
	}
	p := path{name: name, request: httptest.NewRequest(http.MethodGet, "/", nil), status: status}
	p.request.Header.Set("Authorization", "Bearer "+token)
	if dot := strings.LastIndexByte(token, '.'); dot >= 0 {
		signature, _ := base64.RawURLEncoding.DecodeString(token[dot+1:])
		p.verify = func() { _ = k.Verify(token[:dot], signature) }
	}
	p.admit = func(r *http.Request) error { _, err := m.Admit(r); return err }
	p.handler = m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := bearer.FromContext[C](r.Context()); !ok {
			t.Error("no claims")
		}
		w.WriteHeader(http.StatusOK)
	}))
	w := &discard{header: http.Header{}}
	if p.handler.ServeHTTP(w, p.request); w.status != status {
		t.Fatalf("%s: %d, want %d", name, w.status, status)
	}
	return p
}

// seedTime is when the sample's token was valid.
var seedTime = time.Date(2021, time.August, 1, 0, 0, 0, 0, time.UTC)

var pathAlgorithms = []keys.Algorithm{keys.HS256, keys.RS256, keys.ES256, keys.EdDSA}

// admittedPaths are tokens that were never seen before.
func admittedPaths(t testing.TB) (paths []path) {
	_, seed := seedSegments(t)
	for _, alg := range pathAlgorithms {
		k := keyOf(t, alg, keys.WithID("2026-03"))
		ours, theirs := trust(nil), bearer.Trust{Issuer: "http://localhost:44306/", Audience: []string{"Apiv2"}}
		small, large := forge(t, k, header(k), smallPayload()), forge(t, k, header(k), string(seed))
		paths = append(paths,
			pathOf[twoStrings](t, string(alg)+" small, two strings", k, ours, small, testNow, http.StatusOK),
			pathOf[bearer.Claims](t, string(alg)+" small, Claims", k, ours, small, testNow, http.StatusOK),
			pathOf[bearer.Claims](t, string(alg)+" seed, Claims", k, theirs, large, seedTime, http.StatusOK),
		)
		if alg == keys.HS256 {
			paths = append(paths, pathOf[map[string]any](t, "HS256 small, map", k, ours, small, testNow, http.StatusOK))
		}
	}
	return paths
}

// refusedPaths are what costs an attacker nothing to send.
func refusedPaths(t testing.TB) (paths []path) {
	nested := `{"sub":` + strings.Repeat("[", 2000) + strings.Repeat("]", 2000) + `}`
	add := func(name string, alg keys.Algorithm, token func(k *keys.Key) string) {
		k := keyOf(t, alg, keys.WithID("2026-03"))
		paths = append(paths, pathOf[bearer.Claims](t, name, k, trust(nil), token(k), testNow, http.StatusUnauthorized))
	}
	attacker := newKey(t, keys.HS256)
	add("garbage", keys.HS256, func(*keys.Key) string { return strings.Repeat("garbage", 60) })
	add("none", keys.HS256, func(*keys.Key) string { return encode(`{"alg":"none"}`) + "." + encode(smallPayload()) + "." })
	add("none with a signature", keys.HS256, func(*keys.Key) string { return encode(`{"alg":"none"}`) + "." + encode(smallPayload()) + ".AAAA" })
	add("bad signature of HS256", keys.HS256, func(k *keys.Key) string { return forge(t, attacker, header(k), smallPayload()) })
	add("unknown kid of ES256", keys.ES256, func(k *keys.Key) string { return forge(t, k, `{"alg":"ES256","typ":"JWT","kid":"x"}`, smallPayload()) })
	add("4 KB of nested JSON in the header", keys.HS256, func(k *keys.Key) string { return forge(t, k, nested, smallPayload()) })
	add("4 KB of nested JSON in the payload", keys.HS256, func(k *keys.Key) string { return forge(t, attacker, header(k), nested) })
	add("256 KB", keys.HS256, func(*keys.Key) string { return strings.Repeat("A", 256<<10) })
	return paths
}

// discard is a http.ResponseWriter that is used again.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header            { return d.header }
func (d *discard) WriteHeader(status int)         { d.status = status }
func (d *discard) Write(text []byte) (int, error) { return len(text), nil }

func (p path) run(b *testing.B) {
	b.Run(p.name, func(b *testing.B) {
		w := &discard{header: http.Header{}}
		b.ReportAllocs()
		for b.Loop() {
			p.handler.ServeHTTP(w, p.request)
		}
		if w.status != p.status {
			b.Errorf("%d, want %d", w.status, p.status)
		}
	})
}

func BenchmarkCold(b *testing.B) {
	for _, p := range admittedPaths(b) {
		p.run(b)
	}
}

func BenchmarkRefused(b *testing.B) {
	for _, p := range refusedPaths(b) {
		p.run(b)
	}
}

func BenchmarkIssue(b *testing.B) {
	for _, alg := range pathAlgorithms {
		b.Run(string(alg), func(b *testing.B) {
			i := issuerWith(b, keyOf(b, alg, keys.WithID("2026-03")), &loginSpy{}, testClock)
			a := fullAccount()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := i.Issue(b.Context(), a, ""); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
