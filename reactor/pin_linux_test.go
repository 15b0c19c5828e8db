package reactor_test

import (
	"os"
	"runtime"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// pin binds the threads of this process, and those that it and its children start, to one
// processor, until the end of the test.
func pin(t testing.TB) {
	var before, one unix.CPUSet
	require.NoError(t, unix.SchedGetaffinity(0, &before))
	for i := range runtime.NumCPU() * 8 {
		if before.IsSet(i) {
			one.Set(i)
			break
		}
	}
	bind := func(to *unix.CPUSet) {
		threads, err := os.ReadDir("/proc/self/task")
		require.NoError(t, err)
		for _, e := range threads {
			id, err := strconv.Atoi(e.Name())
			require.NoError(t, err)
			_ = unix.SchedSetaffinity(id, to) // it may have ended
		}
	}
	bind(&one)
	t.Cleanup(func() { bind(&before) })
}
