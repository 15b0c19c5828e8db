package reactor

import (
	"time"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/park"
	"github.com/heist-go/heist/internal/poll"
	"github.com/heist-go/heist/task"
)

// deadlines are the deadlines of a source: few have any, so they are made when the first is set.
//
//	T1  at is set before the alarm is armed, and the alarm makes a readiness edge: who waits tries again,
//	    and looks at at between the clear of its direction and its await (C2). So no deadline is slept through.
//	T2  lifted is set under the mutex when the source is closed, by lift or by a setDeadline that comes
//	    later: no alarm is armed after that, and all that were are disarmed.
type deadlines struct {
	mu     park.Mutex // guards the alarms and lifted
	source *source
	each   [2]deadline
	lifted bool
}

// deadline is the deadline of one direction.
type deadline struct {
	at    atomicx.Int64 // in Runtime.Nanos; 0: none. Written under the mutex, read by all
	alarm task.Alarm
}

// expired reports whether the direction's deadline has passed (T1).
// Pairs with: (*source).setDeadline.
func (s *source) expired(m poll.Mode) bool {
	at := s.deadline(m)
	return at != 0 && at <= s.reactor.runtime.Nanos()
}

// expires reports whether the direction has a deadline, passed or not.
func (s *source) expires(m poll.Mode) bool { return s.deadline(m) != 0 }

// deadline returns the direction's deadline; 0: none.
func (s *source) deadline(m poll.Mode) int64 {
	l := s.deadlines.Load()
	if l == nil {
		return 0
	}
	return l.each[m-1].at.Load()
}

// taskTime returns the deadline t as setDeadline has it, on the clock of the tasks.
func (s *source) taskTime(t time.Time) int64 {
	if t.IsZero() {
		return never
	}
	return s.reactor.runtime.At(t)
}

// realTime is taskTime for the views that are package net's: t is the machine's time, and its
// distance from now is what counts on a scheduler with a clock of its own.
func (s *source) realTime(t time.Time) int64 {
	if t.IsZero() {
		return never
	}
	return s.reactor.runtime.After(time.Until(t))
}

// never is the deadline that means none.
const never = 1<<63 - 1

// setDeadline sets the deadline of some directions, in task.Runtime.Nanos.
func (s *source) setDeadline(at int64, modes ...poll.Mode) error {
	if !s.refs.acquire() {
		return ErrClosed
	}
	defer s.release()
	l := s.deadlines.Load()
	if l == nil {
		l = &deadlines{source: s}
		// Publish. Deadlines that are none. Pairs with: (*source).expired, (*source).close.
		if !s.deadlines.CompareAndSwap(nil, l) {
			l = s.deadlines.Load()
		}
	}
	rt := s.reactor.runtime
	l.mu.Lock()
	l.lifted = l.lifted || s.refs.isClosed() // close may have come before there were any (T2)
	for _, m := range modes {
		d := &l.each[m-1]
		d.alarm.Disarm(rt)
		if at == never || l.lifted {
			d.at.Store(0) // Hint. Who sees the old one fails a moment late
			continue
		}
		at = max(at, 1)
		// Publish. The deadline, before the alarm's edge (T1).
		// Pairs with: (*source).expired.
		d.at.Store(at)
		d.alarm.Arm(rt, nil, at, l, uint32(m))
	}
	l.mu.Unlock()
	return nil
}

// Notify is the alarm of a direction.
func (d *deadlines) Notify(mode uint32) {
	d.source.wakeWaiter(Mode(mode))
	if Mode(mode) == Write && d.source.expired(Write) {
		d.source.queue.rejectAll(false) // those that wait for their turn have the same deadline
	}
}

// lift ends all deadlines, for good (T2).
func (d *deadlines) lift(s *source) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lifted = true
	for i := range d.each {
		d.each[i].alarm.Disarm(s.reactor.runtime)
	}
}
