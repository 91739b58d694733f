package bearer

import (
	"context"
	"unsafe"
)

// FromContext returns the claims of the token with which the request was
// admitted. It is false where no middleware for this C stands in front: a
// *gin.Context or the like hides the request's context unless it is told not to.
func FromContext[C any](ctx context.Context) (C, bool) {
	if c, ok := ctx.Value(claimsKey[C]{}).(*tokenContext[C]); ok {
		return c.claims, true
	}
	var none C
	return none, false
}

// InfoFromContext returns what every token says, for code that does not know C.
// Under several middlewares it is the innermost one's. It is the caller's own: to
// change it changes nothing that a guard will see.
func InfoFromContext(ctx context.Context) (Info, bool) {
	if c := innermost(ctx); c != nil {
		return c.info().clone(), true
	}
	return Info{}, false
}

// informed is a tokenContext of whatever C. Its lists may be everybody's: who
// hands an Info out clones it.
type informed interface{ info() Info }

// innermost is nil where there is no token.
func innermost(ctx context.Context) informed {
	c, _ := ctx.Value(infoKey{}).(informed)
	return c
}

// NewContext returns a context that carries t, for tests of handlers and for
// other transports. It verifies nothing, and no middleware takes it for its
// own admission.
func NewContext[C any](ctx context.Context, t *Token[C]) context.Context {
	if t == nil {
		return ctx
	}
	info := t.Info.clone()
	return &tokenContext[C]{Context: ctx, fresh: &info, claims: t.Claims}
}

// tokenContext answers for the claims, the Info and the admission at once, so
// that its parts cannot disagree.
type tokenContext[C any] struct {
	context.Context
	claims C
	known  *remembered[C] // has the Info, which most handlers never ask for
	fresh  *Info          // where known is nil: the token is not remembered

	admittedBy *verifier // nil: made by NewContext
	header     hidden    // the Authorization header it was admitted with
}

// A hidden string is one that fmt and reflection find no text in, kept where it
// is: they show the address of a byte. The byte keeps the text in memory.
type hidden struct {
	first *byte
	size  int
}

func hide(s string) hidden { return hidden{unsafe.StringData(s), len(s)} }

func (h hidden) text() string { return unsafe.String(h.first, h.size) }

type (
	claimsKey[C any] struct{} // carries the type: no other C can be read through it
	infoKey          struct{}
	admissionKey     struct{ by *verifier }
)

func (c *tokenContext[C]) Value(key any) any {
	switch k := key.(type) {
	case claimsKey[C]:
		return c
	case infoKey:
		return c
	case admissionKey:
		if c.admittedBy == k.by {
			return c
		}
	}
	return c.Context.Value(key)
}

func (c *tokenContext[C]) info() Info {
	if c.known != nil {
		return c.known.info()
	}
	return *c.fresh
}

// A context is printed now and then, by %v of a request for one: it says no
// more than its kind, as the standard library's contexts do.
func (c *tokenContext[C]) String() string   { return "bearer.Context" }
func (c *tokenContext[C]) GoString() string { return c.String() }
