//go:build unix

package dump

import (
	"os"
	"syscall"
)

// quit is the signal of [OnSignal].
var quit = []os.Signal{syscall.SIGQUIT}
