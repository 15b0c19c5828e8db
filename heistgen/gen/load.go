package gen

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/build/constraint"
	"go/parser"
	"go/scanner"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"golang.org/x/tools/go/packages"
)

// outputName returns where the output of a source goes: before the suffixes that the go
// command knows.
func outputName(source string) string {
	base := strings.TrimSuffix(source, ".go")
	suffix := ""
	if s, ok := strings.CutSuffix(base, "_test"); ok {
		base, suffix = s, "_test"
	}
	dir, name := filepath.Split(base)
	parts := strings.Split(name, "_")
	n := len(parts)
	switch {
	case n >= 3 && knownOS[parts[n-2]] && knownArch[parts[n-1]]:
		n -= 2
	case n >= 2 && (knownOS[parts[n-1]] || knownArch[parts[n-1]]):
		n--
	}
	rest := strings.Join(parts[n:], "_")
	if rest != "" {
		rest = "_" + rest
	}
	return dir + strings.Join(parts[:n], "_") + "_heist" + rest + suffix + ".go"
}

var knownOS, knownArch = words("aix android darwin dragonfly freebsd illumos ios js linux netbsd openbsd plan9 solaris wasip1 windows"),
	words("386 amd64 arm arm64 loong64 mips mips64 mips64le mipsle ppc64 ppc64le riscv64 s390x wasm")

func words(s string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(s) {
		m[w] = true
	}
	return m
}

// constraintOf returns the build constraint of a file, or nil.
func constraintOf(f *ast.File) constraint.Expr {
	for _, g := range f.Comments {
		if g.Pos() > f.Package {
			break
		}
		for _, c := range g.List {
			if constraint.IsGoBuild(c.Text) {
				if x, err := constraint.Parse(c.Text); err == nil {
					return x
				}
			}
		}
	}
	return nil
}

// tagged reports whether the constraint needs the tag, and returns what is left without it, nil
// for nothing.
func tagged(x constraint.Expr) (rest constraint.Expr, ok bool) {
	switch x := x.(type) {
	case *constraint.TagExpr:
		return nil, x.Tag == Tag
	case *constraint.AndExpr:
		l, inL := tagged(x.X)
		r, inR := tagged(x.Y)
		if !inL && !inR {
			return x, false
		}
		if !inL {
			l = x.X
		}
		if !inR {
			r = x.Y
		}
		switch {
		case l == nil:
			return r, true
		case r == nil:
			return l, true
		}
		return &constraint.AndExpr{X: l, Y: r}, true
	case *constraint.OrExpr: // heistgen || generate
		if l, ok := tagged(x.X); ok && l == nil {
			return nil, true
		}
		if r, ok := tagged(x.Y); ok && r == nil {
			return nil, true
		}
	}
	return x, false
}

// load loads the packages that have sources.
func load(cfg Config) ([]*unit, error) {
	flags := append([]string{"-tags=" + strings.Join(append([]string{Tag}, cfg.Tags...), ",")}, cfg.Flags...)
	look := &packages.Config{Mode: packages.NeedName | packages.NeedFiles | packages.NeedModule, Dir: cfg.Dir, Env: cfg.Env, BuildFlags: flags, Tests: true, Overlay: cfg.Overlay}
	found, err := packages.Load(look, cfg.Patterns...)
	if err != nil {
		return nil, err
	}
	var problems Problems
	overlay := map[string][]byte{}
	for name, text := range cfg.Overlay {
		overlay[name] = text
	}
	sources := map[string]bool{}
	made := map[string]string{} // outputs, and their sources
	for _, p := range found {
		var listed []packages.Error
		for _, e := range p.Errors {
			if e.Kind == packages.ListError && !strings.Contains(e.Msg, "build constraints exclude all") {
				listed = append(listed, e)
			}
		}
		problems = append(problems, told(listed)...)
		type parsed struct {
			name string
			fset *token.FileSet
			file *ast.File
		}
		var here []parsed
		generics := map[string]generic{}
		for _, name := range p.GoFiles {
			if strings.HasSuffix(p.ID, ".test") {
				continue
			}
			text, ok := cfg.Overlay[name]
			if !ok {
				if text, err = os.ReadFile(name); err != nil {
					return nil, err
				}
			}
			if source, ok := sourceOf(text); ok {
				made[name] = filepath.Join(filepath.Dir(name), source)
			}
			if !sources[name] && !bytes.Contains(text, []byte("//heist:task")) {
				if bytes.Contains(text, []byte("type")) && bytes.Contains(text, []byte("[")) {
					if f, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution); err == nil {
						genericTypes(f, generics)
					}
				}
				continue
			}
			if sources[name] {
				continue
			}
			fset := token.NewFileSet()
			f, err := parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				if list, ok := err.(scanner.ErrorList); ok && len(list) > 0 {
					problems = append(problems, Problem{list[0].Pos, list[0].Msg})
				} else {
					problems = append(problems, Problem{token.Position{Filename: name, Line: 1}, err.Error()})
				}
				sources[name] = true
				continue
			}
			_, is := tagged(constraintOf(f))
			if !is {
				for _, d := range f.Decls {
					if fd, ok := d.(*ast.FuncDecl); ok && directive(fd.Doc) != nil {
						problems = append(problems, Problem{fset.Position(fd.Pos()), "a straight-line function stands in a file without the tag: put `//go:build " + Tag + "` at the head of a file of its own, and the function there"})
					}
				}
				continue
			}
			if hasCgo(f) {
				problems = append(problems, Problem{fset.Position(f.Pos()), `a source must not import "C": call it from another file`})
				continue
			}
			sources[name] = true
			here = append(here, parsed{name, fset, f})
		}
		for _, h := range here {
			overlay[outputName(h.name)] = stub(h.fset, h.file, generics)
		}
	}
	for name, source := range made {
		if !sources[source] {
			problems = append(problems, Problem{token.Position{Filename: name, Line: 1}, filepath.Base(source) + " is gone, or has no straight-line functions any more: delete this file, which was made from it"})
		}
	}
	if len(problems) > 0 {
		problems.sort()
		return nil, problems
	}
	if len(sources) == 0 {
		return nil, nil
	}
	full := &packages.Config{
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedSyntax | packages.NeedTypes |
			packages.NeedTypesInfo | packages.NeedTypesSizes | packages.NeedImports | packages.NeedExportFile | packages.NeedModule,
		Dir: cfg.Dir, Env: cfg.Env, BuildFlags: flags, Tests: true, Overlay: overlay, Fset: token.NewFileSet(),
	}
	loaded, err := packages.Load(full, cfg.Patterns...)
	if err != nil {
		return nil, err
	}
	var units []*unit
	done := map[string]bool{}
	// A package with its tests comes before the same without, so that it is taken.
	sort.SliceStable(loaded, func(i, j int) bool { return len(loaded[i].CompiledGoFiles) > len(loaded[j].CompiledGoFiles) })
	for _, p := range loaded {
		u := &unit{Package: p}
		for i, f := range p.Syntax {
			name := p.CompiledGoFiles[i]
			if !sources[name] || done[name] {
				continue
			}
			done[name] = true
			text, ok := cfg.Overlay[name]
			if !ok {
				if text, err = os.ReadFile(name); err != nil {
					return nil, err
				}
			}
			u.sources = append(u.sources, &source{file: f, name: name, output: outputName(name), lines: text})
		}
		if len(u.sources) == 0 {
			continue
		}
		isTest := func(name string) bool { return strings.HasSuffix(name, "_test.go") }
		inTests := slices.ContainsFunc(u.sources, func(s *source) bool { return isTest(s.name) })
		for _, e := range told(p.Errors) {
			switch {
			case sources[e.Pos.Filename] || e.Pos.Filename == "":
				problems = append(problems, e)
			case slices.ContainsFunc(u.sources, func(s *source) bool { return s.output == e.Pos.Filename }): // what stands in for an output is nobody's text
			case inTests || !isTest(e.Pos.Filename): // else no source depends on it
				u.outside = append(u.outside, e)
			}
		}
		units = append(units, u)
	}
	if len(problems) > 0 {
		problems.sort()
		return nil, problems
	}
	sort.Slice(units, func(i, j int) bool { return units[i].ID < units[j].ID })
	return units, nil
}

// told returns what is wrong with a package, each once: the go command says with its own words,
// without a place, what the type checker says, too.
func told(list []packages.Error) (ps Problems) {
	var vague Problems
	for _, e := range list {
		p := Problem{position(e.Pos), e.Msg}
		if p.Pos.Filename == "" || p.Pos.Filename == "-" {
			vague = append(vague, p)
		} else {
			ps = append(ps, p)
		}
	}
	if len(ps) == 0 {
		return vague
	}
	return ps
}

func hasCgo(f *ast.File) bool {
	for _, s := range f.Imports {
		if s.Path.Value == `"C"` {
			return true
		}
	}
	return false
}

// position reads a position of go/packages.
func position(s string) (p token.Position) {
	parts := strings.Split(s, ":")
	p.Filename = parts[0]
	if len(parts) > 1 {
		fmt.Sscan(parts[1], &p.Line)
	}
	if len(parts) > 2 {
		fmt.Sscan(parts[2], &p.Column)
	}
	return p
}

// directive returns the words of a //heist:task comment, nil without one.
func directive(doc *ast.CommentGroup) []string {
	if doc == nil {
		return nil
	}
	for _, c := range doc.List {
		if rest, ok := strings.CutPrefix(c.Text, "//heist:task"); ok && (rest == "" || rest[0] == ' ') {
			return append([]string{""}, strings.Fields(rest)...)
		}
	}
	return nil
}
