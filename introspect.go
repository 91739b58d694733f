package bearer

import (
	"net/http"
	"strings"
	"time"
)

// An introspection says what a token is (RFC 7662 section 2.2). Of a token that
// is not active nothing else is said.
type introspection struct {
	Active    bool         `json:"active"`
	Scope     string       `json:"scope,omitempty"`
	TokenType string       `json:"token_type,omitempty"`
	ExpiresAt NumericDate  `json:"exp,omitzero"`
	IssuedAt  NumericDate  `json:"iat,omitzero"`
	NotBefore NumericDate  `json:"nbf,omitzero"`
	Subject   string       `json:"sub,omitempty"`
	Audience  ClaimStrings `json:"aud,omitempty"`
	Issuer    string       `json:"iss,omitempty"`
	ID        string       `json:"jti,omitempty"`
	Session   string       `json:"sid,omitempty"`
}

// introspect answers for access tokens of this Issuer. A refresh token is for the
// Issuer alone and not active for anybody else, like whatever is none.
func (i *Issuer) introspect(r *http.Request, body *requestBody) (any, *tokenError) {
	token, refusal := i.readCall(r, body)
	if refusal != nil {
		return nil, refusal
	}
	var t Info
	p, _, err := i.reader.read(r.Context(), token, &t, new(Event))
	if err == nil {
		err = p.trust.revoked(r.Context(), t, p.dated)
	}
	if err != nil {
		if keepOutage(err) != nil {
			return nil, outOfReach
		}
		return introspection{}, nil
	}
	if !p.dated {
		t.IssuedAt = time.Time{} // it is nbf
	}
	return introspection{
		Active:    true,
		Scope:     strings.Join(t.Scopes, " "),
		TokenType: "Bearer",
		ExpiresAt: NumericDate{t.ExpiresAt},
		IssuedAt:  NumericDate{t.IssuedAt},
		NotBefore: NumericDate{t.NotBefore},
		Subject:   t.Subject,
		Audience:  t.Audience,
		Issuer:    t.Issuer,
		ID:        t.ID,
		Session:   t.Session,
	}, nil
}
