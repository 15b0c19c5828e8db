package task

import (
	"context"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/park"
)

// Promise is a value that arrives once, from anywhere: a callback of foreign code
// ends in Resolve. The zero value is ready. A Promise must not be copied after
// its first use.
//
//	open --Resolve: CAS--> resolving --store--> resolved, for ever
type Promise[T any] struct {
	state   atomicx.Uint32
	mu      park.Mutex // guards waiters
	waiters WaitSet
	value   atomicx.Plain[T]
	err     atomicx.Plain[error]
}

// The states of a promise.
const (
	open = iota
	resolving
	resolved
)

// Resolve gives the promise its value, or its error, and wakes all who wait. It
// reports false, and changes nothing, if that has happened before.
//
// Any thread; it never blocks. It synchronizes before the return of a Wait.
//
//heist:keeps
func (p *Promise[T]) Resolve(v T, err error) bool {
	Point(nil)
	MustOwn(v, "task: a promise is resolved with bytes that are lent (Next, ReadUntil, Scratch): they are valid until Poll returns: resolve it with a copy (bytes.Clone)")
	// Claim. The right to write the value.
	// Pairs with: (*Promise).Resolve.
	if !p.state.CompareAndSwap(open, resolving) {
		return false
	}
	p.value.Set(v)
	p.err.Set(err)
	// Publish. The value.
	// Store-load: the state, then a look for waiters; a waiter lists itself, and then looks at the
	// state. One that neither sees would sleep for ever.
	// Pairs with: (*Promise).done.
	p.state.Store(resolved)
	if !p.waiters.Empty() {
		p.waiters.WakeAll(&p.mu, nil)
	}
	return true
}

// done reports whether the value is there. A waiter asks after it has listed itself.
//
// Pairs with: (*Promise).Resolve.
func (p *Promise[T]) done() bool { return p.state.Load() == resolved }

// Wait waits for the value. It is sticky. Tasks only; goroutines use
// WaitContext.
//
//heist:sticky
func (p *Promise[T]) Wait(cx *Cx) (v T, err error) {
	Point(cx)
	if !p.done() {
		if err := cx.Err(); err != nil {
			return v, err
		}
		p.waiters.ListenFor(cx, &p.mu, p)
		if !p.done() {
			return v, cx.Suspend()
		}
	}
	if err := p.waiters.end(cx); err != nil {
		return v, err
	}
	return p.value.Get(), p.err.Get()
}

// Result returns the value if it is there, and Pending if it is not. Any thread;
// it never blocks.
func (p *Promise[T]) Result() (v T, err error) {
	Point(nil)
	if !p.done() {
		return v, Pending
	}
	return p.value.Get(), p.err.Get()
}

// WaitContext is Wait for goroutines: it blocks until the value is there, or
// until ctx is done; then its error wraps ctx's cause.
func (p *Promise[T]) WaitContext(ctx context.Context) (v T, err error) {
	if err := p.waiters.Block(ctx, &p.mu, p.done); err != nil {
		return v, err
	}
	return p.value.Get(), p.err.Get()
}
