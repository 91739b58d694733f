package accounts_test

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobearer/bearer/accounts"
)

// A crowd is a MemoryThrottle and the callers that try their luck at it.
type crowd struct {
	*accounts.MemoryThrottle
	testing.TB
}

func newCrowd(t testing.TB) crowd { return crowd{new(accounts.MemoryThrottle), t} }

// at is an attempt at an account, from an address; empty: from none.
func at(account, addr string) accounts.Attempt {
	sum := sha256.Sum256([]byte(account))
	a := accounts.Attempt{Account: [16]byte(sum[:])}
	if addr != "" {
		a.Network = accounts.Network(netip.MustParseAddr(addr))
	}
	return a
}

// name and address number accounts and networks. No two are in one network.
func name(n int) string { return fmt.Sprint("account-", n) }

func address(n int) string {
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, 10<<24+uint32(n)))).String()
}

// try fails to log in.
func (c crowd) try(a accounts.Attempt) accounts.Verdict {
	c.Helper()
	v, err := c.Admit(c.Context(), a)
	if err != nil {
		c.Fatal(err)
	}
	return v
}

func (c crowd) fail(a accounts.Attempt, times int) {
	c.Helper()
	for range times {
		if v := c.try(a); v.Wait != 0 {
			c.Fatalf("has to wait: %+v", v)
		}
	}
}

// login succeeds, unless it has to wait.
func (c crowd) login(a accounts.Attempt) accounts.Verdict {
	c.Helper()
	v := c.try(a)
	if v.Wait == 0 {
		c.succeed(a, v)
	}
	return v
}

func (c crowd) succeed(a accounts.Attempt, v accounts.Verdict) {
	c.Helper()
	if err := c.Succeed(c.Context(), a, v); err != nil {
		c.Fatal(err)
	}
}

func (c crowd) refund(a accounts.Attempt, v accounts.Verdict) {
	c.Helper()
	if err := c.Refund(c.Context(), a, v); err != nil {
		c.Fatal(err)
	}
}

// free is how many attempts pass at this instant.
func (c crowd) free(next func(n int) accounts.Attempt) int {
	c.Helper()
	for n := 0; ; n++ {
		if v := c.try(next(n)); v.Wait > 0 || n > 1000 {
			return n
		}
	}
}

// The ways of guessing, each bounded by one rule.
const somewhere = "192.0.2.7"

func guessing(n int) accounts.Attempt { return at("victim", address(1000+n)) } // strangers, at one account
func spraying(n int) accounts.Attempt { return at(name(1000+n), somewhere) }   // a stranger, at any account
func mistyping(int) accounts.Attempt  { return at("tom", somewhere) }          // a known caller
func fumbling(n int) accounts.Attempt { return at(name(n%100), somewhere) }    // known callers in one network

// meet makes the callers of mistyping and fumbling known.
func (c crowd) meet() {
	c.Helper()
	c.login(at("tom", somewhere))
	for n := range 100 {
		c.login(at(name(n), somewhere))
	}
}

var ways = []struct {
	name  string
	next  func(n int) accounts.Attempt
	free  int
	drain time.Duration
	by    string
	waits []int // in seconds, after the free attempts
}{
	{"guesses at one account from ever new addresses", guessing, 10, 15 * time.Minute, accounts.ThrottledAccount,
		[]int{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 512, 900, 900, 900}},
	{"a spray of user names from one address", spraying, 50, time.Minute, accounts.ThrottledNetwork,
		[]int{1, 2, 4, 8, 16, 32, 32, 60, 60, 60}},
	{"a known caller's own mistakes", mistyping, 20, 15 * time.Minute, accounts.ThrottledAccount,
		[]int{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 512, 900, 900, 900}},
	{"the mistakes of known callers in one network", fumbling, 200, time.Minute, accounts.ThrottledNetwork,
		[]int{1, 2, 4, 8, 16, 32, 32, 60, 60, 60}},
}

func TestWaitsGrowAndSuffice(t *testing.T) {
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCrowd(t)
				c.meet()
				n := 0
				for ; n < w.free; n++ {
					if v := c.try(w.next(n)); v.Wait != 0 || v.By != "" {
						t.Fatalf("attempt %d of %d: %+v", n+1, w.free, v)
					}
				}
				var got []int
				for range w.waits {
					v := c.try(w.next(n))
					if v.By != w.by {
						t.Fatalf("attempt %d: %+v, want by %s", n+1, v, w.by)
					}
					got = append(got, int(v.Wait.Round(time.Second)/time.Second))
					// Asking does not prolong the wait, and all of it is due.
					for ; v.Wait > time.Microsecond; v = c.try(w.next(n)) {
						time.Sleep((v.Wait / 2).Truncate(time.Microsecond))
					}
					if v.Wait != time.Microsecond {
						t.Fatalf("attempt %d: %+v, want a microsecond", n+1, v)
					}
					time.Sleep(v.Wait)
					if v := c.try(w.next(n)); v.Wait != 0 {
						t.Fatalf("attempt %d, after the wait it was told: %+v", n+1, v)
					}
					n++
				}
				t.Logf("%d at once, then after %v s", w.free, got)
				if !slices.Equal(got, w.waits) {
					t.Errorf("the waits are %v, want %v", got, w.waits)
				}
				// After a pause that forgets one attempt, one is free, and no more.
				time.Sleep(w.drain)
				c.fail(w.next(n), 1)
				if v := c.try(w.next(n + 1)); v.Wait != w.drain {
					t.Errorf("after a pause and one attempt: %+v, want %v", v, w.drain)
				}
				time.Sleep(w.drain * time.Duration(w.free+10))
				if got := c.free(w.next); got != w.free {
					t.Errorf("after a long pause %d attempts pass, want %d", got, w.free)
				}
			})
		})
	}
}

func TestAttemptsAtTheSameTimeDoNotPassTogether(t *testing.T) {
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCrowd(t)
				c.meet()
				var wg sync.WaitGroup
				admitted := make(chan bool, 1000)
				for n := range cap(admitted) {
					wg.Go(func() {
						v, err := c.Admit(t.Context(), w.next(n))
						admitted <- err == nil && v.Wait == 0
					})
				}
				wg.Wait()
				close(admitted)
				n := 0
				for ok := range admitted {
					if ok {
						n++
					}
				}
				t.Logf("%d of 1000 admitted", n)
				if n != w.free {
					t.Errorf("%d were admitted, want %d", n, w.free)
				}
			})
		})
	}
}

func TestTheLongestWaitIsTheVerdict(t *testing.T) {
	tests := []struct {
		name             string
		account, network int // attempts over the free ones
		want             accounts.Verdict
	}{
		{"of the account", 3, 1, accounts.Verdict{Wait: 4 * time.Second, By: accounts.ThrottledAccount}},
		{"of the network", 1, 3, accounts.Verdict{Wait: 4 * time.Second, By: accounts.ThrottledNetwork}},
		{"of the account alone", 3, 0, accounts.Verdict{Wait: 4 * time.Second, By: accounts.ThrottledAccount}},
		{"of the network alone", 0, 3, accounts.Verdict{Wait: 4 * time.Second, By: accounts.ThrottledNetwork}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCrowd(t)
				patiently := func(next func(int) accounts.Attempt, times int) {
					for n := range times {
						for v := c.try(next(n)); v.Wait > 0; v = c.try(next(n)) {
							time.Sleep(v.Wait)
						}
					}
				}
				// The one that waits comes first, so that both have to wait in the end.
				if test.account > test.network {
					patiently(guessing, 10-1+test.account)
					patiently(spraying, 50-1+test.network)
				} else {
					patiently(spraying, 50-1+test.network)
					patiently(guessing, 10-1+test.account)
				}
				if v := c.try(at("victim", somewhere)); v != test.want {
					t.Errorf("%+v, want %+v", v, test.want)
				}
			})
		})
	}
}

// Whatever strangers do, known callers do not feel it, and the other way round.
func TestNobodyDelaysTheOtherClass(t *testing.T) {
	for _, attack := range ways {
		for _, user := range ways {
			a, u := attack.next(0), user.next(0)
			known := func(a accounts.Attempt) bool { return a == mistyping(0) || a == fumbling(0) }
			if known(a) == known(u) {
				continue
			}
			t.Run(attack.name+" beside "+user.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c := newCrowd(t)
					c.meet()
					c.login(at("victim", somewhere))
					for range 3 {
						for n := range 300 {
							c.try(attack.next(n))
						}
						time.Sleep(time.Minute)
					}
					if got := c.free(user.next); got != user.free {
						t.Errorf("%d attempts pass, want %d", got, user.free)
					}
				})
			})
		}
	}
}

func TestSprayOfUserNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const names, perSecond = 100_000, 200
		c := newCrowd(t)
		before := heap()
		start, admitted := time.Now(), 0
		for n := range names {
			if c.try(spraying(n)).Wait == 0 {
				admitted++
			}
			time.Sleep(time.Second / perSecond)
		}
		buckets, _, _ := c.Size()
		t.Logf("%d user names in %v: %d attempts admitted, %d buckets, %d KiB", names, time.Since(start), admitted, buckets, (heap()-before)>>10)
		// One minute each after the free ones and the seven of which the waits grow.
		if want := 50 + 7 + int(time.Since(start)/time.Minute); admitted > want {
			t.Errorf("%d attempts were admitted, want %d at most", admitted, want)
		}
		if buckets > 4*admitted {
			t.Errorf("%d buckets: refused attempts take up memory", buckets)
		}
		runtime.KeepAlive(c.MemoryThrottle)
	})
}

// A thousand addresses guess at one account, once in ten seconds each, for ten
// minutes, in which its owner logs in, from where he is known. The owner of the account
// that they are compared with does not exist: to the thousand both look the same.
func TestAccountUnderAttack(t *testing.T) {
	const home = "2001:db8::1"
	tests := []struct {
		name  string
		login func(c crowd, second int, r *rand.Rand) (tried, in int)
	}{
		{"its owner logs in once a second", func(c crowd, _ int, _ *rand.Rand) (int, int) {
			return 1, count(c.login(at("victim", home)))
		}},
		{"its owner logs in now and then", func(c crowd, _ int, r *rand.Rand) (int, int) {
			if r.IntN(30) > 0 {
				return 0, 0
			}
			return 1, count(c.login(at("victim", home)))
		}},
		{"its owner mistypes the password twice every time", func(c crowd, _ int, _ *rand.Rand) (int, int) {
			for range 2 {
				if c.try(at("victim", home)).Wait > 0 {
					return 1, 0
				}
			}
			return 1, count(c.login(at("victim", home)))
		}},
		{"its owner shares his network with a sprayer", func(c crowd, second int, _ *rand.Rand) (int, int) {
			for n := range 20 {
				c.try(at(name(20*second+n), home))
			}
			return 1, count(c.login(at("victim", home)))
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, nobody := newCrowd(t), newCrowd(t)
				c.login(at("victim", home))
				attackers := make([]accounts.Attempt, 1000)
				for n := range attackers {
					attackers[n] = guessing(n)
				}
				r := rand.New(rand.NewPCG(1, 2))
				admitted, tried, in := 0, 0, 0
				for second := range 600 {
					login := r.IntN(100)
					for n := range 100 {
						a := attackers[(100*second+n)%len(attackers)]
						v := c.try(a)
						admitted += count(v)
						if other := nobody.try(a); v != other {
							t.Fatalf("second %d: %+v, for an account that does not exist %+v", second, v, other)
						}
						if n == login {
							more, entered := test.login(c, second, r)
							tried, in = tried+more, in+entered
						}
						time.Sleep(time.Second / 100)
					}
				}
				t.Logf("%d of 60000 guesses admitted; the owner got in %d times of %d", admitted, in, tried)
				if admitted > 20 {
					t.Errorf("%d guesses were admitted, want 20 at most", admitted)
				}
				if tried == 0 || float64(in) < 0.999*float64(tried) {
					t.Errorf("the owner got in %d times of %d", in, tried)
				}
			})
		})
	}
}

func count(v accounts.Verdict) int {
	if v.Wait == 0 {
		return 1
	}
	return 0
}

// What is left of the free attempts after a success shows what it has cleared.
func TestSuccessClearsOwnAttemptsAndNothingElse(t *testing.T) {
	const elsewhere = "198.51.100.9"
	tests := []struct {
		name string
		do   func(c crowd)
		next func(n int) accounts.Attempt // who tries then
		want int
	}{
		{"a stranger's mistakes at his account", func(c crowd) {
			c.fail(at("victim", elsewhere), 9)
			c.login(at("victim", elsewhere))
		}, guessing, 10},
		{"a stranger's mistakes in his network", func(c crowd) {
			c.fail(at("somebody", somewhere), 9)
			c.login(at("somebody", somewhere))
		}, spraying, 50},
		{"a known caller's mistakes", func(c crowd) {
			c.fail(mistyping(0), 19)
			c.login(mistyping(0))
		}, mistyping, 20},
		{"a known caller's mistakes in his network", func(c crowd) {
			c.fail(mistyping(0), 19)
			c.login(mistyping(0))
		}, fumbling, 200},
		{"guesses at his account from other networks stay", func(c crowd) {
			for n := range 6 {
				c.fail(guessing(n), 1)
			}
			c.fail(at("victim", elsewhere), 2)
			c.login(at("victim", elsewhere))
		}, func(n int) accounts.Attempt { return guessing(100 + n) }, 4},
		{"a known owner leaves the guesses at his account", func(c crowd) {
			c.login(at("victim", elsewhere))
			for n := range 6 {
				c.fail(guessing(n), 1)
			}
			c.fail(at("victim", elsewhere), 10)
			c.login(at("victim", elsewhere))
		}, func(n int) accounts.Attempt { return guessing(100 + n) }, 4},
		{"a known caller leaves the mistakes of others in his network", func(c crowd) {
			for n := range 60 {
				c.fail(fumbling(n), 1)
			}
			c.fail(mistyping(0), 3)
			c.login(mistyping(0))
		}, func(n int) accounts.Attempt { return fumbling(60 + n) }, 140},
		{"a sprayer's own account, logged in to after every guess", func(c crowd) {
			for n := range 40 {
				c.fail(spraying(n), 1)
				c.login(at("mallory", somewhere))
			}
		}, func(n int) accounts.Attempt { return spraying(100 + n) }, 10},
		{"a sprayer's ever new own accounts", func(c crowd) {
			for n := range 40 {
				c.fail(spraying(n), 1)
				c.login(at(name(n+5000), somewhere))
			}
		}, func(n int) accounts.Attempt { return spraying(100 + n) }, 10},
		{"a sprayer's own logins, many at the same time", func(c crowd) {
			for n := range 40 {
				c.fail(spraying(n), 1)
			}
			a := at("mallory", somewhere)
			var under []accounts.Verdict
			for range 9 {
				under = append(under, c.try(a))
			}
			for _, v := range under {
				c.succeed(a, v)
				c.succeed(a, v)
			}
		}, func(n int) accounts.Attempt { return spraying(100 + n) }, 10},
		{"own mistakes that are forgotten already", func(c crowd) {
			a := at("mallory", somewhere)
			c.fail(a, 9)
			time.Sleep(9 * time.Minute)
			for n := range 40 {
				c.fail(spraying(n), 1)
			}
			c.login(a)
		}, func(n int) accounts.Attempt { return spraying(100 + n) }, 10},
		{"own mistakes that are forgotten in part", func(c crowd) {
			a := at("mallory", somewhere)
			c.fail(a, 9)
			time.Sleep(5*time.Minute + 10*time.Second)
			for n := range 40 {
				c.fail(spraying(n), 1)
			}
			c.login(a)
		}, func(n int) accounts.Attempt { return spraying(100 + n) }, 10},
		{"mistakes as a known caller, of one who is a stranger again", func(c crowd) {
			a := at("mallory", somewhere)
			c.login(a)
			c.fail(a, 19)
			for n := range 16 {
				c.login(at("mallory", address(n)))
			}
			for n := range 40 {
				c.fail(spraying(n), 1)
			}
			if v := c.login(a); v.Known {
				c.Fatal("mallory is known from 17 networks")
			}
		}, func(n int) accounts.Attempt { return spraying(100 + n) }, 10},
		{"mistakes as a stranger, noted before the success of another attempt", func(c crowd) {
			a := at("victim", elsewhere)
			v := c.try(a)
			c.fail(a, 5)
			c.succeed(a, v)
		}, guessing, 10},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCrowd(t)
				c.meet()
				test.do(c)
				if got := c.free(test.next); got != test.want {
					t.Errorf("%d attempts pass, want %d", got, test.want)
				}
			})
		})
	}
}

func TestRefundTakesBackOneAttempt(t *testing.T) {
	for _, w := range ways {
		tests := []struct {
			name   string
			others int // attempts at first
			do     func(c crowd)
			want   int
		}{
			{"as if it had not been", 0, func(c crowd) {
				c.refund(w.next(0), c.try(w.next(0)))
			}, w.free},
			{"seconds later", 0, func(c crowd) {
				v := c.try(w.next(0))
				time.Sleep(9 * time.Second)
				c.refund(w.next(0), v)
			}, w.free},
			{"others' attempts stay", 5, func(c crowd) {
				c.refund(w.next(5), c.try(w.next(5)))
			}, w.free - 5},
			{"again and again", 5, func(c crowd) {
				for range 300 {
					c.refund(w.next(5), c.try(w.next(5)))
				}
			}, w.free - 5},
			{"the attempts of other pairs stay when it is reported twice", 5, func(c crowd) {
				if w.next(0) == w.next(5) {
					c.fail(w.next(0), 1) // of its own pair one more goes
				}
				v := c.try(w.next(5))
				c.refund(w.next(5), v)
				c.refund(w.next(5), v)
			}, w.free - 5},
			{"no other attempt's after a success", 5, func(c crowd) {
				if w.next(0) == w.next(5) {
					c.succeed(w.next(0), accounts.Verdict{Known: true})
					c.fail(w.next(0), 5)
					return
				}
				v := c.try(w.next(5))
				c.succeed(w.next(5), v)
				c.refund(w.next(5), v)
			}, w.free - 5},
		}
		for _, test := range tests {
			t.Run(w.name+"/"+test.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c := newCrowd(t)
					c.meet()
					for n := range test.others {
						c.fail(w.next(n), 1)
					}
					test.do(c)
					if got := c.free(func(n int) accounts.Attempt { return w.next(6 + n) }); got != test.want {
						t.Errorf("%d attempts pass, want %d", got, test.want)
					}
				})
			})
		}
	}
}

// Logins that are under way together drain one bucket. However many succeed, for
// however long, they leave nothing in it.
func TestGoodLoginsNeverFillABucket(t *testing.T) {
	tests := []struct {
		name string
		next func(n int) accounts.Attempt
	}{
		{"of strangers with ever new accounts", func(n int) accounts.Attempt { return at(name(10_000+n), somewhere) }},
		{"of known callers", fumbling},
		{"of two machines", func(n int) accounts.Attempt { return fumbling(n % 2) }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCrowd(t)
				c.meet()
				type login struct {
					a accounts.Attempt
					v accounts.Verdict
				}
				var under []login
				for n := range 20_000 {
					a := test.next(n)
					v := c.try(a)
					if v.Wait > 0 {
						t.Fatalf("login %d: %+v", n, v)
					}
					under = append(under, login{a, v})
					if len(under) == 15 {
						c.succeed(under[0].a, under[0].v)
						under = under[1:]
					}
					time.Sleep(time.Second / 5)
				}
				for _, l := range under {
					c.succeed(l.a, l.v)
				}
				for _, w := range ways {
					if w.next(0) == mistyping(0) {
						continue // who would add to the network of the others
					}
					if got := c.free(w.next); got != w.free {
						t.Errorf("%s: %d attempts pass, want %d", w.name, got, w.free)
					}
				}
			})
		})
	}
}

// Nothing that an attacker does with accounts of his own, by logging in to them,
// failing to, and giving up, gets him more guesses at others.
func TestOwnAccountsGainNoGuesses(t *testing.T) {
	const hours = 6
	most := 50 + 7 + hours*60
	best := 0
	for seed := range uint64(40) {
		synctest.Test(t, func(t *testing.T) {
			c := newCrowd(t)
			r := rand.New(rand.NewPCG(seed, 0))
			own, mix, pause := 1+r.IntN(20), r.IntN(5)+1, time.Duration(1+r.IntN(40))*time.Second
			type login struct {
				a accounts.Attempt
				v accounts.Verdict
			}
			var under []login
			guesses, names := 0, 1000
			for start := time.Now(); time.Since(start) < hours*time.Hour; {
				switch a := at(name(r.IntN(own)), somewhere); r.IntN(5 + mix) {
				case 0:
					c.login(a)
				case 1:
					c.try(a)
				case 2:
					if v := c.try(a); v.Wait == 0 {
						under = append(under, login{a, v})
					}
				case 3, 4:
					if len(under) == 0 {
						break
					}
					l := under[0]
					under = under[1:]
					if r.IntN(2) == 0 {
						c.succeed(l.a, l.v)
					} else {
						c.refund(l.a, l.v)
					}
				default:
					names++
					guesses += count(c.try(at(name(names), somewhere)))
				}
				if r.IntN(4) == 0 {
					time.Sleep(pause)
				}
			}
			best = max(best, guesses)
			if guesses > most {
				t.Errorf("seed %d: %d guesses in %d hours, want %d at most", seed, guesses, hours, most)
			}
		})
	}
	t.Logf("at most %d guesses in %d hours; without accounts of one's own %d", best, hours, most)
}

func TestNetworks(t *testing.T) {
	tests := []struct {
		name     string
		one, two string
		same     bool
	}{
		{"IPv6 addresses of one /64", "2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true},
		{"IPv6 addresses of two /64", "2001:db8:1:2::1", "2001:db8:1:3::1", false},
		{"IPv6 zones", "fe80::1%eth0", "fe80::1%eth1", true},
		{"IPv4 addresses", "192.0.2.1", "192.0.2.2", false},
		{"an IPv4 address in an IPv6 form", "192.0.2.1", "::ffff:192.0.2.1", true},
		{"two IPv4 addresses in an IPv6 form", "::ffff:192.0.2.1", "::ffff:192.0.2.2", false},
		{"callers without an address", "", "", true},
		{"callers without an address and the unspecified one", "", "::", false},
		{"callers without an address and 0.0.0.0", "", "0.0.0.0", false},
		{"0.0.0.0 and ::", "0.0.0.0", "::", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCrowd(t)
				c.login(at("tom", test.one))
				if v := c.try(at("tom", test.two)); v.Known != test.same {
					t.Errorf("known: %t, want %t", v.Known, test.same)
				}
				for n := range 100 {
					c.try(at(name(n), test.one))
				}
				if v := c.try(at("other", test.two)); (v.Wait > 0) != test.same {
					t.Errorf("%+v after a spray from %q", v, test.one)
				}
			})
		})
	}
}

func TestKnownCallers(t *testing.T) {
	const days = 24 * time.Hour
	tests := []struct {
		name string
		do   func(c crowd)
		from string
		want bool
	}{
		{"never seen", func(crowd) {}, somewhere, false},
		{"failed from there", func(c crowd) { c.fail(at("tom", somewhere), 5) }, somewhere, false},
		{"another's success", func(c crowd) { c.login(at("tim", somewhere)) }, somewhere, false},
		{"from elsewhere", func(c crowd) { c.login(at("tom", address(0))) }, somewhere, false},
		{"just now", func(c crowd) { c.login(at("tom", somewhere)) }, somewhere, true},
		{"failed since", func(c crowd) { c.login(at("tom", somewhere)); c.fail(at("tom", somewhere), 5) }, somewhere, true},
		{"almost 30 days later", func(c crowd) {
			c.login(at("tom", somewhere))
			time.Sleep(30*days - time.Microsecond)
		}, somewhere, true},
		{"30 days later", func(c crowd) {
			c.login(at("tom", somewhere))
			time.Sleep(30 * days)
		}, somewhere, false},
		{"31 days later", func(c crowd) {
			c.login(at("tom", somewhere))
			time.Sleep(31 * days)
		}, somewhere, false},
		{"failed in between, which is no success", func(c crowd) {
			c.login(at("tom", somewhere))
			time.Sleep(20 * days)
			c.fail(at("tom", somewhere), 1)
			time.Sleep(11 * days)
		}, somewhere, false},
		{"once a month", func(c crowd) {
			for range 12 {
				c.login(at("tom", somewhere))
				time.Sleep(29 * days)
			}
		}, somewhere, true},
		{"from 15 other networks since", func(c crowd) {
			c.login(at("tom", somewhere))
			for n := range 15 {
				c.login(at("tom", address(n)))
			}
		}, somewhere, true},
		{"from 16 other networks since", func(c crowd) {
			c.login(at("tom", somewhere))
			for n := range 16 {
				c.login(at("tom", address(n)))
			}
		}, somewhere, false},
		{"the latest of many networks", func(c crowd) {
			for n := range 100 {
				c.login(at("tom", address(n)))
			}
		}, address(99), true},
		{"again, before the sixteenth", func(c crowd) {
			c.login(at("tom", somewhere))
			for n := range 30 {
				c.login(at("tom", address(n)))
				c.login(at("tom", somewhere))
			}
		}, somewhere, true},
		{"others' many networks", func(c crowd) {
			c.login(at("tom", somewhere))
			for n := range 100 {
				c.login(at("mallory", address(n)))
			}
		}, somewhere, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCrowd(t)
				test.do(c)
				if v := c.try(at("tom", test.from)); v.Known != test.want || v.Wait != 0 {
					t.Errorf("%+v, want known %t", v, test.want)
				}
			})
		})
	}
}

// Whoever can come from many networks can fill the memory with single attempts.
// What slows him down at the account he is after is not displaced by that.
func TestSprayFromManyNetworksKeepsTheAttackedAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 1 << 17
		c := newCrowd(t)
		c.meet()
		for n := range 19 {
			v := c.try(guessing(n))
			time.Sleep(v.Wait)
			if v.Wait > 0 {
				c.fail(guessing(n), 1)
			}
		}
		for n := range 60 {
			c.try(spraying(n))
		}
		attacked, sprayer := c.try(guessing(50)), c.try(spraying(100))
		largest, orphaned := 0, 0
		for n := range 60_000 {
			c.fail(at(name(1_000_000+n), address(1_000_000+n)), 1)
			if n%7000 == 0 {
				buckets, orphans, _ := c.Size()
				largest, orphaned = max(largest, buckets), max(orphaned, orphans)
			}
		}
		if v := c.try(guessing(50)); v != attacked || v.Wait < 5*time.Minute {
			t.Errorf("the attacked account: %+v, before the spray %+v", v, attacked)
		}
		if v := c.try(spraying(100)); v != sprayer || v.Wait == 0 {
			t.Errorf("the attacking network: %+v, before the spray %+v", v, sprayer)
		}
		if v := c.try(mistyping(0)); !v.Known || v.Wait > 0 {
			t.Errorf("a known caller: %+v", v)
		}
		t.Logf("%d single attempts, %d of at most %d buckets", 60_000, largest, most)
		if largest > most || largest < most/2 {
			t.Errorf("%d buckets, want %d at most", largest, most)
		}
		if orphaned > 0 {
			t.Errorf("%d shares stayed without their bucket, and would empty the next one", orphaned)
		}
	})
}

func TestOutlivedBucketsAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t)
		largest := 0
		for day := range 50 {
			for n := range 1000 {
				c.fail(at(name(day*1000+n), address(n)), 1)
			}
			buckets, _, _ := c.Size()
			largest = max(largest, buckets)
			time.Sleep(24 * time.Hour)
		}
		t.Logf("4000 buckets a day, %d at most in 50 days", largest)
		if largest > 3*4000 {
			t.Errorf("%d buckets", largest)
		}
		// A success that leaves nothing behind needs no sweep.
		c = newCrowd(t)
		for n := range 500 {
			c.login(at(name(n), address(n)))
		}
		if buckets, _, known := c.Size(); buckets != 0 || known != 500 {
			t.Errorf("500 good logins left %d buckets and %d accounts", buckets, known)
		}
	})
}

func TestMemory(t *testing.T) {
	t.Run("attempts", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := newCrowd(t)
			before, largest := heap(), int64(0)
			for n := range 70_000 {
				c.fail(at(name(n), address(n)), 1)
				if n%10_000 == 0 {
					largest = max(largest, heap()-before)
				}
			}
			buckets, _, _ := c.Size()
			t.Logf("%d buckets left of 280000, %d bytes at most", buckets, largest)
			// While it drops some it makes a map of half that size besides.
			if largest > 17<<20 || largest < 4<<20 {
				t.Errorf("%d bytes, want 16 MiB at most", largest)
			}
			runtime.KeepAlive(c.MemoryThrottle)
		})
	})
	t.Run("known networks", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			const most = 1 << 16
			networks := 1
			if os.Getenv("BEARER_INTEGRATION") != "" {
				networks = 16
			}
			c := newCrowd(t)
			before := heap()
			for n := range most {
				for network := range networks {
					c.login(at(name(n), address(network)))
				}
				time.Sleep(time.Microsecond)
			}
			size := heap() - before
			known := func() int { _, _, n := c.Size(); return n }
			t.Logf("%d accounts of %d networks, %d bytes", known(), networks, size)
			if size > 48<<20 || size < 4<<20 {
				t.Errorf("%d bytes, want 48 MiB at most", size)
			}
			c.login(at(name(0), address(0)))
			if known() != most {
				t.Errorf("%d accounts are known after a login to the first of %d", known(), most)
			}
			for n := range 2000 {
				c.login(at(name(most+n), address(0)))
			}
			if known() > most || known() < most/2 {
				t.Errorf("%d accounts are known, want %d at most", known(), most)
			}
			for n, want := range map[int]bool{0: true, 1: false, most/4 - 100: false, most / 2: true, most + 1999: true} {
				if v := c.try(at(name(n), address(0))); v.Known != want {
					t.Errorf("account %d is known: %t, want %t", n, v.Known, want)
				}
			}
			runtime.KeepAlive(c.MemoryThrottle)
		})
	})
}

// heap is what the process holds, once nothing else is left to collect.
func heap() int64 {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}

func TestClockSetBack(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for _, back := range []time.Duration{time.Microsecond, time.Second, time.Hour, 24 * time.Hour, 20 * 365 * 24 * time.Hour} {
		t.Run(back.String(), func(t *testing.T) {
			var m accounts.MemoryThrottle
			home, there := at("victim", "2001:db8::1"), at("victim", somewhere)
			m.AdmitAt(home, now)
			m.SucceedAt(home, now)
			for range 30 {
				m.AdmitAt(there, now)
				m.AdmitAt(home, now)
			}
			earlier := now.Add(-back)
			for _, a := range []accounts.Attempt{home, there} {
				passed := 0
				for range 30 {
					if m.AdmitAt(a, earlier).Wait == 0 {
						passed++
					}
				}
				if passed > 1 {
					t.Errorf("%d more attempts passed", passed)
				}
				v := m.AdmitAt(a, earlier)
				if v.Wait <= 0 || v.Wait > 15*time.Minute {
					t.Errorf("%+v", v)
				}
				if v := m.AdmitAt(a, earlier.Add(v.Wait)); v.Wait != 0 {
					t.Errorf("after the wait: %+v", v)
				}
			}
			// It runs as before from then on.
			if v := m.AdmitAt(home, earlier.Add(24*time.Hour)); !v.Known || v.Wait != 0 {
				t.Errorf("a day later: %+v", v)
			}
			if v := m.AdmitAt(home, earlier.Add(31*24*time.Hour)); v.Known {
				t.Errorf("31 days later: %+v", v)
			}
		})
	}
}
