//go:build unix

package abandoned_test

import (
	"flag"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/combine"
)

// fresh is how many objects a task uses.
var fresh = flag.Int("fresh", 4_000, "how many objects a task uses")

// kept is how much a task may keep of each, in bytes.
const kept = 8

// rounds is how often a use may be repeated until nothing is kept of it, and looks how often what is
// kept is looked at, because what was given up may still be about to end.
const (
	rounds = 4
	looks  = 10
)

const sideBySide = "side by side"

// uses are the ways in which a living task uses many objects.
var uses = map[string]func(a *actor, n int, made func() *object){
	"to their end": func(a *actor, n int, made func() *object) {
		for range n {
			o := made()
			a.tell(nil, o.zero)
			a.w.rest()
			if !a.isOver() {
				o.let(0)
			}
			require.NoError(a.w, a.result("the only question"))
			o.end()
		}
	},
	"given up": func(a *actor, n int, made func() *object) {
		var sel combine.Select
		for range n {
			o := made()
			a.tell(nil, func(cx *task.Cx) error { _, err := sel.Try(cx, o.zero); return err })
			require.NoError(a.w, a.result("a try"))
			o.end()
		}
	},
	"left alone": func(a *actor, n int, made func() *object) {
		for range n {
			o := made()
			a.tell(nil, o.zero)
			a.w.rest()
			require.False(a.w, a.isOver())
			a.tell(nil, func(*task.Cx) error { return nil })
			require.NoError(a.w, a.result("nothing"))
			o.end()
		}
	},
	sideBySide: func(a *actor, n int, made func() *object) {
		os, bs := make([]*object, n), make([]task.Branch, n)
		for i := range os {
			os[i] = made()
		}
		a.tell(nil, func(cx *task.Cx) error {
			for i := range os {
				if err := bs[i].Poll(cx, os[i].zero); !task.IsPending(err) {
					return err
				}
			}
			return cx.Suspend()
		})
		a.w.rest()
		require.False(a.w, a.isOver())
		a.tell(nil, func(*task.Cx) error { return nil }) // and all end
		require.NoError(a.w, a.result("nothing"))
		for _, o := range os {
			o.end()
		}
	},
}

func (o *object) end() {
	if o.stop != nil {
		o.stop()
	}
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestKeeps: a task that lives on uses many objects, and keeps nothing of them.
func TestKeeps(t *testing.T) {
	if testing.Short() || invariant.Enabled {
		t.Skip("it takes long, and checked builds keep more")
	}
	for i := range table {
		e := &table[i]
		if e.make == nil || e.pooled {
			continue
		}
		t.Run(strings.ReplaceAll(e.op, "/", "."), func(t *testing.T) {
			for use, of := range uses {
				if e.goesOn && use == "left alone" {
					continue // it is in use
				}
				t.Run(use, func(t *testing.T) {
					n := *fresh
					if e.heavy {
						n /= 4
					}
					w := newLab(t)
					a := w.actor()
					made := func() *object { return e.make(w) }
					warm := n / 20
					if use == sideBySide || e.heavy {
						warm = n
					}
					of(a, warm, made) // what is there for good
					most := int64(n) * kept
					more := most + 1
					for range rounds { // what the runtime keeps of goroutines is not of each
						before := heap()
						of(a, n, made)
						a.forget()
						for range looks {
							w.rest()
							if more = heap() - before; more <= most {
								break
							}
						}
						if more <= most {
							break
						}
					}
					require.LessOrEqual(t, more, most, "it keeps %.1f bytes of each of %d", float64(more)/float64(n), n)
					runtime.KeepAlive(a)
					a.leave()
				})
			}
		})
	}
}

// forget drops the last act.
func (a *actor) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.act = nil
}

// TestManyTimers: to arm and stop a timer takes no longer beside many that are armed.
func TestManyTimers(t *testing.T) {
	const many, times, steps = 10_000, 40, 500
	w := newLab(t)
	a := w.actor()
	measure := func(timers []task.Timer) (d time.Duration) {
		polled := false
		a.tell(nil, func(cx *task.Cx) error {
			if !polled { // what is staged is in the list by the next poll
				polled = true
				for i := range timers {
					timers[i].Reset(cx, time.Hour+time.Duration(i)*time.Second)
				}
				cx.Waker().Wake()
				return cx.Suspend()
			}
			var two [2]task.Timer
			begun := time.Now()
			for range steps {
				two[0].Reset(cx, time.Minute)
				two[1].Reset(cx, time.Minute) // the other one's turn has come: it is not staged any more
				two[0].Stop(cx)
				two[1].Stop(cx)
			}
			d = time.Since(begun)
			for i := range timers {
				timers[i].Stop(cx)
			}
			return nil
		})
		require.NoError(t, a.result("timers"))
		return d
	}
	var ratios []float64
	few, crowd := make([]task.Timer, 1), make([]task.Timer, many)
	for range times {
		one := measure(few)
		ratios = append(ratios, float64(measure(crowd))/float64(one))
	}
	require.Less(t, slices.Min(ratios), 4.0, "the ratios: %v", ratios)
	a.leave()
}

// TestSizes: what a timer and a task cost is what they have cost before.
func TestSizes(t *testing.T) {
	if invariant.Enabled {
		t.Skip("frames know where they were spawned")
	}
	require.LessOrEqual(t, reflect.TypeFor[task.Timer]().Size(), uintptr(80))
	require.LessOrEqual(t, reflect.TypeFor[task.Frame]().Size(), uintptr(96))
}
