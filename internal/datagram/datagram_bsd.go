//go:build unix && !linux

package datagram

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

// Vector is hardly anything: these systems take one datagram at a time.
type Vector struct{ deferred error }

// reports is of no interest where datagrams are sent one by one anyway.
func reports(int) bool { return true }

// Receive fills in as many messages as are there: N and Peer.
func (v *Vector) Receive(fd int, ms []Message) (int, error) {
	if err := v.takeDeferred(); err != nil {
		return 0, err
	}
	for i := range ms {
		m := &ms[i]
		var from unix.Sockaddr
		n, err := retryEINTR(func() (n int, err error) {
			n, from, err = unix.Recvfrom(fd, m.Buf, 0)
			return n, err
		})
		if err != nil {
			return v.deferError(i, err)
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

// Send sends messages, and returns how many were sent. An error in the middle is the next
// call's.
func (v *Vector) Send(fd int, ms []Message, s Socket) (int, error) {
	if err := v.takeDeferred(); err != nil && len(ms) > 0 {
		return 0, err
	}
	for i, m := range ms {
		if _, err := retryEINTR(func() (int, error) { return len(m.Buf), sendOne(fd, m, s.V6) }); err != nil {
			return v.deferError(i, err)
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
			zone, err := scope(ip)
			if err != nil {
				return err
			}
			return unix.Sendto(fd, m.Buf, 0, &unix.SockaddrInet6{Addr: ip.As16(), Port: int(m.Peer.Port()), ZoneId: zone})
		}
		return unix.Sendto(fd, m.Buf, 0, &unix.SockaddrInet4{Addr: ip.As4(), Port: int(m.Peer.Port())})
	case m.Peer.Path != "":
		return unix.Sendto(fd, m.Buf, 0, &unix.SockaddrUnix{Name: m.Peer.Path})
	case m.Peer != Peer{}:
		return errFamily // a port, and no address
	}
	_, err := unix.Write(fd, m.Buf)
	return err
}
