//go:build unix

package reactor_test

import (
	"bytes"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/task"
)

// The deadline of writes also ends those that wait behind what was posted, and Flush; when
// it is lifted they go on.
func TestWriteDeadlineBehindPosts(t *testing.T) {
	p := open(t, 1)
	c, peer := pair(t, p)
	c.SetWriteLimit(8<<20, 0)
	sent := fill(t, c)
	byTask := func(f func(cx *task.Cx) error) func() error {
		return func() error { return p.Run(patient(t), task.Func(f)) }
	}
	ways := map[string]func() error{
		"Write":  byTask(func(cx *task.Cx) error { return c.Write(cx, []byte("x")) }),
		"Writev": byTask(func(cx *task.Cx) error { return c.Writev(cx, []byte("x")) }),
		"Flush":  byTask(c.Flush),
		"Std": func() error {
			_, err := c.Std().Write([]byte("x"))
			return err
		},
	}
	for name, write := range ways {
		for _, d := range []time.Duration{-time.Second, 5 * time.Millisecond} {
			require.NoError(t, c.SetWriteDeadline(time.Now().Add(d)))
			require.ErrorIs(t, ends(t, name, write), os.ErrDeadlineExceeded, "%s %v", name, d)
		}
	}
	require.NoError(t, c.SetWriteDeadline(time.Time{}))
	go func() { _, _ = io.CopyN(io.Discard, peer, int64(sent)+3) }()
	for name, write := range ways {
		require.NoError(t, ends(t, name, write), name)
	}
}

// ends returns what f returns, which has to be soon.
func ends(t *testing.T, what string, f func() error) (err error) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err = <-done:
	case <-time.After(20 * time.Second):
		require.Fail(t, what+" does not end")
	}
	return err
}

// Writev takes more buffers than the kernel does at a time, and empty ones, too.
func TestWritevMany(t *testing.T) {
	for name, bufs := range map[string][][]byte{
		"short":  several(2000, []byte("x")),
		"long":   several(2000, make([]byte, 5000)), // it waits in between
		"gapped": append(several(1100, nil), several(1100, []byte("x"))...),
		"empty":  several(1100, nil),
	} {
		t.Run(name, func(t *testing.T) {
			p := open(t, 1)
			c, peer := pair(t, p)
			size := 0
			for _, b := range bufs {
				size += len(b)
			}
			var g task.Group
			g.Go(p, task.Func(func(cx *task.Cx) error { return c.Writev(cx, bufs...) }))
			require.NoError(t, peer.SetReadDeadline(time.Now().Add(20*time.Second)))
			_, err := io.ReadFull(peer, make([]byte, size))
			require.NoError(t, err)
			require.NoError(t, g.WaitContext(patient(t)))
		})
	}
}

// several returns so many buffers.
func several(n int, b []byte) [][]byte {
	bufs := make([][]byte, n)
	for i := range bufs {
		bufs[i] = b
	}
	return bufs
}

// A write of nothing fails as one of something does, and so is no way past an end.
func TestWriteNothing(t *testing.T) {
	p := open(t, 2)
	c, _ := pair(t, p)
	require.NoError(t, byTask(p, func(cx *task.Cx) error { return c.Write(cx, nil) }))
	require.NoError(t, c.SetWriteDeadline(time.Now().Add(-time.Second)))
	require.ErrorIs(t, byTask(p, func(cx *task.Cx) error { return c.Write(cx, []byte("x")) }), os.ErrDeadlineExceeded)
	require.ErrorIs(t, byTask(p, func(cx *task.Cx) error { return c.Write(cx, nil) }), os.ErrDeadlineExceeded)
	require.NoError(t, c.Close())
	require.ErrorIs(t, byTask(p, func(cx *task.Cx) error { return c.Write(cx, nil) }), net.ErrClosed)
	require.ErrorIs(t, byTask(p, func(cx *task.Cx) error { return c.Writev(cx) }), net.ErrClosed)
}

// Writers, and what is posted, go first come, first served; and who gives up his place lets the
// next one have it.
func TestFirstComeFirstServed(t *testing.T) {
	p := open(t, 2)
	c, peer := stuffed(t, p)
	var handles []*task.Handle[int]
	write := func(s string) {
		b := []byte(s)
		h := task.Go(p, func(cx *task.Cx) (int, error) { return 0, c.Write(cx, b) })
		handles = append(handles, h)
		waits(t, p)
	}
	flushed := make(chan int, 1)
	write("a")
	require.NoError(t, c.Post([]byte("b")))
	write("c")
	losers["lost in a timeout"](t, p, func(cx *task.Cx) error { return c.Write(cx, []byte("!")) })()
	require.NoError(t, c.Post([]byte("d")))
	require.NoError(t, c.Post([]byte("e")))
	enders["failed"](t, p, func(cx *task.Cx) error { return c.Writev(cx, []byte("!")) })()
	handles = append(handles, task.Go(p, func(cx *task.Cx) (int, error) {
		err := c.Flush(cx)
		if err == nil {
			flushed <- c.Queued()
		}
		return 0, err
	}))
	waits(t, p)
	write("f")
	require.NoError(t, c.Post([]byte("g")))
	std := make(chan error, 1)
	go func() {
		_, err := c.Std().Write([]byte("h"))
		_ = c.CloseWrite()
		std <- err
	}()
	require.NoError(t, peer.SetReadDeadline(time.Now().Add(20*time.Second)))
	got, err := io.ReadAll(peer)
	require.NoError(t, err)
	require.Equal(t, "abcdefgh", string(bytes.TrimLeft(got, "\x00")))
	require.NoError(t, <-std)
	for _, h := range handles {
		_, err := h.WaitContext(patient(t))
		require.NoError(t, err)
	}
	require.LessOrEqual(t, <-flushed, 1, "g only may still be there")
}

// One who writes all the time to a peer that is slow does not keep the others from writing.
func TestWriteBesideAFlood(t *testing.T) {
	for _, workers := range []int{1, 2} {
		p := open(t, workers)
		c, peer := stuffed(t, p)
		var stop atomic.Bool
		var rounds atomic.Int64
		chunk := make([]byte, 256<<10)
		h := task.Go(p, func(cx *task.Cx) (int, error) {
			for !stop.Load() {
				if err := c.Write(cx, chunk); err != nil {
					return 0, err
				}
				rounds.Add(1)
			}
			return 0, nil
		})
		waits(t, p)
		second := make(chan error, 1)
		go func() { second <- byTask(p, func(cx *task.Cx) error { return c.Write(cx, []byte("x")) }) }()
		require.Eventually(t, func() bool { return p.Stats().Live == 2 }, 10*time.Second, time.Millisecond)
		waits(t, p)
		go func() { _, _ = io.Copy(io.Discard, peer) }()
		require.NoError(t, ends(t, "the second", func() error { return <-second }))
		require.Less(t, rounds.Load(), int64(1000))
		stop.Store(true)
		_, err := h.WaitContext(patient(t))
		require.NoError(t, err)
	}
}

// Flush ends although others post all the time, and one who posts is not kept by the others.
func TestFlushBesideAFlood(t *testing.T) {
	p := open(t, 2)
	c, peer := stuffed(t, p)
	c.SetWriteLimit(1<<20, 0)
	require.NoError(t, c.Post([]byte("x")))
	h := task.Go(p, func(cx *task.Cx) (int, error) { return 0, c.Flush(cx) })
	waits(t, p)
	var stop atomic.Bool
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for !stop.Load() {
				_ = c.Post(make([]byte, 1000))
			}
		})
	}
	go func() { _, _ = io.Copy(io.Discard, peer) }()
	_, err := h.WaitContext(patient(t))
	require.NoError(t, err)
	for range 10 {
		require.NoError(t, ends(t, "Flush", func() error { return byTask(p, c.Flush) }))
	}
	stop.Store(true)
	wg.Wait() // each has come back
}

// Who has given up his place in line leaves nothing behind.
func TestPlacesAreLetGoOf(t *testing.T) {
	p := open(t, 1)
	c, _ := stuffed(t, p)
	h := task.Go(p, func(cx *task.Cx) (int, error) { return 0, c.Write(cx, []byte("x")) })
	waits(t, p)
	n := 20_000
	if testing.Short() {
		n = 2000
	}
	for range n {
		var g task.Group
		g.Go(p, task.Func(func(cx *task.Cx) error {
			if err := c.Write(cx, []byte("x")); task.IsPending(err) {
				return errBoom
			}
			return nil
		}))
		require.ErrorIs(t, g.WaitContext(background), errBoom)
	}
	require.Zero(t, c.InLine())
	h.Cancel(nil)
	_, err := h.WaitContext(background)
	require.ErrorIs(t, err, task.ErrCanceled)
}
