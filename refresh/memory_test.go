package refresh_test

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/gobearer/bearer/bearertest"
	"github.com/gobearer/bearer/refresh"
)

func TestMemoryStore(t *testing.T) {
	bearertest.RefreshStore(t, func(*testing.T) refresh.Store { return new(refresh.MemoryStore) })
}

func id(n int) [32]byte { return sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(n))) }

// A server that logs in a million users a day does not grow, and forgets nobody
// who may still come back.
func TestMemoryStoreForgetsExpiredFamilies(t *testing.T) {
	var s refresh.MemoryStore
	now := time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
	login := func(n int, idle, absolute time.Duration) {
		t.Helper()
		f := refresh.Family{ID: id(n), Created: now, Data: make([]byte, 200), Idle: now.Add(idle), Expires: now.Add(absolute)}
		if err := s.Create(t.Context(), f); err != nil {
			t.Fatal(err)
		}
	}
	found := func(n int) bool {
		t.Helper()
		_, err := s.Lookup(t.Context(), id(n))
		if err != nil && !errors.Is(err, refresh.ErrNotFound) {
			t.Fatal(err)
		}
		return err == nil
	}
	crowd := func(first int) {
		for n := range 5000 {
			login(first+n, time.Minute, time.Hour)
		}
	}
	const long, idle, absolute = -1, -2, -3
	login(long, 1000*time.Hour, 1000*time.Hour)
	login(idle, time.Hour, 1000*time.Hour)
	login(absolute, 1000*time.Hour, time.Hour)
	crowd(0)

	now = now.Add(time.Hour - time.Nanosecond)
	crowd(10_000)
	for _, n := range []int{long, idle, absolute, 10_000, 14_999} {
		if !found(n) {
			t.Errorf("%d is forgotten before its end", n)
		}
	}
	now = now.Add(time.Nanosecond)
	crowd(20_000)
	crowd(30_000)
	crowd(40_000)
	if !found(long) || found(idle) || found(absolute) || found(0) {
		t.Errorf("at the end: long %t, idle %t, absolute %t, one of the crowd %t", found(long), found(idle), found(absolute), found(0))
	}

	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	for round := range 20 {
		now = now.Add(time.Hour)
		crowd(100_000 + 10_000*round)
	}
	// 100 000 families are more than 40 MB; three rounds' are a few.
	if after := heap(); after > before+8<<20 {
		t.Errorf("the heap grew by %d KiB", (after-before)>>10)
	}
	if !found(long) {
		t.Error("the session that still lives is forgotten")
	}
}

func TestOutcomesSayWhat(t *testing.T) {
	for outcome, want := range map[refresh.Outcome]string{
		refresh.Rotated: "refresh: the token is rotated", refresh.Reused: "refresh: the token is reused", refresh.Unknown: "refresh: the token is unknown",
	} {
		var err error = outcome
		if err.Error() != want || !errors.Is(err, outcome) || errors.Is(err, refresh.Expired) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
