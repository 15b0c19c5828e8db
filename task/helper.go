package task

import (
	"context"
	"reflect"
	"runtime"

	"go.uber.org/atomic"

	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/internal/park"
	"github.com/heist-go/heist/internal/stack"
)

// Goroutines that work for tasks: those that run [Blocking] functions, and the members of groups; and, if tasks are
// debugged, those that hold what tasks wait for. They are known by their numbers, for three reasons: a scheduler's end waits for them, so it must not be waited for by them; a dump
// counts them; and what they wait for themselves may close a circle (see deadlock.go).
//
//	expect     a member is started
//	help       a function begins, or a member
//	stands     it waits in a WaitSet or a WaitQueue
//	goesOn     and does not any more, before it looks whether what it has waited for is there
//	unhelp     its result was put where it is waited for
//
//	MarkHolder, UnmarkHolder    it holds something, or gives it back
//
// # Invariants
//
//	H1  A helper that stands looks at what it waits for after goesOn, and at nothing before that. So if
//	    who it waits for has not ended while it stands, it goes on only by its context.
//	H2  No other lock is taken under theirs: who holds an object's lock may mark and unmark holders.
//
// # Price
//
// A lock and a map for each function, and for each of its waits two more; and, if tasks are debugged, for what a goroutine
// takes and gives back. A goroutine that waits and works for
// nobody pays one load as long as there are no helpers.
type helper struct {
	rt    *Runtime // nil: it only holds something
	group *Group   // whose member it is, or nil
	call  calling  // the function that it runs, or nil
	holds int      // how many things

	waits *waiter // what it stands in, or nil
	ctx   context.Context
}

// calling is a blocking function.
type calling interface {
	Remote
	function() string           // its name
	of() (*Limiter, Waker)      // and the task that has called it
	context() context.Context   // that it was given
	queued(l *Limiter) (q bool) // whether it waits for its turn there
}

var helpers = struct {
	n  atomic.Int64      // of on; others look at it first
	mu park.Mutex        // workers lock it, too
	on map[uint64]helper // by the goroutine's number

	coming map[*Runtime]int // members that have been started, and not begun
}{on: map[uint64]helper{}, coming: map[*Runtime]int{}}

// Helpers returns how many goroutines run blocking functions of rt's tasks, and how many are members
// of groups, also of those that have just been started. Any goroutine.
func Helpers(rt *Runtime) (blocking, members int) {
	helpers.mu.Lock()
	defer helpers.mu.Unlock()
	for _, h := range helpers.on {
		switch {
		case h.rt != rt:
		case h.group != nil:
			members++
		default:
			blocking++
		}
	}
	return blocking, members + helpers.coming[rt]
}

// expect says that a member of a group is about to begin.
func expect(rt *Runtime) {
	helpers.mu.Lock()
	helpers.coming[rt]++
	helpers.mu.Unlock()
}

// help marks the calling goroutine as a helper until unhelp is called with the result.
func help(h helper) (id uint64) {
	id = stack.Number()
	helpers.mu.Lock()
	if h.group != nil {
		if helpers.coming[h.rt]--; helpers.coming[h.rt] == 0 {
			delete(helpers.coming, h.rt)
		}
	}
	h.holds = helpers.on[id].holds
	helpers.on[id] = h
	helpers.n.Store(int64(len(helpers.on))) // Hint. The goroutine itself finds it.
	helpers.mu.Unlock()
	return id
}

func unhelp(id uint64) {
	helpers.mu.Lock()
	keepHolder(id, helper{holds: helpers.on[id].holds})
	helpers.mu.Unlock()
}

// keepHolder replaces a helper by h, if that holds something. The lock is held.
func keepHolder(id uint64, h helper) {
	if h.rt == nil && h.holds == 0 {
		delete(helpers.on, id)
	} else {
		helpers.on[id] = h
	}
	helpers.n.Store(int64(len(helpers.on))) // Hint. As in help.
}

// debugged is how many schedulers there are whose tasks are: see [SetDebug].
var debugged atomic.Int64

// MarkHolder records, if tasks are debugged, that the calling goroutine holds something that tasks wait for, until
// UnmarkHolder is called, by whomever, with its number. 0: they are not.
func MarkHolder() (goroutine uint64) {
	if debugged.Load() == 0 && !invariant.Debug {
		return 0
	}
	goroutine = stack.Number()
	hold(goroutine, 1)
	return goroutine
}

// UnmarkHolder ends what a MarkHolder has begun.
func UnmarkHolder(goroutine uint64) { hold(goroutine, -1) }

func hold(id uint64, n int) {
	helpers.mu.Lock()
	h := helpers.on[id]
	h.holds += n
	keepHolder(id, h)
	helpers.mu.Unlock()
}

// helperOf returns id if that goroutine, the calling one, is a helper, and else 0.
func helperOf(id uint64) uint64 {
	if helpers.n.Load() == 0 {
		return 0
	}
	helpers.mu.Lock()
	defer helpers.mu.Unlock()
	if _, ok := helpers.on[id]; !ok {
		return 0
	}
	return id
}

// MustNotHelp panics with message if the calling goroutine works for a task of rt: in a
// [Blocking] function, or as a member of a group. Calls that wait for the end of rt begin with it.
func MustNotHelp(rt *Runtime, message string) {
	id := stack.Number()
	helpers.mu.Lock()
	helps := helpers.on[id].rt == rt
	helpers.mu.Unlock()
	if helps {
		panic(message)
	}
}

// stands says that the helper with that number, the calling goroutine, waits in w until ctx is done. 0 is none.
func stands(id uint64, w *waiter, ctx context.Context) {
	if id != 0 {
		helpers.mu.Lock()
		h := helpers.on[id]
		h.waits, h.ctx = w, ctx
		keepHolder(id, h) // it may hold nothing any more
		helpers.mu.Unlock()
	}
}

// goesOn ends what stands has begun (H1).
func goesOn(id uint64) { stands(id, nil, nil) }

// standing returns the helpers that stand, by their numbers.
func standing() map[uint64]helper {
	helpers.mu.Lock()
	defer helpers.mu.Unlock()
	m := map[uint64]helper{}
	for id, h := range helpers.on {
		if h.waits != nil {
			m[id] = h
		}
	}
	return m
}

// waitsFor describes what the helper waits for that has stood in h, unless it has gone on: then the task that it
// has waited for may be in another life.
func (h helper) waitsFor(id uint64) (a Await, stands bool) {
	if h.waits.queue != nil { // it is this wait's alone, whatever comes next
		a = h.waits.describe() // H2
	}
	helpers.mu.Lock()
	defer helpers.mu.Unlock()
	if helpers.on[id].waits != h.waits {
		return Await{}, false
	}
	if h.waits.queue == nil {
		a = h.waits.describe()
	}
	return a, true
}

// sameStand reports whether the helper stands where it stood in h.
func sameStand(id uint64, h helper) bool {
	helpers.mu.Lock()
	now := helpers.on[id]
	helpers.mu.Unlock()
	if now.waits != h.waits {
		return false
	}
	w := h.waits
	if w.queue == nil {
		return true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.next != nil && !w.notified // else it is granted, or refused
}

// ends reports what may end the helper's wait beside what it waits for: nothing, if its context has no end; its
// task's cancellation, or its group's, with canceled; or something else, which is not known.
func (h helper) ends() (canceled, otherwise bool) {
	if h.ctx.Done() == nil {
		return false, false
	}
	var own context.Context
	switch {
	case h.call != nil:
		own = h.call.context()
	case h.group != nil:
		own = h.group.Context()
	default:
		return false, true // whoever has it may cancel it
	}
	_, limited := h.ctx.Deadline()
	return true, limited || h.ctx.Done() != own.Done() || h.ctx.Err() != nil
}

// name names the helper for people.
func (h helper) name() string {
	switch {
	case h.call != nil:
		return "goroutine in " + h.call.function()
	case h.group != nil:
		return "goroutine of a group"
	}
	return "goroutine that holds a lock"
}

func (c *blockingCall[T]) function() string {
	return runtime.FuncForPC(reflect.ValueOf(c.f).Pointer()).Name()
}

func (c *blockingCall[T]) of() (*Limiter, Waker)    { return c.limiter, c.slot.waker }
func (c *blockingCall[T]) context() context.Context { return c.ctx }

func (c *blockingCall[T]) queued(l *Limiter) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return c.limiter == l && c.Queued()
}
