package poll

import (
	"math"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// kernel is a clock, and a wait on it that takes as long as the kernel may let it.
type kernel struct {
	now   int64
	waits int
	part  int64   // of the wait is its slack
	used  float64 // how much of the slack it uses
	ready int     // the wait at which something is ready, from 1 on; 0: none
}

func (k *kernel) clock() int64 { return k.now }

func (k *kernel) wait(nanos int64) (int, syscall.Errno) {
	k.waits++
	if k.waits == k.ready {
		k.now += nanos / 2
		return 1, 0
	}
	slack := min(nanos/k.part, int64(100*time.Millisecond))
	k.now += nanos + int64(float64(slack)*k.used)
	return 0, 0
}

// TestSteps: whatever the length of a wait, it takes two at most, is never early, and late by no
// more than the slack of a tenth of a second.
func TestSteps(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var all []int64
	for _, d := range []time.Duration{0, 1, 50 * time.Millisecond, 100 * time.Millisecond, 100*time.Millisecond + 1, time.Second / 2,
		time.Second, 2 * time.Second, 4 * time.Second, 10 * time.Second, 20 * time.Second, 21 * time.Second, 100 * time.Second,
		time.Hour, 1000 * time.Hour, math.MaxInt64 / 2} {
		all = append(all, int64(d))
	}
	for range 5_000 {
		all = append(all, int64(rng.Uint64()>>(2+rng.IntN(61))))
	}
	for _, d := range all {
		for _, part := range []int64{1000, 200} {
			for _, used := range []float64{0, 0.5, 1} {
				k := &kernel{now: 1, part: part, used: used}
				n, errno := inSteps(d, k.clock, k.wait)
				require.True(t, n == 0 && errno == 0)
				late, most := k.now-1-d, int64(100*time.Millisecond)/part
				if late < 0 || late > most {
					t.Fatalf("%v: %v late", time.Duration(d), time.Duration(late))
				}
				if k.waits > 2 || k.waits > 1 && d <= int64(100*time.Millisecond) {
					t.Fatalf("%v takes %d waits", time.Duration(d), k.waits)
				}
			}
		}
	}
}

// What is ready, and an error, end both waits.
func TestStepsEnd(t *testing.T) {
	k := &kernel{part: 1000, ready: 1}
	n, _ := inSteps(int64(time.Second), k.clock, k.wait)
	require.True(t, n == 1 && k.waits == 1)
	k = &kernel{part: 1000, ready: 2}
	n, _ = inSteps(int64(time.Second), k.clock, k.wait)
	require.True(t, n == 1 && k.waits == 2)
	_, errno := inSteps(int64(time.Second), k.clock, func(int64) (int, syscall.Errno) { return 0, syscall.EINTR })
	require.Equal(t, syscall.EINTR, errno)
	k = &kernel{part: 1000, ready: 1}
	n, _ = inSteps(Forever, k.clock, func(nanos int64) (int, syscall.Errno) {
		require.EqualValues(t, Forever, nanos)
		return 1, 0
	})
	require.Equal(t, 1, n)
}
