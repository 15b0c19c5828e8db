package reactor_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
)

// Who writes to a Unix socket that others have filled waits until there is room again, and not
// busily, although the kernel takes each try for a reason to try again. Close ends that, too.
func TestPeerFullOfOthers(t *testing.T) {
	p := open(t, 1)
	dir := t.TempDir()
	path := filepath.Join(dir, "s")
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK, 0)
	require.NoError(t, err)
	defer unix.Close(fd)
	require.NoError(t, unix.Bind(fd, &unix.SockaddrUnix{Name: path}))
	other, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK, 0)
	require.NoError(t, err)
	defer unix.Close(other)
	n := 0
	for unix.Sendto(other, []byte("other"), 0, &unix.SockaddrUnix{Name: path}) == nil {
		n++
	}
	for _, std := range []bool{false, true} {
		c := packets(t, p, "unixgram", filepath.Join(dir, map[bool]string{true: "a", false: "b"}[std]))
		to := reactor.Peer{Path: path}
		var ended func() error
		if std {
			done := make(chan error, 1)
			go func() { _, err := c.Std().WriteTo([]byte("ours"), to.Net()); done <- err }()
			ended = func() error { return <-done }
		} else {
			h := task.Go(p, func(cx *task.Cx) (int, error) { return 0, c.WriteTo(cx, []byte("ours"), to) })
			ended = func() error { _, err := h.WaitContext(patient(t)); return err }
		}
		const watch = 200 * time.Millisecond
		require.NoError(t, p.WaitIdle(patient(t)))
		polls, used := p.Stats().Polls, cpu()
		<-time.After(watch)
		require.Less(t, p.Stats().Polls-polls, uint64(4*watch/time.Millisecond), "it waits busily")
		t.Logf("%v of CPU in %v", cpu()-used, watch)
		b := make([]byte, 10)
		for range n {
			_, err := unix.Read(fd, b)
			require.NoError(t, err)
		}
		require.NoError(t, ended())
		k, err := unix.Read(fd, b)
		require.NoError(t, err)
		require.Equal(t, "ours", string(b[:k]))
		require.NoError(t, c.Close())
		for range n {
			require.NoError(t, unix.Sendto(other, []byte("other"), 0, &unix.SockaddrUnix{Name: path}))
		}
	}
	c := packets(t, p, "unixgram", filepath.Join(dir, "c"))
	h := task.Go(p, func(cx *task.Cx) (int, error) { return 0, c.WriteTo(cx, []byte("ours"), reactor.Peer{Path: path}) })
	require.NoError(t, p.WaitIdle(patient(t)))
	require.NoError(t, c.Close())
	_, err = h.WaitContext(patient(t))
	require.ErrorIs(t, err, reactor.ErrClosed)
}
