package bearer_test

import (
	stdjson "encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gobearer/bearer"
)

// refreshForm is a refresh request's body.
func refreshForm(token string, more ...string) string {
	return form(append([]string{"grant_type", "refresh_token", "refresh_token", token}, more...)...)
}

func (s *oauthServer) wantRefreshed(w interface{ Result() *http.Response }, scope string) bearer.TokenResponse {
	s.t.Helper()
	var r bearer.TokenResponse
	if err := stdjson.NewDecoder(w.Result().Body).Decode(&r); err != nil || w.Result().StatusCode != http.StatusOK {
		s.t.Fatalf("status %d: %v", w.Result().StatusCode, err)
	}
	claims := claimsOf(s.t, r.AccessToken)
	if got, _ := claims["scope"].(string); got != scope || r.Scope != scope {
		s.t.Errorf("scope %q and, in the answer, %q, want %q", got, r.Scope, scope)
	}
	return r
}

// Every MUST of RFC 6749 section 6, and of the sections that it leads to: 2.3.1,
// 3.2, 3.3, 5.1, 5.2 and 10.4, as far as a token endpoint without registered
// clients has them. What is not here:
//
//   - 1.6, 2.3.1, 3.2, 10.4: TLS. The package serves what it is mounted in; it
//     publishes no address that is not https.
//   - 2.3.2: no other authentication of clients is supported. 3.1, 4.1, 4.2, 4.4: no
//     authorization endpoint, and none of these grants.
//   - 3.2, 5.1, 6: what clients must do (use POST, ignore unknown members, discard
//     the old token). Their mistakes are refused where they can be seen.
//   - 5.2: 401 for a client that failed to authenticate by the Authorization
//     header. A header that is no client's is 401. But no client is registered:
//     its secret is an account's private token, and right or wrong only together
//     with the user's name and password, which get one answer in equal time,
//     invalid_grant; at a refresh another secret makes it another client, for which
//     section 5.2 has invalid_grant too.
func TestRFC6749(t *testing.T) {
	const read, both = "read", "read write"
	runCases(t, []rfcCase{
		{"2.2, 2.3: an id alone is no authentication", func(t *testing.T, s *oauthServer) {
			token := s.logIn().RefreshToken
			wantError(t, s.post("/token", refreshForm(token, "client_id", clientID)), 400, "invalid_grant")
			wantError(t, s.post("/token", refreshForm(token), basicAuth(clientID, "")), 400, "invalid_grant")
			wantError(t, s.post("/token", form("grant_type", "password", "username", "tom", "password", "secret", "client_id", clientID)), 401, "invalid_client")
			// Nor is a public client identified by it.
			public := s.logInByJSON().RefreshToken
			s.wantRefreshed(s.post("/token", refreshForm(public, "client_id", "whoever")), both)
		}},
		{"2.3, 5.2: more than one method of authentication is invalid_request", func(t *testing.T, s *oauthServer) {
			token := s.logIn().RefreshToken
			for _, e := range []edit{asClient, basicAuth(clientID, ""), basicAuth("", clientSecret), basicAuth("", "")} {
				wantError(t, s.post("/token", refreshForm(token, "client_id", clientID, "client_secret", clientSecret), e), 400, "invalid_request")
			}
			s.wantRefreshed(s.refresh(token), both)
		}},
		{"2.3.1: HTTP Basic is supported, with an id and a secret that are form-encoded first", func(t *testing.T, s *oauthServer) {
			for _, c := range [][2]string{{clientID, clientSecret}, {"a:b", "c d+e%f"}, {"é", "😀&="}, {"", "secret alone"}} {
				s.login.asked = nil
				token := s.loginBy(basicAuth(c[0], c[1])).RefreshToken
				if got := s.login.asked[0].PrivateToken; got != c[1] {
					t.Errorf("the authenticator got another secret than %q", c[1])
				}
				s.wantRefreshed(s.post("/token", refreshForm(token), basicAuth(c[0], c[1])), both)
			}
		}},
		{"2.3.1: the credentials may be in the body instead, and are the same ones", func(t *testing.T, s *oauthServer) {
			token := tokensOf(t, s.post("/token", form("grant_type", "password", "username", "tom", "password", "secret", "client_id", clientID, "client_secret", clientSecret))).RefreshToken
			token = s.wantRefreshed(s.post("/token", refreshForm(token, "client_secret", clientSecret, "client_id", clientID)), both).RefreshToken
			s.wantRefreshed(s.refresh(token), both)
		}},
		{"2.3.1: credentials are not in the URI", func(t *testing.T, s *oauthServer) {
			token := s.logIn().RefreshToken
			for _, q := range []string{"client_secret=" + clientSecret, "CLIENT_SECRET=x", "refresh_token=" + token, "password=secret", "username=tom", "a;b"} {
				s.store.taken()
				wantError(t, s.post("/token", refreshForm(token), asClient, query(q)), 400, "invalid_request")
				if calls := s.store.taken(); calls != "" {
					t.Errorf("%s: the store was asked to %s", q, calls)
				}
			}
		}},
		{"2.3.1: an endpoint that takes passwords is protected against brute force", func(t *testing.T, s *oauthServer) {
			s.login.account, s.login.err = nil, &bearer.ThrottledError{RetryAfter: 7 * time.Second}
			w := s.post("/token", form("grant_type", "password", "username", "tom", "password", "wrong"), asClient)
			if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "7" {
				t.Errorf("%d %v", w.Code, w.Header())
			}
			if asked := s.login.asked; len(asked) != 1 || asked[0].UserName != "tom" || asked[0].Password != "wrong" || asked[0].ClientAddr != goodCredentials.ClientAddr {
				t.Error("the authenticator was not asked with what it counts attempts by")
			}
		}},
		{"3.2: POST alone", func(t *testing.T, s *oauthServer) {
			token := s.logIn().RefreshToken
			for _, m := range []string{"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} {
				wantError(t, s.post("/token", refreshForm(token), asClient, method(m)), 405, "invalid_request")
			}
			s.wantRefreshed(s.refresh(token), both)
		}},
		{"3.2: the endpoint's address may have a query, and has no fragment", func(t *testing.T, s *oauthServer) {
			s.wantRefreshed(s.post("/token", refreshForm(s.logIn().RefreshToken), asClient, query("tenant=1&lang=en")), both)
			for name, address := range s.metadata() {
				if text, ok := address.(string); ok && (strings.Contains(text, "#") || !strings.HasPrefix(text, "https://")) {
					t.Errorf("%s is %s", name, text)
				}
			}
		}},
		{"3.2: a parameter without a value counts as left out", func(t *testing.T, s *oauthServer) {
			token := s.logIn().RefreshToken
			for _, body := range []string{
				form("grant_type", "", "refresh_token", token), form("grant_type", "refresh_token", "refresh_token", ""),
				"grant_type&refresh_token=" + token, "grant_type=refresh_token&refresh_token",
			} {
				wantError(t, s.post("/token", body, asClient), 400, "invalid_request")
			}
			s.wantRefreshed(s.refresh(token, "scope", "", "client_secret", "", "client_id", "", "validity", ""), both)
			public := s.logInByJSON().RefreshToken
			s.wantRefreshed(s.post("/token", refreshForm(public, "client_id", "x", "client_secret", "")), both)
			wantError(t, s.post("/token", form("grant_type", "password", "username", "tom", "password", ""), asClient), 400, "invalid_request")
			wantError(t, s.post("/token", form("grant_type", "password", "username", "", "password", "x"), asClient), 400, "invalid_request")
			wantError(t, s.post("/token", form("grant_type", "password", "username", "tom", "password", "x", "client_secret", "", "client_id", "a")), 401, "invalid_client")
		}},
		{"3.2: unknown parameters are ignored, names and values have a case", func(t *testing.T, s *oauthServer) {
			token := s.logIn().RefreshToken
			token = s.wantRefreshed(s.refresh(token, "resource", "https://api.test", "REFRESH_TOKEN", "x", "Scope", "admin", "\x00", "", "password", "wrong"), both).RefreshToken
			wantError(t, s.post("/token", form("Grant_Type", "refresh_token", "refresh_token", token), asClient), 400, "invalid_request")
			wantError(t, s.post("/token", form("grant_type", "Refresh_Token", "refresh_token", token), asClient), 400, "unsupported_grant_type")
		}},
		{"3.2, 5.2: no parameter is there twice", func(t *testing.T, s *oauthServer) {
			token := s.logIn().RefreshToken
			good := refreshForm(token, "scope", read, "unknown", "1", "empty", "")
			for _, name := range []string{"grant_type", "refresh_token", "scope", "unknown", "empty"} {
				value, _ := url.ParseQuery(good)
				for _, second := range []string{value.Get(name), "other", ""} {
					s.store.taken()
					wantError(t, s.post("/token", good+"&"+form(name, second), asClient), 400, "invalid_request")
					wantError(t, s.post("/token", good+"&%"+fmt.Sprintf("%x", name[0])+form(name, second)[1:], asClient), 400, "invalid_request")
					if calls := s.store.taken(); calls != "" {
						t.Errorf("%s: the store was asked to %s", name, calls)
					}
				}
			}
			s.wantRefreshed(s.post("/token", good, asClient), read)
		}},
		{"3.2, Appendix B: a body that is not form-encoded UTF-8 is malformed", func(t *testing.T, s *oauthServer) {
			token := s.logIn().RefreshToken
			for _, more := range []string{"&a=%zz", "&a=%", ";a=b", "&scope=%ff", "&a=%c3", "&username=\xff"} {
				wantError(t, s.post("/token", refreshForm(token)+more, asClient), 400, "invalid_request")
			}
			wantError(t, s.post("/token", form("grant_type", "password", "username", "tom", "password", "a\xff"), asClient), 400, "invalid_request")
			for _, e := range []edit{withHeader("Authorization", "Basic YTr/"), basicAuth("a\xff", "b"), func(r *http.Request) { r.SetBasicAuth("a%zz", "b") }, func(r *http.Request) { r.SetBasicAuth("a", "%b") }} {
				wantError(t, s.post("/token", refreshForm(token), e), 401, "invalid_client")
			}
			s.wantRefreshed(s.refresh(token), both)
		}},
		{"3.3, 5.2: a scope that is malformed is invalid_scope", func(t *testing.T, s *oauthServer) {
			token := s.logIn().RefreshToken
			for _, scope := range []string{" ", " read", "read ", "read  write", `"read"`, `re\ad`, "read\twrite", "read\nwrite", "réad", "read\x7f", "\x00"} {
				wantError(t, s.refresh(token, "scope", scope), 400, "invalid_scope")
				wantError(t, s.post("/token", form("grant_type", "password", "username", "tom", "password", "secret", "scope", scope), asClient), 400, "invalid_scope")
			}
			s.wantRefreshed(s.refresh(token, "scope", read), read)
		}},
		{"3.3: scopes have a case and no order", func(t *testing.T, s *oauthServer) {
			token := s.logIn().RefreshToken
			wantError(t, s.refresh(token, "scope", "Read"), 400, "invalid_scope")
			s.wantRefreshed(s.refresh(token, "scope", "write read"), "write read")
		}},
		{"3.3, 5.1: without a scope the account's own are granted, and the answer says which", func(t *testing.T, s *oauthServer) {
			w := s.post("/token", form("grant_type", "password", "username", "tom", "password", "secret"), asClient)
			token := s.wantRefreshed(w, both).RefreshToken
			s.wantRefreshed(s.refresh(token), both)
			s.login.account.Scopes = nil
			if w := s.post("/token", form("grant_type", "password", "username", "tom", "password", "secret"), asClient); strings.Contains(w.Body.String(), `"scope"`) {
				t.Errorf("no scope is none: %s", w.Body)
			}
		}},
		{"3.3, 5.1: the scope of a token that has less than was asked for is told", func(t *testing.T, s *oauthServer) {
			token := s.logIn().RefreshToken
			s.login.now = nil
			less := fullAccount()
			less.Scopes = []string{"write"} // it has lost the other since
			s.login.account = less
			token = s.wantRefreshed(s.refresh(token), "write").RefreshToken
			wantError(t, s.refresh(token, "scope", both), 400, "invalid_scope")
		}},
		{"3.3, 5.2: a login for a scope that the account lacks is invalid_scope", func(t *testing.T, s *oauthServer) {
			wantError(t, s.post("/token", form("grant_type", "password", "username", "tom", "password", "secret", "scope", "read admin"), asClient), 400, "invalid_scope")
			if calls := s.store.taken(); calls != "" {
				t.Errorf("the store was asked to %s", calls)
			}
		}},
		{"5.1: 200, JSON of strings and numbers, and never stored", func(t *testing.T, s *oauthServer) {
			for _, w := range []*http.Response{
				s.post("/token", form("grant_type", "password", "username", "tom", "password", "secret"), asClient).Result(),
				s.refresh(s.logIn().RefreshToken).Result(), s.refreshByJSON(s.logInByJSON().RefreshToken).Result(),
			} {
				want := http.Header{"Cache-Control": {"no-store"}, "Pragma": {"no-cache"}, "Content-Type": {"application/json"}}
				if w.StatusCode != http.StatusOK || !reflect.DeepEqual(w.Header, want) {
					t.Errorf("%d %v, want %v", w.StatusCode, w.Header, want)
				}
				var members map[string]any
				if err := stdjson.NewDecoder(w.Body).Decode(&members); err != nil {
					t.Fatal(err)
				}
				access, _ := members["access_token"].(string)
				again, _ := members["refresh_token"].(string)
				if access == "" || again == "" || members["token_type"] != "Bearer" || members["expires_in"] != float64(12000*60) {
					t.Errorf("%v", members)
				}
			}
		}},
		{"5.2: a header that is no client's is 401 with the scheme that is", func(t *testing.T, s *oauthServer) {
			token := s.logIn().RefreshToken
			for _, values := range [][]string{
				{"Bearer x"}, {"Basic"}, {"Basic !"}, {"Basic YQ=="}, {"Digest a"}, {""}, {"Basic YTpi", "Basic YTpi"}, {"Basic YTpi", "Bearer x"},
			} {
				wantError(t, s.post("/token", refreshForm(token), withHeader("Authorization", values...)), 401, "invalid_client")
				wantError(t, s.post("/token", form("grant_type", "password", "username", "tom", "password", "secret"), withHeader("Authorization", values...)), 401, "invalid_client")
			}
			s.wantRefreshed(s.refresh(token), both)
		}},
		{"5.2: each fault has its code", func(t *testing.T, s *oauthServer) {
			for _, tt := range []struct {
				body, code string
			}{
				{"", "invalid_request"},
				{form("grant_type", "authorization_code", "code", "x"), "unsupported_grant_type"},
				{form("grant_type", "client_credentials"), "unsupported_grant_type"},
				{form("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"), "unsupported_grant_type"},
				{form("grant_type", "password", "username", "tom", "password", "secret", "validity", "Forever"), "invalid_request"},
				{refreshForm("x"), "invalid_grant"},
				{refreshForm(s.logIn().AccessToken), "invalid_grant"},
			} {
				wantError(t, s.post("/token", tt.body, asClient), 400, tt.code)
			}
			s.login.account, s.login.err = nil, bearer.ErrBadCredentials
			wantError(t, s.post("/token", form("grant_type", "password", "username", "tom", "password", "wrong"), asClient), 400, "invalid_grant")
		}},
		{"6: grant_type and refresh_token are required", func(t *testing.T, s *oauthServer) {
			token := s.logIn().RefreshToken
			wantError(t, s.post("/token", form("refresh_token", token), asClient), 400, "invalid_request")
			wantError(t, s.post("/token", form("grant_type", "refresh_token"), asClient), 400, "invalid_request")
		}},
		{"6: the requested scope has nothing that was not granted at the login", func(t *testing.T, s *oauthServer) {
			token := s.loginBy(asClient, "scope", read).RefreshToken
			for _, scope := range []string{"write", "read write", "admin", "read admin"} {
				wantError(t, s.refresh(token, "scope", scope), 400, "invalid_scope")
			}
			more := fullAccount()
			more.Scopes = []string{"read", "write", "admin"} // it has got another since
			s.login.account = more
			wantError(t, s.refresh(token, "scope", "admin"), 400, "invalid_scope")
			token = s.wantRefreshed(s.refresh(token, "scope", read), read).RefreshToken
			s.wantRefreshed(s.refresh(token), read)
		}},
		{"6: a scope that is left out is the one that was granted", func(t *testing.T, s *oauthServer) {
			full, narrow := s.logIn().RefreshToken, s.loginBy(asClient, "scope", read).RefreshToken
			more := fullAccount()
			more.Scopes = []string{"admin", "read", "write"}
			s.login.account = more
			s.wantRefreshed(s.refresh(full), both)
			s.wantRefreshed(s.refresh(narrow), read)
		}},
		{"6: a client with credentials authenticates, as the one that the token was issued to", func(t *testing.T, s *oauthServer) {
			token := s.logIn().RefreshToken
			for _, e := range []edit{
				func(*http.Request) {}, basicAuth("other", clientSecret), basicAuth(clientID, "other"), basicAuth("", clientSecret),
				basicAuth(clientSecret, clientID), basicAuth(clientID+clientSecret[:1], clientSecret[1:]), basicAuth("App", clientSecret),
			} {
				wantError(t, s.post("/token", refreshForm(token), e), 400, "invalid_grant")
			}
			wantError(t, s.post("/token", refreshForm(token, "client_id", clientID, "client_secret", "other")), 400, "invalid_grant")
			wantError(t, s.refreshByJSON(token), 400, "invalid_grant")
			if calls := s.store.taken(); strings.Contains(calls, "Use") || strings.Contains(calls, "Revoke") {
				t.Errorf("another client can end the session: %s", calls)
			}
			s.wantRefreshed(s.refresh(token), both)
		}},
		{"6: authentication that is included counts for a token of a public client too", func(t *testing.T, s *oauthServer) {
			token := s.logInByJSON().RefreshToken
			wantError(t, s.refresh(token), 400, "invalid_grant")
			s.wantRefreshed(s.post("/token", refreshForm(token)), both)
		}},
		{"6: the refresh token is validated", func(t *testing.T, s *oauthServer) {
			token := s.logIn().RefreshToken
			for _, wrong := range []string{token + "A", token[:len(token)-1], strings.ToUpper(token), "0", strings.Repeat("A", len(token)), " " + token} {
				wantError(t, s.refresh(wrong), 400, "invalid_grant")
			}
		}},
		{"6: a new refresh token has the scope of the old one", func(t *testing.T, s *oauthServer) {
			token := s.logIn().RefreshToken
			next := s.wantRefreshed(s.refresh(token, "scope", read), read).RefreshToken
			if next == token {
				t.Error("it was not rotated")
			}
			next = s.wantRefreshed(s.refresh(next, "scope", "write"), "write").RefreshToken
			s.wantRefreshed(s.refresh(next), both)
		}},
		{"6: the old refresh token ends after the new one was issued", func(t *testing.T, s *oauthServer) {
			token := s.logIn().RefreshToken
			s.wantRefreshed(s.refresh(token), both)
			s.clock.Advance(refreshGrace + time.Millisecond)
			wantError(t, s.refresh(token), 400, "invalid_grant")
		}},
		{"10.4: a refresh token cannot be made, changed or guessed", func(t *testing.T, s *oauthServer) {
			seen := map[string]bool{}
			for range 100 {
				token := s.logIn().RefreshToken
				if seen[token[:43]] || len(token) != 91 {
					t.Fatalf("%d characters, seen: %t", len(token), seen[token[:43]])
				}
				seen[token[:43]] = true
			}
		}},
	})
}

// metadata is what clients find the endpoints by.
func (s *oauthServer) metadata() map[string]any {
	s.t.Helper()
	w := s.post("/.well-known/oauth-authorization-server", "", method("GET"))
	var m map[string]any
	if err := stdjson.Unmarshal(w.Body.Bytes(), &m); err != nil || w.Code != http.StatusOK {
		s.t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	return m
}
