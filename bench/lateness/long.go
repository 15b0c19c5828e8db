//go:build unix

package main

import (
	"fmt"
	"io"
	"slices"
	"syscall"
	"time"

	"github.com/heist-go/heist/pool"
)

// longSleeps are those for which the kernel's own slack, a thousandth, would be more than a
// tick of the wheel.
var longSleeps = []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second, 10 * time.Second}

// long prints how late n sleeps of each length end on an idle pool, whose worker sleeps in the
// kernel's poll if there is a reactor, and else on a futex.
func long(to io.Writer, n int, sleeps ...time.Duration) error {
	for _, reactor := range []bool{true, false} {
		p, err := pool.New(pool.Config{})
		if err != nil {
			return err
		}
		defer p.Close()
		where := "without a reactor"
		if reactor {
			where = "with a reactor"
			if _, err := p.Reactor(); err != nil {
				return err
			}
		}
		for _, d := range sleeps {
			before := switches()
			late, err := tasksOn(p, n, d, false)
			if err != nil {
				return err
			}
			wakes := float64(switches()-before) / float64(n)
			slices.Sort(late)
			fmt.Fprintf(to, "%-18s %8v   p50 %10v   most %10v   %5.1f wake-ups\n", where, d, quantile(late, 0.5), late[n-1], wakes)
		}
	}
	return nil
}

// switches returns how often a thread of the process has waited so far.
func switches() int64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return int64(u.Nvcsw)
}
