package main

import (
	"errors"
	"net/http"

	ginjwt "github.com/appleboy/gin-jwt/v3"
	"github.com/gin-gonic/gin"
	"github.com/golang-jwt/jwt/v5"
)

var ginJWT = contestant{
	name: "gin-jwt", module: "github.com/appleboy/gin-jwt/v3", open: openGinJWT,
	documented: "`ginjwt.New(&ginjwt.GinJWTMiddleware{Key})`, other algorithms than HS256 by its `KeyFunc`, which has to compare the algorithm; " +
		"`MiddlewareFunc`, `ginjwt.ExtractClaims` (a map). Its refresh tokens are not used.",
	strict: "`ParseOptions` with golang-jwt's options, `KeyFunc` for all, `typ` and `kid` compared as above.",
}

var errAlgorithm = errors.New("wrong alg")

func openGinJWT(s setup) (http.Handler, error) {
	config := &ginjwt.GinJWTMiddleware{Realm: "api"}
	switch {
	case s.strict:
		config.KeyFunc = s.strictKey
		config.ParseOptions = golangOptions(s)
	case s.key.alg == "HS256":
		config.Key = s.key.verify.([]byte)
	default:
		config.KeyFunc = func(t *jwt.Token) (any, error) {
			if t.Method.Alg() != s.key.alg {
				return nil, errAlgorithm
			}
			return s.key.verify, nil
		}
	}
	m, err := ginjwt.New(config)
	if err != nil {
		return nil, err
	}
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.GET("/", m.MiddlewareFunc(), func(c *gin.Context) { replyMap(c.Writer, s.payload, ginjwt.ExtractClaims(c)) })
	return e, nil
}
