package keys

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A RemoteSource is a [Source] of the public keys that an issuer serves as a
// JWK set. [Remote] and [Discover] make it. It is safe for concurrent use; the
// zero RemoteSource fails.
//
// It is lazy: nothing is fetched before the first Lookup or Warm. A fetch runs
// in one goroutine that ends with it, whoever asked for it and whether or not
// they still wait; there is no other goroutine, and nothing to close. What a
// fetch brings replaces all that was there: a key that the issuer removed stops
// working at the next refresh.
//
//   - A known key is served from memory and never waits. A request that finds
//     the set older than the refresh interval starts a refresh beside it.
//   - When fetches fail the known keys go on working until the hard age, and
//     retries back off to one a minute. Without usable keys, one attempt is made
//     each second in which somebody asks, whatever became of the last.
//   - Unknown ids, of which anybody can send any number, cause a burst of two
//     fetches and one more every ten seconds. An id that a fetch shows to be
//     absent has no key for those ten seconds; one that could not be looked for
//     is an error. The first fetch, refreshes and failed fetches do not count:
//     of a server that fails half of the time there may be twice as many.
//   - A token with the id and algorithm of a known key causes no fetch, whatever
//     its signature. Nor does one to which a key without an id applies, whatever the
//     token's id: next to such keys new ids are found at the next refresh,
//     and where one of them changes its tokens are refused until then.
//
// A fetch takes five seconds at most, all requests of it together, and fails on
// any status but 200, more than 1 MiB, a redirect to another host, more than
// three redirects, JSON with duplicate members, more than 100 keys, and a set
// without a usable key. The last may be what a server says that is starting, so
// it empties nothing: to withdraw every key at once, publish a new one.
//
// Keys that are of an unknown type, curve, algorithm or use, broken, weak,
// symmetric or private are skipped; so are keys that one id and algorithm name
// together, unless they are equal, because nobody can tell which one is meant.
//
// What it does NOT do: it does not heed the response's Cache-Control or
// Content-Type, and it sends and keeps no cookies.
type RemoteSource struct {
	o      *remoteOptions // nil in the zero RemoteSource
	locate func(context.Context) (jwksURL string, err error)
	view   atomic.Pointer[remoteView] // never nil where o is not

	mu      sync.Mutex
	pending []*remoteFetch // more than one only while no usable keys are there
	begun   uint64         // how many fetches have begun
	last    time.Time      // when the last one did
	asked   map[selector]uint64
	credit  remoteCredit
	failed  int       // fetches in a row
	idsAt   time.Time // before then unknown ids start no fetch, because the last one failed
}

// A remoteView is what a RemoteSource knows at an instant. It is immutable, and
// replaced as a whole.
type remoteView struct {
	*remoteSet
	from      time.Time // when the fetch began that brought the set
	fetch     uint64    // which one that was; 0: none yet
	absent    map[selector]struct{}
	refreshAt time.Time // when a request starts a refresh; zero: a fetch is under way
	err       error     // of the last fetch
}

// Remote finds keys in the JWK set (RFC 7517 section 5) at an address: https,
// or http on the loopback interface. It fetches nothing yet: see
// [RemoteSource.Warm].
func Remote(jwksURL string, opts ...RemoteOption) (*RemoteSource, error) {
	o := applyRemoteOptions(opts)
	if _, err := checkAddress(jwksURL, o.allowHTTP); err != nil {
		o.list = append(o.list, fmt.Errorf("the address of the JWK set %w", err))
	}
	return newRemote(o, func(context.Context) (string, error) { return jwksURL, nil })
}

func newRemote(o *remoteOptions, locate func(context.Context) (string, error)) (*RemoteSource, error) {
	if err := errors.Join(o.list...); err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	s := &RemoteSource{o: o, locate: locate, asked: make(map[selector]uint64)}
	s.view.Store(new(remoteView))
	return s, nil
}

var errNoRemote = errors.New("keys: the source has no address: make it with Remote or Discover")

// Lookup implements [Source]. It answers from memory where it can, without a
// lock, and else waits for a fetch or two (eleven seconds at most), and no longer
// than ctx. It fails when it cannot know: when there are no usable keys and
// fetching them failed, when the id is unknown and may not be looked for yet,
// and when ctx ends first. Only then does the error wrap that of ctx.
func (s *RemoteSource) Lookup(ctx context.Context, h Header) ([]*Key, error) {
	found, err := s.lookup(ctx, h)
	return slices.Clone(found), err
}

func (s *RemoteSource) lookup(ctx context.Context, h Header) ([]*Key, error) {
	if s == nil || s.o == nil {
		return nil, errNoRemote
	}
	// No set has such keys, so no set is asked for them.
	if suite, ok := suites[h.Algorithm]; !ok || suite.kty == ktyOct {
		return nil, nil
	}
	v, now := s.view.Load(), time.Now()
	found, ok := v.answer(h, now, s.o.hardAge)
	if !ok {
		return s.find(ctx, h)
	}
	if v.due(now) {
		s.refresh()
	}
	return found, nil
}

// Warm fetches the keys now, or waits for the fetch that is under way. It is for
// those who want to fail at start, and for health checks: see [Status]. It
// returns nil when usable keys are there after it: those it fetched or, if that
// failed, those of before. While there are none it fetches once a second at most,
// however often it is called, and in between returns why it last failed.
func (s *RemoteSource) Warm(ctx context.Context) error {
	if s == nil || s.o == nil {
		return errNoRemote
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	s.mu.Lock()
	f, v, now := s.current(), s.view.Load(), time.Now()
	if f == nil && !v.usable(now, s.o.hardAge) && !s.attemptDue(now) && v.err != nil {
		s.mu.Unlock()
		return fmt.Errorf("keys: there are no usable keys: %w", v.err)
	}
	if f == nil {
		f = s.start(now)
	}
	s.mu.Unlock()
	if err := s.wait(ctx, f); err != nil && (ctx.Err() != nil || !s.view.Load().usable(time.Now(), s.o.hardAge)) {
		return err
	}
	return nil
}

// A Status is what a [RemoteSource] knows at an instant.
//
// A health check that takes a replica out of service should look at Usable
// alone: it is false before the first fetch and after the keys' hard age. It must
// then call Warm, since a replica without requests fetches nothing by itself. Err
// with Usable is a reason to warn: the keys still work, and stop when Age reaches
// the hard age.
type Status struct {
	Usable    bool          // there are keys, younger than the hard age
	FetchedAt time.Time     // when the fetch that brought them began; zero: none has
	Age       time.Duration // since FetchedAt; zero: see there
	Keys      int           // how many there are
	Skipped   int           // members of the set that are not among them: for other uses, unknown, broken, weak, ambiguous
	Err       error         // why the last fetch failed; nil if it did not
}

// Status tells a health check the age and state of the keys. It takes no lock,
// fetches nothing and never waits.
func (s *RemoteSource) Status() Status {
	if s == nil || s.o == nil {
		return Status{Err: errNoRemote}
	}
	return s.view.Load().status(time.Now(), s.o.hardAge)
}

func (v *remoteView) status(now time.Time, hardAge time.Duration) Status {
	if v.remoteSet == nil {
		return Status{Err: v.err}
	}
	return Status{
		Usable: v.usable(now, hardAge), FetchedAt: v.from, Age: v.age(now),
		Keys: v.size, Skipped: v.skipped, Err: v.err,
	}
}

// age is by the clock that stands still while a machine sleeps, or by the other
// one if that says more.
func (v *remoteView) age(now time.Time) time.Duration {
	return max(now.Sub(v.from), now.Round(0).Sub(v.from.Round(0)))
}

func (v *remoteView) usable(now time.Time, hardAge time.Duration) bool {
	return v.remoteSet != nil && v.age(now) < hardAge
}

// due reports whether a request should start a refresh.
func (v *remoteView) due(now time.Time) bool {
	return !v.refreshAt.IsZero() && (!now.Before(v.refreshAt) || now.Round(0).After(v.refreshAt.Round(0)))
}

// answer is what memory says about a header; false: nothing.
func (v *remoteView) answer(h Header, now time.Time, hardAge time.Duration) ([]*Key, bool) {
	if !v.usable(now, hardAge) {
		return nil, false
	}
	if found := v.set.candidates(h); len(found) > 0 {
		return found, true
	}
	// No key of any set has an id that checkID refuses.
	if h.KeyID != "" && checkID(h.KeyID) != nil {
		return nil, true
	}
	// For ten seconds, because whoever guesses the id of the next key could
	// otherwise have it refused until the next refresh.
	if v.age(now) < creditInterval {
		if _, ok := v.absent[selector{h.Algorithm, h.KeyID}]; ok {
			return nil, true
		}
	}
	return nil, false
}

// A RemoteOption sets a detail of [Remote] or [Discover]. Each may be given
// once.
type RemoteOption func(*remoteOptions)

type remoteOptions struct {
	problems
	client    *http.Client // of our own, so that nobody changes it
	refresh   time.Duration
	hardAge   time.Duration
	rsa       Algorithm // of RSA keys that state none; empty: the usual one
	allowHTTP bool
	hook      func(Status)
}

const (
	defaultRefresh = 5 * time.Minute
	defaultHardAge = 24 * time.Hour
)

// WithHTTPClient fetches with a client of the caller's: its Transport, its
// Timeout if that is below five seconds, and its CheckRedirect besides the rules
// of this package. Its cookies are not used. The client is copied. The default
// is the zero [http.Client].
func WithHTTPClient(client *http.Client) RemoteOption {
	return func(o *remoteOptions) {
		if o.once("WithHTTPClient"); client == nil {
			o.refuse("WithHTTPClient is nil: leave it out for the zero http.Client")
			return
		}
		own := *client
		o.client = &own
	}
}

// WithRefreshInterval sets the age from which requests refresh the keys: how
// long a removed key goes on working while requests come. The default is five
// minutes, or half of [WithHardAge] where that is less.
func WithRefreshInterval(d time.Duration) RemoteOption {
	return func(o *remoteOptions) {
		if o.once("WithRefreshInterval"); d <= 0 {
			o.refuse("WithRefreshInterval is not above zero: use minutes, or leave it out for five")
		}
		o.refresh = d
	}
}

// WithHardAge sets the age from which keys are not used, however long their
// server has been down: how long a key may go on working that was removed
// behind an outage. The default is 24 hours.
func WithHardAge(d time.Duration) RemoteOption {
	return func(o *remoteOptions) {
		if o.once("WithHardAge"); d <= 0 {
			o.refuse("WithHardAge is not above zero: use hours, or leave it out for 24")
		}
		o.hardAge = d
	}
}

// WithAlgorithms says what keys are for that state no algorithm: each gets the
// one that fits its type and curve, else its type's usual one (RS256, the ES
// that goes with its curve, EdDSA).
func WithAlgorithms(algs ...Algorithm) RemoteOption {
	return func(o *remoteOptions) {
		if o.once("WithAlgorithms"); len(algs) == 0 {
			o.refuse("WithAlgorithms names none: leave it out for the usual ones")
		}
		seen := make(map[string]bool)
		for _, alg := range algs {
			s, ok := suites[alg]
			if !ok {
				o.list = append(o.list, fmt.Errorf("WithAlgorithms: %w", checkAlgorithm(alg)))
				continue
			}
			kind := s.kty
			if s.curve != nil {
				kind += " on " + s.curve.Params().Name
			}
			switch {
			case s.kty == ktyOct:
				o.refuse(fmt.Sprintf("WithAlgorithms names %s, and secrets are not published: use Static for them", alg))
			case seen[kind]:
				o.refuse(fmt.Sprintf("WithAlgorithms names two for %s keys: use the one that the issuer signs with", kind))
			case s.kty == ktyRSA:
				o.rsa = alg
			}
			seen[kind] = true
		}
	}
}

// WithFetchHook calls hook after each fetch that was not given up because another
// one had succeeded, in the goroutine of the fetch, which
// may be at the same time as for another one: what takes long belongs behind a
// channel. Err says how that fetch ended.
func WithFetchHook(hook func(Status)) RemoteOption {
	return func(o *remoteOptions) {
		if o.once("WithFetchHook"); hook == nil {
			o.refuse("WithFetchHook is nil: leave it out")
		}
		o.hook = hook
	}
}

// DangerouslyAllowHTTP permits http to hosts beyond the loopback interface:
// whoever is on the way can serve keys of their own, and then make any token.
// An issuer that was named by https still cannot point to keys by http.
func DangerouslyAllowHTTP() RemoteOption {
	return func(o *remoteOptions) {
		o.once("DangerouslyAllowHTTP")
		o.allowHTTP = true
	}
}

func applyRemoteOptions(opts []RemoteOption) *remoteOptions {
	o := &remoteOptions{client: new(http.Client), refresh: defaultRefresh, hardAge: defaultHardAge}
	apply(o, &o.problems, opts)
	switch {
	case !o.given["WithRefreshInterval"]:
		o.refresh = min(o.refresh, o.hardAge/2)
	case o.refresh >= o.hardAge && o.hardAge > 0:
		o.refuse(fmt.Sprintf("WithRefreshInterval is not below the hard age of %v: use a fraction of it", o.hardAge))
	}
	restrict(o.client)
	return o
}
