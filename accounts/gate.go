package accounts

import "context"

// A gate bounds the logins that are under way and, among them, the hashes that
// are computed at once. Both wait in the order of their arrival.
type gate struct {
	places chan struct{} // computing or waiting
	slots  chan struct{} // computing
}

func newGate(slots, queue int) gate {
	return gate{places: make(chan struct{}, slots+queue), slots: make(chan struct{}, slots)}
}

// enter takes a place without waiting for one.
func (g gate) enter() bool {
	select {
	case g.places <- struct{}{}:
		return true
	default:
		return false
	}
}

func (g gate) leave() { <-g.places }

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
