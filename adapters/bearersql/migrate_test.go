package bearersql_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/accounts"
	"github.com/gobearer/bearer/adapters/bearersql"
	"github.com/pressly/goose/v3"
)

// versionOne is a database as version 1 of the schema has left it.
func versionOne(t *testing.T, d database) database {
	t.Helper()
	if d.dialect == bearersql.PostgreSQL {
		dump, err := os.ReadFile("testdata/v1.postgresql.sql")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.open(t).ExecContext(t.Context(), string(dump)); err != nil {
			t.Fatal(err)
		}
		return d
	}
	file, err := os.ReadFile("testdata/v1.sqlite")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "v1.db")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	d.dsn = bearersql.SQLiteDSN(path)
	return d
}

func TestADatabaseOfAnEarlierSchemaVersionUpgradesInPlace(t *testing.T) {
	databases(t, func(t *testing.T, d database) {
		d = versionOne(t, d)
		db := d.open(t)
		_, err := bearersql.NewAccounts(t.Context(), db, d.dialect)
		if !errors.Is(err, bearersql.ErrSchema) || !strings.HasSuffix(err.Error(), "it has version 1 and needs 3: call Migrate") {
			t.Fatalf("before: %v, want ErrSchema", err)
		}
		store := accountsOf(t, db, d.dialect)
		auth, err := accounts.New(store, accounts.WithSchemes(accounts.Scheme{}, accounts.Bcrypt(10)), accounts.DangerouslyWithoutThrottle())
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			userName, password, privateToken string
			want                             error
		}{
			{"Tom", "correct horse battery staple", "FWfYpn6PKCMMFpvDEsoW9nOCsI51Dmq8g6FBC9G0Pio", nil},
			{"Tom", "Correct horse battery staple", "FWfYpn6PKCMMFpvDEsoW9nOCsI51Dmq8g6FBC9G0Pio", bearer.ErrBadCredentials},
			{"Tom", "correct horse battery staple", "5cR213kbCnDl2Z01JkQoGyGJCjzWTsb5m3CG4IphqMM", bearer.ErrBadCredentials},
			{"ZOË", "ein langes Kennwort ß", "5cR213kbCnDl2Z01JkQoGyGJCjzWTsb5m3CG4IphqMM", nil},
			{"bob", "a bcrypt password", "V-I5V3olSckBk1xkuBmXw_l291mX3NyzBJYKvPoJbWg", nil},
			{"dora", "a disabled password", "5HfVSNI-S6YNzLYK3AxBsWDX5djLN9tWPiW90MR9WQw", bearer.ErrBadCredentials},
		} {
			_, err := auth.Authenticate(t.Context(), bearer.Credentials{UserName: c.userName, Password: c.password, PrivateToken: c.privateToken})
			if !errors.Is(err, c.want) {
				t.Errorf("%s logs in: %v, want %v", c.userName, err, c.want)
			}
		}

		// Nothing is lost, and bob's hash is of the new scheme by now.
		tom, err := store.Lookup(t.Context(), "tom")
		if err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprintf("%q %q %q %q %q %q %q %q %q %q %q %q %t", tom.ID, tom.UserName, tom.Name, tom.Email, tom.Website, tom.DNS,
			tom.Locale, tom.Culture, tom.TimeZone, tom.Roles, tom.Scopes, tom.Profile, tom.Disabled)
		const want = `"1087" "Tom" "O'Brien" "tom@example.org" "https://example.org/?a=b&c" "example.org" ` +
			`"en-IN" "en-GB" "Asia/Kolkata" ["clerk" "a,b"] ["read" "write"] "{\"desk\":7}" false`
		if got != want {
			t.Errorf("tom is\n%s, want\n%s", got, want)
		}
		bob, err := store.Lookup(t.Context(), "bob")
		if err != nil || !strings.HasPrefix(bob.PasswordHash, "$argon2id$") {
			t.Errorf("bob: %v, his hash was not upgraded", err)
		}
		list, err := store.List(t.Context(), "", 10)
		if err != nil || len(list) != 4 {
			t.Errorf("%v, %v, want 4 accounts", list, err)
		}

		// When an account was made before version 2 nobody knows.
		var created, updated int
		query := "SELECT count(created_at), count(updated_at) FROM bearer_accounts"
		if err := db.QueryRowContext(t.Context(), query).Scan(&created, &updated); err != nil || created != 0 || updated != 1 {
			t.Errorf("%d created and %d updated since version 2, %v, want 0 and 1", created, updated, err)
		}
	})
}

// versions are the applied versions, in their order.
func versions(t testing.TB, db *sql.DB) []int64 {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "SELECT version_id FROM bearer_migrations ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var all []int64
	for rows.Next() {
		var v int64
		if err := rows.Scan(&v); err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestManyMigrateAtOnce(t *testing.T) {
	databases(t, func(t *testing.T, d database) {
		t.Run("from nothing", func(t *testing.T) { migrateAtOnce(t, d) })
	})
	databases(t, func(t *testing.T, d database) {
		t.Run("from version 1", func(t *testing.T) { migrateAtOnce(t, versionOne(t, d)) })
	})
}

func migrateAtOnce(t *testing.T, d database) {
	const programs = 6
	errs := make([]error, programs)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range programs {
		db := d.open(t)
		db.SetMaxOpenConns(1 + i%2) // one is enough
		wg.Go(func() {
			<-start
			errs[i] = bearersql.Migrate(t.Context(), db, d.dialect)
		})
	}
	close(start)
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if got := versions(t, d.open(t)); !slices.Equal(got, []int64{0, 1, 2, 3}) {
		t.Errorf("applied: %v", got)
	}
	if _, err := bearersql.NewAccounts(t.Context(), d.open(t), d.dialect); err != nil {
		t.Error(err)
	}
}

func TestManyProcessesMigrateOneFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bearer.db")
	var programs []*exec.Cmd
	for range 4 {
		c := child(t, "migrate", path, "")
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		programs = append(programs, c)
	}
	for _, c := range programs {
		if err := c.Wait(); err != nil {
			t.Error(err)
		}
	}
	d := database{bearersql.SQLite, "sqlite", bearersql.SQLiteDSN(path)}
	if got := versions(t, d.open(t)); !slices.Equal(got, []int64{0, 1, 2, 3}) {
		t.Errorf("applied: %v", got)
	}
}

// A busyConnector fails to connect as SQLite does while another connection turns
// the write-ahead log on.
type busyConnector struct {
	sqlite driver.Driver
	dsn    string
	fails  atomic.Int64 // so many times
	code   int
	last   func() // called at the last of them
}

type codedError int

func (codedError) Error() string { return "database is locked" }
func (e codedError) Code() int   { return int(e) }

func (c *busyConnector) Driver() driver.Driver { return c.sqlite }

func (c *busyConnector) Connect(context.Context) (driver.Conn, error) {
	left := c.fails.Add(-1)
	if left == 0 && c.last != nil {
		c.last()
	}
	if left >= 0 {
		return nil, codedError(c.code)
	}
	return c.sqlite.Open(c.dsn)
}

func TestMigrateWhileAnotherTurnsTheLogOn(t *testing.T) {
	d := sqliteFile(t)
	pool := func(code, fails int, last func()) *sql.DB {
		c := &busyConnector{sqlite: d.open(t).Driver(), dsn: d.dsn, code: code, last: last}
		c.fails.Store(int64(fails))
		db := sql.OpenDB(c)
		t.Cleanup(func() { _ = db.Close() })
		return db
	}
	const busy, busyRecovery, full = 5, 5 | 1<<8, 13
	var coded codedError
	if err := bearersql.Migrate(t.Context(), pool(full, 1, nil), bearersql.SQLite); !errors.As(err, &coded) {
		t.Errorf("a full disk: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := bearersql.Migrate(ctx, pool(busy, 3, cancel), bearersql.SQLite); !errors.As(err, &coded) || !errors.Is(err, context.Canceled) {
		t.Errorf("busy until the context ends: %v", err)
	}
	for _, code := range []int{busy, busyRecovery} {
		if err := bearersql.Migrate(t.Context(), pool(code, 3, nil), bearersql.SQLite); err != nil {
			t.Errorf("busy three times, with %d: %v", code, err)
		}
	}
}

func TestSchemasThatAreRefused(t *testing.T) {
	databases(t, func(t *testing.T, d database) {
		db := d.open(t)
		_, err := bearersql.NewAccounts(t.Context(), db, d.dialect)
		if !errors.Is(err, bearersql.ErrSchema) || !strings.HasSuffix(err.Error(), "it has none: call Migrate") {
			t.Errorf("no schema: %v, want ErrSchema", err)
		}
		if err := bearersql.Migrate(t.Context(), db, d.dialect); err != nil {
			t.Fatal(err)
		}
		if _, err := bearersql.NewAccounts(t.Context(), db, d.dialect); err != nil {
			t.Errorf("this schema: %v", err)
		}
		insert := "INSERT INTO bearer_migrations (version_id, is_applied) VALUES ("
		if _, err := db.ExecContext(t.Context(), insert+"3, true)"); err == nil {
			t.Error("a version can be applied twice")
		}
		if _, err := db.ExecContext(t.Context(), insert+"4, true)"); err != nil {
			t.Fatal(err)
		}
		_, newErr := bearersql.NewAccounts(t.Context(), db, d.dialect)
		for what, err := range map[string]error{"NewAccounts": newErr, "Migrate": bearersql.Migrate(t.Context(), db, d.dialect)} {
			if !errors.Is(err, bearersql.ErrSchema) || !strings.Contains(err.Error(), "which called Migrate: update this program") {
				t.Errorf("%s on a later schema: %v, want ErrSchema", what, err)
			}
		}
		if got := versions(t, db); !slices.Equal(got, []int64{0, 1, 2, 3, 4}) {
			t.Errorf("applied: %v", got)
		}
	})
}

func TestAMigrationThatFailsLeavesNothing(t *testing.T) {
	databases(t, func(t *testing.T, d database) {
		db := d.open(t)
		if _, err := db.ExecContext(t.Context(), "CREATE TABLE bearer_accounts (another int)"); err != nil {
			t.Fatal(err)
		}
		if err := bearersql.Migrate(t.Context(), db, d.dialect); err == nil {
			t.Fatal("another's table is no error")
		}
		if got := versions(t, db); !slices.Equal(got, []int64{0}) {
			t.Errorf("applied: %v", got)
		}
		if _, err := db.ExecContext(t.Context(), "DROP TABLE bearer_accounts"); err != nil {
			t.Fatal(err)
		}
		accountsOf(t, db, d.dialect)
	})
}

func TestMigrateWithAContextThatHasEnded(t *testing.T) {
	databases(t, func(t *testing.T, d database) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		db := d.open(t)
		if err := bearersql.Migrate(ctx, db, d.dialect); !errors.Is(err, context.Canceled) {
			t.Errorf("%v, want context.Canceled", err)
		}
		if _, err := bearersql.NewAccounts(ctx, db, d.dialect); !errors.Is(err, context.Canceled) {
			t.Errorf("%v, want context.Canceled", err)
		}
		if _, err := bearersql.NewAccounts(t.Context(), db, d.dialect); !errors.Is(err, bearersql.ErrSchema) {
			t.Errorf("%v, want ErrSchema", err)
		}
	})
}

func TestNoDatabase(t *testing.T) {
	db := sqliteFile(t).open(t)
	for _, c := range []struct {
		db      *sql.DB
		dialect bearersql.Dialect
	}{{nil, bearersql.SQLite}, {nil, bearersql.PostgreSQL}, {db, ""}, {db, "sqlite3"}, {db, "postgres"}, {db, "../sqlite"}, {db, bearersql.PostgreSQL}} {
		if err := bearersql.Migrate(t.Context(), c.db, c.dialect); err == nil || errors.Is(err, bearersql.ErrSchema) {
			t.Errorf("Migrate of %v, %q: %v", c.db, c.dialect, err)
		}
		if a, err := bearersql.NewAccounts(t.Context(), c.db, c.dialect); err == nil || a != nil || errors.Is(err, bearersql.ErrSchema) {
			t.Errorf("NewAccounts of %v, %q: %v", c.db, c.dialect, err)
		}
	}
}

// An application that uses the same library has migrations of its own, which it
// registers for all of the process.
func TestMigrateLeavesTheApplicationsMigrationsAlone(t *testing.T) {
	goose.AddNamedMigrationContext("00100_application.go", func(context.Context, *sql.Tx) error {
		t.Error("the application's migration is applied")
		return nil
	}, nil)
	t.Cleanup(goose.ResetGlobalMigrations)
	databases(t, func(t *testing.T, d database) {
		d.accounts(t)
		if got := versions(t, d.open(t)); !slices.Equal(got, []int64{0, 1, 2, 3}) {
			t.Errorf("applied: %v", got)
		}
	})
}
