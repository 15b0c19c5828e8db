package pool

import "github.com/heist-go/heist/task"

// How a pool ends.
//
// It is over when as many tasks are finished as were spawned. Each worker counts
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
//	C3  stopped is set, everybody is woken, and returns.
//
// A worker whose thread is started later acknowledges before it polls.

// abort cancels all tasks.
func (p *Pool) abort(cause error) {
	p.CancelAll(cause)
	p.cancel(cause)
}

// finish gets the closing pool to its end: C1.
func (p *Pool) finish() {
	p.rouseAll()
	p.settle()
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
		w.pool.acks.Add(1)
	}
	w.pool.settle()
}

// called reports whether the end of the pool wants the worker's attention. Every
// worker asks after it has set its idle bit: rouseAll wakes those whose bit it
// sees, and no searcher stands in for the others.
func (w *worker) called() bool {
	return w.pool.stopped.Load() || w.pool.closing.Load() && !w.publishing
}

// settle ends the pool if it is closing and no task is left: C2.
func (p *Pool) settle() {
	if !p.closing.Load() || p.stopped.Load() || p.acks.Load() != p.started.Load() {
		return
	}
	var ends, spawns int64
	for _, w := range p.workers {
		ends += int64(w.public[finished].Load())
	}
	// Store-load: what is finished before what is spawned.
	// Pairs with: (*intake).Admit, (*worker).publish.
	for _, w := range p.workers {
		spawns += int64(w.public[spawned].Load())
	}
	if ends != spawns+p.admitted.Load() {
		return
	}
	if p.stopped.CompareAndSwap(false, true) {
		p.rouseAll()
		if p.guard.started.Load() {
			close(p.guard.over)
			p.guard.parker.Unpark()
		}
		// Store-load: stopped first, the count second.
		// Pairs with: (*Pool).wake.
		if p.threads.Load() == 0 {
			p.over()
		}
	}
}

// rouseAll wakes all idle workers that have a thread.
func (p *Pool) rouseAll() {
	for i, w := range p.workers {
		if w.started.Load() && p.parking.rouse(i) {
			p.unpark(w)
		}
	}
}

// ended is the last thing that a thread does.
func (p *Pool) ended() {
	if p.threads.Add(-1) == 0 {
		p.over()
	}
}

// over lets those return who wait for the end.
func (p *Pool) over() {
	if !p.ending.CompareAndSwap(false, true) {
		return
	}
	p.closeReactor()
	p.procs.give()
	task.ReleaseClock(&p.home)
	p.cancel(errPoolDone)
	close(p.done)
}
