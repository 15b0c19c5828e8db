//go:build unix

package reactor_test

import (
	"context"
	"errors"
	"math"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
)

// onClocks runs a test on pools whose clocks show all sorts of times.
func onClocks(t *testing.T, f func(t *testing.T, p *pool.Pool, clock *task.Clock)) {
	for _, year := range []int{2, 1970, 2020, 2040, 2500} {
		t.Run(time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC).Format("2006"), func(t *testing.T) {
			clock := task.NewClock(time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC))
			f(t, openWith(t, pool.Config{Workers: 1, Clock: clock}), clock)
		})
	}
}

// endsAt checks that what h does ends when an hour of the clock has passed, and not before.
func endsAt(t *testing.T, p *pool.Pool, clock *task.Clock, h *task.Handle[int], want error) {
	t.Helper()
	ctx := patient(t)
	require.NoError(t, p.WaitIdle(ctx))
	clock.Advance(time.Hour - time.Nanosecond)
	require.NoError(t, p.WaitIdle(ctx))
	_, err := h.Result()
	require.True(t, task.IsPending(err), "too early: %v", err)
	clock.Advance(time.Nanosecond)
	require.NoError(t, p.WaitIdle(ctx))
	_, err = h.Result()
	require.ErrorIs(t, err, want)
}

// Deadlines are on the pool's clock, whatever that shows.
func TestDeadlinesOnClock(t *testing.T) {
	onClocks(t, func(t *testing.T, p *pool.Pool, clock *task.Clock) {
		big := make([]byte, 64<<20)
		c, _ := pair(t, p)
		var w *reactor.Conn
		u := packets(t, p, "udp4", "127.0.0.1:0")
		for name, op := range map[string]struct {
			set func(time.Time) error
			do  func(*task.Cx) error
		}{
			"read":         {c.SetReadDeadline, func(cx *task.Cx) error { _, err := c.Read(cx, big[:1]); return err }},
			"write":        {func(t time.Time) error { return w.SetWriteDeadline(t) }, func(cx *task.Cx) error { return w.Write(cx, big) }},
			"both":         {c.SetDeadline, func(cx *task.Cx) error { _, err := c.Next(cx); return err }},
			"packet":       {u.SetReadDeadline, func(cx *task.Cx) error { _, _, err := u.ReadFrom(cx, big[:1]); return err }},
			"packet, both": {u.SetDeadline, func(cx *task.Cx) error { _, _, err := u.ReadFrom(cx, big[:1]); return err }},
		} {
			t.Run(name, func(t *testing.T) {
				set := false
				w, _ = pair(t, p)
				h := task.Go(p, func(cx *task.Cx) (int, error) {
					if !set {
						set = true
						if err := op.set(cx.Now().Add(time.Hour)); err != nil {
							return 0, err
						}
					}
					return 0, op.do(cx)
				})
				endsAt(t, p, clock, h, os.ErrDeadlineExceeded)
				require.NoError(t, op.set(clock.Now()))
				require.ErrorIs(t, run(p, op.do), os.ErrDeadlineExceeded, "now is past")
				w, _ = pair(t, p) // half a write is on the one before
				require.NoError(t, op.set(clock.Now().Add(math.MaxInt64)))
				h = task.Go(p, func(cx *task.Cx) (int, error) { return 0, op.do(cx) })
				require.NoError(t, p.WaitIdle(patient(t)))
				_, err := h.Result()
				require.True(t, task.IsPending(err), "the end of time: %v", err)
				require.NoError(t, op.set(clock.Now().Add(-time.Hour)))
				_, err = h.WaitContext(patient(t))
				require.ErrorIs(t, err, os.ErrDeadlineExceeded)
				require.NoError(t, op.set(time.Time{}))
			})
		}
	})
}

// The deadlines of the views for goroutines are the machine's, by their distance from now.
func TestStdDeadlinesOnClock(t *testing.T) {
	onClocks(t, func(t *testing.T, p *pool.Pool, clock *task.Clock) {
		c, _ := pair(t, p)
		u := packets(t, p, "udp4", "127.0.0.1:0")
		std, stdU := c.Std(), u.Std()
		for name, op := range map[string]struct {
			set  []func(time.Time) error
			read func() error
		}{
			"conn": {
				[]func(time.Time) error{std.SetDeadline, std.SetReadDeadline},
				func() error { _, err := std.Read(make([]byte, 1)); return err },
			},
			"packet": {
				[]func(time.Time) error{stdU.SetDeadline, stdU.SetReadDeadline},
				func() error { _, _, err := stdU.ReadFrom(make([]byte, 1)); return err },
			},
		} {
			for _, set := range op.set {
				require.NoError(t, set(time.Now().Add(time.Hour)))
				ended := make(chan error)
				go func() { ended <- op.read() }()
				clock.Advance(30 * time.Minute)
				select {
				case err := <-ended:
					require.NoError(t, err, "%s: after half of the time", name)
				default:
				}
				clock.Advance(time.Hour)
				require.ErrorIs(t, <-ended, os.ErrDeadlineExceeded, name)
				require.NoError(t, set(time.Now()))
				require.ErrorIs(t, op.read(), os.ErrDeadlineExceeded, name)
			}
		}
		require.NoError(t, std.SetWriteDeadline(time.Now().Add(-time.Second)))
		_, err := std.Write([]byte("x"))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.NoError(t, stdU.SetWriteDeadline(time.Now().Add(-time.Second)))
		_, err = stdU.WriteTo([]byte("x"), stdU.LocalAddr())
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	})
}

// The graces of Hangup and of the write limit are the clock's, and as long as may be.
func TestGracesOnClock(t *testing.T) {
	onClocks(t, func(t *testing.T, p *pool.Pool, clock *task.Clock) {
		c, _ := pair(t, p)
		c.SetWriteLimit(1<<20, time.Hour)
		h := task.Go(p, func(cx *task.Cx) (int, error) { return 0, c.Hangup(cx) })
		endsAt(t, p, clock, h, os.ErrDeadlineExceeded)

		c, _ = pair(t, p)
		c.SetWriteLimit(8<<20, math.MaxInt64)
		fill(t, c)
		h = task.Go(p, func(cx *task.Cx) (int, error) { return 0, c.Hangup(cx) })
		for range 3 {
			clock.Advance(24 * 365 * time.Hour)
			require.NoError(t, p.WaitIdle(patient(t)))
		}
		_, err := h.Result()
		require.True(t, task.IsPending(err), "a grace without an end: %v", err)
		c.SetWriteLimit(8<<20, time.Hour) // which has passed already
		_, err = h.WaitContext(patient(t))
		require.Error(t, err)
		require.NotZero(t, clock.Now())
	})
}

// silent returns the address of a listener that answers nobody: its queue is full.
func silent(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = syscall.Close(fd) })
	require.NoError(t, syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	require.NoError(t, syscall.Listen(fd, 0))
	sa, err := syscall.Getsockname(fd)
	require.NoError(t, err)
	for range 5 {
		c, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
		require.NoError(t, err)
		t.Cleanup(func() { _ = syscall.Close(c) })
		require.NoError(t, syscall.SetNonblock(c, true))
		_ = syscall.Connect(c, sa) // which waits, or does not
	}
	at := sa.(*syscall.SockaddrInet4)
	return (&net.TCPAddr{IP: at.Addr[:], Port: at.Port}).String()
}

// The times of a task's dialer are the clock's.
func TestDialerOnClock(t *testing.T) {
	address := silent(t)
	onClocks(t, func(t *testing.T, p *pool.Pool, clock *task.Clock) {
		for name, of := range map[string]func() net.Dialer{
			"timeout":         func() net.Dialer { return net.Dialer{Timeout: time.Hour} },
			"deadline":        func() net.Dialer { return net.Dialer{Deadline: clock.Now().Add(time.Hour)} },
			"timeout first":   func() net.Dialer { return net.Dialer{Timeout: time.Hour, Deadline: clock.Now().Add(9 * time.Hour)} },
			"deadline first":  func() net.Dialer { return net.Dialer{Timeout: 9 * time.Hour, Deadline: clock.Now().Add(time.Hour)} },
			"the end of time": func() net.Dialer { return net.Dialer{Timeout: math.MaxInt64, Deadline: clock.Now().Add(time.Hour)} },
		} {
			t.Run(name, func(t *testing.T) {
				d := reactor.Dialer{Net: of()}
				h := task.Go(p, func(cx *task.Cx) (int, error) { _, err := d.Dial(cx, "tcp", address); return 0, err })
				require.Eventually(t, func() bool { return p.Stats().Timers == 1 }, 20*time.Second, time.Millisecond)
				clock.Advance(time.Hour - time.Nanosecond)
				require.Equal(t, 1, p.Stats().Timers, "too early")
				clock.Advance(time.Nanosecond)
				_, err := h.WaitContext(patient(t))
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.True(t, os.IsTimeout(errors.Unwrap(err)), "as package net's: %v", err)
				require.Zero(t, p.Stats().Timers)
			})
		}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer l.Close()
		d := reactor.Dialer{Net: net.Dialer{Deadline: clock.Now().Add(time.Hour)}}
		require.NoError(t, run(p, func(cx *task.Cx) error {
			c, err := d.Dial(cx, "tcp", l.Addr().String())
			if err == nil {
				err = c.Close()
			}
			return err
		}))
		require.Zero(t, p.Stats().Timers)
	})
}
