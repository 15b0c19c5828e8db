package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// workshop compiles and links programs by the tools themselves: the go command would not let one
// binary hold several packages that are called main, as those have to be whose types print as main.T.
type workshop struct {
	dir, root string
	env       []string
	mu        sync.Mutex
	exports   map[string]string // by import path: compiled packages that programs import
}

const module = "example.org/compare"

func newWorkshop(dir, root string) (*workshop, error) {
	w := &workshop{dir: dir, root: root, exports: map[string]string{}}
	w.env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod -buildvcs=false")
	err := w.write("go.mod", fmt.Appendf(nil, "module %s\n\ngo 1.26.0\n\nrequire github.com/heist-go/heist v0.0.0\n\nreplace github.com/heist-go/heist => %s\n", module, root))
	if err != nil {
		return nil, err
	}
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		return nil, err
	}
	return w, w.write("go.sum", sum)
}

func (w *workshop) path(name string) string { return filepath.Join(w.dir, filepath.FromSlash(name)) }

func (w *workshop) write(name string, text []byte) error {
	name = w.path(name)
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	return os.WriteFile(name, text, 0o666)
}

func (w *workshop) tool(args ...string) error {
	cmd := exec.Command("go", args...)
	cmd.Dir, cmd.Env = w.dir, w.env
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go %s: %w\n%s", args[1], err, bytes.TrimSpace(out))
	}
	return nil
}

// imports compiles the packages that files import, and what these need.
func (w *workshop) imports(files []string) error {
	paths := []string{"runtime"}
	for _, f := range files {
		file, err := parser.ParseFile(token.NewFileSet(), w.path(f), nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, im := range file.Imports {
			p, _ := strconv.Unquote(im.Path.Value)
			if w.exports[p] == "" && p != "unsafe" && p != "C" && !slices.Contains(paths, p) {
				paths = append(paths, p)
			}
		}
	}
	cmd := exec.Command("go", append([]string{"list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}"}, paths...)...)
	cmd.Dir, cmd.Env = w.dir, w.env
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("go list: %w\n%s", err, errs.Bytes())
	}
	for l := range strings.Lines(string(out)) {
		if f := strings.Fields(l); len(f) == 2 {
			w.exports[f[0]] = f[1]
		}
	}
	return nil
}

// config writes which file each package is in.
func (w *workshop) config(name string, further map[string]string) (string, error) {
	var b bytes.Buffer
	for p, f := range w.exports {
		fmt.Fprintf(&b, "packagefile %s=%s\n", p, f)
	}
	for p, f := range further {
		fmt.Fprintf(&b, "packagefile %s=%s\n", p, f)
	}
	return w.path(name), w.write(name, b.Bytes())
}

// compile compiles files to the package path in the archive, without inlining, which takes as long as the rest.
func (w *workshop) compile(config, path, archive string, files []string) error {
	args := []string{"tool", "compile", "-p", path, "-importcfg", config, "-lang=go1.26", "-pack", "-complete", "-dwarf=false", "-l", "-c=1", "-o", w.path(archive)}
	for _, f := range files {
		args = append(args, w.path(f))
	}
	return w.tool(args...)
}

func (w *workshop) link(config, archive, binary string) error {
	return w.tool("tool", "link", "-s", "-w", "-importcfg", config, "-o", w.path(binary), w.path(archive))
}

// each calls fn for each name, for as many at a time as there are processors.
func each(names []string, fn func(name string) error) error {
	var wg sync.WaitGroup
	work := make(chan string)
	errs := make([]error, runtime.GOMAXPROCS(0))
	for i := range errs {
		wg.Go(func() {
			for name := range work {
				if err := fn(name); err != nil {
					errs[i] = err
				}
			}
		})
	}
	for _, name := range names {
		work <- name
	}
	close(work)
	wg.Wait()
	return errors.Join(errs...)
}

// run returns what a program of a binary writes, how it ends, and whether it does so by itself. limit is of the
// processors' time, in seconds, which is the same on a busy machine; who does nothing is ended in the end, too.
func (w *workshop) run(binary, program string, seed, limit int) (string, bool) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(5*limit)*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", fmt.Sprintf(`ulimit -t %d && exec "$0"`, limit), w.path(binary))
	cmd.Dir = w.dir
	cmd.Env = append(os.Environ(), fmt.Sprintf("HEIST_SEED=%d", seed), "HEIST_PROGRAM="+program)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if cmd.ProcessState == nil {
		return err.Error(), false
	}
	code := 0
	if err != nil {
		code = cmd.ProcessState.ExitCode()
	}
	text := errs.String()
	if before, _, ok := strings.Cut(text, "nobody waits for this panic: "); ok && code == 0 {
		text = before // a member's, before the goroutine waits for it, which then raises it
	} else if strings.Contains(text, "goroutine ") { // a stack
		text = "(a panic)"
	}
	how, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	killed := ok && how.Signaled() && how.Signal() == syscall.SIGKILL
	return fmt.Sprintf("%sexit %d, stderr %s", out.String(), code, text), !killed
}
