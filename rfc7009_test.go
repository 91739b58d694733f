package bearer_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/keys"
	"github.com/gobearer/bearer/refresh"
)

// foreignToken is another issuer's, which nothing but its signature tells.
func foreignToken(t testing.TB) string {
	t.Helper()
	return issue(t, issuerWith(t, newKey(t, keys.HS256), &loginSpy{}, testClock), fullAccount(), "").AccessToken
}

// Every MUST of RFC 7009, and what it says of the endpoint without that word.
// What is not here:
//
//   - 2: TLS, and that clients verify the address and the server (section 5 too).
//     The package serves what it is mounted in.
//   - 2.1: that a token belongs to the client which revokes it. Callers are
//     services that WithCallers trusts with all of an issuer's tokens.
//   - 2.3: neither CORS nor JSONP, which it leaves open.
func TestRFC7009(t *testing.T) {
	errDown := errors.New("connection refused")
	runCases(t, []rfcCase{
		{"2: refresh tokens can be revoked, whichever of the family", func(t *testing.T, s *oauthServer) {
			old := s.logIn().RefreshToken
			token := tokensOf(t, s.refresh(old)).RefreshToken
			for _, revoked := range []string{token, old} {
				wantRevocation(t, s.revoke(revoked))
				wantError(t, s.refresh(token), 400, "invalid_grant")
				wantError(t, s.refresh(old), 400, "invalid_grant")
			}
		}},
		{"2: access tokens can be revoked", func(t *testing.T, s *oauthServer) {
			a, b := s.logIn(), s.logIn()
			wantRevocation(t, s.revoke(a.AccessToken))
			if s.admits(a.AccessToken) || !s.admits(b.AccessToken) {
				t.Error("not this one alone")
			}
			// Section 2.1 lets the session go on.
			if next := tokensOf(t, s.refresh(a.RefreshToken)); !s.admits(next.AccessToken) {
				t.Error("the session ended with one of its tokens")
			}
		}},
		{"2: POST alone", func(t *testing.T, s *oauthServer) {
			token := s.logIn().AccessToken
			for _, m := range []string{"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} {
				wantError(t, s.post("/revoke", form("token", token), asCaller, method(m)), 405, "invalid_request")
			}
			wantError(t, s.post("/revoke", "", asCaller, method("GET"), query(form("token", token, "callback", "package.myCallback"))), 405, "invalid_request")
			if !s.admits(token) || s.callers != 0 {
				t.Error("revoked, or a caller was authenticated")
			}
		}},
		{"2: the address that is published is https, without a fragment", func(t *testing.T, s *oauthServer) {
			if got := s.metadata()["revocation_endpoint"]; got != testIssuer+"/revoke" {
				t.Errorf("%v", got)
			}
			plain, err := bearer.NewIssuer("http://issuer.test", ringOf(t, goldenKey(t)), &loginSpy{}, bearer.WithCallers(s.authenticate))
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range plain.Endpoints() {
				if strings.Contains(e.Path, "oauth-authorization-server") {
					t.Error("an http address is published")
				}
			}
		}},
		{"2.1: the token is required, once", func(t *testing.T, s *oauthServer) {
			token := s.logIn().AccessToken
			for _, body := range []string{
				"", "token", "token=", form("token_type_hint", "access_token"), form("Token", token), form("TOKEN", token), form("access_token", token),
				form("token", token, "token", token), form("token", token, "token", ""), form("token", "", "token", token), form("token", token) + "&%74oken=x",
				form("token", token) + ";a", form("token", token) + "&a=%zz", form("token", token, "a", "1", "a", "2"), form("token", token+"\xff"),
				form("token", token, "token_type_hint", "a", "token_type_hint", "b"),
			} {
				wantError(t, s.post("/revoke", body, asCaller), 400, "invalid_request")
			}
			if !s.admits(token) {
				t.Error("revoked")
			}
		}},
		{"2.1: it is in the body, form-encoded", func(t *testing.T, s *oauthServer) {
			token := s.logIn().AccessToken
			for _, q := range []string{form("token", token), "TOKEN=x", "token", "a;b", "client_secret=x"} {
				wantError(t, s.post("/revoke", form("token", token), asCaller, query(q)), 400, "invalid_request")
			}
			for _, types := range [][]string{nil, {"application/json"}, {"text/plain"}, {"multipart/form-data"}, {""}, {"application/x-www-form-urlencoded", "application/json"}} {
				wantError(t, s.post("/revoke", form("token", token), asCaller, withHeader("Content-Type", types...)), 415, "invalid_request")
			}
			wantError(t, s.post("/revoke", `{"token":"`+token+`"}`, asCaller, asJSON), 415, "invalid_request")
			if !s.admits(token) {
				t.Error("revoked")
			}
			wantRevocation(t, s.post("/revoke", form("token", token), asCaller, withHeader("Content-Type", "Application/X-WWW-form-urlencoded; charset=UTF-8"), query("tenant=1")))
			if s.admits(token) {
				t.Error("not revoked")
			}
		}},
		{"2.1: a hint that is wrong does not keep a token from being found", func(t *testing.T, s *oauthServer) {
			for _, hint := range []string{"access_token", "refresh_token", "id_token", "x", "", "ACCESS_TOKEN", strings.Repeat("x", 10_000)} {
				tokens := s.logIn()
				wantRevocation(t, s.revoke(tokens.AccessToken, "token_type_hint", hint))
				if s.admits(tokens.AccessToken) {
					t.Errorf("hint %.20q: the access token is not revoked", hint)
				}
				wantRevocation(t, s.revoke(tokens.RefreshToken, "token_type_hint", hint))
				wantError(t, s.refresh(tokens.RefreshToken), 400, "invalid_grant")
			}
		}},
		{"2.1: the caller is authenticated first, and nothing happens for another", func(t *testing.T, s *oauthServer) {
			tokens := s.logIn()
			s.store.taken()
			for _, e := range []edit{
				func(*http.Request) {}, basicAuth(callerID, "wrong"), basicAuth("wrong", callerSecret), basicAuth(callerID, ""), basicAuth("", callerSecret),
				func(r *http.Request) { r.SetBasicAuth(callerID, callerSecret) }, // not encoded, as section 2.3.1 of RFC 6749 has it
				withHeader("Authorization", "Bearer "+tokens.AccessToken), withHeader("Authorization", ""),
				func(r *http.Request) { asCaller(r); r.Header.Add("Authorization", r.Header.Get("Authorization")) },
			} {
				wantError(t, s.post("/revoke", form("token", tokens.AccessToken), e), 401, "invalid_client")
				wantError(t, s.post("/revoke", form("token", tokens.RefreshToken), e), 401, "invalid_client")
				wantError(t, s.post("/revoke", "", e), 401, "invalid_client")
				wantError(t, s.post("/revoke", "{", e, asJSON), 401, "invalid_client")
			}
			wantError(t, s.post("/revoke", form("token", tokens.AccessToken, "client_id", callerID, "client_secret", callerSecret)), 401, "invalid_client")
			if calls := s.store.taken(); calls != "" || !s.admits(tokens.AccessToken) {
				t.Errorf("the store was asked to %s; admitted: %t", calls, s.admits(tokens.AccessToken))
			}
			tokensOf(t, s.refresh(tokens.RefreshToken))
		}},
		{"2.1: invalidation is immediate, for each token of the login", func(t *testing.T, s *oauthServer) {
			first := s.logIn()
			second := tokensOf(t, s.refresh(first.RefreshToken))
			other := s.logIn()
			wantRevocation(t, s.revoke(second.RefreshToken))
			if s.admits(first.AccessToken) || s.admits(second.AccessToken) {
				t.Error("an access token of the same grant is admitted")
			}
			wantError(t, s.refresh(first.RefreshToken), 400, "invalid_grant") // in its grace
			if !s.admits(other.AccessToken) {
				t.Error("another login ended")
			}
			tokensOf(t, s.refresh(other.RefreshToken))
		}},
		{"2.2: a token that is not valid is 200", func(t *testing.T, s *oauthServer) {
			tokens := s.logIn()
			gone := s.logIn()
			wantRevocation(t, s.revoke(gone.AccessToken))
			wantRevocation(t, s.revoke(gone.RefreshToken))
			forgotten := s.logIn().RefreshToken
			s.store.Store = new(refresh.MemoryStore)
			for name, token := range map[string]string{
				"garbage": "x", "spaces": "  ", "a NUL": "\x00", "revoked": gone.AccessToken, "a revoked refresh token": gone.RefreshToken,
				"a forged signature": spoiled(tokens.AccessToken, 2), "another issuer's": foreignToken(t),
				"a forged refresh token": tokens.RefreshToken[:80] + strings.Repeat("A", 11), "a refresh token that the store has not": forgotten, "long": strings.Repeat("x", 16_000),
			} {
				t.Run(name, func(t *testing.T) { wantRevocation(t, s.revoke(token)) })
			}
			if !s.admits(tokens.AccessToken) {
				t.Error("revoked")
			}
			s.clock.Advance(12001 * time.Minute)
			wantRevocation(t, s.revoke(tokens.AccessToken))
		}},
		{"2.2: a token that a verifier may still accept is revoked", func(t *testing.T, s *oauthServer) {
			token := s.loginBy(asClient, "validity", "ShortLive").AccessToken
			s.clock.Advance(30*time.Second + 4*time.Minute)
			wantRevocation(t, s.revoke(token))
			late, err := bearer.NewMiddleware[bearer.Claims](s.issuer.Trust(), bearer.WithClock(s.clock.Now), bearer.WithLeeway(5*time.Minute))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := late.Verify(t.Context(), token); !errors.Is(err, bearer.ErrRevoked) {
				t.Errorf("%v", err)
			}
		}},
		{"2.2: a token of an earlier audience or profile is revoked", func(t *testing.T, s *oauthServer) {
			old, err := bearer.NewIssuer(testIssuer, ringOf(t, goldenKey(t)), s.login, bearer.WithClock(s.clock.Now), bearer.WithAudience("https://old.test"), bearer.WithRevocations(s.revocations))
			if err != nil {
				t.Fatal(err)
			}
			token := issue(t, old, fullAccount(), "LongLive").AccessToken
			other := forge(t, goldenKey(t), `{"alg":"HS256","typ":"at+jwt"}`, string(payloadOf(t, issue(t, old, fullAccount(), "").AccessToken)))
			trust := old.Trust()
			trust.TokenTypes = nil
			m, err := bearer.NewMiddleware[bearer.Claims](trust, bearer.WithClock(s.clock.Now))
			if err != nil {
				t.Fatal(err)
			}
			for _, token := range []string{token, other} {
				wantRevocation(t, s.revoke(token))
				if _, err := m.Verify(t.Context(), token); !errors.Is(err, bearer.ErrRevoked) {
					t.Errorf("200, and %v", err)
				}
			}
		}},
		{"2.2: the session of a refresh token is revoked, whatever became of the token", func(t *testing.T, s *oauthServer) {
			for name, happen := range map[string]func(){
				"idle for too long":              func() { s.clock.Advance(refreshIdle + time.Second) },
				"forgotten by its store":         func() { s.store.Store = new(refresh.MemoryStore) },
				"of a store that cannot be read": func() { s.store.fail["Lookup"] = errDown },
			} {
				t.Run(name, func(t *testing.T) {
					tokens := s.loginBy(asClient, "validity", "LongLive")
					happen()
					if !s.admits(tokens.AccessToken) {
						t.Fatal("not admitted before")
					}
					wantRevocation(t, s.revoke(tokens.RefreshToken))
					if s.admits(tokens.AccessToken) {
						t.Error("200, and the session's access token is admitted")
					}
				})
			}
		}},
		{"2.2.1: a token that is valid by another clock is not said to be revoked", func(t *testing.T, s *oauthServer) {
			token := s.logIn().AccessToken
			s.clock.Advance(-time.Hour)
			wantError(t, s.revoke(token), 503, "temporarily_unavailable")
			s.clock.Advance(time.Hour)
			wantRevocation(t, s.revoke(token))
			if s.admits(token) {
				t.Error("admitted")
			}
		}},
		{"RFC 6749 section 2.3: one way to authenticate in a request", func(t *testing.T, s *oauthServer) {
			token := s.logIn().AccessToken
			wantError(t, s.post("/revoke", form("token", token, "client_secret", callerSecret), asCaller), 400, "invalid_request")
			if !s.admits(token) {
				t.Error("revoked")
			}
		}},
		{"2.2: a refresh token of an earlier audience is revoked", func(t *testing.T, s *oauthServer) {
			tokens := s.logIn()
			next := s.beside(t, testIssuer, goldenKey(t), bearer.WithAudience(testIssuer, "https://more.test"),
				bearer.WithRevocations(s.revocations), bearer.WithCallers(s.authenticate), s.refreshing())
			wantRevocation(t, next.revoke(tokens.RefreshToken))
			if s.admits(tokens.AccessToken) {
				t.Error("200, and the session's access token is admitted")
			}
			wantError(t, s.refresh(tokens.RefreshToken), 400, "invalid_grant")
		}},
		{"2.2: a refresh token of another issuer with the same secret is not", func(t *testing.T, s *oauthServer) {
			tokens := s.logIn()
			other := s.beside(t, "https://other.test", goldenKey(t), bearer.WithAudience(testIssuer),
				bearer.WithRevocations(s.revocations), bearer.WithCallers(s.authenticate), s.refreshing())
			wantRevocation(t, other.revoke(tokens.RefreshToken))
			if !s.admits(tokens.AccessToken) {
				t.Error("revoked")
			}
			tokensOf(t, s.refresh(tokens.RefreshToken))
		}},
		{"2.2.1: a server that cannot revoke access tokens says so", func(t *testing.T, _ *oauthServer) {
			for name, opt := range map[string]bearer.IssuerOption{
				"without revocations": bearer.DangerouslyWithoutRevocation(), "with revocations that cannot be written": bearer.WithRevocations(readingStore{}),
			} {
				t.Run(name, func(t *testing.T) {
					s := &oauthServer{t: t, clock: newOAuthServer(t).clock, login: &renewSpy{loginSpy: loginSpy{account: fullAccount()}}}
					s.store = &refreshSpy{Store: new(refresh.MemoryStore)}
					s.start(opt, bearer.WithCallers(s.authenticate), bearer.WithRefreshTokens(s.store, refreshSecret, refreshIdle, refreshAbsolute))
					tokens := s.logInByJSON()
					wantError(t, s.revoke(tokens.AccessToken), 400, "unsupported_token_type")
					wantRevocation(t, s.revoke("x"))
					// Section 2: refresh tokens it MUST.
					wantRevocation(t, s.revoke(tokens.RefreshToken))
					wantError(t, s.refreshByJSON(tokens.RefreshToken), 400, "invalid_grant")
				})
			}
		}},
		{"2.2.1: whatever failed is 503, and never 200", func(t *testing.T, s *oauthServer) {
			tokens := s.logIn()
			for _, tt := range []struct {
				name, token, method string
				revocations         bool // whose method it is
			}{
				{"an access token, written", tokens.AccessToken, "Revoke", true},
				{"a refresh token, written", tokens.RefreshToken, "Revoke", false},
				{"a refresh token, the session's access tokens", tokens.RefreshToken, "Revoke", true},
			} {
				fail := s.store.fail
				if tt.revocations {
					fail = s.revocations.fail
				}
				// Whatever a store's error wraps, it is no answer about the token.
				for _, err := range []error{errDown, refresh.Unknown, refresh.Revoked, bearer.ErrBadCredentials, bearer.ErrRevoked, bearer.ErrMalformed, bearer.ErrExpired, &bearer.ThrottledError{}} {
					fail[tt.method] = err
					t.Run(tt.name+", "+err.Error(), func(t *testing.T) { wantError(t, s.revoke(tt.token), 503, "temporarily_unavailable") })
				}
				delete(fail, tt.method)
			}
			wantRevocation(t, s.revoke(tokens.RefreshToken)) // trying again is all that it takes
			if s.admits(tokens.AccessToken) {
				t.Error("admitted")
			}
		}},
		{"5: a body is bounded, and made-up tokens and hints reach no store", func(t *testing.T, s *oauthServer) {
			wantError(t, s.post("/revoke", form("token", strings.Repeat("x", 16<<10)), asCaller), 413, "invalid_request")
			token := s.logIn().RefreshToken
			s.store.taken()
			s.revocations.calls = nil
			for _, made := range []string{"x", token + "A", spoiled(s.issuerToken(), 2), foreignToken(t)} {
				for _, hint := range []string{"access_token", "refresh_token", "x"} {
					wantRevocation(t, s.revoke(made, "token_type_hint", hint))
				}
			}
			if calls := s.store.taken(); calls != "" || len(s.revocations.calls) > 0 {
				t.Errorf("the stores were asked to %s and %v", calls, s.revocations.calls)
			}
		}},
	})
}

// issuerToken is an access token that was not given to anybody.
func (s *oauthServer) issuerToken() string {
	return issue(s.t, issuerOf(s.t, &loginSpy{}), fullAccount(), "").AccessToken
}
