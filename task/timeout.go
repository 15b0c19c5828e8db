package task

import "time"

// timeout bounds the time of a group. It begins with the first member and ends
// with the last; the group's lock guards it.
type timeout struct {
	group *Group
	at    int64
	alarm Alarm
	home  *Home // where the alarm is armed, or nil
}

// SetTimeout gives the group's members, those that are there and those to come
// until none is left, the time d from now: then the group is canceled, with
// ErrTimeout as the cause. A call replaces the one before; with a negative d there
// is no limit any more.
//
// Tasks only: those that wait for the group. Goroutines use WithContext.
func (g *Group) SetTimeout(cx *Cx, d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.bound != nil && g.bound.home != nil {
		g.bound.end()
	}
	g.bound = nil
	if d < 0 {
		return
	}
	b := &timeout{group: g, at: cx.after(d)}
	g.bound = b
	if g.live.Load() != 0 {
		b.begin(cx.run.home, cx)
	}
}

// begin arms the alarm. The lock is held.
func (b *timeout) begin(h *Home, cx *Cx) {
	b.home = h
	b.alarm.Arm(h, cx, b.at, b, 0)
}

// end disarms the alarm. The lock is held.
func (b *timeout) end() {
	b.alarm.Disarm(b.home)
	b.home = nil
}

// Ring cancels the group, unless it has ended meanwhile.
func (b *timeout) Ring(uint32) {
	g, why := b.group, canceledBy(ErrTimeout, 0)
	g.mu.Lock()
	// Publish. As (*Group).cancel does, but before this use of the group can end.
	// Pairs with: (*roster).add.
	now := g.bound == b && g.live.Load() != 0 && g.why.CompareAndSwap(nil, why)
	g.mu.Unlock()
	if now {
		g.spread(why)
	}
}
