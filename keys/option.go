package keys

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A KeyOption sets a detail of [New], [Generate] or [Parse]. Each may be given
// once.
type KeyOption func(*keyOptions)

type keyOptions struct {
	problems
	id  string
	alg Algorithm
}

// problems collects what is wrong with a function's options.
type problems struct {
	given map[string]bool
	list  []error
}

func (p *problems) refuse(reason string) { p.list = append(p.list, errors.New(reason)) }

// once refuses an option that was given before: whichever won, somebody would
// not get what was asked for.
func (p *problems) once(name string) {
	if p.given[name] {
		p.refuse(name + " is given twice: give it once")
	}
	if p.given == nil {
		p.given = make(map[string]bool)
	}
	p.given[name] = true
}

// apply calls each option with what it sets.
func apply[O any, F ~func(*O)](o *O, p *problems, opts []F) *O {
	for _, opt := range opts {
		if opt == nil {
			p.refuse("an option is nil: leave it out")
			continue
		}
		opt(o)
	}
	return o
}

// WithID names the key, as tokens will name it in kid: at most 256 bytes of
// printable text. With [Parse] it names the one key that states no id.
func WithID(kid string) KeyOption {
	return func(o *keyOptions) {
		o.once("WithID")
		if err := checkID(kid); err != nil {
			o.list = append(o.list, err)
		}
		o.id = kid
	}
}

// WithAlgorithm says for [Parse] what a key is for that states no algorithm.
func WithAlgorithm(alg Algorithm) KeyOption {
	return func(o *keyOptions) {
		o.once("WithAlgorithm")
		if err := checkAlgorithm(alg); err != nil {
			o.list = append(o.list, err)
		}
		o.alg = alg
	}
}

func applyKeyOptions(opts []KeyOption) *keyOptions {
	o := new(keyOptions)
	return apply(o, &o.problems, opts)
}

const maxIDBytes = 256

// checkID keeps ids fit for logs and headers: they reach both.
func checkID(kid string) error {
	switch {
	case kid == "":
		return errors.New("an id is empty: leave it out for a key without an id")
	case len(kid) > maxIDBytes:
		return errors.New("an id is longer than 256 bytes: use a shorter one, such as an RFC 7638 thumbprint")
	case !utf8.ValidString(kid) || strings.ContainsFunc(kid, func(r rune) bool { return !unicode.IsPrint(r) }):
		return errors.New("an id has characters that do not print: use letters, digits and punctuation")
	}
	return nil
}

func checkAlgorithm(alg Algorithm) error {
	if _, ok := suites[alg]; ok {
		return nil
	}
	if alg == "none" {
		return errors.New("none is not a signature: use one of the Algorithm constants")
	}
	return errors.New("unknown algorithm: use one of the Algorithm constants")
}
