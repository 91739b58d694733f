package bearer

import "github.com/go-json-experiment/json/jsontext"

// appendTo appends the claims as encoding/json/v2 writes them, to the byte, and
// without its search for how to. It is false for text that is not UTF-8.
func (c *Claims) appendTo(text []byte) (_ []byte, ok bool) {
	w := claimsWriter{valid: true}
	text = append(text, '{')
	text = w.string(text, "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name", c.Name)
	text = w.string(text, claimNameIdentifier, c.NameIdentifier)
	text = w.strings(text, claimRole, c.Roles)
	text = w.string(text, "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/dns", c.DNS)
	text = w.string(text, "usr", c.Usr)
	text = w.string(text, "UTCTimeOffset", c.UTCTimeOffset)
	text = w.string(text, "CultureCode", c.CultureCode)
	text = w.string(text, "family_name", c.FamilyName)
	text = w.string(text, "email", c.Email)
	text = w.string(text, "website", c.Website)
	text = w.string(text, "jti", c.ID)
	text = w.string(text, "http://schemas.microsoft.com/ws/2008/06/identity/claims/expiration", c.Issued)
	text = w.string(text, "http://schemas.microsoft.com/ws/2008/06/identity/claims/expired", c.Expired)
	text = w.date(text, "nbf", c.NotBefore)
	text = w.date(text, "exp", c.ExpiresAt)
	text = w.string(text, "iss", c.Issuer)
	text = w.strings(text, "aud", c.Audience)
	text = w.string(text, "sub", c.Subject)
	text = w.date(text, "iat", c.IssuedAt)
	text = w.string(text, "scope", c.Scope)
	text = w.string(text, "sid", c.Session)
	text = w.string(text, "client_id", c.ClientID)
	return append(text, '}'), w.valid
}

// A claimsWriter appends the members of an object and leaves the empty ones out.
// It does not hold the text, which can stay on the stack so.
type claimsWriter struct{ valid bool }

// name appends a name that needs no escape.
func (w *claimsWriter) name(text []byte, name string) []byte {
	if text[len(text)-1] != '{' {
		text = append(text, ',')
	}
	text = append(text, '"')
	text = append(text, name...)
	return append(text, '"', ':')
}

func (w *claimsWriter) quote(text []byte, s string) []byte {
	text, err := jsontext.AppendQuote(text, s)
	w.valid = w.valid && err == nil
	return text
}

func (w *claimsWriter) string(text []byte, name, s string) []byte {
	if s == "" {
		return text
	}
	return w.quote(w.name(text, name), s)
}

// strings appends one string bare, and leaves it out if it is empty.
func (w *claimsWriter) strings(text []byte, name string, list ClaimStrings) []byte {
	switch len(list) {
	case 0:
		return text
	case 1:
		return w.string(text, name, list[0])
	}
	text = append(w.name(text, name), '[')
	for i, s := range list {
		if i > 0 {
			text = append(text, ',')
		}
		text = w.quote(text, s)
	}
	return append(text, ']')
}

func (w *claimsWriter) date(text []byte, name string, d NumericDate) []byte {
	if d.IsZero() {
		return text
	}
	return d.appendTo(w.name(text, name))
}
