package accounts

import (
	"crypto/sha1"
	"crypto/sha512"
)

func RunScheme(s Scheme, password, stored string) (fresh string, ok bool) {
	return s.run(password, stored)
}

func Decoy(s Scheme) string { return s.decoy() }

func CheckScheme(s Scheme) error { return s.check() }

func CheckNewScheme(s Scheme) error { return s.checkNew() }

func HashWith(s Scheme, password string) (string, error) { return s.hash(password) }

// Rewrite takes a hash apart and writes it again.
func Rewrite(hash string) (string, bool) {
	h, ok := parse(hash)
	return h.text(), ok
}

// PBKDF2Opens is for published vectors whose salts are too short for a login.
func PBKDF2Opens(sumBytes int, password, salt string, iterations int64, sum []byte) bool {
	s := Scheme{form: phcForm, prf: prfSHA256, rounds: iterations, size: len(sum)}
	switch sumBytes {
	case sha1.Size:
		s.prf = prfSHA1
	case sha512.Size:
		s.prf = prfSHA512
	}
	return storedHash{scheme: s, salt: []byte(salt), sum: sum}.opens(password)
}
