package par

import "time"

// grain chooses the sizes of a part's blocks. The first size follows from what an iteration has
// cost lately, which may be much more than what it costs now, or more than anything: a range of
// 2^63 indices has a body that looks at none of them. So a block grows as long as blocks are short, but
// to no more than a quarter of what the part has done at that price.
//
// Where a call takes as long as it takes, and longer than a block should, as on a slow machine or under the race
// detector, no clock helps. So a block is also a share of the loop, but no more than a share of what the part
// has done: 2^63 indices are through after some 2^17 blocks, and who waits for the end of a block waits
// for a small share of the time that he has waited before, even if the loop would never end.
type grain struct {
	first int // iterations
	size  int
	share int // of the loop
	done  int // iterations, with those of the parts that it was cut from
	due   int // when that many are done, a block of the first size is measured
}

const (
	// leastOfLoop is that share of a loop, in bits: a 65,536th.
	leastOfLoop = 16
	// mostOfDone is that share of what a part has done, in bits: a 512th.
	mostOfDone = 9
)

// newGrain returns the grain of a part of a loop over n indices. done were done by the part that it was cut from.
func newGrain(n, first, done int) grain {
	return grain{first: first, size: first, share: n >> leastOfLoop, done: done}
}

// next returns the size of the next block, and whether it is to be measured.
func (g *grain) next() (n int, measured bool) {
	return max(g.size, min(g.share, g.done>>mostOfDone)), g.size > g.first || g.done >= g.due
}

// ran says that a block of n was not measured.
func (g *grain) ran(n int) { g.done += n }

// took says that a block of n took d.
func (g *grain) took(n int, d time.Duration) {
	g.done += n
	switch {
	case d < block/2:
		g.size = max(g.size, min(2*g.size, g.done/4))
	case g.size > g.first:
		if d > 2*block { // or the thread has lost its processor
			g.size = g.first
		}
	default:
		g.due = 2 * g.done
	}
}
