package bearertest_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/bearertest"
)

func TestClockStandsUntilItIsMoved(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	c := bearertest.NewClock(start)
	for range 2 {
		if !c.Now().Equal(start) {
			t.Error("it moves by itself")
		}
	}
	c.Advance(time.Hour)
	c.Advance(-time.Minute)
	if want := start.Add(59 * time.Minute); !c.Now().Equal(want) {
		t.Errorf("%v, want %v", c.Now(), want)
	}
}

// Claims that a test put into a request admit nobody.
func TestWithClaimsIsNoAdmission(t *testing.T) {
	m := middleware(t, bearertest.NewIssuer(t).Trust())
	r := bearertest.WithClaims(httptest.NewRequest(http.MethodGet, "/", nil), claims{Subject: "alice"})
	if c, ok := bearer.FromContext[claims](r.Context()); !ok || c.Subject != "alice" {
		t.Errorf("%+v, %t", c, ok)
	}
	if info, ok := bearer.InfoFromContext(r.Context()); !ok || info.Subject != "" {
		t.Errorf("%+v, %t", info, ok)
	}
	if _, err := m.Admit(r); !errors.Is(err, bearer.ErrMissing) {
		t.Errorf("%v, want %v", err, bearer.ErrMissing)
	}
}
