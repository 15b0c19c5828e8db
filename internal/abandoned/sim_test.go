//go:build unix

package abandoned_test

import (
	"context"
	"errors"
	"flag"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/pool/fork"
	"github.com/heist-go/heist/pool/sim"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/combine"
	"github.com/heist-go/heist/task/lock"
)

var seeds = flag.Int("seeds", 200, "under how many schedules each operation is abandoned")

// outside is the entries that no simulation runs: what they wait for is a goroutine's, which no seed moves. Nor
// does one run what needs sockets.
var outside = []string{"task/bridge.Chan.Recv", "task/bridge.Context.Done", "task/bridge.Goroutines.Wait"}

// TestSimulated abandons each operation at some moment of some schedule, while it is granted at another, and has
// it asked once more: nothing hangs, nothing is left, and the answer is to the question.
func TestSimulated(t *testing.T) {
	n := *seeds
	if testing.Short() || invariant.Enabled {
		n = min(n, 100)
	}
	simulated := 0
	for i := range table {
		e := &table[i]
		if e.inSim == nil && (e.make == nil || e.pooled || slices.Contains(outside, e.op)) {
			continue
		}
		simulated++
		t.Run(strings.ReplaceAll(e.op, "/", "."), func(t *testing.T) {
			var lost, won int
			sim.Config{Seeds: n, MaxSteps: 20_000}.Test(t, func(s *sim.Sim) {
				if e.abandon(t, s) {
					lost++
				} else {
					won++
				}
			})
			require.Positive(t, lost)
			t.Logf("lost %d times, won %d times", lost, won)
		})
	}
	require.Greater(t, simulated, 50)
}

// stand blocks the function of a simulation that calls it, as a goroutine would, until it is so; others run.
func (w *world) stand(ready func() bool) { w.sim.Team().Host().(fork.Turns).Await(ready) }

// doors are gates of a simulation.
type doors [3]bool

// pass stands before door q until that is open, or ctx is done.
func (d *doors) pass(w *world, ctx interface{ Err() error }, q int) bool {
	w.stand(func() bool { return d[q] || ctx.Err() != nil })
	return d[q]
}

// calls are functions of a Blocking that stand before their doors.
func calls(do func(*task.Blocking[int], *task.Cx, func(context.Context) (int, error)) (int, error)) func(*world) *object {
	return func(w *world) *object {
		b, d := &task.Blocking[int]{Limiter: &w.class}, new(doors)
		return &object{
			ask: func(cx *task.Cx, q int) (int, error) {
				return do(b, cx, func(ctx context.Context) (int, error) {
					if !d.pass(w, ctx, q) {
						return -1, context.Cause(ctx)
					}
					return q, nil
				})
			},
			let: func(q int) { d[q] = true },
		}
	}
}

// jobs are computations that stand before their doors.
func jobs(do func(*pool.Job[int], *task.Cx, func(pool.Scope) int) (int, error)) func(*world) *object {
	return func(w *world) *object {
		j, d := new(pool.Job[int]), new(doors)
		return &object{
			ask: func(cx *task.Cx, q int) (int, error) {
				return do(j, cx, func(s pool.Scope) int {
					if !d.pass(w, s, q) {
						return -1
					}
					return q
				})
			},
			let: func(q int) { d[q] = true },
		}
	}
}

// met is a barrier to which another task comes when it is let, and goes again when nobody else has come.
func met(w *world) *object {
	b := lock.NewBarrier(2)
	return &object{
		ask: func(cx *task.Cx, _ int) (int, error) { _, err := b.Wait(cx); return 0, err },
		let: func(int) {
			var limit combine.Timeout
			w.sim.Go(task.Func(func(cx *task.Cx) error {
				err := limit.Wait(cx, 2*w.unit(), func(cx *task.Cx) error { _, err := b.Wait(cx); return err })
				if errors.Is(err, task.ErrTimeout) {
					return nil
				}
				return err
			}))
		},
		free: func(*testing.T) { // a round of two: who counted somebody that has gone would let one go alone
			for range 2 {
				w.sim.Go(task.Func(func(cx *task.Cx) error { _, err := b.Wait(cx); return err }))
			}
			w.sim.Wait()
		},
	}
}

// turned is a strand whose first turn somebody has until it is let: a task that waits for its own.
func turned(w *world) *object {
	var s lock.Strand[string]
	var p task.Promise[int]
	w.sim.Go(s.Turn("a", func(cx *task.Cx) error { _, err := p.Wait(cx); return err }))
	at := [3]int{}
	came := 0
	var mine [3]task.Group
	var begun [3]bool
	return &object{
		ask: func(cx *task.Cx, q int) (int, error) {
			if !begun[q] { // a turn is a task of its own, which its owner's end cancels
				begun[q] = true
				mine[q].Go(cx, s.Turn("a", func(*task.Cx) error { came++; at[q] = came; return nil }))
			}
			return 0, mine[q].Wait(cx)
		},
		let: func(int) { p.Resolve(0, nil) },
		free: func(t *testing.T) {
			require.Zero(t, s.Len())
			require.False(t, at[1] != 0 && at[0] > at[1], "the later turn came first")
		},
	}
}

// roomy is a group with a limit of one, whose member is there until it is let.
func roomy(w *world) *object {
	var g task.Group
	g.SetLimit(1)
	var p task.Promise[int]
	g.Go(w.sim, &promised{p: &p})
	return &object{
		ask: constant(func(cx *task.Cx) error { return g.GoWait(cx, task.Func(func(*task.Cx) error { return nil })) }),
		let: func(int) { p.Resolve(0, nil) },
	}
}

// ways are how a task of a simulation gives question 0 up, when it is told to: a part of a task's steps.
func ways(w *world, zero, told combine.Op) map[string]combine.Op {
	var limit combine.Timeout
	sel, joins := combine.Select{Ordered: true}, combine.Select{Ordered: true}
	var join combine.All
	var never task.Promise[int]
	left := 0
	return map[string]combine.Op{
		"timeout": func(cx *task.Cx) error { return limit.Wait(cx, w.unit()/8, zero) },
		"select":  func(cx *task.Cx) error { _, err := sel.Wait(cx, told, zero); return err },
		"join": func(cx *task.Cx) error {
			_, err := joins.Wait(cx, told, func(cx *task.Cx) error {
				return join.Wait(cx, func(cx *task.Cx) error { _, err := never.Wait(cx); return err }, zero)
			})
			return err
		},
		"left alone": func(cx *task.Cx) error {
			if left++; left == 1 {
				if err := zero(cx); !task.IsPending(err) {
					return err
				}
			}
			if left <= 2 { // the second poll suspends, and has not asked
				cx.Waker().Wake()
				return cx.Suspend()
			}
			return told(cx)
		},
		"ends": func(cx *task.Cx) error {
			_, err := zero(cx), errBoom // it ends in the middle
			return err
		},
		"canceled": zero,
	}
}

// abandon runs one seed. It reports whether question 0 was given up.
func (e *entry) abandon(t *testing.T, s *sim.Sim) (lost bool) {
	w := &world{T: t, sim: s, clock: s.Clock(), class: task.Limiter{Limit: 8}}
	made := e.make
	if e.inSim != nil {
		made = e.inSim
	}
	o := made(w)
	if o.stop != nil {
		defer o.stop()
	}
	first, second := -1, -1
	answered := false // question 0
	zero := func(cx *task.Cx) (err error) {
		if first, err = o.ask(cx, 0); err == nil {
			answered = true
		}
		return err
	}
	var told lock.Event
	all := ways(w, zero, told.Wait)
	names := []string{"timeout", "select", "join", "left alone", "ends", "canceled"}
	way := names[s.Choose(len(names))]
	another := s.Choose(2) == 1 || way == "ends" || way == "canceled"

	var asking task.Group // question 0
	done := false         // question 1
	one := func(cx *task.Cx) (err error) {
		second, err = o.ask(cx, 1)
		if task.IsPending(err) {
			return err
		}
		done = true
		if (e.alone || e.bound) && clear(err) || e.ended && over(err) || e.single && errors.Is(err, task.ErrClosed) {
			second = 1
			return nil
		}
		return err
	}
	giveUp := func(cx *task.Cx) error {
		if err := all[way](cx); task.IsPending(err) {
			return err
		}
		return nil
	}
	if another {
		asking.Go(s, task.Func(func(cx *task.Cx) error {
			if way == "ends" || way == "canceled" {
				return all[way](cx)
			}
			return giveUp(cx)
		}))
	}
	var steps task.Seq
	var follow task.Group
	follow.Go(s, task.Func(func(cx *task.Cx) error {
		if another {
			return steps.Run(cx, func(cx *task.Cx) error {
				if err := asking.Wait(cx); task.IsPending(err) {
					return err
				}
				return nil
			}, one)
		}
		return steps.Run(cx, giveUp, one)
	}))
	// What question 0 waits for comes at some moment, or not; and it is given up at another.
	if s.Choose(2) == 0 {
		s.Goroutine(func() { o.let(0) })
	}
	s.Goroutine(func() {
		told.Set(nil)
		if way == "canceled" {
			asking.Cancel(errBoom)
		}
	})
	// When nothing goes on any more, time passes, and what is still asked is let be over.
	var pause task.Timer
	tries := 0
	s.Go(task.Func(func(cx *task.Cx) error {
		for !done && tries < 20 {
			if err := pause.Sleep(cx, 4*w.unit()); err != nil {
				return err
			}
			if q := min(tries, 1); !done {
				s.Goroutine(func() { o.let(q) })
			}
			tries++
		}
		if o.stop != nil {
			s.Goroutine(func() { o.let(0) }) // what others than the tasks wait for
		}
		return nil
	}))
	s.Wait()
	require.NoError(s, follow.Err(), "question 1, when question 0 was given up by: %s", way)
	if err := asking.Err(); err != nil && !task.IsPending(err) {
		require.True(s, way == "ends" || way == "canceled", "%v", err)
	}
	if answered {
		require.NoError(s, e.right(first, 0))
	}
	require.True(s, done)
	if second != 1 || e.mode != sticky {
		require.NoError(s, e.right(second, 1))
	}
	if o.free != nil {
		o.free(t)
	}
	return !answered
}
