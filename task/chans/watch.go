package chans

import (
	"context"
	"iter"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/park"
	"github.com/heist-go/heist/task"
)

// Watch is a value that changes: a configuration, a state. Watchers wait for a change and
// see the latest value; those in between are of no interest.
//
// Values are read without a lock. Setting one allocates.
//
//	setter (lock)                        watcher
//	latest: the next version             closed, then latest: is it news?
//	looks whether anybody waits          into the set, and looks again
type Watch[T any] struct {
	latest atomicx.Pointer[version[T]]
	closed atomicx.Bool
	mu     park.Mutex // guards set, and is held by setters
	set    task.WaitSet
}

type version[T any] struct {
	n uint64
	v T
}

// NewWatch returns a watch with v as its first value.
//
//heist:keeps
func NewWatch[T any](v T) *Watch[T] {
	w := &Watch[T]{}
	w.latest.Store(&version[T]{0, v}) // Initialisation
	return w
}

// Get returns the latest value. Any thread; it never blocks.
func (w *Watch[T]) Get() T { return w.latest.Load().v }

// Set sets the value, and wakes all watchers. It returns an error that is
// [task.ErrClosed], and changes nothing, if the watch is closed. cx is the poll in
// progress, or nil outside of one. Any thread; it never blocks.
//
//heist:keeps
func (w *Watch[T]) Set(cx *task.Cx, v T) error {
	return w.Update(cx, func(T) (T, bool) { return v, true })
}

// Update sets the value to what f makes of the latest one, unless f reports false. f must
// be short and must not use the watch: others wait for it to return. See Set.
func (w *Watch[T]) Update(cx *task.Cx, f func(T) (T, bool)) error {
	task.Point(cx)
	changed, err := w.change(f)
	if changed && !w.set.Empty() {
		w.set.WakeAll(&w.mu, cx)
	}
	return err
}

func (w *Watch[T]) change(f func(T) (T, bool)) (changed bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock() // whatever f does
	if w.closed.Load() {
		return false, errClosed
	}
	old := w.latest.Load()
	v, changed := f(old.v)
	if changed {
		task.MustOwn(v, errBorrowed)
		// Publish. The value.
		// Store-load: the value, then a look for watchers: one that neither sees would sleep for ever.
		// Pairs with: (*Watcher).next, (*Watcher).Next.
		w.latest.Store(&version[T]{old.n + 1, v})
	}
	return changed, nil
}

// Close says that the value does not change any more: watchers that have seen the latest get an
// error that is [task.ErrClosed]. cx is the poll in progress, or nil outside of one. Any
// thread; it never blocks.
func (w *Watch[T]) Close(cx *task.Cx) {
	task.Point(cx)
	w.mu.Lock()
	// Publish. The last value.
	// Pairs with: (*Watcher).next.
	w.closed.Store(true)
	w.mu.Unlock()
	w.set.WakeAll(&w.mu, cx)
}

// Watch returns what tells of changes from now on. It need not be ended.
func (w *Watch[T]) Watch() *Watcher[T] { return &Watcher[T]{w, w.latest.Load().n} }

// Watcher tells of changes of a [Watch]. It belongs to one task or goroutine at a time. A
// task that waits for two of the same watch does so in two branches, as the combinators in
// package combine do.
type Watcher[T any] struct {
	w    *Watch[T]
	seen uint64
}

// next returns the latest value if it is news, and ErrEmpty if not.
func (r *Watcher[T]) next() (v T, err error) {
	closed := r.w.closed.Load() // before the value: nothing is set after that
	// Pairs with: (*Watch).change, (*Watch).Close.
	latest := r.w.latest.Load()
	switch {
	case latest.n != r.seen:
		r.seen = latest.n
		return latest.v, nil
	case closed:
		return v, errClosed
	}
	return v, ErrEmpty
}

// Next waits until the value has changed since it was seen last, and returns it. It
// returns an error that is [task.ErrClosed] if it will not change any more.
func (r *Watcher[T]) Next(cx *task.Cx) (v T, err error) {
	task.Point(cx)
	if err := cx.Err(); err != nil {
		return v, err
	}
	if cx.Spent() {
		return v, cx.Spend()
	}
	if v, err = r.next(); err == ErrEmpty {
		// Into the set, then another look. Pairs with: (*Watch).change.
		r.w.set.ListenFor(cx, &r.w.mu, r.w)
		if v, err = r.next(); err == ErrEmpty {
			return v, cx.Suspend()
		}
	}
	r.w.set.Forget(cx)
	_ = cx.Spend() // there is some left
	return v, err
}

// TryNext returns the value if it has changed since it was seen last, and [ErrEmpty]
// otherwise.
func (r *Watcher[T]) TryNext() (T, error) { return r.next() }

// NextContext is Next for goroutines: it blocks until the value has changed, or until ctx
// is done; then its error wraps ctx's cause.
func (r *Watcher[T]) NextContext(ctx context.Context) (v T, err error) {
	ready := func() bool { return r.w.latest.Load().n != r.seen || r.w.closed.Load() }
	if err := r.w.set.Block(ctx, &r.w.mu, ready); err != nil {
		return v, err
	}
	return r.next()
}

// Values returns the values as they change, for a goroutine: it blocks until there is a
// new one, and ends when the watch is closed, or when ctx is done.
func (r *Watcher[T]) Values(ctx context.Context) iter.Seq[T] {
	return values(ctx, r.NextContext)
}
