package task_test

import (
	"context"
	"fmt"

	"github.com/heist-go/heist/task"
)

// gate is something that happens, and that all are told of.
type gate struct {
	mu   task.WaitLock
	set  task.WaitSet
	open bool
}

func (g *gate) isOpen() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.open
}

// Wait waits until the gate is open.
//
//heist:sticky
func (g *gate) Wait(cx *task.Cx) error { return g.set.Wait(cx, &g.mu, g.isOpen) }

// Open opens the gate. cx is the poll in progress, or nil outside of one.
func (g *gate) Open(cx *task.Cx) {
	g.mu.Lock()
	g.open = true
	g.mu.Unlock()
	if !g.set.Empty() {
		g.set.WakeAll(&g.mu, cx)
	}
}

// An event of one's own.
func ExampleWaitSet() {
	var g gate
	began := false
	err := task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		if !began {
			began = true
			cx.Go(task.Func(func(cx *task.Cx) error {
				g.Open(cx)
				return nil
			}))
		}
		return g.Wait(cx)
	}))
	fmt.Println("open:", g.isOpen(), err)
	// Output: open: true <nil>
}

// purse has coins, which are given to those who wait, in order.
type purse struct {
	mu    task.WaitLock
	queue task.WaitQueue
	coins int64
}

// Take takes n coins, and waits until there are so many.
func (p *purse) Take(cx *task.Cx, n int64) error { return p.queue.Wait(cx, &p.mu, p, n) }

// Put puts n coins into the purse. cx is the poll in progress, or nil outside of one.
func (p *purse) Put(cx *task.Cx, n int64) {
	p.mu.Lock()
	p.coins += n
	p.queue.Grant(cx, &p.mu, p) // unlocks
}

func (p *purse) TryGrant(_ *task.WaitQueue, n int64) task.GrantState {
	if p.coins < n {
		return task.Waiting
	}
	p.coins -= n
	return task.Granted
}

func (p *purse) Revoke(_ *task.WaitQueue, n int64, state task.GrantState) {
	if state == task.Granted {
		p.coins += n
	}
}

// A lock, or a store, of one's own.
func ExampleWaitQueue() {
	var p purse
	began := false
	err := task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		if !began {
			began = true
			cx.Go(task.Func(func(cx *task.Cx) error {
				p.Put(cx, 3)
				return nil
			}))
		}
		return p.Take(cx, 2)
	}))
	fmt.Println(p.coins, err)
	// Output: 1 <nil>
}
