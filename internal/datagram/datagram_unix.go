//go:build unix

package datagram

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Check checks that a descriptor is a socket for datagrams, and
// reports whether it is IPv6's.
func Check(fd int) (v6 bool, err error) {
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		return false, os.NewSyscallError("getsockopt", err)
	}
	if kind != unix.SOCK_DGRAM {
		return false, fmt.Errorf("not a datagram socket (type %d)", kind)
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return false, os.NewSyscallError("getsockname", err)
	}
	_, v6 = sa.(*unix.SockaddrInet6)
	return v6, nil
}

// family returns the address as the socket's family writes it.
func family(a netip.Addr, v6 bool) (netip.Addr, error) {
	switch {
	case v6 && a.Is4():
		return netip.AddrFrom16(a.As16()), nil
	case !v6 && a.Is4In6():
		return a.Unmap(), nil
	case !v6 && a.Is6():
		return a, errFamily
	}
	return a, nil
}

// zoned returns an IPv6 address with its scope.
func zoned(b [16]byte, scope uint32) netip.Addr {
	a := netip.AddrFrom16(b).Unmap()
	if scope != 0 && a.Is6() {
		a = a.WithZone(strconv.Itoa(int(scope)))
	}
	return a
}

// scope returns the number of an address's zone, or 0.
func scope(a netip.Addr) uint32 {
	if a.Zone() == "" {
		return 0
	}
	if n, err := strconv.Atoi(a.Zone()); err == nil {
		return uint32(n)
	}
	if i, err := net.InterfaceByName(a.Zone()); err == nil {
		return uint32(i.Index)
	}
	return 0
}

// again repeats a call that a signal has interrupted.
func again(call func() (int, error)) (n int, err error) {
	for {
		if n, err = call(); err != unix.EINTR {
			return max(n, 0), err
		}
	}
}
