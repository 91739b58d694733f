package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// latency is what a key server takes at least. It is below the distance of the
// tokens of a load, so that fetches for two of them do not become one.
const latency = 5 * time.Millisecond

// A keyServer serves a JWK set on the loopback interface until it is told to
// fail.
type keyServer struct {
	*httptest.Server
	fetches atomic.Int64
	mu      sync.Mutex
	answer  http.HandlerFunc
}

func newKeyServer(answer http.HandlerFunc) *keyServer {
	s := &keyServer{answer: answer}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.fetches.Add(1)
		time.Sleep(latency)
		s.mu.Lock()
		answer := s.answer
		s.mu.Unlock()
		answer(w, r)
	}))
	return s
}

func (s *keyServer) say(answer http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

// close does not wait for requests that a client has not given up.
func (s *keyServer) close() {
	s.CloseClientConnections()
	go s.Close()
}

// publish serves a set of keys.
func publish(keys ...string) http.HandlerFunc { return text(jwkSet(0, keys...)) }

func text(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/jwk-set+json")
		io.WriteString(w, body)
	}
}

// unavailable is a load balancer with nobody behind it.
func unavailable(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "no healthy upstream", http.StatusServiceUnavailable)
}

// down is a server that is not there.
func down(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// flap is up and down in turns.
func flap(up http.HandlerFunc, period time.Duration) http.HandlerFunc {
	start := time.Now()
	return func(w http.ResponseWriter, r *http.Request) {
		if time.Since(start)/period%2 == 0 {
			unavailable(w, r)
			return
		}
		up(w, r)
	}
}

// slow answers late.
func slow(answer http.HandlerFunc, delay time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(delay):
			answer(w, r)
		case <-r.Context().Done():
		}
	}
}

// drip sends a good set, a byte a second.
func drip(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for _, b := range []byte(body) {
			w.Write([]byte{b})
			w.(http.Flusher).Flush()
			select {
			case <-time.After(time.Second):
			case <-r.Context().Done():
				return
			}
		}
	}
}

// large sends a good set that has that much padding in front of its keys.
func large(mebibytes int, keys ...string) http.HandlerFunc {
	before, after, _ := strings.Cut(jwkSet(1, keys...), " ")
	chunk := []byte(strings.Repeat(" ", 1<<20))
	return func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, before)
		for range mebibytes {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
		io.WriteString(w, after)
	}
}
