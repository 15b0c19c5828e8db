package pool_test

import (
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A process that has one CPU: whoever spins there waits for somebody who cannot
// run.
func TestStressOnOneCPU(t *testing.T) {
	if !isChild() {
		onFirstCPU(t, func() {
			out, err := child(t)
			require.NoError(t, err, out)
		})
		return
	}
	require.Equal(t, 1, runtime.NumCPU())
	defer debug.SetGCPercent(debug.SetGCPercent(1))
	stress(t, 1)
	stress(t, 4)
}

// onFirstCPU runs f on a thread that has one CPU, as the processes have that it
// starts.
func onFirstCPU(t *testing.T, f func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var all, one unix.CPUSet
	require.NoError(t, unix.SchedGetaffinity(0, &all))
	for cpu := 0; one.Count() == 0; cpu++ {
		if all.IsSet(cpu) {
			one.Set(cpu)
		}
	}
	require.NoError(t, unix.SchedSetaffinity(0, &one))
	defer func() { require.NoError(t, unix.SchedSetaffinity(0, &all)) }()
	f()
}
