package lock

import (
	"context"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/park"
	"github.com/heist-go/heist/task"
)

// OnceValue is a value that is made when it is wanted first, by an operation that may
// suspend: whoever comes first makes it, and the others wait. The zero value is ready.
type OnceValue[T any] struct {
	made   atomicx.Bool
	value  atomicx.Plain[T]
	mu     park.Mutex // guards what follows
	making bool       // somebody holds a grant
	line   task.Line
}

// Get returns the value, and is sticky. If there is none yet, the task makes it by f, which is called
// again until it does not return Pending; or it waits for the task that does.
//
// An error of f is its caller's, and the next in line tries. So it does if the task that
// makes the value is canceled, panics, or ends: others do not wait for ever. A canceled task
// is told at once, without another call of f: what f has begun, it finds in the task.
func (o *OnceValue[T]) Get(cx *task.Cx, f func(*task.Cx) (T, error)) (v T, err error) {
	if err := cx.Spend(); err != nil {
		return v, err
	}
	if o.made.Load() && !o.line.Holds(cx) {
		return o.value.Get(), nil
	}
	if o.line.Holds(cx) {
		err = o.line.Resume(cx, 1)
	} else {
		o.mu.Lock()
		err = o.line.Hold(cx, &o.mu, (*maker[T])(o), 1, o.enter())
	}
	if err != nil {
		return v, err
	}
	if o.made.Load() {
		v = o.value.Get()
	} else if v, err = f(cx); task.IsPending(err) {
		return v, err
	} else if err == nil {
		o.set(v)
	}
	o.line.Quit(cx)
	return v, err
}

// GetContext is Get for goroutines: it blocks until there is a value, or until ctx is
// done; then its error wraps ctx's cause. f is given ctx.
func (o *OnceValue[T]) GetContext(ctx context.Context, f func(context.Context) (T, error)) (v T, err error) {
	if o.made.Load() {
		return o.value.Get(), nil
	}
	if err := o.line.HoldContext(ctx, &o.mu, (*maker[T])(o), 1, o.enter); err != nil {
		return v, err
	}
	if o.made.Load() {
		return o.value.Get(), nil
	}
	defer func() { // whatever f does
		o.mu.Lock()
		o.making = false
		o.line.Serve(nil, &o.mu, (*maker[T])(o))
	}()
	if v, err = f(ctx); err == nil {
		o.set(v)
	}
	return v, err
}

// Value returns the value, and whether there is one. Any thread; it never blocks.
func (o *OnceValue[T]) Value() (v T, ok bool) {
	if !o.made.Load() {
		return v, false
	}
	return o.value.Get(), true
}

func (o *OnceValue[T]) set(v T) {
	o.value.Set(v)
	// Publish. The value. Pairs with: (*OnceValue).Get.
	o.made.Store(true)
}

// enter decides about a newcomer. The lock is held.
func (o *OnceValue[T]) enter() task.Verdict {
	if !o.line.Empty() && !o.made.Load() {
		return task.Waiting // somebody has given up, and the next is about to be told
	}
	return (*maker[T])(o).Decide(&o.line, 1)
}

// maker is the OnceValue as the keeper of its line.
type maker[T any] OnceValue[T]

func (o *maker[T]) Decide(*task.Line, int64) task.Verdict {
	switch {
	case o.made.Load():
		return task.Told
	case o.making:
		return task.Waiting
	}
	o.making = true
	return task.Granted
}

func (o *maker[T]) Withdraw(_ *task.Line, _ int64, v task.Verdict) {
	if v == task.Granted {
		o.making = false
	}
}

func (o *maker[T]) Attend(cx *task.Cx) {
	o.mu.Lock()
	o.line.Serve(cx, &o.mu, o)
}

// Once is a [OnceValue] without a value: something that is done once. The zero value is
// ready.
type Once struct{ v OnceValue[struct{}] }

// Do does it, by f, unless it is done; it is sticky. See [OnceValue.Get].
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
