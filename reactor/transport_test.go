//go:build unix

package reactor_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
)

// inMemory returns two connections of p that are the ends of a stream in memory.
func inMemory(t testing.TB, p *pool.Pool, room, short int) (cs [2]*reactor.Conn, ends [2]*reactor.MemoryEnd) {
	t.Helper()
	r, err := p.Reactor()
	require.NoError(t, err)
	ends[0], ends[1] = reactor.MemoryStream(room, short)
	for i, e := range ends {
		cs[i], err = r.MemoryConn(e)
		require.NoError(t, err)
		t.Cleanup(func() { _ = cs[i].Close() })
	}
	return cs, ends
}

// record is one of a stream's: 8 bytes at least, the last of which is the only newline.
func record(rng *rand.Rand, size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = 'a' + byte(rng.IntN(26))
	}
	b[size-1] = '\n'
	return b
}

// converse has one connection send records in all ways there are, and the other one read them in all
// ways, until the first one hangs up: nothing is lost, and nothing comes twice.
func converse(t *testing.T, p *pool.Pool, cs [2]*reactor.Conn) {
	t.Helper()
	rounds := 200
	if testing.Short() {
		rounds = 50
	}
	rng := rand.New(rand.NewPCG(5, 6))
	var want [][]byte
	for range rounds {
		want = append(want, record(rng, 8+rng.IntN(60)))
	}
	total := len(bytes.Join(want, nil))
	var g task.Group
	i := 0
	g.Go(p, task.Func(func(cx *task.Cx) error {
		for ; i < len(want); i++ {
			var err error
			switch b := want[i]; i % 3 {
			case 0:
				err = cs[0].Write(cx, b)
			case 1:
				err = cs[0].Writev(cx, b[:3], nil, b[3:7], b[7:])
			case 2:
				err = cs[0].Post(b)
			}
			if err != nil {
				return err
			}
		}
		return cs[0].Hangup(cx)
	}))
	var got bytes.Buffer
	k := 0
	full, one := make([]byte, 8), make([]byte, 5)
	g.Go(p, task.Func(func(cx *task.Cx) error {
		for ; ; k++ {
			var b []byte
			var err error
			switch k % 4 {
			case 0:
				b, err = cs[1].ReadUntil(cx, '\n', 1000)
			case 1:
				var n int
				n, err = cs[1].Read(cx, one)
				b = one[:n]
			case 2:
				b, err = cs[1].Next(cx)
			case 3:
				if got.Len()+len(full) > total {
					continue
				}
				err = cs[1].ReadFull(cx, full)
				b = full
			}
			if err == io.EOF {
				return cs[1].Close()
			}
			if err != nil {
				return err
			}
			got.Write(b)
		}
	}))
	require.NoError(t, g.WaitContext(patient(t)))
	require.Equal(t, string(bytes.Join(want, nil)), got.String())
}

// Everything that a connection can do it does on a stream that is no socket, however few bytes a
// call moves and however often it would block.
func TestTransport(t *testing.T) {
	for _, limits := range [][2]int{{1, 1}, {16, 3}, {16, 0}, {1 << 20, 0}} {
		t.Run(fmt.Sprint(limits), func(t *testing.T) {
			p := open(t, 2)
			cs, far := inMemory(t, p, limits[0], limits[1])
			converse(t, p, cs)
			if limits[0] < 1<<20 {
				require.NotZero(t, far[0].WouldBlock()+far[1].WouldBlock(), "nobody has had to wait")
			}
		})
	}
}

// So it does on a transport that is on top of a socket, whose edges it passes on, as TLS would be.
func TestTransportOnSocket(t *testing.T) {
	p := open(t, 2)
	r, err := p.Reactor()
	require.NoError(t, err)
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	require.NoError(t, err)
	require.NoError(t, unix.SetsockoptInt(fds[0], unix.SOL_SOCKET, unix.SO_SNDBUF, 1))
	var cs [2]*reactor.Conn
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "socket")
		cs[i], err = r.CipherConn(f)
		require.NoError(t, err)
		require.NoError(t, f.Close())
	}
	converse(t, p, cs)
	require.Eventually(t, func() bool { return r.Used() == 0 }, 10*time.Second, time.Millisecond, "a socket is left below a transport")
}

// long is more than four bytes.
var long = []byte("more than four")

// What a transport fails with is the operation's error, as a socket's is.
func TestTransportFails(t *testing.T) {
	p := open(t, 1)
	cs, far := inMemory(t, p, 4, 0)
	var part *reactor.WriteError
	var op *net.OpError
	for _, begun := range []bool{false, true} {
		if !begun {
			far[0].Fault(reactor.Read, syscall.ECONNRESET)
		}
		var g task.Group
		g.Go(p, task.Func(func(cx *task.Cx) error { _, err := cs[0].Next(cx); return err }))
		if begun {
			require.NoError(t, p.WaitIdle(patient(t)))
			far[0].Fault(reactor.Read, syscall.ECONNRESET)
		}
		err := g.WaitContext(patient(t))
		require.ErrorIs(t, err, syscall.ECONNRESET)
		require.ErrorAs(t, err, &op)
		require.Equal(t, "read", op.Op)
	}
	far[0].Fault(reactor.Write, syscall.EPIPE)
	err := byTask(p, func(cx *task.Cx) error { return cs[0].Write(cx, []byte("x")) })
	require.ErrorIs(t, err, syscall.EPIPE)
	require.False(t, errors.As(err, &part), "nothing was sent")

	var g task.Group
	g.Go(p, task.Func(func(cx *task.Cx) error { return cs[0].Write(cx, long) }))
	require.NoError(t, p.WaitIdle(patient(t)))
	far[0].Fault(reactor.Write, syscall.EPIPE)
	err = g.WaitContext(patient(t))
	require.ErrorIs(t, err, syscall.EPIPE)
	require.ErrorIs(t, err, reactor.ErrTorn)
	require.ErrorAs(t, err, &part)
	require.Equal(t, 4, part.Sent)
}

// Deadlines, Close and the pool's end reach who waits for a transport.
func TestTransportEnds(t *testing.T) {
	p, clock := clocked(t)
	cs, _ := inMemory(t, p, 4, 0)
	wait := func(f func(cx *task.Cx) error, end func()) error {
		var g task.Group
		g.Go(p, task.Func(f))
		require.NoError(t, p.WaitIdle(patient(t)))
		end()
		return g.WaitContext(patient(t))
	}
	read := func(cx *task.Cx) error { _, err := cs[0].Next(cx); return err }
	require.NoError(t, cs[0].SetReadDeadline(clock.Now().Add(time.Second)))
	require.ErrorIs(t, wait(read, func() { clock.Advance(2 * time.Second) }), os.ErrDeadlineExceeded)
	require.NoError(t, cs[0].SetReadDeadline(time.Time{}))
	require.NoError(t, cs[0].SetWriteDeadline(clock.Now().Add(time.Second)))
	var part *reactor.WriteError
	err := wait(func(cx *task.Cx) error { return cs[0].Write(cx, long) }, func() { clock.Advance(2 * time.Second) })
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.ErrorAs(t, err, &part)
	require.Equal(t, 4, part.Sent)
	require.ErrorIs(t, wait(read, func() { _ = cs[0].Close() }), net.ErrClosed)
	got := make([]byte, 5)
	err = byTask(p, func(cx *task.Cx) error { return cs[1].ReadFull(cx, got) })
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.NoError(t, cs[1].CloseWrite())

	cs, _ = inMemory(t, p, 4, 0)
	std := make(chan error, 1)
	go func() { _, err := cs[0].Std().Read(got); std <- err }()
	_, err = cs[1].Std().Write([]byte("x"))
	require.NoError(t, err)
	require.NoError(t, <-std)
	go func() { _, err := cs[0].Std().Read(got); std <- err }()
	require.NoError(t, p.Close())
	require.ErrorIs(t, <-std, net.ErrClosed)
}

// A listener that is no socket serves the connections that it brings.
func TestTransportServes(t *testing.T) {
	p := open(t, 2)
	r, err := p.Reactor()
	require.NoError(t, err)
	at := reactor.MemoryListener()
	l, err := r.MemoryListen(at)
	require.NoError(t, err)
	var g task.Group
	g.Go(p, task.Func(func(cx *task.Cx) error {
		return reactor.Serve(cx, l, func(c *reactor.Conn) task.Task { return &echo{conn: c} })
	}))
	for range 20 {
		c, err := r.MemoryConn(at.Arrive(7, 0))
		require.NoError(t, err)
		b := bytes.Repeat([]byte("there and back"), 10)
		go func() { _, _ = c.Std().Write(b) }()
		got := make([]byte, len(b))
		_, err = io.ReadFull(c.Std(), got)
		require.NoError(t, err)
		require.Equal(t, b, got)
		require.NoError(t, c.Close())
	}
	require.NoError(t, l.Close())
	require.NoError(t, g.WaitContext(patient(t)))
	require.Zero(t, r.Used())
}

// That a socket may be something else costs no allocation: what is read into, and the list of what is
// written, may be on the stack.
func TestTransportAllocates(t *testing.T) {
	if invariant.Enabled {
		t.Skip("checks allocate")
	}
	const rounds = 2000
	p := open(t, 1)
	near, peer := pair(t, p)
	r, err := p.Reactor()
	require.NoError(t, err)
	far, err := r.Adopt(peer)
	require.NoError(t, err)
	defer far.Close()
	head, body := []byte("head"), []byte("body")
	i, written := 0, 0
	exchange := func(cx *task.Cx) error {
		for ; i < rounds; i++ {
			if written == i {
				if err := near.Writev(cx, head, body); err != nil {
					return err
				}
				written++
			}
			var b [8]byte
			if err := far.ReadFull(cx, b[:]); err != nil {
				return err
			}
			if string(b[:]) != "headbody" {
				return errBoom
			}
		}
		return nil
	}
	require.NoError(t, byTask(p, exchange)) // warm
	i, written = 0, 0
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	require.NoError(t, byTask(p, exchange))
	runtime.ReadMemStats(&after)
	require.Less(t, after.Mallocs-before.Mallocs, uint64(rounds/2), "in %d rounds", rounds)
}
