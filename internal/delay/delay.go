// Package delay delays threads at random, in builds that check: a program that relies on who comes first
// by luck fails then.
//
// The environment variable HEIST_DELAYS says for how long at most, as 2ms; without it, and in ordinary builds,
// nobody is delayed. The places are a worker's between finding a task and polling it, after that, before it looks
// into an inbox, and before it parks; and a submitter's before and after it unparks a worker. A place delays one
// thread at a time, and half of the time at most: what is slow goes on.
package delay

import (
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"go.uber.org/atomic"

	"github.com/heist-go/heist/internal/clock"
	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/internal/park"
)

const variable = "HEIST_DELAYS"

var longest int64 // in nanoseconds; 0: there are no delays

func init() {
	if invariant.Enabled {
		longest = parse(os.Getenv(variable))
	}
}

// parse returns the longest delay.
func parse(text string) int64 {
	if text == "" {
		return 0
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		panic(fmt.Sprintf("heist: %s=%q: want a duration, as 2ms", variable, text))
	}
	return int64(d)
}

// Point is a place at which threads are delayed. The zero value is ready.
type Point struct{ next atomic.Int64 } // no delay before

// Pass may block the calling thread.
func (p *Point) Pass() {
	if invariant.Enabled && longest > 0 {
		p.pass()
	}
}

func (p *Point) pass() {
	now := clock.Now()
	if d := p.draw(now, longest); d > 0 {
		var sleeper park.Parker
		sleeper.ParkUntil(now + d)
	}
}

// draw returns how long to block, 0 for most: a delay of up to longest, and as long again without one.
func (p *Point) draw(now, longest int64) int64 {
	next := p.next.Load() // Hint. The swap decides
	// Claim. The delay: one thread's. Pairs with: (*Point).draw.
	if now < next || !p.next.CompareAndSwap(next, now+2*longest) {
		return 0
	}
	return rand.Int64N(longest) + 1
}
