//go:build !linux

package pool

// threadLimit returns how many threads the process may have. It is a variable for the test.
var threadLimit = func() int { return runtimeThreads }
