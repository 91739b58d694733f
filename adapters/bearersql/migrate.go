package bearersql

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// migrations has a folder for each dialect, with the same versions in each. A
// file that was released is never changed.
//
//go:embed migrations
var migrations embed.FS

const (
	schemaVersion = 3 // of the last migration
	versionTable  = "bearer_migrations"
	migrationLock = 0x626561726572 // "bearer", among the advisory locks of a PostgreSQL database
)

// ErrSchema is what NewAccounts returns for a database that Migrate has to be
// called for, and NewAccounts and Migrate for one that a later version of this
// package has migrated.
var ErrSchema = errors.New("bearersql: the database's schema is not the one of this version")

// Migrate brings the schema up to the version of this package: the tables bearer_*
// and the versions applied, in bearer_migrations. Each version is applied as a
// whole or not at all, and once, however many programs call Migrate at the same
// time. A database without a schema is given one. The error wraps [ErrSchema]
// where the schema is of a later version.
//
// On PostgreSQL programs wait for each other with a session's advisory lock, which
// PgBouncer has to pass through (pool_mode=session): migrate beside it otherwise.
func Migrate(ctx context.Context, db *sql.DB, d Dialect) error {
	giveUp := time.Now().Add(busyTimeout)
	var waited error // the last one that it was tried again for
	for {
		overtaken, err := migrate(ctx, db, d)
		switch {
		case err == nil:
			return nil
		case waited != nil && ctx.Err() != nil:
			return fmt.Errorf("%w: %w", waited, ctx.Err())
		case overtaken:
			// What failed here is applied by now, and was not applied twice. Each round
			// needs one more version that is there.
		case d == SQLite && busy(err) && time.Now().Before(giveUp):
			waited = err
			select {
			case <-time.After(10 * time.Millisecond):
			case <-ctx.Done(): // the next round says so
			}
		default:
			return err
		}
	}
}

// busy says that SQLite did not wait for another connection, as it does not while
// that one turns the write-ahead log on.
func busy(err error) bool {
	const sqliteBusy = 5
	var coded interface{ Code() int } // an error of modernc.org/sqlite
	return errors.As(err, &coded) && coded.Code()&0xff == sqliteBusy
}

// migrate says whether it failed because another program was faster.
func migrate(ctx context.Context, db *sql.DB, d Dialect) (overtaken bool, _ error) {
	before, err := version(ctx, db, d)
	if err != nil {
		return false, err
	}
	if before > schemaVersion {
		return false, checkVersion(before)
	}
	err = apply(ctx, db, d)
	if err == nil {
		return false, nil
	}
	after, versionErr := version(ctx, db, d)
	return versionErr == nil && after > before, failed("migrate", err)
}

func apply(ctx context.Context, db *sql.DB, d Dialect) error {
	folder, err := fs.Sub(migrations, "migrations/"+string(d))
	if err != nil {
		return err
	}
	options := []goose.ProviderOption{
		goose.WithTableName(versionTable),
		goose.WithDisableGlobalRegistry(true), // of the application's own migrations
		goose.WithLogger(goose.NopLogger()),
	}
	if d == PostgreSQL {
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockID(migrationLock), lock.WithLockTimeout(1, 300))
		if err != nil {
			return err
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	provider, err := goose.NewProvider(dialects[d].goose, db, folder, options...)
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx) // Close would close db
	return err
}

// version is that of the database's schema; -1: it has none.
func version(ctx context.Context, db *sql.DB, d Dialect) (int64, error) {
	dialect, err := d.lookup()
	if err != nil {
		return 0, err
	}
	if db == nil {
		return 0, errors.New("bearersql: the database is nil")
	}
	var exists bool
	if err := db.QueryRowContext(ctx, d.query(dialect.hasTable), versionTable).Scan(&exists); err != nil {
		return 0, failed("read the schema's version", err)
	}
	if !exists {
		return -1, nil
	}
	var v sql.Null[int64]
	if err := db.QueryRowContext(ctx, `SELECT max(version_id) FROM `+versionTable).Scan(&v); err != nil {
		return 0, failed("read the schema's version", err)
	}
	if !v.Valid {
		return -1, nil
	}
	return v.V, nil
}

// checkVersion refuses schemas that this version's statements do not fit.
func checkVersion(v int64) error {
	switch {
	case v < 0:
		return fmt.Errorf("%w: it has none: call Migrate", ErrSchema)
	case v < schemaVersion:
		return fmt.Errorf("%w: it has version %d and needs %d: call Migrate", ErrSchema, v, schemaVersion)
	case v > schemaVersion:
		return fmt.Errorf("%w: it has version %d, of a later version of bearersql than this program's, which called Migrate: update this program, which knows %d", ErrSchema, v, schemaVersion)
	}
	return nil
}
