package reactor

import (
	"errors"
	"fmt"
	"hash/maphash"
	"os"

	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/internal/poll"
	"github.com/heist-go/heist/task"
)

// ErrTorn says that a write has sent a part of its bytes and was given up: nothing is sent
// behind that. The error that is ErrTorn is a [*WriteError].
var ErrTorn = errors.New("reactor: the stream is torn: a write has sent a part, and was given up")

// WriteError says how far a write has come that has sent a part of its bytes.
type WriteError struct {
	Sent, Size int   // bytes that were sent, of how many
	Torn       bool  // it was given up: the error is ErrTorn. Otherwise its caller may go on, with the same bytes
	Err        error // why it has not sent the rest; nil: its caller did not call it again
}

func (e *WriteError) Error() string {
	what := fmt.Sprintf("reactor: write: %d of %d bytes were sent", e.Sent, e.Size)
	if e.Torn {
		what += ", and the rest was given up: nothing is sent behind that"
	}
	if e.Err != nil {
		what += ": " + e.Err.Error()
	}
	return what
}

// Unwrap returns Err.
func (e *WriteError) Unwrap() error { return e.Err }

// Is reports whether target is ErrTorn, and the write was given up.
func (e *WriteError) Is(target error) bool { return e.Torn && target == ErrTorn }

// Timeout reports whether a deadline has kept the rest from being sent, and a later one lets it go on.
func (e *WriteError) Timeout() bool { return !e.Torn && errors.Is(e.Err, os.ErrDeadlineExceeded) }

// writeRecord is the record of a write that has suspended, or has failed when a part was sent.
// Others look at owner; size, sent and cause are theirs to see once the stream is torn; the
// rest is the owner's.
type writeRecord struct {
	op    task.Operation
	conn  *Conn
	owner task.Waker // a life of a task; zero: goroutines, which go on with other bytes
	bufs  [][]byte   // what is written: the caller's bytes, in a slice of our own
	size  int
	sent  int
	cause error  // why it has not gone on, or nil
	sum   uint64 // checked builds: of what was sent
}

// Write writes all of b: nil means that it is on its way. Called again after
// Pending, with the same b, it goes on where it was; b must not be changed meanwhile. If
// others write, it waits for its turn: first come, first served, and so do posts.
//
// A write that fails when a part was sent returns a [*WriteError]. It may be called again with
// the same b, as may one that was abandoned (see [task.Operation]): until then, what is posted
// waits. But if its task does something else instead, or ends, or others want to write, the
// stream is torn: see [ErrTorn].
func (c *Conn) Write(cx *task.Cx, b []byte) error {
	one := [1][]byte{b}
	return c.writeAll(cx, one[:], false)
}

// Writev is Write for several buffers, which are sent together.
func (c *Conn) Writev(cx *task.Cx, bufs ...[]byte) error { return c.writeAll(cx, bufs, true) }

// writeAll is Write and Writev.
func (c *Conn) writeAll(cx *task.Cx, bufs [][]byte, several bool) error {
	w, err := c.beginWrite(cx, bufs)
	if err != nil {
		return err
	}
	size, sent := 0, 0
	for _, b := range bufs {
		size += len(b)
	}
	if w != nil {
		sent = w.sent
	}
	if size == 0 {
		if err := c.precheck(cx, poll.Write); err != nil {
			return c.pauseWrite(cx, w, bufs, 0, 0, err)
		}
	}
	for sent < size {
		n, err := c.try(cx, poll.Write, func(int) (int, error) {
			if several {
				return c.sendv(remaining(bufs, sent))
			}
			return c.send(bufs[0][sent:])
		})
		if sent += n; err != nil {
			return c.pauseWrite(cx, w, bufs, size, sent, err)
		}
	}
	if w != nil {
		w.finish(cx)
	}
	c.endWrite()
	return nil
}

// pauseWrite ends a write, or suspends it, before all is sent.
func (c *Conn) pauseWrite(cx *task.Cx, w *writeRecord, bufs [][]byte, size, sent int, err error) error {
	pending := task.IsPending(err)
	if !pending {
		err = c.failed("write", err)
	}
	if sent == 0 && (!pending || w == nil && cx.Spent()) || !pending && c.refs.isClosed() { // nothing is in progress
		if w != nil {
			w.finish(cx)
		}
		c.endWrite()
		if pending {
			task.MustOwn(bufs, lentWrite)
		}
		if sent > 0 {
			err = &WriteError{Sent: sent, Size: size, Err: err}
		}
		return err
	}
	if w == nil {
		w = &writeRecord{conn: c, owner: cx.Self(), size: size}
		w.bufs = append(w.bufs, bufs...)
	}
	w.sent = sent
	if invariant.Enabled {
		w.sum = sum(w.bufs, sent)
	}
	if pending {
		// Publish. The record, for those that ask whose write is in progress.
		// Pairs with: (*Conn).unfinished, (*Conn).finalizeTear.
		c.queue.writer.Store(w)
		w.op.Join(cx, w)
		task.MustOwn(bufs, lentWrite)
		return err
	}
	w.op.Done(cx)
	w.cause = err
	over := !resumable(err)
	c.queue.suspend(c.openSink(), w, over)
	return &WriteError{Sent: sent, Size: size, Torn: over, Err: err}
}

// resumable reports whether a write that has failed with err may go on later. What the kernel
// has refused it refuses again.
func resumable(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, task.ErrCanceled)
}

const lentWrite = "reactor: a write of bytes that are lent (Next, ReadUntil, Scratch) has to wait, and they are valid until Poll returns: write a copy that the task keeps (bytes.Clone)"

// beginWrite begins a write: after those in progress, and what was posted. If the caller is in the middle
// of it, it returns the record.
func (c *Conn) beginWrite(cx *task.Cx, bufs [][]byte) (*writeRecord, error) {
	if c.queue.tryLockTask(cx) {
		return nil, nil
	}
	if w := c.unfinished(cx); w != nil {
		switch {
		case !w.op.InProgress() && !c.queue.resume():
			return nil, c.refusal()
		case w.same(bufs):
			w.op.Enter(cx)
			w.cause = nil
			if invariant.Enabled && w.sum != sum(w.bufs, w.sent) {
				panic("reactor: the bytes of a write that has sent a part were changed before it was called again: keep them as they are until it has returned something else than Pending")
			}
			return w, nil
		case w.op.InProgress():
			w.op.End(cx)
		default:
			c.queue.suspend(c.openSink(), w, false)
		}
	}
	return nil, c.awaitTurn(cx, false)
}

// unfinished returns the polled task's write that is not over, unless another branch of it is in the
// middle of that.
// Pairs with: (*writeQueue).suspend, (*Conn).pauseWrite.
func (c *Conn) unfinished(cx *task.Cx) *writeRecord {
	w := c.queue.writer.Load()
	if w == nil || w.owner != cx.Self() || w.op.InProgress() && !w.op.Mine(cx) {
		return nil
	}
	return w
}

// awaitTurn locks the queue for the polled task when its turn comes; with notifyOnly, it only waits for
// that. It is sticky, until the polled task has it.
func (c *Conn) awaitTurn(cx *task.Cx, notifyOnly bool) error {
	err := c.queue.lock(cx, c.openSink(), notifyOnly)
	if err == task.ErrClosed {
		return c.refusal()
	}
	return err
}

// refusal returns why nobody gets a turn any more.
func (c *Conn) refusal() error {
	switch {
	case c.refs.isClosed():
		return c.closeError()
	case c.queue.isTorn():
		return c.tornError()
	}
	return os.ErrDeadlineExceeded
}

// tornError is the error of those that come when the stream is torn.
func (c *Conn) tornError() error {
	w := c.queue.writer.Load()
	return &WriteError{Sent: w.sent, Size: w.size, Torn: true, Err: w.cause}
}

// endWrite lets others write.
func (c *Conn) endWrite() {
	if !c.queue.tryUnlock() {
		c.queue.flush()
	}
}

// finish ends the operation of a write that is over. The queue is locked.
func (w *writeRecord) finish(cx *task.Cx) {
	w.op.Done(cx)
	w.conn.queue.writer.Store(nil) // only the writer whose turn it is writes it
}

// Abandon lets go of the write: see [task.Abandoner].
func (w *writeRecord) Abandon(cx *task.Cx) {
	c := w.conn
	if w.sent == 0 {
		c.queue.writer.Store(nil) // its turn is over
		c.endWrite()
		return
	}
	c.queue.suspend(c.openSink(), w, cx.Ends())
}

// same reports whether bufs is what w is about.
func (w *writeRecord) same(bufs [][]byte) bool {
	if len(bufs) != len(w.bufs) {
		return false
	}
	for i, b := range bufs {
		if len(b) != len(w.bufs[i]) || len(b) > 0 && &b[0] != &w.bufs[i][0] {
			return false
		}
	}
	return true
}

var seed = maphash.MakeSeed()

// sum returns a checksum of the first n bytes of bufs.
func sum(bufs [][]byte, n int) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	for _, b := range bufs {
		k := min(n, len(b))
		_, _ = h.Write(b[:k])
		n -= k
	}
	return h.Sum64()
}
