//go:build unix

package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestEcho(t *testing.T) {
	for network, address := range map[string]string{"tcp": "127.0.0.1:0", "unix": filepath.Join(t.TempDir(), "echo")} {
		t.Run(network, func(t *testing.T) {
			ctx, stop := context.WithCancel(context.Background())
			ready, ended := make(chan string, 1), make(chan error, 1)
			go func() { ended <- serve(ctx, network, address, time.Minute, func(a string) { ready <- a }) }()
			c, err := net.Dial(network, <-ready)
			require.NoError(t, err)
			want := bytes.Repeat([]byte("what goes out comes back. "), 10_000)
			go func() { _, _ = c.Write(want) }()
			got := make([]byte, len(want))
			_, err = io.ReadFull(c, got)
			require.NoError(t, err)
			require.Equal(t, want, got)
			stop()
			require.NoError(t, c.Close(), "it waits for us")
			require.NoError(t, <-ended)
		})
	}
	require.Error(t, serve(context.Background(), "tcp", "nowhere:never", 0, nil))
}

// An end waits for nobody who is idle, and sends back what has come before.
func TestEnd(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	ready, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- serve(ctx, "tcp", "127.0.0.1:0", time.Hour, func(a string) { ready <- a }) }()
	address := <-ready
	for range 3 {
		c, err := net.Dial("tcp", address)
		require.NoError(t, err)
		defer c.Close()
		_, err = c.Write([]byte("hello"))
		require.NoError(t, err)
		_, err = io.ReadFull(c, make([]byte, 5))
		require.NoError(t, err)
	}
	stop()
	select {
	case err := <-ended:
		require.NoError(t, err)
	case <-time.After(20 * time.Second):
		require.Fail(t, "it waits for those who are idle")
	}
}

// That no more can be accepted is said, and not only when somebody ends the program.
func TestAcceptFails(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("how to break a listener is known for Linux")
	}
	ready, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- serve(context.Background(), "tcp", "127.0.0.1:0", time.Hour, func(a string) { ready <- a })
	}()
	_, port, err := net.SplitHostPort(<-ready)
	require.NoError(t, err)
	for fd := range 1000 { // the one that listens there
		sa, err := syscall.Getsockname(fd)
		if at, ok := sa.(*syscall.SockaddrInet4); err == nil && ok && strconv.Itoa(at.Port) == port {
			require.NoError(t, syscall.Shutdown(fd, syscall.SHUT_RDWR))
		}
	}
	select {
	case err := <-ended:
		require.ErrorIs(t, err, syscall.EINVAL)
	case <-time.After(20 * time.Second):
		require.Fail(t, "nobody says so")
	}
}
