package task_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/task"
)

// lab is a scheduler with one worker, which works only when it is told to. What a
// poll wakes runs next, on what is left of the poll's budget.
type lab struct {
	task.Runtime
	runner  task.Runner
	next    []*task.Frame
	queue   []*task.Frame
	inbox   task.Inbox
	closed  bool
	onAdmit func()
	batches []int // how many frames came at a time, from outside
}

func newLab(ctx context.Context) *lab {
	l := &lab{}
	l.runner.Init(l)
	task.Open(ctx, &l.Runtime, l, &l.runner)
	return l
}

func (l *lab) Admit(int) bool {
	if l.onAdmit != nil {
		l.onAdmit()
	}
	return !l.closed
}

func (l *lab) Submit(b task.Batch) {
	l.batches = append(l.batches, b.N)
	l.inbox.Put(b)
}

func (l *lab) Sooner(int) {}

func (l *lab) Push(f *task.Frame)  { l.queue = append(l.queue, f) }
func (l *lab) Later(f *task.Frame) { l.queue = append(l.queue, f) }
func (l *lab) Next(f *task.Frame)  { l.next = append(l.next, f) }

// work polls until nothing is runnable.
func (l *lab) work() {
	for !l.runner.RunRecovering(l.run) {
	}
}

func (l *lab) run() {
	for l.step() {
	}
}

// step polls one task, if one is runnable.
func (l *lab) step() bool {
	l.inbox.Take(l.Push)
	if f, ok := pop(&l.next); ok {
		l.runner.Step(f, true)
		return true
	}
	f, ok := pop(&l.queue)
	if ok {
		l.runner.Step(f, false)
	}
	return ok
}

func pop(from *[]*task.Frame) (f *task.Frame, ok bool) {
	if len(*from) == 0 {
		return nil, false
	}
	f = (*from)[0]
	*from = (*from)[1:]
	return f, true
}

// A pair of tasks that wake each other shares one budget, so that it does not
// keep out a third.
func TestWokenTasksShareABudget(t *testing.T) {
	l := newLab(background)
	var pair [2]*sleeper
	done, turns, most := 0, 0, 0
	for i := range pair {
		pair[i] = &sleeper{}
		pair[i].poll = func(_ *recorder, cx *task.Cx) error {
			pair[i].waker = cx.Waker()
			if turns == 3 {
				return nil
			}
			if err := cx.Spend(); err != nil {
				return err
			}
			done++
			cx.Wake(pair[1-i].waker)
			return task.Pending
		}
		task.Detach(l, pair[i])
	}
	third := &recorder{poll: func(r *recorder, cx *task.Cx) error {
		if r.polls == 1 {
			done = 0
		}
		for ; turns < 3; turns++ {
			if err := cx.Yield(); err != nil {
				return err
			}
			most, done = max(most, done), 0
		}
		cx.Wake(pair[0].waker)
		cx.Wake(pair[1].waker)
		return nil
	}}
	task.Detach(l, third)
	l.work()
	require.Len(t, third.finished, 1)
	require.Len(t, pair[0].finished, 1)
	require.Len(t, pair[1].finished, 1)
	require.GreaterOrEqual(t, most, operations/2)
	require.LessOrEqual(t, most, operations+len(pair))
}

func TestGroupFromOutside(t *testing.T) {
	l := newLab(background)
	a, b := &recorder{poll: does(rounds(2))}, &recorder{poll: returns(nil)}
	var g task.Group
	g.GoAll(l, a, b)
	require.Equal(t, []int{2}, l.batches, "one notification")
	g.Go(l, steps(rounds(1)))
	l.work()
	require.NoError(t, g.WaitContext(background))
	require.Len(t, a.finished, 1)
	require.Len(t, b.finished, 1)
}

func TestHandleFromOutside(t *testing.T) {
	l := newLab(background)
	h := task.Go(l, after(2, 7, nil))
	l.work()
	v, err := h.WaitContext(background)
	require.NoError(t, err)
	require.Equal(t, 7, v)
}

func TestContextOfDetachedTasks(t *testing.T) {
	l := newLab(context.WithValue(background, key{}, "value"))
	seen := ""
	task.Detach(l, steps(once(func(cx *task.Cx) { seen, _ = cx.Context().Value(key{}).(string) })))
	l.work()
	require.Equal(t, "value", seen)
}

func TestClosedScheduler(t *testing.T) {
	l := newLab(background)
	l.closed = true
	for name, spawn := range map[string]func(r *recorder) error{
		"Detach":    func(r *recorder) error { task.Detach(l, r); return r.Err() },
		"DetachAll": func(r *recorder) error { task.DetachAll(l, r); return r.Err() },
		"Go": func(r *recorder) error {
			var g task.Group
			g.Go(l, r)
			return g.WaitContext(background)
		},
		"GoAll": func(r *recorder) error {
			var g task.Group
			g.GoAll(l, r)
			return g.WaitContext(background)
		},
		"TryGo": func(r *recorder) error {
			var g task.Group
			require.NoError(t, g.TryGo(l, r))
			return g.WaitContext(background)
		},
		"Handle": func(r *recorder) error {
			_, err := task.Go(l, after(0, 0, nil)).WaitContext(background)
			r.Finish(err)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := &recorder{poll: returns(nil)}
			require.Equal(t, task.ErrClosed, spawn(r))
			require.Zero(t, r.polls)
			require.Equal(t, []error{task.ErrClosed}, r.finished)
		})
	}
}

// The scheduler closes between two members: the end of the one that is refused
// wakes the task that waits for both.
func TestRefusedMemberWakesWhoWaits(t *testing.T) {
	l := newLab(background)
	var g task.Group
	g.Failed = forget
	var open task.Promise[int]
	waiter := &recorder{poll: does(g.Wait)}
	member := &recorder{poll: does(await(&open))}
	refused := &recorder{poll: returns(nil)}
	g.Go(l, member)
	task.Detach(l, waiter)
	l.work()
	l.closed = true
	l.onAdmit = func() { // everybody else is faster
		open.Resolve(0, nil)
		l.work()
	}
	g.Go(l, refused)
	require.Len(t, member.finished, 1)
	require.Empty(t, waiter.finished)
	l.work()
	require.Equal(t, []error{task.ErrClosed}, refused.finished)
	require.Equal(t, []error{nil}, waiter.finished)
}

// And those beyond the limit are refused after it.
func TestRefusedMemberIsFollowedByTheBacklog(t *testing.T) {
	l := newLab(background)
	l.closed = true
	var g task.Group
	g.SetLimit(1)
	first, second := &recorder{poll: returns(nil)}, &recorder{poll: returns(nil)}
	l.onAdmit = func() {
		l.onAdmit = nil
		g.Go(l, second) // while the first has the only slot
	}
	g.Go(l, first)
	require.Equal(t, task.ErrClosed, g.WaitContext(background))
	require.Len(t, first.finished, 1)
	require.Len(t, second.finished, 1)
}

func TestCancelAll(t *testing.T) {
	l := newLab(background)
	detached, member := &recorder{poll: suspended}, &recorder{poll: suspended}
	late, lateMember := &recorder{poll: returns(nil)}, &recorder{poll: returns(nil)}
	var g, lateGroup task.Group
	task.Detach(l, detached)
	g.Go(l, member)
	l.work()
	l.CancelAll(errBoom)
	task.Detach(l, late)
	lateGroup.Go(l, lateMember)
	l.work()
	for _, r := range []*recorder{detached, member, late, lateMember} {
		require.Len(t, r.finished, 1)
		require.ErrorIs(t, r.finished[0], errBoom)
	}
	require.Zero(t, late.polls+lateMember.polls, "canceled before the first poll")
}

func TestDrainOfAScheduler(t *testing.T) {
	l := newLab(background)
	drained := map[*recorder]int{}
	look := func(r *recorder, cx *task.Cx) error {
		if cx.Draining() {
			drained[r]++
		}
		return suspended(r, cx)
	}
	detached, member, child := &recorder{poll: look}, &recorder{poll: look}, &recorder{poll: look}
	late, lateMember := &recorder{poll: look}, &recorder{poll: look}
	var g, owned, lateGroup task.Group
	owner := &recorder{poll: func(r *recorder, cx *task.Cx) error {
		if r.polls == 1 {
			owned.Go(cx, child)
		}
		return look(r, cx)
	}}
	task.DetachAll(l, detached, owner)
	g.Go(l, member)
	l.work()
	require.Empty(t, drained)
	l.Drain()
	l.Drain()
	l.work()
	task.Detach(l, late)
	lateGroup.Go(l, lateMember)
	l.work()
	for _, r := range []*recorder{detached, owner, member, child} {
		require.Equal(t, 1, drained[r])
		require.Equal(t, 2, r.polls)
	}
	require.Equal(t, 1, drained[late])
	require.Equal(t, 1, drained[lateMember])
	l.CancelAll(nil)
	l.work()
}

func TestCounters(t *testing.T) {
	l := newLab(background)
	var p task.Promise[int]
	var g task.Group
	task.Detach(l, steps(
		start(&g, steps(func(cx *task.Cx) error {
			if _, err := p.Wait(cx); err != nil {
				return errWrapped{err}
			}
			return nil
		})),
		start(&g, steps(func(*task.Cx) error { return oops("oh") })),
		func(cx *task.Cx) (err error) {
			defer func() { _ = recover() }()
			return g.Wait(cx)
		},
	))
	l.work()
	c := l.runner.Count
	require.EqualValues(t, 2, c.Spawned, "the first came from outside")
	require.EqualValues(t, 3, c.Finished)
	require.EqualValues(t, 1, c.Wrapped)
	require.EqualValues(t, 1, c.Panics)
}

// errWrapped wraps an error.
type errWrapped struct{ error }

func (e errWrapped) Unwrap() error { return e.error }

// A detached task whose panic nobody can join ends the process.
func TestPanicOfADetachedTask(t *testing.T) {
	var crashed *task.PanicError
	defer task.OnCrash(func(p *task.PanicError) { crashed = p })()
	l := newLab(background)
	r := &recorder{poll: func(*recorder, *task.Cx) error { return oops("oh") }}
	task.Detach(l, r)
	l.work()
	require.Equal(t, "oh", crashed.Value)

	crashed = nil
	waiter := &recorder{poll: func(_ *recorder, cx *task.Cx) (err error) {
		defer func() { _ = recover() }()
		return r.Wait(cx)
	}}
	var open task.Promise[int]
	r.poll = func(_ *recorder, cx *task.Cx) error {
		if err := await(&open)(cx); err != nil {
			return err
		}
		return oops("joined")
	}
	task.DetachAll(l, r, waiter)
	l.work()
	open.Resolve(0, nil)
	l.work()
	require.Nil(t, crashed)
	require.Len(t, waiter.finished, 1)

	h := task.Go(l, func(*task.Cx) (int, error) { return 0, oops("kept for Wait") })
	l.work()
	require.Nil(t, crashed)
	require.Panics(t, func() { _, _ = h.WaitContext(background) })

	var g task.Group
	g.Go(l, r)
	l.work()
	require.Nil(t, crashed)
	require.Panics(t, func() { _ = g.WaitContext(background) })
}
