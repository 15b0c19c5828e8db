package pool

// pace decides after how many polls a worker looks at its inbox first. It aims at
// a constant time between looks, so it follows the length of the polls: tokio's
// rule (its scheduler's stats.rs), with a clock reading a look instead of two.
type pace struct {
	at    int64   // time of the last look
	tick  uint32  // tick of the last look
	mean  float64 // of the polls' length, in ns, smoothed
	every uint32  // polls between looks
}

const (
	lookNanos   = 50_000 // the time between looks that is aimed at
	minEvery    = 1
	maxEvery    = 127
	someEvery   = 61 // before anything is known
	smoothing   = 0.1
	unparkNanos = 30_000 // from the decision to unpark a thread until that has paid
)

// worth reports whether n more polls take longer than it takes to unpark another
// worker for them. While nothing is known, they do.
func (p *pace) worth(n int) bool {
	return p.mean == 0 || float64(n)*p.mean > unparkNanos
}

// begin forgets the time that the worker was asleep.
func (p *pace) begin(now int64) {
	p.at = now
	if p.every == 0 {
		p.every = someEvery
	}
}

// next takes the time of a look and returns after how many polls the next is due.
func (p *pace) next(now int64, tick uint32) uint32 {
	if n := tick - p.tick; n > 0 {
		poll := float64(now-p.at) / float64(n)
		if p.mean == 0 {
			p.mean = poll
		}
		p.mean += smoothing * (poll - p.mean)
	}
	p.at, p.tick = now, tick
	want := uint32(min(max(lookNanos/max(p.mean, 1), minEvery), maxEvery))
	if d := int(want) - int(p.every); 8*max(d, -d) > int(p.every) { // steady against noise
		p.every = want
	}
	return p.every
}
