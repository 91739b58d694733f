package accounts

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gobearer/bearer"
)

const minPasswordChars = 8

// Hash returns a hash of password for a [Record], made with Argon2id(19456, 2, 1).
// The error wraps ErrPassword: the password has less than 8 characters or more
// than 1024 bytes, is not UTF-8 or has control characters.
func Hash(password string) (string, error) { return defaultScheme.hash(password) }

// NIST SP 800-63B-4 section 3.1.1.2 asks for 8 characters beside another factor,
// and for no rules on which they are. Control characters are no part of passwords
// (RFC 8265 section 4.2): a line break at the end is that of a file or a shell.
var (
	errShort   = fmt.Errorf("%w: it has less than %d characters", ErrPassword, minPasswordChars)
	errLong    = fmt.Errorf("%w: it has more than %d bytes", ErrPassword, maxPasswordBytes)
	errNotUTF8 = fmt.Errorf("%w: it is not UTF-8", ErrPassword)
	errControl = fmt.Errorf("%w: it has a control character", ErrPassword)
	errBcrypt  = fmt.Errorf("%w: it has more than the %d bytes that bcrypt reads", ErrPassword, maxBcryptBytes)
)

// hash returns a new hash, of a password that can be set. The error wraps
// ErrPassword, or is a *bearer.OptionError for a scheme that is not for new
// hashes.
func (s Scheme) hash(password string) (string, error) {
	s = s.orDefault()
	if err := s.checkNew(); err != nil {
		return "", &bearer.OptionError{Option: "Scheme", Reason: err.Error()}
	}
	switch {
	case len(password) > maxPasswordBytes:
		return "", errLong
	case !utf8.ValidString(password):
		return "", errNotUTF8
	case strings.ContainsFunc(password, unicode.IsControl):
		return "", errControl
	case utf8.RuneCountInString(password) < minPasswordChars:
		return "", errShort
	case !s.distinguishes(password):
		return "", errBcrypt
	}
	fresh, _ := s.run(password, "")
	return fresh, nil
}
