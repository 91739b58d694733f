// Gin serves a token endpoint, a public route and guarded ones with gin.
package main

import (
	"context"
	"flag"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/accounts"
	"github.com/gobearer/bearer/adapters/bearergin"
	"github.com/gobearer/bearer/keys"
)

// routes keeps the public ones out of the group, not by a list of their URLs.
func routes(issuer *bearer.Issuer, auth *bearer.Middleware[bearer.Claims]) http.Handler {
	gin.SetMode(gin.ReleaseMode) // without it gin prints every route
	r := gin.New()
	r.Use(gin.Recovery())
	bearergin.Mount(r, issuer)
	r.GET("/healthz", func(c *gin.Context) { c.Status(http.StatusOK) })
	private := r.Group("/", bearergin.Middleware(auth))
	private.GET("/me", me)
	private.GET("/reports", bearergin.Middleware(auth, bearer.RequireScope("read")), reports)
	private.GET("/admin", bearergin.Middleware(auth, bearer.RequireRole("admin")), admin)
	return r
}

func me(c *gin.Context) {
	claims, _ := bearergin.Claims[bearer.Claims](c)
	c.JSON(http.StatusOK, gin.H{"name": claims.FamilyName, "roles": []string(claims.Roles)})
}

func reports(c *gin.Context) { c.JSON(http.StatusOK, []string{"October", "November"}) }
func admin(c *gin.Context)   { c.JSON(http.StatusOK, []string{"ada", "tom"}) }

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
