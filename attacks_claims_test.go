package bearer_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/keys"
)

// The attacks of this file are payloads with a right signature: the issuer
// itself is careless, or can be made to write what an attacker wants.

// payloadWith is the accepted payload with other values, given in pairs of a
// name and a JSON text. An empty text leaves the claim out.
func payloadWith(pairs ...string) string {
	members := [][2]string{
		{"iss", `"` + testIssuer + `"`}, {"aud", `"` + testAudience + `"`}, {"sub", `"1087"`}, {"jti", `"id-1"`},
		{"iat", fmt.Sprint(testNow.Unix() - 60)}, {"exp", fmt.Sprint(testNow.Unix() + 60)},
	}
next:
	for i := 0; i < len(pairs); i += 2 {
		for j := range members {
			if members[j][0] == pairs[i] {
				members[j][1] = pairs[i+1]
				continue next
			}
		}
		members = append(members, [2]string{pairs[i], pairs[i+1]})
	}
	var b strings.Builder
	for _, m := range members {
		if m[1] != "" {
			fmt.Fprintf(&b, `,%q:%s`, m[0], m[1])
		}
	}
	return "{" + strings.TrimPrefix(b.String(), ",") + "}"
}

// A payloadAttack is an attack before it is signed.
type payloadAttack struct {
	name    string
	payload string
	want    error
}

func runPayloads(t *testing.T, family []payloadAttack, opts ...bearer.MiddlewareOption) {
	t.Helper()
	k := keyOf(t, keys.HS256)
	attacks := make([]attack, len(family))
	for i, a := range family {
		attacks[i] = attack{a.name, forge(t, k, header(k), a.payload), a.want}
	}
	runAttacks(t, newMiddleware[map[string]any](t, trust(static(t, k)), opts...), attacks)
}

// ambiguousPayloads are read in one way by one parser and in another by the next.
var ambiguousPayloads = []payloadAttack{
	{"twin: each member once", payloadWith(), nil},
	{"twin: white space around everything", " \n" + strings.ReplaceAll(payloadWith(), `,"`, "\t,\r\n \"") + "\r\n ", nil},
	{"twin: names by escapes", strings.Replace(payloadWith(), `"exp"`, `"\u0065xp"`, 1), nil},
	{"exp twice", payloadWith("x", `1,"exp":99999999999`), bearer.ErrClaims},
	{"exp twice, the same", strings.Replace(payloadWith("x", `1`), `{`, fmt.Sprintf(`{"exp":%d,`, testNow.Unix()+60), 1), bearer.ErrClaims},
	{"exp twice, by an escape", payloadWith("x", `1,"e\u0078p":99999999999`), bearer.ErrClaims},
	{"iss twice", payloadWith("x", `1,"iss":"https://attacker.test"`), bearer.ErrClaims},
	{"aud twice", payloadWith("x", `1,"aud":"https://other.test"`), bearer.ErrClaims},
	{"sub twice", payloadWith("x", `1,"sub":"admin"`), bearer.ErrClaims},
	{"jti twice", payloadWith("x", `1,"jti":"id-2"`), bearer.ErrClaims},
	{"scope twice", payloadWith("scope", `"a","scope":"admin"`), bearer.ErrClaims},
	{"an unknown member twice", payloadWith("x", `1,"x":1`), bearer.ErrClaims},
	{"a member of a member twice", payloadWith("x", `{"y":1,"y":2}`), bearer.ErrClaims},
	{"a member in an array twice", payloadWith("x", `[{"y":1,"y":2}]`), bearer.ErrClaims},
	{"a member in scope twice", payloadWith("scope", `[{"y":1,"y":2}]`), bearer.ErrClaims},
	{"an empty name twice", payloadWith("x", `1,"":1,"":2`), bearer.ErrClaims},

	// Names compare exactly: these are unknown members and say nothing.
	{"EXP for exp", payloadWith("exp", "", "EXP", "99999999999"), bearer.ErrClaims},
	{"Iss for iss", payloadWith("iss", "", "Iss", `"`+testIssuer+`"`), bearer.ErrIssuer},
	{"AUD for aud", payloadWith("aud", "", "AUD", `"`+testAudience+`"`), bearer.ErrAudience},
	{"exp with a space for exp", payloadWith("exp", "", "exp ", "99999999999"), bearer.ErrClaims},
	{"exp with a NUL for exp", strings.Replace(payloadWith(), `"exp"`, `"exp\u0000"`, 1), bearer.ErrClaims},
	{"ſub does not fold into a second sub", payloadWith("ſub", "1", "Sub", "null"), nil},
	{"EXP beside exp is any value", payloadWith("EXP", `"garbage"`, "Exp", "1", "eXP", "null"), nil},
	{"Iss, Aud and Nbf beside the right ones are any values", payloadWith("Iss", `1`, "AUD", "[1]", "Nbf", "1e308", "NBF", "99999999999"), nil},

	{"a second JSON value", payloadWith() + `{"sub":"admin"}`, bearer.ErrClaims},
	{"a second JSON value behind white space", payloadWith() + "\n" + payloadWith("sub", `"admin"`), bearer.ErrClaims},
	{"null behind it", payloadWith() + `null`, bearer.ErrClaims},
	{"a letter behind it", payloadWith() + `x`, bearer.ErrClaims},
	{"a brace behind it", payloadWith() + `}`, bearer.ErrClaims},
	{"a comma behind it", payloadWith() + `,`, bearer.ErrClaims},
	{"NUL behind it", payloadWith() + "\x00", bearer.ErrClaims},
	{"invalid UTF-8 behind it", payloadWith() + "\xff", bearer.ErrClaims},
	{"cut off", strings.TrimSuffix(payloadWith(), "}"), bearer.ErrClaims},
	{"a comma too many", strings.TrimSuffix(payloadWith(), "}") + ",}", bearer.ErrClaims},
	{"a comma too few", strings.Replace(payloadWith(), ",", " ", 1), bearer.ErrClaims},
	{"a comment", payloadWith("x", "1/**/"), bearer.ErrClaims},
	{"single quotes", strings.ReplaceAll(payloadWith(), `"`, `'`), bearer.ErrClaims},
	{"a name without quotes", strings.Replace(payloadWith(), `"exp"`, `exp`, 1), bearer.ErrClaims},
	{"a byte order mark", "\ufeff" + payloadWith(), bearer.ErrClaims},
	{"an array of it", "[" + payloadWith() + "]", bearer.ErrClaims},
	{"a string of it", fmt.Sprintf("%q", payloadWith()), bearer.ErrClaims},
	{"null", "null", bearer.ErrClaims},
	{"true", "true", bearer.ErrClaims},
	{"a number", "1", bearer.ErrClaims},
	{"white space", " ", bearer.ErrClaims},
	{"no members", "{}", bearer.ErrIssuer},

	{"twin: UTF-8", payloadWith("x", `"é\u00e9\ud83d\ude00😀"`), nil},
	{"invalid UTF-8 in a value", payloadWith("x", "\"\xff\""), bearer.ErrClaims},
	{"invalid UTF-8 in sub", payloadWith("sub", "\"admin\xff\""), bearer.ErrClaims},
	{"invalid UTF-8 in a name", strings.Replace(payloadWith("x", "1"), `"x"`, "\"\xc3\"", 1), bearer.ErrClaims},
	{"invalid UTF-8 further down", payloadWith("x", "[{\"y\":\"\xed\xa0\x80\"}]"), bearer.ErrClaims},
	{"overlong UTF-8", payloadWith("x", "\"\xc0\xaf\""), bearer.ErrClaims},
	{"a lone high surrogate", payloadWith("x", `"\ud800"`), bearer.ErrClaims},
	{"a lone low surrogate in sub", payloadWith("sub", `"\udc00"`), bearer.ErrClaims},
	{"surrogates exchanged in a name", strings.Replace(payloadWith("x", "1"), `"x"`, `"\ude00\ud83d"`, 1), bearer.ErrClaims},
	{"a control character in a value", payloadWith("x", "\"\n\""), bearer.ErrClaims},
	{"an unknown escape", payloadWith("x", `"\x41"`), bearer.ErrClaims},
}

func TestAmbiguousPayload(t *testing.T) { runPayloads(t, ambiguousPayloads) }

func wrongTypes(right string) (texts []string) {
	for _, text := range []string{`null`, `true`, `false`, `1`, `"1"`, `["1"]`, `[]`, `{}`, `{"1":1}`} {
		if text != right {
			texts = append(texts, text)
		}
	}
	return texts
}

// typedPayloads give every registered claim every wrong type.
func typedPayloads() []payloadAttack {
	family := []payloadAttack{
		{"twin: all of the right types", payloadWith("nbf", "1"), nil},
		{"twin: sub and jti left out", payloadWith("sub", "", "jti", "", "iat", ""), nil},
		{"twin: aud an array", payloadWith("aud", `["`+testAudience+`"]`), nil},
		{"twin: aud an array with others", payloadWith("aud", `["https://other.test","","`+testAudience+`"]`), nil},
		{"twin: scopes and roles of wrong types say nothing", payloadWith("scope", "1", "scp", "{}", "role", "null", "roles", "[1]"), nil},
		{"iss missing", payloadWith("iss", ""), bearer.ErrIssuer},
		{"aud missing", payloadWith("aud", ""), bearer.ErrAudience},
		{"exp missing", payloadWith("exp", ""), bearer.ErrClaims},
		{"aud empty", payloadWith("aud", `[]`), bearer.ErrAudience},
		{"aud an array with the right one and a number", payloadWith("aud", `["`+testAudience+`",1]`), bearer.ErrClaims},
		{"aud an array with the right one and null", payloadWith("aud", `["`+testAudience+`",null]`), bearer.ErrClaims},
		{"aud an array in an array", payloadWith("aud", `[["`+testAudience+`"]]`), bearer.ErrClaims},
		{"aud an array of null", payloadWith("aud", `[null]`), bearer.ErrClaims},
		{"aud an object with the right name", payloadWith("aud", `{"`+testAudience+`":true}`), bearer.ErrClaims},
	}
	for _, claim := range []string{"iss", "sub", "jti"} {
		for _, wrong := range wrongTypes(`"1"`) {
			family = append(family, payloadAttack{claim + " " + wrong, payloadWith(claim, wrong), bearer.ErrClaims})
		}
	}
	for _, claim := range []string{"exp", "nbf", "iat"} {
		for _, wrong := range append(wrongTypes(`1`), `"`+fmt.Sprint(testNow.Unix()+60)+`"`, `"2026-03-01T12:00:00Z"`, `""`) {
			family = append(family, payloadAttack{claim + " " + wrong, payloadWith(claim, wrong), bearer.ErrClaims})
		}
	}
	// A name in another case is no registered claim, of whatever type, and stands for none.
	for claim, missing := range map[string]error{"iss": bearer.ErrIssuer, "aud": bearer.ErrAudience, "exp": bearer.ErrClaims, "nbf": nil, "iat": nil, "sub": nil, "jti": nil} {
		for _, other := range []string{strings.ToUpper(claim), strings.ToUpper(claim[:1]) + claim[1:], claim[:2] + strings.ToUpper(claim[2:])} {
			family = append(family,
				payloadAttack{other + " beside " + claim, payloadWith(other, `{"x":[null]}`), nil},
				payloadAttack{other + " for " + claim, payloadWith(claim, "", other, "99999999999"), missing},
			)
		}
	}
	for _, wrong := range []string{`null`, `true`, `1`, `{}`, `[1]`, `[{}]`, `[true]`} {
		family = append(family, payloadAttack{"aud " + wrong, payloadWith("aud", wrong), bearer.ErrClaims})
	}
	for _, other := range []string{
		testAudience + "/", testAudience + " ", " " + testAudience, strings.ToUpper(testAudience), testAudience[:len(testAudience)-1], "",
		testAudience + ",https://other.test", testAudience + " https://other.test", testAudience + `\u0000`, "*", "https://*.test", testIssuer,
	} {
		family = append(family,
			payloadAttack{"aud is " + other, payloadWith("aud", `"`+other+`"`), bearer.ErrAudience},
			payloadAttack{"aud holds " + other, payloadWith("aud", `["`+other+`","x"]`), bearer.ErrAudience},
		)
	}
	for _, other := range []string{
		testIssuer + "/", strings.ToUpper(testIssuer), testIssuer[:len(testIssuer)-1], "", testIssuer + `\u0000`, "http://issuer.test",
		"https://attacker.test/" + testIssuer, testIssuer + ".attacker.test", testIssuer + ":443", "https://іssuer.test", " " + testIssuer,
	} {
		family = append(family, payloadAttack{"iss is " + other, payloadWith("iss", `"`+other+`"`), bearer.ErrIssuer})
	}
	return family
}

func TestClaimType(t *testing.T) { runPayloads(t, typedPayloads()) }

// datePayloads are numbers that are no dates, or unusual ones.
func datePayloads() []payloadAttack {
	family := []payloadAttack{
		{"twin: exp with a fraction", payloadWith("exp", "1772366460.25"), nil},
		{"twin: exp with an exponent", payloadWith("exp", "1.77236646e9"), nil},
		{"twin: exp with an exponent of zero", payloadWith("exp", "1772366460E+00"), nil},
		{"twin: exp at the end of the year 9999", payloadWith("exp", "253402300799"), nil},
		{"exp in the year 10000", payloadWith("exp", "253402300800"), bearer.ErrClaims},
		{"exp in milliseconds", payloadWith("exp", "1772366460000"), bearer.ErrClaims},
		{"exp zero", payloadWith("exp", "0"), bearer.ErrExpired},
		{"exp minus zero", payloadWith("exp", "-0"), bearer.ErrExpired},
		{"exp zero with a fraction", payloadWith("exp", "0.0"), bearer.ErrExpired},
		{"exp negative", payloadWith("exp", "-1"), bearer.ErrExpired},
		{"exp of long ago", payloadWith("exp", "-62135596799"), bearer.ErrExpired},
		{"exp the zero of time.Time", payloadWith("exp", "-62135596800"), bearer.ErrClaims},
		{"exp next to nothing", payloadWith("exp", "1e-300"), bearer.ErrExpired},
		{"exp below any float", payloadWith("exp", "1e-999"), bearer.ErrExpired},
		{"twin: nbf and iat zero", payloadWith("nbf", "0", "iat", "0"), nil},
		{"twin: nbf and iat negative", payloadWith("nbf", "-1", "iat", "-1.5"), nil},
		{"nbf at the end of the year 9999", payloadWith("nbf", "253402300799"), bearer.ErrNotYetValid},
		{"nbf behind the leeway", payloadWith("nbf", "1772366406"), bearer.ErrNotYetValid},
		{"iat behind the leeway", payloadWith("iat", "1772366406"), bearer.ErrNotYetValid},
		{"nbf behind iat and the leeway", payloadWith("iat", "1", "nbf", "1772366406"), bearer.ErrNotYetValid},
		{"expired and not yet valid", payloadWith("exp", "1", "nbf", "1772366406"), bearer.ErrExpired},
	}
	for _, claim := range []string{"exp", "nbf", "iat"} {
		for _, number := range []string{
			"1e308", "-1e308", "1e400", "-1e400", "1e999999999", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "18446744073709551616",
			"9.3e18", "1" + strings.Repeat("0", 400), strings.Repeat("9", 30) + ".5",
		} {
			family = append(family, payloadAttack{claim + " " + number, payloadWith(claim, number), bearer.ErrClaims})
		}
		for _, text := range []string{"NaN", "Infinity", "-Infinity", "nan", "0x69A3", "01772366460", "+1772366460", "1772366460.", ".5", "1_772_366_460", "1e", "--1", "1772366460 1", "undefined"} {
			family = append(family, payloadAttack{claim + " is no JSON: " + text, payloadWith(claim, text), bearer.ErrClaims})
		}
	}
	return family
}

func TestDate(t *testing.T) { runPayloads(t, datePayloads()) }

// The edges of the three dates, to the nanosecond, whatever the leeway. The
// clock moves, so that the token's number is exact.
func TestEdgeOfTime(t *testing.T) {
	const date = 1772366400 // testNow
	k := keyOf(t, keys.HS256)
	for _, leeway := range []time.Duration{0, 5 * time.Second, 5 * time.Minute} {
		for _, fraction := range []string{"", ".5", ".25"} {
			edge := time.Unix(date, 0)
			if fraction != "" {
				d, _ := time.ParseDuration("0" + fraction + "s")
				edge = edge.Add(d)
			}
			for claim, test := range map[string]struct {
				edge    time.Time
				before  error // what the token is one nanosecond before the edge
				behind  error // and from the edge on
				payload string
			}{
				"exp": {edge.Add(leeway), nil, bearer.ErrExpired, payloadWith("exp", fmt.Sprint(date)+fraction, "iat", "1")},
				"nbf": {edge.Add(-leeway), bearer.ErrNotYetValid, nil, payloadWith("nbf", fmt.Sprint(date)+fraction, "iat", "1", "exp", "1872366400")},
				"iat": {edge.Add(-leeway), bearer.ErrNotYetValid, nil, payloadWith("iat", fmt.Sprint(date)+fraction, "exp", "1872366400")},
			} {
				t.Run(fmt.Sprintf("%s at a fraction of %q with a leeway of %v", claim, fraction, leeway), func(t *testing.T) {
					token := forge(t, k, header(k), test.payload)
					for _, distance := range []time.Duration{-time.Hour, -time.Second, -time.Millisecond, -1, 0, 1, time.Millisecond, time.Second, time.Hour} {
						want := test.before
						if distance >= 0 {
							want = test.behind
						}
						m, err := bearer.NewMiddleware[map[string]any](trust(static(t, k)), bearer.WithLeeway(leeway),
							bearer.WithClock(func() time.Time { return test.edge.Add(distance) }))
						if err != nil {
							t.Fatal(err)
						}
						_, err = m.Verify(t.Context(), token)
						if checkCause(t, err, want); t.Failed() {
							t.Fatalf("%v from the edge", distance)
						}
					}
				})
			}
		}
	}
}

// The default leeway is five seconds.
func TestDefaultLeeway(t *testing.T) {
	at := func(claim string, seconds int64) string {
		return payloadWith(claim, fmt.Sprint(testNow.Unix()+seconds))
	}
	runPayloads(t, []payloadAttack{
		{"twin: expired four seconds ago", at("exp", -4), nil},
		{"expired five seconds ago", at("exp", -5), bearer.ErrExpired},
		{"twin: valid in five seconds", at("nbf", 5), nil},
		{"valid in six seconds", at("nbf", 6), bearer.ErrNotYetValid},
		{"twin: issued in five seconds", at("iat", 5), nil},
		{"issued in six seconds", at("iat", 6), bearer.ErrNotYetValid},
	})
}

// What the two dangerous options give up, and what not.
func TestDangerousOptions(t *testing.T) {
	t.Run("without exp", func(t *testing.T) {
		runPayloads(t, []payloadAttack{
			{"twin: no exp", payloadWith("exp", ""), nil},
			{"expired all the same", payloadWith("exp", "1"), bearer.ErrExpired},
			{"exp zero is a date", payloadWith("exp", "0"), bearer.ErrExpired},
			{"exp null", payloadWith("exp", "null"), bearer.ErrClaims},
			{"exp out of range", payloadWith("exp", "1e308"), bearer.ErrClaims},
			{"not yet valid", payloadWith("exp", "", "nbf", "1872366400"), bearer.ErrNotYetValid},
			{"another audience", payloadWith("exp", "", "aud", `"x"`), bearer.ErrAudience},
		}, bearer.DangerouslyAllowNoExpiry())
	})
	t.Run("any audience", func(t *testing.T) {
		k := keyOf(t, keys.HS256)
		open := trust(static(t, k))
		open.Audience = nil
		signed := func(payload string) string { return forge(t, k, header(k), payload) }
		runAttacks(t, newMiddleware[map[string]any](t, open, bearer.DangerouslyAcceptAnyAudience()), []attack{
			{"twin: no audience", signed(payloadWith("aud", "")), nil},
			{"twin: another audience", signed(payloadWith("aud", `"x"`)), nil},
			{"an audience of a wrong type", signed(payloadWith("aud", `1`)), bearer.ErrClaims},
			{"no exp", signed(payloadWith("exp", "")), bearer.ErrClaims},
			{"another issuer", signed(payloadWith("iss", `"x"`)), bearer.ErrIssuer},
		})
	})
}
