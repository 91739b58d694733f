package bearerecho_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/adapters/bearerecho"
	"github.com/gobearer/bearer/bearertest"
	"github.com/gobearer/bearer/keys"
	"github.com/labstack/echo/v5"
	echomiddleware "github.com/labstack/echo/v5/middleware"
)

func newEcho() *echo.Echo {
	e := echo.New()
	e.Logger = slog.New(slog.DiscardHandler)
	return e
}

// handler is what stands behind every wiring.
func handler(route bearertest.Route) echo.HandlerFunc {
	return func(c *echo.Context) error {
		route.Saw(bearerecho.Claims[bearertest.Claims](c))
		return c.NoContent(http.StatusNoContent)
	}
}

// groups wires a route into an Echo as an application does.
func groups(e *echo.Echo, route bearertest.Route) http.Handler {
	group := e.Group("")
	for _, guards := range route.Guards {
		group = group.Group("", bearerecho.Middleware(route.Middleware, guards...))
	}
	group.Any(route.Path, handler(route))
	return e
}

func TestConforms(t *testing.T) {
	for name, wire := range map[string]func(bearertest.Route) http.Handler{
		"groups": func(route bearertest.Route) http.Handler { return groups(newEcho(), route) },
		"Use on the Echo": func(route bearertest.Route) http.Handler {
			e := newEcho()
			e.Use(echomiddleware.Recover())
			for _, guards := range route.Guards {
				e.Use(bearerecho.Middleware(route.Middleware, guards...))
			}
			e.Any(route.Path, handler(route))
			return e
		},
		"all on one route": func(route bearertest.Route) http.Handler {
			e := newEcho()
			var chain []echo.MiddlewareFunc
			for _, guards := range route.Guards {
				chain = append(chain, bearerecho.Middleware(route.Middleware, guards...))
			}
			e.Any(route.Path, handler(route), chain...)
			return e
		},
		"HEAD answered by GET's route": func(route bearertest.Route) http.Handler {
			e := echo.NewWithConfig(echo.Config{Router: echo.NewRouter(echo.RouterConfig{AutoHandleHEAD: true}), Logger: slog.New(slog.DiscardHandler)})
			var chain []echo.MiddlewareFunc
			for _, guards := range route.Guards {
				chain = append(chain, bearerecho.Middleware(route.Middleware, guards...))
			}
			for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete, http.MethodOptions} {
				e.Add(method, route.Path, handler(route), chain...)
			}
			return e
		},
		"errors exposed": func(route bearertest.Route) http.Handler {
			e := newEcho()
			e.HTTPErrorHandler = echo.DefaultHTTPErrorHandler(true)
			return groups(e, route)
		},
		"another JSON serializer": func(route bearertest.Route) http.Handler {
			e := newEcho()
			e.JSONSerializer = indenting{}
			return groups(e, route)
		},
		"a request logger that handles errors": func(route bearertest.Route) http.Handler {
			e := newEcho()
			e.Use(echomiddleware.RequestLoggerWithConfig(echomiddleware.RequestLoggerConfig{
				HandleError: true, LogValuesFunc: func(*echo.Context, echomiddleware.RequestLoggerValues) error { return nil },
			}))
			return groups(e, route)
		},
		"a middleware that swallows errors": func(route bearertest.Route) http.Handler {
			e := newEcho()
			e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
				return func(c *echo.Context) error { _ = next(c); return nil }
			})
			return groups(e, route)
		},
		"a net/http middleware in front": func(route bearertest.Route) http.Handler {
			e := newEcho()
			e.Use(echo.WrapMiddleware(func(next http.Handler) http.Handler { return next }))
			return groups(e, route)
		},
	} {
		t.Run(name, func(t *testing.T) { bearertest.Conformance(t, wire) })
	}
}

type indenting struct{ echo.DefaultJSONSerializer }

func (s indenting) Serialize(c *echo.Context, v any, _ string) error {
	return s.DefaultJSONSerializer.Serialize(c, v, "  ")
}

func middleware(t *testing.T, opts ...bearer.MiddlewareOption) (*bearer.Middleware[bearertest.Claims], *bearertest.Issuer) {
	t.Helper()
	issuer := bearertest.NewIssuer(t)
	m, err := bearer.NewMiddleware[bearertest.Claims](issuer.Trust(), opts...)
	if err != nil {
		t.Fatal(err)
	}
	return m, issuer
}

func get(handler http.Handler, authorization string) (*http.Response, string) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	response := w.Result()
	body, _ := io.ReadAll(response.Body)
	return response, string(body)
}

// The error that goes up is the *Refusal itself, once, with the answer sent.
func TestErrorHandlerSeesTheRefusal(t *testing.T) {
	m, issuer := middleware(t)
	for authorization, want := range map[string]struct {
		cause  error
		status int
	}{
		"":                            {bearer.ErrMissing, http.StatusUnauthorized},
		"Bearer":                      {bearer.ErrRequest, http.StatusBadRequest},
		"Bearer x":                    {bearer.ErrMalformed, http.StatusUnauthorized},
		"Bearer " + issuer.Token(nil): {bearer.ErrForbidden, http.StatusForbidden},
		"Bearer " + issuer.Expired():  {bearer.ErrExpired, http.StatusUnauthorized},
	} {
		e := newEcho()
		var got []error
		usual := e.HTTPErrorHandler
		e.HTTPErrorHandler = func(c *echo.Context, err error) {
			got = append(got, err)
			if response, status := echo.ResolveResponseStatus(c.Response(), err); !response.Committed || status != want.status {
				t.Errorf("committed %t, status %d, want %d", response.Committed, status, want.status)
			}
			usual(c, err)
		}
		e.GET("/", func(*echo.Context) error { t.Error("the handler ran"); return nil }, bearerecho.Middleware(m, bearer.RequireScope("read")))
		response, _ := get(e, authorization)
		if response.StatusCode != want.status {
			t.Errorf("status %d, want %d", response.StatusCode, want.status)
		}
		if len(got) != 1 {
			t.Fatalf("the error handler ran %d times", len(got))
		}
		if refusal, ok := got[0].(*bearer.Refusal); !ok || !errors.Is(refusal, want.cause) {
			t.Errorf("the error is %T: %v, want %v", got[0], got[0], want.cause)
		}
	}
}

// What the handler behind returns is not ours to answer.
func TestHandlersOwnErrorIsLeftAlone(t *testing.T) {
	m, issuer := middleware(t)
	e := newEcho()
	e.GET("/", func(*echo.Context) error { return echo.NewHTTPError(http.StatusConflict, "own") }, bearerecho.Middleware(m))
	response, body := get(e, "Bearer "+issuer.Token(nil))
	if response.StatusCode != http.StatusConflict || body != `{"message":"own"}`+"\n" {
		t.Errorf("%d %q", response.StatusCode, body)
	}
}

// With an error handler that writes no more than headers, echo's answers.
func TestErrorHandlerThatLeavesTheAnswerToEcho(t *testing.T) {
	leave := func(w http.ResponseWriter, _ *http.Request, refusal *bearer.Refusal) {
		maps.Copy(w.Header(), refusal.Header())
	}
	m, _ := middleware(t, bearer.WithErrorHandler(leave))
	e := newEcho()
	e.HTTPErrorHandler = func(c *echo.Context, err error) {
		_ = c.JSON(echo.StatusCode(err), map[string]string{"problem": err.Error()})
	}
	e.GET("/", func(*echo.Context) error { t.Error("the handler ran"); return nil }, bearerecho.Middleware(m))
	response, body := get(e, "")
	if response.StatusCode != http.StatusUnauthorized || body != `{"problem":"bearer: no bearer token"}`+"\n" || response.Header.Get("WWW-Authenticate") != `Bearer realm="api"` {
		t.Errorf("%d %v %q", response.StatusCode, response.Header, body)
	}
}

// Nothing behind a refusal runs, whatever stands in front.
func TestRefusalStopsTheChain(t *testing.T) {
	m, issuer := middleware(t)
	auth := bearerecho.Middleware(m)
	before := func(do func(c *echo.Context)) echo.MiddlewareFunc {
		return func(next echo.HandlerFunc) echo.HandlerFunc {
			return func(c *echo.Context) error { do(c); return next(c) }
		}
	}
	for _, test := range []struct {
		name   string
		wire   func(e *echo.Echo, secret echo.HandlerFunc)
		status int
		body   string // in front of the refusal's
	}{
		{"middleware on the route", func(e *echo.Echo, secret echo.HandlerFunc) {
			e.GET("/", secret, auth, before(func(c *echo.Context) { _ = secret(c) }))
		}, http.StatusUnauthorized, ""},
		{"a middleware that a group adds later", func(e *echo.Echo, secret echo.HandlerFunc) {
			group := e.Group("", auth)
			group.Use(before(func(c *echo.Context) { _ = secret(c) }))
			group.GET("/", secret)
		}, http.StatusUnauthorized, ""},
		{"a group in a group", func(e *echo.Echo, secret echo.HandlerFunc) {
			e.Group("", auth).Group("").Group("").GET("/", secret)
		}, http.StatusUnauthorized, ""},
		{"in front of the router", func(e *echo.Echo, secret echo.HandlerFunc) { e.Pre(auth); e.GET("/", secret) }, http.StatusUnauthorized, ""},
		{"a middleware in front set headers of another answer", func(e *echo.Echo, secret echo.HandlerFunc) {
			e.GET("/", secret, before(func(c *echo.Context) {
				for _, name := range []string{"Content-Type", "Content-Encoding", "Etag", "WWW-Authenticate", "Cache-Control"} {
					c.Response().Header().Set(name, "x")
				}
			}), auth)
		}, http.StatusUnauthorized, ""},
		{"a middleware in front sends a status afterwards", func(e *echo.Echo, secret echo.HandlerFunc) {
			e.GET("/", secret, func(next echo.HandlerFunc) echo.HandlerFunc {
				return func(c *echo.Context) error { _ = next(c); return c.NoContent(http.StatusOK) }
			}, auth)
		}, http.StatusUnauthorized, ""},
		{"a middleware in front has written", func(e *echo.Echo, secret echo.HandlerFunc) {
			e.GET("/", secret, before(func(c *echo.Context) { _ = c.String(http.StatusAccepted, "early ") }), auth)
		}, http.StatusAccepted, "early "},
	} {
		t.Run(test.name, func(t *testing.T) {
			ran := 0
			e := newEcho()
			test.wire(e, func(c *echo.Context) error { ran++; return nil })
			for authorization, want := range map[string]struct{ challenge, body string }{
				"":         {`Bearer realm="api"`, ""},
				"Bearer x": {`Bearer realm="api", error="invalid_token", error_description="The access token is invalid"`, `{"error":"invalid_token","error_description":"The access token is invalid"}` + "\n"},
			} {
				response, body := get(e, authorization)
				if ran != 0 {
					t.Fatalf("what is behind the refusal ran %d times", ran)
				}
				if response.StatusCode != test.status || body != test.body+want.body {
					t.Errorf("%d %q, want %d %q", response.StatusCode, body, test.status, test.body+want.body)
				}
				if test.status == http.StatusUnauthorized && response.Header.Get("WWW-Authenticate") != want.challenge {
					t.Errorf("challenge %q", response.Header.Get("WWW-Authenticate"))
				}
				if encoding := response.Header.Get("Content-Encoding"); encoding != "" {
					t.Errorf("Content-Encoding %q of another answer", encoding)
				}
			}
			get(e, "Bearer "+issuer.Token(nil))
			if ran == 0 {
				t.Error("the handler did not run with a good token")
			}
		})
	}
}

func TestZeroMiddlewareRefuses(t *testing.T) {
	for name, m := range map[string]*bearer.Middleware[bearertest.Claims]{"zero": {}, "nil": nil} {
		e := newEcho()
		e.GET("/", func(*echo.Context) error { t.Errorf("%s: the handler ran", name); return nil }, bearerecho.Middleware(m))
		if response, _ := get(e, ""); response.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("%s: status %d", name, response.StatusCode)
		}
	}
}

// A slice that is changed after Middleware was called changes no guard.
func TestGuardsAreCopied(t *testing.T) {
	m, issuer := middleware(t)
	guards := []bearer.Guard{bearer.RequireRole("boss")}
	e := newEcho()
	e.GET("/", func(*echo.Context) error { t.Error("the handler ran"); return nil }, bearerecho.Middleware(m, guards...))
	guards[0] = func(context.Context) error { return nil }
	if response, _ := get(e, "Bearer "+issuer.Token(nil)); response.StatusCode != http.StatusForbidden {
		t.Errorf("status %d", response.StatusCode)
	}
}

func TestClaimsWithoutMiddleware(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	c := newEcho().NewContext(r, httptest.NewRecorder())
	if _, ok := bearerecho.Claims[bearertest.Claims](c); ok {
		t.Error("claims came from nowhere")
	}
	c.SetRequest(bearertest.WithClaims(r, bearertest.Claims{Subject: "alice"}))
	if claims, ok := bearerecho.Claims[bearertest.Claims](c); !ok || claims.Subject != "alice" {
		t.Errorf("%+v, %t", claims, ok)
	}
	if _, ok := bearerecho.Claims[bearer.Claims](c); ok {
		t.Error("claims of another type")
	}
}

// Every endpoint answers as under net/http's mux, for every method, with no
// redirect.
func TestMount(t *testing.T) {
	bearertest.MountConformance(t, func(issuer *bearer.Issuer) http.Handler {
		e := newEcho()
		bearerecho.Mount(e, issuer)
		return e
	})
}

// Middleware that compresses changes the length of what is served.
func TestMountedKeysBehindGzip(t *testing.T) {
	key, err := keys.Generate(keys.ES256)
	if err != nil {
		t.Fatal(err)
	}
	ring, err := keys.NewRing(key)
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := bearer.NewIssuer("https://issuer.test", ring, bearer.AuthenticatorFunc(func(context.Context, bearer.Credentials) (*bearer.Account, error) {
		return nil, bearer.ErrBadCredentials
	}))
	if err != nil {
		t.Fatal(err)
	}
	e := echo.New()
	e.Use(echomiddleware.Gzip())
	bearerecho.Mount(e, issuer)
	server := httptest.NewServer(e)
	defer server.Close()
	source, err := keys.Remote(server.URL + "/.well-known/jwks.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := source.Warm(t.Context()); err != nil {
		t.Error(err)
	}
}
