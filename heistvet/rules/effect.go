package rules

import (
	"go/ast"
	"go/types"
)

// Effect finds what each poll does once more.
var Effect = rule("effect", `something that happens in every poll, before a wait

Poll begins at its top each time, so what stands before an operation that suspends is done
again in each poll: the child is started while it runs (which panics), the line is printed
twice, the counter counts polls.

Put a stage around it: a field that says it is done, a step of task.Seq, a stage of
task.Flow.

The rule looks at tasks and goroutines that are started, at calls with a callback that
resolves a promise, at logging and printing, and at ++, += and append on what outlives the
poll. A condition on anything but errors is taken for a stage, and so is a test with
task.IsPending behind the wait. Behind an operation that consumes (Recv, Read) things happen
once for what was received. In tests counters are let pass: there they count polls.`, effect)

func effect(c *check) {
	for _, f := range c.funcs {
		if !f.pends {
			continue
		}
		g := c.flowOf(f)
		g.walk(entry, func(n ast.Node) bool {
			what := c.effect(f, n)
			if what != "" && !g.guarded(n) {
				if w := c.next(f, n); w != nil && !g.handled(w) && !c.chooses(n, w) {
					c.report(n, "%s in each poll, as %s may suspend: put a stage around it", what, c.name(w))
				}
			}
			w := f.wait(n)
			return w == nil || c.consumes(w) == no && !is(w.callee, "task.Cx.Yield")
		}, nil)
	}
}

// chooses reports whether n counts what the wait behind it is found by: t.hs[t.at].Wait(cx).
func (c *check) chooses(n ast.Node, w *wait) (chooses bool) {
	to := c.counter(n)
	if to == nil {
		return false
	}
	text := types.ExprString(to)
	ast.Inspect(w.Fun, func(n ast.Node) bool {
		if x, ok := n.(*ast.IndexExpr); ok {
			chooses = chooses || types.ExprString(x.Index) == text
		}
		return true
	})
	return chooses
}

// effect says what n does, or nothing.
func (c *check) effect(f *fun, n ast.Node) string {
	switch n := n.(type) {
	case *ast.GoStmt:
		return "a goroutine is started"
	case *ast.CallExpr:
		switch {
		case c.starts(n):
			return "a task is started"
		case c.logs(n):
			return "this is printed"
		case c.requests(n):
			return "this is asked for"
		}
	}
	if !c.test(n) && c.counts(f, n) {
		return "this is counted"
	}
	return ""
}
