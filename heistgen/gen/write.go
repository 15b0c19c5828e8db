package gen

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"math/big"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
)

// writer writes code of one function, with variables where they now are.
type writer struct {
	f      *fun
	out    *output
	b      strings.Builder
	alias  map[*slot]bool    // boxed variables that a closure needs by a name of its own
	tails  map[string]*label // of suspensions that several waits share, by what they do
	shared []string          // these, in order
	lits   int               // depth of function literals that stay
	bare   bool              // no line directives
	used   map[*slot]bool    // by the body
	next   string            // the generator, of whose Next this is the body: it returns values without a detour
	value  string            // and its result, which is zero
	color  *color            // of a version for goroutines
	ends   *int              // jumps to the function's end
}

// output is a file in the making.
type output struct {
	unit    *unit
	src     *source
	imports map[string]string // path to name, of those that are used
	given   map[string]string // of the source
	taken   map[string]string // names that mean something in the source
	b       strings.Builder
}

func (o *output) importName(path, name string) string { return o.use(path, name) }

func (w *writer) p(format string, args ...any) { fmt.Fprintf(&w.b, format, args...) }

// line says where the next line comes from.
func (w *writer) line(pos token.Pos) {
	if w.bare || !pos.IsValid() {
		return
	}
	p := w.f.unit.Fset.Position(pos)
	if p.Line == 0 {
		return
	}
	w.p("\n//line %s:%d:%d\n", filepath.Base(p.Filename), p.Line, p.Column)
}

func (w *writer) machine() string { return w.writes(w.out.importName(machinePath, "machine")) + "." }
func (w *writer) task() string    { return w.writes(w.out.importName(taskPath, "task")) + "." }

// place is where a slot is, without following a box.
func (w *writer) place(s *slot) string {
	if w.alias[s] {
		return s.name
	}
	if !s.frame {
		return s.field().name
	}
	if w.next != "" && s == w.f.slots[w.f.yield] {
		return w.next
	}
	return w.f.self + "." + s.fieldName()
}

func (w *writer) slot(s *slot) string {
	if s.boxed {
		return "(*" + w.place(s) + ")"
	}
	return w.place(s)
}

func (w *writer) ident(id *ast.Ident) string {
	if id.Name == "_" && w.f.temps[id] == nil {
		return "_"
	}
	if s := w.f.slotOf(id); s != nil {
		return w.slot(s)
	}
	info := w.f.info()
	o := info.ObjectOf(id)
	if t, ok := info.Uses[id].(*types.TypeName); ok {
		o = t // not the field that it is, too, if it is embedded
	}
	switch o := o.(type) {
	case nil:
		return w.local(id)
	case *types.PkgName:
		return w.out.importName(o.Imported().Path(), o.Name())
	case *types.Var:
		if o == w.f.cx {
			return w.f.ctx
		}
	case *types.TypeName:
		if t, ok := o.Type().(*types.TypeParam); ok && w.f.unit.tparams[t] != "" {
			return w.typ(t)
		}
	}
	if l := w.f.cut[o]; l != nil {
		if _, ok := o.(*types.TypeName); ok {
			return l.name + w.f.typeParamNames()
		}
		return l.name
	}
	if o.Pkg() != nil && o.Pkg() != w.f.unit.Types && o.Parent() == o.Pkg().Scope() { // by an import of all names
		return w.writes(w.out.importName(o.Pkg().Path(), o.Pkg().Name())) + "." + id.Name
	}
	return w.local(id)
}

func (w *writer) exprs(list []ast.Expr) string { return strings.Join(w.each(list), ", ") }

func (w *writer) each(list []ast.Expr) (parts []string) {
	for _, e := range list {
		parts = append(parts, w.expr(e))
	}
	return parts
}

// assignment writes an assignment without what gives a field or a temporary its own value: one that
// two variables share, where the value goes from one to the other.
func (w *writer) assignment(dst, src []string) string {
	var to, from []string
	for i := range dst {
		if dst[i] != src[i] || !w.isField(dst[i]) && !w.f.shared[dst[i]] {
			to, from = append(to, dst[i]), append(from, src[i])
		}
	}
	if len(to) == 0 {
		return ""
	}
	return strings.Join(to, ", ") + " = " + strings.Join(from, ", ")
}

// isField reports whether an expression is a field of the machine, plain or by way of its pointer.
func (w *writer) isField(text string) bool {
	if boxed, ok := strings.CutPrefix(text, "(*"); ok {
		text = strings.TrimSuffix(boxed, ")")
	}
	name, ok := strings.CutPrefix(text, w.f.self+".")
	return ok && token.IsIdentifier(name)
}

// primary writes an operand of a selector, an index, a call.
func (w *writer) primary(e ast.Expr) string {
	switch e.(type) {
	case *ast.StarExpr, *ast.UnaryExpr, *ast.BinaryExpr, *ast.FuncType, *ast.ChanType, *ast.ArrayType, *ast.MapType:
		return "(" + w.expr(e) + ")"
	}
	return w.expr(e)
}

func (w *writer) operand(e ast.Expr, prec int) string {
	if b, ok := e.(*ast.BinaryExpr); ok && b.Op.Precedence() < prec {
		return "(" + w.expr(e) + ")"
	}
	return w.expr(e)
}

func (w *writer) expr(e ast.Expr) string {
	switch x := e.(type) {
	case nil:
		return ""
	case *rawExpr:
		return w.text(x.format, x.args)
	case *ast.Ident:
		return w.ident(x)
	case *ast.BasicLit:
		return x.Value
	case *ast.ParenExpr:
		return "(" + w.expr(x.X) + ")"
	case *ast.SelectorExpr:
		return w.selector(x)
	case *ast.BinaryExpr:
		p := x.Op.Precedence()
		return w.operand(x.X, p) + " " + x.Op.String() + " " + w.operand(x.Y, p+1)
	case *ast.UnaryExpr:
		if x.Op == token.AND {
			if id, ok := ast.Unparen(x.X).(*ast.Ident); ok {
				if s := w.f.slotOf(id); s != nil && s.boxed {
					return w.place(s)
				}
			}
		}
		t := w.expr(x.X)
		switch x.X.(type) {
		case *ast.BinaryExpr:
			t = "(" + t + ")"
		}
		if x.Op == token.ARROW {
			return x.Op.String() + t
		}
		if len(t) > 0 && strings.ContainsRune("+-&^", rune(t[0])) {
			t = "(" + t + ")"
		}
		return x.Op.String() + t
	case *ast.StarExpr:
		return "*" + w.primary2(x.X)
	case *ast.IndexExpr:
		return w.primary(x.X) + "[" + w.expr(x.Index) + "]"
	case *ast.IndexListExpr:
		return w.primary(x.X) + "[" + w.exprs(x.Indices) + "]"
	case *ast.SliceExpr:
		t := w.primary(x.X) + "[" + w.expr(x.Low) + ":" + w.expr(x.High)
		if x.Slice3 {
			t += ":" + w.expr(x.Max)
		}
		return t + "]"
	case *ast.TypeAssertExpr:
		if x.Type == nil {
			return w.primary(x.X) + ".(type)"
		}
		return w.primary(x.X) + ".(" + w.expr(x.Type) + ")"
	case *ast.CallExpr:
		if w.color != nil {
			if t, ok := w.coloredCall(x); ok {
				return t
			}
		}
		if w.lits == 0 && w.f.isShield(x) {
			return fmt.Sprintf("%s.Shield(%s, %s)", w.f.self, w.f.drv, w.f.ctx)
		}
		t := w.primary(x.Fun)
		if _, ok := x.Fun.(*ast.FuncLit); ok {
			t = w.expr(x.Fun)
		}
		t += "(" + w.exprs(x.Args)
		if x.Ellipsis.IsValid() {
			t += "..."
		}
		return t + ")"
	case *ast.CompositeLit:
		t := ""
		if x.Type != nil {
			t = w.expr(x.Type)
		}
		return t + "{" + w.elements(x) + "}"
	case *ast.KeyValueExpr:
		return w.expr(x.Key) + ": " + w.expr(x.Value)
	case *ast.FuncLit:
		return w.funcLit(x)
	case *ast.Ellipsis:
		return "..." + w.expr(x.Elt)
	case *ast.ArrayType:
		if x.Len == nil {
			return "[]" + w.expr(x.Elt)
		}
		return "[" + w.expr(x.Len) + "]" + w.expr(x.Elt)
	case *ast.MapType:
		return "map[" + w.expr(x.Key) + "]" + w.expr(x.Value)
	case *ast.ChanType:
		switch x.Dir {
		case ast.SEND:
			return "chan<- " + w.expr(x.Value)
		case ast.RECV:
			return "<-chan " + w.expr(x.Value)
		}
		if c, ok := x.Value.(*ast.ChanType); ok && c.Dir == ast.RECV {
			return "chan (" + w.expr(x.Value) + ")"
		}
		return "chan " + w.expr(x.Value)
	case *ast.FuncType:
		return "func" + w.signature(x)
	case *ast.StructType:
		return "struct {\n" + w.fields(x.Fields) + "}"
	case *ast.InterfaceType:
		t := "interface {\n"
		for _, m := range x.Methods.List {
			if len(m.Names) == 0 {
				t += w.expr(m.Type) + "\n"
				continue
			}
			t += m.Names[0].Name + w.signature(m.Type.(*ast.FuncType)) + "\n"
		}
		return t + "}"
	}
	panic(fmt.Sprintf("heistgen: an expression of kind %T", e))
}

func (w *writer) primary2(e ast.Expr) string {
	if _, ok := e.(*ast.BinaryExpr); ok {
		return "(" + w.expr(e) + ")"
	}
	return w.expr(e)
}

func (w *writer) elements(x *ast.CompositeLit) string {
	info := w.f.info()
	t := info.TypeOf(x)
	if t != nil {
		t = coreOf(t)
		if p, ok := t.(*types.Pointer); ok {
			t = coreOf(p.Elem())
		}
	}
	_, isStruct := t.(*types.Struct)
	var parts []string
	for _, e := range x.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok && isStruct {
			parts = append(parts, kv.Key.(*ast.Ident).Name+": "+w.expr(kv.Value))
			continue
		}
		parts = append(parts, w.expr(e))
	}
	return strings.Join(parts, ", ")
}

func (w *writer) fields(l *ast.FieldList) string {
	t := ""
	for _, f := range l.List {
		var names []string
		for _, n := range f.Names {
			names = append(names, n.Name)
		}
		t += strings.Join(names, ", ") + " " + w.expr(f.Type)
		if f.Tag != nil {
			t += " " + f.Tag.Value
		}
		t += "\n"
	}
	return t
}

func (w *writer) selector(x *ast.SelectorExpr) string {
	if id, ok := ast.Unparen(x.X).(*ast.Ident); ok {
		if s := w.f.slotOf(id); s != nil && s.boxed {
			switch s.typ.Underlying().(type) {
			case *types.Pointer, *types.Interface:
			default:
				return w.place(s) + "." + x.Sel.Name
			}
		}
	}
	return w.primary(x.X) + "." + x.Sel.Name
}

func (w *writer) signature(t *ast.FuncType) string {
	var params []string
	list := func(l *ast.FieldList) (out []string) {
		if l == nil {
			return nil
		}
		for _, f := range l.List {
			var names []string
			for _, n := range f.Names {
				names = append(names, w.local(n))
			}
			p := w.expr(f.Type)
			if len(names) > 0 {
				p = strings.Join(names, ", ") + " " + p
			}
			out = append(out, p)
		}
		return out
	}
	params = list(t.Params)
	results := list(t.Results)
	s := "(" + strings.Join(params, ", ") + ")"
	switch {
	case len(results) == 0:
	case len(results) == 1 && len(t.Results.List[0].Names) == 0:
		s += " " + results[0]
	default:
		s += " (" + strings.Join(results, ", ") + ")"
	}
	return s
}

func (w *writer) funcLit(x *ast.FuncLit) string {
	if l := w.f.machines[x]; l != nil {
		if l.bounded && w.color == nil {
			return fmt.Sprintf("%s.%s.poll", w.f.self, l.nest)
		}
		return newName(l.name) + w.f.typeParamNames() + "(" + w.boxes(l) + ")"
	}
	in := *w
	in.b = strings.Builder{}
	in.lits++
	in.stmts(x.Body.List)
	return "func" + w.signature(x.Type) + " {\n" + in.b.String() + "}"
}

// boxes writes where the variables are that a literal captures.
func (w *writer) boxes(l *fun) string {
	var list []string
	for _, v := range l.captive {
		switch s := w.f.slots[v]; {
		case s == nil:
			name := v.Name()
			if w.color != nil && w.color.given[name] != "" {
				name = w.color.given[name]
			}
			list = append(list, "&"+name)
		case s.boxed:
			list = append(list, w.place(s))
		default:
			list = append(list, "&"+w.place(s))
		}
	}
	return strings.Join(list, ", ")
}

// --- statements

func (w *writer) stmts(list []ast.Stmt) {
	for _, s := range list {
		w.stmt(s)
	}
}

func (w *writer) block(b *ast.BlockStmt) string {
	in := *w
	in.b = strings.Builder{}
	in.stmts(b.List)
	return "{\n" + in.b.String() + "}"
}

// simple writes a statement that stands in a header.
func (w *writer) simple(s ast.Stmt) string {
	if s == nil {
		return ""
	}
	in := *w
	in.b = strings.Builder{}
	in.bare = true
	in.stmt(s)
	return strings.TrimSpace(in.b.String())
}

func (w *writer) stmt(s ast.Stmt) {
	switch s := s.(type) {
	case *ast.EmptyStmt:
		i, ok := w.f.implicits[s]
		if !ok {
			return
		}
		if i.s.boxed {
			w.p("%s = new(%s)\n", w.place(i.s), w.typ(i.s.typ))
		}
		w.p("%s = %s\n", w.slot(i.s), i.name)
	case *ast.BlockStmt:
		w.p("%s\n", w.block(s))
	case *ast.LabeledStmt:
		w.p("%s:\n", s.Label.Name)
		if _, ok := s.Stmt.(*ast.EmptyStmt); ok {
			w.p(";\n")
		}
		bare := w.bare
		w.bare = true // a label is followed by its statement
		w.stmt(s.Stmt)
		w.bare = bare
	case *ast.ExprStmt:
		w.line(s.Pos())
		if c, ok := s.X.(*ast.CallExpr); ok && w.color != nil && w.f.isShield(c) {
			w.p("%s = %s.WithoutCancel(%s)\n", w.color.ctx, w.writes(w.out.importName("context", "context")), w.color.ctx)
			return
		}
		w.p("%s\n", w.expr(s.X))
	case *ast.SendStmt:
		w.line(s.Pos())
		w.p("%s <- %s\n", w.expr(s.Chan), w.expr(s.Value))
	case *ast.IncDecStmt:
		w.line(s.Pos())
		w.p("%s%s\n", w.expr(s.X), s.Tok)
	case *ast.AssignStmt:
		w.line(s.Pos())
		if s.Tok == token.ASSIGN && len(s.Lhs) == len(s.Rhs) {
			w.p("%s\n", w.assignment(w.each(s.Lhs), w.each(s.Rhs)))
			return
		}
		w.p("%s %s %s\n", w.exprs(s.Lhs), s.Tok, w.exprs(s.Rhs))
	case *ast.GoStmt:
		w.line(s.Pos())
		w.p("go %s\n", w.expr(s.Call))
	case *ast.DeferStmt:
		if w.lits > 0 {
			w.line(s.Pos())
			w.p("defer %s\n", w.expr(s.Call))
			return
		}
		w.line(s.Pos())
		w.deferStmt(s)
	case *ast.ReturnStmt:
		if w.lits > 0 {
			w.line(s.Pos())
			w.p("return %s\n", w.exprs(s.Results))
			return
		}
		w.ret(s.Pos(), s.Results)
	case *ast.BranchStmt:
		if w.lits == 0 {
			if l := w.f.jumps[s]; l != nil {
				w.p("goto %s\n", l.name)
				return
			}
		}
		if s.Label != nil {
			w.p("%s %s\n", s.Tok, s.Label.Name)
		} else {
			w.p("%s\n", s.Tok)
		}
	case *ast.IfStmt:
		w.line(s.Pos())
		w.p("%s\n", w.ifText(s))
	case *ast.ForStmt:
		w.line(s.Pos())
		init, post := w.simple(s.Init), w.simple(s.Post)
		switch {
		case init == "" && post == "" && s.Cond == nil:
			w.p("for %s\n", w.block(s.Body))
		case init == "" && post == "":
			w.p("for %s %s\n", w.expr(s.Cond), w.block(s.Body))
		default:
			w.p("for %s; %s; %s %s\n", init, w.expr(s.Cond), post, w.block(s.Body))
		}
	case *ast.RangeStmt:
		w.line(s.Pos())
		head := ""
		if s.Key != nil {
			head = w.expr(s.Key)
			if s.Value != nil {
				head += ", " + w.expr(s.Value)
			}
			head += " " + s.Tok.String() + " "
		}
		w.p("for %srange %s %s\n", head, w.expr(s.X), w.block(s.Body))
	case *ast.SwitchStmt:
		w.line(s.Pos())
		head := ""
		if s.Init != nil {
			head = w.simple(s.Init) + "; "
		}
		w.p("switch %s%s {\n", head, w.expr(s.Tag))
		w.clauses(s.Body)
		w.p("}\n")
	case *ast.TypeSwitchStmt:
		w.line(s.Pos())
		head := ""
		if s.Init != nil {
			head = w.simple(s.Init) + "; "
		}
		w.p("switch %s%s {\n", head, w.simple(s.Assign))
		w.clauses(s.Body)
		w.p("}\n")
	case *ast.SelectStmt:
		w.line(s.Pos())
		w.p("select {\n")
		for _, c := range s.Body.List {
			cc := c.(*ast.CommClause)
			if cc.Comm == nil {
				w.p("default:\n")
			} else {
				w.p("case %s:\n", w.simple(cc.Comm))
			}
			w.stmts(cc.Body)
		}
		w.p("}\n")
	case *ast.DeclStmt:
		w.localDecl(s.Decl.(*ast.GenDecl))
	default:
		panic(fmt.Sprintf("heistgen: a statement of kind %T", s))
	}
}

func (w *writer) clauses(b *ast.BlockStmt) {
	for _, c := range b.List {
		cc := c.(*ast.CaseClause)
		if cc.List == nil {
			w.p("default:\n")
		} else {
			w.p("case %s:\n", w.exprs(cc.List))
		}
		w.stmts(cc.Body)
	}
}

func (w *writer) ifText(s *ast.IfStmt) string {
	t := "if "
	if s.Init != nil {
		t += w.simple(s.Init) + "; "
	}
	t += w.expr(s.Cond) + " " + w.block(s.Body)
	switch e := s.Else.(type) {
	case nil:
	case *ast.IfStmt:
		t += " else " + w.ifText(e)
	case *ast.BlockStmt:
		t += " else " + w.block(e)
	}
	return t
}

// localDecl writes a declaration within a statement that stays.
func (w *writer) localDecl(d *ast.GenDecl) {
	if w.color != nil && d.Tok == token.TYPE {
		return // they are outside, where the machine has them
	}
	w.line(d.Pos())
	open, end := "(\n", ")\n"
	if len(d.Specs) == 1 && !d.Lparen.IsValid() {
		open, end = "", ""
	}
	w.p("%s %s", d.Tok, open)
	for _, s := range d.Specs {
		switch s := s.(type) {
		case *ast.TypeSpec:
			eq := ""
			if s.Assign.IsValid() {
				eq = "= "
			}
			w.p("%s %s%s\n", s.Name.Name, eq, w.expr(s.Type))
		case *ast.ValueSpec:
			var names []string
			for _, n := range s.Names {
				names = append(names, w.local(n))
			}
			w.p("%s", strings.Join(names, ", "))
			if s.Type != nil {
				w.p(" %s", w.expr(s.Type))
			}
			if len(s.Values) > 0 {
				w.p(" = %s", w.exprs(s.Values))
			}
			w.p("\n")
		}
	}
	w.p("%s", end)
}

// ret writes a return statement of the function.
func (w *writer) ret(pos token.Pos, results []ast.Expr) {
	f := w.f
	work := len(f.defers) > 0 || f.shields || f.nested() != nil
	fail := f.out
	if f.fail != nil {
		fail = w.slot(f.fail)
	}
	w.line(pos)
	leave := func(e string) {
		switch {
		case work:
			f.end.used = true
			if w.ends != nil {
				*w.ends++
			}
			w.p("goto %s\n", f.end.name)
		case e == "nil" && w.next != "":
			w.p("return %s.Over(nil)\n", w.next)
		case e == "nil":
			w.p("return nil\n")
		default:
			if f.fail != nil && e == fail {
				f.fail.reads++
			}
			if e = fmt.Sprintf("%sEnded(%s)", w.machine(), e); w.next != "" {
				e = fmt.Sprintf("%s.Over(%s)", w.next, e)
			}
			w.p("return %s\n", e)
		}
	}
	if len(results) == 0 {
		leave(fail)
		return
	}
	var dst []string
	for _, s := range f.outs {
		dst = append(dst, w.slot(s))
	}
	if len(results) == 1 && len(f.outs) > 0 { // a call with several results
		w.p("%s, %s = %s\n", strings.Join(dst, ", "), fail, w.expr(results[0]))
		leave(fail)
		return
	}
	last := w.expr(results[len(results)-1])
	isNil := f.info().Types[results[len(results)-1]].IsNil()
	var src []string
	for _, e := range results[:len(results)-1] {
		src = append(src, w.expr(e))
	}
	if work || len(dst) > 0 && !isNil {
		dst, src = append(dst, fail), append(src, last)
		last = fail
	}
	var ds, ss []string
	for i := range dst {
		if dst[i] != src[i] {
			ds, ss = append(ds, dst[i]), append(ss, src[i])
		}
	}
	if len(ds) > 0 {
		w.p("%s = %s\n", strings.Join(ds, ", "), strings.Join(ss, ", "))
	}
	if isNil && !work {
		last = "nil"
	}
	leave(last)
}

// deferStmt records a deferred call.
func (w *writer) deferStmt(d *ast.DeferStmt) {
	f := w.f
	s := f.sites[d.Call]
	var dst, src []string
	add := func(sl *slot, text string) {
		name := sl.name
		if !f.listed {
			name = sl.fieldName()
		}
		dst, src = append(dst, name), append(src, text)
	}
	c := d.Call
	fn := ast.Unparen(c.Fun)
	if s.fun != nil {
		text := ""
		if s.method != "" {
			text = w.receiver(receiver{s: fn.(*ast.SelectorExpr), sel: f.info().Selections[fn.(*ast.SelectorExpr)], m: f.info().Selections[fn.(*ast.SelectorExpr)].Obj().(*types.Func)})
		} else {
			text = w.expr(c.Fun)
		}
		add(s.fun, text)
	}
	if s.tuple && len(c.Args) == 1 {
		for _, a := range s.args {
			add(a, "")
		}
		src = append(src[:len(src)-len(s.args)], w.expr(c.Args[0]))
	} else {
		for i, a := range s.args {
			if a != nil {
				add(a, w.expr(c.Args[i]))
			}
		}
	}
	if f.listed {
		list := f.self + ".defers"
		if len(dst) == len(src) {
			var kv []string
			for i := range dst {
				kv = append(kv, dst[i]+": "+src[i])
			}
			kv = append([]string{fmt.Sprintf("site: %d", s.bit+1)}, kv...)
			w.p("%s = append(%s, %s{%s})\n", list, list, f.name+"Defer"+f.typeParamNames(), strings.Join(kv, ", "))
			return
		}
		v := f.generated("rec", "record")
		w.p("{\n%s := %s{site: %d}\n", v, f.name+"Defer"+f.typeParamNames(), s.bit+1)
		for i := range dst {
			dst[i] = v + "." + dst[i]
		}
		w.tuple(dst, src)
		w.p("%s = append(%s, %s)\n}\n", list, list, v)
		return
	}
	for i := range dst {
		dst[i] = f.self + "." + dst[i]
	}
	w.tuple(dst, src)
	if !f.mutant("a deferred call is not recorded") {
		w.p("%s.D |= 1 << %d\n", f.self, s.bit)
	}
}

func (w *writer) tuple(dst, src []string) {
	if len(dst) == len(src) {
		if len(dst) > 0 {
			w.p("%s = %s\n", strings.Join(dst, ", "), strings.Join(src, ", "))
		}
		return
	}
	n := len(dst) - len(src) + 1 // the last of src has several values
	k := len(src) - 1
	if k > 0 {
		w.p("%s = %s\n", strings.Join(dst[:k], ", "), strings.Join(src[:k], ", "))
	}
	_ = n
	w.p("%s = %s\n", strings.Join(dst[k:], ", "), src[k])
}

// receiver writes the receiver of a method as the method wants it.
func (w *writer) receiver(r receiver) string {
	info := w.f.info()
	x := w.primary(r.s.X)
	t := info.TypeOf(r.s.X)
	index := r.sel.Index()
	for _, i := range index[:len(index)-1] {
		if p, ok := coreOf(t).(*types.Pointer); ok {
			t = p.Elem()
		}
		st, ok := coreOf(t).(*types.Struct)
		if !ok {
			break
		}
		x += "." + st.Field(i).Name()
		t = st.Field(i).Type()
	}
	_, wants := types.Unalias(r.m.Signature().Recv().Type()).(*types.Pointer)
	_, is := coreOf(t).(*types.Pointer)
	switch {
	case wants && !is:
		if id, ok := ast.Unparen(r.s.X).(*ast.Ident); ok && len(index) == 1 {
			if s := w.f.slotOf(id); s != nil && s.boxed {
				return w.place(s)
			}
		}
		return "&" + x
	case !wants && is:
		return "*" + x
	}
	return x
}

// text writes the format of a raw instruction.
func (w *writer) text(format string, list []any) string {
	var parts []any
	for _, a := range list {
		parts = append(parts, w.arg(a))
	}
	return fmt.Sprintf(format, parts...)
}

func (w *writer) arg(a any) string {
	switch a := a.(type) {
	case string:
		return a
	case *slot:
		return w.slot(a)
	case box:
		return w.place(a.s)
	case types.Type:
		return w.typ(a)
	case zero:
		return w.zero(a.t)
	case phrase:
		return w.text(a.text, a.args)
	case machineRef:
		return w.machine()
	case ioRef:
		return w.out.importName("io", "io") + "."
	case *kid:
		return w.kidPlace(a)
	case *fun: // a literal whose frame is inside
		return fmt.Sprintf("%s.%s.ready(%s)", w.f.self, a.nest, w.boxes(a))
	case kidType:
		return w.kidType(a.k)
	case args:
		var parts []string
		for _, x := range a.list {
			if t := w.arg(x); t != "" {
				parts = append(parts, t)
			}
		}
		return strings.Join(parts, ", ")
	case argList:
		t := w.exprs(a.args)
		if a.spread {
			t += "..."
		}
		return t
	case receiver:
		return w.receiver(a)
	case lhsList:
		blank := true
		var parts []string
		for _, e := range a.list {
			t := w.expr(e)
			blank = blank && t == "_"
			parts = append(parts, t)
		}
		if blank && len(parts) == 0 {
			if a.n == 1 {
				return "_ = "
			}
			return strings.Repeat("_, ", a.n-1) + "_ = "
		}
		return strings.Join(parts, ", ") + " = "
	case ast.Expr:
		return w.expr(a)
	}
	panic(fmt.Sprintf("heistgen: an argument of kind %T", a))
}

func (w *writer) kidType(k *kid) string {
	t := k.f.name + "Call"
	if p := k.f.obj.Pkg(); p != w.f.unit.Types {
		t = w.out.importName(p.Path(), p.Name()) + "." + t
	}
	if len(k.targs) > 0 {
		var parts []string
		for _, a := range k.targs {
			parts = append(parts, w.typ(a))
		}
		t += "[" + strings.Join(parts, ", ") + "]"
	}
	return t
}

func (w *writer) zero(t types.Type) string {
	switch u := types.Unalias(t).(type) {
	case *types.TypeParam:
		return "*new(" + w.typ(t) + ")"
	default:
		switch b := u.Underlying().(type) {
		case *types.Basic:
			switch {
			case b.Info()&types.IsString != 0:
				return `""`
			case b.Info()&types.IsBoolean != 0:
				return "false"
			case b.Info()&types.IsNumeric != 0:
				return "0"
			}
			return "nil"
		case *types.Struct, *types.Array:
			return w.typ(t) + "{}"
		}
	}
	return "nil"
}

// typ writes a type.
func (w *writer) typ(t types.Type) string {
	switch t := t.(type) {
	case *types.Basic:
		if t.Kind() == types.UnsafePointer {
			return w.out.importName("unsafe", "unsafe") + ".Pointer"
		}
		return w.writes(t.Name())
	case *types.TypeParam:
		return w.writes(w.f.typeParamName(t))
	case *types.Named:
		return w.named(t.Obj(), t.TypeArgs())
	case *types.Alias:
		if t.Obj() == types.Universe.Lookup("any") {
			return w.writes(w.f.unit.any())
		}
		return w.named(t.Obj(), t.TypeArgs())
	case *types.Pointer:
		return "*" + w.typ(t.Elem())
	case *types.Slice:
		return "[]" + w.typ(t.Elem())
	case *types.Array:
		return fmt.Sprintf("[%d]%s", t.Len(), w.typ(t.Elem()))
	case *types.Map:
		return "map[" + w.typ(t.Key()) + "]" + w.typ(t.Elem())
	case *types.Chan:
		switch t.Dir() {
		case types.SendOnly:
			return "chan<- " + w.typ(t.Elem())
		case types.RecvOnly:
			return "<-chan " + w.typ(t.Elem())
		}
		return "chan (" + w.typ(t.Elem()) + ")"
	case *types.Signature:
		return "func" + w.sig(t)
	case *types.Struct:
		var b strings.Builder
		b.WriteString("struct {\n")
		for i := range t.NumFields() {
			f := t.Field(i)
			if !f.Embedded() {
				b.WriteString(f.Name() + " ")
			}
			b.WriteString(w.typ(f.Type()))
			if t.Tag(i) != "" {
				b.WriteString(" " + strconv.Quote(t.Tag(i)))
			}
			b.WriteString("\n")
		}
		return b.String() + "}"
	case *types.Interface:
		if t.NumMethods() == 0 && t.NumEmbeddeds() == 0 {
			if t == types.Universe.Lookup("any").Type().Underlying() {
				return w.f.unit.any()
			}
			return "interface{}"
		}
		var b strings.Builder
		b.WriteString("interface {\n")
		for m := range t.ExplicitMethods() {
			b.WriteString(m.Name() + w.sig(m.Signature()) + "\n")
		}
		for e := range t.EmbeddedTypes() {
			b.WriteString(w.typ(e) + "\n")
		}
		return b.String() + "}"
	case *types.Union:
		var parts []string
		for term := range t.Terms() {
			tilde := ""
			if term.Tilde() {
				tilde = "~"
			}
			parts = append(parts, tilde+w.typ(term.Type()))
		}
		return strings.Join(parts, " | ")
	case *types.Tuple:
		var parts []string
		for v := range t.Variables() {
			parts = append(parts, w.typ(v.Type()))
		}
		return strings.Join(parts, ", ")
	}
	panic(fmt.Sprintf("heistgen: a type of kind %T", t))
}

func (w *writer) sig(s *types.Signature) string {
	var ps []string
	for i := range s.Params().Len() {
		t := s.Params().At(i).Type()
		if s.Variadic() && i == s.Params().Len()-1 {
			if sl, ok := t.(*types.Slice); ok {
				ps = append(ps, "..."+w.typ(sl.Elem()))
				continue
			}
		}
		ps = append(ps, w.typ(t))
	}
	out := "(" + strings.Join(ps, ", ") + ")"
	switch s.Results().Len() {
	case 0:
	case 1:
		out += " " + w.typ(s.Results().At(0).Type())
	default:
		out += " (" + w.typ(s.Results()) + ")"
	}
	return out
}

func (w *writer) named(o *types.TypeName, targs *types.TypeList) string {
	name := o.Name()
	if l := w.f.cut[o]; l != nil {
		return l.name + w.f.typeParamNames()
	}
	if o.Pkg() != nil && o.Pkg() != w.f.unit.Types {
		name = w.writes(w.out.importName(o.Pkg().Path(), o.Pkg().Name())) + "." + name
	} else {
		w.writes(name)
	}
	if targs != nil && targs.Len() > 0 {
		var parts []string
		for t := range targs.Types() {
			parts = append(parts, w.typ(t))
		}
		name += "[" + strings.Join(parts, ", ") + "]"
	}
	return name
}

// constText writes a constant's value.
func constText(c *types.Const) string {
	v := c.Val()
	switch v.Kind() {
	case constant.String:
		return strconv.Quote(constant.StringVal(v))
	case constant.Bool:
		return v.String()
	case constant.Int:
		s := v.ExactString()
		if b, ok := c.Type().(*types.Basic); ok {
			switch b.Kind() {
			case types.UntypedRune:
				return "'\\x00' + " + s
			case types.UntypedFloat:
				return s + ".0"
			case types.UntypedComplex:
				return s + " + 0i"
			}
		}
		return s
	case constant.Float:
		num, den := constant.Num(v), constant.Denom(v)
		if num.Kind() == constant.Int && den.Kind() == constant.Int {
			return num.ExactString() + ".0 / " + den.ExactString() + ".0"
		}
		if f, ok := constant.Val(v).(*big.Float); ok {
			return f.Text('p', 0)
		}
		return v.ExactString()
	case constant.Complex:
		re, im := constant.Real(v), constant.Imag(v)
		part := func(v constant.Value) string {
			v = constant.ToFloat(v)
			num, den := constant.Num(v), constant.Denom(v)
			return "(" + num.ExactString() + ".0 / " + den.ExactString() + ".0)"
		}
		return part(re) + " + " + part(im) + "*1i"
	}
	return v.ExactString()
}

// isShield reports whether a call is cx.Shield().
func (f *fun) isShield(c *ast.CallExpr) bool {
	s, ok := ast.Unparen(c.Fun).(*ast.SelectorExpr)
	if !ok || s.Sel.Name != "Shield" {
		return false
	}
	return f.isOwnCx(s.X)
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// typeParamName returns the name of a type parameter in the output.
func (f *fun) typeParamName(t *types.TypeParam) string { return f.unit.tparams[t] }

// nameParams names the type parameters of f in the output, where one must hide nothing: types are written there that the source
// only infers.
func (f *fun) nameParams() {
	used := map[string]bool{}
	ast.Inspect(f.decl, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			used[id.Name] = true
		}
		return true
	})
	scope := f.unit.TypesInfo.Scopes[f.src.file]
	hides := func(name string) bool {
		_, o := scope.LookupParent(name, token.NoPos)
		return o != nil
	}
	for i, t := range f.tparams {
		name := t.Obj().Name()
		if name == "_" {
			name = fmt.Sprintf("P%d", i)
		} else if !hides(name) {
			f.unit.tparams[t] = name
			continue
		}
		n := name
		for k := 2; used[n] || hides(n); k++ {
			n = fmt.Sprintf("%s_%d", name, k)
		}
		used[n] = true
		f.unit.tparams[t] = n
	}
}

func (f *fun) typeParamNames() string {
	if len(f.tparams) == 0 {
		return ""
	}
	var names []string
	for _, t := range f.tparams {
		names = append(names, f.typeParamName(t))
	}
	return "[" + strings.Join(names, ", ") + "]"
}

func (w *writer) typeParams() string {
	f := w.f
	if len(f.tparams) == 0 {
		return ""
	}
	var parts []string
	for _, t := range f.tparams {
		c := t.Constraint()
		text := w.typ(c)
		if i, ok := types.Unalias(c).(*types.Interface); ok && i.IsImplicit() && i.NumEmbeddeds() == 1 {
			text = w.typ(i.EmbeddedType(0))
		}
		parts = append(parts, f.typeParamName(t)+" "+constraintText(text))
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// fieldTypeParams writes the type parameters of a local type.
func (w *writer) fieldTypeParams(l *ast.FieldList) string {
	var parts []string
	for _, f := range l.List {
		var names []string
		for _, n := range f.Names {
			names = append(names, n.Name)
		}
		parts = append(parts, strings.Join(names, ", ")+" "+w.expr(f.Type))
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

func sortedKeys[V any](m map[string]V) (keys []string) {
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
