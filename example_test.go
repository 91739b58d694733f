package bearer_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/keys"
)

// exampleIssuer stands for the issuer whose tokens the examples verify: it
// returns its trust and a token of its own for alice.
func exampleIssuer() (bearer.Trust, string) {
	key, err := keys.Generate(keys.ES256)
	if err != nil {
		log.Fatal(err)
	}
	ring, err := keys.NewRing(key)
	if err != nil {
		log.Fatal(err)
	}
	nobody := bearer.AuthenticatorFunc(func(context.Context, bearer.Credentials) (*bearer.Account, error) {
		return nil, bearer.ErrBadCredentials
	})
	issuer, err := bearer.NewIssuer("https://shop.example.com", ring, nobody)
	if err != nil {
		log.Fatal(err)
	}
	alice := &bearer.Account{ID: "alice", UserName: "alice", Name: "Alice", Roles: []string{"clerk"}, Scopes: []string{"orders:read"}}
	response, err := issuer.Issue(context.Background(), alice, bearer.ValidityShortLive)
	if err != nil {
		log.Fatal(err)
	}
	return issuer.Trust(), response.AccessToken
}

// get requests path with a token and prints the answer.
func get(handler http.Handler, path, token string) {
	server := httptest.NewServer(handler)
	defer server.Close()
	request, err := http.NewRequest(http.MethodGet, server.URL+path, nil)
	if err != nil {
		log.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	fmt.Println(response.Status)
	if challenge := response.Header.Get("WWW-Authenticate"); challenge != "" {
		fmt.Println(" ", challenge)
	}
}

func ExampleMiddleware_Wrap() {
	trust, token := exampleIssuer()
	verify, err := bearer.NewMiddleware[bearer.Claims](trust)
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /me", verify.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		info, _ := bearer.InfoFromContext(r.Context())
		fmt.Println("hello,", info.Subject)
	})))

	get(mux, "/me", token)
	get(mux, "/me", "")
	get(mux, "/me", "not-a-token")
	// Output:
	// hello, alice
	// 200 OK
	// 401 Unauthorized
	//   Bearer realm="api"
	// 401 Unauthorized
	//   Bearer realm="api", error="invalid_token", error_description="The access token is invalid"
}

func ExampleMiddleware_Guard() {
	trust, token := exampleIssuer()
	verify, err := bearer.NewMiddleware[bearer.Claims](trust)
	if err != nil {
		log.Fatal(err)
	}
	ok := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	mux := http.NewServeMux()
	mux.Handle("/read", verify.Guard(bearer.RequireScope("orders:read"))(ok))
	mux.Handle("/write", verify.Guard(bearer.RequireScope("orders:read", "orders:write"))(ok))
	mux.Handle("/desk", verify.Guard(bearer.RequireRole("clerk", "manager"))(ok))

	get(mux, "/read", token)
	get(mux, "/write", token)
	get(mux, "/desk", token)
	// Output:
	// 200 OK
	// 403 Forbidden
	//   Bearer realm="api", error="insufficient_scope", error_description="The access token lacks a required scope", scope="orders:read orders:write"
	// 200 OK
}

// Where a token comes without an HTTP request, ParseAuthorization takes it out
// of what stands for the header and Verify decides on it.
func ExampleMiddleware_Verify() {
	trust, token := exampleIssuer()
	verify, err := bearer.NewMiddleware[bearer.Claims](trust)
	if err != nil {
		log.Fatal(err)
	}
	metadata := "Bearer " + token // of a gRPC call, for example

	raw, err := bearer.ParseAuthorization(metadata)
	if err != nil {
		log.Fatal(err)
	}
	verified, err := verify.Verify(context.Background(), raw)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(verified.Subject, verified.Roles, verified.ExpiresAt.Sub(verified.IssuedAt))

	later, err := bearer.NewMiddleware[bearer.Claims](trust, bearer.WithClock(func() time.Time { return time.Now().Add(time.Hour) }))
	if err != nil {
		log.Fatal(err)
	}
	_, err = later.Verify(context.Background(), raw)
	fmt.Println(err, errors.Is(err, bearer.ErrExpired))
	// Output:
	// alice [clerk] 30s
	// bearer: token expired true
}

// A predicate sees the typed claims. Its error is for the logs: the client
// learns no more than that the token does not permit the request.
func ExampleRequire() {
	type shopClaims struct {
		Subject string   `json:"sub"`
		Scope   string   `json:"scope"`
		Shops   []string `json:"shops"`
	}
	trust, token := exampleIssuer()
	verify, err := bearer.NewMiddleware[shopClaims](trust)
	if err != nil {
		log.Fatal(err)
	}
	hasShop := bearer.Require(func(_ context.Context, c shopClaims) error {
		if len(c.Shops) == 0 {
			return errors.New(c.Subject + " has no shop")
		}
		return nil
	})
	handler := verify.Guard(hasShop)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		fmt.Println("not reached")
	}))
	get(handler, "/", token)
	// Output:
	// 403 Forbidden
	//   Bearer realm="api", error="insufficient_scope", error_description="The access token does not permit this request"
}
