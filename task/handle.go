package task

import "context"

// Handle is a task that was made of a function with a result. See [Go].
type Handle[T any] struct{ t call[T] }

// call is the task of a Handle.
type call[T any] struct {
	Frame
	attachment attachment // in the list of the task that started it, if one did
	owner      *Frame     // that task
	f          func(*Cx) (T, error)
	value      T
}

// Go starts f as a task: f is polled until it returns something else than
// Pending, and its result is what the handle's Wait returns. It costs one
// allocation and whatever f's closure does.
//
// Started from within a poll (on is a *Cx), the task belongs to the polled one: it
// is canceled and waited for when that ends. Started from outside, it is detached.
// A panic is kept for Wait. Wait for the handles that you start, or use a Group:
// until its Wait has returned, a handle is on a list of the task that started it.
func Go[T any](on Spawner, f func(cx *Cx) (T, error)) *Handle[T] {
	h := &Handle[T]{call[T]{f: f}}
	_, cx := on.place()
	if cx != nil {
		h.t.owner = cx.frame
		h.t.attachment.attach(&cx.frame.attached, &h.t)
	}
	Detach(on, &h.t)
	if cx != nil && cx.Draining() {
		h.t.drain() // the owner's draining was passed on to its attachments before
	}
	return h
}

func (t *call[T]) Poll(cx *Cx) error {
	v, err := t.f(cx)
	if err == nil {
		MustOwn(v, "task: the result of a task is bytes that are lent to it (Next, ReadUntil, Scratch): they are valid until Poll returns: return a copy (bytes.Clone)")
		t.value = v
	}
	return err
}

// joinable: somebody holds the handle, and will see a panic, or drop it.
func (t *call[T]) joinable(rt *Runtime, p *PanicError) { keep(t, rt, p) }

func (t *call[T]) release(cx *Cx, err error) bool {
	if !t.state.done() {
		if err == nil {
			err = errOwner
		}
		t.Cancel(err)
		t.joiners.ListenFor(cx, &t.mu, &t.Frame)
		if !t.state.done() {
			return false
		}
		t.joiners.Forget(cx)
	}
	if p, ok := t.err().(*PanicError); ok && err != error(p) {
		cx.run.orphan = p
	}
	t.attachment.detach()
	return true
}

func (t *call[T]) rank() rank { return owned }

func (t *call[T]) called(*Cx, bool) bool { return true }

func (t *call[T]) drain() {
	if t.state.bits.Load()&draining == 0 && signalDrain(&t.Frame) {
		t.rt.submit(&t.Frame)
	}
}

// Wait waits for the task's end and returns its result. If the task has panicked,
// Wait panics with the [*PanicError]. It is sticky.
//
// Tasks only; goroutines use WaitContext. If the waiting task is canceled, Wait
// returns an error that is ErrCanceled, and the handle's task goes on.
//
//heist:sticky
func (h *Handle[T]) Wait(cx *Cx) (v T, err error) {
	t := &h.t
	if err := t.Frame.await(cx); err != nil {
		return v, err
	}
	if t.owner == cx.frame { // a panic is ours now, not one that nobody has seen
		t.attachment.detach()
	}
	if err := t.Frame.result(); err != nil {
		return v, err
	}
	return t.value, nil
}

// Result returns the result if the task is done, and Pending if it is not; a
// panic is a [*PanicError]. Any goroutine; it never blocks.
func (h *Handle[T]) Result() (v T, err error) {
	Point(nil)
	if !h.t.state.done() {
		return v, Pending
	}
	if err := h.t.Err(); err != nil {
		return v, err
	}
	return h.t.value, nil
}

// WaitContext is Wait for goroutines: it blocks until the task's end, or until
// ctx is done; then its error wraps ctx's cause, and the task goes on.
func (h *Handle[T]) WaitContext(ctx context.Context) (v T, err error) {
	if err := h.t.Frame.WaitContext(ctx); err != nil {
		return v, err
	}
	return h.t.value, nil
}

// Cancel asks the task to end. See [Frame.Cancel].
func (h *Handle[T]) Cancel(cause error) { h.t.Cancel(cause) }
