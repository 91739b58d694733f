// Accounts administers the accounts of a token endpoint, in SQLite or PostgreSQL.
//
//	accounts [-db file | -db postgres://...] create NAME [ROLE...]   reads the password from stdin, prints the private token
//	accounts [...] password NAME                                     reads the new password from stdin
//	accounts [...] token NAME                                        prints a new private token; the old one is void
//	accounts [...] disable NAME
//	accounts [...] enable NAME
//	accounts [...] list
//
// Passwords are not arguments, which every user of the machine can read.
package main

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/accounts"
	"github.com/gobearer/bearer/adapters/bearersql"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "accounts:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("usage: accounts [-db file|postgres://...] create|password|token|disable|enable NAME [ROLE...], or list")

func run(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	flags := flag.NewFlagSet("accounts", flag.ContinueOnError)
	where := flags.String("db", "accounts.db", "an SQLite file, or a postgres:// address")
	if err := flags.Parse(args); err != nil {
		return err
	}
	command, name, roles := flags.Arg(0), flags.Arg(1), []string(nil)
	if flags.NArg() > 2 {
		roles = flags.Args()[2:]
	}
	if (name == "") != (command == "list") || roles != nil && command != "create" {
		return errUsage
	}
	db, dialect, err := open(*where)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := bearersql.Migrate(ctx, db, dialect); err != nil {
		return err
	}
	store, err := bearersql.NewAccounts(ctx, db, dialect)
	if err != nil {
		return err
	}
	defer store.Close()
	admin := accounts.Admin{Store: store}
	switch command {
	case "create":
		password, err := readPassword(in)
		if err != nil {
			return err
		}
		return printToken(out)(admin.Create(ctx, bearer.Account{UserName: name, Name: name, Locale: "en-US", Roles: roles}, password))
	case "password":
		password, err := readPassword(in)
		if err != nil {
			return err
		}
		return admin.SetPassword(ctx, name, password)
	case "token":
		return printToken(out)(admin.ReplacePrivateToken(ctx, name))
	case "disable", "enable":
		return admin.SetDisabled(ctx, name, command == "disable")
	case "list":
		return list(ctx, admin, out)
	}
	return errUsage
}

func open(where string) (*sql.DB, bearersql.Dialect, error) {
	if strings.HasPrefix(where, "postgres://") || strings.HasPrefix(where, "postgresql://") {
		db, err := sql.Open("pgx", where)
		return db, bearersql.PostgreSQL, err
	}
	// A file that the driver makes could be read by others.
	f, err := os.OpenFile(where, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, "", err
	}
	f.Close()
	db, err := sql.Open("sqlite", bearersql.SQLiteDSN(where))
	return db, bearersql.SQLite, err
}

// readPassword reads one line.
func readPassword(in io.Reader) (string, error) {
	line, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return strings.TrimRight(line, "\r\n"), nil
}

func printToken(out io.Writer) func(token string, err error) error {
	return func(token string, err error) error {
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(out, "private token, shown this once:", token)
		return err
	}
}

func list(ctx context.Context, admin accounts.Admin, out io.Writer) error {
	for r, err := range admin.List(ctx) {
		if err != nil {
			return err
		}
		state := "enabled"
		if r.Disabled {
			state = "disabled"
		}
		scheme := "unusable"
		if s, err := accounts.SchemeOf(r.PasswordHash); err == nil {
			scheme = s.String()
		}
		if _, err := fmt.Fprintf(out, "%s\t%s\t%s\t%s\t%s\n", r.UserName, r.ID, state, strings.Join(r.Roles, ","), scheme); err != nil {
			return err
		}
	}
	return nil
}
