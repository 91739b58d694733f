package main

import (
	"io"
	"net/http"
	"runtime"
	"runtime/metrics"
	"strings"
	"sync"
	"time"
)

// A meter counts what is read of the bodies from each host. As the default
// transport it sees what every client reads, and changes no client's HTTP
// client.
type meter struct {
	*http.Transport
	mu   sync.Mutex
	read map[string]int64
}

func newMeter() *meter {
	return &meter{Transport: http.DefaultTransport.(*http.Transport).Clone(), read: make(map[string]int64)}
}

func (m *meter) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := m.Transport.RoundTrip(r)
	if err == nil {
		res.Body = &meteredBody{res.Body, m, r.URL.Host}
	}
	return res, err
}

func (m *meter) bytes(host string) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.read[host]
}

type meteredBody struct {
	io.ReadCloser
	m    *meter
	host string
}

func (b *meteredBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.m.mu.Lock()
	b.m.read[b.host] += int64(n)
	b.m.mu.Unlock()
	return n, err
}

// heapGrowth is by how many bytes the heap was larger at most while f ran,
// garbage included.
func heapGrowth(f func()) int64 {
	heap := func() int64 {
		s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		metrics.Read(s)
		return int64(s[0].Value.Uint64())
	}
	runtime.GC()
	before, most := heap(), int64(0)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
				most = max(most, heap()-before)
			}
		}
	}()
	f()
	close(stop)
	<-stopped
	return most
}

// goroutines counts those of the process without the ones of key servers. It
// gives those that are about to end the time to do so.
func goroutines() int {
	least := -1
	for range 10 {
		time.Sleep(20 * time.Millisecond)
		buf := make([]byte, 1<<20)
		buf = buf[:runtime.Stack(buf, true)]
		n := 0
		for _, g := range strings.Split(string(buf), "\n\n") {
			if !strings.Contains(g, "net/http.(*Server)") && !strings.Contains(g, "net/http.(*connReader)") {
				n++
			}
		}
		if least < 0 || n < least {
			least = n
		}
	}
	return least
}
