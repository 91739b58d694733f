// Jwks measures what clients of JWK sets do when the key server, or somebody
// with forged tokens, misbehaves: this module's keys.Remote and its peers. Run
// it from the folder bench; it takes about three minutes, sends nothing beyond the
// loopback interface, and prints Markdown:
//
//	GOWORK=off go run ./jwks
//
// Figures are of one run, and those below a tenth of a second depend on the
// machine. What it does NOT measure: speed, discovery, https.
package main

import (
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"time"
)

// bodies is the transport of every client.
var bodies = newMeter()

func main() {
	log.SetFlags(0)
	quiet()
	start := time.Now()
	if err := report(os.Stdout, full); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("\nIt took %s.\n", seconds(time.Since(start)))
}

// quiet silences what clients log of the faults, and puts the meter in place.
func quiet() {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	http.DefaultTransport = bodies
}

// report measures everything and prints it.
func report(w io.Writer, sc scale) error {
	table, err := measure(sc)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "Made by `GOWORK=off go run ./jwks` in `bench/`, with %s on %s/%s, %d CPUs.\n\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	header := []string{"fault"}
	for _, c := range clients {
		header = append(header, c.name)
	}
	printRow(w, header)
	printRow(w, strings.Split(strings.Repeat("---,", len(header)-1)+"---", ","))
	for _, row := range table {
		printRow(w, row)
	}
	fmt.Fprintf(w, "\nHow each was set up:\n\n")
	printRow(w, []string{"client", "version", "fetches again", "set-up"})
	printRow(w, []string{"---", "---", "---", "---"})
	for _, c := range clients {
		printRow(w, []string{c.name, version(c.module), c.refresh, c.notes})
	}
	return nil
}

// measure fills the table. Rows come after one another, since their loads share
// the CPUs; the clients of a row run beside each other, most of the time idle.
// Rows that measure the process come first: some clients cannot be stopped.
func measure(sc scale) ([][]string, error) {
	rows := faults(sc)
	table := make([][]string, len(rows))
	for _, alone := range []bool{true, false} {
		for i, f := range rows {
			if f.alone != alone {
				continue
			}
			cells, err := f.row(sc)
			if err != nil {
				return nil, err
			}
			table[i] = append([]string{f.name}, cells...)
		}
	}
	return table, nil
}

func (f fault) row(sc scale) ([]string, error) {
	cells, errs := make([]string, len(clients)), make([]error, len(clients))
	var wg sync.WaitGroup
	for i, c := range clients {
		wg.Go(func() {
			if cells[i], errs[i] = f.measure(c, sc); errs[i] != nil {
				errs[i] = fmt.Errorf("%s: %s: %w", f.name, c.name, errs[i])
			}
		})
		if f.alone {
			wg.Wait()
		}
	}
	wg.Wait()
	return cells, errors.Join(errs...)
}

func printRow(w io.Writer, cells []string) { fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | ")) }

// version is that of a module in this program.
func version(module string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, m := range info.Deps {
		switch {
		case m.Path == module && m.Replace != nil:
			return "this repository"
		case m.Path == module:
			return m.Version
		}
	}
	return "unknown"
}
