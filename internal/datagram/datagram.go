// Package datagram sends and receives several datagrams in one system call, where the
// system has such (Linux: recvmmsg, sendmmsg), and one by one elsewhere. The sockets do
// not block.
//
// It is apart from package reactor because it hands structures to the kernel.
package datagram

import (
	"fmt"
	"net"
	"net/netip"
	"os"
)

// Peer is the address of the other end of a datagram: an IP address and port, or for Unix sockets
// a path. The zero Peer is the one that a socket is connected to. Two that datagrams came
// from, or that PeerOf or PeerFrom has returned, are equal if they are the same.
type Peer struct {
	netip.AddrPort
	Path string
}

// Net returns the peer as package net's address.
func (p Peer) Net() net.Addr {
	if p.IsValid() {
		return net.UDPAddrFromAddrPort(p.AddrPort)
	}
	return &net.UnixAddr{Name: p.Path, Net: "unixgram"}
}

// String returns the address and port, or the path.
func (p Peer) String() string {
	if p.IsValid() {
		return p.AddrPort.String()
	}
	return p.Path
}

// Message is one datagram of several.
type Message struct {
	Buf  []byte // to send, or room for what comes
	N    int    // how much of Buf came
	Peer Peer   // whom it is from, or to
}

// Socket is the properties of a socket.
type Socket struct {
	Local   net.Addr
	V6      bool // addresses are given to the kernel as IPv6's
	Reports bool // a send may fail with what has become of an earlier datagram
}

// Most is the number of datagrams that one system call takes at most.
const Most = 64

// errFamily says what is wrong with an address.
var errFamily = fmt.Errorf("datagram: address of a family that the socket does not have: %w", os.ErrInvalid)
