package tokencache_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/gobearer/bearer/internal/tokencache"
)

// token is as long as a small one, with all that tells it from others at its end.
func token(n int) string { return tokenOf(n, 480) }

func tokenOf(n, length int) string {
	tail := fmt.Sprintf("%032x", uint64(n)*0x9e3779b97f4a7c15)
	return strings.Repeat("h", length-len(tail)) + tail
}

// put offers a token as the middleware does.
func put[V any](c *tokencache.Cache[V], token string, value V, size int, now, until int64) {
	putAt(c, token, value, size, at(now), at(until))
}

// putAt reports whether the token was admitted.
func putAt[V any](c *tokencache.Cache[V], token string, value V, size int, from, until time.Time) bool {
	e := c.Admit(token, size, from, until)
	if e == nil {
		return false
	}
	e.Value = value
	c.Put(e)
	return true
}

func get[V any](c *tokencache.Cache[V], token string, now int64) *V {
	v := getAt(c, token, at(now))
	return v
}

func getAt[V any](c *tokencache.Cache[V], token string, now time.Time) *V {
	e := c.Find(token)
	if e == nil || !c.Use(e, now) {
		return nil
	}
	return &e.Value
}

func at(second int64) time.Time { return time.Unix(second, 0) }

func checkBytes[V any](t testing.TB, c *tokencache.Cache[V]) {
	t.Helper()
	held, entries := c.Held()
	if used := c.Used(); held != used || used > c.Limit() || used < 0 {
		t.Fatalf("%d entries of %d bytes, %d are counted, of %d", entries, held, used, c.Limit())
	}
}

func TestWhatWasPutInIsThere(t *testing.T) {
	c := tokencache.New[string](1 << 20)
	if v := get(c, token(1), 10); v != nil {
		t.Errorf("%q before anything was put in", *v)
	}
	put(c, token(1), "one", 0, 10, 20)
	put(c, token(2), "two", 0, 10, 20)
	for n, want := range map[int]string{1: "one", 2: "two"} {
		if v := get(c, token(n), 10); v == nil || *v != want {
			t.Errorf("%d: %v, want %s", n, v, want)
		}
	}
	put(c, token(1), "again", 0, 11, 30)
	if v := get(c, token(1), 25); v == nil || *v != "again" {
		t.Errorf("replaced: %v", v)
	}
	if _, entries := c.Held(); entries != 2 {
		t.Errorf("%d entries, want 2", entries)
	}
	checkBytes(t, c)
}

func TestATokenIsItsWholeText(t *testing.T) {
	c := tokencache.New[int](1 << 20)
	const tail = "0123456789abcdef0123456789abcdef" // all that is hashed
	good := "header.payload." + tail
	put(c, good, 1, 0, 0, 10)
	for _, tt := range []struct{ name, token string }{
		{"another first character", "Header.payload." + tail},
		{"another payload", "header.paYload." + tail},
		{"the last character that is not hashed", "header.payload," + tail},
		{"longer in front", "x" + good},
		{"shorter in front", good[1:]},
		{"the tail alone", tail},
		{"shorter than the tail", tail[1:]},
		{"longer behind", good + "x"},
		{"another last character", good[:len(good)-1] + "e"},
		{"in capitals", strings.ToUpper(good)},
		{"nothing", ""},
	} {
		if v := get(c, tt.token, 0); v != nil {
			t.Errorf("%s: found", tt.name)
		}
		// Both in one set, one hash: neither hides the other.
		put(c, tt.token, 2, 0, 0, 10)
		if v := get(c, tt.token, 0); v == nil || *v != 2 {
			t.Errorf("%s: %v, want 2", tt.name, v)
		}
		if v := get(c, good, 0); v == nil || *v != 1 {
			t.Fatalf("%s hides the good one: %v", tt.name, v)
		}
	}
}

func TestAnEntryIsServedInItsTimeAlone(t *testing.T) {
	for _, tt := range []struct {
		name        string
		from, until int64
		now         int64
		want        bool
	}{
		{"at once", 100, 400, 100, true},
		{"in its last second", 100, 400, 399, true},
		{"at its end", 100, 400, 400, false},
		{"long after", 100, 400, 1 << 32, false},
		{"by a clock that was set back", 100, 400, 99, false},
		{"ended before it began", 100, 99, 100, false},
		{"of no length", 100, 100, 100, false},
		{"before 1970", -400, -100, -200, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := tokencache.New[int](1 << 20)
			put(c, token(1), 1, 0, tt.from, tt.until)
			if _, entries := c.Held(); entries != 0 && tt.until <= tt.from {
				t.Error("what has no time is held")
			}
			if got := get(c, token(1), tt.now) != nil; got != tt.want {
				t.Errorf("served: %v, want %v", got, tt.want)
			}
			// What is not served any more is not held either.
			if _, entries := c.Held(); entries != 0 && !tt.want {
				t.Errorf("%d entries", entries)
			}
			if tt.want {
				return
			}
			checkBytes(t, c)
			put(c, token(1), 2, 0, tt.now, tt.now+1)
			if v := get(c, token(1), tt.now); v == nil || *v != 2 {
				t.Errorf("after it ended: %v", v)
			}
		})
	}
}

func TestPartsOfASecond(t *testing.T) {
	c := tokencache.New[int](1 << 20)
	from, to := time.Unix(100, 900e6), time.Unix(200, 900e6)
	putAt(c, token(1), 1, 0, from, to)
	for _, tt := range []struct {
		now  time.Time
		want bool
	}{
		{from, true},
		{from.Add(1), true},
		{from.In(time.FixedZone("", 3600)), true},
		{to.Add(-1), true},
		{to, false},
	} {
		if v := getAt(c, token(1), tt.now); (v != nil) != tt.want {
			t.Errorf("%v: served: %v, want %v", tt.now, v != nil, tt.want)
		}
	}
	putAt(c, token(1), 1, 0, from, to)
	if getAt(c, token(1), from.Add(-1)) != nil {
		t.Error("served before its time")
	}
}

// No instant is another one because nanoseconds are counted in 64 bits.
func TestInstantsOutOfReach(t *testing.T) {
	const wrap = 18446744073 // seconds, to half a one
	c := tokencache.New[int](1 << 20)
	for _, tt := range []struct{ from, until, now int64 }{
		{100, 400, 100 + wrap}, {100, 400, 101 - wrap}, {100, 400, 1 << 62}, {100, 400, -1 << 62},
		{1 << 40, 1<<40 + 10, 1 << 40}, {100, 1 << 40, 100}, {-1 << 40, 400, 100}, {100 + wrap, 400 + wrap, 200},
	} {
		put(c, token(1), 1, 0, tt.from, tt.until)
		if get(c, token(1), tt.now) != nil {
			t.Errorf("%d to %d is served at %d", tt.from, tt.until, tt.now)
		}
		checkBytes(t, c)
	}
}

// What ended is let go of once, whoever else has found it, and nothing that has
// come into its place since.
func TestWhatEndedIsLetGoOfOnce(t *testing.T) {
	c := tokencache.New[int](1 << 20)
	put(c, token(1), 1, 0, 0, 10)
	a, b := c.Find(token(1)), c.Find(token(1))
	if a == nil || a != b {
		t.Fatal("not found")
	}
	if c.Use(a, at(10)) || c.Use(b, at(10)) {
		t.Error("used after its time")
	}
	checkBytes(t, c)
	put(c, token(1), 2, 0, 10, 20)
	if c.Use(a, at(10)) {
		t.Error("used after its time")
	}
	if v := get(c, token(1), 10); v == nil || *v != 2 {
		t.Errorf("%v, want what came later", v)
	}
	checkBytes(t, c)
}

func TestNoCache(t *testing.T) {
	for _, bytes := range []int64{-1 << 63, -1, 0} {
		c := tokencache.New[int](bytes)
		if c != nil {
			t.Fatalf("%d bytes make a cache", bytes)
		}
		if putAt(c, token(1), 1, 0, at(0), at(10)) {
			t.Error("it admits a token")
		}
		if get(c, token(1), 0) != nil {
			t.Error("it has a token")
		}
	}
}

func TestBudgets(t *testing.T) {
	fixed := tokencache.New[[4]int](1).Fixed()
	for _, tt := range []struct {
		bytes int64
		want  int // of 500 tokens
	}{{1, 0}, {500, 0}, {1 << 10, 0}, {16 << 10, 8}, {64 << 10, 80}, {1 << 20, 480}, {1 << 62, 480}, {1<<63 - 1, 480}} {
		if tt.bytes > 1<<40 && os.Getenv("BEARER_INTEGRATION") == "" {
			continue // the largest table takes 128 MB
		}
		c := tokencache.New[[4]int](tt.bytes)
		for n := range 500 {
			put(c, token(n), [4]int{n}, 0, 0, 10)
		}
		checkBytes(t, c)
		if c.Limit() > 0 && c.Limit()+c.Table() > tt.bytes {
			t.Errorf("%d bytes of entries and %d of the table are more than %d", c.Limit(), c.Table(), tt.bytes)
		}
		if _, entries := c.Held(); entries < tt.want {
			t.Errorf("%d bytes hold %d tokens of %d, want %d", tt.bytes, entries, 480+fixed, tt.want)
		}
	}
}

func TestWhatIsTooLargeIsNotHeld(t *testing.T) {
	c := tokencache.New[int](64 << 10)
	hot := token(1)
	put(c, hot, 1, 0, 0, 10)
	for _, tt := range []struct {
		name   string
		length int
		size   int
		want   bool
	}{
		{"a token of a ninth", int(c.Limit()/9)*8/9 - 200, 0, true},
		{"a token of a seventh", int(c.Limit() / 7), 0, false},
		{"a value of a seventh", 480, int(c.Limit() / 7), false},
		{"a token of the whole", int(c.Limit()), 0, false},
		{"a token of ten times the whole", 10 * int(c.Limit()), 0, false},
	} {
		large := tokenOf(2, tt.length)
		for range 2 { // who comes again gets no more
			if got := putAt(c, large, 2, tt.size, at(0), at(10)); got != tt.want {
				t.Errorf("%s: admitted: %v, want %v", tt.name, got, tt.want)
			}
		}
		if got := get(c, large, 0) != nil; got != tt.want {
			t.Errorf("%s: held: %v, want %v", tt.name, got, tt.want)
		}
		checkBytes(t, c)
		if get(c, hot, 0) == nil {
			t.Fatalf("%s pushed another out", tt.name)
		}
	}
}

// The token that comes in is most often a piece of something larger.
func TestACopyIsHeld(t *testing.T) {
	c := tokencache.New[int](1 << 20)
	header := []byte("Bearer " + token(1))
	raw := unsafe.String(&header[len("Bearer ")], len(header)-len("Bearer "))
	put(c, raw, 1, 0, 0, 10)
	clear(header)
	if get(c, token(1), 0) == nil {
		t.Error("the text that was put in was somebody else's")
	}
}

// A cache remembers nothing that was not put in, nothing for longer than it was
// told to, and never more bytes than it has: against a map that forgets nothing.
func TestModel(t *testing.T) {
	type remembered struct {
		value       int
		from, until int64
	}
	for _, budget := range []int64{8 << 10, 64 << 10, 1 << 20} {
		t.Run(fmt.Sprint(budget), func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, uint64(budget)))
			c := tokencache.New[int](budget)
			model := make(map[string]remembered)
			now, hits, misses := int64(1000), 0, 0
			for step := range 50_000 {
				n := random.IntN(200)
				text := tokenOf(n, 40+n%7*100)
				switch random.IntN(10) {
				case 0:
					now += random.Int64N(9) - 3
				case 1, 2, 3:
					until := now + random.Int64N(60) - 5
					put(c, text, step, n, now, until)
					if until > now {
						// Whether or not it got in: what was there before must not be served.
						model[text] = remembered{step, now, until}
					}
				default:
					v, want := get(c, text, now), model[text]
					if v == nil {
						misses++
						continue
					}
					hits++
					if now < want.from || now >= want.until {
						t.Fatalf("step %d: served at %d what was put in from %d to %d", step, now, want.from, want.until)
					}
					if *v > want.value || !strings.HasSuffix(text, fmt.Sprintf("%032x", uint64(n)*0x9e3779b97f4a7c15)) {
						t.Fatalf("step %d: %d, want %d", step, *v, want.value)
					}
				}
				if step%100 == 0 {
					checkBytes(t, c)
				}
			}
			checkBytes(t, c)
			t.Logf("%d hits, %d misses", hits, misses)
			if hits < 1000 {
				t.Errorf("%d hits of %d", hits, hits+misses)
			}
		})
	}
}

// A hot set of half of what the cache holds, and others that come once, or
// twice: the hot ones stay.
func TestAHotSetStays(t *testing.T) {
	const (
		hot    = 500
		rounds = 40
	)
	for _, tt := range []struct {
		name  string
		times int // that each of the others comes
		cold  int // of the others for each hot one
		want  float64
	}{
		{"ten that come once for each hot one", 1, 10, 0.80},
		{"one that comes twice in a row for each hot one", 2, 2, 0.70},
		{"none but the hot ones", 1, 0, 0.97},
	} {
		t.Run(tt.name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(2, 3))
			one := tokencache.New[int](1)
			perToken := (one.Fixed() + 480 + 300) * 9 / 8
			c := tokencache.New[int](2*hot*perToken + 2*hot*perToken/16)
			if got := c.Limit() / perToken; got < 2*hot*95/100 || got > 2*hot*112/100 {
				t.Fatalf("the cache holds %d, want about %d", got, 2*hot)
			}
			hits, total, once := 0, 0, hot
			request := func(n int) bool {
				if get(c, token(n), 0) != nil {
					return true
				}
				put(c, token(n), n, 300, 0, 10)
				return false
			}
			late := 0
			for i := range hot * rounds {
				hit := request(random.IntN(hot))
				total++
				if hit {
					hits++
					if i >= hot*rounds/2 {
						late++
					}
				}
				for j := 0; j < tt.cold; j++ {
					if tt.times == 1 || j%tt.times == 0 {
						once++
					}
					request(once)
				}
			}
			checkBytes(t, c)
			rate, settled := float64(hits)/float64(total), float64(late)/float64(total/2)
			t.Logf("%.1f %% hits, of the second half %.1f %%", 100*rate, 100*settled)
			if rate < tt.want || settled < tt.want {
				t.Errorf("want %.0f %%", 100*tt.want)
			}
		})
	}
}

// What was hot and is not any more makes room for what is.
func TestAnotherHotSetTakesOver(t *testing.T) {
	c := tokencache.New[int](256 << 10)
	last := 0
	for set := range 5 {
		for range 60 {
			last = 0
			for n := range 100 {
				text := token(1000*set + n)
				if get(c, text, 0) != nil {
					last++
					continue
				}
				put(c, text, n, 300, 0, 10)
			}
		}
		if last < 80 {
			t.Errorf("hot set %d: %d of 100 hits", set, last)
		}
	}
	checkBytes(t, c)
}

// Where all is in use there is no room, and no budget is exceeded to make some:
// the newcomer waits until the others have aged.
func TestWhatIsInUseStays(t *testing.T) {
	c := tokencache.New[int](1 << 20)
	for n := range 2000 {
		put(c, token(n), n, 0, 0, 10)
	}
	for range 10 {
		for n := range 2000 {
			get(c, token(n), 0)
		}
	}
	_, before := c.Held()
	for n := range 5 {
		put(c, token(5000+n), n, 3000, 0, 10)
		if !putAt(c, token(5000+n), n, 3000, at(0), at(10)) {
			t.Error("it has no prospect")
		}
		checkBytes(t, c)
		if get(c, token(5000+n), 0) != nil {
			t.Errorf("%d found room", n)
		}
	}
	if _, after := c.Held(); after != before {
		t.Errorf("%d entries, %d before", after, before)
	}
}

// A cache full of tokens that have ended takes new ones in as an empty one does.
func TestWhatHasEndedMakesRoom(t *testing.T) {
	c := tokencache.New[int](256 << 10)
	for n := range 2000 {
		put(c, token(n), n, 0, 0, 10)
	}
	if c.Used() < c.Limit()*9/10 {
		t.Fatalf("%d of %d bytes", c.Used(), c.Limit())
	}
	in := 0
	for n := range 100 {
		put(c, token(5000+n), n, 0, 10, 20)
		if get(c, token(5000+n), 10) != nil {
			in++
		}
	}
	if in < 90 {
		t.Errorf("%d of 100 new tokens got in", in)
	}
	checkBytes(t, c)
}

func TestTheSeedIsEachCachesOwn(t *testing.T) {
	a, b := tokencache.New[int](1<<20), tokencache.New[int](1<<20)
	same := 0
	for n := range 1000 {
		if a.SetOf(token(n)) == b.SetOf(token(n)) {
			same++
		}
	}
	// Two that do not depend on each other agree in one of Sets.
	if same > 50 {
		t.Errorf("%d of 1000 tokens are in the same set of two caches with %d", same, a.Sets())
	}
}

// Tokens are spread over the sets by their signature, whatever it looks like.
func TestTheSetsAreUsedEvenly(t *testing.T) {
	c := tokencache.New[int](1 << 20)
	counts := make([]int, c.Sets())
	for n := range 8 * c.Sets() {
		counts[c.SetOf(token(n))]++
	}
	for s, n := range counts {
		if n > 32 {
			t.Errorf("set %d has %d tokens, 8 on average", s, n)
		}
	}
}

// Memory is what the cache says it is: the heap grows by its budget at most.
func TestTheHeapStaysWithinTheBudget(t *testing.T) {
	const budget = 8 << 20
	heap := func() uint64 {
		var s runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&s)
		return s.HeapAlloc
	}
	type value struct{ payload string }
	before := heap()
	c := tokencache.New[value](budget)
	goroutines := runtime.NumGoroutine()
	for n := range 30_000 {
		length := 300 + n%17*100
		text := tokenOf(n, length)
		put(c, text, value{string(make([]byte, length/2))}, length/2, 0, 10)
		if n%3 == 0 {
			put(c, text, value{string(make([]byte, length/2))}, length/2, 0, 10)
		}
	}
	checkBytes(t, c)
	grown := int64(heap()) - int64(before)
	t.Logf("%d bytes of %d", grown, budget)
	if grown > budget || grown < budget/2 {
		t.Errorf("the heap has grown by %d bytes, the budget is %d", grown, budget)
	}
	if n := runtime.NumGoroutine(); n > goroutines {
		t.Errorf("%d goroutines, %d before", n, goroutines)
	}
	runtime.KeepAlive(c)
}

func TestReadingAllocatesNothing(t *testing.T) {
	c := tokencache.New[[8]int](1 << 20)
	known, unknown := token(1), token(2)
	put(c, known, [8]int{1}, 0, 0, 10)
	if n := testing.AllocsPerRun(100, func() {
		if get(c, known, 1) == nil || get(c, unknown, 1) != nil {
			t.Fatal("wrong")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	full := tokencache.New[[8]int](64 << 10)
	for n := range 500 {
		put(full, token(n), [8]int{n}, 0, 0, 10)
	}
	news := make([]string, 101)
	for n := range news {
		news[n] = token(1000 + n)
	}
	next := 0
	if n := testing.AllocsPerRun(100, func() {
		if full.Admit(news[next], 0, at(0), at(10)) != nil {
			t.Error("there is room")
		}
		next++
	}); n != 0 {
		t.Errorf("a token that has no prospect allocates %v times", n)
	}
	if n := testing.AllocsPerRun(100, func() { put(c, known, [8]int{1}, 0, 0, 10) }); n != 2 {
		t.Errorf("to put a token in allocates %v times, want the entry and the token", n)
	}
}

// 256 goroutines on a cache that is too small for what they put in: each finds
// its own values or none, and no byte is lost or counted twice.
func TestRace(t *testing.T) {
	const workers, rounds = 256, 300
	c := tokencache.New[int](128 << 10)
	var (
		running sync.WaitGroup
		clock   atomic.Int64
		hits    atomic.Int64
		stop    = make(chan struct{})
		watcher sync.WaitGroup
	)
	watcher.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if used := c.Used(); used < 0 || used > c.Limit() {
				t.Errorf("%d bytes are held, of %d", used, c.Limit())
				return
			}
			runtime.Gosched()
		}
	})
	for w := range workers {
		running.Go(func() {
			random := rand.New(rand.NewPCG(uint64(w), 0))
			for range rounds {
				n := min(random.IntN(400), random.IntN(400))
				now := clock.Load()
				if random.IntN(50) == 0 {
					clock.Add(random.Int64N(4) - 1)
				}
				if v := get(c, token(n), now); v != nil {
					hits.Add(1)
					if *v != n {
						t.Errorf("%d, want %d", *v, n)
					}
					continue
				}
				put(c, token(n), n, 10*(n%30), now, now+50)
			}
		})
	}
	running.Wait()
	close(stop)
	watcher.Wait()
	checkBytes(t, c)
	if hits.Load() == 0 {
		t.Error("no hits")
	}
}

// All of one set: the worst that an owner of the key could do who knew the seed.
func TestOneSetHoldsEight(t *testing.T) {
	c := tokencache.New[int](1 << 20)
	var same []string
	for n := 0; len(same) < 100; n++ {
		if text := token(n); c.SetOf(text) == 0 {
			same = append(same, text)
		}
	}
	for range 3 {
		for n, text := range same {
			if get(c, text, 0) == nil {
				put(c, text, n, 0, 0, 10)
			}
		}
	}
	if _, entries := c.Held(); entries != 8 {
		t.Errorf("%d entries, want 8", entries)
	}
	checkBytes(t, c)
	// The one that is read stays, among those that come twice.
	for n := 0; get(c, same[0], 0) == nil; n++ {
		if put(c, same[0], 0, 0, 0, 10); n > 3 {
			t.Fatal("it does not get in")
		}
	}
	for _, text := range same[1:] {
		for range 2 {
			if get(c, text, 0) == nil {
				put(c, text, 1, 0, 0, 10)
			}
		}
		if get(c, same[0], 0) == nil {
			t.Fatal("the one that is read was pushed out")
		}
	}
}

func FuzzCache(f *testing.F) {
	f.Add([]byte("\x00\x01\x02"), uint16(20))
	f.Add([]byte(strings.Repeat("\x05\x86\x07\xff", 50)), uint16(60))
	f.Fuzz(func(t *testing.T, script []byte, kib uint16) {
		c := tokencache.New[int](int64(kib%256) << 10)
		if c == nil {
			return
		}
		type remembered struct {
			value       int
			from, until int64
		}
		model := make(map[string]remembered)
		now := int64(0)
		for i, b := range script {
			text := tokenOf(int(b&15), 32+100*int(b&3))
			switch b >> 5 {
			case 0, 1:
				if putAt(c, text, i, int(b), at(now), at(now+int64(b&31))) {
					model[text] = remembered{i, now, now + int64(b&31)}
				}
			case 2:
				now += int64(b&31) - 8
			default:
				v := get(c, text, now)
				if m := model[text]; v != nil && (*v != m.value || now < m.from || now >= m.until) {
					t.Fatalf("%d at %d, want %+v", *v, now, m)
				}
			}
			checkBytes(t, c)
		}
	})
}
