package bearer_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/keys"
)

// A token that is remembered is admitted and refused like any other.
func TestAdmitUncheckedOfARememberedToken(t *testing.T) {
	k := newKey(t, keys.HS256, keys.WithID("1"))
	token := forge(t, k, header(k), goodPayload(""))
	var revoked bool
	var down error
	tr := trust(static(t, k))
	tr.Revocations = revocationsFunc(func(context.Context, bearer.Info) (bool, error) { return revoked, down })
	events := new(eventLog)
	m := newMiddleware[twoStrings](t, tr, bearer.DangerouslyAdmitUnchecked(), events.option())
	warm(t, m, token)
	for _, tt := range []struct {
		revoked bool
		down    error
		want    error
		kind    string
	}{
		{false, nil, nil, bearer.EventVerified},
		{false, errStore, nil, bearer.EventUnchecked},
		{true, nil, bearer.ErrRevoked, bearer.EventRefused},
		{false, nil, nil, bearer.EventVerified},
	} {
		events.since()
		revoked, down = tt.revoked, tt.down
		_, err := m.Verify(t.Context(), token)
		checkCause(t, err, tt.want)
		if got := events.since(); len(got) != 1 || got[0].Kind != tt.kind || !got[0].Cached {
			t.Errorf("%+v, want %s from the cache", got, tt.kind)
		}
	}
}

// DangerouslyAdmitUnchecked is for one failure alone, and says each time that it
// was used.
func TestAdmitUnchecked(t *testing.T) {
	k := newKey(t, keys.HS256, keys.WithID("1"))
	good, bad := forge(t, k, header(k), goodPayload(`,"scope":"read"`)), forge(t, newKey(t, keys.HS256), header(k), goodPayload(""))
	expired := forge(t, k, header(k), payloadWith("exp", "1"))
	answering := func(revoked bool, err error) bearer.Revocations {
		return revocationsFunc(func(context.Context, bearer.Info) (bool, error) { return revoked, err })
	}
	down := answering(false, errStore)
	event := func(kind string, cause error) []bearer.Event {
		return []bearer.Event{{Kind: kind, Cause: cause, Issuer: testIssuer, KeyID: "1", Algorithm: keys.HS256}}
	}
	for _, tt := range []struct {
		name        string
		revocations bearer.Revocations
		token       string
		guards      []bearer.Guard
		source      keys.Source
		gone        bool
		status      int
		events      []bearer.Event
	}{
		{"the store does not answer", down, good, nil, nil, false, 200, event(bearer.EventUnchecked, bearer.ErrUnavailable)},
		{"it is slow", answering(false, context.DeadlineExceeded), good, nil, nil, false, 200, event(bearer.EventUnchecked, bearer.ErrUnavailable)},
		{"its own call was cancelled", answering(false, context.Canceled), good, nil, nil, false, 200, event(bearer.EventUnchecked, bearer.ErrUnavailable)},
		{"it fails with another sentinel", answering(false, fmt.Errorf("x: %w", bearer.ErrExpired)), good, nil, nil, false, 200, event(bearer.EventUnchecked, bearer.ErrUnavailable)},
		{"it fails and says nothing of value beside", answering(true, errStore), good, nil, nil, false, 200, event(bearer.EventUnchecked, bearer.ErrUnavailable)},
		{"a guard passes", down, good, []bearer.Guard{bearer.RequireScope("read")}, nil, false, 200, event(bearer.EventUnchecked, bearer.ErrUnavailable)},

		{"the store answers", answering(false, nil), good, nil, nil, false, 200, event(bearer.EventVerified, nil)},
		{"a revoked token", answering(true, nil), good, nil, nil, false, 401, event(bearer.EventRefused, bearer.ErrRevoked)},
		{"no revocations", nil, good, nil, nil, false, 200, event(bearer.EventVerified, nil)},
		{"an expired token while it is down", down, expired, nil, nil, false, 401, event(bearer.EventRefused, bearer.ErrExpired)},
		{"a guard refuses while it is down", down, good, []bearer.Guard{bearer.RequireScope("admin")}, nil, false, 403, event(bearer.EventRefused, bearer.ErrForbidden)},
		{"a guard is out of reach", answering(false, nil), good, []bearer.Guard{func(context.Context) error { return bearer.ErrUnavailable }}, nil, false, 503, event(bearer.EventRefused, bearer.ErrUnavailable)},
		{"a forged token while it is down", down, bad, nil, nil, false, 401, []bearer.Event{{Kind: bearer.EventRefused, Cause: bearer.ErrSignature, Issuer: testIssuer}}},
		{"no token while it is down", down, "", nil, nil, false, 401, []bearer.Event{{Kind: bearer.EventRefused, Cause: bearer.ErrMissing}}},
		{"the keys are out of reach", answering(false, nil), good, nil, &spySource{fail: func(context.Context) error { return errStore }}, false, 503,
			[]bearer.Event{{Kind: bearer.EventRefused, Cause: bearer.ErrUnavailable, Issuer: testIssuer}}},
		{"the client went away", answering(false, context.Canceled), good, nil, nil, true, 503, nil},
		{"the client went away, and the store is down by our own word", answering(false, bearer.ErrUnavailable), good, nil, nil, true, 503, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tr := trust(static(t, k))
			tr.Revocations = tt.revocations
			if tt.source != nil {
				tr.Keys = tt.source
			}
			events := new(eventLog)
			m := newMiddleware[bearer.Claims](t, tr, bearer.DangerouslyAdmitUnchecked(), events.option())
			runs := 0
			h := m.Guard(tt.guards...)(m.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if c, ok := bearer.FromContext[bearer.Claims](r.Context()); !ok || c.Subject != "1087" {
					t.Errorf("claims %+v", c)
				}
				runs++
			})))
			r := httptest.NewRequest("GET", "/", nil)
			if tt.token != "" {
				r.Header.Set("Authorization", "Bearer "+tt.token)
			}
			if tt.gone {
				ctx, cancel := context.WithCancel(r.Context())
				cancel()
				r = r.WithContext(ctx)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != tt.status || (runs == 1) != (tt.status == 200) || runs > 1 {
				t.Errorf("%d %s, the handler ran %d times", w.Code, w.Body, runs)
			}
			got := events.since()
			if tt.gone {
				if len(got) != 1 || got[0].Kind != bearer.EventRefused || errors.Is(got[0].Cause, bearer.ErrUnavailable) {
					t.Errorf("events %+v", got)
				}
				return
			}
			if !slices.Equal(got, tt.events) {
				t.Errorf("events %+v, want %+v", got, tt.events)
			}
			if len(tt.guards) > 0 || tt.token == "" {
				return
			}
			// Verify decides and reports alike, from what it remembers.
			_, err := m.Verify(t.Context(), tt.token)
			got = events.since()
			for i := range got {
				got[i].Cached = false
			}
			if !slices.Equal(got, tt.events) || (err == nil) != (tt.status == 200) {
				t.Errorf("Verify: %v, events %+v, want %+v", err, got, tt.events)
			}
		})
	}
	t.Run("without it", func(t *testing.T) {
		tr := trust(static(t, k))
		tr.Revocations = down
		events := new(eventLog)
		_, err := newMiddleware[bearer.Claims](t, tr, events.option()).Verify(t.Context(), good)
		if got := events.since(); !errors.Is(err, bearer.ErrUnavailable) || !slices.Equal(got, event(bearer.EventRefused, bearer.ErrUnavailable)) {
			t.Errorf("%v, events %+v", err, got)
		}
	})
}
