package bearer_test

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/gobearer/bearer"
)

// compareText holds what an Issuer writes against what encoding/json/v2 does.
func compareText(t *testing.T, c bearer.Claims) {
	t.Helper()
	want, err := json.Marshal(c)
	got, ok := bearer.AppendClaims(nil, c)
	if ok != (err == nil) {
		t.Errorf("%+v: encoded %v, but json/v2 says %v", c, ok, err)
	}
	if ok && string(got) != string(want) {
		t.Errorf("encoded\n%s\nwant\n%s", got, want)
	}
}

// texts have every character that is, or was once, escaped in JSON.
var texts = []string{
	"", "a", "a b", "é €😀", `"`, `\`, `"\`, "/", "<script>&amp;</script>", "\u2028\u2029", "\ufffd", "\x7f",
	"\x00\x01\x02\x03\x04\x05\x06\x07\b\t\n\v\f\r\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f",
	strings.Repeat("long", 1000),
	"\xff", "a\xc3", "\xed\xa0\x80", "\xc0\xaf",
}

var dates = []time.Time{
	{}, time.Unix(0, 0), time.Unix(-1, 0), testNow, testNow.Local(), testNow.Add(1), testNow.Add(time.Millisecond), testNow.Add(999_999_999),
	time.Unix(0, 1), time.Unix(-1, 1), time.Date(9999, time.December, 31, 23, 59, 59, 0, time.UTC), time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC),
	time.Unix(math.MaxInt32*1000, 5),
}

// Each field alone, with each value, and all of them together.
func TestClaimsTextIsThatOfJSON(t *testing.T) {
	var all bearer.Claims
	compareText(t, all)
	for i := range reflect.TypeFor[bearer.Claims]().NumField() {
		var values []any
		switch kind := reflect.ValueOf(all).Field(i).Interface().(type) {
		case string:
			for _, text := range texts {
				values = append(values, text)
			}
		case bearer.ClaimStrings:
			values = append(values, bearer.ClaimStrings{}, bearer.ClaimStrings(texts[:12]), bearer.ClaimStrings(texts[:2]))
			for _, text := range texts {
				values = append(values, bearer.ClaimStrings{text}, bearer.ClaimStrings{"a", text})
			}
		case bearer.NumericDate:
			for _, date := range dates {
				values = append(values, bearer.NumericDate{Time: date})
			}
		default:
			t.Fatalf("%T is new", kind)
		}
		for _, v := range values {
			var alone bearer.Claims
			reflect.ValueOf(&alone).Elem().Field(i).Set(reflect.ValueOf(v))
			compareText(t, alone)
			if _, ok := bearer.AppendClaims(nil, alone); ok {
				reflect.ValueOf(&all).Elem().Field(i).Set(reflect.ValueOf(v))
				compareText(t, all)
			}
		}
	}
	compareText(t, seedClaims(t))
}

func TestClaimsTextIsAppended(t *testing.T) {
	text, _ := bearer.AppendClaims([]byte("before "), bearer.Claims{ID: "1"})
	if string(text) != `before {"jti":"1"}` {
		t.Errorf("%s", text)
	}
}

func FuzzClaimsText(f *testing.F) {
	for _, text := range texts {
		f.Add(text, "b", int64(1772366400), int64(0))
	}
	f.Fuzz(func(t *testing.T, a, b string, seconds, nanoseconds int64) {
		date := bearer.NumericDate{Time: time.Unix(seconds, nanoseconds)}
		compareText(t, bearer.Claims{
			Name: a, NameIdentifier: b, Roles: bearer.ClaimStrings{a, b}, DNS: b, Usr: a, UTCTimeOffset: b, CultureCode: a, FamilyName: b, Email: a, Website: b,
			ID: a, Issued: b, Expired: a, NotBefore: date, ExpiresAt: date, Issuer: b, Audience: bearer.ClaimStrings{a}, Subject: b, IssuedAt: date, Scope: a, ClientID: b,
		})
	})
}
