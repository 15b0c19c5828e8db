package rules

import (
	"go/ast"
	"go/types"
	"strings"
)

// marks are what the author of a function has said about it, by a directive in its comment:
//
//	//heist:sticky
//
// They stand at functions, methods, and the methods of interfaces, of the library and of
// others. In a summary they cross packages.
type marks uint8

const (
	// sticky: called again after it is over, it answers at once. It may be repeated.
	sticky marks = 1 << iota
	// lent: the bytes that it returns are the worker's, until the poll returns.
	lent
	// keeps: what it is given is there when it has returned, and the poll, too.
	keeps
)

var markNames = map[string]marks{"sticky": sticky, "lent": lent, "keeps": keeps}

func (m marks) has(one marks) bool { return m&one != 0 }

// marksIn reads the directives of a comment. bad is called for each that says nothing about
// such a function.
func marksIn(doc *ast.CommentGroup, sig *types.Signature, bad func(c *ast.Comment, why string)) (found marks) {
	if doc == nil {
		return 0
	}
	for _, c := range doc.List {
		name, ok := strings.CutPrefix(c.Text, "//heist:")
		if !ok {
			continue
		}
		name, _, _ = strings.Cut(strings.TrimSpace(name), " ")
		switch m := markNames[name]; {
		case m == 0 && (name == "task" || name == "twin"): // the generator's
		case m == 0:
			bad(c, "there is no such mark: they are sticky, lent and keeps")
		case m == sticky && !polled(sig):
			bad(c, "only an operation is sticky: it is given a *task.Cx, and returns an error")
		case m == lent && !yields(sig, bytesIn):
			bad(c, "only bytes are lent, and this returns none")
		case m == keeps && sig.Params().Len() == 0:
			bad(c, "this is given nothing that it could keep")
		default:
			found |= m
		}
	}
	return found
}

// yields reports whether one of the results is of such a type.
func yields(sig *types.Signature, such func(types.Type) bool) bool {
	for v := range sig.Results().Variables() {
		if !isError(v.Type()) && such(v.Type()) {
			return true
		}
	}
	return false
}

// eachMarked calls f for each function, method, and method of an interface in the package that has
// a comment.
func eachMarked(files []*ast.File, info *types.Info, f func(obj *types.Func, doc *ast.CommentGroup)) {
	for _, file := range files {
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if obj, ok := info.Defs[d.Name].(*types.Func); ok && d.Doc != nil {
					f(obj, d.Doc)
				}
			case *ast.GenDecl:
				ast.Inspect(d, func(n ast.Node) bool {
					t, ok := n.(*ast.InterfaceType)
					if !ok {
						return true
					}
					for _, m := range t.Methods.List {
						for _, name := range m.Names {
							if obj, ok := info.Defs[name].(*types.Func); ok && m.Doc != nil {
								f(obj, m.Doc)
							}
						}
					}
					return true
				})
			}
		}
	}
}

// marked reports whether f, of this or another package, is marked.
func (o *ops) marked(f *types.Func, m marks) bool { return o.summary(f).Marks.has(m) }

// Mark finds marks that say nothing.
var Mark = rule("mark", `a //heist: mark that says nothing

//heist:sticky stands at an operation that may be called again when it is over, //heist:lent at
a function whose bytes are the worker's, //heist:keeps at one that keeps what it is given.`, mark)

func mark(c *check) {
	eachMarked(c.Files, c.TypesInfo, func(obj *types.Func, doc *ast.CommentGroup) {
		marksIn(doc, obj.Signature(), func(at *ast.Comment, why string) { c.report(at, "%s", why) })
	})
}
