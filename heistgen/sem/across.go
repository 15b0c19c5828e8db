//go:build heistgen

package sem

import (
	"fmt"

	"github.com/heist-go/heist/heistgen/sem/far"
	"github.com/heist-go/heist/task"
)

// across awaits functions of another package: their frames are in this one's.
//
//heist:task context
func across(cx *task.Cx, p *pauser) (out []string, err error) {
	n, err := far.Sum(cx, p, 1, 2, 3)
	if err != nil {
		return nil, err
	}
	out = append(out, fmt.Sprint(n))
	b := &far.Box[string]{Value: "in"}
	v, err := b.Take(cx, p)
	out = append(out, v+b.Value, fmt.Sprint(err))
	s, err := far.Both(cx, p, 1.5, must(far.Sum(cx, p)))
	out = append(out, s, fmt.Sprint(err))
	for v, err := range newEvens(p, 5).All(cx) {
		if err != nil {
			return nil, err
		}
		out = append(out, fmt.Sprint(v))
	}
	var t far.Trace
	err = saved(cx, p, &t)
	return append(out, fmt.Sprint(err, t.Lines)), nil
}

// evens hands its yield on to another package.
//
//heist:task context
func evens(cx *task.Cx, p *pauser, n int, yield func(int) bool) error {
	if !yield(-1) {
		return nil
	}
	return far.Count(cx, p, n, yield)
}

//heist:task context
func saved(cx *task.Cx, p *pauser, t *far.Trace) (err error) {
	defer catch(&err, p)
	return far.Explode(cx, t, p)
}
