package bearertest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/keys"
)

// errDown is what an outage says. No client may read it.
var errDown = errors.New("connection refused by 10.0.0.7:6379")

type brokenSource struct{}

func (brokenSource) Lookup(context.Context, keys.Header) ([]*keys.Key, error) { return nil, errDown }

type revocations func() (bool, error)

func (f revocations) Revoked(context.Context, bearer.Info) (bool, error) { return f() }

// An answer is what a Row expects of the wire.
type answer struct {
	status int
	header http.Header
	body   string
}

var (
	served     = answer{http.StatusNoContent, http.Header{}, ""}
	missing    = answer{http.StatusUnauthorized, http.Header{"Cache-Control": {"no-store"}, "Www-Authenticate": {`Bearer realm="api"`}}, ""}
	badRequest = refusal(http.StatusBadRequest, "invalid_request", "The request must carry one bearer token in the Authorization header", "")
	expired    = refusal(http.StatusUnauthorized, "invalid_token", "The access token expired", "")
	invalid    = refusal(http.StatusUnauthorized, "invalid_token", "The access token is invalid", "")
	forbidden  = refusal(http.StatusForbidden, "insufficient_scope", "The access token does not permit this request", "")
	unchecked  = answer{
		http.StatusServiceUnavailable,
		http.Header{"Cache-Control": {"no-store"}, "Content-Type": {"application/json"}, "Retry-After": {"1"}},
		`{"error":"temporarily_unavailable","error_description":"The access token cannot be checked now"}` + "\n",
	}
	fault = answer{http.StatusInternalServerError, http.Header{"Cache-Control": {"no-store"}}, ""}
)

func lacksScope(names string) answer {
	return refusal(http.StatusForbidden, "insufficient_scope", "The access token lacks a required scope", `, scope="`+names+`"`)
}

func refusal(status int, code, description, more string) answer {
	return answer{status, http.Header{
		"Cache-Control":    {"no-store"},
		"Content-Type":     {"application/json"},
		"Www-Authenticate": {`Bearer realm="api", error="` + code + `", error_description="` + description + `"` + more},
	}, `{"error":"` + code + `","error_description":"` + description + `"}` + "\n"}
}

// Rows returns the table of answers, with tokens that are good until the end of
// the test.
func Rows(t testing.TB) []Row {
	t.Helper()
	i := NewIssuer(t)
	k := i.signingKey()
	trust := bearer.Trust{Issuer: i.URL, Audience: []string{Audience}, Keys: i.ring}
	payload := map[string]any{"iss": i.URL, "aud": Audience, "sub": "alice", "scope": "read write", "roles": []string{"clerk"}, "exp": time.Now().Add(time.Hour).Unix()}
	with := func(changes map[string]any) []string {
		changed := maps.Clone(payload)
		maps.Copy(changed, changes)
		return []string{"Bearer " + i.Token(changed)}
	}
	headed := func(header map[string]any) []string { return []string{"Bearer " + i.compact(k, header, payload)} }
	good := with(nil)

	type levels = [][]bearer.Guard
	flat := levels{{}}
	one := func(g ...bearer.Guard) levels { return levels{g} }
	read, write, admin := bearer.RequireScope("read"), bearer.RequireScope("write"), bearer.RequireScope("admin")
	clerk, boss := bearer.RequireRole("boss", "clerk"), bearer.RequireRole("boss")
	predicate := func(err error) bearer.Guard {
		return bearer.Require(func(context.Context, Claims) error { return err })
	}
	isAlice := bearer.Require(func(_ context.Context, c Claims) error {
		if c.Subject != "alice" {
			return errors.New("not alice")
		}
		return nil
	})
	otherClaims := bearer.Require(func(context.Context, bearer.Claims) error { return nil })
	down, revoked, unknowing := trust, trust, trust
	down.Keys = brokenSource{}
	revoked.Revocations = revocations(func() (bool, error) { return true, nil })
	unknowing.Revocations = revocations(func() (bool, error) { return false, errDown })

	var rows []Row
	add := func(name string, authorization []string, g levels, want answer, cause error, edit ...func(*Row)) {
		row := Row{
			Name: name, Authorization: authorization, Trust: trust, Guards: g,
			Status: want.status, Header: want.header, Body: want.body, Cause: cause,
		}
		if want.status == served.status {
			row.Handled, row.Subject = true, "alice"
		}
		for _, e := range edit {
			e(&row)
		}
		rows = append(rows, row)
	}
	optional := func(r *Row) { r.Options = []bearer.MiddlewareOption{bearer.WithOptional()} }
	nobody := func(r *Row) { r.Subject = "" }
	trusting := func(t bearer.Trust) func(*Row) { return func(r *Row) { r.Trust = t } }

	add("admitted", good, flat, served, nil)
	add("admitted by a scheme in lower case", []string{"bearer" + good[0][len("Bearer"):]}, flat, served, nil)
	add("admitted with its scopes", good, one(bearer.RequireScope("write", "read")), served, nil)
	add("admitted with its role", good, one(clerk), served, nil)
	add("admitted with a predicate", good, one(isAlice), served, nil)
	add("admitted with all of them", good, one(read, clerk, isAlice, write), served, nil)

	add("no credential", nil, flat, missing, bearer.ErrMissing)
	add("no credential but a guard", nil, one(read), missing, bearer.ErrMissing)
	add("another scheme", []string{"Basic dXNlcjpwYXNz"}, flat, missing, bearer.ErrMissing)
	add("a realm", nil, flat, answer{missing.status, http.Header{"Cache-Control": {"no-store"}, "Www-Authenticate": {`Bearer realm="the shop's API"`}}, ""}, bearer.ErrMissing,
		func(r *Row) { r.Options = []bearer.MiddlewareOption{bearer.WithRealm("the shop's API")} })

	add("two headers", append(good[:1:1], good...), flat, badRequest, bearer.ErrRequest)
	add("a scheme without a token", []string{"Bearer"}, flat, badRequest, bearer.ErrRequest)
	add("two tokens in a header", []string{"Bearer a, Bearer b"}, flat, badRequest, bearer.ErrRequest)
	add("expired", []string{"Bearer " + i.Expired()}, flat, expired, bearer.ErrExpired)
	add("malformed", []string{"Bearer x"}, flat, invalid, bearer.ErrMalformed)
	add("a bad signature", []string{"Bearer " + i.Foreign()}, flat, invalid, bearer.ErrSignature)
	add("not yet valid", with(map[string]any{"nbf": time.Now().Add(time.Hour).Unix()}), flat, invalid, bearer.ErrNotYetValid)
	add("another audience", []string{"Bearer " + i.WrongAudience()}, flat, invalid, bearer.ErrAudience)
	add("another issuer", with(map[string]any{"iss": "https://other.test"}), flat, invalid, bearer.ErrIssuer)
	add("without an expiry", with(map[string]any{"exp": nil}), flat, invalid, bearer.ErrClaims)
	add("an unknown key", headed(map[string]any{"alg": k.Algorithm(), "kid": "unknown"}), flat, invalid, bearer.ErrUnknownKey)
	add("algorithm none", headed(map[string]any{"alg": "none", "kid": k.ID()}), flat, invalid, bearer.ErrUnknownKey)
	add("another type", headed(map[string]any{"alg": k.Algorithm(), "kid": k.ID(), "typ": "dpop+jwt"}), flat, invalid, bearer.ErrTokenType)
	add("revoked", good, flat, invalid, bearer.ErrRevoked, trusting(revoked))

	add("a scope is missing", good, one(admin), lacksScope("admin"), bearer.ErrForbidden)
	add("one of two scopes is missing", good, one(bearer.RequireScope("read", "admin")), lacksScope("read admin"), bearer.ErrForbidden)
	add("a role is missing", good, one(boss), forbidden, bearer.ErrForbidden)
	add("a predicate refuses", good, one(predicate(errors.New("a secret reason"))), forbidden, bearer.ErrForbidden)
	add("a predicate says unavailable", good, one(predicate(fmt.Errorf("%w: the database", bearer.ErrUnavailable))), unchecked, bearer.ErrUnavailable)
	add("the first guard that refuses answers", good, one(read, boss, admin), forbidden, bearer.ErrForbidden)
	add("RequireScope without a name", good, one(bearer.RequireScope()), forbidden, bearer.ErrForbidden)
	add("a guard for other claims than the middleware's", good, one(otherClaims), fault, nil)
	add("a nil guard", good, one(nil), fault, nil)

	add("keys are out of reach", good, flat, unchecked, bearer.ErrUnavailable, trusting(down))
	add("revocations are out of reach", good, flat, unchecked, bearer.ErrUnavailable, trusting(unknowing))

	add("nested: admitted", good, levels{{}, {}}, served, nil)
	add("nested: admitted with guards on three levels", good, levels{{read}, {clerk, isAlice}, {write}}, served, nil)
	add("nested: no credential", nil, levels{{}, {read}}, missing, bearer.ErrMissing)
	add("nested: expired", []string{"Bearer " + i.Expired()}, levels{{}, {read}}, expired, bearer.ErrExpired)
	add("nested: the outer scope is missing", good, levels{{admin}, {boss}}, lacksScope("admin"), bearer.ErrForbidden)
	add("nested: the inner scope is missing", good, levels{{}, {admin}}, lacksScope("admin"), bearer.ErrForbidden)
	add("nested: the innermost role is missing", good, levels{{}, {read}, {boss}}, forbidden, bearer.ErrForbidden)
	add("nested: the inner guard is for other claims", good, levels{{read}, {otherClaims}}, fault, nil)
	add("nested: revocations are out of reach", good, levels{{}, {read}}, unchecked, bearer.ErrUnavailable, trusting(unknowing))

	add("optional: no credential", nil, flat, served, nil, optional, nobody)
	add("optional: another scheme", []string{"Basic x"}, flat, served, nil, optional, nobody)
	add("optional: a good token", good, flat, served, nil, optional)
	add("optional: a bad token", []string{"Bearer " + i.Expired()}, flat, expired, bearer.ErrExpired, optional)
	add("optional: a malformed header", []string{"Bearer"}, flat, badRequest, bearer.ErrRequest, optional)
	add("optional: a guard wants a token", nil, one(read), missing, bearer.ErrMissing, optional)
	add("optional: a nested guard wants a token", nil, levels{{}, {read}}, missing, bearer.ErrMissing, optional)
	add("optional: keys are out of reach", good, flat, unchecked, bearer.ErrUnavailable, optional, trusting(down))

	add("an error handler's answer", nil, flat, answer{http.StatusTeapot, http.Header{"X-Own": {"yes"}, "Content-Type": {"text/plain"}}, "own"}, bearer.ErrMissing, func(r *Row) {
		r.Options = []bearer.MiddlewareOption{bearer.WithErrorHandler(func(w http.ResponseWriter, _ *http.Request, _ *bearer.Refusal) {
			w.Header().Set("X-Own", "yes")
			w.Header().Set("Content-Type", "text/plain")
			w.WriteHeader(http.StatusTeapot)
			_, _ = w.Write([]byte("own"))
		})}
	})
	return rows
}
