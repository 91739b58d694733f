package bearersql

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/gobearer/bearer/refresh"
)

// RefreshTokens is a refresh.Store in the table bearer_refresh_families.
type RefreshTokens struct {
	*store
	create, lookup, lock, update, revoke, sweep *sql.Stmt
}

const (
	familyColumns = `data, created, expires, idle, generation, rotated, revoked`

	createFamily = `INSERT INTO bearer_refresh_families (id, ` + familyColumns + `) VALUES ($1, $2, $3, $4, $5, 0, 0, false)`
	lookupFamily = `SELECT ` + familyColumns + ` FROM bearer_refresh_families WHERE id = $1`
	lockFamily   = `UPDATE bearer_refresh_families SET id = id WHERE id = $1 RETURNING ` + familyColumns
	updateFamily = `UPDATE bearer_refresh_families SET idle = $2, generation = $3, rotated = $4, revoked = $5 WHERE id = $1`
	revokeFamily = `UPDATE bearer_refresh_families SET revoked = true WHERE id = $1`
	sweepFamily  = `DELETE FROM bearer_refresh_families WHERE id = ANY (ARRAY(SELECT id FROM bearer_refresh_families ` +
		`WHERE expires < 1000 * floor(extract(epoch FROM now()))::bigint ORDER BY expires LIMIT 100 FOR UPDATE SKIP LOCKED))`
)

// NewRefreshTokens prepares the statements of a store in db, as [NewAccounts]
// does.
func NewRefreshTokens(ctx context.Context, db *sql.DB, d Dialect, opts ...Option) (*RefreshTokens, error) {
	s, err := newStore(ctx, db, d, opts)
	if err != nil {
		return nil, err
	}
	t := &RefreshTokens{store: s}
	if err := s.prepare(ctx, map[**sql.Stmt]string{
		&t.create: createFamily, &t.lookup: lookupFamily, &t.lock: lockFamily,
		&t.update: updateFamily, &t.revoke: revokeFamily, &t.sweep: sweepFamily,
	}); err != nil {
		return nil, err
	}
	return t, nil
}

// Create implements refresh.Store. It also deletes up to 100 families that
// have expired.
func (t *RefreshTokens) Create(ctx context.Context, f refresh.Family) error {
	return t.writing(ctx, "begin a session", func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.StmtContext(ctx, t.sweep).ExecContext(ctx); err != nil {
			return err
		}
		_, err := tx.StmtContext(ctx, t.create).ExecContext(ctx, f.ID[:], append([]byte{}, f.Data...), f.Created.UnixMilli(), f.Expires.UnixMilli(), f.Idle.UnixMilli())
		return err
	})
}

// Lookup implements refresh.Store.
func (t *RefreshTokens) Lookup(ctx context.Context, id [32]byte) (f refresh.Family, err error) {
	err = t.reading(ctx, "look up a session", func(ctx context.Context) error {
		s, err := scanFamily(id, t.lookup.QueryRowContext(ctx, id[:]))
		f = s.Family
		return err
	}, refresh.ErrNotFound)
	return f, err
}

// Use implements refresh.Store.
func (t *RefreshTokens) Use(ctx context.Context, u refresh.Use) (outcome refresh.Outcome, err error) {
	err = t.writing(ctx, "use a refresh token", func(ctx context.Context, tx *sql.Tx) (err error) {
		outcome, err = t.use(ctx, tx, u)
		return err
	})
	return outcome, err
}

func (t *RefreshTokens) use(ctx context.Context, tx *sql.Tx, u refresh.Use) (refresh.Outcome, error) {
	s, err := scanFamily(u.ID, tx.StmtContext(ctx, t.lock).QueryRowContext(ctx, u.ID[:]))
	if errors.Is(err, refresh.ErrNotFound) {
		return refresh.Unknown, nil
	}
	if err != nil {
		return "", err
	}
	outcome := s.Use(u)
	if outcome != refresh.Rotated && outcome != refresh.Reused {
		return outcome, nil
	}
	_, err = tx.StmtContext(ctx, t.update).ExecContext(ctx, u.ID[:], s.Idle.UnixMilli(), s.Generation, s.Rotated.UnixMilli(), s.Revoked)
	return outcome, err
}

// Revoke implements refresh.Store.
func (t *RefreshTokens) Revoke(ctx context.Context, id [32]byte) error {
	return t.writing(ctx, "end a session", func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.StmtContext(ctx, t.revoke).ExecContext(ctx, id[:])
		return err
	})
}

func scanFamily(id [32]byte, row *sql.Row) (refresh.State, error) {
	s := refresh.State{Family: refresh.Family{ID: id}}
	var created, expires, idle, rotated int64
	err := row.Scan(&s.Data, &created, &expires, &idle, &s.Generation, &rotated, &s.Revoked)
	if errors.Is(err, sql.ErrNoRows) {
		return s, refresh.ErrNotFound
	}
	s.Created, s.Expires = time.UnixMilli(created).UTC(), time.UnixMilli(expires).UTC()
	s.Idle, s.Rotated = time.UnixMilli(idle).UTC(), time.UnixMilli(rotated).UTC()
	return s, err
}
