package rules

import (
	"go/ast"
	"go/types"
)

// LostPut finds parts of a computation that nobody joins.
var LostPut = rule("lostput", `a Put of pool.Fork without its join

Put offers a part of the work, and returns the position at which to go on. If that is
dropped, the next Put overwrites the part. If neither Kept nor Take follows on the position
of the Put, the part may have been taken by somebody, and its result is lost; or by nobody,
and it is not computed.

	g := f.Put(right)
	x := work(g, left)
	if f.Kept() { return x + work(f, right) }
	return x + f.Take(right)

A function that hands its position to another one, or to a closure, is let pass: that may
join. So is an Offer whose position is dropped: who offers one part at a time needs no other.`, lostPut)

func lostPut(c *check) {
	for _, file := range c.Files {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Body != nil {
					c.puts(n, n.Body, c.TypesInfo.Defs[n.Name])
				}
			case *ast.FuncLit:
				c.puts(n, n.Body, nil)
			case *ast.ExprStmt:
				c.loses(n.X)
			case *ast.AssignStmt:
				for i, e := range n.Rhs {
					if len(n.Lhs) == len(n.Rhs) && blank(n.Lhs[i]) {
						c.loses(e)
					}
				}
			}
			return true
		})
	}
}

func (c *check) put(e ast.Expr) *ast.CallExpr {
	call, _ := ast.Unparen(e).(*ast.CallExpr)
	if call != nil && is(callee(c.TypesInfo, call), "pool/fork.Fork.Put", "pool/fork.Fork.Offer") {
		return call
	}
	return nil
}

func (c *check) loses(e ast.Expr) {
	if call := c.put(e); call != nil && is(callee(c.TypesInfo, call), "pool/fork.Fork.Put") {
		c.report(call, "go on with the position that %s returns", types.ExprString(call.Fun))
	}
}

// puts looks for a position of the function's own at which it puts, and does not join.
func (c *check) puts(self ast.Node, body *ast.BlockStmt, name types.Object) {
	put := map[*types.Var]*ast.CallExpr{}
	joined := map[*types.Var]bool{}
	copies := map[*types.Var]*types.Var{}
	inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if c.put(n) != nil {
				if v := c.position(n); v != nil && within(v, self) && put[v] == nil {
					put[v] = n
				}
				return true
			}
			for _, e := range n.Args { // who is given it may join, but not the function itself
				if v := variable(c.TypesInfo, e); v != nil && types.Object(callee(c.TypesInfo, n)) != name {
					joined[v] = true
				}
			}
			if is(callee(c.TypesInfo, n), "pool/fork.Fork.Kept", "pool/fork.Fork.Take", "pool/fork.Fork.Nth") {
				if v := c.position(n); v != nil {
					joined[v] = true
				}
			}
		case *ast.AssignStmt:
			for i, e := range n.Rhs {
				if v, of := variable(c.TypesInfo, n.Lhs[i]), variable(c.TypesInfo, e); v != nil && of != nil {
					copies[v] = of
				}
			}
		case *ast.ReturnStmt: // the caller may join
			for _, e := range n.Results {
				if v := variable(c.TypesInfo, e); v != nil {
					joined[v] = true
				}
			}
		case *ast.FuncLit: // it may join, too
			ast.Inspect(n, func(n ast.Node) bool {
				if id, ok := n.(*ast.Ident); ok {
					if v, ok := c.TypesInfo.Uses[id].(*types.Var); ok {
						joined[v] = true
					}
				}
				return true
			})
		}
		return true
	})
	for v, call := range put {
		if !joined[v] && !joined[copies[v]] {
			c.report(call, "%s puts a part that nobody joins: call %s.Kept, or Take", types.ExprString(call.Fun), v.Name())
		}
	}
}

// position returns the variable at the beginning of f.Put(a).Put(b).
func (c *check) position(call *ast.CallExpr) *types.Var {
	for {
		s, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
		if !ok {
			return nil
		}
		next, ok := ast.Unparen(s.X).(*ast.CallExpr)
		if !ok {
			return variable(c.TypesInfo, s.X)
		}
		call = next
	}
}
