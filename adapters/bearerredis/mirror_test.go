package bearerredis_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/adapters/bearerredis"
	"github.com/gobearer/bearer/bearertest"
	"github.com/redis/go-redis/v9"
)

// startMirror runs a mirror until the test ends.
func startMirror(t testing.TB, client redis.UniversalClient, maxAge time.Duration, opts ...bearerredis.Option) *bearerredis.Mirror {
	t.Helper()
	m, err := bearerredis.NewMirror(client, maxAge, opts...)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- m.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Run: %v", err)
		}
	})
	return m
}

// runMirror is startMirror, and waits for the whole copy.
func runMirror(t testing.TB, client redis.UniversalClient, maxAge time.Duration, opts ...bearerredis.Option) *bearerredis.Mirror {
	t.Helper()
	m := startMirror(t, client, maxAge, opts...)
	eventually(t, "the mirror is complete", func() bool { return isFresh(m) })
	return m
}

func isFresh(m *bearerredis.Mirror) bool {
	_, err := m.Revoked(context.Background(), bearer.Info{})
	return err == nil
}

// has is what a mirror says of a token, a stale one nothing.
func has(m *bearerredis.Mirror, id string) bool {
	is, err := m.Revoked(context.Background(), bearer.Info{Issuer: "i", ID: id})
	return is && err == nil
}

func revokeID(t testing.TB, s bearertest.Revoker, id string) {
	t.Helper()
	if err := s.Revoke(t.Context(), bearer.Revocation{Issuer: "i", ID: id, Until: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
}

func TestMirror(t *testing.T) {
	t.Parallel()
	client := startRedis(t).client(t)
	bearertest.RevocationStore(t, func(t *testing.T) bearertest.Revoker {
		return runMirror(t, client, patience, ownPrefix(), patient())
	})
}

// Whatever is revoked, a mirror that was told of it and one that copied it say
// what Redis says.
func TestMirrorAgreesWithRedis(t *testing.T) {
	t.Parallel()
	client := startRedis(t).client(t)
	store := newRevocations(t, client, patient())
	told := runMirror(t, client, patience, patient())
	now := time.Now().Truncate(time.Second)
	names := []string{"a", "A", "1:a", ":", "0", "a b", "\n", "\x00", "\xff", "ä", "*", "a\x1fb", strings.Repeat("x", 3000)}
	name := func() string { return names[rand.N(len(names))] }
	untils := []time.Time{{}, now.Add(time.Hour), now.Add(2 * time.Hour), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)}
	instant := func() time.Time { return now.Add(time.Duration(rand.N(5)-2) * time.Minute) }
	for range 600 {
		v := bearer.Revocation{Issuer: name(), Until: untils[rand.N(len(untils))]}
		switch rand.N(3) {
		case 0:
			v.ID = name()
		case 1:
			v.Session = name()
		case 2:
			v.Subject, v.Before = name(), instant()
		}
		if err := store.Revoke(t.Context(), v); err != nil {
			t.Fatal(err)
		}
	}
	revokeID(t, store, "the last one")
	eventually(t, "the mirror was told", func() bool { return has(told, "the last one") })
	copied := runMirror(t, client, patience, patient())
	answers := map[bool]int{}
	for range 3000 {
		info := bearer.Info{Issuer: name(), IssuedAt: instant()}
		for _, field := range []*string{&info.ID, &info.Session, &info.Subject} {
			if rand.N(3) == 0 {
				*field = name()
			}
		}
		want, err := store.Revoked(t.Context(), info)
		if err != nil {
			t.Fatal(err)
		}
		answers[want]++
		for which, m := range map[string]*bearerredis.Mirror{"told": told, "copied": copied} {
			if got, err := m.Revoked(t.Context(), info); got != want || err != nil {
				t.Errorf("%s: %t, %v, want %t for %.200q", which, got, err, want, fmt.Sprint(info))
			}
		}
	}
	if answers[true] < 300 || answers[false] < 300 {
		t.Errorf("nothing was compared: %v", answers)
	}
}

// A mirror that was away misses nothing, whatever became of the stream meanwhile,
// and forgets nothing, whatever became of the rest.
func TestMirrorComesBack(t *testing.T) {
	t.Parallel()
	const key = "{bearer}:"
	for name, meanwhile := range map[string]struct {
		do      func(t *testing.T, s *server, c *redis.Client)
		gap     bool // it has to copy again
		forget  bool // Redis does
		restart bool // and counts from zero
	}{
		"nothing": {do: func(*testing.T, *server, *redis.Client) {}},
		"the server is restarted": {restart: true, do: func(_ *testing.T, s *server, _ *redis.Client) {
			s.kill()
			s.start()
		}},
		"the stream is trimmed": {gap: true, do: func(t *testing.T, _ *server, c *redis.Client) {
			if n, err := c.XTrimMaxLen(t.Context(), key+bearerredis.ChangesKey, 0).Result(); n == 0 || err != nil {
				t.Fatal(n, err)
			}
		}},
		"the stream is deleted": {gap: true, do: func(t *testing.T, _ *server, c *redis.Client) {
			if n, err := c.Del(t.Context(), key+bearerredis.ChangesKey).Result(); n != 1 || err != nil {
				t.Fatal(n, err)
			}
		}},
		"the stream begins anew": {gap: true, do: func(t *testing.T, s *server, c *redis.Client) {
			if n, err := c.Del(t.Context(), key+bearerredis.ChangesKey).Result(); n != 1 || err != nil {
				t.Fatal(n, err)
			}
			revokeID(t, newRevocations(t, c, patient()), "another")
		}},
		"one change is taken out": {gap: true, do: func(t *testing.T, _ *server, c *redis.Client) {
			all, err := c.XRange(t.Context(), key+bearerredis.ChangesKey, "-", "+").Result()
			if err != nil || len(all) != 3 {
				t.Fatal(all, err)
			}
			if err := c.XDel(t.Context(), key+bearerredis.ChangesKey, all[2].ID).Err(); err != nil {
				t.Fatal(err)
			}
			revokeID(t, newRevocations(t, c, patient()), "another")
		}},
		"Redis is flushed": {gap: true, forget: true, do: func(t *testing.T, _ *server, c *redis.Client) {
			if err := c.FlushAll(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
		}},
		"Redis comes back empty": {gap: true, forget: true, restart: true, do: func(t *testing.T, s *server, _ *redis.Client) {
			s.kill()
			s.empty()
			s.start()
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startRedis(t)
			// A client of a server that is restarted has connections that are dead.
			client := s.client(t, func(o *redis.Options) { o.MaxRetries = 3 })
			store := newRevocations(t, client, patient())
			var l line
			revokeID(t, store, "before it was there")
			m := runMirror(t, s.client(t, l.use), patience)
			revokeID(t, store, "before")
			eventually(t, "it is told", func() bool { return has(m, "before") })
			copies := 0
			if !meanwhile.restart {
				copies = scans(t, client)
			}

			l.cut()
			revokeID(t, store, "while it was away")
			meanwhile.do(t, s, client)
			if has(m, "while it was away") {
				t.Fatal("it was not away")
			}
			revokeID(t, store, "after")
			l.mend()
			eventually(t, "it is told of what came after", func() bool { return has(m, "after") })
			if !meanwhile.forget {
				eventually(t, "it is told of what was revoked while it was away", func() bool { return has(m, "while it was away") })
			}
			if !has(m, "before it was there") || !has(m, "before") || has(m, "never") {
				t.Error("it has forgotten what it knew, or knows what it cannot")
			}
			if got := scans(t, client) > copies; got != meanwhile.gap {
				t.Errorf("it copied again: %t", got)
			}
			revokeID(t, store, "and on")
			eventually(t, "it goes on", func() bool { return has(m, "and on") })
		})
	}
}

// A stream that is deleted and begins again looks like one that just began: there
// may have been changes before those that a mirror finds in it.
func TestMirrorOfAStreamThatBeganAgain(t *testing.T) {
	t.Parallel()
	s := startRedis(t)
	client := s.client(t)
	store := newRevocations(t, client, patient())
	var l line
	m := runMirror(t, s.client(t, l.use), patience, patient())
	l.cut()
	revokeID(t, store, "lost")
	if n, err := client.Del(t.Context(), "{bearer}:"+bearerredis.ChangesKey).Result(); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	revokeID(t, store, "after")
	l.mend()
	eventually(t, "it is told of what came after", func() bool { return has(m, "after") })
	eventually(t, "it has what was in the stream before", func() bool { return has(m, "lost") })
}

// Whatever is revoked between the two commands of a mirror, and whichever is
// answered first: it lacks nothing, and copies nothing again without need.
func TestMirrorOfAChangeInBetween(t *testing.T) {
	t.Parallel()
	for name, order := range map[string][]int{"the id first": {0, 1}, "the changes first": {1, 0}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startRedis(t)
			other := s.client(t)
			store := newRevocations(t, other, patient())
			revokeID(t, store, "before")
			apart := &apart{order: order}
			client := s.client(t)
			client.AddHook(apart)
			m := runMirror(t, client, patience, patient())
			copies := scans(t, other)
			for n := range 20 {
				id := fmt.Sprint("in between ", n)
				done := make(chan error, 1)
				apart.meanwhile.Store(func() {
					done <- store.Revoke(context.Background(), bearer.Revocation{Issuer: "i", ID: id})
				})
				if err := <-done; err != nil {
					t.Fatal(err)
				}
				eventually(t, "it is told", func() bool { return has(m, id) })
			}
			for n := range 20 {
				if !has(m, fmt.Sprint("in between ", n)) {
					t.Errorf("it lacks change %d", n)
				}
			}
			if again := scans(t, other) - copies; again > 0 && order[0] == 0 {
				t.Errorf("it copied %d times", again)
			}
		})
	}
}

// apart is a hook that has something happen between the two commands of a
// pipeline, once.
type apart struct {
	order     []int
	meanwhile atomic.Value // of func()
}

func (a *apart) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (a *apart) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (a *apart) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		meanwhile, _ := a.meanwhile.Swap((func())(nil)).(func())
		if meanwhile == nil {
			return next(ctx, cmds)
		}
		err := next(ctx, []redis.Cmder{cmds[a.order[0]]})
		meanwhile()
		return errors.Join(err, next(ctx, []redis.Cmder{cmds[a.order[1]]}))
	}
}

// scans is how often all entries were asked for.
func scans(t testing.TB, c *redis.Client) int {
	t.Helper()
	n, _ := strconv.Atoi(infoOf(t, c, "commandstats", "cmdstat_zscan:calls=", ",")) // none were made: nothing
	return n
}

// A mirror that hears nothing for maxAge refuses everything, says why, and is
// there again by itself.
func TestStaleMirror(t *testing.T) {
	t.Parallel()
	s := startRedis(t)
	var l line
	var mirror *bearerredis.Mirror
	n := newNodes(t, func() bearertest.Revoker {
		mirror = runMirror(t, s.client(t, l.use), 5*time.Second, patient())
		return mirror
	})
	good := "Bearer " + n.issuer.Token(map[string]any{"jti": "good"})
	bad := "Bearer " + n.issuer.Token(map[string]any{"jti": "bad"})
	if err := mirror.Revoke(t.Context(), bearer.Revocation{Issuer: n.issuer.URL, ID: "bad"}); err != nil {
		t.Fatal(err)
	}
	answers := func() (forGood, forBad int) {
		forGood, forBad = n.status(1, good), n.status(1, bad)
		if forBad == http.StatusOK {
			t.Error("the revoked one is admitted")
		}
		return forGood, forBad
	}
	admits := func() bool { // unless the machine pauses for as long as a view may be old
		forGood, forBad := answers()
		return forGood == http.StatusOK && forBad == http.StatusUnauthorized
	}
	eventually(t, "the good one is admitted", admits)
	l.cut()
	eventually(t, "it is stale", func() bool { return !isFresh(mirror) })
	if forGood, forBad := answers(); forGood != http.StatusServiceUnavailable || forBad != http.StatusServiceUnavailable {
		t.Errorf("%d and %d for the revoked one while it is stale", forGood, forBad)
	}
	// The connection that was cut may be the last reason for a moment.
	eventually(t, "it says why", func() bool {
		is, err := mirror.Revoked(t.Context(), bearer.Info{})
		return !is && errors.Is(err, bearerredis.ErrStale) && errors.Is(err, errCut)
	})
	l.mend()
	start := time.Now()
	eventually(t, "it is there again", func() bool { return isFresh(mirror) })
	t.Logf("fresh %v after the line was mended", time.Since(start))
	eventually(t, "the good one is admitted again", admits)
}

func TestMirrorThatDoesNotRunIsStale(t *testing.T) {
	t.Parallel()
	m, err := bearerredis.NewMirror(startRedis(t).client(t), time.Hour, patient())
	if err != nil {
		t.Fatal(err)
	}
	revokeID(t, m, "x")
	for _, id := range []string{"x", "y"} {
		if is, err := m.Revoked(t.Context(), bearer.Info{Issuer: "i", ID: id}); is || err != bearerredis.ErrStale {
			t.Errorf("%t, %v, want ErrStale", is, err)
		}
	}
}

// A change that cannot be read is looked up in the set. An entry of the set that
// cannot be read is not passed over: nobody knows which tokens it takes back.
func TestMirrorOfMalformedEntries(t *testing.T) {
	t.Parallel()
	const changes, entries = "{bearer}:" + bearerredis.ChangesKey, "{bearer}:" + bearerredis.EntriesKey
	client := startRedis(t).client(t)
	store := newRevocations(t, client, patient())
	m := runMirror(t, client, patience)
	for k, values := range []map[string]any{
		{"x": "y"},
		{"m": "", "u": "1", "b": ""},
		{"m": "99:", "u": "+inf", "b": ""},
		{"m": "01:ix", "u": "soon", "b": ""},
		{"m": "21:ix", "u": "+inf", "b": "once"},
		{"p": "1-1", "m": "01:istray", "u": "+inf", "b": ""},
	} {
		// With the right id before it, unless it says another one.
		values = maps.Clone(values)
		if _, ok := values["p"]; !ok {
			info, err := client.XInfoStream(t.Context(), changes).Result()
			if err == nil {
				values["p"] = info.LastGeneratedID
			}
		}
		if err := client.XAdd(t.Context(), &redis.XAddArgs{Stream: changes, Values: values}).Err(); err != nil {
			t.Fatal(err)
		}
		id := fmt.Sprint("after ", k)
		revokeID(t, store, id)
		eventually(t, id, func() bool { return has(m, id) })
	}
	if has(m, "stray") {
		t.Error("a change that follows none counts")
	}
	if err := client.ZAdd(t.Context(), entries, redis.Z{Score: 1e12, Member: "x"}).Err(); err != nil {
		t.Fatal(err)
	}
	late := startMirror(t, client, patience)
	eventually(t, "the mirror says why", func() bool {
		_, err := late.Revoked(t.Context(), bearer.Info{})
		return err != nil && strings.Contains(err.Error(), "malformed")
	})
	if err := client.ZRem(t.Context(), entries, "x").Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is complete without the malformed entry", func() bool { return has(late, "after 0") })
}

func TestParseMalformed(t *testing.T) {
	const good, until, before = "21:ix", "1e3", "7"
	if err := bearerredis.Parse(good, until, before); err != nil {
		t.Fatal(err)
	}
	for _, tt := range [][3]string{
		{"", until, before}, {"x", until, before}, {"0:", until, before}, {"9", until, before}, {"31:ix", until, before},
		{"05:ix", until, before}, {"0-1:ix", until, before}, {"/1:ix", until, before}, {"0x:ix", until, before},
		{good, "", before}, {good, "soon", before}, {good, until, "once"}, {good, until, "1.5"}, {good, until, "inf"},
	} {
		if err := bearerredis.Parse(tt[0], tt[1], tt[2]); err == nil {
			t.Errorf("%q is read", tt)
		}
	}
}

func TestMirrorEndsWithItsContext(t *testing.T) {
	s := startRedis(t)
	before := runtime.NumGoroutine()
	for _, name := range []string{"idle", "cut off"} {
		var l line
		o := s.options()
		l.use(o)
		client := redis.NewClient(o)
		m, err := bearerredis.NewMirror(client, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- m.Run(ctx) }()
		eventually(t, "the mirror is complete", func() bool { return isFresh(m) })
		if name == "cut off" {
			l.cut()
		}
		cancel()
		start := time.Now()
		if err := <-ended; err != context.Canceled {
			t.Errorf("%s: %v", name, err)
		}
		t.Logf("%s: Run ended %v after its context", name, time.Since(start))
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	}
	wantGoroutines(t, before)
}
