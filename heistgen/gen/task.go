package gen

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// collect finds the functions of the unit's sources.
func (u *unit) collect() {
	u.funcs = map[*types.Func]*fun{}
	u.taken, u.tparams = map[string]bool{}, map[*types.TypeParam]string{}
	u.predeclared()
	for _, s := range u.sources {
		for _, d := range s.file.Decls {
			fd, ok := d.(*ast.FuncDecl)
			if !ok {
				if gd := d.(*ast.GenDecl); gd.Tok != token.IMPORT {
					u.refuse(d.Pos(), "a source holds straight-line functions only: this %s would be missing in the build without the tag. Move it to another file", gd.Tok)
				}
				continue
			}
			words := directive(fd.Doc)
			if words == nil && fd.Doc != nil && slices.ContainsFunc(fd.Doc.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "// heist:task") }) {
				u.refuse(fd.Pos(), "%s has a comment that begins with a space: write //heist:task without one", fd.Name.Name)
				continue
			}
			if words == nil {
				u.refuse(fd.Pos(), "%s stands in a source and has no //heist:task comment: add that, or move it to another file", fd.Name.Name)
				continue
			}
			if f := u.function(s, fd, words); f != nil {
				s.funcs = append(s.funcs, f)
				u.funcs[f.obj] = f
			}
		}
	}
}

func (u *unit) function(s *source, fd *ast.FuncDecl, words []string) *fun {
	obj, _ := u.TypesInfo.Defs[fd.Name].(*types.Func)
	if obj == nil {
		return nil
	}
	f := &fun{unit: u, src: s, decl: fd, obj: obj, sig: obj.Signature(), body: fd.Body, name: baseName(fd)}
	for _, w := range words[1:] {
		switch {
		case w == "drain":
			f.drain = true
		case strings.HasPrefix(w, "drain="):
			f.drain = true
			f.drains = strings.Split(strings.TrimPrefix(w, "drain="), ",")
		case w == "context":
			f.context = true
		case strings.HasPrefix(w, "name="):
		default:
			u.refuse(fd.Doc.Pos(), "//heist:task does not know %q: drain, context and name=… are what may follow", w)
		}
	}
	if fd.Body == nil {
		u.refuse(fd.Pos(), "%s has no body", fd.Name.Name)
		return nil
	}
	if fd.Name.Name == "_" || fd.Name.Name == "init" || fd.Name.Name == "main" && u.Name == "main" {
		u.refuse(fd.Name.Pos(), "%s cannot be a straight-line task: write one with another name and start it from here", fd.Name.Name)
		return nil
	}
	if !isOperation(f.sig) {
		u.refuse(fd.Pos(), "%s is no straight-line task: its first parameter has to be a *task.Cx, and its last result an error", fd.Name.Name)
		return nil
	}
	if r := f.sig.Recv(); r != nil {
		f.params = append(f.params, r)
		for tp := range f.sig.RecvTypeParams().TypeParams() {
			f.tparams = append(f.tparams, tp)
		}
	}
	for tp := range f.sig.TypeParams().TypeParams() {
		f.tparams = append(f.tparams, tp)
	}
	f.nameParams()
	f.parameters()
	if f.cx.Name() == "_" || f.cx.Name() == "" {
		u.refuse(fd.Type.Params.Pos(), "the *task.Cx of %s needs a name: cx", fd.Name.Name)
		return nil
	}
	for _, n := range []string{f.name + "Task", f.name + "Call", newName(f.name), f.name + "Seq"} {
		if o := u.Types.Scope().Lookup(n); o != nil && !u.generated(o.Pos()) || u.taken[n] {
			u.refuse(fd.Name.Pos(), "the output would declare %s, which there is already: write `//heist:task name=…` with another name than %s", n, f.name)
			return nil
		}
	}
	if f.context {
		n := fd.Name.Name + suffix
		var o types.Object
		if r := f.sig.Recv(); r != nil {
			o, _, _ = types.LookupFieldOrMethod(r.Type(), true, u.Types, n)
		} else {
			o = u.Types.Scope().Lookup(n)
		}
		if o != nil && !u.generated(o.Pos()) || f.sig.Recv() == nil && u.taken[n] {
			u.refuse(fd.Name.Pos(), "the version of %s for goroutines would be %s, which there is already: leave `context` out, or give it another name", fd.Name.Name, n)
			return nil
		}
		if f.sig.Recv() == nil {
			u.taken[n] = true
		}
	}
	u.taken[f.name+"Task"], u.taken[f.name+"Call"], u.taken[newName(f.name)], u.taken[f.name+"Seq"] = true, true, true, true
	return f
}

// borrowed are the predeclared names that outputs use beside those of types.
var borrowed = words("append error false int len new nil panic recover string true uint32")

// predeclared refuses what a package declares in the place of what outputs use.
func (u *unit) predeclared() {
	for _, n := range u.Types.Scope().Names() {
		if borrowed[n] {
			u.refuse(u.Types.Scope().Lookup(n).Pos(), "the output uses Go's own %s, which this hides in the whole package: give it another name", n)
		}
	}
}

// any is Go's, which packages from before it may have a type of their own for.
func (u *unit) any() string {
	if u.Types.Scope().Lookup("any") != nil {
		return "interface{}"
	}
	return "any"
}

// parameters sets what follows from the signature.
func (f *fun) parameters() {
	ps := f.sig.Params()
	f.cx = ps.At(0)
	for i := 1; i < ps.Len(); i++ {
		p := ps.At(i)
		if s, ok := p.Type().(*types.Signature); ok && i == ps.Len()-1 && p.Name() == "yield" && isYield(s) && f.decl != nil {
			f.yield, f.yields = p, s.Params().At(0).Type()
			continue
		}
		f.params = append(f.params, p)
	}
}

// told reports whether an operation is told that the task is to come to an end.
func (f *fun) told(call ast.Expr) bool {
	return f.drain && (len(f.drains) == 0 || slices.Contains(f.drains, calledName(call)))
}

// calledName is the name of what a call calls, without what it is of.
func calledName(call ast.Expr) string {
	c, ok := call.(*ast.CallExpr)
	if !ok {
		return ""
	}
	switch x := ast.Unparen(c.Fun).(type) {
	case *ast.Ident:
		return x.Name
	case *ast.SelectorExpr:
		return x.Sel.Name
	case *ast.IndexExpr:
		return calledName(&ast.CallExpr{Fun: x.X})
	case *ast.IndexListExpr:
		return calledName(&ast.CallExpr{Fun: x.X})
	}
	return ""
}

// untold refuses names of operations that there are not.
func (f *fun) untold() {
	for _, name := range f.drains {
		found := false
		ast.Inspect(f.body, func(n ast.Node) bool {
			c, ok := n.(*ast.CallExpr)
			found = found || ok && calledName(c) == name && f.waits(c) != never
			return !found
		})
		if !found {
			f.refuse(f.decl.Pos(), "drain=%s: %s waits for nothing by that name", name, f.display())
		}
	}
}

func isYield(s *types.Signature) bool {
	return s.Params().Len() == 1 && s.Results().Len() == 1 && !s.Variadic() && types.Identical(s.Results().At(0).Type(), types.Typ[types.Bool])
}

// generated reports whether pos is in the output of one of the sources.
func (u *unit) generated(pos token.Pos) bool {
	name := u.Fset.Position(pos).Filename
	for _, s := range u.sources {
		if s.output == name {
			return true
		}
	}
	return false
}

func isCx(t types.Type) bool {
	p, ok := types.Unalias(t).(*types.Pointer)
	if !ok {
		return false
	}
	n, ok := types.Unalias(p.Elem()).(*types.Named)
	return ok && n.Obj().Name() == "Cx" && n.Obj().Pkg() != nil && n.Obj().Pkg().Path() == taskPath
}

var errorType = types.Universe.Lookup("error").Type()

// isOperation reports whether a call of such a function may wait.
func isOperation(s *types.Signature) bool {
	n := s.Results().Len()
	return s.Params().Len() > 0 && isCx(s.Params().At(0).Type()) && n > 0 && types.Identical(s.Results().At(n-1).Type(), errorType) &&
		!(s.Variadic() && s.Params().Len() == 1)
}

// wait says how a call waits.
type wait int

const (
	never    wait = iota
	polled        // an operation: it is called again
	awaited       // a straight-line function: it has a frame
	several       // task.All or task.First
	yielding      // yield, in a generator
)

func callee(info *types.Info, call *ast.CallExpr) *types.Func {
	switch f := ast.Unparen(call.Fun).(type) {
	case *ast.Ident:
		o, _ := info.Uses[f].(*types.Func)
		return o
	case *ast.SelectorExpr:
		o, _ := info.Uses[f.Sel].(*types.Func)
		return o
	case *ast.IndexExpr:
		return callee(info, &ast.CallExpr{Fun: f.X})
	case *ast.IndexListExpr:
		return callee(info, &ast.CallExpr{Fun: f.X})
	}
	return nil
}

func isFrom(o types.Object, path, name string) bool {
	return o != nil && o.Pkg() != nil && o.Pkg().Path() == path && o.Name() == name
}

// waits says how the call waits, in f.
func (f *fun) waits(call *ast.CallExpr) wait {
	info := f.info()
	if tv := info.Types[call.Fun]; tv.IsType() || tv.IsBuiltin() {
		return never
	}
	if id, ok := ast.Unparen(call.Fun).(*ast.Ident); ok && f.yield != nil && info.Uses[id] == f.yield {
		return yielding
	}
	o := callee(info, call)
	if o != nil && f.unit.machineOf(o) != nil {
		return awaited
	}
	sig, ok := coreOf(info.TypeOf(call.Fun)).(*types.Signature)
	if !ok {
		return never
	}
	if o != nil && (isFrom(o, taskPath, "All") || isFrom(o, taskPath, "First")) && o.Signature().Recv() == nil {
		for _, a := range call.Args {
			if c, ok := ast.Unparen(a).(*ast.CallExpr); ok && f.waits(c) != never {
				return several
			}
		}
		return never
	}
	if isOperation(sig) {
		return polled
	}
	if o != nil && (isFrom(o, taskPath, "Yield") || isFrom(o, taskPath, "Spend")) && sig.Params().Len() == 0 {
		if r := o.Signature().Recv(); r != nil && isCx(r.Type()) {
			return polled
		}
	}
	return never
}

// coreOf is the underlying type, or that of all types of a type parameter.
func coreOf(t types.Type) types.Type {
	t = types.Unalias(t)
	tp, ok := t.(*types.TypeParam)
	if !ok {
		return t.Underlying()
	}
	var core types.Type
	ok = true
	eachTerm(tp.Constraint(), func(t types.Type) {
		u := t.Underlying()
		if core == nil {
			core = u
		} else if !types.Identical(core, u) {
			ok = false
		}
	})
	if core == nil || !ok {
		return t.Underlying()
	}
	return core
}

func eachTerm(t types.Type, do func(types.Type)) {
	i, ok := t.Underlying().(*types.Interface)
	if !ok {
		do(t)
		return
	}
	for e := range i.EmbeddedTypes() {
		switch e := types.Unalias(e).(type) {
		case *types.Union:
			for term := range e.Terms() {
				eachTerm(term.Type(), do)
			}
		default:
			if _, ok := e.Underlying().(*types.Interface); ok {
				eachTerm(e, do)
			} else {
				do(e)
			}
		}
	}
}

// survey finds what waits in the body: all nodes on the way to a wait, the function literals
// that are functions of their own, and who is awaited.
func (f *fun) survey() {
	f.flat = map[ast.Node]bool{}
	f.awaits = map[*types.Func]token.Pos{}
	f.machines = map[*ast.FuncLit]*fun{}
	bounded := map[*ast.FuncLit]bool{}
	info := f.info()
	var stack []ast.Node
	ast.Inspect(f.body, func(n ast.Node) bool {
		if n == nil {
			stack = stack[:len(stack)-1]
			return true
		}
		switch n := n.(type) {
		case *ast.FuncLit:
			f.literal(n)
			if l := f.machines[n]; l != nil {
				l.bounded = bounded[n]
			}
			return false
		case *ast.RangeStmt:
			if f.generatorRange(n) != nil {
				f.flat[n], f.flat[n.Body] = true, true
				for _, up := range stack {
					f.flat[up] = true
				}
				f.exits(n.Body)
			}
		case *ast.CallExpr:
			w := f.waits(n)
			if w == awaited {
				o := callee(info, n).Origin()
				if _, ok := f.awaits[o]; !ok {
					f.awaits[o] = n.Pos()
				}
			}
			if w != never {
				f.flat[n] = true
				for _, up := range stack {
					f.flat[up] = true
				}
			}
			if w == polled && isCombinator(f.receiverOf(n)) {
				for _, a := range n.Args {
					if lit, ok := ast.Unparen(a).(*ast.FuncLit); ok {
						bounded[lit] = true
					}
				}
			}
			if w == several {
				for _, a := range n.Args {
					if c, ok := ast.Unparen(a).(*ast.CallExpr); ok && f.waits(c) == awaited {
						f.refuse(c.Pos(), "%s cannot be awaited beside others: start it in a task.Group, and wait for that", types.ExprString(c.Fun))
					} else if ok && f.waits(c) == polled && f.isValue(c.Fun) {
						f.refuse(c.Pos(), "%s is a function value, which would be called again when it has returned and others have not: use combine.All", types.ExprString(c.Fun))
					} else if ok && f.waits(c) == polled && callee(info, n).Name() == "All" && f.unit.callsOf().Consumes(c) {
						f.refuse(c.Pos(), "%s would begin again when it is over and others are not: use combine.All", types.ExprString(c.Fun))
					}
				}
			}
		}
		stack = append(stack, n)
		return true
	})
}

// receiverOf is the type whose method a call calls, or nil.
func (f *fun) receiverOf(c *ast.CallExpr) types.Type {
	s, ok := ast.Unparen(c.Fun).(*ast.SelectorExpr)
	if !ok {
		return nil
	}
	if sel := f.info().Selections[s]; sel != nil && sel.Kind() == types.MethodVal {
		return recvOf(sel)
	}
	return nil
}

// isCombinator reports whether t is a combinator, or a pointer to one: when one of its operations is over, or has
// panicked and End was called, nothing is left of what it was given.
func isCombinator(t types.Type) bool {
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	n, ok := types.Unalias(t).(*types.Named)
	if !ok || n.Obj().Pkg() == nil || n.Obj().Pkg().Path() != combinePath {
		return false
	}
	_, ok = n.Underlying().(*types.Struct)
	return ok
}

// rests reports whether a variable of type t may be in a frame, where others have its place before and after: a
// combinator, or a timer that sleeps. At rest it points to nothing but what its exported fields do.
func rests(t types.Type) bool {
	n, ok := types.Unalias(t).(*types.Named)
	return ok && (isCombinator(t) || isFrom(n.Obj(), taskPath, "Timer"))
}

// combinators returns the fields of f that are combinators, or what they are given: a panic ends them before others
// have their places.
func (f *fun) combinators() (list []*slot) {
	for _, s := range f.order {
		if s.frame && s.rests && s.shares == nil && isCombinator(s.typ) {
			list = append(list, s)
		}
	}
	return list
}

// leaves reports whether a panic may leave something behind in f's frame.
func (f *fun) leaves() bool { return len(f.insides()) > 0 || len(f.combinators()) > 0 }

// insides returns the literals whose frames are in that of f.
func (f *fun) insides() (list []*fun) {
	for _, l := range f.lits {
		if l.bounded {
			list = append(list, l)
		}
	}
	return list
}

// isValue reports whether e is a function that is no declared one: a variable, a field, a literal.
func (f *fun) isValue(e ast.Expr) bool { return callee(f.info(), &ast.CallExpr{Fun: e}) == nil }

// exits marks what leaves the body of a range over a generator, which it closes.
func (f *fun) exits(body *ast.BlockStmt) {
	var stack []ast.Node
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case nil:
			stack = stack[:len(stack)-1]
			return true
		case *ast.FuncLit:
			return false
		case *ast.ReturnStmt:
			f.flat[n] = true
		case *ast.BranchStmt:
			f.flat[n] = n.Label != nil // the others leave it by its end, or do not leave it
		}
		stack = append(stack, n)
		if f.flat[n] {
			for _, up := range stack {
				f.flat[up] = true
			}
		}
		return true
	})
}

// literal decides whether a function literal is a function of its own. It is if it waits.
func (f *fun) literal(lit *ast.FuncLit) {
	sig, _ := f.info().TypeOf(lit).(*types.Signature)
	if sig == nil {
		return
	}
	if !isOperation(sig) {
		// Literals in it may be.
		ast.Inspect(lit.Body, func(n ast.Node) bool {
			if inner, ok := n.(*ast.FuncLit); ok {
				f.literal(inner)
				return false
			}
			return true
		})
		return
	}
	l := &fun{unit: f.unit, src: f.src, lit: lit, outer: f, sig: sig, body: lit.Body, tparams: f.tparams, drain: f.drain, drains: f.drains}
	l.parameters()
	l.survey()
	if len(l.flat) == 0 {
		f.lits = append(f.lits, l.lits...) // it is an operation as it stands
		for n, m := range l.machines {
			f.machines[n] = m
		}
		return
	}
	f.lits = append(f.lits, l)
	f.machines[lit] = l
}

// captives lists the variables from outside that a literal uses.
func (f *fun) captives() {
	seen := map[*types.Var]bool{}
	info := f.info()
	ast.Inspect(f.lit, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if !ok {
			return true
		}
		v, ok := info.Uses[id].(*types.Var)
		if !ok || v.IsField() || v.Pkg() == nil || v.Parent() == v.Pkg().Scope() || seen[v] {
			return true
		}
		if v.Pos() >= f.lit.Pos() && v.Pos() < f.lit.End() {
			return true
		}
		seen[v] = true
		f.captive = append(f.captive, v)
		return true
	})
}
