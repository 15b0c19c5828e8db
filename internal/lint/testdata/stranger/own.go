// Package stranger is what a user writes in a module of theirs: operations of their own.
package stranger

import (
	"context"

	"github.com/heist-go/heist/task"
)

// Gate is something that happens once, and that all are told of.
type Gate struct {
	mu   task.WaitLock
	set  task.WaitSet
	open bool
}

// Open opens the gate. cx is the poll in progress, or nil outside of one.
func (g *Gate) Open(cx *task.Cx) {
	g.mu.Lock()
	g.open = true
	g.mu.Unlock()
	if !g.set.Empty() {
		g.set.WakeAll(&g.mu, cx)
	}
}

func (g *Gate) isOpen() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.open
}

// Wait waits until the gate is open.
//
//heist:sticky
func (g *Gate) Wait(cx *task.Cx) error { return g.set.Wait(cx, &g.mu, g.isOpen) }

// WaitContext is Wait for goroutines.
func (g *Gate) WaitContext(ctx context.Context) error { return g.set.Block(ctx, &g.mu, g.isOpen) }

// Purse has coins, which are given to those who wait, in order.
type Purse struct {
	mu    task.WaitLock
	queue task.WaitQueue
	coins int64
}

// Take takes n coins, and waits until there are so many.
func (p *Purse) Take(cx *task.Cx, n int64) error { return p.queue.Wait(cx, &p.mu, p, n) }

// TakeContext is Take for goroutines.
func (p *Purse) TakeContext(ctx context.Context, n int64) error {
	return p.queue.WaitContext(ctx, &p.mu, p, n)
}

// Put puts n coins into the purse. cx is the poll in progress, or nil outside of one.
func (p *Purse) Put(cx *task.Cx, n int64) {
	p.mu.Lock()
	p.coins += n
	p.queue.Grant(cx, &p.mu, p)
}

// TryGrant gives the oldest in line what it asks for. The lock is held.
func (p *Purse) TryGrant(_ *task.WaitQueue, n int64) task.GrantState {
	if p.coins < n {
		return task.Waiting
	}
	p.coins -= n
	return task.Granted
}

// Revoke takes back what somebody does not want any more. The lock is held.
func (p *Purse) Revoke(_ *task.WaitQueue, n int64, v task.GrantState) {
	if v == task.Granted {
		p.coins += n
	}
}
