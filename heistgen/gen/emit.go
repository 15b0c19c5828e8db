package gen

import (
	"fmt"
	"go/ast"
	"go/format"
	"go/token"
	"go/types"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// twice is how many instructions a body may have that is written twice: see next.
const twice = 100

const selfMark = "//heist:self"

// newOutput returns an empty output for a source.
func (u *unit) newOutput(s *source) *output {
	o := &output{unit: u, src: s, imports: map[string]string{}}
	given := map[string]string{}
	taken := map[string]string{}
	for _, f := range s.funcs {
		ast.Inspect(f.decl, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				if _, ok := u.TypesInfo.ObjectOf(id).(*types.PkgName); !ok {
					taken[id.Name] = ""
				}
			}
			return true
		})
	}
	for _, n := range u.Types.Scope().Names() {
		taken[n] = ""
	}
	for n := range u.taken { // by this output or another one
		taken[n] = ""
	}
	for _, im := range s.file.Imports {
		p := strings.Trim(im.Path.Value, "`\"")
		name := ""
		if im.Name != nil {
			name = im.Name.Name
		} else if imp := u.Imports[p]; imp != nil {
			name = imp.Name
		} else {
			name = importName(im)
		}
		if name == "_" || name == "." {
			continue
		}
		given[p] = name
		taken[name] = p
	}
	o.given, o.taken = given, taken
	return o
}

// emitSource returns the output for a source.
func (u *unit) emitSource(s *source) ([]byte, error) {
	o := u.newOutput(s)
	for _, f := range s.funcs {
		o.fun(f)
	}
	var head strings.Builder
	fmt.Fprint(&head, "\n") // below the first line: see seal
	if rest, ok := tagged(constraintOf(s.file)); ok && rest != nil {
		fmt.Fprintf(&head, "//go:build %s\n\n", rest)
	}
	fmt.Fprintf(&head, "package %s\n\nimport (\n", s.file.Name.Name)
	std, other := "", ""
	for _, p := range sortedKeys(o.imports) {
		name := o.imports[p]
		if name == path.Base(p) {
			name = ""
		}
		line := fmt.Sprintf("%s %q\n", name, p)
		if strings.Contains(strings.Split(p, "/")[0], ".") {
			other += line
		} else {
			std += line
		}
	}
	fmt.Fprintf(&head, "%s\n%s)\n\n", std, other)
	text := head.String() + o.b.String()
	out, err := format.Source([]byte(text))
	if err != nil {
		return []byte(text), fmt.Errorf("%s: the output is no Go, which is a fault of heistgen: %w", s.output, err)
	}
	lines := directives(strings.Split(string(out), "\n"), filepath.Base(s.output))
	return seal(filepath.Base(s.name), []byte(strings.Join(lines, "\n"))), nil
}

// directives leaves out the line directives that say what the compiler would count anyway, and the names
// of files that it knows from the one before. The output is a file of its own where selfMark stands.
func directives(lines []string, output string) (kept []string) {
	file, next := output, 2   // where the compiler takes the next line to be
	name, pos := "", [2]int{} // what the last directive says
	for _, l := range lines {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(l), "//line "); ok || strings.TrimSpace(l) == selfMark {
			if len(kept) > 0 && kept[len(kept)-1] == "" {
				kept = kept[:len(kept)-1] // gofmt sets comments apart
				next--
			}
			name, pos = output, [2]int{}
			if ok {
				parts := strings.Split(rest, ":")
				name = parts[0]
				pos[0], _ = strconv.Atoi(parts[1])
				pos[1], _ = strconv.Atoi(parts[2])
			}
			continue
		}
		if name != "" {
			if name == output {
				pos = [2]int{len(kept) + 3, 1} // behind the directive, and the line that seal writes
			}
			column := len(l) - len(strings.TrimLeft(l, "\t")) + 1
			if name != file || name != output && pos != [2]int{next, column} {
				said := name
				if name == file {
					said = "" // the same
				}
				kept = append(kept, fmt.Sprintf("//line %s:%d:%d", said, pos[0], pos[1]))
			}
			file, next, name = name, pos[0], ""
		}
		kept = append(kept, l)
		next++
	}
	return kept
}

func (o *output) use(p, name string) string {
	if n, ok := o.imports[p]; ok {
		return n
	}
	if n, ok := o.given[p]; ok {
		o.imports[p] = n
		return n
	}
	for i := 2; ; i++ {
		if _, ok := o.taken[name]; !ok {
			break
		}
		name = fmt.Sprintf("%s%d", strings.TrimRight(name, "0123456789"), i)
	}
	o.taken[name] = p
	o.imports[p] = name
	return name
}

// fun writes what is made of a function.
func (o *output) fun(f *fun) {
	w := &writer{f: f, out: o}
	tp, tn := w.typeParams(), f.typeParamNames()
	call, tsk := f.name+"Call", f.name+"Task"
	for _, l := range f.types {
		sp := l.spec.(*ast.TypeSpec)
		eq := ""
		if sp.Assign.IsValid() {
			eq = "= "
		}
		bare := &writer{f: f, out: o, bare: true}
		params := tp
		if sp.TypeParams != nil {
			params = bare.fieldTypeParams(sp.TypeParams)
		}
		o.p("// %s is %s of %s.\ntype %s%s %s%s\n\n", l.name, sp.Name.Name, f.display(), l.name, params, eq, bare.expr(sp.Type))
	}
	doc := f.docText()
	params, names := f.paramList(w, true)
	switch {
	case f.lit != nil:
		o.literal(w, tp, tn)
	case f.yield != nil:
		if doc != "" {
			doc = "//\n" + doc
		}
		o.p("// %sSeq is %s as a generator.\n%stype %sSeq%s struct {\n%sValues[%s]\ncall %s%s\n}\n\n", f.name, f.display(), doc, f.name, tp, w.machine(), w.typ(f.yields), call, tn)
		v := f.unique("g")
		o.p("// %s returns the generator of the values that %s yields.\nfunc %s%s(%s) *%sSeq%s {\n%s := &%sSeq%s{}\n", newName(f.name), f.display(), newName(f.name), tp, params, f.name, tn, v, f.name, tn)
		if names != "" {
			names += ", "
		}
		o.p("%s.call.Begin(%s&%s.Values)\n%s.Values.Begin(&%s.call)\nreturn %s\n}\n\n", v, names, v, v, v, v)
		if f.alone() && !f.leaves() && len(f.defers) == 0 && len(f.outs) == 0 && len(f.code) <= twice {
			o.next(f, v, tn)
		}
	default:
		if doc != "" {
			doc = "//\n" + doc
		}
		o.p("// %s is %s as a task.\n%stype %s%s struct {\n%sRoot\ncall %s%s\n}\n\n", tsk, f.display(), doc, tsk, tp, w.machine(), call, tn)
		v := f.unique("t")
		o.p("// %s returns the task that runs %s. It is started like any other.\nfunc %s%s(%s) *%s%s {\n%s := &%s%s{}\n%s.call.Begin(%s)\nreturn %s\n}\n\n",
			newName(f.name), f.display(), newName(f.name), tp, params, tsk, tn, v, tsk, tn, v, names, v)
		poll := fmt.Sprintf("%s.Drive(%s, &%s.call)", v, f.ctx, v)
		if f.alone() {
			poll = fmt.Sprintf("%s.call.Step(&%s.Driver, %s, nil)", v, v, f.ctx)
		}
		o.p("func (%s *%s%s) Poll(%s *%sCx) error { return %s }\n\n", v, tsk, tn, f.ctx, w.task(), poll)
		o.p("// TaskName is the function's name.\nfunc (*%s%s) TaskName() string { return %q }\n\n", tsk, tn, f.display())
		self := f.self
		f.self = v + ".call"
		var rs []string
		for _, s := range f.outs {
			rs = append(rs, w.slot(s))
		}
		rs = append(rs, v+".Err()")
		f.self = self
		o.p("// Result returns what %s has returned: after the task's end.\nfunc (%s *%s%s) Result() %s {\nreturn %s\n}\n\n", f.display(), v, tsk, tn, f.resultList(w), strings.Join(rs, ", "))
		if f.leading() {
			o.p("// Finish runs the deferred calls at the head of %s if it was never polled.\nfunc (%s *%s%s) Finish(error) { %s.call.abandoned() }\n\n", f.display(), v, tsk, tn, v)
		}
	}
	o.machine(w, tp, tn, params)
	if f.context {
		o.goroutines(f)
	}
	for _, l := range f.lits {
		o.fun(l)
	}
}

// docText is the comment of the function, without directives.
func (f *fun) docText() (doc string) {
	if f.decl == nil || f.decl.Doc == nil {
		return ""
	}
	for _, c := range f.decl.Doc.List {
		if !strings.HasPrefix(c.Text, "//heist:") {
			doc += c.Text + "\n"
		}
	}
	return strings.TrimSuffix(doc, "//\n")
}

// leading reports whether the function begins with defer statements.
func (f *fun) leading() bool {
	for _, i := range f.code {
		if i.leads {
			return true
		}
	}
	return false
}

func (f *fun) display() string {
	if f.lit != nil {
		return fmt.Sprintf("the function literal at line %d", f.unit.Fset.Position(f.lit.Pos()).Line)
	}
	if r := f.sig.Recv(); r != nil {
		t := types.TypeString(r.Type(), func(*types.Package) string { return "" })
		if i := strings.IndexByte(t, '['); i > 0 {
			t = t[:i]
		}
		if strings.HasPrefix(t, "*") {
			t = "(" + t + ")"
		}
		return f.unit.Types.Name() + "." + t + "." + f.obj.Name()
	}
	return f.unit.Types.Name() + "." + f.obj.Name()
}

// paramList returns the parameters, and their names as arguments.
func (f *fun) paramList(w *writer, all bool) (params, names string) {
	var ps, ns []string
	for i, p := range f.params {
		s := f.slots[p]
		t := w.typ(p.Type())
		n := s.name
		if f.sig.Variadic() && i == len(f.params)-1 {
			t = "..." + w.typ(p.Type().(*types.Slice).Elem())
			ns = append(ns, n+"...")
		} else {
			ns = append(ns, n)
		}
		ps = append(ps, n+" "+t)
	}
	return strings.Join(ps, ", "), strings.Join(ns, ", ")
}

func (f *fun) resultList(w *writer) string {
	var rs []string
	for _, s := range f.outs {
		rs = append(rs, w.typ(s.typ))
	}
	rs = append(rs, "error")
	if len(rs) == 1 {
		return rs[0]
	}
	return "(" + strings.Join(rs, ", ") + ")"
}

func (o *output) p(format string, args ...any) { fmt.Fprintf(&o.b, format, args...) }

// operationType writes the type of a function literal, without func.
func (f *fun) operationType(w *writer) string {
	parts := []string{"*" + w.task() + "Cx"}
	for i, p := range f.params {
		t := w.typ(p.Type())
		if f.sig.Variadic() && i == len(f.params)-1 {
			t = "..." + w.typ(p.Type().(*types.Slice).Elem())
		}
		parts = append(parts, t)
	}
	return "(" + strings.Join(parts, ", ") + ") " + f.resultList(w)
}

// literal writes the constructor of a function literal, and the operation that it is.
func (o *output) literal(w *writer, tp, tn string) {
	f := w.f
	call := f.name + "Call"
	var ps, init, again, ready []string
	for _, v := range f.captive {
		s := f.slots[v]
		ps = append(ps, s.name+" *"+w.typ(s.typ))
		init = append(init, s.name+": "+s.name)
		ready = append(ready, fmt.Sprintf("%s.%s = %s\n", f.self, s.name, s.name))
	}
	sig := func() string {
		parts := []string{f.ctx + " *" + w.task() + "Cx"}
		for i, p := range f.params {
			t := w.typ(p.Type())
			if f.sig.Variadic() && i == len(f.params)-1 {
				t = "..." + w.typ(p.Type().(*types.Slice).Elem())
			}
			parts = append(parts, f.slots[p].name+" "+t)
		}
		return "(" + strings.Join(parts, ", ") + ")"
	}
	first, made, ok := f.generated("first", "first0"), f.generated("now", "progress"), f.generated("ok", "found")
	for _, v := range f.captive {
		n := f.slots[v].name
		again = append(again, n+": "+first+"."+n)
	}
	if f.bounded {
		o.p("// ready makes %s an operation of the function around it, whose variables it captures.\nfunc (%s *%s%s) ready(%s) {\n%s", f.display(), f.self, call, tn, strings.Join(ps, ", "), strings.Join(ready, ""))
		o.p("if %s.poll == nil {\n%s.poll = %s.operation()\n}\n}\n\n", f.self, f.self, f.self)
	}
	if !f.bounded || f.root().context { // the version for goroutines has no frame
		o.p("// %s returns %s as an operation.\nfunc %s%s(%s) func%s {\n", newName(f.name), f.display(), newName(f.name), tp, strings.Join(ps, ", "), f.operationType(w))
		o.p("return (&%s%s{%s}).operation()\n}\n\n", call, tn, strings.Join(init, ", "))
	}
	_, names := f.paramList(w, true)
	var rs []string
	var outs []string
	for i, s := range f.outs {
		outs = append(outs, fmt.Sprintf("result%d %s", i+1, w.typ(s.typ)))
		rs = append(rs, fmt.Sprintf("result%d", i+1))
	}
	fail := f.generated("err", "e")
	outs = append(outs, fail+" error")
	rs = append(rs, fail)
	o.p("// operation returns the function, whose first call has the frame that this is.\nfunc (%s *%s%s) operation() func%s {\n", first, call, tn, f.operationType(w))
	o.p("return func%s (%s) {\n%s, %s := %s.Here(%s).(*%s%s)\nif !%s {\n", sig(), strings.Join(outs, ", "), made, ok, first, f.ctx, call, tn, ok)
	o.p("if %s = %s; !%s.Claim() {\n%s = &%s%s{%s}\n}\n%s.Begin(%s)\n}\n", made, first, made, made, call, tn, strings.Join(again, ", "), made, names)
	o.p("if %s = %s.Drive(%s, %s, &%s.Literal); %s == %sPending {\nreturn %s\n}\n", fail, made, f.ctx, made, first, fail, w.task(), strings.Join(rs, ", "))
	o.p("return %s.Result(%s)\n}\n}\n\n", made, fail)
}

// machine writes the function in progress.
func (o *output) machine(w *writer, tp, tn, params string) {
	f := w.f
	call := f.name + "Call"
	m := f.self
	o.p("// %s is %s in progress.\ntype %s%s ", call, f.display(), call, tp)
	if f.frame != "" {
		o.p("%s\n\n// %s is what it keeps. Others begin with it: they are awaited when it is not.\ntype %s ", f.frame, f.frame, f.frame)
	}
	o.p("struct {\n")
	if f.base != nil {
		o.p("%s%s\n", f.base.frame, f.rented())
	} else {
		o.p("%s%s\n", w.machine(), f.head())
	}
	for _, p := range f.own() {
		switch s, k := p.slot, p.kid; {
		case p.lit != nil:
			o.p("%s %sCall%s // line %d\n", p.lit.nest, p.lit.name, tn, f.line(p.lit.lit.Pos()))
		case s != nil:
			star, also := "", ""
			if s.boxed {
				star = "*"
			}
			for _, x := range s.others {
				also += ", " + x.name
			}
			if s.at != "" && s.at != s.name {
				also = ", " + s.name + also
			}
			o.p("%s %s%s%s\n", s.fieldName(), star, w.typ(s.typ), comment(" and ", also))
		case k != nil:
			star := ""
			if k.pointer {
				star = "*"
			}
			o.p("%s %s%s // awaited%s\n", k.name, star, w.kidType(k), f.lodgers(k))
		default:
			o.p("defers []%sDefer%s\n", f.name, tn)
		}
	}
	if f.bounded {
		o.p("poll func%s\n", f.operationType(w))
	}
	o.p("}\n\n")
	ofSite := f.ofSites()
	if f.spares != "" {
		o.p("// %s are frames of %s that are free.\nvar %s = %sNewSpares[%s]()\n\n", f.spares, f.display(), f.spares, w.machine(), call)
	}
	if f.listed {
		o.p("// %sDefer is a deferred call.\ntype %sDefer%s struct {\nsite int\n", f.name, f.name, tp)
		for _, s := range f.order {
			if ofSite[s] {
				o.p("%s %s\n", s.name, w.typ(s.typ))
			}
		}
		o.p("}\n\n")
	}

	// Begin
	if f.yield != nil {
		if params != "" {
			params += ", "
		}
		params += f.slots[f.yield].name + " *" + w.machine() + "Values[" + w.typ(f.yields) + "]"
	}
	o.p("// Begin readies %s for a call of the function.\nfunc (%s *%s%s) Begin(%s) {\n%s.Start()\n", m, m, call, tn, params, m)
	ps := append([]*types.Var(nil), f.params...)
	if f.yield != nil {
		ps = append(ps, f.yield)
	}
	for _, p := range ps {
		s := f.slots[p]
		if s.boxed {
			o.p("%s = new(%s)\n*%s = %s\n", w.place(s), w.typ(s.typ), w.place(s), s.name)
		} else {
			o.p("%s = %s\n", w.place(s), s.name)
		}
	}
	zeroes := f.outs
	if f.fail != nil && f.fail.frame {
		zeroes = append(append([]*slot(nil), zeroes...), f.fail)
	}
	for _, s := range zeroes {
		if s.boxed {
			o.p("%s = new(%s)\n", w.place(s), w.typ(s.typ))
		} else {
			o.p("%s = %s\n", w.place(s), w.zero(s.typ))
		}
	}
	if f.listed {
		o.p("%s.defers = nil\n", m)
	}
	o.p("}\n\n")

	// Result
	o.p("// Result returns what the function has returned, and lets go of what it has used.\nfunc (%s *%s%s) Result(%s error) %s {\n", m, call, tn, f.in, f.resultList(w))
	var rs []string
	for i, s := range f.outs {
		v := fmt.Sprintf("result%d", i+1)
		o.p("%s := %s\n", v, w.slot(s))
		rs = append(rs, v)
	}
	captive := map[*slot]bool{}
	for _, v := range f.captive {
		captive[f.slots[v]] = true
	}
	for _, s := range f.order {
		if !s.frame || s.shares != nil || captive[s] || f.listed && ofSite[s] || s.rests && !hasExported(s.typ) {
			continue
		}
		if s == f.slots[f.yield] && f.spares == "" {
			continue // the generator has the frame, too
		}
		if s.boxed {
			o.p("%s = nil\n", w.place(s))
		} else if hasPointers(s.typ, map[types.Type]bool{}) {
			o.p("%s = %s\n", w.place(s), w.zero(s.typ))
		}
	}
	if f.mutant("a panic of an awaited function is not raised") {
		rs = append(rs, f.in)
	} else {
		rs = append(rs, w.machine()+"Returned("+f.in+")")
	}
	o.p("return %s\n}\n\n", strings.Join(rs, ", "))

	// Step
	step := "Step"
	leaves := f.leaves()
	guarded := f.guarded()
	fail := f.out
	if f.fail != nil {
		fail = w.slot(f.fail)
	}
	sig := fmt.Sprintf("(%s *%sDriver, %s *%sCx, %s error) (%s error)", f.drv, w.machine(), f.ctx, w.task(), f.in, f.out)
	if guarded {
		step = "step"
		o.p("// Step implements machine.Func.\nfunc (%s *%s%s) Step%s {\nok := false\ndefer func() {\nif !ok {\n", m, call, tn, sig)
		if len(f.defers) > 0 {
			if f.shields {
				o.p("defer %s.Unshield(%s, %s)\n", m, f.drv, f.ctx)
			}
			o.p("%s\n%s = %sEnded(%s)\n", f.runsDeferred(f.ctx, "recover()"), f.out, w.machine(), fail)
		} else if f.shields {
			o.p("%s.Unshield(%s, %s)\n", m, f.drv, f.ctx)
		}
		if leaves {
			if len(f.defers) > 0 || f.shields {
				o.p("}\n}()\ndefer func() {\nif !ok {\n")
			}
			o.p("%s.left(%s)\n", m, f.ctx)
		}
		o.p("}\n}()\n%s = %s.step(%s, %s, %s)\nok = true\nreturn %s\n}\n\n", f.out, m, f.drv, f.ctx, f.in, f.out)
		o.p("// step is Step without the care for panics.\n")
	} else {
		o.p("// Step implements machine.Func.\n")
	}
	o.p("func (%s *%s%s) %s%s {\n", m, call, tn, step, sig)
	o.code(w)
	o.p("\n%s\n}\n\n", selfMark)

	o.lines(f, call, tn)
	if leaves {
		o.p("// left ends what a panic has left behind, before others have its place.\nfunc (%s *%s%s) left(%s *%sCx) {\n", m, call, tn, f.ctx, w.task())
		for i := len(f.insides()) - 1; i >= 0; i-- {
			o.p("defer %s.%s.End(%s)\n", m, f.insides()[i].nest, f.ctx)
		}
		for _, s := range f.combinators() {
			o.p("defer %s.End(%s)\n", w.place(s), f.ctx)
		}
		o.p("}\n\n")
	}
	if len(f.defers) > 0 {
		o.deferred(w, call, tn)
	}
	if len(f.defers) > 0 {
		o.p("// Unwind runs the deferred calls if nobody will resume the function.\nfunc (%s *%s%s) Unwind() { %s }\n\n", m, call, tn, f.runsDeferred("nil", "nil"))
	}
	if f.leading() && f.lit == nil {
		o.p("// abandoned runs the deferred calls that stand before all else.\nfunc (%s *%s%s) abandoned() {\nif %s.Entered() {\nreturn\n}\n", m, call, tn, m)
		in := &writer{f: f, out: o, bare: true}
		for _, i := range f.code {
			if i.leads {
				in.instr(i)
			}
		}
		o.p("%s%s\n}\n\n", in.b.String(), f.runsDeferred("nil", "nil"))
	}
}

// lines writes where the function's waits are in the source, for who looks at a task that is suspended.
func (o *output) lines(f *fun, call, tn string) {
	where := f.unit.Fset.Position(f.where())
	lines := make([]string, f.states+1)
	for i := range lines {
		lines[i] = strconv.Itoa(where.Line) // it cannot be there
	}
	for _, i := range f.code {
		if i.state > 0 {
			lines[i.state] = strconv.Itoa(f.line(i.pos))
		}
	}
	o.p("// Line returns the line of the source that a wait is in.\nfunc (*%s%s) Line(at uint32) (string, int) {\nreturn %q, [...]int{%s}[at]\n}\n\n",
		call, tn, filepath.Base(where.Filename), strings.Join(lines, ", "))
}

// comment writes a list that begins with a comma.
func comment(first, list string) string {
	if list == "" {
		return ""
	}
	return " //" + first + strings.TrimPrefix(list, ", ")
}

// lodgers names the functions whose frames lie in that of k.
func (f *fun) lodgers(k *kid) string {
	var names []string
	for _, o := range f.frames {
		if o.host == k {
			names = append(names, o.f.obj.Name())
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "; at other times " + strings.Join(names, ", ")
}

// rented says which fields of its base f has for which of its variables.
func (f *fun) rented() string {
	also := ""
	for _, p := range f.parts() {
		if s := p.slot; s != nil && s.based {
			for _, x := range append([]*slot{s}, s.others...) {
				if x.name != s.at {
					also += fmt.Sprintf(", %s: %s", s.at, x.name)
				}
			}
		}
	}
	return comment(" ", also)
}

// alone reports whether the function awaits no other, so that it is the innermost one whenever it waits.
func (f *fun) alone() bool { return len(f.frames) == 0 && !f.shields }

// guarded reports whether the function has something to do when one that it awaits panics.
func (f *fun) guarded() bool { return len(f.defers) > 0 || f.shields || f.leaves() }

// hasExported reports whether a struct has exported fields that point to memory.
func hasExported(t types.Type) bool {
	s, ok := t.Underlying().(*types.Struct)
	if !ok {
		return true
	}
	for v := range s.Fields() {
		if v.Exported() && hasPointers(v.Type(), map[types.Type]bool{}) {
			return true
		}
	}
	return false
}

// next writes the Next of a generator that is alone: Step's body, which returns values where it makes them
// instead of leaving them with the generator for who asks.
func (o *output) next(f *fun, g, tn string) {
	w := &writer{f: f, out: o, next: g}
	drv, result := f.drv, f.out
	f.drv, f.out = g, f.generated("err", "e")
	value := f.generated("none", "nothing")
	o.p("// Next implements stream.Generator.\nfunc (%s *%sSeq%s) Next(%s *%sCx) (%s %s, %s error) {\n", g, f.name, tn, f.ctx, w.task(), value, w.typ(f.yields), f.out)
	o.p("if %s.IsOver() {\nreturn %s, %s.EOF\n}\n%s := &%s.call\n", g, value, o.importName("io", "io"), f.self, g)
	w.value = value
	o.code(w)
	o.p("\n%s\n}\n\n", selfMark)
	f.drv, f.out = drv, result
}

// code writes a body with the variables that are no fields, and where it goes on.
func (o *output) code(w *writer) {
	f := w.f
	body := w.body()
	for _, s := range f.order {
		if s.frame || s.shares != nil || !w.used[s] {
			continue
		}
		star := ""
		if s.boxed {
			star = "*"
		}
		o.p("var %s %s%s\n", s.name, star, w.typ(s.typ))
	}
	for _, s := range f.order {
		if !s.frame && s.shares == nil && w.used[s] && s.reads == 0 {
			o.p("_ = %s\n", s.name)
		}
	}
	o.consts(w)
	if f.nested() != nil {
		o.p("%s := %s\n%s:\n", f.from, f.self, f.resume.name)
	}
	for _, k := range f.frames {
		if k.host != nil && slices.ContainsFunc(f.code, func(i *instr) bool { return i.kid == k }) {
			o.p("%s := (*%s)(&%s.%s%s)\n", k.name, w.kidType(k), f.self, k.host.name, k.way)
		}
	}
	var cases []string
	for _, i := range f.code {
		if i.state > 0 {
			cases = append(cases, fmt.Sprintf("case %d:\ngoto %s\n", i.state, i.label.name))
		}
	}
	if len(cases) > 0 {
		o.p("switch %s.At {\n%s}\n", f.self, strings.Join(cases, ""))
	}
	if f.leading() && f.lit == nil {
		o.p("%s.Enter()\n", f.self)
	}
	o.p("%s", body)
}

// mentionsConst reports whether an expression names a constant of the function.
func (f *fun) mentionsConst(e ast.Expr) (yes bool) {
	if e == nil {
		return false
	}
	ast.Inspect(e, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			_, is := f.info().Uses[id].(*types.Const)
			yes = yes || is && f.cut[f.info().Uses[id]] != nil
		}
		return true
	})
	return yes
}

// consts declares the function's constants.
func (o *output) consts(w *writer) {
	for _, l := range w.f.consts {
		c := l.obj.(*types.Const)
		t := ""
		if b, ok := c.Type().(*types.Basic); (!ok || b.Info()&types.IsUntyped == 0) && !w.f.mutant("a constant of the function has no type") {
			t = " " + w.typ(c.Type())
		}
		if l.expr != nil {
			o.p("const %s%s = %s\n", l.name, t, w.expr(l.expr))
		} else {
			o.p("const %s%s = %s\n", l.name, t, constText(c))
		}
	}
}

// defersCx reports whether a deferred call takes the context of the poll in which it runs.
func (f *fun) defersCx() bool {
	return slices.ContainsFunc(f.defers, func(s *site) bool { return slices.ContainsFunc(s.fixed, f.isOwnCx) })
}

// isOwnCx reports whether an expression is the function's own context.
func (f *fun) isOwnCx(e ast.Expr) bool {
	id, ok := ast.Unparen(e).(*ast.Ident)
	return ok && f.cx != nil && f.info().Uses[id] == f.cx
}

// runsDeferred is a call of the method that deferred writes, in the poll of ctx, or with nil outside of one.
func (f *fun) runsDeferred(ctx, raised string) string {
	if f.defersCx() {
		if f.mutant("a deferred call has no context") {
			ctx = "nil"
		}
		raised = ctx + ", " + raised
	}
	return fmt.Sprintf("%s.deferred(%s)", f.self, raised)
}

// deferred writes the method that runs the deferred calls, as real ones.
func (o *output) deferred(w *writer, call, tn string) {
	f := w.f
	m := f.self
	did, raised := f.generated("did", "ran"), f.generated("raised", "value")
	poll := ""
	if f.defersCx() {
		poll = fmt.Sprintf("%s *%sCx, ", f.ctx, w.task())
	}
	o.p("// deferred runs the deferred calls, on top of what was raised, or nil.\nfunc (%s *%s%s) deferred(%s%s %s) {\n", m, call, tn, poll, raised, f.unit.any())
	if slices.ContainsFunc(f.defers, func(s *site) bool { return slices.ContainsFunc(s.fixed, f.mentionsConst) }) {
		o.consts(w)
	}
	field := func(s *slot) string {
		if f.listed {
			return s.name
		}
		return s.fieldName()
	}
	one := func(s *site, at string) {
		text := ""
		var boxes []*slot
		lit, literal := s.static.(*ast.FuncLit)
		if literal {
			boxes = f.boxedIn(lit, nil)
		}
		w.b.Reset()
		w.with(boxes, func() {
			switch {
			case s.static != nil:
				text = w.expr(s.static)
			case s.method != "":
				text = at + field(s.fun) + "." + s.method
			default:
				text = at + field(s.fun)
			}
			var as []string
			for i, a := range s.args {
				if a == nil {
					as = append(as, w.expr(s.fixed[i]))
				} else {
					as = append(as, at+field(a))
				}
			}
			dots := ""
			if s.spread {
				dots = "..."
			}
			w.p("defer %s(%s%s)\n", text, strings.Join(as, ", "), dots)
			if literal {
				w.p("\n%s\n", selfMark)
			}
		})
		o.p("%s", w.b.String())
		w.b.Reset()
	}
	if f.listed {
		rec := f.generated("rec", "record")
		o.p("%s := %s.defers\n%s.defers = nil\nfor i := range %s {\nswitch %s := &%s[i]; %s.site {\n", did, m, m, did, rec, did, rec)
		for _, s := range f.defers {
			o.p("case %d:\n", s.bit+1)
			one(s, rec+".")
		}
		o.p("}\n}\n")
	} else {
		o.p("%s := %s.Defers()\n", did, m)
		sites := slices.Clone(f.defers)
		if f.mutant("deferred calls run in the order of their statements") {
			slices.Reverse(sites)
		}
		for _, s := range sites {
			o.p("if %s&(1<<%d) != 0 {\n", did, s.bit)
			one(s, m+".")
			o.p("}\n")
		}
	}
	o.p("if %s != nil {\npanic(%s)\n}\n}\n\n", raised, raised)
}

func hasPointers(t types.Type, seen map[types.Type]bool) bool {
	if seen[t] {
		return false
	}
	seen[t] = true
	switch u := types.Unalias(t).(type) {
	case *types.TypeParam:
		return true
	default:
		switch u := u.Underlying().(type) {
		case *types.Basic:
			return u.Info()&types.IsString != 0 || u.Kind() == types.UnsafePointer
		case *types.Array:
			return hasPointers(u.Elem(), seen)
		case *types.Struct:
			for v := range u.Fields() {
				if hasPointers(v.Type(), seen) {
					return true
				}
			}
			return false
		}
	}
	return true
}

// body writes the function's instructions.
func (w *writer) body() string {
	f := w.f
	w.used = map[*slot]bool{}
	w.ends = new(int)
	w.findTails()
	if f.nested() != nil && !f.lodging() {
		f.start.used = true
	}
	w.b.Reset()
	for _, i := range f.code {
		for _, s := range i.uses {
			w.used[s.field()] = true
		}
		for _, s := range i.defs {
			w.used[s.field()] = true
		}
		w.instr(i)
	}
	if f.fail != nil {
		w.used[f.fail] = true
	}
	if f.end.used {
		if n := len(f.code); n > 0 && f.code[n-1].op == opReturn {
			t := strings.TrimSpace(w.b.String())
			if j := strings.LastIndex(t, "goto "+f.end.name); j >= 0 && j+len("goto "+f.end.name) == len(t) {
				w.b.Reset()
				w.b.WriteString(t[:j])
				*w.ends--
			}
		}
		if *w.ends > 0 {
			w.p("\n%s:\n", f.end.name)
		}
		if len(f.defers) > 0 && !f.mutant("deferred calls do not run at an ordinary end") {
			w.p("%s\n", f.runsDeferred(f.ctx, "nil"))
		}
		if f.shields {
			w.p("%s.Unshield(%s, %s)\n", f.self, f.drv, f.ctx)
		}
		fail := f.out
		if f.fail != nil {
			fail = w.slot(f.fail)
			f.fail.reads++
		}
		if k := f.nested(); k != nil {
			w.back(k, fail)
		}
		w.p("return %sEnded(%s)\n", w.machine(), fail)
	} else if n := len(f.code); n == 0 || f.code[n-1].op != opReturn {
		needs := n == 0
		if n > 0 {
			switch last := f.code[n-1]; last.op {
			case opGoto:
			case opStmt:
				needs = falls(last.stmt) || !plainEnd(last.stmt)
			default:
				needs = true
			}
		}
		if needs {
			w.p("panic(\"unreachable\")\n")
		}
	}
	w.writeTails()
	text := w.b.String()
	w.b.Reset()
	return text
}

func plainEnd(s ast.Stmt) bool {
	switch s := s.(type) {
	case *ast.ExprStmt, *ast.ReturnStmt, *ast.BranchStmt:
		return true
	case *ast.SwitchStmt, *ast.TypeSwitchStmt, *ast.ForStmt, *ast.IfStmt, *ast.BlockStmt, *ast.LabeledStmt:
		return !falls(s)
	}
	return false
}

// closures lists the boxed variables that function literals in the nodes use.
func (w *writer) closures(nodes ...ast.Node) (list []*slot) {
	f := w.f
	static := map[ast.Expr]bool{}
	for _, s := range f.defers {
		static[s.static] = true
	}
	for _, n := range nodes {
		if n == nil {
			continue
		}
		ast.Inspect(n, func(n ast.Node) bool {
			lit, ok := n.(*ast.FuncLit)
			if !ok {
				return true
			}
			if f.machines[lit] != nil || static[lit] {
				return false
			}
			list = f.boxedIn(lit, list)
			return false
		})
	}
	return list
}

// boxedIn adds the boxed variables that a literal uses to list.
func (f *fun) boxedIn(lit *ast.FuncLit, list []*slot) []*slot {
	ast.Inspect(lit, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			if s := f.slotOf(id); s != nil && s.boxed && !slices.Contains(list, s) {
				list = append(list, s)
			}
		}
		return true
	})
	return list
}

// with writes what do writes in a block where closures find their variables.
func (w *writer) with(list []*slot, do func()) {
	if len(list) == 0 {
		do()
		return
	}
	w.p("{\n")
	for _, s := range list {
		w.p("%s := %s\n", s.name, w.place(s))
	}
	w.alias = map[*slot]bool{}
	for _, s := range list {
		w.alias[s] = true
	}
	do()
	w.alias = nil
	w.p("}\n")
}

func (w *writer) instr(i *instr) {
	f := w.f
	switch i.op {
	case opStmt:
		w.with(w.closures(i.stmt), func() { w.stmt(i.stmt) })
	case opRaw:
		var nodes []ast.Node
		for _, a := range i.args {
			nodes = append(nodes, nodesOf(a)...)
		}
		if k := i.takes; k != nil && k.spare {
			w.p("if %s == nil {\n%s = %s.Take(%s)\n}\n", w.kidPlace(k), w.kidPlace(k), k.f.spares, f.ctx)
		}
		w.line(i.pos)
		w.with(w.closures(nodes...), func() {
			if i.format == "%v = %v" {
				w.p("%s\n", w.assignment([]string{w.arg(i.args[0])}, []string{w.arg(i.args[1])}))
				return
			}
			w.p("%s\n", w.text(i.format, i.args))
		})
		if k := i.gives; k != nil && k.spare {
			w.p("%s = %s.Keep(%s, %s)\n", w.kidPlace(k), k.f.spares, f.ctx, w.kidPlace(k))
		}
	case opLabel:
		if i.label.used {
			w.p("%s:\n", i.label.name)
		}
	case opGoto:
		w.p("goto %s\n", i.label.name)
	case opIf:
		w.line(i.pos)
		var nodes []ast.Node
		if _, ok := i.cond.(*rawExpr); !ok {
			nodes = append(nodes, i.cond)
		}
		w.with(w.closures(nodes...), func() { w.p("if %s {\ngoto %s\n}\n", w.not(i.cond), i.label.name) })
	case opWait:
		w.p("%s:\n", i.label.name)
		w.line(i.pos)
		var dst []string
		for _, e := range i.lhs {
			dst = append(dst, w.expr(e))
		}
		call := w.expr(i.call)
		last := call
		if len(dst) > 0 {
			last = dst[len(dst)-1]
			w.p("%s = %s\n", strings.Join(dst, ", "), call)
		}
		wait := w.suspend(i)
		if f.told(i.call) {
			wait = fmt.Sprintf("if %s = %s.Drained(); %s == nil {\n%s}\n", last, f.ctx, last, wait)
			var to, zeroes []string
			for k, e := range i.lhs[:len(i.lhs)-1] {
				if dst[k] != "_" {
					to, zeroes = append(to, dst[k]), append(zeroes, w.zero(f.info().TypeOf(e)))
				}
			}
			if len(to) > 0 {
				wait += strings.Join(to, ", ") + " = " + strings.Join(zeroes, ", ") + "\n"
			}
		}
		w.p("if %sIsPending(%s) {\n%s}\n", w.task(), last, wait)
	case opAwait:
		if f.nests(i) {
			w.nest(i)
			break
		}
		cond := f.in + " == " + w.task() + "Pending"
		if f.yield != nil || i.kid.f.yield != nil {
			cond = w.machine() + "Waits(" + f.in + ")"
		}
		k := w.kidPlace(i.kid)
		w.line(i.pos)
		w.p("if %s = %s.Step(%s, %s, nil); %s {\n%s}\n", f.in, k, f.drv, f.ctx, cond, w.suspend(i))
		w.p("%s:\n", i.label.name)
	case opYield:
		w.p("%s%s.At = %d\n", w.here(), f.self, i.state)
		w.line(i.pos)
		if w.next != "" {
			w.p("return %s, nil\n", w.expr(i.call))
		} else {
			w.p("return %s.Yield(%s, %s, %s)\n", w.slot(f.slots[f.yield]), f.drv, f.self, w.expr(i.call))
		}
		w.p("%s:\n", i.label.name)
	case opReturn:
		var nodes []ast.Node
		for _, e := range i.lhs {
			nodes = append(nodes, e)
		}
		w.with(w.closures(nodes...), func() { w.ret(i.pos, i.lhs) })
	}
}

// nests reports whether a call is one of the function itself that its Step goes on as: of a generator, because each value is
// one more resume, where to go up in a loop is cheaper than to return; where nothing is resumed a call is cheaper. It has
// nothing to do when the call panics.
func (f *fun) nests(i *instr) bool {
	return f.resume != nil && i.op == opAwait && i.kid.f == f && i.kid.pointer && i.kid.host == nil && !f.guarded() &&
		slices.EqualFunc(i.kid.targs, f.tparams, func(t types.Type, p *types.TypeParam) bool { return types.Identical(t, p) })
}

// nested returns the frame of the calls that nests is about, or nil.
func (f *fun) nested() *kid {
	if f.resume == nil {
		return nil
	}
	for _, i := range f.code {
		if f.nests(i) {
			return i.kid
		}
	}
	return nil
}

// lodging reports whether Step has names for frames that lie in others'.
func (f *fun) lodging() bool {
	return slices.ContainsFunc(f.code, func(i *instr) bool { return i.kid != nil && i.kid.host != nil })
}

// nest writes a call that nests is about.
func (w *writer) nest(i *instr) {
	f := w.f
	k := w.kidPlace(i.kid)
	w.p("%s%s.At = %d\n%s", w.here(), f.self, i.state, w.buried(i))
	if f.fail != nil && !f.fail.frame {
		w.p("%s = nil\n", w.slot(f.fail))
	}
	w.line(i.pos)
	w.p("%s.Nest(&%s.Call, %s)\n", f.drv, k, f.self)
	to := f.start
	if f.lodging() {
		to = f.resume
	}
	w.p("%s = %s\ngoto %s\n%s:\n", f.self, k, to.name, i.label.name)
}

// back writes how a call that nests is about ends: the function goes on as who has called it.
func (w *writer) back(k *kid, fail string) {
	f := w.f
	resumed := f.self + " == " + f.from
	w.p("if %s, ok := %s.Up().(*%s); ok {\n", f.up, f.self, w.kidType(k))
	if f.mutant("a function that goes on as its caller does not say so") {
		resumed = "false"
	}
	w.p("%s.Leave(&%s.Call, %s, %s)\n", f.drv, f.self, f.up, resumed)
	w.p("if %s == %s {\n%s = %s\n}\n", f.self, f.from, f.from, f.up)
	w.p("%s, %s = %s, %sEnded(%s)\ngoto %s\n}\n", f.self, f.in, f.up, w.machine(), fail, f.resume.name)
}

// suspend writes what a wait does that suspends: it lets go of what nobody will read, and returns
// what how says. Where many waits do the same they share one copy, at the function's end.
func (w *writer) suspend(i *instr) string {
	text := w.suspension(i)
	if l := w.tails[text]; l != nil {
		text = "goto " + l.name + "\n"
	}
	return fmt.Sprintf("%s%s.At = %d\n%s", w.here(), w.f.self, i.state, text)
}

// here says that the next line is none of the source: a breakpoint in that does not meet it, and coverage does not
// count it.
func (w *writer) here() string {
	if w.bare {
		return ""
	}
	return "\n" + selfMark + "\n"
}

// suspension is what suspend shares.
func (w *writer) suspension(i *instr) string {
	f := w.f
	text := w.buried(i)
	if i.op == opAwait {
		how := "Awaited"
		if f.guarded() {
			how = "Guarded"
		}
		return text + fmt.Sprintf("return %s.%s(&%s.Call, %s, %s)\n", f.drv, how, w.kidPlace(i.kid), f.self, f.in)
	}
	if w.next != "" {
		text += fmt.Sprintf("return %s, ", w.value)
	} else {
		text += "return "
	}
	return text + fmt.Sprintf("%s.Suspended(%s)\n", f.drv, f.self)
}

// buried lets go of what nobody will read behind a wait.
func (w *writer) buried(i *instr) string {
	var fields, zeroes []string
	for _, s := range i.dead {
		fields = append(fields, w.place(s))
		if s.boxed {
			zeroes = append(zeroes, "nil")
		} else {
			zeroes = append(zeroes, w.zero(s.typ))
		}
	}
	if len(fields) == 0 {
		return ""
	}
	return strings.Join(fields, ", ") + " = " + strings.Join(zeroes, ", ") + "\n"
}

// findTails names the suspensions that are worth sharing: Go's compiler is slow in large functions.
func (w *writer) findTails() {
	w.tails = map[string]*label{}
	uses := map[string]int{}
	for _, i := range w.f.code {
		if i.op != opWait && i.op != opAwait || w.f.nests(i) {
			continue
		}
		text := w.suspension(i)
		if uses[text]++; w.tails[text] == nil && uses[text] > 1 && (uses[text]-1)*len(text) >= 150 {
			l := w.f.newLabel("suspend", i.pos)
			w.tails[text] = l
			w.shared = append(w.shared, text)
		}
	}
}

// writeTails writes them. They are no line of the source.
func (w *writer) writeTails() {
	if len(w.shared) > 0 {
		w.p("\n%s\n", selfMark)
	}
	for _, text := range w.shared {
		w.p("\n%s:\n%s", w.tails[text].name, text)
	}
}

func nodesOf(a any) (list []ast.Node) {
	switch a := a.(type) {
	case args:
		for _, x := range a.list {
			list = append(list, nodesOf(x)...)
		}
	case argList:
		for _, e := range a.args {
			list = append(list, e)
		}
	case receiver:
		list = append(list, a.s.X)
	case lhsList:
		for _, e := range a.list {
			list = append(list, e)
		}
	case phrase:
		for _, x := range a.args {
			list = append(list, nodesOf(x)...)
		}
	case *rawExpr:
	case ast.Expr:
		list = append(list, a)
	}
	return list
}

// not writes the opposite of a condition.
func (w *writer) not(e ast.Expr) string {
	switch x := e.(type) {
	case *rawExpr:
		if x.opposite != "" {
			return w.text(x.opposite, x.args)
		}
		return "!" + w.expr(e)
	case *ast.ParenExpr:
		return w.not(x.X)
	case *ast.UnaryExpr:
		if x.Op == token.NOT {
			return w.expr(x.X)
		}
	case *ast.BinaryExpr:
		opposite := map[token.Token]token.Token{token.EQL: token.NEQ, token.NEQ: token.EQL}
		if t := w.f.info().TypeOf(x.X); t != nil {
			if b, ok := coreOf(t).(*types.Basic); ok && b.Info()&(types.IsInteger|types.IsString) != 0 {
				opposite[token.LSS], opposite[token.GEQ] = token.GEQ, token.LSS
				opposite[token.GTR], opposite[token.LEQ] = token.LEQ, token.GTR
			}
		}
		if op, ok := opposite[x.Op]; ok {
			c := *x
			c.Op = op
			t := w.expr(&c)
			if hasComposite(x) {
				return "(" + t + ")"
			}
			return t
		}
	case *ast.Ident, *ast.CallExpr, *ast.SelectorExpr, *ast.IndexExpr:
		if hasComposite(e) {
			break
		}
		return "!" + w.expr(e)
	}
	return "!(" + w.expr(e) + ")"
}

func hasComposite(e ast.Expr) (yes bool) {
	ast.Inspect(e, func(n ast.Node) bool {
		if _, ok := n.(*ast.CompositeLit); ok {
			yes = true
		}
		return true
	})
	return yes
}
