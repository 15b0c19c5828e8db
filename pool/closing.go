package pool

import (
	"context"
	"errors"
	"fmt"

	"github.com/heist-go/heist/task"
)

// How a pool ends.
//
//	closing --> every worker acknowledges --> sums are equal --> stopped --> threads end --> done
//
// A pool is over when as many tasks are finished as were spawned. Each worker counts
// its own, in plain fields that it publishes now and then; for the end every
// count has to be published at once:
//
//	C1  closing is set. Nothing is admitted from outside any more, and every
//	    worker that runs acknowledges: from now on it publishes a spawn before it
//	    queues the frame, and an end right after the poll.
//	C2  When all started workers have acknowledged, whoever changes a count sums
//	    up: first what is finished, then what was spawned. Neither sum ever
//	    shrinks, and no task is finished before it is spawned. So if the sums are
//	    equal there was a moment in between when no task was alive, and only a
//	    task could have spawned another. (An admission that is refused counts for
//	    a moment. That can only postpone the end, for which whoever takes it back
//	    looks again.)
//	C3  stopped is set, everybody is unparked, and returns.
//
// A worker whose thread is started later acknowledges before it polls.
//
// # Order
//
// Each step writes first and looks then (Store-load): whoever admits counts, and looks at closing; a thread that
// starts counts, and looks at stopped. So the closer sees the count, or the other one sees the closer.
//
// # Price
//
// Nothing while the pool is open, but a look at closing at each report of a worker.

// Close cancels all tasks, waits until they have ended, and ends the threads. It
// is idempotent. It returns when nothing of the pool is left.
func (p *Pool) Close() error {
	task.MustNotPoll("pool: Close inside a task would wait for that task: close the pool from a goroutine")
	task.MustNotHelp(&p.runtime, "pool: Close inside a Blocking function, or a goroutine of a group, would wait for itself: close the pool from another goroutine")
	// Store-load: C1, before the looks at all counts. Pairs with: (*seam).Admit, (*worker).called.
	p.closing.Store(true)
	p.abort(ErrClosed)
	p.startClosing()
	p.wait()
	return nil
}

// wait blocks until nothing of the pool is left.
func (p *Pool) wait() {
	<-p.done
	p.monitor.stalls.writes.Wait()
}

// Shutdown ends the pool softly: it takes no more tasks from outside, tells those
// that it has to come to an end ([task.Cx.Draining]), and waits for them. When ctx
// is done it cancels what is left, waits for that, and returns an error that
// wraps ctx's cause. When it returns nothing of the pool is left.
func (p *Pool) Shutdown(ctx context.Context) error {
	task.MustNotPoll("pool: Shutdown inside a task would wait for that task: shut the pool down from a goroutine")
	task.MustNotHelp(&p.runtime, "pool: Shutdown inside a Blocking function, or a goroutine of a group, would wait for itself: shut the pool down from another goroutine")
	if _, limited := ctx.Deadline(); limited {
		p.bounded.Store(true) // Hint. A dump is as late.
	}
	// Store-load: C1, before the looks at all counts. Pairs with: (*seam).Admit, (*worker).called.
	p.closing.Store(true)
	p.runtime.Drain()
	p.startClosing()
	defer p.wait()
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		select {
		case <-p.done: // both: nothing is left to cancel
			return nil
		default:
		}
		err := fmt.Errorf("pool: shutdown: %w", context.Cause(ctx))
		p.abort(err)
		return err
	}
}

var errPoolDone = errors.New("pool: the pool has ended")

// abort cancels all tasks.
func (p *Pool) abort(cause error) {
	p.runtime.CancelAll(cause)
	p.cancel(cause)
}

// startClosing gets the closing pool to its end: C1.
func (p *Pool) startClosing() {
	p.unparkAll()
	p.tryFinish()
}

// report publishes the worker's counts. If the pool is closing it acknowledges
// that, and looks whether this was the end.
func (w *worker) report() {
	w.publish()
	if !w.pool.closing.Load() {
		return
	}
	if !w.publishing {
		w.publishing = true
		w.publish()
		// Publish. All counts of the worker (C2). Pairs with: (*Pool).tryFinish.
		w.pool.acks.Add(1)
	}
	w.pool.tryFinish()
}

// called reports whether the end of the pool wants the worker's attention. Every
// worker asks after it has set its bit: unparkAll unparks those whose bit it
// sees, and no searcher stands in for the others.
func (w *worker) called() bool {
	// Pairs with: (*Pool).tryFinish, (*Pool).Close, (*Pool).Shutdown.
	return w.pool.stopped.Load() || w.pool.closing.Load() && !w.publishing
}

// tryFinish ends the pool if it is closing and no task is left: C2.
func (p *Pool) tryFinish() {
	if !p.closing.Load() || p.stopped.Load() || p.acks.Load() != p.started.Load() {
		return
	}
	var ends, spawns int64
	for _, w := range p.everybody() {
		ends += int64(w.public[finished].Load())
	}
	// Store-load: what is finished before what is spawned.
	// Pairs with: (*seam).Admit, (*worker).publish, (*worker).report.
	for _, w := range p.everybody() {
		spawns += int64(w.public[spawned].Load())
	}
	if ends != spawns+p.admitted.Load() {
		return
	}
	// Claim. The end (C3). Store-load: before the looks at parked bits and threads.
	// Pairs with: (*worker).called, (*Pool).unparkOrStart.
	if p.stopped.CompareAndSwap(false, true) {
		p.unparkAll()
		if p.monitor.started.Load() { // Pairs with: New.
			close(p.monitor.done)
			p.monitor.parker.Unpark()
		}
		// Store-load: stopped first, the count second.
		// Pairs with: (*Pool).unparkOrStart, (*Pool).threadEnded.
		if p.threads.Load() == 0 {
			p.finish()
		}
	}
}

// unparkAll unparks all parked workers that have a thread.
func (p *Pool) unparkAll() {
	for i, w := range p.everybody() {
		if w.started.Load() && p.parking.claim(i) {
			p.unpark(w)
		}
	}
}

// threadEnded is the last thing that a thread does.
func (p *Pool) threadEnded() {
	// Store-load: the last one sees that the pool has stopped, or tryFinish sees no thread.
	// Pairs with: (*Pool).tryFinish.
	if p.threads.Add(-1) == 0 {
		p.finish()
	}
}

// finish lets those return who wait for the end.
func (p *Pool) finish() {
	// Claim. The last steps. Pairs with: (*Pool).finish.
	if !p.finishing.CompareAndSwap(false, true) {
		return
	}
	p.closeReactor()
	p.procs.give()
	task.Close(&p.runtime)
	p.cancel(errPoolDone)
	close(p.done)
}
