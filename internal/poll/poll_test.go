//go:build unix

package poll_test

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/poll"
)

func open(t *testing.T) *poll.Poller {
	p, err := poll.New()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

func pipe(t *testing.T) (r, w *os.File) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { _, _ = r.Close(), w.Close() })
	return r, w
}

// wait collects the reports of one Wait, by key.
func wait(t *testing.T, p *poll.Poller, nanos int64) map[uint64]poll.Mode {
	t.Helper()
	var events [16]poll.Event
	n, err := p.Wait(events[:], nanos)
	require.NoError(t, err)
	got := map[uint64]poll.Mode{}
	for _, e := range events[:n] {
		got[e.Key] |= e.Mode
	}
	return got
}

func TestReadiness(t *testing.T) {
	p := open(t)
	r, w := pipe(t)
	const rkey, wkey = 7, 1<<63 | 5<<32 | 8
	require.NoError(t, p.Add(int(r.Fd()), rkey))
	require.NoError(t, p.Add(int(w.Fd()), wkey))
	require.NotZero(t, wait(t, p, 0)[wkey]&poll.Write, "an edge that is there already")
	require.Zero(t, wait(t, p, 0)[rkey], "nothing to read, and edges are reported once")

	_, err := w.Write([]byte("x"))
	require.NoError(t, err)
	require.NotZero(t, wait(t, p, poll.Forever)[rkey]&poll.Read)
	require.Zero(t, wait(t, p, 0)[rkey])

	require.NoError(t, w.Close())
	require.NotZero(t, wait(t, p, poll.Forever)[rkey]&poll.Read, "the end is readable")

	require.NoError(t, p.Remove(int(r.Fd())))
	require.Error(t, p.Remove(int(r.Fd())))
	require.Error(t, p.Add(-1, 1))
}

func TestTimeout(t *testing.T) {
	p := open(t)
	for _, d := range []time.Duration{0, time.Microsecond, 300 * time.Microsecond, 2 * time.Millisecond} {
		start := time.Now()
		require.Empty(t, wait(t, p, int64(d)))
		require.GreaterOrEqual(t, time.Since(start), d)
	}
}

// Wake ends the Wait in progress, or the next one, and any number count as one.
func TestWake(t *testing.T) {
	p := open(t)
	require.NoError(t, p.Interrupt())
	require.NoError(t, p.Interrupt())
	require.Empty(t, wait(t, p, poll.Forever))
	start := time.Now()
	require.Empty(t, wait(t, p, int64(time.Millisecond)))
	require.GreaterOrEqual(t, time.Since(start), time.Millisecond, "no wake-up is left")

	for range 100 {
		done := make(chan error)
		go func() { done <- p.Interrupt() }()
		require.Empty(t, wait(t, p, poll.Forever))
		require.NoError(t, <-done)
	}
}
