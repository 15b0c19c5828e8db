package gen

import (
	"fmt"
	"go/ast"
	"go/types"
	"slices"
	"strings"
)

// This file writes the version of a function for goroutines: its source, with a context where
// the *task.Cx was. A wait becomes a call of its twin, which has the same name with Context behind
// it, or is done by the goroutine's agent: see machine.Agent.

// color is what the writer of a version for goroutines knows.
type color struct {
	of     *fun       // the function as it was lowered
	ctx    string     // the name of its context
	agent  bool       // something is done by the agent
	does   []ast.Expr // what that is
	awaits []*fun     // functions of this package whose versions are called
	*namesOfColor
}

// namesOfColor are the names in a version for goroutines that the source has not where they stand: those of types and
// packages. A variable of the source that hides one of them has another name there.
type namesOfColor struct {
	written map[string]bool
	given   map[string]string // to variables, by their own
}

// suffix is what the twin of an operation has behind its name.
const suffix = "Context"

// goroutines writes the version of f for goroutines.
func (o *output) goroutines(f *fun) {
	w := f.colored(o)
	body := w.b.String()
	doc := ""
	if d := f.docText(); d != "" {
		doc = "//\n" + d
	}
	recv, tp := "", ""
	if f.decl.Recv != nil {
		r := f.decl.Recv.List[0]
		name := ""
		if len(r.Names) > 0 {
			name = r.Names[0].Name + " "
		}
		recv = "(" + name + w.expr(r.Type) + ") "
	} else {
		tp = w.typeParams()
	}
	o.p("// %s is %s for goroutines: it blocks.\n%sfunc %s%s%s%s {\n", f.decl.Name.Name+suffix, f.display(), doc, recv, f.decl.Name.Name+suffix, tp, w.underContext(f.decl.Type))
	if f.needsAgent(map[*fun]bool{}) {
		leave := f.free("leave")
		o.p("%s, %s := %sAgent(%s)\ndefer %s()\n", w.color.ctx, leave, w.machine(), w.color.ctx, leave)
	}
	o.p("%s\n%s\n}\n\n", body, selfMark)
}

// colored writes the body of the version of f for goroutines.
func (f *fun) colored(o *output) *writer {
	names := &namesOfColor{map[string]bool{}, map[string]string{}}
	write := func() *writer {
		w := &writer{f: f.plainly(), out: o, lits: 1, color: &color{of: f, ctx: f.free("ctx"), namesOfColor: names}}
		w.stmts(f.body.List)
		return w
	}
	w := write()
	for id, object := range f.info().Defs {
		if n := id.Name; names.written[n] && id.Pos() >= f.decl.Pos() && id.Pos() < f.decl.End() && isLocal(object) {
			names.given[n] = f.free(n)
			for i := 2; o.taken[names.given[n]] != ""; i++ {
				names.given[n] = f.free(fmt.Sprint(n, i))
			}
		}
	}
	if len(names.given) > 0 && len(f.unit.problems) == 0 {
		w = write()
	}
	f.color = w.color
	return w
}

// isLocal reports whether a function declares an object, as a variable, a constant or a type. The variable of a type switch
// has none.
func isLocal(o types.Object) bool {
	switch o := o.(type) {
	case nil:
		return true
	case *types.Var:
		return !o.IsField()
	case *types.TypeName:
		_, param := o.Type().(*types.TypeParam)
		return !param
	case *types.Const:
		return true
	}
	return false
}

// writes notes that a version for goroutines has a name, and returns that.
func (w *writer) writes(name string) string {
	if w.color != nil {
		w.color.written[name] = true
	}
	return name
}

// local returns the name of what the source declares with the identifier, in a function.
func (w *writer) local(id *ast.Ident) string {
	if w.color == nil || w.color.given[id.Name] == "" {
		return id.Name
	}
	info := w.f.info()
	o, defines := info.Defs[id]
	if !defines {
		if o = info.Uses[id]; o == nil || o.Parent() == nil || o.Parent() == types.Universe || o.Pkg() != nil && o.Parent() == o.Pkg().Scope() {
			return id.Name
		}
	}
	if !isLocal(o) {
		return id.Name
	}
	return w.color.given[id.Name]
}

// plainly returns f without what became of it: variables are where they were.
func (f *fun) plainly() *fun {
	p := &fun{unit: f.unit, src: f.src, decl: f.decl, lit: f.lit, outer: f.outer, obj: f.obj, sig: f.sig, body: f.body, name: f.name,
		cx: f.cx, params: f.params, yield: f.yield, yields: f.yields, tparams: f.tparams, lits: f.lits}
	p.machines, p.idents, p.ctx = f.machines, f.idents, f.ctx
	p.cut = map[types.Object]*local{}
	for o, l := range f.cut {
		if _, ok := o.(*types.TypeName); ok {
			p.cut[o] = l
		}
	}
	return p
}

// needsAgent reports whether the version of f, or one that it calls, has an agent do something.
func (f *fun) needsAgent(seen map[*fun]bool) bool {
	if f.elsewhere || f.color == nil || f.color.agent {
		return true
	}
	if seen[f] {
		return false
	}
	seen[f] = true
	return slices.ContainsFunc(f.color.awaits, func(g *fun) bool { return g.needsAgent(seen) })
}

// free returns a name that the source of f does not use.
func (f *fun) free(name string) string {
	for n, i := name, 2; ; n, i = fmt.Sprint(name, i), i+1 {
		if !f.idents[n] && f.unit.Types.Scope().Lookup(n) == nil {
			return n
		}
	}
}

// underContext writes a signature with a context for its *task.Cx.
func (w *writer) underContext(t *ast.FuncType) string {
	c := *t
	ps := *t.Params
	first := *ps.List[0]
	ps.List = slices.Clone(ps.List[1:])
	c.Params = &ps
	if len(first.Names) > 1 {
		first.Names = first.Names[1:]
		ps.List = append([]*ast.Field{&first}, ps.List...)
	}
	rest := strings.TrimPrefix(w.signature(&c), "(")
	comma := ", "
	if strings.HasPrefix(rest, ")") {
		comma = ""
	}
	return "(" + w.color.ctx + " " + w.out.importName("context", "context") + ".Context" + comma + rest
}

// coloredCall writes a call in a version for goroutines. ok is false if it is a call like any
// other.
func (w *writer) coloredCall(c *ast.CallExpr) (text string, ok bool) {
	f, info := w.f, w.f.info()
	o := callee(info, c)
	s, _ := ast.Unparen(c.Fun).(*ast.SelectorExpr)
	if s != nil && w.f.isOwnCx(s.X) {
		switch s.Sel.Name {
		case "Yield", "Spend":
			return fmt.Sprintf("%s%s(%s)", w.machine(), s.Sel.Name, w.color.ctx), true
		case "Context":
			return w.color.ctx, true
		case "Now":
			return w.machine() + "Now()", true
		case "Scratch", "Lend":
			f.refuse(c.Pos(), "%s lends a worker's memory, which the version for goroutines has not: make it", types.ExprString(c.Fun))
			return "", true
		}
		return w.done(c), true
	}
	if !slices.ContainsFunc(c.Args, w.f.isOwnCx) && f.waits(c) != several {
		return "", false
	}
	if o != nil && isFrom(o, machinePath, "All") && s != nil {
		return w.primary(s.X) + ".Seq2(" + w.color.ctx + ")", true
	}
	if f.waits(c) == awaited {
		g := f.unit.machineOf(o)
		if !g.context {
			f.refuse(c.Pos(), "%s has no version for goroutines, and %s is to have one: write `//heist:task context` there, too", types.ExprString(c.Fun), w.color.of.root().display())
		}
		if g.elsewhere {
			w.color.agent = true
		} else {
			w.color.awaits = append(w.color.awaits, g)
		}
		return w.twinCall(c), true
	}
	if w.hasTwin(c, o, s) {
		return w.twinCall(c), true
	}
	return w.done(c), true
}

// hasTwin reports whether what c calls has a form for goroutines.
func (w *writer) hasTwin(c *ast.CallExpr, o *types.Func, s *ast.SelectorExpr) bool {
	info := w.f.info()
	if o == nil || !w.f.isOwnCx(c.Args[0]) {
		return false
	}
	var twin types.Object
	sig := o.Signature()
	switch {
	case s != nil && info.Selections[s] != nil:
		if info.Selections[s].Kind() != types.MethodVal {
			return false
		}
		sig, _ = info.TypeOf(c.Fun).(*types.Signature)
		twin, _, _ = types.LookupFieldOrMethod(info.TypeOf(s.X), true, w.f.unit.Types, o.Name()+suffix)
	case o.Pkg() != nil && o.Parent() == o.Pkg().Scope():
		switch ast.Unparen(c.Fun).(type) {
		case *ast.Ident, *ast.SelectorExpr:
			twin = o.Pkg().Scope().Lookup(o.Name() + suffix)
		}
	}
	t, ok := twin.(*types.Func)
	if !ok || sig == nil || !alike(sig, t.Signature()) {
		return false
	}
	// What is given to it has to be a context's, too.
	for i, a := range c.Args[1:] {
		if p := paramType(sig, i+1, c.Ellipsis.IsValid()); p != nil && mentionsCx(p) {
			if _, ok := ast.Unparen(a).(*ast.FuncLit); !ok {
				return false
			}
		}
	}
	return true
}

// alike reports whether two types differ by who waits only.
func alike(a, b types.Type) bool {
	if isCx(a) {
		n, ok := types.Unalias(b).(*types.Named)
		return ok && n.Obj().Name() == "Context" && n.Obj().Pkg() != nil && n.Obj().Pkg().Path() == "context"
	}
	s, ok1 := types.Unalias(a).(*types.Signature)
	t, ok2 := types.Unalias(b).(*types.Signature)
	if ok1 && ok2 {
		return s.Variadic() == t.Variadic() && alikeAll(s.Params(), t.Params()) && alikeAll(s.Results(), t.Results())
	}
	p, ok1 := types.Unalias(a).(*types.TypeParam)
	q, ok2 := types.Unalias(b).(*types.TypeParam)
	if ok1 && ok2 {
		return p.Index() == q.Index()
	}
	return types.Identical(a, b)
}

func alikeAll(a, b *types.Tuple) bool {
	if a.Len() != b.Len() {
		return false
	}
	for i := range a.Len() {
		if !alike(a.At(i).Type(), b.At(i).Type()) {
			return false
		}
	}
	return true
}

// mentionsCx reports whether t is a function that takes a *task.Cx.
func mentionsCx(t types.Type) bool {
	s, ok := types.Unalias(t).Underlying().(*types.Signature)
	if !ok {
		return false
	}
	for v := range s.Params().Variables() {
		if isCx(v.Type()) {
			return true
		}
	}
	return false
}

// twinCall writes a call of the form for goroutines.
func (w *writer) twinCall(c *ast.CallExpr) string {
	args := []string{w.color.ctx}
	for _, a := range c.Args[1:] {
		lit, ok := ast.Unparen(a).(*ast.FuncLit)
		if ok && mentionsCx(w.f.info().TypeOf(lit)) && w.f.waits(c) != awaited {
			args = append(args, w.coloredLit(lit))
			continue
		}
		args = append(args, w.expr(a))
	}
	dots := ""
	if c.Ellipsis.IsValid() {
		dots = "..."
	}
	fn := ""
	switch x := ast.Unparen(c.Fun).(type) {
	case *ast.IndexExpr:
		fn = w.primary(x.X) + suffix + "[" + w.expr(x.Index) + "]"
	case *ast.IndexListExpr:
		fn = w.primary(x.X) + suffix + "[" + w.exprs(x.Indices) + "]"
	default:
		fn = w.primary(x) + suffix
	}
	return fn + "(" + strings.Join(args, ", ") + dots + ")"
}

// coloredLit writes a function literal that takes a context.
func (w *writer) coloredLit(lit *ast.FuncLit) string {
	l := w.f.machines[lit]
	if l == nil {
		sig, _ := w.f.info().TypeOf(lit).(*types.Signature)
		l = &fun{unit: w.f.unit, src: w.f.src, lit: lit, outer: w.color.of, sig: sig, body: lit.Body, tparams: w.f.tparams}
		l.parameters()
		l.machines, l.idents, l.cut, l.ctx = w.f.machines, w.f.idents, w.f.cut, l.cx.Name()
	}
	in := &writer{f: l.plainly(), out: w.out, lits: 1, color: &color{of: l, ctx: w.color.of.free("ctx"), namesOfColor: w.color.namesOfColor}}
	in.stmts(lit.Body.List)
	w.color.agent, w.color.does = w.color.agent || in.color.agent, append(w.color.does, in.color.does...)
	w.color.awaits = append(w.color.awaits, in.color.awaits...)
	return "func" + in.underContext(lit.Type) + " {\n" + in.b.String() + "}"
}

// done writes a call that the goroutine's agent does.
func (w *writer) done(c *ast.CallExpr) string {
	f, info := w.f, w.f.info()
	w.color.agent, w.color.does = true, append(w.color.does, c.Fun)
	var results []types.Type
	switch t := info.TypeOf(c).(type) {
	case *types.Tuple:
		for v := range t.Variables() {
			results = append(results, v.Type())
		}
	case nil:
	default:
		results = append(results, t)
	}
	by := ""
	n := len(results)
	switch {
	case f.waits(c) != never && n > 4, f.waits(c) == never && n > 1:
		f.refuse(c.Pos(), "%s has no form for goroutines, and too many results for the version for goroutines: call it in a function of its own", types.ExprString(c.Fun))
		return ""
	case f.waits(c) == never:
		by = []string{"Do", "Value"}[n]
	case f.isLending(c):
		by = "AwaitLent"
	case n == 1:
		by = "Await"
	default:
		by = fmt.Sprint("Await", n-1)
	}
	if len(c.Args) == 1 && w.f.isOwnCx(c.Args[0]) && w.isPlainValue(c.Fun) {
		return fmt.Sprintf("%s%s(%s, %s)", w.machine(), by, w.color.ctx, w.expr(c.Fun))
	}
	var names, values []string
	call := w.kept(c, &names, &values)
	types := ""
	if n == 1 {
		types = " " + w.typ(results[0])
	} else if n > 1 {
		var ts []string
		for _, t := range results {
			ts = append(ts, w.typ(t))
		}
		types = " (" + strings.Join(ts, ", ") + ")"
	}
	cx := "*" + w.task() + "Cx"
	ret := "return "
	if n == 0 {
		ret = ""
	}
	op := fmt.Sprintf("func(%s %s)%s { %s%s }", f.ctx, cx, types, ret, call)
	if len(names) > 0 {
		kept := strings.Join(names, ", ") + " := " + strings.Join(values, ", ")
		if of := w.color.of; of.mutant("the version for goroutines evaluates a call's operands in several statements") {
			kept = ""
			for i, n := range names {
				kept += n + " := " + values[i] + "\n"
			}
		}
		op = fmt.Sprintf("func() func(%s)%s {\n%s\nreturn %s\n}()", cx, types, kept, op)
	}
	return fmt.Sprintf("%s%s(%s, %s)", w.machine(), by, w.color.ctx, op)
}

// isPlainValue reports whether what is called can be handed over as it stands: it takes a *task.Cx,
// and nothing else.
func (w *writer) isPlainValue(fn ast.Expr) bool {
	info := w.f.info()
	var id *ast.Ident
	switch x := ast.Unparen(fn).(type) {
	case *ast.Ident:
		id = x
	case *ast.SelectorExpr:
		id = x.Sel
	default:
		return false
	}
	_, inferred := info.Instances[id]
	sig, ok := coreOf(info.TypeOf(fn)).(*types.Signature)
	return ok && !inferred && !sig.Variadic() && sig.Params().Len() == 1
}

// kept writes a call that is called again in each poll: what is not the same then is evaluated
// before, and has a name. All are evaluated in one statement, in the order of the call's operands.
func (w *writer) kept(c *ast.CallExpr, names, values *[]string) string {
	f, of, info := w.f, w.color.of, w.f.info()
	keep := func(text string, t, as types.Type) string {
		n := ""
		for i := 1; ; i++ {
			n = of.free(fmt.Sprint("kept", i))
			if !slices.Contains(*names, n) {
				break
			}
		}
		*names = append(*names, n)
		if as != nil && (t == nil || !types.Identical(t, as)) {
			text = fmt.Sprintf("(%s)(%s)", w.typ(as), text)
		}
		*values = append(*values, text)
		return n
	}
	fn := ""
	s, _ := ast.Unparen(c.Fun).(*ast.SelectorExpr)
	switch {
	case s != nil && w.f.isOwnCx(s.X):
		fn = f.ctx + "." + s.Sel.Name
	case s != nil && info.Selections[s] != nil:
		sel := info.Selections[s]
		m, _ := sel.Obj().(*types.Func)
		wants := false
		if m != nil && m.Signature().Recv() != nil {
			_, wants = types.Unalias(m.Signature().Recv().Type()).(*types.Pointer)
		}
		_, is := coreOf(info.TypeOf(s.X)).(*types.Pointer)
		switch {
		case wants && !is && info.Types[s.X].Addressable():
			if of.steadyPlace(s.X) {
				fn = w.primary(s.X)
			} else {
				fn = keep("&"+w.primary(s.X), nil, nil)
			}
		case of.stable(s.X) || info.Types[s.X].IsType():
			fn = w.primary(s.X)
		default:
			fn = keep(w.expr(s.X), nil, nil)
		}
		fn += "." + s.Sel.Name
	case of.stable(c.Fun):
		fn = w.primary(c.Fun)
	default:
		fn = keep(w.expr(c.Fun), nil, nil)
	}
	several := f.waits(c) == several
	sig, _ := coreOf(info.TypeOf(c.Fun)).(*types.Signature)
	var args []string
	for i, a := range c.Args {
		if w.f.isOwnCx(a) {
			args = append(args, f.ctx)
			continue
		}
		if in, ok := ast.Unparen(a).(*ast.CallExpr); ok && several && f.waits(in) != never {
			args = append(args, w.kept(in, names, values))
			continue
		}
		if of.stable(a) {
			args = append(args, w.expr(a))
			continue
		}
		var as types.Type
		if sig != nil {
			if p := paramType(sig, i, c.Ellipsis.IsValid()); p != nil && !hasTypeParam(p) {
				as = p
			}
		}
		args = append(args, keep(w.expr(a), info.TypeOf(a), as))
	}
	dots := ""
	if c.Ellipsis.IsValid() {
		dots = "..."
	}
	return fn + "(" + strings.Join(args, ", ") + dots + ")"
}

// isLending reports whether the result of an operation is lent.
func (f *fun) isLending(c *ast.CallExpr) bool {
	o := callee(f.info(), c)
	return o != nil && o.Signature().Recv() != nil && f.unit.callsOf().Lends(c.Fun)
}
