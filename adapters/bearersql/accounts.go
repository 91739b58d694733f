package bearersql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/gobearer/bearer/accounts"
)

// Accounts is an accounts.AdminStore in the table bearer_accounts. It is safe for
// concurrent use, in any number of programs.
//
// Every call ends with its context, whether or not the database answers. An error
// holds no user name and no secret. Besides what the interface names, Create and
// Update fail for text that is no UTF-8 or holds a NUL, for a profile that does not
// encode as JSON, and for a time zone that time.LoadLocation does not find by its
// name. Profiles come back as a jsontext.Value. A call whose outcome the connection
// did not live to tell is an error, and its write may be there or not, as a whole.
type Accounts struct {
	db         *sql.DB
	tx         *sql.TxOptions
	turn       chan struct{} // who writes on SQLite
	statements []*sql.Stmt

	lookup, list, insert, lock, update, upgrade *sql.Stmt
}

var _ accounts.AdminStore = (*Accounts)(nil)

const (
	accountColumns = `id, login, user_name, name, email, website, dns, locale, culture, time_zone, roles, scopes, profile, ` +
		`password_hash, private_token, disabled`

	lookupAccount = `SELECT ` + accountColumns + ` FROM bearer_accounts WHERE login = $1`
	listAccounts  = `SELECT ` + accountColumns + ` FROM bearer_accounts WHERE login > $1 ORDER BY login LIMIT $2`
	insertAccount = `INSERT INTO bearer_accounts (` + accountColumns + `, created_at, updated_at) ` +
		`VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, now(), now()) ON CONFLICT DO NOTHING`
	updateAccount = `UPDATE bearer_accounts SET user_name = $3, name = $4, email = $5, website = $6, dns = $7, locale = $8, culture = $9, ` +
		`time_zone = $10, roles = $11, scopes = $12, profile = $13, password_hash = $14, private_token = $15, disabled = $16, updated_at = now() ` +
		`WHERE id = $1 AND login = $2`
	upgradeHash = `UPDATE bearer_accounts SET password_hash = $3, updated_at = now() WHERE id = $1 AND password_hash = $2`
)

// NewAccounts prepares the statements of a store in db, which stays the caller's:
// its driver, its pool and its Close. The error wraps [ErrSchema] unless [Migrate]
// of this version was called.
func NewAccounts(ctx context.Context, db *sql.DB, d Dialect) (*Accounts, error) {
	v, err := version(ctx, db, d)
	if err != nil {
		return nil, err
	}
	if err := checkVersion(v); err != nil {
		return nil, err
	}
	a := &Accounts{db: db, tx: &sql.TxOptions{Isolation: dialects[d].isolation}}
	if d == SQLite {
		a.turn = make(chan struct{}, 1)
	}
	for _, s := range []struct {
		statement **sql.Stmt
		text      string
	}{
		{&a.lookup, lookupAccount},
		{&a.list, listAccounts},
		{&a.insert, insertAccount},
		{&a.lock, dialects[d].lock},
		{&a.update, updateAccount},
		{&a.upgrade, upgradeHash},
	} {
		*s.statement, err = db.PrepareContext(ctx, d.query(s.text))
		if err != nil {
			return nil, errors.Join(failed("prepare a statement", err), a.Close())
		}
		a.statements = append(a.statements, *s.statement)
	}
	return a, nil
}

// Close closes the statements. The database stays open.
func (a *Accounts) Close() error {
	var errs []error
	for _, s := range a.statements {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

// Lookup implements accounts.Store.
func (a *Accounts) Lookup(ctx context.Context, login string) (*accounts.Record, error) {
	if !storable(login) {
		return nil, accounts.ErrNotFound // PostgreSQL would fail
	}
	r, err := scanRecord(a.lookup.QueryRowContext(ctx, login))
	return r, failed("look up an account", err)
}

// UpgradeHash implements accounts.Store.
func (a *Accounts) UpgradeHash(ctx context.Context, id, from, to string) error {
	if !storable(id) || !storable(from) {
		return nil
	}
	if !storable(to) {
		return errText
	}
	const what = "upgrade a hash"
	return a.write(ctx, what, func(tx *sql.Tx) error {
		_, err := tx.StmtContext(ctx, a.upgrade).ExecContext(ctx, id, from, to)
		return failed(what, err)
	})
}

// Create implements accounts.AdminStore.
func (a *Accounts) Create(ctx context.Context, r *accounts.Record) error {
	row, err := rowOf(r)
	if err != nil {
		return err
	}
	const what = "create an account"
	return a.write(ctx, what, func(tx *sql.Tx) error {
		result, err := tx.StmtContext(ctx, a.insert).ExecContext(ctx, row...)
		if err != nil {
			return failed(what, err)
		}
		inserted, err := result.RowsAffected()
		if err == nil && inserted == 0 {
			return accounts.ErrExists
		}
		return failed(what, err)
	})
}

// Update implements accounts.AdminStore.
func (a *Accounts) Update(ctx context.Context, login string, change func(*accounts.Record) error) error {
	if !storable(login) {
		return accounts.ErrNotFound
	}
	const what = "update an account"
	return a.write(ctx, what, func(tx *sql.Tx) error {
		r, err := scanRecord(tx.StmtContext(ctx, a.lock).QueryRowContext(ctx, login))
		if err != nil {
			return failed(what, err)
		}
		id := r.ID
		if err := change(r); err != nil {
			return err
		}
		if r.ID != id || r.Login != login {
			return errIdentity
		}
		row, err := rowOf(r)
		if err != nil {
			return err
		}
		_, err = tx.StmtContext(ctx, a.update).ExecContext(ctx, row...)
		return failed(what, err)
	})
}

// write calls f in a transaction at the isolation level that the statements are
// written for, whatever the server's is set to. It returns f's error as it is.
func (a *Accounts) write(ctx context.Context, what string, f func(*sql.Tx) error) error {
	if a.turn != nil {
		// SQLite has one writer at a time. The others poll, and may starve; here they
		// stand in line.
		select {
		case a.turn <- struct{}{}:
			defer func() { <-a.turn }()
		case <-ctx.Done():
			return failed(what, ctx.Err())
		}
	}
	tx, err := a.db.BeginTx(ctx, a.tx)
	if err != nil {
		return failed(what, err)
	}
	defer func() { _ = tx.Rollback() }() // also when f panics; nothing after Commit
	if err := f(tx); err != nil {
		return err
	}
	return failed(what, tx.Commit())
}

// List implements accounts.AdminStore.
func (a *Accounts) List(ctx context.Context, after string, limit int) ([]*accounts.Record, error) {
	if limit <= 0 {
		return nil, nil
	}
	rows, err := a.list.QueryContext(ctx, after, limit)
	if err != nil {
		return nil, failed("list accounts", err)
	}
	defer rows.Close()
	var page []*accounts.Record
	for rows.Next() {
		r, err := scanRecord(rows)
		if err != nil {
			return nil, failed("list accounts", err)
		}
		page = append(page, r)
	}
	if err := rows.Err(); err != nil {
		return nil, failed("list accounts", err)
	}
	return page, nil
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
