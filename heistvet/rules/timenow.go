package rules

import (
	"go/ast"
	"go/types"

	"golang.org/x/tools/go/analysis"
)

// TimeNow finds clocks that are not the poll's.
var TimeNow = rule("timenow", `time.Now where the poll has a clock

cx.Now() is the pool's clock: it stands still during a poll, costs one reading for all its
operations, and is virtual in a test that has given the pool a task.Clock. time.Now goes on,
so a test that moves the time does not reach it.

Tests are exempt: they measure real time. So are functions that are given a Cx and do not
return an error, as that may be nil.`, timeNow)

func timeNow(c *check) {
	for _, f := range c.funcs {
		if !f.polls || c.test(f.node) {
			continue
		}
		inspect(f.body, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				c.clock(f, call)
			}
			return true
		})
	}
}

func (c *check) clock(f *fun, call *ast.CallExpr) {
	var text string
	now := f.cx.Name() + ".Now()"
	switch g := callee(c.TypesInfo, call); {
	case is(g, "time.Now"):
		text = now
	case is(g, "time.Since"):
		text = now + ".Sub(" + types.ExprString(call.Args[0]) + ")"
	case is(g, "time.Until"):
		text = types.ExprString(call.Args[0]) + ".Sub(" + now + ")"
	default:
		return
	}
	var edits []analysis.TextEdit
	if f.cx.Name() != "" && f.cx.Name() != "_" {
		edits = []analysis.TextEdit{{Pos: call.Pos(), End: call.End(), NewText: []byte(text)}}
	}
	c.fix(call, edits, "%s is not the poll's clock: take %s", types.ExprString(call.Fun), text)
}
