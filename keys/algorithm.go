package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	_ "crypto/sha256" // for crypto.Hash.New
	_ "crypto/sha512"

	"github.com/golang-jwt/jwt/v5"
)

// An Algorithm is a signature algorithm by the name that a token's alg carries
// (RFC 7518 section 3.1). Names compare exactly.
type Algorithm string

// The algorithms of this package. There is no "none".
const (
	HS256 Algorithm = "HS256" // HMAC with SHA-256, a secret of at least 32 bytes
	HS384 Algorithm = "HS384" // HMAC with SHA-384, a secret of at least 48 bytes
	HS512 Algorithm = "HS512" // HMAC with SHA-512, a secret of at least 64 bytes
	RS256 Algorithm = "RS256" // RSASSA-PKCS1-v1_5 with SHA-256
	RS384 Algorithm = "RS384" // RSASSA-PKCS1-v1_5 with SHA-384
	RS512 Algorithm = "RS512" // RSASSA-PKCS1-v1_5 with SHA-512
	PS256 Algorithm = "PS256" // RSASSA-PSS with SHA-256 and a salt of 32 bytes
	PS384 Algorithm = "PS384" // RSASSA-PSS with SHA-384 and a salt of 48 bytes
	PS512 Algorithm = "PS512" // RSASSA-PSS with SHA-512 and a salt of 64 bytes
	ES256 Algorithm = "ES256" // ECDSA on P-256 with SHA-256
	ES384 Algorithm = "ES384" // ECDSA on P-384 with SHA-384
	ES512 Algorithm = "ES512" // ECDSA on P-521 with SHA-512
	EdDSA Algorithm = "EdDSA" // Ed25519 (RFC 8037 section 3.1)
)

// A suite is what an algorithm stands for.
type suite struct {
	kty    string            // the JWK key type that fits
	hash   crypto.Hash       // 0 for EdDSA, which takes the message itself
	curve  elliptic.Curve    // ECDSA only
	method jwt.SigningMethod // verifies; nil for HMAC
}

// The key types of RFC 7518 section 6.1 and RFC 8037 section 2.
const (
	ktyOct = "oct"
	ktyRSA = "RSA"
	ktyEC  = "EC"
	ktyOKP = "OKP"
)

// suites is never written to. The methods are instances of our own, because
// those that golang-jwt exports are variables that any package can change.
var suites = map[Algorithm]suite{
	HS256: {kty: ktyOct, hash: crypto.SHA256},
	HS384: {kty: ktyOct, hash: crypto.SHA384},
	HS512: {kty: ktyOct, hash: crypto.SHA512},
	RS256: pkcs1v15(RS256, crypto.SHA256),
	RS384: pkcs1v15(RS384, crypto.SHA384),
	RS512: pkcs1v15(RS512, crypto.SHA512),
	PS256: pss(PS256, crypto.SHA256),
	PS384: pss(PS384, crypto.SHA384),
	PS512: pss(PS512, crypto.SHA512),
	ES256: onCurve(ES256, crypto.SHA256, elliptic.P256()),
	ES384: onCurve(ES384, crypto.SHA384, elliptic.P384()),
	ES512: onCurve(ES512, crypto.SHA512, elliptic.P521()),
	EdDSA: {kty: ktyOKP, method: &jwt.SigningMethodEd25519{}},
}

func pkcs1v15(name Algorithm, hash crypto.Hash) suite {
	return suite{kty: ktyRSA, hash: hash, method: &jwt.SigningMethodRSA{Name: string(name), Hash: hash}}
}

func pss(name Algorithm, hash crypto.Hash) suite {
	// RFC 7518 section 3.5 wants a salt as long as the hash; golang-jwt's own
	// instances verify a salt of any length.
	salt := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash}
	return suite{kty: ktyRSA, hash: hash, method: &jwt.SigningMethodRSAPSS{
		SigningMethodRSA: &jwt.SigningMethodRSA{Name: string(name), Hash: hash},
		Options:          salt,
		VerifyOptions:    salt,
	}}
}

func onCurve(name Algorithm, hash crypto.Hash, curve elliptic.Curve) suite {
	bits := curve.Params().BitSize
	return suite{kty: ktyEC, hash: hash, curve: curve, method: &jwt.SigningMethodECDSA{
		Name: string(name), Hash: hash, KeySize: (bits + 7) / 8, CurveBits: bits,
	}}
}

// options are what a crypto.Signer is told about the signature.
func (s suite) options() crypto.SignerOpts {
	if m, ok := s.method.(*jwt.SigningMethodRSAPSS); ok {
		return m.Options
	}
	return s.hash
}

// takes names what a key of this suite is made of.
func (s suite) takes() string {
	switch s.kty {
	case ktyOct:
		return "a []byte secret"
	case ktyRSA:
		return "an *rsa.PublicKey, an *rsa.PrivateKey or a crypto.Signer of RSA"
	case ktyEC:
		return "an *ecdsa.PublicKey, an *ecdsa.PrivateKey or a crypto.Signer of ECDSA, on " + s.curve.Params().Name
	default:
		return "an ed25519.PublicKey, an ed25519.PrivateKey or a crypto.Signer of Ed25519"
	}
}

// usual is the algorithm of a key that states none; empty for a secret, whose
// bytes say nothing about their purpose.
func usual(material any) Algorithm {
	if signer, ok := material.(crypto.Signer); ok {
		material = signer.Public()
	}
	switch k := material.(type) {
	case *rsa.PublicKey:
		return RS256
	case ed25519.PublicKey:
		return EdDSA
	case *ecdsa.PublicKey:
		for _, alg := range []Algorithm{ES256, ES384, ES512} {
			if suites[alg].curve == k.Curve {
				return alg
			}
		}
	}
	return ""
}
