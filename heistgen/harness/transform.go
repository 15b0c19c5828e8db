// Package harness turns ordinary programs into straight-line tasks, to compare what they do.
package harness

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// Program is what a program has become.
type Program struct {
	Plain  []byte // what is no task, and main
	Source []byte // the tasks, behind the tag
	Tasks  int
	All    int
}

// Why says why a program is not compared.
type Why string

func (w Why) Error() string { return string(w) }

// Transform turns the functions of a program into straight-line tasks, as far as they can be:
// f(a) R becomes f(cx, a) (R, error), with a wait before each statement.
func Transform(name string, text []byte, forms ...Form) (*Program, error) {
	text, err := rewrite(name, text, forms)
	if err != nil {
		return nil, err
	}
	fset, file, pkg, info, err := check(name, text)
	if err != nil {
		return nil, err
	}
	t := &transformer{fset: fset, file: file, info: info, pkg: pkg, tasks: map[*types.Func]*ast.FuncDecl{}, forms: forms, labelled: map[ast.Stmt]bool{}, closures: map[*types.Var][]*ast.FuncLit{}, machines: map[*ast.FuncLit]bool{}, apartLits: map[*ast.FuncLit]bool{}, cut: map[*ast.BranchStmt]bool{}, marks: map[*ast.FuncDecl]string{}, needs: map[string]bool{}}
	return t.run()
}

// Importer reads the standard library's export data.
var Importer = importer.Default()

type transformer struct {
	fset  *token.FileSet
	file  *ast.File
	info  *types.Info
	pkg   *types.Package
	tasks map[*types.Func]*ast.FuncDecl
	all   int
	tmp   int

	forms     []Form
	closures  map[*types.Var][]*ast.FuncLit // local variables of closures that are machines
	machines  map[*ast.FuncLit]bool
	apartLits map[*ast.FuncLit]bool // called by go and defer statements
	labelled  map[ast.Stmt]bool
	cut       map[*ast.BranchStmt]bool // those that leave the literal that their loop's body is
	marks     map[*ast.FuncDecl]string // what is behind the directives of tasks
	needs     map[string]bool          // further source
	made      []*ast.FuncDecl          // for the task that is being written
	parted    int
	combines  int
	shape
}

func (t *transformer) run() (*Program, error) {
	ifaceNames := map[string]bool{"String": true, "Error": true, "Format": true, "GoString": true, "Len": true, "Less": true, "Swap": true,
		"Read": true, "Write": true, "Close": true, "Is": true, "As": true, "Unwrap": true, "RuntimeError": true, "Push": true, "Pop": true, "MarshalBinary": true, "UnmarshalBinary": true, "MarshalJSON": true, "UnmarshalJSON": true, "MarshalText": true, "UnmarshalText": true}
	reflects := false
	for _, im := range t.file.Imports {
		reflects = reflects || im.Path.Value == `"reflect"`
	}
	ast.Inspect(t.file, func(n ast.Node) bool {
		if i, ok := n.(*ast.InterfaceType); ok {
			for _, m := range i.Methods.List {
				for _, n := range m.Names {
					ifaceNames[n.Name] = true
				}
			}
		}
		return true
	})
	for _, d := range t.file.Decls {
		fd, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		t.all++
		o, _ := t.info.Defs[fd.Name].(*types.Func)
		if o == nil || fd.Body == nil || fd.Name.Name == "init" || fd.Name.Name == "_" || fd.Name.Name == sameName {
			continue
		}
		if fd.Recv != nil && reflects && fd.Name.IsExported() {
			continue // it may be called by its name
		}
		if fd.Recv != nil && (ifaceNames[fd.Name.Name] || len(fd.Recv.List) != 1) {
			continue
		}
		if fd.Recv != nil { // methods of instances are found by selections; of locals' embedding, too
			if r := o.Signature().Recv(); types.IsInterface(r.Type()) {
				continue
			}
		}
		if t.unfit(fd.Body) {
			continue
		}
		t.tasks[o] = fd
	}
	t.findClosures()
	// All references have to be calls in tasks.
	for changed := true; changed; {
		changed = false
		drop := func(o *types.Func) {
			if _, ok := t.tasks[o]; ok {
				delete(t.tasks, o)
				changed = true
			}
		}
		for _, d := range t.file.Decls {
			fd, _ := d.(*ast.FuncDecl)
			in := false
			if fd != nil {
				o, _ := t.info.Defs[fd.Name].(*types.Func)
				in = t.tasks[o] != nil
			}
			var stack []ast.Node
			ast.Inspect(d, func(n ast.Node) bool {
				if n == nil {
					stack = stack[:len(stack)-1]
					return true
				}
				stack = append(stack, n)
				id, ok := n.(*ast.Ident)
				if !ok {
					return true
				}
				if v, ok := t.info.Uses[id].(*types.Var); ok && t.closures[v] != nil && (!in || !t.assigned(stack) && !t.called(stack)) {
					t.dropClosure(v)
					changed = true
				}
				o, ok := t.info.Uses[id].(*types.Func)
				if !ok {
					return true
				}
				o = o.Origin()
				if t.tasks[o] != nil && (!in || !t.called(stack)) {
					drop(o)
				}
				return true
			})
		}
	}
	for id, o := range t.info.Defs {
		if o != nil && (id.Name == "error" || id.Name == "nil" || id.Name == "panic" || id.Name == "false") && !isField(o) && (o.Parent() == t.pkg.Scope() || len(t.forms) > 0) {
			return nil, Why("it declares a predeclared name that the harness uses")
		}
	}
	var main *types.Func
	for o, fd := range t.tasks {
		if fd.Name.Name == "main" && fd.Recv == nil {
			main = o
		}
	}
	if main == nil {
		return nil, Why("its main is no task")
	}
	p := &Program{Tasks: len(t.tasks), All: t.all}
	var err error
	if p.Source, err = t.source(); err != nil {
		return nil, err
	}
	if p.Plain, err = t.plain(); err != nil {
		return nil, err
	}
	return p, nil
}

func isField(o types.Object) bool {
	switch o := o.(type) {
	case *types.Var:
		return o.IsField()
	case *types.Func:
		return o.Signature().Recv() != nil
	}
	return false
}

// called reports whether the identifier at the top of the stack is the function of a call that
// is no go or defer statement, and not in a function literal.
func (t *transformer) called(stack []ast.Node) bool {
	if !t.inMachine(stack) {
		return false
	}
	for k := len(stack) - 1; k > 0; k-- {
		switch p := stack[k-1].(type) {
		case *ast.ParenExpr:
			continue
		case *ast.IndexExpr:
			if p.X == stack[k] {
				continue
			}
		case *ast.IndexListExpr:
			if p.X == stack[k] {
				continue
			}
		case *ast.SelectorExpr:
			if s := t.info.Selections[p]; p.Sel == stack[k] && (s == nil || s.Kind() != types.MethodExpr) {
				continue
			}
		case *ast.CallExpr:
			if p.Fun == stack[k] {
				if k >= 2 {
					switch stack[k-2].(type) {
					case *ast.GoStmt, *ast.DeferStmt:
						return false
					}
				}
				return true
			}
		}
		return false
	}
	return false
}

// unfit reports whether a function with that body cannot be a task.
func (t *transformer) unfit(body *ast.BlockStmt) (no bool) {
	lits := 0
	var visit func(n ast.Node)
	visit = func(n ast.Node) {
		ast.Inspect(n, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncLit:
				lits++
				visit(n.Body)
				lits--
				return false
			case *ast.GoStmt, *ast.SelectStmt, *ast.SendStmt:
				if lits == 0 {
					no = true
				}
			case *ast.UnaryExpr:
				if n.Op == token.ARROW && lits == 0 {
					no = true
				}
			case *ast.RangeStmt:
				if lits == 0 {
					switch t.info.TypeOf(n.X).Underlying().(type) {
					case *types.Signature:
						no = no || !t.known(n.X)
					case *types.Chan:
						no = true
					case *types.Interface:
						no = true // of a type parameter
					}
				}
			case *ast.CallExpr:
				if s, ok := n.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "Wait" || ok && s.Sel.Name == "Sleep" {
					no = true
				}
			}
			return true
		})
	}
	visit(body)
	return no
}

// known reports whether a function to range over is an iterator of slices or maps, where the body may wait.
func (t *transformer) known(x ast.Expr) bool {
	c, ok := ast.Unparen(x).(*ast.CallExpr)
	if !ok {
		return false
	}
	s, ok := c.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	fn, ok := t.info.Uses[s.Sel].(*types.Func)
	return ok && fn.Pkg() != nil && (fn.Pkg().Path() == "slices" || fn.Pkg().Path() == "maps")
}

func ident(n string) *ast.Ident { return &ast.Ident{Name: n} }

func (t *transformer) isTask(c *ast.CallExpr) *types.Func {
	fn := ast.Unparen(c.Fun)
	for {
		switch x := fn.(type) {
		case *ast.IndexExpr:
			fn = ast.Unparen(x.X)
			continue
		case *ast.IndexListExpr:
			fn = ast.Unparen(x.X)
			continue
		case *ast.SelectorExpr:
			fn = x.Sel
			continue
		}
		break
	}
	id, ok := fn.(*ast.Ident)
	if !ok {
		return nil
	}
	o, ok := t.info.Uses[id].(*types.Func)
	if !ok || t.tasks[o.Origin()] == nil {
		return nil
	}
	return o.Origin()
}

// awaited returns the signature, as it was, of what a call waits for, nil for nothing.
func (t *transformer) awaited(c *ast.CallExpr) *types.Signature {
	if o := t.isTask(c); o != nil {
		return o.Signature()
	}
	switch fn := ast.Unparen(c.Fun).(type) {
	case *ast.FuncLit:
		if t.machines[fn] {
			return t.info.TypeOf(fn).(*types.Signature)
		}
	case *ast.Ident:
		if v, ok := t.info.Uses[fn].(*types.Var); ok && t.closures[v] != nil {
			return v.Type().Underlying().(*types.Signature)
		}
	}
	return nil
}

const pauseName = "heistPause"

// source writes the tasks.
func (t *transformer) source() ([]byte, error) {
	var decls []ast.Decl
	var order []*ast.FuncDecl
	for _, d := range t.file.Decls {
		if fd, ok := d.(*ast.FuncDecl); ok {
			if o, ok := t.info.Defs[fd.Name].(*types.Func); ok && t.tasks[o] != nil {
				order = append(order, fd)
			}
		}
	}
	for _, fd := range order {
		t.made = nil
		for _, d := range t.apartFrom(t.task(fd)) {
			decls = append(decls, d)
		}
	}
	text, err := t.print("//go:build heistgen\n\n", decls, true)
	if t.has(Generators) {
		t.needs[generators] = true
	}
	for _, further := range slices.Sorted(maps.Keys(t.needs)) {
		text = append(text, further...)
	}
	return text, err
}

// plain writes the rest.
func (t *transformer) plain() ([]byte, error) {
	var decls []ast.Decl
	for _, d := range t.file.Decls {
		if fd, ok := d.(*ast.FuncDecl); ok {
			if o, ok := t.info.Defs[fd.Name].(*types.Func); ok && t.tasks[o] != nil {
				continue
			}
		}
		if gd, ok := d.(*ast.GenDecl); ok && gd.Tok == token.IMPORT {
			continue
		}
		decls = append(decls, d)
	}
	return t.print("", decls, false)
}

func (t *transformer) print(head string, decls []ast.Decl, task bool) ([]byte, error) {
	var body bytes.Buffer
	for _, d := range decls {
		if fd, ok := d.(*ast.FuncDecl); ok && task {
			fd.Doc = nil
			mark := "//heist:task context"
			if t.has(Drain) {
				mark = "//heist:task drain context"
			}
			body.WriteString(mark + t.marks[fd] + "\n")
		}
		if err := format.Node(&body, token.NewFileSet(), d); err != nil {
			return nil, err
		}
		body.WriteString("\n\n")
	}
	var out bytes.Buffer
	out.WriteString(head + "package main\n\n")
	if task {
		fmt.Fprintf(&out, "import heistTask %q\n", "github.com/heist-go/heist/task")
	}
	used := map[string]bool{}
	f, err := parser.ParseFile(token.NewFileSet(), "x.go", "package main\n"+body.String(), parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("the transformed program does not parse: %w\n%s", err, body.String())
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if id, ok := s.X.(*ast.Ident); ok {
				used[id.Name] = true
			}
		}
		return true
	})
	for _, im := range []struct{ name, path string }{{"heistCombine", "task/combine"}, {"heistStream", "task/stream"}} {
		if used[im.name] {
			fmt.Fprintf(&out, "import %s %q\n", im.name, "github.com/heist-go/heist/"+im.path)
		}
	}
	for _, im := range t.file.Imports {
		p, _ := strconv.Unquote(im.Path.Value)
		name := p[strings.LastIndex(p, "/")+1:]
		if p == "math/rand/v2" {
			name = "rand"
		}
		if im.Name != nil {
			name = im.Name.Name
		}
		if name == "." {
			return nil, Why("it has a dot import")
		}
		if name == "_" && !task || used[name] {
			fmt.Fprintf(&out, "import %s %s\n", name, im.Path.Value)
		}
	}
	out.WriteString("\n")
	out.Write(body.Bytes())
	return out.Bytes(), nil
}

// task rewrites one function.
func (t *transformer) task(fd *ast.FuncDecl) *ast.FuncDecl {
	name := fd.Name
	if fd.Name.Name == "main" && fd.Recv == nil {
		name = ident("heistMain")
	}
	typ, body := t.function(fd.Type, fd.Body)
	return &ast.FuncDecl{Recv: fd.Recv, Name: name, Type: typ, Body: body}
}

// function rewrites a function's type and body.
func (t *transformer) function(of *ast.FuncType, stmts *ast.BlockStmt) (*ast.FuncType, *ast.BlockStmt) {
	around := t.shape
	defer func() { t.shape = around }()
	typ := t.funcType(of)
	t.begin(of)
	combined := t.wraps(stmts)
	if combined {
		t.ends = append(t.ends, ofFunction)
	}
	body := t.block(stmts)
	t.ends = nil
	if len(t.results) == 0 && !combined {
		body.List = append(body.List, ret(ident("nil")))
	}
	return typ, t.wrap(typ, stmts, body, combined)
}

// funcType is the type of a function that takes a cx and returns an error, too.
func (t *transformer) funcType(of *ast.FuncType) *ast.FuncType {
	params := &ast.FieldList{List: []*ast.Field{cxParam()}}
	named := of.Params.NumFields() == 0 || len(of.Params.List[0].Names) > 0
	for _, f := range of.Params.List {
		n := *f
		if !named {
			n.Names = []*ast.Ident{ident("_")}
		}
		params.List = append(params.List, &n)
	}
	results := &ast.FieldList{}
	last := &ast.Field{Type: ident("error")}
	if of.Results.NumFields() > 0 {
		results.List = append(results.List, of.Results.List...)
		if len(of.Results.List[0].Names) > 0 {
			last.Names = []*ast.Ident{ident("heistErr")}
		}
	}
	results.List = append(results.List, last)
	return &ast.FuncType{TypeParams: of.TypeParams, Params: params, Results: results}
}

func (t *transformer) block(b *ast.BlockStmt) *ast.BlockStmt {
	if b == nil {
		return nil
	}
	return &ast.BlockStmt{List: t.stmts(b.List)}
}

func pause() ast.Stmt {
	return &ast.ExprStmt{X: &ast.CallExpr{Fun: ident(pauseName), Args: []ast.Expr{ident("heistCx")}}}
}

func (t *transformer) stmts(list []ast.Stmt) (out []ast.Stmt) {
	for i, s := range list {
		if i < len(list)-1 { // the last may have to be one that ends the function
			if c := t.combined(s, func() ast.Stmt { return t.stmt(s) }); c != nil {
				out = append(out, pause(), c)
				continue
			}
		}
		switch s := s.(type) {
		case *ast.LabeledStmt:
			// A wait before a labelled loop would take its label away.
			out = append(out, pause(), t.stmt(s))
			continue
		case *ast.EmptyStmt, *ast.BranchStmt:
			out = append(out, t.stmt(s))
			continue
		}
		out = append(out, pause(), t.stmt(s))
	}
	return out
}

func (t *transformer) stmt(s ast.Stmt) ast.Stmt {
	switch s := s.(type) {
	case nil:
		return nil
	case *ast.BlockStmt:
		return t.block(s)
	case *ast.ExprStmt:
		if c, ok := ast.Unparen(s.X).(*ast.CallExpr); ok && t.awaited(c) != nil {
			if tup := t.spread(c); tup != nil && !calls(c.Fun) {
				names, set := t.variablesFor(tup, c.Args[0])
				n := *c
				n.Fun, n.Args = t.fun(c.Fun), append([]ast.Expr{ident("heistCx")}, names...)
				return &ast.BlockStmt{List: []ast.Stmt{set, &ast.ExprStmt{X: &n}}}
			}
			return &ast.ExprStmt{X: t.call(c)}
		}
		return &ast.ExprStmt{X: t.expr(s.X)}
	case *ast.AssignStmt:
		return &ast.AssignStmt{Lhs: t.exprs(s.Lhs), Tok: s.Tok, Rhs: t.exprs(s.Rhs)}
	case *ast.IncDecStmt:
		return &ast.IncDecStmt{X: t.expr(s.X), Tok: s.Tok}
	case *ast.DeclStmt:
		gd := s.Decl.(*ast.GenDecl)
		if gd.Tok != token.VAR {
			return s
		}
		n := *gd
		n.Specs = nil
		for _, sp := range gd.Specs {
			v := *sp.(*ast.ValueSpec)
			v.Values = t.exprs(v.Values)
			if o, ok := t.info.Defs[v.Names[0]].(*types.Var); ok && t.closures[o] != nil && v.Type != nil {
				v.Type = t.funcType(v.Type.(*ast.FuncType))
			}
			n.Specs = append(n.Specs, &v)
		}
		return &ast.DeclStmt{Decl: &n}
	case *ast.DeferStmt:
		c := *s.Call
		c.Args = t.exprs(c.Args)
		if _, ok := c.Fun.(*ast.FuncLit); !ok {
			c.Fun = t.fun(c.Fun)
		}
		return &ast.DeferStmt{Call: &c}
	case *ast.BranchStmt:
		return t.branch(s)
	case *ast.ReturnStmt:
		if e, ok := t.innermost(); ok {
			return &ast.BlockStmt{List: t.leave(e, t.exprs(s.Results))}
		}
		if len(s.Results) == 1 {
			if c, ok := ast.Unparen(s.Results[0]).(*ast.CallExpr); ok {
				if t.has(Tails) && t.awaited(c) != nil && t.spread(c) == nil && t.gives(c) {
					return &ast.ReturnStmt{Results: []ast.Expr{t.call(c)}}
				}
				if tup, ok := t.info.TypeOf(c).(*types.Tuple); ok && tup.Len() > 1 {
					// return f(): its results, and nil
					names, set := t.variablesFor(tup, c)
					return &ast.BlockStmt{List: []ast.Stmt{set, &ast.ReturnStmt{Results: append(names, ident("nil"))}}}
				}
			}
		}
		if len(s.Results) == 0 {
			return &ast.ReturnStmt{Results: t.nakedResults()}
		}
		return &ast.ReturnStmt{Results: append(t.exprs(s.Results), ident("nil"))}
	case *ast.LabeledStmt:
		t.labelled[s.Stmt] = true
		return &ast.LabeledStmt{Label: s.Label, Stmt: t.stmt(s.Stmt)}
	case *ast.IfStmt:
		return &ast.IfStmt{Init: t.stmt2(s.Init), Cond: t.cond(s.Cond), Body: t.block(s.Body), Else: t.stmt2(s.Else)}
	case *ast.ForStmt:
		if r := t.recursive(s); r != nil {
			return r
		}
		n := &ast.ForStmt{Init: t.stmt2(s.Init), Post: t.stmt2(s.Post), Body: t.loop(s, s.Body)}
		if s.Cond != nil {
			n.Cond = t.cond(s.Cond)
		}
		return n
	case *ast.RangeStmt:
		if n := t.each(s); n != nil {
			return n
		}
		n := *s
		if t.known(s.X) {
			c := *ast.Unparen(s.X).(*ast.CallExpr)
			c.Args = t.exprs(c.Args)
			n.X = &c
		} else {
			n.X = t.expr(s.X)
		}
		if s.Tok == token.ASSIGN {
			if s.Key != nil {
				n.Key = t.expr(s.Key)
			}
			if s.Value != nil {
				n.Value = t.expr(s.Value)
			}
		}
		n.Body = t.loop(s, s.Body)
		return &n
	case *ast.SwitchStmt:
		n := &ast.SwitchStmt{Init: t.stmt2(s.Init), Body: t.clauses(s.Body)}
		if s.Tag != nil {
			n.Tag = t.expr(s.Tag)
		}
		return n
	case *ast.TypeSwitchStmt:
		return &ast.TypeSwitchStmt{Init: t.stmt2(s.Init), Assign: t.stmt2(s.Assign), Body: t.clauses(s.Body)}
	}
	return s
}

// gives reports whether a call has the results of the function, so that it can be returned as it is.
func (t *transformer) gives(c *ast.CallExpr) bool {
	var list []types.Type
	switch r := t.info.TypeOf(c).(type) {
	case *types.Tuple:
		for v := range r.Variables() {
			list = append(list, v.Type())
		}
	default:
		list = append(list, r)
	}
	if len(list) != len(t.results) {
		return false
	}
	for i, r := range t.results {
		if !types.AssignableTo(list[i], t.info.TypeOf(r)) {
			return false
		}
	}
	return true
}

// spread is what the only argument of a call is, if that has several values.
func (t *transformer) spread(c *ast.CallExpr) *types.Tuple {
	if len(c.Args) != 1 {
		return nil
	}
	tup, _ := t.info.TypeOf(c.Args[0]).(*types.Tuple)
	return tup
}

func calls(e ast.Expr) (yes bool) {
	ast.Inspect(e, func(n ast.Node) bool {
		_, is := n.(*ast.CallExpr)
		yes = yes || is
		return true
	})
	return yes
}

// variablesFor declares variables with the values of a call.
func (t *transformer) variablesFor(tup *types.Tuple, c ast.Expr) (names []ast.Expr, set ast.Stmt) {
	t.tmp++
	for i := range tup.Len() {
		names = append(names, ident(fmt.Sprintf("heist%d_%d", t.tmp, i)))
	}
	return names, &ast.AssignStmt{Lhs: slices.Clone(names), Tok: token.DEFINE, Rhs: []ast.Expr{t.expr(c)}}
}

func (t *transformer) stmt2(s ast.Stmt) ast.Stmt {
	if s == nil {
		return nil
	}
	return t.stmt(s)
}

// nakedResults is what a return without results becomes: itself, if the results are named.
func (t *transformer) nakedResults() []ast.Expr {
	if len(t.results) > 0 {
		return nil
	}
	return []ast.Expr{ident("nil")}
}

func (t *transformer) clauses(b *ast.BlockStmt) *ast.BlockStmt {
	out := &ast.BlockStmt{}
	for _, c := range b.List {
		cc := c.(*ast.CaseClause)
		n := &ast.CaseClause{Body: t.stmts(cc.Body)}
		for _, e := range cc.List {
			n.List = append(n.List, t.expr(e))
		}
		out.List = append(out.List, n)
	}
	return out
}

func (t *transformer) exprs(list []ast.Expr) (out []ast.Expr) {
	for _, e := range list {
		out = append(out, t.expr(e))
	}
	return out
}

// call is a call of a task, which returns an error, too.
func (t *transformer) call(c *ast.CallExpr) *ast.CallExpr {
	if t.spread(c) != nil {
		panic(Why("a task is called with another function's results"))
	}
	n := *c
	n.Fun = t.fun(c.Fun)
	n.Args = append([]ast.Expr{ident("heistCx")}, t.exprs(c.Args)...)
	return &n
}

func (t *transformer) fun(e ast.Expr) ast.Expr {
	switch x := e.(type) {
	case *ast.SelectorExpr:
		return &ast.SelectorExpr{X: t.expr(x.X), Sel: x.Sel}
	case *ast.IndexExpr:
		n := *x
		n.X = t.fun(x.X)
		return &n
	case *ast.IndexListExpr:
		n := *x
		n.X = t.fun(x.X)
		return &n
	}
	if id, ok := e.(*ast.Ident); ok && id.Name == "main" {
		if o, ok := t.info.Uses[id].(*types.Func); ok && t.tasks[o] != nil {
			return ident("heistMain")
		}
	}
	return t.expr(e)
}

// expr rewrites the calls of tasks in an expression.
func (t *transformer) expr(e ast.Expr) ast.Expr {
	switch x := e.(type) {
	case *ast.FuncLit:
		if !t.machines[x] {
			return x
		}
		typ, body := t.function(x.Type, x.Body)
		return &ast.FuncLit{Type: typ, Body: body}
	case *ast.CallExpr:
		if sig := t.awaited(x); sig != nil {
			n := sig.Results().Len()
			name := "heistMust"
			if n == 0 {
				name = "heistDone"
			}
			if n > 1 {
				name += strconv.Itoa(n)
			}
			return &ast.CallExpr{Fun: ident(name), Args: []ast.Expr{t.call(x)}}
		}
		if id, ok := x.Fun.(*ast.Ident); ok && id.Name == sameName {
			return call(ident("heistMust"), call(ident("heistThrough"), ident("heistCx"), t.expr(x.Args[0])))
		}
		n := *x
		if tv := t.info.Types[x.Fun]; !tv.IsType() {
			n.Fun = t.fun(x.Fun)
		}
		n.Args = t.exprs(x.Args)
		return t.through(x, &n)
	case *ast.ParenExpr:
		return &ast.ParenExpr{X: t.expr(x.X)}
	case *ast.SelectorExpr:
		return &ast.SelectorExpr{X: t.expr(x.X), Sel: x.Sel}
	case *ast.BinaryExpr:
		return &ast.BinaryExpr{X: t.expr(x.X), Op: x.Op, Y: t.expr(x.Y)}
	case *ast.UnaryExpr:
		return &ast.UnaryExpr{Op: x.Op, X: t.expr(x.X)}
	case *ast.StarExpr:
		return &ast.StarExpr{X: t.expr(x.X)}
	case *ast.IndexExpr:
		if t.info.Types[x.Index].IsType() {
			return x
		}
		return &ast.IndexExpr{X: t.expr(x.X), Index: t.expr(x.Index)}
	case *ast.SliceExpr:
		n := *x
		n.X = t.expr(x.X)
		for _, p := range []*ast.Expr{&n.Low, &n.High, &n.Max} {
			if *p != nil {
				*p = t.expr(*p)
			}
		}
		return &n
	case *ast.TypeAssertExpr:
		n := *x
		n.X = t.expr(x.X)
		return &n
	case *ast.CompositeLit:
		n := *x
		n.Elts = t.exprs(x.Elts)
		return &n
	case *ast.KeyValueExpr:
		if tv, ok := t.info.Types[x.Key]; ok && tv.Type != nil {
			return &ast.KeyValueExpr{Key: t.expr(x.Key), Value: t.expr(x.Value)}
		}
		return &ast.KeyValueExpr{Key: x.Key, Value: t.expr(x.Value)}
	}
	return e
}

// Support is the rest of a transformed program.
func Support() []byte {
	var b bytes.Buffer
	b.WriteString(`package main

import (
	heistContext "context"
	heistErrors "errors"
	heistOs "os"
	heistStrconv "strconv"

	heistTask "github.com/heist-go/heist/task"
)

var heistSeed = func() uint64 {
	n, _ := heistStrconv.ParseUint(heistOs.Getenv("HEIST_SEED"), 10, 64)
	return n
}()

var heistWaiting bool

// heistPause waits at random.
func heistPause(cx *heistTask.Cx) error {
	if heistWaiting {
		if err := cx.Yield(); err != nil {
			return err
		}
		heistWaiting = false
		return nil
	}
	heistSeed = heistSeed*6364136223846793005 + 1442695040888963407
	if heistSeed>>62 != 0 {
		return nil
	}
	heistWaiting = true
	return cx.Yield()
}

// heistPauseContext is heistPause for goroutines.
func heistPauseContext(heistContext.Context) error { return nil }

func main() { HeistMain() }

// HeistMain runs the program.
func HeistMain() {
	if heistOs.Getenv("HEIST_SEED") == "-1" {
		if err := heistMainContext(heistContext.Background()); err != nil {
			panic(err)
		}
		return
	}
	t := newHeistMain()
	if err := heistTask.Run(heistContext.Background(), t); err != nil {
		panic(err)
	}
}

var heistTries int

// heistTry fails the first times: each pause until the next try takes time.
func heistTry() error {
	if heistTries++; heistTries < 20 {
		return heistErrors.New("again")
	}
	return nil
}

// heistNever waits until the task is canceled.
func heistNever(cx *heistTask.Cx) error {
	if err := cx.Err(); err != nil {
		return err
	}
	cx.Waker()
	return cx.Suspend()
}

// heistReraise raises the panic of another task as the caller's own.
func heistReraise() {
	switch v := recover().(type) {
	case nil:
	case *heistTask.PanicError:
		panic(v.Value)
	default:
		panic(v)
	}
}

// heistThrough returns v, and waits at random.
func heistThrough[T any](cx *heistTask.Cx, v T) (T, error) { return v, heistPause(cx) }

func heistThroughContext[T any](_ heistContext.Context, v T) (T, error) { return v, nil }

type heistPair[T any] struct {
	K int
	V T
}

type heistInt = int

type heistNumber[T any] struct{ K T }

type heistInteger interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr
}

func heistDone(err error) {
	if err != nil {
		panic(err)
	}
}

func heistMust[A any](a A, err error) A {
	if err != nil {
		panic(err)
	}
	return a
}
`)
	for n := 2; n <= 12; n++ {
		var ts, ps, vs []string
		for i := range n {
			ts = append(ts, fmt.Sprintf("T%d any", i))
			ps = append(ps, fmt.Sprintf("v%d T%d", i, i))
			vs = append(vs, fmt.Sprintf("v%d", i))
		}
		var rs []string
		for i := range n {
			rs = append(rs, fmt.Sprintf("T%d", i))
		}
		fmt.Fprintf(&b, "\nfunc heistMust%d[%s](%s, err error) (%s) {\n\tif err != nil {\n\t\tpanic(err)\n\t}\n\treturn %s\n}\n", n, strings.Join(ts, ", "), strings.Join(ps, ", "), strings.Join(rs, ", "), strings.Join(vs, ", "))
	}
	return b.Bytes()
}

// Unfit says why a program of Go's test folder is not tried, or "".
func Unfit(text string) string {
	first, _, _ := strings.Cut(text, "\n")
	if strings.TrimSpace(first) != "// run" {
		return "it is no program of one file without arguments"
	}
	for _, w := range []struct{ word, why string }{
		{"\"unsafe\"", "it uses unsafe"}, {"runtime.GC", "it looks at the collector, the stack or the scheduler"}, {"runtime.Caller", "it looks at the collector, the stack or the scheduler"},
		{"runtime.Stack", "it looks at the collector, the stack or the scheduler"}, {"runtime.ReadMemStats", "it looks at the collector, the stack or the scheduler"}, {"runtime.MemStats", "it looks at the collector, the stack or the scheduler"},
		{"runtime/debug", "it looks at the collector, the stack or the scheduler"}, {"SetFinalizer", "it looks at the collector, the stack or the scheduler"}, {"AddCleanup", "it looks at the collector, the stack or the scheduler"},
		{"os/exec", "it runs other programs"}, {"\"testing\"", "it uses testing"}, {"\"C\"", "it uses cgo"}, {"runtime.NumGoroutine", "it looks at the collector, the stack or the scheduler"},
		{"//go:build", "it has a build constraint"}, {"// +build", "it has a build constraint"}, {"runtime.Compiler", "it looks at the compiler"},
	} {
		if strings.Contains(text, w.word) {
			return w.why
		}
	}
	return ""
}

// Sorted returns counts as lines, the largest first.
func Sorted(counts map[string]int) (lines []string) {
	keys := make([]string, 0, len(counts))
	for k := range counts {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool {
		return counts[keys[i]] > counts[keys[j]] || counts[keys[i]] == counts[keys[j]] && keys[i] < keys[j]
	})
	for _, k := range keys {
		lines = append(lines, fmt.Sprintf("%5d %s", counts[k], k))
	}
	return slices.Clip(lines)
}
