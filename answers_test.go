package bearer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/keys"
)

// A situation is one row, or one way into a row, of the design's table of
// answers, with what the observer is told.
type situation struct {
	name   string
	values []string // of the Authorization header
	edit   func(*bearer.Trust)
	opts   []bearer.MiddlewareOption
	guards []bearer.Guard
	want   answer
	cause  error // the event's; nil: the token was verified
	found  found // how far the event came
}

// found says which of an event's details are known: those that were proven.
type found int

const (
	nothing found = iota
	issuer        // picked by the token, not proven
	key           // the signature was right
)

var errStore = errors.New("connection refused by 10.0.0.7:6379")

// situations are all rows. k is the key behind the tokens.
func situations(t *testing.T, k *keys.Key) []situation {
	t.Helper()
	with := func(payload string) []string { return []string{"Bearer " + forge(t, k, header(k), payload)} }
	good := with(payloadWith("scope", `"read write"`, "roles", `["clerk"]`))
	attacker := newKey(t, keys.HS256, keys.WithID(k.ID()))
	predicate := func(err error) []bearer.Guard {
		return []bearer.Guard{bearer.Require(func(context.Context, map[string]any) error { return err })}
	}
	failing := func(err error) func(*bearer.Trust) {
		return func(t *bearer.Trust) { t.Keys = &spySource{fail: func(context.Context) error { return err }} }
	}
	revoking := func(revoked bool, err error) func(*bearer.Trust) {
		return func(t *bearer.Trust) {
			t.Revocations = revocationsFunc(func(context.Context, bearer.Info) (bool, error) { return revoked, err })
		}
	}
	scope := func(names string) answer {
		return refusalAnswer(http.StatusForbidden, "insufficient_scope", "The access token lacks a required scope", `, scope="`+names+`"`)
	}
	realm := func(a answer, old, new string) answer {
		h := a.header.Clone()
		h.Set("Www-Authenticate", new+h.Get("Www-Authenticate")[len(old):])
		return answer{a.status, h, a.body}
	}
	type guards = []bearer.Guard
	return []situation{
		{name: "admitted", values: good, want: answerServed, found: key},
		{name: "admitted with its scopes and role", values: good, guards: guards{bearer.RequireScope("write", "read"), bearer.RequireRole("boss", "clerk")}, want: answerServed, found: key},
		{name: "admitted with a predicate", values: good, guards: predicate(nil), want: answerServed, found: key},

		{name: "no credential", want: answerMissing, cause: bearer.ErrMissing},
		{name: "no credential but a guard", guards: guards{bearer.RequireScope("read")}, want: answerMissing, cause: bearer.ErrMissing},
		{name: "another scheme", values: []string{"Basic dXNlcjpwYXNz"}, want: answerMissing, cause: bearer.ErrMissing},
		{name: "a custom realm", opts: []bearer.MiddlewareOption{bearer.WithRealm("the shop's API")}, want: realm(answerMissing, `Bearer realm="api"`, `Bearer realm="the shop's API"`), cause: bearer.ErrMissing},
		{name: "a custom realm and an error", values: []string{"Bearer x"}, opts: []bearer.MiddlewareOption{bearer.WithRealm("shop")}, want: realm(answerInvalid, `Bearer realm="api"`, `Bearer realm="shop"`), cause: bearer.ErrMalformed},

		{name: "two headers", values: append(good, good...), want: answerBadRequest, cause: bearer.ErrRequest},
		{name: "a malformed header", values: []string{"Bearer"}, want: answerBadRequest, cause: bearer.ErrRequest},
		{name: "malformed", values: []string{"Bearer x"}, want: answerInvalid, cause: bearer.ErrMalformed},
		{name: "expired", values: with(payloadWith("exp", "1")), want: answerExpired, cause: bearer.ErrExpired, found: key},
		{name: "not yet valid", values: with(payloadWith("nbf", "1872366400")), want: answerInvalid, cause: bearer.ErrNotYetValid, found: key},
		{name: "another issuer", values: with(payloadWith("iss", `"x"`)), want: answerInvalid, cause: bearer.ErrIssuer, found: key},
		{name: "another audience", values: with(payloadWith("aud", `"x"`)), want: answerInvalid, cause: bearer.ErrAudience, found: key},
		{name: "another's signature", values: []string{"Bearer " + forge(t, attacker, header(attacker), goodPayload(""))}, want: answerInvalid, cause: bearer.ErrSignature, found: issuer},
		{name: "an unknown key", values: []string{"Bearer " + forge(t, attacker, `{"alg":"HS256","kid":"canary"}`, goodPayload(""))}, want: answerInvalid, cause: bearer.ErrUnknownKey, found: issuer},
		{name: "an unknown algorithm", values: []string{"Bearer " + forge(t, attacker, `{"alg":"canary"}`, goodPayload(""))}, want: answerInvalid, cause: bearer.ErrUnknownKey, found: issuer},
		{name: "another type", values: []string{"Bearer " + forge(t, k, `{"alg":"HS256","typ":"dpop+jwt"}`, goodPayload(""))}, want: answerInvalid, cause: bearer.ErrTokenType, found: issuer},
		{name: "invalid claims", values: with(payloadWith("exp", "")), want: answerInvalid, cause: bearer.ErrClaims, found: key},
		{name: "revoked", values: good, edit: revoking(true, nil), want: answerInvalid, cause: bearer.ErrRevoked, found: key},

		{name: "a scope is missing", values: good, guards: guards{bearer.RequireScope("admin")}, want: scope("admin"), cause: bearer.ErrForbidden, found: key},
		{name: "one of two scopes is missing", values: good, guards: guards{bearer.RequireScope("read", "admin:all")}, want: scope("read admin:all"), cause: bearer.ErrForbidden, found: key},
		{name: "the second guard's scope is missing", values: good, guards: guards{bearer.RequireScope("read"), bearer.RequireScope("a", "b")}, want: scope("a b"), cause: bearer.ErrForbidden, found: key},
		{name: "scopes have a case", values: good, guards: guards{bearer.RequireScope("READ")}, want: scope("READ"), cause: bearer.ErrForbidden, found: key},
		{name: "a role is missing", values: good, guards: guards{bearer.RequireRole("boss", "Clerk")}, want: answerForbidden, cause: bearer.ErrForbidden, found: key},
		{name: "a scope is no role", values: good, guards: guards{bearer.RequireRole("read")}, want: answerForbidden, cause: bearer.ErrForbidden, found: key},
		{name: "the first guard that refuses answers", values: good, guards: guards{bearer.RequireRole("boss"), bearer.RequireScope("admin")}, want: answerForbidden, cause: bearer.ErrForbidden, found: key},
		{name: "a predicate", values: good, guards: predicate(errors.New("canary")), want: answerForbidden, cause: bearer.ErrForbidden, found: key},
		{name: "a predicate with a sentinel of its own", values: good, guards: predicate(io.EOF), want: answerForbidden, cause: bearer.ErrForbidden, found: key},
		{name: "a predicate says unavailable", values: good, guards: predicate(fmt.Errorf("canary: %w", bearer.ErrUnavailable)), want: answerUnchecked, cause: bearer.ErrUnavailable, found: key},
		{name: "a predicate says revoked", values: good, guards: predicate(fmt.Errorf("canary: %w", bearer.ErrRevoked)), want: answerInvalid, cause: bearer.ErrRevoked, found: key},
		{name: "a predicate says expired", values: good, guards: predicate(bearer.ErrExpired), want: answerExpired, cause: bearer.ErrExpired, found: key},
		{name: "a predicate says no credential", values: good, guards: predicate(bearer.ErrMissing), want: answerMissing, cause: bearer.ErrMissing, found: key},
		{name: "a predicate says bad request", values: good, guards: predicate(bearer.ErrRequest), want: answerBadRequest, cause: bearer.ErrRequest, found: key},
		{name: "a predicate says forbidden", values: good, guards: predicate(bearer.ErrForbidden), want: answerForbidden, cause: bearer.ErrForbidden, found: key},
		{name: "RequireScope without a name", values: good, guards: guards{bearer.RequireScope()}, want: answerForbidden, cause: bearer.ErrForbidden, found: key},
		{name: "RequireScope with an empty name", values: with(payloadWith("scp", `[""]`)), guards: guards{bearer.RequireScope("")}, want: answerForbidden, cause: bearer.ErrForbidden, found: key},
		{name: "RequireScope with two names in one", values: with(payloadWith("scp", `["a b"]`)), guards: guards{bearer.RequireScope("a b")}, want: answerForbidden, cause: bearer.ErrForbidden, found: key},
		{name: "RequireScope with a quote", values: with(payloadWith("scp", `["a\""]`)), guards: guards{bearer.RequireScope(`a"`)}, want: answerForbidden, cause: bearer.ErrForbidden, found: key},
		{name: "RequireScope with a line break", values: with(payloadWith("scp", `["a\r\nX: y"]`)), guards: guards{bearer.RequireScope("a\r\nX: y")}, want: answerForbidden, cause: bearer.ErrForbidden, found: key},
		{name: "RequireScope with a good and a bad name", values: good, guards: guards{bearer.RequireScope("read", "é")}, want: answerForbidden, cause: bearer.ErrForbidden, found: key},
		{name: "RequireRole without a name", values: good, guards: guards{bearer.RequireRole()}, want: answerForbidden, cause: bearer.ErrForbidden, found: key},
		{name: "RequireRole with an empty name", values: with(payloadWith("role", `""`)), guards: guards{bearer.RequireRole("")}, want: answerForbidden, cause: bearer.ErrForbidden, found: key},

		{name: "keys are out of reach", values: good, edit: failing(errStore), want: answerUnchecked, cause: bearer.ErrUnavailable, found: issuer},
		{name: "keys are out of reach for a time", values: good, edit: failing(context.DeadlineExceeded), want: answerUnchecked, cause: bearer.ErrUnavailable, found: issuer},
		{name: "a source gave up for reasons of its own", values: good, edit: failing(context.Canceled), want: answerUnchecked, cause: bearer.ErrUnavailable, found: issuer},
		{name: "a source blames the token", values: good, edit: failing(bearer.ErrSignature), want: answerUnchecked, cause: bearer.ErrUnavailable, found: issuer},
		{name: "revocations are out of reach", values: good, edit: revoking(false, errStore), want: answerUnchecked, cause: bearer.ErrUnavailable, found: key},
		{name: "revocations fail with an answer", values: good, edit: revoking(true, errStore), want: answerUnchecked, cause: bearer.ErrUnavailable, found: key},
		{name: "revocations blame the token", values: good, edit: revoking(false, bearer.ErrExpired), want: answerUnchecked, cause: bearer.ErrUnavailable, found: key},

		{name: "a nil guard", values: good, guards: guards{nil}, want: answerFault, cause: errAny, found: key},
		{name: "a guard for other claims", values: good, guards: guards{bearer.Require(func(context.Context, bearer.Claims) error { return nil })}, want: answerFault, cause: errAny, found: key},
		{name: "a predicate that is nil", values: good, guards: guards{bearer.Require[map[string]any](nil)}, want: answerFault, cause: errAny, found: key},

		{name: "optional: no credential", opts: []bearer.MiddlewareOption{bearer.WithOptional()}, want: answerServed, cause: errNoEvent},
		{name: "optional: another scheme", values: []string{"Basic x"}, opts: []bearer.MiddlewareOption{bearer.WithOptional()}, want: answerServed, cause: errNoEvent},
		{name: "optional: a good token", values: good, opts: []bearer.MiddlewareOption{bearer.WithOptional()}, want: answerServed, found: key},
		{name: "optional: a bad token", values: with(payloadWith("exp", "1")), opts: []bearer.MiddlewareOption{bearer.WithOptional()}, want: answerExpired, cause: bearer.ErrExpired, found: key},
		{name: "optional: a malformed header", values: []string{"Bearer"}, opts: []bearer.MiddlewareOption{bearer.WithOptional()}, want: answerBadRequest, cause: bearer.ErrRequest},
		{name: "optional: a guard wants a token", guards: guards{bearer.RequireScope("read")}, opts: []bearer.MiddlewareOption{bearer.WithOptional()}, want: answerMissing, cause: bearer.ErrMissing},
		{name: "optional: keys are out of reach", values: good, edit: failing(errStore), opts: []bearer.MiddlewareOption{bearer.WithOptional()}, want: answerUnchecked, cause: bearer.ErrUnavailable, found: issuer},
	}
}

var (
	errAny     = errors.New("any error that is no sentinel")
	errNoEvent = errors.New("nothing was decided")
)

// Every answer goes through a real server, where it must be the same for GET,
// HEAD and POST. Date and Content-Length are net/http's own.
func TestAnswers(t *testing.T) {
	k := newKey(t, keys.HS256, keys.WithID("1"))
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	defer client.CloseIdleConnections()
	for _, s := range situations(t, k) {
		t.Run(s.name, func(t *testing.T) {
			trust := trust(static(t, k))
			if s.edit != nil {
				s.edit(&trust)
			}
			var events eventLog
			m := newMiddleware[map[string]any](t, trust, append(s.opts, events.option())...)
			var ran, withClaims atomic.Int32
			server := httptest.NewServer(m.Guard(s.guards...)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				ran.Add(1)
				if _, ok := bearer.FromContext[map[string]any](r.Context()); ok {
					withClaims.Add(1)
				}
				w.WriteHeader(http.StatusNoContent)
			})))
			defer server.Close()
			methods := []string{http.MethodGet, http.MethodHead, http.MethodPost}
			for _, method := range methods {
				r, err := http.NewRequestWithContext(t.Context(), method, server.URL, nil)
				if err != nil {
					t.Fatal(err)
				}
				if s.values != nil {
					r.Header["Authorization"] = s.values
				}
				response, err := client.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				response.Header.Del("Date")
				response.Header.Del("Content-Length")
				want := s.want
				if method == http.MethodHead {
					want.body = ""
				}
				checkAnswer(t, response, want)
				response.Body.Close()
			}
			admitted, known := 0, 0
			if s.want.status == http.StatusNoContent {
				admitted = len(methods)
			}
			if s.cause == nil {
				known = len(methods)
			}
			if int(ran.Load()) != admitted || int(withClaims.Load()) != known {
				t.Errorf("the handler ran %d times, %d times with claims, want %d and %d", ran.Load(), withClaims.Load(), admitted, known)
			}
			checkEvents(t, events.all(), len(methods), s.cause, s.found, k)
		})
	}
}

// checkEvents asserts n equal events that say what was proven and no more.
func checkEvents(t *testing.T, events []bearer.Event, n int, cause error, f found, k *keys.Key) {
	t.Helper()
	want := bearer.Event{Kind: bearer.EventVerified, Cause: cause}
	switch {
	case cause == errNoEvent:
		n = 0
	case cause != nil:
		want.Kind = bearer.EventRefused
	}
	if f >= issuer {
		want.Issuer = testIssuer
	}
	if f >= key {
		want.KeyID, want.Algorithm = k.ID(), k.Algorithm()
	}
	if len(events) != n {
		t.Fatalf("%d events, want %d: %v", len(events), n, events)
	}
	for _, e := range events {
		if e.Duration < 0 {
			t.Errorf("a duration of %v", e.Duration)
		}
		e.Duration = 0
		e.Cached = false // from the second on, where the first was admitted
		if want.Cause == errAny && e.Cause != nil && isOneSentinel(e.Cause, nil) {
			e.Cause = errAny
		}
		if e != want {
			t.Errorf("event %+v, want %+v", e, want)
		}
	}
}

// A Middleware that nobody configured refuses everything, at once.
func TestZeroMiddleware(t *testing.T) {
	for name, m := range map[string]*bearer.Middleware[map[string]any]{"zero": {}, "nil": nil} {
		t.Run(name, func(t *testing.T) {
			for _, values := range [][]string{nil, {"Bearer x"}, {"Bearer"}} {
				r := httptest.NewRequest(http.MethodGet, "/", nil)
				r.Header["Authorization"] = values
				send(t, m, r, bearer.ErrUnavailable)
			}
			token, err := m.Verify(t.Context(), "x")
			checkCause(t, err, bearer.ErrUnavailable)
			if token != nil {
				t.Error("a token came beside the error")
			}
		})
	}
}

// WithErrorHandler writes the whole answer: nothing is written before it.
func TestErrorHandler(t *testing.T) {
	k := newKey(t, keys.HS256)
	var got []*bearer.Refusal
	m := newMiddleware[map[string]any](t, trust(static(t, k)), bearer.WithErrorHandler(func(w http.ResponseWriter, r *http.Request, refusal *bearer.Refusal) {
		if r.URL.Path != "/path" {
			t.Errorf("it was given another request: %s", r.URL)
		}
		got = append(got, refusal)
		w.Header().Set("X-Own", "yes")
		w.WriteHeader(http.StatusTeapot)
	}))
	ran := 0
	handler := m.Guard(bearer.RequireScope("read"))(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { ran++ }))
	for _, test := range []struct {
		value string
		cause error
	}{
		{"", bearer.ErrMissing},
		{"Bearer", bearer.ErrRequest},
		{"Bearer x", bearer.ErrMalformed},
		{"Bearer " + forge(t, k, header(k), goodPayload("")), bearer.ErrForbidden},
		{"Bearer " + forge(t, k, header(k), payloadWith("scope", `"read"`)), nil},
	} {
		got = nil
		r := httptest.NewRequest(http.MethodGet, "/path", nil)
		r.Header.Set("Authorization", test.value)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if test.cause == nil {
			if len(got) != 0 || ran != 1 {
				t.Errorf("a good token met the error handler %d times and the handler %d times", len(got), ran)
			}
			continue
		}
		checkAnswer(t, w.Result(), answer{http.StatusTeapot, http.Header{"X-Own": {"yes"}}, ""})
		if len(got) != 1 || ran != 0 {
			t.Fatalf("%q met the error handler %d times and the handler %d times", test.value, len(got), ran)
		}
		checkCause(t, got[0], test.cause)
	}
}

// A client that went away is not an outage: nobody is to be woken for it.
func TestClientGone(t *testing.T) {
	k := newKey(t, keys.HS256, keys.WithID("1"))
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	wait := func(ctx context.Context) error {
		<-ctx.Done()
		return fmt.Errorf("waiting for keys: %w", ctx.Err())
	}
	for name, test := range map[string]struct {
		edit  func(*bearer.Trust)
		found found
	}{
		"keys": {func(t *bearer.Trust) { t.Keys = &spySource{fail: wait} }, issuer},
		"revocations": {func(t *bearer.Trust) {
			t.Revocations = revocationsFunc(func(ctx context.Context, _ bearer.Info) (bool, error) { return false, wait(ctx) })
		}, key},
		"revocations with an error of their own": {func(t *bearer.Trust) {
			t.Revocations = revocationsFunc(func(ctx context.Context, _ bearer.Info) (bool, error) { return false, errStore })
		}, key},
	} {
		t.Run(name, func(t *testing.T) {
			trust := trust(static(t, k))
			test.edit(&trust)
			var events eventLog
			m := newMiddleware[map[string]any](t, trust, events.option())
			r := httptest.NewRequestWithContext(gone, http.MethodGet, "/", nil)
			r.Header.Set("Authorization", "Bearer "+forge(t, k, header(k), goodPayload("")))
			_, err := m.Admit(r)
			var refusal *bearer.Refusal
			if !errors.As(err, &refusal) || !isOneSentinel(err, nil) {
				t.Errorf("Admit: %v", err)
			}
			checkEvents(t, events.all(), 1, errAny, test.found, k)
			w := httptest.NewRecorder()
			refusal.ServeHTTP(w, r)
			checkAnswer(t, w.Result(), answerUnchecked)
		})
	}
	// What needs nobody else is decided all the same.
	r := httptest.NewRequestWithContext(gone, http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer "+forge(t, k, header(k), goodPayload("")))
	send(t, attackedBy(t, k), r, nil)
}
