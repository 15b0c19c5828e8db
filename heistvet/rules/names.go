package rules

import (
	"go/ast"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/types/typeutil"
)

// module is the library's. Its packages have their operations in these folders.
const module = "github.com/heist-go/heist"

// library reports whether pkg is one of the library's, examples and the like not included.
func library(pkg *types.Package) bool {
	path, ok := strings.CutPrefix(pathOf(pkg), module+"/")
	top, _, _ := strings.Cut(strings.TrimSuffix(path, "_test"), "/")
	return ok && (top == "task" || top == "pool" || top == "reactor")
}

func pathOf(pkg *types.Package) string {
	if pkg == nil {
		return ""
	}
	return pkg.Path()
}

// named returns the named type of t, or of what it points to, or nil.
func named(t types.Type) *types.TypeName {
	t = types.Unalias(t)
	if p, ok := t.(*types.Pointer); ok {
		t = types.Unalias(p.Elem())
	}
	if n, ok := t.(*types.Named); ok {
		return n.Origin().Obj()
	}
	return nil
}

// is reports whether obj is one of what the names say: "sync.Mutex", "task.Group.Go".
// Packages of the library go by their path below it.
func is(obj types.Object, names ...string) bool {
	switch o := obj.(type) {
	case *types.Func:
		return o != nil && slices.Contains(names, nameOf(o))
	case *types.Var:
		return o != nil && slices.Contains(names, nameOf(o))
	case *types.TypeName:
		return o != nil && slices.Contains(names, nameOf(o))
	}
	return false
}

func nameOf(obj types.Object) string {
	name := obj.Name()
	if f, ok := obj.(*types.Func); ok {
		if recv := f.Signature().Recv(); recv != nil {
			if t := named(recv.Type()); t != nil {
				name = t.Name() + "." + name
			}
		}
	}
	return strings.TrimPrefix(pathOf(obj.Pkg()), module+"/") + "." + name
}

// isCx reports whether t is *task.Cx.
func isCx(t types.Type) bool {
	if _, ok := types.Unalias(t).(*types.Pointer); !ok {
		return false
	}
	n := named(t)
	return n != nil && n.Name() == "Cx" && pathOf(n.Pkg()) == module+"/task"
}

var errorType = types.Universe.Lookup("error").Type()

func isError(t types.Type) bool { return t != nil && types.Identical(t, errorType) }

// polled reports whether sig is that of a poll function: it is given a *task.Cx, and its
// last result is an error.
func polled(sig *types.Signature) bool {
	n := sig.Results().Len()
	return n > 0 && isError(sig.Results().At(n-1).Type()) && cxOf(sig) != nil
}

// cxOf returns the parameter, or the receiver, that is a *task.Cx.
func cxOf(sig *types.Signature) *types.Var {
	if r := sig.Recv(); r != nil && isCx(r.Type()) {
		return r
	}
	for v := range sig.Params().Variables() {
		if isCx(v.Type()) {
			return v
		}
	}
	return nil
}

// callee returns the function or method that is called, of generic ones the original, or
// nil if that is a value.
func callee(info *types.Info, call *ast.CallExpr) *types.Func {
	if f, ok := typeutil.Callee(info, call).(*types.Func); ok {
		return f.Origin()
	}
	return nil
}

// signature returns the type of what is called, or nil for conversions and built-ins.
func signature(info *types.Info, call *ast.CallExpr) *types.Signature {
	t := info.TypeOf(call.Fun)
	if t == nil || info.Types[call.Fun].IsType() {
		return nil
	}
	sig, _ := t.Underlying().(*types.Signature)
	return sig
}

// signatureOf returns the type of a literal.
func signatureOf(info *types.Info, lit *ast.FuncLit) *types.Signature {
	if sig, ok := info.TypeOf(lit).(*types.Signature); ok {
		return sig
	}
	return new(types.Signature)
}

// isBuiltin reports whether call is of the built-in function, and not of one with its name.
func isBuiltin(info *types.Info, call *ast.CallExpr, name string) bool {
	b, ok := typeutil.Callee(info, call).(*types.Builtin)
	return ok && b.Name() == name
}

// inPlace reports whether what v consists of is in v itself.
func inPlace(v *types.Var) bool {
	switch v.Type().Underlying().(type) {
	case *types.Struct, *types.Array:
		return true
	}
	return false
}

// variable returns the variable that e names, or nil.
func variable(info *types.Info, e ast.Expr) *types.Var {
	if id, ok := ast.Unparen(e).(*ast.Ident); ok {
		v, _ := info.ObjectOf(id).(*types.Var)
		return v
	}
	return nil
}

// root returns the variable at the left end of e, as x in x.f[i].g, or nil.
func root(info *types.Info, e ast.Expr) *types.Var {
	for {
		switch x := ast.Unparen(e).(type) {
		case *ast.Ident:
			return variable(info, x)
		case *ast.SelectorExpr:
			if v, ok := info.Uses[x.Sel].(*types.Var); ok && !v.IsField() { // a package's
				return v
			}
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.UnaryExpr:
			e = x.X
		default:
			return nil
		}
	}
}
