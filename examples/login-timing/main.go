// Login-timing measures whether the time that a refused login takes tells why it
// was refused: it logs in at a token endpoint of its own, on the loopback
// interface, in five wrong ways that take turns, and prints the median of each
// and how surely each can be told from the others.
//
//	go run ./examples/login-timing -n 1000
//
// It takes three minutes on an idle machine. For figures of your own service,
// with its store and its network, give bearertest.MeasureTiming your own requests.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"runtime"
	"strings"
	"time"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/accounts"
	"github.com/gobearer/bearer/bearertest"
	"github.com/gobearer/bearer/keys"
)

const (
	password = "correct horse battery staple"
	refusal  = `{"error":"invalid_grant","error_description":"The user name, password or private token is wrong"}` + "\n"
)

func main() {
	n := flag.Int("n", 1000, "attempts of each kind")
	flag.Parse()
	if err := run(context.Background(), *n); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, n int) error {
	store := new(accounts.MemoryStore)
	admin := accounts.Admin{Store: store}
	tokens := map[string]string{"huck": "none, as there is no such account"}
	for _, userName := range []string{"tom", "dora"} {
		token, err := admin.Create(ctx, bearer.Account{UserName: userName}, password)
		if err != nil {
			return err
		}
		tokens[userName] = token
	}
	if err := admin.SetDisabled(ctx, "dora", true); err != nil {
		return err
	}
	url, err := serve(store)
	if err != nil {
		return err
	}
	login := func(name, userName, password, privateToken string) bearertest.TimingClass {
		body, err := json.Marshal(map[string]string{"userName": userName, "password": password, "privateToken": privateToken})
		if err != nil {
			log.Fatal(err)
		}
		return bearertest.TimingClass{Name: name, Run: func(ctx context.Context) error { return refused(ctx, url, body) }}
	}
	start := time.Now()
	timings, err := bearertest.MeasureTiming(ctx, n,
		login("unknown user", "huck", password, tokens["huck"]),
		login("wrong password", "tom", "incorrect horse battery staple", tokens["tom"]),
		login("wrong private token", "tom", password, tokens["dora"]),
		login("disabled account", "dora", password, tokens["dora"]),
		login("over-long password", "tom", strings.Repeat("x", 1025), tokens["tom"]),
	)
	if err != nil {
		return err
	}
	fmt.Printf("%s on %s/%s, %d CPUs, %v\n%s", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), time.Since(start).Round(time.Second), timings)
	return nil
}

// serve serves a token endpoint on the loopback interface, until the process ends.
func serve(store accounts.Store) (url string, err error) {
	// Without a throttle, which would answer most of these attempts with 429.
	auth, err := accounts.New(store, accounts.DangerouslyWithoutThrottle())
	if err != nil {
		return "", err
	}
	key, err := keys.Generate(keys.HS256)
	if err != nil {
		return "", err
	}
	ring, err := keys.NewRing(key)
	if err != nil {
		return "", err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	url = "http://" + listener.Addr().String()
	issuer, err := bearer.NewIssuer(url, ring, auth)
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: issuer, ReadHeaderTimeout: 5 * time.Second}
	go func() { log.Fatal(server.Serve(listener)) }()
	return url, nil
}

// refused logs in, and fails unless the login is refused like any other.
func refused(ctx context.Context, url string, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/token", bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusBadRequest || string(text) != refusal {
		return fmt.Errorf("%s: %s", response.Status, text)
	}
	return nil
}
