package rules

import (
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
	for _, name := range slices.Concat(staying, later, remembering, starters, stoppers) {
		if pkg, _, _ := strings.Cut(name, "."); !there[name] && known[pkg] {
			t.Errorf("the library has no %s", name)
		}
	}
}
