package rules

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// LocalOp finds operations that are forgotten at each suspension.
var LocalOp = rule("localop", `an operation's value that is a local variable of the poll

An operation remembers how far it is by the task and the object: a timer, a promise, a
select. A local variable of Poll is a new one in each poll. So the timer never fires, the
promise is never resolved, the select begins anew: the task waits for ever.

Make it a field of the task, or a variable of the function around the poll function.

The rule looks at variables that are made in the poll function, by declaration, literal,
new or a constructor, and whose methods are called with its Cx. One that is also stored
elsewhere, or given to another function, is let pass.`, localOp)

// remembering are the types of package task that remember, and those of others by the way.
// In the packages of folder task all do.
var remembering = []string{
	"task.Timer", "task.Deadline", "task.Ticker", "task.Backoff", "task.Group", "task.Promise",
	"task.Blocking", "task.DelayQueue", "task.Seq", "task.Flow", "task.Branch", "task.Crowd", "task.Line",
	"reactor.Dialer", "pool.Job",
}

func remembers(t types.Type) bool {
	n := named(t)
	return is(n, remembering...) || n != nil && strings.HasPrefix(pathOf(n.Pkg()), module+"/task/")
}

func localOp(c *check) {
	for _, f := range c.funcs {
		for _, w := range f.waits { // new(task.Timer).Sleep(cx, d)
			if s, ok := w.Fun.(*ast.SelectorExpr); ok && remembers(c.TypesInfo.TypeOf(s.X)) && c.makes(s.X) {
				c.report(w, "%s is a new one in each poll: make it a field", types.ExprString(s.X))
			}
		}
		made := map[*types.Var]ast.Node{}
		inspect(f.body, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				for i, id := range n.Names {
					if v := variable(c.TypesInfo, id); v != nil && remembers(v.Type()) && (len(n.Values) == 0 || len(n.Values) == len(n.Names) && c.makes(n.Values[i])) {
						made[v] = n
					}
				}
			case *ast.AssignStmt:
				for i, e := range n.Lhs {
					if v := variable(c.TypesInfo, e); n.Tok == token.DEFINE && v != nil && remembers(v.Type()) && len(n.Lhs) == len(n.Rhs) && c.makes(n.Rhs[i]) {
						made[v] = n
					}
				}
			}
			return true
		})
		c.forgets(f, made)
	}
}

// makes reports whether e is a new value.
func (c *check) makes(e ast.Expr) bool {
	switch e := ast.Unparen(e).(type) {
	case *ast.CompositeLit:
		return true
	case *ast.UnaryExpr:
		_, lit := e.X.(*ast.CompositeLit)
		return e.Op == token.AND && lit
	case *ast.CallExpr:
		if isBuiltin(c.TypesInfo, e, "new") {
			return true
		}
		f := callee(c.TypesInfo, e)
		return f != nil && library(f.Pkg()) && strings.HasPrefix(f.Name(), "New") && f.Signature().Recv() == nil
	}
	return false
}

// forgets reports those of the variables that are used by this poll, and by nothing else.
func (c *check) forgets(f *fun, made map[*types.Var]ast.Node) {
	uses := map[*types.Var]*ast.CallExpr{}
	mine := map[*ast.Ident]bool{} // uses as the receiver of a call
	ast.Inspect(f.body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		s, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		id, ok := ast.Unparen(s.X).(*ast.Ident)
		if !ok {
			return true
		}
		mine[id] = true
		if v := variable(c.TypesInfo, id); made[v] != nil && f.wait(call) != nil && slices.ContainsFunc(call.Args, func(e ast.Expr) bool {
			return f.cx == variable(c.TypesInfo, e)
		}) || is(callee(c.TypesInfo, call), "task.Deadline.Check") && made[v] != nil {
			uses[v] = call
		}
		return true
	})
	ast.Inspect(f.body, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && !mine[id] {
			if v, ok := c.TypesInfo.Uses[id].(*types.Var); ok {
				delete(uses, v)
			}
		}
		return true
	})
	for v, call := range uses {
		c.report(call, "%s is a new one in each poll, and %s begins anew: make it a field", v.Name(), types.ExprString(call.Fun))
	}
}
