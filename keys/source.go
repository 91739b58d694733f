package keys

import "context"

// A Header is what the header of a token says about its key. All of it is a
// claim of whoever sent the token.
type Header struct {
	Algorithm Algorithm
	KeyID     string // kid; empty: the token has none
	Type      string // typ; empty: the token has none
}

// A Source finds the keys that may have signed a token. It must be safe for
// concurrent use.
type Source interface {
	// Lookup returns the few keys that may verify a token with this header.
	// Their algorithm is the header's; the ids are equal, or one of the two is
	// missing. No key and no error: the source knows that it has none. An error
	// says that it cannot know now, never that the token is bad. The slice is
	// the caller's.
	//
	// Lookup answers from memory where it knows the id, and else waits no longer
	// than ctx.
	Lookup(ctx context.Context, h Header) ([]*Key, error)
}
