//go:build unix

package reactor_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
)

// reset closes a connection of package net so that its peer is told at once.
func reset(t *testing.T, c net.Conn) {
	t.Helper()
	if tcp, ok := c.(*net.TCPConn); ok {
		require.NoError(t, tcp.SetLinger(0))
	}
	require.NoError(t, c.Close())
}

// A connection that was reset before it was accepted knows both its addresses all the same, and
// so does its view, and all that when it is closed.
func TestAddressesOfReset(t *testing.T) {
	for _, at := range [][2]string{
		{"tcp4", "127.0.0.1:0"},
		{"tcp6", "[::1]:0"},
		{"tcp", ":0"},
		{"unix", filepath.Join(t.TempDir(), "s")},
		{"unix", "@heist test " + filepath.Base(t.TempDir())},
	} {
		for _, std := range []bool{false, true} {
			name := strings.Join([]string{at[0], map[bool]string{true: "goroutine", false: "task"}[std]}, " ")
			t.Run(name, func(t *testing.T) {
				p := open(t, 1)
				if strings.HasPrefix(at[1], "@") && !abstract() {
					t.Skip("no abstract names here")
				}
				l, err := p.Listen(at[0], at[1])
				if err != nil && at[0] == "tcp6" {
					t.Skip("no IPv6 here: ", err)
				}
				require.NoError(t, err)
				defer l.Close()
				to := l.Addr()
				if at[1] == ":0" {
					to = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: to.(*net.TCPAddr).Port}
				}
				far, err := net.Dial(to.Network(), to.String())
				require.NoError(t, err)
				reset(t, far)
				var got net.Conn
				if std {
					got, err = l.Std().Accept()
					require.NoError(t, err)
				} else {
					require.NoError(t, run(p, func(cx *task.Cx) error {
						c, err := l.Accept(cx)
						if err == nil {
							got = c.Std()
							require.Equal(t, got.RemoteAddr(), c.RemoteAddr())
							require.Equal(t, got.LocalAddr(), c.LocalAddr())
						}
						return err
					}))
				}
				for range 2 {
					require.Equal(t, far.LocalAddr().String(), got.RemoteAddr().String())
					require.Equal(t, far.RemoteAddr().String(), got.LocalAddr().String())
					require.Equal(t, to.Network(), got.RemoteAddr().Network())
					_ = got.Close()
				}
			})
		}
	}
}

func abstract() bool {
	l, err := net.Listen("unix", "@heist probe "+time.Now().String())
	if err != nil {
		return false
	}
	return l.Close() == nil
}

// What is adopted knows what it knew, also if it was reset meanwhile.
func TestAddressesOfAdopted(t *testing.T) {
	p := open(t, 1)
	r, err := p.Reactor()
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	ours, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer ours.Close()
	peer, err := l.Accept()
	require.NoError(t, err)
	reset(t, peer)
	c, err := r.Adopt(ours.(syscall.Conn))
	require.NoError(t, err)
	require.Equal(t, ours.RemoteAddr().String(), c.RemoteAddr().String())
	require.Equal(t, ours.LocalAddr().String(), c.LocalAddr().String())
	require.NoError(t, c.Close())

	// A pair has no names; what has no peer has no address, and that is nil, and nothing else.
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	require.NoError(t, err)
	lone, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	require.NoError(t, err)
	for i, fd := range []int{fds[0], fds[1], lone} {
		f := os.NewFile(uintptr(fd), "socket")
		defer f.Close()
		c, err := r.Adopt(f)
		require.NoError(t, err)
		require.NotNil(t, c.LocalAddr())
		if i < 2 {
			require.Equal(t, "unix", c.RemoteAddr().Network())
		} else {
			require.True(t, c.RemoteAddr() == nil)
			require.Error(t, run(p, func(cx *task.Cx) error { return c.Write(cx, []byte("x")) }))
		}
		require.NoError(t, c.Close())
	}

	// A listener is no connection.
	_, err = r.Adopt(l.(*net.TCPListener))
	require.ErrorContains(t, err, "reactor: adopt")
	require.Zero(t, r.Used())
}

// A dialed connection that the peer resets at once knows its peer.
func TestAddressesOfDialed(t *testing.T) {
	p := open(t, 1)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.(*net.TCPConn).SetLinger(0)
			_ = c.Close()
		}
	}()
	var d reactor.Dialer
	for range 200 {
		var c *reactor.Conn
		require.NoError(t, run(p, func(cx *task.Cx) (err error) {
			c, err = d.Dial(cx, "tcp", l.Addr().String())
			if errors.Is(err, syscall.ECONNRESET) { // before it was known to us
				c, err = nil, nil
			}
			return err
		}))
		if c == nil {
			continue
		}
		require.NotNil(t, c.RemoteAddr())
		require.Equal(t, l.Addr().String(), c.RemoteAddr().String())
		require.NoError(t, c.Close())
	}
	require.NoError(t, l.Close())
	<-done
}
