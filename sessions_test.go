package bearer_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/keys"
	"github.com/gobearer/bearer/refresh"
)

// refreshedFrom presents a token in both formats' common way, and wants another.
func (s *oauthServer) refreshedFrom(token string) bearer.TokenResponse {
	s.t.Helper()
	return tokensOf(s.t, s.refresh(token))
}

func (s *oauthServer) wantDead(token string) {
	s.t.Helper()
	wantError(s.t, s.refresh(token), 400, "invalid_grant")
}

// since returns the events since the last time, without their durations.
func (l *eventLog) since() []bearer.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := l.list
	for k := range list {
		list[k].Duration = 0
	}
	l.list = nil
	return list
}

// The whole answer, whose first members are those of every other one.
func TestRefreshResponse(t *testing.T) {
	s := newOAuthServer(t)
	for _, tt := range []struct {
		name  string
		login func() bearer.TokenResponse
		use   func(token string) *httptest.ResponseRecorder
		scope []string
	}{
		{"as JSON", s.logInByJSON, s.refreshByJSON, nil},
		{"as a form", s.logIn, func(token string) *httptest.ResponseRecorder { return s.refresh(token) }, []string{"scope"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			first := tt.login()
			s.clock.Advance(time.Hour)
			w := tt.use(first.RefreshToken)
			second := tokensOf(t, w)
			want := append([]string{"access_token", "token_type", "expires_in", "userName", ".issued", ".expires", "timeZoneOffset", "locale", "refresh_token"}, tt.scope...)
			if got := memberNames(t, w.Body.Bytes()); !slices.Equal(got, want) {
				t.Errorf("members %q, want %q", got, want)
			}
			if !second.Issued.Equal(first.Issued.Add(time.Hour)) || !second.Expires.Equal(first.Expires.Add(time.Hour)) || second.UserName != "tom" || second.Locale != "en-US" {
				t.Errorf("%+v", claimsOf(t, second.AccessToken))
			}
			a, b := claimsOf(t, first.AccessToken), claimsOf(t, second.AccessToken)
			if a["jti"] == b["jti"] || a["sid"] != b["sid"] || a["sid"] == nil || a["sub"] != b["sub"] {
				t.Errorf("jti %v and %v, sid %v and %v", a["jti"], b["jti"], a["sid"], b["sid"])
			}
			if !uuid4.MatchString(a["sid"].(string)) || a["sid"] == a["jti"] {
				t.Errorf("sid %v", a["sid"])
			}
			if !s.admits(first.AccessToken) || !s.admits(second.AccessToken) {
				t.Error("a refresh ends no access token")
			}
		})
	}
	if a, b := claimsOf(t, s.logIn().AccessToken), claimsOf(t, s.logIn().AccessToken); a["sid"] == b["sid"] {
		t.Error("two logins are one session")
	}
}

// Without the option nothing of the wire format changes; TestGoldenResponses
// compares it to the byte.
func TestWithoutRefreshTokensNothingChanges(t *testing.T) {
	spy := &renewSpy{loginSpy: loginSpy{account: fullAccount()}}
	i := issuerOf(t, spy)
	response := issue(t, i, fullAccount(), "")
	if response.RefreshToken != "" || response.Scope != "" || claimsOf(t, response.AccessToken)["sid"] != nil {
		t.Errorf("sid %v", claimsOf(t, response.AccessToken)["sid"])
	}
	// The members of a refresh are unknown ones, and ignored.
	for _, tt := range []tokenTest{
		{body: body(`"userName":"tom","password":"secret","privateToken":"0d6c","grant_type":"refresh_token","refresh_token":7,"REFRESH_TOKEN":null`), want: admitted},
		{body: body(`"userName":"tom","password":"secret","privateToken":"0d6c","grant_type":"x"`), want: admitted},
	} {
		w := httptest.NewRecorder()
		i.ServeHTTP(w, tt.request())
		if w.Code != http.StatusOK || strings.Contains(w.Body.String(), "refresh") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
	w := httptest.NewRecorder()
	tt := tokenTest{body: refreshJSON("x"), want: wrongBody}
	i.ServeHTTP(w, tt.request())
	tt.check(t, &loginSpy{}, w.Code, w.Header(), w.Body.String(), "")
}

// What WithClaims makes cannot leave the session, which a revocation would not
// find then.
func TestOwnClaimsKeepTheSession(t *testing.T) {
	own := bearer.WithClaims(func(context.Context, *bearer.Account, bearer.Claims) (map[string]any, error) {
		return map[string]any{"sid": "its own"}, nil
	})
	s := newOAuthServer(t, own)
	first := s.logIn()
	second := s.refreshedFrom(first.RefreshToken)
	sid := claimsOf(t, first.AccessToken)["sid"]
	if sid == "its own" || sid == nil || sid != claimsOf(t, second.AccessToken)["sid"] {
		t.Errorf("sid %v", sid)
	}
	if sid := claimsOf(t, issue(t, issuerOf(t, &loginSpy{}, own), fullAccount(), "").AccessToken)["sid"]; sid != "its own" {
		t.Errorf("without refresh tokens: sid %v", sid)
	}
}

// Issue from code begins a session as a login does.
func TestIssueBeginsASession(t *testing.T) {
	s := newOAuthServer(t)
	first := issue(t, s.issuer, fullAccount(), bearer.ValidityShortLive)
	if first.Scope != "" {
		t.Errorf("scope %q", first.Scope)
	}
	second := tokensOf(t, s.refreshByJSON(first.RefreshToken))
	if second.ExpiresIn != 30 {
		t.Errorf("%d seconds, want the validity of the login", second.ExpiresIn)
	}
	s.store.fail["Create"] = errStore
	if r, err := s.issuer.Issue(t.Context(), fullAccount(), ""); r != nil || !errors.Is(err, errStore) {
		t.Errorf("%v, %v", r, err)
	}
}

func TestGrantsThatAreNotEnabled(t *testing.T) {
	refreshing := bearer.WithRefreshTokens(new(refresh.MemoryStore), refreshSecret, refreshIdle, refreshAbsolute)
	passwords := bearer.DangerouslyAllowPasswordGrant()
	const (
		byPassword = "grant_type=password&username=tom&password=secret&client_secret=0d6c"
		byRefresh  = "grant_type=refresh_token&refresh_token=x"
		byCode     = "grant_type=authorization_code&code=x"
	)
	for _, tt := range []struct {
		name, body string
		opts       []bearer.IssuerOption
		edit       edit
		status     int
		code       string
	}{
		{"nothing: a password", byPassword, nil, nil, 415, "invalid_request"},
		{"nothing: a refresh", byRefresh, nil, nil, 415, "invalid_request"},
		{"nothing: another", byCode, nil, nil, 415, "invalid_request"},
		{"nothing: an empty form", "", nil, nil, 415, "invalid_request"},
		{"refresh tokens: a password", byPassword, []bearer.IssuerOption{refreshing}, nil, 415, "invalid_request"},
		{"refresh tokens: another", byCode, []bearer.IssuerOption{refreshing}, nil, 400, "unsupported_grant_type"},
		{"passwords: a refresh", byRefresh, []bearer.IssuerOption{passwords}, nil, 415, "invalid_request"},
		{"passwords: another", byCode, []bearer.IssuerOption{passwords}, nil, 400, "unsupported_grant_type"},
		{"passwords: a refresh as JSON is an incomplete login", refreshJSON("x"), []bearer.IssuerOption{passwords}, asJSON, 400, "invalid_request"},
		{"refresh tokens: another as JSON", `{"grant_type":"authorization_code","code":"x"}`, []bearer.IssuerOption{refreshing}, asJSON, 400, "unsupported_grant_type"},
		{"refresh tokens: a password as JSON", `{"grant_type":"password","userName":"tom","password":"secret","privateToken":"0d6c"}`, []bearer.IssuerOption{refreshing}, asJSON, 200, ""},
		{"both: text", byPassword, []bearer.IssuerOption{refreshing, passwords}, withHeader("Content-Type", "text/plain"), 415, "invalid_request"},
		{"both: a multipart form", byPassword, []bearer.IssuerOption{refreshing, passwords}, withHeader("Content-Type", "multipart/form-data; boundary=x"), 415, "invalid_request"},
		{"both: a form as JSON", byPassword, []bearer.IssuerOption{refreshing, passwords}, asJSON, 400, "invalid_request"},
		{"both: JSON as a form", goodBody, []bearer.IssuerOption{refreshing, passwords}, nil, 400, "invalid_request"},
		{"both: a large form", byPassword + "&x=" + strings.Repeat("y", 16<<10), []bearer.IssuerOption{refreshing, passwords}, nil, 413, "invalid_request"},
		{"both: a password", byPassword, []bearer.IssuerOption{refreshing, passwords}, nil, 200, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			spy := &renewSpy{loginSpy: loginSpy{account: fullAccount()}}
			s := &oauthServer{t: t, mux: http.NewServeMux()}
			issuerOf(t, spy, tt.opts...).Mount(s.mux)
			var edits []edit
			if tt.edit != nil {
				edits = []edit{tt.edit}
			}
			w := s.post("/token", tt.body, edits...)
			if (len(spy.asked) == 1) != (tt.status == http.StatusOK) {
				t.Errorf("the authenticator ran %d times", len(spy.asked))
			}
			if tt.code != "" {
				wantError(t, w, tt.status, tt.code)
			} else if w.Code != tt.status {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
}

// The JSON form keeps the promises of the login's.
func TestRefreshByJSON(t *testing.T) {
	s := newOAuthServer(t)
	token := s.logInByJSON().RefreshToken
	q := `"` + token + `"`
	for _, wrong := range []string{
		`{"grant_type":"refresh_token"}`, `{"grant_type":"refresh_token","refresh_token":""}`, `{"grant_type":"refresh_token","refresh_token":null}`,
		`{"grant_type":"refresh_token","refresh_token":[` + q + `]}`, `{"grant_type":["refresh_token"],"refresh_token":` + q + `}`, `{"grant_type":"","refresh_token":` + q + `}`,
		`{"refresh_token":` + q + `}`, `{"grant_type":"password","refresh_token":` + q + `}`,
		`{"grant_type":"refresh_token","refresh_token":` + q + `,"refresh_token":` + q + `}`, `{"grant_type":"refresh_token","refresh_token":` + q + `,"Refresh_Token":` + q + `}`,
		`{"grant_type":"refresh_token","GRANT_TYPE":"refresh_token","refresh_token":` + q + `}`, `{"grant_type":"refresh_token","refresh_token":` + q + `,"validity":"Forever"}`,
		`{"grant_type":"refresh_token","refresh_token":` + q + `}x`, `[` + refreshJSON(token) + `]`,
	} {
		wantError(t, s.post("/token", wrong, asJSON), 400, "invalid_request")
	}
	wantError(t, s.post("/token", `{"grant_type":"Refresh_Token","refresh_token":`+q+`}`, asJSON), 400, "unsupported_grant_type")
	wantError(t, s.post("/token", refreshJSON(token), asJSON, query("refresh_token="+token)), 400, "invalid_request")
	if calls := s.store.taken(); calls != "Create" {
		t.Errorf("the store was asked to %s", calls)
	}
	// Names in any case, as the page spells them two ways; the rest is ignored.
	second := tokensOf(t, s.post("/token", `{"a":{"refresh_token":1},"REFRESH_TOKEN":`+q+`,"Grant_Type":"refresh_token","validity":"ShortLive","password":"x"}`, asJSON))
	if second.ExpiresIn != 720000 {
		t.Errorf("%d seconds: a refresh chooses no other validity", second.ExpiresIn)
	}
}

func TestReplayWithinTheGraceTellsTheSameSuccessor(t *testing.T) {
	s := newOAuthServer(t)
	first := s.logIn()
	second := s.refreshedFrom(first.RefreshToken)
	ids := map[any]bool{claimsOf(t, second.AccessToken)["jti"]: true}
	for _, wait := range []time.Duration{0, time.Millisecond, 5 * time.Second, refreshGrace - 5*time.Second - time.Millisecond} {
		s.clock.Advance(wait)
		again := s.refreshedFrom(first.RefreshToken)
		if again.RefreshToken != second.RefreshToken || again.RefreshToken == first.RefreshToken {
			t.Error("another successor")
		}
		if id := claimsOf(t, again.AccessToken)["jti"]; ids[id] {
			t.Error("the same access token")
		} else {
			ids[id] = true
		}
	}
	// The successor is good, and then the first is not, grace or none.
	third := s.refreshedFrom(second.RefreshToken)
	if third.RefreshToken == second.RefreshToken {
		t.Error("it was not rotated")
	}
	s.wantDead(first.RefreshToken)
	s.wantDead(third.RefreshToken)
}

// One of two that have a token is a thief, and nobody knows which.
func TestReuseEndsTheSession(t *testing.T) {
	s := newOAuthServer(t)
	first, other := s.logIn(), s.logIn()
	second := s.refreshedFrom(first.RefreshToken)
	s.clock.Advance(refreshGrace + time.Millisecond)
	s.events.since()

	s.wantDead(first.RefreshToken)
	want := []bearer.Event{
		{Kind: bearer.EventRevoked, Issuer: testIssuer},
		{Kind: bearer.EventRefreshRefused, Cause: refresh.Reused, Issuer: testIssuer, Account: "1087"},
	}
	if got := s.events.since(); !slices.Equal(got, want) {
		t.Errorf("events %+v, want %+v", got, want)
	}
	if s.admits(first.AccessToken) || s.admits(second.AccessToken) {
		t.Error("an access token of the session is admitted")
	}
	for _, token := range []string{second.RefreshToken, first.RefreshToken} {
		s.wantDead(token)
		want := []bearer.Event{{Kind: bearer.EventRefreshRefused, Cause: refresh.Revoked, Issuer: testIssuer, Account: "1087"}}
		if got := s.events.since(); !slices.Equal(got, want) {
			t.Errorf("events %+v, want %+v", got, want)
		}
	}
	if !s.admits(other.AccessToken) {
		t.Error("another session of the account ended")
	}
	s.refreshedFrom(other.RefreshToken)
}

// A thief who goes away at the right moment keeps nothing.
func TestReuseOfAClientThatWentAway(t *testing.T) {
	s := newOAuthServer(t)
	first := s.logIn()
	s.refreshedFrom(first.RefreshToken)
	s.clock.Advance(refreshGrace + time.Millisecond)
	ctx, cancel := context.WithCancel(t.Context())
	memory := s.store.Store
	s.store.Store = usedStore{memory, cancel}
	s.post("/token", refreshForm(first.RefreshToken), asClient, func(r *http.Request) { *r = *r.WithContext(ctx) })
	if ctx.Err() == nil || s.admits(first.AccessToken) {
		t.Error("an access token of the session is admitted")
	}
}

// A usedStore lets something happen just after a token was used.
type usedStore struct {
	refresh.Store
	do func()
}

func (s usedStore) Use(ctx context.Context, u refresh.Use) (refresh.Outcome, error) {
	defer s.do()
	return s.Store.Use(ctx, u)
}

// If the access tokens could not be ended with the family, they are by whoever
// comes next: the thief, or the one whose session it was.
func TestReuseIsFinishedLater(t *testing.T) {
	s := newOAuthServer(t)
	first := s.logIn()
	second := s.refreshedFrom(first.RefreshToken)
	s.clock.Advance(refreshGrace + time.Millisecond)
	s.revocations.fail["Revoke"] = errStore
	s.events.since()
	// A client that is told that its token is invalid would not come again.
	wantError(t, s.refresh(first.RefreshToken), 503, "temporarily_unavailable")
	want := []bearer.Event{
		{Kind: bearer.EventRevoked, Cause: bearer.ErrUnavailable, Issuer: testIssuer},
		{Kind: bearer.EventRefreshRefused, Cause: refresh.Reused, Issuer: testIssuer, Account: "1087"},
	}
	if got := s.events.since(); !slices.Equal(got, want) {
		t.Errorf("events %+v, want %+v", got, want)
	}
	delete(s.revocations.fail, "Revoke")
	if !s.admits(first.AccessToken) {
		t.Fatal("revoked by a store that failed")
	}
	s.wantDead(second.RefreshToken)
	if s.admits(first.AccessToken) || s.admits(second.AccessToken) {
		t.Error("an access token of the session is admitted")
	}
}

// Whatever ends a family ends what was given with it, and does not need a store
// of revocations for itself.
func TestReuseWithoutRevocation(t *testing.T) {
	s := newOAuthServer(t)
	s.start(bearer.DangerouslyWithoutRevocation(), bearer.WithRefreshTokens(s.store, refreshSecret, refreshIdle, refreshAbsolute))
	first := s.logInByJSON().RefreshToken
	second := tokensOf(t, s.refreshByJSON(first)).RefreshToken
	s.clock.Advance(refreshGrace + time.Millisecond)
	wantError(t, s.refreshByJSON(first), 400, "invalid_grant")
	wantError(t, s.refreshByJSON(second), 400, "invalid_grant")
}

func TestRefreshLimits(t *testing.T) {
	const ms = time.Millisecond
	for _, tt := range []struct {
		name  string
		waits []time.Duration // before each use
		last  bool            // whether the last is admitted
	}{
		{"just before the idle limit", []time.Duration{refreshIdle - ms}, true},
		{"at the idle limit", []time.Duration{refreshIdle}, false},
		{"long after", []time.Duration{10 * refreshAbsolute}, false},
		{"a use moves the idle limit", []time.Duration{refreshIdle - ms, refreshIdle - ms, refreshIdle - ms}, true},
		{"and it holds again", []time.Duration{refreshIdle - ms, refreshIdle}, false},
		{"just before the absolute limit", append(slices.Repeat([]time.Duration{refreshIdle - ms}, 30), 30*ms-ms), true},
		{"at the absolute limit", append(slices.Repeat([]time.Duration{refreshIdle - ms}, 30), 30*ms), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newOAuthServer(t)
			token := s.logIn().RefreshToken
			for k, wait := range tt.waits {
				s.clock.Advance(wait)
				if k == len(tt.waits)-1 && !tt.last {
					s.events.since()
					s.wantDead(token)
					want := []bearer.Event{{Kind: bearer.EventRefreshRefused, Cause: refresh.Expired, Issuer: testIssuer, Account: "1087"}}
					if got := s.events.since(); !slices.Equal(got, want) {
						t.Errorf("events %+v, want %+v", got, want)
					}
					return
				}
				token = s.refreshedFrom(token).RefreshToken
			}
		})
	}
}

// A refresh token is for what it was given for, and nothing else.
func TestRefreshIsBound(t *testing.T) {
	errDown := errors.New("the database is down")
	account := func(change func(*bearer.Account)) func(context.Context, string, string) (*bearer.Account, error) {
		return func(context.Context, string, string) (*bearer.Account, error) {
			a := fullAccount()
			change(a)
			return a, nil
		}
	}
	fails := func(err error) func(context.Context, string, string) (*bearer.Account, error) {
		return func(context.Context, string, string) (*bearer.Account, error) { return nil, err }
	}
	for _, tt := range []struct {
		name   string
		now    func(context.Context, string, string) (*bearer.Account, error)
		status int
		cause  error
	}{
		{"the account as it was", nil, 200, nil},
		{"disabled", fails(bearer.ErrBadCredentials), 400, refresh.Revoked},
		{"disabled, wrapped", fails(fmt.Errorf("disabled: %w", bearer.ErrBadCredentials)), 400, refresh.Revoked},
		{"deleted", fails(nil), 400, refresh.Revoked},
		{"its name is another's now", account(func(a *bearer.Account) { a.ID = "2000" }), 400, refresh.Revoked},
		{"without an ID", account(func(a *bearer.Account) { a.ID = "" }), 400, refresh.Revoked},
		{"with another name", account(func(a *bearer.Account) { a.UserName = "tommy" }), 200, nil},
		{"with an impossible scope", account(func(a *bearer.Account) { a.Scopes = []string{"read", "a b"} }), 200, nil}, // it was not granted at the login
		{"in the server's own zone", account(func(a *bearer.Account) { a.TimeZone = time.Local }), 503, nil},
		{"out of reach", fails(errDown), 503, bearer.ErrUnavailable},
		{"throttled", fails(&bearer.ThrottledError{RetryAfter: 3 * time.Second}), 429, &bearer.ThrottledError{}},
	} {
		t.Run("account: "+tt.name, func(t *testing.T) {
			s := newOAuthServer(t)
			token := s.logIn().RefreshToken
			s.login.now = tt.now
			s.events.since()
			s.store.taken()
			w := s.refresh(token)
			if w.Code != tt.status {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			if !slices.Equal(s.login.renewed, []string{"1087 tom"}) {
				t.Errorf("renewed %q", s.login.renewed)
			}
			calls, events := s.store.taken(), s.events.since()
			if tt.status == http.StatusOK {
				if calls != "Lookup Use" || len(events) != 1 || events[0].Kind != bearer.EventIssued {
					t.Errorf("%s, %+v", calls, events)
				}
				return
			}
			if calls != "Lookup" {
				t.Errorf("the store was asked to %s", calls)
			}
			if len(events) != 1 || events[0].Kind != bearer.EventRefreshRefused || events[0].Account != "1087" ||
				events[0].Cause == nil || tt.status == 400 && events[0].Cause != tt.cause || tt.status == 503 && tt.cause != nil && events[0].Cause != tt.cause {
				t.Errorf("events %+v", events)
			}
			// Nothing is lost by it: an account may come back.
			s.login.now = nil
			s.refreshedFrom(token)
		})
	}

	// Others that share the store and the secret.
	for _, tt := range []struct {
		name string
		make func(t *testing.T, s *oauthServer) *oauthServer
		same bool
	}{
		{"the same issuer on another replica", func(t *testing.T, s *oauthServer) *oauthServer {
			return s.beside(t, testIssuer, newKey(t, keys.EdDSA), bearer.DangerouslyAllowPasswordGrant(), s.refreshing())
		}, true},
		{"another issuer", func(t *testing.T, s *oauthServer) *oauthServer {
			return s.beside(t, "https://other.test", goldenKey(t), bearer.WithAudience(testIssuer), s.refreshing())
		}, false},
		{"another audience", func(t *testing.T, s *oauthServer) *oauthServer {
			return s.beside(t, testIssuer, goldenKey(t), bearer.WithAudience("https://api.test"), s.refreshing())
		}, false},
		{"one more audience", func(t *testing.T, s *oauthServer) *oauthServer {
			return s.beside(t, testIssuer, goldenKey(t), bearer.WithAudience(testIssuer, "https://api.test"), s.refreshing())
		}, false},
		{"another secret", func(t *testing.T, s *oauthServer) *oauthServer {
			return s.beside(t, testIssuer, goldenKey(t),
				bearer.WithRefreshTokens(s.store, []byte("another secret of thirty-two bytes"), refreshIdle, refreshAbsolute))
		}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newOAuthServer(t)
			token := s.logInByJSON().RefreshToken
			o := tt.make(t, s)
			s.store.taken()
			w := o.refreshByJSON(token)
			if tt.same {
				tokensOf(t, w)
				return
			}
			wantError(t, w, 400, "invalid_grant")
			if calls := s.store.taken(); strings.Contains(calls, "Use") || strings.Contains(calls, "Revoke") {
				t.Errorf("the store was asked to %s", calls)
			}
			tokensOf(t, s.refreshByJSON(token))
		})
	}
}

// beside is another issuer, with the same users and clock.
func (s *oauthServer) beside(t testing.TB, name string, k *keys.Key, opts ...bearer.IssuerOption) *oauthServer {
	t.Helper()
	i, err := bearer.NewIssuer(name, ringOf(t, k), s.login, append(opts, bearer.WithClock(s.clock.Now))...)
	if err != nil {
		t.Fatal(err)
	}
	o := &oauthServer{t: t, issuer: i, mux: http.NewServeMux()}
	i.Mount(o.mux)
	return o
}

func (s *oauthServer) refreshing() bearer.IssuerOption {
	return bearer.WithRefreshTokens(s.store, refreshSecret, refreshIdle, refreshAbsolute)
}

// What nobody was given never reaches the store: made-up tokens cost it nothing.
func TestTamperedRefreshTokensDoNotReachTheStore(t *testing.T) {
	s := newOAuthServer(t)
	token := s.logInByJSON().RefreshToken
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(raw) != 32+4+32 {
		t.Fatalf("%d bytes, %v", len(raw), err)
	}
	wrong := map[string]string{
		"empty but for a space": " ", "a space behind": token + " ", "a line break behind": token + "\n", "a line break inside": token[:40] + "\n" + token[40:],
		"a carriage return in the place of a letter": token[:40] + "\r" + token[41:], "padded": token + "=", "padded twice": token + "==",
		"a letter more": token + "A", "four letters more": token + "AAAA", "twice": token + token, "upper case": strings.ToUpper(token),
		"zeroes":                           base64.RawURLEncoding.EncodeToString(make([]byte, 68)),
		"by the standard alphabet, padded": base64.StdEncoding.EncodeToString(raw), "in hex": fmt.Sprintf("%x", raw), "an access token": s.issuerToken(),
		"a NUL behind": token + "\x00", "without its MAC": base64.RawURLEncoding.EncodeToString(raw[:36]), "with a MAC of nothing": base64.RawURLEncoding.EncodeToString(append(raw[:36:36], make([]byte, 32)...)),
	}
	for n := range raw {
		for _, bit := range []byte{1, 0x80} {
			changed := slices.Clone(raw)
			changed[n] ^= bit
			wrong[fmt.Sprintf("byte %d by %#x", n, bit)] = base64.RawURLEncoding.EncodeToString(changed)
		}
	}
	for n := 1; n < len(token); n++ {
		wrong[fmt.Sprintf("cut to %d letters", n)] = token[:n]
	}
	// The last letter has two bits that mean nothing; each other spelling of it is wrong.
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for _, last := range alphabet {
		if byte(last) != token[len(token)-1] {
			wrong["the last letter "+string(last)] = token[:len(token)-1] + string(last)
		}
	}
	s.store.taken()
	for name, text := range wrong {
		quoted, err := stdjson.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		wantError(t, s.post("/token", `{"grant_type":"refresh_token","refresh_token":`+string(quoted)+`}`, asJSON), 400, "invalid_grant")
		if calls := s.store.taken(); calls != "" || t.Failed() {
			t.Fatalf("%s: the store was asked to %s", name, calls)
		}
	}
	if got := s.events.since(); len(got) == 0 || got[len(got)-1].Cause != refresh.Unknown || got[len(got)-1].Account != "" {
		t.Errorf("events %+v", got[len(got)-1:])
	}
	tokensOf(t, s.refreshByJSON(token))
}

// A failingSigner is a key in a service that may be down.
type failingSigner struct {
	crypto.Signer
	err error
}

func (s *failingSigner) Sign(r io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if s.err != nil {
		return nil, s.err
	}
	return s.Signer.Sign(r, digest, opts)
}

// Every failure is 503, whatever its error wraps, and costs the client nothing:
// the same token is good afterwards.
func TestRefreshOutages(t *testing.T) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		errStore, context.DeadlineExceeded, bearer.ErrBadCredentials, &bearer.ThrottledError{RetryAfter: time.Minute}, bearer.ErrRevoked,
		refresh.Unknown, refresh.Expired, refresh.Reused, fmt.Errorf("a proxy: %w", refresh.Revoked),
	} {
		for name, set := range map[string]func(s *oauthServer, signer *failingSigner, err error){
			"revocations": func(s *oauthServer, _ *failingSigner, err error) { s.revocations.fail["Revoked"] = err },
			"Lookup":      func(s *oauthServer, _ *failingSigner, err error) { s.store.fail["Lookup"] = err },
			"Use":         func(s *oauthServer, _ *failingSigner, err error) { s.store.fail["Use"] = err },
			"signing":     func(_ *oauthServer, signer *failingSigner, err error) { signer.err = err },
			"Renew": func(s *oauthServer, _ *failingSigner, err error) {
				s.login.now = nil
				if err != nil {
					s.login.now = func(context.Context, string, string) (*bearer.Account, error) { return nil, err }
				}
			},
		} {
			if (name == "Renew" || name == "signing") && !errors.Is(err, errStore) && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, bearer.ErrRevoked) {
				continue // an Authenticator means it, and a signer's is its own
			}
			t.Run(name+": "+err.Error(), func(t *testing.T) {
				s := newOAuthServer(t)
				signer := &failingSigner{Signer: private}
				key, keyErr := keys.New(keys.ES256, signer)
				if keyErr != nil {
					t.Fatal(keyErr)
				}
				var makeErr error
				s.issuer, makeErr = bearer.NewIssuer(testIssuer, ringOf(t, key), s.login, s.refreshing(), bearer.WithRevocations(s.revocations),
					bearer.DangerouslyAllowPasswordGrant(), s.events.option(), bearer.WithClock(s.clock.Now))
				if makeErr != nil {
					t.Fatal(makeErr)
				}
				s.mux = http.NewServeMux()
				s.issuer.Mount(s.mux)
				token := s.logIn().RefreshToken
				for range 3 {
					set(s, signer, err)
					s.events.since()
					wantError(t, s.refresh(token), 503, "temporarily_unavailable")
					events := s.events.since()
					if len(events) != 1 || events[0].Kind != bearer.EventRefreshRefused || events[0].Cause == nil ||
						name != "signing" && events[0].Cause != bearer.ErrUnavailable || name != "Lookup" && events[0].Account != "1087" {
						t.Errorf("events %+v", events)
					}
					set(s, signer, nil)
					token = s.refreshedFrom(token).RefreshToken
					s.clock.Advance(time.Minute)
				}
			})
		}
	}
	t.Run("data that nobody wrote", func(t *testing.T) {
		s := newOAuthServer(t)
		token := s.logIn().RefreshToken
		s.store.Store = spoiltData{s.store.Store}
		wantError(t, s.refresh(token), 503, "temporarily_unavailable")
	})
}

// spoiltData has lost what a family is for.
type spoiltData struct{ refresh.Store }

func (s spoiltData) Lookup(ctx context.Context, id [32]byte) (refresh.Family, error) {
	f, err := s.Store.Lookup(ctx, id)
	f.Data = []byte(`{"iss":7,"sub":"canary`)
	return f, err
}

// A login that cannot begin its session gets no half of it.
func TestLoginOutages(t *testing.T) {
	for _, err := range []error{errStore, bearer.ErrBadCredentials, refresh.Unknown, &bearer.ThrottledError{}} {
		s := newOAuthServer(t)
		s.store.fail["Create"] = err
		wantError(t, s.post("/token", goodBody, asJSON), 503, "temporarily_unavailable")
		events := s.events.since()
		want := []bearer.Event{{Kind: bearer.EventLoginRefused, Cause: bearer.ErrUnavailable, Issuer: testIssuer}}
		if !slices.Equal(events, want) {
			t.Errorf("%v: events %+v, want %+v", err, events, want)
		}
	}
}

// A client that went away is no outage, and none of its business was done.
func TestRefreshOfAClientThatWentAway(t *testing.T) {
	s := newOAuthServer(t)
	token := s.logIn().RefreshToken
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.events.since()
	wantError(t, s.post("/token", refreshForm(token), asClient, func(r *http.Request) { *r = *r.WithContext(ctx) }), 503, "temporarily_unavailable")
	events := s.events.since()
	if len(events) != 1 || events[0].Cause == nil || errors.Is(events[0].Cause, bearer.ErrUnavailable) || !errors.Is(events[0].Cause, context.Canceled) {
		t.Errorf("events %+v", events)
	}
	s.refreshedFrom(token)
}

// Whoever logs a user out means the refresh tokens too.
func TestRevocationsEndRefreshTokens(t *testing.T) {
	for name, revoke := range map[string]func(s *oauthServer, r bearer.TokenResponse) error{
		"the subject": func(s *oauthServer, _ bearer.TokenResponse) error {
			return s.issuer.RevokeSubject(t.Context(), "1087", s.clock.Now())
		},
		"the session": func(s *oauthServer, r bearer.TokenResponse) error {
			return s.issuer.RevokeSession(t.Context(), s.infoOf(r.AccessToken).Session)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newOAuthServer(t)
			s.clock.Advance(700 * time.Millisecond)
			first := s.logIn()
			second := s.refreshedFrom(first.RefreshToken)
			if err := revoke(s, first); err != nil {
				t.Fatal(err)
			}
			s.events.since()
			for _, token := range []string{second.RefreshToken, first.RefreshToken} {
				s.wantDead(token)
				want := []bearer.Event{{Kind: bearer.EventRefreshRefused, Cause: refresh.Revoked, Issuer: testIssuer, Account: "1087"}}
				if got := s.events.since(); !slices.Equal(got, want) {
					t.Errorf("events %+v, want %+v", got, want)
				}
			}
			if s.admits(first.AccessToken) || s.admits(second.AccessToken) {
				t.Error("an access token is admitted")
			}
			// For as long as any of them could live.
			s.clock.Advance(refreshIdle - time.Millisecond)
			s.wantDead(second.RefreshToken)
			after := s.logIn()
			if !s.admits(after.AccessToken) {
				t.Error("a later login is refused")
			}
			s.refreshedFrom(after.RefreshToken)
		})
	}
	t.Run("an access token alone does not", func(t *testing.T) {
		s := newOAuthServer(t)
		tokens := s.logIn()
		if err := s.issuer.Revoke(t.Context(), s.infoOf(tokens.AccessToken)); err != nil {
			t.Fatal(err)
		}
		s.refreshedFrom(tokens.RefreshToken)
	})
}

// An account's tokens are taken back while one more is being made for it: that
// one goes with them, although it is signed later.
func TestRevocationDuringAnIssue(t *testing.T) {
	for name, begin := range map[string]func(s *oauthServer, meanwhile func()) bearer.TokenResponse{
		"while the account is authenticated": func(s *oauthServer, meanwhile func()) bearer.TokenResponse {
			slow := bearer.AuthenticatorFunc(func(context.Context, bearer.Credentials) (*bearer.Account, error) {
				meanwhile()
				return fullAccount(), nil
			})
			s.issuer = issuerWith(t, goldenKey(t), struct {
				bearer.AuthenticatorFunc
				renewer
			}{slow, renewer{s.login}}, s.clock.Now, s.refreshing(), bearer.WithRevocations(s.revocations))
			s.mux = http.NewServeMux()
			s.issuer.Mount(s.mux)
			return s.logInByJSON()
		},
		"while the account is renewed": func(s *oauthServer, meanwhile func()) bearer.TokenResponse {
			token := s.logInByJSON().RefreshToken
			s.clock.Advance(time.Minute)
			s.login.now = func(context.Context, string, string) (*bearer.Account, error) { meanwhile(); return fullAccount(), nil }
			defer func() { s.login.now = nil }()
			return tokensOf(t, s.refreshByJSON(token))
		},
		"while the refresh token is used": func(s *oauthServer, meanwhile func()) bearer.TokenResponse {
			token := s.logInByJSON().RefreshToken
			s.clock.Advance(time.Minute)
			memory := s.store.Store
			s.store.Store = &meanwhileStore{memory, meanwhile}
			defer func() { s.store.Store = memory }()
			return tokensOf(t, s.refreshByJSON(token))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newOAuthServer(t)
			response := begin(s, func() {
				s.clock.Advance(10 * time.Second)
				if err := s.issuer.RevokeSubject(t.Context(), "1087", s.clock.Now()); err != nil {
					t.Error(err)
				}
				s.clock.Advance(10 * time.Second)
			})
			if s.admits(response.AccessToken) {
				t.Error("the access token is admitted")
			}
			wantError(t, s.refreshByJSON(response.RefreshToken), 400, "invalid_grant")
			if after := s.logInByJSON(); name != "while the account is authenticated" && !s.admits(after.AccessToken) {
				t.Error("a later login is refused")
			}
		})
	}
}

type renewer struct{ spy *renewSpy }

func (r renewer) Renew(ctx context.Context, id, userName string) (*bearer.Account, error) {
	return r.spy.Renew(ctx, id, userName)
}

// A meanwhileStore lets something happen just before a token is used.
type meanwhileStore struct {
	refresh.Store
	do func()
}

func (s *meanwhileStore) Use(ctx context.Context, u refresh.Use) (refresh.Outcome, error) {
	s.do()
	return s.Store.Use(ctx, u)
}

// A popular peer hands out fifty.
func TestFiftyUsesAtOnce(t *testing.T) {
	const uses = 50
	s := newOAuthServer(t)
	token := s.logIn().RefreshToken
	s.store.latency = 2 * time.Millisecond
	server := httptest.NewServer(s.mux)
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: uses}}
	defer client.CloseIdleConnections()
	present := func(token string) (bearer.TokenResponse, int) {
		r, err := http.NewRequestWithContext(t.Context(), "POST", server.URL+"/token", strings.NewReader(refreshForm(token)))
		if err != nil {
			t.Error(err)
			return bearer.TokenResponse{}, 0
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		asClient(r)
		response, err := client.Do(r)
		if err != nil {
			t.Error(err)
			return bearer.TokenResponse{}, 0
		}
		defer response.Body.Close()
		var tokens bearer.TokenResponse
		if err := stdjson.NewDecoder(response.Body).Decode(&tokens); err != nil {
			t.Error(err)
		}
		return tokens, response.StatusCode
	}
	atOnce := func(token string) (statuses map[int]int, successors, ids map[string]int, access []string) {
		statuses, successors, ids = map[int]int{}, map[string]int{}, map[string]int{}
		var mu sync.Mutex
		var wg sync.WaitGroup
		start := make(chan struct{})
		for range uses {
			wg.Go(func() {
				<-start
				tokens, status := present(token)
				mu.Lock()
				defer mu.Unlock()
				statuses[status]++
				if status == http.StatusOK {
					successors[tokens.RefreshToken]++
					ids[claimsOf(t, tokens.AccessToken)["jti"].(string)]++
					access = append(access, tokens.AccessToken)
				}
			})
		}
		close(start)
		wg.Wait()
		return statuses, successors, ids, access
	}

	statuses, successors, ids, access := atOnce(token)
	if statuses[http.StatusOK] != uses || len(successors) != 1 || len(ids) != uses {
		t.Fatalf("statuses %v, %d successors, %d access tokens, want one successor told %d times", statuses, len(successors), len(ids), uses)
	}
	var successor string
	for successor = range successors {
	}
	s.clock.Advance(refreshGrace + time.Millisecond)
	s.events.since()
	if statuses, _, _, _ := atOnce(token); statuses[http.StatusBadRequest] != uses {
		t.Errorf("after the grace: statuses %v, want all refused", statuses)
	}
	reused := 0
	for _, e := range s.events.since() {
		if e.Kind == bearer.EventRefreshRefused && e.Cause == refresh.Reused {
			reused++
		}
	}
	if reused != 1 {
		t.Errorf("%d events of a reuse, want 1", reused)
	}
	if _, status := present(successor); status != http.StatusBadRequest {
		t.Errorf("the successor: %d, want the family dead", status)
	}
	for _, token := range access {
		if s.admits(token) {
			t.Error("an access token is admitted")
			break
		}
	}
}
