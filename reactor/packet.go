package reactor

import (
	"context"
	"fmt"
	"math"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/heist-go/heist/internal/clock"
	"github.com/heist-go/heist/internal/datagram"
	"github.com/heist-go/heist/internal/poll"
	"github.com/heist-go/heist/task"
)

// PacketConn is a socket for datagrams, UDP or Unix. Its methods with a *task.Cx are
// for tasks; several take turns, and each datagram is one's. [PacketConn.Std] is for
// goroutines. Close and the deadlines are for anybody.
type PacketConn struct {
	source
	local  net.Addr
	socket datagram.Socket
	writes gate

	// Guarded by the gates of the two directions.
	in, out       datagram.Vector
	single        [2]Message // of ReadFrom and WriteTo
	peerFullUntil int64      // until when a Unix peer is taken for full, of the machine's time; of writes

	readMu, writeMu sync.Mutex // of goroutines: held while they wait
}

// Peer is the address of the other end of a datagram: an IP address and port, or for Unix sockets a
// path. The zero Peer is the one that a socket is connected to. It is comparable: two that datagrams
// came from, or that [PeerOf] or [PeerFrom] has returned, are equal if they are the same peer, however
// their addresses were written.
type Peer = datagram.Peer

// Message is one datagram of several.
type Message = datagram.Message

// PeerOf returns the peer that a net.UDPAddr or net.UnixAddr names. Without an IP address
// it is this machine, as for package net.
func PeerOf(a net.Addr) (Peer, error) {
	switch a := a.(type) {
	case *net.UDPAddr:
		if a == nil || a.Port < 0 || a.Port > math.MaxUint16 {
			break
		}
		if len(a.IP) == 0 {
			return PeerFrom(netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(a.Port))), nil
		}
		if at := a.AddrPort(); at.IsValid() {
			return PeerFrom(at), nil
		}
	case *net.UnixAddr:
		switch {
		case a == nil:
		case a.Name == "@": // package net's word for a socket that was given no name
			return Peer{}, nil
		default:
			return Peer{Path: a.Name}, nil
		}
	}
	return Peer{}, fmt.Errorf("reactor: datagram: no address of UDP or a Unix socket: %T %v", a, a)
}

// PeerFrom returns the peer with an address and port in the one form that peers of datagrams
// have: IPv4 is IPv4, also if it is written as IPv6, and a zone is the name of an interface, at
// addresses of a link only. A [Peer] made by hand works as well, but need not be equal.
func PeerFrom(a netip.AddrPort) Peer { return datagram.PeerFrom(a) }

// ListenPacket listens for datagrams on an address, as net.ListenPacket does, for the
// networks udp and unixgram. lc may be nil; its Control is the place for socket options.
//
// Goroutines only: to look up a name takes time.
func (r *Reactor) ListenPacket(ctx context.Context, lc *net.ListenConfig, network, address string) (*PacketConn, error) {
	task.MustNotPoll("reactor: ListenPacket inside a task would stop its worker: listen before the task is started")
	std, err := listenWith(lc, network, packetNetworks, func(lc *net.ListenConfig) (net.PacketConn, error) {
		return lc.ListenPacket(ctx, network, address)
	})
	if err != nil {
		return nil, err
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
	dial := func(d *net.Dialer) (net.Conn, error) { return d.DialContext(ctx, network, address) }
	return dialWith(d, network, packetNetworks, dial, r.AdoptPacket)
}

// AdoptPacket is Adopt for datagrams.
func (r *Reactor) AdoptPacket(c syscall.Conn) (*PacketConn, error) {
	p := &PacketConn{}
	fd, err := adoptFD(c, func(fd int) (err error) {
		p.socket, err = datagram.Check(fd)
		return err
	})
	if err != nil {
		return nil, err
	}
	p.fd, p.local = fd, p.socket.Local
	if c, ok := c.(interface{ LocalAddr() net.Addr }); ok && c.LocalAddr() != nil {
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
	if err := p.lockGate(cx, &p.reads); err != nil {
		return 0, Peer{}, err
	}
	defer p.reads.unlock()
	m := p.single[:1]
	m[0].Buf = b
	_, err = p.receive(cx, m)
	n, from = m[0].N, m[0].Peer
	m[0] = Message{}
	return n, from, err
}

// WriteTo sends a datagram. Sent does not mean received.
func (p *PacketConn) WriteTo(cx *task.Cx, b []byte, to Peer) error {
	if err := p.lockGate(cx, &p.writes); err != nil {
		return err
	}
	defer p.writes.unlock()
	m := p.single[1:]
	m[0] = Message{Buf: b, Peer: to}
	_, err := p.transmit(cx, m)
	m[0] = Message{}
	return err
}

// ReadBatch returns as many datagrams as are there, at least one and at most len(ms),
// in one system call where the system has it (Linux). It fills in N and Peer.
func (p *PacketConn) ReadBatch(cx *task.Cx, ms []Message) (int, error) {
	if err := p.lockGate(cx, &p.reads); err != nil {
		return 0, err
	}
	defer p.reads.unlock()
	return p.receive(cx, ms)
}

func (p *PacketConn) receive(cx *task.Cx, ms []Message) (int, error) {
	ms = ms[:min(len(ms), datagram.Most)]
	k, err := p.try(cx, poll.Read, func(fd int) (int, error) { return p.in.Receive(fd, ms) })
	return k, p.failed("read", err)
}

// WriteBatch sends datagrams, in one system call where the system has it (Linux; not if the
// socket is connected), and returns how many were sent: if not all, call it again with the
// others. An error is about the first of these, and it was not sent; that it is about an earlier
// datagram (syscall.ECONNREFUSED) is the kernel's way to tell of that: try once more.
func (p *PacketConn) WriteBatch(cx *task.Cx, ms []Message) (int, error) {
	if err := p.lockGate(cx, &p.writes); err != nil {
		return 0, err
	}
	defer p.writes.unlock()
	return p.transmit(cx, ms)
}

func (p *PacketConn) transmit(cx *task.Cx, ms []Message) (int, error) {
	ms = ms[:min(len(ms), datagram.Most)]
	k, err := p.try(cx, poll.Write, func(fd int) (int, error) { return p.send(fd, ms) })
	return k, p.failed("write", err)
}

// fullPause is the time for which a full Unix peer is left alone.
const fullPause = time.Millisecond

// send is one try of a batch. That a Unix peer has room again the kernel tells only who is
// connected to it; to others each try is an edge (Linux: what it has made for it is freed), and
// a reason to try at once. So they look every fullPause.
func (p *PacketConn) send(fd int, ms []Message) (n int, err error) {
	named := len(ms) > 0 && ms[0].Peer.Path != ""
	if named && clock.Now() < p.peerFullUntil {
		return 0, syscall.EAGAIN
	}
	n, err = p.out.Send(fd, ms, p.socket)
	if named && blocked(err) {
		p.peerFullUntil = clock.Now() + int64(fullPause)
		time.AfterFunc(fullPause, func() { p.wakeWaiter(poll.Write) }) // real time, whatever the pool's is
	}
	return n, err
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

// SetDeadline sets when reads and writes return os.ErrDeadlineExceeded; see
// [Conn.SetDeadline].
func (p *PacketConn) SetDeadline(t time.Time) error {
	return p.setDeadline(p.taskTime(t), poll.Read, poll.Write)
}

// SetReadDeadline is SetDeadline for reads.
func (p *PacketConn) SetReadDeadline(t time.Time) error {
	return p.setDeadline(p.taskTime(t), poll.Read)
}

// SetWriteDeadline is SetDeadline for writes.
func (p *PacketConn) SetWriteDeadline(t time.Time) error {
	return p.setDeadline(p.taskTime(t), poll.Write)
}

// Std returns the socket as package net's, for goroutines; see [Conn.Std].
func (p *PacketConn) Std() net.PacketConn { return stdPacket{p} }

type stdPacket struct{ *PacketConn }

func (s stdPacket) SetDeadline(t time.Time) error {
	return s.setDeadline(s.realTime(t), poll.Read, poll.Write)
}

func (s stdPacket) SetReadDeadline(t time.Time) error { return s.setDeadline(s.realTime(t), poll.Read) }

func (s stdPacket) SetWriteDeadline(t time.Time) error {
	return s.setDeadline(s.realTime(t), poll.Write)
}

func (s stdPacket) ReadFrom(b []byte) (int, net.Addr, error) {
	p := s.PacketConn
	p.readMu.Lock()
	defer p.readMu.Unlock()
	ms := []Message{{Buf: b}}
	if _, err := p.block(poll.Read, &p.reads, func(fd int) (int, error) { return p.in.Receive(fd, ms) }); err != nil {
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
	if _, err := p.block(poll.Write, &p.writes, func(fd int) (int, error) { return p.send(fd, ms) }); err != nil {
		return 0, p.failed("write", err)
	}
	return len(b), nil
}
