package bearer_test

import (
	"bufio"
	stdjson "encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"testing"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/keys"
)

// jose fetches our keys from the address that our metadata names.
func TestJoseRemoteJWKSet(t *testing.T) {
	node := nodeWithModules(t)
	for _, alg := range []keys.Algorithm{keys.RS256, keys.PS256, keys.ES256, keys.EdDSA} {
		t.Run(string(alg), func(t *testing.T) {
			server := httptest.NewUnstartedServer(nil)
			name := "http://" + server.Listener.Addr().String()
			i, err := bearer.NewIssuer(name, ringOf(t, keyOf(t, alg)), &loginSpy{}, bearer.WithAccessTokenProfile("app"))
			if err != nil {
				t.Fatal(err)
			}
			mux := http.NewServeMux()
			i.Mount(mux)
			server.Config.Handler = mux
			server.Start()
			defer server.Close()

			answer, err := http.Get(name + "/.well-known/oauth-authorization-server")
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			var metadata struct {
				JWKSURI string `json:"jwks_uri"`
			}
			if err := stdjson.NewDecoder(answer.Body).Decode(&metadata); err != nil {
				t.Fatal(err)
			}
			token := issue(t, i, fullAccount(), bearer.ValidityDefault).AccessToken
			input := map[string]any{"token": token, "jwks": metadata.JWKSURI, "issuer": name, "audience": name, "alg": alg}
			out, err := runJose(t, node, input)
			if err != nil {
				t.Errorf("%v: %s", err, out)
			}
			input["token"] = spoiled(token, 2)
			if out, err := runJose(t, node, input); err == nil {
				t.Errorf("a spoiled signature is admitted: %s", out)
			}
		})
	}
}

// A provider is panva's certified oidc-provider, in a process of its own.
type provider struct {
	t      *testing.T
	in     io.Writer
	out    *bufio.Scanner
	issuer string
}

func startProvider(t *testing.T) *provider {
	t.Helper()
	node := nodeWithModules(t)
	c := exec.Command(node, "testdata/oidc/provider.mjs")
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = c.Wait()
	})
	p := &provider{t: t, in: in, out: bufio.NewScanner(out)}
	p.issuer = p.read()["issuer"].(string)
	return p
}

// read skips what the provider itself prints.
func (p *provider) read() map[string]any {
	p.t.Helper()
	for p.out.Scan() {
		var answer map[string]any
		if stdjson.Unmarshal(p.out.Bytes(), &answer) == nil {
			return answer
		}
	}
	p.t.Fatalf("the provider ended: %v", p.out.Err())
	return nil
}

func (p *provider) do(command string) map[string]any {
	p.t.Helper()
	if _, err := io.WriteString(p.in, command+"\n"); err != nil {
		p.t.Fatal(err)
	}
	return p.read()
}

func (p *provider) token() string {
	p.t.Helper()
	token, ok := p.do("token")["access_token"].(string)
	if !ok {
		p.t.Fatal("the provider issued no token")
	}
	return token
}

func TestOIDCProvider(t *testing.T) {
	p := startProvider(t)
	source, err := keys.Discover(p.issuer)
	if err != nil {
		t.Fatal(err)
	}
	m, err := bearer.NewMiddleware[map[string]any](bearer.Trust{
		Issuer: p.issuer, Audience: []string{testAudience}, Keys: source, TokenTypes: []string{"at+jwt"},
	})
	if err != nil {
		t.Fatal(err)
	}
	admitted := func(when, token string) {
		t.Helper()
		verified, err := m.Verify(t.Context(), token)
		if err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		if verified.Issuer != p.issuer || verified.Subject != "app" || len(verified.Scopes) != 1 || verified.Scopes[0] != "read" {
			t.Errorf("%s: %+v", when, verified.Info)
		}
	}
	old := p.token()
	admitted("its first token", old)
	p.do("rotate")
	admitted("the first token of a rotated key", p.token())
	admitted("a token of the key before", old)
	p.do("drop")
	admitted("a token once the old key is dropped", p.token())
	if _, err := m.Verify(t.Context(), spoiled(p.token(), 2)); err == nil {
		t.Error("a spoiled signature is admitted")
	}
}
