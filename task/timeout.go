package task

import "time"

// timeout is the bound on the time of a group. It begins with the first member and ends
// with the last; the group's lock guards it.
type timeout struct {
	group *Group
	rt    *Runtime // whose clock at is on; nil: the machine's
	at    int64
	begun bool
	alarm Alarm
	timer *time.Timer // in place of alarm, when rt has ended
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
	if g.timeout != nil && g.timeout.begun {
		g.timeout.end()
	}
	g.timeout = nil
	if d < 0 {
		return
	}
	b := &timeout{group: g, rt: cx.run.rt, at: cx.after(d)}
	g.timeout = b
	if g.live.Load() != 0 {
		b.begin(cx.run.rt, cx)
	}
}

// begin arms the alarm, at a runtime that has members of the group. The lock is held.
func (b *timeout) begin(rt *Runtime, cx *Cx) {
	b.begun = true
	b.move(rt)
	if b.alarm.Arm(rt, cx, b.at, b, 0) {
		return
	}
	b.move(nil)
	b.timer = time.AfterFunc(b.left(), func() { b.Notify(0) })
}

// move converts the moment to the clock of another runtime. On the same clock it is the same:
// that may be moved between two looks at it.
func (b *timeout) move(rt *Runtime) {
	if b.rt.Clock() != rt.Clock() {
		b.at = Later(rt.Nanos(), b.left())
	}
	b.rt = rt
}

// left returns how much of the time is left.
func (b *timeout) left() time.Duration { return time.Duration(b.at - b.rt.Nanos()) }

// end disarms the alarm. The lock is held.
func (b *timeout) end() {
	b.alarm.Disarm(b.rt)
	if b.timer != nil {
		b.timer.Stop()
	}
	b.begun = false
}

// Notify implements [Notifier]: it cancels the group, unless that has ended meanwhile. If the runtime
// has ended before the time was up, the machine's clock counts from now on.
func (b *timeout) Notify(uint32) {
	g, why := b.group, canceledBy(ErrTimeout, 0)
	g.mu.Lock()
	here := g.timeout == b && b.begun && g.live.Load() != 0
	if here && b.rt != nil && b.left() > 0 {
		b.begin(b.rt, nil)
		here = false
	}
	// Publish. As (*Group).cancel does, but before this use of the group can end.
	// Pairs with: (*memberList).add.
	now := here && g.why.CompareAndSwap(nil, why)
	g.mu.Unlock()
	if now {
		g.spread(why)
	}
}
