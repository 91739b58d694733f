package bearertest

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/keys"
)

// MountConformance tests that a router in which mount has registered an issuer's
// endpoints answers as net/http's mux does after bearer's own Mount: for every
// endpoint and method, to the byte, with no redirect.
func MountConformance(t *testing.T, mount func(*bearer.Issuer) http.Handler) {
	t.Helper()
	// The second has a colon in a path, which routers take for a parameter.
	for _, name := range []string{"https://localhost", "https://localhost/realms/urn:a"} {
		t.Run(name, func(t *testing.T) {
			issuer := mountedIssuer(t, name)
			mux := http.NewServeMux()
			issuer.Mount(mux)
			checkMount(t, issuer, mux, mount(issuer))
		})
	}
}

func mountedIssuer(t testing.TB, name string) *bearer.Issuer {
	t.Helper()
	ring, err := keys.NewRing(newKey(t))
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := bearer.NewIssuer(name, ring, bearer.AuthenticatorFunc(func(_ context.Context, c bearer.Credentials) (*bearer.Account, error) {
		if c.UserName != "tom" {
			return nil, bearer.ErrBadCredentials
		}
		return &bearer.Account{ID: "1087", UserName: "tom"}, nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	return issuer
}

// checkMount compares every answer of the mounted endpoints with net/http's.
func checkMount(t *testing.T, issuer *bearer.Issuer, mux, router http.Handler) {
	t.Helper()
	const login = `{"userName":"tim","password":"p","privateToken":"t"}`
	for _, e := range issuer.Endpoints() {
		for _, method := range []string{
			http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
			http.MethodDelete, http.MethodConnect, http.MethodOptions, http.MethodTrace,
		} {
			send := func(handler http.Handler) *httptest.ResponseRecorder {
				r := httptest.NewRequest(http.MethodPost, "https://localhost"+e.Path, strings.NewReader(login))
				r.Method = method // NewRequest reads an address out of CONNECT
				r.Header.Set("Content-Type", "application/json")
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, r)
				return w
			}
			want, got := send(mux), send(router)
			if got.Code != want.Code || got.Body.String() != want.Body.String() || !maps.EqualFunc(got.Header(), want.Header(), slices.Equal) {
				t.Errorf("%s %s: %d %v %q, want %d %v %q", method, e.Path, got.Code, got.Header(), got.Body, want.Code, want.Header(), want.Body)
			}
			if (got.Code == http.StatusMethodNotAllowed) == (method == e.Method || method == http.MethodHead && e.Method == http.MethodGet) || got.Code == http.StatusNotFound {
				t.Errorf("%s %s: %d", method, e.Path, got.Code)
			}
		}
	}
	for _, e := range issuer.Endpoints() {
		w := httptest.NewRecorder()
		router.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "https://localhost"+e.Path+"x", nil))
		if w.Code != http.StatusNotFound {
			t.Errorf("%sx: %d, want 404", e.Path, w.Code)
		}
	}
	r := httptest.NewRequest(http.MethodPost, "https://localhost/token/", strings.NewReader(strings.Replace(login, "tim", "tom", 1)))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	router.ServeHTTP(w, r)
	if w.Code != http.StatusOK || !strings.HasPrefix(w.Body.String(), `{"access_token":"`) {
		t.Errorf("a login: %d %s", w.Code, w.Body)
	}
}
