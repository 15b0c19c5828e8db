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
	var again task.Timer
	for name, between := range map[string]step{
		"then a timer": func(cx *task.Cx) error { return again.Sleep(cx, time.Second) },
		"then a yield": (*task.Cx).Yield,
	} {
		t.Run(name, func(t *testing.T) {
			l := rig.NewLab()
			var p, q task.Promise[int]
			var timer task.Timer
			var s task.Seq
			var g task.Group
			g.Go(&l.Runtime, task.Func(func(cx *task.Cx) error {
				return s.Run(cx,
					func(cx *task.Cx) error {
						_, err := p.Wait(cx)
						_, err = task.First(err, timer.Sleep(cx, time.Second))
						return err
					},
					between,
					await(&q),
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
			require.NoError(t, g.WaitContext(background))
		})
	}
}
