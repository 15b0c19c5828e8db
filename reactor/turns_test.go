//go:build unix

package reactor_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/combine"
)

// What was read of a message that is not whole is the next reader's, in order, in whatever way
// the one before has given up.
func TestHalfRead(t *testing.T) {
	halves := map[string]func(*reactor.Conn, *task.Cx) error{
		"ReadFull":  func(c *reactor.Conn, cx *task.Cx) error { return c.ReadFull(cx, make([]byte, 8)) },
		"ReadUntil": func(c *reactor.Conn, cx *task.Cx) error { _, err := c.ReadUntil(cx, '\n', 100); return err },
	}
	full := func(n int) func(*reactor.Conn, *task.Cx) (string, error) {
		b := make([]byte, n)
		return func(c *reactor.Conn, cx *task.Cx) (string, error) {
			err := c.ReadFull(cx, b)
			return string(b), err
		}
	}
	nexts := map[string]struct {
		want string
		read func(*reactor.Conn, *task.Cx) (string, error)
	}{
		"ReadFull of less":    {"a", full(1)},
		"ReadFull of as much": {"ab", full(2)},
		"ReadFull of more":    {"abcde", full(5)},
		"ReadUntil": {"abcdef\n", func(c *reactor.Conn, cx *task.Cx) (string, error) {
			b, err := c.ReadUntil(cx, '\n', 100)
			return string(b), err
		}},
		"ReadUntil another": {"abc", func(c *reactor.Conn, cx *task.Cx) (string, error) {
			b, err := c.ReadUntil(cx, 'c', 100)
			return string(b), err
		}},
		"Next": {"ab", func(c *reactor.Conn, cx *task.Cx) (string, error) { b, err := c.Next(cx); return string(b), err }},
		"Read": {"a", func(c *reactor.Conn, cx *task.Cx) (string, error) {
			var b [1]byte
			n, err := c.Read(cx, b[:])
			return string(b[:n]), err
		}},
		"Std": {"ab", nil},
	}
	for how, lose := range all(losers, enders) {
		for half, op := range halves {
			for next, then := range nexts {
				t.Run(how+", "+half+", "+next, func(t *testing.T) {
					p := open(t, 2)
					c, peer := pair(t, p)
					_, err := peer.Write([]byte("ab"))
					require.NoError(t, err)
					end := lose(t, p, func(cx *task.Cx) error { return op(c, cx) })
					got := "ab"
					if then.read == nil {
						b := make([]byte, 10)
						n, err := c.Std().Read(b)
						require.NoError(t, err)
						require.Equal(t, "ab", string(b[:n]))
					} else {
						if len(then.want) > 2 {
							_, err = peer.Write([]byte("cdef\n"))
							require.NoError(t, err)
						}
						require.NoError(t, byTask(p, func(cx *task.Cx) (err error) {
							got, err = then.read(c, cx)
							return err
						}))
						require.Equal(t, then.want, got)
					}
					if len(then.want) <= 2 {
						_, err = peer.Write([]byte("cdef\n"))
						require.NoError(t, err)
					}
					rest := make([]byte, 7-len(got))
					require.NoError(t, byTask(p, func(cx *task.Cx) error { return c.ReadFull(cx, rest) }))
					require.Equal(t, "abcdef\n", got+string(rest))
					end()
				})
			}
		}
	}
}

// An error, a deadline or the end in the middle loses nothing of what came before.
func TestErrorsInTheMiddle(t *testing.T) {
	p := open(t, 1)
	c, peer := pair(t, p)
	b := make([]byte, 8)
	full := func(n int) error { return byTask(p, func(cx *task.Cx) error { return c.ReadFull(cx, b[:n]) }) }
	_, err := peer.Write([]byte("abc"))
	require.NoError(t, err)
	require.NoError(t, c.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
	require.ErrorContains(t, full(8), "timeout")
	require.NoError(t, c.SetReadDeadline(time.Time{}))
	require.NoError(t, full(1))
	require.Equal(t, "a", string(b[:1]))
	_, err = peer.Write([]byte("d"))
	require.NoError(t, err)
	require.NoError(t, peer.CloseWrite())
	for range 2 {
		require.ErrorIs(t, full(8), io.ErrUnexpectedEOF)
		_, err := until(t, p, c, '\n', 100)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	}
	require.NoError(t, full(3))
	require.Equal(t, "bcd", string(b[:3]))
	require.ErrorIs(t, full(1), io.EOF)
	require.NoError(t, full(0))
}

// A ReadFull in many pieces, of a message that is longer than what comes at once.
func TestReadFullInPieces(t *testing.T) {
	p := open(t, 1)
	c, peer := pair(t, p)
	want := make([]byte, 1<<20)
	for i := range want {
		want[i] = byte(i >> 4)
	}
	go func() {
		for rest := want; len(rest) > 0; {
			n := min(len(rest), 7001)
			_, _ = peer.Write(rest[:n])
			rest = rest[n:]
		}
	}()
	got := make([]byte, len(want))
	require.NoError(t, byTask(p, func(cx *task.Cx) error { return c.ReadFull(cx, got) }))
	require.True(t, bytes.Equal(want, got))
}

// polled counts how often the pool polls while nothing happens.
func polled(t *testing.T, p *pool.Pool) {
	t.Helper()
	waits(t, p)
	before := p.Stats().Polls
	<-time.After(50 * time.Millisecond) // in which those who wake each other poll 10,000 times
	require.LessOrEqual(t, p.Stats().Polls, before+40)
	waits(t, p)
}

// Several tasks that wait for the same thing do so without being polled, and each gets its
// share.
func TestTurns(t *testing.T) {
	const n = 4
	// begin starts n tasks in op.
	begin := func(t *testing.T, p *pool.Pool, op func(*task.Cx) error) *task.Group {
		g := &task.Group{Failed: func(_ task.Task, err error) error { return err }}
		for range n {
			g.Go(p, task.Func(op))
		}
		polled(t, p)
		return g
	}
	t.Run("Accept", func(t *testing.T) {
		p := open(t, 2)
		l, err := p.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		var accepted atomic.Int64
		g := begin(t, p, func(cx *task.Cx) error {
			c, err := l.Accept(cx)
			if err != nil {
				return err
			}
			accepted.Add(1)
			return c.Close()
		})
		for range n {
			c, err := net.Dial("tcp", l.Addr().String())
			require.NoError(t, err)
			defer c.Close()
			polled(t, p)
		}
		require.NoError(t, g.WaitContext(patient(t)))
		require.EqualValues(t, n, accepted.Load())
		g = begin(t, p, func(cx *task.Cx) error { _, err := l.Accept(cx); return err })
		require.NoError(t, l.Close())
		require.ErrorIs(t, g.WaitContext(patient(t)), net.ErrClosed)
	})
	t.Run("ReadFrom", func(t *testing.T) {
		p := open(t, 2)
		u, out := packets(t, p, "udp4", "127.0.0.1:0"), packets(t, p, "udp4", "127.0.0.1:0")
		to, err := reactor.PeerOf(u.LocalAddr())
		require.NoError(t, err)
		var sum atomic.Int64
		g := begin(t, p, func(cx *task.Cx) error {
			b := make([]byte, 1)
			k, _, err := u.ReadFrom(cx, b)
			if err == nil {
				sum.Add(int64(b[0]) * int64(k))
			}
			return err
		})
		for i := range n {
			require.NoError(t, byTask(p, func(cx *task.Cx) error { return out.WriteTo(cx, []byte{1 << i}, to) }))
		}
		require.NoError(t, g.WaitContext(patient(t)))
		require.EqualValues(t, 1<<n-1, sum.Load(), "each datagram is one's")
	})
	for name, read := range map[string]func(*reactor.Conn, *task.Cx) (string, error){
		"ReadFull": func(c *reactor.Conn, cx *task.Cx) (string, error) {
			b := make([]byte, 4)
			err := c.ReadFull(cx, b)
			return string(b), err
		},
		"ReadUntil": func(c *reactor.Conn, cx *task.Cx) (string, error) {
			b, err := c.ReadUntil(cx, '\n', 100)
			return string(b), err
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := open(t, 2)
			c, peer := pair(t, p)
			got := make(chan string, n)
			g := begin(t, p, func(cx *task.Cx) error {
				s, err := read(c, cx)
				if err == nil {
					got <- s
				}
				return err
			})
			for i := range n {
				for _, part := range []string{fmt.Sprint(i, i), "#\n"} {
					_, err := peer.Write([]byte(part)[:len(part)-1])
					require.NoError(t, err)
					_, err = peer.Write([]byte(part)[len(part)-1:])
					require.NoError(t, err)
				}
			}
			_ = peer.CloseWrite()
			err := g.WaitContext(patient(t))
			all := ""
			for range len(got) {
				all += <-got
			}
			if name == "ReadUntil" {
				require.NoError(t, err)
				require.Len(t, all, n*5)
			} else { // 20 bytes: four messages of 4, and some are left
				require.NoError(t, err)
				require.Len(t, all, n*4)
			}
		})
	}
	for name, op := range map[string]func(*reactor.Conn, *task.Cx) error{
		"Write":  func(c *reactor.Conn, cx *task.Cx) error { return c.Write(cx, []byte("written")) },
		"Writev": func(c *reactor.Conn, cx *task.Cx) error { return c.Writev(cx, []byte("writ"), []byte("ten")) },
		"Flush":  (*reactor.Conn).Flush,
		"Hangup": (*reactor.Conn).Hangup,
	} {
		t.Run(name, func(t *testing.T) {
			p := open(t, 2)
			c, peer := stuffed(t, p)
			require.NoError(t, c.Post([]byte("posted")))
			g := begin(t, p, func(cx *task.Cx) error {
				if err := op(c, cx); err != net.ErrClosed && err != reactor.ErrClosed {
					return err
				}
				return nil // the other Hangup was faster
			})
			go func() { _, _ = io.Copy(io.Discard, peer); _ = peer.Close() }()
			if name == "Hangup" {
				require.NoError(t, g.WaitContext(patient(t)))
				return
			}
			require.NoError(t, g.WaitContext(patient(t)))
			polled(t, p)
		})
	}
}

// Many tasks on several workers accept, and read datagrams: all of them are served, and none
// twice.
func TestTurnsUnderLoad(t *testing.T) {
	const conns, tasks = 200, 8
	p := open(t, 4)
	l, err := p.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var accepted atomic.Int64
	var g task.Group
	for range tasks {
		g.Go(p, task.Func(func(cx *task.Cx) error {
			for {
				c, err := l.Accept(cx)
				if err == reactor.ErrClosed {
					return nil
				}
				if err != nil {
					return err
				}
				accepted.Add(1)
				_ = c.Close()
			}
		}))
	}
	for range conns {
		c, err := net.Dial("tcp", l.Addr().String())
		require.NoError(t, err)
		_ = c.Close()
	}
	require.Eventually(t, func() bool { return accepted.Load() == conns }, 20*time.Second, time.Millisecond)
	require.NoError(t, l.Close())
	require.NoError(t, g.WaitContext(patient(t)))
}

// A task and goroutines read the same connection: no byte is lost, and nobody spins.
func TestReadByTaskAndGoroutine(t *testing.T) {
	p := open(t, 2)
	c, peer := pair(t, p)
	const size = 1 << 18
	var got atomic.Int64
	h := task.Go(p, func(cx *task.Cx) (int, error) {
		for {
			b, err := c.Next(cx)
			if err == io.EOF {
				return 0, nil
			}
			if err != nil {
				return 0, err
			}
			got.Add(int64(len(b)))
		}
	})
	done := make(chan error, 1)
	go func() {
		n, err := io.Copy(io.Discard, struct{ io.Reader }{c.Std()})
		got.Add(n)
		done <- err
	}()
	polled(t, p)
	for range 64 {
		_, err := peer.Write(make([]byte, size/64))
		require.NoError(t, err)
	}
	require.NoError(t, peer.CloseWrite())
	require.NoError(t, ends(t, "Std", func() error { return <-done }))
	_, err := h.WaitContext(patient(t))
	require.NoError(t, err)
	require.EqualValues(t, size, got.Load())
}

// Serve is a wait: to lose ends nothing, and no connection is lost meanwhile.
func TestServeInASelect(t *testing.T) {
	p := open(t, 2)
	l, err := p.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	const reloads = 20
	var reload [reloads]task.Promise[int]
	var sel combine.Select
	seen := 0
	h := task.Go(p, func(cx *task.Cx) (int, error) {
		for {
			i, err := sel.Wait(cx,
				func(cx *task.Cx) error {
					return reactor.Serve(cx, l, func(c *reactor.Conn) task.Task { return &echo{conn: c} })
				},
				func(cx *task.Cx) error {
					if seen == reloads {
						return cx.Suspend() // Serve will wake it
					}
					_, err := reload[seen].Wait(cx)
					return err
				})
			if err != nil || i == 0 {
				return seen, err
			}
			seen++
		}
	})
	var conns []net.Conn
	for i := range reloads {
		c, err := net.Dial("tcp", l.Addr().String())
		require.NoError(t, err)
		defer c.Close()
		conns = append(conns, c)
		reload[i].Resolve(1, nil) // it may be accepted before, or after
	}
	for _, c := range conns {
		exchange(t, c, []byte("hello"))
		require.NoError(t, c.Close())
	}
	require.NoError(t, l.Close())
	n, err := h.WaitContext(patient(t))
	require.NoError(t, err)
	require.Equal(t, reloads, n)
}

// One task serves a listener. When it has ended, in whatever way, another one may.
func TestServeTwice(t *testing.T) {
	for how, lose := range all(losers, enders) {
		t.Run(how, func(t *testing.T) {
			p := open(t, 2)
			l, err := p.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			serves := func(cx *task.Cx) error {
				return reactor.Serve(cx, l, func(c *reactor.Conn) task.Task { return &echo{conn: c} })
			}
			end := lose(t, p, serves)
			_, lives := losers[how]
			if lives {
				require.ErrorContains(t, byTask(p, serves), "another task serves this listener")
			}
			end()
			h := task.Go(p, func(cx *task.Cx) (int, error) { return 0, serves(cx) })
			c, err := net.Dial("tcp", l.Addr().String())
			require.NoError(t, err)
			exchange(t, c, []byte("hello"))
			require.NoError(t, c.Close())
			require.NoError(t, l.Close())
			_, err = h.WaitContext(patient(t))
			require.NoError(t, err)
		})
	}
}

// Another task may serve when the first has ended with connections that were alive.
func TestServeAgain(t *testing.T) {
	for how, lose := range enders {
		t.Run(how, func(t *testing.T) {
			p := open(t, 2)
			l, err := p.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			serves := func(cx *task.Cx) error {
				return reactor.Serve(cx, l, func(c *reactor.Conn) task.Task { return &echo{conn: c} })
			}
			d, err := net.Dial("tcp", l.Addr().String())
			require.NoError(t, err)
			defer d.Close()
			lose(t, p, serves)()
			h := task.Go(p, func(cx *task.Cx) (int, error) { return 0, serves(cx) })
			c, err := net.Dial("tcp", l.Addr().String())
			require.NoError(t, err)
			require.NoError(t, c.SetDeadline(time.Now().Add(20*time.Second)))
			exchange(t, c, []byte("hello"))
			require.NoError(t, c.Close())
			require.NoError(t, l.Close())
			_, err = h.WaitContext(patient(t))
			require.NoError(t, err)
		})
	}
}

// It is so, too, if the first was ended by a panic of a connection.
func TestServeAfterAPanic(t *testing.T) {
	p := open(t, 2)
	l, err := p.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l.Panicked = func(*task.PanicError) bool { return true }
	first := true
	serves := func(cx *task.Cx) error {
		return reactor.Serve(cx, l, func(c *reactor.Conn) task.Task {
			if first {
				first = false
				return &member{conn: c, do: func(*task.Cx, *reactor.Conn) error { panic(errBoom) }}
			}
			return &echo{conn: c}
		})
	}
	d, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer d.Close()
	require.Error(t, raised(func() error { return byTask(p, serves) }))
	h := task.Go(p, func(cx *task.Cx) (int, error) { return 0, serves(cx) })
	c, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	require.NoError(t, c.SetDeadline(time.Now().Add(20*time.Second)))
	exchange(t, c, []byte("hello"))
	require.NoError(t, c.Close())
	require.NoError(t, l.Close())
	_, err = h.WaitContext(patient(t))
	require.NoError(t, err)
}

// The tasks of connections that are canceled before their first poll, and have no Finish, leave no
// connection open.
func TestServeClosesTheUnpolled(t *testing.T) {
	p := open(t, 1)
	l, err := p.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var made atomic.Int64
	for range 20 {
		d, err := net.Dial("tcp", l.Addr().String())
		require.NoError(t, err)
		defer d.Close()
	}
	var g task.Group
	g.Go(p, task.Func(func(cx *task.Cx) error {
		return reactor.Serve(cx, l, func(c *reactor.Conn) task.Task {
			if made.Add(1) == 20 {
				g.Cancel(nil)
			}
			return task.Func(func(cx *task.Cx) error {
				err := drained(cx, c)
				if !task.IsPending(err) {
					_ = c.Close()
				}
				return err
			})
		})
	}))
	_ = g.WaitContext(patient(t))
	r, err := p.Reactor()
	require.NoError(t, err)
	require.Equal(t, 1, r.Used(), "the listener")
}

// Operations that keep nothing are given up without a trace: the next one gets what comes.
func TestGivenUp(t *testing.T) {
	for how, lose := range all(losers, enders) {
		t.Run(how, func(t *testing.T) {
			p := open(t, 2)
			l, err := p.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			end := lose(t, p, func(cx *task.Cx) error { _, err := l.Accept(cx); return err })
			client, err := net.Dial("tcp", l.Addr().String())
			require.NoError(t, err)
			defer client.Close()
			var c *reactor.Conn
			require.NoError(t, byTask(p, func(cx *task.Cx) (err error) { c, err = l.Accept(cx); return err }))
			end()

			var b [1]byte
			for _, read := range []func(*task.Cx) error{
				func(cx *task.Cx) error { _, err := c.Read(cx, b[:]); return err },
				func(cx *task.Cx) error { lent, err := c.Next(cx); copy(b[:], lent); return err },
			} {
				end = lose(t, p, read)
				_, err = client.Write([]byte("x"))
				require.NoError(t, err)
				b[0] = 0
				require.NoError(t, byTask(p, read))
				require.Equal(t, "x", string(b[:]))
				end()
			}

			u := packets(t, p, "udp4", "127.0.0.1:0")
			to, err := reactor.PeerOf(u.LocalAddr())
			require.NoError(t, err)
			from := func(cx *task.Cx) error { _, _, err := u.ReadFrom(cx, b[:]); return err }
			end = lose(t, p, from)
			require.NoError(t, byTask(p, func(cx *task.Cx) error { return u.WriteTo(cx, []byte("y"), to) }))
			require.NoError(t, byTask(p, from))
			require.Equal(t, "y", string(b[:]))
			end()

			require.NoError(t, c.Post([]byte("last")))
			end = lose(t, p, c.Hangup) // the end is said, and the peer has not answered
			if _, lives := losers[how]; lives || how == "ended" || how == "failed" || how == "panicked" {
				got, err := io.ReadAll(client)
				require.NoError(t, err)
				require.Equal(t, "last", string(got))
				require.NoError(t, client.Close())
				require.NoError(t, byTask(p, c.Hangup), "it goes on")
			}
			end()
			require.ErrorIs(t, c.Close(), net.ErrClosed)
		})
	}
}

// Nothing is allocated by what does not suspend.
func TestConnAllocations(t *testing.T) {
	if invariant.Enabled {
		t.Skip("which looks for mistakes")
	}
	p := open(t, 1)
	c, peer := pair(t, p)
	go func() { _, _ = io.Copy(peer, peer) }()
	b, head := make([]byte, 64), make([]byte, 8)
	n := 0
	const rounds = 200
	wrote := false
	require.NoError(t, byTask(p, func(cx *task.Cx) error {
		for ; n < rounds; n++ {
			if !wrote {
				if err := c.Writev(cx, head, b[:8]); err != nil {
					return err
				}
				wrote = true
			}
			if err := c.ReadFull(cx, b[:16]); err != nil {
				return err
			}
			wrote = false
		}
		return nil
	}))
	require.NoError(t, byTask(p, func(cx *task.Cx) error {
		require.Zero(t, testing.AllocsPerRun(20, func() {
			if err := c.Write(cx, b); err != nil {
				t.Error(err)
			}
		}))
		return nil
	}))
}

// A dial that is given up does not hold up the next, and what it makes all the same is closed;
// one that has not begun never does; and each counts against its class until it has ended.
func TestDialGivenUp(t *testing.T) {
	for how, lose := range all(losers, enders) {
		if how == "canceled" || how == "lost in a timeout" {
			continue // which waits for the dialing, or does not wait until it begins
		}
		t.Run(how, func(t *testing.T) {
			p := open(t, 2)
			_, err := p.Reactor()
			require.NoError(t, err)
			a, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			defer a.Close()
			b := serveEcho(t, p)
			class := &task.Limiter{Limit: 2}
			slow := make(chan bool)
			var begun, queued atomic.Int64
			d, other, never := reactor.Dialer{Limiter: class}, reactor.Dialer{Limiter: class}, reactor.Dialer{Limiter: class}
			d.Net.Control = func(_, address string, _ syscall.RawConn) error {
				if address == a.Addr().String() {
					begun.Add(1)
					<-slow
				}
				return nil
			}
			other.Net.Control = d.Net.Control
			never.Net.Control = func(string, string, syscall.RawConn) error { queued.Add(1); return nil }
			dial := func(d *reactor.Dialer, l net.Addr) func(cx *task.Cx) error {
				return func(cx *task.Cx) error {
					c, err := d.Dial(cx, "tcp", l.String())
					if err == nil {
						return c.Close()
					}
					return err
				}
			}
			one := task.Go(p, func(cx *task.Cx) (int, error) { return 0, dial(&other, a.Addr())(cx) })
			ended := make(chan func(), 1)
			go func() {
				ended <- lose(t, p, func(cx *task.Cx) error {
					err := dial(&d, a.Addr())(cx)
					for task.IsPending(err) && begun.Load() < 2 { // the pool is not idle before it has begun
						if err := cx.Yield(); err != nil {
							return err
						}
					}
					return err
				})
			}()
			require.Eventually(t, func() bool { return begun.Load() == 2 }, 10*time.Second, time.Millisecond)
			if _, lives := losers[how]; !lives {
				close(slow) // its end waits for it
				(<-ended)()
			} else {
				end := <-ended
				require.Equal(t, 2, class.Stats().Running, "it runs still")
				lose(t, p, dial(&never, b.Addr()))() // in the queue of the class
				require.Zero(t, class.Stats().Waiting)
				close(slow)
				end()
			}
			_, err = one.WaitContext(patient(t))
			require.NoError(t, err)
			require.NoError(t, byTask(p, dial(&d, b.Addr())))
			require.Zero(t, queued.Load(), "it has begun")
			require.Eventually(t, func() bool { return class.Stats().Running == 0 }, 10*time.Second, time.Millisecond)
			for range 2 { // both connections to a are closed, whoever has made them
				c, err := a.Accept()
				require.NoError(t, err)
				require.NoError(t, c.SetReadDeadline(time.Now().Add(20*time.Second)))
				_, err = c.Read(make([]byte, 1))
				require.ErrorIs(t, err, io.EOF)
				require.NoError(t, c.Close())
			}
		})
	}
}

// Two branches dial with one dialer: one after the other, each its own.
func TestDialInTwoBranches(t *testing.T) {
	p := open(t, 2)
	s := [2]*server{serveEcho(t, p), serveEcho(t, p)}
	var d reactor.Dialer
	var both combine.Join2[*reactor.Conn, *reactor.Conn]
	dial := func(i int) func(cx *task.Cx) (*reactor.Conn, error) {
		return func(cx *task.Cx) (*reactor.Conn, error) { return d.Dial(cx, "tcp", s[i].Addr().String()) }
	}
	require.NoError(t, byTask(p, func(cx *task.Cx) error {
		a, b, err := both.Wait(cx, dial(0), dial(1))
		if err != nil {
			return err
		}
		require.Equal(t, s[0].Addr().String(), a.RemoteAddr().String())
		require.Equal(t, s[1].Addr().String(), b.RemoteAddr().String())
		return errors.Join(a.Close(), b.Close())
	}))
}

// Dials that are lost leave no descriptor, whether they end before the pool or after.
func TestLostDialsAreClosed(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.Close()
		}
	}()
	for _, closing := range []bool{false, true} {
		before := descriptors(t)
		p, err := pool.New(pool.Config{Workers: 2})
		require.NoError(t, err)
		var g task.Group
		g.Failed = func(task.Task, error) error { return nil }
		for i := range 50 {
			var limit combine.Timeout
			var d reactor.Dialer
			n := 0
			g.Go(p, task.Func(func(cx *task.Cx) error {
				for ; n < 20; n++ {
					var c *reactor.Conn
					err := limit.Wait(cx, time.Duration((i*20+n)%40)*10*time.Microsecond, func(cx *task.Cx) (err error) {
						c, err = d.Dial(cx, "tcp", l.Addr().String())
						return err
					})
					if task.IsPending(err) {
						return err
					}
					if err == nil {
						_ = c.Close()
					}
				}
				return nil
			}))
		}
		if !closing {
			require.NoError(t, g.WaitContext(patient(t)))
		}
		require.NoError(t, p.Close())
		require.Eventually(t, func() bool { return descriptors(t) <= before }, 5*time.Second, 10*time.Millisecond, "%d before, %d now", before, descriptors(t))
	}
}

// descriptors returns how many the process has.
func descriptors(t *testing.T) int {
	d, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(d)
}

// Accepts that are lost lose no connection.
func TestLostAccepts(t *testing.T) {
	p := open(t, 2)
	l, err := p.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var served atomic.Int64
	var g task.Group
	const n = 300
	for range 4 {
		var limit combine.Timeout
		k := 0
		g.Go(p, task.Func(func(cx *task.Cx) error {
			for {
				k++
				err := limit.Wait(cx, time.Duration(k%7)*100*time.Microsecond, func(cx *task.Cx) error {
					c, err := l.Accept(cx)
					if err == nil {
						served.Add(1)
						_ = c.Close()
					}
					return err
				})
				if err == reactor.ErrClosed {
					return nil
				}
				if err != nil && !errors.Is(err, task.ErrTimeout) {
					return err
				}
			}
		}))
	}
	for range n {
		c, err := net.Dial("tcp", l.Addr().String())
		require.NoError(t, err)
		_ = c.Close()
	}
	require.Eventually(t, func() bool { return served.Load() == n }, 10*time.Second, time.Millisecond)
	require.NoError(t, l.Close())
	require.NoError(t, g.WaitContext(patient(t)))
}

// A dialer outlives its pool: it says that there is nobody to dial any more.
func TestDialAfterClose(t *testing.T) {
	p, err := pool.New(pool.Config{Workers: 1})
	require.NoError(t, err)
	r, err := p.Reactor()
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	require.NoError(t, p.Close())
	_, err = r.Dial(background, nil, "tcp", l.Addr().String())
	require.ErrorIs(t, err, task.ErrClosed)
	q := open(t, 1)
	var d reactor.Dialer
	require.NoError(t, byTask(q, func(cx *task.Cx) error {
		c, err := d.Dial(cx, "tcp", l.Addr().String())
		if err == nil {
			err = c.Close()
		}
		return err
	}))
}

// Two branches accept, and two tasks, while there are no descriptors left: nobody is refused,
// and all go on when there are.
func TestRestByMany(t *testing.T) {
	clock := task.NewClock(time.Unix(0, 0))
	log := make(said, 100)
	p := openWith(t, pool.Config{Workers: 2, Clock: clock, Logger: slog.New(slog.NewTextHandler(log, nil))})
	l, err := p.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	for range 4 {
		c, err := net.Dial("tcp", l.Addr().String())
		require.NoError(t, err)
		defer c.Close()
	}
	var old syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &old))
	restore := func() { require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &old)) }
	t.Cleanup(restore)
	free, err := syscall.Dup(0) // the lowest free number
	require.NoError(t, err)
	require.NoError(t, syscall.Close(free))
	low := old
	set(&low.Cur, free)
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low))
	var g task.Group
	var accepted atomic.Int64
	accept := func(cx *task.Cx) error {
		c, err := l.Accept(cx)
		if err == nil {
			accepted.Add(1)
			err = c.Close()
		}
		return err
	}
	for range 2 {
		var both combine.All
		g.Go(p, task.Func(func(cx *task.Cx) error { return both.Wait(cx, accept, accept) }))
	}
	for line := range log {
		if strings.Contains(line, "no connection can be accepted") {
			break
		}
	}
	polled(t, p)
	restore()
	ctx := patient(t)
	for accepted.Load() < 4 {
		require.NoError(t, p.WaitIdle(ctx))
		clock.Advance(time.Second)
	}
	require.NoError(t, g.WaitContext(ctx))
}
