package task_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/internal/rig"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/combine"
)

// The mistakes that run-time checks find. What is not one must not be reported:
// half of this file is about that.

func TestBarePending(t *testing.T) {
	r := &recorder{}
	for _, err := range []error{task.Pending, fmt.Errorf("read: %w", task.Pending)} {
		r.poll = returns(err)
		p := panicOf(t, func() { _ = task.Run(background, r) })
		require.Equal(t, "task: *task_test.recorder has returned Pending, but nothing will wake it: "+
			"return Pending only from an operation, or after Waker", p.Value)
	}
	require.Len(t, r.finished, 2)
}

// In its second poll, after a wait that is over.
func TestBarePendingLater(t *testing.T) {
	text := mistake(t, rounds(1), func(*task.Cx) error { return task.Pending })
	require.Contains(t, text, "has returned Pending, but nothing will wake it")
}

func TestPendingAfterWaker(t *testing.T) {
	s := sleeperUntil(3)
	var g task.Group
	require.NoError(t, runSteps(
		start(&g, s), rounds(1), once(func(*task.Cx) { s.waker.Wake() }),
		rounds(2), once(func(*task.Cx) { s.waker.Wake() }), g.Wait,
	))
}

func TestPendingIgnoredInALoop(t *testing.T) {
	var never task.Promise[int]
	times := 0
	text := mistake(t, func(cx *task.Cx) error {
		for {
			times++
			if _, err := never.Wait(cx); err == nil {
				return nil
			}
		}
	})
	require.Contains(t, text, "has gone on after Pending 1048576 times in one Poll: return Pending from Poll")
	require.Equal(t, 1<<20+1, times)
}

// Each poll starts to count anew.
func TestManyPendingsInManyPolls(t *testing.T) {
	var never task.Promise[int]
	var g task.Group
	r := &recorder{poll: func(r *recorder, cx *task.Cx) error {
		if r.polls == 3 {
			return nil
		}
		for range 1000 {
			_, _ = never.Wait(cx)
		}
		return cx.Yield()
	}}
	require.NoError(t, runSteps(start(&g, r), g.Wait))
}

func TestWrappedPending(t *testing.T) {
	var p task.Promise[int]
	r := &recorder{poll: func(_ *recorder, cx *task.Cx) error {
		if err := await(&p)(cx); err != nil {
			return fmt.Errorf("ask: %w", err)
		}
		return nil
	}}
	var g task.Group
	require.NoError(t, runSteps(start(&g, r), rounds(2), resolve(&p), g.Wait))
	require.Equal(t, 2, r.polls)
	require.Equal(t, []error{nil}, r.finished)
}

func TestPendingJoinedWithAnError(t *testing.T) {
	var never task.Promise[int]
	r := &recorder{poll: func(_ *recorder, cx *task.Cx) error {
		return errors.Join(await(&never)(cx), errBoom)
	}}
	require.ErrorIs(t, task.Run(background, r), errBoom)
	require.Equal(t, 1, r.polls)
	require.Len(t, r.finished, 1)
}

func TestCxKeptAfterItsPoll(t *testing.T) {
	if !invariant.Enabled {
		t.Skip("found in debug and race builds")
	}
	var over, later task.Promise[int]
	over.Resolve(1, nil)
	uses := map[string]func(*task.Cx){
		"Yield":   func(cx *task.Cx) { _ = cx.Yield() },
		"Err":     func(cx *task.Cx) { _ = cx.Err() },
		"Waker":   func(cx *task.Cx) { cx.Waker() },
		"Wait":    func(cx *task.Cx) { _, _ = later.Wait(cx) },
		"no wait": func(cx *task.Cx) { _, _ = over.Wait(cx) },
		"Detach":  func(cx *task.Cx) { task.Detach(cx, &recorder{poll: returns(nil)}) },
		"Go":      func(cx *task.Cx) { new(task.Group).Go(cx, &recorder{poll: returns(nil)}) },
	}
	for name, use := range uses {
		for how, end := range map[string]step{"Pending": rounds(1), "its end": func(*task.Cx) error { return nil }} {
			t.Run(name+" after "+how, func(t *testing.T) {
				var kept *task.Cx
				keep := func(_ *recorder, cx *task.Cx) error {
					if kept == nil {
						kept = cx
					}
					return end(cx)
				}
				var g task.Group
				require.NoError(t, runSteps(
					start(&g, &recorder{poll: keep}),
					rounds(1),
					once(func(*task.Cx) { require.Panics(t, func() { use(kept) }) }),
					g.Wait,
				))
			})
		}
	}
}

// It waits for a or b, and woken by b it has forgotten both.
func TestStageThatRunsTwice(t *testing.T) {
	if !invariant.Enabled {
		t.Skip("found in debug and race builds")
	}
	var a, b, c task.Promise[int]
	r := &recorder{poll: func(r *recorder, cx *task.Cx) error {
		if r.polls == 1 {
			_, err := task.First(await(&a)(cx), await(&b)(cx))
			return err
		}
		return await(&c)(cx)
	}}
	var g task.Group
	p := panicOf(t, func() { _ = runSteps(start(&g, r), rounds(2), resolve(&b), g.Wait) })
	require.Contains(t, p.Value, "*task_test.recorder waits for something new while what it waited for has not happened")
}

// first is the step that waits for a or b.
func first(a, b *task.Promise[int]) step {
	return func(cx *task.Cx) error {
		_, err := task.First(await(a)(cx), await(b)(cx))
		return err
	}
}

// Whoever waits for one of two, and gets it, may leave the other.
func TestOtherWaysThatAreNoMistakes(t *testing.T) {
	var never, open, later task.Promise[int]
	var bad task.Promise[int]
	canceled := func(s step) step { // s, but a canceled task goes on
		return func(cx *task.Cx) error {
			if err := s(cx); !errors.Is(err, task.ErrCanceled) {
				return err
			}
			return nil
		}
	}
	shielded := func(s step) step {
		return func(cx *task.Cx) error {
			cx.Shield()
			return s(cx)
		}
	}
	for name, all := range map[string][]step{
		"First":                     {first(&never, &open), await(&later)},
		"First, the other way":      {first(&open, &never), await(&later)},
		"First, and some polls":     {first(&never, &open), rounds(3), await(&later)},
		"First, twice":              {first(&never, &open), first(&never, &later), rounds(1), await(&later)},
		"First, and another wait":   {first(&never, &open), await(&later), rounds(2), await(&later)},
		"First, over at once":       {await(&open), first(&never, &open), rounds(2), await(&later)},
		"an error":                  {ignoring(first(&never, &bad)), rounds(2), await(&later)},
		"All with an error":         {ignoring(func(cx *task.Cx) error { return task.All(await(&never)(cx), await(&bad)(cx)) }), rounds(2), await(&later)},
		"a cancellation":            {canceled(await(&never)), shielded(await(&later))},
		"a cancellation, and polls": {canceled(await(&never)), shielded(rounds(2)), shielded(await(&later))},
	} {
		t.Run(name, func(t *testing.T) {
			open, later, bad = task.Promise[int]{}, task.Promise[int]{}, task.Promise[int]{}
			r := &recorder{poll: does(all...)}
			var g task.Group
			g.Failed = forget
			require.NoError(t, runSteps(
				start(&g, r), rounds(2),
				once(func(*task.Cx) {
					open.Resolve(1, nil)
					bad.Resolve(0, errBoom)
					if name == "a cancellation" || name == "a cancellation, and polls" {
						r.Cancel(nil)
					}
				}),
				rounds(9),
				once(func(*task.Cx) { require.Empty(t, r.finished) }),
				resolve(&later),
				g.Wait,
			))
			require.Equal(t, []error{nil}, r.finished)
		})
	}
}

// A task that has given out a Waker may have been woken for anything.
func TestOtherWayAfterAWaker(t *testing.T) {
	var never, later task.Promise[int]
	var waker task.Waker
	closed := false
	r := &recorder{poll: func(_ *recorder, cx *task.Cx) error {
		waker = cx.Waker()
		if closed {
			return await(&later)(cx)
		}
		return await(&never)(cx)
	}}
	var g task.Group
	require.NoError(t, runSteps(
		start(&g, r), rounds(1),
		once(func(*task.Cx) {
			closed = true
			waker.Wake()
		}),
		rounds(2), resolve(&later), g.Wait,
	))
}

func TestDrainingTaskTakesAnotherWay(t *testing.T) {
	var never, later task.Promise[int]
	var g task.Group
	r := &recorder{poll: func(_ *recorder, cx *task.Cx) error {
		if cx.Draining() {
			return await(&later)(cx)
		}
		return await(&never)(cx)
	}}
	require.NoError(t, runSteps(
		start(&g, r), rounds(1),
		once(func(*task.Cx) { g.Drain() }),
		rounds(2), resolve(&later), g.Wait,
	))
}

// A task may take another way when something has happened that it sees without a call that waits
// for it; and so may a branch, when another one has gone on.
func TestOtherWaysWithoutACall(t *testing.T) {
	var out, bye, go1 task.Promise[int]
	var members task.Group
	var timer task.Timer
	var call task.Blocking[int]
	var all combine.All
	run := make(chan struct{})
	for what, c := range map[string]struct {
		poll func(polls int, other *bool) func(cx *task.Cx) error // as long as other is not set
		then func(l *rig.Lab)
	}{
		"a timer has fired": {
			poll: func(polls int, other *bool) func(cx *task.Cx) error {
				return func(cx *task.Cx) error {
					if polls == 1 {
						timer.Reset(cx, time.Second)
					}
					*other = timer.Fired()
					return nil
				}
			},
			then: func(l *rig.Lab) { l.Clock.Advance(2 * time.Second) },
		},
		"a member has panicked": {
			poll: func(polls int, other *bool) func(cx *task.Cx) error {
				return func(cx *task.Cx) error {
					if polls == 1 {
						members.Go(cx, task.Func(func(cx *task.Cx) error {
							if err := await(&go1)(cx); err != nil {
								return err
							}
							panic("boom")
						}))
					}
					*other = members.Err() != nil
					return nil
				}
			},
			then: func(*rig.Lab) { go1.Resolve(1, nil) },
		},
		"a function has ended": {
			poll: func(polls int, other *bool) func(cx *task.Cx) error {
				return func(cx *task.Cx) error {
					_, err := call.Do(cx, func(context.Context) (int, error) { <-run; return 1, nil })
					*other = err == nil
					return nil
				}
			},
			then: func(*rig.Lab) { close(run) },
		},
		"another branch has gone on": {
			poll: func(polls int, other *bool) func(cx *task.Cx) error {
				return func(cx *task.Cx) error {
					return all.Wait(cx, func(cx *task.Cx) error {
						err := await(&go1)(cx)
						*other = err == nil
						return err
					}, func(cx *task.Cx) error {
						if *other {
							return await(&bye)(cx)
						}
						return await(&out)(cx)
					})
				}
			},
			then: func(*rig.Lab) { go1.Resolve(1, nil) },
		},
	} {
		t.Run(what, func(t *testing.T) {
			out, bye, go1 = task.Promise[int]{}, task.Promise[int]{}, task.Promise[int]{}
			l := rig.NewLab()
			defer task.ReleaseClock(&l.Runtime)
			other := false
			polls := 0
			var g task.Group
			g.Panicked = func(_ task.Task, p *task.PanicError) error {
				if p.Value != "boom" { // the member's
					return p
				}
				return nil
			}
			g.Go(l, task.Func(func(cx *task.Cx) error {
				polls++
				if !other || what == "another branch has gone on" {
					if err := c.poll(polls, &other)(cx); err != nil {
						return err
					}
				}
				if other {
					return await(&bye)(cx)
				}
				return await(&out)(cx)
			}))
			l.Work()
			require.False(t, other)
			c.then(l)
			for !other && g.Err() == nil {
				l.Work()
			}
			bye.Resolve(1, nil)
			l.Work()
			require.NoError(t, g.WaitContext(background))
		})
	}
}
