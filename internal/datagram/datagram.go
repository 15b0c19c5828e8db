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

// Peer is where a datagram comes from, or goes to: an address and port, or for Unix
// sockets a path. The zero Peer is whom a socket is connected to. It is comparable.
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

// Most is how many datagrams go through one system call.
const Most = 64

// errFamily says what is wrong with an address.
var errFamily = fmt.Errorf("address of a family that the socket does not have: %w", os.ErrInvalid)
