package stream_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/rig"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/stream"
)

// After a pause the latest value comes, however many came before it in a poll.
func TestDebounceAtTheEndOfTheBudget(t *testing.T) {
	for n := 1; n < 300; n++ {
		l := rig.NewLab()
		c := chans.New[int](300)
		for i := range n {
			require.NoError(t, c.TrySend(nil, i))
		}
		s := stream.FromChan(c).Debounce(time.Second)
		var g task.Group
		got := -1
		g.Go(&l.Runtime, task.Func(func(cx *task.Cx) (err error) { got, err = s.Next(cx); return err }))
		l.Work()
		l.Clock.Advance(2 * time.Second)
		l.Work()
		if got != n-1 {
			t.Errorf("%d values: got %d", n, got)
		}
		c.Close(nil)
		l.Work()
	}
}

// Peek may stand in First, and the others may be left alone then.
func TestFirstIsAPeek(t *testing.T) {
	l := rig.NewLab()
	var p, q task.Promise[int]
	c := chans.New[int](1)
	in := stream.FromChan(c)
	var s task.Seq
	var g task.Group
	g.Go(&l.Runtime, task.Func(func(cx *task.Cx) error {
		return s.Run(cx,
			func(cx *task.Cx) error {
				_, err1 := p.Wait(cx)
				_, err2 := in.Peek(cx)
				_, err := task.First(err1, err2)
				return err
			},
			(*task.Cx).Yield,
			func(cx *task.Cx) error { _, err := q.Wait(cx); return err },
		)
	}))
	l.Work()
	require.NoError(t, c.TrySend(nil, 1))
	l.Work()
	q.Resolve(1, nil)
	l.Work()
	require.NoError(t, g.Err())
}
