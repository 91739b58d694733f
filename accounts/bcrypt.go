package accounts

import (
	"encoding/base64"
	"fmt"

	"golang.org/x/crypto/bcrypt"
)

const (
	maxBcryptBytes  = 72 // of the password
	bcryptSaltChars = 22
	bcryptSumBytes  = 23
	minBcryptCost   = 4
	maxBcryptCost   = 16 // some seconds
)

// Bcrypt is the scheme with 2^cost rounds: 4 to 16, and 10 at least for new
// hashes. It refuses to set passwords over 72 bytes, which it would not read to
// their end.
func Bcrypt(cost int) Scheme {
	return Scheme{form: bcryptForm, rounds: int64(cost), size: bcryptSumBytes}
}

func (s Scheme) bcryptOutOfBounds() string {
	if s.rounds < minBcryptCost || s.rounds > maxBcryptCost {
		return fmt.Sprintf("use a cost of %d to %d", minBcryptCost, maxBcryptCost)
	}
	return ""
}

func createBcrypt(password string, cost int) string {
	hash, err := bcrypt.GenerateFromPassword([]byte(password), cost)
	if err != nil {
		return "" // not for costs that passed check and passwords of 72 bytes
	}
	return string(hash)
}

// bcryptOpens does all of the work, as the text is one that x/crypto can read.
func (h storedHash) bcryptOpens(password string) bool {
	return bcrypt.CompareHashAndPassword([]byte(h.text()), []byte(password)) == nil
}

var bcryptBase64 = base64.NewEncoding("./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789").WithPadding(base64.NoPadding)

// Version x is refused: it is of a bug that made different passwords one.
func parseBcrypt(text string) (h storedHash, ok bool) {
	const head = len("$2b$10$")
	if len(text) != head+bcryptSaltChars+31 {
		return storedHash{}, false
	}
	h.version = text[2]
	if h.version != 'a' && h.version != 'b' && h.version != 'y' {
		return storedHash{}, false
	}
	cost, ok := parseNumber(text[4:6])
	if !ok {
		return storedHash{}, false
	}
	h.scheme = Bcrypt(int(cost))
	h.salt, h.sum, ok = decodeSums(bcryptBase64, text[head:head+bcryptSaltChars], text[head+bcryptSaltChars:])
	return h, ok
}

func (h storedHash) bcryptText() string {
	return fmt.Sprintf("$2%c$%02d$%s%s", h.version, h.scheme.rounds, bcryptBase64.EncodeToString(h.salt), bcryptBase64.EncodeToString(h.sum))
}
