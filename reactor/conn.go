package reactor

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
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
// Its methods with a *task.Cx are for tasks, one at a time in each direction; none of
// them blocks. [Conn.Std] is the same connection for goroutines. Close, and the
// deadlines, may be called by anybody.
type Conn struct {
	source
	local, remote net.Addr

	kept  []byte // read and not handed out: what came behind a message, or a part of one
	seen  int    // of kept, how much was searched
	wrote int    // of what Write, or ReadFull, is about, how much is done
	full  int

	tcp     bool
	writing bool  // the task has suspended in Write, and holds the outlet
	leaving uint8 // how far Hangup has come
	until   byte  // the delimiter that seen is about
	post    atomicx.Pointer[posting]

	readMu, writeMu sync.Mutex // of goroutines
}

// newConn registers a descriptor, which it owns from then on.
func newConn(r *Reactor, fd int) (*Conn, error) {
	c := &Conn{}
	c.fd = fd
	c.local, c.remote = addresses(fd)
	_, c.tcp = c.local.(*net.TCPAddr)
	if err := r.next().register(&c.source); err != nil {
		return nil, err
	}
	return c, nil
}

// Adopt returns a connection for the socket of c, of which it duplicates the
// descriptor: c is still to be closed, and should not be used any more. It refuses
// what is not a stream socket.
//
// Any goroutine.
func (r *Reactor) Adopt(c syscall.Conn) (*Conn, error) {
	fd, err := duplicate(c)
	if err == nil {
		if err = stream(fd); err != nil {
			shut(fd)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("reactor: adopt: %w", err)
	}
	return newConn(r, fd)
}

// Read reads what is there, up to len(b) bytes. At the end it returns io.EOF.
func (c *Conn) Read(cx *task.Cx, b []byte) (n int, err error) {
	if len(c.kept) > 0 {
		if err := cx.Spend(); err != nil {
			return 0, err
		}
		return c.take(b), nil
	}
	return c.receive(cx, b)
}

// receive reads from the socket. A read of less than there is room for has taken all
// there was, so the next one need not ask the kernel before it waits: what comes after
// is a new edge. That is so for TCP, until the peer's end, of which the edge may have
// come together with the last bytes'.
func (c *Conn) receive(cx *task.Cx, b []byte) (int, error) {
	n, err := c.try(cx, poll.Read, func(fd int) (int, error) { return read(fd, b) })
	if err == nil && n > 0 && n < len(b) {
		c.drained = c.tcp && !c.ended.Load()
	}
	return c.answer("read", n, err, len(b) > 0)
}

// answer is how a read ends.
func (c *Conn) answer(what string, n int, err error, wanted bool) (int, error) {
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

// take moves kept bytes to b.
func (c *Conn) take(b []byte) int {
	n := copy(b, c.kept)
	if c.kept = c.kept[n:]; len(c.kept) == 0 {
		c.kept = nil
	}
	c.seen = 0
	return n
}

// lent is how much Next reads at a time.
const lent = 64 << 10

// Next returns what is there. The bytes are lent: they are the worker's, and valid
// until Poll returns, or Next is called again. So a connection needs no buffer of its
// own. At the end it returns io.EOF.
func (c *Conn) Next(cx *task.Cx) ([]byte, error) {
	if b := c.kept; len(b) > 0 {
		if err := cx.Spend(); err != nil {
			return nil, err
		}
		c.kept, c.seen = nil, 0
		return b, nil
	}
	b := cx.Scratch(lent)
	n, err := c.receive(cx, b)
	return b[:n], err
}

// ReadUntil returns the bytes up to and including the first delim. They are lent, as
// Next's. If the first max bytes do not have it the error is task.ErrLimit, and they are
// kept; if the end comes first, io.ErrUnexpectedEOF, or io.EOF if it comes between two
// messages.
func (c *Conn) ReadUntil(cx *task.Cx, delim byte, max int) ([]byte, error) {
	if c.until != delim {
		c.until, c.seen = delim, 0
	}
	for {
		if i := bytes.IndexByte(c.kept[c.seen:], delim); i >= 0 {
			if err := cx.Spend(); err != nil {
				return nil, err
			}
			n := c.seen + i + 1
			if n > max {
				return nil, tooLong(max)
			}
			line := c.kept[:n:n]
			if c.kept, c.seen = c.kept[n:], 0; len(c.kept) == 0 {
				c.kept = nil
			}
			return line, nil
		}
		if c.seen = len(c.kept); c.seen >= max {
			return nil, tooLong(max)
		}
		b := cx.Scratch(lent)
		n, err := c.receive(cx, b)
		if err != nil {
			if err == io.EOF && len(c.kept) > 0 {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		if i := bytes.IndexByte(b[:n], delim); len(c.kept) == 0 && i == n-1 && n <= max {
			return b[:n], nil // the common case: one message, and nothing else
		}
		c.kept = append(c.kept, b[:n]...)
	}
}

// tooLong is the error of a message that has no end.
func tooLong(max int) error {
	return fmt.Errorf("reactor: read: no delimiter in %d bytes: %w", max, task.ErrLimit)
}

// ReadFull reads len(b) bytes. Called again after Pending, with the same b, it goes
// on where it was. If the end comes in between, the error is io.ErrUnexpectedEOF.
func (c *Conn) ReadFull(cx *task.Cx, b []byte) error {
	for c.full < len(b) {
		n, err := c.Read(cx, b[c.full:])
		if err != nil {
			if err == io.EOF && c.full > 0 {
				err = io.ErrUnexpectedEOF
			}
			if !task.IsPending(err) {
				c.full = 0
			}
			return err
		}
		c.full += n
	}
	c.full = 0
	return nil
}

// Write writes all of b: nil means that it is on its way. Called again after
// Pending, with the same b, it goes on where it was. After an error, or when a task
// is canceled that has suspended in it, a part of b may have been sent.
func (c *Conn) Write(cx *task.Cx, b []byte) error {
	if err := c.enter(cx); err != nil {
		return err
	}
	for c.wrote < len(b) {
		n, err := c.try(cx, poll.Write, func(fd int) (int, error) { return write(fd, b[c.wrote:]) })
		if err := c.written(n, err); err != nil {
			return err
		}
	}
	c.abandon()
	return nil
}

// enter begins a Write: after those in progress, and what was posted.
func (c *Conn) enter(cx *task.Cx) error {
	for !c.writing {
		if c.out.hold() {
			c.writing = true
			return nil
		}
		if err := cx.Err(); err != nil {
			return err
		}
		if err := c.turn(cx); err != nil {
			return err
		}
	}
	return nil
}

// turn waits until nobody writes, and nothing that was posted waits: sticky, until the
// polled task tries again.
func (c *Conn) turn(cx *task.Cx) error {
	wait, err := c.queue(c.waiter(cx, poll.Write))
	if wait && err == nil {
		return cx.Suspend()
	}
	return err
}

// queue has w woken when it is its turn to write, and reports whether it is to wait for that.
func (c *Conn) queue(w *waiter) (wait bool, err error) {
	wait = c.out.wait(w)
	switch {
	case c.refs.isClosed():
		err = c.gone()
	case c.expired(poll.Write):
		c.out.quit(w)
		err = os.ErrDeadlineExceeded
	}
	return wait, err
}

// abandon ends a Write.
func (c *Conn) abandon() {
	if c.writing {
		c.writing, c.wrote = false, 0
		c.leave()
	}
}

// leave lets others write.
func (c *Conn) leave() {
	if !c.out.leave() {
		c.out.flush(c.posts())
	}
}

// Writev is Write for several buffers, which are sent together.
func (c *Conn) Writev(cx *task.Cx, bufs ...[]byte) error {
	if err := c.enter(cx); err != nil {
		return err
	}
	total := 0
	for _, b := range bufs {
		total += len(b)
	}
	for c.wrote < total {
		n, err := c.try(cx, poll.Write, func(fd int) (int, error) { return writev(fd, behind(bufs, c.wrote)) })
		if err := c.written(n, err); err != nil {
			return err
		}
	}
	c.abandon()
	return nil
}

// written notes how far a write has come.
func (c *Conn) written(n int, err error) error {
	c.wrote += n
	if err != nil && !task.IsPending(err) {
		c.abandon()
		return c.failed("write", err)
	}
	return err
}

// behind returns what is left of bufs after n bytes.
func behind(bufs [][]byte, n int) [][]byte {
	for len(bufs) > 0 && n >= len(bufs[0]) {
		n -= len(bufs[0])
		bufs = bufs[1:]
	}
	bufs = bufs[:min(len(bufs), maxVector)] // the kernel takes 1,024 at most
	if n == 0 {
		return bufs
	}
	return append([][]byte{bufs[0][n:]}, bufs[1:]...)
}

// CloseWrite says to the peer that nothing more will come. Anybody; it does not
// block.
func (c *Conn) CloseWrite() error {
	if !c.refs.acquire() {
		return c.gone()
	}
	defer c.release()
	if err := shutWrite(c.fd); err != nil {
		return c.failed("close", err)
	}
	return nil
}

// Close closes the connection. Whoever waits for it is woken, and gets ErrClosed.
// Anybody; it does not block.
func (c *Conn) Close() error { return c.close() }

// SetDeadline sets when reads and writes, those in progress too, return
// os.ErrDeadlineExceeded; the zero time means never. Anybody.
func (c *Conn) SetDeadline(t time.Time) error { return c.limit(t, poll.Read, poll.Write) }

// SetReadDeadline is SetDeadline for reads.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.limit(t, poll.Read) }

// SetWriteDeadline is SetDeadline for writes.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.limit(t, poll.Write) }

// SetNoDelay says whether small writes are sent at once, which is the default.
func (c *Conn) SetNoDelay(on bool) error {
	if !c.refs.acquire() {
		return c.gone()
	}
	defer c.release()
	return setNoDelay(c.fd, on)
}

// LocalAddr returns our end's address, or nil.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr returns the peer's address, or nil.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }
