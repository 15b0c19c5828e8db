package pool_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

// A task in the LIFO slot of a worker that is in a long poll is taken by another
// worker, if one is awake when the slot is filled or becomes awake later. (A worker
// that sleeps already is not woken for the slot.)
func TestSlotOfABusyWorkerIsRescued(t *testing.T) {
	inBothModes(t, func(t *testing.T, c pool.Config) {
		p := openWith(t, with(c, 2))
		var w task.Waker
		awake := make(chan struct{})
		sleeper := task.Func(func(cx *task.Cx) error {
			if w == (task.Waker{}) {
				w = cx.Waker()
				return task.Pending
			}
			close(awake)
			return nil
		})
		p.Go(sleeper)
		idleBut(t, p, 1)

		var here sync.WaitGroup
		here.Add(2)
		filled := make(chan struct{})
		var g task.Group
		g.GoAll(p, act(func(cx *task.Cx) {
			here.Done()
			here.Wait() // the other worker is in a poll, too
			cx.Wake(w)
			close(filled)
			<-awake // and this poll ends only after that
		}), act(func(*task.Cx) {
			here.Done()
			<-filled
		}))
		require.NoError(t, g.WaitContext(background))
		idle(t, p)
		require.NotZero(t, p.Stats().Rescued)
	})
}
