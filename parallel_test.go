package bearer_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/keys"
)

// Thousands of callers at once: each handler sees the claims of its own caller,
// before and after it let the others run, and refusals do not mix in.
func TestParallelRequests(t *testing.T) {
	const callers = 2000
	k := newKey(t, keys.HS256)
	m := newMiddleware[map[string]any](t, trust(static(t, k)))
	var all, started sync.WaitGroup
	started.Add(callers)
	handler := m.Guard(bearer.RequireScope("read"))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		want := r.URL.Query().Get("caller")
		check := func() (bearer.Info, map[string]any) {
			info, _ := bearer.InfoFromContext(r.Context())
			claims, _ := bearer.FromContext[map[string]any](r.Context())
			if info.Subject != want || info.ID != "id "+want || info.Scopes[1] != want || claims["sub"] != want {
				t.Errorf("%s saw %+v and %v", want, info, claims)
			}
			return info, claims
		}
		info, claims := check()
		started.Done()
		started.Wait() // until all have been admitted
		check()
		// Whatever one does to its own is nobody else's.
		info.Scopes[0], info.Audience[0] = want, want
		claims["mine"] = want
		w.WriteHeader(http.StatusNoContent)
	}))
	for i := range callers {
		subject := fmt.Sprintf("caller-%d", i)
		good := forge(t, k, header(k), payloadWith("sub", `"`+subject+`"`, "jti", `"id `+subject+`"`, "scope", `"read `+subject+`"`))
		all.Go(func() {
			r := httptest.NewRequest(http.MethodGet, "/?caller="+subject, nil)
			r.Header.Set("Authorization", "Bearer "+good)
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if w.Code != http.StatusNoContent {
				t.Errorf("%s got %d", subject, w.Code)
				started.Done()
			}
			// The same caller with one bit changed, at the same time.
			r.Header.Set("Authorization", "Bearer "+good[:len(good)-2]+"AA")
			if _, err := m.Admit(r); err == nil && good[len(good)-2:] != "AA" {
				t.Errorf("%s was admitted with a wrong signature", subject)
			}
		})
	}
	all.Wait()
}
