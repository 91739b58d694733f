package bearersql

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/internal/breaker"
)

const (
	defaultRead  = 50 * time.Millisecond
	defaultWrite = 2 * time.Second
)

// An Option changes what [NewRevocations] and [NewRefreshTokens] make.
type Option struct{ set func(*store) error }

// WithTimeouts bounds each call that reads, 50 ms by default, and each that
// writes, 2 s by default.
func WithTimeouts(read, write time.Duration) Option {
	return Option{func(s *store) error {
		if read <= 0 || write <= 0 {
			return &bearer.OptionError{Option: "WithTimeouts", Reason: "is not above zero: leave it out for 50 ms and 2 s"}
		}
		s.readTimeout, s.writeTimeout = read, write
		return nil
	}}
}

// A store asks a database in bounded time, and not at all while it does not
// answer: after five failures in a row four times a second.
type store struct {
	*statements
	breaker                   breaker.Breaker
	readTimeout, writeTimeout time.Duration
}

func newStore(ctx context.Context, db *sql.DB, d Dialect, opts []Option) (*store, error) {
	s := &store{readTimeout: defaultRead, writeTimeout: defaultWrite}
	var errs []error
	for _, o := range opts {
		if o.set == nil {
			errs = append(errs, &bearer.OptionError{Option: "Option", Reason: "is empty: leave it out"})
			continue
		}
		errs = append(errs, o.set(s))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	var err error
	s.statements, err = newStatements(ctx, db, d)
	return s, err
}

func (s *store) reading(ctx context.Context, what string, f func(context.Context) error, says ...error) error {
	return s.breaker.Do(ctx, s.readTimeout, func(ctx context.Context) error { return failed(what, f(ctx)) }, says...)
}

func (s *store) writing(ctx context.Context, what string, f func(context.Context, *sql.Tx) error) error {
	return s.breaker.Do(ctx, s.writeTimeout, func(ctx context.Context) error {
		return s.write(ctx, what, func(tx *sql.Tx) error { return failed(what, f(ctx, tx)) })
	})
}
