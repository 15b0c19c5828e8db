package task_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/task"
)

// A poll may complete 128 operations; then others have their turn.
const operations = 128

// Whoever never has to wait keeps nobody out: between two turns of another task it
// completes as many operations as the budget has.
func TestBudget(t *testing.T) {
	var fired task.Timer
	for name, ready := range map[string]step{
		"Spend": func(cx *task.Cx) error { return cx.Spend() },
		"Sleep": func(cx *task.Cx) error { return fired.Sleep(cx, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			const rounds = 10
			done := 0
			var seen []int
			hog := steps(func(cx *task.Cx) error {
				for done < rounds*operations {
					if err := ready(cx); err != nil {
						return err
					}
					done++
				}
				return nil
			})
			other := steps(func(cx *task.Cx) error {
				for len(seen) < rounds {
					if err := cx.Yield(); err != nil {
						return err
					}
					seen = append(seen, done)
				}
				return nil
			})
			var g task.Group
			require.NoError(t, runSteps(start(&g, other, hog), g.Wait))
			for i, n := range seen {
				require.Equal(t, (i+1)*operations, n)
			}
		})
	}
}

// The budget is one for all operations of a poll, and new in each poll.
func TestBudgetIsOfAPoll(t *testing.T) {
	var timer task.Timer
	done := 0
	r := &recorder{poll: func(r *recorder, cx *task.Cx) error {
		for ; done < 3*operations; done++ {
			op := func(cx *task.Cx) error { return timer.Sleep(cx, 0) }
			if done%2 == 0 {
				op = (*task.Cx).Spend
			}
			if err := op(cx); err != nil {
				require.True(t, task.IsPending(err))
				require.Equal(t, r.polls*operations, done)
				return err
			}
		}
		return nil
	}}
	require.NoError(t, task.Run(background, r))
	require.Equal(t, 3, r.polls)
}

// What is used up does not undo a wait: it is still over in the next poll.
func TestBudgetAndAWaitThatIsOver(t *testing.T) {
	var p task.Promise[int]
	r := &recorder{}
	r.poll = does(await(&p), func(cx *task.Cx) error {
		if r.polls > 3 {
			return nil
		}
		for {
			if err := cx.Spend(); err != nil {
				return err
			}
		}
	}, func(cx *task.Cx) error {
		require.NoError(t, task.MustReady(await(&p)(cx)))
		return nil
	})
	var g task.Group
	require.NoError(t, runSteps(start(&g, r), rounds(2), resolve(&p), g.Wait))
	require.Equal(t, 4, r.polls)
}
