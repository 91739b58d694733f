package main

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"io"
	"math/big"
	"net/http"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// The algorithms that every contestant is asked for.
var algorithms = []string{"HS256", "RS256", "ES256", "EdDSA"}

// A key signs and verifies by one algorithm.
type key struct {
	alg    string
	typ    string
	kid    string // empty for HS256: its header is the one of the payload's original
	sign   any    // []byte or a private key
	verify any    // []byte or a public key
}

const (
	typ = "JWT"
	kid = "2026-07"
)

func newKey(alg string) (key, error) {
	switch alg {
	case "RS256":
		private, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return key{}, err
		}
		return key{alg, typ, kid, private, &private.PublicKey}, nil
	case "ES256":
		private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return key{}, err
		}
		return key{alg, typ, kid, private, &private.PublicKey}, nil
	case "EdDSA":
		public, private, err := ed25519.GenerateKey(rand.Reader)
		return key{alg, typ, kid, private, public}, err
	}
	secret := make([]byte, 32)
	rand.Read(secret)
	return key{alg: alg, typ: typ, sign: secret, verify: secret}, nil
}

func (k key) header() string {
	if k.kid == "" {
		return `{"alg":"` + k.alg + `","typ":"` + k.typ + `"}`
	}
	return `{"alg":"` + k.alg + `","typ":"` + k.typ + `","kid":"` + k.kid + `"}`
}

// token signs a payload.
func (k key) token(payload string) (string, error) {
	input := encode(k.header()) + "." + encode(payload)
	signature, err := jwt.GetSigningMethod(k.alg).Sign(input, k.sign)
	if err != nil {
		return "", err
	}
	return input + "." + encode(string(signature)), nil
}

// jwks is the set of the public key alone; nil for a secret.
func (k key) jwks() []byte {
	jwk := map[string]string{"use": "sig", "alg": k.alg, "kid": k.kid}
	switch public := k.verify.(type) {
	case *rsa.PublicKey:
		jwk["kty"] = "RSA"
		jwk["n"] = encode(string(public.N.Bytes()))
		jwk["e"] = encode(string(big.NewInt(int64(public.E)).Bytes()))
	case *ecdsa.PublicKey:
		point, err := public.Bytes() // 4, then both coordinates
		if err != nil {
			panic(err) // not of a key that was just generated
		}
		jwk["kty"], jwk["crv"] = "EC", "P-256"
		jwk["x"], jwk["y"] = encode(string(point[1:33])), encode(string(point[33:]))
	case ed25519.PublicKey:
		jwk["kty"], jwk["crv"] = "OKP", "Ed25519"
		jwk["x"] = encode(string(public))
	default:
		return nil
	}
	set, err := json.Marshal(map[string]any{"keys": []any{jwk}})
	if err != nil {
		panic(err) // nothing but strings
	}
	return set
}

// jwksURL is where client finds jwks, for peers that only know sets by address.
const jwksURL = issuer + "jwks"

// client answers every request with the set, without a network.
func (k key) client() *http.Client {
	return &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: http.StatusOK,
			Header:     http.Header{"Content-Type": {"application/json"}},
			Body:       io.NopCloser(strings.NewReader(string(k.jwks()))),
			Request:    r,
		}, nil
	})}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
