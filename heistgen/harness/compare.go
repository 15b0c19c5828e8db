package harness

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/heist-go/heist/heistgen/gen"
)

// Report is what came of comparing programs.
type Report struct {
	Tried    int
	Left     map[string]int // programs that were not compared, by reason
	LeftBy   map[string][]string
	Compared int
	Alone    int // of these, in binaries of their own
	Tasks    int
	Unequal  []string // with what differs
	Faults   []string // outputs that do not build
}

const (
	goroutine = -1 // the seed of the version for goroutines
	share     = 50 // programs in a binary
	patience  = 20 // seconds of one run as it was; as tasks it may take longer
)

// comparison compares programs.
type comparison struct {
	*workshop
	*Report
	seeds []int
	log   func(string, ...any)
	forms []Form
}

// candidate is a program that is being compared.
type candidate struct {
	*Program
	name string
}

// Compare runs programs as they are, as tasks, and as goroutines from the sources of the tasks, in dir,
// which is to be empty. root is the folder of Heist. A binary holds many programs, which start when
// they are asked for; one that ends with an error there, or differs, has the last word in a binary of
// its own.
func Compare(dir, root string, programs map[string][]byte, seeds []int, log func(string, ...any), forms ...Form) (*Report, error) {
	w, err := newWorkshop(dir, root)
	if err != nil {
		return nil, err
	}
	c := &comparison{w, &Report{Left: map[string]int{}, LeftBy: map[string][]string{}}, append(slices.Clip(seeds), goroutine), log, forms}
	c.Tried = len(programs)
	lazy, alone := map[string][]byte{}, map[string][]byte{}
	for name, text := range programs {
		if l, ok := Lazy(name+".go", text); ok {
			lazy[name] = l
		} else {
			alone[name] = text
		}
	}
	for names := range slices.Chunk(slices.Sorted(maps.Keys(lazy)), share) {
		again, err := c.batch(names, lazy, true)
		if err != nil {
			return nil, err
		}
		for _, name := range again {
			alone[name] = programs[name]
		}
		log("%d compared, %d left, %d do not build, %d to be compared alone", c.Compared, c.left(), len(c.Faults), len(alone))
	}
	for names := range slices.Chunk(slices.Sorted(maps.Keys(alone)), share) {
		if _, err := c.batch(names, alone, false); err != nil {
			return nil, err
		}
	}
	slices.Sort(c.Unequal)
	slices.Sort(c.Faults)
	return c.Report, nil
}

func (c *comparison) leave(name, why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Left[why]++
	c.LeftBy[why] = append(c.LeftBy[why], name)
}

func (c *comparison) fault(name string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Faults = append(c.Faults, fmt.Sprintf("%s: %v", name, err))
	c.log("does not build: %s: %v", name, err)
}

// kinds are the versions of a program, and the files of each.
var kinds = map[string][]string{"orig": {"main.go", "start.go"}, "progs": {"plain.go", "tasks_heist.go", "support.go"}}

func in(kind, name string) (files []string) {
	for _, f := range kinds[kind] {
		files = append(files, kind+"/"+name+"/"+f)
	}
	return files
}

// batch compares programs, in one binary if they share it, and returns which of these are to have one
// of their own.
func (c *comparison) batch(names []string, texts map[string][]byte, shared bool) (again []string, err error) {
	live := map[string]*candidate{}
	for kind := range kinds {
		if err := os.RemoveAll(c.path(kind)); err != nil {
			return nil, err
		}
	}
	for _, name := range names {
		p, err := transform(name, texts[name], c.forms)
		if err != nil {
			var why Why
			if errors.As(err, &why) {
				c.leave(name, string(why))
			} else {
				c.leave(name, "the harness fails: "+strings.SplitN(err.Error(), "\n", 2)[0])
			}
			continue
		}
		for f, text := range map[string][]byte{
			"progs/" + name + "/plain.go": p.Plain, "progs/" + name + "/tasks.go": p.Source, "progs/" + name + "/support.go": Support(),
			"orig/" + name + "/main.go": texts[name], "orig/" + name + "/start.go": []byte("package main\n\n// HeistMain runs the program.\nfunc HeistMain() { main() }\n"),
		} {
			if err := c.write(f, text); err != nil {
				return nil, err
			}
		}
		live[name] = &candidate{Program: p, name: name}
	}
	if err := c.generate(live); err != nil {
		return nil, err
	}
	if err := c.build(live, shared); err != nil {
		return nil, err
	}
	each(slices.Sorted(maps.Keys(live)), func(name string) error {
		if !c.compare(live[name], shared) {
			c.mu.Lock()
			defer c.mu.Unlock()
			again = append(again, name)
		}
		return nil
	})
	return again, nil
}

// generate compiles the tasks to machines. What is refused is live no more.
func (c *comparison) generate(live map[string]*candidate) error {
	of := func(file string) string {
		rel, err := filepath.Rel(c.path("progs"), file)
		if err != nil {
			return ""
		}
		return strings.SplitN(filepath.ToSlash(rel), "/", 2)[0]
	}
	for range 20 {
		if len(live) == 0 {
			return nil
		}
		var patterns []string
		for name := range live {
			patterns = append(patterns, "./progs/"+name)
		}
		files, err := gen.Compile(gen.Config{Dir: c.dir, Patterns: patterns, Env: c.env, Plain: slices.Contains(c.forms, Plain), Flags: []string{"-gcflags=" + module + "/...=-N -l"}})
		if err == nil {
			for _, f := range files {
				if err := os.WriteFile(f.Name, f.Text, 0o666); err != nil {
					return err
				}
			}
			return nil
		}
		var ps gen.Problems
		if errors.As(err, &ps) {
			first := map[string]gen.Problem{}
			for _, p := range ps {
				if name := of(p.Pos.Filename); live[name] != nil && first[name].Msg == "" {
					first[name] = p
				}
			}
			if len(first) == 0 {
				return fmt.Errorf("a problem outside of the programs: %w", err)
			}
			for name, p := range first {
				c.leave(name, "refused: "+Reason(p.Msg))
				c.log("refused: %s: %s", name, p)
				delete(live, name)
			}
			continue
		}
		if len(files) != 1 {
			return err
		}
		name := of(files[0].Name)
		c.fault(name, err)
		delete(live, name)
	}
	return errors.New("the generator goes on to find problems")
}

// build compiles the programs and links them: all to one binary, or each version to one.
func (c *comparison) build(live map[string]*candidate, shared bool) error {
	names := slices.Sorted(maps.Keys(live))
	files := []string{"driver.go"}
	if err := c.write("driver.go", []byte("package main\n\nimport _ \"os\"\n")); err != nil {
		return err
	}
	for _, name := range names {
		files = append(files, append(in("orig", name), in("progs", name)...)...)
	}
	if err := c.imports(files); err != nil {
		return err
	}
	config, err := c.config("imports", nil)
	if err != nil {
		return err
	}
	err = each(names, func(name string) error {
		for _, kind := range []string{"orig", "progs"} {
			path := "main"
			if shared {
				path = module + "/" + kind + "/" + name
			}
			archive := kind + "/" + name + "/package.a"
			err := c.compile(config, path, archive, in(kind, name))
			if err == nil && !shared {
				err = c.link(config, archive, kind+"/"+name+"/binary")
			}
			if err == nil {
				continue
			}
			if kind == "progs" {
				c.fault(name, err)
			} else {
				c.leave(name, "it does not build")
			}
			c.mu.Lock()
			delete(live, name)
			c.mu.Unlock()
			break
		}
		return nil
	})
	if err != nil || !shared || len(live) == 0 {
		return err
	}
	archives := map[string]string{}
	var imports, cases strings.Builder
	for i, name := range slices.Sorted(maps.Keys(live)) {
		for _, kind := range []string{"orig", "progs"} {
			path := module + "/" + kind + "/" + name
			archives[path] = c.path(kind + "/" + name + "/package.a")
			fmt.Fprintf(&imports, "\t%s%d %q\n", kind, i, path)
			fmt.Fprintf(&cases, "\tcase %q:\n\t\t%s%d.HeistMain()\n", kind+"/"+name, kind, i)
		}
	}
	text := "package main\n\nimport (\n\t\"os\"\n" + imports.String() + ")\n\nfunc main() {\n\tswitch name := os.Getenv(\"HEIST_PROGRAM\"); name {\n" + cases.String() + "\tdefault:\n\t\tpanic(name)\n\t}\n}\n"
	if err := c.write("driver.go", []byte(text)); err != nil {
		return err
	}
	if config, err = c.config("imports", archives); err != nil {
		return err
	}
	if err := c.compile(config, "main", "driver.a", []string{"driver.go"}); err != nil {
		return err
	}
	return c.link(config, "driver.a", "binary")
}

// compare runs the versions of a program, and reports whether that is the last word on it.
func (c *comparison) compare(p *candidate, shared bool) bool {
	run := func(kind string, seed, limit int) (string, bool) {
		if shared {
			return c.run("binary", kind+"/"+p.name, seed, limit)
		}
		return c.run(kind+"/"+p.name+"/binary", "", seed, limit)
	}
	want, ok := run("orig", 0, patience)
	if !ok {
		c.leave(p.name, "it takes long")
		return true
	}
	if shared && !strings.Contains(want, "exit 0, stderr") {
		return false
	}
	if again, _ := run("orig", 0, patience); again != want {
		c.leave(p.name, "two runs differ")
		return true
	}
	unequal := ""
	for _, seed := range c.seeds {
		got, ok := run("progs", seed, 5*patience)
		if !ok {
			got += " (it does not end)"
		}
		if got != want {
			unequal = fmt.Sprintf("%s, seed %d:\n\t%s\nwant\n\t%s", p.name, seed, clip(got), clip(want))
			break
		}
	}
	if shared && unequal != "" {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Compared++
	c.Tasks += p.Tasks
	if !shared {
		c.Alone++
	}
	if unequal != "" {
		c.Unequal = append(c.Unequal, unequal)
		c.log("differs: %s", unequal)
	}
	return true
}

func clip(s string) string {
	if len(s) > 600 {
		s = s[:600] + "..."
	}
	return strings.ReplaceAll(s, "\n", "\n\t")
}

func transform(name string, text []byte, forms []Form) (p *Program, err error) {
	defer func() {
		if v := recover(); v != nil {
			w, ok := v.(Why)
			if !ok {
				panic(v)
			}
			err = w
		}
	}()
	return Transform(name+".go", text, forms...)
}

var lineNumber = regexp.MustCompile(`line \d+`)

var quoted = regexp.MustCompile(`^\S+ (is|has|holds|would|stands)`)

// Reason is a message without the names in it.
func Reason(msg string) string {
	msg, _, _ = strings.Cut(msg, ":")
	return lineNumber.ReplaceAllString(quoted.ReplaceAllString(msg, "x $1"), "line n")
}

func (r *Report) left() (n int) {
	for _, k := range r.Left {
		n += k
	}
	return n
}
