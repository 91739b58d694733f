// Quickstart serves a token endpoint and two protected routes, logs in at
// itself, and goes on serving.
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/keys"
	"golang.org/x/crypto/argon2"
)

// What tom knows. The server keeps hashes of it.
const login = `{"userName":"tom","password":"correct horse battery staple","privateToken":"0d6c3ab1-b87c-4e6f-b099-4c7f23e51478","validity":"Default"}`

var (
	salt         = rand.Text()
	passwordHash = hash("correct horse battery staple")
	tokenHash    = sha256.Sum256([]byte("0d6c3ab1-b87c-4e6f-b099-4c7f23e51478"))
)

// hash is argon2id with the parameters that OWASP recommends.
func hash(password string) []byte {
	return argon2.IDKey([]byte(password), []byte(salt), 2, 19<<10, 1, 32)
}

// authenticate does the same work for every attempt, so that its duration does
// not tell which users exist.
func authenticate(_ context.Context, c bearer.Credentials) (*bearer.Account, error) {
	token := sha256.Sum256([]byte(c.PrivateToken))
	secrets := subtle.ConstantTimeCompare(hash(c.Password), passwordHash) & subtle.ConstantTimeCompare(token[:], tokenHash[:])
	if c.UserName != "tom" || secrets != 1 {
		return nil, bearer.ErrBadCredentials
	}
	return &bearer.Account{ID: "1087", UserName: "tom", Name: "Tom Sawyer", Locale: "en-US", Roles: []string{"user"}}, nil
}

// newHandler is all that there is to it.
func newHandler(issuerName string) (http.Handler, error) {
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
	issuer, err := bearer.NewIssuer(issuerName, ring, bearer.AuthenticatorFunc(authenticate))
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
	mux := http.NewServeMux()
	issuer.Mount(mux)
	mux.Handle("GET /me", auth.Wrap(me))
	mux.Handle("GET /admin", auth.Guard(bearer.RequireRole("admin"))(me))
	return mux, nil
}

func main() {
	addr := flag.String("addr", "localhost:8080", "address to serve on")
	flag.Parse()
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatal(err)
	}
	url := "http://" + listener.Addr().String()
	handler, err := newHandler(url)
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	if err := try(url); err != nil {
		log.Fatal(err)
	}
	log.Fatal(<-served)
}

// try does what the printed commands do.
func try(url string) error {
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
