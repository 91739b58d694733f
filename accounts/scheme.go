package accounts

import (
	"errors"
	"fmt"
	"strings"
)

// A Scheme is a way of hashing passwords, with all of its parameters. Two
// Schemes are equal when their hashes are written alike and take the same work.
// Wherever a Scheme is given the zero one stands for Argon2id(19456, 2, 1), which
// is OWASP's recommendation; [SchemeOf] returns the zero one only with an error.
type Scheme struct {
	form   form
	prf    prf    // of PBKDF2
	memory uint32 // of argon2id, in KiB
	lanes  uint8  // of argon2id
	rounds int64  // argon2id's passes, bcrypt's cost or PBKDF2's iterations
	size   int    // of the sum, in bytes
}

// A form is how a hash is written, and by that the function that made it.
type form uint8

const (
	argon2idForm form = iota + 1
	bcryptForm
	phcForm // this one and all below are PBKDF2's
	passlibForm
	djangoForm
	aspnetForm
)

var defaultScheme = Argon2id(19456, 2, 1)

// SchemeOf returns the scheme that made a stored hash, which is what
// [WithSchemes] has to accept for the hash to be checked. These are known:
//
//	$argon2id$v=19$m=19456,t=2,p=1$salt$sum      argon2id, RFC 9106
//	$2a$10$salt and sum                          bcrypt, also $2b$ and $2y$
//	$pbkdf2-sha256$i=600000,l=32$salt$sum        PBKDF2 as a PHC string
//	$pbkdf2-sha256$29000$salt$sum                PBKDF2 of passlib
//	pbkdf2_sha256$600000$salt$sum                PBKDF2 of Django, also pbkdf2_sha1
//	AQAAAAIAAYagAAAAE...                         ASP.NET Identity, version 3
//
// The names pbkdf2, for SHA-1, and pbkdf2-sha512 stand for PBKDF2 as well. The
// error wraps ErrHash: the text differs from what these schemes write, be it by
// a zero or a space; the salt does not have 8 to 64 bytes or the sum 16 to 64;
// or the work is out of the bounds that [Argon2id] and [Bcrypt] state, and of
// ten million iterations for PBKDF2.
func SchemeOf(hash string) (Scheme, error) {
	h, ok := parse(hash)
	if !ok {
		return Scheme{}, ErrHash
	}
	return h.scheme, nil
}

// String returns the name and the parameters, as in "argon2id m=19456 t=2 p=1".
func (s Scheme) String() string {
	s = s.orDefault()
	switch s.form {
	case argon2idForm:
		text := fmt.Sprintf("argon2id m=%d t=%d p=%d", s.memory, s.rounds, s.lanes)
		if s.size != argon2idBytes {
			text += fmt.Sprintf(" l=%d", s.size)
		}
		return text
	case bcryptForm:
		return fmt.Sprintf("bcrypt cost=%d", s.rounds)
	}
	origin := map[form]string{phcForm: "PHC", passlibForm: "passlib", djangoForm: "Django", aspnetForm: "ASP.NET Identity"}
	return fmt.Sprintf("pbkdf2-%s i=%d l=%d, %s", s.prf.name(), s.rounds, s.size, origin[s.form])
}

func (s Scheme) orDefault() Scheme {
	if s == (Scheme{}) {
		return defaultScheme
	}
	return s
}

// run does the scheme's work once, whatever it is given: it checks password
// against stored, or makes a hash of it where stored is empty and the scheme
// makes any. A stored hash of another scheme, or none at all, and a password
// that the scheme cannot tell from others take the same work and are not ok.
// s must have passed check.
func (s Scheme) run(password, stored string) (fresh string, ok bool) {
	s = s.orDefault()
	if stored == "" && s.creates() && s.distinguishes(password) {
		return s.create(password), false
	}
	h, ok := parse(stored)
	ok = ok && h.scheme == s && s.distinguishes(password)
	if !ok {
		h = s.random()
	}
	opens := h.opens(password)
	return "", ok && opens
}

// distinguishes is false for passwords that would open with the hash of another:
// HMAC pads its key with NUL, bcrypt repeats the password after one and reads 72
// bytes at most.
func (s Scheme) distinguishes(password string) bool {
	return !strings.Contains(password, "\x00") && (s.form != bcryptForm || len(password) <= maxBcryptBytes)
}

// decoy returns a stored hash of this scheme that no password opens. It takes no
// work to make, and as much as any other to check.
func (s Scheme) decoy() string { return s.orDefault().random().text() }

// creates tells the schemes of new hashes from those of old ones.
func (s Scheme) creates() bool {
	form := s.orDefault().form
	return form == argon2idForm || form == bcryptForm
}

func (s Scheme) create(password string) string {
	if s.form == bcryptForm {
		return createBcrypt(password, int(s.rounds))
	}
	h := s.random()
	h.sum = s.argon2id(password, h.salt)
	return h.text()
}

// check returns what is wrong with the scheme in a configuration.
func (s Scheme) check() error {
	s = s.orDefault()
	instead := s.outOfBounds()
	if instead == "" && s.form >= phcForm && !s.computable() {
		instead = "leave it out, this process computes only what FIPS 140 approves"
	}
	if instead != "" {
		return fmt.Errorf("has %v: %s", s, instead)
	}
	return nil
}

// checkNew returns what is wrong with the scheme for new hashes: what check says,
// and OWASP's Password Storage Cheat Sheet.
func (s Scheme) checkNew() error {
	s = s.orDefault()
	if err := s.check(); err != nil {
		return err
	}
	if !s.creates() {
		return errors.New("has a scheme for new hashes that is only for old ones: use Argon2id")
	}
	if s.weak() {
		return fmt.Errorf("has %v for new hashes, which is too weak: use Argon2id(19456, 2, 1)", s)
	}
	return nil
}

func (s Scheme) weak() bool {
	if s.form == bcryptForm {
		return s.rounds < 10
	}
	return s.weakArgon2id()
}

// outOfBounds returns what to use instead of parameters that the function does
// not have, or that would let one stored hash hold a slot for many seconds.
func (s Scheme) outOfBounds() string {
	switch s.form {
	case argon2idForm:
		return s.argon2idOutOfBounds()
	case bcryptForm:
		return s.bcryptOutOfBounds()
	}
	return s.pbkdf2OutOfBounds()
}
