//go:build heistgen

package sem

import (
	"fmt"
	"maps"
	"slices"

	"github.com/heist-go/heist/task"
)

// cases are what transformed and random programs have found, and what stands next to it.
//
//heist:task context
func cases(cx *task.Cx, p *pauser) (out []string, err error) {
	if out, err = turns(cx, p); err != nil {
		return nil, err
	}
	for _, one := range []func(cx *task.Cx, p *pauser) (string, error){
		func(cx *task.Cx, p *pauser) (string, error) { return values(cx, p) },
		func(cx *task.Cx, p *pauser) (string, error) { return clauses(cx, p) },
		func(cx *task.Cx, p *pauser) (string, error) { return conditions(cx, p) },
	} {
		text, err := one(cx, p)
		if err != nil {
			return nil, err
		}
		out = append(out, text)
	}
	more, err := lately(cx, p)
	return append(out, more...), err
}

// values ranges over those of a generator with key and value of one assignment.
//
//heist:task context
func values(cx *task.Cx, p *pauser) (out string, err error) {
	i, errs := 1, make([]error, 4)
	for i, errs[i] = range newCount(p, 3).All(cx) {
		out += fmt.Sprint(i, errs, " ")
	}
	return out, nil
}

// clauses are range clauses that wait where nothing else does, and those of iterators, which assign to one after the other.
//
//heist:task context
func clauses(cx *task.Cx, p *pauser) (out string, err error) {
	x, errs := []int{10, 20, 30}, make([]error, 3)
	i := 1
	at := func(cx *task.Cx) (int, error) { return i, p.Wait(cx) }
	for i, x[must(at(cx))] = range []int{6, 5, 4} {
		out += fmt.Sprint(i, x, " ")
	}
	for x[must(at(cx))] = range 3 {
		i = (i + 1) % 3
	}
	i = 2
	for i, errs[i] = range newFailing(p).All(cx) {
		out += fmt.Sprint(i, errs, " ")
	}
	i = 2
	for i, x[i] = range slices.All([]int{8, 9}) {
		if err := p.Wait(cx); err != nil {
			return "", err
		}
		out += fmt.Sprint(i, x, " ")
	}
	for i, x[i] = range maps.All(map[int]int{2: 4}) {
		if err := p.Wait(cx); err != nil {
			return "", err
		}
		out += fmt.Sprint(i, x, " ")
	}
	return out, nil
}

// failing is a generator that fails at its second value.
//
//heist:task context
func failing(cx *task.Cx, p *pauser, yield func(int) bool) error {
	if !yield(1) {
		return nil
	}
	if err := p.Wait(cx); err != nil {
		return err
	}
	return errStop
}

// conditions has a nil beside waits, and a condition that is any.
//
//heist:task context
func conditions(cx *task.Cx, p *pauser) (out string, err error) {
	n := 0
	next := func(cx *task.Cx) (int, error) { n++; return n, p.Wait(cx) }
	out += fmt.Sprint(nil, must(next(cx)), nil == err, must(next(cx)), " ")
	var yes any = true
	switch {
	case must(next(cx)) == 0, yes == false, yes:
		out += "yes"
	}
	return out, nil
}
