package reactor_test

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
)

// count reads a descriptor that counts.
func count(s *reactor.Source, cx *task.Cx) (uint64, error) {
	var b [8]byte
	_, err := taking(s, cx, b[:])
	return binary.NativeEndian.Uint64(b[:]), err
}

// Two tasks that take from an eventfd with a token for each write get all of them, each once.
func TestSourceEvents(t *testing.T) {
	const tokens = 1000
	p := open(t, 2)
	fd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC|unix.EFD_SEMAPHORE)
	require.NoError(t, err)
	own, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	require.NoError(t, err)
	defer unix.Close(own)
	s := source(t, p, fd)
	var g task.Group
	for range 2 {
		got := 0
		g.Go(p, task.Func(func(cx *task.Cx) error {
			for got < tokens/2 {
				n, err := count(s, cx)
				if err != nil {
					return err
				}
				if n != 1 {
					return errBoom
				}
				got++
			}
			return nil
		}))
	}
	one := binary.NativeEndian.AppendUint64(nil, 1)
	for range tokens {
		_, err := unix.Write(own, one)
		require.NoError(t, err)
	}
	require.NoError(t, g.WaitContext(patient(t)))
	require.ErrorIs(t, byTask(p, func(cx *task.Cx) error {
		if _, err := count(s, cx); !task.IsPending(err) {
			return err
		}
		return errBoom
	}), errBoom, "none is left")
}

// A timerfd is a source as any other.
func TestSourceTimer(t *testing.T) {
	p := open(t, 1)
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	require.NoError(t, err)
	every := unix.NsecToTimespec(int64(time.Millisecond))
	start, rings := time.Now(), uint64(0)
	require.NoError(t, unix.TimerfdSettime(fd, 0, &unix.ItimerSpec{Interval: every, Value: every}, nil))
	s := source(t, p, fd)
	require.NoError(t, p.Run(patient(t), task.Func(func(cx *task.Cx) error {
		for rings < 5 {
			if err := s.Wait(cx, reactor.Read); err != nil {
				return err
			}
			n, err := count(s, cx)
			if err != nil {
				return err
			}
			rings += n
		}
		return nil
	})))
	require.GreaterOrEqual(t, time.Since(start), 5*time.Millisecond)
}
