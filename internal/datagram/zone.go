package datagram

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"sync/atomic"
	"time"
)

// PeerFrom returns the peer with an address and port, in the form that the peers of datagrams
// have: IPv4 is IPv4, also if it is written as IPv6; a zone is the interface's name if that
// is known, and only where the kernel has one, which is at addresses of a link.
func PeerFrom(a netip.AddrPort) Peer {
	return Peer{AddrPort: netip.AddrPortFrom(canonical(a.Addr()), a.Port())}
}

func canonical(a netip.Addr) netip.Addr {
	if a = a.Unmap(); a.Zone() == "" {
		return a
	}
	if i, err := scope(a); err == nil {
		return a.WithZone(Zone(i))
	}
	return a
}

// scoped reports whether an address means something on its link only.
func scoped(a netip.Addr) bool {
	return a.IsLinkLocalUnicast() || a.IsLinkLocalMulticast() || a.IsInterfaceLocalMulticast()
}

// zoned returns an IPv6 address with its scope.
func zoned(b [16]byte, scope uint32) netip.Addr {
	a := netip.AddrFrom16(b).Unmap()
	if scope != 0 && a.Is6() && scoped(a) {
		a = a.WithZone(Zone(scope))
	}
	return a
}

// links are the machine's interfaces as they were.
type links struct {
	read  time.Time
	names map[uint32]string
	of    map[string]uint32
}

// known is read again when something is missing, and when it is old: an interface may be
// given another name.
var known atomic.Pointer[links]

const old = time.Minute

// find looks into what is known, and once more after it was read again.
func find(look func(*links) bool) {
	if l := known.Load(); l != nil && time.Since(l.read) < old && look(l) {
		return
	}
	l := &links{read: time.Now(), names: map[uint32]string{}, of: map[string]uint32{}}
	if list, err := net.Interfaces(); err == nil { // else their numbers have to do
		for _, i := range list {
			l.names[uint32(i.Index)], l.of[i.Name] = i.Name, uint32(i.Index)
		}
	}
	known.Store(l)
	look(l)
}

// Zone returns the name of the interface with a number, or else the number; 0 has none.
func Zone(scope uint32) (name string) {
	if scope == 0 {
		return ""
	}
	find(func(l *links) (ok bool) { name, ok = l.names[scope]; return ok })
	if name == "" {
		return strconv.FormatUint(uint64(scope), 10)
	}
	return name
}

// scope returns the number of an address's zone, or 0 if it needs none.
func scope(a netip.Addr) (number uint32, err error) {
	if a.Zone() == "" || !scoped(a) {
		return 0, nil
	}
	found := false
	if n, err := strconv.ParseUint(a.Zone(), 10, 32); err == nil { // hardly ever a name
		number, found = uint32(n), true
	}
	find(func(l *links) bool {
		n, ok := l.of[a.Zone()]
		if ok {
			number = n
		}
		found = found || ok
		return found
	})
	if !found {
		return 0, fmt.Errorf("datagram: address %v: there is no such interface: %w", a, os.ErrInvalid)
	}
	return number, nil
}
