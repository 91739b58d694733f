// Issuer serves a token endpoint and the public keys of its tokens, and brings
// in a new key at intervals.
package main

import (
	"context"
	"errors"
	"flag"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/accounts"
	"github.com/gobearer/bearer/keys"
)

// logins keeps tom in memory. In production accounts are in a database, as in
// examples/quickstart, and the secrets stand nowhere.
func logins() (*accounts.Authenticator, error) {
	hash, err := accounts.Hash("correct horse battery staple")
	if err != nil {
		return nil, err
	}
	store := new(accounts.MemoryStore)
	err = store.Create(context.Background(), &accounts.Record{
		Account:      bearer.Account{ID: "1087", UserName: "tom", Name: "Tom Sawyer", Locale: "en-US", Roles: []string{"user"}},
		Login:        "tom",
		PasswordHash: hash,
		PrivateToken: accounts.HashPrivateToken("0d6c3ab1-b87c-4e6f-b099-4c7f23e51478"),
	})
	if err != nil {
		return nil, err
	}
	return accounts.New(store)
}

// newRing makes a ring of a new key. A key that follows is published for half of
// the interval before it signs, so that one at most is pending.
func newRing(interval time.Duration) (*keys.Ring, error) {
	if interval < time.Second {
		return nil, errors.New("-rotate is below a second, which is all that a JWK set can tell apart")
	}
	// In production: keys.OpenRing of a set from a secret store. Tokens of this
	// key are worthless when the process ends.
	key, err := keys.Generate(keys.ES256)
	if err != nil {
		return nil, err
	}
	return keys.NewRing(key, keys.WithPublishDelay(min(interval/2, 5*time.Minute)))
}

// newHandler serves what ring signs under a name, which is the address of the
// handler: there the API finds its keys.
func newHandler(name, audience string, ring *keys.Ring) (http.Handler, error) {
	auth, err := logins()
	if err != nil {
		return nil, err
	}
	issuer, err := bearer.NewIssuer(name, ring, auth,
		bearer.WithAudience(audience),
		// RFC 9068: the type at+jwt, by which the API tells these tokens from others.
		bearer.WithAccessTokenProfile("resource-server-example"),
		// What is revoked here the API does not learn, and a key has to stay for as
		// long as its tokens live.
		bearer.WithLifetime(bearer.ValidityDefault, bearer.Minutes(15)),
		bearer.WithLifetime(bearer.ValidityLongLive, bearer.Minutes(60)))
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	issuer.Mount(mux)
	return mux, nil
}

// rotate brings in a new key at each interval. It does so by the clock: a route
// for it would have to be kept from everybody else, also behind a proxy on this
// host, and not every system has signals. A key that leaked waits for no clock:
// that is Ring.Remove.
func rotate(ctx context.Context, ring *keys.Ring, interval time.Duration) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		next, err := keys.Generate(keys.ES256)
		if err == nil {
			err = ring.Rotate(next)
		}
		if err != nil {
			log.Printf("warning: the key stays as it is: %v", err)
			continue
		}
		states := ring.States()
		newest := states[len(states)-1]
		log.Printf("key %s signs from %s", newest.ID, newest.SignsFrom.Local().Format(time.TimeOnly))
	}
}

func run() error {
	addr := flag.String("addr", "localhost:8081", "address to serve on; with http:// before it, the issuer's name")
	audience := flag.String("audience", "http://localhost:8082", "name of the API that the tokens are for")
	interval := flag.Duration("rotate", 24*time.Hour, "how long until a new key is brought in")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	ring, err := newRing(*interval)
	if err != nil {
		return err
	}
	handler, err := newHandler("http://"+*addr, *audience, ring)
	if err != nil {
		return err
	}
	go rotate(ctx, ring, *interval)
	server := &http.Server{
		Addr: *addr, Handler: handler, MaxHeaderBytes: 32 << 10,
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: 15 * time.Second, IdleTimeout: time.Minute,
	}
	served := make(chan error, 1)
	go func() { served <- server.ListenAndServe() }()
	log.Printf("issuer http://%s, for %s", *addr, *audience)
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
