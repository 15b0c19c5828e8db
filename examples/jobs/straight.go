//go:build heistgen

package main

import (
	"errors"

	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/combine"
)

// carryOut is job as a straight-line function.
//
//heist:task context
func carryOut(cx *task.Cx, p plan, done func(run)) error {
	ticker := task.Ticker{Every: p.every, Missed: p.missed}
	retry := combine.Retry{Backoff: task.Backoff{Min: p.pause, Limit: p.retries}, If: worthIt}
	for {
		missed, err := ticker.Tick(cx)
		if errors.Is(err, task.ErrClosed) {
			return nil // the scheduler is shut down: not in the middle of a run, but here
		}
		if err != nil {
			return err
		}
		begun, attempts := cx.Now(), 0
		err = retry.Do(cx, func(cx *task.Cx) error {
			attempts++
			var limit combine.Timeout
			return limit.Wait(cx, p.deadline, p.do())
		})
		if errors.Is(err, task.ErrCanceled) {
			return err
		}
		done(run{p.name, cx.Now(), cx.Now().Sub(begun), attempts, missed, err})
	}
}
