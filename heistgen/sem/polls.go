//go:build heistgen

package sem

import (
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/combine"
	"github.com/heist-go/heist/task/lock"
)

// holding has deferred calls that take the context: it is that of the poll in which they run.
//
//heist:task context
func holding(cx *task.Cx, mu *lock.Mutex, p *polls) error {
	defer p.end(cx)
	if err := mu.Lock(cx); err != nil {
		return err
	}
	defer mu.Unlock(cx)
	defer func(cx *task.Cx, p *polls) { p.end(cx) }((cx), p)
	for {
		if err := p.Wait(cx); err != nil || p.left < 0 {
			return err
		}
	}
}

// relocking is holding in a loop.
//
//heist:task context
func relocking(cx *task.Cx, mus []lock.Mutex, p *polls) error {
	for i := range mus {
		if err := mus[i].Lock(cx); err != nil {
			return err
		}
		defer p.end(cx)
		defer mus[i].Unlock(cx)
		if err := p.Wait(cx); err != nil {
			return err
		}
	}
	return nil
}

// letGo lets holding lose, which ends it outside of its polls.
//
//heist:task
func letGo(cx *task.Cx, mu *lock.Mutex, p *polls) error {
	var sel combine.Select
	_, err := sel.Wait(cx,
		func(cx *task.Cx) error { return cx.Yield() },
		func(cx *task.Cx) error { return holding(cx, mu, p) },
	)
	return err
}
