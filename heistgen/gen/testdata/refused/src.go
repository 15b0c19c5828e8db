//go:build heistgen

package refused

import (
	"iter"
	"net"
	"time"

	"github.com/heist-go/heist/task"
)

type helper struct{} // want `a source holds straight-line functions only: this type would be missing`

// heist:task
func spaced(cx *task.Cx) error { return cx.Yield() } // want `spaced has a comment that begins with a space: write //heist:task without one`

func plain() {} // want `plain stands in a source and has no //heist:task comment`

//heist:task
func noCx(n int) error { return nil } // want `noCx is no straight-line task: its first parameter has to be a \*task.Cx`

//heist:task
func noErr(cx *task.Cx) int { return 0 } // want `noErr is no straight-line task`

//heist:task fast
func words(cx *task.Cx) error { return nil } // want-1 `//heist:task does not know "fast"`

//heist:task
func taken2(_ *task.Cx) error { return nil } // want `the \*task.Cx of taken2 needs a name`

var _ iter.Seq[int] // want `a source holds straight-line functions only: this var`

var _ net.Conn // want `a source holds straight-line functions only: this var`

var _ time.Time // want `a source holds straight-line functions only: this var`
