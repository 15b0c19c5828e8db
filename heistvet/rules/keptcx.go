package rules

import (
	"go/ast"
	"go/types"
	"slices"
	"strings"
)

// KeptCx finds a *task.Cx that is there when its poll is over.
var KeptCx = rule("keptcx", `a *task.Cx that outlives its poll

A Cx is a poll in progress. When Poll has returned it is another task's, on some worker: an
operation that is given it then waits in that task's name, without a lock. Builds with -race
poison it. Nobody needs an old one: every poll brings its own.

Nor does the body of a fork-join computation have one (par.For, pool.Do, pool.Call): other workers
run it, and the Cx around it is one worker's. It has its Scope.

A struct that holds one within a poll, such as an io.Reader around a connection, is let pass
as long as it is not stored itself, and is no task.

For a wake-up from elsewhere take cx.Waker(), for a callback a task.Promise, for a context
cx.Context().`, keptCx)

// later are functions that call theirs when the poll is over, or on another thread.
var later = []string{
	"time.AfterFunc", "context.AfterFunc", "sync.WaitGroup.Go",
	"task.Func", "task.Go", "task.Group.Goroutine", "task.Blocking.Do", "task.Cleanup.Set",
	"pool.Pool.AfterFunc", "pool.Job.Do", "task/bridge.Goroutines.Go",
	"task/lock.Strand.Turn", "task/stream.Func", "task/stream.Then", "task/stream.UntilClosed",
}

func keptCx(c *check) {
	for _, file := range c.Files {
		var stack []ast.Node // the functions around
		var visit func(ast.Node) bool
		visit = func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				stack = append(stack, n)
				if n.Body != nil {
					ast.Inspect(n.Body, visit)
				}
				stack = stack[:len(stack)-1]
				return false
			case *ast.FuncLit:
				stack = append(stack, n)
				ast.Inspect(n.Body, visit)
				stack = stack[:len(stack)-1]
				return false
			case *ast.AssignStmt:
				for i, e := range n.Rhs {
					if len(n.Lhs) == len(n.Rhs) && c.outlives(n.Lhs[i], stack) {
						c.keeps(e, "is kept in "+types.ExprString(n.Lhs[i]))
					}
				}
			case *ast.CompositeLit:
				for _, e := range n.Elts {
					if kv, ok := e.(*ast.KeyValueExpr); ok {
						e = kv.Value
					}
					if c.isTask(n) {
						c.keeps(e, "is kept in a task")
					}
				}
			case *ast.SendStmt:
				c.keeps(n.Value, "is sent on a channel")
			case *ast.GoStmt:
				for _, e := range append(slices.Clip(n.Call.Args), n.Call.Fun) {
					c.keeps(e, "is used by a goroutine")
				}
			case *ast.CallExpr:
				c.defers(n)
				if isBuiltin(c.TypesInfo, n, "append") && c.outlives(n.Args[0], stack) {
					for _, e := range n.Args[1:] {
						c.keeps(e, "is kept in a slice")
					}
				}
			}
			return true
		}
		ast.Inspect(file, visit)
	}
}

// defers reports literals with a Cx that a call has called later, or by others: those of fork-join,
// say, run on all workers.
func (c *check) defers(call *ast.CallExpr) {
	f := callee(c.TypesInfo, call)
	if f == nil {
		return
	}
	all := forks(f) || is(f, later...)
	deferred := c.summary(f).Later
	if !all && deferred == 0 {
		return
	}
	last := f.Signature().Params().Len() - 1
	for i, e := range call.Args {
		if lit, ok := c.only(e).(*ast.FuncLit); ok && (all || deferred&bit(min(i, last)+1) != 0) {
			how := "is used by a function that runs later, or elsewhere"
			if forks(f) {
				how = "is used by a function that other workers run"
			}
			c.keeps(lit, how)
		}
	}
}

// forks reports whether f starts a fork-join computation: what it is given is called by all workers.
func forks(f *types.Func) bool {
	return library(f.Pkg()) && strings.HasPrefix(pathOf(f.Pkg()), module+"/pool") && !is(f, later...)
}

// keeps reports e, which stays, if it is a Cx, a method of one, or a function that uses one
// from around it.
func (c *check) keeps(e ast.Expr, how string) {
	if lit, ok := c.only(e).(*ast.FuncLit); ok {
		if at := c.captures(lit); at != nil {
			c.report(at, "%s %s: it is of this poll only", at.Name, how)
		}
		return
	}
	switch x := ast.Unparen(e).(type) {
	case *ast.CompositeLit:
		for _, e := range x.Elts {
			if kv, ok := e.(*ast.KeyValueExpr); ok {
				e = kv.Value
			}
			c.keeps(e, how)
		}
		return
	case *ast.UnaryExpr:
		if lit, ok := x.X.(*ast.CompositeLit); ok {
			c.keeps(lit, how)
			return
		}
	case *ast.SelectorExpr:
		if m := c.TypesInfo.Selections[x]; m != nil && m.Kind() == types.MethodVal && isCx(m.Recv()) {
			e = x.X
		}
	}
	if t := c.TypesInfo.TypeOf(e); t != nil && isCx(t) {
		c.report(e, "%s %s: it is of this poll only", types.ExprString(e), how)
	}
}

// isTask reports whether a literal is of a type with Poll.
func (c *check) isTask(lit *ast.CompositeLit) bool {
	t := c.TypesInfo.TypeOf(lit)
	if t == nil {
		return false
	}
	m, _, _ := types.LookupFieldOrMethod(t, true, c.Pkg, "Poll")
	f, ok := m.(*types.Func)
	return ok && polled(f.Signature())
}

// captures returns a use in lit of a Cx from around it.
func (c *check) captures(lit *ast.FuncLit) (at *ast.Ident) {
	ast.Inspect(lit.Body, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && at == nil {
			if v, ok := c.TypesInfo.Uses[id].(*types.Var); ok && !v.IsField() && isCx(v.Type()) && !within(v, lit) {
				at = id
			}
		}
		return at == nil
	})
	return at
}

// within reports whether v is declared inside of n.
func within(v *types.Var, n ast.Node) bool { return n.Pos() <= v.Pos() && v.Pos() < n.End() }

// outlives reports whether what is assigned to e is there after the innermost of the
// functions around has returned: e is a field, an element, or a variable from outside of it.
func (c *check) outlives(e ast.Expr, around []ast.Node) bool {
	if v := variable(c.TypesInfo, e); v != nil {
		return len(around) > 0 && !within(v, around[len(around)-1])
	}
	if v := root(c.TypesInfo, e); v != nil && len(around) > 0 && within(v, around[len(around)-1]) {
		if inPlace(v) || c.ours(v) {
			return false
		}
	}
	return !blank(e)
}

// ours reports whether a local slice, or map, is made here, and by nobody else.
func (c *check) ours(v *types.Var) bool {
	switch v.Type().Underlying().(type) {
	case *types.Slice, *types.Map:
	default:
		return false
	}
	for _, e := range c.given[v] {
		if e == nil {
			return false
		}
		call, ok := ast.Unparen(e).(*ast.CallExpr)
		if ok && isBuiltin(c.TypesInfo, call, "append") && variable(c.TypesInfo, call.Args[0]) == v {
			continue
		}
		if !c.makes(e) {
			return false
		}
	}
	return true
}
