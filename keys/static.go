package keys

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Static is a Source of keys that never change: public keys, and HMAC secrets.
// It refuses private keys, which a verifier has no business to hold, two keys
// with one id and algorithm, and one key given twice. Several keys without an
// id are all candidates for a token.
func Static(keys ...*Key) (Source, error) {
	var problems []error
	if len(keys) == 0 {
		problems = append(problems, errors.New("Static has no keys: give it at least one"))
	}
	var usable []*Key
	for _, k := range keys {
		switch {
		case !k.usable():
			problems = append(problems, errNoMaterial)
			continue
		case k.private():
			problems = append(problems, fmt.Errorf("a private %s key in Static: use its Public()", k.alg))
		case !k.m().verifies:
			problems = append(problems, fmt.Errorf("an %s key whose key_ops lack verify in Static: use one that verifies", k.alg))
		}
		usable = append(usable, k)
	}
	problems = append(problems, checkDistinct(usable)...)
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	return static{newSet(keys)}, nil
}

type static struct{ set *set }

func (s static) Lookup(_ context.Context, h Header) ([]*Key, error) {
	return slices.Clone(s.set.candidates(h)), nil
}
