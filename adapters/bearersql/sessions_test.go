package bearersql_test

import (
	"database/sql"
	"testing"
	"time"

	"github.com/gobearer/bearer/adapters/bearersql"
	"github.com/gobearer/bearer/bearertest"
	"github.com/gobearer/bearer/refresh"
)

// patient is for machines that are busy with other tests.
var patient = bearersql.WithTimeouts(10*time.Second, 10*time.Second)

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
