package bearer_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/keys"
)

// A vector is one case of the shared files, as their README describes it.
type vector struct {
	ID          string
	Description string
	Key         json.RawMessage
	Policy      struct {
		Algs       []string
		Iss, Aud   *string
		LeewayS    int  `json:"leeway_s"`
		RequireExp bool `json:"require_exp"`
	}
	Token    string
	TokenB64 string `json:"token_b64"`
	Now      int64
	Expected string
}

// readVectors skips where the folder beside the checkout is absent.
func readVectors(t *testing.T, name string) []vector {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "shared", "vectors", name))
	if errors.Is(err, os.ErrNotExist) && (os.Getenv("BEARER_INTEGRATION") != "1" || os.Getenv("BEARER_WITHOUT_VECTORS") == "1") {
		t.Skip("no shared vectors beside the checkout")
	}
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []vector }
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	return file.Cases
}

func TestVectors(t *testing.T) {
	vectors := readVectors(t, "wycheproof-jwt.json")
	passed, accepted := 0, 0
	for _, v := range vectors {
		if v.Expected == "accept" {
			accepted++
		}
		t.Run(v.ID+" "+v.Description, func(t *testing.T) {
			refused := v.verify(t)
			if (refused == nil) != (v.Expected == "accept") {
				t.Fatalf("%v, want %s", refused, v.Expected)
			}
			passed++
		})
	}
	t.Logf("%d of %d as expected, %d of them accepted", passed, len(vectors), accepted)
	if len(vectors) == 0 || accepted == 0 || accepted == len(vectors) {
		t.Error("the vectors do not show both answers")
	}
}

// verify returns why the token is refused. A key that does not parse refuses it.
func (v *vector) verify(t *testing.T) error {
	t.Helper()
	token := v.Token
	if v.TokenB64 != "" {
		raw, err := base64.StdEncoding.DecodeString(v.TokenB64)
		if err != nil {
			t.Fatal(err)
		}
		token = string(raw)
	}
	parsed, err := keys.Parse(v.Key)
	if err != nil {
		return err
	}
	// A secret stays as it is: only the others have a public half.
	var allowed []*keys.Key
	for _, k := range parsed {
		if !slices.Contains(v.Policy.Algs, string(k.Algorithm())) {
			continue
		}
		if !strings.HasPrefix(string(k.Algorithm()), "HS") {
			k = k.Public()
		}
		allowed = append(allowed, k)
	}
	if len(allowed) == 0 {
		return errors.New("no key for the allowed algorithms")
	}
	source, err := keys.Static(allowed...)
	if err != nil {
		return err
	}
	tr := bearer.Trust{Keys: source}
	opts := []bearer.MiddlewareOption{
		bearer.WithClock(func() time.Time { return time.Unix(v.Now, 0) }),
		bearer.WithLeeway(time.Duration(v.Policy.LeewayS) * time.Second),
	}
	if v.Policy.Iss != nil {
		tr.Issuer = *v.Policy.Iss
	} else {
		// A middleware has no way not to check it: trust what the token says.
		tr.Issuer = claimedIssuer(token)
	}
	if v.Policy.Aud != nil {
		tr.Audience = []string{*v.Policy.Aud}
	} else {
		opts = append(opts, bearer.DangerouslyAcceptAnyAudience())
	}
	if !v.Policy.RequireExp {
		opts = append(opts, bearer.DangerouslyAllowNoExpiry())
	}
	m, err := bearer.NewMiddleware[map[string]any](tr, opts...)
	if err != nil {
		t.Fatal(err)
	}
	_, err = m.Verify(t.Context(), token)
	return err
}

// claimedIssuer is some name where the token has none.
func claimedIssuer(token string) string {
	var claims struct{ Iss string }
	if parts := strings.Split(token, "."); len(parts) > 1 {
		payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
		_ = json.Unmarshal(payload, &claims)
	}
	if claims.Iss == "" {
		return testIssuer
	}
	return claims.Iss
}
