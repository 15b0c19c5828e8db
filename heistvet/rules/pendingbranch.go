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

The rule looks for Close, for logging and printing, for counting, and for the same
operation again, behind a test that the error is one and before a test for Pending or for a
narrower error.`, pendingBranch)

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
					if c.counts(n) {
						what = "counts"
					}
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

func closes(call *ast.CallExpr) bool {
	s, ok := call.Fun.(*ast.SelectorExpr)
	return ok && s.Sel.Name == "Close"
}
