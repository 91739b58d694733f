package bearersql_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gobearer/bearer/adapters/bearersql"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"
)

// A database is one that each test gets to itself.
type database struct {
	dialect     bearersql.Dialect
	driver, dsn string
}

// databases runs test on an empty database of each dialect.
func databases(t *testing.T, test func(t *testing.T, d database)) {
	t.Helper()
	t.Run(string(bearersql.SQLite), func(t *testing.T) { test(t, sqliteFile(t)) })
	t.Run(string(bearersql.PostgreSQL), func(t *testing.T) { test(t, postgresSchema(t)) })
}

func sqliteFile(t *testing.T) database {
	t.Helper()
	return database{bearersql.SQLite, "sqlite", bearersql.SQLiteDSN(filepath.Join(t.TempDir(), "bearer.db"))}
}

// postgresSchema makes a schema in the database of BEARER_POSTGRES_DSN.
func postgresSchema(t *testing.T) database {
	t.Helper()
	dsn := postgresDSN(t)
	admin := database{bearersql.PostgreSQL, "pgx", dsn}.open(t)
	schema := "bearer_test_" + strings.ToLower(rand.Text())
	if _, err := admin.ExecContext(t.Context(), "CREATE SCHEMA "+schema); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if _, err := admin.ExecContext(ctx, "DROP SCHEMA "+schema+" CASCADE"); err != nil {
			t.Error(err)
		}
	})
	return database{bearersql.PostgreSQL, "pgx", withParameter(t, dsn, "search_path", schema)}
}

func postgresDSN(t testing.TB) string {
	t.Helper()
	dsn := os.Getenv("BEARER_POSTGRES_DSN")
	if dsn == "" {
		if os.Getenv("BEARER_INTEGRATION") == "1" {
			t.Fatal("BEARER_POSTGRES_DSN is not set")
		}
		t.Skip("needs a PostgreSQL server: set BEARER_POSTGRES_DSN")
	}
	return dsn
}

func withParameter(t testing.TB, dsn, name, value string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal("BEARER_POSTGRES_DSN is no URL")
	}
	q := u.Query()
	q.Set(name, value)
	u.RawQuery = q.Encode()
	return u.String()
}

func withPath(t testing.TB, dsn, path string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal("BEARER_POSTGRES_DSN is no URL")
	}
	u.Path = path
	return u.String()
}

// open opens a pool of its own.
func (d database) open(t testing.TB) *sql.DB {
	t.Helper()
	db, err := sql.Open(d.driver, d.dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// accounts opens a migrated store.
func (d database) accounts(t testing.TB) *bearersql.Accounts {
	t.Helper()
	return accountsOf(t, d.open(t), d.dialect)
}

func accountsOf(t testing.TB, db *sql.DB, d bearersql.Dialect) *bearersql.Accounts {
	t.Helper()
	if err := bearersql.Migrate(t.Context(), db, d); err != nil {
		t.Fatal(err)
	}
	a, err := bearersql.NewAccounts(t.Context(), db, d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}
