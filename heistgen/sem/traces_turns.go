package sem

import (
	"context"
	"fmt"

	"github.com/heist-go/heist/task"
)

// Turns are the traces of the functions about the order of evaluation, as a task and as their version for goroutines.
func Turns(seed uint64) []string {
	p := &pauser{seed: seed}
	return []string{
		traced("turns", seed, func(p *pauser) (task.Task, func() string) {
			t := newTurns(p)
			return t, func() string { return fmt.Sprint(t.Result()) }
		}),
		run("turns", p, func() string { return fmt.Sprint(turnsContext(context.Background(), p)) }),
	}
}
