//go:build unix

package abandoned_test

import (
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
)

const (
	roomGiven  = "the place in the queue is given up; room that was promised goes to the next sender, and the value is not sent"
	valueGiven = "the place in the queue is given up; a value that was promised goes to the next receiver"
)

// full is something that is full, until something is taken out. What has been sent is in it
// once, in order, and nothing else.
func full(send func(*task.Cx, int) error, take func() (int, error)) *object {
	if err := send(nil, -1); err != nil {
		panic(err)
	}
	var mu sync.Mutex
	var sent, came []int
	return &object{
		ask: func(cx *task.Cx, q int) (int, error) {
			err := send(cx, q)
			if err == nil {
				mu.Lock()
				sent = append(sent, q)
				mu.Unlock()
			}
			return q, err
		},
		let: func(int) {
			if v, err := take(); err == nil && v >= 0 {
				mu.Lock()
				came = append(came, v)
				mu.Unlock()
			}
		},
		free: func(t *testing.T) {
			for {
				v, err := take()
				if err != nil {
					break
				}
				if v >= 0 {
					came = append(came, v)
				}
			}
			slices.Sort(came)
			slices.Sort(sent)
			require.Equal(t, sent, came, "what was sent, and what has come")
		},
	}
}

var chansTable = []entry{
	{
		op: "task/chans.Broadcast.Send", lets: noWait,
		prove: func(t *testing.T) {
			b := chans.NewBroadcast[int](1)
			neverWaits(t, func(cx *task.Cx) error { return b.Send(cx, 1) })
		},
	},
	{
		op: "task/chans.Chan.Recv", lets: valueGiven,
		mode: flow, stays: true,
		make: received(func(c *chans.Chan[int]) func(*task.Cx, int) (int, error) {
			return func(cx *task.Cx, _ int) (int, error) { return c.Recv(cx) }
		}),
	},
	{
		op: "task/chans.Chan.RecvMany", lets: valueGiven,
		mode: flow, stays: true,
		make: received(func(c *chans.Chan[int]) func(*task.Cx, int) (int, error) {
			var dst [1]int
			return func(cx *task.Cx, _ int) (int, error) {
				_, err := c.RecvMany(cx, dst[:])
				return dst[0], err
			}
		}),
	},
	{
		op: "task/chans.Chan.Reserve", lets: "the place in the queue is given up; room that was promised goes to the next sender",
		mode: exact, stays: true,
		make: func(*world) *object {
			c := chans.New[int](1)
			send := func(cx *task.Cx, v int) error {
				if cx == nil {
					return c.TrySend(nil, v)
				}
				p, err := c.Reserve(cx)
				if err == nil {
					p.Send(cx, v)
				}
				return err
			}
			return full(send, func() (int, error) { return c.TryRecv(nil) })
		},
	},
	{
		op: "task/chans.Chan.Send", lets: roomGiven,
		mode: exact, stays: true,
		make: func(*world) *object {
			c := chans.New[int](1)
			return full(orTry(c.Send, c.TrySend), func() (int, error) { return c.TryRecv(nil) })
		},
	},
	{
		op: "task/chans.Chan.TryRecv", lets: noWait,
		prove: func(t *testing.T) {
			c := chans.New[int](1)
			neverWaits(t, func(cx *task.Cx) error { _, err := c.TryRecv(cx); return err })
		},
	},
	{
		op: "task/chans.Chan.TrySend", lets: noWait,
		prove: func(t *testing.T) {
			c := chans.New[int](1)
			neverWaits(t, func(cx *task.Cx) error { return c.TrySend(cx, 1) })
		},
	},
	{
		op: "task/chans.Mailbox.Recv", lets: "the place in the queue is given up; the values stay",
		mode: flow, stays: true, alone: true,
		make: func(*world) *object {
			m := chans.NewMailbox[int](8)
			return &object{
				ask: func(cx *task.Cx, _ int) (int, error) { return m.Recv(cx) },
				let: func(q int) { _ = m.TrySend(nil, q) },
			}
		},
	},
	{
		op: "task/chans.Mailbox.Send", lets: roomGiven,
		mode: exact, stays: true,
		make: func(*world) *object {
			m := chans.NewMailbox[int](1)
			return full(orTry(m.Send, m.TrySend), func() (int, error) { return m.TryRecv(nil) })
		},
	},
	{
		op: "task/chans.Mailbox.TryRecv", lets: noWait,
		prove: func(t *testing.T) {
			m := chans.NewMailbox[int](1)
			neverWaits(t, func(cx *task.Cx) error { _, err := m.TryRecv(cx); return err })
		},
	},
	{
		op: "task/chans.Mailbox.TrySend", lets: noWait,
		prove: func(t *testing.T) {
			m := chans.NewMailbox[int](1)
			neverWaits(t, func(cx *task.Cx) error { return m.TrySend(cx, 1) })
		},
	},
	{
		op: "task/chans.Oneshot.Recv", lets: valueGiven,
		mode: flow, stays: true, single: true,
		make: func(*world) *object {
			var o chans.Oneshot[int]
			return &object{
				ask: func(cx *task.Cx, _ int) (int, error) { return o.Recv(cx) },
				let: func(q int) { _ = o.Send(nil, q) },
			}
		},
	},
	{
		op: "task/chans.Oneshot.Send", lets: noWait,
		prove: func(t *testing.T) {
			var o chans.Oneshot[int]
			neverWaits(t, func(cx *task.Cx) error { return o.Send(cx, 1) })
		},
	},
	{
		op: "task/chans.Subscription.Recv", lets: waitOver + "; the values are the next call's",
		mode: flow, stays: true, alone: true,
		make: func(*world) *object {
			b := chans.NewBroadcast[int](8)
			s := b.Subscribe()
			return &object{
				ask: func(cx *task.Cx, _ int) (int, error) { return s.Recv(cx) },
				let: func(q int) { _ = b.Send(nil, q) },
			}
		},
	},
	{
		op: "task/chans.Watch.Set", lets: noWait,
		prove: func(t *testing.T) {
			w := chans.NewWatch(0)
			neverWaits(t, func(cx *task.Cx) error { return w.Set(cx, 1) })
		},
	},
	{
		op: "task/chans.Watch.Update", lets: noWait,
		prove: func(t *testing.T) {
			w := chans.NewWatch(0)
			neverWaits(t, func(cx *task.Cx) error { return w.Update(cx, func(v int) (int, bool) { return v + 1, true }) })
		},
	},
	{
		op: "task/chans.Watcher.Next", lets: waitOver + "; the change is the next call's",
		mode: flow, stays: true, alone: true,
		make: func(*world) *object {
			w := chans.NewWatch(-1)
			r := w.Watch()
			return &object{
				ask: func(cx *task.Cx, _ int) (int, error) { return r.Next(cx) },
				let: func(q int) { _ = w.Set(nil, q) },
			}
		},
	},
}

// orTry is a send for tasks, and for the test.
func orTry(send, try func(*task.Cx, int) error) func(*task.Cx, int) error {
	return func(cx *task.Cx, v int) error {
		if cx == nil {
			return try(nil, v)
		}
		return send(cx, v)
	}
}
