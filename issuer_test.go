package bearer_test

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/cryptotest"
	"time"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/keys"
)

// goldenSecret makes whole tokens predictable. It has the 32 bytes that HS256 needs.
var goldenSecret = []byte("the secret of the golden tokens.")

func goldenKey(t testing.TB, opts ...keys.KeyOption) *keys.Key {
	t.Helper()
	k, err := keys.New(keys.HS256, goldenSecret, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func ringOf(t testing.TB, active *keys.Key) *keys.Ring {
	t.Helper()
	ring, err := keys.NewRing(active)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// A loginSpy accepts or refuses everybody, and remembers with what it was asked.
type loginSpy struct {
	account *bearer.Account
	err     error

	mu    sync.Mutex
	asked []bearer.Credentials
}

func (s *loginSpy) Authenticate(_ context.Context, c bearer.Credentials) (*bearer.Account, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, c)
	return s.account, s.err
}

// fullAccount has something for every claim but usr.
func fullAccount() *bearer.Account {
	zone, err := time.LoadLocation("Asia/Kolkata")
	if err != nil {
		panic(err)
	}
	return &bearer.Account{
		ID: "1087", UserName: "tom", Name: "Amit Sharma", Email: "amit+us@example.com", Website: "www.example.com",
		DNS: "localhost,*.example.com", Locale: "en-US", Culture: "en-IN", TimeZone: zone,
		Roles: []string{"user"}, Scopes: []string{"read", "write"},
	}
}

// issuerOf signs with the golden key at testNow, unless an option says otherwise.
func issuerOf(t testing.TB, auth bearer.Authenticator, opts ...bearer.IssuerOption) *bearer.Issuer {
	t.Helper()
	return issuerWith(t, goldenKey(t), auth, testClock, opts...)
}

func issuerWith(t testing.TB, key *keys.Key, auth bearer.Authenticator, clock func() time.Time, opts ...bearer.IssuerOption) *bearer.Issuer {
	t.Helper()
	i, err := bearer.NewIssuer(testIssuer, ringOf(t, key), auth, append(opts, bearer.WithClock(clock))...)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func issue(t testing.TB, i *bearer.Issuer, a *bearer.Account, v bearer.Validity) *bearer.TokenResponse {
	t.Helper()
	response, err := i.Issue(t.Context(), a, v)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// payloadOf is the JSON that was signed, unverified.
func payloadOf(t testing.TB, token string) []byte { return segmentOf(t, token, 1) }

func headerOf(t testing.TB, token string) string { return string(segmentOf(t, token, 0)) }

func segmentOf(t testing.TB, token string, n int) []byte {
	t.Helper()
	text, err := base64.RawURLEncoding.Strict().DecodeString(strings.Split(token, ".")[n])
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func claimsOf(t testing.TB, token string) map[string]any {
	t.Helper()
	var claims map[string]any
	if err := stdjson.Unmarshal(payloadOf(t, token), &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

// memberNames are the names of an object's members in their order.
func memberNames(t testing.TB, object []byte) []string {
	t.Helper()
	d := stdjson.NewDecoder(strings.NewReader(string(object)))
	if _, err := d.Token(); err != nil {
		t.Fatal(err)
	}
	var names []string
	for d.More() {
		name, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name.(string))
		var value stdjson.RawMessage
		if err := d.Decode(&value); err != nil {
			t.Fatal(err)
		}
	}
	return names
}

// tokenRequest is a well-formed request for a validity.
func tokenRequest(validity string) *http.Request {
	body := fmt.Sprintf(`{"userName":"tom","password":"secret","privateToken":"0d6c","validity":%q}`, validity)
	r := httptest.NewRequest("POST", "/token", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return r
}

// The whole answer, token included, for a fixed clock, secret and source of
// randomness.
func TestGoldenResponses(t *testing.T) {
	const claims = `{"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name":"1087",` +
		`"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier":"1087",` +
		`"http://schemas.microsoft.com/ws/2008/06/identity/claims/role":"user",` +
		`"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/dns":"localhost,*.example.com",` +
		`"UTCTimeOffset":"UTC+05:30~Asia/Kolkata","CultureCode":"en-IN","family_name":"Amit Sharma",` +
		`"email":"amit+us@example.com","website":"www.example.com","jti":"6ae6783f-4fbd-491b-aeb8-8b73a48ed247",` +
		`"http://schemas.microsoft.com/ws/2008/06/identity/claims/expiration":"2026-03-01 12:00:00.000",` +
		`"http://schemas.microsoft.com/ws/2008/06/identity/claims/expired":"%s",` +
		`"nbf":1772366400,"exp":%d,"iss":"https://issuer.test","aud":"https://issuer.test",` +
		`"sub":"1087","iat":1772366400,"scope":"read write"}`
	tests := []struct {
		validity  string
		expires   string // .expires
		expired   string // the claim
		exp       int64
		expiresIn int64
		signature string
	}{
		{"Default", "2026-03-09T20:00:00Z", "2026-03-09 20:00:00.000", 1773086400, 720000, "5vwWMzHt24OtD_IcHr893PNSKHk9aSULLjCrYbWwis8"},
		{"ShortLive", "2026-03-01T12:00:30Z", "2026-03-01 12:00:30.000", 1772366430, 30, "a_TdweG2eTi26SDGq7z57nxicBhKISRxF4uwptYno28"},
		{"LongLive", "2036-03-01T12:00:00Z", "2036-03-01 12:00:00.000", 2087985600, 315619200, "fezJN3tpknBoFskDQQtncxiK8kCcI4ActasYgtAfkdg"},
	}
	for _, tt := range tests {
		t.Run(tt.validity, func(t *testing.T) {
			cryptotest.SetGlobalRandom(t, 1)
			issuer := issuerOf(t, &loginSpy{account: fullAccount()})

			w := httptest.NewRecorder()
			issuer.ServeHTTP(w, tokenRequest(tt.validity))

			input := encode(`{"alg":"HS256","typ":"JWT"}`) + "." + encode(fmt.Sprintf(claims, tt.expired, tt.exp))
			mac := hmac.New(sha256.New, goldenSecret)
			mac.Write([]byte(input))
			if got := base64.RawURLEncoding.EncodeToString(mac.Sum(nil)); got != tt.signature {
				t.Errorf("the golden signature should be %s", got)
			}
			want := fmt.Sprintf(`{"access_token":"%s.%s","token_type":"Bearer","expires_in":%d,"userName":"tom",`+
				`".issued":"2026-03-01T12:00:00Z",".expires":"%s","timeZoneOffset":"UTC+05:30~Asia/Kolkata","locale":"en-US"}`+"\n",
				input, tt.signature, tt.expiresIn, tt.expires)
			if w.Code != http.StatusOK || w.Body.String() != want {
				t.Errorf("status %d, body\n%s\nwant\n%s", w.Code, w.Body, want)
			}
			wantHeader := http.Header{
				"Cache-Control": {"no-store"},
				"Content-Type":  {"application/json"},
				"Pragma":        {"no-cache"},
			}
			if !maps.EqualFunc(w.Header(), wantHeader, slices.Equal) {
				t.Errorf("header %v, want %v", w.Header(), wantHeader)
			}
			if t.Failed() {
				t.Logf("payload %s", payloadOf(t, strings.Split(w.Body.String(), `"`)[3]))
			}
		})
	}
}

// Every date of the answer and of the token is of one instant.
func TestDatesAgree(t *testing.T) {
	fraction := func() time.Time { return testNow.Add(999_999_999) }
	i := issuerWith(t, goldenKey(t), &loginSpy{}, fraction)
	for _, v := range []bearer.Validity{"", bearer.ValidityDefault, bearer.ValidityShortLive, bearer.ValidityLongLive} {
		t.Run(string(v), func(t *testing.T) {
			r := issue(t, i, fullAccount(), v)
			claims := claimsOf(t, r.AccessToken)
			nbf, exp := int64(claims["nbf"].(float64)), int64(claims["exp"].(float64))
			if nbf != testNow.Unix() || claims["iat"] != claims["nbf"] {
				t.Errorf("nbf %v, iat %v, want %d: the second is cut off", claims["nbf"], claims["iat"], testNow.Unix())
			}
			if !r.Issued.Equal(testNow) || r.Issued.Location() != time.UTC || r.Expires.Location() != time.UTC {
				t.Errorf("issued %v, expires %v, want %v, in UTC", r.Issued, r.Expires, testNow)
			}
			if d := int64(r.Expires.Sub(r.Issued) / time.Second); d != r.ExpiresIn || exp-nbf != r.ExpiresIn || d <= 0 {
				t.Errorf(".expires - .issued is %d, exp - nbf %d, expires_in %d", d, exp-nbf, r.ExpiresIn)
			}
			const format = "2006-01-02 15:04:05.000"
			if got, want := claims[roleURI("expiration")], r.Issued.Format(format); got != want {
				t.Errorf("expiration %v, want the issue instant %s", got, want)
			}
			if got, want := claims[roleURI("expired")], r.Expires.Format(format); got != want {
				t.Errorf("expired %v, want %s", got, want)
			}
		})
	}
}

func roleURI(name string) string {
	return "http://schemas.microsoft.com/ws/2008/06/identity/claims/" + name
}

func identityURI(name string) string {
	return "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/" + name
}

func TestOrderOfTheMembers(t *testing.T) {
	full := fullAccount()
	full.Profile = map[string]int{"a": 1}
	tests := []struct {
		name    string
		account *bearer.Account
		want    []string
	}{
		{"everything", full, []string{
			identityURI("name"), identityURI("nameidentifier"), roleURI("role"), identityURI("dns"), "usr",
			"UTCTimeOffset", "CultureCode", "family_name", "email", "website", "jti", roleURI("expiration"), roleURI("expired"),
			"nbf", "exp", "iss", "aud", "sub", "iat", "scope",
		}},
		{"what is empty is left out", &bearer.Account{ID: "1"}, []string{
			identityURI("name"), identityURI("nameidentifier"), "UTCTimeOffset", "jti", roleURI("expiration"), roleURI("expired"),
			"nbf", "exp", "iss", "aud", "sub", "iat",
		}},
	}
	i := issuerOf(t, &loginSpy{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := issue(t, i, tt.account, "")
			if got := memberNames(t, payloadOf(t, r.AccessToken)); !slices.Equal(got, tt.want) {
				t.Errorf("claims %q, want %q", got, tt.want)
			}
			text, err := stdjson.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			want := []string{"access_token", "token_type", "expires_in", "userName", ".issued", ".expires", "timeZoneOffset", "locale"}
			if got := memberNames(t, text); !slices.Equal(got, want) {
				t.Errorf("members %q, want %q", got, want)
			}
		})
	}
}

func TestOneOrSeveral(t *testing.T) {
	tests := []struct {
		name     string
		roles    []string
		audience []string
		wantRole any
		wantAud  any
	}{
		{"no role, no audience: the issuer's name", nil, nil, nil, testIssuer},
		{"one of each is a string", []string{"user"}, []string{"a"}, "user", "a"},
		{"several are an array", []string{"user", "admin"}, []string{"a", "b"}, []any{"user", "admin"}, []any{"a", "b"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var opts []bearer.IssuerOption
			if tt.audience != nil {
				opts = append(opts, bearer.WithAudience(tt.audience...))
			}
			i := issuerOf(t, &loginSpy{}, opts...)
			token := issue(t, i, &bearer.Account{ID: "1", Roles: tt.roles}, "").AccessToken
			claims := claimsOf(t, token)
			if got, there := claims[roleURI("role")]; !reflect.DeepEqual(got, tt.wantRole) || there != (tt.wantRole != nil) {
				t.Errorf("role %v, want %v", got, tt.wantRole)
			}
			if got := claims["aud"]; !reflect.DeepEqual(got, tt.wantAud) {
				t.Errorf("aud %v, want %v", got, tt.wantAud)
			}
			admitted, err := newMiddleware[bearer.Claims](t, i.Trust()).Verify(t.Context(), token)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(admitted.Roles, tt.roles) || !slices.Equal(admitted.Claims.Roles, tt.roles) {
				t.Errorf("read back: roles %v and %v, want %v", admitted.Roles, admitted.Claims.Roles, tt.roles)
			}
		})
	}
}

// As .NET's AddMonths has it: the day is kept, or the month's last one is taken.
func TestMonths(t *testing.T) {
	tests := []struct {
		from   string
		months int
		want   string
	}{
		{"2021-07-19T10:40:46Z", 120, "2031-07-19T10:40:46Z"},
		{"2024-02-29T23:59:59Z", 120, "2034-02-28T23:59:59Z"},
		{"2026-01-31T10:40:46Z", 120, "2036-01-31T10:40:46Z"},
		{"2024-02-29T00:00:00Z", 12, "2025-02-28T00:00:00Z"},
		{"2024-02-29T00:00:00Z", 48, "2028-02-29T00:00:00Z"},
		{"2023-02-28T00:00:00Z", 12, "2024-02-28T00:00:00Z"}, // the last day is not kept as such
		{"2026-01-31T12:00:00Z", 1, "2026-02-28T12:00:00Z"},
		{"2028-01-31T12:00:00Z", 1, "2028-02-29T12:00:00Z"},
		{"2026-01-31T12:00:00Z", 2, "2026-03-31T12:00:00Z"},
		{"2026-08-31T12:00:00Z", 1, "2026-09-30T12:00:00Z"},
		{"2026-08-31T12:00:00Z", 6, "2027-02-28T12:00:00Z"},
		{"2027-08-31T12:00:00Z", 6, "2028-02-29T12:00:00Z"},
		{"2026-12-31T23:59:59Z", 1, "2027-01-31T23:59:59Z"},
		{"2026-11-30T00:00:00Z", 3, "2027-02-28T00:00:00Z"},
		{"2000-02-29T00:00:00Z", 1200, "2100-02-28T00:00:00Z"}, // 2100 is no leap year
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s+%d", tt.from, tt.months), func(t *testing.T) {
			from, want := parseTime(t, tt.from), parseTime(t, tt.want)
			// A clock in another zone does not change the calendar.
			for _, zone := range []*time.Location{time.UTC, time.FixedZone("far east", 14*3600), time.FixedZone("far west", -12*3600)} {
				i := issuerWith(t, goldenKey(t), &loginSpy{}, func() time.Time { return from.In(zone) },
					bearer.WithLifetime(bearer.ValidityLongLive, bearer.Months(tt.months)))
				r := issue(t, i, &bearer.Account{ID: "1"}, bearer.ValidityLongLive)
				if !r.Expires.Equal(want) || r.ExpiresIn != want.Unix()-from.Unix() {
					t.Errorf("in %v: expires %v in %d, want %v", zone, r.Expires, r.ExpiresIn, want)
				}
			}
		})
	}
}

func parseTime(t testing.TB, s string) time.Time {
	t.Helper()
	instant, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return instant
}

func TestLifetimes(t *testing.T) {
	i := issuerOf(t, &loginSpy{}, bearer.WithLifetime(bearer.ValidityDefault, bearer.Minutes(86400)),
		bearer.WithLifetime(bearer.ValidityShortLive, bearer.Seconds(1)))
	for v, want := range map[bearer.Validity]int64{
		"":                       5184000, // empty is Default; the page's sample has these 60 days
		bearer.ValidityDefault:   5184000,
		bearer.ValidityShortLive: 1,
		bearer.ValidityLongLive:  315619200, // untouched
	} {
		if got := issue(t, i, fullAccount(), v).ExpiresIn; got != want {
			t.Errorf("%q lives %d s, want %d", v, got, want)
		}
	}
}

func TestTimeZones(t *testing.T) {
	load := func(name string) *time.Location {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		return zone
	}
	tests := []struct {
		zone *time.Location
		now  string
		want string
	}{
		{nil, "2026-03-01T12:00:00Z", "UTC+00:00~UTC"},
		{time.UTC, "2026-03-01T12:00:00Z", "UTC+00:00~UTC"},
		{load("Asia/Kolkata"), "2021-07-19T10:40:46Z", "UTC+05:30~Asia/Kolkata"},
		{load("Europe/Berlin"), "2026-03-29T00:59:59Z", "UTC+01:00~Europe/Berlin"},
		{load("Europe/Berlin"), "2026-03-29T01:00:00Z", "UTC+02:00~Europe/Berlin"},
		{load("Europe/Berlin"), "2026-10-25T00:59:59Z", "UTC+02:00~Europe/Berlin"},
		{load("Europe/Berlin"), "2026-10-25T01:00:00Z", "UTC+01:00~Europe/Berlin"},
		{load("America/New_York"), "2026-03-08T06:59:59Z", "UTC-05:00~America/New_York"},
		{load("America/New_York"), "2026-03-08T07:00:00Z", "UTC-04:00~America/New_York"},
		{load("America/St_Johns"), "2026-01-01T00:00:00Z", "UTC-03:30~America/St_Johns"},
		{load("America/St_Johns"), "2026-07-01T00:00:00Z", "UTC-02:30~America/St_Johns"},
		{load("Australia/Lord_Howe"), "2026-01-01T00:00:00Z", "UTC+11:00~Australia/Lord_Howe"},
		{load("Australia/Lord_Howe"), "2026-07-01T00:00:00Z", "UTC+10:30~Australia/Lord_Howe"},
		{time.FixedZone("Head office", -45*60), "2026-03-01T12:00:00Z", "UTC-00:45~Head office"},
	}
	for _, tt := range tests {
		t.Run(tt.want+" "+tt.now, func(t *testing.T) {
			i := issuerWith(t, goldenKey(t), &loginSpy{}, func() time.Time { return parseTime(t, tt.now) })
			r := issue(t, i, &bearer.Account{ID: "1", TimeZone: tt.zone}, "")
			if got := claimsOf(t, r.AccessToken)["UTCTimeOffset"]; r.TimeZoneOffset != tt.want || got != tt.want {
				t.Errorf("timeZoneOffset %s, UTCTimeOffset %v, want %s", r.TimeZoneOffset, got, tt.want)
			}
			if want := parseTime(t, tt.now); !r.Issued.Equal(want) {
				t.Errorf("issued %v, want %v: the zone changes no instant", r.Issued, want)
			}
		})
	}
}

func TestCultureIsTheLocaleUnlessItIsGiven(t *testing.T) {
	i := issuerOf(t, &loginSpy{})
	for _, tt := range []struct{ locale, culture, want string }{
		{"en-US", "en-IN", "en-IN"},
		{"en-US", "", "en-US"},
		{"", "en-IN", "en-IN"},
	} {
		r := issue(t, i, &bearer.Account{ID: "1", Locale: tt.locale, Culture: tt.culture}, "")
		if got := claimsOf(t, r.AccessToken)["CultureCode"]; got != tt.want || r.Locale != tt.locale {
			t.Errorf("%+v: CultureCode %v, locale %s", tt, got, r.Locale)
		}
	}
}

var uuid4 = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

func TestIDsAreRandomUUIDs(t *testing.T) {
	i := issuerOf(t, &loginSpy{})
	seen := make(map[string]bool)
	for range 100 {
		id := claimsOf(t, issue(t, i, fullAccount(), "").AccessToken)["jti"].(string)
		if !uuid4.MatchString(id) || seen[id] {
			t.Fatalf("jti %s is no UUID of its own", id)
		}
		seen[id] = true
	}
}

func TestHeaderNamesTheKeyThatHasAnID(t *testing.T) {
	ed := newKey(t, keys.EdDSA)
	ring := ringOf(t, ed)
	thumbprint, err := ring.SigningKey()
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		key  *keys.Key
		want string
	}{
		"a secret without an id":               {goldenKey(t), `{"alg":"HS256","typ":"JWT"}`},
		"a secret with one":                    {goldenKey(t, keys.WithID("2026")), `{"alg":"HS256","typ":"JWT","kid":"2026"}`},
		"a key pair is named by thumbprint":    {ed, `{"alg":"EdDSA","typ":"JWT","kid":"` + thumbprint.ID() + `"}`},
		"an id that needs escaping is escaped": {goldenKey(t, keys.WithID(`a"b\<é`)), `{"alg":"HS256","typ":"JWT","kid":"a\"b\\<é"}`},
	} {
		t.Run(name, func(t *testing.T) {
			i := issuerWith(t, tt.key, &loginSpy{}, testClock)
			token := issue(t, i, fullAccount(), "").AccessToken
			if got := headerOf(t, token); got != tt.want {
				t.Errorf("header %s, want %s", got, tt.want)
			}
			if _, err := newMiddleware[bearer.Claims](t, i.Trust()).Verify(t.Context(), token); err != nil {
				t.Error(err)
			}
		})
	}
}

func with(change func(*bearer.Account)) *bearer.Account {
	a := fullAccount()
	change(a)
	return a
}

func TestIssueRefuses(t *testing.T) {
	serverZone, err := time.LoadLocation("Local")
	if err != nil {
		t.Fatal(err)
	}
	text := func(n int) string { return strings.Repeat("x", n) }
	random := make([]byte, 48<<10)
	rand.Read(random)
	incompressible := base64.StdEncoding.EncodeToString(random)
	tests := []struct {
		name    string
		account *bearer.Account
		twin    *bearer.Account // what is accepted
	}{
		{"no account", nil, fullAccount()},
		{"no ID", with(func(a *bearer.Account) { a.ID = "" }), &bearer.Account{ID: "1"}},
		{"an ID that is not UTF-8", with(func(a *bearer.Account) { a.ID = "a\xff" }), with(func(a *bearer.Account) { a.ID = "aÿ" })},
		{"a name that is not UTF-8", with(func(a *bearer.Account) { a.Name = "a\xff" }), with(func(a *bearer.Account) { a.Name = "aÿ" })},
		{"a role that is not UTF-8", with(func(a *bearer.Account) { a.Roles = []string{"a\xff"} }), with(func(a *bearer.Account) { a.Roles = []string{"aÿ"} })},
		// These two are in the response alone.
		{"a user name that is not UTF-8", with(func(a *bearer.Account) { a.UserName = "a\xff" }), with(func(a *bearer.Account) { a.UserName = "aÿ" })},
		{"a locale that is not UTF-8", with(func(a *bearer.Account) { a.Locale = "a\xff" }), with(func(a *bearer.Account) { a.Locale = "aÿ" })},
		{"a character cut in two", with(func(a *bearer.Account) { a.UserName, a.Locale = "a\xc3", "\xa9" }), with(func(a *bearer.Account) { a.UserName, a.Locale = "a", "é" })},
		{"the server's zone", with(func(a *bearer.Account) { a.TimeZone = time.Local }), with(func(a *bearer.Account) { a.TimeZone = time.UTC })},
		{"the server's zone, loaded", with(func(a *bearer.Account) { a.TimeZone = serverZone }), with(func(a *bearer.Account) { a.TimeZone = nil })},
		{"a zone whose name is not UTF-8", with(func(a *bearer.Account) { a.TimeZone = time.FixedZone("a\xff", 0) }), with(func(a *bearer.Account) { a.TimeZone = time.FixedZone("aÿ", 0) })},
		{"an empty scope", with(func(a *bearer.Account) { a.Scopes = []string{"a", ""} }), with(func(a *bearer.Account) { a.Scopes = []string{"a"} })},
		{"a scope that would be two", with(func(a *bearer.Account) { a.Scopes = []string{"read admin"} }), with(func(a *bearer.Account) { a.Scopes = []string{"read", "admin"} })},
		{"a scope with a quote", with(func(a *bearer.Account) { a.Scopes = []string{`a"`} }), with(func(a *bearer.Account) { a.Scopes = []string{"a'"} })},
		{"a scope with a backslash", with(func(a *bearer.Account) { a.Scopes = []string{`a\b`} }), with(func(a *bearer.Account) { a.Scopes = []string{"a/b"} })},
		{"a scope beyond ASCII", with(func(a *bearer.Account) { a.Scopes = []string{"é"} }), with(func(a *bearer.Account) { a.Scopes = []string{"~!"} })},
		{"a profile of functions", with(func(a *bearer.Account) { a.Profile = func() {} }), with(func(a *bearer.Account) { a.Profile = "text" })},
		{"a profile that is not UTF-8", with(func(a *bearer.Account) { a.Profile = "a\xff" }), with(func(a *bearer.Account) { a.Profile = "aÿ" })},
		// JSON's quotes are two bytes of the 64 KiB.
		{"a profile over 64 KiB", with(func(a *bearer.Account) { a.Profile = text(64<<10 - 1) }), with(func(a *bearer.Account) { a.Profile = text(64<<10 - 2) })},
		{"a profile that makes the token too long", with(func(a *bearer.Account) { a.Profile = incompressible }), with(func(a *bearer.Account) { a.Profile = incompressible[:8000] })},
		{"roles that make the token too long", with(func(a *bearer.Account) { a.Roles = []string{text(12 << 10)} }), with(func(a *bearer.Account) { a.Roles = []string{text(10 << 10)} })},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var events []bearer.Event
			spy := &loginSpy{account: tt.account}
			i := issuerOf(t, spy, bearer.WithObserver(func(_ context.Context, e bearer.Event) { events = append(events, e) }))
			if r, err := i.Issue(t.Context(), tt.account, ""); err == nil || r != nil {
				t.Errorf("Issue gave %v, %v, want an error alone", r, err)
			}
			for _, e := range events {
				if e.Kind == bearer.EventIssued {
					t.Errorf("an event says that a token was issued: %+v", e)
				}
			}
			// Over HTTP it is the service's fault, told to nobody.
			w := httptest.NewRecorder()
			i.ServeHTTP(w, tokenRequest("Default"))
			if w.Code != http.StatusServiceUnavailable || w.Body.String() != unavailableBody || w.Header().Get("Retry-After") != "1" {
				t.Errorf("HTTP: %d %v %s", w.Code, w.Header(), w.Body)
			}
			if len(spy.asked) != 1 {
				t.Errorf("the authenticator ran %d times", len(spy.asked))
			}

			r, err := i.Issue(t.Context(), tt.twin, "")
			if err != nil {
				t.Fatalf("the twin is refused: %v", err)
			}
			if _, err := newMiddleware[bearer.Claims](t, i.Trust()).Verify(t.Context(), r.AccessToken); err != nil {
				t.Errorf("the twin's token is refused: %v", err)
			}
		})
	}
}

// time.Local has another name than Local where TZ names a zone, or where the
// image has no /etc/localtime: it is the server's zone all the same.
func TestIssueRefusesTheServersZoneByAnyName(t *testing.T) {
	server := time.Local
	defer func() { time.Local = server }()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	local := *zone
	time.Local = &local
	i := issuerOf(t, &loginSpy{})
	if r, err := i.Issue(t.Context(), &bearer.Account{ID: "1", TimeZone: time.Local}, ""); err == nil {
		t.Errorf("time.Local is accepted as %s", r.TimeZoneOffset)
	}
	issue(t, i, &bearer.Account{ID: "1", TimeZone: zone}, "")
}

func TestIssueRefusesUnknownValidities(t *testing.T) {
	i := issuerOf(t, &loginSpy{})
	for _, v := range []bearer.Validity{"default", "Forever", " Default", "DEFAULT"} {
		if r, err := i.Issue(t.Context(), fullAccount(), v); err == nil {
			t.Errorf("%q: %v, want an error", v, r)
		}
	}
	issue(t, i, fullAccount(), "Default")
}

// The longest token that is issued is one that a middleware reads.
func TestTheLongestTokenIsVerified(t *testing.T) {
	i := issuerOf(t, &loginSpy{})
	verify := newMiddleware[bearer.Claims](t, i.Trust())
	refused := false
	longest := 0
	for n := 11 << 10; n < 13<<10; n++ {
		r, err := i.Issue(t.Context(), &bearer.Account{ID: "1", DNS: strings.Repeat("x", n)}, "")
		if err != nil {
			refused = true
			break
		}
		longest = len(r.AccessToken)
		if longest < 16<<10-2 {
			continue
		}
		if _, err := verify.Verify(t.Context(), r.AccessToken); err != nil {
			t.Fatalf("%d bytes: %v", longest, err)
		}
	}
	if !refused || longest < 16<<10-2 {
		t.Errorf("the longest token has %d bytes, want 16 KiB", longest)
	}
}

// Changing what was given or returned changes no other token.
func TestIssueSharesNothing(t *testing.T) {
	i := issuerOf(t, &loginSpy{}, bearer.WithAudience("a", "b"), bearer.WithClaims(func(_ context.Context, a *bearer.Account, c bearer.Claims) (bearer.Claims, error) {
		c.Audience[0], c.Roles[0] = "evil", "evil"
		return c, nil
	}))
	a := fullAccount()
	for range 2 {
		claims := claimsOf(t, issue(t, i, a, "").AccessToken)
		if want := []any{"a", "b"}; !reflect.DeepEqual(claims["aud"], want) || a.Roles[0] != "user" {
			t.Errorf("aud %v, roles %v", claims["aud"], a.Roles)
		}
		i.Trust().Audience[0] = "evil"
		i.Trust().TokenTypes[0] = "evil"
	}
}

type tenantClaims struct {
	bearer.Claims
	Tenant string `json:"tenant"`
}

func TestWithClaims(t *testing.T) {
	type claimsFunc = func(context.Context, *bearer.Account, bearer.Claims) (tenantClaims, error)
	tenant := claimsFunc(func(_ context.Context, a *bearer.Account, c bearer.Claims) (tenantClaims, error) {
		return tenantClaims{c, "tenant of " + a.UserName}, nil
	})
	i := issuerOf(t, &loginSpy{}, bearer.WithClaims(tenant))
	token := issue(t, i, fullAccount(), "").AccessToken
	got, err := newMiddleware[tenantClaims](t, i.Trust()).Verify(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	if got.Claims.Tenant != "tenant of tom" || got.Claims.Email != "amit+us@example.com" || got.Subject != "1087" {
		t.Errorf("claims %+v", got.Claims)
	}
	// The plain claims are still in it.
	if plain, err := newMiddleware[bearer.Claims](t, i.Trust()).Verify(t.Context(), token); err != nil || plain.Claims.Name != "1087" {
		t.Errorf("plain claims: %v, %v", plain, err)
	}
}

// What WithClaims returns is the service's own code, but a mistake in it must
// not make a token that never expires, is for somebody else or cannot be revoked.
func TestWithClaimsCannotChangeTheRegisteredClaims(t *testing.T) {
	type only struct {
		Tenant string `json:"tenant"`
	}
	type shadowing struct {
		bearer.Claims
		Subject string `json:"sub"`
		Expires int64  `json:"exp"`
		ID      string `json:"jti"`
	}
	type side struct {
		Subject string `json:"sub"`
		Issuer  string `json:"iss"`
	}
	type twice struct { // the two sides cancel each other out
		Left   side   `json:",embed"`
		Right  side   `json:",embed"`
		Tenant string `json:"tenant"`
	}
	var own bearer.Claims // as the issuer made them
	capture := func(c bearer.Claims) bearer.Claims {
		own = c
		own.Audience = slices.Clone(c.Audience)
		return c
	}
	wrong := bearer.NumericDate{Time: testNow.AddDate(50, 0, 0)}
	tests := []struct {
		name string
		opt  bearer.IssuerOption
	}{
		{"changed", bearer.WithClaims(func(_ context.Context, _ *bearer.Account, c bearer.Claims) (tenantClaims, error) {
			c = capture(c)
			c.ID, c.Issuer, c.Subject, c.Audience = "evil", "evil", "evil", bearer.ClaimStrings{"evil"}
			c.NotBefore, c.ExpiresAt, c.IssuedAt = wrong, wrong, wrong
			return tenantClaims{c, "t"}, nil
		})},
		{"emptied", bearer.WithClaims(func(_ context.Context, _ *bearer.Account, c bearer.Claims) (tenantClaims, error) {
			capture(c)
			return tenantClaims{Tenant: "t"}, nil
		})},
		{"not there", bearer.WithClaims(func(_ context.Context, _ *bearer.Account, c bearer.Claims) (only, error) {
			capture(c)
			return only{"t"}, nil
		})},
		{"shadowed", bearer.WithClaims(func(_ context.Context, _ *bearer.Account, c bearer.Claims) (shadowing, error) {
			return shadowing{capture(c), "evil", 1 << 40, "evil"}, nil
		})},
		{"given twice by embedding", bearer.WithClaims(func(_ context.Context, _ *bearer.Account, c bearer.Claims) (any, error) {
			capture(c)
			return twice{side{"evil", "evil"}, side{"evil", "evil"}, "t"}, nil
		})},
		{"a map", bearer.WithClaims(func(_ context.Context, _ *bearer.Account, c bearer.Claims) (map[string]any, error) {
			capture(c)
			return map[string]any{"sub": nil, "exp": "never", "jti": 7, "iss": []int{}, "aud": "evil", "nbf": -1, "iat": false, "tenant": "t"}, nil
		})},
		{"a nil map", bearer.WithClaims(func(_ context.Context, _ *bearer.Account, c bearer.Claims) (map[string]any, error) {
			capture(c)
			return nil, nil
		})},
		{"raw JSON", bearer.WithClaims(func(_ context.Context, _ *bearer.Account, c bearer.Claims) (stdjson.RawMessage, error) {
			capture(c)
			return stdjson.RawMessage(`{"exp":99999999999,"\u0073ub":"evil"}`), nil
		})},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			i := issuerOf(t, &loginSpy{}, bearer.WithAudience(testAudience), tt.opt)
			r := issue(t, i, fullAccount(), "")
			got, err := newMiddleware[map[string]any](t, i.Trust()).Verify(t.Context(), r.AccessToken)
			if err != nil {
				t.Fatal(err)
			}
			if got.ID == "" || got.ID != own.ID || got.Issuer != testIssuer || got.Subject != "1087" || !slices.Equal(got.Audience, []string{testAudience}) ||
				!got.NotBefore.Equal(testNow) || !got.IssuedAt.Equal(testNow) || !got.ExpiresAt.Equal(r.Expires) {
				t.Errorf("info %+v, want the issuer's own %+v", got.Info, own)
			}
			for _, name := range []string{"jti", "nbf", "exp", "iss", "aud", "sub", "iat"} {
				if n := strings.Count(string(payloadOf(t, r.AccessToken)), `"`+name+`":`); n != 1 {
					t.Errorf("%s is there %d times", name, n)
				}
			}
			if want, ok := got.Claims["tenant"]; ok && want != "t" {
				t.Errorf("tenant %v", want)
			}
		})
	}
}

// With the profile of RFC 9068 client_id is the issuer's too; without it the
// name is free.
func TestWithClaimsAndClientID(t *testing.T) {
	evil := bearer.WithClaims(func(context.Context, *bearer.Account, bearer.Claims) (map[string]any, error) {
		return map[string]any{"client_id": "mine"}, nil
	})
	key := newKey(t, keys.ES256)
	free := issuerWith(t, key, &loginSpy{}, testClock, evil)
	if got := claimsOf(t, issue(t, free, fullAccount(), "").AccessToken)["client_id"]; got != "mine" {
		t.Errorf("client_id %v, want mine", got)
	}
	fixed := issuerWith(t, key, &loginSpy{}, testClock, evil, bearer.WithAccessTokenProfile("web"))
	if got := claimsOf(t, issue(t, fixed, fullAccount(), "").AccessToken)["client_id"]; got != "web" {
		t.Errorf("client_id %v, want web", got)
	}
}

func TestWithClaimsFails(t *testing.T) {
	errTenant := errors.New("no tenant")
	tests := []struct {
		name string
		opt  bearer.IssuerOption
		want error // in the chain; nil: any
	}{
		{"its error is Issue's", bearer.WithClaims(func(context.Context, *bearer.Account, bearer.Claims) (tenantClaims, error) {
			return tenantClaims{}, errTenant
		}), errTenant},
		{"an array", bearer.WithClaims(func(context.Context, *bearer.Account, bearer.Claims) (any, error) { return []int{1}, nil }), nil},
		{"null", bearer.WithClaims(func(context.Context, *bearer.Account, bearer.Claims) (any, error) { return nil, nil }), nil},
		{"a string", bearer.WithClaims(func(context.Context, *bearer.Account, bearer.Claims) (any, error) { return "{}", nil }), nil},
		{"what does not encode", bearer.WithClaims(func(context.Context, *bearer.Account, bearer.Claims) (any, error) { return func() {}, nil }), nil},
		{"duplicate members", bearer.WithClaims(func(context.Context, *bearer.Account, bearer.Claims) (stdjson.RawMessage, error) {
			return stdjson.RawMessage(`{"tenant":"a","tenant":"b"}`), nil
		}), nil},
		{"what makes the token too long", bearer.WithClaims(func(_ context.Context, _ *bearer.Account, c bearer.Claims) (tenantClaims, error) {
			return tenantClaims{c, strings.Repeat("x", 16<<10)}, nil
		}), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := issuerOf(t, &loginSpy{}, tt.opt).Issue(t.Context(), fullAccount(), "")
			if err == nil || r != nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("%v, %v, want an error alone", r, err)
			}
		})
	}
	twin := bearer.WithClaims(func(_ context.Context, _ *bearer.Account, c bearer.Claims) (any, error) { return c, nil })
	issue(t, issuerOf(t, &loginSpy{}, twin), fullAccount(), "")
}

// RFC 9068 section 2.
func TestAccessTokenProfile(t *testing.T) {
	key := newKey(t, keys.ES256)
	i := issuerWith(t, key, &loginSpy{}, testClock, bearer.WithAccessTokenProfile("web"), bearer.WithAudience(testAudience))
	token := issue(t, i, fullAccount(), "").AccessToken
	if h := headerOf(t, token); !strings.HasPrefix(h, `{"alg":"ES256","typ":"at+jwt","kid":"`) {
		t.Errorf("header %s", h)
	}
	claims := claimsOf(t, token)
	for name, want := range map[string]any{
		"iss": testIssuer, "aud": testAudience, "sub": "1087", "client_id": "web",
		"iat": float64(testNow.Unix()), "exp": float64(testNow.Unix() + 720000),
		"scope": "read write", // section 2.2.3
	} {
		if claims[name] != want {
			t.Errorf("%s is %v, want %v", name, claims[name], want)
		}
	}
	if id, _ := claims["jti"].(string); !uuid4.MatchString(id) {
		t.Errorf("jti %v", claims["jti"])
	}
	if _, err := newMiddleware[bearer.Claims](t, i.Trust()).Verify(t.Context(), token); err != nil {
		t.Error(err)
	}
	// Its trust accepts nothing but access tokens, and the plain issuer's none.
	plain := issuerWith(t, key, &loginSpy{}, testClock, bearer.WithAudience(testAudience))
	plainToken := issue(t, plain, fullAccount(), "").AccessToken
	if _, err := newMiddleware[bearer.Claims](t, i.Trust()).Verify(t.Context(), plainToken); !errors.Is(err, bearer.ErrTokenType) {
		t.Errorf("a plain token: %v, want ErrTokenType", err)
	}
	if _, err := newMiddleware[bearer.Claims](t, plain.Trust()).Verify(t.Context(), token); !errors.Is(err, bearer.ErrTokenType) {
		t.Errorf("an access token for the plain trust: %v, want ErrTokenType", err)
	}
}

func TestTrustNeedsNoOtherSetting(t *testing.T) {
	for _, alg := range allAlgorithms {
		t.Run(string(alg), func(t *testing.T) {
			i, err := bearer.NewIssuer(testIssuer, ringOf(t, keyOf(t, alg)), &loginSpy{})
			if err != nil {
				t.Fatal(err)
			}
			verify, err := bearer.NewMiddleware[bearer.Claims](i.Trust())
			if err != nil {
				t.Fatal(err)
			}
			token := issue(t, i, fullAccount(), "").AccessToken
			got, err := verify.Verify(t.Context(), token)
			if err != nil || got.Algorithm != alg || got.Subject != "1087" {
				t.Fatalf("%+v, %v", got, err)
			}
			// Another issuer of the same name, with a key of its own.
			other, err := bearer.NewIssuer(testIssuer, ringOf(t, otherKey(t, alg)), &loginSpy{})
			if err != nil {
				t.Fatal(err)
			}
			foreign := issue(t, other, fullAccount(), "").AccessToken
			if _, err := verify.Verify(t.Context(), foreign); !errors.Is(err, bearer.ErrSignature) && !errors.Is(err, bearer.ErrUnknownKey) {
				t.Errorf("another issuer's token: %v", err)
			}
		})
	}
}

// otherKey is never keyFor's. Where RSA would take long another algorithm does.
func otherKey(t testing.TB, alg keys.Algorithm) *keys.Key {
	if strings.HasPrefix(string(alg), "RS") || strings.HasPrefix(string(alg), "PS") {
		return newKey(t, keys.ES256)
	}
	return newKey(t, alg)
}

// The same key under two names: each trust admits its own issuer's tokens only.
func TestTrustRefusesAnotherIssuersTokens(t *testing.T) {
	ring := ringOf(t, goldenKey(t))
	names := []string{"https://a.test", "https://b.test", "https://a.test/", "HTTPS://a.test"}
	issuers := make([]*bearer.Issuer, len(names))
	for n, name := range names {
		var err error
		issuers[n], err = bearer.NewIssuer(name, ring, &loginSpy{}, bearer.WithAudience(testAudience), bearer.WithClock(testClock))
		if err != nil {
			t.Fatal(err)
		}
	}
	for n, i := range issuers {
		token := issue(t, i, fullAccount(), "").AccessToken
		for m, verifier := range issuers {
			_, err := newMiddleware[bearer.Claims](t, verifier.Trust()).Verify(t.Context(), token)
			if n == m && err != nil || n != m && !errors.Is(err, bearer.ErrIssuer) {
				t.Errorf("a token of %s for %s: %v", names[n], names[m], err)
			}
		}
	}
}

func TestZeroIssuerFailsClosed(t *testing.T) {
	for name, i := range map[string]*bearer.Issuer{"zero": {}, "nil": nil} {
		t.Run(name, func(t *testing.T) {
			if r, err := i.Issue(t.Context(), fullAccount(), ""); err == nil || r != nil {
				t.Errorf("Issue: %v, %v", r, err)
			}
			w := httptest.NewRecorder()
			i.ServeHTTP(w, tokenRequest("Default"))
			if w.Code != http.StatusServiceUnavailable || w.Body.String() != unavailableBody || w.Header().Get("Retry-After") != "1" {
				t.Errorf("HTTP: %d %v %s", w.Code, w.Header(), w.Body)
			}
		})
	}
	var problem *bearer.OptionError
	if m, err := bearer.NewMiddleware[bearer.Claims]((&bearer.Issuer{}).Trust()); m != nil || !errors.As(err, &problem) {
		t.Errorf("the zero Issuer's trust: %v, %v", m, err)
	}
}

func TestEventsOfIssuing(t *testing.T) {
	errDown := errors.New("the database is down")
	throttled := &bearer.ThrottledError{RetryAfter: time.Second}
	issued := bearer.Event{Kind: bearer.EventIssued, Issuer: testIssuer, KeyID: "2026", Algorithm: keys.HS256, Account: "1087"}
	refused := func(cause error) bearer.Event {
		return bearer.Event{Kind: bearer.EventLoginRefused, Issuer: testIssuer, Cause: cause}
	}
	malformed := tokenRequest("Default")
	malformed.Header.Del("Content-Type")
	tests := []struct {
		name    string
		login   *loginSpy
		request *http.Request
		want    []bearer.Event
	}{
		{"a login", &loginSpy{account: fullAccount()}, tokenRequest("Default"), []bearer.Event{issued}},
		{"a wrong password", &loginSpy{err: fmt.Errorf("tom: %w", bearer.ErrBadCredentials)}, tokenRequest("Default"), []bearer.Event{refused(bearer.ErrBadCredentials)}},
		{"too many attempts", &loginSpy{err: throttled}, tokenRequest("Default"), []bearer.Event{refused(throttled)}},
		{"an outage", &loginSpy{err: errDown}, tokenRequest("Default"), []bearer.Event{refused(bearer.ErrUnavailable)}},
		{"no login was tried", &loginSpy{account: fullAccount()}, malformed, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []bearer.Event
			i := issuerWith(t, goldenKey(t, keys.WithID("2026")), tt.login, testClock,
				bearer.WithObserver(func(_ context.Context, e bearer.Event) {
					if e.Duration < 0 {
						t.Errorf("it took %v", e.Duration)
					}
					e.Duration = 0
					got = append(got, e)
				}))
			i.ServeHTTP(httptest.NewRecorder(), tt.request)
			if !slices.Equal(got, tt.want) {
				t.Errorf("events %+v, want %+v", got, tt.want)
			}
		})
	}

	t.Run("from code", func(t *testing.T) {
		type contextKey struct{}
		var got []bearer.Event
		i := issuerWith(t, goldenKey(t, keys.WithID("2026")), &loginSpy{}, testClock,
			bearer.WithObserver(func(ctx context.Context, e bearer.Event) {
				if ctx.Value(contextKey{}) != "here" {
					t.Error("the observer got another context")
				}
				e.Duration = 0
				got = append(got, e)
			}))
		if _, err := i.Issue(context.WithValue(t.Context(), contextKey{}, "here"), fullAccount(), ""); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, []bearer.Event{issued}) {
			t.Errorf("events %+v, want %+v", got, issued)
		}
	})
}
