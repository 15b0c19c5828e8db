package reactor

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// accept returns the next connection's descriptor, non-blocking, and its peer's address, which
// nobody tells any more once that has reset the connection.
func accept(fd int) (n int, from net.Addr, err error) {
	n, err = retryEINTR(func() (int, error) {
		n, sa, err := unix.Accept4(fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		from = address(sa)
		return n, err
	})
	return n, from, err
}

func writev(fd int, bufs [][]byte) (int, error) {
	return retryEINTR(func() (int, error) { return unix.Writev(fd, bufs) })
}

// setKeepAlive sets when a peer that says nothing is probed, as package net does: 0 is its default, and
// what is negative stays the system's.
func setKeepAlive(fd int, keep net.KeepAliveConfig) {
	const probes, every = 9, 15 * time.Second
	set := func(option, value, usual int) {
		if value == 0 {
			value = usual
		}
		if value > 0 {
			_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, option, value)
		}
	}
	seconds := func(d time.Duration) int {
		if d <= 0 {
			return int(max(d, -1))
		}
		return int((d-1)/time.Second + 1) // rounded up
	}
	set(unix.TCP_KEEPIDLE, seconds(keep.Idle), seconds(every))
	set(unix.TCP_KEEPINTVL, seconds(keep.Interval), seconds(every))
	set(unix.TCP_KEEPCNT, keep.Count, probes)
}
