package datagram

import (
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Vector is the array of headers that recvmmsg and sendmmsg work on, one for each message. It is made
// at the first use, and grows with the batches.
type Vector struct {
	headers  []header
	deferred error // what the next Send returns
}

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
	if len(v.headers) < len(ms) {
		v.headers = make([]header, len(ms))
	}
	list := make([]mmsghdr, 0, Most)
	for i := range ms {
		h := &v.headers[i]
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
	for i := range v.headers[:n] {
		v.headers[i].iov.Base = nil
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
		list[i].hdr.Name = (*byte)(unsafe.Pointer(&v.headers[i].addr))
		list[i].hdr.Namelen = unix.SizeofSockaddrAny
	}
	k, err := retryEINTR(func() (int, error) { return mmsg(unix.SYS_RECVMMSG, fd, list) })
	if err != nil {
		return 0, err
	}
	for i := range ms[:k] {
		ms[i].N = int(list[i].n)
		ms[i].Peer = v.headers[i].peer(list[i].hdr.Namelen)
	}
	return k, nil
}

// reports reports whether what becomes of a datagram (that nobody listens where it went) comes
// back as an error of a later send: if the socket is connected, or was told to (IP_RECVERR).
func reports(fd int) bool {
	if _, err := unix.Getpeername(fd); err == nil {
		return true
	}
	v4, _ := unix.GetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_RECVERR)
	v6, _ := unix.GetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVERR) // 0 where there is none
	return v4|v6 != 0
}

// Send sends messages, and returns how many were sent. An error in the middle is the next
// call's.
//
// sendmmsg throws away an error in the middle (net/socket.c, __sys_sendmmsg). One that is
// about the datagram itself comes again when that is sent again, as the first. One that is
// about an earlier datagram does not, so where there are such they are sent one by one.
func (v *Vector) Send(fd int, ms []Message, s Socket) (int, error) {
	if len(ms) == 0 {
		return 0, nil
	}
	if err := v.takeDeferred(); err != nil {
		return 0, err
	}
	list := v.prepare(ms)
	defer v.done(len(ms))
	for i := range list {
		size, err := v.headers[i].address(ms[i].Peer, s.V6)
		switch {
		case err != nil && i == 0:
			return 0, err
		case err != nil:
			list = list[:i] // those before it first
		case size > 0:
			list[i].hdr.Name = (*byte)(unsafe.Pointer(&v.headers[i].addr))
			list[i].hdr.Namelen = size
		}
		if err != nil {
			break
		}
	}
	if !s.Reports {
		return retryEINTR(func() (int, error) { return mmsg(unix.SYS_SENDMMSG, fd, list) })
	}
	for i := range list {
		if _, err := retryEINTR(func() (int, error) { return mmsg(unix.SYS_SENDMMSG, fd, list[i:i+1]) }); err != nil {
			return v.deferError(i, err)
		}
	}
	return len(list), nil
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
	if size < uint32(unsafe.Sizeof(h.addr.Addr.Family)) {
		return Peer{} // nothing: what is there is another datagram's
	}
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
		for i := range min(int(size)-int(unsafe.Offsetof(a.Path)), len(a.Path)) {
			if a.Path[i] == 0 && a.Path[0] != 0 { // an abstract name may have zeros in it
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
		zone, err := scope(ip)
		if err != nil {
			return 0, err
		}
		a := (*unix.RawSockaddrInet6)(unsafe.Pointer(&h.addr))
		*a = unix.RawSockaddrInet6{Family: unix.AF_INET6, Addr: ip.As16(), Scope_id: zone}
		setPort(&a.Port, p.Port())
		return unix.SizeofSockaddrInet6, nil
	case p.Path != "":
		a := (*unix.RawSockaddrUnix)(unsafe.Pointer(&h.addr))
		*a = unix.RawSockaddrUnix{Family: unix.AF_UNIX}
		if n := len(p.Path); n > len(a.Path) || n == len(a.Path) && p.Path[0] != '@' {
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
	case p != Peer{}:
		return 0, errFamily // a port, and no address
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
