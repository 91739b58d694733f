// Quickstart keeps accounts in an SQLite file, serves a token endpoint and
// three protected routes, logs in at itself, and goes on serving.
package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/accounts"
	"github.com/gobearer/bearer/adapters/bearersql"
	"github.com/gobearer/bearer/keys"
	_ "modernc.org/sqlite"
)

// newHandler is all that there is to it.
func newHandler(issuerName string, store accounts.Store) (http.Handler, error) {
	// In production: keys.Parse of a key from a secret store. Tokens of this
	// one are worthless when the process ends.
	key, err := keys.Generate(keys.HS256)
	if err != nil {
		return nil, err
	}
	ring, err := keys.NewRing(key)
	if err != nil {
		return nil, err
	}
	logins, err := accounts.New(store)
	if err != nil {
		return nil, err
	}
	issuer, err := bearer.NewIssuer(issuerName, ring, logins)
	if err != nil {
		return nil, err
	}
	auth, err := bearer.NewMiddleware[bearer.Claims](issuer.Trust())
	if err != nil {
		return nil, err
	}
	me := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, _ := bearer.FromContext[bearer.Claims](r.Context())
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(claims)
	})
	logout := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		info, _ := bearer.InfoFromContext(r.Context())
		if err := issuer.Revoke(r.Context(), info); err != nil {
			http.Error(w, "try again", http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	mux := http.NewServeMux()
	issuer.Mount(mux)
	mux.Handle("GET /me", auth.Wrap(me))
	mux.Handle("POST /logout", auth.Wrap(logout))
	mux.Handle("GET /admin", auth.Guard(bearer.RequireRole("admin"))(me))
	return mux, nil
}

// openStore opens the file, which it makes where there is none.
func openStore(ctx context.Context, path string) (*bearersql.Accounts, error) {
	// A file that the driver makes could be read by others.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	f.Close()
	db, err := sql.Open("sqlite", bearersql.SQLiteDSN(path))
	if err != nil {
		return nil, err
	}
	if err := bearersql.Migrate(ctx, db, bearersql.SQLite); err != nil {
		return nil, err
	}
	return bearersql.NewAccounts(ctx, db, bearersql.SQLite)
}

// addTom adds the account, or gives it a new private token: the store has only
// hashes, so nobody can read the old one.
func addTom(ctx context.Context, store accounts.AdminStore) (login string, err error) {
	const password = "correct horse battery staple"
	admin := accounts.Admin{Store: store}
	tom := bearer.Account{ID: "1087", UserName: "tom", Name: "Tom Sawyer", Locale: "en-US", Roles: []string{"user"}}
	token, err := admin.Create(ctx, tom, password)
	if errors.Is(err, accounts.ErrExists) {
		token, err = admin.ReplacePrivateToken(ctx, "tom")
	}
	return fmt.Sprintf(`{"userName":"tom","password":%q,"privateToken":%q,"validity":"Default"}`, password, token), err
}

func main() {
	addr := flag.String("addr", "localhost:8080", "address to serve on")
	path := flag.String("db", "quickstart.db", "SQLite file of the accounts")
	flag.Parse()
	store, err := openStore(context.Background(), *path)
	if err != nil {
		log.Fatal(err)
	}
	login, err := addTom(context.Background(), store)
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatal(err)
	}
	url := "http://" + listener.Addr().String()
	handler, err := newHandler(url, store)
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	if err := try(url, login); err != nil {
		log.Fatal(err)
	}
	log.Fatal(<-served)
}

// try does what the printed commands do.
func try(url, login string) error {
	fmt.Printf("curl -si %s/token -H 'Content-Type: application/json' -d '%s'\n", url, login)
	answer, err := http.Post(url+"/token", "application/json", bytes.NewBufferString(login))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	var response bearer.TokenResponse
	if err := json.NewDecoder(answer.Body).Decode(&response); err != nil {
		return err
	}
	fmt.Printf("curl -si %s/me -H 'Authorization: Bearer %s'\n", url, response.AccessToken)
	request, err := http.NewRequest(http.MethodGet, url+"/me", nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", response.TokenType+" "+response.AccessToken)
	answer, err = http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	claims, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		return fmt.Errorf("GET /me: %s %w", answer.Status, err)
	}
	fmt.Printf("%s: %s", answer.Status, claims)
	return nil
}
