package task

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/internal/park"
)

// This file is the seam for schedulers: package pool, [Run], a simulator. Users
// of tasks need none of it but [Spawner].

// Spawner is where tasks may be started: a poll in progress (*Cx), or a
// scheduler, from outside.
type Spawner interface {
	// place returns the scheduler, and the poll in progress or nil.
	place() (*Home, *Cx)
}

// Scheduler gets frames into a queue.
type Scheduler interface {
	// Admit is asked before n tasks are spawned from outside. false means that the
	// scheduler is closed. It counts the tasks as ones that will be finished.
	Admit(n int) bool
	// Submit queues frames that were spawned or woken. Any thread; it must not
	// block.
	Submit(Batch)
	// Sooner is called after another thread has armed an alarm of the runner with
	// that index that is due before all others: if its worker sleeps until then,
	// it is to look at [Runner.Settle] again. Any thread; it must not block.
	Sooner(runner int)
}

// Queue is the queue of the worker that polls; only that worker calls it.
type Queue interface {
	// Push queues a frame that was spawned.
	Push(*Frame)
	// Next queues a frame that was woken by the poll in progress: its data is
	// in the cache, it should run soon.
	Next(*Frame)
	// Later queues a frame that has had its turn, behind all others.
	Later(*Frame)
}

// Home is one scheduler as its tasks see it. Embed it in the scheduler; it is a
// [Spawner].
type Home struct {
	scheduler Scheduler
	ctx       context.Context
	runners   []*Runner
	spares    int // how many of them, the last, take nothing from outside
	draining  atomicx.Bool
	cause     atomicx.Pointer[outcome]
	mu        park.Mutex
	groups    map[*Group]struct{} // with members, and started from outside
	clock     *Clock              // nil: the machine's
	driver    any                 // see SetDriver
}

// Open makes h the home of s, with a runner a worker. ctx is what [Cx.Context]
// returns for detached tasks.
func Open(ctx context.Context, h *Home, s Scheduler, runners ...*Runner) {
	h.scheduler, h.ctx, h.runners = s, ctx, runners
	h.groups = map[*Group]struct{}{}
	for i, r := range runners {
		r.home, r.index = h, i
		r.timers.begin(h.Nanos())
	}
}

// SetSpares says, before Open, that the last n runners have no worker most of the
// time: nobody arms an alarm in them but the tasks that they poll.
func SetSpares(h *Home, n int) { h.spares = n }

func (h *Home) place() (*Home, *Cx) { return h, nil }

// Context returns the context of the scheduler.
func (h *Home) Context() context.Context { return h.ctx }

// Drain tells all tasks to come to an end by themselves, those to come too. See
// [Cx.Draining]. Any thread.
func (h *Home) Drain() {
	if h.draining.Swap(true) {
		return
	}
	for _, r := range h.runners {
		r.roster.ending.Store(true)
		r.roster.sweep()
	}
	for _, g := range h.foreign() {
		g.Drain()
	}
}

// CancelAll cancels all tasks, those to come too. Any thread.
func (h *Home) CancelAll(cause error) {
	why := canceledBy(cause, 0)
	// Publish. Pairs with: (*roster).add.
	if !h.cause.CompareAndSwap(nil, why) {
		return
	}
	for _, r := range h.runners {
		r.roster.why.Store(why)
		r.roster.sweep()
	}
	for _, g := range h.foreign() {
		g.cancel(why)
	}
}

// foreign returns the groups that no task of the scheduler owns.
func (h *Home) foreign() (list []*Group) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for g := range h.groups {
		list = append(list, g)
	}
	return list
}

func (h *Home) submit(f *Frame) {
	f.next.Set(nil)
	h.scheduler.Submit(Batch{f, f, 1})
}

// Detach starts t without a group: nobody waits for it as a matter of course,
// and its error is only in its frame. A panic in a task that nobody waits for
// crashes the process. Prefer a [Group].
//
// On a closed scheduler the task is finished at once, with ErrClosed.
func Detach(on Spawner, t Task) {
	h, cx := on.place()
	launch(claim(t).enroll(t, h, h.shard(cx)), h, cx)
}

// DetachAll is Detach for several tasks, with one notification of the workers.
func DetachAll(on Spawner, ts ...Task) {
	h, cx := on.place()
	r := h.shard(cx)
	launchAll(ts, h, cx, func() *roster { return r })
}

// shard picks the roster for detached tasks.
func (h *Home) shard(cx *Cx) *roster {
	if cx != nil && cx.run.home == h {
		return &cx.run.roster
	}
	return &h.runners[rand.IntN(len(h.runners))].roster
}

// claim begins a life of t's frame. It panics if that is in use; so nothing is
// counted before.
func claim(t Task) *Frame {
	f := t.frame()
	if !f.state.spawn() {
		panic(inUse(t, f))
	}
	f.self = t
	return f
}

// enroll is the rest of claim: it says where the task belongs.
func (f *Frame) enroll(t Task, h *Home, r *roster) *Frame {
	if r.ending.Load() {
		f.state.set(draining)
	}
	f.self, f.home, f.roster = t, h, r
	if f.cause.Load() != nil {
		f.cause.Store(nil)
	}
	f.out.Set(nil)
	f.site.set()
	return f
}

func inUse(t Task, f *Frame) string {
	if f.self != t {
		return "task: spawn of " + Name(t) + ": its frame is a copy of one that is in use: frames must not be copied"
	}
	return "task: spawn of " + Name(t) + ", which is still in use: wait for it first, or use a new one" + f.site.String()
}

// launch gets a claimed frame into a queue, or refuses it.
func launch(f *Frame, h *Home, cx *Cx) {
	switch {
	case cx != nil && cx.run.home == h:
		cx.run.Count.Spawned++
		cx.run.queue.Push(f)
	case !admit(f, h):
		new(Runner).refuse(f)
	}
}

// admit gets a claimed frame into a queue from outside, unless the scheduler is closed.
func admit(f *Frame, h *Home) bool {
	if !h.scheduler.Admit(1) {
		return false
	}
	h.submit(f)
	return true
}

// launchAll claims and launches tasks, from outside as one batch.
func launchAll(ts []Task, h *Home, cx *Cx, member func() *roster) {
	if cx != nil && cx.run.home == h {
		for _, t := range ts {
			launch(claim(t).enroll(t, h, member()), h, cx)
		}
		return
	}
	claimed := 0
	defer func() { // those before one that is in use, too
		if claimed == 0 {
			return
		}
		var b Batch
		admitted := h.scheduler.Admit(claimed)
		for _, t := range ts[:claimed] {
			f := t.frame().enroll(t, h, member())
			if admitted {
				b.Add(f)
			} else {
				new(Runner).refuse(f)
			}
		}
		if admitted {
			h.scheduler.Submit(b)
		}
	}()
	for _, t := range ts {
		claim(t)
		claimed++
	}
}

// Of returns the task that f is embedded in, for a scheduler that has taken f out of a
// queue.
func Of(f *Frame) Task { return f.self }

// Counters are what a [Runner] counts. They belong to its worker.
type Counters struct {
	Polls    uint64 // calls of Poll, and of what replaces it while a task settles
	Spawned  uint64 // tasks started from within polls
	Finished uint64 // tasks finished
	Wrapped  uint64 // Pending errors that were wrapped before they were returned
	Panics   uint64 // panics and Goexits in tasks
}

// Runner polls frames for one worker. Its methods belong to that worker.
type Runner struct {
	Count Counters

	home      *Home
	index     int
	queue     Queue
	roster    roster    // detached tasks that were started here
	timers    timers    // what was armed here
	waiters   *waiter   // free, linked by next
	spares    int       // how many
	wakes     []wakeup  // see (*Crowd).WakeAll
	now       time.Time // see Cx.Now
	nanos     int64     // see Cx.nanos
	staged    *Timer    // armed in the poll in progress, and not in the wheel yet
	stagedFor int64     // its deadline
	cx        *Cx       // the poll in progress
	own       Cx
	watch     watch
	scratch   []byte // see Cx.Scratch
	phase     phase
	stands    bool  // its frame's slot in the group is the caller's; see (*Group).vacate
	crash     error // a panic that was recovered and is still to be dealt with
	orphan    error // a panic of a child that nobody has waited for
}

// phase says whose code runs, should it panic.
type phase uint8

const (
	outside phase = iota
	polling
	finishing // inside Finish
	failing   // inside a group's Failed
)

// Init makes the runner ready to poll frames of a home, with q for what becomes
// runnable meanwhile.
func (r *Runner) Init(q Queue) {
	r.queue = q
	r.cx = &r.own
}

// Guard runs loop, which calls Step over and over, and survives the panics of
// tasks: then it returns false, and is to be called again. true means that loop
// has returned. A task that calls runtime.Goexit ends the goroutine; Guard is to
// be called again on a new one.
func (r *Runner) Guard(loop func()) (ended bool) {
	defer func() {
		if ended {
			return
		}
		p := recover()
		if r.phase == outside {
			if p != nil {
				panic(p) // not a task's: ours
			}
			return
		}
		r.Count.Panics++
		r.crash = ErrGoexit
		if p != nil {
			r.crash = newPanic(Name(r.cx.frame.self), p)
		}
	}()
	if err := r.crash; err != nil {
		r.crash = nil
		r.recovered(err)
	}
	loop()
	return true
}

// recovered goes on with the task that has panicked, where it did.
func (r *Runner) recovered(err error) {
	f, cx := r.cx.frame, r.cx
	cx.branch = nil
	r.answer(f)
	switch r.phase {
	case polling:
		r.end(f, cx, err)
	case finishing:
		r.conclude(f, cx, err)
	case failing:
		f.roster.group.fail(err)
		r.close(f, cx, err)
	}
}

// Step polls a frame that was taken out of a queue, once. With inherit the poll
// has what is left of the budget of the poll before: for a frame that was woken
// by it, so that two tasks which wake each other do not keep the worker.
func (r *Runner) Step(f *Frame, inherit bool) {
	was := f.state.start()
	cx := r.begin(f, was, inherit)
	r.Count.Polls++
	if (was&(settling|draining) != 0 || was&fresh != 0 && f.canceled() != nil) && !r.prepare(f, cx, was) {
		return
	}
	r.phase = polling
	err := f.self.Poll(cx)
	if r.watch.question.Load() != nothing {
		r.answer(f)
	}
	if _, ok := err.(*pending); !ok {
		r.end(f, cx, err)
		return
	}
	if invariant.Enabled || was&listed == 0 || !cx.armed {
		r.suspend(f, cx, was)
		return
	}
	r.phase = outside // suspend, where nothing is special
	if r.staged != nil {
		r.unstage()
	}
	if cx.again != 0 {
		f.state.again(cx.again)
	} else if !f.state.pend(0) {
		return
	}
	r.queue.Later(f)
}

// begin sets up the Cx: in debug builds a new one each poll, so that one that was
// kept is found out.
func (r *Runner) begin(f *Frame, was uint32, inherit bool) *Cx {
	left := r.cx.budget
	if !inherit {
		left = budget
	}
	cx := r.cx
	if invariant.Enabled {
		cx = new(Cx)
		r.cx = cx
	}
	cx.run, cx.frame, cx.was = r, f, was
	cx.budget, cx.pendings, cx.marks = left, 0, marks{}
	return cx
}

// prepare is the part of Step for polls that are not ordinary. It reports whether
// Poll is to be called.
func (r *Runner) prepare(f *Frame, cx *Cx, was uint32) bool {
	if was&draining != 0 {
		for h := f.held; h != nil; h = h.next {
			h.what.drain()
		}
	}
	if was&settling != 0 {
		r.end(f, cx, f.out.Get().err)
		return false
	}
	if c := f.canceled(); c != nil && was&fresh != 0 {
		r.end(f, cx, c.err)
		return false
	}
	return true
}

// suspend ends a poll that returned Pending.
func (r *Runner) suspend(f *Frame, cx *Cx, was uint32) {
	if !cx.armed && f.state.bits.Load()&(queued|exposed|settling) == 0 {
		panic("task: " + Name(f.self) + " has returned Pending, but nothing will wake it: return Pending only from an operation, or after Waker")
	}
	r.phase = outside
	r.unstage()
	again := cx.again
	cx.poison()
	extra := uint32(0)
	if was&listed == 0 {
		extra = listed
		f.roster.add(f)
	}
	if again != 0 {
		f.state.again(extra | again)
		r.queue.Later(f)
	} else if f.state.pend(extra) {
		r.queue.Later(f)
	}
}

// end is what follows a poll that returned err: the task waits for what it owns,
// and finishes.
func (r *Runner) end(f *Frame, cx *Cx, err error) {
	if err != nil && wrapsPending(err) {
		r.Count.Wrapped++
		r.suspend(f, cx, f.state.bits.Load())
		return
	}
	if f.held != nil {
		if err = r.settle(f, cx, err); IsPending(err) {
			return
		}
	}
	r.phase = finishing
	if t, ok := f.self.(Finisher); ok {
		t.Finish(err)
	}
	if err != nil {
		r.conclude(f, cx, err)
		return
	}
	r.close(f, cx, nil)
}

// settle lets go of all that the task holds. While that takes time it returns
// Pending; else the task's error, which a child's panic replaces if nobody has
// seen it.
func (r *Runner) settle(f *Frame, cx *Cx, err error) error {
	r.phase = outside
	cx.again = 0 // whatever the last poll did meanwhile
	settled := true
	// Waits first: what comes then may wait again, through the same waiter.
	for _, waits := range [...]bool{true, false} {
		for h := f.held; h != nil; {
			next := h.next // release may unlink h, and link others in front
			if _, wait := h.what.(*waiter); wait == waits && !h.what.release(cx, err) {
				settled = false
			}
			h = next
		}
	}
	if r.orphan != nil {
		err, r.orphan = r.orphan, nil
	}
	if !settled {
		s := f.state.bits.Load()
		if s&settling == 0 {
			f.state.set(settling)
		}
		f.out.Set(&outcome{err: err})
		r.suspend(f, cx, s|settling)
		return Pending
	}
	return err
}

// conclude is end after Finish.
func (r *Runner) conclude(f *Frame, cx *Cx, err error) {
	if g := f.roster.group; g != nil && err != nil {
		r.phase = failing
		g.failed(f.self, err)
	}
	r.close(f, cx, err)
}

// close is conclude after the group's Failed: the frame becomes its owner's
// again.
func (r *Runner) close(f *Frame, cx *Cx, err error) {
	r.phase = outside
	g := f.roster.group
	if f.state.bits.Load()&listed != 0 {
		f.roster.remove(f)
	}
	f.roster = nil
	if err != nil {
		f.out.Set(f.outcome(err))
	}
	p, panicked := err.(*PanicError)
	if panicked && g == nil && f.joiners.Empty() && !joinable(f.self) {
		crash(p)
	}
	cx.frame = nil // whatever comes, this worker does not keep the task alive
	f.state.finish()
	// f may be in its next life from here on.
	if !f.joiners.Empty() {
		f.joiners.WakeAll(&f.mu, cx)
	}
	switch {
	case g == nil:
	case r.stands:
		g.leave(cx)
	default:
		g.left(cx) // may launch the next of a backlog
	}
	// Last, after what the end has launched is counted: the scheduler sees a time
	// without tasks otherwise.
	r.Count.Finished++
}

// outcome returns err as an outcome, without allocating if it is the error that
// the task was canceled with.
func (f *Frame) outcome(err error) *outcome {
	if c := f.cause.Load(); c != nil && c.err == err {
		return c
	}
	return &outcome{err: err}
}

// joinable reports whether somebody holds a task only to wait for it.
func joinable(t Task) bool {
	_, ok := t.(interface{ joinable() })
	return ok
}

// crash ends the process: nobody will ever see the panic otherwise. It is a
// variable for the test.
var crash = func(p *PanicError) { go panic(p) }

// refuse finishes a frame that was claimed and cannot run, with ErrClosed. Its runner is a new
// one, without home and queue: whom the end wakes or launches goes where it belongs.
func (r *Runner) refuse(f *Frame) {
	r.Init(nil)
	was := f.state.start()
	r.end(f, r.begin(f, was, false), ErrClosed)
}

// Rest lets go of what the runner needs only while it polls. A worker calls it
// before it parks: it is in no poll, which answers the guard.
func (r *Runner) Rest() {
	r.cx.frame = nil
	if r.Owes() {
		r.watch.question.Store(nothing)
	}
}
