package harness

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// check parses a program and checks its types.
func check(name string, text []byte) (*token.FileSet, *ast.File, *types.Package, *types.Info, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, text, parser.SkipObjectResolution)
	if err != nil {
		return nil, nil, nil, nil, Why("it does not parse")
	}
	info := &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{},
		Selections: map[*ast.SelectorExpr]*types.Selection{}, Instances: map[*ast.Ident]types.Instance{}, Implicits: map[ast.Node]types.Object{},
	}
	conf := types.Config{Importer: Importer, GoVersion: "go1.26"}
	pkg, err := conf.Check("main", fset, []*ast.File{file}, info)
	if err != nil {
		return nil, nil, nil, nil, Why("it does not type-check")
	}
	return fset, file, pkg, info, nil
}

// Lazy returns the program with its initializers moved into main, in their order, so that a binary
// can hold it and not run it. It reports false where that cannot be written.
func Lazy(name string, text []byte) ([]byte, bool) {
	e, err := newEdits(name, text)
	if err != nil {
		return text, false
	}
	file, pkg, info := e.file, e.pkg, e.info
	spelled := true
	spell := func(t types.Type) string {
		text, ok := e.spell(t)
		spelled = spelled && ok
		return text
	}

	var start strings.Builder
	moves := false
	for _, in := range info.InitOrder {
		moves = moves || mayAct(info, in.Rhs)
	}
	if moves {
		for _, d := range file.Decls {
			gd, ok := d.(*ast.GenDecl)
			if !ok || gd.Tok != token.VAR {
				continue
			}
			for _, s := range gd.Specs {
				s := s.(*ast.ValueSpec)
				if len(s.Values) == 0 {
					continue
				}
				var lines []string
				for _, n := range s.Names {
					if n.Name != "_" {
						lines = append(lines, n.Name+" "+spell(info.Defs[n].Type()))
					}
				}
				switch with := strings.Join(lines, "\n"); {
				case gd.Lparen.IsValid():
					e.replace(s, with)
				default:
					e.replace(gd, "var (\n"+with+"\n)")
				}
			}
		}
		for _, in := range info.InitOrder {
			if len(in.Lhs) == 1 && in.Lhs[0].Name() == "_" {
				fmt.Fprintf(&start, "\tvar _ %s = %s\n", spell(in.Lhs[0].Type()), e.source(in.Rhs))
				continue
			}
			var names []string
			for _, v := range in.Lhs {
				names = append(names, v.Name())
			}
			fmt.Fprintf(&start, "\t%s = %s\n", strings.Join(names, ", "), e.source(in.Rhs))
		}
	}
	inits := 0
	for _, d := range file.Decls {
		if fd, ok := d.(*ast.FuncDecl); ok && fd.Recv == nil && fd.Name.Name == "init" {
			inits++
			fmt.Fprintf(&start, "\theistInit%d()\n", inits)
			e.replace(fd.Name, fmt.Sprintf("heistInit%d", inits))
		}
	}
	if !spelled {
		return text, false
	}
	if start.Len() == 0 {
		return text, true
	}
	main := pkg.Scope().Lookup("main")
	if main == nil {
		return text, false
	}
	rename := func(ids map[*ast.Ident]types.Object) {
		for id, o := range ids {
			if o == main {
				e.replace(id, "heistProgram")
			}
		}
	}
	rename(info.Defs)
	if moves && usedIn(info, main) {
		return text, false // one of the texts that have moved may hold it
	}
	rename(info.Uses)
	return fmt.Appendf(e.apply(), "\nfunc main() {\n%s\theistProgram()\n}\n", start.String()), true
}

func usedIn(info *types.Info, o types.Object) bool {
	for _, u := range info.Uses {
		if u == o {
			return true
		}
	}
	return false
}

// mayAct reports whether an initializer may do more than give its variable a value: call something,
// or panic.
func mayAct(info *types.Info, e ast.Expr) (acts bool) {
	ast.Inspect(e, func(n ast.Node) bool {
		x, ok := n.(ast.Expr)
		if !ok || acts {
			return !acts
		}
		tv := info.Types[x]
		if tv.IsType() || tv.Value != nil {
			return false
		}
		switch x := x.(type) {
		case *ast.FuncLit:
			return false
		case *ast.CallExpr:
			fn := info.Types[ast.Unparen(x.Fun)]
			if fn.IsType() {
				_, slice := info.TypeOf(x.Args[0]).Underlying().(*types.Slice)
				_, basic := tv.Type.Underlying().(*types.Basic)
				acts = slice && !basic
				return true
			}
			id, ok := ast.Unparen(x.Fun).(*ast.Ident)
			acts = !fn.IsBuiltin() || !ok || !slices.Contains([]string{"len", "cap", "new", "append", "complex", "real", "imag", "min", "max"}, id.Name)
			if acts && ok && id.Name == "make" && fn.IsBuiltin() {
				acts = false
				for _, a := range x.Args[1:] {
					acts = acts || info.Types[a].Value == nil
				}
			}
		case *ast.UnaryExpr:
			acts = x.Op == token.ARROW
		case *ast.StarExpr, *ast.TypeAssertExpr, *ast.IndexExpr, *ast.SliceExpr:
			acts = true
		case *ast.SelectorExpr:
			if s := info.Selections[x]; s != nil {
				acts = true
			}
		case *ast.BinaryExpr:
			acts = x.Op == token.QUO || x.Op == token.REM || x.Op == token.SHL || x.Op == token.SHR || x.Op == token.EQL || x.Op == token.NEQ
		case *ast.CompositeLit:
			if m, ok := tv.Type.Underlying().(*types.Map); ok && types.IsInterface(m.Key()) {
				acts = true
			}
		}
		return !acts
	})
	return acts
}
