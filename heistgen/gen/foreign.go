package gen

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"slices"
	"strings"
)

// This file finds straight-line functions of other packages. Their types come from export data,
// which says where they are declared; what their machines are called is read there.

// machineOf returns the straight-line function that o is, of this package or another, or nil.
func (u *unit) machineOf(o *types.Func) *fun {
	o = o.Origin()
	if f, ok := u.funcs[o]; ok {
		return f
	}
	if o.Pkg() == nil || o.Pkg() == u.Types || !isOperation(o.Signature()) {
		return nil
	}
	f := u.foreign(o)
	u.funcs[o] = f // nil, too: it is asked for again
	return f
}

// constructor is how the constructor of f is called from here.
func (u *unit) constructor(f *fun) string {
	if f.obj.Pkg() != u.Types {
		return f.obj.Pkg().Name() + "." + newName(f.name)
	}
	return newName(f.name)
}

func (u *unit) foreign(o *types.Func) *fun {
	name := u.Fset.Position(o.Pos()).Filename
	if name == "" || strings.HasSuffix(name, "_heist.go") {
		return nil
	}
	decls, ok := u.others[name]
	if !ok {
		decls = straightIn(name)
		if u.others == nil {
			u.others = map[string]map[string]*ast.FuncDecl{}
		}
		u.others[name] = decls
	}
	key := o.Name()
	if r := o.Signature().Recv(); r != nil {
		t := types.Unalias(r.Type())
		if p, ok := t.(*types.Pointer); ok {
			t = types.Unalias(p.Elem())
		}
		n, ok := t.(*types.Named)
		if !ok {
			return nil
		}
		key = n.Obj().Name() + "." + key
	}
	fd := decls[key]
	if fd == nil {
		return nil
	}
	f := &fun{unit: u, decl: fd, obj: o, sig: o.Signature(), name: baseName(fd), elsewhere: true}
	f.context = slices.Contains(directive(fd.Doc), "context")
	f.parameters()
	return f
}

// straightIn returns the straight-line functions of a file, methods as Type.name.
func straightIn(name string) map[string]*ast.FuncDecl {
	text, err := os.ReadFile(name)
	if err != nil || !strings.Contains(string(text), "//heist:task") {
		return nil
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil
	}
	if _, ok := tagged(constraintOf(file)); !ok {
		return nil
	}
	m := map[string]*ast.FuncDecl{}
	for _, d := range file.Decls {
		fd, ok := d.(*ast.FuncDecl)
		if !ok || directive(fd.Doc) == nil {
			continue
		}
		key := fd.Name.Name
		if fd.Recv != nil && len(fd.Recv.List) == 1 {
			key = receiverName(fd.Recv.List[0].Type) + "." + key
		}
		m[key] = fd
	}
	return m
}

// refuseForeign says why a straight-line function of another package cannot be awaited here.
func (f *fun) refuseForeign(c *ast.CallExpr, g *fun) {
	if ast.IsExported(g.name) {
		return
	}
	f.refuse(c.Pos(), "the machine of %s is called %sCall, which other packages cannot name: write `//heist:task name=%s` there", types.ExprString(c.Fun), g.name, upperFirst(g.name))
}
