//go:build unix

package pool_test

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

// A submitter that has seen a worker asleep in the poll, and is so late that the pool has
// ended when it wakes it, does not write into another file.
func TestLateWake(t *testing.T) {
	dir := t.TempDir()
	p := openWith(t, fixed(pool.Config{Workers: 1}))
	r, err := p.Reactor()
	require.NoError(t, err)
	require.NoError(t, p.Run(background, act(func(*task.Cx) {})))
	require.NoError(t, p.Close())
	require.NotPanics(t, r.Interrupt, "the number is nobody's")
	var files []*os.File
	for i := range 32 { // one of them gets the number that the poller had
		f, err := os.Create(filepath.Join(dir, strconv.Itoa(i)))
		require.NoError(t, err)
		defer f.Close()
		files = append(files, f)
	}
	require.NotPanics(t, r.Interrupt)
	for _, f := range files {
		info, err := f.Stat()
		require.NoError(t, err)
		require.Zero(t, info.Size(), "the wake-up was written into %s", f.Name())
	}
}
