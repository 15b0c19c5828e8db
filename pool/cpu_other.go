//go:build !linux

package pool

// threadCPU reports that the processor time of a thread is not known: the time that it was awake stands in for it.
func threadCPU() (ns int64, ok bool) { return 0, false }
