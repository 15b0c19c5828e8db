package pool

import "golang.org/x/sys/unix"

// gettid returns the id of the calling thread.
func gettid() int { return unix.Gettid() }
