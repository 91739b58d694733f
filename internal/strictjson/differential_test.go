package strictjson_test

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/gobearer/bearer/internal/strictjson"
)

// A member is what jsontext's decoder makes of one.
type member struct{ name, value string }

// reference reads an object with jsontext's decoder, and refuses what is deeper
// than 64 levels besides.
func reference(text []byte) (members []member, ok bool) {
	d := jsontext.NewDecoder(bytes.NewBuffer(slices.Clone(text)))
	for depth := -1; depth != 0; depth = d.StackDepth() {
		if t, err := d.ReadToken(); err != nil || depth < 0 && t.Kind() != '{' || d.StackDepth() > 64 {
			return nil, false
		}
	}
	if _, err := d.ReadToken(); err != io.EOF {
		return nil, false
	}
	d = jsontext.NewDecoder(bytes.NewBuffer(slices.Clone(text)))
	_, _ = d.ReadToken()
	for d.PeekKind() == '"' {
		name, _ := d.ReadToken()
		m := member{name: name.String()}
		value, _ := d.ReadValue()
		m.value = string(value)
		members = append(members, m)
	}
	return members, true
}

// compare reads a text both ways.
func compare(t *testing.T, text []byte) {
	t.Helper()
	want, ok := reference(text)
	names, values, err := read(string(text))
	if (err == nil) != ok {
		t.Fatalf("%.200q: %v, but jsontext says %v", text, err, ok)
	}
	if !ok {
		return
	}
	if len(names) != len(want) {
		t.Fatalf("%.200q: %d members, want %d", text, len(names), len(want))
	}
	for i, m := range want {
		if names[i] != m.name || values[i].Text() != m.value {
			t.Errorf("%.200q: %q is %q, want %q is %q", text, names[i], values[i].Text(), m.name, m.value)
		}
		compareValue(t, values[i], jsontext.Value(m.value))
	}
}

func compareValue(t *testing.T, v strictjson.Value, want jsontext.Value) {
	t.Helper()
	if v.Kind() != byte(want.Kind()) {
		t.Errorf("%s: kind %q, want %q", want, v.Kind(), want.Kind())
	}
	var text string
	isText := want.Kind() == '"' && json.Unmarshal(want, &text) == nil
	if got, err := v.String(); (err == nil) != isText || got != text {
		t.Errorf("%s: string %q, %v, want %q", want, got, err, text)
	}
	number, err := v.Number()
	if isNumber := want.Kind() == '0'; (err == nil) != isNumber || isNumber && number != string(want) {
		t.Errorf("%s: number %q, %v", want, number, err)
	}
	var list []string
	if isText {
		list = []string{text}
	}
	isList := isText
	if want.Kind() == '[' {
		// json/v2 takes null for "".
		var elements []jsontext.Value
		notText := func(e jsontext.Value) bool { return e.Kind() != '"' }
		isList = json.Unmarshal(want, &elements) == nil && !slices.ContainsFunc(elements, notText)
		if isList && json.Unmarshal(want, &list) != nil {
			t.Errorf("%s is no list", want)
		}
	}
	if got, ok := v.Strings(); ok != isList || !slices.Equal(got, list) {
		t.Errorf("%s: strings %q, %v, want %q, %v", want, got, ok, list, isList)
	}
}

func TestDifferential(t *testing.T) {
	for _, test := range objects {
		t.Run(test.name, func(t *testing.T) { compare(t, []byte(test.text)) })
	}
	// Every byte in every place of a text in which all of the grammar is.
	const whole = ` { "a" : "b\n\u00e9\ud83d\ude00é" , "c" : [ -1.5e+3 , true , { "d" : null , "e" : { } } ] } `
	for i := range len(whole) {
		for c := range 256 {
			compare(t, []byte(whole[:i]+string([]byte{byte(c)})+whole[i+1:]))
			compare(t, []byte(whole[:i]+string([]byte{byte(c)})+whole[i:]))
		}
		compare(t, []byte(whole[:i]))
		compare(t, []byte(whole[:i]+whole[i+1:]))
	}
	// Runs of plain text of each length, before what is not plain.
	for n := range 40 {
		for _, end := range []string{`"`, `\n"`, "é\"", "\x1f\"", "\x80\"", `\`, ``, "\x7f\""} {
			compare(t, []byte(`{"a":"`+strings.Repeat("x", n)+end+`}`))
			compare(t, []byte(`{"`+strings.Repeat("~ !", n)+end+`:1}`))
		}
	}
}

func FuzzObject(f *testing.F) {
	for _, test := range objects {
		if len(test.text) < 10_000 {
			f.Add([]byte(test.text))
		}
	}
	f.Add([]byte(`{"iss":"https://issuer.test","aud":["a","b\u0020"],"scope":"read write","exp":1772366460.5}`))
	f.Fuzz(compare)
}
