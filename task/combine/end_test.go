package combine_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/combine"
)

// counted is an operation that is never over, and counts how often it was abandoned.
type counted struct {
	op        task.Operation
	abandoned int
}

func (c *counted) wait(cx *task.Cx) error {
	c.op.Enter(cx)
	return c.op.Suspend(cx, c)
}

func (c *counted) Abandon(*task.Cx) { c.abandoned++ }

// After a panic of one of the operations End lets go of the others at once, and the combinator is as new.
func TestEnd(t *testing.T) {
	var (
		sel   combine.Select
		race  combine.Race[int]
		anyOf combine.Any[int]
		join2 combine.Join2[int, int]
		join3 combine.Join3[int, int, int]
		all   combine.All
		limit combine.Timeout
		retry combine.Retry
	)
	boom := func(*task.Cx) error { panic(errBoom) }
	with := func(op op) func(*task.Cx) (int, error) { return func(cx *task.Cx) (int, error) { return 1, op(cx) } }
	for _, c := range []struct {
		name string
		wait func(cx *task.Cx, a, b op) error
		end  func(*task.Cx)
	}{
		{"Select", func(cx *task.Cx, a, b op) error { _, err := sel.Wait(cx, a, b); return err }, sel.End},
		{"Race", func(cx *task.Cx, a, b op) error { _, _, err := race.Wait(cx, with(a), with(b)); return err }, race.End},
		{"Any", func(cx *task.Cx, a, b op) error { _, _, err := anyOf.Wait(cx, with(a), with(b)); return err }, anyOf.End},
		{"Join2", func(cx *task.Cx, a, b op) error { _, _, err := join2.Wait(cx, with(a), with(b)); return err }, join2.End},
		{"Join3", func(cx *task.Cx, a, b op) error {
			_, _, _, err := join3.Wait(cx, with(a), with(b), with(b))
			return err
		}, join3.End},
		{"All", func(cx *task.Cx, a, b op) error { return all.Wait(cx, a, b) }, all.End},
		{"Timeout", func(cx *task.Cx, a, b op) error {
			return limit.Wait(cx, time.Hour, func(cx *task.Cx) error { return task.All(a(cx), b(cx)) })
		}, limit.End},
		{"Retry", func(cx *task.Cx, a, b op) error {
			return retry.Do(cx, func(cx *task.Cx) error { return task.All(a(cx), b(cx)) })
		}, retry.End},
	} {
		t.Run(c.name, func(t *testing.T) {
			var w counted
			steps(t, once(func(cx *task.Cx) {
				require.PanicsWithValue(t, errBoom, func() { _ = c.wait(cx, w.wait, boom) })
				require.Zero(t, w.abandoned)
				c.end(cx)
				require.Equal(t, 1, w.abandoned)
				c.end(cx)
				require.Equal(t, 1, w.abandoned)
			}), func(cx *task.Cx) error { return c.wait(cx, after(1, nil), after(1, nil)) })
			require.Equal(t, 1, w.abandoned)
		})
	}
}
