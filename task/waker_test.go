package task_test

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/task"
)

// sleeper is a task that waits for wakers only: what it is woken for is in until.
type sleeper struct {
	recorder
	waker task.Waker
}

// sleeperUntil returns a sleeper that ends in its n-th poll.
func sleeperUntil(n int) *sleeper {
	s := &sleeper{}
	s.poll = func(r *recorder, cx *task.Cx) error {
		s.waker = cx.Waker()
		if r.polls == n {
			return nil
		}
		return task.Pending
	}
	return s
}

func TestWakesBeforeThePollCoalesce(t *testing.T) {
	s := sleeperUntil(3)
	var g task.Group
	wake := once(func(cx *task.Cx) {
		s.waker.Wake()
		cx.Wake(s.waker)
		s.waker.Wake()
	})
	require.NoError(t, runSteps(
		start(&g, s), rounds(3),
		once(func(*task.Cx) { require.Equal(t, 1, s.polls) }),
		wake, rounds(3),
		once(func(*task.Cx) { require.Equal(t, 2, s.polls) }),
		wake, g.Wait,
	))
	require.Equal(t, 3, s.polls)
}

// Woken while it runs, by itself here: once more, however often.
func TestWokenWhileRunning(t *testing.T) {
	var g task.Group
	r := &recorder{poll: func(r *recorder, cx *task.Cx) error {
		if err := cx.Err(); err != nil {
			return err
		}
		if r.polls == 1 {
			for range 3 {
				cx.Waker().Wake()
				cx.Wake(cx.Waker())
			}
		}
		return task.Pending
	}}
	require.ErrorIs(t, runSteps(
		start(&g, r), rounds(5),
		once(func(*task.Cx) {
			require.Equal(t, 2, r.polls)
			g.Cancel(nil)
		}),
		g.Wait,
	), task.ErrCanceled)
	require.Equal(t, 3, r.polls)
}

// A task that has ended while it was being woken is not polled again.
func TestWokenWhileEnding(t *testing.T) {
	r := &recorder{poll: func(_ *recorder, cx *task.Cx) error {
		cx.Waker().Wake()
		return nil
	}}
	var g task.Group
	require.NoError(t, runSteps(start(&g, r), g.Wait, rounds(3)))
	require.Equal(t, 1, r.polls)
}

func TestStaleWaker(t *testing.T) {
	s := sleeperUntil(1)
	require.NoError(t, task.Run(background, s))
	stale := s.waker
	stale.Wake() // nobody there

	s.poll = func(r *recorder, cx *task.Cx) error {
		s.waker = cx.Waker()
		if r.polls == 3 {
			return nil
		}
		return task.Pending
	}
	var g task.Group
	require.NoError(t, runSteps(
		start(&g, s), rounds(2),
		once(func(*task.Cx) { require.NotEqual(t, stale, s.waker) }),
		once(func(cx *task.Cx) {
			stale.Wake()
			cx.Wake(stale)
		}),
		rounds(2),
		once(func(*task.Cx) {
			require.Equal(t, 2, s.polls, "woken for an earlier life")
			s.waker.Wake()
		}),
		g.Wait,
	))
	require.Equal(t, 3, s.polls)
}

func TestWakerIsComparable(t *testing.T) {
	a, b := sleeperUntil(1), sleeperUntil(1)
	same := false
	a.poll = func(_ *recorder, cx *task.Cx) error {
		a.waker = cx.Waker()
		same = a.waker == cx.Waker()
		return nil
	}
	require.NoError(t, task.Run(background, a))
	require.NoError(t, task.Run(background, b))
	require.True(t, same, "two of one life")
	require.NotEqual(t, a.waker, b.waker)
	require.Len(t, map[task.Waker]bool{a.waker: true, b.waker: true}, 2)
}

func TestZeroWaker(t *testing.T) {
	var w task.Waker
	w.Wake()
	require.NoError(t, runSteps(once(func(cx *task.Cx) { cx.Wake(w) })))
}

// No wake-up from another thread is lost, and what it announces is visible.
func TestWakesFromManyThreads(t *testing.T) {
	const threads, each, burst = 4, 2000, 100
	var (
		mu       sync.Mutex
		mail     []int
		all      []int
		received [threads]atomic.Int32
		coming   sync.WaitGroup
	)
	send := func(w task.Waker, from int) {
		for n := range each {
			mu.Lock()
			mail = append(mail, from)
			mu.Unlock()
			w.Wake()
			if sent := n + 1; sent%burst == 0 { // goes on when all has arrived
				for int(received[from].Load()) < sent {
					runtime.Gosched()
				}
			}
		}
	}
	r := &recorder{poll: func(r *recorder, cx *task.Cx) error {
		w := cx.Waker() // first: a letter that we do not see comes with a wake-up
		if r.polls == 1 {
			for i := range threads {
				coming.Go(func() { send(w, i) })
			}
		}
		mu.Lock()
		letters := mail
		mail = nil
		mu.Unlock()
		all = append(all, letters...)
		for _, from := range letters {
			received[from].Add(1)
		}
		if len(all) < threads*each {
			return task.Pending
		}
		return nil
	}}
	require.NoError(t, task.Run(background, r))
	coming.Wait()
	require.Len(t, all, threads*each)
	require.GreaterOrEqual(t, r.polls, each/burst, "it was woken in between")
}
