package keys_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gobearer/bearer/keys"
)

// A site is what addresses answer: a status, or a document with status 200. Any
// other address answers 404.
type site map[string]any

func (s site) server() (*memoryServer, func() []string) {
	server := new(memoryServer)
	var asked []string
	server.say(func(r *http.Request) (int, string, error) {
		asked = append(asked, r.URL.String())
		switch answer := s[r.URL.String()].(type) {
		case string:
			return http.StatusOK, answer, nil
		case int:
			return answer, "", nil
		case error:
			return 0, "", answer
		default:
			return http.StatusNotFound, "", nil
		}
	})
	return server, func() []string { return asked }
}

func metadata(issuer, jwksURI string) string {
	return fmt.Sprintf(`{"jwks_uri":%q,"issuer":%q,"response_types_supported":["code"]}`, jwksURI, issuer)
}

const (
	openid = "/.well-known/openid-configuration"
	oauth  = "/.well-known/oauth-authorization-server"
)

func TestDiscover(t *testing.T) {
	const host = "https://issuer.example"
	set := jwks(offered("k1"))
	keysAt := func(s site) site {
		s["https://keys.example/jwks"] = set
		s["http://keys.example/jwks"] = set
		s["http://127.0.0.1:2/jwks"] = set
		return s
	}
	good := func(issuer string) string { return metadata(issuer, "https://keys.example/jwks") }
	http10 := []keys.RemoteOption{keys.DangerouslyAllowHTTP()}
	for _, test := range []struct {
		name   string
		issuer string
		site   site
		opts   []keys.RemoteOption
		want   string // part of the error; empty: keys
		asked  []string
	}{
		{"OpenID, keys on another host", host, site{host + openid: good(host)}, nil, "", []string{host + openid, "https://keys.example/jwks"}},
		{"OpenID, a path", host + "/a/b", site{host + "/a/b" + openid: good(host + "/a/b")}, nil, "", []string{host + "/a/b" + openid, "https://keys.example/jwks"}},
		{"OpenID, a slash at the end of the host", host + "/", site{host + openid: good(host + "/")}, nil, "", []string{host + openid, "https://keys.example/jwks"}},
		{"OpenID, a slash at the end of the path", host + "/a/", site{host + "/a" + openid: good(host + "/a/")}, nil, "", []string{host + "/a" + openid, "https://keys.example/jwks"}},
		{"OpenID, an escaped path", host + "/a%2Fb", site{host + "/a%2Fb" + openid: good(host + "/a%2Fb")}, nil, "", nil},
		{"OpenID, a port", host + ":8443", site{host + ":8443" + openid: good(host + ":8443")}, nil, "", nil},
		{"RFC 8414 alone", host, site{host + oauth: good(host)}, nil, "", []string{host + openid, host + oauth, "https://keys.example/jwks"}},
		{"RFC 8414 alone, a path", host + "/a/b", site{host + oauth + "/a/b": good(host + "/a/b")}, nil, "", []string{host + "/a/b" + openid, host + oauth + "/a/b", "https://keys.example/jwks"}},
		{"RFC 8414, a slash at the end of the path", host + "/a/", site{host + oauth + "/a": good(host + "/a/")}, nil, "", nil},
		{"RFC 8414 behind 403", host, site{host + openid: 403, host + oauth: good(host)}, nil, "", nil},
		{"http on the loopback interface", "http://127.0.0.1:1", site{"http://127.0.0.1:1" + openid: metadata("http://127.0.0.1:1", "http://127.0.0.1:2/jwks")}, nil, "", nil},
		{"http on the loopback interface, keys by https", "http://localhost:1", site{"http://localhost:1" + openid: good("http://localhost:1")}, nil, "", nil},
		{"http whose danger was named", "http://issuer.example", site{"http://issuer.example" + openid: metadata("http://issuer.example", "http://keys.example/jwks")}, http10, "", nil},

		{"neither document", host, site{}, nil, "404", []string{host + openid, host + oauth}},
		{"500 leads nowhere else", host, site{host + openid: 500, host + oauth: good(host)}, nil, "500", []string{host + openid}},
		{"204 leads nowhere else", host, site{host + openid: 204, host + oauth: good(host)}, nil, "204", []string{host + openid}},
		{"a web page leads nowhere else", host, site{host + openid: "<html>", host + oauth: good(host)}, nil, "JSON", []string{host + openid}},
		{"an error leads nowhere else", host, site{host + openid: fmt.Errorf("connection refused"), host + oauth: good(host)}, nil, "refused", []string{host + openid}},
		{"another issuer leads nowhere else", host, site{host + openid: good("https://evil.example"), host + oauth: good(host)}, nil, "not the one asked for", []string{host + openid}},
		{"another issuer in RFC 8414", host, site{host + oauth: good("https://evil.example")}, nil, "not the one asked for", []string{host + openid, host + oauth}},
		{"another tenant", host + "/a", site{host + "/a" + openid: good(host + "/b")}, nil, "not the one asked for", nil},
		{"a template instead of a tenant", host + "/common", site{host + "/common" + openid: good(host + "/{tenantid}")}, nil, "not the one asked for", nil},
		{"the issuer with a slash more", host, site{host + openid: good(host + "/")}, nil, "not the one asked for", nil},
		{"the issuer with a slash less", host + "/", site{host + openid: good(host)}, nil, "not the one asked for", nil},
		{"the issuer in another case", host, site{host + openid: good("https://Issuer.example")}, nil, "not the one asked for", nil},
		{"no issuer", host, site{host + openid: `{"jwks_uri":"https://keys.example/jwks"}`}, nil, "not the one asked for", nil},
		{"an issuer that is an array", host, site{host + openid: `{"issuer":["` + host + `"],"jwks_uri":"https://keys.example/jwks"}`}, nil, "not the one asked for", nil},
		{"the issuer twice", host, site{host + openid: `{"issuer":"https://evil.example",` + good(host)[1:]}, nil, "duplicate", nil},
		{"jwks_uri twice", host, site{host + openid: `{"jwks_uri":"https://evil.example",` + good(host)[1:]}, nil, "duplicate", nil},
		{"JWKS_URI", host, site{host + openid: `{"issuer":"` + host + `","JWKS_URI":"https://keys.example/jwks"}`}, nil, "jwks_uri is empty", nil},
		{"no jwks_uri", host, site{host + openid: `{"issuer":"` + host + `"}`}, nil, "jwks_uri", nil},
		{"a relative jwks_uri", host, site{host + openid: metadata(host, "/jwks")}, nil, "absolute", nil},
		{"a jwks_uri with a password", host, site{host + openid: metadata(host, "https://a:b@keys.example/jwks")}, nil, "password", nil},
		{"a jwks_uri that is a file", host, site{host + openid: metadata(host, "file:///etc/passwd")}, nil, "absolute", nil},
		{"a jwks_uri by http", host, site{host + openid: metadata(host, "http://keys.example/jwks")}, nil, "http", nil},
		{"a jwks_uri by http on our own loopback interface", host, site{host + openid: metadata(host, "http://127.0.0.1:2/jwks")}, nil, "https for both", nil},
		{"a jwks_uri by http, though http's danger was named", host, site{host + openid: metadata(host, "http://keys.example/jwks")}, http10, "https for both", nil},
		{"a jwks_uri by http to the network from the loopback interface", "http://127.0.0.1:1", site{"http://127.0.0.1:1" + openid: metadata("http://127.0.0.1:1", "http://keys.example/jwks")}, nil, "DangerouslyAllowHTTP", nil},
		{"metadata of more than 1 MiB", host, site{host + openid: good(host) + strings.Repeat(" ", 1<<20)}, nil, "1 MiB", nil},
		{"no keys behind it", host, site{host + openid: metadata(host, "https://keys.example/none")}, nil, "404", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			server, asked := keysAt(test.site).server()
			source, err := keys.Discover(test.issuer, append(test.opts, keys.WithHTTPClient(&http.Client{Transport: server}))...)
			if err != nil {
				t.Fatal(err)
			}
			server.expectFetches(t, 0)
			err = source.Warm(context.Background())
			if test.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				expect(t, source, header("k1"), isKey)
			} else {
				if err == nil || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), "keys: ") {
					t.Errorf("%v does not say %q", err, test.want)
				}
				expect(t, source, header("k1"), isError)
			}
			if test.asked != nil && !slices.Equal(asked(), test.asked) {
				t.Errorf("asked %q, want %q", asked(), test.asked)
			}
		})
	}
}

func TestDiscoverInTime(t *testing.T) {
	const host = "https://issuer.example"
	start := func(t *testing.T, s site) (*memoryServer, *keys.RemoteSource) {
		server, _ := s.server()
		return server, must(keys.Discover(host, keys.WithHTTPClient(&http.Client{Transport: server})))
	}
	inFakeTime(t, []fakeTimeTest{
		{"the issuer moves its keys to another address", func(t *testing.T) {
			s := site{host + openid: metadata(host, host+"/1"), host + "/1": jwks(offered("k1"))}
			_, source := start(t, s)
			expect(t, source, header("k1"), isKey)
			s[host+openid], s[host+"/2"] = metadata(host, host+"/2"), jwks(offered("k2"))
			delete(s, host+"/1")
			expect(t, source, header("k2"), isKey)
			expect(t, source, header("k1"), isNone)
		}},
		{"both steps are one fetch, to credit and to the clock", func(t *testing.T) {
			server, source := start(t, site{host + openid: metadata(host, host+"/1"), host + "/1": jwks(offered("k1"))})
			for i := range 10_000 {
				expect(t, source, header("k1"), isKey)
				says(source, header(fmt.Sprint("x", i)))
				time.Sleep(6 * time.Millisecond)
			}
			t.Logf("%d requests for 10 000 unknown ids in a minute", server.count()-2)
			if n := server.count(); n > 2*(1+2+6) {
				t.Errorf("%d requests", n)
			}
			server.slow(3 * time.Second) // each
			time.Sleep(5 * time.Minute)
			began := time.Now()
			expect(t, source, header("k2"), isError)
			if took := time.Since(began); took != 5*time.Second {
				t.Errorf("an error after %v", took)
			}
		}},
		{"an hour without metadata refuses no known key", func(t *testing.T) {
			s := site{host + openid: metadata(host, host+"/1"), host + "/1": jwks(offered("k1"))}
			server, source := start(t, s)
			expect(t, source, header("k1"), isKey)
			s[host+openid] = 500
			for range 3600 {
				expect(t, source, header("k1"), isKey)
				time.Sleep(time.Second)
			}
			t.Logf("refused 0 of 3600, %d requests", server.count()-2)
		}},
		{"metadata that begins to name another issuer changes nothing", func(t *testing.T) {
			s := site{host + openid: metadata(host, host+"/1"), host + "/1": jwks(offered("k1")), host + "/evil": jwks(offered("evil"))}
			_, source := start(t, s)
			expect(t, source, header("k1"), isKey)
			s[host+openid] = metadata("https://evil.example", host+"/evil")
			expect(t, source, header("evil"), isError)
			expect(t, source, header("k1"), isKey)
		}},
	})
}
