package task_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/rig"
	"github.com/heist-go/heist/task"
)

// forget is a Failed that does not mind.
func forget(task.Task, error) error { return nil }

func TestGroupZeroValue(t *testing.T) {
	var g task.Group
	require.NoError(t, g.Err())
	require.NoError(t, g.WaitContext(background), "nobody to wait for")
	require.NoError(t, runSteps(g.Wait))

	a, b := &recorder{poll: does(rounds(2))}, &recorder{poll: returns(nil)}
	require.NoError(t, runSteps(start(&g, a, b), g.Wait, g.Wait))
	require.Len(t, a.finished, 1)
	require.Len(t, b.finished, 1)
}

func TestGoAll(t *testing.T) {
	for _, limit := range []int{0, 2} {
		var g task.Group
		g.SetLimit(limit)
		var order []int
		var members []task.Task
		for i := range 10 {
			members = append(members, steps(once(func(*task.Cx) { order = append(order, i) })))
		}
		require.NoError(t, runSteps(once(func(cx *task.Cx) { g.GoAll(cx, members...) }), g.Wait))
		require.Equal(t, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, order)
	}
}

func TestFirstErrorCancelsTheSiblings(t *testing.T) {
	sibling, unborn := &recorder{poll: suspended}, &recorder{poll: returns(nil)}
	var g task.Group
	err := runSteps(
		start(&g, sibling), rounds(1),
		start(&g, &recorder{poll: returns(errBoom)}, unborn),
		ignoring(g.Wait),
		func(*task.Cx) error {
			require.Equal(t, errBoom, g.Err())
			return g.Err()
		},
	)
	require.Equal(t, errBoom, err)
	for _, r := range []*recorder{sibling, unborn} {
		require.Len(t, r.finished, 1)
		require.ErrorIs(t, r.finished[0], task.ErrCanceled)
		require.ErrorIs(t, r.finished[0], errBoom)
	}
	require.Zero(t, unborn.polls)
}

func TestFailedDecides(t *testing.T) {
	worse := errors.New("worse")
	bad, good := &recorder{poll: returns(errBoom)}, &recorder{poll: does(rounds(3))}
	var seen []task.Task
	g := task.Group{Failed: func(t task.Task, err error) error {
		seen = append(seen, t)
		if err == errBoom {
			return nil
		}
		return worse
	}}
	require.NoError(t, runSteps(start(&g, bad, good), g.Wait))
	require.Equal(t, []task.Task{bad}, seen)
	require.Equal(t, errBoom, bad.Err(), "the member's own result stands")
	require.Equal(t, []error{nil}, good.finished)

	bad.poll = returns(errors.New("bad"))
	sibling := &recorder{poll: suspended}
	require.Equal(t, worse, runSteps(start(&g, sibling), rounds(1), start(&g, bad), g.Wait))
	require.ErrorIs(t, sibling.finished[0], worse)
}

func TestFailedThatPanics(t *testing.T) {
	bad, sibling := &recorder{poll: returns(errBoom)}, &recorder{poll: suspended}
	g := task.Group{Failed: func(t task.Task, _ error) error {
		if t == task.Task(bad) {
			panic("in Failed")
		}
		return nil
	}}
	p := panicOf(t, func() { _ = runSteps(start(&g, sibling), rounds(1), start(&g, bad), g.Wait) })
	require.Equal(t, "in Failed", p.Value)
	require.Len(t, bad.finished, 1)
	require.Len(t, sibling.finished, 1)
}

// oops is where the panics of these tests come from: its name is in the stack.
func oops(value any) error { panic(value) }

func TestPanicOfAMemberReachesWait(t *testing.T) {
	bad := &recorder{poll: func(*recorder, *task.Cx) error { return oops(errBoom) }}
	sibling := &recorder{poll: suspended}
	g := task.Group{Failed: forget} // is not asked about panics
	p := panicOf(t, func() { _ = runSteps(start(&g, sibling), rounds(1), start(&g, bad), g.Wait) })
	require.Equal(t, "*task_test.recorder", p.Task)
	require.Equal(t, errBoom, p.Value)
	require.ErrorIs(t, p, errBoom, "Unwrap")
	require.Contains(t, string(p.Stack), "task_test.oops")
	require.Contains(t, p.Error(), "panic in *task_test.recorder: boom")
	require.True(t, g.Err() == error(p))
	require.ErrorIs(t, sibling.finished[0], task.ErrCanceled)
	require.Panics(t, func() { _ = g.WaitContext(background) }, "sticky")

	require.NoError(t, (&task.PanicError{Value: "no error"}).Unwrap())
}

// A panic goes before an error, whichever comes first.
func TestPanicGoesBeforeAnError(t *testing.T) {
	late := &recorder{poll: func(r *recorder, cx *task.Cx) error {
		if err := cx.Err(); err != nil {
			return oops("while it cleaned up")
		}
		return suspended(r, cx)
	}}
	var g task.Group
	p := panicOf(t, func() {
		_ = runSteps(start(&g, late), rounds(1), start(&g, &recorder{poll: returns(errBoom)}), g.Wait)
	})
	require.Equal(t, "while it cleaned up", p.Value)
}

func TestPanicWithPending(t *testing.T) {
	g := task.Group{}
	p := panicOf(t, func() {
		_ = runSteps(start(&g, steps(func(cx *task.Cx) error {
			cx.Waker()
			return oops(task.Pending)
		})), g.Wait)
	})
	require.Equal(t, task.Pending, p.Value)
	require.False(t, task.IsPending(p))
}

func TestPanicThatNobodyHasSeenIsTheOwners(t *testing.T) {
	for name, result := range map[string]error{"well": nil, "badly": errBoom} {
		t.Run("the owner ends "+name, func(t *testing.T) {
			var g task.Group
			child := &recorder{poll: func(*recorder, *task.Cx) error { return oops("unseen") }}
			owner := &recorder{poll: does(start(&g, child), rounds(2), func(*task.Cx) error { return result })}
			p := panicOf(t, func() { _ = task.Run(background, owner) })
			require.Equal(t, "unseen", p.Value)
			require.Equal(t, []error{p}, owner.finished)
		})
	}
}

// An owner that has seen the panic decides itself.
func TestPanicThatTheOwnerHasRecovered(t *testing.T) {
	var g task.Group
	child := &recorder{poll: func(*recorder, *task.Cx) error { return oops("seen") }}
	require.NoError(t, runSteps(start(&g, child), func(cx *task.Cx) (err error) {
		defer func() {
			if p := recover(); p != nil {
				require.Equal(t, "seen", p.(*task.PanicError).Value)
			}
		}()
		return g.Wait(cx)
	}))
	require.Len(t, child.finished, 1)
}

// Nor does it come at the end of an owner that was told of it by the member.
func TestPanicOfAMemberThatTheOwnerHasRecovered(t *testing.T) {
	var g, other task.Group
	child := &recorder{poll: func(*recorder, *task.Cx) error { return oops("seen") }}
	waits := func(cx *task.Cx) (err error) {
		defer func() {
			if p := recover(); p != nil {
				require.Equal(t, "seen", p.(*task.PanicError).Value)
			}
		}()
		return child.Wait(cx)
	}
	require.NoError(t, runSteps(start(&g, child), waits))
	g = task.Group{}
	require.Equal(t, "seen", panicOf(t, func() { _ = runSteps(start(&g, child), waits, g.Wait) }).Value, "Wait raises it")

	// Another member's is still its own.
	bad := &recorder{poll: func(*recorder, *task.Cx) error { return oops("unseen") }}
	g = task.Group{}
	require.Equal(t, "unseen", panicOf(t, func() { _ = runSteps(start(&g, child), start(&other, bad), rounds(2), waits) }).Value)
}

// The panic of one group is not lost, and does not become another task's, while
// the owner waits for the other group.
func TestPanicThatNobodyHasSeenAmongGroupsThatTakeTime(t *testing.T) {
	var bad, slow, outer, others task.Group
	outer.Failed = forget
	lingering := &recorder{poll: lingers(5)}
	owner := &recorder{poll: does(
		start(&slow, lingering),
		start(&bad, &recorder{poll: func(*recorder, *task.Cx) error { return oops("mine") }}),
		rounds(2),
	)}
	bystander := &recorder{poll: does(
		start(&others, &recorder{poll: returns(nil)}),
		rounds(3),
	)}
	p := panicOf(t, func() { _ = runSteps(start(&outer, owner, bystander), outer.Wait) })
	require.Equal(t, "mine", p.Value)
	require.Equal(t, []error{p}, owner.finished)
	require.Equal(t, []error{nil}, bystander.finished)
	require.Equal(t, []error{nil}, lingering.finished)
}

func TestLimitKeepsTheOrderAndTheBound(t *testing.T) {
	for _, limit := range []int{1, 2, 7, 100} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			const members = 50
			var g task.Group
			g.SetLimit(limit)
			var begun []int
			active, most := 0, 0
			begin := once(func(cx *task.Cx) {
				for i := range members {
					g.Go(cx, steps(
						once(func(*task.Cx) {
							begun = append(begun, i)
							active++
							most = max(most, active)
						}),
						rounds(1+i%3),
						once(func(*task.Cx) { active-- }),
					))
				}
			})
			require.NoError(t, runSteps(begin, g.Wait))
			require.Len(t, begun, members)
			require.IsIncreasing(t, begun)
			require.Equal(t, min(limit, members), most)
		})
	}
}

// Members that start members never wait for a slot.
func TestLimitWithNestedGoNeverDeadlocks(t *testing.T) {
	for _, limit := range []int{1, 2} {
		var g task.Group
		g.SetLimit(limit)
		n := 0
		var grow func(depth int) task.Task
		grow = func(depth int) task.Task {
			return steps(rounds(1), once(func(cx *task.Cx) {
				n++
				if depth > 0 {
					g.Go(cx, grow(depth-1))
					g.Go(cx, grow(depth-1))
				}
			}))
		}
		require.NoError(t, runSteps(start(&g, grow(6)), g.Wait))
		require.Equal(t, 127, n)
	}
}

func TestTryGo(t *testing.T) {
	r, more := &recorder{poll: suspended}, &recorder{poll: returns(nil)}
	var g task.Group
	g.SetLimit(1)
	require.ErrorIs(t, runSteps(
		func(cx *task.Cx) error { return g.TryGo(cx, r) },
		once(func(cx *task.Cx) { require.Equal(t, task.ErrLimit, g.TryGo(cx, more)) }),
		once(func(*task.Cx) { g.Cancel(errBoom) }),
		once(func(cx *task.Cx) { require.ErrorIs(t, g.TryGo(cx, more), errBoom) }),
		g.Wait,
	), errBoom)
	require.Empty(t, more.finished, "not started")

	var free task.Group
	require.NoError(t, runSteps(func(cx *task.Cx) error { return free.TryGo(cx, more) }, free.Wait))
	require.Len(t, more.finished, 1)
}

// A slot is free again when its member has ended.
func TestTryGoAfterTheLimit(t *testing.T) {
	var g task.Group
	g.SetLimit(1)
	r := &recorder{poll: returns(nil)}
	for range 3 {
		require.NoError(t, runSteps(func(cx *task.Cx) error { return g.TryGo(cx, r) }, g.Wait))
	}
	require.Len(t, r.finished, 3)
}

func TestSetLimitOfAGroupWithMembers(t *testing.T) {
	var g task.Group
	text := mistake(t, start(&g, &recorder{poll: suspended}), once(func(*task.Cx) { g.SetLimit(1) }))
	require.Equal(t, "task: SetLimit of a group that has members", text)
}

func TestCancelOfABacklog(t *testing.T) {
	running := &recorder{poll: suspended}
	waiting := []*recorder{{poll: returns(nil)}, {poll: returns(nil)}, {poll: returns(nil)}}
	var g task.Group
	g.SetLimit(1)
	require.ErrorIs(t, runSteps(
		start(&g, running, waiting[0], waiting[1], waiting[2]),
		rounds(1),
		once(func(*task.Cx) { g.Cancel(errBoom) }),
		g.Wait,
	), errBoom)
	for _, r := range waiting {
		require.Zero(t, r.polls)
		require.Len(t, r.finished, 1)
	}
}

func TestGoroutineMembers(t *testing.T) {
	var g task.Group
	var mu sync.Mutex
	sum := 0
	require.NoError(t, runSteps(once(func(cx *task.Cx) {
		for i := range 10 {
			g.Goroutine(cx, func(context.Context) error {
				mu.Lock()
				defer mu.Unlock()
				sum += i
				return nil
			})
		}
	}), g.Wait))
	require.Equal(t, 45, sum)
}

func TestGoroutineMemberIsCanceledAndCancels(t *testing.T) {
	sibling := &recorder{poll: suspended}
	var g task.Group
	untilCanceled := func(ctx context.Context) error {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	err := runSteps(
		start(&g, sibling), rounds(1),
		once(func(cx *task.Cx) {
			g.Goroutine(cx, untilCanceled)
			g.Goroutine(cx, func(context.Context) error { return errBoom })
		}),
		g.Wait,
	)
	require.Equal(t, errBoom, err)
	require.ErrorIs(t, sibling.finished[0], errBoom)
}

func TestGoroutineMemberThatPanics(t *testing.T) {
	var g task.Group
	p := panicOf(t, func() {
		_ = runSteps(once(func(cx *task.Cx) {
			g.Goroutine(cx, func(context.Context) error { return oops("oh") })
		}), g.Wait)
	})
	require.Equal(t, "oh", p.Value)
	require.Contains(t, string(p.Stack), "task_test.oops")
}

// What a goroutine passes on keeps its origin.
func TestGoroutineMemberThatWaitsForAPanic(t *testing.T) {
	bad := &recorder{poll: func(*recorder, *task.Cx) error { return oops("oh") }}
	tasks, bridge := task.Group{}, task.Group{}
	p := panicOf(t, func() {
		_ = runSteps(
			start(&tasks, bad),
			once(func(cx *task.Cx) { bridge.Goroutine(cx, bad.WaitContext) }),
			bridge.Wait,
		)
	})
	require.Equal(t, "oh", p.Value)
}

func TestGoroutineMemberThatCallsGoexit(t *testing.T) {
	var g task.Group
	require.Equal(t, task.ErrGoexit, runSteps(once(func(cx *task.Cx) {
		g.Goroutine(cx, func(context.Context) error {
			runtime.Goexit()
			return nil
		})
	}), g.Wait))
}

func TestFailedIsAskedAboutGoroutines(t *testing.T) {
	var g task.Group
	asked := false
	g.Failed = func(t task.Task, err error) error {
		asked = t == nil && err == errBoom
		return nil
	}
	require.NoError(t, runSteps(once(func(cx *task.Cx) {
		g.Goroutine(cx, func(context.Context) error { return errBoom })
	}), g.Wait))
	require.True(t, asked)
}

// Goroutines take no slot under the limit, and free none.
func TestGoroutinesDoNotCount(t *testing.T) {
	var g task.Group
	g.SetLimit(1)
	var open task.Promise[int]
	first, second := &recorder{poll: does(await(&open))}, &recorder{poll: returns(nil)}
	third := &recorder{poll: returns(nil)}
	before := runtime.NumGoroutine()
	require.NoError(t, runSteps(
		start(&g, first, second),
		once(func(cx *task.Cx) {
			for range 2 {
				g.Goroutine(cx, func(context.Context) error { return nil })
			}
		}),
		func(cx *task.Cx) error {
			for runtime.NumGoroutine() > before { // until they have left the group
				if err := cx.Yield(); err != nil {
					return err
				}
			}
			return nil
		},
		rounds(2),
		once(func(*task.Cx) { require.Zero(t, second.polls) }),
		start(&g, third), rounds(2),
		once(func(*task.Cx) {
			require.Zero(t, third.polls)
			open.Resolve(0, nil)
		}),
		g.Wait,
	))
	require.Len(t, third.finished, 1)
}

type key struct{}

func TestWithContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.WithValue(background, key{}, "value"))
	g := task.WithContext(ctx)
	r := &recorder{poll: func(r *recorder, cx *task.Cx) error {
		assert.Equal(t, "value", cx.Context().Value(key{}))
		assert.Equal(t, cx.Err() == nil, cx.Context().Err() == nil)
		return suspended(r, cx)
	}}
	err := runSteps(start(g, r), rounds(1), once(func(*task.Cx) { cancel(errBoom) }), g.Wait)
	require.ErrorIs(t, err, errBoom)
	require.ErrorIs(t, err, task.ErrCanceled)
	require.Equal(t, 2, r.polls)
}

func TestWithContextThatIsDone(t *testing.T) {
	ctx, cancel := context.WithCancelCause(background)
	cancel(errBoom)
	g := task.WithContext(ctx)
	r := &recorder{poll: returns(nil)}
	require.ErrorIs(t, runSteps(start(g, r), g.Wait), errBoom)
	require.Zero(t, r.polls)
	require.Len(t, r.finished, 1)
}

// A group without members does not hold on to its context, and one that has
// members again watches it again.
func TestWithContextWatchesWhileThereAreMembers(t *testing.T) {
	ctx := newCountedContext()
	g := task.WithContext(ctx)
	for range 2 {
		require.NoError(t, runSteps(
			start(g, &recorder{poll: returns(nil)}),
			once(func(*task.Cx) { require.Equal(t, 1, ctx.watched()) }),
			g.Wait,
		))
		require.Zero(t, ctx.watched())
	}
}

// countedContext is a context that knows how many watch it. It is never done.
type countedContext struct {
	context.Context
	mu      sync.Mutex
	last    int
	watches map[int]bool
}

func newCountedContext() *countedContext {
	return &countedContext{Context: background, watches: map[int]bool{}}
}

func (c *countedContext) Done() <-chan struct{} { return make(chan struct{}) }

// AfterFunc is what package context calls instead of starting a goroutine.
func (c *countedContext) AfterFunc(func()) (stop func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last++
	id := c.last
	c.watches[id] = true
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		there := c.watches[id]
		delete(c.watches, id)
		return there
	}
}

func (c *countedContext) watched() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.watches)
}

func TestContextOfNestedGroups(t *testing.T) {
	ctx := context.WithValue(background, key{}, "value")
	outer := task.WithContext(ctx)
	var inner task.Group
	var seen context.Context
	leaf := &recorder{poll: func(r *recorder, cx *task.Cx) error {
		seen = cx.Context()
		return suspended(r, cx)
	}}
	middle := &recorder{poll: does(start(&inner, leaf), inner.Wait)}
	err := runSteps(
		start(outer, middle), rounds(3),
		once(func(*task.Cx) {
			require.Equal(t, "value", seen.Value(key{}))
			require.NoError(t, seen.Err())
			outer.Cancel(errBoom)
			require.ErrorIs(t, seen.Err(), context.Canceled, "it is the parent of the inner context")
			require.ErrorIs(t, context.Cause(seen), errBoom)
		}),
		outer.Wait,
	)
	require.ErrorIs(t, err, errBoom)
}

func TestContextOfACanceledGroup(t *testing.T) {
	var g task.Group
	g.Cancel(errBoom)
	require.ErrorIs(t, context.Cause(g.Context()), errBoom)
}

// Contexts that were asked for end with the group's owner, and with Run: they
// would stay registered with their parents otherwise.
func TestContextsDoNotOutliveTheOwner(t *testing.T) {
	ctx := newCountedContext()
	var seen []context.Context
	look := once(func(cx *task.Cx) { seen = append(seen, cx.Context()) })
	var g task.Group
	require.NoError(t, task.Run(ctx, steps(look, start(&g, steps(look)), g.Wait)))
	require.Len(t, seen, 2)
	require.Zero(t, ctx.watched())
	for _, c := range seen {
		require.ErrorIs(t, c.Err(), context.Canceled)
	}
}

func TestOwnerIsWhoStartsTheFirstMember(t *testing.T) {
	var shared, outer task.Group
	child := &recorder{poll: suspended}
	first := &recorder{poll: does(start(&shared, child), rounds(2))}
	guest := &recorder{poll: does(rounds(1), start(&shared, &recorder{poll: suspended}))}
	require.NoError(t, runSteps(start(&outer, first, guest), rounds(2), once(func(*task.Cx) {
		require.Len(t, guest.finished, 1, "it owns nothing and may go")
		require.Empty(t, first.finished)
	}), outer.Wait))
	require.ErrorIs(t, child.finished[0], task.ErrCanceled)
	require.ErrorContains(t, child.finished[0], "the task that owns the group has ended")
}

// A task that waits for a group of another is canceled alone.
func TestWaitOfATaskThatIsNotTheOwner(t *testing.T) {
	var g, others task.Group
	others.Failed = forget
	child := &recorder{poll: does(rounds(9))}
	stranger := &recorder{poll: does(g.Wait)}
	patient := &recorder{poll: does(g.Wait)}
	require.NoError(t, runSteps(
		start(&g, child), start(&others, stranger, patient), rounds(1),
		once(func(*task.Cx) { stranger.Cancel(errBoom) }),
		rounds(2),
		once(func(*task.Cx) {
			require.ErrorIs(t, stranger.Err(), errBoom)
			require.Empty(t, child.finished)
		}),
		g.Wait, others.Wait,
	))
	require.Equal(t, []error{nil}, child.finished)
	require.Equal(t, []error{nil}, patient.finished)
}

// The owner's own cancellation reaches the members, and Wait waits for them.
func TestWaitOfACanceledOwner(t *testing.T) {
	var g, outer task.Group
	slow := lingers(5)
	child := &recorder{poll: func(r *recorder, cx *task.Cx) error {
		err := cx.Err()
		if wait := slow(r, cx); wait != nil {
			return wait
		}
		return err
	}}
	var waited error
	owner := &recorder{poll: does(start(&g, child), func(cx *task.Cx) error {
		waited = g.Wait(cx)
		if waited != nil && !task.IsPending(waited) {
			require.Len(t, child.finished, 1)
		}
		return waited
	})}
	require.ErrorIs(t, runSteps(
		start(&outer, owner), rounds(1),
		once(func(*task.Cx) { owner.Cancel(errBoom) }),
		outer.Wait,
	), errBoom)
	require.ErrorIs(t, waited, errBoom)
	require.ErrorIs(t, child.finished[0], errBoom)
}

func TestNestedGroupsSettleFromTheInside(t *testing.T) {
	var log []string
	named := func(name string, all ...step) *recorderOf {
		return &recorderOf{name: name, log: &log, poll: does(all...)}
	}
	var never task.Promise[int]
	var groups [3]task.Group
	c := named("c", await(&never))
	b := named("b", start(&groups[2], c), groups[2].Wait)
	a := named("a", start(&groups[1], b), groups[1].Wait)
	var outer task.Group
	err := runSteps(start(&outer, a), rounds(5), once(func(*task.Cx) { a.Cancel(errBoom) }), outer.Wait)
	require.ErrorIs(t, err, errBoom)
	require.Equal(t, []string{"c", "b", "a"}, log)
}

// recorderOf writes down when it has finished.
type recorderOf struct {
	task.Frame
	name string
	log  *[]string
	poll func(*recorder, *task.Cx) error
}

func (r *recorderOf) Poll(cx *task.Cx) error { return r.poll(nil, cx) }
func (r *recorderOf) Finish(error)           { *r.log = append(*r.log, r.name) }

// Draining reaches the whole tree, and costs each task one poll.
func TestDrainReachesTheTree(t *testing.T) {
	var never task.Promise[int]
	var outer, inner task.Group
	var handle *task.Handle[int]
	handlePolls := 0
	drained := map[string]int{}
	watch := func(name string, then step) step {
		return func(cx *task.Cx) error {
			if cx.Draining() {
				drained[name]++
			}
			return then(cx)
		}
	}
	leaf := &recorder{poll: does(watch("leaf", await(&never)))}
	middle := &recorder{poll: does(
		start(&inner, leaf),
		once(func(cx *task.Cx) {
			handle = task.Go(cx, func(cx *task.Cx) (int, error) {
				handlePolls++
				return 0, watch("handle", await(&never))(cx)
			})
		}),
		watch("middle", inner.Wait),
		func(cx *task.Cx) error { _, err := handle.Wait(cx); return err },
	)}
	require.NoError(t, runSteps(
		start(&outer, middle), rounds(4),
		once(func(*task.Cx) {
			require.Empty(t, drained)
			outer.Drain()
			outer.Drain() // once is enough
		}),
		rounds(4),
		once(func(*task.Cx) {
			require.Equal(t, map[string]int{"leaf": 1, "middle": 1, "handle": 1}, drained)
			require.Equal(t, 2, leaf.polls)
			require.Equal(t, 2, middle.polls)
			middle.Cancel(nil) // a poll of the owner does not drain anew
		}),
		ignoring(outer.Wait),
	))
	require.Equal(t, 3, handlePolls)
}

// Who is polled again and again while draining does not wake what it owns each
// time.
func TestDrainingOwnerWakesItsHandleOnce(t *testing.T) {
	var never task.Promise[int]
	polls := 0
	var outer task.Group
	owner := &recorder{poll: does(
		once(func(cx *task.Cx) {
			task.Go(cx, func(cx *task.Cx) (int, error) {
				polls++
				return 0, await(&never)(cx)
			})
		}),
		rounds(10),
		once(func(*task.Cx) { require.Equal(t, 2, polls) }),
	)}
	require.NoError(t, runSteps(start(&outer, owner), rounds(2), once(func(*task.Cx) { outer.Drain() }), outer.Wait))
	require.Equal(t, 3, polls, "and its cancellation")
}

// Who is still in its first poll, and on no list yet, is told, too.
func TestDrainDuringTheFirstPoll(t *testing.T) {
	var g task.Group
	r := &recorder{poll: func(r *recorder, cx *task.Cx) error {
		if cx.Draining() {
			return nil
		}
		g.Drain()
		return suspended(r, cx)
	}}
	require.NoError(t, runSteps(start(&g, r), g.Wait))
	require.Equal(t, 2, r.polls)
}

// So is a cancellation.
func TestCancelDuringTheFirstPoll(t *testing.T) {
	var g task.Group
	r := &recorder{}
	r.poll = func(_ *recorder, cx *task.Cx) error {
		err := suspended(r, cx)
		g.Cancel(errBoom)
		return err
	}
	require.ErrorIs(t, runSteps(start(&g, r), g.Wait), errBoom)
	require.Equal(t, 2, r.polls)
}

// Those who come later find it out at once: no poll on top.
func TestDrainOfMembersToCome(t *testing.T) {
	var g, inner task.Group
	var saw []bool
	look := func(r *recorder, cx *task.Cx) error {
		saw = append(saw, cx.Draining())
		return suspended(r, cx)
	}
	leaf := &recorder{poll: look}
	late := &recorder{poll: func(r *recorder, cx *task.Cx) error {
		if r.polls == 1 {
			inner.Go(cx, leaf)
		}
		return look(r, cx)
	}}
	require.NoError(t, runSteps(
		once(func(*task.Cx) { g.Drain() }),
		start(&g, late), rounds(4),
		once(func(*task.Cx) {
			require.Equal(t, []bool{true, true}, saw)
			g.Cancel(nil)
		}),
		ignoring(g.Wait),
	))
}

func TestGoIntoACanceledGroup(t *testing.T) {
	var g task.Group
	g.Cancel(errBoom)
	r := &recorder{poll: returns(nil)}
	require.ErrorIs(t, runSteps(start(&g, r), g.Wait), errBoom)
	require.Zero(t, r.polls)
	require.Len(t, r.finished, 1)
}

func TestWaitContextOfAGroup(t *testing.T) {
	ctx, cancel := context.WithCancelCause(background)
	var g, bridge task.Group
	child := &recorder{poll: func(r *recorder, cx *task.Cx) error {
		if r.polls == 1 {
			cancel(errBoom)
		}
		return suspended(r, cx)
	}}
	var waited task.Promise[error]
	require.NoError(t, runSteps(
		start(&g, child),
		once(func(cx *task.Cx) {
			bridge.Goroutine(cx, func(context.Context) error {
				waited.Resolve(g.WaitContext(ctx), nil)
				return nil
			})
		}),
		await(&waited),
	))
	err, _ := waited.WaitContext(background)
	require.ErrorIs(t, err, errBoom, "the context's cause has canceled the group")
	require.ErrorIs(t, err, task.ErrCanceled)
	require.Len(t, child.finished, 1)
}

// Cancel and Drain at the same time, from outside: both reach everybody.
func TestCancelBesideDrain(t *testing.T) {
	const members, times = 2000, 20
	for range times {
		var g task.Group
		g.Failed = forget
		var open task.Promise[int]
		canceled := 0
		member := func() task.Task {
			return steps(func(cx *task.Cx) error {
				err := await(&open)(cx)
				if errors.Is(err, task.ErrCanceled) {
					canceled++
				}
				return err
			})
		}
		require.NoError(t, runSteps(
			once(func(cx *task.Cx) {
				for range members {
					g.Go(cx, member())
				}
			}),
			rounds(1),
			once(func(*task.Cx) { atOnce(g.Drain, func() { g.Cancel(errBoom) }) }),
			rounds(2),
			once(func(*task.Cx) { open.Resolve(0, nil) }), // who was forgotten ends now
			g.Wait,
		))
		require.Equal(t, members, canceled)
	}
}

// atOnce runs functions at the same time, and waits for them.
func atOnce(fs ...func()) {
	var ready atomic.Int32
	var all sync.WaitGroup
	for _, f := range fs {
		all.Go(func() {
			for ready.Add(1); int(ready.Load()) < len(fs); {
				runtime.Gosched()
			}
			f()
		})
	}
	all.Wait()
}

func TestCxGo(t *testing.T) {
	var g task.Group
	sibling := &recorder{poll: does(rounds(3))}
	require.NoError(t, runSteps(
		start(&g, steps(once(func(cx *task.Cx) { cx.Go(sibling) }))),
		g.Wait,
		once(func(*task.Cx) { require.Len(t, sibling.finished, 1, "it was a member of the same group") }),
	))
}

func TestGroupErrWhileItRuns(t *testing.T) {
	var g task.Group
	slow := &recorder{poll: lingers(5)}
	require.Equal(t, errBoom, runSteps(
		start(&g, slow, &recorder{poll: returns(errBoom)}), rounds(1),
		once(func(*task.Cx) { require.Equal(t, errBoom, g.Err()) }),
		g.Wait,
	))
	require.Len(t, slow.finished, 1)
}

// A context that outlives the group must not keep what the group has derived
// from it.
func TestContextEndsWithTheGroup(t *testing.T) {
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	g := task.WithContext(ctx)
	var seen context.Context
	err := runSteps(
		once(func(cx *task.Cx) {
			h := task.Func(func(cx *task.Cx) error { seen = cx.Context(); return nil })
			g.Go(cx, h)
		}),
		g.Wait,
	)
	require.NoError(t, err)
	require.NotNil(t, seen)
	require.Error(t, seen.Err(), "done with the task that owned the group")
	require.NoError(t, ctx.Err())
}

// TestGroupWaitedForIsLetGo: a task that has waited for a group owns it no more, so that one
// that lives long may have any number of them.
func TestGroupWaitedForIsLetGo(t *testing.T) {
	n := 0
	g := new(task.Group)
	require.NoError(t, runSteps(func(cx *task.Cx) error {
		for ; n < 100; n++ {
			if g.Context().Err() == nil && cx.Held() == 0 {
				g.Go(cx, task.Func(func(*task.Cx) error { return nil }))
			}
			ctx := g.Context()
			if err := g.Wait(cx); err != nil {
				return err
			}
			require.Zero(t, cx.Held())
			require.Error(t, ctx.Err(), "the context outlives the group's use")
			g = new(task.Group)
		}
		return nil
	}))
}

type noop struct{ task.Frame }

func (*noop) Poll(*task.Cx) error { return nil }

// GoAll that panics because of one task has started those before it.
func TestGoAllOfOneThatIsInUse(t *testing.T) {
	l := rig.NewLab()
	var g task.Group
	a, b := &noop{}, &noop{}
	require.Panics(t, func() { g.GoAll(&l.Runtime, a, b, b) })
	l.Work()
	require.NotPanics(t, func() { g.Go(&l.Runtime, a) })
	l.Work()
	require.NoError(t, g.WaitContext(background))
}
