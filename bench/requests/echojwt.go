package main

import (
	"net/http"

	"github.com/golang-jwt/jwt/v5"
	echojwt "github.com/labstack/echo-jwt/v5"
	"github.com/labstack/echo/v5"
)

var echoJWT = contestant{
	name: "echo-jwt", module: "github.com/labstack/echo-jwt/v5",
	open: typed(openEchoJWT[smallRegistered], openEchoJWT[seedRegistered]),
	documented: "`echojwt.WithConfig(echojwt.Config{SigningKey, SigningMethod})`, with a `kid` `SigningKeys`; " +
		"`echo.ContextGet[*jwt.Token](c, \"user\")` and `jwt.MapClaims`, all as in the README.",
	strict: "`Config.ParseTokenFunc` with golang-jwt's options, a struct for the claims, `typ` and `kid` compared as above: its `Config` has no issuer or audience.",
}

func openEchoJWT[C registered](s setup) (http.Handler, error) {
	config := echojwt.Config{SigningKey: s.key.verify, SigningMethod: s.key.alg}
	if s.key.kid != "" {
		config.SigningKeys = map[string]any{s.key.kid: s.key.verify}
	}
	handler := func(c *echo.Context) error {
		t, err := echo.ContextGet[*jwt.Token](c, "user")
		if err != nil {
			return echo.ErrUnauthorized.Wrap(err)
		}
		replyMap(c.Response(), s.payload, t.Claims.(jwt.MapClaims))
		return nil
	}
	if s.strict {
		parser := golangParser(s)
		config.ParseTokenFunc = func(_ *echo.Context, raw string) (any, error) {
			return parseRegistered[C](parser, raw, s.strictKey)
		}
		handler = func(c *echo.Context) error {
			claims, err := echo.ContextGet[*C](c, "user")
			if err != nil {
				return echo.ErrUnauthorized.Wrap(err)
			}
			subject, custom := (*claims).pair()
			reply(c.Response(), subject, custom)
			return nil
		}
	}
	e := echo.New()
	e.GET("/", handler, echojwt.WithConfig(config))
	return e, nil
}
