package bearer

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gobearer/bearer/internal/strictjson"
)

// A plan is how to decode a payload into a struct, worked out once: what
// encoding/json/v2 does with a field of a common type, without its way there. It
// knows nothing else. Where a type has anything else there is no plan, and where
// a value is anything else the plan gives up: json/v2 then decodes the whole
// payload, and whatever it says is right.
//
// Fields are set by reflection, not through pointers of a computed offset: that
// costs a few per cent of a token, and cannot write beside a field.
type plan struct{ fields []plannedField }

type plannedField struct {
	name  string // of the member
	index []int  // for reflect.Value.FieldByIndex
	set   setter
}

// A setter decodes a value into a field that is zero. It is false where json/v2
// has to.
type setter func(field reflect.Value, v strictjson.Value) bool

// planFor is nil for types that json/v2 decodes, or refuses.
func planFor(t reflect.Type) *plan {
	if t.Kind() != reflect.Struct || decodesItself(t) {
		return nil
	}
	type level struct {
		t     reflect.Type
		index []int
	}
	p := &plan{}
	depths := map[string]int{} // at which a name is taken
	// Breadth first, as Go selects a field: a name at a lesser depth hides the
	// others.
	for queue := []level{{t, nil}}; len(queue) > 0; queue = queue[1:] {
		l := queue[0]
		own := map[string]bool{}
		inJSON := l.t.NumField() == 0
		for f := range l.t.Fields() {
			index := append(slices.Clone(l.index), f.Index...)
			name, kind := planTag(f)
			_, tagged := f.Tag.Lookup("json")
			inJSON = inJSON || tagged || kind != tagIgnored
			switch kind {
			case tagIgnored:
			case tagUnknown:
				return nil
			case tagEmbedded:
				if f.Type.Kind() != reflect.Struct || decodesItself(f.Type) || encodesItself(f.Type) {
					return nil
				}
				queue = append(queue, level{f.Type, index})
			case tagNamed:
				depth, taken := depths[name]
				if own[name] || taken && depth == len(index) {
					return nil
				}
				own[name] = true
				if taken {
					continue
				}
				set := setterFor(f.Type)
				if set == nil {
					return nil
				}
				depths[name] = len(index)
				p.fields = append(p.fields, plannedField{name, index, set})
			}
		}
		if !inJSON {
			return nil
		}
	}
	return p
}

type tagKind uint8

const (
	tagUnknown  tagKind = iota
	tagIgnored          // the field is not in JSON
	tagEmbedded         // its own fields are in its place
	tagNamed
)

// planTag reads what a field's tag says to json/v2, as far as a plan is for it.
func planTag(f reflect.StructField) (name string, kind tagKind) {
	tag, tagged := f.Tag.Lookup("json")
	if tag == "-" || !tagged && !f.IsExported() && !f.Anonymous {
		return "", tagIgnored
	}
	name, options, more := strings.Cut(tag, ",")
	if more && options == "" {
		return "", tagUnknown
	}
	if name == "" {
		if f.Anonymous && options == "" || f.IsExported() && options == "embed" {
			return "", tagEmbedded
		}
		return "", tagUnknown
	}
	// A quote or a backslash begins another grammar.
	if !f.IsExported() || strings.ContainsAny(name, "\\'\"`") || !utf8.ValidString(name) {
		return "", tagUnknown
	}
	switch options {
	case "", "omitempty", "omitzero", "omitempty,omitzero", "omitzero,omitempty":
		// They are for encoding alone.
		return name, tagNamed
	default:
		return "", tagUnknown
	}
}

// set decodes a member into its field, if it has one. Members mostly come in the
// order of the fields, so the search begins behind the last place.
func (p *plan) set(claims reflect.Value, name string, v strictjson.Value, place int) (next int, ok bool) {
	for range p.fields {
		if place == len(p.fields) {
			place = 0
		}
		f := &p.fields[place]
		place++
		if f.name == name {
			return place, f.set(claims.FieldByIndex(f.index), v)
		}
	}
	return place, true
}

// setterFor is nil for a type that json/v2 decodes.
func setterFor(t reflect.Type) setter {
	switch {
	case t == reflect.TypeFor[ClaimStrings]():
		return setClaimStrings
	case t == reflect.TypeFor[NumericDate]():
		return setNumericDate
	case decodesItself(t), t == reflect.TypeFor[time.Duration]():
		return nil
	case t == reflect.TypeFor[[]string]():
		return orNull(setStrings)
	}
	switch t.Kind() {
	case reflect.String:
		return orNull(setString)
	case reflect.Bool:
		return orNull(setBool)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return orNull(setInt)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return orNull(setUint)
	case reflect.Float32, reflect.Float64:
		return orNull(setFloat)
	case reflect.Slice:
		if t.Elem().Kind() == reflect.String && !decodesItself(t.Elem()) {
			return orNull(setNamedStrings)
		}
	case reflect.Struct:
		if p := planFor(t); p != nil {
			return orNull(p.setStruct)
		}
	case reflect.Pointer:
		// Not to what may hold such a pointer itself, or be one: type P *P.
		elem := t.Elem()
		if elem.Kind() == reflect.Pointer && elem.Name() != "" || elem.Kind() == reflect.Struct && elem != reflect.TypeFor[NumericDate]() {
			return nil
		}
		if set := setterFor(elem); set != nil {
			return orNull(func(field reflect.Value, v strictjson.Value) bool {
				field.Set(reflect.New(elem))
				return set(field.Elem(), v)
			})
		}
	}
	return nil
}

// orNull leaves a field zero for null, as json/v2 does for all types but those
// that decode themselves.
func orNull(set setter) setter {
	return func(field reflect.Value, v strictjson.Value) bool { return v.Kind() == 'n' || set(field, v) }
}

func setString(field reflect.Value, v strictjson.Value) bool {
	s, err := v.String()
	if err == nil {
		field.SetString(s)
	}
	return err == nil
}

func setBool(field reflect.Value, v strictjson.Value) bool {
	field.SetBool(v.Kind() == 't')
	return v.Kind() == 't' || v.Kind() == 'f'
}

func setInt(field reflect.Value, v strictjson.Value) bool {
	n, err := strconv.ParseInt(v.Text(), 10, field.Type().Bits())
	if err == nil {
		field.SetInt(n)
	}
	return err == nil
}

func setUint(field reflect.Value, v strictjson.Value) bool {
	n, err := strconv.ParseUint(v.Text(), 10, field.Type().Bits())
	if err == nil {
		field.SetUint(n)
	}
	return err == nil
}

func setFloat(field reflect.Value, v strictjson.Value) bool {
	n, err := strconv.ParseFloat(v.Text(), field.Type().Bits())
	if err == nil {
		field.SetFloat(n)
	}
	return err == nil
}

func setStrings(field reflect.Value, v strictjson.Value) bool {
	list, ok := array(v)
	if ok {
		*field.Addr().Interface().(*[]string) = list
	}
	return ok
}

func setNamedStrings(field reflect.Value, v strictjson.Value) bool {
	list, ok := array(v)
	if ok {
		own := reflect.MakeSlice(field.Type(), len(list), len(list))
		for i, s := range list {
			own.Index(i).SetString(s)
		}
		field.Set(own)
	}
	return ok
}

// array reads an array of nothing but strings. An empty one is not nil.
func array(v strictjson.Value) ([]string, bool) {
	if v.Kind() != '[' {
		return nil, false
	}
	list, ok := v.Strings()
	if ok && list == nil {
		list = []string{}
	}
	return list, ok
}

func (p *plan) setStruct(field reflect.Value, v strictjson.Value) bool {
	place, ok := 0, v.Kind() == '{'
	for o := strictjson.Open(v.Text()); ok && o.Next(); {
		place, ok = p.set(field, o.Name, o.Value, place)
	}
	return ok
}

// setClaimStrings is UnmarshalJSON.
func setClaimStrings(field reflect.Value, v strictjson.Value) bool {
	list, err := readAudience(v)
	*field.Addr().Interface().(*ClaimStrings) = list
	return err == nil
}

// setNumericDate is UnmarshalJSON.
func setNumericDate(field reflect.Value, v strictjson.Value) bool {
	t, err := readDate(v)
	*field.Addr().Interface().(*NumericDate) = NumericDate{t}
	return err == nil
}
