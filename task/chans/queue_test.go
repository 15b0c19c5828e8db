package chans_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/combine"
)

// What Chan and Mailbox promise both.

func TestRoomForNothing(t *testing.T) {
	require.PanicsWithValue(t, "chans: New(0): a channel has room for at least one value", func() { chans.New[int](0) })
	require.PanicsWithValue(t, "chans: NewMailbox(-1): a mailbox has room for at least one value", func() { chans.NewMailbox[int](-1) })
	require.PanicsWithValue(t, "chans: NewBroadcast(0): it keeps 1 to 16777216 values; a receiver that must not lose any gets a Chan of its own", func() { chans.NewBroadcast[int](0) })
}

func TestTry(t *testing.T) {
	each(t, func(t *testing.T, open func(int) queue) {
		for n := 1; n < 6; n++ {
			q := open(n)
			next := 0
			for round := range 4 * n { // with all positions of the ring
				_, err := q.TryRecv(nil)
				require.Equal(t, chans.ErrEmpty, err)
				for i := range n {
					require.NoError(t, q.TrySend(nil, next+i))
				}
				require.Equal(t, chans.ErrFull, q.TrySend(nil, -1), "%d values fit, and no more", n)
				for range n - round%2*(n/2) {
					v, err := q.TryRecv(nil)
					require.NoError(t, err)
					require.Equal(t, next, v)
					next++
				}
				for _, v := range rest(q) {
					require.Equal(t, next, v)
					next++
				}
			}
			idle(t, q)
		}
	})
}

// A task that sends to itself, as long as there is room.
func TestSendAndRecvOfOneTask(t *testing.T) {
	each(t, func(t *testing.T, open func(int) queue) {
		q := open(3)
		var got []int
		require.NoError(t, runSteps(
			sends(q, 1, 2, 3).poll,
			receives(q, &got, 2).poll,
			sends(q, 4, 5).poll,
			receives(q, &got, 3).poll,
		))
		require.Equal(t, []int{1, 2, 3, 4, 5}, got)
		idle(t, q)
	})
}

func TestSendWaitsForRoom(t *testing.T) {
	each(t, func(t *testing.T, open func(int) queue) {
		q := full(t, open)
		s := sends(q, 1)
		var g task.Group
		require.NoError(t, runSteps(
			start(&g, s), rounds(2),
			once(func(cx *task.Cx) {
				require.Empty(t, s.ends)
				require.Equal(t, 1, q.Left(), "a value is not in it before Send has returned nil")
				v, err := q.TryRecv(cx)
				require.NoError(t, err)
				require.Zero(t, v)
				require.Zero(t, q.Left())
				_, slots := q.Promised()
				require.Equal(t, 1, slots)
				require.Equal(t, chans.ErrFull, q.TrySend(cx, 9), "the room is promised")
			}),
			rounds(2),
		))
		require.Equal(t, []error{nil}, s.ends)
		require.Equal(t, 2, s.polls, "it was woken for what it waits for, once")
		require.Equal(t, []int{1}, rest(q))
		idle(t, q)
	})
}

func TestRecvWaitsForAValue(t *testing.T) {
	each(t, func(t *testing.T, open func(int) queue) {
		q := open(2)
		var got []int
		r := receives(q, &got, 1)
		var g task.Group
		require.NoError(t, runSteps(
			start(&g, r), rounds(2),
			once(func(cx *task.Cx) {
				require.Empty(t, r.ends)
				require.NoError(t, q.TrySend(cx, 7))
				require.Equal(t, 1, q.Left(), "a value is in it until Recv has returned it")
			}),
			rounds(2),
		))
		require.Equal(t, []int{7}, got)
		require.Equal(t, 2, r.polls)
		idle(t, q)
	})
}

// First come, first served.
func TestSendersAreServedInOrder(t *testing.T) {
	each(t, func(t *testing.T, open func(int) queue) {
		q := full(t, open)
		var g task.Group
		all := []step{}
		for i := range 50 {
			all = append(all, start(&g, sends(q, 2*i+1, 2*i+2)))
		}
		var got []int
		all = append(all, rounds(1), receives(q, &got, 101).poll, g.Wait)
		require.NoError(t, runSteps(all...))
		// Who has sent goes to the end of the line.
		var want []int
		for i := range 50 {
			want = append(want, 2*i+1)
		}
		require.Equal(t, append([]int{0}, want...), got[:51])
		require.IsIncreasing(t, got[51:])
		idle(t, q)
	})
}

func TestReceiversAreServedInOrder(t *testing.T) {
	c := chans.New[int](8)
	var g task.Group
	var order [][]int
	var all []step
	for i := range 50 {
		all = append(all, start(&g, steps(func(cx *task.Cx) error {
			v, err := c.Recv(cx)
			if err == nil {
				order = append(order, []int{i, v})
			}
			return err
		})))
	}
	all = append(all, rounds(1))
	for v := range 50 {
		all = append(all, func(cx *task.Cx) error { return c.Send(cx, v) })
	}
	require.NoError(t, runSteps(append(all, g.Wait)...))
	for i, o := range order {
		require.Equal(t, []int{i, i}, o)
	}
	require.Len(t, order, 50)
	idle(t, c)
}

// A goroutine and a task wait in one line.
func TestBothFacesInOneLine(t *testing.T) {
	for _, taskFirst := range []bool{false, true} {
		each(t, func(t *testing.T, open func(int) queue) {
			q := full(t, open)
			r := sends(q, 1)
			var other func() error
			goroutine := once(func(*task.Cx) {
				other = async(func() error { return q.SendContext(background, 2) })
				if taskFirst {
					until(func() bool { several, _ := q.Several(); return several })
				} else {
					until(func() bool { waits, _ := q.Waiting(); return waits })
				}
			})
			var g task.Group
			all := []step{goroutine, start(&g, r), rounds(1)}
			want := []int{0, 2, 1}
			if taskFirst {
				all, want = []step{start(&g, r), rounds(1), goroutine}, []int{0, 1, 2}
			}
			var got []int
			require.NoError(t, runSteps(append(all, receives(q, &got, 3).poll, g.Wait)...))
			require.NoError(t, other())
			require.Equal(t, want, got)
			idle(t, q)
		})
	}
}

// One queue that connects tasks and goroutines, in both directions at the same time.
func TestBothFacesInBothDirections(t *testing.T) {
	const senders, values = 2, 200
	each(t, func(t *testing.T, open func(int) queue) {
		p := openPool(t)
		there, back := open(3), open(2)
		var g task.Group
		for i := range senders {
			g.Go(p, sends(there, numbered(i, values)...))
			g.Goroutine(p, func(ctx context.Context) error {
				for _, v := range numbered(senders+i, values) {
					if err := there.SendContext(ctx, v); err != nil {
						return err
					}
				}
				return nil
			})
		}
		// A task sends what it gets on to a goroutine.
		var v int
		has := false
		left := 2 * senders * values
		g.Go(p, task.Func(func(cx *task.Cx) (err error) {
			for ; left > 0; left-- {
				if !has {
					if v, err = there.Recv(cx); err != nil {
						return err
					}
					has = true
				}
				if err := back.Send(cx, v); err != nil {
					return err
				}
				has = false
			}
			return nil
		}))
		var got []int
		for range 2 * senders * values {
			v, err := back.RecvContext(background)
			require.NoError(t, err)
			got = append(got, v)
		}
		require.NoError(t, g.WaitContext(background))
		inOrder(t, got, 2*senders, values)
		idle(t, there)
		idle(t, back)
	})
}

// numbered are the values of a sender.
func numbered(sender, n int) []int {
	vs := make([]int, n)
	for i := range vs {
		vs[i] = sender*1_000_000 + i
	}
	return vs
}

// inOrder requires that got are all values of so many senders, in the order of each.
func inOrder(t *testing.T, got []int, senders, n int) {
	t.Helper()
	require.Len(t, got, senders*n)
	next := make([]int, senders)
	for _, v := range got {
		from := v / 1_000_000
		require.Equal(t, next[from], v%1_000_000, "of sender %d", from)
		next[from]++
	}
}

func openPool(t testing.TB) *pool.Pool { return open(t, 2) }

func TestAClosedQueue(t *testing.T) {
	each(t, func(t *testing.T, open func(int) queue) {
		q := open(2)
		require.NoError(t, q.TrySend(nil, 1))
		require.NoError(t, q.TrySend(nil, 2))
		q.Close(nil)
		q.Close(nil)
		require.ErrorIs(t, q.TrySend(nil, 3), task.ErrClosed)
		require.ErrorIs(t, q.SendContext(background, 3), task.ErrClosed)
		require.ErrorIs(t, runSteps(sends(q, 3).poll), task.ErrClosed)
		require.EqualError(t, runSteps(sends(q, 3).poll), "chans: task: closed")

		v, err := q.TryRecv(nil)
		require.NoError(t, err)
		require.Equal(t, 1, v)
		v, err = q.RecvContext(background)
		require.NoError(t, err)
		require.Equal(t, 2, v)
		_, err = q.TryRecv(nil)
		require.ErrorIs(t, err, task.ErrClosed)
		_, err = q.RecvContext(background)
		require.ErrorIs(t, err, task.ErrClosed)
		require.ErrorIs(t, runSteps(receives(q, new([]int), 1).poll), task.ErrClosed)
		idle(t, q)
	})
}

func TestCloseTellsWhoWaitsToSend(t *testing.T) {
	each(t, func(t *testing.T, open func(int) queue) {
		q := full(t, open)
		s := sends(q, 1)
		other := async(func() error { return q.SendContext(background, 2) })
		until(func() bool { waits, _ := q.Waiting(); return waits })
		var g task.Group
		require.NoError(t, runSteps(start(&g, s), rounds(1), once(q.Close), g.Wait))
		require.ErrorIs(t, s.ends[0], task.ErrClosed)
		require.ErrorIs(t, other(), task.ErrClosed)
		require.Equal(t, []int{0}, rest(q))
		idle(t, q)
	})
}

func TestCloseTellsWhoWaitsToReceive(t *testing.T) {
	each(t, func(t *testing.T, open func(int) queue) {
		q := open(1)
		r := receives(q, new([]int), 1)
		var g task.Group
		require.NoError(t, runSteps(start(&g, r), rounds(1), once(q.Close), g.Wait))
		require.ErrorIs(t, r.ends[0], task.ErrClosed)

		q = open(1)
		other := async(func() error { _, err := q.RecvContext(background); return err })
		until(func() bool { _, waits := q.Waiting(); return waits })
		q.Close(nil)
		require.ErrorIs(t, other(), task.ErrClosed)
		idle(t, q)
	})
}

// Room that was promised before Close is used after it, and the receiver waits for that.
func TestCloseWhileRoomIsPromised(t *testing.T) {
	for _, canceled := range []bool{false, true} {
		each(t, func(t *testing.T, open func(int) queue) {
			q := full(t, open)
			s, late := sends(q, 1), sends(q, 2)
			var got []int
			r := receives(q, &got, 2)
			var g task.Group
			end := rounds(0)
			if canceled {
				end = cancel(s)
			}
			require.NoError(t, runSteps(
				start(&g, s, late), rounds(1),
				once(func(cx *task.Cx) {
					_, err := q.TryRecv(nil)
					require.NoError(t, err)
					q.Close(cx)
					_, err = q.TryRecv(cx)
					require.Equal(t, chans.ErrEmpty, err, "a value will come")
				}),
				end, start(&g, r), g.Wait,
			))
			require.ErrorIs(t, late.ends[0], task.ErrClosed)
			require.ErrorIs(t, r.ends[0], task.ErrClosed)
			if canceled {
				require.ErrorIs(t, s.ends[0], errBoom)
				require.Empty(t, got)
			} else {
				require.Equal(t, []error{nil}, s.ends)
				require.Equal(t, []int{1}, got)
			}
			idle(t, q)
		})
	}
}

func TestCanceledWhileItWaits(t *testing.T) {
	each(t, func(t *testing.T, open func(int) queue) {
		f, e := full(t, open), open(1)
		s, r := sends(f, 1), receives(e, new([]int), 1)
		var g task.Group
		require.NoError(t, runSteps(start(&g, s, r), rounds(1), cancel(s, r), g.Wait))
		for _, err := range append(s.ends, r.ends...) {
			require.ErrorIs(t, err, task.ErrCanceled)
			require.ErrorIs(t, err, errBoom)
		}
		require.Equal(t, []int{0}, rest(f), "a canceled Send has not sent")
		idle(t, f)
		idle(t, e)
	})
}

// Who is canceled after it was promised something passes that on.
func TestCanceledWithAPromise(t *testing.T) {
	each(t, func(t *testing.T, open func(int) queue) {
		q := full(t, open)
		s, next := sends(q, 1), sends(q, 2)
		var g task.Group
		require.NoError(t, runSteps(
			start(&g, s, next), rounds(1),
			once(func(cx *task.Cx) { _, _ = q.TryRecv(cx) }),
			cancel(s), g.Wait,
		))
		require.ErrorIs(t, s.ends[0], errBoom)
		require.Equal(t, []error{nil}, next.ends)
		require.Equal(t, []int{2}, rest(q))
		idle(t, q)
	})
	t.Run("a receiver", func(t *testing.T) {
		c := chans.New[int](1)
		var a, b []int
		r, next := receives(c, &a, 1), receives(c, &b, 1)
		var g task.Group
		require.NoError(t, runSteps(
			start(&g, r, next), rounds(1),
			once(func(cx *task.Cx) { require.NoError(t, c.TrySend(cx, 7)) }),
			cancel(r), g.Wait,
		))
		require.ErrorIs(t, r.ends[0], errBoom)
		require.Empty(t, a)
		require.Equal(t, []int{7}, b)
		idle(t, c)
	})
}

// A task that never has to wait learns all the same that it is canceled.
func TestCanceledWithoutAWait(t *testing.T) {
	each(t, func(t *testing.T, open func(int) queue) {
		q := open(1)
		done := 0
		busy := &recorder{poll: func(cx *task.Cx) error {
			for ; done < 10_000; done++ {
				if done%2 == 0 {
					if err := q.Send(cx, 1); err != nil {
						return err
					}
				} else if _, err := q.Recv(cx); err != nil {
					return err
				}
			}
			return nil
		}}
		var g task.Group
		require.NoError(t, runSteps(start(&g, busy), rounds(1), cancel(busy), g.Wait))
		require.ErrorIs(t, busy.ends[0], errBoom)
	})
}

// A canceled task that shields itself goes on as if it were not.
func TestShieldedWhileItWaits(t *testing.T) {
	each(t, func(t *testing.T, open func(int) queue) {
		q := full(t, open)
		s := &recorder{poll: func(cx *task.Cx) error {
			cx.Shield()
			return q.Send(cx, 1)
		}}
		var g task.Group
		require.NoError(t, runSteps(
			start(&g, s), rounds(1), cancel(s), rounds(3),
			once(func(cx *task.Cx) { _, _ = q.TryRecv(cx) }),
			g.Wait,
		))
		require.Equal(t, []error{nil}, s.ends)
		require.Equal(t, []int{1}, rest(q))
	})
}

// A task that ends, in whatever way, leaves the lines that it was in, and passes on what
// was promised to it.
func TestEndsWhileItWaits(t *testing.T) {
	ends := map[string]func() error{
		"well":    func() error { return nil },
		"badly":   func() error { return errBoom },
		"panics":  func() error { panic(errBoom) },
		"goexits": func() error { runtime.Goexit(); return nil },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, open func(int) queue) {
				for _, promised := range []bool{false, true} {
					q := full(t, open)
					first := true
					quitter := &recorder{poll: func(cx *task.Cx) error {
						if first {
							first = false
							_ = q.Send(cx, 1)
							return cx.Yield()
						}
						return end()
					}}
					next := sends(q, 2)
					var g, quits task.Group
					async(func() (none error) {
						return runSteps( // which a Goexit does not return from
							start(&quits, quitter), start(&g, next), rounds(1),
							once(func(cx *task.Cx) {
								if promised {
									_, _ = q.TryRecv(cx)
								}
							}),
							func(cx *task.Cx) error {
								defer func() { _ = recover() }()
								return quits.Wait(cx)
							},
							once(func(cx *task.Cx) {
								if !promised {
									_, _ = q.TryRecv(cx)
								}
							}),
							g.Wait,
						)
					})
					until(func() bool { return next.over.Load() == 1 })
					require.Equal(t, []error{nil}, next.ends)
					require.Equal(t, []int{2}, rest(q))
					require.Len(t, quitter.ends, 1)
					idle(t, q)
				}
			})
		})
	}
}

// A task that has ended while it waited may be spawned again: it waits anew.
func TestSpawnedAgain(t *testing.T) {
	each(t, func(t *testing.T, open func(int) queue) {
		q := full(t, open)
		s := sends(q, 1)
		for range 3 {
			var g task.Group
			require.NoError(t, runSteps(start(&g, s), rounds(1), cancel(s), g.Wait))
			idle(t, q)
		}
		var g task.Group
		require.NoError(t, runSteps(start(&g, s), rounds(1), once(func(cx *task.Cx) { _, _ = q.TryRecv(cx) }), g.Wait))
		require.NoError(t, s.ends[3])
		require.Equal(t, []int{1}, rest(q))
	})
}

// Who gives up a select has not sent, and passes on what it was promised.
func TestGivenUpBySelect(t *testing.T) {
	each(t, func(t *testing.T, open func(int) queue) {
		q := full(t, open)
		var stop task.Promise[int]
		var sel combine.Select
		at := -1
		s := steps(func(cx *task.Cx) (err error) {
			at, err = sel.Wait(cx, func(cx *task.Cx) error {
				_, err := stop.Wait(cx)
				return err
			}, func(cx *task.Cx) error { return q.Send(cx, 1) })
			return err
		})
		next := sends(q, 2)
		var g task.Group
		require.NoError(t, runSteps(
			start(&g, s, next), rounds(1),
			once(func(cx *task.Cx) {
				stop.Resolve(0, nil)
				_, _ = q.TryRecv(cx) // both in the same moment
			}),
			g.Wait,
		))
		require.Zero(t, at, "the promise is polled first")
		require.Equal(t, []int{2}, rest(q))
		idle(t, q)
	})
}

// A select of both ends of a channel, and of two channels.
func TestSelectOfQueues(t *testing.T) {
	each(t, func(t *testing.T, open func(int) queue) {
		a, b := open(1), full(t, open)
		var sel combine.Select
		var log []string
		ops := []combine.Op{
			func(cx *task.Cx) error {
				v, err := a.Recv(cx)
				if err == nil {
					log = append(log, fmt.Sprint("received ", v))
				}
				return err
			},
			func(cx *task.Cx) error {
				err := b.Send(cx, 1)
				if err == nil {
					log = append(log, "sent 1")
				}
				return err
			},
		}
		s := steps(func(cx *task.Cx) error {
			for len(log) < 4 {
				if _, err := sel.Wait(cx, ops...); err != nil {
					return err
				}
			}
			return nil
		})
		var g task.Group
		require.NoError(t, runSteps(
			start(&g, s), rounds(1),
			once(func(cx *task.Cx) { require.NoError(t, a.TrySend(cx, 5)) }), rounds(1),
			once(func(cx *task.Cx) { _, _ = b.TryRecv(cx) }), rounds(1),
			once(func(cx *task.Cx) { require.NoError(t, a.TrySend(cx, 6)) }), rounds(1),
			once(func(cx *task.Cx) { _, _ = b.TryRecv(cx) }),
			g.Wait,
		))
		require.Equal(t, []string{"received 5", "sent 1", "received 6", "sent 1"}, log)
		require.Equal(t, []int{1}, rest(b))
		idle(t, a)
		idle(t, b)
	})
}

func TestContextIsDone(t *testing.T) {
	each(t, func(t *testing.T, open func(int) queue) {
		f, e := full(t, open), open(1)
		ctx, cancel := context.WithCancelCause(background)
		sent := async(func() error { return f.SendContext(ctx, 1) })
		received := async(func() error { _, err := e.RecvContext(ctx); return err })
		until(func() bool { waits, _ := f.Waiting(); return waits })
		until(func() bool { _, waits := e.Waiting(); return waits })
		cancel(errBoom)
		for _, err := range []error{sent(), received()} {
			require.ErrorIs(t, err, errBoom)
			require.ErrorContains(t, err, "task: wait: ")
		}
		require.Equal(t, []int{0}, rest(f))
		idle(t, f)
		idle(t, e)

		require.ErrorIs(t, full(t, open).SendContext(ctx, 1), errBoom)
		_, err := e.RecvContext(ctx)
		require.ErrorIs(t, err, errBoom)
		require.NoError(t, e.SendContext(ctx, 1), "what does not wait goes before the context")
		v, err := e.RecvContext(ctx)
		require.NoError(t, err)
		require.Equal(t, 1, v)
	})
}

// A goroutine's wait ends at the same time as it is served: nothing is lost then, and
// nothing is promised for ever.
func TestContextIsDoneAtTheSameTime(t *testing.T) {
	each(t, func(t *testing.T, open func(int) queue) {
		var outcomes [2]int
		for range scale(3000) {
			q := full(t, open)
			ctx, cancel := context.WithCancel(background)
			sent := async(func() error { return q.SendContext(ctx, 1) })
			stop := async(func() error { runtime.Gosched(); cancel(); return nil })
			v, err := q.RecvContext(background)
			require.NoError(t, err)
			require.Zero(t, v)
			err = sent()
			_ = stop()
			want := []int{1}
			if err != nil {
				require.ErrorIs(t, err, context.Canceled)
				want = nil
				outcomes[0]++
			} else {
				outcomes[1]++
			}
			require.Equal(t, want, rest(q))
			idle(t, q)
		}
		t.Log("canceled and sent:", outcomes)
	})
}

// scale is n, or a tenth of it with -short.
func scale(n int) int {
	if testing.Short() {
		return n / 10
	}
	return n
}

func TestValues(t *testing.T) {
	each(t, func(t *testing.T, open func(int) queue) {
		q := open(8)
		for v := range 8 {
			require.NoError(t, q.TrySend(nil, v))
		}
		var got []int
		for v := range q.Values(background) {
			if got = append(got, v); v == 2 {
				break
			}
		}
		require.Equal(t, []int{0, 1, 2}, got)
		require.Equal(t, 5, q.Left(), "what was not yielded is still there")
		q.Close(nil)
		require.Equal(t, []int{3, 4, 5, 6, 7}, slices.Collect(q.Values(background)))

		q = open(1)
		ctx, cancel := context.WithCancel(background)
		all := async(func() []int { return slices.Collect(q.Values(ctx)) })
		require.NoError(t, q.SendContext(ctx, 1))
		until(func() bool { _, waits := q.Waiting(); return waits })
		cancel()
		require.Equal(t, []int{1}, all())
		idle(t, q)
	})
}

// Whoever always has something to receive learns that its context is done.
func TestValuesWhenTheContextIsDone(t *testing.T) {
	each(t, func(t *testing.T, open func(int) queue) {
		q := full(t, open)
		ctx, cancel := context.WithCancel(background)
		defer cancel()
		n := 0
		for v := range q.Values(ctx) {
			cancel()
			require.NoError(t, q.TrySend(nil, v+1))
			if n++; n == 10 {
				break
			}
		}
		require.Equal(t, 1, n)
	})
}

// Who never has to wait keeps nobody out, and a wait goes on in a poll without budget.
func TestBudget(t *testing.T) {
	const operations = 128 // of a poll
	each(t, func(t *testing.T, open func(int) queue) {
		q := open(operations)
		done, seen := 0, []int(nil)
		hog := &recorder{poll: func(cx *task.Cx) error {
			for ; done < 10*operations; done++ {
				op := func() error { return q.Send(cx, 1) }
				if done/operations%2 == 1 {
					op = func() error { _, err := q.Recv(cx); return err }
				}
				if err := op(); err != nil {
					return err
				}
			}
			return nil
		}}
		var g task.Group
		require.NoError(t, runSteps(start(&g, hog), func(cx *task.Cx) error {
			for len(seen) < 10 {
				if err := cx.Yield(); err != nil {
					return err
				}
				seen = append(seen, done)
			}
			return nil
		}, g.Wait))
		for i, n := range seen {
			require.Equal(t, (i+1)*operations, n)
		}

		// The budget ends between a promise and its use.
		q = full(t, open)
		first := true
		s := &recorder{poll: func(cx *task.Cx) error {
			if !first {
				for range operations {
					_ = cx.Spend()
				}
			}
			first = !first
			return q.Send(cx, 1)
		}}
		require.NoError(t, runSteps(start(&g, s), rounds(1), once(func(cx *task.Cx) { _, _ = q.TryRecv(cx) }), g.Wait))
		require.Equal(t, []error{nil}, s.ends)
		require.Equal(t, 3, s.polls)
		require.Equal(t, []int{1}, rest(q))
		idle(t, q)
	})
}

func TestNoAllocations(t *testing.T) {
	if invariant.Enabled {
		t.Skip("builds that check allocate")
	}
	each(t, func(t *testing.T, open func(int) queue) {
		q := open(1)
		require.Zero(t, allocations(t, func(cx *task.Cx) error {
			if err := q.Send(cx, 1); err != nil {
				return err
			}
			_, err := q.Recv(cx)
			return err
		}), "operations that are ready")

		// Two tasks that wait for one another all the time.
		there, back := open(1), open(1)
		var g task.Group
		echo := &recorder{}
		has := false
		echo.poll = func(cx *task.Cx) error {
			for {
				if !has {
					if _, err := there.Recv(cx); err != nil {
						return ignoreClosed(err)
					}
				}
				has = true
				if err := back.Send(cx, 1); err != nil {
					return ignoreClosed(err)
				}
				has = false
			}
		}
		sent, started := false, false
		require.Zero(t, allocations(t, func(cx *task.Cx) error {
			if !started {
				g.Go(cx, echo)
				started = true
			}
			if !sent {
				if err := there.Send(cx, 1); err != nil {
					return err
				}
				sent = true
			}
			if _, err := back.Recv(cx); err != nil {
				return err
			}
			sent = false
			return nil
		}), "operations that wait")
	})
}

// allocations returns how many allocations op makes, each time that it is over.
func allocations(t *testing.T, op step) float64 {
	t.Helper()
	p := open(t, 1) // the queue of task.Run allocates
	const warm, runs = 100, 1000
	n := 0
	var before, after runtime.MemStats
	require.NoError(t, p.Run(background, steps(func(cx *task.Cx) error {
		for ; n < warm+runs; n++ {
			if n == warm {
				runtime.ReadMemStats(&before)
			}
			if err := op(cx); err != nil {
				return err
			}
		}
		runtime.ReadMemStats(&after)
		return nil
	})))
	return float64((after.Mallocs - before.Mallocs) / runs) // rounded down, as by testing.AllocsPerRun
}

// Rooms of any size cost nothing before there are values, and values keep their order while the
// memory for them grows.
func TestHugeRooms(t *testing.T) {
	require.Panics(t, func() { chans.NewBroadcast[int](math.MaxInt) })
	for _, room := range []int{63, 64, 65, 1000, math.MaxInt >> 8, math.MaxInt} {
		c, m := chans.New[int](room), chans.NewMailbox[int](room)
		require.Equal(t, room, c.Cap())
		rng := rand.New(rand.NewPCG(1, uint64(room)))
		sent, got := 0, 0
		for range 20_000 {
			if more := rng.IntN(1000); more < 501 {
				err := c.TrySend(nil, sent)
				require.Equal(t, sent-got == room, err == chans.ErrFull)
				if err == nil {
					require.NoError(t, m.TrySend(nil, sent))
					sent++
				}
			} else {
				v, err := c.TryRecv(nil)
				require.Equal(t, sent == got, err == chans.ErrEmpty)
				if err == nil {
					w, err := m.TryRecv(nil)
					require.NoError(t, err)
					require.True(t, v == got && w == got)
					got++
				}
			}
		}
		for ; sent < got+min(room, 3000); sent++ { // more than ever, from wherever the ring begins
			require.NoError(t, c.TrySend(nil, sent))
		}
		require.Equal(t, sent-got == room, c.TrySend(nil, 0) == chans.ErrFull)
		for ; got < sent; got++ {
			v, err := c.TryRecv(nil)
			require.NoError(t, err)
			require.Equal(t, got, v)
		}
	}
}
