package gen

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/printer"
	"go/token"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// names of what is made of a function.

func baseName(fd *ast.FuncDecl) string {
	if words := directive(fd.Doc); words != nil {
		for _, w := range words {
			if n, ok := strings.CutPrefix(w, "name="); ok {
				return n
			}
		}
	}
	name := fd.Name.Name
	if fd.Recv != nil && len(fd.Recv.List) == 1 {
		name = lowerFirst(receiverName(fd.Recv.List[0].Type)) + upperFirst(name)
		if fd.Name.IsExported() && ast.IsExported(receiverName(fd.Recv.List[0].Type)) {
			name = upperFirst(name)
		}
	}
	return name
}

func receiverName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiverName(e.X)
	case *ast.ParenExpr:
		return receiverName(e.X)
	case *ast.IndexExpr:
		return receiverName(e.X)
	case *ast.IndexListExpr:
		return receiverName(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

func upperFirst(s string) string {
	r := []rune(s)
	if len(r) > 0 {
		r[0] = unicode.ToUpper(r[0])
	}
	return string(r)
}

func lowerFirst(s string) string {
	r := []rune(s)
	if len(r) > 0 {
		r[0] = unicode.ToLower(r[0])
	}
	return string(r)
}

func newName(base string) string {
	if ast.IsExported(base) {
		return "New" + base
	}
	return "new" + upperFirst(base)
}

// stub returns declarations of what the output for a source will declare, so that the
// source type-checks without it.
func stub(fset *token.FileSet, f *ast.File, generics map[string]generic) []byte {
	var b bytes.Buffer
	used := map[string]bool{}
	machine, cx, context := false, false, false
	seen := map[string]bool{}
	imports := append([]*ast.ImportSpec(nil), f.Imports...)
	text := func(n ast.Node) string {
		var b bytes.Buffer
		_ = printer.Fprint(&b, fset, n)
		ast.Inspect(n, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := s.X.(*ast.Ident); ok {
					used[x.Name] = true
				}
			}
			return true
		})
		return b.String()
	}
	for _, d := range f.Decls {
		fd, ok := d.(*ast.FuncDecl)
		if !ok || directive(fd.Doc) == nil {
			continue
		}
		base := baseName(fd)
		if seen[base] {
			continue // said when it is compiled
		}
		seen[base] = true
		tps, targs := "", ""
		var params, results []string
		gen := ""
		if fd.Type.TypeParams != nil {
			var names, decls []string
			for _, fl := range fd.Type.TypeParams.List {
				for _, n := range fl.Names {
					name := n.Name
					if name == "_" {
						name = fmt.Sprintf("P%d", len(names))
					}
					names = append(names, name)
					decls = append(decls, name+" "+constraintText(text(fl.Type)))
				}
			}
			tps, targs = "["+strings.Join(decls, ", ")+"]", "["+strings.Join(names, ", ")+"]"
		}
		if fd.Recv != nil && len(fd.Recv.List) == 1 {
			r := fd.Recv.List[0]
			if list := typeArgs(r.Type); len(list) > 0 {
				var decls []string
				g := generics[receiverName(r.Type)]
				constraints := g.constraints()
				for i, n := range list {
					if n == "_" {
						list[i] = fmt.Sprintf("P%d", i)
					}
					c := "any"
					if i < len(constraints) {
						c = text(constraints[i])
						imports = append(imports, g.file.Imports...)
					}
					decls = append(decls, list[i]+" "+constraintText(c))
				}
				tps, targs = "["+strings.Join(decls, ", ")+"]", "["+strings.Join(list, ", ")+"]"
				t := receiverName(r.Type) + targs
				if _, ok := r.Type.(*ast.StarExpr); ok {
					t = "*" + t
				}
				params = append(params, "_ "+t)
			} else {
				params = append(params, "_ "+text(r.Type))
			}
		}
		for i, fl := range fd.Type.Params.List {
			n := max(1, len(fl.Names))
			if i == 0 {
				if n--; n == 0 {
					continue
				}
			}
			if len(fl.Names) > 0 && fl.Names[len(fl.Names)-1].Name == "yield" {
				if ft, ok := fl.Type.(*ast.FuncType); ok && ft.Params.NumFields() == 1 {
					gen = text(ft.Params.List[0].Type)
					n--
				}
			}
			for range n {
				params = append(params, "_ "+text(fl.Type))
			}
		}
		if fd.Type.Results != nil {
			for _, fl := range fd.Type.Results.List {
				for range max(1, len(fl.Names)) {
					results = append(results, text(fl.Type))
				}
			}
		}
		if slices.Contains(directive(fd.Doc), "context") {
			recv, tps, ps := "", tps, params
			if fd.Recv != nil && len(fd.Recv.List) == 1 {
				recv, tps, ps = "(_ "+text(fd.Recv.List[0].Type)+") ", "", params[1:]
			}
			if gen != "" {
				ps = append(slices.Clone(ps), "_ func("+gen+") bool")
			}
			ps = append([]string{"_ heistContext_.Context"}, ps...)
			fmt.Fprintf(&b, "func %s%s%s(%s) (%s) { panic(0) }\n", recv, fd.Name.Name+suffix, tps, strings.Join(ps, ", "), strings.Join(results, ", "))
			context = true
		}
		fmt.Fprintf(&b, "type %sCall%s struct { heistMachine_.Call }\n", base, tps)
		if gen != "" {
			fmt.Fprintf(&b, "type %sSeq%s struct { heistMachine_.Values[%s] }\n", base, tps, gen)
			fmt.Fprintf(&b, "func %s%s(%s) *%sSeq%s { panic(0) }\n", newName(base), tps, strings.Join(params, ", "), base, targs)
			machine = true
		} else {
			fmt.Fprintf(&b, "type %sTask%s struct { heistMachine_.Root }\n", base, tps)
			fmt.Fprintf(&b, "func (*%sTask%s) Poll(*heistTask_.Cx) error { panic(0) }\n", base, targs)
			fmt.Fprintf(&b, "func (*%sTask%s) Result() (%s) { panic(0) }\n", base, targs, strings.Join(results, ", "))
			fmt.Fprintf(&b, "func %s%s(%s) *%sTask%s { panic(0) }\n", newName(base), tps, strings.Join(params, ", "), base, targs)
			machine, cx = true, true
		}
	}
	var head bytes.Buffer
	fmt.Fprintf(&head, "package %s\n\n", f.Name.Name)
	if machine {
		fmt.Fprintf(&head, "import heistMachine_ %q\n", machinePath)
	}
	if cx {
		fmt.Fprintf(&head, "import heistTask_ %q\n", taskPath)
	}
	if context {
		fmt.Fprintf(&head, "import heistContext_ %q\n", "context")
	}
	for _, s := range imports {
		p, _ := strconv.Unquote(s.Path.Value)
		name := importName(s)
		if name != "." && !used[name] { // an import of all names may be for nothing
			continue
		}
		used[name] = false
		fmt.Fprintf(&head, "import %s %q\n", name, p)
	}
	return append(head.Bytes(), b.Bytes()...)
}

// constraintText is a constraint that a type declaration does not take for an array's length.
func constraintText(c string) string {
	if strings.HasPrefix(c, "*") {
		return "interface{ " + c + " }"
	}
	return c
}

// importName is the name of an import, guessed if it is not given.
func importName(s *ast.ImportSpec) string {
	if s.Name != nil {
		return s.Name.Name
	}
	p, _ := strconv.Unquote(s.Path.Value)
	base := path.Base(p)
	if len(base) > 1 && base[0] == 'v' && strings.Trim(base[1:], "0123456789") == "" && path.Dir(p) != "." {
		base = path.Base(path.Dir(p))
	}
	if i := strings.Index(base, ".v"); i > 0 {
		base = base[:i]
	}
	base = strings.TrimPrefix(base, "go-")
	return strings.ReplaceAll(base, "-", "_")
}

func typeArgs(e ast.Expr) (list []string) {
	switch e := e.(type) {
	case *ast.StarExpr:
		return typeArgs(e.X)
	case *ast.ParenExpr:
		return typeArgs(e.X)
	case *ast.IndexExpr:
		if id, ok := e.Index.(*ast.Ident); ok {
			return []string{id.Name}
		}
	case *ast.IndexListExpr:
		for _, x := range e.Indices {
			if id, ok := x.(*ast.Ident); ok {
				list = append(list, id.Name)
			}
		}
	}
	return list
}

// generic is the declaration of a generic type.
type generic struct {
	file *ast.File
	spec *ast.TypeSpec
}

func (g generic) constraints() (list []ast.Expr) {
	if g.spec == nil {
		return nil
	}
	for _, f := range g.spec.TypeParams.List {
		for range f.Names {
			list = append(list, f.Type)
		}
	}
	return list
}

// genericTypes adds the generic types that a file declares.
func genericTypes(f *ast.File, to map[string]generic) {
	for _, d := range f.Decls {
		gd, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, s := range gd.Specs {
			if ts, ok := s.(*ast.TypeSpec); ok && ts.TypeParams != nil {
				to[ts.Name.Name] = generic{f, ts}
			}
		}
	}
}
