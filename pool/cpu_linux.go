package pool

import "golang.org/x/sys/unix"

// threadCPU returns how much processor time the calling thread has used, in ns. It reports false if
// that cannot be told. It takes as long as a short system call.
func threadCPU() (ns int64, ok bool) {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t) != nil {
		return 0, false
	}
	return t.Nano(), true
}
