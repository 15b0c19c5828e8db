package task

import (
	"io"
	"reflect"
)

// This file is for those who make objects that tasks wait for. An object is made of three kinds of
// things, each of which has its page:
//
//	waitqueue.go  WaitQueue   what is given to one at a time: locks, channels
//	waitset.go    WaitSet     what happens, and wakes all: promises, events
//	operation.go  Operation   what has been begun and has to be taken back if nobody waits for it
//
// All of them attach to the task that waits, or to the branch of it ([Branch]); at the end of the poll
// what the task has not called again is abandoned.

// Operation is the record of an operation in progress, from its first Pending until it is over or
// abandoned: it says whose the operation is. An object that keeps how far an operation has come has an
// Operation for each that may be in progress. An operation that does not suspend pays nothing for it.
//
// An operation belongs to a wait: to a life of a task and, inside of a combinator, to the
// branch of it that has called it. The same wait goes on with it; every other caller begins a new one.
// It is abandoned, once, when
//
//   - the branch ends: it has lost, or what it is a part of has;
//   - the task's life ends, in whatever way;
//   - the task suspends in a poll that has not called the operation again, unless that poll
//     was cut short (its budget is used up, or it has yielded).
//
// Another wait of the task that calls the operation meanwhile waits until it is over or
// abandoned ([Occupied]).
//
// An object's method looks like this:
//
//	switch x.op.Enter(cx) {
//	case task.Begins: // forget what there was, begin
//	case task.Occupied: // another wait of the task is in the middle of it
//		return cx.Suspend()
//	}
//	...
//	if itWaits {
//		return x.op.Suspend(cx, x)
//	}
//	x.op.Done(cx)
//
// The zero value is no operation. All methods are for the task that is polled, and do not
// block. It must not be copied.
type Operation struct {
	attachment attachment
	owner      Abandoner
	frame      *Frame
	branch     *Branch
	part       uint32
	asked      bool // the poll in progress has called it
	contended  bool // another wait was told to wait, and is polled when it is over
}

// Abandoner is an object that has operations in progress.
type Abandoner interface {
	// Abandon ends the operation in progress, whose wait is over: it takes back, gives back, or
	// cancels what was begun. It must not block. It is called once, in a poll of the task or at its
	// end, and the operation is over then.
	Abandon(cx *Cx)
}

// Entry is the relation of a call to the operation in progress.
type Entry uint8

const (
	Begins   Entry = iota // none is in progress, any more: the call begins one
	Goes                  // on with the one in progress, which is the caller's
	Occupied              // another wait of the task is in the middle of it: the caller suspends, and is polled when that is over
)

// Enter says how a call of the operation stands to the one in progress.
func (o *Operation) Enter(cx *Cx) Entry {
	if !o.attachment.attached() {
		return Begins
	}
	switch {
	case o.frame != cx.frame:
		panic("task: " + Name(cx.frame.self) + " calls an operation that another task is in the middle of: the object belongs to one task at a time")
	case o.branch == cx.branch && o.part == cx.part:
		o.asked = true
		return Goes
	}
	// Its wait may call it later in this poll, and goes on with it then; or this poll abandons it.
	o.contended = o.contended || !o.asked
	return Occupied
}

// InProgress reports whether the operation has suspended, and is neither over nor abandoned.
func (o *Operation) InProgress() bool { return o.attachment.attached() }

// Mine reports whether the operation in progress is one of the calling wait.
func (o *Operation) Mine(cx *Cx) bool {
	return o.attachment.attached() && o.frame == cx.frame && o.branch == cx.branch && o.part == cx.part
}

// Suspend returns Pending from an operation, which is in progress from now on: if it is abandoned,
// a.Abandon is called. Something will wake the task: see [Cx.Suspend].
func (o *Operation) Suspend(cx *Cx, a Abandoner) error {
	o.Join(cx, a)
	return cx.Suspend()
}

// Join is Suspend for an operation that is made of others, one of which has suspended.
func (o *Operation) Join(cx *Cx, a Abandoner) {
	o.asked = true
	if !o.attachment.attached() {
		o.owner, o.frame, o.branch, o.part = a, cx.frame, cx.branch, cx.part
		cx.attach(&o.attachment, o)
	}
}

// Done says that the operation is over.
func (o *Operation) Done(cx *Cx) {
	if o.attachment.attached() {
		o.clear(cx)
		cx.moveOn()
	}
}

// clear ends the operation, and wakes the task for another wait of it.
func (o *Operation) clear(cx *Cx) {
	o.attachment.detach()
	o.owner, o.frame, o.branch = nil, nil, nil
	if o.contended {
		o.contended = false
		cx.Wake(cx.Self())
	}
}

// End abandons the operation, if it is in progress.
func (o *Operation) End(cx *Cx) {
	if o.attachment.attached() {
		o.release(cx, nil)
	}
}

func (o *Operation) rank() rank { return inside }

func (o *Operation) release(cx *Cx, _ error) bool {
	a := o.owner
	o.clear(cx)
	a.Abandon(cx)
	return true
}

func (o *Operation) called(*Cx, bool) bool {
	asked := o.asked
	o.asked = false
	return asked
}

func (o *Operation) drain() {}

// Discard drops a result that nobody takes: by drop, or if that is nil
// by its method Close, if it is an [io.Closer] and no nil pointer. The error of Close is lost.
func Discard[T any](v T, drop func(T)) {
	if drop != nil {
		drop(v)
		return
	}
	if c, ok := any(v).(io.Closer); ok {
		if p := reflect.ValueOf(c); p.Kind() != reflect.Pointer || !p.IsNil() {
			_ = c.Close()
		}
	}
}
