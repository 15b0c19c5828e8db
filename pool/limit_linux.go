package pool

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// threadLimit returns how many threads the process may have: what the user, the control group
// and Go's runtime allow, whichever is least. It is a variable for the test.
var threadLimit = func() int {
	n := runtimeThreads
	var r unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NPROC, &r) == nil && r.Cur < uint64(n) {
		n = int(r.Cur)
	}
	if text, err := os.ReadFile("/sys/fs/cgroup/pids.max"); err == nil {
		if m, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil { // or "max"
			n = min(n, m)
		}
	}
	return n
}
