package harness

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// Forms that are written before anything is a task: the program is another one then, of plain Go, which does the same.
const (
	Gotos     Form = "gotos"     // a loop is labels and jumps
	Switches  Form = "switches"  // an if is a switch
	Iterators Form = "iterators" // a range over a slice or a map is one over its iterator
	Parts     Form = "parts"     // a statement is a function, which gets the variables and returns them
	Hoists    Form = "hoists"    // a variable is declared where its function begins
	Places    Form = "places"    // a variable is an element of an array or a slice, or a field
	Pointers  Form = "pointers"  // every other use of a variable is by a pointer to it
	Values    Form = "values"    // operands of all kinds go through a function
	Named     Form = "named"     // a deferred function gives the results their values
	Repanics  Form = "repanics"  // a deferred function recovers each panic, and raises it again
	Methods   Form = "methods"   // functions are methods, some of them promoted
	Generic   Form = "generic"   // functions have a type parameter
	Names     Form = "names"     // what is declared has names that the generator and the library use, or predeclared ones
	Drain     Form = "drain"     // tasks are marked to be told of the end
)

// sameName is a function that returns what it gets, and waits in tasks.
const sameName = "heistSame"

var rewrites = []struct {
	form Form
	do   func(*edits)
}{
	{Tails, (*edits).heads}, {Tails, (*edits).tails}, {Gotos, (*edits).gotos}, {Switches, (*edits).switches}, {Iterators, (*edits).iterators}, {Parts, (*edits).parts},
	{Hoists, (*edits).hoists}, {Places, (*edits).places}, {Pointers, (*edits).pointers}, {Values, (*edits).values}, {Named, (*edits).named},
	{Repanics, (*edits).repanics}, {Methods, (*edits).methods}, {Generic, (*edits).generic}, {Names, (*edits).names},
}

// rewrite writes a program in those of the forms that are plain Go.
func rewrite(name string, text []byte, forms []Form) ([]byte, error) {
	for _, r := range rewrites {
		if !slices.Contains(forms, r.form) {
			continue
		}
		e, err := newEdits(name, text)
		if err != nil {
			return nil, err
		}
		r.do(e)
		text = e.apply()
		if _, err := newEdits(name, text); err != nil {
			return nil, Why(fmt.Sprintf("it cannot be written with %s: %v", r.form, err))
		}
	}
	return text, nil
}

// fresh returns a name that nothing else has.
func (e *edits) fresh(prefix string) string {
	e.made++
	return fmt.Sprintf("heist%s%d", prefix, e.made)
}

// funcs are the functions with a body.
func (e *edits) funcs() (list []*ast.FuncDecl) {
	for _, d := range e.file.Decls {
		if fd, ok := d.(*ast.FuncDecl); ok && fd.Body != nil && fd.Name.Name != "_" {
			list = append(list, fd)
		}
	}
	return list
}

// within calls do for what is in n, but not in function literals.
func within(n ast.Node, do func(ast.Node) bool) {
	ast.Inspect(n, func(m ast.Node) bool {
		if _, lit := m.(*ast.FuncLit); lit && m != n {
			return false
		}
		return m == nil || do(m)
	})
}

func contains(n ast.Node, is func(ast.Node) bool) (yes bool) {
	ast.Inspect(n, func(m ast.Node) bool {
		yes = yes || m != nil && is(m)
		return !yes
	})
	return yes
}

func isLit(n ast.Node) bool { _, ok := n.(*ast.FuncLit); return ok }

func isAddress(n ast.Node) bool { u, ok := n.(*ast.UnaryExpr); return ok && u.Op == token.AND }

// jumps returns the break and continue statements that go to a loop, or break a switch.
func jumps(body ast.Stmt, label string) (list []*ast.BranchStmt) {
	var visit func(n ast.Node, brk, cont bool)
	visit = func(n ast.Node, brk, cont bool) {
		within(n, func(m ast.Node) bool {
			if m == n {
				return true
			}
			switch m := m.(type) {
			case *ast.BranchStmt:
				named := m.Label != nil && label != "" && m.Label.Name == label
				if m.Tok == token.BREAK && (named || m.Label == nil && brk) || m.Tok == token.CONTINUE && (named || m.Label == nil && cont) {
					list = append(list, m)
				}
			case *ast.ForStmt, *ast.RangeStmt:
				visit(m, false, false)
				return false
			case *ast.SwitchStmt, *ast.TypeSwitchStmt, *ast.SelectStmt:
				visit(m, false, cont)
				return false
			}
			return true
		})
	}
	visit(body, true, true)
	return list
}

// gotos writes loops as labels and jumps.
func (e *edits) gotos() {
	labels := map[ast.Stmt]*ast.LabeledStmt{}
	gone := map[string]bool{} // labels that goto statements name
	ast.Inspect(e.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.LabeledStmt:
			labels[n.Stmt] = n
		case *ast.BranchStmt:
			if n.Tok == token.GOTO {
				gone[n.Label.Name] = true
			}
		}
		return true
	})
	ast.Inspect(e.file, func(n ast.Node) bool {
		s, ok := n.(*ast.ForStmt)
		if !ok || s.Init != nil && contains(s, func(n ast.Node) bool { return isLit(n) || isAddress(n) }) {
			return true // each iteration has variables of its own
		}
		label, l := "", labels[s]
		if l != nil {
			label = l.Label.Name
			if !gone[label] {
				e.cut(l.Pos(), s.Pos(), "")
			}
		}
		head, next, end := e.fresh("Loop"), e.fresh("Next"), e.fresh("End")
		continues, ends := false, s.Cond != nil
		for _, b := range jumps(s.Body, label) {
			to := end
			if b.Tok == token.CONTINUE {
				continues, to = true, next
			} else {
				ends = true
			}
			e.replace(b, "goto "+to)
		}
		text := "{\n"
		if s.Init != nil {
			text += e.source(s.Init) + "\n"
		}
		text += head + ":\n"
		if s.Cond != nil {
			text += "if !(" + e.source(s.Cond) + ") {\ngoto " + end + "\n}\n"
		}
		e.cut(s.Pos(), s.Body.Pos(), text)
		text = "\n"
		if continues {
			text += next + ":\n"
		}
		if s.Post != nil {
			text += e.source(s.Post) + "\n"
		}
		text += "goto " + head + "\n"
		if ends {
			text += end + ":\n"
		}
		e.insert(s.Body.End(), text+"}")
		return true
	})
}

// switches writes an if as a switch without a tag.
func (e *edits) switches() {
	ast.Inspect(e.file, func(n ast.Node) bool {
		s, ok := n.(*ast.IfStmt)
		if !ok {
			return true
		}
		for _, b := range jumps(&ast.BlockStmt{List: []ast.Stmt{s}}, "") {
			if b.Tok == token.BREAK {
				return true
			}
		}
		e.cut(s.Pos(), s.Pos()+2, "switch")
		if s.Init != nil {
			e.cut(s.Init.End(), s.Cond.Pos(), "; ")
		}
		e.insert(s.Cond.Pos(), "{\ncase ")
		e.insert(s.Cond.End(), ":\n")
		if s.Else != nil {
			e.cut(s.Body.End(), s.Else.Pos(), "\ndefault:\n")
		}
		e.insert(s.End(), "\n}")
		return true
	})
}

// use makes the file import a package, and returns its name.
func (e *edits) use(path string) string {
	name := "heist" + strings.ToUpper(path[:1]) + path[1:]
	if !e.used[name] {
		e.used[name] = true
		e.insert(e.file.Name.End(), fmt.Sprintf("\nimport %s %q\n", name, path))
	}
	return name
}

// iterators ranges over slices.All and maps.All, or maps.Keys.
func (e *edits) iterators() {
	ast.Inspect(e.file, func(n ast.Node) bool {
		s, ok := n.(*ast.RangeStmt)
		if !ok || s.Key == nil || s.Tok == token.ASSIGN {
			return true // a[i] would have the i of before
		}
		path, fn := "", "All"
		switch e.info.TypeOf(s.X).Underlying().(type) {
		case *types.Slice:
			path = "slices"
		case *types.Map:
			path = "maps"
			if s.Value == nil {
				fn = "Keys"
			}
		}
		if path == "" || e.info.Types[s.X].IsNil() {
			return true
		}
		e.insert(s.X.Pos(), e.use(path)+"."+fn+"(")
		e.insert(s.X.End(), ")")
		return true
	})
}

// locals are the variables that a function declares, with its parameters, in their order.
func (e *edits) locals(fd ast.Node) (list []*types.Var) {
	ast.Inspect(fd, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && id.Name != "_" {
			if v, ok := e.info.Defs[id].(*types.Var); ok && !v.IsField() && v.Parent() != e.pkg.Scope() {
				list = append(list, v)
			}
		}
		return true
	})
	return list
}

// shared are the variables that function literals use, and those whose addresses are taken.
func (e *edits) shared(fd *ast.FuncDecl) map[*types.Var]bool {
	out := map[*types.Var]bool{}
	all := func(n ast.Node) {
		ast.Inspect(n, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				if v, ok := e.info.ObjectOf(id).(*types.Var); ok {
					out[v] = true
				}
			}
			return true
		})
	}
	ast.Inspect(fd, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			all(n)
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				all(n.X)
			}
		case *ast.SliceExpr:
			if _, array := e.info.TypeOf(n.X).Underlying().(*types.Array); array {
				all(n.X)
			}
		case *ast.SelectorExpr:
			if sel := e.info.Selections[n]; sel != nil && sel.Kind() != types.FieldVal {
				all(n.X)
			}
		case *ast.DeferStmt:
			all(n.Call)
		}
		return true
	})
	return out
}

// heads writes the first statement of a loop before it, where each iteration need not have variables of its own.
func (e *edits) heads() {
	labelled := map[ast.Stmt]bool{}
	ast.Inspect(e.file, func(n ast.Node) bool {
		if l, ok := n.(*ast.LabeledStmt); ok {
			labelled[l.Stmt] = true
		}
		s, ok := n.(*ast.ForStmt)
		if !ok || s.Init == nil || labelled[s] || contains(s, func(n ast.Node) bool { return isLit(n) || isAddress(n) }) {
			return true
		}
		e.cut(s.Pos(), s.Init.End(), "{\n"+e.source(s.Init)+"\nfor ")
		e.insert(s.End(), "\n}")
		return true
	})
}

// tails makes functions that call themselves of loops.
func (e *edits) tails() {
	e.apart(func(s ast.Stmt) bool {
		f, ok := s.(*ast.ForStmt)
		return ok && f.Init == nil && f.Cond != nil && len(jumps(f.Body, "")) == 0
	}, func(s ast.Stmt, name, list string) string {
		f := s.(*ast.ForStmt)
		post := ""
		if f.Post != nil {
			post = e.source(f.Post) + "\n"
		}
		return fmt.Sprintf("if !(%s) {\nreturn %s\n}\n%s\n%sreturn %s(%s)", e.source(f.Cond), list, e.source(f.Body), post, name, list)
	})
}

// parts makes functions of statements, the outermost that can be.
func (e *edits) parts() {
	e.apart(func(ast.Stmt) bool { return true }, func(s ast.Stmt, _, list string) string { return e.source(s) + "\nreturn " + list })
}

// apart makes functions of those statements which are chosen, the outermost that can be. body writes what such a function
// does, with its name and the variables that it gets and returns.
func (e *edits) apart(chosen func(ast.Stmt) bool, body func(s ast.Stmt, name, list string) string) {
	for _, fd := range e.funcs() {
		if fd.Type.TypeParams != nil || fd.Recv != nil {
			continue
		}
		shared := e.shared(fd)
		results := map[*types.Var]bool{}
		if fd.Type.Results != nil {
			for _, v := range e.locals(fd.Type.Results) {
				results[v] = true
			}
		}
		within(fd.Body, func(n ast.Node) bool {
			s, ok := n.(ast.Stmt)
			if !ok {
				return true
			}
			switch s := s.(type) {
			case *ast.IfStmt:
				if _, elses := s.Else.(*ast.IfStmt); elses {
					return false
				}
				return !chosen(s) || !e.part(fd, s, shared, results, body)
			case *ast.ForStmt, *ast.RangeStmt, *ast.SwitchStmt, *ast.TypeSwitchStmt:
				return !chosen(s) || !e.part(fd, s, shared, results, body)
			case *ast.LabeledStmt:
				return false
			}
			return true
		})
	}
}

// part makes a function of a statement, and reports whether it can: nothing leaves the statement, and nobody else looks
// at its variables while it runs.
func (e *edits) part(fd *ast.FuncDecl, s ast.Stmt, shared, results map[*types.Var]bool, body func(s ast.Stmt, name, list string) string) bool {
	fits := true
	var names, params []string
	seen := map[*types.Var]bool{}
	ast.Inspect(s, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit, *ast.ReturnStmt, *ast.LabeledStmt, *ast.DeferStmt, *ast.GoStmt, *ast.SelectStmt:
			fits = false
		case *ast.BranchStmt:
			fits = fits && n.Label == nil && n.Tok != token.GOTO
		case *ast.CallExpr:
			if id, ok := n.Fun.(*ast.Ident); ok && id.Name == "recover" {
				fits = false
			}
		case *ast.Ident:
			o := e.info.Uses[n]
			if o == nil || o.Parent() == nil || o.Pkg() != e.pkg || o.Parent() == e.pkg.Scope() || o.Pos() >= s.Pos() && o.Pos() < s.End() {
				break
			}
			if _, imported := o.(*types.PkgName); imported {
				break
			}
			v, ok := o.(*types.Var)
			if !ok || shared[v] || results[v] {
				fits = false
				break
			}
			if !seen[v] {
				seen[v] = true
				t, ok := e.spell(v.Type())
				fits = fits && ok && !e.local(v.Type())
				names = append(names, n.Name)
				params = append(params, n.Name+" "+t)
			}
		}
		return true
	})
	if _, loop := s.(*ast.ForStmt); !loop {
		if _, loop := s.(*ast.RangeStmt); !loop {
			fits = fits && len(jumps(&ast.BlockStmt{List: []ast.Stmt{s}}, "")) == 0
		}
	}
	if !fits {
		return false
	}
	for _, n := range names {
		fits = fits && e.pkg.Scope().Lookup(n) == nil && types.Universe.Lookup(n) == nil
	}
	if !fits {
		return false
	}
	name := e.fresh("Part")
	list := strings.Join(names, ", ")
	all := make([]string, len(params))
	for i, p := range params {
		all[i] = p[len(names[i])+1:]
	}
	if len(names) == 0 {
		e.replace(s, name+"()")
	} else {
		e.replace(s, list+" = "+name+"("+list+")")
	}
	e.insert(e.file.FileEnd, fmt.Sprintf("\nfunc %s(%s) (%s) {\n%s\n}\n", name, strings.Join(params, ", "), strings.Join(all, ", "), body(s, name, list)))
	return true
}

// local reports whether a type may have one in it that a function declares.
func (e *edits) local(t types.Type) bool {
	yes := false
	var visit func(types.Type, int)
	visit = func(t types.Type, depth int) {
		if depth > 8 {
			return
		}
		switch t := t.(type) {
		case *types.Named:
			yes = yes || t.Obj().Pkg() != nil && t.Obj().Parent() != t.Obj().Pkg().Scope()
			for a := range t.TypeArgs().Types() {
				visit(a, depth+1)
			}
		case *types.Alias:
			yes = yes || t.Obj().Pkg() != nil && t.Obj().Parent() != t.Obj().Pkg().Scope()
		case *types.TypeParam:
			yes = true
		case *types.Pointer:
			visit(t.Elem(), depth+1)
		case *types.Slice:
			visit(t.Elem(), depth+1)
		case *types.Array:
			visit(t.Elem(), depth+1)
		case *types.Chan:
			visit(t.Elem(), depth+1)
		case *types.Map:
			visit(t.Key(), depth+1)
			visit(t.Elem(), depth+1)
		case *types.Signature:
			for v := range t.Params().Variables() {
				visit(v.Type(), depth+1)
			}
			for v := range t.Results().Variables() {
				visit(v.Type(), depth+1)
			}
		case *types.Struct, *types.Interface:
			yes = true // not looked into
		}
	}
	visit(t, 0)
	return yes
}
