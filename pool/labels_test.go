package pool_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"runtime/pprof"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

// burner computes until it was polled often enough, or for long enough.
type burner struct {
	task.Frame
	until time.Time
	sum   int
}

func (b *burner) Poll(cx *task.Cx) error {
	for cx.Now().Before(b.until) {
		for i := range 1_000_000 {
			b.sum += i * i
		}
		if err := cx.Yield(); err != nil {
			return err
		}
	}
	return nil
}

func (b *burner) TaskName() string { return "a burner of cycles" }

// TestLabels: a profile tells workers and kinds of tasks apart.
func TestLabels(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a profile")
	}
	t.Setenv("HEIST_LABELS", "a run by name")
	var profile bytes.Buffer
	if err := pprof.StartCPUProfile(&profile); err != nil {
		t.Skip(err) // the tests are profiled themselves
	}
	p := open(t, 1)
	var g task.Group
	g.Go(p, &burner{until: time.Now().Add(300 * time.Millisecond)})
	err := g.WaitContext(background)
	pprof.StopCPUProfile()
	require.NoError(t, err)

	in, err := gzip.NewReader(&profile)
	require.NoError(t, err)
	text, err := io.ReadAll(in) // protocol buffers; strings are what they are
	require.NoError(t, err)
	for _, want := range []string{"worker", "task", "a burner of cycles", "run", "a run by name"} {
		require.Contains(t, string(text), want)
	}
}

// TestNoLabels: without being asked for, there are none.
func TestNoLabels(t *testing.T) {
	p, err := pool.New(fixed(pool.Config{Workers: 1}))
	require.NoError(t, err)
	defer p.Close()
	require.False(t, p.Labeled())
}
