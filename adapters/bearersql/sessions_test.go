package bearersql_test

import (
	"crypto/rand"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/adapters/bearersql"
	"github.com/gobearer/bearer/bearertest"
	"github.com/gobearer/bearer/refresh"
)

// patient is for machines that are busy with other tests.
var patient = bearersql.WithTimeouts(time.Minute, time.Minute)

func TestRevocationsConform(t *testing.T) {
	bearertestSuites(t, func(t *testing.T, open func(t *testing.T) (*sql.DB, bearersql.Dialect)) {
		bearertest.RevocationStore(t, func(t *testing.T) bearertest.Revoker {
			db, d := open(t)
			r, err := bearersql.NewRevocations(t.Context(), db, d, patient)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = r.Close() })
			return r
		})
	})
}

func TestRefreshTokensConform(t *testing.T) {
	bearertestSuites(t, func(t *testing.T, open func(t *testing.T) (*sql.DB, bearersql.Dialect)) {
		bearertest.RefreshStore(t, func(t *testing.T) refresh.Store {
			db, d := open(t)
			r, err := bearersql.NewRefreshTokens(t.Context(), db, d, patient)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = r.Close() })
			return r
		})
	})
}

// bearertestSuites opens a migrated database for each case of a suite.
func bearertestSuites(t *testing.T, suite func(t *testing.T, open func(t *testing.T) (*sql.DB, bearersql.Dialect))) {
	opener := func(empty func(t *testing.T) database) func(t *testing.T) (*sql.DB, bearersql.Dialect) {
		return func(t *testing.T) (*sql.DB, bearersql.Dialect) {
			d := empty(t)
			db := d.open(t)
			if err := bearersql.Migrate(t.Context(), db, d.dialect); err != nil {
				t.Fatal(err)
			}
			return db, d.dialect
		}
	}
	t.Run(string(bearersql.SQLite), func(t *testing.T) { suite(t, opener(sqliteFile)) })
	t.Run(string(bearersql.PostgreSQL), func(t *testing.T) {
		postgresDSN(t)
		suite(t, opener(postgresSchema))
	})
}

// What is outlived goes a few rows at a time, so that no backlog stops a call; what
// is not stays. A row that another call holds is left to that.
func TestWhatIsOutlivedGoesInSmallSteps(t *testing.T) {
	const backlog, live = 250, 20
	bearertestSuites(t, func(t *testing.T, open func(t *testing.T) (*sql.DB, bearersql.Dialect)) {
		db, d := open(t)
		fill := func(query string, n int, at int64) {
			if d == bearersql.SQLite {
				query = strings.ReplaceAll(query, "$", "?")
			}
			for range n {
				id := make([]byte, 32)
				rand.Read(id)
				if _, err := db.ExecContext(t.Context(), query, id, at); err != nil {
					t.Fatal(err)
				}
			}
		}
		check := func(table string, want int) {
			t.Helper()
			var n int
			if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil || n != want {
				t.Errorf("%d rows in %s, %v, want %d", n, table, err, want)
			}
		}
		now := time.Now()
		t.Run("revocations", func(t *testing.T) {
			r, err := bearersql.NewRevocations(t.Context(), db, d, patient)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			const query = "INSERT INTO bearer_revocations (entry, before, until) VALUES ($1, 0, $2)"
			fill(query, backlog, now.Add(-time.Hour).Unix())
			fill(query, live, now.Add(time.Hour).Unix())
			held := 0
			if d == bearersql.PostgreSQL { // SQLite has one writer
				tx, err := db.BeginTx(t.Context(), nil)
				if err != nil {
					t.Fatal(err)
				}
				defer tx.Rollback()
				if _, err := tx.ExecContext(t.Context(), "SELECT entry FROM bearer_revocations ORDER BY until LIMIT 1 FOR UPDATE"); err != nil {
					t.Fatal(err)
				}
				held = 1
			}
			for n, left := range []int{150, 50, held, held} {
				if err := r.Revoke(t.Context(), bearer.Revocation{Issuer: "https://issuer.test", ID: fmt.Sprint(n), Until: now.Add(time.Hour)}); err != nil {
					t.Fatal(err)
				}
				check("bearer_revocations", left+live+n+1)
			}
		})
		t.Run("families", func(t *testing.T) {
			r, err := bearersql.NewRefreshTokens(t.Context(), db, d, patient)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			const query = "INSERT INTO bearer_refresh_families (id, data, created, expires, idle, generation, rotated, revoked) VALUES ($1, $1, 0, $2, 0, 0, 0, false)"
			fill(query, backlog, now.Add(-time.Hour).UnixMilli())
			fill(query, live, now.Add(time.Hour).UnixMilli())
			for n, left := range []int{150, 50, 0, 0} {
				f := refresh.Family{ID: [32]byte{byte(n)}, Data: []byte("x"), Created: now, Expires: now.Add(time.Hour), Idle: now.Add(time.Hour)}
				if err := r.Create(t.Context(), f); err != nil {
					t.Fatal(err)
				}
				check("bearer_refresh_families", left+live+n+1)
			}
		})
	})
}
