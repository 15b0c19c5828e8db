//go:build unix

package reactor_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime/debug"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
)

// TestMain also is the processes that tests start: those with a role.
func TestMain(m *testing.M) {
	if role := roles[os.Getenv("HEIST_ROLE")]; role != nil {
		role()
		return
	}
	goleak.VerifyTestMain(m)
}

// roles is what a process can be besides a test; by name.
var roles = map[string]func(){}

// cast starts this program in a role, which gets args, and reads what it says and
// writes what it is told through pipes.
func cast(t testing.TB, role string, args ...string) (say io.Writer, hear *bufio.Scanner) {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), "HEIST_ROLE="+role)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = in.Close() // which ends it
		end := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
		defer end.Stop()
		require.NoError(t, cmd.Wait())
	})
	return in, bufio.NewScanner(out)
}

var (
	background = context.Background()
	errBoom    = errors.New("boom")
)

// open returns a pool that is closed with the test; then no descriptor is left.
func open(t testing.TB, workers int) *pool.Pool {
	t.Helper()
	return openWith(t, pool.Config{Workers: workers})
}

func openWith(t testing.TB, config pool.Config) *pool.Pool {
	t.Helper()
	if _, ok := t.(*testing.T); ok {
		hangs := time.AfterFunc(time.Minute, func() {
			debug.SetTraceback("all")
			panic(t.Name() + " hangs")
		})
		t.Cleanup(func() { hangs.Stop() })
	}
	p, err := pool.New(config)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, p.Close())
		if r, err := p.Reactor(); err == nil {
			// A goroutine that net's own test has left behind may be on its way out.
			require.Eventually(t, func() bool { return r.Used() == 0 }, 10*time.Second, time.Millisecond, "descriptors are left")
		}
	})
	return p
}

// clocked returns a pool with one worker whose time stands still.
func clocked(t testing.TB) (*pool.Pool, *task.Clock) {
	t.Helper()
	clock := task.NewClock(time.Unix(0, 0))
	return openWith(t, pool.Config{Workers: 1, Clock: clock}), clock
}

// run runs a poll function on p.
func run(p *pool.Pool, f func(cx *task.Cx) error) error { return p.Run(background, task.Func(f)) }

// echo sends back what comes.
type echo struct {
	task.Frame
	conn *reactor.Conn
	out  []byte
	buf  [512]byte
}

func (e *echo) Poll(cx *task.Cx) error {
	for {
		if e.out == nil {
			n, err := e.conn.Read(cx, e.buf[:])
			if err != nil {
				return err
			}
			e.out = e.buf[:n]
		}
		if err := e.conn.Write(cx, e.out); err != nil {
			return err
		}
		e.out = nil
	}
}

func (e *echo) Finish(error) { _ = e.conn.Close() }

// server serves connections until it is closed.
type server struct {
	*reactor.Listener
	group task.Group
}

// serve starts a server for connections on p.
func serve(t testing.TB, p *pool.Pool, network, address string, f func(*reactor.Conn) task.Task) *server {
	t.Helper()
	l, err := p.Listen(network, address)
	require.NoError(t, err)
	s := &server{Listener: l}
	s.group.Go(p, task.Func(func(cx *task.Cx) error { return reactor.Serve(cx, l, f) }))
	t.Cleanup(func() {
		_ = l.Close()
		s.group.Cancel(nil)
		_ = s.group.WaitContext(background)
	})
	return s
}

func serveEcho(t testing.TB, p *pool.Pool) *server {
	return serve(t, p, "tcp", "127.0.0.1:0", func(c *reactor.Conn) task.Task { return &echo{conn: c} })
}

// dial connects to a server with package net.
func dial(t testing.TB, s *server) net.Conn {
	t.Helper()
	c, err := net.Dial(s.Addr().Network(), s.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// exchange sends b and reads as much back.
func exchange(t testing.TB, c net.Conn, b []byte) {
	t.Helper()
	go func() { _, _ = c.Write(b) }()
	got := make([]byte, len(b))
	_, err := io.ReadFull(c, got)
	require.NoError(t, err)
	require.Equal(t, b, got)
}

// pair returns a connection of p and its peer, which are not served by anybody.
func pair(t testing.TB, p *pool.Pool) (*reactor.Conn, *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	ours, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer ours.Close()
	peer, err := l.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { _ = peer.Close() })
	r, err := p.Reactor()
	require.NoError(t, err)
	c, err := r.Adopt(ours.(syscall.Conn))
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c, peer.(*net.TCPConn)
}

// patient is a context for what may take as long as a slow machine needs, but must end.
func patient(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(background, 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}
