package task_test

import (
	"context"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/task"
)

// exits reports whether f ends its goroutine instead of returning.
func exits(f func()) bool {
	returned := false
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
		returned = true
	}()
	<-done
	return !returned
}

func goexit(*recorder, *task.Cx) error {
	runtime.Goexit()
	return nil
}

// The goroutine that runs the tasks ends, as the caller of Goexit wants, but the
// other tasks come first.
func TestGoexit(t *testing.T) {
	quitter, sibling := &recorder{poll: goexit}, &recorder{poll: does(rounds(3))}
	g := task.Group{Failed: forget}
	var after bool
	require.True(t, exits(func() {
		_ = runSteps(start(&g, quitter, sibling), g.Wait, once(func(*task.Cx) { after = true }))
	}))
	require.Equal(t, []error{task.ErrGoexit}, quitter.finished)
	require.Equal(t, []error{nil}, sibling.finished)
	require.True(t, after)
}

func TestGoexitOfTheOnlyTask(t *testing.T) {
	quitter := &recorder{poll: goexit}
	require.True(t, exits(func() { _ = task.Run(background, quitter) }))
	require.Equal(t, task.ErrGoexit, quitter.Err())
	require.Len(t, quitter.finished, 1)
}

func TestGoexitAgainAndAgain(t *testing.T) {
	var quitters []task.Task
	var all []*recorder
	for range 10 {
		r := &recorder{poll: goexit}
		quitters, all = append(quitters, r), append(all, r)
	}
	g := task.Group{Failed: forget}
	require.True(t, exits(func() { _ = runSteps(start(&g, quitters...), g.Wait) }))
	for _, r := range all {
		require.Equal(t, []error{task.ErrGoexit}, r.finished)
	}
}

// An error as any other: it cancels the siblings.
func TestGoexitCancelsTheSiblings(t *testing.T) {
	sibling := &recorder{poll: suspended}
	var g task.Group
	require.True(t, exits(func() {
		_ = runSteps(start(&g, sibling), rounds(1), start(&g, &recorder{poll: goexit}), g.Wait)
	}))
	require.Equal(t, task.ErrGoexit, g.Err())
	require.ErrorIs(t, sibling.finished[0], task.ErrGoexit)
}

func TestGoexitInFinish(t *testing.T) {
	q := &quitsInFinish{}
	g := task.Group{Failed: forget}
	sibling := &recorder{poll: does(rounds(3))}
	require.True(t, exits(func() { _ = runSteps(start(&g, q, sibling), g.Wait) }))
	require.Equal(t, 1, q.finished)
	require.Equal(t, task.ErrGoexit, q.Err())
	require.Equal(t, []error{nil}, sibling.finished)
}

type quitsInFinish struct {
	task.Frame
	finished int
}

func (q *quitsInFinish) Poll(*task.Cx) error { return nil }

func (q *quitsInFinish) Finish(error) {
	q.finished++
	runtime.Goexit()
}

// FailNow, from a task of a test that uses Run.
func TestFailNow(t *testing.T) {
	var failed testing.T
	child := &recorder{poll: suspended}
	var g task.Group
	require.True(t, exits(func() {
		_ = runSteps(start(&g, child), rounds(1), once(func(*task.Cx) { require.Fail(&failed, "as intended") }))
	}))
	require.True(t, failed.Failed())
	require.ErrorIs(t, child.finished[0], task.ErrCanceled)
}

// A goroutine may go on with tasks after one of its runs has panicked.
func TestRunAfterAPanic(t *testing.T) {
	for range 3 {
		require.Equal(t, "oh", panicOf(t, func() { _ = run(func(*task.Cx) error { return oops("oh") }) }).Value)
	}
	require.NoError(t, run(func(*task.Cx) error { return nil }))
	var g task.Group
	require.NoError(t, g.WaitContext(context.Background()), "the goroutine polls nothing any more")
}
