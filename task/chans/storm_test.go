package chans_test

import (
	"context"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/combine"
)

// A storm is random senders and receivers that are canceled at random. Whatever happens:
// each value that Send said is in the channel is received once or still in it, those of a
// sender are in order, and in the end nobody waits and nothing is promised.
type storm struct {
	q         queue
	sent, got []int
}

// check compares what was sent with what was received and is left.
func (s *storm) check(t *testing.T, seed uint64) {
	t.Helper()
	idle(t, s.q)
	all := append(s.got, rest(s.q)...)
	slices.Sort(all)
	slices.Sort(s.sent)
	require.True(t, slices.Equal(s.sent, all), "seed %d: sent were\n%v\nand received\n%v", seed, s.sent, all)
}

// agent is a task that sends or receives, in one way or another, until it is canceled.
type agent struct {
	recorder
	s      *storm
	rand   *rand.Rand
	sender int // or -1
	next   int
	act    step // the operation in progress, or nil
	permit chans.Permit[int]
	has    bool // the permit
	sel    combine.Select
	dst    [3]int
	note   func(v int) // what was received; by default in the storm
}

func newAgent(s *storm, seed uint64, id, sender int) *agent {
	a := &agent{s: s, rand: rand.New(rand.NewPCG(seed, uint64(id))), sender: sender}
	a.next = max(sender, 0) * 1_000_000
	a.note = func(v int) { s.got = append(s.got, v) }
	a.poll = func(cx *task.Cx) error {
		for {
			if err := cx.Err(); err != nil {
				return err
			}
			if a.act == nil {
				a.act = a.choose()
			}
			if err := a.act(cx); err != nil && err != chans.ErrEmpty && err != chans.ErrFull {
				return err
			}
			a.act = nil
		}
	}
	return a
}

// Poll is promoted from the recorder; Finish has a permit to give back.
func (a *agent) Finish(err error) {
	a.act = nil // the operation has ended with the task
	if a.has {
		a.has = false
		a.permit.Release(nil)
	}
	a.recorder.Finish(err)
}

func (a *agent) sent() {
	a.s.sent = append(a.s.sent, a.next)
	a.next++
}

func (a *agent) choose() step {
	if a.rand.IntN(4) == 0 {
		return func(cx *task.Cx) error { return cx.Yield() }
	}
	if a.sender >= 0 {
		return a.chooseSend()
	}
	recv := func(cx *task.Cx) error {
		v, err := a.s.q.Recv(cx)
		if err == nil {
			a.note(v)
		}
		return err
	}
	c, _ := a.s.q.(*chans.Chan[int])
	switch n := a.rand.IntN(5); {
	case n == 0:
		return func(cx *task.Cx) error {
			v, err := a.s.q.TryRecv(cx)
			if err == nil {
				a.note(v)
			}
			return err
		}
	case n == 1 && c != nil:
		return func(cx *task.Cx) error {
			n, err := c.RecvMany(cx, a.dst[:])
			for _, v := range a.dst[:n] {
				a.note(v)
			}
			return err
		}
	case n == 2:
		return a.orGivesUp(recv)
	}
	return recv
}

func (a *agent) chooseSend() step {
	send := func(cx *task.Cx) error {
		err := a.s.q.Send(cx, a.next)
		if err == nil {
			a.sent()
		}
		return err
	}
	c, _ := a.s.q.(*chans.Chan[int])
	switch n := a.rand.IntN(5); {
	case n == 0:
		return func(cx *task.Cx) error {
			err := a.s.q.TrySend(cx, a.next)
			if err == nil {
				a.sent()
			}
			return err
		}
	case n == 1 && c != nil:
		uses := a.rand.IntN(3) > 0
		waits := a.rand.IntN(3)
		return func(cx *task.Cx) (err error) {
			if !a.has {
				if a.permit, err = c.Reserve(cx); err != nil {
					return err
				}
				a.has = true
			}
			for ; waits > 0; waits-- {
				if err := cx.Yield(); err != nil {
					return err
				}
			}
			a.has = false
			if uses {
				a.permit.Send(cx, a.next)
				a.sent()
			} else {
				a.permit.Release(cx)
			}
			return nil
		}
	case n == 2:
		return a.orGivesUp(send)
	}
	return send
}

// orGivesUp is op in a select with something that is over after some rounds.
func (a *agent) orGivesUp(op step) step {
	after := rounds(a.rand.IntN(4))
	return func(cx *task.Cx) error {
		_, err := a.sel.Wait(cx, op, after)
		return err
	}
}

// On one goroutine all is as the seed says, and the order in which values are received is
// that of the channel.
func TestStormOfTasks(t *testing.T) {
	each(t, func(t *testing.T, open func(int) queue) {
		for seed := range uint64(scale(1500)) {
			calm(t, open, seed)
		}
	})
}

func calm(t *testing.T, open func(int) queue, seed uint64) {
	chaos := rand.New(rand.NewPCG(seed, 1000))
	s := &storm{q: open(1 + chaos.IntN(3))}
	var agents []*agent
	receivers := 3
	if _, ok := s.q.(*chans.Mailbox[int]); ok {
		receivers = 1
	}
	for id := range 3 + receivers {
		sender := id
		if id >= 3 {
			sender = -1
		}
		agents = append(agents, newAgent(s, seed, id, sender))
	}
	var g task.Group
	g.Failed = func(task.Task, error) error { return nil }
	left := 60
	lives := make([]int, len(agents))
	require.NoError(t, runSteps(func(cx *task.Cx) error {
		for left > 0 {
			if err := cx.Yield(); err != nil {
				return err
			}
			left--
			i := chaos.IntN(len(agents))
			a := agents[i]
			switch ended := len(a.ends) == lives[i]; {
			case ended: // not spawned yet, or its life is over
				lives[i]++
				g.Go(cx, a)
			case chaos.IntN(2) == 0:
				a.Cancel(errBoom)
			}
		}
		for _, a := range agents {
			a.Cancel(errBoom)
		}
		return nil
	}, g.Wait))
	next := map[int]int{}
	for _, v := range s.got {
		require.Equal(t, next[v/1_000_000], v%1_000_000, "seed %d: of sender %d", seed, v/1_000_000)
		next[v/1_000_000]++
	}
	s.check(t, seed)
}

// On two workers, with goroutines that come and go as well.
func TestStorm(t *testing.T) {
	each(t, func(t *testing.T, open func(int) queue) {
		p := openPool(t)
		for seed := range uint64(scale(300)) {
			chaos := rand.New(rand.NewPCG(seed, 1000))
			q := open(1 + chaos.IntN(3))
			_, mailbox := q.(*chans.Mailbox[int])
			// Each has a storm of its own to write down in: they are many threads.
			var parts []*storm
			var g task.Group
			g.Failed = func(task.Task, error) error { return nil }
			part := func() *storm {
				parts = append(parts, &storm{q: q})
				return parts[len(parts)-1]
			}
			var tasks []*agent
			spawn := func(sender int) {
				a := newAgent(part(), seed, len(parts), sender)
				tasks = append(tasks, a)
				g.Go(p, a)
			}
			ctx, cancel := context.WithCancel(background)
			sender := 0
			for range 2 {
				spawn(sender)
				sender++
			}
			receive := func(ctx context.Context) func(context.Context) error {
				s := part()
				return func(context.Context) error {
					for {
						v, err := q.RecvContext(ctx)
						if err != nil {
							return err
						}
						s.got = append(s.got, v)
						if ctx.Err() != nil {
							return nil // there may always be more
						}
					}
				}
			}
			send := func(ctx context.Context, sender int) func(context.Context) error {
				s := part()
				return func(context.Context) error {
					for v := sender * 1_000_000; ctx.Err() == nil; v++ {
						if err := q.SendContext(ctx, v); err != nil {
							return err
						}
						s.sent = append(s.sent, v)
					}
					return nil
				}
			}
			g.Goroutine(p, send(ctx, sender))
			sender++
			if mailbox && seed%2 == 0 {
				spawn(-1)
			} else {
				g.Goroutine(p, receive(ctx))
			}
			if !mailbox {
				spawn(-1)
				spawn(-1)
			}
			for range 10 {
				for range chaos.IntN(20) {
					runtime.Gosched()
				}
				if chaos.IntN(3) == 0 {
					sub, stop := context.WithCancel(ctx)
					g.Goroutine(p, send(sub, sender))
					sender++
					runtime.Gosched()
					stop()
				}
				if a := tasks[chaos.IntN(len(tasks))]; a.sender >= 0 || !mailbox {
					a.Cancel(errBoom)
				}
				if chaos.IntN(2) == 0 {
					spawn(sender)
					sender++
				}
			}
			cancel()
			for _, a := range tasks {
				a.Cancel(errBoom)
			}
			require.NoError(t, g.WaitContext(background))
			whole := &storm{q: q}
			for _, part := range parts {
				whole.sent = append(whole.sent, part.sent...)
				whole.got = append(whole.got, part.got...)
				last := map[int]int{}
				for _, v := range part.got {
					before, some := last[v/1_000_000]
					require.False(t, some && before >= v, "seed %d: %d comes after %d", seed, v, before)
					last[v/1_000_000] = v
				}
			}
			whole.check(t, seed)
		}
	})
}
