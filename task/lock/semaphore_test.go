package lock_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/lock"
)

// takes is a step that acquires n permits.
func takes(s *lock.Semaphore, n int) step {
	return func(cx *task.Cx) error { return s.Acquire(cx, n) }
}

// gives is a step that releases n permits.
func gives(s *lock.Semaphore, n int) step { return once(func(cx *task.Cx) { s.Release(cx, n) }) }

func TestSemaphore(t *testing.T) {
	l := newLab(t)
	s := lock.NewSemaphore(3)
	require.Equal(t, 3, s.Available())
	l.well(l.begin(takes(s, 2)))
	require.Equal(t, 1, s.Available())
	require.False(t, s.TryAcquire(2))
	require.True(t, s.TryAcquire(1))
	require.Zero(t, s.Available())
	s.Release(nil, 3)
	require.NoError(t, s.AcquireContext(background, 3))
	s.Release(nil, 2)
	s.Release(nil, 1)
	require.True(t, s.TryAcquire(0), "nothing is always to be had")
	s.Release(nil, 0)
	free(t, s)
}

// Who asks for many is not overtaken by who asks for few, and several go on at once when
// there is enough.
func TestSemaphoreIsStrict(t *testing.T) {
	l := newLab(t)
	s := lock.NewSemaphore(4)
	s.TryAcquire(3)
	many := l.begin(takes(s, 3))
	few := l.begin(takes(s, 1))
	zero := l.begin(takes(s, 0))
	l.wait(many, few, zero)
	require.False(t, s.TryAcquire(1), "one is free, and somebody waits")
	require.False(t, s.TryAcquire(0))
	require.Equal(t, 1, s.Available())
	s.Release(nil, 1)
	l.Work()
	l.wait(many, few, zero)
	s.Release(nil, 2)
	l.Work()
	l.well(many, few, zero)
	require.Zero(t, s.Available())
	s.Release(nil, 4)
	free(t, s)
}

// When the one at the head of the line leaves, those behind it may have enough.
func TestSemaphoreWithoutItsHead(t *testing.T) {
	l := newLab(t)
	s := lock.NewSemaphore(4)
	s.TryAcquire(2)
	many := l.begin(takes(s, 4))
	first, second, third := l.begin(takes(s, 1)), l.begin(takes(s, 1)), l.begin(takes(s, 1))
	l.cancel(many)
	l.well(first, second)
	l.wait(third)
	s.Release(nil, 4)
	l.Work()
	l.well(third)
	s.Release(nil, 1)
	free(t, s)
}

// A task that was granted a permit has it once, however many are free when it is polled.
func TestPermitIsTakenOnce(t *testing.T) {
	l := newLab(t)
	s := lock.NewSemaphore(2)
	s.TryAcquire(2)
	a := l.begin(takes(s, 1), gives(s, 1), never) // it lives on
	s.Release(nil, 2)
	l.Work()
	l.wait(a)
	require.Equal(t, 2, s.Available())
	l.cancel(a)
	free(t, s)
}

func TestSemaphoreErrors(t *testing.T) {
	l := newLab(t)
	s := lock.NewSemaphore(2)
	a := l.begin(takes(s, 3))
	require.ErrorIs(t, a.err, task.ErrLimit)
	require.EqualError(t, a.err, "lock: semaphore: 3 of 2 permits: "+task.ErrLimit.Error())
	require.ErrorIs(t, s.AcquireContext(background, math.MaxInt), task.ErrLimit)
	require.False(t, s.TryAcquire(3))
	require.False(t, s.TryAcquire(math.MaxInt))
	free(t, s)

	s.TryAcquire(2)
	require.ErrorIs(t, s.AcquireContext(canceledContext(), 1), errBoom)
	waits := l.begin(takes(s, 1))
	l.cancel(waits)
	s.Release(nil, 2)
	free(t, s)
}

func TestSemaphoreClose(t *testing.T) {
	bounded(t)
	l := newLab(t)
	s := lock.NewSemaphore(2)
	s.TryAcquire(1)
	as := []*actor{l.begin(takes(s, 2)), l.begin(takes(s, 1)), l.begin(takes(s, 2))}
	ctx := goes(func() error { return s.AcquireContext(background, 1) })
	s.Close(nil)
	l.Work()
	as = append(as, l.begin(takes(s, 1)), l.begin(takes(s, 0)))
	for _, a := range as {
		require.Equal(t, 1, a.ends)
		require.ErrorIs(t, a.err, task.ErrClosed)
	}
	require.EqualError(t, as[0].err, "lock: semaphore: "+task.ErrClosed.Error())
	require.ErrorIs(t, ctx(), task.ErrClosed)
	require.ErrorIs(t, s.AcquireContext(background, 1), task.ErrClosed)
	require.False(t, s.TryAcquire(1))
	require.Equal(t, 1, s.Available())
	s.Release(nil, 1)
	s.Close(nil)
	require.Equal(t, 2, s.Available())
	require.Panics(t, func() { s.Release(nil, 1) })
	free(t, s)
}

// A task that was granted permits before the semaphore was closed has them.
func TestSemaphoreCloseAfterAGrant(t *testing.T) {
	l := newLab(t)
	s := lock.NewSemaphore(1)
	s.TryAcquire(1)
	a := l.begin(takes(s, 1), gives(s, 1))
	b := l.begin(takes(s, 1))
	s.Release(nil, 1)
	s.Close(nil)
	l.Work()
	l.well(a)
	require.ErrorIs(t, b.err, task.ErrClosed)
	free(t, s)
}

func TestSemaphoreMistakes(t *testing.T) {
	for _, n := range []int{0, -1, lock.Whole + 1, math.MinInt} {
		require.Panics(t, func() { lock.NewSemaphore(n) }, n)
	}
	require.PanicsWithValue(t, "lock: NewSemaphore(0): it takes 1 to 1073741824 permits", func() { lock.NewSemaphore(0) })
	s := lock.NewSemaphore(lock.Whole)
	require.True(t, s.TryAcquire(lock.Whole))
	require.False(t, s.TryAcquire(1))
	s.Release(nil, lock.Whole)

	const fewer = "lock: Release of 1 permits of a Semaphore that has given out fewer"
	require.PanicsWithValue(t, fewer, func() { s.Release(nil, 1) })
	s.TryAcquire(2)
	l := newLab(t)
	a := l.begin(takes(s, lock.Whole))
	for _, n := range []int{3, -1, math.MaxInt, math.MinInt} {
		require.Panics(t, func() { s.Release(nil, n) }, n)
	}
	l.cancel(a)
	s.Release(nil, 2)
	require.PanicsWithValue(t, "lock: Acquire of -1 permits", func() { s.TryAcquire(-1) })
	require.Equal(t, "lock: Acquire of -1 permits", mistake(t, func(cx *task.Cx) { _ = s.Acquire(cx, -1) }))
	free(t, s)

	var zero lock.Semaphore
	const without = "lock: a Semaphore without permits: make it with NewSemaphore"
	require.PanicsWithValue(t, without, func() { zero.TryAcquire(1) })
	require.PanicsWithValue(t, without, func() { zero.TryAcquire(0) })
	require.PanicsWithValue(t, without, func() { _ = zero.AcquireContext(background, 1) })
}
