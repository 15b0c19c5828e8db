//go:build unix

package abandoned_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/bridge"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/combine"
	"github.com/heist-go/heist/task/stream"
)

const (
	allLose  = "all of its operations are abandoned; used again it begins anew"
	dropHalf = "its operations are abandoned; a result that one of them has got already goes to "
)

// several is what receives from several channels, one value from each.
func several(n int, ask func(cs []*chans.Chan[int]) func(cx *task.Cx) (int, error)) func(*world) *object {
	return func(*world) *object {
		cs := make([]*chans.Chan[int], n)
		for i := range cs {
			cs[i] = chans.New[int](8)
		}
		op := ask(cs)
		return &object{
			ask: func(cx *task.Cx, _ int) (int, error) { return op(cx) },
			let: func(q int) {
				for _, c := range cs {
					_ = c.TrySend(nil, q)
				}
			},
			half: func() { _ = cs[0].TrySend(nil, 0) },
			kept: func(t *testing.T) { require.Equal(t, 1, cs[0].Len(), "a result that was not returned is lost") },
			free: func(t *testing.T) {
				for _, c := range cs {
					nobodyReceives(t, c)
				}
			},
		}
	}
}

// back puts a value back that was received for nothing.
func back(c *chans.Chan[int]) func(int) { return func(v int) { _ = c.TrySend(nil, v) } }

func fails(*task.Cx) (int, error) { return 0, errBoom }

var combineTable = []entry{
	{
		op: "task/combine.All.Wait", lets: dropHalf + "Drop",
		mode: flow, stays: true, alone: true, halves: true,
		make: several(2, func(cs []*chans.Chan[int]) func(*task.Cx) (int, error) {
			var all combine.All
			var vs [2]int
			all.Drop = func(i int) { back(cs[i])(vs[i]) }
			part := func(i int) combine.Op {
				return func(cx *task.Cx) (err error) { vs[i], err = cs[i].Recv(cx); return err }
			}
			return func(cx *task.Cx) (int, error) {
				err := all.Wait(cx, part(0), part(1))
				return vs[0], err
			}
		}),
	},
	{
		op: "task/combine.Any.Wait", lets: allLose,
		mode: flow, stays: true, alone: true,
		make: received(func(c *chans.Chan[int]) func(*task.Cx, int) (int, error) {
			var first combine.Any[int]
			return func(cx *task.Cx, _ int) (int, error) {
				_, v, err := first.Wait(cx, fails, c.Recv)
				return v, err
			}
		}),
	},
	{
		op: "task/combine.Join2.Wait", lets: dropHalf + "DropA or DropB",
		mode: flow, stays: true, alone: true, halves: true,
		make: several(2, func(cs []*chans.Chan[int]) func(*task.Cx) (int, error) {
			j := combine.Join2[int, int]{DropA: back(cs[0]), DropB: back(cs[1])}
			return func(cx *task.Cx) (int, error) {
				v, _, err := j.Wait(cx, cs[0].Recv, cs[1].Recv)
				return v, err
			}
		}),
	},
	{
		op: "task/combine.Join3.Wait", lets: dropHalf + "DropA, DropB or DropC",
		mode: flow, stays: true, alone: true, halves: true,
		make: several(3, func(cs []*chans.Chan[int]) func(*task.Cx) (int, error) {
			j := combine.Join3[int, int, int]{DropA: back(cs[0]), DropB: back(cs[1]), DropC: back(cs[2])}
			return func(cx *task.Cx) (int, error) {
				v, _, _, err := j.Wait(cx, cs[0].Recv, cs[1].Recv, cs[2].Recv)
				return v, err
			}
		}),
	},
	{
		op: "task/combine.Race.Wait", lets: allLose,
		mode: flow, stays: true, alone: true,
		make: received(func(c *chans.Chan[int]) func(*task.Cx, int) (int, error) {
			var race combine.Race[int]
			var never task.Promise[int]
			return func(cx *task.Cx, _ int) (int, error) {
				_, v, err := race.Wait(cx, never.Wait, c.Recv)
				return v, err
			}
		}),
	},
	{
		op: "task/combine.Retry.Do", lets: "the attempt, or the pause, is abandoned; the next Do has all its attempts",
		mode: flow, stays: true, alone: true,
		make: received(func(c *chans.Chan[int]) func(*task.Cx, int) (int, error) {
			var r combine.Retry
			return func(cx *task.Cx, _ int) (v int, err error) {
				err = r.Do(cx, func(cx *task.Cx) (err error) { v, err = c.Recv(cx); return err })
				return v, err
			}
		}),
	},
	{
		op: "task/combine.Select.Try", lets: "its operations are abandoned before it returns; if the budget was used up, as `Select.Wait`",
		prove: func(t *testing.T) {
			c := chans.New[int](1)
			w := newLab(t)
			a := w.actor()
			var sel combine.Select
			at := 0
			a.tell(nil, func(cx *task.Cx) (err error) {
				at, err = sel.Try(cx, func(cx *task.Cx) error { _, err := c.Recv(cx); return err })
				return err
			})
			require.NoError(t, a.result("a try"))
			require.Equal(t, -1, at)
			nobodyReceives(t, c)
			a.leave()
		},
	},
	{
		op: "task/combine.Select.Wait", lets: allLose,
		mode: flow, stays: true, alone: true,
		make: received(func(c *chans.Chan[int]) func(*task.Cx, int) (int, error) {
			var sel combine.Select
			var never task.Promise[int]
			return func(cx *task.Cx, _ int) (v int, err error) {
				_, err = sel.Wait(cx,
					func(cx *task.Cx) error { _, err := never.Wait(cx); return err },
					func(cx *task.Cx) (err error) { v, err = c.Recv(cx); return err })
				return v, err
			}
		}),
	},
	{
		op: "task/combine.Timeout.Wait", lets: "its operation is abandoned; the next Wait has its whole time",
		mode: flow, stays: true, alone: true,
		make: received(func(c *chans.Chan[int]) func(*task.Cx, int) (int, error) {
			var limit combine.Timeout
			return func(cx *task.Cx, _ int) (v int, err error) {
				err = limit.Wait(cx, 1000*time.Hour, func(cx *task.Cx) (err error) { v, err = c.Recv(cx); return err })
				return v, err
			}
		}),
	},
}

const fromSource = "what it has asked its source for is abandoned; "

// drained is what pulls a stream of received values to its end: each value is seen once.
func drained(pull func(s *stream.Stream[int], see func(int)) func(*task.Cx) error) func(*world) *object {
	return func(*world) *object {
		c := chans.New[int](8)
		var mu sync.Mutex
		var sent, seen []int
		canceled := false
		send := func(q int) { // an operation: not under the lock
			if c.TrySend(nil, q) == nil {
				mu.Lock()
				defer mu.Unlock()
				sent = append(sent, q)
			}
		}
		op := pull(stream.FromChan(c), func(v int) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, v)
		})
		return &object{
			ask: constant(func(cx *task.Cx) error {
				err := op(cx)
				canceled = canceled || errors.Is(err, task.ErrCanceled)
				return err
			}),
			let: func(q int) {
				send(q)
				c.Close(nil)
			},
			half: func() { send(0) },
			free: func(t *testing.T) {
				if !canceled { // which is its end
					require.Equal(t, sent, seen)
				}
			},
		}
	}
}

var streamTable = []entry{
	{
		op: "task/stream.Fold", lets: fromSource + "what was counted in stays so",
		mode: sticky, stays: true, single: true, alone: true, halves: true, ended: true,
		make: drained(func(s *stream.Stream[int], see func(int)) func(*task.Cx) error {
			n := 0
			return func(cx *task.Cx) error {
				return stream.Fold(cx, s, &n, func(n, v int) int { see(v); return n + 1 })
			}
		}),
	},
	{
		op: "task/stream.Stream.Close", lets: "the stream is closed all the same; called again it goes on",
		mode: sticky, stays: true, single: true, alone: true, ended: true,
		make: func(*world) *object {
			var p task.Promise[int]
			s := stream.Of[int](&closing{p: &p})
			return &object{
				ask: constant(s.Close),
				let: func(int) { p.Resolve(0, nil) },
			}
		},
	},
	{
		op: "task/stream.Stream.Collect", lets: fromSource + "what has come is where it was appended",
		mode: sticky, stays: true, single: true, alone: true, halves: true, ended: true,
		make: drained(func(s *stream.Stream[int], see func(int)) func(*task.Cx) error {
			var all []int
			return func(cx *task.Cx) error {
				//heistvet:ignore deferpoll: what has come so far is looked at after each poll
				defer func() {
					for _, v := range all {
						see(v)
					}
					all = nil
				}()
				return s.Collect(cx, &all)
			}
		}),
	},
	{
		op: "task/stream.Stream.ForEach", lets: fromSource + "a value that its function has not done with stays in the stream, and at the task's end goes to its drop hook",
		mode: sticky, stays: true, single: true, alone: true, halves: true, ended: true,
		make: drained(func(s *stream.Stream[int], see func(int)) func(*task.Cx) error {
			return func(cx *task.Cx) error {
				return s.ForEach(cx, func(_ *task.Cx, v int) error { see(v); return nil })
			}
		}),
	},
	{
		op: "task/stream.Stream.Next", lets: fromSource + "what a stream works ahead by contract (`Buffer`, `MapConcurrent`, `MapUnordered`) goes on, and at the task's end what it has made goes to the drop hook",
		mode: flow, stays: true, alone: true, ended: true,
		make: received(func(c *chans.Chan[int]) func(*task.Cx, int) (int, error) {
			s := stream.FromChan(c)
			return func(cx *task.Cx, _ int) (int, error) { return s.Next(cx) }
		}),
	},
	{
		op: "task/stream.Stream.Peek", lets: fromSource + "a value that it has seen stays in the stream, and at the task's end goes to its drop hook",
		mode: flow, stays: true, alone: true, ended: true,
		make: received(func(c *chans.Chan[int]) func(*task.Cx, int) (int, error) {
			s := stream.FromChan(c)
			return func(cx *task.Cx, _ int) (int, error) {
				if v, err := s.Peek(cx); err != nil {
					return v, err
				}
				return s.Next(cx)
			}
		}),
	},
	{
		op: "task/stream.Stream.Send", lets: fromSource + "the place in the receiver's queue is given up; a value that was not sent stays in the stream, and at the task's end goes to its drop hook",
		mode: sticky, stays: true, single: true, alone: true, ended: true,
		make: func(*world) *object {
			c := chans.New[int](1)
			s := stream.FromSlice([]int{5})
			o := full(orTry(c.Send, c.TrySend), func() (int, error) { return c.TryRecv(nil) })
			o.ask = constant(func(cx *task.Cx) error { return s.Send(cx, c) })
			let := o.let
			n := 0
			o.let = func(q int) {
				if n++; n == 1 {
					let(q)
				}
			}
			o.free = func(t *testing.T) {
				v, err := c.TryRecv(nil)
				require.NoError(t, err)
				require.Equal(t, 5, v)
				_, err = c.TryRecv(nil)
				require.ErrorIs(t, err, chans.ErrEmpty)
			}
			return o
		},
	},
}

// closing is a generator whose Close waits.
type closing struct{ p *task.Promise[int] }

func (c *closing) Next(*task.Cx) (int, error) { return 0, nil }
func (c *closing) Close(cx *task.Cx) error    { _, err := c.p.Wait(cx); return err }

var bridgeTable = []entry{
	{
		op: "task/bridge.Chan.Recv", lets: valueGiven + "; the goroutine ends when nobody waits",
		mode: flow, stays: true, heavy: true,
		make: func(*world) *object {
			c := make(chan int, 8)
			b := bridge.Chan[int]{C: c}
			return &object{
				ask: func(cx *task.Cx, _ int) (int, error) { return b.Recv(cx) },
				let: func(q int) {
					select {
					case c <- q:
					default:
					}
				},
				stop: func() { close(c) },
			}
		},
	},
	{
		op: "task/bridge.Context.Done", lets: waitOver + "; the context is watched no more",
		mode: exact, alone: true,
		make: func(*world) *object {
			var c bridge.Context
			var ctxs [3]context.Context
			var stops [3]context.CancelFunc
			for i := range ctxs {
				ctxs[i], stops[i] = context.WithCancel(background)
			}
			return &object{
				ask: func(cx *task.Cx, q int) (int, error) {
					if err := c.Done(cx, ctxs[q]); err != nil {
						return 0, err
					}
					if ctxs[q].Err() == nil {
						return -1, nil
					}
					return q, nil
				},
				let: func(q int) { stops[q]() },
				stop: func() {
					for _, stop := range stops {
						stop()
					}
				},
			}
		},
	},
	{
		op: "task/bridge.Goroutines.Wait", lets: waitOver + ": the goroutines go on",
		mode: sticky, stays: true, heavy: true,
		make: func(*world) *object {
			var g bridge.Goroutines
			gate := newGates()
			g.Go(func() { <-gate.open[0] })
			return &object{ask: constant(g.Wait), let: func(int) { gate.let(0) }, stop: gate.all}
		},
	},
}
