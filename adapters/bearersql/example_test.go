package bearersql_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/accounts"
	"github.com/gobearer/bearer/adapters/bearersql"
	_ "modernc.org/sqlite"
)

// An embedded file for one machine. On PostgreSQL two lines differ:
//
//	db, err := sql.Open("pgx", "postgres://app@db.example/app") // import _ "github.com/jackc/pgx/v5/stdlib"
//	const dialect = bearersql.PostgreSQL
func Example() {
	ctx := context.Background()
	folder, err := os.MkdirTemp("", "example-*") // for its owner alone, as the file in it has to be
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)

	db, err := sql.Open("sqlite", bearersql.SQLiteDSN(filepath.Join(folder, "bearer.db")))
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	const dialect = bearersql.SQLite

	// At each start: it does nothing where the schema is of this version.
	if err := bearersql.Migrate(ctx, db, dialect); err != nil {
		log.Fatal(err)
	}
	store, err := bearersql.NewAccounts(ctx, db, dialect)
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()

	admin := accounts.Admin{Store: store}
	token, err := admin.Create(ctx, bearer.Account{UserName: "Tom", Roles: []string{"clerk"}}, "correct horse battery staple")
	if err != nil {
		log.Fatal(err)
	}
	_, err = admin.Create(ctx, bearer.Account{UserName: "tom"}, "another good password")
	fmt.Println(errors.Is(err, accounts.ErrExists))

	// What bearer.NewIssuer takes.
	authenticator, err := accounts.New(store)
	if err != nil {
		log.Fatal(err)
	}
	account, err := authenticator.Authenticate(ctx, bearer.Credentials{UserName: "TOM", Password: "correct horse battery staple", PrivateToken: token})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(account.UserName, account.Roles)
	// Output:
	// true
	// Tom [clerk]
}
