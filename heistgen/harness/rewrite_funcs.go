package harness

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"maps"
	"slices"
	"strings"
)

// named keeps results in variables, from which a deferred function takes them.
func (e *edits) named() {
	for _, fd := range e.funcs() {
		if fd.Type.Results.NumFields() == 0 || len(fd.Type.Results.List[0].Names) > 0 {
			continue
		}
		var names, kept []string
		text := ""
		for i, f := range fd.Type.Results.List {
			n, k := fmt.Sprintf("heistN%d", i), fmt.Sprintf("heistK%d", i)
			names, kept = append(names, n), append(kept, k)
			text += "\nvar " + k + " " + e.source(f.Type)
			if fd.Type.Results.Opening.IsValid() {
				e.insert(f.Type.Pos(), n+" ")
			} else {
				e.insert(f.Type.Pos(), "("+n+" ")
				e.insert(f.Type.End(), ")")
			}
		}
		lhs := strings.Join(kept, ", ")
		e.insert(fd.Body.Lbrace+1, fmt.Sprintf("%s\ndefer func() { %s = %s }()\n", text, strings.Join(names, ", "), lhs))
		within(fd.Body, func(n ast.Node) bool {
			if r, ok := n.(*ast.ReturnStmt); ok {
				e.cut(r.Pos(), r.Results[0].Pos(), "{ "+lhs+" = ")
				e.insert(r.End(), "; return }")
			}
			return true
		})
	}
}

// repanics recovers and panics again in each function.
func (e *edits) repanics() {
	for _, fd := range e.funcs() {
		e.insert(fd.Body.Lbrace+1, "\ndefer func() {\nif heistV := recover(); heistV != nil {\npanic(heistV)\n}\n}()\n")
	}
}

// plainFuncs are the functions of the package that may be something else, by their objects.
func (e *edits) plainFuncs() map[types.Object]*ast.FuncDecl {
	out := map[types.Object]*ast.FuncDecl{}
	for _, fd := range e.funcs() {
		if fd.Recv == nil && fd.Type.TypeParams == nil && fd.Name.Name != "main" && fd.Name.Name != "init" {
			out[e.info.Defs[fd.Name]] = fd
		}
	}
	return out
}

// sorted are the identifiers of a map in their order.
func sorted[T any](m map[*ast.Ident]T) []*ast.Ident {
	return slices.SortedFunc(maps.Keys(m), func(a, b *ast.Ident) int { return int(a.Pos() - b.Pos()) })
}

// methods makes methods of functions, with receivers of four kinds.
func (e *edits) methods() {
	funcs := e.plainFuncs()
	n := 0
	for _, fd := range e.funcs() {
		if funcs[e.info.Defs[fd.Name]] == nil {
			continue
		}
		switch n++; n % 4 {
		case 0:
			e.insert(fd.Name.Pos(), "(heistSelf *heistOwner) ")
		case 1:
			e.insert(fd.Name.Pos(), "(heistSelf heistOwner) ")
		case 2:
			e.insert(fd.Name.Pos(), "(heistSelf *heistInner) ")
		case 3:
			e.insert(fd.Name.Pos(), "(heistSelf heistInner) ")
		}
	}
	for _, id := range sorted(e.info.Uses) {
		if funcs[e.info.Uses[id]] != nil {
			e.insert(id.Pos(), "heistOwn.")
		}
	}
	e.insert(e.file.FileEnd, "\ntype heistInner struct{ heistA int }\n\ntype heistMiddle struct {\n\theistB string\n\theistInner\n}\n\ntype heistOwner struct {\n\t*heistMiddle\n\theistC int\n}\n\nvar heistOwn = heistOwner{&heistMiddle{}, 1}\n")
}

// generic gives functions a type parameter, which their bodies use to their end.
func (e *edits) generic() {
	funcs := e.plainFuncs()
	for o, fd := range funcs {
		if contains(fd, func(n ast.Node) bool { _, ok := n.(*ast.TypeSpec); return ok }) {
			delete(funcs, o) // its local types have other names then
		}
	}
	types := []string{"[int]", "[string]", "[error]"}
	for _, id := range sorted(e.info.Uses) {
		if funcs[e.info.Uses[id]] == nil {
			continue
		}
		e.made++
		arg := types[e.made%len(types)]
		for _, fd := range funcs {
			if id.Pos() > fd.Body.Pos() && id.Pos() < fd.End() && e.made%2 == 0 {
				arg = "[heistT]"
			}
		}
		if fd := funcs[e.info.Uses[id]]; id.Pos() > fd.Body.Pos() && id.Pos() < fd.End() {
			arg = "[heistT]" // of the same instance
		}
		e.insert(id.End(), arg)
	}
	for _, fd := range e.funcs() {
		if funcs[e.info.Defs[fd.Name]] == nil {
			continue
		}
		e.insert(fd.Name.End(), "[heistT any]")
		e.insert(fd.Body.Lbrace+1, "\nvar heistZ heistT\n_ = heistZ\n")
		within(fd.Body, func(n ast.Node) bool {
			if r, ok := n.(*ast.ReturnStmt); ok {
				e.insert(r.Pos(), "{ _ = heistZ; ")
				e.insert(r.End(), " }")
			}
			return true
		})
	}
}

// localNames are the names that variables get, as far as nothing else has them, globalNames those of what the package
// declares.
var (
	localNames  = strings.Fields("m d out err task machine new len string true append any at arg wait loop end done f recv false byte cap copy make recover bool context p t s result call At Call step heist iter ctx cx in v i k kid frame yield print float64 uint8 self stage delete clear min max int32 iota init")
	globalNames = strings.Fields("task machine context cap copy iter byte make stream min max clear delete reflect cx d m in out err real imag complex float64 step ctx call errors")
	labelNames  = strings.Fields("wait loop endfor suspend next done wait_2 end run body")
)

// names renames variables, labels, and what the package declares.
func (e *edits) names() {
	names := map[types.Object]string{}
	used := map[string]bool{}
	ast.Inspect(e.file, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			used[id.Name] = true
		}
		return true
	})
	free := slices.DeleteFunc(slices.Clone(globalNames), func(n string) bool { return used[n] })
	for _, n := range e.pkg.Scope().Names() {
		switch o := e.pkg.Scope().Lookup(n).(type) {
		case *types.Func, *types.Var, *types.Const:
			if n != "main" && len(free) > 0 {
				names[o], free = free[0], free[1:]
				used[names[o]] = true
			}
		}
	}
	for _, fd := range e.funcs() {
		free := slices.DeleteFunc(slices.Clone(localNames), func(n string) bool { return used[n] })
		labels := slices.Clone(labelNames)
		for _, id := range sorted(e.info.Defs) {
			if id.Pos() < fd.Pos() || id.Pos() >= fd.End() || id.Name == "_" {
				continue
			}
			switch o := e.info.Defs[id].(type) {
			case *types.Label:
				if len(labels) > 0 {
					names[o], labels = labels[0], labels[1:]
				}
			case *types.Var:
				if !o.IsField() && len(free) > 0 {
					names[o], free = free[0], free[1:]
				}
			}
		}
	}
	for _, ids := range []map[*ast.Ident]types.Object{e.info.Defs, e.info.Uses} {
		for _, id := range sorted(ids) {
			if n := names[ids[id]]; n != "" {
				e.replace(id, n)
			}
		}
	}
}

// hoists declares the variables of a function where it begins, each with a name of its own.
func (e *edits) hoists() {
	for _, fd := range e.funcs() {
		shared := e.shared(fd)
		names := map[types.Object]string{}
		text := ""
		// declare gives variables names, if all of them can be declared elsewhere.
		declare := func(list []ast.Expr) bool {
			var fresh []*types.Var
			for _, x := range list {
				id, ok := x.(*ast.Ident)
				if !ok || id.Name == "_" {
					continue
				}
				v, ok := e.info.Defs[id].(*types.Var)
				if !ok && e.info.Uses[id] != nil {
					continue // assigned to
				}
				if !ok || shared[v] || e.local(v.Type()) {
					return false
				}
				if _, ok := e.spell(v.Type()); !ok {
					return false
				}
				fresh = append(fresh, v)
			}
			for _, v := range fresh {
				names[v] = e.fresh("V")
				t, _ := e.spell(v.Type())
				text += "\nvar " + names[v] + " " + t
			}
			return true
		}
		written := map[*ast.Ident]bool{}
		within(fd.Body, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CommClause:
				return false
			case *ast.AssignStmt:
				if n.Tok == token.DEFINE && declare(n.Lhs) {
					e.cut(n.TokPos, n.TokPos+2, "=")
				}
			case *ast.RangeStmt:
				if n.Tok == token.DEFINE && declare([]ast.Expr{n.Key, n.Value}) {
					e.cut(n.TokPos, n.TokPos+2, "=")
				}
			case *ast.DeclStmt:
				d := n.Decl.(*ast.GenDecl)
				if d.Tok != token.VAR || len(d.Specs) != 1 || d.Lparen.IsValid() {
					break
				}
				s := d.Specs[0].(*ast.ValueSpec)
				var list []ast.Expr
				for _, id := range s.Names {
					list = append(list, id)
				}
				if !declare(list) {
					break
				}
				var to, zeros []string
				for _, id := range s.Names {
					written[id] = true
					to = append(to, "_")
					if v := names[e.info.Defs[id]]; v != "" {
						to[len(to)-1] = v
					}
					if s.Type != nil {
						zeros = append(zeros, "*new("+e.source(s.Type)+")")
					}
				}
				if set := strings.Join(to, ", ") + " = "; len(s.Values) > 0 {
					e.cut(n.Pos(), s.Values[0].Pos(), set)
				} else {
					e.replace(n, set+strings.Join(zeros, ", "))
				}
			}
			return true
		})
		e.insert(fd.Body.Lbrace+1, text+"\n")
		for _, ids := range []map[*ast.Ident]types.Object{e.info.Defs, e.info.Uses} {
			for _, id := range sorted(ids) {
				if n := names[ids[id]]; n != "" && !written[id] {
					e.replace(id, n)
				}
			}
		}
	}
}
