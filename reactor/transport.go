package reactor

import (
	"net"

	"github.com/heist-go/heist/internal/poll"
)

// transport carries the bytes of a connection, or brings the connections of a listener, in the
// place of a socket of the kernel's: a simulated network, a stream in memory, a cipher. The methods
// of source in this file are all that connections and listeners do with a socket; each makes the
// system call, or asks the transport if there is one.
//
// No method blocks: what cannot be done now answers EAGAIN, and then edge is called when it can, or
// when the answer is another one. Errors are the system's (syscall.Errno), or speak for themselves.
// Methods of one direction are called by one thread at a time; close by the last one that uses it.
//
// A transport on top of a socket has a source of its own, and passes its edges on: it waits for them with
// a hook (see waiter).
//
// That recv returns its own bytes, instead of filling the caller's, keeps the caller's off the heap.
type transport interface {
	// open says whom edges are told to, before any other call. Who calls edge holds no lock that
	// a method takes; one call too many is harmless, one too few is a task that sleeps on.
	open(edge func(Mode))
	// recv returns at most n bytes that have come, which are valid until the next call; at the end
	// there are none.
	recv(n int) ([]byte, error)
	// send takes some of b, at least a byte.
	send(b []byte) (int, error)
	// accept returns the next connection, and its two ends.
	accept() (c transport, local, remote net.Addr, err error)
	// shutWrite says that nothing more will be sent.
	shutWrite() error
	setNoDelay(on bool) error
	close()
}

// extension holds the fields that few sources need.
type extension struct {
	transport transport // nil: the kernel's socket
	after     func()    // called once, when the source is closed; or nil
}

// transport returns what carries the source, or nil if the kernel does.
func (s *source) transport() transport {
	if s.ext == nil {
		return nil
	}
	return s.ext.transport
}

// useTransport has t carry the source. Before it is registered.
func (s *source) useTransport(t transport) {
	s.fd = none
	s.ext = &extension{transport: t}
}

// none is the number of a source that has no descriptor.
const none = -1

// ready notes that directions may be ready, and has those that wait for them go on.
func (s *source) ready(m Mode) {
	if m&poll.Closed != 0 {
		s.ended.Store(true) // before the edge: see (*Reactor).Poll
	}
	for _, one := range [...]Mode{Read, Write} {
		if m&one != 0 {
			s.wakeWaiter(one)
		}
	}
}

// recv reads what has come.
func (s *source) recv(b []byte) (int, error) {
	t := s.transport()
	if t == nil {
		return read(s.fd, b)
	}
	got, err := t.recv(len(b))
	return copy(b, got), err
}

// send writes some of b.
func (s *source) send(b []byte) (int, error) {
	t := s.transport()
	if t == nil {
		return write(s.fd, b)
	}
	return t.send(b)
}

// sendv writes some of bufs, which are not empty.
func (s *source) sendv(bufs [][]byte) (n int, err error) {
	t := s.transport()
	if t == nil {
		return writev(s.fd, bufs)
	}
	for _, b := range bufs {
		if len(b) == 0 {
			continue
		}
		k, err := t.send(b)
		if n += k; err != nil && n == 0 {
			return 0, err
		}
		if k < len(b) {
			break
		}
	}
	return n, nil
}

// accepted is a connection that nobody has yet.
type accepted struct {
	fd            int // or none
	transport     transport
	local, remote net.Addr // what the listener knows of them
}

// accept takes the next connection.
func (s *source) accept() (c accepted, err error) {
	if t := s.transport(); t != nil {
		c.fd = none
		c.transport, c.local, c.remote, err = t.accept()
		return c, err
	}
	c.fd, c.remote, err = accept(s.fd)
	return c, err
}

// shutWrite says that nothing more will be sent.
func (s *source) shutWrite() error {
	if t := s.transport(); t != nil {
		return t.shutWrite()
	}
	return shutWrite(s.fd)
}

// setNoDelay says whether small writes are sent at once.
func (s *source) setNoDelay(on bool) error {
	if t := s.transport(); t != nil {
		return t.setNoDelay(on)
	}
	return setNoDelay(s.fd, on)
}

// watch has edges told, from here on.
func (s *source) watch() error {
	if t := s.transport(); t != nil {
		t.open(s.ready)
		return nil
	}
	return s.reactor.poller.Add(s.fd, s.key)
}

// closeCarrier gives back what carries the source. Nobody uses it any more.
func (s *source) closeCarrier() {
	if t := s.transport(); t != nil {
		t.close()
		return
	}
	closeFD(s.fd)
}
