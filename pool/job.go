package pool

import (
	"context"
	"runtime/trace"

	"github.com/heist-go/heist/internal/clock"
	"github.com/heist-go/heist/pool/fork"
	"github.com/heist-go/heist/task"
)

// Job is a computation that a task awaits while its worker polls others: for what takes
// longer than a poll should. Keep it in the task.
//
//	func (t *report) Poll(cx *task.Cx) error {
//		sum, err := t.job.Do(cx, func(s pool.Scope) int { return par.Sum(s, t.numbers) })
//		if err != nil {
//			return err
//		}
//		...
//	}
//
// A worker computes it, as a task of its own, and idle workers take parts of it. At most as
// many threads compute as the pool has workers, in jobs, parts and calls together, and somebody
// is always there for tasks meanwhile. Jobs beyond that wait for their turn, first come, first
// served, as far as their [Limiter] lets them.
type Job[R any] struct {
	// Limiter bounds how many compute, and wait. nil: nothing but the pool does.
	Limiter *Limiter
	// Drop is called with a result that nobody is there for any more: see [task.Blocking].
	Drop func(R)

	offload task.Offload[R]
}

// Do computes f, and returns Pending until it is done. Called again after that it begins
// another computation. If the task is canceled, so is the computation: one that waits for its turn is
// withdrawn, one that has begun may ask [fork.Scope.Err], and is waited for before the task ends.
// It raises f's panic as a *task.PanicError. If too many of its limiter wait, it returns
// task.ErrLimit. It does not block.
//
// A computation that is abandoned (see [task.Operation]) is canceled, its result goes to Drop,
// and the next one begins when it has ended.
func (j *Job[R]) Do(cx *task.Cx, f func(Scope) R) (R, error) { return j.do(cx, f, false) }

// Try is [Job.Do], but returns task.ErrLimit instead of waiting for a turn. A call that follows
// Pending goes on with what was begun, whichever of the two it is.
func (j *Job[R]) Try(cx *task.Cx, f func(Scope) R) (R, error) { return j.do(cx, f, true) }

func (j *Job[R]) do(cx *task.Cx, f func(Scope) R, try bool) (R, error) {
	j.offload.Drop = j.Drop
	r, err := j.offload.Do(cx, func(cx *task.Cx, slot *task.Slot[R]) task.Remote {
		c := &computation[R]{limiter: j.Limiter, try: try, f: f, slot: slot, owner: cx.Cancellation()}
		c.jobs, c.pool = jobsOf(cx), poolOf(cx)
		if c.pool != nil && (c.pool.config.Labels || trace.IsEnabled()) {
			f, _ := cx.Self().Life()
			c.context, c.group = task.ValuesOf(f)
		}
		task.DetachNext(cx, c)
		return c
	})
	if err != nil {
		return r, err
	}
	if err := cx.Err(); err != nil { // it may have been cut short
		task.Discard(r, j.Drop)
		return *new(R), err
	}
	return r, nil
}

// computation is the task of a Job: it takes a turn, and computes.
type computation[R any] struct {
	task.Frame
	turn
	jobs    *jobs // nil: of a scheduler without a team; it computes at once
	pool    *Pool // nil: another scheduler's
	limiter *Limiter
	try     bool
	f       func(Scope) R
	slot    *task.Slot[R]
	owner   task.Cancellation
	begun   bool
	ended   bool // f has, and that is its result:
	r       R
	err     error
	there   bool // in the slot

	context context.Context // see valuesOf; nil unless somebody looks
	group   *task.Group
}

func (c *computation[R]) values() (context.Context, *task.Group) { return c.context, c.group }

func (c *computation[R]) Poll(cx *task.Cx) error {
	q := c.jobs
	if q == nil {
		c.run(cx)
		c.put(cx, nil)
		return nil
	}
	if !c.begun {
		c.begun, c.waker = true, cx.Self()
		if err := q.put(&c.turn, c.limiter, c.try); err != nil {
			return err
		}
	}
	if c.stage.Load() != granted { // Pairs with: (*jobs).enter.
		if err := cx.Err(); err != nil && (c.stage.Load() != waits || q.withdraw(&c.turn, canceled)) {
			return err
		}
		if c.stage.Load() != granted {
			return cx.Suspend()
		}
	}
	if err := c.compute(cx, q); err != nil {
		return err
	}
	c.put(cx, nil)
	return nil
}

// Awaits is for [task.Inspect].
func (c *computation[R]) Awaits() (a task.Await) {
	q := c.jobs
	if q == nil || !c.begun {
		return a
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if !c.Queued() {
		return a
	}
	line := &c.lane.queue
	a.Kind, a.Object, a.Line, a.Place = task.AwaitsTurn, c.lane, line.Len(), line.Place(&c.turn)
	return a
}

// compute runs f, unless the task is canceled, and ends the turn: before the result is there,
// since who has it may ask for the next one.
func (c *computation[R]) compute(cx *task.Cx, q *jobs) error {
	defer q.end(&c.turn, cx)
	if err := cx.Err(); err != nil {
		return err
	}
	c.run(cx)
	return nil
}

// run runs f. Its worker departs first: it is known beforehand that f takes long.
func (c *computation[R]) run(cx *task.Cx) {
	defer func() {
		if p := recover(); p != nil {
			c.ended, c.err = true, task.Recovered("a computation", p)
		}
	}()
	var w *worker
	if c.pool != nil {
		w = c.pool.workers[cx.Worker()]
		w.participant.Depart()
	}
	c.r = fork.Run(fork.Origin{Cx: cx, Terms: &fork.Terms{Owner: c.owner, Counted: c.jobs != nil}}, c.f)
	c.ended = true
	if w != nil {
		w.pace.begin(clock.Now()) // it was no poll like others
	}
}

// put puts the result where the Job finds it: f's, if it has ended, or else err.
func (c *computation[R]) put(cx *task.Cx, err error) {
	if c.there {
		return
	}
	c.there = true
	if c.ended {
		err = c.err
	}
	c.slot.PutFrom(cx, c.r, err)
}

// Finish puts the error there of one that has not computed: it was canceled, or refused, or f
// has called runtime.Goexit.
func (c *computation[R]) Finish(err error) {
	if c.stage.Load() != withdrawn {
		c.put(nil, err)
	}
}

// Cancel is of [task.Remote].
func (c *computation[R]) Cancel(cause error) bool {
	taken := c.jobs != nil && c.jobs.withdraw(&c.turn, withdrawn)
	c.Frame.Cancel(cause)
	return taken
}
