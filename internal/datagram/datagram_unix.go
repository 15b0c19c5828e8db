//go:build unix

package datagram

import (
	"fmt"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// Check checks that a descriptor is a socket for datagrams, UDP's or a Unix one.
func Check(fd int) (s Socket, err error) {
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		return s, os.NewSyscallError("getsockopt", err)
	}
	if kind != unix.SOCK_DGRAM {
		return s, fmt.Errorf("not a datagram socket (type %d)", kind)
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return s, os.NewSyscallError("getsockname", err)
	}
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		s.Local = Peer{AddrPort: netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))}.Net()
	case *unix.SockaddrInet6:
		s.Local = Peer{AddrPort: netip.AddrPortFrom(zoned(sa.Addr, sa.ZoneId), uint16(sa.Port))}.Net()
		s.V6 = true
	case *unix.SockaddrUnix:
		s.Local = Peer{Path: sa.Name}.Net()
	default:
		return s, fmt.Errorf("neither UDP nor a Unix socket (%T)", sa)
	}
	s.Reports = reports(fd)
	return s, nil
}

// deferError returns the answer of a batch of which n were done before err: that is for the next call, if it
// is not for this one. For the kernel has forgotten it, if it was about datagrams sent before.
func (v *Vector) deferError(n int, err error) (int, error) {
	if n == 0 {
		return 0, err
	}
	if !recurs(err) {
		v.deferred = err
	}
	return n, nil
}

// recurs reports whether an error that a batch has met comes again when the datagram is sent
// again: it is about that, and not about one which was sent before. What is owed is told to
// whoever sends next, who may be about something else.
func recurs(err error) bool {
	switch err {
	case unix.EAGAIN, unix.EMSGSIZE, unix.EINVAL, unix.EACCES, unix.EPERM, unix.EAFNOSUPPORT,
		unix.EDESTADDRREQ, unix.ENOENT, unix.EFAULT, unix.ENOBUFS, unix.ENOMEM, unix.EPIPE:
		return true
	}
	return false
}

// takeDeferred returns what the batch before has left to be told.
func (v *Vector) takeDeferred() (err error) {
	err, v.deferred = v.deferred, nil
	return err
}

// family returns the address as the socket's family writes it.
func family(a netip.Addr, v6 bool) (netip.Addr, error) {
	switch {
	case v6 && a == netip.IPv4Unspecified():
		return netip.IPv6Unspecified(), nil // this machine, as package net has it
	case v6 && a.Is4():
		return netip.AddrFrom16(a.As16()), nil
	case !v6 && a.Is4In6():
		return a.Unmap(), nil
	case !v6 && a.Is6():
		return a, errFamily
	}
	return a, nil
}

// retryEINTR repeats a call that a signal has interrupted.
func retryEINTR(call func() (int, error)) (n int, err error) {
	for {
		if n, err = call(); err != unix.EINTR {
			return max(n, 0), err
		}
	}
}
