package rules

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// summary is what is known of any function: what it does with what it is given, and to the thread
// that calls it. It is a fact, so that callers in other packages know it, too. Of the standard
// library there is none, but tables; of this one there are the marks.
type summary struct {
	Marks  marks
	Blocks string  // how it stops the thread that calls it, or nothing; it has no *task.Cx
	Keeps  mask    // what it keeps when it has returned, somewhere
	Into   [4]mask // what it puts into its receiver, and into its first parameters
	Gives  [4]mask // what is in its results
	Later  mask    // functions that it has called later, or elsewhere
	Clears mask    // tasks that it overwrites
	Fresh  bool    // what it returns is new
}

func (*summary) AFact() {}

func (s *summary) String() string {
	text := "is:"
	for name, m := range markNames {
		if s.Marks == m {
			text += " " + name
		}
	}
	if s.Blocks != "" {
		text += " blocks by " + s.Blocks
	}
	for _, w := range []struct {
		name string
		is   bool
	}{
		{"keeps", s.Keeps != 0}, {"puts", s.Into != [4]mask{}}, {"gives", s.Gives[0]&^lentBit != 0},
		{"lends", s.Gives[0]&lentBit != 0}, {"defers", s.Later != 0}, {"clears", s.Clears != 0}, {"makes", s.Fresh},
	} {
		if w.is {
			text += " " + w.name
		}
	}
	return text
}

// mask is a set of what a function is given, the receiver first; and lentBit: bytes that are the
// worker's.
type mask uint64

const lentBit mask = 1 << 63

func bit(i int) mask {
	if i < 60 {
		return 1 << i
	}
	return 0
}

// standard reports whether a package is the standard library's: it is of no module.
func standard(pass *analysis.Pass) bool {
	if pass.Module != nil && pass.Module.Path != "" {
		return false
	}
	return standardPath(pass.Pkg.Path())
}

// standardPath reports whether a path looks like one of the standard library's.
func standardPath(path string) bool {
	first, _, more := strings.Cut(path, "/")
	return !strings.Contains(first, ".") && (more || token.IsIdentifier(first) && first != "main")
}

// declare reads the marks, and notes the functions and what local variables are given.
func (o *ops) declare() {
	info := o.pass.TypesInfo
	eachMarked(o.pass.Files, info, func(obj *types.Func, doc *ast.CommentGroup) {
		if m := marksIn(doc, obj.Signature(), func(*ast.Comment, string) {}); m != 0 {
			o.summaries[obj] = &summary{Marks: m}
		}
	})
	for _, f := range o.pass.Files {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Body != nil {
					o.declared = append(o.declared, n)
				}
			case *ast.AssignStmt:
				for i, e := range n.Lhs {
					if len(n.Lhs) == len(n.Rhs) {
						o.give(e, n.Rhs[i])
					} else {
						o.give(e, nil)
					}
				}
			case *ast.ValueSpec:
				for i, e := range n.Names {
					if len(n.Names) == len(n.Values) {
						o.give(e, n.Values[i])
					} else if len(n.Values) > 0 {
						o.give(e, nil)
					}
				}
			case *ast.RangeStmt:
				o.give(n.Key, nil)
				o.give(n.Value, nil)
			case *ast.CallExpr:
				if is(callee(info, n), "task.IsPending") && len(n.Args) == 1 {
					if x, ok := ast.Unparen(n.Args[0]).(*ast.SelectorExpr); ok {
						if v, ok := info.Uses[x.Sel].(*types.Var); ok {
							o.asked[v] = true
						}
					}
				}
			case *ast.UnaryExpr: // somebody may write to it
				if v := variable(info, n.X); v != nil && n.Op == token.AND {
					o.taken[v] = true
				}
			}
			return true
		})
	}
}

// give notes that a variable is given e, or something that is not known.
func (o *ops) give(to, e ast.Expr) {
	if to == nil {
		return
	}
	if v := variable(o.pass.TypesInfo, to); v != nil && !v.IsField() && v.Parent() != o.pass.Pkg.Scope() {
		o.given[v] = append(o.given[v], e)
	}
}

// only returns the one expression that a local variable is given, for e such a variable, or e.
func (o *ops) only(e ast.Expr) ast.Expr {
	for range 10 {
		e = ast.Unparen(e)
		v := variable(o.pass.TypesInfo, e)
		if v == nil || len(o.given[v]) != 1 || o.given[v][0] == nil {
			break
		}
		e = o.given[v][0]
	}
	return ast.Unparen(e)
}

// summary returns what is known of f, which is no more than f may be nil.
func (o *ops) summary(f *types.Func) summary {
	switch {
	case f == nil:
	case f.Pkg() == o.pass.Pkg:
		if s := o.summaries[f]; s != nil {
			return *s
		}
	default:
		var s summary
		o.pass.ImportObjectFact(f, &s)
		return s
	}
	return summary{}
}

// summarize finds out about the package's functions, and tells other packages. Each round may find
// functions that call those of the round before, and adds to what is known.
func (o *ops) summarize() {
	own := !o.library()
	for changed, round := own, 0; changed && round < 20; round++ {
		changed = false
		for _, d := range o.declared {
			f, ok := o.pass.TypesInfo.Defs[d.Name].(*types.Func)
			if !ok {
				continue
			}
			s := o.summary(f)
			before := s
			o.examine(f, d, &s)
			if s != before {
				o.summaries[f] = &s
				changed = true
			}
		}
	}
	for f, s := range o.summaries {
		if *s != (summary{}) {
			o.pass.ExportObjectFact(f, s)
		}
	}
}

// library reports whether the package is one of the library's, whose functions are known by
// name and by their marks.
func (o *ops) library() bool { return library(o.pass.Pkg) }

func (o *ops) examine(f *types.Func, d *ast.FuncDecl, s *summary) {
	if cxOf(f.Signature()) == nil && s.Blocks == "" {
		o.stops(d.Body, func(_ ast.Node, what, _ string) {
			if s.Blocks == "" {
				s.Blocks = what
			}
		})
	}
	v := o.valuesOf(d)
	v.run(nil)
	s.Keeps |= v.keeps
	s.Later |= v.later
	s.Clears |= v.clears
	for i := range s.Into {
		s.Into[i] |= v.into[i]
		s.Gives[i] |= v.gives[i]
	}
	s.Fresh = s.Fresh || o.makesResult(d)
}

// makesResult reports whether each return gives something new.
func (o *ops) makesResult(d *ast.FuncDecl) bool {
	if d.Recv != nil || d.Type.Results == nil {
		return false
	}
	returns, made := 0, 0
	inspect(d.Body, func(n ast.Node) bool {
		if r, ok := n.(*ast.ReturnStmt); ok && len(r.Results) > 0 {
			returns++
			if o.makes(o.only(r.Results[0])) {
				made++
			}
		}
		return true
	})
	return returns > 0 && made == returns
}
