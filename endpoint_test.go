package bearer_test

import (
	"bytes"
	"context"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/cryptotest"
	"testing/iotest"
	"time"
	"unicode/utf8"

	"github.com/gobearer/bearer"
)

// A tokenAnswer is what the token endpoint says besides no-store and no-cache.
type tokenAnswer struct {
	status       int
	name, value  string // one more header
	body         string
	authenticate bool // the authenticator must have run
}

func errorAnswer(status int, code, description string) tokenAnswer {
	return tokenAnswer{status: status, body: fmt.Sprintf(`{"error":%q,"error_description":%q}`+"\n", code, description)}
}

func (a tokenAnswer) with(name, value string) tokenAnswer { a.name, a.value = name, value; return a }
func (a tokenAnswer) afterLogin() tokenAnswer             { a.authenticate = true; return a }

const unavailableBody = `{"error":"temporarily_unavailable","error_description":"The request cannot be answered now"}` + "\n"

var (
	admitted        = tokenAnswer{status: 200, authenticate: true} // its body is Issue's
	wrongMethod     = errorAnswer(405, "invalid_request", "The token endpoint takes POST only").with("Allow", "POST")
	wrongURL        = errorAnswer(400, "invalid_request", "The URL must not carry credentials")
	wrongType       = errorAnswer(415, "invalid_request", "The request must be of type application/json")
	tooLarge        = errorAnswer(413, "invalid_request", "The request is larger than 16 KiB")
	wrongBody       = errorAnswer(400, "invalid_request", "The request must be a JSON object with the strings userName, password, privateToken and optionally validity, each once and not empty")
	wrongValidity   = errorAnswer(400, "invalid_request", "The validity must be Default, ShortLive or LongLive")
	wrongLogin      = errorAnswer(400, "invalid_grant", "The user name, password or private token is wrong").afterLogin()
	tooMany         = errorAnswer(429, "temporarily_unavailable", "There were too many attempts").afterLogin()
	outage          = tokenAnswer{status: 503, name: "Retry-After", value: "1", body: unavailableBody, authenticate: true}
	goodCredentials = bearer.Credentials{UserName: "tom", Password: "secret", PrivateToken: "0d6c", ClientAddr: netip.MustParseAddr("192.0.2.1")}
)

const goodBody = `{"userName":"tom","password":"secret","privateToken":"0d6c"}`

// A tokenTest is one request. What is left empty is right: POST /token, with
// goodBody as application/json, for an authenticator that accepts it.
type tokenTest struct {
	name     string
	method   string
	target   string
	types    []string // Content-Type headers; nil: the right one
	body     string
	reader   io.Reader // instead of body
	err      error     // of the authenticator
	none     bool      // the authenticator returns neither an account nor an error
	want     tokenAnswer
	validity bearer.Validity     // that was granted
	asked    *bearer.Credentials // what the authenticator got; nil: goodCredentials
}

// pad makes goodBody n bytes long.
func pad(n int) string { return goodBody + strings.Repeat(" ", n-len(goodBody)) }

func body(members string) string { return "{" + members + "}" }

func tokenTests() []tokenTest {
	const u, p, k = `"userName":"tom"`, `"password":"secret"`, `"privateToken":"0d6c"`
	good := func(more string) string { return body(u + "," + p + "," + k + more) }
	tests := []tokenTest{
		{name: "POST", want: admitted},
		{name: "GET", method: "GET", want: wrongMethod},
		{name: "HEAD", method: "HEAD", want: wrongMethod},
		{name: "OPTIONS", method: "OPTIONS", want: wrongMethod},
		{name: "PUT", method: "PUT", want: wrongMethod},
		{name: "DELETE", method: "DELETE", want: wrongMethod},
		{name: "a method has a case", method: "post", want: wrongMethod},
		{name: "the method comes before the URL", method: "GET", target: "/token?password=x", want: wrongMethod},

		{name: "the page's media type", types: []string{"Application/json"}, want: admitted},
		{name: "a media type has no case", types: []string{"APPLICATION/JSON"}, want: admitted},
		{name: "a charset", types: []string{"application/json; charset=utf-8"}, want: admitted},
		{name: "a quoted charset", types: []string{`application/json;charset="UTF-8"`}, want: admitted},
		{name: "no media type", types: []string{}, want: wrongType},
		{name: "an empty media type", types: []string{""}, want: wrongType},
		{name: "a form, which a page of another origin may send", types: []string{"application/x-www-form-urlencoded"}, want: wrongType},
		{name: "text, which a page of another origin may send", types: []string{"text/plain"}, want: wrongType},
		{name: "another JSON", types: []string{"application/json-seq"}, want: wrongType},
		{name: "a JSON suffix", types: []string{"application/hal+json"}, want: wrongType},
		{name: "text/json", types: []string{"text/json"}, want: wrongType},
		{name: "two media types in one header", types: []string{"application/json, text/plain"}, want: wrongType},
		{name: "two headers", types: []string{"application/json", "text/plain"}, want: wrongType},
		{name: "two equal headers", types: []string{"application/json", "application/json"}, want: wrongType},
		{name: "a broken parameter", types: []string{"application/json; charset"}, want: wrongType},
		{name: "the media type comes before the body", types: []string{"text/plain"}, body: "x", want: wrongType},

		{name: "16 KiB", body: pad(16 << 10), want: admitted},
		{name: "one byte over 16 KiB", body: pad(16<<10 + 1), want: tooLarge},
		{name: "too large comes before malformed", body: strings.Repeat("x", 16<<10+1), want: tooLarge},
		{name: "a body of unknown length", reader: iotest.OneByteReader(strings.NewReader(goodBody)), want: admitted},
		{name: "a large body of unknown length", reader: iotest.HalfReader(strings.NewReader(pad(20 << 10))), want: tooLarge},
		{name: "a body that breaks off", reader: io.MultiReader(strings.NewReader(goodBody), iotest.ErrReader(io.ErrUnexpectedEOF)), want: wrongBody},
		{name: "a body that is too slow", reader: io.MultiReader(strings.NewReader(goodBody), iotest.ErrReader(fmt.Errorf("read: %w", os.ErrDeadlineExceeded))), want: wrongPace},

		{name: "white space around", body: " \t\r\n" + goodBody + " \t\r\n", want: admitted},
		{name: "empty", reader: strings.NewReader(""), want: wrongBody},
		{name: "white space alone", body: " ", want: wrongBody},
		{name: "not JSON", body: "userName=tom&password=secret&privateToken=0d6c", want: wrongBody},
		{name: "cut off", body: goodBody[:len(goodBody)-1], want: wrongBody},
		{name: "a second object", body: goodBody + goodBody, want: wrongBody},
		{name: "trailing data", body: goodBody + "x", want: wrongBody},
		{name: "a trailing NUL", body: goodBody + "\x00", want: wrongBody},
		{name: "a trailing comma", body: good(","), want: wrongBody},
		{name: "a comment", body: good("/**/"), want: wrongBody},
		{name: "single quotes", body: strings.ReplaceAll(goodBody, `"`, "'"), want: wrongBody},
		{name: "a byte order mark", body: "\uFEFF" + goodBody, want: wrongBody},
		{name: "UTF-16", body: "{\x00}\x00", want: wrongBody},
		{name: "not UTF-8", body: body(u + `,"password":"` + "\xff" + `",` + k), want: wrongBody},
		{name: "a lone surrogate", body: body(u + `,"password":"\ud800",` + k), want: wrongBody},
		{name: "an array", body: "[" + goodBody + "]", want: wrongBody},
		{name: "null", body: "null", want: wrongBody},
		{name: "a string", body: `"{}"`, want: wrongBody},
		{name: "a number", body: "1", want: wrongBody},
		{name: "no members", body: "{}", want: wrongBody},

		{name: "no userName", body: body(p + "," + k), want: wrongBody},
		{name: "no password", body: body(u + "," + k), want: wrongBody},
		{name: "no privateToken", body: body(u + "," + p), want: wrongBody},
		{name: "an empty userName", body: body(`"userName":"",` + p + "," + k), want: wrongBody},
		{name: "an empty password", body: body(u + `,"password":"",` + k), want: wrongBody},
		{name: "an empty privateToken", body: body(u + "," + p + `,"privateToken":""`), want: wrongBody},
		{name: "an empty validity", body: good(`,"validity":""`), want: wrongBody},

		{name: "a duplicate", body: good("," + p), want: wrongBody},
		{name: "a duplicate of another value", body: good(`,"password":"other"`), want: wrongBody},
		{name: "a duplicate in another case", body: good(`,"PASSWORD":"other"`), want: wrongBody},
		{name: "a duplicate in a third case", body: good(`,"Password":"other"`), want: wrongBody},
		{name: "an escaped duplicate", body: good(`,"pass\u0077ord":"other"`), want: wrongBody},
		{name: "an escaped duplicate in another case", body: good(`,"pass\u0057ord":"other"`), want: wrongBody},
		{name: "a duplicate userName", body: good(`,"username":"admin"`), want: wrongBody},
		{name: "a duplicate privateToken", body: good(`,"privatetoken":"x"`), want: wrongBody},
		{name: "a duplicate validity", body: good(`,"validity":"Default","Validity":"LongLive"`), want: wrongBody},
		{name: "an empty duplicate before", body: body(`"PASSWORD":"",` + u + "," + p + "," + k), want: wrongBody},
		{name: "an unknown member twice", body: good(`,"a":1,"a":2`), want: wrongBody},
		{name: "a duplicate inside of an unknown member", body: good(`,"a":{"b":1,"b":2}`), want: wrongBody},
		{name: "members inside of an unknown member are unknown", body: good(`,"a":{"password":"x","PASSWORD":"y"}`), want: admitted},

		// Unicode folds the long s and the Kelvin sign to s and k, as
		// encoding/json does with names.
		{name: "a long s is no s", body: body(u + `,"paſſword":"secret",` + k), want: wrongBody},
		{name: "a long s is no S", body: body(u + `,"PasſWord":"secret",` + k), want: wrongBody},
		{name: "a Kelvin sign is no K", body: body(u + "," + p + ",\"privateTo\u212aen\":\"0d6c\""), want: wrongBody},
		{name: "an escaped long s is no s", body: body(u + `,"pa\u017fsword":"secret",` + k), want: wrongBody},
		{name: "a member with a long s is unknown", body: good(`,"paſſword":"other"`), want: admitted},
		{name: "a member with a Kelvin sign is unknown", body: good(",\"privateTo\u212aen\":7"), want: admitted},

		{name: "unknown members", body: good(`,"a":null,"grant_type":"password","b":[{"c":1e400}],"":false`), want: admitted},
		{name: "the table's spelling", body: `{"UserName":"tom","Password":"secret","privateToken":"0d6c","Validity":"ShortLive"}`, want: admitted, validity: "ShortLive"},
		{name: "the example's spelling", body: good(`,"validity":"LongLive"`), want: admitted, validity: "LongLive"},
		{name: "capitals", body: `{"USERNAME":"tom","PASSWORD":"secret","PRIVATETOKEN":"0d6c","VALIDITY":"Default"}`, want: admitted, validity: "Default"},
		{name: "escaped names", body: `{"\u0075serName":"tom","pass\u0077ord":"secret","privateToken":"0d6c"}`, want: admitted},
		{
			name: "values are kept as they are", body: `{"userName":" Tom ","password":"p\u0000\ud83d\ude00é\"","privateToken":"\t"}`, want: admitted,
			asked: &bearer.Credentials{UserName: " Tom ", Password: "p\x00😀é\"", PrivateToken: "\t", ClientAddr: goodCredentials.ClientAddr},
		},

		{name: "an unknown validity", body: good(`,"validity":"Forever"`), want: wrongValidity},
		{name: "a validity in another case", body: good(`,"validity":"default"`), want: wrongValidity},
		{name: "a validity with a space", body: good(`,"validity":"Default "`), want: wrongValidity},

		{name: "another query", target: "/token?lang=en&validity=LongLive", want: admitted},
		{name: "a password in the URL", target: "/token?password=secret", want: wrongURL},
		{name: "a password in the URL in another case", target: "/token?a=1&PASSword=secret", want: wrongURL},
		{name: "an encoded name in the URL", target: "/token?%70assword=secret", want: wrongURL},
		{name: "a userName in the URL", target: "/token?userName=tom", want: wrongURL},
		{name: "a privateToken in the URL", target: "/token?PrivateToken=0d6c", want: wrongURL},
		{name: "a name alone in the URL", target: "/token?password", want: wrongURL},
		{name: "user information in the URL", target: "http://tom:secret@example.com/token", want: wrongURL},
		{name: "a query that does not parse", target: "/token?a;password=secret", want: wrongURL},
		{name: "a query with a broken escape", target: "/token?a=%zz", want: wrongURL},
		{name: "a long s in the URL", target: "/token?pa%C5%BFsword=secret", want: admitted},

		{name: "a wrong login", err: bearer.ErrBadCredentials, want: wrongLogin},
		{name: "a wrong login, wrapped", err: fmt.Errorf("tom: %w", bearer.ErrBadCredentials), want: wrongLogin},
		{name: "an outage", err: errors.New("the database is down"), want: outage},
		{name: "a deadline", err: context.DeadlineExceeded, want: outage},
		{name: "neither account nor error", none: true, want: outage},
		{name: "a throttled login, wrapped", err: fmt.Errorf("tom: %w", &bearer.ThrottledError{RetryAfter: 7 * time.Second}), want: tooMany.with("Retry-After", "7")},
	}
	for wait, seconds := range map[time.Duration]string{
		-time.Second: "1", 0: "1", time.Millisecond: "1", time.Second: "1", 1500 * time.Millisecond: "2", 90 * time.Second: "90",
		math.MaxInt64: "9223372037",
	} {
		tests = append(tests, tokenTest{name: fmt.Sprint("throttled for ", wait), err: &bearer.ThrottledError{RetryAfter: wait}, want: tooMany.with("Retry-After", seconds)})
	}
	for _, wrong := range []string{"null", "1", "true", "{}", "[]", `["x"]`, `{"value":"x"}`} {
		for _, member := range []string{"userName", "password", "privateToken", "validity"} {
			// In the place of a good one.
			members := map[string]string{"userName": `"tom"`, "password": `"secret"`, "privateToken": `"0d6c"`}
			members[member] = wrong
			var parts []string
			for _, name := range slices.Sorted(maps.Keys(members)) {
				parts = append(parts, `"`+name+`":`+members[name])
			}
			tests = append(tests, tokenTest{name: member + " is " + wrong, body: body(strings.Join(parts, ",")), want: wrongBody})
		}
	}
	return tests
}

func (tt tokenTest) request() *http.Request {
	method, target, content := tt.method, tt.target, tt.reader
	if method == "" {
		method = "POST"
	}
	if target == "" {
		target = "/token"
	}
	if content == nil {
		content = strings.NewReader(tt.sent())
	}
	r := httptest.NewRequest(method, "/", content)
	u, err := url.Parse(target)
	if err != nil {
		panic(err)
	}
	r.URL = u
	if tt.types == nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, v := range tt.types {
		r.Header.Add("Content-Type", v)
	}
	return r
}

func (tt tokenTest) sent() string {
	if tt.body == "" {
		return goodBody
	}
	return tt.body
}

func (tt tokenTest) login() *loginSpy {
	if tt.err != nil || tt.none {
		return &loginSpy{err: tt.err}
	}
	return &loginSpy{account: fullAccount()}
}

// check compares the whole answer, and what the authenticator was asked.
func (tt tokenTest) check(t *testing.T, spy *loginSpy, status int, got http.Header, body, success string) {
	t.Helper()
	want := tt.want
	if want.status == http.StatusOK {
		want.body = success
	}
	if status != want.status || body != want.body {
		t.Errorf("%d %s\nwant %d %s", status, body, want.status, want.body)
	}
	header := http.Header{"Cache-Control": {"no-store"}, "Pragma": {"no-cache"}, "Content-Type": {"application/json"}}
	if want.name != "" {
		header.Set(want.name, want.value)
	}
	if !maps.EqualFunc(got, header, slices.Equal) {
		t.Errorf("header %v, want %v", got, header)
	}
	var asked []bearer.Credentials
	if want.authenticate {
		asked = []bearer.Credentials{goodCredentials}
		if tt.asked != nil {
			asked[0] = *tt.asked
		}
	}
	// Credentials do not print; a difference is for the debugger.
	if !slices.Equal(spy.asked, asked) {
		t.Errorf("the authenticator ran %d times, want %d, with the right credentials", len(spy.asked), len(asked))
	}
}

func TestTokenRequests(t *testing.T) {
	for _, tt := range tokenTests() {
		t.Run(tt.name, func(t *testing.T) {
			spy := tt.login()
			i := issuerOf(t, spy)
			var success string
			if tt.want.status == http.StatusOK {
				// What Issue says for the same id; TestGoldenResponses says what that is.
				cryptotest.SetGlobalRandom(t, 7)
				text, err := stdjson.Marshal(issue(t, i, spy.account, tt.validity))
				if err != nil {
					t.Fatal(err)
				}
				success = string(text) + "\n"
				cryptotest.SetGlobalRandom(t, 7)
			}
			w := httptest.NewRecorder()
			i.ServeHTTP(w, tt.request())
			tt.check(t, spy, w.Code, w.Header(), w.Body.String(), success)
		})
	}
}

// A function that returns its *ThrottledError as an error does so in peace too.
func TestNilThrottledErrorIsAnOutage(t *testing.T) {
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("panic: %v", p)
		}
	}()
	tt := tokenTest{err: (*bearer.ThrottledError)(nil), want: outage}
	spy := tt.login()
	w := httptest.NewRecorder()
	issuerOf(t, spy).ServeHTTP(w, tt.request())
	tt.check(t, spy, w.Code, w.Header(), w.Body.String(), "")
}

// RFC 6749 section 5.2.
func TestErrorTextsAreOfTheirCharacterSet(t *testing.T) {
	description := regexp.MustCompile(`^[\x20-\x21\x23-\x5B\x5D-\x7E]+$`)
	seen := make(map[string]bool)
	for _, tt := range tokenTests() {
		w := httptest.NewRecorder()
		issuerOf(t, tt.login()).ServeHTTP(w, tt.request())
		if w.Code == http.StatusOK {
			continue
		}
		var members map[string]string
		if err := stdjson.Unmarshal(w.Body.Bytes(), &members); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		known := slices.Contains([]string{"invalid_request", "invalid_grant", "temporarily_unavailable"}, members["error"])
		if len(members) != 2 || !known || !description.MatchString(members["error_description"]) {
			t.Errorf("%s: %q", tt.name, members)
		}
		seen[members["error_description"]] = true
	}
	if len(seen) != 10 {
		t.Errorf("%d texts, want the table's 10", len(seen))
	}
}

// The texts are constant: nothing that the client or the authenticator says
// comes back.
func TestErrorsRepeatNothing(t *testing.T) {
	const canary = "canary-7c1d"
	for _, err := range []error{
		fmt.Errorf("%s: %w", canary, bearer.ErrBadCredentials),
		fmt.Errorf("%s: %w", canary, &bearer.ThrottledError{}),
		errors.New(canary),
	} {
		w := httptest.NewRecorder()
		r := tokenTest{body: strings.ReplaceAll(goodBody, "tom", canary)}.request()
		issuerOf(t, &loginSpy{err: err}).ServeHTTP(w, r)
		if w.Code == http.StatusOK || strings.Contains(fmt.Sprint(w.Header(), w.Body), canary) {
			t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
		}
	}
}

func TestAuthenticatorGetsTheRequestsContext(t *testing.T) {
	type key struct{}
	var got any
	i := issuerOf(t, bearer.AuthenticatorFunc(func(ctx context.Context, _ bearer.Credentials) (*bearer.Account, error) {
		got = ctx.Value(key{})
		return fullAccount(), nil
	}))
	r := tokenRequest("Default")
	i.ServeHTTP(httptest.NewRecorder(), r.WithContext(context.WithValue(r.Context(), key{}, "here")))
	if got != "here" {
		t.Errorf("value %v", got)
	}
}

// It is answered, to nobody, but does not count as an outage.
func TestClientThatWentAwayIsNoOutage(t *testing.T) {
	for _, gone := range []bool{true, false} {
		ctx, cancel := context.WithCancel(t.Context())
		var causes []error
		i := issuerOf(t, bearer.AuthenticatorFunc(func(ctx context.Context, _ bearer.Credentials) (*bearer.Account, error) {
			if gone {
				cancel()
			}
			return nil, context.Canceled
		}), bearer.WithObserver(func(_ context.Context, e bearer.Event) { causes = append(causes, e.Cause) }))
		w := httptest.NewRecorder()
		i.ServeHTTP(w, tokenRequest("Default").WithContext(ctx))
		cancel()
		if w.Code != http.StatusServiceUnavailable || w.Body.String() != unavailableBody {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if len(causes) != 1 || causes[0] == nil || errors.Is(causes[0], bearer.ErrUnavailable) == gone {
			t.Errorf("gone %v: causes %v", gone, causes)
		}
	}
}

// The endpoint behind a mux, as Mount and Endpoints make it, on the wire.
func TestServer(t *testing.T) {
	mounted := func(i *bearer.Issuer) http.Handler {
		mux := http.NewServeMux()
		mux.HandleFunc("/", http.NotFound) // a catch-all takes nothing from it
		i.Mount(mux)
		return mux
	}
	byHand := func(i *bearer.Issuer) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for _, e := range i.Endpoints() {
				if r.URL.Path == e.Path {
					e.Handler.ServeHTTP(w, r)
					return
				}
			}
			http.NotFound(w, r)
		})
	}
	main := []string{
		"POST", "GET", "HEAD", "OPTIONS", "no media type", "the page's media type", "16 KiB", "one byte over 16 KiB", "a body of unknown length",
		"a large body of unknown length", "empty", "a duplicate in another case", "an unknown validity", "a password in the URL", "a wrong login",
		"an outage", "throttled for 1.5s", "two headers",
	}
	for name, serve := range map[string]func(*bearer.Issuer) http.Handler{"Mount": mounted, "Endpoints": byHand} {
		for _, path := range []string{"/token", "/token/"} {
			for _, tt := range tokenTests() {
				if !slices.Contains(main, tt.name) {
					continue
				}
				t.Run(name+" "+path+" "+tt.name, func(t *testing.T) {
					t.Parallel() // the server waits a while before it closes on a body it has not read
					spy := tt.login()
					i := issuerOf(t, spy)
					server := httptest.NewServer(serve(i))
					defer server.Close()
					local := goodCredentials
					local.ClientAddr = netip.MustParseAddr("127.0.0.1")
					tt.asked = &local

					sent := tt.request()
					content := tt.reader
					if content == nil {
						content = strings.NewReader(tt.sent())
					}
					r, err := http.NewRequest(sent.Method, server.URL+path+"?"+sent.URL.RawQuery, content)
					if err != nil {
						t.Fatal(err)
					}
					r.Header = sent.Header
					client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return errors.New("a redirect") }}
					response, err := client.Do(r)
					if err != nil {
						t.Fatal(err)
					}
					defer response.Body.Close()
					text, err := io.ReadAll(response.Body)
					if err != nil {
						t.Fatal(err)
					}
					for _, ofTheServer := range []string{"Date", "Content-Length", "Connection"} {
						response.Header.Del(ofTheServer)
					}
					success := string(text)
					if tt.want.status == http.StatusOK {
						checkToken(t, i, text)
					}
					if sent.Method == "HEAD" {
						tt.want.body = ""
					}
					tt.check(t, spy, response.StatusCode, response.Header, string(text), success)
				})
			}
		}
	}
	t.Run("what is not the endpoint", func(t *testing.T) {
		spy := &loginSpy{account: fullAccount()}
		h := mounted(issuerOf(t, spy))
		for _, path := range []string{"/", "/token/x", "/tokens", "/Token"} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, tokenTest{target: path}.request())
			if w.Code != http.StatusNotFound || len(spy.asked) > 0 {
				t.Errorf("%s: %d", path, w.Code)
			}
		}
	})
}

// checkToken verifies the token of a response.
func checkToken(t *testing.T, i *bearer.Issuer, response []byte) bearer.TokenResponse {
	t.Helper()
	var r bearer.TokenResponse
	if err := stdjson.Unmarshal(response, &r); err != nil {
		t.Fatalf("%v in %s", err, response)
	}
	if _, err := newMiddleware[bearer.Claims](t, i.Trust()).Verify(t.Context(), r.AccessToken); err != nil {
		t.Error(err)
	}
	return r
}

func TestEndpoints(t *testing.T) {
	i := issuerOf(t, &loginSpy{})
	var got []string
	for _, e := range i.Endpoints() {
		got = append(got, e.Method+" "+e.Path)
		if e.Handler == nil {
			t.Errorf("%s has no handler", e.Path)
		}
	}
	if want := []string{
		"POST /token", "POST /token/", "GET /.well-known/jwks.json", "GET /.well-known/oauth-authorization-server",
	}; !slices.Equal(got, want) {
		t.Errorf("endpoints %q, want %q", got, want)
	}
}

// program skips a test that needs a program, unless the run promises that it
// is there.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("BEARER_INTEGRATION") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	return path
}

// The page's own request, by a client that shares no code with net/http.
func TestCurl(t *testing.T) {
	curl := program(t, "curl")
	const request = `{
"userName": "requestemail@mainbrainer.com",
"password": "yourpassword",
"privateToken": "0d6c3ab1-b87c-4e6f-b099-4c7f23e51478",
"validity": "Default"
}`
	want := bearer.Credentials{
		UserName: "requestemail@mainbrainer.com", Password: "yourpassword",
		PrivateToken: "0d6c3ab1-b87c-4e6f-b099-4c7f23e51478", ClientAddr: netip.MustParseAddr("127.0.0.1"),
	}
	for _, path := range []string{"/token", "/token/"} {
		for name, login := range map[string]*loginSpy{"admitted": {account: fullAccount()}, "refused": {err: bearer.ErrBadCredentials}} {
			t.Run(path+" "+name, func(t *testing.T) {
				i := issuerOf(t, login)
				mux := http.NewServeMux()
				i.Mount(mux)
				server := httptest.NewServer(mux)
				defer server.Close()
				login.asked = nil

				c := exec.Command(curl, "--silent", "--show-error", "--noproxy", "*", "--request", "POST", "--header", "Content-Type: Application/json",
					"--data-binary", "@-", "--write-out", "%{http_code} %{num_redirects}", server.URL+path)
				c.Stdin = strings.NewReader(request)
				out, err := c.CombinedOutput()
				if err != nil {
					t.Fatalf("%v: %s", err, out)
				}
				if !slices.Equal(login.asked, []bearer.Credentials{want}) {
					t.Error("the authenticator did not run once with the page's credentials")
				}
				text, status, _ := strings.Cut(string(out), "\n")
				if login.err != nil {
					if status != "400 0" || text+"\n" != wrongLogin.body {
						t.Errorf("status %s, body %s", status, text)
					}
					return
				}
				if r := checkToken(t, i, []byte(text)); status != "200 0" || r.ExpiresIn != 720000 || r.TokenType != "Bearer" {
					t.Errorf("status %s, body %s", status, text)
				}
			})
		}
	}
}

func TestClientAddr(t *testing.T) {
	one := []string{"10.0.0.0/8"}
	both := []string{"10.0.0.0/8", "2001:db8::/32"}
	unix := []string{"::/128"}
	tests := []struct {
		name    string
		peer    string
		proxies []string // WithTrustedProxies; nil: not given
		headers []string // X-Forwarded-For
		want    string   // empty: none
	}{
		{"the peer", "192.0.2.1:1234", nil, nil, "192.0.2.1"},
		{"the peer, by IPv6", "[2001:db8::1]:1234", nil, nil, "2001:db8::1"},
		{"IPv4 in IPv6 is IPv4", "[::ffff:192.0.2.1]:1234", nil, nil, "192.0.2.1"},
		{"a zone is not an address's", "[fe80::1%eth0]:1234", nil, nil, "fe80::1"},
		{"a peer without a port", "192.0.2.1", nil, nil, "192.0.2.1"},
		{"a unix socket", "@", nil, nil, ""},
		{"no address", "", nil, nil, ""},
		{"a unix socket whose client names itself", "@", one, []string{"203.0.113.7"}, ""},
		{"a name is not looked up", "localhost:80", nil, nil, ""},
		{"a proxy by a unix socket", "@", unix, []string{"198.51.100.9, 203.0.113.7"}, "203.0.113.7"},
		{"a proxy by a socket without a name", "", unix, []string{"203.0.113.7"}, "203.0.113.7"},
		{"a proxy by a unix socket, without a header", "@", unix, nil, ""},
		{"garbage from a proxy by a unix socket", "@", unix, []string{"203.0.113.7, unknown"}, ""},
		{"a chain of proxies by a unix socket", "@", append(unix, one...), []string{"198.51.100.9, 203.0.113.7, 10.1.1.1"}, "203.0.113.7"},
		{"a peer with an address, where unix sockets are trusted", "192.0.2.1:1", unix, []string{"203.0.113.7"}, "192.0.2.1"},

		{"a header without trusted proxies is not read", "192.0.2.1:1", nil, []string{"203.0.113.7"}, "192.0.2.1"},
		{"a header from a peer that is no proxy is not read", "192.0.2.1:1", one, []string{"203.0.113.7"}, "192.0.2.1"},
		{"a proxy without a header", "10.0.0.1:1", one, nil, "10.0.0.1"},
		{"a proxy with an empty header", "10.0.0.1:1", one, []string{""}, "10.0.0.1"},
		{"a proxy", "10.0.0.1:1", one, []string{"203.0.113.7"}, "203.0.113.7"},
		{"what the client wrote is left of it", "10.0.0.1:1", one, []string{"198.51.100.9, 203.0.113.7"}, "203.0.113.7"},
		{"what the client wrote in a header of its own", "10.0.0.1:1", one, []string{"198.51.100.9", "203.0.113.7"}, "203.0.113.7"},
		{"a chain of proxies", "10.0.0.1:1", one, []string{"198.51.100.9, 203.0.113.7, 10.1.1.1 ,10.2.2.2"}, "203.0.113.7"},
		{"a client that claims to be a proxy", "10.0.0.1:1", one, []string{"10.9.9.9, 203.0.113.7, 10.1.1.1"}, "203.0.113.7"},
		{"nothing but proxies", "10.0.0.1:1", one, []string{"10.1.1.1, 10.2.2.2"}, "10.1.1.1"},
		{"garbage from the client", "10.0.0.1:1", one, []string{"<script>, 203.0.113.7"}, "203.0.113.7"},
		{"garbage from a proxy", "10.0.0.1:1", one, []string{"203.0.113.7, unknown"}, "10.0.0.1"},
		{"garbage between proxies", "10.0.0.1:1", one, []string{"203.0.113.7, _hidden, 10.1.1.1"}, "10.1.1.1"},
		{"an empty hop", "10.0.0.1:1", one, []string{"203.0.113.7,"}, "10.0.0.1"},
		{"an address with a port", "10.0.0.1:1", one, []string{"203.0.113.7:4711"}, "203.0.113.7"},
		{"IPv6 with a port", "10.0.0.1:1", one, []string{"[2001:db8::7]:4711"}, "2001:db8::7"},
		{"IPv6 in brackets", "10.0.0.1:1", one, []string{"[2001:db8::7]"}, "2001:db8::7"},
		{"IPv6", "10.0.0.1:1", one, []string{"2001:db8::7"}, "2001:db8::7"},
		{"a proxy by IPv6", "[2001:db8::1]:1", both, []string{"203.0.113.7, 10.1.1.1"}, "203.0.113.7"},
		{"a proxy by IPv4 in IPv6", "[::ffff:10.0.0.1]:1", one, []string{"203.0.113.7"}, "203.0.113.7"},
		{"a client by IPv4 in IPv6", "10.0.0.1:1", one, []string{"::ffff:203.0.113.7"}, "203.0.113.7"},
		{"brackets alone", "10.0.0.1:1", one, []string{"[]"}, "10.0.0.1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var opts []bearer.IssuerOption
			if tt.proxies != nil {
				var prefixes []netip.Prefix
				for _, p := range tt.proxies {
					prefixes = append(prefixes, netip.MustParsePrefix(p))
				}
				opts = append(opts, bearer.WithTrustedProxies(prefixes...))
			}
			spy := &loginSpy{account: fullAccount()}
			i := issuerOf(t, spy, opts...)
			r := tokenRequest("Default")
			r.RemoteAddr = tt.peer
			for _, h := range tt.headers {
				r.Header.Add("X-Forwarded-For", h)
			}
			// Headers that no option speaks of.
			r.Header.Set("X-Real-Ip", "198.51.100.66")
			r.Header.Set("Forwarded", "for=198.51.100.66")
			i.ServeHTTP(httptest.NewRecorder(), r)
			var want netip.Addr
			if tt.want != "" {
				want = netip.MustParseAddr(tt.want)
			}
			if len(spy.asked) != 1 || spy.asked[0].ClientAddr != want {
				t.Fatalf("the authenticator ran %d times, with %v, want %v", len(spy.asked), spy.asked[0].ClientAddr, want)
			}
		})
	}
}

// asciiFold lowers A to Z alone, written apart from the code under test.
func asciiFold(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c | 0x20
		}
	}
	return string(b)
}

// readIndependently is the request by encoding/json's tokens: the members that
// count by their folded names. It is ok if each was there as the page wants it.
func readIndependently(body []byte) (members map[string]string, onlyThese, ok bool) {
	if !stdjson.Valid(body) || len(body) > 16<<10 {
		return nil, false, false
	}
	d := stdjson.NewDecoder(bytes.NewReader(body))
	d.UseNumber() // numbers have no range here
	if token, err := d.Token(); err != nil || token != stdjson.Delim('{') {
		return nil, false, false
	}
	members, onlyThese, ok = make(map[string]string), true, true
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, false, false
		}
		var value any
		if err := d.Decode(&value); err != nil {
			return nil, false, false
		}
		folded := asciiFold(name.(string))
		if !slices.Contains([]string{"username", "password", "privatetoken", "validity"}, folded) {
			onlyThese = false
			continue
		}
		text, isString := value.(string)
		if _, twice := members[folded]; twice || !isString || text == "" {
			ok = false
		}
		members[folded] = text
	}
	_, u := members["username"]
	_, p := members["password"]
	_, k := members["privatetoken"]
	switch v, there := members["validity"]; {
	case there && v != "Default" && v != "ShortLive" && v != "LongLive":
		ok = false
	}
	return members, onlyThese, ok && u && p && k
}

func FuzzTokenRequest(f *testing.F) {
	for _, tt := range tokenTests() {
		if tt.reader != nil || tt.err != nil {
			continue
		}
		r := tt.request()
		contentType := r.Header.Get("Content-Type")
		f.Add(r.Method, r.URL.RawQuery, contentType, []byte(tt.sent()))
	}
	spy := &loginSpy{account: fullAccount()}
	i := issuerOf(f, spy)
	f.Fuzz(func(t *testing.T, method, query, contentType string, content []byte) {
		spy.asked = nil
		r := &http.Request{
			Method: method, URL: &url.URL{Path: "/token", RawQuery: query}, Header: http.Header{"Content-Type": {contentType}},
			Body: io.NopCloser(bytes.NewReader(content)), RemoteAddr: "192.0.2.1:1",
		}
		w := httptest.NewRecorder()
		i.ServeHTTP(w, r)

		var object map[string]any
		if err := stdjson.Unmarshal(w.Body.Bytes(), &object); err != nil || object == nil || bytes.Count(w.Body.Bytes(), []byte("\n")) != 1 {
			t.Fatalf("the body is not one JSON object and a newline: %q", w.Body)
		}
		if !slices.Contains([]int{200, 400, 405, 413, 415}, w.Code) || (w.Code == 200) != (len(spy.asked) == 1) || len(spy.asked) > 1 {
			t.Fatalf("status %d, the authenticator ran %d times", w.Code, len(spy.asked))
		}
		if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Pragma") != "no-cache" {
			t.Fatalf("header %v", w.Header())
		}
		members, onlyThese, ok := readIndependently(content)
		inURL := false
		values, err := url.ParseQuery(query)
		for name := range values {
			inURL = inURL || slices.Contains([]string{"username", "password", "privatetoken"}, asciiFold(name))
		}
		if len(spy.asked) == 1 {
			mediaType := asciiFold(strings.TrimSpace(strings.SplitN(contentType, ";", 2)[0]))
			if method != "POST" || err != nil || inURL || mediaType != "application/json" || !ok || !utf8.Valid(content) {
				t.Fatalf("admitted %s ?%s %q %q", method, query, contentType, content)
			}
			got := spy.asked[0]
			if got.UserName != members["username"] || got.Password != members["password"] || got.PrivateToken != members["privatetoken"] {
				t.Fatalf("other credentials than those of %q", content)
			}
			return
		}
		// Where nothing is left that only the stricter parser sees, it admits too.
		if ok && onlyThese && utf8.Valid(content) && !bytes.ContainsRune(content, '\\') &&
			method == "POST" && query == "" && contentType == "application/json" {
			t.Fatalf("refused %q: %d %s", content, w.Code, w.Body)
		}
	})
}
