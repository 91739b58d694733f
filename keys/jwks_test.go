package keys_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gobearer/bearer/keys"
)

func TestJWKSConditionalGET(t *testing.T) {
	ring := newRing(t, named(t, "secret"))
	other := strings.Repeat("A", 43)
	full := http.Header{"Cache-Control": {"public, max-age=300"}, "Content-Length": {"11"}, "Content-Type": {"application/jwk-set+json"}, "Etag": {emptyETag}}
	unchanged := http.Header{"Cache-Control": {"public, max-age=300"}, "Etag": {emptyETag}}
	bare := strings.Trim(emptyETag, `"`)
	tests := []struct {
		name   string
		match  []string
		status int
	}{
		{"no condition", nil, 200},
		{"its tag", []string{emptyETag}, 304},
		{"its tag, weak", []string{"W/" + emptyETag}, 304},
		{"any tag", []string{"*"}, 304},
		{"any tag, in white space", []string{" *\t"}, 304},
		{"another tag", []string{`"` + other + `"`}, 200},
		{"a list", []string{`"a", W/"b" ,` + emptyETag}, 304},
		{"a list with commas in a tag", []string{`"a,b",,` + emptyETag + `,"c"`}, 304},
		{"a list in two headers", []string{`"a"`, emptyETag}, 304},
		{"a list without it", []string{`"a","b", W/"c"`}, 200},
		{"an empty list", []string{""}, 200},
		{"an empty tag", []string{`""`}, 200},
		{"no quotes", []string{bare}, 200},
		{"one quote", []string{`"` + bare}, 200},
		{"a part of it", []string{emptyETag[:20] + `"`}, 200},
		{"another case", []string{strings.ToUpper(emptyETag)}, 200},
		{"weak in another case", []string{"w/" + emptyETag}, 200},
		{"text behind it", []string{emptyETag + "x"}, 304},
		{"text before it", []string{"x" + emptyETag}, 200},
		{"tags without a comma", []string{`"a" ` + emptyETag}, 200},
		{"a star in a list", []string{`"a", *`}, 200},
		{"a star in quotes", []string{`"*"`}, 200},
	}
	for _, test := range tests {
		for _, method := range []string{"GET", "HEAD"} {
			t.Run(test.name+" "+method, func(t *testing.T) {
				req := httptest.NewRequest(method, "/jwks.json", nil)
				for _, value := range test.match {
					req.Header.Add("If-None-Match", value)
				}
				w := httptest.NewRecorder()
				ring.JWKS().ServeHTTP(w, req)
				header, body := unchanged, ""
				if test.status == 200 {
					header = full
					if method == "GET" {
						body = `{"keys":[]}`
					}
				}
				if w.Code != test.status || w.Body.String() != body || !maps.EqualFunc(w.Header(), header, slices.Equal) {
					t.Errorf("%d %v %q, want %d %v %q", w.Code, w.Header(), w.Body, test.status, header, body)
				}
			})
		}
	}
	req := httptest.NewRequest("POST", "/jwks.json", nil)
	req.Header.Set("If-None-Match", "*")
	w := httptest.NewRecorder()
	if ring.JWKS().ServeHTTP(w, req); w.Code != 405 || !maps.EqualFunc(w.Header(), http.Header{"Allow": {"GET, HEAD"}}, slices.Equal) {
		t.Errorf("POST: %d %v", w.Code, w.Header())
	}
}

func TestJWKSMayBeCachedForThePublishDelay(t *testing.T) {
	for delay, want := range map[time.Duration]string{
		0:                  "no-cache",
		time.Second - 1:    "no-cache",
		time.Second:        "public, max-age=1",
		90*time.Second + 1: "public, max-age=90",
		24 * time.Hour:     "public, max-age=86400",
	} {
		w := httptest.NewRecorder()
		newRing(t, named(t, "a"), keys.WithPublishDelay(delay)).JWKS().ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if got := w.Header().Get("Cache-Control"); got != want {
			t.Errorf("%v: %s, want %s", delay, got, want)
		}
	}
}

func TestJWKSChangesByItself(t *testing.T) {
	clock := clockAt(epoch)
	r := newRing(t, generate(t, keys.ES256, keys.WithID("a")), clock.option(), keys.WithRetiring(named(t, "secret")))
	r.KeepFor(time.Hour)
	handler := r.JWKS()
	get := func(tag string) (int, string) {
		req := httptest.NewRequest("GET", "/", nil)
		req.Header.Set("If-None-Match", tag)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, req)
		return w.Code, w.Header().Get("ETag")
	}
	steps := []struct {
		name string
		do   func() error
		at   time.Duration
		same bool // as before
		want []string
	}{
		{"one key", nil, 0, false, []string{"a"}},
		{"again", nil, time.Second, true, []string{"a"}},
		{"a rotation publishes at once", func() error { return r.Rotate(generate(t, keys.EdDSA, keys.WithID("b"))) }, time.Second, false, []string{"a", "b"}},
		{"it signs", nil, delay + time.Second, true, []string{"a", "b"}},
		{"the first is about to be dropped", nil, delay + time.Hour + leeway, true, []string{"a", "b"}},
		{"the first is dropped", nil, delay + time.Hour + leeway + time.Second, false, []string{"b"}},
		{"a secret is not published", func() error { return r.Rotate(named(t, "c")) }, 2 * time.Hour, true, []string{"b"}},
		{"a key is removed", func() error { return r.Remove("b") }, 2 * time.Hour, false, []string{}},
	}
	tag := `"none"`
	for _, step := range steps {
		clock.set(epoch.Add(step.at))
		if step.do != nil {
			if err := step.do(); err != nil {
				t.Fatal(err)
			}
		}
		if got := publishedIDs(t, r); !slices.Equal(got, step.want) {
			t.Errorf("%s: %q, want %q", step.name, got, step.want)
		}
		code, next := get(tag)
		if (code == 304) != step.same || (tag == next) != step.same {
			t.Errorf("%s: %d, %s after %s", step.name, code, next, tag)
		}
		tag = next
	}
}
