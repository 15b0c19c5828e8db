// Package refused4 has what versions for goroutines cannot have.
package refused4

import "github.com/heist-go/heist/task"

func many(cx *task.Cx) (a, b int) { return cx.Worker(), 0 }
