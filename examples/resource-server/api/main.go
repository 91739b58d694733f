// Api serves a protected route. Of the issuer of its tokens it knows the address.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/keys"
)

// A user is what this API reads of a token.
type user struct {
	Subject string `json:"sub"`
	Name    string `json:"family_name"`
	Client  string `json:"client_id"`
}

func me(w http.ResponseWriter, r *http.Request) {
	claims, _ := bearer.FromContext[user](r.Context())
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(claims)
}

// newHandler is all that there is to it.
func newHandler(issuer, audience string) (http.Handler, error) {
	source, err := keys.Discover(issuer, keys.WithFetchHook(func(s keys.Status) {
		if s.Err != nil {
			log.Printf("warning: no new keys: %v", s.Err)
		}
	}))
	if err != nil {
		return nil, err
	}
	auth, err := bearer.NewMiddleware[user](bearer.Trust{
		Issuer:     issuer,
		Audience:   []string{audience},
		Keys:       source,
		TokenTypes: []string{"at+jwt"}, // what this issuer makes, and nothing else that it signs
	})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /me", auth.Wrap(http.HandlerFunc(me)))
	// Not behind the middleware: a health check has no token. It fetches the keys
	// where none are usable, as no request does that never gets here.
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		if !source.Status().Usable && source.Warm(r.Context()) != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		fmt.Fprintf(w, "keys: %d\n", source.Status().Keys)
	})
	return mux, nil
}

func run() error {
	addr := flag.String("addr", "localhost:8082", "address to serve on")
	issuer := flag.String("issuer", "http://localhost:8081", "address of the issuer")
	audience := flag.String("audience", "http://localhost:8082", "what the issuer's tokens call this API")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	handler, err := newHandler(*issuer, *audience)
	if err != nil {
		return err
	}
	server := &http.Server{
		Addr: *addr, Handler: handler, MaxHeaderBytes: 32 << 10,
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		// A token may have to wait for its key, for ten seconds at most.
		WriteTimeout: 15 * time.Second, IdleTimeout: time.Minute,
	}
	served := make(chan error, 1)
	go func() { served <- server.ListenAndServe() }()
	log.Printf("API http://%s, for tokens of %s", *addr, *issuer)
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	stop() // a second signal ends the program at once
	ending, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return server.Shutdown(ending)
}

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}
