package gen

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"github.com/heist-go/heist/heistvet/rules"
)

// This file evaluates expressions for what follows lent bytes: see lent.go.

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
