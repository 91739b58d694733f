package bearerredis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/internal/revoked"
	"github.com/redis/go-redis/v9"
)

// A Mirror answers from this process's memory whether a token was revoked, and is
// told of every change by a stream. It costs no round trip, and refuses to answer
// once it has not heard from Redis for too long. Run feeds it. It forgets nothing
// that Redis forgets.
type Mirror struct {
	*store
	maxAge time.Duration
	table  revoked.Table
	heard  atomic.Pointer[time.Time] // when the table was complete; nil: never
	cause  atomic.Pointer[error]     // of the last failure
}

// NewMirror does not connect. maxAge, a second at least, is how old its view may
// be: how long a revocation can stay unseen here while Redis cannot be reached.
// The error joins every *bearer.OptionError.
func NewMirror(client redis.UniversalClient, maxAge time.Duration, opts ...Option) (*Mirror, error) {
	s, err := newStore(client, opts)
	if maxAge < time.Second {
		err = errors.Join(err, &bearer.OptionError{Option: "maxAge", Reason: "is under a second: Redis could not be asked often enough"})
	}
	if err != nil {
		return nil, err
	}
	return &Mirror{store: s, maxAge: maxAge}, nil
}

// ErrStale is the error of Revoked while the mirror's view is too old, or was
// never complete. It comes with what went wrong last.
var ErrStale = errors.New("bearerredis: the mirror has not heard from Redis lately")

// OnlyReads tells package bearer that Revoked needs no copy of what it is given.
func (m *Mirror) OnlyReads() bearer.Revocations { return m }

// Revoked implements bearer.Revocations.
func (m *Mirror) Revoked(_ context.Context, t bearer.Info) (bool, error) {
	if heard := m.heard.Load(); heard == nil || age(*heard) > m.maxAge {
		if cause := m.cause.Load(); cause != nil {
			return false, fmt.Errorf("%w: %w", ErrStale, *cause)
		}
		return false, ErrStale
	}
	return m.table.Revoked(t.Issuer, t.ID, t.Session, t.Subject, t.IssuedAt), nil
}

// age asks both clocks: one may be set back, the other one stands still while the
// machine sleeps.
func age(t time.Time) time.Duration {
	now := time.Now()
	return max(now.Sub(t), now.Round(0).Sub(t.Round(0)))
}

// Revoke implements what bearer.Revocation asks of a store. Once it has returned
// without an error this mirror and Redis have the entry; the others have it as
// soon as their stream has brought it.
func (m *Mirror) Revoke(ctx context.Context, v bearer.Revocation) error {
	e, err := entry(v)
	if err != nil {
		return err
	}
	if err := m.revoke(ctx, e); err != nil {
		return err
	}
	m.table.Add(e, time.Now())
	return nil
}

const (
	retry = 100 * time.Millisecond
	block = 250 * time.Millisecond // a quarter of the shortest maxAge
	page  = 10_000                 // of entries, in one reply
)

// Run keeps the mirror up to date until ctx ends, and returns its error within a
// second. It runs once at a time, and takes a connection of the client.
func (m *Mirror) Run(ctx context.Context) error {
	at := "" // the last change that the table has; empty: it was never complete
	for {
		err := m.follow(ctx, &at)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		// The view grows old, and Revoked says so.
		m.cause.Store(&err)
		if errors.Is(err, errGap) {
			at = ""
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(retry):
		}
	}
}

// errGap is a view that lacks changes: the stream was cut before they were read,
// or Redis has lost some.
var errGap = errors.New("bearerredis: changes are missing in the stream")

// follow takes a whole copy, if there was none, and then every change, until
// something is wrong.
func (m *Mirror) follow(ctx context.Context, at *string) error {
	if *at == "" {
		began := time.Now()
		// The position comes before the copy: what changes meanwhile is read twice.
		_, last, err := m.changes(ctx, noID, 1)
		if err != nil {
			return err
		}
		if err := m.copyAll(ctx); err != nil {
			return err
		}
		m.heard.Store(&began)
		*at = last
	}
	for {
		asked := time.Now()
		changes, last, err := m.changes(ctx, *at, page)
		if err != nil {
			return err
		}
		// Each change names the one before it, so what was read has no hole; and
		// nothing is missing if it reaches the change that was the last one then,
		// whichever of the two was answered first.
		complete := *at == last
		for _, c := range changes {
			if err := m.add(c, *at); err != nil {
				return err
			}
			*at = c.ID
			complete = complete || *at == last
		}
		if len(changes) == page {
			continue
		}
		if !complete {
			return errGap
		}
		m.heard.Store(&asked)
		if err := m.wait(ctx, *at); err != nil {
			return err
		}
	}
}

// changes returns what was the stream's last id, and then at most count of the
// changes after an id, which may be newer. It is no transaction: a Redis without
// memory refuses to queue one.
func (m *Mirror) changes(ctx context.Context, after string, count int64) (changes []redis.XMessage, last string, err error) {
	ctx, cancel := m.bound(ctx)
	defer cancel()
	pipe := m.client.Pipeline()
	info := pipe.XInfoStream(ctx, m.key(changesKey))
	read := pipe.XRead(ctx, &redis.XReadArgs{Streams: []string{m.key(changesKey), after}, Count: count, Block: -1})
	_, _ = pipe.Exec(ctx)
	switch stream, err := info.Result(); {
	case err == nil:
		last = stream.LastGeneratedID
	case redis.HasErrorPrefix(err, "no such key"):
		last = noID
	default:
		return nil, "", withoutArguments(err)
	}
	streams, err := read.Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, "", withoutArguments(err)
	}
	for _, s := range streams {
		changes = s.Messages
	}
	return changes, last, nil
}

func (m *Mirror) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, max(m.write, time.Second))
}

// wait returns when there is a change, and else after a while.
func (m *Mirror) wait(ctx context.Context, after string) error {
	ctx, cancel := context.WithTimeout(ctx, block+m.write)
	defer cancel()
	err := m.client.XRead(ctx, &redis.XReadArgs{Streams: []string{m.key(changesKey), after}, Count: 1, Block: block}).Err()
	if errors.Is(err, redis.Nil) {
		return nil
	}
	return withoutArguments(err)
}

// add adds a change that follows another one. What cannot be read is in the copy,
// and what comes first may come after others, in a stream that is gone.
func (m *Mirror) add(change redis.XMessage, previous string) error {
	text := func(name string) string { s, _ := change.Values[name].(string); return s }
	e, err := parse(text("m"), text("u"), text("b"))
	if err != nil || previous == noID || text("p") != previous {
		return errGap
	}
	m.table.Add(e, time.Now())
	return nil
}

// copyAll adds every entry that Redis has. A scan returns all that are there from
// its begin to its end, and some twice. An entry that cannot be read ends it:
// nobody knows which tokens it takes back.
func (m *Mirror) copyAll(ctx context.Context) error {
	cuts := map[string]string{}
	err := m.scan(ctx, m.client.HScan, cutsKey, func(member, before string) error {
		cuts[member] = before
		return nil
	})
	if err != nil {
		return err
	}
	return m.scan(ctx, m.client.ZScan, entriesKey, func(member, until string) error {
		e, err := parse(member, until, cuts[member])
		if err != nil || e.Kind == revoked.Subject && e.Before.IsZero() {
			return err // a subject that was added after the cuts were read: the stream has it
		}
		m.table.Add(e, time.Now())
		return nil
	})
}

type scanner func(ctx context.Context, key string, cursor uint64, match string, count int64) *redis.ScanCmd

func (m *Mirror) scan(ctx context.Context, scan scanner, key string, each func(member, value string) error) error {
	for cursor := uint64(0); ; {
		bounded, cancel := m.bound(ctx)
		found, next, err := scan(bounded, m.key(key), cursor, "", page).Result()
		cancel()
		if err != nil {
			return withoutArguments(err)
		}
		for i := 0; i+1 < len(found); i += 2 {
			if err := each(found[i], found[i+1]); err != nil {
				return err
			}
		}
		if next == 0 {
			return nil
		}
		cursor = next
	}
}

// errEntry does not quote: an entry has names.
var errEntry = errors.New("bearerredis: the entry of a revocation is malformed")

// parse is member's inverse, with the entry's instants.
func parse(member, until, before string) (revoked.Entry, error) {
	var e revoked.Entry
	length, rest, ok := strings.Cut(member, ":")
	if !ok || len(length) < 2 {
		return e, errEntry
	}
	n, err := strconv.Atoi(length[1:])
	kind := int(length[0]) - '0'
	if err != nil || n < 0 || n > len(rest) || kind < 0 || kind > int(revoked.Subject) {
		return e, errEntry
	}
	e.Kind, e.Issuer, e.ID = revoked.Kind(kind), rest[:n], rest[n:]
	if e.Until, err = instant(until); err != nil || before == "" {
		return e, err
	}
	seconds, err := strconv.ParseInt(before, 10, 64)
	if err != nil {
		return e, errEntry
	}
	e.Before = time.Unix(seconds, 0)
	return e, nil
}

// instant reads a score; zero: infinite.
func instant(seconds string) (time.Time, error) {
	if strings.HasSuffix(seconds, "inf") {
		return time.Time{}, nil
	}
	n, err := strconv.ParseFloat(seconds, 64)
	if err != nil {
		return time.Time{}, errEntry
	}
	return time.Unix(int64(n), 0), nil
}
