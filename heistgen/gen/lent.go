package gen

import (
	"go/ast"
	"go/token"
	"go/types"
	"maps"
	"slices"
	"strings"

	"github.com/heist-go/heist/heistvet/rules"
)

// This file refuses bytes that an operation has lent and that are read when the function has waited since: the memory is the
// worker's, and holds what another task reads then.
//
// It goes through the source in the order in which it is executed, both ways of each branch, loops until nothing changes. At each
// statement it knows which variables, and fields of them, may have lent bytes, and which have what was lent before a wait. A
// function literal is gone through where it is called, with what its variables have there; one that is called who knows
// when by itself. What calls do with lent bytes it knows from package rules, as heistvet does.

// spot is a variable, or a field of one: x and ".f".
type spot struct {
	v    *types.Var
	path string
}

// holding is what variables have at a place in the source.
type holding struct {
	lent  map[spot]token.Pos      // lent bytes, since there
	gone  map[spot]token.Pos      // what was lent before the wait there
	armed map[*ast.DeferStmt]bool // deferred calls
}

func newHolding() *holding {
	return &holding{map[spot]token.Pos{}, map[spot]token.Pos{}, map[*ast.DeferStmt]bool{}}
}

func (h *holding) clone() *holding {
	if h == nil {
		return nil
	}
	return &holding{maps.Clone(h.lent), maps.Clone(h.gone), maps.Clone(h.armed)}
}

// or returns what variables have where two ways meet; nil is a way that leads nowhere.
func (h *holding) or(o *holding) *holding {
	if h == nil {
		return o.clone()
	}
	if o == nil {
		return h
	}
	earliest := func(to, from map[spot]token.Pos) {
		for s, pos := range from {
			if at, ok := to[s]; !ok || pos < at {
				to[s] = pos
			}
		}
	}
	h = h.clone()
	earliest(h.lent, o.lent)
	earliest(h.gone, o.gone)
	maps.Copy(h.armed, o.armed)
	return h
}

func (h *holding) equal(o *holding) bool {
	return h == o || h != nil && o != nil && maps.Equal(h.lent, o.lent) && maps.Equal(h.gone, o.gone) && maps.Equal(h.armed, o.armed)
}

// has reports which spot, if any, of what s names is in a set.
func has(set map[spot]token.Pos, s spot) (of spot, pos token.Pos, ok bool) {
	for t, at := range set {
		if t.v == s.v && (strings.HasPrefix(t.path+".", s.path+".") || strings.HasPrefix(s.path+".", t.path+".")) && (!ok || t.path < of.path) {
			of, pos, ok = t, at, true
		}
	}
	return of, pos, ok
}

// drop forgets what s and its fields have.
func (h *holding) drop(s spot) {
	below := func(t spot, _ token.Pos) bool { return t.v == s.v && strings.HasPrefix(t.path+".", s.path+".") }
	maps.DeleteFunc(h.lent, below)
	maps.DeleteFunc(h.gone, below)
}

// lender follows lent bytes through a declared function.
type lender struct {
	root    *fun
	calls   *rules.Calls
	info    *types.Info
	lits    map[*types.Var][]*ast.FuncLit // function literals that a variable may have, or its fields
	from    map[*types.Var][]*types.Var   // variables that it is made of
	refs    map[*types.Var][]*types.Var   // variables whose address it may have, or that its literals use
	given   map[*types.Var]bool           // parameters: the caller knows what they lead to
	others  map[*types.Var]bool           // variables that are not only given addresses of others
	targets map[*ast.BranchStmt]ast.Stmt
	kept    map[ast.Stmt]*types.Var // what a statement keeps while it waits: arguments of a deferred call, what a range goes over
	parts   map[*ast.CompositeLit][]bool
	entered map[*ast.FuncLit]bool
	busy    map[*ast.FuncLit]bool
	told    map[any]bool
	waited  int // how often
	at      token.Pos
	results []bool // which of the function's are lent
}

// lending follows lent bytes through f, once.
func (f *fun) lending() *lender {
	if f.lender != nil || f.body == nil {
		return f.lender
	}
	l := &lender{
		root: f, calls: f.unit.callsOf(), info: f.info(), lits: map[*types.Var][]*ast.FuncLit{}, from: map[*types.Var][]*types.Var{},
		refs: map[*types.Var][]*types.Var{}, given: map[*types.Var]bool{}, others: map[*types.Var]bool{}, targets: map[*ast.BranchStmt]ast.Stmt{}, kept: map[ast.Stmt]*types.Var{},
		parts: map[*ast.CompositeLit][]bool{}, entered: map[*ast.FuncLit]bool{}, busy: map[*ast.FuncLit]bool{}, told: map[any]bool{},
	}
	f.lender = l // before it is done: a function that awaits itself gives what its other returns do
	if !l.borrows() {
		return l
	}
	l.relate()
	w := l.walk(f, f.sig)
	w.body(f.body, newHolding())
	l.results = w.results
	ast.Inspect(f.body, func(n ast.Node) bool {
		if lit, ok := n.(*ast.FuncLit); ok && !l.entered[lit] {
			w.detach(lit)
		}
		return true
	})
	return l
}

// callsOf is what is known of the calls of the package.
func (u *unit) callsOf() *rules.Calls {
	if u.calls == nil {
		u.calls = rules.NewCalls(u.Fset, u.Syntax, u.Types, u.TypesInfo)
	}
	return u.calls
}

// gives reports whether the i-th result of a function is lent.
func (l *lender) gives(i int) bool { return l != nil && i < len(l.results) && l.results[i] }

// borrows reports whether something in the function is lent at all.
func (l *lender) borrows() (yes bool) {
	ast.Inspect(l.root.body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			for i := range resultsOf(l.info.TypeOf(n)) {
				yes = yes || l.lends(n, i)
			}
			for _, a := range n.Args {
				yes = yes || l.calls.Lends(a)
			}
		}
		return !yes
	})
	return yes
}

// lends reports whether a call lends its i-th result by itself, whatever its operands have.
func (l *lender) lends(c *ast.CallExpr, i int) bool {
	if o := callee(l.info, c); o != nil {
		if m := l.root.unit.machineOf(o); m != nil {
			return m.lending().gives(i)
		}
	}
	_, lends, _ := l.calls.Gives(c, i)
	return lends
}

// resultsOf returns the types of what an expression gives.
func resultsOf(t types.Type) (list []types.Type) {
	switch t := t.(type) {
	case nil:
	case *types.Tuple:
		for v := range t.Variables() {
			list = append(list, v.Type())
		}
	default:
		list = append(list, t)
	}
	return list
}

// relate finds what variables are made of.
func (l *lender) relate() {
	give := func(to, e ast.Expr) {
		v := l.rootOf(to)
		if v == nil || e == nil {
			return
		}
		if _, ok := ast.Unparen(to).(*ast.Ident); ok {
			u, ok := ast.Unparen(e).(*ast.UnaryExpr)
			address := ok && u.Op == token.AND
			if address {
				s, _, far := l.spotOf(u.X)
				address = s.v != nil && !far
			}
			l.others[v] = l.others[v] || !address
		}
		ast.Inspect(e, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncLit:
				l.lits[v] = append(l.lits[v], n)
				l.refs[v] = append(l.refs[v], l.captured(n)...)
				return false
			case *ast.UnaryExpr:
				if x := l.rootOf(n.X); n.Op == token.AND && x != nil {
					l.refs[v] = append(l.refs[v], x)
				}
			case *ast.SliceExpr:
				if x := l.rootOf(n.X); x != nil {
					if _, ok := coreOf(l.info.TypeOf(n.X)).(*types.Array); ok {
						l.refs[v] = append(l.refs[v], x)
					}
				}
			case *ast.Ident:
				if x, ok := l.info.ObjectOf(n).(*types.Var); ok && x != v && !x.IsField() && shares(x.Type()) && shares(v.Type()) {
					l.from[v] = append(l.from[v], x)
					l.from[x] = append(l.from[x], v)
				}
			}
			return true
		})
	}
	params := func(sig *types.Signature) {
		if r := sig.Recv(); r != nil {
			l.given[r] = true
		}
		for v := range sig.Params().Variables() {
			l.given[v] = true
		}
	}
	params(l.root.sig)
	ast.Inspect(l.root.body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for i, to := range n.Lhs {
				give(to, n.Rhs[min(i, len(n.Rhs)-1)])
			}
		case *ast.ValueSpec:
			for i, to := range n.Names {
				if len(n.Values) > 0 {
					give(to, n.Values[min(i, len(n.Values)-1)])
				}
			}
		case *ast.RangeStmt:
			give(n.Key, n.X)
			give(n.Value, n.X)
			if n.Value != nil {
				l.kept[n] = types.NewVar(n.Pos(), l.root.unit.Types, types.ExprString(n.X), l.info.TypeOf(n.X))
			}
		case *ast.DeferStmt:
			l.kept[n] = types.NewVar(n.Pos(), l.root.unit.Types, types.ExprString(n.Call), l.info.TypeOf(n.Call.Fun))
		case *ast.FuncLit:
			if sig, ok := l.info.TypeOf(n).(*types.Signature); ok {
				params(sig)
			}
			resolve(n.Body, l.info, l.targets)
		}
		return true
	})
	resolve(l.root.body, l.info, l.targets)
}

// shares reports whether two variables of type t may have memory in common in which references to bytes are stored.
func shares(t types.Type) bool {
	switch t := t.Underlying().(type) {
	case *types.Slice:
		return rules.BytesIn(t) && rules.BytesIn(t.Elem())
	case *types.Pointer, *types.Map, *types.Signature, *types.Interface, *types.Chan, *types.Struct, *types.Array:
		return rules.BytesIn(t)
	}
	return false
}

// captured returns the variables from around that a literal reads.
func (l *lender) captured(lit *ast.FuncLit) (list []*types.Var) {
	l.reads(lit, func(v *types.Var) {
		if !within(v, lit) && !slices.Contains(list, v) {
			list = append(list, v)
		}
	})
	return list
}

// reads calls do with the local variables that a piece of source mentions, but where they are assigned to.
func (l *lender) reads(n ast.Node, do func(*types.Var)) {
	set := map[*ast.Ident]bool{}
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, e := range n.Lhs {
				if id, ok := ast.Unparen(e).(*ast.Ident); ok && n.Tok == token.ASSIGN {
					set[id] = true
				}
			}
		case *ast.Ident:
			if v, ok := l.info.Uses[n].(*types.Var); ok && !v.IsField() && l.isLocal(v) && !set[n] {
				do(v)
			}
		}
		return true
	})
}

func within(v *types.Var, n ast.Node) bool { return n.Pos() <= v.Pos() && v.Pos() < n.End() }

func (l *lender) isLocal(v *types.Var) bool { return within(v, l.root.decl) }

// rootOf returns the local variable at the left end of e, or nil.
func (l *lender) rootOf(e ast.Expr) *types.Var {
	s, _, _ := l.spotOf(e)
	return s.v
}

// spotOf returns what e names, if that is a local variable or a part of one: whole if it is that and no element, far if it is
// reached through a pointer, a slice, or a map.
func (l *lender) spotOf(e ast.Expr) (s spot, whole, far bool) {
	whole = true
	for e != nil {
		switch x := ast.Unparen(e).(type) {
		case *ast.Ident:
			if v, ok := l.info.ObjectOf(x).(*types.Var); ok && l.isLocal(v) {
				s.v = v
			}
			return s, whole, far
		case *ast.SelectorExpr:
			if f, ok := l.info.Uses[x.Sel].(*types.Var); !ok || !f.IsField() {
				return s, whole, far
			}
			if _, ok := coreOf(l.info.TypeOf(x.X)).(*types.Pointer); ok {
				far = true
			}
			if sel := l.info.Selections[x]; sel != nil && hasDerefPath(sel, l.info.TypeOf(x.X)) {
				far = true
			}
			s.path = "." + x.Sel.Name + s.path
			e = x.X
		case *ast.IndexExpr:
			if _, ok := coreOf(l.info.TypeOf(x.X)).(*types.Array); !ok {
				far = true
			}
			s.path, whole = "", false
			e = x.X
		case *ast.SliceExpr:
			s.path, whole = "", false
			e = x.X
		case *ast.StarExpr:
			far = true
			if s.path == "" {
				whole = false
			}
			e = x.X
		case *ast.TypeAssertExpr:
			s.path, whole, far = "", false, true
			e = x.X
		default:
			return s, whole, far
		}
	}
	return s, whole, far
}

// typeOf returns the type of what is at a spot, or nil.
func (s spot) typeOf() types.Type {
	t := s.v.Type()
	for name := range strings.SplitSeq(strings.TrimPrefix(s.path, "."), ".") {
		if name == "" {
			break
		}
		o, _, _ := types.LookupFieldOrMethod(t, true, s.v.Pkg(), name)
		if o == nil {
			return nil
		}
		t = o.Type()
	}
	return t
}

// ---- what is said --------------------------------------------------------------------------

const copied = "keep a copy of them (bytes.Clone, or a string)"

func (l *lender) refuse(what any, pos token.Pos, format string, args ...any) {
	if !l.told[what] {
		l.told[what] = true
		l.root.refuse(pos, format, args...)
	}
}

// late refuses a read of what was lent before the wait at pos.
func (l *lender) late(s spot, pos token.Pos) {
	name := s.v.Name() + s.path
	if t := s.typeOf(); t != nil && isBytes(t) && token.IsIdentifier(s.v.Name()) {
		l.refuse(s.v, pos, "%s holds bytes that are lent until the function waits, which it does here: keep a copy (bytes.Clone(%s), or string(%s))", name, name, name)
		return
	}
	l.refuse(s.v, pos, "%s holds bytes that are lent until the function waits, which it does here: %s", name, copied)
}

// lateOperand refuses an operand that has lent bytes, of a call that waits at pos.
func (l *lender) lateOperand(e ast.Expr, pos token.Pos) {
	if s, _, _ := l.spotOf(e); s.v != nil && types.ExprString(e) == s.v.Name()+s.path {
		l.late(s, pos)
		return
	}
	l.refuse(e, pos, "%s holds bytes that are lent until the function waits, which it does here: %s", written(e), copied)
}

// written is an expression in a message.
func written(e ast.Expr) string {
	if _, ok := ast.Unparen(e).(*ast.FuncLit); ok {
		return "the function literal"
	}
	return types.ExprString(e)
}

// stays refuses lent bytes that are there when the function has waited, who knows for whom.
func (l *lender) stays(e ast.Expr, where string) {
	l.refuse(e, e.Pos(), "%s has bytes that are lent until the function waits, and is kept %s: %s", written(e), where, copied)
}

// ---- a function ------------------------------------------------------------------------------

// walk goes through a declared function, or a literal.
type walk struct {
	*lender
	f       *fun // whose waits there are
	sig     *types.Signature
	exit    *holding // where it returns
	results []bool
	breaks  map[ast.Stmt]*holding
	conts   map[ast.Stmt]*holding
	labels  map[types.Object]*holding
	jumped  bool // to a label that was passed
	falls   *holding
}

func (l *lender) walk(f *fun, sig *types.Signature) *walk {
	return &walk{lender: l, f: f, sig: sig, results: make([]bool, sig.Results().Len()),
		breaks: map[ast.Stmt]*holding{}, conts: map[ast.Stmt]*holding{}, labels: map[types.Object]*holding{}}
}

func (w *walk) body(b *ast.BlockStmt, h *holding) {
	for range 10 {
		w.jumped = false
		w.returns(w.block(b.List, h.clone()))
		if !w.jumped {
			return
		}
	}
}

// returns is where the function returns: its deferred calls run.
func (w *walk) returns(h *holding) {
	if h == nil {
		return
	}
	for d := range h.armed {
		if lit, ok := ast.Unparen(d.Call.Fun).(*ast.FuncLit); ok {
			_, _, lent := has(h.lent, spot{w.kept[d], ""})
			if out, _ := w.enter(lit, h, lent); out != nil {
				h = out
			}
		}
		if s, pos, ok := has(h.gone, spot{w.kept[d], ""}); ok {
			w.late(s, pos)
		}
	}
	w.exit = w.exit.or(h)
}

// enter goes through a literal where it is called, and returns what variables have then, and which of its results are lent; nil if it
// does not return. given says that its parameters have lent bytes.
func (w *walk) enter(lit *ast.FuncLit, h *holding, given bool) (*holding, []bool) {
	w.entered[lit] = true
	if w.busy[lit] {
		return h, nil
	}
	w.busy[lit] = true
	defer delete(w.busy, lit)
	f := w.f
	for o := w.f; o != nil; o = o.outer {
		if m := o.machines[lit]; m != nil {
			f = m
			break
		}
	}
	sig, _ := w.info.TypeOf(lit).(*types.Signature)
	in := w.walk(f, sig)
	armed := h.armed
	h = h.clone()
	h.armed = map[*ast.DeferStmt]bool{}
	for _, list := range []*types.Tuple{sig.Params(), sig.Results()} {
		for v := range list.Variables() {
			h.drop(spot{v, ""})
			if given && list == sig.Params() && rules.BytesIn(v.Type()) {
				h.lent[spot{v, ""}] = v.Pos()
			}
		}
	}
	in.body(lit.Body, h)
	if in.exit != nil {
		in.exit = in.exit.clone()
		in.exit.armed = armed
	}
	return in.exit, in.results
}

// detach goes through a literal that is called later, or elsewhere: who reads what it leaves in variables around it comes too late.
func (w *walk) detach(lit *ast.FuncLit) {
	waited, at := w.waited, w.at
	out, _ := w.enter(lit, newHolding(), false)
	w.waited, w.at = waited, at
	if out == nil {
		return
	}
	read := map[*types.Var]bool{}
	w.reads(w.root.body, func(v *types.Var) { read[v] = true })
	for s, pos := range out.lent {
		if s.v.Pos() != token.NoPos && !within(s.v, lit) && read[s.v] {
			w.refuse(s.v, pos, "%s is given bytes that are lent until the function literal returns, or waits: %s", s.v.Name()+s.path, copied)
		}
	}
	for s, pos := range out.gone {
		if !within(s.v, lit) && read[s.v] {
			w.late(s, pos)
		}
	}
}

// wait is where the function waits: what is lent is gone.
func (w *walk) wait(h *holding, pos token.Pos) {
	w.waited++
	w.at = pos
	for s := range h.lent {
		if _, ok := h.gone[s]; !ok {
			h.gone[s] = pos
		}
	}
	clear(h.lent)
}

// ---- statements --------------------------------------------------------------------------------

func (w *walk) block(list []ast.Stmt, h *holding) *holding {
	for _, s := range list {
		h = w.stmt(s, h)
	}
	return h
}

// stmt executes a statement, and returns what variables have then; nil if nothing follows.
func (w *walk) stmt(s ast.Stmt, h *holding) *holding {
	if l, ok := s.(*ast.LabeledStmt); ok {
		h = h.or(w.labels[w.info.Defs[l.Label]])
		if h != nil {
			w.labels[w.info.Defs[l.Label]] = h.clone()
		}
		return w.stmt(l.Stmt, h)
	}
	if b, ok := s.(*ast.BlockStmt); ok {
		return w.block(b.List, h)
	}
	if h == nil {
		return w.unreached(s)
	}
	switch s := s.(type) {
	case *ast.ExprStmt:
		w.eval(s.X, h)
		if !falls(s) {
			return nil
		}
	case *ast.IncDecStmt:
		w.eval(s.X, h)
	case *ast.AssignStmt:
		w.assign(s.Lhs, s.Rhs, h)
	case *ast.DeclStmt:
		if d, ok := s.Decl.(*ast.GenDecl); ok && d.Tok == token.VAR {
			for _, sp := range d.Specs {
				sp := sp.(*ast.ValueSpec)
				var lhs []ast.Expr
				for _, n := range sp.Names {
					lhs = append(lhs, n)
				}
				w.assign(lhs, sp.Values, h)
			}
		}
	case *ast.DeferStmt:
		operands := slices.Clone(s.Call.Args)
		if _, ok := ast.Unparen(s.Call.Fun).(*ast.FuncLit); !ok {
			if x := w.receiver(s.Call); x != nil {
				operands = append(operands, x)
			}
		}
		for i, lent := range w.operands(operands, h) {
			if lent {
				h.lent[spot{w.kept[s], ""}] = operands[i].Pos()
			}
		}
		h.armed[s] = true
	case *ast.ReturnStmt:
		w.ret(s, h)
		return nil
	case *ast.BranchStmt:
		return w.branch(s, h)
	case *ast.IfStmt:
		if s.Init != nil {
			h = w.stmt(s.Init, h)
		}
		w.eval(s.Cond, h)
		other := h.clone()
		h = w.stmt(s.Body, h)
		if s.Else != nil {
			other = w.stmt(s.Else, other)
		}
		return h.or(other)
	case *ast.ForStmt:
		return w.loop(s, h)
	case *ast.RangeStmt:
		return w.ranges(s, h)
	case *ast.SwitchStmt:
		if s.Init != nil {
			h = w.stmt(s.Init, h)
		}
		if s.Tag != nil {
			w.eval(s.Tag, h)
		}
		return w.clauses(s, s.Body, h, func(*ast.CaseClause, *holding) {})
	case *ast.TypeSwitchStmt:
		if s.Init != nil {
			h = w.stmt(s.Init, h)
		}
		lent := false
		switch a := s.Assign.(type) {
		case *ast.ExprStmt:
			w.eval(ast.Unparen(a.X).(*ast.TypeAssertExpr).X, h)
		case *ast.AssignStmt:
			lent = w.eval(ast.Unparen(a.Rhs[0]).(*ast.TypeAssertExpr).X, h)
		}
		return w.clauses(s, s.Body, h, func(c *ast.CaseClause, h *holding) {
			if v, ok := w.info.Implicits[c].(*types.Var); ok {
				h.drop(spot{v, ""})
				if lent && rules.BytesIn(v.Type()) {
					h.lent[spot{v, ""}] = c.Pos()
				}
			}
		})
	}
	return h
}

// unreached looks for labels in a statement that is not reached from above.
func (w *walk) unreached(s ast.Stmt) (h *holding) {
	var list []ast.Stmt
	switch s := s.(type) {
	case *ast.ForStmt:
		list = s.Body.List
	case *ast.RangeStmt:
		list = s.Body.List
	case *ast.IfStmt:
		list = s.Body.List
		if s.Else != nil {
			h = w.stmt(s.Else, nil)
		}
	default:
		return nil
	}
	return h.or(w.block(list, nil)).or(w.breaks[s])
}

func (w *walk) branch(s *ast.BranchStmt, h *holding) *holding {
	switch s.Tok {
	case token.BREAK:
		w.breaks[w.targets[s]] = w.breaks[w.targets[s]].or(h)
	case token.CONTINUE:
		w.conts[w.targets[s]] = w.conts[w.targets[s]].or(h)
	case token.FALLTHROUGH:
		w.falls = h
	case token.GOTO:
		o := w.info.Uses[s.Label]
		if now := w.labels[o].or(h); !now.equal(w.labels[o]) {
			w.labels[o] = now
			w.jumped = true
		}
	}
	return nil
}

// repeat goes through what a loop repeats until nothing changes. once is an iteration: it returns what leads to the next.
func repeat(h *holding, once func(h *holding) *holding) *holding {
	for range 20 {
		next := h.or(once(h.clone()))
		if next.equal(h) {
			break
		}
		h = next
	}
	return h
}

func (w *walk) loop(s *ast.ForStmt, h *holding) (out *holding) {
	if s.Init != nil {
		h = w.stmt(s.Init, h)
	}
	repeat(h, func(h *holding) *holding {
		if s.Cond != nil {
			w.eval(s.Cond, h)
			out = out.or(h)
		}
		h = w.block(s.Body.List, h).or(w.conts[s])
		if s.Post != nil && h != nil {
			h = w.stmt(s.Post, h)
		}
		return h
	})
	return out.or(w.breaks[s])
}

func (w *walk) ranges(s *ast.RangeStmt, h *holding) *holding {
	generator := w.f.generatorRange(s)
	lent := false
	if generator != nil {
		for _, a := range generator.Args[1:] {
			w.eval(a, h)
		}
		w.eval(ast.Unparen(generator.Fun).(*ast.SelectorExpr).X, h)
	} else if _, ok := coreOf(w.info.TypeOf(s.X)).(*types.Slice); s.Value == nil && ok {
		w.quiet(s.X, h) // its length
	} else {
		lent = w.eval(s.X, h)
	}
	over, keeps := w.kept[s]
	if keeps && lent {
		h.lent[spot{over, ""}] = s.X.Pos()
	}
	var out *holding
	repeat(h, func(h *holding) *holding {
		if generator != nil {
			w.wait(h, s.X.Pos())
		}
		if s, pos, ok := has(h.gone, spot{over, ""}); ok {
			w.late(s, pos)
		}
		out = out.or(h)
		for _, e := range []ast.Expr{s.Key, s.Value} {
			if e != nil {
				w.put(e, lent && rules.BytesIn(w.info.TypeOf(e)), s.X, h)
			}
		}
		return w.block(s.Body.List, h).or(w.conts[s])
	})
	out = out.or(w.breaks[s])
	out.drop(spot{over, ""})
	return out
}

func (w *walk) clauses(s ast.Stmt, body *ast.BlockStmt, h *holding, begin func(*ast.CaseClause, *holding)) (out *holding) {
	open := true // there is no default
	w.falls = nil
	for _, c := range body.List {
		c := c.(*ast.CaseClause)
		open = open && c.List != nil
		for _, e := range c.List {
			if !w.info.Types[e].IsType() {
				w.eval(e, h)
			}
		}
	}
	for _, c := range body.List {
		c := c.(*ast.CaseClause)
		in := h.clone()
		begin(c, in)
		in = in.or(w.falls)
		w.falls = nil
		out = out.or(w.block(c.Body, in))
	}
	if open {
		out = out.or(h)
	}
	return out.or(w.breaks[s])
}

func (w *walk) ret(s *ast.ReturnStmt, h *holding) {
	n := w.sig.Results().Len()
	switch {
	case len(s.Results) == 0:
		for i := range n {
			_, _, lent := has(h.lent, spot{w.sig.Results().At(i), ""})
			w.results[i] = w.results[i] || lent
			if s, pos, ok := has(h.gone, spot{w.sig.Results().At(i), ""}); ok {
				w.late(s, pos)
			}
		}
	case len(s.Results) == 1 && n > 1:
		for i, lent := range w.values(s.Results[0], h) {
			w.results[i] = w.results[i] || lent
		}
	default:
		for i, lent := range w.operands(s.Results, h) {
			w.results[i] = w.results[i] || lent
			if r := w.sig.Results().At(i); r.Name() != "" { // a deferred call may read it
				h.drop(spot{r, ""})
				if lent {
					h.lent[spot{r, ""}] = s.Pos()
				}
			}
		}
	}
	w.returns(h)
}

func (w *walk) assign(lhs, rhs []ast.Expr, h *holding) {
	for _, e := range lhs {
		w.place(e, h)
	}
	var lent []bool
	switch {
	case len(rhs) == len(lhs):
		lent = w.operands(rhs, h)
	case len(rhs) == 1:
		lent = w.values(rhs[0], h)
	}
	for i, to := range lhs {
		var from ast.Expr
		if len(rhs) > 0 {
			from = rhs[min(i, len(rhs)-1)]
		}
		w.put(to, i < len(lent) && lent[i] && (len(rhs) == len(lhs) || rules.BytesIn(w.info.TypeOf(to))), from, h)
	}
}

// place evaluates the operands of what is assigned to, which is not read.
func (w *walk) place(e ast.Expr, h *holding) {
	switch x := ast.Unparen(e).(type) {
	case *ast.Ident:
	case *ast.SelectorExpr:
		w.place(x.X, h)
	case *ast.StarExpr:
		w.place(x.X, h)
	case *ast.IndexExpr:
		w.place(x.X, h)
		w.eval(x.Index, h)
	default:
		w.eval(e, h)
	}
}

// put assigns what has lent bytes, or has not, and is the value of from.
func (w *walk) put(to ast.Expr, lent bool, from ast.Expr, h *holding) {
	if id, ok := ast.Unparen(to).(*ast.Ident); ok && id.Name == "_" {
		return
	}
	s, whole, far := w.spotOf(to)
	if s.v == nil {
		if lent {
			w.stays(from, "in "+types.ExprString(to))
		}
		return
	}
	if whole {
		w.split(s, h)
		h.drop(s)
	}
	if !lent {
		return
	}
	if lit := composed(from); lit != nil && whole && len(w.parts[lit]) == len(lit.Elts) {
		if t, ok := coreOf(w.info.TypeOf(lit)).(*types.Struct); ok {
			for i, part := range w.parts[lit] {
				if part {
					h.lent[spot{s.v, s.path + "." + fieldOf(t, lit.Elts[i], i)}] = to.Pos()
				}
			}
			if !far {
				return
			}
		}
	}
	w.store(s, far, to, from, h)
}

// store notes that lent bytes are stored in a part of a variable, or in memory that it leads to.
func (w *walk) store(s spot, far bool, to, from ast.Expr, h *holding) {
	if far && !w.owns(s.v) {
		w.stays(from, "in "+types.ExprString(to))
		return
	}
	h.lent[s] = to.Pos()
	if !far {
		return
	}
	w.related(s.v, w.from, func(v *types.Var) {
		if v != s.v && shares(v.Type()) {
			h.lent[spot{v, ""}] = to.Pos()
		}
		for _, x := range w.refs[v] {
			if rules.BytesIn(x.Type()) {
				h.lent[spot{x, ""}] = to.Pos()
			}
		}
	})
}

// owns reports whether what a variable leads to is the function's own.
func (w *walk) owns(v *types.Var) bool {
	switch {
	case w.given[v]:
		return false
	case len(w.refs[v]) > 0 && !w.others[v]:
		return true // another variable: that has the bytes, too
	}
	return w.calls.Owns(w.root.decl, v)
}

// related calls do with v, and with all variables that it leads to.
func (w *walk) related(v *types.Var, by map[*types.Var][]*types.Var, do func(*types.Var)) {
	seen := map[*types.Var]bool{}
	var visit func(v *types.Var)
	visit = func(v *types.Var) {
		if seen[v] {
			return
		}
		seen[v] = true
		do(v)
		for _, x := range by[v] {
			visit(x)
		}
	}
	visit(v)
}

// split writes what a struct has as what its fields have, so that one of them can be assigned to.
func (w *walk) split(s spot, h *holding) {
	for _, set := range []map[spot]token.Pos{h.lent, h.gone} {
		for again := true; again; {
			again = false
			for t, pos := range set {
				if t.v != s.v || t.path == s.path || !strings.HasPrefix(s.path, t.path+".") {
					continue
				}
				of := t.typeOf()
				if of == nil {
					continue
				}
				if p, ok := of.Underlying().(*types.Pointer); ok {
					of = p.Elem()
				}
				st, ok := coreOf(of).(*types.Struct)
				if !ok {
					continue
				}
				delete(set, t)
				for f := range st.Fields() {
					if rules.BytesIn(f.Type()) {
						set[spot{t.v, t.path + "." + f.Name()}] = pos
					}
				}
				again = true
				break
			}
		}
	}
}

// composed returns the composite literal that e is, or whose address.
func composed(e ast.Expr) *ast.CompositeLit {
	if u, ok := ast.Unparen(e).(*ast.UnaryExpr); ok {
		e = u.X
	}
	lit, _ := ast.Unparen(e).(*ast.CompositeLit)
	return lit
}

// fieldOf is the name of the field that an element of a struct's literal is for.
func fieldOf(t *types.Struct, e ast.Expr, i int) string {
	if kv, ok := e.(*ast.KeyValueExpr); ok {
		if id, ok := kv.Key.(*ast.Ident); ok {
			return id.Name
		}
	}
	return t.Field(i).Name()
}

// ---- expressions -------------------------------------------------------------------------------

// operands evaluates expressions one by one, and returns which have lent bytes. Those that stand before one that waits have
// them no more.
func (w *walk) operands(list []ast.Expr, h *holding) []bool {
	lent, at := make([]bool, len(list)), make([]int, len(list))
	for i, e := range list {
		lent[i] = w.eval(e, h)
		at[i] = w.waited
	}
	for i, e := range list {
		if lent[i] && at[i] != w.waited {
			w.lateOperand(e, w.at)
			lent[i] = false
		}
	}
	return lent
}

// values evaluates an expression with several values.
func (w *walk) values(e ast.Expr, h *holding) []bool {
	if c, ok := ast.Unparen(e).(*ast.CallExpr); ok {
		return w.call(c, h)
	}
	return []bool{w.eval(e, h), false} // v, ok
}

// read returns whether a spot has lent bytes, and refuses to read what is gone.
func (w *walk) read(s spot, h *holding) (lent bool) {
	_, _, lent = has(h.lent, s)
	if of, pos, ok := has(h.gone, s); ok {
		w.late(of, pos)
	}
	_, function := coreOf(s.v.Type()).(*types.Signature)
	w.related(s.v, w.refs, func(v *types.Var) {
		if v == s.v {
			return
		}
		_, _, has1 := has(h.lent, spot{v, ""})
		lent = lent || has1
		if of, pos, ok := has(h.gone, spot{v, ""}); ok && !function { // a function reads when it is called
			w.late(of, pos)
		}
	})
	return lent
}

// quiet evaluates what is not read but asked for its length, or whether it is nil.
func (w *walk) quiet(e ast.Expr, h *holding) {
	if s, whole, _ := w.spotOf(e); s.v == nil || !whole {
		w.eval(e, h)
	}
}

// eval evaluates an expression, and reports whether its value has lent bytes.
func (w *walk) eval(e ast.Expr, h *holding) (lent bool) {
	if e == nil {
		return false
	}
	if tv := w.info.Types[e]; tv.IsType() {
		return false
	}
	carries := rules.BytesIn(w.info.TypeOf(e))
	switch x := ast.Unparen(e).(type) {
	case *ast.Ident:
		v, ok := w.info.ObjectOf(x).(*types.Var)
		return ok && carries && w.isLocal(v) && w.read(spot{v, ""}, h)
	case *ast.SelectorExpr:
		if s, whole, _ := w.spotOf(x); s.v != nil && whole {
			return carries && w.read(s, h)
		}
		if w.info.Selections[x] != nil {
			lent = w.eval(x.X, h)
		}
	case *ast.IndexExpr:
		lent = w.operands([]ast.Expr{x.X, x.Index}, h)[0]
	case *ast.SliceExpr:
		lent = w.operands([]ast.Expr{x.X, x.Low, x.High, x.Max}, h)[0]
	case *ast.StarExpr:
		lent = w.eval(x.X, h)
	case *ast.TypeAssertExpr:
		lent = w.eval(x.X, h)
	case *ast.UnaryExpr:
		lent = w.eval(x.X, h) && x.Op == token.AND
	case *ast.BinaryExpr:
		switch {
		case x.Op == token.LAND, x.Op == token.LOR:
			w.eval(x.X, h)
			other := h.clone()
			w.eval(x.Y, other)
			*h = *h.or(other)
		case w.info.Types[x.Y].IsNil():
			w.quiet(x.X, h)
		case w.info.Types[x.X].IsNil():
			w.quiet(x.Y, h)
		default:
			w.operands([]ast.Expr{x.X, x.Y}, h)
		}
	case *ast.CompositeLit:
		var list []ast.Expr
		_, isMap := coreOf(w.info.TypeOf(x)).(*types.Map)
		for _, e := range x.Elts {
			if kv, ok := e.(*ast.KeyValueExpr); ok {
				if isMap {
					w.eval(kv.Key, h)
				}
				e = kv.Value
			}
			list = append(list, e)
		}
		w.parts[x] = w.operands(list, h)
		lent = slices.Contains(w.parts[x], true)
	case *ast.FuncLit:
		for _, v := range w.captured(x) {
			_, _, has1 := has(h.lent, spot{v, ""})
			lent = lent || has1
		}
	case *ast.CallExpr:
		return slices.Contains(w.call(x, h), true)
	}
	return lent && carries
}

// receiver returns what a method is called of, if that is a value.
func (w *walk) receiver(c *ast.CallExpr) ast.Expr {
	if s, ok := ast.Unparen(c.Fun).(*ast.SelectorExpr); ok {
		if sel := w.info.Selections[s]; sel != nil && sel.Kind() == types.MethodVal {
			return s.X
		}
	}
	return nil
}

// functions returns the literals that e is, or may have.
func (w *walk) functions(e ast.Expr) (list []*ast.FuncLit) {
	if lit, ok := ast.Unparen(e).(*ast.FuncLit); ok {
		return []*ast.FuncLit{lit}
	}
	if c, ok := ast.Unparen(e).(*ast.CallExpr); ok { // task.Func(func...)
		for _, a := range c.Args {
			list = append(list, w.functions(a)...)
		}
		return list
	}
	v := w.rootOf(e)
	if _, ok := coreOf(w.info.TypeOf(e)).(*types.Signature); !ok || v == nil {
		return nil
	}
	w.related(v, w.from, func(v *types.Var) {
		for _, lit := range w.lits[v] {
			if !slices.Contains(list, lit) {
				list = append(list, lit)
			}
		}
	})
	return list
}

// call executes a call, and returns which of its results have lent bytes.
func (w *walk) call(c *ast.CallExpr, h *holding) []bool {
	ts := resultsOf(w.info.TypeOf(c))
	carrying := func(lent func(i int) bool) []bool {
		list := make([]bool, len(ts))
		for i, t := range ts {
			list[i] = rules.BytesIn(t) && lent(i)
		}
		return list
	}
	if tv := w.info.Types[c.Fun]; tv.IsType() {
		lent := w.eval(c.Args[0], h)
		return carrying(func(int) bool { return lent })
	} else if tv.IsBuiltin() {
		if id, ok := ast.Unparen(c.Fun).(*ast.Ident); ok && (id.Name == "len" || id.Name == "cap") {
			w.quiet(c.Args[0], h)
			return carrying(func(int) bool { return false })
		}
	}
	switch w.f.waits(c) {
	case several:
		for _, a := range c.Args {
			if in, ok := ast.Unparen(a).(*ast.CallExpr); ok && w.f.waits(in) != never {
				w.asked(in, h)
			} else {
				w.eval(a, h)
			}
		}
		w.wait(h, c.Pos())
		return make([]bool, len(ts))
	case yielding:
		if w.eval(c.Args[0], h) {
			w.refuse(c, c.Pos(), "bytes that are lent until the function waits are yielded, which waits: hand over a copy (bytes.Clone, or a string)")
		}
		w.wait(h, c.Pos())
		return make([]bool, len(ts))
	case awaited:
		g := w.f.unit.machineOf(callee(w.info, c))
		operands := slices.Clone(c.Args[1:])
		if x := w.receiver(c); x != nil {
			operands = append(operands, x)
		}
		if slices.Contains(w.operands(operands, h), true) {
			w.refuse(c, c.Pos(), "bytes that are lent until the function waits are handed to %s, which may wait: hand over a copy (bytes.Clone, or a string)", g.obj.Name())
		}
		w.wait(h, c.Pos())
		for _, a := range operands {
			w.passed(w.functions(a), h, false)
		}
		return carrying(func(i int) bool { return g.lending().gives(i) })
	case polled:
		lent := w.polled(c, h)
		return carrying(func(i int) bool { return lent || w.lends(c, i) })
	}
	return w.plain(c, h, carrying)
}

// asked evaluates the operands of a call that is called again in each poll, and returns the functions among them.
func (w *walk) asked(c *ast.CallExpr, h *holding) (functions []*ast.FuncLit, lends bool) {
	operands := slices.Clone(c.Args)
	if x := w.receiver(c); x != nil {
		operands = append(operands, x)
	} else {
		functions = w.functions(c.Fun)
	}
	var others []ast.Expr
	for _, e := range operands {
		lends = lends || w.calls.Lends(e)
		if list := w.functions(e); len(list) > 0 {
			functions = append(functions, list...)
		} else if !isCx(w.info.TypeOf(e)) {
			others = append(others, e)
		}
	}
	for i, lent := range w.operands(others, h) {
		if lent {
			w.lateOperand(others[i], c.Pos())
		}
	}
	return functions, lends
}

// polled executes a wait for an operation, and for the functions that it is given. It reports whether one of these lends what it
// returns.
func (w *walk) polled(c *ast.CallExpr, h *holding) bool {
	functions, lends := w.asked(c, h)
	w.wait(h, c.Pos())
	if w.calls.Detaches(c) {
		for _, lit := range functions {
			w.detach(lit)
		}
		return false
	}
	name := combinator(w.f.receiverOf(c))
	all := strings.HasPrefix(name, "Join") || name == "All" // it is over when all are
	run := func(h *holding) (out *holding) {
		if all {
			out = h.clone()
		}
		for _, lit := range functions {
			before := h
			if all {
				before = out
			}
			after, results := w.enter(lit, before, false)
			lends = lends || slices.Contains(results, true)
			switch {
			case all && after != nil:
				out = after
			case !all:
				out = out.or(after) // the one that is over first
			}
		}
		return out
	}
	out := run(h)
	if out != nil && (len(functions) > 1 || name == "Retry") { // some have been called before
		again := out.clone()
		w.wait(again, c.Pos())
		if again = run(again); !all {
			out = out.or(again)
		} else if again != nil {
			out = again
		}
	}
	if out != nil {
		*h = *out
	}
	if all {
		if lends && slices.ContainsFunc(resultsOf(w.info.TypeOf(c)), rules.BytesIn) {
			w.refuse(c, c.Pos(), "the bytes of the first of these that is over are gone when the last is: copy them in a function literal")
		}
		w.wait(h, c.Pos())
		return false
	}
	return lends
}

// combinator returns the name of a combinator's type, or nothing.
func combinator(t types.Type) string {
	if t == nil || !isCombinator(t) {
		return ""
	}
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	return types.Unalias(t).(*types.Named).Obj().Name()
}

// passed executes functions that somebody has, and may call.
func (w *walk) passed(list []*ast.FuncLit, h *holding, given bool) (lends bool) {
	for range 2 { // what one leaves another may read
		for _, lit := range list {
			out, results := w.enter(lit, h, given)
			lends = lends || slices.Contains(results, true)
			*h = *h.or(out)
		}
	}
	return lends
}

// plain executes a call that does not wait.
func (w *walk) plain(c *ast.CallExpr, h *holding, carrying func(func(int) bool) []bool) []bool {
	if lit, ok := ast.Unparen(c.Fun).(*ast.FuncLit); ok {
		given := slices.Contains(w.operands(c.Args, h), true)
		out, results := w.enter(lit, h, given)
		if out != nil {
			*h = *out
		}
		return carrying(func(i int) bool { return i < len(results) && results[i] })
	}
	operands := slices.Clone(c.Args)
	functions := w.functions(c.Fun)
	if x := w.receiver(c); x != nil {
		operands = append(operands, x)
		functions = nil
	}
	lent := map[ast.Expr]bool{}
	any := false
	for i, yes := range w.operands(operands, h) {
		lent[operands[i]] = yes
		any = any || yes
	}
	w.calls.Keeps(c, func(e ast.Expr, where string) {
		if lent[e] {
			w.stays(e, where)
		}
	})
	w.calls.Puts(c, func(to, from ast.Expr) {
		if from == nil || !lent[from] || w.rootOf(from) != nil && w.rootOf(from) == w.rootOf(to) {
			return
		}
		if u, ok := ast.Unparen(to).(*ast.UnaryExpr); ok && u.Op == token.AND {
			to = u.X
		}
		s, _, far := w.spotOf(to)
		if t := w.info.TypeOf(to); s.v != nil && t != nil {
			_, pointer := coreOf(t).(*types.Pointer)
			far = far || pointer
		}
		if s.v == nil {
			w.stays(from, "in "+types.ExprString(to))
			return
		}
		w.store(s, far, to, from, h)
	})
	for _, a := range c.Args {
		functions = append(functions, w.functions(a)...)
	}
	lends := false
	if w.calls.Detaches(c) {
		for _, lit := range functions {
			w.detach(lit)
		}
	} else {
		lends = w.passed(functions, h, any)
	}
	o := callee(w.info, c)
	return carrying(func(i int) bool {
		from, yes, known := w.calls.Gives(c, i)
		if o != nil && w.root.unit.generated(o.Pos()) { // a constructor: the task has its arguments
			known = false
		}
		if !known && (o == nil || o.Name() != "Clone") {
			return any || lends
		}
		return yes || slices.ContainsFunc(from, func(e ast.Expr) bool { return lent[e] })
	})
}
