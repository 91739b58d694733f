package bearersql

import (
	"database/sql"
	"fmt"
	"strings"

	"github.com/pressly/goose/v3"
)

// A Dialect is a kind of database.
type Dialect string

// The dialects. Their drivers are the caller's to import.
const (
	SQLite     Dialect = "sqlite"     // 3.38 or later; tested with modernc.org/sqlite
	PostgreSQL Dialect = "postgresql" // tested with github.com/jackc/pgx/v5/stdlib
)

// A dialect is what differs between databases.
type dialect struct {
	goose     goose.Dialect
	hasTable  string // a query for whether $1 is a table
	lock      string // takes the row of login $1 for the rest of the transaction, and returns it
	isolation sql.IsolationLevel
}

var dialects = map[Dialect]dialect{
	SQLite: {
		goose:    goose.DialectSQLite3,
		hasTable: `SELECT count(*) > 0 FROM sqlite_master WHERE type = 'table' AND name = $1`,
		// A write first: a transaction that began as a reader, as they do without
		// _txlock=immediate, fails where another has written meanwhile.
		lock: `UPDATE bearer_accounts SET login = login WHERE login = $1 RETURNING ` + accountColumns,
	},
	PostgreSQL: {
		goose:    goose.DialectPostgres,
		hasTable: `SELECT to_regclass($1) IS NOT NULL`,
		lock:     `SELECT ` + accountColumns + ` FROM bearer_accounts WHERE login = $1 FOR UPDATE`,
		// At higher levels, which a server may be set to, one of two writers fails
		// instead of waiting.
		isolation: sql.LevelReadCommitted,
	},
}

func (d Dialect) lookup() (dialect, error) {
	found, ok := dialects[d]
	if !ok {
		return dialect{}, fmt.Errorf("bearersql: the dialect %q is neither SQLite nor PostgreSQL", string(d))
	}
	return found, nil
}

// sqliteQuery spells a query of PostgreSQL's as SQLite does.
var sqliteQuery = strings.NewReplacer("$", "?", "floor(extract(epoch FROM now()))::bigint", "unixepoch()", "now()", "unixepoch()", "greatest(", "max(", "= ANY (ARRAY(", "IN (", " FOR UPDATE SKIP LOCKED))", ")")

// query spells a constant query as d does.
func (d Dialect) query(text string) string {
	if d == SQLite {
		return sqliteQuery.Replace(text)
	}
	return text
}
