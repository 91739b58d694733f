package strictjson_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/gobearer/bearer/internal/strictjson"
)

// deep is a value of n arrays in one another.
func deep(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }

// many is the members of an object of n, each with a name of its own.
func many(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"%d":{}`, i)
	}
	return b.String()[1:]
}

var objects = []struct {
	name string
	text string
	err  error
}{
	{"no member", `{}`, nil},
	{"members of every type", ` {"a":"","b":1e400,"c":true,"d":null,"e":[{"a":1}],"f":{"g":[]}} `, nil},
	{"names that differ in case", `{"a":1,"A":1}`, nil},
	{"white space of every kind", " \t\r\n{ \t\r\n\"a\" \t\r\n: \t\r\n[ 1 , { } , [ ] ] \t\r\n, \"b\" : 2 \t\r\n} \t\r\n", nil},
	{"63 levels in the object", `{"a":` + deep(63) + `}`, nil},
	{"64 levels in the object", `{"a":` + deep(64) + `}`, strictjson.ErrSyntax},
	{"63 objects in the object", strings.Repeat(`{"a":`, 64) + `0` + strings.Repeat(`}`, 64), nil},
	{"64 objects in the object", strings.Repeat(`{"a":`, 65) + `0` + strings.Repeat(`}`, 65), strictjson.ErrSyntax},
	{"100 000 levels", `{"a":` + deep(100_000) + `}`, strictjson.ErrSyntax},
	{"nothing", ``, strictjson.ErrSyntax},
	{"white space", ` `, strictjson.ErrSyntax},
	{"null", `null`, strictjson.ErrSyntax},
	{"an array", `[]`, strictjson.ErrSyntax},
	{"no end", `{"a":1`, strictjson.ErrSyntax},
	{"a beginning", `{`, strictjson.ErrSyntax},
	{"a name and no end", `{"a"`, strictjson.ErrSyntax},
	{"a colon and no end", `{"a":`, strictjson.ErrSyntax},
	{"a comma and no end", `{"a":1,`, strictjson.ErrSyntax},
	{"another end", `{"a":1]`, strictjson.ErrSyntax},
	{"another end, deeper", `{"a":[1}`, strictjson.ErrSyntax},
	{"a comma too many", `{"a":1,}`, strictjson.ErrSyntax},
	{"a comma alone", `{,}`, strictjson.ErrSyntax},
	{"a comma too many in an array", `{"a":[1,]}`, strictjson.ErrSyntax},
	{"a comma too few", `{"a":1 "b":2}`, strictjson.ErrSyntax},
	{"a colon too few", `{"a" 1}`, strictjson.ErrSyntax},
	{"a colon for a comma", `{"a":1:"b":2}`, strictjson.ErrSyntax},
	{"a member twice", `{"a":1,"a":1}`, strictjson.ErrSyntax},
	{"a member twice by an escape", `{"a":1,"\u0061":1}`, strictjson.ErrSyntax},
	{"a member twice by a pair of surrogates", `{"😀":1,"\ud83d\uDE00":1}`, strictjson.ErrSyntax},
	{"the empty name twice", `{"":1,"":1}`, strictjson.ErrSyntax},
	{"a member twice, deeper", `{"a":{"b":1,"b":1}}`, strictjson.ErrSyntax},
	{"a member twice, in an array", `{"a":[[{"b":1,"c":1,"b":1}]]}`, strictjson.ErrSyntax},
	{"a name at two depths", `{"a":{"a":{"a":1}},"b":{"a":1}}`, nil},
	{"1 000 members", `{` + many(1000) + `}`, nil},
	{"1 000 members, deeper", `{"a":{` + many(1000) + `}}`, nil},
	{"the first of 1 000 members twice", `{` + many(1000) + `,"0":1}`, strictjson.ErrSyntax},
	{"the last of 1 000 members twice", `{` + many(1000) + `,"999":1}`, strictjson.ErrSyntax},
	{"the first of 1 000 members twice, deeper", `{"a":{` + many(1000) + `,"0":1}}`, strictjson.ErrSyntax},
	{"the last of 1 000 members twice, deeper", `{"a":{` + many(1000) + `,"999":1}}`, strictjson.ErrSyntax},
	{"a name twice among many in objects in one another", `{"a":{` + many(50) + `,"b":{` + many(40) + `,"c":{` + many(30) + `,"7":1}}}}`, strictjson.ErrSyntax},
	{"a name twice among many around an object of many", `{"a":{` + many(50) + `,"b":{` + many(40) + `},"7":1}}`, strictjson.ErrSyntax},
	{"many names in objects in one another", `{` + many(50) + `,"b":{` + many(40) + `,"c":{` + many(30) + `},"d":{` + many(40) + `}},"e":1}`, nil},
	{"a name that is no string", `{1:1}`, strictjson.ErrSyntax},
	{"invalid UTF-8", "{\"a\":\"\xff\"}", strictjson.ErrSyntax},
	{"invalid UTF-8 in a name", "{\"\xff\":1}", strictjson.ErrSyntax},
	{"a surrogate in UTF-8", "{\"a\":\"\xed\xa0\x80\"}", strictjson.ErrSyntax},
	{"an overlong quote", "{\"a\":\"\xc0\xa2\"}", strictjson.ErrSyntax},
	{"UTF-8 that is cut off", "{\"a\":\"\xe2\x82\"}", strictjson.ErrSyntax},
	{"the replacement character", "{\"a\":\"\ufffd\"}", nil},
	{"U+2028 and U+2029", "{\"a\":\"\u2028\u2029\"}", nil},
	{"half a surrogate pair", `{"a":"\ud800"}`, strictjson.ErrSyntax},
	{"the other half", `{"a":"\udc00"}`, strictjson.ErrSyntax},
	{"both halves in the wrong order", `{"a":"\udc00\ud800"}`, strictjson.ErrSyntax},
	{"half a pair before another escape", `{"a":"\ud800\n"}`, strictjson.ErrSyntax},
	{"half a pair before a letter", `{"a":"\ud800u"}`, strictjson.ErrSyntax},
	{"half a pair before a cut one", `{"a":"\ud800\udc0`, strictjson.ErrSyntax},
	{"an escape that there is none of", `{"a":"\x41"}`, strictjson.ErrSyntax},
	{"an escape that is cut off", `{"a":"\`, strictjson.ErrSyntax},
	{"a unit that is cut off", `{"a":"\u004`, strictjson.ErrSyntax},
	{"a unit that is not hexadecimal", `{"a":"\u00g0"}`, strictjson.ErrSyntax},
	{"a control character", "{\"a\":\"\n\"}", strictjson.ErrSyntax},
	{"NUL", "{\"a\":\"\x00\"}", strictjson.ErrSyntax},
	{"DEL", "{\"a\":\"\x7f\"}", nil},
	{"a byte order mark", "\ufeff{}", strictjson.ErrSyntax},
	{"a second object", `{}{}`, strictjson.ErrSyntax},
	{"a comment", `{}//`, strictjson.ErrSyntax},
	{"a form feed", "{}\f", strictjson.ErrSyntax},
	{"NaN", `{"a":NaN}`, strictjson.ErrSyntax},
	{"a literal that is cut off", `{"a":tru}`, strictjson.ErrSyntax},
	{"a literal that goes on", `{"a":nulls}`, strictjson.ErrSyntax},
	{"a leading zero", `{"a":01}`, strictjson.ErrSyntax},
	{"a leading zero behind the sign", `{"a":-01}`, strictjson.ErrSyntax},
	{"a leading plus", `{"a":+1}`, strictjson.ErrSyntax},
	{"a sign alone", `{"a":-}`, strictjson.ErrSyntax},
	{"a point without digits", `{"a":1.}`, strictjson.ErrSyntax},
	{"a point without digits before it", `{"a":.5}`, strictjson.ErrSyntax},
	{"an exponent without digits", `{"a":1e}`, strictjson.ErrSyntax},
	{"an exponent of a sign", `{"a":1e+}`, strictjson.ErrSyntax},
	{"a number in hexadecimal", `{"a":0x1}`, strictjson.ErrSyntax},
	{"numbers of every form", `{"a":[0,-0,0.0,-0.10,10,1e0,1E+0,1e-00,-1.5E007]}`, nil},
}

// read reads an object to its end, and all that can be read from its values.
func read(text string) (names []string, values []strictjson.Value, err error) {
	o := strictjson.Open(text)
	for o.Next() {
		names, values = append(names, o.Name), append(values, o.Value)
	}
	return names, values, o.Err()
}

func TestObject(t *testing.T) {
	for _, test := range objects {
		t.Run(test.name, func(t *testing.T) {
			if _, _, err := read(test.text); err != test.err {
				t.Errorf("%v, want %v", err, test.err)
			}
		})
	}
}

// A caller that stops must not take what it has not seen for good.
func TestObjectIsNotGoodBeforeItsEnd(t *testing.T) {
	o := strictjson.Open(`{"a":1,"b":2}`)
	for _, name := range []string{"a", "b"} {
		if o.Err() != strictjson.ErrSyntax {
			t.Errorf("good before %s", name)
		}
		if !o.Next() || o.Name != name {
			t.Fatalf("read %q, want %q", o.Name, name)
		}
	}
	for range 2 {
		if o.Next() || o.Err() != nil {
			t.Errorf("not at the end: %v", o.Err())
		}
	}
}

func TestObjectEndsAtTheFirstError(t *testing.T) {
	o := strictjson.Open(`{"a":1,"b":x,"c":3}`)
	for range 3 {
		for o.Next() {
			if o.Name != "a" {
				t.Errorf("read %s", o.Name)
			}
		}
		if o.Err() != strictjson.ErrSyntax {
			t.Errorf("no error: %v", o.Err())
		}
	}
}

func TestValues(t *testing.T) {
	for _, test := range []struct {
		text   string
		kind   byte
		str    string
		strErr error
		numErr error
		list   []string
		ok     bool
	}{
		{`"a"`, '"', "a", nil, strictjson.ErrType, []string{"a"}, true},
		{`""`, '"', "", nil, strictjson.ErrType, []string{""}, true},
		{`"\"\\\/\b\f\n\r\t\u00e9\uD83d\uDe00é"`, '"', "\"\\/\b\f\n\r\t\u00e9\U0001f600é", nil, strictjson.ErrType, []string{"\"\\/\b\f\n\r\t\u00e9\U0001f600é"}, true},
		{`"\u0000\u2028"`, '"', "\x00\u2028", nil, strictjson.ErrType, []string{"\x00\u2028"}, true},
		{`1.5e3`, '0', "", strictjson.ErrType, nil, nil, false},
		{`-0`, '0', "", strictjson.ErrType, nil, nil, false},
		{`null`, 'n', "", strictjson.ErrType, strictjson.ErrType, nil, false},
		{`true`, 't', "", strictjson.ErrType, strictjson.ErrType, nil, false},
		{`false`, 'f', "", strictjson.ErrType, strictjson.ErrType, nil, false},
		{`[]`, '[', "", strictjson.ErrType, strictjson.ErrType, nil, true},
		{`[ ]`, '[', "", strictjson.ErrType, strictjson.ErrType, nil, true},
		{`["a","b"]`, '[', "", strictjson.ErrType, strictjson.ErrType, []string{"a", "b"}, true},
		{`[ "a" , "\u0062]" ]`, '[', "", strictjson.ErrType, strictjson.ErrType, []string{"a", "b]"}, true},
		{`["a",null]`, '[', "", strictjson.ErrType, strictjson.ErrType, nil, false},
		{`["a",["b"]]`, '[', "", strictjson.ErrType, strictjson.ErrType, nil, false},
		{`{"a":"b"}`, '{', "", strictjson.ErrType, strictjson.ErrType, nil, false},
	} {
		t.Run(test.text, func(t *testing.T) {
			_, values, err := read(`{"v": ` + test.text + ` }`)
			if err != nil {
				t.Fatal(err)
			}
			v := values[0]
			if alone, err := strictjson.Parse(" " + test.text + "\n"); err != nil || alone != v {
				t.Errorf("alone: %q, %v", alone.Text(), err)
			}
			if v.Text() != test.text || v.Kind() != test.kind {
				t.Errorf("%q of %q", v.Text(), v.Kind())
			}
			if s, err := v.String(); s != test.str || err != test.strErr {
				t.Errorf("String: %q, %v, want %q, %v", s, err, test.str, test.strErr)
			}
			want := test.text
			if test.numErr != nil {
				want = ""
			}
			if n, err := v.Number(); n != want || err != test.numErr {
				t.Errorf("Number: %q, %v, want %q, %v", n, err, want, test.numErr)
			}
			if list, ok := v.Strings(); ok != test.ok || !slices.Equal(list, test.list) || (list == nil) != (test.list == nil) {
				t.Errorf("Strings: %q, %v, want %q, %v", list, ok, test.list, test.ok)
			}
		})
	}
}

func TestParse(t *testing.T) {
	for _, text := range []string{``, ` `, `"a`, `1 1`, `1,`, `[`, `]`, `{"a":1,"a":1}`, `[{"a":1,"a":1}]`, "\"\xff\"", deep(65), `tru`} {
		if v, err := strictjson.Parse(text); err != strictjson.ErrSyntax || v != (strictjson.Value{}) {
			t.Errorf("%.20s: %q, %v", text, v.Text(), err)
		}
	}
	if _, err := strictjson.Parse(deep(64)); err != nil {
		t.Errorf("64 levels: %v", err)
	}
}

// What comes from an attacker before there is a signature must not cost memory.
func TestObjectDoesNotAllocate(t *testing.T) {
	for name, text := range map[string]string{
		"a token's payload":      `{"iss":"https://issuer.test","aud":["a","b"],"realm_access":{"roles":["a"]},"exp":1772366460.5,"é":null}`,
		"members without number": `{` + many(32) + `}`,
		"arrays in one another":  `{"a":` + deep(2000) + `}`,
		"objects in one another": strings.Repeat(`{"a":`, 2000),
	} {
		if n := testing.AllocsPerRun(100, func() {
			o := strictjson.Open(text)
			for o.Next() {
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// Many names cost no more than room for them, in however many objects.
func TestObjectBoundsItsMemory(t *testing.T) {
	for name, text := range map[string]string{
		"one object":          `{` + many(2000) + `}`,
		"objects":             `{"a":[` + strings.Repeat(`{`+many(12)+`},`, 200) + `1]}`,
		"objects in one more": `{"a":` + strings.Repeat(`{`+many(30)+`,"x":`, 60) + `1` + strings.Repeat("}", 61),
	} {
		const runs = 20
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range runs {
			o := strictjson.Open(text)
			for o.Next() {
			}
			if o.Err() != nil {
				t.Fatal(o.Err())
			}
		}
		runtime.ReadMemStats(&after)
		if n := int(after.TotalAlloc-before.TotalAlloc) / runs; n > 10*len(text) {
			t.Errorf("%s: %d bytes for %d", name, n, len(text))
		}
	}
}

func BenchmarkObject(b *testing.B) {
	for name, text := range map[string]string{
		"small": `{"iss":"https://issuer.test","aud":"https://api.test","sub":"1087","email":"amit@example.test","scope":"read write","jti":"54e28e4c-57bd-4210-a0b9-5c5f042d0f99","tenant":"loyalty-communication","roles":["user","editor"],"iat":1772366340,"nbf":1772366340,"exp":1772366460}`,
		"long":  `{"a":"` + strings.Repeat("x", 1300) + `"}`,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				o := strictjson.Open(text)
				for o.Next() {
				}
				if o.Err() != nil {
					b.Fatal(o.Err())
				}
			}
		})
	}
}
