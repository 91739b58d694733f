package bearer

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/gobearer/bearer/internal/strictjson"
)

// maxRequestBytes bounds the body of a token request.
const maxRequestBytes = 16 << 10

// bodyTimeout is what a client has to send its body in, from when the endpoint
// begins to read it.
const bodyTimeout = 5 * time.Second

// A tokenError is an error answer of the token endpoint (RFC 6749 section 5.2).
// Its texts are constant, and of that section's characters.
type tokenError struct {
	status        int
	body          errorBody
	header, value string // one more header
}

// invalid is a fault of the request's form.
func invalid(status int, description string) *tokenError {
	return &tokenError{status: status, body: errorBody{"invalid_request", description}}
}

var (
	refusedMethod    = &tokenError{http.StatusMethodNotAllowed, errorBody{"invalid_request", "The token endpoint takes POST only"}, "Allow", "POST"}
	refusedURL       = invalid(http.StatusBadRequest, "The URL must not carry credentials")
	refusedMediaType = invalid(http.StatusUnsupportedMediaType, "The request must be of type application/json")
	refusedSize      = invalid(http.StatusRequestEntityTooLarge, "The request is larger than 16 KiB")
	refusedBody      = invalid(http.StatusBadRequest, "The request must be a JSON object with the strings userName, password, privateToken and optionally validity, each once and not empty")
	refusedValidity  = invalid(http.StatusBadRequest, "The validity must be Default, ShortLive or LongLive")
	refusedLogin     = &tokenError{status: http.StatusBadRequest, body: errorBody{"invalid_grant", "The user name, password or private token is wrong"}}
	outOfReach       = &tokenError{http.StatusServiceUnavailable, errorBody{"temporarily_unavailable", "The request cannot be answered now"}, "Retry-After", "1"}
)

func throttled(wait time.Duration) *tokenError {
	seconds := wait / time.Second
	if wait%time.Second > 0 {
		seconds++
	}
	seconds = max(1, seconds)
	return &tokenError{http.StatusTooManyRequests, errorBody{"temporarily_unavailable", "There were too many attempts"},
		"Retry-After", strconv.FormatInt(int64(seconds), 10)}
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

// A bodyDeadline bounds what a body of a byte a second can hold (slowloris). It
// is an absolute one, so bytes that keep coming do not move it, and its own, so
// a server without any timeout is bounded too. A server whose ReadTimeout is not
// longer has set an earlier one already: its bodyDeadline is the zero value, which
// leaves that one alone. One that is longer is replaced: where the headers took
// most of it, the body may end up to bodyTimeout after it.
type bodyDeadline struct {
	control *http.ResponseController
}

func newBodyDeadline(w http.ResponseWriter, r *http.Request) bodyDeadline {
	server, ok := r.Context().Value(http.ServerContextKey).(*http.Server)
	if ok && server.ReadTimeout > 0 && server.ReadTimeout <= bodyTimeout {
		return bodyDeadline{}
	}
	return bodyDeadline{http.NewResponseController(w)}
}

// start is in force for what net/http reads after the handler too: it looks for
// the end of a body that was refused unread. Before the next request of the
// connection net/http sets its own.
func (d bodyDeadline) start() { d.set(time.Now().Add(bodyTimeout)) }

// stop is due once the body was read: net/http goes on reading, to notice that
// the client goes away, and a deadline would look like that to a login.
func (d bodyDeadline) stop() { d.set(time.Time{}) }

func (d bodyDeadline) set(t time.Time) {
	if d.control == nil {
		return
	}
	_ = d.control.SetReadDeadline(t) // not every ResponseWriter has a connection
}

// ServeHTTP answers a token request. A body that takes longer than five seconds
// is cut, whatever the server's timeouts are; where a ResponseWriter in front has
// no Unwrap method, the server's ReadTimeout alone does so.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	deadline := newBodyDeadline(w, r)
	deadline.start()
	h := w.Header()
	clearContent(h)
	h.Set("Cache-Control", "no-store") // RFC 6749 section 5.1
	h.Set("Pragma", "no-cache")
	h.Set("Content-Type", "application/json")
	response, refusal := i.token(w, r, deadline)
	if refusal == nil {
		writeJSON(w, response)
		return
	}
	if refusal.header != "" {
		h.Set(refusal.header, refusal.value)
	}
	w.WriteHeader(refusal.status)
	writeJSON(w, refusal.body)
}

// writeJSON writes what always marshals. A client that went away gets nothing.
func writeJSON(w io.Writer, v any) {
	body, _ := json.Marshal(v)
	_, _ = w.Write(append(body, '\n'))
}

// token decides. Nothing that the client sent is looked at before the method,
// the URL and the media type are right.
func (i *Issuer) token(w http.ResponseWriter, r *http.Request, deadline bodyDeadline) (*TokenResponse, *tokenError) {
	if i == nil || i.auth == nil {
		return nil, outOfReach
	}
	start := i.observer.start()
	request, refusal := readTokenRequest(w, r)
	if refusal != nil {
		return nil, refusal
	}
	deadline.stop()
	// Somebody in front may have ended the body where the client has not.
	defer deadline.start()
	if _, ok := i.lifetimes[request.validity]; !ok {
		return nil, refusedValidity
	}
	request.ClientAddr = clientAddr(r, i.proxies)
	account, err := i.auth(r.Context(), request.Credentials)
	if err != nil {
		refusal, cause := loginRefusal(r.Context(), err)
		i.observer.observe(r.Context(), start, Event{Kind: EventLoginRefused, Cause: cause, Issuer: i.name})
		return nil, refusal
	}
	response, err := i.issueFrom(r.Context(), start, account, request.validity)
	if err != nil {
		i.observer.observe(r.Context(), start, Event{Kind: EventLoginRefused, Cause: err, Issuer: i.name})
		return nil, outOfReach
	}
	return response, nil
}

// loginRefusal sorts what an Authenticator returned. Whatever it does not know
// is an outage: it is neither the client's fault nor for the client to read.
func loginRefusal(ctx context.Context, err error) (refusal *tokenError, cause error) {
	if errors.Is(err, ErrBadCredentials) {
		return refusedLogin, ErrBadCredentials
	}
	var tooMany *ThrottledError
	if errors.As(err, &tooMany) && tooMany != nil {
		return throttled(tooMany.RetryAfter), tooMany
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return outOfReach, errGone
	}
	return outOfReach, ErrUnavailable
}

// A tokenRequest is a well-formed one. It embeds Credentials and so redacts
// itself.
type tokenRequest struct {
	Credentials
	validity Validity
}

func readTokenRequest(w http.ResponseWriter, r *http.Request) (tokenRequest, *tokenError) {
	if r.Method != http.MethodPost {
		return tokenRequest{}, refusedMethod
	}
	if hasCredentials(r.URL) {
		return tokenRequest{}, refusedURL
	}
	if !isJSON(r.Header["Content-Type"]) {
		return tokenRequest{}, refusedMediaType
	}
	if r.Body == nil {
		return tokenRequest{}, refusedBody
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequestBytes))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return tokenRequest{}, refusedSize
	case errors.Is(err, os.ErrDeadlineExceeded): // fail closed: even what is whole so far may not be all
		return tokenRequest{}, tooSlow(r)
	case err != nil:
		return tokenRequest{}, refusedBody
	}
	return parseTokenRequest(body)
}

// hasCredentials finds credentials where logs and histories keep them. A query
// that cannot be parsed may hold anything.
func hasCredentials(u *url.URL) bool {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil || u.User != nil {
		return true
	}
	for name := range query {
		switch asciiLower(name) {
		case "username", "password", "privatetoken":
			return true
		}
	}
	return false
}

func isJSON(contentType []string) bool {
	if len(contentType) != 1 {
		return false
	}
	mediaType, _, err := mime.ParseMediaType(contentType[0])
	return err == nil && mediaType == "application/json"
}

// parseTokenRequest reads the body to its last byte. Its members' names have no
// case, as the page itself spells them two ways, so one that is there in two
// cases is a duplicate: two parsers must not see two passwords.
func parseTokenRequest(body []byte) (tokenRequest, *tokenError) {
	members := map[string]string{}
	o := strictjson.Open(string(body))
	for o.Next() {
		name := asciiLower(o.Name)
		switch name {
		case "username", "password", "privatetoken", "validity":
		default:
			continue
		}
		value, err := o.Value.String()
		if _, twice := members[name]; err != nil || twice || value == "" {
			return tokenRequest{}, refusedBody
		}
		// A copy: whoever keeps a user name keeps no password with it.
		members[name] = strings.Clone(value)
	}
	if o.Err() != nil {
		return tokenRequest{}, refusedBody
	}
	validity := ValidityDefault
	if v, ok := members["validity"]; ok {
		validity = Validity(v)
	}
	request := tokenRequest{Credentials{
		UserName:     members["username"],
		Password:     members["password"],
		PrivateToken: members["privatetoken"],
	}, validity}
	if request.UserName == "" || request.Password == "" || request.PrivateToken == "" {
		return tokenRequest{}, refusedBody
	}
	return request, nil
}

// asciiLower leaves all else as it is: Unicode folds a long s and a Kelvin sign
// to s and k, and so would make paſſword a password.
func asciiLower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}
