package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// builds are the test programs of packages, each built when it is wanted first.
type builds struct {
	root string // of the repository
	tmp  string
	done map[string]build  // by the package
	runs map[string][]byte // what they have printed; see once
}

type build struct {
	program string
	err     error
}

func newBuilds(root string) (*builds, error) {
	tmp, err := os.MkdirTemp("", "heist-bench")
	if err != nil {
		return nil, fmt.Errorf("a folder for programs: %w", err)
	}
	return &builds{root, tmp, map[string]build{}, map[string][]byte{}}, nil
}

func (b *builds) remove() { os.RemoveAll(b.tmp) }

// of returns the test program of a package: its folder, and behind a blank the build tags.
func (b *builds) of(ctx context.Context, pkg string) (string, error) {
	if done, ok := b.done[pkg]; ok {
		return done.program, done.err
	}
	program := filepath.Join(b.tmp, strings.NewReplacer("/", "-", " ", "-").Replace(pkg)+".test")
	dir, tags, _ := strings.Cut(pkg, " ")
	cmd := exec.CommandContext(ctx, "go", "test", "-c", "-tags", tags, "-o", program, ".")
	cmd.Dir = filepath.Join(b.root, filepath.FromSlash(dir))
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("build: %w: %s", err, lastLine(out))
	}
	b.done[pkg] = build{program, err}
	return program, err
}

// bench runs benchmarks of a package, one process for all, and returns what they print.
func (b *builds) bench(ctx context.Context, dir, pattern, time string, env []string, more ...string) ([]byte, error) {
	program, err := b.of(ctx, dir)
	if err != nil {
		return nil, err
	}
	args := append([]string{"-test.run=^$", "-test.bench=" + pattern, "-test.benchtime=" + time, "-test.benchmem"}, more...)
	cmd := exec.CommandContext(ctx, program, args...)
	folder, _, _ := strings.Cut(dir, " ")
	cmd.Dir = filepath.Join(b.root, filepath.FromSlash(folder)) // testdata is there
	cmd.Env = append(os.Environ(), env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return out.Bytes(), fmt.Errorf("%w: %s", err, lastLine(out.Bytes()))
	}
	return out.Bytes(), nil
}

// once is bench, but rows that look at different metrics of the same benchmarks share a run
// of each turn.
func (b *builds) once(ctx context.Context, turn int, dir, pattern, time string, env []string, more ...string) ([]byte, error) {
	key := fmt.Sprint(turn, dir, pattern, time, env, more)
	if out, ok := b.runs[key]; ok {
		return out, nil
	}
	out, err := b.bench(ctx, dir, pattern, time, env, more...)
	if err == nil {
		b.runs[key] = out
	}
	return out, err
}

// lastLine is the last line of an output that says something more than that it has failed.
func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		line := strings.TrimSpace(lines[i])
		if line != "" && line != "FAIL" && !strings.HasPrefix(line, "exit status") && !strings.HasPrefix(line, "--- FAIL") {
			return line
		}
	}
	return "no output"
}
