package combine_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/rig"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/combine"
	"github.com/heist-go/heist/task/lock"
)

// conn is a result that has to be closed.
type conn struct{ closed int }

func (c *conn) Close() error { c.closed++; return nil }

// pending is an operation that is not over.
func pending(cx *task.Cx) error { cx.Waker(); return cx.Suspend() }

// lost runs op as what loses a select, or fails, in a task of its own whose panics are forgotten.
func lost(op op) {
	l := rig.NewLab()
	defer task.ReleaseClock(&l.Runtime)
	sel := combine.Select{Ordered: true}
	var e lock.Event
	var g task.Group
	g.Panicked = func(task.Task, *task.PanicError) error { return nil }
	g.Failed = func(task.Task, error) error { return nil }
	g.Go(l, task.Func(func(cx *task.Cx) error {
		_, err := sel.Wait(cx, e.Wait, op)
		return err
	}))
	l.Work()
	e.Set(nil)
	l.Work()
	l.Run()
	if err := g.WaitContext(background); err != nil {
		panic(err)
	}
}

// The half that has won inside of what has lost or fails goes to its hook, once; also if another
// hook panics.
func TestWonHalvesAreDropped(t *testing.T) {
	for how, last := range map[string]error{"lost": nil, "failed": errBoom} {
		for _, panics := range []bool{false, true} {
			end := func(cx *task.Cx) error {
				if last != nil {
					return last
				}
				return pending(cx)
			}
			var got []int
			hook := func(v int) {
				got = append(got, v)
				if panics {
					panic("hook")
				}
			}
			is := func(v int) func(*task.Cx) (int, error) { return func(*task.Cx) (int, error) { return v, nil } }
			ends := func(cx *task.Cx) (int, error) { return 0, end(cx) }
			for what, op := range map[string]struct {
				op   op
				want []int
			}{
				"join2": {func() op {
					j := combine.Join2[int, int]{DropA: hook, DropB: hook}
					return func(cx *task.Cx) error { _, _, err := j.Wait(cx, is(1), ends); return err }
				}(), []int{1}},
				"join3": {func() op {
					j := combine.Join3[int, int, int]{DropA: hook, DropB: hook, DropC: hook}
					return func(cx *task.Cx) error { _, _, _, err := j.Wait(cx, is(1), is(2), ends); return err }
				}(), []int{1, 2}},
				"all": {func() op {
					j := combine.All{Drop: hook}
					ok := func(*task.Cx) error { return nil }
					return func(cx *task.Cx) error { return j.Wait(cx, ok, ok, ok, end) }
				}(), []int{0, 1, 2}},
			} {
				t.Run(how+"/"+what, func(t *testing.T) {
					got = nil
					lost(op.op)
					slices.Sort(got)
					require.Equal(t, op.want, got)
				})
			}
		}
	}
}

// Without a hook, what can be closed is; a result that is nil is not.
func TestWonHalvesAreClosed(t *testing.T) {
	var c conn
	var j combine.Join3[*conn, *conn, int]
	lost(func(cx *task.Cx) error {
		_, _, _, err := j.Wait(cx,
			func(*task.Cx) (*conn, error) { return &c, nil },
			func(*task.Cx) (*conn, error) { return nil, nil },
			func(cx *task.Cx) (int, error) { return 0, pending(cx) })
		return err
	})
	require.Equal(t, 1, c.closed)
}

// If a hook of those that have lost panics, nobody gets what has won: it is closed.
func TestWinnerBesideAHookThatPanics(t *testing.T) {
	var c [3]conn
	var in [3]combine.All
	for i := range in {
		in[i].Drop = func(int) { panic("hook") }
	}
	leaves := func(i int) op {
		return func(cx *task.Cx) error { return in[i].Wait(cx, func(*task.Cx) error { return nil }, pending) }
	}
	win := func(i int) func(*task.Cx) (*conn, error) {
		return func(*task.Cx) (*conn, error) { return &c[i], nil }
	}
	lose := func(i int) func(*task.Cx) (*conn, error) {
		return func(cx *task.Cx) (*conn, error) { return nil, leaves(i)(cx) }
	}
	var race combine.Race[*conn]
	var some combine.Any[*conn]
	var join combine.Join2[*conn, int]
	lost(func(cx *task.Cx) error { _, _, err := race.Wait(cx, lose(0), win(0)); return err })
	lost(func(cx *task.Cx) error { _, _, err := some.Wait(cx, lose(1), win(1)); return err })
	lost(func(cx *task.Cx) error {
		_, _, err := join.Wait(cx, func(cx *task.Cx) (*conn, error) {
			_ = leaves(2)(cx) // left behind
			return &c[2], nil
		}, func(cx *task.Cx) (int, error) { return 0, pending(cx) })
		return err
	})
	for i := range c {
		require.Equal(t, 1, c[i].closed, i)
	}
}

// What waits beside one whose hook panics is let go of.
func TestHookThatPanicsKeepsNobodyInLine(t *testing.T) {
	var mu lock.Mutex
	require.True(t, mu.TryLock())
	var sel combine.Select
	var to combine.Timeout
	all := combine.All{Drop: func(int) { panic("hook") }}
	lost(func(cx *task.Cx) error {
		_, err := sel.Wait(cx,
			func(cx *task.Cx) error { return to.Wait(cx, time.Hour, mu.Lock) },
			func(cx *task.Cx) error { return all.Wait(cx, func(*task.Cx) error { return nil }, pending) })
		return err
	})
	mu.Unlock(nil)
	require.True(t, mu.TryLock())
}

// Two branches have one Timeout, and the one that comes later is polled first: the other's time
// and operation stay its own.
func TestTimeoutOfTwoBranches(t *testing.T) {
	l := rig.NewLab()
	defer task.ReleaseClock(&l.Runtime)
	var to combine.Timeout
	var all combine.All
	var e, mine lock.Event
	var errs [2]error
	part := func(i int, d time.Duration, op op) op {
		return func(cx *task.Cx) error {
			if errs[i] = to.Wait(cx, d, op); task.IsPending(errs[i]) {
				return errs[i]
			}
			return nil
		}
	}
	early := part(0, time.Hour, mine.Wait)
	var g task.Group
	g.Go(l, task.Func(func(cx *task.Cx) error {
		return all.Wait(cx, func(cx *task.Cx) error {
			if err := e.Wait(cx); err != nil {
				return err
			}
			return early(cx)
		}, part(1, time.Minute, pending))
	}))
	l.Work()
	e.Set(nil)
	l.Work()
	l.Clock.Advance(time.Minute + time.Second)
	l.Work()
	require.ErrorIs(t, errs[1], task.ErrTimeout)
	mine.Set(nil)
	l.Work()
	require.NoError(t, g.WaitContext(background))
	require.NoError(t, errs[0])
}

// Try asks all, or comes again: also if nothing but what waits for free has used up the budget, and
// if another branch is in the middle of a wait by the same Select.
func TestTryAsksBeforeItSaysNone(t *testing.T) {
	t.Run("without a budget", func(t *testing.T) {
		l := rig.NewLab()
		defer task.ReleaseClock(&l.Runtime)
		var never lock.Event
		var sel combine.Select
		at, polls := 0, 0
		var g task.Group
		g.Go(l, task.Func(func(cx *task.Cx) (err error) {
			if polls++; polls == 1 {
				for !cx.Spent() {
					_ = cx.Spend()
				}
			}
			at, err = sel.Try(cx, never.Wait)
			return err
		}))
		l.Work()
		require.Equal(t, []int{-1, 2}, []int{at, polls})
	})
	t.Run("while another branch waits", func(t *testing.T) {
		l := rig.NewLab()
		defer task.ReleaseClock(&l.Runtime)
		var sel combine.Select
		var all combine.All
		var slow, begin, set lock.Event
		set.Set(nil)
		at := -2
		var g task.Group
		g.Go(l, task.Func(func(cx *task.Cx) error {
			return all.Wait(cx,
				func(cx *task.Cx) error { _, err := sel.Wait(cx, slow.Wait); return err },
				func(cx *task.Cx) (err error) {
					if err := begin.Wait(cx); err != nil {
						return err
					}
					at, err = sel.Try(cx, set.Wait)
					return err
				})
		}))
		l.Work()
		begin.Set(nil)
		l.Work()
		slow.Set(nil)
		l.Work()
		require.NoError(t, g.WaitContext(background))
		require.Zero(t, at)
	})
}
