package bearertest

import (
	"bytes"
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gobearer/bearer/refresh"
)

// RefreshStore tests that a store keeps the promises of refresh.Store. newStore
// makes an empty one for each subtest, and cleans up after it. The instants are
// about now, for stores that forget by a clock of their own.
func RefreshStore(t *testing.T, newStore func(t *testing.T) refresh.Store) {
	t.Helper()
	for _, c := range refreshStoreChecks {
		t.Run(c.name, func(t *testing.T) { c.check(t, newStore(t)) })
	}
}

// refreshStoreChecks take testing.TB so that a test can run them on broken
// stores.
var refreshStoreChecks = []struct {
	name  string
	check func(testing.TB, refresh.Store)
}{
	{"a family that nobody made is unknown", checkUnknownFamily},
	{"every member of a family survives to the byte", checkFamily},
	{"what goes into the store and comes out of it is a copy", checkFamilyCopies},
	{"families are told apart by every bit", checkFamilyIDs},
	{"the newest token rotates, and a rotation moves the idle limit alone", checkRotation},
	{"the token before the newest is replayed for the grace after its rotation, and no longer", checkGrace},
	{"a token that is replayed changes nothing", checkReplay},
	{"an older token is reused, and ends the family", checkReuse},
	{"a generation that is not reached is unknown, and changes nothing", checkFuture},
	{"from its limits on a family is expired", checkExpiry},
	{"a revoked family is revoked before anything else", checkRevokedFamily},
	{"with a context that has ended nothing is half done", checkEndedUse},
	{"of many uses at once one rotates, and after the grace one is told of the reuse", checkUseRace},
	{"a revocation counts from its return on, whoever uses the family", checkRevokeUseRace},
	{"each of many generations rotates once, whoever is first", checkChain},
}

// familyNow is an instant that a store can write.
func familyNow() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// newFamily is good for an hour, and idle for half of one.
func newFamily(now time.Time, id ...byte) refresh.Family {
	f := refresh.Family{Created: now, Data: []byte("data"), Expires: now.Add(time.Hour), Idle: now.Add(30 * time.Minute)}
	copy(f.ID[:], id)
	return f
}

func created(t testing.TB, s refresh.Store, f refresh.Family) refresh.Family {
	t.Helper()
	if err := s.Create(t.Context(), f); err != nil {
		t.Errorf("Create: %v", err)
	}
	return f
}

// useAt presents a generation with a grace of ten seconds, and moves the idle
// limit half an hour.
func useAt(f refresh.Family, generation uint32, now time.Time) refresh.Use {
	return refresh.Use{ID: f.ID, Generation: generation, Now: now, Grace: 10 * time.Second, Idle: now.Add(30 * time.Minute)}
}

func wantUse(t testing.TB, s refresh.Store, u refresh.Use, want ...refresh.Outcome) {
	t.Helper()
	got, err := s.Use(t.Context(), u)
	if err != nil || !slices.Contains(want, got) {
		t.Errorf("Use of generation %d: %q, %v, want %q", u.Generation, got, err, want)
	}
}

func wantFamily(t testing.TB, s refresh.Store, want refresh.Family) {
	t.Helper()
	got, err := s.Lookup(t.Context(), want.ID)
	if err != nil {
		t.Errorf("Lookup: %v", err)
		return
	}
	if got.ID != want.ID || !bytes.Equal(got.Data, want.Data) {
		t.Errorf("Lookup: id %x, data %.100q, want %x and %.100q", got.ID, got.Data, want.ID, want.Data)
	}
	if !got.Created.Equal(want.Created) || !got.Expires.Equal(want.Expires) || !got.Idle.Equal(want.Idle) {
		t.Errorf("Lookup: created %v, expires %v, idle %v, want %v, %v and %v", got.Created, got.Expires, got.Idle, want.Created, want.Expires, want.Idle)
	}
}

func wantNoFamily(t testing.TB, s refresh.Store, id [32]byte) {
	t.Helper()
	if f, err := s.Lookup(t.Context(), id); !errors.Is(err, refresh.ErrNotFound) {
		t.Errorf("Lookup: %+v, %v, want ErrNotFound", f, err)
	}
}

func revokeFamily(t testing.TB, s refresh.Store, id [32]byte) {
	t.Helper()
	if err := s.Revoke(t.Context(), id); err != nil {
		t.Errorf("Revoke: %v", err)
	}
}

func checkUnknownFamily(t testing.TB, s refresh.Store) {
	now := familyNow()
	for _, f := range []refresh.Family{newFamily(now), newFamily(now, 1), newFamily(now, bytes.Repeat([]byte{0xff}, 32)...)} {
		wantNoFamily(t, s, f.ID)
		wantUse(t, s, useAt(f, 0, now), refresh.Unknown)
		wantUse(t, s, useAt(f, 1, now), refresh.Unknown)
		revokeFamily(t, s, f.ID)
		wantNoFamily(t, s, f.ID)
		wantUse(t, s, useAt(f, 0, now), refresh.Unknown)
		// None of that is remembered.
		created(t, s, f)
		wantFamily(t, s, f)
		wantUse(t, s, useAt(f, 0, now), refresh.Rotated)
	}
}

func checkFamily(t testing.TB, s refresh.Store) {
	now := familyNow()
	all := make([]byte, 0, 512)
	for b := range 256 {
		all = append(all, byte(b), byte(255-b))
	}
	for k, data := range [][]byte{
		nil, {}, {0}, []byte("\xff\xfe"), all, bytes.Repeat(all, 32), []byte(`{"sub":"O'Reilly \\ %s $1 \u0000"}`), []byte("  \r\n "), []byte("*1\r\n$4\r\nPING\r\n"),
	} {
		f := newFamily(now, byte(k), 1)
		f.Data = data
		wantFamily(t, s, created(t, s, f))
	}
	for k, instants := range [][3]time.Time{
		{now, now.Add(time.Minute), now.Add(time.Minute)},
		{now.Add(-time.Hour), now.Add(time.Hour + time.Millisecond), now.Add(time.Minute + 999*time.Millisecond)},
		{now, now.Add(time.Minute), now.Add(time.Hour)},
		{now, now.AddDate(10, 0, 0), now.AddDate(1, 0, 0)},
		{now.In(time.FixedZone("east", 13*60*60)), now.Add(time.Hour).In(time.FixedZone("west", -9*60*60)), now.Add(time.Minute).Local()},
	} {
		f := newFamily(now, byte(k), 2)
		f.Created, f.Expires, f.Idle = instants[0], instants[1], instants[2]
		wantFamily(t, s, created(t, s, f))
	}
}

func checkFamilyCopies(t testing.TB, s refresh.Store) {
	f := newFamily(familyNow(), 1)
	given := f
	given.Data = bytes.Clone(f.Data)
	created(t, s, given)
	given.Data[0] = 'X'
	wantFamily(t, s, f)
	for range 2 {
		got, err := s.Lookup(t.Context(), f.ID)
		if err != nil || len(got.Data) == 0 {
			t.Errorf("Lookup: %q, %v", got.Data, err)
			return
		}
		got.Data[0] = 'Y'
	}
	wantFamily(t, s, f)
}

func checkFamilyIDs(t testing.TB, s refresh.Store) {
	now := familyNow()
	full := bytes.Repeat([]byte{0xff}, 32)
	ids := [][]byte{{}, {0, 1}, {1}, {1, 0, 1}, {'a'}, {'A'}, {'\''}, {'%'}, {'*'}, {0x80}, {0x81}, {0xc3, 0xa9}, full, full[:31], append([]byte{0x7f}, full[:31]...)}
	ids = append(ids, append(make([]byte, 31), 1))
	var families []refresh.Family
	for k, id := range ids {
		f := newFamily(now, id...)
		f.Data = []byte{byte(k)}
		families = append(families, created(t, s, f))
	}
	for k, f := range families {
		switch k % 3 {
		case 0:
			wantUse(t, s, useAt(f, 0, now), refresh.Rotated)
		case 1:
			revokeFamily(t, s, f.ID)
		}
	}
	for k, f := range families {
		want := []refresh.Outcome{refresh.Replayed, refresh.Revoked, refresh.Rotated}[k%3]
		if k%3 == 0 {
			f.Idle = now.Add(30 * time.Minute)
		}
		wantFamily(t, s, f)
		wantUse(t, s, useAt(f, 0, now), want)
	}
}

func checkRotation(t testing.TB, s refresh.Store) {
	now := familyNow()
	f := created(t, s, newFamily(now, 1))
	for generation := range uint32(10) {
		at := now.Add(time.Duration(generation) * time.Minute)
		u := useAt(f, generation, at)
		u.Idle = u.Idle.Add(time.Duration(generation) * time.Millisecond)
		wantUse(t, s, u, refresh.Rotated)
		f.Idle = u.Idle
		wantFamily(t, s, f)
	}
	// An idle limit may come nearer, and an instant may be another clock's.
	u := useAt(f, 10, now.Add(-time.Minute))
	wantUse(t, s, u, refresh.Rotated)
	f.Idle = u.Idle
	wantFamily(t, s, f)
	wantUse(t, s, useAt(f, 11, now), refresh.Rotated)
}

func checkGrace(t testing.TB, s refresh.Store) {
	now := familyNow()
	for k, tt := range []struct {
		grace, after time.Duration
		want         refresh.Outcome
		at           time.Duration // of the rotation, by the clock of the use
	}{
		{10 * time.Second, 0, refresh.Replayed, 0},
		{10 * time.Second, time.Millisecond, refresh.Replayed, 0},
		{10 * time.Second, 10*time.Second - time.Millisecond, refresh.Replayed, 0},
		{10 * time.Second, 10 * time.Second, refresh.Replayed, 0},
		{10 * time.Second, 10*time.Second + time.Millisecond, refresh.Reused, 0},
		{10 * time.Second, 20 * time.Minute, refresh.Reused, 0},
		{time.Minute, 59 * time.Second, refresh.Replayed, 0},
		{time.Minute, 61 * time.Second, refresh.Reused, 0},
		{0, 0, refresh.Replayed, 0},
		{0, time.Millisecond, refresh.Reused, 0},
		{1500 * time.Millisecond, 1500 * time.Millisecond, refresh.Replayed, 0},
		{1500 * time.Millisecond, 1501 * time.Millisecond, refresh.Reused, 0},
		// Another replica's clock is behind.
		{10 * time.Second, -time.Millisecond, refresh.Replayed, 0},
		{10 * time.Second, -time.Hour, refresh.Replayed, 0},
		{0, -time.Second, refresh.Replayed, 0},
		{10 * time.Second, 10 * time.Second, refresh.Replayed, -20 * time.Minute},
		{10 * time.Second, 10*time.Second + time.Millisecond, refresh.Reused, -20 * time.Minute},
		{10 * time.Second, 10 * time.Second, refresh.Replayed, 20 * time.Minute},
		{10 * time.Second, 10*time.Second + time.Millisecond, refresh.Reused, 20 * time.Minute},
	} {
		f := created(t, s, newFamily(now, byte(k)))
		at := now.Add(tt.at)
		wantUse(t, s, useAt(f, 0, at), refresh.Rotated)
		u := useAt(f, 0, at.Add(tt.after))
		u.Grace = tt.grace
		wantUse(t, s, u, tt.want)
		next := refresh.Rotated
		if tt.want == refresh.Reused {
			next = refresh.Revoked
		}
		wantUse(t, s, useAt(f, 1, at), next)
	}
}

func checkReplay(t testing.TB, s refresh.Store) {
	now := familyNow()
	f := created(t, s, newFamily(now, 1))
	wantUse(t, s, useAt(f, 0, now), refresh.Rotated)
	f.Idle = now.Add(30 * time.Minute)
	for seconds := range 10 {
		u := useAt(f, 0, now.Add(time.Duration(seconds)*time.Second))
		u.Idle = now.Add(time.Hour)
		wantUse(t, s, u, refresh.Replayed)
		wantFamily(t, s, f)
	}
	// The next generation is what it was, and the grace began with the rotation.
	wantUse(t, s, useAt(f, 2, now.Add(10*time.Second)), refresh.Unknown)
	wantUse(t, s, useAt(f, 0, now.Add(11*time.Second)), refresh.Reused)
}

func checkReuse(t testing.TB, s refresh.Store) {
	now := familyNow()
	for k, tt := range []struct {
		rotations, presented uint32
		after                time.Duration // of the last rotation
	}{
		{2, 0, 0}, // not the one before, whatever the grace
		{2, 0, time.Hour / 4},
		{2, 1, 11 * time.Second},
		{5, 0, 0},
		{5, 3, time.Second},
		{5, 4, 11 * time.Second},
		{1, 0, 11 * time.Second},
	} {
		f := created(t, s, newFamily(now, byte(k)))
		for generation := range tt.rotations {
			wantUse(t, s, useAt(f, generation, now), refresh.Rotated)
		}
		f.Idle = now.Add(30 * time.Minute)
		wantUse(t, s, useAt(f, tt.presented, now.Add(tt.after)), refresh.Reused)
		for generation := range tt.rotations + 2 {
			wantUse(t, s, useAt(f, generation, now.Add(tt.after)), refresh.Revoked)
		}
		wantFamily(t, s, f) // whatever its state
	}
}

func checkFuture(t testing.TB, s refresh.Store) {
	now := familyNow()
	f := created(t, s, newFamily(now, 1))
	for _, generation := range []uint32{1, 2, math.MaxInt32, math.MaxInt32 + 1, math.MaxUint32 - 1, math.MaxUint32} {
		wantUse(t, s, useAt(f, generation, now), refresh.Unknown)
	}
	wantFamily(t, s, f)
	wantUse(t, s, useAt(f, 0, now), refresh.Rotated)
	for _, generation := range []uint32{2, math.MaxUint32} {
		wantUse(t, s, useAt(f, generation, now), refresh.Unknown)
	}
	wantUse(t, s, useAt(f, 1, now), refresh.Rotated)
}

func checkExpiry(t testing.TB, s refresh.Store) {
	now := familyNow()
	const ms = time.Millisecond
	for k, tt := range []struct {
		expires, idle, at time.Duration
		want              refresh.Outcome
	}{
		{time.Hour, time.Minute, time.Minute - ms, refresh.Rotated},
		{time.Hour, time.Minute, time.Minute, refresh.Expired},
		{time.Hour, time.Minute, time.Minute + ms, refresh.Expired},
		{time.Minute, time.Hour, time.Minute - ms, refresh.Rotated},
		{time.Minute, time.Hour, time.Minute, refresh.Expired},
		{time.Minute, time.Hour, time.Hour, refresh.Expired},
		{time.Hour, time.Hour, time.Hour - ms, refresh.Rotated},
		{time.Hour, time.Hour, time.Hour, refresh.Expired},
		{time.Hour, time.Minute, 10 * 365 * 24 * time.Hour, refresh.Expired},
	} {
		f := newFamily(now, byte(k))
		f.Expires, f.Idle = now.Add(tt.expires), now.Add(tt.idle)
		created(t, s, f)
		wantUse(t, s, useAt(f, 0, now.Add(tt.at)), tt.want)
	}
	// A rotation moves the idle limit, and never the other one.
	f := created(t, s, newFamily(now, 0xff))
	wantUse(t, s, useAt(f, 0, now.Add(30*time.Minute-ms)), refresh.Rotated)
	wantUse(t, s, useAt(f, 1, now.Add(59*time.Minute)), refresh.Rotated)
	wantUse(t, s, useAt(f, 2, now.Add(time.Hour)), refresh.Expired)
	// It comes before reuse, and before what was never given.
	f = created(t, s, newFamily(now, 0xfe))
	wantUse(t, s, useAt(f, 0, now), refresh.Rotated)
	wantUse(t, s, useAt(f, 0, now.Add(time.Hour)), refresh.Expired)
	wantUse(t, s, useAt(f, 7, now.Add(time.Hour)), refresh.Expired, refresh.Unknown)
	// Nothing was revoked by that, although it may be forgotten.
	wantUse(t, s, useAt(f, 1, now), refresh.Rotated, refresh.Unknown)
}

func checkRevokedFamily(t testing.TB, s refresh.Store) {
	now := familyNow()
	fresh, used := created(t, s, newFamily(now, 1)), created(t, s, newFamily(now, 2))
	other := created(t, s, newFamily(now, 3))
	wantUse(t, s, useAt(used, 0, now), refresh.Rotated)
	used.Idle = now.Add(30 * time.Minute)
	for _, f := range []refresh.Family{fresh, used} {
		for range 2 { // again is no error
			revokeFamily(t, s, f.ID)
			wantFamily(t, s, f)
			for _, generation := range []uint32{0, 1, 2, math.MaxUint32} {
				wantUse(t, s, useAt(f, generation, now), refresh.Revoked)
			}
		}
		wantUse(t, s, useAt(f, 0, now.Add(30*time.Minute)), refresh.Revoked)
		wantFamily(t, s, f)
	}
	wantUse(t, s, useAt(other, 0, now), refresh.Rotated)
}

func checkEndedUse(t testing.TB, s refresh.Store) {
	now := familyNow()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	f := newFamily(now, 1)
	if err := s.Create(ended, f); err != nil {
		created(t, s, newFamily(now, 2))
		f.ID[0] = 2
	}
	if got, err := s.Lookup(ended, f.ID); err == nil && !bytes.Equal(got.Data, f.Data) || errors.Is(err, refresh.ErrNotFound) {
		t.Errorf("Lookup: %q, %v", got.Data, err)
	}
	// Nobody may take an error for an outcome, nor an outcome for nothing done.
	switch got, err := s.Use(ended, useAt(f, 0, now)); {
	case err == nil && got != refresh.Rotated:
		t.Errorf("Use: %q and no error", got)
	case err == nil:
		wantUse(t, s, useAt(f, 0, now), refresh.Replayed)
	default:
		wantUse(t, s, useAt(f, 0, now), refresh.Rotated, refresh.Replayed)
	}
	if err := s.Revoke(ended, f.ID); err == nil {
		wantUse(t, s, useAt(f, 1, now), refresh.Revoked)
	}
	revokeFamily(t, s, f.ID)
	wantUse(t, s, useAt(f, 1, now), refresh.Revoked)
}

// outcomes counts what came of n uses at once.
func outcomes(t testing.TB, s refresh.Store, n int, u refresh.Use) map[refresh.Outcome]int {
	t.Helper()
	var (
		mu    sync.Mutex
		wg    sync.WaitGroup
		start = make(chan struct{})
		count = map[refresh.Outcome]int{}
	)
	for range n {
		wg.Go(func() {
			<-start
			got, err := s.Use(t.Context(), u)
			if err != nil {
				t.Errorf("Use: %v", err)
			}
			mu.Lock()
			defer mu.Unlock()
			count[got]++
		})
	}
	close(start)
	wg.Wait()
	return count
}

func checkUseRace(t testing.TB, s refresh.Store) {
	const uses = 50
	now := familyNow()
	f := created(t, s, newFamily(now, 1))
	if got := outcomes(t, s, uses, useAt(f, 0, now)); got[refresh.Rotated] != 1 || got[refresh.Replayed] != uses-1 {
		t.Errorf("%d uses at once: %v, want 1 rotated and the others replayed", uses, got)
	}
	late := now.Add(10*time.Second + time.Millisecond)
	if got := outcomes(t, s, uses, useAt(f, 0, late)); got[refresh.Reused] != 1 || got[refresh.Revoked] != uses-1 {
		t.Errorf("%d uses after the grace: %v, want 1 reused and the others revoked", uses, got)
	}
	if got := outcomes(t, s, uses, useAt(f, 1, late)); got[refresh.Revoked] != uses {
		t.Errorf("%d uses of the newest token after that: %v, want all revoked", uses, got)
	}
}

func checkRevokeUseRace(t testing.TB, s refresh.Store) {
	now := familyNow()
	for k := range byte(20) {
		f := created(t, s, newFamily(now, k))
		var wg sync.WaitGroup
		for generation := range uint32(4) {
			wg.Go(func() {
				wantUse(t, s, useAt(f, generation, now), refresh.Rotated, refresh.Replayed, refresh.Reused, refresh.Unknown, refresh.Revoked)
			})
		}
		wg.Go(func() {
			revokeFamily(t, s, f.ID)
			for generation := range uint32(4) {
				wantUse(t, s, useAt(f, generation, now), refresh.Revoked)
			}
		})
		wg.Wait()
		wantUse(t, s, useAt(f, 0, now), refresh.Revoked)
	}
}

func checkChain(t testing.TB, s refresh.Store) {
	const clients, generations = 4, 25
	now := familyNow()
	f := created(t, s, newFamily(now, 1))
	for generation := range uint32(generations) {
		got := outcomes(t, s, clients, useAt(f, generation, now))
		if got[refresh.Rotated] != 1 || got[refresh.Replayed] != clients-1 {
			t.Errorf("generation %d: %v, want 1 rotated and the others replayed", generation, got)
			return
		}
	}
	wantUse(t, s, useAt(f, generations, now), refresh.Rotated)
}
