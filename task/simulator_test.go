package task_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/rig"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
)

// teller is a simulator that decides nothing, and counts.
type teller struct {
	points  int
	started []func()
	drawn   []int64
	crashed []*task.PanicError
	idle    []task.Waker
	held    int64
}

func (s *teller) Point()                                       { s.points++ }
func (s *teller) Holds(_ task.Waker, _ any, _ string, n int64) { s.held += n }
func (s *teller) NoChange(w task.Waker)                        { s.idle = append(s.idle, w) }
func (s *teller) Go(_ string, f func())                        { s.started = append(s.started, f) }
func (s *teller) Draw(n int64) int64                           { s.drawn = append(s.drawn, n); return 0 }
func (s *teller) Crash(p *task.PanicError)                     { s.crashed = append(s.crashed, p) }

// newTold returns a lab that tells a simulator.
func newTold(t *testing.T) (*lab, *teller) {
	s, l := &teller{}, &lab{}
	l.runner.Init(l)
	task.SetSimulator(&l.Runtime, s)
	task.Open(background, &l.Runtime, l, &l.runner)
	t.Cleanup(task.Simulated(s))
	return l, s
}

// A simulated poll has the budget that every poll has, and is asked at each operation.
func TestSimulatedBudget(t *testing.T) {
	count := func(l *lab) (n int, more []bool) {
		task.Detach(l, steps(func(cx *task.Cx) error {
			if n > 0 {
				return nil
			}
			for cx.Spend() == nil {
				if n++; n < 3 {
					more = append(more, cx.Spent())
				}
			}
			more = append(more, cx.Spent())
			return task.Pending
		}))
		l.work()
		return n, more
	}
	want, spent := count(newLab(background))
	l, s := newTold(t)
	got, told := count(l)
	require.Equal(t, want, got)
	require.Equal(t, spent, told)
	require.GreaterOrEqual(t, s.points, want)
}

func TestSimulatorIsTold(t *testing.T) {
	l, s := newTold(t)
	var p task.Promise[int]
	var call task.Blocking[int]
	c := chans.New[int](1)
	told := func(f func()) int {
		before := s.points
		f()
		return s.points - before
	}
	require.Positive(t, told(func() { p.Resolve(1, nil) }), "without a Cx")
	require.Positive(t, told(func() { require.NoError(t, c.TrySend(nil, 1)) }))
	require.Zero(t, told(func() {
		over := make(chan struct{})
		go func() { // a thread of nobody's
			defer close(over)
			c.Close(nil)
		}()
		<-over
	}))
	points := 0
	task.Detach(l, steps(
		func(cx *task.Cx) (err error) {
			points += told(func() { _, err = p.Wait(cx) })
			return err
		},
		func(cx *task.Cx) (err error) {
			points += told(func() { _, err = c.Recv(cx) })
			return err
		},
		func(cx *task.Cx) (err error) {
			_, err = call.Do(cx, func(context.Context) (int, error) { return 7, nil })
			return err
		},
	))
	require.NotEmpty(t, s.drawn, "whose a detached task is")
	l.work()
	require.GreaterOrEqual(t, points, 2)
	require.Len(t, s.started, 1, "the blocking function is the simulator's to run")
	s.started[0]()
	l.work()
	require.EqualValues(t, 1, l.runner.Count.Finished)

	task.Detach(l, steps(func(*task.Cx) error { return oops("oh") }))
	l.work()
	require.Len(t, s.crashed, 1)
}

// A simulator is told of wake-ups that make nobody runnable: with and without a Cx, one by one and of a set.
func TestSimulatorIsToldOfWakeUpsForNothing(t *testing.T) {
	l, s := newTold(t)
	task.Waker{}.Wake()
	require.Equal(t, []task.Waker{{}}, s.idle)
	s.idle = nil

	var mine task.Waker
	polls := 0
	task.Detach(l, steps(func(cx *task.Cx) error {
		if polls++; polls == 1 {
			mine = cx.Waker()
			cx.Wake(mine) // in the middle of its poll
			require.Equal(t, []task.Waker{mine}, s.idle)
			return cx.Suspend()
		}
		if polls == 2 {
			return cx.Suspend()
		}
		return nil
	}))
	l.work()
	require.Equal(t, 2, polls)
	mine.Wake()
	require.Len(t, s.idle, 1, "it is woken")
	mine.Wake()
	require.Len(t, s.idle, 2, "it is runnable already")
	l.work()
	mine.Wake()
	require.Equal(t, []task.Waker{mine, mine, mine}, s.idle, "it has ended")
	s.idle = nil

	var set task.WaitSet
	var mu task.WaitLock
	open := false
	member := func() task.Task {
		return steps(func(cx *task.Cx) error { return set.Wait(cx, &mu, func() bool { return open }) })
	}
	task.Detach(l, member())
	task.Detach(l, member())
	l.work()
	open = true
	l.CancelAll(nil) // both are runnable
	set.WakeAll(&mu, nil)
	require.Len(t, s.idle, 2)
	l.work()
}

func TestWaitsSaysWhatFor(t *testing.T) {
	l := newLab(background)
	var p task.Promise[int]
	var timer task.Timer
	var g task.Group
	r := &recorder{poll: func(r *recorder, cx *task.Cx) error {
		if r.polls == 1 {
			g.Go(cx, &recorder{poll: suspended})
		}
		_, err := task.First(second(p.Wait(cx)), timer.Sleep(cx, time.Hour))
		return err
	}}
	task.Detach(l, r)
	require.True(t, task.Alive(&r.Frame))
	l.work()
	require.Equal(t, []string{"something that has not happened", "a timer", "owns a group of 1 member"}, task.Waits(&r.Frame, nil))
	l.CancelAll(nil)
	l.work()
	require.False(t, task.Alive(&r.Frame))
}

func second[T any](_ T, err error) error { return err }

// TestAdvanceOfTwo: of the schedulers on a clock, one has its tasks in the queue that Advance is
// given, and the other gets its own back.
func TestAdvanceOfTwo(t *testing.T) {
	one := rig.NewLab()
	two := &rig.Lab{Clock: one.Clock}
	two.Runner.Init(two)
	task.SetClock(&two.Runtime, one.Clock)
	task.Open(background, &two.Runtime, two, &two.Runner)
	var awake []string
	for name, l := range map[string]*rig.Lab{"one": one, "two": two} {
		var timer task.Timer
		task.Detach(l, steps(
			func(cx *task.Cx) error { return timer.Sleep(cx, time.Second) },
			once(func(*task.Cx) { awake = append(awake, name) }),
		))
		l.Work()
	}
	task.Advance(one.Clock, 2*time.Second, &one.Runtime, one)
	one.Work()
	require.Equal(t, []string{"one"}, awake)
	two.Work()
	require.Equal(t, []string{"one", "two"}, awake)
}
