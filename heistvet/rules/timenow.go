package rules

import (
	"go/ast"
	"go/format"
	"go/types"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// TimeNow finds clocks that are not the poll's.
var TimeNow = rule("timenow", `time.Now where the poll has a clock

cx.Now() is the pool's clock: it stands still during a poll, costs one reading for all its
operations, and is virtual in a test that has given the pool a task.Clock. time.Now goes on,
so a test that moves the time does not reach it.

Tests are exempt: they measure real time. So is a poll that measures itself, begin := time.Now()
and time.Since(begin), and functions that are given a Cx and do not return an error, as that may
be nil.`, timeNow)

func timeNow(c *check) {
	for _, f := range c.funcs {
		if !f.polls || c.test(f.node) {
			continue
		}
		span := c.spans(f)
		inspect(f.body, func(n ast.Node) bool {
			if span[n] {
				return false
			}
			if call, ok := n.(*ast.CallExpr); ok {
				c.clock(f, call)
			}
			return true
		})
	}
}

// source is the text of e.
func (c *check) source(e ast.Expr) string {
	var b strings.Builder
	if format.Node(&b, c.Fset, e) != nil {
		return types.ExprString(e)
	}
	return b.String()
}

// operand is the text of e as what stands before a dot.
func (c *check) operand(e ast.Expr) string {
	switch e.(type) {
	case *ast.StarExpr, *ast.UnaryExpr, *ast.BinaryExpr:
		return "(" + c.source(e) + ")"
	}
	return c.source(e)
}

// spans finds the calls by which a poll measures itself, which the poll's clock, as it stands
// still, cannot do: begin := time.Now() and time.Since(begin).
func (c *check) spans(f *fun) map[ast.Node]bool {
	span := map[ast.Node]bool{}
	begins := map[*types.Var][]*ast.CallExpr{}
	inspect(f.body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for i, e := range n.Rhs {
				call, ok := ast.Unparen(e).(*ast.CallExpr)
				if ok && len(n.Lhs) == len(n.Rhs) && is(callee(c.TypesInfo, call), "time.Now") {
					if v := variable(c.TypesInfo, n.Lhs[i]); v != nil && within(v, f.body) {
						begins[v] = append(begins[v], call)
					}
				}
			}
		case *ast.CallExpr:
			if is(callee(c.TypesInfo, n), "time.Since") {
				v := variable(c.TypesInfo, n.Args[0])
				for _, call := range begins[v] {
					span[call], span[n] = true, true
				}
			}
		}
		return true
	})
	return span
}

func (c *check) clock(f *fun, call *ast.CallExpr) {
	var text string
	now := f.cx.Name() + ".Now()"
	switch g := callee(c.TypesInfo, call); {
	case is(g, "time.Now"):
		text = now
	case is(g, "time.Since"):
		text = now + ".Sub(" + c.source(call.Args[0]) + ")"
	case is(g, "time.Until"):
		text = c.operand(call.Args[0]) + ".Sub(" + now + ")"
	default:
		return
	}
	var edits []analysis.TextEdit
	_, seen := c.Pkg.Scope().Innermost(call.Pos()).LookupParent(f.cx.Name(), call.Pos())
	if seen == types.Object(f.cx) {
		edits = []analysis.TextEdit{{Pos: call.Pos(), End: call.End(), NewText: []byte(text)}}
	}
	c.fix(call, edits, "%s is not the poll's clock: take %s", types.ExprString(call.Fun), text)
}
