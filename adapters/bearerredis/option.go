package bearerredis

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/internal/breaker"
	"github.com/redis/go-redis/v9"
)

// An Option changes what this package's constructors make. Each may be given
// once.
type Option struct {
	name string
	set  func(*store) (problem string)
}

// A store is Redis, with what every call of it needs.
type store struct {
	client      redis.UniversalClient
	breaker     breaker.Breaker
	prefix      string
	read, write time.Duration
}

const (
	defaultPrefix = "bearer"
	defaultRead   = 50 * time.Millisecond
	defaultWrite  = 500 * time.Millisecond
)

// WithPrefix sets what every key begins with, in braces, so that a cluster keeps
// them all on one node. The default is "bearer".
func WithPrefix(prefix string) Option {
	return Option{"WithPrefix", func(s *store) string {
		if prefix == "" || strings.ContainsAny(prefix, "{}") {
			return `is empty or has braces: leave it out for "bearer"`
		}
		s.prefix = prefix
		return ""
	}}
}

// WithTimeouts bounds each call that reads, 50 ms by default, and each that
// writes, 500 ms by default.
func WithTimeouts(read, write time.Duration) Option {
	return Option{"WithTimeouts", func(s *store) string {
		if read <= 0 || write <= 0 {
			return "is not above zero: leave it out for 50 ms and 500 ms"
		}
		s.read, s.write = read, write
		return ""
	}}
}

// newStore fails with every *bearer.OptionError at once.
func newStore(client redis.UniversalClient, opts []Option) (*store, error) {
	s := &store{client: client, prefix: defaultPrefix, read: defaultRead, write: defaultWrite}
	given := map[string]bool{}
	var errs []error
	refuse := func(option, reason string) {
		errs = append(errs, &bearer.OptionError{Option: option, Reason: reason})
	}
	if reason := unusable(client); reason != "" {
		refuse("client", reason)
	}
	for _, o := range opts {
		switch {
		case o.set == nil:
			refuse("Option", "is empty: leave it out")
		case given[o.name]:
			refuse(o.name, "is given twice: give it once")
		default:
			given[o.name] = true
			if problem := o.set(s); problem != "" {
				refuse(o.name, problem)
			}
		}
	}
	return s, errors.Join(errs...)
}

// unusable finds clients that would break a promise of this package.
func unusable(client redis.UniversalClient) string {
	switch c := client.(type) {
	case nil:
		return isNil
	case *redis.Client:
		switch {
		case c == nil:
			return isNil
		case !c.Options().ContextTimeoutEnabled:
			return isEndless
		case c.Options().ClientSideCacheConfig != nil, c.Options().ClientSideCache != nil:
			return "reads from a cache, which lags behind: leave ClientSideCache and ClientSideCacheConfig out of its options"
		}
	case *redis.ClusterClient:
		switch {
		case c == nil:
			return isNil
		case !c.Options().ContextTimeoutEnabled:
			return isEndless
		case c.Options().ReadOnly:
			return "reads from replicas, which lag behind: leave ReadOnly, RouteByLatency and RouteRandomly out of its options"
		}
	case *redis.Ring:
		return "asks another server when one is down, where nothing is revoked: use redis.NewClient, NewFailoverClient or NewClusterClient"
	}
	return ""
}

const (
	isNil     = "is nil: use redis.NewClient, NewFailoverClient or NewClusterClient"
	isEndless = "does not heed deadlines: set ContextTimeoutEnabled in its options"
)

func (s *store) key(name string) string { return "{" + s.prefix + "}:" + name }

func (s *store) reading(ctx context.Context, f func(context.Context) error) error {
	return s.do(ctx, s.read, f)
}

func (s *store) writing(ctx context.Context, f func(context.Context) error) error {
	return s.do(ctx, s.write, f)
}

// do bounds a call. Whatever Redis says, that it is full too, shows that it can
// be asked.
func (s *store) do(ctx context.Context, timeout time.Duration, f func(context.Context) error) error {
	var said error
	err := s.breaker.Do(ctx, timeout, func(ctx context.Context) error {
		err := f(ctx)
		if isReply(err) {
			said, err = withoutArguments(err), nil
		}
		return err
	})
	return cmp.Or(err, said)
}

func isReply(err error) bool {
	var reply redis.Error
	return errors.As(err, &reply)
}

// withoutArguments takes off an error what Redis quotes of a command that it does
// not know: names of accounts and tokens.
func withoutArguments(err error) error {
	if !isReply(err) {
		return err
	}
	if text, _, quotes := strings.Cut(err.Error(), ", with args"); quotes {
		return errors.New(text)
	}
	return err
}
