package bearer_test

import (
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"

	"github.com/gobearer/bearer/keys"
)

// Refusals are made once and given to many requests. What somebody in front does
// to one answer must not show in another header, nor in the next answer.
func TestRefusalsShareNothing(t *testing.T) {
	for _, p := range refusedPaths(t) {
		t.Run(p.name, func(t *testing.T) {
			answer := func() (http.Header, string) {
				w := httptest.NewRecorder()
				p.handler.ServeHTTP(w, p.request)
				return w.Header(), w.Body.String()
			}
			want, wantBody := answer()
			for name := range want {
				got, _ := answer()
				got.Add(name, "added")
				for other := range want {
					if other != name && !reflect.DeepEqual(got[other], want[other]) {
						t.Errorf("adding to %s made %s %q", name, other, got[other])
					}
				}
				got[name][0] = "changed"
			}
			if got, body := answer(); !reflect.DeepEqual(got, want) || body != wantBody {
				t.Errorf("the next answer is %v %q, want %v %q", got, body, want, wantBody)
			}
		})
	}
}

// The header of a Refusal is the caller's.
func TestRefusalHeaderIsTheCallers(t *testing.T) {
	k := keyOf(t, keys.HS256)
	m := newMiddleware[struct{}](t, trust(static(t, k)))
	refusal := func() http.Header {
		_, err := m.Verify(t.Context(), "x")
		return err.(interface{ Header() http.Header }).Header()
	}
	want := refusal()
	changed := refusal()
	changed["Www-Authenticate"][0] = "changed"
	changed.Add("Cache-Control", "private")
	if got := refusal(); !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if changed.Get("Content-Type") != "application/json" {
		t.Errorf("one value took the place of another: %v", changed)
	}
}
