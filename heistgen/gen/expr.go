package gen

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strconv"
)

// This file takes expressions apart that have waits in them. Calls and waits take place in
// Go's order; what Go leaves open, when a variable is read that stands beside a call, is done
// as late as the compiler does it.

// copied says that fresh is a copy of old.
func (f *fun) copied(old, fresh ast.Expr) {
	info := f.info()
	if tv, ok := info.Types[old]; ok {
		info.Types[fresh] = tv
	}
	if s, ok := old.(*ast.SelectorExpr); ok {
		if sel := info.Selections[s]; sel != nil {
			info.Selections[fresh.(*ast.SelectorExpr)] = sel
		}
	}
}

// expr lowers e: what it returns does not wait.
func (f *fun) expr(e ast.Expr) ast.Expr {
	if !f.flat[e] {
		return e
	}
	switch x := e.(type) {
	case *ast.CallExpr:
		if f.waits(x) != never {
			return f.waitValue(x)
		}
	case *ast.BinaryExpr:
		if x.Op == token.LAND || x.Op == token.LOR {
			return f.shortCircuit(x)
		}
	case *ast.ParenExpr:
		n := *x
		n.X = f.expr(x.X)
		f.copied(x, &n)
		return &n
	}
	return f.inside(e)
}

// shortCircuit lowers && and ||, where the right side waits or both do.
func (f *fun) shortCircuit(x *ast.BinaryExpr) ast.Expr {
	t := f.temp("both", f.info().TypeOf(x), x.Pos())
	if x.Op == token.LOR {
		t.name = f.unique("either")
	}
	f.set(t, f.expr(x.X), x.Pos())
	end := f.newLabel("known", x.OpPos)
	cond := ast.Expr(f.ref(t, x.OpPos))
	if x.Op == token.LOR {
		c := &ast.UnaryExpr{OpPos: x.OpPos, Op: token.NOT, X: cond}
		f.info().Types[c] = types.TypeAndValue{Type: t.typ}
		cond = c
	}
	if x.Op == token.LAND || !f.mutant("|| evaluates both sides") {
		f.unless(cond, end)
	}
	f.set(t, f.expr(x.Y), x.Pos())
	f.place(end)
	return f.ref(t, x.Pos())
}

func (f *fun) set(t *slot, e ast.Expr, pos token.Pos) {
	f.statement(&ast.AssignStmt{Lhs: []ast.Expr{f.ref(t, pos)}, TokPos: pos, Tok: token.ASSIGN, Rhs: []ast.Expr{e}})
}

// spill evaluates e here, into a temporary.
func (f *fun) spill(e ast.Expr, name string) ast.Expr { return f.spillAs(e, name, f.info().TypeOf(e)) }

func (f *fun) spillAs(e ast.Expr, name string, t types.Type) ast.Expr {
	s := f.temp(name, t, e.Pos())
	f.set(s, e, e.Pos())
	return f.ref(s, e.Pos())
}

// inside lowers the operands of e, which is itself no wait.
func (f *fun) inside(e ast.Expr) ast.Expr {
	if !f.flat[e] {
		return e
	}
	var c ast.Expr
	switch x := e.(type) {
	case *ast.ParenExpr:
		n := *x
		n.X = f.inside(x.X)
		c = &n
	case *ast.BinaryExpr:
		n := *x
		f.operands([]*ast.Expr{&n.X, &n.Y})
		c = &n
	case *ast.UnaryExpr:
		n := *x
		if x.Op == token.AND {
			if lit, ok := ast.Unparen(x.X).(*ast.CompositeLit); ok {
				n.X = f.inside(lit)
			} else {
				n.X = f.lvalue(x.X)
			}
		} else {
			f.operands([]*ast.Expr{&n.X})
		}
		c = &n
	case *ast.StarExpr:
		n := *x
		f.operands([]*ast.Expr{&n.X})
		c = &n
	case *ast.SelectorExpr:
		n := *x
		n.X = f.lvalueOrValue(x.X)
		c = &n
	case *ast.IndexExpr:
		n := *x
		f.operands([]*ast.Expr{&n.X, &n.Index})
		c = &n
	case *ast.SliceExpr:
		n := *x
		ps := []*ast.Expr{&n.X}
		for _, p := range []*ast.Expr{&n.Low, &n.High, &n.Max} {
			if *p != nil {
				ps = append(ps, p)
			}
		}
		f.operands(ps)
		c = &n
	case *ast.TypeAssertExpr:
		n := *x
		f.operands([]*ast.Expr{&n.X})
		c = &n
	case *ast.CompositeLit:
		n := *x
		n.Elts = append([]ast.Expr(nil), x.Elts...)
		f.copied(x, &n)
		f.operands(f.elements(&n))
		c = &n
	case *ast.CallExpr:
		n := *x
		f.copied(x, &n)
		f.operandsOfCall(&n, false)
		return &n
	default:
		f.refuse(e.Pos(), "a wait cannot stand here")
		return e
	}
	f.copied(e, c)
	return c
}

// elements lists where the operands of a composite literal are.
func (f *fun) elements(lit *ast.CompositeLit) (ps []*ast.Expr) {
	info := f.info()
	t := coreOf(info.TypeOf(lit))
	if p, ok := t.(*types.Pointer); ok {
		t = coreOf(p.Elem())
	}
	_, isMap := t.(*types.Map)
	for i, el := range lit.Elts {
		p := &lit.Elts[i]
		if kv, ok := el.(*ast.KeyValueExpr); ok {
			n := *kv
			lit.Elts[i] = &n
			if isMap {
				ps = append(ps, f.element(&n.Key)...)
			}
			p = &n.Value
		}
		ps = append(ps, f.element(p)...)
	}
	return ps
}

// element is one operand, or those of a literal without a type of its own.
func (f *fun) element(p *ast.Expr) []*ast.Expr {
	if lit, ok := (*p).(*ast.CompositeLit); ok && lit.Type == nil {
		n := *lit
		n.Elts = append([]ast.Expr(nil), lit.Elts...)
		f.copied(lit, &n)
		*p = &n
		return f.elements(&n)
	}
	return []*ast.Expr{p}
}

// operands lowers several expressions that are evaluated in this order.
func (f *fun) operands(ps []*ast.Expr) {
	last := -1
	for i, p := range ps {
		if f.flat[*p] {
			last = i
		}
	}
	for i, p := range ps {
		*p = f.expr(*p)
		if i < last {
			*p = f.hoist(*p)
		}
	}
}

// hoist makes the calls in e here, as the compiler does, and leaves the rest for later.
func (f *fun) hoist(e ast.Expr) ast.Expr {
	if !f.effects(e) {
		return e
	}
	each := func(ps []*ast.Expr) {
		for _, p := range ps {
			*p = f.hoist(*p)
		}
	}
	info := f.info()
	var c ast.Expr
	switch x := e.(type) {
	case *ast.ParenExpr:
		n := *x
		n.X = f.hoist(x.X)
		c = &n
	case *ast.BinaryExpr:
		if x.Op == token.LAND || x.Op == token.LOR {
			return f.spill(e, "v")
		}
		n := *x
		each([]*ast.Expr{&n.X, &n.Y})
		c = &n
	case *ast.UnaryExpr:
		if x.Op == token.ARROW {
			return f.spill(e, "v")
		}
		n := *x
		if _, lit := ast.Unparen(x.X).(*ast.CompositeLit); x.Op == token.AND && !lit {
			n.X = f.lvalueKept(x.X)
		} else {
			n.X = f.hoist(x.X)
		}
		c = &n
	case *ast.StarExpr:
		n := *x
		n.X = f.hoist(x.X)
		c = &n
	case *ast.SelectorExpr:
		if sel := info.Selections[x]; sel != nil && sel.Kind() != types.FieldVal {
			return f.spill(e, "v") // a method value
		}
		n := *x
		n.X = f.hoist(x.X)
		c = &n
	case *ast.IndexExpr:
		n := *x
		each([]*ast.Expr{&n.X, &n.Index})
		c = &n
	case *ast.CompositeLit:
		n := *x
		n.Elts = append([]ast.Expr(nil), x.Elts...)
		f.copied(x, &n)
		each(f.elements(&n))
		return &n
	case *ast.CallExpr:
		if tv := info.Types[x.Fun]; tv.IsType() && len(x.Args) == 1 && !f.copies(x) {
			n := *x
			n.Args = []ast.Expr{f.hoist(x.Args[0])}
			c = &n
			break
		}
		return f.spill(e, "v")
	default:
		return f.spill(e, "v")
	}
	f.copied(e, c)
	return c
}

// effects reports whether e has its place in the order: evaluating it calls something, or is one of those that the
// compiler does when their turn comes, as if they were calls.
func (f *fun) effects(e ast.Expr) (yes bool) {
	info := f.info()
	if tv := info.Types[e]; tv.Value != nil || tv.IsType() {
		return false
	}
	ast.Inspect(e, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.CallExpr:
			tv := info.Types[n.Fun]
			switch {
			case info.Types[n].Value != nil:
				return false
			case tv.IsType():
				yes = yes || f.copies(n) && !f.stable(n.Args[0]) && !f.mutant("a string is copied after the wait behind it")
			case tv.IsBuiltin():
				switch id, _ := ast.Unparen(n.Fun).(*ast.Ident); {
				case id != nil && slices.Contains([]string{"len", "cap", "new", "real", "imag", "complex"}, id.Name):
					yes = yes || slices.ContainsFunc(n.Args, func(a ast.Expr) bool { return !f.stable(a) }) && !f.mutant("builtins before a wait are evaluated after it")
				default:
					yes = true
				}
			default:
				yes = true
			}
		case *ast.UnaryExpr:
			if n.Op == token.ARROW {
				yes = true
			}
		case *ast.SliceExpr:
			yes = yes || !f.stable(n) && !f.mutant("slices before a wait are evaluated after it")
		case *ast.TypeAssertExpr:
			yes = yes || n.Type != nil && !f.mutant("a type is asserted after the wait behind it")
		}
		return !yes
	})
	return yes
}

// copies reports whether a conversion makes a slice of a string.
func (f *fun) copies(c *ast.CallExpr) bool {
	_, slice := coreOf(f.info().TypeOf(c)).(*types.Slice)
	return slice && len(c.Args) == 1 && isString(f.info().TypeOf(c.Args[0]))
}

func isString(t types.Type) bool {
	b, ok := coreOf(t).(*types.Basic)
	return ok && b.Info()&types.IsString != 0
}

// operandsOfCall lowers the function and the arguments of a call, in place. with all, they are
// evaluated here, whether something waits after them or not.
func (f *fun) operandsOfCall(n *ast.CallExpr, all bool) {
	info := f.info()
	n.Args = append([]ast.Expr(nil), n.Args...)
	if tv := info.Types[n.Fun]; tv.IsType() {
		f.operands(pointers(n.Args))
		return
	}
	// f(g(cx)): the results of one wait are the arguments.
	if len(n.Args) == 1 {
		if c, ok := ast.Unparen(n.Args[0]).(*ast.CallExpr); ok && f.flat[c] {
			if tup, ok := info.TypeOf(c).(*types.Tuple); ok {
				f.calleeOperand(n, true)
				if f.waits(c) == never {
					n.Args[0] = f.inside(c)
					return
				}
				var lhs []ast.Expr
				for i := range tup.Len() {
					lhs = append(lhs, f.ref(f.temp("v", tup.At(i).Type(), c.Pos()), c.Pos()))
				}
				f.waitInto(c, lhs)
				n.Args = lhs
				return
			}
		}
	}
	later := false
	for _, a := range n.Args {
		later = later || f.flat[a]
	}
	f.calleeOperand(n, later)
	last := -1
	for i, a := range n.Args {
		if f.flat[a] {
			last = i
		}
	}
	sig, _ := coreOf(info.TypeOf(n.Fun)).(*types.Signature)
	for i, a := range n.Args {
		if info.Types[a].IsType() {
			continue
		}
		n.Args[i] = f.expr(a)
		if i >= last {
			continue
		}
		// A value that becomes an interface is copied when its turn comes.
		if sig != nil && convertsToInterface(paramType(sig, i, n.Ellipsis.IsValid()), info.TypeOf(a)) && info.Types[a].Value == nil {
			n.Args[i] = f.spill(n.Args[i], "v")
		} else {
			n.Args[i] = f.hoist(n.Args[i])
		}
	}
	_ = all
}

// convertsToInterface reports whether the compiler copies arg, when its turn comes, to make an
// interface of it: what is larger than a word, and no string or slice. The others are read late.
func convertsToInterface(param, arg types.Type) bool {
	if param == nil || arg == nil || !types.IsInterface(param) || types.IsInterface(arg) {
		return false
	}
	switch t := arg.Underlying().(type) {
	case *types.Struct, *types.Array:
		return everywhere.Sizeof(arg) > 8 || hasPointers(arg, map[types.Type]bool{})
	case *types.Basic: // nil has no size
		return t.Info()&types.IsComplex != 0 && everywhere.Sizeof(arg) > 8
	}
	return false
}

func paramType(sig *types.Signature, i int, spread bool) types.Type {
	n := sig.Params().Len()
	if sig.Variadic() && i >= n-1 {
		t := sig.Params().At(n - 1).Type()
		if spread {
			return t
		}
		if s, ok := coreOf(t).(*types.Slice); ok {
			return s.Elem()
		}
		return t
	}
	if i >= n {
		return nil
	}
	return sig.Params().At(i).Type()
}

// calleeOperand lowers what stands before the arguments of a call.
func (f *fun) calleeOperand(n *ast.CallExpr, later bool) {
	info := f.info()
	fn := ast.Unparen(n.Fun)
	if s, ok := fn.(*ast.SelectorExpr); ok {
		if sel := info.Selections[s]; sel != nil {
			c := *s
			c.X = f.lvalueOrValue(s.X)
			if later && f.effects(c.X) {
				if info.Types[s.X].Addressable() && !f.isPlain(c.X) {
					c.X = f.lvalueKept(c.X)
				} else {
					c.X = f.hoist(c.X)
				}
			}
			f.copied(s, &c)
			n.Fun = &c
		}
		return
	}
	if info.Types[n.Fun].IsBuiltin() {
		return
	}
	n.Fun = f.expr(fn)
	if later && f.effects(n.Fun) {
		n.Fun = f.spill(n.Fun, "f")
	}
}

func (f *fun) isPlain(e ast.Expr) bool {
	_, ok := ast.Unparen(e).(*ast.CallExpr)
	return ok
}

func (f *fun) lvalueOrValue(e ast.Expr) ast.Expr {
	if f.info().Types[e].Addressable() {
		return f.lvalue(e)
	}
	return f.expr(e)
}

// lvalue lowers an expression that is assigned to, or whose address is taken.
func (f *fun) lvalue(e ast.Expr) ast.Expr {
	if !f.flat[e] {
		return e
	}
	switch x := e.(type) {
	case *ast.ParenExpr:
		return f.lvalue(x.X)
	case *ast.IndexExpr:
		n := *x
		ps := []*ast.Expr{&n.Index}
		if _, ok := coreOf(f.info().TypeOf(x.X)).(*types.Array); ok && f.info().Types[x.X].Addressable() {
			n.X = f.lvalue(x.X)
			if f.flat[n.Index] && f.effects(n.X) {
				n.X = f.lvalueKept(n.X)
			}
		} else {
			ps = []*ast.Expr{&n.X, &n.Index}
		}
		f.operands(ps)
		f.copied(e, &n)
		return &n
	case *ast.SelectorExpr:
		n := *x
		n.X = f.lvalueOrValue(x.X)
		f.copied(e, &n)
		return &n
	case *ast.StarExpr:
		n := *x
		n.X = f.expr(x.X)
		f.copied(e, &n)
		return &n
	}
	return f.inside(e)
}

// lvalueKept is lvalue where something waits before the assignment: the calls in it take
// place here.
func (f *fun) lvalueKept(e ast.Expr) ast.Expr {
	e = f.lvalue(e)
	if !f.effects(e) {
		return e
	}
	switch x := e.(type) {
	case *ast.ParenExpr:
		return f.lvalueKept(x.X)
	case *ast.IndexExpr:
		n := *x
		if _, ok := coreOf(f.info().TypeOf(x.X)).(*types.Array); ok {
			n.X = f.lvalueKept(x.X)
		} else if f.effects(x.X) {
			n.X = f.spill(x.X, "v")
		}
		if f.effects(x.Index) {
			n.Index = f.spill(x.Index, "i")
		}
		f.copied(e, &n)
		return &n
	case *ast.SelectorExpr:
		n := *x
		if f.info().Types[x.X].Addressable() {
			n.X = f.lvalueKept(x.X)
		} else {
			n.X = f.spill(x.X, "v")
		}
		f.copied(e, &n)
		return &n
	case *ast.StarExpr:
		n := *x
		n.X = f.spill(x.X, "p")
		f.copied(e, &n)
		return &n
	}
	return e
}

// waitValue is a wait as an operand: it has one result.
func (f *fun) waitValue(c *ast.CallExpr) ast.Expr {
	t := f.info().TypeOf(c)
	if tup, ok := t.(*types.Tuple); ok {
		if tup.Len() != 1 {
			f.refuse(c.Pos(), "a wait with several results cannot stand here")
			return c
		}
		t = tup.At(0).Type()
	}
	v := f.ref(f.temp("v", t, c.Pos()), c.Pos())
	f.waitInto(c, []ast.Expr{v})
	return v
}

// waitInto lowers a wait whose results go to lhs, which may be nil.
func (f *fun) waitInto(c *ast.CallExpr, lhs []ast.Expr) {
	switch f.waits(c) {
	case awaited:
		f.await(c, lhs)
	case yielding:
		f.yieldInto(c, lhs)
	default:
		f.poll(c, lhs)
	}
}

func (f *fun) tupleOf(c *ast.CallExpr) (list []types.Type) {
	switch t := f.info().TypeOf(c).(type) {
	case *types.Tuple:
		for v := range t.Variables() {
			list = append(list, v.Type())
		}
	default:
		list = append(list, t)
	}
	return list
}

// poll lowers a wait for an operation.
func (f *fun) poll(c *ast.CallExpr, lhs []ast.Expr) {
	n := *c
	f.copied(c, &n)
	f.steady(&n)
	ts := f.tupleOf(c)
	dst := make([]ast.Expr, len(ts))
	var after, from []ast.Expr
	for i, t := range ts {
		last := i == len(ts)-1
		if i < len(lhs) {
			id, ok := lhs[i].(*ast.Ident)
			if ok && id.Name == "_" && f.temps[id] == nil && !last {
				dst[i] = id
				continue
			}
			if ok && f.direct(id, &n) && (!last || types.Identical(f.info().TypeOf(id), errorType)) {
				dst[i] = id
				continue
			}
		} else if !last {
			dst[i] = &ast.Ident{Name: "_", NamePos: c.Pos()}
			continue
		}
		name := "v"
		if last {
			name = "err"
		}
		dst[i] = f.ref(f.temp(name, t, c.Pos()), c.Pos())
		if i < len(lhs) {
			after, from = append(after, lhs[i]), append(from, dst[i])
		}
	}
	f.states++
	w := f.emit(&instr{op: opWait, pos: c.Pos(), lhs: dst, call: &n, state: f.states, label: f.newLabel("wait", c.Pos())})
	w.label.used = true
	if len(after) > 0 {
		f.statement(&ast.AssignStmt{Lhs: after, TokPos: c.Pos(), Tok: token.ASSIGN, Rhs: from})
	}
}

// direct reports whether the result of the operation may go to the variable even if it is
// Pending: nobody sees that.
func (f *fun) direct(id *ast.Ident, c *ast.CallExpr) bool {
	if s := f.temps[id]; s != nil {
		return true
	}
	v, ok := f.info().ObjectOf(id).(*types.Var)
	if !ok {
		return false
	}
	s := f.slots[v]
	if s == nil || s.boxed || s.open {
		return false
	}
	if f.mutant("a result is assigned while the operation waits") {
		return true
	}
	uses := false
	ast.Inspect(c, func(n ast.Node) bool {
		if x, ok := n.(*ast.Ident); ok && f.info().ObjectOf(x) == v {
			uses = true
		}
		return true
	})
	if s.pinned && len(f.defers) > 0 {
		return false // a deferred function may be asked about it, if the operation panics
	}
	return !uses
}

// steady lowers the operands of an operation so that they are the same in each poll.
func (f *fun) steady(n *ast.CallExpr) {
	info := f.info()
	if o := callee(info, n); o != nil && (isFrom(o, taskPath, "All") || isFrom(o, taskPath, "First")) && o.Signature().Recv() == nil {
		n.Args = append([]ast.Expr(nil), n.Args...)
		for i, a := range n.Args {
			c, ok := ast.Unparen(a).(*ast.CallExpr)
			if !ok || f.waits(c) != polled && f.waits(c) != several {
				if n.Args[i] = f.expr(a); !f.stable(n.Args[i]) {
					n.Args[i] = f.spill(n.Args[i], "v")
				}
				continue
			}
			in := *c
			f.copied(c, &in)
			f.steady(&in)
			n.Args[i] = &in
		}
		return
	}
	f.operandsOfCall(n, true)
	if s, ok := ast.Unparen(n.Fun).(*ast.SelectorExpr); ok {
		if sel := info.Selections[s]; sel != nil {
			c := *s
			f.copied(s, &c)
			c.X = f.steadyReceiver(s, sel)
			n.Fun = &c
		}
	} else if !f.stable(n.Fun) {
		n.Fun = f.spill(n.Fun, "op")
	}
	sig, _ := coreOf(info.TypeOf(n.Fun)).(*types.Signature)
	for i, a := range n.Args {
		if lit, ok := ast.Unparen(a).(*ast.FuncLit); ok && f.machines[lit] != nil && f.machines[lit].bounded {
			f.raw(a.Pos(), nil, f.mentioned(a, nil), "%v", f.machines[lit])
			continue
		}
		if f.stable(a) || f.mutant("operands of an operation are evaluated in each poll") {
			continue
		}
		t := info.TypeOf(a)
		if sig != nil {
			if p := paramType(sig, i, n.Ellipsis.IsValid()); p != nil && !hasTypeParam(p) {
				t = p
			}
		}
		if b, ok := t.(*types.Basic); ok && b.Kind() == types.UntypedNil {
			continue
		}
		n.Args[i] = f.spillAs(a, "arg", t)
	}
}

func hasTypeParam(t types.Type) bool {
	_, ok := types.Unalias(t).(*types.TypeParam)
	return ok
}

// steadyReceiver makes the receiver of an operation the same in each poll.
func (f *fun) steadyReceiver(s *ast.SelectorExpr, sel *types.Selection) ast.Expr {
	info := f.info()
	x := s.X
	if f.isOwnCx(x) {
		return x
	}
	if sel.Kind() == types.FieldVal { // a function in a field
		if f.stable(s) {
			return x
		}
		return x // the field is read again: see stable
	}
	m, _ := sel.Obj().(*types.Func)
	wantsPointer := false
	if m != nil && m.Signature().Recv() != nil {
		_, wantsPointer = types.Unalias(m.Signature().Recv().Type()).(*types.Pointer)
	}
	_, isPointer := coreOf(info.TypeOf(x)).(*types.Pointer)
	if wantsPointer && !isPointer && info.Types[x].Addressable() {
		if f.steadyPlace(x) {
			return x
		}
		p := &ast.UnaryExpr{OpPos: x.Pos(), Op: token.AND, X: x}
		info.Types[p] = types.TypeAndValue{Type: types.NewPointer(info.TypeOf(x))}
		return f.spill(p, "at")
	}
	if f.stable(x) {
		return x
	}
	return f.spill(x, "at")
}

// steadyPlace reports whether an addressable expression is the same place in each poll.
func (f *fun) steadyPlace(e ast.Expr) bool {
	info := f.info()
	switch x := ast.Unparen(e).(type) {
	case *ast.Ident:
		if s := f.slotOf(x); s != nil {
			return true
		}
		v, ok := info.ObjectOf(x).(*types.Var)
		return ok && v.Pkg() != nil && v.Parent() == v.Pkg().Scope()
	case *ast.SelectorExpr:
		if info.Selections[x] == nil {
			v, ok := info.Uses[x.Sel].(*types.Var)
			return ok && !v.IsField()
		}
		if hasDerefPath(info.Selections[x], info.TypeOf(x.X)) {
			return false
		}
		if _, ok := coreOf(info.TypeOf(x.X)).(*types.Pointer); ok {
			return f.stable(x.X)
		}
		return f.steadyPlace(x.X)
	case *ast.StarExpr:
		return f.stable(x.X)
	case *ast.IndexExpr:
		if _, ok := coreOf(info.TypeOf(x.X)).(*types.Array); ok {
			return f.steadyPlace(x.X) && f.stable(x.Index)
		}
	}
	return false
}

func (f *fun) slotOf(id *ast.Ident) *slot {
	if s := f.temps[id]; s != nil {
		return s
	}
	v, _ := f.info().ObjectOf(id).(*types.Var)
	return f.slots[v]
}

// stable reports whether e may be evaluated again in each poll: it is the same, and costs
// nothing.
func (f *fun) stable(e ast.Expr) bool {
	info := f.info()
	if tv := info.Types[e]; tv.Value != nil || tv.IsNil() || tv.IsType() {
		return true
	}
	switch x := e.(type) {
	case *ast.ParenExpr:
		return f.stable(x.X)
	case *ast.Ident:
		if s := f.slotOf(x); s != nil {
			return !s.boxed && !s.open
		}
		switch o := info.ObjectOf(x).(type) {
		case *types.Func, *types.Nil, *types.Builtin, *types.Const:
			return true
		case *types.Var:
			return o == f.cx
		}
		return false
	case *ast.IndexExpr: // an instance of a generic function
		if t, ok := info.TypeOf(x.X).(*types.Signature); ok && t != nil {
			return f.stable(x.X)
		}
		return false
	case *ast.IndexListExpr:
		return f.stable(x.X)
	case *ast.SelectorExpr:
		sel := info.Selections[x]
		if sel == nil {
			_, ok := info.Uses[x.Sel].(*types.Func)
			return ok
		}
		if sel.Kind() == types.FieldVal && !sel.Indirect() {
			if _, ok := coreOf(info.TypeOf(x.X)).(*types.Struct); ok {
				return f.stable(x.X)
			}
		}
		return false
	case *ast.SliceExpr:
		if _, ok := coreOf(info.TypeOf(x.X)).(*types.Slice); ok && !f.stable(x.X) {
			return false
		} else if _, ok := coreOf(info.TypeOf(x.X)).(*types.Array); ok && !f.steadyPlace(x.X) {
			return false
		} else if b, ok := coreOf(info.TypeOf(x.X)).(*types.Basic); ok && (b.Info()&types.IsString == 0 || !f.stable(x.X)) {
			return false
		} else if _, ok := coreOf(info.TypeOf(x.X)).(*types.Pointer); ok && !f.stable(x.X) {
			return false
		}
		for _, i := range []ast.Expr{x.Low, x.High, x.Max} {
			if i != nil && !f.stable(i) {
				return false
			}
		}
		return true
	case *ast.UnaryExpr:
		if x.Op == token.AND {
			return f.steadyPlace(x.X)
		}
		return x.Op != token.ARROW && f.stable(x.X)
	case *ast.BinaryExpr:
		if x.Op == token.QUO || x.Op == token.REM || x.Op == token.SHL || x.Op == token.SHR {
			return false
		}
		if b, ok := coreOf(info.TypeOf(x.X)).(*types.Basic); !ok || b.Info()&(types.IsNumeric|types.IsBoolean) == 0 {
			return false
		}
		return f.stable(x.X) && f.stable(x.Y)
	case *ast.CallExpr:
		if tv := info.Types[x.Fun]; tv.IsType() && len(x.Args) == 1 {
			to, ok1 := coreOf(tv.Type).(*types.Basic)
			from, ok2 := coreOf(info.TypeOf(x.Args[0])).(*types.Basic)
			return ok1 && ok2 && to.Info()&types.IsNumeric != 0 && from.Info()&types.IsNumeric != 0 && f.stable(x.Args[0])
		}
	}
	return false
}

// await lowers a wait for a straight-line function, whose frame is in this one.
func (f *fun) await(c *ast.CallExpr, lhs []ast.Expr) {
	info := f.info()
	o := callee(info, c)
	g := f.unit.machineOf(o)
	n := *c
	f.copied(c, &n)
	f.operandsOfCall(&n, true)
	k := f.kid(g, typeArgsOf(info, c, o), c.Pos())
	var args []any
	if s, ok := ast.Unparen(n.Fun).(*ast.SelectorExpr); ok {
		if sel := info.Selections[s]; sel != nil {
			if sel.Kind() == types.MethodExpr {
				f.refuse(c.Pos(), "a straight-line method is awaited as x.%s(cx, ...)", o.Name())
				return
			}
			args = append(args, receiver{s, sel, o})
		}
	}
	call := argList{args: n.Args[1:], spread: n.Ellipsis.IsValid()}
	if len(c.Args) == 1 && len(n.Args) > 1 { // f(g(cx)) cannot be: the first is cx
		f.refuse(c.Pos(), "the first argument has to be cx")
	}
	var uses []*slot
	for _, a := range n.Args[1:] {
		uses = f.mentioned(a, uses)
	}
	if len(args) > 0 {
		uses = f.mentioned(args[0].(receiver).s.X, uses)
	}
	if k.pointer {
		f.raw(c.Pos(), nil, nil, "if %v == nil {\n%v = new(%v)\n}", k, k, kidType{k})
	}
	f.raw(c.Pos(), nil, uses, "%v.Begin(%v)", k, append2(args, call)).takes = k
	f.states++
	i := f.emit(&instr{op: opAwait, pos: c.Pos(), kid: k, state: f.states, label: f.newLabel("done", c.Pos())})
	i.label.used = true
	res := &instr{op: opRaw, pos: c.Pos(), format: "%v%v.Result(%v)", args: []any{lhsList{lhs, len(f.tupleOf(c))}, k, f.in}, gives: k}
	for _, e := range lhs {
		if id, ok := e.(*ast.Ident); ok {
			if s := f.slotOf(id); s != nil && !s.boxed {
				res.defs = append(res.defs, s)
				continue
			}
		}
		res.uses = f.mentioned(e, res.uses)
	}
	f.emit(res)
}

type (
	receiver struct {
		s   *ast.SelectorExpr
		sel *types.Selection
		m   *types.Func
	}
	argList struct {
		args   []ast.Expr
		spread bool
	}
	args    struct{ list []any }
	lhsList struct {
		list []ast.Expr
		n    int
	}
	kidType struct{ k *kid }
)

func append2(list []any, l argList) args { return args{append(append([]any(nil), list...), l)} }

// typeArgsOf returns the type arguments of the function that is called, its receiver's first.
func typeArgsOf(info *types.Info, c *ast.CallExpr, o *types.Func) (list []types.Type) {
	if r := o.Signature().Recv(); r != nil {
		t := r.Type()
		if p, ok := types.Unalias(t).(*types.Pointer); ok {
			t = p.Elem()
		}
		if n, ok := types.Unalias(t).(*types.Named); ok {
			for a := range n.TypeArgs().Types() {
				list = append(list, a)
			}
		}
	}
	fn := ast.Unparen(c.Fun)
	for {
		switch x := fn.(type) {
		case *ast.IndexExpr:
			fn = x.X
			continue
		case *ast.IndexListExpr:
			fn = x.X
			continue
		case *ast.SelectorExpr:
			fn = x.Sel
			continue
		}
		break
	}
	if id, ok := fn.(*ast.Ident); ok {
		if inst, ok := info.Instances[id]; ok {
			for a := range inst.TypeArgs.Types() {
				list = append(list, a)
			}
		}
	}
	return list
}

// kid returns the frame for an awaited function: one for all calls, which follow each other.
func (f *fun) kid(g *fun, targs []types.Type, pos token.Pos) *kid {
	for _, k := range f.frames {
		if k.f == g && sameTypes(k.targs, targs) {
			return k
		}
	}
	name := g.name // no variable has the name of a function that is called
	for _, k := range f.frames {
		if k.name == name {
			name = ""
		}
	}
	if name == "" || slices.Contains(reserved, name) || g.decl == nil || g.decl.Recv != nil {
		name = f.unique(lowerFirst(g.name))
	}
	k := &kid{f: g, targs: targs, name: name, pos: pos, pointer: f.cyclic[g.obj] || f.root().cyclic[g.obj]}
	f.frames = append(f.frames, k)
	for _, t := range targs {
		f.spellable(t, f.body.Pos(), "a type argument")
	}
	return k
}

func sameTypes(a, b []types.Type) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !types.Identical(a[i], b[i]) {
			return false
		}
	}
	return true
}

// yieldInto lowers a call of yield.
func (f *fun) yieldInto(c *ast.CallExpr, lhs []ast.Expr) {
	args := append([]ast.Expr(nil), c.Args...)
	f.operands(pointers(args))
	f.states++
	i := f.emit(&instr{op: opYield, pos: c.Pos(), call: args[0], state: f.states, label: f.newLabel("yielded", c.Pos())})
	i.label.used = true
	if len(lhs) == 1 {
		if id, ok := lhs[0].(*ast.Ident); ok && id.Name == "_" && f.temps[id] == nil {
			return
		}
		y := f.slots[f.yield]
		w := &instr{op: opRaw, pos: c.Pos(), format: "%v = %v.Wanted()", args: []any{lhs[0], y}, uses: []*slot{y}}
		if id, ok := lhs[0].(*ast.Ident); ok {
			if s := f.slotOf(id); s != nil && !s.boxed {
				w.defs = append(w.defs, s)
			}
		} else {
			w.uses = f.mentioned(lhs[0], w.uses)
		}
		f.emit(w)
	}
}

// mentioned adds the slots that n mentions to list.
func (f *fun) mentioned(n ast.Node, list []*slot) []*slot {
	if n == nil {
		return list
	}
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			if s := f.slotOf(n); s != nil {
				list = append(list, s)
			}
		}
		return true
	})
	return list
}

// deferSites finds the defer statements, and what they have to keep.
func (f *fun) deferSites() {
	inspectBody(f.body, func(n ast.Node) bool {
		d, ok := n.(*ast.DeferStmt)
		if !ok {
			return true
		}
		s := &site{call: d.Call, bit: len(f.defers)}
		f.defers = append(f.defers, s)
		f.sites[d.Call] = s
		f.plan(s, d.Call)
		return true
	})
}

// maxDefers is how many defer statements have a bit each.
const maxDefers = 29

// repeatsDefers reports whether a defer statement may be executed several times, or there are too many.
func (f *fun) repeatsDefers() (yes bool) {
	type span struct{ from, to token.Pos }
	var loops []span
	info := f.info()
	labels := map[types.Object]token.Pos{}
	inspectBody(f.body, func(n ast.Node) bool {
		if l, ok := n.(*ast.LabeledStmt); ok {
			labels[info.Defs[l.Label]] = l.Pos()
		}
		return true
	})
	inspectBody(f.body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ForStmt, *ast.RangeStmt:
			loops = append(loops, span{n.Pos(), n.End()})
		case *ast.BranchStmt:
			if n.Tok == token.GOTO {
				if p := labels[info.Uses[n.Label]]; p.IsValid() && p <= n.Pos() {
					loops = append(loops, span{p, n.Pos()})
				}
			}
		}
		return true
	})
	defers := 0
	inspectBody(f.body, func(n ast.Node) bool {
		if d, ok := n.(*ast.DeferStmt); ok {
			defers++
			for _, l := range loops {
				yes = yes || d.Pos() >= l.from && d.Pos() < l.to
			}
		}
		return true
	})
	return yes || defers > maxDefers
}

// method returns the literal that a statement defers, if it is a part of the method that runs deferred calls, where
// variables are fields.
func (f *fun) method(c *ast.CallExpr) *ast.FuncLit {
	lit, ok := ast.Unparen(c.Fun).(*ast.FuncLit)
	if !ok || f.machines[lit] != nil || len(f.insidesOf(lit)) > 0 || f.repeatsDefers() {
		return nil
	}
	ast.Inspect(lit, func(n ast.Node) bool {
		id, is := n.(*ast.Ident)
		ok = ok && !(is && f.info().Uses[id] == f.cx)
		return ok
	})
	if !ok {
		return nil
	}
	return lit
}

// insidesOf returns the machines in a literal that is none.
func (f *fun) insidesOf(lit *ast.FuncLit) (list []*fun) {
	ast.Inspect(lit, func(n ast.Node) bool {
		if in, ok := n.(*ast.FuncLit); ok && f.machines[in] != nil {
			list = append(list, f.machines[in])
		}
		return true
	})
	return list
}

// plan decides what a defer statement keeps.
func (f *fun) plan(s *site, c *ast.CallExpr) {
	info := f.info()
	name := "d" + strconv.Itoa(s.bit+1)
	keep := func(suffix string, t types.Type) *slot {
		sl := f.temp(name+suffix, t, c.Pos())
		sl.pinned, sl.site = true, s
		return sl
	}
	s.spread = c.Ellipsis.IsValid()
	fn := ast.Unparen(c.Fun)
	switch {
	case info.Types[c.Fun].IsBuiltin():
		s.static = fn
	case callee(info, c) != nil && info.Selections[selectorOf(fn)] == nil, f.method(c) != nil:
		s.static = fn
	default:
		if sel, ok := fn.(*ast.SelectorExpr); ok {
			if se := info.Selections[sel]; se != nil && se.Kind() == types.MethodVal && !types.IsInterface(recvOf(se)) {
				if m, ok := se.Obj().(*types.Func); ok {
					s.method = m.Name()
					t := m.Signature().Recv().Type()
					s.fun = keep("recv", t)
					break
				}
			}
		}
		s.fun = keep("func", info.TypeOf(c.Fun))
	}
	sig, _ := coreOf(info.TypeOf(c.Fun)).(*types.Signature)
	if len(c.Args) == 1 {
		if tup, ok := info.TypeOf(c.Args[0]).(*types.Tuple); ok {
			s.tuple = true
			for i := range tup.Len() {
				s.args = append(s.args, keep("arg", tup.At(i).Type()))
				s.fixed = append(s.fixed, nil)
			}
			return
		}
	}
	for i, a := range c.Args {
		// The context is that of the poll in which the call runs.
		if tv := info.Types[a]; tv.IsNil() || tv.IsType() || tv.Value != nil && sig != nil || f.isOwnCx(a) {
			s.args, s.fixed = append(s.args, nil), append(s.fixed, a)
			continue
		}
		t := info.TypeOf(a)
		if sig != nil {
			if p := paramType(sig, i, s.spread); p != nil {
				t = p
			}
		} else if tv := info.Types[a]; tv.Value != nil {
			t = types.Default(t)
			if id, ok := fn.(*ast.Ident); ok && id.Name == "panic" {
				t = types.NewInterfaceType(nil, nil)
			}
		}
		s.args, s.fixed = append(s.args, keep("arg", t)), append(s.fixed, nil)
	}
}

func recvOf(s *types.Selection) types.Type {
	m := s.Obj().(*types.Func)
	return m.Signature().Recv().Type()
}

func selectorOf(e ast.Expr) *ast.SelectorExpr {
	switch x := e.(type) {
	case *ast.SelectorExpr:
		return x
	case *ast.IndexExpr:
		return selectorOf(x.X)
	case *ast.IndexListExpr:
		return selectorOf(x.X)
	}
	return nil
}
