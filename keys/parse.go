package keys

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxKeys bounds the work that one document can cause.
const maxKeys = 100

var errTooMany = fmt.Errorf("more than %d keys: use fewer, or Remove those of a Ring that have retired", maxKeys)

// Parse reads keys from PEM (PKIX, PKCS #1, PKCS #8, SEC 1; one or several
// blocks), from one JWK, or from a JWK set (RFC 7517) of at most 100 keys, in
// their order.
//
// A JWK's kid, alg, use and key_ops are kept and honoured. A key that states no
// algorithm gets that of [WithAlgorithm], else its type's usual one: RS256, the
// ES that goes with its curve, or EdDSA. A secret has no usual one. [WithID]
// names the one key that states no id.
//
// In a set, keys of an unknown type, curve or algorithm and keys for another
// use are skipped (RFC 7517 section 5). Everything else that is wrong is an
// error: what [New] refuses, secrets beside other keys, JSON with duplicate
// members or trailing data, base64url that is not canonical, two keys with one
// id and algorithm, one key twice, encrypted PEM, certificates, and a document
// without a usable key. Errors never quote the data.
func Parse(data []byte, opts ...KeyOption) ([]*Key, error) {
	o := applyKeyOptions(opts)
	if err := errors.Join(o.list...); err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	keys, err := parseKeys(data, o.alg)
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	if o.id != "" {
		if err := nameOne(keys, o.id); err != nil {
			return nil, fmt.Errorf("keys: %w", err)
		}
	}
	if err := errors.Join(checkDistinct(keys)...); err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	return keys, nil
}

func parseKeys(data []byte, fallback Algorithm) (keys []*Key, err error) {
	switch text := trimSpace(data); {
	case bytes.HasPrefix(text, pemBegin):
		keys, err = parsePEM(text, fallback)
	case bytes.HasPrefix(text, []byte("{")):
		keys, err = parseJSON(text, fallback)
	default:
		return nil, errors.New("the data is neither PEM nor a JWK nor a JWK set: use one of them")
	}
	if err == nil && len(keys) == 0 {
		err = errors.New("the data has no key that is usable here")
	}
	return keys, err
}

func parseJSON(text []byte, fallback Algorithm) ([]*Key, error) {
	m, err := readMembers(text)
	if err != nil {
		return nil, err
	}
	if _, one := m["kty"]; one {
		if _, both := m["keys"]; both {
			return nil, errors.New("the object is both a JWK and a JWK set: use one of them")
		}
		k, err := parseJWK(text, fallback)
		if err != nil {
			return nil, fmt.Errorf("the JWK: %w", err)
		}
		return []*Key{k}, nil
	}
	values, err := m.keySet()
	if err != nil {
		return nil, err
	}
	var keys []*Key
	for i, value := range values {
		k, err := parseJWK(value, fallback)
		if errors.Is(err, errForeign) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("key %d of the set: %w", i+1, err)
		}
		if len(keys) > 0 && keys[0].symmetric() != k.symmetric() {
			return nil, errMixed
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// errMixed: a set of public keys is published, and a secret in it with them.
var errMixed = errors.New("the set has secrets beside other keys: keep them in documents of their own")

// keySet is the keys of a JWK set, read no further.
func (m members) keySet() ([]jsontext.Value, error) {
	var values []jsontext.Value
	if m["keys"].Kind() != '[' || json.Unmarshal(m["keys"], &values) != nil {
		return nil, errors.New("the object is neither a JWK nor a JWK set: kty or an array keys is missing")
	}
	if len(values) > maxKeys {
		return nil, errTooMany
	}
	return values, nil
}

// nameOne gives the one key without an id its id.
func nameOne(keys []*Key, id string) error {
	nameless := -1
	for i, k := range keys {
		if k.id != "" {
			continue
		}
		if nameless >= 0 {
			return errors.New("WithID, but several keys state no id: parse them one by one")
		}
		nameless = i
	}
	if nameless < 0 {
		return errors.New("WithID, but every key states its id: leave it out")
	}
	keys[nameless] = keys[nameless].named(id)
	return nil
}

// trimSpace trims what both PEM and JSON call white space, and no more.
func trimSpace(text []byte) []byte { return bytes.Trim(text, " \t\r\n") }
