package lock_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/rig"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/combine"
	"github.com/heist-go/heist/task/lock"
)

// get is a step that gets the value, and puts it into v.
func get(o *lock.OnceValue[int], f func(*task.Cx) (int, error), v *int) step {
	return func(cx *task.Cx) (err error) {
		*v, err = o.Get(cx, f)
		return err
	}
}

// mustNotMake is for who does not come first.
func mustNotMake(t *testing.T) func(*task.Cx) (int, error) {
	return func(*task.Cx) (int, error) {
		t.Error("made twice")
		return 0, nil
	}
}

func TestOnceValue(t *testing.T) {
	bounded(t)
	l := newLab(t)
	var o lock.OnceValue[int]
	var ready lock.Event
	var got [4]int
	_, ok := o.Value()
	require.False(t, ok)
	calls := 0
	maker := l.begin(get(&o, func(cx *task.Cx) (int, error) {
		calls++
		return 7, ready.Wait(cx)
	}, &got[0]))
	waits := []*actor{l.begin(get(&o, mustNotMake(t), &got[1])), l.begin(get(&o, mustNotMake(t), &got[2]))}
	result := goes(func() (err error) {
		got[3], err = o.GetContext(background, func(context.Context) (int, error) { return 0, errBoom })
		return err
	})
	l.wait(append(waits, maker)...)
	require.Equal(t, 1, calls)
	ready.Set(nil)
	l.Work()
	l.well(append(waits, maker)...)
	require.NoError(t, result())
	require.Equal(t, [4]int{7, 7, 7, 7}, got)
	require.Equal(t, 2, calls, "once to begin, once to go on")
	v, ok := o.Value()
	require.True(t, ok)
	require.Equal(t, 7, v)
	v, err := o.GetContext(canceledContext(), nil)
	require.NoError(t, err)
	require.Equal(t, 7, v)
	require.False(t, o.Waits())
}

// Whoever was to make it and does not, leaves that to the next.
func TestOnceValueWithoutItsMaker(t *testing.T) {
	for name, leave := range map[string]func(*task.Cx) (int, error){
		"fails":       func(*task.Cx) (int, error) { return 0, errBoom },
		"panics":      func(*task.Cx) (int, error) { panic(errBoom) },
		"is canceled": func(cx *task.Cx) (int, error) { return 0, never(cx) },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			var o lock.OnceValue[int]
			var begin lock.Event
			var v, w int
			maker := act(get(&o, func(cx *task.Cx) (int, error) {
				if err := begin.Wait(cx); err != nil {
					return 0, err
				}
				return leave(cx)
			}, &v))
			join := act(func(cx *task.Cx) error {
				defer func() { _ = recover() }()
				return maker.Wait(cx)
			})
			l.start(maker, join)
			next := l.begin(get(&o, func(*task.Cx) (int, error) { return 8, nil }, &v))
			last := l.begin(get(&o, mustNotMake(t), &w))
			l.wait(maker, next, last)
			begin.Set(nil)
			l.Work()
			if name == "is canceled" {
				l.wait(maker, next)
				l.cancel(maker)
			}
			require.ErrorIs(t, maker.err, errBoom)
			l.well(next, last)
			require.Equal(t, 8, v)
			require.Equal(t, 8, w)
			require.False(t, o.Waits())
		})
	}
}

func TestOnceValueOfGoroutines(t *testing.T) {
	bounded(t)
	l := newLab(t)
	var o lock.OnceValue[int]
	begin := make(chan struct{})
	_, err := o.GetContext(canceledContext(), nil)
	require.ErrorIs(t, err, errBoom)

	type key struct{}
	maker := goes(func() error {
		ctx := context.WithValue(background, key{}, "f is given ctx")
		_, err := o.GetContext(ctx, func(ctx context.Context) (int, error) {
			require.NotNil(t, ctx.Value(key{}))
			<-begin
			return 0, errBoom
		})
		return err
	})
	begin <- struct{}{}
	require.ErrorIs(t, maker(), errBoom)

	maker = goes(func() (err error) {
		defer func() { err = recover().(error) }()
		_, err = o.GetContext(background, func(context.Context) (int, error) {
			<-begin
			panic(errBoom)
		})
		return err
	})
	begin <- struct{}{}
	require.ErrorIs(t, maker(), errBoom)
	require.False(t, o.Waits())

	var v int
	l.well(l.begin(get(&o, func(*task.Cx) (int, error) { return 9, nil }, &v)))
	require.Equal(t, 9, v)
}

func TestOnce(t *testing.T) {
	l := newLab(t)
	var o lock.Once
	n := 0
	do := func(err error) step {
		return func(cx *task.Cx) error {
			return o.Do(cx, func(*task.Cx) error {
				if err == nil {
					n++
				}
				return err
			})
		}
	}
	require.ErrorIs(t, o.DoContext(background, func(context.Context) error { return errBoom }), errBoom)
	require.ErrorIs(t, l.begin(do(errBoom)).err, errBoom)
	require.False(t, o.Done())
	l.well(l.begin(do(nil)), l.begin(do(nil)))
	require.NoError(t, o.DoContext(background, nil))
	require.True(t, o.Done())
	require.Equal(t, 1, n)
}

// TestOnceMany: who waits for what makes a value spends nothing, so that each of many is asked.
func TestOnceMany(t *testing.T) {
	const n = 1100
	l := rig.NewLab()
	var os [n]lock.Once
	var p task.Promise[int]
	var all combine.All
	var ops []combine.Op
	for i := range os {
		ops = append(ops, func(cx *task.Cx) error {
			return os[i].Do(cx, func(cx *task.Cx) error { _, err := p.Wait(cx); return err })
		})
	}
	var g task.Group
	polls := 0
	g.Go(&l.Runtime, task.Func(func(cx *task.Cx) error {
		polls++
		require.Less(t, polls, n, "it is polled for ever")
		return all.Wait(cx, ops...)
	}))
	l.Work()
	p.Resolve(1, nil)
	l.Work()
	require.NoError(t, g.WaitContext(context.Background()))
}
