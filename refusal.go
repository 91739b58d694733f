package bearer

import (
	"errors"
	"log/slog"
	"net/http"
	"slices"

	"github.com/go-json-experiment/json"
)

// A Refusal is the answer to a request that is not admitted (RFC 6750 section
// 3). It wraps the sentinel and the cause, for logs; the client gets a constant
// text of its row alone.
type Refusal struct {
	answer answer
	realm  string
	scope  string // of a 403 for a scope
	err    error

	handler func(http.ResponseWriter, *http.Request, *Refusal) // of WithErrorHandler

	text string // the challenge, worked out beforehand; empty: not
	body []byte // likewise
}

// An answer is what clients are told of a cause.
type answer struct {
	cause       error
	status      int
	code        string // error, in RFC 6750 section 3.1; empty: no body
	description string
}

// answers holds every answer.
var answers = []answer{
	{errGone, http.StatusServiceUnavailable, "temporarily_unavailable", "The access token cannot be checked now"},
	{ErrUnavailable, http.StatusServiceUnavailable, "temporarily_unavailable", "The access token cannot be checked now"},
	{ErrMissing, http.StatusUnauthorized, "", ""},
	{ErrRequest, http.StatusBadRequest, "invalid_request", "The request must carry one bearer token in the Authorization header"},
	{ErrExpired, http.StatusUnauthorized, "invalid_token", "The access token expired"},
	{ErrMalformed, http.StatusUnauthorized, "invalid_token", invalidToken},
	{ErrNotYetValid, http.StatusUnauthorized, "invalid_token", invalidToken},
	{ErrIssuer, http.StatusUnauthorized, "invalid_token", invalidToken},
	{ErrAudience, http.StatusUnauthorized, "invalid_token", invalidToken},
	{ErrSignature, http.StatusUnauthorized, "invalid_token", invalidToken},
	{ErrUnknownKey, http.StatusUnauthorized, "invalid_token", invalidToken},
	{ErrTokenType, http.StatusUnauthorized, "invalid_token", invalidToken},
	{ErrRevoked, http.StatusUnauthorized, "invalid_token", invalidToken},
	{ErrClaims, http.StatusUnauthorized, "invalid_token", invalidToken},
	{ErrForbidden, http.StatusForbidden, "insufficient_scope", "The access token does not permit this request"},
}

const (
	invalidToken = "The access token is invalid"
	missingScope = "The access token lacks a required scope"
)

// answerTo decides which answer an error gets: that of its outermost sentinel.
// What a source, a store or Validate returned lies further in, and does not
// change what the middleware made of it.
func answerTo(err error) answer {
	cause := sentinel(err)
	for _, a := range answers {
		if a.cause == cause {
			return a
		}
	}
	return answer{cause: errFault, status: http.StatusInternalServerError}
}

// sentinel returns the outermost sentinel that an error is or wraps, else nil.
func sentinel(err error) error {
	if err == errFault || slices.ContainsFunc(answers, func(a answer) bool { return a.cause == err }) {
		return err
	}
	switch wrapper := err.(type) {
	case interface{ Unwrap() error }:
		if inner := wrapper.Unwrap(); inner != nil {
			return sentinel(inner)
		}
	case interface{ Unwrap() []error }:
		for _, inner := range wrapper.Unwrap() {
			if found := sentinel(inner); found != nil {
				return found
			}
		}
	}
	return nil
}

func refuse(realm string, err error) *Refusal {
	r := &Refusal{answer: answerTo(err), realm: realm, err: err}
	var missing *scopeError
	if r.answer.cause == ErrForbidden && errors.As(err, &missing) {
		r.answer.description, r.scope = missingScope, missing.scope
	}
	return r
}

// prepareRefusals makes what most refusals are: an attacker should find none that
// is dear. A Refusal never changes, so that requests can share one.
func (v *verifier) prepareRefusals() {
	for _, err := range []error{
		ErrMissing, ErrRequest, errTwoHeaders, errTooLong, errLength, errSegments, errAlphabet, errHeader, errExtension,
		ErrSignature, ErrUnknownKey, errCandidates, ErrTokenType, ErrIssuer, ErrAudience, ErrExpired, ErrNotYetValid,
		errNoExpiry, errSyntax, ErrRevoked,
	} {
		r := v.newRefusal(err)
		r.text, r.body = r.challenge(), r.json()
		v.refusals = append(v.refusals, r)
	}
}

// refusal is the answer to an error.
func (v *verifier) refusal(err error) *Refusal {
	for _, r := range v.refusals {
		if r.err == err {
			return r
		}
	}
	return v.newRefusal(err)
}

func (v *verifier) newRefusal(err error) *Refusal {
	r := refuse(v.realm, err)
	r.handler = v.handler
	return r
}

// Error tells operators why; it holds no part of the token.
func (r *Refusal) Error() string {
	if r.err == nil {
		return errFault.Error()
	}
	return r.err.Error()
}

// Unwrap returns an error that wraps the sentinel and the cause.
func (r *Refusal) Unwrap() error { return r.err }

// LogValue gives the status and the error.
func (r *Refusal) LogValue() slog.Value {
	return slog.GroupValue(slog.Int("status", r.StatusCode()), slog.String("error", r.Error()))
}

// StatusCode returns 400, 401, 403, 500 or 503.
func (r *Refusal) StatusCode() int {
	if r.answer.status == 0 {
		return http.StatusInternalServerError
	}
	return r.answer.status
}

// Header returns a new header with the answer's WWW-Authenticate, Retry-After,
// Content-Type and Cache-Control, as far as it has them.
func (r *Refusal) Header() http.Header {
	h := make(http.Header, 3)
	r.addTo(h)
	return h
}

// addTo sets the answer's headers. Their values are this answer's own memory.
func (r *Refusal) addTo(h http.Header) {
	values := make([]string, 0, 3)
	set := func(name, value string) {
		values = append(values, value)
		n := len(values)
		h[name] = values[n-1 : n : n]
	}
	set("Cache-Control", "no-store")
	if r.answer.code != "" {
		set("Content-Type", "application/json")
	}
	switch r.StatusCode() {
	case http.StatusServiceUnavailable:
		set("Retry-After", "1")
	case http.StatusInternalServerError:
	default:
		set("Www-Authenticate", r.challenge())
	}
}

// challenge quotes nothing that needs escaping: descriptions are constant,
// WithRealm and RequireScope check their names.
func (r *Refusal) challenge() string {
	if r.text != "" {
		return r.text
	}
	c := `Bearer realm="` + r.realm + `"`
	if r.answer.code != "" {
		c += `, error="` + r.answer.code + `", error_description="` + r.answer.description + `"`
	}
	if r.scope != "" {
		c += `, scope="` + r.scope + `"`
	}
	return c
}

// MarshalJSON returns the body without its final newline; {} where the body is
// empty.
func (r *Refusal) MarshalJSON() ([]byte, error) {
	return json.Marshal(errorBody{r.answer.code, r.answer.description})
}

// clearContent removes what somebody in front has said about an answer that is
// not given, as http.Error does.
func clearContent(h http.Header) {
	for _, name := range []string{"Content-Encoding", "Content-Length", "Content-Type", "Etag", "Last-Modified", "Retry-After"} {
		delete(h, name)
	}
}

// An errorBody is what both the middleware and the token endpoint answer.
type errorBody struct {
	Code        string `json:"error,omitempty"`
	Description string `json:"error_description,omitempty"`
}

// ServeHTTP writes the answer, or lets the handler of WithErrorHandler do so.
func (r *Refusal) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if r.handler != nil {
		usual := *r
		usual.handler = nil
		r.handler(w, req, &usual)
		return
	}
	clearContent(w.Header())
	r.addTo(w.Header())
	w.WriteHeader(r.StatusCode())
	if r.answer.code == "" {
		return
	}
	body := r.body
	if body == nil {
		body = r.json()
	}
	_, _ = w.Write(body) // a client that went away gets nothing
}

// json is the body.
func (r *Refusal) json() []byte {
	body, _ := r.MarshalJSON() // never fails
	return append(body, '\n')
}
