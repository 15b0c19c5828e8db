package reactor_test

import (
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// probing is what a socket does about a peer that says nothing.
func probing(t *testing.T, fd int) (of [4]int) {
	t.Helper()
	for i, o := range [4][2]int{
		{unix.SOL_SOCKET, unix.SO_KEEPALIVE},
		{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE},
		{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL},
		{unix.IPPROTO_TCP, unix.TCP_KEEPCNT},
	} {
		v, err := unix.GetsockoptInt(fd, o[0], o[1])
		require.NoError(t, err)
		of[i] = v
	}
	return of
}

// accepted returns the probing of the socket that has accepted from the peer at an address: one
// of our descriptors.
func accepted(t *testing.T, from net.Addr) [4]int {
	t.Helper()
	for fd := range 1000 {
		sa, err := syscall.Getpeername(fd)
		if at, ok := sa.(*syscall.SockaddrInet4); err == nil && ok && at.Port == from.(*net.TCPAddr).Port {
			return probing(t, fd)
		}
	}
	require.Fail(t, "nobody has accepted")
	return [4]int{}
}

// A listener's connections probe silent peers as package net's do, whatever is configured.
func TestKeepAliveAsNet(t *testing.T) {
	p := open(t, 1)
	r, err := p.Reactor()
	require.NoError(t, err)
	for _, lc := range []*net.ListenConfig{
		nil,
		{KeepAlive: -1},
		{KeepAlive: 90*time.Second + 1},
		{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 7 * time.Second, Interval: -1, Count: 3}},
		{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: -1, Interval: time.Nanosecond}, KeepAlive: -1},
	} {
		ours, err := r.Listen(background, lc, "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		if lc == nil {
			lc = &net.ListenConfig{}
		}
		theirs, err := lc.Listen(background, "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		var got [2][4]int
		for i, l := range []net.Listener{ours.Std(), theirs} {
			far, err := net.Dial("tcp", l.Addr().String())
			require.NoError(t, err)
			c, err := l.Accept()
			require.NoError(t, err)
			got[i] = accepted(t, far.LocalAddr())
			require.NoError(t, c.Close())
			require.NoError(t, far.Close())
			require.NoError(t, l.Close())
		}
		require.Equal(t, got[1], got[0], "%+v", lc)
	}
}
