package bearer_test

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/gobearer/bearer"
)

// An attack is a token that has to be refused for one reason, or its accepted
// twin, which shows that the reason is the one the case names.
type attack struct {
	name  string
	token string
	want  error // nil: accepted
}

// runAttacks sends every token of a family through the middleware and through Verify.
func runAttacks(t *testing.T, m *bearer.Middleware[map[string]any], family []attack) {
	t.Helper()
	twins := 0
	for _, a := range family {
		if a.want == nil {
			twins++
		}
		t.Run(a.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header["Authorization"] = []string{"Bearer " + a.token}
			send(t, m, r, a.want)

			token, err := m.Verify(t.Context(), a.token)
			want := a.want
			if want == bearer.ErrRequest {
				// What no header may hold is a malformed token where there is none.
				want = bearer.ErrMalformed
			}
			checkCause(t, err, want)
			if (token != nil) != (want == nil) {
				t.Errorf("Verify returned a token: %t, beside %v", token != nil, err)
			}
			for _, segment := range strings.Split(a.token, ".") {
				if err != nil && len(segment) > 8 && strings.Contains(err.Error(), segment) {
					t.Errorf("the error holds a part of the token: %v", err)
				}
			}
		})
	}
	if twins == 0 {
		t.Error("the family has no accepted twin: it would pass if everything were refused")
	}
}

// send asserts the whole answer to a request, and what Admit says of it.
func send(t *testing.T, m *bearer.Middleware[map[string]any], r *http.Request, want error) {
	t.Helper()
	ran := 0
	w := httptest.NewRecorder()
	m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		ran++
		w.WriteHeader(http.StatusNoContent)
	})).ServeHTTP(w, r)
	checkAnswer(t, w.Result(), answerTo(want))
	if ran > 0 != (want == nil) || ran > 1 {
		t.Errorf("the handler ran %d times", ran)
	}
	admitted, err := m.Admit(r)
	checkCause(t, err, want)
	if (admitted != nil) != (want == nil) {
		t.Errorf("Admit returned a request: %t, beside %v", admitted != nil, err)
	}
}

// An answer is all that a client sees.
type answer struct {
	status int
	header http.Header
	body   string
}

var (
	answerServed  = answer{http.StatusNoContent, http.Header{}, ""}
	answerMissing = answer{http.StatusUnauthorized, http.Header{
		"Cache-Control":    {"no-store"},
		"Www-Authenticate": {`Bearer realm="api"`},
	}, ""}
	answerBadRequest = refusalAnswer(http.StatusBadRequest, "invalid_request", "The request must carry one bearer token in the Authorization header", "")
	answerExpired    = refusalAnswer(http.StatusUnauthorized, "invalid_token", "The access token expired", "")
	answerInvalid    = refusalAnswer(http.StatusUnauthorized, "invalid_token", "The access token is invalid", "")
	answerForbidden  = refusalAnswer(http.StatusForbidden, "insufficient_scope", "The access token does not permit this request", "")
	answerUnchecked  = answer{http.StatusServiceUnavailable, http.Header{
		"Cache-Control": {"no-store"},
		"Content-Type":  {"application/json"},
		"Retry-After":   {"1"},
	}, `{"error":"temporarily_unavailable","error_description":"The access token cannot be checked now"}` + "\n"}
	answerFault = answer{http.StatusInternalServerError, http.Header{"Cache-Control": {"no-store"}}, ""}
)

func refusalAnswer(status int, code, description, more string) answer {
	return answer{status, http.Header{
		"Cache-Control":    {"no-store"},
		"Content-Type":     {"application/json"},
		"Www-Authenticate": {`Bearer realm="api", error="` + code + `", error_description="` + description + `"` + more},
	}, `{"error":"` + code + `","error_description":"` + description + `"}` + "\n"}
}

func answerTo(cause error) answer {
	switch cause {
	case nil:
		return answerServed
	case bearer.ErrMissing:
		return answerMissing
	case bearer.ErrRequest:
		return answerBadRequest
	case bearer.ErrExpired:
		return answerExpired
	case bearer.ErrForbidden:
		return answerForbidden
	case bearer.ErrUnavailable:
		return answerUnchecked
	}
	return answerInvalid
}

func checkAnswer(t *testing.T, got *http.Response, want answer) {
	t.Helper()
	body, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got.StatusCode != want.status {
		t.Errorf("status %d, want %d", got.StatusCode, want.status)
	}
	if !maps.EqualFunc(got.Header, want.header, func(a, b []string) bool { return reflect.DeepEqual(a, b) }) {
		t.Errorf("header\n%v, want\n%v", got.Header, want.header)
	}
	if string(body) != want.body {
		t.Errorf("body %q, want %q", body, want.body)
	}
}

var sentinels = []error{
	bearer.ErrMissing, bearer.ErrRequest, bearer.ErrMalformed, bearer.ErrExpired, bearer.ErrNotYetValid, bearer.ErrIssuer, bearer.ErrAudience,
	bearer.ErrSignature, bearer.ErrUnknownKey, bearer.ErrTokenType, bearer.ErrRevoked, bearer.ErrClaims, bearer.ErrForbidden, bearer.ErrUnavailable,
}

// checkCause asserts that an error is a *Refusal with one sentinel, or none.
func checkCause(t *testing.T, err, want error) {
	t.Helper()
	if want == nil {
		if err != nil {
			t.Errorf("refused: %v", err)
		}
		return
	}
	if _, ok := err.(*bearer.Refusal); !ok {
		t.Errorf("got %T %v, want a *Refusal", err, err)
	}
	for _, s := range sentinels {
		if is := errors.Is(err, s); is != (s == want) {
			t.Errorf("%v: errors.Is %q is %t", err, s, is)
		}
	}
}

// isOneSentinel is for the errors that are no refusals.
func isOneSentinel(err, want error) bool {
	for _, s := range sentinels {
		if errors.Is(err, s) != (s == want) {
			return false
		}
	}
	return true
}
