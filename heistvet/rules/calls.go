package rules

import (
	"go/ast"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/analysis"
)

// This file is what rules and the generator know in common of lent bytes: what calls do with them.

// Calls knows what the calls of a package do with lent bytes. It is for who follows these bytes in another way
// than the rules do. One goroutine at a time may use it.
type Calls struct{ ops *ops }

// NewCalls returns what is known of the calls of a package, by its source and by tables. Of other packages than the standard
// library and this one nothing is known.
func NewCalls(fset *token.FileSet, files []*ast.File, pkg *types.Package, info *types.Info) *Calls {
	o := newOps(&analysis.Pass{Fset: fset, Files: files, Pkg: pkg, TypesInfo: info,
		ExportObjectFact: func(types.Object, analysis.Fact) {},
		ImportObjectFact: func(obj types.Object, to analysis.Fact) bool {
			s, ok := to.(*summary)
			if ok && library(obj.Pkg()) {
				s.Marks = libraryMarks[nameOf(obj)]
			}
			return ok
		},
	})
	o.declare()
	o.summarize()
	return &Calls{o}
}

// Gives returns the operands of a call whose bytes the i-th of its results may have, and whether the call lends some. known is
// false if nothing is known of what is called.
func (c *Calls) Gives(call *ast.CallExpr, i int) (from []ast.Expr, lends, known bool) {
	return c.ops.giving(call, i)
}

// Puts calls do for what a call puts from one of its operands into the memory of another.
func (c *Calls) Puts(call *ast.CallExpr, do func(to, from ast.Expr)) {
	c.ops.putting(call, func(to ast.Expr, of mask, each func(func(ast.Expr))) { each(func(e ast.Expr) { do(to, e) }) })
}

// Keeps calls do for the operands that are there when a call has returned, and the poll, too. where says where.
func (c *Calls) Keeps(call *ast.CallExpr, do func(e ast.Expr, where string)) { c.ops.keeping(call, do) }

// Detaches reports whether what is called calls the functions that it is given in another poll, or on another thread.
func (c *Calls) Detaches(call *ast.CallExpr) bool {
	f := callee(c.ops.pass.TypesInfo, call)
	return f != nil && (is(f, starters...) || is(f, later...) || forks(f))
}

// Lends reports whether e is a function that lends bytes, and is not called: c.Next.
func (c *Calls) Lends(e ast.Expr) bool {
	f := callee(c.ops.pass.TypesInfo, &ast.CallExpr{Fun: ast.Unparen(e)})
	s := c.ops.summary(f)
	lends := s.Marks.has(lent)
	for _, m := range s.Gives {
		lends = lends || m&lentBit != 0
	}
	return lends
}

// Consumes reports whether what is called is an operation of the library that would begin anew if it were called again when it is
// over.
func (c *Calls) Consumes(call *ast.CallExpr) bool {
	f := callee(c.ops.pass.TypesInfo, call)
	return f != nil && library(f.Pkg()) && f.Pkg() != c.ops.pass.Pkg && polled(f.Signature()) && !c.ops.marked(f, sticky)
}

// Owns reports whether what a variable of the function consists of, or points to, is made in it: it ends with the function, and
// nobody else knows it.
func (c *Calls) Owns(f *ast.FuncDecl, v *types.Var) bool { return c.ops.valuesOf(f).mine(v) }

// BytesIn reports whether bytes can be reached from a value of type t.
func BytesIn(t types.Type) bool { return bytesIn(t) }

// libraryMarks are the marks of the library for who does not read its source.
var libraryMarks = map[string]marks{
	"reactor.Conn.Next": lent, "reactor.Conn.ReadUntil": lent, "task.Cx.Scratch": lent,

	"reactor.Conn.Post": keeps, "task.DelayQueue.Add": keeps, "task.Promise.Resolve": keeps,
	"task/chans.Broadcast.Send": keeps, "task/chans.Chan.Send": keeps, "task/chans.Chan.TrySend": keeps,
	"task/chans.Mailbox.Send": keeps, "task/chans.Mailbox.TrySend": keeps, "task/chans.NewWatch": keeps,
	"task/chans.Oneshot.Send": keeps, "task/chans.Permit.Send": keeps, "task/chans.Watch.Set": keeps,
	"task/stream.Sender.Send": keeps,

	"reactor.Conn.Flush": sticky, "reactor.Serve": sticky, "reactor.Source.Wait": sticky, "task.Cx.Spend": sticky,
	"task.Cx.Suspend": sticky, "task.Cx.Yield": sticky, "task.Frame.Wait": sticky, "task.Group.Wait": sticky, "task.Handle.Wait": sticky,
	"task.Promise.Wait": sticky, "task.Seq.Run": sticky, "task.Timer.Wait": sticky, "task.WaitSet.Wait": sticky,
	"task.WaitSet.WaitFor": sticky, "task/bridge.Context.Done": sticky, "task/bridge.Goroutines.Wait": sticky,
	"task/lock.Event.Wait": sticky, "task/lock.Notify.WaitPast": sticky, "task/lock.Once.Do": sticky, "task/lock.OnceValue.Get": sticky,
	"task/lock.Permit.Acquire": sticky, "task/stream.Fold": sticky, "task/stream.Stream.Close": sticky,
	"task/stream.Stream.Collect": sticky, "task/stream.Stream.ForEach": sticky, "task/stream.Stream.Peek": sticky,
	"task/stream.Stream.Send": sticky,
}

// giving is [Calls.Gives].
func (o *ops) giving(call *ast.CallExpr, i int) (from []ast.Expr, lends, known bool) {
	info := o.pass.TypesInfo
	if info.Types[call.Fun].IsType() { // a conversion: of a string it is a copy
		return call.Args[:1], false, true
	}
	if isBuiltin(info, call, "append") {
		from = call.Args[:1]
		if elem := element(info.TypeOf(call)); elem == nil || carries(elem) {
			from = call.Args
		}
		return from, false, true
	}
	f := callee(info, call)
	if f == nil {
		return nil, false, info.Types[call.Fun].IsBuiltin()
	}
	elem := element(info.TypeOf(call))
	if name := nameOf(f); aliases.MatchString(name) || collectors.MatchString(name) && (elem == nil || carries(elem)) {
		return given(o.args(call, f)), false, true
	}
	s := o.summary(f)
	of := s.Gives[min(i, len(s.Gives)-1)]
	o.each(call, f, of, func(e ast.Expr) { from = append(from, e) })
	known = f.Pkg() == o.pass.Pkg && !isInterface(f) || library(f.Pkg()) || f.Pkg() == nil || standardPath(f.Pkg().Path())
	return from, s.Marks.has(lent) || of&lentBit != 0, known
}

// given are those of a call's operands that there are.
func given(args []ast.Expr) (list []ast.Expr) {
	for _, e := range args {
		if e != nil {
			list = append(list, e)
		}
	}
	return list
}

// putting calls do for each operand of a call that others are put into: with the mask of these, and a function that goes through
// them.
func (o *ops) putting(call *ast.CallExpr, do func(to ast.Expr, of mask, each func(func(ast.Expr)))) {
	info := o.pass.TypesInfo
	if isBuiltin(info, call, "copy") { // of what are no bytes: the elements
		if elem := element(info.TypeOf(call.Args[0])); elem != nil && carries(elem) {
			do(&ast.IndexExpr{X: call.Args[0]}, 0, func(from func(ast.Expr)) { from(call.Args[1]) })
		}
		return
	}
	f := callee(info, call)
	if f == nil {
		return
	}
	s := o.summary(f)
	args := o.args(call, f)
	for i, of := range s.Into {
		if of != 0 && i < len(args) && args[i] != nil {
			do(args[i], of, func(from func(ast.Expr)) { o.each(call, f, of, from) })
		}
	}
}

// keeping is [Calls.Keeps].
func (o *ops) keeping(call *ast.CallExpr, do func(e ast.Expr, where string)) {
	f := callee(o.pass.TypesInfo, call)
	if f == nil {
		return
	}
	s := o.summary(f)
	if s.Marks.has(keeps) || keepers.MatchString(nameOf(f)) {
		for _, e := range call.Args {
			do(e, "by who receives it")
		}
		return
	}
	if is(f, starters...) {
		for _, e := range call.Args {
			do(e, "by the task")
		}
	}
	if is(f, later...) && !forks(f) {
		for _, e := range call.Args {
			if _, ok := o.only(e).(*ast.FuncLit); ok {
				do(e, "by a function that runs later")
			}
		}
	}
	o.each(call, f, s.Keeps, func(e ast.Expr) { do(e, "by "+types.ExprString(call.Fun)) })
}
