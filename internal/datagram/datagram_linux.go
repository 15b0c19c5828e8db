package datagram

import (
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Vector is what recvmmsg and sendmmsg work on: a header for each message. It is made
// at the first use, and grows with the batches.
type Vector struct{ of []header }

// header is C's struct mmsghdr, and what it points to.
type header struct {
	msg  mmsghdr
	iov  unix.Iovec
	addr unix.RawSockaddrAny
}

type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32
}

// prepare points the headers to the messages. The array for the kernel is apart from
// what it points to, because it must be dense.
func (v *Vector) prepare(ms []Message) []mmsghdr {
	if len(v.of) < len(ms) {
		v.of = make([]header, len(ms))
	}
	list := make([]mmsghdr, 0, Most)
	for i := range ms {
		h := &v.of[i]
		h.iov = unix.Iovec{}
		if b := ms[i].Buf; len(b) > 0 {
			h.iov.Base = &b[0]
			h.iov.SetLen(len(b))
		}
		h.msg = mmsghdr{}
		h.msg.hdr.Iov = &h.iov
		h.msg.hdr.SetIovlen(1)
		list = append(list, h.msg)
	}
	return list
}

// done drops what the headers point to.
func (v *Vector) done(n int) {
	for i := range v.of[:n] {
		v.of[i].iov.Base = nil
	}
}

// Receive fills in as many messages as are there: N and Peer.
func (v *Vector) Receive(fd int, ms []Message) (int, error) {
	if len(ms) == 0 {
		return 0, nil
	}
	list := v.prepare(ms)
	defer v.done(len(ms))
	for i := range list {
		list[i].hdr.Name = (*byte)(unsafe.Pointer(&v.of[i].addr))
		list[i].hdr.Namelen = unix.SizeofSockaddrAny
	}
	k, err := again(func() (int, error) { return mmsg(unix.SYS_RECVMMSG, fd, list) })
	if err != nil {
		return 0, err
	}
	for i := range ms[:k] {
		ms[i].N = int(list[i].n)
		ms[i].Peer = v.of[i].peer(list[i].hdr.Namelen)
	}
	return k, nil
}

// Send sends messages, and returns how many were sent. v6: the socket is IPv6's.
func (v *Vector) Send(fd int, ms []Message, v6 bool) (int, error) {
	if len(ms) == 0 {
		return 0, nil
	}
	list := v.prepare(ms)
	defer v.done(len(ms))
	for i := range list {
		size, err := v.of[i].address(ms[i].Peer, v6)
		switch {
		case err != nil && i == 0:
			return 0, err
		case err != nil:
			list = list[:i] // those before it first
		case size > 0:
			list[i].hdr.Name = (*byte)(unsafe.Pointer(&v.of[i].addr))
			list[i].hdr.Namelen = size
		}
		if err != nil {
			break
		}
	}
	return again(func() (int, error) { return mmsg(unix.SYS_SENDMMSG, fd, list) })
}

// mmsg is recvmmsg or sendmmsg. A batch takes long, so the runtime is told.
func mmsg(call uintptr, fd int, list []mmsghdr) (int, error) {
	n, _, errno := syscall.Syscall6(call, uintptr(fd), uintptr(unsafe.Pointer(&list[0])), uintptr(len(list)), unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// peer reads the address that the kernel has written.
func (h *header) peer(size uint32) Peer {
	switch h.addr.Addr.Family {
	case unix.AF_INET:
		a := (*unix.RawSockaddrInet4)(unsafe.Pointer(&h.addr))
		return Peer{AddrPort: netip.AddrPortFrom(netip.AddrFrom4(a.Addr), port(&a.Port))}
	case unix.AF_INET6:
		a := (*unix.RawSockaddrInet6)(unsafe.Pointer(&h.addr))
		return Peer{AddrPort: netip.AddrPortFrom(zoned(a.Addr, a.Scope_id), port(&a.Port))}
	case unix.AF_UNIX:
		a := (*unix.RawSockaddrUnix)(unsafe.Pointer(&h.addr))
		path := make([]byte, 0, len(a.Path))
		for i := range int(size) - int(unsafe.Offsetof(a.Path)) {
			if a.Path[i] == 0 && i > 0 {
				break
			}
			path = append(path, byte(a.Path[i]))
		}
		if len(path) > 0 && path[0] == 0 {
			path[0] = '@'
		}
		return Peer{Path: string(path)}
	}
	return Peer{}
}

// address writes the address for the kernel, and returns its size: 0 for the zero Peer.
func (h *header) address(p Peer, v6 bool) (uint32, error) {
	switch {
	case p.IsValid():
		ip, err := family(p.AddrPort.Addr(), v6)
		if err != nil {
			return 0, err
		}
		if !v6 {
			a := (*unix.RawSockaddrInet4)(unsafe.Pointer(&h.addr))
			*a = unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: ip.As4()}
			setPort(&a.Port, p.Port())
			return unix.SizeofSockaddrInet4, nil
		}
		a := (*unix.RawSockaddrInet6)(unsafe.Pointer(&h.addr))
		*a = unix.RawSockaddrInet6{Family: unix.AF_INET6, Addr: ip.As16(), Scope_id: scope(ip)}
		setPort(&a.Port, p.Port())
		return unix.SizeofSockaddrInet6, nil
	case p.Path != "":
		a := (*unix.RawSockaddrUnix)(unsafe.Pointer(&h.addr))
		*a = unix.RawSockaddrUnix{Family: unix.AF_UNIX}
		if len(p.Path) >= len(a.Path) {
			return 0, unix.EINVAL
		}
		for i := range len(p.Path) {
			a.Path[i] = int8(p.Path[i])
		}
		size := uint32(unsafe.Offsetof(a.Path)) + uint32(len(p.Path))
		if p.Path[0] == '@' {
			a.Path[0] = 0
		} else {
			size++ // with its zero
		}
		return size, nil
	}
	return 0, nil
}

// port and setPort are the network's byte order.
func port(p *uint16) uint16 {
	b := (*[2]byte)(unsafe.Pointer(p))
	return uint16(b[0])<<8 | uint16(b[1])
}

func setPort(p *uint16, v uint16) {
	b := (*[2]byte)(unsafe.Pointer(p))
	b[0], b[1] = byte(v>>8), byte(v)
}
