package reactor

import (
	"errors"

	"github.com/heist-go/heist/internal/park"
	"github.com/heist-go/heist/task"
)

// Serve accepts connections and starts f's task for each, as long as the polled task
// lives, which is the owner of them all. An error of one harms no other, nor does a panic,
// which is reported, unless [Listener].Panicked says so; the connection is closed, as is that of
// a task which has no Finish and is canceled. It returns
// when the listener is closed, or the task is told to come to an end, and all
// connections have ended: with nil, or with why no more could be accepted. It is sticky.
//
// A Serve that is abandoned (see [task.Operation]) accepts no more, and its connections stay the
// task's; called again it goes on. It returns an error at once if another task serves l.
//
//heist:sticky
func Serve(cx *task.Cx, l *Listener, f func(*Conn) task.Task) error {
	s := l.serve(cx)
	if s == nil {
		return errServed
	}
	for s.refused == nil {
		c, err := s.accept(cx, l)
		switch {
		case err == nil:
			s.start(cx, c, f)
		case task.IsPending(err):
			return err
		default:
			s.refused = err
		}
	}
	if err := s.group.Wait(cx); task.IsPending(err) { // or it raises the panic
		return err
	}
	// Claim. The listener is free, unless another server has it already.
	// Pairs with: (*Listener).serve.
	l.server.CompareAndSwap(s, nil)
	if s.refused == ErrClosed {
		return nil
	}
	return s.refused
}

// server is a task that serves a listener, and the tasks of its connections. They are in a group of
// their own: that of a task which has ended is canceled for good.
type server struct {
	owner   task.Waker
	group   task.Group
	conns   ownedConns
	refused error // why it accepts no more
}

var errServed = errors.New("reactor: serve: another task serves this listener, and owns its connections: serve it from one task, or accept from several")

// serve makes the listener the polled task's to serve. It returns nil if it is another's.
func (l *Listener) serve(cx *task.Cx) *server {
	self := cx.Self()
	for {
		old := l.server.Load()
		switch {
		case old != nil && old.owner == self:
			return old
		case old != nil && !old.owner.Over():
			return nil
		}
		now := &server{owner: self}
		now.group.Failed = func(t task.Task, err error) error {
			if errors.Is(err, task.ErrCanceled) { // perhaps before its first poll
				now.conns.close(t)
			}
			return nil
		}
		now.group.Panicked = func(t task.Task, p *task.PanicError) error {
			now.conns.close(t)
			if l.Panicked == nil || !l.Panicked(p) {
				return nil
			}
			return p
		}
		// Claim. The listener: whoever had it has ended.
		// Pairs with: (*Listener).serve, Serve.
		if l.server.CompareAndSwap(old, now) {
			return now
		}
	}
}

// start starts a connection's task. If f panics, the connection does not stay behind.
func (s *server) start(cx *task.Cx, c *Conn, f func(*Conn) task.Task) {
	started := false
	defer func() {
		if !started {
			_ = c.Close()
		}
	}()
	t := f(c)
	s.conns.add(t, c)
	s.group.Go(cx, t)
	started = true
}

// accept is Accept, until a connection's task has panicked: Failed forgets all else.
func (s *server) accept(cx *task.Cx, l *Listener) (*Conn, error) {
	if err := s.group.Err(); err != nil {
		return nil, err
	}
	return l.Accept(cx)
}

// ownedConns are the connections of tasks that have no Finish: one that panics, or is canceled before
// its first poll, cannot close its own, so Serve does.
type ownedConns struct {
	mu     park.Mutex // guards what follows
	byTask map[task.Task]*Conn
	sweep  int // at how many those that are closed are forgotten
}

// add remembers whose c is, unless t has a Finish. Before t is started.
func (w *ownedConns) add(t task.Task, c *Conn) {
	if _, ok := t.(task.Finisher); ok {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.byTask == nil {
		w.byTask = map[task.Task]*Conn{}
	}
	if len(w.byTask) >= w.sweep {
		for t, c := range w.byTask {
			if c.refs.isClosed() {
				delete(w.byTask, t)
			}
		}
		w.sweep = 2*len(w.byTask) + 16
	}
	w.byTask[t] = c
}

// close closes the connection of a task that could not.
func (w *ownedConns) close(t task.Task) {
	w.mu.Lock()
	c := w.byTask[t]
	delete(w.byTask, t)
	w.mu.Unlock()
	if c != nil {
		_ = c.Close() // nothing is to be done about it
	}
}
