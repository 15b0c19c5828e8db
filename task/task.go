// Package task has stackless tasks: computations that wait without a stack,
// and cost a hundred bytes while they do.
//
// A task is a struct that embeds [Frame] and has a method Poll. A worker calls
// Poll; an operation that cannot finish yet arranges a wake-up and returns
// [Pending], which Poll passes up like any other error. Later Poll is called
// again, and starts at its top:
//
//	type greeter struct {
//		task.Frame
//		name *task.Promise[string]
//	}
//
//	func (g *greeter) Poll(cx *task.Cx) error {
//		name, err := g.name.Wait(cx)
//		if err != nil {
//			return err // Pending, too
//		}
//		fmt.Println("hello,", name)
//		return nil
//	}
//
// # Contract
//
//  1. Waiting is an error value. Pending means: nothing observable has happened;
//     you will be polled again; call the same operation again.
//  2. Poll restarts at its top. What was done before the wait must be repeatable,
//     or guarded by a field, a switch, [Seq] or [Flow].
//  3. All or nothing. No operation returns data or progress with Pending.
//  4. An operation remembers by wait and object, where a wait is a life of a task and,
//     inside of a combinator, the branch of it. Called again after Pending by the same
//     wait, it goes on. When the wait ends, because the branch has lost, the task has ended or
//     has suspended in a poll that did not call the operation again, it is abandoned: it
//     gives back, puts back or cancels what was begun, and the next call is a new one. See
//     [Operation].
//  5. Waits are sticky, verbs consume. A Wait keeps answering once it is
//     satisfied, so it may stand in [All] and [First].
//  6. Clean-up has one place: Finish (see [Finisher]).
//  7. Nothing outlives its owner. When a task finishes, the groups it owns are
//     canceled and waited for before anybody sees it as done.
//  8. Cancellation is an error from every operation, but for the waits of groups:
//     those cancel the children and stay pending until they have settled. A task
//     that was never polled is not polled any more; a started one is polled
//     until it returns.
//  9. Two faces: M(cx) for tasks, MContext(ctx) for goroutines.
//  10. Shutdown is soft first: [Cx.Draining] reaches the whole tree and wakes it;
//     only when time is up is everything canceled.
//
// Tasks run on a pool (package pool), or on the calling goroutine with [Run].
//
// # For those who write tasks
//
//   - A task: [Task], [Frame], [Func], [Finisher], [Named], [Name]; its poll: [Cx], [Waker]; stages of
//     it: [Seq], [Flow], [Stage]; what is done at its end: [Cleanup].
//   - Starting tasks, and waiting for them: [Spawner], [Group], [WithContext], [Handle], [Go], [Detach],
//     [DetachAll], [Run], [All], [First].
//   - A value that arrives once: [Promise]; one that follows tasks: [Local].
//   - Time: [Timer], [Deadline], [Ticker], [Missed] ([Burst], [Delay], [Skip]), [Backoff], [DelayQueue],
//     [Delayed]; in tests [Clock], [NewClock].
//   - Functions that block: [Blocking], [Limiter], [DefaultLimiter], [LimiterStats], [LimiterHistory].
//   - Errors: [Pending], [IsPending], [MustReady], [ErrCanceled], [ErrClosed], [ErrDraining],
//     [ErrGoexit], [ErrLimit], [ErrTimeout], [PanicError].
//
// # For those who make objects that tasks wait for
//
// The page to begin with is [Operation].
//
//   - Waiting in order: [WaitQueue], [Policy], [Dispatcher], [GrantState] ([Waiting], [Granted],
//     [Notified], [Refused]); waiting together: [WaitSet]; the lock of both: [WaitLock].
//   - Operations that may be abandoned: [Operation], [Abandoner], [Entry] ([Begins], [Goes],
//     [Occupied]), [Branch], [Remains], [Discard].
//   - What is done elsewhere: [Offload], [Slot], [Remote], [DetachNext], [DetachTo], [Cancellation], [Recovered].
//   - Deadlines: [Alarm], [Notifier], [Later].
//   - Mistakes, and where the simulator comes in: [MustOwn], [MustNotPoll], [Point].
//
// # For those who write schedulers
//
// This package knows neither workers nor threads. A scheduler plugs in by [Scheduler]; the file
// scheduler.go says how.
//
//   - The scheduler: [Scheduler], [Placer], [Runtime], [Outside], [OutsideOf], [Open], [Close]; one worker of it: [Runner], [Queue],
//     [Watched], [Counters]; frames on their way: [Batch], [Inbox], [Of], [Fresh], [Alive].
//   - What it is given before Open: [SetSpares], [AddSpare], [SetClock], [ReleaseClock], [SetPanicked],
//     [SetBacklog], [SetTails], [Tail], [SetEnded].
//   - Faces of it: [RunOn], [RunAround], [DetachDue], [Backlog], [BacklogStats], [GoroutinePanics],
//     [Unseen].
//   - Goroutines that poll, or work for tasks: [Polling], [MustNotHelp].
//   - Looking into a running one: [Inspect], [Suspended], [Await], [AwaitKind] ([AwaitsEnd], [AwaitsTurn], [AwaitsEvent],
//     [AwaitsTimer], [AwaitsCall], [AwaitsOperation]), [Awaiter], [Kind], [Source], [StageOf], [LinesOf] ([Lined], [SourceLine]),
//     [ObjectKind], [ObjectName], [SetName], [ValuesOf], [FrameOf], [WakerOf], [Helpers]; who waits for whom: [Deadlocks],
//     [InspectDeadlocks], [Blocked], [Inspectable], [LimitOf], [Holders] ([Holder]), [MarkHolder], [UnmarkHolder], [SetDebug],
//     [NotePoll];
//     groups in which nothing moves: [QuietGroup], [QuietSearch], [Quiet], [AwaitsOthers].
//   - What is measured of its tasks: [Stamp], [Arrived], [KindKey], [KeyOf], [Charge], [Lateness], [NextDeadlines], [Calls], [CallTimes].
//   - A simulator: [Simulator], [Interruptible], [SetSimulator], [Simulated], [Advance], [Waits], [Holds].
package task

import (
	"context"
	"fmt"
	"reflect"
	"runtime"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/park"
)

// Task is a stackless computation. Embed a [Frame] to satisfy its second,
// unexported method.
type Task interface {
	// Poll makes what progress it can. nil means that the task is done, Pending
	// that it waits, any other error that it has failed. One worker at a time
	// calls it, each time perhaps another one; what a poll writes is visible to
	// the next.
	Poll(cx *Cx) error

	frame() *Frame
}

// Finisher is a task that owns something. Finish is called exactly once at the
// end of each life, with the result: also when the task was canceled before its
// first poll, and when it panicked. It runs before anybody sees the task as
// done, must not wait, and must not panic.
type Finisher interface {
	Finish(err error)
}

// Named is a task with a name for diagnostics; others go by their type.
type Named interface {
	TaskName() string
}

// Name returns the name of t for diagnostics.
func Name(t Task) string {
	if n, ok := t.(Named); ok {
		return n.TaskName()
	}
	return fmt.Sprintf("%T", t)
}

// Frame is the memory that a scheduler needs for a task. Embed it by value: then
// spawning allocates nothing, and the same task may be spawned again once it is
// done. The zero value is ready. A frame must not be copied, nor overwritten,
// once it has been spawned: it counts its lives, so that an old Waker cannot wake
// a new one. Spawn it again only when all waits for it have returned its result.
//
// A frame that is done keeps its result, and nothing else.
type Frame struct {
	site     site                     // debug builds: where it was spawned
	state    word                     //
	mu       park.Mutex               // guards joiners
	self     Task                     // the struct that this frame is embedded in
	rt       *Runtime                 // where it gets back into a queue
	next     link                     // in an Inbox, a batch or a backlog
	members  *memberList              // whose member it is
	left     *Frame                   // the ring of members; guarded by its lock
	right    *Frame                   //
	joiners  WaitSet                  // tasks and goroutines that wait for its end
	attached *attachment              // what it owns or waits in; its worker's
	out      result                   // the outcome once the word says done; until then its owner's: a mark (see byYield), or the error of a task that completes
	cause    atomicx.Pointer[outcome] // why it is canceled, or nil
}

type (
	link   = atomicx.Plain[*Frame]
	result = atomicx.Plain[*outcome]
)

func (f *Frame) frame() *Frame { return f }

// Wait waits for the task's end and returns its result. If the task has
// panicked, Wait panics with the [*PanicError]. It is sticky.
//
// Tasks only; goroutines use WaitContext. If the waiting task is canceled, Wait
// returns an error that is ErrCanceled, and the other task goes on.
//
//heist:sticky
func (f *Frame) Wait(cx *Cx) error {
	if err := f.await(cx); err != nil {
		return err
	}
	err := f.Err()
	if p, ok := err.(*PanicError); ok {
		cx.frame.seesPanic(p)
	}
	return raise(err)
}

// await is Wait without the result: nil says that the task is done.
func (f *Frame) await(cx *Cx) error {
	Point(cx)
	if !f.state.done() {
		if f.state.bits.Load() == 0 {
			panic("task: Wait for a task that was never spawned")
		}
		if err := cx.Err(); err != nil {
			return err
		}
		f.joiners.ListenFor(cx, &f.mu, f)
		if !f.state.done() { // see (*word).finish
			return cx.Suspend()
		}
	}
	return f.joiners.end(cx)
}

// WaitContext is Wait for goroutines: it blocks until the task's end, or until
// ctx is done; then its error wraps ctx's cause, and the task goes on.
func (f *Frame) WaitContext(ctx context.Context) error {
	if f.state.bits.Load() == 0 {
		panic("task: WaitContext for a task that was never spawned")
	}
	if err := f.joiners.blockFor(ctx, &f.mu, f, f.state.done); err != nil {
		return err
	}
	return f.result()
}

// Err returns the result of a task that is done, and nil before that. A panic
// is a [*PanicError]. Any goroutine; it never blocks.
func (f *Frame) Err() error { return seen(f.err()) }

func (f *Frame) err() error {
	if !f.state.done() {
		return nil
	}
	if out := f.out.Get(); out != nil {
		return out.err
	}
	return nil
}

// result is Err for waits: it raises a panic.
func (f *Frame) result() error {
	return raise(f.Err())
}

// raise panics if err is a task's panic.
func raise(err error) error {
	if p, ok := err.(*PanicError); ok {
		p.seen.Store(true) // Hint. Late, it is reported once too often.
		panic(p)
	}
	return err
}

// Cancel asks the task to end: from now on its operations return an error that
// is ErrCanceled and wraps cause (which may be nil). The first cause counts.
// Cancel does not wait, and does nothing to a task that is done.
//
// Any goroutine.
func (f *Frame) Cancel(cause error) {
	Point(nil)
	s := f.state.bits.Load()
	if s&live == 0 {
		return
	}
	g := gen(s)
	if f.cancel(canceledBy(cause, g), g) {
		f.rt.submit(f)
	}
}

// cancel records why and reports whether the caller must submit f.
func (f *Frame) cancel(why *outcome, g uint32) (submit bool) {
	for {
		old := f.cause.Load()
		if old != nil && (old.gen == 0 || !before(old.gen, g)) {
			return false // the first counts; or it is we who are late, by a life
		}
		// Publish. The cause. (One of an earlier life is as good as none.)
		// Pairs with: (*Frame).canceled.
		if f.cause.CompareAndSwap(old, why) {
			return f.state.wake(g, 0)
		}
	}
}

// canceled returns why the task has to end, or nil. The caller is its worker, or makes sure that
// it has not ended.
//
// Pairs with: (*Frame).cancel.
func (f *Frame) canceled() *outcome {
	if c := f.cause.Load(); c != nil && (c.gen == 0 || c.gen == gen(f.state.bits.Load())) {
		return c
	}
	return f.members.why.Load()
}

// Func returns a task that polls f. Each call allocates a new task.
func Func(f func(cx *Cx) error) Task { return &fun{f: f} }

// fun is a function as a task.
type fun struct {
	Frame
	f func(cx *Cx) error
}

func (t *fun) Poll(cx *Cx) error { return t.f(cx) }

// TaskName is the function's name.
func (t *fun) TaskName() string { return runtime.FuncForPC(reflect.ValueOf(t.f).Pointer()).Name() }
