package revoked_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/gobearer/bearer/internal/revoked"
)

const issuer = "https://issuer.test"

var now = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

func token(id string, until time.Time) revoked.Entry {
	return revoked.Entry{Kind: revoked.Token, Issuer: issuer, ID: id, Until: until}
}

func TestNewEntry(t *testing.T) {
	until := now.Add(time.Hour)
	for _, tt := range []struct {
		name                 string
		id, session, subject string
		before               time.Time
		want                 revoked.Entry
		err                  error
	}{
		{"a token", "x", "", "", time.Time{}, revoked.Entry{Kind: revoked.Token, Issuer: issuer, ID: "x", Until: until}, nil},
		{"a session", "", "x", "", time.Time{}, revoked.Entry{Kind: revoked.Session, Issuer: issuer, ID: "x", Until: until}, nil},
		{"a subject", "", "", "x", now, revoked.Entry{Kind: revoked.Subject, Issuer: issuer, ID: "x", Before: now, Until: until}, nil},
		{"nothing", "", "", "", time.Time{}, revoked.Entry{}, revoked.ErrEntry},
		{"an instant alone", "", "", "", now, revoked.Entry{}, revoked.ErrEntry},
		{"a subject without an instant", "", "", "x", time.Time{}, revoked.Entry{}, revoked.ErrEntry},
		{"a token with an instant", "x", "", "", now, revoked.Entry{}, revoked.ErrEntry},
		{"a session with an instant", "", "x", "", now, revoked.Entry{}, revoked.ErrEntry},
		{"a token and a session", "x", "x", "", time.Time{}, revoked.Entry{}, revoked.ErrEntry},
		{"a token and a subject", "x", "", "x", now, revoked.Entry{}, revoked.ErrEntry},
		{"a session and a subject", "", "x", "x", now, revoked.Entry{}, revoked.ErrEntry},
		{"all three", "x", "x", "x", now, revoked.Entry{}, revoked.ErrEntry},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := revoked.NewEntry(issuer, tt.id, tt.session, tt.subject, tt.before, until)
			if got != tt.want || !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) {
				t.Errorf("%+v, %v, want %+v, %v", got, err, tt.want, tt.err)
			}
		})
	}
}

// Whoever mirrors a table elsewhere has to know what is news.
func TestAddReportsChanges(t *testing.T) {
	var table revoked.Table
	subject := func(before, until time.Duration) revoked.Entry {
		return revoked.Entry{Kind: revoked.Subject, Issuer: issuer, ID: "x", Before: now.Add(before), Until: now.Add(until)}
	}
	forever := subject(2*time.Hour, 0)
	forever.Until = time.Time{}
	for k, tt := range []struct {
		entry revoked.Entry
		want  bool
	}{
		{subject(0, time.Hour), true},
		{subject(0, time.Hour), false},
		{subject(-time.Hour, time.Minute), false},
		{subject(time.Hour, time.Minute), true},
		{subject(-time.Hour, 2*time.Hour), true},
		{subject(time.Hour, 2*time.Hour), false},
		{forever, true},
		{forever, false},
		{subject(0, 1000*time.Hour), false},
		{revoked.Entry{Kind: revoked.Token, Issuer: issuer, ID: "x"}, true},
		{revoked.Entry{Kind: revoked.Session, Issuer: issuer, ID: "x"}, true},
		{revoked.Entry{Kind: revoked.Token, Issuer: "https://other.test", ID: "x"}, true},
	} {
		if got := table.Add(tt.entry, now); got != tt.want {
			t.Errorf("%d: Add(%+v) reports %t", k, tt.entry, got)
		}
	}
	if table.Len() != 4 {
		t.Errorf("%d entries, want 4", table.Len())
	}
}

// Two tokens without a jti are not one token, whatever is in the table.
func TestEmptyNamesAreNobodys(t *testing.T) {
	var table revoked.Table
	for _, kind := range []revoked.Kind{revoked.Token, revoked.Session, revoked.Subject} {
		table.Add(revoked.Entry{Kind: kind, Issuer: issuer, Before: now}, now)
	}
	if table.Revoked(issuer, "", "", "", time.Time{}) {
		t.Error("revoked")
	}
}

// crowd makes every shard clean up at least once.
func crowd(table *revoked.Table, name string, now, until time.Time) {
	for n := range 40_000 {
		table.Add(token(fmt.Sprint(name, n), until), now)
	}
}

// An entry must be there for as long as a token of it may be accepted, and no
// server may grow by those that it took back long ago.
func TestEntriesAreDroppedAfterTheirEnd(t *testing.T) {
	ends := map[string]time.Time{
		"a whole second":  now.Add(time.Hour),
		"a fraction":      now.Add(time.Hour + 999*time.Millisecond),
		"extended":        now.Add(time.Hour),
		"and not shrunk":  now.Add(time.Hour),
		"never":           {},
		"before 1970":     time.Unix(-100, 0),
		"much later":      now.AddDate(10, 0, 0),
		"outlived at add": now.Add(-time.Hour),
	}
	var table revoked.Table
	table.Add(token("extended", now), now)
	for name, until := range ends {
		table.Add(token(name, until), now)
	}
	table.Add(token("and not shrunk", now.Add(-time.Hour)), now)
	is := func(name string) bool { return table.Revoked(issuer, name, "", "", now) }

	last := now.Add(time.Hour)
	crowd(&table, "first", last, last.Add(time.Minute))
	for name, want := range map[string]bool{
		"a whole second": true, "a fraction": true, "extended": true, "and not shrunk": true, "never": true, "much later": true,
		"before 1970": false, "outlived at add": false,
	} {
		if is(name) != want {
			t.Errorf("at its end: %s revoked: %t", name, !want)
		}
	}
	// Twice the number, so that all of the first is looked at again.
	after := last.Add(time.Hour)
	crowd(&table, "second", after, after.Add(time.Minute))
	crowd(&table, "third", after, after.Add(time.Minute))
	for name, want := range map[string]bool{"a whole second": false, "a fraction": false, "extended": false, "and not shrunk": false, "never": true, "much later": true} {
		if is(name) != want {
			t.Errorf("after its end: %s revoked: %t", name, !want)
		}
	}
	if n := table.Len(); n < 80_000 || n > 80_100 {
		t.Errorf("%d entries, want those of the two that live", n)
	}
	for round := range 10 {
		at := after.Add(time.Duration(round+1) * time.Hour)
		crowd(&table, fmt.Sprint(round), at, at.Add(time.Minute))
	}
	if n := table.Len(); n > 200_000 {
		t.Errorf("%d entries after ten more crowds, each of which outlived the one before", n)
	}
}

func TestTableIsSafeForConcurrentUse(t *testing.T) {
	var table revoked.Table
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for n := range 5000 {
				id := fmt.Sprint(w, ",", n)
				if table.Revoked(issuer, id, "", "", now) {
					t.Errorf("%s is revoked already", id)
				}
				table.Add(token(id, now.Add(time.Duration(n%3-1)*time.Hour)), now)
				if n%3 != 0 && !table.Revoked(issuer, id, "", "", now) {
					t.Errorf("%s is not revoked", id)
				}
			}
			table.Len()
		})
	}
	wg.Wait()
}

// filled holds n live entries: tokens, and some sessions and subjects.
func filled(n int) *revoked.Table {
	table := new(revoked.Table)
	for k := range n {
		e := token(name(k), now.Add(time.Hour))
		switch k % 10 {
		case 8:
			e.Kind = revoked.Session
		case 9:
			e.Kind, e.Before = revoked.Subject, now
		}
		table.Add(e, now)
	}
	return table
}

// name has the form of a jti.
func name(k int) string {
	return fmt.Sprintf("%08x-4fbd-491b-aeb8-%012x", uint32(k)*2654435761, k)
}

func TestRevokedDoesNotAllocate(t *testing.T) {
	table := filled(1000)
	for _, tt := range []struct {
		name                 string
		id, session, subject string
		want                 bool
	}{
		{"nothing is revoked", "id", "session", "subject", false},
		{"the token is", name(0), "session", "subject", true},
		{"the session is", "id", name(8), "subject", true},
		{"the subject is", "id", "session", name(9), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got bool
			if n := testing.AllocsPerRun(100, func() { got = table.Revoked(issuer, tt.id, tt.session, tt.subject, now) }); n > 0 {
				t.Errorf("%v allocations", n)
			}
			if got != tt.want {
				t.Errorf("revoked: %t", got)
			}
		})
	}
}

func BenchmarkRevoked(b *testing.B) {
	const entries = 1_000_000
	table := filled(entries)
	bare := make(map[string]int64, entries)
	for k := range entries {
		bare[issuer+"\n"+name(k)] = now.Unix()
	}
	names := make([]string, 4096)
	for k := range names {
		names[k] = name(rand.IntN(2 * entries)) // every second one is there
	}
	b.Run("table, a token", func(b *testing.B) {
		b.ReportAllocs()
		for k := 0; b.Loop(); k++ {
			table.Revoked(issuer, names[k%len(names)], "", "", now)
		}
	})
	b.Run("table, a token with a session and a subject", func(b *testing.B) {
		b.ReportAllocs()
		for k := 0; b.Loop(); k++ {
			table.Revoked(issuer, "id", names[k%len(names)], "subject", now)
		}
	})
	b.Run("table, in parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for k := rand.IntN(len(names)); pb.Next(); k++ {
				table.Revoked(issuer, names[k%len(names)], "session", "subject", now)
			}
		})
	})
	b.Run("bare map, a token", func(b *testing.B) {
		b.ReportAllocs()
		for k := 0; b.Loop(); k++ {
			_ = bare[issuer+"\n"+names[k%len(names)]]
		}
	})
}

// BenchmarkMemory tells what a million entries take.
func BenchmarkMemory(b *testing.B) {
	const entries = 1_000_000
	heap := func() uint64 {
		var s runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&s)
		return s.HeapAlloc
	}
	for _, bench := range []struct {
		name string
		fill func() any
	}{
		{"table", func() any { return filled(entries) }},
		{"bare map of issuer and id to an instant", func() any {
			bare := make(map[string]time.Time)
			for k := range entries {
				bare[issuer+"\n"+name(k)] = now
			}
			return bare
		}},
		{"bare map of an id to seconds", func() any {
			bare := make(map[string]int64)
			for k := range entries {
				bare[name(k)] = now.Unix()
			}
			return bare
		}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			var grown uint64
			for b.Loop() {
				before := heap()
				all := bench.fill()
				grown = heap() - before
				runtime.KeepAlive(all)
			}
			b.ReportMetric(float64(grown)/entries, "B/entry")
		})
	}
}
