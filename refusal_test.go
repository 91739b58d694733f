package bearer_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/keys"
)

// The parts of a Refusal, for those who write the answer themselves, are the
// parts of the answer that it writes.
func TestRefusalParts(t *testing.T) {
	k := newKey(t, keys.HS256, keys.WithID("1"))
	for _, s := range situations(t, k) {
		if s.want.status == http.StatusNoContent {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			trust := trust(static(t, k))
			if s.edit != nil {
				s.edit(&trust)
			}
			m := newMiddleware[map[string]any](t, trust, s.opts...)
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			if s.values != nil {
				r.Header["Authorization"] = s.values
			}
			_, err := m.Admit(r, s.guards...)
			var refusal *bearer.Refusal
			if !errors.As(err, &refusal) {
				t.Fatalf("got %T", err)
			}
			switch {
			case s.cause == errAny:
				if !isOneSentinel(err, nil) {
					t.Errorf("the service's fault has a sentinel: %v", err)
				}
			case strings.HasSuffix(s.name, "blames the token"), strings.HasSuffix(s.name, "blame the token"): // its cause is a second one
				if !errors.Is(err, s.cause) {
					t.Errorf("%v is not %v", err, s.cause)
				}
			default:
				checkCause(t, err, s.cause)
			}
			if refusal.StatusCode() != s.want.status {
				t.Errorf("status %d, want %d", refusal.StatusCode(), s.want.status)
			}
			for range 2 {
				h := refusal.Header()
				if !reflect.DeepEqual(h, s.want.header) {
					t.Errorf("header %v, want %v", h, s.want.header)
				}
				// What a caller does to it is nobody else's.
				for name := range h {
					h[name][0] = "changed"
				}
				h.Set("X-Added", "1")
			}
			body, err := json.Marshal(refusal)
			want := strings.TrimSuffix(s.want.body, "\n")
			if want == "" {
				want = "{}"
			}
			if err != nil || string(body) != want {
				t.Errorf("JSON %s, %v, want %s", body, err, want)
			}
			var log bytes.Buffer
			slog.New(slog.NewJSONHandler(&log, nil)).Error("refused", "refusal", refusal)
			line := fmt.Sprintf(`"refusal":{"status":%d,"error":%s}}`, s.want.status, must(json.Marshal(refusal.Error())))
			if !strings.HasSuffix(strings.TrimSpace(log.String()), line) {
				t.Errorf("log %s, want %s", log.String(), line)
			}
			for _, text := range []string{fmt.Sprintf("%v %+v %s %q", refusal, refusal, refusal, refusal), log.String()} {
				for _, value := range s.values {
					for _, part := range strings.FieldsFunc(value, func(r rune) bool { return r == '.' || r == ' ' }) {
						if len(part) > 8 && strings.Contains(text, part) {
							t.Errorf("the refusal shows a part of the token: %s", text)
						}
					}
				}
			}
		})
	}
}

// The cause is found beside the sentinel, for logs and metrics.
func TestRefusalUnwraps(t *testing.T) {
	k := newKey(t, keys.HS256, keys.WithID("1"))
	good := "Bearer " + forge(t, k, header(k), goodPayload(""))
	for _, s := range situations(t, k) {
		if s.name != "keys are out of reach" && s.name != "revocations are out of reach" {
			continue
		}
		trust := trust(static(t, k))
		s.edit(&trust)
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", good)
		_, err := newMiddleware[map[string]any](t, trust).Admit(r)
		if !errors.Is(err, errStore) || !errors.Is(err, bearer.ErrUnavailable) {
			t.Errorf("%s: %v", s.name, err)
		}
	}
	_, err := attackedBy(t, k).Verify(t.Context(), "x")
	checkCause(t, err, bearer.ErrMalformed)
}

// A Refusal that the package did not make admits nobody and does not panic.
func TestZeroRefusal(t *testing.T) {
	var zero bearer.Refusal
	w := httptest.NewRecorder()
	zero.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	checkAnswer(t, w.Result(), answerFault)
	if zero.StatusCode() != http.StatusInternalServerError || zero.Error() == "" || zero.Unwrap() != nil {
		t.Errorf("%d %q %v", zero.StatusCode(), zero.Error(), zero.Unwrap())
	}
	if body, err := json.Marshal(&zero); string(body) != "{}" || err != nil {
		t.Errorf("%s %v", body, err)
	}
}

// What other handlers set before stays theirs, but not where the answer has a
// header of the same name.
func TestRefusalReplacesHeaders(t *testing.T) {
	w := httptest.NewRecorder()
	w.Header().Set("Cache-Control", "public, max-age=3600")
	w.Header().Set("Vary", "Origin")
	attackedBy(t, newKey(t, keys.HS256)).Wrap(nil).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	want := answerMissing
	want.header = want.header.Clone()
	want.header.Set("Vary", "Origin")
	checkAnswer(t, w.Result(), want)
}

// Admit's callers answer with the Refusal itself, so that WithErrorHandler counts
// in every router.
func TestErrorHandlerOfARefusal(t *testing.T) {
	m := newMiddleware[map[string]any](t, trust(static(t, newKey(t, keys.HS256))), bearer.WithErrorHandler(
		func(w http.ResponseWriter, r *http.Request, refusal *bearer.Refusal) {
			w.Header().Set("X-Handled", r.URL.Path)
			refusal.ServeHTTP(w, r)
		}))
	r := httptest.NewRequest(http.MethodGet, "/path", nil)
	_, err := m.Admit(r)
	var refusal *bearer.Refusal
	if !errors.As(err, &refusal) {
		t.Fatal(err)
	}
	for range 2 {
		w := httptest.NewRecorder()
		refusal.ServeHTTP(w, r)
		if w.Code != http.StatusUnauthorized || w.Header().Get("X-Handled") != "/path" || w.Header().Get("WWW-Authenticate") == "" {
			t.Errorf("%d %v", w.Code, w.Header())
		}
	}
}
