package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"math/big"
	"net/http"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/gobearer/bearer"
)

// The floors are no middlewares: they leave out whatever costs something and
// could be left out.
var (
	floorChecks = contestant{
		name: "floor: the checks alone", kind: floor, mute: true, open: openFloorChecks,
		documented: "The standard library's check of the signature, base64 and a strict scan of the JSON, into memory that is there. No claim is read.",
	}
	floorMap = contestant{
		name: "floor: a map lookup", only: []path{warm}, kind: floor, open: openFloorMap,
		documented: "A Go map from every token to its two claims. It never forgets, and checks nothing.",
	}
	floorAnswer = contestant{
		name: "floor: bearer's answer alone", only: []path{refused}, kind: floor, open: openFloorAnswer,
		documented: "One `*bearer.Refusal`, made once and written for each request. What a refusal of bearer takes beyond is its decision.",
	}
)

func openFloorMap(s setup) (http.Handler, error) {
	known := make(map[string][2]string, len(s.tokens))
	for _, t := range s.tokens {
		subject, custom, _ := strings.Cut(t.answer, " ")
		known[t.authorization] = [2]string{subject, custom}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, ok := known[r.Header["Authorization"][0]]
		if !ok {
			refuse(w)
			return
		}
		reply(w, claims[0], claims[1])
	}), nil
}

func openFloorChecks(s setup) (http.Handler, error) {
	if s.early {
		return nil, errUnsupported
	}
	pool := sync.Pool{New: func() any { return &desk{verify: s.key.verifier()} }}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d := pool.Get().(*desk)
		defer pool.Put(d)
		if raw, _ := bearerToken(r); !d.check(raw) {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}), nil
}

func openFloorAnswer(s setup) (http.Handler, error) {
	if !s.early {
		return nil, errUnsupported
	}
	m, err := newMiddleware[smallClaims](s)
	if err != nil {
		return nil, err
	}
	_, err = m.Verify(context.Background(), "no token")
	var refusal *bearer.Refusal
	if !errors.As(err, &refusal) {
		return nil, fmt.Errorf("not refused: %w", err)
	}
	return refusal, nil
}

// A desk is memory for one token at a time.
type desk struct {
	token, signature, payload []byte
	verify                    func(input, signature []byte) bool
}

func (d *desk) check(raw string) bool {
	end := strings.LastIndexByte(raw, '.')
	start := strings.IndexByte(raw, '.')
	if start == end {
		return false
	}
	d.token = append(d.token[:0], raw...)
	var err error
	if d.signature, err = base64.RawURLEncoding.AppendDecode(d.signature[:0], d.token[end+1:]); err != nil {
		return false
	}
	if !d.verify(d.token[:end], d.signature) {
		return false
	}
	if d.payload, err = base64.RawURLEncoding.AppendDecode(d.payload[:0], d.token[start+1:end]); err != nil {
		return false
	}
	return jsontext.Value(d.payload).IsValid()
}

// verifier returns the standard library's check, for one goroutine.
func (k key) verifier() func(input, signature []byte) bool {
	switch verify := k.verify.(type) {
	case *rsa.PublicKey:
		return func(input, signature []byte) bool {
			digest := sha256.Sum256(input)
			return rsa.VerifyPKCS1v15(verify, crypto.SHA256, digest[:], signature) == nil
		}
	case *ecdsa.PublicKey:
		return func(input, signature []byte) bool {
			digest, half := sha256.Sum256(input), len(signature)/2
			var r, s big.Int
			return ecdsa.Verify(verify, digest[:], r.SetBytes(signature[:half]), s.SetBytes(signature[half:]))
		}
	case ed25519.PublicKey:
		return func(input, signature []byte) bool { return ed25519.Verify(verify, input, signature) }
	case []byte:
		return sameMAC(hmac.New(sha256.New, verify))
	}
	return nil
}

func sameMAC(mac hash.Hash) func(input, signature []byte) bool {
	var sum [sha256.Size]byte
	return func(input, signature []byte) bool {
		mac.Reset()
		mac.Write(input)
		return hmac.Equal(mac.Sum(sum[:0]), signature)
	}
}
