//go:build unix

package reactor_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
)

// A read of no bytes waits for nothing, whatever was read before.
func TestReadNothing(t *testing.T) {
	p := open(t, 1)
	c, peer := pair(t, p)
	_, err := peer.Write([]byte("x"))
	require.NoError(t, err)
	read := false
	require.NoError(t, p.Run(patient(t), task.Func(func(cx *task.Cx) error {
		if !read {
			if _, err := c.Read(cx, make([]byte, 10)); err != nil {
				return err
			}
			read = true
		}
		for _, b := range [][]byte{nil, {}} {
			n, err := c.Read(cx, b)
			require.Zero(t, n)
			require.NoError(t, err)
			require.NoError(t, c.ReadFull(cx, b))
			require.NoError(t, c.Write(cx, b))
			require.NoError(t, c.Writev(cx, b, b))
		}
		return nil
	})))
	require.NoError(t, peer.Close())
	require.NoError(t, p.Run(patient(t), task.Func(func(cx *task.Cx) error {
		_, err := c.Read(cx, nil)
		require.NoError(t, err, "the end is told to who wants to read")
		_, err = c.Read(cx, make([]byte, 1))
		if !task.IsPending(err) {
			require.ErrorIs(t, err, io.EOF)
			return nil
		}
		return err
	})))
}

// A control function that fails is an error, and leaves nothing open.
func TestControlFails(t *testing.T) {
	p := open(t, 1)
	r, err := p.Reactor()
	require.NoError(t, err)
	fails := func(string, string, syscall.RawConn) error { return errBoom }
	for _, network := range []string{"tcp", "unix"} {
		address := "127.0.0.1:0"
		if network == "unix" {
			address = filepath.Join(t.TempDir(), "s")
		}
		_, err = r.Listen(background, &net.ListenConfig{Control: fails}, network, address)
		require.ErrorIs(t, err, errBoom)
		_, err = r.Dial(background, &net.Dialer{Control: fails}, network, "127.0.0.1:1")
		require.ErrorIs(t, err, errBoom)
	}
	_, err = r.ListenPacket(background, &net.ListenConfig{Control: fails}, "udp", "127.0.0.1:0")
	require.ErrorIs(t, err, errBoom)
	_, err = r.DialPacket(background, &net.Dialer{Control: fails}, "udp", "127.0.0.1:1")
	require.ErrorIs(t, err, errBoom)
	d := reactor.Dialer{Net: net.Dialer{Control: fails}}
	require.ErrorIs(t, run(p, func(cx *task.Cx) error {
		_, err := d.Dial(cx, "tcp", "127.0.0.1:1")
		return err
	}), errBoom)
	require.Zero(t, r.Used())
}

// Whatever goroutines wait for ends with the pool, and what comes after that is an error.
func TestPoolClosesAll(t *testing.T) {
	p, err := pool.New(pool.Config{Workers: 1})
	require.NoError(t, err)
	r, err := p.Reactor()
	require.NoError(t, err)
	dir := t.TempDir()
	reads, _ := pair(t, p)
	writes, _ := pair(t, p)
	posts, _ := pair(t, p)
	fill(t, posts)
	udp, un := packets(t, p, "udp4", "127.0.0.1:0"), packets(t, p, "unixgram", filepath.Join(dir, "gram"))
	tcpL, err := p.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	unixL, err := p.Listen("unix", filepath.Join(dir, "s"))
	require.NoError(t, err)
	require.NoError(t, reads.SetReadDeadline(time.Now().Add(time.Hour)))
	waits := []func() error{
		func() error { _, err := reads.Std().Read(make([]byte, 1)); return err },
		func() error { _, err := writes.Std().Write(make([]byte, 64<<20)); return err },
		func() error { _, err := posts.Std().Write([]byte("behind")); return err },
		func() error { _, _, err := udp.Std().ReadFrom(make([]byte, 1)); return err },
		func() error { _, _, err := un.Std().ReadFrom(make([]byte, 1)); return err },
		func() error { _, err := tcpL.Std().Accept(); return err },
		func() error { _, err := unixL.Std().Accept(); return err },
	}
	ended := make(chan error, len(waits))
	for _, wait := range waits {
		go func() { ended <- wait() }()
	}
	var g task.Group
	g.Go(p, task.Func(func(cx *task.Cx) error { _, err := posts.Next(cx); return err }))
	g.Go(p, task.Func(func(cx *task.Cx) error { return posts.Flush(cx) }))
	require.NoError(t, p.WaitIdle(patient(t)))
	require.NoError(t, p.Close())
	require.ErrorIs(t, g.WaitContext(patient(t)), task.ErrCanceled)
	for range waits {
		select {
		case err := <-ended:
			require.ErrorIs(t, err, net.ErrClosed)
		case <-time.After(20 * time.Second):
			require.Fail(t, "somebody waits for ever")
		}
	}
	for _, wait := range waits {
		require.ErrorIs(t, wait(), net.ErrClosed)
	}
	require.ErrorIs(t, posts.Post([]byte("x")), net.ErrClosed)
	require.ErrorIs(t, reads.SetDeadline(time.Now().Add(time.Hour)), net.ErrClosed)
	require.ErrorIs(t, udp.SetDeadline(time.Time{}), net.ErrClosed)
	_, err = r.ListenPacket(background, nil, "udp4", "127.0.0.1:0")
	require.ErrorIs(t, err, net.ErrClosed)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	_, err = r.Dial(background, nil, "tcp", l.Addr().String())
	require.ErrorIs(t, err, net.ErrClosed)
	require.Zero(t, r.Used())
	_, err = os.Stat(filepath.Join(dir, "s"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

// Very many buffers are sent in order.
func TestWritevOfVeryMany(t *testing.T) {
	const n = 300_000
	p := open(t, 1)
	c, peer := pair(t, p)
	bufs := make([][]byte, n)
	var want bytes.Buffer
	for i := range bufs {
		bufs[i] = []byte{byte(i), byte(i >> 8)}[:i%3]
		want.Write(bufs[i])
	}
	got := make(chan []byte)
	go func() {
		b, _ := io.ReadAll(peer)
		got <- b
	}()
	ctx, cancel := context.WithTimeout(background, 50*time.Second)
	defer cancel()
	require.NoError(t, p.Run(ctx, task.Func(func(cx *task.Cx) error { return c.Writev(cx, bufs...) })))
	require.NoError(t, c.Close())
	require.True(t, bytes.Equal(want.Bytes(), <-got))
}
