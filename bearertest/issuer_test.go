package bearertest_test

import (
	"errors"
	"testing"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/bearertest"
)

type claims struct {
	Subject string `json:"sub"`
	Team    string `json:"team"`
}

func middleware(t *testing.T, trust bearer.Trust) *bearer.Middleware[claims] {
	t.Helper()
	m, err := bearer.NewMiddleware[claims](trust)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestIssuerTokens(t *testing.T) {
	i := bearertest.NewIssuer(t)
	m := middleware(t, i.Trust())
	for _, tt := range []struct {
		name  string
		token string
		err   error
	}{
		{"good", i.Token(nil), nil},
		{"with claims of the test's own", i.Token(map[string]any{"sub": "tom", "team": "blue"}), nil},
		{"without a claim", i.Token(map[string]any{"exp": nil}), bearer.ErrClaims},
		{"expired", i.Expired(), bearer.ErrExpired},
		{"for another audience", i.WrongAudience(), bearer.ErrAudience},
		{"signed by a stranger", i.Foreign(), bearer.ErrSignature},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := m.Verify(t.Context(), tt.token); !errors.Is(err, tt.err) {
				t.Errorf("%v, want %v", err, tt.err)
			}
		})
	}
	verified, err := m.Verify(t.Context(), i.Token(map[string]any{"sub": "tom", "team": "blue"}))
	if err != nil || verified.Claims != (claims{"tom", "blue"}) {
		t.Errorf("%+v, %v", verified, err)
	}
}

func TestIssuerRotates(t *testing.T) {
	i := bearertest.NewIssuer(t)
	m := middleware(t, i.Trust())
	old := i.Token(nil)
	if _, err := m.Verify(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	i.Rotate()
	if _, err := m.Verify(t.Context(), i.Token(nil)); err != nil {
		t.Errorf("the new key's token: %v", err)
	}
	if _, err := m.Verify(t.Context(), old); err != nil {
		t.Errorf("the old key's token: %v", err)
	}
	i.RemoveOldKeys()
	if _, err := middleware(t, i.Trust()).Verify(t.Context(), old); !errors.Is(err, bearer.ErrUnknownKey) {
		t.Errorf("the removed key's token: %v", err)
	}
}

func TestIssuerDown(t *testing.T) {
	i := bearertest.NewIssuer(t)
	known := middleware(t, i.Trust())
	if _, err := known.Verify(t.Context(), i.Token(nil)); err != nil {
		t.Fatal(err)
	}
	i.Down()
	if _, err := known.Verify(t.Context(), i.Token(nil)); err != nil {
		t.Errorf("a known key: %v", err)
	}
	if _, err := middleware(t, i.Trust()).Verify(t.Context(), i.Token(nil)); !errors.Is(err, bearer.ErrUnavailable) {
		t.Errorf("no key yet: %v", err)
	}
	i.Up()
	if _, err := middleware(t, i.Trust()).Verify(t.Context(), i.Token(nil)); err != nil {
		t.Errorf("up again: %v", err)
	}
}
