package rules

import (
	"go/ast"
	"go/constant"
	"go/types"
	"slices"
	"strings"
)

// PendingBranch finds failures that are none.
var PendingBranch = rule("pendingbranch", `Pending treated as a failure

"err != nil" is true for Pending, too, which says that nothing has happened yet. What the
branch does then happens at each suspension: the connection is closed while it waits, the log
fills, the retry asks again and again in one poll (which panics after a million times).

Return the error first, and look at it only if it is not pending:

	if err != nil && !task.IsPending(err) { log.Print(err) }
	return err

The rule looks for Close, for logging and printing, for counting what outlives the poll, for
the same operation again (with the next of a list, too), and for a return of something else (nil,
another error, one made with %v or by a helper; a bool, where there is no error to return), behind a test that the error is one and before a test for
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
				ret, _ := n.(*ast.ReturnStmt)
				switch call, _ := n.(*ast.CallExpr); {
				case ret != nil:
					if f.polls && c.hides(f, g, w, ret) {
						what = "ends the wait"
					}
				case call == nil:
					if c.counts(f, n) {
						what = "counts"
					}
				case c.hidden(g, w, call):
					what = "hides Pending (it takes %w)"
				case call == w.CallExpr && c.another(g, w):
				case call == w.CallExpr || f.wait(call) != nil && c.call(f.wait(call)) == c.call(w):
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
			g.pending(w, false, func(n ast.Node) bool {
				ret, ok := n.(*ast.ReturnStmt)
				switch {
				case !ok:
				case f.polls && c.disguises(g, w, ret):
					c.report(ret, "this ends the wait although the error of %s may be Pending: ask task.IsPending first", c.name(w))
				case c.flattens(f, g, w, ret):
					c.report(ret, "this cannot say Pending although the error of %s may be Pending: ask task.IsPending first", c.name(w))
				}
				return true
			})
		}
	}
}

// hides reports whether a return gives back something else, which is not Pending.
func (c *check) hides(f *fun, g *flow, w *wait, ret *ast.ReturnStmt) bool {
	if len(ret.Results) == 0 || len(ret.Results) != f.sig.Results().Len() || !c.inFailure(g, w, ret) {
		return false
	}
	mentioned := false
	for _, e := range ret.Results {
		ast.Inspect(e, func(n ast.Node) bool {
			x, ok := n.(ast.Expr)
			mentioned = mentioned || ok && (g.isErr(w, x) || g.madeOf(w, x))
			return !mentioned
		})
	}
	e := ret.Results[len(ret.Results)-1]
	if mentioned || c.maybe(f, e) {
		return false
	}
	switch x := ast.Unparen(e).(type) {
	case *ast.Ident: // nil, or a variable of the package
		v := variable(c.TypesInfo, x)
		return c.TypesInfo.Types[x].IsNil() || v != nil && v.Parent() == c.Pkg.Scope()
	case *ast.SelectorExpr:
		v, ok := c.TypesInfo.Uses[x.Sel].(*types.Var)
		return ok && !v.IsField()
	case *ast.CallExpr:
		return is(callee(c.TypesInfo, x), "errors.New", "fmt.Errorf")
	}
	return false
}

// inFailure reports whether a return stands in the branch of a test that w has failed.
func (c *check) inFailure(g *flow, w *wait, ret *ast.ReturnStmt) (in bool) {
	inspect(g.f.body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.IfStmt:
			in = in || covers(n.Body, ret) && g.failed(w, n.Cond, true) || n.Else != nil && covers(n.Else, ret) && g.failed(w, n.Cond, false)
		case *ast.CaseClause:
			for _, e := range n.List {
				in = in || covers(n, ret) && g.failed(w, e, true)
			}
		}
		return true
	})
	return in
}

// hidden reports whether a call of fmt.Errorf makes an error of w's that is not Pending any more.
func (c *check) hidden(g *flow, w *wait, call *ast.CallExpr) bool {
	if !is(callee(c.TypesInfo, call), "fmt.Errorf") || len(call.Args) == 0 || !g.mentions(w, call) {
		return false
	}
	format := c.TypesInfo.Types[call.Args[0]].Value
	return format != nil && format.Kind() == constant.String && !strings.Contains(constant.StringVal(format), "%w")
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
				for i, e := range a.Rhs {
					goes = goes || i < len(a.Lhs) && c.gathers(g, w, a.Lhs[i], e)
				}
			}
			return true
		})
		another = another || varies && goes
		return true
	})
	return another
}

// gathers reports whether to = e keeps w's error beside others. If the operation consumes
// something, one that takes the place of the one before is the last error of a loop that tries the
// next of a list.
func (c *check) gathers(g *flow, w *wait, to, e ast.Expr) bool {
	call, ok := ast.Unparen(e).(*ast.CallExpr)
	switch _, index := ast.Unparen(to).(*ast.IndexExpr); {
	case ok && (call == w.CallExpr || !g.mentions(w, call)) || !ok && !g.isErr(w, e):
		return false
	case !ok && index || c.consumes(w) == no:
		return true
	case !ok:
		return false
	}
	text := types.ExprString(to)
	return slices.ContainsFunc(call.Args, func(e ast.Expr) bool { return types.ExprString(e) == text })
}

// flattens reports whether a return of a helper that has no error to give back says something
// else of w's, from which nobody can tell that it is Pending.
func (c *check) flattens(f *fun, g *flow, w *wait, ret *ast.ReturnStmt) (does bool) {
	if f.polls || len(ret.Results) == 0 || len(ret.Results) != f.sig.Results().Len() {
		return false
	}
	for _, e := range ret.Results {
		b, ok := ast.Unparen(e).(*ast.BinaryExpr)
		does = does || ok && says(b, true, func(e ast.Expr, holds bool) bool {
			b, ok := e.(*ast.BinaryExpr)
			if !ok {
				return false
			}
			to, _ := g.equal(w, b, holds)
			return to != nil && g.isNil(to)
		})
		t := c.TypesInfo.Types[e]
		does = does || t.Value != nil && t.Value.Kind() == constant.Bool && c.inFailure(g, w, ret)
	}
	return does
}

// disguises reports whether a return gives back what a helper without a Cx has made of w's error:
// another one, whatever it was.
func (c *check) disguises(g *flow, w *wait, ret *ast.ReturnStmt) bool {
	if len(ret.Results) == 0 {
		return false
	}
	call, ok := ast.Unparen(ret.Results[len(ret.Results)-1]).(*ast.CallExpr)
	if !ok || !g.about(w, call) {
		return false
	}
	f := callee(c.TypesInfo, call)
	if f == nil || f.Pkg() != c.Pkg || cxOf(f.Signature()) != nil {
		return false
	}
	for _, d := range c.declared {
		if c.TypesInfo.Defs[d.Name] == f && d.Body != nil {
			i := slices.IndexFunc(call.Args, func(e ast.Expr) bool { return g.isErr(w, e) })
			return i < f.Signature().Params().Len() && c.replaces(d, f.Signature().Params().At(i))
		}
	}
	return false
}

// replaces reports whether a function returns another error behind p != nil, and never asks what p
// is, nor gives it on.
func (c *check) replaces(d *ast.FuncDecl, p *types.Var) bool {
	replaced, used := false, false
	ast.Inspect(d.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BinaryExpr: // p != nil
			return !c.TypesInfo.Types[n.Y].IsNil() || variable(c.TypesInfo, n.X) != p
		case *ast.CallExpr: // p.Error()
			if s, ok := n.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "Error" && variable(c.TypesInfo, s.X) == p {
				return false
			}
			if is(callee(c.TypesInfo, n), "fmt.Errorf") && len(n.Args) > 0 {
				if format := c.TypesInfo.Types[n.Args[0]].Value; format != nil && format.Kind() == constant.String && !strings.Contains(constant.StringVal(format), "%w") {
					replaced = true
					return false
				}
			}
		case *ast.ReturnStmt:
			if len(n.Results) > 0 {
				switch x := ast.Unparen(n.Results[len(n.Results)-1]).(type) {
				case *ast.Ident:
					v := variable(c.TypesInfo, x)
					replaced = replaced || v != nil && v.Parent() == c.Pkg.Scope()
				case *ast.SelectorExpr:
					v, ok := c.TypesInfo.Uses[x.Sel].(*types.Var)
					replaced = replaced || ok && !v.IsField()
				case *ast.CallExpr:
					replaced = replaced || is(callee(c.TypesInfo, x), "errors.New")
				}
			}
		case *ast.Ident:
			used = used || c.TypesInfo.Uses[n] == p
		}
		return true
	})
	return replaced && !used
}

func closes(call *ast.CallExpr) bool {
	s, ok := call.Fun.(*ast.SelectorExpr)
	return ok && s.Sel.Name == "Close"
}
