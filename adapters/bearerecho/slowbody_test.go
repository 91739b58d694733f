package bearerecho_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/gobearer/bearer/adapters/bearerecho"
	"github.com/labstack/echo/v5"
	echomiddleware "github.com/labstack/echo/v5/middleware"
)

// The endpoint's own deadline passes through what echo puts in front, and through
// its compression, which wraps the ResponseWriter.
func TestSlowBodyIsCut(t *testing.T) {
	if os.Getenv("BEARER_INTEGRATION") == "" {
		t.Skip("takes the five seconds that a body may take: set BEARER_INTEGRATION=1")
	}
	t.Parallel()
	handlers := make(map[string]http.Handler)
	for name, front := range map[string][]echo.MiddlewareFunc{"bare": nil, "compressed": {echomiddleware.Gzip()}} {
		e := newEcho()
		e.Use(front...)
		bearerecho.Mount(e, exampleIssuer())
		handlers[name] = e
	}
	var waiting sync.WaitGroup
	defer waiting.Wait()
	for name, handler := range handlers {
		waiting.Go(func() {
			server := httptest.NewServer(handler)
			defer server.Close()
			status, err := trickle(server.Listener.Addr().String())
			if err != nil || status != http.StatusRequestTimeout {
				t.Errorf("%s: status %d, %v", name, status, err)
			}
		})
	}
}

// trickle sends a body of 50 bytes, one every 200 ms.
func trickle(address string) (status int, err error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return 0, err
	}
	var writing sync.WaitGroup
	defer writing.Wait()
	defer conn.Close()
	writing.Go(func() {
		next := "POST /token HTTP/1.1\r\nHost: api.example\r\nContent-Type: application/json\r\nContent-Length: 50\r\nAccept-Encoding: gzip\r\n\r\n"
		for range 1 + 50 {
			if _, err := io.WriteString(conn, next); err != nil {
				return
			}
			next = " "
			time.Sleep(200 * time.Millisecond)
		}
	})
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0, err
	}
	response.Body.Close()
	return response.StatusCode, nil
}
