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
	id       string
	alg      Algorithm
	problems []error
}

// WithID names the key, as tokens will name it in kid: at most 256 bytes of
// printable text. With [Parse] it names the one key that states no id.
func WithID(kid string) KeyOption {
	return func(o *keyOptions) {
		if o.id != "" {
			o.refuse("WithID is given twice: a key has one id")
		}
		if err := checkID(kid); err != nil {
			o.problems = append(o.problems, err)
		}
		o.id = kid
	}
}

// WithAlgorithm says for [Parse] what a key is for that states no algorithm.
func WithAlgorithm(alg Algorithm) KeyOption {
	return func(o *keyOptions) {
		if o.alg != "" {
			o.refuse("WithAlgorithm is given twice: a key has one algorithm")
		}
		if err := checkAlgorithm(alg); err != nil {
			o.problems = append(o.problems, err)
		}
		o.alg = alg
	}
}

func (o *keyOptions) refuse(reason string) { o.problems = append(o.problems, errors.New(reason)) }

func applyKeyOptions(opts []KeyOption) *keyOptions {
	o := new(keyOptions)
	for _, opt := range opts {
		if opt == nil {
			o.refuse("an option is nil: leave it out")
			continue
		}
		opt(o)
	}
	return o
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
