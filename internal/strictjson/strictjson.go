// Package strictjson reads JSON objects that came from outside: every member by
// its exact name, none twice, valid UTF-8, no deep nesting, and nothing behind
// the object (RFC 8259, RFC 7493).
package strictjson

import (
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// ErrSyntax is the error for whatever is not strict JSON. It quotes nothing.
var ErrSyntax = errors.New("not one strict JSON object")

// ErrType is the error for a value of another type than the one asked for.
var ErrType = errors.New("a value of a wrong type")

// maxDepth bounds the memory that brackets alone can take.
const maxDepth = 64

// Object reads text to its last byte and calls member for each member of the
// object, with a decoder that stands before its value and that member must move
// behind it. It returns member's first error, or ErrSyntax.
func Object(text []byte, member func(d *jsontext.Decoder, name string) error) error {
	// The decoder refuses duplicate names and invalid UTF-8 by itself. It does
	// not copy a bytes.Buffer.
	d := jsontext.NewDecoder(bytes.NewBuffer(text))
	if t, err := d.ReadToken(); err != nil || t.Kind() != '{' {
		return ErrSyntax
	}
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			return ErrSyntax
		}
		if err := member(d, name.String()); err != nil {
			return err
		}
	}
	if t, err := d.ReadToken(); err != nil || t.Kind() != '}' {
		return ErrSyntax
	}
	if _, err := d.ReadToken(); err != io.EOF {
		return ErrSyntax
	}
	return nil
}

// String reads a string.
func String(d *jsontext.Decoder) (string, error) { return read(d, '"') }

// Number reads a number and returns its text.
func Number(d *jsontext.Decoder) (string, error) { return read(d, '0') }

func read(d *jsontext.Decoder, kind jsontext.Kind) (string, error) {
	t, err := d.ReadToken()
	if err != nil {
		return "", ErrSyntax
	}
	if t.Kind() != kind {
		return "", ErrType
	}
	return t.String(), nil
}

// Strings reads a string or an array of nothing but strings. It is ok for these;
// any other value is read to its end all the same.
func Strings(d *jsontext.Decoder) (list []string, ok bool, err error) {
	if d.PeekKind() != '[' {
		ok = d.PeekKind() == '"'
		if !ok {
			return nil, false, Skip(d)
		}
		s, err := String(d)
		return []string{s}, true, err
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, false, ErrSyntax
	}
	for ok = true; d.PeekKind() != ']'; {
		if d.PeekKind() != '"' {
			ok = false
			if err := Skip(d); err != nil {
				return nil, false, err
			}
			continue
		}
		s, err := String(d)
		if err != nil {
			return nil, false, err
		}
		list = append(list, s)
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, false, ErrSyntax
	}
	if !ok {
		return nil, false, nil
	}
	return list, true, nil
}

// Skip reads any value.
func Skip(d *jsontext.Decoder) error {
	for outer := d.StackDepth(); ; {
		if _, err := d.ReadToken(); err != nil || d.StackDepth() > maxDepth {
			return ErrSyntax
		}
		if d.StackDepth() == outer {
			return nil
		}
	}
}
