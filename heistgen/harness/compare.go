package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/heist-go/heist/heistgen/gen"
)

// Report is what came of comparing programs.
type Report struct {
	Tried    int
	Left     map[string]int // programs that were not compared, by reason
	LeftBy   map[string][]string
	Compared int
	Tasks    int
	Unequal  []string // with what differs
	Faults   []string // outputs that do not build
}

// goroutine is the seed of the version for goroutines.
const goroutine = -1

// Compare runs programs as they are, as tasks, and as goroutines from the sources of the tasks, in dir,
// which is to be empty. root is the folder of Heist.
func Compare(dir, root string, programs map[string][]byte, seeds []int, log func(string, ...any)) (*Report, error) {
	r := &Report{Left: map[string]int{}, LeftBy: map[string][]string{}}
	leave := func(name, why string) {
		r.Left[why]++
		r.LeftBy[why] = append(r.LeftBy[why], name)
	}
	write := func(name string, text []byte) error {
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			return err
		}
		return os.WriteFile(name, text, 0o666)
	}
	mod := fmt.Sprintf("module example.org/compare\n\ngo 1.25.0\n\nrequire github.com/heist-go/heist v0.0.0\n\nreplace github.com/heist-go/heist => %s\n", root)
	if err := write(filepath.Join(dir, "go.mod"), []byte(mod)); err != nil {
		return nil, err
	}
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		return nil, err
	}
	if err := write(filepath.Join(dir, "go.sum"), sum); err != nil {
		return nil, err
	}
	env := append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod -buildvcs=false")
	var names []string
	for name := range programs {
		names = append(names, name)
	}
	slices.Sort(names)
	live := map[string]*Program{}
	for _, name := range names {
		r.Tried++
		p, err := transform(name, programs[name])
		if err != nil {
			var why Why
			if errors.As(err, &why) {
				leave(name, string(why))
			} else {
				leave(name, "the harness fails: "+strings.SplitN(err.Error(), "\n", 2)[0])
			}
			continue
		}
		base := filepath.Join(dir, "progs", name)
		for f, text := range map[string][]byte{"plain.go": p.Plain, "tasks.go": p.Source, "support.go": Support()} {
			if err := write(filepath.Join(base, f), text); err != nil {
				return nil, err
			}
		}
		if err := write(filepath.Join(dir, "orig", name, "main.go"), programs[name]); err != nil {
			return nil, err
		}
		live[name] = p
	}
	of := func(file string) string {
		rel, err := filepath.Rel(filepath.Join(dir, "progs"), file)
		if err != nil {
			return ""
		}
		return strings.SplitN(filepath.ToSlash(rel), "/", 2)[0]
	}
	drop := func(name string) {
		delete(live, name)
		os.RemoveAll(filepath.Join(dir, "progs", name))
		os.RemoveAll(filepath.Join(dir, "orig", name))
	}
	log("%d programs transformed", len(live))
	for round := 0; len(live) > 0; round++ {
		if round > 20 {
			return nil, errors.New("the generator goes on to find problems")
		}
		files, err := gen.Compile(gen.Config{Dir: dir, Patterns: []string{"./progs/..."}, Env: env})
		var ps gen.Problems
		if errors.As(err, &ps) {
			first := map[string]string{}
			for _, p := range ps {
				if name := of(p.Pos.Filename); first[name] == "" {
					first[name] = Reason(p.Msg)
				}
			}
			for name, why := range first {
				if live[name] == nil && len(first) > 1 {
					continue
				}
				if live[name] == nil {
					return nil, fmt.Errorf("a problem outside of the programs: %w", err)
				}
				leave(name, "refused: "+why)
				drop(name)
			}
			continue
		}
		if err != nil {
			if len(files) == 1 {
				name := of(files[0].Name)
				r.Faults = append(r.Faults, name+": "+err.Error())
				drop(name)
				continue
			}
			return nil, err
		}
		for _, f := range files {
			if err := os.WriteFile(f.Name, f.Text, 0o666); err != nil {
				return nil, err
			}
		}
		break
	}
	log("%d programs compiled to machines", len(live))
	bin := filepath.Join(dir, "bin")
	build := func(kind string) error {
		out := filepath.Join(bin, kind)
		if err := os.MkdirAll(out, 0o777); err != nil {
			return err
		}
		header := regexp.MustCompile(`^# example\.org/compare/` + kind + `/(\S+)`)
		for range 20 {
			if len(live) == 0 { // then go build fails
				return nil
			}
			cmd := exec.Command("go", "build", "-ldflags=-s -w", "-gcflags=-dwarf=false", "-o", out+string(filepath.Separator), "./"+kind+"/...")
			cmd.Dir, cmd.Env = dir, env
			text, err := cmd.CombinedOutput()
			if err == nil {
				return nil
			}
			var bad []string
			lines := strings.Split(string(text), "\n")
			for i, l := range lines {
				if m := header.FindStringSubmatch(l); m != nil && live[m[1]] != nil {
					bad = append(bad, m[1])
					if kind == "progs" {
						r.Faults = append(r.Faults, m[1]+": "+strings.Join(lines[min(i+1, len(lines)):min(i+3, len(lines))], " | "))
					} else {
						leave(m[1], "it does not build")
					}
				}
			}
			if len(bad) == 0 {
				return fmt.Errorf("go build: %w\n%s", err, text)
			}
			for _, name := range bad {
				drop(name)
			}
		}
		return errors.New("go build goes on to fail")
	}
	for _, kind := range []string{"orig", "progs"} {
		if err := build(kind); err != nil {
			return nil, err
		}
	}
	log("%d programs built", len(live))
	var mu sync.Mutex
	var wg sync.WaitGroup
	slots := make(chan struct{}, 2)
	names = names[:0]
	for name := range live {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		wg.Add(1)
		slots <- struct{}{}
		go func() {
			defer func() { <-slots; wg.Done() }()
			orig, ok := run(filepath.Join(bin, "orig", name), dir, 0)
			again, _ := run(filepath.Join(bin, "orig", name), dir, 0)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case !ok:
				leave(name, "it takes long")
				return
			case orig != again:
				leave(name, "two runs differ")
				return
			}
			r.Compared++
			r.Tasks += live[name].Tasks
			for _, seed := range append(slices.Clip(seeds), goroutine) {
				mu.Unlock()
				got, ok := run(filepath.Join(bin, "progs", name), dir, seed)
				mu.Lock()
				if !ok {
					got += "(it does not end)"
				}
				if got != orig {
					r.Unequal = append(r.Unequal, fmt.Sprintf("%s, seed %d:\n\t%s\nwant\n\t%s", name, seed, clip(got), clip(orig)))
					break
				}
			}
		}()
	}
	wg.Wait()
	slices.Sort(r.Unequal)
	slices.Sort(r.Faults)
	return r, nil
}

func clip(s string) string {
	if len(s) > 600 {
		s = s[:600] + "..."
	}
	return strings.ReplaceAll(s, "\n", "\n\t")
}

func transform(name string, text []byte) (p *Program, err error) {
	defer func() {
		if v := recover(); v != nil {
			w, ok := v.(Why)
			if !ok {
				panic(v)
			}
			err = w
		}
	}()
	return Transform(name+".go", text)
}

var quoted = regexp.MustCompile(`^\S+ (is|has|holds|would|stands)`)

// Reason is a message without the names in it.
func Reason(msg string) string {
	msg, _, _ = strings.Cut(msg, ":")
	return quoted.ReplaceAllString(msg, "x $1")
}

// run returns what a program writes, and how it ends.
func run(bin, dir string, seed int) (string, bool) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, bin)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), fmt.Sprintf("HEIST_SEED=%d", seed))
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	code := 0
	if err != nil {
		code = cmd.ProcessState.ExitCode()
	}
	text := errs.String()
	if i := strings.Index(text, "goroutine "); i >= 0 { // a stack
		text = "(a panic)"
	}
	return fmt.Sprintf("%sexit %d, stderr %s", out.String(), code, text), ctx.Err() == nil
}
