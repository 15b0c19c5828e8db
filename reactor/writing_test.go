//go:build unix

package reactor_test

import (
	"io"
	"os"
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
