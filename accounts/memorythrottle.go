package accounts

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/gobearer/bearer/internal/throttle"
)

// A MemoryThrottle counts the logins of one process, and forgets them when it
// ends, along with the networks that accounts are known from. Replicas that each
// have one let a guesser try as often at each of them: give them a Throttle that
// they share. The zero MemoryThrottle is ready to use. It is safe for concurrent
// use and returns no errors.
//
// A stranger has 10 attempts at an account and 50 from a network, a caller who is
// known 20 and 200. Each further one waits, for 1 s, 2 s, 4 s and so on up to 15
// minutes for an account and one minute for a network, in which one attempt is
// forgotten. A success takes back what the same account and network have counted.
// Until then a login counts, so these are also how many can be under way at once.
//
// Its memory is bounded: at most 24 MiB for attempts and 48 MiB for the networks
// that accounts are known from, which are 16 for each of 65536. When that is full
// the accounts and networks with the fewest attempts and the accounts with the
// oldest success are forgotten.
//
// Its verdicts do not tell whether an account exists, except to callers in a
// network from which it was logged in to. Such callers are known: their guesses
// at that account do delay its owner, if he logs in from the same network.
type MemoryThrottle struct {
	mu      sync.Mutex
	buckets lossyMap[bucketKey, throttle.Bucket]
	known   lossyMap[[16]byte, knownNetworks]
}

// Admit implements [Throttle].
func (m *MemoryThrottle) Admit(_ context.Context, a Attempt) (Verdict, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.admit(a, time.Now().UnixMicro()), nil
}

// Succeed implements [Throttle].
func (m *MemoryThrottle) Succeed(_ context.Context, a Attempt, _ Verdict) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.succeed(a, time.Now().UnixMicro())
	return nil
}

// Refund implements [Throttle].
func (m *MemoryThrottle) Refund(_ context.Context, a Attempt, v Verdict) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refund(a, v, time.Now().UnixMicro())
	return nil
}

func (m *MemoryThrottle) admit(a Attempt, now int64) Verdict {
	v := Verdict{Known: m.known.entries[a.Account].has(networkKey(a.Network), now)}
	longest := int64(0)
	for i, r := range throttle.Rules {
		if r.Known != v.Known {
			continue
		}
		key, _ := keysOf(i, a)
		if wait := r.Wait(m.buckets.entries[key], now); wait > longest {
			longest, v.By = wait, r.Throttled
		}
	}
	if longest > 0 {
		v.Wait = time.Duration(longest) * time.Microsecond
		return v
	}
	m.buckets.reserve(2*len(throttle.Rules), maxBuckets, func(k bucketKey, b throttle.Bucket) int64 { return k.worth(b, now) })
	for i, r := range throttle.Rules {
		if r.Known != v.Known {
			continue
		}
		key, share := keysOf(i, a)
		m.add(key, now)
		m.add(share, now)
	}
	return v
}

func (m *MemoryThrottle) succeed(a Attempt, now int64) {
	for i := range throttle.Rules {
		m.takeBack(i, a, math.MaxInt64, now)
	}
	networks, ok := m.known.entries[a.Account]
	if !ok {
		m.known.reserve(1, maxAccounts, func(_ [16]byte, k knownNetworks) int64 { return k.worth(now) })
	}
	m.known.entries[a.Account] = networks.with(networkKey(a.Network), now)
}

func (m *MemoryThrottle) refund(a Attempt, v Verdict, now int64) {
	for i, r := range throttle.Rules {
		if r.Known == v.Known {
			m.takeBack(i, a, r.Drain, now)
		}
	}
}

// takeBack takes what the attempt's pair has put into its bucket by throttle.Rules[i], but
// no more than atMost, out of it again.
func (m *MemoryThrottle) takeBack(i int, a Attempt, atMost, now int64) {
	key, share := keysOf(i, a)
	amount := min(atMost, m.buckets.entries[share].Level(share.readAt(now)))
	m.take(key, amount, now)
	m.take(share, amount, now)
}

func (m *MemoryThrottle) add(k bucketKey, now int64) {
	m.buckets.entries[k] = k.rule().Add(m.buckets.entries[k], now, k.readAt(now))
}

func (m *MemoryThrottle) take(k bucketKey, amount, now int64) {
	b, ok := m.buckets.entries[k]
	if !ok {
		return
	}
	b.Empty -= amount
	if b.Level(k.readAt(now)) == 0 {
		delete(m.buckets.entries, k)
		return
	}
	m.buckets.entries[k] = b
}
