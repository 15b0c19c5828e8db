//go:build !unix

package reactor

import (
	"net"
	"syscall"

	"github.com/heist-go/heist/internal/poll"
)

// There is no poller for this system: nothing of this is reached.

func blocked(error) bool                               { return false }
func exhausted(error) bool                             { return false }
func aborted(error) bool                               { return false }
func read(int, []byte) (int, error)                    { return 0, poll.ErrUnsupported }
func write(int, []byte) (int, error)                   { return 0, poll.ErrUnsupported }
func writev(int, [][]byte) (int, error)                { return 0, poll.ErrUnsupported }
func mustNotBlock(int) error                           { return poll.ErrUnsupported }
func isReady(int, Mode) error                          { return poll.ErrUnsupported }
func retryEINTR(call func() (int, error)) (int, error) { return call() }
func closeFD(int)                                      {}
func shutWrite(int) error                              { return poll.ErrUnsupported }
func dupFD(int) (int, error)                           { return -1, poll.ErrUnsupported }
func dupConn(syscall.Conn) (int, error)                { return -1, poll.ErrUnsupported }
func addresses(int) (local, remote net.Addr)           { return nil, nil }
func checkStream(int) error                            { return poll.ErrUnsupported }
func setTCPDefaults(int, net.KeepAliveConfig)          {}
func setNoDelay(int, bool) error                       { return poll.ErrUnsupported }
func accept(int) (int, net.Addr, error)                { return -1, nil, poll.ErrUnsupported }
