//go:build unix

package pool_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/combine"
	"github.com/heist-go/heist/task/lock"
)

// Sick programs, each with the view that the page Seeing leads to, and what it has to show there.

// shapeOf returns the shape of the tasks that wait for what contains part.
func shapeOf(d *pool.Dump, part string) *pool.Shape {
	for i := range d.Shapes {
		if strings.Contains(strings.Join(d.Shapes[i].Waits, "\n"), part) {
			return &d.Shapes[i]
		}
	}
	return nil
}

// withShape waits for a dump with n tasks in the shape that waits for part.
func withShape(t *testing.T, p *pool.Pool, part string, n int) *pool.Dump {
	t.Helper()
	return inDump(t, p, func(d *pool.Dump) bool { s := shapeOf(d, part); return s != nil && s.Count == n })
}

// It hangs: a task looks at a flag, and then waits for a signal that was given in between. The group is quiet, and all
// that would help is another signal.
func TestSickLostWakeUp(t *testing.T) {
	p := open(t, 2)
	alive(t, p)
	var g task.Group
	var changed lock.Notify
	task.SetName(&changed, "changed")
	g.Go(p, &waiter{name: "signals", op: func(cx *task.Cx) error { changed.All(cx); return nil }}) // to nobody
	require.NoError(t, g.WaitContext(background))
	g.Go(p, &waiter{name: "late", op: changed.Wait})
	isQuiet(t, p, &g)
	d := p.Dump(pool.DumpOptions{})
	require.Len(t, d.Quiet, 1)
	require.Equal(t, "lock.Notify", d.Quiet[0].Waits[0].What)
	require.Equal(t, "changed", d.Quiet[0].Waits[0].Name)
	over(&g)
}

// It hangs: who sends has ended, and has not closed the channel. All consumers wait to receive, and nobody to send; who
// waits for them waits for the group's end.
func TestSickForgottenClose(t *testing.T) {
	p := open(t, 2)
	alive(t, p)
	var g task.Group
	jobs := chans.New[int](4)
	var consumers task.Group
	started := false
	g.Go(p, &waiter{name: "main", op: func(cx *task.Cx) error {
		for range 5 {
			if !started {
				consumers.Go(cx, &waiter{name: "consumer", op: func(cx *task.Cx) error {
					for {
						if _, err := jobs.Recv(cx); err != nil {
							return err
						}
					}
				}})
			}
		}
		started = true
		return consumers.Wait(cx)
	}})
	require.NoError(t, jobs.SendContext(background, 1))
	d := withShape(t, p, "turn: chans.Chan, to receive: it is empty", 5)
	require.Nil(t, shapeOf(d, "to send"), "nobody sends")
	require.Equal(t, []string{"pool_test.waiter"}, shapeOf(d, "chans.Chan").Path, "below main")
	require.Equal(t, 6, isQuiet(t, p, &g).Tasks)
	over(&g)
}

// It hangs, or is slow: a consumer is slower than who produces. Producers wait to send, and the object with the longest line
// is the channel.
func TestSickSlowConsumer(t *testing.T) {
	p := open(t, 2)
	var g task.Group
	ch := chans.New[int](2)
	task.SetName(ch, "parcels")
	var timer task.Timer
	slept := false
	g.Go(p, &waiter{name: "consumer", op: func(cx *task.Cx) error { // takes one an hour
		if !slept {
			if err := timer.Sleep(cx, time.Hour); err != nil {
				return err
			}
			slept = true
		}
		_, err := ch.Recv(cx)
		return err
	}})
	for range 20 {
		g.Go(p, &waiter{name: "producer", op: func(cx *task.Cx) error { return ch.Send(cx, 1) }})
	}
	d := withShape(t, p, "turn: chans.Chan, to send: it is full", 18)
	require.Equal(t, "parcels", d.Objects[0].Name)
	require.Equal(t, 18, d.Objects[0].Waiting)
	_, quiet := p.Quiet(&g)
	require.False(t, quiet, "the consumer sleeps")
	over(&g)
}

// It hangs: a member of a group waits for a handle's task, which waits for the group.
func TestSickGroupThatWaitsByAHandle(t *testing.T) {
	p := open(t, 2)
	var g task.Group
	var h *task.Handle[int]
	g.Go(p, &waiter{name: "member", op: func(cx *task.Cx) error {
		if h == nil {
			h = task.Go(cx, func(cx *task.Cx) (int, error) { return 0, g.Wait(cx) })
		}
		_, err := h.Wait(cx)
		return err
	}})
	names, whats := circleOf(t, p)
	require.Len(t, names, 2)
	require.ElementsMatch(t, []string{"task", "task.Group"}, whats)
	over(&g)
}

// It is slow: all goroutines of a limiter are in functions that take long, and others wait for their turn. The rows say for
// which limiter, and where in its line.
func TestSickLimiterWithoutGoroutines(t *testing.T) {
	p := open(t, 2)
	disk := &task.Limiter{Name: "disk", Limit: 2}
	hold := make(chan struct{})
	var g task.Group
	for range 5 {
		b := task.Blocking[int]{Limiter: disk}
		g.Go(p, &waiter{name: "reader", op: func(cx *task.Cx) error {
			_, err := b.Do(cx, func(context.Context) (int, error) { <-hold; return 0, nil })
			return err
		}})
	}
	d := inDump(t, p, func(d *pool.Dump) bool {
		s := shapeOf(d, "call: task.Blocking")
		return s != nil && s.Count == 5 && d.Blocking == 2
	})
	runs, waits := 0, 0
	for _, w := range waitsOf(d, "reader") {
		switch {
		case strings.Contains(w.Note, "it runs, one of 2 of the limiter disk"):
			runs++
		case strings.Contains(w.Note, "it waits for a goroutine of the limiter disk"):
			waits++
		}
	}
	require.Equal(t, []int{2, 3}, []int{runs, waits})
	require.Empty(t, d.Deadlocks, "the functions may return")
	close(hold)
	require.NoError(t, g.WaitContext(background))
	m := p.Metrics()
	require.Len(t, m.Blocking, 1)
	require.Equal(t, "disk", m.Blocking[0].Limiter)
	require.EqualValues(t, 5, m.Blocking[0].Wait.Count())
}

// It eats CPU: what fails is started again at once. Its kind has most of the polls, none of them futile or queued again, and
// Spawned grows as Polls do.
func TestSickRetryStorm(t *testing.T) {
	const attempts = 5000
	p := measured(t, fixed(pool.Config{Workers: 1}))
	var g task.Group
	g.Failed = func(task.Task, error) error { return nil }
	left := attempts
	var attempt func(cx *task.Cx) error
	attempt = func(cx *task.Cx) error {
		if left--; left > 0 {
			g.Go(cx, task.Func(attempt))
		}
		return errBoom
	}
	before := p.Stats()
	g.Go(p, task.Func(attempt))
	require.NoError(t, g.WaitContext(background))
	idle(t, p)
	after := p.Stats()
	k := kindOf(t, p.Metrics(), "TestSickRetryStorm")
	require.Equal(t, p.Metrics().Kinds[0].Kind, k.Kind, "the first")
	require.EqualValues(t, attempts, k.Polls)
	require.Zero(t, k.Futile+k.Requeued)
	require.EqualValues(t, attempts, after.Spawned-before.Spawned, "each poll is another task")
}

// It grows: timers that nobody stops. Of tasks, they are in the shape that waits for one; else Timers grows, and Live does
// not.
func TestSickTimers(t *testing.T) {
	const n = 300
	p := open(t, 2)
	var all []*pool.Timer
	for range n {
		all = append(all, p.AfterFunc(time.Hour, func() {}))
	}
	s := p.Stats()
	require.EqualValues(t, 0, s.Live)
	require.Equal(t, n, s.Timers)
	d := p.Dump(pool.DumpOptions{})
	require.Equal(t, n, d.Timers)
	require.NotEmpty(t, d.Next)
	for _, x := range all {
		x.Stop()
	}
	var g task.Group
	for range n {
		var timer task.Timer
		g.Go(p, &waiter{name: "forgotten", op: func(cx *task.Cx) error { return timer.Sleep(cx, time.Hour) }})
	}
	d = withShape(t, p, "timer", n)
	require.Equal(t, n, d.Timers)
	over(&g)
}

// It grows: connections that nobody ends. Their tasks wait for descriptors, and the shape says so.
func TestSickDescriptors(t *testing.T) {
	const n = 20
	p := open(t, 2)
	var g task.Group
	for range n {
		r := pipe(t, p)
		g.Go(p, &waiter{name: "connection", op: func(cx *task.Cx) error { return r.Wait(cx, 1) }})
	}
	d := withShape(t, p, "descriptor: read", n)
	fds := map[int]bool{}
	for _, w := range waitsOf(d, "connection") {
		if w.Kind == "descriptor" {
			fds[w.FD] = true
		}
	}
	require.Len(t, fds, n)
	over(&g)
}

// It does not end: a task shields itself from the cancellation, and waits. The dump of a pool that closes says who is
// canceled, and what it still waits for.
func TestSickThatIgnoresCancellation(t *testing.T) {
	p, err := pool.New(pool.Config{Workers: 2})
	require.NoError(t, err)
	bounded(t)
	var free lock.Event
	p.Go(&waiter{name: "stubborn", op: func(cx *task.Cx) error { cx.Shield(); return free.Wait(cx) }})
	inDumpOf(t, p, 1)
	closed := make(chan error)
	ctx, cancel := context.WithCancel(background)
	cancel()
	go func() { closed <- p.Shutdown(ctx) }()
	d := inDump(t, p, func(d *pool.Dump) bool { return d.Closing && d.Quiescent && d.Suspended == 1 && d.Shapes[0].Canceled })
	require.Equal(t, "stubborn", d.Shapes[0].Tasks[0].Name)
	require.Equal(t, []string{"event: lock.Event"}, d.Shapes[0].Waits)
	free.Set(nil)
	require.ErrorIs(t, <-closed, context.Canceled)
}

// It hangs: who has a task's Waker has forgotten it. The row says that one is out, and for how long.
func TestSickForgottenWaker(t *testing.T) {
	p := openWith(t, pool.Config{Workers: 2, StallLimit: -1, Debug: true})
	var g task.Group
	g.Go(p, &waiter{name: "forgotten", op: func(cx *task.Cx) error {
		if err := cx.Err(); err != nil {
			return err
		}
		_ = cx.Waker()
		return cx.Suspend()
	}})
	inDumpOf(t, p, 1)
	x := sinceOf(p.Dump(pool.DumpOptions{}), "forgotten")[0]
	require.True(t, x.Waker)
	require.Empty(t, x.Waits)
	require.Positive(t, x.For)
	require.Contains(t, x.Spawned, "sick_test.go:")
	require.False(t, p.Dump(pool.DumpOptions{}).Quiescent, "anybody may wake it")
	over(&g)
}

// It is slow: a group's limit is too narrow. Its members are few, and most wait to be started: the dump counts them where it says
// what most wait for, and has the group by its name.
func TestSickNarrowGroup(t *testing.T) {
	p := open(t, 2)
	var g task.Group
	g.SetLimit(2)
	task.SetName(&g, "uploads")
	for range 100 {
		var timer task.Timer
		g.Go(p, &waiter{name: "upload", op: func(cx *task.Cx) error { return timer.Sleep(cx, time.Hour) }})
	}
	feeders := make([]waiter, 3)
	for i := range feeders {
		x := &waiter{name: "upload", op: func(*task.Cx) error { return nil }}
		feeders[i] = waiter{name: "accepts", op: func(cx *task.Cx) error { return g.GoWait(cx, x) }}
		p.Go(&feeders[i])
	}
	d := withShape(t, p, "the limit of a task.Group", 3)
	require.EqualValues(t, 5, d.Live, "who waits to be started is not there yet")
	require.Equal(t, "uploads", shapeOf(d, "timer").Tasks[0].GroupName)
	require.Equal(t, "the limit of a task.Group", d.Objects[0].What)
	require.Equal(t, "uploads", d.Objects[0].Name)
	require.Equal(t, 98+3, d.Objects[0].Waiting)
	over(&g)
}

// It is slow: one turn of a strand takes long, and all others of its key wait behind it. It is the one that waits for something
// else.
func TestSickStrand(t *testing.T) {
	p := open(t, 2)
	var g task.Group
	var s lock.Strand[string]
	var promise task.Promise[int]
	g.Go(p, s.Turn("customer", func(cx *task.Cx) error { _, err := promise.Wait(cx); return err }))
	for range 20 {
		g.Go(p, s.Turn("customer", func(*task.Cx) error { return nil }))
	}
	inDumpOf(t, p, 21)
	d := withShape(t, p, "turn: task, the turn before it in a lock.Strand", 20)
	require.Equal(t, "lock.Turn[string]", shapeOf(d, "task.Promise").Kind)
	require.Equal(t, 1, shapeOf(d, "task.Promise").Count)
	require.Len(t, d.Objects, 1, "a task is none")
	over(&g)
}

// It is slow: the jobs of a limiter are many, and long. The dump counts those that compute and those that wait.
func TestSickJobQueue(t *testing.T) {
	p := openWith(t, fixed(pool.Config{Workers: 2}))
	pictures := &pool.Limiter{Name: "pictures", Limit: 1}
	hold := make(chan struct{})
	var g task.Group
	for range 20 {
		job := pool.Job[int]{Limiter: pictures}
		g.Go(p, &waiter{name: "thumbnail", op: func(cx *task.Cx) error {
			_, err := job.Do(cx, func(pool.Scope) int { <-hold; return 0 })
			return err
		}})
	}
	d := withShape(t, p, "turn: the pool.Limiter pictures", 19)
	require.Equal(t, []pool.LaneDump{{Limiter: "pictures", Running: 1, Waiting: 19}}, d.Jobs)
	require.Equal(t, "the pool.Limiter pictures", d.Objects[0].What)
	close(hold)
	require.NoError(t, g.WaitContext(background))
}

// It hangs: of the parties of a barrier one has failed before it came. The group is quiet, and for the barrier fewer wait than
// it is for.
func TestSickBarrier(t *testing.T) {
	p := open(t, 2)
	alive(t, p)
	var g task.Group
	g.Failed = func(task.Task, error) error { return nil }
	phase := lock.NewBarrier(3)
	task.SetName(phase, "phase")
	for i := range 3 {
		g.Go(p, &waiter{name: "party", op: func(cx *task.Cx) error {
			if i == 0 {
				return errBoom
			}
			_, err := phase.Wait(cx)
			return err
		}})
	}
	withShape(t, p, "turn: lock.Barrier", 2)
	q := isQuiet(t, p, &g)
	require.Equal(t, "lock.Barrier", q.Waits[0].What)
	require.Equal(t, "phase", q.Waits[0].Name)
	require.Equal(t, 2, q.Waits[0].Line)
	over(&g)
}

// It hangs: a wait has a bound, of a thousand hours. Nothing is quiescent or quiet then; the row has the timer beside what it
// waits for, and when it is due.
func TestSickFarDeadline(t *testing.T) {
	p := open(t, 2)
	var g task.Group
	var bound combine.Timeout
	var reply lock.Event
	task.SetName(&reply, "reply")
	g.Go(p, &waiter{name: "caller", op: func(cx *task.Cx) error { return bound.Wait(cx, 1000*time.Hour, reply.Wait) }})
	d := withShape(t, p, "event: lock.Event", 1)
	require.False(t, d.Quiescent)
	require.Greater(t, d.Next[0], 999*time.Hour)
	in, names := time.Duration(0), ""
	for _, w := range waitsOf(d, "caller") {
		in, names = max(in, w.In), names+w.Name
	}
	require.Greater(t, in, 999*time.Hour)
	require.Equal(t, "reply", names)
	over(&g)
}

// It eats CPU: many tasks wake by timers, and do little. Timers fire about as often as tasks are polled, no poll is futile, and
// nothing is started.
func TestSickTimerStorm(t *testing.T) {
	const tasks, beats = 50, 2000
	p := measured(t, fixed(pool.Config{Workers: 1}))
	var g task.Group
	for range tasks {
		g.Go(p, &heartbeat{every: 100 * time.Microsecond})
	}
	var before, after pool.Stats
	until(t, "counters of what was started", func() bool { before = p.Stats(); return before.Spawned == tasks })
	until(t, "timers", func() bool { after = p.Stats(); return after.Fired-before.Fired > beats })
	require.Greater(t, 2*after.Fired, after.Polls)
	require.EqualValues(t, tasks, after.Spawned)
	k := kindOf(t, p.Metrics(), "heartbeat")
	require.Less(t, 10*(k.Futile+k.Requeued), k.Polls)
	over(&g)
}

// heartbeat is a task that wakes all the time.
type heartbeat struct {
	task.Frame
	every time.Duration
	timer task.Timer
}

func (h *heartbeat) Poll(cx *task.Cx) error {
	for {
		if err := h.timer.Sleep(cx, h.every); err != nil {
			return err
		}
	}
}

// It does not end, and eats CPU: a task takes each error for one after which it tries again, its cancellation, too. It is active
// in each dump, and its kind is queued again and again.
func TestSickThatTriesAgainWhenCanceled(t *testing.T) {
	p, err := pool.New(fixed(pool.Config{Workers: 2, Samples: 1}))
	require.NoError(t, err)
	bounded(t)
	var enough atomic.Bool
	x := &stubborn{enough: &enough}
	p.Go(x)
	inDumpOf(t, p, 1)
	closed := make(chan error)
	ctx, cancel := context.WithCancel(background)
	cancel()
	go func() { closed <- p.Shutdown(ctx) }()
	d := inDump(t, p, func(d *pool.Dump) bool { return d.Closing && d.Active == 1 })
	require.Equal(t, "pool_test.stubborn", d.Shapes[0].Kind)
	require.Equal(t, "active", d.Shapes[0].State)
	until(t, "polls that queue it again", func() bool { return kindOf(t, p.Metrics(), "stubborn").Requeued > 100 })
	enough.Store(true)
	require.ErrorIs(t, <-closed, context.Canceled)
}

// stubborn is a task that reads until it has read something.
type stubborn struct {
	task.Frame
	timer  task.Timer
	enough *atomic.Bool
}

func (s *stubborn) Poll(cx *task.Cx) error {
	if err := s.timer.Sleep(cx, time.Hour); task.IsPending(err) || s.enough.Load() {
		return err
	}
	cx.Waker().Wake() // again: perhaps it goes better
	return task.Pending
}
