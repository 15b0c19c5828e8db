package bugs_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/pool/sim"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/combine"
	"github.com/heist-go/heist/task/lock"
)

// replanted are faults that Heist has had (CHANGELOG, "Fixed"), each as a small copy of the mechanism.
var replanted = []bug{
	{"reactor: what ReadFull had read when it was given up was lost", func(s *sim.Sim, mended bool) {
		c := chans.New[int](8)
		var told lock.Event
		var part, got []int
		full := func(cx *task.Cx) error {
			for len(part) < 2 {
				v, err := c.Recv(cx)
				if err != nil {
					return err
				}
				part = append(part, v)
			}
			return nil
		}
		sel := combine.Select{Ordered: true}
		s.Go(script(
			func(cx *task.Cx) error { _, err := sel.Wait(cx, told.Wait, full); return err },
			func(cx *task.Cx) error {
				if mended || len(part) == 2 {
					got = append(got, part...)
				}
				part = nil
				for len(got) < 3 {
					v, err := c.Recv(cx)
					if err != nil {
						return err
					}
					got = append(got, v)
				}
				return nil
			}))
		s.Go(script(func(cx *task.Cx) error { return c.Send(cx, 1) }, func(cx *task.Cx) error { return c.Send(cx, 2) }, func(cx *task.Cx) error { return c.Send(cx, 3) }))
		s.Go(does1(func(*task.Cx) { told.Set(nil) }))
	}},
	{"reactor: two tasks in Accept woke each other again and again", func(s *sim.Sim, mended bool) {
		ready := false
		var waiting []task.Waker
		accept := func(cx *task.Cx) error {
			if ready {
				return nil
			}
			w := cx.Waker()
			if ready {
				return nil
			}
			if len(waiting) > 0 && !mended { // one place, which each takes from the other
				old := waiting[0]
				waiting[0] = w
				cx.Wake(old)
			} else {
				waiting = append(waiting, w)
			}
			return cx.Suspend()
		}
		s.Go(script(accept))
		s.Go(script(accept))
		var nap task.Timer
		s.Go(script(func(cx *task.Cx) error { return nap.Sleep(cx, time.Second) }, func(cx *task.Cx) error {
			ready = true
			for _, w := range waiting {
				cx.Wake(w)
			}
			return nil
		}))
	}},
	{"reactor: two tasks that write do not take turns", func(s *sim.Sim, mended bool) {
		var out []int
		var mu lock.Mutex
		free := func(*task.Cx) error { return nil }
		take, give := free, free
		if mended {
			take, give = mu.Lock, func(cx *task.Cx) error { mu.Unlock(cx); return nil }
		}
		for i := range 2 {
			part := func(*task.Cx) error { out = append(out, i); return nil }
			s.Go(script(take, part, func(cx *task.Cx) error { return cx.Yield() }, part, give))
		}
		s.Wait()
		require.True(s, out[0] == out[1], "%v", out)
	}},
	{"reactor: reader and writer race for who closes", func(s *sim.Sim, mended bool) {
		ended, closed := 0, 0
		for range 2 {
			s.Go(task.Func(func(*task.Cx) error {
				others := ended
				if !mended {
					s.Point()
				}
				ended++
				if others == 1 {
					closed++
				}
				return nil
			}))
		}
		s.Wait()
		require.Equal(s, 1, closed)
	}},
	{"stream: one that has returned a value is in line for the next", func(s *sim.Sim, mended bool) {
		var queues [2]handoff
		var mine [2]*place
		got := 0
		merged := false
		s.Go(task.Func(func(cx *task.Cx) error { // takes one value of either
			w := cx.Waker()
			for i := range mine {
				if mine[i] == nil {
					mine[i] = &place{w: w}
					if len(queues[i].items) > 0 {
						queues[i].items, mine[i].full = nil, true
						continue
					}
					queues[i].line = append(queues[i].line, mine[i])
				}
			}
			for i := range mine {
				if mine[i].full {
					got++
					merged = true
					if mended {
						queues[1-i].leave(mine[1-i])
						if mine[1-i].full { // it goes to the next
							queues[1-i].put(cx, 1)
						}
					}
					return nil
				}
			}
			return cx.Suspend()
		}))
		for i := range 2 {
			s.Go(script(func(cx *task.Cx) error { queues[i].put(cx, 1); return nil }))
		}
		s.Wait()
		require.True(s, merged)
		for i := range queues {
			got += len(queues[i].items)
		}
		require.Equal(s, 2, got)
	}},
	{"stream: Send by two tasks passes on a value twice", func(s *sim.Sim, mended bool) {
		in, out := chans.New[int](4), chans.New[int](1)
		held, sum := 0, 0
		var mu lock.Mutex
		forward := func(cx *task.Cx) error {
			if held == 0 {
				v, err := in.Recv(cx)
				if err != nil {
					return err
				}
				held = v
			}
			if err := out.Send(cx, held); err != nil {
				return err
			}
			held = 0
			return nil
		}
		for range 2 {
			if mended {
				s.Go(script(mu.Lock, forward, func(cx *task.Cx) error { mu.Unlock(cx); return nil }))
			} else {
				s.Go(script(forward))
			}
		}
		n := 0
		s.Go(task.Func(func(cx *task.Cx) error {
			for ; n < 2; n++ {
				v, err := out.Recv(cx)
				if err != nil {
					return err
				}
				sum += v
			}
			return nil
		}))
		s.Go(script(func(cx *task.Cx) error { return in.Send(cx, 1) }, func(cx *task.Cx) error { return in.Send(cx, 2) }))
		s.Wait()
		require.Equal(s, 3, sum)
	}},
	{"stream: what a canceled task has taken is not dropped", func(s *sim.Sim, mended bool) {
		in, out := chans.New[int](1), chans.New[int](1)
		f := &forwarder{in: in, out: out, drops: mended}
		var g task.Group
		g.Go(s, f)
		enough := errors.New("enough")
		s.Go(script(func(cx *task.Cx) error { return in.Send(cx, 1) }))
		s.Go(does1(func(*task.Cx) { g.Cancel(enough) }))
		s.Wait()
		left := 0
		for _, c := range []*chans.Chan[int]{in, out} {
			if _, err := c.TryRecv(nil); err == nil {
				left++
			}
		}
		require.Equal(s, 1, left+f.dropped)
	}},
	{"task: who waits for the end of another's call is not woken", func(s *sim.Sim, mended bool) {
		running, asked := true, 0
		var owner, waiter task.Waker
		s.Go(task.Func(func(cx *task.Cx) error { // gives the call up at once
			owner = cx.Waker()
			asked++
			return nil
		}))
		s.Go(task.Func(func(cx *task.Cx) error {
			w := cx.Waker()
			if !running {
				return nil
			}
			waiter = w
			return cx.Suspend()
		}))
		s.Goroutine(func() { // the call
			s.Point()
			running = false
			owner.Wake()
			if mended {
				waiter.Wake()
			}
		})
	}},
	{"task: a poll that waits for more than 128 things is polled for ever", func(s *sim.Sim, mended bool) {
		next := 0
		s.Go(task.Func(func(cx *task.Cx) error {
			if !mended {
				next = 0
			}
			for ; next < 200; next++ {
				if err := cx.Spend(); err != nil {
					return err
				}
			}
			return nil
		}))
	}},
	{"task: a panic is raised before all parts have ended", func(s *sim.Sim, mended bool) {
		running := 2
		var ends [2]task.Promise[int]
		for i := range 2 {
			s.Go(task.Func(func(*task.Cx) error {
				s.Point()
				running--
				ends[i].Resolve(i, nil)
				return nil
			}))
		}
		var steps []step
		for i := range 2 {
			if i == 0 || mended {
				steps = append(steps, func(cx *task.Cx) error { _, err := ends[i].Wait(cx); return err })
			}
		}
		s.Go(script(append(steps, does(func() { require.Zero(s, running) }))...))
	}},
	{"chans: those in line for a Oneshot are overtaken", func(s *sim.Sim, mended bool) {
		value, given := false, false // it is there; it is the first one's
		var first task.Waker
		waits := false
		s.Go(task.Func(func(cx *task.Cx) error { // is in line
			w := cx.Waker()
			if value || given {
				value = false
				return nil
			}
			first, waits = w, true
			return cx.Suspend()
		}))
		s.Go(task.Func(func(cx *task.Cx) error { // comes later, and looks once
			if err := cx.Yield(); err != nil {
				return err
			}
			if waits {
				value = false
			}
			return nil
		}))
		s.Go(does1(func(cx *task.Cx) {
			given, value = waits && mended, !(waits && mended)
			cx.Wake(first)
		}))
	}},
	{"lock: a barrier's round is over, and a canceled task says it is not", func(s *sim.Sim, mended bool) {
		come, passed := 0, 0
		var wakers []task.Waker
		var g task.Group
		arrive := func() task.Task {
			here := false
			return task.Func(func(cx *task.Cx) error {
				w := cx.Waker()
				if !here {
					here = true
					come++
					if come == 2 {
						for _, o := range wakers {
							cx.Wake(o)
						}
					}
					wakers = append(wakers, w)
				}
				over := come == 2
				if err := cx.Err(); err != nil && !(mended && over) {
					if !over {
						come--
					}
					return err
				}
				if over {
					passed++
					return nil
				}
				return cx.Suspend()
			})
		}
		g.Go(s, arrive())
		var other task.Group
		other.Go(s, arrive())
		enough := errors.New("enough")
		s.Goroutine(func() { g.Cancel(enough) })
		s.Goroutine(func() { s.Point(); s.Point(); s.Point(); other.Cancel(enough) })
		s.Wait()
		require.True(s, passed != 1, "one has passed")
	}},
	{"lock: a condition that panics keeps the lock", func(s *sim.Sim, mended bool) {
		var mu lock.Mutex
		h := task.Go(s, func(cx *task.Cx) (int, error) {
			if err := mu.Lock(cx); err != nil {
				return 0, err
			}
			if mended {
				defer mu.Unlock(nil)
			}
			panic("condition")
		})
		s.Go(script(mu.Lock, func(cx *task.Cx) error { mu.Unlock(cx); return nil }))
		s.Wait()
		_, err := h.Result()
		require.Error(s, err)
	}},
	{"combine: one that is let go of does not begin anew", func(s *sim.Sim, mended bool) {
		var done [2]bool
		calls := 0
		var never task.Promise[int]
		var told lock.Event
		join := func(second step) step {
			return func(cx *task.Cx) error {
				for i, part := range []step{func(*task.Cx) error { calls++; return nil }, second} {
					if !done[i] {
						if err := part(cx); err != nil {
							return err
						}
						done[i] = true
					}
				}
				done = [2]bool{}
				return nil
			}
		}
		sel := combine.Select{Ordered: true}
		s.Go(script(
			func(cx *task.Cx) error {
				_, err := sel.Wait(cx, told.Wait, join(func(cx *task.Cx) error { _, err := never.Wait(cx); return err }))
				return err
			},
			does(func() {
				if mended {
					done = [2]bool{}
				}
				calls = 0
			}),
			join(func(*task.Cx) error { return nil }),
			does(func() { require.Equal(s, 1, calls) })))
		s.Go(does1(func(*task.Cx) { told.Set(nil) }))
	}},
}

// does1 is a task of one step that does not wait.
func does1(f func(cx *task.Cx)) task.Task {
	return task.Func(func(cx *task.Cx) error { f(cx); return nil })
}

// handoff is a queue that gives a value to who waits for it.
type handoff struct {
	items []int
	line  []*place
}

type place struct {
	w    task.Waker
	full bool
}

func (h *handoff) put(cx *task.Cx, v int) {
	if len(h.line) == 0 {
		h.items = append(h.items, v)
		return
	}
	p := h.line[0]
	h.line = h.line[1:]
	p.full = true
	cx.Wake(p.w)
}

func (h *handoff) leave(p *place) {
	for i := range h.line {
		if h.line[i] == p {
			h.line = append(h.line[:i], h.line[i+1:]...)
			return
		}
	}
}

// forwarder takes a value, and sends it on.
type forwarder struct {
	task.Frame
	in, out *chans.Chan[int]
	drops   bool
	has     bool
	dropped int
}

func (f *forwarder) Poll(cx *task.Cx) error {
	if !f.has {
		if _, err := f.in.Recv(cx); err != nil {
			return err
		}
		f.has = true
		if err := cx.Yield(); err != nil {
			return err
		}
	}
	if err := cx.Err(); err != nil {
		return err
	}
	if err := f.out.Send(cx, 1); err != nil {
		return err
	}
	f.has = false
	return nil
}

func (f *forwarder) Finish(error) {
	if f.has && f.drops {
		f.dropped++
	}
}

// TestReplanted: each is found, and its mended twin passes. It writes the table of docs/simulator.md.
func TestReplanted(t *testing.T) {
	n := 1000
	if testing.Short() || invariant.Enabled {
		n = 200
	}
	var table strings.Builder
	for _, b := range replanted {
		var row []string
		for _, y := range []sim.Strategy{sim.Random, sim.PCT, sim.Mix} {
			r := sim.Config{Strategy: y, Seeds: byRandom, Repeat: -1, MaxSteps: 20_000}.Run(func(s *sim.Sim) { b.program(s, false) })
			if r.Failure == nil {
				t.Errorf("%s: %v does not find it: %v", b.name, y, r)
				continue
			}
			row = append(row, fmt.Sprint(r.Seeds))
		}
		fmt.Fprintf(&table, "| %s | %s |\n", b.name, strings.Join(row, " | "))
		sim.Config{Seeds: n, MaxSteps: 20_000}.Test(t, func(s *sim.Sim) { b.program(s, true) })
	}
	t.Log("\n" + table.String())
}
