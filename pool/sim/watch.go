package sim

import (
	"fmt"
	"os"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

// A poll that really blocks holds up the thread that all share. Nobody can end it, so the process ends: with
// the seed, the log, and what repeats it. Blocked for good is what stands in a lock, a channel or a select
// of Go for a few seconds, at no step; and what is at no step for a minute.
//
// Seconds are counted as ticks: a process that a debugger holds has none.

// second is a tick of the watch; tests have a shorter one.
var second = time.Second

const (
	// blockedFor is how many ticks a goroutine stands where only another one would free it.
	blockedFor = 5
	// patience is for how many ticks nothing may happen.
	patience = 60
	// quiet is after how much time without a line of its log a traced run counts as blocked.
	quiet = 500 * time.Millisecond
	// mostTraces bounds the runs that find and simplify the schedule of one that blocks: each leaves a
	// blocked goroutine behind.
	mostTraces = 20
)

// beats is after how many steps the beat changes.
const beats = 64

// watch looks after the coroutines' runs until stop is called, and ends the process if one blocks. A repeated
// run, which may be one in a debugger, has no bound but where it stands.
func (x *coroutines) watch(c Config, f func(*Sim), repeats bool) (stop func()) {
	over := make(chan struct{})
	go func() {
		tick := time.NewTicker(second)
		defer tick.Stop()
		still, stands := 0, 0
		for seen := int64(-1); ; {
			select {
			case <-over:
				return
			case <-tick.C:
			}
			if now := x.beat.Load(); now != seen {
				seen, still, stands = now, 0, 0
				continue
			}
			where, what := blocked()
			if still++; what == "" {
				stands = 0
			} else if stands++; stands == blockedFor || still == patience {
				die(c.blockage(x.running.Load(), f, fmt.Sprintf("a poll blocks, in %s:\n%s", what, where)))
			}
			if still == patience && !repeats {
				debug.SetTraceback("all")
				die(c.blockage(x.running.Load(), f, "nothing has happened for "+(patience*second).String()+": a poll blocks, or computes without an operation; the stacks follow"))
			}
		}
	}()
	return func() { close(over) }
}

// die ends the process.
func die(text string) {
	fmt.Fprintf(os.Stderr, "\n%s\n\n", text)
	panic("sim: a simulation blocks: see above")
}

// trial says which run it is that blocks.
type trial struct {
	seed uint64
	list []deviation // or nil
}

const advice = `

All polls share one thread. One that holds a sync.Mutex, or a task.WaitLock, over an operation lets others run there, and
they wait for the lock for ever: have the operation before the lock (w := cx.Waker(), cx.Spend()), or after it
(w.Wake()), or take a lock.Mutex, which may be held. What waits for a channel of Go, a sync.WaitGroup or the
like is not simulated: wait for a task, a promise, a channel of package chans.`

// blockage describes a run that blocks. It runs it again, with a log, on goroutines that are left behind.
func (c Config) blockage(at *trial, f func(*Sim), what string) string {
	if at == nil {
		return "sim: " + what + advice
	}
	s := c.trace(at.seed, at.list, f)
	if s == nil {
		return fmt.Sprintf("sim: seed %d: %s%s\n\nRun again it does not block. Repeat it with HEIST_SIM_SEED=%s", at.seed, what, advice, at.String())
	}
	text, middle := s.logged()
	list := s.deviations()
	for size, tries := (len(list)+1)/2, 1; size > 0; {
		removed := false
		for from := 0; from < len(list) && tries < mostTraces; tries++ {
			t := c.trace(at.seed, without(list, from, min(from+size, len(list))), f)
			if t == nil || len(t.deviations()) >= len(list) {
				from += size
				continue
			}
			list, removed = t.deviations(), true
			text, middle = t.logged()
		}
		if size > 1 {
			size /= 2
		} else if !removed {
			break
		}
	}
	if len(middle) > 0 {
		middle = append([]string{"\n\nIn the middle of an operation are:"}, middle...)
	}
	return fmt.Sprintf("sim: seed %d: %s%s%s\n\n%s\n\nrepeat it with HEIST_SIM_SEED=%s",
		at.seed, what, strings.Join(middle, "\n    "), advice, text, format(at.seed, list))
}

func (t *trial) String() string {
	if t.list == nil {
		return fmt.Sprint(t.seed)
	}
	return format(t.seed, t.list)
}

// trace runs a schedule that blocks, with a log, and returns it when it does; or nil, when it does not.
func (c Config) trace(seed uint64, list []deviation, f func(*Sim)) *Sim {
	begun, over := make(chan *Sim, 1), make(chan struct{})
	go func() {
		defer close(over)
		k := newCoroutines()
		defer k.close()
		s := c.prepare(k, seed, list, true)
		begun <- s
		s.run(f)
	}()
	s := <-begun
	for last := -1; ; {
		select {
		case <-over:
			return nil
		case <-time.After(quiet):
		}
		s.mu.Lock()
		now := s.trace.written
		s.mu.Unlock()
		if now == last {
			return s
		}
		last = now
	}
}

// logged is the log of a run that blocks, and who stands in the middle of which operation.
func (s *Sim) logged() (text string, middle []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := map[string]entryLine{}
	var order []string
	for _, l := range s.trace.lines {
		if _, known := last[l.who]; !known {
			order = append(order, l.who)
		}
		last[l.who] = l
	}
	for _, who := range order {
		if l := last[who]; l.what == operates && l.text != "" {
			middle = append(middle, who+", in "+l.text)
		}
	}
	return s.trace.String(), middle
}

// deviations is what a traced run has deviated by so far.
func (s *Sim) deviations() []deviation {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]deviation{}, s.taken...)
}

// blocked finds a goroutine of a simulation that waits for another goroutine: where it does, and what for; or "".
func blocked() (where, what string) {
	buf := make([]byte, 1<<20)
	all := string(buf[:runtime.Stack(buf, true)])
	for text := range strings.SplitSeq(all, "\n\n") {
		head, calls, _ := strings.Cut(text, "\n")
		_, state, _ := strings.Cut(head, "[")
		state, _, _ = strings.Cut(strings.TrimSuffix(state, "]:"), ",")
		if !inSimulation(calls) || !stops(state, calls) {
			continue
		}
		return places(calls), state
	}
	return "", ""
}

// inSimulation reports whether the calls are those of a simulation's thread, or of its function.
func inSimulation(calls string) bool {
	return strings.Contains(calls, module+"pool/sim.(*Sim).run(") || strings.Contains(calls, module+"pool/sim.(*thread).begin.")
}

// stops reports whether a goroutine in such a state goes on only when another one lets it.
func stops(state, calls string) bool {
	for _, s := range []string{"sync.", "chan ", "select", "semacquire"} {
		if strings.HasPrefix(state, s) {
			return true
		}
	}
	return state == "syscall" && strings.Contains(calls, module+"internal/park.(*futex)")
}

// places are the calls that are neither the runtime's nor this module's own.
func places(calls string) string {
	var b strings.Builder
	lines := strings.Split(calls, "\n")
	for i := 0; i+1 < len(lines) && b.Len() < 2000; i += 2 {
		name, _, _ := strings.Cut(lines[i], "(0x")
		name = strings.TrimSuffix(name, "(...)")
		position, _, _ := strings.Cut(strings.TrimSpace(lines[i+1]), " +0x")
		if system.MatchString(name) || strings.HasPrefix(name, module) && !strings.Contains(position, "_test.go:") {
			continue
		}
		fmt.Fprintf(&b, "    %s  %s\n", short(name), position)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// system matches the calls of Go's own packages that say nothing about a program.
var system = regexp.MustCompile(`^(runtime|internal|sync|syscall|iter|testing|created by (iter|testing))[./]`)

// without is a copy of list without a part.
func without(list []deviation, from, to int) []deviation {
	return append(append([]deviation{}, list[:from]...), list[to:]...)
}
