package bearer

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/gobearer/bearer/internal/strictjson"
)

// The claims whose names are URIs, as .NET's ClaimTypes has them.
const (
	claimNameIdentifier = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier"
	claimRole           = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"
)

// readPayload reads the registered claims of a verified payload, to its last
// byte, and in the same pass what p knows of the middleware's claims. It has
// decoded these if it says so; else decodeClaims has to, from the beginning. It
// also says whether there is an iat. A
// registered claim of a wrong type, null included, is an error; the claims that
// only inform, roles, scopes and the session, are then taken for absent.
func readPayload(payload string, t *Info, p *plan, claims reflect.Value) (decoded, dated bool, err error) {
	decoded = p != nil
	var (
		issued         time.Time
		nameIdentifier string
		place          int
	)
	o := strictjson.Open(payload)
	for o.Next() {
		switch o.Name {
		case "iss":
			t.Issuer, err = o.Value.String()
		case "sub":
			t.Subject, err = o.Value.String()
		case "jti":
			t.ID, err = o.Value.String()
		case "sid":
			t.Session = onlyString(o.Value)
		case "aud":
			t.Audience, err = readAudience(o.Value)
		case "exp":
			t.ExpiresAt, err = readDate(o.Value)
		case "nbf":
			t.NotBefore, err = readDate(o.Value)
		case "iat":
			issued, err = readDate(o.Value)
		case "scope", "scp":
			t.Scopes = appendScopes(t.Scopes, o.Value)
		case claimRole, "role", "roles":
			t.Roles = appendStrings(t.Roles, o.Value)
		case claimNameIdentifier:
			nameIdentifier = onlyString(o.Value)
		}
		if err != nil {
			return false, false, fmt.Errorf("%w: %s: %w", ErrClaims, o.Name, err)
		}
		if decoded {
			place, decoded = p.set(claims, o.Name, o.Value, place)
		}
	}
	if o.Err() != nil {
		return false, false, errSyntax
	}
	if t.Subject == "" {
		t.Subject = nameIdentifier
	}
	if t.IssuedAt = issued; issued.IsZero() {
		t.IssuedAt = t.NotBefore
	}
	return decoded, !issued.IsZero(), nil
}

var errSyntax = fmt.Errorf("%w: %w", ErrClaims, strictjson.ErrSyntax)

// readIssuer reads the iss of a payload that is not verified, to pick a trust
// by and for nothing else. Only its syntax is looked at besides.
func readIssuer(payload string) (issuer string, err error) {
	o := strictjson.Open(payload)
	for o.Next() {
		if o.Name != "iss" {
			continue
		}
		if issuer, err = o.Value.String(); err != nil {
			return "", fmt.Errorf("%w: iss: %w", ErrClaims, err)
		}
	}
	if o.Err() != nil {
		return "", errSyntax
	}
	return issuer, nil
}

// readAudience reads a string or an array of strings (RFC 7519 section 4.1.3).
func readAudience(v strictjson.Value) ([]string, error) {
	list, ok := v.Strings()
	if !ok {
		return nil, strictjson.ErrType
	}
	return list, nil
}

// appendStrings appends a string or an array of strings, and nothing for any
// other value.
func appendStrings(dst []string, v strictjson.Value) []string {
	list, _ := v.Strings()
	if dst == nil {
		return list
	}
	return append(dst, list...)
}

// onlyString is a string, or the one of an array; empty for anything else.
func onlyString(v strictjson.Value) string {
	if s, err := v.String(); err == nil {
		return s
	}
	if list, _ := v.Strings(); len(list) == 1 {
		return list[0]
	}
	return ""
}

// appendScopes splits a string at its spaces, and at them alone (RFC 6749
// section 3.3); an array holds one scope an element.
func appendScopes(dst []string, v strictjson.Value) []string {
	s, err := v.String()
	if err != nil {
		return appendStrings(dst, v)
	}
	n := 0
	for scope := range strings.SplitSeq(s, " ") {
		if scope != "" {
			n++
		}
	}
	dst = slices.Grow(dst, n)
	for scope := range strings.SplitSeq(s, " ") {
		if scope != "" {
			dst = append(dst, scope)
		}
	}
	return dst
}

func readDate(v strictjson.Value) (time.Time, error) {
	number, err := v.Number()
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
// claims. It gives a copy to the decoder, which gives it to methods that are not
// ours: the payload is a string, and must not change.
func decodeClaims(payload string, c any) error {
	if err := json.Unmarshal([]byte(payload), c); err != nil {
		return fmt.Errorf("%w: the payload does not decode into %T%s", ErrClaims, c, at(err))
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
