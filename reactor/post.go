package reactor

import (
	"fmt"
	"io"
	"time"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/poll"
	"github.com/heist-go/heist/task"
)

// What a connection that nobody has set a write limit for gets.
const (
	DefaultWriteLimit = 8 << 20
	DefaultGrace      = time.Minute
)

// posting is what a connection needs that is posted to. It is its outlet's sink.
type posting struct {
	conn  *Conn
	limit atomicx.Int64
	grace atomicx.Int64 // nanoseconds; 0: for ever
	hook  waiter        // on the side that writes
	alarm task.Alarm    // when the peer's time is up; the outlet's holder's
	moved int64         // when the peer has taken something last; likewise
	armed int64         // the grace that the alarm is armed for; likewise
	late  atomicx.Bool  // the alarm has rung
}

// posts returns what is needed to post.
func (c *Conn) posts() *posting {
	if p := c.post.Load(); p != nil {
		return p
	}
	p := &posting{conn: c}
	p.limit.Store(DefaultWriteLimit)
	p.grace.Store(int64(DefaultGrace))
	p.hook.hook = p
	c.post.CompareAndSwap(nil, p)
	return c.post.Load()
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
	p := c.posts()
	p.limit.Store(int64(bytes))
	p.grace.Store(int64(max(grace, 0)))
	c.kick(poll.Write) // whoever waits for the peer looks at it
}

// Post sends b, or keeps it until the peer takes it, behind what was posted before
// and after a Write in progress. b is not copied, and must not be changed any more: the same bytes may be
// posted to many connections. The error is task.ErrLimit if too many bytes are waiting
// (b is not kept then: drop it, wait with [Conn.Flush], or [Conn.Hangup]).
//
// Anybody, tasks and goroutines; it does not block. What is kept when the connection
// is closed is lost.
func (c *Conn) Post(b []byte) error {
	if c.refs.isClosed() {
		return c.gone()
	}
	p := c.posts()
	if limit := int(p.limit.Load()); len(b) > 0 && !c.out.post(p, b, limit) {
		return fmt.Errorf("reactor: post: more than %d bytes wait for the peer: %w", limit, task.ErrLimit)
	}
	return nil
}

// Queued returns how many bytes that were posted have not been sent. Anybody.
func (c *Conn) Queued() int { return c.out.queued() }

// Flush waits until all that was posted has been sent, until the write deadline. It is
// sticky, until more is posted.
func (c *Conn) Flush(cx *task.Cx) error {
	c.abandon()
	if err := cx.Err(); err != nil {
		return err
	}
	if c.out.word.Load() != idle {
		return c.turn(cx)
	}
	if c.refs.isClosed() {
		return c.gone()
	}
	return nil
}

// Hangup ends the connection in the way that loses nothing: it sends what was posted,
// says that nothing more will come, reads until the peer says the same, for at most the
// grace of the write limit, and closes it. (A close with unread bytes would make the
// kernel throw away what the peer has not read yet.)
func (c *Conn) Hangup(cx *task.Cx) (err error) {
	defer func() {
		if !task.IsPending(err) {
			_ = c.Close()
		}
	}()
	if c.leaving == 0 {
		if err := c.Flush(cx); err != nil {
			return err
		}
		if err := c.CloseWrite(); err != nil {
			return err
		}
		if grace := time.Duration(c.posts().grace.Load()); grace > 0 {
			_ = c.SetReadDeadline(time.Now().Add(grace))
		}
		c.leaving = 1
	}
	for {
		if _, err := c.Next(cx); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func (p *posting) send(bufs [][]byte) (n int, err error) {
	c := p.conn
	if p.late.Load() && p.moved != 0 { // else it is the ring of a wait that is over
		if grace := p.grace.Load(); grace > 0 && c.reactor.home.Nanos()-p.moved >= grace {
			return 0, fmt.Errorf("%w: it has taken nothing for %v", ErrSlow, time.Duration(grace))
		}
	}
	if !c.refs.acquire() {
		return 0, ErrClosed
	}
	defer c.release()
	n, err = writev(c.fd, bufs)
	if err == nil {
		p.calm()
	}
	return n, err
}

// calm ends the wait for the peer.
func (p *posting) calm() {
	p.alarm.Disarm(p.conn.reactor.home)
	p.late.Store(false)
	p.moved, p.armed = 0, 0
}

func (p *posting) stall() (again bool) {
	h := p.conn.reactor.home
	now := h.Nanos()
	if p.moved == 0 {
		p.moved = max(now, 1)
	}
	if grace := p.grace.Load(); grace != p.armed { // which changes while it waits, too
		if p.alarm.Disarm(h); grace > 0 {
			p.alarm.Arm(h, nil, h.After(time.Duration(p.moved+grace-now)), p, 0)
		}
		p.armed = grace
	}
	return p.conn.side(poll.Write).await(&p.hook) || p.conn.refs.isClosed() && p.conn.side(poll.Write).take(&p.hook)
}

func (p *posting) broken(err error) {
	p.calm()
	p.conn.fail(err)
}

// Ring is the alarm.
func (p *posting) Ring(uint32) {
	p.late.Store(true)
	p.conn.kick(poll.Write)
}

// flush goes on when the kernel takes more.
func (p *posting) flush() { p.conn.out.flush(p) }
