// Package examples_test builds and starts the programs as a reader would, and
// compares what they answer.
package examples_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	routers  = []string{"nethttp", "chi", "gin", "echo"}
	programs = append(routers[:4:4], "custom-claims", "websocket") // with net/http's router
)

const (
	tom = `{"userName":"tom","password":"correct horse battery staple","privateToken":"0d6c3ab1-b87c-4e6f-b099-4c7f23e51478"}`
	ada = `{"userName":"ada","password":"note g of the analytical engine","privateToken":"9b2f6c1e-5d0a-4a57-8c33-71e0a9d4f862"}`
)

// An answer is what a client sees, without Date and Content-Length.
type answer struct {
	status int
	body   string
	header http.Header
}

// answers makes an answer with the headers whose names and values alternate.
func answers(status int, body string, headers ...string) answer {
	a := answer{status, body, http.Header{}}
	for pair := range slices.Chunk(headers, 2) {
		a.header.Add(pair[0], pair[1])
	}
	return a
}

func (a answer) equal(b answer) bool {
	return a.status == b.status && a.body == b.body && maps.EqualFunc(a.header, b.header, slices.Equal)
}

// The answers of the package, which are the same to the byte in every program.
var (
	empty            = answers(200, "")
	noCredential     = answers(401, "", "Www-Authenticate", `Bearer realm="api"`, "Cache-Control", "no-store")
	twoCredentials   = refused(400, "invalid_request", "The request must carry one bearer token in the Authorization header", "")
	invalidToken     = refused(401, "invalid_token", "The access token is invalid", "")
	noScope          = refused(403, "insufficient_scope", "The access token lacks a required scope", `, scope="read"`)
	noRole           = refused(403, "insufficient_scope", "The access token does not permit this request", "")
	wrongLogin       = tokenError(400, "invalid_grant", "The user name, password or private token is wrong")
	wrongMediaType   = tokenError(415, "invalid_request", "The request must be of type application/json")
	wrongTokenMethod = tokenError(405, "invalid_request", "The token endpoint takes POST only", "Allow", "POST")
)

func refused(status int, code, description, scope string) answer {
	return answers(status, fmt.Sprintf("{\"error\":%q,\"error_description\":%q}\n", code, description),
		"Www-Authenticate", fmt.Sprintf(`Bearer realm="api", error=%q, error_description=%q`, code, description)+scope,
		"Content-Type", "application/json", "Cache-Control", "no-store")
}

func tokenError(status int, code, description string, headers ...string) answer {
	return answers(status, fmt.Sprintf("{\"error\":%q,\"error_description\":%q}\n", code, description),
		append(headers, "Content-Type", "application/json", "Cache-Control", "no-store", "Pragma", "no-cache")...)
}

// without is the answer to a HEAD request.
func (a answer) without() answer {
	a.body = ""
	return a
}

// The answers of the frameworks.
var (
	notFound     = answers(404, "404 page not found\n", "Content-Type", "text/plain; charset=utf-8", "X-Content-Type-Options", "nosniff")
	ginNotFound  = answers(404, "404 page not found", "Content-Type", "text/plain")
	echoNotFound = answers(404, `{"message":"Not Found"}`+"\n", "Content-Type", "application/json")
	wrongMethod  = answers(405, "Method Not Allowed\n", "Allow", "GET, HEAD", "Content-Type", "text/plain; charset=utf-8", "X-Content-Type-Options", "nosniff")
	chiMethod    = answers(405, "", "Allow", "GET")
	echoMethod   = answers(405, `{"message":"Method Not Allowed"}`+"\n", "Allow", "OPTIONS, GET", "Content-Type", "application/json")
)

// but are the answers of the frameworks that do something in their own way.
type but map[string]answer

// JSON of a handler: gin's c.JSON names a charset and writes no newline.
func handled(body string) (answer, but) {
	return answers(200, body+"\n", "Content-Type", "application/json"),
		but{"gin": answers(200, body, "Content-Type", "application/json; charset=utf-8")}
}

// A row is one request. In authorization, tom and ada stand for their tokens.
type row struct {
	name          string
	method, path  string
	authorization []string
	body          string
	want          answer
	but           but
}

func rows() []row {
	asTom, asAda, bad := []string{"Bearer tom"}, []string{"Bearer ada"}, []string{"Bearer x"}
	tomsProfile, ginTom := handled(`{"name":"Tom Sawyer","roles":["user"]}`)
	adasProfile, ginAda := handled(`{"name":"Ada Lovelace","roles":["admin"]}`)
	reports, ginReports := handled(`["October","November"]`)
	admin, ginAdmin := handled(`["ada","tom"]`)
	return []row{
		{"public, no token", "GET", "/healthz", nil, "", empty, nil},
		{"public, a bad token", "GET", "/healthz", bad, "", empty, nil},
		{"any token, user", "GET", "/me", asTom, "", tomsProfile, ginTom},
		{"any token, administrator", "GET", "/me", asAda, "", adasProfile, ginAda},
		{"any token, none", "GET", "/me", nil, "", noCredential, nil},
		{"any token, another scheme", "GET", "/me", []string{"Basic dG9tOng="}, "", noCredential, nil},
		{"any token, a good one in the query", "GET", "/me?access_token=tom", nil, "", noCredential, nil},
		{"any token, a bad one", "GET", "/me", bad, "", invalidToken, nil},
		{"any token, two good ones", "GET", "/me", []string{"Bearer tom", "Bearer ada"}, "", twoCredentials, nil},
		{"a scope, there", "GET", "/reports", asTom, "", reports, ginReports},
		{"a scope, missing", "GET", "/reports", asAda, "", noScope, nil},
		{"a scope, no token", "GET", "/reports", nil, "", noCredential, nil},
		{"a scope, a bad token", "GET", "/reports", bad, "", invalidToken, nil},
		{"a role, there", "GET", "/admin", asAda, "", admin, ginAdmin},
		{"a role, missing", "GET", "/admin", asTom, "", noRole, nil},
		{"a role, no token", "GET", "/admin", nil, "", noCredential, nil},
		{"a role, a bad token", "GET", "/admin", bad, "", invalidToken, nil},
		{"login, a wrong password", "POST", "/token", nil, strings.Replace(tom, "horse", "house", 1), wrongLogin, nil},
		{"login, a wrong private token", "POST", "/token", nil, strings.Replace(tom, "0d6c", "0d6d", 1), wrongLogin, nil},
		{"login, an unknown user", "POST", "/token", nil, strings.Replace(tom, "tom", "tim", 1), wrongLogin, nil},
		{"login, the secrets of another", "POST", "/token", nil, strings.Replace(tom, "tom", "ada", 1), wrongLogin, nil},
		{"login, no JSON, with a final slash", "POST", "/token/", nil, "", wrongMediaType, nil},
		{"login, GET", "GET", "/token", nil, "", wrongTokenMethod, nil},
		{"login, HEAD", "HEAD", "/token", nil, "", wrongTokenMethod.without(), nil},
		{"login, OPTIONS", "OPTIONS", "/token", nil, "", wrongTokenMethod, nil},

		// From here on it is the router that answers, before any middleware of a route.
		// net/http serves HEAD where GET is; the others do not, and gin has no 405.
		{"HEAD of a GET route", "HEAD", "/me", asTom, "", tomsProfile.without(),
			but{"chi": chiMethod, "gin": ginNotFound.without(), "echo": answers(405, "", "Allow", "OPTIONS, GET")}},
		{"HEAD of a GET route, no token", "HEAD", "/me", nil, "", noCredential,
			but{"chi": chiMethod, "gin": ginNotFound.without(), "echo": answers(405, "", "Allow", "OPTIONS, GET")}},
		{"HEAD of the public route", "HEAD", "/healthz", nil, "", empty,
			but{"chi": chiMethod, "gin": ginNotFound.without(), "echo": answers(405, "", "Allow", "OPTIONS, GET")}},
		{"POST to a GET route", "POST", "/me", asTom, "", wrongMethod, but{"chi": chiMethod, "gin": ginNotFound, "echo": echoMethod}},
		{"POST to a GET route, no token", "POST", "/me", nil, "", wrongMethod, but{"chi": chiMethod, "gin": ginNotFound, "echo": echoMethod}},
		{"OPTIONS of a GET route", "OPTIONS", "/me", nil, "", wrongMethod,
			but{"chi": chiMethod, "gin": ginNotFound, "echo": answers(204, "", "Allow", "OPTIONS, GET")}},
		{"an unknown path", "GET", "/nowhere", nil, "", notFound, but{"gin": ginNotFound, "echo": echoNotFound}},
		{"a final slash", "GET", "/me/", asTom, "", notFound, but{"echo": echoNotFound,
			"gin": answers(301, "<a href=\"/me\">Moved Permanently</a>.\n\n", "Content-Type", "text/html; charset=utf-8", "Location", "/me")}},
	}
}

func TestRouters(t *testing.T) {
	urls, tokens := map[string]string{}, map[string]*strings.Replacer{}
	for _, router := range programs {
		url := start(t, build(t, os.Environ(), ".", "./"+router))
		urls[router], tokens[router] = url, strings.NewReplacer("tom", login(t, url, tom), "ada", login(t, url, ada))
	}
	requests, own := 0, 0
	for _, r := range rows() {
		t.Run(r.name, func(t *testing.T) {
			for _, router := range programs {
				want, ok := r.but[router]
				if ok {
					own++
				} else {
					want = r.want
				}
				requests++
				if got := ask(t, urls[router], r, tokens[router]); !got.equal(want) {
					t.Errorf("%s answers\n%v, want\n%v", router, got, want)
				}
			}
		})
	}
	t.Logf("%d requests, %d answers in a framework's own way, all of them named", requests, own)
}

// ask sends the row's request. A redirect is an answer too.
func ask(t *testing.T, url string, r row, tokens *strings.Replacer) answer {
	t.Helper()
	path := r.path
	if name, query, ok := strings.Cut(path, "="); ok {
		path = name + "=" + tokens.Replace(query)
	}
	request, err := http.NewRequestWithContext(t.Context(), r.method, url+path, strings.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	if r.body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for _, value := range r.authorization {
		request.Header.Add("Authorization", tokens.Replace(value))
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	response.Header.Del("Date")
	response.Header.Del("Content-Length")
	return answer{response.StatusCode, string(body), response.Header}
}

// login returns an access token, after a look at the answer around it.
func login(t *testing.T, url, credentials string) string {
	t.Helper()
	got := ask(t, url, row{method: "POST", path: "/token", body: credentials}, strings.NewReplacer())
	var response struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(got.body), &response); err != nil || response.AccessToken == "" {
		t.Fatal(got, err)
	}
	shape := regexp.MustCompile(`"(access_token|\.issued|\.expires)":"[^"]*"`).ReplaceAllString(got.body, `"$1":"..."`)
	name := regexp.MustCompile(`"userName":"([a-z]*)"`).FindStringSubmatch(credentials)[1]
	want := answers(200, `{"access_token":"...","token_type":"Bearer","expires_in":720000,"userName":"`+name+
		`",".issued":"...",".expires":"...","timeZoneOffset":"UTC+00:00~UTC","locale":""}`+"\n",
		"Content-Type", "application/json", "Cache-Control", "no-store", "Pragma", "no-cache")
	if got.body = shape; !got.equal(want) {
		t.Errorf("POST /token answers\n%v, want\n%v", got, want)
	}
	return response.AccessToken
}

// A newcomer has an empty module, a checkout and a program to copy: three
// commands later it answers.
func TestNewcomer(t *testing.T) {
	if os.Getenv("BEARER_INTEGRATION") != "1" {
		t.Skip("asks the module proxy for what is not in the cache: set BEARER_INTEGRATION=1")
	}
	checkout, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, router := range routers {
		t.Run(router, func(t *testing.T) {
			program, err := os.ReadFile(filepath.Join(router, "main.go"))
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "main.go"), program, 0o600); err != nil {
				t.Fatal(err)
			}
			edit := []string{"mod", "edit", "-replace=github.com/gobearer/bearer=" + checkout}
			if router != "nethttp" {
				adapter := "adapters/bearer" + router
				edit = append(edit, "-replace=github.com/gobearer/bearer/"+adapter+"="+filepath.Join(checkout, adapter))
			}
			env := append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
			run(t, env, dir, "mod", "init", "example.com/newcomer")
			run(t, env, dir, edit...)
			url := start(t, build(t, env, dir, ".")) // go run, in two steps, for a process that can be ended

			got := ask(t, url, row{method: "GET", path: "/admin", authorization: []string{"Bearer tom"}},
				strings.NewReplacer("tom", login(t, url, tom)))
			if !got.equal(noRole) {
				t.Errorf("GET /admin answers\n%v, want\n%v", got, noRole)
			}
		})
	}
}

// run runs the go command.
func run(t *testing.T, env []string, dir string, args ...string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", args...)
	command.Dir, command.Env = dir, env
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// build returns the path of a program.
func build(t *testing.T, env []string, dir, pkg string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "program")
	run(t, env, dir, "build", "-o", program, pkg)
	return program
}

// start starts a program on a free port, until the test ends, and returns its URL.
func start(t *testing.T, program string) string {
	t.Helper()
	command := exec.Command(program, "-addr", "127.0.0.1:0")
	stderr, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	var log bytes.Buffer
	serving := make(chan string, 1)
	go func() {
		defer close(serving)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			log.WriteString(lines.Text() + "\n")
			if _, url, ok := strings.Cut(lines.Text(), "serving "); ok {
				serving <- url
				_, _ = io.Copy(io.Discard, stderr)
				return
			}
		}
	}()
	select {
	case url, ok := <-serving:
		if !ok {
			t.Fatalf("%s ended: %s", program, log.String())
		}
		return url
	case <-time.After(30 * time.Second):
		t.Fatalf("%s does not serve", program)
	}
	return ""
}
