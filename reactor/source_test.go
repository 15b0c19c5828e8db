//go:build unix

package reactor_test

import (
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
)

// pipe returns the ends of a pipe as sources of p.
func pipe(t testing.TB, p *pool.Pool) (r, w *reactor.Source) {
	t.Helper()
	var fds [2]int
	require.NoError(t, unix.Pipe(fds[:]))
	for i, s := range []**reactor.Source{&r, &w} {
		unix.CloseOnExec(fds[i])
		require.NoError(t, unix.SetNonblock(fds[i], true))
		*s = source(t, p, fds[i])
	}
	return r, w
}

// source returns a source of p for a descriptor.
func source(t testing.TB, p *pool.Pool, fd int) *reactor.Source {
	t.Helper()
	r, err := p.Reactor()
	require.NoError(t, err)
	s, err := r.NewSource(fd)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// taking reads from s, writing writes to it.
func taking(s *reactor.Source, cx *task.Cx, b []byte) (int, error) {
	return s.Do(cx, reactor.Read, func(fd int) (int, error) { return unix.Read(fd, b) })
}

func writeRecord(s *reactor.Source, cx *task.Cx, b []byte) (int, error) {
	return s.Do(cx, reactor.Write, func(fd int) (int, error) { return unix.Write(fd, b) })
}

// A task waits for a pipe in both directions: more goes through it than it holds.
func TestSourcePipe(t *testing.T) {
	const total = 1 << 20
	for _, workers := range []int{1, 2} {
		p := open(t, workers)
		r, w := pipe(t, p)
		var g task.Group
		sent, got := 0, 0
		out, in := make([]byte, 50_000), make([]byte, 3000)
		g.Go(p, task.Func(func(cx *task.Cx) error {
			for sent < total {
				for i := range out {
					out[i] = byte((sent + i) % 251)
				}
				n, err := writeRecord(w, cx, out[:min(len(out), total-sent)])
				if err != nil {
					return err
				}
				sent += n
			}
			return w.Close()
		}))
		g.Go(p, task.Func(func(cx *task.Cx) error {
			for {
				n, err := taking(r, cx, in)
				if err != nil || n == 0 {
					return err
				}
				for i, b := range in[:n] {
					if b != byte((got+i)%251) {
						return errBoom
					}
				}
				got += n
			}
		}))
		require.NoError(t, g.WaitContext(patient(t)))
		require.Equal(t, total, got)
	}
}

// Wait answers what is so: again and again as long as it is ready, and not once what made it ready
// was used up, whoever has done that.
func TestSourceWait(t *testing.T) {
	p := open(t, 1)
	r, w := pipe(t, p)
	wait := func(m reactor.Mode) error {
		return byTask(p, func(cx *task.Cx) error {
			for range 3 {
				if err := r.Wait(cx, m); err != nil {
					if task.IsPending(err) {
						return errBoom
					}
					return err
				}
			}
			return nil
		})
	}
	require.ErrorIs(t, wait(reactor.Read), errBoom, "nothing is there")
	require.NoError(t, byTask(p, func(cx *task.Cx) error { _, err := writeRecord(w, cx, []byte("xy")); return err }))
	require.NoError(t, wait(reactor.Read))
	b := make([]byte, 1)
	require.NoError(t, byTask(p, func(cx *task.Cx) error { _, err := taking(r, cx, b); return err }))
	require.NoError(t, wait(reactor.Read), "a part was left")
	require.NoError(t, byTask(p, func(cx *task.Cx) error { _, err := taking(r, cx, b); return err }))
	require.ErrorIs(t, wait(reactor.Read), errBoom, "nothing is left")
	var g task.Group
	g.Go(p, task.Func(func(cx *task.Cx) error { return r.Wait(cx, reactor.Read) }))
	require.NoError(t, p.WaitIdle(patient(t)))
	require.NoError(t, w.Close())
	require.NoError(t, g.WaitContext(patient(t)), "the end is something to read")
}

// For both directions at a time there is task.First.
func TestSourceWaitForEither(t *testing.T) {
	p := open(t, 1)
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	require.NoError(t, err)
	defer unix.Close(fds[1])
	require.NoError(t, unix.SetNonblock(fds[0], true))
	s := source(t, p, fds[0])
	which := func() (i int, err error) {
		err = byTask(p, func(cx *task.Cx) (err error) {
			i, err = task.First(s.Wait(cx, reactor.Read), s.Wait(cx, reactor.Write))
			return err
		})
		return i, err
	}
	i, err := which()
	require.NoError(t, err)
	require.Equal(t, 1, i)
	for full := []byte(nil); err == nil; {
		full = make([]byte, 4096)
		_, err = unix.Write(fds[0], full)
	}
	require.ErrorIs(t, err, unix.EAGAIN)
	var g task.Group
	g.Go(p, task.Func(func(cx *task.Cx) (err error) {
		i, err = task.First(s.Wait(cx, reactor.Read), s.Wait(cx, reactor.Write))
		return err
	}))
	require.NoError(t, p.WaitIdle(patient(t)))
	_, err = unix.Write(fds[1], []byte("x"))
	require.NoError(t, err)
	require.NoError(t, g.WaitContext(patient(t)))
	require.Zero(t, i)
}

// Deadlines and Close end waits, and so does the pool; then it is closed for all.
func TestSourceEnds(t *testing.T) {
	p, clock := clocked(t)
	for name, end := range map[string]struct {
		do   func(s *reactor.Source)
		want error
	}{
		"deadline": {func(s *reactor.Source) {
			_ = s.SetReadDeadline(clock.Now().Add(time.Second))
			clock.Advance(2 * time.Second)
		}, os.ErrDeadlineExceeded},
		"both": {func(s *reactor.Source) {
			_ = s.SetDeadline(clock.Now().Add(time.Second))
			clock.Advance(2 * time.Second)
		}, os.ErrDeadlineExceeded},
		"close": {func(s *reactor.Source) { _ = s.Close() }, net.ErrClosed},
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := pipe(t, p)
			var all [2]task.Group
			b := make([]byte, 1)
			all[0].Go(p, task.Func(func(cx *task.Cx) error { _, err := taking(r, cx, b); return err }))
			all[1].Go(p, task.Func(func(cx *task.Cx) error { return r.Wait(cx, reactor.Read) }))
			require.NoError(t, p.WaitIdle(patient(t)))
			end.do(r)
			for i := range all {
				require.ErrorIs(t, all[i].WaitContext(patient(t)), end.want)
			}
		})
	}
	r, w := pipe(t, p)
	require.NoError(t, w.SetWriteDeadline(clock.Now().Add(-time.Second)))
	require.ErrorIs(t, byTask(p, func(cx *task.Cx) error { return w.Wait(cx, reactor.Write) }), os.ErrDeadlineExceeded)
	require.NoError(t, p.Close())
	require.ErrorIs(t, r.Close(), net.ErrClosed)
	require.ErrorIs(t, r.SetDeadline(time.Time{}), net.ErrClosed)
}

// What cannot be waited for is refused, and closed.
func TestSourceRefused(t *testing.T) {
	p := open(t, 1)
	r, err := p.Reactor()
	require.NoError(t, err)
	file := func() int {
		fd, err := unix.Open(filepath.Join(t.TempDir(), "file"), unix.O_CREAT|unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0o600)
		require.NoError(t, err)
		return fd
	}
	var fds [2]int
	require.NoError(t, unix.Pipe(fds[:]))
	defer unix.Close(fds[1])
	for _, fd := range []int{file(), fds[0]} {
		_, err = r.NewSource(fd)
		require.ErrorContains(t, err, "reactor: source")
		require.ErrorIs(t, unix.Close(fd), unix.EBADF)
	}
	require.ErrorContains(t, err, "O_NONBLOCK")
	require.Zero(t, r.Used())
	a, _ := pipe(t, p)
	require.Panics(t, func() {
		_ = byTask(p, func(cx *task.Cx) error { return a.Wait(cx, reactor.Read|reactor.Write) })
	})
}
