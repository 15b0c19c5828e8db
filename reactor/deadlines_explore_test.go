//go:build explore && unix

package reactor

import (
	"context"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/heist-go/heist/internal/explore"
	"github.com/heist-go/heist/internal/poll"
	"github.com/heist-go/heist/task"
)

// office is a scheduler with one runner, whose time stands still, and a reactor. It keeps
// what is to be polled.
type office struct {
	task.Runtime
	runner  task.Runner
	inbox   task.Inbox
	queued  int // how often a frame became runnable
	clock   *task.Clock
	reactor *Reactor
	source  source // one end of a socket; not registered
	peer    int    // the other
}

func (*office) Admit(int) bool        { return true }
func (*office) Sooner(int)            {}
func (o *office) Submit(b task.Batch) { o.queued++; o.inbox.Put(b) }
func (o *office) Push(*task.Frame)    { o.queued++ }
func (o *office) Next(*task.Frame)    { o.queued++ }
func (o *office) Later(*task.Frame)   { o.queued++ }

func newOffice(x *explore.X) *office {
	o := &office{clock: task.NewClock(time.Unix(0, 0))}
	task.SetClock(&o.Runtime, o.clock)
	o.runner.Init(o)
	task.Open(context.Background(), &o.Runtime, o, &o.runner)
	r, err := New(&o.Runtime, nil)
	x.Assert(err == nil, "%v", err)
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	x.Assert(err == nil, "%v", err)
	x.Assert(unix.SetNonblock(fds[0], true) == nil, "it blocks")
	o.reactor, o.source.fd, o.peer = r, fds[0], fds[1]
	return o
}

// close closes what is open.
func (o *office) close() {
	_ = o.source.close()
	_ = o.reactor.Close()
	_ = unix.Close(o.peer)
}

// dated is how deadlines are kept: the real methods, or copies with a mistake.
type dated struct {
	limit func(s *source, at int64, modes ...poll.Mode) error
	close func(*source) error
	try   func(s *source, cx *task.Cx, m poll.Mode, call func(int) (int, error)) (int, error)
}

var soundDated = dated{(*source).setDeadline, (*source).close, (*source).try}

// forsaken is a deadline that is set while the connection is closed: no alarm stays armed.
func forsaken(y dated) func(*explore.X) {
	return func(x *explore.X) {
		o := newOffice(x)
		s := &o.source
		x.Assert(o.reactor.register(s) == nil, "it is not registered")
		x.Go("limit", func() { _ = y.limit(s, o.After(time.Hour), poll.Read) })
		x.Go("close", func() { _ = y.close(s) })
		x.Final(func() {
			timers := o.Timers()
			o.close()
			x.Assert(timers == 0, "%d alarms of a closed connection are armed", timers)
		})
	}
}

// overdue is a read whose deadline passes meanwhile: it fails, or its task is woken.
func overdue(y dated) func(*explore.X) {
	return func(x *explore.X) {
		o := newOffice(x)
		s := &o.source
		x.Assert(o.reactor.register(s) == nil, "it is not registered")
		x.Assert(s.setDeadline(o.After(time.Hour), poll.Read) == nil, "there is no deadline")
		var got error
		task.Detach(&o.Runtime, task.Func(func(cx *task.Cx) error {
			var b [1]byte
			_, got = y.try(s, cx, poll.Read, func(fd int) (int, error) { return read(fd, b[:]) })
			return got
		}))
		var reader *task.Frame
		o.inbox.Take(func(f *task.Frame) { reader = f })
		o.queued = 0
		x.Go("reader", func() { o.runner.Step(reader, false) })
		x.Go("time", func() { o.clock.Advance(2 * time.Hour) })
		x.Final(func() {
			woken := o.queued > 0 // before it is closed, which wakes everybody
			o.close()
			x.Assert(got == os.ErrDeadlineExceeded || woken, "the deadline has passed, and the task sleeps: %v", got)
		})
	}
}

func TestExploreDeadlines(t *testing.T) {
	explore.Check(t, explore.Options{Preemptions: 2}, forsaken(soundDated))
	explore.Check(t, explore.Options{Preemptions: 3}, overdue(soundDated))
}

func TestExploreDeadlinesControls(t *testing.T) {
	blind, hasty, late := soundDated, soundDated, soundDated
	blind.limit = func(s *source, at int64, _ ...poll.Mode) error {
		if !s.refs.acquire() {
			return ErrClosed
		}
		defer s.release()
		s.deadlines.CompareAndSwap(nil, &deadlines{source: s})
		l, h := s.deadlines.Load(), s.reactor.runtime
		l.mu.Lock()
		defer l.mu.Unlock()
		if !l.lifted {
			l.each[0].alarm.Arm(h, nil, at, l, uint32(poll.Read))
		}
		return nil
	}
	hasty.close = func(s *source) error {
		l := s.deadlines.Load()
		if !s.refs.close() {
			return ErrClosed
		}
		if l != nil {
			l.lift(s)
		}
		s.release()
		return nil
	}
	late.try = func(s *source, cx *task.Cx, m poll.Mode, call func(int) (int, error)) (int, error) {
		for {
			if s.expired(m) {
				return 0, os.ErrDeadlineExceeded
			}
			s.direction(m).clear()
			if n, err := call(s.fd); !blocked(err) {
				return n, err
			}
			if !s.await(cx, m) {
				return 0, cx.Suspend()
			}
		}
	}
	for name, model := range map[string]func(*explore.X){
		"the deadline is set without a look whether it is closed": forsaken(blind),
		"the close looks for deadlines first":                     forsaken(hasty),
		"the edge is forgotten after the look at the deadline":    overdue(late),
	} {
		t.Run(name, func(t *testing.T) { explore.Refute(t, explore.Options{Preemptions: 3}, model) })
	}
}
