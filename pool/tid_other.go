//go:build !linux

package pool

// gettid returns 0: thread ids are used on Linux only, to tell that threads end.
func gettid() int { return 0 }
