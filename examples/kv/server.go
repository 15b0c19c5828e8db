package main

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidwall/redcon"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
)

// What one connection may ask for.
const (
	maxCommand = 1 << 20 // bytes of a command that is not complete yet
	maxReplies = 1 << 20 // bytes of replies before they are sent
)

// server is what its connections share.
type server struct {
	pool      *pool.Pool
	data      *store
	clients   atomic.Int64
	processed atomic.Int64
}

func newServer(p *pool.Pool) *server { return &server{pool: p, data: newStore()} }

// start serves the listener's connections, and removes what has expired, until the pool
// is closed.
func (s *server) start(l *reactor.Listener) {
	s.pool.Go(task.Func(func(cx *task.Cx) error {
		return reactor.Serve(cx, l, func(c *reactor.Conn) task.Task {
			s.clients.Add(1)
			return &session{server: s, conn: c}
		})
	}))
	s.pool.Go(&sweeper{server: s, ticker: task.Ticker{Every: 100 * time.Millisecond, Missed: task.Skip}})
}

// sweeper removes what nobody asks for any more.
type sweeper struct {
	task.Frame
	*server
	ticker task.Ticker
}

func (s *sweeper) Poll(cx *task.Cx) error {
	for {
		if _, err := s.ticker.Tick(cx); err != nil {
			return err
		}
		s.data.sweep(cx.Now(), 1000)
	}
}

// session is one connection. While it is idle it holds no memory but itself.
type session struct {
	task.Frame
	*server
	conn    *reactor.Conn
	in      []byte // the beginning of a command
	out     []byte // replies on their way
	argsBuf [4][]byte
	more    bool // there may be a whole command in it
	closing bool // when they are sent
}

func (s *session) Poll(cx *task.Cx) error {
	for {
		if len(s.out) > 0 {
			if err := s.conn.Write(cx, s.out); err != nil {
				return err
			}
			recycle(s.out)
			s.out = nil
		}
		if s.closing {
			return nil
		}
		if s.more {
			s.work(cx.Now(), s.in, true)
			continue
		}
		b, err := s.conn.Next(cx) // lent, so what is left of it must be copied
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if len(s.in) == 0 {
			s.work(cx.Now(), b, false)
		} else {
			s.work(cx.Now(), append(s.in, b...), true)
		}
	}
}

func (s *session) Finish(error) {
	s.clients.Add(-1)
	_ = s.conn.Close()
}

// work executes the commands in b until there are enough replies, and keeps the rest.
// ours: b need not be copied for that.
func (s *session) work(now time.Time, b []byte, ours bool) {
	r := request{server: s.server, now: now, out: buffer()}
	rest, err := r.commands(b, s.argsBuf[:0])
	if err != nil {
		r.fail("ERR " + err.Error())
		rest = nil
	}
	s.closing = r.quit || err != nil
	s.more = len(rest) > 0 && len(r.out) >= maxReplies
	switch {
	case len(rest) == 0:
		s.in = nil
	case ours:
		s.in = rest
	default:
		s.in = bytes.Clone(rest)
	}
	if s.out = r.out; len(s.out) == 0 {
		recycle(r.out)
		s.out = nil
	}
}

// commands executes what is complete in b, and returns the rest. After an error the
// stream cannot be understood any more.
func (r *request) commands(b []byte, args [][]byte) (rest []byte, err error) {
	for len(b) > 0 && len(r.out) < maxReplies && !r.quit {
		complete, a, _, left, err := redcon.ReadNextCommand(b, args)
		if err != nil {
			return nil, err
		}
		if !complete {
			if len(b) > maxCommand {
				return nil, protocolError(fmt.Sprintf("a command of more than %d bytes", maxCommand))
			}
			return b, nil
		}
		b = left
		if len(a) > 0 { // not an empty line
			r.args = a
			r.processed.Add(1)
			r.serve()
		}
	}
	return b, nil
}

// protocolError is worded as Redis and its parser do it.
type protocolError string

func (e protocolError) Error() string { return "Protocol error: " + string(e) }

// buffers are for replies, between one session's and another's.
var buffers = sync.Pool{New: func() any { return new([4096]byte) }}

func buffer() []byte { return buffers.Get().(*[4096]byte)[:0] }

// recycle gives a buffer back; one that has grown is left to the garbage collector.
func recycle(b []byte) {
	if cap(b) == 4096 {
		buffers.Put((*[4096]byte)(b[:4096]))
	}
}
