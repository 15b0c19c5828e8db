package lock

import (
	"context"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/park"
	"github.com/heist-go/heist/task"
)

// OnceValue is a lazily made value, for an operation that may suspend: the first caller makes it, and
// the others wait. The zero value is ready.
type OnceValue[T any] struct {
	made   atomicx.Bool
	value  atomicx.Plain[T]
	mu     park.Mutex // guards what follows
	making bool       // somebody holds a grant
	queue  task.WaitQueue

	inside bool // the operation that makes it is polled; belongs to the task that has the grant
}

// Get returns the value, and is sticky. If there is none yet, the task makes it by f, which is called
// again until it does not return Pending; or it waits for the task that does.
//
// An error of f is its caller's, and the next in the queue tries. So it does if the task that
// makes the value is canceled, panics, or ends: others do not wait for ever. A canceled task
// gets the error at once, without another call of f: what f has begun, it finds in the task.
//
// It is a mistake, and panics, if f asks for the value itself.
//
//heist:sticky
func (o *OnceValue[T]) Get(cx *task.Cx, f func(*task.Cx) (T, error)) (v T, err error) {
	task.Point(cx)
	if cx.Spent() {
		return v, cx.Spend()
	}
	// Pairs with: (*OnceValue).set.
	if o.made.Load() && !o.queue.Contains(cx) {
		return o.value.Get(), cx.Spend()
	}
	if o.queue.Contains(cx) {
		err = o.queue.Resume(cx, 1)
	} else {
		o.mu.Lock()
		err = o.queue.Enqueue(cx, &o.mu, (*oncePolicy[T])(o), 1, o.enter())
	}
	if err != nil {
		return v, err
	}
	if o.made.Load() {
		v = o.value.Get()
	} else if v, err = o.makes(cx, f); task.IsPending(err) {
		return v, err
	} else if err == nil {
		o.set(v)
	}
	o.queue.Quit(cx)
	if !cx.Spent() { // f may have used up the rest
		_ = cx.Spend()
	}
	return v, err
}

// makes polls the operation that makes the value.
func (o *OnceValue[T]) makes(cx *task.Cx, f func(*task.Cx) (T, error)) (T, error) {
	if o.inside {
		panic("lock: an operation that makes the value of a OnceValue, or that a Once does, asks for it itself: it would wait for itself; use what it makes, or two objects")
	}
	o.inside = true
	//heistvet:ignore deferpoll: inside is about this poll
	defer func() { o.inside = false }()
	return f(cx)
}

// GetContext is Get for goroutines: it blocks until there is a value, or until ctx is
// done; then its error wraps ctx's cause. f is given ctx.
func (o *OnceValue[T]) GetContext(ctx context.Context, f func(context.Context) (T, error)) (v T, err error) {
	// Pairs with: (*OnceValue).set.
	if o.made.Load() {
		return o.value.Get(), nil
	}
	if err := o.queue.EnqueueContext(ctx, &o.mu, (*oncePolicy[T])(o), 1, o.enter); err != nil {
		return v, err
	}
	if o.made.Load() {
		return o.value.Get(), nil
	}
	defer func() { // whatever f does
		o.mu.Lock()
		o.making = false
		o.queue.Grant(nil, &o.mu, (*oncePolicy[T])(o))
	}()
	if v, err = f(ctx); err == nil {
		o.set(v)
	}
	return v, err
}

// Value returns the value, and whether there is one. Any thread; it never blocks.
func (o *OnceValue[T]) Value() (v T, ok bool) {
	// Pairs with: (*OnceValue).set.
	if !o.made.Load() {
		return v, false
	}
	return o.value.Get(), true
}

func (o *OnceValue[T]) set(v T) {
	o.value.Set(v)
	// Publish. The value.
	// Pairs with: (*OnceValue).Get, (*OnceValue).GetContext, (*OnceValue).Value.
	o.made.Store(true)
}

// enter decides about a newcomer. The lock is held.
func (o *OnceValue[T]) enter() task.GrantState {
	if !o.queue.Empty() && !o.made.Load() {
		return task.Waiting // somebody has given up, and the next is about to be asked
	}
	return (*oncePolicy[T])(o).TryGrant(&o.queue, 1)
}

// oncePolicy is the OnceValue as the policy of its queue.
type oncePolicy[T any] OnceValue[T]

// WaitObject is what [task.Inspect] calls a OnceValue.
func (p *oncePolicy[T]) WaitObject() string { return "lock.OnceValue" }

// MadeByHolder says that a task with a grant makes the value, and that others wait for it.
func (p *oncePolicy[T]) MadeByHolder() {}

func (p *oncePolicy[T]) TryGrant(*task.WaitQueue, int64) task.GrantState {
	switch {
	case p.made.Load():
		return task.Notified
	case p.making:
		return task.Waiting
	}
	p.making = true
	return task.Granted
}

func (p *oncePolicy[T]) Revoke(_ *task.WaitQueue, _ int64, state task.GrantState) {
	if state == task.Granted {
		p.making = false
	}
}

// Once is a [OnceValue] without a value: something that is done once. The zero value is
// ready.
type Once struct{ v OnceValue[struct{}] }

// Do does it, by f, unless it is done; it is sticky. See [OnceValue.Get].
//
//heist:sticky
func (o *Once) Do(cx *task.Cx, f func(*task.Cx) error) error {
	_, err := o.v.Get(cx, func(cx *task.Cx) (struct{}, error) { return struct{}{}, f(cx) })
	return err
}

// DoContext is Do for goroutines; see [OnceValue.GetContext].
func (o *Once) DoContext(ctx context.Context, f func(context.Context) error) error {
	_, err := o.v.GetContext(ctx, func(ctx context.Context) (struct{}, error) { return struct{}{}, f(ctx) })
	return err
}

// Done reports whether it is done. Any thread.
func (o *Once) Done() bool { return o.v.made.Load() }
