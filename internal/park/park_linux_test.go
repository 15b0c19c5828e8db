//go:build !heistportable

package park_test

import (
	"math"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/heist-go/heist/internal/clock"
	"github.com/heist-go/heist/internal/park"
)

func TestPrepare(t *testing.T) {
	thread(t, func() {
		slack, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
		if err != nil || slack != 1 {
			t.Errorf("timer slack %d ns (%v), want 1", slack, err)
		}
	})()
}

// TestSignals: a signal ends neither kind of park, and does not make a timed one
// longer or shorter.
func TestSignals(t *testing.T) {
	const nap = 100 * time.Millisecond
	var p, q park.Parker
	var tid, qid atomic.Int64
	var late atomic.Int64
	join := thread(t, func() {
		tid.Store(int64(unix.Gettid()))
		p.Park()
	})
	joinTimed := thread(t, func() {
		qid.Store(int64(unix.Gettid()))
		deadline := clock.Now() + int64(nap)
		if q.ParkUntil(deadline) {
			t.Error("a signal was taken for a token")
		}
		late.Store(clock.Now() - deadline)
	})
	until(t, func() bool { return p.Parked() && q.Parked() })
	signals := 0
	for ; q.Parked(); signals++ {
		for _, id := range []int64{tid.Load(), qid.Load()} {
			if err := unix.Tgkill(os.Getpid(), int(id), unix.SIGURG); err != nil && err != unix.ESRCH {
				t.Fatal(err)
			}
		}
		if !p.Parked() {
			t.Fatal("a signal ended Park")
		}
	}
	joinTimed()
	if late.Load() < 0 {
		t.Errorf("%d ns early after %d signals", -late.Load(), signals)
	}
	if signals < 10 {
		t.Errorf("only %d signals: the race was not reached", signals)
	}
	p.Unpark()
	join()
}

func TestNoAllocations(t *testing.T) {
	var p park.Parker
	if n := testing.AllocsPerRun(100, func() { p.ParkUntil(clock.Now() + 1_000) }); n != 0 {
		t.Errorf("a timed park allocates %v times", n)
	}
}

// TestFarDeadline: the system call's seconds have 32 bits on some machines.
func TestFarDeadline(t *testing.T) {
	for _, deadline := range []int64{math.MaxInt64, math.MaxInt32 * int64(time.Second) * 2, (math.MaxInt32 + 1) * int64(time.Second)} {
		var p park.Parker
		join := thread(t, func() {
			if !p.ParkUntil(deadline) {
				t.Errorf("deadline %d has passed", deadline)
			}
		})
		until(t, p.Parked)
		p.Unpark()
		join()
	}
}
