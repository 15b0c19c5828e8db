// Package twin lets a goroutine stand where an example has a task, so that the same tests run with both.
package twin

import (
	"context"
	"errors"

	"github.com/heist-go/heist/task"
)

// limiter has room for all goroutines of a test at a time.
var limiter = &task.Limiter{Name: "goroutines", Limit: 1000}

// goroutine is a task that waits for a goroutine.
type goroutine struct {
	task.Frame
	f    func(context.Context) error
	ctx  context.Context
	told context.CancelFunc
	do   task.Blocking[struct{}]
}

// New returns a task that runs f on a goroutine and ends with its error. f's context is done when the task
// is told to come to an end, or is canceled.
func New(f func(context.Context) error) task.Task {
	g := &goroutine{f: f, do: task.Blocking[struct{}]{Limiter: limiter}}
	g.ctx, g.told = context.WithCancel(context.Background())
	return g
}

func (g *goroutine) Poll(cx *task.Cx) error {
	if cx.Draining() {
		g.told()
	}
	_, err := g.do.Do(cx, func(ctx context.Context) (none struct{}, err error) {
		defer context.AfterFunc(ctx, g.told)()
		return none, g.f(g.ctx)
	})
	if errors.Is(err, task.ErrCanceled) && cx.Draining() {
		return nil
	}
	return err
}

func (g *goroutine) Finish(error) { g.told() }
