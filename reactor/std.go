package reactor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/internal/poll"
	"github.com/heist-go/heist/task"
)

// Std returns the connection as package net's, for goroutines: its methods block, and
// may be called at the same time. Tasks must not call them. If tasks use the connection in the
// same direction, they take turns. Its deadlines are the machine's time, whatever
// the pool's is: how far they are away is what counts on a task.Clock.
func (c *Conn) Std() net.Conn { return stdConn{c} }

// stdConn hides the methods for tasks behind those of net.Conn.
type stdConn struct{ *Conn }

func (s stdConn) SetDeadline(t time.Time) error {
	return s.setDeadline(s.realTime(t), poll.Read, poll.Write)
}

func (s stdConn) SetReadDeadline(t time.Time) error { return s.setDeadline(s.realTime(t), poll.Read) }

func (s stdConn) SetWriteDeadline(t time.Time) error { return s.setDeadline(s.realTime(t), poll.Write) }

func (s stdConn) Read(b []byte) (int, error) {
	c := s.Conn
	c.readMu.Lock()
	defer c.readMu.Unlock()
	n, err := c.block(poll.Read, &c.reads, func(int) (int, error) {
		if len(c.readAhead) > 0 {
			return c.takeAhead(b), nil
		}
		return c.recv(b)
	})
	return c.readResult("read", n, err, len(b) > 0)
}

// Write is net.Conn's: if a deadline ends it when a part was sent, the next Write goes on with
// whatever it is given. What is posted waits until then; to tasks that write the stream is torn.
func (s stdConn) Write(b []byte) (n int, err error) {
	c := s.Conn
	c.writeMu.Lock()
	defer c.writeMu.Unlock()
	before, err := c.enterWaiting()
	if err != nil {
		return 0, err
	}
	for n < len(b) || len(b) == 0 {
		k, e := c.block(poll.Write, nil, func(int) (int, error) { return c.send(b[n:]) })
		n += k
		if err = c.failed("write", e); err != nil || len(b) == 0 {
			break
		}
	}
	switch w := before; {
	case c.refs.isClosed() || err == nil && len(b) > 0:
	case n > 0:
		w = &writeRecord{size: len(b), sent: n}
		fallthrough
	case w != nil: // what has come before is a part still
		w.cause = err
		c.queue.suspend(c.openSink(), w, err != nil && !resumable(err))
		return n, err
	}
	c.endWrite()
	return n, err
}

// enterWaiting is enter for a goroutine. If goroutines are in the middle of a message, it
// returns the record.
func (c *Conn) enterWaiting() (*writeRecord, error) {
	if c.queue.tryLockNow() {
		return nil, nil
	}
	if w := c.queue.writer.Load(); w != nil && w.owner == (task.Waker{}) && c.queue.resume() {
		c.queue.writer.Store(nil)
		return w, nil
	}
	task.MustNotPoll(blockingInTask)
	err := c.queue.lockContext(context.Background(), c.openSink())
	if err == task.ErrClosed {
		err = c.refusal()
	}
	return nil, err
}

// Std returns the listener as package net's, for goroutines. What that accepts is for goroutines
// alone: the connections are package net's own, wait in Go's poller, and cost what package net's
// do. They end when the pool is closed, and [Reactor.Used] counts them until they are closed.
// [Reactor.Adopt] makes a connection for tasks of one.
//
// Tasks may accept from the listener, too: each connection is one's.
func (l *Listener) Std() net.Listener { return stdListener{l} }

type stdListener struct{ *Listener }

// Accept is net.Listener's. Its errors are package net's, but for ErrClosed.
func (s stdListener) Accept() (net.Conn, error) {
	task.MustNotPoll(blockingInTask)
	if s.transport() != nil {
		return s.acceptHere()
	}
	l, err := s.netListener()
	if err != nil {
		return nil, err
	}
	for {
		c, err := l.Accept()
		var why syscall.Errno
		switch {
		case err == nil:
			return s.reactor.netConns.add(c.(netStream))
		case errors.Is(err, net.ErrClosed):
			return nil, s.closeError()
		case errors.As(err, &why) && aborted(why):
		default:
			return nil, err // net/http knows what to do about EMFILE
		}
	}
}

// acceptHere accepts from a listener that is no socket: package net has nothing to do with it.
func (s stdListener) acceptHere() (net.Conn, error) {
	var a accepted
	_, err := s.block(poll.Read, &s.reads, func(int) (_ int, err error) {
		a, err = s.accept()
		return 0, err
	})
	if err != nil {
		return nil, s.failed(err)
	}
	c, err := s.adopt(a)
	if err != nil {
		return nil, err
	}
	return c.Std(), nil
}

// netListener returns package net's listener for the same socket. Most are made when the first
// goroutine accepts: each connection that comes is an event of Go's poller from then on, too.
func (l *Listener) netListener() (net.Listener, error) {
	if !l.refs.acquire() {
		return nil, l.closeError()
	}
	defer l.release()
	l.stdMu.Lock()
	defer l.stdMu.Unlock()
	if l.std != nil {
		return l.std, nil
	}
	fd, err := dupFD(l.fd)
	if err == nil {
		f := os.NewFile(uintptr(fd), "listener")
		l.std, err = net.FileListener(f)
		_ = f.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("reactor: accept: %w", err)
	}
	return l.std, nil
}

// closeStd closes package net's listener, if there is one. Nobody makes one after the listener was
// closed.
func (l *Listener) closeStd() {
	l.stdMu.Lock()
	defer l.stdMu.Unlock()
	if l.std != nil {
		_ = l.std.Close()
	}
}

// netStream is the methods that package net's streams have in common.
type netStream interface {
	net.Conn
	syscall.Conn
	CloseRead() error
	CloseWrite() error
}

// netConns are the connections of package net's that end with a reactor.
type netConns struct {
	mu    sync.Mutex // guards what follows
	open  map[*netConn]struct{}
	ended bool
}

// add makes a connection one of them. It closes it if the reactor has ended.
func (s *netConns) add(c netStream) (net.Conn, error) {
	n := &netConn{netStream: c, conns: s}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		_ = c.Close()
		return nil, ErrClosed
	}
	if s.open == nil {
		s.open = map[*netConn]struct{}{}
	}
	s.open[n] = struct{}{}
	return n, nil
}

// remove forgets a connection.
func (s *netConns) remove(c *netConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
}

// count returns how many are open.
func (s *netConns) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// close closes them, and those to come.
func (s *netConns) close() {
	s.mu.Lock()
	all := s.open
	s.open, s.ended = nil, true
	s.mu.Unlock()
	for c := range all {
		_ = c.netStream.Close()
	}
}

// netConn is a connection of package net's, with this package's ErrClosed. In builds that check it
// finds out tasks that use it.
type netConn struct {
	netStream
	conns *netConns
}

func (c *netConn) Read(b []byte) (int, error) {
	c.check()
	n, err := c.netStream.Read(b)
	return n, ours(err)
}

func (c *netConn) Write(b []byte) (int, error) {
	c.check()
	n, err := c.netStream.Write(b)
	return n, ours(err)
}

// ReadFrom is io.ReaderFrom's, with which package net sends files.
func (c *netConn) ReadFrom(r io.Reader) (int64, error) {
	c.check()
	to, ok := c.netStream.(io.ReaderFrom)
	if !ok {
		return io.Copy(struct{ io.Writer }{c}, r)
	}
	n, err := to.ReadFrom(r)
	return n, ours(err)
}

func (c *netConn) Close() error {
	c.conns.remove(c)
	return ours(c.netStream.Close())
}

func (c *netConn) CloseRead() error                   { return ours(c.netStream.CloseRead()) }
func (c *netConn) CloseWrite() error                  { return ours(c.netStream.CloseWrite()) }
func (c *netConn) SetDeadline(t time.Time) error      { return ours(c.netStream.SetDeadline(t)) }
func (c *netConn) SetReadDeadline(t time.Time) error  { return ours(c.netStream.SetReadDeadline(t)) }
func (c *netConn) SetWriteDeadline(t time.Time) error { return ours(c.netStream.SetWriteDeadline(t)) }

// check finds out a task that calls.
func (c *netConn) check() {
	if invariant.Enabled {
		task.MustNotPoll(blockingInTask)
	}
}

// ours returns ErrClosed for package net's, and other errors as they are.
func ours(err error) error {
	if err != nil && errors.Is(err, net.ErrClosed) {
		return ErrClosed
	}
	return err
}
