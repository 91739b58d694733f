package bearersql_test

import (
	"bufio"
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobearer/bearer/adapters/bearersql"
)

// writeToFile is the process of the writers. It ends when it is killed.
func writeToFile(path, from string) error {
	n, err := strconv.Atoi(from)
	if err != nil {
		return err
	}
	db, err := sql.Open("sqlite", bearersql.SQLiteDSN(path))
	if err != nil {
		return err
	}
	a, err := bearersql.NewAccounts(context.Background(), db, bearersql.SQLite)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			write(context.Background(), a, i, n, func(line string) {
				mu.Lock()
				defer mu.Unlock()
				_, _ = os.Stdout.WriteString(line + "\n")
			})
		})
	}
	wg.Wait()
	return nil
}

// A file has no server: what is killed is a process that writes to it, in the
// middle of eight writes, while another reads.
func TestSQLiteWritersAreKilledAndRestarted(t *testing.T) {
	integration(t)
	path := filepath.Join(t.TempDir(), "bearer.db")
	d := database{bearersql.SQLite, "sqlite", bearersql.SQLiteDSN(path)}
	a := d.accounts(t)
	e := newEndpoint(t, a, setUp(t, a))
	l := newLedger()

	// run starts the writers, and returns what kills them.
	run := func(generation int) (kill func()) {
		c := child(t, "write", path, strconv.Itoa(generation*1_000_000))
		output, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		read := make(chan struct{})
		go func() {
			defer close(read)
			lines := bufio.NewReader(output)
			for {
				line, err := lines.ReadString('\n')
				if err != nil {
					return // of half a line
				}
				l.report(strings.TrimSuffix(line, "\n"))
			}
		}()
		kill = func() {
			_ = c.Process.Kill()
			<-read
			_ = c.Wait()
		}
		t.Cleanup(kill) // if the test ends before it does
		return kill
	}
	crash(t, e, func(context.Context) {}, func() {
		for start, generation := time.Now(), 0; generation < 2 || time.Since(start) < crashTest; generation++ {
			started := time.Now()
			kill := run(generation)
			recovers(t, e, l, started)
			time.Sleep(crashTest / 10)
			kill()
		}
	})
	t.Log(e.figures())
	l.check(t, a)

	// As another process finds it.
	db := d.open(t)
	var integrity string
	if err := db.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&integrity); err != nil || integrity != "ok" {
		t.Errorf("%s, %v", integrity, err)
	}
	l.check(t, accountsOf(t, db, d.dialect))
}
