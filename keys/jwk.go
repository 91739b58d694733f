package keys

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/lestrrat-go/jwx/v2/jwk"
)

// errForeign marks a JWK that is well-formed and not for this package, which a
// set may hold beside others (RFC 7517 section 5).
var errForeign = errors.New("not a signature key that is known here")

// parseJWK reads one JWK. fallback is the algorithm of a key that states none;
// empty: its type's usual one. The error is errForeign for a key of an unknown
// type, curve or algorithm or for another use; any other means that the key is
// broken or weak.
func parseJWK(value jsontext.Value, fallback Algorithm) (*Key, error) {
	m, err := readMembers(value)
	if err != nil {
		return nil, err
	}
	var problems []error
	text := func(name string) string {
		value, err := m.text(name)
		problems = append(problems, err)
		return value
	}
	kty, crv, alg, kid, use := text("kty"), text("crv"), text("alg"), text("kid"), text("use")
	ops, err := m.texts("key_ops")
	if err := errors.Join(append(problems, err)...); err != nil {
		return nil, err
	}
	if use != "" && use != "sig" {
		return nil, fmt.Errorf("%w: its use is not sig", errForeign)
	}
	// RFC 7517 section 4.3: a key that lists operations is for no other.
	_, private := m["d"]
	signs := ops == nil || slices.Contains(ops, "sign")
	verifies := ops == nil || slices.Contains(ops, "verify")
	if kty == ktyOct && !signs && !verifies || kty != ktyOct && (private && !signs || !private && !verifies) {
		return nil, fmt.Errorf("%w: its key_ops lack sign or verify", errForeign)
	}
	s, ok := suites[Algorithm(alg)]
	if alg != "" && !ok {
		return nil, fmt.Errorf("%w: its alg is none of the Algorithm constants", errForeign)
	}
	parts, err := m.parts(kty, crv)
	if err != nil {
		return nil, err
	}
	if ok && s.kty != kty {
		return nil, fmt.Errorf("alg %s does not fit kty %s", alg, kty)
	}
	if kid != "" {
		if err := checkID(kid); err != nil {
			return nil, err
		}
	}
	raw, err := m.raw(kty, parts)
	if err != nil {
		return nil, err
	}
	k, err := buildUsual(Algorithm(alg), fallback, kid, raw)
	if err != nil {
		return nil, err
	}
	if k.symmetric() {
		k.m().signs, k.m().verifies = signs, verifies
	}
	return k, nil
}

// A part is a member that a key is made of.
type part struct {
	name string
	size int // its octets: a number of them, or one of the two below
}

const (
	anySize  = -1
	shortest = 0 // a number without leading zeros (RFC 7518 section 2, Base64urlUInt)
)

// parts are what makes a key of a type (RFC 7518 section 6, RFC 8037 section 2).
func (m members) parts(kty, crv string) ([]part, error) {
	_, private := m["d"]
	switch kty {
	case "":
		return nil, errors.New("kty is missing")
	case ktyOct:
		return []part{{"k", anySize}}, nil
	case ktyRSA:
		parts := []part{{"n", shortest}, {"e", shortest}}
		for _, name := range []string{"d", "p", "q", "dp", "dq", "qi"} {
			if _, ok := m[name]; ok != private {
				return nil, errors.New("an RSA key has either all of d, p, q, dp, dq, qi or none")
			}
			if private {
				parts = append(parts, part{name, shortest})
			}
		}
		if _, ok := m["oth"]; ok {
			return nil, errors.New("an RSA key has more than two primes")
		}
		return parts, nil
	case ktyEC, ktyOKP:
		size, err := coordinateSize(kty, crv)
		if err != nil {
			return nil, err
		}
		parts := []part{{"x", size}}
		if kty == ktyEC {
			parts = append(parts, part{"y", size})
		}
		if private {
			parts = append(parts, part{"d", size})
		}
		return parts, nil
	default:
		return nil, fmt.Errorf("%w: its kty is not RSA, EC, OKP or oct", errForeign)
	}
}

// coordinateSize is the number of octets of a coordinate and of d.
func coordinateSize(kty, crv string) (int, error) {
	if crv == "" {
		return 0, errors.New("crv is missing")
	}
	if kty == ktyOKP && crv == "Ed25519" {
		return ed25519.PublicKeySize, nil
	}
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		if p := curve.Params(); kty == ktyEC && crv == p.Name {
			return (p.BitSize + 7) / 8, nil
		}
	}
	return 0, fmt.Errorf("%w: its crv is not P-256, P-384, P-521 or Ed25519", errForeign)
}

// raw hands jwx an object of none but the members that were checked here: jwx
// reads names in any case, base64 in any alphabet, and the low 64 bits of an
// exponent. Its errors may quote what it read, so they stay here.
func (m members) raw(kty string, parts []part) (any, error) {
	checked := members{"kty": m["kty"]}
	if kty == ktyEC || kty == ktyOKP {
		checked["crv"] = m["crv"]
	}
	for _, p := range parts {
		octets, err := m.octets(p.name)
		switch {
		case err != nil:
			return nil, err
		case p.size > 0 && len(octets) != p.size:
			return nil, fmt.Errorf("%s has not the length that its curve wants", p.name)
		case p.size == shortest && octets[0] == 0:
			return nil, fmt.Errorf("%s begins with a zero octet", p.name)
		case p.name == "e" && len(octets) > 4:
			return nil, errors.New("the RSA exponent is over 32 bits: use a key with exponent 65537")
		}
		checked[p.name] = m[p.name]
	}
	text, err := json.Marshal(checked)
	if err != nil {
		return nil, errors.New("not a JWK")
	}
	parsed, err := jwk.ParseKey(text)
	if err != nil {
		return nil, fmt.Errorf("not a JWK of type %s", kty)
	}
	var raw any
	if err := parsed.Raw(&raw); err != nil {
		return nil, fmt.Errorf("an inconsistent JWK of type %s", kty)
	}
	return raw, nil
}

// buildUsual builds a key whose algorithm is the stated one, else the fallback,
// else its type's usual one.
func buildUsual(stated, fallback Algorithm, id string, raw any) (*Key, error) {
	for _, alg := range []Algorithm{stated, fallback, usual(raw)} {
		if alg != "" {
			return build(alg, id, raw)
		}
	}
	if _, ok := raw.([]byte); ok {
		return nil, errors.New("a secret states no algorithm: use WithAlgorithm")
	}
	return nil, fmt.Errorf("no algorithm takes %T on its curve: use RSA, ECDSA on P-256, P-384 or P-521, or Ed25519", raw)
}

// encodeJWK writes the public half of an asymmetric key.
func encodeJWK(k *Key) (jsontext.Value, error) { return encodeRaw(k, k.m().public) }

// encodePrivateJWK writes all of a key that is in memory: of a secret its bytes,
// of a key behind a crypto.Signer of somebody else the public half.
func encodePrivateJWK(k *Key) (jsontext.Value, error) {
	if k.symmetric() {
		return encodeRaw(k, k.m().mac.secret)
	}
	switch private := k.m().signer.(type) {
	case *rsa.PrivateKey, *ecdsa.PrivateKey, ed25519.PrivateKey:
		return encodeRaw(k, private)
	default:
		return encodeJWK(k)
	}
}

func encodeRaw(k *Key, raw any) (jsontext.Value, error) {
	key, err := jwk.FromRaw(raw)
	if err != nil {
		return nil, errNoJWK
	}
	stated := map[string]string{jwk.KeyUsageKey: "sig", jwk.AlgorithmKey: string(k.alg)}
	if k.id != "" {
		stated[jwk.KeyIDKey] = k.id
	}
	for name, value := range stated {
		if err := key.Set(name, value); err != nil {
			return nil, errNoJWK
		}
	}
	text, err := json.Marshal(key)
	if err != nil {
		return nil, errNoJWK
	}
	return text, nil
}

// errNoJWK stands for what jwx says, which may quote the key.
var errNoJWK = errors.New("the key has no JWK")
