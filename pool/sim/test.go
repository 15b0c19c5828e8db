package sim

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Config says what is simulated. The zero value is a good choice.
type Config struct {
	// Workers is how many polls are in progress at most. Default: 4. One worker polls its
	// tasks in order, as the pool's does.
	Workers int
	// Seeds is how many runs there are. Default: 1,000, and 100 with -short. The environment
	// variable HEIST_SIM_SEEDS goes before it: a number, or a duration.
	Seeds int
	// For is for how long there are new runs, in place of Seeds.
	For time.Duration
	// First is the first seed. Default: 1.
	First uint64
	// Strategy is how schedules decide. Default: Mix.
	Strategy Strategy
	// Parallel is how many runs are in progress at a time; the function is then called by several
	// goroutines. Default: 1.
	Parallel int
	// MaxSteps is after how many steps a run counts as one that does not end. Default:
	// 1,000,000.
	MaxSteps int
	// Fairness is how many steps somebody who can run is passed over at most. Default: 1,000.
	Fairness int
	// Starvation, if above 0, fails a run in which a task waits for more steps than that while
	// others run and time stands still.
	Starvation int
	// Locks fails a run at whose end, when no task is left, a task has not given back a lock of package
	// lock, or permits of a semaphore, that it has taken by its Cx (by a Try form, nobody knows whose they are).
	// A step that takes or gives back one costs more then.
	Locks bool
	// Repeat is of how many seeds one is run twice, to see that the function does the same
	// each time. Default: 50. Negative: none.
	Repeat int

	logf func(format string, args ...any) // of the test, or nil
}

const (
	defaultWorkers  = 4
	defaultSeeds    = 1000
	shortSeeds      = 100
	defaultMaxSteps = 1_000_000
	defaultFairness = 1000
	defaultRepeat   = 50
	// maxShrinks bounds the runs that make a schedule simple.
	maxShrinks = 5000
	// shrinkTime bounds the time for them.
	shrinkTime = 10 * time.Second
	// maxSeen is how many schedules are told from each other.
	maxSeen = 1 << 20
)

func (c Config) resolved() Config {
	set := func(n *int, value int) {
		if *n == 0 {
			*n = value
		}
	}
	set(&c.Workers, defaultWorkers)
	set(&c.MaxSteps, defaultMaxSteps)
	set(&c.Fairness, defaultFairness)
	set(&c.Repeat, defaultRepeat)
	set(&c.Parallel, 1)
	set(&c.Seeds, defaultSeeds)
	if c.First == 0 {
		c.First = 1
	}
	return c
}

// Report says what was run, and what was found.
type Report struct {
	Seeds    int   // runs
	Distinct int   // schedules that differ
	Steps    int64 // of all together
	Longest  int   // of one
	Failure  *Failure
}

func (r Report) String() string {
	return fmt.Sprintf("%s, %s, %s, longest %s",
		count(r.Seeds, "seed"), count(r.Distinct, "distinct schedule"), count(r.Steps, "step"), number(r.Longest))
}

// Failure is a run that has failed.
type Failure struct {
	Seed     uint64
	Reason   string
	Schedule string // for HEIST_SIM_SEED: the seed and, if it has become simpler, what it deviates by
	Switches int    // deviations from a plain order
	Log      string // what happened
}

func (f *Failure) Error() string {
	return fmt.Sprintf("sim: seed %d: %s\n\n%s\n\nrepeat it with HEIST_SIM_SEED=%s", f.Seed, f.Reason, f.Log, f.Schedule)
}

// Test simulates f under many schedules, and fails t with the first that fails. f starts tasks,
// and may wait for them; when it has returned they are run to their end. It is called once for
// each seed, and begins with new objects each time.
//
// The environment variable HEIST_SIM_SEED repeats one seed, or the schedule that Test has printed;
// also in a debugger.
func Test(t testing.TB, f func(s *Sim)) {
	t.Helper()
	Config{}.Test(t, f)
}

// Test is [Test] with another configuration.
func (c Config) Test(t testing.TB, f func(s *Sim)) {
	t.Helper()
	if text := os.Getenv("HEIST_SIM_SEED"); text != "" {
		failure, err := c.Replay(text, f)
		switch {
		case err != nil:
			t.Fatal(err)
		case failure != nil:
			t.Fatal(failure)
		}
		t.Logf("sim: seed %s: nothing is found", text)
		return
	}
	if c.Seeds == 0 && testing.Short() {
		c.Seeds = shortSeeds
	}
	if text := os.Getenv("HEIST_SIM_SEEDS"); text != "" {
		if n, err := strconv.Atoi(text); err == nil {
			c.Seeds, c.For = n, 0
		} else if c.For, err = time.ParseDuration(text); err != nil {
			t.Fatalf("sim: HEIST_SIM_SEEDS: %q is neither a number nor a duration", text)
		}
	}
	c.logf = t.Logf
	r := c.Run(f)
	if r.Failure != nil {
		t.Fatalf("after %v:\n%v", r, r.Failure)
	}
	t.Logf("sim: %v", r)
}

// Run is Test for those who look at the result themselves.
func (c Config) Run(f func(s *Sim)) Report {
	c = c.resolved()
	x := &search{config: c, f: f, begun: time.Now(), seen: map[uint64]struct{}{}}
	if c.Parallel == 1 {
		x.work()
	} else {
		var group sync.WaitGroup
		for range c.Parallel {
			group.Go(x.work)
		}
		group.Wait()
	}
	if x.failed != nil {
		x.report.Failure = c.explain(x.failed, f)
	}
	return x.report
}

// search is runs of one function.
type search struct {
	config Config
	f      func(*Sim)
	begun  time.Time

	mu     sync.Mutex // guards what follows
	next   uint64
	seen   map[uint64]struct{}
	failed *Sim // of the lowest seed
	report Report
}

// work takes seeds until there are enough.
func (x *search) work() {
	k := newCoroutines()
	defer k.close()
	defer k.watch(x.config, x.f, false)()
	for {
		x.mu.Lock()
		n := x.next
		x.next++
		over := x.failed != nil || x.config.For <= 0 && n >= uint64(x.config.Seeds)
		x.mu.Unlock()
		if over || n > 0 && x.config.For > 0 && time.Since(x.begun) > x.config.For {
			return
		}
		s := x.config.once(k, x.config.First+n, nil, false, x.f)
		if s.failure == "" && x.config.Repeat > 0 && n%uint64(x.config.Repeat) == 0 {
			if why := x.config.compare(k, s, x.f); why != "" {
				s.failure = why
			}
		}
		x.mu.Lock()
		x.report.Seeds++
		x.report.Steps += int64(s.steps)
		x.report.Longest = max(x.report.Longest, s.steps)
		if len(x.seen) < maxSeen {
			x.seen[s.hash] = struct{}{}
		}
		x.report.Distinct = len(x.seen)
		if s.failure != "" && (x.failed == nil || s.seed < x.failed.seed) {
			x.failed = s
		}
		x.mu.Unlock()
	}
}

// once runs a seed, or deviations if they are not nil.
func (c Config) once(k *coroutines, seed uint64, list []deviation, tracing bool, f func(*Sim)) *Sim {
	s := c.prepare(k, seed, list, tracing)
	s.run(f)
	return s
}

// prepare makes a run that has not begun.
func (c Config) prepare(k *coroutines, seed uint64, list []deviation, tracing bool) *Sim {
	k.running.Store(&trial{seed, list})
	var w schedule
	if list != nil {
		w = &replay{list: list}
	} else {
		w = newSchedule(c.Strategy, seed)
	}
	return newSim(c, k, seed, w, tracing)
}

// notDeterministic is how the reason of a failure begins that is the function's own.
const notDeterministic = "not deterministic"

// maxAgain is how often a run that has differed is run again to see where.
const maxAgain = 20

// compare runs a seed again, and says where it differs, or "".
func (c Config) compare(k *coroutines, s *Sim, f func(*Sim)) string {
	again := c.once(k, s.seed, nil, false, f)
	if again.hash == s.hash && again.steps == s.steps {
		return ""
	}
	const advice = ": the test does something else when it is run again: look for the order of a map, select, time.Now, goroutines, and state that outlives the run"
	a := c.once(k, s.seed, nil, true, f)
	for range maxAgain { // it may be the same now and then
		b := c.once(k, s.seed, nil, true, f)
		for i := range max(len(a.trace.lines), len(b.trace.lines)) {
			if x, y := a.trace.line(i), b.trace.line(i); x != y {
				return fmt.Sprintf("%s at step %d%s:\n    %v\n    %v", notDeterministic, max(x.step, y.step), advice, x, y)
			}
		}
	}
	at := 0
	for at < min(len(s.trail), len(again.trail)) && s.trail[at] == again.trail[at] {
		at++
	}
	return fmt.Sprintf("%s at event %d, once", notDeterministic, at) + advice
}

func (t *trace) line(i int) entryLine {
	if i < len(t.lines) {
		return t.lines[i]
	}
	return entryLine{}
}

// explain makes the schedule of a failure as simple as can be, and writes down what happens.
func (c Config) explain(s *Sim, f func(*Sim)) *Failure {
	k := newCoroutines()
	defer k.close()
	defer k.watch(c, f, false)()
	failure := &Failure{Seed: s.seed, Reason: s.failure, Schedule: strconv.FormatUint(s.seed, 10), Switches: len(s.taken)}
	if strings.HasPrefix(s.failure, notDeterministic) {
		return failure
	}
	if why := c.compare(k, s, f); why != "" {
		failure.Reason += "\n" + why
		return failure
	}
	if list, ok := c.shrink(k, s, f); ok {
		if t := c.once(k, s.seed, list, true, f); t.failure != "" {
			failure.Reason, failure.Log = t.failure, t.trace.String()
			failure.Switches, failure.Schedule = len(list), format(s.seed, list)
			return failure
		}
	}
	failure.Log = c.once(k, s.seed, nil, true, f).trace.String()
	return failure
}

// shrink takes deviations away as long as the run fails in the same way.
func (c Config) shrink(k *coroutines, s *Sim, f func(*Sim)) (list []deviation, ok bool) {
	kind := func(s *Sim) string {
		text, _, _ := strings.Cut(s.failure, ":")
		return text
	}
	begun := time.Now()
	runs := 0
	try := func(candidate []deviation) bool {
		if runs++; runs > maxShrinks || time.Since(begun) > shrinkTime {
			return false
		}
		t := c.once(k, s.seed, candidate, false, f)
		if t.failure == "" || kind(t) != kind(s) {
			return false
		}
		list = append([]deviation{}, t.taken...) // without what did not apply
		return true
	}
	if !try(append([]deviation{}, s.taken...)) {
		return nil, false
	}
	for size := (len(list) + 1) / 2; size > 0; {
		removed := false
		for at := 0; at < len(list); {
			end := min(at+size, len(list))
			before := len(list)
			if try(without(list, at, end)) && len(list) < before {
				removed = true
			} else {
				at = end
			}
		}
		if size > 1 {
			size /= 2
		} else if !removed {
			break
		}
	}
	return list, true
}

// Replay runs what the environment variable HEIST_SIM_SEED may say: a seed, or a schedule of a
// [Failure]. It returns what fails, or nil.
func (c Config) Replay(text string, f func(*Sim)) (*Failure, error) {
	c = c.resolved()
	seed, list, replays, err := parse(text)
	if err != nil {
		return nil, err
	}
	if replays && list == nil {
		list = []deviation{}
	}
	k := newCoroutines()
	defer k.close()
	defer k.watch(c, f, true)()
	s := c.once(k, seed, list, true, f)
	if s.failure == "" {
		return nil, nil
	}
	return &Failure{Seed: seed, Reason: s.failure, Schedule: text, Switches: len(s.taken), Log: s.trace.String()}, nil
}
