package bearergin_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/adapters/bearergin"
	"github.com/gobearer/bearer/bearertest"
	"github.com/gobearer/bearer/keys"
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
	hello := func(c *gin.Context) {
		claims, _ := bearergin.Claims[bearer.Claims](c)
		c.String(http.StatusOK, "hello, %s", claims.Subject)
	}

	engine := gin.New()
	engine.GET("/healthz", func(*gin.Context) {}) // public
	group := engine.Group("", bearergin.Middleware(auth))
	group.GET("/me", hello)
	group.GET("/desk", bearergin.Middleware(auth, bearer.RequireRole("clerk")), hello)
	group.GET("/safe", bearergin.Middleware(auth, bearer.RequireRole("boss")), hello)

	token := tokenFor(issuer)
	show(engine, "/healthz", "")
	show(engine, "/me", "")
	show(engine, "/me", token)
	show(engine, "/desk", token)
	show(engine, "/safe", token)
	// Output:
	// /healthz 200
	// /me 401
	// /me 200 hello, 1087
	// /desk 200 hello, 1087
	// /safe 403 {"error":"insufficient_scope","error_description":"The access token does not permit this request"}
}

// INCORRECT: net/http's middleware refuses by not calling the next handler. gin's
// chain goes on all the same: the secret is out, with status 200 where the refusal
// has no body, and behind the refusal's where it has one.
func ExampleMiddleware_incorrect() {
	auth, err := bearer.NewMiddleware[bearer.Claims](exampleIssuer().Trust())
	if err != nil {
		log.Fatal(err)
	}
	engine := gin.New()
	engine.Use(gin.WrapH(auth.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))) // WRONG
	engine.GET("/safe", func(c *gin.Context) { c.String(http.StatusOK, "the secret") })

	show(engine, "/safe", "")
	show(engine, "/safe", "not-a-token")
	// Output:
	// /safe 200 the secret
	// /safe 401 {"error":"invalid_token","error_description":"The access token is invalid"}
	// the secret
}

// A handler alone is tested with claims in its request, without keys or tokens.
func ExampleClaims() {
	handler := func(c *gin.Context) {
		claims, _ := bearergin.Claims[bearer.Claims](c)
		c.String(http.StatusOK, "hello, %s", claims.Subject)
	}

	w := httptest.NewRecorder()
	c, _ := gin.CreateTestContext(w)
	r := httptest.NewRequest(http.MethodGet, "/me", nil)
	c.Request = bearertest.WithClaims(r, bearer.Claims{Subject: "alice"})
	handler(c)
	fmt.Println(w.Body)
	// Output: hello, alice
}

func ExampleMount() {
	engine := gin.New()
	bearergin.Mount(engine, exampleIssuer())

	login := `{"userName":"tom","password":"correct horse","privateToken":"0d6c"}`
	for _, method := range []string{http.MethodPost, http.MethodGet} {
		r := httptest.NewRequest(method, "/token", strings.NewReader(login))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		engine.ServeHTTP(w, r)
		fmt.Println(method, w.Code, strings.Contains(w.Body.String(), "access_token"))
	}
	// Output:
	// POST 200 true
	// GET 405 false
}
