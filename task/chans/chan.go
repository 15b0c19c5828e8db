package chans

import (
	"context"
	"fmt"
	"iter"

	"github.com/heist-go/heist/internal/park"
	"github.com/heist-go/heist/task"
)

// Chan is a bounded channel: each value goes to one receiver, in the order in which they
// were sent. Senders wait while it is full, receivers while it is empty.
//
// It is a ring of values under a lock that is held for some nanoseconds. The ring grows with
// the values, up to the room that there is, and keeps the memory of the most that were in it.
// A waiting task is not given a value, but the promise of one: values stay in the channel until they
// are received, and a slot that is promised stays free until it is used.
type Chan[T any] struct {
	mu        park.Mutex // guards everything
	ring      []T        // grows up to limit
	limit     int        // how many values fit
	head, n   int        // where the oldest value is, and how many there are
	claimed   int        // values that are promised to receivers
	reserved  int        // free slots that are promised to senders
	closed    bool
	senders   task.WaitQueue
	receivers task.WaitQueue
}

// New returns a channel for up to n values, at least one.
func New[T any](n int) *Chan[T] {
	if n < 1 {
		panic(fmt.Sprintf("chans: New(%d): a channel has room for at least one value", n))
	}
	return &Chan[T]{ring: make([]T, min(n, firstRoom)), limit: n}
}

// firstRoom is for how many values there is memory at the beginning.
const firstRoom = 64

// Send sends v, and waits until there is room. It returns an error that is
// [task.ErrClosed] if the channel is closed.
//
//heist:keeps
func (c *Chan[T]) Send(cx *task.Cx, v T) error {
	task.MustOwn(v, errBorrowed)
	if err := cx.Spend(); err != nil {
		return err
	}
	if c.senders.Contains(cx) {
		if err := c.senders.Collect(cx, 1); err != nil {
			return named(err)
		}
		c.mu.Lock()
		c.reserved--
	} else {
		if err := cx.Err(); err != nil {
			return err
		}
		c.mu.Lock()
		if !c.room() {
			return c.enqueueSender(cx)
		}
	}
	c.put(v)
	c.deliver(cx)
	return nil
}

// Reserve waits until there is room, and keeps it for one value. It returns an error that
// is [task.ErrClosed] if the channel is closed.
//
// The permit is the task's to use or to give back, in Finish if Poll may return while the
// task has it. So Reserve is not for a branch whose result may be dropped, as that of a join
// with an error.
func (c *Chan[T]) Reserve(cx *task.Cx) (Permit[T], error) {
	if err := cx.Spend(); err != nil {
		return Permit[T]{}, err
	}
	if c.senders.Contains(cx) {
		if err := c.senders.Collect(cx, 1); err != nil {
			return Permit[T]{}, named(err)
		}
		return Permit[T]{c}, nil
	}
	if err := cx.Err(); err != nil {
		return Permit[T]{}, err
	}
	c.mu.Lock()
	if !c.room() {
		return Permit[T]{}, c.enqueueSender(cx)
	}
	c.reserved++
	c.mu.Unlock()
	return Permit[T]{c}, nil
}

// enqueueSender puts a sender into its queue, or says that the channel is closed. The lock is
// held, and is not any more when it returns.
func (c *Chan[T]) enqueueSender(cx *task.Cx) error {
	return named(c.senders.Enqueue(cx, &c.mu, (*chanPolicy[T])(c), 1, refusedIf(c.closed)))
}

// TryReserve is Reserve that does not wait: it returns [ErrFull] instead. Any thread.
func (c *Chan[T]) TryReserve() (Permit[T], error) {
	task.Point(nil)
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.room() {
		return Permit[T]{}, c.why(ErrFull)
	}
	c.reserved++
	return Permit[T]{c}, nil
}

// TrySend sends v if there is room and nobody waits for it, and returns [ErrFull]
// otherwise. cx is the poll in progress, or nil outside of one. Any thread.
//
//heist:keeps
func (c *Chan[T]) TrySend(cx *task.Cx, v T) error {
	task.Point(cx)
	task.MustOwn(v, errBorrowed)
	c.mu.Lock()
	if !c.room() {
		err := c.why(ErrFull)
		c.mu.Unlock()
		return err
	}
	c.put(v)
	c.deliver(cx)
	return nil
}

// SendContext is Send for goroutines: it blocks until there is room, or until ctx is done;
// then its error wraps ctx's cause.
func (c *Chan[T]) SendContext(ctx context.Context, v T) error {
	p, err := c.ReserveContext(ctx)
	if err == nil {
		p.Send(nil, v)
	}
	return err
}

// ReserveContext is Reserve for goroutines, as SendContext is Send.
func (c *Chan[T]) ReserveContext(ctx context.Context) (Permit[T], error) {
	if p, err := c.TryReserve(); err != ErrFull {
		return p, err
	}
	if err := c.senders.WaitContext(ctx, &c.mu, (*chanPolicy[T])(c), 1); err != nil {
		return Permit[T]{}, named(err)
	}
	return Permit[T]{c}, nil
}

// Recv receives the oldest value, and waits until there is one. It returns an error that
// is [task.ErrClosed] if the channel is closed and no value is left.
func (c *Chan[T]) Recv(cx *task.Cx) (v T, err error) {
	if err := cx.Spend(); err != nil {
		return v, err
	}
	if c.receivers.Contains(cx) {
		if err := c.receivers.Collect(cx, 1); err != nil {
			return v, named(err)
		}
		c.mu.Lock()
		c.claimed--
	} else {
		if err := cx.Err(); err != nil {
			return v, err
		}
		c.mu.Lock()
		if !c.ready() {
			return v, c.enqueueReceiver(cx)
		}
	}
	v = c.take()
	c.admit(cx)
	return v, nil
}

// RecvMany receives up to len(dst) values, as many as there are, and waits until there is
// one. It returns how many; with an error that is none.
func (c *Chan[T]) RecvMany(cx *task.Cx, dst []T) (n int, err error) {
	if len(dst) == 0 {
		return 0, nil
	}
	v, err := c.Recv(cx)
	if err != nil {
		return 0, err
	}
	dst[0] = v
	c.mu.Lock()
	for n = 1; n < len(dst) && c.ready(); n++ {
		dst[n] = c.take()
	}
	c.admit(cx)
	return n, nil
}

// enqueueReceiver puts a receiver into its queue, or says that no value will come. The lock is
// held, and is not any more when it returns.
func (c *Chan[T]) enqueueReceiver(cx *task.Cx) error {
	return named(c.receivers.Enqueue(cx, &c.mu, (*chanPolicy[T])(c), 1, refusedIf(c.drained())))
}

// TryRecv receives the oldest value if there is one and nobody waits for it, and returns
// [ErrEmpty] otherwise. cx is the poll in progress, or nil outside of one. Any thread.
func (c *Chan[T]) TryRecv(cx *task.Cx) (v T, err error) {
	task.Point(cx)
	c.mu.Lock()
	if !c.ready() {
		err = ErrEmpty
		if c.drained() {
			err = errClosed
		}
		c.mu.Unlock()
		return v, err
	}
	v = c.take()
	c.admit(cx)
	return v, nil
}

// RecvContext is Recv for goroutines: it blocks until there is a value, or until ctx is
// done; then its error wraps ctx's cause.
func (c *Chan[T]) RecvContext(ctx context.Context) (v T, err error) {
	if v, err = c.TryRecv(nil); err != ErrEmpty {
		return v, err
	}
	if err := c.receivers.WaitContext(ctx, &c.mu, (*chanPolicy[T])(c), 1); err != nil {
		return v, named(err)
	}
	c.mu.Lock()
	c.claimed--
	v = c.take()
	c.admit(nil)
	return v, nil
}

// Values returns the values as they come, for a goroutine: it blocks until there is one,
// and ends when the channel is closed and no value is left, or when ctx is done.
func (c *Chan[T]) Values(ctx context.Context) iter.Seq[T] {
	return values(ctx, c.RecvContext)
}

// Close ends the channel: no value is sent any more but with permits that are out. What
// is in it is received, and then receivers get an error that is [task.ErrClosed]. cx is the
// poll in progress, or nil outside of one. Any thread; it never blocks. Closing it again
// does nothing.
func (c *Chan[T]) Close(cx *task.Cx) {
	task.Point(cx)
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	(*chanPolicy[T])(c).Dispatch(cx)
}

// Closed reports whether the channel is closed. A hint.
func (c *Chan[T]) Closed() bool {
	task.Point(nil)
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// Len returns how many values are in the channel. A hint.
func (c *Chan[T]) Len() int {
	task.Point(nil)
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

// Cap returns how many values fit.
func (c *Chan[T]) Cap() int { return c.limit }

// Permit is room for a value that [Chan.Reserve] has kept. It is used once.
type Permit[T any] struct{ c *Chan[T] }

// Send sends v, at once, also if the channel was closed meanwhile. cx is the poll in
// progress, or nil outside of one. To use a permit twice is a mistake, and panics, also by a
// copy of it if no other permit is out. Any thread; it never blocks.
//
//heist:keeps
func (p *Permit[T]) Send(cx *task.Cx, v T) {
	task.Point(cx)
	task.MustOwn(v, errBorrowed)
	c := p.use()
	c.put(v)
	c.deliver(cx)
}

// Release gives the room back, as Send uses it.
func (p *Permit[T]) Release(cx *task.Cx) {
	task.Point(cx)
	c := p.use()
	c.mu.Unlock()
	(*chanPolicy[T])(c).Dispatch(cx)
}

// use takes the room that was kept. It returns with the channel's lock held.
func (p *Permit[T]) use() *Chan[T] {
	c := p.c
	if p.c = nil; c != nil {
		c.mu.Lock()
		if c.reserved > 0 { // a copy may have been used before
			c.reserved--
			return c
		}
		c.mu.Unlock()
	}
	panic("chans: a Permit was used twice, or was not obtained")
}

// What follows is called with the lock held.

// room reports whether a newcomer may send.
func (c *Chan[T]) room() bool {
	return c.n+c.reserved < c.limit && !c.closed && c.senders.Empty()
}

// ready reports whether a newcomer may receive.
func (c *Chan[T]) ready() bool { return c.n > c.claimed && c.receivers.Empty() }

// drained reports whether no value will come any more.
func (c *Chan[T]) drained() bool { return c.closed && c.n+c.reserved == 0 }

// why returns err, unless the channel is closed.
func (c *Chan[T]) why(err error) error {
	if c.closed {
		return errClosed
	}
	return err
}

func (c *Chan[T]) put(v T) {
	if c.n == len(c.ring) {
		c.grow()
	}
	at := c.head + c.n
	if at >= len(c.ring) {
		at -= len(c.ring)
	}
	c.ring[at] = v
	c.n++
}

// grow makes room for another value, of those that fit.
func (c *Chan[T]) grow() {
	ring := make([]T, min(c.n+c.n, c.limit))
	copy(ring[copy(ring, c.ring[c.head:]):], c.ring[:c.head])
	c.ring, c.head = ring, 0
}

func (c *Chan[T]) take() T {
	var none T
	v := c.ring[c.head]
	c.ring[c.head] = none
	if c.head++; c.head == len(c.ring) {
		c.head = 0
	}
	c.n--
	return v
}

// deliver follows put. It gives the lock back.
func (c *Chan[T]) deliver(cx *task.Cx) {
	if c.receivers.Empty() {
		c.mu.Unlock()
		return
	}
	c.receivers.Grant(cx, &c.mu, (*chanPolicy[T])(c))
}

// admit follows take. It gives the lock back.
func (c *Chan[T]) admit(cx *task.Cx) {
	switch {
	case c.closed: // the last value: receivers learn that no other will come
		c.mu.Unlock()
		(*chanPolicy[T])(c).Dispatch(cx)
	case c.senders.Empty():
		c.mu.Unlock()
	default:
		c.senders.Grant(cx, &c.mu, (*chanPolicy[T])(c))
	}
}

// chanPolicy is the Chan as the policy of its queues.
type chanPolicy[T any] Chan[T]

// WaitObject is what [task.Inspect] calls a Chan.
func (p *chanPolicy[T]) WaitObject() string { return "chans.Chan" }

// WaitNote is what it calls a wait for one.
func (p *chanPolicy[T]) WaitNote(q *task.WaitQueue, _ int64) string { return sendsIf(q == &p.senders) }

// sendsIf says what a task waits for at an object through which values go.
func sendsIf(sends bool) string {
	if sends {
		return "to send: it is full"
	}
	return "to receive: it is empty"
}

func (p *chanPolicy[T]) TryGrant(q *task.WaitQueue, _ int64) task.GrantState {
	c := (*Chan[T])(p)
	if q == &p.senders {
		switch {
		case p.closed:
			return task.Refused
		case p.n+p.reserved < p.limit:
			p.reserved++
			return task.Granted
		}
		return task.Waiting
	}
	switch {
	case p.n > p.claimed:
		p.claimed++
		return task.Granted
	case c.drained():
		return task.Refused
	}
	return task.Waiting
}

func (p *chanPolicy[T]) Revoke(q *task.WaitQueue, _ int64, state task.GrantState) {
	if state != task.Granted {
		return
	}
	if q == &p.senders {
		p.reserved--
	} else {
		p.claimed--
	}
}

func (p *chanPolicy[T]) Dispatch(cx *task.Cx) {
	p.mu.Lock()
	p.senders.Grant(cx, &p.mu, p)
	p.mu.Lock()
	p.receivers.Grant(cx, &p.mu, p)
}
