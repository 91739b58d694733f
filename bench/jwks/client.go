package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"time"

	jwtmiddleware "github.com/auth0/go-jwt-middleware/v3"
	"github.com/auth0/go-jwt-middleware/v3/jwks"
	"github.com/auth0/go-jwt-middleware/v3/validator"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/lestrrat-go/httprc/v3"
	"github.com/lestrrat-go/jwx/v3/jwk"
	jwxjwt "github.com/lestrrat-go/jwx/v3/jwt"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/keys"
)

// A client is a library that finds keys in a JWK set over the network, set up
// as its own documentation does it for production, by the stricter way where it
// shows two. None gets an HTTP client of ours, though all would take one: what
// is followed and for how long is what the library decides.
type client struct {
	name    string
	module  string
	open    func(ctx context.Context, jwksURL string, s settings) (verify, error)
	refresh string // when a client left alone fetches again
	unset   string // not empty: why no row can shorten that
	notes   string // which calls open makes, and where they are documented
	answer  func(error) string
	// defaults says that settings.defaults makes a difference.
	defaults bool
}

// settings are what rows change of a client's set-up.
type settings struct {
	refresh  time.Duration // zero: the client's own
	defaults bool          // without the options that the documentation only recommends
}

// A verify checks one token, for the caller whose context it is.
type verify func(ctx context.Context, token string) error

var clients = []client{
	{
		name: "bearer", module: "github.com/gobearer/bearer", open: openBearer, answer: bearerAnswer,
		refresh: "5 min, from then on with the next token",
		notes: "`keys.Remote(url)` without options, no `Warm`; `bearer.NewMiddleware` and its `Verify(ctx, token)`. Rows with " +
			"an interval: `keys.WithRefreshInterval`.",
	},
	{
		name: "auth0/go-jwt-middleware", module: "github.com/auth0/go-jwt-middleware/v3", open: openAuth0, answer: auth0Answer,
		refresh: "15 min or the max-age of the response; from 80 % of it on with the next token",
		notes: "`jwks.NewCachingProvider` as in README \"Production Example with JWKS\", with `WithCustomJWKSURI` in place of " +
			"discovery; `validator.New(WithKeyFunc(provider.KeyFunc), …).ValidateToken(ctx, token)`. Rows with an interval: " +
			"`jwks.WithCacheTTL`. It offers no other setting of fetches but the HTTP client. Built with this program's jwx, " +
			"newer than the one its go.mod asks for.",
	},
	{
		name: "keyfunc", module: "github.com/MicahParks/keyfunc/v3", open: openKeyfunc,
		refresh: "1 h, by a goroutine",
		notes: "`keyfunc.NewDefaultOverrideCtx`, which is README's `NewDefaultCtx` with changes: here the `HTTPTimeout` of 10 s " +
			"from examples/advanced, stricter than the default of a minute. Then golang-jwt's `Parse` with `KeyfuncCtx` of " +
			"the caller's context (README shows `Keyfunc`, which does not see it). Rows with an interval: `RefreshInterval`.",
	},
	{
		name: "go-oidc", module: "github.com/coreos/go-oidc/v3", open: openOIDC,
		refresh: "never; only for a token that no cached key verifies", unset: "no interval to set",
		notes: "`oidc.NewRemoteKeySet(ctx, url)` in `oidc.NewVerifier(issuer, keySet, config).Verify(ctx, token)`, as in the " +
			"comment of `NewVerifier`. `oidc.ClientContext` could bring an HTTP client; its documentation names no setting " +
			"of one.",
	},
	{
		name: "jwx jwk.Cache", module: "github.com/lestrrat-go/jwx/v3", open: openJWX, defaults: true,
		refresh: "15 min (or what the response says, 15 min to 30 days), by a goroutine",
		notes: "`jwk.NewCache` and `Register` as in docs/04-jwk.md \"Auto-refreshing remote keys\", with what the documentation " +
			"recommends beyond: `httprc.WithWhitelist`, `jwk.WithStrictKeySetParsing(false)` for sets of third parties, and " +
			"a limit for `Register`, one second as in httprc's README, after which the service starts without keys " +
			"(`httprc.ErrNotReady`). Each token: `Cache.Lookup(ctx, url)`, `jwt.Parse` with `jwt.WithKeySet`. Rows with an " +
			"interval: `jwk.WithConstantInterval`. Its documentation says that the cache is for stable key servers only.",
	},
}

func openBearer(_ context.Context, jwksURL string, s settings) (verify, error) {
	var opts []keys.RemoteOption
	if s.refresh > 0 {
		opts = append(opts, keys.WithRefreshInterval(s.refresh))
	}
	source, err := keys.Remote(jwksURL, opts...)
	if err != nil {
		return nil, err
	}
	m, err := bearer.NewMiddleware[struct{}](bearer.Trust{Issuer: issuer, Audience: []string{audience}, Keys: source})
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, token string) error {
		_, err := m.Verify(ctx, token)
		return err
	}, nil
}

func bearerAnswer(err error) string {
	var refusal *bearer.Refusal
	if !errors.As(err, &refusal) {
		return err.Error()
	}
	return fmt.Sprintf("status %d", refusal.StatusCode())
}

func openAuth0(_ context.Context, jwksURL string, s settings) (verify, error) {
	issuerURL, err := url.Parse(issuer)
	if err != nil {
		return nil, err
	}
	keysURL, err := url.Parse(jwksURL)
	if err != nil {
		return nil, err
	}
	opts := []any{jwks.WithIssuerURL(issuerURL), jwks.WithCustomJWKSURI(keysURL)}
	if s.refresh > 0 {
		opts = append(opts, jwks.WithCacheTTL(s.refresh))
	}
	provider, err := jwks.NewCachingProvider(opts...)
	if err != nil {
		return nil, err
	}
	v, err := validator.New(
		validator.WithKeyFunc(provider.KeyFunc),
		validator.WithAlgorithm(validator.RS256),
		validator.WithIssuer(issuer),
		validator.WithAudience(audience),
	)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, token string) error {
		_, err := v.ValidateToken(ctx, token)
		return err
	}, nil
}

// auth0Answer is what its middleware answers unless it is told otherwise.
func auth0Answer(err error) string {
	w := httptest.NewRecorder()
	jwtmiddleware.DefaultErrorHandler(w, httptest.NewRequest(http.MethodGet, "/", nil), err)
	return fmt.Sprintf("status %d", w.Code)
}

func openKeyfunc(ctx context.Context, jwksURL string, s settings) (verify, error) {
	k, err := keyfunc.NewDefaultOverrideCtx(ctx, []string{jwksURL}, keyfunc.Override{
		HTTPTimeout:     10 * time.Second, // instead of a minute
		RefreshInterval: s.refresh,        // zero: the default
	})
	if err != nil {
		return nil, err
	}
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodRS256.Alg()}),
		jwt.WithIssuer(issuer), jwt.WithAudience(audience), jwt.WithExpirationRequired(),
	)
	return func(ctx context.Context, token string) error {
		_, err := parser.Parse(token, k.KeyfuncCtx(ctx))
		return err
	}, nil
}

func openOIDC(ctx context.Context, jwksURL string, _ settings) (verify, error) {
	v := oidc.NewVerifier(issuer, oidc.NewRemoteKeySet(ctx, jwksURL), &oidc.Config{ClientID: audience})
	return func(ctx context.Context, token string) error {
		_, err := v.Verify(ctx, token)
		return err
	}, nil
}

// jwxStart is how long Register may wait for the first fetch, which without a
// limit is for ever. httprc's README has this one.
const jwxStart = time.Second

func openJWX(ctx context.Context, jwksURL string, s settings) (verify, error) {
	cache, err := jwk.NewCache(ctx, httprc.NewClient(httprc.WithWhitelist(httprc.NewMapWhitelist().Add(jwksURL))))
	if err != nil {
		return nil, err
	}
	// The caller ends ctx to close the client; the documented Shutdown waits for
	// the goroutines besides.
	context.AfterFunc(ctx, func() { cache.Shutdown(context.Background()) })
	var opts []jwk.RegisterOption
	if !s.defaults {
		opts = append(opts, jwk.WithStrictKeySetParsing(false))
	}
	if s.refresh > 0 {
		opts = append(opts, jwk.WithConstantInterval(s.refresh))
	}
	start, cancel := context.WithTimeout(ctx, jwxStart)
	defer cancel()
	if err := cache.Register(start, jwksURL, opts...); err != nil && !errors.Is(err, httprc.ErrNotReady()) {
		return nil, err
	}
	return func(ctx context.Context, token string) error {
		set, err := cache.Lookup(ctx, jwksURL)
		if err != nil {
			return err
		}
		_, err = jwxjwt.ParseString(token, jwxjwt.WithKeySet(set), jwxjwt.WithIssuer(issuer), jwxjwt.WithAudience(audience))
		return err
	}, nil
}
