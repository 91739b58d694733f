package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/keys"
	"github.com/golang-jwt/jwt/v5"
)

// An issued token has the claims of the larger payload without its profile.
var account = &bearer.Account{
	ID: "1087", UserName: "tom", Name: "Amit Sharma", Email: "amit+us@loyaltycommunication.com",
	Website: "localhost,*.loyaltycommunication.com", DNS: "localhost,*.loyaltycommunication.com",
	Locale: "en-IN", Roles: []string{"user"}, Scopes: []string{"read", "write"},
}

// issuedClaims are what bearer.Issuer signs, as golang-jwt's users write them.
type issuedClaims struct {
	Name           string `json:"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name"`
	NameIdentifier string `json:"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier"`
	Role           string `json:"http://schemas.microsoft.com/ws/2008/06/identity/claims/role"`
	DNS            string `json:"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/dns"`
	UTCTimeOffset  string `json:"UTCTimeOffset"`
	CultureCode    string `json:"CultureCode"`
	FamilyName     string `json:"family_name"`
	Email          string `json:"email"`
	Website        string `json:"website"`
	Issued         string `json:"http://schemas.microsoft.com/ws/2008/06/identity/claims/expiration"`
	Expired        string `json:"http://schemas.microsoft.com/ws/2008/06/identity/claims/expired"`
	jwt.RegisteredClaims
	Scope string `json:"scope"`
}

// renew is what an issuer does for each token: a new id, and the dates.
func (c *issuedClaims) renew() {
	const format = "2006-01-02 15:04:05.000"
	now := time.Now().UTC().Truncate(time.Second)
	expiry := now.Add(12000 * time.Minute)
	var id [16]byte
	rand.Read(id[:])
	c.ID = hex.EncodeToString(id[:])
	c.Issued, c.Expired = now.Format(format), expiry.Format(format)
	c.IssuedAt, c.NotBefore, c.ExpiresAt = jwt.NewNumericDate(now), jwt.NewNumericDate(now), jwt.NewNumericDate(expiry)
}

// newIssuing compares Issue with SignedString of the same claims.
func newIssuing(k key) (*scenario, error) {
	issue, err := newIssue(k)
	if err != nil {
		return nil, err
	}
	raw, err := issue()
	if err != nil {
		return nil, err
	}
	var claims issuedClaims
	if _, err := jwt.ParseWithClaims(raw, &claims, func(*jwt.Token) (any, error) { return k.verify, nil }); err != nil {
		return nil, err
	}
	text, err := json.Marshal(claims)
	if err != nil {
		return nil, err
	}
	sign := func(c issuedClaims) (string, error) {
		t := jwt.NewWithClaims(jwt.GetSigningMethod(k.alg), c)
		if k.kid != "" {
			t.Header["kid"] = k.kid
		}
		return t.SignedString(k.sign)
	}
	return &scenario{path: issuing, alg: k.alg, kind: fmt.Sprintf("claims of %d bytes", len(text)), rows: []*row{
		issuingRow("bearer", own, k, true, shared(issue)),
		issuingRow(baseline, peer, k, false, shared(func() (string, error) { return sign(claims) })),
		issuingRow(baseline+", and a new id and dates", peer, k, true, shared(func() (string, error) {
			c := claims
			c.renew()
			return sign(c)
		})),
		issuingRow("floor: the signature and base64 alone", floor, k, false, func() func() (string, error) { return k.signer(text) }),
	}}, nil
}

// shared is for what any number of goroutines may call.
func shared(issue func() (string, error)) func() func() (string, error) {
	return func() func() (string, error) { return issue }
}

// signer makes tokens of one payload with nothing but the standard library, for
// one goroutine.
func (k key) signer(payload []byte) func() (string, error) {
	header := encode(k.header())
	var token, signature []byte
	sign := func(input []byte) (err error) {
		digest := sha256.Sum256(input)
		r, s, err := ecdsa.Sign(rand.Reader, k.sign.(*ecdsa.PrivateKey), digest[:])
		if err != nil {
			return err
		}
		signature = signature[:64]
		r.FillBytes(signature[:32])
		s.FillBytes(signature[32:])
		return nil
	}
	if secret, ok := k.sign.([]byte); ok {
		mac := hmac.New(sha256.New, secret)
		sign = func(input []byte) error {
			mac.Reset()
			mac.Write(input)
			signature = mac.Sum(signature[:0])
			return nil
		}
	}
	signature = make([]byte, 64)
	return func() (string, error) {
		token = append(append(token[:0], header...), '.')
		token = base64.RawURLEncoding.AppendEncode(token, payload)
		if err := sign(token); err != nil {
			return "", err
		}
		return string(base64.RawURLEncoding.AppendEncode(append(token, '.'), signature)), nil
	}
}

// newIssue is bearer's.
func newIssue(k key) (func() (string, error), error) {
	signer, err := k.bearerKey(k.sign)
	if err != nil {
		return nil, err
	}
	ring, err := keys.NewRing(signer)
	if err != nil {
		return nil, err
	}
	i, err := bearer.NewIssuer(issuer, ring, bearer.AuthenticatorFunc(func(context.Context, bearer.Credentials) (*bearer.Account, error) {
		return account, nil
	}))
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	return func() (string, error) {
		response, err := i.Issue(ctx, account, bearer.ValidityDefault)
		if err != nil {
			return "", err
		}
		return response.AccessToken, nil
	}, nil
}

// issuingRow has a first and the last token of each goroutine verified, and
// compared if the row renews them.
func issuingRow(name string, kind kind, k key, renews bool, each func() func() (string, error)) *row {
	type made struct{ first, last string }
	var batch []*made
	start := func() (func() work, error) {
		return func() work {
			issue := each()
			first, err := issue()
			m := &made{first: first} // empty: wrong
			batch = append(batch, m)
			return func(int) bool {
				m.last, err = issue()
				return err == nil && m.last != ""
			}
		}, nil
	}
	right := func() bool {
		for _, m := range batch {
			if !k.issued(m.first) || m.last != "" && (!k.issued(m.last) || renews && m.last == m.first) {
				return false
			}
		}
		batch = nil
		return true
	}
	return &row{name: name, kind: kind, start: start, right: right}
}

// issued reports whether a token verifies and says what it has to.
func (k key) issued(raw string) bool {
	var claims issuedClaims
	_, err := jwt.ParseWithClaims(raw, &claims, func(*jwt.Token) (any, error) { return k.verify, nil },
		jwt.WithIssuer(issuer), jwt.WithAudience(issuer), jwt.WithExpirationRequired())
	return err == nil && claims.NameIdentifier == account.ID && claims.Email == account.Email && claims.ID != ""
}
