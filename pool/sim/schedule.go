package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// Strategy is how a schedule decides.
type Strategy uint8

const (
	// Mix takes one of the others for each seed.
	Mix Strategy = iota
	// Random gives everybody who can run the same chance; with some seeds, whoever runs a
	// better one.
	Random
	// PCT gives each task a priority, which changes at a few steps (Burckhardt and others,
	// "A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs", ASPLOS 2010):
	// it finds what needs few changes in a certain order.
	PCT
	// RoundRobin gives everybody a few steps in turn.
	RoundRobin
	// Starve is Random, but for one task, which runs only if nobody else can, or when it has
	// waited for very long.
	Starve
)

func (y Strategy) String() string {
	return [...]string{"mix", "random", "PCT", "round robin", "starve"}[y]
}

// schedule decides. Those who can run are in this order: who runs, if it can go on; those that
// stand still in the middle, the longest first; the runnable tasks, the oldest first. So 0 is
// what a plain scheduler does.
type schedule interface {
	// pick returns who is next of n. With own the first of them is who runs.
	pick(s *Sim, n, own int) int
	// value returns a number below n for Choose.
	value(s *Sim, n int) int
	// priority is given to a new task.
	priority() uint64
}

// newSchedule returns the schedule of a seed.
func newSchedule(y Strategy, seed uint64) schedule {
	if y == Mix {
		y = [...]Strategy{Random, PCT, Random, PCT, Random, PCT, RoundRobin, Starve}[seed%8]
	}
	r := random{rng: rand.New(rand.NewPCG(seed, 0))}
	switch y {
	case PCT:
		p := &pct{random: r, low: uint64(maxChanges)}
		for range 1 + p.rng.IntN(maxChanges) {
			// How long the run will be is not known: each length is as likely.
			p.changes = append(p.changes, p.rng.IntN(2<<p.rng.IntN(8)))
		}
		slices.Sort(p.changes)
		return p
	case RoundRobin:
		return &roundRobin{random: r, quantum: 1 + int(seed/8%8)}
	case Starve:
		r.stay = [...]uint64{0, 1, 3}[r.rng.IntN(3)]
		return &starve{random: r, victim: 1 + r.rng.IntN(8)}
	}
	r.stay = [...]uint64{0, 0, 1, 3, 7}[r.rng.IntN(5)]
	return &r
}

type random struct {
	rng  *rand.Rand
	stay uint64 // who runs goes on at once unless so many bits are 0
}

func (r *random) pick(_ *Sim, n, own int) int {
	if own > 0 && r.rng.Uint64()&r.stay != 0 {
		return 0
	}
	return int(r.rng.Uint32N(uint32(n)))
}

func (r *random) value(_ *Sim, n int) int { return r.rng.IntN(n) }
func (r *random) priority() uint64        { return 0 }

// maxChanges is how many changes of priorities a schedule of PCT has at most.
const maxChanges = 3

type pct struct {
	random
	changes []int  // at which decisions, in order
	low     uint64 // what the next change gives
}

func (p *pct) priority() uint64 { return maxChanges + 1 + p.rng.Uint64()>>1 }

func (p *pct) pick(s *Sim, n, own int) int {
	best := 0
	for i := 1; i < n; i++ {
		if s.candidate(i, own).priority > s.candidate(best, own).priority {
			best = i
		}
	}
	if len(p.changes) > 0 && p.changes[0] <= s.decisions {
		s.candidate(best, own).priority = p.low
		p.changes = p.changes[1:]
		p.low--
		return p.pick(s, n, own)
	}
	return best
}

type roundRobin struct {
	random
	quantum int
	left    int
	last    int // whose turn it was
}

func (r *roundRobin) pick(s *Sim, n, own int) int {
	if r.left--; own > 0 && r.left > 0 {
		return 0
	}
	r.left = r.quantum
	first, next := -1, -1
	for i := range n {
		number := s.candidate(i, own).number
		if first < 0 || number < s.candidate(first, own).number {
			first = i
		}
		if number > r.last && (next < 0 || number < s.candidate(next, own).number) {
			next = i
		}
	}
	if next < 0 {
		next = first
	}
	r.last = s.candidate(next, own).number
	return next
}

type starve struct {
	random
	victim int
}

func (v *starve) pick(s *Sim, n, own int) int {
	i := v.random.pick(s, n, own)
	if s.candidate(i, own).number == v.victim {
		if n == 2 {
			return 1 - i
		}
		i = (i + 1 + v.rng.IntN(n-1)) % n
	}
	return i
}

// candidate returns the i-th of those who can run.
func (s *Sim) candidate(i, own int) *rec {
	if i < own {
		return s.cur.rec
	}
	if i -= own; i < len(s.mid) {
		return s.mid[i].rec
	}
	return s.ready.at(i - len(s.mid))
}

// deviation is a decision that is not 0.
type deviation struct{ at, value int }

// replay repeats deviations.
type replay struct {
	list []deviation // in order
	at   int
}

func (r *replay) decide(s *Sim, n int) int {
	for r.at < len(r.list) && r.list[r.at].at < s.decisions {
		r.at++
	}
	if r.at < len(r.list) && r.list[r.at].at == s.decisions && r.list[r.at].value < n {
		return r.list[r.at].value
	}
	return 0
}

func (r *replay) pick(s *Sim, n, _ int) int { return r.decide(s, n) }
func (r *replay) value(s *Sim, n int) int   { return r.decide(s, n) }
func (r *replay) priority() uint64          { return 0 }

// window is of how many runnable tasks one is chosen: those that have been so for longest.
func (c *Config) window() int {
	if c.Workers == 1 {
		return 1 // a single worker polls in order
	}
	return 64
}

// choose decides who of n is next.
func (s *Sim) choose(n, own int) int {
	if n == 1 {
		return 0
	}
	if own < n { // weak fairness: nobody waits for ever
		if len(s.mid) > 0 && s.steps-s.mid[0].since > s.config.Fairness {
			return own
		}
		if own+len(s.mid) < n && s.steps-s.ready.at(0).ran > s.config.Fairness {
			return own + len(s.mid)
		}
	}
	i := s.schedule.pick(s, n, own)
	if s.decisions++; i != 0 {
		s.take(deviation{s.decisions - 1, i})
	}
	return i
}

// take notes a deviation, of which a run keeps so many.
func (s *Sim) take(d deviation) {
	if s.tracing {
		s.mu.Lock()
		defer s.mu.Unlock()
	}
	if len(s.taken) < maxTaken {
		s.taken = append(s.taken, d)
	}
}

const maxTaken = 1 << 18

// format writes a seed, and the deviations of a replay: "7", or "7:3.1,12.2".
func format(seed uint64, list []deviation) string {
	var b strings.Builder
	fmt.Fprint(&b, seed, ":")
	for i, d := range list {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%d.%d", d.at, d.value)
	}
	return b.String()
}

// parse reads what format has written; replays says that there was a colon.
func parse(text string) (seed uint64, list []deviation, replays bool, err error) {
	head, tail, replays := strings.Cut(text, ":")
	if seed, err = strconv.ParseUint(head, 10, 64); err != nil {
		return 0, nil, false, fmt.Errorf("sim: repeat: %q is not a seed", text)
	}
	for part := range strings.SplitSeq(tail, ",") {
		if part == "" {
			continue
		}
		at, value, _ := strings.Cut(part, ".")
		var d deviation
		if d.at, err = strconv.Atoi(at); err == nil {
			d.value, err = strconv.Atoi(value)
		}
		if err != nil || d.at < 0 || d.value < 0 || len(list) > 0 && list[len(list)-1].at >= d.at {
			return 0, nil, false, fmt.Errorf("sim: repeat: %q is not a schedule", text)
		}
		list = append(list, d)
	}
	return seed, list, replays, nil
}
