package rules

import (
	"go/ast"
	"go/types"
	"reflect"
	"slices"

	"golang.org/x/tools/go/analysis"
)

// Ops is what the rules stand on: it finds the poll functions of a package, and which
// functions may suspend.
var Ops = &analysis.Analyzer{
	Name:       "ops",
	Doc:        "ops finds the functions that may return task.Pending",
	Run:        findOps,
	FactTypes:  []analysis.Fact{new(op), new(summary)},
	ResultType: reflect.TypeFor[*ops](),
}

// op is what is known of a function that is given a *task.Cx. It is a fact, so callers in
// other packages know it, too.
type op struct {
	// Pends: it may return Pending. That is so if one of its returns gives back the
	// error of an operation that may. So Cx.Err, Deadline.Check and TrySend do not,
	// and there is no list.
	Pends bool
	// Consumes: called again after it has returned nil, it waits anew. The library's
	// operations do, if they are not marked as sticky; others do if they call such a
	// one without a stage around it. Of one that is made of Suspend or Waker it is not
	// known.
	Consumes answer
}

func (*op) AFact() {}

func (o *op) String() string {
	s := "op:"
	if o.Pends {
		s += " pends"
	}
	switch o.Consumes {
	case yes:
		s += " consumes"
	case unknown:
		s += " perhaps"
	}
	return s
}

// ops is the analyzer's result.
type ops struct {
	pass      *analysis.Pass
	concerned bool   // the package has to do with tasks at all
	funcs     []*fun // those with a *task.Cx, declared or literal
	known     map[*types.Func]*op
	declared  []*ast.FuncDecl
	summaries map[*types.Func]*summary
	given     map[*types.Var][]ast.Expr // what a local variable is given, if that is known
	asked     map[*types.Var]bool       // fields that somebody asks task.IsPending about
	taken     map[*types.Var]bool       // whose address is taken
}

// fun is a function with a *task.Cx: it runs within a poll.
type fun struct {
	node   ast.Node // *ast.FuncDecl or *ast.FuncLit
	body   *ast.BlockStmt
	sig    *types.Signature
	obj    *types.Func // of a declaration
	cx     *types.Var
	polls  bool // it is a poll function: its last result is an error
	pends  bool // which may be Pending
	flow   *flow
	waits  []*wait // its calls that may suspend, in the order of the text
	calls  map[*ast.CallExpr]*wait
	errors map[string]bool // the variables and fields that may hold their errors
}

// wait is a call that may suspend.
type wait struct {
	*ast.CallExpr
	callee *types.Func // nil for a function value
	err    *types.Var  // the variable that gets its error, or nil
	field  string      // the field that does, or nothing: t.err
	use    use
}

// use is what becomes of a wait's error.
type use uint8

const (
	used    use = iota
	dropped     // the call is a statement
	blanked     // v, _ := call
	waived      // _ = call, or all of its results: somebody means it
)

func newOps(pass *analysis.Pass) *ops {
	return &ops{
		pass: pass, known: map[*types.Func]*op{},
		summaries: map[*types.Func]*summary{}, given: map[*types.Var][]ast.Expr{}, taken: map[*types.Var]bool{}, asked: map[*types.Var]bool{},
	}
}

func findOps(pass *analysis.Pass) (any, error) {
	o := newOps(pass)
	if standard(pass) {
		return o, nil
	}
	o.concerned = imports(pass.Pkg)
	o.declare()
	for _, f := range pass.Files {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if obj, ok := pass.TypesInfo.Defs[n.Name].(*types.Func); ok && n.Body != nil {
					o.add(&fun{node: n, body: n.Body, sig: obj.Signature(), obj: obj})
				}
			case *ast.FuncLit:
				if sig, ok := pass.TypesInfo.TypeOf(n).(*types.Signature); ok {
					o.add(&fun{node: n, body: n.Body, sig: sig})
				}
			}
			return true
		})
	}
	o.settle()
	o.summarize()
	return o, nil
}

// imports reports whether pkg is package task, or imports one of the library's.
func imports(pkg *types.Package) bool {
	if pkg.Path() == module+"/task" {
		return true
	}
	for _, p := range pkg.Imports() {
		if library(p) {
			return true
		}
	}
	return false
}

func (o *ops) add(f *fun) {
	if f.cx = cxOf(f.sig); f.cx == nil {
		return
	}
	f.polls = polled(f.sig)
	o.funcs = append(o.funcs, f)
}

// settle finds out what the functions are, and tells other packages. Each round may find
// functions that call those of the round before.
func (o *ops) settle() {
	for changed := true; changed; {
		changed = false
		for _, f := range o.funcs {
			f.waits, f.calls = o.waitsOf(f), map[*ast.CallExpr]*wait{}
			for _, w := range f.waits {
				f.calls[w.CallExpr] = w
			}
			if now := o.judge(f); f.obj != nil && now != *o.of(f.obj) {
				o.known[f.obj] = &now
				changed = true
			}
		}
	}
	for f, found := range o.known {
		o.pass.ExportObjectFact(f, found)
	}
}

// of returns what is known of f.
func (o *ops) of(f *types.Func) *op {
	if f.Pkg() == o.pass.Pkg {
		if found := o.known[f]; found != nil {
			return found
		}
		return &op{}
	}
	found := new(op)
	o.pass.ImportObjectFact(f, found)
	return found
}

// judge looks at f, given what is known of others.
func (o *ops) judge(f *fun) op {
	if f.pends = f.polls && o.passesOn(f); !f.pends {
		return op{}
	}
	found := op{Pends: true}
	switch {
	case f.obj == nil, o.marked(f.obj, sticky):
	case library(f.obj.Pkg()) && f.obj.Exported():
		found.Consumes = yes
	case o.primitive(f):
		found.Consumes = unknown
	default:
		for _, w := range f.waits {
			if !o.flowOf(f).guarded(w.CallExpr) {
				found.Consumes = max(found.Consumes, o.consumes(w))
			}
		}
	}
	return found
}

// ---- calls -------------------------------------------------------------------

// pends reports whether a call may return Pending. Of a method of an interface, or a
// function value, only the signature is known, and it may.
func (o *ops) pends(call *ast.CallExpr) bool {
	sig := signature(o.pass.TypesInfo, call)
	if sig == nil {
		return false
	}
	f := callee(o.pass.TypesInfo, call)
	switch {
	case f == nil:
		return polled(sig)
	case !polled(f.Signature()):
		return false
	case isInterface(f):
		return true
	}
	return o.of(f).Pends
}

func isInterface(f *types.Func) bool {
	recv := f.Signature().Recv()
	return recv != nil && types.IsInterface(recv.Type())
}

type answer uint8

const (
	no      answer = iota
	unknown        // a function value, or somebody's interface
	yes
)

// consumes says whether a wait that is over would wait anew.
func (o *ops) consumes(w *wait) answer {
	switch f := w.callee; {
	case f != nil && o.marked(f, sticky):
		return no
	case f == nil, isInterface(f) && (!library(f.Pkg()) || f.Name() == "Poll"):
		return unknown
	case isInterface(f): // Generator.Next
		return yes
	default:
		return o.of(f).Consumes
	}
}

// primitive reports whether f decides itself when it is pending.
func (o *ops) primitive(f *fun) (primitive bool) {
	info := o.pass.TypesInfo
	inspect(f.body, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			primitive = primitive || is(info.Uses[s.Sel], "task.Pending", "task.Cx.Suspend", "task.Cx.Waker")
		}
		return true
	})
	return primitive
}

// waitsOf finds the calls in f that may suspend; those of literals are the literals'.
func (o *ops) waitsOf(f *fun) (waits []*wait) {
	info := o.pass.TypesInfo
	uses := map[*ast.CallExpr]*wait{}
	inspect(f.body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.DeferStmt, *ast.GoStmt:
			return false
		case *ast.ExprStmt:
			if call, ok := ast.Unparen(n.X).(*ast.CallExpr); ok {
				uses[call] = &wait{use: dropped}
			}
		case *ast.AssignStmt:
			if call, ok := ast.Unparen(n.Rhs[len(n.Rhs)-1]).(*ast.CallExpr); ok {
				uses[call] = assigned(info, n.Lhs)
			}
		case *ast.ValueSpec:
			if len(n.Values) > 0 {
				if call, ok := ast.Unparen(n.Values[len(n.Values)-1]).(*ast.CallExpr); ok {
					uses[call] = &wait{err: variable(info, n.Names[len(n.Names)-1])}
				}
			}
		case *ast.CallExpr:
			if is(callee(info, n), "task.MustReady") { // which panics rather than suspend
				return false
			}
			if o.pends(n) {
				w := uses[n]
				if w == nil {
					w = &wait{}
				}
				w.CallExpr, w.callee = n, callee(info, n)
				waits = append(waits, w)
			}
		}
		return true
	})
	return waits
}

func assigned(info *types.Info, lhs []ast.Expr) *wait {
	last := lhs[len(lhs)-1]
	if !blank(last) {
		w := &wait{err: variable(info, last)}
		if _, ok := ast.Unparen(last).(*ast.SelectorExpr); ok && w.err == nil {
			w.field = types.ExprString(last)
		}
		return w
	}
	for _, e := range lhs {
		if !blank(e) {
			return &wait{use: blanked}
		}
	}
	return &wait{use: waived}
}

func blank(e ast.Expr) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == "_"
}

// inspect is ast.Inspect without the literals' bodies.
func inspect(n ast.Node, f func(ast.Node) bool) {
	ast.Inspect(n, func(n ast.Node) bool {
		if lit, ok := n.(*ast.FuncLit); ok {
			f(lit)
			return false
		}
		return n == nil || f(n)
	})
}

// ---- errors on their way up --------------------------------------------------

// passesOn reports whether a return of f may give back Pending. It does not follow the
// order of the statements: what has once held such an error, by its name, may hold it.
func (o *ops) passesOn(f *fun) (may bool) {
	f.errors = map[string]bool{}
	for n := -1; n != len(f.errors); {
		n = len(f.errors)
		inspect(f.body, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				o.carry(f, n.Lhs, n.Rhs)
			case *ast.ValueSpec:
				lhs := make([]ast.Expr, len(n.Names))
				for i, id := range n.Names {
					lhs[i] = id
				}
				o.carry(f, lhs, n.Values)
			}
			return true
		})
	}
	sources := o.sources(f)
	result := f.sig.Results().At(f.sig.Results().Len() - 1)
	inspect(f.body, func(n ast.Node) bool {
		if ret, ok := n.(*ast.ReturnStmt); ok {
			if len(ret.Results) == 0 {
				may = may || f.errors[result.Name()]
			} else if e := ret.Results[len(ret.Results)-1]; o.maybe(f, e) {
				may = may || o.arrives(f, sources, ret, e)
			}
		}
		return true
	})
	return may
}

// arrives reports whether a Pending comes to a return of e: if that is a variable, and all that
// it is given are results of operations, the paths on which it is not Pending do not count.
func (o *ops) arrives(f *fun, sources []*wait, ret *ast.ReturnStmt, e ast.Expr) bool {
	v := variable(o.pass.TypesInfo, e)
	if v == nil {
		return true
	}
	var from []*wait
	for _, w := range sources {
		if w.err == v {
			from = append(from, w)
		}
	}
	given := 0
	inspect(f.body, func(n ast.Node) bool {
		if a, ok := n.(*ast.AssignStmt); ok {
			for i, to := range a.Lhs {
				if variable(o.pass.TypesInfo, to) == v && o.maybe(f, a.Rhs[min(i, len(a.Rhs)-1)]) {
					given++
				}
			}
		}
		return true
	})
	if len(from) == 0 || given != len(from) {
		return true
	}
	g := o.flowOf(f)
	for _, w := range from {
		found := false
		g.walk(g.after(w.CallExpr), func(n ast.Node) bool {
			found = found || n == ret
			return !found && !g.overwrites(w, n)
		}, g.mayPend(w))
		if found {
			return true
		}
	}
	return false
}

// carry notes which variables an assignment makes carriers of a Pending.
func (o *ops) carry(f *fun, lhs, rhs []ast.Expr) {
	for i, e := range rhs {
		to := lhs[len(lhs)-1]
		if len(rhs) == len(lhs) {
			to = lhs[i]
		}
		if isError(o.pass.TypesInfo.TypeOf(to)) && o.maybe(f, e) {
			f.errors[types.ExprString(to)] = true
		}
	}
}

// maybe reports whether e, an error in f, may be Pending: an operation's result, a variable
// that has held one, or what another function has made of one.
func (o *ops) maybe(f *fun, e ast.Expr) bool {
	info := o.pass.TypesInfo
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		return f.errors[e.Name] || is(info.Uses[e], "task.Pending")
	case *ast.SelectorExpr:
		return f.errors[types.ExprString(e)] || is(info.Uses[e.Sel], "task.Pending")
	case *ast.CallExpr:
		if o.pends(e) {
			return true
		}
		g := callee(info, e)
		if is(g, "task.MustReady") || signature(info, e) == nil {
			return false
		}
		for _, arg := range e.Args {
			if o.maybe(f, arg) {
				return true
			}
		}
	}
	return false
}

// wait returns the wait that n is, or nil.
func (f *fun) wait(n ast.Node) *wait {
	call, _ := n.(*ast.CallExpr)
	return f.calls[call]
}

// sources returns the waits of f, and the calls that make an error of another one that may
// be Pending there: task.All, fmt.Errorf.
func (o *ops) sources(f *fun) []*wait {
	all, g := slices.Clip(f.waits), o.flowOf(f)
	inspect(f.body, func(n ast.Node) bool {
		if a, ok := n.(*ast.AssignStmt); ok && len(a.Rhs) == 1 {
			call, _ := ast.Unparen(a.Rhs[0]).(*ast.CallExpr)
			if call != nil && isError(o.pass.TypesInfo.TypeOf(a.Lhs[len(a.Lhs)-1])) && !o.pends(call) && g.carries(all, call) {
				w := assigned(o.pass.TypesInfo, a.Lhs)
				w.CallExpr = call
				all = append(all, w)
			}
		}
		return true
	})
	return all
}
