package bearer_test

import (
	"bytes"
	"crypto"
	"encoding/base64"
	stdjson "encoding/json"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gobearer/bearer"
)

// spoiled is a token with one byte of one segment changed. The first character
// of a segment has no unused bits.
func spoiled(token string, segment int) string {
	parts := strings.Split(token, ".")
	first := "A"
	if parts[segment][0] == 'A' {
		first = "B"
	}
	parts[segment] = first + parts[segment][1:]
	return strings.Join(parts, ".")
}

// nodeWithModules skips a test that needs packages from npm, unless the run
// promises that they are there.
func nodeWithModules(t *testing.T) string {
	t.Helper()
	if os.Getenv("BEARER_NODE_MODULES") == "" {
		if os.Getenv("BEARER_INTEGRATION") == "1" {
			t.Fatal("BEARER_NODE_MODULES is not set")
		}
		t.Skip("BEARER_NODE_MODULES is not set: npm install jose and oidc-provider somewhere and name the node_modules")
	}
	return program(t, "node")
}

// runJose verifies one token with jose and returns what it prints.
func runJose(t *testing.T, node string, input map[string]any) ([]byte, error) {
	t.Helper()
	text, err := stdjson.Marshal(input)
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(node, "testdata/jose/verify.mjs")
	c.Stdin, c.Stderr = bytes.NewReader(text), os.Stderr
	return c.Output()
}

// npm's jose shares no code with this package.
func TestJose(t *testing.T) {
	node := nodeWithModules(t)
	i := issuerOf(t, &loginSpy{}, bearer.WithAudience(testAudience, "another"))
	a := fullAccount()
	a.Name, a.Profile = "Zoë <&> \u2028", map[string]string{"a": "b"}
	token := issue(t, i, a, bearer.ValidityLongLive).AccessToken

	tests := []struct {
		name             string
		token            string
		secret           []byte
		issuer, audience string
		now              int64
		wantError        string // jose's code; empty: it is admitted
	}{
		{"issued", token, goldenSecret, testIssuer, testAudience, testNow.Unix(), ""},
		{"another header", spoiled(token, 0), goldenSecret, testIssuer, testAudience, testNow.Unix(), "ERR_JWS_INVALID"},
		{"another payload", spoiled(token, 1), goldenSecret, testIssuer, testAudience, testNow.Unix(), "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"},
		{"another signature", spoiled(token, 2), goldenSecret, testIssuer, testAudience, testNow.Unix(), "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"},
		{"another secret", token, bytes.Repeat([]byte("x"), 32), testIssuer, testAudience, testNow.Unix(), "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"},
		{"another issuer", token, goldenSecret, "https://other.test", testAudience, testNow.Unix(), "ERR_JWT_CLAIM_VALIDATION_FAILED"},
		{"another audience", token, goldenSecret, testIssuer, "other", testNow.Unix(), "ERR_JWT_CLAIM_VALIDATION_FAILED"},
		{"its last second", token, goldenSecret, testIssuer, testAudience, testNow.AddDate(0, 120, 0).Unix() - 1, ""},
		{"expired", token, goldenSecret, testIssuer, testAudience, testNow.AddDate(0, 120, 0).Unix(), "ERR_JWT_EXPIRED"},
		{"not yet valid", token, goldenSecret, testIssuer, testAudience, testNow.Unix() - 1, "ERR_JWT_CLAIM_VALIDATION_FAILED"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, err := runJose(t, node, map[string]any{
				"token": tt.token, "secret": base64.RawURLEncoding.EncodeToString(tt.secret),
				"issuer": tt.issuer, "audience": tt.audience, "alg": "HS256", "now": tt.now,
			})
			if (err == nil) != (tt.wantError == "") {
				t.Fatalf("%v: %s", err, out)
			}
			var got struct {
				Error           string
				Header, Payload map[string]any
			}
			if err := stdjson.Unmarshal(out, &got); err != nil {
				t.Fatalf("%v in %s", err, out)
			}
			if got.Error != tt.wantError {
				t.Errorf("error %q, want %q", got.Error, tt.wantError)
			}
			if tt.wantError != "" {
				return
			}
			wantHeader := map[string]any{"alg": "HS256", "typ": "JWT"}
			if !reflect.DeepEqual(got.Header, wantHeader) || !reflect.DeepEqual(got.Payload, claimsOf(t, token)) {
				t.Errorf("header %v, payload %v, want %v, %v", got.Header, got.Payload, wantHeader, claimsOf(t, token))
			}
		})
	}
}

// Every algorithm's tokens, read by golang-jwt alone.
func TestGolangJWT(t *testing.T) {
	for _, alg := range allAlgorithms {
		t.Run(string(alg), func(t *testing.T) {
			i := issuerWith(t, keyOf(t, alg), &loginSpy{}, testClock)
			token := issue(t, i, fullAccount(), "").AccessToken
			public := func(*jwt.Token) (any, error) {
				if k, ok := materialOf(alg).(crypto.Signer); ok {
					return k.Public(), nil
				}
				return materialOf(alg), nil // a secret
			}
			options := []jwt.ParserOption{
				jwt.WithValidMethods([]string{string(alg)}), jwt.WithIssuer(testIssuer), jwt.WithAudience(testIssuer), jwt.WithSubject("1087"),
				jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithStrictDecoding(), jwt.WithTimeFunc(func() time.Time { return testNow }),
			}
			claims := jwt.MapClaims{}
			if _, err := jwt.NewParser(options...).ParseWithClaims(token, claims, public); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(map[string]any(claims), claimsOf(t, token)) {
				t.Errorf("claims %v", claims)
			}
			for segment := range 3 {
				if _, err := jwt.NewParser(options...).Parse(spoiled(token, segment), public); err == nil {
					t.Errorf("accepted with one byte of segment %d changed", segment)
				}
			}
		})
	}
}
