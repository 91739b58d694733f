package main

import (
	"context"
	"errors"
	"net/http"
	"strings"
)

// A contestant is a library behind a route, by its own middleware where it has
// one.
type contestant struct {
	name   string
	module string
	open   func(setup) (http.Handler, error) // errUnsupported: there is no such row
	only   []path                            // the paths it is for; nil: all

	documented string // the set-up that its documentation shows
	strict     string // what the strictest one adds; empty: there is no stricter one
	kind       kind
	mute       bool // it reads no claims: any 200 is right
}

type kind int

const (
	peer  kind = iota
	own        // this repository's
	floor      // what nobody can be faster than
)

// A setup is what a contestant has to verify.
type setup struct {
	key     key
	payload *payload
	strict  bool
	tokens  []token // what will be sent; only a floor looks
	early   bool    // what will be sent can be refused before its signature
}

var errUnsupported = errors.New("not supported")

// typed picks by the payload the type that claims are decoded into.
func typed(ofSmall, ofSeed func(setup) (http.Handler, error)) func(setup) (http.Handler, error) {
	return func(s setup) (http.Handler, error) {
		if s.payload == small {
			return ofSmall(s)
		}
		return ofSeed(s)
	}
}

// baseline is B, the row that all others are compared with.
const baseline = "golang-jwt"

var contestants = []contestant{
	bearerContestant, bearerForgetful, bearerDefault, bearerMaps, golangJWT, keyfuncJWT, kataras, echoJWT, ginJWT, auth0v2, auth0v3, goOIDC, jwx2, jwx3, jwtAuth,
	floorChecks, floorMap, floorAnswer,
}

// bearerToken is for middlewares that are written by hand.
func bearerToken(r *http.Request) (string, bool) {
	return strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
}

// refuse is the answer of middlewares that are written by hand.
func refuse(w http.ResponseWriter) {
	http.Error(w, http.StatusText(http.StatusUnauthorized), http.StatusUnauthorized)
}

// claimsKey is where middlewares that are written by hand leave what they have
// verified.
type claimsKey struct{}

func withClaims(r *http.Request, claims any) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), claimsKey{}, claims))
}

func claimsOf[T any](r *http.Request) T { return r.Context().Value(claimsKey{}).(T) }
