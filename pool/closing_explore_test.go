//go:build explore

package pool

import (
	"testing"

	"github.com/heist-go/heist/internal/explore"
	"github.com/heist-go/heist/task"
)

// ending is a pool that is closed while jobs are submitted.
type ending struct {
	scenario
	closers []func(*rig) // what each closer does before it waits
	limited bool         // the jobs are members of a group with a limit of 1
}

func (e ending) model(y way) func(*explore.X) {
	return func(x *explore.X) {
		r := e.set(newRig(x, y, e.workers, e.jobs))
		r.closes = true
		for _, closer := range e.closers {
			x.Go("closer", func() {
				r.closing.Store(true)
				closer(r)
				y.finish(r.Pool)
				explore.Wait(&r.threads, r.over)
				x.Assert(r.threads.Peek() == 0, "over, with %d threads", r.threads.Peek())
			})
		}
		if e.limited {
			g := new(task.Group)
			g.SetLimit(1)
			g.Failed = func(task.Task, error) error { return nil } // go on
			r.submit = func(j *job) { g.Go(r, j) }
		}
	}
}

// What Close and Shutdown do between setting closing and finish.
func abort(r *rig) { r.abort(ErrClosed) }
func drain(r *rig) { r.Drain() }
func quiet(*rig)   {} // either, when no task waits

var (
	unused     = ending{scenario{"a pool that was never used", 2, 0, nil, 0, nil, 0, 0, 0}, []func(*rig){quiet}, false}
	refused    = ending{scenario{"one worker, one submitter", 1, 0, submit1, 1, nil, 0, 0, 0}, []func(*rig){quiet}, false}
	idle       = ending{scenario{"two idle workers", 2, 2, nil, 0, nil, 0, 0, 40_000}, []func(*rig){quiet}, false}
	submission = ending{scenario{"two workers, two submitters", 2, 1, submit1x2, 2, nil, 0, 0, 40_000}, []func(*rig){quiet}, false}
	spawning   = ending{scenario{"a job starts two", 2, 2, submit1, 3, spawn, 0, 0, 40_000}, []func(*rig){quiet}, false}
	limited    = ending{scenario{"a group with a limit", 2, 2, submit2, 2, nil, 0, 0, 40_000}, []func(*rig){quiet}, true}
	lazy       = ending{scenario{"two workers without threads", 2, 0, submit1x2, 2, nil, 0, 0, 40_000}, []func(*rig){quiet}, false}
)

var endings = []ending{
	unused,
	{scenario{"closed twice, never used", 2, 0, nil, 0, nil, 0, 2, 0}, []func(*rig){abort, drain}, false},
	refused,
	idle,
	submission,
	spawning,
	limited,
	lazy,
	{scenario{"closed", 2, 1, submit1x2, 2, nil, 0, 0, 20_000}, []func(*rig){abort}, false},
	{scenario{"closed and shut down", 2, 0, submit1x2, 2, nil, 0, 0, 20_000}, []func(*rig){abort, drain}, false},
	{scenario{"workers wake by themselves", 2, 2, submit1x2, 3, spawn2, 2, 0, 20_000}, []func(*rig){quiet}, false},
	{scenario{"three workers", 3, 1, submit2x2, 3, nil, 0, 0, 20_000}, []func(*rig){quiet}, false},
}

// spawn2 makes the first job start the third.
func spawn2(_ *rig, jobs []*job) {
	jobs[0].do = func(cx *task.Cx) error {
		cx.Go(jobs[2])
		jobs[2].accepted = true
		return nil
	}
}

func TestExploreClosing(t *testing.T) {
	for _, e := range endings {
		t.Run(e.name, func(t *testing.T) { explore.Check(t, e.options(), e.model(sound)) })
	}
}
