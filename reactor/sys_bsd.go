//go:build unix && !linux

package reactor

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// accept returns the next connection's descriptor, non-blocking, and its peer's address.
func accept(fd int) (n int, from net.Addr, err error) {
	n, err = retryEINTR(func() (int, error) {
		syscall.ForkLock.RLock() // a child must not inherit it
		defer syscall.ForkLock.RUnlock()
		n, sa, err := unix.Accept(fd)
		if err != nil {
			return n, err
		}
		from = address(sa)
		unix.CloseOnExec(n)
		if err := unix.SetNonblock(n, true); err != nil {
			closeFD(n)
			return -1, err
		}
		return n, nil
	})
	return n, from, err
}

// writev writes the first buffer: not all of these systems have the call.
func writev(fd int, bufs [][]byte) (int, error) { return write(fd, bufs[0]) }

// setKeepAlive leaves it to the system when a peer that says nothing is probed.
func setKeepAlive(int, net.KeepAliveConfig) {}
