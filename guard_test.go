package bearer_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/keys"
)

// Where a Guard stands below a Wrap, the token is verified once, and never
// taken for another's.
func TestGuardBelowWrap(t *testing.T) {
	k := newKey(t, keys.HS256, keys.WithID("1"))
	reader := "Bearer " + forge(t, k, header(k), payloadWith("scope", `"read"`))
	admin := "Bearer " + forge(t, k, header(k), payloadWith("sub", `"admin"`, "scope", `"read write"`))
	stale := "Bearer " + forge(t, k, header(k), payloadWith("exp", "1"))
	set := func(values ...string) func(*http.Request) {
		return func(r *http.Request) { r.Header["Authorization"] = values }
	}
	remove := func(r *http.Request) { r.Header.Del("Authorization") }
	for _, test := range []struct {
		name    string
		between func(*http.Request) // changes the request below the Wrap
		other   bool                // the Guard is another middleware's, for the same trust
		guard   bearer.Guard
		want    answer
		lookups int
		subject string // what the handler sees; empty: it does not run
		events  []string
	}{
		{"the request is the same", nil, false, bearer.RequireScope("read"), answerServed, 1, "1087", []string{"verified"}},
		{"the guard refuses", nil, false, bearer.RequireRole("x"), answerForbidden, 1, "", []string{"verified", "refused"}},
		{"the header was removed, as a sub-request of nobody's has none", remove, false, bearer.RequireScope("read"), answerMissing, 1, "", []string{"verified", "refused"}},
		{"the header is another's", set(admin), false, bearer.RequireScope("write"), answerServed, 2, "admin", []string{"verified", "verified"}},
		{"the header is another's, expired", set(stale), false, bearer.RequireScope("read"), answerExpired, 2, "", []string{"verified", "refused"}},
		{"the header is another scheme's", set("Basic x"), false, bearer.RequireScope("read"), answerMissing, 1, "", []string{"verified", "refused"}},
		{"the header is empty", set(""), false, bearer.RequireScope("read"), answerMissing, 1, "", []string{"verified", "refused"}},
		{"a second header was added", set(reader, admin), false, bearer.RequireScope("read"), answerBadRequest, 1, "", []string{"verified", "refused"}},
		{"another middleware verifies again", nil, true, bearer.RequireScope("read"), answerServed, 2, "1087", []string{"verified", "verified"}},
		{"another middleware misses a removed header", remove, true, bearer.RequireScope("read"), answerMissing, 1, "", []string{"verified", "refused"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			spy := &spySource{Source: static(t, k)}
			var events eventLog
			outer := newMiddleware[map[string]any](t, trust(spy), events.option())
			inner := outer
			if test.other {
				inner = newMiddleware[map[string]any](t, trust(spy), events.option())
			}
			subject, ran := "", false
			guarded := inner.Guard(test.guard)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				ran = true
				info, _ := bearer.InfoFromContext(r.Context())
				claims, _ := bearer.FromContext[map[string]any](r.Context())
				if subject = info.Subject; claims["sub"] != subject {
					t.Errorf("claims of %v beside the Info of %s", claims["sub"], subject)
				}
				w.WriteHeader(http.StatusNoContent)
			}))
			handler := outer.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if test.between != nil {
					r = r.Clone(r.Context())
					test.between(r)
				}
				guarded.ServeHTTP(w, r)
			}))
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header.Set("Authorization", reader)
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			checkAnswer(t, w.Result(), test.want)
			if subject != test.subject || ran != (test.subject != "") {
				t.Errorf("the handler ran: %t, for %q, want %q", ran, subject, test.subject)
			}
			if n := spy.calls(); n != test.lookups {
				t.Errorf("%d lookups, want %d", n, test.lookups)
			}
			var kinds []string
			for _, e := range events.all() {
				kinds = append(kinds, e.Kind)
			}
			if !slices.Equal(kinds, test.events) {
				t.Errorf("events %v, want %v", kinds, test.events)
			}
		})
	}
}

// The innermost middleware's token is the one that InfoFromContext shows, also
// where it had admitted the request before another one did.
func TestInnermostMiddleware(t *testing.T) {
	type user struct {
		Name string `json:"sub"`
	}
	k := newKey(t, keys.HS256)
	a := newMiddleware[map[string]any](t, trust(static(t, k)))
	b := newMiddleware[user](t, trust(static(t, k)))
	alice := "Bearer " + forge(t, k, header(k), payloadWith("sub", `"alice"`))
	bob := "Bearer " + forge(t, k, header(k), payloadWith("sub", `"bob"`))
	check := func(t *testing.T, r *http.Request, innermost string) {
		t.Helper()
		info, _ := bearer.InfoFromContext(r.Context())
		claims, _ := bearer.FromContext[map[string]any](r.Context())
		u, _ := bearer.FromContext[user](r.Context())
		if info.Subject != innermost || claims["sub"] != "alice" || u.Name != "bob" {
			t.Errorf("Info of %q, map of %q, user %q, want the Info of %q", info.Subject, claims["sub"], u.Name, innermost)
		}
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", alice)
	r, err := a.Admit(r)
	if err != nil {
		t.Fatal(err)
	}
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", bob)
	if r, err = b.Admit(r); err != nil {
		t.Fatal(err)
	}
	check(t, r, "bob")
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", alice)
	if r, err = a.Admit(r); err != nil {
		t.Fatal(err)
	}
	check(t, r, "alice")
}

// NewContext is for tests of handlers: no middleware takes it for an admission,
// and nothing else finds claims of another type through it.
func TestNewContext(t *testing.T) {
	type user struct {
		Name string `json:"sub"`
	}
	token := &bearer.Token[user]{Info: bearer.Info{Subject: "alice", Scopes: []string{"read"}}, Claims: user{"alice"}}
	ctx := bearer.NewContext(t.Context(), token)
	if u, ok := bearer.FromContext[user](ctx); !ok || u.Name != "alice" {
		t.Errorf("FromContext: %v, %t", u, ok)
	}
	if info, ok := bearer.InfoFromContext(ctx); !ok || info.Subject != "alice" {
		t.Errorf("InfoFromContext: %v, %t", info, ok)
	}
	if c, ok := bearer.FromContext[map[string]any](ctx); ok || c != nil {
		t.Errorf("claims of another type: %v, %t", c, ok)
	}
	m := newMiddleware[user](t, trust(static(t, newKey(t, keys.HS256))))
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil)
	if _, err := m.Admit(r); !errors.Is(err, bearer.ErrMissing) {
		t.Errorf("a forged context was admitted: %v", err)
	}
	if ctx := bearer.NewContext[user](t.Context(), nil); ctx != t.Context() {
		t.Error("a nil token changed the context")
	}
	if _, ok := bearer.InfoFromContext(t.Context()); ok {
		t.Error("an Info came from nowhere")
	}
}

// A slice that is changed after the guards were made changes no guard.
func TestGuardsAreCopied(t *testing.T) {
	k := newKey(t, keys.HS256)
	m := attackedBy(t, k)
	scopes, roles := []string{"admin"}, []string{"boss"}
	guards := []bearer.Guard{bearer.RequireScope(scopes...), bearer.RequireRole(roles...)}
	ran := false
	handler := m.Guard(guards...)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { ran = true }))
	scopes[0], roles[0] = "read", "clerk"
	guards[0], guards[1] = allow, allow
	for _, payload := range []string{payloadWith("scope", `"read"`, "role", `"boss"`), payloadWith("scope", `"admin"`, "role", `"clerk"`)} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", "Bearer "+forge(t, k, header(k), payload))
		handler.ServeHTTP(httptest.NewRecorder(), r)
		if ran {
			t.Fatalf("admitted %s", payload)
		}
	}
}

func allow(context.Context) error { return nil }

// A guard that somebody calls by itself finds no token and refuses.
func TestGuardOutsideOfMiddleware(t *testing.T) {
	for name, g := range map[string]bearer.Guard{
		"RequireScope": bearer.RequireScope("read"),
		"RequireRole":  bearer.RequireRole("clerk"),
		"Require":      bearer.Require(func(context.Context, map[string]any) error { return nil }),
	} {
		if err := g(t.Context()); err == nil {
			t.Errorf("%s admits", name)
		}
	}
}
