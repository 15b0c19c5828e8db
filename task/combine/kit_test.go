package combine_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/heist-go/heist/internal/rig"
	"github.com/heist-go/heist/task"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	background = context.Background()
	errBoom    = errors.New("boom")
)

// op is an operation.
type op = func(*task.Cx) error

// steps runs the steps in order on the calling goroutine, each until it is not Pending.
func steps(t *testing.T, all ...op) {
	t.Helper()
	require.NoError(t, run(all...))
}

func run(all ...op) error { return task.Run(background, rig.Steps(all...)) }

// once makes a step of something that does not wait.
var once = rig.Once

// after is an operation that is over in its n-th poll, with err.
func after(n int, err error) op {
	return func(cx *task.Cx) error {
		if n--; n > 0 {
			cx.Wake(cx.Waker())
			return cx.Suspend()
		}
		return err
	}
}

// value is after with a result.
func value[T any](n int, v T, err error) func(*task.Cx) (T, error) {
	wait := after(n, err)
	return func(cx *task.Cx) (T, error) { return v, wait(cx) }
}

// never is an operation that is not over until its task is canceled.
func never(p *task.Promise[int]) op {
	return func(cx *task.Cx) error {
		_, err := p.Wait(cx)
		return err
	}
}

// inTime runs the steps as a task, in a time that jumps to the next timer whenever nobody
// has anything to do.
func inTime(t *testing.T, all ...op) {
	t.Helper()
	_, err := rig.InTime(all...)
	require.NoError(t, err)
}
