//go:build unix

package reactor_test

import (
	"bytes"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
)

// stdPair returns a connection that a goroutine has accepted from l, and its peer.
func stdPair(t testing.TB, l *reactor.Listener) (c, peer net.Conn) {
	t.Helper()
	peer, err := net.Dial(l.Addr().Network(), l.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = peer.Close() })
	c, err = l.Std().Accept()
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c, peer
}

// What goroutines accept ends with the pool, wherever they wait, and what they have closed does not
// stay behind.
func TestStdEndsWithPool(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			address := "127.0.0.1:0"
			if network == "unix" {
				address = filepath.Join(t.TempDir(), "s")
			}
			p, err := pool.New(pool.Config{Workers: 1})
			require.NoError(t, err)
			r, err := p.Reactor()
			require.NoError(t, err)
			l, err := p.Listen(network, address)
			require.NoError(t, err)
			closed, _ := stdPair(t, l)
			require.Equal(t, 2, r.Used())
			require.NoError(t, closed.Close())
			require.ErrorIs(t, closed.Close(), reactor.ErrClosed)
			require.ErrorIs(t, closed.SetDeadline(time.Time{}), reactor.ErrClosed)
			require.Equal(t, 1, r.Used())
			reads, peer := stdPair(t, l)
			writes, _ := stdPair(t, l)
			waits := []func() error{
				func() error { _, err := reads.Read(make([]byte, 1)); return err },
				func() error { _, err := writes.Write(make([]byte, 64<<20)); return err },
				func() error { _, err := l.Std().Accept(); return err },
			}
			begun, ended := make(chan bool), make(chan error, len(waits))
			for _, wait := range waits {
				go func() { begun <- true; ended <- wait() }()
				<-begun
			}
			require.NoError(t, p.Close())
			for range waits {
				require.ErrorIs(t, ends(t, "a wait", func() error { return <-ended }), reactor.ErrClosed)
			}
			for _, wait := range waits {
				require.ErrorIs(t, wait(), reactor.ErrClosed)
			}
			_, err = peer.Read(make([]byte, 1))
			require.Error(t, err)
			require.Zero(t, r.Used())
		})
	}
}

// Tasks and goroutines accept from one listener: each connection is one's.
func TestStdAcceptsBesideTasks(t *testing.T) {
	const conns = 60
	p := open(t, 2)
	l, err := p.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	got := make(chan string, conns)
	goroutines := make(chan error, 1)
	go func() {
		for {
			c, err := l.Std().Accept()
			if err != nil {
				goroutines <- err
				return
			}
			got <- c.RemoteAddr().String()
			_ = c.Close()
		}
	}()
	var g task.Group
	g.Go(p, task.Func(func(cx *task.Cx) error {
		for {
			c, err := l.Accept(cx)
			if err != nil {
				return err
			}
			got <- c.RemoteAddr().String()
			_ = c.Close()
		}
	}))
	want := map[string]bool{}
	for range conns {
		c, err := net.Dial("tcp", l.Addr().String())
		require.NoError(t, err)
		defer c.Close()
		want[c.LocalAddr().String()] = true
	}
	late := time.After(20 * time.Second)
	for range conns {
		select {
		case from := <-got:
			require.True(t, want[from], "%s came twice", from)
			delete(want, from)
		case <-late:
			require.Fail(t, "some have not been accepted")
		}
	}
	require.NoError(t, l.Close())
	require.ErrorIs(t, g.WaitContext(patient(t)), reactor.ErrClosed)
	require.ErrorIs(t, <-goroutines, reactor.ErrClosed)
	_, err = l.Std().Accept()
	require.ErrorIs(t, err, reactor.ErrClosed)
}

// What a goroutine has accepted can be made a connection for tasks: a protocol that begins in
// net/http may go on so.
func TestStdAdopted(t *testing.T) {
	p := open(t, 1)
	l, err := p.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	std, peer := stdPair(t, l)
	r, err := p.Reactor()
	require.NoError(t, err)
	c, err := r.Adopt(std.(syscall.Conn))
	require.NoError(t, err)
	require.NoError(t, std.Close())
	require.Equal(t, peer.LocalAddr().String(), c.RemoteAddr().String())
	var g task.Group
	g.Go(p, &echo{conn: c})
	exchange(t, peer, []byte("by a task"))
	require.NoError(t, peer.Close())
	require.ErrorIs(t, g.WaitContext(patient(t)), io.EOF)
}

// Files are sent, over TCP by package net's shortest way, and streams are ended, over both networks.
func TestStdReadFrom(t *testing.T) {
	page := bytes.Repeat([]byte("page "), 100_000)
	name := filepath.Join(t.TempDir(), "page")
	require.NoError(t, os.WriteFile(name, page, 0o600))
	for _, network := range []string{"tcp", "unix"} {
		address := "127.0.0.1:0"
		if network == "unix" {
			address = filepath.Join(t.TempDir(), "s")
		}
		p := open(t, 1)
		l, err := p.Listen(network, address)
		require.NoError(t, err)
		c, peer := stdPair(t, l)
		got := make(chan []byte, 1)
		go func() {
			b, _ := io.ReadAll(peer)
			got <- b
		}()
		f, err := os.Open(name)
		require.NoError(t, err)
		n, err := c.(io.ReaderFrom).ReadFrom(f)
		require.NoError(t, err)
		require.EqualValues(t, len(page), n)
		require.NoError(t, f.Close())
		require.NoError(t, c.(interface{ CloseWrite() error }).CloseWrite())
		require.True(t, bytes.Equal(page, <-got))
	}
}

// A task that uses the view for goroutines is told.
func TestStdInsideTask(t *testing.T) {
	p := open(t, 1)
	l, err := p.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	c, _ := stdPair(t, l)
	calls := map[string]func() error{"Accept": func() error { _, err := l.Std().Accept(); return err }}
	if invariant.Enabled {
		calls["Read"] = func() error { _, err := c.Read(make([]byte, 1)); return err }
		calls["Write"] = func() error { _, err := c.Write(make([]byte, 1)); return err }
	}
	for name, call := range calls {
		err := raised(func() error { return run(p, func(*task.Cx) error { return call() }) })
		require.ErrorContains(t, err, "use the methods with a Cx", name)
	}
}
