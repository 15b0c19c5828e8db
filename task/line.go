package task

import (
	"context"
	"fmt"

	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/internal/park"
)

// Keeper decides who is next in the lines of an object.
//
// A grant is the waiting task's from the moment at which it is decided, before the task
// is polled: nobody can come in between. If the task does not want it any more, because
// it was canceled, has ended, or has won another branch of a select, the grant comes back
// through Withdraw and goes to the next in line.
type Keeper interface {
	// Decide is asked whether the oldest in l, who asks for n, may go on, and sets
	// aside what it grants. The lock is held.
	Decide(l *Line, n int64) Verdict
	// Withdraw takes back what was set aside for one who has asked for n, if v is
	// Granted, and otherwise only learns that one less waits. The lock is held.
	Withdraw(l *Line, n int64, v Verdict)
	// Attend lets go on whoever can now, in all lines: it calls Serve for each. The
	// lock is not held. cx is the caller's poll, or nil.
	Attend(cx *Cx)
}

// Verdict is what has become of a wait.
type Verdict uint8

const (
	Waiting Verdict = iota // not yet
	Granted                // it has what it asked for
	Told                   // it may go on, with all others; nothing was set aside for it
	Refused                // it will never get it: the object is closed
)

// Wait is how a task waits for something that is given to one: the task asks k for n, at
// the end of the line. It returns nil when that is granted, and ErrClosed when it is
// refused. Called again after Pending it is the same place in the line.
//
// A canceled task gives up its place, and what was granted to it. The lock is not held.
func (l *Line) Wait(cx *Cx, mu *park.Mutex, k Keeper, n int64) error {
	w := cx.waiter(l)
	if w == nil {
		mu.Lock()
		v := Waiting
		if l.Empty() {
			if v = k.Decide(l, n); v != Waiting {
				mu.Unlock()
				return v.err()
			}
		}
		return l.Hold(cx, mu, k, n, v)
	}
	err := l.resume(cx, w, n)
	if err == nil {
		l.leave(cx, w)
	}
	return err
}

// Hold is Wait that leaves the task its place: until it calls Leave, or Quit, or ends,
// which is as good as Quit, it has what was granted, and Hold returns nil. The caller has
// decided about a task that has no place yet: it is v. The lock is held, and is not any
// more when Hold returns.
func (l *Line) Hold(cx *Cx, mu *park.Mutex, k Keeper, n int64, v Verdict) error {
	w := cx.waiter(l)
	if w == nil {
		if err := cx.Err(); err != nil {
			k.Withdraw(l, n, v)
			mu.Unlock()
			k.Attend(cx)
			return err
		}
		w = cx.newWaiter(mu, l, true)
		w.keeper, w.asks = k, n
		if v == Waiting {
			l.add(w)
		} else {
			w.verdict.Store(uint32(v))
		}
	}
	mu.Unlock()
	return l.resume(cx, w, n)
}

// resume looks what has become of the wait w.
func (l *Line) resume(cx *Cx, w *waiter, n int64) error {
	if invariant.Enabled && w.asks != n {
		panic(fmt.Sprintf("task: %s waits for %d of an object, and now asks for %d: call the same operation again", Name(cx.frame.self), w.asks, n))
	}
	v := Verdict(w.verdict.Load())
	if v == Refused {
		l.leave(cx, w)
		return ErrClosed
	}
	if err := cx.Err(); err != nil {
		l.withdraw(cx, w)
		return err
	}
	if v == Waiting {
		cx.visit(w)
		return cx.Suspend()
	}
	return nil
}

// err is what an operation returns after it was told v.
func (v Verdict) err() error {
	if v == Refused {
		return ErrClosed
	}
	return nil
}

// Holds reports whether the polled task has a place in the line.
func (l *Line) Holds(cx *Cx) bool { return *cx.holdings() != nil && cx.waiter(l) != nil }

// Leave ends the wait of a task that has what it has asked for.
func (l *Line) Leave(cx *Cx) { l.leave(cx, cx.waiter(l)) }

// leave is Leave for w, which is in the line no more.
func (l *Line) leave(cx *Cx, w *waiter) {
	cx.moveOn()
	cx.unhold(&w.hold)
	cx.run.freeWaiter(w)
}

// Quit ends the wait of a task, if it waits or has a grant: that goes to the next. The
// lock is not held.
func (l *Line) Quit(cx *Cx) {
	if w := cx.waiter(l); w != nil {
		l.withdraw(cx, w)
	}
}

// withdraw takes w out of the line, and its grant back.
func (l *Line) withdraw(cx *Cx, w *waiter) {
	mu, k := w.mu, w.keeper
	mu.Lock()
	l.remove(w)
	k.Withdraw(l, w.asks, w.said())
	mu.Unlock()
	cx.unhold(&w.hold)
	cx.run.freeWaiter(w)
	k.Attend(cx)
}

// said is the verdict. The lock is held.
func (w *waiter) said() Verdict {
	if w.going {
		return Told
	}
	return Verdict(w.verdict.Load())
}

// Alone reports whether there is but one in the line. The lock is held.
func (l *Line) Alone() bool {
	w := l.head.Load()
	return w != nil && w.next == w
}

// Serve lets the oldest go on, and those behind it, as long as k agrees. The lock is
// held, and is not any more when Serve returns: nobody is woken under it. cx is the
// caller's poll, or nil.
func (l *Line) Serve(cx *Cx, mu *park.Mutex, k Keeper) {
	for {
		w := l.head.Load()
		if w == nil {
			break
		}
		v := Told
		if !w.going { // else ServeAll is about to tell it
			v = k.Decide(l, w.asks)
		}
		if v == Waiting {
			break
		}
		l.remove(w)
		// Publish. What the keeper has set aside.
		// Pairs with: (*Line).resume.
		w.verdict.Store(uint32(v))
		wake, more := w.wake, l.head.Load() != nil
		mu.Unlock() // w is its task's from here on
		wake.do(cx)
		if !more {
			return // who comes now asks for itself
		}
		mu.Lock()
	}
	mu.Unlock()
}

// ServeAll tells all who are in the line now to go on. The lock is held, and is not any
// more when ServeAll returns. cx is the caller's poll, or nil.
func (l *Line) ServeAll(cx *Cx, mu *park.Mutex) {
	first := l.head.Load()
	for w := first; w != nil; {
		w.going = true
		if w = w.next; w == first {
			break
		}
	}
	for more := first != nil; more; {
		var woken [batch]wakeup
		n := 0
		for n < batch {
			w := l.head.Load()
			if more = w != nil && w.going; !more { // who came since is behind them
				break
			}
			l.remove(w)
			// Publish. Pairs with: (*Line).resume.
			w.verdict.Store(uint32(Told))
			woken[n] = w.wake
			n++
		}
		mu.Unlock()
		for i := range n {
			woken[i].do(cx)
		}
		mu.Lock()
	}
	mu.Unlock()
}

// WaitContext is Wait for goroutines: it blocks until what was asked for is granted or
// refused, or ctx is done; then its error wraps ctx's cause.
func (l *Line) WaitContext(ctx context.Context, mu *park.Mutex, k Keeper, n int64) error {
	return l.HoldContext(ctx, mu, k, n, func() Verdict {
		if l.Empty() {
			return k.Decide(l, n)
		}
		return Waiting
	})
}

// HoldContext is WaitContext with another way to enter: enter decides whether the
// goroutine has to wait at all, with the lock held.
func (l *Line) HoldContext(ctx context.Context, mu *park.Mutex, k Keeper, n int64, enter func() Verdict) error {
	if ctx.Err() != nil {
		return interrupted(ctx)
	}
	forbidOnWorker()
	w := waiter{on: l, mu: mu, keeper: k, asks: n, wake: wakeup{bell: make(chan struct{}, 1)}}
	mu.Lock()
	v := enter()
	if v == Waiting {
		l.add(&w)
		mu.Unlock()
		select {
		case <-w.wake.bell:
		case <-ctx.Done():
		}
		mu.Lock()
		l.remove(&w)
		if v = w.said(); v != Refused && ctx.Err() != nil {
			k.Withdraw(l, n, v)
			mu.Unlock()
			k.Attend(nil)
			return interrupted(ctx)
		}
	}
	mu.Unlock()
	return v.err()
}
