package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	quiet()
	os.Exit(m.Run())
}

// A small scale runs the code of every row and says little about the clients.
var small = scale{
	tokens: 20, span: 200 * time.Millisecond, interval: 100 * time.Millisecond, flap: 20 * time.Millisecond,
	patience: 300 * time.Millisecond, outage: 100 * time.Millisecond, drip: 300 * time.Millisecond,
	large: 2, callers: 5, slow: 100 * time.Millisecond, ready: 30 * time.Second,
}

func TestReport(t *testing.T) {
	var out bytes.Buffer
	if err := report(&out, small); err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + out.String())
	rows, ours := 0, make(map[string]string)
	for line := range strings.Lines(out.String()) {
		cells := strings.Split(line, " | ")
		if len(cells) != 1+len(clients) {
			continue
		}
		rows++
		for i, cell := range cells {
			if strings.TrimSpace(cell) == "" {
				t.Errorf("empty cell %d in %s", i, line)
			}
		}
		ours[strings.TrimPrefix(cells[0], "| ")] = cells[1]
	}
	if want := len(faults(small)) + 2; rows != want {
		t.Errorf("%d rows, want %d", rows, want)
	}
	// Those of our figures that no scale changes, so that a program which
	// measures nothing does not pass.
	for row, want := range map[string]string{
		"Redirect to another host":                                  "not followed",
		"A post-quantum key (`AKP`, ML-DSA-44) beside the good one": "good tokens accepted",
		"5 first tokens at once":                                    "1 fetch, 0 of 5 refused",
	} {
		if ours[row] != want {
			t.Errorf("%s: %q, want %q", row, ours[row], want)
		}
	}
}
