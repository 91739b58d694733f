package accounts

import (
	"net/netip"
	"slices"

	"github.com/gobearer/bearer/internal/throttle"
)

// knownNetworks are those that an account was logged in to from, the latest
// first. There are few of them, so that the holder of an account cannot fill the
// memory: the one whose last success is the longest ago falls out.
type knownNetworks []knownNetwork

type knownNetwork struct {
	key [17]byte
	at  int64 // of the last success
}

// networkKey has no pointers, unlike a Prefix, for the garbage collector's sake.
// That of the zero Prefix is no other's.
func networkKey(p netip.Prefix) (key [17]byte) {
	ip := p.Addr().As16()
	copy(key[:], ip[:])
	key[16] = byte(p.Bits())
	return key
}

// has also sets an instant that lies ahead, of a clock that was set back, to now.
func (k knownNetworks) has(network [17]byte, now int64) bool {
	i := slices.IndexFunc(k, func(n knownNetwork) bool { return n.key == network })
	if i < 0 {
		return false
	}
	k[i].at = min(k[i].at, now)
	return now-k[i].at < throttle.KnownFor
}

// with changes k.
func (k knownNetworks) with(network [17]byte, now int64) knownNetworks {
	k = slices.DeleteFunc(k, func(n knownNetwork) bool { return n.key == network })
	return slices.Insert(k[:min(len(k), throttle.MaxNetworks-1)], 0, knownNetwork{network, now})
}

// worth ranks accounts for a full memory: zero for those that are known from
// nowhere any more.
func (k knownNetworks) worth(now int64) int64 { return max(0, k[0].at+throttle.KnownFor-now) }
