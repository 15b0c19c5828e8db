package flight_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/trace"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/pool/flight"
	"github.com/heist-go/heist/task"
)

// hash is a task with a poll that takes long.
type hash struct {
	task.Frame
	release chan struct{}
}

func (h *hash) Poll(*task.Cx) error { <-h.release; return nil }

// TestWriter: a stall writes a trace, which says what was polled.
func TestWriter(t *testing.T) {
	r := trace.NewFlightRecorder(trace.FlightRecorderConfig{})
	require.NoError(t, r.Start())
	defer r.Stop()
	dir := t.TempDir()
	written := make(chan pool.Stall, 10)
	w := &flight.Writer{Recorder: r, Dir: dir, Failed: func(err error) { panic(err) }}
	p, err := pool.New(pool.Config{Workers: 1, Stalled: func(s pool.Stall) {
		w.Stalled(s)
		written <- s
	}})
	require.NoError(t, err)
	defer p.Close()
	h := &hash{release: make(chan struct{})}
	var g task.Group
	g.Go(p, h)
	s := <-written
	require.Contains(t, s.Poll, "flight_test.(*hash).Poll")
	require.NotEmpty(t, s.Calls)
	require.GreaterOrEqual(t, s.For, 10*time.Millisecond)
	close(h.release)
	require.NoError(t, g.WaitContext(context.Background()))

	files, err := filepath.Glob(filepath.Join(dir, "heist-stall-*-0.trace"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	text, err := exec.Command("go", "tool", "trace", "-d=parsed", files[0]).CombinedOutput()
	if err != nil {
		t.Skip("skipped: go tool trace: ", string(text))
	}
	require.Contains(t, string(text), "flight_test.hash", "the region of the poll")
}

// TestKeep: no more files than that stay, and nothing else goes.
func TestKeep(t *testing.T) {
	r := trace.NewFlightRecorder(trace.FlightRecorderConfig{})
	require.NoError(t, r.Start())
	dir := t.TempDir()
	other := filepath.Join(dir, "other.trace")
	require.NoError(t, os.WriteFile(other, nil, 0o600))
	var failed []error
	w := &flight.Writer{Recorder: r, Dir: dir, Keep: 2, Failed: func(err error) { failed = append(failed, err) }}
	for i := range 4 {
		w.Stalled(pool.Stall{Worker: i})
	}
	require.Empty(t, failed)
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, files, 3)
	require.FileExists(t, other)
	require.Regexp(t, `-2\.trace$`, files[0].Name())
	require.Regexp(t, `-3\.trace$`, files[1].Name())

	(&flight.Writer{Recorder: r, Dir: filepath.Join(dir, "none"), Failed: w.Failed}).Stalled(pool.Stall{})
	require.Len(t, failed, 1)
	r.Stop()
	w.Stalled(pool.Stall{})
	require.ErrorIs(t, failed[1], flight.ErrNotRunning)
	(&flight.Writer{}).Stalled(pool.Stall{}) // nobody is told
}
