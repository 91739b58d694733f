package bearerecho_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/adapters/bearerecho"
	"github.com/gobearer/bearer/bearertest"
	"github.com/gobearer/bearer/keys"
	"github.com/labstack/echo/v5"
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

// show prints how handler answers a request with token.
func show(handler http.Handler, path, token string) {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	fmt.Println(strings.TrimSpace(fmt.Sprint(path, " ", w.Code, " ", w.Body)))
}

func ExampleMiddleware() {
	issuer := exampleIssuer()
	auth, err := bearer.NewMiddleware[bearer.Claims](issuer.Trust())
	if err != nil {
		log.Fatal(err)
	}
	hello := func(c *echo.Context) error {
		claims, _ := bearerecho.Claims[bearer.Claims](c)
		return c.String(http.StatusOK, "hello, "+claims.Subject)
	}

	e := echo.New()
	e.GET("/healthz", func(c *echo.Context) error { return c.NoContent(http.StatusOK) }) // public
	group := e.Group("", bearerecho.Middleware(auth))
	group.GET("/me", hello)
	group.GET("/desk", hello, bearerecho.Middleware(auth, bearer.RequireRole("clerk")))
	group.GET("/safe", hello, bearerecho.Middleware(auth, bearer.RequireRole("boss")))

	token := tokenFor(issuer)
	show(e, "/healthz", "")
	show(e, "/me", "")
	show(e, "/me", token)
	show(e, "/desk", token)
	show(e, "/safe", token)
	// Output:
	// /healthz 200
	// /me 401
	// /me 200 hello, 1087
	// /desk 200 hello, 1087
	// /safe 403 {"error":"insufficient_scope","error_description":"The access token does not permit this request"}
}

// An HTTPErrorHandler that is to write refusals itself gets them uncommitted from
// a middleware whose own error handler writes no more than their headers.
func ExampleMiddleware_errorHandler() {
	leaveToEcho := func(w http.ResponseWriter, _ *http.Request, refusal *bearer.Refusal) {
		maps.Copy(w.Header(), refusal.Header())
	}
	auth, err := bearer.NewMiddleware[bearer.Claims](exampleIssuer().Trust(), bearer.WithErrorHandler(leaveToEcho))
	if err != nil {
		log.Fatal(err)
	}
	e := echo.New()
	usual := e.HTTPErrorHandler
	e.HTTPErrorHandler = func(c *echo.Context, err error) {
		var refusal *bearer.Refusal
		if !errors.As(err, &refusal) {
			usual(c, err)
			return
		}
		c.Response().Header().Set("Content-Type", "application/problem+json")
		_ = c.JSON(refusal.StatusCode(), map[string]string{"title": "Log in first"})
	}
	e.GET("/me", func(*echo.Context) error { return nil }, bearerecho.Middleware(auth))
	show(e, "/me", "")
	// Output: /me 401 {"title":"Log in first"}
}

// A handler alone is tested with claims in its request, without keys or tokens.
func ExampleClaims() {
	handler := func(c *echo.Context) error {
		claims, _ := bearerecho.Claims[bearer.Claims](c)
		return c.String(http.StatusOK, "hello, "+claims.Subject)
	}

	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/me", nil)
	c := echo.New().NewContext(bearertest.WithClaims(r, bearer.Claims{Subject: "alice"}), w)
	if err := handler(c); err != nil {
		log.Fatal(err)
	}
	fmt.Println(w.Body)
	// Output: hello, alice
}

func ExampleMount() {
	e := echo.New()
	bearerecho.Mount(e, exampleIssuer())

	login := `{"userName":"tom","password":"correct horse","privateToken":"0d6c"}`
	for _, method := range []string{http.MethodPost, http.MethodGet} {
		r := httptest.NewRequest(method, "/token", strings.NewReader(login))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		fmt.Println(method, w.Code, strings.Contains(w.Body.String(), "access_token"))
	}
	// Output:
	// POST 200 true
	// GET 405 false
}
