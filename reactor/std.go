package reactor

import (
	"net"

	"github.com/heist-go/heist/internal/poll"
	"github.com/heist-go/heist/task"
)

// Std returns the connection as package net's, for goroutines: its methods block, and
// may be called at the same time. Tasks must not call them, nor use the connection's
// own methods in the same direction meanwhile.
func (c *Conn) Std() net.Conn { return stdConn{c} }

// stdConn hides the methods for tasks behind those of net.Conn.
type stdConn struct{ *Conn }

func (s stdConn) Read(b []byte) (int, error) {
	c := s.Conn
	c.readMu.Lock()
	defer c.readMu.Unlock()
	if len(c.kept) > 0 {
		return c.take(b), nil
	}
	c.drained = false // a task that reads after us must ask
	n, err := c.block(poll.Read, func(fd int) (int, error) { return read(fd, b) })
	return c.answer("read", n, err, len(b) > 0)
}

func (s stdConn) Write(b []byte) (n int, err error) {
	c := s.Conn
	c.writeMu.Lock()
	defer c.writeMu.Unlock()
	if err := c.enterWaiting(); err != nil {
		return 0, err
	}
	defer c.leave()
	for n < len(b) || len(b) == 0 {
		k, err := c.block(poll.Write, func(fd int) (int, error) { return write(fd, b[n:]) })
		n += k
		if err != nil {
			return n, c.failed("write", err)
		}
		if len(b) == 0 {
			break
		}
	}
	return n, nil
}

// enterWaiting is enter for a goroutine.
func (c *Conn) enterWaiting() error {
	var w *waiter
	for !c.out.hold() {
		if w == nil {
			task.MustNotPoll(blocks)
			w = &waiter{bell: make(chan struct{}, 1)}
		}
		wait, err := c.queue(w)
		if err != nil {
			return err
		}
		if wait {
			<-w.bell
		}
	}
	return nil
}

// Std returns the listener as package net's, for goroutines.
func (l *Listener) Std() net.Listener { return stdListener{l} }

type stdListener struct{ *Listener }

func (s stdListener) Accept() (net.Conn, error) {
	s.mu.Lock() // two who wait would wake each other, again and again
	defer s.mu.Unlock()
	for {
		fd, err := s.block(poll.Read, accept)
		switch {
		case err == nil:
			c, err := s.adopt(fd)
			if err != nil {
				return nil, err
			}
			return c.Std(), nil
		case aborted(err):
		default:
			return nil, s.failed(err) // net/http knows what to do about EMFILE
		}
	}
}
