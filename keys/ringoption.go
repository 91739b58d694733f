package keys

import (
	"fmt"
	"time"
)

// A RingOption sets a detail of [NewRing], [OpenRing] or [Ring.Replace]. Each
// may be given once.
type RingOption func(*ringOptions)

type ringOptions struct {
	problems
	retiring []*Key
	signers  []*Key // named
	clock    func() time.Time
	delay    time.Duration
}

const (
	defaultPublishDelay = 5 * time.Minute
	maxPublishDelay     = 24 * time.Hour
)

// WithRetiring adds keys that have signed elsewhere and still verify. Of a
// private key the ring keeps the public half, and none of them ever signs here.
// Because nobody has told the ring yet how long their tokens live, they are
// dropped 120 months after [NewRing].
func WithRetiring(keys ...*Key) RingOption {
	return func(o *ringOptions) {
		o.once("WithRetiring")
		if len(keys) == 0 {
			o.refuse("WithRetiring has no keys: leave it out")
		}
		o.retiring = append(o.retiring, keys...)
	}
}

// WithSigners gives a ring the keys behind a [crypto.Signer] (KMS, HSM) whose
// public halves are in a saved set. They are matched by algorithm, id and public
// key; a key without an id has its thumbprint. Those that no set names yet wait
// for the next [Ring.Replace].
func WithSigners(keys ...*Key) RingOption {
	return func(o *ringOptions) {
		o.once("WithSigners")
		if len(keys) == 0 {
			o.refuse("WithSigners has no keys: leave it out")
		}
		for _, k := range keys {
			switch {
			case !k.usable():
				o.list = append(o.list, errNoMaterial)
			case !k.private():
				o.list = append(o.list, fmt.Errorf("an %s key in WithSigners is a secret or a public key: use one with a crypto.Signer", k.alg))
			default:
				named, err := nameByThumbprint(k)
				if err != nil {
					o.list = append(o.list, err)
					continue
				}
				o.signers = append(o.signers, named)
			}
		}
		o.list = append(o.list, checkDistinct(o.signers)...)
	}
}

// WithClock replaces time.Now, for tests.
func WithClock(now func() time.Time) RingOption {
	return func(o *ringOptions) {
		o.once("WithClock")
		if now == nil {
			o.refuse("WithClock is nil: leave it out for time.Now")
		}
		o.clock = now
	}
}

// WithPublishDelay sets how long a new key is published before it signs, which
// is also how long caches may keep the answer of [Ring.JWKS]: from zero, with
// which keys sign at once and caches ask each time, to 24 hours. The default is
// five minutes. A lower delay protects only once the answers that were given
// under the higher one have left the caches.
func WithPublishDelay(d time.Duration) RingOption {
	return func(o *ringOptions) {
		o.once("WithPublishDelay")
		if d < 0 || d > maxPublishDelay {
			o.refuse("WithPublishDelay is below zero or above 24 hours: leave it out for five minutes")
		}
		o.delay = d
	}
}

// forbid refuses an option that the function does not take.
func (o *ringOptions) forbid(name, reason string) {
	if o.given[name] {
		o.refuse(reason)
	}
}

func applyRingOptions(opts []RingOption) *ringOptions {
	o := &ringOptions{clock: time.Now, delay: defaultPublishDelay}
	return apply(o, &o.problems, opts)
}
