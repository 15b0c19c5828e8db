package rules

import (
	"go/ast"
	"go/token"
)

// DeferPoll finds defer statements that run at each suspension.
var DeferPoll = rule("deferpoll", `a defer in a poll function that may still suspend

A deferred call runs when Poll returns, and Poll returns at each suspension. So what is
deferred before an operation that may suspend happens many times, the first time while it is
still needed: the connection is closed, the lock given back, the span ended.

Clean up in Finish, which is called once, at the end. A defer behind the last operation that
may suspend is fine, and so is the Unlock of a sync.Mutex, which each poll takes for itself,
the end of a context, what goes back to a sync.Pool, a function that recovers, and one that asks
task.IsPending or whether the error is nil.`, deferPoll)

func deferPoll(c *check) {
	for _, f := range c.funcs {
		if !f.pends {
			continue
		}
		inspect(f.body, func(n ast.Node) bool {
			d, ok := n.(*ast.DeferStmt)
			if !ok || c.harmless(d.Call) {
				return true
			}
			if w := c.next(f, d); w != nil {
				c.report(d, "defer runs at each suspension, and %s may suspend: clean up in Finish", c.name(w))
			}
			return true
		})
	}
}

// next returns a wait that can be reached behind n.
func (c *check) next(f *fun, n ast.Node) (found *wait) {
	g := c.flowOf(f)
	g.walk(g.after(n), func(n ast.Node) bool {
		if w := f.wait(n); w != nil && found == nil {
			found = w
		}
		return found == nil
	}, nil)
	return found
}

// harmless reports whether a call may be repeated in every poll.
func (c *check) harmless(call *ast.CallExpr) bool {
	if f := callee(c.TypesInfo, call); f != nil && (f.Name() == "Unlock" || f.Name() == "RUnlock") && f.Signature().Params().Len() == 0 {
		return true
	}
	if is(callee(c.TypesInfo, call), "sync.Pool.Put") || is(named(c.TypesInfo.TypeOf(call.Fun)), "context.CancelFunc", "context.CancelCauseFunc") {
		return true
	}
	lit, ok := call.Fun.(*ast.FuncLit)
	if !ok {
		return false
	}
	asks := false
	ast.Inspect(lit.Body, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			asks = asks || isBuiltin(c.TypesInfo, call, "recover") || is(callee(c.TypesInfo, call), "task.IsPending") || c.harmless(call)
		}
		if cond, ok := n.(*ast.BinaryExpr); ok && cond.Op == token.EQL { // err == nil
			asks = asks || isError(c.TypesInfo.TypeOf(cond.X)) && c.TypesInfo.Types[cond.Y].IsNil()
		}
		return true
	})
	return asks
}
