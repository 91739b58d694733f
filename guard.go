package bearer

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// A Guard is a condition on an admitted token, read from the context. What it
// returns refuses the request with 403, unless it wraps another of this
// package's sentinels. A Guard stands only behind a Middleware.
type Guard func(ctx context.Context) error

// RequireScope admits tokens that have all of the scopes. Without a name, or
// with one outside RFC 6749 section 3.3's characters, it refuses everything.
func RequireScope(all ...string) Guard {
	if len(all) == 0 || slices.ContainsFunc(all, func(s string) bool { return !isScope(s) }) {
		return func(context.Context) error { return errNoScope }
	}
	all = slices.Clone(all)
	refusal := &scopeError{strings.Join(all, " ")}
	return func(ctx context.Context) error {
		c := innermost(ctx)
		if c == nil {
			return errMisplaced
		}
		scopes := c.info().Scopes
		for _, scope := range all {
			if !slices.Contains(scopes, scope) {
				return refusal
			}
		}
		return nil
	}
}

// RequireRole admits tokens that have at least one of the roles. Without a
// name, or with an empty one, it refuses everything.
func RequireRole(oneOf ...string) Guard {
	if len(oneOf) == 0 || slices.Contains(oneOf, "") {
		return func(context.Context) error { return errNoRole }
	}
	oneOf = slices.Clone(oneOf)
	return func(ctx context.Context) error {
		c := innermost(ctx)
		if c == nil {
			return errMisplaced
		}
		if !slices.ContainsFunc(c.info().Roles, func(role string) bool { return slices.Contains(oneOf, role) }) {
			return fmt.Errorf("%w: no required role", ErrForbidden)
		}
		return nil
	}
}

// Require admits tokens whose claims allow accepts. C must be the
// middleware's: behind any other the request is refused with 500.
func Require[C any](allow func(ctx context.Context, c C) error) Guard {
	return func(ctx context.Context) error {
		claims, ok := FromContext[C](ctx)
		if !ok || allow == nil {
			return errMisplaced
		}
		return allow(ctx, claims)
	}
}

var (
	errNoScope   = fmt.Errorf("%w: RequireScope has no name or an impossible one", ErrForbidden)
	errNoRole    = fmt.Errorf("%w: RequireRole has no name or an empty one", ErrForbidden)
	errMisplaced = fmt.Errorf("%w: a guard is nil, for other claims than the middleware's or outside of one", errFault)
)

// A scopeError names the scopes that a request needs, for the challenge.
type scopeError struct{ scope string }

func (e *scopeError) Error() string { return "bearer: the token lacks one of the scopes " + e.scope }
func (e *scopeError) Unwrap() error { return ErrForbidden }

// passAll asks the guards in their order and gives what the first one refuses
// with a sentinel.
func passAll(ctx context.Context, guards []Guard) error {
	for _, g := range guards {
		if g == nil {
			return errMisplaced
		}
		if err := g(ctx); err != nil {
			if sentinel(err) == nil {
				return fmt.Errorf("%w: %w", ErrForbidden, err)
			}
			return err
		}
	}
	return nil
}

// isScope checks 1*( %x21 / %x23-5B / %x5D-7E ), RFC 6749's scope-token.
func isScope(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return s != ""
}
