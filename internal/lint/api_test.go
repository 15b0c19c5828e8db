package lint_test

import (
	"bytes"
	"flag"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write the files of api/ anew")

// public are the packages that users import.
var public = []string{
	"deque", "histogram", "pool", "pool/dump", "pool/flight", "pool/fork", "pool/par", "pool/sim", "pool/vars", "reactor", "task", "task/bridge", "task/chans", "task/combine",
	"task/lock", "task/machine", "task/stream", "timerwheel",
}

// TestAPI compares what each package exports with the file of api/ that says so: whatever users
// can see changes in a commit that changes that file, too.
func TestAPI(t *testing.T) {
	root := rootDir(t)
	for _, dir := range public {
		t.Run(strings.ReplaceAll(dir, "/", "."), func(t *testing.T) {
			got := exported(t, os.DirFS(root), dir)
			file := filepath.Join(root, "api", strings.ReplaceAll(dir, "/", "_")+".txt")
			if *rewrite {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			have, had := strings.Split(got, "\n"), strings.Split(string(want), "\n")
			for _, line := range had {
				if !slices.Contains(have, line) {
					t.Errorf("gone:  %s", line)
				}
			}
			for _, line := range have {
				if !slices.Contains(had, line) {
					t.Errorf("comes: %s", line)
				}
			}
			if got != string(want) {
				t.Errorf("%s is not what package %s exports: go test ./internal/lint -run TestAPI -rewrite", file, dir)
			}
		})
	}
}

// Each package that users can import is one of those.
func TestPublic(t *testing.T) {
	for _, f := range repository(t).files {
		if f.test || f.Name.Name == "main" || strings.HasPrefix(f.dir, "internal/") || strings.Contains(f.dir, "/internal/") || f.dir == "." {
			continue
		}
		if !slices.Contains(public, f.dir) {
			t.Errorf("package %s is public, and has no file in api/", f.dir)
		}
	}
}

// exported returns what a package exports, sorted: declarations without bodies, comments, and
// unexported fields. Where files differ by system, those of Linux count.
func exported(t *testing.T, fsys fs.FS, dir string) string {
	t.Helper()
	names, err := fs.Glob(fsys, path.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			t.Fatal(err)
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, text, parser.SkipObjectResolution) // no comments
		if err != nil {
			t.Fatal(err)
		}
		ast.FileExports(file)
		for _, decl := range file.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Recv != nil && !ast.IsExported(receiver(d.Recv.List[0].Type)) {
					continue
				}
				d.Body = nil
			case *ast.GenDecl:
				if d.Tok == token.IMPORT {
					continue
				}
				if d.Tok == token.VAR {
					for _, s := range d.Specs {
						s.(*ast.ValueSpec).Values = nil
					}
				}
			}
			var b bytes.Buffer
			if err := printer.Fprint(&b, fset, decl); err != nil {
				t.Fatal(err)
			}
			var kept []string
			for line := range strings.SplitSeq(b.String(), "\n") {
				if strings.TrimSpace(line) != "" {
					kept = append(kept, line)
				}
			}
			lines = append(lines, strings.Join(kept, "\n"))
		}
	}
	slices.Sort(lines)
	return strings.Join(slices.Compact(lines), "\n") + "\n"
}
