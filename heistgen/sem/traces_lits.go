package sem

import (
	"fmt"

	"github.com/heist-go/heist/task"
)

// Literals are the traces of the functions with combinators, which do not run as plain Go.
func Literals(seed uint64) []string {
	return []string{traced("literals", seed, func(p *pauser) (task.Task, func() string) {
		t := newLiterals(p)
		return t, func() string { return fmt.Sprint(t.Result()) }
	}), traced("within", seed, func(p *pauser) (task.Task, func() string) {
		t := newWithin(p)
		return t, func() string { return fmt.Sprint(t.Result()) }
	})}
}
