package keys

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// members are those of a JSON object, by their exact names. Errors name a
// member and never quote its value.
type members map[string]jsontext.Value

// readMembers reads one JSON object. It refuses duplicate names (RFC 7517
// section 4), invalid UTF-8 and trailing data, at every depth.
func readMembers(text []byte) (members, error) {
	var m members
	if err := json.Unmarshal(text, &m); err != nil || m == nil {
		return nil, errors.New("not one JSON object without duplicate members")
	}
	return m, nil
}

// text is a member that is a string, or empty if there is none. No member that
// is read here may be the empty string.
func (m members) text(name string) (string, error) {
	value, ok := m[name]
	if !ok {
		return "", nil
	}
	var s string
	if value.Kind() != '"' || json.Unmarshal(value, &s) != nil || s == "" {
		return "", fmt.Errorf("%s is not a string with content", name)
	}
	return s, nil
}

// maxTexts bounds an array of strings, in bytes: key_ops has eight of them at most.
const maxTexts = 1 << 10

// texts is a member that is an array of strings, or nil if there is none.
func (m members) texts(name string) ([]string, error) {
	value, ok := m[name]
	if !ok {
		return nil, nil
	}
	malformed := fmt.Errorf("%s is not an array of distinct strings", name)
	var values []jsontext.Value
	if len(value) > maxTexts || value.Kind() != '[' || json.Unmarshal(value, &values) != nil {
		return nil, malformed
	}
	list := make([]string, len(values))
	seen := make(map[string]bool)
	for i, v := range values {
		if v.Kind() != '"' || json.Unmarshal(v, &list[i]) != nil || seen[list[i]] {
			return nil, malformed
		}
		seen[list[i]] = true
	}
	return list, nil
}

// octets is a member in base64url, in its one spelling: no padding, no line
// breaks, no bits that say nothing (RFC 7515 section 2).
func (m members) octets(name string) ([]byte, error) {
	s, err := m.text(name)
	if err != nil {
		return nil, err
	}
	if s == "" {
		return nil, fmt.Errorf("%s is missing", name)
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || base64.RawURLEncoding.EncodeToString(b) != s {
		return nil, fmt.Errorf("%s is not canonical unpadded base64url", name)
	}
	return b, nil
}

// integer is a member that is a number in its plain spelling, from zero to
// limit, and whether there is one.
func (m members) integer(name string, limit int64) (int64, bool, error) {
	value, ok := m[name]
	if !ok {
		return 0, false, nil
	}
	n, err := strconv.ParseUint(string(value), 10, 63)
	if err != nil || int64(n) > limit {
		return 0, true, fmt.Errorf("%s is not an integer in range", name)
	}
	return int64(n), true, nil
}
