// Package rules has the analyzers of heistvet. Each rule is a file: its mistake, what
// that does at run time, and the code that finds it. They share
//
//   - [ops]: which functions may suspend, as facts that cross packages;
//   - flow.go: the paths through a poll function;
//   - names.go: the names of the library that the rules know;
//   - this file: whom they apply to, and how one is silenced.
//
// A rule that would cry wolf is no use. So where a rule cannot know, it is silent: a call
// through an interface, state in a local variable, a condition that it does not understand.
package rules

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"path/filepath"
	"regexp"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// All are the rules: each file adds its own.
var All []*analysis.Analyzer

// check is one run of one rule over one package.
type check struct {
	*analysis.Pass
	*ops
	ignores map[line]*ignore
}

// rule makes an analyzer. doc begins with a line that says what is found.
func rule(name, doc string, run func(*check)) *analysis.Analyzer {
	a := &analysis.Analyzer{
		Name:     name,
		Doc:      doc,
		URL:      "https://github.com/heist-go/heist/blob/main/docs/heistvet.md#" + name,
		Requires: []*analysis.Analyzer{Ops},
		Run: func(pass *analysis.Pass) (any, error) {
			c := &check{Pass: pass, ops: pass.ResultOf[Ops].(*ops)}
			if !c.concerned {
				return nil, nil
			}
			c.ignores = c.readIgnores()
			run(c)
			c.unused()
			return nil, nil
		},
	}
	All = append(All, a)
	return a
}

// exempt reports whether the rules leave a file alone. The packages task, pool and reactor are
// what makes a poll. The tests of the library call its operations as no task should, to see
// what becomes of it; but what they show as an example is looked at.
func (c *check) exempt(file string) bool {
	switch base := filepath.Base(file); {
	case !library(c.Pkg) || strings.HasPrefix(base, "example"):
		return false
	case strings.HasSuffix(base, "_test.go"):
		return true
	}
	path := c.Pkg.Path()
	return path == module+"/task" || path == module+"/pool" || path == module+"/reactor"
}

// ---- reporting ---------------------------------------------------------------

// report reports a finding, unless a comment silences it.
func (c *check) report(at ast.Node, format string, args ...any) {
	c.fix(at, nil, format, args...)
}

// fix reports a finding with the edits that correct it.
func (c *check) fix(at ast.Node, edits []analysis.TextEdit, format string, args ...any) {
	where := c.Fset.Position(at.Pos())
	if c.exempt(where.Filename) {
		return
	}
	if i := c.ignores[line{where.Filename, where.Line}]; i != nil {
		i.used = true
		return
	}
	d := analysis.Diagnostic{Pos: at.Pos(), End: at.End(), Message: fmt.Sprintf(format, args...) + " (" + c.Analyzer.Name + ")"}
	if edits != nil {
		d.SuggestedFixes = []analysis.SuggestedFix{{Message: d.Message, TextEdits: edits}}
	}
	c.Report(d)
}

// name returns what a wait is called in a finding.
func (c *check) name(w *wait) string { return types.ExprString(w.Fun) }

// test reports whether n is in a test.
func (c *check) test(n ast.Node) bool {
	return strings.HasSuffix(c.Fset.Position(n.Pos()).Filename, "_test.go")
}

// ---- silence -----------------------------------------------------------------

type line struct {
	file string
	n    int
}

// ignore is a comment that silences the rule.
type ignore struct {
	at   token.Pos
	used bool
}

var directive = regexp.MustCompile(`^//heistvet:ignore(?:\s+([a-z]+))?(?::\s*(\S.*))?`)

// readIgnores finds the lines that are silenced for this rule, by a comment at the end, or one
// that has the line before for itself:
//
//	//heistvet:ignore rule: reason
func (c *check) readIgnores() map[line]*ignore {
	found := map[line]*ignore{}
	for _, f := range c.Files {
		if c.exempt(c.Fset.Position(f.Pos()).Filename) {
			continue
		}
		for _, group := range f.Comments {
			for _, comment := range group.List {
				m := directive.FindStringSubmatch(comment.Text)
				switch {
				case m == nil || m[1] != c.Analyzer.Name && known(m[1]):
				case m[1] == c.Analyzer.Name && m[2] != "":
					at := c.Fset.Position(comment.Pos())
					if !c.codeAt(f, at.Line) {
						at.Line++
					}
					found[line{at.Filename, at.Line}] = &ignore{at: comment.Pos()}
				case m[1] == c.Analyzer.Name || c.Analyzer == All[0]: // nobody's comment: one of the rules says so
					c.Reportf(comment.Pos(), "say which rule is silenced, and why: //heistvet:ignore rule: reason")
				}
			}
		}
	}
	return found
}

// codeAt reports whether something other than a comment begins or ends on a line.
func (c *check) codeAt(f *ast.File, line int) (is bool) {
	ast.Inspect(f, func(n ast.Node) bool {
		switch n.(type) {
		case nil, *ast.Comment, *ast.CommentGroup:
			return false
		}
		is = is || c.Fset.Position(n.Pos()).Line == line || c.Fset.Position(n.End()).Line == line
		return !is
	})
	return is
}

// unused reports comments that silence nothing.
func (c *check) unused() {
	for _, i := range c.ignores {
		if !i.used {
			c.Reportf(i.at, "there is nothing to ignore here")
		}
	}
}

func known(name string) bool {
	for _, a := range All {
		if a.Name == name {
			return true
		}
	}
	return false
}
