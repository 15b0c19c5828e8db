//go:build !unix

package reactor

import (
	"net"
	"syscall"

	"github.com/heist-go/heist/internal/poll"
)

// There is no poller for this system: nothing of this is reached.

func blocked(error) bool                     { return false }
func exhausted(error) bool                   { return false }
func aborted(error) bool                     { return false }
func read(int, []byte) (int, error)          { return 0, poll.ErrUnsupported }
func write(int, []byte) (int, error)         { return 0, poll.ErrUnsupported }
func writev(int, [][]byte) (int, error)      { return 0, poll.ErrUnsupported }
func shut(int)                               {}
func shutWrite(int) error                    { return poll.ErrUnsupported }
func duplicate(syscall.Conn) (int, error)    { return -1, poll.ErrUnsupported }
func addresses(int) (local, remote net.Addr) { return nil, nil }
func stream(int) error                       { return poll.ErrUnsupported }
func prompt(int)                             {}
func setNoDelay(int, bool) error             { return poll.ErrUnsupported }
func accept(int) (int, error)                { return -1, poll.ErrUnsupported }
