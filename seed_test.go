package bearer_test

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	stdjson "encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/keys"
)

// The sample token of the page whose clients must go on working.
//
//go:embed testdata/seed.jwt
var seedToken string

// seedSegments are the header and the payload as they were signed.
func seedSegments(t testing.TB) (header, payload []byte) {
	t.Helper()
	parts := strings.Split(strings.TrimSpace(seedToken), ".")
	if len(parts) != 3 {
		t.Fatalf("%d segments", len(parts))
	}
	for i, dst := range []*[]byte{&header, &payload} {
		var err error
		if *dst, err = base64.RawURLEncoding.Strict().DecodeString(parts[i]); err != nil {
			t.Fatal(err)
		}
	}
	return header, payload
}

func seedClaims(t *testing.T) bearer.Claims {
	t.Helper()
	_, payload := seedSegments(t)
	var c bearer.Claims
	if err := json.Unmarshal(payload, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSeedHeader(t *testing.T) {
	header, _ := seedSegments(t)
	if got, want := string(header), `{"alg":"HS256","typ":"JWT"}`; got != want {
		t.Errorf("header %s, want %s", got, want)
	}
}

// seedUsr is the text of the sample's usr claim, which has to survive as it is.
const seedUsr = "PAIAAB+LCAAAAAAAAANlUslu2zAQ/ZWC10ixZGo/1VUawKjtBonbHguKGsWEuRhcDkLQfnuHtmMEKG98ywznDd/IeiRdnjV1QnZMAenISgn/6eXArGIkIV8VExJRhuhdcJ+lmZn0MzdKBS0488Loe7yhdMU5OLc3R9BoyMaKUzbk6dDUPC2gmtIha9u04PW0pFDmRd1cTCZo/6H3b0pLSivktswewccHkk1aI9Djq17FNPfBeaPARqoolxWtGpqQtdsgDdeKpJuYdICmIH2w0JsxdgCdrndY6ulgNOyCGsAi2rZN09RFkWexiwXmYfwyk04HKRPyY9/vhYLv0+QA68b7XVZ2NPu7coItvhl5ZD6G9YC+R4PBRdV2uxjHxYwHmZ+CafD+GSawoDmsH96L/888/bqRvVEnpudrOptLzvsDKIijZwkJVty0TEqhX1enk7zuBReLg1ozBn5OsSyqKs8QewmD41acouicYZHXFa3bm/oR1y3FfP4bVdu2SzTdxr/MTv78A66SWWo8AgAA"

func TestSeedClaimsDecode(t *testing.T) {
	_, payload := seedSegments(t)
	want := bearer.Claims{
		Name:           "1087",
		NameIdentifier: "1087",
		Roles:          bearer.ClaimStrings{"user"},
		DNS:            "localhost,*.loyaltycommunication.com",
		Usr:            seedUsr,
		UTCTimeOffset:  "UTC+05:30~Asia/Kolkata",
		CultureCode:    "en-IN",
		FamilyName:     "Amit Sharma",
		Email:          "amit+us@loyaltycommunication.com",
		Website:        "localhost,*.loyaltycommunication.com",
		ID:             "54e28e4c-57bd-4210-a0b9-5c5f042d0f99",
		Issued:         "2021-07-19 10:40:46.590",
		Expired:        "2021-09-17 10:40:46.590",
		NotBefore:      bearer.NumericDate{Time: time.Date(2021, time.July, 19, 10, 40, 46, 0, time.UTC)},
		ExpiresAt:      bearer.NumericDate{Time: time.Date(2021, time.September, 17, 10, 40, 46, 0, time.UTC)},
		Issuer:         "http://localhost:44306/",
		Audience:       bearer.ClaimStrings{"Apiv2"},
	}
	var members map[string]any
	if err := stdjson.Unmarshal(payload, &members); err != nil || len(members) != 17 {
		t.Fatalf("the sample has %d claims (%v), want 17", len(members), err)
	}
	for name, decode := range map[string]func([]byte, any) error{
		"encoding/json":    stdjson.Unmarshal,
		"encoding/json/v2": func(data []byte, v any) error { return json.Unmarshal(data, v) },
	} {
		t.Run(name, func(t *testing.T) {
			var got bearer.Claims
			if err := decode(payload, &got); err != nil {
				t.Fatal(err)
			}
			g, w := reflect.ValueOf(got), reflect.ValueOf(want)
			for i := range g.NumField() {
				if !reflect.DeepEqual(g.Field(i).Interface(), w.Field(i).Interface()) {
					t.Errorf("%s is %v, want %v", g.Type().Field(i).Name, g.Field(i), w.Field(i))
				}
			}
		})
	}
}

// encoders are both generations of encoding/json. The old one escapes HTML
// unless it is told not to, and ends its text with a newline.
var encoders = map[string]func(any) ([]byte, error){
	"encoding/json": func(v any) ([]byte, error) {
		var b bytes.Buffer
		e := stdjson.NewEncoder(&b)
		e.SetEscapeHTML(false)
		err := e.Encode(v)
		return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
	},
	"encoding/json/v2": func(v any) ([]byte, error) { return json.Marshal(v) },
}

func TestSeedClaimsEncodeBackByteForByte(t *testing.T) {
	_, payload := seedSegments(t)
	claims := seedClaims(t)
	for name, encode := range encoders {
		t.Run(name, func(t *testing.T) {
			got, err := encode(claims)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, payload) {
				t.Errorf("encoded\n%s\nwant\n%s", got, payload)
			}
		})
	}
}

// What adds to the sample's claims is still written and read by both.
func TestSeedClaimsEmbedded(t *testing.T) {
	type tenantClaims struct {
		bearer.Claims
		Tenant string `json:"tenant"`
	}
	_, payload := seedSegments(t)
	want := strings.TrimSuffix(string(payload), "}") + `,"tenant":"a <b>"}`
	in := tenantClaims{seedClaims(t), "a <b>"}
	for name, encode := range encoders {
		t.Run(name, func(t *testing.T) {
			text, err := encode(in)
			if err != nil || string(text) != want {
				t.Fatalf("encoded\n%s (%v)\nwant\n%s", text, err, want)
			}
			var v1, v2 tenantClaims
			if err := errors.Join(stdjson.Unmarshal(text, &v1), json.Unmarshal(text, &v2)); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(v1, in) || !reflect.DeepEqual(v2, in) {
				t.Errorf("decoded %+v and %+v, want %+v", v1, v2, in)
			}
		})
	}
}

// seedProfile has every member of the sample's usr.
type seedProfile struct {
	ID                    int     `json:"Id"`
	Name                  string  `json:"Name"`
	Email                 string  `json:"Email"`
	AccessToken           string  `json:"AccessToken"`
	AccountName           string  `json:"AccountName"`
	MarketID              string  `json:"MarketId"`
	ChargifyCustomerID    int     `json:"ChargifyCustomerId"`
	IsLargeAccount        bool    `json:"IsLargeAccount"`
	CultureCode           string  `json:"CultureCode"`
	PhoneNumber           string  `json:"PhoneNumber"`
	CreatedBy             *string `json:"CreatedBy"`
	UTCTimeOffset         string  `json:"UTCTimeOffset"`
	DateFormat            string  `json:"DateFormat"`
	VianettReferenceID    *string `json:"VianettReferenceID"`
	VianettReferenceIDPWD *string `json:"VianettReferenceIDPWD"`
	CompanyName           string  `json:"CompanyName"`
	ThemeID               int     `json:"ThemeId"`
	URI                   *string `json:"uri"`
	CallingApplication    int     `json:"CallingApplication"`
	ProductID             int     `json:"ProductId"`
	SubscriptionID        int     `json:"SubscriptionId"`
	ProductFamilyID       int     `json:"ProductFamiliyId"` // as the page spells it
	Offset                string  `json:"Offset"`
}

func TestSeedProfile(t *testing.T) {
	claims := seedClaims(t)
	var raw stdjson.RawMessage
	if err := claims.Profile(&raw); err != nil || len(raw) != 572 {
		t.Fatalf("the profile has %d bytes (%v), want 572", len(raw), err)
	}

	var got seedProfile
	if err := claims.Profile(&got); err != nil {
		t.Fatal(err)
	}
	want := seedProfile{
		ID: 1087, Name: "Amit Sharma", Email: "amit+us@loyaltycommunication.com",
		AccessToken: "0d6c3ab1-b87c-4e6f-b099-4c7f23e51478", AccountName: "Amit_335336", MarketID: "L-7",
		ChargifyCustomerID: 45263683, CultureCode: "en-IN", PhoneNumber: "9988874410",
		UTCTimeOffset: "UTC+05:30~Asia/Kolkata", DateFormat: "MM/dd/yyyy", CompanyName: "Lcom",
		CallingApplication: 1, ProductID: 5466101, SubscriptionID: 44176379, ProductFamilyID: 1699921, Offset: "+05:30",
	}
	if got != want {
		t.Errorf("profile\n%+v\nwant\n%+v", got, want)
	}

	var members map[string]any
	if err := claims.Profile(&members); err != nil {
		t.Fatal(err)
	}
	wantMembers := map[string]any{
		"Id": 1087.0, "Name": "Amit Sharma", "Email": "amit+us@loyaltycommunication.com",
		"AccessToken": "0d6c3ab1-b87c-4e6f-b099-4c7f23e51478", "AccountName": "Amit_335336", "MarketId": "L-7",
		"ChargifyCustomerId": 45263683.0, "IsLargeAccount": false, "CultureCode": "en-IN", "PhoneNumber": "9988874410",
		"CreatedBy": nil, "UTCTimeOffset": "UTC+05:30~Asia/Kolkata", "DateFormat": "MM/dd/yyyy",
		"VianettReferenceID": nil, "VianettReferenceIDPWD": nil, "CompanyName": "Lcom", "ThemeId": 0.0, "uri": nil,
		"CallingApplication": 1.0, "ProductId": 5466101.0, "SubscriptionId": 44176379.0, "ProductFamiliyId": 1699921.0,
		"Offset": "+05:30",
	}
	if !reflect.DeepEqual(members, wantMembers) {
		t.Errorf("profile\n%v\nwant\n%v", members, wantMembers)
	}
}

// The sample's own secret is not known, so its payload is signed again.
func TestSeedPayloadIsAdmittedInItsTime(t *testing.T) {
	headerText, payload := seedSegments(t)
	key := goldenKey(t)
	source, err := keys.Static(key)
	if err != nil {
		t.Fatal(err)
	}
	seedTrust := bearer.Trust{Issuer: "http://localhost:44306/", Audience: []string{"Apiv2"}, Keys: source}
	token := forge(t, key, string(headerText), string(payload))

	in2021 := bearer.WithClock(func() time.Time { return time.Date(2021, time.August, 1, 0, 0, 0, 0, time.UTC) })
	then, err := bearer.NewMiddleware[bearer.Claims](seedTrust, in2021)
	if err != nil {
		t.Fatal(err)
	}
	admitted, err := then.Verify(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	if want := seedClaims(t); !reflect.DeepEqual(admitted.Claims, want) {
		t.Errorf("claims\n%+v\nwant\n%+v", admitted.Claims, want)
	}
	wantInfo := bearer.Info{
		Issuer: "http://localhost:44306/", Subject: "1087", ID: "54e28e4c-57bd-4210-a0b9-5c5f042d0f99",
		Algorithm: keys.HS256, Audience: []string{"Apiv2"}, Roles: []string{"user"},
		IssuedAt:  time.Unix(1626691246, 0).UTC(),
		NotBefore: time.Unix(1626691246, 0).UTC(),
		ExpiresAt: time.Unix(1631875246, 0).UTC(),
	}
	if !reflect.DeepEqual(admitted.Info, wantInfo) {
		t.Errorf("info\n%+v\nwant\n%+v", admitted.Info, wantInfo)
	}

	today, err := bearer.NewMiddleware[bearer.Claims](seedTrust)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := today.Verify(t.Context(), token); !errors.Is(err, bearer.ErrExpired) {
		t.Errorf("today: %v, want ErrExpired", err)
	}
	// The text on the page, whose key this is not.
	if _, err := then.Verify(t.Context(), strings.TrimSpace(seedToken)); !errors.Is(err, bearer.ErrSignature) {
		t.Errorf("the page's own signature: %v, want ErrSignature", err)
	}
}
