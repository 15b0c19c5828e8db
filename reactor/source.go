package reactor

import (
	"fmt"
	"os"
	"time"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/poll"
	"github.com/heist-go/heist/task"
)

// Mode is a direction of a descriptor: Read or Write.
type Mode = poll.Mode

// The directions.
const (
	Read  = poll.Read
	Write = poll.Write
)

// Source is a descriptor that tasks wait for: a pipe, an eventfd, a timerfd, a device, the socket of
// a library that reads and writes itself. [Conn], [Listener] and [PacketConn] are the same object with
// more on top: take these for sockets.
//
// Who makes a call by [Source.Do] cannot miss readiness, nor take what is used up for ready: there is no
// readiness to keep, and none to clear. Several tasks that use one direction take turns. Close and
// the deadlines are for anybody.
type Source struct {
	source
	writes gate
}

// NewSource registers a descriptor, which must not block (O_NONBLOCK): it is the Source's from then
// on, and closed with it, also if NewSource fails. Of one that somebody else closes register a
// duplicate. What the kernel has no readiness for, such as a file on a disk, is refused.
//
// Anybody; it does not block.
func (r *Reactor) NewSource(fd int) (*Source, error) {
	if err := mustNotBlock(fd); err != nil {
		closeFD(fd)
		return nil, fmt.Errorf("reactor: source: %w", err)
	}
	s := &Source{}
	s.fd = fd
	if err := r.next().register(&s.source); err != nil {
		return nil, fmt.Errorf("reactor: source: %w", err)
	}
	return s, nil
}

// Do calls f, which makes a system call on the descriptor, until the kernel does not answer that it
// would block (EAGAIN), and returns what f does; in between the task waits. f is called by the
// polling thread, has the number until it returns, and makes one call in the direction m.
//
// Abandoned, it has done nothing: f's last answer was that.
func (s *Source) Do(cx *task.Cx, m Mode, f func(fd int) (n int, err error)) (int, error) {
	g := s.gate(m)
	if err := s.lockGate(cx, g); err != nil {
		return 0, err
	}
	defer g.unlock()
	return s.try(cx, m, func(fd int) (int, error) { return retryEINTR(func() (int, error) { return f(fd) }) })
}

// Wait waits until a call in the direction m would not block, or would fail: for libraries that make
// their calls themselves. It asks the kernel, so it answers what is so now, whoever has used the
// descriptor meanwhile. It is sticky: for both directions there is task.First of two Waits.
//
//heist:sticky
func (s *Source) Wait(cx *task.Cx, m Mode) error {
	g := s.gate(m)
	if err := s.lockGate(cx, g); err != nil {
		return err
	}
	defer g.unlock()
	_, err := s.try(cx, m, func(fd int) (int, error) { return 0, isReady(fd, m) })
	return err
}

// gate returns the gate of a direction.
func (s *Source) gate(m Mode) *gate {
	switch m {
	case Read:
		return &s.reads
	case Write:
		return &s.writes
	}
	panic("reactor: a Source is used in one direction at a time, Read or Write: for either, call task.First(s.Wait(cx, reactor.Read), s.Wait(cx, reactor.Write))")
}

// Close closes the descriptor, when the call in progress has ended. Whoever waits for it is woken,
// and gets ErrClosed. Anybody; it does not block.
func (s *Source) Close() error { return s.close() }

// SetDeadline sets when calls of [Source.Do] and [Source.Wait] return os.ErrDeadlineExceeded; see
// [Conn.SetDeadline].
func (s *Source) SetDeadline(t time.Time) error { return s.setDeadline(s.taskTime(t), Read, Write) }

// SetReadDeadline is SetDeadline for the direction Read.
func (s *Source) SetReadDeadline(t time.Time) error { return s.setDeadline(s.taskTime(t), Read) }

// SetWriteDeadline is SetDeadline for the direction Write.
func (s *Source) SetWriteDeadline(t time.Time) error { return s.setDeadline(s.taskTime(t), Write) }

// source is a registered descriptor, or what stands for one: see transport. Connections, listeners,
// sockets for datagrams and [Source] are built on it.
//
//	Conn, Listener, PacketConn, Source
//	  try, block, await ---> directions    readiness edges, and who waits for them   direction.go
//	                    ---> reads         whose turn it is                          gate.go
//	                    ---> queue         the same for the writes of a Conn         writequeue.go
//	                    ---> refs          until when the number is open             refs.go
//	                    ---> deadlines     when waits end                            deadlines.go
//	  Reactor.Poll ------------> directions, by key                                  table.go
//
// # Invariants
//
//	C1  Who calls the kernel with fd has a reference.
//	C2  try and block look at what ends them (the deadline, Close) between the clear and the await of
//	    their direction. Who ends them says so first, and makes an edge then: so either the look sees
//	    it, or the await finds that edge (D2).
//	C3  wouldBlockNext is set only if the last read has taken all there was, and each later arrival
//	    is an edge that has not been cleared since: then a read need not ask the kernel before it waits.
//	C4  waiters and wouldBlockNext belong to who has the direction's gate, or queue, locked.
//
// # Price
//
// A call is two locked instructions for the reference, two for the turn, and one if there was an edge. An
// idle source holds no buffer, and a list, a backlog or deadlines only once there was need of them.
type source struct {
	reactor        *Reactor
	key            uint64 // slot and generation
	fd             int
	refs           refs
	directions     [2]direction
	ended          atomicx.Bool // the kernel has reported poll.Closed
	wouldBlockNext bool         // see C3
	waiters        [2]*waiter   // by direction, the task that waited last
	deadlines      atomicx.Pointer[deadlines]
	reads          gate
	queue          writeQueue
	cause          atomicx.Pointer[error] // why it was closed, if not by Close
	ext            *extension             // nil: a descriptor, and nothing else
}

// direction returns one of the directions.
func (s *source) direction(m poll.Mode) *direction { return &s.directions[m-1] }

// await has the polled task wait for the direction; see (*direction).await.
func (s *source) await(cx *task.Cx, m poll.Mode) (again bool) {
	return s.direction(m).await(s.waiter(cx, m))
}

// waiter returns the polled task as a waiter.
func (s *source) waiter(cx *task.Cx, m poll.Mode) *waiter {
	if cx.Runtime() != s.reactor.runtime {
		_ = cx.Waker() // who inspects the task's scheduler knows of that one's descriptors alone
	}
	w := s.waiters[m-1]
	if self := cx.Self(); w == nil || w.task != self {
		w = &waiter{task: self} // once for each task that uses the connection
		s.waiters[m-1] = w
	}
	return w
}

// lockGate locks a gate for the polled task, or has it wait until it is unlocked.
func (s *source) lockGate(cx *task.Cx, g *gate) error {
	for !g.tryLock() {
		if g.wait(waiter{task: cx.Waker()}) {
			return cx.Suspend()
		}
	}
	return nil
}

// lockGateBlocking is lockGate for a goroutine.
func (s *source) lockGateBlocking(g *gate) {
	var w waiter
	for !g.tryLock() {
		if w.signal == nil {
			task.MustNotPoll(blockingInTask)
			w.signal = make(chan struct{}, 1)
		}
		if g.wait(w) {
			<-w.signal
		}
	}
}

// wakeWaiter makes an edge: who waits for the direction tries again, and finds out why.
func (s *source) wakeWaiter(m poll.Mode) { s.direction(m).readinessEdge().notify() }

// close lets operations in progress end, and those to come fail.
func (s *source) close() error {
	s.queue.flushDue()   // what was posted before is not lost by this
	if !s.refs.close() { // before the edges (C2)
		return ErrClosed
	}
	if d := s.deadlines.Load(); d != nil { // Pairs with: (*source).setDeadline.
		d.lift(s)
	}
	s.wakeWaiter(poll.Read)
	s.wakeWaiter(poll.Write)
	s.queue.rejectAll(true)
	if s.ext != nil && s.ext.after != nil {
		s.ext.after()
	}
	s.release()
	return nil
}

// fail is close for a reason: operations fail with it.
func (s *source) fail(err error) {
	if err != ErrClosed {
		// Publish. The reason, before the end. Pairs with: (*source).closeError.
		s.cause.CompareAndSwap(nil, &err)
	}
	_ = s.close()
}

// closeError returns why operations fail.
// Pairs with: (*source).fail.
func (s *source) closeError() error {
	if why := s.cause.Load(); why != nil {
		return *why
	}
	return ErrClosed
}

// release ends a use; the last one closes the number (R2).
func (s *source) release() {
	if s.refs.release() {
		s.reactor.unregister(s)
		s.closeCarrier()
	}
}

// precheck returns why an operation that makes no call would fail.
func (s *source) precheck(cx *task.Cx, m poll.Mode) error {
	switch err := cx.Err(); {
	case err != nil:
		return err
	case s.refs.isClosed():
		return s.closeError()
	case s.expired(m):
		return os.ErrDeadlineExceeded
	}
	return nil
}

// try makes a call until the answer is not that it would block, or the task is listed as a waiter: then
// it suspends. A call spends of the poll's budget: a peer that never stops sending does not keep a
// worker. The direction's gate, or queue, is locked (C4).
func (s *source) try(cx *task.Cx, m poll.Mode, call func(fd int) (n int, err error)) (n int, err error) {
	if err := cx.Err(); err != nil {
		return 0, err
	}
	if cx.Spent() { // before the call: nothing is done yet
		return 0, cx.Spend()
	}
	if !s.refs.acquire() {
		return 0, s.closeError()
	}
	defer s.release()
	for {
		ask := m != poll.Read || !s.wouldBlockNext
		if ask {
			s.direction(m).clear() // before the look at the deadline, whose edge it would clear (C2)
		}
		if s.expired(m) {
			return 0, os.ErrDeadlineExceeded
		}
		if ask {
			if n, err = call(s.fd); !blocked(err) {
				_ = cx.Spend() // there is some left
				return n, err
			}
		}
		if m == poll.Read { // else another task's (C4)
			s.wouldBlockNext = false
		}
		if s.refs.isClosed() {
			return 0, s.closeError()
		}
		if !s.await(cx, m) {
			return 0, cx.Suspend()
		}
	}
}

const blockingInTask = "reactor: a blocking call inside a task would stop its worker: use the methods with a Cx"

// block is try for goroutines: it waits. It locks g, if that is not nil, for the call.
func (s *source) block(m poll.Mode, g *gate, call func(fd int) (n int, err error)) (n int, err error) {
	if !s.refs.acquire() {
		return 0, s.closeError()
	}
	defer s.release()
	var w *waiter
	for {
		if g != nil {
			s.lockGateBlocking(g)
		}
		wait := false
		switch {
		case s.refs.isClosed():
			err = s.closeError()
		case s.expired(m):
			err = os.ErrDeadlineExceeded
		default:
			n, err = call(s.fd)
			if g == &s.reads {
				s.wouldBlockNext = false // a task that reads after us must ask
			}
			if wait = blocked(err); wait && w == nil {
				w = &waiter{signal: make(chan struct{}, 1)}
			}
		}
		again := wait && s.direction(m).await(w) // before others may read, and clear the edges so far
		if g != nil {
			g.unlock()
		}
		switch {
		case !wait:
			return n, err
		case !again:
			task.MustNotPoll(blockingInTask)
			<-w.signal
		}
	}
}
