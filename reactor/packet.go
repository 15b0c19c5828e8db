package reactor

import (
	"context"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/heist-go/heist/internal/datagram"
	"github.com/heist-go/heist/internal/poll"
	"github.com/heist-go/heist/task"
)

// PacketConn is a socket for datagrams, UDP or Unix. Its methods with a *task.Cx are
// for tasks, one at a time in each direction; [PacketConn.Std] is for goroutines. Close
// and the deadlines are for anybody.
type PacketConn struct {
	source
	local net.Addr
	v6    bool // addresses are given to the kernel as IPv6's

	in, out datagram.Vector
	one     [2]Message // of ReadFrom and WriteTo

	readMu, writeMu sync.Mutex // of goroutines
}

// Peer is where a datagram comes from, or goes to: an address and port, or for Unix
// sockets a path. The zero Peer is whom a socket is connected to. It is comparable.
type Peer = datagram.Peer

// Message is one datagram of several.
type Message = datagram.Message

// PeerOf returns the peer that a net.UDPAddr or net.UnixAddr names.
func PeerOf(a net.Addr) (Peer, error) {
	switch a := a.(type) {
	case *net.UDPAddr:
		return Peer{AddrPort: a.AddrPort()}, nil
	case *net.UnixAddr:
		return Peer{Path: a.Name}, nil
	}
	return Peer{}, fmt.Errorf("reactor: datagram: no address of UDP or a Unix socket: %v", a)
}

// datagrams checks that a network has datagrams.
func datagrams(network string) error {
	switch network {
	case "udp", "udp4", "udp6", "unixgram":
		return nil
	}
	return net.UnknownNetworkError(network)
}

// ListenPacket listens for datagrams on an address, as net.ListenPacket does, for the
// networks udp and unixgram. lc may be nil; its Control is the place for socket options.
//
// Goroutines only: to look up a name takes time.
func (r *Reactor) ListenPacket(ctx context.Context, lc *net.ListenConfig, network, address string) (*PacketConn, error) {
	task.MustNotPoll("reactor: ListenPacket inside a task would stop its worker: listen before the task is started")
	if err := datagrams(network); err != nil {
		return nil, fmt.Errorf("reactor: listen: %w", err)
	}
	if lc == nil {
		lc = &net.ListenConfig{}
	}
	std, err := lc.ListenPacket(ctx, network, address)
	if err != nil {
		return nil, fmt.Errorf("reactor: listen: %w", err)
	}
	defer std.Close()
	return r.AdoptPacket(std.(syscall.Conn))
}

// DialPacket connects a socket for datagrams: it receives from that peer only, which is
// its zero Peer. d may be nil.
//
// Goroutines only.
func (r *Reactor) DialPacket(ctx context.Context, d *net.Dialer, network, address string) (*PacketConn, error) {
	task.MustNotPoll("reactor: DialPacket inside a task would stop its worker: dial before the task is started")
	if err := datagrams(network); err != nil {
		return nil, fmt.Errorf("reactor: dial: %w", err)
	}
	if d == nil {
		d = &net.Dialer{}
	}
	std, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, fmt.Errorf("reactor: %w", err)
	}
	defer std.Close()
	return r.AdoptPacket(std.(syscall.Conn))
}

// AdoptPacket is Adopt for datagrams.
func (r *Reactor) AdoptPacket(c syscall.Conn) (*PacketConn, error) {
	fd, err := duplicate(c)
	p := &PacketConn{}
	if err == nil {
		if p.v6, err = datagram.Check(fd); err != nil {
			shut(fd)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("reactor: adopt: %w", err)
	}
	p.fd = fd
	if c, ok := c.(interface{ LocalAddr() net.Addr }); ok {
		p.local = c.LocalAddr()
	}
	if err := r.next().register(&p.source); err != nil {
		return nil, err
	}
	return p, nil
}

// ReadFrom returns the next datagram, and whom it is from. What of it does not fit
// into b is lost.
func (p *PacketConn) ReadFrom(cx *task.Cx, b []byte) (n int, from Peer, err error) {
	m := p.one[:1]
	m[0].Buf = b
	_, err = p.ReadBatch(cx, m)
	n, from = m[0].N, m[0].Peer
	m[0] = Message{}
	return n, from, err
}

// WriteTo sends a datagram. Sent does not mean received.
func (p *PacketConn) WriteTo(cx *task.Cx, b []byte, to Peer) error {
	m := p.one[1:]
	m[0] = Message{Buf: b, Peer: to}
	_, err := p.WriteBatch(cx, m)
	m[0] = Message{}
	return err
}

// ReadBatch returns as many datagrams as are there, at least one and at most len(ms),
// in one system call where the system has it (Linux). It fills in N and Peer.
func (p *PacketConn) ReadBatch(cx *task.Cx, ms []Message) (int, error) {
	ms = ms[:min(len(ms), datagram.Most)]
	k, err := p.try(cx, poll.Read, func(fd int) (int, error) { return p.in.Receive(fd, ms) })
	return k, p.failed("read", err)
}

// WriteBatch sends datagrams, in one system call where the system has it (Linux), and
// returns how many were sent: if not all, call it again with the others. The error is
// about the first that was not.
func (p *PacketConn) WriteBatch(cx *task.Cx, ms []Message) (int, error) {
	ms = ms[:min(len(ms), datagram.Most)]
	k, err := p.try(cx, poll.Write, func(fd int) (int, error) { return p.out.Send(fd, ms, p.v6) })
	return k, p.failed("write", err)
}

// failed wraps a system's error, as package net does.
func (p *PacketConn) failed(what string, err error) error {
	if _, ok := err.(syscall.Errno); !ok {
		return err
	}
	network := "datagram"
	if p.local != nil {
		network = p.local.Network()
	}
	return &net.OpError{Op: what, Net: network, Source: p.local, Err: err}
}

// LocalAddr returns our own address.
func (p *PacketConn) LocalAddr() net.Addr { return p.local }

// Close closes the socket. Whoever waits for it is woken, and gets ErrClosed.
func (p *PacketConn) Close() error { return p.close() }

// SetDeadline sets when reads and writes return os.ErrDeadlineExceeded; the zero time
// means never.
func (p *PacketConn) SetDeadline(t time.Time) error { return p.limit(t, poll.Read, poll.Write) }

// SetReadDeadline is SetDeadline for reads.
func (p *PacketConn) SetReadDeadline(t time.Time) error { return p.limit(t, poll.Read) }

// SetWriteDeadline is SetDeadline for writes.
func (p *PacketConn) SetWriteDeadline(t time.Time) error { return p.limit(t, poll.Write) }

// Std returns the socket as package net's, for goroutines; see [Conn.Std].
func (p *PacketConn) Std() net.PacketConn { return stdPacket{p} }

type stdPacket struct{ *PacketConn }

func (s stdPacket) ReadFrom(b []byte) (int, net.Addr, error) {
	p := s.PacketConn
	p.readMu.Lock()
	defer p.readMu.Unlock()
	ms := []Message{{Buf: b}}
	if _, err := p.block(poll.Read, func(fd int) (int, error) { return p.in.Receive(fd, ms) }); err != nil {
		return 0, nil, p.failed("read", err)
	}
	return ms[0].N, ms[0].Peer.Net(), nil
}

func (s stdPacket) WriteTo(b []byte, to net.Addr) (int, error) {
	p := s.PacketConn
	peer, err := PeerOf(to)
	if err != nil {
		return 0, err
	}
	p.writeMu.Lock()
	defer p.writeMu.Unlock()
	ms := []Message{{Buf: b, Peer: peer}}
	if _, err := p.block(poll.Write, func(fd int) (int, error) { return p.out.Send(fd, ms, p.v6) }); err != nil {
		return 0, p.failed("write", err)
	}
	return len(b), nil
}
