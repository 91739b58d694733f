// Replicas serves two issuers and two APIs that share one Redis, as four replicas
// behind a load balancer would: what one of them learns the others know. It needs
// a Redis 6.2 or later, such as Debian's redis-server:
//
//	go run ./examples/replicas -redis localhost:6379
//
// logs in at one issuer, revokes at the other one, and is refused at both APIs.
// With -serve it then goes on serving.
package main

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/accounts"
	"github.com/gobearer/bearer/adapters/bearerredis"
	"github.com/gobearer/bearer/keys"
	"github.com/redis/go-redis/v9"
)

// What every replica is given alike. In production the secrets come from a
// secret store, and the ring from keys.OpenRing.
type shared struct {
	name          string // of the issuer: the address of the load balancer
	ring          *keys.Ring
	accounts      accounts.Store // in production: bearersql
	refreshSecret []byte
	callerSecret  string // of the service that may revoke and introspect
	redis         string
	stores        []bearerredis.Option
}

// maxAge is how long a revocation can stay unseen by a replica that Redis is cut
// off from; then it refuses everything.
const maxAge = 5 * time.Second

// dial returns a client that finds a restarted server at once.
func dial(s shared) *redis.Client {
	client := redis.NewClient(&redis.Options{Addr: s.redis, ContextTimeoutEnabled: true})
	client.AddHook(bearerredis.Redial())
	return client
}

// issuer is one replica of the token endpoint. Its throttle, its refresh tokens
// and its revocations are everybody's.
func issuer(s shared) (http.Handler, error) {
	client := dial(s)
	throttle, err1 := bearerredis.NewThrottle(client, s.stores...)
	sessions, err2 := bearerredis.NewRefreshStore(client, s.stores...)
	revocations, err3 := bearerredis.NewRevocations(client, s.stores...)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	logins, err := accounts.New(s.accounts, accounts.WithThrottle(throttle))
	if err != nil {
		return nil, err
	}
	i, err := bearer.NewIssuer(s.name, s.ring, logins,
		bearer.WithAudience("api"),
		bearer.WithRevocations(revocations),
		bearer.WithRefreshTokens(sessions, s.refreshSecret, 14*24*time.Hour, 90*24*time.Hour),
		bearer.WithCallers(func(_ context.Context, id, secret string) error {
			if id != "logout" || subtle.ConstantTimeCompare([]byte(secret), []byte(s.callerSecret)) != 1 {
				return bearer.ErrBadCredentials
			}
			return nil
		}))
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	i.Mount(mux)
	return mux, nil
}

// api is one replica of a service. It asks its own memory about revocations,
// which mirror.Run keeps up to date until ctx ends.
func api(ctx context.Context, s shared) (http.Handler, error) {
	client := dial(s)
	mirror, err := bearerredis.NewMirror(client, maxAge, s.stores...)
	if err != nil {
		return nil, err
	}
	go func() { _ = mirror.Run(ctx) }()
	auth, err := bearer.NewMiddleware[bearer.Claims](bearer.Trust{
		Issuer: s.name, Audience: []string{"api"}, Keys: s.ring, Revocations: mirror,
	})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /me", auth.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, _ := bearer.FromContext[bearer.Claims](r.Context())
		fmt.Fprintln(w, claims.FamilyName)
	})))
	return mux, nil
}

func main() {
	address := flag.String("redis", "localhost:6379", "address of Redis")
	goOn := flag.Bool("serve", false, "go on serving")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *address, os.Stdout, *goOn); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, address string, out io.Writer, goOn bool, stores ...bearerredis.Option) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	store := new(accounts.MemoryStore)
	const password = "correct horse battery staple"
	token, err := accounts.Admin{Store: store}.Create(ctx, bearer.Account{ID: "1087", UserName: "tom", Name: "Tom Sawyer"}, password)
	if err != nil {
		return err
	}
	key, err := keys.Generate(keys.ES256)
	if err != nil {
		return err
	}
	ring, err := keys.NewRing(key)
	if err != nil {
		return err
	}
	secret, _ := accounts.NewPrivateToken()
	callerSecret, _ := accounts.NewPrivateToken()
	s := shared{"https://auth.example", ring, store, []byte(secret), callerSecret, address, stores}

	var urls [4]string // two issuers, two APIs
	for n := range urls {
		handler, err := issuer(s)
		if n >= 2 {
			handler, err = api(ctx, s)
		}
		if err != nil {
			return err
		}
		if urls[n], err = serve(ctx, handler); err != nil {
			return err
		}
	}
	credentials := fmt.Sprintf(`{"userName":"tom","password":%q,"privateToken":%q}`, password, token)
	if err := script(ctx, out, urls, credentials, callerSecret); err != nil {
		return err
	}
	if goOn {
		<-ctx.Done()
	}
	return nil
}

func serve(ctx context.Context, handler http.Handler) (url string, err error) {
	listener, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	go func() { _ = server.Serve(listener) }()
	return "http://" + listener.Addr().String(), nil
}

// script logs in at the first issuer, revokes at the second and looks at both
// APIs before and after.
func script(ctx context.Context, out io.Writer, urls [4]string, credentials, callerSecret string) error {
	answer, err := http.Post(urls[0]+"/token", "application/json", bytes.NewBufferString(credentials))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	var tokens bearer.TokenResponse
	if err := json.NewDecoder(answer.Body).Decode(&tokens); err != nil || tokens.AccessToken == "" {
		return fmt.Errorf("issuer 1: %s %w", answer.Status, err)
	}
	fmt.Fprintln(out, "issuer 1 gave a token:", answer.Status)
	if err := look(ctx, out, urls, tokens.AccessToken, http.StatusOK); err != nil {
		return err
	}
	form := url.Values{"token": {tokens.RefreshToken}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, urls[1]+"/revoke", strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth("logout", callerSecret)
	answer, err = http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("issuer 2: %s", answer.Status)
	}
	fmt.Fprintln(out, "issuer 2 revoked the session:", answer.Status)
	return look(ctx, out, urls, tokens.AccessToken, http.StatusUnauthorized)
}

// look waits until both APIs answer with a status: the stream that tells them of
// a revocation takes some milliseconds.
func look(ctx context.Context, out io.Writer, urls [4]string, token string, want int) error {
	for n, url := range urls[2:] {
		for began := time.Now(); ; time.Sleep(time.Millisecond) {
			status, err := me(ctx, url, token)
			if err != nil {
				return err
			}
			if status == want {
				fmt.Fprintf(out, "API %d answers %d\n", n+1, status)
				break
			}
			if time.Since(began) > 30*time.Second {
				return fmt.Errorf("API %d answers %d, not %d", n+1, status, want)
			}
		}
	}
	return nil
}

func me(ctx context.Context, url, token string) (status int, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/me", nil)
	if err != nil {
		return 0, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	return answer.StatusCode, answer.Body.Close()
}
