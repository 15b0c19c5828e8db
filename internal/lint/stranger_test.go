package lint_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestStranger compiles and tests a module of somebody else's: what the documents promise to a
// user must not need a package that only this module can import.
func TestStranger(t *testing.T) {
	root := rootDir(t)
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/stranger")); err != nil {
		t.Fatal(err)
	}
	gomod := fmt.Sprintf("module stranger\n\ngo 1.26\n\nrequire github.com/heist-go/heist v0.0.0\n\nreplace github.com/heist-go/heist => %s\n", root)
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(gomod), 0o600); err != nil {
		t.Fatal(err)
	}
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "go.sum"), sum, 0o600); err != nil {
		t.Fatal(err)
	}
	test := exec.Command("go", "test", "-count=1", "-vet=all", "./...")
	test.Dir = dir
	test.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod -buildvcs=false", "GOPROXY=off")
	if out, err := test.CombinedOutput(); err != nil {
		t.Fatalf("a module of somebody else's: %v\n%s", err, out)
	}
}
