package harness

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

// callee is what is left of a task's name when it is called in another way: a task of that name calls it so.
type callee struct {
	of      *ast.FuncDecl // as it is written, under its new name
	name    string
	self    ast.Expr // the receiver, or nil
	args    []ast.Expr
	rest    bool       // the last argument is a list
	results []ast.Expr // types
	typ     *ast.FuncType
	recv    *ast.FieldList
}

// waysTo are the ways to call a function, by form.
var waysTo = map[Form][]func(*transformer, *callee) *ast.BlockStmt{
	Groups:     {(*transformer).byGroup, (*transformer).byAll, (*transformer).byFirst, (*transformer).byMembers, (*transformer).byMember},
	Handles:    {(*transformer).byHandle},
	Makers:     {(*transformer).byMaker, (*transformer).byMakerToItsEnd},
	Concurrent: {(*transformer).byStream},
}

// apartFrom writes the task under another name, and one under its name that calls it in another way.
func (t *transformer) apartFrom(fd *ast.FuncDecl) (decls []*ast.FuncDecl) {
	var ways []func(*transformer, *callee) *ast.BlockStmt
	for _, f := range t.forms {
		ways = append(ways, waysTo[f]...)
	}
	if len(ways) == 0 || fd.Name.Name == "heistMain" || blankParams(fd.Type.TypeParams) {
		return []*ast.FuncDecl{fd}
	}
	t.parted++
	c := &callee{name: fmt.Sprintf("heistInner%d", t.parted), recv: fd.Recv, typ: &ast.FuncType{TypeParams: fd.Type.TypeParams, Params: &ast.FieldList{}, Results: &ast.FieldList{}}}
	if fd.Recv != nil {
		f := *fd.Recv.List[0]
		f.Names = []*ast.Ident{ident("heistSelf")}
		c.recv, c.self = &ast.FieldList{List: []*ast.Field{&f}}, ident("heistSelf")
	}
	for i, f := range fd.Type.Params.List {
		for range max(1, len(f.Names)) {
			n := ident(fmt.Sprintf("heistArg%d", len(c.args)))
			if i == 0 {
				n = ident("heistCx")
			} else {
				_, c.rest = f.Type.(*ast.Ellipsis)
				c.args = append(c.args, n)
			}
			c.typ.Params.List = append(c.typ.Params.List, &ast.Field{Names: []*ast.Ident{n}, Type: f.Type})
		}
	}
	for _, f := range fd.Type.Results.List {
		for range max(1, len(f.Names)) {
			c.typ.Results.List = append(c.typ.Results.List, &ast.Field{Type: f.Type})
			c.results = append(c.results, f.Type)
		}
	}
	c.results = c.results[:len(c.results)-1]
	c.of = &ast.FuncDecl{Recv: fd.Recv, Name: ident(c.name), Type: fd.Type, Body: fd.Body}
	t.marks[c.of] = " name=" + c.name
	outer := &ast.FuncDecl{Recv: c.recv, Name: fd.Name, Type: c.typ}
	outer.Body = ways[t.parted%len(ways)](t, c)
	return append(append([]*ast.FuncDecl{c.of}, t.made...), outer)
}

// blankParams reports whether a type parameter has no name, and cannot be handed on.
func blankParams(l *ast.FieldList) bool {
	return l != nil && slices.ContainsFunc(l.List, func(f *ast.Field) bool {
		return slices.ContainsFunc(f.Names, func(n *ast.Ident) bool { return n.Name == "_" })
	})
}

// call calls the function itself.
func (c *callee) call() ast.Expr {
	fn := ast.Expr(ident(c.name))
	if c.self != nil {
		fn = &ast.SelectorExpr{X: c.self, Sel: ident(c.name)}
	} else {
		fn = c.instance(fn)
	}
	return c.with(fn, ident("heistCx"))
}

// with calls fn with some arguments, and the function's.
func (c *callee) with(fn ast.Expr, first ...ast.Expr) *ast.CallExpr {
	x := call(fn, append(first, c.args...)...)
	if c.rest {
		x.Ellipsis = 1
	}
	return x
}

// instance gives a generic function the type arguments that it has got.
func (c *callee) instance(fn ast.Expr) ast.Expr {
	if c.typ.TypeParams == nil {
		return fn
	}
	x := &ast.IndexListExpr{X: fn}
	for _, f := range c.typ.TypeParams.List {
		for _, n := range f.Names {
			x.Indices = append(x.Indices, n)
		}
	}
	return x
}

// task makes the task of a function with those parameters.
func (c *callee) task(name string) ast.Expr {
	fn := ident("new" + strings.ToUpper(name[:1]) + name[1:])
	if c.self != nil {
		return c.with(fn, c.self)
	}
	return c.with(c.instance(fn))
}

// hold declares variables for the results, and returns the statement that gives them their values.
func (c *callee) hold() (vars []ast.Stmt, held []ast.Expr, set ast.Stmt) {
	for i, typ := range c.results {
		vars = append(vars, variable(result(i), typ))
		held = append(held, result(i))
	}
	vars = append(vars, variable(ident("heistErr"), ident("error")))
	return vars, held, assign(append(append([]ast.Expr{}, held...), ident("heistErr")), c.call())
}

func assign(lhs []ast.Expr, rhs ast.Expr) ast.Stmt { return set(lhs, token.ASSIGN, rhs) }

func define(name string, rhs ast.Expr) ast.Stmt {
	return set([]ast.Expr{ident(name)}, token.DEFINE, rhs)
}

func method(x, name string, args ...ast.Expr) *ast.CallExpr {
	return call(&ast.SelectorExpr{X: ident(x), Sel: ident(name)}, args...)
}

func do(x ast.Expr) ast.Stmt { return &ast.ExprStmt{X: x} }

// reraise is the statement that raises the panic of another task as the function's own.
func reraise() ast.Stmt { return &ast.DeferStmt{Call: call(ident("heistReraise"))} }

func body(list ...ast.Stmt) *ast.BlockStmt { return &ast.BlockStmt{List: list} }

func literal(results []ast.Expr, list ...ast.Stmt) *ast.FuncLit {
	typ := &ast.FuncType{Params: &ast.FieldList{List: []*ast.Field{cxParam()}}, Results: &ast.FieldList{}}
	for _, r := range append(append([]ast.Expr{}, results...), ident("error")) {
		typ.Results.List = append(typ.Results.List, &ast.Field{Type: r})
	}
	return &ast.FuncLit{Type: typ, Body: body(list...)}
}

func (t *transformer) group(c *callee, start ast.Stmt, wait ...ast.Stmt) *ast.BlockStmt {
	list := []ast.Stmt{reraise(), define("heistTask1", c.task(c.name)), variable(ident("heistGroup"), &ast.SelectorExpr{X: ident("heistTask"), Sel: ident("Group")}), start}
	return body(append(append(list, wait...), ret(method("heistTask1", "Result")))...)
}

func begin() ast.Stmt { return do(method("heistGroup", "Go", ident("heistCx"), ident("heistTask1"))) }

func settled() ast.Expr { return method("heistGroup", "Wait", ident("heistCx")) }

func done(x ast.Expr) ast.Stmt { return do(call(ident("heistDone"), x)) }

// byGroup starts the function in a group, and waits for that.
func (t *transformer) byGroup(c *callee) *ast.BlockStmt {
	return t.group(c, begin(), done(settled()))
}

// byMembers starts another one beside it.
func (t *transformer) byMembers(c *callee) *ast.BlockStmt {
	t.needs[idle] = true
	return t.group(c, do(method("heistGroup", "GoAll", ident("heistCx"), ident("heistTask1"), call(ident("newHeistIdle")))), pause(), done(settled()))
}

// byAll waits for the group and for something else.
func (t *transformer) byAll(c *callee) *ast.BlockStmt {
	return t.group(c, begin(), done(method("heistTask", "All", settled(), call(ident(pauseName), ident("heistCx")))))
}

// byFirst waits for the group or for what never comes.
func (t *transformer) byFirst(c *callee) *ast.BlockStmt {
	return t.group(c, begin(), set([]ast.Expr{ident("heistFirst"), ident("heistFailed")}, token.DEFINE, method("heistTask", "First", call(ident("heistNever"), ident("heistCx")), settled())), done(ident("heistFailed")),
		when(ident("heistFirst"), 0, do(call(ident("panic"), ident(`"it never comes"`)))))
}

// byMember calls the function in a literal that is a member of a group.
func (t *transformer) byMember(c *callee) *ast.BlockStmt {
	vars, held, set := c.hold()
	lit := literal(nil, set, ret(ident("heistErr")))
	list := append([]ast.Stmt{reraise(), variable(ident("heistGroup"), &ast.SelectorExpr{X: ident("heistTask"), Sel: ident("Group")})}, vars...)
	list = append(list, do(method("heistGroup", "Go", ident("heistCx"), method("heistTask", "Func", lit))), done(settled()))
	return body(append(list, ret(append(held, ident("heistErr"))...))...)
}

// byHandle calls the function in a literal that has a handle.
func (t *transformer) byHandle(c *callee) *ast.BlockStmt {
	if len(c.results) == 1 {
		return body(reraise(), define("heistHandle", method("heistTask", "Go", ident("heistCx"), literal(c.results, ret(c.call())))), ret(method("heistHandle", "Wait", ident("heistCx"))))
	}
	vars, held, set := c.hold()
	lit := literal([]ast.Expr{ident("error")}, set, ret(ident("heistErr"), ident("nil")))
	list := append([]ast.Stmt{reraise()}, vars...)
	list = append(list, define("heistHandle", method("heistTask", "Go", ident("heistCx"), lit)), done(call(ident("heistMust"), method("heistHandle", "Wait", ident("heistCx")))))
	return body(append(list, ret(append(held, ident("heistErr"))...))...)
}

// byStream calls the function in a literal that a stream calls.
func (t *transformer) byStream(c *callee) *ast.BlockStmt {
	vars, held, set := c.hold()
	lit := literal([]ast.Expr{ident("error")}, set, ret(ident("heistErr"), ident("nil")))
	lit.Type.Params.List = append(lit.Type.Params.List, &ast.Field{Names: []*ast.Ident{ident("_")}, Type: ident("heistInt")})
	list := append([]ast.Stmt{reraise()}, vars...)
	list = append(list, define("heistCalls", method("heistStream", "MapConcurrent", method("heistStream", "Once", number(1)), number(1), lit)),
		done(call(ident("heistMust"), method("heistCalls", "Next", ident("heistCx")))), done(method("heistCalls", "Close", ident("heistCx"))))
	return body(append(list, ret(append(held, ident("heistErr"))...))...)
}

// maker is a generator that calls the function, and makes a value of its results.
func (t *transformer) maker(c *callee) (all ast.Expr, values []ast.Expr) {
	of := &ast.StructType{Fields: &ast.FieldList{}}
	for i, typ := range c.results {
		of.Fields.List = append(of.Fields.List, &ast.Field{Names: []*ast.Ident{ident(fmt.Sprintf("heistF%d", i))}, Type: typ})
		values = append(values, &ast.SelectorExpr{X: ident("heistMade"), Sel: ident(fmt.Sprintf("heistF%d", i))})
	}
	name := fmt.Sprintf("heistMaker%d", t.parted)
	typ := &ast.FuncType{TypeParams: c.typ.TypeParams, Params: &ast.FieldList{}, Results: &ast.FieldList{List: []*ast.Field{{Type: ident("error")}}}}
	yield := &ast.FuncType{Params: &ast.FieldList{List: []*ast.Field{{Type: of}}}, Results: &ast.FieldList{List: []*ast.Field{{Type: ident("bool")}}}}
	for _, f := range c.typ.Params.List {
		g := *f
		if rest, ok := f.Type.(*ast.Ellipsis); ok {
			g.Type = &ast.ArrayType{Elt: rest.Elt}
		}
		typ.Params.List = append(typ.Params.List, &g)
	}
	typ.Params.List = append(typ.Params.List, &ast.Field{Names: []*ast.Ident{ident("yield")}, Type: yield})
	vars, held, set := c.hold()
	list := append(vars, set, &ast.IfStmt{Cond: &ast.BinaryExpr{X: ident("heistErr"), Op: token.NEQ, Y: ident("nil")}, Body: body(ret(ident("heistErr")))},
		do(call(ident("yield"), &ast.CompositeLit{Type: of, Elts: held})), pause(), ret(ident("nil")))
	made := &ast.FuncDecl{Recv: c.recv, Name: ident(name), Type: typ, Body: body(list...)}
	t.marks[made] = " name=" + name
	t.made = []*ast.FuncDecl{made}
	plain := *c
	plain.rest = false
	x := plain.task(name)
	return call(&ast.SelectorExpr{X: x, Sel: ident("All")}, ident("heistCx")), values
}

// byMaker leaves a range over the maker with its value.
func (t *transformer) byMaker(c *callee) *ast.BlockStmt {
	all, values := t.maker(c)
	loop := &ast.RangeStmt{Key: ident("heistMade"), Value: ident("heistErr"), Tok: token.DEFINE, X: all,
		Body: body(done(ident("heistErr")), set([]ast.Expr{ident("_")}, token.ASSIGN, ident("heistMade")), pause(), ret(append(values, ident("nil"))...))}
	return body(loop, do(call(ident("panic"), ident(`"it makes no value"`))), do(call(ident("panic"), ident(`"unreachable"`))))
}

// byMakerToItsEnd keeps the value, and ranges to the end.
func (t *transformer) byMakerToItsEnd(c *callee) *ast.BlockStmt {
	all, values := t.maker(c)
	vars, held, _ := c.hold()
	in := body(done(ident("heistErr")), set([]ast.Expr{ident("_")}, token.ASSIGN, ident("heistMade")))
	if len(held) > 0 {
		in.List = append(in.List, set(held, token.ASSIGN, values...))
	}
	loop := &ast.RangeStmt{Key: ident("heistMade"), Value: ident("heistErr"), Tok: token.DEFINE, X: all, Body: in}
	return body(append(vars[:len(vars)-1], loop, ret(append(held, ident("nil"))...))...)
}

// idle is a task that waits a little.
const idle = `
//heist:task context
func heistIdle(heistCx *heistTask.Cx) error {
	heistPause(heistCx)
	heistPause(heistCx)
	return nil
}
`

// combined is what a statement becomes as a literal that a combinator runs, nil if it stays as it is.
func (t *transformer) combined(s ast.Stmt, as func() ast.Stmt) ast.Stmt {
	if !t.has(Combinators) || !combines(s) {
		return nil
	}
	if t.combines++; t.combines%2 == 0 {
		return nil
	}
	t.tmp++
	by := fmt.Sprintf("heistBy%d", t.tmp)
	of := func(typ ast.Expr, args ...ast.Expr) ast.Stmt {
		return body(variable(ident(by), typ), done(method(by, "Wait", append([]ast.Expr{ident("heistCx")}, args...)...)))
	}
	kind := func(name string) ast.Expr { return &ast.SelectorExpr{X: ident("heistCombine"), Sel: ident(name)} }
	ints := func(name string, n int) ast.Expr {
		x := &ast.IndexListExpr{X: kind(name)}
		for range n {
			x.Indices = append(x.Indices, ident("heistInt"))
		}
		return x
	}
	way := t.combines / 2 % 8
	in := as()
	plain := func() *ast.FuncLit { return literal(nil, in, ret(ident("nil"))) }
	valued := func() *ast.FuncLit { return literal([]ast.Expr{ident("heistInt")}, in, ret(number(1), ident("nil"))) }
	waits := literal([]ast.Expr{ident("heistInt")}, pause(), ret(number(2), ident("nil")))
	lost := func(n int, typ ast.Expr, args ...ast.Expr) ast.Stmt {
		b := of(typ, args...).(*ast.BlockStmt)
		lhs := []ast.Expr{}
		for range n {
			lhs = append(lhs, ident("_"))
		}
		b.List[1] = set(append(lhs, ident("heistFailed")), token.DEFINE, b.List[1].(*ast.ExprStmt).X.(*ast.CallExpr).Args[0])
		b.List = append(b.List, done(ident("heistFailed")))
		return b
	}
	switch way {
	case 0:
		return of(kind("Timeout"), ident("1 << 60"), plain())
	case 1:
		return lost(1, kind("Select"), plain(), ident("heistNever"))
	case 2:
		return lost(2, ints("Race", 1), valued(), literal([]ast.Expr{ident("heistInt")}, ret(number(0), call(ident("heistNever"), ident("heistCx")))))
	case 3:
		lit := plain()
		lit.Body.List = append([]ast.Stmt{pause(), &ast.IfStmt{Init: define("heistErr", call(ident("heistTry"))), Cond: &ast.BinaryExpr{X: ident("heistErr"), Op: token.NEQ, Y: ident("nil")}, Body: body(ret(ident("heistErr")))}}, lit.Body.List...)
		return body(variable(ident(by), kind("Retry")), set([]ast.Expr{ident(by + ".Backoff.Min")}, token.ASSIGN, number(1)), done(method(by, "Do", ident("heistCx"), lit)))
	case 4:
		return lost(2, ints("Join2", 2), valued(), waits)
	case 5:
		return of(kind("All"), plain(), ident(pauseName), literal(nil, pause(), ret(ident("nil"))))
	case 6:
		return lost(2, ints("Any", 1), valued(), literal([]ast.Expr{ident("heistInt")}, pause(), ret(number(0), call(ident("heistNever"), ident("heistCx")))))
	}
	return do(call(ident("heistMust"), call(valued(), ident("heistCx"))))
}

// combines reports whether a statement may be a literal: nothing leaves it, and it declares nothing for others.
func combines(s ast.Stmt) bool {
	switch s := s.(type) {
	case *ast.ExprStmt, *ast.IncDecStmt, *ast.IfStmt, *ast.RangeStmt, *ast.SwitchStmt, *ast.TypeSwitchStmt:
	case *ast.AssignStmt:
		if s.Tok == token.DEFINE {
			return false
		}
	case *ast.ForStmt:
		if s.Cond == nil {
			return false
		}
	default:
		return false
	}
	fits := true
	within(s, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ReturnStmt, *ast.LabeledStmt, *ast.DeferStmt, *ast.GoStmt, *ast.SelectStmt:
			fits = false
		case *ast.BranchStmt:
			fits = fits && n.Label == nil && n.Tok != token.GOTO
		case *ast.CallExpr:
			if id, ok := n.Fun.(*ast.Ident); ok && id.Name == "recover" {
				fits = false
			}
		}
		return fits
	})
	switch s.(type) {
	case *ast.ForStmt, *ast.RangeStmt:
		return fits
	}
	return fits && len(jumps(body(s), "")) == 0
}
