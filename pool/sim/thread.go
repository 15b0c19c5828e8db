package sim

import (
	"context"
	"iter"
	"slices"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/task"
)

// thread is a coroutine: a worker, or a goroutine beside them. One runs at a time: it decides at
// each step who is next, and if that is somebody else it hands over by way of the function.
type thread struct {
	s      *Sim
	id     int          // a worker's
	runner *task.Runner // nil: a goroutine
	rec    *rec         // what it is in the middle of, or nil
	todo   *rec         // of a worker: what it is to poll
	f      func()       // of a goroutine
	since  int          // at which step it has stood still
	polls  int
	streak int // polls in a row that came from what the poll before has woken

	ready func() bool // what it waits for, blocked

	resume    func() (struct{}, bool)
	cancel    func()
	yield     func(struct{}) bool
	exited    bool // by runtime.Goexit
	dismissed bool
}

// rec is what is known of a task, or of a goroutine. A run of a million timers has a million, so what
// few need is apart.
type rec struct {
	frame    *task.Frame
	words    *words // or nil
	priority uint64
	ran      int // at which step it has run last, or has become runnable
	number   int
	owner    int // of a runnable task: the worker that has queued it, or -1
	poll     int // of the owner, which has woken it: it may inherit the budget; or -1
}

// words are what a rec is called.
type words struct {
	what  string // of a goroutine
	label string // its name, when somebody has asked
	at    string // the last operation, when a log is written
}

// said returns the words of a rec, to be changed.
func (r *rec) said() *words {
	if r.words == nil {
		r.words = new(words)
	}
	return r.words
}

// begin makes the coroutine.
func (t *thread) begin() {
	t.resume, t.cancel = iter.Pull(func(yield func(struct{}) bool) {
		t.yield = yield
		defer task.Simulated(t.s.coroutines)()
		if t.runner != nil {
			defer task.Polling()()
		}
		returned := false
		defer func() {
			if returned {
				return
			}
			if p := recover(); p != nil {
				if _, ok := p.(halt); !ok {
					panic(p) // of the simulator, or of task
				}
				return
			}
			t.exited = true
			if !t.s.halting {
				t.s.record(goexit)
				t.s.next = nil
				t.yield(struct{}{})
			}
		}()
		if t.runner == nil {
			t.s.protect(t.f)
			t.s.gone(t)
		} else {
			for !t.dismissed && (t.runner.RunRecovering(t.loop) || !t.s.halting) {
			}
		}
		returned = true
	})
}

// end takes the coroutine down.
func (t *thread) end() {
	if t.cancel == nil {
		return
	}
	defer func() { *t = thread{id: t.id} }()
	t.dismissed = true
	if !t.exited {
		t.cancel()
		if !t.exited {
			return
		}
	}
	done := make(chan struct{}) // Goexit ends whoever takes such a coroutine down
	go func() {
		defer close(done)
		t.cancel()
	}()
	<-done
}

// pause hands over, and returns when it is t's turn again.
func (t *thread) pause() {
	if !t.yield(struct{}{}) {
		panic(halt{})
	}
}

// maxStreak is the pool's: so many polls in a row may come from what the last has woken.
const maxStreak = 3

// loop is the life of a worker.
func (t *thread) loop() {
	s := t.s
	for {
		if t.rec != nil && t.todo == nil { // also after a panic
			s.polled(t)
			s.turn(t, false)
		}
		if t.s != s { // another run, and another runner
			return
		}
		if t.todo == nil {
			if !t.yield(struct{}{}) {
				return
			}
			continue
		}
		r := t.todo
		t.todo = nil
		inherit := r.poll == t.polls && r.owner == t.id && t.streak < maxStreak
		if inherit {
			t.streak++
		} else {
			t.streak = 0
		}
		t.polls++
		if r.frame == nil {
			s.assist(t)
			continue
		}
		t.runner.Step(r.frame, inherit)
	}
}

// polled is what follows a poll.
func (s *Sim) polled(t *thread) {
	r := t.rec
	s.collect()
	r.ran = s.steps
	s.busy--
	defer func() { t.rec = nil }()
	if r.frame == nil { // a part of a computation
		s.note(ends, r, nil, 0)
		return
	}
	if task.Alive(r.frame) {
		if s.tracing && !s.ready.has(r) {
			s.note(parks, r, nil, 0)
		}
		return
	}
	s.note(ends, r, nil, 0)
	s.recs.remove(r.frame)
	if r.frame == s.awaited {
		s.arrived = true
	}
}

// gone is the end of a goroutine.
func (s *Sim) gone(t *thread) {
	s.collect()
	s.note(ends, t.rec, nil, 0)
	t.rec = nil
	s.others = slices.DeleteFunc(s.others, func(o *thread) bool { return o == t })
	if s.failure != "" || s.halting {
		s.next = nil
		return
	}
	s.turn(t, false)
}

// drive lets the threads run until nothing can, or what is awaited has ended.
func (s *Sim) drive() {
	s.arrived = false
	for {
		if s.failure != "" {
			panic(halt{})
		}
		if s.arrived || s.until != nil && s.until() {
			return
		}
		if s.next == nil {
			s.turn(nil, false)
		}
		if s.next == nil {
			if s.failure != "" || s.arrived {
				continue
			}
			if s.live() == 0 && len(s.blocked) == 0 {
				return
			}
			if !s.pass() {
				s.fail(s.stuck())
			}
			continue
		}
		t := s.next
		s.next, s.cur = nil, t
		if t.resume == nil {
			t.begin()
		}
		t.resume()
		s.cur = nil
	}
}

// pass moves the clock to the next timer, if there is one.
func (s *Sim) pass() bool {
	d, ok := s.clock.Next()
	if !ok {
		return false
	}
	s.passing = true
	task.Advance(s.clock, d, &s.taskRuntime, (*seam)(s))
	s.passing = false
	s.instant = s.steps
	s.note(passes, nil, nil, int64(d))
	return true
}

// turn ends a step of t, which goes on if it is busy, and decides who is next. If that is not
// t it returns when it is t's turn again. nil is the function.
func (s *Sim) turn(t *thread, busy bool) {
	s.step()
	s.decide(t, busy)
	switch {
	case t == nil:
	case s.next == t: // it goes on, or is a worker that finds what to do
		s.next = nil
	case busy:
		t.since = s.steps
		s.mid = append(s.mid, t)
		t.pause()
	case t.runner != nil && !t.yield(struct{}{}):
		panic(halt{})
	}
}

// decide says who is next: nobody, if nobody can run, or what is awaited has ended.
func (s *Sim) decide(t *thread, busy bool) {
	s.next = nil
	s.unblock()
	own, frames := 0, 0
	if busy {
		own = 1
	} else if s.arrived {
		return
	}
	if s.busy < len(s.workers) {
		frames = min(s.ready.n, s.config.window())
	}
	n := own + len(s.mid) + frames
	if n == 0 {
		return
	}
	i := s.choose(n, own)
	if i < own {
		s.next = t
		return
	}
	if i -= own; i < len(s.mid) {
		s.next = s.mid[i]
		s.mid = slices.Delete(s.mid, i, i+1)
		s.note(goesOn, s.next.rec, nil, 0)
		return
	}
	r := s.ready.take(i - len(s.mid))
	s.next = s.worker(r, t, busy)
	s.next.rec, s.next.todo = r, r
	r.ran = s.steps
	s.busy++
	s.note(polls, r, nil, int64(s.next.id))
}

// worker finds one that is not in a poll for r: t itself, if that is free and r was not queued
// by another that is; or the one that has queued it; or the next.
func (s *Sim) worker(r *rec, t *thread, busy bool) *thread {
	if r.owner >= 0 && s.workers[r.owner].rec == nil {
		return s.workers[r.owner]
	}
	if t != nil && !busy && t.runner != nil {
		return t
	}
	for i := 1; ; i++ {
		if w := s.workers[(r.owner+i)%len(s.workers)]; w.rec == nil {
			return w
		}
	}
}

// step counts a step, and looks after what is to be looked after at each.
func (s *Sim) step() {
	if s.steps++; s.steps%beats == 1 {
		s.coroutines.beat.Add(1)
	}
	if s.steps > s.config.MaxSteps {
		s.fail(s.endless())
	}
	s.collect()
	if s.cancel != nil && s.ctx.Err() != nil {
		cancel := s.cancel
		s.cancel = nil
		cancel(context.Cause(s.ctx))
	}
	if len(s.checks) > 0 && !s.looking {
		s.looking = true
		for _, check := range s.checks {
			if err := check(); err != nil {
				s.looking = false
				s.fail("invariant: " + err.Error())
			}
		}
		s.looking = false
	}
	if bound := s.config.Starvation; bound > 0 && s.steps%bound == 0 && s.steps-s.instant > bound {
		for _, r := range s.everybody() {
			if s.steps-max(r.ran, s.instant) > bound {
				s.fail(r.name() + " starves: others have run for " + count(s.steps-max(r.ran, s.instant), "step") + ", and time stands still")
			}
		}
	}
}

// collect queues what was woken without a Cx, by who runs as far as one can tell.
func (s *Sim) collect() {
	if !s.inbox.Empty() {
		s.inbox.Take(func(f *task.Frame) { s.queue(f, s.cur, -1, wakes) })
	}
}

// everybody returns the tasks, the oldest first.
func (s *Sim) everybody() (list []*rec) {
	for _, x := range s.recs.slots {
		if x.frame != nil && task.Alive(x.frame) {
			list = append(list, x.rec)
		}
	}
	slices.SortFunc(list, func(a, b *rec) int { return a.number - b.number })
	return list
}

// ready is the runnable tasks, the one that has been so for longest first.
type ready struct {
	list []*rec
	head int
	n    int
}

func (q *ready) add(r *rec) {
	if q.head > 64 && q.head > len(q.list)/2 {
		n := copy(q.list, q.list[q.head:])
		clear(q.list[n:])
		q.list, q.head = q.list[:n], 0
	}
	q.list = append(q.list, r)
	q.n++
}

// first puts r before all others.
func (q *ready) first(r *rec) {
	q.add(r)
	l := q.list[q.head:]
	copy(l[1:], l)
	l[0] = r
}

// at returns the i-th.
func (q *ready) at(i int) *rec { return q.list[q.head+i] }

// take takes out the i-th.
func (q *ready) take(i int) *rec {
	l := q.list[q.head : q.head+i+1]
	r := l[i]
	copy(l[1:], l)
	l[0] = nil
	q.head++
	q.n--
	if q.n == 0 {
		q.list, q.head = q.list[:0], 0
	}
	return r
}

func (q *ready) has(r *rec) bool { return slices.Contains(q.list[q.head:], r) }

// know finds the rec of a frame.
func (s *Sim) know(f *task.Frame) (r *rec, known bool) {
	if r = s.recs.find(f); r != nil {
		return r, true
	}
	r = s.newRec()
	r.frame = f
	s.recs.add(r)
	return r, false
}

func (s *Sim) newRec() *rec {
	if len(s.block) == 0 {
		s.block = make([]rec, min(max(s.last, 16), 128))
	}
	r := &s.block[0]
	s.block = s.block[1:]
	s.last++
	r.number, r.priority, r.ran = s.last, s.schedule.priority(), s.steps
	return r
}

// queue makes a frame runnable. by is who has done that, or nil.
func (s *Sim) queue(f *task.Frame, by *thread, poll int, why event) {
	r, known := s.know(f)
	if !known {
		why = starts
	}
	owner := -1
	var who *rec
	if by != nil {
		who = by.rec
		if by.runner != nil {
			owner = by.id
		}
	}
	r.ran, r.owner, r.poll = s.steps, owner, poll
	if poll >= 0 && len(s.workers) == 1 && by.streak < maxStreak {
		s.ready.first(r)
	} else {
		s.ready.add(r)
	}
	if who == r {
		why = again
	}
	s.note(why, who, r, 0)
}

// A worker is the queue of its runner. Frames that others may run from here on are an operation.

func (t *thread) Push(f *task.Frame) {
	t.s.queue(f, t, -1, wakes)
	t.s.interrupt()
}

func (t *thread) Next(f *task.Frame) {
	t.s.queue(f, t, t.polls, wakes)
	t.s.interrupt()
}

func (t *thread) Later(f *task.Frame) { t.s.queue(f, t, -1, wakes) }

// coroutines are those of workers, which are used for one run after the other.
type coroutines struct {
	beat    atomicx.Int64 // changes every so many steps
	running atomicx.Pointer[trial]
	s       *Sim
	workers []*thread
	leave   func()
}

// newCoroutines returns coroutines for runs on the calling goroutine. They are closed there.
func newCoroutines() *coroutines {
	k := new(coroutines)
	k.leave = task.Simulated(k)
	return k
}

func (x *coroutines) close() {
	x.release()
	x.leave()
}

// release ends the workers' coroutines.
func (x *coroutines) release() {
	for _, t := range x.workers {
		t.end()
	}
}

// Point is of task.Interruptible: an operation without a Cx, of whatever run.
func (x *coroutines) Point() { (*seam)(x.s).Point() }

// NoChange is of task.Interruptible.
func (x *coroutines) NoChange(w task.Waker) { (*seam)(x.s).NoChange(w) }

// seam is a Sim as task sees it: not for users.
type seam Sim

// Admit implements task.Scheduler. Any goroutine.
func (x *seam) Admit(n int) bool {
	x.admitted.Add(int64(n))
	return true
}

// Submit implements task.Scheduler. Any goroutine: the next step looks into the inbox.
func (x *seam) Submit(b task.Batch) { x.inbox.Put(b) }

// Sooner implements task.Scheduler: nobody sleeps.
func (x *seam) Sooner(int) {}

// What the clock makes runnable: it is the queue for that.

func (x *seam) Push(f *task.Frame)  { (*Sim)(x).queue(f, nil, -1, wakes) }
func (x *seam) Next(f *task.Frame)  { x.Push(f) }
func (x *seam) Later(f *task.Frame) { x.Push(f) }

// Point implements task.Simulator.
func (x *seam) Point() {
	s := (*Sim)(x)
	if t := s.cur; t != nil && t.rec != nil && !s.looking && !s.halting {
		s.note(operates, t.rec, nil, 0)
	}
	s.interrupt()
}

// NoChange implements task.Simulator.
func (x *seam) NoChange(w task.Waker) {
	if s := (*Sim)(x); s.tracing && !s.looking && !s.halting {
		if text := s.unwoken(w); text != "" {
			s.say(text)
		}
	}
}

// interrupt lets others run, perhaps, where the thread that runs may be interrupted.
func (s *Sim) interrupt() {
	t := s.cur
	switch {
	case s.halting:
		if s.halts++; s.halts > maxHalts { // who recovers from everything
			panic(halt{})
		}
	case t == nil || s.looking || t.rec == nil:
	case s.failure != "":
		s.stop()
	default:
		s.turn(t, true)
	}
}

// maxHalts is how many operations are done while a run is taken down, in hooks and such.
const maxHalts = 1000

// Go implements task.Simulator.
func (x *seam) Go(what string, f func()) {
	(*Sim)(x).begin(what, f)
	(*Sim)(x).interrupt()
}

// begin adds a coroutine beside the workers.
func (s *Sim) begin(what string, f func()) {
	if s.halting {
		return
	}
	r := s.newRec()
	r.said().what = what
	t := &thread{s: s, id: -1, rec: r, f: f, since: s.steps}
	s.others = append(s.others, t)
	s.mid = append(s.mid, t)
	var who *rec
	if s.cur != nil {
		who = s.cur.rec
	}
	s.note(starts, who, r, 0)
}

// Draw implements task.Simulator.
func (x *seam) Draw(n int64) int64 { return x.lots.Int64N(max(n, 1)) }

// Crash implements task.Simulator.
func (x *seam) Crash(p *task.PanicError) {
	if _, ok := p.Value.(halt); ok {
		panic(halt{})
	}
	(*Sim)(x).fail("a detached task has panicked: " + p.Error())
}
