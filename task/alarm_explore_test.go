//go:build explore

package task

import (
	"context"
	"slices"
	"testing"

	"github.com/heist-go/heist/internal/explore"
	"github.com/heist-go/heist/timerwheel"
)

// alarms is the code under test: the real methods, or copies with one line wrong.
type alarms struct {
	fire     func(t *timers, now, until int64, due *[batch]dueAlarm) (n int, more bool)
	disarm   func(a *Alarm, rt *Runtime) bool
	postpone func(a *Alarm, deadline int64) bool
	move     func(a *Alarm, r *Runner, deadline int64) bool
	arm      func(a *Alarm, r *Runner, deadline int64) (sooner, armed bool)
	end      func(t *timers, due *[batch]dueAlarm) int
}

var soundAlarms = alarms{(*timers).fire, (*Alarm).Disarm, (*Alarm).Postpone, (*Alarm).move, (*Alarm).arm, (*timers).end}

// peal is one alarm, whose owner does what its program says, one letter a step, while
// others fire what is due. The alarm is due at 10, 20, 30, ...
//
//	a  arm it for 10 from now     p  postpone it by 10
//	m  move it to 10 from now     d  disarm it
//	h  hasten it by 5, where it is armed
type peal struct {
	program string
	firers  [][]int64 // the moments at which each of them fires
	runners int
	bound   int  // on preemptions; 0: none
	ends    bool // the scheduler does, meanwhile
}

// rung is a Notifier that the firers of a model call themselves.
type rung struct{}

func (rung) Notify(uint32) {}

func (p peal) model(code alarms) func(*explore.X) {
	return func(x *explore.X) {
		var rt Runtime
		runners := make([]*Runner, p.runners)
		for i := range runners {
			runners[i] = new(Runner)
		}
		Open(context.Background(), &rt, nil, runners...)
		for _, r := range runners {
			r.timers.wheel = timerwheel.Wheel[alarm]{} // whose present is not the machine's: all would be overdue
			r.timers.begin(1)
		}
		const grain = 1 << 16 // a tick, so that every moment is one
		a := new(Alarm)
		kept := 0            // how often it was kept from ringing
		armed := 0           // how often it was armed: an ended scheduler refuses
		var due []int64      // by life of the alarm, what it was armed for last
		var rings [3][]int64 // by life, when it has rung
		x.Go("owner", func() {
			for i, op := range p.program {
				r := runners[i%len(runners)] // on whatever worker
				switch op {
				case 'a', 'm':
					if code.disarm(a, &rt) {
						kept++
					}
					due = append(due, int64(len(due)+1)*10*grain)
					a.entry.Value.notifier, a.entry.Value.gen = rung{}, uint32(len(due)-1)
					if _, ok := code.arm(a, r, due[len(due)-1]); ok {
						armed++
					}
				case 'p':
					if last := &due[len(due)-1]; code.postpone(a, *last+10*grain) {
						*last += 10 * grain
					}
				case 'h':
					if last := &due[len(due)-1]; code.move(a, runners[a.entry.Value.in], *last-5*grain) {
						*last -= 5 * grain
					}
				case 'd':
					if code.disarm(a, &rt) {
						kept++
					}
				}
			}
		})
		for _, moments := range p.firers {
			x.Go("firer", func() {
				for _, now := range moments {
					for _, r := range runners {
						for more := true; more; {
							var due [batch]dueAlarm
							var n int
							n, more = code.fire(&r.timers, now*grain, now*grain, &due)
							for _, d := range due[:n] {
								rings[d.gen] = append(rings[d.gen], now*grain)
							}
						}
					}
				}
			})
		}
		const end = 1 << 40
		if p.ends {
			x.Go("closer", func() {
				for _, r := range runners {
					var due [batch]dueAlarm
					for _, d := range due[:code.end(&r.timers, &due)] {
						rings[d.gen] = append(rings[d.gen], end)
					}
				}
			})
		}
		x.Final(func() {
			for _, r := range runners {
				x.Assert(!p.ends || r.timers.wheel.Len() == 0, "an alarm is armed at a scheduler that has ended")
			}
			latest := int64(0) // that anybody fires for
			for _, moments := range p.firers {
				latest = max(latest, slices.Max(moments)*grain)
			}
			if a.Armed() { // T4
				t := &runners[a.entry.Value.in].timers
				next, ok := t.wheel.Next()
				x.Assert(ok && next <= max(a.when(), latest) && t.next.Load() <= next, "due at %d, and the wheel has nothing to do until %d, the worker until %d", a.when(), next, t.next.Load())
			}
			for _, r := range runners { // what is still armed fires now
				var left [batch]dueAlarm
				n, _ := r.timers.fire(end, end, &left)
				for _, d := range left[:n] {
					rings[d.gen] = append(rings[d.gen], end)
				}
				x.Assert(r.timers.wheel.Len() == 0, "an entry is left")
			}
			n := 0
			for life, when := range rings {
				n += len(when)
				x.Assert(len(when) <= 1, "has rung %d times in life %d", len(when), life)
				x.Assert(len(when) == 0 || when[0] >= due[life], "rings at %d in life %d, armed for %d", when, life, due)
			}
			x.Assert(n == armed-kept, "armed %d times, kept from ringing %d times, and has rung %d times", armed, kept, n)
		})
	}
}

var peals = []struct {
	name string
	peal peal
}{
	{"cancel against fire", peal{"ad", [][]int64{{10}}, 1, 0, false}},
	{"cancel against two firers", peal{"ad", [][]int64{{10}, {10}}, 1, 3, false}},
	{"postpone against fire", peal{"ap", [][]int64{{10, 20}}, 1, 0, false}},
	{"postpone against two firers", peal{"ap", [][]int64{{10}, {20}}, 1, 3, false}},
	{"postpone and cancel", peal{"apd", [][]int64{{10, 20}}, 1, 0, false}},
	{"hasten", peal{"ah", nil, 1, 0, false}},
	{"hasten against fire", peal{"ah", [][]int64{{5, 10}}, 1, 0, false}},
	{"postpone and hasten against two firers", peal{"aph", [][]int64{{10}, {15}}, 1, 2, false}},
	{"hasten and cancel", peal{"ahd", [][]int64{{5}}, 1, 0, false}},
	{"hasten against the end", peal{"ah", nil, 1, 0, true}},
	{"move against fire", peal{"am", [][]int64{{10, 20}}, 1, 4, false}},
	{"move to another worker", peal{"am", [][]int64{{10, 20}}, 2, 3, false}},
	{"move there and cancel", peal{"amd", [][]int64{{20}}, 2, 3, false}},
	{"arm against the end", peal{"a", nil, 1, 0, true}},
	{"cancel against the end", peal{"ad", nil, 1, 0, true}},
	{"postpone against the end", peal{"ap", [][]int64{{10}}, 1, 3, true}},
	{"move against the end", peal{"am", [][]int64{{20}}, 2, 2, true}},
}

func TestExploreAlarm(t *testing.T) {
	for _, c := range peals {
		t.Run(c.name, func(t *testing.T) {
			explore.Check(t, explore.Options{Preemptions: c.peal.bound}, c.peal.model(soundAlarms))
		})
	}
}

func TestExploreAlarmControls(t *testing.T) {
	with := func(change func(*alarms)) alarms {
		c := soundAlarms
		change(&c)
		return c
	}
	for _, c := range []struct {
		name string
		code alarms
		in   int
	}{
		{
			"disarm looks, and does not lock", // T1
			with(func(c *alarms) {
				c.disarm = func(a *Alarm, rt *Runtime) bool {
					v := &a.entry.Value
					kept := v.set && a.when() != fired
					if kept {
						rt.runners[v.in].timers.wheel.Remove(&a.entry)
					}
					v.set = false
					return kept
				}
			}),
			0,
		}, {
			"postpone does not compare", // T2
			with(func(c *alarms) {
				c.postpone = func(a *Alarm, deadline int64) bool {
					if !a.entry.Value.set || a.when() == fired {
						return false
					}
					a.entry.Move(a.when(), deadline)
					return true
				}
			}),
			2,
		}, {
			"fire does not look whether it was postponed", // T2
			with(func(c *alarms) {
				c.fire = func(t *timers, now, _ int64, due *[batch]dueAlarm) (n int, more bool) {
					t.mu.Lock()
					defer t.mu.Unlock()
					for {
						e := t.wheel.Expire(now)
						if e == nil {
							return n, false
						}
						due[n] = dueAlarm{notifier: e.Value.notifier, gen: e.Value.gen}
						n++
						e.Move(e.Deadline(), fired)
					}
				}
			}),
			2,
		}, {
			"fire compares, and gives up", // T2
			with(func(c *alarms) {
				c.fire = func(t *timers, now, _ int64, due *[batch]dueAlarm) (n int, more bool) {
					t.mu.Lock()
					defer t.mu.Unlock()
					for {
						e := t.wheel.Expire(now)
						if e == nil {
							return n, false
						}
						if when := e.Deadline(); when > now {
							t.wheel.Settle(e)
						} else if e.Move(when, fired) {
							due[n] = dueAlarm{notifier: e.Value.notifier, gen: e.Value.gen}
							n++
						}
					}
				}
			}),
			2,
		}, {
			"hasten does not lock", // T2
			with(func(c *alarms) {
				c.move = func(a *Alarm, r *Runner, deadline int64) bool {
					if !a.Armed() {
						return false
					}
					moved := a.entry.Move(a.when(), deadline)
					r.timers.wheel.Settle(&a.entry)
					return moved
				}
			}),
			6,
		}, {
			"hasten does not settle", // T4
			with(func(c *alarms) {
				c.move = func(a *Alarm, r *Runner, deadline int64) bool {
					r.timers.mu.Lock()
					defer r.timers.mu.Unlock()
					old := a.when()
					return old != fired && a.entry.Move(old, deadline)
				}
			}),
			5,
		}, {
			"the end empties the wheel, and closes it then", // T5
			with(func(c *alarms) {
				c.end = func(t *timers, due *[batch]dueAlarm) (n int) {
					t.mu.Lock()
					for e := t.wheel.Take(); e != nil; e = t.wheel.Take() {
						due[n] = dueAlarm{notifier: e.Value.notifier, gen: e.Value.gen}
						n++
						e.Move(e.Deadline(), fired)
					}
					t.mu.Unlock()
					t.mu.Lock()
					t.over = true
					t.mu.Unlock()
					return n
				}
			}),
			13,
		}, {
			"who arms looks before it locks", // T5
			with(func(c *alarms) {
				c.arm = func(a *Alarm, r *Runner, deadline int64) (sooner, armed bool) {
					r.timers.mu.Lock()
					over := r.timers.over
					r.timers.mu.Unlock()
					if over {
						return false, false
					}
					v, t := &a.entry.Value, &r.timers
					v.in, v.set = uint16(r.index), true
					t.mu.Lock()
					t.wheel.Add(&a.entry, deadline)
					t.mu.Unlock()
					return false, true
				}
			}),
			13,
		},
	} {
		t.Run(c.name, func(t *testing.T) { explore.Refute(t, explore.Options{}, peals[c.in].peal.model(c.code)) })
	}
}
