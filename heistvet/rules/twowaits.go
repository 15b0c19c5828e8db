package rules

import (
	"go/ast"
	"go/types"
	"slices"

	"golang.org/x/tools/go/cfg"
)

// TwoWaits finds operations that are repeated because another one suspends.
var TwoWaits = rule("twowaits", `two operations that consume, and no stage between them

Poll begins at its top each time. What was received before the operation that suspends is
gone, and the next poll receives once more; a lock is locked twice. Between two waits stands
a stage: a field ("if t.out == nil"), a switch, task.Seq or task.Flow, with what was received
in another field.

Waits that are sticky may be repeated: those that are marked with
//heist:sticky (Group.Wait, Promise.Wait), Seq.Run, Once.Do. So may a loop around one operation.

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
		return g.restarts(first.CallExpr) && !c.batch(g, first)
	}
	return (c.call(first) != c.call(second) || c.both(g.f, first, second)) && !g.handled(second) && !c.race(g, first, second) &&
		!is(second.callee, "task.Cx.Spend", "task.Cx.Suspend", "task.Cx.Yield") &&
		!g.reachable(second, func(n ast.Node) bool { return n != first.CallExpr }) &&
		!deferred(g.f, object(first.CallExpr)) && // given back
		c.keepsLocked(g, second, object(first.CallExpr), c.result(g.f, first)) &&
		!c.givesBack(g, second, c.result(g.f, first))
}

// both reports whether two calls of the same operation want a value each, or none.
func (c *check) both(f *fun, first, second *wait) bool {
	x, y := c.result(f, first), c.result(f, second)
	if x == "" && y == "" {
		sig := signature(c.TypesInfo, first.CallExpr)
		return sig != nil && sig.Results().Len() == 1
	}
	return x != y && x != "_" && y != "_" && x != "" && y != ""
}

// batch reports whether a loop does no more than to bound how much is done before others have their
// turn: behind it is a Yield, or it begins again; and what is in it is the same in each round.
func (c *check) batch(g *flow, w *wait) bool {
	var loop ast.Node
	inspect(g.f.body, func(n ast.Node) bool {
		switch n.(type) {
		case *ast.RangeStmt, *ast.ForStmt:
			if covers(n, w.CallExpr) {
				loop = n // the innermost
			}
		}
		return true
	})
	varies := loop == nil
	inspect(w.CallExpr, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && loop != nil {
			v := variable(c.TypesInfo, id)
			varies = varies || v != nil && within(v, loop)
		}
		return true
	})
	if varies {
		return false
	}
	batch := true
	for _, b := range g.blocks {
		if !b.Live || b.Stmt != loop || b.Kind != cfg.KindRangeDone && b.Kind != cfg.KindForDone {
			continue
		}
		g.walk(place{int(b.Index), 0}, func(n ast.Node) bool {
			if _, returns := n.(*ast.ReturnStmt); returns {
				batch = false
			}
			next := g.f.wait(n)
			return batch && n != w.CallExpr && (next == nil || !is(next.callee, "task.Cx.Yield"))
		}, nil)
		return batch && !g.ends(b)
	}
	return false
}

// givesBack reports whether the function hands on what the first operation took where the second
// one is pending: to a helper, or back into a field.
func (c *check) givesBack(g *flow, second *wait, took string) (gives bool) {
	if took == "" || took == "_" {
		return false
	}
	c.walkPending(g, second, func(n ast.Node) {
		switch n := n.(type) {
		case *ast.CallExpr:
			sig := signature(c.TypesInfo, n)
			if sig == nil || c.logs(n) || g.f.wait(n) != nil || sig.Results().Len() > 0 && isError(sig.Results().At(sig.Results().Len()-1).Type()) {
				return
			}
			for _, e := range n.Args {
				gives = gives || types.ExprString(e) == took
			}
		case *ast.AssignStmt:
			for i, e := range n.Rhs {
				call, _ := ast.Unparen(e).(*ast.CallExpr)
				if types.ExprString(e) == took || call != nil && isBuiltin(c.TypesInfo, call, "append") && slices.ContainsFunc(call.Args, func(e ast.Expr) bool { return types.ExprString(e) == took }) {
					gives = gives || c.lasts(n.Lhs[min(i, len(n.Lhs)-1)])
				}
			}
		}
	})
	return gives
}

// walkPending visits what is done behind w where that may be pending, and is known to have failed.
func (c *check) walkPending(g *flow, w *wait, visit func(ast.Node)) {
	g.walk(g.after(w.CallExpr), func(n ast.Node) bool {
		visit(n)
		_, returns := n.(*ast.ReturnStmt)
		return !returns && g.f.wait(n) == nil
	}, g.mayPend(w))
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
