package keys

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

var (
	pemBegin = []byte("-----BEGIN ")

	errNotDER = errors.New("its content is no key that crypto/x509 reads under this label")
)

// parsePEM reads PEM blocks with nothing but white space around them. It does
// not look for the next good block, as encoding/pem does: a file that was cut
// or edited by mistake must not lose a key in silence.
func parsePEM(text []byte, fallback Algorithm) ([]*Key, error) {
	var keys []*Key
	for n := 1; len(text) > 0; n++ {
		block, rest := pem.Decode(text)
		if block == nil || !bytes.HasPrefix(text, pemBegin) || bytes.Count(text[:len(text)-len(rest)], pemBegin) != 1 {
			return nil, fmt.Errorf("PEM block %d is malformed, or there is text around it: use blocks alone", n)
		}
		text = trimSpace(rest)
		if block.Type == "EC PARAMETERS" { // openssl ecparam writes one; the key names its curve itself
			continue
		}
		if len(keys) == maxKeys {
			return nil, errTooMany
		}
		raw, err := decodeBlock(block)
		if err != nil {
			return nil, fmt.Errorf("PEM block %d: %w", n, err)
		}
		k, err := buildUsual("", fallback, "", raw)
		if err != nil {
			return nil, fmt.Errorf("PEM block %d: %w", n, err)
		}
		keys = append(keys, k)
	}
	return keys, nil
}

func decodeBlock(block *pem.Block) (raw any, err error) {
	if len(block.Headers) > 0 {
		return nil, errors.New("it is encrypted or has headers: decrypt it first")
	}
	switch block.Type {
	case "PUBLIC KEY":
		raw, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		raw, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case "PRIVATE KEY":
		raw, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		raw, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		raw, err = x509.ParseECPrivateKey(block.Bytes)
	case "ENCRYPTED PRIVATE KEY":
		return nil, errors.New("ENCRYPTED PRIVATE KEY: decrypt it first")
	case "CERTIFICATE", "TRUSTED CERTIFICATE", "X509 CERTIFICATE":
		return nil, errors.New("CERTIFICATE: use the public key in it, this package checks no certificate")
	case "OPENSSH PRIVATE KEY":
		return nil, errors.New("OPENSSH PRIVATE KEY: convert it to PKCS #8")
	default: // its label is input too
		return nil, errors.New("an unknown type: use PUBLIC KEY (PKIX) or PRIVATE KEY (PKCS #8)")
	}
	if err != nil { // x509 and asn1 quote what they read
		return nil, errNotDER
	}
	return raw, nil
}
