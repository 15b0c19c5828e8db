//go:build unix

package reactor_test

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
)

// sendAll sends messages by batches, and returns the errors by the message that was the first
// not to be sent. It tries again what was refused, and goes on behind what cannot be sent.
func sendAll(t *testing.T, p *pool.Pool, c *reactor.PacketConn, ms []reactor.Message) (sent int, errs map[int][]error) {
	t.Helper()
	errs = map[int][]error{}
	i := 0
	require.NoError(t, run(p, func(cx *task.Cx) error {
		for i < len(ms) {
			n, err := c.WriteBatch(cx, ms[i:])
			if task.IsPending(err) {
				return err
			}
			sent += n
			if i += n; err == nil {
				require.NotZero(t, n, "nothing was sent, and nothing is said")
				continue
			}
			require.Zero(t, n, "%v", err)
			errs[i] = append(errs[i], err)
			if !errors.Is(err, syscall.ECONNREFUSED) || len(errs[i]) > 1 {
				i++
			}
		}
		return nil
	}))
	return sent, errs
}

// dialPacket connects a socket on p's reactor.
func dialPacket(t *testing.T, p *pool.Pool, d *net.Dialer, network, address string) *reactor.PacketConn {
	t.Helper()
	r, err := p.Reactor()
	require.NoError(t, err)
	c, err := r.DialPacket(background, d, network, address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// messages returns some that differ, to the same peer.
func messages(n int, to reactor.Peer) []reactor.Message {
	ms := make([]reactor.Message, n)
	for i := range ms {
		ms[i] = reactor.Message{Buf: []byte{byte(i)}, Peer: to}
	}
	return ms
}

// That nobody listens where a datagram went comes back as the error of a later one; on loopback
// of the very next. None is lost, also not in the middle of a batch.
func TestBatchRefused(t *testing.T) {
	const n = 10
	for network, address := range map[string]string{"udp4": "127.0.0.1:0", "udp6": "[::1]:0"} {
		t.Run(network, func(t *testing.T) {
			gone, err := net.ListenPacket(network, address)
			if err != nil {
				t.Skip("not here: ", err)
			}
			require.NoError(t, gone.Close())
			p := open(t, 1)
			c := dialPacket(t, p, nil, network, gone.LocalAddr().String())
			sent, errs := sendAll(t, p, c, messages(n, reactor.Peer{}))
			require.Equal(t, n, sent)
			require.NotEmpty(t, errs)
			if runtime.GOOS == "linux" {
				require.Len(t, errs, n-1, "each but the first, whose answer it is")
			}
			for _, list := range errs {
				require.Len(t, list, 1)
				require.ErrorIs(t, list[0], syscall.ECONNREFUSED)
			}
			// The last one's answer has come, or comes: to whoever asks first.
			if network == "udp4" {
				_, _, err = c.Std().ReadFrom(make([]byte, 1))
			} else {
				err = run(p, func(cx *task.Cx) error {
					_, err := c.ReadBatch(cx, []reactor.Message{{Buf: make([]byte, 1)}})
					return err
				})
			}
			require.ErrorIs(t, err, syscall.ECONNREFUSED)
		})
	}
}

// A datagram that cannot be sent is told of by itself, wherever it is in its batch, and the
// others are sent.
func TestBatchWithBad(t *testing.T) {
	p := open(t, 1)
	dir := t.TempDir()
	udp := packets(t, p, "udp4", "127.0.0.1:0")
	un := packets(t, p, "unixgram", filepath.Join(dir, "s"))
	toUDP, err := reactor.PeerOf(udp.LocalAddr())
	require.NoError(t, err)
	toUnix, err := reactor.PeerOf(un.LocalAddr())
	require.NoError(t, err)
	huge := make([]byte, 1<<20)
	r, err := p.Reactor()
	require.NoError(t, err)
	meek, err := r.ListenPacket(background, &net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		e := c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_BROADCAST, 0) })
		return errors.Join(e, err)
	}}, "udp4", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = meek.Close() })
	port := toUDP.Port()
	for name, at := range map[string]struct {
		from *reactor.PacketConn
		into *reactor.PacketConn
		to   reactor.Peer
		bad  reactor.Message
		want error
	}{
		"too long":            {packets(t, p, "udp4", "127.0.0.1:0"), udp, toUDP, reactor.Message{Buf: huge, Peer: toUDP}, syscall.EMSGSIZE},
		"too long, connected": {dialPacket(t, p, nil, "udp4", toUDP.String()), udp, reactor.Peer{}, reactor.Message{Buf: huge}, syscall.EMSGSIZE},
		"forbidden": {
			meek, udp, toUDP,
			reactor.Message{Peer: reactor.Peer{AddrPort: netip.AddrPortFrom(netip.MustParseAddr("255.255.255.255"), port)}}, syscall.EACCES,
		},
		"another family": {
			packets(t, p, "udp4", "127.0.0.1:0"), udp, toUDP,
			reactor.Message{Peer: reactor.Peer{AddrPort: netip.AddrPortFrom(netip.IPv6Loopback(), port)}}, os.ErrInvalid,
		},
		"nobody there": {
			packets(t, p, "unixgram", filepath.Join(dir, "t")), un, toUnix,
			reactor.Message{Peer: reactor.Peer{Path: filepath.Join(dir, "nobody")}}, syscall.ENOENT,
		},
		"a path that is too long": {
			packets(t, p, "unixgram", filepath.Join(dir, "u")), un, toUnix,
			reactor.Message{Peer: reactor.Peer{Path: string(make([]byte, 109))}}, syscall.EINVAL,
		},
	} {
		t.Run(name, func(t *testing.T) {
			for bad := range 5 {
				ms := messages(5, at.to)
				ms[bad] = at.bad
				sent, errs := sendAll(t, p, at.from, ms)
				require.Equal(t, 4, sent)
				require.Len(t, errs, 1)
				require.Len(t, errs[bad], 1)
				require.ErrorIs(t, errs[bad][0], at.want)
				got := make([]reactor.Message, 5)
				for i := range got {
					got[i].Buf = make([]byte, 1)
				}
				all := 0
				require.NoError(t, run(p, func(cx *task.Cx) error {
					for all < 4 {
						n, err := at.into.ReadBatch(cx, got[all:])
						if err != nil {
							return err
						}
						all += n
					}
					return nil
				}))
				for i, m := range got[:4] {
					want := byte(i)
					if i >= bad {
						want++
					}
					require.Equal(t, want, m.Buf[0])
				}
			}
		})
	}
}

// A Unix socket's peer that has gone.
func TestBatchPeerGone(t *testing.T) {
	p := open(t, 1)
	path := filepath.Join(t.TempDir(), "s")
	there := packets(t, p, "unixgram", path)
	c := dialPacket(t, p, nil, "unixgram", path)
	sent, errs := sendAll(t, p, c, messages(3, reactor.Peer{}))
	require.Equal(t, 3, sent)
	require.Empty(t, errs)
	require.NoError(t, there.Close())
	require.ErrorIs(t, run(p, func(cx *task.Cx) error {
		_, err := c.WriteBatch(cx, messages(3, reactor.Peer{}))
		return err
	}), syscall.ECONNREFUSED)
}

// That a datagram cannot be sent is told to who has sent it, and not to who comes next.
func TestBatchWithBadAndOthers(t *testing.T) {
	p := open(t, 1)
	to := packets(t, p, "udp4", "127.0.0.1:0")
	c := dialPacket(t, p, nil, "udp4", to.LocalAddr().String())
	ms := messages(5, reactor.Peer{})
	ms[2].Buf = make([]byte, 1<<20)
	n := 0
	require.NoError(t, byTask(p, func(cx *task.Cx) (err error) { n, err = c.WriteBatch(cx, ms); return err }))
	require.Equal(t, 2, n)
	require.NoError(t, byTask(p, func(cx *task.Cx) error { return c.WriteTo(cx, []byte("x"), reactor.Peer{}) }))
	require.ErrorIs(t, byTask(p, func(cx *task.Cx) (err error) { n, err = c.WriteBatch(cx, ms[2:]); return err }), syscall.EMSGSIZE)
}

// A batch of nothing does not wait, and is told of the end.
func TestBatchOfNothing(t *testing.T) {
	p := open(t, 1)
	c := packets(t, p, "udp4", "127.0.0.1:0")
	for name, op := range map[string]func(*task.Cx) error{
		"read":  func(cx *task.Cx) error { _, err := c.ReadBatch(cx, nil); return err },
		"write": func(cx *task.Cx) error { _, err := c.WriteBatch(cx, nil); return err },
	} {
		require.NoError(t, ends(t, name, func() error { return byTask(p, op) }))
		defer func() { require.ErrorIs(t, ends(t, name, func() error { return byTask(p, op) }), net.ErrClosed) }()
	}
	require.NoError(t, c.Close())
}
