//go:build unix

package reactor_test

import (
	"bytes"
	"errors"
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
	"github.com/heist-go/heist/task/combine"
)

// waits waits until p has nothing to do.
func waits(t testing.TB, p *pool.Pool) {
	t.Helper()
	require.NoError(t, p.WaitIdle(patient(t)))
}

// stuffed is a connection that the kernel takes nothing for until the peer reads. (TCP tries now
// and then whether there is a little room, after all.)
func stuffed(t testing.TB, p *pool.Pool) (*reactor.Conn, net.Conn) {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	require.NoError(t, err)
	defer l.Close()
	ours, err := net.Dial("unix", l.Addr().String())
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
	raw, err := ours.(syscall.Conn).SyscallConn()
	require.NoError(t, err)
	require.NoError(t, raw.Control(func(fd uintptr) {
		for size := 1 << 16; size > 0; {
			if _, err := syscall.Write(int(fd), make([]byte, size)); err == syscall.EAGAIN {
				size /= 2
			} else {
				require.NoError(t, err)
			}
		}
	}))
	return c, peer
}

// loser gives up op, which has to suspend. When the function that it returns is called, the
// task that has done so ends, if it has not yet.
type loser func(t *testing.T, p *pool.Pool, op func(*task.Cx) error) (end func())

// losers are the ways in which an operation is given up, by a task that lives on.
var losers = map[string]loser{
	"lost in a select": func(t *testing.T, p *pool.Pool, op func(*task.Cx) error) func() {
		var stop, end task.Promise[int]
		var sel combine.Select
		lost := false
		h := task.Go(p, func(cx *task.Cx) (int, error) {
			if !lost {
				i, err := sel.Wait(cx, op, func(cx *task.Cx) error { _, err := stop.Wait(cx); return err })
				if err != nil {
					return 0, err
				}
				if lost = true; i != 1 {
					return 0, errors.New("it has not suspended")
				}
			}
			return end.Wait(cx)
		})
		waits(t, p)
		stop.Resolve(1, nil)
		waits(t, p)
		return func() { end.Resolve(1, nil); _, err := h.WaitContext(background); require.NoError(t, err) }
	},
	"lost in a timeout": func(t *testing.T, p *pool.Pool, op func(*task.Cx) error) func() {
		var end task.Promise[int]
		var limit combine.Timeout
		late := make(chan error, 1)
		lost := false
		h := task.Go(p, func(cx *task.Cx) (int, error) {
			if !lost {
				err := limit.Wait(cx, 20*time.Millisecond, op)
				if task.IsPending(err) {
					return 0, err
				}
				lost = true
				late <- err
			}
			return end.Wait(cx)
		})
		require.ErrorIs(t, <-late, task.ErrTimeout)
		waits(t, p)
		return func() { end.Resolve(1, nil); _, err := h.WaitContext(background); require.NoError(t, err) }
	},
	"walked away from": func(t *testing.T, p *pool.Pool, op func(*task.Cx) error) func() {
		var stop, end task.Promise[int]
		h := task.Go(p, func(cx *task.Cx) (int, error) {
			if _, err := stop.Wait(cx); err == nil {
				return end.Wait(cx)
			}
			return 0, op(cx)
		})
		waits(t, p)
		stop.Resolve(1, nil)
		waits(t, p)
		return func() { end.Resolve(1, nil); _, err := h.WaitContext(background); require.NoError(t, err) }
	},
}

// enders are those in which its task ends.
var enders = map[string]loser{
	"ended":    ender(func() error { return nil }),
	"failed":   ender(func() error { return errBoom }),
	"panicked": ender(func() error { panic(errBoom) }),
	"canceled": func(t *testing.T, p *pool.Pool, op func(*task.Cx) error) func() {
		var g task.Group
		g.Go(p, task.Func(op))
		waits(t, p)
		g.Cancel(errBoom)
		require.ErrorIs(t, g.WaitContext(patient(t)), errBoom)
		return func() {}
	},
}

func ender(end func() error) loser {
	return func(t *testing.T, p *pool.Pool, op func(*task.Cx) error) func() {
		var stop task.Promise[int]
		h := task.Go(p, func(cx *task.Cx) (int, error) {
			if _, err := stop.Wait(cx); err == nil {
				return 0, end()
			}
			return 0, op(cx)
		})
		waits(t, p)
		stop.Resolve(1, nil)
		func() {
			defer func() { _ = recover() }()
			_, _ = h.WaitContext(patient(t))
		}()
		return func() {}
	}
}

// all returns both kinds.
func all(kinds ...map[string]loser) map[string]loser {
	m := map[string]loser{}
	for _, k := range kinds {
		for name, l := range k {
			m[name] = l
		}
	}
	return m
}

// byTask runs f in a task of p.
func byTask(p *pool.Pool, f func(*task.Cx) error) error { return p.Run(background, task.Func(f)) }

// those who come behind a write that was given up.
var behind = map[string]func(p *pool.Pool, c *reactor.Conn) error{
	"Write": func(p *pool.Pool, c *reactor.Conn) error {
		return byTask(p, func(cx *task.Cx) error { return c.Write(cx, []byte("BYE\n")) })
	},
	"Writev": func(p *pool.Pool, c *reactor.Conn) error {
		return byTask(p, func(cx *task.Cx) error { return c.Writev(cx, []byte("BYE"), []byte("\n")) })
	},
	"Flush":      func(p *pool.Pool, c *reactor.Conn) error { return byTask(p, c.Flush) },
	"Hangup":     func(p *pool.Pool, c *reactor.Conn) error { return byTask(p, c.Hangup) },
	"CloseWrite": func(_ *pool.Pool, c *reactor.Conn) error { return c.CloseWrite() },
	"Std": func(_ *pool.Pool, c *reactor.Conn) error {
		_, err := c.Std().Write([]byte("BYE\n"))
		return err
	},
}

// Who comes behind a write that has sent a part and was given up, in whatever way, is told so;
// nothing is sent behind it, and what was posted is dropped and counted.
func TestTorn(t *testing.T) {
	for how, lose := range all(losers, enders) {
		for who, next := range behind {
			t.Run(how+", "+who, func(t *testing.T) {
				p := open(t, 2)
				c, peer := pair(t, p)
				big := make([]byte, 16<<20)
				write := func(cx *task.Cx) error { return c.Write(cx, big) }
				if who == "Writev" {
					write = func(cx *task.Cx) error { return c.Writev(cx, big[:1<<20], big[1<<20:]) }
				}
				end := lose(t, p, write)
				_, lives := losers[how]
				if err := c.Post([]byte("posted")); lives {
					require.NoError(t, err, "its task may go on")
					require.Equal(t, 6, c.Queued())
				} else {
					require.ErrorIs(t, err, reactor.ErrTorn)
				}
				torn := ends(t, who, func() error { return next(p, c) })
				require.ErrorIs(t, torn, reactor.ErrTorn)
				var e *reactor.WriteError
				require.ErrorAs(t, torn, &e)
				require.True(t, e.Torn && 0 < e.Sent && e.Sent < e.Size && e.Size == len(big), "%v", e)
				if posts, size := c.Dropped(); lives {
					require.Equal(t, []int{1, 6}, []int{posts, size})
				}
				require.Zero(t, c.Queued())
				end()
				if who != "Hangup" { // which closes
					require.ErrorIs(t, c.Post([]byte("BYE\n")), reactor.ErrTorn)
					for name, again := range behind {
						if name != "Hangup" {
							require.ErrorIs(t, ends(t, name, func() error { return again(p, c) }), reactor.ErrTorn, name)
						}
					}
					_, err := peer.Write([]byte("still")) // reading goes on
					require.NoError(t, err)
					b := make([]byte, 5)
					require.NoError(t, byTask(p, func(cx *task.Cx) error { return c.ReadFull(cx, b) }))
					require.Equal(t, "still", string(b))
					require.NoError(t, c.Close())
				}
				require.NoError(t, peer.SetReadDeadline(time.Now().Add(20*time.Second)))
				got, err := io.ReadAll(peer)
				require.NoError(t, err)
				require.Len(t, got, e.Sent, "what the error says")
				require.Equal(t, -1, bytes.IndexFunc(got, func(r rune) bool { return r != 0 }), "behind a torn write")
			})
		}
	}
}

// Who has posted while its writer might have gone on is told once that has ended.
func TestTornByTheEnd(t *testing.T) {
	p := open(t, 2)
	c, _ := pair(t, p)
	big := make([]byte, 16<<20)
	end := losers["lost in a select"](t, p, func(cx *task.Cx) error { return c.Write(cx, big) })
	require.NoError(t, c.Post([]byte("before")))
	end()
	require.ErrorIs(t, c.Post([]byte("after")), reactor.ErrTorn)
	posts, size := c.Dropped()
	require.Equal(t, []int{1, 6}, []int{posts, size})
}

// Those who wait for their turn are told when the one before tears the stream.
func TestTornBeforeOthers(t *testing.T) {
	for who, next := range behind {
		if who == "CloseWrite" {
			continue // does not wait
		}
		t.Run(who, func(t *testing.T) {
			p := open(t, 2)
			c, _ := pair(t, p)
			var stop task.Promise[int]
			h := task.Go(p, func(cx *task.Cx) (int, error) {
				if v, err := stop.Wait(cx); err == nil {
					return v, nil
				}
				return 0, c.Write(cx, make([]byte, 16<<20))
			})
			waits(t, p)
			told := make(chan error, 1)
			go func() { told <- next(p, c) }()
			if who != "Std" { // that waits by now, or not: the same has to come of it
				require.Eventually(t, func() bool { return p.Stats().Live == 2 }, 10*time.Second, time.Millisecond)
				waits(t, p)
			}
			stop.Resolve(1, nil)
			_, err := h.WaitContext(patient(t))
			require.NoError(t, err)
			require.ErrorIs(t, ends(t, who, func() error { return <-told }), reactor.ErrTorn)
		})
	}
}

// A write that was given up goes on when its task writes the same bytes, and what was posted
// comes behind it.
func TestWriteComesBack(t *testing.T) {
	for name, writes := range map[string]func(c *reactor.Conn, cx *task.Cx, b []byte) error{
		"Write":  func(c *reactor.Conn, cx *task.Cx, b []byte) error { return c.Write(cx, b) },
		"Writev": func(c *reactor.Conn, cx *task.Cx, b []byte) error { return c.Writev(cx, b[:1000], nil, b[1000:]) },
	} {
		t.Run(name, func(t *testing.T) {
			p := open(t, 2)
			c, peer := pair(t, p)
			big := make([]byte, 8<<20)
			for i := range big {
				big[i] = byte(i * 7 >> 3)
			}
			var limit combine.Timeout
			tries := make(chan int, 1000)
			var stages task.Seq
			h := task.Go(p, func(cx *task.Cx) (int, error) {
				return 0, stages.Run(cx,
					func(cx *task.Cx) error {
						err := limit.Wait(cx, 10*time.Millisecond, func(cx *task.Cx) error { return writes(c, cx, big) })
						if task.IsPending(err) {
							return err
						}
						require.ErrorIs(t, err, task.ErrTimeout)
						tries <- 1
						return nil
					},
					func(cx *task.Cx) error { // a deadline is one more way to be interrupted
						if len(tries) == 1 {
							require.NoError(t, c.SetWriteDeadline(time.Now().Add(10*time.Millisecond)))
							tries <- 2
						}
						err := writes(c, cx, big)
						if task.IsPending(err) {
							return err
						}
						require.ErrorIs(t, err, os.ErrDeadlineExceeded)
						require.NotErrorIs(t, err, reactor.ErrTorn)
						var e *reactor.WriteError
						require.ErrorAs(t, err, &e)
						require.Less(t, 0, e.Sent)
						require.Equal(t, len(big), e.Size)
						require.NoError(t, c.SetWriteDeadline(time.Time{}))
						require.NoError(t, c.Post([]byte("posted")))
						return nil
					},
					func(cx *task.Cx) error { return writes(c, cx, big) },
				)
			})
			require.Eventually(t, func() bool { return c.Queued() == 6 }, 10*time.Second, time.Millisecond)
			got := make([]byte, len(big)+6)
			require.NoError(t, peer.SetReadDeadline(time.Now().Add(20*time.Second)))
			_, err := io.ReadFull(peer, got)
			require.NoError(t, err)
			require.True(t, bytes.Equal(got, append(big, "posted"...)))
			_, err = h.WaitContext(patient(t))
			require.NoError(t, err)
		})
	}
}

// A task that writes something else has torn the stream, in the same wait, too.
func TestTornByOther(t *testing.T) {
	p := open(t, 1)
	c, _ := pair(t, p)
	big := make([]byte, 16<<20)
	first := true
	err := byTask(p, func(cx *task.Cx) error {
		if first {
			first = false
			require.True(t, task.IsPending(c.Write(cx, big)))
			return cx.Yield()
		}
		return c.Write(cx, big[1:])
	})
	require.ErrorIs(t, err, reactor.ErrTorn)
}

// A write that has sent nothing leaves no trace, in whatever way it is given up: neither while
// the kernel takes nothing, nor while it waits in line.
func TestNoTear(t *testing.T) {
	for how, lose := range all(losers, enders) {
		t.Run(how, func(t *testing.T) {
			p := open(t, 2)
			c, peer := stuffed(t, p)
			end := lose(t, p, func(cx *task.Cx) error { return c.Write(cx, []byte("never sent")) })
			require.NoError(t, c.Post([]byte("posted")))
			end2 := lose(t, p, func(cx *task.Cx) error { return c.Write(cx, []byte("never sent either")) }) // behind the post
			sent := make(chan error, 1)
			go func() {
				sent <- byTask(p, func(cx *task.Cx) error { return c.Write(cx, []byte("written")) })
				_ = c.Close()
			}()
			require.NoError(t, peer.SetReadDeadline(time.Now().Add(20*time.Second)))
			got, err := io.ReadAll(peer)
			require.NoError(t, err)
			require.NoError(t, <-sent)
			require.Equal(t, "postedwritten", string(bytes.TrimLeft(got, "\x00")))
			end()
			end2()
		})
	}
}

// Two branches write at the same time: one after the other, each whole. It is so, too, if what
// is polled first is not what has begun.
func TestWriteInTwoBranches(t *testing.T) {
	p := open(t, 1)
	c, peer := pair(t, p)
	a, b := bytes.Repeat([]byte("a"), 4<<20), bytes.Repeat([]byte("b"), 4<<20)
	var both combine.All
	h := task.Go(p, func(cx *task.Cx) (int, error) {
		return 0, both.Wait(cx,
			func(cx *task.Cx) error { return c.Write(cx, a) },
			func(cx *task.Cx) error { return c.Writev(cx, b) },
			c.Flush,
		)
	})
	waits(t, p)
	got := make([]byte, len(a)+len(b))
	require.NoError(t, peer.SetReadDeadline(time.Now().Add(20*time.Second)))
	_, err := io.ReadFull(peer, got)
	require.NoError(t, err)
	require.True(t, bytes.Equal(got, append(a, b...)))
	_, err = h.WaitContext(patient(t))
	require.NoError(t, err)
}

// A write in a branch that nobody polls any more makes way for the task's next one.
func TestWriteBesideAForgottenBranch(t *testing.T) {
	p := open(t, 1)
	c, peer := stuffed(t, p)
	var sel combine.Select
	var stop task.Promise[int]
	h := task.Go(p, func(cx *task.Cx) (int, error) {
		if _, err := stop.Wait(cx); err == nil {
			return 0, c.Write(cx, []byte("second"))
		}
		_, err := sel.Wait(cx, func(cx *task.Cx) error { return c.Write(cx, []byte("first")) })
		return 0, err
	})
	waits(t, p)
	stop.Resolve(1, nil)
	waits(t, p)
	require.NoError(t, peer.SetReadDeadline(time.Now().Add(20*time.Second)))
	done := make(chan error, 1)
	go func() { _, err := h.WaitContext(background); done <- err; _ = c.Close() }()
	got, err := io.ReadAll(peer)
	require.NoError(t, err)
	require.NoError(t, <-done)
	require.Equal(t, "second", string(bytes.TrimLeft(got, "\x00")))
}

// partly writes b until a deadline comes, and returns how much was sent: a part.
func partly(t *testing.T, c net.Conn, b []byte) (n int) {
	t.Helper()
	for d := 10 * time.Millisecond; n == 0; d *= 2 { // a slow machine may not get as far at first
		require.NoError(t, c.SetWriteDeadline(time.Now().Add(d)))
		var err error
		n, err = c.Write(b)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	}
	return n
}

// A write of goroutines that a deadline has ended goes on as package net's; tasks that write are
// told that there is a part before them.
func TestStdWriteInParts(t *testing.T) {
	p := open(t, 2)
	c, peer := pair(t, p)
	std := c.Std()
	big := bytes.Repeat([]byte("x"), 16<<20)
	n := partly(t, std, big)
	require.NoError(t, std.SetWriteDeadline(time.Time{}))
	require.NoError(t, c.Post([]byte("posted")))
	rest := make(chan error, 1)
	go func() { _, err := std.Write(big[n:]); rest <- err }()
	got := make([]byte, len(big)+6)
	require.NoError(t, peer.SetReadDeadline(time.Now().Add(20*time.Second)))
	_, err := io.ReadFull(peer, got)
	require.NoError(t, err)
	require.NoError(t, <-rest)
	require.True(t, bytes.Equal(got, append(big, "posted"...)))

	partly(t, std, big)
	require.NoError(t, std.SetWriteDeadline(time.Time{}))
	require.ErrorIs(t, byTask(p, func(cx *task.Cx) error { return c.Write(cx, []byte("x")) }), reactor.ErrTorn)
	_, err = std.Write(big)
	require.ErrorIs(t, err, reactor.ErrTorn)
}

// Bytes that are changed between two polls of their write are found where mistakes are looked for.
func TestWriteChanged(t *testing.T) {
	if !invariant.Enabled {
		t.Skip("with -race or -tags heistdebug")
	}
	p := open(t, 1)
	c, peer := pair(t, p)
	big := make([]byte, 16<<20)
	waiting := false
	err := raised(func() error {
		return byTask(p, func(cx *task.Cx) error {
			err := c.Write(cx, big)
			if big[0]++; !waiting {
				waiting = true
				go func() { _, _ = io.Copy(io.Discard, peer) }()
			}
			return err
		})
	})
	require.ErrorContains(t, err, "were changed before it was called again")
}

// raised returns f's panic.
func raised(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = p.(error)
		}
	}()
	return f()
}

// What is lent must not be posted, nor written if that has to wait.
func TestLentIsNotKept(t *testing.T) {
	if !invariant.Enabled {
		t.Skip("with -race or -tags heistdebug")
	}
	for name, read := range map[string]func(*reactor.Conn, *task.Cx) ([]byte, error){
		"Next":      func(c *reactor.Conn, cx *task.Cx) ([]byte, error) { return c.Next(cx) },
		"ReadUntil": func(c *reactor.Conn, cx *task.Cx) ([]byte, error) { return c.ReadUntil(cx, '\n', 100) },
		"a part": func(c *reactor.Conn, cx *task.Cx) ([]byte, error) {
			b, err := c.ReadUntil(cx, '\n', 100)
			return b[:min(len(b), 1)], err
		},
	} {
		for what, keep := range map[string]func(*reactor.Conn, *task.Cx, []byte) error{
			"Post":  func(c *reactor.Conn, _ *task.Cx, b []byte) error { return c.Post(b) },
			"Write": func(c *reactor.Conn, cx *task.Cx, b []byte) error { return c.Write(cx, b) },
		} {
			t.Run(name+", "+what, func(t *testing.T) {
				p := open(t, 1)
				c, peer := pair(t, p)
				to, _ := stuffed(t, p)
				_, err := peer.Write([]byte("one\ntwo\n"))
				require.NoError(t, err)
				for range 2 {
					err := raised(func() error {
						return byTask(p, func(cx *task.Cx) error {
							b, err := read(c, cx)
							if err != nil {
								return err
							}
							require.NoError(t, c.Post(bytes.Clone(b)), "a copy is not lent")
							return keep(to, cx, b)
						})
					})
					require.ErrorContains(t, err, "bytes.Clone")
					if name == "Next" {
						break
					}
				}
			})
		}
	}
}

// All that was lent is overwritten when the poll ends, in whatever way.
func TestLentIsOverwritten(t *testing.T) {
	if !invariant.Enabled {
		t.Skip("with -race or -tags heistdebug")
	}
	for name, end := range map[string]func(*task.Cx) error{
		"suspended": (*task.Cx).Yield,
		"ended":     func(*task.Cx) error { return nil },
		"failed":    func(*task.Cx) error { return errBoom },
		"panicked":  func(*task.Cx) error { panic(errBoom) },
	} {
		t.Run(name, func(t *testing.T) {
			p := open(t, 1)
			c, peer := pair(t, p)
			_, err := peer.Write([]byte("one\ntwo\nrest"))
			require.NoError(t, err)
			var kept [][]byte
			_ = raised(func() error {
				return byTask(p, func(cx *task.Cx) error {
					if len(kept) > 0 {
						return nil
					}
					for range 2 {
						b, err := c.ReadUntil(cx, '\n', 100)
						if err != nil {
							return err
						}
						kept = append(kept, b)
					}
					b, err := c.Next(cx)
					kept = append(kept, b)
					require.NoError(t, err)
					require.Equal(t, "one\n two\n rest", string(bytes.Join(kept, []byte(" "))))
					return end(cx)
				})
			})
			require.Len(t, kept, 3)
			for _, b := range kept {
				require.Equal(t, bytes.Repeat([]byte{0xdb}, len(b)), b)
			}
		})
	}
}

// What was posted behind a part is dropped, and counted, when the connection is closed, also if its
// writer might have gone on.
func TestTornByClose(t *testing.T) {
	for how, lose := range losers {
		t.Run(how, func(t *testing.T) {
			p := open(t, 2)
			c, _ := pair(t, p)
			big := make([]byte, 16<<20)
			end := lose(t, p, func(cx *task.Cx) error { return c.Write(cx, big) })
			require.NoError(t, c.Post([]byte("posted")))
			require.NoError(t, c.Close())
			posts, size := c.Dropped()
			require.Equal(t, []int{1, 6}, []int{posts, size})
			require.Zero(t, c.Queued())
			end()
		})
	}
}

// It is the same when its writer has ended, after an error that it was told.
func TestTornAfterAnError(t *testing.T) {
	p := open(t, 2)
	c, _ := pair(t, p)
	big := make([]byte, 16<<20)
	posted := false
	err := byTask(p, func(cx *task.Cx) error {
		err := c.Write(cx, big)
		if !posted { // a part is on its way
			posted = true
			require.NoError(t, c.Post([]byte("posted")))
			require.NoError(t, c.SetWriteDeadline(time.Now().Add(time.Millisecond)))
		}
		return err
	})
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	posts, size := c.Dropped()
	require.Equal(t, []int{1, 6}, []int{posts, size})
	require.Zero(t, c.Queued())
}

// A write of goroutines that is called again and sends nothing has not undone the part before.
func TestStdWriteTwiceInParts(t *testing.T) {
	p := open(t, 2)
	c, _ := pair(t, p)
	std := c.Std()
	big := make([]byte, 16<<20)
	n := partly(t, std, big)
	k, err := std.Write(big[n:])
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.Zero(t, k)
	require.NoError(t, std.SetWriteDeadline(time.Time{}))
	require.NoError(t, c.Post([]byte("posted")))
	require.Equal(t, 6, c.Queued())
	require.ErrorIs(t, ends(t, "Write", func() error { return byTask(p, func(cx *task.Cx) error { return c.Write(cx, []byte("x")) }) }), reactor.ErrTorn)
}

// Nothing can be posted to a torn stream, not even nothing.
func TestTornForNothing(t *testing.T) {
	p := open(t, 2)
	c, _ := pair(t, p)
	enders["ended"](t, p, func(cx *task.Cx) error { return c.Write(cx, make([]byte, 16<<20)) })
	require.ErrorIs(t, c.Post(nil), reactor.ErrTorn)
}

// Who comes back with the rest when the connection was closed is told that.
func TestWriteComesBackLate(t *testing.T) {
	p := open(t, 2)
	c, _ := pair(t, p)
	big := make([]byte, 16<<20)
	var limit combine.Timeout
	stage := 0
	require.NoError(t, byTask(p, func(cx *task.Cx) error {
		if stage == 0 {
			err := limit.Wait(cx, 20*time.Millisecond, func(cx *task.Cx) error { return c.Write(cx, big) })
			if task.IsPending(err) {
				return err
			}
			stage = 1
			require.NoError(t, c.Close())
		}
		err := c.Write(cx, big)
		require.ErrorIs(t, err, net.ErrClosed)
		return nil
	}))
}

// A write that the kernel has refused in the middle cannot go on: its stream is torn at once, and
// all are told why.
func TestTornByReset(t *testing.T) {
	p := open(t, 1)
	c, peer := pair(t, p)
	var stop task.Promise[int]
	var seen error
	big := make([]byte, 16<<20)
	told := make(chan error, 1)
	h := task.Go(p, func(cx *task.Cx) (int, error) {
		if seen != nil {
			return stop.Wait(cx)
		}
		if err := c.Write(cx, big); task.IsPending(err) {
			return 0, err
		} else {
			seen = err
			told <- err
		}
		return stop.Wait(cx)
	})
	waits(t, p)
	require.NoError(t, c.Post([]byte("posted")))
	require.NoError(t, peer.SetLinger(0))
	require.NoError(t, peer.Close())
	got := <-told
	require.ErrorIs(t, got, syscall.ECONNRESET)
	require.ErrorIs(t, got, reactor.ErrTorn)
	require.ErrorIs(t, c.Post([]byte("more")), syscall.ECONNRESET)
	posts, size := c.Dropped()
	require.Equal(t, []int{1, 6}, []int{posts, size})
	require.Zero(t, c.Queued())
	stop.Resolve(1, nil)
	_, err := h.WaitContext(patient(t))
	require.NoError(t, err)
}
