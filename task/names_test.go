package task_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestNames: the three lists of the package comment have each exported name of the package once.
func TestNames(t *testing.T) {
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	var exported []string
	doc := ""
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		require.NoError(t, err)
		if f.Doc != nil {
			require.Empty(t, doc, "two package comments")
			doc = f.Doc.Text()
		}
		for _, d := range f.Decls {
			exported = append(exported, exports(d)...)
		}
	}
	var listed []string
	for _, section := range strings.Split(doc, "\n# ")[1:] {
		title, text, _ := strings.Cut(section, "\n")
		if !strings.HasPrefix(title, "For those who ") {
			continue
		}
		for _, item := range strings.Split(text, "\n  - ")[1:] {
			item, _, _ = strings.Cut(item, "\n\n")
			for _, link := range regexp.MustCompile(`\[([A-Z]\w*)\]`).FindAllStringSubmatch(item, -1) {
				listed = append(listed, link[1])
			}
		}
	}
	slices.Sort(exported)
	slices.Sort(listed)
	require.NotEmpty(t, listed)
	require.Equal(t, exported, listed, "the lists of the package comment")
}

// exports returns the exported names of a declaration, methods aside.
func exports(d ast.Decl) (names []string) {
	add := func(id *ast.Ident) {
		if id.IsExported() {
			names = append(names, id.Name)
		}
	}
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			add(d.Name)
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				add(s.Name)
			case *ast.ValueSpec:
				for _, id := range s.Names {
					add(id)
				}
			}
		}
	}
	return names
}
