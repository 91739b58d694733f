//go:build unix

package bearersql_test

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gobearer/bearer/adapters/bearersql"
)

// A postgres is a server of the test's own, which it can kill.
type postgres struct {
	database
	programs, data string
	port           int
	owner          *syscall.SysProcAttr // it refuses to run as root
	log            *os.File
	server         *exec.Cmd
	exited         <-chan struct{}
	admin          *sql.Conn
}

func startPostgres(t testing.TB) *postgres {
	t.Helper()
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if path, lookErr := exec.LookPath("initdb"); lookErr == nil {
		found = append(found, path)
	}
	if err != nil || len(found) == 0 {
		t.Fatal("there is no initdb of PostgreSQL")
	}
	p := &postgres{programs: filepath.Dir(found[len(found)-1])}

	// Not t.TempDir, which only its owner may enter.
	folder, err := os.MkdirTemp("", "bearersql-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	p.data = filepath.Join(folder, "data")
	if os.Getuid() == 0 {
		p.owner = &syscall.SysProcAttr{Credential: credential(t, "postgres")}
		if err := os.Chown(folder, int(p.owner.Credential.Uid), int(p.owner.Credential.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	p.log, err = os.Create(filepath.Join(folder, "log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.log.Close() })
	// It syncs what it writes, as servers do that are not for tests.
	initdb := p.command("initdb", "-D", p.data, "-U", "bearer", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")
	if err := initdb.Run(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, p.logged())
	}

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.port = listener.Addr().(*net.TCPAddr).Port
	_ = listener.Close()
	p.database = database{bearersql.PostgreSQL, "pgx", fmt.Sprintf("postgres://bearer@127.0.0.1:%d/postgres?sslmode=disable", p.port)}
	p.start(t)
	t.Cleanup(func() {
		_ = p.server.Process.Signal(syscall.SIGQUIT) // at once
		<-p.exited
	})
	return p
}

func credential(t testing.TB, name string) *syscall.Credential {
	t.Helper()
	u, err := user.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

func (p *postgres) command(name string, arguments ...string) *exec.Cmd {
	c := exec.Command(filepath.Join(p.programs, name), arguments...)
	c.Dir, c.SysProcAttr, c.Stdout, c.Stderr = "/", p.owner, p.log, p.log
	return c
}

func (p *postgres) logged() []byte {
	text, _ := os.ReadFile(p.log.Name())
	return text
}

// start starts the server, again and again while what is left of the last one is
// in its way, until it answers.
func (p *postgres) start(t testing.TB) {
	t.Helper()
	db := p.open(t)
	db.SetMaxIdleConns(0)
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		p.server = p.command("postgres", "-D", p.data, "-p", strconv.Itoa(p.port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=")
		if err := p.server.Start(); err != nil {
			t.Fatal(err)
		}
		exited := make(chan struct{})
		p.exited = exited
		go func() {
			_ = p.server.Wait()
			close(exited)
		}()
		for running := true; running && time.Now().Before(deadline); {
			var err error
			if p.admin, err = db.Conn(t.Context()); err == nil {
				return
			}
			select {
			case <-exited:
				running = false
			case <-time.After(20 * time.Millisecond):
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("the server does not start\n%s", p.logged())
}

// kill leaves the server no time for anything: neither the one that accepts
// connections, nor those that serve them.
func (p *postgres) kill(t testing.TB) {
	t.Helper()
	// Stopped, it starts no more of them.
	if err := p.server.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	rows, err := p.admin.QueryContext(t.Context(), "SELECT pid FROM pg_stat_activity")
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for rows.Next() {
		var pid int
		if err := rows.Scan(&pid); err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	if err := rows.Err(); err != nil || len(pids) == 0 {
		t.Fatal(pids, err)
	}
	if err := p.server.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-p.exited
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended by itself
	}
	t.Logf("killed the server and %d processes of its", len(pids))
}

func TestPostgreSQLIsKilledAndRestarted(t *testing.T) {
	integration(t)
	server := startPostgres(t)
	a := server.accounts(t)
	e := newEndpoint(t, a, setUp(t, a))
	l := newLedger()
	crash(t, e, func(ctx context.Context) {
		var wg sync.WaitGroup
		for i := range writers {
			wg.Go(func() { write(ctx, a, i, 0, l.report) })
		}
		wg.Wait()
	}, func() {
		time.Sleep(crashTest / 3)
		server.kill(t)
		e.outage.Store(true)
		time.Sleep(crashTest / 6)
		e.outage.Store(false)
		started := time.Now()
		server.start(t)
		t.Logf("the server answers %v after its start", time.Since(started).Round(time.Millisecond))
		recovers(t, e, l, time.Now())
	})
	if e.inTheOutage.Load() == 0 {
		t.Error("nobody tried to log in during the outage: the test shows nothing")
	}
	t.Log(e.figures())
	l.check(t, a)
}
