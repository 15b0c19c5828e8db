package reactor

import "golang.org/x/sys/unix"

// accept returns the next connection's descriptor, non-blocking.
func accept(fd int) (int, error) {
	return again(func() (int, error) {
		n, _, err := unix.Accept4(fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		return n, err
	})
}

func writev(fd int, bufs [][]byte) (int, error) {
	return again(func() (int, error) { return unix.Writev(fd, bufs) })
}
