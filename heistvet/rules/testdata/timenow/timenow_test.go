package timenow

import (
	"time"

	"github.com/heist-go/heist/task"
)

// A test measures real time.
var _ = task.Func(func(cx *task.Cx) error { _ = time.Now(); return nil })
