package bearer

import (
	"context"
	"slices"
	"strings"

	"github.com/gobearer/bearer/keys"
)

// Trust names one issuer, the audiences this service answers to, and what
// belongs to that issuer alone: keys of one never verify a token of another.
type Trust struct {
	Issuer   string      // compared exactly with iss (RFC 7519 section 4.1.1)
	Audience []string    // a token for any of them is admitted (section 4.1.3)
	Keys     keys.Source // asked with the header of a token whose issuer was claimed, not yet proven

	// TokenTypes are the accepted values of typ, compared without case and with
	// or without "application/" (RFC 8725 section 3.11). Nil: absent, JWT and
	// at+jwt. Set {"at+jwt"} for a provider that makes them (RFC 9068): else its
	// ID tokens, which were made for the client, pass as access tokens.
	TokenTypes []string

	Revocations Revocations // nil: this issuer's tokens are never revoked
}

// Revocations says whether a verified token was taken back: itself by its ID, with
// its Session, or with all that its Subject was issued up to an instant; t's
// IssuedAt is iat alone here, and zero where that is absent. It is asked on every
// request, with the request's context; an error refuses it with 503.
type Revocations interface {
	Revoked(ctx context.Context, t Info) (bool, error)
}

var defaultTokenTypes = []string{"", "jwt", "at+jwt"}

// accepts reports whether a token may have this typ; empty: it has none.
func (t *Trust) accepts(typ string) bool {
	// The usual spelling needs no other form.
	if typ == "JWT" {
		return slices.Contains(t.TokenTypes, "jwt")
	}
	return slices.Contains(t.TokenTypes, tokenType(typ))
}

// tokenType is the form in which types are compared: RFC 7515 section 4.1.9
// recommends to leave "application/" out, media types have no case. With nothing
// behind it the prefix stays: a type that is there is not absent.
func tokenType(typ string) string {
	typ = asciiLower(typ)
	if short, ok := strings.CutPrefix(typ, "application/"); ok && short != "" {
		return short
	}
	return typ
}

// check says what is wrong with a trust, by the name it was given under, and
// returns a copy of its own.
func (t Trust) check(p *problems, name string, anyAudience bool) Trust {
	if t.Issuer == "" {
		p.refuse(name+".Issuer", "is empty: name the issuer exactly as its tokens' iss does")
	}
	if isNil(t.Keys) {
		p.refuse(name+".Keys", "is nil: use a keys.Ring, keys.Static or another keys.Source")
	}
	if len(t.Audience) == 0 && !anyAudience {
		p.refuse(name+".Audience", "is empty: name this service as its tokens' aud does, or say DangerouslyAcceptAnyAudience")
	}
	if slices.Contains(t.Audience, "") {
		p.refuse(name+".Audience", "has an empty name: leave it out")
	}
	if t.TokenTypes != nil && (len(t.TokenTypes) == 0 || slices.Contains(t.TokenTypes, "")) {
		p.refuse(name+".TokenTypes", `has no name or an empty one: use nil for absent, "JWT" and "at+jwt"`)
	}
	if t.Revocations != nil && isNil(t.Revocations) {
		p.refuse(name+".Revocations", "is a nil pointer: use a store, or leave the field nil")
	}
	t.Audience = slices.Clone(t.Audience)
	types := defaultTokenTypes
	if t.TokenTypes != nil {
		types = make([]string, len(t.TokenTypes))
		for i, typ := range t.TokenTypes {
			types[i] = tokenType(typ)
		}
	}
	t.TokenTypes = types
	return t
}
