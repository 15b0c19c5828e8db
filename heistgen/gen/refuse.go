package gen

import (
	"go/ast"
	"go/token"
	"go/types"
	"regexp"
	"strings"
)

// This file says what cannot be compiled.

var blockers = regexp.MustCompile(`^(` + strings.Join([]string{
	`time\.Sleep`,
	`sync\.(WaitGroup|Cond)\.Wait`,
	`net\.(Dial|Listen|Lookup)\w*`, `net\.(Dialer\.Dial\w*|ListenConfig\.Listen\w*|Resolver\.Lookup\w*)`,
	`net/http\.(Get|Head|Post|PostForm|ListenAndServe|ListenAndServeTLS|Serve)`, `net/http\.Client\.(Do|Get|Head|Post|PostForm)`,
	`os/exec\.Cmd\.(Run|Output|CombinedOutput|Wait)`, `os\.Process\.Wait`,
	`github\.com/heist-go/heist/task\.Run`, `github\.com/heist-go/heist/pool\.Pool\.(Run|Close|Shutdown)`,
	`iter\.Pull2?`,
}, "|") + `)$`)

func fullName(o *types.Func) string {
	n := o.Name()
	if r := o.Signature().Recv(); r != nil {
		t := r.Type()
		if p, ok := types.Unalias(t).(*types.Pointer); ok {
			t = p.Elem()
		}
		if nt, ok := types.Unalias(t).(*types.Named); ok {
			n = nt.Obj().Name() + "." + n
		}
	}
	if o.Pkg() == nil {
		return n
	}
	return o.Pkg().Path() + "." + n
}

// refusals looks at the whole function, literals included.
func (f *fun) refusals() {
	info := f.info()
	type scope struct {
		f     *fun         // whose Cx is right
		lit   *ast.FuncLit // a literal that is no function of its own
		inDef bool         // a deferred one
	}
	var visit func(n ast.Node, sc scope)
	var stack []ast.Node
	parent := func(i int) ast.Node {
		for k := len(stack) - 1 - i; k >= 0; k-- {
			if _, ok := stack[k].(*ast.ParenExpr); !ok {
				return stack[k]
			}
		}
		return nil
	}
	visitCall := func(c *ast.CallExpr, sc scope) {
		o := callee(info, c)
		w := sc.f.waits(c)
		if o != nil {
			name := fullName(o)
			switch {
			case sc.lit == nil && blockers.MatchString(name):
				f.refuse(c.Pos(), "%s blocks the worker: use an operation for tasks (a task.Timer, reactor, chans), task.Blocking, or Group.Goroutine", types.ExprString(c.Fun))
			case isFrom(o, taskPath, "Waker") || isFrom(o, taskPath, "Suspend"):
				f.refuse(c.Pos(), "%s is for operations that are written by hand: write one in another file, and call it", types.ExprString(c.Fun))
			case isFrom(o, taskPath, "IsPending") || isFrom(o, taskPath, "MustReady"):
				f.refuse(c.Pos(), "a straight-line function never sees Pending: leave %s out", types.ExprString(c.Fun))
			}
			if r, ok := parent(1).(*ast.RangeStmt); isFrom(o, machinePath, "All") && (!ok || ast.Unparen(r.X) != c) {
				f.refuse(c.Pos(), "the values of a generator are ranged over, or asked for with Next: All(cx) is no value here")
			}
		}
		if w == never {
			return
		}
		if sc.lit != nil {
			switch {
			case sc.inDef:
				f.refuse(c.Pos(), "a deferred function cannot wait: wait before the return statement instead")
			case w == yielding:
				f.refuse(c.Pos(), "yield cannot be called in a function literal: call it in the function's own body, or hand it to another generator")
			default:
				f.refuse(c.Pos(), "a wait cannot stand in this function literal: give it a *task.Cx first and an error last, so that it is a straight-line function itself")
			}
			return
		}
		if w == awaited {
			if g := f.unit.machineOf(o); g.elsewhere {
				f.refuseForeign(c, g)
			}
		}
		if w == awaited || w == polled {
			if s, ok := ast.Unparen(c.Fun).(*ast.SelectorExpr); ok {
				if id, ok := ast.Unparen(s.X).(*ast.Ident); ok && info.Uses[id] == sc.f.cx {
					return // cx.Yield()
				}
			}
			id, ok := ast.Unparen(c.Args[0]).(*ast.Ident)
			if !ok || info.Uses[id] != sc.f.cx {
				f.refuse(c.Args[0].Pos(), "the first argument of %s has to be %s, the *task.Cx of this function", types.ExprString(c.Fun), sc.f.cx.Name())
			}
		}
	}
	visit = func(root ast.Node, sc scope) {
		ast.Inspect(root, func(n ast.Node) bool {
			if n == nil {
				stack = stack[:len(stack)-1]
				return true
			}
			parent := ast.Node(nil)
			if len(stack) > 0 {
				parent = stack[len(stack)-1]
			}
			stack = append(stack, n)
			pop := func() bool { stack = stack[:len(stack)-1]; return false }
			switch n := n.(type) {
			case *ast.FuncLit:
				if n == root {
					return true
				}
				if m := sc.f.machines[n]; m != nil {
					visit(n.Body, scope{f: m})
					return pop()
				}
				in := scope{f: sc.f, lit: n, inDef: sc.inDef}
				if c, ok := parent.(*ast.CallExpr); ok && len(stack) >= 3 && c.Fun == n {
					if _, ok := stack[len(stack)-3].(*ast.DeferStmt); ok {
						in.inDef = true
					}
				}
				visit(n.Body, in)
				return pop()
			case *ast.CallExpr:
				visitCall(n, sc)
			case *ast.DeferStmt:
				if w := sc.f.waits(n.Call); w != never && sc.lit == nil {
					f.refuse(n.Pos(), "a deferred call cannot wait: wait before the return statement instead")
				}
			case *ast.GoStmt:
				if sc.lit == nil {
					f.refuse(n.Pos(), "a straight-line function starts no goroutines: start a task in a task.Group, or use Group.Goroutine")
				}
			case *ast.SelectStmt:
				if sc.lit == nil {
					f.refuse(n.Pos(), "select is for goroutines: use combine.Select over operations of package chans, and bridge.Chan for a Go channel")
				}
			case *ast.SendStmt:
				if sc.lit == nil {
					f.refuse(n.Pos(), "a send may block the worker: use chans.Chan, or bridge.Chan for a Go channel")
				}
			case *ast.UnaryExpr:
				if n.Op == token.ARROW && sc.lit == nil {
					f.refuse(n.Pos(), "a receive may block the worker: use chans.Chan, or bridge.Chan for a Go channel")
				}
			case *ast.RangeStmt:
				if sc.lit != nil && sc.f.generatorRange(n) != nil {
					f.refuse(n.X.Pos(), "a wait cannot stand in this function literal: give it a *task.Cx first and an error last, so that it is a straight-line function itself")
				}
				if _, ok := coreOf(info.TypeOf(n.X)).(*types.Chan); ok && sc.lit == nil {
					f.refuse(n.X.Pos(), "a range over a channel may block the worker: use chans.Chan, or bridge.Chan for a Go channel")
				}
			case *ast.SelectorExpr:
				if o := info.Uses[n.Sel]; isFrom(o, taskPath, "Pending") {
					f.refuse(n.Pos(), "a straight-line function neither sees nor returns Pending: call an operation")
				}
			case *ast.Ident:
				f.refuseIdent(n, stack, sc.f, sc.lit, sc.inDef)
			}
			return true
		})
	}
	visit(f.body, scope{f: f})
}

// refuseIdent looks at the uses of cx, yield and straight-line functions.
func (f *fun) refuseIdent(id *ast.Ident, stack []ast.Node, in *fun, lit *ast.FuncLit, deferred bool) {
	info := f.info()
	o := info.Uses[id]
	if o == nil {
		if v, ok := info.Defs[id].(*types.Var); ok && isCx(v.Type()) && lit == nil && v != in.cx && !inFuncType(stack) {
			f.refuse(id.Pos(), "%s would keep the *task.Cx, which is another one in each poll: use %s where it is needed", id.Name, in.cx.Name())
		}
		return
	}
	up := func(i int) ast.Node { // parentheses do not count
		for k := len(stack) - 2; k >= 0; k-- {
			if _, ok := stack[k].(*ast.ParenExpr); ok {
				continue
			}
			if i--; i == 0 {
				return stack[k]
			}
		}
		return nil
	}
	parent := up(1)
	if v, ok := o.(*types.Var); ok && isCx(v.Type()) && !v.IsField() {
		own := v == in.cx
		if !own {
			// a parameter of a literal that is none of ours, or the Cx of an outer function
			if lit != nil && v.Pos() >= lit.Pos() && v.Pos() < lit.End() {
				return
			}
			f.refuse(id.Pos(), "%s is the *task.Cx of another function: name the one of this one, and use that", id.Name)
			return
		}
		if lit != nil && deferred {
			f.refuse(id.Pos(), "%s cannot be used in a deferred function: it is another one when that runs: give the literal a parameter of its type, and the deferred call %[1]s as the argument", id.Name)
			return
		}
		switch p := parent.(type) {
		case *ast.CallExpr:
			if info.Types[p.Fun].IsType() {
				break
			}
			if d, ok := up(2).(*ast.DeferStmt); ok && lit == nil && d.Call == p && !f.takesCx(p, id) {
				f.refuse(id.Pos(), "%s is another one when the deferred call runs, or nil: only a parameter that is a *task.Cx can have it", id.Name)
			}
			if lit != nil && !f.immediate(lit, stack) {
				f.refuse(id.Pos(), "%s is used in a function literal that may be called later, when it is another one: give the literal a *task.Cx of its own", id.Name)
			}
			return
		case *ast.SelectorExpr:
			if c, ok := up(2).(*ast.CallExpr); ok && ast.Unparen(c.Fun) == p {
				if d, ok := up(3).(*ast.DeferStmt); ok && lit == nil && d.Call == c {
					f.refuse(id.Pos(), "%s is another one when the deferred call runs, or nil, which has no methods: call %s before the return statement", id.Name, types.ExprString(p))
				}
				if lit != nil && !f.immediate(lit, stack) {
					f.refuse(id.Pos(), "%s is used in a function literal that may be called later, when it is another one: give the literal a *task.Cx of its own", id.Name)
				}
				return
			}
		}
		f.refuse(id.Pos(), "the *task.Cx can be an argument and a receiver, and not be kept: it is another one in each poll")
		return
	}
	if fn, ok := o.(*types.Func); ok && f.unit.machineOf(fn) != nil {
		// It has to be what is called.
		for k := len(stack) - 1; k > 0; k-- {
			switch p := stack[k-1].(type) {
			case *ast.ParenExpr, *ast.IndexExpr, *ast.IndexListExpr:
				continue
			case *ast.SelectorExpr:
				if p.Sel == stack[k] {
					continue
				}
			case *ast.CallExpr:
				if p.Fun == stack[k] {
					if k >= 2 {
						switch stack[k-2].(type) {
						case *ast.GoStmt, *ast.DeferStmt:
							return // said already
						}
					}
					return
				}
			}
			break
		}
		f.refuse(id.Pos(), "%s is a straight-line function, and no value: start it with %s(...), or call it", id.Name, f.unit.constructor(f.unit.machineOf(fn)))
		return
	}
	if in.yield != nil && o == in.yield {
		if c, ok := parent.(*ast.CallExpr); ok && lit == nil {
			if ast.Unparen(c.Fun) == id || in.waits(c) == awaited && len(c.Args) > 0 && ast.Unparen(c.Args[len(c.Args)-1]) == id {
				return
			}
		}
		f.refuse(id.Pos(), "yield can be called, and handed on to another generator, and nothing else")
	}
}

// takesCx reports whether an argument of a call is for a parameter that is a *task.Cx.
func (f *fun) takesCx(c *ast.CallExpr, arg *ast.Ident) bool {
	sig, ok := coreOf(f.info().TypeOf(c.Fun)).(*types.Signature)
	for i, a := range c.Args {
		if ok && ast.Unparen(a) == arg {
			t := paramType(sig, i, c.Ellipsis.IsValid())
			return t != nil && isCx(t)
		}
	}
	return false
}

// inFuncType reports whether the identifier at the top of the stack is a parameter's name in a
// type.
func inFuncType(stack []ast.Node) bool {
	for k := len(stack) - 1; k >= 0; k-- {
		switch stack[k].(type) {
		case *ast.FuncType:
			return true
		case *ast.Ident, *ast.Field, *ast.FieldList:
			continue
		}
		return false
	}
	return false
}

// immediate reports whether the literal is called where it stands: by itself, or as an
// argument of a call that does not wait.
func (f *fun) immediate(lit *ast.FuncLit, stack []ast.Node) bool {
	for k := len(stack) - 1; k > 0; k-- {
		if stack[k] != lit.Body && stack[k] != lit {
			continue
		}
		for j := k - 1; j >= 0; j-- {
			switch p := stack[j].(type) {
			case *ast.FuncLit, *ast.ParenExpr:
				continue
			case *ast.CallExpr:
				return !isLater(stack, j) && !f.starts(p)
			}
			return false
		}
	}
	return false
}

func isLater(stack []ast.Node, j int) bool {
	if j == 0 {
		return false
	}
	switch stack[j-1].(type) {
	case *ast.GoStmt, *ast.DeferStmt:
		return true
	}
	return false
}

// starts reports whether a call may keep a function that it is given.
func (f *fun) starts(c *ast.CallExpr) bool {
	o := callee(f.info(), c)
	if o == nil {
		_, lit := ast.Unparen(c.Fun).(*ast.FuncLit)
		return !lit
	}
	return o.Pkg() == nil || strings.HasPrefix(o.Pkg().Path(), "github.com/heist-go/heist/") || o.Name() == "AfterFunc"
}
