//go:build explore

package pool

import (
	"testing"
	"time"

	"github.com/heist-go/heist/internal/clock"
	"github.com/heist-go/heist/internal/explore"
	"github.com/heist-go/heist/task"
)

// rig is a pool whose workers are threads of the explorer. They run the pool's
// own code, but for the loop itself (see life), and for what a control breaks.
type rig struct {
	*Pool
	x        *explore.X
	way      way
	jobs     []*job
	submit   func(*job)     // starts a job from outside
	left     explore.Int64  // jobs that have not ended
	launched []explore.Bool // workers that have a thread
	naps     []int          // how often each worker parks with a deadline
	alarms   []task.Alarm   // for that
	audited  bool           // somebody has settled
	closes   bool           // a closer ends the pool; else the last job does
}

// way is the code under test: the pool's own, or copies with one line wrong.
type way struct {
	submit       func(*Pool, task.Batch)
	admit        func(*Pool, int) bool
	found        func(*Pool, *worker) // after a search that was successful
	rest         func(*worker)
	exits        func(*worker) bool
	sooner       func(*Pool, int)
	report       func(*worker)
	startClosing func(*Pool)
	tryFinish    func(*Pool)
	push         func(*worker, *task.Frame)
}

var sound = way{
	admit: func(p *Pool, n int) bool { return (*seam)(p).Admit(n) },
	submit: func(p *Pool, b task.Batch) { // Submit, but for its random choice
		i := max(p.parking.lowest(), 0)
		p.workers[i].inbox.Put(b)
		p.notifyFor(i)
	},
	found: func(p *Pool, w *worker) {
		if p.parking.found(w.id) {
			p.notify()
		}
	},
	rest:         (*worker).rest,
	exits:        (*worker).exits,
	sooner:       func(p *Pool, i int) { (*seam)(p).Sooner(i) },
	report:       (*worker).report,
	startClosing: (*Pool).startClosing,
	tryFinish:    (*Pool).tryFinish,
	push:         (*worker).Push,
}

// with returns the way with a change.
func (y way) with(change func(*way)) way {
	change(&y)
	return y
}

// copied is rest in parts, so that a control can replace one of them.
type copied struct {
	report func(*worker)
	stay   func(w *worker, look bool) bool   // whether to park
	again  func(p *parking, worker int) bool // if not: whether it goes on as a searcher
	park   func(w *worker)
	back   func(w *worker, unparked bool) bool // whether it comes back as a searcher
}

func (c copied) rest(w *worker) {
	w.runner.Rest()
	c.report(w)
	p := &w.pool.parking
	if !c.stay(w, p.beginPark(w.id, w.searching)) {
		w.searching = c.again(p, w.id)
		return
	}
	unparked := true
	if w.runner.NextDeadline() == never {
		c.park(w)
	} else {
		unparked = w.parker.ParkUntil(1)
	}
	w.searching = c.back(w, unparked)
	w.expire(clock.Now())
	w.due = w.tick + 1
}

// faithful is the copy without a mistake.
var faithful = copied{
	report: (*worker).report,
	stay:   func(w *worker, look bool) bool { return !(look && w.pool.anyWork() || w.called()) },
	again:  func(p *parking, worker int) bool { return p.claim(worker) || true },
	park:   (*worker).park,
	back:   func(w *worker, _ bool) bool { return w.pool.parking.endPark(w.id) },
}

// job is a task that ends in its first poll, unless do says otherwise.
type job struct {
	task.Frame
	r       *rig
	do      func(*task.Cx) error
	started bool // Go has returned
	owed    bool // the pool cannot end before it
	polled  bool
	ends    int
	refused int
}

func (j *job) Poll(cx *task.Cx) error {
	j.polled = true
	if j.do == nil {
		return nil
	}
	return j.do(cx)
}

func (j *job) Finish(err error) {
	if err == ErrClosed { // itself: a cancellation has it as its cause
		j.refused++
		return
	}
	j.ends++
	if j.r.left.Add(-1) == 0 && !j.r.closes {
		j.r.stopped.Store(true)
		j.r.unparkAll()
	}
}

// door is the pool as its tasks see it.
type door struct{ r *rig }

func (d door) Admit(n int) bool    { return d.r.way.admit(d.r.Pool, n) }
func (d door) Submit(b task.Batch) { d.r.way.submit(d.r.Pool, b) }
func (d door) Sooner(i int)        { d.r.way.sooner(d.r.Pool, i) }

// desk is a worker as its tasks see it.
type desk struct {
	*worker
	r *rig
}

func (d desk) Push(f *task.Frame) { d.r.way.push(d.worker, f) }

// newRig returns a pool with so many workers, none of which has a thread yet,
// and so many jobs.
func newRig(x *explore.X, y way, workers, jobs int) *rig {
	return newRigOf(x, y, Config{Workers: workers, Procs: -1, Samples: -1, StallLimit: -1}, jobs)
}

func newRigOf(x *explore.X, y way, c Config, jobs int) *rig {
	p, err := New(c)
	x.Assert(err == nil, "%v", err)
	n := len(p.workers)
	r := &rig{Pool: p, x: x, way: y, launched: make([]explore.Bool, n), naps: make([]int, n), alarms: make([]task.Alarm, n)}
	r.submit = func(j *job) { r.Go(j); j.owed = true }
	var runners []*task.Runner
	for _, w := range p.everybody() {
		runners = append(runners, &w.runner)
	}
	task.Open(p.runtime.Context(), &p.runtime, door{r}, runners...)
	for len(p.everybody()) < n {
		p.add()
	}
	for i, w := range p.workers {
		w.rng.Seed(1, uint64(i)) // a model must be deterministic
		w.runner.Init(desk{w, r})
	}
	p.start = func(w *worker) {
		x.Assert(!r.over(), "a thread starts when the pool is over")
		r.launched[w.id].Store(true)
	}
	for range jobs {
		r.jobs = append(r.jobs, &job{r: r})
	}
	r.left.Store(int64(jobs))
	for i, w := range p.workers {
		x.Go("worker "+string(rune('0'+i)), func() {
			for again := true; again; {
				explore.Wait(&r.launched[i], func() bool {
					return r.launched[i].Peek() || r.over() || !r.closes && r.stopped.Peek()
				})
				if again = r.launched[i].Peek(); again {
					again = r.life(w)
					r.threadEnded()
				}
			}
		})
	}
	x.Final(r.check)
	return r
}

// asleep gives the first n workers their threads, which sleep.
func (r *rig) asleep(n int) {
	for i, w := range r.workers[:n] {
		w.started.Store(true)
		r.started.Add(1)
		r.threads.Add(1)
		r.launched[i].Store(true)
		w.tick = 1 // not its first
	}
}

// spawn starts a job from within a poll.
func (r *rig) spawn(cx *task.Cx, j *job) {
	cx.Go(j)
	j.started, j.owed = true, true
}

// over reports whether the pool has ended. It is no step.
func (r *rig) over() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// life is (*worker).run, without what depends on the time. It reports whether there may be
// another one, because the worker has retired.
func (r *rig) life(w *worker) (again bool) {
	x := r.x
	if w.tick > 0 { // asleep
		if r.naps[w.id] > 0 {
			r.naps[w.id]--
			w.parker.ParkUntil(1)
		} else {
			w.parker.Park()
		}
		w.searching = r.parking.endPark(w.id)
	}
	for {
		// Polls are long, as far as the worker knows: it shares what it can.
		w.pace = pace{tick: w.tick, mean: 1e9, every: minEvery}
		f, inherit := w.find()
		if f == nil {
			if r.stopped.Load() {
				break
			}
			x.Assert(w.lifo.Peek() == nil, "worker %d goes to rest with a frame in its LIFO slot", w.id)
			r.nap(w)
			if w.retired.Peek() { // or it is not asked: that would be a step
				r.launched[w.id].Store(false)
				if r.way.exits(w) {
					return true
				}
				r.launched[w.id].Store(true)
			}
			r.way.rest(w)
			continue
		}
		if w.searching {
			w.searching = false
			r.way.found(r.Pool, w)
		}
		w.runner.Step(f, inherit)
		if w.publishing {
			r.way.report(w)
		}
	}
	for i, j := range r.jobs {
		x.Assert(!j.owed && !j.polled || j.ends+j.refused == 1, "the pool has stopped, and job %d has not ended", i)
	}
	return false
}

// nap arms a timer as long as the worker has naps left, so that it parks with a
// deadline. Time has no place in a model: it may come whenever, and rings nobody.
func (r *rig) nap(w *worker) {
	a := &r.alarms[w.id]
	if r.naps[w.id] == 0 {
		a.Disarm(&r.runtime)
		return
	}
	r.naps[w.id]--
	a.ArmIn(&w.runner, clock.Now()+int64(time.Hour), mute{}, 0)
}

// A mute alarm tells nobody: it still rings when the pool ends.
type mute struct{}

func (mute) Notify(uint32) {}

// check is what holds in the end.
func (r *rig) check() {
	for i, j := range r.jobs {
		if n := j.ends + j.refused; n == 0 && !j.started {
			continue // whoever was to start it was refused
		}
		r.x.Assert(j.ends+j.refused == 1, "job %d has ended %d times and was refused %d times", i, j.ends, j.refused)
	}
	searching := 0
	for i, w := range r.workers {
		word, bit := r.parking.word(i)
		r.x.Assert(!r.launched[i].Peek() || word.Peek()&bit == 0, "worker %d has ended and counts as idle", i)
		r.x.Assert(w.lifo.Peek() == nil && w.deque.Len() == 0 && w.inbox.Empty(), "worker %d has left a frame", i)
		if w.searching && r.launched[i].Peek() || !r.launched[i].Peek() && word.Peek()&bit == 0 { // or claimed too late to start
			searching++
		}
	}
	if r.threads.Peek() == 0 && !r.closes {
		n := r.Stats().Searching
		r.x.Assert(n == searching, "%d workers count as searching, and %d do", n, searching)
	}
}

// random is so many random schedules, or a tenth of them in short runs.
func random(n int) explore.Options {
	if testing.Short() {
		n /= 10
	}
	return explore.Options{Random: n, Seed: 1}
}
