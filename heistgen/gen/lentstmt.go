package gen

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"github.com/heist-go/heist/heistvet/rules"
)

// This file executes statements for what follows lent bytes: see lent.go.

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
