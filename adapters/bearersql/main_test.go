package bearersql_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/gobearer/bearer/adapters/bearersql"
)

// children are what the test binary does instead of the tests, in a process that
// can be killed. They are given the file's path and one more argument.
var children = map[string]func(path, argument string) error{
	"migrate": func(path, _ string) error {
		db, err := sql.Open("sqlite", bearersql.SQLiteDSN(path))
		if err != nil {
			return err
		}
		defer db.Close()
		return bearersql.Migrate(context.Background(), db, bearersql.SQLite)
	},
	"write": writeToFile,
}

const childVariable = "BEARERSQL_TEST_CHILD"

func TestMain(m *testing.M) {
	name, arguments, ok := strings.Cut(os.Getenv(childVariable), "\n")
	if !ok {
		os.Exit(m.Run())
	}
	path, argument, _ := strings.Cut(arguments, "\n")
	if err := children[name](path, argument); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func child(t testing.TB, name, path, argument string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self)
	c.Env = append(os.Environ(), childVariable+"="+name+"\n"+path+"\n"+argument)
	c.Stderr = os.Stderr
	return c
}
