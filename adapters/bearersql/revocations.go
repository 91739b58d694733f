package bearersql

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"math"
	"time"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/internal/revoked"
)

// Revocations keeps what was revoked in the table bearer_revocations. It is for
// bearer.WithRevocations and Trust.Revocations, and is asked about every token. A
// call that the database does not answer in time, 50 ms for Revoked, is an error.
type Revocations struct {
	*store
	check, add, sweep *sql.Stmt
}

const (
	checkRevoked = `SELECT count(*) > 0 FROM bearer_revocations WHERE entry IN ($1, $2) OR entry = $3 AND before >= $4`
	addRevoked   = `INSERT INTO bearer_revocations (entry, before, until) VALUES ($1, $2, $3) ON CONFLICT (entry) DO UPDATE SET ` +
		`before = greatest(bearer_revocations.before, excluded.before), until = greatest(bearer_revocations.until, excluded.until)`
	// By the database's clock: that of one replica could be wrong for all. And a few
	// at a time: after a pause there may be more than a call has time for.
	// The array is made once, whatever the planner thinks.
	sweepRevoked = `DELETE FROM bearer_revocations WHERE entry = ANY (ARRAY(SELECT entry FROM bearer_revocations ` +
		`WHERE until < floor(extract(epoch FROM now()))::bigint ORDER BY until LIMIT 100 FOR UPDATE SKIP LOCKED))`
)

// NewRevocations prepares the statements of a store in db, as [NewAccounts] does.
func NewRevocations(ctx context.Context, db *sql.DB, d Dialect, opts ...Option) (*Revocations, error) {
	s, err := newStore(ctx, db, d, opts)
	if err != nil {
		return nil, err
	}
	r := &Revocations{store: s}
	if err := s.prepare(ctx, map[**sql.Stmt]string{&r.check: checkRevoked, &r.add: addRevoked, &r.sweep: sweepRevoked}); err != nil {
		return nil, err
	}
	return r, nil
}

// Revoked implements bearer.Revocations.
func (r *Revocations) Revoked(ctx context.Context, t bearer.Info) (found bool, err error) {
	issued := int64(math.MinInt64)
	if !t.IssuedAt.IsZero() {
		issued = t.IssuedAt.Unix()
	}
	err = r.reading(ctx, "look up a revocation", func(ctx context.Context) error {
		return r.check.QueryRowContext(ctx, entryKey(revoked.Token, t.Issuer, t.ID), entryKey(revoked.Session, t.Issuer, t.Session),
			entryKey(revoked.Subject, t.Issuer, t.Subject), issued).Scan(&found)
	})
	return found, err
}

// Revoke implements what bearer.Revocation asks of a store. It also deletes up to
// 100 entries that are outlived.
func (r *Revocations) Revoke(ctx context.Context, v bearer.Revocation) error {
	e, err := revoked.NewEntry(v.Issuer, v.ID, v.Session, v.Subject, v.Before, v.Until)
	if err != nil {
		return err
	}
	before, until := int64(math.MinInt64), int64(math.MaxInt64)
	if !e.Before.IsZero() {
		before = e.Before.Unix()
	}
	if !e.Until.IsZero() {
		until = e.Until.Add(time.Second).Unix()
	}
	return r.writing(ctx, "revoke", func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.StmtContext(ctx, r.sweep).ExecContext(ctx); err != nil {
			return err
		}
		_, err := tx.StmtContext(ctx, r.add).ExecContext(ctx, entryKey(e.Kind, e.Issuer, e.ID), before, until)
		return err
	})
}

// entryKey identifies what is revoked; an empty id is never that.
func entryKey(kind revoked.Kind, issuer, id string) []byte {
	if id == "" {
		return []byte{}
	}
	b := binary.BigEndian.AppendUint64([]byte{byte(kind)}, uint64(len(issuer)))
	sum := sha256.Sum256(append(append(b, issuer...), id...))
	return sum[:]
}
