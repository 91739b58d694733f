package bearer

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/gobearer/bearer/internal/strictjson"
	"github.com/gobearer/bearer/refresh"
)

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
	refusedForm      = invalid(http.StatusBadRequest, "The form lacks a parameter, or has one twice")
	refusedFormType  = invalid(http.StatusUnsupportedMediaType, "The request must be of type application/x-www-form-urlencoded")
	refusedGrant     = &tokenError{status: http.StatusBadRequest, body: errorBody{"unsupported_grant_type", "The grant type is not supported"}}
	refusedScope     = &tokenError{status: http.StatusBadRequest, body: errorBody{"invalid_scope", "The scope is malformed or was not granted"}}
	refusedRefresh   = &tokenError{status: http.StatusBadRequest, body: errorBody{"invalid_grant", "The refresh token is invalid"}}
	refusedKind      = &tokenError{status: http.StatusBadRequest, body: errorBody{"unsupported_token_type", "Access tokens cannot be revoked"}}
	refusedClient    = &tokenError{http.StatusUnauthorized, errorBody{"invalid_client", "The client must authenticate by HTTP Basic"}, "WWW-Authenticate", `Basic realm="token", charset="UTF-8"`}
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

// ServeHTTP answers a token request. A body that takes longer than five seconds
// is cut, whatever the server's timeouts are; where a ResponseWriter in front has
// no Unwrap method, the server's ReadTimeout alone does so.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answerer(i.token).ServeHTTP(w, r)
}

// An answerer decides on a request of one of an Issuer's endpoints: its ServeHTTP
// writes what was decided. A nil answer is an empty one.
type answerer func(r *http.Request, body *requestBody) (answer any, refusal *tokenError)

func (decide answerer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body := openBody(w, r)
	defer body.close()
	h := w.Header()
	clearContent(h)
	h.Set("Cache-Control", "no-store") // RFC 6749 section 5.1
	h.Set("Pragma", "no-cache")
	h.Set("Content-Type", "application/json")
	answer, refusal := decide(r, body)
	switch {
	case refusal == nil && answer == nil:
		h.Del("Content-Type")
		return
	case refusal == nil:
		writeJSON(w, answer)
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
func (i *Issuer) token(r *http.Request, body *requestBody) (any, *tokenError) {
	if i == nil || i.auth == nil {
		return nil, outOfReach
	}
	start := i.observer.start()
	request, refusal := i.readTokenRequest(r, body)
	if refusal != nil {
		return nil, refusal
	}
	request.ClientAddr, request.at = clientAddr(r, i.proxies), i.clock()
	event := Event{Kind: EventLoginRefused, Issuer: i.name}
	var response *TokenResponse
	var err error
	if request.refresh != "" {
		event.Kind = EventRefreshRefused
		response, event.Account, err = i.renew(r.Context(), start, request)
	} else {
		response, err = i.logIn(r.Context(), start, request)
	}
	if err == nil {
		return response, nil
	}
	refusal, event.Cause = tokenRefusal(r.Context(), err)
	i.observer.observe(r.Context(), start, event)
	return nil, refusal
}

// logIn answers credentials.
func (i *Issuer) logIn(ctx context.Context, start time.Time, r tokenRequest) (*TokenResponse, error) {
	a, err := i.auth(ctx, r.Credentials)
	if err != nil {
		return nil, &outsideError{err}
	}
	if a != nil && r.scopes != nil {
		narrowed := *a
		if narrowed.Scopes, err = narrow(a.Scopes, a.Scopes, r.scopes); err != nil {
			return nil, err
		}
		a = &narrowed
	}
	return i.open(ctx, start, a, r.grant)
}

// An outsideError is what an Authenticator returned. Somebody else wrote it, so
// neither clients nor events get its text.
type outsideError struct{ error }

func (e *outsideError) Unwrap() error { return e.error }

// tokenRefusal sorts what stood against a token. Whatever it does not know is an
// outage: it is neither the client's fault nor for the client to read.
func tokenRefusal(ctx context.Context, err error) (refusal *tokenError, cause error) {
	var (
		tooMany *ThrottledError
		outside *outsideError
		store   *storeError
	)
	outcome, refused := err.(refresh.Outcome)
	unended, ended := err.(*unendedError)
	stored := errors.As(err, &store)
	switch {
	case refused:
		return refusedRefresh, outcome
	case ended:
		return outOfReach, unended.Outcome
	case err == errScope:
		return refusedScope, err
	case !stored && errors.Is(err, ErrBadCredentials):
		return refusedLogin, ErrBadCredentials
	case !stored && errors.As(err, &tooMany) && tooMany != nil:
		return throttled(tooMany.RetryAfter), tooMany
	case errors.Is(ctx.Err(), context.Canceled):
		return outOfReach, errGone
	case stored, errors.As(err, &outside):
		return outOfReach, ErrUnavailable
	}
	return outOfReach, err
}

// A tokenRequest is a well-formed one. It embeds Credentials and so redacts
// itself.
type tokenRequest struct {
	Credentials
	grant
	refresh string // a refresh token in the place of credentials
}

func (i *Issuer) readTokenRequest(r *http.Request, body *requestBody) (request tokenRequest, refusal *tokenError) {
	if r.Method != http.MethodPost {
		return tokenRequest{}, refusedMethod
	}
	if hasParameter(r.URL, "username", "password", "privatetoken", "refresh_token", "client_secret") {
		return tokenRequest{}, refusedURL
	}
	form := i.passwords || i.sessions.store != nil
	media := mediaType(r)
	if media != jsonType && !(form && media == formType) {
		return tokenRequest{}, refusedMediaType
	}
	text, refusal := body.readAll()
	if refusal != nil {
		return tokenRequest{}, refusal
	}
	if media == formType {
		request, refusal = i.parseTokenForm(r, text)
	} else {
		request, refusal = i.parseTokenRequest(text)
	}
	if _, ok := i.lifetimes[request.validity]; refusal == nil && !ok {
		return tokenRequest{}, refusedValidity
	}
	return request, refusal
}

// hasParameter finds secrets where logs and histories keep them. A query that
// cannot be parsed may hold anything.
func hasParameter(u *url.URL, names ...string) bool {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil || u.User != nil {
		return true
	}
	for name := range query {
		if slices.Contains(names, asciiLower(name)) {
			return true
		}
	}
	return false
}

const (
	jsonType = "application/json"
	formType = "application/x-www-form-urlencoded"
)

// mediaType is empty where the request does not have exactly one.
func mediaType(r *http.Request) string {
	contentType := r.Header["Content-Type"]
	if len(contentType) != 1 {
		return ""
	}
	mediaType, _, err := mime.ParseMediaType(contentType[0])
	if err != nil {
		return ""
	}
	return mediaType
}

// parseTokenRequest reads the body to its last byte. Its members' names have no
// case, as the page itself spells them two ways, so one that is there in two
// cases is a duplicate: two parsers must not see two passwords. The members of a
// refresh are unknown ones, and ignored, where there are no refresh tokens.
func (i *Issuer) parseTokenRequest(body []byte) (tokenRequest, *tokenError) {
	members := map[string]string{}
	o := strictjson.Open(string(body))
	for o.Next() {
		name := asciiLower(o.Name)
		switch name {
		case "username", "password", "privatetoken", "validity":
		case "grant_type", "refresh_token":
			if i.sessions.store == nil {
				continue
			}
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
	request := tokenRequest{grant: grant{validity: ValidityDefault}}
	if v, ok := members["validity"]; ok {
		request.validity = Validity(v)
	}
	switch members["grant_type"] {
	case "", passwordGrant:
		request.Credentials = Credentials{
			UserName:     members["username"],
			Password:     members["password"],
			PrivateToken: members["privatetoken"],
		}
		if request.UserName == "" || request.Password == "" || request.PrivateToken == "" {
			return tokenRequest{}, refusedBody
		}
	case refreshGrant:
		if request.refresh = members["refresh_token"]; request.refresh == "" {
			return tokenRequest{}, refusedBody
		}
	default:
		return tokenRequest{}, refusedGrant
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
