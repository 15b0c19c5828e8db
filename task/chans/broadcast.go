package chans

import (
	"context"
	"fmt"
	"iter"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/pad"
	"github.com/heist-go/heist/internal/park"
	"github.com/heist-go/heist/task"
)

// Broadcast is a channel that carries each value to all subscriptions. It keeps the latest n: nobody
// waits for a slow receiver, which learns how much it has lost.
//
//	ring of slots   | n | n+1 | ... | n-2 | n-1 |      sent: how many; a slot is written first
//	                     ^ subscription: the next one
//
// A value is written once, into a slot that does not change any more, so receivers read
// without a lock. Sending allocates that slot. Receivers of one worker wait in one of a few shards, so
// that workers do not meet at a lock; and if there are many, that worker wakes them, so that they stay
// in its cache.
//
// # Invariants
//
//	C1  Senders hold the lock: a slot is stored first, then sent.
//	C2  A receiver reads closed before sent: nothing is sent after the close.
//	C3  A slot says which value it has: a receiver that finds a later one has lost those between.
type Broadcast[T any] struct {
	ring   []atomicx.Pointer[slot[T]]
	sent   atomicx.Uint64 // how many values; the slot is written first
	closed atomicx.Bool
	mu     park.Mutex // senders hold it
	shards [shards]shard
}

// shards is how many places there are to wait in.
const shards = 8

// crowd is how many tasks must have waited in a shard the last time for its own worker to wake them: to
// start a task there costs as much as to wake some.
const crowd = 32

type shard struct {
	mu    park.Mutex // guards set
	set   task.WaitSet
	woken atomicx.Int64 // how many were, the last time
	_     pad.Line
}

// notifyAll wakes all who wait in the shard.
func (h *shard) notifyAll(cx *task.Cx) {
	if n := int64(h.set.WakeAll(&h.mu, cx)); n != h.woken.Load() {
		h.woken.Store(n) // Hint.
	}
}

// herald is a task that wakes those of a shard, on their worker.
type herald struct {
	task.Frame
	shard *shard // or nil: it has
}

func (h *herald) Poll(cx *task.Cx) error {
	h.shard.notifyAll(cx)
	h.shard = nil
	return nil
}

// Finish does it for one that was canceled before: its pool ends, and those who wait may be of another.
func (h *herald) Finish(error) {
	if h.shard != nil {
		h.shard.notifyAll(nil)
	}
}

type slot[T any] struct {
	at uint64 // how many values were sent before
	v  T
}

// LagError says that a receiver of a [Broadcast] has come too late for some values. It
// goes on with the oldest that is left.
type LagError struct{ Lost uint64 }

func (e *LagError) Error() string {
	return fmt.Sprintf("chans: the receiver was too slow: it has lost %d values", e.Lost)
}

// mostKept bounds what a Broadcast keeps, against mistakes: there is a pointer for each from
// the beginning.
const mostKept = 1 << 24

// NewBroadcast returns a broadcast that keeps the latest n values for slow receivers, at least
// one and at most mostKept.
func NewBroadcast[T any](n int) *Broadcast[T] {
	if n < 1 || n > mostKept {
		panic(fmt.Sprintf("chans: NewBroadcast(%d): it keeps 1 to %d values; a receiver that must not lose any gets a Chan of its own", n, mostKept))
	}
	return &Broadcast[T]{ring: make([]atomicx.Pointer[slot[T]], n)}
}

// Send sends v to all. It returns an error that is [task.ErrClosed] if the broadcast is
// closed. cx is the poll in progress, or nil outside of one. Any thread; it never blocks.
//
//heist:keeps
func (b *Broadcast[T]) Send(cx *task.Cx, v T) error {
	task.Point(cx)
	task.MustOwn(v, errBorrowed)
	b.mu.Lock()
	if b.closed.Load() {
		b.mu.Unlock()
		return errClosed
	}
	at := b.sent.Load()
	// Publish. The value, to receivers that are so slow that they find a later one (C3).
	// Pairs with: (*Subscription).next.
	b.ring[at%uint64(len(b.ring))].Store(&slot[T]{at, v})
	// Publish. The slot (C1).
	// Store-load: the count, then a look for waiters: one that neither sees would sleep for ever.
	// Pairs with: (*Subscription).next, (*Subscription).Recv.
	b.sent.Store(at + 1)
	b.mu.Unlock()
	b.notifyAll(cx)
	return nil
}

// notifyAll wakes all who wait, those of the caller's worker last: the others' begin meanwhile.
func (b *Broadcast[T]) notifyAll(cx *task.Cx) {
	own := 0
	if cx != nil {
		own = cx.Worker() % shards
	}
	for k := range shards {
		i := (own + 1 + k) % shards
		switch h := &b.shards[i]; {
		case h.set.Empty():
		case cx != nil && i != own && h.woken.Load() >= crowd:
			task.DetachTo(cx, i, &herald{shard: h})
		default:
			h.notifyAll(cx)
		}
	}
}

// Close ends the broadcast: receivers get what is left, and then an error that is
// [task.ErrClosed]. cx is the poll in progress, or nil outside of one. Any thread; it never
// blocks.
func (b *Broadcast[T]) Close(cx *task.Cx) {
	task.Point(cx)
	b.mu.Lock()
	// Publish. The last count (C2).
	// Pairs with: (*Subscription).next.
	b.closed.Store(true)
	b.mu.Unlock()
	b.notifyAll(cx)
}

// Subscribe returns what receives the values that are sent from now on. It costs the
// broadcast nothing, and need not be ended.
func (b *Broadcast[T]) Subscribe() *Subscription[T] {
	return &Subscription[T]{b: b, at: b.sent.Load()}
}

// Subscription receives from a [Broadcast]. It belongs to one task or goroutine at a time. A
// task that waits for two of the same broadcast does so in two branches, as the
// combinators in package combine do.
type Subscription[T any] struct {
	b     *Broadcast[T]
	at    uint64 // the next value
	shard *shard // where its task waits, or nil
}

// next returns the next value if it is there, and ErrEmpty if not.
func (s *Subscription[T]) next() (v T, err error) {
	b := s.b
	closed := b.closed.Load() // C2
	// Pairs with: (*Broadcast).Send, (*Broadcast).Close.
	if s.at == b.sent.Load() {
		if closed {
			return v, errClosed
		}
		return v, ErrEmpty
	}
	slot := b.ring[s.at%uint64(len(b.ring))].Load()
	if slot.at == s.at {
		s.at++
		return slot.v, nil
	}
	// The slot's value is a later one, and perhaps not counted yet.
	oldest := max(b.sent.Load(), slot.at+1) - uint64(len(b.ring))
	lost := oldest - s.at
	s.at = oldest
	return v, &LagError{lost}
}

// Recv receives the next value, and waits until there is one. It returns a [*LagError] if
// values were lost, once, and an error that is [task.ErrClosed] if no more will come.
func (s *Subscription[T]) Recv(cx *task.Cx) (v T, err error) {
	task.Point(cx)
	if err := cx.Err(); err != nil {
		return v, err
	}
	if cx.Spent() {
		return v, cx.Spend()
	}
	if v, err = s.next(); err == ErrEmpty {
		// Into the set, then another look. Pairs with: (*Broadcast).Send.
		if s.shard == nil {
			s.shard = &s.b.shards[cx.Worker()%shards]
		}
		s.shard.set.ListenFor(cx, &s.shard.mu, s.b)
		if v, err = s.next(); err == ErrEmpty {
			return v, cx.Suspend()
		}
	}
	if s.shard != nil {
		s.shard.set.Forget(cx)
		s.shard = nil
	}
	_ = cx.Spend() // there is some left
	return v, err
}

// TryRecv receives the next value if there is one, and returns [ErrEmpty] otherwise.
func (s *Subscription[T]) TryRecv() (T, error) { return s.next() }

// RecvContext is Recv for goroutines: it blocks until there is a value, or until ctx is
// done; then its error wraps ctx's cause.
func (s *Subscription[T]) RecvContext(ctx context.Context) (v T, err error) {
	ready := func() bool {
		return s.at != s.b.sent.Load() || s.b.closed.Load()
	}
	if err := s.b.shards[0].set.Block(ctx, &s.b.shards[0].mu, ready); err != nil {
		return v, err
	}
	return s.next()
}

// Values returns the values as they come, for a goroutine: it blocks until there is one,
// and ends when the broadcast is closed, or when ctx is done. Where values were lost, it
// returns a [*LagError] instead of a value.
func (s *Subscription[T]) Values(ctx context.Context) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for ctx.Err() == nil {
			v, err := s.RecvContext(ctx)
			if _, lag := err.(*LagError); err != nil && !lag || !yield(v, err) {
				return
			}
		}
	}
}
