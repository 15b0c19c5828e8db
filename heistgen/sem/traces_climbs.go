package sem

import (
	"fmt"

	"github.com/heist-go/heist/task"
)

// climbStops are where climb panics, and where it fails: -2 is nowhere.
var climbStops = [][2]int{{-2, -2}, {0, -2}, {3, -2}, {4, -2}, {8, -2}, {-2, 0}, {-2, 5}, {-2, 8}}

// Climbs are the traces of generators that await themselves, of which the first values are taken.
func Climbs(seed uint64) (out []string) {
	for limit := 1; limit < 13; limit++ {
		for _, stop := range climbStops {
			out = append(out, taken("climb", seed, limit, func(p *pauser) generator[int] { return newClimb(p, grow(0, 9), stop[0], stop[1]) }),
				taken("rescued", seed, limit, func(p *pauser) generator[int] { return newRescued(p, grow(0, 9), stop[0], stop[1]) }))
		}
		out = append(out, taken("zig", seed, limit, func(p *pauser) generator[int] { return newZig(p, grow(0, 12)) }),
			taken("swapped", seed, limit, func(p *pauser) generator[string] { return newSwapped(p, 5, 1, "one") }))
	}
	return out
}

type generator[T any] interface {
	Next(*task.Cx) (T, error)
	Close(*task.Cx) error
}

// taken is the trace of a generator, of which up to limit values are taken.
func taken[T any](name string, seed uint64, limit int, make func(p *pauser) generator[T]) string {
	return traced(name, seed, func(p *pauser) (task.Task, func() string) {
		var got []T
		var err error
		g := make(p)
		return task.Func(func(cx *task.Cx) error {
			for len(got) < limit {
				v, e := g.Next(cx)
				if task.IsPending(e) {
					return e
				}
				if e != nil {
					err = e
					return nil
				}
				got = append(got, v)
			}
			if err = g.Close(cx); task.IsPending(err) {
				return err
			}
			return nil
		}), func() string { return fmt.Sprint(got, err) }
	})
}
