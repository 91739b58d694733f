package bearer_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/keys"
)

const (
	testIssuer   = "https://issuer.test"
	testAudience = "https://api.test"
)

// testNow is the instant of every test that needs one.
var testNow = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

func testClock() time.Time { return testNow }

// newKey makes a key of its own for a test.
func newKey(t testing.TB, alg keys.Algorithm, opts ...keys.KeyOption) *keys.Key {
	t.Helper()
	k, err := keys.Generate(alg, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// static is a source of the keys' public halves, and of HMAC secrets.
func static(t testing.TB, set ...*keys.Key) keys.Source {
	t.Helper()
	var public []*keys.Key
	for _, k := range set {
		if !strings.HasPrefix(string(k.Algorithm()), "HS") {
			k = k.Public()
		}
		public = append(public, k)
	}
	s, err := keys.Static(public...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// encode is one segment of a compact JWS.
func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// forge signs any header and any payload with k, whatever the header says.
func forge(t testing.TB, k *keys.Key, header, payload string) string {
	t.Helper()
	input := encode(header) + "." + encode(payload)
	signature, err := k.Sign(input)
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// header is the usual one for a key.
func header(k *keys.Key) string {
	if k.ID() == "" {
		return fmt.Sprintf(`{"alg":%q,"typ":"JWT"}`, k.Algorithm())
	}
	return fmt.Sprintf(`{"alg":%q,"typ":"JWT","kid":%q}`, k.Algorithm(), k.ID())
}

// goodPayload is accepted at testNow, with more members behind its own.
func goodPayload(more string) string {
	return fmt.Sprintf(`{"iss":%q,"aud":%q,"sub":"1087","jti":"id-1","iat":%d,"exp":%d%s}`,
		testIssuer, testAudience, testNow.Unix()-60, testNow.Unix()+60, more)
}

// trust is what testIssuer's tokens are verified by.
func trust(source keys.Source) bearer.Trust {
	return bearer.Trust{Issuer: testIssuer, Audience: []string{testAudience}, Keys: source}
}

// newMiddleware verifies at testNow.
func newMiddleware[C any](t testing.TB, trust bearer.Trust, opts ...bearer.MiddlewareOption) *bearer.Middleware[C] {
	t.Helper()
	m, err := bearer.NewMiddleware[C](trust, append([]bearer.MiddlewareOption{bearer.WithClock(testClock)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
