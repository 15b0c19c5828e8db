package pool

// What the external tests see of the inside.

const (
	MaxStreak = maxStreak
	MaxEvery  = maxEvery
	GroupSize = groupSize
)

// ThreadIDs returns the kernel's ids of the threads of the workers that have
// started, and of the guard. One that is just starting may be missing.
func (p *Pool) ThreadIDs() (ids []int) {
	for _, w := range p.workers {
		if id := w.tid.Load(); id != 0 {
			ids = append(ids, int(id))
		}
	}
	if id := p.guard.tid.Load(); id != 0 {
		ids = append(ids, int(id))
	}
	return ids
}

// GuardSleeps reports whether the guard has nothing to guard.
func (p *Pool) GuardSleeps() bool { return p.guard.asleep.Load() }
