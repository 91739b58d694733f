package bearergin_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/adapters/bearergin"
	"github.com/gobearer/bearer/bearertest"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.ReleaseMode)
	os.Exit(m.Run())
}

// handler is what stands behind every wiring.
func handler(route bearertest.Route) gin.HandlerFunc {
	return func(c *gin.Context) {
		route.Saw(bearergin.Claims[bearertest.Claims](c))
		c.Status(http.StatusNoContent)
	}
}

func TestConforms(t *testing.T) {
	for name, wire := range map[string]func(bearertest.Route) http.Handler{
		"groups": func(route bearertest.Route) http.Handler {
			engine := gin.New()
			group := &engine.RouterGroup
			for _, guards := range route.Guards {
				group = group.Group("", bearergin.Middleware(route.Middleware, guards...))
			}
			group.Any(route.Path, handler(route))
			return engine
		},
		"Use on the engine and a group": func(route bearertest.Route) http.Handler {
			engine := gin.New()
			engine.Use(gin.Recovery(), bearergin.Middleware(route.Middleware, route.Guards[0]...))
			group := engine.Group("")
			for _, guards := range route.Guards[1:] {
				group.Use(bearergin.Middleware(route.Middleware, guards...))
			}
			group.Any(route.Path, handler(route))
			return engine
		},
		"all on one route": func(route bearertest.Route) http.Handler {
			engine := gin.New()
			var chain []gin.HandlerFunc
			for _, guards := range route.Guards {
				chain = append(chain, bearergin.Middleware(route.Middleware, guards...))
			}
			engine.Any(route.Path, append(chain, handler(route))...)
			return engine
		},
		"NoRoute": func(route bearertest.Route) http.Handler {
			engine := gin.New()
			var chain []gin.HandlerFunc
			for _, guards := range route.Guards {
				chain = append(chain, bearergin.Middleware(route.Middleware, guards...))
			}
			engine.NoRoute(append(chain, handler(route))...)
			return engine
		},
	} {
		t.Run(name, func(t *testing.T) { bearertest.Conformance(t, wire) })
	}
}

// The bypass of ExampleMiddleware_incorrect does not conform, on every row that
// refuses. It runs in a process of its own, as its tests fail.
func TestConformanceFindsTheBypass(t *testing.T) {
	const marker = "BEARERGIN_BYPASS"
	if os.Getenv(marker) != "" {
		bearertest.Conformance(t, func(route bearertest.Route) http.Handler {
			engine := gin.New()
			var chain []gin.HandlerFunc
			for _, guards := range route.Guards {
				chain = append(chain, gin.WrapH(route.Middleware.Guard(guards...)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))))
			}
			engine.Any(route.Path, append(chain, handler(route))...)
			return engine
		})
		return
	}
	command := exec.Command(os.Args[0], "-test.run=^TestConformanceFindsTheBypass$", "-test.v")
	command.Env = append(os.Environ(), marker+"=1")
	output, err := command.CombinedOutput()
	if err == nil {
		t.Fatalf("the bypass conforms:\n%s", output)
	}
	for _, row := range bearertest.Rows(t) {
		verdict := "    --- FAIL: TestConformanceFindsTheBypass/" + strings.ReplaceAll(row.Name, " ", "_") + " "
		if !row.Handled && !strings.Contains(string(output), verdict) {
			t.Errorf("it does not find it by the row %q", row.Name)
		}
	}
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

func get(handler http.Handler, authorization string) *http.Response {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w.Result()
}

// Nothing that is registered behind a refusal runs, wherever it is registered,
// and whatever stands in front.
func TestRefusalStopsTheChain(t *testing.T) {
	m, issuer := middleware(t)
	foreign := issuer.Foreign()
	auth := bearergin.Middleware(m)
	for _, test := range []struct {
		name   string
		wire   func(e *gin.Engine, secret gin.HandlerFunc)
		status int    // of a refusal; 0: 401
		body   string // in front of the refusal's
	}{
		{name: "several handlers on the route", wire: func(e *gin.Engine, secret gin.HandlerFunc) { e.GET("/", auth, secret, secret) }},
		{name: "a middleware that a group adds later", wire: func(e *gin.Engine, secret gin.HandlerFunc) {
			group := e.Group("", auth)
			group.Use(secret)
			group.GET("/", secret)
		}},
		{name: "a group in a group", wire: func(e *gin.Engine, secret gin.HandlerFunc) {
			e.Group("", auth).Group("", secret).Group("").GET("/", secret)
		}},
		{name: "NoRoute", wire: func(e *gin.Engine, secret gin.HandlerFunc) { e.Use(auth); e.NoRoute(secret) }},
		{name: "a middleware in front set a status", wire: func(e *gin.Engine, secret gin.HandlerFunc) {
			e.Use(func(c *gin.Context) { c.Status(http.StatusAccepted) }, auth)
			e.GET("/", secret)
		}},
		{name: "a middleware in front set headers of another answer", wire: func(e *gin.Engine, secret gin.HandlerFunc) {
			e.Use(func(c *gin.Context) {
				for _, name := range []string{"Content-Type", "Content-Encoding", "Etag", "WWW-Authenticate", "Cache-Control"} {
					c.Header(name, "x")
				}
			}, auth)
			e.GET("/", secret)
		}},
		{name: "a middleware in front sets a status afterwards", wire: func(e *gin.Engine, secret gin.HandlerFunc) {
			e.Use(func(c *gin.Context) { c.Next(); c.Status(http.StatusOK); c.Header("WWW-Authenticate", "Basic") }, auth)
			e.GET("/", secret)
		}},
		{name: "a middleware in front goes on twice", wire: func(e *gin.Engine, secret gin.HandlerFunc) {
			e.Use(func(c *gin.Context) { c.Next(); c.Next() }, auth)
			e.GET("/", secret)
		}},
		{name: "a middleware in front has written", status: http.StatusAccepted, body: "early ", wire: func(e *gin.Engine, secret gin.HandlerFunc) {
			e.Use(func(c *gin.Context) { c.String(http.StatusAccepted, "early ") }, auth)
			e.GET("/", secret)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			ran := 0
			engine := gin.New()
			test.wire(engine, func(c *gin.Context) { ran++ })
			for authorization, want := range map[string]struct{ challenge, body string }{
				"":                  {`Bearer realm="api"`, ""},
				"Bearer " + foreign: {`Bearer realm="api", error="invalid_token", error_description="The access token is invalid"`, `{"error":"invalid_token","error_description":"The access token is invalid"}` + "\n"},
			} {
				response := get(engine, authorization)
				body, _ := io.ReadAll(response.Body)
				if ran != 0 {
					t.Fatalf("a handler behind the refusal ran %d times", ran)
				}
				if string(body) != test.body+want.body {
					t.Errorf("body %q, want %q", body, test.body+want.body)
				}
				if test.status != 0 {
					if response.StatusCode != test.status {
						t.Errorf("status %d, want %d, which was sent before", response.StatusCode, test.status)
					}
					continue
				}
				if response.StatusCode != http.StatusUnauthorized || response.Header.Get("WWW-Authenticate") != want.challenge {
					t.Errorf("%s, challenge %q", response.Status, response.Header.Get("WWW-Authenticate"))
				}
				if encoding := response.Header.Get("Content-Encoding"); encoding != "" {
					t.Errorf("Content-Encoding %q of another answer", encoding)
				}
			}
			get(engine, "Bearer "+issuer.Token(nil))
			if ran == 0 {
				t.Error("no handler ran with a good token")
			}
		})
	}
}

// Under net/http an error handler that writes nothing would make a refusal 200.
func TestSilentErrorHandlerLeavesTheStatus(t *testing.T) {
	m, _ := middleware(t, bearer.WithErrorHandler(func(http.ResponseWriter, *http.Request, *bearer.Refusal) {}))
	engine := gin.New()
	engine.GET("/", bearergin.Middleware(m), func(*gin.Context) { t.Error("the handler ran") })
	if response := get(engine, ""); response.StatusCode != http.StatusUnauthorized {
		t.Errorf("status %d", response.StatusCode)
	}
}

func TestZeroMiddlewareRefuses(t *testing.T) {
	for name, m := range map[string]*bearer.Middleware[bearertest.Claims]{"zero": {}, "nil": nil} {
		engine := gin.New()
		engine.GET("/", bearergin.Middleware(m), func(*gin.Context) { t.Errorf("%s: the handler ran", name) })
		if response := get(engine, ""); response.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("%s: status %d", name, response.StatusCode)
		}
	}
}

// A slice that is changed after Middleware was called changes no guard.
func TestGuardsAreCopied(t *testing.T) {
	m, issuer := middleware(t)
	guards := []bearer.Guard{bearer.RequireRole("boss")}
	engine := gin.New()
	engine.GET("/", bearergin.Middleware(m, guards...), func(*gin.Context) { t.Error("the handler ran") })
	guards[0] = func(context.Context) error { return nil }
	if response := get(engine, "Bearer "+issuer.Token(nil)); response.StatusCode != http.StatusForbidden {
		t.Errorf("status %d", response.StatusCode)
	}
}

func TestClaimsWithoutMiddleware(t *testing.T) {
	c, _ := gin.CreateTestContext(httptest.NewRecorder())
	c.Request = httptest.NewRequest(http.MethodGet, "/", nil)
	if _, ok := bearergin.Claims[bearertest.Claims](c); ok {
		t.Error("claims came from nowhere")
	}
	c.Request = bearertest.WithClaims(c.Request, bearertest.Claims{Subject: "alice"})
	if claims, ok := bearergin.Claims[bearertest.Claims](c); !ok || claims.Subject != "alice" {
		t.Errorf("%+v, %t", claims, ok)
	}
	if _, ok := bearergin.Claims[bearer.Claims](c); ok {
		t.Error("claims of another type")
	}
}

// Every endpoint answers as under net/http's mux, for every method, with no
// redirect.
func TestMount(t *testing.T) {
	bearertest.MountConformance(t, func(issuer *bearer.Issuer) http.Handler {
		engine := gin.New()
		engine.HandleMethodNotAllowed = true
		bearergin.Mount(engine, issuer)
		return engine
	})
}

// Whoever recovers from a panic need not abort, and gin then goes on with the
// next handler: a panic while the request is decided must not admit it.
func TestPanicsAdmitNobody(t *testing.T) {
	issuer := bearertest.NewIssuer(t)
	panics := func(context.Context) error { panic("a guard") }
	recoveries := map[string]gin.HandlerFunc{
		"gin's": gin.RecoveryWithWriter(io.Discard),
		"a custom one that does not abort": gin.CustomRecoveryWithWriter(io.Discard, func(c *gin.Context, _ any) {
			c.JSON(http.StatusInternalServerError, gin.H{"error": "internal"})
		}),
		"one of the application's own": func(c *gin.Context) {
			defer func() { _ = recover() }()
			c.Next()
		},
	}
	for name, recovery := range recoveries {
		for what, opts := range map[string][]bearer.MiddlewareOption{
			"a guard":     nil,
			"an observer": {bearer.WithObserver(func(context.Context, bearer.Event) { panic("an observer") })},
		} {
			t.Run(what+" under "+name, func(t *testing.T) {
				m, err := bearer.NewMiddleware[bearertest.Claims](issuer.Trust(), opts...)
				if err != nil {
					t.Fatal(err)
				}
				ran := false
				engine := gin.New()
				engine.Use(recovery)
				engine.GET("/", bearergin.Middleware(m, panics), func(*gin.Context) { ran = true })
				r := httptest.NewRequest(http.MethodGet, "/", nil)
				r.Header.Set("Authorization", "Bearer "+issuer.Token(nil))
				engine.ServeHTTP(httptest.NewRecorder(), r)
				if ran {
					t.Error("the handler ran")
				}
			})
		}
	}
}
