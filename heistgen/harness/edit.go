package harness

import (
	"cmp"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strconv"
	"strings"
)

// edits are changes of a program's text.
type edits struct {
	fset    *token.FileSet
	file    *ast.File
	pkg     *types.Package
	info    *types.Info
	text    []byte
	list    []edit
	imports map[string]string // path to name, "" for the package's own
	made    int               // names
	used    map[string]bool   // imports that were added
	wrapped map[ast.Expr]bool
}

type edit struct {
	from, to int
	text     string
}

func newEdits(name string, text []byte) (*edits, error) {
	fset, file, pkg, info, err := check(name, text)
	if err != nil {
		return nil, err
	}
	e := &edits{fset: fset, file: file, pkg: pkg, info: info, text: text, imports: map[string]string{}, used: map[string]bool{}, wrapped: map[ast.Expr]bool{}}
	for _, im := range file.Imports {
		p, _ := strconv.Unquote(im.Path.Value)
		e.imports[p] = ""
		if im.Name != nil {
			e.imports[p] = im.Name.Name
		}
	}
	return e, nil
}

func (e *edits) at(p token.Pos) int { return e.fset.Position(p).Offset }

func (e *edits) source(n ast.Node) string { return e.between(n.Pos(), n.End()) }

func (e *edits) between(from, to token.Pos) string { return string(e.text[e.at(from):e.at(to)]) }

func (e *edits) replace(n ast.Node, with string) { e.cut(n.Pos(), n.End(), with) }

func (e *edits) cut(from, to token.Pos, with string) {
	e.list = append(e.list, edit{e.at(from), e.at(to), with})
}

// insert puts a text before what is at p; several at one place stay in their order.
func (e *edits) insert(p token.Pos, text string) { e.cut(p, p, text) }

// spell writes a type, and reports whether the file can.
func (e *edits) spell(t types.Type) (text string, ok bool) {
	ok = true
	text = types.TypeString(t, func(p *types.Package) string {
		if p == e.pkg {
			return ""
		}
		name, imported := e.imports[p.Path()]
		if name == "" {
			name = p.Name()
		}
		ok = ok && imported && name != "_" && name != "."
		return name
	})
	return text, ok
}

func (e *edits) apply() []byte {
	slices.SortStableFunc(e.list, func(a, b edit) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to)) })
	var out strings.Builder
	pos := 0
	for _, c := range e.list {
		out.Write(e.text[pos:c.from])
		out.WriteString(c.text)
		pos = c.to
	}
	out.Write(e.text[pos:])
	return []byte(out.String())
}
