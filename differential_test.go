package bearer_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/golang-jwt/jwt/v5"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/keys"
)

// A differential compares this package's rules for times, issuer and audience
// with those of golang-jwt's validator, payload by payload. They agree, or
// differ in a way that has a name in argue.
type differential struct {
	key       *keys.Key
	now       time.Time
	leeway    time.Duration
	bearer    *bearer.Middleware[struct{}]
	golangJWT *jwt.Validator
}

func newDifferential(t testing.TB, leeway time.Duration) *differential {
	t.Helper()
	d := &differential{key: keyOf(t, keys.HS256), now: testNow.Add(300 * time.Millisecond), leeway: leeway}
	clock := func() time.Time { return d.now }
	var err error
	d.bearer, err = bearer.NewMiddleware[struct{}](trust(static(t, d.key)), bearer.WithClock(clock), bearer.WithLeeway(leeway), bearer.WithMaxTokenBytes(1<<20))
	if err != nil {
		t.Fatal(err)
	}
	d.golangJWT = jwt.NewValidator(jwt.WithTimeFunc(clock), jwt.WithLeeway(leeway), jwt.WithIssuer(testIssuer), jwt.WithAudience(testAudience),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt())
	return d
}

// compare returns the name of the difference, or "agree: admitted" and "agree:
// refused"; an error where the difference has no name.
func (d *differential) compare(t testing.TB, payload string) (string, error) {
	_, ours := d.bearer.Verify(t.Context(), forge(t, d.key, `{"alg":"HS256"}`, payload))
	var theirs error
	var claims jwt.MapClaims
	if theirs = json.Unmarshal([]byte(payload), &claims); theirs == nil {
		theirs = d.golangJWT.Validate(claims)
	}
	switch {
	case ours == nil && theirs == nil:
		return "agree: admitted", nil
	case ours != nil && theirs != nil:
		return "agree: refused", nil
	}
	if name := d.argue(payload, claims, ours); name != "" {
		return name, nil
	}
	return "", fmt.Errorf("%s\nbearer:     %v\ngolang-jwt: %v", payload, ours, theirs)
}

// argue names a difference and says why it is right. A name is given only
// where its reason is really there.
func (d *differential) argue(payload string, claims jwt.MapClaims, ours error) string {
	if ours == nil {
		// golang-jwt cuts dates to whole seconds, so a token ends up to a second
		// before its exp. RFC 7519 section 2 lets a NumericDate have fractions.
		if exp, ok := claims["exp"].(float64); ok && exp != math.Trunc(exp) && d.now.Add(-d.leeway).Sub(date(exp)) < 0 && d.now.Add(-d.leeway).Sub(date(math.Floor(exp))) >= 0 {
			return "exp: its fraction counts"
		}
		// golang-jwt decodes every claim, and fails where one is a number that no
		// float64 holds. Here only who asks for such a claim has to fail.
		decoder := json.NewDecoder(strings.NewReader(payload))
		decoder.UseNumber()
		var typeError *json.UnmarshalTypeError
		if errors.As(json.Unmarshal([]byte(payload), &map[string]any{}), &typeError) && decoder.Decode(&map[string]any{}) == nil {
			return "another claim: a number of any size is ignored"
		}
		return ""
	}
	if !jsontext.Value(payload).IsValid() {
		// RFC 7519 section 4 lets a parser refuse duplicates; encoding/json takes
		// the last one, and replaces invalid UTF-8.
		return "strict JSON: duplicate members and invalid UTF-8 are refused"
	}
	if errors.Is(ours, bearer.ErrNotYetValid) {
		for _, name := range []string{"nbf", "iat"} {
			if f, ok := claims[name].(float64); ok && f != math.Trunc(f) && date(f).After(d.now.Add(d.leeway)) {
				return name + ": its fraction counts"
			}
		}
		return ""
	}
	if !errors.Is(ours, bearer.ErrClaims) {
		return ""
	}
	for _, name := range []string{"sub", "jti"} {
		// RFC 7519 sections 4.1.2 and 4.1.7: a string. golang-jwt looks at sub
		// only where a value is expected, and never at jti.
		if v, ok := claims[name]; ok {
			if _, ok := v.(string); !ok {
				return name + ": a wrong type is refused"
			}
		}
	}
	for _, name := range []string{"exp", "nbf", "iat"} {
		// golang-jwt converts to int64 unchecked: what is out of range may become
		// a date of the past or the future, by processor.
		if f, ok := claims[name].(float64); ok && (f < -62135596799 || f > 253402300799) {
			return name + ": a number that is no date is refused"
		}
	}
	return ""
}

func date(seconds float64) time.Time {
	whole := math.Floor(seconds)
	return time.Unix(int64(whole), int64((seconds-whole)*1e9))
}

// A claimSet makes payloads around the edges of what is admitted.
type claimSet struct{ *rand.Rand }

func (r claimSet) pick(texts ...string) string { return texts[r.IntN(len(texts))] }

// date is a number around an edge, or none at all.
func (r claimSet) date(edge int64) string {
	switch r.IntN(20) {
	case 0:
		return r.pick(`null`, `true`, `"1"`, `"1772366460"`, `[]`, `{}`, `""`)
	case 1:
		return r.pick("0", "-0", "-1", "0.0", "1e308", "-1e308", "1e400", "1e19", "9223372036854775807", "9223372036854775808", "253402300799", "253402300800",
			"-62135596799", "-62135596800", "-62135596801", "1e-300", "1772366400000", "2.5e11", "1e12")
	case 2, 3:
		return fmt.Sprintf("%d.%d", edge+r.Int64N(5)-2, r.IntN(1000))
	case 4:
		return fmt.Sprintf("%de-1", 10*edge+r.Int64N(50)-25)
	case 5:
		return fmt.Sprint(r.NormFloat64() * 1e10)
	case 6:
		return ""
	}
	return fmt.Sprint(edge + r.Int64N(5) - 2)
}

func (r claimSet) text(right string) string {
	switch r.IntN(24) {
	case 0:
		return r.pick(`null`, `1`, `true`, `{}`, `[]`, `[null]`, `["`+right+`"]`, `["x"]`, `["x",1]`, `["`+right+`",1]`, `["x","`+right+`"]`, `[""]`, `["",""]`)
	case 1:
		return r.pick(`""`, `"x"`, `"`+right+`/"`, `"`+strings.ToUpper(right)+`"`, `"`+right+`\u0000"`)
	case 2:
		return ""
	}
	return `"` + right + `"`
}

func (r claimSet) payload(leeway time.Duration) string {
	now, leap := testNow.Unix(), int64(leeway/time.Second)
	good := now + 60
	exp, nbf, iat := now-leap, now+leap, now+leap
	dates := []string{fmt.Sprint(good), fmt.Sprint(now), fmt.Sprint(now)}
	// Mostly one date at a time, or nearly every payload would be refused.
	switch r.IntN(5) {
	case 0:
		dates[0] = r.date(exp)
	case 1:
		dates[1] = r.date(nbf)
	case 2:
		dates[2] = r.date(iat)
	case 3:
		dates = []string{r.date(exp), r.date(nbf), r.date(iat)}
	}
	pairs := [][2]string{{"exp", dates[0]}, {"nbf", dates[1]}, {"iat", dates[2]}, {"iss", r.text(testIssuer)}, {"aud", r.text(testAudience)}, {"sub", r.text("1")}, {"jti", r.text("2")}}
	switch r.IntN(10) {
	case 0:
		pairs = append(pairs, [2]string{r.pick("EXP", "Iss", "Nbf", "x", ""), r.pick("1", "null", `"x"`, `{"exp":1}`, "1e400", `[-1e400]`)})
	case 1:
		pairs = append(pairs, pairs[r.IntN(len(pairs))])
	}
	r.Shuffle(len(pairs), func(i, j int) { pairs[i], pairs[j] = pairs[j], pairs[i] })
	var b strings.Builder
	for _, p := range pairs {
		if p[1] != "" {
			fmt.Fprintf(&b, ",%q:%s", p[0], p[1])
		}
	}
	return "{" + strings.TrimPrefix(b.String(), ",") + "}"
}

func TestDifferential(t *testing.T) {
	n := 30_000
	if os.Getenv("BEARER_INTEGRATION") == "1" {
		n = 1_000_000
	}
	counts := map[string]int{}
	for i, leeway := range []time.Duration{0, 5 * time.Second, 5 * time.Minute} {
		d, r := newDifferential(t, leeway), claimSet{rand.New(rand.NewPCG(2026, uint64(i)))}
		for range n / 3 {
			name, err := d.compare(t, r.payload(leeway))
			if err != nil {
				t.Fatal(err)
			}
			counts[name]++
		}
	}
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		t.Logf("%8d %s", counts[name], name)
	}
	// Names that no case needs would hide a difference some day.
	if counts["agree: admitted"] < n/10 || counts["agree: refused"] < n/10 || len(counts) != 12 {
		t.Errorf("the cases do not reach everything that has a name: %v", counts)
	}
}

// FuzzClaims is the same comparison over payloads of any form.
func FuzzClaims(f *testing.F) {
	r := claimSet{rand.New(rand.NewPCG(1, 2))}
	for range 50 {
		f.Add([]byte(r.payload(5 * time.Second)))
	}
	for _, p := range slices.Concat(ambiguousPayloads, typedPayloads(), datePayloads()) {
		f.Add([]byte(p.payload))
	}
	f.Add([]byte(goodPayload(`,"nbx":1e400`))) // found by fuzzing
	d := newDifferential(f, 5*time.Second)
	f.Fuzz(func(t *testing.T, payload []byte) {
		if len(payload) == 0 || len(payload) > 100<<10 {
			t.Skip()
		}
		if _, err := d.compare(t, string(payload)); err != nil {
			t.Error(err)
		}
	})
}
