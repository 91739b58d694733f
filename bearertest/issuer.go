package bearertest

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/keys"
)

// Audience is the audience of the tokens.
const Audience = "https://api.test"

// An Issuer is an issuer in the test's own process, on a server of its own: its
// keys and its metadata (OpenID discovery and RFC 8414) are real, its tokens
// whatever the test wants. For tests only.
type Issuer struct {
	URL string // its name

	t    testing.TB
	ring *keys.Ring
	down atomic.Bool
}

// NewIssuer starts an Issuer, which the end of the test stops. Its keys are for
// ES256.
func NewIssuer(t testing.TB) *Issuer {
	t.Helper()
	// A test does not wait for caches.
	ring, err := keys.NewRing(newKey(t), keys.WithPublishDelay(0))
	if err != nil {
		t.Fatal(err)
	}
	i := &Issuer{t: t, ring: ring}
	mux := http.NewServeMux()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if i.down.Load() {
			panic(http.ErrAbortHandler) // cuts the connection
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	i.URL = server.URL
	mux.Handle("GET /jwks", ring.JWKS())
	metadata := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": i.URL, "jwks_uri": i.URL + "/jwks"})
	}
	mux.HandleFunc("GET /.well-known/openid-configuration", metadata)
	mux.HandleFunc("GET /.well-known/oauth-authorization-server", metadata)
	return i
}

func newKey(t testing.TB) *keys.Key {
	t.Helper()
	k, err := keys.Generate(keys.ES256)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// Trust trusts the Issuer, whose keys it discovers, for [Audience].
func (i *Issuer) Trust() bearer.Trust {
	i.t.Helper()
	source, err := keys.Discover(i.URL)
	if err != nil {
		i.t.Fatal(err)
	}
	return bearer.Trust{Issuer: i.URL, Audience: []string{Audience}, Keys: source}
}

// Token makes a token that a middleware of [Issuer.Trust] admits for an hour,
// as far as claims do not say otherwise: each replaces the one that would be
// there, and nil takes it out.
func (i *Issuer) Token(claims map[string]any) string {
	i.t.Helper()
	k := i.signingKey()
	return i.sign(k, k.ID(), claims)
}

func (i *Issuer) signingKey() *keys.Key {
	i.t.Helper()
	k, err := i.ring.SigningKey()
	if err != nil {
		i.t.Fatal(err)
	}
	return k
}

// Expired makes a token that expired an hour ago.
func (i *Issuer) Expired() string {
	i.t.Helper()
	now := time.Now()
	return i.Token(map[string]any{"iat": now.Add(-2 * time.Hour).Unix(), "exp": now.Add(-time.Hour).Unix()})
}

// WrongAudience makes a token for another service.
func (i *Issuer) WrongAudience() string {
	i.t.Helper()
	return i.Token(map[string]any{"aud": "https://another.test"})
}

// Foreign makes a token that names the Issuer and its key, and that a stranger
// signed.
func (i *Issuer) Foreign() string {
	i.t.Helper()
	return i.sign(newKey(i.t), i.signingKey().ID(), nil)
}

// Rotate publishes a new key and signs with it from now on. The keys before it
// stay published.
func (i *Issuer) Rotate() {
	i.t.Helper()
	if err := i.ring.Rotate(newKey(i.t)); err != nil {
		i.t.Fatal(err)
	}
}

// RemoveOldKeys takes every key but the signing one out of the published set.
func (i *Issuer) RemoveOldKeys() {
	i.t.Helper()
	for _, k := range i.ring.States() {
		if k.State == "active" {
			continue
		}
		if err := i.ring.Remove(k.ID); err != nil {
			i.t.Fatal(err)
		}
	}
}

// Down cuts every connection to the Issuer's server until Up. Tokens can still
// be made.
func (i *Issuer) Down() { i.down.Store(true) }

// Up ends Down.
func (i *Issuer) Up() { i.down.Store(false) }

func (i *Issuer) sign(k *keys.Key, kid string, claims map[string]any) string {
	i.t.Helper()
	now := time.Now()
	payload := map[string]any{
		"iss": i.URL, "aud": Audience, "sub": "user", "jti": "id",
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	maps.Copy(payload, claims)
	maps.DeleteFunc(payload, func(_ string, v any) bool { return v == nil })
	return i.compact(k, map[string]any{"alg": k.Algorithm(), "typ": "JWT", "kid": kid}, payload)
}

func (i *Issuer) compact(k *keys.Key, header, payload map[string]any) string {
	i.t.Helper()
	input := i.segment(header) + "." + i.segment(payload)
	signature, err := k.Sign(input)
	if err != nil {
		i.t.Fatal(err)
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func (i *Issuer) segment(v any) string {
	i.t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		i.t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(text)
}
