package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/keys"
)

// start serves the program's routes, with tokens that live for two seconds if
// they are asked to be short.
func start(t *testing.T) (*httptest.Server, *bearer.Issuer) {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	key, err := keys.Generate(keys.HS256)
	if err != nil {
		t.Fatal(err)
	}
	ring, err := keys.NewRing(key)
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := bearer.NewIssuer("http://"+server.Listener.Addr().String(), ring, must(logins()),
		bearer.WithLifetime(bearer.ValidityShortLive, bearer.Seconds(2)))
	if err != nil {
		t.Fatal(err)
	}
	auth, err := bearer.NewMiddleware[bearer.Claims](issuer.Trust())
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = routes(issuer, auth)
	server.Start()
	t.Cleanup(server.Close)
	return server, issuer
}

func issue(t *testing.T, issuer *bearer.Issuer, v bearer.Validity) string {
	t.Helper()
	response, err := issuer.Issue(t.Context(), &bearer.Account{ID: "1087", UserName: "tom", Name: "Tom Sawyer"}, v)
	if err != nil {
		t.Fatal(err)
	}
	return response.AccessToken
}

const (
	noCredential = `Bearer realm="api"`
	challenge    = `Bearer realm="api", error="invalid_token", error_description="The access token is invalid"`
	invalidToken = `{"error":"invalid_token","error_description":"The access token is invalid"}` + "\n"
)

func TestHandshake(t *testing.T) {
	server, issuer := start(t)
	good := issue(t, issuer, bearer.ValidityDefault)
	_, other := start(t)
	foreign := issue(t, other, bearer.ValidityDefault)

	for _, test := range []struct {
		name      string
		protocols []string
		query     string
		header    http.Header
		status    int
		challenge string
		body      string
	}{
		{name: "a good token", protocols: []string{"bearer.v1", "bearer.token." + good}, status: 101},
		{name: "a good token offered first", protocols: []string{"bearer.token." + good, "bearer.v1"}, status: 101},
		{name: "a good token from the same origin", protocols: []string{"bearer.v1", "bearer.token." + good}, header: http.Header{"Origin": {server.URL}}, status: 101},
		{name: "a good token from another origin", protocols: []string{"bearer.v1", "bearer.token." + good}, header: http.Header{"Origin": {"https://evil.example"}}, status: 403,
			body: `request Origin "evil.example" is not authorized for Host "` + strings.TrimPrefix(server.URL, "http://") + `"` + "\n"},
		{name: "no token", protocols: []string{"bearer.v1"}, status: 401, challenge: noCredential},
		{name: "no subprotocol at all", status: 401, challenge: noCredential},
		{name: "an empty token", protocols: []string{"bearer.v1", "bearer.token."}, status: 401, challenge: noCredential},
		{name: "a token of another server", protocols: []string{"bearer.v1", "bearer.token." + foreign}, status: 401, challenge: challenge, body: invalidToken},
		{name: "a token with a changed signature", protocols: []string{"bearer.v1", "bearer.token." + good[:len(good)-4] + "AAAA"}, status: 401, challenge: challenge, body: invalidToken},
		{name: "two good tokens", protocols: []string{"bearer.v1", "bearer.token." + good, "bearer.token." + good}, status: 401, challenge: noCredential},
		{name: "a good token without the protocol to select", protocols: []string{"bearer.token." + good}, status: 401, challenge: noCredential},
		{name: "a good token in the query", protocols: []string{"bearer.v1"}, query: "?access_token=" + good, status: 401, challenge: noCredential},
		{name: "a good token in a cookie", protocols: []string{"bearer.v1"}, header: http.Header{"Cookie": {"access_token=" + good}}, status: 401, challenge: noCredential},
	} {
		t.Run(test.name, func(t *testing.T) {
			conn, response, err := websocket.Dial(t.Context(), server.URL+"/ws"+test.query,
				&websocket.DialOptions{Subprotocols: test.protocols, HTTPHeader: test.header})
			if response == nil {
				t.Fatal(err)
			}
			if response.StatusCode != test.status || response.Header.Get("WWW-Authenticate") != test.challenge {
				t.Errorf("%d %q, want %d %q", response.StatusCode, response.Header.Get("WWW-Authenticate"), test.status, test.challenge)
			}
			for name, values := range response.Header {
				if strings.Contains(strings.Join(values, ","), good) {
					t.Errorf("%s repeats the token", name)
				}
			}
			if test.status != http.StatusSwitchingProtocols {
				body, _ := io.ReadAll(response.Body)
				if string(body) != test.body {
					t.Errorf("body %q, want %q", body, test.body)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer conn.CloseNow()
			if conn.Subprotocol() != "bearer.v1" {
				t.Errorf("subprotocol %q, want bearer.v1", conn.Subprotocol())
			}
			if err := conn.Write(t.Context(), websocket.MessageText, []byte("hello")); err != nil {
				t.Fatal(err)
			}
			if _, message, err := conn.Read(t.Context()); err != nil || string(message) != "Tom Sawyer: hello" {
				t.Errorf("%q, %v", message, err)
			}
			if err := conn.Close(websocket.StatusNormalClosure, ""); err != nil {
				t.Error(err)
			}
		})
	}
}

// The protocol header is a credential of a handshake, and of nothing else.
func TestNoHandshake(t *testing.T) {
	server, issuer := start(t)
	good := "bearer.v1, bearer.token." + issue(t, issuer, bearer.ValidityDefault)
	for _, test := range []struct {
		name, method, path string
		header             http.Header
		status             int
	}{
		{"a plain request", http.MethodGet, "/ws", http.Header{"Sec-Websocket-Protocol": {good}}, 426},
		{"an upgrade to something else", http.MethodGet, "/ws", http.Header{"Sec-Websocket-Protocol": {good}, "Connection": {"Upgrade"}, "Upgrade": {"h2c"}}, 426},
		{"an upgrade to a list", http.MethodGet, "/ws", http.Header{"Sec-Websocket-Protocol": {good}, "Connection": {"Upgrade"}, "Upgrade": {"h2c, websocket"}}, 426},
		{"an upgrade without a key", http.MethodGet, "/ws", http.Header{"Sec-Websocket-Protocol": {good}, "Connection": {"Upgrade"}, "Upgrade": {"websocket"}}, 426},
		{"an upgrade of a HEAD request", http.MethodHead, "/ws", http.Header{"Sec-Websocket-Protocol": {good}, "Sec-Websocket-Key": {"AAAAAAAAAAAAAAAAAAAAAA=="}, "Connection": {"Upgrade"}, "Upgrade": {"websocket"}}, 405},
		{"an upgrade of a POST request", http.MethodPost, "/ws", http.Header{"Sec-Websocket-Protocol": {good}, "Connection": {"Upgrade"}, "Upgrade": {"websocket"}}, 405},
	} {
		t.Run(test.name, func(t *testing.T) {
			request, err := http.NewRequestWithContext(t.Context(), test.method, server.URL+test.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Header = test.header
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != test.status {
				t.Errorf("status %d, want %d", response.StatusCode, test.status)
			}
		})
	}
}

// dialShort connects with a token of two seconds, and says when that was issued.
func dialShort(t *testing.T, server *httptest.Server, issuer *bearer.Issuer) (conn *websocket.Conn, issued time.Time) {
	t.Helper()
	var err error
	for range 10 { // a machine may pause for as long as the token lives
		issued = time.Now()
		conn, _, err = websocket.Dial(t.Context(), server.URL+"/ws",
			&websocket.DialOptions{Subprotocols: []string{"bearer.v1", "bearer.token." + issue(t, issuer, bearer.ValidityShortLive)}})
		if err == nil {
			return conn, issued
		}
	}
	t.Fatal(err)
	return nil, issued
}

func TestTheConnectionEndsWithItsToken(t *testing.T) {
	server, issuer := start(t)
	conn, issued := dialShort(t, server, issuer)
	defer conn.CloseNow()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, _, err := conn.Read(ctx)
	var closed websocket.CloseError
	if !errors.As(err, &closed) || closed != (websocket.CloseError{Code: websocket.StatusPolicyViolation, Reason: "the access token expired"}) {
		t.Errorf("closed with %v", err)
	}
	// A token's dates are whole seconds, rounded down. Without its end the connection
	// would live for hours.
	if lived := time.Since(issued); lived < time.Second || lived > 50*time.Second {
		t.Errorf("the connection lived for %v, its token for two seconds", lived)
	}
}

// A client that does not answer the close frame is served no longer than its
// token either.
func TestAMessageAfterTheExpiryIsNotAnswered(t *testing.T) {
	server, issuer := start(t)
	conn, _ := dialShort(t, server, issuer)
	defer conn.CloseNow()
	time.Sleep(2200 * time.Millisecond) // nobody reads, so that nobody answers the close frame
	_ = conn.Write(t.Context(), websocket.MessageText, []byte("hello"))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, message, err := conn.Read(ctx); err == nil {
		t.Errorf("answered %q", message)
	}
}
