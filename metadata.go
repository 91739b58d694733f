package bearer

import (
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/gobearer/bearer/internal/loopback"
)

// Where the public keys and, behind the origin, the metadata are served.
const (
	jwksPath     = "/.well-known/jwks.json"
	metadataPath = "/.well-known/oauth-authorization-server"
)

// grantType names what POST /token takes. The list of grants must be there and
// must not be OAuth's: left out it would claim two that this endpoint does not
// have (RFC 8414 section 2), and it takes no grant_type=password.
const grantType = "https://github.com/gobearer/bearer#token"

// metadata is an authorization server's (RFC 8414 section 2), as far as an
// Issuer is one.
type metadata struct {
	Issuer                 string   `json:"issuer"`
	TokenEndpoint          string   `json:"token_endpoint"`
	JWKSURI                string   `json:"jwks_uri"`
	ResponseTypesSupported []string `json:"response_types_supported"` // required, and none: there is no authorization endpoint
	GrantTypesSupported    []string `json:"grant_types_supported"`
	AuthMethodsSupported   []string `json:"token_endpoint_auth_methods_supported"`
}

// metadataEndpoint is where clients look for an issuer's metadata: with its path,
// if it has one, inserted behind the well-known one (RFC 8414 section 3.1). It is
// false for names that are no address to be looked up safely: not https, unless
// they are this machine's own (section 2).
func metadataEndpoint(issuer string) (Endpoint, bool) {
	u, err := url.Parse(issuer)
	if err != nil || u.Hostname() == "" || u.User != nil || strings.ContainsAny(issuer, "?#") {
		return Endpoint{}, false
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback.Is(u.Hostname())) {
		return Endpoint{}, false
	}
	where := metadataPath + strings.TrimSuffix(u.EscapedPath(), "/")
	if path.Clean(where) != where || strings.ContainsAny(where, "*%") {
		return Endpoint{}, false // some router takes it for a pattern, or panics
	}
	origin := u.Scheme + "://" + u.Host
	body, err := json.Marshal(metadata{
		Issuer:                 issuer,
		TokenEndpoint:          origin + tokenPath,
		JWKSURI:                origin + jwksPath,
		ResponseTypesSupported: []string{},
		GrantTypesSupported:    []string{grantType},
		AuthMethodsSupported:   []string{"none"},
	})
	if err != nil {
		return Endpoint{}, false
	}
	serve := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "public, max-age=300")
		_, _ = w.Write(body)
	})
	return Endpoint{http.MethodGet, where, serve}, true
}
