//go:build unix

package reactor_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/nettest"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
)

func TestEcho(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			p := open(t, 2)
			address := "127.0.0.1:0"
			if network == "unix" {
				address = filepath.Join(t.TempDir(), "s")
			}
			s := serve(t, p, network, address, func(c *reactor.Conn) task.Task { return &echo{conn: c} })
			var clients sync.WaitGroup
			for i := range 20 {
				clients.Go(func() {
					c := dial(t, s)
					defer c.Close()
					r := rand.New(rand.NewPCG(1, uint64(i)))
					for _, n := range []int{1, 511, 512, 513, 1 << 20} {
						b := make([]byte, n)
						for i := range b {
							b[i] = byte(r.Uint32())
						}
						exchange(t, c, b)
					}
				})
			}
			clients.Wait()
			require.NotZero(t, p.Stats().Events)
			if network == "unix" {
				require.NoError(t, s.Close())
				_, err := os.Stat(address)
				require.ErrorIs(t, err, os.ErrNotExist, "the socket's file goes with the listener")
			}
		})
	}
}

// The views for goroutines are net.Conns as package net's own: of a connection that has both faces,
// and of one that only goroutines use.
func TestStdConn(t *testing.T) {
	for name, accept := range map[string]func(p *pool.Pool, l *reactor.Listener) (net.Conn, error){
		"of a task": func(p *pool.Pool, l *reactor.Listener) (std net.Conn, err error) {
			return std, run(p, func(cx *task.Cx) error {
				c, err := l.Accept(cx)
				if err == nil {
					std = c.Std()
				}
				return err
			})
		},
		"of goroutines": func(_ *pool.Pool, l *reactor.Listener) (net.Conn, error) { return l.Std().Accept() },
	} {
		t.Run(name, func(t *testing.T) {
			p := open(t, 2)
			r, err := p.Reactor()
			require.NoError(t, err)
			nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
				l, err := p.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					return nil, nil, nil, err
				}
				defer l.Close()
				dialed := make(chan net.Conn, 1)
				go func() {
					c, err := r.Dial(background, nil, "tcp", l.Addr().String())
					if err != nil {
						t.Error(err)
					}
					dialed <- c.Std()
				}()
				c1, err = accept(p, l)
				if err != nil {
					return nil, nil, nil, err
				}
				c2 = <-dialed
				return c1, c2, func() { _, _ = c1.Close(), c2.Close() }, nil
			})
		})
	}
}

// net/http serves a page on a listener of ours, through connections of ours.
func TestHTTP(t *testing.T) {
	p := open(t, 2)
	l, err := p.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "hello, %s", r.URL.Path)
	})}
	served := make(chan error)
	go func() { served <- s.Serve(l.Std()) }()
	reac, err := p.Reactor()
	require.NoError(t, err)
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := reac.Dial(ctx, nil, network, addr)
		if err != nil {
			return nil, err
		}
		return c.Std(), nil
	}}}
	for range 10 {
		resp, err := client.Get("http://" + l.Addr().String() + "/world")
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, "hello, /world", string(body))
	}
	client.CloseIdleConnections()
	require.NoError(t, s.Close())
	require.ErrorIs(t, <-served, http.ErrServerClosed)
}

// A task dials, and talks to a server of tasks.
func TestDial(t *testing.T) {
	p := open(t, 2)
	s := serveEcho(t, p)
	var d reactor.Dialer
	var c *reactor.Conn
	var got [5]byte
	var stages task.Seq
	require.NoError(t, run(p, func(cx *task.Cx) error {
		return stages.Run(cx,
			func(cx *task.Cx) (err error) {
				c, err = d.Dial(cx, "tcp", s.Addr().String())
				return err
			},
			func(cx *task.Cx) error { return c.Writev(cx, []byte("he"), nil, []byte("llo")) },
			func(cx *task.Cx) error { return c.ReadFull(cx, got[:]) },
			func(cx *task.Cx) error { return c.CloseWrite() },
			func(cx *task.Cx) error {
				if _, err := c.Read(cx, got[:1]); err != io.EOF {
					return err
				}
				return c.Close()
			},
		)
	}))
	require.Equal(t, "hello", string(got[:]))
	require.NotNil(t, c.LocalAddr())
	require.Equal(t, s.Addr().String(), c.RemoteAddr().String())
}

func TestDialFails(t *testing.T) {
	p := open(t, 2)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close()) // nobody listens there
	var d reactor.Dialer
	err = run(p, func(cx *task.Cx) error {
		_, err := d.Dial(cx, "tcp", l.Addr().String())
		return err
	})
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	require.ErrorContains(t, run(p, func(cx *task.Cx) error {
		_, err := new(reactor.Dialer).Dial(cx, "carrier pigeon", "roof")
		return err
	}), "unknown network carrier pigeon")
	_, err = p.Listen("udp", "127.0.0.1:0")
	require.ErrorContains(t, err, "unknown network udp")
	require.ErrorContains(t, task.Run(background, task.Func(func(cx *task.Cx) error {
		_, err := new(reactor.Dialer).Dial(cx, "tcp", l.Addr().String())
		return err
	})), "run the task on a pool")
}

// A peer that has sent a part of a line, several lines, and an end in the middle.
func TestReadUntil(t *testing.T) {
	p := open(t, 2)
	var got []string
	var end error
	done := make(chan struct{})
	s := serve(t, p, "tcp", "127.0.0.1:0", func(c *reactor.Conn) task.Task {
		return task.Func(func(cx *task.Cx) error {
			for {
				line, err := c.ReadUntil(cx, '\n', 16)
				if task.IsPending(err) {
					return err
				}
				if err != nil {
					end = err
					close(done)
					return c.Close()
				}
				got = append(got, string(line))
			}
		})
	})
	for _, c := range []struct {
		sent []string
		want []string
		err  error
	}{
		{[]string{"one\n", "two\nthree\nfo", "ur\n"}, []string{"one\n", "two\n", "three\n", "four\n"}, io.EOF},
		{[]string{"one\ntw"}, []string{"one\n"}, io.ErrUnexpectedEOF},
		{[]string{"one\n", "0123456789", "0123456789"}, []string{"one\n"}, task.ErrLimit},
		{[]string{"a", "b", "c", "\n", "\n\n"}, []string{"abc\n", "\n", "\n"}, io.EOF},
	} {
		got, done = nil, make(chan struct{})
		conn := dial(t, s)
		for i, part := range c.sent {
			if i > 0 {
				<-time.After(time.Millisecond) // in packets of their own, most likely
			}
			_, _ = conn.Write([]byte(part))
		}
		_ = conn.(*net.TCPConn).CloseWrite()
		<-done
		require.Equal(t, c.want, got)
		require.ErrorIs(t, end, c.err)
		_ = conn.Close()
	}
}

// What Next lends goes to others, before and behind a message.
func TestNext(t *testing.T) {
	p := open(t, 2)
	var got bytes.Buffer
	var first string
	done := make(chan struct{})
	s := serve(t, p, "tcp", "127.0.0.1:0", func(c *reactor.Conn) task.Task {
		return task.Func(func(cx *task.Cx) error {
			if first == "" {
				line, err := c.ReadUntil(cx, '\n', 100)
				if err != nil {
					return err
				}
				first = string(line)
			}
			for {
				b, err := c.Next(cx)
				if err == io.EOF {
					close(done)
					return c.Close()
				}
				if err != nil {
					return err
				}
				got.Write(b)
			}
		})
	})
	conn := dial(t, s)
	rest := bytes.Repeat([]byte("0123456789"), 50_000)
	_, err := conn.Write(append([]byte("first\n"), rest...))
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	<-done
	require.Equal(t, "first\n", first)
	require.Equal(t, rest, got.Bytes())
}

// Deadlines end operations that wait, and those to come, until they are lifted.
func TestDeadlines(t *testing.T) {
	p := open(t, 2)
	s := serve(t, p, "tcp", "127.0.0.1:0", func(c *reactor.Conn) task.Task {
		return task.Func(func(cx *task.Cx) error { _, err := c.Next(cx); return err })
	})
	var d reactor.Dialer
	var c *reactor.Conn
	var buf [1]byte
	var stages task.Seq
	read := func(cx *task.Cx) error {
		if _, err := c.Read(cx, buf[:]); task.IsPending(err) || err == nil {
			return task.Pending
		} else if !os.IsTimeout(err) {
			return err
		}
		return nil
	}
	start := time.Now()
	require.NoError(t, run(p, func(cx *task.Cx) error {
		return stages.Run(cx,
			func(cx *task.Cx) (err error) {
				c, err = d.Dial(cx, "tcp", s.Addr().String())
				return err
			},
			func(*task.Cx) error { return c.SetReadDeadline(time.Now().Add(2 * time.Millisecond)) },
			read, read,
			func(cx *task.Cx) error { return c.Write(cx, []byte("not writes")) },
			func(*task.Cx) error { return c.SetDeadline(time.Now().Add(-time.Second)) },
			read,
			func(cx *task.Cx) error {
				require.ErrorIs(t, c.Write(cx, []byte("x")), os.ErrDeadlineExceeded)
				return c.SetDeadline(time.Time{})
			},
			func(cx *task.Cx) error { return c.Write(cx, []byte("x")) },
			func(*task.Cx) error { return c.Close() },
			func(cx *task.Cx) error {
				require.ErrorIs(t, c.SetDeadline(time.Now()), net.ErrClosed)
				_, err := c.Read(cx, buf[:])
				require.ErrorIs(t, err, net.ErrClosed)
				require.ErrorIs(t, err, task.ErrClosed)
				require.ErrorIs(t, c.Close(), net.ErrClosed)
				require.ErrorIs(t, c.CloseWrite(), net.ErrClosed)
				return nil
			},
		)
	}))
	require.GreaterOrEqual(t, time.Since(start), 2*time.Millisecond)
	require.Zero(t, p.Stats().Timers)
}

// A task that is canceled while it waits for a connection gets that as its error,
// and leaves no descriptor.
func TestCancel(t *testing.T) {
	p := open(t, 2)
	s := serveEcho(t, p)
	conns := make([]net.Conn, 50)
	for i := range conns {
		conns[i] = dial(t, s)
		exchange(t, conns[i], []byte("x"))
	}
	s.group.Cancel(errBoom)
	require.ErrorIs(t, s.group.WaitContext(background), errBoom)
	for _, c := range conns {
		_, err := c.Read(make([]byte, 1))
		require.Error(t, err)
	}
	require.NoError(t, s.Close())
	r, err := p.Reactor()
	require.NoError(t, err)
	require.Zero(t, r.Used())
}

// Shutdown is soft: Serve takes no more connections, and waits for those it has.
func TestShutdown(t *testing.T) {
	p := open(t, 2)
	s := serveEcho(t, p)
	c := dial(t, s)
	exchange(t, c, []byte("x"))
	ended := make(chan error)
	go func() { ended <- p.Shutdown(background) }()
	exchange(t, c, []byte("still here"))
	require.NoError(t, c.Close())
	require.NoError(t, <-ended)
}

// Descriptors are opened, used, reset and closed at random, by both ends and from
// several threads: nobody reads what is another's, and nothing is left.
func TestStorm(t *testing.T) {
	rounds := 300
	if testing.Short() {
		rounds = 50
	}
	p := open(t, 4)
	s := serveEcho(t, p)
	r, err := p.Reactor()
	require.NoError(t, err)
	var wrong, good atomic.Int64
	var clients sync.WaitGroup
	for k := range 8 {
		clients.Go(func() {
			rng := rand.New(rand.NewPCG(2, uint64(k)))
			for i := range rounds {
				c, err := r.Dial(background, nil, "tcp", s.Addr().String())
				if err != nil {
					t.Error(err)
					return
				}
				std := c.Std()
				mark := []byte(fmt.Sprintf("%08d", k*rounds+i))
				if rng.IntN(3) == 0 {
					go func() { _ = c.Close() }()
				}
				if rng.IntN(3) == 0 {
					_ = c.SetDeadline(time.Now().Add(time.Duration(rng.IntN(300)) * time.Microsecond))
				}
				if _, err := std.Write(mark); err == nil {
					got := make([]byte, len(mark))
					if n, _ := io.ReadFull(std, got); n > 0 && !bytes.Equal(got[:n], mark[:n]) {
						wrong.Add(1)
					} else if n == len(mark) {
						good.Add(1)
					}
				}
				_ = c.Close()
			}
		})
	}
	clients.Wait()
	require.Zero(t, wrong.Load(), "somebody else's bytes")
	require.NotZero(t, good.Load())
	require.NoError(t, s.Close())
	require.NoError(t, s.group.WaitContext(background))
	require.Zero(t, r.Used())
}

// While all workers are in long polls, connections are served all the same.
func TestBusyWorkers(t *testing.T) {
	p := open(t, 2)
	s := serveEcho(t, p)
	c := dial(t, s)
	exchange(t, c, []byte("before"))
	release := make(chan struct{})
	var inside sync.WaitGroup
	var g task.Group
	inside.Add(2)
	for range 2 {
		g.Go(p, task.Func(func(*task.Cx) error {
			inside.Done()
			<-release
			return nil
		}))
	}
	inside.Wait()
	exchange(t, c, []byte("meanwhile"))
	close(release)
	require.NoError(t, g.WaitContext(background))
}

// Several reactors share the connections, and all of them are served, also by fewer
// workers than there are reactors' sleepers.
func TestSeveralReactors(t *testing.T) {
	for _, workers := range []int{2, 4} {
		p := openWith(t, pool.Config{Workers: workers, Reactors: 2})
		s := serveEcho(t, p)
		var clients sync.WaitGroup
		for range 10 {
			clients.Go(func() {
				c := dial(t, s)
				for range 50 {
					exchange(t, c, []byte("to whichever reactor has it"))
				}
			})
		}
		clients.Wait()
		r, err := p.Reactor()
		require.NoError(t, err)
		require.Equal(t, 11, r.Used())
	}
	_, err := pool.New(pool.Config{Workers: 1, Reactors: 2})
	require.ErrorContains(t, err, "2 reactors")
}

// Adopt takes stream sockets, and nothing else.
func TestAdopt(t *testing.T) {
	p := open(t, 1)
	r, err := p.Reactor()
	require.NoError(t, err)
	f, err := os.Open(os.DevNull)
	require.NoError(t, err)
	defer f.Close()
	_, err = r.Adopt(f)
	require.ErrorContains(t, err, "reactor: adopt")
	u, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer u.Close()
	_, err = r.Adopt(u.(*net.UDPConn))
	require.ErrorContains(t, err, "not a stream socket")
	require.Zero(t, r.Used())
}

// What is left open ends with the pool, and wakes who waits for it.
func TestPoolCloses(t *testing.T) {
	p, err := pool.New(pool.Config{Workers: 1})
	require.NoError(t, err)
	l, err := p.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	accepted := make(chan error)
	go func() {
		_, err := l.Std().Accept()
		accepted <- err
	}()
	require.NoError(t, p.Run(background, task.Func(func(*task.Cx) error { return nil })))
	require.NoError(t, p.Close())
	require.ErrorIs(t, <-accepted, net.ErrClosed)
	_, err = p.Listen("tcp", "127.0.0.1:0")
	require.ErrorIs(t, err, task.ErrClosed)
}
