// Echo serves a token endpoint, a public route and guarded ones with echo.
package main

import (
	"context"
	"flag"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/accounts"
	"github.com/gobearer/bearer/adapters/bearerecho"
	"github.com/gobearer/bearer/keys"
	"github.com/labstack/echo/v5"
)

// routes keeps the public ones out of the group, not by a list of their URLs.
func routes(issuer *bearer.Issuer, auth *bearer.Middleware[bearer.Claims]) http.Handler {
	// Without the option the group answers for every unknown path, with 401.
	e := echo.NewWithConfig(echo.Config{NoGroupAutoRegister404Routes: true})
	bearerecho.Mount(e, issuer)
	e.GET("/healthz", func(c *echo.Context) error { return c.NoContent(http.StatusOK) })
	private := e.Group("", bearerecho.Middleware(auth))
	private.GET("/me", me)
	private.GET("/reports", reports, bearerecho.Middleware(auth, bearer.RequireScope("read")))
	private.GET("/admin", admin, bearerecho.Middleware(auth, bearer.RequireRole("admin")))
	return e
}

func me(c *echo.Context) error {
	claims, _ := bearerecho.Claims[bearer.Claims](c)
	return c.JSON(http.StatusOK, map[string]any{"name": claims.FamilyName, "roles": []string(claims.Roles)})
}

func reports(c *echo.Context) error { return c.JSON(http.StatusOK, []string{"October", "November"}) }
func admin(c *echo.Context) error   { return c.JSON(http.StatusOK, []string{"ada", "tom"}) }

// logins keeps its accounts in memory. In production they are in a database, as in
// examples/quickstart, and the secrets stand nowhere.
func logins() (*accounts.Authenticator, error) {
	store := new(accounts.MemoryStore)
	for _, a := range []struct {
		account         bearer.Account
		password, token string
	}{
		{bearer.Account{ID: "1087", UserName: "tom", Name: "Tom Sawyer", Roles: []string{"user"}, Scopes: []string{"read"}}, "correct horse battery staple", "0d6c3ab1-b87c-4e6f-b099-4c7f23e51478"},
		{bearer.Account{ID: "1815", UserName: "ada", Name: "Ada Lovelace", Roles: []string{"admin"}}, "note g of the analytical engine", "9b2f6c1e-5d0a-4a57-8c33-71e0a9d4f862"},
	} {
		hash, err := accounts.Hash(a.password)
		if err != nil {
			return nil, err
		}
		err = store.Create(context.Background(), &accounts.Record{
			Account: a.account, Login: a.account.UserName, PasswordHash: hash, PrivateToken: accounts.HashPrivateToken(a.token),
		})
		if err != nil {
			return nil, err
		}
	}
	return accounts.New(store)
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}

func main() {
	addr := flag.String("addr", "localhost:8080", "address to serve on")
	flag.Parse()
	listener := must(net.Listen("tcp", *addr))
	url := "http://" + listener.Addr().String()                 // in production: the https address that clients know
	ring := must(keys.NewRing(must(keys.Generate(keys.HS256)))) // in production: keys.Parse of a stored key
	issuer := must(bearer.NewIssuer(url, ring, must(logins())))
	auth := must(bearer.NewMiddleware[bearer.Claims](issuer.Trust()))
	log.Print("serving ", url)
	server := http.Server{Handler: routes(issuer, auth), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second}
	log.Fatal(server.Serve(listener))
}
