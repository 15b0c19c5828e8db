package chans

import (
	"context"
	"fmt"
	"iter"

	"github.com/heist-go/heist/internal/park"
	"github.com/heist-go/heist/task"
)

// Mailbox is a bounded channel with many senders and one receiver, which is a [Chan] for
// less than its price: the receiver fetches all that is there at once, and then receives
// without touching anything that others touch. (Two buffers change places; it is how
// double-buffered queues and the inboxes of actors work.)
//
// Senders wait while n values are there that the receiver has not fetched. So up to 2n are
// in the mailbox. It keeps the memory of twice the most that were fetched at once.
type Mailbox[T any] struct {
	mu       park.Mutex // guards what follows
	in       []T
	limit    int // of in
	reserved int // room that is promised to senders
	closed   bool
	senders  task.WaitQueue
	receiver task.WaitQueue

	out []T // the receiver's: what it has fetched
	at  int // how much of it is received
}

// NewMailbox returns a mailbox that senders can put n values into before the receiver
// comes, at least one.
func NewMailbox[T any](n int) *Mailbox[T] {
	if n < 1 {
		panic(fmt.Sprintf("chans: NewMailbox(%d): a mailbox has room for at least one value", n))
	}
	some := min(n, firstRoom)
	return &Mailbox[T]{in: make([]T, 0, some), out: make([]T, 0, some), limit: n}
}

// Send sends v, and waits until there is room. It returns an error that is
// [task.ErrClosed] if the mailbox is closed.
//
//heist:keeps
func (m *Mailbox[T]) Send(cx *task.Cx, v T) error {
	task.MustOwn(v, errBorrowed)
	if err := cx.Spend(); err != nil {
		return err
	}
	if m.senders.Contains(cx) {
		if err := m.senders.Collect(cx, 1); err != nil {
			return named(err)
		}
		m.mu.Lock()
		m.reserved--
	} else {
		if err := cx.Err(); err != nil {
			return err
		}
		m.mu.Lock()
		if !m.room() {
			return named(m.senders.Enqueue(cx, &m.mu, (*mailboxPolicy[T])(m), 1, refusedIf(m.closed)))
		}
	}
	m.put(cx, v)
	return nil
}

// TrySend sends v if there is room and nobody waits for it, and returns [ErrFull]
// otherwise. cx is the poll in progress, or nil outside of one. Any thread.
//
//heist:keeps
func (m *Mailbox[T]) TrySend(cx *task.Cx, v T) error {
	task.Point(cx)
	task.MustOwn(v, errBorrowed)
	m.mu.Lock()
	if !m.room() {
		defer m.mu.Unlock()
		if m.closed {
			return errClosed
		}
		return ErrFull
	}
	m.put(cx, v)
	return nil
}

// SendContext is Send for goroutines: it blocks until there is room, or until ctx is done;
// then its error wraps ctx's cause.
func (m *Mailbox[T]) SendContext(ctx context.Context, v T) error {
	if err := m.TrySend(nil, v); err != ErrFull {
		return err
	}
	if err := m.senders.WaitContext(ctx, &m.mu, (*mailboxPolicy[T])(m), 1); err != nil {
		return named(err)
	}
	m.mu.Lock()
	m.reserved--
	m.put(nil, v)
	return nil
}

// Recv receives the oldest value, and waits until there is one. It returns an error that
// is [task.ErrClosed] if the mailbox is closed and no value is left. One task or goroutine
// at a time may receive.
func (m *Mailbox[T]) Recv(cx *task.Cx) (v T, err error) {
	if err := cx.Spend(); err != nil {
		return v, err
	}
	if m.at == len(m.out) {
		err = m.fetch(cx)
	} else {
		err = cx.Err()
	}
	if err != nil {
		return v, err
	}
	return m.pop(), nil
}

// fetch gets what is there, and waits until there is something.
func (m *Mailbox[T]) fetch(cx *task.Cx) error {
	if m.receiver.Contains(cx) {
		if err := m.receiver.Collect(cx, 1); err != nil {
			return named(err)
		}
	} else if err := cx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	if len(m.in) == 0 {
		return named(m.receiver.Enqueue(cx, &m.mu, (*mailboxPolicy[T])(m), 1, refusedIf(m.drained())))
	}
	m.swap(cx)
	return nil
}

// TryRecv receives the oldest value if there is one, and returns [ErrEmpty] otherwise. cx
// is the poll in progress, or nil outside of one. It is for the receiver.
func (m *Mailbox[T]) TryRecv(cx *task.Cx) (v T, err error) {
	task.Point(cx)
	if m.at == len(m.out) {
		m.mu.Lock()
		if len(m.in) == 0 {
			defer m.mu.Unlock()
			if m.drained() {
				return v, errClosed
			}
			return v, ErrEmpty
		}
		m.swap(cx)
	}
	return m.pop(), nil
}

// RecvContext is Recv for a goroutine: it blocks until there is a value, or until ctx is
// done; then its error wraps ctx's cause.
func (m *Mailbox[T]) RecvContext(ctx context.Context) (v T, err error) {
	for {
		if v, err = m.TryRecv(nil); err != ErrEmpty {
			return v, err
		}
		if err := m.receiver.WaitContext(ctx, &m.mu, (*mailboxPolicy[T])(m), 1); err != nil {
			return v, named(err)
		}
	}
}

// Values returns the values as they come, for a goroutine: it blocks until there is one,
// and ends when the mailbox is closed and no value is left, or when ctx is done.
func (m *Mailbox[T]) Values(ctx context.Context) iter.Seq[T] {
	return values(ctx, m.RecvContext)
}

// Close ends the mailbox: no value is sent any more, but by those that were waiting and
// have been let in. What is in it is received, and then the receiver gets an error that is
// [task.ErrClosed]. cx is the poll in progress, or nil outside of one. Any thread; it never
// blocks. Closing it again does nothing.
func (m *Mailbox[T]) Close(cx *task.Cx) {
	task.Point(cx)
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	(*mailboxPolicy[T])(m).Dispatch(cx)
}

// pop receives what was fetched.
func (m *Mailbox[T]) pop() T {
	var none T
	v := m.out[m.at]
	m.out[m.at] = none
	m.at++
	return v
}

// What follows is called with the lock held.

func (m *Mailbox[T]) room() bool {
	return len(m.in)+m.reserved < m.limit && !m.closed && m.senders.Empty()
}

// drained reports whether no value will come any more.
func (m *Mailbox[T]) drained() bool { return m.closed && len(m.in)+m.reserved == 0 }

// put adds v. It gives the lock back.
func (m *Mailbox[T]) put(cx *task.Cx, v T) {
	m.in = append(m.in, v)
	if m.receiver.Empty() {
		m.mu.Unlock()
		return
	}
	m.receiver.Grant(cx, &m.mu, (*mailboxPolicy[T])(m))
}

// swap fetches what is there. It gives the lock back.
func (m *Mailbox[T]) swap(cx *task.Cx) {
	m.in, m.out, m.at = m.out[:0], m.in, 0
	m.senders.Grant(cx, &m.mu, (*mailboxPolicy[T])(m))
}

// mailboxPolicy is the Mailbox as the policy of its queues.
type mailboxPolicy[T any] Mailbox[T]

// WaitObject is what [task.Inspect] calls a Mailbox.
func (p *mailboxPolicy[T]) WaitObject() string { return "chans.Mailbox" }

// WaitNote is what it calls a wait for one.
func (p *mailboxPolicy[T]) WaitNote(q *task.WaitQueue, _ int64) string {
	return sendsIf(q == &p.senders)
}

func (p *mailboxPolicy[T]) TryGrant(q *task.WaitQueue, _ int64) task.GrantState {
	m := (*Mailbox[T])(p)
	switch {
	case q == &p.receiver && len(p.in) > 0:
		return task.Notified
	case q == &p.receiver && m.drained(), q == &p.senders && p.closed:
		return task.Refused
	case q == &p.senders && len(p.in)+p.reserved < p.limit:
		p.reserved++
		return task.Granted
	}
	return task.Waiting
}

func (p *mailboxPolicy[T]) Revoke(q *task.WaitQueue, _ int64, state task.GrantState) {
	if state == task.Granted {
		p.reserved-- // only senders are granted anything
	}
}

func (p *mailboxPolicy[T]) Dispatch(cx *task.Cx) {
	p.mu.Lock()
	p.senders.Grant(cx, &p.mu, p)
	p.mu.Lock()
	p.receiver.Grant(cx, &p.mu, p)
}
