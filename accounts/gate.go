package accounts

import "context"

// A gate bounds the logins that are under way and, among them, the hashes that
// are computed at once. Both wait in the order of their arrival.
type gate struct {
	places place // computing or waiting
	spare  place // as many again, for callers who are known: strangers cannot take all
	slots  chan struct{}
}

type place chan struct{}

func newGate(slots, queue int) gate {
	return gate{make(place, slots+queue), make(place, slots+queue), make(chan struct{}, slots)}
}

// enter takes a place without waiting for one: a spare one where there is no
// other, and nil where there is none at all.
func (g gate) enter() place {
	select {
	case g.places <- struct{}{}:
		return g.places
	default:
	}
	select {
	case g.spare <- struct{}{}:
		return g.spare
	default:
		return nil
	}
}

func (p place) leave() { <-p }

// compute calls f in a slot. It fails, without calling f, with the context.
func (g gate) compute(ctx context.Context, f func()) error {
	select {
	case g.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-g.slots }()
	// A slot and the end may come together, and select takes either.
	if err := ctx.Err(); err != nil {
		return err
	}
	f()
	return nil
}
