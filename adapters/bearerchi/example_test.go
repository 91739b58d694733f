package bearerchi_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/adapters/bearerchi"
	"github.com/gobearer/bearer/keys"
	"github.com/rs/cors"
)

// exampleIssuer has one account, tom, who is a clerk.
func exampleIssuer() *bearer.Issuer {
	key, err := keys.Generate(keys.HS256)
	if err != nil {
		log.Fatal(err)
	}
	ring, err := keys.NewRing(key)
	if err != nil {
		log.Fatal(err)
	}
	authenticate := func(_ context.Context, c bearer.Credentials) (*bearer.Account, error) {
		if c.UserName != "tom" { // and compare the hashes of the secrets
			return nil, bearer.ErrBadCredentials
		}
		return &bearer.Account{ID: "1087", UserName: "tom", Roles: []string{"clerk"}}, nil
	}
	issuer, err := bearer.NewIssuer("https://api.example", ring, bearer.AuthenticatorFunc(authenticate))
	if err != nil {
		log.Fatal(err)
	}
	return issuer
}

// tokenFor makes a token without a login.
func tokenFor(issuer *bearer.Issuer) string {
	response, err := issuer.Issue(context.Background(), &bearer.Account{ID: "1087", UserName: "tom", Roles: []string{"clerk"}}, bearer.ValidityDefault)
	if err != nil {
		log.Fatal(err)
	}
	return response.AccessToken
}

// get prints how handler answers a request with token.
func get(handler http.Handler, path, token string) {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	fmt.Println(strings.TrimSpace(fmt.Sprint(path, " ", w.Code, " ", w.Body)))
}

func Example() {
	issuer := exampleIssuer()
	auth, err := bearer.NewMiddleware[bearer.Claims](issuer.Trust())
	if err != nil {
		log.Fatal(err)
	}
	hello := func(w http.ResponseWriter, r *http.Request) {
		claims, _ := bearer.FromContext[bearer.Claims](r.Context())
		fmt.Fprint(w, "hello, ", claims.Subject)
	}

	router := chi.NewRouter()
	router.Get("/healthz", func(http.ResponseWriter, *http.Request) {}) // public
	router.Group(func(r chi.Router) {
		r.Use(auth.Wrap)
		r.Get("/me", hello)
		r.With(auth.Guard(bearer.RequireRole("clerk"))).Get("/desk", hello)
		r.With(auth.Guard(bearer.RequireRole("boss"))).Get("/safe", hello)
	})

	token := tokenFor(issuer)
	get(router, "/healthz", "")
	get(router, "/me", "")
	get(router, "/me", token)
	get(router, "/desk", token)
	get(router, "/safe", token)
	// Output:
	// /healthz 200
	// /me 401
	// /me 200 hello, 1087
	// /desk 200 hello, 1087
	// /safe 403 {"error":"insufficient_scope","error_description":"The access token does not permit this request"}
}

func ExampleMount() {
	router := chi.NewRouter()
	bearerchi.Mount(router, exampleIssuer())

	login := `{"userName":"tom","password":"correct horse","privateToken":"0d6c"}`
	for _, method := range []string{http.MethodPost, http.MethodGet} {
		r := httptest.NewRequest(method, "/token", strings.NewReader(login))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		router.ServeHTTP(w, r)
		fmt.Println(method, w.Code, strings.Contains(w.Body.String(), "access_token"))
	}
	// Output:
	// POST 200 true
	// GET 405 false
}

// printPreflight prints what the browser of a page on another origin learns before
// it would send a token.
func printPreflight(handler http.Handler) {
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, preflight())
	fmt.Printf("%d, allowed origin %q\n", w.Code, w.Header().Get("Access-Control-Allow-Origin"))
}

// CORS stands in front of the middleware: a preflight carries no token, and a
// page may read a refusal only with CORS's headers on it. The challenge is readable
// where it is named.
func Example_cors() {
	auth, err := bearer.NewMiddleware[bearer.Claims](exampleIssuer().Trust())
	if err != nil {
		log.Fatal(err)
	}
	headers := cors.New(cors.Options{
		AllowedOrigins: []string{"https://app.example"},
		AllowedHeaders: []string{"Authorization", "Content-Type"},
		ExposedHeaders: []string{"WWW-Authenticate"},
	})
	router := chi.NewRouter()
	router.Use(headers.Handler)
	router.Use(auth.Wrap)
	router.Get("/resource", func(http.ResponseWriter, *http.Request) {})
	printPreflight(router)
	// Output: 204, allowed origin "https://app.example"
}

// INCORRECT: with the middleware in front of CORS the preflight is refused, and
// the browser sends no request after it.
func Example_corsIncorrect() {
	auth, err := bearer.NewMiddleware[bearer.Claims](exampleIssuer().Trust())
	if err != nil {
		log.Fatal(err)
	}
	headers := cors.New(cors.Options{
		AllowedOrigins: []string{"https://app.example"},
		AllowedHeaders: []string{"Authorization", "Content-Type"},
		ExposedHeaders: []string{"WWW-Authenticate"},
	})
	router := chi.NewRouter()
	router.Use(auth.Wrap) // WRONG: in front of CORS
	router.Use(headers.Handler)
	router.Get("/resource", func(http.ResponseWriter, *http.Request) {})
	printPreflight(router)
	// Output: 401, allowed origin ""
}
