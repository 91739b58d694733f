package bearer

import (
	"iter"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// clientAddr returns the address a request comes from: the peer's, unless the
// peer is a trusted proxy. Then X-Forwarded-For is read from its right end, where
// the trusted proxies wrote, up to the first address that is none of them:
// everything further left is whatever the client said. Invalid where the peer
// has no address, as by a Unix socket, unless ::/128 is trusted.
func clientAddr(r *http.Request, trusted []netip.Prefix) netip.Addr {
	addr, _ := parseAddr(r.RemoteAddr)
	for hop := range hops(r.Header["X-Forwarded-For"]) {
		if !slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(addr) || p == noAddress && !addr.IsValid() }) {
			return addr
		}
		next, ok := parseAddr(hop)
		if !ok {
			// A proxy wrote no address: what it would have vouched for is
			// unknown, and the last address that somebody vouched for counts.
			return addr
		}
		addr = next
	}
	return addr
}

// noAddress stands for peers that have none. No peer has the unspecified address.
var noAddress = netip.PrefixFrom(netip.IPv6Unspecified(), 128)

// hops are the elements of a list in several headers, from the last one on. It
// reads no further than it is asked to: the left end is the client's own text.
func hops(headers []string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, list := range slices.Backward(headers) {
			for more := true; more; {
				comma := strings.LastIndexByte(list, ',')
				hop := strings.TrimSpace(list[comma+1:])
				if more = comma >= 0; more {
					list = list[:comma]
				}
				if !yield(hop) {
					return
				}
			}
		}
	}
}

// parseAddr reads an address with or without a port, and gives an IPv4 address
// in an IPv6 form its own, so that one client has one address.
func parseAddr(s string) (netip.Addr, bool) {
	addr, err := netip.ParseAddr(strings.Trim(s, "[]"))
	if err != nil {
		withPort, err := netip.ParseAddrPort(s)
		if err != nil {
			return netip.Addr{}, false
		}
		addr = withPort.Addr()
	}
	return addr.Unmap().WithZone(""), true
}
