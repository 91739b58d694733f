package bearer

import (
	"fmt"
	"strings"
)

// ParseAuthorization returns the token of an Authorization header's value:
// the scheme Bearer in any case, spaces, one b64token (RFC 6750 section 2.1).
// It does not verify the token. The error wraps ErrMissing where the value is
// empty or of another scheme, ErrRequest where it is malformed.
func ParseAuthorization(header string) (token string, err error) {
	if token, err = credential(header); err != nil {
		return "", err
	}
	if !isB64Token(token) {
		return "", ErrRequest
	}
	return token, nil
}

// requestToken is ParseAuthorization for a request's headers and a token of at
// most max bytes, of which it reads none. No other place is looked at: a cookie is sent without the
// user's will, a query is logged (RFC 6750 section 5.3), a body is for handlers.
func requestToken(values []string, max int) (string, error) {
	if len(values) == 0 {
		return "", ErrMissing
	}
	// Two headers are two opinions on who is asking: a proxy in front may have
	// believed the other one (RFC 9110 section 5.3 allows no list here).
	if len(values) > 1 {
		return "", errTwoHeaders
	}
	token, err := credential(values[0])
	if err != nil {
		return "", err
	}
	// The length comes first, so that no long token is ever read.
	if len(token) > max {
		return "", errTooLong
	}
	return token, nil
}

var (
	errTwoHeaders = fmt.Errorf("%w: more than one", ErrRequest)
	errTooLong    = fmt.Errorf("%w: longer than the limit", ErrMalformed)
)

// credential cuts the scheme off. It looks at no byte behind the spaces.
func credential(header string) (string, error) {
	if header == "" {
		return "", ErrMissing
	}
	// As nearly everybody writes it.
	if token, ok := strings.CutPrefix(header, "Bearer "); ok && token != "" && token[0] != ' ' {
		return token, nil
	}
	// A scheme that is longer than Bearer is another one, however it goes on.
	end := 0
	for end <= len("Bearer") && end < len(header) && isTchar(header[end]) {
		end++
	}
	// A value that does not start with a scheme is no other scheme's either.
	if end == 0 {
		return "", ErrRequest
	}
	scheme, rest := header[:end], header[end:]
	if !strings.EqualFold(scheme, "Bearer") {
		return "", ErrMissing
	}
	token := strings.TrimLeft(rest, " ")
	if len(token) == len(rest) || token == "" {
		return "", ErrRequest
	}
	return token, nil
}

// isB64Token checks 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"=".
func isB64Token(s string) bool {
	body := strings.TrimRight(s, "=")
	for i := range len(body) {
		if !inB64Token[body[i]] {
			return false
		}
	}
	return body != ""
}

var inB64Token = func() (in [256]bool) {
	for c := range len(in) {
		in[c] = isAlphanumeric(byte(c)) || strings.IndexByte("-._~+/", byte(c)) >= 0
	}
	return in
}()

// isTchar checks a character of a token in HTTP's sense (RFC 9110 section 5.6.2).
func isTchar(c byte) bool {
	return isAlphanumeric(c) || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
