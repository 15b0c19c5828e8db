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
// is a net.Conn for goroutines, and for packages that want one.
//
// # Who polls
//
// A [Reactor] has no thread. The workers of its pool take turns (see
// pool/baton.go): one that has nothing to do waits in [Reactor.Poll] instead of on
// its futex, and serves the events that it gets itself. Workers that are busy look
// now and then, without waiting, and the guard does if nobody else has. So an event
// goes to a thread that is awake already, and no bad task stops the others' events.
//
// # One descriptor
//
// It is registered once, for both directions and edge-triggered. An operation tries
// first, and waits only if the kernel says that it would block; the word of its
// direction ([side]) keeps an edge that comes in between. The kernel's events name a
// slot and a generation, so that one which is late cannot reach another descriptor,
// and every operation holds a reference ([refs]), so that none reaches another file
// which was given the same number.
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

// ErrClosed is what operations on something that is closed return. It is both
// task.ErrClosed and net.ErrClosed.
var ErrClosed error = closedError{}

type closedError struct{}

func (closedError) Error() string { return "reactor: use of a closed connection" }

func (closedError) Is(target error) bool { return target == task.ErrClosed || target == net.ErrClosed }

// Reactor is where descriptors are registered. A pool makes its own; see
// pool.Pool.Reactor.
type Reactor struct {
	home   *task.Home
	log    *slog.Logger // may be nil
	poller *poll.Poller
	peers  []*Reactor // over which connections are spread, this one included
	turn   *atomicx.Uint64

	mu    park.Mutex // guards slots and free; held for a few instructions
	slots []slot
	free  []uint32 // of slots
	used  int
	ended bool

	events [batch]poll.Event // of the Poll in progress
	ready  [batch]report     // likewise
	once   sync.Once         // Close
	life   refs              // who uses the poller from outside of Poll
}

// slot is a place in the table of descriptors.
type slot struct {
	source *source
	of     uint32 // generation: how many had this place before
}

// report is an event whose descriptor is known.
type report struct {
	source *source
	mode   poll.Mode
}

// batch is how many events one Poll takes at most.
const batch = 128

// New returns a reactor for the tasks of a scheduler, which polls it. log, which may be
// nil, is told about what an operator should know.
func New(h *task.Home, log *slog.Logger) (*Reactor, error) {
	all, err := NewSeveral(h, log, 1)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// NewSeveral returns n reactors, each of which is polled by itself. Connections that
// come to one of them are spread over all.
func NewSeveral(h *task.Home, log *slog.Logger, n int) ([]*Reactor, error) {
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
		r := &Reactor{home: h, log: log, poller: p, turn: turn}
		r.life.open()
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
	return r.peers[r.turn.Add(1)%uint64(len(r.peers))]
}

// errNoReactor says what to do.
var errNoReactor = errors.New("reactor: this scheduler has none: run the task on a pool")

// Of returns the reactor of the scheduler that polls the task.
func Of(cx *task.Cx) (*Reactor, error) {
	d, ok := cx.Driver().(interface{ Reactor() (*Reactor, error) })
	if !ok {
		return nil, errNoReactor
	}
	return d.Reactor()
}

// Poll waits for events until deadline (on the scale of task.Home.Nanos; 0: it does
// not wait, and the maximum: for ever), and makes the tasks that wait for them
// runnable: those of the reactor's scheduler on q, the first as the one to run next;
// the others, or all if q is nil, through their inboxes. It returns how many events
// there were.
//
// One thread at a time: whoever holds the scheduler's baton.
func (r *Reactor) Poll(deadline int64, q task.Queue) (n int, err error) {
	nanos := int64(0)
	switch {
	case deadline == forever:
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
		if s := r.lookup(ev.Key); s != nil {
			r.ready[n] = report{s, ev.Mode}
			n++
		}
	}
	r.mu.Unlock()
	first := true
	for _, e := range r.ready[:n] {
		if e.mode&poll.Closed != 0 {
			e.source.ended.Store(true) // before the edge
		}
		for _, mode := range [...]poll.Mode{poll.Read, poll.Write} {
			if e.mode&mode == 0 {
				continue
			}
			switch w := e.source.side(mode).edge(); {
			case w == nil:
			case !w.simple():
				w.wake()
			default:
				r.home.Rouse(w.task, q, first)
				first = false
			}
		}
	}
	clear(r.ready[:n]) // or it would keep them
	return n, nil
}

const forever = 1<<63 - 1

// Wake makes the Poll in progress return, or the next one. Any thread.
func (r *Reactor) Wake() {
	if !r.life.acquire() {
		return // whoever was to be woken has ended
	}
	defer r.unuse()
	if err := r.poller.Wake(); err != nil {
		panic(err) // a wake-up that is lost is a task that is lost
	}
}

// Used returns how many descriptors are registered, with all reactors that belong
// together.
func (r *Reactor) Used() (n int) {
	for _, r := range r.peers {
		r.mu.Lock()
		n += r.used
		r.mu.Unlock()
	}
	return n
}

// Close closes the descriptors that are still registered, and the reactor, as soon as
// nobody is about to wake it any more. Nobody may poll it, or come to it. It returns nil.
func (r *Reactor) Close() error {
	r.once.Do(func() {
		r.mu.Lock()
		slots := append([]slot(nil), r.slots...)
		r.ended = true
		r.mu.Unlock()
		for _, s := range slots {
			if s.source != nil {
				_ = s.source.close() // closed meanwhile, which is as good
			}
		}
		r.life.close()
		r.unuse()
	})
	return nil
}

// unuse ends a use of the poller; the last one closes it.
func (r *Reactor) unuse() {
	if r.life.release() {
		_ = r.poller.Close() // there is nothing to be done about an error, and nobody to be told
	}
}

// lookup returns the descriptor that an event is about, or nil. The lock is held.
func (r *Reactor) lookup(key uint64) *source {
	if i := uint32(key); int(i) < len(r.slots) && r.slots[i].of == uint32(key>>32) {
		return r.slots[i].source
	}
	return nil
}

// register gives a descriptor a slot, and has the kernel report on it. The
// descriptor is the source's from here on, also if that fails.
func (r *Reactor) register(s *source) error {
	s.reactor = r
	s.refs.open()
	r.mu.Lock()
	if r.ended {
		r.mu.Unlock()
		shut(s.fd)
		return ErrClosed
	}
	var i uint32
	if n := len(r.free); n > 0 {
		i, r.free = r.free[n-1], r.free[:n-1]
	} else {
		i = uint32(len(r.slots))
		r.slots = append(r.slots, slot{})
	}
	p := &r.slots[i]
	p.source = s
	s.key = uint64(p.of)<<32 | uint64(i)
	r.used++
	r.mu.Unlock()
	if !r.life.acquire() {
		_ = s.close()
		return ErrClosed
	}
	defer r.unuse()
	if !s.refs.acquire() { // Close was faster
		return ErrClosed
	}
	defer s.release()
	if err := r.poller.Add(s.fd, s.key); err != nil {
		_ = s.close()
		return fmt.Errorf("reactor: register: %w", err)
	}
	return nil
}

// forget takes a descriptor out, before its number is closed.
func (r *Reactor) forget(s *source) {
	if r.life.acquire() { // else its descriptor may be another file's by now
		_ = r.poller.Remove(s.fd) // one that was never added: nothing to do
		r.unuse()
	}
	r.mu.Lock()
	i := uint32(s.key)
	r.slots[i].source = nil
	r.slots[i].of++ // what is still on its way is about nobody
	r.free = append(r.free, i)
	r.used--
	r.mu.Unlock()
}
