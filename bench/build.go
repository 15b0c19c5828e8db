package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// builds are the test programs of packages. What prepare has not built is built when it is wanted first.
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

// prepare builds what rows need, all packages with the same build tags at once: they share most of
// what is compiled, and it is compiled on all processors. A package that does not build is left to
// its rows, which say why.
func (b *builds) prepare(ctx context.Context, chosen []row) {
	byTags := map[string][]string{}
	for _, r := range chosen {
		dir, tags, _ := strings.Cut(r.dir, " ")
		if dir = "./" + dir; !slices.Contains(byTags[tags], dir) {
			byTags[tags] = append(byTags[tags], dir)
		}
	}
	for _, tags := range slices.Sorted(maps.Keys(byTags)) {
		_, _ = b.build(ctx, b.root, tags, b.folder(tags)+"/", byTags[tags]...) // see of
	}
}

// folder is where the programs with some build tags are.
func (b *builds) folder(tags string) string { return filepath.Join(b.tmp, "tags-"+tags) }

// build builds test programs, without what only a debugger reads.
func (b *builds) build(ctx context.Context, dir, tags, to string, pkgs ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", append([]string{"test", "-c", "-ldflags=-w", "-tags", tags, "-o", to}, pkgs...)...)
	cmd.Dir = dir
	return cmd.CombinedOutput()
}

// of returns the test program of a package: its folder, and behind a blank the build tags.
func (b *builds) of(ctx context.Context, pkg string) (string, error) {
	if done, ok := b.done[pkg]; ok {
		return done.program, done.err
	}
	dir, tags, _ := strings.Cut(pkg, " ")
	at := filepath.Join(b.root, filepath.FromSlash(dir))
	program := filepath.Join(b.folder(tags), filepath.Base(at)+".test")
	_, err := os.Stat(program)
	if err != nil {
		var out []byte
		if out, err = b.build(ctx, at, tags, program, "."); err != nil {
			err = fmt.Errorf("build: %w: %s", err, lastLine(out))
		}
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
