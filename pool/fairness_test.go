package pool_test

import (
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

// These tests have one worker, so that what its tasks share needs no lock, and
// count polls: the bounds are exact.

// court is where pairs of tasks wake each other, for ever, as fast as they can.
type court struct {
	hits int // polls of all players since somebody looked
	over bool
}

// player is one of a pair.
type player struct {
	task.Frame
	court *court
	me    task.Waker
	other *player
}

func (p *player) Poll(cx *task.Cx) error {
	p.me = cx.Waker()
	cx.Wake(p.other.me)
	if p.court.over {
		return nil
	}
	p.court.hits++
	return task.Pending
}

// pairs starts n pairs of players.
func pairs(cx *task.Cx, g *task.Group, c *court, n int) {
	for range n {
		a, b := &player{court: c}, &player{court: c}
		a.other, b.other = b, a
		g.Go(cx, a)
		g.Go(cx, b)
	}
}

// again yields in every poll.
func again(cx *task.Cx) error {
	if err := cx.Yield(); err != nil {
		return err
	}
	return cx.Yield() // the one before was the end of the last poll's
}

// A task in the queue waits for those in front of it, and behind each of them for
// at most maxStreak polls of tasks that were woken. Of a pair one task at most is in
// the queue.
func TestPairsDoNotStarveTheQueue(t *testing.T) {
	for _, n := range []int{1, 2, 5} {
		p := open(t, 1)
		var c court
		var g task.Group
		most, turn := 0, 0
		require.NoError(t, p.Run(background, task.Func(func(cx *task.Cx) error {
			if turn++; turn == 1 {
				pairs(cx, &g, &c, n)
			}
			if turn > 2 { // all players have been there
				most = max(most, c.hits)
			}
			c.hits = 0
			if turn < 1000 {
				return again(cx)
			}
			c.over = true
			return g.Wait(cx)
		})))
		require.Equal(t, n*(1+pool.MaxStreak), most, "%d pairs", n)
	}
}

// What was woken by a poll runs next, before what is in the queue.
func TestWokenRunsNext(t *testing.T) {
	p := open(t, 1)
	var order []string
	var w task.Waker
	sleeper := task.Func(func(cx *task.Cx) error {
		if w == (task.Waker{}) {
			w = cx.Waker()
			return task.Pending
		}
		order = append(order, "woken")
		return nil
	})
	require.NoError(t, p.Run(background, task.Func(func(cx *task.Cx) error {
		switch w {
		case task.Waker{}: // first: let the sleeper get to sleep
			if order == nil {
				order = []string{}
				cx.Go(sleeper)
			}
		default:
			cx.Go(act(func(*task.Cx) { order = append(order, "spawned") }))
			cx.Wake(w)
			return nil
		}
		return again(cx)
	})))
	require.Equal(t, []string{"woken", "spawned"}, order)
}

// Tasks that yield have their turns in order.
func TestYieldGoesRound(t *testing.T) {
	const tasks, rounds = 10, 100
	p := open(t, 1)
	var order []int
	var g task.Group
	g.GoAll(p, several(tasks, func(i int) task.Task {
		turn := 0
		return task.Func(func(cx *task.Cx) error {
			order = append(order, i)
			if turn++; turn < rounds {
				return again(cx)
			}
			return nil
		})
	})...)
	require.NoError(t, g.WaitContext(background))
	require.Len(t, order, tasks*rounds)
	for i, who := range order {
		require.Equal(t, i%tasks, who, "turn %d", i)
	}
}

// A task whose operations are always ready, and a chain of tasks that wake each
// other, do no more operations in a row than one budget.
func TestBudget(t *testing.T) {
	const budget = 128 // operations; see task.Cx.Spend
	for name, share := range map[string]int{"alone": 10 * budget, "with who is woken": 50} {
		t.Run(name, func(t *testing.T) {
			p := open(t, 1)
			var g task.Group
			spent, most, turn := 0, 0, 0
			over := false
			spend := func(me, other *task.Waker) task.Task {
				return task.Func(func(cx *task.Cx) error {
					*me = cx.Waker()
					for i := 0; i < share && !over; i++ {
						if err := cx.Spend(); err != nil {
							return err
						}
						spent++
					}
					cx.Wake(*other)
					if over {
						return nil
					}
					return task.Pending
				})
			}
			require.NoError(t, p.Run(background, task.Func(func(cx *task.Cx) error {
				if turn++; turn == 1 {
					var a, b task.Waker
					g.Go(cx, spend(&a, &b))
					if share < budget {
						g.Go(cx, spend(&b, &a))
					}
				}
				if turn > 2 {
					most = max(most, spent)
				}
				spent = 0
				if turn < 1000 {
					return again(cx)
				}
				over = true
				return g.Wait(cx)
			})))
			require.Equal(t, budget, most)
		})
	}
}

// Work from outside waits for maxEvery polls at most until it is in the queue, and
// there for those in front of it, however busy the worker is.
func TestWorkFromOutsideIsNotStarved(t *testing.T) {
	const yielders = 5
	p := open(t, 1)
	var g task.Group
	polls, most, looks := 0, 0, 0
	for range yielders {
		g.Go(p, task.Func(func(cx *task.Cx) error {
			polls++
			if looks == 200 {
				return nil
			}
			return again(cx)
		}))
	}
	sent := 0
	var visit func(*task.Cx)
	visit = func(*task.Cx) {
		if looks++; looks > 1 { // the first comes from a goroutine, whenever that runs
			most = max(most, polls-sent)
		}
		sent = polls
		if looks < 200 {
			p.Go(act(visit)) // from outside: p, and not cx
		}
	}
	p.Go(act(visit))
	require.NoError(t, g.WaitContext(background))
	require.LessOrEqual(t, most, pool.MaxEvery+yielders)
	require.Greater(t, most, yielders, "the worker does not look all the time")
}

// The same for submissions that really come from another thread, to workers that
// are all busy.
func TestBusyWorkersTakeWorkFromOutside(t *testing.T) {
	p := openWith(t, pool.Config{Workers: 2})
	var g task.Group
	var over atomic.Bool
	for range 4 {
		g.Go(p, task.Func(func(cx *task.Cx) error {
			if over.Load() {
				return nil
			}
			return again(cx)
		}))
	}
	for range 100 {
		require.NoError(t, p.Run(background, act(func(*task.Cx) {})))
	}
	over.Store(true)
	require.NoError(t, g.WaitContext(background))
}
