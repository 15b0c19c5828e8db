//go:build heistgen

package near

import "github.com/heist-go/heist/task"

// Hidden is exported, and its machine is not.
//
//heist:task name=hidden
func Hidden(cx *task.Cx) error { return cx.Yield() }

// Seen is fine.
//
//heist:task
func Seen(cx *task.Cx) error { return cx.Yield() }
