package lint_test

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// wakers are the declarations outside of package task that may be called wake: they make a task
// runnable, and nothing else is woken in an identifier (docs/STYLE.md).
var wakers = []string{"reactor.source.wakeWaiter"}

const mostWakers = 4

var isWaker = regexp.MustCompile(`^([wW]ake|[rR]ouse)(s|[A-Z].*)?$`)

// checkWakers: a worker is unparked, a poll of the kernel is interrupted, a task is woken.
func checkWakers(m *module, wakers []string) (violations []string) {
	seen := map[string]bool{}
	for _, f := range m.files {
		if f.test || f.dir == "task" || covers(programs+" internal/bugs internal/abandoned pool/sim", f.dir) {
			continue
		}
		for _, decl := range f.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || !isWaker.MatchString(fn.Name.Name) {
				continue
			}
			name := f.dir + "." + nameOf(fn)
			seen[name] = true
			if !slices.Contains(wakers, name) {
				violations = append(violations, m.at(fn.Pos(), "%s: what is woken is a task; a worker is unparked, a poll interrupted", name))
			}
		}
	}
	for _, w := range wakers {
		if !seen[w] {
			violations = append(violations, "wakers: there is no "+w)
		}
	}
	if len(wakers) > mostWakers {
		violations = append(violations, "wakers: too many")
	}
	return violations
}

func TestWakers(t *testing.T) { clean(t, checkWakers(repository(t), wakers)) }

func TestWakersCatches(t *testing.T) {
	m := archive(t, `-- pool/pool.go --
package pool

type Pool struct{}

func (p *Pool) wake() {}

func wakeTask() {}

func rouseAll() {}

func waken() {}
-- task/task.go --
package task

func wake() {}
-- pool/pool_test.go --
package pool

func wakes() {}
`)
	caught(t, checkWakers(m, []string{"pool.wakeTask", "reactor.wake"}),
		"pool/pool.go:5: pool.Pool.wake: what is woken is a task; a worker is unparked, a poll interrupted",
		"pool/pool.go:9: pool.rouseAll: what is woken is a task; a worker is unparked, a poll interrupted",
		"wakers: there is no reactor.wake",
	)
}

// numbered is what a comment repeats of constants: their values as people write them.
type numbered map[string]string

// plain are the numbers of three digits and more that mean themselves in prose.
var plain = []string{"100", "386", "1,000", "1000"}

var numberIn = regexp.MustCompile(`\d+(?:,\d{3})*(?:\.\d+)?(?: (?:ns|µs|ms|s|KiB|MiB))?\b`)

// constantsOf returns the named constants of a package, by how their values are written.
func constantsOf(m *module, dir string) numbered {
	all := numbered{}
	env := types.NewPackage("p", "p")
	units := map[string]time.Duration{"Nanosecond": 1, "Microsecond": time.Microsecond, "Millisecond": time.Millisecond, "Second": time.Second, "Minute": time.Minute}
	for _, f := range m.files {
		if f.dir != dir || f.test {
			continue
		}
		for _, decl := range f.Decls {
			d, ok := decl.(*ast.GenDecl)
			if !ok || d.Tok != token.CONST {
				continue
			}
			for _, spec := range d.Specs {
				v := spec.(*ast.ValueSpec)
				for i, name := range v.Names {
					if i >= len(v.Values) {
						continue
					}
					timed := false
					text := types.ExprString(v.Values[i])
					for unit, d := range units {
						if strings.Contains(text, "time."+unit) {
							text, timed = strings.ReplaceAll(text, "time."+unit, strconv.Itoa(int(d))), true
						}
					}
					tv, err := types.Eval(token.NewFileSet(), env, token.NoPos, text)
					if err != nil || tv.Value == nil || constant.ToInt(tv.Value).Kind() != constant.Int {
						continue
					}
					n, exact := constant.Int64Val(constant.ToInt(tv.Value))
					if !exact {
						continue
					}
					if timed {
						all[unitsOf(time.Duration(n))] = name.Name
					} else if n >= 100 {
						all[grouped(n)], all[strconv.FormatInt(n, 10)] = name.Name, name.Name
						if n%(1<<20) == 0 {
							all[strconv.FormatInt(n>>20, 10)+" MiB"] = name.Name
						} else if n%(1<<10) == 0 {
							all[strconv.FormatInt(n>>10, 10)+" KiB"] = name.Name
						}
					}
				}
			}
		}
	}
	for _, n := range plain {
		delete(all, n)
	}
	return all
}

// unitsOf writes a duration as a comment does.
func unitsOf(d time.Duration) string {
	for _, u := range []struct {
		d    time.Duration
		name string
	}{{time.Second, "s"}, {time.Millisecond, "ms"}, {time.Microsecond, "µs"}} {
		if d >= u.d {
			return strconv.FormatFloat(float64(d)/float64(u.d), 'f', -1, 64) + " " + u.name
		}
	}
	return strconv.FormatInt(int64(d), 10) + " ns"
}

// grouped writes thousands with commas.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// checkNumbers: a number that a constant of the package holds stands there, and not in comments,
// which nobody changes with it.
func checkNumbers(m *module) (violations []string) {
	of := map[string]numbered{}
	for _, f := range m.files {
		if f.test || covers(programs, f.dir) {
			continue
		}
		if of[f.dir] == nil {
			of[f.dir] = constantsOf(m, f.dir)
		}
		exempt := m.exempt(f)
		for _, g := range f.Comments {
			if exempt[g] {
				continue
			}
			p := proseOf(g)
			for _, at := range numberIn.FindAllStringIndex(p.text, -1) {
				text := p.text[at[0]:at[1]]
				if name, ok := of[f.dir][text]; ok {
					violations = append(violations, m.at(p.pos(at[0]), "%s is the constant %s: name it", text, name))
				}
			}
		}
	}
	return violations
}

// exempt returns the comments of f that may say a constant's value: those at constants, and what
// users read, who cannot look up an unexported name.
func (m *module) exempt(f *source) map[*ast.CommentGroup]bool {
	all := map[*ast.CommentGroup]bool{f.Doc: true}
	line := func(p token.Pos) int { return m.fset.Position(p).Line }
	for _, decl := range f.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() {
				all[d.Doc] = true
			}
		case *ast.GenDecl:
			if d.Tok == token.CONST {
				for _, g := range f.Comments {
					if g == d.Doc || line(d.Pos()) <= line(g.Pos()) && line(g.Pos()) <= line(d.End()) {
						all[g] = true
					}
				}
				continue
			}
			for _, spec := range d.Specs {
				t, ok := spec.(*ast.TypeSpec)
				if !ok || !t.Name.IsExported() {
					continue
				}
				all[d.Doc], all[t.Doc] = true, true
				if s, ok := t.Type.(*ast.StructType); ok {
					for _, field := range s.Fields.List {
						if len(field.Names) > 0 && field.Names[0].IsExported() {
							all[field.Doc], all[field.Comment] = true, true
						}
					}
				}
			}
		}
	}
	return all
}

func TestNumbers(t *testing.T) { clean(t, checkNumbers(repository(t))) }

func TestNumbersCatches(t *testing.T) {
	m := archive(t, `-- pool/pool.go --
package pool

import "time"

// A round takes 50 µs, and 1,024 is most.
const (
	round = 50 * time.Microsecond // 50 µs
	most  = 1 << 10
	few   = 32
	large = 1 << 20
)

// look is called every 50 µs, up to 1,024 times, or 1024, or 32, or 51,024, or 150 µs; it takes
// 1 MiB, which is 1,048,576 bytes.
func look() {}

// Look takes 50 µs.
func Look() {}
`)
	caught(t, checkNumbers(m),
		"pool/pool.go:13: 50 µs is the constant round: name it",
		"pool/pool.go:13: 1,024 is the constant most: name it",
		"pool/pool.go:13: 1024 is the constant most: name it",
		"pool/pool.go:14: 1 MiB is the constant large: name it",
		"pool/pool.go:14: 1,048,576 is the constant large: name it",
	)
}
