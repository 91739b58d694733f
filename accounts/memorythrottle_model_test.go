package accounts_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobearer/bearer/accounts"
)

// A model is the policy by its definition: it keeps every attempt there was, and
// adds them up anew each time it is asked.
type model struct {
	puts      map[string][]put // by the name of a bucket
	successes []success
}

// A put adds one attempt to a bucket or takes some microseconds out of it.
type put struct {
	at    int64
	taken int64 // 0: an attempt
}

type success struct {
	a  accounts.Attempt
	at int64
}

// Numbers as the policy gives them, in seconds.
var modelRules = []struct {
	known, ofAccount, ofNetwork bool
	free, drain                 int64
	by                          string
}{
	{false, false, true, 50, 60, accounts.ThrottledNetwork},
	{false, true, false, 10, 900, accounts.ThrottledAccount},
	{true, false, true, 200, 60, accounts.ThrottledNetwork},
	{true, true, true, 20, 900, accounts.ThrottledAccount},
}

// names are those of the bucket that an attempt is counted in by a rule, and of
// its share.
func (m *model) names(rule int, a accounts.Attempt) (bucket, share string) {
	bucket = fmt.Sprint("bucket ", rule)
	if modelRules[rule].ofAccount {
		bucket += fmt.Sprintf(" of %x", a.Account)
	}
	if modelRules[rule].ofNetwork {
		bucket += fmt.Sprint(" of ", a.Network)
	}
	return bucket, fmt.Sprintf("share %d of %x and %v", rule, a.Account, a.Network)
}

// sum returns what a bucket holds at an instant, when the last attempt came into
// it, and what it held then, without what was taken out since. It holds on to
// everything for still microseconds after each attempt.
func (m *model) sum(bucket string, drain, still, now int64) (level, last, then int64) {
	at, drains := int64(0), int64(0)
	pass := func(to int64) {
		level = max(0, level-max(0, to-max(at, drains)))
		at = to
	}
	for _, p := range m.puts[bucket] {
		pass(p.at)
		if p.taken > 0 {
			level -= p.taken
			then -= p.taken
			continue
		}
		level += drain
		last, then, drains = p.at, level, p.at+still
	}
	pass(now)
	return level, last, then
}

func (m *model) known(a accounts.Attempt, now int64) bool {
	var networks []any
	for _, s := range slices.Backward(m.successes) {
		if s.a.Account != a.Account || slices.Contains(networks, any(s.a.Network)) {
			continue
		}
		networks = append(networks, s.a.Network)
		if s.a.Network == a.Network {
			return len(networks) <= 16 && now-s.at < 30*24*3600e6
		}
	}
	return false
}

func (m *model) admit(a accounts.Attempt) accounts.Verdict {
	now := time.Now().UnixMicro()
	v := accounts.Verdict{Known: m.known(a, now)}
	for i, r := range modelRules {
		if r.known != v.Known {
			continue
		}
		bucket, _ := m.names(i, a)
		_, last, then := m.sum(bucket, r.drain*1e6, 0, now)
		wait := int64(0)
		// The attempts in it, of which the last may be drained in part.
		for n := r.free; (n-1)*r.drain*1e6 < then; n++ {
			wait = min(max(1, 2*wait), r.drain)
		}
		left := time.Duration(last+wait*1e6-now) * time.Microsecond
		if wait > 0 && left > v.Wait {
			v.Wait, v.By = left, r.by
		}
	}
	if v.Wait > 0 {
		return v
	}
	for i, r := range modelRules {
		if r.known == v.Known {
			bucket, share := m.names(i, a)
			m.puts[bucket] = append(m.puts[bucket], put{at: now})
			m.puts[share] = append(m.puts[share], put{at: now})
		}
	}
	return v
}

func (m *model) takeBack(rule int, a accounts.Attempt, atMost int64) {
	now, drain := time.Now().UnixMicro(), modelRules[rule].drain*1e6
	bucket, share := m.names(rule, a)
	amount, _, _ := m.sum(share, drain, 10e6, now)
	if amount = min(amount, atMost); amount > 0 {
		m.puts[bucket] = append(m.puts[bucket], put{now, amount})
		m.puts[share] = append(m.puts[share], put{now, amount})
	}
}

func (m *model) succeed(a accounts.Attempt) {
	for i := range modelRules {
		m.takeBack(i, a, 1<<62)
	}
	m.successes = append(m.successes, success{a, time.Now().UnixMicro()})
}

func (m *model) refund(a accounts.Attempt, v accounts.Verdict) {
	for i, r := range modelRules {
		if r.known == v.Known {
			m.takeBack(i, a, r.drain*1e6)
		}
	}
}

// FuzzMemoryThrottle does what the input says, three bytes a step, to the
// throttle and to the model, and expects the same verdicts.
func FuzzMemoryThrottle(f *testing.F) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 0))
		program := make([]byte, 3*500)
		for i := range program {
			program[i] = byte(r.IntN(256))
		}
		// Some with one account, one network or short pauses, which go further.
		for i := 0; i < len(program); i += 3 {
			if seed%3 == 1 {
				program[i+1] &= 0x0f
			}
			if seed%4 == 1 {
				program[i+1] &= 0xf0
			}
			if seed%2 == 1 && program[i] >= 160 {
				program[i], program[i+1] = 200, program[i+1]%3
			}
		}
		f.Add(program)
	}
	f.Fuzz(func(t *testing.T, program []byte) {
		synctest.Test(t, func(t *testing.T) {
			c, m := newCrowd(t), &model{puts: map[string][]put{}}
			type admitted struct {
				a accounts.Attempt
				v accounts.Verdict
			}
			var under []admitted
			for step := 0; len(program) >= 3 && step < 500; step++ {
				op, x, y := program[0], int(program[1]), int(program[2])
				program = program[3:]
				switch {
				case op < 100:
					a := at(name(x>>4%3), address(x&3))
					if x&15 == 15 {
						a = at(name(x>>4%3), address(y%20))
					}
					if x&15 == 14 {
						a = at(name(y), "")
					}
					// Several at once, or the waits would never grow.
					for range 1 + y%8 {
						got, want := c.try(a), m.admit(a)
						if got != want {
							t.Fatalf("step %d, %+v: %+v, want %+v", step, a, got, want)
						}
						if got.Wait == 0 {
							under = append(under, admitted{a, got})
						}
					}
				case op < 160 && len(under) > 0:
					u := under[x*len(under)/256]
					if y < 128 {
						c.succeed(u.a, u.v)
						m.succeed(u.a)
					} else {
						c.refund(u.a, u.v)
						m.refund(u.a, u.v)
					}
				case op >= 160:
					units := []time.Duration{time.Nanosecond, time.Millisecond, time.Second, time.Minute, time.Hour, 24 * time.Hour}
					time.Sleep(time.Duration(y) * units[x%len(units)] / 8)
				}
			}
		})
	})
}
