package task_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/rig"
	"github.com/heist-go/heist/task"
)

// When one of several waits is enough the others may be left alone, also if the one is a timer.
func TestFirstIsATimer(t *testing.T) {
	l := rig.NewLab()
	var p, q task.Promise[int]
	var t1, t2 task.Timer
	var s task.Seq
	var g task.Group
	g.Go(&l.Home, task.Func(func(cx *task.Cx) error {
		return s.Run(cx,
			func(cx *task.Cx) error {
				_, err := p.Wait(cx)
				_, err = task.First(err, t1.Sleep(cx, time.Second))
				return err
			},
			func(cx *task.Cx) error { return t2.Sleep(cx, time.Second) },
			func(cx *task.Cx) error { _, err := q.Wait(cx); return err },
		)
	}))
	l.Work()
	l.Clock.Advance(time.Second)
	l.Work()
	l.Clock.Advance(time.Second)
	l.Work()
	q.Resolve(1, nil)
	l.Work()
	require.NoError(t, g.Err())
}

// The same with a yield between.
func TestFirstIsATimerThenAYield(t *testing.T) {
	l := rig.NewLab()
	var p, q task.Promise[int]
	var t1 task.Timer
	var s task.Seq
	var g task.Group
	g.Go(&l.Home, task.Func(func(cx *task.Cx) error {
		return s.Run(cx,
			func(cx *task.Cx) error {
				_, err := p.Wait(cx)
				_, err = task.First(err, t1.Sleep(cx, time.Second))
				return err
			},
			(*task.Cx).Yield,
			func(cx *task.Cx) error { _, err := q.Wait(cx); return err },
		)
	}))
	l.Work()
	l.Clock.Advance(time.Second)
	l.Work()
	q.Resolve(1, nil)
	l.Work()
	require.NoError(t, g.Err())
}
