package bearer

import "reflect"

// Planned decodes a payload into c, a pointer to claims, by their type's plan
// alone. There is a plan if planned, and it did not give up if decoded.
func Planned(payload string, c any) (planned, decoded bool, err error) {
	claims := reflect.ValueOf(c).Elem()
	p := planFor(claims.Type())
	decoded, _, err = readPayload(payload, new(Info), p, claims)
	return p != nil, decoded, err
}

// AppendClaims encodes claims as an Issuer does.
func AppendClaims(text []byte, c Claims) ([]byte, bool) { return c.appendTo(text) }
