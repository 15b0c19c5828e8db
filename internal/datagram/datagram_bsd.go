//go:build unix && !linux

package datagram

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

// Vector is nothing: these systems take one datagram at a time.
type Vector struct{}

// Receive fills in as many messages as are there: N and Peer.
func (*Vector) Receive(fd int, ms []Message) (int, error) {
	for i := range ms {
		m := &ms[i]
		var from unix.Sockaddr
		n, err := again(func() (n int, err error) {
			n, from, err = unix.Recvfrom(fd, m.Buf, 0)
			return n, err
		})
		if err != nil && i > 0 {
			return i, nil
		}
		if err != nil {
			return 0, err
		}
		m.N, m.Peer = n, Peer{}
		switch from := from.(type) {
		case *unix.SockaddrInet4:
			m.Peer.AddrPort = netip.AddrPortFrom(netip.AddrFrom4(from.Addr), uint16(from.Port))
		case *unix.SockaddrInet6:
			m.Peer.AddrPort = netip.AddrPortFrom(zoned(from.Addr, from.ZoneId), uint16(from.Port))
		case *unix.SockaddrUnix:
			m.Peer.Path = from.Name
		}
	}
	return len(ms), nil
}

// Send sends messages, and returns how many were sent. v6: the socket is IPv6's.
func (*Vector) Send(fd int, ms []Message, v6 bool) (int, error) {
	for i, m := range ms {
		_, err := again(func() (int, error) { return len(m.Buf), sendOne(fd, m, v6) })
		if err != nil && i > 0 {
			return i, nil
		}
		if err != nil {
			return 0, err
		}
	}
	return len(ms), nil
}

func sendOne(fd int, m Message, v6 bool) error {
	switch {
	case m.Peer.IsValid():
		ip, err := family(m.Peer.AddrPort.Addr(), v6)
		if err != nil {
			return err
		}
		if v6 {
			return unix.Sendto(fd, m.Buf, 0, &unix.SockaddrInet6{Addr: ip.As16(), Port: int(m.Peer.Port()), ZoneId: scope(ip)})
		}
		return unix.Sendto(fd, m.Buf, 0, &unix.SockaddrInet4{Addr: ip.As4(), Port: int(m.Peer.Port())})
	case m.Peer.Path != "":
		return unix.Sendto(fd, m.Buf, 0, &unix.SockaddrUnix{Name: m.Peer.Path})
	}
	_, err := unix.Write(fd, m.Buf)
	return err
}
