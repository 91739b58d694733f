package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"
)

// An order is one phase of load.
type order struct {
	URL, Token    string
	Users         []user
	For           time.Duration
	Verifications int // a second
	WrongLogins   int // a second
	GoodLogins    int // at once, each after the other
}

type user struct{ Name, Password, PrivateToken string }

// A tally is what came of an order.
type tally struct {
	Verified spread
	Failed   int            // verifications
	Logins   map[int]spread // by status
	Faults   []string       // answers that should not have been given, up to ten
}

// A spread is of durations from when a request was due to the end of its answer:
// a client that is late for its next request hides nothing.
type spread struct {
	N              int
	P50, P99, Most time.Duration
}

func spreadOf(all []time.Duration) spread {
	if len(all) == 0 {
		return spread{}
	}
	slices.Sort(all)
	return spread{len(all), all[len(all)/2], all[len(all)*99/100], all[len(all)-1]}
}

// obey takes orders until there are no more.
func obey() error {
	orders, tallies := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1000}}
	for wrong := 0; ; {
		var o order
		if err := orders.Decode(&o); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		l := &loader{order: o, client: client, logins: map[int][]time.Duration{}, wrong: wrong}
		if err := tallies.Encode(l.carryOut()); err != nil {
			return err
		}
		wrong += int(o.For.Seconds()*float64(o.WrongLogins)) + 1 // no user name comes twice
	}
}

type loader struct {
	order
	client *http.Client
	wrong  int // the number of the first wrong login

	mu       sync.Mutex
	verified []time.Duration
	failed   int
	logins   map[int][]time.Duration
	faults   []string
}

func (l *loader) carryOut() tally {
	var all sync.WaitGroup
	start := time.Now()
	all.Go(func() { pace(l.Verifications, start, l.For, func(_ int, due time.Time) { l.verify(due) }) })
	all.Go(func() { pace(l.WrongLogins, start, l.For, l.loginWrong) })
	ctx, cancel := context.WithDeadline(context.Background(), start.Add(l.For))
	defer cancel()
	for i := range l.GoodLogins {
		all.Go(func() { l.loginAgainAndAgain(ctx, i) })
	}
	all.Wait()
	t := tally{Verified: spreadOf(l.verified), Failed: l.failed, Faults: l.faults, Logins: map[int]spread{}}
	for status, durations := range l.logins {
		t.Logins[status] = spreadOf(durations)
	}
	return t
}

// pace calls f rate times a second, when each call is due, whether or not the
// ones before it have returned.
func pace(rate int, start time.Time, d time.Duration, f func(i int, due time.Time)) {
	if rate == 0 {
		return
	}
	var all sync.WaitGroup
	defer all.Wait()
	for i := 0; ; i++ {
		due := start.Add(time.Duration(i) * time.Second / time.Duration(rate))
		if due.Sub(start) >= d {
			return
		}
		time.Sleep(time.Until(due))
		all.Go(func() { f(i, due) })
	}
}

func (l *loader) fault(format string, args ...any) {
	if len(l.faults) < 10 {
		l.faults = append(l.faults, fmt.Sprintf(format, args...))
	}
}

// do sends a request and reads all of its answer.
func (l *loader) do(r *http.Request) (*http.Response, error) {
	response, err := l.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response, err
}

func (l *loader) verify(due time.Time) {
	r, err := http.NewRequest(http.MethodGet, l.URL+"/me", nil)
	if err != nil {
		panic(err) // of a URL that the other process made
	}
	r.Header.Set("Authorization", "Bearer "+l.Token)
	response, err := l.do(r)
	took := time.Since(due)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.verified = append(l.verified, took)
	if err != nil || response.StatusCode != http.StatusOK {
		l.failed++
		l.fault("a verification: %v, %v", status(response), err)
	}
}

func status(r *http.Response) int {
	if r == nil {
		return 0
	}
	return r.StatusCode
}

// login logs in as if from an address of its own.
func (l *loader) login(ctx context.Context, u user, number int) (*http.Response, error) {
	body, err := json.Marshal(map[string]string{"userName": u.Name, "password": u.Password, "privateToken": u.PrivateToken})
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, l.URL+"/token", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Forwarded-For", fmt.Sprintf("10.%d.%d.%d", number>>16&255, number>>8&255, number&255))
	return l.do(r)
}

func (l *loader) loginWrong(i int, due time.Time) {
	number := l.wrong + i + 1<<16 // behind the users' own addresses
	response, err := l.login(context.Background(), user{fmt.Sprintf("nobody-%d", number), "a wrong password", "a wrong token"}, number)
	took := time.Since(due)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.fault("a wrong login: %v", err)
		return
	}
	l.logins[response.StatusCode] = append(l.logins[response.StatusCode], took)
	switch response.StatusCode {
	case http.StatusBadRequest, http.StatusTooManyRequests:
	case http.StatusServiceUnavailable:
		if retry := response.Header.Get("Retry-After"); retry != "1" {
			l.fault("a login beyond the queue: Retry-After %q", retry)
		}
	default:
		l.fault("a wrong login: %s", response.Status)
	}
}

// loginAgainAndAgain counts the logins that end before ctx does.
func (l *loader) loginAgainAndAgain(ctx context.Context, i int) {
	for {
		start := time.Now()
		response, err := l.login(ctx, l.Users[i], i)
		took := time.Since(start)
		if ctx.Err() != nil {
			return
		}
		l.mu.Lock()
		if err != nil || response.StatusCode != http.StatusOK {
			l.fault("a good login: %v, %v", status(response), err)
			l.mu.Unlock()
			return
		}
		l.logins[http.StatusOK] = append(l.logins[http.StatusOK], took)
		l.mu.Unlock()
	}
}
