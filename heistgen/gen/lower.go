package gen

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"slices"
	"strconv"
)

// lowered is what becomes of a body.
type lowered struct {
	flat                    map[ast.Node]bool     // what waits, or has something inside that does
	machines                map[*ast.FuncLit]*fun // literals that are functions of their own
	captured                map[*types.Var]bool   // variables that closures use, or that are addressed
	openVars                map[*types.Var]bool   // variables that literals use whose frames are inside
	heldVars                map[*types.Var]bool   // variables that deferred literals use, which are parts of a method
	takenAt                 map[*types.Var]taken  // where that is first done, and lent
	pinned                  map[*types.Var]bool   // arrays that operations are lent
	lentTo                  map[*ast.SliceExpr]bool
	targets                 map[*ast.BranchStmt]ast.Stmt // what break and continue leave, or go on with
	jumps                   map[*ast.BranchStmt]*label
	breaks                  map[ast.Stmt]*label // of statements that are laid flat
	conts                   map[ast.Stmt]*label
	labels                  map[*types.Label]*label
	kept                    map[*types.Label]bool // labels of loops that stay
	next                    *label                // where fallthrough goes
	open                    []*opened             // ranges over generators around what is lowered
	closed                  *slot                 // what they return when they are closed
	names                   map[string]bool       // taken in the output
	idents                  map[string]bool       // names in the source of the function
	slots                   map[*types.Var]*slot
	order                   []*slot
	temps                   map[*ast.Ident]*slot
	code                    []*instr
	states                  int
	frames                  []*kid          // of awaited functions
	shared                  map[string]bool // names of Go variables that several temporaries have
	outs                    []*slot         // the results before the error
	fail                    *slot           // the error, in functions that defer or name it
	defers                  []*site
	sites                   map[*ast.CallExpr]*site
	implicits               map[*ast.EmptyStmt]implicit // where a type switch's variables begin
	listed                  bool                        // a defer statement is in a loop
	shields                 bool
	start, end              *label
	resume                  *label // where Step begins, for a function that goes on as who has called it: see nests
	from, up                string // that it was called for, and who has called it
	consts                  []*local
	types                   []*local
	cut                     map[types.Object]*local
	self, drv, ctx, in, out string // names of Step's receiver, parameters and result
}

// slot is a variable of the source, or a temporary.
type slot struct {
	obj    *types.Var
	name   string
	typ    types.Type
	boxed  bool // lives on the heap: it is captured or addressed
	held   bool // a deferred call reads it
	open   bool // a literal whose frame is inside may read and write it while the function waits
	rests  bool // a combinator or a timer: it is used in place, and refers to nothing at rest
	frame  bool // lives across a wait: a field
	pinned bool // a field for other reasons
	reads  int
	shares *slot     // whose field it has, with others whose lives do not meet its own
	others []*slot   // that have its field
	across token.Pos // the first wait that it lives across
	site   *site     // of a deferred call, for what that keeps
	at     string    // the name of its field, if it is not its own
	based  bool      // the field is one of the base
}

// taken says why a variable has a place of its own.
type taken struct {
	pos token.Pos
	how string
}

// kid is the frame of an awaited function.
type kid struct {
	f       *fun
	targs   []types.Type
	name    string
	pointer bool
	spare   bool      // and from a free list: see lease
	pos     token.Pos // of the first call
	host    *kid      // in whose frame it lies
	way     string    // where, there
	based   bool      // the field is one of the base
}

// local is a constant or type that is declared in the function.
type local struct {
	obj  types.Object
	name string
	spec ast.Spec
	expr ast.Expr
}

// site is a defer statement.
type site struct {
	call   *ast.CallExpr
	bit    int
	fun    *slot // the function or receiver, or nil
	method string
	args   []*slot
	fixed  []ast.Expr // arguments that are constants, or the function's context, where args is nil
	spread bool
	static ast.Expr // the function by name
	tuple  bool
}

type label struct {
	name string
	used bool
	pos  token.Pos
}

type op int

const (
	opStmt op = iota
	opRaw
	opLabel
	opGoto
	opIf // jumps if cond is not true
	opWait
	opAwait
	opYield
	opReturn
)

// instr is a piece of the lowered body.
type instr struct {
	op     op
	pos    token.Pos
	label  *label
	stmt   ast.Stmt
	cond   ast.Expr
	format string
	args   []any
	uses   []*slot
	defs   []*slot
	lhs    []ast.Expr
	call   ast.Expr
	kid    *kid
	takes  *kid // whose frame it needs
	gives  *kid // whose frame it needs no more
	state  int
	dead   []*slot // what a wait lets go of, if it suspends
	leads  bool    // a defer statement before all others

	in, outs bitset
	reach    bool
}

func (f *fun) emit(i *instr) *instr {
	f.code = append(f.code, i)
	return i
}

func (f *fun) newLabel(name string, pos token.Pos) *label {
	return &label{name: f.unique(name), pos: pos}
}

func (f *fun) place(l *label) { f.emit(&instr{op: opLabel, label: l, pos: l.pos}) }

func (f *fun) jump(l *label, pos token.Pos) {
	l.used = true
	f.emit(&instr{op: opGoto, label: l, pos: pos})
}

// unless jumps to l if cond is not true.
func (f *fun) unless(cond ast.Expr, l *label) {
	l.used = true
	f.emit(&instr{op: opIf, label: l, cond: cond, pos: cond.Pos()})
}

// raw emits text: the verbs %v take slots, labels, expressions, types and strings.
func (f *fun) raw(pos token.Pos, defs, uses []*slot, format string, args ...any) *instr {
	return f.emit(&instr{op: opRaw, pos: pos, defs: defs, uses: uses, format: format, args: args})
}

func (f *fun) statement(s ast.Stmt) *instr { return f.emit(&instr{op: opStmt, stmt: s, pos: s.Pos()}) }

// unique returns a name for the output that nothing else has.
func (f *fun) unique(name string) string {
	if name == "" || name == "_" {
		name = "x"
	}
	n := name
	for i := 2; f.names[n]; i++ {
		n = name + "_" + strconv.Itoa(i)
		if f.idents[n] {
			f.names[n] = true
		}
	}
	f.names[n] = true
	return n
}

func (f *fun) generated(names ...string) string {
	for _, n := range names {
		if !f.idents[n] && !f.names[n] {
			f.names[n] = true
			return n
		}
	}
	for {
		if n := f.unique(names[0]); !f.idents[n] {
			return n
		}
	}
}

// reserved are names of what a machine has.
var reserved = []string{"Call", "Step", "Begin", "Result", "At", "Up", "D", "Start", "Enter", "Entered", "Defers", "Awaited", "Guarded", "Shield", "Unshield",
	"Unwind", "Line", "End", "poll", "operation", "ready", "left", "Here", "Claim", "Drive", "Abandon", "Literal", "op", "first", "self", "busy", "deferred", "step", "abandoned", "clear", "call", "up", "machine", "Poll", "Driver", "defers", "drv"}

// lower fills in what becomes of the body.
func (f *fun) lower() {
	info := f.info()
	f.captured, f.pinned, f.lentTo = map[*types.Var]bool{}, map[*types.Var]bool{}, map[*ast.SliceExpr]bool{}
	f.takenAt = map[*types.Var]taken{}
	f.openVars, f.heldVars = map[*types.Var]bool{}, map[*types.Var]bool{}
	f.targets = map[*ast.BranchStmt]ast.Stmt{}
	f.jumps = map[*ast.BranchStmt]*label{}
	f.breaks, f.conts = map[ast.Stmt]*label{}, map[ast.Stmt]*label{}
	f.labels, f.kept = map[*types.Label]*label{}, map[*types.Label]bool{}
	f.names, f.idents = map[string]bool{}, map[string]bool{}
	f.slots, f.temps = map[*types.Var]*slot{}, map[*ast.Ident]*slot{}
	f.sites = map[*ast.CallExpr]*site{}
	f.implicits = map[*ast.EmptyStmt]implicit{}
	if f.cut == nil {
		f.cut = map[types.Object]*local{}
	}
	if f.outer != nil {
		for o, l := range f.outer.cut {
			f.cut[o] = l
		}
	}
	f.scanNames()
	f.listed = f.repeatsDefers()
	f.capture()
	resolve(f.body, info, f.targets)
	for _, n := range reserved {
		f.names[n] = true
	}
	f.self = f.generated("m", "self")
	f.drv = f.generated("d", "driver")
	f.ctx = f.cx.Name()
	if f.ctx == "" || f.ctx == "_" {
		f.ctx = "cx"
	}
	f.names[f.ctx] = true
	f.in = f.generated("in", "input")
	f.out = f.generated("out", "failed")
	f.end = &label{name: f.generated("end", "finish"), pos: f.body.Rbrace}
	if _, ok := f.awaits[f.obj]; ok && f.yield != nil {
		f.resume = &label{name: f.generated("again", "resume"), pos: f.body.Lbrace}
		f.from, f.up = f.generated("from", "resumed"), f.generated("caller", "above")
	}

	for _, p := range f.params {
		s := f.declare(p)
		s.pinned = true
	}
	for _, l := range f.insides() {
		l.nest = f.generated("lit", "literal")
	}
	for _, v := range f.captive {
		s := f.declare(v)
		s.boxed, s.pinned, s.rests = true, true, false
	}
	if f.yield != nil {
		if t := f.unit.machineType("Values", f.yields); t != nil {
			s := &slot{obj: f.yield, name: f.unique(f.yield.Name()), typ: types.NewPointer(t), pinned: true}
			f.slots[f.yield] = s
			f.order = append(f.order, s)
		}
	}
	inspectBody(f.body, func(n ast.Node) bool {
		if c, ok := n.(*ast.CallExpr); ok && f.isShield(c) {
			f.shields = true
		}
		return true
	})
	f.flatLabels(f.body)
	f.deferSites()
	rs := f.sig.Results()
	named := rs.Len() > 0 && rs.At(0).Name() != ""
	for i := range rs.Len() - 1 {
		r := rs.At(i)
		var s *slot
		if named && r.Name() != "_" {
			s = f.declare(r)
		} else {
			s = f.temp("r"+strconv.Itoa(i+1), r.Type(), r.Pos())
		}
		s.pinned = true
		f.outs = append(f.outs, s)
	}
	last := rs.At(rs.Len() - 1)
	if named && last.Name() != "_" {
		f.fail = f.declare(last)
		f.fail.pinned = len(f.defers) > 0 || f.fail.boxed || f.fail.open
	} else if len(f.defers) > 0 {
		f.fail = f.temp("failed", errorType, f.body.Pos())
		f.fail.pinned = true
	}
	f.outerConsts()
	f.start = f.newLabel("start", f.body.Pos())
	f.place(f.start)
	leading := true
	for _, s := range f.body.List {
		d, ok := s.(*ast.DeferStmt)
		leading = leading && ok && !f.flat[s]
		n := len(f.code)
		f.stmt(s)
		if leading && len(f.code) > n {
			f.code[n].leads = true
			f.code[n].pos = d.Pos()
		}
	}
	if f.sig.Results().Len() > 0 && falls(f.body) {
		f.emit(&instr{op: opReturn, pos: f.body.Rbrace}) // unreachable, or the compiler has complained
	}
}

// outerConsts declares the constants of the functions around a literal that it mentions: its Step is none of
// theirs.
func (f *fun) outerConsts() {
	if f.outer == nil {
		return
	}
	ast.Inspect(f.body, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			if c, ok := f.info().Uses[id].(*types.Const); ok {
				if l := f.cut[c]; l != nil && l == f.outer.cut[c] {
					l = &local{obj: c, name: f.unique(id.Name)}
					f.cut[c] = l
					f.consts = append(f.consts, l)
				}
			}
		}
		return true
	})
}

// scanNames collects the names that the source uses.
func (f *fun) scanNames() {
	info := f.info()
	var n ast.Node = f.body
	if r := f.root(); r.decl != nil {
		n = r.decl
	}
	ast.Inspect(n, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if !ok {
			return true
		}
		f.idents[id.Name] = true
		o := info.ObjectOf(id)
		if v, ok := o.(*types.Var); ok && (v.IsField() || v.Pkg() != nil && v.Parent() != v.Pkg().Scope()) {
			return true
		}
		if _, ok := o.(*types.Label); ok {
			return true
		}
		f.names[id.Name] = true
		return true
	})
	for _, n := range []string{"machine", "task", "new", "nil", "append", "len", "recover", "panic", "error", "uint32", "true", "false"} {
		f.names[n] = true
	}
}

// capture finds the variables that need a place of their own.
func (f *fun) capture() {
	info := f.info()
	var visit func(n ast.Node, lit *ast.FuncLit)
	owner := f                              // whose frame has what n declares: f, or a literal whose frame is inside
	var inside *ast.FuncLit                 // the outermost of these
	inPlace := map[*ast.SelectorExpr]bool{} // calls of what is used in place, if it is a variable
	root := func(e ast.Expr) *types.Var {
		for {
			switch x := e.(type) {
			case *ast.Ident:
				v, _ := info.ObjectOf(x).(*types.Var)
				return v
			case *ast.ParenExpr:
				e = x.X
			case *ast.SelectorExpr:
				s := info.Selections[x]
				if s == nil || hasDeref(s, info.TypeOf(x.X)) {
					return nil
				}
				e = x.X
			case *ast.IndexExpr:
				if _, ok := coreOf(info.TypeOf(x.X)).(*types.Array); !ok {
					return nil
				}
				e = x.X
			default:
				return nil
			}
		}
	}
	note := func(v *types.Var, n ast.Node, how string) {
		if _, ok := f.takenAt[v]; !ok {
			f.takenAt[v] = taken{n.Pos(), how}
		}
	}
	addressed := func(e ast.Expr) {
		if v := root(e); v != nil {
			f.captured[v] = true
			note(v, e, "its address is taken")
		}
	}
	visit = func(n ast.Node, lit *ast.FuncLit) {
		ast.Inspect(n, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.DeferStmt:
				if m := owner.method(n.Call); m != nil && lit == nil {
					if owner == f {
						f.hold(m)
					}
					for _, a := range n.Call.Args {
						visit(a, nil)
					}
					visit(m.Body, nil)
					return false
				}
			case *ast.CallExpr:
				if s, ok := ast.Unparen(n.Fun).(*ast.SelectorExpr); ok && rests(info.TypeOf(s.X)) && (s.Sel.Name == "Sleep" || isCombinator(info.TypeOf(s.X))) {
					_, ok := ast.Unparen(s.X).(*ast.Ident)
					inPlace[s] = ok
				}
				// What an operation is lent it does not keep: buf[:] may be in the frame.
				if lit == nil && f.waits(n) == polled {
					for _, a := range n.Args {
						if s, ok := ast.Unparen(a).(*ast.SliceExpr); ok {
							if v := root(s.X); v != nil {
								f.lentTo[s] = true
								f.pinned[v] = true
								note(v, s, "the operation is lent it")
							}
						}
					}
				}
			case *ast.FuncLit:
				if n == lit || n == owner.lit {
					break
				}
				in := lit
				if l := owner.machines[n]; lit == nil && l != nil && l.bounded {
					defer func(o *fun, i *ast.FuncLit) { owner, inside = o, i }(owner, inside)
					owner = l
					if inside == nil {
						inside = n
					}
				} else {
					in = n
				}
				visit(n, in)
				return false
			case *ast.Ident:
				v, ok := info.Uses[n].(*types.Var)
				if ok && inside != nil && (v.Pos() < inside.Pos() || v.Pos() >= inside.End()) {
					f.openVars[v] = true
				}
				if ok && lit != nil && (v.Pos() < lit.Pos() || v.Pos() >= lit.End()) {
					f.captured[v] = true
					note(v, lit, "a function literal uses it")
				}
			case *ast.UnaryExpr:
				if n.Op == token.AND {
					addressed(n.X)
				}
			case *ast.SliceExpr:
				if _, ok := coreOf(info.TypeOf(n.X)).(*types.Array); ok && !f.lentTo[n] {
					addressed(n.X)
				}
			case *ast.RangeStmt:
				// for i := range &x is a UnaryExpr
			case *ast.SelectorExpr:
				s := info.Selections[n]
				if s != nil && s.Kind() == types.MethodVal {
					if m, ok := s.Obj().(*types.Func); ok {
						r := m.Signature().Recv()
						if r == nil {
							break
						}
						_, wantsPointer := types.Unalias(r.Type()).(*types.Pointer)
						_, isPointer := info.TypeOf(n.X).Underlying().(*types.Pointer)
						if wantsPointer && !isPointer && !inPlace[n] && !hasDerefPath(s, info.TypeOf(n.X)) {
							addressed(n.X)
						}
					}
				}
			}
			return true
		})
	}
	visit(f.body, nil)
}

// hold keeps the variables that a deferred literal uses until f's end.
func (f *fun) hold(lit *ast.FuncLit) {
	ast.Inspect(lit, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			if v, ok := f.info().Uses[id].(*types.Var); ok && (v.Pos() < lit.Pos() || v.Pos() >= lit.End()) {
				f.heldVars[v] = true
			}
		}
		return true
	})
}

// hasDeref reports whether a field is reached through a pointer.
func hasDeref(s *types.Selection, x types.Type) bool {
	if _, ok := coreOf(x).(*types.Pointer); ok {
		return true
	}
	return s.Indirect() && hasDerefPath(s, x)
}

// hasDerefPath reports whether the way to the selected field or method's receiver goes through a
// pointer field.
func hasDerefPath(s *types.Selection, x types.Type) bool {
	t := x
	index := s.Index()
	for _, i := range index[:len(index)-1] {
		if p, ok := t.Underlying().(*types.Pointer); ok {
			t = p.Elem()
		}
		st, ok := t.Underlying().(*types.Struct)
		if !ok {
			return false
		}
		t = st.Field(i).Type()
		if _, ok := t.Underlying().(*types.Pointer); ok {
			return true
		}
	}
	return false
}

// resolve finds the statement that each break and continue is about.
func resolve(body ast.Stmt, info *types.Info, out map[*ast.BranchStmt]ast.Stmt) {
	type target struct {
		s    ast.Stmt
		name string
		loop bool
	}
	var stack []target
	var visit func(n ast.Node)
	walk := func(n ast.Node) {
		ast.Inspect(n, func(c ast.Node) bool {
			if c == n {
				return true
			}
			if c != nil {
				visit(c)
			}
			return false
		})
	}
	pending := ""
	visit = func(n ast.Node) {
		name := pending
		pending = ""
		switch n := n.(type) {
		case *ast.FuncLit:
			return
		case *ast.LabeledStmt:
			pending = n.Label.Name
			visit(n.Stmt)
			pending = ""
			return
		case *ast.BranchStmt:
			if n.Tok != token.BREAK && n.Tok != token.CONTINUE {
				return
			}
			for i := len(stack) - 1; i >= 0; i-- {
				t := stack[i]
				if n.Label != nil && t.name != n.Label.Name || n.Tok == token.CONTINUE && !t.loop || n.Label == nil && t.s == nil {
					continue
				}
				out[n] = t.s
				return
			}
			return
		case *ast.ForStmt, *ast.RangeStmt:
			stack = append(stack, target{n.(ast.Stmt), name, true})
		case *ast.SwitchStmt, *ast.TypeSwitchStmt, *ast.SelectStmt:
			stack = append(stack, target{n.(ast.Stmt), name, false})
		default:
			if s, ok := n.(ast.Stmt); ok && name != "" { // break L of a labelled block is not Go; goto is
				_ = s
			}
			walk(n)
			return
		}
		walk(n)
		stack = stack[:len(stack)-1]
	}
	visit(body)
}

// declare makes a slot for a variable.
func (f *fun) declare(v *types.Var) *slot {
	if s := f.slots[v]; s != nil {
		return s
	}
	s := &slot{obj: v, name: f.unique(v.Name()), typ: v.Type(), boxed: f.captured[v], open: f.openVars[v], held: f.heldVars[v]}
	s.pinned = s.held || f.pinned[v] && !s.boxed
	s.rests = !s.boxed && rests(v.Type())
	f.slots[v] = s
	f.order = append(f.order, s)
	f.spellable(v.Type(), v.Pos(), v.Name())
	return s
}

// begin is where the declaration of a variable is executed.
func (f *fun) begin(v *types.Var, pos token.Pos) *slot {
	s := f.declare(v)
	if s.boxed {
		if f.mutant("a declaration does not make a new variable") {
			f.raw(pos, nil, []*slot{s}, "if %v == nil {\n%v = new(%v)\n}", box{s}, box{s}, s.typ)
			return s
		}
		f.raw(pos, []*slot{s}, nil, "%v = new(%v)", box{s}, s.typ)
	}
	return s
}

// box is a slot's pointer, for raw.
type box struct{ s *slot }

func (f *fun) temp(name string, t types.Type, pos token.Pos) *slot {
	if b, ok := t.(*types.Basic); ok && b.Info()&types.IsUntyped != 0 {
		t = types.Default(t)
	}
	s := &slot{name: f.unique(name), typ: t}
	f.order = append(f.order, s)
	f.spellable(t, pos, "an intermediate value")
	return s
}

// ref is an expression for a slot.
func (f *fun) ref(s *slot, pos token.Pos) *ast.Ident {
	id := &ast.Ident{NamePos: pos, Name: s.name}
	f.temps[id] = s
	f.info().Types[id] = types.TypeAndValue{Type: s.typ}
	return id
}

func (f *fun) spellable(t types.Type, pos token.Pos, what string) {
	if n := unspellable(t, f.unit.Types, map[types.Type]bool{}); n != nil {
		f.refuse(pos, "%s has the type %s, which cannot be written in this package, and so be no field: convert it to a type that can", what, types.TypeString(n, nil))
	}
}

func unspellable(t types.Type, here *types.Package, seen map[types.Type]bool) types.Type {
	if seen[t] {
		return nil
	}
	seen[t] = true
	var first types.Type
	look := func(ts ...types.Type) types.Type {
		for _, t := range ts {
			if first == nil {
				first = unspellable(t, here, seen)
			}
		}
		return first
	}
	switch t := t.(type) {
	case *types.Basic:
		if here.Scope().Lookup(t.Name()) != nil {
			return t // another one
		}
	case *types.Named:
		if o := t.Obj(); o.Pkg() != nil && o.Pkg() != here && o.Pkg().Path() != here.Path() && !o.Exported() {
			return t
		}
		for a := range t.TypeArgs().Types() {
			look(a)
		}
	case *types.Alias:
		if o := t.Obj(); o.Pkg() != nil && o.Pkg() != here && o.Pkg().Path() != here.Path() && !o.Exported() {
			return look(types.Unalias(t))
		}
	case *types.Pointer:
		look(t.Elem())
	case *types.Slice:
		look(t.Elem())
	case *types.Array:
		look(t.Elem())
	case *types.Chan:
		look(t.Elem())
	case *types.Map:
		look(t.Key(), t.Elem())
	case *types.Signature:
		for v := range t.Params().Variables() {
			look(v.Type())
		}
		for v := range t.Results().Variables() {
			look(v.Type())
		}
	case *types.Struct:
		for v := range t.Fields() {
			look(v.Type())
			if !v.Exported() && v.Pkg() != nil && v.Pkg().Path() != here.Path() {
				return t
			}
		}
	case *types.Interface:
		for m := range t.Methods() {
			look(m.Type())
			if !m.Exported() && m.Pkg() != nil && m.Pkg().Path() != here.Path() {
				return t
			}
		}
	}
	return first
}

// --- statements

func (f *fun) block(list []ast.Stmt) {
	for _, s := range list {
		f.stmt(s)
	}
}

func (f *fun) stmt(s ast.Stmt) {
	if !f.flat[s] {
		f.keep(s)
		return
	}
	switch s := s.(type) {
	case *ast.BlockStmt:
		f.block(s.List)
	case *ast.LabeledStmt:
		f.labelled(s)
	case *ast.ExprStmt:
		f.exprStmt(s)
	case *ast.AssignStmt:
		f.assign(s)
	case *ast.IncDecStmt:
		c := *s
		c.X = f.lvalue(s.X)
		f.statement(&c)
	case *ast.DeclStmt:
		f.declStmt(s)
	case *ast.ReturnStmt:
		f.ret(s)
	case *ast.BranchStmt:
		f.leave(s)
		f.keep(s)
	case *ast.DeferStmt:
		c := *s
		call := *s.Call
		f.copied(s.Call, &call)
		f.sites[&call] = f.sites[s.Call]
		f.operandsOfCall(&call, true)
		c.Call = &call
		f.statement(&c)
	case *ast.IfStmt:
		f.ifStmt(s)
	case *ast.ForStmt:
		f.forStmt(s)
	case *ast.RangeStmt:
		f.rangeStmt(s)
	case *ast.SwitchStmt:
		f.switchStmt(s)
	case *ast.TypeSwitchStmt:
		f.typeSwitch(s)
	default:
		f.refuse(s.Pos(), "a wait cannot stand here")
	}
}

// keep emits a statement without waits.
func (f *fun) keep(s ast.Stmt) {
	switch s := s.(type) {
	case *ast.EmptyStmt:
	case *ast.DeclStmt:
		f.declStmt(s)
	case *ast.AssignStmt:
		if s.Tok == token.DEFINE {
			f.define(s.Lhs, s.Rhs, s)
			return
		}
		f.statement(s)
	case *ast.LabeledStmt:
		f.labelled(s)
	case *ast.ReturnStmt:
		f.ret(s)
	case *ast.BranchStmt:
		if l := f.branch(s); l != nil {
			f.jump(l, s.Pos())
			return
		}
		f.statement(s)
	default:
		f.markJumps(s)
		f.statement(s)
	}
}

// branch returns where a branch statement goes if that is laid flat, or nil.
func (f *fun) branch(s *ast.BranchStmt) *label {
	if l := f.jumps[s]; l != nil {
		return l
	}
	switch s.Tok {
	case token.BREAK:
		return f.breaks[f.targets[s]]
	case token.CONTINUE:
		return f.conts[f.targets[s]]
	case token.GOTO:
		o, _ := f.info().Uses[s.Label].(*types.Label)
		return f.labels[o]
	case token.FALLTHROUGH:
		return f.next
	}
	return nil
}

// flatLabels makes the labels of statements that are laid flat: goto may go forward.
func (f *fun) flatLabels(s ast.Stmt) {
	var list []ast.Stmt
	switch s := s.(type) {
	case *ast.LabeledStmt:
		if o, ok := f.info().Defs[s.Label].(*types.Label); ok {
			f.labels[o] = f.newLabel(s.Label.Name+"_", s.Pos())
		}
		f.flatLabels(s.Stmt)
		return
	case *ast.BlockStmt:
		if s == f.body || f.flat[s] {
			list = s.List
		}
	case *ast.IfStmt:
		if f.flat[s.Body] || s.Else != nil && f.flat[s.Else] {
			for _, s := range s.Body.List {
				f.flatLabels(s)
			}
			if b, ok := s.Else.(*ast.BlockStmt); ok {
				list = b.List
			} else if s.Else != nil {
				f.flatLabels(s.Else)
			}
		}
	case *ast.ForStmt:
		if f.flat[s] {
			list = s.Body.List
		}
	case *ast.RangeStmt:
		if f.waitsEach(s) {
			list = s.Body.List
		}
	case *ast.SwitchStmt:
		if f.flat[s.Body] {
			list = s.Body.List
		}
	case *ast.TypeSwitchStmt:
		if f.flat[s.Body] {
			list = s.Body.List
		}
	case *ast.CaseClause:
		list = s.Body
	}
	for _, s := range list {
		f.flatLabels(s)
	}
}

// markJumps records where the branches in a statement that stays go.
func (f *fun) markJumps(s ast.Stmt) {
	inspectBody(s, func(n ast.Node) bool {
		if b, ok := n.(*ast.BranchStmt); ok && b.Tok != token.FALLTHROUGH {
			if l := f.branch(b); l != nil {
				l.used = true
				f.jumps[b] = l
			}
		}
		return true
	})
}

// inspectBody is ast.Inspect that leaves function literals out.
func inspectBody(n ast.Node, do func(ast.Node) bool) {
	ast.Inspect(n, func(n ast.Node) bool {
		if _, ok := n.(*ast.FuncLit); ok {
			return false
		}
		if n == nil {
			return true
		}
		return do(n)
	})
}

func (f *fun) labelled(s *ast.LabeledStmt) {
	o, _ := f.info().Defs[s.Label].(*types.Label)
	f.place(f.labels[o])
	switch s.Stmt.(type) {
	case *ast.ForStmt, *ast.RangeStmt, *ast.SwitchStmt, *ast.TypeSwitchStmt, *ast.SelectStmt:
		if !f.flat[s.Stmt] && mentions(s.Stmt, s.Label.Name) {
			f.kept[o] = true
			f.markJumps(s.Stmt)
			f.statement(&ast.LabeledStmt{Label: &ast.Ident{Name: s.Label.Name, NamePos: s.Label.NamePos}, Stmt: s.Stmt, Colon: s.Colon})
			return
		}
	}
	f.stmt(s.Stmt)
}

// mentions reports whether a break or continue in s names the label.
func mentions(s ast.Stmt, name string) (yes bool) {
	inspectBody(s, func(n ast.Node) bool {
		if b, ok := n.(*ast.BranchStmt); ok && b.Label != nil && b.Label.Name == name && b.Tok != token.GOTO {
			yes = true
		}
		return true
	})
	return yes
}

func (f *fun) declStmt(s *ast.DeclStmt) {
	gd := s.Decl.(*ast.GenDecl)
	info := f.info()
	for i, sp := range gd.Specs {
		switch sp := sp.(type) {
		case *ast.TypeSpec:
			o := info.Defs[sp.Name]
			if o == nil {
				continue
			}
			l := &local{obj: o, spec: sp, name: f.unit.typeName(f.root().name, sp.Name.Name)}
			if sp.TypeParams != nil && len(f.tparams) > 0 {
				f.refuse(sp.Pos(), "%s is a generic type in a generic function: declare it outside", sp.Name.Name)
			}
			f.types = append(f.types, l)
			f.cut[o] = l
			if l.name != sp.Name.Name && f.embeds(o) {
				f.refuse(sp.Pos(), "%s is embedded, and its name is taken outside of the function, where it has to be declared: give it another", sp.Name.Name)
			}
		case *ast.ValueSpec:
			if gd.Tok == token.CONST {
				for j, n := range sp.Names {
					c, _ := info.Defs[n].(*types.Const)
					if c == nil || n.Name == "_" {
						continue
					}
					l := &local{obj: c, name: f.unique(n.Name)}
					if j < len(sp.Values) && !usesIota(sp.Values[j], info) && !repeated(gd, i) {
						l.expr = sp.Values[j]
					}
					if i == 0 || len(sp.Values) > 0 {
						l.spec = sp
					}
					f.cut[c] = l
					f.consts = append(f.consts, l)
				}
				continue
			}
			var lhs []ast.Expr
			for _, n := range sp.Names {
				lhs = append(lhs, n)
			}
			if len(sp.Values) > 0 {
				f.define(lhs, sp.Values, nil)
				continue
			}
			for _, n := range sp.Names {
				v, _ := info.Defs[n].(*types.Var)
				if v == nil || n.Name == "_" {
					continue
				}
				if s := f.begin(v, n.Pos()); !s.boxed {
					f.raw(n.Pos(), []*slot{s}, nil, "%v = %v", s, zero{s.typ})
				}
			}
		}
	}
}

// embeds reports whether a struct in f embeds a local type: it has a field of that name.
func (f *fun) embeds(o types.Object) (yes bool) {
	ast.Inspect(f.body, func(n ast.Node) bool {
		if st, ok := n.(*ast.StructType); ok {
			for _, fl := range st.Fields.List {
				x := ast.Unparen(fl.Type)
				if p, ok := x.(*ast.StarExpr); ok {
					x = ast.Unparen(p.X)
				}
				switch i := x.(type) {
				case *ast.IndexExpr:
					x = i.X
				case *ast.IndexListExpr:
					x = i.X
				}
				id, ok := x.(*ast.Ident)
				yes = yes || ok && len(fl.Names) == 0 && f.info().Uses[id] == o
			}
		}
		return true
	})
	return yes
}

// zero is a type's zero value, for raw.
type zero struct{ t types.Type }

// repeated reports whether the expressions of a constant declaration are meant again in the one
// that follows, where the names in them may mean something else.
func repeated(d *ast.GenDecl, i int) bool {
	if i+1 >= len(d.Specs) {
		return false
	}
	next, ok := d.Specs[i+1].(*ast.ValueSpec)
	return ok && len(next.Values) == 0
}

func usesIota(e ast.Expr, info *types.Info) (yes bool) {
	ast.Inspect(e, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && id.Name == "iota" && info.Uses[id] == types.Universe.Lookup("iota") {
			yes = true
		}
		return true
	})
	return yes
}

// define is a declaration with values: a, b := x, y, or var a, b = x, y.
func (f *fun) define(lhs, rhs []ast.Expr, at ast.Stmt) {
	pos := lhs[0].Pos()
	rhs = f.values(rhs)
	if len(rhs) == 1 {
		if c, ok := ast.Unparen(rhs[0]).(*ast.CallExpr); ok && f.flat[c] && f.waits(c) != never {
			f.beginAll(lhs)
			f.waitInto(c, lhs)
			return
		}
	}
	f.beginAll(lhs)
	a := &ast.AssignStmt{Lhs: lhs, Tok: token.ASSIGN, TokPos: pos, Rhs: rhs}
	f.statement(a)
}

func (f *fun) beginAll(lhs []ast.Expr) {
	for _, e := range lhs {
		if id, ok := e.(*ast.Ident); ok && id.Name != "_" {
			if v, ok := f.info().Defs[id].(*types.Var); ok && v != nil {
				f.begin(v, id.Pos())
			}
		}
	}
}

// values lowers the right side of an assignment; a wait that is the only value is left.
func (f *fun) values(rhs []ast.Expr) []ast.Expr {
	if len(rhs) == 1 {
		if c, ok := ast.Unparen(rhs[0]).(*ast.CallExpr); ok && f.flat[c] && f.waits(c) != never {
			return rhs
		}
	}
	any := false
	for _, e := range rhs {
		any = any || f.flat[e]
	}
	if !any {
		return rhs
	}
	out := append([]ast.Expr(nil), rhs...)
	f.operands(pointers(out))
	return out
}

func pointers(list []ast.Expr) (ps []*ast.Expr) {
	for i := range list {
		ps = append(ps, &list[i])
	}
	return ps
}

func (f *fun) exprStmt(s *ast.ExprStmt) {
	if c, ok := ast.Unparen(s.X).(*ast.CallExpr); ok && f.waits(c) != never {
		f.waitInto(c, nil)
		return
	}
	if _, ok := ast.Unparen(s.X).(*ast.CallExpr); ok {
		c := *s
		c.X = f.inside(s.X)
		f.statement(&c)
		return
	}
	f.refuse(s.Pos(), "a wait cannot stand here")
}

func (f *fun) assign(s *ast.AssignStmt) {
	if s.Tok == token.DEFINE {
		f.define(s.Lhs, s.Rhs, s)
		return
	}
	lhs := append([]ast.Expr(nil), s.Lhs...)
	if len(s.Rhs) == 1 {
		if c, ok := ast.Unparen(s.Rhs[0]).(*ast.CallExpr); ok && f.waits(c) != never && s.Tok == token.ASSIGN {
			for i := range lhs {
				lhs[i] = f.lvalueKept(lhs[i])
			}
			f.waitInto(c, lhs)
			return
		}
	}
	flatR := false
	for _, r := range s.Rhs {
		flatR = flatR || f.flat[r]
	}
	for i := range lhs {
		later := flatR
		for _, l := range s.Lhs[i+1:] {
			later = later || f.flat[l]
		}
		if later {
			lhs[i] = f.lvalueKept(lhs[i])
		} else {
			lhs[i] = f.lvalue(lhs[i])
		}
	}
	rhs := append([]ast.Expr(nil), s.Rhs...)
	f.operands(pointers(rhs))
	f.statement(&ast.AssignStmt{Lhs: lhs, Tok: s.Tok, TokPos: s.TokPos, Rhs: rhs})
}

func (f *fun) ret(s *ast.ReturnStmt) {
	i := &instr{op: opReturn, pos: s.Pos()}
	if len(s.Results) == 1 {
		if c, ok := ast.Unparen(s.Results[0]).(*ast.CallExpr); ok && f.flat[c] && f.waits(c) != never {
			if f.again(c) {
				return
			}
			var lhs []ast.Expr
			for k := range f.sig.Results().Len() {
				lhs = append(lhs, f.ref(f.temp("v", f.sig.Results().At(k).Type(), s.Pos()), s.Pos()))
			}
			f.waitInto(c, lhs)
			f.closeDown(f.open)
			i.lhs = lhs
			f.emit(i)
			return
		}
	}
	rs := append([]ast.Expr(nil), s.Results...)
	if f.flat[s] {
		f.operands(pointers(rs))
	}
	if len(f.open) > 0 {
		rs = f.held(rs)
		f.closeDown(f.open)
	}
	i.lhs = rs
	f.emit(i)
}

// again lowers a return of a call of the function itself, which takes this call's frame: it has no use for that any
// more. It reports whether it has: the variables must not be others', and nothing be left to do.
func (f *fun) again(c *ast.CallExpr) bool {
	if f.decl == nil || f.sig.Recv() != nil || f.sig.Variadic() || len(f.tparams) > 0 || len(f.defers) > 0 || f.shields || len(f.open) > 0 ||
		f.waits(c) != awaited || callee(f.info(), c) != f.obj || len(c.Args) != f.sig.Params().Len() {
		return false
	}
	for _, p := range f.params {
		if f.slots[p].boxed || f.pinned[p] {
			return false
		}
	}
	n := *c
	f.copied(c, &n)
	f.operandsOfCall(&n, true)
	a := &ast.AssignStmt{TokPos: c.Pos(), Tok: token.ASSIGN}
	for i, p := range f.params {
		a.Lhs, a.Rhs = append(a.Lhs, f.ref(f.slots[p], c.Pos())), append(a.Rhs, n.Args[i+1])
	}
	switch {
	case f.mutant("parameters of a tail call are assigned one by one"):
		for i := range a.Lhs {
			f.statement(&ast.AssignStmt{TokPos: c.Pos(), Tok: token.ASSIGN, Lhs: a.Lhs[i : i+1], Rhs: a.Rhs[i : i+1]})
		}
	case len(a.Lhs) > 0:
		f.statement(a)
	}
	outs := f.outs
	if f.fail != nil {
		outs = append(slices.Clip(outs), f.fail)
	}
	for _, s := range outs {
		if s.boxed {
			f.raw(c.Pos(), []*slot{s}, nil, "%v = new(%v)", box{s}, s.typ)
		} else {
			f.raw(c.Pos(), []*slot{s}, nil, "%v = %v", s, zero{s.typ})
		}
	}
	f.jump(f.start, c.Pos())
	return true
}

func (f *fun) ifStmt(s *ast.IfStmt) {
	if s.Init != nil {
		f.stmt(s.Init)
	}
	if !f.flat[s.Body] && (s.Else == nil || !f.flat[s.Else]) {
		c := *s
		c.Init = nil
		if f.flat[s.Cond] {
			c.Cond = f.expr(s.Cond)
		}
		f.markJumps(&c)
		f.statement(&c)
		return
	}
	els := f.newLabel("else_", s.Pos())
	f.branchOn(s.Cond, els)
	f.block(s.Body.List)
	if s.Else == nil {
		f.place(els)
		return
	}
	end := f.newLabel("endif", s.Pos())
	f.jump(end, s.Body.Rbrace)
	f.place(els)
	f.stmt(s.Else)
	f.place(end)
}

// branchOn goes on if cond is true, and jumps to no if not.
func (f *fun) branchOn(cond ast.Expr, no *label) {
	if f.flat[cond] {
		switch c := ast.Unparen(cond).(type) {
		case *ast.BinaryExpr:
			switch c.Op {
			case token.LAND:
				f.branchOn(c.X, no)
				f.branchOn(c.Y, no)
				return
			case token.LOR:
				next, yes := f.newLabel("or", c.OpPos), f.newLabel("yes", c.OpPos)
				f.branchOn(c.X, next)
				f.jump(yes, c.OpPos)
				f.place(next)
				f.branchOn(c.Y, no)
				f.place(yes)
				return
			}
		case *ast.UnaryExpr:
			if c.Op == token.NOT {
				yes := f.newLabel("no", c.OpPos)
				f.branchOn(c.X, yes)
				f.jump(no, c.OpPos)
				f.place(yes)
				return
			}
		}
		cond = f.expr(cond)
	}
	f.unless(cond, no)
}

func (f *fun) forStmt(s *ast.ForStmt) {
	info := f.info()
	var vars []*slot
	if s.Init != nil {
		f.stmt(s.Init)
		if a, ok := s.Init.(*ast.AssignStmt); ok && a.Tok == token.DEFINE {
			for _, e := range a.Lhs {
				if v, ok := info.Defs[e.(*ast.Ident)].(*types.Var); ok && f.slots[v] != nil && f.slots[v].boxed {
					vars = append(vars, f.slots[v])
				}
			}
		}
	}
	loop, cont, end := f.newLabel("loop", s.Pos()), f.newLabel("next", s.Pos()), f.newLabel("endfor", s.Pos())
	f.breaks[s], f.conts[s] = end, cont
	f.place(loop)
	if s.Cond != nil {
		f.branchOn(s.Cond, end)
	}
	f.block(s.Body.List)
	f.place(cont)
	renew := func() {
		for _, v := range vars { // each iteration has variables of its own
			f.raw(s.Pos(), nil, []*slot{v}, "{\nold := *%v\n%v = new(%v)\n*%v = old\n}", box{v}, box{v}, v.typ, box{v})
		}
	}
	late := f.mutant("an iteration's variables are copied after the post statement")
	if !late {
		renew()
	}
	if s.Post != nil {
		f.stmt(s.Post)
	}
	if late {
		renew()
	}
	f.jump(loop, s.Body.Rbrace)
	f.place(end)
}

func (f *fun) switchStmt(s *ast.SwitchStmt) {
	if s.Init != nil {
		f.stmt(s.Init)
	}
	tag := s.Tag
	if tag != nil && f.flat[tag] {
		tag = f.expr(tag)
	}
	flatCase := false
	for _, c := range s.Body.List {
		for _, e := range c.(*ast.CaseClause).List {
			flatCase = flatCase || f.flat[e]
		}
	}
	if !f.flat[s.Body] {
		c := *s
		c.Init, c.Tag = nil, tag
		f.retarget(s, &c)
		f.markJumps(&c)
		f.statement(&c)
		return
	}
	end := f.newLabel("endswitch", s.Pos())
	f.breaks[s] = end
	var bodies []*label
	for _, c := range s.Body.List {
		bodies = append(bodies, f.newLabel("case_", c.Pos()))
	}
	other := end
	if !flatCase {
		sw := &ast.SwitchStmt{Switch: s.Switch, Tag: tag, Body: &ast.BlockStmt{}}
		for i, c := range s.Body.List {
			cc := c.(*ast.CaseClause)
			if cc.List == nil {
				other = bodies[i]
			}
			sw.Body.List = append(sw.Body.List, &ast.CaseClause{Case: cc.Case, List: cc.List, Colon: cc.Colon, Body: []ast.Stmt{f.jumpStmt(bodies[i], cc.Colon)}})
		}
		f.statement(sw)
		if other == end {
			f.jump(end, s.Pos())
		}
	} else {
		if tag != nil {
			tag = f.spill(tag, "tag")
		}
		for i, c := range s.Body.List {
			cc := c.(*ast.CaseClause)
			if cc.List == nil {
				other = bodies[i]
			}
			for _, e := range cc.List {
				no := f.newLabel("no", e.Pos())
				if tag == nil && !types.IsInterface(f.info().TypeOf(e)) {
					f.branchOn(e, no)
				} else {
					is := tag
					if tag == nil {
						is = &ast.Ident{NamePos: e.Pos(), Name: "true"}
						f.info().Types[is] = types.TypeAndValue{Type: types.Typ[types.Bool], Value: constant.MakeBool(true)}
					}
					if f.flat[e] {
						e = f.expr(e)
					}
					cond := &ast.BinaryExpr{X: is, OpPos: e.Pos(), Op: token.EQL, Y: e}
					f.info().Types[cond] = types.TypeAndValue{Type: types.Typ[types.Bool]}
					f.unless(cond, no)
				}
				f.jump(bodies[i], e.Pos())
				f.place(no)
			}
		}
		f.jump(other, s.Pos())
	}
	outer := f.next
	for i, c := range s.Body.List {
		f.place(bodies[i])
		f.next = nil
		if i+1 < len(bodies) {
			f.next = bodies[i+1]
		}
		next := f.next
		for _, st := range c.(*ast.CaseClause).Body {
			f.next = next
			f.stmt(st)
		}
		f.jump(end, c.End())
	}
	f.next = outer
	f.place(end)
}

// retarget makes breaks of old ones of its copy.
func (f *fun) retarget(old, copy ast.Stmt) {
	for b, t := range f.targets {
		if t == old {
			f.targets[b] = copy
		}
	}
}

func (f *fun) jumpStmt(l *label, pos token.Pos) ast.Stmt {
	l.used = true
	b := &ast.BranchStmt{TokPos: pos, Tok: token.GOTO, Label: &ast.Ident{NamePos: pos, Name: l.name}}
	f.jumps[b] = l
	return b
}

func (f *fun) typeSwitch(s *ast.TypeSwitchStmt) {
	if s.Init != nil {
		f.stmt(s.Init)
	}
	info := f.info()
	var x *ast.TypeAssertExpr
	named := false
	switch a := s.Assign.(type) {
	case *ast.ExprStmt:
		x = ast.Unparen(a.X).(*ast.TypeAssertExpr)
	case *ast.AssignStmt:
		x = ast.Unparen(a.Rhs[0]).(*ast.TypeAssertExpr)
		named = true
	}
	e := x.X
	if f.flat[e] {
		e = f.expr(e)
	}
	ta := &ast.TypeAssertExpr{X: e, Lparen: x.Lparen}
	if !f.flat[s.Body] {
		c := *s
		c.Init = nil
		if named {
			a := *s.Assign.(*ast.AssignStmt)
			a.Rhs = []ast.Expr{ta}
			c.Assign = &a
		} else {
			c.Assign = &ast.ExprStmt{X: ta}
		}
		f.retarget(s, &c)
		f.markJumps(&c)
		f.statement(&c)
		return
	}
	end := f.newLabel("endswitch", s.Pos())
	f.breaks[s] = end
	sw := &ast.TypeSwitchStmt{Switch: s.Switch, Body: &ast.BlockStmt{}}
	var used, bound *ast.Ident
	if named {
		bound = &ast.Ident{Name: f.unique("v"), NamePos: s.Switch}
	}
	var bodies []*label
	hasDefault := false
	var defs []*slot
	for _, c := range s.Body.List {
		cc := c.(*ast.CaseClause)
		b := f.newLabel("case_", c.Pos())
		bodies = append(bodies, b)
		hasDefault = hasDefault || cc.List == nil
		var body []ast.Stmt
		if v, ok := info.Implicits[cc].(*types.Var); ok && named && usedIn(cc, v, info) {
			sl := f.declare(v)
			defs = append(defs, sl)
			used = bound
			e := &ast.EmptyStmt{Semicolon: cc.Colon}
			f.implicits[e] = implicit{sl, bound.Name}
			body = append(body, e)
		}
		body = append(body, f.jumpStmt(b, cc.Colon))
		sw.Body.List = append(sw.Body.List, &ast.CaseClause{Case: cc.Case, List: cc.List, Colon: cc.Colon, Body: body})
	}
	if used != nil {
		sw.Assign = &ast.AssignStmt{Lhs: []ast.Expr{used}, Tok: token.DEFINE, Rhs: []ast.Expr{ta}}
	} else {
		sw.Assign = &ast.ExprStmt{X: ta}
	}
	in := f.statement(sw)
	in.defs = defs // each is read only in the clause that this leads to
	if !hasDefault {
		f.jump(end, s.Pos())
	}
	for i, c := range s.Body.List {
		f.place(bodies[i])
		f.block(c.(*ast.CaseClause).Body)
		f.jump(end, c.End())
	}
	f.place(end)
}

// implicit is the beginning of a type switch's variable, for raw.
type implicit struct {
	s    *slot
	name string
}

func usedIn(n ast.Node, v *types.Var, info *types.Info) (yes bool) {
	ast.Inspect(n, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && info.Uses[id] == v {
			yes = true
		}
		return !yes
	})
	return yes
}

// falls reports whether control may come to the end of s: not if it is a terminating
// statement.
func falls(s ast.Stmt) bool {
	switch s := s.(type) {
	case *ast.ReturnStmt:
		return false
	case *ast.BranchStmt:
		return false
	case *ast.ExprStmt:
		if c, ok := ast.Unparen(s.X).(*ast.CallExpr); ok {
			if id, ok := c.Fun.(*ast.Ident); ok && id.Name == "panic" && len(c.Args) == 1 {
				return false
			}
		}
	case *ast.BlockStmt:
		return len(s.List) == 0 || falls(s.List[len(s.List)-1])
	case *ast.IfStmt:
		return s.Else == nil || falls(s.Body) || falls(s.Else)
	case *ast.ForStmt:
		return s.Cond != nil || leaves(s.Body, "")
	case *ast.LabeledStmt:
		return falls(s.Stmt) || leaves(s.Stmt, s.Label.Name)
	case *ast.SwitchStmt:
		return fallsClauses(s.Body)
	case *ast.TypeSwitchStmt:
		return fallsClauses(s.Body)
	}
	return true
}

func fallsClauses(b *ast.BlockStmt) bool {
	hasDefault := false
	for _, c := range b.List {
		cc := c.(*ast.CaseClause)
		hasDefault = hasDefault || cc.List == nil
		if len(cc.Body) == 0 || falls(cc.Body[len(cc.Body)-1]) {
			return true
		}
	}
	return !hasDefault || leaves(b, "")
}

// leaves reports whether a break in s is about what s is the body of, or names the label.
func leaves(s ast.Stmt, name string) (yes bool) {
	var visit func(n ast.Node, inner bool)
	visit = func(n ast.Node, inner bool) {
		ast.Inspect(n, func(c ast.Node) bool {
			if c == n {
				return true
			}
			switch c := c.(type) {
			case *ast.FuncLit:
				return false
			case *ast.BranchStmt:
				if c.Tok == token.BREAK && (c.Label == nil && !inner && name == "" || c.Label != nil && c.Label.Name == name) {
					yes = true
				}
			case *ast.ForStmt, *ast.RangeStmt, *ast.SwitchStmt, *ast.TypeSwitchStmt, *ast.SelectStmt:
				visit(c, true)
				return false
			}
			return true
		})
	}
	visit(s, false)
	return yes
}

func constInt(n int64) constant.Value { return constant.MakeInt64(n) }
