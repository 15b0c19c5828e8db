//go:build heistgen

package refused4

import "github.com/heist-go/heist/task"

//heist:task
func inner(cx *task.Cx) error { return cx.Yield() }

//heist:task context
func outer(cx *task.Cx) error {
	return inner(cx) // want `inner has no version for goroutines, and refused4.outer is to have one: write .//heist:task context. there, too`
}

//heist:task context
func scratch(cx *task.Cx) error {
	b := cx.Scratch(10) // want `cx.Scratch lends a worker's memory, which the version for goroutines has not: make it`
	b[0] = 1
	return nil
}

//heist:task context
func results(cx *task.Cx) error {
	a, b := many(cx) // want `many has no form for goroutines, and too many results`
	if a+b > 0 {
		return nil
	}
	return cx.Yield()
}
