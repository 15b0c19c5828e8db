package rules

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

// LiveFrame finds tasks that are overwritten while they live.
var LiveFrame = rule("liveframe", `a task that is overwritten while it lives

A task has its frame in it: its state, who waits for it, in which queue it is. Between its start
and its end that is the scheduler's. "*t = T{}" in the task's own Poll, or in Finish, takes it away,
and so does an assignment to a child that was started and not waited for: the task is lost, or is
run twice.

Set the other fields, or wait for the task's end: then its memory may be used again. The rule
looks at what Poll and Finish do with their receiver, also by way of helpers, and at tasks that
the same function has started and not waited for.`, liveFrame)

func liveFrame(c *check) {
	for _, d := range c.declared {
		if recv := c.taskOf(d); recv != nil {
			c.clearsItself(d, recv)
		}
	}
	for _, file := range c.Files {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Body != nil {
					c.overwritten(n, n.Body)
				}
			case *ast.FuncLit:
				c.overwritten(n, n.Body)
			}
			return true
		})
	}
}

// taskOf returns the receiver of d if that is the Poll or Finish of a task with a frame.
func (c *check) taskOf(d *ast.FuncDecl) *types.Var {
	f, ok := c.TypesInfo.Defs[d.Name].(*types.Func)
	if !ok || d.Recv == nil || len(d.Recv.List) == 0 || len(d.Recv.List[0].Names) == 0 {
		return nil
	}
	sig := f.Signature()
	poll := f.Name() == "Poll" && polled(sig)
	finish := f.Name() == "Finish" && sig.Params().Len() == 1 && isError(sig.Params().At(0).Type())
	recv, _ := c.TypesInfo.Defs[d.Recv.List[0].Names[0]].(*types.Var)
	if recv == nil || !poll && !finish {
		return nil
	}
	if p, ok := recv.Type().Underlying().(*types.Pointer); !ok || !hasFrame(p.Elem()) {
		return nil
	}
	return recv
}

// clearsItself looks for what gives the task another value: an assignment, a method, a function.
func (c *check) clearsItself(d *ast.FuncDecl, recv *types.Var) {
	v := c.valuesOf(d)
	own := func(e ast.Expr) bool {
		x := root(c.TypesInfo, e)
		return x == recv || x != nil && root(c.TypesInfo, c.only(e)) == recv && variable(c.TypesInfo, c.only(e)) == recv
	}
	tell := func(at ast.Node, what string) {
		c.report(at, "%s overwrites the frame of the task that is being polled: set the other fields", what)
	}
	inspect(d.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, to := range n.Lhs {
				if v.frame(to) && own(c.pointer(to)) {
					tell(n, types.ExprString(to)+" =")
				}
			}
		case *ast.CallExpr:
			f := callee(c.TypesInfo, n)
			v.each0(n, f, c.summary(f).Clears, func(e ast.Expr) {
				if u, ok := ast.Unparen(e).(*ast.UnaryExpr); ok {
					e = u.X
				}
				if variable(c.TypesInfo, e) != nil && own(e) {
					tell(n, types.ExprString(n.Fun))
				}
			})
		case *ast.DeferStmt:
			if lit, ok := n.Call.Fun.(*ast.FuncLit); ok {
				inspect(lit.Body, func(n ast.Node) bool {
					if a, ok := n.(*ast.AssignStmt); ok {
						for _, to := range a.Lhs {
							if v.frame(to) && own(c.pointer(to)) {
								tell(a, types.ExprString(to)+" =")
							}
						}
					}
					return true
				})
			}
		case *ast.SelectorExpr: // a method as a value: a step
			if s := c.TypesInfo.Selections[n]; s != nil && s.Kind() == types.MethodVal && own(n.X) && variable(c.TypesInfo, n.X) != nil {
				if f, ok := s.Obj().(*types.Func); ok && c.summary(f.Origin()).Clears&bit(0) != 0 {
					if !c.told[n] && !c.calledAt(d, n) {
						tell(n, types.ExprString(n))
					}
				}
			}
		}
		return true
	})
}

// calledAt reports whether a selector is what a call in d calls.
func (c *check) calledAt(d *ast.FuncDecl, s *ast.SelectorExpr) (called bool) {
	inspect(d.Body, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok && ast.Unparen(call.Fun) == s {
			called = true
		}
		return !called
	})
	return called
}

// pointer returns the pointer by which to is a task: t of *t, t.Frame.
func (c *check) pointer(to ast.Expr) ast.Expr {
	for {
		switch x := ast.Unparen(to).(type) {
		case *ast.StarExpr:
			return ast.Unparen(x.X)
		case *ast.SelectorExpr:
			to = x.X
		default:
			return x
		}
	}
}

// overwritten looks for a task that a function starts, and gives another value before it has waited for
// something.
func (c *check) overwritten(node ast.Node, body *ast.BlockStmt) {
	type start struct {
		call *ast.CallExpr
		task string
		of   ast.Expr
	}
	var starts []start
	var writes []*ast.AssignStmt
	inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if c.starts(n) {
				for _, e := range n.Args {
					if t := c.TypesInfo.TypeOf(e); t == nil || isCx(t) {
						continue
					}
					if u, ok := ast.Unparen(e).(*ast.UnaryExpr); ok && u.Op == token.AND {
						starts = append(starts, start{n, types.ExprString(u.X), u.X})
					} else if p, ok := c.TypesInfo.TypeOf(e).Underlying().(*types.Pointer); ok && hasFrame(p.Elem()) {
						starts = append(starts, start{n, types.ExprString(e), e})
					}
				}
			}
		case *ast.AssignStmt:
			writes = append(writes, n)
		}
		return true
	})
	if len(starts) == 0 {
		return
	}
	var g *flow
	for _, a := range writes {
		for _, to := range a.Lhs {
			if !hasFrame(c.TypesInfo.TypeOf(to)) {
				continue
			}
			text := types.ExprString(to)
			if star, ok := ast.Unparen(to).(*ast.StarExpr); ok {
				text = types.ExprString(star.X)
			}
			text = strings.TrimSuffix(text, ".Frame")
			for _, s := range starts {
				if s.task != text || !mayBe(s.call.End() < a.Pos(), s.of) {
					continue
				}
				if g == nil {
					g = c.flowOf(&fun{node: node, body: body, sig: new(types.Signature)})
				}
				if c.stillLives(g, s.call, a, s.of) {
					c.report(a, "%s is overwritten although it was started here, and may live: wait for its end", text)
				}
			}
		}
	}
}

// mayBe reports whether a start and an assignment are of one object: the assignment is behind the
// start, or what they name is the same in each round of a loop.
func mayBe(behind bool, of ast.Expr) bool {
	varies := false
	ast.Inspect(of, func(n ast.Node) bool {
		_, index := n.(*ast.IndexExpr)
		varies = varies || index
		return true
	})
	return behind || !varies
}

// stillLives reports whether a path leads from a start to an assignment on which nothing is waited
// for, and the names mean the same.
func (c *check) stillLives(g *flow, start *ast.CallExpr, to *ast.AssignStmt, of ast.Expr) (lives bool) {
	names := map[*types.Var]bool{}
	ast.Inspect(of, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			if v := variable(c.TypesInfo, id); v != nil {
				names[v] = true
			}
		}
		return true
	})
	varies := false // a variable of a loop is another one in each round
	inspect(g.f.body, func(n ast.Node) bool {
		if r, ok := n.(*ast.RangeStmt); ok && to.Pos() < start.Pos() {
			for v := range names {
				varies = varies || within(v, r)
			}
		}
		return true
	})
	if varies {
		return false
	}
	if _, ok := g.where[start]; !ok {
		return false
	}
	g.walk(g.after(start), func(n ast.Node) bool {
		if n == to {
			lives = true
		}
		return !lives && !c.waits(n) && !c.renames(n, names)
	}, nil)
	return lives
}

// waits reports whether n waits for something, so that a task may have ended.
func (c *check) waits(n ast.Node) bool {
	call, ok := n.(*ast.CallExpr)
	if !ok || c.starts(call) {
		return false
	}
	if c.pends(call) {
		return true
	}
	name := ""
	switch f := ast.Unparen(call.Fun).(type) {
	case *ast.SelectorExpr:
		name = f.Sel.Name
	case *ast.Ident:
		name = f.Name
	}
	name = strings.ToLower(name)
	for _, word := range []string{"wait", "run", "close", "shutdown", "drain", "stop", "join", "done", "await", "settle", "step", "advance", "end", "finish"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}

// renames reports whether n gives one of the variables another value, by which they name another
// object.
func (c *check) renames(n ast.Node, names map[*types.Var]bool) bool {
	switch n := n.(type) {
	case *ast.AssignStmt:
		for _, e := range n.Lhs {
			if v := variable(c.TypesInfo, e); v != nil && names[v] && !hasFrame(v.Type()) {
				return true
			}
		}
	case *ast.IncDecStmt:
		v := variable(c.TypesInfo, n.X)
		return v != nil && names[v]
	case *ast.ValueSpec:
		for _, id := range n.Names {
			if v := variable(c.TypesInfo, id); v != nil && names[v] {
				return true
			}
		}
	}
	return false
}
