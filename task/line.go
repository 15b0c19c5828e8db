package task

import (
	"context"
	"fmt"

	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/internal/park"
)

// Line is who waits for something that is given to one at a time, first come, first
// served: a ring of tasks and goroutines. It is what locks and channels are made of, and
// those are what a program uses; a new kind of object is two or three fields, a Line, and
// a [Keeper] that decides. The zero value is empty.
//
// A Line belongs to an object with a lock, which guards it and is passed along; the lock
// is held for a few instructions and never while anybody is woken. An object may have
// several lines.
type Line struct{ oldest *waiter }

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

// Empty reports whether nobody waits. The lock is held.
func (l *Line) Empty() bool { return l.oldest == nil }

// Alone reports whether there is but one in the line. The lock is held.
func (l *Line) Alone() bool { return l.oldest != nil && l.oldest.next == l.oldest }

// add puts w at the end of the line. The lock is held.
func (l *Line) add(w *waiter) {
	h := l.oldest
	if h == nil {
		w.prev, w.next = w, w
		l.oldest = w
		return
	}
	w.prev, w.next = h.prev, h
	h.prev.next = w
	h.prev = w
}

// remove takes w out of the line, if it is in it. The lock is held.
func (l *Line) remove(w *waiter) {
	if w.next == nil {
		return
	}
	if w.next == w {
		l.oldest = nil
	} else {
		w.prev.next, w.next.prev = w.next, w.prev
		if l.oldest == w {
			l.oldest = w.next
		}
	}
	w.prev, w.next = nil, nil
}

// waiter finds the place of the polled task, or of its branch in progress.
func (l *Line) waiter(cx *Cx) *waiter {
	for h := *cx.holdings(); h != nil; h = h.next {
		w := h.waits()
		if w == nil || w.in == l {
			return w
		}
	}
	return nil
}

// Wait is how a task waits for something that is given to one: the task asks k for n, at
// the end of the line. It returns nil when that is granted, and ErrClosed when it is
// refused. Called again after Pending it is the same place in the line.
//
// A canceled task gives up its place, and what was granted to it. The lock is not held.
func (l *Line) Wait(cx *Cx, mu *park.Mutex, k Keeper, n int64) error {
	w := l.waiter(cx)
	if w == nil {
		if err := cx.Err(); err != nil {
			return err
		}
		mu.Lock()
		if l.Empty() {
			if v := k.Decide(l, n); v != Waiting {
				mu.Unlock()
				return v.err()
			}
		}
		return l.Hold(cx, mu, k, n, Waiting)
	}
	return l.collect(cx, w, n)
}

// Collect is Resume for a task that needs its place no more once it has what it asks for.
func (l *Line) Collect(cx *Cx, n int64) error { return l.collect(cx, l.waiter(cx), n) }

func (l *Line) collect(cx *Cx, w *waiter, n int64) error {
	err := l.look(cx, w, n)
	if err == nil {
		l.leave(cx, w)
	}
	return err
}

// Hold puts a task into the line that has no place in it. The caller has decided about
// it: the verdict is v. It returns nil if that is not to wait, and then, or later, the
// task has what was granted to it until it calls Leave, or Quit, or ends, which is as good
// as Quit. The lock is held, and is not any more when Hold returns.
func (l *Line) Hold(cx *Cx, mu *park.Mutex, k Keeper, n int64, v Verdict) error {
	err := v.err()
	if err == nil {
		err = cx.Err()
	}
	if err != nil {
		k.Withdraw(l, n, v)
		mu.Unlock()
		k.Attend(cx)
		return err
	}
	l.check(cx, mu, k, n, v)
	w := cx.newWaiter(mu)
	w.in, w.keeper, w.asks = l, k, n
	if w.use++; w.use<<2 == 0 { // a full circle: what was said a round ago counts no more
		w.verdict.Store(uint32(Waiting))
	}
	if v != Waiting {
		w.say(v)
		mu.Unlock()
		return nil
	}
	l.add(w)
	mu.Unlock()
	cx.visit(w)
	return cx.idle()
}

// check is checkStage, in debug builds, which gives back what Hold was called with if it
// panics: the object is not only this task's.
func (l *Line) check(cx *Cx, mu *park.Mutex, k Keeper, n int64, v Verdict) {
	if !invariant.Enabled {
		return
	}
	sound := false
	defer func() {
		if !sound {
			k.Withdraw(l, n, v)
			mu.Unlock()
			k.Attend(nil)
		}
	}()
	cx.checkStage(mu)
	sound = true
}

// Resume is Hold for a task that has a place in the line. It returns nil as long as the
// task has what it has asked for. The lock is not held.
func (l *Line) Resume(cx *Cx, n int64) error { return l.look(cx, l.waiter(cx), n) }

// look looks what has become of the wait w.
func (l *Line) look(cx *Cx, w *waiter, n int64) error {
	if invariant.Enabled && w.asks != n {
		panic(fmt.Sprintf("task: %s waits for %d of an object, and now asks for %d: call the same operation again", Name(cx.frame.self), w.asks, n))
	}
	v := w.said()
	if v == Refused {
		l.leave(cx, w)
		return ErrClosed
	}
	if v == Told { // nothing to give back: it has happened
		return nil
	}
	if err := cx.Err(); err != nil {
		l.withdraw(cx, w)
		return err
	}
	if v == Waiting {
		cx.visit(w)
		return cx.idle()
	}
	return nil
}

// say records a verdict. The lock is held, or nobody else knows w.
func (w *waiter) say(v Verdict) {
	// Publish. What the keeper has set aside.
	// Pairs with: (*waiter).said.
	w.verdict.Store(w.use<<2 | uint32(v))
}

// said returns the verdict, without the lock: it is the last that is written of a wait.
func (w *waiter) said() Verdict {
	if v := w.verdict.Load(); v>>2 == w.use<<2>>2 {
		return Verdict(v & 3)
	}
	return Waiting
}

// err is what an operation returns after it was told v.
func (v Verdict) err() error {
	if v == Refused {
		return ErrClosed
	}
	return nil
}

// Holds reports whether the polled task has a place in the line.
func (l *Line) Holds(cx *Cx) bool { return *cx.holdings() != nil && l.waiter(cx) != nil }

// Leave ends the wait of a task that has what it has asked for.
func (l *Line) Leave(cx *Cx) { l.leave(cx, l.waiter(cx)) }

// leave is Leave for w, which is in the line no more.
func (l *Line) leave(cx *Cx, w *waiter) {
	cx.moveOn()
	cx.unhold(&w.hold)
	cx.run.freeWaiter(w)
}

// Quit ends the wait of a task, if it waits or has a grant: that goes to the next. The
// lock is not held.
func (l *Line) Quit(cx *Cx) {
	if w := l.waiter(cx); w != nil {
		l.withdraw(cx, w)
	}
}

// withdraw takes w out of the line, and its grant back.
func (l *Line) withdraw(cx *Cx, w *waiter) {
	mu, k := w.mu, w.keeper
	mu.Lock()
	l.remove(w)
	k.Withdraw(l, w.asks, w.ruled())
	mu.Unlock()
	cx.unhold(&w.hold)
	cx.run.freeWaiter(w)
	k.Attend(cx)
}

// ruled is said for one that was taken out of the line before it was told. The lock is
// held.
func (w *waiter) ruled() Verdict {
	if w.going {
		return Told
	}
	return w.said()
}

// Serve lets the oldest go on, and those behind it, as long as k agrees. The lock is
// held, and is not any more when Serve returns: nobody is woken under it. cx is the
// caller's poll, or nil.
func (l *Line) Serve(cx *Cx, mu *park.Mutex, k Keeper) {
	for {
		w := l.oldest
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
		wake, more := w.wake, !l.Empty()
		w.say(v)
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
	first := l.oldest
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
			w := l.oldest
			if more = w != nil && w.going; !more { // who came since is behind them
				break
			}
			l.remove(w)
			woken[n] = w.wake
			w.say(Told)
			n++
		}
		mu.Unlock()
		wakeMany(woken[:n], cx)
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
	w := waiter{in: l, mu: mu, keeper: k, asks: n, use: 1, wake: wakeup{bell: make(chan struct{}, 1)}}
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
		if v = w.ruled(); v == Waiting || v == Granted && ctx.Err() != nil {
			k.Withdraw(l, n, v)
			mu.Unlock()
			k.Attend(nil)
			return interrupted(ctx)
		}
	}
	mu.Unlock()
	return v.err()
}
