package keys_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobearer/bearer/keys"
)

// offered is a public key as an issuer publishes it.
func offered(kid string) string { return jwk(ed25519Key().Public(), with{"kid": kid}) }

func header(kid string) keys.Header { return keys.Header{Algorithm: keys.EdDSA, KeyID: kid} }

// What a source says about a token's key.
const (
	isKey   = "a key"     // the token goes on to its signature
	isNone  = "no key"    // 401
	isError = "an error"  // 503
	isBoth  = "a mixture" // never
)

func says(s keys.Source, h keys.Header) string {
	return saysWithin(context.Background(), s, h)
}

func saysWithin(ctx context.Context, s keys.Source, h keys.Header) string {
	switch found, err := s.Lookup(ctx, h); {
	case err != nil && found != nil:
		return isBoth
	case err != nil:
		return isError
	case len(found) == 0:
		return isNone
	default:
		return isKey
	}
}

func expect(t *testing.T, s keys.Source, h keys.Header, want string) {
	t.Helper()
	if got := says(s, h); got != want {
		_, err := s.Lookup(context.Background(), h)
		t.Errorf("%v: %s, want %s (%v)", h, got, want, err)
	}
}

// A memoryServer serves a JWK set without a network, in real and in fake time.
type memoryServer struct {
	mu      sync.Mutex
	fetches []time.Time // when each began
	open    int         // how many are under way
	most    int         // and were at once
	answer  func(*http.Request) (status int, body string, err error)
	delay   time.Duration
}

func serving(jwkTexts ...string) *memoryServer {
	s := new(memoryServer)
	s.serve(jwkTexts...)
	return s
}

func (s *memoryServer) say(answer func(*http.Request) (int, string, error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

func (s *memoryServer) status(status int, body string) {
	s.say(func(*http.Request) (int, string, error) { return status, body, nil })
}

func (s *memoryServer) serve(jwkTexts ...string) { s.status(http.StatusOK, jwks(jwkTexts...)) }

func (s *memoryServer) down() {
	s.say(func(*http.Request) (int, string, error) { return 0, "", errors.New("connection refused") })
}

// hang never answers, as long as the client waits.
func (s *memoryServer) hang() {
	s.say(func(r *http.Request) (int, string, error) {
		<-r.Context().Done()
		return 0, "", r.Context().Err()
	})
}

func (s *memoryServer) slow(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delay = d
}

func (s *memoryServer) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.fetches)
}

func (s *memoryServer) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	s.fetches = append(s.fetches, time.Now())
	s.open++
	s.most = max(s.most, s.open)
	answer, delay := s.answer, s.delay
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.open--
	}()
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	status, body, err := answer(r)
	if err != nil {
		return nil, err
	}
	return &http.Response{
		Status: http.StatusText(status), StatusCode: status, Header: make(http.Header), Request: r,
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}, nil
}

const jwksURL = "https://issuer.example/jwks"

func (s *memoryServer) remote(t testing.TB, opts ...keys.RemoteOption) *keys.RemoteSource {
	t.Helper()
	source, err := keys.Remote(jwksURL, append(opts, keys.WithHTTPClient(&http.Client{Transport: s}))...)
	if err != nil {
		t.Fatal(err)
	}
	return source
}

// warm is a source that has the server's keys.
func (s *memoryServer) warm(t testing.TB, opts ...keys.RemoteOption) *keys.RemoteSource {
	t.Helper()
	source := s.remote(t, opts...)
	if err := source.Warm(context.Background()); err != nil {
		t.Fatal(err)
	}
	return source
}

func (s *memoryServer) expectFetches(t *testing.T, want int) {
	t.Helper()
	if got := s.count(); got != want {
		t.Errorf("%d fetches, want %d", got, want)
	}
}
