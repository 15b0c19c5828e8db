//go:build explore

package pool

import (
	"fmt"
	"testing"

	"github.com/heist-go/heist/internal/explore"
	"github.com/heist-go/heist/internal/park"
)

// sketch is the parking protocol without the rest of the pool: workers with any
// numbers, so that they may be in several groups, and one queue that is a
// count. It is small enough for more preemptions than the pool itself.
type sketch struct {
	parking
	ids    []int
	pick   func(*parking) int
	parker map[int]*park.Parker
	naps   map[int]int
	queue  explore.Int64
	met    explore.Int64
	left   explore.Int64
	stop   explore.Bool
	jobs   int64
}

// newSketch returns workers with these numbers, asleep, that will have so many
// jobs. The jobs meet.
func newSketch(x *explore.X, jobs, naps int, ids ...int) *sketch {
	s := &sketch{ids: ids, pick: (*parking).claimAny, parker: map[int]*park.Parker{}, naps: map[int]int{}, jobs: int64(jobs)}
	s.parking.begin(ids[len(ids)-1]+1, 0)
	for i := range s.groups {
		s.groups[i].word.Store(0)
		s.groups[i].members = 0
	}
	for _, id := range ids {
		s.groups[id/groupSize].members++
		s.parker[id] = new(park.Parker)
		s.naps[id] = naps
		s.beginPark(id, false)
	}
	s.left.Store(s.jobs)
	for _, id := range ids {
		x.Go(fmt.Sprint("worker ", id), func() { s.life(id) })
	}
	x.Final(func() { x.Assert(s.left.Peek() == 0, "%d jobs are left", s.left.Peek()) })
	return s
}

func (s *sketch) submit() {
	s.queue.Add(1)
	s.notify()
}

func (s *sketch) notify() {
	if i := s.pick(&s.parking); i >= 0 {
		s.parker[i].Unpark()
	}
}

func (s *sketch) take() bool {
	for {
		n := s.queue.Load()
		if n == 0 {
			return false
		}
		if s.queue.CompareAndSwap(n, n-1) {
			return true
		}
	}
}

func (s *sketch) life(id int) {
	s.parker[id].Park()
	searching := s.endPark(id)
	for {
		if !searching {
			searching = s.search(id)
		}
		switch {
		case s.take():
			if searching && s.found(id) {
				s.notify()
			}
			searching = false
			s.run()
		case s.stop.Load():
			return
		default:
			searching = s.rest(id, searching)
		}
	}
}

// run is a job that ends when all others are being run, too.
func (s *sketch) run() {
	s.met.Add(1)
	explore.Wait(&s.met, func() bool { return s.met.Peek() == s.jobs })
	if s.left.Add(-1) == 0 {
		s.stop.Store(true)
		for _, id := range s.ids {
			if s.claim(id) {
				s.parker[id].Unpark()
			}
		}
	}
}

func (s *sketch) rest(id int, searching bool) bool {
	if s.beginPark(id, searching) && s.queue.Load() > 0 {
		s.claim(id)
		return true
	}
	if s.stop.Load() {
		return s.endPark(id)
	}
	if s.naps[id] > 0 {
		s.naps[id]--
		s.parker[id].ParkUntil(1)
	} else {
		s.parker[id].Park()
	}
	return s.endPark(id)
}

// groups is workers with these numbers and as many jobs, from one submitter.
func groups(pick func(*parking) int, naps int, ids ...int) func(*explore.X) {
	return func(x *explore.X) {
		s := newSketch(x, len(ids), naps, ids...)
		s.pick = pick
		x.Go("submitter", func() {
			for range ids {
				s.submit()
			}
		})
	}
}

func TestExploreGroups(t *testing.T) {
	n := 40_000
	if testing.Short() {
		n = 4_000
	}
	for _, c := range []struct {
		name string
		o    explore.Options
		naps int
		ids  []int
	}{
		{"one worker", explore.Options{}, 0, []int{0}},
		{"two groups", explore.Options{Preemptions: 1}, 0, []int{0, groupSize}},
		{"three of one group", explore.Options{Random: n}, 0, []int{0, 1, 2}},
		{"three groups", explore.Options{Random: n}, 0, []int{0, groupSize, 2 * groupSize}},
		{"two and two, and they wake by themselves", explore.Options{Random: n}, 1, []int{0, 1, groupSize, groupSize + 1}},
	} {
		t.Run(c.name, func(t *testing.T) { explore.Check(t, c.o, groups((*parking).claimAny, c.naps, c.ids...)) })
	}
	t.Run("control: one group is all", func(t *testing.T) {
		first := func(p *parking) int {
			one := parking{groups: p.groups[:1]}
			return one.claimAny()
		}
		explore.Refute(t, explore.Options{Random: 40_000}, groups(first, 0, 0, groupSize))
	})
}
