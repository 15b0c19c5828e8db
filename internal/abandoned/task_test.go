//go:build unix

package abandoned_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/park"
	"github.com/heist-go/heist/internal/rig"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/combine"
)

// The phrases that several operations have in common.
const (
	waitOver  = "the wait is over"
	noWait    = "does not wait: there is nothing to abandon"
	ofItsTask = "is the task's own, and stays where it is; the operation in its step is abandoned"
)

// gates are opened by let, each for a question.
type gates struct {
	mu   sync.Mutex
	open [3]chan struct{}
}

func newGates() *gates {
	g := &gates{}
	for i := range g.open {
		g.open[i] = make(chan struct{})
	}
	return g
}

func (g *gates) let(q int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.open[q]:
	default:
		close(g.open[q])
	}
}

func (g *gates) all() {
	for q := range g.open {
		g.let(q)
	}
}

// constant makes an operation without a result one that answers 0.
func constant(op func(*task.Cx) error) func(*task.Cx, int) (int, error) {
	return func(cx *task.Cx, _ int) (int, error) { return 0, op(cx) }
}

// received is a channel whose values are what the object answers.
func received(ask func(c *chans.Chan[int]) func(cx *task.Cx, q int) (int, error)) func(w *world) *object {
	return func(*world) *object {
		c := chans.New[int](8)
		return &object{
			ask:  ask(c),
			let:  func(q int) { _ = c.TrySend(nil, q) },
			free: func(t *testing.T) { nobodyReceives(t, c) },
		}
	}
}

func nobodyReceives(t *testing.T, c *chans.Chan[int]) {
	t.Helper()
	for {
		if _, err := c.TryRecv(nil); err != nil {
			require.ErrorIs(t, err, chans.ErrEmpty)
			break
		}
	}
	require.NoError(t, c.TrySend(nil, 9))
	_, err := c.TryRecv(nil)
	require.NoError(t, err, "somebody is still in line for a value")
}

var taskTable = []entry{
	{
		op: "task.Backoff.Wait", lets: "the pause is given up, and counts as one; the next Wait is another pause",
		mode: sticky, alone: true,
		make: func(w *world) *object {
			b := &task.Backoff{}
			return &object{
				ask: func(cx *task.Cx, _ int) (int, error) {
					b.Min, b.Max = 2*w.unit(), 2*w.unit()
					return 0, b.Wait(cx)
				},
				let: func(int) { w.pass(2 * w.unit()) },
			}
		},
	},
	{
		op: "task.Blocking.Do", lets: "a function that has not begun is taken back; one that runs has its context canceled, its result goes to Drop, and the next call begins when it has ended (at once, if Detached)",
		mode: exact, alone: true, heavy: true,
		make: func(w *world) *object {
			return blocking(&task.Blocking[int]{Limiter: &w.class}, (*task.Blocking[int]).Do)
		},
		inSim: calls((*task.Blocking[int]).Do),
	},
	{
		op: "task.Blocking.Try", lets: "as `Blocking.Do`",
		mode: exact, alone: true, heavy: true,
		make: func(w *world) *object {
			w.class.Limit = 1 << 20 // it does not wait for its turn
			return blocking(&task.Blocking[int]{Limiter: &w.class}, (*task.Blocking[int]).Try)
		},
		inSim: calls((*task.Blocking[int]).Try),
	},
	{
		op: "task.Deadline.Check", lets: noWait,
		prove: func(t *testing.T) {
			var d task.Deadline
			neverWaits(t, func(cx *task.Cx) error { return d.Check(cx, time.Hour) })
		},
	},
	{
		op: "task.DelayQueue.Next", lets: "the timer is stopped; the values stay in the queue",
		mode: flow, stays: true, alone: true, places: true,
		make: func(w *world) *object {
			var q task.DelayQueue[int]
			var added [3]bool
			return &object{
				ask: func(cx *task.Cx, i int) (int, error) {
					if !added[i] {
						added[i] = true
						q.Add(cx, i, w.unit())
					}
					return q.Next(cx)
				},
				let: func(int) { w.pass(w.unit() + time.Millisecond) },
			}
		},
	},
	{
		op: "task.Flow.Run", lets: "the flow " + ofItsTask,
		mode: flow, stays: true, alone: true,
		make: received(func(c *chans.Chan[int]) func(*task.Cx, int) (int, error) {
			var f task.Flow[int]
			v := 0
			return func(cx *task.Cx, _ int) (int, error) {
				err := f.Run(cx, &v, func(v *int, cx *task.Cx) (_ task.Stage[int], err error) {
					*v, err = c.Recv(cx)
					return nil, err
				})
				return v, err
			}
		}),
	},
	{
		op: "task.Frame.Wait", lets: waitOver + ": the other task goes on",
		mode: sticky, stays: true,
		make: func(w *world) *object {
			var p task.Promise[int]
			other := &promised{p: &p}
			task.Detach(w.on(), other)
			return awaited(w, constant(other.Wait), &p)
		},
	},
	{
		op: "task.Group.GoWait", lets: "the place in the queue is given up, and the task is not started; a slot that was free goes to the next",
		mode: sticky, stays: true, ended: true, inSim: roomy, // its first owner's end is the group's
		prove: func(t *testing.T) {
			var g task.Group
			g.SetLimit(1)
			var p task.Promise[int]
			var limit combine.Timeout
			var ran []string
			member := func(name string) task.Task {
				return task.Func(func(*task.Cx) error { ran = append(ran, name); return nil })
			}
			stage := 0
			require.NoError(t, task.Run(background, task.Func(func(cx *task.Cx) error {
				if stage == 0 {
					g.Go(cx, task.Func(func(cx *task.Cx) error { _, err := p.Wait(cx); return err }))
					stage = 1
				}
				if stage == 1 {
					err := limit.Wait(cx, time.Millisecond, func(cx *task.Cx) error { return g.GoWait(cx, member("given up")) })
					if task.IsPending(err) {
						return err
					}
					require.ErrorIs(t, err, task.ErrTimeout)
					p.Resolve(0, nil)
					stage = 2
				}
				if stage == 2 {
					if err := g.GoWait(cx, member("asked for")); err != nil {
						return err
					}
					stage = 3
				}
				return g.Wait(cx)
			})))
			require.Equal(t, []string{"asked for"}, ran)
		},
	},
	{
		op: "task.Group.Wait", lets: waitOver + ": the members go on, and are the task's",
		mode: sticky, stays: true,
		make: func(w *world) *object {
			var p task.Promise[int]
			var g task.Group
			g.Go(w.on(), &promised{p: &p})
			return awaited(w, constant(g.Wait), &p)
		},
	},
	{
		op: "task.Handle.Wait", lets: waitOver + ": the other task goes on",
		mode: sticky, stays: true,
		make: func(w *world) *object {
			var p task.Promise[int]
			h := task.Go(w.on(), p.Wait)
			return awaited(w, func(cx *task.Cx, _ int) (int, error) { return h.Wait(cx) }, &p)
		},
	},
	{
		op: "task.Promise.Wait", lets: waitOver,
		mode: sticky, stays: true,
		make: func(*world) *object {
			var p task.Promise[int]
			return &object{
				ask: func(cx *task.Cx, _ int) (int, error) { return p.Wait(cx) },
				let: func(int) { p.Resolve(7, nil) },
			}
		},
	},
	{
		op: "task.Seq.Run", lets: "the sequence " + ofItsTask,
		mode: flow, stays: true, alone: true,
		make: received(func(c *chans.Chan[int]) func(*task.Cx, int) (int, error) {
			var s task.Seq
			v := 0
			return func(cx *task.Cx, _ int) (int, error) {
				err := s.Run(cx, func(cx *task.Cx) (err error) { v, err = c.Recv(cx); return err })
				if err == nil {
					s.Reset()
				}
				return v, err
			}
		}),
	},
	{
		op: "task.Ticker.Tick", lets: "the timer is stopped; the schedule goes on",
		mode: sticky, alone: true,
		make: func(w *world) *object {
			var t task.Ticker
			return &object{
				ask: func(cx *task.Cx, _ int) (int, error) {
					t.Every = w.unit()
					_, err := t.Tick(cx)
					return 0, err
				},
				let: func(int) { w.pass(w.unit()) },
			}
		},
	},
	{
		op: "task.Timer.Sleep", lets: "the timer is stopped; the next Sleep has its whole time",
		mode: sticky, alone: true,
		make: func(w *world) *object {
			var x task.Timer
			return &object{
				ask:  func(cx *task.Cx, _ int) (int, error) { return 0, x.Sleep(cx, w.unit()) },
				let:  func(int) { w.pass(w.unit()) },
				free: func(t *testing.T) { require.False(t, x.Armed()) },
			}
		},
	},
	{
		op: "task.Timer.Wait", lets: waitOver + ": the timer stays armed, until the task or the branch that has armed it ends",
		mode: sticky, alone: true, bound: true, goesOn: true,
		make: func(w *world) *object {
			var x task.Timer
			return &object{
				ask: func(cx *task.Cx, _ int) (int, error) {
					if !x.Armed() && !x.Fired() {
						x.Reset(cx, w.unit())
					}
					err := x.Wait(cx)
					if err == nil {
						x.Stop(cx)
					}
					return 0, err
				},
				let: func(int) { w.pass(w.unit()) },
			}
		},
	},
	{
		op: "task.Cx.Drained", lets: noWait,
		prove: func(t *testing.T) { neverWaits(t, (*task.Cx).Drained) },
	},
	{
		op: "task.Cx.Err", lets: noWait,
		prove: func(t *testing.T) { neverWaits(t, (*task.Cx).Err) },
	},
	{
		op: "task.Cx.Spend", lets: "nothing: the task is polled again",
		prove: func(t *testing.T) {
			polls, n := 0, 0
			require.NoError(t, task.Run(background, task.Func(func(cx *task.Cx) error {
				for polls++; n < 1000; n++ {
					if err := cx.Spend(); err != nil {
						return err
					}
				}
				return nil
			})))
			require.Greater(t, polls, 1)
		},
	},
	{
		op: "task.Cx.Suspend", lets: "nothing: see `Operation.Suspend`",
		prove: func(t *testing.T) {
			polls := 0
			require.NoError(t, task.Run(background, task.Func(func(cx *task.Cx) error {
				if polls++; polls == 1 {
					cx.Waker().Wake()
					return cx.Suspend()
				}
				return nil
			})))
			require.Equal(t, 2, polls)
		},
	},
	{
		op: "task.Cx.Yield", lets: "nothing: the task is polled again",
		prove: func(t *testing.T) {
			var all combine.All
			var sel combine.Select
			rounds := 0
			require.NoError(t, task.Run(background, task.Func(func(cx *task.Cx) error {
				for ; rounds < 3; rounds++ {
					if _, err := sel.Wait(cx, (*task.Cx).Yield, (*task.Cx).Yield); err != nil {
						return err
					}
				}
				return all.Wait(cx, (*task.Cx).Yield, (*task.Cx).Yield)
			})))
		},
	},
}

// promised is a task that ends when its promise is kept.
type promised struct {
	task.Frame
	p *task.Promise[int]
}

func (t *promised) Poll(cx *task.Cx) error { _, err := t.p.Wait(cx); return err }

// awaited is an object that waits for a task of this world.
func awaited(w *world, ask func(*task.Cx, int) (int, error), p *task.Promise[int]) *object {
	let := func(int) {
		p.Resolve(7, nil)
		if w.real {
			w.rest()
		}
	}
	return &object{ask: ask, let: let, stop: func() { let(0); w.rest() }}
}

// blocking is a Blocking whose functions wait for their gates.
func blocking(b *task.Blocking[int], do func(*task.Blocking[int], *task.Cx, func(context.Context) (int, error)) (int, error)) *object {
	g := newGates()
	return &object{
		ask: func(cx *task.Cx, q int) (int, error) {
			return do(b, cx, func(ctx context.Context) (int, error) {
				select {
				case <-g.open[q]:
					return q, nil
				case <-ctx.Done():
					return -1, context.Cause(ctx)
				}
			})
		},
		let:  g.let,
		stop: g.all,
	}
}

// neverWaits makes sure that op never returns Pending, not even without a budget.
func neverWaits(t *testing.T, op func(*task.Cx) error) {
	t.Helper()
	l := rig.NewLab()
	over := false
	task.Detach(&l.Runtime, task.Func(func(cx *task.Cx) error {
		for range 1000 {
			require.False(t, task.IsPending(op(cx)))
		}
		over = true
		return nil
	}))
	l.Work()
	require.True(t, over)
}

// What follows are objects of the kind that a user of the seams makes.

var seamTable = []entry{
	{
		op: "task.Branch.Poll", lets: "what the branch waits for is abandoned",
		mode: flow, stays: true, alone: true,
		make: received(func(c *chans.Chan[int]) func(*task.Cx, int) (int, error) {
			return branched(c, func(b *task.Branch, cx *task.Cx, op func(*task.Cx) error) error { return b.Poll(cx, op) })
		}),
	},
	{
		op: "task.Branch.PollPart", lets: "what the branch waits for is abandoned, with all its parts",
		mode: flow, stays: true, alone: true,
		make: received(func(c *chans.Chan[int]) func(*task.Cx, int) (int, error) {
			return branched(c, func(b *task.Branch, cx *task.Cx, op func(*task.Cx) error) error { return b.PollPart(cx, 3, op) })
		}),
	},
	{
		op: "task.WaitSet.Wait", lets: waitOver,
		mode: sticky, stays: true,
		make: opened((*task.WaitSet).Wait),
	},
	{
		op: "task.WaitSet.WaitFor", lets: waitOver,
		mode: sticky, stays: true,
		make: opened(func(c *task.WaitSet, cx *task.Cx, mu *park.Mutex, done func() bool) error {
			return c.WaitFor(cx, mu, c, done)
		}),
	},
	{
		op: "task.WaitQueue.Wait", lets: "the place in the queue is given up; what was granted goes to the next",
		mode: sticky, stays: true,
		make: func(*world) *object {
			s := &turnstile{}
			return s.object(func(cx *task.Cx) error { return s.line.Wait(cx, &s.mu, s, 1) })
		},
	},
	{
		op: "task.WaitQueue.Enqueue", lets: "as `WaitQueue.Wait`",
		mode: sticky, stays: true,
		make: func(*world) *object {
			s := &turnstile{}
			return s.object(func(cx *task.Cx) error { return s.hold(cx, (*task.WaitQueue).Collect) })
		},
	},
	{
		op: "task.WaitQueue.Collect", lets: "as `WaitQueue.Wait`",
		mode: sticky, stays: true,
		make: func(*world) *object {
			s := &turnstile{}
			return s.object(func(cx *task.Cx) error { return s.hold(cx, (*task.WaitQueue).Collect) })
		},
	},
	{
		op: "task.WaitQueue.Resume", lets: "as `WaitQueue.Wait`",
		mode: sticky, stays: true,
		make: func(*world) *object {
			s := &turnstile{}
			return s.object(func(cx *task.Cx) error {
				return s.hold(cx, func(l *task.WaitQueue, cx *task.Cx, n int64) error {
					err := l.Resume(cx, n)
					if err == nil {
						l.Leave(cx)
					}
					return err
				})
			})
		},
	},
	{
		op: "task.Offload.Do", lets: "what is done is canceled; its result goes to Drop, and the next call begins when it has ended (at once, if Detached)",
		mode: exact, alone: true,
		make: func(*world) *object {
			x := &offloaded{}
			return &object{ask: x.ask, let: x.let}
		},
	},
	{
		op: "task.Operation.Suspend", lets: "Abandon is called, of the object that it was given",
		mode: exact, alone: true,
		make: func(*world) *object {
			x := &wish{}
			return &object{
				ask: x.ask, let: x.let,
				free: func(t *testing.T) { require.False(t, x.op.InProgress()) },
			}
		},
	},
}

func branched(c *chans.Chan[int], poll func(*task.Branch, *task.Cx, func(*task.Cx) error) error) func(*task.Cx, int) (int, error) {
	b := new(task.Branch)
	return func(cx *task.Cx, _ int) (v int, err error) {
		err = poll(b, cx, func(cx *task.Cx) (err error) { v, err = c.Recv(cx); return err })
		if !task.IsPending(err) {
			b.End(cx)
		}
		return v, err
	}
}

// turnstile lets one in for each token.
type turnstile struct {
	mu     park.Mutex
	line   task.WaitQueue
	tokens int
}

func (s *turnstile) TryGrant(*task.WaitQueue, int64) task.GrantState {
	if s.tokens == 0 {
		return task.Waiting
	}
	s.tokens--
	return task.Granted
}

func (s *turnstile) Revoke(_ *task.WaitQueue, _ int64, v task.GrantState) {
	if v == task.Granted {
		s.tokens++
	}
}

func (s *turnstile) hold(cx *task.Cx, again func(*task.WaitQueue, *task.Cx, int64) error) error {
	if s.line.Contains(cx) {
		return again(&s.line, cx, 1)
	}
	s.mu.Lock()
	err := s.line.Enqueue(cx, &s.mu, s, 1, s.TryGrant(&s.line, 1))
	if err == nil {
		s.line.Leave(cx)
	}
	return err
}

func (s *turnstile) object(op func(*task.Cx) error) *object {
	return &object{
		ask: constant(op),
		let: func(int) {
			s.mu.Lock()
			s.tokens++
			s.line.Grant(nil, &s.mu, s)
		},
		free: func(t *testing.T) {
			s.mu.Lock()
			defer s.mu.Unlock()
			require.True(t, s.line.Empty())
		},
	}
}

// offloaded is something that is done elsewhere until it is let be over, or canceled.
type offloaded struct {
	off  task.Offload[int]
	mu   sync.Mutex
	open [3]bool
	now  *errand
}

// errand is one of its calls.
type errand struct {
	of   *offloaded
	q    int
	slot *task.Slot[int]
	put  bool
}

func (x *offloaded) ask(cx *task.Cx, q int) (int, error) {
	return x.off.Do(cx, func(_ *task.Cx, s *task.Slot[int]) task.Remote {
		e := &errand{of: x, q: q, slot: s}
		x.mu.Lock()
		x.now = e
		open := x.open[q]
		x.mu.Unlock()
		if open {
			e.end(nil)
		}
		return e
	})
}

func (x *offloaded) let(q int) {
	x.mu.Lock()
	x.open[q] = true
	e := x.now
	x.mu.Unlock()
	if e != nil && e.q == q {
		e.end(nil)
	}
}

// end puts the answer, once: not under the lock, for that is an operation.
func (e *errand) end(err error) {
	e.of.mu.Lock()
	was := e.put
	e.put = true
	e.of.mu.Unlock()
	if !was {
		e.slot.Put(e.q, err)
	}
}

func (e *errand) Cancel(cause error) bool {
	e.end(cause)
	return false
}

// wish is an object with an operation of its own.
type wish struct {
	op    task.Operation
	q     int
	mu    sync.Mutex // guards what follows
	open  [3]bool
	waker task.Waker
}

func (x *wish) ask(cx *task.Cx, q int) (int, error) {
	switch x.op.Enter(cx) {
	case task.Begins:
		x.q = q
	case task.Occupied:
		return 0, cx.Suspend()
	}
	waker := cx.Waker() // an operation: not under the lock
	x.mu.Lock()
	x.waker = waker
	open := x.open[x.q]
	x.mu.Unlock()
	if err := cx.Err(); err != nil {
		x.op.Done(cx)
		return 0, err
	}
	if !open {
		return 0, x.op.Suspend(cx, x)
	}
	x.op.Done(cx)
	return x.q, nil
}

func (x *wish) let(q int) {
	x.mu.Lock()
	x.open[q] = true
	waker := x.waker
	x.mu.Unlock()
	waker.Wake()
}

func (x *wish) Abandon(*task.Cx) { x.q = -1 }

// opened makes a gate whose tasks wait for it as wait does.
func opened(wait func(*task.WaitSet, *task.Cx, *park.Mutex, func() bool) error) func(*world) *object {
	return func(*world) *object {
		var c task.WaitSet
		var mu park.Mutex
		g := newGates()
		done := func() bool {
			select {
			case <-g.open[0]:
				return true
			default:
				return false
			}
		}
		return &object{
			ask:  func(cx *task.Cx, _ int) (int, error) { return 0, wait(&c, cx, &mu, done) },
			let:  func(int) { g.let(0); c.WakeAll(&mu, nil) },
			free: func(t *testing.T) { require.True(t, c.Empty()) },
		}
	}
}
