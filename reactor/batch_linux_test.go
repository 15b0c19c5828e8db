package reactor_test

import (
	"errors"
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/heist-go/heist/reactor"
)

// A socket that is not connected is told only if it has asked for that.
func TestBatchRefusedUnconnected(t *testing.T) {
	gone, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, gone.Close())
	to, err := reactor.PeerOf(gone.LocalAddr())
	require.NoError(t, err)
	p := open(t, 1)
	r, err := p.Reactor()
	require.NoError(t, err)
	for _, asked := range []int{0, 1} {
		lc := &net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
			e := c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_RECVERR, asked) })
			return errors.Join(e, err)
		}}
		c, err := r.ListenPacket(background, lc, "udp4", "127.0.0.1:0")
		require.NoError(t, err)
		sent, errs := sendAll(t, p, c, messages(10, to))
		require.Equal(t, 10, sent)
		require.Len(t, errs, 9*asked)
		require.NoError(t, c.Close())
	}
}
