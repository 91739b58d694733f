package bearer

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"
)

// maxRequestBytes bounds the body of a request to an Issuer.
const maxRequestBytes = 16 << 10

// bodyTimeout is what a client has to send its body in, from when the endpoint
// begins to read it.
const bodyTimeout = 5 * time.Second

// A requestBody is a body of bounded length that is read in bounded time: one of
// a byte a second holds a connection otherwise (slowloris). The deadline is an
// absolute one, so bytes that keep coming do not move it, and its own, so a server
// without any timeout is bounded too. A server whose ReadTimeout is not longer has
// set an earlier one already, which is left alone. One that is longer is replaced:
// where the headers took most of it, the body may end up to bodyTimeout after it.
type requestBody struct {
	w       http.ResponseWriter
	r       *http.Request
	control *http.ResponseController // nil: the server's deadline is earlier
	read    bool
}

// openBody starts the deadline. It is in force for what net/http reads after the
// handler too: it looks for the end of a body that was refused unread. Before the
// next request of the connection net/http sets its own.
func openBody(w http.ResponseWriter, r *http.Request) *requestBody {
	b := &requestBody{w: w, r: r}
	server, ok := r.Context().Value(http.ServerContextKey).(*http.Server)
	if !ok || server.ReadTimeout <= 0 || server.ReadTimeout > bodyTimeout {
		b.control = http.NewResponseController(w)
	}
	b.setDeadline(time.Now().Add(bodyTimeout))
	return b
}

// readAll lifts the deadline once the body was read: net/http goes on reading, to
// notice that the client goes away, and a deadline would look like that to a
// login.
func (b *requestBody) readAll() ([]byte, *tokenError) {
	if b.r.Body == nil {
		return nil, nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(b.w, b.r.Body, maxRequestBytes))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, refusedSize
	case errors.Is(err, os.ErrDeadlineExceeded): // ours or the server's
		return nil, tooSlow(b.r)
	case err != nil:
		return nil, refusedBody
	}
	b.read = true
	b.setDeadline(time.Time{})
	return body, nil
}

// close sets the deadline again after readAll: somebody in front may have ended
// the body where the client has not.
func (b *requestBody) close() {
	if b.read {
		b.setDeadline(time.Now().Add(bodyTimeout))
	}
}

func (b *requestBody) setDeadline(t time.Time) {
	if b.control != nil {
		_ = b.control.SetReadDeadline(t) // not every ResponseWriter has a connection
	}
}

// tooSlow is RFC 9110 section 15.5.9, which wants it said that the connection
// ends: what comes of the body later is not the next request. With HTTP/2 that
// is the stream's matter (RFC 9113 section 8.2.2), and net/http would take the
// header as a wish to end the connection, which a proxy's other clients share.
func tooSlow(r *http.Request) *tokenError {
	refusal := invalid(http.StatusRequestTimeout, "The request did not arrive in time")
	if r.ProtoMajor < 2 {
		refusal.header, refusal.value = "Connection", "close"
	}
	return refusal
}
