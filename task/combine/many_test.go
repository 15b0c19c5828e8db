package combine_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/rig"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/combine"
	"github.com/heist-go/heist/task/stream"
)

const many = 200 // more than a poll has budget for

func manyChans() (cs []*chans.Chan[int]) {
	for range many {
		cs = append(cs, chans.New[int](1))
	}
	return cs
}

// bounded is op, which gives up when the task was polled too often.
func bounded(t *testing.T, op func(cx *task.Cx) error) task.Task {
	polls := 0
	return task.Func(func(cx *task.Cx) error {
		if polls++; polls > 1000 {
			t.Error("1,000 polls, and nothing has happened")
			return nil
		}
		return op(cx)
	})
}

// The one that is ready wins, wherever it is.
func TestSelectOfMany(t *testing.T) {
	cs := manyChans()
	require.NoError(t, cs[150].TrySend(nil, 1))
	var ops []combine.Op
	for _, c := range cs {
		ops = append(ops, func(cx *task.Cx) error { _, err := c.Recv(cx); return err })
	}
	var sel combine.Select
	l := rig.NewLab()
	var g task.Group
	at := -1
	g.Go(&l.Runtime, bounded(t, func(cx *task.Cx) (err error) { at, err = sel.Wait(cx, ops...); return err }))
	l.Work()
	require.Equal(t, 150, at)
}

// Who waits is polled when something has happened, and not all the time.
func TestAllOfMany(t *testing.T) {
	cs := manyChans()
	var ops []combine.Op
	for i, c := range cs {
		if i < many-1 {
			ops = append(ops, func(cx *task.Cx) error { _, err := c.Recv(cx); return err })
			continue
		}
		ops = append(ops, func(cx *task.Cx) error { // the last one feeds the others
			for _, c := range cs[:many-1] {
				if err := c.TrySend(cx, 1); err != nil {
					return err
				}
			}
			return nil
		})
	}
	var all combine.All
	l := rig.NewLab()
	var g task.Group
	g.Go(&l.Runtime, bounded(t, func(cx *task.Cx) (err error) { return all.Wait(cx, ops...) }))
	l.Work()
	require.NoError(t, g.WaitContext(background))
}

// A stream is asked, wherever it is.
func TestMergeOfMany(t *testing.T) {
	cs := manyChans()
	require.NoError(t, cs[150].TrySend(nil, 7))
	var ss []*stream.Stream[int]
	for _, c := range cs {
		ss = append(ss, stream.FromChan(c))
	}
	s := stream.Merge(ss...)
	l := rig.NewLab()
	var g task.Group
	v := 0
	g.Go(&l.Runtime, bounded(t, func(cx *task.Cx) (err error) { v, err = s.Next(cx); return err }))
	l.Work()
	require.Equal(t, 7, v)
}

// All waits for any number of operations.
func TestAllOfManyResults(t *testing.T) {
	const n = 1100
	l := rig.NewLab()
	var ps [n]task.Promise[int]
	var ops []combine.Op
	for i := range ps {
		ops = append(ops, func(cx *task.Cx) error { _, err := ps[i].Wait(cx); return err })
	}
	var all combine.All
	var g task.Group
	g.Go(&l.Runtime, task.Func(func(cx *task.Cx) error { return all.Wait(cx, ops...) }))
	l.Work()
	for i := range ps {
		ps[i].Resolve(i, nil)
	}
	l.Work()
	require.NoError(t, g.Err())
	require.NoError(t, g.WaitContext(background))
}

// So do several waits by task.All.
func TestManyHandlesThatWait(t *testing.T) {
	const n = 1100
	l := rig.NewLab()
	var p task.Promise[int]
	var hs []*task.Handle[int]
	var g task.Group
	g.Go(&l.Runtime, task.Func(func(cx *task.Cx) error {
		for len(hs) < n {
			hs = append(hs, task.Go(cx, func(cx *task.Cx) (int, error) { return p.Wait(cx) }))
		}
		var errs []error
		for _, h := range hs {
			_, err := h.Wait(cx)
			errs = append(errs, err)
		}
		return task.All(errs...)
	}))
	l.Work()
	p.Resolve(1, nil)
	l.Work()
	require.NoError(t, g.Err())
}
