package machine

import (
	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/task"
)

// Literal is the head of a function literal in progress. It has a driver of its own, as it is
// polled by whoever was given it, and is told when nobody will poll it any more.
type Literal struct {
	Call
	drv    Driver
	op     task.Operation
	branch task.Branch // what it waits for: a literal may call itself
	first  *Literal    // of the literal's first call, which stands for the literal
	self   Func
	busy   atomicx.Bool // of the first call: it is in progress
}

// Here returns the call that is in progress where cx polls, or nil. l is the literal's first
// call.
func (l *Literal) Here(cx *task.Cx) Func {
	a := cx.InProgress(func(a task.Abandoner) bool {
		c, ok := a.(*Literal)
		return ok && c.first == l
	})
	if a == nil {
		return nil
	}
	return a.(*Literal).self
}

// Claim takes the memory of the literal's first call, if it is free. A literal may be in
// progress several times: in branches, and in tasks.
func (l *Literal) Claim() bool {
	// Claim. The memory.
	// Pairs with: (*Literal).Drive, (*Literal).Abandon.
	return l.busy.CompareAndSwap(false, true)
}

// Drive is [Driver.Drive] for self, the function in progress of l. first is the literal's first
// call.
func (l *Literal) Drive(cx *task.Cx, self Func, first *Literal) (err error) {
	over := true
	defer func() { // a panic is an end, too
		if over {
			l.op.Done(cx)
			l.branch.End(cx)
			l.drv.Reset()
			// Publish. The memory is free.
			// Pairs with: (*Literal).Claim.
			l.busy.Store(false)
		}
	}()
	l.first, l.self = first, self
	if l.op.InProgress() {
		l.op.Enter(cx)
	}
	err = l.branch.Poll(cx, func(cx *task.Cx) error { return l.drv.Drive(cx, self) })
	if err == task.Pending {
		over = false
		l.op.Join(cx, l)
	}
	return err
}

// End abandons the call that is in progress, if there is one: a panic has left it behind.
func (l *Literal) End(cx *task.Cx) { l.op.End(cx) }

// Abandon is called when nobody will poll the literal any more: the deferred calls of the
// functions in progress run, the innermost's first.
func (l *Literal) Abandon(cx *task.Cx) {
	l.branch.End(cx)
	m := l.drv.top
	l.drv.Reset()
	// Publish. The memory is free.
	// Pairs with: (*Literal).Claim.
	defer l.busy.Store(false)
	unwind(m)
}

func unwind(m Func) {
	if m == nil {
		return
	}
	up := m.call().up
	m.call().up = nil
	defer unwind(up)
	if d, ok := m.(interface{ Unwind() }); ok {
		d.Unwind()
	}
}
