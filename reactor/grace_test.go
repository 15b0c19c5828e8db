//go:build unix

package reactor_test

import (
	"io"
	"net"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
)

// aMinute lets a minute pass, second by second.
func aMinute(t *testing.T, p *pool.Pool, clock *task.Clock) {
	t.Helper()
	for range 60 {
		clock.Advance(time.Second)
		require.NoError(t, p.WaitIdle(background))
	}
}

// A grace that is lifted while the peer stalls hangs up on nobody.
func TestGraceLifted(t *testing.T) {
	p, clock := clocked(t)
	c, _ := pair(t, p)
	c.SetWriteLimit(8<<20, time.Second)
	fill(t, c)
	c.SetWriteLimit(8<<20, 0)
	aMinute(t, p, clock)
	require.NoError(t, c.Post(nil))
	require.NotZero(t, c.Queued())
}

// A grace that begins, or is changed, while the peer stalls already counts all the same.
func TestGraceChanged(t *testing.T) {
	for name, before := range map[string]time.Duration{"set": 0, "raised": time.Second, "lowered": time.Hour} {
		t.Run(name, func(t *testing.T) {
			p, clock := clocked(t)
			c, _ := pair(t, p)
			c.SetWriteLimit(1<<20, before)
			fill(t, c)
			c.SetWriteLimit(1<<20, 2*time.Second)
			aMinute(t, p, clock)
			require.ErrorIs(t, c.Post([]byte("x")), reactor.ErrSlow)
			require.Zero(t, c.Queued())
		})
	}
}

// bell is a function as what an alarm rings.
type bell func()

func (b bell) Notify(uint32) { b() }

// When the peer takes everything just before the alarm of the grace rings, the connection
// stays.
func TestGraceRingsLate(t *testing.T) {
	p, clock := clocked(t)
	c, peer := pair(t, p)
	clock.Advance(time.Minute)
	const grace = time.Second
	var home *task.Runtime
	require.NoError(t, run(p, func(cx *task.Cx) error { home = cx.Runtime(); return nil }))
	var sent int64
	reached := false
	var first task.Alarm // is due together with the connection's, and rings before it
	first.Arm(home, nil, home.After(grace), bell(func() {
		_, err := io.CopyN(io.Discard, peer, sent)
		require.NoError(t, err)
		for c.Queued() > 0 { // an idle worker polls, and sends what was left
			runtime.Gosched()
		}
		reached = true
	}), 0)
	c.SetWriteLimit(1<<20, grace)
	sent = int64(fill(t, c))
	require.NotZero(t, c.Queued())
	clock.Advance(grace)
	require.True(t, reached)
	for range 2 {
		require.NoError(t, c.Post([]byte("hello")))
		_, err := io.ReadFull(peer, make([]byte, 5))
		require.NoError(t, err, "a connection that nothing waits for was closed")
	}
}

// A peer that has taken less than the kernel tells of is not hung up on, but when it has taken nothing.
func TestGraceOfALittle(t *testing.T) {
	const grace = time.Second
	p, clock := clocked(t)
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	require.NoError(t, err)
	defer l.Close()
	peer, err := net.Dial("unix", l.Addr().String())
	require.NoError(t, err)
	defer peer.Close()
	ours, err := l.Accept()
	require.NoError(t, err)
	defer ours.Close()
	r, err := p.Reactor()
	require.NoError(t, err)
	c, err := r.Adopt(ours.(syscall.Conn))
	require.NoError(t, err)
	defer c.Close()
	c.SetWriteLimit(1<<20, grace)
	fill(t, c)
	for range 3 {
		queued := c.Queued()
		_, err := io.CopyN(io.Discard, peer, 64<<10)
		require.NoError(t, err)
		clock.Advance(grace)
		require.NoError(t, p.WaitIdle(background))
		require.NoError(t, c.Post(nil))
		require.Less(t, c.Queued(), queued)
	}
	clock.Advance(grace)
	require.NoError(t, p.WaitIdle(background))
	require.ErrorIs(t, c.Post([]byte("x")), reactor.ErrSlow)
}
