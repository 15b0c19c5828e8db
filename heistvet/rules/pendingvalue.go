package rules

import (
	"go/ast"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/analysis"
)

// PendingValue finds Pending where it is not passed up: compared, kept, ignored.
var PendingValue = rule("pendingvalue", `task.Pending compared, kept, or ignored

Pending is an answer to this poll. It may come wrapped, so == does not find it: ask
task.IsPending. In a field it is still there in the next poll, when it is not true any more.
And an operation whose error is ignored has perhaps not happened: what it returns beside
the error is nothing, and the poll goes on without it.

"_ = op(cx)" says that this is meant.`, pendingValue)

func pendingValue(c *check) {
	for _, file := range c.Files {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BinaryExpr:
				if n.Op == token.EQL || n.Op == token.NEQ {
					c.compared(n)
				}
			case *ast.CaseClause:
				for _, e := range n.List {
					if c.isPending(e) {
						c.report(e, "Pending may be wrapped: ask task.IsPending")
					}
				}
			case *ast.CallExpr:
				if is(callee(c.TypesInfo, n), "errors.Is") && len(n.Args) == 2 && c.isPending(n.Args[1]) {
					c.ask(n, n.Args[0], n.Args[1], "")
				}
			case *ast.AssignStmt:
				for i, e := range n.Rhs {
					if c.isPending(e) && len(n.Lhs) == len(n.Rhs) && c.lasts(n.Lhs[i]) {
						c.kept(n.Lhs[i])
					}
				}
			}
			return true
		})
	}
	for _, f := range c.funcs {
		for _, w := range f.waits {
			switch w.use {
			case dropped:
				c.report(w, "the error of %s is ignored: it may be Pending", c.name(w))
			case blanked:
				c.report(w, "the error of %s is ignored, and with Pending it returns nothing", c.name(w))
			}
		}
		for _, w := range c.sources(f) {
			c.stored(f, w)
		}
	}
}

// compared is about err == task.Pending.
func (c *check) compared(n *ast.BinaryExpr) {
	err, p := n.X, n.Y
	if c.isPending(err) {
		err, p = p, err
	}
	if !c.isPending(p) {
		return
	}
	not := ""
	if n.Op == token.NEQ {
		not = "!"
	}
	c.ask(n, err, p, not)
}

// ask reports e, and offers to ask task.IsPending instead. pending is how the file writes
// task.Pending.
func (c *check) ask(e, err, pending ast.Expr, not string) {
	var edits []analysis.TextEdit
	if s, ok := pending.(*ast.SelectorExpr); ok {
		text := not + types.ExprString(s.X) + ".IsPending(" + c.source(err) + ")"
		edits = []analysis.TextEdit{{Pos: e.Pos(), End: e.End(), NewText: []byte(text)}}
	}
	c.fix(e, edits, "Pending may be wrapped: ask task.IsPending")
}

func (c *check) isPending(e ast.Expr) bool {
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		return is(c.TypesInfo.Uses[e], "task.Pending")
	case *ast.SelectorExpr:
		return is(c.TypesInfo.Uses[e.Sel], "task.Pending")
	}
	return false
}

// stored looks for a field that gets w's error, Pending included.
func (c *check) stored(f *fun, w *wait) {
	c.flowOf(f).pending(w, false, func(n ast.Node) bool {
		a, ok := n.(*ast.AssignStmt)
		if !ok {
			return true
		}
		for i, e := range a.Rhs {
			switch {
			case ast.Unparen(e) == w.CallExpr:
				if to := a.Lhs[len(a.Lhs)-1]; c.lasts(to) && !c.returns(f, to) && !c.askedFor(to) {
					c.kept(to)
				}
			case w.err != nil && len(a.Lhs) == len(a.Rhs) && variable(c.TypesInfo, e) == w.err && c.lasts(a.Lhs[i]) && !c.askedFor(a.Lhs[i]):
				c.kept(a.Lhs[i])
			}
		}
		return true
	})
}

// askedFor reports whether somebody asks task.IsPending about a field: it knows what may be in it.
func (c *check) askedFor(field ast.Expr) bool {
	s, ok := ast.Unparen(field).(*ast.SelectorExpr)
	if !ok {
		return false
	}
	v, ok := c.TypesInfo.Uses[s.Sel].(*types.Var)
	return ok && c.asked[v]
}

// returns reports whether f returns the field: each poll sets it first.
func (c *check) returns(f *fun, field ast.Expr) (returns bool) {
	inspect(f.body, func(n ast.Node) bool {
		if ret, ok := n.(*ast.ReturnStmt); ok {
			for _, e := range ret.Results {
				returns = returns || types.ExprString(e) == types.ExprString(field)
			}
		}
		return true
	})
	return returns
}

func (c *check) kept(to ast.Expr) {
	c.report(to, "%s may hold Pending in the next poll, when it is not true any more", types.ExprString(to))
}

// lasts reports whether to is a field, or a variable of the package.
func (c *check) lasts(to ast.Expr) bool {
	if s, ok := ast.Unparen(to).(*ast.SelectorExpr); ok {
		if r := root(c.TypesInfo, s); r != nil && !r.IsField() && r.Parent() != c.Pkg.Scope() {
			if _, is := r.Type().Underlying().(*types.Struct); is { // a part of a local variable, or of a variable around
				return false
			}
		}
		v, _ := c.TypesInfo.Uses[s.Sel].(*types.Var)
		return v != nil
	}
	v := variable(c.TypesInfo, to)
	return v != nil && v.Parent() == c.Pkg.Scope()
}
