// Package strictjson reads JSON objects that came from outside: every member by
// its exact name, none twice, valid UTF-8, no deep nesting, and nothing behind
// the object (RFC 8259, RFC 7493). It refuses what jsontext's decoder refuses, in
// one pass, and takes memory for escapes and for the names of many members alone.
package strictjson

import "errors"

// ErrSyntax is the error for whatever is not strict JSON. It quotes nothing.
var ErrSyntax = errors.New("not one strict JSON object")

// ErrType is the error for a value of another type than the one asked for.
var ErrType = errors.New("a value of a wrong type")

// An Object is one JSON object, read member by member:
//
//	o := strictjson.Open(text)
//	for o.Next() {
//		... o.Name, o.Value
//	}
//	err := o.Err()
//
// Only Err says whether the text is strict JSON, and only at the end: what was
// read may stand in front of an error.
//
// Names and strings are parts of the text, and keep all of it in memory, except
// for those with an escape. Where a name of an object of many is there twice, that
// is known at the object's end.
type Object struct {
	Name  string // of the member
	Value Value

	text  string
	pos   int // behind what was read
	state state
	names names
	list  [32]string // room for names: more than tokens have members
	spare []string
}

type state uint8

const (
	before state = iota
	inside
	behind
	failed
)

// Open begins to read text.
func Open(text string) Object { return Object{text: text} }

// Next reads the next member, to the last byte of its value. It is false behind
// the last member and from the first error on.
func (o *Object) Next() bool {
	if o.state > inside {
		return false
	}
	i, more := step(o.text, o.pos, o.state == before, '{', '}')
	o.state = failed
	if i < 0 {
		return false
	}
	if !more {
		if o.names.end(&o.spare) && skipSpace(o.text, i) == len(o.text) {
			o.state = behind
		}
		return false
	}
	name, i := scanName(o.text, i)
	if i < 0 || !o.names.add(o.list[:], &o.spare, name) {
		return false
	}
	end, escaped := scanValue(o.text, i, 1, &o.spare)
	if end < 0 {
		return false
	}
	o.Name, o.Value = name, Value{o.text[i:end], escaped}
	o.pos, o.state = end, inside
	return true
}

// Err is nil where the whole text was read and is one strict object, else
// ErrSyntax.
func (o *Object) Err() error {
	if o.state != behind {
		return ErrSyntax
	}
	return nil
}

// Parse reads a text that is one value.
func Parse(text string) (Value, error) {
	start := skipSpace(text, 0)
	var spare []string
	end, escaped := scanValue(text, start, 0, &spare)
	if end < 0 || skipSpace(text, end) != len(text) {
		return Value{}, ErrSyntax
	}
	return Value{text[start:end], escaped}, nil
}
