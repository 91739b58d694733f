package accounts

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
)

// NewPrivateToken returns a private token of 256 random bits and its hash. The
// token is shown to its owner once, the hash is stored.
func NewPrivateToken() (token string, hash [32]byte) {
	var b [32]byte
	rand.Read(b[:]) // never fails
	token = base64.RawURLEncoding.EncodeToString(b[:])
	return token, HashPrivateToken(token)
}

// HashPrivateToken returns what a [Record] holds of a private token: its
// SHA-256. That is enough for random tokens only: what a person chose, or what
// has less than 128 random bits, can be found from it.
func HashPrivateToken(token string) [32]byte { return sha256.Sum256([]byte(token)) }
