package bearer_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/keys"
)

// authorizations are values of the header with TOKEN where the token goes.
var authorizations = []struct {
	name  string
	value string
	want  error
}{
	{"twin: as RFC 6750 writes it", "Bearer TOKEN", nil},
	{"twin: lower case", "bearer TOKEN", nil},
	{"twin: upper case", "BEARER TOKEN", nil},
	{"twin: mixed case", "bEaReR TOKEN", nil},
	{"twin: two spaces", "Bearer  TOKEN", nil},
	{"twin: many spaces", "Bearer" + strings.Repeat(" ", 1000) + "TOKEN", nil},

	{"empty", "", bearer.ErrMissing},
	{"Basic", "Basic dXNlcjpwYXNz", bearer.ErrMissing},
	{"Basic with the token", "Basic TOKEN", bearer.ErrMissing},
	{"Digest", `Digest username="Mufasa", realm="x"`, bearer.ErrMissing},
	{"DPoP", "DPoP TOKEN", bearer.ErrMissing},
	{"Token", "Token TOKEN", bearer.ErrMissing},
	{"JWT", "JWT TOKEN", bearer.ErrMissing},
	{"Negotiate alone", "Negotiate", bearer.ErrMissing},
	{"a scheme that starts with Bearer", "BearerToken TOKEN", bearer.ErrMissing},
	{"a scheme that starts with Bearer, by a dash", "Bearer-Token TOKEN", bearer.ErrMissing},
	{"a scheme that Bearer starts with", "Bear TOKEN", bearer.ErrMissing},
	{"the token alone", "TOKEN", bearer.ErrMissing},
	{"Basic and Bearer, joined by a comma", "Basic dXNlcjpwYXNz, Bearer TOKEN", bearer.ErrMissing},

	{"Bearer alone", "Bearer", bearer.ErrRequest},
	{"Bearer and a space", "Bearer ", bearer.ErrRequest},
	{"Bearer and spaces", "Bearer    ", bearer.ErrRequest},
	{"a space before the scheme", " Bearer TOKEN", bearer.ErrRequest},
	{"a tab before the scheme", "\tBearer TOKEN", bearer.ErrRequest},
	{"a tab for the space", "Bearer\tTOKEN", bearer.ErrRequest},
	{"a tab behind the space", "Bearer \tTOKEN", bearer.ErrRequest},
	{"a tab before the space", "Bearer\t TOKEN", bearer.ErrRequest},
	{"a line feed for the space", "Bearer\nTOKEN", bearer.ErrRequest},
	{"a no-break space for the space", "Bearer\u00a0TOKEN", bearer.ErrRequest},
	{"a colon", "Bearer: TOKEN", bearer.ErrRequest},
	{"an equals sign", "Bearer=TOKEN", bearer.ErrRequest},
	{"a comma", "Bearer,TOKEN", bearer.ErrRequest},
	{"a comma behind a fourth segment", "Bearer TOKEN.x,", bearer.ErrRequest},
	{"a slash, which a token may start with", "Bearer/TOKEN", bearer.ErrRequest},
	{"a space behind the token", "Bearer TOKEN ", bearer.ErrRequest},
	{"a tab behind the token", "Bearer TOKEN\t", bearer.ErrRequest},
	{"a word behind the token", "Bearer TOKEN x", bearer.ErrRequest},
	{"two tokens", "Bearer TOKEN TOKEN", bearer.ErrRequest},
	{"the scheme twice", "Bearer Bearer TOKEN", bearer.ErrRequest},
	{"joined by a comma, the same", "Bearer TOKEN, Bearer TOKEN", bearer.ErrRequest},
	{"joined by a comma, with Basic", "Bearer TOKEN, Basic dXNlcjpwYXNz", bearer.ErrRequest},
	{"joined by a comma without spaces", "Bearer TOKEN,TOKEN", bearer.ErrRequest},
	{"quotes", `Bearer "TOKEN"`, bearer.ErrRequest},
	{"a parameter", "Bearer token=TOKEN", bearer.ErrRequest},
	{"padding alone", "Bearer =", bearer.ErrRequest},
	{"padding before the token", "Bearer =TOKEN", bearer.ErrRequest},
	{"percent encoding", "Bearer %41TOKEN", bearer.ErrRequest},
	{"NUL", "Bearer TOKEN\x00", bearer.ErrRequest},
	{"non-ASCII", "Bearer TOKENé", bearer.ErrRequest},
	{"a scheme of letters that fold to Bearer's", "BEAREЯ TOKEN", bearer.ErrMissing},
	{"garbage", `"`, bearer.ErrRequest},
}

func TestAuthorization(t *testing.T) {
	k := newKey(t, keys.HS256)
	m := attackedBy(t, k)
	token := forge(t, k, header(k), goodPayload(""))
	for _, test := range authorizations {
		t.Run(test.name, func(t *testing.T) {
			value := strings.ReplaceAll(test.value, "TOKEN", token)
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header["Authorization"] = []string{value}
			send(t, m, r, test.want)

			got, err := bearer.ParseAuthorization(value)
			if test.want == nil && (got != token || err != nil) || test.want != nil && (got != "" || !isOneSentinel(err, test.want)) {
				t.Errorf("ParseAuthorization: %q, %v", got, err)
			}
		})
	}
}

// Everywhere else a token, or a second opinion on who asks, may stand.
func TestCredentialPlace(t *testing.T) {
	k := newKey(t, keys.HS256)
	m := attackedBy(t, k)
	good := forge(t, k, header(k), goodPayload(""))
	other := forge(t, k, header(k), payloadWith("sub", `"admin"`))
	headers := func(values ...string) func(*http.Request) {
		return func(r *http.Request) { r.Header["Authorization"] = values }
	}
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for _, test := range []struct {
		name string
		edit func(*http.Request)
		want error
	}{
		{"twin: one header", headers("Bearer " + good), nil},
		{"twin: one header and a token everywhere else", func(r *http.Request) {
			r.Header.Set("Authorization", "Bearer "+good)
			r.Header.Set("Proxy-Authorization", "Bearer "+other)
			r.AddCookie(&http.Cookie{Name: "access_token", Value: other})
			r.URL.RawQuery = "access_token=" + other
		}, nil},
		{"no header", func(*http.Request) {}, bearer.ErrMissing},
		{"a header without a value", headers(), bearer.ErrMissing},
		{"two headers, the same", headers("Bearer "+good, "Bearer "+good), bearer.ErrRequest},
		{"two headers, different tokens", headers("Bearer "+good, "Bearer "+other), bearer.ErrRequest},
		{"two headers, Basic first", headers("Basic dXNlcjpwYXNz", "Bearer "+good), bearer.ErrRequest},
		{"two headers, Basic second", headers("Bearer "+good, "Basic dXNlcjpwYXNz"), bearer.ErrRequest},
		{"two headers, neither Bearer", headers("Basic dXNlcjpwYXNz", "Digest x"), bearer.ErrRequest},
		{"two headers, the second empty", headers("Bearer "+good, ""), bearer.ErrRequest},
		{"two headers, both empty", headers("", ""), bearer.ErrRequest},
		{"a query", func(r *http.Request) { r.URL.RawQuery = "access_token=" + good }, bearer.ErrMissing},
		{"a query named token", func(r *http.Request) { r.URL.RawQuery = "token=" + good + "&jwt=" + good }, bearer.ErrMissing},
		{"a cookie", func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "access_token", Value: good}) }, bearer.ErrMissing},
		{"a cookie named Authorization", header("Cookie", "Authorization=Bearer "+good), bearer.ErrMissing},
		{"user information in the URL", func(r *http.Request) { r.URL.Host = "u:" + good + "@host" }, bearer.ErrMissing},
		{"Proxy-Authorization", header("Proxy-Authorization", "Bearer "+good), bearer.ErrMissing},
		{"X-Authorization", header("X-Authorization", "Bearer "+good), bearer.ErrMissing},
		{"X-Access-Token", header("X-Access-Token", good), bearer.ErrMissing},
		{"X-Forwarded-Authorization", header("X-Forwarded-Authorization", "Bearer "+good), bearer.ErrMissing},
		{"X-Original-Authorization", header("X-Original-Authorization", "Bearer "+good), bearer.ErrMissing},
		{"Sec-WebSocket-Protocol", header("Sec-Websocket-Protocol", "bearer, "+good), bearer.ErrMissing},
		{"a trailer", func(r *http.Request) { r.Trailer = http.Header{"Authorization": {"Bearer " + good}} }, bearer.ErrMissing},
		{"a name with a space behind it", func(r *http.Request) { r.Header["Authorization "] = []string{"Bearer " + good} }, bearer.ErrMissing},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			test.edit(r)
			send(t, m, r, test.want)
		})
	}
	t.Run("a form in the body", func(t *testing.T) {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("access_token="+good))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		send(t, m, r, bearer.ErrMissing)
		// It is the handler's still.
		if err := r.ParseForm(); err != nil || r.PostForm.Get("access_token") != good {
			t.Errorf("the body was touched: %v", err)
		}
	})
}
