package pool

import "github.com/heist-go/heist/task"

// A pool has as many spare workers as workers. They have no thread, and their
// idle bits are set like everybody's, but they are off duty: pick does not choose
// them. When all workers are stuck in long polls the guard hires a spare, and
// dismisses it later.
//
// A spare that is dismissed while it is awake gives away what it has, and becomes
// idle; then it is as it was. On the way there it keeps to the rules of parking,
// with one change to P3: if it finds something at its second look it does not come
// back, but has another worker woken in its place. Its timers stay with it: it
// wakes for them, and gives away what they make runnable.

// crew returns the workers, and those spares that have taken part at least once.
func (p *Pool) crew() []*worker { return p.workers[:p.size.Load()] }

// hire lets spare i take part.
func (p *Pool) hire(i int) {
	if n := int64(i + 1); p.size.Load() < n {
		p.size.Store(n) // by the guard only
	}
	w := p.workers[i]
	w.dismissed.Store(false)
	p.parking.call(i)
	if p.parking.rouse(i) {
		p.wake(w)
	}
}

// dismiss sends spare i away.
func (p *Pool) dismiss(i int) {
	p.parking.excuse(i)
	// Hint. The worker sees it sooner or later.
	p.workers[i].dismissed.Store(true)
}

// handOver gives away what the dismissed worker has.
func (w *worker) handOver() {
	var b task.Batch
	if f := w.lifo.Swap(nil); f != nil {
		b.Add(f)
	}
	for f := w.deque.Take(); f != nil; f = w.deque.Take() {
		b.Add(f)
	}
	w.inbox.Take(b.Add)
	if b.N > 0 {
		(*intake)(w.pool).Submit(b)
	}
}
