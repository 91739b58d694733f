package main

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	issuer   = "https://issuer.example/"
	audience = "https://api.example"
)

// A signer is a key of the issuer.
type signer struct {
	kid string
	key *rsa.PrivateKey
}

// The issuer's keys: the one it has, and the one it rotates to.
var issuerKeys = sync.OnceValues(func() (current, next signer) {
	return newSigner("current"), newSigner("next")
})

func newSigner(kid string) signer {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return signer{kid, key}
}

// token is a good one.
func (s signer) token() string {
	t := unsigned(s.kid)
	signed, err := t.SignedString(s.key)
	if err != nil {
		panic(err)
	}
	return signed
}

// forged is a token as anybody can make it, of any key's id.
func forged(kid string) string {
	text, err := unsigned(kid).SigningString()
	if err != nil {
		panic(err)
	}
	signature := make([]byte, 256)
	rand.Read(signature)
	signature[0] = 0 // below any modulus, so that it takes the whole arithmetic to refuse it
	return text + "." + encode(signature)
}

func unsigned(kid string) *jwt.Token {
	now := time.Now()
	t := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"iss": issuer, "aud": audience, "sub": "alice", "jti": rand.Text(),
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	})
	t.Header["kid"] = kid
	return t
}

// jwk is the public key.
func (s signer) jwk() string {
	return member("kty", "RSA", "use", "sig", "alg", "RS256", "kid", s.kid,
		"n", encode(s.key.N.Bytes()), "e", encode(big.NewInt(int64(s.key.E)).Bytes()))
}

// Keys that a set may have beside the good one. No client has to use them.
var (
	postQuantum  = member("kty", "AKP", "use", "sig", "alg", "ML-DSA-44", "kid", "pq", "pub", encode(make([]byte, 1312)))
	broken       = member("kty", "RSA", "use", "sig", "alg", "RS256", "kid", "broken", "e", "AQAB") // no n
	unknownCurve = member("kty", "EC", "use", "sig", "kid", "curve", "crv", "BP-256",
		"x", encode(make([]byte, 32)), "y", encode(make([]byte, 32)))
)

// jwkSet is a set of keys; its first member is padding of that many bytes.
func jwkSet(padding int, keys ...string) string {
	return `{"padding":"` + strings.Repeat(" ", padding) + `","keys":[` + strings.Join(keys, ",") + `]}`
}

func member(namesAndValues ...string) string {
	m := make(map[string]string)
	for i := 0; i < len(namesAndValues); i += 2 {
		m[namesAndValues[i]] = namesAndValues[i+1]
	}
	text, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
