package keys

import (
	"context"
	"slices"
)

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
	// Lookup returns the keys that may verify a token with this header, at most
	// [MaxCandidates].
	// Their algorithm is the header's; the ids are equal, or one of the two is
	// missing. No key and no error: the source knows that it has none. An error
	// says that it cannot know now, never that the token is bad. The slice is
	// the caller's.
	//
	// Lookup answers from memory where it knows the id, and else waits no longer
	// than ctx.
	Lookup(ctx context.Context, h Header) ([]*Key, error)
}

// MaxCandidates is how many keys are tried for one token. A token without kid may
// be for any key of its algorithm, and whoever forges one must not have the whole
// of a large set tried: where there are more, none is.
const MaxCandidates = 16

// Offers reports whether this key, or an equal one, would be tried for a header
// by what a source's Lookup finds now: what has to be asked again about a key that
// has verified a token before. The sources of this package are asked without the
// memory for a slice. The error is Lookup's.
func Offers(ctx context.Context, source Source, h Header, key *Key) (bool, error) {
	var found []*Key
	var err error
	// By their types and not by a method: a source that embeds one of these, with
	// a Lookup of its own, would have that method too.
	switch s := source.(type) {
	case static:
		found = s.set.candidates(h)
	case *Ring:
		found, err = s.lookup(h)
	case *RemoteSource:
		found, err = s.lookup(ctx, h)
	default:
		found, err = source.Lookup(ctx, h)
	}
	if err != nil {
		return false, err
	}
	return len(found) <= MaxCandidates && slices.ContainsFunc(found, key.Equal), nil
}
