package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/keys"
)

func TestTenants(t *testing.T) {
	server := httptest.NewUnstartedServer(nil)
	url := "http://" + server.Listener.Addr().String()
	key, err := keys.Generate(keys.HS256)
	if err != nil {
		t.Fatal(err)
	}
	ring, err := keys.NewRing(key)
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := bearer.NewIssuer(url, ring, must(logins()), bearer.WithClaims(withTenant))
	if err != nil {
		t.Fatal(err)
	}
	// The same issuer as it was before there were tenants.
	before, err := bearer.NewIssuer(url, ring, must(logins()))
	if err != nil {
		t.Fatal(err)
	}
	auth, err := bearer.NewMiddleware[Claims](issuer.Trust())
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = routes(issuer, auth)
	server.Start()
	defer server.Close()

	tom := login(t, url, `{"userName":"tom","password":"correct horse battery staple","privateToken":"0d6c3ab1-b87c-4e6f-b099-4c7f23e51478"}`)
	ada := login(t, url, `{"userName":"ada","password":"note g of the analytical engine","privateToken":"9b2f6c1e-5d0a-4a57-8c33-71e0a9d4f862"}`)
	old, err := before.Issue(t.Context(), &bearer.Account{ID: "1087", UserName: "tom", Name: "Tom Sawyer"}, bearer.ValidityDefault)
	if err != nil {
		t.Fatal(err)
	}
	const (
		forbidden = `Bearer realm="api", error="insufficient_scope", error_description="The access token does not permit this request"`
		invalid   = `Bearer realm="api", error="invalid_token", error_description="The access token is invalid"`
	)
	for _, test := range []struct {
		name, path, token string
		status            int
		challenge, body   string
	}{
		{"the handler reads the tenant", "/tenant", tom, 200, "", `{"tenant":"acme"}`},
		{"and another one's", "/tenant", ada, 200, "", `{"tenant":"globex"}`},
		{"the tenant is the right one", "/acme/reports", tom, 200, "", `["October","November"]`},
		{"the tenant is another one", "/acme/reports", ada, 403, forbidden, `{"error":"insufficient_scope","error_description":"The access token does not permit this request"}`},
		{"a token without a tenant", "/me", old.AccessToken, 401, invalid, `{"error":"invalid_token","error_description":"The access token is invalid"}`},
		{"no token", "/acme/reports", "", 401, `Bearer realm="api"`, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+test.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if test.token != "" {
				request.Header.Set("Authorization", "Bearer "+test.token)
			}
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			if err != nil {
				t.Fatal(err)
			}
			challenge := response.Header.Get("WWW-Authenticate")
			if response.StatusCode != test.status || challenge != test.challenge || strings.TrimSuffix(string(body), "\n") != test.body {
				t.Errorf("%d %q %q, want %d %q %q", response.StatusCode, challenge, body, test.status, test.challenge, test.body)
			}
		})
	}
}

func login(t *testing.T, url, credentials string) string {
	t.Helper()
	response, err := http.Post(url+"/token", "application/json", strings.NewReader(credentials))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer bearer.TokenResponse
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || response.StatusCode != http.StatusOK {
		t.Fatal(response.Status, err)
	}
	return answer.AccessToken
}
