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
	"log/slog"
	"net/http"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/gobearer/bearer/bench/internal/page"
)

// bodies is the transport of every client.
var bodies = newMeter()

func main() {
	quiet()
	start := time.Now()
	if err := report(os.Stdout, full); err != nil {
		fmt.Fprintln(os.Stderr, err) // log is silent by then
		os.Exit(1)
	}
	fmt.Printf("\nIt took %s.\n", seconds(time.Since(start)))
}

// quiet silences what clients log of the faults, by slog and by log, and puts the meter in place.
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
	page.Row(w, header...)
	page.Row(w, slices.Repeat([]string{"---"}, len(header))...)
	for _, row := range table {
		page.Row(w, row...)
	}
	fmt.Fprintf(w, "\nHow each was set up:\n\n")
	page.Row(w, "client", "version", "fetches again", "set-up")
	page.Row(w, "---", "---", "---", "---")
	for _, c := range clients {
		page.Row(w, c.name, page.Version(c.module), c.refresh, c.notes)
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
