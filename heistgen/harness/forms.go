package harness

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strconv"
)

// Form is a way to write a function as a task, beyond a wait before each statement, or to compile it.
type Form string

// Forms.
const (
	Literals    Form = "literals"    // the body is a function literal that is called in place
	Timeouts    Form = "timeouts"    // the body is a literal that a combinator runs
	Bodies      Form = "bodies"      // the body of a loop is a literal, which says how it ended
	Recursion   Form = "recursion"   // a loop is a literal that calls itself
	Operands    Form = "operands"    // the result of a call that does not wait goes through one that does
	Closures    Form = "closures"    // local function literals that are only called are machines
	Conditions  Form = "conditions"  // the operands of conditions go through a call that waits
	Generators  Form = "generators"  // a range over a list is one over a generator
	Groups      Form = "groups"      // a function is called as a member of a group
	Handles     Form = "handles"     // a function is called by a literal that has a handle
	Makers      Form = "makers"      // a function is called by a generator, which yields its results
	Concurrent  Form = "concurrent"  // a function is called by a stream
	Tails       Form = "tails"       // a return of a call is a call that returns; a loop is a function that calls itself so
	Combinators Form = "combinators" // every other statement is a literal that a combinator runs
	Plain       Form = "plain"       // each variable has a field of its own, each frame its place
)

func (t *transformer) has(f Form) bool { return slices.Contains(t.forms, f) }

// shape is what the function that is being written has.
type shape struct {
	results []ast.Expr // their types
	names   []*ast.Ident
	holds   bool  // results go by way of variables
	ends    []end // the literals that a statement is in, the outermost first
}

// end says what a return statement in a literal does.
type end int

const (
	ofFunction end = iota // the literal is the function's body: results are variables
	ofLoop                // the literal is the body of a loop, and says how it ended
)

// How the body of a loop ended.
const (
	ended = iota
	broke
	returned // with results, which are in variables
	bare     // a return without results
)

func result(i int) *ast.Ident { return ident(fmt.Sprintf("heistR%d", i)) }

func number(n int) ast.Expr { return &ast.BasicLit{Kind: token.INT, Value: strconv.Itoa(n)} }

func cxParam() *ast.Field {
	return &ast.Field{Names: []*ast.Ident{ident("heistCx")}, Type: &ast.StarExpr{X: &ast.SelectorExpr{X: ident("heistTask"), Sel: ident("Cx")}}}
}

func call(fn ast.Expr, args ...ast.Expr) *ast.CallExpr { return &ast.CallExpr{Fun: fn, Args: args} }

func set(lhs []ast.Expr, tok token.Token, rhs ...ast.Expr) ast.Stmt {
	return &ast.AssignStmt{Lhs: lhs, Tok: tok, Rhs: rhs}
}

func ret(results ...ast.Expr) ast.Stmt { return &ast.ReturnStmt{Results: results} }

func (t *transformer) begin(of *ast.FuncType) {
	t.shape = shape{}
	if of.Results == nil {
		return
	}
	for _, f := range of.Results.List {
		t.names = append(t.names, f.Names...)
		for range max(1, len(f.Names)) {
			t.results = append(t.results, f.Type)
		}
	}
}

// held are the variables that results go by.
func (t *transformer) held() (all []ast.Expr) {
	t.holds = true
	for i := range t.results {
		all = append(all, result(i))
	}
	return all
}

func (t *transformer) named() (all []ast.Expr) {
	for _, n := range t.names {
		all = append(all, n)
	}
	return all
}

func (t *transformer) innermost() (e end, ok bool) {
	if len(t.ends) == 0 {
		return 0, false
	}
	return t.ends[len(t.ends)-1], true
}

// leave is a return statement in a literal, whose results are rewritten.
func (t *transformer) leave(e end, results []ast.Expr) []ast.Stmt {
	switch {
	case e == ofLoop && len(results) == 0:
		return []ast.Stmt{ret(number(bare), ident("nil"))}
	case e == ofLoop:
		return []ast.Stmt{set(t.held(), token.ASSIGN, results...), ret(number(returned), ident("nil"))}
	case len(results) == 0:
		return []ast.Stmt{ret(ident("nil"))}
	case len(t.names) > 0: // where deferred functions see them
		return []ast.Stmt{set(t.named(), token.ASSIGN, results...), ret(ident("nil"))}
	}
	return []ast.Stmt{set(t.held(), token.ASSIGN, results...), ret(ident("nil"))}
}

// loop is the body of a loop.
func (t *transformer) loop(s ast.Stmt, body *ast.BlockStmt) *ast.BlockStmt {
	if b, ok := t.loopBody(s, body); ok {
		return b
	}
	return t.block(body)
}

// exits are the ways out of the body of a loop.
type exits struct {
	breaks, returns, naked bool
	cut                    []*ast.BranchStmt // those that go to the loop
}

// exitsOf returns the ways out of a body, false if it cannot be a literal.
func (t *transformer) exitsOf(loop ast.Stmt, body *ast.BlockStmt) (x exits, fits bool) {
	fits = !t.labelled[loop]
	var visit func(n ast.Node, brk, cont bool)
	visit = func(n ast.Node, brk, cont bool) {
		ast.Inspect(n, func(m ast.Node) bool {
			if m == n {
				return true
			}
			switch m := m.(type) {
			case *ast.FuncLit:
				return false
			case *ast.DeferStmt, *ast.LabeledStmt:
				fits = false
			case *ast.ReturnStmt:
				x.returns = x.returns || len(m.Results) > 0
				x.naked = x.naked || len(m.Results) == 0
			case *ast.BranchStmt:
				switch {
				case m.Label != nil || m.Tok == token.GOTO:
					fits = false
				case m.Tok == token.BREAK && brk:
					x.breaks = true
					x.cut = append(x.cut, m)
				case m.Tok == token.CONTINUE && cont:
					x.cut = append(x.cut, m)
				}
			case *ast.ForStmt, *ast.RangeStmt:
				visit(m, false, false)
				return false
			case *ast.SwitchStmt, *ast.TypeSwitchStmt, *ast.SelectStmt:
				visit(m, false, cont)
				return false
			case *ast.CallExpr:
				if id, ok := m.Fun.(*ast.Ident); ok && id.Name == "recover" {
					fits = false
				}
			}
			return true
		})
	}
	visit(body, true, true)
	return x, fits
}

// loopType is the type of a literal that says how a loop, or its body, has ended.
func loopType() *ast.FuncType {
	return &ast.FuncType{Params: &ast.FieldList{List: []*ast.Field{cxParam()}}, Results: &ast.FieldList{List: []*ast.Field{{Type: ident("int")}, {Type: ident("error")}}}}
}

// iteration calls the literal that is the body of a loop.
func (t *transformer) iteration(body *ast.BlockStmt, x exits) (how *ast.Ident, s ast.Stmt) {
	for _, c := range x.cut {
		t.cut[c] = true
	}
	t.ends = append(t.ends, ofLoop)
	inner := t.block(body)
	t.ends = t.ends[:len(t.ends)-1]
	inner.List = append(inner.List, ret(number(ended), ident("nil")))
	return t.how(&ast.FuncLit{Type: loopType(), Body: inner})
}

func (t *transformer) how(fn ast.Expr) (how *ast.Ident, s ast.Stmt) {
	t.tmp++
	how = ident(fmt.Sprintf("heistHow%d", t.tmp))
	return how, set([]ast.Expr{how}, token.DEFINE, call(ident("heistMust"), call(fn, ident("heistCx"))))
}

func when(how ast.Expr, n int, list ...ast.Stmt) ast.Stmt {
	return &ast.IfStmt{Cond: &ast.BinaryExpr{X: how, Op: token.EQL, Y: number(n)}, Body: &ast.BlockStmt{List: list}}
}

// after does what the body of a loop has come to.
func (t *transformer) after(how ast.Expr, x exits) (list []ast.Stmt) {
	if x.breaks {
		list = append(list, when(how, broke, &ast.BranchStmt{Tok: token.BREAK}))
	}
	e, within := t.innermost()
	if x.returns {
		var s []ast.Stmt
		switch {
		case within && e == ofLoop:
			s = []ast.Stmt{ret(number(returned), ident("nil"))}
		case within && len(t.names) == 0:
			s = []ast.Stmt{ret(ident("nil"))}
		case within:
			s = t.leave(e, t.held())
		default:
			s = []ast.Stmt{ret(append(t.held(), ident("nil"))...)}
		}
		list = append(list, when(how, returned, s...))
	}
	if x.naked {
		s := []ast.Stmt{ret(t.nakedResults()...)}
		if within {
			s = t.leave(e, nil)
		}
		list = append(list, when(how, bare, s...))
	}
	if len(list) == 0 {
		list = append(list, set([]ast.Expr{ident("_")}, token.ASSIGN, how))
	}
	return list
}

// loopBody returns what the body of a loop becomes, false if it stays as it is.
func (t *transformer) loopBody(loop ast.Stmt, body *ast.BlockStmt) (*ast.BlockStmt, bool) {
	x, fits := t.exitsOf(loop, body)
	if !t.has(Bodies) || !fits {
		return nil, false
	}
	how, s := t.iteration(body, x)
	return &ast.BlockStmt{List: append([]ast.Stmt{s}, t.after(how, x)...)}, true
}

// recursive is a loop as a literal that calls itself for the next iteration, nil if it stays a loop.
func (t *transformer) recursive(s *ast.ForStmt) ast.Stmt {
	x, fits := t.exitsOf(s, s.Body)
	if !t.has(Recursion) || !fits {
		return nil
	}
	ast.Inspect(s, func(n ast.Node) bool { // each iteration has variables of its own
		switch n := n.(type) {
		case *ast.FuncLit:
			fits = false
		case *ast.UnaryExpr:
			fits = fits && n.Op != token.AND
		}
		return fits
	})
	if !fits {
		return nil
	}
	t.tmp++
	loop := ident(fmt.Sprintf("heistLoop%d", t.tmp))
	once := &ast.BlockStmt{}
	if s.Cond != nil {
		once.List = append(once.List, &ast.IfStmt{Cond: &ast.UnaryExpr{Op: token.NOT, X: &ast.ParenExpr{X: t.cond(s.Cond)}}, Body: &ast.BlockStmt{List: []ast.Stmt{ret(number(ended), ident("nil"))}}})
	}
	how, run := t.iteration(s.Body, x)
	once.List = append(once.List, run, when(how, broke, ret(number(ended), ident("nil"))),
		&ast.IfStmt{Cond: &ast.BinaryExpr{X: how, Op: token.NEQ, Y: number(ended)}, Body: &ast.BlockStmt{List: []ast.Stmt{ret(how, ident("nil"))}}})
	if s.Post != nil {
		once.List = append(once.List, t.stmt(s.Post))
	}
	once.List = append(once.List, ret(call(loop, ident("heistCx"))))
	out := &ast.BlockStmt{}
	if s.Init != nil {
		out.List = append(out.List, t.stmt(s.Init))
	}
	all, run := t.how(loop)
	out.List = append(out.List, variable(loop, loopType()), set([]ast.Expr{loop}, token.ASSIGN, &ast.FuncLit{Type: loopType(), Body: once}), run)
	endless := s.Cond == nil && !x.breaks
	x.breaks = false
	out.List = append(out.List, t.after(all, x)...)
	if endless {
		out.List = append(out.List, &ast.ExprStmt{X: call(ident("panic"), &ast.BasicLit{Kind: token.STRING, Value: `"the loop has ended"`})})
	}
	return out
}

// branch is a break or continue statement in the body of a loop that is a literal.
func (t *transformer) branch(s *ast.BranchStmt) ast.Stmt {
	if !t.cut[s] {
		return s
	}
	if s.Tok == token.BREAK {
		return ret(number(broke), ident("nil"))
	}
	return ret(number(ended), ident("nil"))
}

// each is what a range over a list becomes: one over a generator, nil if it stays as it is.
func (t *transformer) each(s *ast.RangeStmt) *ast.RangeStmt {
	if !t.has(Generators) {
		return nil
	}
	typ := types.Default(t.info.TypeOf(s.X))
	over := ""
	switch u := typ.Underlying().(type) {
	case *types.Slice:
		over = "newHeistEach"
	case *types.Basic:
		if u.Info()&types.IsInteger != 0 {
			over = "newHeistCount"
		}
	}
	if _, ok := typ.(*types.TypeParam); ok || over == "" {
		return nil
	}
	if tv := t.info.Types[s.X]; tv.Value != nil {
		return nil // its type may be the key's
	}
	t.tmp++
	pair, failed := ident(fmt.Sprintf("heistPair%d", t.tmp)), ident(fmt.Sprintf("heistFailed%d", t.tmp))
	n := &ast.RangeStmt{Key: pair, Value: failed, Tok: token.DEFINE, X: call(&ast.SelectorExpr{X: call(ident(over), t.expr(s.X)), Sel: ident("All")}, ident("heistCx"))}
	n.Body = &ast.BlockStmt{List: []ast.Stmt{
		&ast.IfStmt{Cond: &ast.BinaryExpr{X: failed, Op: token.NEQ, Y: ident("nil")}, Body: &ast.BlockStmt{List: []ast.Stmt{&ast.ExprStmt{X: call(ident("panic"), failed)}}}},
		set([]ast.Expr{ident("_")}, token.ASSIGN, pair),
	}}
	var lhs, rhs []ast.Expr
	add := func(e ast.Expr, field string) {
		if id, ok := e.(*ast.Ident); e == nil || ok && id.Name == "_" {
			return
		}
		if s.Tok == token.ASSIGN {
			e = t.expr(e)
		}
		lhs = append(lhs, e)
		rhs = append(rhs, &ast.SelectorExpr{X: pair, Sel: ident(field)})
	}
	add(s.Key, "K")
	add(s.Value, "V")
	if len(lhs) > 0 {
		n.Body.List = append(n.Body.List, set(lhs, s.Tok, rhs...))
	}
	// A block of its own: the body may declare the loop's names again.
	n.Body.List = append(n.Body.List, t.loop(s, s.Body))
	return n
}

// generators is the source of the generators.
const generators = `
//heist:task context
func heistEach[T any](heistCx *heistTask.Cx, list []T, yield func(heistPair[T]) bool) error {
	for k := range list {
		heistPause(heistCx)
		if !yield(heistPair[T]{k, list[k]}) {
			return nil
		}
	}
	return nil
}

//heist:task context
func heistCount[T heistInteger](heistCx *heistTask.Cx, n T, yield func(heistNumber[T]) bool) error {
	for k := T(0); k < n; k++ {
		heistPause(heistCx)
		if !yield(heistNumber[T]{k}) {
			return nil
		}
	}
	return nil
}
`

// through is a call's result that goes through an operation that waits.
func (t *transformer) through(x *ast.CallExpr, n ast.Expr) ast.Expr {
	if !t.has(Operands) {
		return n
	}
	fn := t.info.Types[ast.Unparen(x.Fun)]
	tv := t.info.Types[x]
	if fn.IsType() || fn.IsBuiltin() || tv.Value != nil || tv.IsVoid() {
		return n
	}
	if _, ok := tv.Type.(*types.Tuple); ok {
		return n
	}
	return call(ident("heistMust"), call(ident("heistThrough"), ident("heistCx"), n))
}

// cond rewrites the condition of a statement.
func (t *transformer) cond(e ast.Expr) ast.Expr {
	tv := t.info.Types[e]
	if b, ok := tv.Type.(*types.Basic); !t.has(Conditions) || tv.Value != nil || !ok || b.Kind() != types.Bool && b.Kind() != types.UntypedBool {
		return t.expr(e)
	}
	switch x := e.(type) {
	case *ast.ParenExpr:
		return &ast.ParenExpr{X: t.cond(x.X)}
	case *ast.UnaryExpr:
		if x.Op == token.NOT {
			return &ast.UnaryExpr{Op: x.Op, X: t.cond(x.X)}
		}
	case *ast.BinaryExpr:
		if x.Op == token.LAND || x.Op == token.LOR {
			return &ast.BinaryExpr{X: t.cond(x.X), Op: x.Op, Y: t.cond(x.Y)}
		}
	}
	return call(ident("heistMust"), call(ident("heistThrough"), ident("heistCx"), t.expr(e)))
}

// wraps reports whether the function's body becomes the literal of a combinator.
func (t *transformer) wraps(body *ast.BlockStmt) bool {
	if !t.has(Timeouts) || t.redeclares(body) {
		return false
	}
	fits := true
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.ReturnStmt:
			for _, name := range t.names {
				_, o := t.pkg.Scope().Innermost(n.Pos()).LookupParent(name.Name, n.Pos())
				fits = fits && (len(n.Results) == 0 || o == t.info.Defs[name])
			}
		}
		return true
	})
	return fits
}

// redeclares reports whether a body's own declarations assign to a parameter or result, which they would not in a
// literal.
func (t *transformer) redeclares(body *ast.BlockStmt) (yes bool) {
	for _, s := range body.List {
		if a, ok := s.(*ast.AssignStmt); ok && a.Tok == token.DEFINE {
			for _, l := range a.Lhs {
				if v, ok := t.info.Uses[l.(*ast.Ident)].(*types.Var); ok && v.Pos() < body.Pos() {
					yes = true
				}
			}
		}
	}
	return yes
}

// wrap makes a function's body a literal, if that is its form.
func (t *transformer) wrap(typ *ast.FuncType, stmts, body *ast.BlockStmt, combined bool) *ast.BlockStmt {
	lit := &ast.FuncLit{Type: &ast.FuncType{Params: &ast.FieldList{List: []*ast.Field{cxParam()}}, Results: typ.Results}, Body: body}
	if combined {
		lit.Type.Results = &ast.FieldList{List: []*ast.Field{{Type: ident("error")}}}
		body.List = append(body.List, ret(ident("nil")))
		limit := ident("heistLimit")
		wait := call(&ast.SelectorExpr{X: limit, Sel: ident("Wait")}, ident("heistCx"), &ast.BasicLit{Kind: token.INT, Value: "1 << 60"}, lit)
		body = &ast.BlockStmt{List: []ast.Stmt{variable(limit, &ast.SelectorExpr{X: ident("heistCombine"), Sel: ident("Timeout")})}}
		failed := []ast.Expr{ident("heistErr")}
		switch {
		case len(t.names) > 0:
			body.List = append(body.List, set(failed, token.ASSIGN, wait), ret())
		case len(t.results) > 0:
			body.List = append(body.List, set(failed, token.DEFINE, wait), ret(append(t.held(), failed...)...))
		default:
			body.List = append(body.List, ret(wait))
		}
	} else if t.has(Literals) && !t.redeclares(stmts) {
		body = &ast.BlockStmt{List: []ast.Stmt{ret(call(lit, ident("heistCx")))}}
	}
	if t.holds {
		var vars []ast.Stmt
		for i, typ := range t.results {
			vars = append(vars, variable(result(i), typ))
		}
		body.List = append(vars, body.List...)
	}
	return body
}

func variable(name *ast.Ident, typ ast.Expr) ast.Stmt {
	return &ast.DeclStmt{Decl: &ast.GenDecl{Tok: token.VAR, Specs: []ast.Spec{&ast.ValueSpec{Names: []*ast.Ident{name}, Type: typ}}}}
}

// findClosures finds the local variables that function literals are assigned to, and literals that are called
// where they stand.
func (t *transformer) findClosures() {
	if !t.has(Closures) {
		return
	}
	bad := map[*types.Var]bool{}
	holds := func(lhs ast.Expr, typ, value ast.Expr) {
		id, ok := lhs.(*ast.Ident)
		if !ok {
			return
		}
		v, ok := t.info.ObjectOf(id).(*types.Var)
		if !ok || v.IsField() || v.Parent() == t.pkg.Scope() {
			return
		}
		lit, _ := value.(*ast.FuncLit)
		_, spelled := typ.(*ast.FuncType)
		switch {
		case value != nil && lit == nil, typ != nil && !spelled, lit != nil && t.unfit(lit.Body):
			bad[v] = true
		case lit != nil:
			t.closures[v] = append(t.closures[v], lit)
		}
	}
	ast.Inspect(t.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for i, l := range n.Lhs {
				if len(n.Lhs) == len(n.Rhs) {
					holds(l, nil, n.Rhs[i])
				} else {
					holds(l, nil, n.Rhs[0])
				}
			}
		case *ast.RangeStmt:
			for _, e := range []ast.Expr{n.Key, n.Value} {
				if e != nil {
					holds(e, nil, n.X)
				}
			}
		case *ast.FuncType: // parameters and results have values of their own
			for _, list := range []*ast.FieldList{n.Params, n.Results} {
				if list == nil {
					continue
				}
				for _, f := range list.List {
					for _, name := range f.Names {
						if v, ok := t.info.Defs[name].(*types.Var); ok {
							bad[v] = true
						}
					}
				}
			}
		case *ast.ValueSpec:
			for i, name := range n.Names {
				switch {
				case len(n.Names) > 1 && (n.Type != nil || len(n.Values) != len(n.Names)):
					holds(name, n.Type, n.Type)
					holds(name, nil, name)
				case i < len(n.Values):
					holds(name, n.Type, n.Values[i])
				default:
					holds(name, n.Type, nil)
				}
			}
		case *ast.CallExpr:
			if lit, ok := n.Fun.(*ast.FuncLit); ok && !t.unfit(lit.Body) {
				t.machines[lit] = true
			}
		case *ast.DeferStmt:
			t.apart(n.Call)
			return true
		case *ast.GoStmt:
			t.apart(n.Call)
			return true
		}
		return true
	})
	for v, lits := range t.closures {
		if bad[v] {
			delete(t.closures, v)
			continue
		}
		for _, lit := range lits {
			t.machines[lit] = true
		}
	}
	for lit := range t.apartLits {
		delete(t.machines, lit)
	}
}

// apart remembers that the literal which a go or defer statement calls is no machine.
func (t *transformer) apart(c *ast.CallExpr) {
	if lit, ok := c.Fun.(*ast.FuncLit); ok {
		t.apartLits[lit] = true
	}
}

func (t *transformer) dropClosure(v *types.Var) {
	for _, lit := range t.closures[v] {
		delete(t.machines, lit)
	}
	delete(t.closures, v)
}

// inMachine reports whether what is at the top of the stack is in a task, and in no literal that is none.
func (t *transformer) inMachine(stack []ast.Node) bool {
	for _, n := range stack {
		if lit, ok := n.(*ast.FuncLit); ok && !t.machines[lit] {
			return false
		}
	}
	return true
}

// assigned reports whether the identifier at the top of the stack is given a literal.
func (t *transformer) assigned(stack []ast.Node) bool {
	if len(stack) < 2 || !t.inMachine(stack) {
		return false
	}
	a, ok := stack[len(stack)-2].(*ast.AssignStmt)
	return ok && a.Tok == token.ASSIGN && slices.Contains(a.Lhs, ast.Expr(stack[len(stack)-1].(*ast.Ident)))
}
