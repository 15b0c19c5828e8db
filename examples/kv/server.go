package main

//go:generate go run -C ../../heistgen . ../examples/kv

import (
	"bytes"
	"context"
	"io"
	"sync/atomic"
	"time"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
)

const (
	// maxReplies is how many bytes of replies are enough to be sent, before more
	// commands are executed.
	maxReplies = 1 << 20
	// share is how much a connection may do before others have their turn, in
	// arguments that were looked at: a millisecond or so.
	share = 1 << 14
	// sweeps is how often old keys are removed.
	sweeps = 100 * time.Millisecond
	// parting is how long a peer that was sent away has to read its last replies.
	parting = time.Second
)

// server is the task that accepts connections, and what these share.
type server struct {
	task.Frame
	pool     *pool.Pool
	listener *reactor.Listener
	data     *store
	sweeper  sweeper
	requests *pool.Local[request] // one at a time for each worker
	clients  atomic.Int64
	commands atomic.Int64 // that were executed
}

func newServer(p *pool.Pool, l *reactor.Listener) *server {
	s := &server{pool: p, listener: l, data: newStore()}
	s.requests = pool.NewLocal(p, func() request { return request{server: s} })
	s.sweeper = sweeper{data: s.data, ticker: task.Ticker{Every: sweeps, Missed: task.Skip}}
	return s
}

// start serves the listener's connections until the pool is shut down, or the task that it returns ends.
func (s *server) start() acceptor {
	a := form.accept(s)
	s.pool.Go(a)
	s.pool.Go(form.sweep(s))
	return a
}

func (s *server) Poll(cx *task.Cx) error {
	return reactor.Serve(cx, s.listener, func(c *reactor.Conn) task.Task {
		s.clients.Add(1)
		return form.answer(s, c)
	})
}

// left is called at the end of a connection, whatever that was.
func (s *server) left(c *reactor.Conn) {
	s.clients.Add(-1)
	_ = c.Close()
}

// tasks makes the tasks of a server: what accepts its connections and removes its old keys, and what
// answers on a connection.
type tasks struct {
	accept func(*server) acceptor
	sweep  func(*server) task.Task
	answer func(*server, *reactor.Conn) task.Task
}

// acceptor is a task that accepts connections.
type acceptor interface {
	task.Task
	WaitContext(context.Context) error
	Err() error
}

// The forms, and the one that is taken.
var (
	byHand = tasks{
		accept: func(s *server) acceptor { return s },
		sweep:  func(s *server) task.Task { return &s.sweeper },
		answer: func(s *server, c *reactor.Conn) task.Task { return &session{server: s, conn: c} },
	}
	straightLine = tasks{
		accept: func(s *server) acceptor { return newAccept(s) },
		sweep:  func(s *server) task.Task { return newSweep(s.data) },
		answer: func(s *server, c *reactor.Conn) task.Task { return newAnswer(s, c) },
	}
	form tasks
)

func init() { form = byHand } // it makes what asks for it

// session is one connection. While it is idle it holds no memory but itself: what it
// reads is lent by the worker, and so are the replies until the kernel refuses them.
type session struct {
	task.Frame
	server  *server
	conn    *reactor.Conn
	in      []byte // what was read and is not executed: the beginning of a command, or more
	out     []byte // replies that the kernel did not take at once
	spent   int    // of its share
	more    bool   // there may be a whole command in it
	closing bool   // when the replies are sent
}

func (s *session) Poll(cx *task.Cx) error {
	for {
		if len(s.out) > 0 { // a peer that does not read is not read from
			if err := s.conn.Write(cx, s.out); err != nil {
				return err
			}
			s.out = nil
		}
		if s.closing {
			return s.conn.Hangup(cx) // a mere Close could cost the peer the last replies
		}
		if s.spent >= share {
			if err := cx.Yield(); err != nil {
				return err
			}
			s.spent = 0
		}
		b := s.in
		if !s.more {
			lent, err := s.conn.Next(cx)
			switch {
			case err == io.EOF:
				return nil
			case task.IsPending(err) && cx.Draining():
				return nil // it is idle, and the server comes to its end
			case err != nil:
				return err
			}
			if b = lent; len(s.in) > 0 {
				s.in = append(s.in, lent...)
				b = s.in
			}
		}
		if err := s.work(cx, b); err != nil {
			return err
		}
	}
}

func (s *session) Finish(error) { s.server.left(s.conn) }

// work executes the commands in b, which is lent, or s.in, and sends the replies. It
// keeps the rest, and what of the replies cannot be sent yet.
func (s *session) work(cx *task.Cx, b []byte) error {
	r := s.server.requests.Get(cx)
	rest, err := r.batch(s.server.data.at(cx.Now()), b)
	if err != nil {
		r.fail("ERR " + err.Error())
		rest = nil
	}
	if s.closing = r.quit || err != nil; s.closing {
		s.conn.SetWriteLimit(maxReplies, parting) // for Hangup
	}
	s.more = len(rest) > 0 && r.full()
	s.spent += 1 + r.spent + (len(b)+len(r.out))/64
	switch {
	case len(rest) == 0:
		s.in = nil
	case len(rest) == len(b) && len(s.in) > 0: // b is s.in, and goes on growing
	default:
		s.in = bytes.Clone(rest) // also of s.in: a little should not hold on to much
	}
	if len(r.out) == 0 {
		return nil
	}
	err = s.conn.Write(cx, r.out)
	if task.IsPending(err) {
		s.out, r.out = r.out, nil // from now on it is ours, and the worker needs another
	}
	return err
}

// sweeper removes the keys that have expired and that nobody asks for.
type sweeper struct {
	task.Frame
	data   *store
	ticker task.Ticker
	more   bool // a share of them was removed, and there are others
}

func (s *sweeper) Poll(cx *task.Cx) error {
	for {
		if s.more {
			if err := cx.Yield(); err != nil {
				return err
			}
		} else if _, err := s.ticker.Tick(cx); err == task.ErrClosed {
			return nil
		} else if err != nil {
			return err
		}
		const most = 1000
		s.more = s.data.sweep(s.data.at(cx.Now()), most) >= most
	}
}
