package lint_test

import (
	"go/ast"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// prose is a comment group as running text: one space between words, a newline
// between paragraphs.
type prose struct {
	text  string
	words []word
}

// word says where the word at an offset of the text came from.
type word struct {
	offset int
	pos    token.Pos
}

func proseOf(group *ast.CommentGroup) prose {
	var p prose
	var b strings.Builder
	for _, c := range group.List {
		text, pos := c.Text[2:], c.Pos()+2 // without // or /*
		if c.Text[1] == '*' {
			text = strings.TrimSuffix(text, "*/")
		}
		for line := range strings.SplitSeq(text, "\n") {
			blank := true
			for w := range strings.FieldsSeq(line) {
				blank = false
				p.words = append(p.words, word{b.Len(), pos})
				b.WriteString(w + " ")
			}
			if blank {
				b.WriteString("\n")
			}
			pos += token.Pos(len(line)) + 1
		}
	}
	p.text = b.String()
	return p
}

// pos returns the start of the line that holds the word at offset.
func (p prose) pos(offset int) token.Pos {
	i, _ := slices.BinarySearchFunc(p.words, offset+1, func(w word, o int) int { return w.offset - o })
	return p.words[i-1].pos
}

// names are the functions "f" and methods "T.m" that a package declares. The
// value is true where a file other than a test does.
type names map[string]bool

func declared(m *module) map[string]names {
	all := map[string]names{}
	for _, f := range m.files {
		pkg := all[f.dir]
		if pkg == nil {
			pkg = names{}
			all[f.dir] = pkg
		}
		add := func(name string) { pkg[name] = pkg[name] || !f.test }
		for _, decl := range f.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				add(nameOf(d))
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					for _, method := range interfaceMethods(spec) {
						add(spec.(*ast.TypeSpec).Name.Name + "." + method)
					}
				}
			}
		}
	}
	return all
}

// receiver returns the name of a receiver's type, without type parameters.
func receiver(x ast.Expr) string {
	switch x := x.(type) {
	case *ast.Ident:
		return x.Name
	case *ast.ParenExpr:
		return receiver(x.X)
	case *ast.StarExpr:
		return receiver(x.X)
	case *ast.IndexExpr:
		return receiver(x.X)
	case *ast.IndexListExpr:
		return receiver(x.X)
	}
	panic("not a receiver") // the parser has accepted it
}

func interfaceMethods(spec ast.Spec) (methods []string) {
	t, ok := spec.(*ast.TypeSpec)
	if !ok {
		return nil
	}
	i, ok := t.Type.(*ast.InterfaceType)
	if !ok {
		return nil
	}
	for _, field := range i.Methods.List {
		for _, id := range field.Names {
			methods = append(methods, id.Name)
		}
	}
	return methods
}

const (
	pkgForm    = `(?:([a-z][\w/]*)\.)?`
	methodForm = `\(\*?(\w+)\)\.(\w+)`
)

var (
	pairsWith = regexp.MustCompile(`(?:^|\s)Pairs with\b(:?)`)
	ref       = regexp.MustCompile(`^ ?` + pkgForm + `(?:` + methodForm + `|(\w+))`)
	listEnd   = regexp.MustCompile(`^\.\s`)

	see = regexp.MustCompile(`\bSee (?:` + pkgForm + methodForm + `|([\w/.-]+\.go))\.\s`)

	needsPartner = regexp.MustCompile(`(?:^|\s)(Publish\.|Store-load:|Claim\.)\s`)
)

// resolves reports whether f may speak of the function or, if typ is not
// empty, the method name. Only a test may speak of what a test declares.
func resolves(all map[string]names, f *source, pkg, typ, name string) bool {
	if typ != "" {
		name = typ + "." + name
	}
	for dir, names := range all {
		if pkg == "" && dir == f.dir || pkg != "" && (pkg == dir || pkg == path.Base(dir)) {
			if shipped, ok := names[name]; ok && (shipped || f.test) {
				return true
			}
		}
	}
	return false
}

func checkPairs(m *module) (violations []string) {
	all := declared(m)
	for _, f := range m.files {
		for _, group := range f.Comments {
			p := proseOf(group)
			for _, label := range pairsWith.FindAllStringSubmatchIndex(p.text, -1) {
				at := label[1]
				report := func(format string, args ...any) {
					violations = append(violations, m.at(p.pos(at-1), format, args...))
				}
				if label[2] == label[3] {
					report(`"Pairs with" lacks its colon`)
					continue
				}
				for {
					r := ref.FindStringSubmatch(p.text[at:])
					if r == nil {
						report(`"Pairs with:" wants a list of functions and methods, and a full stop`)
						break
					}
					at += len(r[0])
					if !resolves(all, f, r[1], r[2], r[3]+r[4]) {
						report("pairs with %s, which does not exist", strings.TrimSpace(r[0]))
					}
					if listEnd.MatchString(p.text[at:]) {
						break
					}
					if p.text[at] != ',' {
						report(`"Pairs with:" wants a list of functions and methods, and a full stop`)
						break
					}
					at++
				}
			}
		}
	}
	return violations
}

func TestPairs(t *testing.T) { clean(t, checkPairs(repository(t))) }

func TestPairsCatches(t *testing.T) {
	m := archive(t, `-- deque/deque.go --
package deque

// Deque is explained here; a label "Pairs with: nothing" in quotes is prose.
type Deque[T any] struct{}

// Submitter gets tasks back.
type Submitter interface{ Submit() }

// Push appends. Pairs with: (*Deque).Steal, (*Deque).Pop.
func (d *Deque[T]) Push() {
	// Publish. Pairs with:
	// (*Deque).Steal,
	// (*Deque).Gone, grow. And on it goes.
	// Pairs with: (Submitter).Submit, internal/park.(*Parker).Park, park.open.
	// Pairs with: park.(*Parker).Stop, internal/park.close, pork.open.
}

func (d *Deque[T]) Pop() {
	_ = 0 // Pairs with: (*Deque).Steal, Steal.

	// Pairs with: helper, (*Deque).fromTest.

	// Pairs with: (*Deque).Steal (the swap).

	// Pairs with: (*Deque).Steal

	// Pairs with (*Deque).Steal.

	// Pairs with:
	//
	// (*Deque).Steal.

	/* Pairs with: (*Deque).Steal.
	   Pairs with: (*Deque[T]).Steal. */
}
-- deque/grow_windows.go --
//go:build windows

package deque

func grow() {}

func (d *Deque[T]) Steal() {}
-- deque/deque_test.go --
package deque_test

// Pairs with: helper, grow, (*Deque).fromTest, missing.
func helper() {}

func (d Deque) fromTest() {}
-- internal/park/park.go --
package park

type Parker struct{}

func (p Parker) Park() {}

func open() {}
`)
	const form = `"Pairs with:" wants a list of functions and methods, and a full stop`
	caught(t, checkPairs(m),
		"deque/deque.go:13: pairs with (*Deque).Gone, which does not exist",
		"deque/deque.go:15: pairs with park.(*Parker).Stop, which does not exist",
		"deque/deque.go:15: pairs with internal/park.close, which does not exist",
		"deque/deque.go:15: pairs with pork.open, which does not exist",
		"deque/deque.go:19: pairs with Steal, which does not exist",
		"deque/deque.go:21: pairs with helper, which does not exist",
		"deque/deque.go:21: pairs with (*Deque).fromTest, which does not exist",
		"deque/deque.go:23: "+form,
		"deque/deque.go:25: "+form,
		`deque/deque.go:27: "Pairs with" lacks its colon`,
		"deque/deque.go:29: "+form,
		"deque/deque.go:34: "+form,
		"deque/deque_test.go:3: pairs with missing, which does not exist",
	)
}

func checkSee(m *module) (violations []string) {
	all := declared(m)
	files := map[string]bool{}
	for _, f := range m.files {
		files[f.name] = true
	}
	for _, f := range m.files {
		for _, group := range f.Comments {
			p := proseOf(group)
			for _, s := range see.FindAllStringSubmatchIndex(p.text, -1) {
				at := p.pos(s[1] - 2) // the full stop
				sub := func(i int) string {
					if s[2*i] < 0 {
						return ""
					}
					return p.text[s[2*i]:s[2*i+1]]
				}
				if file := sub(4); file != "" {
					if !files[path.Join(f.dir, file)] && !files[file] {
						violations = append(violations, m.at(at, "see %s, which does not exist", file))
					}
				} else if !resolves(all, f, sub(1), sub(2), sub(3)) {
					violations = append(violations, m.at(at, "see %s, which does not exist",
						strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(p.text[s[0]:s[1]]), "See "), ".")))
				}
			}
		}
	}
	return violations
}

func TestSee(t *testing.T) { clean(t, checkSee(repository(t))) }

func TestSeeCatches(t *testing.T) {
	m := archive(t, `-- task/state.go --
package task

// See (*word).wake. See state.go. See task/state_test.go.
// See (*word).pend. See
// status.go. See pool/worker.go.
// See task.(*word).wake. See task.(*word).finish.
//
// See the section Order, [word], park.go, (*word).gone, and whatever.
type word struct{}

func (w *word) wake() {}
-- task/state_test.go --
package task_test
`)
	caught(t, checkSee(m),
		"task/state.go:4: see (*word).pend, which does not exist",
		"task/state.go:5: see status.go, which does not exist",
		"task/state.go:5: see pool/worker.go, which does not exist",
		"task/state.go:6: see task.(*word).finish, which does not exist",
	)
}

// checkPartners: who publishes, claims, or relies on the total order has
// somebody in mind who observes it.
func checkPartners(m *module) (violations []string) {
	for _, f := range m.files {
		if f.test {
			continue
		}
		for _, group := range f.Comments {
			p := proseOf(group)
			if pairsWith.MatchString(p.text) {
				continue
			}
			for _, s := range needsPartner.FindAllStringSubmatchIndex(p.text, -1) {
				violations = append(violations, m.at(p.pos(s[2]), `"%s" without "Pairs with:"`, p.text[s[2]:s[3]]))
			}
		}
	}
	return violations
}

func TestPartners(t *testing.T) { clean(t, checkPartners(repository(t))) }

func TestPartnersCatches(t *testing.T) {
	m := archive(t, `-- deque/deque.go --
package deque

// One pair says "Store-load:", the others say "Publish." here.
func Push() {
	// Publish. Somebody will see it.
	_ = 0

	// Store-load: this first, that second. Pairs with: Steal.
	_ = 0

	// Hint. A stale answer costs time.
	_ = 0
}

// Steal takes one.
//
// Claim. The slot is ours.
// Store-load: this first.
func Steal() {}
-- deque/deque_test.go --
package deque_test

// Publish. To nobody.
func broken() {}
`)
	caught(t, checkPartners(m),
		`deque/deque.go:5: "Publish." without "Pairs with:"`,
		`deque/deque.go:17: "Claim." without "Pairs with:"`,
		`deque/deque.go:18: "Store-load:" without "Pairs with:"`,
	)
}
