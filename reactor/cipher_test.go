//go:build unix

package reactor

import (
	"net"
	"syscall"

	"github.com/heist-go/heist/internal/poll"
)

// cipherEnd is a transport on top of a socket of the kernel's, as TLS is: its edges are those of the
// socket, and what it carries is not what the socket does.
type cipherEnd struct {
	socket source
	edges  [2]waiter // by direction
	ready  func(poll.Mode)
	buf    [1000]byte // of who reads
	out    [1000]byte // of who writes
}

// CipherConn makes a connection for the socket of c, of which it duplicates the descriptor: what goes
// through it is written and read with each bit turned.
func (r *Reactor) CipherConn(c syscall.Conn) (*Conn, error) {
	fd, err := adoptFD(c, checkStream)
	if err != nil {
		return nil, err
	}
	e := &cipherEnd{}
	e.socket.fd = fd
	if err := r.next().register(&e.socket); err != nil {
		return nil, err
	}
	return newConn(r, accepted{transport: e, local: memoryAddr("here"), remote: memoryAddr("there")})
}

// cipherEdge tells the transport of an edge of its socket.
type cipherEdge struct {
	end  *cipherEnd
	mode poll.Mode
}

func (e *cipherEdge) flush() { e.end.ready(e.mode) }

func (e *cipherEnd) open(ready func(poll.Mode)) {
	e.ready = ready
	for i := range e.edges {
		e.edges[i].hook = &cipherEdge{e, poll.Mode(1 + i)}
	}
}

// try makes a call until it does not block, or the next edge is told.
func (e *cipherEnd) try(m poll.Mode, call func() (int, error)) (int, error) {
	d := e.socket.direction(m)
	for {
		d.clear()
		n, err := call()
		if !blocked(err) || !d.await(&e.edges[m-1]) {
			return n, err
		}
	}
}

// turn writes b to dst with each bit turned, as far as there is room.
func turn(dst, b []byte) []byte {
	n := copy(dst, b)
	for i := range dst[:n] {
		dst[i] ^= 0xff
	}
	return dst[:n]
}

func (e *cipherEnd) recv(n int) ([]byte, error) {
	b := e.buf[:min(n, len(e.buf))]
	k, err := e.try(poll.Read, func() (int, error) { return read(e.socket.fd, b) })
	return turn(b[:k], b[:k]), err
}

func (e *cipherEnd) send(b []byte) (int, error) {
	b = turn(e.out[:], b)
	return e.try(poll.Write, func() (int, error) { return write(e.socket.fd, b) })
}

func (e *cipherEnd) accept() (transport, net.Addr, net.Addr, error) {
	return nil, nil, nil, syscall.EOPNOTSUPP
}

func (e *cipherEnd) shutWrite() error      { return e.socket.shutWrite() }
func (e *cipherEnd) setNoDelay(bool) error { return nil }
func (e *cipherEnd) close()                { _ = e.socket.close() }
