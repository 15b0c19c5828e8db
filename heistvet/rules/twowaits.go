package rules

import (
	"go/ast"
	"go/types"
)

// TwoWaits finds operations that are repeated because another one suspends.
var TwoWaits = rule("twowaits", `two operations that consume, and no stage between them

Poll begins at its top each time. What was received before the operation that suspends is
gone, and the next poll receives once more; a lock is locked twice. Between two waits stands
a stage: a field ("if t.out == nil"), a switch, task.Seq or task.Flow, with what was received
in another field.

Waits that are sticky may be repeated: those whose comment says so (Group.Wait,
Promise.Wait), Seq.Run, Once.Do. So may a loop around one operation.

A condition on anything but errors is taken for a stage if it decides whether a poll comes
to the first operation; so is a test with task.IsPending, by which the function shows that it
knows. Function values and interfaces of others are not looked at.`, twoWaits)

func twoWaits(c *check) {
	for _, f := range c.funcs {
		if !f.pends {
			continue
		}
		g := c.flowOf(f)
		for _, first := range f.waits {
			if first.use == waived || c.consumes(first) != yes || g.handled(first) || g.guarded(first.CallExpr) {
				continue
			}
			var second *wait
			g.behind(first, func(n ast.Node) bool {
				if w := f.wait(n); w != nil && second == nil && c.repeats(g, first, w) {
					second = w
				}
				return second == nil && n != first.CallExpr
			})
			switch second {
			case nil:
			case first:
				c.report(first, "the loop around %s begins anew when it has suspended: keep how far it is in a field", c.name(first))
			default:
				c.report(first, "%s is called again when %s has suspended: put a stage between them", c.name(first), c.name(second))
			}
		}
	}
}

// repeats reports whether each poll that comes to the second operation has called the first
// one before, and has not given back what that took.
func (c *check) repeats(g *flow, first, second *wait) bool {
	if first == second {
		return g.restarts(first.CallExpr)
	}
	return c.call(first) != c.call(second) && !g.handled(second) && !c.race(g, first, second) &&
		!is(second.callee, "task.Cx.Spend", "task.Cx.Suspend", "task.Cx.Yield") &&
		!g.reachable(second, func(n ast.Node) bool { return n != first.CallExpr }) &&
		!deferred(g.f, object(first.CallExpr)) && // given back
		c.keepsLocked(g, second, object(first.CallExpr), c.result(g.f, first))
}

// race reports whether the first of the two that is over decides, task.First(e1, e2), and
// nothing is lost if both are.
func (c *check) race(g *flow, first, second *wait) (race bool) {
	inspect(g.f.body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		race = race || ok && (c.consumes(second) != yes || is(second.callee, "task.Timer.Sleep")) && is(callee(c.TypesInfo, call), "task.First") && g.mentions(first, call) && g.mentions(second, call)
		return !race
	})
	return race
}

// result is the name of the variable that gets what w returns, or nothing.
func (c *check) result(f *fun, w *wait) (name string) {
	inspect(f.body, func(n ast.Node) bool {
		if a, ok := n.(*ast.AssignStmt); ok && len(a.Rhs) == 1 && ast.Unparen(a.Rhs[0]) == w.CallExpr && len(a.Lhs) > 1 {
			name = types.ExprString(a.Lhs[0])
		}
		return true
	})
	return name
}

// call is the text of a call: the same operation on the same object.
func (c *check) call(w *wait) string { return types.ExprString(w.CallExpr) }

// object is the text of what a method is called on.
func object(call *ast.CallExpr) string {
	if s, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr); ok {
		return types.ExprString(s.X)
	}
	return ""
}
