package gen

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// userModule is a module of its own in a folder for the test, which uses this checkout of the library.
type userModule struct {
	t   *testing.T
	dir string
	env []string // for the go command there
}

// newModule returns the module example.org/NAME, without any source yet.
func newModule(t *testing.T, name string) *userModule {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	m := &userModule{t, t.TempDir(), append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod -buildvcs=false")}
	m.write("go.mod", fmt.Sprintf("module example.org/%s\n\ngo 1.25.0\n\nrequire github.com/heist-go/heist v0.0.0\n\nreplace github.com/heist-go/heist => %s\n", name, root))
	m.write("go.sum", read(t, filepath.Join(root, "go.sum")))
	return m
}

// write writes a file, and the folders above it.
func (m *userModule) write(name, text string) {
	m.t.Helper()
	name = filepath.Join(m.dir, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
		m.t.Fatal(err)
	}
}

// build compiles what c says, whose folder and environment are the module's, and then the program. It
// returns the program's name.
func (m *userModule) build(c Config, flags ...string) string {
	m.t.Helper()
	c.Dir, c.Env = m.dir, m.env
	files, err := Compile(c)
	if err != nil {
		m.t.Fatal(err)
	}
	for _, f := range files {
		if err := os.WriteFile(f.Name, f.Text, 0o666); err != nil {
			m.t.Fatal(err)
		}
	}
	return m.link(flags...)
}

// link compiles the program as it is, and returns its name.
func (m *userModule) link(flags ...string) string {
	m.t.Helper()
	program := filepath.Join(m.dir, "program")
	build := exec.Command("go", append(append([]string{"build"}, flags...), "-o", program, ".")...)
	build.Dir, build.Env = m.dir, m.env
	if out, err := build.CombinedOutput(); err != nil {
		m.t.Fatalf("%v\n%s", err, out)
	}
	return program
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
