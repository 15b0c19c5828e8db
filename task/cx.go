package task

import (
	"context"
	"fmt"
	"time"

	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/internal/park"
)

// Cx is a poll in progress. It is valid until Poll returns, on the goroutine that
// called Poll, and must not be kept.
type Cx struct {
	run      *Runner
	frame    *Frame
	was      uint32  // the state before the poll
	budget   int32   // operations left in this poll
	pendings int32   // operations that have suspended in this poll
	branch   *Branch // the part of the task in progress, or nil
	marks
}

// marks are what a poll begins without: together, they are cleared by one store.
type marks struct {
	armed    bool   // something will wake the task
	shielded bool   //
	clocked  bool   // the runner's now is this poll's
	timed    bool   // the runner's nanos are
	erred    bool   // debug builds: an operation has failed, so another way is fine
	looked   bool   // a Deadline was checked
	again    uint32 // queued, and perhaps yielded: the task is to be queued anew
}

const (
	// budget is how many operations a poll may complete before they return
	// Pending to let others run.
	budget = 128
	// maxPendings is how often a poll may go on after Pending. More is a loop
	// that ignores it: no task waits for so much side by side.
	maxPendings = 1 << 20
)

// Suspend is how an operation returns Pending: it says that something will wake
// the task. An operation of your own calls it after it has given [Cx.Waker] to
// whoever will; then a loop that ignores Pending is found out.
func (cx *Cx) Suspend() error {
	cx.armed = true
	if cx.pendings++; cx.pendings > maxPendings {
		cx.ignored()
	}
	return Pending
}

// ignored is apart so that Suspend is inlined, as are other slow halves below.
func (cx *Cx) ignored() {
	panic(fmt.Sprintf("task: %s has gone on after Pending %d times in one Poll: return Pending from Poll", Name(cx.frame.self), maxPendings))
}

// Err returns an error that is ErrCanceled if the task is to end, and nil
// otherwise. A loop that computes for long asks it now and then.
func (cx *Cx) Err() error {
	if f := cx.frame; f.cause.Load() == nil && f.roster.why.Load() == nil {
		return nil
	}
	return cx.canceled()
}

// Cancellation is a view of a task's cancellation that any thread may have.
type Cancellation struct{ frame *Frame }

// Cancellation returns the view for those who work for the task on other threads. It is
// valid until the task has ended, so they must have ended before. In a stage that is shielded
// it is of nobody, who is not canceled.
func (cx *Cx) Cancellation() Cancellation {
	if cx.shielded {
		return Cancellation{}
	}
	return Cancellation{cx.frame}
}

// Err returns why the task is to end, or nil. It does not count as an answer to the task,
// which still has to ask itself.
func (c Cancellation) Err() error {
	if c.frame != nil {
		if why := c.frame.canceled(); why != nil {
			return why.err
		}
	}
	return nil
}

func (cx *Cx) canceled() error {
	if c := cx.frame.canceled(); c != nil && !cx.shielded {
		cx.erred = true
		return c.err
	}
	return nil
}

// Shield postpones cancellation until the end of this stage of a [Seq] or a
// [Flow], or else of this poll: operations behave as if the task were not
// canceled. A task calls it at the beginning of a stage that has to complete, in
// every poll of that stage.
func (cx *Cx) Shield() { cx.shielded = true }

// Draining reports whether the task is to come to an end by itself: finish what
// it does, start nothing new. A task is woken once when that begins.
func (cx *Cx) Draining() bool { return cx.was&draining != 0 || cx.frame.roster.ending.Load() }

// Now returns the time, which stands still during a poll.
func (cx *Cx) Now() time.Time {
	if r := cx.run; !cx.clocked {
		var at int64
		r.now, at = r.home.now()
		if cx.timed { // the poll's time is that of its first reading, on both scales
			r.now = r.now.Add(time.Duration(r.nanos - at))
		} else {
			r.nanos = at
		}
		cx.clocked, cx.timed = true, true
	}
	return cx.run.now
}

// Yield lets other tasks run: it returns Pending once, and nil when it is called
// in the poll after that, which takes place when those that were in the queue
// have had their turn.
func (cx *Cx) Yield() error {
	if cx.was&yielded != 0 {
		cx.was &^= yielded
		return nil
	}
	if err := cx.Err(); err != nil {
		return err
	}
	cx.again = queued | yielded
	return cx.Suspend()
}

// Spend takes one operation from the poll's budget. When that is used up it
// queues the task anew and returns Pending, so that a task whose operations are
// always ready does not keep its worker. Operations call it when they are ready;
// so may a loop of a task's own. What has to wait costs nothing, or the last of many
// that wait side by side would never be asked; nor does a result (of a task, a group, a
// [Promise]) that a task asks for again.
func (cx *Cx) Spend() error {
	if cx.budget > 0 {
		cx.budget--
		return nil
	}
	cx.again |= queued
	return cx.Suspend()
}

// idle is Suspend for an operation that has spent and does not get: that costs nothing.
func (cx *Cx) idle() error {
	cx.budget++
	return cx.Suspend()
}

// Spent reports whether the poll's budget is used up: operations will return Pending
// until the next poll, so a combinator need not try the rest of its own.
func (cx *Cx) Spent() bool { return cx.budget <= 0 }

// Waker returns what makes this life of the task runnable. Whoever calls it
// means to return Pending: the runner takes it that somebody will wake the task.
func (cx *Cx) Waker() Waker {
	s := cx.frame.state.bits.Load()
	if s&exposed == 0 {
		cx.frame.state.set(exposed)
	}
	cx.armed = true
	return Waker{cx.frame, gen(s)}
}

// Wake is w.Wake, cheaper: a task that is woken from within a poll runs next on
// the same worker.
func (cx *Cx) Wake(w Waker) {
	if w.frame != nil {
		wakeTask(cx, w.frame, w.of)
	}
}

// Go starts t beside the polled task: as a member of the same group, or detached
// if that is.
func (cx *Cx) Go(t Task) {
	if g := cx.frame.roster.group; g != nil {
		g.Go(cx, t)
		return
	}
	Detach(cx, t)
}

// Context returns a context with the values and the cancellation of the task's
// group, for calls into packages that want one. It is not done when only this
// task is canceled. Give it to calls that do not block, or to goroutines.
func (cx *Cx) Context() context.Context {
	if g := cx.frame.roster.group; g != nil {
		return g.Context()
	}
	return cx.run.home.Context()
}

// Worker returns the number of the worker that polls, from 0 up to but not
// including the scheduler's number of workers. The next poll may be another
// worker's.
func (cx *Cx) Worker() int { return cx.run.index }

// Home returns the scheduler that polls.
func (cx *Cx) Home() *Home { return cx.run.home }

// On reports whether the task is polled by a worker of h.
func (cx *Cx) On(h *Home) bool { return cx.run.home == h }

func (cx *Cx) place() (*Home, *Cx) {
	if cx.frame == nil {
		panic("task: a Cx was used after its poll has returned")
	}
	return cx.run.home, cx
}

// checkStage is called before the task waits on something new. If what it waited
// on before is still to come, and was not called again since another wait was
// over, the task has taken another way without a reason: most likely a stage has
// run twice. The caller has the lock held, if it is not nil.
func (cx *Cx) checkStage(held *park.Mutex) {
	if cx.erred || cx.was&draining != 0 || cx.frame.canceled() != nil || cx.frame.state.bits.Load()&(settling|exposed) != 0 {
		return
	}
	for h := *cx.holdings(); h != nil && h.waits() != nil; h = h.next {
		w := h.waits()
		if w.visit == cx.run.Count.Polls || w.visit == left {
			continue
		}
		if held == nil {
			w.mu.Lock()
		} else if w.mu != held && !w.mu.TryLock() {
			continue // two locks: never wait for the second
		}
		waiting := w.next != nil
		if w.mu != held {
			w.mu.Unlock()
		}
		if waiting {
			panic(fmt.Sprintf("task: %s waits for something new while what it waited for has not happened and was not called again: guard the stages of Poll (Seq, Flow, or a field)", Name(cx.frame.self)))
		}
	}
}

// Waker makes one life of a task runnable. It is a value, comparable, and may be
// kept: when that life is over, Wake does nothing. The zero Waker wakes nobody.
type Waker struct {
	frame *Frame
	of    uint32
}

// Wake makes the task runnable: it will be polled at least once more. Any number
// of calls before that poll count as one. What the caller has done before is
// visible to the poll.
//
// Any thread; it never blocks. Within a poll, [Cx.Wake] is cheaper.
func (w Waker) Wake() {
	if w.frame != nil {
		wakeTask(nil, w.frame, w.of)
	}
}

// wakeTask wakes f in life g. cx is the caller's poll, or nil.
func wakeTask(cx *Cx, f *Frame, g uint32) {
	if !f.state.wake(g, 0) {
		return
	}
	if cx != nil && cx.run.home == f.home {
		cx.run.queue.Next(f)
		return
	}
	f.home.submit(f)
}

// poison makes every use of the Cx fail, after its poll.
func (cx *Cx) poison() {
	if invariant.Enabled {
		r := cx.run
		r.cx = &r.own
		r.own.budget = cx.budget // begin may pass it on
		r.spoil()
		*cx = Cx{pendings: maxPendings}
	}
}
