//go:build unix

package reactor_test

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
)

// packets returns a socket for datagrams on p's reactor.
func packets(t testing.TB, p *pool.Pool, network, address string) *reactor.PacketConn {
	t.Helper()
	r, err := p.Reactor()
	require.NoError(t, err)
	c, err := r.ListenPacket(background, nil, network, address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// mirror sends every datagram back, in batches.
type mirror struct {
	task.Frame
	conn *reactor.PacketConn
	room [16][2048]byte
	ms   [16]reactor.Message
	n    int // messages that came
	done int // of these, how many were sent back
}

func (m *mirror) Poll(cx *task.Cx) error {
	for {
		for m.done < m.n {
			k, err := m.conn.WriteBatch(cx, m.ms[m.done:m.n])
			if err != nil {
				return err
			}
			m.done += k
		}
		for i := range m.ms {
			m.ms[i].Buf = m.room[i][:]
		}
		n, err := m.conn.ReadBatch(cx, m.ms[:])
		if err != nil {
			return err
		}
		for i := range m.ms[:n] {
			m.ms[i].Buf = m.room[i][:m.ms[i].N]
		}
		m.n, m.done = n, 0
	}
}

// What is sent comes back, from whom it was sent to, whole, for all kinds of sockets.
func TestPackets(t *testing.T) {
	dir := t.TempDir()
	for name, at := range map[string][3]string{
		"udp4":     {"udp4", "127.0.0.1:0", "127.0.0.1:0"},
		"udp6":     {"udp6", "[::1]:0", "[::1]:0"},
		"unixgram": {"unixgram", filepath.Join(dir, "a"), filepath.Join(dir, "b")},
	} {
		t.Run(name, func(t *testing.T) {
			p := open(t, 2)
			if name == "udp6" {
				if c, err := net.ListenPacket("udp6", "[::1]:0"); err != nil {
					t.Skip("no IPv6 here: ", err)
				} else {
					_ = c.Close()
				}
			}
			far, near := packets(t, p, at[0], at[1]), packets(t, p, at[0], at[2])
			to, err := reactor.PeerOf(far.LocalAddr())
			require.NoError(t, err)
			m := &mirror{conn: far}
			p.Go(m)
			const rounds = 500
			i, sent := 0, false
			var buf [2048]byte
			require.NoError(t, run(p, func(cx *task.Cx) error {
				for i < rounds {
					want := fmt.Appendf(nil, "%d%*s", i, i, "")
					if !sent {
						if err := near.WriteTo(cx, want, to); err != nil {
							return err
						}
						sent = true
					}
					n, from, err := near.ReadFrom(cx, buf[:])
					if err != nil {
						return err
					}
					require.Equal(t, string(want), string(buf[:n]))
					require.Equal(t, to, from)
					i, sent = i+1, false
				}
				return nil
			}))
			require.NoError(t, far.Close())
			require.ErrorIs(t, m.WaitContext(background), net.ErrClosed)
		})
	}
}

// A batch is what is there, in order.
func TestPacketBatch(t *testing.T) {
	p := open(t, 1)
	a, b := packets(t, p, "udp4", "127.0.0.1:0"), packets(t, p, "udp4", "127.0.0.1:0")
	to, err := reactor.PeerOf(b.LocalAddr())
	require.NoError(t, err)
	const n = 50
	var out, in [n]reactor.Message
	for i := range out {
		out[i] = reactor.Message{Buf: binary.BigEndian.AppendUint32(nil, uint32(i)), Peer: to}
		in[i].Buf = make([]byte, 4)
	}
	sent, got, batches := 0, 0, 0
	require.NoError(t, run(p, func(cx *task.Cx) error {
		for sent < n {
			k, err := a.WriteBatch(cx, out[sent:])
			if err != nil {
				return err
			}
			sent += k
		}
		for got < n {
			k, err := b.ReadBatch(cx, in[got:])
			if err != nil {
				return err
			}
			got += k
			batches++
		}
		return nil
	}))
	for i, m := range in {
		require.Equal(t, 4, m.N)
		require.EqualValues(t, i, binary.BigEndian.Uint32(m.Buf))
	}
	t.Logf("%d datagrams in %d batches", n, batches)
}

// What does not fit is cut off; nothing comes before the deadline; a wrong address is
// an error and sends nothing; a socket that is connected has the zero Peer.
func TestPacketEdges(t *testing.T) {
	p := open(t, 1)
	c := packets(t, p, "udp4", "127.0.0.1:0")
	to, err := reactor.PeerOf(c.LocalAddr())
	require.NoError(t, err)
	r, err := p.Reactor()
	require.NoError(t, err)
	d, err := r.DialPacket(background, nil, "udp4", c.LocalAddr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = d.Close() })

	stage := 0
	var buf [3]byte
	require.NoError(t, run(p, func(cx *task.Cx) error {
		if stage == 0 {
			require.NoError(t, d.WriteTo(cx, []byte("long"), reactor.Peer{}))
			require.NoError(t, c.WriteTo(cx, nil, to), "an empty one is one, too")
			stage = 1
		}
		if stage == 1 {
			n, from, err := c.ReadFrom(cx, buf[:])
			if err != nil {
				return err
			}
			require.Equal(t, "lon", string(buf[:n]))
			require.Equal(t, d.LocalAddr().String(), from.String())
			stage = 2
		}
		if stage == 2 {
			n, _, err := c.ReadFrom(cx, buf[:])
			if err != nil {
				return err
			}
			require.Zero(t, n)
			require.Error(t, c.WriteTo(cx, []byte("x"), reactor.Peer{AddrPort: netip.MustParseAddrPort("[2001:db8::1]:1")}))
			require.NoError(t, c.SetReadDeadline(time.Now().Add(time.Millisecond)))
			stage = 3
		}
		_, _, err := c.ReadFrom(cx, buf[:])
		if task.IsPending(err) {
			return err
		}
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		return nil
	}))
	_, err = r.ListenPacket(background, nil, "tcp", "127.0.0.1:0")
	require.Error(t, err)
}

// Goroutines use it as package net's.
func TestStdPacket(t *testing.T) {
	p := open(t, 1)
	a, b := packets(t, p, "udp4", "127.0.0.1:0").Std(), packets(t, p, "udp4", "127.0.0.1:0").Std()
	done := make(chan error, 1)
	go func() {
		buf := make([]byte, 100)
		n, from, err := b.ReadFrom(buf)
		if err == nil {
			_, err = b.WriteTo(buf[:n], from)
		}
		done <- err
	}()
	_, err := a.WriteTo([]byte("hello"), b.LocalAddr())
	require.NoError(t, err)
	buf := make([]byte, 100)
	n, from, err := a.ReadFrom(buf)
	require.NoError(t, err)
	require.NoError(t, <-done)
	require.Equal(t, "hello", string(buf[:n]))
	require.Equal(t, b.LocalAddr().String(), from.String())
	require.NoError(t, a.Close())
	_, _, err = a.ReadFrom(buf)
	require.ErrorIs(t, err, net.ErrClosed)
}
