package messages_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/messages"
)

const root = "../.."

// The page has the table, as it is here.
func TestPageHasAll(t *testing.T) {
	page, err := os.ReadFile(root + "/docs/seeing.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(page), "| message | level | fields | how often | means |\n|---|---|---|---|---|\n")
	require.True(t, found, "docs/seeing.md has no table of messages")
	table, _, _ := strings.Cut(rest, "\n\n")
	var want []string
	for _, m := range messages.All {
		require.NotEmpty(t, m.Rate, "%s: nothing is said as often as it happens", m.Text)
		want = append(want, fmt.Sprintf("| `%s` | %s | `%s` | %s | %s |", m.Text, m.Level, strings.ReplaceAll(m.Fields, " ", "`, `"), m.Rate, m.Meaning))
	}
	require.Equal(t, strings.Join(want, "\n"), strings.TrimSpace(table))
}

// unlisted returns the calls of a logger in a file whose message is not a constant of package messages.
func unlisted(file *ast.File) (found []string) {
	at := map[string]int{"Debug": 0, "Info": 0, "Warn": 0, "Error": 0, "DebugContext": 1, "InfoContext": 1, "WarnContext": 1, "ErrorContext": 1, "Log": 2, "LogAttrs": 2}
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		f, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		i, speaks := at[f.Sel.Name]
		of := ""
		switch x := f.X.(type) {
		case *ast.Ident:
			of = x.Name
		case *ast.SelectorExpr:
			of = x.Sel.Name
		}
		if !speaks || !strings.EqualFold(of, "log") && !strings.EqualFold(of, "logger") && of != "slog" || i >= len(call.Args) {
			return true
		}
		if m, ok := call.Args[i].(*ast.SelectorExpr); ok {
			if x, ok := m.X.(*ast.Ident); ok && x.Name == "messages" {
				return true
			}
		}
		found = append(found, f.Sel.Name)
		return true
	})
	return found
}

// Nothing is said that is not in the table.
func TestAllAreListed(t *testing.T) {
	n := 0
	for _, dir := range []string{"deque", "histogram", "pool", "reactor", "task", "timerwheel", "internal"} {
		require.NoError(t, filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "testdata") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				return err
			}
			require.Empty(t, unlisted(file), path)
			n++
			return nil
		}))
	}
	require.Greater(t, n, 100, "the sources were not found")
}

func TestAllAreListedCatches(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "x.go", `package x
func f() { s.log.Warn("hello"); log.LogAttrs(ctx, level, messages.LongPoll); errors.Error("x") }`, 0)
	require.NoError(t, err)
	require.Equal(t, []string{"Warn"}, unlisted(file))
}
