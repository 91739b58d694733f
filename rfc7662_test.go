package bearer_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/refresh"
)

// Every MUST of RFC 7662, and what it says of the endpoint without that word.
// What is not here:
//
//   - 2, 4: TLS, and the check of the server's certificate. The package serves what
//     it is mounted in.
//   - 2.2, 3: names that are used across domains are registered. Beside those of
//     section 2.2 there is sid, a registered claim.
//   - 4: whether a token may be used at the server that asks. WithCallers does not
//     say which audience a caller is; a token of another audience than the
//     issuer's is inactive, and aud is told.
//   - 4: how long an answer may be cached. It is no-store.
func TestRFC7662(t *testing.T) {
	runCases(t, []rfcCase{
		{"2.1: POST alone, which section 4 allows", func(t *testing.T, s *oauthServer) {
			token := s.logIn().AccessToken
			for _, m := range []string{"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} {
				wantError(t, s.post("/introspect", form("token", token), asCaller, method(m)), 405, "invalid_request")
			}
			wantError(t, s.post("/introspect", "", asCaller, method("GET"), query(form("token", token))), 405, "invalid_request")
		}},
		{"2.1: the token is required, once, in a form in the body", func(t *testing.T, s *oauthServer) {
			token := s.logIn().AccessToken
			for _, body := range []string{"", "token=", form("TOKEN", token), form("token", token, "token", token), form("token", token) + ";a", form("token", token+"\xff")} {
				wantError(t, s.post("/introspect", body, asCaller), 400, "invalid_request")
			}
			wantError(t, s.post("/introspect", form("token", token), asCaller, query(form("token", token))), 400, "invalid_request")
			wantError(t, s.post("/introspect", `{"token":"`+token+`"}`, asCaller, asJSON), 415, "invalid_request")
			wantError(t, s.post("/introspect", form("token", strings.Repeat("x", 16<<10)), asCaller), 413, "invalid_request")
		}},
		{"2.1: a hint that is wrong does not keep a token from being found, and unknown parameters are ignored", func(t *testing.T, s *oauthServer) {
			token := s.logIn().AccessToken
			for _, hint := range []string{"access_token", "refresh_token", "id_token", "x", ""} {
				if w := s.introspect(token, "token_type_hint", hint, "client_addr", "192.0.2.1"); !strings.Contains(w.Body.String(), `"active":true`) {
					t.Errorf("hint %q: %s", hint, w.Body)
				}
			}
		}},
		{"2.1, 4: a caller has to be authenticated", func(t *testing.T, s *oauthServer) {
			tokens := s.logIn()
			for _, e := range []edit{
				func(*http.Request) {}, basicAuth(callerID, "wrong"), basicAuth("wrong", callerSecret), basicAuth(callerID, ""), basicAuth("", ""),
				withHeader("Authorization", "Bearer "+tokens.AccessToken), withHeader("Authorization", "Bearer"),
				func(r *http.Request) { asCaller(r); r.Header.Add("Authorization", "Bearer "+tokens.AccessToken) },
			} {
				for _, token := range []string{tokens.AccessToken, tokens.RefreshToken, "x", ""} {
					wantError(t, s.post("/introspect", form("token", token), e), 401, "invalid_client")
				}
			}
			wantError(t, s.post("/introspect", form("token", tokens.AccessToken, "client_id", callerID, "client_secret", callerSecret)), 401, "invalid_client")
		}},
		{"2.2: an active token, to the byte", func(t *testing.T, s *oauthServer) {
			token := s.logIn().AccessToken
			claims := claimsOf(t, token)
			w := s.introspect(token)
			want := fmt.Sprintf(`{"active":true,"scope":"read write","token_type":"Bearer","exp":%d,"iat":%d,"nbf":%d,"sub":"1087","aud":%q,"iss":%q,"jti":%q,"sid":%q}`+"\n",
				testNow.Unix()+720000, testNow.Unix(), testNow.Unix(), testIssuer, testIssuer, claims["jti"], claims["sid"])
			if w.Code != http.StatusOK || w.Body.String() != want {
				t.Errorf("%d %s, want %s", w.Code, w.Body, want)
			}
			wantHeader(t, w, http.Header{"Cache-Control": {"no-store"}, "Pragma": {"no-cache"}, "Content-Type": {"application/json"}})
		}},
		{"2.2: a token that says little, and one of many audiences", func(t *testing.T, s *oauthServer) {
			s.start(bearer.WithCallers(s.authenticate), bearer.WithAudience("a", "b"))
			response := issue(t, s.issuer, &bearer.Account{ID: "1"}, "")
			w := s.introspect(response.AccessToken)
			want := fmt.Sprintf(`{"active":true,"token_type":"Bearer","exp":%d,"iat":%d,"nbf":%d,"sub":"1","aud":["a","b"],"iss":%q,"jti":%q}`+"\n",
				response.Expires.Unix(), testNow.Unix(), testNow.Unix(), testIssuer, claimsOf(t, response.AccessToken)["jti"])
			if w.Body.String() != want {
				t.Errorf("%s, want %s", w.Body, want)
			}
		}},
		{"2.2, 2.3: a token that is none is inactive, which is no error, and nothing else is said", func(t *testing.T, s *oauthServer) {
			tokens, revoked := s.logIn(), s.logIn()
			wantRevocation(t, s.revoke(revoked.AccessToken))
			wrongAudience := issue(t, issuerOf(t, &loginSpy{}, bearer.WithAudience("https://other.test")), fullAccount(), "").AccessToken
			for name, token := range map[string]string{
				"garbage": "x", "a NUL": "\x00", "of another issuer": foreignToken(t), "revoked": revoked.AccessToken, "of another audience": wrongAudience,
				"a refresh token, which is for the issuer alone": tokens.RefreshToken, "with spaces around it": " " + tokens.AccessToken + " ",
				"with a scheme": "Bearer " + tokens.AccessToken, "long": strings.Repeat("x", 16_000),
				"unsigned": encode(`{"alg":"none"}`) + "." + strings.Split(tokens.AccessToken, ".")[1] + ".",
			} {
				t.Run(name, func(t *testing.T) { wantInactive(t, s.introspect(token)) })
			}
		}},
		{"4: whether it has expired", func(t *testing.T, s *oauthServer) {
			token := s.logIn().AccessToken
			s.clock.Advance(12000*time.Minute - time.Nanosecond)
			if w := s.introspect(token); !strings.HasPrefix(w.Body.String(), `{"active":true,`) {
				t.Errorf("%s", w.Body)
			}
			s.clock.Advance(time.Nanosecond)
			wantInactive(t, s.introspect(token))
		}},
		{"4: whether its period has started", func(t *testing.T, s *oauthServer) {
			token := s.logIn().AccessToken
			s.clock.Advance(-time.Nanosecond)
			wantInactive(t, s.introspect(token))
			key := goldenKey(t)
			ahead := forge(t, key, header(key), fmt.Sprintf(`{"iss":%q,"aud":%q,"nbf":%d,"exp":%d}`, testIssuer, testIssuer, testNow.Unix()+1, testNow.Unix()+60))
			wantInactive(t, s.introspect(ahead))
			s.clock.Advance(time.Second + time.Nanosecond)
			want := fmt.Sprintf(`{"active":true,"token_type":"Bearer","exp":%d,"nbf":%d,"aud":%q,"iss":%q}`+"\n", testNow.Unix()+60, testNow.Unix()+1, testIssuer, testIssuer)
			if w := s.introspect(ahead); w.Body.String() != want {
				t.Errorf("%s, want %s", w.Body, want)
			}
		}},
		{"4: whether it was revoked, in each of the three ways", func(t *testing.T, s *oauthServer) {
			for name, revoke := range map[string]func(bearer.TokenResponse) error{
				"the token": func(r bearer.TokenResponse) error { return s.issuer.Revoke(t.Context(), s.infoOf(r.AccessToken)) },
				"the session": func(r bearer.TokenResponse) error {
					return s.issuer.RevokeSession(t.Context(), s.infoOf(r.AccessToken).Session)
				},
				"the subject": func(bearer.TokenResponse) error { return s.issuer.RevokeSubject(t.Context(), "1087", s.clock.Now()) },
			} {
				t.Run(name, func(t *testing.T) {
					tokens := s.logIn()
					if w := s.introspect(tokens.AccessToken); !strings.HasPrefix(w.Body.String(), `{"active":true,`) {
						t.Fatalf("%s", w.Body)
					}
					if err := revoke(tokens); err != nil {
						t.Fatal(err)
					}
					wantInactive(t, s.introspect(tokens.AccessToken))
					s.clock.Advance(time.Second) // a login after a cut is another second's
				})
			}
		}},
		{"4: whether its signature is right", func(t *testing.T, s *oauthServer) {
			token := s.logIn().AccessToken
			for segment := range 3 {
				wantInactive(t, s.introspect(spoiled(token, segment)))
			}
			attacker := newKey(t, "HS256")
			wantInactive(t, s.introspect(forge(t, attacker, header(attacker), string(payloadOf(t, token)))))
		}},
		{"4: what cannot be found out is 503, and neither active nor inactive", func(t *testing.T, s *oauthServer) {
			token := s.logIn().AccessToken
			for _, err := range []error{errors.New("connection refused"), bearer.ErrRevoked, bearer.ErrExpired, bearer.ErrBadCredentials, refresh.Unknown} {
				s.revocations.fail["Revoked"] = err
				wantError(t, s.introspect(token), 503, "temporarily_unavailable")
			}
			wantInactive(t, s.introspect("x")) // which asks no store
			delete(s.revocations.fail, "Revoked")
			if w := s.introspect(token); !strings.HasPrefix(w.Body.String(), `{"active":true,`) {
				t.Errorf("%s", w.Body)
			}
		}},
		{"5: nobody learns of a person but a caller", func(t *testing.T, s *oauthServer) {
			w := s.introspect(s.logIn().AccessToken)
			for _, private := range []string{"Amit", "amit", "tom", "kolkata", "Kolkata", "example.com"} {
				if strings.Contains(w.Body.String(), private) {
					t.Errorf("%s shows %s", w.Body, private)
				}
			}
		}},
	})
}

// infoOf is what a handler knows of a token.
func (s *oauthServer) infoOf(token string) bearer.Info {
	s.t.Helper()
	v, err := s.middleware.Verify(s.t.Context(), token)
	if err != nil {
		s.t.Fatal(err)
	}
	return v.Info
}
