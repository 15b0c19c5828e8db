package task_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

// stuck is a task that ends when it is canceled.
func stuck() task.Task {
	var never task.Promise[int]
	return task.Func(func(cx *task.Cx) error {
		_, err := never.Wait(cx)
		return err
	})
}

// Who waits for room is told when the context is done, the group canceled, or the pool closed.
func TestFeedEnds(t *testing.T) {
	for name, end := range map[string]func(p *pool.Pool, g *task.Group, cancel context.CancelCauseFunc) (started bool, want error){
		"context": func(_ *pool.Pool, _ *task.Group, cancel context.CancelCauseFunc) (bool, error) {
			cancel(errBoom)
			return false, errBoom
		},
		"group": func(_ *pool.Pool, g *task.Group, _ context.CancelCauseFunc) (bool, error) {
			g.Cancel(errBoom)
			return false, errBoom
		},
		"pool": func(p *pool.Pool, _ *task.Group, _ context.CancelCauseFunc) (bool, error) {
			_ = p.Close()
			return true, task.ErrClosed
		},
		"shutdown": func(p *pool.Pool, _ *task.Group, _ context.CancelCauseFunc) (bool, error) {
			ctx, stop := context.WithTimeout(background, 10*time.Millisecond)
			defer stop()
			_ = p.Shutdown(ctx)
			return true, context.DeadlineExceeded
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := pool.New(pool.Config{Workers: 1})
			require.NoError(t, err)
			defer p.Close()
			var g task.Group
			g.SetLimit(1)
			g.Go(p, stuck())
			ctx, cancel := context.WithCancelCause(background)
			defer cancel(nil)
			const waiting = 3
			errs := make(chan error, waiting)
			for range waiting {
				go func() { errs <- g.GoContext(ctx, p, stuck()) }()
			}
			require.Eventually(t, func() bool { return g.Feeders() == waiting }, time.Minute, time.Millisecond)
			closed, want := end(p, &g, cancel)
			for range waiting {
				if err := <-errs; !closed || err != nil { // started on a closed pool, or told
					require.ErrorIs(t, err, want)
				}
			}
			g.Cancel(errBoom)
			require.Error(t, g.WaitContext(background))
			require.ErrorIs(t, g.GoContext(background, p, stuck()), task.ErrCanceled)
		})
	}
}
