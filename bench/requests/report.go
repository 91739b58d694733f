package main

import (
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/gobearer/bearer/bench/internal/page"
)

// report prints the page that is bench/requests.md.
func report(w io.Writer, o options, all []*scenario, found []finding, took time.Duration) {
	fmt.Fprintf(w, "# What an authenticated request costs\n\n")
	fmt.Fprintf(w, "Made by `%s` in `bench/`, with %s on %s/%s, %d CPUs (%s): %d rounds, each with a sample of %s of every row by one goroutine and one by two, "+
		"rows in turn. It took %s.\n\n", o.command(), runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), processor(),
		o.rounds, o.time, took.Round(time.Second))
	if o.svg != "" {
		fmt.Fprintf(w, "![The rows of the smaller payload as bars](%s)\n\n", filepath.Base(o.svg))
	}
	fmt.Fprint(w, preface)
	fmt.Fprintf(w, "\n## In short\n\n")
	page.Row(w, "request", "bearer", "spread", "/ B", "/ best peer", "best peer", "/ floor", "allocations", "bytes", "two cores")
	printRule(w, 10)
	for _, s := range all {
		for _, r := range s.rows {
			if r.kind == own {
				page.Row(w, append([]string{s.title() + suffix(r)}, s.cells(r, s.bestPeer().name)...)...)
			}
		}
	}
	if len(found) > 0 {
		fmt.Fprintf(w, "\n## %s\n\n", memoryTitle)
		page.Row(w, "situation", "what was found")
		page.Row(w, "---", "---")
		for _, f := range found {
			page.Row(w, f.situation, f.found)
		}
	}
	for _, s := range all {
		fmt.Fprintf(w, "\n## %s\n\n", strings.ToUpper(s.title()[:1])+s.title()[1:])
		page.Row(w, "", "time", "spread", "/ B", "/ best peer", "/ floor", "allocations", "bytes", "two cores")
		printRule(w, 9)
		rows := slices.SortedStableFunc(slices.Values(s.rows), func(a, b *row) int { return cmp.Compare(a.summary().time, b.summary().time) })
		for _, r := range rows {
			name := r.name
			if r.wrong != "" {
				name += " (" + r.wrong + ")"
			}
			if r.kind == own {
				name = "**" + name + "**"
			}
			page.Row(w, append([]string{name}, s.cells(r)...)...)
		}
	}
	fmt.Fprintf(w, "\n## How each was set up\n\n")
	page.Row(w, "", "version", "set-up", "strict, besides")
	page.Row(w, "---", "---", "---", "---")
	for _, c := range contestants {
		version := runtime.Version()
		if c.module != "" {
			version = page.Version(c.module)
		}
		page.Row(w, c.name, version, c.documented, c.strict)
	}
}

const preface = `Every row is a whole request: a router or handler chain, the middleware, a handler that reads two claims and writes them, into a request
and a writer that are used again. The run fails unless every answer was right: 200 and these two claims, or a refusal by a handler that did not run.
Refusals that are neither 400 nor 401 are measured, and marked.

- B is the row golang-jwt. Peers are there as their documentation has it, and with every check that they offer (strict).
- Times are medians, spread is that of the slowest sample and the fastest. Two cores: how many times as much two goroutines do as one.
- The collector runs before each sample and at GOGC=1000, so that hardly any of its work is in the times: look at the bytes.
- Never seen before: a new middleware for every 2048 tokens, each sent once. Seen before: 256 tokens in rotation.
- Key sets are in memory: no row waits for a network.
`

// suffix is what is behind "bearer" in the name of a row.
func suffix(r *row) string { return strings.TrimPrefix(r.name, "bearer") }

// cells are the figures of a row; besides is put behind the ratio to the best peer.
func (s *scenario) cells(r *row, besides ...string) []string {
	f := r.summary()
	cells := []string{short(f.time), fmt.Sprintf("%.0f %%", 100*f.spread), r.ratio(s.baseline()), r.ratio(s.bestPeer())}
	cells = append(cells, besides...)
	return append(cells, r.ratio(s.floor()), fmt.Sprintf("%.0f", f.allocs), fmt.Sprintf("%.0f", f.bytes), fmt.Sprintf("%.2f", f.cores))
}

func printRule(w io.Writer, n int) {
	page.Row(w, append([]string{"---"}, slices.Repeat([]string{"---:"}, n-1)...)...)
}
