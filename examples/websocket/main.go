// Websocket serves a token endpoint and a WebSocket for browsers, which cannot
// set the Authorization header of a handshake: the token travels as a subprotocol.
//
//	new WebSocket("wss://api.example.com/ws", ["bearer.v1", "bearer.token." + token])
package main

import (
	"context"
	"encoding/json"
	"flag"
	"log"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"
	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/accounts"
	"github.com/gobearer/bearer/keys"
)

const (
	protocol    = "bearer.v1"     // what the server selects
	tokenPrefix = "bearer.token." // and the token, whose characters a subprotocol may have
)

func routes(issuer *bearer.Issuer, auth *bearer.Middleware[bearer.Claims]) http.Handler {
	mux := http.NewServeMux()
	issuer.Mount(mux)
	mux.Handle("GET /ws", socket(auth))
	mux.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	mux.Handle("GET /me", auth.Wrap(http.HandlerFunc(me)))
	mux.Handle("GET /reports", auth.Guard(bearer.RequireScope("read"))(http.HandlerFunc(reports)))
	mux.Handle("GET /admin", auth.Guard(bearer.RequireRole("admin"))(http.HandlerFunc(admin)))
	return mux
}

func me(w http.ResponseWriter, r *http.Request) {
	claims, _ := bearer.FromContext[bearer.Claims](r.Context())
	writeJSON(w, map[string]any{"name": claims.FamilyName, "roles": []string(claims.Roles)})
}

func reports(w http.ResponseWriter, _ *http.Request) { writeJSON(w, []string{"October", "November"}) }
func admin(w http.ResponseWriter, _ *http.Request)   { writeJSON(w, []string{"ada", "tom"}) }
func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// socket decides before it upgrades. The query of the URL is never looked at,
// as servers and proxies log it; let none of them log Sec-WebSocket-Protocol.
func socket(auth *bearer.Middleware[bearer.Claims]) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// For a request that is no handshake the header is no credential.
		if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") || r.Header.Get("Sec-WebSocket-Key") == "" {
			w.Header().Set("Connection", "Upgrade")
			w.Header().Set("Upgrade", "websocket")
			http.Error(w, "a WebSocket handshake is needed", http.StatusUpgradeRequired)
			return
		}
		token, err := auth.Verify(r.Context(), offeredToken(r.Header))
		if err != nil {
			err.(*bearer.Refusal).ServeHTTP(w, r) // Verify has no other errors
			return
		}
		// Accept refuses pages of other hosts, and selects protocol: the token is never echoed.
		conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{protocol}})
		if err != nil {
			return
		}
		defer conn.CloseNow()
		talk(conn, token)
	})
}

// offeredToken returns the one token among the subprotocols that a client offers.
// A client that does not offer protocol too would find its handshake unanswered.
func offeredToken(h http.Header) string {
	var tokens []string
	versioned := false
	for p := range strings.SplitSeq(strings.Join(h.Values("Sec-WebSocket-Protocol"), ","), ",") {
		p = strings.TrimSpace(p)
		if token, ok := strings.CutPrefix(p, tokenPrefix); ok {
			tokens = append(tokens, token)
		}
		versioned = versioned || p == protocol
	}
	if len(tokens) != 1 || !versioned {
		return "" // which no Verify admits
	}
	return tokens[0]
}

// talk answers until the token expires. The connection outlives the request that
// was verified: where tokens are revoked, Verify the token again every minute.
func talk(conn *websocket.Conn, token *bearer.Token[bearer.Claims]) {
	ctx, cancel := context.WithDeadline(context.Background(), token.ExpiresAt)
	defer cancel()
	// Not a deadline of Read alone, which would close without telling why.
	defer context.AfterFunc(ctx, func() { _ = conn.Close(websocket.StatusPolicyViolation, "the access token expired") })()
	for {
		kind, message, err := conn.Read(context.Background())
		if err != nil || ctx.Err() != nil {
			return
		}
		if err := conn.Write(ctx, kind, append([]byte(token.Claims.FamilyName+": "), message...)); err != nil {
			return
		}
	}
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
	issuer := must(bearer.NewIssuer(url, ring, must(logins())))
	auth := must(bearer.NewMiddleware[bearer.Claims](issuer.Trust()))
	log.Print("serving ", url)
	server := http.Server{Handler: routes(issuer, auth), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second}
	log.Fatal(server.Serve(listener))
}
