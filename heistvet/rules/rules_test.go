package rules

import (
	"go/ast"
	"go/types"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/analysistest"
	"golang.org/x/tools/go/packages"
)

// testdata is a module by itself, beside the workspace.
func TestMain(m *testing.M) {
	if err := os.Setenv("GOWORK", "off"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// Each rule has its mistakes in a package of testdata, a module that uses the library
// around it. What is written out there is found, and nothing else. In right there is code
// about which no rule says anything.
func TestRules(t *testing.T) {
	patterns := []string{"./ignore", "./right"}
	for _, a := range All {
		patterns = append(patterns, "./"+a.Name)
	}
	analysistest.RunWithSuggestedFixes(t, analysistest.TestData(), mistakes, patterns...)
}

// mistakes is all the rules, each in the package of its name, and in right: so everything is
// loaded once.
var mistakes = &analysis.Analyzer{
	Name:     "mistakes",
	Doc:      "mistakes runs a rule",
	Requires: []*analysis.Analyzer{Ops},
	Run: func(pass *analysis.Pass) (any, error) {
		for _, a := range All {
			of := pass.Pkg.Name()
			if of != a.Name && of != "right" && (of != "ignore" || a != TimeNow) {
				continue
			}
			its := *pass
			its.Analyzer = a
			if _, err := a.Run(&its); err != nil {
				return nil, err
			}
		}
		return nil, nil
	},
}

// What may suspend is told to other packages.
func TestOps(t *testing.T) {
	analysistest.Run(t, analysistest.TestData(), Ops, "./ops")
}

// A rule that knows a name which the library does not have any more is silent for ever.
func TestNames(t *testing.T) {
	cfg := &packages.Config{Mode: packages.NeedName | packages.NeedTypes | packages.NeedExportFile | packages.NeedImports, Dir: analysistest.TestData()}
	pkgs, err := packages.Load(cfg, module+"/task/...", module+"/pool/...", module+"/reactor/...")
	if err != nil {
		t.Fatal(err)
	}
	there, known := map[string]bool{}, map[string]bool{}
	for _, p := range pkgs {
		known[strings.TrimPrefix(p.PkgPath, module+"/")] = true
		scope := p.Types.Scope()
		for _, name := range scope.Names() {
			obj := scope.Lookup(name)
			there[nameOf(obj)] = true
			if n, ok := obj.Type().(*types.Named); ok {
				for m := range n.Methods() {
					there[nameOf(m)] = true
				}
			}
		}
	}
	for _, name := range slices.Concat(later, remembering, starters, stoppers) {
		if pkg, _, _ := strings.Cut(name, "."); !there[name] && known[pkg] {
			t.Errorf("the library has no %s", name)
		}
	}
}

// A mark is the author's word. Each of the library's stands here, so that none is lost with a comment
// that somebody rewrites, and none comes unseen.
func TestMarks(t *testing.T) {
	want := map[string]string{
		"sticky": `
			reactor.Conn.Flush
			reactor.Serve
			reactor.Source.Wait
			task.Cx.Spend
			task.Cx.Suspend
			task.Cx.Yield
			task.Frame.Wait
			task.Group.Wait
			task.Handle.Wait
			task.Promise.Wait
			task.Seq.Run
			task.Timer.Wait
			task.WaitSet.Wait
			task.WaitSet.WaitFor
			task/bridge.Context.Done
			task/bridge.Goroutines.Wait
			task/lock.Event.Wait
			task/lock.Notify.WaitPast
			task/lock.Once.Do
			task/lock.OnceValue.Get
			task/lock.Permit.Acquire
			task/stream.Fold
			task/stream.Stream.Close
			task/stream.Stream.Collect
			task/stream.Stream.ForEach
			task/stream.Stream.Peek
			task/stream.Stream.Send`,
		"lent": `
			reactor.Conn.Next
			reactor.Conn.ReadUntil
			task.Cx.Scratch`,
		"keeps": `
			reactor.Conn.Post
			task.DelayQueue.Add
			task.Promise.Resolve
			task/chans.Broadcast.Send
			task/chans.Chan.Send
			task/chans.Chan.TrySend
			task/chans.Mailbox.Send
			task/chans.Mailbox.TrySend
			task/chans.NewWatch
			task/chans.Oneshot.Send
			task/chans.Permit.Send
			task/chans.Watch.Set
			task/stream.Sender.Send`,
	}
	cfg := &packages.Config{Mode: packages.LoadSyntax, Dir: analysistest.TestData()}
	pkgs, err := packages.Load(cfg, module+"/task/...", module+"/pool/...", module+"/reactor/...")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	for _, p := range pkgs {
		eachMarked(p.Syntax, p.TypesInfo, func(obj *types.Func, doc *ast.CommentGroup) {
			m := marksIn(doc, obj.Signature(), func(at *ast.Comment, why string) {
				t.Errorf("%s: %s: %s", p.Fset.Position(at.Pos()), at.Text, why)
			})
			for name, one := range markNames {
				if m.has(one) {
					got[name] = append(got[name], nameOf(obj))
				}
			}
		})
	}
	for name, m := range libraryMarks {
		if !slices.ContainsFunc([]string{"sticky", "lent", "keeps"}, func(mark string) bool { return markNames[mark] == m && slices.Contains(got[mark], name) }) {
			t.Errorf("libraryMarks has %s, which the library has not", name)
		}
	}
	if n := len(got["sticky"]) + len(got["lent"]) + len(got["keeps"]); n != len(libraryMarks) {
		t.Errorf("libraryMarks has %d of the library's %d", len(libraryMarks), n)
	}
	for name, list := range want {
		slices.Sort(got[name])
		if want := strings.Fields(list); !slices.Equal(got[name], want) {
			t.Errorf("//heist:%s stands at\n\t%s\nand not at\n\t%s", name, strings.Join(got[name], "\n\t"), strings.Join(want, "\n\t"))
		}
	}
}
