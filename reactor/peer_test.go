//go:build unix

package reactor_test

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
)

// link returns an address of this machine that means something on its link only.
func link(t *testing.T) (ip net.IP, of net.Interface) {
	t.Helper()
	all, err := net.Interfaces()
	require.NoError(t, err)
	for _, i := range all {
		addrs, _ := i.Addrs()
		for _, a := range addrs {
			if n, ok := a.(*net.IPNet); ok && n.IP.To4() == nil && n.IP.IsLinkLocalUnicast() {
				c, err := net.ListenUDP("udp6", &net.UDPAddr{IP: n.IP, Zone: i.Name})
				if err == nil {
					_ = c.Close()
					return n.IP, i
				}
			}
		}
	}
	t.Skip("no address of a link here")
	return
}

// from sends a datagram from a socket of package net to ours, and returns whom it is from.
func from(t *testing.T, p *pool.Pool, c *reactor.PacketConn, send func() error) (from reactor.Peer) {
	t.Helper()
	require.NoError(t, send())
	require.NoError(t, run(p, func(cx *task.Cx) (err error) {
		_, from, err = c.ReadFrom(cx, make([]byte, 10))
		return err
	}))
	return from
}

// However the address of a peer is written, it is the one that its datagrams come from, and
// that answers reach.
func TestPeersAreEqual(t *testing.T) {
	loop4, loop6 := net.IPv4(127, 0, 0, 1), net.IPv6loopback
	for name, at := range map[string]struct {
		network string
		ours    *net.UDPAddr
		theirs  *net.UDPAddr
	}{
		"udp4":                  {"udp4", &net.UDPAddr{IP: loop4}, &net.UDPAddr{IP: loop4}},
		"udp6":                  {"udp6", &net.UDPAddr{IP: loop6}, &net.UDPAddr{IP: loop6}},
		"dual-stack, from IPv4": {"udp", &net.UDPAddr{}, &net.UDPAddr{IP: loop4}},
		"dual-stack, from IPv6": {"udp", &net.UDPAddr{}, &net.UDPAddr{IP: loop6}},
	} {
		t.Run(name, func(t *testing.T) {
			p := open(t, 1)
			theirs, err := net.ListenUDP("udp", at.theirs)
			if err != nil {
				t.Skip("not here: ", err)
			}
			defer theirs.Close()
			ours := packets(t, p, at.network, at.ours.String())
			port := ours.LocalAddr().(*net.UDPAddr).Port
			peer := from(t, p, ours, func() error {
				_, err := theirs.WriteToUDP([]byte("x"), &net.UDPAddr{IP: at.theirs.IP, Port: port})
				return err
			})
			is := theirs.LocalAddr().(*net.UDPAddr)
			every := []*net.UDPAddr{is, {IP: is.IP.To16(), Port: is.Port}, {IP: is.IP.To16(), Port: is.Port, Zone: "lo"}}
			if v4 := is.IP.To4(); v4 != nil {
				every = append(every, &net.UDPAddr{IP: v4, Port: is.Port})
			}
			for _, a := range every {
				same, err := reactor.PeerOf(a)
				require.NoError(t, err)
				require.Equal(t, peer, same, "%#v", a)
				require.Equal(t, peer, reactor.PeerFrom(a.AddrPort()))
				again, err := reactor.PeerOf(same.Net())
				require.NoError(t, err)
				require.Equal(t, peer, again)
				for _, to := range []reactor.Peer{same, {AddrPort: a.AddrPort()}} {
					require.NoError(t, run(p, func(cx *task.Cx) error { return ours.WriteTo(cx, []byte("y"), to) }), "%v", to)
					_, _, err = theirs.ReadFromUDP(make([]byte, 10))
					require.NoError(t, err)
				}
			}
			require.Equal(t, is.String(), peer.String())
			require.Equal(t, is.String(), peer.Net().String())
		})
	}
}

// An address of a link has its interface's name, as package net's have, however it is written.
func TestPeersOfALink(t *testing.T) {
	ip, i := link(t)
	p := open(t, 1)
	ours := packets(t, p, "udp6", fmt.Sprintf("[%v%%%s]:0", ip, i.Name))
	theirs, err := net.ListenUDP("udp6", &net.UDPAddr{IP: ip, Zone: i.Name})
	require.NoError(t, err)
	defer theirs.Close()
	peer := from(t, p, ours, func() error {
		_, err := theirs.WriteTo([]byte("x"), ours.LocalAddr())
		return err
	})
	is := theirs.LocalAddr().(*net.UDPAddr)
	number := strconv.Itoa(i.Index)
	require.Equal(t, is.String(), peer.String())
	for _, zone := range []string{i.Name, number, "00" + number} {
		a := &net.UDPAddr{IP: ip, Port: is.Port, Zone: zone}
		same, err := reactor.PeerOf(a)
		require.NoError(t, err)
		require.Equal(t, peer, same)
		require.Equal(t, peer, reactor.PeerFrom(a.AddrPort()))
		for _, to := range []reactor.Peer{same, {AddrPort: a.AddrPort()}} {
			require.NoError(t, run(p, func(cx *task.Cx) error { return ours.WriteTo(cx, []byte("y"), to) }))
			_, _, err = theirs.ReadFromUDP(make([]byte, 10))
			require.NoError(t, err)
		}
	}
	require.Equal(t, ours.LocalAddr().(*net.UDPAddr).Zone, i.Name)

	// A zone that there is not is an error: it would go who knows where.
	nowhere, err := reactor.PeerOf(&net.UDPAddr{IP: ip, Port: is.Port, Zone: "nowhere"})
	require.NoError(t, err)
	err = run(p, func(cx *task.Cx) error { return ours.WriteTo(cx, []byte("y"), nowhere) })
	require.ErrorIs(t, err, os.ErrInvalid)
	require.ErrorContains(t, err, "nowhere")

	// Streams have it, too.
	l, err := p.Listen("tcp", fmt.Sprintf("[%v%%%s]:0", ip, i.Name))
	require.NoError(t, err)
	defer l.Close()
	far, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer far.Close()
	c, err := l.Std().Accept()
	require.NoError(t, err)
	require.Equal(t, far.LocalAddr(), c.RemoteAddr())
	require.Equal(t, far.RemoteAddr(), c.LocalAddr())
	require.NoError(t, c.Close())
}

// What is no peer is an error, and not whom the socket is connected to.
func TestNoPeer(t *testing.T) {
	for _, a := range []net.Addr{
		nil,
		(*net.UDPAddr)(nil),
		(*net.UnixAddr)(nil),
		&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1},
		&net.UDPAddr{IP: net.IP{1, 2, 3}, Port: 1},
		&net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1 << 16},
		&net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: -1},
	} {
		_, err := reactor.PeerOf(a)
		require.Error(t, err, "%#v", a)
	}
	p := open(t, 1)
	for _, network := range []string{"udp4", "udp"} {
		c := packets(t, p, network, ":0")
		here, err := reactor.PeerOf(&net.UDPAddr{Port: c.LocalAddr().(*net.UDPAddr).Port})
		require.NoError(t, err)
		from(t, p, c, func() error { return run(p, func(cx *task.Cx) error { return c.WriteTo(cx, []byte("x"), here) }) })
		for _, to := range []reactor.Peer{
			{AddrPort: netip.AddrPortFrom(netip.Addr{}, 5)},
			{Path: "/nowhere"},
			{},
		} {
			require.Error(t, run(p, func(cx *task.Cx) error { return c.WriteTo(cx, []byte("x"), to) }), "%#v", to)
		}
	}
}

// Unix sockets without a name, with an abstract one, and with one as long as may be.
func TestPeersOfUnixSockets(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("abstract names are Linux's")
	}
	p := open(t, 1)
	ours := packets(t, p, "unixgram", filepath.Join(t.TempDir(), "s"))
	to := &unix.SockaddrUnix{Name: ours.LocalAddr().String()}
	abstract := "@heist " + strconv.Itoa(os.Getpid())
	for name, at := range map[string]string{
		"unnamed":    "",
		"abstract":   abstract,
		"with zeros": abstract + "\x00a\x00\x00",
		"long":       abstract + string(make([]byte, 108-len(abstract))),
	} {
		t.Run(name, func(t *testing.T) {
			fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM, 0)
			require.NoError(t, err)
			defer unix.Close(fd)
			if at != "" {
				require.NoError(t, syscall.Bind(fd, &syscall.SockaddrUnix{Name: at}))
			}
			peer := from(t, p, ours, func() error { return unix.Sendto(fd, []byte("x"), 0, to) })
			if at == "" {
				require.Equal(t, reactor.Peer{}, peer)
				require.NotNil(t, peer.Net())
				require.Error(t, run(p, func(cx *task.Cx) error { return ours.WriteTo(cx, []byte("y"), peer) }))
				own, err := unix.Dup(fd) // which f closes
				require.NoError(t, err)
				f := os.NewFile(uintptr(own), "socket")
				defer f.Close()
				c, err := net.FilePacketConn(f)
				require.NoError(t, err)
				defer c.Close()
				same, err := reactor.PeerOf(c.LocalAddr())
				require.NoError(t, err)
				require.Equal(t, peer, same)
				return
			}
			require.Equal(t, at, peer.Path)
			same, err := reactor.PeerOf(peer.Net())
			require.NoError(t, err)
			require.Equal(t, peer, same)
			require.NoError(t, run(p, func(cx *task.Cx) error { return ours.WriteTo(cx, []byte("y"), peer) }))
			n, err := unix.Read(fd, make([]byte, 10))
			require.NoError(t, err)
			require.Equal(t, 1, n)
		})
	}
}

// Sockets that are something else are refused, and what is adopted knows its address.
func TestAdoptPacketOdd(t *testing.T) {
	p := open(t, 1)
	r, err := p.Reactor()
	require.NoError(t, err)
	u, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	defer u.Close()
	f, err := u.File()
	require.NoError(t, err)
	defer f.Close()
	c, err := r.AdoptPacket(f)
	require.NoError(t, err)
	require.Equal(t, u.LocalAddr().String(), c.LocalAddr().String())
	require.Equal(t, "udp", c.LocalAddr().Network())
	require.NoError(t, c.Close())
	require.Equal(t, u.LocalAddr().String(), c.LocalAddr().String(), "also when it is closed")
	pipe, w, err := os.Pipe()
	require.NoError(t, err)
	defer pipe.Close()
	defer w.Close()
	odd := []syscall.Conn{pipe}
	if runtime.GOOS == "linux" {
		const netlink = 16 // a family that has datagrams, too
		fd, err := unix.Socket(netlink, unix.SOCK_DGRAM, 0)
		require.NoError(t, err)
		other := os.NewFile(uintptr(fd), "netlink")
		defer other.Close()
		odd = append(odd, other)
	}
	for _, o := range odd {
		_, err := r.AdoptPacket(o)
		require.ErrorContains(t, err, "reactor: adopt")
	}
	require.Zero(t, r.Used())
}
