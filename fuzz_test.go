package bearer_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/keys"
)

func FuzzAuthorization(f *testing.F) {
	for _, a := range authorizations {
		f.Add(strings.ReplaceAll(a.value, "TOKEN", "eyJhbGciOiJub25lIn0.e30."))
	}
	m := newMiddleware[map[string]any](f, trust(static(f, keyOf(f, keys.HS256))))
	f.Fuzz(func(t *testing.T, header string) {
		token, err := bearer.ParseAuthorization(header)
		scheme, rest, _ := strings.Cut(header, " ")
		isBearer := strings.EqualFold(scheme, "Bearer")
		if err != nil {
			if token != "" {
				t.Errorf("%q came beside %v", token, err)
			}
			if !isOneSentinel(err, bearer.ErrMissing) && !isOneSentinel(err, bearer.ErrRequest) {
				t.Errorf("%v is neither ErrMissing nor ErrRequest", err)
			}
			if isBearer && len(scheme) == len("Bearer") && errors.Is(err, bearer.ErrMissing) {
				t.Errorf("a malformed bearer credential is taken for none: %v", err)
			}
			return
		}
		// RFC 6750 section 2.1, written otherwise than in the package.
		if !isBearer || strings.TrimLeft(rest, " ") != token {
			t.Errorf("accepted %q", header)
		}
		const b64token = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/"
		if body := strings.TrimRight(token, "="); body == "" || strings.Trim(body, b64token) != "" {
			t.Errorf("%q is no b64token", token)
		}
		// A middleware never panics over it, and nobody guesses an HMAC.
		if _, err := m.Verify(t.Context(), token); err == nil {
			t.Errorf("admitted %q", token)
		}
	})
}

// FuzzPayload signs any payload. What is admitted must pass a second look with
// other tools.
func FuzzPayload(f *testing.F) {
	for _, p := range slices.Concat(ambiguousPayloads, typedPayloads(), datePayloads()) {
		f.Add([]byte(p.payload))
	}
	k := keyOf(f, keys.HS256)
	alone := newMiddleware[map[string]any](f, trust(static(f, k)))
	several := newMiddleware[map[string]any](f, trust(static(f, k)), bearer.AlsoTrust(bearer.Trust{Issuer: issuerA, Audience: []string{"x"}, Keys: static(f, newKey(f, keys.HS256))}))
	f.Fuzz(func(t *testing.T, payload []byte) {
		token := forge(t, k, header(k), string(payload))
		got, err := alone.Verify(t.Context(), token)
		also, alsoErr := several.Verify(t.Context(), token)
		if (err == nil) != (alsoErr == nil) {
			t.Fatalf("one trust says %v, the same beside another %v", err, alsoErr)
		}
		if err != nil {
			var refusal *bearer.Refusal
			if !errors.As(err, &refusal) || refusal.StatusCode() != 401 {
				t.Errorf("refused with %v", err)
			}
			return
		}
		var claims map[string]any
		if err := json.Unmarshal(payload, &claims); err != nil || !utf8.Valid(payload) {
			t.Fatalf("admitted what encoding/json refuses: %v", err)
		}
		if claims["iss"] != testIssuer || got.Issuer != testIssuer || also.Issuer != testIssuer {
			t.Errorf("admitted the issuer %v", claims["iss"])
		}
		audience, _ := claims["aud"].([]any)
		if claims["aud"] != testAudience && !slices.Contains(audience, any(testAudience)) {
			t.Errorf("admitted the audience %v", claims["aud"])
		}
		now := float64(testNow.Unix())
		if exp, ok := claims["exp"].(float64); !ok || exp+5 <= now {
			t.Errorf("admitted exp %v", claims["exp"])
		}
		for _, name := range []string{"nbf", "iat"} {
			if v, there := claims[name]; there {
				if date, ok := v.(float64); !ok || date-5 > now {
					t.Errorf("admitted %s %v", name, v)
				}
			}
		}
		for _, name := range []string{"sub", "jti"} {
			if v, there := claims[name]; there {
				if _, ok := v.(string); !ok {
					t.Errorf("admitted %s %v", name, v)
				}
			}
		}
		if sub, ok := claims["sub"].(string); ok && sub != "" && got.Subject != sub {
			t.Errorf("the subject is %q, want %q", got.Subject, sub)
		}
		if len(got.Claims) != len(claims) {
			t.Errorf("%d claims, want %d: a member was there twice", len(got.Claims), len(claims))
		}
	})
}
