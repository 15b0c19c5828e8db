package pool

import (
	"math/rand/v2"

	"github.com/heist-go/heist/internal/clock"
	"github.com/heist-go/heist/internal/delay"
	"github.com/heist-go/heist/task"
)

// Submission: how frames from outside get into an inbox, and who is unparked for them. The argument that
// none is lost stands in parking.go; these are its steps S1 to S3.

// delays are where threads are delayed in builds that check, if that is asked for. All pools share them.
var delays struct {
	put, notified              delay.Point // of a submitter: before it unparks a worker, and after
	drain, step, stepped, rest delay.Point // of a worker
}

// Admit implements task.Scheduler.
func (s *seam) Admit(n int) bool {
	p := (*Pool)(s)
	// Store-load: count first, look second. A goroutine that closes the pool does it the
	// other way round: either it sees the count, or we see that it closes.
	// Pairs with: (*Pool).tryFinish, (*Pool).Close, (*Pool).Shutdown.
	p.admitted.Add(int64(n))
	if !p.closing.Load() {
		return true
	}
	p.admitted.Add(int64(-n)) // Hint. Too high a count only postpones the end.
	p.tryFinish()             // the count may have held it up
	return false
}

// Submit implements task.Scheduler. The frames go into the inbox of the worker that
// is unparked for them; if none is parked, into that of a random one.
func (s *seam) Submit(b task.Batch) {
	p := (*Pool)(s)
	i := p.parking.lowest()
	if i < 0 || i >= p.config.Workers { // spares have nothing that others do not look for
		i = rand.IntN(p.config.Workers)
	}
	w := p.workers[i]
	if w.wants.Load() {
		w.wants.Store(false) // Hint. The worker asks again.
		w.stamp.PutOn(b, clock.Now())
	}
	p.put(i, b)
}

// put queues frames in the inbox of worker i.
func (p *Pool) put(i int, b task.Batch) {
	p.workers[i].inbox.Put(b)
	delays.put.Pass()
	p.notifyFor(i)
	delays.notified.Pass()
}

// Place implements task.Placer.
func (s *seam) Place(f *task.Frame, from, to int) bool {
	p := (*Pool)(s)
	if to < 0 || to >= p.config.Workers {
		return false
	}
	if w := p.workers[from]; w.publishing {
		w.publish() // the spawn before anybody can see its end
	}
	var b task.Batch
	b.Add(f)
	p.put(to, b)
	return true
}

// Sooner implements task.Scheduler: another thread has armed an alarm.
func (s *seam) Sooner(i int) {
	p := (*Pool)(s)
	w := p.workers[i]
	// Store-load: the caller has armed the alarm before. Pairs with: (*worker).park.
	if p.parking.claim(i) {
		p.unparkOrStart(w)
	} else if w.departed.Load() {
		p.watchTimers(w)
	}
}

// notify unparks a worker if one has to be unparked for work that was just queued.
func (p *Pool) notify() { p.notifyFor(-1) }

// notifyFor is notify for frames in worker i's inbox: that worker goes first.
func (p *Pool) notifyFor(i int) {
	if i := p.parking.claimFor(i); i >= 0 {
		p.unparkOrStart(p.workers[i])
	}
}

// unparkOrStart unparks a worker that was claimed, or starts its thread.
func (p *Pool) unparkOrStart(w *worker) {
	// Claim. The start of the thread. Pairs with: (*worker).exits.
	if w.started.Load() || !w.started.CompareAndSwap(false, true) {
		p.unpark(w)
		return
	}
	// Store-load: count first, look second. The pool stops first, and then looks
	// at the count: so either it waits for this thread, or the thread is not
	// started. (What w was claimed for may have ended long ago: its submitter can
	// be this late.)
	// Pairs with: (*Pool).tryFinish.
	p.threads.Add(1)
	if p.stopped.Load() {
		p.threadEnded()
		return
	}
	p.started.Add(1) // Hint. Until the worker acknowledges, tryFinish finds nothing out.
	w.searching = true
	p.start(w)
}

// unpark unparks a worker, wherever it sleeps: on its Parker, or in the poll of a reactor.
func (p *Pool) unpark(w *worker) {
	w.parker.Unpark()
	for i := range p.batons {
		b := &p.batons[i]
		b.interrupt(int64(1+w.id), func() { b.reactor.Load().Interrupt() })
	}
}

// anyWork looks at all queues, for a worker that is about to park.
func (p *Pool) anyWork() bool { return p.anyFrame() || p.anyJob() }

func (p *Pool) anyFrame() bool {
	for _, w := range p.active() {
		if w.deque.Len() > 0 || !w.inbox.Empty() {
			return true
		}
	}
	return false
}
