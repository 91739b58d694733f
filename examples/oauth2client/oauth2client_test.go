// Package oauth2client_test uses golang.org/x/oauth2, a client that knows nothing
// of bearer, against an issuer that has OAuth's form enabled.
package oauth2client_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/keys"
	"github.com/gobearer/bearer/refresh"
	"golang.org/x/oauth2"
)

const (
	password     = "correct horse battery staple"
	privateToken = "0d6c3ab1-b87c-4e6f-b099-4c7f23e51478"
)

// users is one account, which may be disabled.
type users struct{ disabled atomic.Bool }

func (u *users) Authenticate(_ context.Context, c bearer.Credentials) (*bearer.Account, error) {
	if c.UserName != "tom" || c.Password != password || c.PrivateToken != privateToken {
		return nil, bearer.ErrBadCredentials
	}
	return u.Renew(context.Background(), "1087", "tom")
}

func (u *users) Renew(_ context.Context, id, userName string) (*bearer.Account, error) {
	if u.disabled.Load() || id != "1087" || userName != "tom" {
		return nil, bearer.ErrBadCredentials
	}
	return &bearer.Account{ID: "1087", UserName: "tom", Scopes: []string{"read", "write"}}, nil
}

// A service is an issuer, and an API that says who calls.
type service struct {
	*httptest.Server
	users *users
	down  atomic.Bool // whether the store of refresh tokens is
}

func start(t *testing.T) *service {
	t.Helper()
	key, err := keys.Generate(keys.EdDSA)
	if err != nil {
		t.Fatal(err)
	}
	ring, err := keys.NewRing(key)
	if err != nil {
		t.Fatal(err)
	}
	s := &service{users: new(users)}
	secret := []byte("32 random bytes in a real service")
	issuer, err := bearer.NewIssuer("https://issuer.test", ring, s.users,
		bearer.DangerouslyAllowPasswordGrant(), bearer.WithRefreshTokens(&store{service: s}, secret, time.Hour, 24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	middleware, err := bearer.NewMiddleware[bearer.Claims](issuer.Trust())
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	issuer.Mount(mux)
	mux.Handle("GET /whoami", middleware.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, _ := bearer.FromContext[bearer.Claims](r.Context())
		_, _ = w.Write([]byte(claims.Subject + " " + claims.Scope))
	})))
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// A store is in memory, and down on command.
type store struct {
	refresh.MemoryStore
	service *service
}

func (s *store) Use(ctx context.Context, u refresh.Use) (refresh.Outcome, error) {
	if s.service.down.Load() {
		return "", errors.New("connection refused")
	}
	return s.MemoryStore.Use(ctx, u)
}

func (s *service) config(style oauth2.AuthStyle, scopes ...string) *oauth2.Config {
	return &oauth2.Config{
		ClientID: "app", ClientSecret: privateToken, Scopes: scopes,
		Endpoint: oauth2.Endpoint{TokenURL: s.URL + "/token", AuthStyle: style},
	}
}

// wantCode wants an error of the endpoint, as the client types it.
func wantCode(t *testing.T, err error, status int, code string) {
	t.Helper()
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) {
		t.Fatalf("%v is no RetrieveError", err)
	}
	if refused.ErrorCode != code || refused.Response.StatusCode != status || refused.ErrorDescription == "" {
		t.Errorf("%d %q %q, want %d %q", refused.Response.StatusCode, refused.ErrorCode, refused.ErrorDescription, status, code)
	}
}

func TestPasswordGrantAndRefresh(t *testing.T) {
	for name, style := range map[string]oauth2.AuthStyle{
		"Basic": oauth2.AuthStyleInHeader, "in the form": oauth2.AuthStyleInParams, "whatever works": oauth2.AuthStyleAutoDetect,
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			config := s.config(style)
			first, err := config.PasswordCredentialsToken(t.Context(), "tom", password)
			if err != nil {
				t.Fatal(err)
			}
			if first.Type() != "Bearer" || !first.Valid() || first.RefreshToken == "" || first.Extra("scope") != "read write" {
				t.Errorf("type %s, valid: %t, scope %v", first.Type(), first.Valid(), first.Extra("scope"))
			}
			call(t, config.Client(t.Context(), first), s, "1087 read write")

			expired := *first
			expired.Expiry = time.Now().Add(-time.Minute)
			second, err := config.TokenSource(t.Context(), &expired).Token()
			if err != nil {
				t.Fatal(err)
			}
			if second.AccessToken == first.AccessToken || second.RefreshToken == first.RefreshToken || !second.Valid() {
				t.Error("nothing was refreshed")
			}
			call(t, config.Client(t.Context(), second), s, "1087 read write")

			// An HTTP client refreshes by itself.
			second.Expiry = time.Now().Add(-time.Minute)
			call(t, config.Client(t.Context(), second), s, "1087 read write")
		})
	}
}

func call(t *testing.T, client *http.Client, s *service, want string) {
	t.Helper()
	response, err := client.Get(s.URL + "/whoami")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body := make([]byte, len(want)+1)
	n, _ := response.Body.Read(body)
	if response.StatusCode != http.StatusOK || string(body[:n]) != want {
		t.Errorf("%d %s, want %s", response.StatusCode, body[:n], want)
	}
}

func TestScopes(t *testing.T) {
	s := start(t)
	config := s.config(oauth2.AuthStyleInHeader, "read")
	token, err := config.PasswordCredentialsToken(t.Context(), "tom", password)
	if err != nil {
		t.Fatal(err)
	}
	call(t, config.Client(t.Context(), token), s, "1087 read")
	_, err = s.config(oauth2.AuthStyleInHeader, "admin").PasswordCredentialsToken(t.Context(), "tom", password)
	wantCode(t, err, http.StatusBadRequest, "invalid_scope")
}

func TestErrorsAreTyped(t *testing.T) {
	s := start(t)
	config := s.config(oauth2.AuthStyleInHeader)
	login := func() *oauth2.Token {
		t.Helper()
		token, err := config.PasswordCredentialsToken(t.Context(), "tom", password)
		if err != nil {
			t.Fatal(err)
		}
		token.Expiry = time.Now().Add(-time.Minute)
		return token
	}
	refreshed := func(token *oauth2.Token) error {
		_, err := config.TokenSource(t.Context(), token).Token()
		return err
	}

	_, err := config.PasswordCredentialsToken(t.Context(), "tom", "wrong")
	wantCode(t, err, http.StatusBadRequest, "invalid_grant")

	_, err = config.Exchange(t.Context(), "code")
	wantCode(t, err, http.StatusBadRequest, "unsupported_grant_type")

	public := s.config(oauth2.AuthStyleInParams)
	public.ClientSecret = ""
	_, err = public.PasswordCredentialsToken(t.Context(), "tom", password)
	wantCode(t, err, http.StatusUnauthorized, "invalid_client")

	forged := login()
	forged.RefreshToken = "A" + forged.RefreshToken[1:] + "A"
	wantCode(t, refreshed(forged), http.StatusBadRequest, "invalid_grant")

	_, err = public.TokenSource(t.Context(), login()).Token()
	wantCode(t, err, http.StatusBadRequest, "invalid_grant")

	stolen := login()
	second, err := config.TokenSource(t.Context(), stolen).Token()
	if err != nil {
		t.Fatal(err)
	}
	second.Expiry = time.Now().Add(-time.Minute)
	third, err := config.TokenSource(t.Context(), second).Token()
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, refreshed(stolen), http.StatusBadRequest, "invalid_grant")
	third.Expiry = time.Now().Add(-time.Minute)
	wantCode(t, refreshed(third), http.StatusBadRequest, "invalid_grant")

	session := login()
	s.down.Store(true)
	wantCode(t, refreshed(session), http.StatusServiceUnavailable, "temporarily_unavailable")
	s.down.Store(false)
	if err := refreshed(session); err != nil {
		t.Errorf("after an outage: %v", err)
	}

	session = login()
	s.users.disabled.Store(true)
	wantCode(t, refreshed(session), http.StatusBadRequest, "invalid_grant")
}
