// Requests measures what an authenticated request costs: by this module's
// middleware, by its peers' and by what no middleware can go below. Run it from
// the folder bench; it takes about twenty minutes and prints Markdown:
//
//	GOWORK=off go run ./requests
//
// What it does NOT measure: networks, key sets that have to be fetched,
// authenticators.
package main

import (
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

type options struct {
	rounds  int
	time    time.Duration
	run     string
	md, svg string
}

func main() {
	var o options
	flag.IntVar(&o.rounds, "rounds", 12, "how often each row is measured")
	flag.DurationVar(&o.time, "time", 60*time.Millisecond, "how long a sample is")
	flag.StringVar(&o.run, "run", "", "a regular expression of the tables to make; empty: all")
	flag.StringVar(&o.md, "md", "", "the file for the page; empty: standard output")
	flag.StringVar(&o.svg, "svg", "", "the file for the picture; empty: none")
	flag.Parse()
	if flag.NArg() > 0 || o.rounds < 1 || o.time <= 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, err) // log is silent by then
		os.Exit(1)
	}
}

func run(o options) error {
	quiet()
	// At the default the spread is a multiple: collections are rare, and those
	// that there are hit one row or another.
	debug.SetGCPercent(1000)
	begin := time.Now()
	match, err := regexp.Compile(o.run)
	if err != nil {
		return err
	}
	all, err := scenarios(full)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(s *scenario) bool { return !match.MatchString(s.title()) })
	if err := measure(all, o, os.Stderr); err != nil {
		return err
	}
	if err := write(o.svg, func(w io.Writer) { draw(w, all) }); err != nil {
		return err
	}
	var found []finding
	if match.MatchString(memoryTitle) {
		if found, err = findings(full); err != nil {
			return err
		}
	}
	page := func(w io.Writer) { report(w, o, all, found, time.Since(begin)) }
	if o.md == "" {
		page(os.Stdout)
		return nil
	}
	return write(o.md, page)
}

// quiet silences what contestants log of forged tokens, by slog and by log.
func quiet() { slog.SetDefault(slog.New(slog.DiscardHandler)) }

// measure fills the tables. Rounds are outermost and begin with another row each
// time: whatever slows the machine down for a while slows down every row.
func measure(all []*scenario, o options, progress io.Writer) error {
	if len(all) == 0 {
		return nil
	}
	for _, s := range all {
		for _, r := range s.rows {
			if err := r.prepare(); err != nil {
				return fmt.Errorf("%s: %w", s.title(), err)
			}
		}
	}
	for round := range o.rounds {
		fmt.Fprintf(progress, "round %d of %d\n", round+1, o.rounds)
		for _, s := range all {
			for i := range s.rows {
				if err := s.rows[(i+round)%len(s.rows)].measure(o.time); err != nil {
					return fmt.Errorf("%s: %w", s.title(), err)
				}
			}
		}
	}
	return nil
}

// write makes a file; without a name it does nothing.
func write(name string, content func(io.Writer)) error {
	if name == "" {
		return nil
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	content(f)
	return f.Close()
}

// command is how the page is made again.
func (o options) command() string {
	command := "GOWORK=off go run ./requests"
	flag.Visit(func(f *flag.Flag) { command += " -" + f.Name + " " + f.Value.String() })
	return command
}

// processor is the name that Linux gives it.
func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}
