package task_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/task"
)

// meter is an object with an operation: it is over when it was let to, and has counted its polls.
type meter struct {
	op        task.Operation
	polls     int
	abandoned int
	ready     bool
}

func (m *meter) count(cx *task.Cx) (int, error) {
	switch m.op.Enter(cx) {
	case task.Begins:
		m.polls = 0
	case task.Occupied:
		return 0, cx.Suspend()
	}
	if m.polls++; !m.ready {
		cx.Waker()
		return 0, m.op.Suspend(cx, m)
	}
	m.op.Done(cx)
	return m.polls, nil
}

func (m *meter) Abandon(*task.Cx) { m.abandoned++ }

// wake polls the task once more.
func wake(cx *task.Cx) error {
	cx.Wake(cx.Waker())
	return task.Pending
}

// polls runs a function a poll, each of which suspends, until one is over; then the task ends.
func polls(fs ...func(*task.Cx) error) error {
	at := -1
	return runs(task.Func(func(cx *task.Cx) error {
		at++
		err := fs[at](cx)
		if task.IsPending(err) && at < len(fs)-1 {
			return wake(cx)
		}
		return err
	}))
}

func TestOperationGoesOn(t *testing.T) {
	var m meter
	call := func(cx *task.Cx) error { _, err := m.count(cx); return err }
	require.NoError(t, polls(call, call, func(cx *task.Cx) error {
		m.ready = true
		n, err := m.count(cx)
		require.Equal(t, 3, n)
		require.False(t, m.op.InProgress())
		return err
	}))
	require.Zero(t, m.abandoned)
}

func TestOperationIsAbandoned(t *testing.T) {
	elsewhere := func(cx *task.Cx) error { cx.Waker(); return cx.Suspend() }
	var m *meter
	call := func(cx *task.Cx) error { _, err := m.count(cx); return err }
	anew := func(cx *task.Cx) error {
		require.Equal(t, 1, m.abandoned)
		m.ready = true
		n, err := m.count(cx)
		require.Equal(t, 1, n, "it goes on with what was abandoned")
		return err
	}
	t.Run("by a poll that does not call it", func(t *testing.T) {
		m = &meter{}
		require.NoError(t, polls(call, elsewhere, anew))
	})
	t.Run("not by a poll that is cut short", func(t *testing.T) {
		m = &meter{}
		require.NoError(t, polls(call,
			func(cx *task.Cx) error {
				for cx.Spend() == nil {
				}
				return task.Pending
			},
			(*task.Cx).Yield,
			func(cx *task.Cx) error {
				m.ready = true
				n, err := m.count(cx)
				require.Equal(t, 2, n)
				return err
			}))
		require.Zero(t, m.abandoned)
	})
	t.Run("by its branch", func(t *testing.T) {
		m = &meter{}
		var b task.Branch
		require.NoError(t, polls(func(cx *task.Cx) error {
			require.Error(t, b.Poll(cx, call))
			b.End(cx)
			return anew(cx)
		}))
	})
	t.Run("by a branch around its branch", func(t *testing.T) {
		m = &meter{}
		var outer, inner task.Branch
		require.NoError(t, polls(func(cx *task.Cx) error {
			require.Error(t, outer.Poll(cx, func(cx *task.Cx) error { return inner.Poll(cx, call) }))
			outer.End(cx)
			return anew(cx)
		}))
	})
	t.Run("with a branch that is not polled", func(t *testing.T) {
		m = &meter{}
		var b task.Branch
		require.NoError(t, polls(func(cx *task.Cx) error { return b.Poll(cx, call) }, elsewhere, anew))
	})
	t.Run("by a poll in which only another wait calls it, which is polled then", func(t *testing.T) {
		m = &meter{}
		var b task.Branch
		n := 0
		require.NoError(t, runs(task.Func(func(cx *task.Cx) error {
			switch n++; n {
			case 1:
				require.Error(t, b.Poll(cx, call))
				return wake(cx)
			case 2:
				require.ErrorIs(t, call(cx), task.Pending)
				require.Zero(t, m.abandoned, "it may be called later in this poll")
				return task.Pending
			}
			return anew(cx)
		})))
	})
	for what, end := range map[string]func() error{
		"end":    func() error { return nil },
		"error":  func() error { return errBoom },
		"panic":  func() error { panic("boom") },
		"goexit": func() error { return task.ErrGoexit },
	} {
		t.Run("by its task's "+what, func(t *testing.T) {
			m = &meter{}
			func() {
				defer func() { _ = recover() }()
				_ = polls(call, func(*task.Cx) error { return end() })
			}()
			require.Equal(t, 1, m.abandoned)
			require.NoError(t, polls(anew), "another task goes on with the object")
		})
	}
}

// Two branches call the same operation: the second waits until the first is through.
func TestOperationIsOccupied(t *testing.T) {
	var m meter
	var b task.Branch
	var got []int
	call := func(part int) func(cx *task.Cx) error {
		return func(cx *task.Cx) error {
			return b.PollPart(cx, part, func(cx *task.Cx) error {
				n, err := m.count(cx)
				if err == nil {
					got = append(got, n)
				}
				return err
			})
		}
	}
	both := func(cx *task.Cx) error {
		if len(got) == 0 {
			if err := call(1)(cx); err == nil {
				return call(2)(cx)
			}
		}
		return call(2)(cx)
	}
	require.NoError(t, polls(both, both, func(cx *task.Cx) error {
		m.ready = true
		return both(cx)
	}))
	require.Equal(t, []int{3, 1}, got)
	require.Zero(t, m.abandoned)
}

// The one that has come first goes on, also if the other one is polled before it; then it is the
// other's turn.
func TestOperationIsOccupiedByOneThatIsPolledLater(t *testing.T) {
	var m meter
	var early, late task.Branch
	var got []string
	call := func(b *task.Branch, name string) func(cx *task.Cx) error {
		return func(cx *task.Cx) error {
			if slices.Contains(got, name) {
				return nil
			}
			return b.Poll(cx, func(cx *task.Cx) error {
				_, err := m.count(cx)
				if err == nil {
					got = append(got, name)
				}
				return err
			})
		}
	}
	n := 0
	require.NoError(t, runs(task.Func(func(cx *task.Cx) error {
		n++
		var first error
		if n > 1 {
			first = call(&early, "early")(cx)
		}
		second := call(&late, "late")(cx)
		switch n {
		case 1:
			return wake(cx)
		case 2:
			m.ready = true
			return wake(cx)
		case 3:
			require.Error(t, first)
			require.NoError(t, second)
			return task.Pending // it is polled again all the same
		}
		return first
	})))
	require.Equal(t, []string{"late", "early"}, got)
	require.Zero(t, m.abandoned)
}

func TestOperationOfTwoTasks(t *testing.T) {
	var m meter
	var g task.Group
	p := panicOf(t, func() {
		_ = runs(task.Func(func(cx *task.Cx) error {
			if m.polls == 0 {
				g.Go(cx, task.Func(func(cx *task.Cx) error { _, err := m.count(cx); return err }))
			}
			_, _ = m.count(cx)
			return g.Wait(cx)
		}))
	})
	require.ErrorContains(t, p, "belongs to one task at a time")
}

// A drop hook that panics does so in the task, wherever it is called, and the others are called.
func TestAbandonPanics(t *testing.T) {
	for what, end := range map[string]func(*task.Cx) error{
		"at its end":     func(*task.Cx) error { return nil },
		"in its life":    func(cx *task.Cx) error { cx.Waker(); return cx.Suspend() },
		"when it panics": func(*task.Cx) error { panic("another") },
	} {
		t.Run(what, func(t *testing.T) {
			var a, b bomb
			p := panicOf(t, func() {
				_ = polls(func(cx *task.Cx) error { return errors.Join(a.wait(cx), b.wait(cx)) }, end)
			})
			require.Contains(t, p.Value, "bomb")
			require.True(t, a.gone && b.gone)
		})
	}
}

type bomb struct {
	op   task.Operation
	gone bool
}

func (b *bomb) wait(cx *task.Cx) error {
	cx.Waker()
	return b.op.Suspend(cx, b)
}

func (b *bomb) Abandon(*task.Cx) {
	b.gone = true
	panic("bomb")
}

// A hook that panics in a branch leaves nothing behind: what else the branch waits for is let go
// of when the task ends.
func TestAbandonPanicsInABranch(t *testing.T) {
	for what, in := range map[string]func(cx *task.Cx, b *task.Branch){
		"that has ended":    func(cx *task.Cx, b *task.Branch) { b.End(cx) },
		"that is abandoned": func(*task.Cx, *task.Branch) {},
	} {
		t.Run(what, func(t *testing.T) {
			var a, b bomb
			var m meter
			var branch, inner task.Branch
			var c task.Cleanup
			cleaned := false
			n := 0
			p := panicOf(t, func() {
				_ = runs(task.Func(func(cx *task.Cx) error {
					if n++; n > 1 {
						cx.Waker()
						return cx.Suspend()
					}
					require.Error(t, branch.Poll(cx, func(cx *task.Cx) error {
						_ = inner.Poll(cx, func(cx *task.Cx) error { _, err := m.count(cx); return err })
						c.Set(cx, func() { cleaned = true })
						return errors.Join(b.wait(cx), a.wait(cx))
					}))
					in(cx, &branch)
					return wake(cx)
				}))
			})
			require.Contains(t, p.Value, "bomb")
			require.True(t, a.gone && b.gone && cleaned)
			require.Equal(t, 1, m.abandoned)
		})
	}
}

// closer counts how often it was closed.
type closer struct{ n *atomic.Int32 }

func (c closer) Close() error {
	c.n.Add(1)
	return nil
}

func TestAbandonedResultsAreDropped(t *testing.T) {
	for what, detached := range map[string]bool{"attached": false, "detached": true} {
		t.Run(what, func(t *testing.T) {
			var closed atomic.Int32
			class := &task.Limiter{Limit: 4}
			b := task.Blocking[io.Closer]{Limiter: class, Detached: detached}
			release, begun := make(chan bool), make(chan bool)
			err := polls(
				func(cx *task.Cx) error {
					_, err := b.Do(cx, func(ctx context.Context) (io.Closer, error) {
						begun <- true
						<-ctx.Done()
						require.ErrorIs(t, context.Cause(ctx), task.ErrCanceled)
						<-release
						return closer{&closed}, nil
					})
					<-begun
					return err
				},
				func(cx *task.Cx) error { cx.Waker(); return cx.Suspend() },
				func(*task.Cx) error {
					require.Equal(t, 1, class.Stats().Running, "it counts until it has ended")
					close(release)
					return nil
				},
			)
			require.NoError(t, err)
			require.EqualValues(t, 1, closed.Load())
		})
	}
}

// What the next call does not wait for may be as many as it likes.
func TestDetachedCallsDoNotWait(t *testing.T) {
	b := task.Blocking[int]{Limiter: &task.Limiter{Limit: 8}, Detached: true}
	release := make(chan bool)
	defer close(release)
	var branch task.Branch
	n := 0
	err := task.Run(background, task.Func(func(cx *task.Cx) error {
		for ; n < 7; n++ {
			require.True(t, task.IsPending(branch.Poll(cx, func(cx *task.Cx) error {
				_, err := b.Do(cx, func(ctx context.Context) (int, error) {
					<-ctx.Done()
					return 0, ctx.Err()
				})
				return err
			})))
			branch.End(cx)
		}
		v, err := b.Do(cx, func(context.Context) (int, error) { return 7, nil })
		if err == nil {
			require.Equal(t, 7, v)
		}
		return err
	}))
	require.NoError(t, err)
}

// refused is a closer that does not like to be nil.
type refused struct{ n int }

func (r *refused) Close() error {
	r.n++
	return nil
}

// An answer that is nobody is not closed.
func TestDiscardOfNil(t *testing.T) {
	task.Discard((*refused)(nil), nil)
	task.Discard(io.Closer(nil), nil)
	task.Discard(io.Closer((*refused)(nil)), nil)
	var r refused
	task.Discard(&r, nil)
	task.Discard[io.Closer](&r, nil)
	require.Equal(t, 2, r.n)
}
