package bearer_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobearer/bearer"
)

// bodyTimeout is the endpoint's.
const bodyTimeout = 5 * time.Second

var wrongPace = errorAnswer(408, "invalid_request", "The request did not arrive in time").with("Connection", "close")

// A pipeListener makes connections that live in a synctest bubble, where waiting
// takes no time and what is over after five seconds is over after five seconds.
type pipeListener struct {
	conns chan net.Conn
	ended chan struct{}
	end   func()
	dials atomic.Int32
}

func listenOnPipes() *pipeListener {
	ended := make(chan struct{})
	return &pipeListener{conns: make(chan net.Conn), ended: ended, end: sync.OnceFunc(func() { close(ended) })}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.ended:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { l.end(); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (l *pipeListener) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		l.dials.Add(1)
		return client, nil
	case <-l.ended:
		return nil, net.ErrClosed
	}
}

// serve serves a handler on pipes, in HTTP/1.1 and in HTTP/2 without TLS.
func serve(t *testing.T, h http.Handler, readTimeout time.Duration) *pipeListener {
	t.Helper()
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{Handler: h, ReadTimeout: readTimeout, Protocols: protocols, ErrorLog: log.New(io.Discard, "", 0)}
	l := listenOnPipes()
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { server.Close() })
	return l
}

func (l *pipeListener) client(t *testing.T, http2 bool) *http.Client {
	t.Helper()
	protocols := new(http.Protocols)
	protocols.SetHTTP1(!http2)
	protocols.SetUnencryptedHTTP2(http2)
	transport := &http.Transport{DialContext: l.dial, Protocols: protocols}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// An outcome is what became of a connection, and after which time.
type outcome struct {
	status   int // 0: closed without an answer
	header   http.Header
	close    bool // whether the answer says so
	body     string
	answered time.Duration
	closed   time.Duration
}

// trickle sends head at once, then piece again and again, and reads until the
// server closes the connection. After a minute it gives up.
func trickle(conn net.Conn, head, piece string, every time.Duration) outcome {
	begin := time.Now()
	_ = conn.SetDeadline(begin.Add(time.Minute))
	var writing sync.WaitGroup
	stop := make(chan struct{})
	writing.Go(func() {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for next := head; ; next = piece {
			if _, err := io.WriteString(conn, next); err != nil {
				return
			}
			select {
			case <-ticker.C:
			case <-stop:
				return
			}
		}
	})
	defer writing.Wait()
	defer conn.Close() // whatever is being written ends
	defer close(stop)

	var o outcome
	read := bufio.NewReader(conn)
	r, err := http.ReadResponse(read, nil)
	for err == nil && r.StatusCode == http.StatusContinue {
		r, err = http.ReadResponse(read, nil)
	}
	if err == nil {
		text, _ := io.ReadAll(r.Body)
		o = outcome{status: r.StatusCode, header: r.Header, close: r.Close, body: string(text), answered: time.Since(begin)}
	}
	_, _ = io.Copy(io.Discard, read)
	o.closed = time.Since(begin)
	return o
}

// post is the head of a request in HTTP/1.1.
func post(more string) string {
	return "POST /token HTTP/1.1\r\nHost: api.example\r\nContent-Type: application/json\r\n" + more + "\r\n"
}

// A slow body is cut when its time is over, and whatever was answered, what
// net/http itself reads of it is cut as well.
func TestSlowBodies(t *testing.T) {
	const length, wait = "Content-Length: 1000\r\n", "Expect: 100-continue\r\n"
	const chunked = "Transfer-Encoding: chunked\r\n"
	// net/http's own, before it closes a connection on which data is unread.
	const grace = 500 * time.Millisecond
	whole := func(r io.Reader) io.Reader { return io.LimitReader(r, int64(len(goodBody))) }
	tests := []struct {
		name             string
		head             string
		piece            string        // every second
		readTimeout      time.Duration // the server's
		front            func(io.Reader) io.Reader
		login            time.Duration
		want             tokenAnswer
		answered, closed time.Duration
	}{
		{name: "a byte a second", head: post(length), piece: " ", want: wrongPace, answered: bodyTimeout, closed: bodyTimeout},
		{name: "no byte at all", head: post(length), want: wrongPace, answered: bodyTimeout, closed: bodyTimeout},
		{name: "all but the last byte", head: post(length) + pad(999), want: wrongPace, answered: bodyTimeout, closed: bodyTimeout},
		{name: "a chunk a second", head: post(chunked), piece: "1\r\n \r\n", want: wrongPace, answered: bodyTimeout, closed: bodyTimeout},
		{name: "a chunk's length that takes for ever", head: post(chunked), piece: "0", want: wrongPace, answered: bodyTimeout, closed: bodyTimeout},
		{name: "a trailer that takes for ever", head: post(chunked) + fmt.Sprintf("%x\r\n%s\r\n0\r\nX: ", len(goodBody), goodBody), piece: "x", want: wrongBody, answered: bodyTimeout, closed: bodyTimeout},
		{name: "after 100 Continue", head: post(length + wait), piece: " ", want: wrongPace, answered: bodyTimeout, closed: bodyTimeout},
		{name: "HTTP/1.0", head: strings.Replace(post(length), "1.1", "1.0", 1), piece: " ", want: wrongPace, answered: bodyTimeout, closed: bodyTimeout},

		{name: "behind a method that is refused", head: strings.Replace(post(length), "POST", "GET", 1), piece: " ", want: wrongMethod, answered: bodyTimeout, closed: bodyTimeout},
		{name: "behind a URL that is refused", head: strings.Replace(post(length), "/token", "/token?password=x", 1), piece: " ", want: wrongURL, answered: bodyTimeout, closed: bodyTimeout},
		{name: "behind a media type that is refused", head: strings.Replace(post(length), "application/json", "text/plain", 1), piece: " ", want: wrongType, answered: bodyTimeout, closed: bodyTimeout},
		{name: "behind a media type that is refused, before 100 Continue", head: strings.Replace(post(length+wait), "application/json", "text/plain", 1), piece: " ", want: wrongType, closed: bodyTimeout},
		{name: "behind 16 KiB", head: post(chunked) + fmt.Sprintf("%x\r\n%s\r\n", 16<<10+1, pad(16<<10+1)), piece: "1\r\n \r\n", want: tooLarge, closed: bodyTimeout + grace},

		{name: "a server with a shorter timeout", head: post(length), piece: " ", readTimeout: 2 * time.Second, want: wrongPace, answered: 2 * time.Second, closed: 2 * time.Second},
		{name: "a server with the same timeout", head: post(length), piece: " ", readTimeout: bodyTimeout, want: wrongPace, answered: bodyTimeout, closed: bodyTimeout},
		{name: "a server with a longer timeout", head: post(length), piece: " ", readTimeout: time.Hour, want: wrongPace, answered: bodyTimeout, closed: bodyTimeout},
		{name: "a server whose timeout is none", head: post(length), piece: " ", readTimeout: -1, want: wrongPace, answered: bodyTimeout, closed: bodyTimeout},
		{name: "a server with a shorter timeout, refused", head: strings.Replace(post(length), "application/json", "text/plain", 1), piece: " ", readTimeout: 2 * time.Second, want: wrongType, answered: 2 * time.Second, closed: 2 * time.Second},

		// Who limits a body in front ends it before the client does.
		{name: "behind a good request", head: post(length) + goodBody, piece: " ", front: whole, want: admitted, answered: bodyTimeout, closed: bodyTimeout},
		{name: "behind a good request, during a login", head: post(length) + goodBody, piece: " ", front: whole, login: 2 * bodyTimeout, want: admitted, answered: 3 * bodyTimeout, closed: 3 * bodyTimeout},
		{name: "behind a good request, a server with a longer timeout", head: post(length) + goodBody, piece: " ", readTimeout: time.Hour, front: whole, want: admitted, answered: bodyTimeout, closed: bodyTimeout},
		{name: "behind a good request, a server with a shorter timeout", head: post(length) + goodBody, piece: " ", readTimeout: 2 * time.Second, front: whole, want: admitted, answered: 2 * time.Second, closed: 2 * time.Second},
		{name: "behind an unknown validity", head: post(length) + goodBody[:len(goodBody)-1] + `,"validity":"x"}`, piece: " ",
			front: func(r io.Reader) io.Reader { return io.LimitReader(r, int64(len(goodBody)+len(`,"validity":"x"`))) }, want: wrongValidity, answered: bodyTimeout, closed: bodyTimeout},

		{name: "twin: a body that ends in time", head: post(fmt.Sprintf("Content-Length: %d\r\nConnection: close\r\n", len(goodBody)+4)) + goodBody, piece: " ", want: admitted, answered: 4 * time.Second, closed: 4 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				spy := &loginSpy{account: fullAccount()}
				endpoint := issuerOf(t, bearer.AuthenticatorFunc(func(ctx context.Context, c bearer.Credentials) (*bearer.Account, error) {
					time.Sleep(tt.login)
					if err := ctx.Err(); err != nil {
						t.Errorf("the login: %v", err)
					}
					return spy.Authenticate(ctx, c)
				}))
				l := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if tt.front != nil {
						r.Body = io.NopCloser(tt.front(r.Body))
					}
					endpoint.ServeHTTP(w, r)
				}), tt.readTimeout)
				conn, err := l.dial(t.Context(), "", "")
				if err != nil {
					t.Fatal(err)
				}
				got := trickle(conn, tt.head, tt.piece, time.Second)
				if got.answered != tt.answered || got.closed != tt.closed {
					t.Errorf("answered after %v, closed after %v, want %v and %v", got.answered, got.closed, tt.answered, tt.closed)
				}
				if !got.close {
					t.Error("the answer does not say that the connection ends")
				}
				for _, ofTheServer := range []string{"Date", "Content-Length", "Connection"} {
					got.header.Del(ofTheServer)
				}
				if tt.want.name == "Connection" {
					tt.want.name = ""
				}
				tokenTest{want: tt.want, asked: &bearer.Credentials{UserName: "tom", Password: "secret", PrivateToken: "0d6c"}}.
					check(t, spy, got.status, got.header, got.body, got.body)
			})
		})
	}
}

// With HTTP/2 the stream is cut, and the connection, on which a proxy sends for
// other clients too, goes on.
func TestSlowBodyOverHTTP2(t *testing.T) {
	for _, readTimeout := range []time.Duration{0, 2 * time.Second, time.Hour} {
		t.Run(readTimeout.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				want := bodyTimeout
				if readTimeout == 2*time.Second {
					want = readTimeout
				}
				l := serve(t, issuerOf(t, &loginSpy{account: fullAccount()}), readTimeout)
				client := l.client(t, true)
				login(t, client, "http://api.example/token")
				got, err := slowly(t.Context(), client, "http://api.example/token", time.Second)
				if err != nil {
					t.Fatal(err)
				}
				if got.answered != want {
					t.Errorf("cut after %v, want %v", got.answered, want)
				}
				got.header.Del("Date")
				got.header.Del("Content-Length")
				over := wrongPace
				over.name = ""
				tokenTest{want: over}.check(t, new(loginSpy), got.status, got.header, got.body, "")
				login(t, client, "http://api.example/token")
				if n := l.dials.Load(); n != 1 {
					t.Errorf("%d connections, want 1", n)
				}
			})
		})
	}
}

// slowly posts a byte of white space at a time, without end.
func slowly(ctx context.Context, client *http.Client, url string, every time.Duration) (outcome, error) {
	begin := time.Now()
	sent, content := io.Pipe()
	var writing sync.WaitGroup
	defer writing.Wait()
	defer sent.Close()
	writing.Go(func() {
		for {
			if _, err := io.WriteString(content, " "); err != nil {
				return
			}
			time.Sleep(every)
		}
	})
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, sent)
	if err != nil {
		return outcome{}, err
	}
	r.Header.Set("Content-Type", "application/json")
	response, err := client.Do(r)
	if err != nil {
		return outcome{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return outcome{}, err
	}
	return outcome{status: response.StatusCode, header: response.Header, body: string(text), answered: time.Since(begin)}, nil
}

// login posts goodBody, which must be admitted.
func login(t *testing.T, client *http.Client, url string) {
	t.Helper()
	if err := tryLogin(t.Context(), client, url); err != nil {
		t.Error(err)
	}
}

func tryLogin(ctx context.Context, client *http.Client, url string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(goodBody))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	response, err := client.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", response.Status, text)
	}
	return nil
}

// buffered reads a body before the endpoint does, as those do who log it: from
// then on net/http waits for what comes after it.
func buffered(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(content))
		h.ServeHTTP(w, r)
	})
}

func plain(h http.Handler) http.Handler { return h }

// longLogin takes longer than a body may.
func longLogin(length time.Duration) bearer.AuthenticatorFunc {
	return func(ctx context.Context, _ bearer.Credentials) (*bearer.Account, error) {
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("the login was cut: %w", ctx.Err())
		case <-time.After(length):
			return fullAccount(), nil
		}
	}
}

// The time of the body is not the time of the login, which may wait for others
// and then hashes: its context goes on, and so does the connection.
func TestLoginLongerThanABody(t *testing.T) {
	for name, front := range map[string]func(http.Handler) http.Handler{"plain": plain, "a body that was read in front": buffered} {
		for _, http2 := range []bool{false, true} {
			for _, readTimeout := range []time.Duration{0, 2 * time.Second, bodyTimeout, time.Hour} {
				t.Run(fmt.Sprintf("%s/HTTP2 %t/%v", name, http2, readTimeout), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						l := serve(t, front(issuerOf(t, longLogin(4*bodyTimeout))), readTimeout)
						client := l.client(t, http2)
						for range 2 {
							login(t, client, "http://api.example/token")
						}
						if n := l.dials.Load(); n != 1 {
							t.Errorf("%d connections, want 1", n)
						}
					})
				})
			}
		}
	}
}

// A connection that was idle for longer than a body may take serves the next
// request: the deadline ends with its request.
func TestIdleLongerThanABody(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		t.Run(fmt.Sprintf("HTTP2 %t", http2), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := serve(t, issuerOf(t, &loginSpy{account: fullAccount()}), 0)
				client := l.client(t, http2)
				login(t, client, "http://api.example/token")
				response, err := client.Post("http://api.example/token", "text/plain", strings.NewReader("x"))
				if err != nil {
					t.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, response.Body)
				response.Body.Close()
				time.Sleep(4 * bodyTimeout)
				login(t, client, "http://api.example/token")
				if n := l.dials.Load(); response.StatusCode != http.StatusUnsupportedMediaType || n != 1 {
					t.Errorf("status %d, %d connections, want 1", response.StatusCode, n)
				}
			})
		})
	}
}

// A manySlow is what a thousand slow bodies and the logins beside them came to.
type manySlow struct {
	outcomes []outcome
	logins   []time.Duration
	failed   []error
}

// slowBodies has n connections send a body of a byte a second until all of them
// are cut, while a login is made every 100 ms.
func slowBodies(ctx context.Context, n int, dial func() (net.Conn, error), client *http.Client, url string) manySlow {
	var m manySlow
	m.outcomes = make([]outcome, n)
	dialled := make([]error, n)
	var slow, others sync.WaitGroup
	done := make(chan struct{})
	for i := range n {
		slow.Go(func() {
			conn, err := dial()
			if err != nil {
				dialled[i] = err
				return
			}
			m.outcomes[i] = trickle(conn, post("Content-Length: 1000\r\n"), " ", time.Second)
		})
	}
	others.Go(func() {
		ticker := time.NewTicker(100 * time.Millisecond)
		defer ticker.Stop()
		for {
			begin := time.Now()
			err := tryLogin(ctx, client, url)
			took := time.Since(begin)
			if err != nil && took < bodyTimeout { // for as long as that the machine stood still
				m.failed = append(m.failed, err)
			}
			m.logins = append(m.logins, took)
			select {
			case <-ticker.C:
			case <-done:
				return
			}
		}
	})
	slow.Wait()
	close(done)
	others.Wait()
	for _, err := range dialled {
		if err != nil {
			m.failed = append(m.failed, err)
		}
	}
	return m
}

// check asserts that every connection was cut within limit and that every login
// succeeded.
func (m manySlow) check(t *testing.T, limit time.Duration) {
	t.Helper()
	if len(m.failed) > 0 {
		t.Errorf("%d failures of %d logins and the dials: %v", len(m.failed), len(m.logins), errors.Join(m.failed[:min(3, len(m.failed))]...))
	}
	statuses := make(map[int]int)
	var closed []time.Duration
	for _, o := range m.outcomes {
		statuses[o.status]++
		closed = append(closed, o.closed)
	}
	slices.Sort(closed)
	slices.Sort(m.logins)
	t.Logf("%d slow bodies, by status (0: closed without one): %v; cut after %v to %v", len(closed), statuses, closed[0], closed[len(closed)-1])
	t.Logf("%d logins beside them: median %v, slowest %v", len(m.logins), m.logins[len(m.logins)/2], m.logins[len(m.logins)-1])
	if statuses[http.StatusRequestTimeout]+statuses[0] != len(m.outcomes) {
		t.Errorf("answers by status: %v", statuses)
	}
	if slowest := closed[len(closed)-1]; slowest > limit {
		t.Errorf("the last one was cut after %v, want %v at most", slowest, limit)
	}
}

// TestManySlowBodies is TestThousandSlowBodies in time that is not real. That the
// goroutines end is the bubble's own condition.
func TestManySlowBodies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := serve(t, issuerOf(t, &loginSpy{account: fullAccount()}), 0)
		client := l.client(t, false)
		m := slowBodies(t.Context(), 100, func() (net.Conn, error) { return l.dial(t.Context(), "", "") }, client, "http://api.example/token")
		m.check(t, bodyTimeout)
		if len(m.logins) < 50 || m.outcomes[0].status != http.StatusRequestTimeout {
			t.Errorf("%d logins, status %d", len(m.logins), m.outcomes[0].status)
		}
	})
}

// integration skips a test that takes the seconds that it is about.
func integration(t *testing.T) {
	t.Helper()
	if os.Getenv("BEARER_INTEGRATION") == "" {
		t.Skip("takes real seconds: set BEARER_INTEGRATION=1")
	}
}

// The server has no timeout at all.
func TestThousandSlowBodies(t *testing.T) {
	integration(t)
	before := runtime.NumGoroutine()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: issuerOf(t, &loginSpy{account: fullAccount()})}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) })
	idle := runtime.NumGoroutine()

	// Each login on a connection of its own: those must be accepted too.
	transport := &http.Transport{DisableKeepAlives: true}
	client := &http.Client{Transport: transport, Timeout: time.Minute}
	address := listener.Addr().String()
	m := slowBodies(t.Context(), 1000, func() (net.Conn, error) { return net.Dial("tcp", address) }, client, "http://"+address+"/token")
	m.check(t, time.Minute) // bodyTimeout in fact; to the millisecond above

	// While the server still runs.
	transport.CloseIdleConnections()
	waitForGoroutines(t, idle)
	server.Close()
	serving.Wait()
	waitForGoroutines(t, before)
}

func waitForGoroutines(t *testing.T, want int) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); runtime.NumGoroutine() > want; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			var stacks bytes.Buffer
			_ = pprof.Lookup("goroutine").WriteTo(&stacks, 1)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), want, &stacks)
		}
	}
	t.Logf("%d goroutines, %d before", runtime.NumGoroutine(), want)
}

// What the tests above show in time that is not real, over TCP and TLS. All of it
// waits at once: parallel subtests would wait in turns.
func TestSlowBodiesOverTheNetwork(t *testing.T) {
	integration(t)
	var waiting sync.WaitGroup
	defer waiting.Wait()
	for _, test := range []struct {
		name     string
		protocol string
		start    func(*httptest.Server)
	}{
		{"HTTP/1.1", "HTTP/1.1", (*httptest.Server).Start},
		{"HTTP/1.1 over TLS", "HTTP/1.1", (*httptest.Server).StartTLS},
		{"HTTP/2", "HTTP/2.0", func(s *httptest.Server) { s.EnableHTTP2 = true; s.StartTLS() }},
	} {
		waiting.Go(func() {
			server := httptest.NewUnstartedServer(issuerOf(t, &loginSpy{account: fullAccount()}))
			test.start(server)
			defer server.Close()
			got, err := slowly(t.Context(), server.Client(), server.URL, 200*time.Millisecond)
			if err != nil || got.status != http.StatusRequestTimeout {
				t.Errorf("a slow body over %s: %d %s, %v", test.name, got.status, got.body, err)
			}
		})
		for name, front := range map[string]func(http.Handler) http.Handler{"": plain, "a body that was read in front, ": buffered} {
			waiting.Go(func() {
				var asked, elsewhere atomic.Int32
				slow := longLogin(bodyTimeout + 2*time.Second)
				i := issuerOf(t, bearer.AuthenticatorFunc(func(ctx context.Context, c bearer.Credentials) (*bearer.Account, error) {
					if asked.Add(1) > 1 {
						return fullAccount(), nil
					}
					return slow(ctx, c)
				}))
				var connection atomic.Value
				server := httptest.NewUnstartedServer(front(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					connection.CompareAndSwap(nil, r.RemoteAddr)
					if r.Proto != test.protocol || r.RemoteAddr != connection.Load() {
						elsewhere.Add(1)
					}
					i.ServeHTTP(w, r)
				})))
				test.start(server)
				defer server.Close()
				for range 2 {
					if err := tryLogin(t.Context(), server.Client(), server.URL); err != nil {
						t.Errorf("a long login over %s, %s%v", test.name, name, err)
					}
				}
				if n := elsewhere.Load(); n > 0 {
					t.Errorf("a long login over %s, %s%d requests on another connection or protocol", test.name, name, n)
				}
			})
		}
	}
}
