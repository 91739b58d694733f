package accounts

import (
	"crypto/rand"
	"encoding/base64"
	"strconv"
	"strings"
)

// A storedHash is a stored hash taken apart.
type storedHash struct {
	scheme  Scheme
	version byte // of bcrypt: a, b or y, which are one but for bugs of their authors
	salt    []byte
	sum     []byte
}

const (
	minSaltBytes = 8
	maxSaltBytes = 64
	newSaltBytes = 16
	minSumBytes  = 16
	maxSumBytes  = 64
	maxHashBytes = 256 // more than salt and sum at their longest come to
)

// parse takes a stored hash apart. It fails for all that SchemeOf refuses.
func parse(text string) (h storedHash, ok bool) {
	if len(text) > maxHashBytes {
		return storedHash{}, false
	}
	switch {
	case strings.HasPrefix(text, "$argon2id$"):
		h, ok = parseArgon2id(text)
	case strings.HasPrefix(text, "$2"):
		h, ok = parseBcrypt(text)
	case strings.HasPrefix(text, "$pbkdf2"):
		h, ok = parsePBKDF2(text)
	case strings.HasPrefix(text, "pbkdf2_"):
		h, ok = parseDjango(text)
	default:
		h, ok = parseASPNET(text)
	}
	h.scheme.size = len(h.sum)
	switch {
	case !ok,
		len(h.salt) < minSaltBytes || len(h.salt) > maxSaltBytes,
		len(h.sum) < minSumBytes || len(h.sum) > maxSumBytes,
		h.scheme.outOfBounds() != "",
		// A hash is written in one way: without signs, leading zeros, line breaks
		// and stray bits, all of which the decoders above let pass.
		h.text() != text:
		return storedHash{}, false
	}
	return h, true
}

// text is what parse takes apart.
func (h storedHash) text() string {
	switch h.scheme.form {
	case argon2idForm:
		return h.argon2idText()
	case bcryptForm:
		return h.bcryptText()
	case djangoForm:
		return h.djangoText()
	case aspnetForm:
		return h.aspnetText()
	}
	return h.pbkdf2Text()
}

// random is a hash of no password.
func (s Scheme) random() storedHash {
	h := storedHash{scheme: s, version: 'b', salt: make([]byte, newSaltBytes), sum: make([]byte, s.size)}
	rand.Read(h.salt) // never fails
	rand.Read(h.sum)
	if s.form == djangoForm {
		h.salt = []byte(rand.Text())
	}
	return h
}

// opens does the scheme's work, and compares in constant time.
func (h storedHash) opens(password string) bool {
	switch h.scheme.form {
	case argon2idForm:
		return h.argon2idOpens(password)
	case bcryptForm:
		return h.bcryptOpens(password)
	}
	return h.pbkdf2Opens(password)
}

func parseNumber(text string) (n int64, ok bool) {
	u, err := strconv.ParseUint(text, 10, 32)
	return int64(u), err == nil
}

// decodeSums decodes what the forms but ASP.NET and Django write in one alphabet.
func decodeSums(b64 *base64.Encoding, saltText, sumText string) (salt, sum []byte, ok bool) {
	salt, err := b64.DecodeString(saltText)
	if err != nil {
		return nil, nil, false
	}
	sum, err = b64.DecodeString(sumText)
	return salt, sum, err == nil
}
