package eventstream

import (
	"net/netip"
	"sync"
)

// ipv6Source is how much of an IPv6 address is one source: whoever has a network
// has all that is behind these bits.
const ipv6Source = 64

// sourceLimit bounds how many requests of one source address are served at once.
// It remembers only those that are.
type sourceLimit struct {
	most int // 0: no bound

	mu   sync.Mutex
	busy map[netip.Prefix]int
}

func newSourceLimit(most int) *sourceLimit {
	return &sourceLimit{most: most, busy: make(map[netip.Prefix]int)}
}

// enter counts a request from remote, an address with port, until leave is
// called; or refuses it.
func (l *sourceLimit) enter(remote string) (leave func(), ok bool) {
	if l.most == 0 {
		return func() {}, true
	}
	source := sourceOf(remote)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.busy[source] >= l.most {
		return nil, false
	}
	l.busy[source]++
	return func() { l.leave(source) }, true
}

func (l *sourceLimit) leave(source netip.Prefix) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.busy[source]--; l.busy[source] == 0 {
		delete(l.busy, source)
	}
}

// sourceOf is the zero value for what is no address: all such are one source.
func sourceOf(remote string) netip.Prefix {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Prefix{}
	}
	addr := at.Addr().Unmap().WithZone("")
	bits := addr.BitLen()
	if addr.Is6() {
		bits = ipv6Source
	}
	source, _ := addr.Prefix(bits) // never more bits than there are
	return source
}
