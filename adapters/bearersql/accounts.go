package bearersql

import (
	"context"
	"database/sql"

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
	*statements
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
	s, err := newStatements(ctx, db, d)
	if err != nil {
		return nil, err
	}
	a := &Accounts{statements: s}
	if err := s.prepare(ctx, map[**sql.Stmt]string{
		&a.lookup: lookupAccount, &a.list: listAccounts, &a.insert: insertAccount,
		&a.lock: dialects[d].lock, &a.update: updateAccount, &a.upgrade: upgradeHash,
	}); err != nil {
		return nil, err
	}
	return a, nil
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
