package task

import (
	"errors"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/park"
)

// Offload is an operation that waits for something that is done outside of the task's polls: the core
// of [Blocking], and of computations on other threads. An object of your own has one for each
// call that it may wait for; the zero value is ready.
type Offload[T any] struct {
	Drop     func(T) // called with a result that nobody is there for any more; nil: see [Discard]
	Detached bool    // what is done touches nothing of the task: see [Blocking]

	op   Operation
	now  *Slot[T] // of the call in progress, or nil: it waits for the one before
	late *Slot[T] // of a call that was abandoned and runs, or has ended since
}

// Remote is something that is done outside of a task's polls.
type Remote interface {
	// Cancel asks it to come to an end, for cause, and does not wait for that. It reports
	// true if it has not begun, and never will: then nothing is put into its slot. It may be
	// called again.
	Cancel(cause error) (withdrawn bool)
}

// Slot is the place for the result of a call.
//
//	               Put                     the task takes the result, or drops it
//	begun ------------------> delivered
//	  |
//	  |  the task abandons a detached call          Put, which drops the result
//	  '-------------------------------> unclaimed -----------------------------> discarded
//
// # Invariants
//
//	O1  state leaves begun by one compare-and-swap: Put's, or the task's. Who loses it drops the
//	    result, or has it dropped.
//	O2  value and err are Put's until the state has left begun, and the task's when it is delivered.
//	O3  A task that begins the next call is woken when this one has ended: the task that has begun it,
//	    or an heir. An heir is stored before a look at the state, and Put looks for it after it has
//	    written the state.
//	O4  A slot is attached to its task until the result is taken or dropped: the task's end waits.
//
// # Order
//
// O1 and O3: the state first, then the heir; the other way round on the other side.
//
// # Price
//
// A call is one allocation, beside whatever does it.
type Slot[T any] struct {
	attachment attachment // in the list of the task, until the result is taken or dropped
	remote     Remote
	waker      Waker
	heir       atomicx.Pointer[Waker] // of another task, which begins the next call when this one has ended
	drop       func(T)
	detached   bool
	abandoned  bool // the task's own
	state      atomicx.Uint32
	value      atomicx.Plain[T]
	err        atomicx.Plain[error]
}

// The states of a slot.
const (
	begun = iota
	delivered
	unclaimed
	discarded
)

// errAbandoned is the cause of the cancellation of a call that its task does not wait for any more.
var errAbandoned = &canceled{errors.New("its task does not wait for it any more")}

// Do calls begin, which starts something, and returns the result that is put into the slot. Called
// again after Pending, it does not look at begin.
func (o *Offload[T]) Do(cx *Cx, begin func(*Cx, *Slot[T]) Remote) (v T, err error) {
	Point(cx)
	switch o.op.Enter(cx) {
	case Occupied:
		return v, cx.Suspend()
	case Begins:
		if err := cx.Err(); err != nil {
			return v, err
		}
	case Goes:
		if o.now == nil {
			if err := cx.Err(); err != nil {
				o.op.Done(cx)
				return v, err
			}
		}
	}
	if o.now == nil {
		if o.late != nil && !o.late.overFor(cx) { // it may use what is the task's
			return v, o.op.Suspend(cx, o)
		}
		o.late = nil
		s := &Slot[T]{waker: cx.Self(), drop: o.Drop, detached: o.Detached}
		s.remote = begin(cx, s)
		o.now = s
		s.attachment.attach(&cx.frame.attached, s)
		return v, o.op.Suspend(cx, o)
	}
	s := o.now
	// Pairs with: (*Slot).PutFrom.
	if s.state.Load() != delivered {
		if err := cx.Err(); err != nil && s.remote.Cancel(err) {
			o.forget(cx)
			return v, err
		}
		return v, o.op.Suspend(cx, o)
	}
	if err := cx.Spend(); err != nil {
		return v, o.op.Suspend(cx, o)
	}
	o.forget(cx)
	return s.value.Get(), raise(s.err.Get())
}

// forget ends the call.
func (o *Offload[T]) forget(cx *Cx) {
	o.now.attachment.detach()
	o.now = nil
	o.op.Done(cx)
}

// Abandon cancels the call in progress: see [Abandoner].
func (o *Offload[T]) Abandon(cx *Cx) {
	s := o.now
	if s == nil {
		return // it has not begun
	}
	o.now, s.abandoned = nil, true
	if s.remote.Cancel(errAbandoned) {
		s.attachment.detach()
		return
	}
	// Claim. The result (O1): who comes second drops it.
	// Pairs with: (*Slot).PutFrom.
	if s.detached && s.state.CompareAndSwap(begun, unclaimed) {
		return
	}
	o.late = s
}

// Put puts the result there, once, and wakes the task. A panic is a [*PanicError]. Any
// thread; it never blocks.
func (s *Slot[T]) Put(v T, err error) { s.PutFrom(nil, v, err) }

// PutFrom is Put within a poll, or nil, of another task: the task that waits is polled next by
// the same worker.
func (s *Slot[T]) PutFrom(cx *Cx, v T, err error) {
	s.value.Set(v)
	s.err.Set(err)
	// Publish. The result (O2); or it is ours to drop (O1).
	// Store-load: the state, then a look for an heir (O3): one that neither sees would not be woken.
	// Pairs with: (*Offload).Do, (*Offload).Abandon, (*Slot).overFor, (*Slot).over.
	if !s.state.CompareAndSwap(begun, delivered) {
		s.discard()
		// Publish. What the hook has done. Pairs with: (*Slot).over.
		s.state.Store(discarded)
	}
	wakeTask(cx, s.waker.frame, s.waker.gen)
	if h := s.heir.Load(); h != nil {
		wakeTask(cx, h.frame, h.gen)
	}
}

// overFor reports whether a call that was abandoned has ended, to a task that begins the next.
func (s *Slot[T]) overFor(cx *Cx) bool {
	w := cx.Self()
	if s.waker == w {
		return s.ended()
	}
	// The task that has begun it lives on, perhaps, and looks after the result itself.
	if h := s.heir.Load(); h == nil || *h != w {
		// Publish. The heir.
		// Store-load: the heir, then a look at the state (O3).
		// Pairs with: (*Slot).PutFrom.
		s.heir.Store(&w)
	}
	return s.state.Load() != begun
}

// discard drops the result. A panic of the hook is the result then.
func (s *Slot[T]) discard() {
	v, none := s.value.Get(), *new(T)
	s.value.Set(none)
	if s.err.Get() != nil {
		return
	}
	defer func() {
		if p := recover(); p != nil {
			s.err.Set(newPanic("drop hook", p))
		}
	}()
	Discard(v, s.drop)
}

// over lets go of a call that was abandoned, if it has ended, and reports whether it has. p is
// its panic, or the drop hook's.
func (s *Slot[T]) over() (p *PanicError, ended bool) {
	if !s.attachment.attached() {
		return nil, true // it was let go of before
	}
	// Pairs with: (*Slot).PutFrom.
	switch s.state.Load() {
	case delivered:
		s.attachment.detach()
		s.discard()
	case discarded:
		s.attachment.detach()
	default:
		return nil, false
	}
	p, _ = s.err.Get().(*PanicError)
	return p, true
}

// ended is over within a poll of the task, where panics of what it has called are raised.
func (s *Slot[T]) ended() bool {
	p, ended := s.over()
	if p != nil {
		panic(p)
	}
	return ended
}

func (s *Slot[T]) rank() rank { return late }

// called looks after a call that was abandoned.
func (s *Slot[T]) called(*Cx, bool) bool {
	if s.abandoned {
		s.ended()
	}
	return true
}

// release cancels the call, and waits for it: the task ends.
func (s *Slot[T]) release(cx *Cx, err error) bool {
	if err == nil {
		err = errOwner
	}
	if s.remote.Cancel(err) {
		s.attachment.detach()
		return true
	}
	p, ended := s.over()
	if p != nil {
		cx.run.orphan = p
	}
	return ended
}

func (s *Slot[T]) drain() {}

// calls reports whether the call has not ended, or its result was not taken.
func (s *Slot[T]) calls() bool { return s.state.Load() != discarded }

// remains returns what goes on though the call was abandoned, or nil. The task is in the caller's hand.
func (s *Slot[T]) remains() Remote {
	if at := s.state.Load(); s.abandoned && (at == begun || at == unclaimed) {
		return s.remote
	}
	return nil
}

func (s *Slot[T]) happened(*park.Mutex) bool { return s.state.Load() != begun }
