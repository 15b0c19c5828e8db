package lock_test

import (
	"context"
	"errors"
	"runtime/debug"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/internal/rig"
	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	background = context.Background()
	errBoom    = errors.New("boom")
)

// slow reports that this build checks itself, or that the run is to be short.
func slow() bool { return invariant.Enabled || testing.Short() }

// times returns n, or a tenth of it if this run is slow.
func times(n int) int {
	if slow() {
		return n / 10
	}
	return n
}

// patience is how long a test may take.
const patience = time.Minute

// bounded ends the process, with all stacks, when the test takes too long: a mistake in a
// lock shows as a hang.
func bounded(t testing.TB) {
	hangs := time.AfterFunc(patience, func() {
		debug.SetTraceback("all")
		panic(t.Name() + " hangs")
	})
	t.Cleanup(func() { hangs.Stop() })
}

// until waits for something that nobody announces.
func until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(patience / 2)
	for !holds() {
		select {
		case <-deadline:
			t.Fatal("waits in vain: ", what)
		case <-time.After(50 * time.Microsecond):
		}
	}
}

// lab is a scheduler that works only when it is told to. The test itself is a goroutine
// beside it.
type lab struct {
	*rig.Lab
	t testing.TB
}

func newLab(t testing.TB) *lab { return &lab{rig.NewLab(), t} }

// pass moves the clock by d, in the steps at which something happens, and lets the tasks
// do what they do then.
func (l *lab) pass(d time.Duration) {
	l.Work()
	end := l.Clock.Now().Add(d)
	for {
		next, ok := l.Clock.Next()
		if !ok || l.Clock.Now().Add(next).After(end) {
			break
		}
		l.Clock.Advance(next)
		l.Work()
	}
	l.Clock.Advance(end.Sub(l.Clock.Now()))
	l.Work()
}

type step = func(*task.Cx) error

// actor is a task of some steps, each until it is not Pending.
type actor struct {
	task.Frame
	seq   task.Seq
	steps []step
	polls int
	ends  int
	err   error
}

func act(steps ...step) *actor { return &actor{steps: steps} }

func (a *actor) Poll(cx *task.Cx) error {
	a.polls++
	return a.seq.Run(cx, a.steps...)
}

func (a *actor) Finish(err error) {
	a.ends++
	a.err = err
}

// begin starts a task of the steps, and works.
func (l *lab) begin(steps ...step) *actor {
	a := act(steps...)
	l.start(a)
	return a
}

func (l *lab) start(ts ...task.Task) {
	task.DetachAll(l, ts...)
	l.Work()
}

// well fails the test unless the actors have ended with nil.
func (l *lab) well(as ...*actor) {
	l.t.Helper()
	for i, a := range as {
		require.Equal(l.t, 1, a.ends, "actor %d has not ended", i)
		require.NoError(l.t, a.err, "actor %d", i)
	}
}

// wait fails the test unless the actors still wait.
func (l *lab) wait(as ...*actor) {
	l.t.Helper()
	for i, a := range as {
		require.Zero(l.t, a.ends, "actor %d has ended: %v", i, a.err)
	}
}

// cancel cancels the actor, works, and fails the test unless it has ended by that.
func (l *lab) cancel(a *actor) {
	l.t.Helper()
	a.Cancel(errBoom)
	l.Work()
	require.Equal(l.t, 1, a.ends)
	require.ErrorIs(l.t, a.err, task.ErrCanceled)
	require.ErrorIs(l.t, a.err, errBoom)
}

// once makes a step of something that does not wait.
var once = rig.Once

// never is a step that waits until it is canceled.
func never(cx *task.Cx) error {
	if err := cx.Err(); err != nil {
		return err
	}
	cx.Waker()
	return task.Pending
}

// does makes a step of a function that takes the poll, like Unlock.
func does(f func(cx *task.Cx)) step { return once(f) }

// mistake runs f as a task's poll and returns the text of the panic that it ends with.
func mistake(t *testing.T, f func(cx *task.Cx)) (text string) {
	t.Helper()
	defer func() {
		p, ok := recover().(*task.PanicError)
		require.True(t, ok, "no panic")
		text = p.Value.(string)
	}()
	_ = task.Run(background, act(once(f)))
	return ""
}

// inTask runs f as one poll of a task.
func inTask(t *testing.T, f func(cx *task.Cx)) {
	t.Helper()
	require.NoError(t, task.Run(background, act(once(f))))
}

// goes runs f on a goroutine of its own; the function that it returns waits for f's error.
func goes(f func() error) (result func() error) {
	c := make(chan error, 1)
	go func() { c <- f() }()
	return func() error { return <-c }
}

// canceledContext returns a context that is done because of errBoom.
func canceledContext() context.Context {
	ctx, cancel := context.WithCancelCause(background)
	cancel(errBoom)
	return ctx
}

// everywhere runs a program on pools of several sizes.
func everywhere(t *testing.T, program func(t *testing.T, p *pool.Pool)) {
	for name, workers := range map[string]int{"workers=1": 1, "workers=2": 2, "workers=4": 4} {
		t.Run(name, func(t *testing.T) {
			bounded(t)
			program(t, open(t, workers))
		})
	}
}
