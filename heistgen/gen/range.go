package gen

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
)

// rangeStmt lowers a range statement with waits in it.
func (f *fun) rangeStmt(s *ast.RangeStmt) {
	info := f.info()
	if c := f.generatorRange(s); c != nil {
		(&ranging{f: f, s: s}).overGenerator(c)
		return
	}
	if !f.waitsEach(s) { // only the operand waits
		c := *s
		c.X = f.expr(s.X)
		f.retarget(s, &c)
		f.markJumps(&c)
		f.statement(&c)
		return
	}
	r := &ranging{f: f, s: s}
	t := info.TypeOf(s.X)
	switch core := coreOf(t).(type) {
	case *types.Basic:
		if core.Info()&types.IsString != 0 {
			r.overString()
		} else {
			r.overInt(t)
		}
	case *types.Slice:
		x := r.operand(s.X)
		r.indexed(x, func() ast.Expr { return r.lenOf(x) }, false)
	case *types.Array:
		if !r.wants(s.Value) {
			if f.effects(s.X) {
				f.spill(f.expr(s.X), "list")
			}
			r.indexed(nil, func() ast.Expr { return r.number(core.Len()) }, false)
			return
		}
		x := f.spill(f.expr(s.X), "list") // a copy
		r.indexed(x, func() ast.Expr { return r.number(core.Len()) }, false)
	case *types.Pointer:
		n := coreOf(core.Elem()).(*types.Array).Len()
		x := r.operand(s.X)
		r.indexed(x, func() ast.Expr { return r.number(n) }, false)
	case *types.Map:
		r.overMap(f.expr(s.X), core)
	case *types.Signature:
		r.overFunc(core)
	default:
		f.refuse(s.X.Pos(), "a wait cannot stand in the body of this range statement")
	}
}

// waitsEach reports whether an iteration waits: its body, or what the clause assigns to.
func (f *fun) waitsEach(s *ast.RangeStmt) bool {
	return f.flat[s.Body] || (f.flat[s.Key] || f.flat[s.Value]) && !f.mutant(unlowered)
}

// ranging is a range statement that is laid flat.
type ranging struct {
	f               *fun
	s               *ast.RangeStmt
	loop, cont, end *label
	iterator        bool // s ranges over a function
}

func (r *ranging) wants(e ast.Expr) bool {
	if e == nil {
		return false
	}
	id, ok := e.(*ast.Ident)
	return !ok || id.Name != "_"
}

func (r *ranging) number(n int64) ast.Expr {
	e := &ast.BasicLit{ValuePos: r.s.Pos(), Kind: token.INT, Value: itoa(n)}
	r.f.info().Types[e] = types.TypeAndValue{Type: types.Typ[types.Int], Value: constInt(n)}
	return e
}

func (r *ranging) lenOf(x ast.Expr) ast.Expr {
	c := &ast.CallExpr{Fun: &ast.Ident{Name: "len"}, Args: []ast.Expr{x}}
	r.f.info().Types[c] = types.TypeAndValue{Type: types.Typ[types.Int]}
	return c
}

// operand is what is ranged over: a copy, unless it stays what it is.
func (r *ranging) operand(e ast.Expr) ast.Expr {
	if r.f.fixed(e) {
		return e
	}
	return r.f.spill(r.f.expr(e), "list")
}

func (r *ranging) labels() {
	f, s := r.f, r.s
	r.loop, r.cont, r.end = f.newLabel("loop", s.Pos()), f.newLabel("next", s.Pos()), f.newLabel("endfor", s.Pos())
	f.breaks[s], f.conts[s] = r.end, r.cont
}

// given is a value of an iteration, for raw, and what it reads.
type given struct {
	value any
	uses  []*slot
}

func of(s *slot) given { return given{s, []*slot{s}} }

// assign gives the iteration's variables, or what the clause names, their values. What it names is assigned
// at once: the operands of the one are not those after the other has been assigned. With an iterator they are: the
// compiler assigns in the function that it makes of the body, to one after the other.
func (r *ranging) assign(key, value given) {
	f, s := r.f, r.s
	if f.mutant("what a value of an iteration reads does not live") {
		value.uses = nil
	}
	var to []ast.Expr
	var values []given
	for _, part := range []struct {
		to ast.Expr
		given
	}{{s.Key, key}, {s.Value, value}} {
		switch {
		case !r.wants(part.to):
		case s.Tok == token.DEFINE:
			v, _ := f.info().Defs[part.to.(*ast.Ident)].(*types.Var)
			if at := f.begin(v, part.to.Pos()); at.boxed {
				f.raw(part.to.Pos(), nil, append(slices.Clip(part.uses), at), "%v = %v", at, part.value)
			} else {
				f.raw(part.to.Pos(), []*slot{at}, part.uses, "%v = %v", at, part.value)
			}
		default:
			to, values = append(to, part.to), append(values, part.given)
		}
	}
	switch {
	case len(to) == 2 && !r.iterator:
		if f.flat[to[1]] {
			to[0] = f.lvalueKept(to[0])
		} else {
			to[0] = f.lvalue(to[0])
		}
		to[1] = f.lvalue(to[1])
		format, all := "%v, %v = %v, %v", []any{to[0], to[1], values[0].value, values[1].value}
		if f.mutant("a range assigns key and value one after the other") {
			format, all = "%v = %v\n%v = %v", []any{to[0], values[0].value, to[1], values[1].value}
		}
		f.changes(f.raw(to[0].Pos(), nil, append(slices.Clip(values[0].uses), values[1].uses...), format, all...), to)
	default:
		for k, e := range to {
			e = f.lvalue(e)
			f.changes(f.raw(e.Pos(), nil, values[k].uses, "%v = %v", e, values[k].value), []ast.Expr{e})
		}
	}
}

// changes says that i assigns to what is in to.
func (f *fun) changes(i *instr, to []ast.Expr) {
	for _, e := range to {
		if id, ok := e.(*ast.Ident); ok {
			if s := f.slotOf(id); s != nil && !s.boxed {
				i.defs = append(i.defs, s)
				continue
			}
		}
		i.uses = f.mentioned(e, i.uses)
	}
}

// phrase is text with arguments, as a value for raw.
type phrase struct {
	text string
	args []any
}

// indexed ranges over what has an index.
func (r *ranging) indexed(x ast.Expr, length func() ast.Expr, backward bool) {
	f, s := r.f, r.s
	pos := s.Pos()
	n := length()
	var uses []*slot
	if f.info().Types[n].Value == nil && !(f.fixed(x) && r.isSlice(x)) {
		n = f.spill(n, "n")
	}
	if f.info().Types[n].Value == nil {
		uses = f.mentioned(n, uses)
	}
	i := f.temp("at", types.Typ[types.Int], pos)
	r.labels()
	if backward {
		f.raw(pos, []*slot{i}, uses, "%v = %v - 1", i, n)
		f.place(r.loop)
		f.unless(r.compare(i, token.GEQ, r.number(0)), r.end)
	} else {
		f.raw(pos, []*slot{i}, nil, "%v = 0", i)
		f.place(r.loop)
		f.unless(r.compare(i, token.LSS, n), r.end)
	}
	r.assign(of(i), given{phrase{"%v[%v]", []any{x, i}}, append(f.mentioned(x, nil), i)})
	f.block(s.Body.List)
	f.place(r.cont)
	if backward {
		f.raw(pos, []*slot{}, []*slot{i}, "%v--", i)
	} else {
		f.raw(pos, []*slot{}, []*slot{i}, "%v++", i)
	}
	f.jump(r.loop, s.Body.Rbrace)
	f.place(r.end)
}

// isSlice reports whether e's length is a part of its value.
func (r *ranging) isSlice(e ast.Expr) bool {
	_, ok := coreOf(r.f.info().TypeOf(e)).(*types.Slice)
	return ok
}

func (r *ranging) compare(i *slot, op token.Token, n ast.Expr) ast.Expr {
	c := &ast.BinaryExpr{X: r.f.ref(i, r.s.Pos()), OpPos: r.s.Pos(), Op: op, Y: n}
	r.f.info().Types[c] = types.TypeAndValue{Type: types.Typ[types.Bool]}
	return c
}

func (r *ranging) overInt(t types.Type) {
	f, s := r.f, r.s
	info := f.info()
	if b, ok := t.(*types.Basic); ok && b.Info()&types.IsUntyped != 0 {
		t = types.Typ[types.Int]
		if r.wants(s.Key) {
			t = info.TypeOf(s.Key)
		}
	}
	n := f.expr(s.X)
	if info.Types[s.X].Value == nil && !(f.fixed(n) && types.Identical(info.TypeOf(n), t)) {
		n = f.spillAs(n, "n", t)
	}
	i := f.temp("at", t, s.Pos())
	r.labels()
	f.raw(s.Pos(), []*slot{i}, nil, "%v = 0", i)
	f.place(r.loop)
	f.unless(r.compare(i, token.LSS, n), r.end)
	r.assign(of(i), given{})
	f.block(s.Body.List)
	f.place(r.cont)
	f.raw(s.Pos(), nil, []*slot{i}, "%v++", i)
	f.jump(r.loop, s.Body.Rbrace)
	f.place(r.end)
}

func (r *ranging) overString() {
	f, s := r.f, r.s
	x := f.expr(s.X)
	if f.info().Types[s.X].Value == nil || !f.stable(x) {
		x = f.spill(x, "text")
	}
	i, c := f.temp("at", types.Typ[types.Int], s.Pos()), f.temp("r", types.Typ[types.Rune], s.Pos())
	j := f.temp("from", types.Typ[types.Int], s.Pos())
	r.labels()
	f.raw(s.Pos(), []*slot{i}, nil, "%v = 0", i)
	f.place(r.loop)
	f.unless(r.compare(i, token.LSS, r.lenOf(x)), r.end)
	f.raw(s.Pos(), []*slot{j}, []*slot{i}, "%v = %v", j, i)
	f.raw(s.Pos(), []*slot{i, c}, append(f.mentioned(x, nil), j), "%v, %v = %vRune(%v, %v)", i, c, machineRef{}, x, j)
	r.assign(of(j), of(c))
	f.block(s.Body.List)
	f.place(r.cont)
	f.jump(r.loop, s.Body.Rbrace)
	f.place(r.end)
}

// machineRef is the name of package machine and a dot, for raw.
type machineRef struct{}

func (r *ranging) overMap(x ast.Expr, m *types.Map) {
	f, s := r.f, r.s
	iter := f.unit.machineType("MapIter", m.Key(), m.Elem())
	if iter == nil {
		f.refuse(s.Pos(), "package %s is not loaded", machinePath)
		return
	}
	it := f.temp("it", iter, s.Pos())
	r.labels()
	f.raw(s.Pos(), []*slot{it}, f.mentioned(x, nil), "%v = %vRange(%v)", it, machineRef{}, x)
	f.place(r.loop)
	next := &rawExpr{format: "%v.Next()", args: []any{it}, uses: []*slot{it}, pos: s.Pos()}
	f.unless(next, r.end)
	r.assign(given{phrase{"%v.Key()", []any{it}}, []*slot{it}}, given{phrase{"%v.Value()", []any{it}}, []*slot{it}})
	f.block(s.Body.List)
	f.place(r.cont)
	f.jump(r.loop, s.Body.Rbrace)
	f.place(r.end)
}

// rawExpr is text among expressions.
type rawExpr struct {
	ast.BadExpr
	format   string
	opposite string // of a condition
	args     []any
	uses     []*slot
	pos      token.Pos
}

func (r *rawExpr) Pos() token.Pos { return r.pos }

// overFunc ranges over the iterators of slices and maps, which are known.
func (r *ranging) overFunc(*types.Signature) {
	f, s := r.f, r.s
	r.iterator = true
	info := f.info()
	c, ok := ast.Unparen(s.X).(*ast.CallExpr)
	if ok && len(c.Args) == 1 {
		o := callee(info, c)
		arg := c.Args[0]
		at := info.TypeOf(arg)
		switch {
		case o == nil || o.Signature().Recv() != nil || o.Pkg() == nil:
		case o.Pkg().Path() == "slices" && (o.Name() == "All" || o.Name() == "Backward"):
			x := r.operand(arg)
			r.indexed(x, func() ast.Expr { return r.lenOf(x) }, o.Name() == "Backward")
			return
		case o.Pkg().Path() == "slices" && o.Name() == "Values":
			x := r.operand(arg)
			in := *s
			in.Key, in.Value = nil, s.Key
			r.s = &in
			r.alias(s)
			r.indexed(x, func() ast.Expr { return r.lenOf(x) }, false)
			return
		case o.Pkg().Path() == "maps" && (o.Name() == "All" || o.Name() == "Keys" || o.Name() == "Values"):
			m, ok := coreOf(at).(*types.Map)
			if !ok {
				break
			}
			in := *s
			if o.Name() == "Values" {
				in.Key, in.Value = nil, s.Key
			}
			r.s = &in
			r.alias(s)
			r.overMap(f.expr(arg), m)
			return
		}
	}
	f.refuse(s.X.Pos(), "a wait cannot stand in the body of a range over a function, which cannot be left and entered again: collect the values first (slices.Collect), or take a stream (stream.FromSeq)")
}

// opened is a range over a generator: what leaves its body closes that.
type opened struct {
	s   *ast.RangeStmt
	gen *slot
}

// generatorRange returns the call of All if s ranges over a generator.
func (f *fun) generatorRange(s *ast.RangeStmt) *ast.CallExpr {
	c, ok := ast.Unparen(s.X).(*ast.CallExpr)
	if !ok {
		return nil
	}
	if o := callee(f.info(), c); o == nil || !isFrom(o, machinePath, "All") {
		return nil
	}
	return c
}

// overGenerator ranges over the values of a straight-line generator: it waits for each, and
// closes the generator if the loop is left before its end.
func (r *ranging) overGenerator(c *ast.CallExpr) {
	f, s := r.f, r.s
	r.iterator = true
	pos := s.Pos()
	x := ast.Unparen(c.Fun).(*ast.SelectorExpr).X
	t := f.info().TypeOf(x)
	tup := callee(f.info(), c).Signature().Results().At(0).Type() // iter.Seq2[T, error]
	args := types.Unalias(tup).(*types.Named).TypeArgs()
	if _, ok := coreOf(t).(*types.Pointer); !ok {
		f.refuse(x.Pos(), "the generator has to be a pointer, as its constructor returns it")
		return
	}
	g := f.temp("values", t, pos)
	f.set(g, f.expr(x), pos)
	r.labels()
	end, left := r.end, f.newLabel("left", pos)
	f.breaks[s] = left
	f.place(r.loop)
	var v *slot // nil: nobody looks at the values
	if r.wants(s.Key) {
		v = f.temp("next", args.At(0), pos)
	}
	err := f.temp("err", errorType, pos)
	f.pollRaw(c.Pos(), []*slot{v, err}, "%v.Next(%v)", g)
	f.unless(&rawExpr{format: "%v != %vEOF", opposite: "%v == %vEOF", args: []any{err, ioRef{}}, uses: []*slot{err}, pos: pos}, end)
	r.assign(of(v), of(err))
	f.open = append(f.open, &opened{s, g})
	f.block(s.Body.List)
	f.open = f.open[:len(f.open)-1]
	f.place(r.cont)
	f.jump(r.loop, s.Body.Rbrace)
	f.place(left)
	f.closeDown([]*opened{{s, g}})
	f.place(end)
}

// ioRef is the name of package io and a dot, for raw.
type ioRef struct{}

// pollRaw emits a wait for an operation of a slot. Its results go to temporaries, or nowhere.
func (f *fun) pollRaw(pos token.Pos, dst []*slot, format string, on *slot) {
	f.states++
	var lhs []ast.Expr
	for _, s := range dst {
		if s == nil {
			lhs = append(lhs, ast.NewIdent("_"))
			continue
		}
		lhs = append(lhs, f.ref(s, pos))
	}
	call := &rawExpr{format: format, args: []any{on, f.ctx}, uses: []*slot{on}, pos: pos}
	w := f.emit(&instr{op: opWait, pos: pos, lhs: lhs, call: call, state: f.states, label: f.newLabel("wait", pos)})
	w.label.used = true
}

// closeDown closes generators, the innermost first. What they return is lost, as with every
// iterator that is not ranged over to its end.
func (f *fun) closeDown(list []*opened) {
	for i := len(list) - 1; i >= 0; i-- {
		o := list[i]
		if f.closed == nil {
			f.closed = f.temp("closed", errorType, o.s.Pos())
		}
		f.pollRaw(o.s.Pos(), []*slot{f.closed}, "%v.Close(%v)", o.gen)
	}
}

// leave closes the generators whose loops a branch statement leaves. A break of the loop itself
// goes by its end, which does it.
func (f *fun) leave(b *ast.BranchStmt) {
	var to, end token.Pos
	switch b.Tok {
	case token.BREAK, token.CONTINUE:
		t := f.targets[b]
		if t == nil {
			return
		}
		to, end = t.Pos(), t.End()
	case token.GOTO:
		o, _ := f.info().Uses[b.Label].(*types.Label)
		if o == nil {
			return
		}
		to = o.Pos()
	default:
		return
	}
	for i, o := range f.open {
		inside := to > o.s.Pos() && to < o.s.End()
		if b.Tok != token.GOTO {
			inside = inside || to == o.s.Pos() && end == o.s.End()
		}
		if !inside {
			f.closeDown(f.open[i:])
			return
		}
	}
}

// held keeps results across the waits before a return.
func (f *fun) held(rs []ast.Expr) []ast.Expr {
	sig := f.sig.Results()
	if len(rs) == 0 {
		return rs
	}
	lhs := make([]ast.Expr, sig.Len())
	for k := range lhs {
		lhs[k] = f.ref(f.temp("v", sig.At(k).Type(), rs[0].Pos()), rs[0].Pos())
	}
	f.statement(&ast.AssignStmt{Lhs: lhs, TokPos: rs[0].Pos(), Tok: token.ASSIGN, Rhs: rs})
	return lhs
}

// alias makes the breaks of s those of its copy.
func (r *ranging) alias(s *ast.RangeStmt) {
	f := r.f
	for b, t := range f.targets {
		if t == s {
			f.targets[b] = r.s
		}
	}
}
