package sim

import (
	"fmt"
	"time"

	"github.com/heist-go/heist/task"
)

// Fingerprint tells the log of a run from those of others.
func Fingerprint(c Config, seed uint64, f func(*Sim)) (hash uint64, log string) {
	c = c.resolved()
	k := newCoroutines()
	defer k.close()
	s := c.once(k, seed, nil, true, f)
	return s.hash, s.trace.String()
}

// Kept is how much a run remembers that grows with it.
func Kept(s *Sim) int { return len(s.trail) + len(s.taken) + s.recs.n + len(s.ready.list) }

// CorpusRepeats reports whether the deviations of a seed, written for the fuzzer, give the same run.
func CorpusRepeats(seed uint64, f func(*Sim)) error {
	c := Config{}.resolved()
	k := newCoroutines()
	defer k.close()
	a := c.once(k, seed, nil, false, f)
	b := c.once(k, seed, decode(encode(a.taken)), false, f)
	if a.hash != b.hash || a.failure != b.failure {
		return fmt.Errorf("seed %d: %q, and then %q", seed, a.failure, b.failure)
	}
	return nil
}

// Table is a table of tasks, as the simulation has one: Add, Remove, and Has.
type Table struct{ x table }

func (t *Table) Add(f *task.Frame)    { t.x.add(&rec{frame: f}) }
func (t *Table) Remove(f *task.Frame) { t.x.remove(f) }
func (t *Table) Len() int             { return t.x.n }
func (t *Table) Has(f *task.Frame) bool {
	r := t.x.find(f)
	return r != nil && r.frame == f
}

// HastenWatch has the watch's seconds pass sooner.
func HastenWatch() { second = 20 * time.Millisecond }
