// Package sim runs tasks as a pool of threads would, under schedules that a seed decides, in a
// time that passes by itself: a concurrency bug that shows once a month is found in a second,
// and again as often as one likes.
//
//	func TestQueue(t *testing.T) {
//		sim.Test(t, func(s *sim.Sim) {
//			var q queue
//			var g task.Group
//			g.Go(s, &producer{q: &q})
//			g.Go(s, &consumer{q: &q})
//			s.Wait()
//			require.NoError(s, g.Err())
//		})
//	}
//
// [Test] calls the function with one seed after the other. Tasks, groups, handles, promises,
// locks, channels, streams, combinators, timers and Blocking are the ordinary ones, and so
// is their code. A test that fails says with which seed, prints what happened step by step, and
// few deviations from a plain order, none of which can be left out.
//
// # What is decided
//
// The workers are coroutines, of which one runs at a time. At each operation the schedule
// decides who goes on: this poll, another one that has stood still in the middle, or a task that
// is runnable, on a worker that has none. So two polls interleave as on two threads, between
// operations: those that take a Cx or wake somebody, Resolve, Cancel, Unlock, Close, the Try
// forms, and [Sim.Point]. (Watch.Get, Event.IsSet and the like, which only look, are not among
// them.) An operation itself is not taken apart: that is for package explore, in this
// module; nor is what two polls do to the same memory without one: that is for the race detector.
//
// Computations, of [pool.Call] and its like in a poll, of a [pool.Job] or on [Sim.Team], are shared among the
// workers: which of them takes which part, and when, is decided; operations there are the forks that
// look whether a thread wants a part, the joins that wait, and [Sim.Point]. Jobs wait for their turn as their
// limiters say. A [pool.Local] is made with [Sim.Team], too.
//
// Functions of [task.Blocking], goroutines of groups, and [Sim.Goroutine] are coroutines beside
// the workers. They must not really block.
//
// # Time
//
// All are on one [task.Clock], which stands still as long as anything can run, and then goes
// to the next timer. A year passes in no time.
//
// # What must be so
//
// The function, and the tasks, do the same thing when they get the same answers: no time.Now, no
// order of a map, no select among channels that are ready, no goroutine of their own. Their
// randomness comes from [Sim.Choose] and [Sim.Rand]. Some seeds are run again, to see whether
// it is so. No poll may hold a sync.Mutex over an operation: others run meanwhile, and would
// block the thread that they all share.
//
// # What is not simulated
//
// Sockets. And by its nature: goroutines that nobody told it of, context.WithTimeout, and whatever else comes
// from outside.
package sim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/pool/fork"
	"github.com/heist-go/heist/task"
)

// taskRuntime is the runtime, embedded under a name of its own: so a Sim is a task.Spawner without a field of
// its public face.
type taskRuntime = task.Runtime

// Sim is one run of a simulation: a pool of virtual workers. It is a [task.Spawner], so tasks are
// started on it as on a pool. It is a testing.TB as far as testify needs one, for the function
// and for polls. All methods are for the function that was given to [Test], and for what
// runs on it.
type Sim struct {
	taskRuntime
	config     Config
	seed       uint64
	clock      *task.Clock
	coroutines *coroutines
	runners    []*task.Runner
	workers    []*thread // the coroutines'
	others     []*thread // coroutines beside them, until they end

	cur     *thread   // who runs; nil: the function
	next    *thread   // who is to run
	mid     []*thread // who stands still in the middle, the longest first
	busy    int       // workers that are in a poll
	ready   ready     // runnable frames
	blocked []*thread // who waits for a part of a computation
	recs    table
	block   []rec // for the next
	last    int   // the newest rec's number

	schedule  schedule
	decisions int
	taken     []deviation
	lots      *rand.Rand // what task draws
	user      *rand.Rand
	steps     int
	passing   bool
	instant   int // the step at which time has moved last

	admitted atomicx.Int64
	awaited  *task.Frame     // its end ends the drive in progress
	arrived  bool            // it has ended
	ctx      context.Context // of Run
	cancel   func(error)     // what the context's end cancels, or nil
	checks   []func() error
	looking  bool
	unseen   unseen
	held     []holding // of locks and permits, in the order in which they were taken

	team      *fork.Team // made when a computation begins
	members   []*fork.Participant
	until     func() bool // what the test's function waits for in a computation, or nil
	searching bool        // a worker is to look for a part of a computation
	moment    int64       // what computations take for the time

	hash    uint64
	trail   []uint32
	tracing bool
	mu      sync.Mutex // of a traced run, guards trace and taken: the watch reads them
	trace   trace
	failure string
	halting bool
	halts   int
	inbox   task.Inbox // from outside
}

// halt unwinds what a failure has cut short.
type halt struct{}

// goexit is what ends a run without more words.
const goexit = "runtime.Goexit (t.FailNow) was called: for assertions use the simulation in place of t"

// Epoch is the time at which each simulation begins.
var Epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// newSim returns a run that has not begun.
func newSim(c Config, k *coroutines, seed uint64, w schedule, tracing bool) *Sim {
	s := &Sim{
		config: c, tracing: tracing, coroutines: k, seed: seed, schedule: w, clock: task.NewClock(Epoch),
		lots: rand.New(rand.NewPCG(seed, 1)), user: rand.New(rand.NewPCG(seed, 2)),
	}
	k.s = s
	for len(k.workers) < c.Workers {
		k.workers = append(k.workers, &thread{id: len(k.workers)})
	}
	s.workers = k.workers[:c.Workers]
	s.runners = make([]*task.Runner, c.Workers)
	for i, t := range s.workers {
		s.runners[i] = new(task.Runner)
		s.runners[i].Init(t)
		t.s, t.runner, t.rec, t.todo, t.polls, t.streak = s, s.runners[i], nil, nil, 0, 0
	}
	task.SetClock(&s.taskRuntime, s.clock)
	task.SetSimulator(&s.taskRuntime, (*seam)(s))
	task.SetPanicked(&s.taskRuntime, s.unseen.add)
	if c.Locks || tracing {
		task.SetDebug(&s.taskRuntime)
	}
	task.Open(context.Background(), &s.taskRuntime, (*seam)(s), s.runners...)
	return s
}

// run calls f, drives what it has started to its end, and takes the run down.
func (s *Sim) run(f func(*Sim)) {
	returned := false
	defer func() {
		if !returned { // the test ends here
			s.record(goexit)
			if s.config.logf != nil {
				s.config.logf("sim: seed %d: %s", s.seed, goexit)
			}
		}
		s.close()
	}()
	s.protect(func() {
		f(s)
		s.Wait()
		s.settled()
	})
	returned = true
}

// protect calls f, and takes its panic for the run's failure.
func (s *Sim) protect(f func()) {
	defer func() {
		switch p := recover().(type) {
		case nil, halt:
		default:
			s.record(fmt.Sprintf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	f()
}

// settled checks what must be so when no task is left.
func (s *Sim) settled() {
	if n := s.Timers(); n > 0 {
		are := " are"
		if n == 1 {
			are = " is"
		}
		s.fail("leak: " + count(n, "timer") + are + " armed, and no task is left")
	}
	if s.config.Locks && len(s.held) > 0 {
		h := s.held[0]
		s.fail("leak: no task is left, and " + h.who + " has not given back a " + h.kind)
	}
	for _, p := range s.unseen.all() {
		if task.Unseen(p) {
			s.fail("nobody has waited for a task that has panicked: " + p.Error())
		}
	}
}

// close ends the coroutines.
func (s *Sim) close() {
	s.halting = true
	for _, t := range slices.Clone(s.others) { // those that recover from being unwound take themselves out
		t.end()
	}
	if s.failure != "" { // they are in the middle of something
		s.coroutines.release()
	}
	task.Close(&s.taskRuntime)
}

// Seed returns the number of the run.
func (s *Sim) Seed() uint64 { return s.seed }

// Clock returns the time of the simulation. Only the simulation moves it.
func (s *Sim) Clock() *task.Clock { return s.clock }

// Steps returns how many steps there were so far.
func (s *Sim) Steps() int { return s.steps }

// Go starts t detached.
func (s *Sim) Go(t task.Task) { task.Detach(s, t) }

// GoAll is Go for several tasks.
func (s *Sim) GoAll(ts ...task.Task) { task.DetachAll(s, ts...) }

// Goroutine runs f beside the workers, as a goroutine would: what it calls is interleaved with
// what they do. It must not block, and has no Cx.
func (s *Sim) Goroutine(f func()) { (*seam)(s).Go("a goroutine", f) }

// Run runs t until nothing is left of it, as a pool does, and returns its result. Others may have
// more to do. When ctx is done t is canceled. It is for the test's function.
func (s *Sim) Run(ctx context.Context, t task.Task) error {
	s.outside("Run")
	g := task.WithContext(context.WithoutCancel(ctx))
	r := &root{group: g, t: t}
	if ctx.Done() != nil {
		s.ctx, s.cancel = ctx, g.Cancel
		defer func() { s.ctx, s.cancel = nil, nil }()
	}
	task.Detach(s, r)
	s.awaited = &r.Frame
	s.drive()
	s.awaited = nil
	if r.raised != nil {
		panic(r.raised)
	}
	return r.err
}

// root runs a task in a group, so that all of it is waited for.
type root struct {
	task.Frame
	group  *task.Group
	t      task.Task
	begun  bool
	err    error
	raised *task.PanicError
}

func (r *root) Poll(cx *task.Cx) (err error) {
	if !r.begun {
		r.begun = true
		r.group.Go(cx, r.t)
	}
	defer func() {
		if p := recover(); p != nil {
			if r.raised, _ = p.(*task.PanicError); r.raised == nil {
				panic(p)
			}
			err = nil
		}
	}()
	if err = r.group.Wait(cx); !task.IsPending(err) {
		r.err = err
		return nil
	}
	return err
}

// TaskName says whose it is.
func (r *root) TaskName() string { return "Run" }

// Wait drives the simulation until no task is left. It is for the test's function, and is called
// once more when that has returned.
func (s *Sim) Wait() {
	s.outside("Wait")
	s.drive()
}

// outside panics in a poll.
func (s *Sim) outside(name string) {
	if s.cur != nil {
		panic("sim: " + name + " is for the function that was given to Test: inside of a task start the other in a Group and Wait(cx) for it")
	}
}

// Invariant has check called after each step, as long as the run lasts: an error fails it. check
// only looks: it calls no operation. (Try forms, Len and the like are operations: they give
// others a turn elsewhere, and none here.)
func (s *Sim) Invariant(check func() error) { s.checks = append(s.checks, check) }

// Choose returns a number from 0 up to but not including n: a decision of the schedule, which
// tries 0 wherever another does not matter.
func (s *Sim) Choose(n int) int {
	if n <= 1 {
		return 0
	}
	v := s.schedule.value(s, n)
	if s.decisions++; v != 0 {
		s.take(deviation{s.decisions - 1, v})
	}
	s.note(chooses, nil, nil, int64(v))
	return v
}

// Rand is random, and the same for the same seed.
func (s *Sim) Rand() *rand.Rand { return s.user }

// Point is an operation that does nothing: others may run before it returns. It is for what
// a program does with atomics, or a lock of package sync, where a poll may be interrupted.
func (s *Sim) Point() { (*seam)(s).Point() }

// Errorf fails the run, which goes on; the first text counts.
func (s *Sim) Errorf(format string, args ...any) { s.record(fmt.Sprintf(format, args...)) }

// Fatalf fails the run and ends it.
func (s *Sim) Fatalf(format string, args ...any) { s.fail(fmt.Sprintf(format, args...)) }

// FailNow ends the run as a failure.
func (s *Sim) FailNow() { s.fail("FailNow was called") }

// Logf writes a line into the log of the schedule.
func (s *Sim) Logf(format string, args ...any) {
	if s.tracing {
		s.say("says: " + fmt.Sprintf(format, args...))
	}
}

// Helper is for testing.TB's sake.
func (s *Sim) Helper() {}

// record keeps the first failure.
func (s *Sim) record(reason string) {
	if s.failure == "" && !s.halting {
		s.failure = reason
	}
}

// fail ends the run. It does not return.
func (s *Sim) fail(reason string) {
	s.record(reason)
	s.stop()
}

// stop ends the run, which has failed, for whoever calls it. It does not return.
func (s *Sim) stop() {
	if t := s.cur; t != nil && !s.halting {
		s.next = nil
		t.pause() // and is unwound from there
	}
	panic(halt{})
}

// holding is what a task has of a lock, or of a semaphore.
type holding struct {
	task      task.Waker
	object    any
	n         int64
	who, kind string
}

// Holds implements task.Simulator.
func (x *seam) Holds(w task.Waker, object any, kind string, n int64) {
	s := (*Sim)(x)
	if !s.config.Locks || s.halting {
		return
	}
	i := slices.IndexFunc(s.held, func(h holding) bool { return h.task == w && h.object == object })
	if i < 0 {
		s.held = append(s.held, holding{task: w, object: object, n: n, who: s.nameOf(w), kind: kind})
	} else if s.held[i].n += n; s.held[i].n == 0 {
		s.held = slices.Delete(s.held, i, i+1)
	}
}

// nameOf names the task of a Waker.
func (s *Sim) nameOf(w task.Waker) string {
	f, _ := w.Life()
	if r := s.recs.find(f); r != nil && !w.Over() {
		return r.name()
	}
	return "a task that has ended"
}

// unseen is panics that nobody has waited for when they happened. Any goroutine may add one.
type unseen struct {
	mu   sync.Mutex
	list []*task.PanicError
}

func (u *unseen) add(p *task.PanicError) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.list = append(u.list, p)
}

func (u *unseen) all() []*task.PanicError {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.list
}

// live returns how many tasks there are.
func (s *Sim) live() int {
	n := int(s.admitted.Load())
	for _, r := range s.runners {
		n += int(r.Count.Spawned) - int(r.Count.Finished)
	}
	return n
}

// stuck describes those that wait for what will never happen.
func (s *Sim) stuck() string {
	var b strings.Builder
	have := " have"
	if s.live() == 1 {
		have = " has"
	}
	fmt.Fprintf(&b, "deadlock: nothing can run, no timer is armed, and %s%s not ended:", count(s.live(), "task"), have)
	waiting := s.everybody()
	for _, t := range s.blocked {
		if t.runner == nil {
			waiting = append(waiting, t.rec)
		}
	}
	for _, r := range waiting {
		fmt.Fprintf(&b, "\n    %s waits", r.name())
		if at := r.said().at; at != "" {
			fmt.Fprintf(&b, " in %s", at)
		}
		if r.frame == nil {
			b.WriteString(", in a computation")
		} else if what := task.Waits(r.frame, s.nameOf); len(what) > 0 {
			fmt.Fprintf(&b, ": %s", strings.Join(what, "; "))
		}
	}
	return b.String()
}
