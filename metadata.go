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

// grantType names what POST /token takes without any grant_type. The list of
// grants must be there: left out it would claim two that this endpoint does not
// have (RFC 8414 section 2).
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

	RevocationEndpoint       string   `json:"revocation_endpoint,omitempty"`
	RevocationAuthMethods    []string `json:"revocation_endpoint_auth_methods_supported,omitempty"`
	IntrospectionEndpoint    string   `json:"introspection_endpoint,omitempty"`
	IntrospectionAuthMethods []string `json:"introspection_endpoint_auth_methods_supported,omitempty"`
}

// metadataEndpoint is where clients look for an issuer's metadata: with its path,
// if it has one, inserted behind the well-known one (RFC 8414 section 3.1). It is
// false for names that are no address to be looked up safely: not https, unless
// they are this machine's own (section 2).
func (i *Issuer) metadataEndpoint() (Endpoint, bool) {
	issuer := i.name
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
	m := metadata{
		Issuer:                 issuer,
		TokenEndpoint:          origin + tokenPath,
		JWKSURI:                origin + jwksPath,
		ResponseTypesSupported: []string{},
		GrantTypesSupported:    []string{grantType},
		AuthMethodsSupported:   []string{"none"},
	}
	if i.passwords {
		m.GrantTypesSupported = append(m.GrantTypesSupported, passwordGrant)
		m.AuthMethodsSupported = append(m.AuthMethodsSupported, "client_secret_basic", "client_secret_post")
	}
	if i.sessions.store != nil {
		m.GrantTypesSupported = append(m.GrantTypesSupported, refreshGrant)
	}
	if i.callers != nil {
		basic := []string{"client_secret_basic"}
		m.RevocationEndpoint, m.RevocationAuthMethods = origin+revokePath, basic
		m.IntrospectionEndpoint, m.IntrospectionAuthMethods = origin+introspectPath, basic
	}
	body, err := json.Marshal(m)
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
