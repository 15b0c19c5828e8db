//go:build explore

package par

import (
	"testing"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/explore"
)

// protocol is how values come to a stage and are begun: as in the stage, or with a mistake.
type protocol struct {
	add    func(t *intake, n int) bool
	expect func(t *intake, n int) int
	begins func(c *claim) (int, bool)
	stuck  func(c *claim) (values, bool)
}

var sound = protocol{(*intake).add, (*intake).expect, (*claim).begins, (*claim).stuck}

// leaving is a feeder that puts values while the last handler leaves: from then on the feeder has
// to look. One of them knows of each value.
func leaving(y protocol, puts int) func(*explore.X) {
	return func(x *explore.X) {
		var t intake
		t.expect(100) // while the handler was there
		looked, found := 0, 0
		x.Go("feeder", func() {
			for n := 1; n <= puts; n++ {
				if y.add(&t, n) {
					looked = n
				}
			}
		})
		x.Go("handler", func() { found = y.expect(&t, 0) })
		x.Final(func() {
			x.Assert(max(looked, found) == puts, "of %d values %d are known to the handler and %d to the feeder", puts, found, looked)
		})
	}
}

// taking is an owner that begins the values of its claim, while the timer takes back what is
// left if none has begun since it looked last. Each is somebody's, and no two have it.
func taking(y protocol, n, ticks int) func(*explore.X) {
	return func(x *explore.X) {
		var c claim
		owners := make([]atomicx.Plain[int], n)
		c.set(7, n)
		var back []values
		x.Go("owner", func() {
			for {
				i, ok := y.begins(&c)
				if !ok {
					return
				}
				owners[i-7].Set(owners[i-7].Get() + 1)
			}
		})
		x.Go("timer", func() {
			for range ticks {
				rest, stuck := y.stuck(&c)
				if rest.lo < rest.hi {
					back = append(back, rest)
				}
				if stuck {
					return
				}
			}
		})
		x.Final(func() {
			begun := c.begun()
			for i := range n {
				has := owners[i].Get()
				x.Assert(has == 0 || i < begun, "value %d has begun, of %d", i, begun)
				for _, v := range back {
					if v.lo <= 7+i && 7+i < v.hi {
						has++
					}
				}
				x.Assert(has == 1, "value %d has %d owners", i, has)
			}
		})
	}
}

func TestExploreIntake(t *testing.T) {
	explore.Check(t, explore.Options{}, leaving(sound, 3))
	explore.Check(t, explore.Options{}, taking(sound, 2, 3))
	explore.Check(t, explore.Options{Preemptions: 4}, taking(sound, 4, 4))
}

func TestExploreIntakeControls(t *testing.T) {
	early, late, plain, blind := sound, sound, sound, sound
	early.add = func(t *intake, n int) bool {
		look := t.look.Load()
		t.put.Store(int64(n))
		return int64(n) >= look
	}
	late.expect = func(t *intake, n int) int {
		put := t.put.Load()
		t.look.Store(int64(n))
		return int(put)
	}
	plain.begins = func(c *claim) (int, bool) {
		w := c.word.Load()
		c.word.Store(w + oneBegun)
		return c.from + int(w>>32), w>>32 < w&(oneBegun-1)
	}
	blind.stuck = func(c *claim) (values, bool) {
		w := c.word.Load()
		if w != c.seen {
			c.seen = w
			return values{}, false
		}
		next, hi := w>>32, w&(oneBegun-1)
		c.word.Store(next<<32 | next)
		return values{c.from + int(next), c.from + int(max(next, hi))}, true
	}
	for name, model := range map[string]func(*explore.X){
		"the feeder looks after it has counted":      leaving(early, 1),
		"who leaves says so before it looks":         leaving(late, 1),
		"to begin is one step":                       taking(plain, 2, 2),
		"what has begun meanwhile is not taken back": taking(blind, 2, 2),
	} {
		t.Run(name, func(t *testing.T) { explore.Refute(t, explore.Options{}, model) })
	}
}
