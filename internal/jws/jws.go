// Package jws reads the envelope of a compact JWS (RFC 7515 section 7.1) and
// nothing more: it checks no signature and decodes no payload. It accepts one
// spelling of a token and refuses every other, so that a token is its text.
package jws

import (
	"encoding/base64"
	"errors"
	"strings"

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

	header, payload, signature string
	known                      bool // the header was remembered
}

// Parse takes a token of at most max bytes apart. It shares the token's
// memory, and allocates nothing before the length, the alphabet and the number
// of segments are known to be good.
func Parse(token string, max int) (Envelope, error) { return (*Headers)(nil).Parse(token, max) }

// split finds the segments.
func split(token string, max int) (Envelope, error) {
	if len(token) > max {
		return Envelope{}, ErrLength
	}
	first := strings.IndexByte(token, '.')
	second := first + 1 + strings.IndexByte(token[first+1:], '.')
	if first < 0 || second == first {
		return Envelope{}, fault(token)
	}
	e := Envelope{Input: token[:second], header: token[:first], payload: token[first+1 : second], signature: token[second+1:]}
	if !inAlphabet(e.header) || !inAlphabet(e.payload) || !inAlphabet(e.signature) {
		return Envelope{}, fault(token)
	}
	// An empty signature is an unsecured token (RFC 7519 section 6). An empty
	// payload is one that a JWS may have: where it is a detached one's (RFC 7515
	// appendix F) no signature verifies, and no claims are in it.
	if e.header == "" || e.signature == "" {
		return Envelope{}, ErrSegments
	}
	if !canonical(e.header) || !canonical(e.payload) || !canonical(e.signature) {
		return Envelope{}, ErrAlphabet
	}
	return e, nil
}

// fault says what comes first of that which keeps a token from being three
// segments of the alphabet.
func fault(token string) error {
	dots := 0
	for i := range len(token) {
		switch c := token[i]; {
		case c == '.':
			if dots++; dots > 2 {
				return ErrSegments
			}
		case sextets[c] == invalid:
			return ErrAlphabet
		}
	}
	return ErrSegments
}

// Payload decodes the second segment into new memory.
func (e Envelope) Payload() (string, error) { return text(e.payload) }

// Signature decodes the third segment behind dst, which may be nil.
func (e Envelope) Signature(dst []byte) ([]byte, error) {
	out, err := encoding.AppendDecode(dst, []byte(e.signature))
	if err != nil {
		return nil, ErrAlphabet
	}
	return out, nil
}

// maxMembers bounds what remembering names for duplicates costs, before there is
// a signature. RFC 7515 and its extensions know some twenty.
const maxMembers = 64

// readHeader takes what verification needs from the header. It never looks at
// jwk, jku, x5u or x5c: a token does not choose its own key (RFC 8725 3.10).
func (e *Envelope) readHeader() error {
	text, err := text(e.header)
	if err != nil {
		return err
	}
	o := strictjson.Open(text)
	for members := 1; o.Next(); members++ {
		if members > maxMembers {
			return ErrHeader
		}
		switch o.Name {
		case "alg":
			e.Algorithm, err = o.Value.String()
		case "kid":
			e.KeyID, err = o.Value.String()
		case "typ":
			if e.Type, err = o.Value.String(); e.Type == "" {
				return ErrHeader
			}
		case "crit":
			// No extension is understood here, so each critical one must be
			// refused, and an empty list is invalid (RFC 7515 section 4.1.11).
			return ErrExtension
		case "b64":
			// Signed as it stands or not, a JWT's payload is base64url
			// (RFC 7797 section 7).
			if o.Value.Kind() != 't' {
				return ErrExtension
			}
		}
		if err != nil {
			return ErrHeader
		}
	}
	if o.Err() != nil || e.Algorithm == "" {
		return ErrHeader
	}
	if len(e.header) > maxRemembered {
		// These are parts of the header: who keeps one, as one keeps the ids that it
		// did not find, would keep with it all that somebody has sent.
		e.Algorithm, e.KeyID, e.Type = strings.Clone(e.Algorithm), strings.Clone(e.KeyID), strings.Clone(e.Type)
	}
	return nil
}

// text decodes a segment into a string.
func text(segment string) (string, error) {
	var b strings.Builder
	b.Grow(encoding.DecodedLen(len(segment)))
	var chunk [768]byte
	for segment != "" {
		part := segment[:min(len(segment), encoding.EncodedLen(len(chunk)))]
		segment = segment[len(part):]
		n, err := encoding.Decode(chunk[:], []byte(part))
		if err != nil {
			return "", ErrAlphabet
		}
		b.Write(chunk[:n])
	}
	return b.String(), nil
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

// inAlphabet checks every character. It looks at sixteen before it decides, for
// it is what each byte of each token costs, whatever the token is.
func inAlphabet(s string) bool {
	for ; len(s) >= 16; s = s[16:] {
		if sextets[s[0]]|sextets[s[1]]|sextets[s[2]]|sextets[s[3]]|
			sextets[s[4]]|sextets[s[5]]|sextets[s[6]]|sextets[s[7]]|
			sextets[s[8]]|sextets[s[9]]|sextets[s[10]]|sextets[s[11]]|
			sextets[s[12]]|sextets[s[13]]|sextets[s[14]]|sextets[s[15]] == invalid {
			return false
		}
	}
	for i := range len(s) {
		if sextets[s[i]] == invalid {
			return false
		}
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
