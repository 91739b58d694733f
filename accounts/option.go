package accounts

import (
	"context"
	"runtime"
	"slices"

	"github.com/gobearer/bearer"
)

// An Option changes what [New] makes. Each may be given once.
type Option struct {
	name string
	set  func(*config) (problem string)
}

type config struct {
	schemes  []Scheme // the one of new hashes first
	slots    int
	queue    int
	throttle Throttle
	observer observer
}

// queuePerSlot keeps the last of a queue waiting for about two seconds.
const queuePerSlot = 64

// More than these is a mistake, of the kind that adds up to a number below zero.
const (
	maxSlots = 1024
	maxQueue = queuePerSlot * maxSlots
)

// newConfig applies opts to the defaults. Each error is a *bearer.OptionError.
func newConfig(opts []Option) (config, []error) {
	c := config{schemes: []Scheme{defaultScheme}, slots: max(1, runtime.GOMAXPROCS(0)-1), queue: -1}
	given := map[string]bool{}
	var errs []error
	for _, o := range opts {
		problem := ""
		switch {
		case o.set == nil:
			o.name, problem = "Option", "is empty: leave it out"
		case given[o.name]:
			problem = "is given twice: give it once"
		default:
			given[o.name] = true
			problem = o.set(&c)
		}
		if problem != "" {
			errs = append(errs, &bearer.OptionError{Option: o.name, Reason: problem})
		}
	}
	if given["WithThrottle"] && given["DangerouslyWithoutThrottle"] {
		errs = append(errs, &bearer.OptionError{Option: "DangerouslyWithoutThrottle", Reason: "contradicts WithThrottle: leave one of them out"})
	}
	if c.queue < 0 {
		c.queue = queuePerSlot * c.slots
	}
	return c, errs
}

// WithSchemes sets the scheme of new hashes, and names those that stored hashes
// may have besides, with exactly these parameters: [SchemeOf] tells them. Every
// login computes one hash of each, whatever its account has, so that the time it
// takes does not tell accounts with old hashes from others: leave a scheme out as
// soon as the last hash of it is gone. The default is Argon2id(19456, 2, 1), and
// no other.
func WithSchemes(current Scheme, accepted ...Scheme) Option {
	return Option{"WithSchemes", func(c *config) string {
		c.schemes = append([]Scheme{current}, accepted...)
		for i, s := range c.schemes {
			s = s.orDefault()
			if slices.Contains(c.schemes[:i], s) {
				return "names a scheme twice: name it once"
			}
			if err := s.check(); err != nil {
				return err.Error()
			}
			c.schemes[i] = s
		}
		if err := current.checkNew(); err != nil {
			return err.Error()
		}
		return ""
	}}
}

// WithSlots sets how many logins compute hashes at once. Each takes a core, and
// for argon2id the scheme's memory and a core for each of its lanes. The default
// is one less than GOMAXPROCS, and one at least, so that other requests always
// find a core.
func WithSlots(n int) Option {
	return Option{"WithSlots", func(c *config) string {
		if n < 1 || n > maxSlots {
			return "is not from 1 to 1024: leave it out for one less than the number of cores"
		}
		c.slots = n
		return ""
	}}
}

// WithQueue sets how many logins wait for a slot. One more is refused at once,
// with ErrBusy. The default is 64 for each slot. Callers who are known have as
// many places again, in which strangers are only while the throttle is asked who
// they are: one that is slow lets a flood fill them too.
func WithQueue(n int) Option {
	return Option{"WithQueue", func(c *config) string {
		if n < 0 || n > maxQueue {
			return "is not from 0 to 65536: leave it out for 64 a slot"
		}
		c.queue = n
		return ""
	}}
}

// WithThrottle sets where attempts are counted. The default is a
// [MemoryThrottle], which counts those of this process since it started.
func WithThrottle(t Throttle) Option {
	return Option{"WithThrottle", func(c *config) string {
		if isNil(t) {
			return "is nil: leave it out for a MemoryThrottle"
		}
		c.throttle = t
		return ""
	}}
}

// DangerouslyWithoutThrottle lets everybody guess passwords as fast as they are
// hashed, and keep others from logging in by it.
func DangerouslyWithoutThrottle() Option {
	return Option{"DangerouslyWithoutThrottle", func(c *config) string {
		c.throttle = unthrottled{}
		return ""
	}}
}

// WithObserver calls observe after every login, in its goroutine: what takes
// long belongs behind a channel.
func WithObserver(observe func(context.Context, Event)) Option {
	return Option{"WithObserver", func(c *config) string {
		if observe == nil {
			return "is nil: leave it out"
		}
		c.observer = observe
		return ""
	}}
}

// unthrottled admits every attempt.
type unthrottled struct{}

func (unthrottled) Admit(context.Context, Attempt) (Verdict, error) { return Verdict{}, nil }
func (unthrottled) Succeed(context.Context, Attempt, Verdict) error { return nil }
func (unthrottled) Refund(context.Context, Attempt, Verdict) error  { return nil }
