package reactor

import (
	"context"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/heist-go/heist/internal/poll"
	"github.com/heist-go/heist/task"
)

// Listener accepts connections. Its methods with a *task.Cx are for one task at a
// time; [Listener.Std] is for goroutines. Close may be called by anybody.
type Listener struct {
	source
	addr net.Addr
	path *net.UnixListener // of a Unix socket: closing it removes its file
	mu   sync.Mutex        // of goroutines that accept

	rest    task.Timer // while there are no descriptors left
	resting bool
	starved bool       // and that was said
	serving task.Group // of Serve
	refused error      // why Serve accepts no more
}

// Listen listens on an address, as net.Listen does. lc may be nil; its Control is
// the place for socket options such as SO_REUSEPORT.
//
// Goroutines only: to look up a name takes time.
func (r *Reactor) Listen(ctx context.Context, lc *net.ListenConfig, network, address string) (*Listener, error) {
	task.MustNotPoll("reactor: Listen inside a task would stop its worker: listen before the task is started")
	if err := known(network); err != nil {
		return nil, fmt.Errorf("reactor: listen: %w", err)
	}
	if lc == nil {
		lc = &net.ListenConfig{}
	}
	std, err := lc.Listen(ctx, network, address)
	if err != nil {
		return nil, fmt.Errorf("reactor: listen: %w", err)
	}
	l := &Listener{addr: std.Addr()}
	l.fd, err = duplicate(std.(syscall.Conn)) // of all kinds that were let in
	if u, ok := std.(*net.UnixListener); ok && err == nil {
		l.path = u
		l.after = func() { _ = u.Close() } // and with it the file; also when the pool ends
	} else {
		_ = std.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("reactor: listen: %w", err)
	}
	if err := r.register(&l.source); err != nil {
		if l.path != nil {
			_ = l.path.Close()
		}
		return nil, err
	}
	return l, nil
}

// backoff is how long a listener waits when there are no descriptors left.
const backoff = 20 * time.Millisecond

// Accept returns the next connection. When the task is to come to an end
// ([task.Cx.Draining]) it returns task.ErrClosed. When the process has no
// descriptors left it waits a while, tries again, and says so once in the pool's log.
func (l *Listener) Accept(cx *task.Cx) (*Conn, error) {
	for {
		if cx.Draining() {
			return nil, ErrClosed
		}
		if l.resting {
			l.side(poll.Read).clear()
			if l.refs.isClosed() {
				l.rest.Stop(cx)
				return nil, l.gone()
			}
			if l.await(cx, poll.Read) { // of Close, too
				continue
			}
			if err := l.rest.Sleep(cx, backoff); err != nil {
				return nil, err
			}
			l.resting = false
		}
		fd, err := l.try(cx, poll.Read, accept)
		var c *Conn
		if err == nil {
			c, err = l.adopt(fd)
		}
		switch {
		case err == nil:
			l.starved = false
			return c, nil
		case aborted(err):
		case exhausted(err):
			l.resting = true
			l.starve(err)
		case task.IsPending(err):
			return nil, err
		default:
			return nil, l.failed(err)
		}
	}
}

// starve says once that there are no descriptors left.
func (l *Listener) starve(err error) {
	if log := l.reactor.log; log != nil && !l.starved {
		log.Warn("reactor: no connection can be accepted for now: it is tried again until one can", "listener", l.addr, "error", err)
	}
	l.starved = true
}

// adopt makes a connection of what was accepted.
func (l *Listener) adopt(fd int) (*Conn, error) {
	if l.path == nil {
		prompt(fd)
	}
	return newConn(l.reactor, fd)
}

func (l *Listener) failed(err error) error {
	if _, ok := err.(syscall.Errno); !ok {
		return err
	}
	return &net.OpError{Op: "accept", Net: l.addr.Network(), Addr: l.addr, Err: err}
}

// Addr returns the address that the listener listens on.
func (l *Listener) Addr() net.Addr { return l.addr }

// Close closes the listener. Whoever waits for it is woken, and gets ErrClosed.
// Anybody.
func (l *Listener) Close() error { return l.close() }

// Serve accepts connections and starts f's task for each, as long as the polled task
// lives, which is the owner of them all. An error of one harms no other. A panic of one
// is a bug of the program: it ends the others, and is raised by Serve, at once. It returns
// when the listener is closed, or the task is told to come to an end, and all
// connections have ended: with nil, or with why no more could be accepted. It is sticky.
func Serve(cx *task.Cx, l *Listener, f func(*Conn) task.Task) error {
	if l.serving.Failed == nil {
		l.serving.Failed = func(task.Task, error) error { return nil }
	}
	for l.refused == nil {
		c, err := l.accept(cx)
		switch {
		case err == nil:
			l.begin(cx, c, f)
		case task.IsPending(err):
			return err
		default:
			l.refused = err
		}
	}
	if err := l.serving.Wait(cx); task.IsPending(err) { // or it raises the panic
		return err
	}
	err := l.refused
	l.refused = nil
	if err == ErrClosed {
		return nil
	}
	return err
}

// begin starts a connection's task. If f panics, the connection does not stay behind.
func (l *Listener) begin(cx *task.Cx, c *Conn, f func(*Conn) task.Task) {
	started := false
	defer func() {
		if !started {
			_ = c.Close()
		}
	}()
	l.serving.Go(cx, f(c))
	started = true
}

// accept is Accept, until a connection's task has panicked: Failed forgets all else.
func (l *Listener) accept(cx *task.Cx) (*Conn, error) {
	if err := l.serving.Err(); err != nil {
		return nil, err
	}
	return l.Accept(cx)
}
