// Package reactor is sockets for stackless tasks: a task reads, and if nothing is
// there it is woken when something is, by whichever worker has nothing better to do
// than to wait for the kernel.
//
//	type echo struct {
//		task.Frame
//		conn *reactor.Conn
//		buf  [512]byte
//		out  []byte
//	}
//
//	func (e *echo) Poll(cx *task.Cx) error {
//		for {
//			if e.out == nil {
//				n, err := e.conn.Read(cx, e.buf[:])
//				if err != nil {
//					return err // Pending, too
//				}
//				e.out = e.buf[:n]
//			}
//			if err := e.conn.Write(cx, e.out); err != nil {
//				return err
//			}
//			e.out = nil
//		}
//	}
//
//	func (e *echo) Finish(error) { e.conn.Close() }
//
// A [Conn] has two faces: the methods with a *task.Cx are for tasks, and [Conn.Std]
// is a net.Conn for goroutines, and for packages that want one. What a [Listener.Std]
// accepts is for goroutines alone.
//
// [Source] is for all other descriptors: pipes, eventfds, timerfds, devices.
//
// # Who polls
//
// A [Reactor] has no thread. The workers of its pool take turns (see
// pool/poller.go): one that has nothing to do waits in [Reactor.Poll] instead of on
// its futex, and serves the events that it gets itself. Workers that are busy look
// now and then, without waiting, and the pool's monitor does if nobody else has. So an event
// goes to a thread that is awake already, and no bad task stops the others' events.
//
// # One descriptor
//
// It is registered once, for both directions and edge-triggered. An operation tries
// first, and waits only if the kernel says that it would block; the word of its
// direction ([direction]) keeps an edge that comes in between. The kernel's events name a
// slot and a generation, so that one which is late cannot reach another descriptor,
// and every operation holds a reference ([refs]), so that none reaches another file
// which was given the same number.
//
// source.go has the object that all of this is about, and names the files of its parts;
// transport.go has all that connections and listeners ask the kernel for, and what may
// stand in its place.
package reactor

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/clock"
	"github.com/heist-go/heist/internal/park"
	"github.com/heist-go/heist/internal/poll"
	"github.com/heist-go/heist/task"
)

// ErrClosed is the error of operations on something that is closed. It is both
// task.ErrClosed and net.ErrClosed.
var ErrClosed error = closedError{}

type closedError struct{}

func (closedError) Error() string { return "reactor: use of a closed connection" }

func (closedError) Is(target error) bool { return target == task.ErrClosed || target == net.ErrClosed }

// Reactor is an instance of the kernel's poller, and the descriptors that are registered with it. A pool
// makes its own; see pool.Pool.Reactor.
type Reactor struct {
	runtime    *task.Runtime
	log        *slog.Logger // may be nil
	poller     *poll.Poller
	peers      []*Reactor // over which connections are spread, this one included
	roundRobin *atomicx.Uint64

	mu    park.Mutex // guards table; held for a few instructions
	table table
	ended bool

	events     [batch]poll.Event // of the Poll in progress
	ready      [batch]report     // likewise
	once       sync.Once         // Close
	pollerRefs refs              // who uses the poller from outside of Poll
	netConns   netConns          // connections that only goroutines use; see [Listener.Std]
}

// report is an event whose descriptor is known.
type report struct {
	source *source
	mode   poll.Mode
}

// batch is the number of events that one Poll takes at most.
const batch = 128

// New returns a reactor for the tasks of a scheduler, which polls it. log, which may be
// nil, is told about what an operator should know.
func New(h *task.Runtime, log *slog.Logger) (*Reactor, error) {
	all, err := NewSeveral(h, log, 1)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// NewSeveral returns n reactors, each of which is polled by itself. Connections that
// come to one of them are spread over all.
func NewSeveral(h *task.Runtime, log *slog.Logger, n int) ([]*Reactor, error) {
	all := make([]*Reactor, 0, n)
	turn := new(atomicx.Uint64)
	for range n {
		p, err := poll.New()
		if err != nil {
			for _, r := range all {
				_ = r.poller.Close() // what went wrong is said already
			}
			return nil, fmt.Errorf("reactor: %w", err)
		}
		r := &Reactor{runtime: h, log: log, poller: p, roundRobin: turn}
		r.pollerRefs.open()
		all = append(all, r)
	}
	for _, r := range all {
		r.peers = all
	}
	return all, nil
}

// next returns the reactor for the next descriptor.
func (r *Reactor) next() *Reactor {
	if len(r.peers) == 1 {
		return r
	}
	// Hint. Any reactor will do.
	return r.peers[r.roundRobin.Add(1)%uint64(len(r.peers))]
}

// errNoReactor says what to do.
var errNoReactor = errors.New("reactor: this scheduler has none: run the task on a pool")

// Of returns the reactor of the scheduler that polls the task.
func Of(cx *task.Cx) (*Reactor, error) {
	s, ok := cx.Scheduler().(interface{ Reactor() (*Reactor, error) })
	if !ok {
		return nil, errNoReactor
	}
	return s.Reactor()
}

// Poll waits for events until deadline (of the machine's time, in nanoseconds as package
// clock counts them; 0: it does not wait, and the maximum: for ever), and makes the tasks that wait for them
// runnable: those of the reactor's scheduler on q, the first as the one to run next;
// the others, or all if q is nil, through their inboxes. It returns how many events
// there were.
//
// One thread at a time: whoever holds the scheduler's baton.
func (r *Reactor) Poll(deadline int64, q task.Queue) (n int, err error) {
	nanos := int64(0)
	switch {
	case deadline == never:
		nanos = poll.Forever
	case deadline > 0:
		nanos = max(deadline-clock.Now(), 0)
	}
	k, err := r.poller.Wait(r.events[:], nanos)
	if k == 0 {
		return 0, err
	}
	r.mu.Lock()
	for _, ev := range r.events[:k] {
		if s := r.table.find(ev.Key); s != nil {
			r.ready[n] = report{s, ev.Mode}
			n++
		}
	}
	r.mu.Unlock()
	first := true
	for _, e := range r.ready[:n] {
		if e.mode&poll.Closed != 0 {
			// Publish. The end, before the edge that reports it (C3).
			// Pairs with: (*Conn).receive.
			e.source.ended.Store(true)
		}
		for _, mode := range [...]poll.Mode{poll.Read, poll.Write} {
			if e.mode&mode == 0 {
				continue
			}
			switch w := e.source.direction(mode).readinessEdge(); {
			case w == nil:
			case !w.simple():
				w.notify()
			default:
				r.runtime.Rouse(w.task, q, first)
				first = false
			}
		}
	}
	clear(r.ready[:n]) // or it would keep them
	return n, nil
}

// Interrupt makes the Poll in progress return, or the next one. Any thread.
func (r *Reactor) Interrupt() {
	if !r.pollerRefs.acquire() {
		return // the pool has ended, and nobody polls
	}
	defer r.releasePoller()
	if err := r.poller.Interrupt(); err != nil {
		panic(err) // a wake-up that is lost is a task that is lost
	}
}

// Used returns how many descriptors are registered, and how many connections are open that a
// [Listener.Std] has accepted, with all reactors that belong together.
func (r *Reactor) Used() (n int) {
	for _, r := range r.peers {
		r.mu.Lock()
		n += r.table.used
		r.mu.Unlock()
		n += r.netConns.count()
	}
	return n
}

// Waiting calls yield for each task that waits for readiness of a descriptor, or has waited for it and
// will be woken by it; expires says that there is a deadline. It is for dumps; any thread. yield must not block.
func (r *Reactor) Waiting(yield func(w task.Waker, fd int, m Mode, expires bool)) {
	for _, r := range r.peers {
		for at := 0; ; at++ {
			var here [pageSize]*source
			r.mu.Lock()
			n, ended := r.table.page(at, &here)
			r.mu.Unlock()
			for _, s := range here[:n] {
				for m := Read; m <= Write; m++ {
					s.direction(m).each(func(w *waiter) { yield(w.task, s.fd, m, s.expires(m)) })
				}
			}
			if ended {
				break
			}
		}
	}
}

// Close closes the descriptors that are still registered, and what Used counts beside, and the reactor, as soon as
// nobody is about to interrupt it any more. Nobody may poll it, or come to it. It returns nil.
func (r *Reactor) Close() error {
	r.once.Do(func() {
		r.mu.Lock()
		all := r.table.all()
		r.ended = true
		r.mu.Unlock()
		for _, s := range all {
			_ = s.close() // closed meanwhile, which is as good
		}
		r.netConns.close()
		r.pollerRefs.close()
		r.releasePoller()
	})
	return nil
}

// releasePoller ends a use of the poller; the last one closes it.
func (r *Reactor) releasePoller() {
	if r.pollerRefs.release() {
		_ = r.poller.Close() // there is nothing to be done about an error, and nobody to be told
	}
}

// register gives a descriptor a slot, and has the kernel report on it. The
// descriptor is the source's from here on, also if that fails.
func (r *Reactor) register(s *source) error {
	s.reactor = r
	s.refs.open()
	r.mu.Lock()
	if r.ended {
		r.mu.Unlock()
		s.closeCarrier()
		return ErrClosed
	}
	s.key = r.table.add(s)
	r.mu.Unlock()
	if !r.pollerRefs.acquire() {
		_ = s.close()
		return ErrClosed
	}
	defer r.releasePoller()
	if !s.refs.acquire() { // Close was faster
		return ErrClosed
	}
	defer s.release()
	if err := s.watch(); err != nil {
		_ = s.close()
		return fmt.Errorf("reactor: register: %w", err)
	}
	return nil
}

// unregister takes a descriptor out, before its number is closed.
func (r *Reactor) unregister(s *source) {
	if s.fd != none && r.pollerRefs.acquire() { // else its descriptor may be another file's by now
		_ = r.poller.Remove(s.fd) // one that was never added: nothing to do
		r.releasePoller()
	}
	r.mu.Lock()
	r.table.remove(s.key)
	r.mu.Unlock()
}
