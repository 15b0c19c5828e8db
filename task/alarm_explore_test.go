//go:build explore

package task

import (
	"context"
	"testing"

	"github.com/heist-go/heist/internal/explore"
)

// alarms is the code under test: the real methods, or copies with one line wrong.
type alarms struct {
	fire     func(t *timers, now, until int64, due *[batch]ring) (n int, more bool)
	disarm   func(a *Alarm, h *Home) bool
	postpone func(a *Alarm, deadline int64) bool
}

var soundAlarms = alarms{(*timers).fire, (*Alarm).Disarm, (*Alarm).Postpone}

// peal is one alarm, whose owner does what its program says, one letter a step, while
// others fire what is due. The alarm is due at 10, 20, 30, ...
//
//	a  arm it for 10 from now     p  postpone it by 10
//	m  move it to 10 from now     d  disarm it
type peal struct {
	program string
	firers  [][]int64 // the moments at which each of them fires
	runners int
	bound   int // on preemptions; 0: none
}

// rung is a bell that the firers of a model ring themselves.
type rung struct{}

func (rung) Ring(uint32) {}

func (p peal) model(code alarms) func(*explore.X) {
	return func(x *explore.X) {
		var h Home
		runners := make([]*Runner, p.runners)
		for i := range runners {
			runners[i] = new(Runner)
		}
		Open(context.Background(), &h, nil, runners...)
		for _, r := range runners {
			r.timers.begin(1)
		}
		const grain = 1 << 16 // a tick, so that every moment is one
		a := new(Alarm)
		kept := 0            // how often it was kept from ringing
		var due []int64      // by life of the alarm, what it was armed for last
		var rings [3][]int64 // by life, when it has rung
		x.Go("owner", func() {
			for i, op := range p.program {
				r := runners[i%len(runners)] // on whatever worker
				switch op {
				case 'a', 'm':
					if code.disarm(a, &h) {
						kept++
					}
					due = append(due, int64(len(due)+1)*10*grain)
					a.entry.Value.bell, a.entry.Value.of = rung{}, uint32(len(due)-1)
					a.arm(r, due[len(due)-1])
				case 'p':
					if last := &due[len(due)-1]; code.postpone(a, *last+10*grain) {
						*last += 10 * grain
					}
				case 'd':
					if code.disarm(a, &h) {
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
							var due [batch]ring
							var n int
							n, more = code.fire(&r.timers, now*grain, now*grain, &due)
							for _, d := range due[:n] {
								rings[d.of] = append(rings[d.of], now*grain)
							}
						}
					}
				}
			})
		}
		x.Final(func() {
			const end = 1 << 40
			for _, r := range runners { // what is still armed fires now
				var left [batch]ring
				n, _ := r.timers.fire(end, end, &left)
				for _, d := range left[:n] {
					rings[d.of] = append(rings[d.of], end)
				}
				x.Assert(r.timers.wheel.Len() == 0, "an entry is left")
			}
			n := 0
			for life, when := range rings {
				n += len(when)
				x.Assert(len(when) <= 1, "has rung %d times in life %d", len(when), life)
				x.Assert(len(when) == 0 || when[0] >= due[life], "rings at %d in life %d, armed for %d", when, life, due)
			}
			x.Assert(n == len(due)-kept, "armed %d times, kept from ringing %d times, and has rung %d times", len(due), kept, n)
		})
	}
}

var peals = []struct {
	name string
	peal peal
}{
	{"cancel against fire", peal{"ad", [][]int64{{10}}, 1, 0}},
	{"cancel against two firers", peal{"ad", [][]int64{{10}, {10}}, 1, 3}},
	{"postpone against fire", peal{"ap", [][]int64{{10, 20}}, 1, 0}},
	{"postpone against two firers", peal{"ap", [][]int64{{10}, {20}}, 1, 3}},
	{"postpone and cancel", peal{"apd", [][]int64{{10, 20}}, 1, 0}},
	{"move against fire", peal{"am", [][]int64{{10, 20}}, 1, 4}},
	{"move to another worker", peal{"am", [][]int64{{10, 20}}, 2, 4}},
	{"move there and cancel", peal{"amd", [][]int64{{20}}, 2, 4}},
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
				c.disarm = func(a *Alarm, h *Home) bool {
					v := &a.entry.Value
					kept := v.set && v.when.Load() != fired
					if kept {
						h.runners[v.in].timers.wheel.Remove(&a.entry)
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
					v := &a.entry.Value
					if !v.set || v.when.Load() == fired {
						return false
					}
					v.when.Store(deadline)
					return true
				}
			}),
			2,
		}, {
			"fire does not look whether it was postponed", // T2
			with(func(c *alarms) {
				c.fire = func(t *timers, now, _ int64, due *[batch]ring) (n int, more bool) {
					t.mu.Lock()
					defer t.mu.Unlock()
					for {
						e := t.wheel.Expire(now)
						if e == nil {
							return n, false
						}
						due[n] = ring{bell: e.Value.bell, of: e.Value.of}
						n++
						e.Value.when.Store(fired)
					}
				}
			}),
			2,
		}, {
			"fire compares, and gives up", // T2
			with(func(c *alarms) {
				c.fire = func(t *timers, now, _ int64, due *[batch]ring) (n int, more bool) {
					t.mu.Lock()
					defer t.mu.Unlock()
					for {
						e := t.wheel.Expire(now)
						if e == nil {
							return n, false
						}
						v := &e.Value
						if when := v.when.Load(); when > now {
							t.wheel.Add(e, when)
						} else if v.when.CompareAndSwap(when, fired) {
							due[n] = ring{bell: v.bell, of: v.of}
							n++
						}
					}
				}
			}),
			2,
		},
	} {
		t.Run(c.name, func(t *testing.T) { explore.Refute(t, explore.Options{}, peals[c.in].peal.model(c.code)) })
	}
}
