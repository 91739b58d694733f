package bearertest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/bearertest"
	"github.com/gobearer/bearer/keys"
)

// fakeT stands for the test's own *testing.T, which an example does not have.
type fakeT struct {
	testing.TB
	cleanups []func()
}

func (t *fakeT) Helper()           {}
func (t *fakeT) Cleanup(f func())  { t.cleanups = append(t.cleanups, f) }
func (t *fakeT) Fatal(args ...any) { log.Fatal(args...) }
func (t *fakeT) end() {
	for _, f := range t.cleanups {
		f()
	}
}

type shopClaims struct {
	Subject string `json:"sub"`
	Shop    string `json:"shop"`
}

// me is a handler to be tested.
func me(w http.ResponseWriter, r *http.Request) {
	claims, ok := bearer.FromContext[shopClaims](r.Context())
	if !ok {
		http.Error(w, "no claims", http.StatusInternalServerError)
		return
	}
	fmt.Fprint(w, claims.Subject, " of ", claims.Shop)
}

// newRouter is a router to be tested.
func newRouter(auth *bearer.Middleware[shopClaims]) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /me", auth.Wrap(http.HandlerFunc(me)))
	mux.Handle("GET /stock", auth.Guard(bearer.RequireScope("stock"))(http.HandlerFunc(me)))
	return mux
}

// A handler alone is tested with claims in its request: no keys, no tokens, no
// middleware.
func ExampleWithClaims() {
	r := httptest.NewRequest(http.MethodGet, "/me", nil)
	w := httptest.NewRecorder()
	me(w, bearertest.WithClaims(r, shopClaims{Subject: "alice", Shop: "Paris"}))
	fmt.Println(w.Code, w.Body)
	// Output: 200 alice of Paris
}

// A handler that reads the Info needs the whole token.
func ExampleWithToken() {
	handler := func(w http.ResponseWriter, r *http.Request) {
		info, _ := bearer.InfoFromContext(r.Context())
		fmt.Fprint(w, info.Subject, " with the scopes ", info.Scopes)
	}
	r := httptest.NewRequest(http.MethodGet, "/me", nil)
	w := httptest.NewRecorder()
	handler(w, bearertest.WithToken(r, &bearer.Token[shopClaims]{
		Info: bearer.Info{Subject: "alice", Scopes: []string{"stock"}},
	}))
	fmt.Println(w.Body)
	// Output: alice with the scopes [stock]
}

// A router is tested with its middleware and guards, and an issuer that makes
// whatever token the test wants. A clock lets them expire.
func ExampleIssuer() {
	t := new(fakeT) // in a test: the *testing.T
	defer t.end()   // in a test: not there

	issuer, clock := bearertest.NewIssuer(t), bearertest.NewClock(time.Now())
	auth, err := bearer.NewMiddleware[shopClaims](issuer.Trust(), bearer.WithClock(clock.Now))
	if err != nil {
		t.Fatal(err)
	}
	router := newRouter(auth)
	get := func(path, token string) {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		router.ServeHTTP(w, r)
		fmt.Println(w.Code, strings.TrimSpace(w.Body.String()))
	}

	alice := issuer.Token(map[string]any{"sub": "alice", "shop": "Paris"})
	get("/me", alice)
	get("/stock", alice)
	get("/stock", issuer.Token(map[string]any{"sub": "bob", "shop": "Rome", "scope": "stock"}))
	get("/me", issuer.Foreign())
	clock.Advance(2 * time.Hour)
	get("/me", alice)
	// Output:
	// 200 alice of Paris
	// 403 {"error":"insufficient_scope","error_description":"The access token lacks a required scope"}
	// 200 bob of Rome
	// 401 {"error":"invalid_token","error_description":"The access token is invalid"}
	// 401 {"error":"invalid_token","error_description":"The access token expired"}
}

// The whole stack, from the login on, runs on a server of the test's own.
func Example() {
	t := new(fakeT) // in a test: the *testing.T

	key, err := keys.Generate(keys.HS256)
	if err != nil {
		t.Fatal(err)
	}
	ring, err := keys.NewRing(key)
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := bearer.NewIssuer("https://shop.example", ring, bearer.AuthenticatorFunc(
		func(_ context.Context, c bearer.Credentials) (*bearer.Account, error) {
			if c.UserName != "alice" || c.Password != "secret" || c.PrivateToken != "0d6c" { // for a test
				return nil, bearer.ErrBadCredentials
			}
			return &bearer.Account{ID: "alice", UserName: "alice", Roles: []string{"clerk"}}, nil
		}))
	if err != nil {
		t.Fatal(err)
	}
	auth, err := bearer.NewMiddleware[bearer.Claims](issuer.Trust())
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	issuer.Mount(mux)
	mux.Handle("GET /desk", auth.Guard(bearer.RequireRole("clerk"))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, _ := bearer.FromContext[bearer.Claims](r.Context())
		fmt.Fprint(w, "hello, ", claims.Subject)
	})))
	server := httptest.NewServer(mux)
	defer server.Close()

	answer, err := http.Post(server.URL+"/token", "application/json", strings.NewReader(`{"userName":"alice","password":"secret","privateToken":"0d6c"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var token bearer.TokenResponse
	if err := json.NewDecoder(answer.Body).Decode(&token); err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequest(http.MethodGet, server.URL+"/desk", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", token.TokenType+" "+token.AccessToken)
	answer, err = http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	fmt.Println(answer.Status)
	// Output: 200 OK
}

// An application's own wiring is tested by the table of answers: here a
// middleware of its own around Admit.
func ExampleConformance() {
	_ = func(t *testing.T) {
		bearertest.Conformance(t, func(route bearertest.Route) http.Handler {
			var handler http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				route.Saw(bearer.FromContext[bearertest.Claims](r.Context()))
				w.WriteHeader(http.StatusNoContent)
			})
			for i := len(route.Guards) - 1; i >= 0; i-- {
				handler = own(route.Middleware, route.Guards[i], handler)
			}
			return handler
		})
	}
}

func own(m *bearer.Middleware[bearertest.Claims], guards []bearer.Guard, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		admitted, err := m.Admit(r, guards...)
		if refusal, ok := err.(*bearer.Refusal); ok {
			refusal.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, admitted)
	})
}
