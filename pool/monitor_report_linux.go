package pool

import (
	"bytes"
	"os"
	"strconv"
)

// waiting returns what the kernel knows of one of the process's threads. It reports false if
// that cannot be told.
func waiting(tid int) (s schedule, ok bool) {
	dir := "/proc/self/task/" + strconv.Itoa(tid)
	text, err := os.ReadFile(dir + "/schedstat")
	fields := bytes.Fields(text)
	if err != nil || len(fields) < 2 {
		return s, false
	}
	s.ran, _ = strconv.ParseInt(string(fields[0]), 10, 64)
	s.delay, _ = strconv.ParseInt(string(fields[1]), 10, 64)
	text, err = os.ReadFile(dir + "/stat")
	_, text, found := bytes.Cut(text, []byte(") ")) // behind the name
	s.runnable = err == nil && found && bytes.HasPrefix(text, []byte("R"))
	return s, s.ran > 0 // a kernel without these figures writes zeros
}
