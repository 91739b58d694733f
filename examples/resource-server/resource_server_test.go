package resourceserver

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	login  = `{"userName":"tom","password":"correct horse battery staple","privateToken":"0d6c3ab1-b87c-4e6f-b099-4c7f23e51478"}`
	tom    = `{"sub":"1087","family_name":"Tom Sawyer","client_id":"resource-server-example"}` + "\n"
	beyond = `{"error":"temporarily_unavailable","error_description":"The access token cannot be checked now"}` + "\n"
)

// The two programs as they are, each in a process of its own: what the API needs
// of the issuer is its address, and not always that.
func TestResourceServer(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", dir+string(filepath.Separator), "./issuer", "./api").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	addrs := freeAddrs(t, 2)
	issuer, api := "http://"+addrs[0], "http://"+addrs[1]

	apiProcess := start(t, filepath.Join(dir, "api"), "-addr", addrs[1], "-issuer", issuer, "-audience", api)
	eventually(t, "the API answers", func() bool {
		answer, err := http.Get(api + "/healthz")
		if err != nil {
			return false
		}
		answer.Body.Close()
		return true
	})
	want(t, "before there is an issuer the API is not healthy", api+"/healthz", "", 503, "keys: 0\n")
	want(t, "and cannot tell what a token is", api+"/me", foreign("early"), 503, beyond)

	issuerProcess := start(t, filepath.Join(dir, "issuer"), "-addr", addrs[0], "-audience", api, "-rotate", "2s")
	eventually(t, "the API has keys", func() bool {
		status, _ := get(t, api+"/healthz", "")
		return status == 200
	})
	older := logIn(t, issuer)
	want(t, "a token is admitted", api+"/me", older, 200, tom)
	want(t, "and none is not", api+"/me", "", 401, "")

	var newer string
	eventually(t, "the issuer signs with another key", func() bool {
		newer = logIn(t, issuer)
		return keyID(t, newer) != keyID(t, older)
	})
	want(t, "the first token of the new key is admitted", api+"/me", newer, 200, tom)
	want(t, "and the old one still", api+"/me", older, 200, tom)

	issuerProcess.stop()
	if answer, err := http.Get(issuer + "/.well-known/jwks.json"); err == nil {
		answer.Body.Close()
		t.Fatal("the issuer still answers")
	}
	want(t, "without the issuer a token of the new key is admitted", api+"/me", newer, 200, tom)
	want(t, "and one of the old key", api+"/me", older, 200, tom)
	want(t, "but a key that was never seen cannot be looked for", api+"/me", foreign("late"), 503, beyond)
	status, health := get(t, api+"/healthz", "")
	if status != 200 || !strings.HasPrefix(health, "keys: ") {
		t.Errorf("the API is not healthy on the keys that it has: %d %q", status, health)
	}
	apiProcess.stop()
}

// freeAddrs returns addresses on which nobody listens, and probably nobody will
// before the test does.
func freeAddrs(t *testing.T, n int) []string {
	t.Helper()
	var addrs []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		addrs = append(addrs, l.Addr().String())
	}
	return addrs
}

// A process is a program that the test runs.
type process struct {
	t       *testing.T
	cmd     *exec.Cmd
	log     bytes.Buffer
	stopped bool
}

func start(t *testing.T, name string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(name, args...)}
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	p.cmd.WaitDelay = 5 * time.Second
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !p.stopped {
			_ = p.cmd.Process.Kill()
			_ = p.cmd.Wait()
		}
		t.Logf("%s:\n%s", filepath.Base(name), &p.log)
	})
	return p
}

// stop interrupts a program, which has to end by itself and in order.
func (p *process) stop() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		p.t.Fatal(err)
	}
	kill := time.AfterFunc(20*time.Second, func() { _ = p.cmd.Process.Kill() })
	defer kill.Stop()
	p.stopped = true
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("%s: %v", p.cmd.Path, err)
	}
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}

func want(t *testing.T, what, url, token string, status int, body string) {
	t.Helper()
	if gotStatus, gotBody := get(t, url, token); gotStatus != status || gotBody != body {
		t.Errorf("%s: %d %q, want %d %q", what, gotStatus, gotBody, status, body)
	}
}

func get(t *testing.T, url, token string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(request)
	return read(t, answer, err)
}

func read(t *testing.T, answer *http.Response, err error) (status int, body string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

func logIn(t *testing.T, issuer string) (token string) {
	t.Helper()
	answer, err := http.Post(issuer+"/token", "application/json", strings.NewReader(login))
	status, body := read(t, answer, err)
	var response struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(body), &response); err != nil || status != 200 {
		t.Fatalf("no token: %d, %v", status, err)
	}
	return response.AccessToken
}

func keyID(t *testing.T, token string) string {
	t.Helper()
	first, _, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(first)
	if err != nil {
		t.Fatal(err)
	}
	var header struct {
		KeyID string `json:"kid"`
	}
	if err := json.Unmarshal(text, &header); err != nil || header.KeyID == "" {
		t.Fatalf("no key id in %s: %v", text, err)
	}
	return header.KeyID
}

// foreign is a token of no key that the issuer has.
func foreign(kid string) string {
	header := encoded(`{"alg":"ES256","typ":"at+jwt","kid":"` + kid + `"}`)
	return header + "." + encoded(`{}`) + "." + encoded(strings.Repeat("s", 64))
}

func encoded(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
