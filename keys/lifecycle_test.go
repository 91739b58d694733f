package keys_test

import (
	"bytes"
	"context"
	"crypto"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobearer/bearer/keys"
)

// A fakeClock is set by tests, from any goroutine.
type fakeClock struct{ nanos atomic.Int64 }

func clockAt(t time.Time) *fakeClock {
	c := new(fakeClock)
	c.set(t)
	return c
}

func (c *fakeClock) now() time.Time           { return time.Unix(0, c.nanos.Load()) }
func (c *fakeClock) set(t time.Time)          { c.nanos.Store(t.UnixNano()) }
func (c *fakeClock) move(d time.Duration)     { c.nanos.Add(int64(d)) }
func (c *fakeClock) option() keys.RingOption  { return keys.WithClock(c.now) }
func (c *fakeClock) at(d time.Duration) int64 { return epoch.Add(d).Unix() }

var epoch = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

const (
	delay  = 5 * time.Minute // the default
	leeway = 5 * time.Minute // the largest of a verifier
)

// named are keys of the test's own, which sign with HMAC: the fastest.
func named(t testing.TB, id string) *keys.Key {
	t.Helper()
	return newKey(t, keys.HS256, []byte(strings.Repeat(id+"-", 40)), keys.WithID(id))
}

// describe is a ring's states in short: "a:retiring b:active".
func describe(r *keys.Ring) string {
	var parts []string
	for _, s := range r.States() {
		parts = append(parts, s.ID+":"+s.State)
	}
	return strings.Join(parts, " ")
}

func signer(t testing.TB, r *keys.Ring) string {
	t.Helper()
	k, err := r.SigningKey()
	if err != nil {
		t.Fatal(err)
	}
	return k.ID()
}

func offers(t testing.TB, s keys.Source, alg keys.Algorithm, kid string) bool {
	t.Helper()
	found, err := s.Lookup(context.Background(), keys.Header{Algorithm: alg, KeyID: kid})
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(found, func(k *keys.Key) bool { return k.ID() == kid })
}

func publishedIDs(t testing.TB, r *keys.Ring) []string {
	t.Helper()
	w := httptest.NewRecorder()
	r.JWKS().ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	var set struct{ Keys []map[string]any }
	if err := json.Unmarshal(w.Body.Bytes(), &set); err != nil || w.Code != 200 {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	ids := []string{}
	for _, k := range set.Keys {
		for _, name := range privateMembers {
			if _, ok := k[name]; ok {
				t.Errorf("the JWK set has %s", name)
			}
		}
		ids = append(ids, k["kid"].(string))
	}
	return ids
}

var privateMembers = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k", "nbf", "exp", "serial"}

func TestLifeCycle(t *testing.T) {
	const keep = time.Hour
	rotate := func(id string) func(testing.TB, *keys.Ring) {
		return func(t testing.TB, r *keys.Ring) {
			t.Helper()
			if err := r.Rotate(named(t, id)); err != nil {
				t.Fatal(err)
			}
		}
	}
	remove := func(id string) func(testing.TB, *keys.Ring) {
		return func(t testing.TB, r *keys.Ring) {
			t.Helper()
			if err := r.Remove(id); err != nil {
				t.Fatal(err)
			}
		}
	}
	type step struct {
		at   time.Duration // since epoch
		do   func(testing.TB, *keys.Ring)
		want string
	}
	tests := []struct {
		name  string
		opts  []keys.RingOption
		steps []step
	}{
		{"a ring of one key signs at any time", nil, []step{
			{0, nil, "a:active"},
			{-20 * 365 * 24 * time.Hour, nil, "a:active"},
			{200 * 365 * 24 * time.Hour, nil, "a:active"},
		}},
		{"a rotation, on both sides of each instant", nil, []step{
			{0, rotate("b"), "a:active b:pending"},
			{delay - 1, nil, "a:active b:pending"},
			{delay, nil, "a:retiring b:active"},
			{delay + keep + leeway - 1, nil, "a:retiring b:active"},
			{delay + keep + leeway, nil, "b:active"},
		}},
		{"a rotation within a second waits for the next whole one", nil, []step{
			{1, rotate("b"), "a:active b:pending"},
			{delay + 1, nil, "a:active b:pending"},
			{delay + time.Second - 1, nil, "a:active b:pending"},
			{delay + time.Second, nil, "a:retiring b:active"},
		}},
		{"the clock set back: what was comes back", nil, []step{
			{0, rotate("b"), "a:active b:pending"},
			{delay, nil, "a:retiring b:active"},
			{delay - 1, nil, "a:active b:pending"},
			{-time.Hour, nil, "a:active b:pending"},
			{delay + keep + leeway, nil, "b:active"},
			{delay, nil, "a:retiring b:active"},
		}},
		{"no publish delay: signs at once", []keys.RingOption{keys.WithPublishDelay(0)}, []step{
			{0, rotate("b"), "a:retiring b:active"},
			{1, rotate("c"), "a:retiring b:retiring c:active"},
			{keep + leeway - 1, nil, "a:retiring b:retiring c:active"},
			{keep + leeway, nil, "c:active"},
		}},
		{"a longer publish delay", []keys.RingOption{keys.WithPublishDelay(24 * time.Hour)}, []step{
			{0, rotate("b"), "a:active b:pending"},
			{24*time.Hour - 1, nil, "a:active b:pending"},
			{24 * time.Hour, nil, "a:retiring b:active"},
		}},
		{"a second rotation while one is pending: each from its own instant", nil, []step{
			{0, rotate("b"), "a:active b:pending"},
			{time.Minute, rotate("c"), "a:active b:pending c:pending"},
			{delay, nil, "a:retiring b:active c:pending"},
			{delay + time.Minute - 1, nil, "a:retiring b:active c:pending"},
			{delay + time.Minute, nil, "a:retiring b:retiring c:active"},
			{delay + keep + leeway, nil, "b:retiring c:active"},
			{delay + time.Minute + keep + leeway, nil, "c:active"},
		}},
		{"two rotations at one instant: the later one signs", nil, []step{
			{0, rotate("b"), "a:active b:pending"},
			{0, rotate("c"), "a:active b:pending c:pending"},
			{delay, nil, "a:retiring b:retiring c:active"},
		}},
		{"a rotation after the clock was set back keeps the order", nil, []step{
			{0, rotate("b"), "a:active b:pending"},
			{-time.Hour, rotate("c"), "a:active b:pending c:pending"},
			{delay - 1, nil, "a:active b:pending c:pending"},
			{delay, nil, "a:retiring b:retiring c:active"},
		}},
		{"the active key leaks, one is pending: it signs at once", nil, []step{
			{0, rotate("b"), "a:active b:pending"},
			{time.Second, remove("a"), "b:active"},
			{-time.Hour, nil, "b:active"},
		}},
		{"the active key leaks, two are pending: the earlier one signs at once", nil, []step{
			{0, rotate("b"), "a:active b:pending"},
			{time.Minute, rotate("c"), "a:active b:pending c:pending"},
			{2 * time.Minute, remove("a"), "b:active c:pending"},
			{delay, nil, "b:active c:pending"},
			{delay + time.Minute, nil, "b:retiring c:active"},
		}},
		{"the active key leaks: one that has retired never signs again, on a clock that is behind neither", nil, []step{
			{0, rotate("b"), "a:active b:pending"},
			{delay, rotate("c"), "a:retiring b:active c:pending"},
			{delay + time.Minute, remove("b"), "a:retiring c:active"},
			{delay, nil, "a:retiring c:active"},
		}},
		{"the pending key leaks: the active one goes on, for ever", nil, []step{
			{0, rotate("b"), "a:active b:pending"},
			{time.Second, remove("b"), "a:active"},
			{delay + keep + leeway, nil, "a:active"},
		}},
		{"the first of two pending keys leaks: the active one goes on until the second", nil, []step{
			{0, rotate("b"), "a:active b:pending"},
			{time.Minute, rotate("c"), "a:active b:pending c:pending"},
			{time.Minute, remove("b"), "a:active c:pending"},
			{delay, nil, "a:active c:pending"},
			{delay + time.Minute, nil, "a:retiring c:active"},
			{delay + time.Minute + keep + leeway - 1, nil, "a:retiring c:active"},
			{delay + time.Minute + keep + leeway, nil, "c:active"},
		}},
		{"the last of two pending keys leaks", nil, []step{
			{0, rotate("b"), "a:active b:pending"},
			{time.Minute, rotate("c"), "a:active b:pending c:pending"},
			{time.Minute, remove("c"), "a:active b:pending"},
			{delay + time.Minute + keep + leeway, nil, "b:active"},
		}},
		{"a retiring key leaks", nil, []step{
			{0, rotate("b"), "a:active b:pending"},
			{delay, remove("a"), "b:active"},
			{0, nil, "b:active"}, // on a clock that is behind, too
		}},
		{"a retiring key leaks: on a clock that is behind the one before it does not sign again", nil, []step{
			{0, rotate("b"), "a:active b:pending"},
			{delay, rotate("c"), "a:retiring b:active c:pending"},
			{2 * delay, remove("b"), "a:retiring c:active"},
			{2*delay - 1, nil, "a:retiring c:active"},
			{delay - 1, nil, "a:active c:pending"},
		}},
		{"a retiring key that another ring signed with", []keys.RingOption{keys.WithRetiring(named(t, "z"))}, []step{
			{-time.Hour, nil, "z:retiring a:active"},
			{3660*24*time.Hour + leeway - 1, nil, "z:retiring a:active"},
			{3660*24*time.Hour + leeway, nil, "a:active"},
			{0, rotate("b"), "z:retiring a:active b:pending"},
			{0, remove("z"), "a:active b:pending"},
		}},
		{"KeepFor: the largest value counts, from then on", nil, []step{
			{0, func(t testing.TB, r *keys.Ring) {
				r.KeepFor(3 * time.Hour)
				r.KeepFor(2 * time.Hour)
				r.KeepFor(0)
				r.KeepFor(-time.Hour)
				rotate("b")(t, r)
				r.KeepFor(5 * time.Hour)
			}, "a:active b:pending"},
			{delay + 3*time.Hour + leeway - 1, nil, "a:retiring b:active"},
			{delay + 3*time.Hour + leeway, nil, "b:active"},
		}},
		{"KeepFor: a part of a second is a whole one", nil, []step{
			{0, func(t testing.TB, r *keys.Ring) { r.KeepFor(time.Hour + 1); rotate("b")(t, r) }, "a:active b:pending"},
			{delay + time.Hour + leeway + time.Second - 1, nil, "a:retiring b:active"},
			{delay + time.Hour + leeway + time.Second, nil, "b:active"},
		}},
		{"KeepFor: three centuries", nil, []step{
			{0, func(t testing.TB, r *keys.Ring) { r.KeepFor(1<<63 - 1); rotate("b")(t, r) }, "a:active b:pending"},
			{200 * 365 * 24 * time.Hour, nil, "a:retiring b:active"},
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			clock := clockAt(epoch)
			r := newRing(t, named(t, "a"), append(test.opts, clock.option())...)
			r.KeepFor(keep)
			for i, s := range test.steps {
				clock.set(epoch.Add(s.at))
				if s.do != nil {
					s.do(t, r)
				}
				got := describe(r)
				if got != s.want {
					t.Fatalf("step %d at %v: %s, want %s", i+1, s.at, got, s.want)
				}
				k, err := r.SigningKey()
				if active := strings.Contains(got, ":active"); active != (err == nil) || active && !strings.Contains(got, k.ID()+":active") {
					t.Errorf("step %d: signs with %v, %v", i+1, k, err)
				}
				for _, id := range []string{"a", "b", "c", "z"} {
					if want := strings.Contains(got, id+":"); offers(t, r, keys.HS256, id) != want {
						t.Errorf("step %d: Lookup offers %s: %v", i+1, id, !want)
					}
				}
			}
		})
	}
}

func TestWithoutKeepForARotationIsFailSafe(t *testing.T) {
	clock := clockAt(epoch)
	r := newRing(t, named(t, "a"), clock.option())
	if err := r.Rotate(named(t, "b")); err != nil {
		t.Fatal(err)
	}
	// A token of 120 months that a signs in its last second.
	clock.set(epoch.Add(delay-time.Second).AddDate(0, 120, 0).Add(leeway))
	if got := describe(r); got != "a:retiring b:active" {
		t.Error(got)
	}
	clock.move(8 * 24 * time.Hour)
	if got := describe(r); got != "b:active" {
		t.Error(got)
	}
}

func TestLifeCycleOnTheRealClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRing(t, named(t, "a"))
		r.KeepFor(time.Minute)
		if err := r.Rotate(named(t, "b")); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"a:active b:pending", "a:retiring b:active", "a:retiring b:active", "b:active"} {
			if got := describe(r); got != want {
				t.Errorf("%s, want %s", got, want)
			}
			time.Sleep(5 * time.Minute)
		}
	})
}

func TestStates(t *testing.T) {
	clock := clockAt(epoch)
	r := newRing(t, named(t, "a"), clock.option(), keys.WithRetiring(newKey(t, keys.HS512, secret)))
	r.KeepFor(time.Hour)
	if err := r.Rotate(newKey(t, keys.EdDSA, ed25519Key(), keys.WithID("b"))); err != nil {
		t.Fatal(err)
	}
	want := `[{"kid":"","alg":"HS512","state":"retiring","droppedAt":"2036-11-30T12:05:00Z"},` +
		`{"kid":"a","alg":"HS256","state":"active","droppedAt":"2026-11-23T13:10:00Z"},` +
		`{"kid":"b","alg":"EdDSA","state":"pending","signsFrom":"2026-11-23T12:05:00Z"}]`
	if got := string(must(json.Marshal(r.States()))); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	r.States()[0].State = "changed by a caller"
	if got := r.States()[0].State; got != "retiring" {
		t.Error(got)
	}
}

func TestRotateRefuses(t *testing.T) {
	edKey := newKey(t, keys.EdDSA, ed25519Key(), keys.WithID("ed"))
	rsa := newKey(t, keys.RS256, rsaKey(), keys.WithID("rsa"))
	mac := newKey(t, keys.HS256, secret)
	tests := []struct {
		name string
		next *keys.Key
		want string
	}{
		{"nil", nil, "no material"},
		{"the zero key", new(keys.Key), "no material"},
		{"the public half of a secret", mac.Public(), "no material"},
		{"a public key", generate(t, keys.ES256).Public(), "does not sign"},
		{"a secret that only verifies", parseOne(t, jwk(secret, with{"alg": "HS384", "key_ops": []string{"verify"}})), "does not sign"},
		{"the active key", edKey, "already"},
		{"the active key behind a signer", newKey(t, keys.EdDSA, kms{ed25519Key()}, keys.WithID("ed")), "already"},
		{"the active key under another id", newKey(t, keys.EdDSA, ed25519Key(), keys.WithID("other")), "already"},
		{"a retiring key", rsa, "already"},
		{"a retiring key for another algorithm", newKey(t, keys.PS512, rsaKey()), "already"},
		{"the pending key", named(t, "p"), "already"},
		{"a secret without an id that is there under none", mac, "already"},
		{"a secret for another algorithm and id", newKey(t, keys.HS512, secret, keys.WithID("mac")), "already"},
		{"another key with an id and algorithm", generate(t, keys.EdDSA, keys.WithID("ed")), "one id"},
	}
	r := newRing(t, edKey, keys.WithRetiring(rsa, mac), clockAt(epoch).option())
	if err := r.Rotate(named(t, "p")); err != nil {
		t.Fatal(err)
	}
	before := must(r.Save())
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := r.Rotate(test.next)
			if err == nil || !strings.HasPrefix(err.Error(), "keys: ") || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v does not say %q", err, test.want)
			}
		})
	}
	if !bytes.Equal(must(r.Save()), before) {
		t.Error("a refused rotation changed the ring")
	}
	if err := r.Rotate(generate(t, keys.ES256, keys.WithID("ed"))); err != nil {
		t.Errorf("an id of another algorithm: %v", err)
	}
	if err := r.Rotate(generate(t, keys.HS256)); err != nil {
		t.Errorf("another secret without an id: %v", err)
	}
}

func TestRotateBoundsTheRing(t *testing.T) {
	clock := clockAt(epoch)
	r := newRing(t, named(t, "0"), clock.option(), keys.WithPublishDelay(0))
	r.KeepFor(time.Second)
	for i := 1; i < 100; i++ {
		if err := r.Rotate(named(t, fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Rotate(named(t, "100")); err == nil || !strings.Contains(err.Error(), "more than 100 keys") {
		t.Errorf("a 101st key: %v", err)
	}
	if _, err := keys.OpenRing(must(r.Save()), clock.option()); err != nil {
		t.Error(err)
	}
	clock.move(leeway + time.Second)
	if err := r.Rotate(named(t, "100")); err != nil || describe(r) != "99:retiring 100:active" {
		t.Errorf("once the others are gone: %s, %v", describe(r), err)
	}
}

func TestRotateRefusesAClockOutOfRange(t *testing.T) {
	for _, at := range []time.Time{time.Date(1969, 12, 31, 23, 50, 0, 0, time.UTC), time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), {}} {
		r := newRing(t, named(t, "a"), keys.WithClock(func() time.Time { return at }), keys.WithPublishDelay(0))
		if err := r.Rotate(named(t, "b")); at.Year() != 1969 && at.Year() != 1 && err == nil {
			t.Errorf("%v: accepted", at)
		}
	}
	at := time.Date(9999, 12, 31, 23, 0, 0, 0, time.UTC)
	r := newRing(t, named(t, "a"), keys.WithClock(func() time.Time { return at }))
	if err := r.Rotate(named(t, "b")); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.OpenRing(must(r.Save()), keys.WithClock(func() time.Time { return at })); err != nil {
		t.Errorf("in the last hour of the calendar: %v", err)
	}
}

func TestRemoveRefuses(t *testing.T) {
	clock := clockAt(epoch)
	r := newRing(t, newKey(t, keys.HS256, secret), clock.option(), keys.WithRetiring(named(t, "old")))
	r.KeepFor(time.Hour)
	refuse := func(kid, want string) {
		t.Helper()
		before := must(r.Save())
		if err := r.Remove(kid); err == nil || !strings.HasPrefix(err.Error(), "keys: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v does not say %q", kid, err, want)
		}
		if !bytes.Equal(must(r.Save()), before) {
			t.Error("a refusal changed the ring")
		}
	}
	refuse("", "without an id")
	refuse("nobody's", "no key with this id")
	refuse("OLD", "no key with this id")
	if err := r.Rotate(named(t, "a")); err != nil {
		t.Fatal(err)
	}
	clock.move(delay)
	refuse("a", "call Rotate") // although old and the secret without an id are there
	if err := r.Rotate(named(t, "b")); err != nil {
		t.Fatal(err)
	}
	if err := r.Remove("a"); err != nil || signer(t, r) != "b" {
		t.Errorf("signs with %s, %v", signer(t, r), err)
	}
	refuse("a", "no key with this id")
	clock.move(time.Hour + leeway)
	refuse("b", "call Rotate")
	if err := r.Remove("old"); err != nil {
		t.Error(err)
	}
}

func TestRemoveTakesEveryAlgorithmOfAnID(t *testing.T) {
	clock := clockAt(epoch)
	r := newRing(t, newKey(t, keys.RS256, rsaKey(), keys.WithID("leaked")), clock.option(),
		keys.WithRetiring(newKey(t, keys.PS256, rsaKey(), keys.WithID("leaked")), newKey(t, keys.ES384, p384Key(), keys.WithID("sound"))))
	for _, next := range []*keys.Key{
		generate(t, keys.ES256, keys.WithID("next")), generate(t, keys.ES256, keys.WithID("last")), generate(t, keys.ES512, keys.WithID("leaked")),
	} {
		if err := r.Rotate(next); err != nil {
			t.Fatal(err)
		}
		clock.move(time.Minute)
	}
	if err := r.Remove("leaked"); err != nil {
		t.Fatal(err)
	}
	if got := describe(r); got != "sound:retiring next:active last:pending" {
		t.Error(got)
	}
	for _, alg := range algorithms {
		if offers(t, r, alg, "leaked") {
			t.Errorf("Lookup still offers it for %s", alg)
		}
	}
	if got := publishedIDs(t, r); !slices.Equal(got, []string{"sound", "next", "last"}) {
		t.Errorf("publishes %q", got)
	}
}

func TestRingOptionsRefuse(t *testing.T) {
	a := generate(t, keys.EdDSA, keys.WithID("a"))
	held := newKey(t, keys.ES256, kms{p256Key()}, keys.WithID("kms"))
	now := keys.WithClock(time.Now)
	minute := keys.WithPublishDelay(time.Minute)
	tests := []struct {
		name string
		opts []keys.RingOption
		want string
	}{
		{"a nil clock", []keys.RingOption{keys.WithClock(nil)}, "WithClock is nil"},
		{"two clocks", []keys.RingOption{now, now}, "WithClock is given twice"},
		{"a publish delay below zero", []keys.RingOption{keys.WithPublishDelay(-1)}, "below zero"},
		{"a publish delay above a day", []keys.RingOption{keys.WithPublishDelay(24*time.Hour + 1)}, "above 24 hours"},
		{"two publish delays", []keys.RingOption{minute, minute}, "WithPublishDelay is given twice"},
		{"no signers", []keys.RingOption{keys.WithSigners()}, "leave it out"},
		{"signers twice", []keys.RingOption{keys.WithSigners(held), keys.WithSigners(held)}, "WithSigners is given twice"},
		{"one signer twice", []keys.RingOption{keys.WithSigners(held, held)}, "one id"},
		{"a nil signer", []keys.RingOption{keys.WithSigners(nil)}, "no material"},
		{"a secret as a signer", []keys.RingOption{keys.WithSigners(generate(t, keys.HS256))}, "is a secret or a public key"},
		{"a public key as a signer", []keys.RingOption{keys.WithSigners(held.Public())}, "is a secret or a public key"},
		{"one key under two ids", []keys.RingOption{keys.WithRetiring(held, newKey(t, keys.ES256, p256Key()))}, "two ids"},
		{"one secret under two ids and algorithms", []keys.RingOption{keys.WithRetiring(newKey(t, keys.HS256, secret), newKey(t, keys.HS512, secret, keys.WithID("m")))}, "two ids"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if r, err := keys.NewRing(a, test.opts...); err == nil || r != nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v does not say %q", err, test.want)
			}
		})
	}
	_, err := keys.NewRing(nil, keys.WithClock(nil), keys.WithPublishDelay(-1), keys.WithSigners())
	for _, want := range []string{"no material", "WithClock", "WithPublishDelay", "WithSigners"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
}

func TestSignersOfEveryAlgorithm(t *testing.T) {
	for _, alg := range algorithms {
		private, ok := material(alg).(crypto.Signer)
		if !ok {
			continue
		}
		t.Run(string(alg), func(t *testing.T) {
			clock := clockAt(epoch)
			r := newRing(t, generate(t, keys.HS256, keys.WithID("first")), clock.option())
			if err := r.Rotate(newKey(t, alg, kms{private}, keys.WithID("held"))); err != nil {
				t.Fatal(err)
			}
			if got := publishedIDs(t, r); !slices.Equal(got, []string{"held"}) {
				t.Errorf("publishes %q while it is pending", got)
			}
			clock.move(delay)
			k, err := r.SigningKey()
			if err != nil || k.ID() != "held" {
				t.Fatalf("%v, %v", k, err)
			}
			signature, err := k.Sign(input)
			if err != nil {
				t.Fatal(err)
			}
			found, err := r.Lookup(context.Background(), keys.Header{Algorithm: alg, KeyID: "held"})
			if err != nil || len(found) != 1 || found[0].Verify(input, signature) != nil {
				t.Errorf("%v, %v", found, err)
			}
			if _, err := found[0].Sign(input); err == nil {
				t.Error("Lookup handed out a signer")
			}
		})
	}
}

// A model is a ring as its documentation tells it: a list that is searched anew
// for each question.
type model struct {
	keys []modelKey
}

type modelKey struct {
	id        string
	alg       keys.Algorithm
	never     bool // signs
	nbf, exp  int64
	published time.Time
	hurried   bool // its predecessor was removed
}

func (m *model) live(now int64) (live []modelKey) {
	for _, k := range m.keys {
		if k.exp == 0 || now < k.exp {
			live = append(live, k)
		}
	}
	return live
}

// active is the latest that may sign.
func (m *model) active(now int64) *modelKey {
	var best *modelKey
	for i := range m.keys {
		if k := &m.keys[i]; !k.never && k.nbf <= now && (best == nil || k.nbf >= best.nbf) {
			best = k
		}
	}
	return best
}

func (m *model) describe(now int64) string {
	var parts []string
	active := m.active(now)
	passed := active != nil
	for _, k := range m.live(now) {
		state := "pending"
		switch {
		case active != nil && k.id == active.id:
			state, passed = "active", false
		case k.never, passed:
			state = "retiring"
		}
		parts = append(parts, k.id+":"+state)
	}
	return strings.Join(parts, " ")
}

func (m *model) rotate(k modelKey, now time.Time, delay, keep time.Duration) {
	m.keys = m.live(now.Unix())
	nbf := now.Add(delay)
	if delay > 0 {
		nbf = nbf.Add(time.Second - 1)
	}
	last := &m.keys[len(m.keys)-1]
	k.nbf, k.published = max(nbf.Unix(), last.nbf), now
	last.exp = k.nbf + int64((keep+leeway)/time.Second)
	m.keys = append(m.keys, k)
}

// remove reports whether the key may go.
func (m *model) remove(id string, now int64, keep time.Duration) bool {
	live := m.live(now)
	at := slices.IndexFunc(live, func(k modelKey) bool { return k.id == id })
	if at < 0 {
		return false
	}
	gone, active := live[at], m.active(now)
	left := slices.Delete(slices.Clone(live), at, at+1)
	last := at == len(left)
	switch {
	case active != nil && active.id == id:
		if last {
			return false
		}
		left[at].nbf, left[at].hurried = gone.nbf, true
	case gone.never:
	case active != nil && at < slices.IndexFunc(live, func(k modelKey) bool { return k.id == active.id }):
		left[at].nbf, left[at].hurried = gone.nbf, true
	case at == 0 || left[at-1].never: // the first of the line, and nobody signs yet
		if last {
			return false
		}
	case last:
		left[at-1].exp = 0
	default:
		left[at-1].exp = left[at].nbf + int64((keep+leeway)/time.Second)
	}
	m.keys = left
	return true
}

func TestRingIsItsModel(t *testing.T) {
	seeds := uint64(150)
	if testing.Short() {
		seeds = 20
	}
	for seed := range seeds {
		delay := []time.Duration{0, 90 * time.Second, 5 * time.Minute}[seed%3]
		t.Run(fmt.Sprint(seed), func(t *testing.T) { compareWithModel(t, rand.New(rand.NewPCG(seed, 1)), delay) })
	}
}

func compareWithModel(t *testing.T, random *rand.Rand, delay time.Duration) {
	const keep = 20 * time.Minute
	type token struct {
		id       string
		alg      keys.Algorithm
		sign     []byte
		signedAt int64
	}
	var (
		clock  = clockAt(epoch)
		opts   = []keys.RingOption{clock.option(), keys.WithPublishDelay(delay)}
		count  = 0
		make   = func() *keys.Key { count++; return named(t, fmt.Sprintf("k%d", count)) }
		r      = newRing(t, make(), append(opts, keys.WithRetiring(named(t, "z")))...)
		m      = &model{[]modelKey{{id: "z", alg: keys.HS256, never: true, exp: epoch.Add(3660*24*time.Hour + leeway).Unix()}, {id: "k1", alg: keys.HS256, hurried: true}}}
		tokens []token
		gone   = map[string]bool{}
		latest = epoch // at which the ring was changed or saved: what was gone then does not come back
		moves  = []time.Duration{1, time.Second, 30 * time.Second, delay, delay + 1, keep, keep + leeway, keep + leeway + delay, time.Hour}
	)
	r.KeepFor(keep)
	changed := func(now time.Time) {
		latest = later(latest, now)
		// No promise for what was signed at an instant that is yet to come.
		tokens = slices.DeleteFunc(tokens, func(tok token) bool { return tok.signedAt > now.Unix() })
	}
	check := func(at int64) {
		t.Helper()
		back := clock.now()
		defer clock.set(back)
		clock.set(time.Unix(at, 0))
		if got, want := describe(r), m.describe(at); got != want {
			t.Fatalf("at %d: %s, want %s", at, got, want)
		}
		live, active := m.live(at), m.active(at)
		k, err := r.SigningKey()
		if (active == nil) != (err != nil) || active != nil && k.ID() != active.id {
			t.Fatalf("at %d: signs with %v, %v", at, k, err)
		}
		if active != nil && !active.hurried && active.published.Add(delay).After(time.Unix(at+1, 0).Add(-1)) {
			t.Fatalf("at %d: %s signs, published at %v", at, active.id, active.published)
		}
		var ids []string
		seen := map[string]bool{}
		for _, k := range live {
			if !offers(t, r, k.alg, k.id) {
				t.Fatalf("at %d: Lookup has no %s", at, k.id)
			}
			if k.alg == keys.EdDSA {
				ids = append(ids, k.id)
			}
			if seen[k.id] {
				t.Fatalf("%s twice", k.id)
			}
			seen[k.id] = true
		}
		if got := publishedIDs(t, r); !slices.Equal(got, ids) {
			t.Fatalf("at %d: publishes %q, want %q", at, got, ids)
		}
		for id := range gone {
			if offers(t, r, keys.HS256, id) || offers(t, r, keys.EdDSA, id) {
				t.Fatalf("%s was removed and is found", id)
			}
		}
	}
	for range 40 {
		now := clock.now()
		switch op := random.IntN(12); {
		case op < 3 && len(m.live(now.Unix())) < 30:
			k := make()
			if random.IntN(3) == 0 {
				k = generate(t, keys.EdDSA, keys.WithID(k.ID()))
			}
			if err := r.Rotate(k); err != nil {
				t.Fatal(err)
			}
			m.rotate(modelKey{id: k.ID(), alg: k.Algorithm()}, now, delay, keep)
			changed(now)
		case op == 3:
			live := m.live(now.Unix())
			id := live[random.IntN(len(live))].id
			err := r.Remove(id)
			if may := m.remove(id, now.Unix(), keep); may != (err == nil) {
				t.Fatalf("Remove(%s): %v", id, err)
			}
			if err == nil {
				gone[id] = true
				changed(now)
			}
		case op == 4:
			saved := must(r.Save())
			opened, err := keys.OpenRing(saved, opts...)
			if (err != nil) != (m.active(now.Unix()) == nil) {
				t.Fatalf("OpenRing: %v", err)
			}
			if err == nil {
				if again := must(opened.Save()); !bytes.Equal(again, saved) {
					t.Fatalf("%s is saved as %s", saved, again)
				}
				r = opened
				r.KeepFor(keep)
				m.keys = m.live(now.Unix())
				changed(now)
			}
		case op < 10:
			clock.move(moves[random.IntN(len(moves))])
		default:
			clock.move(-moves[random.IntN(len(moves))])
		}
		now = clock.now()
		check(now.Unix())
		for _, k := range slices.Clone(m.keys) {
			for _, at := range []int64{k.nbf, k.exp} {
				if at != 0 {
					check(at - 1)
					check(at)
				}
			}
		}
		if k, err := r.SigningKey(); err == nil {
			tokens = append(tokens, token{k.ID(), k.Algorithm(), must(k.Sign(input)), now.Unix()})
		}
		for _, tok := range tokens {
			end := tok.signedAt + int64((keep+leeway)/time.Second)
			if gone[tok.id] || latest.Unix() >= end {
				continue
			}
			for _, at := range []int64{tok.signedAt, tok.signedAt + random.Int64N(end-tok.signedAt), end - 1} {
				clock.set(time.Unix(at, 0))
				found, err := r.Lookup(context.Background(), keys.Header{Algorithm: tok.alg, KeyID: tok.id})
				if err != nil || len(found) != 1 || found[0].Verify(input, tok.sign) != nil {
					t.Fatalf("a token of %s, signed at %d, does not verify at %d", tok.id, tok.signedAt, at)
				}
			}
			clock.set(now)
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func TestRingIsSafeForConcurrentUse(t *testing.T) {
	clock := clockAt(epoch)
	r := newRing(t, generate(t, keys.EdDSA, keys.WithID("0")), clock.option())
	r.KeepFor(time.Minute)
	var readers, writers sync.WaitGroup
	var done atomic.Bool
	for range 4 {
		readers.Go(func() {
			for !done.Load() {
				k, err := r.SigningKey()
				if err != nil {
					t.Error(err)
					return
				}
				signature := must(k.Sign(input))
				found, err := r.Lookup(context.Background(), keys.Header{Algorithm: k.Algorithm(), KeyID: k.ID()})
				if err != nil || len(found) > 1 || len(found) == 1 && found[0].Verify(input, signature) != nil {
					t.Errorf("%v, %v", found, err)
				}
				r.JWKS().ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
				if active := strings.Count(describe(r), ":active"); active != 1 {
					t.Errorf("%d active", active)
				}
				must(r.Save())
			}
		})
	}
	readers.Go(func() {
		for i := 0; !done.Load(); i++ {
			clock.move([]time.Duration{2 * time.Minute, -time.Minute}[i%2])
		}
	})
	for w := range 3 {
		writers.Go(func() {
			for i := range 60 {
				id := fmt.Sprintf("%d-%d", w, i)
				r.KeepFor(time.Duration(i) * time.Second)
				if err := r.Rotate(generate(t, keys.EdDSA, keys.WithID(id))); err != nil {
					t.Error(err)
					return
				}
				if err := r.Remove(id); err == nil && offers(t, r, keys.EdDSA, id) {
					t.Errorf("%s was removed and is found", id)
				}
				_ = r.Replace(must(r.Save())) // stale where another writer was faster
			}
		})
	}
	writers.Wait()
	done.Store(true)
	readers.Wait()
}

func TestLookupOfARingAllocatesItsAnswerAlone(t *testing.T) {
	r := newRing(t, named(t, "a"))
	if err := r.Rotate(named(t, "b")); err != nil {
		t.Fatal(err)
	}
	h := keys.Header{Algorithm: keys.HS256, KeyID: "a"}
	if n := testing.AllocsPerRun(100, func() { must(r.Lookup(context.Background(), h)) }); n > 1 && !raceEnabled {
		t.Errorf("Lookup allocates %v times", n)
	}
	if n := testing.AllocsPerRun(100, func() { must(r.SigningKey()) }); n > 0 && !raceEnabled {
		t.Errorf("SigningKey allocates %v times", n)
	}
}
