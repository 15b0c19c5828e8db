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
