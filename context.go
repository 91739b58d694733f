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
		return c.token.Claims, true
	}
	var none C
	return none, false
}

// InfoFromContext returns what every token says, for code that does not know C.
// Under several middlewares it is the innermost one's. It is the caller's own: to
// change it changes nothing that a guard will see.
func InfoFromContext(ctx context.Context) (Info, bool) {
	if info := innermost(ctx); info != nil {
		return info.clone(), true
	}
	return Info{}, false
}

// innermost is InfoFromContext without the copy, for those who only look.
func innermost(ctx context.Context) *Info {
	info, _ := ctx.Value(infoKey{}).(*Info)
	return info
}

// NewContext returns a context that carries t, for tests of handlers and for
// other transports. It verifies nothing, and no middleware takes it for its
// own admission.
func NewContext[C any](ctx context.Context, t *Token[C]) context.Context {
	if t == nil {
		return ctx
	}
	return &tokenContext[C]{Context: ctx, token: Token[C]{t.Info.clone(), t.Claims}}
}

// tokenContext answers for the claims, the Info and the admission at once, so
// that a request costs one allocation and its parts cannot disagree.
type tokenContext[C any] struct {
	context.Context
	token Token[C]

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
		return &c.token.Info
	case admissionKey:
		if c.admittedBy == k.by {
			return c
		}
	}
	return c.Context.Value(key)
}

// A context is printed now and then, by %v of a request for one: it says no
// more than its kind, as the standard library's contexts do.
func (c *tokenContext[C]) String() string   { return "bearer.Context" }
func (c *tokenContext[C]) GoString() string { return c.String() }
