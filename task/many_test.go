package task_test

import (
	"context"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/rig"
	"github.com/heist-go/heist/task"
)

// A task may wait for more results than its budget has operations: what it asks for again is free.
func TestManyHandles(t *testing.T) {
	l := rig.NewLab()
	var hs []*task.Handle[int]
	var g task.Group
	polls, sum := 0, 0
	g.Go(&l.Runtime, task.Func(func(cx *task.Cx) error {
		if polls++; polls > 1000 {
			t.Error("1,000 polls")
			return nil
		}
		for i := len(hs); i < 200; i++ {
			hs = append(hs, task.Go(cx, func(cx *task.Cx) (int, error) { return 1, nil }))
		}
		n := 0
		for _, h := range hs {
			v, err := h.Wait(cx)
			if err != nil {
				return err
			}
			n += v
		}
		sum = n
		return nil
	}))
	l.Work()
	require.Equal(t, 200, sum)
}

// So it is if they are there from the beginning.
func TestManyWaits(t *testing.T) {
	const n = 200
	l := rig.NewLab()
	var ps [n]task.Promise[int]
	for i := range ps {
		ps[i].Resolve(i, nil)
	}
	polls := 0
	var g task.Group
	g.Go(&l.Runtime, task.Func(func(cx *task.Cx) error {
		if polls++; polls > 1000 {
			t.Error("1,000 polls of a task all of whose waits are over")
			return nil
		}
		var errs []error
		for i := range ps {
			_, err := ps[i].Wait(cx)
			errs = append(errs, err)
		}
		return task.All(errs...)
	}))
	l.Work()
	require.NoError(t, g.Err())
}

// shut is a scheduler that was closed.
type shut struct {
	task.Runtime
	runner task.Runner
}

func (s *shut) Admit(int) bool    { return false }
func (s *shut) Submit(task.Batch) { panic("nothing was admitted") }
func (s *shut) Sooner(int)        {}

// A backlog whose scheduler was closed meanwhile is refused, however long it is.
func TestBacklogOfAClosedScheduler(t *testing.T) {
	defer debug.SetMaxStack(debug.SetMaxStack(64 << 20))
	l := rig.NewLab()
	s := &shut{}
	task.Open(context.Background(), &s.Runtime, s, &s.runner)
	var g task.Group
	g.Failed = func(task.Task, error) error { return nil }
	g.SetLimit(1)
	var p task.Promise[int]
	g.Go(&l.Runtime, task.Func(func(cx *task.Cx) error { _, err := p.Wait(cx); return err }))
	l.Work()
	for range 200_000 {
		g.Go(&s.Runtime, task.Func(func(*task.Cx) error { return nil }))
	}
	p.Resolve(1, nil)
	l.Work()
	require.NoError(t, g.WaitContext(context.Background()))
}
