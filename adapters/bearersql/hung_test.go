package bearersql_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobearer/bearer/accounts"
	"github.com/gobearer/bearer/adapters/bearersql"
)

// A proxy stands before a server, and passes nothing on while it is frozen, but
// for the bytes that it was left.
type proxy struct {
	net.Listener
	server string

	mu     sync.Mutex
	thawed *sync.Cond
	frozen bool
	left   int
}

func newProxy(t testing.TB, server string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{Listener: listener, server: server}
	p.thawed = sync.NewCond(&p.mu)
	t.Cleanup(func() {
		_ = listener.Close()
		p.thaw()
	})
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			upstream, err := net.Dial("tcp", server)
			if err != nil {
				_ = client.Close()
				continue
			}
			go p.pass(client, upstream)
			go p.pass(upstream, client)
		}
	}()
	return p
}

func (p *proxy) freeze(left int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.frozen, p.left = true, left
}

func (p *proxy) thaw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.frozen = false
	p.thawed.Broadcast()
}

func (p *proxy) pass(to io.WriteCloser, from io.Reader) {
	defer to.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		p.mu.Lock()
		for p.frozen && p.left < n {
			p.thawed.Wait()
		}
		p.left -= n
		p.mu.Unlock()
		if _, writeErr := to.Write(buffer[:n]); err != nil || writeErr != nil {
			return
		}
	}
}

// A server that does not answer, and does not refuse either, is the worst outage:
// whoever waits for it without an end takes a login's place forever.
func TestAServerThatHangsHoldsNobodyLongerThanTheContext(t *testing.T) {
	d := postgresSchema(t)
	u, err := url.Parse(d.dsn)
	if err != nil {
		t.Fatal(err)
	}
	p := newProxy(t, u.Host)
	u.Host = p.Addr().String()
	d.dsn = u.String()
	a := d.accounts(t)
	if err := a.Create(t.Context(), marked(marker)); err != nil {
		t.Fatal(err)
	}

	// hang calls with a context that ends soon after freeze.
	hang := func(what string, call func(ctx context.Context, freeze func(left int)) error) {
		t.Helper()
		p.thaw()
		if _, err := a.Lookup(t.Context(), marker); err != nil { // a connection that works
			t.Fatalf("before %s: %v", what, err)
		}
		done := make(chan error, 1)
		go func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			done <- call(ctx, func(left int) {
				p.freeze(left)
				time.AfterFunc(100*time.Millisecond, cancel)
			})
		}()
		select {
		case err := <-done:
			if !errors.Is(err, context.Canceled) || errors.Is(err, accounts.ErrNotFound) {
				t.Errorf("%s: %v, want context.Canceled", what, err)
			}
		case <-time.After(time.Minute):
			t.Fatalf("%s hangs", what)
		}
	}
	for _, what := range []string{"Lookup", "List", "Create", "UpgradeHash", "Update"} {
		hang(what, func(ctx context.Context, freeze func(left int)) error {
			freeze(0)
			switch what {
			case "Lookup":
				_, err := a.Lookup(ctx, marker)
				return err
			case "List":
				_, err := a.List(ctx, "", 10)
				return err
			case "Create":
				return a.Create(ctx, marked("another"))
			case "UpgradeHash":
				return a.UpgradeHash(ctx, "id-"+marker, marker, marker)
			}
			return a.Update(ctx, marker, func(*accounts.Record) error { return nil })
		})
	}
	p.thaw()
	for i := range 50 {
		r := marked(fmt.Sprint("account-", i))
		r.Name = strings.Repeat("x", 20<<10)
		if err := a.Create(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	hang("the second half of List", func(ctx context.Context, freeze func(left int)) error {
		freeze(200 << 10)
		list, err := a.List(ctx, "", 50)
		if len(list) > 0 {
			t.Errorf("List returns %d of 50", len(list))
		}
		return err
	})
	hang("the second half of Update", func(ctx context.Context, freeze func(left int)) error {
		return a.Update(ctx, marker, func(*accounts.Record) error {
			freeze(0)
			return nil
		})
	})
	hang("the rollback of Update", func(ctx context.Context, freeze func(left int)) error {
		err := a.Update(ctx, marker, func(*accounts.Record) error {
			freeze(0)
			return io.ErrUnexpectedEOF
		})
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%v, want the change's error", err)
		}
		return context.Canceled
	})
	hang("a new connection", func(ctx context.Context, freeze func(left int)) error {
		freeze(0)
		_, err := bearersql.NewAccounts(ctx, d.open(t), d.dialect)
		return err
	})
	p.thaw()
	for what, err := range everyCall(t.Context(), a) {
		if err != nil {
			t.Errorf("%s afterwards: %v", what, err)
		}
	}
	for range 20 { // through the whole pool
		if _, err := a.Lookup(t.Context(), marker); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	}
}
