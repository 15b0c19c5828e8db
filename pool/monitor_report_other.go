//go:build !linux

package pool

// waiting returns what the kernel knows of a thread. It reports false if that cannot be told.
func waiting(int) (s schedule, ok bool) { return s, false }
