// Package bearersql keeps what package bearer needs in a database: accounts,
// revocations and refresh tokens, on SQLite and on PostgreSQL.
//
// The package imports no driver. [Migrate] makes and upgrades the schema: tables
// whose names begin with bearer_, in the database file, or in the first schema of
// the connection's search_path. [NewAccounts] refuses any other version than its
// own.
//
// On SQLite one file serves the processes of one machine, and one writer at a time;
// open it with [SQLiteDSN]. On PostgreSQL the database's encoding has to be UTF8,
// and as many connections are opened as there are calls at a time, unless
// db.SetMaxOpenConns says otherwise.
package bearersql
