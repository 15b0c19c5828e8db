//go:build unix

package reactor

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/heist-go/heist/internal/datagram"
)

// blocked reports whether a call would have waited.
func blocked(err error) bool { return err == unix.EAGAIN }

// exhausted reports whether there are no descriptors left, for now.
func exhausted(err error) bool {
	return errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) || errors.Is(err, unix.ENOBUFS) ||
		errors.Is(err, unix.ENOMEM) || errors.Is(err, unix.ENOSPC) // no more may be watched
}

// aborted reports whether a connection has ended before it was accepted: Linux reports what
// has become of it meanwhile, too (accept(2), "Error handling").
func aborted(err error) bool {
	switch err {
	case unix.ECONNABORTED, unix.EPROTO, unix.ENOPROTOOPT, unix.ENETDOWN, unix.ENETUNREACH, unix.EHOSTDOWN, unix.EHOSTUNREACH:
		return true
	}
	return false
}

// retryEINTR repeats a call that a signal has interrupted.
func retryEINTR(call func() (int, error)) (n int, err error) {
	for {
		if n, err = call(); err != unix.EINTR {
			return max(n, 0), err
		}
	}
}

// read and write are package syscall's, which tells the race detector that what is
// written before a write is visible after the read of its bytes.
func read(fd int, b []byte) (int, error) {
	return retryEINTR(func() (int, error) { return syscall.Read(fd, b) })
}

func write(fd int, b []byte) (int, error) {
	return retryEINTR(func() (int, error) { return syscall.Write(fd, b) })
}

// mustNotBlock returns an error for a descriptor whose calls would stop the worker.
func mustNotBlock(fd int) error {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	switch {
	case err != nil:
		return os.NewSyscallError("fcntl", err)
	case flags&unix.O_NONBLOCK == 0:
		return errors.New("a read would stop the worker: set O_NONBLOCK first")
	}
	return nil
}

// isReady asks the kernel whether a call would not block, and else returns that it would.
func isReady(fd int, m Mode) error {
	events := int16(unix.POLLIN)
	if m == Write {
		events = unix.POLLOUT
	}
	n, err := retryEINTR(func() (int, error) { return unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: events}}, 0) })
	if err == nil && n == 0 {
		err = unix.EAGAIN
	}
	return err
}

func closeFD(fd int) { _ = unix.Close(fd) }

func shutWrite(fd int) error { return unix.Shutdown(fd, unix.SHUT_WR) }

// dupFD returns another number for what fd is.
func dupFD(fd int) (int, error) { return unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0) }

// dupConn returns a descriptor of our own for what c has, non-blocking.
func dupConn(c syscall.Conn) (fd int, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return -1, err
	}
	if e := raw.Control(func(old uintptr) { fd, err = dupFD(int(old)) }); e != nil {
		return -1, e
	}
	if err != nil {
		return -1, err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		closeFD(fd)
		return -1, err
	}
	return fd, nil
}

// addresses returns the two ends of a socket, as far as they are known.
func addresses(fd int) (local, remote net.Addr) {
	if sa, err := unix.Getsockname(fd); err == nil {
		local = address(sa)
	}
	if sa, err := unix.Getpeername(fd); err == nil {
		remote = address(sa)
	}
	return local, remote
}

func address(sa unix.Sockaddr) net.Addr {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return &net.TCPAddr{IP: sa.Addr[:], Port: sa.Port}
	case *unix.SockaddrInet6:
		return &net.TCPAddr{IP: sa.Addr[:], Port: sa.Port, Zone: datagram.Zone(sa.ZoneId)}
	case *unix.SockaddrUnix:
		return &net.UnixAddr{Name: sa.Name, Net: "unix"}
	}
	return nil
}

// checkStream checks that a descriptor is a socket of the kind that a Conn is.
func checkStream(fd int) error {
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		return os.NewSyscallError("getsockopt", err)
	}
	if kind != unix.SOCK_STREAM {
		return fmt.Errorf("not a stream socket (type %d)", kind)
	}
	if v, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN); err == nil && v != 0 {
		return errors.New("a socket that listens, not a connection")
	}
	return nil
}

// setTCPDefaults sets what package net sets on each TCP connection: no delay, and probes of
// a peer that says nothing for long.
func setTCPDefaults(fd int, keep net.KeepAliveConfig) {
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1) // not TCP: no harm
	if keep.Enable {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1)
		setKeepAlive(fd, keep)
	}
}

func setNoDelay(fd int, on bool) error {
	v := 0
	if on {
		v = 1
	}
	return os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, v))
}
