//go:build unix && !linux

package reactor

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// accept returns the next connection's descriptor, non-blocking.
func accept(fd int) (int, error) {
	return again(func() (int, error) {
		syscall.ForkLock.RLock() // a child must not inherit it
		defer syscall.ForkLock.RUnlock()
		n, _, err := unix.Accept(fd)
		if err != nil {
			return n, err
		}
		unix.CloseOnExec(n)
		return n, unix.SetNonblock(n, true)
	})
}

// writev writes the first buffer: not all of these systems have the call.
func writev(fd int, bufs [][]byte) (int, error) { return write(fd, bufs[0]) }
