package reactor

import (
	"os"
	"time"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/park"
	"github.com/heist-go/heist/internal/poll"
	"github.com/heist-go/heist/task"
)

// source is a registered descriptor.
type source struct {
	reactor *Reactor
	key     uint64 // slot and generation
	fd      int
	refs    refs
	sides   [2]side
	ended   atomicx.Bool // the kernel has reported poll.Closed
	drained bool         // the last read took all there was; its task's own
	mine    [2]*waiter   // by direction, the task that waited last; its own
	limits  atomicx.Pointer[limits]
	out     outlet                 // a connection's
	cause   atomicx.Pointer[error] // why it was closed, if not by Close
	after   func()                 // called once, when it is closed; may be nil
}

// side returns one of the directions.
func (s *source) side(m poll.Mode) *side { return &s.sides[m-1] }

// await has the polled task wait for the direction; see (*side).await.
func (s *source) await(cx *task.Cx, m poll.Mode) (again bool) {
	return s.side(m).await(s.waiter(cx, m))
}

// waiter returns the polled task as one who waits for the direction.
func (s *source) waiter(cx *task.Cx, m poll.Mode) *waiter {
	w := s.mine[m-1]
	if self := cx.Self(); w == nil || w.task != self {
		w = &waiter{task: self} // once for each task that uses the connection
		s.mine[m-1] = w
	}
	return w
}

// kick wakes who waits for the direction: it tries again, and finds out why.
func (s *source) kick(m poll.Mode) { s.side(m).edge().wake() }

// close lets operations in progress end, and those to come fail.
func (s *source) close() error {
	if !s.refs.close() {
		return ErrClosed
	}
	if l := s.limits.Load(); l != nil {
		l.lift(s)
	}
	s.kick(poll.Read)
	s.kick(poll.Write)
	s.out.tell()
	if s.after != nil {
		s.after()
	}
	s.release()
	return nil
}

// fail is close for a reason: operations fail with it.
func (s *source) fail(err error) {
	if err != ErrClosed {
		s.cause.CompareAndSwap(nil, &err)
	}
	_ = s.close()
}

// gone returns why operations fail.
func (s *source) gone() error {
	if why := s.cause.Load(); why != nil {
		return *why
	}
	return ErrClosed
}

// release ends a use; the last one closes the number.
func (s *source) release() {
	if s.refs.release() {
		s.reactor.forget(s)
		shut(s.fd)
	}
}

// limits are the deadlines of a source, of which few have any.
type limits struct {
	mu     park.Mutex
	source *source
	of     [2]limit
	lifted bool
}

// limit is the deadline of one direction.
type limit struct {
	at    atomicx.Int64 // 0: none
	alarm task.Alarm
}

// expired reports whether the direction's deadline has passed.
func (s *source) expired(m poll.Mode) bool {
	l := s.limits.Load()
	if l == nil {
		return false
	}
	at := l.of[m-1].at.Load()
	return at != 0 && at <= s.reactor.home.Nanos()
}

// limit sets the deadline of some directions; the zero time means none.
func (s *source) limit(t time.Time, modes ...poll.Mode) error {
	if !s.refs.acquire() {
		return ErrClosed
	}
	defer s.release()
	l := s.limits.Load()
	if l == nil {
		l = &limits{source: s}
		if !s.limits.CompareAndSwap(nil, l) {
			l = s.limits.Load()
		}
	}
	h := s.reactor.home
	l.mu.Lock()
	l.lifted = l.lifted || s.refs.isClosed() // close may have come before there were limits
	for _, m := range modes {
		d := &l.of[m-1]
		d.alarm.Disarm(h)
		if t.IsZero() || l.lifted {
			d.at.Store(0)
			continue
		}
		at := max(h.After(time.Until(t)), 1)
		d.at.Store(at)
		d.alarm.Arm(h, nil, at, l, uint32(m))
	}
	l.mu.Unlock()
	return nil
}

// Ring is the alarm of a direction.
func (l *limits) Ring(of uint32) {
	l.source.kick(poll.Mode(of))
	if poll.Mode(of) == poll.Write {
		l.source.out.tell() // who waits for the outlet has the same deadline
	}
}

// lift ends all deadlines, for good.
func (l *limits) lift(s *source) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lifted = true
	for i := range l.of {
		l.of[i].alarm.Disarm(s.reactor.home)
	}
}

// try does a system call again and again, as long as it does not wait: an answer of
// would-block means that the task was listed, and is to suspend. It spends of the
// poll's budget: a peer that never stops sending does not keep a worker.
func (s *source) try(cx *task.Cx, m poll.Mode, call func(fd int) (n int, err error)) (n int, err error) {
	if err := cx.Err(); err != nil {
		return 0, err
	}
	if cx.Spent() { // before the call: nothing is done yet
		return 0, cx.Spend()
	}
	if !s.refs.acquire() {
		return 0, s.gone()
	}
	defer s.release()
	for {
		ask := m != poll.Read || !s.drained
		if ask {
			s.side(m).clear() // before the look at the deadline, whose edge it would forget
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
		s.drained = s.drained && m != poll.Read
		if s.refs.isClosed() {
			return 0, s.gone()
		}
		if !s.await(cx, m) {
			return 0, cx.Suspend()
		}
	}
}

const blocks = "reactor: a blocking call inside a task would stop its worker: use the methods with a Cx"

// block is try for goroutines: it waits.
func (s *source) block(m poll.Mode, call func(fd int) (n int, err error)) (n int, err error) {
	if !s.refs.acquire() {
		return 0, s.gone()
	}
	defer s.release()
	var w *waiter
	for {
		switch {
		case s.refs.isClosed():
			return 0, s.gone()
		case s.expired(m):
			return 0, os.ErrDeadlineExceeded
		}
		n, err = call(s.fd)
		if !blocked(err) {
			return n, err
		}
		if w == nil {
			task.MustNotPoll(blocks)
			w = &waiter{bell: make(chan struct{}, 1)}
		}
		if s.side(m).await(w) {
			continue
		}
		<-w.bell
	}
}
