package bearer

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/gobearer/bearer/internal/strictjson"
)

// The claims whose names are URIs, as .NET's ClaimTypes has them.
const (
	claimNameIdentifier = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier"
	claimRole           = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"
)

// readInfo reads the registered claims of a verified payload, to its last byte.
// A registered claim of a wrong type, null included, is an error; the claims
// that only inform, roles and scopes, are then taken for absent.
func readInfo(payload []byte) (Info, error) {
	var (
		t              Info
		nameIdentifier []string
		issued         time.Time
	)
	err := strictjson.Object(payload, func(d *jsontext.Decoder, name string) (err error) {
		switch name {
		case "iss":
			t.Issuer, err = strictjson.String(d)
		case "sub":
			t.Subject, err = strictjson.String(d)
		case "jti":
			t.ID, err = strictjson.String(d)
		case "aud":
			t.Audience, err = readAudience(d)
		case "exp":
			t.ExpiresAt, err = readDate(d)
		case "nbf":
			t.NotBefore, err = readDate(d)
		case "iat":
			issued, err = readDate(d)
		case "scope", "scp":
			t.Scopes, err = appendScopes(t.Scopes, d)
		case claimRole, "role", "roles":
			t.Roles, err = appendStrings(t.Roles, d)
		case claimNameIdentifier:
			nameIdentifier, err = appendStrings(nil, d)
		default:
			err = strictjson.Skip(d)
		}
		return named(name, err)
	})
	if err != nil {
		return Info{}, fmt.Errorf("%w: %w", ErrClaims, err)
	}
	if t.Subject == "" && len(nameIdentifier) == 1 {
		t.Subject = nameIdentifier[0]
	}
	if t.IssuedAt = issued; issued.IsZero() {
		t.IssuedAt = t.NotBefore
	}
	return t, nil
}

// readIssuer reads the iss of a payload that is not verified, to pick a trust
// by and for nothing else. Only its syntax is looked at besides.
func readIssuer(payload []byte) (issuer string, err error) {
	err = strictjson.Object(payload, func(d *jsontext.Decoder, name string) (err error) {
		if name != "iss" {
			return strictjson.Skip(d)
		}
		issuer, err = strictjson.String(d)
		return named(name, err)
	})
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrClaims, err)
	}
	return issuer, nil
}

// named says which claim an error is about. Syntax errors are about all of them.
func named(claim string, err error) error {
	if err == nil || err == strictjson.ErrSyntax {
		return err
	}
	return fmt.Errorf("%s: %w", claim, err)
}

// readAudience reads a string or an array of strings (RFC 7519 section 4.1.3).
func readAudience(d *jsontext.Decoder) ([]string, error) {
	list, ok, err := strictjson.Strings(d)
	if err == nil && !ok {
		err = strictjson.ErrType
	}
	return list, err
}

// appendStrings appends a string or an array of strings, and nothing for any
// other value.
func appendStrings(dst []string, d *jsontext.Decoder) ([]string, error) {
	list, _, err := strictjson.Strings(d)
	return append(dst, list...), err
}

// appendScopes splits a string at its spaces, and at them alone (RFC 6749
// section 3.3); an array holds one scope an element.
func appendScopes(dst []string, d *jsontext.Decoder) ([]string, error) {
	if d.PeekKind() != '"' {
		return appendStrings(dst, d)
	}
	s, err := strictjson.String(d)
	return append(dst, strings.FieldsFunc(s, func(r rune) bool { return r == ' ' })...), err
}

func readDate(d *jsontext.Decoder) (time.Time, error) {
	number, err := strictjson.Number(d)
	if err != nil {
		return time.Time{}, err
	}
	return parseDate(number)
}

var errDate = errors.New("not a date")

// The dates that time.Time and every other calendar can write: the years 1 to
// 9999, less the first second, which is time.Time's word for no time at all.
var (
	minDate = time.Time{}.Unix() + 1
	maxDate = time.Date(9999, time.December, 31, 23, 59, 59, 0, time.UTC).Unix()
)

// parseDate reads a NumericDate: seconds since 1970, fractions allowed (RFC
// 7519 section 2). What is not finite or no date is refused, never clamped: a
// clamped nbf is a token that is valid now.
func parseDate(number string) (time.Time, error) {
	var fraction float64
	seconds, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		f, err := strconv.ParseFloat(number, 64)
		if err != nil || f < float64(minDate) || f > float64(maxDate) {
			return time.Time{}, errDate
		}
		whole := math.Floor(f)
		seconds, fraction = int64(whole), f-whole
	}
	if seconds < minDate || seconds > maxDate {
		return time.Time{}, errDate
	}
	return time.Unix(seconds, int64(fraction*1e9)).UTC(), nil
}

// decodeClaims decodes a verified payload into c, a pointer to the middleware's
// claims, and lets them validate themselves.
func decodeClaims(payload []byte, c any) error {
	if err := json.Unmarshal(payload, c); err != nil {
		return fmt.Errorf("%w: the payload does not decode into %T%s", ErrClaims, c, at(err))
	}
	if v, ok := c.(interface{ Validate() error }); ok {
		if err := v.Validate(); err != nil {
			return fmt.Errorf("%w: %w", ErrClaims, err)
		}
	}
	return nil
}

// at says where a decoding failed. The rest of the decoder's error is left out:
// it quotes values.
func at(err error) string {
	var semantic *json.SemanticError
	if !errors.As(err, &semantic) || semantic.JSONPointer == "" {
		return ""
	}
	return fmt.Sprintf(" at %q", semantic.JSONPointer)
}
