package pool

// What the external tests see of the inside.

const (
	MaxStreak = maxStreak
	MaxEvery  = maxEvery
	GroupSize = groupSize
)

// ThreadIDs returns the kernel's ids of the threads of the workers that have
// started. One that is just starting may be missing.
func (p *Pool) ThreadIDs() (ids []int) {
	for _, w := range p.workers {
		if id := w.tid.Load(); id != 0 {
			ids = append(ids, int(id))
		}
	}
	return ids
}

// GuardThread returns the id of the thread on which the guard sleeps.
func (p *Pool) GuardThread() int { return int(p.guard.tid.Load()) }

// GuardSleeps reports whether the guard has nothing to guard.
func (p *Pool) GuardSleeps() bool { return p.guard.asleep.Load() }

// Computing returns how many threads are in computations, the seats that goroutines have,
// and how many scopes there are. When nothing runs all are 0.
func (p *Pool) Computing() (threads int64, guests uint64, scopes int) {
	for _, x := range p.seats {
		scopes += len(x.scopes)
	}
	return p.computing.Load(), p.taken.Load(), scopes
}

// Labeled reports whether the workers label the samples of profiles.
func (p *Pool) Labeled() bool { return p.config.Labels }
