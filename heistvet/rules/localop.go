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
new or a constructor, also as parts of a struct or an array, and whose methods are called with its
Cx, or with that of an operation's literal in the same poll. One that is also stored elsewhere, or
given to a function of which it is not known what it does with it, is let pass.`, localOp)

// remembering are the types of package task that remember, and those of others by the way.
// In the packages of folder task all do.
var remembering = []string{
	"task.Timer", "task.Deadline", "task.Ticker", "task.Backoff", "task.Group", "task.Promise",
	"task.Blocking", "task.DelayQueue", "task.Seq", "task.Flow", "task.Branch", "task.WaitSet", "task.WaitQueue",
	"task.Operation", "task.Offload", "task.Cleanup", "reactor.Dialer", "pool.Job",
}

// remembers reports whether a value of type t, or what it points to, remembers a wait: it is an
// operation's, or has one in it.
func remembers(t types.Type) bool { return remembersIn(t, 0) }

func remembersIn(t types.Type, depth int) bool {
	n := named(t)
	if is(n, remembering...) || n != nil && strings.HasPrefix(pathOf(n.Pkg()), module+"/task/") {
		return true
	}
	if t == nil || depth > 3 || n != nil && library(n.Pkg()) {
		return false
	}
	if p, ok := t.Underlying().(*types.Pointer); ok && depth == 0 {
		t = p.Elem()
	}
	switch u := t.Underlying().(type) {
	case *types.Struct:
		for f := range u.Fields() {
			if _, pointer := f.Type().Underlying().(*types.Pointer); !pointer && remembersIn(f.Type(), depth+1) {
				return true
			}
		}
	case *types.Array:
		return remembersIn(u.Elem(), depth+1)
	case *types.Slice:
		_, pointer := u.Elem().Underlying().(*types.Pointer)
		return depth == 0 && !pointer && remembersIn(u.Elem(), depth+1)
	}
	return false
}

func localOp(c *check) {
	for _, f := range c.funcs {
		for _, w := range f.waits { // new(task.Timer).Sleep(cx, d)
			if s, ok := w.Fun.(*ast.SelectorExpr); ok && remembers(c.TypesInfo.TypeOf(s.X)) && c.makes(s.X) {
				c.report(w, "%s is a new one in each poll: make it a field", types.ExprString(s.X))
			}
		}
		made := map[*types.Var]bool{}
		inspect(f.body, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				for i, id := range n.Names {
					if v := variable(c.TypesInfo, id); v != nil && remembers(v.Type()) && (len(n.Values) == 0 && inPlace(v) || len(n.Values) == len(n.Names) && c.makes(n.Values[i])) {
						made[v] = true
					}
				}
			case *ast.AssignStmt:
				for i, e := range n.Lhs {
					if v := variable(c.TypesInfo, e); n.Tok == token.DEFINE && v != nil && remembers(v.Type()) && len(n.Lhs) == len(n.Rhs) && c.makes(n.Rhs[i]) {
						made[v] = true
					}
				}
			}
			return true
		})
		if len(made) > 0 {
			c.forgets(f, made)
		}
	}
}

// makes reports whether e is a new value.
func (o *ops) makes(e ast.Expr) bool {
	switch e := ast.Unparen(e).(type) {
	case *ast.CompositeLit:
		return true
	case *ast.UnaryExpr:
		_, lit := e.X.(*ast.CompositeLit)
		return e.Op == token.AND && lit
	case *ast.CallExpr:
		info := o.pass.TypesInfo
		if isBuiltin(info, e, "new") || isBuiltin(info, e, "make") {
			return true
		}
		f := callee(info, e)
		if f == nil || isInterface(f) {
			return false
		}
		if !library(f.Pkg()) {
			return o.summary(f).Fresh
		}
		sig := f.Signature()
		if is(f, "task.Go", "task.Of") || sig.Results().Len() == 0 || !remembers(sig.Results().At(0).Type()) {
			return false
		}
		return sig.Recv() == nil || named(sig.Recv().Type()) == named(sig.Results().At(0).Type()) // a stream of a stream
	}
	return false
}

// forgets reports those of the variables that are used by this poll, and by nothing else.
func (c *check) forgets(f *fun, made map[*types.Var]bool) {
	uses := map[*types.Var]*ast.CallExpr{}
	mine := map[*ast.Ident]bool{} // uses as the receiver of a call, or what it is given
	use := func(e ast.Expr, call *ast.CallExpr) {
		id := rootIdent(e)
		v, _ := c.TypesInfo.ObjectOf(id).(*types.Var)
		if id == nil || !made[v] {
			return
		}
		mine[id] = true
		if uses[v] == nil && (c.pends(call) && c.hasCx(call) || is(callee(c.TypesInfo, call), "task.Deadline.Check")) {
			uses[v] = call
		}
	}
	polled := c.polledHere(f)
	var visit func(n ast.Node) bool
	visit = func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			if polled[n] {
				ast.Inspect(n.Body, visit)
			}
			return false
		case *ast.CallExpr:
			g := callee(c.TypesInfo, n)
			if s, ok := n.Fun.(*ast.SelectorExpr); ok && c.TypesInfo.Selections[s] != nil {
				use(s.X, n)
			}
			if g == nil || isInterface(g) || g.Pkg() != c.Pkg && standardPath(pathOf(g.Pkg())) || library(g.Pkg()) && !c.pends(n) {
				return true
			}
			s := c.summary(g)
			stays := s.Keeps | s.Later
			for _, m := range append(s.Into[:], s.Gives[:]...) {
				stays |= m
			}
			for i, e := range n.Args {
				if stays&bit(min(i, g.Signature().Params().Len()-1)+1) == 0 {
					use(e, n)
				}
			}
		}
		return true
	}
	ast.Inspect(f.body, visit)
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

// rootIdent returns the name at the left end of e, as x in &x.f[i], or nil.
func rootIdent(e ast.Expr) *ast.Ident {
	for {
		switch x := ast.Unparen(e).(type) {
		case *ast.Ident:
			return x
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.UnaryExpr:
			if x.Op != token.AND {
				return nil
			}
			e = x.X
		default:
			return nil
		}
	}
}

// hasCx reports whether a call is given a Cx.
func (c *check) hasCx(call *ast.CallExpr) bool {
	return slices.ContainsFunc(call.Args, func(e ast.Expr) bool {
		t := c.TypesInfo.TypeOf(e)
		return t != nil && isCx(t)
	})
}

// polledHere returns the literals that an operation of f polls within f's poll.
func (c *check) polledHere(f *fun) map[*ast.FuncLit]bool {
	found := map[*ast.FuncLit]bool{}
	ast.Inspect(f.body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if ok && c.pends(call) && !is(callee(c.TypesInfo, call), later...) {
			for _, e := range call.Args {
				if lit, ok := ast.Unparen(e).(*ast.FuncLit); ok && cxOf(signatureOf(c.TypesInfo, lit)) != nil {
					found[lit] = true
				}
			}
		}
		return true
	})
	return found
}
