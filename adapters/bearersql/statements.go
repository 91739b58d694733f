package bearersql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/gobearer/bearer/accounts"
)

// statements are what a store has prepared in a database of this version's schema.
type statements struct {
	db       *sql.DB
	dialect  Dialect
	tx       *sql.TxOptions
	turn     chan struct{} // who writes on SQLite
	prepared []*sql.Stmt
}

func newStatements(ctx context.Context, db *sql.DB, d Dialect) (*statements, error) {
	v, err := version(ctx, db, d)
	if err != nil {
		return nil, err
	}
	if err := checkVersion(v); err != nil {
		return nil, err
	}
	s := &statements{db: db, dialect: d, tx: &sql.TxOptions{Isolation: dialects[d].isolation}}
	if d == SQLite {
		s.turn = make(chan struct{}, 1)
	}
	return s, nil
}

// prepare closes everything where one of them fails.
func (s *statements) prepare(ctx context.Context, texts map[**sql.Stmt]string) error {
	for statement, text := range texts {
		prepared, err := s.db.PrepareContext(ctx, s.dialect.query(text))
		if err != nil {
			return errors.Join(failed("prepare a statement", err), s.Close())
		}
		*statement = prepared
		s.prepared = append(s.prepared, prepared)
	}
	return nil
}

// Close closes the statements. The database stays open.
func (s *statements) Close() error {
	var errs []error
	for _, p := range s.prepared {
		errs = append(errs, p.Close())
	}
	return errors.Join(errs...)
}

// write calls f in a transaction at the isolation level that the statements are
// written for, whatever the server's is set to. It returns f's error as it is.
func (s *statements) write(ctx context.Context, what string, f func(*sql.Tx) error) error {
	if s.turn != nil {
		// SQLite has one writer at a time. The others poll, and may starve; here they
		// stand in line.
		select {
		case s.turn <- struct{}{}:
			defer func() { <-s.turn }()
		case <-ctx.Done():
			return failed(what, ctx.Err())
		}
	}
	tx, err := s.db.BeginTx(ctx, s.tx)
	if err != nil {
		return failed(what, err)
	}
	defer func() { _ = tx.Rollback() }() // also when f panics; nothing after Commit
	if err := f(tx); err != nil {
		return err
	}
	return failed(what, tx.Commit())
}

func failed(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sql.ErrNoRows):
		return accounts.ErrNotFound
	}
	return fmt.Errorf("bearersql: %s: %w", what, err)
}
