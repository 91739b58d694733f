package bearer_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/keys"
)

// A flood is a header that wants to be expensive.
type flood struct {
	name  string
	value string
	opts  []bearer.MiddlewareOption
	want  error
	bytes int // of memory that a refusal may take
}

func floods(t testing.TB, k *keys.Key) []flood {
	t.Helper()
	const limit = 16 << 10
	long := []bearer.MiddlewareOption{bearer.WithMaxTokenBytes(1 << 20)}
	two := []bearer.MiddlewareOption{bearer.AlsoTrust(bearer.Trust{Issuer: issuerA, Audience: []string{"x"}, Keys: static(t, k)})}
	signed := func(header, payload string) string { return "Bearer " + forge(t, k, header, payload) }
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	atLimit := signed(header(k), payloadWith("x", `"`+strings.Repeat("x", 11900)+`"`))
	if n := len(atLimit) - len("Bearer "); n > limit || n < limit-1000 {
		t.Fatalf("%d bytes are not just below the limit", n)
	}
	return []flood{
		{"twin: just below the limit", atLimit, nil, nil, 256 << 10},
		{"over the limit by one byte", "Bearer " + strings.Repeat("A", limit+1), nil, bearer.ErrMalformed, 64 << 10},
		{"over the limit and rightly signed", signed(header(k), payloadWith("x", `"`+strings.Repeat("x", limit)+`"`)), nil, bearer.ErrMalformed, 64 << 10},
		{"800 KB of dots", "Bearer " + strings.Repeat(".", 800_000), nil, bearer.ErrMalformed, 64 << 10},
		{"800 KB of letters", "Bearer " + strings.Repeat("A", 800_000), nil, bearer.ErrMalformed, 64 << 10},
		{"800 KB of padding", "Bearer A" + strings.Repeat("=", 800_000), nil, bearer.ErrMalformed, 64 << 10},
		{"800 KB of spaces", "Bearer" + strings.Repeat(" ", 800_000), nil, bearer.ErrRequest, 64 << 10},
		{"800 KB of another scheme", strings.Repeat("B", 800_000) + " x", nil, bearer.ErrMissing, 64 << 10},
		{"800 KB of commas", "Bearer " + strings.Repeat(",", 800_000), nil, bearer.ErrMalformed, 64 << 10},
		{"800 KB of dots below a raised limit", "Bearer " + strings.Repeat(".", 800_000), long, bearer.ErrMalformed, 64 << 10},
		{"800 KB of letters below a raised limit", "Bearer " + strings.Repeat("A", 800_000), long, bearer.ErrMalformed, 64 << 10},
		{"arrays nested 11 000 deep in the header, cut off", "Bearer " + encode(`{"alg":"HS256","x":`+strings.Repeat("[", 11_000)) + ".e30.AAAA", nil, bearer.ErrMalformed, 64 << 10},
		{"unsigned, arrays nested 11 000 deep before the iss that picks one of two trusts", "Bearer " + encode(header(k)) + "." + encode(`{"x":`+strings.Repeat("[", 11_000)) + ".AAAA", two, bearer.ErrClaims, 64 << 10},
		{"arrays nested 100 000 deep in the header", signed(`{"alg":"HS256","x":`+nested(100_000)+`}`, goodPayload("")), nil, bearer.ErrMalformed, 64 << 10},
		{"arrays nested 100 000 deep in the payload", signed(header(k), payloadWith("x", nested(100_000))), nil, bearer.ErrMalformed, 64 << 10},
		// An operator who raises the limit gives each request that much memory.
		{"arrays nested 100 000 deep in the header below a raised limit", signed(`{"alg":"HS256","x":`+nested(100_000)+`}`, goodPayload("")), long, bearer.ErrMalformed, 2 << 20},
		{"arrays nested 100 000 deep in the payload below a raised limit", signed(header(k), payloadWith("x", nested(100_000))), long, bearer.ErrClaims, 2 << 20},
		{"arrays nested 100 000 deep in aud below a raised limit", signed(header(k), payloadWith("aud", nested(100_000))), long, bearer.ErrClaims, 2 << 20},
		{"50 000 members below a raised limit", signed(header(k), payloadWith("x", "1"+manyMembers(50_000)+`,"0":0`)), long, bearer.ErrClaims, 16 << 20},
		{"unsigned, arrays nested 100 000 deep in the payload below a raised limit", "Bearer " + encode(header(k)) + "." + encode(payloadWith("x", nested(100_000))) + ".AAAA", long, bearer.ErrSignature, 64 << 10},
	}
}

func TestFloods(t *testing.T) {
	k := keyOf(t, keys.HS256)
	for _, f := range floods(t, k) {
		t.Run(f.name, func(t *testing.T) {
			m := newMiddleware[map[string]any](t, trust(static(t, k)), f.opts...)
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header.Set("Authorization", f.value)
			send(t, m, r, f.want)
			if raceDetector {
				return
			}
			if n := costOf(func() { _, _ = m.Admit(r) }).bytes; n > f.bytes {
				t.Errorf("took %d bytes, want at most %d", n, f.bytes)
			}
		})
	}
}

func BenchmarkRefuseFlood(b *testing.B) {
	k := keyOf(b, keys.HS256)
	for _, f := range floods(b, k) {
		b.Run(f.name, func(b *testing.B) {
			m := newMiddleware[map[string]any](b, trust(static(b, k)), f.opts...)
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header.Set("Authorization", f.value)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := m.Admit(r); err != nil != (f.want != nil) {
					b.Fatal(err)
				}
			}
		})
	}
}

// What costs an attacker nothing: refusals of tokens that somebody made up.
func BenchmarkRefuse(b *testing.B) {
	k := keyOf(b, keys.ES256, keys.WithID("1"))
	good := forge(b, k, header(k), goodPayload(""))
	attacker := newKey(b, keys.ES256)
	m := newMiddleware[map[string]any](b, trust(static(b, k)))
	for _, test := range []struct{ name, value string }{
		{"no credential", ""},
		{"malformed", "Bearer x"},
		{"alg none", "Bearer " + encode(`{"alg":"none"}`) + "." + encode(goodPayload("")) + ".AA"},
		{"unknown kid", "Bearer " + forge(b, attacker, `{"alg":"ES256","kid":"x"}`, goodPayload(""))},
		{"wrong signature", "Bearer " + forge(b, attacker, header(k), goodPayload(""))},
		{"expired", "Bearer " + forge(b, k, header(k), payloadWith("exp", "1"))},
		{"twin, admitted", "Bearer " + good},
	} {
		b.Run(test.name, func(b *testing.B) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header.Set("Authorization", test.value)
			b.ReportAllocs()
			for b.Loop() {
				_, _ = m.Admit(r)
			}
		})
	}
}
