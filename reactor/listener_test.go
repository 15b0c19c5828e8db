//go:build unix

package reactor_test

import (
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
)

// Several goroutines wait in Accept without using the processor, and each gets a connection.
func TestAcceptByMany(t *testing.T) {
	const waiters = 3
	l, err := open(t, 1).Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	begun, ended := make(chan bool), make(chan error, waiters)
	for range waiters {
		go func() {
			begun <- true
			c, err := l.Std().Accept()
			if err == nil {
				err = c.Close()
			}
			ended <- err
		}()
		<-begun
	}
	const watch = 200 * time.Millisecond
	var used time.Duration
	for range 5 { // what else the process does may be in one of them
		before := cpu()
		<-time.After(watch)
		if used = cpu() - before; used < watch/10 {
			break
		}
	}
	for range waiters - 1 {
		c, err := net.Dial("tcp", l.Addr().String())
		require.NoError(t, err)
		defer c.Close()
		require.NoError(t, <-ended)
	}
	require.NoError(t, l.Close())
	require.ErrorIs(t, <-ended, net.ErrClosed)
	require.Less(t, used, watch/10, "CPU time of those who wait")
}

// A Unix listener ends with its pool, and its file with it.
func TestUnixListenerEndsWithPool(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	p := open(t, 1)
	l, err := p.Listen("unix", path)
	require.NoError(t, err)
	require.NoError(t, p.Close())
	_, err = net.Dial("unix", path)
	require.Error(t, err)
	_, err = os.Stat(path)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorIs(t, l.Close(), net.ErrClosed)
}

// said is a log, line by line.
type said chan string

func (s said) Write(b []byte) (int, error) {
	s <- string(b)
	return len(b), nil
}

// Close ends an Accept that rests because there are no descriptors left, whatever the pool's
// clock shows.
func TestCloseWhileResting(t *testing.T) {
	log := make(said, 100)
	p := openWith(t, pool.Config{
		Workers: 1,
		Clock:   task.NewClock(time.Unix(0, 0)),
		Logger:  slog.New(slog.NewTextHandler(log, nil)),
	})
	l, err := p.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	c, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer c.Close()
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
	g.Go(p, task.Func(func(cx *task.Cx) error {
		for { // a lower number may have become free
			if _, err := l.Accept(cx); err != nil {
				return err
			}
		}
	}))
	for late := time.After(20 * time.Second); ; {
		select {
		case line := <-log:
			if !strings.Contains(line, "no connection can be accepted") {
				continue
			}
		case <-late:
			require.Fail(t, "it does not say that there are no descriptors")
		}
		break
	}
	require.NoError(t, p.WaitIdle(patient(t)))
	restore()
	require.NoError(t, l.Close())
	ctx := patient(t)
	require.ErrorIs(t, g.WaitContext(ctx), net.ErrClosed)
	require.NoError(t, ctx.Err(), "nobody has woken it")
}

// That there are no descriptors left is said once a second, however often one is found in between.
func TestExhaustionIsSaidOnceASecond(t *testing.T) {
	const text = "no connection can be accepted"
	log := make(said, 100)
	clock := task.NewClock(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC))
	p := openWith(t, pool.Config{Workers: 1, Clock: clock, Logger: slog.New(slog.NewTextHandler(log, nil))})
	l, err := p.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	for range 3 {
		c, err := net.Dial("tcp", l.Addr().String())
		require.NoError(t, err)
		defer c.Close()
	}
	var old syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &old))
	restore := func() { require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &old)) }
	t.Cleanup(restore)
	accepted := 0
	// attempt has a task accept a connection while there are no descriptors, and then again. It returns how often
	// that was said.
	attempt := func(then time.Duration) (times int) {
		free, err := syscall.Dup(0) // the lowest free number
		require.NoError(t, err)
		require.NoError(t, syscall.Close(free))
		low := old
		set(&low.Cur, free)
		require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low))
		var g task.Group
		g.Go(p, task.Func(func(cx *task.Cx) error {
			if _, err := l.Accept(cx); err != nil {
				return err
			}
			accepted++
			return nil
		}))
		require.NoError(t, p.WaitIdle(patient(t)))
		rests := p.Stats().Timers > 0
		restore()
		clock.Advance(then)
		require.NoError(t, g.WaitContext(patient(t)))
		require.True(t, rests, "there was a descriptor")
		for len(log) > 0 {
			if strings.Contains(<-log, text) {
				times++
			}
		}
		return times
	}
	require.Equal(t, 1, attempt(100*time.Millisecond))
	require.Equal(t, 0, attempt(time.Second), "it was said a moment ago")
	require.Equal(t, 1, attempt(100*time.Millisecond), "it was said a second ago")
	require.Equal(t, 3, accepted)
}

// If what is to make a connection's task panics, the connection does not stay behind.
func TestServeWithoutTask(t *testing.T) {
	p := open(t, 1)
	l, err := p.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	raised := make(chan any, 1)
	go func() {
		defer func() { raised <- recover() }()
		_ = run(p, func(cx *task.Cx) error {
			return reactor.Serve(cx, l, func(*reactor.Conn) task.Task { panic("a bug") })
		})
	}()
	c, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer c.Close()
	require.IsType(t, &task.PanicError{}, <-raised)
	require.NoError(t, c.SetReadDeadline(time.Now().Add(20*time.Second)))
	_, err = c.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
	r, err := p.Reactor()
	require.NoError(t, err)
	require.Equal(t, 1, r.Used(), "the listener, and nothing else")
}
