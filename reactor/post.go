package reactor

import (
	"fmt"
	"io"
	"time"

	"go.uber.org/atomic"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/poll"
	"github.com/heist-go/heist/task"
)

// What a connection that nobody has set a write limit for gets.
const (
	DefaultWriteLimit = 8 << 20
	DefaultGrace      = time.Minute
)

// connSink is the sink of a connection's writeQueue: the socket, and the patience with its peer.
type connSink struct {
	grace       atomic.Duration // 0: for ever.
	conn        *Conn
	limit       atomicx.Int64 // bytes that may be queued
	writeWaiter waiter        // waits for room in the socket
	graceOver   atomicx.Bool  // the alarm has fired
	endSaid     atomicx.Bool  // Hangup has said that nothing more will come

	// Of whoever flushes, which has the queue locked.
	alarm        task.Alarm    // when the peer's time is up
	lastProgress int64         // since when it has taken nothing, or 0
	armedGrace   time.Duration // the grace that the alarm is armed for
}

// openSink returns the sink of the connection.
func (c *Conn) openSink() *connSink {
	if p := c.sink.Load(); p != nil {
		return p
	}
	p := &connSink{conn: c}
	// Initialisation: nobody else knows p.
	p.limit.Store(DefaultWriteLimit)
	p.grace.Store(DefaultGrace)
	p.writeWaiter.hook = p
	// Publish. The sink; whoever is second takes the first one's.
	// Pairs with: (*Conn).openSink.
	c.sink.CompareAndSwap(nil, p)
	return c.sink.Load()
}

// ErrSlow says that a peer has taken nothing for the grace, and the connection was closed for
// that. It is task.ErrLimit.
var ErrSlow = fmt.Errorf("reactor: the peer is too slow: %w", task.ErrLimit)

// SetWriteLimit bounds what [Conn.Post] keeps for a peer that reads slowly: no more
// than so many bytes (more only if it is one message), and when the peer has taken
// nothing for grace while something waits, the connection is closed, with an error
// that is ErrSlow. grace 0 is for ever. What waits behind a Write in progress waits as long
// as that does: see [Conn.SetWriteDeadline]. Anybody.
func (c *Conn) SetWriteLimit(bytes int, grace time.Duration) {
	p := c.openSink()
	p.limit.Store(int64(bytes)) // Hint. A post in progress goes by the old one
	p.grace.Store(max(grace, 0))
	c.wakeWaiter(poll.Write) // whoever waits for the peer looks at it
}

// Post sends b, or keeps it until the peer takes it, behind what was posted before
// and after a Write in progress. b is not copied, and must not be changed any more: the same bytes may be
// posted to many connections. So it must not be lent (see [Conn.Next]). What a poll posts goes out
// together, when the poll ends or another call needs the connection. The error is
// task.ErrLimit if too many bytes are waiting
// (b is not kept then: drop it, wait with [Conn.Flush], or [Conn.Hangup]), and ErrTorn if the
// stream is torn.
//
// Anybody, tasks and goroutines; it does not block. What is kept when the connection
// is closed is lost.
//
//heist:keeps
func (c *Conn) Post(b []byte) error {
	if c.refs.isClosed() {
		return c.closeError()
	}
	task.MustOwn(b, "reactor: Post of bytes that are lent (Next, ReadUntil, Scratch): they are valid until Poll returns, and Post keeps them: post a copy (bytes.Clone)")
	c.finalizeTear()
	p := c.openSink()
	limit := int(p.limit.Load())
	switch sent := len(b) > 0 && c.queue.enqueue(p, b, limit); {
	case sent:
	case c.queue.isTorn():
		return c.refusal()
	case len(b) > 0:
		return fmt.Errorf("reactor: post: more than %d bytes wait for the peer: %w", limit, task.ErrLimit)
	}
	return nil
}

// finalizeTear tears the stream if the writer that is suspended has ended.
// Pairs with: (*writeQueue).suspend, (*Conn).pauseWrite.
func (c *Conn) finalizeTear() {
	if w := c.queue.writer.Load(); w != nil && w.owner.Over() {
		c.queue.tear()
	}
}

// Queued returns how many bytes that were posted have not been sent, and may be. Anybody.
func (c *Conn) Queued() int {
	c.finalizeTear()
	return c.queue.queued()
}

// Dropped returns how many posts, and how many bytes of them, were kept and not sent, because
// the connection was closed or the stream was torn. Anybody.
func (c *Conn) Dropped() (posts, bytes int) {
	c.finalizeTear()
	return c.queue.dropped()
}

// Flush waits until all that was posted before, and all writes that were in progress or waited then,
// are through, until the write deadline. It is sticky, until more is posted. A write of the same wait
// that has not come to its end is given up: see [ErrTorn].
//
//heist:sticky
func (c *Conn) Flush(cx *task.Cx) error {
	if err := cx.Err(); err != nil {
		return err
	}
	if w := c.unfinished(cx); w != nil {
		w.op.End(cx)
	}
	if !c.queue.tryLockTask(cx) {
		return c.awaitTurn(cx, true)
	}
	c.endWrite()
	if c.refs.isClosed() {
		return c.closeError()
	}
	return nil
}

// Hangup ends the connection in the way that loses nothing: it sends what was posted,
// says that nothing more will come, reads until the peer says the same, for at most the
// grace of the write limit, and closes it. (A close with unread bytes would make the
// kernel throw away what the peer has not read yet.)
//
// If it is abandoned, the connection is not closed, and stays as far as it was: called again,
// by whom ever, it goes on. What it has read is lost.
func (c *Conn) Hangup(cx *task.Cx) (err error) {
	defer func() {
		if !task.IsPending(err) {
			_ = c.Close()
		}
	}()
	p := c.openSink()
	if !p.endSaid.Load() {
		if err := c.closeWriteInTurn(cx); err != nil {
			return err
		}
		if grace := p.grace.Load(); grace > 0 {
			_ = c.setDeadline(c.reactor.runtime.After(grace), poll.Read)
		}
		p.endSaid.Store(true) // Hint. Only Hangup reads it, and to say the end twice does no harm
	}
	for {
		if _, err := c.Next(cx); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// closeWriteInTurn says that nothing more will come, when it is the polled task's turn.
func (c *Conn) closeWriteInTurn(cx *task.Cx) error {
	if err := cx.Err(); err != nil {
		return err
	}
	if w := c.unfinished(cx); w != nil {
		w.op.End(cx)
	}
	if !c.queue.tryLockTask(cx) {
		if err := c.awaitTurn(cx, false); err != nil {
			return err
		}
	}
	defer c.endWrite()
	return c.CloseWrite()
}

// send is of [sink].
// Pairs with: (*connSink).Notify.
func (p *connSink) send(bufs [][]byte) (n int, err error) {
	c := p.conn
	if !c.refs.acquire() {
		return 0, ErrClosed
	}
	defer c.release()
	n, err = c.sendv(bufs)
	switch {
	case err == nil:
		p.clearGrace()
	case blocked(err) && p.graceOver.Load() && p.lastProgress != 0: // else the alarm is of a wait that is over
		if grace := p.grace.Load(); grace > 0 && c.reactor.runtime.Nanos()-p.lastProgress >= int64(grace) {
			return 0, fmt.Errorf("%w: it has taken nothing for %v", ErrSlow, grace)
		}
	}
	return n, err
}

// clearGrace ends the wait for the peer.
func (p *connSink) clearGrace() {
	p.alarm.Disarm(p.conn.reactor.runtime)
	p.graceOver.Store(false) // Hint. An alarm that fires late finds that nothing waits
	p.lastProgress, p.armedGrace = 0, 0
}

func (p *connSink) awaitRoom() (again bool) {
	p.armGrace()
	d := p.conn.direction(poll.Write)
	return d.await(&p.writeWaiter) || p.conn.refs.isClosed() && d.take(&p.writeWaiter)
}

// armGrace arms the alarm for the moment when the peer's time is up.
func (p *connSink) armGrace() {
	rt := p.conn.reactor.runtime
	if p.lastProgress == 0 {
		p.lastProgress = max(rt.Nanos(), 1)
	}
	if grace := p.grace.Load(); grace != p.armedGrace { // which changes while it waits, too
		if p.alarm.Disarm(rt); grace > 0 {
			p.alarm.Arm(rt, nil, task.Later(p.lastProgress, grace), p, 0)
		}
		p.armedGrace = grace
	}
}

func (p *connSink) fail(err error) {
	p.clearGrace()
	p.conn.fail(err)
}

// Notify is the alarm.
func (p *connSink) Notify(uint32) {
	// Publish. That the time is up, before the edge on which send looks. Pairs with: (*connSink).send.
	p.graceOver.Store(true)
	p.conn.wakeWaiter(poll.Write)
}

// flush goes on when the kernel takes more.
func (p *connSink) flush() { p.conn.queue.flush() }

func (p *connSink) isClosed() bool { return p.conn.refs.isClosed() }

func (p *connSink) expired() bool { return p.conn.expired(poll.Write) }

func (p *connSink) flushLater() { go p.flush() }

func (p *connSink) afterPoll() bool { return p.conn.reactor.runtime.AfterPoll(p) }

// Tail is of [task.Tail].
func (p *connSink) Tail() { p.conn.queue.flushDue() }
