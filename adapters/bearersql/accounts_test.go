package bearersql_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/accounts"
	"github.com/gobearer/bearer/adapters/bearersql"
	"github.com/gobearer/bearer/bearertest"
)

func TestAccountsConform(t *testing.T) {
	t.Run(string(bearersql.SQLite), func(t *testing.T) {
		bearertest.AccountStore(t, func(t *testing.T) accounts.AdminStore { return sqliteFile(t).accounts(t) })
	})
	t.Run(string(bearersql.PostgreSQL), func(t *testing.T) {
		postgresDSN(t)
		bearertest.AccountStore(t, func(t *testing.T) accounts.AdminStore { return postgresSchema(t).accounts(t) })
	})
}

// programs are stores of as many programs on one database, which take turns.
type programs struct {
	next atomic.Int64
	all  []*bearersql.Accounts
}

func (p *programs) turn() *bearersql.Accounts { return p.all[int(p.next.Add(1))%len(p.all)] }

func (p *programs) Lookup(ctx context.Context, login string) (*accounts.Record, error) {
	return p.turn().Lookup(ctx, login)
}

func (p *programs) UpgradeHash(ctx context.Context, id, from, to string) error {
	return p.turn().UpgradeHash(ctx, id, from, to)
}

func (p *programs) Create(ctx context.Context, r *accounts.Record) error {
	return p.turn().Create(ctx, r)
}

func (p *programs) Update(ctx context.Context, login string, change func(*accounts.Record) error) error {
	return p.turn().Update(ctx, login, change)
}

func (p *programs) List(ctx context.Context, after string, limit int) ([]*accounts.Record, error) {
	return p.turn().List(ctx, after, limit)
}

func TestAccountsOfSeveralProgramsConform(t *testing.T) {
	open := func(t *testing.T, d database) accounts.AdminStore {
		p := new(programs)
		for range 3 {
			p.all = append(p.all, d.accounts(t))
		}
		return p
	}
	// Transactions that begin as readers, as in a data source name that was not made
	// by SQLiteDSN, have to take the lock first.
	t.Run("sqlite without _txlock", func(t *testing.T) {
		bearertest.AccountStore(t, func(t *testing.T) accounts.AdminStore {
			dsn := "file:" + filepath.Join(t.TempDir(), "bearer.db") + "?_busy_timeout=5000&_journal_mode=WAL&_synchronous=OFF"
			return open(t, database{bearersql.SQLite, "sqlite", dsn})
		})
	})
	t.Run(string(bearersql.PostgreSQL), func(t *testing.T) {
		postgresDSN(t)
		bearertest.AccountStore(t, func(t *testing.T) accounts.AdminStore { return open(t, postgresSchema(t)) })
	})
}

// A server may sort by a dictionary, and may be set to fail one of two writers.
func TestAccountsConformInAnotherDatabase(t *testing.T) {
	admin := database{bearersql.PostgreSQL, "pgx", postgresDSN(t)}.open(t)
	const name = "bearer_test_another"
	drop := func(ctx context.Context) error {
		_, err := admin.ExecContext(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
		return err
	}
	if err := drop(t.Context()); err != nil {
		t.Fatal(err)
	}
	create := "CREATE DATABASE " + name + " TEMPLATE template0 ENCODING UTF8 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"
	if _, err := admin.ExecContext(t.Context(), create); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := drop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if _, err := admin.ExecContext(t.Context(), "ALTER DATABASE "+name+" SET default_transaction_isolation = 'serializable'"); err != nil {
		t.Fatal(err)
	}
	u := withPath(t, postgresDSN(t), "/"+name)
	db := database{bearersql.PostgreSQL, "pgx", u}.open(t)
	a := accountsOf(t, db, bearersql.PostgreSQL)
	bearertest.AccountStore(t, func(t *testing.T) accounts.AdminStore {
		if _, err := db.ExecContext(t.Context(), "TRUNCATE bearer_accounts"); err != nil {
			t.Fatal(err)
		}
		return a
	})
}

// marker stands for what no error may hold.
const marker = "sekrit"

func marked(login string) *accounts.Record {
	return &accounts.Record{
		Account: bearer.Account{
			ID: "id-" + login, UserName: marker, Name: marker, Email: marker, Website: marker, DNS: marker, Locale: marker, Culture: marker,
			Roles: []string{marker}, Scopes: []string{marker}, Profile: map[string]string{marker: marker},
		},
		Login: login, PasswordHash: marker, PrivateToken: [32]byte([]byte(strings.Repeat(marker, 6)[:32])),
	}
}

// everyCall calls every method once, with markers, and returns the errors.
func everyCall(ctx context.Context, s accounts.AdminStore) map[string]error {
	_, lookup := s.Lookup(ctx, marker)
	_, list := s.List(ctx, marker[:1], 10)
	return map[string]error{
		"Lookup":      lookup,
		"List":        list,
		"Create":      s.Create(ctx, marked(marker+marker)),
		"UpgradeHash": s.UpgradeHash(ctx, "id-"+marker, marker, marker+marker),
		"Update": s.Update(ctx, marker, func(r *accounts.Record) error {
			r.Name += marker
			return nil
		}),
	}
}

func TestErrorsHoldNoNamesAndNoValues(t *testing.T) {
	databases(t, func(t *testing.T, d database) {
		db := d.open(t)
		a := accountsOf(t, db, d.dialect)
		if err := a.Create(t.Context(), marked(marker)); err != nil {
			t.Fatal(err)
		}
		expect := func(what string, err error) {
			t.Helper()
			switch {
			case err == nil:
				t.Errorf("%s: no error", what)
			case strings.Contains(err.Error(), marker):
				t.Errorf("%s: %v", what, err)
			case errors.Is(err, accounts.ErrNotFound):
				t.Errorf("%s: the store could not tell, and says %v", what, err)
			}
		}
		exec := func(query string) {
			t.Helper()
			if _, err := db.ExecContext(t.Context(), query); err != nil {
				t.Fatal(err)
			}
		}

		expect("a taken login", a.Create(t.Context(), marked(marker)))
		for what, fault := range map[string]func(*accounts.Record){
			"a NUL":            func(r *accounts.Record) { r.Name = marker + "\x00" },
			"no UTF-8":         func(r *accounts.Record) { r.Email = marker + "\xff" },
			"a role's NUL":     func(r *accounts.Record) { r.Roles = []string{marker + "\xff"} },
			"a scope's":        func(r *accounts.Record) { r.Scopes = []string{marker + "\xff"} },
			"a channel":        func(r *accounts.Record) { r.Profile = map[string]any{marker: make(chan int)} },
			"a profile's text": func(r *accounts.Record) { r.Profile = marker + "\xff" },
			"a member twice":   func(r *accounts.Record) { r.Profile = jsontext.Value(`{"` + marker + `":1,"` + marker + `":2}`) },
			"a time zone":      func(r *accounts.Record) { r.TimeZone = time.FixedZone(marker, 60) },
			"the machine's":    func(r *accounts.Record) { r.TimeZone = time.Local },
			"no ID":            func(r *accounts.Record) { r.ID = "" },
			"no Login":         func(r *accounts.Record) { r.Login = "" },
		} {
			r := marked(marker + "-another")
			fault(r)
			err := a.Create(t.Context(), r)
			expect("Create with "+what, err)
			if err != nil && !strings.HasPrefix(err.Error(), "bearersql: a") && !strings.HasPrefix(err.Error(), "bearersql: the ") {
				t.Errorf("Create with %s is left to the database: %v", what, err)
			}
			expect("Update with "+what, a.Update(t.Context(), marker, func(r *accounts.Record) error {
				fault(r)
				return nil
			}))
		}
		expect("UpgradeHash to a NUL", a.UpgradeHash(t.Context(), "id-"+marker, marker, marker+"\x00"))

		// What somebody wrote past this package.
		for _, column := range []string{"roles = '" + marker + "'", "scopes = '{\"" + marker + "\":1}'", "profile = '[" + marker + "'", "time_zone = 'Nowhere/" + marker + "'"} {
			exec("UPDATE bearer_accounts SET " + column)
			_, err := a.Lookup(t.Context(), marker)
			if err != nil {
				// The id is for the operator to find it by.
				err = errors.New(strings.ReplaceAll(err.Error(), `"id-`+marker+`"`, "ID"))
			}
			expect(column, err)
			if _, err := a.List(t.Context(), "", 10); err == nil || db.Stats().InUse > 0 {
				t.Errorf("List with %s: %v, and keeps %d connections", column, err, db.Stats().InUse)
			}
			exec("UPDATE bearer_accounts SET roles = '[]', scopes = '[]', profile = NULL, time_zone = ''")
		}

		ended, cancel := context.WithCancel(t.Context())
		cancel()
		for what, err := range everyCall(ended, a) {
			expect(what+" with a context that has ended", err)
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s with a context that has ended: %v, want context.Canceled", what, err)
			}
		}
		exec("ALTER TABLE bearer_accounts RENAME TO gone")
		for what, err := range everyCall(t.Context(), a) {
			expect(what+" without the table", err)
		}
		exec("ALTER TABLE gone RENAME TO bearer_accounts")
		for what, err := range everyCall(t.Context(), a) {
			if err != nil {
				t.Errorf("%s with the table again: %v", what, err)
			}
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
		if _, err := a.Lookup(t.Context(), marker); err == nil {
			t.Error("Lookup after Close: no error")
		}
		if err := db.PingContext(t.Context()); err != nil {
			t.Errorf("Close closes the database: %v", err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		for what, err := range everyCall(t.Context(), a) {
			expect(what+" after Close of the database", err)
		}
	})
}

// A login that no account can have is unknown, and no fault of the database's.
func TestTextThatNoAccountHas(t *testing.T) {
	databases(t, func(t *testing.T, d database) {
		a := d.accounts(t)
		for _, text := range []string{"\x00", "tom\x00", "\xff", ""} {
			if _, err := a.Lookup(t.Context(), text); !errors.Is(err, accounts.ErrNotFound) {
				t.Errorf("Lookup(%q): %v, want ErrNotFound", text, err)
			}
			if err := a.Update(t.Context(), text, func(*accounts.Record) error { return nil }); !errors.Is(err, accounts.ErrNotFound) {
				t.Errorf("Update(%q): %v, want ErrNotFound", text, err)
			}
			if err := a.UpgradeHash(t.Context(), text, text, "hash"); err != nil {
				t.Errorf("UpgradeHash(%q): %v", text, err)
			}
		}
		if list, err := a.List(t.Context(), "", -1); list != nil || err != nil {
			t.Errorf("List of -1: %v, %v", list, err)
		}
	})
}

// A profile that is null would become a usr claim.
func TestANullProfileIsNone(t *testing.T) {
	databases(t, func(t *testing.T, d database) {
		a := d.accounts(t)
		for i, profile := range []any{nil, jsontext.Value("null"), (*struct{})(nil)} {
			r := marked(strings.Repeat("x", i+1))
			r.Profile = profile
			if err := a.Create(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			if got, err := a.Lookup(t.Context(), r.Login); err != nil || got.Profile != nil {
				t.Errorf("%T: %q, %v", profile, got.Profile, err)
			}
		}
	})
}

// Operators may ask when an account was made and written last.
func TestInstantsAreKept(t *testing.T) {
	databases(t, func(t *testing.T, d database) {
		db := d.open(t)
		a := accountsOf(t, db, d.dialect)
		past, isNow := "now() - interval '1 day'", "abs(extract(epoch FROM now() - %)) < 60"
		if d.dialect == bearersql.SQLite {
			past, isNow = "unixepoch() - 86400", "abs(unixepoch() - %) < 60"
		}
		recent := func(column string) bool {
			t.Helper()
			var is bool
			query := "SELECT count(*) = 1 FROM bearer_accounts WHERE " + strings.ReplaceAll(isNow, "%", column)
			if err := db.QueryRowContext(t.Context(), query).Scan(&is); err != nil {
				t.Fatal(err)
			}
			return is
		}
		if err := a.Create(t.Context(), marked("tom")); err != nil {
			t.Fatal(err)
		}
		if !recent("created_at") || !recent("updated_at") {
			t.Error("Create keeps no instant")
		}
		for what, write := range map[string]func() error{
			"Update":      func() error { return a.Update(t.Context(), "tom", func(*accounts.Record) error { return nil }) },
			"UpgradeHash": func() error { return a.UpgradeHash(t.Context(), "id-tom", marker, marker) },
		} {
			if _, err := db.ExecContext(t.Context(), "UPDATE bearer_accounts SET created_at = "+past+", updated_at = "+past); err != nil {
				t.Fatal(err)
			}
			if err := write(); err != nil {
				t.Fatal(err)
			}
			if recent("created_at") || !recent("updated_at") {
				t.Errorf("%s: created_at is set: %t, updated_at: %t", what, recent("created_at"), recent("updated_at"))
			}
		}
	})
}

// Whoever waits for another writer waits no longer than its context, and nobody
// waits in order to read.
func TestALockedDatabaseHoldsNobodyLongerThanTheContext(t *testing.T) {
	databases(t, func(t *testing.T, d database) {
		a := d.accounts(t)
		if err := a.Create(t.Context(), marked(marker)); err != nil {
			t.Fatal(err)
		}
		locker := d.open(t)
		tx, err := locker.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Rollback() }()
		for _, query := range []string{
			"UPDATE bearer_accounts SET name = 'locked'",
			"INSERT INTO bearer_accounts SELECT '" + marker + marker + "', 'id-2', user_name, name, email, website, dns, locale, culture, " +
				"time_zone, roles, scopes, profile, password_hash, private_token, disabled, created_at, updated_at FROM bearer_accounts",
		} {
			if _, err := tx.ExecContext(t.Context(), query); err != nil {
				t.Fatal(err)
			}
		}
		for what, write := range map[string]func(context.Context) error{
			"Create":      func(ctx context.Context) error { return a.Create(ctx, marked(marker+marker)) },
			"UpgradeHash": func(ctx context.Context) error { return a.UpgradeHash(ctx, "id-"+marker, marker, marker+marker) },
			"Update": func(ctx context.Context) error {
				return a.Update(ctx, marker, func(*accounts.Record) error { return nil })
			},
		} {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			if err := write(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v, want context.DeadlineExceeded", what, err)
			}
			cancel()
		}
		if r, err := a.Lookup(t.Context(), marker); err != nil || r.Name != marker {
			t.Errorf("Lookup meanwhile: %v, %v", r, err)
		}
		if list, err := a.List(t.Context(), "", 10); err != nil || len(list) != 1 {
			t.Errorf("List meanwhile: %v, %v", list, err)
		}
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
		for what, err := range everyCall(t.Context(), a) {
			if err != nil {
				t.Errorf("%s afterwards: %v", what, err)
			}
		}
	})
}

// Writers of one program stand in line.
func TestAWriterWaitsForAnotherNoLongerThanTheContext(t *testing.T) {
	databases(t, func(t *testing.T, d database) {
		a := d.accounts(t)
		if err := a.Create(t.Context(), marked(marker)); err != nil {
			t.Fatal(err)
		}
		update := func(ctx context.Context, change func()) error {
			return a.Update(ctx, marker, func(*accounts.Record) error {
				change()
				return nil
			})
		}
		err := update(t.Context(), func() {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			done := make(chan error, 1)
			go func() { done <- update(ctx, func() { t.Error("two at a time") }) }()
			if err := <-done; !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v, want context.DeadlineExceeded", err)
			}
		})
		if err != nil {
			t.Error(err)
		}
		if err := update(t.Context(), func() {}); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

func TestSQLiteDSN(t *testing.T) {
	folder := t.TempDir()
	t.Chdir(folder)
	for _, name := range []string{"plain.db", "a b.db", "100%.db", "%41.db", "a?b=c.db", "a#b.db", "a&_journal_mode=OFF.db", `'"\.db`, "ü😀.db", "-.db", "a;b+c.db"} {
		for _, path := range []string{name, filepath.Join(folder, "absolute "+name), "/" + filepath.Join(folder, "double "+name)} {
			db, err := sql.Open("sqlite", bearersql.SQLiteDSN(path))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			if _, err := db.ExecContext(t.Context(), "CREATE TABLE t (x)"); err != nil {
				t.Errorf("%s: %v", path, err)
				continue
			}
			if _, err := os.Stat(path); err != nil {
				t.Errorf("no file: %v", err)
			}
		}
	}

	// Each connection of the pool has the settings.
	db := sqliteFile(t).open(t)
	for range 3 {
		c, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "5000"} {
			var got string
			if err := c.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
				t.Errorf("%s: %s, %v, want %s", pragma, got, err, want)
			}
		}
	}
	first, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = first.Rollback() }()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := db.BeginTx(ctx, nil); err == nil {
		t.Error("two transactions begin as writers")
	}
}
