package main

import (
	"fmt"
	"strings"
)

// verdict says whether a result has reached a goal, and if not, what it lacks.
func (r result) verdict(g goal) (met bool, lacks string) {
	var missed []string
	miss := func(format string, args ...any) { missed = append(missed, fmt.Sprintf(format, args...)) }
	if x := g.times(r.workers); x > 0 && r.better.median() < x {
		miss("ratio ≥ %s", short(x))
	}
	if g.most > 0 && !(r.us.median() <= g.most) {
		miss("≤ %s", short(g.most))
	}
	if g.more > 0 && !(r.us.median()-r.them.median() <= g.more) {
		miss("≤ %s more", short(g.more))
	}
	if g.limited && int(r.allocs) > g.allocs {
		miss("allocs ≤ %d", g.allocs)
	}
	return len(missed) == 0, strings.Join(missed, ", ")
}

// times is the ratio that is asked for.
func (g goal) times(workers int) float64 { return max(g.ratio, g.perWorker*float64(workers)) }

// judge is the verdict in a word or two.
func (r result) judge() string {
	switch {
	case r.err != nil:
		return "failed"
	case r.target == none && r.moonshot == none:
		return "no target"
	case r.moonshot != none:
		if met, _ := r.verdict(r.moonshot); met {
			return "moonshot"
		}
	}
	met, lacks := r.verdict(r.target)
	if met {
		return "met"
	}
	return "missed: " + lacks
}

// short writes a figure with three digits that count.
func short(x float64) string {
	switch {
	case x >= 1e9:
		return fmt.Sprintf("%.3gG", x/1e9)
	case x >= 1e6:
		return fmt.Sprintf("%.3gM", x/1e6)
	case x >= 1e4:
		return fmt.Sprintf("%.3gk", x/1e3)
	case x >= 100:
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.3g", x)
}
