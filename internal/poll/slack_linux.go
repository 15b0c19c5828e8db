package poll

import (
	"syscall"
	"time"
)

// The kernel lets a wait in epoll run on for a part of its length, to end several at once: a
// thousandth, or five for a process with a nice value above 0, and at most maxSlack
// (__estimate_accuracy in Linux's fs/select.c, which ep_poll in fs/eventpoll.c asks). The slack
// that PR_SET_TIMERSLACK sets is only the least of it. An idle machine uses all: a sleep of 2 s
// ends 2 ms late.
//
// So a long wait is two: one that ends before the deadline whatever its slack, and one for the
// rest, which is so short that its slack does not matter.
const (
	maxSlack  = int64(100 * time.Millisecond)
	slackPart = 200 // the largest slack is one part in so many
)

// first returns how long the first wait is: all of it if one will do.
func first(nanos int64) int64 {
	if nanos <= maxSlack {
		return nanos // 100 µs late at most
	}
	return nanos - min(nanos/(slackPart+1)+1, maxSlack)
}

// inSteps waits for nanos, or until something is ready, in two waits at most.
func inSteps(nanos int64, now func() int64, wait func(nanos int64) (int, syscall.Errno)) (n int, errno syscall.Errno) {
	step := first(nanos)
	if step == nanos {
		return wait(nanos)
	}
	begin := now()
	if n, errno = wait(step); n != 0 || errno != 0 {
		return n, errno
	}
	return wait(max(nanos-(now()-begin), 0))
}
