package examples

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// forms are the functions that a task consists of, by hand, as a straight-line function, and as a
// goroutine: what others share is left out. longer is why the straight-line one has more statements
// than a goroutine, if it has.
var forms = []struct{ program, hand, straight, goroutine, longer string }{
	{"echo", "echo.Poll echo.Finish", "respond", "respondGoroutine", ""},
	{"chat", "client.Poll client.part client.Finish", "talk client.Finish", "talkGoroutine client.Finish", ""},
	{"crawler", "page.Poll page.fetch page.follow page.request", "visit", "visitGoroutine", ""},
	{"jobs", "newJob job.Poll job.try", "carryOut", "carryOutGoroutine", ""},
	{"kv", "session.Poll session.work session.Finish server.left", "answer server.left", "answerGoroutine server.left", "it takes turns with others, and borrows the worker's memory for replies"},
}

// TestStatements counts the statements of each form, and compares the table of docs/straight-line.md.
func TestStatements(t *testing.T) {
	table := "| program | by hand | straight-line | goroutine |\n|---|---|---|---|\n"
	for _, f := range forms {
		n := statements(t, f.program)
		sum := func(names string) (all int) {
			for name := range strings.FieldsSeq(names) {
				require.NotZero(t, n[name], "%s has no %s", f.program, name)
				all += n[name]
			}
			return all
		}
		hand, straight, goroutine := sum(f.hand), sum(f.straight), sum(f.goroutine)
		table += fmt.Sprintf("| [%s](../examples/%s) | %d | %d | %d |\n", f.program, f.program, hand, straight, goroutine)
		require.Equal(t, straight*10 > goroutine*11, f.longer != "", "%s: %d statements beside a goroutine's %d", f.program, straight, goroutine)
	}
	page, err := os.ReadFile("../docs/straight-line.md")
	require.NoError(t, err)
	if !strings.Contains(string(page), table) {
		t.Errorf("docs/straight-line.md has not this table:\n%s", table)
	}
}

// statements counts those of the functions of a program, by name; methods as Type.name.
func statements(t *testing.T, program string) map[string]int {
	n := map[string]int{}
	files, err := filepath.Glob(filepath.Join(program, "*.go"))
	require.NoError(t, err)
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, d := range file.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			key := fn.Name.Name
			if fn.Recv != nil {
				r := fn.Recv.List[0].Type
				if p, ok := r.(*ast.StarExpr); ok {
					r = p.X
				}
				if id, ok := r.(*ast.Ident); ok {
					key = id.Name + "." + key
				}
			}
			ast.Inspect(fn.Body, func(x ast.Node) bool {
				switch x.(type) {
				case *ast.BlockStmt, *ast.EmptyStmt:
				case ast.Stmt:
					n[key]++
				}
				return true
			})
		}
	}
	return n
}
