package bearertest

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/keys"
)

// Claims are the claims of a [Conformance] test's tokens.
type Claims struct {
	Subject string `json:"sub"`
}

// A Route is what a [Conformance] test wants wired into a router: one path, for
// every method, behind Middleware.
type Route struct {
	Path       string
	Middleware *bearer.Middleware[Claims]

	// Guards has one element for each level of groups, the outermost first: on
	// each of them stands Middleware with that level's guards, which may be none.
	Guards [][]bearer.Guard

	// Saw is for the handler, which calls it with the claims that it found, by the
	// means of its router, and answers 204 without a body.
	Saw func(claims Claims, ok bool)
}

// A Row is a request and its answer. The answer is the same for every method, but
// for the body, which HEAD has none of.
type Row struct {
	Name string

	Authorization []string // the headers of this name
	Trust         bearer.Trust
	Options       []bearer.MiddlewareOption
	Guards        [][]bearer.Guard // as in Route

	Status int
	Header http.Header // all of them, but Date and Content-Length, which are net/http's
	Body   string

	Handled bool   // whether the handler runs
	Subject string // of the claims that it sees; empty: it sees none
	Cause   error  // what the observer is told, by errors.Is; nil with a refusal: the service's own fault
}

// Conformance tests that what wire makes of a Route gives the answers of the
// table [Rows], on a real server: their status, every header, the whole body,
// whether the handler ran, the claims that it saw, what the observer heard, and
// that a token is verified once. Headers that the router adds by itself are named
// in added, and not compared.
func Conformance(t *testing.T, wire func(Route) http.Handler, added ...string) {
	t.Helper()
	rows := Rows(t)
	client := &http.Client{
		Transport:     &http.Transport{DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	defer client.CloseIdleConnections()
	for _, row := range rows {
		t.Run(row.Name, func(t *testing.T) { row.run(t, client, wire, append(added, "Date", "Content-Length")) })
	}
	t.Logf("%d rows, %d requests", len(rows), len(rows)*len(methods))
}

var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodDelete, http.MethodOptions}

// A spy sees what happens behind one request.
type spy struct {
	keys.Source

	mu      sync.Mutex
	lookups int
	claims  []Claims
	found   []bool
	events  []bearer.Event
}

// Lookup stands for a verification, of which it is a part.
func (s *spy) Lookup(ctx context.Context, h keys.Header) ([]*keys.Key, error) {
	s.mu.Lock()
	s.lookups++
	s.mu.Unlock()
	return s.Source.Lookup(ctx, h)
}

func (s *spy) observe(_ context.Context, e bearer.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, e)
}

func (s *spy) saw(claims Claims, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.claims, s.found = append(s.claims, claims), append(s.found, ok)
}

func (row Row) run(t *testing.T, client *http.Client, wire func(Route) http.Handler, ignored []string) {
	for _, method := range methods {
		s := &spy{Source: row.Trust.Keys}
		trust := row.Trust
		trust.Keys = s
		m, err := bearer.NewMiddleware[Claims](trust, append(slices.Clone(row.Options), bearer.WithObserver(s.observe))...)
		if err != nil {
			t.Fatal(err)
		}
		const path = "/resource"
		server := httptest.NewServer(wire(Route{path, m, row.Guards, s.saw}))
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if row.Authorization != nil {
			r.Header["Authorization"] = row.Authorization
		}
		response, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		server.Close() // waits for the handler
		if err != nil {
			t.Fatal(err)
		}
		row.check(t, response, string(body), ignored)
		s.check(t, row, method)
	}
}

func (row Row) check(t *testing.T, response *http.Response, body string, ignored []string) {
	t.Helper()
	method := response.Request.Method
	if response.StatusCode != row.Status {
		t.Errorf("%s: status %d, want %d", method, response.StatusCode, row.Status)
	}
	got, want := response.Header.Clone(), row.Header.Clone()
	for _, name := range ignored {
		got.Del(name)
		want.Del(name)
	}
	if !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("%s: header\n%q, want\n%q", method, got, want)
	}
	wantBody := row.Body
	if method == http.MethodHead {
		wantBody = ""
	}
	if body != wantBody {
		t.Errorf("%s: body %q, want %q", method, body, wantBody)
	}
}

func (s *spy) check(t *testing.T, row Row, method string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	var claims []Claims
	var found []bool
	if row.Handled {
		claims, found = []Claims{{row.Subject}}, []bool{row.Subject != ""}
	}
	if !reflect.DeepEqual(s.claims, claims) || !slices.Equal(s.found, found) {
		t.Errorf("%s: the handler ran %d times and saw %+v, %t, want %+v, %t", method, len(s.claims), s.claims, s.found, claims, found)
	}
	if s.lookups > 1 {
		t.Errorf("%s: one token was verified %d times", method, s.lookups)
	}
	verified := 0
	var refused []error
	for _, e := range s.events {
		switch e.Kind {
		case bearer.EventVerified:
			verified++
		case bearer.EventRefused:
			refused = append(refused, e.Cause)
		}
	}
	switch {
	case verified > 1, row.Subject != "" && verified != 1:
		t.Errorf("%s: the observer heard of %d verifications", method, verified)
	case row.Handled && len(refused) > 0:
		t.Errorf("%s: the observer heard of refusals: %v", method, refused)
	case !row.Handled && len(refused) != 1:
		t.Errorf("%s: the observer heard of %d refusals, want 1: %v", method, len(refused), refused)
	case !row.Handled && (refused[0] == nil || row.Cause != nil && !errors.Is(refused[0], row.Cause)):
		t.Errorf("%s: the observer was told %v, want %v", method, refused[0], row.Cause)
	}
}
