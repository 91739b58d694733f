package bearer

import (
	"crypto/sha256"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

// The grants of a form (RFC 6749 sections 4.3 and 6).
const (
	passwordGrant = "password"
	refreshGrant  = "refresh_token"
)

// A form is an OAuth request's parameters, none of them empty.
type form map[string]string

// parseForm reads application/x-www-form-urlencoded. RFC 6749 section 3.2: a
// parameter without a value counts as left out, an unknown one is ignored, and
// none may be there twice. Appendix B: they are UTF-8.
func parseForm(body []byte) (form, bool) {
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, false
	}
	f := make(form)
	for name, list := range values {
		if len(list) > 1 || !utf8.ValidString(list[0]) {
			return nil, false
		}
		if list[0] != "" {
			f[name] = list[0]
		}
	}
	return f, true
}

// scopes are what the form asks for (RFC 6749 section 3.3); nil: nothing in
// particular.
func (f form) scopes() (scopes []string, ok bool) {
	if f["scope"] == "" {
		return nil, true
	}
	scopes = strings.Split(f["scope"], " ")
	for _, s := range scopes {
		if !isScope(s) {
			return nil, false
		}
	}
	return scopes, true
}

// basicClient reads HTTP Basic as OAuth has it: id and secret are form-encoded
// first (RFC 6749 section 2.3.1). There is none where no header is; it is not ok
// where there are two, or another scheme's.
func basicClient(r *http.Request) (id, secret string, ok bool) {
	header := r.Header["Authorization"]
	if len(header) == 0 {
		return "", "", true
	}
	id, secret, ok = r.BasicAuth()
	if !ok || len(header) > 1 {
		return "", "", false
	}
	id, err := url.QueryUnescape(id)
	if err != nil {
		return "", "", false
	}
	secret, err = url.QueryUnescape(secret)
	return id, secret, err == nil && utf8.ValidString(id) && utf8.ValidString(secret)
}

// client reads a client's authentication from the form or by Basic, never both
// (RFC 6749 section 2.3). A client without a secret is a public one, which proves
// nothing by its id.
func (f form) client(r *http.Request) (id, secret string, refusal *tokenError) {
	id, secret, ok := basicClient(r)
	switch {
	case !ok:
		return "", "", refusedClient
	case len(r.Header["Authorization"]) == 0:
		return f["client_id"], f["client_secret"], nil
	case f["client_secret"] != "":
		return "", "", refusedForm
	}
	return id, secret, nil
}

// clientHash binds refresh tokens to a client and its secret; a public client's
// is zero.
func clientHash(id, secret string) [32]byte {
	if secret == "" {
		return [32]byte{}
	}
	sum := sha256.Sum256([]byte(id))
	return sha256.Sum256(append(sum[:], secret...))
}

// parseTokenForm reads a token request in OAuth's form.
func (i *Issuer) parseTokenForm(r *http.Request, body []byte) (tokenRequest, *tokenError) {
	f, ok := parseForm(body)
	if !ok {
		return tokenRequest{}, refusedForm
	}
	id, secret, refusal := f.client(r)
	if refusal != nil {
		return tokenRequest{}, refusal
	}
	scopes, ok := f.scopes()
	if !ok {
		return tokenRequest{}, refusedScope
	}
	request := tokenRequest{grant: grant{validity: ValidityDefault, scopes: scopes, client: clientHash(id, secret), form: true}}
	if v := f["validity"]; v != "" {
		request.validity = Validity(v)
	}
	switch f["grant_type"] {
	case "":
		return tokenRequest{}, refusedForm
	case passwordGrant:
		if !i.passwords {
			return tokenRequest{}, refusedMediaType
		}
		if secret == "" {
			return tokenRequest{}, refusedClient
		}
		if f["username"] == "" || f["password"] == "" {
			return tokenRequest{}, refusedForm
		}
		request.Credentials = Credentials{UserName: f["username"], Password: f["password"], PrivateToken: secret}
		return request, nil
	case refreshGrant:
		if i.sessions.store == nil {
			return tokenRequest{}, refusedMediaType
		}
		if f["refresh_token"] == "" {
			return tokenRequest{}, refusedForm
		}
		request.refresh = f["refresh_token"]
		return request, nil
	}
	return tokenRequest{}, refusedGrant
}
