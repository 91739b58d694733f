package accounts

import (
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"hash"
	"strings"
)

// maxIterations take some seconds.
const maxIterations = 10_000_000

// A prf is the hash function of PBKDF2's HMAC, numbered as ASP.NET Identity does.
type prf uint8

const (
	prfSHA1 prf = iota
	prfSHA256
	prfSHA512
	noPRF
)

func (p prf) name() string { return [...]string{"sha1", "sha256", "sha512"}[p] }

func (p prf) size() int { return [...]int{sha1.Size, sha256.Size, sha512.Size}[p] }

func (p prf) hash() func() hash.Hash {
	return [...]func() hash.Hash{sha1.New, sha256.New, sha512.New}[p]
}

func (s Scheme) pbkdf2OutOfBounds() string {
	if s.prf >= noPRF || s.rounds < 1 || s.rounds > maxIterations {
		return fmt.Sprintf("use 1 to %d iterations", maxIterations)
	}
	return ""
}

func (s Scheme) pbkdf2(password string, salt []byte, iterations int64) ([]byte, error) {
	return pbkdf2.Key(s.prf.hash(), password, salt, int(iterations), s.size)
}

// computable is false for SHA-1 where FIPS 140 is enforced.
func (s Scheme) computable() bool {
	_, err := s.pbkdf2("", make([]byte, newSaltBytes), 1)
	return err == nil
}

func (h storedHash) pbkdf2Opens(password string) bool {
	s := h.scheme
	sum, err := s.pbkdf2(password, h.salt, s.rounds)
	if err != nil {
		// Where FIPS 140 is enforced a salt has 16 bytes at least. The hash opens
		// nothing, after the work of one that could.
		s.pbkdf2(password, make([]byte, newSaltBytes), s.rounds)
		return false
	}
	return subtle.ConstantTimeCompare(sum, h.sum) == 1
}

// passlib writes base64 with a dot for the plus.
var passlibBase64 = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789./").WithPadding(base64.NoPadding)

// parsePBKDF2 reads PHC strings and passlib's, which share their names.
func parsePBKDF2(text string) (h storedHash, ok bool) {
	parts := strings.Split(text, "$")
	if len(parts) != 5 {
		return storedHash{}, false
	}
	s, b64 := Scheme{form: passlibForm}, passlibBase64
	switch parts[1] {
	case "pbkdf2":
		s.prf = prfSHA1
	case "pbkdf2-sha256":
		s.prf = prfSHA256
	case "pbkdf2-sha512":
		s.prf = prfSHA512
	default:
		return storedHash{}, false
	}
	iterations, phc := strings.CutPrefix(parts[2], "i=")
	if phc {
		s.form, b64 = phcForm, base64.RawStdEncoding
		iterations, _, _ = strings.Cut(iterations, ",")
	}
	if s.rounds, ok = parseNumber(iterations); !ok {
		return storedHash{}, false
	}
	h.scheme = s
	h.salt, h.sum, ok = decodeSums(b64, parts[3], parts[4])
	return h, ok && (phc || len(h.sum) == s.prf.size())
}

func (h storedHash) pbkdf2Text() string {
	s, b64 := h.scheme, passlibBase64
	name := map[prf]string{prfSHA1: "pbkdf2", prfSHA256: "pbkdf2-sha256", prfSHA512: "pbkdf2-sha512"}[s.prf]
	params := fmt.Sprint(s.rounds)
	if s.form == phcForm {
		b64, params = base64.RawStdEncoding, fmt.Sprintf("i=%d,l=%d", s.rounds, s.size)
	}
	return fmt.Sprintf("$%s$%s$%s$%s", name, params, b64.EncodeToString(h.salt), b64.EncodeToString(h.sum))
}

// Django's salt is a text, used as it is.
func parseDjango(text string) (h storedHash, ok bool) {
	parts := strings.Split(text, "$")
	if len(parts) != 4 {
		return storedHash{}, false
	}
	s := Scheme{form: djangoForm}
	switch parts[0] {
	case "pbkdf2_sha1":
		s.prf = prfSHA1
	case "pbkdf2_sha256":
		s.prf = prfSHA256
	default:
		return storedHash{}, false
	}
	if s.rounds, ok = parseNumber(parts[1]); !ok {
		return storedHash{}, false
	}
	for _, c := range []byte(parts[2]) {
		if c <= ' ' || c > '~' {
			return storedHash{}, false
		}
	}
	sum, err := base64.StdEncoding.DecodeString(parts[3])
	return storedHash{scheme: s, salt: []byte(parts[2]), sum: sum}, err == nil && len(sum) == s.prf.size()
}

func (h storedHash) djangoText() string {
	s := h.scheme
	return fmt.Sprintf("pbkdf2_%s$%d$%s$%s", s.prf.name(), s.rounds, h.salt, base64.StdEncoding.EncodeToString(h.sum))
}
