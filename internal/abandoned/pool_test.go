//go:build unix

package abandoned_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
)

var poolTable = []entry{
	{
		op: "pool.Job.Do", lets: "a computation that has not begun is taken back; one that has is canceled, its result goes to Drop, and the next one begins when it has ended",
		mode: exact, alone: true, pooled: true,
		make:  computing((*pool.Job[int]).Do),
		inSim: jobs((*pool.Job[int]).Do),
	},
	{
		op: "pool.Job.Try", lets: "as `Job.Do`",
		mode: exact, alone: true, pooled: true,
		make:  computing((*pool.Job[int]).Try),
		inSim: jobs((*pool.Job[int]).Try),
	},
}

// computing is a job whose computations end when they are let, or canceled.
func computing(do func(*pool.Job[int], *task.Cx, func(pool.Scope) int) (int, error)) func(*world) *object {
	return func(w *world) *object {
		w.busy = true
		var j pool.Job[int]
		var open [3]atomic.Bool
		return &object{
			ask: func(cx *task.Cx, q int) (int, error) {
				return do(&j, cx, func(s pool.Scope) int {
					for s.Err() == nil {
						if open[q].Load() {
							return q
						}
						runtime.Gosched()
					}
					return -1
				})
			},
			let: func(q int) { open[q].Store(true) },
			stop: func() {
				for q := range open {
					open[q].Store(true)
				}
			},
		}
	}
}

// pair returns a connection of the pool, and its peer.
func pair(w *world) (*reactor.Conn, net.Conn) {
	w.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(w, err)
	defer l.Close()
	r, err := w.pool.Reactor()
	require.NoError(w, err)
	std, err := net.Dial("tcp", l.Addr().String())
	require.NoError(w, err)
	defer std.Close()
	require.NoError(w, std.(*net.TCPConn).SetWriteBuffer(small))
	c, err := r.Adopt(std.(*net.TCPConn))
	require.NoError(w, err)
	peer, err := l.Accept()
	require.NoError(w, err)
	require.NoError(w, peer.(*net.TCPConn).SetReadBuffer(small))
	w.Cleanup(func() { _ = c.Close(); _ = peer.Close() })
	return c, peer
}

// reads is a connection that is read from. Each let sends so many bytes, which come in order.
func reads(size int, read func(c *reactor.Conn, cx *task.Cx, q int) ([]byte, error)) func(*world) *object {
	return func(w *world) *object {
		c, peer := pair(w)
		var mu sync.Mutex // two tasks may ask, one after the other
		var came []byte
		next := byte(0)
		send := func(n int) {
			var b []byte
			for range n {
				next = (next + 1) % 10
				b = append(b, '0'+next)
			}
			if size == 1 {
				b = append(b, '\n')
			}
			if _, err := peer.Write(b); err != nil {
				panic(err)
			}
		}
		return &object{
			ask: func(cx *task.Cx, q int) (int, error) {
				mu.Lock()
				defer mu.Unlock()
				b, err := read(c, cx, q)
				if err != nil {
					return 0, err
				}
				for _, x := range b {
					if x == '\n' {
						continue
					}
					if want := '0' + byte(len(came)+1)%10; x != want {
						return 0, fmt.Errorf("read %q behind %q", b, came)
					}
					came = append(came, x)
				}
				return 0, nil
			},
			let: func(int) { send(size) },
		}
	}
}

var reactorTable = []entry{
	{
		op: "reactor.Of", lets: noWait,
		prove: func(t *testing.T) {
			neverWaits(t, func(cx *task.Cx) error { _, err := reactor.Of(cx); return err })
		},
	},
	{
		op: "reactor.Conn.Read", lets: waitOver + ": what comes is the next reader's",
		mode: sticky, stays: true, alone: true, pooled: true,
		make: reads(2, func(c *reactor.Conn, cx *task.Cx, _ int) ([]byte, error) {
			b := make([]byte, 1)
			n, err := c.Read(cx, b)
			return b[:n], err
		}),
	},
	{
		op: "reactor.Conn.Next", lets: waitOver + ": what comes is the next reader's",
		mode: sticky, stays: true, alone: true, pooled: true,
		greedy: true,
		make:   reads(2, func(c *reactor.Conn, cx *task.Cx, _ int) ([]byte, error) { return c.Next(cx) }),
	},
	{
		op: "reactor.Conn.ReadUntil", lets: "what it has read is the next reader's, in order",
		mode: sticky, stays: true, alone: true, pooled: true,
		make: func(w *world) *object {
			return reads(1, func(c *reactor.Conn, cx *task.Cx, _ int) ([]byte, error) { return c.ReadUntil(cx, '\n', 100) })(w)
		},
	},
	{
		op: "reactor.Conn.ReadFull", lets: "what it has read is the next reader's, in order",
		mode: sticky, stays: true, alone: true, halves: true, pooled: true,
		make: func(w *world) *object {
			var bs [3][4]byte
			half := reads(2, func(c *reactor.Conn, cx *task.Cx, q int) ([]byte, error) {
				return bs[q][:], c.ReadFull(cx, bs[q][:])
			})(w)
			two := half.let
			half.let = func(int) { two(0); two(0) }
			half.half = func() { two(0) }
			return half
		},
	},
	{
		op: "reactor.Conn.Write", lets: "if a part was sent the connection is torn: nothing goes out behind it, and all who write get an error; if nothing was, nothing will be",
		prove: func(t *testing.T) {
			proveWrite(t, func(c *reactor.Conn, cx *task.Cx, b []byte) error { return c.Write(cx, b) })
		},
	},
	{
		op: "reactor.Conn.Writev", lets: "as `Conn.Write`",
		prove: func(t *testing.T) {
			proveWrite(t, func(c *reactor.Conn, cx *task.Cx, b []byte) error {
				return c.Writev(cx, b[:100], b[100:])
			})
		},
	},
	{
		op: "reactor.Conn.Flush", lets: waitOver + ": what was posted goes on its way",
		mode: sticky, stays: true, pooled: true,
		make: func(w *world) *object {
			c, peer := pair(w)
			c.SetWriteLimit(1<<30, 0)
			require.NoError(w, c.Post(make([]byte, large)))
			ending := make(chan struct{})
			began := false
			return &object{
				ask: constant(c.Flush),
				let: func(int) {
					if !began {
						began = true
						go func() { defer close(ending); _, _ = io.Copy(io.Discard, peer) }()
					}
				},
				stop: func() {
					_ = c.Close()
					_ = peer.Close()
					if began {
						<-ending
					}
				},
			}
		},
	},
	{
		op: "reactor.Conn.Hangup", lets: "called again it goes on; the connection is closed by whoever sees its end",
		mode: sticky, stays: true, single: true, ended: true, alone: true, pooled: true,
		make: func(w *world) *object {
			c, peer := pair(w)
			c.SetWriteLimit(1<<20, 0)
			return &object{ask: constant(c.Hangup), let: func(int) { _ = peer.Close() }}
		},
	},
	{
		op: "reactor.Listener.Accept", lets: waitOver + ": the connection is the next one's who accepts",
		mode: sticky, stays: true, alone: true, pooled: true,
		make: func(w *world) *object {
			l, err := w.pool.Listen("tcp", "127.0.0.1:0")
			require.NoError(w, err)
			return &object{
				ask: func(cx *task.Cx, _ int) (int, error) {
					c, err := l.Accept(cx)
					if err == nil {
						_ = c.Close()
					}
					return 0, err
				},
				let: func(int) {
					if c, err := net.Dial("tcp", l.Addr().String()); err == nil {
						w.Cleanup(func() { _ = c.Close() })
					}
				},
				stop: func() { _ = l.Close() },
			}
		},
	},
	{
		op: "reactor.Serve", lets: waitOver + ": the connections' tasks go on, and are the task's; called again it goes on accepting",
		mode: sticky, stays: true, single: true, alone: true, pooled: true, bound: true,
		make: func(w *world) *object {
			l, err := w.pool.Listen("tcp", "127.0.0.1:0")
			require.NoError(w, err)
			return &object{
				ask: constant(func(cx *task.Cx) error {
					return reactor.Serve(cx, l, func(c *reactor.Conn) task.Task { panic("nobody comes") })
				}),
				let: func(int) { _ = l.Close() },
			}
		},
	},
	{
		op: "reactor.Dialer.Dial", lets: "the dialing is canceled, and a connection that it makes all the same is closed; the next begins at once",
		mode: exact, alone: true, pooled: true,
		make: func(w *world) *object {
			g := newGates()
			var ls [3]net.Listener
			at := map[string]int{}
			for i := range ls {
				var err error
				ls[i], err = net.Listen("tcp", "127.0.0.1:0")
				require.NoError(w, err)
				at[ls[i].Addr().String()] = i
			}
			var d reactor.Dialer
			d.Net.ControlContext = func(ctx context.Context, _, address string, _ syscall.RawConn) error {
				select {
				case <-g.open[at[address]]:
					return nil
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			}
			return &object{
				ask: func(cx *task.Cx, q int) (int, error) {
					c, err := d.Dial(cx, "tcp", ls[q].Addr().String())
					if err != nil {
						return 0, err
					}
					defer c.Close()
					return at[c.RemoteAddr().String()], nil
				},
				let: g.let,
				stop: func() {
					g.all()
					for _, l := range ls {
						_ = l.Close()
					}
				},
			}
		},
	},
	{
		op: "reactor.Source.Do", lets: waitOver + ": the call has not been made, and the next one's is",
		mode: sticky, stays: true, alone: true, pooled: true,
		make: piped(2, func(s *reactor.Source, cx *task.Cx) (int, error) {
			var b [1]byte
			return s.Do(cx, reactor.Read, func(fd int) (int, error) { return syscall.Read(fd, b[:]) })
		}),
	},
	{
		op: "reactor.Source.Wait", lets: waitOver,
		mode: sticky, stays: true, pooled: true,
		make: piped(1, func(s *reactor.Source, cx *task.Cx) (int, error) { return 0, s.Wait(cx, reactor.Read) }),
	},
	{
		op: "reactor.PacketConn.ReadFrom", lets: waitOver + ": the datagram is the next reader's",
		mode: flow, stays: true, alone: true, pooled: true,
		make: packets(func(p *reactor.PacketConn, cx *task.Cx, b []byte) error {
			_, _, err := p.ReadFrom(cx, b)
			return err
		}),
	},
	{
		op: "reactor.PacketConn.ReadBatch", lets: waitOver + ": the datagrams are the next reader's",
		mode: flow, stays: true, alone: true, pooled: true,
		make: packets(func(p *reactor.PacketConn, cx *task.Cx, b []byte) error {
			_, err := p.ReadBatch(cx, []reactor.Message{{Buf: b}})
			return err
		}),
	},
	{
		op: "reactor.PacketConn.WriteTo", lets: waitOver + ": the datagram is not sent",
		mode: exact, stays: true, alone: true, pooled: true,
		make: packed(func(p *reactor.PacketConn, cx *task.Cx, b []byte) error {
			return p.WriteTo(cx, b, reactor.Peer{})
		}),
	},
	{
		op: "reactor.PacketConn.WriteBatch", lets: waitOver + ": none of the datagrams is sent",
		mode: exact, stays: true, alone: true, pooled: true,
		make: packed(func(p *reactor.PacketConn, cx *task.Cx, b []byte) error {
			_, err := p.WriteBatch(cx, []reactor.Message{{Buf: b}})
			return err
		}),
	},
}

// piped is a pipe that is read from. Each let writes so many bytes.
func piped(size int, read func(s *reactor.Source, cx *task.Cx) (int, error)) func(*world) *object {
	return func(w *world) *object {
		var ends [2]int
		require.NoError(w, syscall.Pipe(ends[:]))
		require.NoError(w, syscall.SetNonblock(ends[0], true))
		r, err := w.pool.Reactor()
		require.NoError(w, err)
		s, err := r.NewSource(ends[0])
		require.NoError(w, err)
		return &object{
			ask: func(cx *task.Cx, _ int) (int, error) { _, err := read(s, cx); return 0, err },
			let: func(int) {
				if _, err := syscall.Write(ends[1], make([]byte, size)); err != nil {
					panic(err)
				}
			},
			stop: func() { _ = s.Close(); _ = syscall.Close(ends[1]) },
		}
	}
}

// packets is a socket that datagrams come to.
func packets(read func(p *reactor.PacketConn, cx *task.Cx, b []byte) error) func(*world) *object {
	return func(w *world) *object {
		r, err := w.pool.Reactor()
		require.NoError(w, err)
		p, err := r.ListenPacket(background, nil, "udp", "127.0.0.1:0")
		require.NoError(w, err)
		peer, err := net.Dial("udp", p.LocalAddr().String())
		require.NoError(w, err)
		return &object{
			ask: func(cx *task.Cx, _ int) (int, error) {
				b := make([]byte, 8)
				err := read(p, cx, b)
				return int(b[0]), err
			},
			let:  func(q int) { _, _ = peer.Write([]byte{byte(q)}) },
			stop: func() { _ = p.Close(); _ = peer.Close() },
		}
	}
}

// raw calls f with a descriptor, which does not block.
func raw(w *world, c syscall.Conn, f func(fd int)) {
	r, err := c.SyscallConn()
	require.NoError(w, err)
	require.NoError(w, r.Control(func(fd uintptr) { f(int(fd)) }))
}

// packed is a socket whose peer has no room for datagrams.
func packed(write func(p *reactor.PacketConn, cx *task.Cx, b []byte) error) func(*world) *object {
	return func(w *world) *object {
		r, err := w.pool.Reactor()
		require.NoError(w, err)
		name := filepath.Join(w.TempDir(), "s")
		to := &net.UnixAddr{Name: name, Net: "unixgram"}
		peer, err := net.ListenUnixgram("unixgram", to)
		require.NoError(w, err)
		var others []net.Conn
		for range 8 { // one alone may not send so much
			other, err := net.DialUnix("unixgram", nil, to)
			require.NoError(w, err)
			others = append(others, other)
			raw(w, other, func(fd int) {
				for err == nil {
					_, err = syscall.Write(fd, []byte{255})
				}
			})
		}
		p, err := r.DialPacket(background, nil, "unixgram", name)
		require.NoError(w, err)
		var sent, came [3]int
		take := func() (more bool) {
			raw(w, peer, func(fd int) {
				var b [8]byte
				n, err := syscall.Read(fd, b[:])
				if more = err == nil; more && n == 1 && b[0] != 255 {
					came[b[0]]++
				}
			})
			return more
		}
		return &object{
			ask: func(cx *task.Cx, q int) (int, error) {
				err := write(p, cx, []byte{byte(q)})
				if err == nil {
					sent[q]++
				}
				return q, err
			},
			let: func(int) { take() },
			free: func(t *testing.T) {
				for take() { //nolint:revive // all of it
				}
				require.Equal(t, sent, came)
			},
			stop: func() {
				_ = p.Close()
				_ = peer.Close()
				for _, other := range others {
					_ = other.Close()
				}
			},
		}
	}
}

// small is how much the kernel is asked to take without a reader, and large is more than it
// takes.
const (
	small = 16 << 10
	large = 8 << 20
)

func buffer(q int) []byte { return bytes.Repeat([]byte{'a' + byte(q)}, large) }

// proveWrite: what was half sent when it was given up is a tear.
func proveWrite(t *testing.T, write func(c *reactor.Conn, cx *task.Cx, b []byte) error) {
	p, clock := openPool(t)
	bufs := [2][]byte{buffer(0), buffer(1)}
	// all is what the peer gets, as runs of the same byte, after the connection was closed.
	all := func(w *world, c *reactor.Conn, peer net.Conn) (runs []byte, total int) {
		require.NoError(w, c.Close())
		b, err := io.ReadAll(peer)
		if err != nil && !errors.Is(err, syscall.ECONNRESET) {
			require.NoError(w, err)
		}
		for _, x := range b {
			if len(runs) == 0 || runs[len(runs)-1] != x {
				runs = append(runs, x)
			}
		}
		return runs, len(b)
	}
	made := func(w *world) (*object, *reactor.Conn, net.Conn) {
		c, peer := pair(w)
		return &object{ask: func(cx *task.Cx, q int) (int, error) { return q, write(c, cx, bufs[q]) }}, c, peer
	}
	torn := func(w *world, a *actor, o *object, c *reactor.Conn, peer net.Conn) {
		a.tell(nil, func(cx *task.Cx) error { _, err := o.ask(cx, 1); return err })
		require.Error(w, a.result("a write behind a tear"), "it was not sent")
		a.leave()
		runs, _ := all(w, c, peer)
		require.Equal(w, "a", string(runs), "something has gone out behind the tear")
	}
	for way, lost := range lose {
		for _, who := range []string{"itself", "another"} {
			t.Run(way+"/"+who, func(t *testing.T) {
				w := &world{T: t, pool: p, clock: clock}
				o, c, peer := made(w)
				a := w.actor()
				lost(a, o, nothing)
				if who == "another" {
					a.leave()
					a = w.actor()
				}
				torn(w, a, o, c, peer)
			})
		}
	}
	for way, end := range ends {
		t.Run(way, func(t *testing.T) {
			w := &world{T: t, pool: p, clock: clock}
			o, c, peer := made(w)
			a := w.actor()
			a.do("a write", o.zero)
			end(a, nothing)
			w.until("an actor's end", a.hasEnded)
			torn(w, w.actor(), o, c, peer)
		})
	}
	t.Run("two tasks", func(t *testing.T) {
		w := &world{T: t, pool: p, clock: clock}
		o, _, peer := made(w)
		var as [2]*actor
		for q := range as {
			a := w.actor()
			as[q] = a
			a.tell(nil, func(cx *task.Cx) error { _, err := o.ask(cx, q); return err })
			w.rest()
		}
		got := make(chan []byte)
		go func() {
			b := make([]byte, 2*large)
			n, _ := io.ReadFull(peer, b)
			got <- b[:n]
		}()
		require.NoError(t, as[0].result("the first"))
		require.NoError(t, as[1].result("the second"))
		require.True(t, bytes.Equal(append(buffer(0), buffer(1)...), <-got))
		as[0].leave()
		as[1].leave()
	})
}
