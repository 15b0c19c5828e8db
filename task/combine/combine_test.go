package combine_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/rig"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/combine"
	"github.com/heist-go/heist/task/lock"
)

// TestSelectFair: of operations that are always ready, each wins its share; with Ordered the
// first wins always.
func TestSelectFair(t *testing.T) {
	for _, ordered := range []bool{false, true} {
		sel := combine.Select{Ordered: ordered}
		var wins [3]int
		steps(t, once(func(cx *task.Cx) {
			for range 30 {
				i, err := sel.Wait(cx, after(1, nil), after(1, nil), after(1, nil))
				require.NoError(t, err)
				wins[i]++
			}
		}))
		if ordered {
			require.Equal(t, [3]int{30, 0, 0}, wins)
		} else {
			require.Equal(t, [3]int{10, 10, 10}, wins)
		}
	}
}

// TestSelectStarves: one that is ready each time wins every n-th Wait at least, beside
// others that are ready, too.
func TestSelectBound(t *testing.T) {
	var sel combine.Select
	slow := chans.New[int](8)
	var won []int
	steps(t, once(func(cx *task.Cx) {
		for i := range 8 {
			require.NoError(t, slow.Send(cx, i))
		}
		for i := 0; len(won) < 8; i++ {
			require.LessOrEqual(t, i, 8*3, "the channel has starved")
			at, err := sel.Wait(cx, after(1, nil), after(1, nil), func(cx *task.Cx) error {
				v, err := slow.Recv(cx)
				if err == nil {
					won = append(won, v)
				}
				return err
			})
			require.NoError(t, err)
			require.GreaterOrEqual(t, at, 0)
		}
	}))
	require.Equal(t, []int{0, 1, 2, 3, 4, 5, 6, 7}, won)
}

// TestSelectLosers: who loses is let go of. Its place in line is free for the next, and a
// permit that it was granted meanwhile goes on.
func TestSelectLosers(t *testing.T) {
	s := lock.NewSemaphore(1)
	var go1 task.Promise[int]
	var sel combine.Select
	var g task.Group
	next := false
	steps(t,
		func(cx *task.Cx) error { return s.Acquire(cx, 1) },
		once(func(cx *task.Cx) {
			g.Go(cx, task.Func(func(cx *task.Cx) error {
				_, err := sel.Wait(cx,
					func(cx *task.Cx) error {
						_, err := go1.Wait(cx)
						return err
					},
					func(cx *task.Cx) error { return s.Acquire(cx, 1) },
				)
				return err
			}))
			g.Go(cx, task.Func(func(cx *task.Cx) error {
				if err := s.Acquire(cx, 1); err != nil {
					return err
				}
				next = true
				s.Release(cx, 1)
				return nil
			}))
		}),
		after(5, nil), // both are in line
		once(func(cx *task.Cx) {
			go1.Resolve(1, nil)
			s.Release(cx, 1) // granted to the first, which will not want it
		}),
		func(cx *task.Cx) error { return g.Wait(cx) },
	)
	require.True(t, next, "the permit was lost with the loser")
	require.Equal(t, 1, s.Available())
}

// TestSelectTimers: the classical loop with an idle timeout. Each message begins a new
// pause; a sleep that has lost is not armed any more.
func TestSelectTimers(t *testing.T) {
	var sel combine.Select
	var idle task.Timer
	c := chans.New[int](1)
	var g task.Group
	var producer task.Timer
	n, sent := 0, 0
	var begun, ended time.Time
	inTime(t,
		once(func(cx *task.Cx) {
			begun = cx.Now()
			g.Go(cx, task.Func(func(cx *task.Cx) error {
				for sent < 3 {
					if err := producer.Sleep(cx, 40*time.Second); err != nil {
						return err
					}
					sent++
					require.NoError(t, c.TrySend(cx, sent))
				}
				return nil
			}))
		}),
		func(cx *task.Cx) error {
			for {
				i, err := sel.Wait(cx,
					func(cx *task.Cx) error {
						_, err := c.Recv(cx)
						return err
					},
					func(cx *task.Cx) error { return idle.Sleep(cx, time.Minute) },
				)
				if err != nil {
					return err
				}
				if i == 1 {
					ended = cx.Now()
					return nil
				}
				require.False(t, idle.Armed(), "the loser's timer is still armed")
				n++
			}
		},
		func(cx *task.Cx) error { return g.Wait(cx) },
	)
	require.Equal(t, 3, n)
	require.InDelta(t, (3*40 + 60), ended.Sub(begun).Seconds(), 0.01)
}

// TestSelectTicks: a ticker that loses keeps its schedule, and a back-off its count.
func TestSelectTicks(t *testing.T) {
	var sel combine.Select
	ticker := task.Ticker{Every: 10 * time.Second}
	backoff := task.Backoff{Min: time.Hour, Limit: 1}
	c := chans.New[int](1)
	var pause task.Timer
	var g task.Group
	sent, ticks, received := 0, 0, 0
	wins := after(2, nil)
	inTime(t,
		once(func(cx *task.Cx) {
			g.Go(cx, task.Func(func(cx *task.Cx) error {
				for ; sent < 20; sent++ {
					if err := pause.Sleep(cx, 6*time.Second); err != nil {
						return err
					}
					require.NoError(t, c.TrySend(cx, sent))
				}
				return nil
			}))
		}),
		func(cx *task.Cx) error {
			for received < 20 {
				i, err := sel.Wait(cx,
					func(cx *task.Cx) error { _, err := c.Recv(cx); return err },
					func(cx *task.Cx) error { _, err := ticker.Tick(cx); return err },
				)
				if err != nil {
					return err
				}
				if i == 0 {
					received++
				} else {
					ticks++
				}
			}
			return nil
		},
		func(cx *task.Cx) error {
			i, err := sel.Wait(cx, backoff.Wait, wins)
			if err == nil {
				require.Equal(t, 1, i)
				require.ErrorIs(t, backoff.Wait(cx), task.ErrLimit, "it has forgotten that it was called")
			}
			return err
		},
		func(cx *task.Cx) error { return g.Wait(cx) },
	)
	require.InDelta(t, 11, ticks, 1, "in 120 s")
}

func TestSelectTry(t *testing.T) {
	var sel combine.Select
	c := chans.New[int](1)
	recv := func(cx *task.Cx) error {
		_, err := c.Recv(cx)
		return err
	}
	steps(t, once(func(cx *task.Cx) {
		i, err := sel.Try(cx, recv)
		require.NoError(t, err)
		require.Equal(t, -1, i)
		require.NoError(t, c.TrySend(cx, 1), "the channel has room")
		v, err := c.TryRecv(cx)
		require.NoError(t, err, "nobody is in line for the value")
		require.Equal(t, 1, v)
		require.NoError(t, c.TrySend(cx, 2))
		i, err = sel.Try(cx, recv)
		require.NoError(t, err)
		require.Equal(t, 0, i)
	}))
}

func TestSelectOfNothing(t *testing.T) {
	err := catch(func() { _ = run(once(func(cx *task.Cx) { _, _ = new(combine.Select).Wait(cx) })) })
	require.ErrorContains(t, err, "combine: a wait for the first of no operations")
	require.NoError(t, run(once(func(cx *task.Cx) { // as a select statement with a default and nothing else
		i, err := new(combine.Select).Try(cx)
		require.True(t, i == -1 && err == nil)
	})))
}

func catch(f func()) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = p.(error)
		}
	}()
	f()
	return nil
}

func TestRace(t *testing.T) {
	var race combine.Race[string]
	steps(t,
		func(cx *task.Cx) error {
			i, v, err := race.Wait(cx, value(100, "slow", nil), func(cx *task.Cx) (string, error) { return "quick", nil })
			if err != nil {
				return err
			}
			require.Equal(t, 1, i)
			require.Equal(t, "quick", v)
			return nil
		},
		once(func(cx *task.Cx) {
			_, _, err := race.Wait(cx, value(1, "", errBoom))
			require.ErrorIs(t, err, errBoom)
		}),
	)
}

func TestJoin(t *testing.T) {
	var two combine.Join2[int, string]
	var three combine.Join3[int, string, bool]
	a, b, c := value(3, 1, nil), value(1, "b", nil), value(2, true, nil)
	a3, b3 := value(1, 2, nil), value(4, "b3", nil)
	steps(t,
		func(cx *task.Cx) error {
			x, y, err := two.Wait(cx, a, b)
			if err == nil {
				require.Equal(t, 1, x)
				require.Equal(t, "b", y)
			}
			return err
		},
		func(cx *task.Cx) error {
			x, y, z, err := three.Wait(cx, a3, b3, c)
			if err == nil {
				require.Equal(t, 2, x)
				require.Equal(t, "b3", y)
				require.True(t, z)
			}
			return err
		},
		once(func(cx *task.Cx) { // the first error, at once, and then anew
			var p task.Promise[int]
			_, _, err := two.Wait(cx, p.Wait, value(1, "", errBoom))
			require.ErrorIs(t, err, errBoom)
			x, y, err := two.Wait(cx, value(1, 7, nil), value(1, "8", nil))
			require.NoError(t, err)
			require.Equal(t, 7, x)
			require.Equal(t, "8", y)
		}),
	)
}

// TestJoinSameChannel: two halves that wait for the same thing are two waits.
func TestJoinSameChannel(t *testing.T) {
	var join combine.Join2[int, int]
	c := chans.New[int](2)
	var g task.Group
	steps(t,
		once(func(cx *task.Cx) {
			g.Go(cx, task.Func(func(cx *task.Cx) error {
				x, y, err := join.Wait(cx, c.Recv, c.Recv)
				if err == nil {
					require.Equal(t, 3, x+y)
					require.Zero(t, c.Len())
				}
				return err
			}))
		}),
		after(3, nil),
		func(cx *task.Cx) error { return c.Send(cx, 1) },
		after(3, nil),
		func(cx *task.Cx) error { return c.Send(cx, 2) },
		func(cx *task.Cx) error { return g.Wait(cx) },
	)
}

func TestAll(t *testing.T) {
	var all combine.All
	over := 0
	count := func(n int) op {
		wait := after(n, nil)
		return func(cx *task.Cx) error {
			err := wait(cx)
			if err == nil {
				over++
			}
			return err
		}
	}
	var p task.Promise[int]
	ops := []op{count(3), count(1), count(2), count(5)}
	steps(t,
		func(cx *task.Cx) error { return all.Wait(cx, ops...) },
		once(func(cx *task.Cx) {
			require.Equal(t, 4, over, "each once")
			require.NoError(t, all.Wait(cx))
			require.ErrorIs(t, all.Wait(cx, never(&p), after(1, errBoom)), errBoom)
			require.NoError(t, all.Wait(cx, after(1, nil), after(1, nil), after(1, nil), after(1, nil), after(1, nil)))
		}),
	)
}

func TestAny(t *testing.T) {
	var first combine.Any[int]
	errOther := errors.New("other")
	slow, failing := value(4, 4, nil), value(2, 0, errBoom)
	a, b := value(3, 0, errOther), value(2, 0, errBoom)
	steps(t,
		func(cx *task.Cx) error {
			i, v, err := first.Wait(cx, failing, slow)
			if err == nil {
				require.Equal(t, 1, i)
				require.Equal(t, 4, v)
			}
			return err
		},
		func(cx *task.Cx) error {
			i, _, err := first.Wait(cx, a, b)
			if task.IsPending(err) {
				return err
			}
			require.Equal(t, -1, i)
			require.ErrorIs(t, err, errBoom)
			require.ErrorIs(t, err, errOther)
			return nil
		},
	)
}

func TestTimeout(t *testing.T) {
	var limit combine.Timeout
	var p task.Promise[int]
	var pause task.Timer
	var begun time.Time
	inTime(t,
		once(func(cx *task.Cx) { begun = cx.Now() }),
		func(cx *task.Cx) error {
			err := limit.Wait(cx, time.Second, never(&p))
			if task.IsPending(err) {
				return err
			}
			require.ErrorIs(t, err, task.ErrTimeout)
			require.InDelta(t, 1, cx.Now().Sub(begun).Seconds(), 0.001)
			begun = cx.Now()
			return nil
		},
		func(cx *task.Cx) error { // in time, and no timer is left
			err := limit.Wait(cx, time.Hour, func(cx *task.Cx) error { return pause.Sleep(cx, time.Second) })
			if err == nil {
				require.InDelta(t, 1, cx.Now().Sub(begun).Seconds(), 0.001)
				require.Zero(t, cx.Runtime().Timers())
			}
			return err
		},
		func(cx *task.Cx) error { // the operation is polled, however short the time is
			return limit.Wait(cx, 0, after(1, nil))
		},
	)
}

// TestNested: a select of timeouts of joins. When it is over nothing of it is left.
func TestNested(t *testing.T) {
	var sel combine.Select
	var limit combine.Timeout
	var join combine.Join2[int, int]
	a, b := chans.New[int](1), chans.New[int](1)
	s := lock.NewSemaphore(1)
	require.True(t, s.TryAcquire(1))
	var pause task.Timer
	inTime(t, func(cx *task.Cx) error {
		i, err := sel.Wait(cx,
			func(cx *task.Cx) error {
				return limit.Wait(cx, time.Hour, func(cx *task.Cx) error {
					_, _, err := join.Wait(cx, a.Recv, func(cx *task.Cx) (int, error) {
						if err := s.Acquire(cx, 1); err != nil {
							return 0, err
						}
						return b.Recv(cx)
					})
					return err
				})
			},
			func(cx *task.Cx) error { return pause.Sleep(cx, time.Minute) },
		)
		if err != nil {
			return err
		}
		require.Equal(t, 1, i)
		require.Zero(t, cx.Runtime().Timers(), "a timer is still armed")
		s.Release(cx, 1)
		require.True(t, s.TryAcquire(1), "the loser is still in line")
		require.NoError(t, a.TrySend(cx, 1))
		_, err = a.TryRecv(cx)
		require.NoError(t, err, "the loser is still in line")
		return nil
	})
}

// TestCanceled: a canceled task gets that from its combinators, and leaves nothing.
func TestCanceled(t *testing.T) {
	var sel combine.Select
	var join combine.Join2[int, int]
	c := chans.New[int](1)
	for name, wait := range map[string]op{
		"select": func(cx *task.Cx) error {
			_, err := sel.Wait(cx, func(cx *task.Cx) error { _, err := c.Recv(cx); return err })
			return err
		},
		"join": func(cx *task.Cx) error {
			_, _, err := join.Wait(cx, c.Recv, c.Recv)
			return err
		},
		"retry": func() op {
			r := combine.Retry{Backoff: task.Backoff{Min: time.Hour}}
			return func(cx *task.Cx) error { return r.Do(cx, after(1, errBoom)) }
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			var g task.Group
			steps(t,
				once(func(cx *task.Cx) { g.Go(cx, task.Func(wait)) }),
				after(3, nil),
				once(func(*task.Cx) { g.Cancel(errBoom) }),
				func(cx *task.Cx) error {
					err := g.Wait(cx)
					if task.IsPending(err) {
						return err
					}
					require.ErrorIs(t, err, task.ErrCanceled)
					require.ErrorIs(t, err, errBoom)
					require.NoError(t, c.TrySend(cx, 1))
					_, err = c.TryRecv(cx)
					require.NoError(t, err, "somebody is still in line")
					return nil
				},
			)
		})
	}
}

// TestCanceledTexts: the error of a cancellation says so once, and is still all that it was.
func TestCanceledTexts(t *testing.T) {
	const reason = "task: canceled"
	var (
		c     = chans.New[int](1)
		recv  = func(cx *task.Cx) error { _, err := c.Recv(cx); return err }
		wrong = errors.New("wrong")
	)
	wraps := func(err error) error { return fmt.Errorf("attempt: %w", err) }
	retry := func(op op) op {
		r := combine.Retry{Backoff: task.Backoff{Min: time.Hour}}
		return func(cx *task.Cx) error { return r.Do(cx, op) }
	}
	for _, test := range []struct {
		name  string
		wait  op
		cause error
		text  string
		is    []error
	}{
		{"a wait", recv, nil, reason, nil},
		{"a wait, with a cause", recv, errBoom, reason + ": boom", []error{errBoom}},
		{"a wait, by a cancellation", recv, task.ErrCanceled, reason, nil},
		{"a wait, by what wraps one", recv, wraps(task.ErrCanceled), reason + ": attempt: task: canceled", nil},
		{"select", func() op {
			var s combine.Select
			return func(cx *task.Cx) error { _, err := s.Wait(cx, recv, recv); return err }
		}(), errBoom, reason + ": boom", []error{errBoom}},
		{"race", func() op {
			var r combine.Race[int]
			return func(cx *task.Cx) error { _, _, err := r.Wait(cx, c.Recv, c.Recv); return err }
		}(), errBoom, reason + ": boom", []error{errBoom}},
		{"join of two", func() op {
			var j combine.Join2[int, int]
			return func(cx *task.Cx) error { _, _, err := j.Wait(cx, c.Recv, c.Recv); return err }
		}(), errBoom, reason + ": boom", []error{errBoom}},
		{"join of three", func() op {
			var j combine.Join3[int, int, int]
			return func(cx *task.Cx) error { _, _, _, err := j.Wait(cx, c.Recv, c.Recv, c.Recv); return err }
		}(), errBoom, reason + ": boom", []error{errBoom}},
		{"all", func() op {
			var a combine.All
			return func(cx *task.Cx) error { return a.Wait(cx, recv, recv) }
		}(), errBoom, reason + ": boom", []error{errBoom}},
		{"any", func() op {
			var a combine.Any[int]
			return func(cx *task.Cx) error { _, _, err := a.Wait(cx, c.Recv, c.Recv, c.Recv); return err }
		}(), errBoom, reason + ": boom", []error{errBoom}},
		{"any, of which one has failed before", func() op {
			var a combine.Any[int]
			return func(cx *task.Cx) error { _, _, err := a.Wait(cx, c.Recv, value(1, 0, wrong), c.Recv); return err }
		}(), errBoom, reason + ": boom\nwrong", []error{errBoom, wrong}},
		{"timeout", func() op {
			var l combine.Timeout
			return func(cx *task.Cx) error { return l.Wait(cx, time.Hour, recv) }
		}(), errBoom, reason + ": boom", []error{errBoom}},
		{"retry, in an attempt", retry(recv), errBoom, reason + ": boom", []error{errBoom}},
		{"retry, in a pause", retry(after(1, wrong)), errBoom, "combine: retry: after 1 attempts: task: canceled: boom: wrong", []error{errBoom, wrong}},
		{"retry, in the pause after a cancellation of another task", retry(after(1, task.ErrCanceled)), nil, "combine: retry: after 1 attempts: task: canceled", nil},
		{"the same, with a cause", retry(after(1, task.ErrCanceled)), errBoom, "combine: retry: after 1 attempts: task: canceled: boom", []error{errBoom}},
		{"the same, wrapped", retry(after(1, wraps(task.ErrCanceled))), nil, "combine: retry: after 1 attempts: attempt: task: canceled", nil},
		{"a retry of a retry", retry(retry(after(1, task.ErrCanceled))), errBoom, "combine: retry: after 1 attempts: task: canceled: boom", []error{errBoom}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var g task.Group
			var got error
			steps(t,
				once(func(cx *task.Cx) {
					g.Go(cx, task.Func(func(cx *task.Cx) error {
						got = test.wait(cx)
						return got
					}))
				}),
				after(3, nil),
				once(func(*task.Cx) { g.Cancel(test.cause) }),
				func(cx *task.Cx) error {
					err := g.Wait(cx)
					if task.IsPending(err) {
						return err
					}
					require.EqualError(t, got, test.text)
					for _, is := range append(test.is, task.ErrCanceled, context.Canceled) {
						require.ErrorIs(t, got, is)
					}
					if test.cause != nil {
						require.ErrorIs(t, got, test.cause)
					}
					return nil
				},
			)
		})
	}
}

func TestRetry(t *testing.T) {
	var begun time.Time
	tries := 0
	fails := func(n int, err error) op {
		tries = 0
		return func(*task.Cx) error {
			if tries++; tries <= n {
				return err
			}
			return nil
		}
	}
	r := combine.Retry{Backoff: task.Backoff{Min: time.Second, Limit: 3}}
	picky := combine.Retry{If: func(err error) bool { return !errors.Is(err, errBoom) }}
	op := fails(3, errBoom)
	inTime(t,
		once(func(cx *task.Cx) { begun = cx.Now() }),
		func(cx *task.Cx) error { return r.Do(cx, op) },
		once(func(cx *task.Cx) {
			require.Equal(t, 4, tries)
			d := cx.Now().Sub(begun)
			require.True(t, 3500*time.Millisecond <= d && d <= 7*time.Second+time.Millisecond, "1 + 2 + 4 s, each shortened by up to half: %v", d)
			op = fails(4, errBoom)
		}),
		func(cx *task.Cx) error {
			err := r.Do(cx, op)
			if task.IsPending(err) {
				return err
			}
			require.ErrorIs(t, err, task.ErrLimit)
			require.ErrorIs(t, err, errBoom)
			require.Equal(t, 4, tries)
			return nil
		},
		once(func(cx *task.Cx) {
			require.ErrorIs(t, picky.Do(cx, fails(1, errBoom)), errBoom)
			require.Equal(t, 1, tries)
		}),
	)
}

// TestPanic: a panic in an operation is the task's, and what else it waited for is let go.
func TestPanic(t *testing.T) {
	var sel combine.Select
	c := chans.New[int](1)
	err := catch(func() {
		_ = run(func(cx *task.Cx) error {
			_, err := sel.Wait(cx, func(cx *task.Cx) error { _, err := c.Recv(cx); return err }, func(*task.Cx) error { panic(errBoom) })
			return err
		})
	})
	require.ErrorIs(t, err, errBoom)
	require.NoError(t, c.TrySend(nil, 1))
	_, err = c.TryRecv(nil)
	require.NoError(t, err, "the dead are still in line")
}

// TestAllocations: nothing of this allocates.
func TestAllocations(t *testing.T) {
	var sel combine.Select
	var race combine.Race[int]
	var join combine.Join2[int, int]
	var all combine.All
	var limit combine.Timeout
	c, empty := chans.New[int](1), chans.New[int](1)
	steps(t, once(func(cx *task.Cx) {
		for name, f := range map[string]func(){
			"select": func() {
				_, _ = sel.Wait(cx,
					func(cx *task.Cx) error { _, err := empty.Recv(cx); return err },
					func(cx *task.Cx) error { return c.Send(cx, 1) })
				_, _ = c.TryRecv(cx)
			},
			"race": func() {
				_, _, _ = race.Wait(cx, empty.Recv, func(*task.Cx) (int, error) { return 1, nil })
			},
			"join": func() {
				_, _, _ = join.Wait(cx, func(*task.Cx) (int, error) { return 1, nil }, func(*task.Cx) (int, error) { return 2, nil })
			},
			"all": func() {
				_ = all.Wait(cx, func(*task.Cx) error { return nil }, func(*task.Cx) error { return nil })
			},
			"timeout": func() {
				_ = limit.Wait(cx, time.Hour, func(cx *task.Cx) error { return nil })
			},
		} {
			require.Zero(t, testing.AllocsPerRun(20, f), name)
		}
	}))
}

// A loop that drains by Try gets all values, as a select with a default does.
func TestTryDrains(t *testing.T) {
	c := chans.New[int](300)
	for i := range 300 {
		require.NoError(t, c.TrySend(nil, i))
	}
	var sel combine.Select
	got := 0
	l := rig.NewLab()
	task.Detach(&l.Runtime, task.Func(func(cx *task.Cx) error {
		for {
			at, err := sel.Try(cx, func(cx *task.Cx) error { _, err := c.Recv(cx); return err })
			if err != nil {
				return err
			}
			if at < 0 {
				return nil
			}
			got++
		}
	}))
	l.Work()
	require.Equal(t, 300, got)
}

// If both have happened, op has won: also in a poll whose budget is used up.
func TestTimeoutWhenTheBudgetIsUsedUp(t *testing.T) {
	c := chans.New[int](1)
	var to combine.Timeout
	var result error
	polls := 0
	l := rig.NewLab()
	task.Detach(&l.Runtime, task.Func(func(cx *task.Cx) error {
		if polls++; polls == 2 {
			for !cx.Spent() { // whatever the task does before: a busy channel
				_ = cx.Spend()
			}
		}
		err := to.Wait(cx, time.Second, func(cx *task.Cx) error { _, err := c.Recv(cx); return err })
		if !task.IsPending(err) {
			result = err
		}
		return err
	}))
	l.Work()
	require.NoError(t, c.TrySend(nil, 1)) // in time
	l.Clock.Advance(2 * time.Second)
	l.Work()
	require.NoError(t, result)
	require.Zero(t, c.Len())
}
