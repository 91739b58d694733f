package bearergin_test

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

	"github.com/gin-gonic/gin"
	"github.com/gobearer/bearer/adapters/bearergin"
)

// The endpoint's own deadline passes through gin's ResponseWriter.
func TestSlowBodyIsCut(t *testing.T) {
	if os.Getenv("BEARER_INTEGRATION") == "" {
		t.Skip("takes the five seconds that a body may take: set BEARER_INTEGRATION=1")
	}
	t.Parallel()
	engine := gin.New()
	bearergin.Mount(engine, exampleIssuer())
	server := httptest.NewServer(engine)
	defer server.Close()
	status, err := trickle(server.Listener.Addr().String())
	if err != nil || status != http.StatusRequestTimeout {
		t.Errorf("status %d, %v", status, err)
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
