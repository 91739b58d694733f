// Package loopback knows which hosts are this machine itself, where plain http
// is as safe as https.
package loopback

import (
	"net/netip"
	"strings"
)

// Is reports whether a host, without its port, is this machine's own. It never
// resolves a name: what it resolves to changes.
func Is(host string) bool {
	if strings.EqualFold(host, "localhost") { // RFC 6761 section 6.3
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}
