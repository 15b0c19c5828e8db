package reactor

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/messages"
	"github.com/heist-go/heist/internal/poll"
	"github.com/heist-go/heist/task"
)

// Listener accepts connections. Its methods with a *task.Cx are for tasks; several that accept
// take turns, and each connection is one's. [Listener.Std] is for goroutines. Close may be
// called by anybody.
type Listener struct {
	source
	addr net.Addr
	keep net.KeepAliveConfig // of connections
	unix bool

	stdMu sync.Mutex   // guards std
	std   net.Listener // package net's for the same socket, or nil; see (*Listener).netListener

	// Guarded by the gate of reads.
	retryAlarm       task.Alarm // while there are no descriptors left
	retryAt          int64      // until when nobody accepts, or 0
	exhaustionLogged bool
	exhaustionSaid   int64 // when it was logged last, or 0

	// Panicked is told about a panic of a connection's task, which has been reported (see
	// pool.Config). true ends Serve: it cancels the others, and raises the panic. nil, or
	// false: it harms no other. It is set before Serve, and called by several threads.
	Panicked func(*task.PanicError) (ends bool)

	server atomicx.Pointer[server] // who serves, or has served
}

// Listen listens on an address, as net.Listen does. lc may be nil; its Control is
// the place for socket options such as SO_REUSEPORT.
//
// Goroutines only: to look up a name takes time.
func (r *Reactor) Listen(ctx context.Context, lc *net.ListenConfig, network, address string) (*Listener, error) {
	task.MustNotPoll("reactor: Listen inside a task would stop its worker: listen before the task is started")
	var keep net.KeepAliveConfig
	std, err := listenWith(lc, network, streamNetworks, func(lc *net.ListenConfig) (net.Listener, error) {
		if keep = lc.KeepAliveConfig; !keep.Enable && lc.KeepAlive >= 0 { // package net's rule
			keep = net.KeepAliveConfig{Enable: true, Idle: lc.KeepAlive}
		}
		return lc.Listen(ctx, network, address)
	})
	if err != nil {
		return nil, err
	}
	l := &Listener{addr: withZone(std.Addr(), address), keep: keep}
	_, l.unix = std.(*net.UnixListener)
	l.fd, err = dupConn(std.(syscall.Conn)) // of all kinds that were let in
	if err == nil && (l.unix || keep != (net.KeepAliveConfig{Enable: true})) {
		l.std = std // whose end removes the socket's file; and which knows how its connections are kept alive
	} else {
		_ = std.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("reactor: listen: %w", err)
	}
	l.ext = &extension{after: l.closeStd} // also when the pool ends
	if err := r.register(&l.source); err != nil {
		l.closeStd()
		return nil, err
	}
	return l, nil
}

// withZone returns the address of a listener with the zone that was asked for: of Multipath TCP,
// which package net listens with, the kernel does not say it.
func withZone(addr net.Addr, asked string) net.Addr {
	a, ok := addr.(*net.TCPAddr)
	if !ok || a.Zone != "" || !a.IP.IsLinkLocalUnicast() {
		return addr
	}
	host, _, _ := net.SplitHostPort(asked)
	ip, err := netip.ParseAddr(host)
	if err != nil { // a name, which has no zone
		return addr
	}
	zone := PeerFrom(netip.AddrPortFrom(ip, 0)).Addr().Zone()
	return &net.TCPAddr{IP: a.IP, Port: a.Port, Zone: zone}
}

// acceptBackoff is the time for which nobody accepts when there are no descriptors left.
const acceptBackoff = 20 * time.Millisecond

// Accept returns the next connection. When the task is to come to an end
// ([task.Cx.Draining]) it returns task.ErrClosed. When the process has no
// descriptors left it waits a while, tries again, and says so once in the pool's log.
func (l *Listener) Accept(cx *task.Cx) (*Conn, error) {
	if err := l.lockGate(cx, &l.reads); err != nil {
		return nil, err
	}
	defer l.reads.unlock()
	for {
		if cx.Draining() {
			return nil, ErrClosed
		}
		if err := l.awaitRetry(cx); err != nil {
			return nil, err
		}
		var a accepted
		_, err := l.try(cx, poll.Read, func(int) (_ int, err error) {
			a, err = l.accept()
			return 0, err
		})
		var c *Conn
		if err == nil {
			c, err = l.adopt(a)
		}
		switch {
		case err == nil:
			l.exhaustionLogged = false
			return c, nil
		case aborted(err):
		case exhausted(err):
			rt := l.reactor.runtime
			l.retryAt = rt.After(acceptBackoff)
			l.retryAlarm.Disarm(rt)
			l.retryAlarm.Arm(rt, cx, l.retryAt, (*acceptRetry)(l), 0)
			l.logExhausted(err)
		case task.IsPending(err):
			return nil, err
		default:
			return nil, l.failed(err)
		}
	}
}

// awaitRetry waits while there are no descriptors, or until the listener is closed.
func (l *Listener) awaitRetry(cx *task.Cx) error {
	for l.retryAt > 0 {
		l.direction(poll.Read).clear()
		switch err := cx.Err(); {
		case l.refs.isClosed():
			l.retryAlarm.Disarm(l.reactor.runtime)
			return l.closeError()
		case err != nil:
			return err
		case l.reactor.runtime.Nanos() >= l.retryAt:
			l.retryAt = 0
		case !l.await(cx, poll.Read):
			return cx.Suspend()
		}
	}
	return nil
}

// acceptRetry is a listener as the notifier of its alarm, so that Listener itself has no method Notify.
type acceptRetry Listener

// Notify has who waits in Accept try again.
func (l *acceptRetry) Notify(uint32) { (*Listener)(l).wakeWaiter(poll.Read) }

// logExhausted says that there are no descriptors left: once until a connection is accepted, and not more often than
// others say the same.
func (l *Listener) logExhausted(err error) {
	now := max(l.reactor.runtime.Nanos(), 1)
	if log := l.reactor.log; log != nil && !l.exhaustionLogged && (l.exhaustionSaid == 0 || now-l.exhaustionSaid >= int64(messages.Every)) {
		l.exhaustionSaid = now
		log.Warn(messages.NoAccept, "listener", l.addr, "error", err)
	}
	l.exhaustionLogged = true
}

// adopt makes a connection of what was accepted.
func (l *Listener) adopt(a accepted) (*Conn, error) {
	if a.local == nil {
		a.local = l.addr
	}
	if a.transport == nil && !l.unix {
		setTCPDefaults(a.fd, l.keep)
	}
	return newConn(l.reactor, a)
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
