package bearer_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/keys"
)

const (
	issuerA = "https://a.test"
	issuerB = "https://b.test" // hostile in some of the cases
)

// Of several trusts the token's iss picks one before any key is looked up: keys
// of one issuer never see a token of another.
func TestSeveralTrusts(t *testing.T) {
	// Both issuers name their keys alike, as they may.
	a, b := newKey(t, keys.ES256, keys.WithID("1")), newKey(t, keys.ES256, keys.WithID("1"))
	at := func(issuer, more string) string {
		return fmt.Sprintf(`{"iss":%q,"aud":%q,"exp":%d%s}`, issuer, testAudience, testNow.Unix()+60, more)
	}
	without := func(members string) string {
		return fmt.Sprintf(`{%s,"aud":%q,"exp":%d}`, members, testAudience, testNow.Unix()+60)
	}
	deep := strings.Repeat(`{"iss":"`+issuerA+`","x":`, 20) + "1" + strings.Repeat("}", 20)
	const none, askA, askB = "", "A", "B"
	for _, test := range []struct {
		name    string
		signer  *keys.Key
		payload string
		want    error
		asked   string // whose source
	}{
		{"A's token", a, at(issuerA, ""), nil, askA},
		{"B's token", b, at(issuerB, ""), nil, askB},
		{"A's token signed by B", b, at(issuerA, ""), bearer.ErrSignature, askA},
		{"B's token signed by A", a, at(issuerB, ""), bearer.ErrSignature, askB},
		{"an unknown issuer's token signed by B", b, at("https://c.test", ""), bearer.ErrIssuer, none},
		{"an issuer whose name starts like A's", b, at(issuerA+".attacker.test", ""), bearer.ErrIssuer, none},
		{"an issuer in another case", b, at(strings.ToUpper(issuerA), ""), bearer.ErrIssuer, none},
		{"an empty iss", b, at("", ""), bearer.ErrIssuer, none},
		{"no iss", b, without(`"x":1`), bearer.ErrIssuer, none},
		{"no members", b, `{}`, bearer.ErrIssuer, none},
		{"Iss for iss", b, without(`"Iss":"` + issuerA + `"`), bearer.ErrIssuer, none},
		{"iss by an escape", a, without(`"\u0069ss":"` + issuerA + `"`), nil, askA},
		{"iss null", b, without(`"iss":null`), bearer.ErrClaims, none},
		{"iss a number", b, without(`"iss":1`), bearer.ErrClaims, none},
		{"iss an array of both", b, without(`"iss":["` + issuerB + `","` + issuerA + `"]`), bearer.ErrClaims, none},
		{"iss twice, A first, signed by B", b, at(issuerA, `,"iss":"`+issuerB+`"`), bearer.ErrClaims, none},
		{"iss twice, A first, signed by A", a, at(issuerA, `,"iss":"`+issuerB+`"`), bearer.ErrClaims, none},
		{"iss twice, B first, signed by B", b, at(issuerB, `,"iss":"`+issuerA+`"`), bearer.ErrClaims, none},
		{"iss twice by an escape, B first, signed by B", b, at(issuerB, `,"\u0069ss":"`+issuerA+`"`), bearer.ErrClaims, none},
		{"iss further down is not taken", b, without(`"x":{"iss":"` + issuerB + `"}`), bearer.ErrIssuer, none},
		{"iss further down comes first and is not taken", b, without(`"x":` + deep + `,"iss":"` + issuerB + `"`), nil, askB},
		{"iss in an array comes first and is not taken", b, without(`"x":["iss","` + issuerA + `",{"iss":"` + issuerA + `"}],"iss":"` + issuerB + `"`), nil, askB},
		{"iss as a value is not taken", b, without(`"x":"iss","y":"` + issuerA + `","iss":"` + issuerB + `"`), nil, askB},
		{"iss behind a duplicate", b, without(`"x":1,"x":1,"iss":"` + issuerB + `"`), bearer.ErrClaims, none},
		{"iss behind an error", b, without(`"x":01,"iss":"` + issuerB + `"`), bearer.ErrClaims, none},
		{"iss behind invalid UTF-8", b, without("\"x\":\"\xff\",\"iss\":\"" + issuerB + `"`), bearer.ErrClaims, none},
		{"an error behind iss", b, at(issuerB, `,"x":01`), bearer.ErrClaims, none},
		{"iss as the last of many", b, without(`"":0` + manyMembers(500) + `,"iss":"` + issuerB + `"`), nil, askB},
		{"an array", b, `["iss","` + issuerB + `"]`, bearer.ErrClaims, none},
		{"a string", b, `"iss"`, bearer.ErrClaims, none},
		{"garbage", b, `iss`, bearer.ErrClaims, none},
	} {
		t.Run(test.name, func(t *testing.T) {
			sourceA, sourceB := &spySource{Source: static(t, a)}, &spySource{Source: static(t, b)}
			m := newMiddleware[map[string]any](t,
				bearer.Trust{Issuer: issuerA, Audience: []string{testAudience}, Keys: sourceA},
				bearer.AlsoTrust(bearer.Trust{Issuer: issuerB, Audience: []string{testAudience}, Keys: sourceB}))
			token, err := m.Verify(t.Context(), forge(t, test.signer, header(test.signer), test.payload))
			checkCause(t, err, test.want)
			if (token != nil) != (test.want == nil) {
				t.Errorf("a token: %t, beside %v", token != nil, err)
			}
			if sourceA.calls() > 0 != (test.asked == askA) || sourceB.calls() > 0 != (test.asked == askB) {
				t.Errorf("A's source was asked %d times, B's %d times", sourceA.calls(), sourceB.calls())
			}
		})
	}
}

func manyMembers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"%d":%d`, i, i)
	}
	return b.String()
}

// What belongs to one trust says nothing about another's tokens.
func TestTrustsAreApart(t *testing.T) {
	a, b := newKey(t, keys.ES256, keys.WithID("1")), newKey(t, keys.ES256, keys.WithID("1"))
	var asked []string
	m := newMiddleware[map[string]any](t, bearer.Trust{
		Issuer: issuerA, Audience: []string{"for A"}, Keys: static(t, a), TokenTypes: []string{"at+jwt"},
		Revocations: revocationsFunc(func(_ context.Context, t bearer.Info) (bool, error) {
			asked = append(asked, t.Issuer+" "+t.ID)
			return t.ID == "stolen", nil
		}),
	}, bearer.AlsoTrust(bearer.Trust{Issuer: issuerB, Audience: []string{"for B", "for both"}, Keys: static(t, b)}))
	token := func(k *keys.Key, typ, issuer, audience, id string) string {
		return forge(t, k, fmt.Sprintf(`{"alg":"ES256","typ":%q}`, typ), fmt.Sprintf(`{"iss":%q,"aud":%q,"jti":%q,"exp":%d}`, issuer, audience, id, testNow.Unix()+60))
	}
	runAttacks(t, m, []attack{
		{"twin: A", token(a, "at+jwt", issuerA, "for A", "1"), nil},
		{"twin: B", token(b, "JWT", issuerB, "for B", "1"), nil},
		{"twin: B's token with the id of a stolen one of A's", token(b, "JWT", issuerB, "for both", "stolen"), nil},
		{"A's token for B's audience", token(a, "at+jwt", issuerA, "for B", "1"), bearer.ErrAudience},
		{"B's token for A's audience", token(b, "JWT", issuerB, "for A", "1"), bearer.ErrAudience},
		{"A's token with B's type", token(a, "JWT", issuerA, "for A", "1"), bearer.ErrTokenType},
		{"A's stolen token", token(a, "at+jwt", issuerA, "for A", "stolen"), bearer.ErrRevoked},
	})
	for _, a := range asked {
		if a != issuerA+" 1" && a != issuerA+" stolen" {
			t.Errorf("A's revocations were asked about %s", a)
		}
	}
}

// What a caller changes in a trust afterwards alters no running middleware.
func TestTrustIsCopied(t *testing.T) {
	k := newKey(t, keys.HS256)
	tr := trust(static(t, k))
	tr.TokenTypes = []string{"jwt"}
	also := []bearer.Trust{{Issuer: issuerA, Audience: []string{"x"}, Keys: static(t, k)}}
	m := newMiddleware[map[string]any](t, tr, bearer.AlsoTrust(also...))
	tr.Audience[0], tr.TokenTypes[0], also[0].Audience[0], also[0].Issuer = "y", "at+jwt", "y", issuerB
	runAttacks(t, m, []attack{
		{"twin: as configured", forge(t, k, header(k), goodPayload("")), nil},
		{"twin: as configured for the other", forge(t, k, header(k), payloadWith("iss", `"`+issuerA+`"`, "aud", `"x"`)), nil},
		{"the changed audience", forge(t, k, header(k), payloadWith("aud", `"y"`)), bearer.ErrAudience},
		{"the changed type", forge(t, k, `{"alg":"HS256","typ":"at+jwt"}`, goodPayload("")), bearer.ErrTokenType},
		{"the changed issuer", forge(t, k, header(k), payloadWith("iss", `"`+issuerB+`"`, "aud", `"x"`)), bearer.ErrIssuer},
	})
}

// A source is not believed: what it offers for another algorithm or id, and nil,
// verifies nothing.
func TestCarelessSource(t *testing.T) {
	right := newKey(t, keys.ES256, keys.WithID("1"))
	named := keyOf(t, keys.HS256, keys.WithID("2"))
	public := func(k *keys.Key) *keys.Key { return k.Public() }
	for _, test := range []struct {
		name    string
		offered []*keys.Key
		token   string
		want    error
	}{
		{"twin: the right key among others", []*keys.Key{nil, named, public(newKey(t, keys.ES256)), public(right)}, forge(t, right, header(right), goodPayload("")), nil},
		{"nil", []*keys.Key{nil}, forge(t, right, header(right), goodPayload("")), bearer.ErrUnknownKey},
		{"no keys", nil, forge(t, right, header(right), goodPayload("")), bearer.ErrUnknownKey},
		{"the zero key", []*keys.Key{{}}, forge(t, right, `{"alg":"ES256"}`, goodPayload("")), bearer.ErrUnknownKey},
		{"another id", []*keys.Key{named}, forge(t, named, `{"alg":"HS256","kid":"1"}`, goodPayload("")), bearer.ErrUnknownKey},
		{"another algorithm", []*keys.Key{named}, forge(t, named, `{"alg":"HS512","kid":"2"}`, goodPayload("")), bearer.ErrUnknownKey},
		{"the public half of a secret", []*keys.Key{named.Public()}, forge(t, named, header(named), goodPayload("")), bearer.ErrSignature},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := newMiddleware[map[string]any](t, trust(sourceFunc(func(keys.Header) []*keys.Key { return test.offered })))
			_, err := m.Verify(t.Context(), test.token)
			checkCause(t, err, test.want)
		})
	}
}

type sourceFunc func(h keys.Header) []*keys.Key

func (f sourceFunc) Lookup(_ context.Context, h keys.Header) ([]*keys.Key, error) { return f(h), nil }

// The source is told what the token's header says, and asked once.
func TestLookup(t *testing.T) {
	k := newKey(t, keys.HS256, keys.WithID("1"))
	spy := &spySource{Source: static(t, k)}
	if _, err := newMiddleware[map[string]any](t, trust(spy)).Verify(t.Context(), forge(t, k, `{"alg":"HS256","kid":"1","typ":"AT+jwt"}`, goodPayload(""))); err != nil {
		t.Fatal(err)
	}
	if want := []keys.Header{{Algorithm: keys.HS256, KeyID: "1", Type: "AT+jwt"}}; !reflect.DeepEqual(spy.headers, want) {
		t.Errorf("asked for %+v, want %+v", spy.headers, want)
	}
}

const (
	nameIdentifierClaim = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier"
	roleClaim           = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"
)

func TestInfo(t *testing.T) {
	k := newKey(t, keys.HS256, keys.WithID("1"))
	m := attackedBy(t, k)
	at := func(seconds int64) time.Time { return time.Unix(seconds, 0).UTC() }
	for _, test := range []struct {
		name    string
		payload string
		edit    func(*bearer.Info)
	}{
		{"the registered claims", payloadWith("nbf", "1772366340"), func(i *bearer.Info) { i.NotBefore = at(1772366340) }},
		{"no sub, jti and iat", payloadWith("sub", "", "jti", "", "iat", ""), func(i *bearer.Info) { i.Subject, i.ID, i.IssuedAt = "", "", time.Time{} }},
		{"iat from nbf", payloadWith("iat", "", "nbf", "1"), func(i *bearer.Info) { i.IssuedAt, i.NotBefore = at(1), at(1) }},
		{"iat before nbf", payloadWith("iat", "2", "nbf", "1"), func(i *bearer.Info) { i.IssuedAt, i.NotBefore = at(2), at(1) }},
		{"iat zero is a date", payloadWith("iat", "0", "nbf", "1"), func(i *bearer.Info) { i.IssuedAt, i.NotBefore = at(0), at(1) }},
		{"a fraction", payloadWith("iat", "1.5"), func(i *bearer.Info) { i.IssuedAt = time.Unix(1, 5e8).UTC() }},
		{"a fraction before 1970", payloadWith("iat", "-1.25"), func(i *bearer.Info) { i.IssuedAt = time.Unix(-2, 75e7).UTC() }},
		{"sub from nameidentifier", payloadWith("sub", "", nameIdentifierClaim, `"7"`), func(i *bearer.Info) { i.Subject = "7" }},
		{"sub before nameidentifier", payloadWith(nameIdentifierClaim, `"7"`), nil},
		{"an empty sub", payloadWith("sub", `""`, nameIdentifierClaim, `"7"`), func(i *bearer.Info) { i.Subject = "7" }},
		{"nameidentifier of a wrong type", payloadWith("sub", "", nameIdentifierClaim, `7`), func(i *bearer.Info) { i.Subject = "" }},
		{"several nameidentifiers", payloadWith("sub", "", nameIdentifierClaim, `["7","8"]`), func(i *bearer.Info) { i.Subject = "" }},
		{"audiences", payloadWith("aud", `["a","`+testAudience+`","b"]`), func(i *bearer.Info) { i.Audience = []string{"a", testAudience, "b"} }},

		{"scope, a string", payloadWith("scope", `"read  write "`), func(i *bearer.Info) { i.Scopes = []string{"read", "write"} }},
		{"scope, an array", payloadWith("scope", `["read","a b"]`), func(i *bearer.Info) { i.Scopes = []string{"read", "a b"} }},
		{"scope, empty", payloadWith("scope", `""`), nil},
		{"scope, split at spaces alone", payloadWith("scope", `"read\twrite,admin\u00a0x"`), func(i *bearer.Info) { i.Scopes = []string{"read\twrite,admin\u00a0x"} }},
		{"scp, a string", payloadWith("scp", `"read write"`), func(i *bearer.Info) { i.Scopes = []string{"read", "write"} }},
		{"scp, an array", payloadWith("scp", `["read","write"]`), func(i *bearer.Info) { i.Scopes = []string{"read", "write"} }},
		{"scope and scp", payloadWith("scope", `"a"`, "scp", `["b"]`), func(i *bearer.Info) { i.Scopes = []string{"a", "b"} }},
		{"scope of other shapes", payloadWith("scope", `["admin",1]`, "scp", `{"admin":true}`), nil},
		{"scope null and a number", payloadWith("scope", `null`, "scp", `1`), nil},
		{"Scope is another claim", payloadWith("Scope", `"admin"`, "scopes", `"admin"`, "SCP", `["admin"]`), nil},

		{"role URI, a string", payloadWith(roleClaim, `"team lead"`), func(i *bearer.Info) { i.Roles = []string{"team lead"} }},
		{"role URI, an array", payloadWith(roleClaim, `["a","b"]`), func(i *bearer.Info) { i.Roles = []string{"a", "b"} }},
		{"role", payloadWith("role", `"a"`), func(i *bearer.Info) { i.Roles = []string{"a"} }},
		{"roles", payloadWith("roles", `["a"]`), func(i *bearer.Info) { i.Roles = []string{"a"} }},
		{"all three", payloadWith(roleClaim, `"a"`, "role", `["b"]`, "roles", `"c"`), func(i *bearer.Info) { i.Roles = []string{"a", "b", "c"} }},
		{"roles of other shapes", payloadWith("role", `[["admin"]]`, "roles", `{"admin":{}}`, roleClaim, `true`), nil},
		{"Role is another claim", payloadWith("Role", `"admin"`, "ROLES", `["admin"]`), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			want := bearer.Info{Issuer: testIssuer, Subject: "1087", ID: "id-1", KeyID: "1", Algorithm: keys.HS256,
				Audience: []string{testAudience}, IssuedAt: testNow.Add(-time.Minute), ExpiresAt: testNow.Add(time.Minute)}
			if test.edit != nil {
				test.edit(&want)
			}
			token, err := m.Verify(t.Context(), forge(t, k, header(k), test.payload))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(token.Info, want) {
				t.Errorf("got\n%+v, want\n%+v", token.Info, want)
			}
			// A handler and the revocations see the same.
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header.Set("Authorization", "Bearer "+forge(t, k, header(k), test.payload))
			if r, err = m.Admit(r); err != nil {
				t.Fatal(err)
			}
			if info, ok := bearer.InfoFromContext(r.Context()); !ok || !reflect.DeepEqual(info, want) {
				t.Errorf("InfoFromContext: %+v, %t", info, ok)
			}
		})
	}
	t.Run("the id is the key's, not the token's", func(t *testing.T) {
		anonymous := newKey(t, keys.HS256)
		token, err := attackedBy(t, anonymous).Verify(t.Context(), forge(t, anonymous, `{"alg":"HS256","kid":"forged"}`, goodPayload("")))
		if err != nil || token.KeyID != "" {
			t.Errorf("%+v, %v", token, err)
		}
	})
}

// user is a C with everything that a team may put into one.
type user struct {
	Subject string            `json:"sub"`
	Age     int               `json:"age"`
	Tags    map[string]string `json:"tags"`
	Ignored string            `json:"-"`
	secret  string            // stays empty, whatever the token says
}

var errTooYoung = errors.New("too young")

func (u *user) Validate() error {
	if u.Age < 18 {
		return errTooYoung
	}
	return nil
}

func TestCustomClaims(t *testing.T) {
	k := newKey(t, keys.HS256)
	m := newMiddleware[user](t, trust(static(t, k)))
	verify := func(payload string) (*bearer.Token[user], error) {
		return m.Verify(t.Context(), forge(t, k, header(k), payload))
	}
	token, err := verify(payloadWith("age", "20", "tags", `{"a":"b"}`, "secret", `"x"`, "Ignored", `"x"`, "-", `"x"`, "AGE", "1"))
	want := user{Subject: "1087", Age: 20, Tags: map[string]string{"a": "b"}}
	if err != nil || !reflect.DeepEqual(token.Claims, want) {
		t.Fatalf("%+v, %v, want %+v", token, err, want)
	}
	if token.Claims.secret != "" {
		t.Error("an unexported field was filled")
	}
	_, err = verify(payloadWith("age", "17"))
	if checkCause(t, err, bearer.ErrClaims); !errors.Is(err, errTooYoung) {
		t.Errorf("%v does not say why", err)
	}
	for name, payload := range map[string]string{
		"a wrong type": payloadWith("age", `"canary"`), "out of range": payloadWith("age", `99999999999999999999`), "a fraction": payloadWith("age", `20.5`),
		"a wrong type further down": payloadWith("age", "20", "tags", `{"a":{"canary":"canary"}}`),
		"an array for an object":    payloadWith("age", "20", "tags", `["canary"]`),
	} {
		t.Run(name, func(t *testing.T) {
			token, err := verify(payload)
			checkCause(t, err, bearer.ErrClaims)
			for _, value := range []string{"canary", "99999999999999999999", "20.5"} {
				if token != nil || strings.Contains(err.Error(), value) {
					t.Errorf("the error quotes a value: %v", err)
				}
			}
		})
	}
}

// A C is never validated or decoded before the token is known to be good.
func TestClaimsAreDecodedLast(t *testing.T) {
	k, attacker := newKey(t, keys.HS256), newKey(t, keys.HS256)
	m := newMiddleware[user](t, trust(static(t, k)))
	for name, test := range map[string]struct {
		token string
		want  error
	}{
		"another's signature": {forge(t, attacker, header(attacker), payloadWith("age", "1")), bearer.ErrSignature},
		"expired":             {forge(t, k, header(k), payloadWith("age", "1", "exp", "1")), bearer.ErrExpired},
		"another audience":    {forge(t, k, header(k), payloadWith("age", "1", "aud", `"x"`)), bearer.ErrAudience},
		"another issuer":      {forge(t, k, header(k), payloadWith("age", "1", "iss", `"x"`)), bearer.ErrIssuer},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := m.Verify(t.Context(), test.token)
			checkCause(t, err, test.want)
		})
	}
}

// A map takes everything, as encoding/json would decode it.
func TestClaimsAsMap(t *testing.T) {
	k := newKey(t, keys.HS256)
	token, err := attackedBy(t, k).Verify(t.Context(), forge(t, k, header(k), `{"iss":"https://issuer.test","aud":"https://api.test","exp":1772366460,"a":[1,null,{"b":true}]}`))
	want := map[string]any{"iss": testIssuer, "aud": testAudience, "exp": 1772366460.0, "a": []any{1.0, nil, map[string]any{"b": true}}}
	if err != nil || !reflect.DeepEqual(token.Claims, want) {
		t.Errorf("%+v, %v", token, err)
	}
}

// Two issuers at two addresses may use one key id, each for a key of its own.
func TestRemoteIssuersShareAKeyID(t *testing.T) {
	trustOf := func(name string, k *keys.Key) bearer.Trust {
		server := httptest.NewServer(ringOf(t, k).JWKS())
		t.Cleanup(server.Close)
		source, err := keys.Remote(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		return bearer.Trust{Issuer: name, Audience: []string{testAudience}, Keys: source}
	}
	a, b := newKey(t, keys.ES256, keys.WithID("1")), newKey(t, keys.ES256, keys.WithID("1"))
	m := newMiddleware[map[string]any](t, trustOf("a", a), bearer.AlsoTrust(trustOf("b", b)))
	for _, tt := range []struct {
		name, issuer string
		key          *keys.Key
		err          error
	}{
		{"of a, by a", "a", a, nil},
		{"of b, by b", "b", b, nil},
		{"of a, by b", "a", b, bearer.ErrSignature},
		{"of b, by a", "b", a, bearer.ErrSignature},
	} {
		t.Run(tt.name, func(t *testing.T) {
			token := forge(t, tt.key, header(tt.key), payloadWith("iss", `"`+tt.issuer+`"`))
			if _, err := m.Verify(t.Context(), token); !errors.Is(err, tt.err) {
				t.Errorf("%v, want %v", err, tt.err)
			}
		})
	}
}
