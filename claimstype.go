package bearer

import (
	"encoding"
	stdjson "encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// undecodable says why C cannot hold claims; empty: it can. What would fail or
// stay empty at every request is refused once, at construction.
func undecodable[C any]() string {
	t := reflect.TypeFor[C]()
	if t.Kind() == reflect.Pointer {
		return "is a pointer: use the type it points to"
	}
	if reason := undecodableType(t, make(map[reflect.Type]bool)); reason != "" {
		return reason
	}
	// These claims are numbers in every token.
	if json.Unmarshal([]byte(`{"nbf":1767225600,"exp":1767225600,"iat":1767225600}`), new(C)) != nil {
		return "does not decode from claims: use a struct or a map[string]any in which exp, nbf and iat are numbers"
	}
	return ""
}

func undecodableType(t reflect.Type, seen map[reflect.Type]bool) string {
	if seen[t] || decodesItself(t) {
		return ""
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return undecodableType(t.Elem(), seen)
	case reflect.Map:
		if k := t.Key(); k.Kind() != reflect.String && !decodesItself(k) {
			return "holds " + t.String() + ", whose keys are no names: use a map[string]any"
		}
		return undecodableType(t.Elem(), seen)
	case reflect.Int64:
		if t == reflect.TypeFor[time.Duration]() {
			return "holds a time.Duration, which has no form in JSON: use a number of seconds"
		}
	case reflect.Interface:
		if t.NumMethod() > 0 {
			return "holds " + t.String() + ", an interface that nothing can be decoded into: use a concrete type"
		}
	case reflect.Chan, reflect.Func, reflect.Complex64, reflect.Complex128, reflect.UnsafePointer:
		return "holds " + t.String() + ", which is not in JSON: leave it out"
	case reflect.Struct:
		for f := range t.Fields() {
			if reason := undecodableField(t, f, seen); reason != "" {
				return reason
			}
		}
	}
	return ""
}

func undecodableField(t reflect.Type, f reflect.StructField, seen map[reflect.Type]bool) string {
	tag, tagged := f.Tag.Lookup("json")
	name, options, _ := strings.Cut(tag, ",")
	switch {
	case tag == "-", !f.IsExported() && !f.Anonymous:
		return ""
	case !f.Anonymous && (!tagged || name == "" && !slices.Contains(strings.Split(options, ","), "embed")):
		// Names compare exactly, so Exp never meets exp: the field would be
		// empty in every token, whatever the token says.
		return "has the field " + t.String() + "." + f.Name + ` without a name in a json tag: name the claim, or say json:"-"`
	}
	return undecodableType(f.Type, seen)
}

// decodesItself reports whether a type brings its own decoding.
func decodesItself(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(reflect.TypeFor[json.UnmarshalerFrom]()) ||
		p.Implements(reflect.TypeFor[stdjson.Unmarshaler]()) ||
		p.Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

// encodesItself reports whether a type brings its own encoding, with which
// json/v2 embeds it in no other, not even to decode it.
func encodesItself(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(reflect.TypeFor[json.MarshalerTo]()) ||
		p.Implements(reflect.TypeFor[stdjson.Marshaler]()) ||
		p.Implements(reflect.TypeFor[encoding.TextMarshaler]()) ||
		p.Implements(reflect.TypeFor[encoding.TextAppender]())
}
