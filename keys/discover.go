package keys

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Discover finds keys where the metadata of an issuer says they are: OpenID
// Connect Discovery 1.0 (/.well-known/openid-configuration behind the issuer's
// path) or else, when that answers with a status of 400 to 499, RFC 8414
// (/.well-known/oauth-authorization-server before it). The issuer that the
// metadata names must be the one asked for, to the letter, which is also what
// the tokens' iss is compared with. It is an https address without a query, or
// http on the loopback interface.
//
// The metadata is read again with each fetch of the keys, so that the issuer may
// move them. They may be at another host, by https; by http only if the issuer
// is named by http, and under the same rule.
//
// An issuer's keys sign more than access tokens: unless its access tokens can be
// told from its ID tokens by their typ or audience, the latter pass for the
// former.
//
// Discover fetches nothing yet: see [RemoteSource.Warm].
func Discover(issuer string, opts ...RemoteOption) (*RemoteSource, error) {
	o := applyRemoteOptions(opts)
	u, err := checkAddress(issuer, o.allowHTTP)
	if err != nil {
		o.list = append(o.list, fmt.Errorf("the issuer %w", err))
	} else if strings.Contains(issuer, "?") {
		o.refuse("the issuer has a query, which none may have (RFC 8414 section 2): use Remote with the address of its JWK set")
	}
	return newRemote(o, func(ctx context.Context) (string, error) { return o.discover(ctx, issuer, u) })
}

// discover is the issuer's jwks_uri.
//
// OpenID comes first because nearly every issuer with RFC 8414 metadata serves
// OpenID's too, and not the other way round. Only a server that refuses to give
// a document leads on to the other one: by one that is out of order, or whose
// answer is not good, nobody is to choose which of the two counts.
func (o *remoteOptions) discover(ctx context.Context, issuer string, u *url.URL) (string, error) {
	base := u.Scheme + "://" + u.Host
	path := strings.TrimSuffix(u.EscapedPath(), "/") // OpenID section 4.1, RFC 8414 section 3.1
	jwksURL, err := o.metadata(ctx, issuer, u, base+path+"/.well-known/openid-configuration")
	if status := statusError(0); errors.As(err, &status) && status >= 400 && status < 500 {
		var second error
		if jwksURL, second = o.metadata(ctx, issuer, u, base+"/.well-known/oauth-authorization-server"+path); second != nil {
			return "", fmt.Errorf("%w; %w", err, second)
		}
		return jwksURL, nil
	}
	return jwksURL, err
}

// metadata reads the jwks_uri from one of the issuer's documents.
func (o *remoteOptions) metadata(ctx context.Context, issuer string, u *url.URL, address string) (string, error) {
	text, err := o.get(ctx, address, "application/json")
	if err != nil {
		return "", err
	}
	m, err := readMembers(text)
	if err != nil {
		return "", fmt.Errorf("%s: %w", address, err)
	}
	// OpenID section 4.3, RFC 8414 section 3.3: without it, whoever serves one
	// issuer of a host could bring the keys of another.
	if named, err := m.text("issuer"); err != nil || named != issuer {
		return "", fmt.Errorf("%s: the issuer it names is not the one asked for", address)
	}
	jwksURL, err := m.text("jwks_uri")
	if err != nil {
		return "", fmt.Errorf("%s: %w", address, err)
	}
	j, err := checkAddress(jwksURL, o.allowHTTP)
	switch {
	case err != nil:
		return "", fmt.Errorf("%s: the jwks_uri %w", address, err)
	case j.Scheme == "http" && u.Scheme != "http":
		return "", fmt.Errorf("%s: the jwks_uri is http, and the issuer https: use https for both", address)
	}
	return jwksURL, nil
}
