// Custom-claims adds a tenant to the tokens and guards a route with it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/accounts"
	"github.com/gobearer/bearer/keys"
)

// Claims are the issuer's own and a tenant.
type Claims struct {
	bearer.Claims
	Tenant string `json:"tenant"`
}

// Validate refuses tokens of the same issuer that were made before there were tenants.
func (c *Claims) Validate() error {
	if c.Tenant == "" {
		return errors.New("no tenant")
	}
	return nil
}

// tenants holds the tenant of each account's ID.
var tenants = map[string]string{"1087": "acme", "1815": "globex"}

// withTenant runs once for each token. The registered claims stay the issuer's.
func withTenant(_ context.Context, a *bearer.Account, own bearer.Claims) (Claims, error) {
	return Claims{Claims: own, Tenant: tenants[a.ID]}, nil
}

// ofTenant admits the tokens of one tenant. Its error is for the logs.
func ofTenant(name string) bearer.Guard {
	return bearer.Require(func(_ context.Context, c Claims) error {
		if c.Tenant != name {
			return errors.New("not of " + name)
		}
		return nil
	})
}

func routes(issuer *bearer.Issuer, auth *bearer.Middleware[Claims]) http.Handler {
	mux := http.NewServeMux()
	issuer.Mount(mux)
	mux.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	mux.Handle("GET /me", auth.Wrap(http.HandlerFunc(me)))
	mux.Handle("GET /tenant", auth.Wrap(http.HandlerFunc(tenant)))
	mux.Handle("GET /reports", auth.Guard(bearer.RequireScope("read"))(http.HandlerFunc(reports)))
	mux.Handle("GET /acme/reports", auth.Guard(ofTenant("acme"), bearer.RequireScope("read"))(http.HandlerFunc(reports)))
	mux.Handle("GET /admin", auth.Guard(bearer.RequireRole("admin"))(http.HandlerFunc(admin)))
	return mux
}

func me(w http.ResponseWriter, r *http.Request) {
	claims, _ := bearer.FromContext[Claims](r.Context())
	writeJSON(w, map[string]any{"name": claims.FamilyName, "roles": []string(claims.Roles)})
}

func tenant(w http.ResponseWriter, r *http.Request) {
	claims, _ := bearer.FromContext[Claims](r.Context())
	writeJSON(w, map[string]string{"tenant": claims.Tenant})
}

func reports(w http.ResponseWriter, _ *http.Request) { writeJSON(w, []string{"October", "November"}) }
func admin(w http.ResponseWriter, _ *http.Request)   { writeJSON(w, []string{"ada", "tom"}) }
func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

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
	issuer := must(bearer.NewIssuer(url, ring, must(logins()), bearer.WithClaims(withTenant)))
	auth := must(bearer.NewMiddleware[Claims](issuer.Trust()))
	log.Print("serving ", url)
	server := http.Server{Handler: routes(issuer, auth), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second}
	log.Fatal(server.Serve(listener))
}
