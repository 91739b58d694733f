package keys_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobearer/bearer/keys"
)

// A faultyServer is a real one that can be told to misbehave.
type faultyServer struct {
	*httptest.Server
	fault atomic.Pointer[fault]
	hits  atomic.Int64
	good  http.HandlerFunc
}

type fault struct {
	name    string
	handler func(s *faultyServer, w http.ResponseWriter, r *http.Request) // nil: below
	tls     bool                                                          // no handshake succeeds
	refuse  bool                                                          // no connection does
	works   bool                                                          // at times
}

func newFaultyServer(t *testing.T, good http.HandlerFunc) *faultyServer {
	s := &faultyServer{good: good}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.hits.Add(1)
		if f := s.fault.Load(); f != nil && f.handler != nil {
			f.handler(s, w, r)
			return
		}
		s.good(w, r)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		if f := s.fault.Load(); f != nil && f.tls {
			return nil, errors.New("no")
		}
		return nil, nil
	}}
	s.Listener = &refusing{Listener: s.Listener, s: s}
	s.StartTLS()
	t.Cleanup(func() {
		s.CloseClientConnections() // what hangs, hangs no longer
		s.Close()
	})
	return s
}

// refusing resets every connection that the fault refuses.
type refusing struct {
	net.Listener
	s *faultyServer
}

func (l *refusing) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if f := l.s.fault.Load(); f == nil || !f.refuse {
			return c, nil
		}
		c.(*net.TCPConn).SetLinger(0)
		c.Close()
	}
}

var bomb = sync.OnceValue(func() []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	for range 1024 {
		z.Write(make([]byte, 64<<10))
	}
	z.Close()
	return b.Bytes()
})

func faults(bait *httptest.Server) []*fault {
	answer := func(status int, body string) func(*faultyServer, http.ResponseWriter, *http.Request) {
		return func(_ *faultyServer, w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			io.WriteString(w, body)
		}
	}
	return []*fault{
		{name: "500", handler: answer(500, "")},
		{name: "a good document with status 500", handler: func(s *faultyServer, w http.ResponseWriter, r *http.Request) { w.WriteHeader(500); s.good(w, r) }},
		{name: "a good document with status 203", handler: func(s *faultyServer, w http.ResponseWriter, r *http.Request) { w.WriteHeader(203); s.good(w, r) }},
		{name: "404", handler: answer(404, "")},
		{name: "hang", handler: func(_ *faultyServer, _ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
		{name: "one byte a second", handler: func(_ *faultyServer, w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				io.WriteString(w, " ")
				w.(http.Flusher).Flush()
				select {
				case <-time.After(time.Second):
				case <-r.Context().Done():
				}
			}
		}},
		{name: "64 MiB", handler: func(_ *faultyServer, w http.ResponseWriter, _ *http.Request) {
			for range 1024 {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		}},
		{name: "64 MiB of zeros in gzip", handler: func(_ *faultyServer, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(bomb())
		}},
		{name: "a redirect to another host", handler: func(_ *faultyServer, w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, bait.URL, http.StatusFound)
		}},
		{name: "a redirect to http", handler: func(_ *faultyServer, w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://"+r.Host+r.URL.Path, http.StatusMovedPermanently)
		}},
		{name: "a redirect loop", handler: func(_ *faultyServer, w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/loop", http.StatusTemporaryRedirect)
		}},
		{name: "garbage", handler: answer(200, "\x00\xff garbage")},
		{name: "an empty set", handler: answer(200, `{"keys":[]}`)},
		{name: "nothing", handler: answer(200, "")},
		{name: "a document that is cut off", handler: func(_ *faultyServer, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			io.WriteString(w, `{"keys":[`)
		}},
		{name: "flapping every 100 ms", works: true, handler: func(s *faultyServer, w http.ResponseWriter, r *http.Request) {
			if time.Now().UnixMilli()/100%2 == 0 {
				w.WriteHeader(500)
				return
			}
			s.good(w, r)
		}},
		{name: "TLS error", tls: true},
		{name: "connection refused", refuse: true},
	}
}

// counting counts the bytes of the longest document that is read.
type counting struct {
	http.RoundTripper
	most atomic.Int64
}

func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := c.RoundTripper.RoundTrip(r)
	if err == nil {
		res.Body = &countingBody{ReadCloser: res.Body, c: c}
	}
	return res, err
}

type countingBody struct {
	io.ReadCloser
	c *counting
	n int64
}

func (b *countingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.n += int64(n)
	for most := b.c.most.Load(); b.n > most && !b.c.most.CompareAndSwap(most, b.n); most = b.c.most.Load() {
	}
	return n, err
}

// Each fault, at start and behind good keys, at each step of a fetch.
func TestRemoteFaults(t *testing.T) {
	goroutines := runtime.NumGoroutine()
	t.Run("faults", func(t *testing.T) {
		var baited atomic.Int64
		bait := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			baited.Add(1)
			io.WriteString(w, jwks(offered("k1")))
		}))
		t.Cleanup(func() {
			bait.Close()
			if n := baited.Load(); n != 0 {
				t.Errorf("%d requests to another host", n)
			}
		})
		bomb()
		var wg sync.WaitGroup // t.Parallel would run as many at once as there are processors: they mostly wait
		slots := make(chan bool, 27)
		for _, step := range []string{"Remote", "Discover, metadata", "Discover, keys"} {
			for _, f := range faults(bait) {
				wg.Go(func() {
					slots <- true
					defer func() { <-slots }()
					t.Run(step+": "+f.name, func(t *testing.T) { testFault(t, step, f) })
				})
			}
		}
		wg.Wait()
	})
	// What is left of connections that were cut ends by itself.
	for range 600 {
		if runtime.NumGoroutine() <= goroutines {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	left := runtime.NumGoroutine() - goroutines
	t.Logf("%d goroutines left", left)
	if left > 0 {
		var stacks [1 << 16]byte
		t.Errorf("%d goroutines left: %s", left, stacks[:runtime.Stack(stacks[:], true)])
	}
}

func testFault(t *testing.T, step string, f *fault) {
	keyServer := newFaultyServer(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, jwks(offered("k1"))) })
	faulty := keyServer
	metaServer := newFaultyServer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/.well-known/openid-configuration" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, "https://"+r.Host, keyServer.URL)
	})
	if step == "Discover, metadata" {
		faulty = metaServer
	}
	transport := keyServer.Client().Transport.(*http.Transport).Clone()
	t.Cleanup(transport.CloseIdleConnections)
	counter := &counting{RoundTripper: transport}
	client := &http.Client{Transport: counter}
	make := func(opts ...keys.RemoteOption) *keys.RemoteSource {
		if step == "Remote" {
			return must(keys.Remote(keyServer.URL, append(opts, keys.WithHTTPClient(client))...))
		}
		return must(keys.Discover(metaServer.URL, append(opts, keys.WithHTTPClient(client))...))
	}
	// A request waits for half a second: what a client of a service does.
	ask := func(source keys.Source, kid string) string {
		ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
		defer cancel()
		return saysWithin(ctx, source, header(kid))
	}
	until := func(source keys.Source, kid string) time.Duration {
		began := time.Now()
		for ask(source, kid) != isKey {
			time.Sleep(10 * time.Millisecond)
			if time.Since(began) > time.Minute { // two seconds in fact; the assertion is in fake time
				t.Errorf("%s is not accepted after a minute", kid)
				break
			}
		}
		return time.Since(began).Round(time.Millisecond)
	}

	// At start there are no keys: everything is an error, and nothing "no key".
	faulty.fault.Store(f)
	source := make()
	var first error
	for began := time.Now(); time.Since(began) < 300*time.Millisecond; time.Sleep(10 * time.Millisecond) {
		got := ask(source, "k1")
		if got != isError && !(f.works && got == isKey) {
			t.Errorf("at start: %s", got)
		}
		if first == nil {
			first = source.Status().Err
		}
	}
	cold := faulty.hits.Load()
	faulty.fault.Store(nil)
	recovered := until(source, "k1")

	// Behind good keys nothing is refused.
	source = make(keys.WithRefreshInterval(50 * time.Millisecond))
	until(source, "k1")
	warm := faulty.hits.Load()
	faulty.fault.Store(f)
	tokens, refused, longest := 0, 0, time.Duration(0)
	for began := time.Now(); time.Since(began) < 300*time.Millisecond; time.Sleep(time.Millisecond) {
		before := time.Now()
		tokens++
		if ask(source, "k1") != isKey {
			refused++
		}
		longest = max(longest, time.Since(before))
	}
	warm = faulty.hits.Load() - warm
	faulty.fault.Store(nil)
	if refused != 0 {
		t.Errorf("%d good tokens refused", refused)
	}
	if counter.most.Load() > 1<<20+1 {
		t.Errorf("%d bytes of a document read", counter.most.Load())
	}
	t.Logf("at start: %d requests in 0.3 s, recovered after %v; behind good keys: %d requests in 0.3 s, %d of %d good tokens refused, %v at most for one; %d bytes read at most; %v",
		cold, recovered, warm, refused, tokens, longest.Round(time.Microsecond), counter.most.Load(), first)
}

func TestRemoteHTTP(t *testing.T) {
	type seen struct {
		method, path, accept, cookie string
		close                        bool
	}
	requests := make(chan seen, 100)
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		requests <- seen{r.Method, r.URL.String(), r.Header.Get("Accept"), r.Header.Get("Cookie"), r.Close}
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
		switch r.URL.Path {
		case "/3":
			http.Redirect(w, r, "/2", http.StatusFound)
		case "/2":
			http.Redirect(w, r, "/1?a=b", http.StatusMovedPermanently)
		case "/1":
			http.Redirect(w, r, "http://"+r.Host+"/jwks", http.StatusPermanentRedirect)
		case "/4":
			http.Redirect(w, r, "/3", http.StatusSeeOther)
		default:
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, jwks(offered("k1")))
		}
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	drain := func() (all []seen) {
		for len(requests) > 0 {
			all = append(all, <-requests)
		}
		return all
	}

	t.Run("three redirects of one host are followed, on connections that end, without cookies", func(t *testing.T) {
		jar := new(countingJar)
		source := must(keys.Remote(server.URL+"/3", keys.WithHTTPClient(&http.Client{Jar: jar})))
		expect(t, source, header("k1"), isKey)
		const accept = "application/jwk-set+json, application/json"
		want := []seen{{"GET", "/3", accept, "", true}, {"GET", "/2", accept, "", true}, {"GET", "/1?a=b", accept, "", true}, {"GET", "/jwks", accept, "", true}}
		if got := drain(); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%v", got)
		}
		if jar.used {
			t.Error("the cookies are used")
		}
	})
	t.Run("four are not", func(t *testing.T) {
		expect(t, must(keys.Remote(server.URL+"/4")), header("k1"), isError)
		drain()
	})
	t.Run("a redirect to the same host in other words is followed, one to another port is not", func(t *testing.T) {
		for location, want := range map[string]string{
			"https://ISSUER.example:443/moved": isKey, "https://issuer.example/moved": isKey, "/moved": isKey, "//issuer.example/moved": isKey,
			"https://issuer.example:8443/moved": isError, "http://issuer.example:443/moved": isError, "https://issuer.example.evil.example/moved": isError, "//evil.example/moved": isError,
		} {
			source := must(keys.Remote(jwksURL, keys.WithHTTPClient(&http.Client{Transport: redirecting(location)})))
			if got := says(source, header("k1")); got != want {
				t.Errorf("%s: %s, want %s (%v)", location, got, want, source.Status().Err)
			}
		}
	})
	t.Run("the client's own rule for redirects holds too", func(t *testing.T) {
		calls := 0
		client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { calls++; return errors.New("none") }}
		source := must(keys.Remote(server.URL+"/3", keys.WithHTTPClient(client)))
		client.CheckRedirect = nil // what is changed later is not ours
		if expect(t, source, header("k1"), isError); calls == 0 {
			t.Error("it was not asked")
		}
		drain()
	})
	t.Run("the client's own timeout holds too", func(t *testing.T) {
		memory := serving(offered("k1"))
		memory.hang()
		source := must(keys.Remote(jwksURL, keys.WithHTTPClient(&http.Client{Transport: memory, Timeout: 20 * time.Millisecond})))
		began := time.Now()
		err := source.Warm(context.Background())
		if err == nil || errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 4*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
	t.Run("the query is not in errors", func(t *testing.T) {
		memory := new(memoryServer)
		memory.down()
		source := must(keys.Remote(jwksURL+"?secret=canary", keys.WithHTTPClient(&http.Client{Transport: memory})))
		if err := source.Warm(context.Background()); fmt.Sprint(err) != "keys: the keys cannot be fetched: "+jwksURL+": connection refused" {
			t.Errorf("%v", err)
		}
	})
	t.Run("errors wrap their cause", func(t *testing.T) {
		cause := errors.New("the cause")
		memory := new(memoryServer)
		memory.say(func(*http.Request) (int, string, error) { return 0, "", cause })
		source := memory.remote(t)
		for range 2 {
			if _, err := source.Lookup(context.Background(), header("k1")); !errors.Is(err, cause) {
				t.Errorf("%v", err)
			}
		}
		if !errors.Is(source.Status().Err, cause) {
			t.Error(source.Status().Err)
		}
	})
	t.Run("a ring serves what Remote reads", func(t *testing.T) {
		active := generate(t, keys.EdDSA, keys.WithID("k1"))
		ring := must(keys.NewRing(active, keys.WithRetiring(generate(t, keys.ES256).Public())))
		server := httptest.NewServer(ring.JWKS())
		defer server.Close()
		source := must(keys.Remote(server.URL))
		found, err := source.Lookup(context.Background(), header("k1"))
		if err != nil || len(found) != 1 || !found[0].Equal(active.Public()) {
			t.Errorf("%v, %v", found, err)
		}
		expect(t, source, keys.Header{Algorithm: keys.ES256}, isKey)
	})
}

// redirecting sends whoever asks for the set to another address, which has it.
type redirecting string

func (location redirecting) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := body(jwks(offered("k1"))).RoundTrip(r)
	if r.URL.Path != "/moved" {
		res.StatusCode = http.StatusFound
		res.Header.Set("Location", string(location))
	}
	return res, err
}

type countingJar struct{ used bool }

func (j *countingJar) SetCookies(*url.URL, []*http.Cookie) { j.used = true }
func (j *countingJar) Cookies(*url.URL) []*http.Cookie     { j.used = true; return nil }

func TestRemoteIsSafeForConcurrentUse(t *testing.T) {
	server := serving(offered("k1"))
	source := server.remote(t, keys.WithRefreshInterval(time.Millisecond), keys.WithFetchHook(func(keys.Status) {}))
	stop := time.Now().Add(300 * time.Millisecond)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := 0; time.Now().Before(stop); n++ {
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(n%3)*time.Millisecond)
				saysWithin(ctx, source, header("k1"))
				saysWithin(ctx, source, header(fmt.Sprint(i, n)))
				cancel()
				source.Status()
				switch {
				case i == 0 && n%10 == 0:
					server.down()
				case i == 0 && n%10 == 5:
					server.serve(offered("k1"))
				case i == 1:
					source.Warm(context.Background())
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d fetches", server.count())
}
