// Package ignore is about the comments that silence timenow.
package ignore

import (
	"time"

	"github.com/heist-go/heist/task"
)

var _ = task.Func(func(cx *task.Cx) error {
	_ = time.Now() //heistvet:ignore timenow: what is measured is the clock
	_ = time.Now() // want `not the poll's clock`

	//heistvet:ignore timenow: so it is here
	_ = time.Now()

	// heistvet:ignore timenow: a comment like others
	_ = time.Now() // want `not the poll's clock`

	_ = time.Now() /* want `not the poll's clock` `say which rule is silenced, and why` */ //heistvet:ignore timenow

	_ = time.Now() //heistvet:ignore blocking: another rule // want `not the poll's clock`

	_ = cx.Now() /* want `there is nothing to ignore here` */ //heistvet:ignore timenow: not any more
	return nil
})
