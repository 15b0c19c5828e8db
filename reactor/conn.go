package reactor

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/poll"
	"github.com/heist-go/heist/task"
)

// Conn is a connected stream socket, TCP or Unix. It holds no buffer while it is
// idle.
//
// Its methods with a *task.Cx are for tasks; none of them blocks. A connection is one task's
// in each direction, or it is passed on. If several use it in the same direction they take
// turns, and so do the branches of one: what is written does not mix, and each read gets what
// is there when its turn comes. [Conn.Std] is the same connection for goroutines. Close, and
// the deadlines, may be called by anybody.
type Conn struct {
	source
	local, remote net.Addr

	// Guarded by the gate of reads.
	readAhead []byte // read and not handed out: what came behind a message, or a part of one
	searched  uint32 // how much of readAhead has no delim
	delim     byte

	tcp  bool                      // a short read has taken all there was: see C3
	sink atomicx.Pointer[connSink] // made by the first who posts, or waits for its turn

	readMu, writeMu sync.Mutex // of goroutines: held while they wait
}

// newConn makes a connection of what was accepted, and owns it from then on. Its addresses are
// those that the socket tells, or else, as its peer may have reset it, those that a knows.
func newConn(r *Reactor, a accepted) (*Conn, error) {
	c := &Conn{}
	if a.transport != nil {
		c.useTransport(a.transport)
	} else {
		c.fd = a.fd
		c.local, c.remote = addresses(a.fd)
	}
	if c.local == nil {
		c.local = a.local
	}
	if c.remote == nil {
		c.remote = a.remote
	}
	_, tcp := c.local.(*net.TCPAddr)
	c.tcp = tcp && a.transport == nil
	if err := r.next().register(&c.source); err != nil {
		return nil, err
	}
	return c, nil
}

// Adopt returns a connection for the socket of c, of which it duplicates the
// descriptor: c is still to be closed, and should not be used any more. It refuses
// what is not a stream socket, or listens.
//
// Any goroutine.
func (r *Reactor) Adopt(c syscall.Conn) (*Conn, error) {
	fd, err := adoptFD(c, checkStream)
	if err != nil {
		return nil, err
	}
	a := accepted{fd: fd}
	if c, ok := c.(net.Conn); ok {
		a.local, a.remote = c.LocalAddr(), c.RemoteAddr()
	}
	return newConn(r, a)
}

// Read reads what is there, up to len(b) bytes. At the end it returns io.EOF.
func (c *Conn) Read(cx *task.Cx, b []byte) (n int, err error) {
	if err := c.lockGate(cx, &c.reads); err != nil {
		return 0, err
	}
	defer c.reads.unlock()
	if len(c.readAhead) > 0 {
		if err := cx.Spend(); err != nil {
			return 0, err
		}
		return c.takeAhead(b), nil
	}
	return c.receive(cx, b)
}

// receive reads from the socket. A read of less than there is room for has taken all there was, so the
// next one need not ask the kernel before it waits: what comes after is a new edge (C3). That is so for
// TCP, until the peer's end, of which the edge may have come together with the last bytes'.
// Pairs with: (*Reactor).Poll.
func (c *Conn) receive(cx *task.Cx, b []byte) (int, error) {
	c.wouldBlockNext = c.wouldBlockNext && len(b) > 0 // a read of nothing waits for nothing
	n, err := c.try(cx, poll.Read, func(int) (int, error) { return c.recv(b) })
	if err == nil && n > 0 && n < len(b) {
		c.wouldBlockNext = c.tcp && !c.ended.Load()
	}
	return c.readResult("read", n, err, len(b) > 0)
}

// readResult returns what a read returns.
func (c *Conn) readResult(what string, n int, err error, wanted bool) (int, error) {
	switch {
	case err == nil && n == 0 && wanted:
		return 0, io.EOF
	case err == nil || task.IsPending(err):
		return n, err
	}
	return 0, c.failed(what, err)
}

// failed wraps a system's error with what it is about, as package net does.
func (c *Conn) failed(what string, err error) error {
	if _, ok := err.(syscall.Errno); !ok {
		return err
	}
	return &net.OpError{Op: what, Net: c.network(), Source: c.local, Addr: c.remote, Err: err}
}

func (c *Conn) network() string {
	if c.local == nil {
		return "socket"
	}
	return c.local.Network()
}

// takeAhead moves bytes that were read ahead to b.
func (c *Conn) takeAhead(b []byte) int {
	n := copy(b, c.readAhead)
	c.splitAhead(n)
	return n
}

// splitAhead removes the first n bytes that were read ahead, and returns them.
func (c *Conn) splitAhead(n int) []byte {
	b := c.readAhead[:n:n]
	if c.readAhead, c.searched = c.readAhead[n:], 0; len(c.readAhead) == 0 {
		c.readAhead = nil // an idle connection holds no memory
	}
	return b
}

// borrowSize is the size of the worker's buffer that Next and ReadUntil read into.
const borrowSize = 64 << 10

// Next returns what is there. The bytes are lent: they are the worker's, and valid
// until Poll returns, or Next is called again. So a connection needs no buffer of its
// own. At the end it returns io.EOF.
//
//heist:lent
func (c *Conn) Next(cx *task.Cx) ([]byte, error) {
	if err := c.lockGate(cx, &c.reads); err != nil {
		return nil, err
	}
	defer c.reads.unlock()
	if n := len(c.readAhead); n > 0 {
		if err := cx.Spend(); err != nil {
			return nil, err
		}
		return cx.Lend(c.splitAhead(n)), nil
	}
	b := cx.Scratch(borrowSize)
	n, err := c.receive(cx, b)
	return b[:n], err
}

// ReadUntil returns the bytes up to and including the first delim. They are lent, as
// Next's. If the first max bytes do not have it the error is task.ErrLimit, and they are
// kept; if the end comes first, io.ErrUnexpectedEOF, or io.EOF if it comes between two
// messages.
//
// What was read of a message that is not whole is the connection's, whoever reads next: less
// than max bytes, and what one read may bring (borrowSize).
//
//heist:lent
func (c *Conn) ReadUntil(cx *task.Cx, delim byte, max int) ([]byte, error) {
	if err := c.lockGate(cx, &c.reads); err != nil {
		return nil, err
	}
	defer c.reads.unlock()
	if c.delim != delim {
		c.delim, c.searched = delim, 0
	}
	for {
		if i := bytes.IndexByte(c.readAhead[c.searched:], delim); i >= 0 {
			if err := cx.Spend(); err != nil {
				return nil, err
			}
			n := int(c.searched) + i + 1
			if n > max {
				return nil, tooLong(max)
			}
			return cx.Lend(c.splitAhead(n)), nil
		}
		if c.searched = uint32(min(int64(len(c.readAhead)), math.MaxUint32)); len(c.readAhead) >= max {
			return nil, tooLong(max)
		}
		b := cx.Scratch(borrowSize)
		n, err := c.receive(cx, b)
		if err != nil {
			if err == io.EOF && len(c.readAhead) > 0 {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		if i := bytes.IndexByte(b[:n], delim); len(c.readAhead) == 0 && i == n-1 && n <= max {
			return b[:n], nil // the common case: one message, and nothing else
		}
		c.readAhead = append(c.readAhead, b[:n]...)
	}
}

// tooLong is the error of a message that has no end.
func tooLong(max int) error {
	return fmt.Errorf("reactor: read: no delimiter in %d bytes: %w", max, task.ErrLimit)
}

// ReadFull reads len(b) bytes. If the end comes in between, the error is
// io.ErrUnexpectedEOF.
//
// What was read before it has all is the connection's, after Pending as after an error: less
// than len(b) bytes, which whoever reads next gets first. So called again it may have another b.
func (c *Conn) ReadFull(cx *task.Cx, b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if err := c.lockGate(cx, &c.reads); err != nil {
		return err
	}
	defer c.reads.unlock()
	ahead := len(c.readAhead)
	if ahead >= len(b) {
		if err := cx.Spend(); err != nil {
			return err
		}
		c.takeAhead(b)
		return nil
	}
	for n := ahead; n < len(b); {
		k, err := c.receive(cx, b[n:])
		if err != nil {
			c.readAhead = append(c.readAhead, b[ahead:n]...)
			if err == io.EOF && n > 0 {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
		n += k
	}
	c.takeAhead(b)
	return nil
}

// kernelVector is the number of buffers that the kernel takes at most (IOV_MAX).
const kernelVector = 1024

// remaining returns what is left of bufs behind n bytes, as far as one call takes it.
func remaining(bufs [][]byte, n int) [][]byte {
	for len(bufs) > 0 && n >= len(bufs[0]) {
		n -= len(bufs[0])
		bufs = bufs[1:]
	}
	bufs = bufs[:min(len(bufs), kernelVector)]
	if n == 0 {
		return bufs
	}
	return append([][]byte{bufs[0][n:]}, bufs[1:]...)
}

// CloseWrite says to the peer that nothing more will come. On a stream that is torn it does
// not, because the peer would take a part for the whole, and returns an error that is ErrTorn.
// A write in progress, and what was posted and not sent, it cuts, as package net's does: they
// fail. [Conn.Hangup] waits for them. Anybody; it does not block.
func (c *Conn) CloseWrite() error {
	c.queue.flushDue()
	if c.queue.writer.Load() != nil {
		if c.queue.tear(); c.queue.isTorn() && !c.refs.isClosed() {
			return c.tornError()
		}
	}
	if !c.refs.acquire() {
		return c.closeError()
	}
	defer c.release()
	if err := c.shutWrite(); err != nil {
		return c.failed("close", err)
	}
	return nil
}

// Close closes the connection. Whoever waits for it is woken, and gets ErrClosed. Of a stream
// that is torn the peer sees what was sent, and its end.
// Anybody; it does not block.
func (c *Conn) Close() error { return c.close() }

// SetDeadline sets when reads and writes, those in progress too, return
// os.ErrDeadlineExceeded; the zero time means never. On a pool with a task.Clock t is that
// clock's time, as [task.Cx.Now] is; the deadlines of [Conn.Std] are the machine's. Anybody.
func (c *Conn) SetDeadline(t time.Time) error {
	return c.setDeadline(c.taskTime(t), poll.Read, poll.Write)
}

// SetReadDeadline is SetDeadline for reads.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.setDeadline(c.taskTime(t), poll.Read) }

// SetWriteDeadline is SetDeadline for writes.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.setDeadline(c.taskTime(t), poll.Write) }

// SetNoDelay says whether small writes are sent at once, which is the default.
func (c *Conn) SetNoDelay(on bool) error {
	if !c.refs.acquire() {
		return c.closeError()
	}
	defer c.release()
	return c.setNoDelay(on)
}

// LocalAddr returns our end's address, or nil.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr returns the peer's address, or nil.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }
