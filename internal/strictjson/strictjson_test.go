package strictjson_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/gobearer/bearer/internal/strictjson"
)

// deep is a value of n arrays in one another.
func deep(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }

var objects = []struct {
	name string
	text string
	err  error
}{
	{"no member", `{}`, nil},
	{"members of every type", ` {"a":"","b":1e400,"c":true,"d":null,"e":[{"a":1}],"f":{"g":[]}} `, nil},
	{"names that differ in case", `{"a":1,"A":1}`, nil},
	{"63 levels in the object", `{"a":` + deep(63) + `}`, nil},
	{"64 levels in the object", `{"a":` + deep(64) + `}`, strictjson.ErrSyntax},
	{"100 000 levels", `{"a":` + deep(100_000) + `}`, strictjson.ErrSyntax},
	{"nothing", ``, strictjson.ErrSyntax},
	{"null", `null`, strictjson.ErrSyntax},
	{"an array", `[]`, strictjson.ErrSyntax},
	{"no end", `{"a":1`, strictjson.ErrSyntax},
	{"a comma too many", `{"a":1,}`, strictjson.ErrSyntax},
	{"a member twice", `{"a":1,"a":1}`, strictjson.ErrSyntax},
	{"a member twice by an escape", `{"a":1,"\u0061":1}`, strictjson.ErrSyntax},
	{"a member twice, deeper", `{"a":{"b":1,"b":1}}`, strictjson.ErrSyntax},
	{"a name that is no string", `{1:1}`, strictjson.ErrSyntax},
	{"invalid UTF-8", "{\"a\":\"\xff\"}", strictjson.ErrSyntax},
	{"half a surrogate pair", `{"a":"\ud800"}`, strictjson.ErrSyntax},
	{"a byte order mark", "\ufeff{}", strictjson.ErrSyntax},
	{"a second object", `{}{}`, strictjson.ErrSyntax},
	{"a comment", `{}//`, strictjson.ErrSyntax},
	{"NaN", `{"a":NaN}`, strictjson.ErrSyntax},
}

func skip(d *jsontext.Decoder, _ string) error { return strictjson.Skip(d) }

func TestObject(t *testing.T) {
	for _, test := range objects {
		t.Run(test.name, func(t *testing.T) {
			if err := strictjson.Object([]byte(test.text), skip); err != test.err {
				t.Errorf("%v, want %v", err, test.err)
			}
		})
	}
}

func TestObjectStopsAtTheFirstError(t *testing.T) {
	stop := errors.New("stop")
	var names []string
	err := strictjson.Object([]byte(`{"a":1,"b":2,"c":3}`), func(d *jsontext.Decoder, name string) error {
		names = append(names, name)
		if name == "b" {
			return stop
		}
		return strictjson.Skip(d)
	})
	if err != stop || strings.Join(names, "") != "ab" {
		t.Errorf("%v behind %q", err, names)
	}
}

func TestValues(t *testing.T) {
	for _, test := range []struct {
		value  string
		text   error
		number error
		list   int // -1: neither a string nor an array of strings
	}{
		{`"a"`, nil, strictjson.ErrType, 1},
		{`""`, nil, strictjson.ErrType, 1},
		{`1.5e3`, strictjson.ErrType, nil, -1},
		{`null`, strictjson.ErrType, strictjson.ErrType, -1},
		{`true`, strictjson.ErrType, strictjson.ErrType, -1},
		{`[]`, strictjson.ErrType, strictjson.ErrType, 0},
		{`["a","b"]`, strictjson.ErrType, strictjson.ErrType, 2},
		{`["a",null]`, strictjson.ErrType, strictjson.ErrType, -1},
		{`["a",["b"]]`, strictjson.ErrType, strictjson.ErrType, -1},
		{`{"a":"b"}`, strictjson.ErrType, strictjson.ErrType, -1},
	} {
		t.Run(test.value, func(t *testing.T) {
			object := []byte(`{"v":` + test.value + `}`)
			err := strictjson.Object(object, func(d *jsontext.Decoder, _ string) error {
				_, err := strictjson.String(d)
				return err
			})
			if err != test.text {
				t.Errorf("String: %v, want %v", err, test.text)
			}
			err = strictjson.Object(object, func(d *jsontext.Decoder, _ string) error {
				_, err := strictjson.Number(d)
				return err
			})
			if err != test.number {
				t.Errorf("Number: %v, want %v", err, test.number)
			}
			err = strictjson.Object(object, func(d *jsontext.Decoder, _ string) error {
				list, ok, err := strictjson.Strings(d)
				if ok != (test.list >= 0) || ok && len(list) != test.list || !ok && list != nil {
					t.Errorf("Strings: %q, %v, want %d", list, ok, test.list)
				}
				return err
			})
			if err != nil {
				t.Errorf("Strings: %v", err)
			}
		})
	}
}
