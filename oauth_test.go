package bearer_test

import (
	"cmp"
	"context"
	stdjson "encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/bearertest"
	"github.com/gobearer/bearer/refresh"
)

const (
	refreshIdle     = 24 * time.Hour
	refreshAbsolute = 30 * 24 * time.Hour
	refreshGrace    = 10 * time.Second

	callerID     = "api:1" // what Basic cannot say without an encoding
	callerSecret = "caller+secret/100%"

	clientID     = "app"
	clientSecret = "0d6c" // the account's private token
)

var refreshSecret = []byte("the secret of the refresh tokens")

// A renewSpy is a loginSpy that returns accounts as they are now.
type renewSpy struct {
	loginSpy
	now func(ctx context.Context, id, userName string) (*bearer.Account, error) // nil: as at the login

	mu      sync.Mutex
	renewed []string // id and name
}

func (s *renewSpy) Renew(ctx context.Context, id, userName string) (*bearer.Account, error) {
	s.mu.Lock()
	s.renewed = append(s.renewed, id+" "+userName)
	s.mu.Unlock()
	if s.now != nil {
		return s.now(ctx, id, userName)
	}
	return s.account, nil
}

// A refreshSpy counts what a store of refresh tokens is asked, and fails where
// it is told to.
type refreshSpy struct {
	refresh.Store
	fail    map[string]error // by method
	latency time.Duration

	mu    sync.Mutex
	calls []string
}

func (s *refreshSpy) call(method string) error {
	s.mu.Lock()
	s.calls = append(s.calls, method)
	s.mu.Unlock()
	time.Sleep(s.latency)
	return s.fail[method]
}

// taken returns the calls since the last time.
func (s *refreshSpy) taken() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := strings.Join(s.calls, " ")
	s.calls = nil
	return calls
}

func (s *refreshSpy) Create(ctx context.Context, f refresh.Family) error {
	if err := s.call("Create"); err != nil {
		return err
	}
	return s.Store.Create(ctx, f)
}

func (s *refreshSpy) Lookup(ctx context.Context, id [32]byte) (refresh.Family, error) {
	if err := s.call("Lookup"); err != nil {
		return refresh.Family{}, err
	}
	return s.Store.Lookup(ctx, id)
}

func (s *refreshSpy) Use(ctx context.Context, u refresh.Use) (refresh.Outcome, error) {
	if err := s.call("Use"); err != nil {
		return "", err
	}
	return s.Store.Use(ctx, u)
}

func (s *refreshSpy) Revoke(ctx context.Context, id [32]byte) error {
	if err := s.call("Revoke"); err != nil {
		return err
	}
	return s.Store.Revoke(ctx, id)
}

// A revokeSpy does so for revocations.
type revokeSpy struct {
	bearertest.Revoker
	fail map[string]error

	mu    sync.Mutex
	calls []string
}

func (s *revokeSpy) Revoked(ctx context.Context, t bearer.Info) (bool, error) {
	s.mu.Lock()
	s.calls = append(s.calls, "Revoked")
	s.mu.Unlock()
	if err := s.fail["Revoked"]; err != nil {
		return false, err
	}
	return s.Revoker.Revoked(ctx, t)
}

func (s *revokeSpy) Revoke(ctx context.Context, r bearer.Revocation) error {
	s.mu.Lock()
	s.calls = append(s.calls, "Revoke")
	s.mu.Unlock()
	if err := cmp.Or(s.fail["Revoke"], ctx.Err()); err != nil { // as a store across a network does
		return err
	}
	return s.Revoker.Revoke(ctx, r)
}

// memoryRevocations are an Issuer's own.
func memoryRevocations(t testing.TB, clock func() time.Time) bearertest.Revoker {
	t.Helper()
	return issuerWith(t, goldenKey(t), &loginSpy{}, clock).Trust().Revocations.(bearertest.Revoker)
}

// An oauthServer is an Issuer with everything that a client of OAuth or a
// resource server may ask for.
type oauthServer struct {
	t           testing.TB
	clock       *bearertest.Clock
	login       *renewSpy
	store       *refreshSpy
	revocations *revokeSpy
	events      *eventLog
	issuer      *bearer.Issuer
	mux         *http.ServeMux
	middleware  *bearer.Middleware[bearer.Claims]
	callers     int // how often callers were authenticated
}

// newOAuthServer lets anybody log in as fullAccount.
func newOAuthServer(t testing.TB, opts ...bearer.IssuerOption) *oauthServer {
	t.Helper()
	clock := bearertest.NewClock(testNow)
	s := &oauthServer{
		t: t, clock: clock,
		login:       &renewSpy{loginSpy: loginSpy{account: fullAccount()}},
		store:       &refreshSpy{Store: new(refresh.MemoryStore), fail: map[string]error{}},
		revocations: &revokeSpy{Revoker: memoryRevocations(t, clock.Now), fail: map[string]error{}},
		events:      new(eventLog),
	}
	s.start(append([]bearer.IssuerOption{
		bearer.WithRefreshTokens(s.store, refreshSecret, refreshIdle, refreshAbsolute),
		bearer.WithRevocations(s.revocations), bearer.DangerouslyAllowPasswordGrant(), bearer.WithCallers(s.authenticate), s.events.option(),
	}, opts...)...)
	return s
}

func (s *oauthServer) start(opts ...bearer.IssuerOption) {
	s.t.Helper()
	s.issuer = issuerWith(s.t, goldenKey(s.t), s.login, s.clock.Now, opts...)
	s.mux = http.NewServeMux()
	s.issuer.Mount(s.mux)
	var err error
	s.middleware, err = bearer.NewMiddleware[bearer.Claims](s.issuer.Trust(), bearer.WithClock(s.clock.Now), bearer.WithLeeway(0))
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *oauthServer) authenticate(_ context.Context, id, secret string) error {
	s.callers++
	if id != callerID || secret != callerSecret {
		return bearer.ErrBadCredentials
	}
	return nil
}

// An edit changes a request before it is sent.
type edit func(*http.Request)

func basicAuth(id, secret string) edit {
	return func(r *http.Request) { r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret)) }
}

func withHeader(name string, values ...string) edit {
	return func(r *http.Request) { r.Header[name] = values }
}

func method(name string) edit { return func(r *http.Request) { r.Method = name } }

func query(text string) edit { return func(r *http.Request) { r.URL.RawQuery = text } }

var (
	asCaller = basicAuth(callerID, callerSecret)
	asClient = basicAuth(clientID, clientSecret)
)

// post sends a body, a form unless an edit says otherwise.
func (s *oauthServer) post(path, body string, edits ...edit) *httptest.ResponseRecorder {
	s.t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, e := range edits {
		e(r)
	}
	w := httptest.NewRecorder()
	s.mux.ServeHTTP(w, r)
	return w
}

func asJSON(r *http.Request) { r.Header.Set("Content-Type", "application/json") }

// form encodes names and values that alternate, in their order.
func form(pairs ...string) string {
	var b strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(pairs[i]) + "=" + url.QueryEscape(pairs[i+1]))
	}
	return b.String()
}

func tokensOf(t testing.TB, w *httptest.ResponseRecorder) bearer.TokenResponse {
	t.Helper()
	var r bearer.TokenResponse
	if err := stdjson.Unmarshal(w.Body.Bytes(), &r); err != nil || w.Code != http.StatusOK || r.AccessToken == "" {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	return r
}

// loginBy makes a login by OAuth's form, with more parameters.
func (s *oauthServer) loginBy(e edit, more ...string) bearer.TokenResponse {
	s.t.Helper()
	return tokensOf(s.t, s.post("/token", form(append([]string{"grant_type", "password", "username", "tom", "password", "secret"}, more...)...), e))
}

// logIn makes one as the application does.
func (s *oauthServer) logIn() bearer.TokenResponse {
	s.t.Helper()
	return s.loginBy(asClient)
}

// logInByJSON makes one in the issuer's own format.
func (s *oauthServer) logInByJSON() bearer.TokenResponse {
	s.t.Helper()
	return tokensOf(s.t, s.post("/token", goodBody, asJSON))
}

// refresh presents a refresh token as the application does.
func (s *oauthServer) refresh(token string, more ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	return s.post("/token", form(append([]string{"grant_type", "refresh_token", "refresh_token", token}, more...)...), asClient)
}

func refreshJSON(token string) string {
	return `{"grant_type":"refresh_token","refresh_token":"` + token + `"}`
}

// refreshByJSON presents one in the issuer's own format.
func (s *oauthServer) refreshByJSON(token string) *httptest.ResponseRecorder {
	s.t.Helper()
	return s.post("/token", refreshJSON(token), asJSON)
}

// admits says whether a middleware admits an access token.
func (s *oauthServer) admits(token string) bool {
	s.t.Helper()
	_, err := s.middleware.Verify(s.t.Context(), token)
	if err != nil && !errors.Is(err, bearer.ErrRevoked) && !errors.Is(err, bearer.ErrExpired) {
		s.t.Errorf("Verify: %v", err)
	}
	return err == nil
}

func (s *oauthServer) introspect(token string, more ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	return s.post("/introspect", form(append([]string{"token", token}, more...)...), asCaller)
}

func (s *oauthServer) revoke(token string, more ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	return s.post("/revoke", form(append([]string{"token", token}, more...)...), asCaller)
}

// RFC 6749 section 5.2.
var (
	errorCharacters = regexp.MustCompile(`^[\x20-\x21\x23-\x5B\x5D-\x7E]+$`)
	basicChallenge  = `Basic realm="token", charset="UTF-8"`
)

// wantError compares a refusal of one of the endpoints, but for its text.
func wantError(t testing.TB, w *httptest.ResponseRecorder, status int, code string) {
	t.Helper()
	var members map[string]string
	if err := stdjson.Unmarshal(w.Body.Bytes(), &members); err != nil || w.Code != status || members["error"] != code || len(members) != 2 {
		t.Errorf("%d %s (%v), want %d %s", w.Code, w.Body, err, status, code)
	}
	for name, text := range members {
		if !errorCharacters.MatchString(text) {
			t.Errorf("%s: %q", name, text)
		}
	}
	want := http.Header{"Cache-Control": {"no-store"}, "Pragma": {"no-cache"}, "Content-Type": {"application/json"}}
	switch status {
	case http.StatusUnauthorized:
		want.Set("WWW-Authenticate", basicChallenge)
	case http.StatusMethodNotAllowed:
		want.Set("Allow", "POST")
	case http.StatusServiceUnavailable:
		want.Set("Retry-After", "1")
	}
	wantHeader(t, w, want)
}

func wantHeader(t testing.TB, w *httptest.ResponseRecorder, want http.Header) {
	t.Helper()
	if got := w.Header(); len(got) != len(want) {
		t.Errorf("header %v, want %v", got, want)
	}
	for name := range want {
		if got := w.Header().Get(name); got != want.Get(name) {
			t.Errorf("%s: %q, want %q", name, got, want.Get(name))
		}
	}
}

// wantRevocation compares the answer to a revocation that is done.
func wantRevocation(t testing.TB, w *httptest.ResponseRecorder) {
	t.Helper()
	if w.Code != http.StatusOK || w.Body.Len() > 0 {
		t.Errorf("%d %s, want 200 and nothing", w.Code, w.Body)
	}
	wantHeader(t, w, http.Header{"Cache-Control": {"no-store"}, "Pragma": {"no-cache"}})
}

// wantInactive compares the answer about a token that is none, to the byte.
func wantInactive(t testing.TB, w *httptest.ResponseRecorder) {
	t.Helper()
	if w.Code != http.StatusOK || w.Body.String() != `{"active":false}`+"\n" {
		t.Errorf("%d %s, want inactive and nothing else", w.Code, w.Body)
	}
	wantHeader(t, w, http.Header{"Cache-Control": {"no-store"}, "Pragma": {"no-cache"}, "Content-Type": {"application/json"}})
}

// An rfcCase is what one sentence of a specification wants. Its name begins with
// the section.
type rfcCase struct {
	name string
	test func(t *testing.T, s *oauthServer)
}

func runCases(t *testing.T, cases []rfcCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.test(t, newOAuthServer(t)) })
	}
}
