package bearer

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"time"

	"github.com/gobearer/bearer/internal/jws"
)

// A Middleware admits requests that carry a valid token and puts its claims, of
// type C, into their context. It is safe for concurrent use; its zero value
// refuses everything with 503.
type Middleware[C any] struct {
	v      *verifier
	memory memory[C]
}

// NewMiddleware returns a Middleware that admits the tokens of trust, and of
// what AlsoTrust adds. C is decoded from the verified payload by the rules of
// encoding/json/v2, names compared exactly; if *C has Validate() error, it is
// called. The error joins every *OptionError.
func NewMiddleware[C any](trust Trust, opts ...MiddlewareOption) (*Middleware[C], error) {
	c := middlewareConfig{verifier: verifier{
		leeway:        defaultLeeway,
		maxTokenBytes: defaultMaxTokenBytes,
		realm:         "api",
	}, cacheBytes: defaultCacheBytes}
	c.clock = time.Now
	for _, o := range opts {
		if isNil(o) {
			c.refuse("MiddlewareOption", "is nil: leave it out")
			continue
		}
		o.middleware(&c)
	}
	if reason := undecodable[C](); reason != "" {
		c.refuse("C", reason)
	}
	names := make(map[string]bool)
	openAudience := false
	for i, t := range append([]Trust{trust}, c.also...) {
		name := "Trust"
		if i > 0 {
			name = fmt.Sprintf("AlsoTrust[%d]", i-1)
		}
		if names[t.Issuer] {
			c.refuse("AlsoTrust", "names an issuer twice: give it one trust with all of its keys and audiences")
		}
		names[t.Issuer] = true
		openAudience = openAudience || len(t.Audience) == 0
		c.verifier.trusts = append(c.verifier.trusts, t.check(&c.problems, name, c.anyAudience))
	}
	if c.anyAudience && !openAudience {
		c.refuse("DangerouslyAcceptAnyAudience", "contradicts Trust.Audience: leave one of them out")
	}
	if err := c.err(); err != nil {
		return nil, err
	}
	v := c.verifier
	v.clock, v.observer = c.clock, c.observer
	v.plan, v.headers = planFor(reflect.TypeFor[C]()), new(jws.Headers)
	v.prepareRefusals()
	return &Middleware[C]{&v, newMemory[C](c.cacheBytes)}, nil
}

// Wrap serves next with requests that carry any valid token.
func (m *Middleware[C]) Wrap(next http.Handler) http.Handler { return m.Guard()(next) }

// Guard returns a middleware that serves requests whose token is valid and
// passes every guard. Below a Wrap of the same Middleware the token is not
// verified again.
func (m *Middleware[C]) Guard(guards ...Guard) func(http.Handler) http.Handler {
	guards = slices.Clone(guards)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			admitted, refusal := m.decide(r, guards)
			if refusal != nil {
				refusal.ServeHTTP(w, r)
				return
			}
			next.ServeHTTP(w, admitted)
		})
	}
}

// Admit decides on a request, for routers whose middleware is not net/http's.
// It returns the request with the token in its context, or an error that is
// always a *Refusal; then the request must not be served.
func (m *Middleware[C]) Admit(r *http.Request, guards ...Guard) (*http.Request, error) {
	admitted, refusal := m.decide(r, guards)
	if refusal != nil {
		return nil, refusal
	}
	return admitted, nil
}

func (m *Middleware[C]) decide(r *http.Request, guards []Guard) (*http.Request, *Refusal) {
	if m == nil || m.v == nil {
		return nil, refuse("", errZero)
	}
	start := m.v.observer.start()
	var e Event
	ctx, err := m.admit(r, guards, &e)
	if err != nil {
		return nil, m.v.refuse(r.Context(), start, e, err)
	}
	if e.Kind != "" {
		m.v.observer.observe(r.Context(), start, e)
	}
	if ctx == nil {
		return r, nil
	}
	return r.WithContext(ctx), nil
}

// Verify decides on a token that came without an HTTP request: by gRPC, a
// WebSocket, a queue. An empty one is none, ErrMissing. The error is always a
// *Refusal.
func (m *Middleware[C]) Verify(ctx context.Context, raw string) (*Token[C], error) {
	if m == nil || m.v == nil {
		return nil, refuse("", errZero)
	}
	start := m.v.observer.start()
	var e Event
	if raw == "" {
		return nil, m.v.refuse(ctx, start, e, ErrMissing)
	}
	c, err := m.verify(ctx, raw, &e)
	if err != nil {
		return nil, m.v.refuse(ctx, start, e, err)
	}
	m.v.observer.observe(ctx, start, e)
	t := &Token[C]{c.info(), c.claims}
	if c.known != nil {
		t.Info = t.Info.clone() // the lists were everybody's until here
	}
	return t, nil
}

var errZero = fmt.Errorf("%w: the Middleware was not made by NewMiddleware", ErrUnavailable)

// refuse turns the error of a decision into its answer, and reports it.
func (v *verifier) refuse(ctx context.Context, start time.Time, e Event, err error) *Refusal {
	refusal := v.refusal(err)
	e.Kind, e.Cause = EventRefused, refusal.answer.cause
	v.observer.observe(ctx, start, e)
	return refusal
}

// admit returns the context for the handler, nil where the request's own is the
// one. It leaves the event without a kind where nothing was verified.
func (m *Middleware[C]) admit(r *http.Request, guards []Guard, e *Event) (context.Context, error) {
	header := r.Header["Authorization"]
	if c := m.admitted(r.Context(), header); c != nil {
		info := c.info()
		e.Issuer, e.KeyID, e.Algorithm = info.Issuer, info.KeyID, info.Algorithm
		if innermost(r.Context()) == informed(c) {
			return nil, passAll(r.Context(), guards)
		}
		// Another middleware's token is in front of it.
		again := *c
		again.Context = r.Context()
		return &again, passAll(&again, guards)
	}
	raw, err := requestToken(header, m.v.maxTokenBytes)
	// Whether there is a credential is decided here and nowhere later: an error
	// behind it may wrap ErrMissing, and must not make a bad token an absent one.
	if err == ErrMissing && m.v.optional && len(guards) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	c, err := m.verify(r.Context(), raw, e)
	// A JWS has a smaller alphabet than a credential, and mostly is one: only what
	// is none need be looked at again.
	if (err == errAlphabet || err == errSegments) && !isB64Token(raw) {
		err = ErrRequest
	}
	if err != nil {
		return nil, err
	}
	c.Context, c.admittedBy, c.header = r.Context(), m.v, hide(header[0])
	return c, passAll(c, guards)
}

// admitted returns this middleware's own admission of a request with this
// header. With another header, or none, the request is another one: a handler
// that serves sub-requests does so in its own request's context, and lends them
// nobody's identity.
func (m *Middleware[C]) admitted(ctx context.Context, header []string) *tokenContext[C] {
	c, ok := ctx.Value(admissionKey{m.v}).(*tokenContext[C])
	if !ok || len(header) != 1 || header[0] != c.header.text() {
		return nil
	}
	return c
}

// verify decides on a token, and returns it in what is to be its context.
func (m *Middleware[C]) verify(ctx context.Context, raw string, e *Event) (*tokenContext[C], error) {
	c, err := m.memory.recall(ctx, m.v, raw, e)
	if err != nil && c == nil {
		return nil, err
	}
	if c == nil {
		var (
			p proof
			t Info
		)
		if p, c, err = m.read(ctx, raw, &t, e); err != nil {
			return nil, err
		}
		if err = p.trust.revoked(ctx, t, p.dated); err == nil {
			c.known = m.memory.remember(raw, &p, &t, &c.claims)
		}
		if c.known == nil {
			c.fresh = new(t)
		}
	}
	e.Kind = EventVerified
	if m.v.admitUnchecked && sentinel(err) == ErrUnavailable {
		e.Kind, e.Cause, err = EventUnchecked, ErrUnavailable, nil
	}
	return c, err
}

// read takes every step that needs the token, the trust's keys and the clock
// alone, from its text to t and to a context with its C. Nothing is allocated for a
// token before its signature is good.
func (m *Middleware[C]) read(ctx context.Context, raw string, t *Info, e *Event) (proof, *tokenContext[C], error) {
	p, err := m.v.prove(ctx, raw, e)
	if err != nil {
		return p, nil, err
	}
	c := new(tokenContext[C])
	claims := &c.claims
	decoded, dated, err := readPayload(p.payload, t, m.v.plan, reflect.ValueOf(claims).Elem())
	if err != nil {
		return p, nil, err
	}
	t.KeyID, t.Algorithm = p.key.ID(), p.key.Algorithm()
	p.at, p.dated = m.v.clock(), dated
	if err := m.v.judge(p.trust, t, p.at); err != nil {
		return p, nil, err
	}
	if !decoded {
		*claims = *new(C) // the plan may have begun
		if err := decodeClaims(p.payload, claims); err != nil {
			return p, nil, err
		}
	}
	if v, ok := any(claims).(interface{ Validate() error }); ok {
		if err := v.Validate(); err != nil {
			return p, nil, fmt.Errorf("%w: %w", ErrClaims, err)
		}
	}
	return p, c, nil
}
