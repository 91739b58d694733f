package jws_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gobearer/bearer/internal/jws"
)

const limit = 1024

// plain is the header whose envelope every other one is a defect of.
const plain = `{"alg":"HS256"}`

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// withHeader is a token that has nothing but its header to be refused for.
func withHeader(text string) string {
	return encode(text) + "." + encode(`{"sub":"1087"}`) + "." + encode("signature")
}

// manyMembers is a header of n members.
func manyMembers(n int) string {
	var b strings.Builder
	for i := range n - 1 {
		fmt.Fprintf(&b, `,"%d":1`, i)
	}
	return `{"alg":"HS256"` + b.String() + `}`
}

type envelopeTest struct {
	name  string
	token string
	err   error // nil: accepted
}

var envelopes = append([]envelopeTest{
	{"three segments", withHeader(plain), nil},
	{"as long as the limit", withHeader(plain) + strings.Repeat("AAAA", (limit-len(withHeader(plain)))/4), nil},
	{"one byte over the limit", strings.Repeat("A", limit+1), jws.ErrLength},
	{"nothing", "", jws.ErrSegments},
	{"one segment", encode(plain), jws.ErrSegments},
	{"two segments", encode(plain) + "." + encode("{}"), jws.ErrSegments},
	{"four segments", withHeader(plain) + ".AAAA", jws.ErrSegments},
	{"five segments, a JWE", withHeader(plain) + ".AAAA.AAAA", jws.ErrSegments},
	{"a dot behind the end", withHeader(plain) + ".", jws.ErrSegments},
	{"dots alone", "..", jws.ErrSegments},
	{"empty header", ".e30.AAAA", jws.ErrSegments},
	{"empty payload, which its signature is left to find", encode(plain) + "..AAAA", nil},
	{"empty signature, unsecured", encode(plain) + ".e30.", jws.ErrSegments},

	{"header of 64 members", withHeader(manyMembers(64)), nil},
	{"header of 65 members", withHeader(manyMembers(65)), jws.ErrHeader},
	{"header is no JSON", withHeader("alg"), jws.ErrHeader},
	{"header is empty JSON", withHeader(" "), jws.ErrHeader},
	{"header is an array", withHeader(`["alg","HS256"]`), jws.ErrHeader},
	{"header is a string", withHeader(`"HS256"`), jws.ErrHeader},
	{"header is null", withHeader(`null`), jws.ErrHeader},
	{"header is cut off", withHeader(`{"alg":"HS256"`), jws.ErrHeader},
	{"two JSON values in the header", withHeader(plain + `{"alg":"none"}`), jws.ErrHeader},
	{"garbage behind the header", withHeader(plain + `x`), jws.ErrHeader},
	{"NUL behind the header", withHeader(plain + "\x00"), jws.ErrHeader},
	{"white space around the header's members", withHeader(" {\n\t\"alg\" : \"HS256\"\r} "), nil},
	{"byte order mark", withHeader("\ufeff" + plain), jws.ErrHeader},
	{"UTF-16", withHeader("\x00{\x00}"), jws.ErrHeader},
	{"invalid UTF-8 in a value", withHeader("{\"alg\":\"HS256\",\"x\":\"\xff\"}"), jws.ErrHeader},
	{"invalid UTF-8 in a name", withHeader("{\"alg\":\"HS256\",\"\xff\":1}"), jws.ErrHeader},
	{"lone surrogate", withHeader(`{"alg":"HS256","x":"\ud800"}`), jws.ErrHeader},
	{"duplicate alg", withHeader(`{"alg":"HS256","alg":"HS256"}`), jws.ErrHeader},
	{"duplicate alg by an escape", withHeader(`{"alg":"HS256","\u0061lg":"none"}`), jws.ErrHeader},
	{"duplicate kid", withHeader(`{"alg":"HS256","kid":"a","kid":"b"}`), jws.ErrHeader},
	{"duplicate of an unknown member", withHeader(`{"alg":"HS256","x":1,"x":1}`), jws.ErrHeader},
	{"duplicate further down", withHeader(`{"alg":"HS256","x":{"y":1,"y":1}}`), jws.ErrHeader},
	{"alg by an escape", withHeader(`{"\u0061lg":"HS\u0032\u0035\u0036"}`), nil},
	{"other case is another member", withHeader(`{"alg":"HS256","ALG":"none","Kid":1,"TYP":null}`), nil},
	{"unknown members", withHeader(`{"alg":"HS256","cty":"JWT","x":[{"y":null}]}`), nil},

	{"no members", withHeader(`{}`), jws.ErrHeader},
	{"alg missing", withHeader(`{"typ":"JWT"}`), jws.ErrHeader},
	{"alg in another case alone", withHeader(`{"ALG":"HS256"}`), jws.ErrHeader},
	{"alg null", withHeader(`{"alg":null}`), jws.ErrHeader},
	{"alg number", withHeader(`{"alg":256}`), jws.ErrHeader},
	{"alg true", withHeader(`{"alg":true}`), jws.ErrHeader},
	{"alg array", withHeader(`{"alg":["HS256"]}`), jws.ErrHeader},
	{"alg object", withHeader(`{"alg":{"alg":"HS256"}}`), jws.ErrHeader},
	{"alg empty", withHeader(`{"alg":""}`), jws.ErrHeader},
	{"kid string", withHeader(`{"alg":"HS256","kid":"1"}`), nil},
	{"kid number", withHeader(`{"alg":"HS256","kid":1}`), jws.ErrHeader},
	{"kid null", withHeader(`{"alg":"HS256","kid":null}`), jws.ErrHeader},
	{"kid object", withHeader(`{"alg":"HS256","kid":{}}`), jws.ErrHeader},
	{"kid array", withHeader(`{"alg":"HS256","kid":["1"]}`), jws.ErrHeader},
	{"typ string", withHeader(`{"alg":"HS256","typ":"JWT"}`), nil},
	{"typ number", withHeader(`{"alg":"HS256","typ":1}`), jws.ErrHeader},
	{"typ null", withHeader(`{"alg":"HS256","typ":null}`), jws.ErrHeader},
	{"typ empty", withHeader(`{"alg":"HS256","typ":""}`), jws.ErrHeader},

	{"crit empty", withHeader(`{"alg":"HS256","crit":[]}`), jws.ErrExtension},
	{"crit b64", withHeader(`{"alg":"HS256","b64":true,"crit":["b64"]}`), jws.ErrExtension},
	{"crit exp", withHeader(`{"alg":"HS256","exp":1,"crit":["exp"]}`), jws.ErrExtension},
	{"crit null", withHeader(`{"alg":"HS256","crit":null}`), jws.ErrExtension},
	{"crit string", withHeader(`{"alg":"HS256","crit":"exp"}`), jws.ErrExtension},
	{"crit by an escape", withHeader(`{"alg":"HS256","cr\u0069t":["exp"]}`), jws.ErrExtension},
	{"b64 true says nothing", withHeader(`{"alg":"HS256","b64":true}`), nil},
	{"b64 false", withHeader(`{"alg":"HS256","b64":false}`), jws.ErrExtension},
	{"b64 null", withHeader(`{"alg":"HS256","b64":null}`), jws.ErrExtension},
	{"b64 the string true", withHeader(`{"alg":"HS256","b64":"true"}`), jws.ErrExtension},

	{"jwk is not looked at", withHeader(`{"alg":"HS256","jwk":{"kty":"oct","k":"AAAA"}}`), nil},
	{"jku is not looked at", withHeader(`{"alg":"HS256","jku":"https://attacker.test/jwks"}`), nil},
	{"x5u is not looked at", withHeader(`{"alg":"HS256","x5u":7}`), nil},
	{"x5c is not looked at", withHeader(`{"alg":"HS256","x5c":["AAAA"]}`), nil},
}, segmentTests()...)

// segmentTests are the defects that each of the three segments can have.
func segmentTests() (tests []envelopeTest) {
	for i, segment := range []string{"header", "payload", "signature"} {
		with := func(text string) string {
			parts := strings.Split(withHeader(plain), ".")
			parts[i] = text
			return strings.Join(parts, ".")
		}
		whole := encode(`{"alg":"HS256"}`)
		for name, b := range map[string]string{
			"space": " ", "carriage return": "\r", "line feed": "\n", "tab": "\t", "padding": "=", "standard plus": "+",
			"standard slash": "/", "NUL": "\x00", "DEL": "\x7f", "byte 0x80": "\x80", "letter é": "é", "fullwidth A": "Ａ", "tilde": "~",
		} {
			tests = append(tests,
				envelopeTest{name + " before the " + segment, with(b + whole), jws.ErrAlphabet},
				envelopeTest{name + " inside the " + segment, with(whole[:4] + b + whole[4:]), jws.ErrAlphabet},
				envelopeTest{name + " behind the " + segment, with(whole + b), jws.ErrAlphabet},
				envelopeTest{name + " four times inside the " + segment, with(whole[:4] + strings.Repeat(b, 4) + whole[4:]), jws.ErrAlphabet},
			)
		}
		// White space changes how many bits of the last character stay unused.
		four, two := encode(`{"alg":"HS256" }`), encode(`{"alg":"HS256"  }`)
		tests = append(tests,
			envelopeTest{"four unused bits, zero, in the " + segment, with(four), nil},
			envelopeTest{"two unused bits, zero, in the " + segment, with(two), nil},
			envelopeTest{"four unused bits, lowest set, in the " + segment, with(raiseLast(four, 1)), jws.ErrAlphabet},
			envelopeTest{"four unused bits, highest set, in the " + segment, with(raiseLast(four, 8)), jws.ErrAlphabet},
			envelopeTest{"two unused bits, lowest set, in the " + segment, with(raiseLast(two, 1)), jws.ErrAlphabet},
			envelopeTest{"two unused bits, highest set, in the " + segment, with(raiseLast(two, 2)), jws.ErrAlphabet},
			envelopeTest{"one character too many in the " + segment, with(whole + "A"), jws.ErrAlphabet},
			envelopeTest{"one character as the " + segment, with("A"), jws.ErrAlphabet},
		)
	}
	return tests
}

// raiseLast adds to the last character's six bits, which a decoder that is not
// strict does not notice.
func raiseLast(segment string, by int) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := len(segment) - 1
	return segment[:last] + string(alphabet[strings.IndexByte(alphabet, segment[last])+by])
}

func TestParse(t *testing.T) {
	for _, test := range envelopes {
		t.Run(test.name, func(t *testing.T) {
			e, err := jws.Parse(test.token, limit)
			if err != test.err {
				t.Fatalf("Parse: %v, want %v", err, test.err)
			}
			if err != nil {
				if e != (jws.Envelope{}) {
					t.Errorf("a refused token left %+v", e)
				}
				return
			}
			checkInvariants(t, test.token, e)
		})
	}
}

// Every byte that is not in the alphabet, in every place of a token.
func TestParseFindsEveryByte(t *testing.T) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
	token := withHeader(`{"alg":"HS256","typ":"JWT"}`)
	for i := range len(token) {
		for c := range 256 {
			if strings.IndexByte(alphabet, byte(c)) >= 0 {
				continue
			}
			spoiled := token[:i] + string([]byte{byte(c)}) + token[i+1:]
			if _, err := jws.Parse(spoiled, limit); err != jws.ErrAlphabet {
				t.Fatalf("0x%02x at %d: %v, want %v", c, i, err, jws.ErrAlphabet)
			}
		}
	}
}

func TestParseReads(t *testing.T) {
	token := withHeader(`{"typ":"at+jwt","kid":"k\u00e9y","alg":"ES256"}`)
	e, err := jws.Parse(token, limit)
	if err != nil {
		t.Fatal(err)
	}
	if e.Algorithm != "ES256" || e.KeyID != "kéy" || e.Type != "at+jwt" {
		t.Errorf("got %q %q %q", e.Algorithm, e.KeyID, e.Type)
	}
	payload, _ := e.Payload()
	signature, _ := e.Signature([]byte("before "))
	if string(payload) != `{"sub":"1087"}` || string(signature) != "before signature" {
		t.Errorf("got payload %q and signature %q", payload, signature)
	}
}

// checkInvariants holds an accepted token against encoding/base64 and
// encoding/json: it is the one spelling of what was read from it.
func checkInvariants(t *testing.T, token string, e jws.Envelope) {
	t.Helper()
	segments := strings.Split(token, ".")
	if len(segments) != 3 {
		t.Fatalf("accepted with %d segments", len(segments))
	}
	if e.Input != segments[0]+"."+segments[1] {
		t.Errorf("Input %q is not what stands before the signature", e.Input)
	}
	header, err := base64.RawURLEncoding.DecodeString(segments[0])
	if err != nil || encode(string(header)) != segments[0] {
		t.Errorf("the header has another spelling: %v", err)
	}
	payload, err := e.Payload()
	if err != nil || encode(string(payload)) != segments[1] {
		t.Errorf("the payload has another spelling: %v", err)
	}
	signature, err := e.Signature(nil)
	if err != nil || encode(string(signature)) != segments[2] {
		t.Errorf("the signature has another spelling: %v", err)
	}
	var members map[string]any
	if err := json.Unmarshal(header, &members); err != nil {
		t.Fatalf("accepted a header that is no JSON object: %v", err)
	}
	for name, got := range map[string]string{"alg": e.Algorithm, "kid": e.KeyID, "typ": e.Type} {
		if want, _ := members[name].(string); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if _, ok := members["crit"]; ok || e.Algorithm == "" {
		t.Errorf("accepted the header %s", header)
	}
}

// What is refused for its length, its alphabet or its segments costs no memory,
// however long it is.
func TestParseRefusesWithoutAllocation(t *testing.T) {
	tests := map[string]struct {
		token string
		err   error
	}{
		"too long":              {strings.Repeat("A", limit+1), jws.ErrLength},
		"dots":                  {strings.Repeat(".", limit), jws.ErrSegments},
		"one segment":           {strings.Repeat("A", limit), jws.ErrSegments},
		"NUL at the end":        {withHeader(plain) + "\x00", jws.ErrAlphabet},
		"trailing bits":         {encode(plain) + ".e30." + raiseLast("AA", 1), jws.ErrAlphabet},
		"an impossible length":  {encode(plain) + ".e30.A", jws.ErrAlphabet},
		"no signature":          {encode(plain) + ".e30.", jws.ErrSegments},
		"padding in the header": {encode(plain) + "=.e30.AAAA", jws.ErrAlphabet},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var err error
			if n := testing.AllocsPerRun(100, func() { _, err = jws.Parse(test.token, limit) }); n != 0 {
				t.Errorf("%v allocations", n)
			}
			if !errors.Is(err, test.err) {
				t.Errorf("Parse: %v, want %v", err, test.err)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, test := range envelopes {
		f.Add(test.token)
	}
	f.Fuzz(func(t *testing.T, token string) {
		e, err := jws.Parse(token, limit)
		if err != nil {
			return
		}
		if len(token) > limit {
			t.Errorf("accepted %d bytes", len(token))
		}
		checkInvariants(t, token, e)
	})
}
