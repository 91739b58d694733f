package accounts

import (
	"net/netip"
	"time"
)

// Network is what an Authenticator puts into an Attempt.
func Network(addr netip.Addr) netip.Prefix { return network(addr) }

// AdmitAt and SucceedAt are Admit and Succeed by any clock.
func (m *MemoryThrottle) AdmitAt(a Attempt, now time.Time) Verdict {
	return m.admit(a, now.UnixMicro())
}

func (m *MemoryThrottle) SucceedAt(a Attempt, now time.Time) { m.succeed(a, now.UnixMicro()) }

// Size is how much a MemoryThrottle holds. An orphan is a share whose bucket is
// gone.
func (m *MemoryThrottle) Size() (buckets, orphans, accounts int) {
	for k := range m.buckets.entries {
		if !k.isShare() {
			continue
		}
		b := bucketKey{k[0] + 1}
		if k.rule().Account {
			copy(b[1:17], k[1:])
		}
		if k.rule().Network {
			copy(b[17:], k[17:])
		}
		if _, ok := m.buckets.entries[b]; !ok {
			orphans++
		}
	}
	return len(m.buckets.entries), orphans, len(m.known.entries)
}
