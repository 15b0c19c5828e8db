package task_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/combine"
)

func TestCleanup(t *testing.T) {
	for what, end := range map[string]func() error{
		"nil":   func() error { return nil },
		"error": func() error { return errBoom },
		"panic": func() error { panic("boom") },
	} {
		t.Run(what, func(t *testing.T) {
			var done []string
			var a, b, c task.Cleanup
			var g task.Group
			note := func(s string) func() { return func() { done = append(done, s) } }
			set := func(cx *task.Cx) error {
				a.Set(cx, note("a"))
				b.Set(cx, note("b"))
				c.Set(cx, note("c"))
				g.Go(cx, &recorder{poll: func(_ *recorder, cx *task.Cx) error {
					if err := cx.Err(); err != nil {
						note("child")()
						return err
					}
					return wake(cx)
				}})
				return cx.Yield()
			}
			func() {
				defer func() { _ = recover() }()
				_ = polls(set, func(cx *task.Cx) error {
					a.Set(cx, note("a, again")) // as a poll that restarts at its top
					c.Drop()
					return end()
				})
			}()
			require.Equal(t, []string{"child", "b", "a"}, done)
			require.False(t, a.IsSet() || b.IsSet() || c.IsSet())
		})
	}
}

func TestCleanupRun(t *testing.T) {
	n := 0
	var c task.Cleanup
	c.Run()
	require.NoError(t, runSteps(
		once(func(cx *task.Cx) {
			c.Set(cx, func() { n++ })
			c.Run()
			c.Run()
			require.Equal(t, 1, n)
			c.Set(cx, func() { n += 10 })
		}),
	))
	require.Equal(t, 11, n)
}

// A clean-up that panics is the task's panic; the others are done.
func TestCleanupPanics(t *testing.T) {
	n := 0
	var a, b task.Cleanup
	p := panicOf(t, func() {
		_ = runSteps(once(func(cx *task.Cx) {
			a.Set(cx, func() { n++ })
			b.Set(cx, func() { panic("boom") })
		}))
	})
	require.Equal(t, "boom", p.Value)
	require.Equal(t, 1, n)
}

// What an operation of a combinator has set is done if it has lost or failed; else it is the
// task's.
func TestCleanupOfBranches(t *testing.T) {
	var done []string
	var kept, lost, failed task.Cleanup
	var sel combine.Select
	var any combine.Any[int]
	acquire := func(cx *task.Cx, c *task.Cleanup, name string) {
		c.Set(cx, func() { done = append(done, name) })
	}
	pending := func(cx *task.Cx) error { cx.Waker(); return cx.Suspend() }
	require.NoError(t, runSteps(
		func(cx *task.Cx) error {
			at, err := sel.Wait(cx,
				func(cx *task.Cx) error { acquire(cx, &lost, "lost"); return pending(cx) },
				func(cx *task.Cx) error { acquire(cx, &kept, "kept"); return nil })
			require.Equal(t, 1, at)
			require.Equal(t, []string{"lost"}, done)
			return err
		},
		func(cx *task.Cx) error {
			at, _, err := any.Wait(cx,
				func(cx *task.Cx) (int, error) { acquire(cx, &failed, "failed"); return 0, errBoom },
				func(cx *task.Cx) (int, error) { return 1, nil })
			require.Equal(t, 1, at)
			require.Equal(t, []string{"lost", "failed"}, done)
			return err
		},
	))
	require.Equal(t, []string{"lost", "failed", "kept"}, done)
}

// The half of a join that is over is done for when the other has failed.
func TestCleanupOfJoins(t *testing.T) {
	var c task.Cleanup
	var join combine.Join2[int, int]
	n := 0
	polled := 0
	err := runs(task.Func(func(cx *task.Cx) error {
		_, _, err := join.Wait(cx,
			func(cx *task.Cx) (int, error) { c.Set(cx, func() { n++ }); return 1, nil },
			func(cx *task.Cx) (int, error) {
				if polled++; polled < 3 {
					return 0, wake(cx)
				}
				return 0, errBoom
			})
		if task.IsPending(err) {
			require.Zero(t, n)
			return err
		}
		require.ErrorIs(t, err, errBoom)
		require.Equal(t, 1, n)
		return nil
	}))
	require.NoError(t, err)
}

// What a combinator hands on stays in order: the latest is done first.
func TestCleanupsOfAnOperationStayInOrder(t *testing.T) {
	var done []string
	var before, file, lock, after task.Cleanup
	var outer, inner combine.Timeout
	set := func(cx *task.Cx, c *task.Cleanup, name string) {
		c.Set(cx, func() { done = append(done, name) })
	}
	require.NoError(t, runSteps(
		once(func(cx *task.Cx) { set(cx, &before, "before") }),
		func(cx *task.Cx) error {
			return outer.Wait(cx, time.Hour, func(cx *task.Cx) error {
				return inner.Wait(cx, time.Hour, func(cx *task.Cx) error {
					set(cx, &file, "file")
					set(cx, &lock, "lock")
					return nil
				})
			})
		},
		once(func(cx *task.Cx) { set(cx, &after, "after") }),
	))
	require.Equal(t, []string{"after", "lock", "file", "before"}, done)
}

// A clean-up may do or forget others.
func TestCleanupsOfCleanups(t *testing.T) {
	for what, by := range map[string]func(c *task.Cleanup){"does": (*task.Cleanup).Run, "forgets": (*task.Cleanup).Drop} {
		t.Run(what, func(t *testing.T) {
			var done []string
			var first, second, third task.Cleanup
			require.NoError(t, runSteps(once(func(cx *task.Cx) {
				first.Set(cx, func() { done = append(done, "first") })
				second.Set(cx, func() { done = append(done, "second") })
				third.Set(cx, func() { by(&second) })
			})))
			if what == "does" {
				require.Equal(t, []string{"second", "first"}, done)
			} else {
				require.Equal(t, []string{"first"}, done)
			}
		})
	}
}

// At its task's end a branch's clean-up is done when what it has started has ended.
func TestCleanupOfABranchWaitsForWhatRuns(t *testing.T) {
	for what, end := range map[string]func() error{
		"nil":   func() error { return nil },
		"panic": func() error { panic("boom") },
	} {
		t.Run(what, func(t *testing.T) {
			var done []string
			var c task.Cleanup
			var b task.Blocking[int]
			var to combine.Timeout
			begun := make(chan struct{})
			n := 0
			func() {
				defer func() { _ = recover() }()
				_ = runs(task.Func(func(cx *task.Cx) error {
					if n++; n == 2 {
						return end()
					}
					err := to.Wait(cx, time.Hour, func(cx *task.Cx) error {
						c.Set(cx, func() { done = append(done, "clean-up") })
						_, err := b.Do(cx, func(ctx context.Context) (int, error) {
							close(begun)
							<-ctx.Done()
							done = append(done, "function")
							return 0, nil
						})
						return err
					})
					<-begun
					cx.Wake(cx.Waker())
					return err
				}))
			}()
			require.Equal(t, []string{"function", "clean-up"}, done)
		})
	}
}

// Two branches that share a Cleanup would lose one of the two.
func TestCleanupOfTwoBranches(t *testing.T) {
	var c task.Cleanup
	var all combine.All
	pending := func(cx *task.Cx) error { c.Set(cx, func() {}); cx.Waker(); return cx.Suspend() }
	p := panicOf(t, func() {
		_ = runs(task.Func(func(cx *task.Cx) error { return all.Wait(cx, pending, pending) }))
	})
	require.Contains(t, p.Value, "give each branch its own")
}

// What a branch has set is also that of the operations inside of it.
func TestCleanupOfAnInnerBranch(t *testing.T) {
	var c task.Cleanup
	var outer, inner task.Branch
	require.NoError(t, runSteps(once(func(cx *task.Cx) {
		require.Equal(t, task.Begins, c.Enter(cx))
		_ = outer.Poll(cx, func(cx *task.Cx) error {
			c.Set(cx, func() {})
			require.Equal(t, task.Goes, c.Enter(cx))
			_ = inner.Poll(cx, func(cx *task.Cx) error {
				require.Equal(t, task.Goes, c.Enter(cx))
				return cx.Suspend()
			})
			return cx.Suspend()
		})
		require.Equal(t, task.Occupied, c.Enter(cx))
		outer.End(cx)
		require.Equal(t, task.Begins, c.Enter(cx))
	})))
}
