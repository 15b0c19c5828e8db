//go:build unix

package reactor_test

import (
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
)

// sink reads, and keeps nothing.
type sink struct {
	task.Frame
	conn *reactor.Conn
	buf  [512]byte
}

func (s *sink) Poll(cx *task.Cx) error {
	for {
		if _, err := s.conn.Read(cx, s.buf[:]); err != nil {
			return err
		}
	}
}

func (s *sink) Finish(error) { _ = s.conn.Close() }

// Peers that never stop sending leave the worker to others, even if there is one and it
// gets no help.
func TestFlood(t *testing.T) {
	p, err := pool.New(pool.Config{Workers: 1, StallLimit: -1})
	require.NoError(t, err)
	defer p.Close()
	flooded := serve(t, p, "tcp", "127.0.0.1:0", func(c *reactor.Conn) task.Task { return &sink{conn: c} })
	for range 3 {
		c := dial(t, flooded)
		go func() {
			for b := make([]byte, 1<<20); ; {
				if _, err := c.Write(b); err != nil {
					return
				}
			}
		}()
	}
	c := dial(t, serveEcho(t, p))
	require.NoError(t, c.SetDeadline(time.Now().Add(10*time.Second)))
	for range 50 {
		_, err := c.Write([]byte("x"))
		require.NoError(t, err)
		_, err = c.Read(make([]byte, 1))
		require.NoError(t, err)
	}
	require.NoError(t, p.Run(background, task.Func(func(*task.Cx) error { return nil })))
}

// A panic of a connection's task is reported, and closes the connection: Serve goes on.
func TestServeSurvivesPanics(t *testing.T) {
	var told atomic.Int64
	p, err := pool.New(pool.Config{Workers: 2, Panicked: func(p *task.PanicError) {
		if p.Value == "a bug" {
			told.Add(1)
		}
	}})
	require.NoError(t, err)
	defer p.Close()
	l := serve(t, p, "tcp", "127.0.0.1:0", func(c *reactor.Conn) task.Task {
		return task.Func(func(cx *task.Cx) error { // without a Finish
			b, err := c.Next(cx)
			if err == nil && b[0] == 'x' {
				panic("a bug")
			}
			if err == nil {
				err = c.Write(cx, []byte("y"))
			}
			return err
		})
	})
	for range 50 {
		for _, send := range []string{"x", "y"} {
			c, err := net.Dial("tcp", l.Addr().String())
			require.NoError(t, err)
			_, err = c.Write([]byte(send))
			require.NoError(t, err)
			n, err := c.Read(make([]byte, 1))
			if send == "x" {
				require.Error(t, err, "closed")
			} else {
				require.NoError(t, err)
				require.Equal(t, 1, n)
			}
			require.NoError(t, c.Close())
		}
	}
	require.EqualValues(t, 50, told.Load())
	require.Eventually(t, func() bool { return p.Stats().Panics == 50 }, time.Minute, time.Millisecond)
}

// A hook ends Serve, which raises the panic, although nobody else connects.
func TestServePanic(t *testing.T) {
	p, err := pool.New(pool.Config{Workers: 2, Panicked: func(*task.PanicError) {}})
	require.NoError(t, err)
	defer p.Close()
	l, err := p.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	l.Panicked = func(p *task.PanicError) bool { return p.Value == "a bug" }
	ended := make(chan any, 1)
	go func() {
		defer func() { ended <- recover() }()
		_ = p.Run(background, task.Func(func(cx *task.Cx) error {
			return reactor.Serve(cx, l, func(c *reactor.Conn) task.Task {
				return task.Func(func(cx *task.Cx) error {
					if _, err := c.Next(cx); err != nil {
						return err
					}
					panic("a bug")
				})
			})
		}))
	}()
	quiet, err := net.Dial("tcp", l.Addr().String()) // one that waits is no obstacle
	require.NoError(t, err)
	defer quiet.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer c.Close()
	_, err = c.Write([]byte("x"))
	require.NoError(t, err)
	raised := <-ended
	require.IsType(t, &task.PanicError{}, raised)
	require.Equal(t, "a bug", raised.(*task.PanicError).Value)
}
