//go:build heistgen

package refused6

import "github.com/heist-go/heist/task"

//heist:task
func connContext(cx *task.Cx) error {
	if max > 2 {
		return cx.Yield()
	}
	return nil
}

//heist:task context
func newConn(cx *task.Cx) error { return cx.Yield() } // want `the version of newConn for goroutines would be newConnContext, which there is already`
