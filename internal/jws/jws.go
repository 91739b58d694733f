// Package jws reads the envelope of a compact JWS (RFC 7515 section 7.1) and
// nothing more: it checks no signature and decodes no payload. It accepts one
// spelling of a token and refuses every other, so that a token is its text.
package jws

import (
	"encoding/base64"
	"errors"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/gobearer/bearer/internal/strictjson"
)

// What makes a token malformed. None of them carries any part of the token.
var (
	ErrLength    = errors.New("jws: longer than the limit")
	ErrSegments  = errors.New("jws: not three segments with a header and a signature")
	ErrAlphabet  = errors.New("jws: not canonical unpadded base64url")
	ErrHeader    = errors.New("jws: the header is not the strict JSON object that it must be")
	ErrExtension = errors.New("jws: the header demands an extension")
)

// An Envelope is a token taken apart and not verified: its header's values
// are claims of whoever sent it.
type Envelope struct {
	Algorithm string
	KeyID     string // empty where the header has no kid
	Type      string // empty where the header has no typ
	Input     string // the signing input: header, dot, payload

	payload, signature string
}

// Parse takes a token of at most max bytes apart. It shares the token's
// memory, and allocates nothing before the length, the alphabet and the number
// of segments are known to be good.
func Parse(token string, max int) (Envelope, error) {
	if len(token) > max {
		return Envelope{}, ErrLength
	}
	var dots [2]int
	n := 0
	for i := range len(token) {
		switch c := token[i]; {
		case c == '.' && n < len(dots):
			dots[n] = i
			n++
		case c == '.':
			return Envelope{}, ErrSegments
		case sextets[c] == invalid:
			return Envelope{}, ErrAlphabet
		}
	}
	if n < len(dots) {
		return Envelope{}, ErrSegments
	}
	header, payload, signature := token[:dots[0]], token[dots[0]+1:dots[1]], token[dots[1]+1:]
	// An empty signature is an unsecured token (RFC 7519 section 6). An empty
	// payload is one that a JWS may have: where it is a detached one's (RFC 7515
	// appendix F) no signature verifies, and no claims are in it.
	if header == "" || signature == "" {
		return Envelope{}, ErrSegments
	}
	if !canonical(header) || !canonical(payload) || !canonical(signature) {
		return Envelope{}, ErrAlphabet
	}
	e := Envelope{Input: token[:dots[1]], payload: payload, signature: signature}
	if err := e.readHeader(header); err != nil {
		return Envelope{}, err
	}
	return e, nil
}

// Payload decodes the second segment into new memory.
func (e Envelope) Payload() ([]byte, error) { return decode(nil, e.payload) }

// Signature decodes the third segment behind dst, which may be nil.
func (e Envelope) Signature(dst []byte) ([]byte, error) { return decode(dst, e.signature) }

// maxMembers bounds what remembering names for duplicates costs, before there is
// a signature. RFC 7515 and its extensions know some twenty.
const maxMembers = 64

// readHeader takes what verification needs from the header. It never looks at
// jwk, jku, x5u or x5c: a token does not choose its own key (RFC 8725 3.10).
func (e *Envelope) readHeader(segment string) error {
	var buf [256]byte
	text, err := decode(buf[:0], segment)
	if err != nil {
		return err
	}
	members := 0
	err = strictjson.Object(text, func(d *jsontext.Decoder, name string) (err error) {
		if members++; members > maxMembers {
			return ErrHeader
		}
		switch name {
		case "alg":
			e.Algorithm, err = strictjson.String(d)
		case "kid":
			e.KeyID, err = strictjson.String(d)
		case "typ":
			if e.Type, err = strictjson.String(d); e.Type == "" {
				return ErrHeader
			}
		case "crit":
			// No extension is understood here, so each critical one must be
			// refused, and an empty list is invalid (RFC 7515 section 4.1.11).
			return ErrExtension
		case "b64":
			// Signed as it stands or not, a JWT's payload is base64url
			// (RFC 7797 section 7).
			if t, err := d.ReadToken(); err != nil || t.Kind() != 't' {
				return ErrExtension
			}
		default:
			err = strictjson.Skip(d)
		}
		return err
	})
	if err == ErrExtension {
		return err
	}
	if err != nil || e.Algorithm == "" {
		return ErrHeader
	}
	return nil
}

func decode(dst []byte, segment string) ([]byte, error) {
	out, err := encoding.AppendDecode(dst, []byte(segment))
	if err != nil {
		return nil, ErrAlphabet
	}
	return out, nil
}

// encoding alone would not do: it skips line breaks wherever they stand.
var encoding = base64.RawURLEncoding.Strict()

// canonical reports whether a segment of the alphabet has a possible length
// and zeros in the bits of its last character that belong to no byte: two
// texts of one token would defeat whatever identifies a token by its text.
func canonical(segment string) bool {
	if segment == "" {
		return true
	}
	last := sextets[segment[len(segment)-1]]
	switch len(segment) % 4 {
	case 1:
		return false
	case 2:
		return last&0x0f == 0
	case 3:
		return last&0x03 == 0
	}
	return true
}

const invalid = 0xff

// sextets maps a character of the URL-safe alphabet (RFC 4648 section 5) to
// its six bits, and any other to invalid.
var sextets = func() (t [256]byte) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for i := range t {
		t[i] = invalid
	}
	for i := range len(alphabet) {
		t[alphabet[i]] = byte(i)
	}
	return t
}()
