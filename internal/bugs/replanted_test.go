package bugs_test

import (
	"errors"
	"fmt"
	"slices"
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
	{"reactor: something is sent behind a write that was given up in the middle", func(s *sim.Sim, mended bool) {
		w := &wire{mended: mended}
		var g task.Group
		enough := errors.New("enough")
		g.Go(s, &writer{wire: w, who: 1})
		s.Go(&writer{wire: w, who: 2})
		s.Goroutine(func() { g.Cancel(enough) })
		s.Wait()
		for i := 1; i < len(w.out); i += 2 {
			require.Equal(s, w.out[i-1], w.out[i], "%v", w.out)
		}
	}},
	{"reactor: a connection whose task is canceled before its first poll is not closed", func(s *sim.Sim, mended bool) {
		opened, closed := 0, 0
		var g task.Group
		enough := errors.New("enough")
		serves := task.Func(func(cx *task.Cx) error { // accepts, and starts the connection's task
			opened++
			polled := false
			g.Go(cx, &finishing{
				poll: func(*task.Cx) error { polled = true; return nil },
				finish: func(error) {
					if polled || mended {
						closed++
					}
				},
			})
			return nil
		})
		s.Go(serves)
		s.Goroutine(func() { g.Cancel(enough) })
		s.Wait()
		require.Equal(s, opened, closed)
	}},
	{"reactor: Close does not wake an Accept that waits for a descriptor", func(s *sim.Sim, mended bool) {
		var came, free lock.Notify // a connection, and a descriptor for it
		free.One(nil)
		closed := false
		for range 2 {
			s.Go(script(
				func(cx *task.Cx) error {
					if closed {
						return nil
					}
					return came.Wait(cx)
				},
				func(cx *task.Cx) error {
					if closed {
						return nil
					}
					return free.Wait(cx)
				}))
		}
		s.Goroutine(func() { came.One(nil) })
		s.Goroutine(func() { came.One(nil) })
		var late task.Timer
		s.Go(script(func(cx *task.Cx) error { return late.Sleep(cx, time.Second) }, func(cx *task.Cx) error {
			closed = true
			for range 2 {
				came.One(cx)
				if mended {
					free.One(cx)
				}
			}
			return nil
		}))
	}},
	{"reactor: a deadline that passes just before the call is none", func(s *sim.Sim, mended bool) {
		passed := false
		var reader task.Waker
		s.Go(task.Func(func(cx *task.Cx) error { // reads, and nothing comes
			w := cx.Waker()
			if passed && (mended || reader == w) {
				return nil
			}
			reader = w
			return cx.Suspend()
		}))
		var alarm task.Timer
		s.Go(script(func(cx *task.Cx) error { return alarm.Sleep(cx, time.Millisecond*time.Duration(s.Choose(2))) }, func(cx *task.Cx) error {
			passed = true
			cx.Wake(reader)
			return nil
		}))
	}},
	{"lock, task: time that passes just when a task begins to wait is waited for twice", func(s *sim.Sim, mended bool) {
		// A clock that somebody else advances, once: a task has looked at it, and arms its alarm then.
		const forever = 1 << 30
		now, due, at := 0, forever, forever
		var waiting task.Waker
		s.Go(task.Func(func(cx *task.Cx) error {
			if due == forever {
				due = now + 10
			}
			left := due - now
			w := cx.Waker() // time may pass here
			if mended {
				left = due - now
			}
			if left <= 0 {
				return nil
			}
			at, waiting = now+left, w
			return cx.Suspend()
		}))
		s.Goroutine(func() {
			for due == forever {
				s.Point()
			}
			if now = due; at <= now {
				waiting.Wake()
			}
		})
	}},
	{"pool: a late wake-up is written to somebody else's descriptor", func(s *sim.Sim, mended bool) {
		var files [2]string // by their numbers: the lowest that is free is the next
		open := func(name string) int {
			for fd := range files {
				if files[fd] == "" {
					files[fd] = name
					return fd
				}
			}
			panic("no descriptor")
		}
		eventfd := open("eventfd")
		var using lock.Mutex
		lockIt, unlock := step(func(*task.Cx) error { return nil }), func(*task.Cx) {}
		if mended {
			lockIt, unlock = using.Lock, using.Unlock
		}
		parked := true
		s.Go(script(lockIt, func(cx *task.Cx) error { // wakes the worker
			defer unlock(cx)
			if parked {
				s.Point()
				if files[eventfd] != "eventfd" {
					s.Errorf("a wake-up was written to %q", files[eventfd])
				}
			}
			return nil
		}))
		s.Go(script(lockIt, func(cx *task.Cx) error { // the pool ends, and somebody opens a file
			defer unlock(cx)
			parked, files[eventfd] = false, ""
			return nil
		}, does(func() { open("a file") })))
	}},
	{"task: a run admits a task after its end", func(s *sim.Sim, mended bool) {
		live, over := 1, false
		polled, submitted := 0, 0
		var inbox []int
		s.Goroutine(func() { // from outside
			if over {
				return
			}
			if !mended {
				s.Point()
			}
			live++
			submitted++
			inbox = append(inbox, 1)
		})
		s.Go(task.Func(func(cx *task.Cx) error { // the run, with one task
			for {
				if len(inbox) > 0 {
					inbox = nil
					polled++
					live--
				}
				if live == 1 {
					live, over = 0, true
					return nil
				}
				if err := cx.Yield(); err != nil {
					return err
				}
			}
		}))
		s.Wait()
		require.Equal(s, submitted, polled)
	}},
	{"pool: the monitor carries a task to and fro between workers in long polls", func(s *sim.Sim, mended bool) {
		// It is a delay and nothing else, which may go on: what is found is more carries than there are workers.
		const workers = 2
		at, carries, polled := 0, 0, false
		var long [workers]bool
		for i := range workers {
			s.Goroutine(func() {
				for !polled {
					long[i] = true
					s.Point()
					s.Point()
					long[i] = false
					s.Point()
					polled = polled || at == i
				}
			})
		}
		s.Goroutine(func() { // the monitor
			for !polled {
				s.Point()
				if !polled && long[at] {
					if carries == 1 && mended { // a spare worker polls it
						polled = true
						return
					}
					at = (at + 1) % workers
					carries++
				}
				if carries > workers {
					s.Errorf("it was carried %d times, and nobody has polled it", carries)
					polled = true
				}
			}
		})
	}},
	{"pool: an inbox is looked at after 127 polls", func(s *sim.Sim, mended bool) {
		const often, bound = 127, 16
		came, waited, taken := false, 0, false
		s.Go(task.Func(func(cx *task.Cx) error { // a worker whose queue is never empty
			for i := 0; !taken; i++ {
				s.Point() // a poll
				if came {
					waited++
				}
				if taken = came && (mended || i%often == often-1); taken && waited > bound {
					s.Errorf("it has waited for %d polls", waited)
				}
			}
			return nil
		}))
		s.Goroutine(func() { came = true })
	}},
	{"task: timers of one tick fire in the order in which they were armed", func(s *sim.Sim, mended bool) {
		const tick = 4
		type timer struct{ at, armed int }
		var slot []timer
		for i := range 2 {
			s.Goroutine(func() { slot = append(slot, timer{s.Choose(tick), i}) })
		}
		s.Wait()
		if mended {
			slices.SortFunc(slot, func(a, b timer) int { return a.at - b.at })
		}
		require.LessOrEqual(s, slot[0].at, slot[1].at)
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

// wire is a stream to which several write, one after the other, in two parts each.
type wire struct {
	turn   lock.Mutex
	out    []int // who has sent what
	torn   bool
	mended bool
}

type writer struct {
	task.Frame
	wire *wire
	who  int
	has  bool // the turn
	sent int
}

func (w *writer) Poll(cx *task.Cx) error {
	if !w.has {
		if err := w.wire.turn.Lock(cx); err != nil {
			return err
		}
		w.has = true
	}
	if w.wire.torn && w.wire.mended {
		return nil
	}
	if w.sent == 0 {
		w.sent = 1
		w.wire.out = append(w.wire.out, w.who)
		if err := cx.Yield(); err != nil { // the peer has no room for more
			return err
		}
	}
	if err := cx.Err(); err != nil {
		return err
	}
	w.sent = 2
	w.wire.out = append(w.wire.out, w.who)
	return nil
}

func (w *writer) Finish(error) {
	if w.has {
		w.wire.torn = w.wire.torn || w.sent == 1
		w.wire.turn.Unlock(nil)
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
