//go:build unix

package reactor

import (
	"net"
	"sync"
	"syscall"

	"github.com/heist-go/heist/internal/poll"
)

// MemoryEnd is one end of a stream in memory, or a listener of such: a transport whose limits and
// faults a test sets, before its use or with Fault.
type MemoryEnd struct {
	Room  int // how many bytes may be on their way to the peer
	Short int // how many one call moves at most; 0: all

	mu    *sync.Mutex // of both ends; guards what follows
	peer  *MemoryEnd
	ready func(poll.Mode)
	in    []byte // on their way to us
	ended bool   // the peer sends no more
	gone  bool   // this end is closed
	fault [2]error
	calls int          // that would have blocked
	queue []*MemoryEnd // of a listener: who has come
}

// MemoryStream returns the two ends of a stream in memory.
func MemoryStream(room, short int) (a, b *MemoryEnd) {
	mu := new(sync.Mutex)
	a = &MemoryEnd{Room: room, Short: short, mu: mu}
	b = &MemoryEnd{Room: room, Short: short, mu: mu, peer: a}
	a.peer = b
	return a, b
}

// MemoryListener returns a listener to which Arrive brings ends of streams.
func MemoryListener() *MemoryEnd { return &MemoryEnd{mu: new(sync.Mutex)} }

// MemoryConn makes a connection of an end.
func (r *Reactor) MemoryConn(e *MemoryEnd) (*Conn, error) {
	return newConn(r.next(), accepted{transport: e, local: memoryAddr("here"), remote: memoryAddr("there")})
}

// MemoryListen makes a listener of an end.
func (r *Reactor) MemoryListen(e *MemoryEnd) (*Listener, error) {
	l := &Listener{addr: memoryAddr("here")}
	l.useTransport(e)
	return l, r.register(&l.source)
}

// Arrive brings the other end of a stream to a listener.
func (e *MemoryEnd) Arrive(room, short int) *MemoryEnd {
	far, near := MemoryStream(room, short)
	e.mu.Lock()
	e.queue = append(e.queue, near)
	e.mu.Unlock()
	e.edge(poll.Read)
	return far
}

// Fault has the next call in a direction fail.
func (e *MemoryEnd) Fault(m poll.Mode, err error) {
	e.mu.Lock()
	e.fault[m-1] = err
	e.mu.Unlock()
	e.edge(m)
}

// WouldBlock returns how many calls have answered that.
func (e *MemoryEnd) WouldBlock() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.calls
}

// edge tells that the end may be ready; nobody holds the lock.
func (e *MemoryEnd) edge(m poll.Mode) {
	e.mu.Lock()
	ready := e.ready
	e.mu.Unlock()
	if ready != nil {
		ready(m)
	}
}

func (e *MemoryEnd) open(ready func(poll.Mode)) {
	e.mu.Lock()
	e.ready = ready
	e.mu.Unlock()
}

// begin is how a call begins in a direction: with the lock, unless it fails.
func (e *MemoryEnd) begin(m poll.Mode) error {
	e.mu.Lock()
	err := e.fault[m-1]
	e.fault[m-1] = nil
	if err != nil {
		e.mu.Unlock()
	}
	return err
}

// few returns how many bytes of n one call moves.
func (e *MemoryEnd) few(n int) int {
	if e.Short > 0 {
		return min(n, e.Short)
	}
	return n
}

func (e *MemoryEnd) recv(n int) ([]byte, error) {
	if err := e.begin(poll.Read); err != nil {
		return nil, err
	}
	if len(e.in) == 0 && !e.ended && n > 0 {
		e.calls++
		e.mu.Unlock()
		return nil, syscall.EAGAIN
	}
	n = e.few(min(n, len(e.in)))
	b := e.in[:n:n]
	e.in = e.in[n:]
	e.mu.Unlock()
	e.peer.edge(poll.Write)
	return b, nil
}

func (e *MemoryEnd) send(b []byte) (int, error) {
	if err := e.begin(poll.Write); err != nil {
		return 0, err
	}
	n := e.few(min(len(b), e.Room-len(e.peer.in)))
	switch {
	case e.peer.gone || e.peer.ended:
		e.mu.Unlock()
		return 0, syscall.EPIPE
	case n == 0 && len(b) > 0:
		e.calls++
		e.mu.Unlock()
		return 0, syscall.EAGAIN
	}
	e.peer.in = append(e.peer.in, b[:n]...)
	e.mu.Unlock()
	e.peer.edge(poll.Read)
	return n, nil
}

func (e *MemoryEnd) accept() (transport, net.Addr, net.Addr, error) {
	if err := e.begin(poll.Read); err != nil {
		return nil, nil, nil, err
	}
	defer e.mu.Unlock()
	if len(e.queue) == 0 {
		e.calls++
		return nil, nil, nil, syscall.EAGAIN
	}
	c := e.queue[0]
	e.queue = e.queue[1:]
	return c, memoryAddr("here"), memoryAddr("there"), nil
}

func (e *MemoryEnd) shutWrite() error {
	e.mu.Lock()
	e.peer.ended = true
	e.mu.Unlock()
	e.peer.edge(poll.Read | poll.Closed)
	return nil
}

func (e *MemoryEnd) setNoDelay(bool) error { return nil }

func (e *MemoryEnd) close() {
	e.mu.Lock()
	e.gone = true
	if e.peer != nil {
		e.peer.ended = true
	}
	e.mu.Unlock()
	if e.peer != nil {
		e.peer.edge(poll.Read | poll.Write | poll.Closed)
	}
}

// memoryAddr is a name.
type memoryAddr string

func (memoryAddr) Network() string  { return "memory" }
func (a memoryAddr) String() string { return string(a) }
