package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestQuickstart(t *testing.T) {
	server := httptest.NewUnstartedServer(nil)
	handler, err := newHandler("http://" + server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = handler
	server.Start()
	defer server.Close()

	t.Run("its own commands work", func(t *testing.T) {
		if err := try(server.URL); err != nil {
			t.Error(err)
		}
	})
	for name, wrong := range map[string]string{
		"an unknown user":       strings.Replace(login, "tom", "tim", 1),
		"a wrong password":      strings.Replace(login, "horse", "house", 1),
		"a wrong private token": strings.Replace(login, "0d6c", "0d6d", 1),
	} {
		t.Run(name+" gets no token", func(t *testing.T) {
			answer, err := http.Post(server.URL+"/token", "application/json", strings.NewReader(wrong))
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
			if answer.StatusCode != http.StatusBadRequest {
				t.Errorf("status %d, want 400", answer.StatusCode)
			}
		})
	}
	for _, path := range []string{"/me", "/admin"} {
		t.Run(path+" is closed without a token", func(t *testing.T) {
			answer, err := http.Get(server.URL + path)
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
