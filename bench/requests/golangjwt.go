package main

import (
	"errors"
	"net/http"

	"github.com/golang-jwt/jwt/v5"
)

var golangJWT = contestant{
	name: baseline, module: "github.com/golang-jwt/jwt/v5",
	open: typed(openGolangJWT[smallRegistered], openGolangJWT[seedRegistered]),
	documented: "A middleware written by hand, as short as it gets: `jwt.NewParser(jwt.WithValidMethods(…)).ParseWithClaims` into a " +
		"struct, one key whatever `kid` says, the claims into the request's context. This is B.",
	strict: "`WithIssuer`, `WithAudience`, `WithExpirationRequired`, `WithIssuedAt`, `WithStrictDecoding`; `typ` and `kid` compared in the key function.",
}

// registered is what golang-jwt decodes into.
type registered interface {
	jwt.Claims
	pair() (subject, custom string)
}

type smallRegistered struct {
	jwt.RegisteredClaims
	Tenant string `json:"tenant"`
}

func (c smallRegistered) pair() (subject, custom string) { return c.Subject, c.Tenant }

type seedRegistered struct {
	jwt.RegisteredClaims
	seedClaims
}

func openGolangJWT[C registered](s setup) (http.Handler, error) {
	parser, keyOf := golangParser(s), func(*jwt.Token) (any, error) { return s.key.verify, nil }
	if s.strict {
		keyOf = s.strictKey
	}
	return byHand(func(raw string) (*C, error) { return parseRegistered[C](parser, raw, keyOf) }), nil
}

func parseRegistered[C registered](parser *jwt.Parser, raw string, keyOf jwt.Keyfunc) (*C, error) {
	c := new(C)
	// Only a pointer can be decoded into, and it has the methods of what it points to.
	_, err := parser.ParseWithClaims(raw, any(c).(jwt.Claims), keyOf)
	return c, err
}

func golangParser(s setup) *jwt.Parser { return jwt.NewParser(golangOptions(s)...) }

// golangOptions are for s.strict all that check something.
func golangOptions(s setup) []jwt.ParserOption {
	options := []jwt.ParserOption{jwt.WithValidMethods([]string{s.key.alg})}
	if s.strict {
		options = append(options, jwt.WithIssuer(s.payload.issuer), jwt.WithAudience(s.payload.audience),
			jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithStrictDecoding())
	}
	return options
}

var errHeader = errors.New("wrong typ or kid")

func (s setup) strictKey(t *jwt.Token) (any, error) {
	if kid, _ := t.Header["kid"].(string); t.Header["typ"] != s.key.typ || kid != s.key.kid {
		return nil, errHeader
	}
	return s.key.verify, nil
}

// byHand is the middleware that users of a library without one have to write.
func byHand[C interface{ pair() (string, string) }](verify func(raw string) (*C, error)) http.Handler {
	return authenticated(verify, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		subject, custom := (*claimsOf[*C](r)).pair()
		reply(w, subject, custom)
	}))
}

func authenticated[T any](verify func(raw string) (T, error), next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, ok := bearerToken(r)
		if !ok {
			refuse(w)
			return
		}
		claims, err := verify(raw)
		if err != nil {
			refuse(w)
			return
		}
		next.ServeHTTP(w, withClaims(r, claims))
	})
}
