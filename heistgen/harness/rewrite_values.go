package harness

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// places puts what is declared with a value into an array, a slice or a struct.
func (e *edits) places() {
	wraps := map[*types.Var]string{} // how a use is written
	redeclared := map[*types.Var]bool{}
	ast.Inspect(e.file, func(n ast.Node) bool {
		if a, ok := n.(*ast.AssignStmt); ok && a.Tok == token.DEFINE {
			for _, l := range a.Lhs {
				if v, ok := e.info.Uses[l.(*ast.Ident)].(*types.Var); ok {
					redeclared[v] = true
				}
			}
		}
		return true
	})
	copied := map[ast.Stmt]bool{} // they declare a variable of which each iteration has its own
	ast.Inspect(e.file, func(n ast.Node) bool {
		if s, ok := n.(*ast.ForStmt); ok {
			copied[s.Init] = true
		}
		if c, ok := n.(*ast.CommClause); ok {
			if a, ok := c.Comm.(*ast.AssignStmt); ok && a.Tok == token.DEFINE {
				redeclared[e.info.Defs[a.Lhs[0].(*ast.Ident)].(*types.Var)] = true
			}
		}
		a, ok := n.(*ast.AssignStmt)
		if !ok || a.Tok != token.DEFINE || len(a.Lhs) != 1 || len(a.Rhs) != 1 {
			return true
		}
		v, ok := e.info.Defs[a.Lhs[0].(*ast.Ident)].(*types.Var)
		if !ok || redeclared[v] {
			return true
		}
		if _, wide := e.info.TypeOf(a.Rhs[0]).(*types.Tuple); wide {
			return true
		}
		t, ok := e.spell(v.Type())
		if !ok || e.local(v.Type()) {
			return true
		}
		e.made++
		kind := e.made % 4
		if copied[a] {
			kind %= 2 // a slice or a pointer would be the same in all iterations
		}
		var from, to string
		switch kind {
		case 0:
			from, to, wraps[v] = "([1]"+t+"{", "})", v.Name()+"[0]"
		case 1:
			from, to, wraps[v] = "(struct{ heistV "+t+" }{", "})", v.Name()+".heistV"
		case 2:
			from, to, wraps[v] = "([]"+t+"{", "})", v.Name()+"[0]"
		case 3:
			from, to, wraps[v] = "(&struct{ heistV "+t+" }{", "})", v.Name()+".heistV"
		}
		e.insert(a.Rhs[0].Pos(), from)
		e.insert(a.Rhs[0].End(), to)
		return true
	})
	ast.Inspect(e.file, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			if v, ok := e.info.Uses[id].(*types.Var); ok && wraps[v] != "" {
				e.replace(id, wraps[v])
			}
		}
		return true
	})
}

// pointers declares a pointer to each variable, behind it or where its scope begins.
func (e *edits) pointers() {
	type pointer struct {
		name     string
		from, to token.Pos
		uses     int
	}
	of := map[*types.Var]*pointer{}
	declare := func(ids []*ast.Ident, from, to token.Pos) (text string) {
		for _, id := range ids {
			v, ok := e.info.Defs[id].(*types.Var)
			if !ok || id.Name == "_" {
				continue
			}
			p := &pointer{name: e.fresh("P"), from: from, to: to}
			of[v] = p
			text += fmt.Sprintf("%s := &%s\n_ = %s\n", p.name, id.Name, p.name)
		}
		return text
	}
	idents := func(list []ast.Expr) (ids []*ast.Ident) {
		for _, x := range list {
			if id, ok := x.(*ast.Ident); ok {
				ids = append(ids, id)
			}
		}
		return ids
	}
	fields := func(l *ast.FieldList) (ids []*ast.Ident) {
		if l != nil {
			for _, f := range l.List {
				ids = append(ids, f.Names...)
			}
		}
		return ids
	}
	list := func(stmts []ast.Stmt, end token.Pos) {
		for _, s := range stmts {
			var ids []*ast.Ident
			switch s := s.(type) {
			case *ast.AssignStmt:
				if s.Tok == token.DEFINE {
					ids = idents(s.Lhs)
				}
			case *ast.DeclStmt:
				for _, sp := range s.Decl.(*ast.GenDecl).Specs {
					if vs, ok := sp.(*ast.ValueSpec); ok {
						ids = append(ids, vs.Names...)
					}
				}
			}
			if text := declare(ids, s.End(), end); text != "" {
				e.insert(s.End(), "\n"+strings.TrimSuffix(text, "\n"))
			}
		}
	}
	start := func(b *ast.BlockStmt, ids []*ast.Ident) {
		if text := declare(ids, b.Pos(), b.End()); text != "" {
			e.insert(b.Lbrace+1, "\n"+text)
		}
	}
	ast.Inspect(e.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Body != nil {
				start(n.Body, append(append(fields(n.Recv), fields(n.Type.Params)...), fields(n.Type.Results)...))
			}
		case *ast.FuncLit:
			start(n.Body, append(fields(n.Type.Params), fields(n.Type.Results)...))
		case *ast.ForStmt:
			if a, ok := n.Init.(*ast.AssignStmt); ok && a.Tok == token.DEFINE {
				start(n.Body, idents(a.Lhs))
			}
		case *ast.RangeStmt:
			if n.Tok == token.DEFINE {
				start(n.Body, idents([]ast.Expr{n.Key, n.Value}))
			}
		case *ast.BlockStmt:
			list(n.List, n.End())
		case *ast.CaseClause:
			list(n.Body, n.End())
		}
		return true
	})
	defines := map[*ast.Ident]bool{}
	ast.Inspect(e.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE {
				for _, id := range idents(n.Lhs) {
					defines[id] = true
				}
			}
		case *ast.Ident:
			v, ok := e.info.Uses[n].(*types.Var)
			if !ok || of[v] == nil || defines[n] {
				break
			}
			if p := of[v]; n.Pos() >= p.from && n.Pos() < p.to {
				if p.uses++; p.uses%2 == 1 {
					e.replace(n, "(*"+p.name+")")
				}
			}
		}
		return true
	})
}

// values wraps a third of the operands that are no constants and no places.
func (e *edits) values() {
	keep := map[ast.Expr]bool{} // what is assigned to, addressed, called, or is no value
	var place func(x ast.Expr)
	place = func(x ast.Expr) {
		keep[x] = true
		switch x := x.(type) {
		case *ast.ParenExpr:
			place(x.X)
		case *ast.IndexExpr:
			place(x.X)
		case *ast.SelectorExpr:
			place(x.X)
		}
	}
	pairs := func(lhs, rhs int, x ast.Expr) {
		if lhs != rhs {
			place(x) // v, ok := x
		}
	}
	var stack []ast.Node
	count := 0
	ast.Inspect(e.file, func(n ast.Node) bool {
		if n == nil {
			x, ok := stack[len(stack)-1].(ast.Expr)
			stack = stack[:len(stack)-1]
			if ok && keep[x] && e.wrapped[x] {
				e.insert(x.End(), ")")
			}
			return true
		}
		stack = append(stack, n)
		switch n := n.(type) {
		case *ast.GenDecl:
			if n.Tok != token.VAR || len(stack) == 2 {
				stack = stack[:len(stack)-1]
				return false
			}
		case *ast.FuncLit, *ast.FuncType, *ast.ArrayType, *ast.MapType, *ast.StructType, *ast.InterfaceType, *ast.ChanType:
			if ft, ok := n.(*ast.FuncLit); ok {
				keep[ft.Type] = true
			}
		case *ast.AssignStmt:
			for _, l := range n.Lhs {
				place(l)
			}
			if len(n.Rhs) == 1 {
				pairs(len(n.Lhs), 1, n.Rhs[0])
			}
			if n.Tok != token.ASSIGN && n.Tok != token.DEFINE {
				place(n.Lhs[0])
			}
		case *ast.ValueSpec:
			if len(n.Values) == 1 {
				pairs(len(n.Names), 1, n.Values[0])
			}
			if n.Type != nil {
				place(n.Type)
			}
		case *ast.IncDecStmt:
			place(n.X)
		case *ast.RangeStmt:
			for _, x := range []ast.Expr{n.Key, n.Value} {
				if x != nil {
					place(x)
				}
			}
			switch e.info.TypeOf(n.X).Underlying().(type) {
			case *types.Array:
				place(n.X)
			case *types.Signature:
				keep[n.X] = true // an iterator of slices, say, has to be seen
			}
		case *ast.UnaryExpr:
			if n.Op == token.AND || n.Op == token.ARROW {
				place(n.X)
			}
		case *ast.SliceExpr:
			if _, array := e.info.TypeOf(n.X).Underlying().(*types.Array); array {
				place(n.X)
			}
		case *ast.SelectorExpr:
			keep[n.Sel] = true
			if sel := e.info.Selections[n]; sel == nil || sel.Kind() != types.FieldVal {
				place(n.X)
			}
		case *ast.CallExpr:
			place(n.Fun)
			if e.info.Types[n.Fun].IsBuiltin() || e.info.Types[n.Fun].IsType() {
				for _, a := range n.Args {
					keep[a] = true // of len, say, which is constant at times
				}
			}
			if len(n.Args) == 1 {
				if _, wide := e.info.TypeOf(n.Args[0]).(*types.Tuple); wide {
					keep[n.Args[0]] = true
				}
			}
		case *ast.ExprStmt:
			keep[n.X] = true
		case *ast.DeferStmt:
			keep[n.Call] = true
		case *ast.GoStmt:
			keep[n.Call] = true
		case *ast.SendStmt, *ast.SelectStmt:
			stack = stack[:len(stack)-1]
			return false
		case *ast.CompositeLit:
			if n.Type == nil {
				keep[n] = true
			}
			if n.Type != nil {
				place(n.Type)
			}
		case *ast.TypeSwitchStmt:
			ast.Inspect(n.Assign, func(m ast.Node) bool {
				if a, ok := m.(*ast.TypeAssertExpr); ok {
					keep[a] = true
					return false
				}
				return true
			})
		case *ast.KeyValueExpr:
			keep[n] = true
			if id, ok := n.Key.(*ast.Ident); ok && e.info.Uses[id] != nil {
				if v, ok := e.info.Uses[id].(*types.Var); ok && v.IsField() {
					keep[id] = true
				}
			}
		case *ast.ReturnStmt:
			if len(n.Results) == 1 {
				if _, wide := e.info.TypeOf(n.Results[0]).(*types.Tuple); wide {
					keep[n.Results[0]] = true
				}
			}
		}
		x, ok := n.(ast.Expr)
		if !ok || keep[x] || !e.inFunction(stack) {
			return true
		}
		tv, ok := e.info.Types[x]
		if id, is := x.(*ast.Ident); is && !ok {
			if v, is := e.info.Uses[id].(*types.Var); is {
				tv, ok = types.TypeAndValue{Type: v.Type()}, true
			}
		} else if !tv.IsValue() {
			ok = false
		}
		if !ok || tv.Value != nil || tv.IsNil() || tv.Type == nil {
			return true
		}
		if b, basic := tv.Type.(*types.Basic); basic && b.Info()&types.IsUntyped != 0 {
			return true
		}
		if _, wide := tv.Type.(*types.Tuple); wide || e.uncertain(x) || toArray(tv.Type) {
			return true
		}
		if count++; count%3 == 1 {
			keep[x] = true
			e.wrapped[x] = true
			e.insert(x.Pos(), sameName+"(")
		}
		return true
	})
	e.insert(e.file.FileEnd, "\nfunc "+sameName+"[T any](v T) T {\n\treturn v\n}\n")
}

// toArray reports whether t is a pointer to an array. Those stay as they are: Go 1.26.8's compiler crashed with some that
// did not.
func toArray(t types.Type) bool {
	p, ok := t.Underlying().(*types.Pointer)
	if !ok {
		return false
	}
	_, ok = p.Elem().Underlying().(*types.Array)
	return ok
}

// uncertain reports whether a type comes from what is around x: that of a shifted constant, or of a generic function.
func (e *edits) uncertain(x ast.Expr) bool {
	return contains(x, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BinaryExpr:
			return (n.Op == token.SHL || n.Op == token.SHR) && e.info.Types[n.X].Value != nil
		case *ast.Ident:
			f, ok := e.info.Uses[n].(*types.Func)
			return ok && f.Signature().TypeParams() != nil
		}
		return false
	})
}

func (e *edits) inFunction(stack []ast.Node) bool {
	return slices.ContainsFunc(stack, func(n ast.Node) bool { _, ok := n.(*ast.BlockStmt); return ok })
}
