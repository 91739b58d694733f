// Login-flood measures what a flood of wrong logins does to the rest of a
// service: it serves a token endpoint and a protected route on the loopback
// interface, has a second process of itself ask for both, and prints what came of
// it beside the goals.
//
//	go run ./examples/login-flood
//
// It takes a minute and all of the machine: both processes share its cores, so
// that figures of an otherwise idle machine are still worse than those of a
// service whose clients are elsewhere. It fails if a verification does, or if a
// login gets an answer that it should not get; a missed goal is only printed.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"runtime/metrics"
	"sync/atomic"
	"time"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/accounts"
	"github.com/gobearer/bearer/keys"
)

func main() {
	log.SetFlags(0)
	duration := flag.Duration("duration", 30*time.Second, "of the flood; the other phases take a third of it each")
	verifications := flag.Int("verifications", 2000, "requests with a token a second")
	logins := flag.Int("logins", 500, "wrong logins a second, during the flood")
	load := flag.Bool("load", false, "be the second process, which takes its orders from standard input")
	flag.Parse()
	run := func() error { return report(context.Background(), *duration, *verifications, *logins) }
	if *load {
		run = obey
	}
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

// crowd is how many users log in at once, each from an address of his own.
const crowd = 64

func report(ctx context.Context, duration time.Duration, verifications, logins int) error {
	slots := max(1, runtime.GOMAXPROCS(0)-1) // the default of accounts.New
	load, _ := os.ReadFile("/proc/loadavg")
	fmt.Printf("%s, %d CPUs, load %.14s; %d slots, a queue of %d\n\n", runtime.Version(), runtime.NumCPU(), load, slots, 64*slots)

	s, err := serve(ctx)
	if err != nil {
		return err
	}
	c, err := startChild(ctx)
	if err != nil {
		return err
	}
	third := duration / 3
	base := order{URL: s.url, Token: s.token, Users: s.users}
	phase := func(o order) (tally, uint64, error) {
		o.URL, o.Token, o.Users = base.URL, base.Token, base.Users
		stop := peakHeap()
		t, err := c.do(o)
		return t, stop(), err
	}
	// The first second fills connections and caches, and does not count.
	if _, _, err := phase(order{For: time.Second, Verifications: verifications}); err != nil {
		return err
	}
	idle, idleHeap, err := phase(order{For: third, Verifications: verifications})
	if err != nil {
		return err
	}
	flood, floodHeap, err := phase(order{For: duration, Verifications: verifications, WrongLogins: logins})
	if err != nil {
		return err
	}
	two, _, err := phase(order{For: third, GoodLogins: 2})
	if err != nil {
		return err
	}
	many, _, err := phase(order{For: third, GoodLogins: crowd})
	if err != nil {
		return err
	}

	line := func(what, measured, goal string) { fmt.Printf("%-46s %-42s %s\n", what, measured, goal) }
	ms := func(d time.Duration) string { return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond)) }
	spreadOf := func(s spread) string { return fmt.Sprintf("p50 %s, p99 %s, most %s", ms(s.P50), ms(s.P99), ms(s.Most)) }
	mib := func(n uint64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }
	line("", "measured", "goal")
	line(fmt.Sprintf("%d verifications beside nothing", idle.Verified.N), spreadOf(idle.Verified), "")
	line(fmt.Sprintf("%d verifications beside the flood", flood.Verified.N), spreadOf(flood.Verified), "")
	line("verifications that failed", fmt.Sprint(idle.Failed+flood.Failed), "0")
	line("p99 beside the flood, to p99 beside nothing", fmt.Sprintf("%.2f", float64(flood.Verified.P99)/float64(idle.Verified.P99)), "at most 5")
	for _, status := range []int{http.StatusBadRequest, http.StatusTooManyRequests} {
		if t, ok := flood.Logins[status]; ok {
			line(fmt.Sprintf("%d logins answered with %d", t.N, status), spreadOf(t), "")
		}
	}
	if t, ok := flood.Logins[http.StatusServiceUnavailable]; ok {
		line(fmt.Sprintf("%d logins beyond the queue, by the client", t.N), spreadOf(t), "p99 under 10 ms")
		line("the same, in the Authenticator", "most "+ms(time.Duration(s.busy.Load())), "")
	}
	line("peak heap beside nothing", mib(idleHeap), "")
	line("peak heap beside the flood", mib(floodHeap), "at most "+mib(uint64(4*slots*19)<<20))
	rate := func(t tally) float64 { return float64(t.Logins[http.StatusOK].N) / third.Seconds() }
	line(fmt.Sprintf("good logins a second, at 2 and %d at once", crowd), fmt.Sprintf("%.1f, %.1f", rate(two), rate(many)), "")
	line("their ratio", fmt.Sprintf("%.2f", rate(many)/rate(two)), "at least 0.9")

	var errs []error
	for _, t := range []tally{idle, flood, two, many} {
		for _, fault := range t.Faults {
			errs = append(errs, errors.New(fault))
		}
	}
	if err := c.end(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// A service is what is measured.
type service struct {
	url   string
	token string // for the protected route
	users []user
	busy  atomic.Int64 // the longest that a refusal beyond the queue took
}

func serve(ctx context.Context) (*service, error) {
	s := &service{}
	store := new(accounts.MemoryStore)
	admin := accounts.Admin{Store: store}
	for i := range crowd {
		u := user{Name: fmt.Sprintf("user-%d", i), Password: "correct horse battery staple"}
		token, err := admin.Create(ctx, bearer.Account{UserName: u.Name}, u.Password)
		if err != nil {
			return nil, err
		}
		u.PrivateToken = token
		s.users = append(s.users, u)
	}
	auth, err := accounts.New(store, accounts.WithObserver(func(_ context.Context, e accounts.Event) {
		if e.Outcome == accounts.Busy && int64(e.Duration) > s.busy.Load() {
			s.busy.Store(int64(e.Duration))
		}
	}))
	if err != nil {
		return nil, err
	}
	key, err := keys.Generate(keys.HS256)
	if err != nil {
		return nil, err
	}
	ring, err := keys.NewRing(key)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.url = "http://" + listener.Addr().String()
	// The load says by X-Forwarded-For where each login comes from, as if it were a proxy.
	issuer, err := bearer.NewIssuer(s.url, ring, auth, bearer.WithTrustedProxies(netip.MustParsePrefix("127.0.0.0/8")))
	if err != nil {
		return nil, err
	}
	response, err := issuer.Issue(ctx, &bearer.Account{ID: "1087", UserName: "tom", Roles: []string{"user"}}, bearer.ValidityDefault)
	if err != nil {
		return nil, err
	}
	s.token = response.AccessToken
	protect, err := bearer.NewMiddleware[bearer.Claims](issuer.Trust())
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	issuer.Mount(mux)
	mux.Handle("GET /me", protect.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		info, _ := bearer.InfoFromContext(r.Context())
		_, _ = io.WriteString(w, info.Subject)
	})))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() { log.Fatal(server.Serve(listener)) }()
	return s, nil
}

// peakHeap watches the heap, garbage included, until it is asked for its peak.
func peakHeap() (stop func() uint64) {
	runtime.GC()
	ended, peak := make(chan struct{}), make(chan uint64)
	go func() {
		most, sample := uint64(0), []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		for tick := time.Tick(5 * time.Millisecond); ; {
			select {
			case <-ended:
				peak <- most
				return
			case <-tick:
				metrics.Read(sample)
				most = max(most, sample[0].Value.Uint64())
			}
		}
	}()
	return func() uint64 {
		close(ended)
		return <-peak
	}
}

// A child is the second process.
type child struct {
	command *exec.Cmd
	orders  io.WriteCloser
	tallies *json.Decoder
}

func startChild(ctx context.Context) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{command: exec.CommandContext(ctx, self, "-load")}
	c.command.Stderr = os.Stderr
	if c.orders, err = c.command.StdinPipe(); err != nil {
		return nil, err
	}
	answers, err := c.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.tallies = json.NewDecoder(answers)
	return c, c.command.Start()
}

func (c *child) do(o order) (t tally, err error) {
	if err := json.NewEncoder(c.orders).Encode(o); err != nil {
		return tally{}, err
	}
	return t, c.tallies.Decode(&t)
}

func (c *child) end() error {
	if err := c.orders.Close(); err != nil {
		return err
	}
	return c.command.Wait()
}
