//go:build heistgen

package sem

import (
	"fmt"

	"github.com/heist-go/heist/task"
)

// cases are what transformed and random programs have found, and what stands next to it.
//
//heist:task context
func cases(cx *task.Cx, p *pauser) (out []string, err error) {
	if out, err = turns(cx, p); err != nil {
		return nil, err
	}
	text, err := values(cx, p)
	return append(out, text), err
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
