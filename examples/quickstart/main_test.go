package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gobearer/bearer"
)

func TestQuickstart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "accounts.db")
	var old string
	for _, run := range []string{"the first run", "a run with the file of an earlier one"} {
		t.Run(run, func(t *testing.T) {
			store, err := openStore(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			defer store.Close()
			login, err := addTom(t.Context(), store)
			if err != nil {
				t.Fatal(err)
			}
			server := httptest.NewUnstartedServer(nil)
			handler, err := newHandler("http://"+server.Listener.Addr().String(), store)
			if err != nil {
				t.Fatal(err)
			}
			server.Config.Handler = handler
			server.Start()
			defer server.Close()
			testRun(t, server.URL, login)
			if old != "" {
				refused(t, server.URL, "the private token of the earlier run", old)
			}
			old = login
		})
	}
}

func testRun(t *testing.T, url, login string) {
	t.Run("its own commands work", func(t *testing.T) {
		if err := try(url, login); err != nil {
			t.Error(err)
		}
	})
	t.Run("a token is worth nothing after its logout", func(t *testing.T) {
		token := token(t, url, login)
		for _, step := range []struct {
			method, path string
			status       int
		}{
			{"GET", "/me", 200}, {"POST", "/logout", 204}, {"GET", "/me", 401}, {"POST", "/logout", 401},
		} {
			request, err := http.NewRequestWithContext(t.Context(), step.method, url+step.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Authorization", "Bearer "+token)
			answer, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
			if answer.StatusCode != step.status {
				t.Errorf("%s %s: %d, want %d", step.method, step.path, answer.StatusCode, step.status)
			}
		}
	})
	refused(t, url, "an unknown user", strings.Replace(login, "tom", "tim", 1))
	refused(t, url, "a wrong password", strings.Replace(login, "horse", "house", 1))
	for _, path := range []string{"/me", "/admin"} {
		t.Run(path+" is closed without a token", func(t *testing.T) {
			answer, err := http.Get(url + path)
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
			if answer.StatusCode != http.StatusUnauthorized {
				t.Errorf("status %d, want 401", answer.StatusCode)
			}
		})
	}
}

func refused(t *testing.T, url, name, login string) {
	t.Run(name+" gets no token", func(t *testing.T) {
		answer, err := http.Post(url+"/token", "application/json", strings.NewReader(login))
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusBadRequest {
			t.Errorf("status %d, want 400", answer.StatusCode)
		}
	})
}

func token(t *testing.T, url, login string) string {
	t.Helper()
	answer, err := http.Post(url+"/token", "application/json", strings.NewReader(login))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var response bearer.TokenResponse
	if err := json.NewDecoder(answer.Body).Decode(&response); err != nil {
		t.Fatal(err)
	}
	return response.AccessToken
}
