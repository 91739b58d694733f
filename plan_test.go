package bearer_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/gobearer/bearer"
)

// The claims of all kinds that a plan is for.
type (
	tenantName  string
	tenantNames []tenantName
	tenantLevel uint8

	inner struct {
		Roles []string `json:"roles,omitempty"`
		Level int8     `json:"level"`
	}
	registered struct {
		Subject string `json:"sub"`
		Hidden  bool   `json:"hidden"`
	}
	planned struct {
		registered
		Text     string              `json:"text"`
		Name     tenantName          `json:"name,omitempty"`
		Flag     bool                `json:"flag"`
		Int      int                 `json:"int,omitzero"`
		Int8     int8                `json:"int8"`
		Int16    int16               `json:"int16"`
		Int32    int32               `json:"int32"`
		Int64    int64               `json:"int64"`
		Uint     uint                `json:"uint"`
		Uint8    tenantLevel         `json:"uint8"`
		Uint16   uint16              `json:"uint16"`
		Uint32   uint32              `json:"uint32"`
		Uint64   uint64              `json:"uint64"`
		Float32  float32             `json:"float32,omitempty,omitzero"`
		Float64  float64             `json:"float64"`
		List     []string            `json:"list"`
		Names    tenantNames         `json:"names"`
		Strings  bearer.ClaimStrings `json:"strings"`
		Date     bearer.NumericDate  `json:"date"`
		Pointer  *string             `json:"pointer"`
		PDate    *bearer.NumericDate `json:"pdate"`
		PList    *[]string           `json:"plist"`
		PP       **int               `json:"pp"`
		Inner    inner               `json:"realm_access"`
		Empty    struct{}            `json:"empty"`
		Dash     string              `json:"-"`
		Hidden   string              `json:"hidden"` // and not registered's
		Accented string              `json:"é €"`
		_        int
	}
	embedsClaims struct {
		bearer.Claims
		Tenant  string `json:"tenant"`
		Website int    `json:"website"` // and not the Claims'
	}
	embedsByTag struct {
		Base registered `json:",embed"`
		Text string     `json:"text"`
	}
	noFields struct {
		Dash string `json:"-"`
	}
)

// What no plan is for, as a type or for one of its fields.
type (
	decodes struct {
		Text string `json:"text"`
	}
	encodes struct {
		Text string `json:"text"`
	}
	textual string

	withAny struct {
		V any `json:"v"`
	}
	withMap struct {
		V map[string]string `json:"v"`
	}
	withBytes struct {
		V []byte `json:"v"`
	}
	withArray struct {
		V [2]string `json:"v"`
	}
	withInts struct {
		V []int `json:"v"`
	}
	withTime struct {
		V time.Time `json:"v"`
	}
	withTextual struct {
		V textual `json:"v"`
	}
	withTextuals struct {
		V []textual `json:"v"`
	}
	withDecodes struct {
		V decodes `json:"v"`
	}
	withString struct {
		V int `json:"v,string"`
	}
	withCase struct {
		V int `json:"v,case:ignore"`
	}
	withQuotes struct {
		V int `json:"'v'"`
	}
	withUnknown struct {
		V int `json:"v,unknown"`
	}
	withRecursion struct {
		V *withRecursion `json:"v"`
	}
	withEmbedded struct{ *registered }
	withFallback struct {
		V map[string]any `json:",embed"`
	}
	other struct {
		Subject string `json:"sub"`
	}
	withEncodes struct {
		V struct {
			encodes
			Text string `json:"other"`
		} `json:"v"`
	}
)

// field is one of a struct that go vet would not let us write.
func field(name, tag string, t reflect.Type) reflect.StructField {
	f := reflect.StructField{Name: name, Type: t, Tag: reflect.StructTag(tag)}
	if !f.IsExported() || name == strings.ToLower(name) {
		f.PkgPath = "github.com/gobearer/bearer_test"
	}
	return f
}

var (
	text        = reflect.TypeFor[string]()
	twins       = reflect.StructOf([]reflect.StructField{field("A", `json:"a"`, text), field("B", `json:"a"`, text)})
	hiddenTwins = reflect.StructOf([]reflect.StructField{field("T", `json:",embed"`, twins), field("A", `json:"a"`, text)})
	conflict    = reflect.StructOf([]reflect.StructField{
		field("R", `json:",embed"`, reflect.TypeFor[registered]()), field("O", `json:",embed"`, reflect.TypeFor[other]()),
	})
	unexported = reflect.StructOf([]reflect.StructField{field("a", `json:"a"`, text)})
	withoutAny = reflect.StructOf([]reflect.StructField{field("a", "", text)})
)

// within fails in json/v2 where its field does, but not before the member is there.
func within(t reflect.Type) reflect.Type {
	return reflect.StructOf([]reflect.StructField{field("V", `json:"v"`, t)})
}

func (d *decodes) UnmarshalJSON(text []byte) error { d.Text = "its own " + string(text); return nil }
func (e encodes) MarshalJSON() ([]byte, error)     { return []byte("{}"), nil }
func (t *textual) UnmarshalText(text []byte) error {
	*t = textual("its own " + string(text))
	return nil
}

// comparePlan holds the plan of a type against json/v2, and says whether it
// decoded.
func comparePlan(t testing.TB, c reflect.Type, payload string) bool {
	t.Helper()
	got, want := reflect.New(c), reflect.New(c)
	wantErr := json.Unmarshal([]byte(payload), want.Interface())
	_, decoded, err := bearer.Planned(payload, got.Interface())
	if !decoded {
		return false
	}
	if err != nil || wantErr != nil {
		t.Errorf("%v: %.300s\ndecoded with %v, but json/v2 says %v", c, payload, err, wantErr)
	}
	if !reflect.DeepEqual(got.Interface(), want.Interface()) {
		t.Errorf("%v: %.300s\ndecoded as %+v\nwant       %+v", c, payload, got, want)
	}
	return true
}

var plannedTypes = []reflect.Type{
	reflect.TypeFor[planned](), reflect.TypeFor[bearer.Claims](), reflect.TypeFor[embedsClaims](), reflect.TypeFor[embedsByTag](),
	reflect.TypeFor[noFields](), reflect.TypeFor[struct{}](), reflect.TypeFor[twoStrings](), reflect.TypeFor[inner](), reflect.TypeFor[tenantClaim](),
}

var unplannedTypes = map[string]reflect.Type{
	"any":                     reflect.TypeFor[any](),
	"a map":                   reflect.TypeFor[map[string]any](),
	"a string":                text,
	"its own decoding":        reflect.TypeFor[decodes](),
	"its own text":            reflect.TypeFor[textual](),
	"a date":                  reflect.TypeFor[bearer.NumericDate](),
	"an any":                  reflect.TypeFor[withAny](),
	"a field of a map":        reflect.TypeFor[withMap](),
	"bytes":                   reflect.TypeFor[withBytes](),
	"an array":                reflect.TypeFor[withArray](),
	"numbers":                 reflect.TypeFor[withInts](),
	"a time":                  reflect.TypeFor[withTime](),
	"a duration":              within(reflect.TypeFor[time.Duration]()),
	"a text":                  reflect.TypeFor[withTextual](),
	"texts":                   reflect.TypeFor[withTextuals](),
	"a field of its own":      reflect.TypeFor[withDecodes](),
	"the string option":       reflect.TypeFor[withString](),
	"the case option":         reflect.TypeFor[withCase](),
	"the format option":       reflect.StructOf([]reflect.StructField{field("V", `json:"v,format:emitnull"`, reflect.TypeFor[[]string]())}),
	"a name in quotes":        reflect.TypeFor[withQuotes](),
	"an unknown option":       reflect.TypeFor[withUnknown](),
	"no name":                 reflect.StructOf([]reflect.StructField{field("V", "", text)}),
	"recursion":               reflect.TypeFor[withRecursion](),
	"an embedded pointer":     reflect.TypeFor[withEmbedded](),
	"all other members":       reflect.TypeFor[withFallback](),
	"a conflict":              conflict,
	"one name twice":          twins,
	"one name twice, deeper":  within(twins),
	"one name twice, hidden":  within(hiddenTwins),
	"an unexported member":    within(unexported),
	"no exported field":       within(withoutAny),
	"an embedded encoder":     reflect.TypeFor[withEncodes](),
	"a comma and no option":   within(reflect.StructOf([]reflect.StructField{field("V", `json:"v,"`, text)})),
	"a pointer to itself":     within(reflect.TypeFor[itself]()),
	"a pointer to a struct":   within(reflect.TypeFor[*inner]()),
	"a pointer to no pointer": within(reflect.TypeFor[*withAny]()),
}

// comparePlans compares every type there is.
func comparePlans(t testing.TB, payload string) {
	t.Helper()
	for _, c := range plannedTypes {
		comparePlan(t, c, payload)
	}
}

type itself *itself

type tenantClaim struct {
	Tenant tenantName `json:"tenant"`
}

func TestPlanIsForCommonTypes(t *testing.T) {
	full := `{"sub":"s","text":"t\n","name":"n","flag":true,"int":-1,"int8":-128,"int16":32767,"int32":-2147483648,"int64":-9223372036854775808,"uint":0,` +
		`"uint8":255,"uint16":65535,"uint32":4294967295,"uint64":18446744073709551615,"float32":-1.5e-3,"float64":-0,"list":["a","\u0062"],"names":["a"],` +
		`"strings":"a","date":1772366460.5,"pointer":"p","pdate":1,"plist":["a"],"pp":7,"realm_access":{"level":1,"roles":["admin"],"other":{}},"empty":{"a":1},"hidden":"h","é €":"a"}`
	nothing := `{"text":null,"name":null,"flag":null,"int":null,"uint8":null,"float32":null,"list":null,"names":null,"pointer":null,"pdate":null,"plist":null,"pp":null,"realm_access":null}`
	for _, payload := range []string{full, nothing, goodPayload(""), `{}`, `{"unknown":[1,{"a":null}]}`} {
		if !comparePlan(t, reflect.TypeFor[planned](), payload) {
			t.Errorf("not decoded: %s", payload)
		}
	}
	if hidden := `{"usr":"u","website":1}`; !comparePlan(t, reflect.TypeFor[embedsClaims](), hidden) {
		t.Errorf("not decoded: %s", hidden)
	}
	for _, c := range plannedTypes {
		if !comparePlan(t, c, goodPayload(`,"tenant":"t","website":null,"email":"e","text":"t","roles":["r"],"level":1`)) {
			t.Errorf("%v: not decoded", c)
		}
	}
}

func TestPlanIsForNothingElse(t *testing.T) {
	for name, c := range unplannedTypes {
		if planned, decoded, _ := bearer.Planned(`{}`, reflect.New(c).Interface()); planned || decoded {
			t.Errorf("there is a plan for %s", name)
		}
	}
}

// planValues are values at the edges of every type.
var planValues = []string{
	`null`, `true`, `false`, `""`, `"a"`, `"\u0061\ud83d\ude00"`, `"1"`, `"null"`, `0`, `-0`, `0.0`, `-0.0`, `1`, `-1`, `1.0`, `1e0`, `1E400`, `-1e-400`, `1.5`, `0.1`,
	`127`, `128`, `-128`, `-129`, `255`, `256`, `32767`, `32768`, `65535`, `65536`, `2147483647`, `2147483648`, `-2147483649`, `4294967295`, `4294967296`,
	`9223372036854775807`, `9223372036854775808`, `-9223372036854775808`, `-9223372036854775809`, `18446744073709551615`, `18446744073709551616`,
	`3.4028235e38`, `3.4028236e38`, `1e39`, `1.7976931348623157e308`, `1.8e308`, `5e-324`, `1772366460`, `1772366460.25`, `253402300800`,
	`[]`, `[ ]`, `["a"]`, `["a","\n"]`, `[null]`, `["a",null]`, `["a",1]`, `[["a"]]`, `[1,2]`, `{}`, `{"a":1}`, `{"roles":["a"],"level":127}`, `{"roles":null}`, `{"level":128}`, `{"level":"1"}`,
}

var planNames = []string{
	"sub", "text", "name", "flag", "int", "int8", "int16", "int32", "int64", "uint", "uint8", "uint16", "uint32", "uint64", "float32", "float64", "list", "names",
	"strings", "date", "pointer", "pdate", "plist", "pp", "realm_access", "empty", "hidden", "é €", "-", "Dash", "unseen", "base", "Claims", "tenant", "Tenant", "SUB",
	"v", "V", "a", "roles", "level", "email", "aud", "nbf", "exp", "iat", "jti", "scope", "usr", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role",
}

func TestPlanDifferential(t *testing.T) {
	for _, name := range planNames {
		for _, value := range planValues {
			comparePlans(t, fmt.Sprintf(`{%q:%s}`, name, value))
		}
	}
	for _, p := range slices.Concat(ambiguousPayloads, typedPayloads(), datePayloads()) {
		comparePlans(t, p.payload)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		comparePlans(t, randomPayload(r))
	}
}

// randomPayload has a few members of the names and values above.
func randomPayload(r *rand.Rand) string {
	var b strings.Builder
	for range r.IntN(8) {
		fmt.Fprintf(&b, ",%q:%s", planNames[r.IntN(len(planNames))], planValues[r.IntN(len(planValues))])
	}
	return "{" + strings.TrimPrefix(b.String(), ",") + "}"
}

func FuzzPlan(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 100 {
		f.Add(randomPayload(r))
	}
	f.Fuzz(func(t *testing.T, payload string) { comparePlans(t, payload) })
}

// What a plan gives up, json/v2 decodes, and what json/v2 refuses is refused with
// its words.
func TestPlanGivesUp(t *testing.T) {
	k := keyOf(t, "HS256")
	m := newMiddleware[planned](t, trust(static(t, k)))
	for value, want := range map[string]string{
		`"list":["a",null]`:            "",
		`"int":1e0`:                    `bearer: invalid claims: the payload does not decode into *bearer_test.planned at "/int"`,
		`"text":1`:                     `bearer: invalid claims: the payload does not decode into *bearer_test.planned at "/text"`,
		`"date":"1"`:                   `bearer: invalid claims: the payload does not decode into *bearer_test.planned at "/date"`,
		`"realm_access":{"level":"x"}`: `bearer: invalid claims: the payload does not decode into *bearer_test.planned at "/realm_access/level"`,
	} {
		got, err := m.Verify(t.Context(), forge(t, k, header(k), goodPayload(`,"flag":true,`+value)))
		if want == "" {
			if err != nil || !got.Claims.Flag || !slices.Equal(got.Claims.List, []string{"a", ""}) {
				t.Errorf("%s: %v, %v", value, got, err)
			}
			continue
		}
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", value, err, want)
		}
	}
}
