package rules

import (
	"go/ast"
	"go/types"
	"strings"
)

// LentBytes finds lent bytes that are kept.
var LentBytes = rule("lentbytes", `lent bytes that are kept beyond the poll

What Conn.Next, Conn.ReadUntil and Cx.Scratch return is the worker's, lent until Poll
returns: then another task reads into it. Builds with -race overwrite it.

Copy what has to stay: append(t.buf, b...), bytes.Clone(b), string(b).

A function lends if its comment says that the bytes are lent. The rule follows them through
assignments and slicing in the same function, not through calls.`, lentBytes)

func lentBytes(c *check) {
	for _, f := range c.funcs {
		c.lent(f)
	}
}

func (c *check) lent(f *fun) {
	lent := map[*types.Var]bool{}
	var is func(e ast.Expr) bool // e is lent bytes
	is = func(e ast.Expr) bool {
		switch e := ast.Unparen(e).(type) {
		case *ast.Ident:
			return lent[variable(c.TypesInfo, e)]
		case *ast.SliceExpr:
			return is(e.X)
		case *ast.CallExpr:
			g := callee(c.TypesInfo, e)
			return g != nil && c.of(g).Lends
		case *ast.CompositeLit: // has them inside
			for _, e := range e.Elts {
				if kv, ok := e.(*ast.KeyValueExpr); ok {
					e = kv.Value
				}
				if is(e) {
					return true
				}
			}
		case *ast.UnaryExpr:
			return is(e.X)
		}
		return false
	}
	keeps := func(e ast.Expr, where string) {
		if is(e) {
			c.report(e, "%s is lent until the poll returns, and is kept %s: copy it", types.ExprString(e), where)
		}
	}
	inspect(f.body, func(n ast.Node) bool { // in the order of the text
		switch n := n.(type) {
		case *ast.AssignStmt:
			for i, e := range n.Rhs {
				to := n.Lhs[0] // of several results, the first is the bytes
				if len(n.Lhs) == len(n.Rhs) {
					to = n.Lhs[i]
				}
				if v := variable(c.TypesInfo, to); v != nil && within(v, f.node) {
					lent[v] = is(e)
				} else if !blank(to) && c.stays(f, to) {
					keeps(e, "in "+types.ExprString(to))
				}
			}
		case *ast.ValueSpec:
			for i, e := range n.Values {
				if v := variable(c.TypesInfo, n.Names[i]); v != nil {
					lent[v] = is(e)
				}
			}
		case *ast.SendStmt:
			keeps(n.Value, "by who receives it")
		case *ast.GoStmt:
			for _, e := range n.Call.Args {
				keeps(e, "by a goroutine")
			}
		case *ast.CallExpr:
			c.hands(n, keeps)
		}
		return true
	})
}

// stays reports whether what is assigned to e outlives the poll: e is not a part of a local
// variable that is a struct or an array.
func (c *check) stays(f *fun, e ast.Expr) bool {
	v := root(c.TypesInfo, e)
	if v == nil || !within(v, f.node) {
		return true
	}
	if inPlace(v) { // a result, say
		return false
	}
	if !within(v, f.body) {
		return true
	}
	_, pointer := v.Type().Underlying().(*types.Pointer)
	return pointer
}

// hands looks at what a call keeps: an append of the slice itself, a value that is sent.
func (c *check) hands(call *ast.CallExpr, keeps func(ast.Expr, string)) {
	if isBuiltin(c.TypesInfo, call, "append") && !call.Ellipsis.IsValid() {
		for _, e := range call.Args[1:] {
			keeps(e, "in a slice")
		}
	}
	f := callee(c.TypesInfo, call)
	if f == nil || !library(f.Pkg()) || strings.HasPrefix(nameOf(f), "reactor.") {
		return
	}
	switch f.Name() {
	case "Send", "TrySend", "Set", "Resolve":
		for _, e := range call.Args {
			keeps(e, "by who receives it")
		}
	}
}
