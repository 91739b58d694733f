package bearer_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/keys"
)

// The attacks of this file have a right signature on a token of another form
// than the one that is accepted (RFC 7515 section 7.1, RFC 7797, RFC 7516).

func TestCritical(t *testing.T) {
	k := newKey(t, keys.HS256)
	family := []attack{{"twin: the same members, none critical", forge(t, k, `{"alg":"HS256","exp":1,"b64":true,"x":1}`, goodPayload("")), nil}}
	for _, crit := range []string{
		`[]`, `null`, `""`, `"exp"`, `0`, `false`, `{}`, `["exp"]`, `["b64"]`, `["alg"]`, `["crit"]`, `["x"]`, `["unknown"]`, `["exp","exp"]`,
		`[1]`, `[""]`, `[["exp"]]`, `["http://example.com/UNDEFINED"]`,
	} {
		family = append(family, attack{"crit " + crit, forge(t, k, `{"alg":"HS256","exp":1,"b64":true,"x":1,"crit":`+crit+`}`, goodPayload("")), bearer.ErrMalformed})
	}
	runAttacks(t, attackedBy(t, k), family)
}

func TestUnencodedPayload(t *testing.T) {
	k := newKey(t, keys.HS256)
	head := encode(`{"alg":"HS256","b64":false}`)
	input := head + "." + goodPayload("")
	signature := must(k.Sign(input))
	good := forge(t, k, header(k), goodPayload(""))
	h, _, s := segmentsOf(good)
	runAttacks(t, attackedBy(t, k), []attack{
		{"twin: encoded", good, nil},
		{"twin: b64 true", forge(t, k, `{"alg":"HS256","b64":true}`, goodPayload("")), nil},
		{"b64 false over an encoded payload", forge(t, k, `{"alg":"HS256","b64":false}`, goodPayload("")), bearer.ErrMalformed},
		{"b64 false and critical", forge(t, k, `{"alg":"HS256","b64":false,"crit":["b64"]}`, goodPayload("")), bearer.ErrMalformed},
		{"b64 false over the payload itself", join(input, signature), bearer.ErrRequest},
		{"b64 false and detached", join(head+".", signature), bearer.ErrMalformed},
		{"detached, RFC 7515 appendix F", h + ".." + s, bearer.ErrSignature},
		{"detached and signed so", join(h+".", must(k.Sign(h+"."))), bearer.ErrClaims},
	})
}

func TestOtherSerialization(t *testing.T) {
	k := newKey(t, keys.HS256)
	good := forge(t, k, header(k), goodPayload(""))
	h, p, s := segmentsOf(good)
	flattened := fmt.Sprintf(`{"payload":%q,"protected":%q,"signature":%q}`, p, h, s)
	general := fmt.Sprintf(`{"payload":%q,"signatures":[{"protected":%q,"signature":%q}]}`, p, h, s)
	runAttacks(t, attackedBy(t, k), []attack{
		{"twin: compact", good, nil},
		{"JSON, flattened", flattened, bearer.ErrRequest},
		{"JSON, general", general, bearer.ErrRequest},
		{"JSON with a member that is compact", `{"` + good + `":"` + good + `"}`, bearer.ErrRequest},
		{"JSON in base64url", encode(flattened), bearer.ErrMalformed},
		{"JSON in base64url as the payload", forge(t, k, header(k), flattened), bearer.ErrIssuer},
		{"JWE, five parts", good + "." + p + "." + s, bearer.ErrMalformed},
		{"four parts", good + "." + s, bearer.ErrMalformed},
		{"two parts", h + "." + p, bearer.ErrMalformed},
		{"one part", h, bearer.ErrMalformed},
		{"a dot before it", "." + good, bearer.ErrMalformed},
		{"a dot behind it", good + ".", bearer.ErrMalformed},
		{"two tokens", good + "." + good, bearer.ErrMalformed},
		{"nested: a token as the payload", forge(t, k, `{"alg":"HS256","typ":"JWT","cty":"JWT"}`, good), bearer.ErrClaims},
		{"nested: a token as a JSON string", forge(t, k, `{"alg":"HS256","cty":"JWT"}`, `"`+good+`"`), bearer.ErrClaims},
		{"an empty header", "." + p + "." + s, bearer.ErrMalformed},
		{"dots", "..", bearer.ErrMalformed},
		{"the letters of a word", "abc", bearer.ErrMalformed},
		{"standard base64 throughout", base64.StdEncoding.EncodeToString([]byte(good)), bearer.ErrMalformed},
	})
}

// Everything here is the same token for a decoder that is lenient.
func TestOtherSpelling(t *testing.T) {
	// Payload and signature of lengths with unused bits in their last characters.
	k := keyOf(t, keys.EdDSA) // 64 bytes: four bits
	payload := goodPayload("")
	for len(payload)%3 != 2 { // two bits
		payload += " "
	}
	good := forge(t, k, header(k), payload)
	parts := strings.Split(good, ".")
	with := func(i int, segment string) string {
		other := slices.Clone(parts)
		other[i] = segment
		return strings.Join(other, ".")
	}
	family := []attack{{"twin: canonical", good, nil}}
	for i, segment := range []string{"header", "payload", "signature"} {
		text := parts[i]
		for name, b := range map[string]string{
			"space": " ", "tab": "\t", "CR": "\r", "LF": "\n", "CRLF": "\r\n", "four LF": "\n\n\n\n", "NUL": "\x00", "no-break space": "\u00a0",
			"byte order mark": "\ufeff", "fullwidth A": "Ａ", "byte 0xff": "\xff", "percent": "%41", "comma": ",", "quote": `"`,
		} {
			family = append(family, attack{name + " inside the " + segment, with(i, text[:8]+b+text[8:]), bearer.ErrRequest})
			family = append(family, attack{name + " behind the " + segment, with(i, text+b), bearer.ErrRequest})
		}
		// b64token has these, base64url has not; and padding at the end alone.
		for name, b := range map[string]string{"standard plus": "+", "standard slash": "/", "tilde": "~"} {
			family = append(family, attack{name + " inside the " + segment, with(i, text[:8]+b+text[8:]), bearer.ErrMalformed})
			family = append(family, attack{name + " for a character of the " + segment, with(i, text[:8]+b+text[9:]), bearer.ErrMalformed})
		}
		for _, padding := range []string{"=", "==", "===="} {
			want := bearer.ErrRequest
			if segment == "signature" {
				want = bearer.ErrMalformed
			}
			family = append(family, attack{"padding " + padding + " behind the " + segment, with(i, text+padding), want})
		}
		long := text + "A"
		for len(long)%4 != 1 { // no number of bytes has this length
			long += "A"
		}
		family = append(family, attack{"one character too many in the " + segment, with(i, long), bearer.ErrMalformed})
	}
	for i, bits := range map[int]int{1: 2, 2: 4} {
		for by := 1; by < 1<<bits; by++ {
			name := fmt.Sprintf("unused bits %b in the %s", by, []string{"", "payload", "signature"}[i])
			family = append(family, attack{name, with(i, raiseLast(parts[i], by)), bearer.ErrMalformed})
		}
	}
	runAttacks(t, attackedBy(t, k), family)
}

// raiseLast adds to the last character's six bits.
func raiseLast(segment string, by int) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := len(segment) - 1
	return segment[:last] + string(alphabet[strings.IndexByte(alphabet, segment[last])+by])
}

// What stands before and behind a token is not its header's business in Verify,
// which sees the text as it came.
func TestVerifyTrimsNothing(t *testing.T) {
	k := newKey(t, keys.HS256)
	m := attackedBy(t, k)
	good := forge(t, k, header(k), goodPayload(""))
	if _, err := m.Verify(t.Context(), good); err != nil {
		t.Fatal(err)
	}
	// No credential is no fault of a token (RFC 6750 section 3.1).
	_, err := m.Verify(t.Context(), "")
	checkCause(t, err, bearer.ErrMissing)
	for name, raw := range map[string]string{
		"a space alone": " ", "space before": " " + good, "space behind": good + " ", "line feed behind": good + "\n", "CRLF behind": good + "\r\n",
		"NUL behind": good + "\x00", "scheme": "Bearer " + good, "quotes": `"` + good + `"`, "comma and another": good + "," + good, "padding": good + "=",
	} {
		t.Run(name, func(t *testing.T) {
			token, err := m.Verify(t.Context(), raw)
			checkCause(t, err, bearer.ErrMalformed)
			if token != nil {
				t.Error("a token came beside the error")
			}
		})
	}
}

func TestAmbiguousHeader(t *testing.T) {
	k := newKey(t, keys.HS256, keys.WithID("1"))
	family := []attack{{"twin: each member once", forge(t, k, `{"alg":"HS256","kid":"1","typ":"JWT"}`, goodPayload("")), nil}}
	for name, head := range map[string]string{
		"alg twice":                    `{"alg":"HS256","alg":"HS256"}`,
		"alg twice, none first":        `{"alg":"none","alg":"HS256"}`,
		"alg twice, by an escape":      `{"alg":"HS256","\u0061lg":"none"}`,
		"kid twice":                    `{"alg":"HS256","kid":"1","kid":"1"}`,
		"typ twice":                    `{"alg":"HS256","typ":"JWT","typ":"JWT"}`,
		"unknown member twice":         `{"alg":"HS256","x":1,"x":1}`,
		"a second object":              `{"alg":"HS256"}{"alg":"none"}`,
		"garbage behind it":            `{"alg":"HS256"}x`,
		"a comma too many":             `{"alg":"HS256",}`,
		"a comment":                    `{"alg":"HS256"/**/}`,
		"single quotes":                `{'alg':'HS256'}`,
		"a byte order mark":            "\ufeff" + `{"alg":"HS256"}`,
		"invalid UTF-8":                "{\"alg\":\"HS256\",\"x\":\"\xc3\x28\"}",
		"an overlong UTF-8 alg":        "{\"alg\":\"HS256\",\"\xc1\xa1lg\":\"none\"}",
		"a lone surrogate":             `{"alg":"HS256","x":"\udc00"}`,
		"a control character in a kid": "{\"alg\":\"HS256\",\"kid\":\"1\n\"}",
		"kid null":                     `{"alg":"HS256","kid":null}`,
		"kid a number":                 `{"alg":"HS256","kid":1}`,
		"alg an array":                 `{"alg":["HS256"]}`,
		"an array of members":          `[{"alg":"HS256"}]`,
		"nothing":                      ` `,
	} {
		family = append(family, attack{name, forge(t, k, head, goodPayload("")), bearer.ErrMalformed})
	}
	family = append(family,
		attack{"ALG is an unknown member", forge(t, k, `{"alg":"HS256","ALG":"none","Kid":1}`, goodPayload("")), nil},
		attack{"ALG alone", forge(t, k, `{"ALG":"HS256"}`, goodPayload("")), bearer.ErrMalformed},
	)
	runAttacks(t, attackedBy(t, k), family)
}

func TestTokenType(t *testing.T) {
	k := newKey(t, keys.HS256)
	typed := func(typ string) string {
		if typ == "" {
			return forge(t, k, `{"alg":"HS256"}`, goodPayload(""))
		}
		return forge(t, k, `{"alg":"HS256","typ":"`+typ+`"}`, goodPayload(""))
	}
	other := []string{
		"secevent+jwt", "dpop+jwt", "logout+jwt", "id_token+jwt", "JOSE", "JOSE+JSON", "JWE", "at", "at+jw", "at+jwt+jwt", "at jwt", "jwt ", " jwt",
		"text/jwt", "application/application/jwt", "application/", "/jwt", "application/jwt;v=1", "jwt,at+jwt", `jwt\u0000`, "aт+jwt", "N/A",
	}
	for name, test := range map[string]struct {
		accepted []string
		types    []string // what is admitted
		refused  []string
	}{
		"by default": {
			nil,
			[]string{"", "JWT", "jwt", "application/jwt", "APPLICATION/JWT", "at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"},
			other,
		},
		"at+jwt alone": {
			[]string{"at+jwt"},
			[]string{"at+jwt", "AT+JWT", "application/at+jwt", "application/AT+JWT"},
			append([]string{"", "JWT", "jwt", "application/jwt"}, other...),
		},
		"an own one, with its application/": {
			[]string{"application/Secevent+JWT"},
			[]string{"secevent+jwt", "SECEVENT+JWT", "application/secevent+jwt"},
			append([]string{"", "JWT", "at+jwt"}, other[1:]...),
		},
		"key binding, without Unicode's case": {
			[]string{"kb+jwt"},
			[]string{"kb+jwt", "KB+JWT"},
			append([]string{"", "JWT", "\u212ab+jwt"}, other...), // the Kelvin sign folds to k
		},
	} {
		t.Run(name, func(t *testing.T) {
			trust := trust(static(t, k))
			trust.TokenTypes = test.accepted
			var family []attack
			for _, typ := range test.types {
				family = append(family, attack{"twin: " + typ, typed(typ), nil})
			}
			for _, typ := range test.refused {
				family = append(family, attack{typ, typed(typ), bearer.ErrTokenType})
			}
			runAttacks(t, newMiddleware[map[string]any](t, trust), family)
		})
	}
	// The type is refused before a key is looked for, whoever signed.
	spy := &spySource{Source: static(t, k)}
	tr := trust(spy)
	tr.TokenTypes = []string{"at+jwt"}
	_, err := newMiddleware[map[string]any](t, tr).Verify(t.Context(), typed("JWT"))
	checkCause(t, err, bearer.ErrTokenType)
	if n := spy.calls(); n != 0 {
		t.Errorf("the source was asked %d times", n)
	}
}
