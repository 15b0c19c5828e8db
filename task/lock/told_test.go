package lock_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/rig"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/lock"
)

// A task that is canceled when the round is complete has come: the others have gone on.
func TestBarrierIsCompleteWhenCanceled(t *testing.T) {
	l := rig.NewLab()
	b := lock.NewBarrier(2)
	var g, h task.Group
	var first error
	a := task.Func(func(cx *task.Cx) error { _, err := b.Wait(cx); first = err; return err })
	g.Go(&l.Runtime, a)
	l.Work()
	h.Go(&l.Runtime, task.Func(func(cx *task.Cx) error {
		last, err := b.Wait(cx)
		require.True(t, last)
		g.Cancel(nil) // too late: the round is complete
		return err
	}))
	l.Work()
	require.NoError(t, h.Err())
	require.NoError(t, first)
}

// So it is with a value that is made: a wait that is over still answers.
func TestOnceValueIsMadeWhenCanceled(t *testing.T) {
	l := rig.NewLab()
	var o lock.OnceValue[int]
	var p task.Promise[int]
	var g, h task.Group
	var got error
	make := func(cx *task.Cx) (int, error) { return p.Wait(cx) }
	h.Go(&l.Runtime, task.Func(func(cx *task.Cx) error { _, err := o.Get(cx, make); return err }))
	l.Work()
	g.Go(&l.Runtime, task.Func(func(cx *task.Cx) error { _, got = o.Get(cx, make); return got }))
	l.Work()
	p.Resolve(1, nil)
	h.Go(&l.Runtime, task.Func(func(cx *task.Cx) error { g.Cancel(nil); return nil })) // behind the maker, before the other
	l.Work()
	_, made := o.Value()
	require.True(t, made)
	require.NoError(t, got)
}
