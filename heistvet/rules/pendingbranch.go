package rules

import (
	"go/ast"
)

// PendingBranch finds failures that are none.
var PendingBranch = rule("pendingbranch", `Pending treated as a failure

"err != nil" is true for Pending, too, which says that nothing has happened yet. What the
branch does then happens at each suspension: the connection is closed while it waits, the log
fills, the retry asks again and again in one poll (which panics after a million times).

Return the error first, and look at it only if it is not pending:

	if err != nil && !task.IsPending(err) { log.Print(err) }
	return err

The rule looks for Close, for logging and printing, for counting what outlives the poll, and
for the same operation again, behind a test that the error is one and before a test for
Pending or for a narrower error.`, pendingBranch)

func pendingBranch(c *check) {
	for _, f := range c.funcs {
		g := c.flowOf(f)
		for _, w := range c.sources(f) {
			told := false
			g.pending(w, true, func(n ast.Node) bool {
				if told {
					return false
				}
				what, at := "", n
				switch call, _ := n.(*ast.CallExpr); {
				case call == nil:
					if c.counts(f, n) {
						what = "counts"
					}
				case call == w.CallExpr && c.another(g, w):
				case call == w.CallExpr:
					what = "tries again"
				case closes(call):
					what = "closes"
				case c.logs(call):
					what = "logs"
				}
				if what != "" {
					c.report(at, "this %s although the error of %s may be Pending: ask task.IsPending first", what, c.name(w))
					told = true
				}
				return !told
			})
		}
	}
}

// another reports whether w is another operation in each round of a loop, and its error goes
// somewhere: into a list for task.All, say.
func (c *check) another(g *flow, w *wait) (another bool) {
	inspect(g.f.body, func(n ast.Node) bool {
		s, ok := n.(*ast.RangeStmt)
		if !ok || w.err == nil || !covers(s.Body, w) {
			return true
		}
		varies, goes := false, false
		ast.Inspect(w.CallExpr, func(n ast.Node) bool {
			if e, ok := n.(*ast.Ident); ok {
				v := variable(c.TypesInfo, e)
				varies = varies || v != nil && within(v, s) && v != w.err
			}
			return true
		})
		inspect(s.Body, func(n ast.Node) bool {
			if a, ok := n.(*ast.AssignStmt); ok {
				for _, e := range a.Rhs {
					if call, ok := ast.Unparen(e).(*ast.CallExpr); ok {
						goes = goes || call != w.CallExpr && g.mentions(w, call)
					} else {
						goes = goes || variable(c.TypesInfo, e) == w.err
					}
				}
			}
			return true
		})
		another = another || varies && goes
		return true
	})
	return another
}

func closes(call *ast.CallExpr) bool {
	s, ok := call.Fun.(*ast.SelectorExpr)
	return ok && s.Sel.Name == "Close"
}
