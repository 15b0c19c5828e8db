package sem

import (
	"context"
	"fmt"

	"github.com/heist-go/heist/task"
)

// run calls f on a goroutine of its own, which Goexit may end, and returns what p has seen,
// what f has returned, and its panic.
func run(name string, p *pauser, f func() string) string {
	out := make(chan string, 1)
	go func() {
		result := "no result"
		defer func() {
			v := recover()
			if e, ok := v.(*task.PanicError); ok {
				v = e.Value
			}
			out <- fmt.Sprintf("%s: %s%s panic %v", name, p.log.String(), result, v)
		}()
		result = f()
	}()
	return <-out
}

// traced is the trace of a task, with a pauser of that seed.
func traced(name string, seed uint64, make func(p *pauser) (task.Task, func() string)) string {
	p := &pauser{seed: seed}
	return run(name, p, func() string {
		t, result := make(p)
		_ = task.Run(context.Background(), t)
		return result()
	})
}
